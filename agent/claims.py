"""Numbers a post-mortem claims, checked against what the session's log says: right, wrong, not supported.

Judges no wording and knows no simulator: the facts come in as plain numbers by name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

from agent.concepts import LexiconError
from agent.mapping import action_section
from agent.phrasings import Words, words
from agent.quantities import Quantity, quantities
from agent.text import Span, Token, sentences, tokens
from agent.verdict import Quote

CLAIMS = Path(__file__).resolve().parent.parent / "rubrics" / "claims.yaml"
Status = Literal["right", "wrong", "not supported"]
_NEAR_CHARS = 40
_CLOCK_CHARS = 25
_CLAUSE_CHARS = 15
_FILLERS = frozenset("the a an of in is was were are has had been я был была было были".split())
_SMALL = 5  # bare counts below this number lists and causes, not incidents
_CLOCK = re.compile(r"(?<![\d:+])([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?![\d:])")
_MONEY = re.compile(
    r"[$€₽£]\s?\d[\d.,\s]*(?:[kKmM]|тыс\.?|млн|million)?|\d[\d.,]*\s?(?:тыс\.?|млн|million)?\s?"
    r"(?:руб\w*|₽|долл\w*|usd|eur|евро|dollars?)(?!\w)",
    re.IGNORECASE,
)
# "which cost us 3 million": money without its sign
_COST = re.compile(
    r"(?:\bcost(?:s|ing)?|\brevenue(?: loss)?|\bworth|\bобош\w+|\bстоил\w*|\bвыручк\w*|\bущерб\w*)"
    r"(?:\s+(?:us|of|was|about|around|some|нам|в|на|около|примерно))*\s+~?"
    r"(?P<sum>\d[\d.,\s]*(?:[kKmM]\b|тыс\w*\.?|млн|миллион\w*|million)?)(?!\s*(?:%|percent|процент|requests|запрос))",
    re.IGNORECASE,
)
_OVER = re.compile(r"(?:over|above|more than|at least|выше|больше|более|не ниже|не менее)\s*$", re.IGNORECASE)
_BELOW = re.compile(r"(?:below|under|less than|fewer than|ниже|меньше|менее)\s*$", re.IGNORECASE)
_NEVER = re.compile(r"(?:\bnever|\bnot|n't|\bне|\bни разу)(?:\s+\w+){0,2}\s*$", re.IGNORECASE)
_MARK = re.compile(r"[,;:.()—–]")
_TIMES = re.compile(r"\s*(?:раза?\b|times\b|-?fold\b)", re.IGNORECASE)
_DAY_S = 86_400
_HOUR_S = 3_600


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Title(_Model):
    ru: str
    en: str


class ClaimSpec(_Model):
    """One kind of claim; the file's head explains the fields."""

    title: _Title
    unit: Literal["count", "duration", "share", "rate", "clock", "money"]
    near: list[str]
    unless: list[str]
    apart: list[str] = []
    first_if: list[str] = []
    facts: list[str]
    within: float = 0.0
    slack: float = 0.0
    least: float = 0.0
    most: float = 1e12
    criterion: str


class _File(_Model):
    planning: list[str]
    rules: list[str]
    elsewhere: list[str]
    claims: dict[str, ClaimSpec]


@dataclass(frozen=True)
class Claim:
    """A claimed number. `truth` is the log's value (None: it has none), `source` the facts it rests on."""

    id: str
    quote: Quote
    claimed: float
    status: Status
    truth: float | None
    source: str
    criterion: str
    unit: str


@dataclass(frozen=True)
class _Number:
    value: float
    unit: str
    start: int
    end: int
    bound: Literal["", "over", "below"] = ""
    never: bool = False  # "never above 5 %": all the time it was below
    low: bool = False  # told as how far something fell
    listed: bool = False  # a time in a sentence that begins with one, as lines of a timeline do


def check_claims(
    text: str,
    facts: Mapping[str, Any],
    starts_at: datetime | None = None,
    is_instruction: Any = None,
    story: bool = False,
) -> list[Claim]:
    """The checkable claims of a text in order. Its list of actions is left out: plans claim nothing.

    `story`: somebody tells what happened, so that "when" begins no rule.
    """
    book = _load()
    planning = words(book.planning if story else [*book.planning, *book.rules])
    elsewhere = words(book.elsewhere)
    start, end = action_section(text)
    whole = start == 0 and end == len(text)
    claims = []
    for sentence in sentences(text):
        if not whole and start <= sentence.start < end:
            continue
        if is_instruction and is_instruction(sentence):
            continue
        toks = [t for t in tokens(text) if sentence.start <= t.start < sentence.end]
        if any(elsewhere.match(t) for t in toks):
            continue
        if any(planning.match(t) for t in toks) and not _CLOCK.search(sentence.text):
            continue
        claims += _in_sentence(text, sentence, toks, facts, starts_at)
    return claims


