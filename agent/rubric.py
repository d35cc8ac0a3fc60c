"""The one strict reader of rubric files, and the bundle that a judge freezes by its hash.

Knows the shape of a rubric, not how a text is judged.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agent import strict_yaml
from agent.text import Language

RUBRICS = Path(__file__).resolve().parent.parent / "rubrics"
RUBRIC_IDS = ("action-items", "postmortem", "hard-bug-story", "system-design")
RubricId = Literal["action-items", "postmortem", "hard-bug-story", "system-design"]
LEXICON_FILE = "lexicon.yaml"
MODEL_FILE = "model.json"
ORDER_FILE = "order.json"
COMPANY_FILE = "company.json"


class RubricError(ValueError):
    """A mistake in a rubric file: one line that names file and field."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wording(_Model):
    """One text in both languages."""

    ru: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def of(self, language: str) -> str:
        return self.ru if language == "ru" else self.en


class Levels(_Model):
    """What the levels 0 to 3 mean, in both languages."""

    ru: tuple[str, str, str, str]
    en: tuple[str, str, str, str]

    def of(self, language: str) -> tuple[str, str, str, str]:
        return self.ru if language == "ru" else self.en


class Signals(_Model):
    """Names of agent.judge.signals: `plus` may only raise a level, `minus` only lower it."""

    plus: tuple[str, ...]
    minus: tuple[str, ...]

    @model_validator(mode="after")
    def _apart(self) -> "Signals":
        names = [*self.plus, *self.minus]
        if len(set(names)) != len(names):
            raise ValueError("a signal is named once, in plus or in minus")
        return self


class Criterion(Signals):
    """One question with its levels; `weight` is its share of the overall, `evidence` what is quoted."""

    id: str = Field(pattern=r"^[a-z_]+$")
    question: Wording
    levels: Levels
    weight: float = Field(gt=0, le=1)
    evidence: tuple[str, ...]


class Rubric(_Model):
    """A whole rubric. The weights of its criteria add up to 1. `needs`: signals of which every level keeps its share.
    `plan`: measures are asked for, so what only tells what happened counts for little."""

    id: RubricId
    kinds: tuple[str, ...]
    title: Wording
    prompt: Wording
    quality: Signals
    criteria: tuple[Criterion, ...]
    needs: tuple[str, ...] = ()
    plan: bool = False

    @model_validator(mode="after")
    def _weights_add_up(self) -> "Rubric":
        total = sum(c.weight for c in self.criteria)
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"criteria: the weights add up to {total:g}, not 1")
        if len({c.id for c in self.criteria}) != len(self.criteria):
            raise ValueError("criteria: two with one id")
        return self

    def criterion(self, name: str) -> Criterion:
        """The criterion `name`. Raises RubricError."""
        for criterion in self.criteria:
            if criterion.id == name:
                return criterion
        raise RubricError(f"rubric {self.id}: no criterion {name!r}")


@lru_cache(maxsize=16)
def load_rubric(name: str, folder: Path = RUBRICS) -> Rubric:
    """Read a rubric by id. Raises RubricError that names the file and the first wrong field."""
    if name not in RUBRIC_IDS:
        raise RubricError(f"no rubric {name!r}: give one of {', '.join(RUBRIC_IDS)}")
    path = folder / f"{name}.yaml"
    rubric = strict_yaml.read(path, Rubric, RubricError)
    if rubric.id != name:
        raise RubricError(f"{path.name}: id: {rubric.id!r} does not match the file's name")
    return rubric


def rubric_for_kind(kind: str) -> Rubric:
    """The rubric that judges texts of this kind. Raises RubricError that lists the kinds."""
    rubrics = [load_rubric(name) for name in RUBRIC_IDS]
    for rubric in rubrics:
        if kind in rubric.kinds:
            return rubric
    kinds = ", ".join(k for rubric in rubrics for k in rubric.kinds)
    raise RubricError(f"unknown kind {kind!r}: one of {kinds}")


@lru_cache(maxsize=4)
def bundle_digest(folder: Path = RUBRICS, with_model: bool = True) -> str:
    """sha256 over the rubrics, the lexicon and (unless they are being fitted) the model, the order and the company of words: what a verdict rests on."""
    names = [
        *(f"{name}.yaml" for name in RUBRIC_IDS),
        LEXICON_FILE,
        *([MODEL_FILE, ORDER_FILE, COMPANY_FILE] if with_model else []),
    ]
    digest = hashlib.sha256()
    for name in names:
        path = folder / name
        if not path.is_file():
            raise RubricError(f"{name}: missing in {folder.name}/")
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


__all__ = [
    "Criterion",
    "Language",
    "Levels",
    "Rubric",
    "RubricError",
    "Signals",
    "Wording",
    "bundle_digest",
    "load_rubric",
    "rubric_for_kind",
]
