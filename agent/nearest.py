"""Which remedy an item's words are closest to: the phrasings read as bags of words, weighed by how telling a word is.

For items that no phrasing matches as a whole. A word counts for every remedy whose phrasings, ideas or title use it,
and the more, the fewer remedies do. Finds candidates only; whether an item proposes them is decided in mapping.py.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from agent.ideas import load_ideas
from agent.phrasings import Phrasings, load_phrasings
from agent.text import Token, lemma, tokens, word_set
from simulator.interventions import CATALOGUE

_LEAST = {3: 6.0, 4: 5.2}  # evidence by the number of words that give it; below it they met by chance
_LIKELY = 1.3  # what a remedy that goes with the incident has ahead of the others
_STRANGE = 1.5  # times the least evidence for a remedy that does not go with an incident whose author names those that do
_AHEAD = 1.06  # times the evidence of the second
_KNOWN = 0.22  # share of the item's telling words that the remedy must explain
_WORDS = max(_LEAST)
_IDEA_SHARE = 0.2
_TITLE_SHARE = 0.3
_FULL_SHARE = 0.25  # a word in a quarter of a remedy's phrasings tells as much as one in all of them
_SHORT = 3
_ROOT = 5
_PREFIX = re.compile(r"^(?:за|рас|раз|от|вы|пере|при|до|на|под|по|пре|про|со|у|re|un|over|pre)-?")

# Words of grammar, by lemma; "before", "itself" or "two" are none of them: they tell remedies apart.
_GRAMMAR = word_set(
    "all everi each the and for with that this these those they them ani some most not than then from our your has have "
    "had doe did never will would can could should must who what which whose when where are was were been be but also into "
    "все весь этот тот который каждый какой что как для или они она оно мы вы его ее их свой наш быть бы же чтобы но "
    "если когда где еще уже так там мочь должный нужно надо"
)

_CENTRE = ("centre", "center", "centres", "centers")  # "data centre" is one word in two

Bag = dict[str, float]  # remedy -> share of its phrasings


@dataclass(frozen=True)
class Index:
    """Word forms and beginnings of words, each with the remedies that use it."""

    forms: dict[str, Bag]
    prefixes: dict[str, Bag]
    remedies: int

    def evidence(self, token: Token) -> dict[str, float]:
        """What one word says for each remedy; a word that all of them use says little."""
        found: Bag = {}
        places = [self.forms.get(token.text), self.forms.get(token.lemma)]
        places += [self.prefixes.get(token.text[:n]) for n in range(2, len(token.text) + 1)]
        for bag in places:
            for remedy, share in (bag or {}).items():
                found[remedy] = max(found.get(remedy, 0.0), share)
        if not found:
            return {}
        telling = math.log(1 + self.remedies / len(found))
        return {r: telling * min(1.0, math.sqrt(s / _FULL_SHARE)) for r, s in found.items()}


@dataclass(frozen=True)
class Near:
    """A remedy with its evidence and the first and last token that speak for it."""

    id: str
    evidence: float
    lo: int
    hi: int
    words: int
    places: tuple[int, ...] = ()  # of the tokens that speak for it


@lru_cache(maxsize=1)
def index() -> Index:
    """Built once from the shipped phrasings, ideas and titles."""
    book, ideas = load_phrasings(), load_ideas()
    found = Index({}, {}, len(book.specs))
    for remedy, bags in book.bags.items():
        for options in bags:
            _add(found, options, remedy, 1 / len(book.bags[remedy]))
    for remedy, names in ideas.remedies:
        for name in names:
            _add(found, ideas.patterns[name], remedy, _IDEA_SHARE)
    for remedy in book.specs:
        entry = CATALOGUE[remedy]
        for title in (entry.title.ru, entry.title.en):
            _add(found, [t.text for t in tokens(title) if len(t.text) >= _SHORT], remedy, _TITLE_SHARE)
    return found


def _add(into: Index, patterns: Iterable[str], remedy: str, share: float) -> None:
    for pattern in patterns:
        if pattern.endswith("*"):
            bag = into.prefixes.setdefault(pattern[:-1], {})
            bag[remedy] = bag.get(remedy, 0.0) + share
        else:
            for form in sorted({pattern, lemma(pattern)}):
                bag = into.forms.setdefault(form, {})
                bag[remedy] = bag.get(remedy, 0.0) + share


def ranked(toks: tuple[Token, ...], likely: frozenset[str] = frozenset()) -> tuple[list[Near], float]:
    """The remedies by evidence, best first, and the most evidence that the item's words could give.

    `likely`: remedies that go with the incident; of two that words mean alike, one of these is meant.
    """
    total: dict[str, float] = {}
    places: dict[str, list[int]] = {}
    most = 0.0
    seen = set(_GRAMMAR)
    for i, token in enumerate(toks):
        if token.lemma in seen or len(token.text) < _SHORT or _half_a_word(toks, i):
            continue
        seen.add(token.lemma)
        said = _evidence(token.text, token.lemma)
        most += max((weight for _, weight in said), default=0.0)
        for remedy, weight in said:
            total[remedy] = total.get(remedy, 0.0) + weight * (_LIKELY if remedy in likely else 1.0)
            places.setdefault(remedy, []).append(i)
    order = sorted(total, key=lambda r: (-round(total[r], 6), r))
    near = [Near(r, total[r], at[0], at[-1], len(at), tuple(at)) for r in order for at in (places[r],)]
    return near, most


def _half_a_word(toks: tuple[Token, ...], i: int) -> bool:
    return toks[i].text == "data" and i + 1 < len(toks) and toks[i + 1].text in _CENTRE


@lru_cache(maxsize=20_000)
def _evidence(text: str, stem: str) -> tuple[tuple[str, float], ...]:
    found = index().evidence(Token(0, 0, text, stem))
    root = _PREFIX.sub("", text)
    if not found and len(root) >= _ROOT:  # "перекладывать" where the phrasings have "кладут"
        found = index().evidence(Token(0, 0, root, lemma(root)))
    return tuple(found.items())


def nearest(toks: tuple[Token, ...], book: Phrasings, likely: frozenset[str] = frozenset()) -> Near | None:
    """The remedy that is meant, if one is clearly ahead; of two that contain each other the smaller."""
    order, most = ranked(toks, likely)
    if not order:
        return None
    first = order[0]
    least = _LEAST.get(min(first.words, _WORDS))
    if least is not None and likely and first.id not in likely:
        least *= _STRANGE
    if least is None or first.evidence < max(least, _KNOWN * most):
        return None
    close = [n for n in order[1:] if n.evidence * _AHEAD > first.evidence]
    smaller = [n for n in close if n.id in book.covers.get(first.id, ())]
    if smaller:
        first = smaller[0]
    kin = {first.id, *(id for id, parts in book.covers.items() if first.id in parts)}
    return None if any(n.id not in kin and n not in smaller for n in close) else first


def evidence_for(
    toks: tuple[Token, ...], remedies: Iterable[str], likely: frozenset[str] = frozenset()
) -> dict[str, float]:
    """What the words say for each of these remedies."""
    wanted = set(remedies)
    return {n.id: n.evidence for n in ranked(toks, likely)[0] if n.id in wanted}
