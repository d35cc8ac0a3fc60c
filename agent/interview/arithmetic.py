"""Sums in a candidate's text: `100K × 1 KB = 100 MB/s`. Finds those written out and checks them; guesses nothing.

A sum is a chain of numbers with × * / or ÷ between them and a result behind `=`, `≈` or "that is". Units count by size and
time alone (KB, thousand, a day, µs); what is counted (cores, nodes, requests) does not. Results within 20 % are right, since
estimates are rounded; a wrong one that the next words put right is right, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TOLERANCE = 0.2
MOST = 20  # sums looked at in one text
CORRECTED_WITHIN = 120  # characters behind a result in which its author may take it back

_NUMBER = r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+|[1-9]\d{0,2}(?:,\d{3})+(?!\d)|\d+(?:[.,]\d+)?(?:e\d{1,2})?"
_THOUSANDS = {
    "млрд": 1e9, "миллиард": 1e9, "миллиарда": 1e9, "миллиардов": 1e9, "billion": 1e9, "bn": 1e9,
    "млн": 1e6, "миллион": 1e6, "миллиона": 1e6, "миллионов": 1e6, "million": 1e6, "mln": 1e6, "m": 1e6, "м": 1e6,
    "тыс": 1e3, "тысяча": 1e3, "тысячи": 1e3, "тысяч": 1e3, "тысячу": 1e3, "thousand": 1e3, "k": 1e3, "к": 1e3,
}  # fmt: skip
_BYTES = {
    "пб": 1e15, "pb": 1e15, "тб": 1e12, "tb": 1e12, "tib": 1e12, "гб": 1e9, "gb": 1e9, "gib": 1e9,
    "мб": 1e6, "mb": 1e6, "mib": 1e6, "кб": 1e3, "kb": 1e3, "kib": 1e3,
    "тбит": 1e12, "гбит": 1e9, "мбит": 1e6, "кбит": 1e3, "tbit": 1e12, "gbit": 1e9, "mbit": 1e6, "kbit": 1e3,
    "tbps": 1e12, "gbps": 1e9, "mbps": 1e6, "kbps": 1e3,
}  # fmt: skip
_SHORT = {"ns": 1e-9, "нс": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "мкс": 1e-6, "ms": 0.001, "мс": 0.001}
_TIMES = {
    "мин": 60, "минута": 60, "минуты": 60, "минут": 60, "минуту": 60, "min": 60, "minute": 60, "minutes": 60,
    "ч": 3600, "час": 3600, "часа": 3600, "часов": 3600, "h": 3600, "hour": 3600, "hours": 3600,
    "день": 86_400, "дня": 86_400, "дней": 86_400, "сутки": 86_400, "суток": 86_400, "day": 86_400, "days": 86_400,
    "неделя": 604_800, "недели": 604_800, "недель": 604_800, "неделю": 604_800, "week": 604_800, "weeks": 604_800,
    "месяц": 2_592_000, "месяца": 2_592_000, "месяцев": 2_592_000, "month": 2_592_000, "months": 2_592_000,
    "год": 31_536_000, "года": 31_536_000, "лет": 31_536_000, "year": 31_536_000, "years": 31_536_000,
}  # fmt: skip
_LADDERS = (("кб", "мб", "гб", "тб", "пб"), ("kb", "mb", "gb", "tb", "pb"))
_FACTORS = {**_THOUSANDS, **_BYTES, **_SHORT, "%": 0.01}
_RATE = re.compile(r"/[сs]|[rqt]ps|bps|(?:в|per|a) (?:секунд|second|sec)", re.IGNORECASE)
# "2 minutes × 80K": nobody counts minutes, as one counts days
_SHORT_TIME = re.compile(r"\d[ \u00a0]?(?:мин\w*|час\w*|ч\b|min\w*|hours?\b|h\b)", re.IGNORECASE)
_WORD = r"[a-zA-Zа-яёА-ЯЁ%µμ]{1,14}\.?"
_UNIT = rf"(?:[ \u00a0]?{_WORD})?(?:[ \u00a0]{_WORD}){{0,3}}?(?:/[a-zA-Zа-яё]{{1,6}})?"
_MONEY = r"(?:[$€₽][ \u00a0]?)?"
_TERM = rf"{_MONEY}(?:{_NUMBER}){_UNIT}"
_RESULT = rf"{_MONEY}(?:{_NUMBER})(?:[ \u00a0]?{_WORD})?(?:[ \u00a0]?{_WORD})?(?:/[a-zA-Zа-яё]{{1,6}})?"
_TIMES_SIGN = r"[×x*·/÷хХX]"
_EQUALS = r"(?:=|≈|~=|это|получается|получаем|выходит|итого|is|makes|gives|comes to)\s*(?:около|примерно|about|roughly)?"
# A sum begins where a number does: tried from every digit of a long row of them it would take minutes.
_SUM = re.compile(
    rf"(?<![\d.,])(?P<left>{_TERM}(?:\s*{_TIMES_SIGN}\s*{_TERM}){{1,4}})\s*(?:{_EQUALS})\s*(?P<right>~?\s*{_RESULT})",
    re.IGNORECASE,
)
_WORDS = r"(?:\s+[a-zа-яё]+){0,4}?"
# "300,000 requests a second over 40 nodes is 7,500 a node"
_SAID = re.compile(
    rf"(?<!\d)(?P<left>{_TERM}){_WORDS}\s+(?P<op>over|across|among|divided by|times|на|между|умножить на|делить на)\s+"
    rf"(?P<by>{_TERM}){_WORDS}\s*(?:,|-|–|—)?\s*(?:is|are|makes|gives|=|это|выходит|получается|будет)\s+(?:about\s+|около\s+|~\s*)?"
    rf"(?P<right>{_RESULT})",
    re.IGNORECASE,
)
_PIECE = re.compile(
    rf"(?P<op>{_TIMES_SIGN})?\s*{_MONEY}(?P<number>{_NUMBER})(?P<unit>{_UNIT}(?![a-zA-Zа-яё]))"
)
_NEXT = re.compile(rf"(?P<number>{_NUMBER})(?P<unit>(?:[ \u00a0]?{_WORD})?(?:[ \u00a0]{_WORD})?)")


@dataclass(frozen=True)
class Sum:
    """`text[start:end]` claims `claimed`; the numbers give `true`, both in base units. `unit`: the result's own words."""

    start: int
    end: int
    text: str
    claimed: float
    true: float
    unit: str = ""
    corrected: bool = False

    @property
    def right(self) -> bool:
        return self.corrected or (self.true > 0 and _near(self.claimed, self.true))

    def shown(self, lang: str) -> str:
        """The true result in the unit that its author chose, or in a neighbour of it that suits better."""
        unit = _suiting(self.unit, self.true)
        value = self.true / _factor(unit)
        if not unit or not 0.01 <= value < 1000:
            return shown(self.true, lang)
        return f"{shown(value, lang)} {unit}"


