"""What a check says: whether it holds, for which variant, with which figures, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.scenario import Scenario, Text

FILE = "file"  # the variant that is the file as it stands


@dataclass(frozen=True)
class Proof:
    """One claim about a scenario. `variant` is empty for what concerns the whole file.

    `figures` are plain numbers and texts (JSON); `why` says what was found, held or not.
    """

    name: str
    ok: bool
    why: Text
    variant: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "variant": self.variant or None,
            "ok": self.ok,
            "why": {"ru": self.why.ru, "en": self.why.en},
            "figures": dict(self.figures),
        }


def variant_names(scenario: Scenario) -> dict[int, str]:
    """Seeds and what they play: 1 is the file as it stands, then each variant."""
    return {1: FILE, **{number: v.id for number, v in enumerate(scenario.variants, 2)}}
