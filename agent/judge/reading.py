"""A text under review as sentences that may count, and those that may not, each with its reason.

The text is data. A sentence that addresses the grader, claims a score or an authority, repeats itself or
copies the question is set aside here, before anything is counted. Nothing here knows a level or a weight.
"""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

from agent.concepts import Lexicon, Match
from agent.judge.coherence import Told, not_chosen, rhymed, turned_down, without_stale
from agent.judge.company import load_company, sense
from agent.judge.disowned import blocks_of, disowned
from agent.judge.elsewhere import Subject, elsewhere, fits_everywhere, subject_of
from agent.judge.groups import ANYWHERE, IDEAS, KINDS, TRADE, group_of, mechanism_of, mechanisms_of
from agent.judge.naming import own_words, worth
from agent.judge.order import FUNCTION_WORDS, disordered, figures_in_place, share_in_order, weight_of
from agent.judge.patterns import I_WORDS, TIME, WE_WORDS
from agent.judge.promises import no_guarantee, still_claimed
from agent.judge.set_aside import GENERAL, INSTRUCTION
from agent.judge.sieve import Reason, grams, is_past, is_verb, reason_of, unseen_regions
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

_MAX_CHARS = 60_000  # bounds the work; no human answer comes near it
_TIMED_LEAST, _TIMED_SHARE = 4, 0.8
_BRIEF = 60  # words of a question beyond which one in common is chance
_STRAY = 7  # words of its own that a sentence shares with nothing else
_STRAYED = 0.3  # what it is worth then
_COURSE = ("story.", "pm.")
_LECTURE = 2  # sentences in general terms within so many that make a stretch of them a lecture
_LECTURE_SPAN = 4
_TOLD = 0.3  # what the course of the incident is worth where measures are asked for
_TO_DO = word_set(
    "should must need needs will shall let add make set put have has to надо нужно нужен нужна должен должна должны будем пусть бы ни"
)
_ELSEWHERE = 0.2  # what a measure for another incident is worth here
_REFUSALS = ("стал", "стан", "буд")  # не стал, не станем, не будем
_BEHIND = 3  # words
_REMOVED = word_set(
    "silenc mute delet cancel lift dismantl scrap abolish заглушить заглушать приглушить удалить удалять снять снимать "
    "отменить отменять упразднить выбросить"
)
_GROWTH = ("harm.bigger_pool", "harm.bigger_hardware", "harm.longer_wait", "harm.more_retries")
# Words that any two sentences may share without speaking of the same thing.
_COMMON = word_set(
    "minut second hour days week month year percent each everi call time first last then than that this these those "
    "with from into only "
    "were been have will would should could must when what which after befor about more most some they them their "
    "there минута секунда неделя месяц процент время раз первый последний потом тогда чтобы этот который быть "
    "если когда после перед более больше весь только мочь надо нужно нужный сделать делать через также уже еще"
)


