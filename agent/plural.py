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


def grouped(number: float, language: str) -> str:
    """A whole number with its thousands apart, in one piece: 366 485 in Russian, 366,485 in English."""
    return separated(f"{int(number):,}", language)


def separated(figure: str, language: str) -> str:
    """A figure whose thousands stand apart by commas, as the language has it."""
    return figure.replace(",", "\u00a0") if language == "ru" else figure


_GROUPED_FROM = 1_000


class _Speaking(Formatter):
    """str.format with one more kind of format: forms of a noun between bars."""

    def __init__(self, language: str) -> None:
        self.language = language

    def format_field(self, value: Any, format_spec: str) -> Any:
        forms = tuple(format_spec.split("|"))
        if not format_spec and isinstance(value, int) and abs(value) >= _GROUPED_FROM:
            return grouped(value, self.language)
        if len(forms) == 1:
            return super().format_field(value, format_spec)
        if len(forms) > 3 or not isinstance(value, int | float):
            raise ValueError(f"{format_spec!r}: two or three forms and a number, not {value!r}")
        return (
            f"{grouped(value, self.language)} {form(value, forms)}"
            if value == int(value)
            else f"{value:g} {form(value, forms)}"
        )


_SPEAKING = {language: _Speaking(language) for language in ("ru", "en")}


def speak(template: str, language: str, /, **values: Any) -> str:
    """The template with its values; raises KeyError for a value that is missing."""
    return _SPEAKING[language].vformat(template, (), values)
