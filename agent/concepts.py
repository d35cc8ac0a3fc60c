"""Finding concepts in a text: phrases of lemmas with gaps, a negation gate, tolerance for typos.

Knows how to read and match a lexicon, not what any concept means or is worth.

A lexicon file maps concept ids to phrasings by language:

    concepts:
      canary: {ru: ["канаре*", "постепенн* раскатк*|выкатк*"], en: ["canary", "gradual rollout"]}

Phrase syntax, one blank between elements: `word` any form of it; `stem*` any word that begins so; `a|b`
alternatives; `a|b_c` alternatives of which one is several words; `#` any number; `..` up to 4 words between; `...` up to 8; `x y & z` both parts in one
sentence, at most 10 words apart, in either order. Function words between elements are skipped.
"""

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from agent.text import Token, is_known_word, lemma, sentences, tokens, word_set

_GAPS = {"..": 4, "...": 8}
_BOTH_WITHIN = 10
_FUNCTION_WORDS = word_set(
    "a an the of to in on at for by with from and or our its their this that these is are be was were "
    "will в во на по к ко с со у из за о об от до для и или а же бы наш их его это этот тот свой при под над"
)
_NEGATORS = word_set(
    "не нет ни без нельзя вместо not no never without don doesn didn isn wasn aren cannot won wouldn nor "
    "lack lacking missing instead отсутствие отсутствовать"
)
_REMOVERS = word_set(
    "disable disabling remove removing skip skipping отключить отключать убрать убирать отменить "
    "отказаться отказываться пропускать"
)
# "не более", "no more than", "not only" limit or add; they deny nothing.
_AFTER_NEGATOR_HARMLESS = word_set(
    "более больше дольше реже поздний поздно позднее позже менее меньше мало много долго только просто "
    "more longer later less fewer only just matter"
)
# "not needed", "не нужен": the need is denied after the thing is named.
_NEEDS = word_set("нужный надо требоваться стоить need necessari requir worth")
_DISMISSALS = word_set("излишний ненужный бессмысленный лишний overkil unnecessari pointless useless")
_NEGATION_REACH = 4
_DOUBLE_REACH = 8
_TYPO_LENGTH = 6  # shorter words are too easily taken for others
_TYPO_DICE = 0.74  # share of letter pairs in common; one lost or doubled letter in six stays above it


class LexiconError(ValueError):
    """A mistake in a lexicon file: one line that names file, concept and phrase."""


@dataclass(frozen=True)
class Match:
    """A concept found at original[start:end] in sentence number `sentence`."""

    concept: str
    start: int
    end: int
    negated: bool
    sentence: int


@dataclass(frozen=True)
class _Part:
    """Elements in order; gaps[i] is how many words may stand before elements[i] (-1: function words only)."""

    elements: tuple[int, ...]
    gaps: tuple[int, ...]


@dataclass(frozen=True)
class _Phrase:
    concept: str
    parts: tuple[_Part, ...]


@dataclass
class Lexicon:
    """Compiled phrases. Build it with `load_lexicon` or `lexicon_from`; it never changes afterwards."""

    digest: str
    concepts: tuple[str, ...]
    _phrases: list[_Phrase] = field(default_factory=list)
    _by_first: dict[int, list[_Phrase]] = field(default_factory=dict)
    _elements: dict[str, int] = field(default_factory=dict)
    _exact: dict[str, list[int]] = field(default_factory=dict)
    _prefix: dict[str, list[int]] = field(default_factory=dict)
    _bigrams: dict[str, list[str]] = field(default_factory=dict)
    _known: dict[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)

    def find(self, text: str) -> list[Match]:
        """All matches, ordered by start, then concept; one a concept and place (the longest)."""
        words = tokens(text)
        if not words:
            return []
        where = _sentence_numbers(text, words)
        positions: dict[int, list[int]] = {}
        for i, word in enumerate(words):
            for element in self._elements_of(word):
                positions.setdefault(element, []).append(i)
        best: dict[tuple[str, int], tuple[int, int]] = {}
        for element in sorted(positions):
            for phrase in self._by_first.get(element, ()):
                for lo, hi in _occurrences(phrase, positions, words, where):
                    key = (phrase.concept, lo)
                    if key not in best or hi > best[key][1]:
                        best[key] = (lo, hi)
        found = [
            Match(concept, words[lo].start, words[hi].end, negated(text, words, where, lo, hi), where[lo])
            for (concept, _), (lo, hi) in best.items()
        ]
        return sorted(found, key=lambda m: (m.start, m.concept, m.end))

    def _elements_of(self, word: Token) -> tuple[int, ...]:
        key = (word.text, word.lemma)
        known = self._known.get(key)
        if known is None:
            known = self._lookup(word.text, word.lemma) or self._typo(word.text)
            self._known[key] = known
            if len(self._known) > 200_000:  # a bound on memory in a long-lived service
                self._known.clear()
        return known

    def _lookup(self, word: str, lemma_: str) -> tuple[int, ...]:
        found = list(self._exact.get(lemma_, ()))
        if word != lemma_:
            found += self._exact.get(word, ())
        if word[0].isdigit():
            found += self._exact.get("#", ())
        for form in {word, lemma_} if word != lemma_ else {word}:
            for end in range(2, len(form) + 1):
                found += self._prefix.get(form[:end], ())
        return tuple(sorted(set(found)))

    def _typo(self, word: str) -> tuple[int, ...]:
        """The elements of the most similar vocabulary word, if it is similar enough."""
        if len(word) < _TYPO_LENGTH or not word.isalpha() or is_known_word(word):
            return ()
        mine = _pairs(word)
        best, best_score = "", _TYPO_DICE
        for other in self._bigrams.get(word[0], ()):
            if abs(len(other) - len(word)) > 1:
                continue
            theirs = _pairs(other)
            score = 2 * len(mine & theirs) / (len(mine) + len(theirs))
            if score > best_score:
                best, best_score = other, score
        return self._lookup(best, best) if best else ()


