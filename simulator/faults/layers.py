"""What a fault changes in the world, as a layer over what was there: layers compose and lift in any order.

A path names one thing (`speed/checkout/v7.3.2`, `link/dc-1/dc-2/loss`). Its base is read when the first layer comes and
written back when the last one goes; in between it is the base with every layer's operation applied in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator import settings
from simulator.bridge import Trouble
from simulator.engine.network import cache_looks, cached
from simulator.postgres import pressure
from simulator.postgres.work import work_of

if TYPE_CHECKING:
    from simulator.world import World

WHY = "break"
CONTESTED = ("speed", "link", "op")  # what other rooms set, too
OPS: dict[str, Callable[[Any, Any], Any]] = {
    "set": lambda _base, value: value,
    "add": lambda base, value: base + value,
    "mul": lambda base, value: base * value,
    "max": max,
    "min": min,
    "join": lambda base, value: 1.0 - (1.0 - base) * (1.0 - value),  # of shares: either may strike
    "lean": lambda base, value: _leaning(base, *value),
}


def _leaning(weights: list[float], index: int, share: float) -> list[float]:
    return [w * (1.0 - share) + (share if n == index else 0.0) for n, w in enumerate(weights)]


@dataclass
class Layers:
    """`over`: path -> (fault, operation, value) in their order. `base`: what each path was before."""

    over: dict[str, list[tuple[int, str, Any]]] = field(default_factory=dict)
    base: dict[str, Any] = field(default_factory=dict)

    def put(self, world: World, fault: int, path: str, op: str, value: Any) -> None:
        """Raises KeyError for a path that leads nowhere."""
        if path not in self.over:
            self.base[path] = read(world, path)
            self.over[path] = []
        self.over[path].append((fault, op, value))
        self._apply(world, path)

    def lift(self, world: World, fault: int) -> None:
        """Take one fault's layers away."""
        for path in [p for p, layers in self.over.items() if any(n == fault for n, _, _ in layers)]:
            self.over[path] = [layer for layer in self.over[path] if layer[0] != fault]
            self._apply(world, path)
            if not self.over[path]:
                del self.over[path], self.base[path]

    def again(self, world: World) -> None:
        """Write again what other parts of the world have set meanwhile: a Redis that goes on, a link that is back."""
        for path in self.over:
            if _split(path)[0] in CONTESTED and read(world, path) != self._value(path):
                self._apply(world, path)

    def _value(self, path: str) -> Any:
        value = self.base[path]
        for _, op, amount in self.over[path]:
            value = OPS[op](value, amount)
        return value

    def _apply(self, world: World, path: str) -> None:
        value = self._value(path)
        kind, rest = _split(path)
        if not self.over[path] and kind in CLEAR:
            CLEAR[kind](world, rest)
        else:
            KNOBS[kind][1](world, rest, value)


def _split(path: str) -> tuple[str, list[str]]:
    kind, *rest = path.split("/")
    return kind, rest


def read(world: World, path: str) -> Any:
    """What a path is now. Raises KeyError for one that leads nowhere."""
    kind, rest = _split(path)
    try:
        return KNOBS[kind][0](world, rest)
    except (KeyError, IndexError, StopIteration, ValueError):
        raise KeyError(path) from None


# -- the things that can be changed


def _speed(world: World, rest: list[str]) -> float:
    service, version = rest[0], rest[1]
    first = world.plane.network.group_indices(service, version, rest[2] if len(rest) > 2 else "")[0]
    speeds: list[float] = getattr(world.plane, "speeds")  # noqa: B009 - both engines have it, the interface has not
    return speeds[first]


def _set_speed(world: World, rest: list[str], value: float) -> None:
    world.plane.set_speed(rest[0], rest[1], value, rest[2] if len(rest) > 2 else "")


def _cores(world: World, rest: list[str]) -> float:
    found = next(d for d in world.plane.network.databases if rest[0] in (d.name, d.family))
    desk = work_of(world).desks.get(rest[0]) if "postgres" in world.rooms else None
    held = desk is not None and desk.given and float(found.cores) == desk.given
    return desk.cores if desk is not None and held else float(found.cores)


def _link(world: World, rest: list[str]) -> Any:
    return next(x for x in world.plane.network.links if (x.source, x.target) == (rest[0], rest[1]))


def _set_link(world: World, rest: list[str], value: Any) -> None:
    link = _link(world, rest)
    now = {"latency_s": link.latency_s, "loss": link.loss, "up": link.up}
    if rest[2] == "up" and value and not link.up:
        world.plane.clear_link(rest[0], rest[1])  # nobody waits for what was on its way so long ago
    now[rest[2]] = value
    world.plane.set_link(rest[0], rest[1], **now)


def _read_link(world: World, rest: list[str]) -> Any:
    return getattr(_link(world, rest), rest[2])


def _trouble(world: World, rest: list[str]) -> float:
    found: float = getattr(world.reach.trouble.get(rest[0], Trouble()), rest[1])
    return found


def _set_trouble(world: World, rest: list[str], value: float) -> None:
    trouble = world.reach.trouble.setdefault(rest[0], Trouble())
    setattr(trouble, rest[1], value if rest[1] == "mean_ms" else min(1.0, value))
    if trouble == Trouble():
        del world.reach.trouble[rest[0]]


