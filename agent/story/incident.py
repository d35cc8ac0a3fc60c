"""A played incident as its log tells it, and what a story says about it: right, wrong, not supported.

Plain data: it is made once, when a story begins, and kept in the story's own log; no simulator is needed again.
Numbers and times go through agent/claims.py, as a post-mortem's do; deeds ("I rolled back") are looked up among the
commands of the session.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from agent.claims import Status, agrees, check_claims, claim_title
from agent.judge.reading import addresses_grader
from agent.plural import separated
from agent.story.book import Deed, Unit, book, deed_book
from agent.text import normalise, sentences

_CLOCK = re.compile(r"(?<![\d:+])([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?![\d:])")
_DENIAL = re.compile(r"\b(?:не|нет|no|not|never)\b|n't\b", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[.,;:!?—](?=\s|$)|[()\n«»\"“”]")
_CLAUSE_CHARS = 60  # of a clause on each side of what is claimed
_CLOCK_CHARS = 30  # how far a time may stand from the verb it belongs to
_CLOCK_SLACK_S = 60.0
_HOUR_S = 3600.0


@dataclass(frozen=True)
class Incident:
    """`facts` by name as simulator.facts gives them, `commands` with their seconds as they were carried out."""

    session: str
    scenario: str
    title: Mapping[str, str]
    brief: Mapping[str, str]
    themes: Sequence[str]
    starts_at: str  # ISO 8601
    facts: Mapping[str, float | None]
    commands: Sequence[tuple[float, str]] = field(default_factory=tuple)

    @staticmethod
    def of(known: Mapping[str, Any]) -> Incident:
        """From what `known` of another one gave; the log's JSON has lists for tuples."""
        commands = tuple((float(t_s), str(line)) for t_s, line in known["commands"])
        return Incident(**{**known, "themes": tuple(known["themes"]), "commands": commands})

    def known(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def began(self) -> datetime:
        return datetime.fromisoformat(self.starts_at)

    @property
    def happened(self) -> bool:
        """Whether anything went wrong in the session at all."""
        return any(self.facts.get(name) is not None for name in ("started_s", "detected_s")) or bool(
            self.facts.get("violations")
        )


@dataclass(frozen=True)
class Checked:
    """Something a story says about the incident, at text[start:end]; `phrase` is the clause around it.

    `truth` is the log's word, written out, `source` the facts it rests on.
    """

    id: str
    start: int
    end: int
    quote: str
    status: Status
    truth: str
    title: str
    phrase: str
    source: str = ""
    corrected: bool = False

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "start": self.start,
            "end": self.end,
            "quote": self.quote,
            "status": self.status,
            "truth": self.truth or None,
            "title": self.title,
            "phrase": self.phrase,
            "source": self.source or None,
            "corrected": self.corrected,
        }


def check(text: str, incident: Incident, lang: str) -> list[Checked]:
    """Everything in a text that the incident's log can confirm or refute, in the order of the text."""
    claims = [
        Checked(
            c.id, c.quote.start, c.quote.end, c.quote.text, c.status,
            "" if c.truth is None else written(c.truth, c.unit, lang), claim_title(c.id, lang),
            _clause(text, c.quote.start, c.quote.end), c.source,
        )
        for c in check_claims(text, incident.facts, incident.began, lambda s: addresses_grader(s.text), True)
    ]  # fmt: skip
    deeds = _deeds(text, incident, lang)
    covered = {(d.start, d.end) for d in deeds}
    # "I rolled the release back at 14:07": the verb says which time is meant, better than the nearest noun.
    found = [*(c for c in claims if (c.start, c.end) not in covered), *deeds]
    return sorted(found, key=lambda c: (c.start, c.end, c.id))


def answers(text: str, asked: Checked, incident: Incident, lang: str) -> bool:
    """Whether an answer to a question about a wrong claim puts it right, though it does not name it again."""
    if not asked.id.startswith("deed."):
        return agrees(asked.id, text, incident.facts, incident.began)
    times = _times(deed_book().deeds[asked.id.removeprefix("deed.")], incident)
    if times:
        told = list(_CLOCK.finditer(text))
        return any(abs(_off(clock, incident, t_s)) <= _CLOCK_SLACK_S for clock in told for t_s in times)
    again = any(c.id == asked.id for c in check(text, incident, lang))
    return not again and _DENIAL.search(text) is not None


def fact_sheet(incident: Incident, lang: str) -> list[tuple[str, str, str]]:
    """What the log holds, as (fact, name, figure); what did not happen is left out."""
    lines = []
    for line in book().facts:
        value = incident.facts.get(line.id)
        if value is None or (value == 0 and line.unit == "count"):
            continue
        figure = _at(incident, value) if line.unit == "clock" else written(value, line.unit, lang)
        lines.append((line.id, line.title.of(lang), figure))
    return lines


