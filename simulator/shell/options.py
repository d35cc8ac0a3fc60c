"""Reading a tool's options the way GNU getopt does, with its error texts. Knows no tool."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.reply import Reply, failure

if TYPE_CHECKING:
    from simulator.world import World


class ToolError(Exception):
    """The player's mistake: what the real tool prints on standard error, and its exit code.

    `out` is what the tool had already printed before it failed.
    """

    def __init__(self, text: str, code: int = 1, out: str = "") -> None:
        super().__init__(text)
        self.text, self.code, self.out = text, code, out


class HelpAsked(Exception):
    """`--help` among the options: the caller answers with the tool's own short usage."""


@dataclass(frozen=True)
class Grammar:
    """Which options a tool takes: `flags` stand alone, `values` take an argument.

    `long` maps long names to short letters. `usage` is the line some tools print before the hint;
    `number_as` is the letter that a bare `-5` means (head, tail, grep).
    """

    flags: str = ""
    values: str = ""
    long: Mapping[str, str] = field(default_factory=dict)
    usage: str = ""
    code: int = 1
    number_as: str = ""
    stop_at_operand: bool = False


@dataclass
class Parsed:
    """Options in the order given, and the operands."""

    options: list[tuple[str, str]] = field(default_factory=list)
    operands: list[str] = field(default_factory=list)

    def has(self, letters: str) -> bool:
        return any(name in letters for name, _ in self.options)

    def last(self, letter: str, default: str = "") -> str:
        return next((value for name, value in reversed(self.options) if name == letter), default)

    def all(self, letter: str) -> list[str]:
        return [value for name, value in self.options if name == letter]


def _wrong(tool: str, what: str, grammar: Grammar) -> ToolError:
    usage = f"{grammar.usage}\n" if grammar.usage else ""
    return ToolError(f"{tool}: {what}\n{usage}Try '{tool} --help' for more information.", grammar.code)


def parse(argv: list[str], grammar: Grammar) -> Parsed:
    """Split `argv` (argv[0] is the tool). Raises ToolError with GNU's text, or HelpAsked."""
    parsed, at, tool = Parsed(), 1, argv[0]
    while at < len(argv):
        word = argv[at]
        at += 1
        if word == "--":
            parsed.operands += argv[at:]
            break
        if word.startswith("--"):
            at = _long(tool, word, argv, at, grammar, parsed)
        elif word.startswith("-") and word != "-":
            at = _short(tool, word, argv, at, grammar, parsed)
        else:
            parsed.operands.append(word)
            if grammar.stop_at_operand:
                parsed.operands += argv[at:]
                break
    return parsed


def _long(tool: str, word: str, argv: list[str], at: int, grammar: Grammar, parsed: Parsed) -> int:
    name, equals, value = word[2:].partition("=")
    if name == "help":
        raise HelpAsked
    exact = [n for n in grammar.long if n == name]
    near = exact or [n for n in grammar.long if n.startswith(name)]
    if len(near) > 1 and len({grammar.long[n] for n in near}) > 1:
        raise _wrong(
            tool,
            f"option '{word}' is ambiguous; possibilities: " + " ".join(f"'--{n}'" for n in near),
            grammar,
        )
    if not near:
        raise _wrong(tool, f"unrecognized option '{word}'", grammar)
    letter = grammar.long[near[0]]
    if letter in grammar.values:
        if not equals:
            if at >= len(argv):
                raise _wrong(tool, f"option '--{near[0]}' requires an argument", grammar)
            value, at = argv[at], at + 1
    elif equals and letter:
        raise _wrong(tool, f"option '--{near[0]}' doesn't allow an argument", grammar)
    parsed.options.append((letter, value))
    return at


def _short(tool: str, word: str, argv: list[str], at: int, grammar: Grammar, parsed: Parsed) -> int:
    if grammar.number_as and word[1:].isascii() and word[1:].isdigit():
        parsed.options.append((grammar.number_as, word[1:]))
        return at
    for index in range(1, len(word)):
        letter = word[index]
        if grammar.number_as and letter.isascii() and letter.isdigit():  # `-n5`: the digits are one number
            digits = word[index:] if word[index:].isdigit() else letter
            parsed.options.append((grammar.number_as, digits))
            if digits != letter:
                return at
            continue
        if letter in grammar.values:
            value = word[index + 1 :]
            if not value:
                if at >= len(argv):
                    raise _wrong(tool, f"option requires an argument -- '{letter}'", grammar)
                value, at = argv[at], at + 1
            parsed.options.append((letter, value))
            return at
        if letter not in grammar.flags:
            raise _wrong(tool, f"invalid option -- '{letter}'", grammar)
        parsed.options.append((letter, ""))
    return at


def number(text: str, wrong: str, low: int = 0, high: int = 10**9) -> int:
    """A decimal number within bounds; `wrong` is the tool's complaint. Raises ToolError."""
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise ToolError(wrong)
    return max(low, min(int(text), high))


Run = Callable[["World", list[str], str], Reply]


def answers(run: Run) -> Run:
    """Turn a tool's ToolError into its Reply; every other exception is a bug and stays one."""

    @functools.wraps(run)
    def wrapped(world: World, argv: list[str], stdin: str) -> Reply:
        try:
            return run(world, argv, stdin)
        except ToolError as error:
            reply = failure(error.text, error.code)
            return Reply(out=error.out, err=reply.err, code=reply.code)
        except HelpAsked:
            return Reply(out=f"Usage: {argv[0]} [OPTION]...  (see: man {argv[0]})\n")

    return wrapped