def load_lexicon(path: Path) -> Lexicon:
    """Read a lexicon file. Raises LexiconError that names file and concept."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        raw_bytes = path.read_bytes()
        raw = yaml.load(raw_bytes, Loader=loader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise LexiconError(f"{path.name}: not readable: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict) or set(raw) != {"concepts"}:
        raise LexiconError(f"{path.name}: expected the single key 'concepts'")
    return lexicon_from(raw["concepts"], path.name, hashlib.sha256(raw_bytes).hexdigest())


def lexicon_from(concepts: Any, name: str, digest: str = "") -> Lexicon:
    """Compile {concept: {language: [phrase, …]}}. Raises LexiconError."""
    if not isinstance(concepts, dict) or not concepts:
        raise LexiconError(f"{name}: concepts: a mapping of concept ids")
    lexicon = Lexicon(digest or hashlib.sha256(repr(concepts).encode()).hexdigest(), tuple(concepts))
    for concept, languages in concepts.items():
        if not isinstance(languages, dict) or not languages or not set(languages) <= {"ru", "en"}:
            raise LexiconError(f"{name}: {concept}: phrasings by language, ru and en")
        for language, phrases in languages.items():
            if not isinstance(phrases, list) or not all(isinstance(p, str) and p.strip() for p in phrases):
                raise LexiconError(f"{name}: {concept}.{language}: a list of phrases")
            for phrase in phrases:
                for plain in _spelled_out(phrase):
                    _add(lexicon, concept, plain, f"{name}: {concept}.{language}: {phrase!r}")
    for word in sorted({*lexicon._exact, *lexicon._prefix}):
        if len(word) >= _TYPO_LENGTH and word.isalpha():
            lexicon._bigrams.setdefault(word[0], []).append(word)
    return lexicon


def _spelled_out(phrase: str) -> list[str]:
    """The phrase once for each alternative of several words, and once for all that are one word."""
    found = [""]
    for element in phrase.split():
        options = element.split("|")
        if len(options) == 1:
            found = [f"{head} {element}" for head in found]
            continue
        single = "|".join(o for o in options if "_" not in o)
        ways = [*([single] if single else []), *(o.replace("_", " ") for o in options if "_" in o)]
        found = [f"{head} {way}" for head in found for way in ways]
    return [head.strip() for head in found]


def _add(lexicon: Lexicon, concept: str, phrase: str, label: str) -> None:
    parts = tuple(_part(lexicon, chunk, label) for chunk in phrase.split("&"))
    compiled = _Phrase(concept, parts)
    lexicon._phrases.append(compiled)
    lexicon._by_first.setdefault(parts[0].elements[0], []).append(compiled)


def _part(lexicon: Lexicon, chunk: str, label: str) -> _Part:
    elements: list[int] = []
    gaps: list[int] = []
    gap = -1
    for piece in chunk.split():
        if piece in _GAPS:
            gap = _GAPS[piece]
            continue
        for word in _words(piece, label):
            elements.append(_element(lexicon, word))
            gaps.append(gap)
            gap = -1
    if not elements or gap != -1:
        raise LexiconError(f"{label}: a phrase begins and ends with a word")
    return _Part(tuple(elements), tuple(gaps))


def _words(piece: str, label: str) -> list[str]:
    """A piece as elements: "circuit-breaker" is two words, "a|b" one element with alternatives."""
    if "|" in piece or piece.endswith("*") or piece == "#":
        for option in piece.split("|"):
            if option != "#" and len(tokens(option.rstrip("*"))) != 1:
                raise LexiconError(f"{label}: {option!r} is not one word")
        return [piece]
    found = [token.text for token in tokens(piece)]
    if not found:
        raise LexiconError(f"{label}: {piece!r} has no word")
    return found


def _element(lexicon: Lexicon, piece: str) -> int:
    """The number of an element; a new one is entered into the indexes."""
    if piece in lexicon._elements:
        return lexicon._elements[piece]
    number = lexicon._elements[piece] = len(lexicon._elements)
    for option in piece.split("|"):
        bare = option.lower().replace("ё", "е")
        if bare.endswith("*"):
            lexicon._prefix.setdefault(bare[:-1], []).append(number)
        else:
            for form in sorted({bare, lemma(bare)}):
                lexicon._exact.setdefault(form, []).append(number)
    return number


@lru_cache(maxsize=50_000)
def _pairs(word: str) -> frozenset[str]:
    padded = f"^{word}$"
    return frozenset(padded[i : i + 2] for i in range(len(padded) - 1))


def _sentence_numbers(text: str, words: tuple[Token, ...]) -> list[int]:
    starts = [span.start for span in sentences(text)]
    return [bisect_right(starts, word.start) - 1 for word in words]


def _occurrences(
    phrase: _Phrase, positions: dict[int, list[int]], words: tuple[Token, ...], where: list[int]
) -> list[tuple[int, int]]:
    """First and last token of each place where the phrase stands."""
    for part in phrase.parts:
        for element in part.elements:
            if element not in positions:
                return []
    first = _part_hits(phrase.parts[0], positions, words, where)
    for part in phrase.parts[1:]:
        others = _part_hits(part, positions, words, where)
        joined = []
        for lo, hi in first:
            near = [
                (max(a - hi, lo - b), a, b)
                for a, b in others
                if where[a] == where[lo] and (a > hi or b < lo) and max(a - hi, lo - b) <= _BOTH_WITHIN
            ]
            if near:
                _, a, b = min(near)
                joined.append((min(lo, a), max(hi, b)))
        first = joined
    return first


def _part_hits(
    part: _Part, positions: dict[int, list[int]], words: tuple[Token, ...], where: list[int]
) -> list[tuple[int, int]]:
    hits = []
    for start in positions[part.elements[0]]:
        at = start
        for element, gap in zip(part.elements[1:], part.gaps[1:], strict=True):
            at = _next(positions[element], at, gap, words, where)
            if at < 0:
                break
        if at >= 0:
            hits.append((start, at))
    return hits


def _next(candidates: list[int], at: int, gap: int, words: tuple[Token, ...], where: list[int]) -> int:
    """The nearest candidate after `at` within the gap and the sentence, or -1."""
    k = bisect_right(candidates, at)
    if k == len(candidates):
        return -1
    nxt = candidates[k]
    if where[nxt] != where[at]:
        return -1
    between = words[at + 1 : nxt]
    if gap >= 0:
        return nxt if len(between) <= gap else -1
    return nxt if len(between) <= 3 and all(w.text in _FUNCTION_WORDS for w in between) else -1


def negated(text: str, words: tuple[Token, ...], where: list[int], at: int, end: int) -> bool:
    """Whether the clause says that the thing at tokens at..end is not, or shall not be."""
    seen = 0
    for k in range(at - 1, max(-1, at - 1 - _DOUBLE_REACH), -1):
        if where[k] != where[at] or _breaks(text[words[k].end : words[k + 1].start]):
            break
        if not _denies(words, k, at):
            continue
        if not seen and at - k > _NEGATION_REACH:
            break
        seen += 1
    return seen == 1 or (not seen and _dismissed(words, where, end))


def _dismissed(words: tuple[Token, ...], where: list[int], end: int) -> bool:
    """ "a canary is not needed", "канарейка не нужна", "… would be overkill"."""
    after = [w for k, w in enumerate(words[end + 1 : end + 5], end + 1) if where[k] == where[end]]
    for k, word in enumerate(after):
        if word.lemma in _DISMISSALS:
            return True
        if word.text in ("не", "not") and k + 1 < len(after) and after[k + 1].lemma in _NEEDS:
            return True
    return False


def _denies(words: tuple[Token, ...], k: int, at: int) -> bool:
    word = words[k]
    if word.text in _REMOVERS or word.lemma in _REMOVERS:
        return True
    if word.text not in _NEGATORS and word.lemma not in _NEGATORS:
        return False
    after = words[k + 1] if k + 1 < len(words) else None
    return not (after and (after.text in _AFTER_NEGATOR_HARMLESS or after.lemma in _AFTER_NEGATOR_HARMLESS))


def _breaks(between: str) -> bool:
    return any(char in between for char in ",;:()—–[]\n") or " - " in between
