"""What `shardctl` changes: each plan checked, then begun as a job or put into the placement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.engine.keys import bins, shard_of
from simulator.entities.shards import DATE
from simulator.scenario import Text
from simulator.shards import jobs
from simulator.shards.state import (
    database_of,
    hot_by_number,
    hot_rps,
    mean_of,
    put,
    shares,
    spec_of,
    state_of,
)

if TYPE_CHECKING:
    from simulator.world import World

SAMPLE = 20_000  # keys that a dry run places anew
T = {
    "spare": Text(ru="свободных шардов нет", en="there is no spare shard"),
    "same": Text(ru="{0} уже на {1}", en="{0} is on {1} already"),
    "busy": Text(ru="{0}: задача {1} ещё идёт", en="{0}: job {1} is still running"),
    "salted": Text(
        ru="{0} посолен: сначала shardctl unsalt {0}", en="{0} is salted: shardctl unsalt {0} first"
    ),
    "unsalted": Text(ru="{0} не посолен", en="{0} is not salted"),
    "offline": Text(
        ru="{0}: закрыть запись можно только ключу с собственным лимитером",
        en="{0}: only a key with a limiter of its own can be closed for writes",
    ),
    "limiter": Text(
        ru="у {0} нет собственного лимитера; есть у: {1}", en="{0} has no limiter of its own; these have: {1}"
    ),
    "job": Text(ru="нет задачи {0}", en="no job {0}"),
    "late": Text(
        ru="задача {0} уже переключена, отменить нельзя",
        en="job {0} has cut over already and can't be cancelled",
    ),
    "started": Text(
        ru="задача {0}: {1}, {2:,.0f} строк со скоростью {3:,.0f}/с, около {4:.0f} с; ядер на копирование: {5:.1f} с каждой стороны",
        en="job {0}: {1}, {2:,.0f} rows at {3:,.0f}/s, about {4:.0f} s; the copy takes {5:.1f} cores on either side",
    ),
    "salt": Text(
        ru="{0}: новые заказы по хвосту order_id на {1}; прежние строки остаются на {2}; роутеры узнают за {3:g} с",
        en="{0}: new orders go by the tail of order_id to {1}; earlier rows stay on {2}; routers follow within {3:g} s",
    ),
    "unsalt": Text(
        ru="{0}: новые заказы снова на {1}; строки на {2} остаются и находятся",
        en="{0}: new orders go to {1} again; rows on {2} stay and are found",
    ),
    "limit": Text(
        ru="{0}: не больше {1:g} запросов в секунду, лишнее получает 429",
        en="{0}: at most {1:g} requests a second, the rest get 429",
    ),
    "unlimit": Text(ru="{0}: лимит снят", en="{0}: the limit is lifted"),
    "clean": Text(ru="все строки на своих местах", en="every row is where it belongs"),
    "function": Text(
        ru="функция шардирования сейчас {0}: переносить строки некуда, верните hash",
        en="the shard function is {0} now: there is no home to move rows to, return to hash first",
    ),
    "cancelled": Text(ru="задача {0} отменена", en="job {0} is cancelled"),
}


class Refused(Exception):
    """Why the router won't do it, in the player's language."""


def _say(world: World, key: str, *values: object) -> str:
    return T[key].of(world.language).format(*values)


def name_of(world: World, shard: int) -> str:
    return f"{spec_of(world).database}-{shard}"


def spare(world: World) -> int:
    """The first shard that holds nothing and is no job's target. Raises Refused."""
    state = state_of(world)
    taken = {job.target for job in state.jobs}
    for shard in range(state.map.now.serving, database_of(world).shards):
        if state.rows[shard] <= 0 and shard not in taken:
            return shard
    raise Refused(_say(world, "spare"))


def _free(world: World, what: str, key: int) -> None:
    for job in state_of(world).jobs:
        if job.key == key or job.key < 0 or key < 0:
            raise Refused(_say(world, "busy", what, job.number))


