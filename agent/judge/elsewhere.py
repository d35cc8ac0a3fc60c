"""Stretches that speak of another incident than the question's: its own mechanism, and nothing in common.

Knows the question by its concepts, words and figures. Without a question, or where it names no mechanism, nothing is
elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from agent.concepts import Match
from agent.judge.company import load_company
from agent.judge.groups import ANYWHERE, IDEAS, group_of, mechanism_of, mechanisms_of
from agent.judge.sieve import is_past
from agent.text import Token

_MECHANISM = "mech"
_TERMS = IDEAS | {"term"}
_WEIGHED = frozenset({"story.hypothesis", "story.refuted", "pm.wrong_path"})  # a false trail leads elsewhere
_NEAR = (
    6  # sentences: two that name another mechanism so close together speak of it; one may do so in passing
)
_ENOUGH = 2  # words in common that are no chance
_LONG = 3  # signs below which a figure is shared by chance


@dataclass(frozen=True)
class Subject:
    """What the question speaks of: ideas, words that are no terms of the trade, figures."""

    ideas: frozenset[str]
    words: frozenset[str]
    figures: frozenset[str]


def fits_everywhere(concept: str) -> bool:
    """Whether a concept of the trade tells nothing of the subject: an alert, a server, a table."""
    return concept in ANYWHERE or group_of(concept) in ("term", "design")


def subject_of(words: Sequence[Token], found: Sequence[Match], about: Sequence[Match]) -> Subject:
    """`words` (those that tell a subject) and `found` of the question as shown, `about` of all that is known of it."""
    terms = [(m.start, m.end) for m in found if group_of(m.concept) in _TERMS]
    common = load_company().common
    return Subject(
        frozenset(m.concept for m in about if group_of(m.concept) in IDEAS) - ANYWHERE,
        frozenset(
            w.lemma
            for w in words
            if w.text.isalpha() and w.lemma not in common and not any(a <= w.start < b for a, b in terms)
        ),
        frozenset(w.text for w in words if _is_figure(w)),
    )


def elsewhere(told: Sequence[tuple[Sequence[Token], Sequence[Match]]], subject: Subject) -> frozenset[int]:
    """Which sentences (words, concepts) belong to such a stretch."""
    if not any(group_of(idea) == _MECHANISM for idea in subject.ideas):
        return frozenset()
    found: set[int] = set()
    stretch: list[int] = []
    for i, (words, ideas) in enumerate(told):
        shared = _shared(words, ideas, subject)
        if shared >= _ENOUGH:
            found |= _foreign(stretch, told)
            stretch = []
        elif not shared or _names_mechanism(ideas):
            stretch.append(i)  # one word in common is by chance where another mechanism is named
    return frozenset(found | _foreign(stretch, told))


def _foreign(stretch: list[int], told: Sequence[tuple[Sequence[Token], Sequence[Match]]]) -> set[int]:
    if any(_weighed(*told[i]) for i in stretch):
        return set()
    named = [i for i in stretch if _names_mechanism(told[i][1])]
    found: set[int] = set()
    for first, second in pairwise(named):
        if second - first <= _NEAR:
            found.update(i for i in stretch if first - 1 <= i <= second + _NEAR)
    return found


def _weighed(words: Sequence[Token], found: Sequence[Match]) -> bool:
    """Somebody followed a false trail there."""
    return any(m.concept in _WEIGHED for m in found) and any(is_past(w) for w in words)


def _shared(words: Sequence[Token], found: Sequence[Match], subject: Subject) -> int:
    """How many words and general measures a sentence shares with the question; its mechanism, a measure against it or a
    figure in common is enough by itself."""
    own = mechanisms_of(subject.ideas)
    shared = {m.concept for m in found if m.concept in subject.ideas}
    if shared - {c for c in shared if not mechanism_of(c)} or any(m.concept in own for m in found):
        return _ENOUGH
    if any(w.text in subject.figures for w in words) or (shared and not _names_mechanism(found)):
        return _ENOUGH
    return len(shared) + len({w.lemma for w in words} & subject.words)


def _names_mechanism(found: Sequence[Match]) -> bool:
    return any(group_of(m.concept) == _MECHANISM for m in found)


def _is_figure(word: Token) -> bool:
    return word.text[0].isdigit() and len(word.text) >= _LONG
