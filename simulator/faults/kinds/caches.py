"""Redis and the caches on it: nodes, memory, slow commands, lifetimes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.faults.fault import DOWN, TIMES, Act, Fault, Moves
from simulator.faults.kinds import names
from simulator.faults.params import Param
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

CACHE = Param("cache", names=names.caches)
NODE = Param("node", names=names.redis_nodes)


def _redis(*words: str) -> object:
    """One of Redis' own faults, with the argument that is named."""

    def apply(act: Act) -> None:
        from simulator.redis import faults

        faults.bring(act.world, [words[0], *(str(act.args[word]) for word in words[1:])])

    return apply


def _blocked(act: Act) -> None:
    act.every(act.number("every"))
    _block(act)


def _block(act: Act) -> None:
    from simulator.redis import faults

    faults.bring(act.world, ["slow", act.name("node"), str(act.number("time"))])


def _restore(act: Act) -> None:
    from simulator.redis import faults

    faults.bring(act.world, ["up", act.name("node")])


def _all(act: Act) -> None:
    from simulator.redis import faults

    made = act.world.rooms["redis"][act.name("cache")]
    act.brought.memory["nodes"] = [node.name for node in made.nodes if node.up]
    for name in act.brought.memory["nodes"]:
        faults.bring(act.world, ["down", name])


def _all_up(act: Act) -> None:
    from simulator.redis import faults

    for name in act.brought.memory["nodes"]:
        faults.bring(act.world, ["up", name])


def _room(act: Act) -> None:
    from simulator.redis import faults

    faults.bring(act.world, ["room", act.name("cache")])


def _flush(act: Act) -> None:
    act.world.plane.flush_cache(act.name("cache"))


def _flush_often(act: Act) -> None:
    act.every(act.number("every"))
    _flush(act)


def _ttl(act: Act) -> None:
    act.put(f"setting/cache_ttl.{act.name('cache')}", "min", act.number("time"))


def _has(world: World) -> bool:
    return "redis" in world.rooms


FAULTS = (
    Fault(
        "redis.down", "redis", ("redis down",),
        Text(ru="Узел Redis без питания; Sentinel или кластер выбирают другого мастера.", en="A Redis node loses power; Sentinel or the cluster chooses another master."),
        "redis down page-cache-0", _redis("down", "node"),  # type: ignore[arg-type]
        Moves("success.browse", DOWN, 0.2, run_s=15.0, last_s=10.0, after_s=90.0), (NODE,), undo=_restore, needs=_has,
    ),
    Fault(
        "redis.all", "redis", ("redis all",),
        Text(ru="Все узлы Redis под кэшем без питания: чтения падают, в базу никто сам не идёт.", en="All Redis nodes beneath a cache lose power: reads fail, nobody goes to the database instead."),
        "redis all cart-cache", _all, Moves("success.order", DOWN, 0.3, after_s=120.0),
        (Param("cache", names=names.redis_caches),), undo=_all_up, needs=_has,
    ),
    Fault(
        "redis.slow", "redis", ("redis slow",),
        Text(ru="Однопоточный узел занят долгой командой (KEYS *), снова и снова.", en="The single-threaded node is busy with a long command (KEYS *), again and again."),
        "redis slow cart-cache-0 4s --every 10s", _blocked, Moves("time.cart-service", TIMES, 2.0),
        (NODE, Param("time", "s", 0.01, 60.0, 3.0), Param("every", "s", 1.0, 600.0, 10.0, flag=True)), beat=_block, needs=_has,
    ),
    Fault(
        "redis.full", "redis", ("redis full",),
        Text(ru="maxmemory стал меньше занятого: шторм вытеснений.", en="maxmemory is below what is used: a storm of evictions."),
        "redis full page-cache", _redis("full", "cache"),  # type: ignore[arg-type]
        Moves("hit.page-cache", DOWN, 0.1, after_s=180.0), (Param("cache", names=names.redis_caches),), undo=_room, needs=_has,
    ),
    Fault(
        "redis.failover", "redis", ("redis failover",),
        Text(ru="Мастер сменился: прежний стал репликой.", en="The master has changed: the old one is a replica now."),
        "redis failover cart-cache", _redis("failover", "cache"),  # type: ignore[arg-type]
        Moves("master.cart-cache-0", DOWN, 0.9, after_s=0.0), (Param("cache", names=names.redis_caches),), lasts=False, needs=_has,
    ),
    Fault(
        "cache.flush", "cache", ("cache flush", "flush"),
        Text(ru="Кэш очищен (FLUSHALL): всё идёт в источник, пока не наполнится.", en="The cache is emptied (FLUSHALL): everything goes to the source until it is full again."),
        "cache flush page-cache", _flush, Moves("hit.page-cache", DOWN, 0.02, run_s=15.0, last_s=12.0, after_s=120.0),
        (CACHE,), lasts=False, needs=lambda w: bool(names.caches(w)),
    ),
    Fault(
        "cache.churn", "cache", ("cache churn",),
        Text(ru="Кэш сбрасывают снова и снова, например скриптом выкладки.", en="The cache is emptied again and again, say by a deployment script."),
        "cache churn page-cache --every 5s", _flush_often, Moves("queries.prices-db", TIMES, 2.0, after_s=150.0),
        (CACHE, Param("every", "s", 1.0, 3600.0, 10.0, flag=True)), beat=_flush, needs=lambda w: bool(names.caches(w)),
    ),
    Fault(
        "cache.ttl", "cache", ("cache ttl", "ttl"),
        Text(ru="Записи в кэше живут столько: промахов больше.", en="Entries of the cache live so long: there are more misses."),
        "cache ttl page-cache 1s", _ttl, Moves("queries.prices-db", TIMES, 2.0, after_s=150.0),
        (CACHE, Param("time", "s", 0.01, 86_400.0, 1.0)), needs=lambda w: bool(names.caches(w)),
    ),
    Fault(
        "cache.small", "cache", ("cache small",),
        Text(ru="В кэш помещается столько ключей, остальные вытесняются.", en="The cache has room for so many keys, others are evicted."),
        "cache small page-cache 100", lambda act: act.put(f"capacity/{act.name('cache')}", "set", int(act.number("keys"))),
        Moves("queries.prices-db", TIMES, 2.0, after_s=150.0), (CACHE, Param("keys", "int", 1, 10_000_000, 100)), needs=lambda w: bool(names.caches(w)),
    ),
    Fault(
        "cache.delay", "cache", ("cache delay",),
        Text(ru="Каждая операция кэша длится столько.", en="Each operation of the cache takes so long."),
        "cache delay cart-cache 150ms", lambda act: act.put(f"op/{act.name('cache')}", "max", act.number("time")),
        Moves("time.cart-service", TIMES, 3.0), (CACHE, Param("time", "ms", 0.1, 1000.0, 100.0)), needs=lambda w: bool(names.caches(w)),
    ),
)  # fmt: skip
