"""Rows under way between shards: what a copy costs while it runs, and what its order of steps keeps or loses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from simulator import bridge
from simulator.entities.shards import tables
from simulator.scenario import Text
from simulator.shards.state import (
    Job,
    Shards,
    change,
    database_of,
    hot_by_number,
    now_ns,
    put,
    spec_of,
    state_of,
)

if TYPE_CHECKING:
    from simulator.world import World

VERIFY_S = 5.0  # counting and comparing checksums
LEAST_CORES = 0.5  # a copy never starves a server altogether
T = {
    "done": Text(ru="shardctl: задача {0} ({1}) завершена", en="shardctl: job {0} ({1}) is done"),
    "cutover": Text(ru="shardctl: задача {0}: переключение", en="shardctl: job {0}: cutover"),
}


def start(world: World, job: Job) -> None:
    """Begin a job. With double writes routers are told first, and rows are copied when all of them know."""
    state = state_of(world)
    state.jobs.append(job)
    state.started += 1
    if job.key >= 0 and job.double_write:
        _mirror(world, job.key, job.target)
        job.until_s = world.now_s + spec_of(world).spread_s
    elif job.key >= 0 and job.offline:
        _lock(world, job.key, True)
        job.until_s = world.now_s + spec_of(world).spread_s
    else:
        _begin_copy(world, state, job)


def each_second(world: World) -> None:
    state = state_of(world)
    for job in list(state.jobs):
        if job.phase == "spread" and world.now_s >= job.until_s:
            _begin_copy(world, state, job)
        elif job.phase == "copy":
            _copy(world, state, job)
        elif job.phase == "verify" and world.now_s >= job.until_s:
            _cut_over(world, job)
        elif job.phase == "settle" and world.now_s >= job.until_s:
            _finish(world, state, job)


def cancel(world: World, job: Job) -> None:
    """Stop a job before its cutover: what it has copied is dropped, double writes and locks end."""
    state = state_of(world)
    state.jobs.remove(job)
    if job.key >= 0:
        _unmirror(world, job.key)
        _lock(world, job.key, False)
        if world.entities is not None:
            _drop(world, job.key, (job.target,))
    _burn(world, state)


# -- the phases


def _begin_copy(world: World, state: Shards, job: Job) -> None:
    job.phase = "copy"
    if job.key >= 0 and not job.double_write and not job.offline:
        _copy_rows(world, job)  # what comes in after this scan is not seen by it
    _burn(world, state)


def _copy(world: World, state: Shards, job: Job) -> None:
    job.copied = min(job.rows, job.copied + job.rate)
    if job.copied < job.rows:
        return
    if job.key >= 0 and (job.double_write or job.offline):
        _copy_rows(world, job)
    job.phase, job.until_s = "verify", world.now_s + VERIFY_S
    _burn(world, state)


def _cut_over(world: World, job: Job) -> None:
    now = state_of(world).map.now
    if job.key >= 0:
        put(world, now.placed(job.key, (job.target,)))
        _unmirror(world, job.key)
        _lock(world, job.key, False)
    elif job.what.startswith("split"):
        change(world, halves=(*now.halves, (job.sources[0], job.target)))
    elif job.serving:
        change(world, serving=job.serving)
    world.note("shards", T["cutover"].of(world.language).format(job.number))
    job.phase, job.until_s = "settle", world.now_s + spec_of(world).spread_s


def _finish(world: World, state: Shards, job: Job) -> None:
    """Rows that the placement no longer finds at their old place go: deleted there after a key's move, else home."""
    state.jobs.remove(job)
    if world.entities is not None and spec_of(world).store:
        if job.key >= 0:
            _drop(world, job.key, job.sources)
        else:
            rehome(world)
    _count_rows(world, state, job)
    world.note("shards", T["done"].of(world.language).format(job.number, job.what))


def _count_rows(world: World, state: Shards, job: Job) -> None:
    if job.key >= 0 or job.what.startswith("split"):
        for shard in job.sources:
            state.rows[shard] -= job.rows / len(job.sources)
        state.rows[job.target] += job.rows
    elif job.serving:
        total = sum(state.rows)
        state.rows = [total / job.serving if n < job.serving else 0.0 for n in range(len(state.rows))]


