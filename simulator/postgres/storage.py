"""A server's WAL and disk: what is written, how far replicas have replayed it, what slots keep, and when it is full."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

from simulator.interventions.migrations import IDLE_SLOT_S
from simulator.postgres import pressure, workload
from simulator.postgres.notes import note
from simulator.postgres.work import Store, work_of

if TYPE_CHECKING:
    from simulator.scenario import Storage
    from simulator.world import World

GB, MB = 1_000_000_000.0, 1_000_000.0
WAL_START = (0x1A7 << 32) + 0x5C000000
RESTART_S = 45.0  # crash recovery from the last checkpoint
PANIC = 'PANIC:  could not write to file "pg_wal/xlogtemp.{0}": No space left on device'
RECOVERING = "the database system is in recovery mode"


def spec_of(world: World, component: str) -> Storage | None:
    found = world.scenario.databases().get(component)
    return found.storage if found is not None else None


def build(world: World, component: str) -> Store | None:
    """A server's WAL and disk at the start, or None when the scenario has nothing to say of them."""
    spec = spec_of(world, component)
    if spec is None:
        return None
    store = Store(float(WAL_START), spec.disk_gb * GB)
    for name in spec.replicas:
        store.replayed[name] = store.position
    for name, slot in spec.slots.items():
        store.slots[name] = store.position - slot.retained_gb * GB
        store.active[name] = slot.active
    return store


def write(world: World, component: str, wal: float) -> None:
    """A job has written so many bytes of WAL."""
    store = work_of(world).stores.get(component)
    if store is not None:
        store.position += wal
        store.burst += wal


def each_second(world: World, component: str) -> None:
    """The application's WAL, the replicas' replay, the slots, the disk."""
    store, spec = work_of(world).stores.get(component), spec_of(world, component)
    if store is None or spec is None:
        return
    history = world.plane.history
    usual = history.last(f"db/{component}/queries")
    if store.panic_s is None:
        store.position += _written(world, component, spec, usual)
    for name, replica in spec.replicas.items():
        if name not in world.reach.down and store.panic_s is None:
            pace = store.pace.get(name, replica.replay_mb_s)
            store.replayed[name] = min(store.position, store.replayed[name] + pace * MB)
    for name in store.slots:
        if store.active[name]:  # a replica's own slot stands where the replica does
            standby = next((r for r in store.replayed if r.replace("-", "_") == name), "")
            store.slots[name] = store.replayed.get(standby, store.position)
    _limit_slots(world, component, store)
    history.append(f"postgres/{component}/wal", store.position)
    history.append(f"postgres/{component}/wal_rate", store.burst)
    store.burst = 0.0
    for name in spec.replicas:
        lag = lag_s(world, component, name)
        history.append(f"postgres/{component}/lag/{name}", lag)
        _tell_entities(world, component, name, lag)
    _lagged(world, component, spec)
    size = used(world, component)
    history.append(f"postgres/{component}/disk", size)
    history.append(f"postgres/{component}/kept", kept(world, component))
    _fill(world, component, store, size)


def _written(world: World, component: str, spec: Storage, queries: float) -> float:
    """The application's WAL of a second: in proportion to what it asks now against the first minute."""
    column = world.plane.history.column(f"db/{component}/queries")
    usual = column[5:35]
    first = sum(usual) / len(usual) if usual else 0.0
    return spec.wal_mb_s * MB * (queries / first if first > 0 else 1.0)


def lag_s(world: World, component: str, replica: str) -> float:
    """How old what a replica shows is: since when the WAL goes beyond what it has replayed."""
    store = work_of(world).stores[component]
    column = world.plane.history.column(f"postgres/{component}/wal")
    replayed = store.replayed[replica]
    if not column or replayed >= column[-1] - 1:
        return 0.0
    return float(len(column) - bisect.bisect_left(column, replayed + 1.0))


def _tell_entities(world: World, component: str, replica: str, lag: float) -> None:
    """Single orders reach the replica as late as the WAL does."""
    if world.entities is None:
        return
    for store in world.entities.domain.stores.values():
        names = [c.name for c in store.copies]
        if replica in names:
            for name in names:
                pair = (name, replica)
                if name != replica and lag >= 1.0:
                    world.reach.delay_ms[pair] = lag * 1000
                elif name != replica and pair in world.reach.delay_ms:
                    del world.reach.delay_ms[pair]


