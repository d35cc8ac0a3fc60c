"""Whether words stand in an order that somebody could say: figures and names thrown together say nothing.

Each word becomes a class (a function word itself, else its form), and each pair of neighbours has a weight: how much more
often it occurs in written sentences than in the same sentences shuffled (benchmarks/judge_order.py, rubrics/order.json).
Neither the subject nor the quality of a text is in it; terse notes keep the order of speech, too.
"""

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from agent.rubric import ORDER_FILE, RUBRICS, RubricError
from agent.text import Span, Token, case_of, lemma, part_of_speech, word_set

UNSEEN = -0.3  # a pair that no sentence showed
ENOUGH = 24  # classes that tell an order; fewer are a label
DISORDER = (
    -0.22
)  # mean weight of a stretch: one written text in two hundred comes near it, shuffled ones lie below
_PRIOR, _PRIOR_WEIGHT = 0.3, 8  # short texts are taken for ordered
_NONE, _FULL = 0.06, 0.13  # mean weight of a whole text: none of those written lies below the upper one
_STRETCH = 8  # sentences of the longest stretch that is looked at
_FIGURE = "#"
_FIGURES_ENOUGH = 10  # pairs with a figure that tell whether figures are strewn
_STREWN = (
    -0.15
)  # mean weight of these pairs: of 195 written texts one lies below, of those with strewn figures nine in ten
_BREAK = re.compile(r"[,;:()—–|/.!?\"«»-]")
_RUN, _LONG_RUN = 3, 4  # names in a row are counted from the third
_NAMES = ("NOUN", "ADJ", "VERB", "INFN", "PRT", "EN:")

_EN_FUNCTION = word_set(
    "the a an of to in on at for by with from and or but if when while because so that which who it its this these those "
    "we i you they he she our my their is are was were be been has have had do does did no not can could will would should "
    "must may than then as per into over under after before until between without only each every all some any there here "
    "what how why where also more most less one two up out off us me him them both even just still now never always once "
    "such like however therefore whether instead against during within above below about again through back down same "
    "other another first second last next new old few many much too very own nobody everybody nothing somebody everyone "
    "someone anyone"
)
_EN_UNITS = word_set(
    "ms s sec seconds second min minutes minute hours hour h days day weeks week months rps k gb tb mb kb times users "
    "requests connections"
)
_EN_VERBS = word_set(
    "add alert allow block break call cap catch chang check commit deploy drop enforc expir fail fetch fill find fix get "
    "give go hold keep kill let limit lock log lose make measur miss move need page pass put read releas remov replac retri "
    "return revert roll run save see send set show shed sort split start stay stop switch take tell test tri use wait warm "
    "write know think come say"
)
_EN_ENDINGS = (
    (re.compile(r"ing$"), "ING"),
    (re.compile(r"ed$"), "ED"),
    (re.compile(r"ly$"), "LY"),
    (re.compile(r"(?:tion|ment|ness|ity|ance|ence)$"), "ABS"),
    (re.compile(r"(?:al|ive|ous|ful|ic|able|ible|ary|less|ent|ant|ate)$"), "ADJ"),
)
_RU_FUNCTION = word_set(
    "и а но или что если когда чтобы потому как то не ни на в во с со к по из за от до для о об при через без под над у "
    "между бы же ли только уже еще это этот мы я"
)
FUNCTION_WORDS = _EN_FUNCTION | _RU_FUNCTION
_DECLINED = ("NOUN", "ADJF", "PRTF", "NPRO")

Table = dict[tuple[str, str], float]


@lru_cache(maxsize=50_000)
def word_class(word: str) -> str:
    """The class of a normalised word, figure or sign."""
    if word[0].isdigit():
        return _FIGURE
    if not word[0].isalpha():
        return word
    if not word.isascii():
        if word in _RU_FUNCTION:
            return word
        part = part_of_speech(word) or "?"
        return f"{part}.{case_of(word)}" if part in _DECLINED else part
    if word in _EN_FUNCTION:
        return word
    if word in _EN_UNITS:
        return "UNIT"
    form = next((name for ending, name in _EN_ENDINGS if len(word) > 4 and ending.search(word)), "")
    if not form and lemma(word) in _EN_VERBS:
        form = "VERBS" if word.endswith("s") else "VERB"
    return f"EN:{form or ('S' if word.endswith('s') and len(word) > 3 else 'X')}"


def classes(span: Span, words: Sequence[Token]) -> list[str]:
    """A sentence as classes, with its breaks, its beginning and its end."""
    found = ["^"]
    reached = None
    for word in words:
        if reached is not None and _BREAK.search(span.text, reached - span.start, word.start - span.start):
            found.append("P")
        found.append(word_class(word.text))
        reached = word.end
    return [*found, "$"]


def with_runs(plain: Sequence[str]) -> list[str]:
    """Names that follow each other without a word between them carry their number from the third on."""
    found, run = [], 0
    for name in plain:
        run = run + 1 if name.startswith(_NAMES) else 0
        found.append(f"{name}{min(run, _LONG_RUN)}" if run >= _RUN else name)
    return found


@lru_cache(maxsize=2)
def load_order(folder: Path = RUBRICS) -> dict[str, Table]:
    """The weights by script. Raises RubricError."""
    path = folder / ORDER_FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return {
            script: {(first, second): float(w) for first, rest in table.items() for second, w in rest.items()}
            for script, table in raw.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RubricError(f"{path.name}: not readable: {type(error).__name__}: {error}") from None


def script_of(words: Sequence[Token]) -> str:
    """Which table a sentence is read by."""
    letters = [w.text.isascii() for w in words if w.text.isalpha()]
    return "en" if sum(letters) * 2 > len(letters) else "ru"


def weight_of(span: Span, words: Sequence[Token]) -> tuple[float, int]:
    """(sum of weights, pairs) of a sentence."""
    table = load_order().get(script_of(words), {})
    named = with_runs(classes(span, words))
    return sum(table.get(pair, UNSEEN) for pair in pairwise(named)), len(named) - 1


def figures_in_place(told: Sequence[tuple[Span, Sequence[Token]]]) -> bool:
    """Whether the figures of a whole text stand where figures stand: False for figures strewn between the words."""
    total, count = 0.0, 0
    for span, words in told:
        table = load_order().get(script_of(words), {})
        beside = [pair for pair in pairwise(with_runs(classes(span, words))) if _FIGURE in pair]
        total, count = total + sum(table.get(pair, UNSEEN) for pair in beside), count + len(beside)
    return count < _FIGURES_ENOUGH or total / count >= _STREWN


def share_in_order(weights: Sequence[tuple[float, int]]) -> float:
    """1 for what could have been said, 0 for words thrown together, by the mean weight of the whole text."""
    total = sum(w for w, _ in weights) + _PRIOR * _PRIOR_WEIGHT
    mean = total / (sum(n for _, n in weights) + _PRIOR_WEIGHT)
    return min(1.0, max(0.0, (mean - _NONE) / (_FULL - _NONE)))


def disordered(weights: Sequence[tuple[float, int]]) -> frozenset[int]:
    """Which sentences belong to a stretch without order, though the rest of the text may have one."""
    found: set[int] = set()
    for first in range(len(weights)):
        total, count = 0.0, 0
        for last in range(first, min(len(weights), first + _STRETCH)):
            total, count = total + weights[last][0], count + weights[last][1]
            if count >= ENOUGH:
                if total / count < DISORDER:
                    found.update(range(first, last + 1))
                break
    return frozenset(found)
