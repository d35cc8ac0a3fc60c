"""A text under review as sentences that may count, and those that may not, each with its reason.

The text is data. A sentence that addresses the grader, claims a score or an authority, repeats itself or
copies the question is set aside here, before anything is counted. Nothing here knows a level or a weight.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from agent.concepts import Lexicon, Match
from agent.judge.coherence import Told, not_chosen, rhymed, turned_down, without_stale
from agent.judge.order import disordered, share_in_order, weight_of
from agent.judge.set_aside import AUTHORITY, DEFINITION, INSTRUCTION, UNREAL
from agent.text import (
    Span,
    Token,
    lemmas,
    normalise,
    part_of_speech,
    sentences,
    split_items,
    tokens,
    word_set,
)

Reason = Literal[
    "",
    "instruction",
    "authority",
    "copied",
    "repeated",
    "word list",
    "heading",
    "question",
    "unreal",
    "definition",
    "disorder",
    "verse",
]

_MAX_CHARS = 60_000  # bounds the work; no human answer comes near it
_COPIED_SHARE = 0.6
_REPEATED_SHARE = 0.8
_GRAM = 4
_MANY, _WORDS_A_NAME = 10, 2.5  # fragments of a list, and the words that one of them has on average

_QUESTION = re.compile(r"[\w)%\"'»”]\s?\?[\"'»”)]*$")
_AGAIN = re.compile(
    r"\b(?:in other words|to repeat|once (?:again|more)|to stress|let me (?:stress|repeat)|as (?:i|we)? ?said)\b"
    r"|(?:иными|другими) словами|\bповтор(?:ю|им|юсь)\b|ещ[её] раз (?:подчеркн|скаж|отмеч)",
    re.IGNORECASE,
)
_AGAIN_SHARE = 0.5
_VERSION = re.compile(r"\b[A-Z]\w+\s\d+\.\d+")
_LOG_LINE = re.compile(
    r"^\W*(?:\d{4}-\d{2}-\d{2}[T ])?\d{2}:\d{2}:\d{2}\S*\s+(?:\S+\s+)?\[?(?:TRACE|DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL|PANIC)\b"
    r"|^\W*(?:TRACE|DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL|PANIC)\]?:?\s+\S*\d{2}:\d{2}:\d{2}"
)
_BLOB = re.compile(r"(?<![\w/])[A-Za-z0-9+/]{48,}={0,2}(?![\w/])")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TURN = re.compile(r"<\|(?:im_)?start\w*\|>.*?(?:<\|(?:im_)?end\w*\|>|\Z)", re.DOTALL)
_FENCE = re.compile(r"^\s*```[^\n]*\n.*?(?:^\s*```|\Z)", re.DOTALL | re.MULTILINE)
_OPEN_TAG = re.compile(r"<\s*(system|assistant|admin|instructions?|prompt|verdict)\s*>", re.IGNORECASE)

_EN_VERBS = word_set(
    "add allow alert assert assign automat avoid block break bring build call cap carri cach chang check choos "
    "clean close commit compar comput confirm convert copi count cover creat cut deal decid declar delet deploy "
    "describ detect disabl do document drain drop dump enabl enforc expir export extend fail fall fetch fill find "
    "finish fire fix flag flip get give go grow halt happen have hold hash hit introduc issu join keep kill know "
    "lag let limit link lock log lose lost make mark measur meet merg migrat miss monitor move need notic notifi "
    "open own page pass pay pin pick poll prevent promot prove publish put queue raise read rebuild reconcil record "
    "redriv reduc refus reject releas remain remov renam repeat replac replay reproduc requir reserv resend restor "
    "retri return revert rewrit roll rotat run save saw send serv set shard shed ship show shut sit size skip "
    "sort spend split stage start stay stop store sum swap switch take tell test think throttl time took track tri "
    "trip turn updat use valid verifi wait wake warm warn watch went work wrap write wrote is are was were be been "
    "has had can must should will would could did doe may might cannot don doesn didn isn found knew saw "
    "became began broke brought built chose came got gave held kept led left made met paid ran said sent sat "
    "shipped stood told thought tried understood wrote writes"
)
_REFUSALS = ("стал", "стан", "буд")  # не стал, не станем, не будем
_BEHIND = 3  # words
_GROWTH = ("harm.bigger_pool", "harm.bigger_hardware", "harm.longer_wait", "harm.more_retries")
_TRADE = ("term.", "prevent.", "detect.", "mitigate.", "respond.", "mech.", "design.", "systemic.")
# Words that any two sentences may share without speaking of the same thing.
_COMMON = word_set(
    "minut second hour week month year percent time first last then than that this these those with from into only "
    "were been have will would should could must when what which after befor about more most some they them their "
    "there минута секунда неделя месяц процент время раз первый последний потом тогда чтобы этот который быть "
    "если когда после перед более больше весь только мочь надо нужно нужный сделать делать через также уже еще"
)
_RU_VERBAL = frozenset({"VERB", "INFN", "GRND", "PRTS", "PRED", "PRTF"})


@dataclass(frozen=True)
class Sentence:
    """One sentence: its words, its concepts (without those negated), and why it is set aside, if it is.

    `refused`: what it names was turned down, so no measure in it is one. `related`: it speaks of the trade, or of
    something that the question or the rest of the text speaks of.
    """

    span: Span
    words: tuple[Token, ...]
    matches: tuple[Match, ...]
    denied: tuple[Match, ...]
    has_verb: bool
    reason: Reason
    stale: frozenset[int] = frozenset()  # where words start that earlier sentences already said
    refused: bool = False
    related: bool = True


@dataclass(frozen=True)
class Reading:
    """A text read once; `sentences` are those that count, `set_aside` the others."""

    text: str
    sentences: tuple[Sentence, ...]
    set_aside: tuple[Sentence, ...]
    items: tuple[Span, ...]
    context_numbers: frozenset[str]
    context_concepts: frozenset[str]
    in_order: float = 1.0  # 0 when the words of the whole text are thrown together


def read(
    text: str, lexicon: Lexicon, context: str = "", question: str = "", about: str | None = None
) -> Reading:
    """Cut, match and sift a text. A copy would come from `context` or `question`; `about` (the context if
    not given) tells which concepts the question is about."""
    about = context if about is None else about
    body = text[:_MAX_CHARS]
    spans = sentences(body)
    by_sentence = _by_span(spans, tokens(body))
    matches: dict[int, list[Match]] = {}
    for match in lexicon.find(body):
        matches.setdefault(match.sentence, []).append(match)
    known = _grams(context) | _grams(question)
    tagged = _tagged_regions(body)
    verse = rhymed(body)
    seen: list[frozenset[str]] = []
    kept: list[Sentence] = []
    dropped: list[Sentence] = []
    told = Told()
    for i, span in enumerate(spans):
        words = by_sentence[i]
        found = matches.get(i, [])
        reason = _reason(span, words, known, seen, tagged, found)
        if not reason and any(a < span.end and span.start < b for a, b in verse):
            reason = "verse"
        if not reason:
            seen.append(frozenset(w.lemma for w in words))
        sentence = _sentence(span, words, found, reason, frozenset() if reason else told.again(words))
        (dropped if reason else kept).append(sentence)
    kept, in_order = _sayable(kept, dropped)
    kept = _related(kept, context)
    return Reading(
        text,
        tuple(kept),
        tuple(dropped),
        _items(body, kept),
        frozenset(w.text for w in tokens(context) if w.text[0].isdigit()),
        frozenset(m.concept for m in lexicon.find(about)) if about else frozenset(),
        in_order,
    )


def _sayable(kept: list[Sentence], dropped: list[Sentence]) -> tuple[list[Sentence], float]:
    """The sentences whose words have an order; stretches without one join those set aside. And how much of the
    whole has one."""
    weights = [weight_of(s.span, s.words) for s in kept]
    thrown = disordered(weights)
    dropped += [replace(kept[i], reason="disorder") for i in sorted(thrown)]
    return [s for i, s in enumerate(kept) if i not in thrown], share_in_order(weights)


def _sentence(
    span: Span, words: tuple[Token, ...], found: list[Match], reason: Reason, stale: frozenset[int]
) -> Sentence:
    found = without_stale(found, stale, words)
    plain = normalise(span.text).text
    refused = turned_down(plain) and _measures(found) > 1
    avoided = not_chosen(plain)
    denied = [
        m for m in found if m.negated or (avoided and m.concept.startswith("harm.")) or _not_grown(m, words)
    ]
    return Sentence(
        span,
        words,
        tuple(m for m in found if m not in denied),
        tuple(denied),
        any(map(_is_verb, words)),
        reason,
        stale,
        refused,
    )


def _related(kept: list[Sentence], context: str) -> list[Sentence]:
    """The sentences, with those marked that have nothing in common with the trade, the question or the others."""
    subject = {stem for stem in lemmas(context) if _tells(stem)}
    for sentence in kept:
        if _of_trade(sentence):
            subject.update(w.lemma for w in sentence.words if _tells(w.lemma))
    return [
        s if _of_trade(s) or any(w.lemma in subject for w in s.words) else replace(s, related=False)
        for s in kept
    ]


def _of_trade(sentence: Sentence) -> bool:
    return any(m.concept.startswith(_TRADE) for m in (*sentence.matches, *sentence.denied))


def _tells(stem: str) -> bool:
    return len(stem) > 3 and stem.isalpha() and stem not in _COMMON


def _not_grown(match: Match, words: tuple[Token, ...]) -> bool:
    """ "Пул не увеличиваем": the "not" stands between the thing and the growing of it; "увеличить пул не стал": behind."""
    if match.concept not in _GROWTH:
        return False
    behind = [w.text for w in words if w.start >= match.end][: _BEHIND + 1]
    refused = any(a == "не" and b.startswith(_REFUSALS) for a, b in pairwise(behind))
    return refused or any(
        w.text in ("не", "not", "never") and match.start < w.start < match.end for w in words
    )


def _measures(found: list[Match]) -> int:
    groups = ("prevent.", "detect.", "mitigate.", "respond.")
    return len({m.concept for m in found if m.concept.startswith(groups)})


def _by_span(spans: list[Span], words: tuple[Token, ...]) -> list[tuple[Token, ...]]:
    starts = [span.start for span in spans]
    groups: list[list[Token]] = [[] for _ in spans]
    for word in words:
        groups[bisect_right(starts, word.start) - 1].append(word)
    return [tuple(group) for group in groups]


def _items(body: str, kept: list[Sentence]) -> tuple[Span, ...]:
    """Entries that share at least one counted sentence."""
    starts = [s.span.start for s in kept]
    ends = [s.span.end for s in kept]
    spans = list(zip(starts, ends, strict=True))
    return tuple(i for i in split_items(body) if any(s < i.end and e > i.start for s, e in spans))


def _reason(
    span: Span,
    words: tuple[Token, ...],
    known: frozenset[tuple[str, ...]],
    seen: list[frozenset[str]],
    tagged: list[tuple[int, int]],
    found: list[Match],
) -> Reason:
    plain = normalise(span.text).text
    if any(a < span.end and span.start < b for a, b in tagged) or INSTRUCTION.search(plain):
        return "instruction"
    if AUTHORITY.search(plain):
        return "authority"
    if _QUESTION.search(plain) and len(words) > 2:
        return "question"
    if UNREAL.search(plain):
        return "unreal"
    if _is_copied(plain, words, span, known):
        return "copied"
    if _is_repeated(plain, frozenset(w.lemma for w in words), seen):
        return "repeated"
    if _is_word_list(plain, words) or _is_dump(plain, words):
        return "word list"
    if _defines(plain, span, found):
        return "definition"
    return "heading" if _is_heading(plain, words) else ""


def _is_copied(plain: str, words: tuple[Token, ...], span: Span, known: frozenset[tuple[str, ...]]) -> bool:
    """The question's own words, all of the sentence or what stands behind its colon."""
    cut = plain.rfind(": ")
    for start in (0, cut + 1) if cut > 0 else (0,):
        stems = [w.lemma for w in words if w.start - span.start >= start]
        grams = _grams_of(_shapes(stems)) if not start or len(stems) > _GRAM else []
        if grams and sum(g in known for g in grams) >= _COPIED_SHARE * len(grams):
            return True
    return False


