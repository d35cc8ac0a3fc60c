"""What `pg_control_checkpoint()` and `pg_control_system()` read from the control file, and the open snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.postgres import activity_views as activity
from simulator.postgres import entity_rows
from simulator.postgres.errors import PgError

if TYPE_CHECKING:
    from simulator.postgres.catalog import Catalog

TIMELINE = 3  # of a server that no Patroni leads
BACK_S = 140  # the last checkpoint began so long ago
BACK_BYTES = 48 << 20


def timeline(catalog: Catalog) -> int:
    """The timeline of the node the session is on."""
    world, session = catalog.world, catalog.session
    for table in catalog.database.tables.values():
        if table.entity is None:
            continue
        for store in entity_rows.stores_of(world, table, session.component):
            node = entity_rows.node_of(session)
            copy = next((c for c in store.copies if c.name == node), None) or store.newest_leader()
            if copy is not None and (copy.leads or copy.follows):
                return int(copy.leads or copy.follows)
    return TIMELINE


def control_checkpoint(catalog: Catalog) -> activity.Rows:
    now, at = activity.wal_position(catalog), timeline(catalog)
    where = max(0, now - BACK_BYTES) // 8 * 8
    return [{
        "checkpoint_lsn": activity.lsn(where + 56), "redo_lsn": activity.lsn(where),
        "redo_wal_file": file_of(catalog, activity.lsn(where)), "timeline_id": at,
        "prev_timeline_id": at, "full_page_writes": 1, "next_xid": f"0:{activity.transaction_id(catalog)}",
        "next_oid": 24_576, "next_multixact_id": "1", "next_multi_offset": "0", "oldest_xid": "726",
        "oldest_xid_dbid": 1, "oldest_active_xid": str(activity.transaction_id(catalog)), "oldest_multi_xid": "1",
        "oldest_multi_dbid": 1, "oldest_commit_ts_xid": "0", "newest_commit_ts_xid": "0",
        "checkpoint_time": catalog.clock_us - BACK_S * activity.US,
    }]  # fmt: skip


def file_of(catalog: Catalog, position: str) -> str:
    """The name of the WAL segment that holds a position."""
    high, _, low = position.partition("/")
    try:
        segment = (int(high, 16) << 32 | int(low, 16)) >> 24
    except ValueError:
        raise PgError(f'invalid input syntax for type pg_lsn: "{position}"') from None
    return f"{timeline(catalog):08X}{segment >> 8:08X}{segment & 0xFF:08X}"


def control_system(catalog: Catalog) -> activity.Rows:
    return [{
        "pg_control_version": 1300, "catalog_version_no": 202_209_061,
        "system_identifier": 7_380_000_000_000_000_000 + catalog.world.seed, "pg_control_last_modified": catalog.clock_us,
    }]  # fmt: skip


def snapshot(catalog: Catalog) -> str:
    """`xmin:xmax:` of a moment in which nobody else's number is open."""
    number = activity.transaction_id(catalog)
    return f"{number}:{number}:"
