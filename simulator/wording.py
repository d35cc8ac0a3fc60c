"""How consoles of our own speak: a table of texts in both languages, and an error that stops a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World


class Wrong(Exception):
    """What is wrong with a command, in the player's language, on one line; `code` is its exit code."""

    def __init__(self, text: str, code: int = 2) -> None:
        super().__init__(text)
        self.code = code


class Unknown(ValueError):
    """What a command names that is not there, and what is."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known


@dataclass(frozen=True)
class Words:
    """`say = Words(TEXTS)`; then `say(world, key, value, …)` is that text in the language of the world."""

    texts: Mapping[str, Text]

    def __call__(self, world: World, key: str, *values: object) -> str:
        return self.texts[key].of(world.language).format(*values)