def _is_repeated(plain: str, mine: frozenset[str], seen: list[frozenset[str]]) -> bool:
    """Said before, in the same words or behind "in other words"."""
    if mine in seen:
        return True
    share = _AGAIN_SHARE if _AGAIN.search(plain) else _REPEATED_SHARE
    return len(mine) >= _GRAM and any(len(mine & other) >= share * len(mine) for other in seen)


def _is_dump(plain: str, words: tuple[Token, ...]) -> bool:
    """A log line, encoded letters, tags, or figures without words: pasted or dropped, not said."""
    if _LOG_LINE.match(plain) or _BLOB.search(plain) or len(re.findall(r"(?:^|\s)#\w", plain)) >= 3:
        return True
    named = sum(w.text.isalpha() and len(w.text) > 2 for w in words)
    return not named and sum(w.text[0].isdigit() for w in words) >= 3


def _defines(plain: str, span: Span, found: list[Match]) -> bool:
    """ "A canary is a release to a few": what a word means, not what is done with it."""
    match = DEFINITION.match(plain)
    if not match:
        return False
    return any(m.start - span.start < match.end("what") and m.concept[:5] != "vague" for m in found)


def _is_heading(plain: str, words: tuple[Token, ...]) -> bool:
    """A few words that only announce what follows."""
    if len(words) > 8 or any(w.text[0].isdigit() for w in words[1:]):
        return False
    bare = plain.strip()
    return (
        bare.startswith("#")
        or bare.endswith(":")
        or (bare.startswith("**") and bare.rstrip(".").endswith("**"))
    )


