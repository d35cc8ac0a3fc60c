"""Which question comes next about an axis, and in which words: a pure choice, the conversation's state is given.

Nothing is asked that a trial has shown or that the candidate has told already; who said what, agent/interview/turns.py knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from agent.interview import hearing, voice
from agent.interview.prompts import RUBRIC, Probe, Prompt, Seniority, book
from agent.judge import Judgement
from agent.rubric import load_rubric

QUOTE_CHARS = 120
NOD_WORDS = 15  # of an answer that names no figure and no thing


def probes(prompt: Prompt, criterion: str) -> list[Probe]:
    """All there is to ask about an axis, the task's own first."""
    own = [prompt.probes[criterion]] if criterion in prompt.probes else []
    return [*own, *book().probes[criterion]]


def in_order(
    prompt: Prompt, level: Seniority, criterion: str, now: float, told: str, needless: Set[str], lang: str
) -> list[str]:
    """The questions about an axis that are still worth asking, the one to open with first.

    The task's own opens (the deepest for staff), else what one at this level can take. `told` is what the candidate has
    said, `needless` the trials that were run, "split" where the drawing splits no store, "key" where it names the key.
    """
    known = probes(prompt, criterion)
    deep = level == "staff" or (level == "senior" and now >= 1.0)
    if criterion in prompt.probes:
        first = len(known) - 1 if level == "staff" else 0
    else:
        first = 1 if deep and len(known) > 1 else 0
    order = [first, *(n for n in range(len(known)) if n != first)]
    return [known[n].of(lang) for n in order if not _needless(known[n], told, needless, lang)]


def hint(prompt: Prompt, criterion: str, question: str, lang: str) -> str:
    """Where to look: the question's own hint, else the axis's."""
    asked = next((p for p in probes(prompt, criterion) if p.of(lang) == question), None)
    return (asked.hint if asked is not None and asked.hint is not None else book().hints[criterion]).of(lang)


def _needless(probe: Probe, told: str, needless: Set[str], lang: str) -> bool:
    if probe.shown in needless or (probe.split and "split" in needless):
        return True
    if any(probe.told_in(paragraph) for paragraph in told.lower().split("\n\n")):
        return True
    return hearing.told_already(probe.of(lang), told)


def weakest(levels: Mapping[str, float], wanted: float, closed: Sequence[str]) -> list[str]:
    """The axes worth asking about, the one with most of the missing points first; requirements before all others."""
    open_ones = [c for c in load_rubric(RUBRIC).criteria if c.id not in closed]
    short = [c for c in open_ones if levels[c.id] < max(wanted, 2.0)]
    ranked = sorted(short, key=lambda c: -c.weight * (3.0 - levels[c.id]))
    first = ["requirements"] if any(c.id == "requirements" for c in open_ones) else []
    first = first if levels["requirements"] < wanted else []
    return [*first, *(c.id for c in ranked if c.id not in first)]


def led(lang: str, criterion: str, question: str, turn: int, latest: str) -> str:
    """A question about another axis than the last one, as somebody says it who has listened; one word earns no nod."""
    heard = len(latest.split()) >= NOD_WORDS or hearing.concrete(latest)
    nod = voice.turned(lang, "heard", turn) + " " if heard else ""
    return f"{nod}{book().leads[criterion].of(lang)} {question}"


def quoted(judgement: Judgement, criterion: str, question: str, latest: str) -> str:
    """The candidate's own words of just now that the question goes on from, if there are any; the telling as a whole has none."""
    if criterion == "communication":
        return ""
    for quote in judgement.levels[criterion].quotes:
        words = quote.text.strip().rstrip(".;")
        if not words or words not in latest or len(words) > QUOTE_CHARS:
            continue
        if hearing.leads_to(words, question, criterion) and not hearing.told_already(question, words):
            return words
    return ""