def _burn(world: World, state: Shards) -> None:
    """What running copies take of the CPU of the shards they touch."""
    spec, cores = spec_of(world), database_of(world).cores
    wanted: dict[int, float] = {}
    for job in state.jobs:
        if job.phase == "copy":
            for shard in job.both:
                wanted[shard] = wanted.get(shard, 0.0) + job.rate * spec.copy_us / 1e6
    for shard in dict.fromkeys([*state.cores, *wanted]):
        if wanted.get(shard, 0.0) != state.cores.get(shard, 0.0):
            left = max(LEAST_CORES, cores - wanted.get(shard, 0.0))
            world.plane.set_cores(f"{spec.database}-{shard}", left)
    state.cores = wanted


# -- what routers are told


def _mirror(world: World, key: int, target: int) -> None:
    now = state_of(world).map.now
    change(world, mirror=tuple(sorted({**dict(now.mirror), key: target}.items())))


def _unmirror(world: World, key: int) -> None:
    now = state_of(world).map.now
    change(world, mirror=tuple(pair for pair in now.mirror if pair[0] != key))


def _lock(world: World, key: int, locked: bool) -> None:
    now = state_of(world).map.now
    if (key in now.locked) == locked:
        return
    change(world, locked=(*now.locked, key) if locked else tuple(k for k in now.locked if k != key))
    found = hot_by_number(world, key)
    if found is not None and found[1].limiter:
        world.plane.set_failing(found[1].limiter, 1.0 if locked else 0.0, "shardctl: locked")


# -- rows of single orders


def _copy_rows(world: World, job: Job) -> None:
    """Write the rows of a key that lie on its old shards to the new one."""
    if world.entities is None or not world.scenario.sharding or not spec_of(world).store:
        return
    meets = bridge.catch_up(world)
    shards, stores = state_of(world).map, world.entities.domain.stores
    target = stores[shards.store_name(job.target)]
    leader = target.leader_for("", meets)
    if leader is None:
        return
    for shard in job.sources:
        for table, rows in stores[shards.store_name(shard)].final().items():
            for row, value in rows.items():
                if shards.keys.get(row) == job.key and target.read(leader.index, table, row) is None:
                    target.write(leader, table, row, value, meets)


def _drop(world: World, key: int, where: tuple[int, ...]) -> None:
    """Delete the rows of a key on some shards."""
    assert world.entities is not None
    bridge.catch_up(world)
    shards, stores = state_of(world).map, world.entities.domain.stores
    if not spec_of(world).store:
        return
    for shard in where:
        store = stores[shards.store_name(shard)]
        for copy in store.copies:
            for table in tables(store, copy):
                shelf = store.rows[copy.index][table]
                for row in [r for r, _ in shelf.items() if shards.keys.get(r) == key]:
                    shelf.drop(row)


def rehome(world: World) -> int:
    """Move every row that the placement does not find to where it is looked for; how many there were."""
    assert world.entities is not None
    meets = bridge.catch_up(world)
    shards, stores = state_of(world).map, world.entities.domain.stores
    found = world.entities.strays(shards)
    for name, table, row, key in found:
        old, home = stores[name], stores[shards.store_name(shards.now.shard(key, row))]
        source, leader = old.newest_leader(), home.leader_for("", meets)
        if source is None or leader is None:
            continue
        if home.read(leader.index, table, row) is None:
            home.write(leader, table, row, old.read(source.index, table, row), meets)
        old.rows[source.index][table].drop(row)
    return len(found)


def planned(world: World, what: str, **fields: object) -> Job:
    """A job that has not begun."""
    state = state_of(world)
    blank = Job(state.started + 1, what, (), -1, -1, 0.0, spec_of(world).rate, False, False, 0, world.now_s)
    return replace(blank, **fields)  # type: ignore[arg-type]


def settled(world: World) -> bool:
    return state_of(world).map.settled(now_ns(world))