def sums(text: str) -> list[Sum]:
    """The sums of a text, in order; those whose units leave room for doubt are left out."""
    text = text[:50_000]
    found: list[Sum] = []
    at = 0
    while len(found) < MOST and (match := _SUM.search(text, at)) is not None:
        at = match.start("right")  # a result may begin the next sum
        found += _checked(text, match, match["left"])
    return sorted([*found, *_said(text)], key=lambda s: s.start)[:MOST]


def _said(text: str) -> list[Sum]:
    """Sums in words: so many over so many is so many."""
    found: list[Sum] = []
    for match in _SAID.finditer(text):
        op = "×" if match["op"].lower() in ("times", "умножить на") else "/"
        found += _checked(text, match, f"{match['left']} {op} {match['by']}")
    return found


def _checked(text: str, match: re.Match[str], expression: str) -> list[Sum]:
    """The sum if it can be judged. Days are seconds where a rate stands beside them, else they are counted like nodes."""
    right = match["right"].lstrip("~ ")
    timed = bool(_RATE.search(match[0]))
    true, claimed = _value(expression, timed), _value(right, timed)
    other = _value(expression, not timed)
    if true and claimed and other and not _near(claimed, true):
        if _near(claimed, other):
            true = other
        elif not timed and not _near(true, other):
            true = _slipped(claimed, true, other) or (0.0 if _SHORT_TIME.search(expression) else true)
    if not true or not claimed or not _comparable(claimed / true):
        return []
    end = match.end() - (len(match["right"]) - len(match["right"].rstrip(". ")))
    said = " ".join(text[match.start() : end].split())
    corrected = not _near(claimed, true) and _taken_back(text[end : end + CORRECTED_WITHIN], true)
    return [Sum(match.start(), end, said, claimed, true, _unit_of(right), corrected)]


