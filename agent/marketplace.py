"""The one strict reader of prompts/marketplace.yaml: public figures of large marketplaces, each with its source.

One fact a talk at most, and only as an aside: what a person from such a company would mention, never evidence.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from agent import strict_yaml

FILE = Path(__file__).resolve().parent.parent / "prompts" / "marketplace.yaml"


class MarketplaceError(ValueError):
    """A damaged file: one line that names the field."""


class Fact(BaseModel):
    """A figure or a decision that a company published, in our words."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(pattern=r"^[a-z0-9-]+$")
    year: int = Field(ge=2005, le=2100)
    source: str = Field(pattern=r"^https://\S+$")
    prompts: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    ru: str = Field(min_length=20)
    en: str = Field(min_length=20)

    def of(self, language: str) -> str:
        return self.ru if language == "ru" else self.en


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    facts: tuple[Fact, ...] = Field(min_length=1)


@lru_cache(maxsize=2)
def facts(path: Path = FILE) -> tuple[Fact, ...]:
    """Raises MarketplaceError."""
    return strict_yaml.read(path, _File, MarketplaceError).facts


def fact_for(prompt: str) -> Fact | None:
    """What may be mentioned after an interview on this prompt."""
    return next((f for f in facts() if prompt in f.prompts), None)


def fact_to(remark: str) -> Fact | None:
    """What the CTO may lean on when he makes this remark."""
    return next((f for f in facts() if remark in f.to), None)
