"""A small marketplace whose payments database is backed up, with a quick restore."""

from simulator.commands import execute
from simulator.run import make_world
from simulator.scenario import load
from simulator.world import World

SMALL = (
    "backups.payments-db.size_gb=1.5",
    "backups.payments-db.wal_mb_s=8",
    "backups.payments-db.full_age_s=21900",
    "timeline=[]",
)
SIDE = "--pg1-path=/var/lib/pgsql/restore"
MAIN = "/var/lib/pgsql/15/data"


def world(*more: str, language: str = "en") -> World:
    return make_world(load("drop-table", (*SMALL, *more)), 1, language=language)


def said(where: World, line: str) -> str:
    return execute(where, line).text


def code(where: World, line: str) -> int:
    return execute(where, line).code


def restored(where: World, target: str) -> str:
    """A copy beside, as of a time of that morning; what pg_ctl says."""
    said(
        where,
        f"pgbackrest --stanza=payments {SIDE} --delta --type=time --target='2026-11-26 {target}' restore",
    )
    return said(where, "pg_ctl -D /var/lib/pgsql/restore start")


def number(where: World, sql: str, host: str = "payments-db") -> float:
    return float(said(where, f'psql -h {host} -Atc "{sql}" payments'))
