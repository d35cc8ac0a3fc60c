"""Which of the candidate's sentences speaks of which axis: the debrief quotes it there, or quotes nothing.

A level may rest on the whole answer; a quote under an axis is read as what was said about that axis. So each sentence
is quoted once, where it says most and says it more than it speaks of the others.
"""

from __future__ import annotations

from agent.interview.prompts import RUBRIC
from agent.judge import reading_of
from agent.judge.contexts import Context
from agent.judge.explain import evidence_in
from agent.judge.reading import Reading, Sentence
from agent.judge.signals import anchored, concreteness
from agent.rubric import load_rubric
from agent.text import Span

NOT_SAID = frozenset({"communication"})  # how it is told shows in the whole, in no sentence of it
ENOUGH = 0.5  # one mark that at most one other axis shares
_WHOLE = "design"  # the axis of the whole: what speaks of a narrower one belongs there
_OTHERS = 0.5  # what a sentence says of another axis counts that much against it here
_SOLID = 0.1
_HEAD, _FIRST = 3, 2.0  # words a sentence opens with, and what a mark among them counts


def axis_quotes(text: str) -> dict[str, Span]:
    """The sentence that speaks of each axis; axes that none speaks of are absent."""
    reading = reading_of(text, Context())
    ranked = []
    for i, sentence in enumerate(reading.sentences):
        said = _said(reading, sentence)
        for axis, worth in said.items():
            elsewhere = max((w for other, w in said.items() if other != axis), default=0.0)
            if worth >= ENOUGH and worth >= elsewhere:
                solid = _SOLID * min(3.0, concreteness(reading, sentence))
                ranked.append((-(worth - _OTHERS * elsewhere + solid), i, axis))
    found: dict[str, Span] = {}
    taken: list[int] = []
    for _, i, axis in sorted(ranked):
        if axis not in found and i not in taken:
            found[axis] = reading.sentences[i].span
            taken.append(i)
    return found


def _said(reading: Reading, sentence: Sentence) -> dict[str, float]:
    """What a sentence says of each axis: its marks of that axis, each shared by the axes that know it."""
    marks = {c.id: evidence_in(sentence, c) for c in load_rubric(RUBRIC).criteria if c.id not in NOT_SAID}
    narrower = frozenset().union(*(mine for axis, mine in marks.items() if axis != _WHOLE))
    marks[_WHOLE] -= narrower
    weight = anchored(reading, sentence)
    opening = _opening(sentence)
    return {
        axis: weight
        * sum(
            (_FIRST if mark in opening else 1.0) / sum(mark in other for other in marks.values())
            for mark in sorted(mine)
        )
        for axis, mine in marks.items()
        if mine
    }


def _opening(sentence: Sentence) -> frozenset[str]:
    """What a sentence begins with is what it is about: "The price: 2 ms more", "If the site is lost"."""
    end = sentence.words[min(_HEAD, len(sentence.words)) - 1].start if sentence.words else 0
    return frozenset(m.concept for m in sentence.matches if m.start <= end)
