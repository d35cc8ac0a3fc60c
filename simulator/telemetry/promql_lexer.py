"""PromQL's words with their places, cut as Prometheus 2.42 cuts them; a lexical error ends the list.

Only for error texts: valid queries are read by promql-parser.
"""

import math
from dataclasses import dataclass

AGGREGATORS = (
    "sum avg count min max group stddev stdvar topk bottomk count_values quantile".split()
)  # a list: order is of no matter here
NOTHING = "\ufffd"  # what Go makes of the character after the last one
_OPERATOR_WORDS = ("and", "or", "unless", "atan2")
_KEYWORDS = ("offset", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "start", "end")
_OPERATORS = ("==", "!=", "<=", ">=", "=~", "!~", "<", ">", "+", "-", "*", "/", "%", "^")
_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_UNIT_ORDER = ("y", "w", "d", "h", "m", "s", "ms")
_DIGITS = "0123456789"


@dataclass(frozen=True)
class Token:
    """A word: kind is its own text for punctuation and keywords; `number` is a number or seconds."""

    kind: str
    text: str
    start: int
    end: int
    value: str = ""
    number: float = 0.0

    def shown(self) -> str:
        """As Prometheus names it after `unexpected`."""
        if self.kind == "eof":
            return "end of input"
        if self.kind == "@":
            return '"<Item 57385>" <op:@>'  # Prometheus 2.42 has no name for it, and prints this
        if self.kind in AGGREGATORS:
            return f"<aggr:{self.text}>"
        if self.kind in _OPERATOR_WORDS or self.kind in _OPERATORS:
            return f"<op:{self.text}>"
        if self.kind in _KEYWORDS:
            return f"<{self.text}>"
        quoted = _quoted(self.text)
        if self.kind == "identifier":
            return ("metric identifier " if ":" in self.text else "identifier ") + quoted
        if self.kind in ("number", "string", "duration"):
            short = _quoted(self.text[:10]) + "..." if len(self.text) > 10 else quoted
            return f"{self.kind} {short}"
        return quoted


def _quoted(text: str) -> str:
    return (
        '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'
    )


def _char(char: str) -> str:
    return "'" + char.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def duration_s(text: str) -> float:
    """`1h30m` in seconds, or -1 when units repeat or come in the wrong order."""
    seconds, last, i = 0.0, -1, 0
    while i < len(text):
        j = i
        while j < len(text) and text[j] in _DIGITS:
            j += 1
        unit = "ms" if text[j : j + 2] == "ms" else text[j : j + 1]
        if i == j or unit not in _UNITS_S or _UNIT_ORDER.index(unit) <= last:
            return -1.0
        last = _UNIT_ORDER.index(unit)
        seconds += float(text[i:j]) * _UNITS_S[unit]
        i = j + len(unit)
    return seconds


def lex(query: str) -> list[Token]:
    """All words up to the end of the input or the first lexical error (the last token's kind)."""
    return _Lexer(query).run()


def _alpha(char: str) -> bool:
    return char == "_" or ("a" <= char <= "z") or ("A" <= char <= "Z")


def _alnum(char: str) -> bool:
    return bool(char) and (_alpha(char) or char in _DIGITS)


