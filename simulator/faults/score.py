"""`break score`: what each fault moved and by how much, what it broke, and what held.

A fault's readings are taken over the half minute before it came and over the last half minute in which it acted. All of it
is read from the run's history; faults that act at the same time share what they move, and the score says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.faults import probes
from simulator.faults.catalogue import BY_ID
from simulator.faults.ledger import Brought, known, violations
from simulator.faults.params import Wrong, clip, say
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

WINDOW_S = 30
YOUNG_S = 5  # seconds that a reading needs at least
SHOWN = 8  # readings of one fault that are spelt out, the largest changes first
T = {
    "none": Text(ru="ещё ничего не ломали", en="nothing was broken yet"),
    "number": Text(ru="break score: номер от 1 до {0}", en="break score: a number from 1 to {0}"),
    "acts": Text(ru="действует с {0}", en="acts since {0}"),
    "ended": Text(ru="{0} – {1}", en="{0} – {1}"),
    "young": Text(ru="  ещё рано: нужно хотя бы {0} с до поломки и после неё", en="  too early: it needs at least {0} s before the fault and after it"),
    "moved": Text(ru="  сдвинулось  {0}: {1} → {2}", en="  moved  {0}: {1} → {2}"),
    "more": Text(ru="  и ещё {0}", en="  and {0} more"),
    "broke": Text(ru="  нарушено    {0}: {1} ({2})", en="  broke  {0}: {1} ({2})"),
    "held": Text(ru="  выстояло    {0}", en="  held   {0}"),
    "nothing": Text(ru="  ничего не сдвинулось", en="  nothing moved"),
    "others": Text(ru="  в это же время действовали: {0}", en="  at the same time: {0}"),
    "clients": Text(ru="клиенты: {0}", en="clients: {0}"),
    "rules": Text(ru="инварианты: {0}", en="invariants: {0}"),
    "rest": Text(ru="ещё {0} показаний", en="{0} more readings"),
}  # fmt: skip


class Reading:
    """One probe before and during a fault."""

    def __init__(self, name: str, before: float, during: float) -> None:
        self.name, self.before, self.during = name, before, during

    @property
    def moved(self) -> bool:
        return probes.moved(self.name, self.before, self.during)

    @property
    def size(self) -> float:
        """How much of the larger of the two the change is."""
        top = max(abs(self.before), abs(self.during))
        return abs(self.during - self.before) / top if top else 0.0


def spans(world: World, brought: Brought) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The seconds before and those of the fault that are compared; None: there are too few yet."""
    began = int(brought.at_s)
    fault = BY_ID[brought.kind]
    late = world.now_s if brought.ends_s is None or not fault.lasts else brought.ends_s
    ended = min(int(late), world.plane.history.seconds)
    if not fault.lasts:
        ended = min(ended, began + WINDOW_S)
    if began < YOUNG_S or ended - began < YOUNG_S:
        return None
    return (max(0, began - WINDOW_S), began), (max(began + 1, ended - WINDOW_S), ended)


def readings(world: World, brought: Brought) -> list[Reading] | None:
    found = spans(world, brought)
    if found is None:
        return None
    before, during = found
    fault = BY_ID[brought.kind]
    own = [] if world.scenario.type != "sandbox" else [*fault.also, fault.moves.probe]
    names = [n for n in dict.fromkeys([*probes.standard(world), *own]) if not n.startswith("broken.")]
    return [Reading(n, probes.read(world, n, *before), probes.read(world, n, *during)) for n in names]


def broken(world: World, brought: Brought) -> dict[str, int]:
    """New violations of invariants since a fault came, up to its end."""
    now = brought.broken_end if brought.broken_end is not None else violations(world)
    return {name: count - brought.broken.get(name, 0) for name, count in now.items()}


def render(world: World, words: list[str]) -> str:
    """The score of every fault, or of one. Raises Wrong."""
    chosen = known(world).brought
    if words:
        number = int(words[0][:6]) if words[0].isascii() and words[0].isdigit() else 0
        found = known(world).find(number)
        if found is None or len(words) > 1:
            raise Wrong(say(world, T["number"], len(chosen)) + f": {clip(' '.join(words))!r}")
        chosen = [found]
    if not chosen:
        return say(world, T["none"]) + "\n"
    return "\n".join("\n".join(_one(world, brought)) for brought in chosen) + "\n"


def _one(world: World, brought: Brought) -> list[str]:
    lines = [f"#{brought.number} {brought.line}   {_when(world, brought)}"]
    others = _meanwhile(world, brought)
    if others:
        lines.append(say(world, T["others"], ", ".join(f"#{n}" for n in others)))
    found = readings(world, brought)
    if found is None:
        return [*lines, say(world, T["young"], YOUNG_S)]
    moved = sorted((r for r in found if r.moved), key=lambda r: -r.size)
    lines += [_moved(world, r) for r in moved[:SHOWN]]
    if len(moved) > SHOWN:
        lines.append(say(world, T["more"], len(moved) - SHOWN))
    worse = {name: count for name, count in broken(world, brought).items() if count > 0}
    texts = world.scenario.invariants
    for name, count in worse.items():
        lines.append(say(world, T["broke"], name, count, texts[name].text.of(world.language)))
    if not moved and not worse:
        lines.append(say(world, T["nothing"]))
    return [*lines, *_held(world, found, worse)]


def _moved(world: World, reading: Reading) -> str:
    shown = (probes.show(reading.name, reading.before), probes.show(reading.name, reading.during))
    return say(world, T["moved"], probes.label(reading.name, world.language), *shown)


def _held(world: World, found: list[Reading], worse: dict[str, int]) -> list[str]:
    """What did not move: the clients' success first, then invariants, then how many other readings."""
    still = [r.name for r in found if not r.moved]
    classes = [n.partition(".")[2] for n in still if n.startswith("success.")]
    rules = [name for name in world.scenario.invariants if name not in worse]
    parts = []
    if classes:
        parts.append(say(world, T["clients"], ", ".join(classes)))
    if rules:
        parts.append(say(world, T["rules"], ", ".join(rules)))
    rest = len(still) - len(classes)
    if rest:
        parts.append(say(world, T["rest"], rest))
    return [say(world, T["held"], part) for part in parts]


def _when(world: World, brought: Brought) -> str:
    begins = world.at(brought.at_s).strftime("%H:%M:%S")
    if brought.ends_s is None:
        return say(world, T["acts"], begins)
    return say(world, T["ended"], begins, world.at(brought.ends_s).strftime("%H:%M:%S"))


def _meanwhile(world: World, brought: Brought) -> list[int]:
    """Other faults that acted while this one did."""
    found = []
    last = brought.ends_s if brought.ends_s is not None else world.now_s
    for other in known(world).brought:
        end = other.ends_s if other.ends_s is not None else world.now_s
        if other.number != brought.number and other.at_s <= last and end >= brought.at_s:
            found.append(other.number)
    return found
