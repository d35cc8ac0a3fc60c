"""awk's tokens. The only rule that needs context: a slash begins a pattern unless it divides."""

from __future__ import annotations

from dataclasses import dataclass

import re2

KEYWORDS = frozenset(
    [
        "BEGIN",
        "END",
        "if",
        "else",
        "while",
        "for",
        "do",
        "break",
        "continue",
        "next",
        "nextfile",
        "exit",
        "delete",
        "in",
        "print",
        "printf",
        "getline",
        "function",
        "func",
        "return",
        "switch",
    ]
)
FUNCTIONS: dict[str, tuple[int, int]] = {  # name: fewest and most arguments
    "length": (0, 1),
    "substr": (2, 3),
    "index": (2, 2),
    "split": (2, 3),
    "sub": (2, 3),
    "gsub": (2, 3),
    "gensub": (3, 4),
    "match": (2, 2),
    "sprintf": (1, 999),
    "sin": (1, 1),
    "cos": (1, 1),
    "atan2": (2, 2),
    "exp": (1, 1),
    "log": (1, 1),
    "sqrt": (1, 1),
    "int": (1, 1),
    "rand": (0, 0),
    "srand": (0, 1),
    "tolower": (1, 1),
    "toupper": (1, 1),
    "system": (1, 1),
    "systime": (0, 0),
    "strftime": (0, 2),
    "fflush": (0, 1),
    "close": (1, 1),
}
_NUMBER = re2.compile(r"^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?")
_NAME = re2.compile(r"^[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = (
    "**=", "^=", "**", "+=", "-=", "*=", "/=", "%=", "==", "<=", ">=", "!=", "++", "--", "&&", "||", ">>",
    "!~", "{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", ">", "<", "|", "?", ":",
    "~", "$", "=",
)  # fmt: skip
_STRING_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "/": "/",
    '"': '"',
    "\\": "\\",
}
_MAX_PROGRAM = 20_000


class AwkSyntaxError(ValueError):
    """What mawk says about the program, behind `awk: `."""


@dataclass(frozen=True)
class AwkToken:
    """`kind`: number, string, pattern, name, function, keyword, operator, newline, end."""

    kind: str
    text: str
    line: int = 1


def tokens(program: str) -> list[AwkToken]:
    """Split a program. Raises AwkSyntaxError."""
    if len(program) > _MAX_PROGRAM:
        raise AwkSyntaxError("line 1: program too long")
    found: list[AwkToken] = []
    at, line = 0, 1
    while at < len(program):
        char = program[at]
        if char in " \t\r":
            at += 1
        elif char == "\\" and program[at + 1 : at + 2] == "\n":
            at, line = at + 2, line + 1
        elif char == "\n":
            found.append(AwkToken("newline", "\n", line))
            at, line = at + 1, line + 1
        elif char == "#":
            end = program.find("\n", at)
            at = len(program) if end < 0 else end
        else:
            token, at = _token(program, at, line, found)
            found.append(token)
    return [*found, AwkToken("end", "end of line", line)]


def _token(program: str, at: int, line: int, found: list[AwkToken]) -> tuple[AwkToken, int]:
    char = program[at]
    if char == '"':
        text, at = _string(program, at + 1, line)
        return AwkToken("string", text, line), at
    if char == "/" and not _divides(found):
        text, at = _pattern(program, at + 1, line)
        return AwkToken("pattern", text, line), at
    if char.isascii() and (
        char.isdigit() or (char == "." and program[at + 1 : at + 2] in tuple("0123456789"))
    ):
        match = _NUMBER.match(program[at : at + 400])
        assert match is not None  # guarded by the test above
        return AwkToken("number", match[0], line), at + match.end()
    match = _NAME.match(program[at : at + 400])
    if match:
        name = match[0]
        kind = "keyword" if name in KEYWORDS else "function" if name in FUNCTIONS else "name"
        return AwkToken(kind, name, line), at + len(name)
    for operator in _OPERATORS:
        if program.startswith(operator, at):
            normal = {"**": "^", "**=": "^="}.get(operator, operator)
            return AwkToken("operator", normal, line), at + len(operator)
    raise AwkSyntaxError(f"{line}: unexpected character '{char}'")


def _divides(found: list[AwkToken]) -> bool:
    if not found:
        return False
    last = found[-1]
    return last.kind in ("number", "string", "name", "pattern") or (
        (last.kind == "operator" and last.text in (")", "]", "$", "++", "--"))
        or (last.kind == "function" and last.text == "length")
    )


def _string(program: str, at: int, line: int) -> tuple[str, int]:
    begin = at
    out: list[str] = []
    while at < len(program) and program[at] != "\n":
        char = program[at]
        at += 1
        if char == '"':
            return "".join(out), at
        if char == "\\" and at < len(program):
            char = program[at]
            at += 1
            if char in "01234567":
                end = at
                while end < min(len(program), at + 2) and program[end] in "01234567":
                    end += 1
                out.append(chr(int(program[at - 1 : end], 8) & 255))
                at = end
            elif char != "\n":
                out.append(_STRING_ESCAPES.get(char, "\\" + char))
        else:
            out.append(char)
    raise AwkSyntaxError(f'line {line}: runaway string constant "{program[begin : begin + 10]} ...')


def _pattern(program: str, at: int, line: int) -> tuple[str, int]:
    begin, bracket = at, False
    out: list[str] = []
    while at < len(program) and program[at] != "\n":
        char = program[at]
        at += 1
        if char == "/" and not bracket:
            return "".join(out), at
        if char == "\\" and at < len(program):
            out.append("/" if program[at] == "/" else "\\" + program[at])
            at += 1
            continue
        if char == "[":
            bracket = True
        elif char == "]":
            bracket = False
        out.append(char)
    raise AwkSyntaxError(f"line {line}: runaway regular expression /{program[begin : begin + 10]} ...")
