"""`$((...))`: 64-bit integer arithmetic. Knows no words and no commands."""

from __future__ import annotations

from collections.abc import Callable

import re2

MAX_DEPTH = 40
_TOKEN = re2.compile(
    r"\s*(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,19}|[A-Za-z_][A-Za-z0-9_]*|\*\*|<=|>=|==|!=|&&|\|\||[-+*/%()<>!])"
)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("==", "!="),
    ("<=", ">=", "<", ">"),
    ("+", "-"),
    ("*", "/", "%"),
    ("**",),
)


class ArithmeticProblem(ValueError):
    """What bash would say about the expression, behind `bash: `."""


def _wrap(value: int) -> int:
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def evaluate(source: str, variable: Callable[[str], str]) -> int:
    """The value of an expression; names are looked up as integers, unset ones are 0."""
    found: list[str] = []
    at, text = 0, source.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ArithmeticProblem(_unexpected(source, text[at:].lstrip()))
        found.append(match[1])
        at = match.end()
    evaluator = _Evaluator(found, source, variable)
    value = evaluator.level(0, 0) if found else 0
    if evaluator.at < len(found):
        raise ArithmeticProblem(_unexpected(source, "".join(found[evaluator.at :])))
    return value


def _unexpected(source: str, token: str) -> str:
    return f'{source}: syntax error: invalid arithmetic operator (error token is "{token[:40]}")'


class _Evaluator:
    def __init__(self, found: list[str], source: str, variable: Callable[[str], str]) -> None:
        self.tokens, self.at = found, 0
        self.source, self.variable = source, variable

    def level(self, index: int, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise ArithmeticProblem(f"{self.source[:40]}...: expression recursion level exceeded")
        if index == len(_LEVELS):
            return self.atom(depth)
        value = self.level(index + 1, depth)
        while self.at < len(self.tokens) and self.tokens[self.at] in _LEVELS[index]:
            operator = self.tokens[self.at]
            self.at += 1
            value = self.apply(operator, value, self.level(index + 1, depth))
        return value

    def atom(self, depth: int) -> int:
        if self.at >= len(self.tokens):
            raise ArithmeticProblem(f'{self.source}: syntax error: operand expected (error token is "")')
        token = self.tokens[self.at]
        self.at += 1
        if token in "+-!":
            if depth > MAX_DEPTH:
                raise ArithmeticProblem(f"{self.source[:40]}...: expression recursion level exceeded")
            value = self.atom(depth + 1)
            return {"+": value, "-": _wrap(-value), "!": int(not value)}[token]
        if token == "(":
            value = self.level(0, depth + 1)
            if self.tokens[self.at : self.at + 1] != [")"]:
                raise ArithmeticProblem(f"{self.source}: missing `)'")
            self.at += 1
            return value
        if token[0].isdigit():
            return _wrap(int(token, 16 if token[:2].lower() == "0x" else 10))
        if token[0].isalpha() or token[0] == "_":
            text = self.variable(token).strip()
            sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
            return (
                _wrap(sign * int(digits)) if digits.isascii() and digits.isdigit() and len(digits) < 20 else 0
            )
        raise ArithmeticProblem(f'{self.source}: syntax error: operand expected (error token is "{token}")')

    def apply(self, operator: str, left: int, right: int) -> int:
        if operator in "/%" and not right:
            raise ArithmeticProblem(f'{self.source}: division by 0 (error token is "{right}")')
        if operator == "**":
            if right < 0:
                raise ArithmeticProblem(f'{self.source}: exponent less than 0 (error token is "{right}")')
            return _wrap(pow(left, right, 1 << 64))
        if operator == "/":
            return _wrap(_truncated(left, right))
        if operator == "%":
            return left - right * _truncated(left, right)
        simple = {"+": left + right, "-": left - right, "*": left * right}
        if operator in simple:
            return _wrap(simple[operator])
        truth = {
            "||": bool(left or right),
            "&&": bool(left and right),
            "==": left == right,
            "!=": left != right,
            "<": left < right,
            ">": left > right,
            "<=": left <= right,
            ">=": left >= right,
        }
        return int(truth[operator])


def _truncated(left: int, right: int) -> int:
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient
