"""A line of shell into words and operators. Knows quoting, not grammar and not expansion."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.shell.syntax import Part, ShellSyntaxError, Word

MAX_LINE_CHARS = 100_000
MAX_NESTING = 8  # of quotes and substitutions inside one another while looking for the closing one
_OPERATORS = (
    "<<<",
    "&>>",
    "<<-",
    "2>&1",
    "1>&2",
    ">>",
    "<<",
    ">&",
    "&>",
    "&&",
    "||",
    "|&",
    ";;",
    ">|",
    "|",
    "&",
    ";",
    "(",
    ")",
    "<",
    ">",
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}
_NAME_START = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_NAME = _NAME_START | frozenset("0123456789")


@dataclass(frozen=True)
class Token:
    """A word, or an operator; `stream` is the digit written right before a redirect (`2>`)."""

    operator: str = ""
    word: Word | None = None
    stream: int | None = None

    @property
    def shown(self) -> str:
        """How bash quotes the token in a syntax error."""
        if self.word is None:
            return "newline" if self.operator == "\n" else self.operator
        return "".join(part.text for part in self.word.parts)


def tokens(line: str) -> list[Token]:
    """Split a line. Raises ShellSyntaxError."""
    if len(line) > MAX_LINE_CHARS:
        raise ShellSyntaxError(f"line too long ({len(line)} characters; at most {MAX_LINE_CHARS})")
    return _Lexer(line).run()


def unclosed(mark: str) -> ShellSyntaxError:
    return ShellSyntaxError(f"unexpected EOF while looking for matching `{mark}'")


class _Lexer:
    def __init__(self, line: str) -> None:
        self.line, self.at = line, 0
        self.found: list[Token] = []

    def run(self) -> list[Token]:
        line = self.line
        while self.at < len(line):
            char = line[self.at]
            if char in " \t\r":
                self.at += 1
            elif line.startswith("\\\n", self.at):
                self.at += 2
            elif char == "#":
                end = line.find("\n", self.at)
                self.at = len(line) if end < 0 else end
            elif char == "\n":
                self.found.append(Token("\n"))
                self.at += 1
            elif not self._operator():
                self.found.append(Token(word=self._word()))
        return self.found

    def _operator(self) -> bool:
        line, at = self.line, self.at
        stream = None
        if (
            line[at] in "012"
            and line[at + 1 : at + 2] in ("<", ">")
            and line[at + 1 : at + 3] not in ("<(", ">(")
        ):
            stream, at = int(line[at]), at + 1
        if line.startswith(("<(", ">("), at):
            return False
        for operator in _OPERATORS:
            if operator[0] not in "12" and line.startswith(operator, at):
                self.found.append(Token(operator, stream=stream))
                self.at = at + len(operator)
                return True
        return False

    def _word(self) -> Word:
        parts: list[Part] = []
        plain: list[str] = []

        def flush() -> None:
            if plain:
                parts.append(Part("text", "".join(plain)))
                plain.clear()

        line = self.line
        while self.at < len(line):
            char = line[self.at]
            if char in " \t\r\n|&;()<>":
                if char in "<>" and line.startswith("(", self.at + 1) and not plain and not parts:
                    self.at += 1
                    parts.append(Part("process", self._parenthesised(), quoted=True))
                    continue
                break
            if char == "\\":
                flush()
                self.at += 2
                if line[self.at - 1 : self.at] != "\n":
                    parts.append(Part("text", line[self.at - 1 : self.at] or "\\", quoted=True))
            elif char == "'":
                flush()
                parts.append(Part("text", self._single(), quoted=True))
            elif char == '"':
                flush()
                parts += self._double()
            elif line.startswith("$'", self.at):
                flush()
                parts.append(Part("text", self._ansi(), quoted=True))
            elif char in "$`":
                flush()
                parts.append(self._dollar(quoted=False))
            else:
                plain.append(char)
                self.at += 1
        flush()
        return Word(tuple(parts))

    def _single(self) -> str:
        end = self.line.find("'", self.at + 1)
        if end < 0:
            raise unclosed("'")
        text = self.line[self.at + 1 : end]
        self.at = end + 1
        return text

    def _ansi(self) -> str:
        out: list[str] = []
        self.at += 2
        while self.at < len(self.line):
            char = self.line[self.at]
            self.at += 1
            if char == "'":
                return "".join(out)
            if char == "\\" and self.at < len(self.line):
                char = self.line[self.at]
                self.at += 1
                if char in "xu":
                    char = self._hex(char, 2 if char == "x" else 4)
                else:
                    char = _ESCAPES.get(char, char if char in "\\'\"?" else "\\" + char)
            out.append(char)
        raise unclosed("'")

    def _hex(self, letter: str, width: int) -> str:
        begin = self.at
        while self.at < min(len(self.line), begin + width) and self.line[self.at] in "0123456789abcdefABCDEF":
            self.at += 1
        code = int(self.line[begin : self.at] or "0", 16)
        if self.at == begin:
            return "\\" + letter
        return chr(code) if code and not 0xD800 <= code <= 0xDFFF else ""

    def _double(self) -> list[Part]:
        parts: list[Part] = []
        text: list[str] = []
        self.at += 1
        while self.at < len(self.line):
            char = self.line[self.at]
            if char == '"':
                self.at += 1
                if text or not parts:
                    parts.append(Part("text", "".join(text), quoted=True))
                return parts
            if char == "\\" and self.line[self.at + 1 : self.at + 2] in ("$", "`", '"', "\\", "\n"):
                text.append("" if self.line[self.at + 1] == "\n" else self.line[self.at + 1])
                self.at += 2
            elif char in "$`":
                parts.append(Part("text", "".join(text), quoted=True))
                text.clear()
                parts.append(self._dollar(quoted=True))
            else:
                text.append(char)
                self.at += 1
        raise unclosed('"')

    def _dollar(self, quoted: bool) -> Part:
        line, at = self.line, self.at
        if line[at] == "`":
            end = at + 1
            while end < len(line) and line[end] != "`":
                end += 2 if line[end] == "\\" else 1
            if end >= len(line):
                raise unclosed("`")
            self.at = end + 1
            return Part("command", line[at + 1 : end].replace("\\`", "`"), quoted)
        following = line[at + 1 : at + 2]
        if following == "(":
            self.at += 1
            inner = self._parenthesised()
            if inner.startswith("(") and inner.endswith(")"):
                return Part("arithmetic", inner[1:-1], quoted)
            return Part("command", inner, quoted)
        if following == "{":
            end = line.find("}", at)
            if end < 0:
                raise unclosed("}")
            self.at = end + 1
            return Part("variable", line[at + 2 : end], quoted)
        if following and following in "?$#!@*-0123456789":
            self.at += 2
            return Part("variable", following, quoted)
        end = at + 1
        if following in _NAME_START:
            while end < len(line) and line[end] in _NAME:
                end += 1
        self.at = end
        if end == at + 1:
            return Part("text", "$", quoted)
        return Part("variable", line[at + 1 : end], quoted)

    def _parenthesised(self) -> str:
        """The source between the parenthesis at `at` and its partner; moves behind it."""
        begin = self.at + 1
        self.at = _closing(self.line, begin, 0)
        return self.line[begin : self.at - 1]


def _closing(line: str, at: int, nesting: int) -> int:
    """The index behind the parenthesis that closes the one before `at`, quotes respected."""
    if nesting > MAX_NESTING:
        raise ShellSyntaxError("substitutions nested too deeply")
    depth = 1
    while at < len(line):
        char = line[at]
        if char == "\\":
            at += 2
            continue
        if char == "'":
            at = line.find("'", at + 1)
            if at < 0:
                raise unclosed("'")
        elif char == '"':
            at = _closing_quote(line, at + 1, nesting + 1)
            continue
        elif char in "()":
            depth += 1 if char == "(" else -1
            if not depth:
                return at + 1
        at += 1
    raise unclosed(")")


def _closing_quote(line: str, at: int, nesting: int) -> int:
    """The index behind the double quote that closes the one before `at`."""
    while at < len(line):
        if line[at] == "\\":
            at += 2
        elif line[at] == '"':
            return at + 1
        elif line.startswith("$(", at):
            at = _closing(line, at + 2, nesting + 1)
        else:
            at += 1
    raise unclosed('"')
