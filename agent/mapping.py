"""Action items of a text mapped to interventions the simulator can replay, with their parameters.

What is rejected, merely considered or told as history is no proposal; what fits nothing stays unmapped.
Knows no grades and asks no model.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from agent.ideas import recognise
from agent.mapping_parameters import Where, distance_of, parameter
from agent.nearest import Near, evidence_for, nearest
from agent.phrasings import Phrasings, Trigger, Words, Yielding, load_phrasings, words
from agent.quantities import Quantity, quantities
from agent.replay_port import InterventionCall
from agent.stance import State, clause, doubtful, proposes, stance, tells_history, under_rejection
from agent.text import Span, Token, split_items, tokens

Kind = Literal["action-items", "postmortem"]

_UNLESS_BESIDE = 2
_BESIDE_CHARS = 14
_SMALL_SHARE = 0.5
_FAINT = 0.45  # share of the strongest remedy's evidence below which a remedy of the same clause is dropped
_PLAIN = 14.0  # of evidence: beside a refusal
_LOUDER = 1.7  # times the evidence of what a phrase found
_CONDITION_REACH = 9
_CONDITION = words("если при when if unless")
# What a threshold is measured on is no remedy: "abort when … or pool wait > 50 ms".
_MEASURABLE = frozenset(
    {"pool_acquire_timeout", "pool_resize", "alert_burn_rate", "client_timeout", "scale_pods"}
)
_SIZES = frozenset({"pool_resize", "scale_pods"})
_WHENEVER = ("когда", "если", "when", "if", "once", "whenever")
_ACTION_HEADING = re.compile(
    r"^[ \t]*(?:[#*_\d. )]*)(?:action items?|actions?|corrective\b[^\n]*|follow-?ups?|remediation|next steps|"
    r"меры|"
    r"действия|что (?:делаем|будем делать|меняем)|план(?: действий)?|задачи|экшен\w*)\b"
    r"[^\n]{0,60}?[:.*_#]*[ \t]*$|"
    r"^[ \t]*[*_#]{0,4}[ \t]*(?:action items|actions|меры|действия)[^\n]{0,50}:[*_]*",
    re.IGNORECASE | re.MULTILINE,
)
_NEXT_HEADING = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]|\*\*|(?:выводы|итог\w*|статус|lessons|status|conclusion|what we learned)\b)",
    re.IGNORECASE | re.MULTILINE,
)
_PART = re.compile(r";|\balso\b|\bplus\b|\bплюс\b|\bа также\b|\bи ещё\b", re.IGNORECASE)
_PART_WORDS = 4
_BULLET_BEFORE = re.compile(r"(?:^|\n)[ \t]*(?:[-*+•–—|]|\(?\w{1,2}[.)])[ \t]*[*_]*$")


@dataclass(frozen=True)
class MappedItem:
    """One item with the remedies it proposes; without any, `state` says why there are none."""

    span: Span
    calls: tuple[InterventionCall, ...]
    state: State


@dataclass(frozen=True)
class _Finding:
    id: str
    lo: int  # first and last token
    hi: int


def map_text(
    text: str,
    kind: Kind = "action-items",
    is_instruction: Callable[[Span], bool] | None = None,
    phrasings: Phrasings | None = None,
    likely: frozenset[str] = frozenset(),
) -> list[MappedItem]:
    """The items of a text in order. `is_instruction` marks spans that address the grader: never mapped.

    `likely`: remedies that go with the incident.
    """
    book = phrasings or load_phrasings()
    start, end = action_section(text) if kind == "postmortem" else (0, len(text))
    section = text[start:end]
    mapped = []
    for item in split_items(section):
        span = Span(start + item.start, start + item.end, item.text)
        listed = bool(_BULLET_BEFORE.search(section[max(0, item.start - 12) : item.start]))
        if is_instruction and is_instruction(span):
            mapped.append(MappedItem(span, (), "instruction"))
        elif under_rejection(section, item.start):
            mapped.append(MappedItem(span, (), "rejected"))
        else:
            result = map_item(item.text, listed, book, likely)
            said = result.calls or result.state in ("rejected", "considered") or proposes(item.text)
            if said or listed or (kind == "action-items" and _alone(section, item)):
                mapped.append(MappedItem(span, result.calls, result.state))
    return mapped


def _alone(section: str, item: Span) -> bool:
    """Whether an item of a list has its line to itself: whoever is asked for one item a line means it as one."""
    if "\n" not in section.strip():
        return False
    before = section[: item.start].rpartition("\n")[2]
    after = section[item.end :].partition("\n")[0]
    return not before.strip() and not after.strip(" \t.;")


def map_item(
    item: str,
    listed: bool = True,
    phrasings: Phrasings | None = None,
    likely: frozenset[str] = frozenset(),
) -> MappedItem:
    """One item alone; `listed` items are proposals by their form, prose may tell history.

    `likely`: remedies that go with the incident; of two that words mean alike, one of these is meant.
    """
    book = phrasings or load_phrasings()
    toks = tokens(item)
    numbers = quantities(item)
    proposed: list[_Finding] = []
    states: list[State] = []
    opposite: set[str] = set()
    findings = _findings(item, toks, numbers, book)
    for finding in findings:
        if _contradicted(item, toks, finding, book.specs[finding.id].contradicted):
            opposite.add(finding.id)
            continue
        state = stance(item, toks, finding.lo, finding.hi, listed, book.specs[finding.id].negation)
        states.append(state)
        if state == "mapped":
            proposed.append(finding)
    proposed = [f for f in proposed if not _is_threshold(item, toks, f, proposed)]
    settled = _without_bare(toks, _settled(proposed, book), book)
    if settled:
        settled = _without_faint(item, toks, _with_ideas(item, toks, settled, book))
        settled = _meant(toks, settled, book, likely, proposed)
    calls = _calls(item, toks, numbers, settled, book)
    span = Span(0, len(item), item)
    if calls:
        return MappedItem(span, tuple(calls), "mapped")
    order: tuple[State, ...] = ("rejected", "considered", "stated")
    why: State = next((s for s in order if s in states), "unmapped")
    refused = frozenset(f.id for f in findings) if why == "rejected" else frozenset[str]()
    meant = (
        _by_ideas(item, toks, numbers, listed, book, likely, refused)
        if why in ("unmapped", "rejected")
        else ()
    )
    if meant and not any(call.id in opposite for call in meant):
        return MappedItem(span, meant, "mapped")
    return MappedItem(span, (), why)


def _by_ideas(
    item: str,
    toks: tuple[Token, ...],
    numbers: list[Quantity],
    listed: bool,
    book: Phrasings,
    likely: frozenset[str],
    refused: frozenset[str],
) -> tuple[InterventionCall, ...]:
    """What the ideas of an unforeseen wording come to, if it proposes anything at all.

    `refused`: what an item says shall not be; then only another remedy that its words name plainly is proposed.
    """
    if item.rstrip().endswith("?"):
        return ()
    found = (None if refused else recognise(toks)) or nearest(toks, book, likely)
    if refused and (not isinstance(found, Near) or found.id in refused or found.evidence < _PLAIN):
        return ()
    if found is None or doubtful(item, toks) or (not listed and tells_history(toks)):
        return ()
    return tuple(_calls(item, toks, numbers, [_Finding(found.id, found.lo, found.hi)], book))


def _without_bare(toks: tuple[Token, ...], found: list[_Finding], book: Phrasings) -> list[_Finding]:
    """ "client retries with a budget" proposes the budget: of the retries themselves nothing is said."""
    ids = {f.id for f in found}
    return [f for f in found if not _is_bare(toks, book.specs[f.id].yields, ids)]


def _is_bare(toks: tuple[Token, ...], yields: Yielding | None, ids: set[str]) -> bool:
    if yields is None or not ids & set(yields.to):
        return False
    how = words(yields.unless)
    return not any(map(how.match, toks))


def _without_faint(item: str, toks: tuple[Token, ...], found: list[_Finding]) -> list[_Finding]:
    """Without what a few words of another remedy's sentence happen to name."""
    if len(found) < 2:
        return found
    said = evidence_for(toks, [f.id for f in found])
    best = max(found, key=lambda f: said.get(f.id, 0.0))
    return [
        f
        for f in found
        if said.get(f.id, 0.0) >= _FAINT * said.get(best.id, 0.0) or not _same_clause(item, toks, f, best)
    ]


