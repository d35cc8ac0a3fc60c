"""The faults that were brought into a world, in their order: what acts, since when, and how it is taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.faults.fault import Act
from simulator.faults.layers import Layers
from simulator.faults.params import Value
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.entities.history import Op
    from simulator.world import World

ROOM = "faults"
MOST_ACTIVE = 40  # at once; every one of them costs time each second
SAYS = {
    "on": Text(ru="№{0} {1}", en="#{0} {1}"),
    "off": Text(ru="№{0} снято: {1}", en="#{0} taken back: {1}"),
}


@dataclass
class Brought:
    """One fault of one kind. `memory` is what its kind keeps for its undo."""

    number: int
    kind: str
    line: str
    args: dict[str, Value]
    at_s: float
    ends_s: float | None = None  # None: it acts
    for_s: float = 0.0
    memory: dict[str, Any] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)  # invariant -> violations before it came
    broken_end: dict[str, int] | None = None  # and when it went

    @property
    def acts(self) -> bool:
        return self.ends_s is None


@dataclass
class Ledger:
    brought: list[Brought] = field(default_factory=list)
    layers: Layers = field(default_factory=Layers)

    def find(self, number: int) -> Brought | None:
        return self.brought[number - 1] if 1 <= number <= len(self.brought) else None

    def active(self) -> list[Brought]:
        return [b for b in self.brought if b.acts]


def ledger_of(world: World) -> Ledger:
    """The world's ledger; made with its first fault, so that worlds without any have no state here."""
    found = world.rooms.get(ROOM)
    if found is None:
        found = world.rooms[ROOM] = Ledger()
    ledger: Ledger = found
    return ledger


def known(world: World) -> Ledger:
    """For looking: what there is, without making it."""
    found: Ledger = world.rooms.get(ROOM) or Ledger()
    return found


def identity(ledger: Ledger) -> Any:
    return [(b.number, b.kind, sorted(b.args.items()), b.at_s, b.ends_s) for b in ledger.brought]


def violations(world: World) -> dict[str, int]:
    """How many violations of each declared invariant there are now, weights counted."""
    from simulator import invariants

    final: Iterable[Op] = world.entities.audit() if world.entities is not None else []
    weights = world.entities.weights() if world.entities is not None else {}
    return {
        name: round(invariants.judge(world, spec, final).weighted(weights))
        for name, spec in world.scenario.invariants.items()
    }


def bring(world: World, kind: str, line: str, args: dict[str, Value], for_s: float) -> Brought:
    """Let a fault act from now on; for `for_s` seconds, or until it is taken back. May raise Wrong."""
    from simulator.faults.catalogue import BY_ID

    fault, ledger = BY_ID[kind], ledger_of(world)
    number = len(ledger.brought) + 1
    brought = Brought(number, kind, line, args, world.now_s, for_s=for_s, broken=violations(world))
    ledger.brought.append(brought)
    try:
        fault.apply(Act(world, brought))
    except BaseException:
        ledger.layers.lift(world, number)
        ledger.brought.pop()
        if not ledger.brought:
            del world.rooms[ROOM]
        raise
    if not fault.lasts:
        brought.ends_s = world.now_s
    elif for_s:
        world.agenda.at(world.now_s + for_s, "faults.end", priority=6, number=number)
    world.note("fault", SAYS["on"].of(world.language).format(number, line))
    return brought


def take_back(world: World, brought: Brought) -> None:
    """A fault is over: its layers go, and what its kind did beside them is undone."""
    from simulator.faults.catalogue import BY_ID

    if not brought.acts:
        return
    brought.ends_s = world.now_s
    ledger_of(world).layers.lift(world, brought.number)
    BY_ID[brought.kind].undo(Act(world, brought))
    brought.broken_end = violations(world)
    world.note("fault", SAYS["off"].of(world.language).format(brought.number, brought.line))


def on_end(world: World, number: int) -> None:
    """A fault's time is over."""
    brought = ledger_of(world).find(number)
    if brought is not None:
        take_back(world, brought)


def on_beat(world: World, number: int, every_s: float) -> None:
    """What a fault does again and again, while it acts."""
    from simulator.faults.catalogue import BY_ID

    brought = ledger_of(world).find(number)
    if brought is None or not brought.acts:
        return
    world.agenda.at(world.now_s + every_s, "faults.beat", priority=6, number=number, every_s=every_s)
    BY_ID[brought.kind].beat(Act(world, brought))


def on_lift(world: World, number: int) -> None:
    """A pause within a fault that comes back again and again is over."""
    ledger_of(world).layers.lift(world, number)


HANDLERS: dict[str, Callable[..., None]] = {
    "faults.end": on_end,
    "faults.beat": on_beat,
    "faults.lift": on_lift,
}
