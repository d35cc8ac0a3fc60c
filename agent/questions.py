"""Two sharp follow-up questions, chosen by the weakest axis. Data in prompts/questions.yaml."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from agent.verdict import Verdict

QUESTIONS = Path(__file__).resolve().parent.parent / "prompts" / "questions.yaml"
HOW_MANY = 2


@lru_cache(maxsize=1)
def load_questions() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))
    return loaded


def follow_ups(rubric: str, verdicts: Sequence[Verdict], kinds: Collection[str], lang: str) -> list[str]:
    """The weakest criterion's first question, then a missing kind's, then the next weakest's."""
    book = load_questions()[rubric]
    weakest = sorted(verdicts, key=lambda v: v.level if v.level is not None else 0.0)
    asked: list[str] = []
    for n, verdict in enumerate(weakest):
        if n == 1:
            missing = [k for k in book["kinds"] if k not in kinds]
            if missing and len(asked) < HOW_MANY:
                asked.append(book["kinds"][missing[0]][lang])
        for question in book["criteria"].get(verdict.criterion, [])[:1]:
            if len(asked) < HOW_MANY:
                asked.append(question[lang])
    return asked[:HOW_MANY]