def _started(world: World, job: jobs.Job) -> str:
    jobs.start(world, job)
    spec = spec_of(world)
    burnt = job.rate * spec.copy_us / 1e6
    seconds = job.rows / job.rate
    return _say(world, "started", job.number, job.what, job.rows, job.rate, seconds, burnt) + "\n"


def move(world: World, name: str, key: int, target: int, rate: float, double: bool, offline: bool) -> str:
    placement, hot = state_of(world).map.now, hot_by_number(world, key)
    sources = tuple(shard for shard in placement.homes(key) if shard != target)
    _free(world, name, key)
    if len(placement.shards_of(key)) > 1:
        raise Refused(_say(world, "salted", name))
    if not sources:
        raise Refused(_say(world, "same", name, name_of(world, target)))
    if offline and (hot is None or not hot[1].limiter):
        raise Refused(_say(world, "offline", name))
    rows = float(hot[1].rows) if hot is not None else _rows_of(world, key)
    job = jobs.planned(
        world, f"move {name} {name_of(world, sources[0])} -> {name_of(world, target)}", sources=sources,
        target=target, key=key, rows=rows, rate=rate, double_write=double, offline=offline,
    )  # fmt: skip
    return _started(world, job)


def _rows_of(world: World, key: int) -> float:
    """Rows of an ordinary key: by its share of the requests."""
    spec = spec_of(world)
    known = bins(world.scenario.keys[spec.keys])
    for rank, keys, share in zip(known.rank, known.keys, known.share, strict=True):
        if rank <= key < rank + keys:
            return max(1.0, share / keys * spec.rows_per_shard * spec.serving)
    return 1.0


def split(world: World, shard: int, target: int, rate: float) -> str:
    state, name = state_of(world), name_of(world, shard)
    _free(world, name, -1)
    if shard == target or state.rows[shard] <= 0:
        raise Refused(_say(world, "same", name, name_of(world, target)))
    kept = sum(hot.rows for hot in spec_of(world).hot.values() if shard in state.map.now.homes(hot.number))
    rows = max(1.0, (state.rows[shard] - kept) / 2)
    job = jobs.planned(
        world, f"split {name} -> {name_of(world, target)}", sources=(shard,), target=target, rows=rows, rate=rate
    )  # fmt: skip
    return _started(world, job)


def moved_share(before: int, after: int) -> float:
    """Share of keys whose shard differs between two numbers of shards (hash mod n)."""
    moved = sum(shard_of(key, before) != shard_of(key, after) for key in range(SAMPLE))
    return moved / SAMPLE


def rebalance(world: World, wanted: int, rate: float, execute: bool) -> str:
    state = state_of(world)
    now = state.map.now
    if execute:
        _free(world, "rebalance", -1)
    if wanted == now.serving:
        raise Refused(_say(world, "same", "hash mod", str(wanted)))
    share = moved_share(now.serving, wanted)
    rows = share * sum(state.rows)
    sources = tuple(range(max(now.serving, wanted)))
    total = rate * len(sources)
    if not execute:
        return _forecast(world, wanted, share, rows, total)
    job = jobs.planned(
        world, f"rebalance {now.serving} -> {wanted}", sources=sources, rows=rows / len(sources), rate=rate,
        serving=wanted,
    )  # fmt: skip
    return _started(world, job)


def _forecast(world: World, wanted: int, share: float, rows: float, rate: float) -> str:
    """What a dry run prints: how much moves, and what each shard would bear, whole keys staying whole."""
    state, spec = state_of(world), spec_of(world)
    after = replace(state.map.now, serving=wanted)
    queries = mean_of(world, f"db/{spec.database}/queries")
    hot = {n: hot_rps(world, key) for n, key in spec.hot.items()}
    rest = max(0.0, queries - sum(hot.values()))
    lines = [
        f"hash mod {state.map.now.serving} -> hash mod {wanted}: {share:.0%} of keys move, "
        f"{rows:,.0f} rows, about {rows / rate:,.0f} s",
        f"{'SHARD':<16}{'RPS NOW':>10}{'RPS AFTER':>11}",
    ]
    for shard, part in enumerate(shares(world, after)):
        own = sum(r for n, r in hot.items() if after.shards_of(spec.hot[n].number)[0] == shard)
        if part > 0 or own > 0:
            rps = mean_of(world, f"db/{name_of(world, shard)}/queries")
            lines.append(f"{name_of(world, shard):<16}{rps:>10.0f}{part * rest + own:>11.0f}")
    return "\n".join(lines) + "\n"