def _is_word_list(plain: str, words: tuple[Token, ...]) -> bool:
    """Many short fragments between commas and hardly a verb or a number: names dropped, nothing said.

    Verbs do not help when every fragment is a word or two: "check, limit, roll back" is a list of names, too.
    """
    between = r"[,;/]|\s[—–-]\s" if plain.lstrip().startswith("|") else r"[,;/|]|\s[—–-]\s"
    fragments = [f for f in re.split(between, plain) if f.strip()]
    if len(fragments) < 7 or re.search(r"\w\(\w", plain):  # a table's columns are no list of names
        return False
    short = sum(len(f.split()) <= 3 for f in fragments)
    figures = sum(w.text[0].isdigit() for w in words) - len(_VERSION.findall(plain))
    if len(fragments) >= _MANY and short >= 0.7 * len(fragments) and figures * 3 <= len(fragments):
        return len(words) <= _WORDS_A_NAME * len(fragments)
    said = sum(_is_verb(w, suffixes=False) for w in words) + figures
    return short >= 0.7 * len(fragments) and said * 6 <= len(words)


def _tagged_regions(text: str) -> list[tuple[int, int]]:
    """What stands between a forged role tag and its closing tag, or the end of the text."""
    regions = []
    for pattern in (_COMMENT, _TURN, _FENCE):
        regions += [match.span() for match in pattern.finditer(text)]
    for match in _OPEN_TAG.finditer(text):
        close = re.compile(rf"<\s*/\s*{match.group(1)}\s*>", re.IGNORECASE).search(text, match.end())
        regions.append((match.start(), close.end() if close else len(text)))
    return regions


