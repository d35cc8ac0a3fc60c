"""Figures and names that a sentence states of a system; the ornaments that only look like them are left out.

A list marker, a clock time, a date, a year or a priority says when or in which order, not how much, so none of
them makes a sentence checkable. Neither does a figure inside something denied.
"""

import re
from functools import lru_cache

from agent.judge.coherence import misfits
from agent.judge.groups import IDEAS, TECHNICAL, group_of
from agent.judge.naming import is_empty
from agent.judge.order import FUNCTION_WORDS
from agent.judge.patterns import TIME
from agent.judge.reading import Reading, Sentence
from agent.text import normalise, word_set

NUMBER_WORDS = word_set(
    "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty hundred half "
    "twice thrice fourteen dozen два две три четыре пять шесть семь восемь девять десять пятнадцать двадцать "
    "тридцать сорок пятьдесят сто вдвое втрое половина дважды трижды полчаса"
)
_IDENTIFIER = re.compile(
    r"`[^`\n]+`|\b[A-Za-z]+_[A-Za-z_]+\b|\b[a-z]+[A-Z]\w+\b|\b[a-z]+(?:\.[a-z]+){2,}\b|\b[A-Z]{3,}(?: [A-Z]{2,})+\b"
    r"|\b[\w.]+\s?=\s?[\w.%]+|(?<!\w)/[a-z]+(?:/[a-z{}]+)*\b|\b[A-Za-z]+\([^)\s][^)]*\)"
)
_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|янв|фев|мар|апр|ма[яй]|июн|июл|авг|сен|окт|ноя|дек)"
)
_ORNAMENT = re.compile(
    r"^\W*\d{1,2}\s*[.)|](?!\d)"  # 1. 2) | 3 |
    r"|\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b"
    r"|\([^()\n]{0,40}\d{1,2}[./]\d{1,2}[^()\n]{0,10}\)"  # (Ivan, 12.05)
    r"|(?:\b(?:by|due|until|до|к)\s|[(,—–]\s?)\d{1,2}[./]\d{1,2}(?=\s*(?:[),.;—–]|$))"  # by 14.05, Ivan - 12.05
    rf"|\b\d{{1,2}}(?:th|st|nd|rd)?\s{_MONTH}\w*|\b{_MONTH}\w*\s\d{{1,2}}\b"
    r"|\b(?:in|since|of|в|с|за)\s(?:19|20)\d{2}\b(?!\s?(?:rps|ms|мс|req|/))|\b(?:19|20)\d{2}\s(?:году?|года|г\.)"
    r"|\b(?:hypothes[ie]s|version|variant|option|step|item|point|guess|theory|гипотез\w+|верси\w+|вариант\w*|шаг\w*|пункт\w*|догадк\w+)\s(?:№\s?)?\d{1,2}\b"
    r"|\b[PpПп]\d\b|\b(?:sprint|спринт\w*)\s\d+"
    r"|\b[A-Z][\w.]+\s\d+\.\d+(?:\.\d+)*\b"  # PostgreSQL 16.2
    r"|\(\s*\d{1,2}:\d{2}(?::\d{2})?\s*\)\W*$"  # a time of nothing behind a sentence: "(14:02)"
    r"|(?<=[.!?…]\s)\(\s*~?\d[\d.,]*\s*%?\s*\)\W*$",  # a share of nothing, glued on behind the full stop: "(42 %)"
    re.IGNORECASE,
)
_WISH = re.compile(
    r"\b(?:should|must|need to|will|would|could|let's|have to)\b|\b(?:надо|нужно|следует|необходимо|должн\w+|стоит)\b",
    re.IGNORECASE,
)
_UNDONE = re.compile(
    r"^\W*(?:(?:i|we|nobody) (?:did ?n[o'’]t|have ?n[o'’]t|had ?n[o'’]t|never)\b|(?:я|мы) (?:\w+ )?не \w+(?:л|ла|ли|лся|лись)\b)",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\b(?:because|since|so|but|until|потому|поскольку|так как|чтобы|но|иначе|пока)\b|[:—–;]", re.IGNORECASE
)
_TOLD = 0.5
_SUM = 3  # figures of a sentence that may be a sum of nothing
_UNITS = word_set(
    "sec second min minute hour day week month year bit byte gbit mbit rps qps percent секунда минута час день сутки неделя "
    "месяц год бит байт гбит мбит гбайт процент примерно около млн тыс млрд"
)
_SHOUTED = 0.6  # share of capitals above which capitals mean nothing


