"""What kind of turn a candidate took: an answer to what was asked, to something else, a question back, a drawing in prose.

Reads the turn alone; what follows from it, agent/interview/turns.py decides.
"""

from __future__ import annotations

import re

from agent.honest import asks_for_answer
from agent.interview.prompts import RUBRIC, Given, Prompt
from agent.interview.sketch import sketch_of
from agent.judge import reading_of
from agent.judge.contexts import Context
from agent.judge.explain import support
from agent.rubric import load_rubric
from agent.text import tokens, word_set

# How well one sentence has to support an axis to be an answer to it: the table in the tests separates answers, which come to
# 2 and more, from commonplaces, which come to 1.25 at most.
ANSWERS = 1.5
QUESTION_WORDS = 60  # a longer turn that ends with a question is an answer, too
PROSE_WORDS = 8  # fewer words beside a drawing are its caption
ASIDE = 2.0  # and to be of use although something else was asked: commonplaces stay below
# Share of a question's words in one paragraph of the candidate: it was answered before it was asked.
SAME_QUESTION = 0.5
_STEM = 5  # letters
_SMALL = word_set(
    "what when which where with this that they them then than have does would will your from into about give take "
    "чего чему если когда какой какая какую какие каким который этого этом этому сколько сделаете будет было ваше вашей "
    "тогда станет можно вашего они него"
)


def answers(text: str, axis: str) -> bool:
    """Whether a sentence of the turn answers the axis."""
    return _supports(text)[axis] >= ANSWERS


def answers_anything(text: str) -> bool:
    """Whether the turn is of use at all, whatever was asked; a good tone alone is not."""
    return max(v for axis, v in _supports(text).items() if axis != "communication") >= ASIDE


def _supports(text: str) -> dict[str, float]:
    """How well the best sentence of a turn answers each axis."""
    reading = reading_of(text, Context())
    return {
        c.id: max((support(reading, s, c) for s in reading.sentences), default=0.0)
        for c in load_rubric(RUBRIC).criteria
    }


def leads_to(words: str, question: str, axis: str) -> bool:
    """Whether the candidate's words are what the question goes on from: of its axis, and of the same things."""
    return answers(words, axis) and bool(_content(words) & _content(question))


def fishes(text: str) -> bool:
    """Whether the turn asks for the answer instead of giving one."""
    return asks_for_answer(text) and not answers_anything(text)


def asks_back(text: str) -> bool:
    """Whether the turn is a question about the task and nothing else."""
    asked = text.rstrip().endswith("?") and len(text.split()) <= QUESTION_WORDS
    return asked and not answers_anything(text)


def asked_about(text: str, prompt: Prompt) -> list[Given]:
    """What the task's author knows about the questions in a turn."""
    found: list[Given] = []
    for question in re.findall(r"[^.?!\n]*\?", text):
        words = [t.text for t in tokens(question)]
        best = max(prompt.given, key=lambda g: g.fits(words), default=None)
        if best is not None and best.fits(words) >= 1 and best not in found:
            found.append(best)
    return found


def told_already(question: str, text: str) -> bool:
    """Whether a paragraph of the candidate holds most of the question's own words."""
    wanted = _content(question)
    if len(wanted) < 4:
        return False
    return any(
        len(wanted & _content(paragraph)) >= SAME_QUESTION * len(wanted) for paragraph in text.split("\n\n")
    )


def drawing_and_prose(text: str) -> tuple[str, str]:
    """The drawing in its plain notation, line for line, and what was said around it; a caption says nothing."""
    found = sketch_of(text)
    return found.text, found.prose if len(found.prose.split()) >= PROSE_WORDS else ""


def _content(text: str) -> set[str]:
    """Stems of the words that carry a sentence's meaning."""
    return {t.text[:_STEM] for t in tokens(text) if len(t.text) > 3 and t.text not in _SMALL}