@lru_cache(maxsize=1)
def _load() -> _File:
    """Raises LexiconError that says what is wrong with the file."""
    try:
        return _File.model_validate(yaml.safe_load(CLAIMS.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise LexiconError(f"{CLAIMS.name}: {' '.join(str(error).split())[:200]}") from None


def agrees(id: str, text: str, facts: Mapping[str, Any], starts_at: datetime | None = None) -> bool:
    """Whether a text holds a number that would make the claim `id` right, whatever words stand around it."""
    numbers = (n for s in sentences(text) for n in _numbers(s) if n.unit == _load().claims[id].unit)
    quote = Quote(0, 0, "")
    return any(_checked(id, quote, n, facts, starts_at).status == "right" for n in numbers)


def claim_title(id: str, language: str) -> str:
    """What a claim is about, in a person's words."""
    title = _load().claims[id].title
    return title.ru if language == "ru" else title.en


@lru_cache(maxsize=1)
def _compiled() -> dict[str, tuple[Words, Words, Words]]:
    return {
        id: (words(spec.near), words(spec.unless), words(spec.apart)) for id, spec in _load().claims.items()
    }


def _in_sentence(
    text: str, sentence: Span, toks: list[Token], facts: Mapping[str, Any], starts_at: datetime | None
) -> list[Claim]:
    numbers = _numbers(sentence)
    units = {number.unit for number in numbers}
    said = {  # once a sentence: some have thousands of numbers
        id: _said(text, toks, near, unless)
        for id, (near, unless, apart) in _compiled().items()
        if _load().claims[id].unit in units and not any(apart.match(t) for t in toks)
    }
    claims = []
    for number in numbers:
        meant = sorted(
            (distance, id)
            for id in said
            if (spec := _load().claims[id]).unit == number.unit
            and spec.least <= number.value <= spec.most
            and (distance := _distance(text, number, *said[id])) is not None
        )
        quote = Quote(number.start, number.end, text[number.start : number.end])
        checked = [_checked(id, quote, _told(text, number, id), facts, starts_at) for _, id in meant]
        # Where words of two kinds stand around a number, the kind that agrees with the log is the one that is meant.
        claims += [next((c for c in checked if c.status == "right"), checked[0])] if checked else []
    return claims


def _said(text: str, toks: list[Token], near: Words, unless: Words) -> tuple[list[Token], list[Token]]:
    """Words of a claim and words that rule it out; "error" beside "budget" is the budget's own word."""
    spoiling = [i for i, t in enumerate(toks) if unless.match(t)]
    beside = set()
    for i in spoiling:
        for step in (-1, 1):
            j = i + step
            while 0 <= j < len(toks) and toks[j].text in _FILLERS:
                j += step
            low, high = min(i, j), max(i, j)
            if 0 <= j < len(toks) and not _MARK.search(text[toks[low].end : toks[high].start]):
                beside.add(j)
    return [t for i, t in enumerate(toks) if near.match(t) and i not in beside], [toks[i] for i in spoiling]


def _told(text: str, number: _Number, id: str) -> _Number:
    """The number, and whether the words before it say how low something fell."""
    sinking = words(_load().claims[id].first_if)
    before = tokens(text[max(0, number.start - _CLOCK_CHARS) : number.start])
    return replace(number, low=any(sinking.match(t) for t in before))


def _numbers(sentence: Span) -> list[_Number]:
    shift = sentence.start
    found = [_Number(0.0, "money", m.start(), m.end()) for m in _MONEY.finditer(sentence.text)]
    priced = [(m.start("sum"), m.end("sum")) for m in _COST.finditer(sentence.text)]
    found += [
        _Number(0.0, "money", a, b) for a, b in priced if not any(a < n.end and n.start < b for n in found)
    ]
    listed = _CLOCK.match(sentence.text.lstrip("-*•|[( ")) is not None
    for m in _CLOCK.finditer(sentence.text):
        seconds = int(m.group(1)) * _HOUR_S + int(m.group(2)) * 60 + int(m.group(3) or 0)
        found.append(_Number(float(seconds), "clock", m.start(), m.end(), "", listed))
    for q in quantities(sentence.text):
        taken = any(n.start < q.end and q.start < n.end for n in found)
        if not taken and not _is_arithmetic(sentence.text, q) and not (q.bare and q.value < _SMALL):
            bound, never = _bound(sentence.text[: q.start])
            found.append(_Number(q.value, q.unit, q.start, q.end, bound, never))
    shifted = [replace(n, start=n.start + shift, end=n.end + shift) for n in found]
    return sorted(shifted, key=lambda n: n.start)


def _bound(before: str) -> tuple[Literal["", "over", "below"], bool]:
    """Whether a figure is told as a limit: "back over 95 %", "below 20 %"; and as one never passed."""
    over, below = _OVER.search(before), _BELOW.search(before)
    said = over or below
    never = said is not None and _NEVER.search(before[: said.start()]) is not None
    if said is None:
        return "", False
    return ("over" if (over is not None) != never else "below"), never


def _is_arithmetic(sentence: str, quantity: Quantity) -> bool:
    """A factor or a result: "1,200 × 16 = 19,200" or "16 times longer" explains, it does not report."""
    if _TIMES.match(sentence[quantity.end :]) or _TIMES.search(sentence[quantity.start : quantity.end]):
        return True
    around = sentence[: quantity.start].rstrip()[-1:] + sentence[quantity.end :].lstrip()[:1]
    return any(char in "×*=+/" for char in around)


def _distance(text: str, number: _Number, near: list[Token], unless: list[Token]) -> int | None:
    """How far the nearest word of a claim is; None when there is none, or one that rules it out nearer."""
    if number.unit == "money":
        return 0
    reach = _CLOCK_CHARS if number.unit == "clock" else _NEAR_CHARS
    close = [t for t in near if _gap(number, t) <= reach]
    gap = min((_gap(number, t) + _break(text, number, t) for t in close), default=None)
    if gap is None:
        return None
    # "1 200 запросов в секунду" is one thing
    others = [t for t in unless if not number.start <= t.start < number.end]
    spoiling = min((_gap(number, t) + _break(text, number, t) for t in others), default=None)
    return None if spoiling is not None and spoiling < min(gap, _NEAR_CHARS) else gap


def _break(text: str, number: _Number, token: Token) -> int:
    """What a comma or a colon between a number and a word is worth in characters: it ends a clause."""
    low, high = min(number.end, token.end), max(number.start, token.start)
    return _CLAUSE_CHARS if re.search(r"[,;:—–](?=\s)", text[low:high]) else 0


def _gap(number: _Number, token: Token) -> int:
    before = number.start - token.end
    if number.listed and before > 0:
        before *= 6  # in a timeline the time comes first; what stands before it belongs to the line before
    return max(token.start - number.end, before, 0)


def _checked(
    id: str, quote: Quote, number: _Number, facts: Mapping[str, Any], starts_at: datetime | None
) -> Claim:
    spec = _load().claims[id]
    known = [(value, name) for name in spec.facts if (value := _fact(name, facts)) is not None]
    if number.unit == "clock":
        known = [(_clock_of(value, starts_at), name) for value, name in known] if starts_at else []
    if not known:
        return Claim(id, quote, number.value, "not supported", None, "", spec.criterion, spec.unit)
    if number.never:
        known = [(value, name) for value, name in known if not _agrees(number, value, spec)] or known
    for value, name in known:
        if _agrees(number, value, spec):
            return Claim(id, quote, number.value, "right", value, name, spec.criterion, spec.unit)
    value, name = known[0] if number.low else min(known, key=lambda k: abs(_off(number, k[0])))
    return Claim(id, quote, number.value, "wrong", value, name, spec.criterion, spec.unit)


def _fact(name: str, facts: Mapping[str, Any]) -> float | None:
    """A fact, or the difference "later - earlier" of two; None when the log has no such number."""
    parts = [facts.get(part.strip()) for part in name.split(" - ")]
    if any(p is None or isinstance(p, bool) or not isinstance(p, int | float) for p in parts):
        return None
    values = [float(p) for p in parts if p is not None]
    return values[0] - sum(values[1:])


def _clock_of(t_s: float, starts_at: datetime) -> float:
    start = starts_at.hour * _HOUR_S + starts_at.minute * 60 + starts_at.second
    return (start + t_s) % _DAY_S


def _off(number: _Number, value: float) -> float:
    """How far a claim is off; clocks may run in any time zone, so whole hours do not count."""
    difference = number.value - value
    if number.unit == "clock":
        return (difference + _HOUR_S / 2) % _HOUR_S - _HOUR_S / 2
    return difference


def _agrees(number: _Number, value: float, spec: ClaimSpec) -> bool:
    if number.bound:
        return value >= number.value if number.bound == "over" else value <= number.value
    return abs(_off(number, value)) <= max(spec.slack, spec.within * abs(value)) + 1e-9