def worst_lag_s(world: World, component: str) -> float:
    spec = spec_of(world, component)
    return max((lag_s(world, component, name) for name in spec.replicas), default=0.0) if spec else 0.0


def _lagged(world: World, component: str, spec: Storage) -> None:
    """Readers of the replicas do not find what has not arrived there."""
    lag = worst_lag_s(world, component)
    for service, reader in spec.readers.items():
        asks = work_of(world).shares.get(f"{component}.{service}", reader.share)
        share = asks * lag / (lag + reader.age_s) if lag > 0 else 0.0
        why = f"read from a replica that is {lag:.0f} s behind"
        pressure.fail(world, service, f"lag {component}", share if share > 0.002 else 0.0, why)


def kept(world: World, component: str) -> float:
    """Bytes of WAL that the server may not remove yet."""
    store, spec = work_of(world).stores[component], spec_of(world, component)
    assert spec is not None
    oldest = min((store.slots[n] for n in store.slots if not store.lost.get(n)), default=store.position)
    behind = min((*store.replayed.values(), oldest), default=store.position)
    return max(spec.max_wal_gb * GB / 2, store.position - behind)


def used(world: World, component: str) -> float:
    """Bytes on the disk: tables with their dead rows and indexes, WAL, the rest."""
    spec = spec_of(world, component)
    assert spec is not None
    tables = world.postgres.databases[component].tables.values()
    data = sum(t.heap_bytes + sum(t.index_bytes(i) for i in t.indexes) for t in tables if t.entity or t.dead)
    return spec.other_gb * GB + data + kept(world, component)


def _limit_slots(world: World, component: str, store: Store) -> None:
    """max_slot_wal_keep_size: a slot that holds back more is lost, and its WAL goes."""
    limit = float(world.postgres.servers[component].settings.get("max_slot_wal_keep_size", "-1"))
    for name, start in store.slots.items():
        if limit >= 0 and store.position - start > limit * 1024 * 1024 and not store.lost.get(name):
            store.lost[name] = True
            note(world, "slot lost", component, name)
    _drop_idle(world, component, store)


def _drop_idle(world: World, component: str, store: Store) -> None:
    """The keeper of slots, where there is one, drops what nobody has read for so long since it looks."""
    idle_s = world.policies.get(IDLE_SLOT_S)
    if idle_s is None:
        return
    for name in list(store.slots):
        if store.active[name]:
            store.idle_since.pop(name, None)
        elif world.now_s - store.idle_since.setdefault(name, world.now_s) >= idle_s:
            drop_slot(world, component, name)


def _fill(world: World, component: str, store: Store, size: float) -> None:
    """A full disk stops the server; with room again it recovers."""
    if store.panic_s is None and size < store.disk:
        return
    users = list(dict.fromkeys(d.service for d in workload.demands(world.scenario, component)))
    if store.panic_s is None:
        store.panic_s, store.back_s = world.now_s, None
        text = PANIC.format(31 + int(world.now_s) % 7)
        note(world, "panic", component, text)
        for service in users:
            pressure.fail(world, service, f"disk {component}", 1.0, f"FATAL: {RECOVERING}")
        from simulator.postgres import locking

        locking.say(world, component, 0, text)
    elif size < store.disk * 0.995:
        store.back_s = store.back_s or world.now_s + RESTART_S
        if world.now_s >= store.back_s:
            store.panic_s = store.back_s = None
            note(world, "back", component)
            for service in users:
                pressure.fail(world, service, f"disk {component}", 0.0, "")


def free_gb(world: World, component: str) -> float:
    """Room left on the disk."""
    return (work_of(world).stores[component].disk - used(world, component)) / GB


def down(world: World, component: str) -> bool:
    store = work_of(world).stores.get(component)
    return store is not None and store.panic_s is not None


def drop_slot(world: World, component: str, name: str) -> str | None:
    """pg_drop_replication_slot: the server's complaint, or None."""
    store = work_of(world).stores.get(component)
    if store is None or name not in store.slots:
        return f'replication slot "{name}" does not exist'
    if store.active[name]:
        return f'replication slot "{name}" is active for PID 902'
    del store.slots[name], store.active[name]
    note(world, "slot dropped", component, name)
    return None
