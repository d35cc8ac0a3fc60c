"""jq: the command line; the language lives in jq_parse.py and jq_eval.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.reply import Reply
from simulator.scenario import Text
from simulator.shell.expand import environment
from simulator.shell.inputs import gather, lines_of
from simulator.shell.jq_eval import Engine, check
from simulator.shell.jq_parse import JqSyntaxError, Node, parse
from simulator.shell.jq_value import MAX_TEXT_CHARS, JqError, JqLimit, documents, dumps, true
from simulator.shell.options import ToolError, answers
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

_USAGE = """\
jq - commandline JSON processor [version 1.6]

Usage:	jq [options] <jq filter> [file...]
	jq [options] --args <jq filter> [strings...]
	jq [options] --jsonargs <jq filter> [JSON_TEXTS...]"""
_LONG = {
    "raw-output": "r",
    "compact-output": "c",
    "slurp": "s",
    "null-input": "n",
    "raw-input": "R",
    "exit-status": "e",
    "sort-keys": "S",
    "join-output": "j",
    "color-output": "C",
    "monochrome-output": "M",
    "ascii-output": "a",
    "tab": "t",
    "unbuffered": "u",
}


@dataclass
class _Options:
    letters: str = ""
    indent: int = 2
    variables: dict[str, Any] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


@answers
def _jq(world: World, argv: list[str], stdin: str) -> Reply:
    options = _options(argv)
    if not options.words:
        raise ToolError(_USAGE, 2)
    node = _compiled(options.words[0], options.variables)
    inputs = gather(world, "jq", options.words[1:], stdin)
    out, errors, code = _run(world, node, inputs.text, options)
    return Reply(out, "".join(inputs.errors) + errors, 2 if inputs.errors and not code else code)


def _compiled(source: str, variables: dict[str, Any]) -> Node:
    try:
        node = parse(source)
        check(node, frozenset(variables) | {"ENV", "__loc__"}, source)
    except JqSyntaxError as error:
        raise ToolError(f"jq: error: {error}\njq: 1 compile error", 3) from None
    return node


def _options(argv: list[str]) -> _Options:
    options, at = _Options(), 1
    while at < len(argv):
        word = argv[at]
        at += 1
        if word in ("--arg", "--argjson"):
            if at + 1 >= len(argv):
                raise ToolError(f"jq: {word} takes two parameters (e.g. {word} varname value)\n{_USAGE}", 2)
            options.variables[argv[at]] = _argument(word, argv[at], argv[at + 1])
            at += 2
        elif word == "--indent":
            if at >= len(argv) or not argv[at].isdigit() or int(argv[at][:3]) > 7:
                raise ToolError("jq: Cannot indent more than 7 characters", 2)
            options.indent = int(argv[at])
            at += 1
        elif word.startswith("--") and len(word) > 2:
            if word[2:] not in _LONG:
                raise ToolError(f"jq: Unknown option: {word}\n{_USAGE}", 2)
            options.letters += _LONG[word[2:]]
        elif word.startswith("-") and len(word) > 1:
            if any(letter not in "rcsnReSjCMa" for letter in word[1:]):
                raise ToolError(f"jq: Unknown option: {word}\n{_USAGE}", 2)
            options.letters += word[1:]
        else:
            options.words.append(word)
    return options


def _argument(option: str, name: str, text: str) -> Any:
    if option == "--arg":
        return text
    try:
        found = list(documents(text))
    except JqError:
        found = []
    if len(found) != 1:
        raise ToolError(f"jq: Invalid JSON text passed to --argjson\n{_USAGE}", 2)
    return found[0]


def _values(text: str, letters: str) -> Iterator[Any]:
    if "R" in letters:
        yield from [text] if "s" in letters else lines_of(text)
    elif "s" in letters:
        yield list(documents(text))
    else:
        yield from documents(text)


def _run(world: World, node: Node, text: str, options: _Options) -> tuple[str, str, int]:
    """Output, errors and exit code of the filter over all inputs."""
    letters = options.letters
    source = _values(text, letters)
    engine = Engine(world, environment(world), source)
    out: list[str] = []
    errors: list[str] = []
    code, last, size = 0, None, 0
    where = "<unknown>" if "n" in letters else f"<stdin>:{text.count(chr(10))}"
    try:
        for value in (None,) if "n" in letters else source:
            try:
                for last in engine.run(node, value, options.variables):
                    piece = _printed(last, options)
                    size += len(piece)
                    engine.burn(len(piece) >> 6)
                    if size > MAX_TEXT_CHARS:
                        raise JqLimit("the filter was stopped: too much output")
                    out.append(piece)
            except JqError as error:
                errors.append(f"jq: error (at {where}): {error.text}\n")
                code = 5
    except JqError as error:
        errors.append(f"parse error: {error.text}\n")
        code = 2
    except JqLimit as limit:
        errors.append(f"jq: error: {limit}\n")
        code = 5
    except RecursionError:  # the bounds on depth leave room for a caller's stack, but not for any
        errors.append("jq: error: the filter was stopped: nested too deeply\n")
        code = 5
    if "e" in letters and not code:
        code = (0 if true(last) else 1) if out else 4
    return "".join(out), "".join(engine.err + errors), code


def _printed(value: Any, options: _Options) -> str:
    letters = options.letters
    if isinstance(value, str) and ("r" in letters or "j" in letters):
        return value + ("" if "j" in letters else "\n")
    indent = None if "c" in letters or options.indent == 0 else options.indent
    text = dumps(value, indent, "S" in letters)
    if "a" in letters:
        text = text.encode("ascii", "backslashreplace").decode() if text.isascii() else _ascii(text)
    return text + ("" if "j" in letters else "\n")


def _ascii(text: str) -> str:
    """Characters beyond ASCII as \\u escapes, in pairs beyond the basic plane."""
    out = []
    for char in text:
        if ord(char) < 128:
            out.append(char)
            continue
        units = char.encode("utf-16-be")
        out += [f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2)]
    return "".join(out)


TOOLS: dict[str, Tool] = {
    "jq": Tool(
        "jq",
        _jq,
        Text(ru="выборки из JSON", en="queries over JSON"),
        (
            "kubectl get pods -o json | jq -r '.items[].metadata.name'",
            "jq '.items | map(select(.status.phase == \"Running\")) | length'",
            "jq -c 'group_by(.code)[] | {code: .[0].code, n: length}'",
        ),
    )
}
