"""Parameters of faults: names of the world, choices, and numbers with units, ranges and defaults.

A wrong value raises `Wrong` with one line that says what is wrong and what would be right.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.scenario import Text
from simulator.wording import Wrong

if TYPE_CHECKING:
    from simulator.world import World

Value = str | float | int
SHOWN = 12  # names that an error lists
SCALES: dict[str, dict[str, float]] = {
    "ms": {"ms": 1.0, "s": 1000.0, "m": 60_000.0, "": 1.0},
    "s": {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0},
    "%": {"%": 0.01, "": 1.0},
    "x": {"x": 1.0, "х": 1.0, "": 1.0},  # the second is Cyrillic: it is on the same key
    "MB/s": {"mb/s": 1.0, "": 1.0},
    "rps": {"rps": 1.0, "/s": 1.0, "": 1.0},
    "": {"": 1.0},
    "int": {"": 1.0},
}
T = {
    "name": Text(ru="{0} {1!r}: такого нет; есть: {2}", en="{0} {1!r}: there is none; there are: {2}"),
    "number": Text(ru="{0} {1!r}: нужно {2}", en="{0} {1!r}: expected {2}"),
    "time": Text(ru="время от {0} до {1}, например {2}", en="a time from {0} to {1}, e.g. {2}"),
    "share": Text(ru="доля от {0} до {1}, например {2}", en="a share from {0} to {1}, e.g. {2}"),
    "count": Text(ru="целое от {0} до {1}, например {2}", en="a whole number from {0} to {1}, e.g. {2}"),
    "value": Text(ru="число от {0} до {1}, например {2}", en="a number from {0} to {1}, e.g. {2}"),
}


@dataclass(frozen=True)
class Param:
    """One parameter. With `names` it is one of the world's names, else a number in `unit` between two bounds.

    A parameter with a `default` may be left out; `flag` is given as `--name VALUE`, others in their order.
    """

    name: str
    unit: str = ""
    least: float = 0.0
    most: float = 1e9
    default: Value | None = None
    names: Callable[[World], list[str]] | None = None
    flag: bool = False

    @property
    def form(self) -> str:
        """As the synopsis shows it."""
        shown = self.name.upper()
        if self.flag:
            return f"[--{self.name} {shown}]" if self.default is not None else f"--{self.name} {shown}"
        return f"[{shown}]" if self.default is not None else shown

    def read(self, world: World, text: str) -> Value:
        """The value that a word stands for. Raises Wrong."""
        return self._name(world, text) if self.names is not None else self._number(world, text)

    def _name(self, world: World, text: str) -> str:
        assert self.names is not None
        known = self.names(world)
        if text not in known:
            shown = ", ".join(known[:SHOWN]) + (", …" if len(known) > SHOWN else "")
            raise Wrong(say(world, T["name"], self.name, clip(text), shown or "-"))
        return text

    def _number(self, world: World, text: str) -> Value:
        word = text.strip().lower().replace(",", ".")
        scales = SCALES[self.unit]
        for suffix in sorted(scales, key=len, reverse=True):
            if word.endswith(suffix) and _plain(word[: len(word) - len(suffix)]):
                value = float(word[: len(word) - len(suffix)]) * scales[suffix]
                if self.least <= value <= self.most and (self.unit != "int" or value == int(value)):
                    return int(value) if self.unit == "int" else value
                break
        raise Wrong(say(world, T["number"], self.name, clip(text), self.range(world)))

    def range(self, world: World) -> str:
        """What is right, in words."""
        kind = {"ms": "time", "s": "time", "%": "share", "int": "count"}.get(self.unit, "value")
        middle = self.default if isinstance(self.default, float | int) else self._middle()
        return say(world, T[kind], self.show(self.least), self.show(self.most), self.show(float(middle)))

    def _middle(self) -> float:
        low = max(self.least, self.most / 1e4, 1e-3)
        middle = math.sqrt(low * self.most)
        found = float(f"{middle:.1g}")
        return max(self.least, float(round(found)) if self.unit == "int" else found)

    def show(self, value: Value) -> str:
        """A value as a player would type it."""
        if isinstance(value, str):
            return value
        if self.unit == "%":
            return f"{value * 100:g}%"
        if self.unit == "s" and value >= 60 and value % 60 == 0:
            return f"{value / 60:g}m"
        return f"{value:g}" + ("" if self.unit == "int" else self.unit)


def _plain(text: str) -> bool:
    """A plain decimal: no signs, no `inf`, no digits of other scripts."""
    whole, dot, rest = text.partition(".")
    return text.isascii() and len(text) <= 18 and whole.isdigit() and (not dot or rest.isdigit())


def say(world: World, text: Text, *values: object) -> str:
    return text.of(world.language).format(*values)


def clip(text: str) -> str:
    """What a player typed, on one line and short."""
    plain = "".join(c if c.isprintable() else "�" for c in text)
    return plain if len(plain) <= 40 else plain[:39] + "…"