class _Lexer:
    def __init__(self, query: str) -> None:
        self.text = query
        self.at = 0
        self.out: list[Token] = []
        self.parens = 0
        self.bracket = self.colon = self.brace = False

    def run(self) -> list[Token]:
        while not self.out or self.out[-1].kind not in ("eof", "error"):
            self.skip()
            if self.brace:
                self.inside_braces()
            else:
                self.statement()
        return self.out

    def skip(self) -> None:
        while self.at < len(self.text):
            if self.text[self.at] in " \t\n\r":
                self.at += 1
            elif self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return

    def peek(self, ahead: int = 0) -> str:
        return self.text[self.at + ahead : self.at + ahead + 1]

    def emit(self, kind: str, length: int, value: str = "", number: float = 0.0) -> None:
        end = self.at + length
        self.out.append(Token(kind, self.text[self.at : end], self.at, end, value, number))
        self.at = end

    def fail(self, text: str, at: int | None = None) -> None:
        position = self.at if at is None else at
        self.out.append(Token("error", text, position, position))

    def statement(self) -> None:
        char = self.peek()
        if not char:
            if self.parens > 0:
                self.fail("unclosed left parenthesis")
            elif self.bracket:
                self.fail("unclosed left bracket")
            else:
                self.emit("eof", 0)
        elif char in "()[]{,":
            self.punctuation(char)
        elif char in "=!<>":
            self.comparison(char)
        elif char in "+-*/%^@":
            self.emit(char, 1)
        elif char in _DIGITS or (char == "." and self.peek(1) and self.peek(1) in _DIGITS):
            self.number_or_duration()
        elif char in "\"'`":
            self.string(char)
        elif _alpha(char) or char == ":":
            self.word(char)
        else:
            self.fail(f"unexpected character: {_char(char)}")

    def punctuation(self, char: str) -> None:
        if char == "[" and self.bracket:
            self.fail("unexpected left bracket '['")
            return
        if char == "]" and not self.bracket:
            self.fail("unexpected right bracket ']'")
            return
        if char == ")" and self.parens == 0:
            self.fail("unexpected right parenthesis ')'", self.at + 1)
            return
        self.emit(char, 1)
        self.parens += (char == "(") - (char == ")")
        self.brace = char == "{"
        if char == "]":
            self.bracket = False
        if char == "[":
            self.bracket, self.colon = True, False
            self.skip()
            self.duration()

    def comparison(self, char: str) -> None:
        following = self.peek(1)
        if following == "=":
            self.emit(char + "=", 2)
        elif char == "=" and following == "~":
            self.fail("unexpected character after '=': '~'")
        elif char == "!":
            self.fail(f"unexpected character after '!': {_char(following or NOTHING)}")
        else:
            self.emit(char, 1)

    def number_length(self) -> tuple[int, bool]:
        """(length of the number here, whether it ends where a word would not go on)."""
        i, digits = self.at, _DIGITS
        if self.text[i : i + 2].lower() == "0x":
            i, digits = i + 2, "0123456789abcdefABCDEF"
        i = self.run_of(i, digits)
        if self.text[i : i + 1] == ".":
            i = self.run_of(i + 1, digits)
        if digits is _DIGITS and self.text[i : i + 1] in ("e", "E"):
            i += 1
            i += self.text[i : i + 1] in ("+", "-")
            i = self.run_of(i, _DIGITS)
        return i - self.at, not _alnum(self.text[i : i + 1])

    def run_of(self, i: int, digits: str) -> int:
        while i < len(self.text) and self.text[i] in digits:
            i += 1
        return i

    def duration_length(self, length: int) -> int:
        """The length of a duration whose number is `length` long, or 0 when it is none."""
        i = self.at + length
        units = "smhdwy"
        while self.text[i : i + 1] and self.text[i] in units:
            i += 1
            i += self.text[i : i + 1] == "s"
            j = self.run_of(i, _DIGITS)
            if i == j:
                return 0 if _alnum(self.text[i : i + 1]) else i - self.at
            i, units = j, "smhdw"
        return 0

    def number_or_duration(self) -> None:
        length, whole = self.number_length()
        if whole:
            shown = self.text[self.at : self.at + length]
            self.emit("number", length, number=_number(shown))
            return
        duration = self.duration_length(length)
        if duration:
            self.emit("duration", duration, number=duration_s(self.text[self.at : self.at + duration]))
        else:
            self.fail(f"bad number or duration syntax: {_quoted(self.text[self.at : self.at + length])}")

    def duration(self) -> None:
        length, whole = self.number_length()
        if whole:
            self.fail("missing unit character in duration")
            return
        duration = self.duration_length(length)
        if duration:
            self.emit("duration", duration, number=duration_s(self.text[self.at : self.at + duration]))
        else:
            self.fail(f"bad duration syntax: {_quoted(self.text[self.at : self.at + length])}")

    def word(self, char: str) -> None:
        if self.bracket:
            if char != ":" or self.colon:
                self.fail(f"unexpected colon {_char(char)}")
                return
            self.colon = True
            self.emit(":", 1)
            return
        length = 1
        while _alnum(self.peek(length)) or self.peek(length) == ":":
            length += 1
        lowered = self.text[self.at : self.at + length].lower()
        if lowered in AGGREGATORS or lowered in _KEYWORDS or lowered in _OPERATOR_WORDS:
            self.emit(lowered, length)
        elif lowered in ("inf", "nan"):
            self.emit("number", length, number=float(lowered))
        else:
            self.emit("identifier", length)

    def inside_braces(self) -> None:
        char = self.peek()
        if not char:
            self.fail("unexpected end of input inside braces")
        elif char == "}":
            self.emit("}", 1)
            self.brace = False
        elif char == ",":
            self.emit(",", 1)
        elif char in "\"'`":
            self.string(char)
        elif _alpha(char):
            length = 1
            while _alnum(self.peek(length)):
                length += 1
            self.emit("identifier", length)
        elif char == "=":
            self.emit("=~", 2) if self.peek(1) == "~" else self.emit("=", 1)
        elif char == "!" and self.peek(1) and self.peek(1) in "~=":
            self.emit("!" + self.peek(1), 2)
        elif char == "!":
            self.fail(f"unexpected character after '!' inside braces: {_char(self.peek(1))}")
        elif char == "{":
            self.fail("unexpected left brace '{'")
        else:
            self.fail(f"unexpected character inside braces: {_char(char)}")

    def string(self, quote: str) -> None:
        i, value = self.at + 1, []
        while True:
            char = self.text[i : i + 1]
            if not char or (char == "\n" and quote != "`"):
                self.fail("unterminated raw string" if quote == "`" else "unterminated quoted string")
                return
            if char == quote:
                break
            if char == "\\" and quote != "`":
                decoded, length = _escape(self.text, i + 1, quote)
                if length == 0:
                    self.fail(decoded)
                    return
                value.append(decoded)
                i += 1 + length
            else:
                value.append(char)
                i += 1
        self.emit("string", i + 1 - self.at, value="".join(value))


