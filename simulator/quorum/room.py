"""The room of leaderless stores and `quorumctl`, the in-house console that chooses W and R."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from simulator import bridge
from simulator.entities.quorum import Quorum
from simulator.reply import Reply, failure
from simulator.room import Room
from simulator.scenario import Text
from simulator.settings import KINDS
from simulator.tool import Tool
from simulator.wording import Words, Wrong

if TYPE_CHECKING:
    from simulator.telemetry.metrics import Column, Family, Labels, Telemetry
    from simulator.world import World

EVERY_S = 10  # the comparison of the nodes' Merkle trees
FORMS = (
    "quorumctl show carts",
    "quorumctl set carts --write 2 --read 2",
    "quorumctl lost carts",
    "quorumctl merge carts",
    "quorumctl repair carts",
)
T = {
    "none": Text(ru="quorumctl: хранилищ без лидера здесь нет", en="quorumctl: there is no store without a leader here"),
    "usage": Text(ru="quorumctl: {0}\nформы: {1}", en="quorumctl: {0}\nforms: {1}"),
    "verb": Text(ru="нет действия {0!r}", en="no action {0!r}"),
    "name": Text(ru="нет хранилища {0!r}; есть: {1}", en="no store {0!r}; there are: {1}"),
    "number": Text(ru="{0}: нужно число от 1 до {1}", en="{0}: expected a number from 1 to {1}"),
    "flags": Text(ru="нужны --write N и/или --read N", en="--write N and/or --read N are needed"),
    "set": Text(ru="{0}: W={1}, R={2} из N={3}. {4}", en="{0}: W={1}, R={2} of N={3}. {4}"),
    "meet": Text(
        ru="W+R>N: чтение видит каждую подтверждённую запись; сторона без W узлов получает ошибки",
        en="W+R>N: a read sees every acknowledged write; a side without W nodes gets errors",
    ),
    "miss": Text(
        ru="W+R<=N: обе стороны обрыва пишут, чтение может отстать, а при слиянии побеждает последняя запись",
        en="W+R<=N: both sides of a cut write, a read may be stale, and on meeting again the last writer wins",
    ),
    "lost": Text(
        ru="{0}: строк с затёртым {1}, добавлений в них {2}; строк, разных на узлах, {3}",
        en="{0}: {1} rows with something overwritten, {2} entries in all; {3} rows differ between nodes",
    ),
    "merged": Text(ru="{0}: возвращено добавлений {1}", en="{0}: {1} entries are back"),
    "repaired": Text(
        ru="{0}: выровнено строк {1}, победила последняя запись", en="{0}: {1} rows are the same again, the last writer won"
    ),
    "cut": Text(ru="{0} и {1} не видят друг друга", en="{0} and {1} do not reach each other"),
}  # fmt: skip


say = Words(T)


def stores(world: World) -> dict[str, Quorum]:
    return world.entities.domain.quorums if world.entities is not None else {}


def build(world: World) -> Any:
    return {} if stores(world) else None


def each_second(world: World) -> None:
    for name, store in stores(world).items():
        key = f"quorum/{name}/differing"
        now = store.differing() if int(world.now_s) % EVERY_S == 0 else world.plane.history.last(key)
        world.plane.history.append(key, float(now))
        world.plane.history.append(f"quorum/{name}/write", float(store.spec.write))
        world.plane.history.append(f"quorum/{name}/read", float(store.spec.read))


def _gauge(what: str) -> Family:
    def make(telemetry: Telemetry) -> Iterator[tuple[Labels, Column]]:
        for name in stores(telemetry.world):
            yield {"store": name}, telemetry.column(f"quorum/{name}/{what}")

    return make


def _metrics() -> Mapping[str, Family]:
    return {
        "quorum_rows_differing": _gauge("differing"),
        "quorum_write_nodes": _gauge("write"),
        "quorum_read_nodes": _gauge("read"),
    }


def _level(world: World, store: Quorum) -> str:
    spec = store.spec
    word = say(world, "meet" if spec.write + spec.read > len(spec.nodes) else "miss")
    return say(world, "set", store.name, spec.write, spec.read, len(spec.nodes), word) + "\n"


def _show(world: World, store: Quorum, _rest: list[str]) -> Reply:
    assert world.scenario.entities is not None
    places = world.scenario.entities.places
    rows = [("NODE", "DATACENTER", "STATE", "ROWS")]
    for index, node in enumerate(store.spec.nodes):
        state = "down" if node in world.reach.down else "up"
        rows.append((node, places.get(node, "-"), state, str(len(store.rows[index]))))
    widths = [max(len(row[i]) for row in rows) + 3 for i in range(len(rows[0]))]
    table = "".join("".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() + "\n" for r in rows)
    return Reply(_level(world, store) + table)


def _set(world: World, store: Quorum, rest: list[str]) -> Reply:
    given = dict(zip(rest[::2], rest[1::2], strict=False))
    if not given or any(name not in ("--write", "--read") for name in given):
        raise Wrong(say(world, "flags"))
    most = len(store.spec.nodes)
    for name, text in given.items():
        if not (text.isdecimal() and len(text) < 4 and 1 <= int(text) <= most):
            raise Wrong(say(world, "number", name, most))
    bridge.catch_up(world)
    for name, text in given.items():
        KINDS["quorum"][1](world, f"{store.name}.{name.removeprefix('--')}", int(text))
    return Reply(_level(world, store), cost_s=4.0)


def _lost(world: World, store: Quorum, _rest: list[str]) -> Reply:
    found = store.overwritten()
    entries = round(sum(len(x) for x in found.values()) * _weight(world))
    return Reply(say(world, "lost", store.name, len(found), entries, store.differing()) + "\n", cost_s=5.0)


def _weight(world: World) -> float:
    assert world.entities is not None
    weights = world.entities.weights()
    return sum(weights.values()) / len(weights) if weights else 1.0


def _apart(world: World, store: Quorum) -> Reply | None:
    """All nodes have to reach each other before their rows can be made the same."""
    meets = bridge.catch_up(world)
    now = store.timers.now
    for a in store.spec.nodes:
        for b in store.spec.nodes:
            if not meets.up(a, now) or not meets.connected(a, b, now):
                return failure(say(world, "cut", a, b), 1)
    return None


def _merge(world: World, store: Quorum, _rest: list[str]) -> Reply:
    apart = _apart(world, store)
    back = round(store.merge() * _weight(world)) if apart is None else 0
    return apart or Reply(say(world, "merged", store.name, back) + "\n", cost_s=20.0)


def _repair(world: World, store: Quorum, _rest: list[str]) -> Reply:
    apart = _apart(world, store)
    rows = store.converge() if apart is None else 0
    return apart or Reply(say(world, "repaired", store.name, rows) + "\n", cost_s=20.0)


VERBS: dict[str, Callable[[World, Quorum, list[str]], Reply]] = {
    "show": _show,
    "set": _set,
    "lost": _lost,
    "merge": _merge,
    "repair": _repair,
}


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    known = stores(world)
    if not known:
        return failure(say(world, "none"), 1)
    verb, rest = (argv[1], argv[2:]) if len(argv) > 1 else ("show", [])
    try:
        if verb not in VERBS:
            raise Wrong(say(world, "verb", verb[:40]))
        name = rest[0] if rest else next(iter(known)) if verb == "show" else ""
        if name not in known:
            raise Wrong(say(world, "name", name[:60], ", ".join(known)))
        return VERBS[verb](world, known[name], rest[1:])
    except Wrong as wrong:
        return failure(say(world, "usage", wrong, "; ".join(FORMS)), 2)


TOOL = Tool(
    "quorumctl",
    run,
    Text(
        ru="хранилища без лидера: W и R, что затёрто, слияние", en="stores without a leader: W and R, what was overwritten, merging"
    ),
    FORMS,
    lambda argv: argv[1:2] in (["set"], ["merge"], ["repair"]),
)  # fmt: skip
ROOM = Room("quorum", build, each_second=each_second, tools=lambda: {"quorumctl": TOOL}, metrics=_metrics)