def written(value: float, unit: Unit | str, lang: str) -> str:
    """A figure as a person would write it; a clock's value is seconds of the day."""
    if unit == "clock":
        second = round(value)
        return f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    if unit == "duration":
        whole = round(value)
        minutes, rest = divmod(whole, 60)
        if lang == "ru":
            return f"{minutes} мин {rest} с" if minutes else f"{rest} с"
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    if unit == "share":
        text = f"{value * 100:.1f}"
        return f"{text.replace('.', ',')} %" if lang == "ru" else f"{text}%"
    count = f"{value:,.0f}"
    count = separated(count, lang)
    return count + ({"ru": " в секунду", "en": " a second"}[lang] if unit == "rate" else "")


def _at(incident: Incident, t_s: float) -> str:
    return f"{incident.began + timedelta(seconds=round(t_s)):%H:%M:%S}"


def _clause(text: str, start: int, end: int) -> str:
    """The words around text[start:end], up to the nearest marks, on one line."""
    low, high = max(0, start - _CLAUSE_CHARS), min(len(text), end + _CLAUSE_CHARS)
    before = [m.end() for m in _CLAUSE_END.finditer(text, low, start)]
    after = _CLAUSE_END.search(text, end, high)
    first = before[-1] if before else low if low == 0 else text.find(" ", low, start) + 1 or low
    last = after.start() if after else high if high == len(text) else text.rfind(" ", end, high)
    return " ".join(text[first : last if last > end else end].split())


# -- deeds


def _deeds(text: str, incident: Incident, lang: str) -> list[Checked]:
    found: list[Checked] = []
    for sentence in sentences(text):
        if addresses_grader(sentence.text):
            continue
        for id, deed in deed_book().deeds.items():
            found += _deed_in(sentence.text, sentence.start, id, deed, incident, lang)
    return found


def _deed_in(sentence: str, shift: int, id: str, deed: Deed, incident: Incident, lang: str) -> list[Checked]:
    """The first telling of a deed in a sentence, and the time beside it."""
    norm = normalise(sentence)
    said = next((m for p in deed.said if (m := p.search(norm.text))), None)
    if said is None or not _by_the_teller(norm.text[: said.start()], said.group()):
        return []
    times = _times(deed, incident)
    span = norm.span(said.start(), said.end())
    quote = sentence[span.start : span.end]
    clock = min(
        (m for m in _CLOCK.finditer(sentence) if _gap(m, span.start, span.end) <= _CLOCK_CHARS),
        key=lambda m: _gap(m, span.start, span.end),
        default=None,
    )
    title = deed.title.of(lang)
    if clock is None or not times:
        status: Status = "right" if times else "wrong"
        truth = ", ".join(_at(incident, t_s) for t_s in times[:3])
        phrase = _clause(sentence, span.start, span.end)
        at = (shift + span.start, shift + span.end)
        return [Checked(f"deed.{id}", *at, quote, status, truth, title, phrase, ", ".join(deed.facts))]
    nearest = min(times, key=lambda t_s: abs(_off(clock, incident, t_s)))
    status = "right" if abs(_off(clock, incident, nearest)) <= _CLOCK_SLACK_S else "wrong"
    phrase = _clause(sentence, min(span.start, clock.start()), max(span.end, clock.end()))
    at = (shift + clock.start(), shift + clock.end())
    truth = _at(incident, nearest)
    return [Checked(f"deed.{id}", *at, clock.group(), status, truth, title, phrase, ", ".join(deed.facts))]


def _by_the_teller(before: str, verb: str) -> bool:
    """Whether what stands before a verb leaves the teller as the one who did it, and it was done at all."""
    teller = deed_book().teller
    subject = teller.latin if verb[:1].isascii() else teller.cyrillic
    return subject.search(before) is not None and deed_book().not_said.search(before) is None


def _times(deed: Deed, incident: Incident) -> list[float]:
    """When the session's log shows the deed, earliest first."""
    times = [t_s for t_s, line in incident.commands if any(p.search(line) for p in deed.done)]
    known = [incident.facts.get(name) for name in deed.facts]
    return sorted({round(t_s, 1) for t_s in [*times, *(t for t in known if t is not None)]})


def _gap(clock: re.Match[str], start: int, end: int) -> int:
    return max(start - clock.end(), clock.start() - end, 0)


def _off(clock: re.Match[str], incident: Incident, t_s: float) -> float:
    """Seconds between a time told and a second of the log; whole hours do not count (time zones)."""
    hours, minutes, seconds = (int(part or 0) for part in clock.groups())
    at = incident.began + timedelta(seconds=t_s)
    off = hours * _HOUR_S + minutes * 60 + seconds - (at.hour * _HOUR_S + at.minute * 60 + at.second)
    return (off + _HOUR_S / 2) % _HOUR_S - _HOUR_S / 2