def _slipped(claimed: float, *meant: float) -> float:
    """Which of two readings a wrong result belongs to: the one that it misses by noughts; 0 where nobody can tell."""
    noughts = [true for true in meant if any(_near(claimed, true * 10.0**n) for n in (-3, -2, -1, 1, 2, 3))]
    return noughts[0] if len(noughts) == 1 else 0.0


def _taken_back(rest: str, true: float) -> bool:
    """Whether the words behind a result name the true one: "13 TB. Hmm, that is 1.3 TB"."""
    return any(
        _near(_number(m["number"]) * _factor(m["unit"]), true)
        for m in _NEXT.finditer(rest.split("\n\n", maxsplit=1)[0])
    )


def corrected_later(text: str, wrong: Sum) -> bool:
    """Whether the next turn of a text, turns being apart by an empty line, names the true result of a wrong sum."""
    turns = text[wrong.end :].split("\n\n", maxsplit=2)
    return len(turns) > 1 and _taken_back(turns[1], wrong.true)


def _near(claimed: float, true: float) -> bool:
    return abs(claimed / true - 1) <= TOLERANCE


def _number(text: str) -> float:
    plain = re.sub(r"[ \u00a0\u202f]", "", text)
    if re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+", plain):  # 300,000: thousands; 0,125 and 1,5 are decimals
        return float(plain.replace(",", ""))
    return float(plain.replace(",", "."))


def _factor(unit: str, timed: bool = True) -> float:
    """What a unit multiplies by: "5 thousand KB", "2 days"; never by the time after a slash or "a"."""
    words = unit.partition("/")[0].lower().replace(".", " ").split()
    if not words:
        return 1.0
    factors = {**_FACTORS, **_TIMES} if timed else _FACTORS
    second = words[1] if len(words) > 1 and words[0] in _THOUSANDS else ""
    return factors.get(words[0], 1.0) * (factors.get(second, 1.0) if second not in _THOUSANDS else 1.0)


def _unit_of(result: str) -> str:
    """The unit of a result as it was written: `MB/s`, `тысяч`; nothing for what is only counted."""
    words = re.sub(rf"^{_MONEY}(?:{_NUMBER})[ \u00a0]*", "", result).split()
    first = words[0].strip(".,;") if words else ""
    return first if _factor(first) != 1.0 else ""


def _suiting(unit: str, true: float) -> str:
    """0.24 TB are 240 GB, 0.1 GB/s are 100 MB/s; other units stay."""
    name, slash, rest = unit.partition("/")
    ladder = next((steps for steps in _LADDERS if name.lower() in steps), None)
    if ladder is None or 1 <= true / _factor(unit) < 1000:
        return unit
    best = next((step for step in reversed(ladder) if true / _factor(step) >= 1), ladder[0])
    return best.upper() + slash + rest


def _value(expression: str, timed: bool) -> float:
    value = 0.0
    for number, piece in enumerate(_PIECE.finditer(expression)):
        term = _number(piece["number"]) * _factor(piece["unit"], timed)
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
    silent = (8.0, 60.0, 3600.0, 86_400.0, 24.0, 365.0)
    return not any(abs(ratio / s - 1) < 0.05 or abs(ratio * s - 1) < 0.05 for s in silent)


_MARKS = {
    "en": ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")),
    "ru": ((1e12, " трлн"), (1e9, " млрд"), (1e6, " млн"), (1e3, " тыс.")),
}


def shown(value: float, lang: str = "en") -> str:
    """A figure as an engineer says it: 100M, 8.6G, 0.25; in Russian 100 млн, 0,25."""
    size, mark = next(((s, m) for s, m in _MARKS[lang] if abs(value) >= s), (1.0, ""))
    figure = f"{value / size:.3g}"
    return (figure.replace(".", ",") if lang == "ru" else figure) + mark