def _same_clause(item: str, toks: tuple[Token, ...], a: _Finding, b: _Finding) -> bool:
    left, right = clause(item, toks, b.lo, b.hi)
    return left <= a.hi and a.lo <= right


def _meant(
    toks: tuple[Token, ...],
    found: list[_Finding],
    book: Phrasings,
    likely: frozenset[str],
    proposed: list[_Finding],
) -> list[_Finding]:
    """What was found, unless the words as a whole say another remedy much louder, or only another is likely here.

    Another one that has no word of its own besides those of the phrases found says nothing more than they do.
    """
    said = max(evidence_for(toks, [f.id for f in found], likely).values(), default=0.0)
    other = nearest(toks, book, likely)
    strange = bool(likely) and not any(f.id in likely for f in found)
    phrases = [f for f in proposed if f.id in {g.id for g in found}]
    explained = {i for f in phrases for i in range(f.lo, f.hi + 1)}
    if other and any(other.id in book.covers.get(f.id, ()) for f in found):  # a part of what was found
        return found
    if other and not strange and explained.issuperset(other.places):
        return found
    if other and other.evidence >= said * (1.0 if strange and other.id in likely else _LOUDER):
        return [_Finding(other.id, other.lo, other.hi)]
    return found


def _with_ideas(item: str, toks: tuple[Token, ...], found: list[_Finding], book: Phrasings) -> list[_Finding]:
    """A remedy of ideas that covers all the phrases found, and remedies of the parts where none was found."""
    whole = recognise(toks)
    if whole and found and all(f.id in book.covers.get(whole.id, ()) for f in found):
        return [_Finding(whole.id, whole.lo, whole.hi)]
    more = []
    starts = [0, *(m.end() for m in _PART.finditer(item)), len(item)]
    for a, b in pairwise(starts):
        part = [i for i, t in enumerate(toks) if a <= t.start < b]
        if len(part) < _PART_WORDS or any(f.lo <= part[-1] and f.hi >= part[0] for f in found):
            continue
        here = recognise(tuple(toks[i] for i in part))
        if here and here.id not in {f.id for f in found}:
            more.append(_Finding(here.id, part[0] + here.lo, part[0] + here.hi))
    return sorted([*found, *more], key=lambda f: f.lo)


