"""System views that show what the server does: activity, statements, locks, statistics, replication.

Each function gives rows as dictionaries by column; a column left out is NULL. They only read the world.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from simulator.engine import streams
from simulator.entities import lockviews
from simulator.postgres import advisory, entity_locks, jobs, locking, workload
from simulator.postgres.backends import (
    EXPORTER_QUERY,
    STANDBY_ADDRESS,
    WALSENDER_PID,
    Backend,
    all_backends,
    own_pid,
    roles,
)
from simulator.postgres.state import FIRST_OID, Table
from simulator.postgres.storage import WAL_START
from simulator.postgres.types import DAY_US, US
from simulator.postgres.work import LIVE, Desk, Store, desk_of, work_of
from simulator.standby.state import stream

if TYPE_CHECKING:
    from simulator.postgres.catalog import Catalog

Rows = list[dict[str, Any]]
DATABASE_OID = FIRST_OID - 1
LOCKS_VIEW_OID = 12_073
# WAL an average query leaves, reads included; 270 B a written row (FACTS 1.4).
WAL_BYTES_PER_QUERY = 270
REPLAY_LAG_BYTES = 18_432


def wal_position(catalog: Catalog) -> int:
    """Bytes of WAL written so far."""
    store = work_of(catalog.world).stores.get(catalog.session.component)
    if store is not None:
        return int(store.position) // 8 * 8
    queries = sum(catalog.world.plane.history.column(f"db/{catalog.session.component}/queries"))
    return WAL_START + int(queries) * WAL_BYTES_PER_QUERY // 8 * 8


def lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def transaction_id(catalog: Catalog) -> int:
    queries = sum(catalog.world.plane.history.column(f"db/{catalog.session.component}/queries"))
    return 712_345_678 + int(queries) // 4


def boot_us(catalog: Catalog) -> int:
    return catalog.world.postgres.start_us - 41 * DAY_US


def at_us(catalog: Catalog, t_s: float | None) -> int | None:
    return None if t_s is None else catalog.world.postgres.start_us + round(t_s * US)


def backends(catalog: Catalog) -> list[Backend]:
    """Every process; the application's that stand show what they wait for."""
    found = all_backends(catalog.world, catalog.session, catalog.statement)
    stopped = {b.pid: stop for b, stop in locking.app_waiters(catalog.world, catalog.session.component)}
    if not stopped:
        return found
    since_us = at_us(catalog, desk_of(catalog.world, catalog.session.component).since_s)
    shown = []
    for backend in found:
        if backend.pid in stopped:
            spread = streams.uniform(streams.key_of(1, "waits", backend.pid)) * 0.6
            began = (since_us or 0) + int(spread * US)
            backend = replace(
                backend, wait_type="Lock", wait_event="relation", query_start_us=began, state_change_us=began,
                xact_start_us=began,
            )  # fmt: skip
        shown.append(backend)
    return shown


def stat_activity(catalog: Catalog) -> Rows:
    oids = roles(catalog.world, catalog.session.component)
    found = []
    for b in backends(catalog):
        client = b.kind == "client backend"
        found.append({
            "datid": DATABASE_OID if client else None, "datname": catalog.database.name if client else None,
            "pid": b.pid, "usesysid": oids.get(b.user) if b.user else None, "usename": b.user,
            "application_name": b.application, "client_addr": b.address, "client_port": b.port,
            "backend_start": b.started_us, "xact_start": b.xact_start_us, "query_start": b.query_start_us,
            "state_change": b.state_change_us, "wait_event_type": b.wait_type, "wait_event": b.wait_event,
            "state": b.state, "query": b.query[:1023], "backend_type": b.kind,
            "backend_xmin": transaction_id(catalog) if b.state == "active" and client else None,
        })  # fmt: skip
    return found


