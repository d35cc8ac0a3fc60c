"""Stretches that name ideas and say nothing of them: terms thrown together, ticked boxes, cells of a table.

Works on words and concepts, for any subject. Whoever means a measure says of what, who, how much or what for, in
words that are no terms; lines in which nearly every word is a term only drop names, however well they are joined.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from agent.concepts import Match
from agent.judge.groups import IDEAS, KINDS, TRADE, group_of
from agent.judge.order import FUNCTION_WORDS
from agent.text import Token, part_of_speech, word_set

EMPTY_WORDS = word_set(  # verbs of doing and function words: they are in every sentence and say nothing of it
    "add set make do did introduc implement appli use write hold need must should will would have has the and for with "
    "our all that this also more new able want adopt creat put let get start provid includ "
    "добавить настроить внедрить сделать написать провести применить использовать нужно надо нужный должный быть мы "
    "наш весь что это также еще новый свой завести ввести создать поставить делать дать или для при"
)
_UNITS = word_set("sec min hour day week month мин сек час минута секунда день неделя месяц rps")
_LEAST, _MOST, _NAMED_LEAST = 3, 7, 3  # sentences of a stretch, and different measures that it names
# Words that are no terms, for each term: of 1,300 such stretches in written texts five in a thousand lie below the
# upper one, and half of these are lists of names, too.
_NOTHING, _ENOUGH = 0.15, 0.32
_TICK = re.compile(r"^\W*(?:\[\s?[xхXХ✓✔vV]\s?\]|[✅✔☑✓])")
_SETTING = re.compile(r"\W*[A-Za-z][\w./\[\]-]*\s?[=:]\s?[\w.%:/\"'-]+[\s,;.]*")
_ASSIGNED = re.compile(r"\b[A-Za-z][\w.-]*\s?=\s?[\w.%]+")
_CHANGE = re.compile(r"\W*(?:v\d+(?:\.\d+)+|(?=[a-f]*\d)[0-9a-f]{7,12}\b)[:\s]")  # v1.2: ..., a1b2c3d ...
_VERSION = re.compile(r"\bv\d+(?:\.\d+)+:")
_MANY_SETTINGS = 3  # in a row, with not a word about them
_FEW = 4  # words that are no more than a name
_DEFINED = re.compile(  # "Jitter: a random addition to the pause"
    r"^\W*(?:\d+[.)]\s*)?(?P<head>[^\W\d][^:—–.,;!?\n]{1,40}?)(?:\s?\([^()]*\))?\s?(?::|\s[—–-]|\s(?:это|is|are|means?)\b)\s(?P<body>\S.*)$",
    re.DOTALL,
)
_OURS = re.compile(
    r"\b(?:we|our|us|i|my|must|should|need|will|мы|наш\w*|у нас|я|мой|моя|нужно|надо|должн\w+|будем|сделаем)\b",
    re.IGNORECASE,
)
_DEFINITIONS = 4  # in a row
_STATED = re.compile(
    r"\b(?:is|are|has been|have been)\s(?:\w+ly\s|already\s|all\s)?\w+(?:ed|en|un)\b", re.IGNORECASE
)
_STATEMENTS = 3  # of one sentence that declare things done
_BARELY = 0.3  # what a definition and a row of things declared done count for
_NAMED = 0.1  # what a ticked name or a cell still counts for: it may tell what the rest of the text is about


class _Counts(NamedTuple):
    """Words that are terms by themselves, phrases for a measure or a mechanism, the words of these, all other words."""

    terms: int
    phrases: int
    phrased: int
    plain: int


def worth(told: Sequence[tuple[str, Sequence[Token], Sequence[Match]]]) -> list[float]:
    """How much each sentence (plain text, words, concepts) may count for, 0 to 1: the least of the stretches it is in."""
    counts = [_counted(words, found) for _, words, found in told]
    ideas = [{m.concept for m in found if group_of(m.concept) in KINDS} for _, _, found in told]
    best = [_NAMED if _claimed(plain, words) else 1.0 for plain, words, _ in told]
    for i in _pasted([plain for plain, _, _ in told]):
        best[i] = _NAMED
    for i in (*_defined(told), *(i for i, each in enumerate(told) if _declared(*each))):
        best[i] = min(best[i], _BARELY)
    for first in range(len(told)):
        named: set[str] = set()
        for last in range(first, min(len(told), first + _MOST)):
            named |= ideas[last]
            if last - first + 1 >= _LEAST and len(named) >= _NAMED_LEAST:
                share = _said(counts[first : last + 1])
                best[first : last + 1] = [min(b, share) for b in best[first : last + 1]]
                break
    return best


def _said(counts: Sequence[_Counts]) -> float:
    """0 for names alone, 1 for sentences."""
    terms, phrases, phrased, plain = (sum(column) for column in zip(*counts, strict=True))
    beside = plain / max(1, terms + phrased)
    telling = (plain + phrased - phrases) / max(1, terms + phrases)  # a phrase longer than a name tells, too
    return min(1.0, max(0.0, ((beside + telling) / 2 - _NOTHING) / (_ENOUGH - _NOTHING)))


def _counted(words: Sequence[Token], found: Sequence[Match]) -> _Counts:
    telling = [w for w in words if _tells(w)]
    phrases: list[tuple[int, int]] = []
    for start, end in sorted({(m.start, m.end) for m in found if group_of(m.concept) in IDEAS}):
        if sum(start <= w.start < end for w in telling) < 2:
            continue
        if phrases and start < phrases[-1][1]:
            phrases[-1] = (phrases[-1][0], max(end, phrases[-1][1]))
        else:
            phrases.append((start, end))
    named = [(m.start, m.end) for m in found if group_of(m.concept) in TRADE]
    phrased = [w for w in telling if _within(w, phrases)]
    others = [w for w in telling if not _within(w, phrases)]
    terms = [w for w in others if _within(w, named)]
    plain = [w for w in others if not _within(w, named) and not is_empty(w)]
    return _Counts(len(terms), len(phrases), len(phrased), len(plain))


def _within(word: Token, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= word.start < end for start, end in spans)


def own_words(words: Sequence[Token], found: Sequence[Match]) -> list[Token]:
    """The words of a sentence that carry meaning and belong to no concept found in it."""
    spans = [(m.start, m.end) for m in found]
    return [w for w in words if _tells(w) and not _within(w, spans) and not is_empty(w)]


def is_empty(word: Token) -> bool:
    """Whether a word is in every sentence and says nothing of it."""
    return word.text in EMPTY_WORDS or word.lemma in EMPTY_WORDS


def _tells(word: Token) -> bool:
    if not word.text.isalpha() or len(word.text) < 3 or word.text in FUNCTION_WORDS:
        return False
    return not {word.text, word.lemma} & _UNITS


def _claimed(plain: str, words: Sequence[Token]) -> bool:
    changes = len(_VERSION.findall(plain)) >= _MANY_SETTINGS
    return changes or _ticked(plain, words) or _bare_row(plain) or _only_settings(plain, words)


def _only_settings(plain: str, words: Sequence[Token]) -> bool:
    """Settings one after the other in a sentence that says hardly anything besides."""
    found = list(_ASSIGNED.finditer(plain))
    if len(found) < _MANY_SETTINGS:
        return False
    rest = _ASSIGNED.sub(" ", plain).split()
    return len([w for w in rest if len(w) > 3]) < 2 * len(found)


def _pasted(lines: Sequence[str]) -> list[int]:
    """Lines of a configuration or of a list of changes: a setting or a version each, several in a row."""
    found: list[int] = []
    run: list[int] = []
    for i, line in enumerate((*lines, "")):
        if _SETTING.fullmatch(line) or _CHANGE.match(line):
            run.append(i)
            continue
        found += run if len(run) >= _MANY_SETTINGS else []
        run = []
    return found


def _defined(told: Sequence[tuple[str, Sequence[Token], Sequence[Match]]]) -> list[int]:
    """Lines of a glossary: a term and what it means in general, several in a row."""
    found: list[int] = []
    run: list[int] = []
    for i, (plain, words, matches) in enumerate((*told, ("", (), ()))):
        if words and _defines(plain, words, matches):
            run.append(i)
            continue
        general = sum(not any(c.isdigit() for c in told[j][0]) for j in run)
        found += run if len(run) >= _DEFINITIONS and general >= _DEFINITIONS - 1 else []
        run = []
    return found


def _defines(plain: str, words: Sequence[Token], found: Sequence[Match]) -> bool:
    line = _DEFINED.match(plain)
    if not line or _OURS.search(plain):
        return False
    until = words[0].start + line.end("head")
    return any(m.start < until and group_of(m.concept) in TRADE for m in found)


def _declared(plain: str, words: Sequence[Token], found: Sequence[Match]) -> bool:
    """ "Alerts are configured, thresholds are agreed, the runbook is written": each declared done, nothing told of it."""
    if any(c.isdigit() for c in plain) or len({m.concept for m in found if group_of(m.concept) in KINDS}) < 2:
        return False
    short = sum(not w.text.isascii() and part_of_speech(w.text) == "PRTS" for w in words)
    return short + len(_STATED.findall(plain)) >= _STATEMENTS


def _ticked(plain: str, words: Sequence[Token]) -> bool:
    """A name behind a tick: claimed, not told."""
    return bool(_TICK.match(plain)) and sum(map(_tells, words)) <= _FEW


def _bare_row(plain: str) -> bool:
    """A table's row whose cells are names and figures of a word or two."""
    if not plain.lstrip().startswith("|"):
        return False
    cells = [cell.split() for cell in plain.strip().strip("|").split("|") if cell.strip()]
    return len(cells) > 2 and all(sum(w[:1].isalpha() for w in cell) < 3 for cell in cells)
