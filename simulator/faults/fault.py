"""A kind of fault: its words, its parameters, what it does, how it is undone, and what it provably moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.faults.params import Param, Value
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.faults.ledger import Brought
    from simulator.world import World

UP, DOWN, TIMES = "up", "down", "times"


@dataclass(frozen=True)
class Moves:
    """What `dropprod lint sandbox` demands: a reading of `probes` that moves past `by` within `run_s`.

    way     up or down by so much (in the probe's unit), or at least so many times as large
    last_s  the reading is taken over so many last seconds of the run
    after_s how long after the undo it is looked at again; 0: what it broke stays until it is repaired
    """

    probe: str
    way: str
    by: float
    run_s: float = 60.0
    last_s: float = 30.0
    after_s: float = 60.0


@dataclass(frozen=True)
class Act:
    """One fault at work: the world, its record, and what its kind may do with them."""

    world: World
    brought: Brought

    @property
    def args(self) -> dict[str, Value]:
        return self.brought.args

    def name(self, key: str) -> str:
        return str(self.brought.args[key])

    def number(self, key: str) -> float:
        return float(self.brought.args[key])

    def put(self, path: str, op: str, value: Any) -> None:
        """Lay a change over a path; it is lifted with the fault."""
        from simulator.faults.ledger import ledger_of

        ledger_of(self.world).layers.put(self.world, self.brought.number, path, op, value)

    def every(self, seconds: float) -> None:
        """Come back to `beat` every so many seconds while the fault lasts."""
        self.world.agenda.at(
            self.world.now_s + seconds, "faults.beat", priority=6, number=self.brought.number, every_s=seconds
        )


def nothing(_act: Act) -> None:
    """For what undoes itself by lifting layers."""


def anywhere(_world: World) -> bool:
    return True


@dataclass(frozen=True)
class Fault:
    """A kind.

    phrases what a player types after `break`; a word `--flag` in it is one that must be given
    fix     the real tool's way back, with the parameters' names in braces; empty: only `break undo`
    undo    beside lifting layers; `beat` is what it does again and again
    lasts   False: it happens at one moment, and there is nothing to take back
    needs   whether a world has what it breaks
    """

    id: str
    technology: str
    phrases: tuple[str, ...]
    text: Text
    example: str
    apply: Callable[[Act], None]
    moves: Moves
    params: tuple[Param, ...] = ()
    fix: str = ""
    undo: Callable[[Act], None] = nothing
    beat: Callable[[Act], None] = nothing
    lasts: bool = True
    needs: Callable[[World], bool] = anywhere
    also: tuple[str, ...] = field(default=())  # further probes the score names for it

    @property
    def synopsis(self) -> str:
        flags = [w for w in self.phrases[0].split() if w.startswith("--")]
        words = [w for w in self.phrases[0].split() if not w.startswith("--")]
        shown = [p.form for p in self.params if not (p.flag and f"--{p.name}" in flags)]
        must = [
            f"{flag} {flag[2:].upper()}" for flag in flags if any(p.name == flag[2:] for p in self.params)
        ]
        bare = [flag for flag in flags if not any(p.name == flag[2:] for p in self.params)]
        return " ".join(["break", *words, *shown, *must, *bare])