def salt(world: World, words: list[str], key: int, parts: int) -> str:
    """New orders of a key go to several shards by their numbers; a router finds earlier rows where they are."""
    name, now = words[0], state_of(world).map.now
    _free(world, name, key)
    first = key * 1000
    targets: list[int] = []
    while len(targets) < parts:
        found = shard_of(first, now.serving)
        first += 1
        if found not in targets:
            targets.append(found)
    homes = tuple(shard for shard in now.homes(key) if shard not in targets)
    put(world, now.placed(key, tuple(targets), homes))
    spread = spec_of(world).spread_s
    to = ", ".join(name_of(world, shard) for shard in targets)
    stays = ", ".join(name_of(world, shard) for shard in homes) or "-"
    return _say(world, "salt", name, to, stays, spread) + "\n"


def unsalt(world: World, words: list[str], key: int) -> str:
    name, now = words[0], state_of(world).map.now
    parts = now.shards_of(key)
    if len(parts) < 2:
        raise Refused(_say(world, "unsalted", name))
    earlier = dict(now.kept).get(key, ())
    home = earlier[0] if earlier else parts[0]
    stay = tuple(s for s in dict.fromkeys((*earlier, *parts)) if s != home)
    put(world, now.placed(key, (home,), stay))
    rest = ", ".join(name_of(world, s) for s in stay)
    return _say(world, "unsalt", name, name_of(world, home), rest) + "\n"


def limit(world: World, name: str, per_s: float | None) -> str:
    spec = spec_of(world)
    hot = spec.hot.get(name)
    if hot is None or not hot.limiter:
        raise Refused(
            _say(world, "limiter", name, ", ".join(n for n, h in spec.hot.items() if h.limiter) or "-")
        )
    service = world.scenario.services()[hot.limiter]
    usual = service.rate_limit.rps if service.rate_limit else 1e6
    world.plane.set_rate_limit(hot.limiter, usual if per_s is None else max(per_s, 0.001))
    if per_s is None:
        state_of(world).limits.pop(name, None)
        return _say(world, "unlimit", name) + "\n"
    state_of(world).limits[name] = per_s
    return _say(world, "limit", name, per_s) + "\n"


def strays(world: World) -> dict[tuple[str, str], float]:
    """(shard a row is on, table) -> rows that the placement does not find there, as many as they stand for."""
    if world.entities is None or not spec_of(world).store:
        return {}
    weights = world.entities.weights()
    found: dict[tuple[str, str], float] = {}
    for store, table, row, _ in world.entities.strays(state_of(world).map):
        found[store, table] = found.get((store, table), 0.0) + weights.get(row, 1.0)
    return found


def repair(world: World, rate: float) -> str:
    now = state_of(world).map.now
    if now.function == DATE:
        raise Refused(_say(world, "function", now.function))
    _free(world, "repair", -1)
    found = strays(world)
    if not found:
        return _say(world, "clean") + "\n"
    sources = tuple(sorted({state_of(world).map.number(store) for store, _ in found}))
    job = jobs.planned(
        world, f"repair {len(sources)} shards", sources=sources, rows=max(found.values()), rate=rate
    )
    return _started(world, job)


def cancel(world: World, number: int) -> str:
    job = next((j for j in state_of(world).jobs if j.number == number), None)
    if job is None:
        raise Refused(_say(world, "job", number))
    if job.phase == "settle":
        raise Refused(_say(world, "late", number))
    jobs.cancel(world, job)
    return _say(world, "cancelled", number) + "\n"