def _number(text: str) -> float:
    """A number as Go reads it; NaN for `1e` or `0x`, which are none: whoever meets it complains."""
    try:
        return float(int(text, 16)) if text[:2].lower() == "0x" else float(text)
    except ValueError:
        return math.nan


_SIMPLE_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def _escape(text: str, at: int, quote: str) -> tuple[str, int]:
    """(the character an escape means, its length after the backslash), or (error text, 0)."""
    char = text[at : at + 1]
    if char == quote:
        return quote, 1
    if char and char in _SIMPLE_ESCAPES:
        return _SIMPLE_ESCAPES[char], 1
    length, base = {"x": (2, 16), "u": (4, 16), "U": (8, 16)}.get(char, (0, 0))
    digits = text[at + 1 : at + 1 + length]
    if char and char in "01234567":
        length, base, digits = 3, 8, text[at : at + 3]
    if not length:
        return (
            ("unterminated quoted string", 0) if not char else (f"unknown escape sequence {_code(char)}", 0)
        )
    allowed = "01234567" if base == 8 else "0123456789abcdefABCDEF"
    for digit in digits:
        if digit not in allowed:
            return f"illegal character {_code(digit)} in escape sequence", 0
    if len(digits) < length:
        return "escape sequence not terminated", 0
    code = int(digits, base)
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        return "escape sequence is an invalid Unicode code point", 0
    return chr(code), length + (base == 16)


def _code(char: str) -> str:
    return f"U+{ord(char):04X} '{char}'"


def renamed(query: str, names: dict[str, str]) -> str:
    """A query whose functions are called by other names."""
    if not any(name in query for name in names):
        return query
    out, at = "", 0
    for token in lex(query):
        if token.text in names and token.kind not in ("string", "eof", "error"):
            out += query[at : token.start] + names[token.text]
            at = token.end
    return out + query[at:]
