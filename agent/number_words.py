"""Whole numbers written in words, Russian (in any case) and English: "двенадцати", "thirty-two", "два миллиона"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_UNITS: dict[str, int] = {}
for _value, _forms in {
    1: "один одна одно одну одного одной одному одним one",
    2: "два две двух двум двумя two",
    3: "три трех трем тремя three",
    4: "четыре четырех четырем четырьмя four",
    5: "пять пяти пятью five",
    6: "шесть шести шестью six",
    7: "семь семи семью seven",
    8: "восемь восьми восемью eight",
    9: "девять девяти девятью nine",
    10: "десять десяти десятью ten",
    11: "одиннадцать одиннадцати eleven",
    12: "двенадцать двенадцати twelve",
    13: "тринадцать тринадцати thirteen",
    14: "четырнадцать четырнадцати fourteen",
    15: "пятнадцать пятнадцати fifteen",
    16: "шестнадцать шестнадцати sixteen",
    17: "семнадцать семнадцати seventeen",
    18: "восемнадцать восемнадцати eighteen",
    19: "девятнадцать девятнадцати nineteen",
    20: "двадцать двадцати twenty",
    30: "тридцать тридцати thirty",
    40: "сорок сорока forty",
    50: "пятьдесят пятидесяти fifty",
    60: "шестьдесят шестидесяти sixty",
    70: "семьдесят семидесяти seventy",
    80: "восемьдесят восьмидесяти eighty",
    90: "девяносто девяноста ninety",
    100: "сто ста",
    200: "двести двухсот",
    300: "триста трехсот",
    400: "четыреста четырехсот",
    500: "пятьсот пятисот",
    600: "шестьсот шестисот",
    700: "семьсот семисот",
    800: "восемьсот восьмисот",
    900: "девятьсот девятисот",
}.items():
    _UNITS.update(dict.fromkeys(_forms.split(), _value))
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_SCALE_STEMS = (("тысяч", 1_000), ("миллион", 1_000_000))
_WORD = re.compile(r"[a-zа-яё]+", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s-]+(?:and\s+)?")


@dataclass(frozen=True)
class Spelled:
    """A number written in words at text[start:end]."""

    value: int
    start: int
    end: int


def spelled(text: str) -> Iterator[Spelled]:
    """The numbers in words, each as long as it goes."""
    found: list[re.Match[str]] = []
    for word in _WORD.finditer(text):
        known = _value_of(word.group()) is not None
        if (
            known
            and found
            and not (_BETWEEN.fullmatch(text, found[-1].end(), word.start()) and _goes_on(found, word))
        ):
            yield _read(found)
            found = []
        if known:
            found.append(word)
        elif found and word.group().lower() != "and":
            yield _read(found)
            found = []
    if found:
        yield _read(found)


def _value_of(word: str) -> int | None:
    plain = word.lower().replace("ё", "е")
    if plain in _UNITS:
        return _UNITS[plain]
    return _scale(plain)


def _scale(plain: str) -> int | None:
    if plain in _SCALES:
        return _SCALES[plain]
    return next((value for stem, value in _SCALE_STEMS if plain.startswith(stem)), None)


def _goes_on(found: list[re.Match[str]], word: re.Match[str]) -> bool:
    """Whether a word continues the number: twenty-two, not two twenty."""
    mine, before = _value_of(word.group()) or 0, _value_of(found[-1].group()) or 0
    if _scale(word.group().lower().replace("ё", "е")):
        return True
    return before >= 1_000 or (before % 100 == 0 and mine < 100) or (20 <= before < 100 and mine < 10)


def _read(found: list[re.Match[str]]) -> Spelled:
    total = part = 0
    for word in found:
        scale = _scale(word.group().lower().replace("ё", "е"))
        if scale == 100:
            part = max(1, part) * 100
        elif scale:
            total, part = total + max(1, part) * scale, 0
        else:
            part += _value_of(word.group()) or 0
    return Spelled(total + part, found[0].start(), found[-1].end())
