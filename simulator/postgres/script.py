"""What psql does to a script before it runs: variables put in, branches by \\if left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.postgres import lexer

if TYPE_CHECKING:
    from simulator.postgres.client import Client, Piece

_VARIABLE = re.compile(r""":(?:'(\w+)'|"(\w+)"|(\w+))""")
MOST_TEXT = 200_000
TRUE, FALSE = ("true", "t", "on", "1", "yes", "y"), ("false", "f", "off", "0", "no", "n")
BRANCHES = ("\\if", "\\elif", "\\else", "\\endif")


def interpolated(client: Client, text: str) -> str:
    """`:name`, `:'name'` and `:"name"` outside quotes by their values; what is not set stays as it is."""
    if not client.variables or ":" not in text:
        return text
    out, at, start = "", 0, 0
    while at < len(text):
        jump = lexer.skip_quoted(text, at)
        found = (
            None if jump > at or text[at] != ":" or text[at - 1 : at] == ":" else _VARIABLE.match(text, at)
        )
        if found is not None and text[at : at + 2] != "::":
            value = _value(client, found)
            if value is not None:
                out += text[start:at] + value
                at = start = found.end()
                continue
        at = jump if jump > at else at + 1
    return (out + text[start:])[:MOST_TEXT]


def _value(client: Client, found: re.Match[str]) -> str | None:
    literal, identifier, plain = found.groups()
    value = client.variables.get(literal or identifier or plain)
    if value is None or plain:
        return value
    return "'" + value.replace("'", "''") + "'" if literal else '"' + value.replace('"', '""') + '"'


def boolean(text: str) -> bool | None:
    """A boolean as psql reads it, None for what is none."""
    word = text.strip().strip("'\"").lower()
    return True if word in TRUE else False if word in FALSE else None


def branch(client: Client, piece: Piece) -> bool:
    """Whether a piece is not for running: a branch word, or what stands in a branch that is left out."""
    word = piece.command
    if word not in BRANCHES:
        return any(state != "on" for state in client.branches)
    stack = client.branches
    if word == "\\if":
        outer = any(state != "on" for state in stack)
        stack.append("out" if outer else _test(client, piece.arguments))
    elif not stack:
        client.err += f"{word}: no matching \\if\n"
    elif word == "\\endif":
        stack.pop()
    elif word == "\\else":
        stack[-1] = {"off": "on"}.get(stack[-1], "done")
    else:
        stack[-1] = _test(client, piece.arguments) if stack[-1] == "off" else "done"
    return True


def _test(client: Client, text: str) -> str:
    found = boolean(interpolated(client, text))
    if found is None:
        client.err += f'unrecognized value "{text}" for "\\if expression": Boolean expected\n'
    return "on" if found else "off"


def end(client: Client) -> None:
    """A script is over."""
    if client.branches:
        client.branches.clear()
        client.err += "reached EOF without finding closing \\endif(s)\n"
