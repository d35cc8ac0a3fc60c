"""Whether the terms of a stretch keep company that terms keep: grammar alone joins a runbook to a quorum.

Two terms in one breath (few words between them, no comma and no "and") are linked. Each link has a weight: how much more
or less often written sentences link the two than chance would (benchmarks/judge_company.py, rubrics/company.json). One odd
link is an unusual thought; a stretch of nothing but odd links says nothing. Neither the subject nor the quality of a text
is in it.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from agent.concepts import Match
from agent.judge.groups import IDEAS, group_of
from agent.rubric import COMPANY_FILE, RUBRICS, RubricError
from agent.text import Span, Token

_REACH = 4  # words from one term to the next
_MOST_TERMS = 40  # within reach of one: words have several readings
_LONGEST = 30  # signs of a phrase that is one term; longer ones hold a clause
_APART = re.compile(r"[,;:()—–/|+\"«»\n.&]|\b(?:and|or|plus|then|и|или|потом|затем)\b", re.IGNORECASE)
_TERM = "term.software"
_DOUBT = 0.5  # links that count as seen and as expected before any were
_STRETCH = 4  # sentences
# The sum over the worst stretch of a text: of 240 texts by authors not learnt from, one in twenty lies below the upper,
# one in two hundred below the lower.
_ODD, _NONSENSE = -4.5, -7.0


@dataclass(frozen=True)
class Company:
    """Sentences learnt from, in how many of them a term stands, and two terms linked (in the order of the alphabet);
    and the words that are in the accounts of so many incidents that they tell none of them."""

    sentences: int
    terms: Mapping[str, int]
    links: Mapping[tuple[str, str], int]
    common: frozenset[str]

    def weight(self, link: tuple[str, str]) -> float:
        """The logarithm of how much more often the two are linked than they would meet by chance."""
        first, second = link
        expected = self.terms.get(first, 0) * self.terms.get(second, 0) / max(1, self.sentences)
        return math.log((self.links.get(link, 0) + _DOUBT) / (expected + _DOUBT))


class Term(NamedTuple):
    """A word of a sentence that is a term: its place, its name, and the phrase it belongs to."""

    place: int
    name: str
    word: Token
    start: int
    end: int


def terms_of(words: Sequence[Token], found: Sequence[Match]) -> list[Term]:
    """Each word of a sentence that is a term: ideas by name, other terms by their stem."""
    ideas = [m for m in found if group_of(m.concept) in IDEAS and m.end - m.start < _LONGEST]
    others = [m for m in found if m.concept == _TERM]
    terms = []
    for i, word in enumerate(words):
        named = sorted((m.concept, m.start, m.end) for m in ideas if m.start <= word.start < m.end)
        if not named and any(m.start <= word.start < m.end for m in others):
            named = [(word.lemma, word.start, word.end)]
        terms += [Term(i, name, word, start, end) for name, start, end in named]
    return terms


def links_of(span: Span, terms: Sequence[Term]) -> set[tuple[str, str]]:
    """The pairs of different terms of a sentence that stand in one breath; two readings of one phrase are no pair."""
    linked = set()
    for i, one in enumerate(terms):
        for other in terms[i + 1 : i + 1 + _MOST_TERMS]:
            if other.place - one.place > _REACH:
                break
            if (
                one.name == other.name
                or other.place == one.place
                or (one.start < other.end and other.start < one.end)
            ):
                continue
            if not _APART.search(span.text, one.word.end - span.start, other.word.start - span.start):
                linked.add((min(one.name, other.name), max(one.name, other.name)))
    return linked


def sense(told: Sequence[tuple[Span, Sequence[Token], Sequence[Match]]]) -> list[float]:
    """How much each sentence may count for, 0 to 1: the least of the stretches it is in."""
    company = load_company()
    weights = [
        sum(company.weight(link) for link in sorted(links_of(span, terms_of(words, found))))
        for span, words, found in told
    ]
    best = [1.0] * len(told)
    for first in range(len(told)):
        total = 0.0
        for last in range(first, min(len(told), first + _STRETCH)):
            total += weights[last]
            share = min(1.0, max(0.0, (total - _NONSENSE) / (_ODD - _NONSENSE)))
            if share < 1.0 and weights[first] < 0 and weights[last] < 0:
                best[first : last + 1] = [min(b, share) for b in best[first : last + 1]]
    return best


@lru_cache(maxsize=2)
def load_company(folder: Path = RUBRICS) -> Company:
    """What was learnt. Raises RubricError."""
    path = folder / COMPANY_FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        links = {
            (first, second): int(n) for first, rest in raw["links"].items() for second, n in rest.items()
        }
        terms = {str(t): int(n) for t, n in raw["terms"].items()}
        return Company(int(raw["sentences"]), terms, links, frozenset(map(str, raw["common"])))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RubricError(f"{path.name}: not readable: {type(error).__name__}: {error}") from None
