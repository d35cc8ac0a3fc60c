"""awk's values: floats, texts, and texts from input that count as numbers when they look like one."""

from __future__ import annotations

from simulator.shell.numerals import general, is_number, leading_number

Value = float | str


class Input(str):
    """A text from the input: compares as a number when it is one."""

    __slots__ = ()


UNSET = Input("")  # compares equal to both 0 and ""


def number(value: object) -> float:
    if isinstance(value, float):
        return value
    return leading_number(str(value))


def text(value: object, form: int = 6) -> str:
    """A value as text; numbers by `%.6g`, integers whole."""
    if isinstance(value, float):
        return general(value, form)
    return value if type(value) is str else str.__str__(value)


def true(value: Value) -> bool:
    if isinstance(value, float):
        return value != 0
    if isinstance(value, Input) and is_number(value):
        return leading_number(value) != 0
    return value != ""


def _numeric(value: Value) -> bool:
    return isinstance(value, float) or value is UNSET or (isinstance(value, Input) and is_number(value))


def compare(operator: str, left: Value, right: Value) -> bool:
    """Numbers compare as numbers, anything else as text."""
    a: object
    b: object
    if _numeric(left) and _numeric(right):
        a, b = number(left), number(right)
    else:
        a, b = text(left), text(right)
    if operator == "==":
        return a == b
    if operator == "!=":
        return a != b
    if operator == "<":
        return a < b  # type: ignore[operator]
    if operator == "<=":
        return a <= b  # type: ignore[operator]
    if operator == ">":
        return a > b  # type: ignore[operator]
    return a >= b  # type: ignore[operator]
