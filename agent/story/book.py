"""The strict readers of prompts/stories.yaml and rubrics/deeds.yaml. Knows their shape, not what is asked when."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from agent import strict_yaml
from agent.claims import CLAIMS
from agent.rubric import Wording, bundle_digest, load_rubric

ROOT = Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "prompts" / "stories.yaml"
DEEDS = ROOT / "rubrics" / "deeds.yaml"
RUBRIC = "hard-bug-story"
Unit = Literal["clock", "rate", "share", "count"]


class StoryFileError(ValueError):
    """A mistake in one of the files: one line that names file and field."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Model):
    """A part of a story, the criteria that feed it and its share of the words."""

    id: str
    title: Wording
    criteria: tuple[str, ...]
    share: float = Field(gt=0, le=1)


class FactLine(_Model):
    id: str
    unit: Unit
    title: Wording


class Book(_Model):
    """prompts/stories.yaml; the file's head explains the fields."""

    expected: float = Field(gt=0, le=3)
    words_a_minute: dict[str, int]
    titles: dict[str, Wording]
    probes: dict[str, tuple[Wording, Wording]]
    hints: dict[str, Wording]
    stronger: dict[str, Wording]
    parts: tuple[Part, ...]
    facts: tuple[FactLine, ...]

    @model_validator(mode="after")
    def _covers_the_rubric(self) -> Book:
        wanted = {c.id for c in load_rubric(RUBRIC).criteria}
        for name in ("titles", "probes", "hints", "stronger"):
            if set(getattr(self, name)) != wanted:
                raise ValueError(f"{name}: one entry for each criterion of {RUBRIC}, no other")
        return self

    def sayings(self) -> str:
        """All that the interviewer may say about a criterion: repeating it answers nothing."""
        said = [*(w for pair in self.probes.values() for w in pair), *self.hints.values()]
        return "\n".join(text for w in (*said, *self.stronger.values()) for text in (w.ru, w.en))


def _compiled(pattern: object) -> re.Pattern[str]:
    try:
        return re.compile(str(pattern), re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None


Pattern = Annotated[re.Pattern[str], BeforeValidator(_compiled)]


class Deed(_Model):
    title: Wording
    said: tuple[Pattern, ...]
    done: tuple[Pattern, ...]
    facts: tuple[str, ...] = ()


class Teller(_Model):
    latin: Pattern
    cyrillic: Pattern


class DeedBook(_Model):
    """rubrics/deeds.yaml; the file's head explains the fields."""

    not_said: Pattern
    teller: Teller
    deeds: dict[str, Deed]


@lru_cache(maxsize=1)
def book() -> Book:
    """Raises StoryFileError."""
    return strict_yaml.read(FILE, Book, StoryFileError)


@lru_cache(maxsize=1)
def deed_book() -> DeedBook:
    """Raises StoryFileError."""
    return strict_yaml.read(DEEDS, DeedBook, StoryFileError)


@lru_cache(maxsize=1)
def digest() -> str:
    """What the conversation is a function of, beside what is said in it: 16 hex digits."""
    content = b"\0".join(path.read_bytes() for path in (FILE, DEEDS, CLAIMS))
    return hashlib.sha256(content + bundle_digest().encode()).hexdigest()[:16]
