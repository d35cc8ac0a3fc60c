"""The CTO's lines (prompts/cto.yaml) and the estimates of work, read once and strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from agent.plural import speak

LINES = Path(__file__).resolve().parent.parent / "prompts" / "cto.yaml"


@dataclass(frozen=True)
class Efforts:
    """Engineer's days by size, and which measures are not of the usual one."""

    days: Mapping[str, float]
    sizes: Mapping[str, str]

    def of(self, name: str) -> float:
        return self.days[self.sizes.get(name, "days")]


@lru_cache(maxsize=1)
def _book() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(LINES.read_text(encoding="utf-8"))
    return loaded


@lru_cache(maxsize=1)
def efforts() -> Efforts:
    raw = _book()["effort"]
    sizes = {name: size for size in ("hours", "weeks") for name in raw[size].split()}
    return Efforts({size: float(days) for size, days in raw["days"].items()}, sizes)


def line(key: str, lang: str, /, **values: Any) -> str:
    """A line about the list as a whole."""
    return speak(str(_book()["lines"][key][lang]), lang, **values)


def question(key: str, lang: str, /, **values: Any) -> str:
    return speak(str(_book()["questions"][key][lang]), lang, **values)


def reply(key: str, lang: str, /, **values: Any) -> str:
    return speak(str(_book()["replies"][key][lang]), lang, **values)


def span(seconds: float, lang: str) -> str:
    """A stretch of time as one says it: "45 s", "3 min 20 s"."""
    minutes, rest = divmod(round(seconds), 60)
    words = ("мин", "с") if lang == "ru" else ("min", "s")
    if not minutes:
        return f"{rest} {words[1]}"
    return f"{minutes} {words[0]} {rest} {words[1]}" if rest else f"{minutes} {words[0]}"