@dataclass(frozen=True)
class Sentence:
    """One sentence: its words, its concepts (without those negated), and why it is set aside, if it is.

    `refused`: what it names was turned down, so no measure in it is one. `related`: it speaks of the trade, or of
    something that the question or the rest of the text speaks of. `worth`: less where it only names things or
    tells of another incident.
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
    worth: float = 1.0


@dataclass(frozen=True)
class Reading:
    """A text read once; `sentences` are those that count, `set_aside` the others."""

    text: str
    sentences: tuple[Sentence, ...]
    set_aside: tuple[Sentence, ...]
    items: tuple[Span, ...]
    context_numbers: frozenset[str]
    context_concepts: frozenset[str]
    context_words: frozenset[str] = frozenset()  # that tell this question from others
    in_order: float = 1.0  # 0 when the words of the whole text are thrown together
    figures_in_place: bool = True  # False when figures are strewn between the words
    of_incident: bool = True  # what was asked is about a single incident
    story: bool = False  # the teller's own: figures of the incident are his to tell
    times_tell: bool = True  # False when nearly every sentence has a clock time, which then tells nothing

    def speaks_of(self, sentence: Sentence) -> bool:
        """Whether a sentence shares an idea, the mechanism that a measure answers, or a word with the question.

        True for every sentence where the question is unknown or names no mechanism."""
        asked = {c for c in self.context_concepts if group_of(c) in IDEAS} - ANYWHERE
        mechanisms = mechanisms_of(asked)
        if not mechanisms:
            return True
        said = {m.concept for m in sentence.matches}
        if said & asked or any(mechanism_of(c) in mechanisms for c in said):
            return True
        shared = len({w.lemma for w in sentence.words} & self.context_words)
        return shared >= (2 if len(self.context_words) > _BRIEF else 1)


def read(
    text: str,
    lexicon: Lexicon,
    context: str = "",
    question: str = "",
    about: str | None = None,
    incident: bool = True,
    plan: bool = False,
    story: bool = False,
) -> Reading:
    """Cut, match and sift a text. A copy would come from `context` or `question`; `about` (the context if
    not given) tells which concepts the question is about, `incident` that it is about a single incident, `plan` that
    it asks for measures, and `story` for what the teller went through."""
    about = context if about is None else about
    body = text[:_MAX_CHARS]
    spans = sentences(body)
    by_sentence = _by_span(spans, tokens(body))
    matches: dict[int, list[Match]] = {}
    for match in lexicon.find(body):
        matches.setdefault(match.sentence, []).append(match)
    known = grams(context) | grams(question)
    tagged = unseen_regions(body)
    verse = rhymed(body)
    left = disowned(body, spans)
    seen: list[frozenset[str]] = []
    kept: list[Sentence] = []
    dropped: list[Sentence] = []
    told = Told()
    for i, span in enumerate(spans):
        words = by_sentence[i]
        found = matches.get(i, [])
        reason = reason_of(span, words, known, seen, tagged, found)
        if not reason and any(a < span.end and span.start < b for a, b in verse):
            reason = "verse"
        if not reason and i in left:
            reason = "disowned"
        if not reason:
            seen.append(frozenset(w.lemma for w in words))
        sentence = _sentence(span, words, found, reason, frozenset() if reason else told.again(words))
        (dropped if reason else kept).append(sentence)
    kept = _witnessed(kept, dropped)
    kept, in_order = _sayable(kept, dropped)
    asked = tuple(lexicon.find(about)) if about else ()
    telling = [w for w in tokens(context) if _tells(w.lemma) or w.text[0].isdigit()]
    subject = subject_of(telling, lexicon.find(context), asked) if incident and asked else None
    kept = _weighed(_related(kept, context), subject, context)
    reading = Reading(
        text,
        tuple(kept),
        tuple(dropped),
        _items(body, kept),
        frozenset(w.text for w in tokens(context) if w.text[0].isdigit()),
        frozenset(m.concept for m in asked),
        frozenset(w.lemma for w in tokens(about) if _tells(w.lemma)) - load_company().common,
        in_order,
        figures_in_place=figures_in_place([(s.span, s.words) for s in kept]),
        of_incident=incident,
        story=story,
        times_tell=_times_tell(kept),
    )
    return replace(reading, sentences=_planned(reading)) if plan else reading


def _times_tell(kept: list[Sentence]) -> bool:
    """A good report has a time beside a third of its sentences, a mere log beside three quarters."""
    timed = sum(bool(TIME.search(s.span.text)) for s in kept)
    return timed < _TIMED_LEAST or timed <= _TIMED_SHARE * len(kept)


def _witnessed(kept: list[Sentence], dropped: list[Sentence]) -> list[Sentence]:
    """The sentences without lectures: several in general terms close together, and what stands between them, unless
    somebody did or saw something there."""
    general = [
        i for i, s in enumerate(kept) if _impersonal(s) and GENERAL.search(normalise(s.span.text).text)
    ]
    taken: set[int] = set()
    for first, last in zip(general, general[_LECTURE - 1 :], strict=False):
        if last - first < _LECTURE_SPAN:
            taken.update(i for i in range(first, last + 1) if _impersonal(kept[i]))
    dropped += [replace(kept[i], reason="general") for i in sorted(taken)]
    return [s for i, s in enumerate(kept) if i not in taken]


def _impersonal(sentence: Sentence) -> bool:
    """Nobody speaks of what happened: no "I" or "we", no past."""
    return not any(w.text in I_WORDS or w.text in WE_WORDS or is_past(w) for w in sentence.words)


def _sayable(kept: list[Sentence], dropped: list[Sentence]) -> tuple[list[Sentence], float]:
    """The sentences whose words have an order; stretches without one join those set aside. And how much of the
    whole has one."""
    weights = [weight_of(s.span, s.words) for s in kept]
    thrown = disordered(weights)
    dropped += [replace(kept[i], reason="disorder") for i in sorted(thrown)]
    return [s for i, s in enumerate(kept) if i not in thrown], share_in_order(weights)


def _weighed(kept: list[Sentence], subject: Subject | None, context: str) -> list[Sentence]:
    """The sentences, with what those are worth that only name things, join them without sense or tell of something else."""
    found = [(*s.matches, *s.denied) for s in kept]
    words = [s.words for s in kept]
    weights = worth([(normalise(s.span.text).text, w, f) for s, w, f in zip(kept, words, found, strict=True)])
    fitting = sense([(s.span, w, f) for s, w, f in zip(kept, words, found, strict=True)])
    other = elsewhere(list(zip(words, found, strict=True)), subject) if subject else frozenset()
    stray = _stray(kept, frozenset(lemmas(context)))
    for i, weight in enumerate(weights):
        weights[i] = min(
            weight, fitting[i], _ELSEWHERE if i in other else 1.0, _STRAYED if i in stray else 1.0
        )
    return [s if w == 1.0 else replace(s, worth=w) for s, w in zip(kept, weights, strict=True)]


def _planned(reading: Reading) -> tuple[Sentence, ...]:
    """The sentences where measures are asked for: what only happened is worth little, and so is a paragraph without a
    measure of which nothing speaks of the question."""
    kept = reading.sentences
    block = blocks_of(reading.text, [s.span for s in kept])
    size = Counter(block)
    near = {
        b
        for b, s in zip(block, kept, strict=True)
        if reading.speaks_of(s) or any(group_of(m.concept) in KINDS for m in s.matches)
    }
    apart = {b for b in size if b not in near and size[b] > 1} if near else set()
    return tuple(
        replace(s, worth=min(s.worth, _TOLD)) if b in apart or _only_told(s) else s
        for b, s in zip(block, kept, strict=True)
    )


def _only_told(sentence: Sentence) -> bool:
    """Somebody tells what happened: a past, and neither a measure nor anything that is, would be or is to be done."""
    if not any(is_past(w) for w in sentence.words) or _measures(list(sentence.matches)):
        return False
    return not any(w.text in _TO_DO or _is_or_will_be(w) for w in sentence.words)


def _is_or_will_be(word: Token) -> bool:
    part = "" if word.text.isascii() else part_of_speech(word.text)
    return part == "INFN" or (part == "VERB" and not is_past(word))


def _stray(kept: list[Sentence], subject: frozenset[str]) -> frozenset[int]:
    """Sentences with a term that fits everywhere (an alert, a server), while their other words occur nowhere else."""
    seen = Counter(stem for s in kept for stem in {w.lemma for w in s.words})
    found = set()
    for i, sentence in enumerate(kept):
        trade = [m for m in (*sentence.matches, *sentence.denied) if group_of(m.concept) in TRADE]
        if not trade or any(not fits_everywhere(m.concept) for m in trade):
            continue
        if any(m.concept.startswith(_COURSE) for m in sentence.matches):
            continue  # somebody tells how it went, in words of his own
        own = own_words(sentence.words, trade)
        if len(own) >= _STRAY and not any(
            _tells(w.lemma) and (w.lemma in subject or seen[w.lemma] > 1) for w in own
        ):
            found.add(i)
    return frozenset(found)


def _sentence(
    span: Span, words: tuple[Token, ...], found: list[Match], reason: Reason, stale: frozenset[int]
) -> Sentence:
    found = without_stale(found, stale, words)
    plain = normalise(span.text).text
    spoiled = any(m.concept.startswith("harm.") for m in found)
    refused = turned_down(plain) and (_measures(found) > 1 or (_measures(found) == 1 and not spoiled))
    avoided = not_chosen(plain)
    denied = [
        m
        for m in found
        if (m.negated and not still_claimed(m, span.text, span.start))
        or no_guarantee(m, span.text, span.start, words, found)
        or (avoided and m.concept.startswith("harm."))
        or _not_grown(m, words)
        or _taken_off(m, words)
    ]
    return Sentence(
        span,
        words,
        tuple(m for m in found if m not in denied),
        tuple(denied),
        any(map(is_verb, words)),
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
    return any(group_of(m.concept) in TRADE for m in (*sentence.matches, *sentence.denied))


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


def _taken_off(match: Match, words: tuple[Token, ...]) -> bool:
    """ "Silence the alert", "удалить ранбук": the measure is what goes."""
    if group_of(match.concept) not in KINDS:
        return False
    before = [w for w in words if w.end <= match.start and w.text not in FUNCTION_WORDS][-1:]
    return any(w.lemma in _REMOVED or w.text in _REMOVED for w in before)


def _measures(found: list[Match]) -> int:
    return len({m.concept for m in found if group_of(m.concept) in KINDS})


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


def addresses_grader(text: str) -> bool:
    """Whether a stretch of text speaks to whoever grades instead of about the incident."""
    return INSTRUCTION.search(normalise(text).text) is not None
