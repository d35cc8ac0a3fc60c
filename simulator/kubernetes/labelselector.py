"""The language of label selectors (`app=x,tier in (a,b),!old`): a reader with the real one's order of complaints."""

from __future__ import annotations

from dataclasses import dataclass

import re2

MAX_LENGTH = 2000
END = ("end", "")
OPERATORS = ("in", "notin", "=", "==", "!=", ">", "<")
_SYMBOLS = ("==", "!=", "=", "!", "(", ")", ",", ">", "<")
_ALPHABET = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
KEY = re2.compile(rf"^(?:[a-z0-9.-]+/)?{_NAME}$")
_VALUE = re2.compile(rf"^({_NAME})?$")
NAMING = (
    f"name part must consist of {_ALPHABET} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation "
    f"is '{_NAME}')"
)
Token = tuple[str, str]  # kind (word, end, or the symbol itself), text


class SelectorError(ValueError):
    """A selector that is none; the message is the parser's own, without who says it."""


@dataclass(frozen=True)
class Term:
    key: str
    op: str  # in, notin, exists, absent, gt, lt
    values: tuple[str, ...] = ()

    def holds(self, labels: dict[str, str]) -> bool:
        if self.op == "exists":
            return self.key in labels
        if self.op == "absent":
            return self.key not in labels
        have = labels.get(self.key)
        if self.op in ("gt", "lt"):
            if have is None or not have.removeprefix("-").isdigit():
                return False
            return (int(have) > int(self.values[0])) == (self.op == "gt") and have != self.values[0]
        return (have in self.values) == (self.op == "in")


def terms(text: str) -> list[Term]:
    """The terms of a selector. Raises SelectorError."""
    if len(text) > MAX_LENGTH:
        raise SelectorError("the label selector is too long")
    return _Reader(text).terms()


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        symbol = next((each for each in _SYMBOLS if text.startswith(each, at)), "")
        if symbol:
            found.append((symbol, symbol))
            at += len(symbol)
            continue
        end = at
        while end < len(text) and not text[end].isspace() and text[end] not in "=!(),><":
            end += 1
        found.append(("word", text[at:end]))
        at = end
    return [*found, END]


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0

    def peek(self) -> Token:
        return self.tokens[min(self.at, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def terms(self) -> list[Term]:
        found: list[Term] = []
        while self.peek() != END:
            if self.peek()[0] not in ("word", "!"):
                raise SelectorError(f"found '{self.peek()[1]}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._term())
            except SelectorError as problem:
                raise SelectorError(f"unable to parse requirement: {problem}") from None
            kind, text = self.take()
            if kind == "end":
                break
            if kind != ",":
                raise SelectorError(f"found '{text}', expected: ',' or 'end of string'")
            if self.peek()[0] not in ("word", "!"):
                raise SelectorError(f"found '{self.peek()[1]}', expected: identifier after ','")
        return found

    def _term(self) -> Term:
        kind, key = self.take()
        absent = kind == "!"
        if absent:
            kind, key = self.take()
        if kind != "word":
            raise SelectorError(f"found '{key}', expected: identifier")
        if not KEY.match(key):
            raise SelectorError(f'<nil>: Invalid value: "{key}": {NAMING}')
        if absent:
            return Term(key, "absent")
        if self.peek()[0] in ("end", ","):
            return Term(key, "exists")
        _, op = self.take()
        if op not in OPERATORS:
            raise SelectorError(f"found '{op}', expected: in, notin, =, ==, !=, gt, lt")
        values = self._many() if op in ("in", "notin") else (self._one(),)
        _check_values(key, op, values)
        return Term(key, {"!=": "notin", "notin": "notin", ">": "gt", "<": "lt"}.get(op, "in"), values)

    def _one(self) -> str:
        if self.peek()[0] in ("end", ","):
            return ""
        kind, text = self.take()
        if kind != "word":
            raise SelectorError(f"found '{text}', expected: identifier")
        return text

    def _many(self) -> tuple[str, ...]:
        kind, text = self.take()
        if kind != "(":
            raise SelectorError(f"found '{text}' expected: '('")
        found: list[str] = []
        if self.peek()[0] not in ("word", ",", ")"):
            raise SelectorError(f"found '{self.peek()[1]}', expected: ',', ')' or identifier")
        expects = True  # a comma with nothing before or after it stands for the empty value
        while (token := self.take())[0] != ")":
            if token[0] == "word" and expects:
                found.append(token[1])
                if self.peek()[0] not in (",", ")"):
                    raise SelectorError(f"found '{self.peek()[1]}', expected: ',' or ')'")
                expects = False
            elif token[0] == ",":
                if expects:
                    found.append("")
                expects = True
            else:
                raise SelectorError(f"found '{token[1]}', expected: ',', or identifier")
        return tuple([*found, ""] if expects and found else found)


def _check_values(key: str, op: str, values: tuple[str, ...]) -> None:
    if not values:
        raise SelectorError(
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"
        )
    if op in (">", "<") and not values[0].removeprefix("-").isdigit():
        raise SelectorError(
            f"values[0]: Invalid value: \"{values[0]}\": for 'Gt', 'Lt' operators, the value must be an integer"
        )
    for n, value in enumerate(values):
        if not _VALUE.match(value):
            raise SelectorError(
                f'values[{n}][{key}]: Invalid value: "{value}": a valid label must be an empty string or consist of '
                f"{_ALPHABET} (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({_NAME})?')"
            )
