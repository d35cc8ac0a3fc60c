"""Numbers beside nouns: "1 запрос, 2 запроса, 5 запросов", "1 request, 2 requests".

A template carries the forms itself, three for Russian, two for English: `{n:запрос|запроса|запросов}`,
`{n:request|requests}`. Nothing here knows which nouns there are.
"""

from __future__ import annotations

from string import Formatter
from typing import Any


def form(number: float, forms: tuple[str, ...]) -> str:
    """The form of a noun that goes with a number; three forms are Russian, two English."""
    if len(forms) == 2:
        return forms[0] if number == 1 else forms[1]
    one, few, many = forms
    if number != int(number):
        return few  # 1,5 запроса
    last, teens = abs(int(number)) % 10, abs(int(number)) % 100
    if last == 1 and teens != 11:
        return one
    return few if 2 <= last <= 4 and not 12 <= teens <= 14 else many


def grouped(number: float) -> str:
    """A whole number with its thousands apart: 366 485."""
    return f"{int(number):,}".replace(",", " ")


_GROUPED_FROM = 1_000


class _Speaking(Formatter):
    """str.format with one more kind of format: forms of a noun between bars."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        forms = tuple(format_spec.split("|"))
        if not format_spec and isinstance(value, int) and abs(value) >= _GROUPED_FROM:
            return grouped(value)
        if len(forms) == 1:
            return super().format_field(value, format_spec)
        if len(forms) > 3 or not isinstance(value, int | float):
            raise ValueError(f"{format_spec!r}: two or three forms and a number, not {value!r}")
        return (
            f"{grouped(value)} {form(value, forms)}"
            if value == int(value)
            else f"{value:g} {form(value, forms)}"
        )


_FORMATTER = _Speaking()


def speak(template: str, /, **values: Any) -> str:
    """The template with its values; raises KeyError for a value that is missing."""
    return _FORMATTER.vformat(template, (), values)
