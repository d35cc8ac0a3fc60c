"""Sums in a candidate's text: `100K × 1 KB = 100 MB/s`. Finds those written out and checks them; guesses nothing.

A sum is a chain of numbers with × * / or ÷ between them and one `=` or `≈` with a result. Units count by size alone (KB, million,
a day); results within 20 % are right, since estimates are rounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TOLERANCE = 0.2
MOST = 20  # sums looked at in one text

_NUMBER = r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+|[1-9]\d{0,2}(?:,\d{3})+(?!\d)|\d+(?:[.,]\d+)?(?:e\d{1,2})?"
_SIZES = {
    "млрд": 1e9, "billion": 1e9, "bn": 1e9, "млн": 1e6, "million": 1e6, "mln": 1e6, "тыс": 1e3, "thousand": 1e3,
    "тб": 1e12, "tb": 1e12, "гб": 1e9, "gb": 1e9, "мб": 1e6, "mb": 1e6, "кб": 1e3, "kb": 1e3, "пб": 1e15, "pb": 1e15,
    "k": 1e3, "к": 1e3, "m": 1e6, "м": 1e6, "%": 0.01,
}  # fmt: skip
_TIMES = {
    "ms": 0.001, "мс": 0.001, "день": 86_400, "дня": 86_400, "дней": 86_400, "day": 86_400, "days": 86_400,
    "час": 3600, "часа": 3600, "часов": 3600, "hour": 3600, "hours": 3600, "мин": 60, "min": 60,
    "год": 31_536_000, "лет": 31_536_000, "year": 31_536_000, "years": 31_536_000,
}  # fmt: skip
_UNIT = r"[ \u00a0]?(?:[a-zA-Zа-яёА-ЯЁ%]{1,10}\.?)?(?:/[a-zA-Zа-яё]{1,6})?"
_TERM = rf"(?:{_NUMBER}){_UNIT}"
# A sum begins where a number does: tried from every digit of a long row of them it would take minutes.
_SUM = re.compile(
    rf"(?<!\d)(?P<left>{_TERM}(?:\s*[×x*·/÷хХ]\s*{_TERM}){{1,4}})\s*(?:=|≈|~=)\s*(?P<right>~?\s*{_TERM})"
)
_WORDS = r"(?:\s+[a-zа-яё]+){0,4}?"
# "300,000 requests a second over 40 nodes is 7,500 a node"
_SAID = re.compile(
    rf"(?<!\d)(?P<left>{_TERM}){_WORDS}\s+(?P<op>over|across|among|divided by|times|на|между|умножить на)\s+"
    rf"(?P<by>{_TERM}){_WORDS}\s*(?:,|-|–|—)?\s*(?:is|are|makes|gives|=|это|выходит|получается|будет)\s+(?:about\s+|около\s+|~\s*)?"
    rf"(?P<right>{_TERM})",
    re.IGNORECASE,
)
_PIECE = re.compile(rf"(?P<op>[×x*·/÷хХ])?\s*(?P<number>{_NUMBER})(?P<unit>{_UNIT})")


@dataclass(frozen=True)
class Sum:
    """`text[start:end]` claims `claimed`; the numbers give `true`, both in base units."""

    start: int
    end: int
    text: str
    claimed: float
    true: float

    @property
    def right(self) -> bool:
        return self.true > 0 and abs(self.claimed / self.true - 1) <= TOLERANCE


def sums(text: str) -> list[Sum]:
    """The sums of a text, in order; those whose units leave room for doubt are left out."""
    found = []
    for match in _SUM.finditer(text[:50_000]):
        true = _value(match["left"])
        claimed = _value(match["right"].lstrip("~ "))
        if true and claimed and _comparable(claimed / true):
            found.append(Sum(match.start(), match.end(), match[0].strip(), claimed, true))
        if len(found) == MOST:
            break
    return sorted([*found, *_said(text[:50_000])], key=lambda s: s.start)[:MOST]


def _said(text: str) -> list[Sum]:
    """Sums in words: so many over so many is so many."""
    found = []
    for match in _SAID.finditer(text):
        left, by, claimed = (_value(match[name]) for name in ("left", "by", "right"))
        product = match["op"].lower() in ("times", "умножить на")
        true = left * by if product else left / by if by else 0.0
        if true and claimed and _comparable(claimed / true):
            found.append(Sum(match.start(), match.end(), " ".join(match[0].split()), claimed, true))
    return found


def _number(text: str) -> float:
    plain = re.sub(r"[ \u00a0\u202f]", "", text)
    if re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+", plain):  # 300,000: thousands; 0,125 and 1,5 are decimals
        return float(plain.replace(",", ""))
    return float(plain.replace(",", "."))


def _factor(unit: str) -> float:
    """What a unit multiplies by: its size, and its time when it is one (not `per` a time)."""
    head, _, _per = unit.strip().lower().rstrip(".").partition("/")
    return _SIZES.get(head, 1.0) * _TIMES.get(head, 1.0)


def _value(expression: str) -> float:
    value = 0.0
    for number, piece in enumerate(_PIECE.finditer(expression)):
        term = _number(piece["number"]) * _factor(piece["unit"])
        if number == 0:
            value = term
        elif piece["op"] in ("/", "÷"):
            value = value / term if term else 0.0
        else:
            value *= term
    return value


def _comparable(ratio: float) -> bool:
    """Whether a difference can only be a mistake: factors of a conversion nobody wrote down are none."""
    if abs(ratio - 1) <= TOLERANCE:
        return True
    silent = (8.0, 1 / 8, 60.0, 1 / 60, 3600.0, 1 / 3600, 86_400.0, 1 / 86_400, 24.0, 1 / 24, 365.0, 1 / 365)
    return not any(abs(ratio / s - 1) < 0.05 for s in silent)


def shown(value: float) -> str:
    """A figure as an engineer says it: 100M, 8.6G, 0.25."""
    for size, mark in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= size:
            return f"{value / size:.3g}{mark}"
    return f"{value:.3g}"
