"""Remedies for keys that are too much for one server: salts, limits, a look at the busiest shard, local caches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.interventions.base import Intervention, Params, Raw
from simulator.scenario import Focus, Text

if TYPE_CHECKING:
    from simulator.world import World


def _salted(world: World, params: Params) -> None:
    """Keys with orders of their own are salted before the first of them is hot."""
    from simulator.shards import plans

    spec = world.scenario.sharding
    for name, hot in spec.hot.items() if spec is not None else ():
        if hot.orders:
            parts = max(2, min(int(params["parts"]), world.rooms["shards"].map.now.serving))
            plans.salt(world, [name], hot.number, parts)


def _dedicated(world: World, params: Params) -> None:
    """Every key that is known as big lives on an empty shard of its own, rows and all; every router knows it."""
    from simulator.shards import jobs, plans, state

    spec = world.scenario.sharding
    if spec is None:
        return
    room = state.state_of(world)
    for hot in spec.hot.values():
        try:
            own = plans.spare(world)
        except plans.Refused:
            break
        now = room.map.now
        room.rows[now.shards_of(hot.number)[0]] -= hot.rows
        room.rows[own] += hot.rows
        room.map.now = now.placed(hot.number, (own,))
    state.apply_shares(world, room)
    if world.entities is not None and spec.store:
        jobs.rehome(world)


def _limited(world: World, params: Params) -> None:
    """Every key that has a limiter gets a limit."""
    from simulator.shards import plans

    spec = world.scenario.sharding
    for name, hot in spec.hot.items() if spec is not None else ():
        if hot.limiter:
            plans.limit(world, name, max(1.0, params["rps"]))


def _alert_per_shard(raw: Raw, focus: Focus, params: Params) -> None:
    raw["alerting"]["rules"]["BusiestShard"] = {
        "expr": f"max(db_cpu_utilisation) > {params['cpu']:g}",
        "for_s": params["for_s"],
        "severity": "P1",
        "service": focus.database,
        "summary": {"ru": "Самый нагруженный шард у потолка", "en": "The busiest shard is at its ceiling"},
    }


def _local_cache(raw: Raw, focus: Focus, params: Params) -> None:
    for part in raw["components"].values():
        if part["kind"] == "cache" and part.get("redis"):
            part["redis"]["local_s"] = max(0.0, params["seconds"])


ENTRIES = [
    Intervention(
        "salted_hot_keys",
        "prevent",
        Text(ru="соль в ключе крупных продавцов заранее", en="salt the big merchants' keys in advance"),
        Text(
            ru="чтение всех заказов продавца обходит все части; отчёты и выгрузки дороже",
            en="reading all of a merchant's orders visits every part; reports and exports cost more",
        ),
        {"parts": 8},
        install=_salted,
    ),
    Intervention(
        "dedicated_shard",
        "prevent",
        Text(
            ru="крупный продавец на своём шарде заранее",
            en="a shard of its own for a big merchant, in advance",
        ),
        Text(
            ru="почти пустой сервер на продавца круглый год; кому мало одного сервера, тому мало и своего",
            en="a nearly idle server a merchant all year; who is too big for one server is too big for his own",
        ),
        install=_dedicated,
    ),
    Intervention(
        "hot_key_limits",
        "mitigate",
        Text(ru="лимит запросов на продавца", en="a request limit per merchant"),
        Text(
            ru="защищает соседей по шарду; живых покупателей этого продавца отсекает",
            en="protects the neighbours on the shard; turns away real customers of that merchant",
        ),
        {"rps": 800},
        install=_limited,
    ),
    Intervention(
        "alert_per_shard",
        "detect",
        Text(
            ru="алерт на самый нагруженный шард, а не на среднее",
            en="alert on the busiest shard, not the mean",
        ),
        Text(ru="ещё один пейдж; порог надо подобрать", en="one more page; the threshold needs tuning"),
        {"cpu": 0.9, "for_s": 30},
        _alert_per_shard,
        first="rule",
    ),
    Intervention(
        "page_local_cache",
        "prevent",
        Text(
            ru="короткий кэш в памяти подов перед Redis", en="a short cache in the pods' memory before Redis"
        ),
        Text(ru="страница отстаёт на секунды; память подов", en="pages are seconds behind; the pods' memory"),
        {"seconds": 2},
        _local_cache,
    ),
]
