"""The tokens of a LogQL query, its durations and sizes, and Loki's words for what does not parse."""

from __future__ import annotations

import re

MAX_QUERY = 4_000
MAX_DEPTH = 40  # brackets inside one another
UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
BYTES = {"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
DURATION = re.compile(r"^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d|w))+$")
TOKEN = re.compile(
    r'\s*("(?:[^"\\]|\\.)*"|`[^`]*`|\d+(?:\.\d+)?[a-zµA-Z]+(?:\d+(?:\.\d+)?[a-zµ]+)*|\d+(?:\.\d+)?|[A-Za-z_]\w*'
    r"|\|=|\|~|\|>|!>|!=|!~|=~|==|>=|<=|[|{}()\[\],=<>+*/%^-])"
)
KINDS = {
    "{": "{",
    "}": "}",
    "(": "(",
    ")": ")",
    "[": "[",
    "]": "]",
    ",": ",",
    "|": "|",
    "=": "=",
    "!=": "!=",
    "=~": "=~",
    "!~": "!~",
}


class QueryError(ValueError):
    """A query that does not parse; the text is Loki's."""


def duration(text: str) -> float | None:
    """`1h30m` in seconds, None when it is none."""
    if not DURATION.match(text):
        return None
    return sum(float(n) * UNITS[u] for n, u in re.findall(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w)", text))


def number(text: str) -> float | None:
    """A number, a duration or a size, as label filters compare them."""
    try:
        return float(text)
    except ValueError:
        pass
    found = re.fullmatch(r"(?i)(\d+(?:\.\d+)?)(kib|mib|gib|kb|mb|gb|b)", text)
    return float(found[1]) * BYTES[found[2].lower()] if found else duration(text)


def unquoted(token: str) -> str:
    inner = token[1:-1]
    return inner if token[0] == "`" else inner.replace('\\"', '"').replace("\\\\", "\\")


class Reader:
    """The tokens of a query, one after another."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_QUERY:
            raise QueryError(f"parse error : query is longer than {MAX_QUERY} characters")
        self.text, self.at = text, 0
        self.tokens: list[tuple[str, int]] = []
        while text[self.at :].strip():
            found = TOKEN.match(text, self.at)
            if found is None:
                raise QueryError(f"parse error at line 1, col {self.at + 1}: syntax error: unexpected $end" if text[self.at :].strip()[0] in "\"`" else f"parse error at line 1, col {self.at + 1}: syntax error: unexpected character inside braces: '{text[self.at:].strip()[0]}'")  # fmt: skip
            self.tokens.append((found.group(1), found.start(1) + 1))
            self.at = found.end()
        self.at = 0
        if sum(token == "(" for token, _ in self.tokens) > MAX_DEPTH:
            raise QueryError(f"parse error : more than {MAX_DEPTH} brackets")

    def peek(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place][0] if place < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def accept(self, token: str) -> bool:
        if self.peek() == token:
            self.at += 1
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise self.wrong(token)

    def string(self) -> str:
        if self.peek()[:1] not in ('"', "`"):
            raise self.wrong("STRING")
        return unquoted(self.next())

    def wrong(self, wanted: str = "") -> QueryError:
        token = self.peek()
        column = self.tokens[self.at][1] if self.at < len(self.tokens) else len(self.text) + 1
        kind = (
            "$end"
            if not token
            else "STRING"
            if token[0] in '"`'
            else KINDS.get(token, "NUMBER" if token[0].isdigit() else "IDENTIFIER")
        )
        return QueryError(
            f"parse error at line 1, col {column}: syntax error: unexpected {kind}"
            + (f", expecting {wanted}" if wanted else "")
        )