def stat_statements(catalog: Catalog) -> Rows:
    """One row a statement of a user: an N+1 shows as calls that leave those of the first query behind."""
    world, component, since_s = catalog.world, catalog.session.component, catalog.server.statements_reset_s
    oids = roles(world, component)
    records = workload.executed(world, component, since_s)
    scrapes = int((world.now_s - since_s) // 15)
    if scrapes:
        exporter = workload.Executed("monitoring", EXPORTER_QUERY)
        exporter.add(scrapes, 1.31)
        records.append(exporter)
    return [_statement(r, oids) for r in records]


def _statement(r: workload.Executed, oids: dict[str, int]) -> dict[str, Any]:
    calls, mean = round(r.calls), r.total_ms / r.calls
    tables = workload.tables_of(r.sql)
    blocks = calls * (5 + 4 * len(tables))
    # Exponential service times: the spread within a second is about its mean.
    spread = max(0.0, 2 * r.square_ms / r.calls - mean * mean) ** 0.5
    identity = streams.key_of(0, r.sql)
    zeroes = (
        "plans local_blks_hit local_blks_read local_blks_dirtied local_blks_written temp_blks_read wal_fpi"
        " temp_blks_written shared_blks_written jit_functions jit_inlining_count jit_optimization_count"
        " jit_emission_count"
    )
    times = (
        "total_plan_time min_plan_time max_plan_time mean_plan_time stddev_plan_time blk_read_time"
        " blk_write_time temp_blk_read_time temp_blk_write_time jit_generation_time jit_inlining_time"
        " jit_optimization_time jit_emission_time"
    )
    return {
        **dict.fromkeys(zeroes.split(), 0), **dict.fromkeys(times.split(), 0.0),
        "userid": oids.get(r.user, 10), "dbid": DATABASE_OID, "toplevel": 1, "query": r.sql,
        "queryid": (identity >> 1) * (1 if identity & 1 else -1), "calls": calls, "total_exec_time": mean * calls,
        "min_exec_time": r.min_ms, "max_exec_time": r.max_ms, "mean_exec_time": mean, "stddev_exec_time": spread,
        "rows": calls * (1 if r.user == "monitoring" else 2), "shared_blks_hit": blocks,
        "shared_blks_read": blocks // 180, "shared_blks_dirtied": blocks // 2900, "wal_records": calls // 40,
        "wal_bytes": calls // 40 * 90,
    }  # fmt: skip


def stat_statements_info(catalog: Catalog) -> Rows:
    return [{"dealloc": 0, "stats_reset": at_us(catalog, catalog.server.statements_reset_s)}]


def locks(catalog: Catalog) -> Rows:
    """Relation locks of what runs, and each backend's lock on its own virtual transaction."""
    desk = desk_of(catalog.world, catalog.session.component)
    stopped = {b.pid: stop for b, stop in locking.app_waiters(catalog.world, catalog.session.component)}
    found: Rows = [{**row, "database": DATABASE_OID} for row in advisory.rows(catalog)]
    found += _queued(catalog, desk)
    for n, b in enumerate(backends(catalog)):
        if b.kind != "client backend" or b.state == "idle" or b.pid in desk.manager.sessions:
            continue
        virtual = f"{n + 3}/{b.pid * 7 + int(catalog.world.now_s) % 97}"
        base = {"virtualtransaction": virtual, "pid": b.pid, "granted": 1, "fastpath": 1}
        tables = [catalog.database.tables[t] for t in b.tables if t in catalog.database.tables]
        held = [oid for t in tables for oid in (t.oid, *(i.oid for i in t.indexes if i.primary))]
        if b.pid == own_pid(catalog.world, catalog.session):
            held.append(LOCKS_VIEW_OID)
        relation = {**base, "locktype": "relation", "database": DATABASE_OID, "mode": "AccessShareLock"}
        if b.pid in stopped:
            table, mode, _ = stopped[b.pid]
            waited = catalog.database.tables.get(table)
            found.append({
                **relation, "relation": waited.oid if waited else None, "mode": mode, "granted": 0, "fastpath": 0,
                "waitstart": b.query_start_us,
            })  # fmt: skip
            held = []
        found += [{**relation, "relation": oid} for oid in held]
        found.append({**base, "locktype": "virtualxid", "virtualxid": virtual, "mode": "ExclusiveLock"})
    return found


def _queued(catalog: Catalog, desk: Desk) -> Rows:
    """What the lock tables hold: long sessions, transactions, jobs."""
    found: Rows = []
    queues = [desk.manager, *entity_locks.managers(catalog.world, desk.component)]
    for row in (row for manager in queues for row in lockviews.pg_locks(manager)):
        wait_ns = row.pop("waitstart_ns")
        found.append({
            **row, "database": DATABASE_OID, "granted": int(row["granted"]), "fastpath": 0,
            "virtualtransaction": f"{row['pid'] % 97}/{row['pid']}",
            "waitstart": None if wait_ns is None else at_us(catalog, wait_ns / 1e9),
        })  # fmt: skip
    return found


def progress_create_index(catalog: Catalog) -> Rows:
    """pg_stat_progress_create_index: blocks and tuples in proportion to the work done."""
    world, component, found = catalog.world, catalog.session.component, []
    for job in work_of(world).jobs:
        if job.component != component or not job.kind.startswith("CREATE INDEX") or job.state not in LIVE:
            continue
        table = catalog.database.tables.get(job.table)
        if table is None:
            continue
        waiting = jobs.older(world, job) if job.left_s <= 0 and job.snapshots else []
        blocks = catalog.heap_bytes(table) // 8192
        found.append({
            "pid": job.pid, "datid": DATABASE_OID, "datname": catalog.database.name, "relid": table.oid,
            "index_relid": 0, "command": job.kind, "phase": jobs.phase(world, job), "lockers_total": len(waiting),
            "lockers_done": 0, "current_locker_pid": waiting[0] if waiting else 0, "blocks_total": blocks,
            "blocks_done": int(blocks * min(1.0, job.done / 0.55)), "tuples_total": job.rows,
            "tuples_done": int(job.rows * max(0.0, min(1.0, (job.done - 0.55) / 0.2))), "partitions_total": 0,
            "partitions_done": 0,
        })  # fmt: skip
    return found


def progress_vacuum(catalog: Catalog) -> Rows:
    world, found = catalog.world, []
    for job in work_of(world).jobs:
        table = catalog.database.tables.get(job.table)
        mine = job.component == catalog.session.component and job.kind in ("autovacuum", "VACUUM")
        if not mine or job.state not in LIVE or table is None:
            continue
        blocks = catalog.heap_bytes(table) // 8192
        found.append({
            "pid": job.pid, "datid": DATABASE_OID, "datname": catalog.database.name, "relid": table.oid,
            "phase": "scanning heap" if job.done < 0.8 else "vacuuming heap", "heap_blks_total": blocks,
            "heap_blks_scanned": int(blocks * min(1.0, job.done / 0.8)),
            "heap_blks_vacuumed": int(blocks * max(0.0, (job.done - 0.8) / 0.2)), "index_vacuum_count": 0,
            "max_dead_tuples": 178_956_970, "num_dead_tuples": table.dead,
        })  # fmt: skip
    return found


def stat_database(catalog: Catalog) -> Rows:
    history, component, server = catalog.world.plane.history, catalog.session.component, catalog.server
    queries = int(sum(history.column(f"db/{component}/queries")))
    active_ms = 1000 * sum(history.column(f"db/{component}/active"))
    clients = sum(1 for b in backends(catalog) if b.kind == "client backend")
    inserted = sum(catalog.gained(t) + t.inserted for t in catalog.database.tables.values())
    reset_us = at_us(catalog, server.stats_reset_s) if server.stats_reset_s else boot_us(catalog)
    return [{
        "datid": DATABASE_OID, "datname": catalog.database.name, "numbackends": clients,
        "xact_commit": 4_218_334_120 + queries, "xact_rollback": 118_204,
        "blks_read": 812_455_120 + queries // 40, "blks_hit": 190_443_120_551 + queries * 9,
        "tup_returned": 88_120_443_912 + queries * 3, "tup_fetched": 41_203_448_201 + queries * 2,
        "tup_inserted": 2_204_118_330 + inserted, "tup_updated": 1_930_448_112, "tup_deleted": 404_118_552,
        "conflicts": 0, "temp_files": 412, "temp_bytes": 9_884_120_064, "deadlocks": 7 + entity_locks.deadlocks(catalog.world, component), "blk_read_time": 0.0,
        "blk_write_time": 0.0, "session_time": 9.1e12 + catalog.world.now_s * 1000 * clients,
        "active_time": 3.2e11 + active_ms, "idle_in_transaction_time": 1.1e8,
        "sessions": 184_220 + len(server.terminated), "sessions_abandoned": 41, "sessions_fatal": 3,
        "sessions_killed": 2 + len(server.terminated), "stats_reset": reset_us,
    }]  # fmt: skip


def _touched(catalog: Catalog) -> dict[str, int]:
    """Queries since the start by table."""
    found: dict[str, int] = {}
    for record in workload.executed(catalog.world, catalog.session.component, 0.0):
        for name in workload.tables_of(record.sql):
            found[name] = found.get(name, 0) + round(record.calls)
    return found


def _auto_us(catalog: Catalog, table: Table, hours: int) -> int | None:
    """When autovacuum last came by: big tables are visited every few hours."""
    if table.spec is None:
        return None
    key = streams.key_of(catalog.world.seed, "autovacuum", table.name, hours)
    return catalog.world.postgres.start_us - int((0.2 + hours * streams.uniform(key)) * 3600 * US)


def stat_user_tables(catalog: Catalog) -> Rows:
    touched = _touched(catalog)
    found = []
    for table in catalog.database.tables.values():
        calls, rows, gained = touched.get(table.name, 0), catalog.live_rows(table), catalog.gained(table)
        old = rows if table.spec else 0
        key = streams.key_of(catalog.world.seed, "vacuums", table.name)
        found.append({
            "relid": table.oid, "schemaname": "public", "relname": table.name, "seq_scan": 6 + streams.below(key, 0, 19) if old else 1,
            "seq_tup_read": old * 5, "idx_scan": old * 3 + calls, "idx_tup_fetch": old * 4 + calls * 2,
            "n_tup_ins": table.base_rows + gained + table.inserted, "n_tup_upd": table.base_rows // 2 + table.updated,
            "n_tup_del": table.base_rows // 30 + table.deleted, "n_tup_hot_upd": table.base_rows // 3,
            "n_live_tup": rows, "n_dead_tup": table.dead, "n_mod_since_analyze": table.dead // 3 + gained,
            "n_ins_since_vacuum": old // 90, "last_vacuum": at_us(catalog, table.vacuumed_s),
            "last_autovacuum": at_us(catalog, table.autovacuumed_s) or _auto_us(catalog, table, 9), "last_analyze": at_us(catalog, table.analyzed_s),
            "last_autoanalyze": _auto_us(catalog, table, 4), "vacuum_count": int(table.vacuumed_s is not None),
            "autovacuum_count": 24 + streams.below(key, 1, 66) if old else 0, "analyze_count": int(table.analyzed_s is not None),
            "autoanalyze_count": 96 + streams.below(key, 2, 140) if old else 0,
        })  # fmt: skip
    return found


def stat_user_indexes(catalog: Catalog) -> Rows:
    touched = _touched(catalog)
    found = []
    for table in catalog.database.tables.values():
        for n, index in enumerate(table.indexes):
            scans = table.base_rows // (n + 1) + touched.get(table.name, 0) if index.created_s == 0 else 0
            found.append({
                "relid": table.oid, "indexrelid": index.oid, "schemaname": "public", "relname": table.name,
                "indexrelname": index.name, "idx_scan": scans, "idx_tup_read": scans * 2, "idx_tup_fetch": scans,
            })  # fmt: skip
    return found


def statio_user_tables(catalog: Catalog) -> Rows:
    touched = _touched(catalog)
    found = []
    for table in catalog.database.tables.values():
        pages, calls = catalog.heap_bytes(table) // 8192, touched.get(table.name, 0)
        found.append({
            "relid": table.oid, "schemaname": "public", "relname": table.name, "heap_blks_read": pages,
            "heap_blks_hit": pages * 90 + calls * 3, "idx_blks_read": pages // 4,
            "idx_blks_hit": pages * 200 + calls * 4,
        })  # fmt: skip
    return found


def stat_replication(catalog: Catalog) -> Rows:
    sent = wal_position(catalog)
    store = work_of(catalog.world).stores.get(catalog.session.component)
    if store is not None:
        return [_standby(catalog, store, n, name, sent) for n, name in enumerate(store.replayed)]
    lag_us = int(1_200 + catalog.world.plane.database(catalog.session.component).qps / 4)
    streams, waits = stream(catalog.world, catalog.session.component) or (True, False)
    if not streams:
        return []
    return [{
        "pid": WALSENDER_PID, "usesysid": roles(catalog.world, catalog.session.component)["replicator"],
        "usename": "replicator", "application_name": f"{catalog.session.component}-replica-1",
        "client_addr": STANDBY_ADDRESS, "client_port": 41_204, "backend_start": boot_us(catalog) + 9 * US,
        "state": "streaming", "sent_lsn": lsn(sent), "write_lsn": lsn(sent), "flush_lsn": lsn(sent),
        "replay_lsn": lsn(sent - REPLAY_LAG_BYTES), "write_lag": lag_us // 2, "flush_lag": lag_us,
        "replay_lag": lag_us * 2, "sync_priority": int(waits), "sync_state": "sync" if waits else "async",
        "reply_time": catalog.clock_us - 640_000,
    }]  # fmt: skip


def _standby(catalog: Catalog, store: Store, number: int, name: str, sent: int) -> dict[str, Any]:
    """One replica: what it has replayed, and since when there is more."""
    from simulator.postgres import storage

    lag_us = int(storage.lag_s(catalog.world, catalog.session.component, name) * US) + 1_900
    return {
        "pid": WALSENDER_PID + number, "usesysid": roles(catalog.world, catalog.session.component)["replicator"],
        "usename": "replicator", "application_name": name, "client_addr": STANDBY_ADDRESS, "client_port": 41_204 + number,
        "backend_start": boot_us(catalog) + 9 * US, "state": "streaming", "sent_lsn": lsn(sent), "write_lsn": lsn(sent),
        "flush_lsn": lsn(sent), "replay_lsn": lsn(min(sent, int(store.replayed[name]) // 8 * 8)), "write_lag": 900,
        "flush_lag": 1_800, "replay_lag": lag_us, "sync_priority": 0, "sync_state": "async",
        "reply_time": catalog.clock_us - 640_000,
    }  # fmt: skip


def _slot(catalog: Catalog, store: Store, name: str) -> dict[str, Any]:
    spec_gb = catalog.world.scenario.databases()[catalog.session.component].storage
    kept = store.position - store.slots[name]
    usual = (spec_gb.max_wal_gb if spec_gb else 16.0) * 1e9
    status = "lost" if store.lost.get(name) else "extended" if kept > usual else "reserved"
    return {
        "slot_name": name, "slot_type": "physical", "temporary": 0, "active": int(store.active[name]),
        "active_pid": WALSENDER_PID if store.active[name] else None, "wal_status": status, "two_phase": 0,
        "restart_lsn": None if store.lost.get(name) else lsn(int(store.slots[name]) // 8 * 8),
    }  # fmt: skip


def replication_slots(catalog: Catalog) -> Rows:
    store = work_of(catalog.world).stores.get(catalog.session.component)
    if store is not None:
        return [_slot(catalog, store, name) for name in store.slots]
    return [{
        "slot_name": f"{catalog.session.component.replace('-', '_')}_replica_1", "slot_type": "physical",
        "temporary": 0, "active": 1, "active_pid": WALSENDER_PID, "wal_status": "reserved", "two_phase": 0,
        "restart_lsn": lsn(wal_position(catalog) - REPLAY_LAG_BYTES),
    }]  # fmt: skip


def stat_bgwriter(catalog: Catalog) -> Rows:
    timed = 11_808 + int(catalog.world.now_s // 300)
    return [{
        "checkpoints_timed": timed, "checkpoints_req": 96, "checkpoint_write_time": timed * 251_204.0,
        "checkpoint_sync_time": timed * 212.0, "buffers_checkpoint": timed * 9_420, "buffers_clean": 8_812_403,
        "maxwritten_clean": 1_204, "buffers_backend": 41_220_118, "buffers_backend_fsync": 0,
        "buffers_alloc": 812_455_120, "stats_reset": boot_us(catalog),
    }]  # fmt: skip


def stat_wal(catalog: Catalog) -> Rows:
    position = wal_position(catalog)
    return [{
        "wal_records": position // 140, "wal_fpi": 40_118_220, "wal_bytes": position, "wal_buffers_full": 18_204,
        "wal_write": position // 9_000, "wal_sync": position // 11_000, "wal_write_time": 0.0,
        "wal_sync_time": 0.0, "stats_reset": boot_us(catalog),
    }]  # fmt: skip


def stat_archiver(catalog: Catalog) -> Rows:
    from simulator.backups.state import archiver_row

    known = archiver_row(catalog.world, catalog.session.component)
    if known is not None:
        return [{**known, "stats_reset": boot_us(catalog)}]
    segment = (wal_position(catalog) >> 24) - 1  # the one being written is not archived yet
    return [{
        "archived_count": segment, "last_archived_wal": f"00000003{segment >> 8:08X}{segment & 0xFF:08X}",
        "last_archived_time": catalog.clock_us - 4 * US, "failed_count": 0, "stats_reset": boot_us(catalog),
    }]  # fmt: skip
