"""The one strict reader of prompts/interviews.yaml: what the interviewer asks, and what a good answer holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agent import strict_yaml
from agent.rubric import Wording, load_rubric

FILE = Path(__file__).resolve().parents[2] / "prompts" / "interviews.yaml"
RUBRIC = "system-design"
Seniority = Literal["junior", "senior", "staff"]


class PromptError(ValueError):
    """An unknown prompt, or a damaged file: one line."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Outline(_Model):
    """What a model answer holds, point by point."""

    ru: tuple[str, ...] = Field(min_length=4)
    en: tuple[str, ...] = Field(min_length=4)

    @model_validator(mode="after")
    def _alike(self) -> Outline:
        if len(self.ru) != len(self.en):
            raise ValueError("ru and en have different numbers of points")
        return self

    def of(self, language: str) -> tuple[str, ...]:
        return self.ru if language == "ru" else self.en


class Given(Wording):
    """What the task's author answers when asked: `about` are stems of the words that ask for it."""

    about: tuple[str, ...] = Field(min_length=1)

    def fits(self, words: Sequence[str]) -> int:
        """How many words of a question are about it."""
        return sum(any(word.startswith(stem) for stem in self.about) for word in words)


class Figure(Wording):
    """A number of the brief; the wording says what is counted, `about` are stems of it."""

    value: float = Field(gt=0)
    about: tuple[str, ...] = Field(min_length=1)


class Probe(Wording):
    """A question about an axis. It is needless once `shown` (a trial, `key` of a drawing, harmless `repeats`), or once one paragraph says all of `told`.

    `split`: it is about stores in several parts. `hint` takes the place of the axis's own.

    `told` are alternatives of stems between bars: `"hot|горяч"` and `"split|дел"` together mean a split hot key.
    """

    shown: str = ""
    split: bool = False
    hint: Wording | None = None
    told: tuple[str, ...] = ()

    def told_in(self, paragraph: str) -> bool:
        """Whether a paragraph, in small letters, answers it before it is asked."""
        return bool(self.told) and all(
            any(stem in paragraph for stem in alternatives.split("|")) for alternatives in self.told
        )


class Prompt(_Model):
    """One interview. `figures` are the brief's, `probes` come before the general ones; `sketch` is a design that passes its own trials.

    `smaller` is a first step for who is stuck, `given` what is told on request.
    """

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    title: Wording
    brief: Wording
    rps: float = Field(gt=0)
    reads: float = Field(ge=0, le=1)
    p99_ms: float = Field(default=0.0, ge=0)  # that the brief asks for; 0: it asks for none
    repeats: Literal["harmful", "harmless"] = "harmful"  # of what a client asks for
    figures: tuple[Figure, ...] = Field(min_length=1)
    places: int = 1  # data centres that the brief speaks of
    themes: tuple[str, ...]
    probes: dict[str, Probe] = {}
    smaller: Wording
    given: tuple[Given, ...] = ()
    outline: Outline
    sketch: str


class Book(_Model):
    expected: dict[Seniority, float]
    titles: dict[str, Wording]
    probes: dict[str, tuple[Probe, ...]]
    leads: dict[str, Wording]
    hints: dict[str, Wording]
    heard: dict[str, tuple[Wording, Wording, Wording, Wording]]
    prompts: tuple[Prompt, ...]

    @model_validator(mode="after")
    def _criteria_exist(self) -> Book:
        known = {c.id for c in load_rubric(RUBRIC).criteria}
        by_criterion: dict[str, Mapping[str, object]] = {
            "titles": self.titles, "probes": self.probes, "leads": self.leads, "hints": self.hints, "heard": self.heard
        }  # fmt: skip
        for where, names in by_criterion.items():
            if set(names) != known:
                raise ValueError(f"{where}: exactly {', '.join(sorted(known))}")
        for prompt in self.prompts:
            strange = set(prompt.probes) - known
            if strange:
                raise ValueError(f"prompts.{prompt.id}.probes: no criterion {sorted(strange)[0]!r}")
        return self

    def prompt(self, name: str) -> Prompt:
        """Raises PromptError."""
        for prompt in self.prompts:
            if prompt.id == name:
                return prompt
        raise PromptError(f"no interview {name!r}: give one of {', '.join(p.id for p in self.prompts)}")


@lru_cache(maxsize=1)
def book() -> Book:
    """Raises PromptError that names the first wrong field."""
    return strict_yaml.read(FILE, Book, PromptError)


@lru_cache(maxsize=1)
def digest() -> str:
    """What identifies the interviews' content: 16 hex digits."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()[:16]