def _delay(world: World, rest: list[str]) -> float:
    return world.reach.delay_ms.get((rest[0], rest[1]), 0.0)


def _set_delay(world: World, rest: list[str], value: float) -> None:
    pair = (rest[0], rest[1])
    if value > 0:
        world.reach.delay_ms[pair] = value
    else:
        world.reach.delay_ms.pop(pair, None)


def _set_down(world: World, rest: list[str], value: str) -> None:
    if value:
        world.reach.down.setdefault(rest[0], value)
    elif world.reach.down.get(rest[0]) == WHY:
        del world.reach.down[rest[0]]


def _set_cut(world: World, rest: list[str], value: str) -> None:
    pair = (rest[0], rest[1])
    if value:
        world.reach.cuts.setdefault(pair, value)
    elif world.reach.cuts.get(pair) == WHY:
        del world.reach.cuts[pair]


def _set_setting(world: World, rest: list[str], value: Any) -> None:
    world.settings.forced[rest[0]] = value


def _clear_setting(world: World, rest: list[str]) -> None:
    world.settings.forced.pop(rest[0], None)


def _gslb(world: World, rest: list[str]) -> float:
    found: float = world.rooms["dns"].sites[rest[0]].weight
    return found


def _set_gslb(world: World, rest: list[str], value: float) -> None:
    from simulator.dns.state import set_weights

    set_weights(world, {rest[0]: value})


def _set_dns_ttl(world: World, _rest: list[str], value: float) -> None:
    from simulator.dns.state import set_ttl

    set_ttl(world, value)


def _failing(world: World, rest: list[str]) -> float:
    world.scenario.services()[rest[0]]
    return 0.0


def _set_failing(world: World, rest: list[str], value: float) -> None:
    if "postgres" in world.rooms:  # failures by other causes add up there
        pressure.fail(world, rest[0], WHY, value, WHY)
    else:
        world.plane.set_failing(rest[0], value, WHY)


def _weights(world: World, rest: list[str]) -> list[float]:
    splits = world.plane.network.splits
    name = f"{rest[0]} by {rest[1] or 'chance'}"
    return list(next(s for s in splits if s.kind == "shard" and s.name == name).weights)


def _capacity(world: World, rest: list[str]) -> int | None:
    index = cached(world.plane.network, rest[0])[0]
    found: int | None = getattr(world.plane, "caches")[index].capacity  # noqa: B009 - as above
    return found


def _op_ms(world: World, rest: list[str]) -> float:
    return world.plane.network.nodes[cache_looks(world.plane.network, rest[0])[0]].mean_s * 1000


def _pace(world: World, rest: list[str]) -> float:
    storage = world.scenario.databases()[rest[0]].storage
    assert storage is not None
    return work_of(world).stores[rest[0]].pace.get(rest[1], storage.replicas[rest[1]].replay_mb_s)


def _set_pace(world: World, rest: list[str], value: float) -> None:
    work_of(world).stores[rest[0]].pace[rest[1]] = value


def _clear_pace(world: World, rest: list[str]) -> None:
    work_of(world).stores[rest[0]].pace.pop(rest[1], None)


Read = Callable[["World", list[str]], Any]
Write = Callable[["World", list[str], Any], None]
KNOBS: dict[str, tuple[Read, Write]] = {
    "speed": (_speed, _set_speed),
    "cores": (_cores, lambda w, r, v: w.plane.set_cores(r[0], max(0.01, v))),
    "link": (_read_link, _set_link),
    "rate": (lambda w, r: w.plane.rate(r[0]), lambda w, r, v: w.plane.set_rate(r[0], v)),
    "trouble": (_trouble, _set_trouble),
    "delay": (_delay, _set_delay),
    "down": (lambda w, r: "", _set_down),
    "cut": (lambda w, r: "", _set_cut),
    "setting": (
        lambda w, r: settings.read(w, r[0]),
        _set_setting,
    ),
    "gslb": (_gslb, _set_gslb),
    "dns_ttl": (lambda w, r: w.rooms["dns"].ttl_s, _set_dns_ttl),
    "failing": (_failing, _set_failing),
    "weights": (_weights, lambda w, r, v: w.plane.set_shard_weights(r[0], r[1], v)),
    "capacity": (_capacity, lambda w, r, v: w.plane.set_cache_capacity(r[0], v)),
    "op": (_op_ms, lambda w, r, v: w.plane.set_cache_delay(r[0], v / 1000)),
    "pace": (_pace, _set_pace),
    "disk": (
        lambda w, r: work_of(w).stores[r[0]].disk,
        lambda w, r, v: setattr(work_of(w).stores[r[0]], "disk", v),
    ),
    "slot": (
        lambda w, r: work_of(w).stores[r[0]].active[r[1]],
        lambda w, r, v: work_of(w).stores[r[0]].active.update({r[1]: v}),
    ),
}
CLEAR: dict[str, Callable[[World, list[str]], None]] = {"setting": _clear_setting, "pace": _clear_pace}