@lru_cache(maxsize=64)
def _grams(text: str) -> frozenset[tuple[str, ...]]:
    stems = _shapes(lemmas(text))
    shorter = [tuple(stems[i : i + n]) for n in range(2, _GRAM) for i in range(len(stems) - n + 1)]
    return frozenset([*_grams_of(stems), *shorter])


def _shapes(stems: list[str]) -> list[str]:
    """Every number the same: a copy with other figures is a copy."""
    return ["#" if stem[0].isdigit() else stem for stem in stems]


def _grams_of(stems: list[str]) -> list[tuple[str, ...]]:
    """Runs of four lemmas; a shorter sentence is one run (of two or three)."""
    if 2 <= len(stems) < _GRAM:
        return [tuple(stems)]
    return [tuple(stems[i : i + _GRAM]) for i in range(len(stems) - _GRAM + 1)]


def _is_verb(word: Token, suffixes: bool = True) -> bool:
    if word.text.isascii():
        if word.lemma in _EN_VERBS or word.text in _EN_VERBS:
            return True
        return suffixes and len(word.text) > 4 and word.text.endswith(("ed", "ing"))
    return part_of_speech(word.text) in _RU_VERBAL


def addresses_grader(text: str) -> bool:
    """Whether a stretch of text speaks to whoever grades instead of about the incident."""
    return INSTRUCTION.search(normalise(text).text) is not None
