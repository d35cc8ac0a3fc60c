"""Remedies recognised by the ideas they are made of: the last resort for items in words nobody foresaw.

Reads rubrics/ideas.yaml. Finds candidates only; whether an item proposes them at all is decided in mapping.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from agent.concepts import LexiconError
from agent.phrasings import Words, words
from agent.text import Token

IDEAS = Path(__file__).resolve().parent.parent / "rubrics" / "ideas.yaml"
LEAST = 3  # ideas that have to come together


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    ideas: dict[str, list[str]]
    remedies: dict[str, list[list[str]]]


@dataclass(frozen=True)
class Ideas:
    """Word patterns by idea, and the sets of ideas by remedy."""

    words: dict[str, Words]
    patterns: dict[str, list[str]]
    remedies: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Recognised:
    """A remedy and the first and last token of the ideas that make it."""

    id: str
    lo: int
    hi: int


@lru_cache(maxsize=2)
def load_ideas(path: Path = IDEAS) -> Ideas:
    """Raises LexiconError that names the file and the remedy."""
    try:
        raw = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise LexiconError(f"{path.name}: not readable: {' '.join(str(error).split())[:200]}") from None
    sets = []
    for remedy, listed in raw.remedies.items():
        for ideas in listed:
            unknown = [i for i in ideas if i not in raw.ideas]
            if unknown or len(set(ideas)) < LEAST:
                raise LexiconError(f"{path.name}: {remedy}: {LEAST} ideas at least, all known: {ideas}")
            sets.append((remedy, tuple(ideas)))
    compiled = {name: words(patterns) for name, patterns in raw.ideas.items()}
    return Ideas(compiled, raw.ideas, tuple(sets))


def recognise(toks: tuple[Token, ...]) -> Recognised | None:
    """The remedy whose largest set of ideas is there, each idea by a word of its own; None if two tie."""
    book = load_ideas()
    where = {
        name: [i for i, t in enumerate(toks) if pattern.match(t)] for name, pattern in book.words.items()
    }
    best: dict[str, tuple[int, list[int]]] = {}
    for remedy, ideas in book.remedies:
        places = _apart([where[i] for i in ideas])
        if places and len(ideas) > best.get(remedy, (0, []))[0]:
            best[remedy] = (len(ideas), places)
    if not best:
        return None
    most = max(size for size, _ in best.values())
    top = [(remedy, places) for remedy, (size, places) in best.items() if size == most]
    if len(top) > 1:
        return None
    remedy, places = top[0]
    return Recognised(remedy, min(places), max(places))


def _apart(options: list[list[int]]) -> list[int]:
    """A different word for each idea, or nothing; ideas with few words choose first."""
    chosen: list[int] = []
    for places in sorted(options, key=len):
        free = [p for p in places if p not in chosen]
        if not free:
            return []
        chosen.append(free[0])
    return chosen
