"""What can be counted in a reading: named signals between 0 and 1, the same for every rubric.

Every signal is either a saturating count of distinct things (more of the same earns less and less) or a
share of sentences, so that neither length nor repetition pays. Nothing here knows what a signal is worth.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from agent.judge.coherence import misfits
from agent.judge.figures import (
    body_words,
    identifiers,
    new_numbers,
    of_the_trade,
    only_named,
    undone,
)
from agent.judge.groups import IDEAS, KINDS, TECHNICAL, TRADE, group_of
from agent.judge.naming import is_empty
from agent.judge.patterns import (
    ABSTRACT_EN,
    ABSTRACT_RU,
    ARITHMETIC,
    BEFORE_AFTER,
    BOUND,
    BRACKET,
    CLOCK,
    DONE_WORDS,
    DUE,
    HEADING_LINE,
    I_WORDS,
    NAME,
    NAME_BEFORE_DAY,
    NOT_NAMES,
    ON_WHOM,
    ONE_PERSON_PAST,
    OWNER,
    TAKES,
    TEAM,
    WE_WORDS,
)
from agent.judge.reading import Reading, Sentence
from agent.judge.sieve import is_past
from agent.judge.subject import of_incident, on_subject
from agent.text import Span, Token, normalise, part_of_speech, word_set

_AGAINST = frozenset({"vague", "blame", "harm"})
_CONCRETE_ENOUGH = 1.0
_HOLLOW = 0.1
_FRAGMENT = 5  # fewer words, and no figure: a label rather than a statement
_USUAL_EN, _USUAL_RU = 4.0, 4.6  # letters a word in plain technical prose, by script
_TERSE = 0.7  # a figure and a name without a verb
_WORDS_AN_IDEA = 4
_IDEAS_A_SENTENCE = 3
_IDEAS_AT_MOST = 4  # beyond, a sentence fires at everything: the more it names, the less it says
_LONG = 28  # words in a sentence that few listeners can hold
_LABEL_WITH_FIGURE = 0.5  # "canary 5 %": of what, until when?
_TALK = 0.4
_AGAIN = 0.25  # a mention that adds nothing
_NAME_AND_VALUE = re.compile(r"\W*[^\W\d][^:.\n]{1,24}:\s(?:\S+\s+){0,4}\S+")
_FEW_LABELS, _SHEET, _IN_A_SHEET = 6, 0.6, 0.2  # a sheet of settings: nobody says what they are for
_NOT_YET = word_set(
    "is are be will would should must need needs can may"
)  # "a canary is needed" was not done
_BY = re.compile(r"\b(?:by|due|until|before|до|к|срок\w*)\W*$", re.IGNORECASE)
_TOLD_ENOUGH = 3  # sentences in which something happens; every story that was rated good has more
_FULL_SENTENCE = 9  # enough words to say how
_DAY_REACH = 28  # letters between a name and its day
_APART = re.compile(r"[,;/&+|:—–]|\s(?:и|and|by|до|к)\s")
_CAPITALISED = re.compile(r"[A-ZА-ЯЁ][a-zа-яё]+(?:\s[A-ZА-ЯЁ][a-zа-яё]+)?")
_ANYONES = 0.4  # no figure, no name, and nothing of the question: it would fit any incident


def signals(reading: Reading) -> dict[str, float]:
    """All signals of a text, by name, in a fixed order. A text without counted sentences gives zeros."""
    found: dict[str, float] = {}
    for part in (
        _subject,
        _grounding,
        _emptiness,
        _concept_groups,
        _planning,
        _narrative,
        _structure,
        _context,
    ):
        found.update(part(reading))
    return {name: round(value, 6) for name, value in found.items()}


def saturate(count: float, half: float) -> float:
    """0 for none, 0.5 at `half`, towards 1: each further one adds less."""
    return count / (count + half)


def _subject(reading: Reading) -> dict[str, float]:
    return {"topic": on_subject(reading), "of_incident": of_incident(reading)}


# --- how much of the text says something that can be checked ----------------------------------------


def concreteness(reading: Reading, sentence: Sentence) -> float:
    """Numbers, identifiers and technical concepts of a sentence; emptied by empty talk."""
    technical = {m.concept for m in sentence.matches if group_of(m.concept) in TECHNICAL}
    empty = {m.concept for m in sentence.matches if m.concept.startswith("vague.")}
    solid = len(new_numbers(reading, sentence)) + len(identifiers(sentence)) + 0.5 * len(technical)
    return anchored(reading, sentence) * max(0.0, solid - 0.5 * len(empty))


def is_solid(reading: Reading, sentence: Sentence) -> bool:
    """Whether a sentence says something that can be checked."""
    return concreteness(reading, sentence) >= _CONCRETE_ENOUGH


def _grounding(reading: Reading) -> dict[str, float]:
    numbers: set[str] = set()
    names: set[str] = set()
    bounds = solid = 0
    density = 0.0
    for sentence in reading.sentences:
        new = new_numbers(reading, sentence)
        numbers |= new
        names |= identifiers(sentence)
        bounds += bool(new and BOUND.search(sentence.span.text))
        value = concreteness(reading, sentence)
        solid += value >= _CONCRETE_ENOUGH
        density += min(1.0, 4.0 * value / max(5, len(sentence.words)))
    total = max(1, len(reading.sentences))
    return {
        "numbers": saturate(len(numbers), 6),
        "bounds": saturate(bounds, 3),
        "identifiers": saturate(len(names), 3),
        "solid_share": solid / total,
        "density": density / total,
        "arithmetic": saturate(_hits(ARITHMETIC, reading), 4),
    }


def _hits(pattern: re.Pattern[str], reading: Reading) -> int:
    return sum(len(pattern.findall(s.span.text)) for s in reading.sentences)


# --- how much of it says nothing, or worse ------------------------------------------------------------


def _emptiness(reading: Reading) -> dict[str, float]:
    """Shares are taken over sentences that are solid or empty, so that idle ones dilute nothing."""
    weighed = [s for s in reading.sentences if _weighs(reading, s)]
    solid = sum(is_solid(reading, s) for s in weighed)
    vague, harm, blame = (sum(_has(s, group) for s in weighed) for group in ("vague", "harm", "blame"))
    words = [w for s in weighed for w in s.words if w.text[0].isalpha()]
    over = sum(len(w.text) - (_USUAL_EN if w.text.isascii() else _USUAL_RU) for w in words)
    abstract = sum(bool((ABSTRACT_EN if w.text.isascii() else ABSTRACT_RU).search(w.text)) for w in words)
    counted = max(1, len(words))
    empty_words = sum(m.concept.startswith("vague.") for s in weighed for m in s.matches)
    hollow = sum(concreteness(reading, s) < _HOLLOW for s in reading.sentences)
    return {
        "vague_share": vague / max(1, vague + solid),
        "vague_per_word": min(1.0, 8.0 * empty_words / counted),
        "abstract": min(1.0, 4.0 * abstract / counted),
        "word_length": min(1.0, max(0.0, over / counted / 4.0)),
        "hollow_share": hollow / max(1, len(reading.sentences)),
        "harm_share": harm / max(1, harm + solid),
        "blame_share": blame / max(1, blame + solid),
        "long_sentences": saturate(sum(len(s.words) > _LONG for s in reading.sentences), 4),
        "set_aside_share": len(reading.set_aside) / max(1, len(reading.set_aside) + len(reading.sentences)),
    }


def _weighs(reading: Reading, sentence: Sentence) -> bool:
    """Solid, empty or harmful: whatever is none of these neither helps nor excuses."""
    return is_solid(reading, sentence) or any(_has(sentence, g) for g in sorted(_AGAINST))


def _has(sentence: Sentence, group: str) -> bool:
    return any(m.concept.startswith(f"{group}.") for m in sentence.matches)


# --- which ideas are there ----------------------------------------------------------------------------

_GROUPS = (
    *KINDS,
    "mech",
    "systemic",
    "verify",
    "trade",
    "role",
    "story",
    "pm",
    "design",
    "vague",
    "blame",
    "harm",
)
_HALF = {"story": 4.0, "design": 4.0, "pm": 3.0, "prevent": 2.0, "mech": 2.0}
# Concepts that stand for a whole criterion's question are signals of their own.
SINGLE = (
    "prevent.ci_gate prevent.canary prevent.load_test prevent.capacity prevent.idempotency prevent.staging_parity "
    "detect.alert detect.reconcile detect.saturation mitigate.timeout respond.drill respond.runbook respond.redrive "
    "systemic.enforce systemic.shared systemic.audit systemic.learning verify.criterion verify.evidence "
    "trade.rejected trade.cost trade.condition trade.risk reason.because role.own role.constraint story.stakes "
    "story.hypothesis story.evidence story.pattern story.refuted story.turn story.alternative story.risk story.result "
    "story.lasting story.lesson story.mistake story.spread pm.impact pm.detection pm.gap pm.trigger pm.contributing "
    "pm.lucky pm.decision pm.wrong_path design.requirements design.flow design.data design.growth "
    "design.consistency design.failure design.operations design.buzz vague.consider vague.improve vague.awareness "
    "vague.corporate vague.selfpraise vague.padding vague.moral vague.absolute blame.careful blame.person blame.punish "
    "blame.training blame.approval harm.bigger_pool harm.longer_wait harm.more_retries harm.bigger_hardware "
    "harm.disable_safety harm.unneeded harm.wrong_guarantee harm.restart harm.myth harm.no_cause harm.trial harm.deflect"
).split()


def anchored(reading: Reading, sentence: Sentence) -> float:
    """What a concept named in this sentence is worth: a bare name says little, a name at work all."""
    return (
        sentence.worth
        * _anchored(reading, sentence)
        * min(1.0, (_IDEAS_AT_MOST / max(1, _apart(sentence))) ** 2)
    )


def _anchored(reading: Reading, sentence: Sentence) -> float:
    grounded = bool(new_numbers(reading, sentence) or identifiers(sentence))
    if undone(sentence) or sentence.refused or misfits(sentence.span):
        return 0.0
    if grounded and is_label(sentence) and _labels(reading) >= _SHEET:
        return _IN_A_SHEET
    if body_words(sentence) < _FRAGMENT:
        return _LABEL_WITH_FIGURE if grounded else 0.0
    technical = {m.concept for m in sentence.matches if group_of(m.concept) in TECHNICAL}
    if grounded:
        return _room(sentence) * (_TALK if _is_talk(sentence) else 1.0)
    if _is_talk(sentence):
        return _TALK / 2
    if not sentence.has_verb:
        return 0.4
    places = {m.start for m in sentence.matches if m.concept in technical}  # one word may mean two things
    own = _own_words(sentence) - 2 * len(places)
    if technical and own <= 1:
        return 0.25 if own <= 0 else 0.5  # "we will add a canary": a name behind a verb
    if technical and not any(is_past(w) for w in sentence.words) and not reading.speaks_of(sentence):
        return _ANYONES
    return 1.0 if len(technical) > 1 or len(sentence.words) >= _FULL_SENTENCE else 0.7


def _is_talk(sentence: Sentence) -> bool:
    """Two sorts of empty words beside a figure: "maturity of our processes will grow from 2 to 4"."""
    return len({m.concept for m in sentence.matches if m.concept.startswith("vague.")}) > 1


def is_label(sentence: Sentence) -> bool:
    """A few words, or a name and its value: "canary 5 %", "Error budget: 0.1 % a month"."""
    if body_words(sentence) < _FRAGMENT:
        return True
    return not sentence.has_verb and bool(_NAME_AND_VALUE.fullmatch(sentence.span.text))


@lru_cache(maxsize=4)  # asked of every sentence of the text at hand
def _labels(reading: Reading) -> float:
    """Share of labels among the sentences; a few of them are no sheet of settings yet."""
    count = sum(map(is_label, reading.sentences))
    return count / len(reading.sentences) if count >= _FEW_LABELS else 0.0


def _room(sentence: Sentence) -> float:
    """How much of a sentence is left for each idea it names: many ideas in few words only name them.

    Ideas that share a word ("an alert on the pool") are one.
    """
    apart = _apart(sentence)
    if apart < 2:
        return 1.0 if sentence.has_verb or body_words(sentence) > _FRAGMENT + 2 else _TERSE
    return min(1.0, len(sentence.words) / (_WORDS_AN_IDEA * apart), _IDEAS_A_SENTENCE / apart)


def _apart(sentence: Sentence) -> int:
    """Ideas that stand apart in a sentence."""
    apart, reached = 0, -1
    for start, end in sorted((m.start, m.end) for m in sentence.matches if group_of(m.concept) in IDEAS):
        apart += start >= reached
        reached = max(reached, end)
    return apart


def _own_words(sentence: Sentence) -> int:
    """Words that carry meaning; names of concepts are among them, verbs of doing something are not."""
    return sum(len(w.text) > 2 and w.text.isalpha() and not is_empty(w) for w in sentence.words)


def concept_weights(reading: Reading) -> dict[str, float]:
    """The best anchored mention of each concept; what speaks against a text needs no anchor."""
    best: dict[str, float] = {}
    for sentence in reading.sentences:
        weight = anchored(reading, sentence)
        for match in sentence.matches:
            worth = 1.0 if group_of(match.concept) in _AGAINST else weight
            best[match.concept] = max(best.get(match.concept, 0.0), worth)
    return best


def _mentions(reading: Reading) -> dict[str, float]:
    """Anchored mentions of each concept, one a sentence; one that adds no figure and no other idea says it again."""
    found: dict[str, float] = {}
    told: set[str] = set()
    for sentence in reading.sentences:
        named = {m.concept for m in sentence.matches}
        new = new_numbers(reading, sentence) | identifiers(sentence)
        new |= {c for c in named if group_of(c) in TECHNICAL}
        weight = anchored(reading, sentence) * (1.0 if new - told else _AGAIN)
        told |= new
        for concept in sorted(named):
            found[concept] = found.get(concept, 0.0) + (1.0 if group_of(concept) in _AGAINST else weight)
    return found


def _concept_groups(reading: Reading) -> dict[str, float]:
    best = concept_weights(reading)
    found: dict[str, float] = {}
    for group in _GROUPS:
        names = sorted(c for c in best if group_of(c) == group)
        found[group] = saturate(sum(best[c] for c in names), _HALF.get(group, 1.5))
    mentions = _mentions(reading)
    for concept in SINGLE:
        found[concept] = saturate(mentions.get(concept, 0.0), 1.0)
    sums = [sum(best[c] for c in sorted(best) if group_of(c) == kind) for kind in KINDS]
    found["kinds"] = sum(min(1.0, s) for s in sums) / len(KINDS)
    found["measures"] = saturate(sum(sums), 4.0)
    return found


# --- who, when, and how it will be known --------------------------------------------------------------


def _planning(reading: Reading) -> dict[str, float]:
    found = [i for i in reading.items if not _no_measure(reading, i)]
    items = [normalise(i.text).text if _told(reading, i) else "" for i in found]
    total = max(1, len(items))
    due = [bool(DUE.search(item)) for item in items]
    owned = [_owned(item) for item in items]
    both = sum(a and b for a, b in zip(due, owned, strict=True))
    return {
        "due_share": sum(due) / total,
        "owner_share": sum(owned) / total,
        "owner_due_share": both / total,
        "owner_due": saturate(both, 2),
        "owner_any": saturate(sum(owned), 1),
        "bounded_share": sum(bool(BOUND.search(i) and re.search(r"\d", i[3:])) for i in items) / total,
    }


def _inside(reading: Reading, item: Span) -> list[Sentence]:
    return [s for s in reading.sentences if s.span.start < item.end and s.span.end > item.start]


def _told(reading: Reading, item: Span) -> bool:
    """Whether there is anything to own: a name behind a tick is no work."""
    return any(not only_named(s) for s in _inside(reading, item))


def _no_measure(reading: Reading, item: Span) -> bool:
    """History, a criterion or what was weighed and left: nobody has to own it by a day."""
    inside = _inside(reading, item)
    groups = {group_of(m.concept) for s in inside for m in s.matches}
    if groups & set(KINDS):
        return False
    left = any(group_of(m.concept) == "harm" for s in inside for m in s.denied)
    return left or bool(groups & {"trade", "verify"}) or any(is_past(w) for s in inside for w in s.words)


def names_owner(item: str) -> bool:
    """Whether an item or an answer says who: a name, a role, a team."""
    return _owned(normalise(item).text)


def names_day(item: str) -> bool:
    """Whether it says by when."""
    return bool(DUE.search(normalise(item).text))


def _owned(item: str) -> bool:
    tail = item[-70:] if len(item) > 90 else item
    if OWNER.search(tail) or re.search(r"owner|ответствен|владел|исполнител", item, re.IGNORECASE):
        return True
    return any(_is_name(match.group(1)) for match in NAME.finditer(tail)) or _owned_by_day(item)


def _owned_by_day(item: str) -> bool:
    """Whether somebody is named beside a day, or as the one who takes it, wherever in the item."""
    if any(
        _is_name(m.group(1)) and DUE.search(item[m.end() : m.end() + _DAY_REACH])
        for m in NAME_BEFORE_DAY.finditer(item)
    ):
        return True
    for m in BRACKET.finditer(item):
        inside = m.group(1)
        if DUE.search(m.group()) and (OWNER.search(inside) or TEAM.search(inside) or _names_in(inside)):
            return True
    if any(_is_name(next(filter(None, m.groups()))) for m in TAKES.finditer(item)):
        return True
    return any(_is_name(m.group(1)) for m in ON_WHOM.finditer(item))


def _names_in(bracket: str) -> bool:
    return any(
        _is_name(piece.strip()) for piece in _APART.split(bracket) if _CAPITALISED.fullmatch(piece.strip())
    )


@lru_cache(maxsize=20_000)
def _is_name(words: str) -> bool:
    first = words.split(maxsplit=1)[0].lower()
    if first in NOT_NAMES:
        return False
    if first.isascii():
        return True
    return part_of_speech(first) in ("NOUN", "")


# --- what happened, in order ---------------------------------------------------------------------------


def _narrative(reading: Reading) -> dict[str, float]:
    words = [w.text for s in reading.sentences for w in s.words]
    first = sum(w in I_WORDS for w in words) + sum(_unsaid_subject(s) for s in reading.sentences)
    plural = sum(w in WE_WORDS for w in words)
    timed = [s for s in reading.sentences if of_the_trade(s)] if reading.times_tell else []
    clock = {hit for s in timed for hit in times_of(s.span.text)}
    explained = sum(_explains(reading, s) for s in reading.sentences)
    return {
        "explained": saturate(explained, 3),
        "told": min(1.0, sum(map(_happened, reading.sentences)) / _TOLD_ENOUGH),
        "clock": saturate(len(clock), 4),
        "before_after": saturate(_hits(BEFORE_AFTER, reading), 1.5),
        "first_person": saturate(first, 4),
        "first_over_we": first / max(1, first + plural),
        "chain": _chain(reading),
        "result_number": saturate(_together(reading, ("story.result", "story.lasting")), 1.5),
        "evidence_number": saturate(_together(reading, ("story.evidence", "verify.evidence")), 2.0),
        "impact_number": saturate(_together(reading, ("pm.impact", "story.stakes")), 1.5),
        "failure_detail": saturate(_answers(reading, "design.failure"), 2.5),
        "ops_number": saturate(_together(reading, ("design.operations", "detect.alert")), 1.5),
        "data_number": saturate(_together(reading, ("design.data", "design.growth")), 1.5),
    }


def times_of(text: str) -> list[str]:
    """Moments that a sentence names; the day by which something is due is none."""
    return [m.group() for m in CLOCK.finditer(text) if not _BY.search(text, 0, m.start())]


def _happened(sentence: Sentence) -> bool:
    """Somebody did or saw something of the trade: a list of rules or measures tells no story."""
    groups = {group_of(m.concept) for m in sentence.matches}
    if not groups & TRADE or groups & {"vague", "blame"} or only_named(sentence):
        return False
    words = {w.text for w in sentence.words}
    if any(is_past(w) for w in sentence.words) or words & (I_WORDS | WE_WORDS):
        return True
    return not words & _NOT_YET and any(_one_did(w) for w in sentence.words)


def _unsaid_subject(sentence: Sentence) -> int:
    """Clauses that open with a verb of one person's past: Russian leaves "I" out ("Снял дамп, нашёл цикл"), and so do
    English notes ("Suspected the bank: asked for their logs")."""
    return sum(_one_did(w) and _opens_clause(sentence, i) for i, w in enumerate(sentence.words))


def _one_did(word: Token) -> bool:
    if word.text.isascii():
        return word.text in DONE_WORDS or (len(word.text) > 4 and word.text.endswith("ed"))
    return word.text.endswith(ONE_PERSON_PAST) and part_of_speech(word.text) == "VERB"


def _opens_clause(sentence: Sentence, i: int) -> bool:
    if i == 0:
        return True
    before = sentence.span.text[
        sentence.words[i - 1].end - sentence.span.start : sentence.words[i].start - sentence.span.start
    ]
    return any(mark in before for mark in ",;:—–-.")


def _explains(reading: Reading, sentence: Sentence) -> bool:
    """A reason beside something technical or a figure, in one sentence."""
    concepts = {m.concept for m in sentence.matches}
    if "reason.because" not in concepts or _has(sentence, "vague"):
        return False
    return bool(new_numbers(reading, sentence)) or any(group_of(c) in TECHNICAL for c in concepts)


def _together(reading: Reading, concepts: tuple[str, ...]) -> int:
    """Sentences that name one of the concepts and add a number."""
    return sum(
        any(m.concept in concepts for m in s.matches) and bool(new_numbers(reading, s))
        for s in reading.sentences
    )


def _answers(reading: Reading, concept: str) -> int:
    """Sentences that name the concept and something technical besides it."""
    return sum(
        any(m.concept == concept for m in s.matches)
        and any(m.concept != concept and group_of(m.concept) in TECHNICAL for m in s.matches)
        for s in reading.sentences
    )


def _chain(reading: Reading) -> float:
    """How far the text goes hypothesis → evidence → refuted → turn, in that order."""
    steps = ("story.hypothesis", "story.evidence", "story.refuted", "story.evidence", "story.turn")
    reached = 0
    for sentence in reading.sentences:
        fragment = anchored(reading, sentence) == 0.0  # "Wrong again." may refute, but proves nothing
        here = [m.concept for m in sentence.matches if not fragment or m.concept == "story.refuted"]
        while reached < len(steps) and steps[reached] in here:
            reached += 1
    return reached / len(steps)


# --- how it is told ------------------------------------------------------------------------------------


def _structure(reading: Reading) -> dict[str, float]:
    said = sum(len(s.words) for s in reading.sentences if is_solid(reading, s))
    headings = sum(s.reason == "heading" or bool(HEADING_LINE.match(s.span.text)) for s in reading.set_aside)
    headings += sum(bool(HEADING_LINE.match(s.span.text)) for s in reading.sentences)
    return {
        "headings": saturate(headings, 6),
        "enough": min(1.0, said / 40.0),
    }


# --- does it speak of this incident --------------------------------------------------------------------


def _context(reading: Reading) -> dict[str, float]:
    """Share of the question's mechanisms that the text takes up; 0.5 when the question is unknown."""
    asked = {c for c in reading.context_concepts if group_of(c) in ("mech", "prevent", "mitigate", "detect")}
    if not asked:
        return {"context_match": 0.5}
    said = {m.concept for s in reading.sentences if anchored(reading, s) for m in s.matches}
    return {"context_match": len(asked & said) / len(asked)}


# Evidence that is a form, not a concept; criteria name these beside concepts and groups.
PATTERNS: dict[str, Callable[[Sentence], bool]] = {
    "planning": lambda s: bool(DUE.search(s.span.text)) or _owned(s.span.text),
    "clock": lambda s: bool(CLOCK.search(s.span.text)),
    "arithmetic": lambda s: bool(ARITHMETIC.search(s.span.text)),
    "before_after": lambda s: bool(BEFORE_AFTER.search(s.span.text)),
    "first_person": lambda s: any(w.text in I_WORDS for w in s.words),
}
