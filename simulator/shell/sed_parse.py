"""sed's scripts: text into commands with addresses. Runs nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import re2

from simulator.shell.patterns import Flavour, PatternError, compile_pattern

MAX_SCRIPT_CHARS = 20_000
MAX_COMMANDS = 500
MAX_BLOCKS = 12


class SedSyntaxError(ValueError):
    """What sed says about the script, behind `sed: -e expression #1, `."""


@dataclass
class Address:
    """A line number, `$` (last), a pattern, or first~step; the end of a range may be +N or ~N."""

    kind: str
    number: int = 0
    step: int = 0
    pattern: re2._Regexp | None = None


@dataclass
class Command:
    """`letter` with its addresses; `body` holds the commands of a block."""

    letter: str
    first: Address | None = None
    last: Address | None = None
    negated: bool = False
    pattern: re2._Regexp | None = None
    replacement: list[str | int] = field(default_factory=list)
    every: bool = False
    which: int = 1
    prints: bool = False
    text: str = ""
    table: dict[int, str] = field(default_factory=dict)
    body: list[Command] = field(default_factory=list)


def parse(script: str, extended: bool) -> list[Command]:
    """The commands of a script. Raises SedSyntaxError."""
    if len(script) > MAX_SCRIPT_CHARS:
        raise SedSyntaxError("char 1: script too long")
    return _Parser(script, extended).commands(0)


class _Parser:
    def __init__(self, script: str, extended: bool) -> None:
        self.script, self.at, self.count = script, 0, 0
        self.flavour: Flavour = "extended" if extended else "basic"
        self.previous: re2._Regexp | None = None  # what an empty pattern stands for

    def wrong(self, text: str) -> SedSyntaxError:
        return SedSyntaxError(f"char {self.at}: {text}")

    def peek(self) -> str:
        return self.script[self.at : self.at + 1]

    def blanks(self, more: str = "") -> None:
        while self.peek() and self.peek() in " \t" + more:
            self.at += 1

    def commands(self, depth: int) -> list[Command]:
        found: list[Command] = []
        while True:
            self.blanks(";\n")
            if not self.peek():
                if depth:
                    raise SedSyntaxError("char 0: unmatched `{'")
                return found
            if self.peek() == "}":
                self.at += 1
                if not depth:
                    raise self.wrong("unexpected `}'")
                return found
            if self.peek() == "#":
                end = self.script.find("\n", self.at)
                self.at = len(self.script) if end < 0 else end
                continue
            found.append(self.command(depth))

    def command(self, depth: int) -> Command:
        self.count += 1
        if self.count > MAX_COMMANDS or depth > MAX_BLOCKS:
            raise self.wrong("script too long")
        first = self.address()
        last: Address | None = None
        self.blanks()
        if first is not None and self.peek() == ",":
            self.at += 1
            self.blanks()
            last = self.address(range_end=True)
            if last is None:
                self.at += 1
                raise self.wrong("unexpected `,'")
        self.blanks()
        negated = False
        while self.peek() == "!":
            negated = True
            self.at += 1
            self.blanks()
        letter = self.peek()
        self.at += 1
        if not letter or letter in "\n;":
            raise self.wrong("missing command")
        command = Command(letter, first, last, negated)
        self.details(command, depth)
        return command

    def details(self, command: Command, depth: int) -> None:
        letter = command.letter
        if letter == "{":
            command.body = self.commands(depth + 1)
        elif letter == "s":
            self.substitution(command)
        elif letter == "y":
            self.transliteration(command)
        elif letter in "aic":
            self.text(command)
        elif letter in "qQ":
            self.blanks()
            begin = self.at
            while self.peek().isdigit():
                self.at += 1
            command.which = int(self.script[begin : self.at][:3] or "0")
        elif letter in "btT:":
            raise self.wrong("labels and branches are not available here: use awk")
        elif letter in "rRwW":
            raise self.wrong("files inside a script are not available here: use the shell's < and >")
        elif letter not in "pdnNDPhHgGxl=z":
            raise self.wrong(f"unknown command: `{letter}'")
        if letter not in "{aic":
            self.finish()

    def finish(self) -> None:
        self.blanks()
        if self.peek() and self.peek() not in ";\n}#":
            self.at += 1
            raise self.wrong("extra characters after command")

    def address(self, range_end: bool = False) -> Address | None:
        char = self.peek()
        if char.isascii() and char.isdigit():
            number = self.number()
            if self.peek() == "~":
                self.at += 1
                return Address("step", number, self.number())
            if number == 0 and not range_end and self.peek() != ",":
                raise self.wrong("invalid usage of line address 0")
            return Address("line", number)
        if char == "$":
            self.at += 1
            return Address("last")
        if range_end and char in ("+", "~") and char:
            self.at += 1
            return Address("plus" if char == "+" else "multiple", self.number())
        if char in ("/", "\\"):
            self.at += 1 if char == "/" else 2
            mark = self.script[self.at - 1 : self.at]
            source = self.until(mark, "unterminated address regex")
            ignore = self.peek() == "I"
            self.at += ignore
            return Address("pattern", pattern=self.compile(source, ignore))
        return None

    def number(self) -> int:
        begin = self.at
        while self.peek().isascii() and self.peek().isdigit():
            self.at += 1
        return min(int(self.script[begin : self.at][:12] or "0"), 10**9)

    def until(self, mark: str, complaint: str, keep_escapes: bool = True) -> str:
        """Text up to an unescaped `mark`; an escaped mark loses its backslash, others keep it."""
        out: list[str] = []
        bracket = False
        while self.at < len(self.script):
            char = self.script[self.at]
            self.at += 1
            if char == "\\" and self.at < len(self.script):
                following = self.script[self.at]
                self.at += 1
                out.append(following if following == mark and mark not in "|" else "\\" + following)
                continue
            if char == mark and not bracket:
                return "".join(out)
            if keep_escapes and char == "[" and not bracket:
                bracket = True
            elif char == "]" and bracket and out[-1:] not in (["["], ["^"]):
                bracket = False
            out.append(char)
        raise self.wrong(complaint)

    def compile(self, source: str, ignore_case: bool) -> re2._Regexp:
        if not source:
            if self.previous is None:
                raise self.wrong("no previous regular expression")
            return self.previous
        try:
            self.previous = compile_pattern(source, self.flavour, ignore_case)
        except PatternError as error:
            raise self.wrong(str(error)) from None
        return self.previous

    def substitution(self, command: Command) -> None:
        mark = self.peek()
        self.at += 1
        if not mark or mark in "\\\n":
            raise self.wrong("unterminated `s' command")
        source = self.until(mark, "unterminated `s' command")
        replacement = self.until(mark, "unterminated `s' command", keep_escapes=False)
        flags = ""
        while self.peek() and self.peek() not in " ;\n}#":
            flags += self.peek()
            self.at += 1
        digits = "".join(c for c in flags if c.isascii() and c.isdigit())
        if any(c not in "gpiIeMm" and not c.isdigit() for c in flags) or len(digits) > 6:
            raise self.wrong("unknown option to `s'")
        if "e" in flags:
            raise self.wrong("e is not available here")
        if digits and int(digits) == 0:
            raise self.wrong("number option to `s' command may not be zero")
        command.pattern = self.compile(source, "i" in flags or "I" in flags)
        command.replacement = self.template(replacement, command.pattern.groups)
        command.every, command.prints, command.which = "g" in flags, "p" in flags, int(digits or "1")

    def template(self, text: str, groups: int) -> list[str | int]:
        """Texts and group numbers (0 is the whole match); \\U \\L \\E \\u \\l stay as marks."""
        out: list[str | int] = []
        at = 0
        while at < len(text):
            char = text[at]
            at += 1
            if char == "&":
                out.append(0)
            elif char == "\\" and at < len(text):
                char = text[at]
                at += 1
                if char.isascii() and char.isdigit():
                    if int(char) > groups:
                        raise self.wrong(f"invalid reference \\{char} on `s' command's RHS")
                    out.append(int(char))
                elif char in "ULElu":
                    out.append("\\" + char)
                else:
                    out.append({"n": "\n", "t": "\t", "r": "\r"}.get(char, char))
            else:
                out.append(char)
        return out

    def transliteration(self, command: Command) -> None:
        mark = self.peek()
        self.at += 1
        complaint = "unterminated `y' command"
        if not mark:
            raise self.wrong(complaint)
        left = _plain(self.until(mark, complaint, keep_escapes=False))
        right = _plain(self.until(mark, complaint, keep_escapes=False))
        if len(left) != len(right):
            raise self.wrong("strings for `y' command are different lengths")
        command.table = {ord(a): b for a, b in zip(left, right, strict=True)}

    def text(self, command: Command) -> None:
        """The text of a, i and c: the rest of the line."""
        self.blanks()
        if self.script.startswith("\\", self.at):
            self.at += 1
            self.blanks("\n")
        end = self.script.find("\n", self.at)
        end = len(self.script) if end < 0 else end
        command.text = _plain(self.script[self.at : end])
        self.at = end
        if not command.text:
            raise self.wrong("expected \\ after `a', `c' or `i'")


def _plain(text: str) -> str:
    out, at = [], 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            out.append({"n": "\n", "t": "\t"}.get(text[at + 1], text[at + 1]))
            at += 2
        else:
            out.append(text[at])
            at += 1
    return "".join(out)