def action_section(text: str) -> tuple[int, int]:
    """Where a post-mortem lists its actions; the whole text when no heading says so."""
    heading = _ACTION_HEADING.search(text)
    if not heading:
        return 0, len(text)
    following = _NEXT_HEADING.search(text, heading.end())
    return heading.end(), following.start() if following else len(text)


# --- finding -----------------------------------------------------------------------------------------


def _findings(item: str, toks: tuple[Token, ...], numbers: list[Quantity], book: Phrasings) -> list[_Finding]:
    starts = {t.start: i for i, t in enumerate(toks)}
    ends = {t.end: i for i, t in enumerate(toks)}
    found = [_Finding(m.concept, starts[m.start], ends[m.end]) for m in book.lexicon.find(item)]
    found = [f for f in found if not _spoiled(toks, f, book.unless[f.id])]
    for id, spec in book.specs.items():
        for trigger in spec.triggers:
            found += [_Finding(id, lo, hi) for lo, hi in _triggered(toks, numbers, trigger)]
    return found


def _spoiled(toks: tuple[Token, ...], finding: _Finding, unless: Words) -> bool:
    around = toks[max(0, finding.lo - _UNLESS_BESIDE) : finding.hi + 1 + _UNLESS_BESIDE]
    return any(unless.match(t) for t in around)


def _contradicted(item: str, toks: tuple[Token, ...], finding: _Finding, pattern: str | None) -> bool:
    """Whether what was found, with what stands beside it, sets the opposite: "acks=1" for acks=all."""
    if pattern is None:
        return False
    first = toks[max(0, finding.lo - _UNLESS_BESIDE)]
    last = toks[min(len(toks) - 1, finding.hi + _UNLESS_BESIDE)]
    return bool(re.search(pattern, item[first.start : last.end], re.IGNORECASE))


