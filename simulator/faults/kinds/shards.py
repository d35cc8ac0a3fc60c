"""Shards: one of them hot or slow, a placement that puts all of today on one, a rebalance under load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.faults.fault import TIMES, UP, Act, Fault, Moves
from simulator.faults.kinds import names
from simulator.faults.params import Param, Wrong, say
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

SHARD = Param("shard", names=names.shards)
T = {"refused": Text(ru="переезд не начался: {0}", en="the move did not start: {0}")}


def _hot(act: Act) -> None:
    world = act.world
    family, _, index = act.name("shard").rpartition("-")
    for keys in dict.fromkeys(s.keys for s in world.plane.network.splits if _parts(s.name, s.kind, family)):
        act.put(f"weights/{family}/{keys}", "lean", (int(index), act.number("share")))


def _parts(name: str, kind: str, family: str) -> bool:
    """Whether a split parts the queries of a database over its shards."""
    return kind == "shard" and name.startswith(f"{family} by ")


def _rebalance(act: Act) -> None:
    from simulator.shards import plans

    try:
        plans.rebalance(act.world, int(act.number("serving")), act.number("rate"), True)
    except plans.Refused as refused:
        raise Wrong(say(act.world, T["refused"], refused)) from None


def _cancel(act: Act) -> None:
    from simulator.shards import jobs
    from simulator.shards.state import state_of

    for job in list(state_of(act.world).jobs):
        jobs.cancel(act.world, job)


def sharded(world: World) -> bool:
    return "shards" in world.rooms


FAULTS = (
    Fault(
        "shards.hot", "shards", ("shards hot",),
        Text(ru="Доля всех запросов приходится на один шард: горячий продавец.", en="A share of all queries goes to one shard: a hot merchant."),
        "shards hot stock-db-1 70%", _hot, Moves("shard.stock-db-1", UP, 0.3), (SHARD, Param("share", "%", 0.01, 0.99, 0.7)), needs=lambda w: bool(names.shards(w)),
    ),
    Fault(
        "shards.slow", "shards", ("shards slow",),
        Text(ru="У одного шарда осталось столько ядер: четверть запросов ждёт.", en="One shard is left with so many cores: a quarter of the queries waits."),
        "shards slow stock-db-2 0.05", lambda act: act.put(f"cores/{act.name('shard')}", "min", act.number("cores")),
        Moves("wait.stock-db-2", TIMES, 5.0, after_s=90.0), (SHARD, Param("cores", "", 0.01, 1024.0, 0.1)), needs=lambda w: bool(names.shards(w)),
    ),
    Fault(
        "shards.date", "shards", ("shards date",),
        Text(ru="Роутер размещает ключи по дате: все сегодняшние запросы идут на один шард.", en="The router places keys by date: all of today's queries go to one shard."),
        "shards date", lambda act: act.put("setting/shards.function", "set", "date"),
        Moves("shard.stock-db-0", UP, 0.3), (), needs=sharded,
    ),
    Fault(
        "shards.rebalance", "shards", ("shards rebalance",),
        Text(ru="Решардинг днём: ключи переезжают, копия жжёт CPU шардов.", en="A rebalance in the day: keys move, the copy burns the shards' CPU."),
        "shards rebalance 6 --rate 200000", _rebalance, Moves("shard.stock-db-4", UP, 0.05, after_s=0.0),
        (Param("serving", "int", 1, 256, 6), Param("rate", "", 100.0, 1e6, 50_000.0, flag=True)), undo=_cancel, needs=sharded,
    ),
)  # fmt: skip