def new_numbers(reading: Reading, sentence: Sentence) -> frozenset[str]:
    """Numbers the sentence adds to what the question already gave."""
    if _only_denied(sentence) or undone(sentence) or sentence.refused or not sentence.related:
        return frozenset()
    if misfits(sentence.span) or only_named(sentence) or not reading.figures_in_place:
        return frozenset()
    if reading.of_incident and _bare_sum(sentence) and not _figures(sentence) & reading.context_numbers:
        return frozenset()
    text, first = sentence.span.text, sentence.span.start
    ornaments = _ornaments(text) + (() if reading.times_tell and of_the_trade(sentence) else _times(text))
    found = set()
    for word in sentence.words:
        if word.start in sentence.stale:
            continue
        if word.text[0].isdigit():
            at = word.start - first
            given = not reading.story and word.text in reading.context_numbers
            if not given and not any(a <= at < b for a, b in ornaments):
                found.add(word.text)
        elif word.text in NUMBER_WORDS or word.lemma in NUMBER_WORDS:
            found.add(word.lemma)
    return frozenset(found)


def _figures(sentence: Sentence) -> set[str]:
    return {w.text for w in sentence.words if w.text[0].isdigit()}


def _bare_sum(sentence: Sentence) -> bool:
    """Figures and units with hardly a word of what they are: a day has 86,400 s whatever broke."""
    if any(group_of(m.concept) in IDEAS for m in sentence.matches):
        return False
    words = [
        w for w in sentence.words if w.text.isalpha() and len(w.text) > 2 and w.text not in FUNCTION_WORDS
    ]
    own = [w for w in words if not {w.text, w.lemma} & _UNITS and not is_empty(w)]
    return len(_figures(sentence)) >= _SUM and len(own) < 2


@lru_cache(maxsize=2000)  # each sentence is asked about by many signals
def _ornaments(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(m.span() for m in _ORNAMENT.finditer(text))


@lru_cache(maxsize=2000)
def _times(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(m.span() for m in TIME.finditer(text))


def of_the_trade(sentence: Sentence) -> bool:
    """A time beside something that happened to a system is a fact, beside a wish or empty talk an ornament."""
    groups = {group_of(m.concept) for m in sentence.matches}
    return bool(groups) and not groups & {"vague", "blame"} and not _WISH.search(sentence.span.text)


def body_words(sentence: Sentence) -> int:
    """Words of a sentence without its marker, date and the bracket that names who and when."""
    spans, first = _ornaments(sentence.span.text), sentence.span.start
    return sum(not any(a <= w.start - first < b for a, b in spans) for w in sentence.words)


def undone(sentence: Sentence) -> bool:
    """ "I did not set an alert on the pool above 80 %": what was not done, without a reason, is no deed."""
    return bool(_UNDONE.match(sentence.span.text)) and not _REASON.search(sentence.span.text)


def only_named(sentence: Sentence) -> bool:
    """Whether a sentence belongs to a stretch that names things rather than tells of them."""
    return sentence.worth < _TOLD


def _only_denied(sentence: Sentence) -> bool:
    """Something technical is said not to be, and nothing is said besides."""
    if not any(group_of(m.concept) in TECHNICAL for m in sentence.denied):
        return False
    return not any(group_of(m.concept) not in ("term", "vague", "role") for m in sentence.matches)


def identifiers(sentence: Sentence) -> frozenset[str]:
    """Names that only a system has: settings, functions, paths, SQL."""
    if _only_denied(sentence) or undone(sentence) or sentence.refused or only_named(sentence):
        return frozenset()
    stale = sorted(start - sentence.span.start for start in sentence.stale)
    return _names(sentence.span.text, tuple(stale))


@lru_cache(maxsize=2000)
def _names(text: str, stale: tuple[int, ...] = ()) -> frozenset[str]:
    plain = normalise(text).text
    capitals = sum(map(str.isupper, plain))
    if len(plain) > 20 and capitals > _SHOUTED * sum(map(str.isalpha, plain)):
        plain = plain.lower()
    found = _IDENTIFIER.finditer(plain)
    return frozenset(m.group() for m in found if not any(m.start() <= at < m.end() for at in stale))