def _triggered(toks: tuple[Token, ...], numbers: list[Quantity], trigger: Trigger) -> list[tuple[int, int]]:
    """First and last token of the numbers that name a remedy without further words."""
    if trigger.of == "progression":
        return [_token_range(toks, first.start, last.end) for first, last in _growing(numbers)]
    near = words(trigger.near)
    anchors = [t for t in toks if near.match(t)]
    hits = []
    for number in numbers:
        fits = (
            number.chain == 2 and number.place == 1
            if trigger.of == "chain"
            else number.unit == "share" and number.chain == 1 and 0 < number.value <= _SMALL_SHARE
        )
        close = [t for t in anchors if distance_of(number, t) <= _BESIDE_CHARS]
        if fits and close and not number.old:
            start, end = min(number.start, close[0].start), max(number.end, close[0].end)
            hits.append(_token_range(toks, start, end))
    return hits


def _token_range(toks: tuple[Token, ...], start: int, end: int) -> tuple[int, int]:
    inside = [i for i, t in enumerate(toks) if t.end > start and t.start < end]
    return inside[0], inside[-1]


def _growing(numbers: list[Quantity]) -> list[tuple[Quantity, Quantity]]:
    """First and last member of each progression of three or more growing shares."""
    out = []
    for i, first in enumerate(numbers):
        if first.unit == "share" and first.place == 0 and first.chain >= 3:
            group = numbers[i : i + first.chain]
            if all(a.value < b.value for a, b in pairwise(group)):
                out.append((first, group[-1]))
    return out


def _settled(found: list[_Finding], book: Phrasings) -> list[_Finding]:
    """One finding an intervention, combinations made, weaker ones dropped; in order of appearance."""
    first: dict[str, _Finding] = {}
    for finding in sorted(found, key=lambda f: (f.lo, -f.hi)):
        first.setdefault(finding.id, finding)
    for combination in book.combines:
        parts = [first[id] for id in combination.of if id in first]
        if len(parts) == len(combination.of):
            lo, hi = min(p.lo for p in parts), max(p.hi for p in parts)
            first.setdefault(combination.gives, _Finding(combination.gives, lo, hi))
    weak = {id for strong in first for id in book.covers.get(strong, ())}
    for strong, shadowed in book.shadows.items():
        for id in shadowed:
            if (
                strong in first
                and id in first
                and any(f.id == strong and _overlap(f, first[id]) for f in found)
            ):
                apart = [f for f in found if f.id == strong and f.lo > first[id].hi]
                if (
                    not apart
                ):  # else the weaker is said first and by itself: "the pool to 200, and a wait of 0.3 s"
                    weak.add(id)
    return sorted((f for f in first.values() if f.id not in weak), key=lambda f: f.lo)


def _overlap(a: _Finding, b: _Finding) -> bool:
    return a.lo <= b.hi and b.lo <= a.hi


# --- thresholds ----------------------------------------------------------------------------------------


def _is_threshold(item: str, toks: tuple[Token, ...], finding: _Finding, all_: list[_Finding]) -> bool:
    if finding.id not in _MEASURABLE:
        return False
    left, _ = clause(item, toks, finding.lo, finding.lo)
    if finding.id in _SIZES and toks[left].text in _WHENEVER:
        return True
    conditions = [
        i for i in range(max(0, finding.lo - _CONDITION_REACH), finding.lo) if _CONDITION.match(toks[i])
    ]
    return any(f.lo < conditions[-1] and f.id not in _MEASURABLE for f in all_) if conditions else False


# --- parameters ---------------------------------------------------------------------------------------


def _calls(
    item: str, toks: tuple[Token, ...], numbers: list[Quantity], found: list[_Finding], book: Phrasings
) -> list[InterventionCall]:
    calls = []
    for finding in found:
        params = {}
        where = Where((finding.lo, finding.hi), clause(item, toks, finding.lo, finding.hi))
        for name, spec in book.specs[finding.id].parameters.items():
            value = parameter(item, toks, numbers, where, spec)
            if value is not None:
                params[name] = value
        calls.append(InterventionCall(finding.id, params))
    return calls
