"""Remedies around schema changes and big tables: time-outs of roles, where reports run, disk, slots, replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.interventions.base import Params, Raw, alert_rule, entry
from simulator.scenario import Focus

if TYPE_CHECKING:
    from collections.abc import Iterator


def _databases(raw: Raw) -> Iterator[dict[str, Any]]:
    return (c for c in raw["components"].values() if c.get("kind") == "postgres")


def _setting(name: str, parameter: str, factor: float = 1.0) -> Any:
    def patch(raw: Raw, focus: Focus, params: Params) -> None:
        for database in _databases(raw):
            database.setdefault("settings", {})[name] = f"{params[parameter] * factor:g}"

    return patch


def _reports_away(raw: Raw, focus: Focus, params: Params) -> None:
    """Reports run on a replica of their own: the primary does not meet them."""
    for database in _databases(raw):
        kept = database.get("sessions") or {}
        database["sessions"] = {n: s for n, s in kept.items() if s.get("idle")}


def _shorter_reports(raw: Raw, focus: Focus, params: Params) -> None:
    for database in _databases(raw):
        for session in (database.get("sessions") or {}).values():
            if not session.get("idle"):
                session["for_s"] = min(session["for_s"], params["seconds"])


def _no_idle(raw: Raw, focus: Focus, params: Params) -> None:
    """idle_in_transaction_session_timeout ends transactions that somebody left open."""
    for database in _databases(raw):
        for session in (database.get("sessions") or {}).values():
            if session.get("idle"):
                session["for_s"] = min(session["for_s"], params["seconds"])


def _bigger_disk(raw: Raw, focus: Focus, params: Params) -> None:
    for database in _databases(raw):
        if database.get("storage"):
            database["storage"]["disk_gb"] += params["gb"]


def _faster_replica(raw: Raw, focus: Focus, params: Params) -> None:
    for database in _databases(raw):
        for replica in ((database.get("storage") or {}).get("replicas") or {}).values():
            replica["replay_mb_s"] = replica.get("replay_mb_s", 41.0) * params["factor"]


def _fresh_from_primary(raw: Raw, focus: Focus, params: Params) -> None:
    """What was written a moment ago is read from the primary; only the rest from replicas."""
    for database in _databases(raw):
        for reader in ((database.get("storage") or {}).get("readers") or {}).values():
            reader["age_s"] = max(reader.get("age_s", 10.0), params["age_s"])


ENTRIES = [
    entry("ddl_lock_timeout", "prevent", ("lock_timeout по умолчанию у ролей", "lock_timeout as the roles' default"),
           ("миграции нужно уметь повторять", "migrations must be able to try again"), _setting("lock_timeout", "ms"),
           {"ms": 500}),
    entry("reports_on_replica", "prevent", ("отчёты ходят в отдельную реплику", "reports run on a replica of their own"),
           ("ещё один сервер; отчёты видят данные с лагом", "one more server; reports see data with a lag"), _reports_away,
           {}),
    entry("report_statement_timeout", "mitigate", ("statement_timeout для роли отчётов", "statement_timeout for the reports' role"),
           ("длинные отчёты придётся разбить", "long reports must be split"), _shorter_reports, {"seconds": 60}),
    entry("idle_transaction_timeout", "prevent", ("обрывать забытые транзакции (idle_in_transaction_session_timeout)", "end forgotten transactions (idle_in_transaction_session_timeout)"),
           ("рвёт соединения инструментов, которые держат транзакцию", "cuts tools that keep a transaction open"),
           _no_idle, {"seconds": 60}),
    entry("slot_wal_limit", "prevent", ("предел WAL на слот (max_slot_wal_keep_size)", "a limit of WAL a slot (max_slot_wal_keep_size)"),
           ("отставший потребитель слота начнёт с полной копии", "a consumer that fell behind starts from a full copy"),
           _setting("max_slot_wal_keep_size", "gb", 1024), {"gb": 20}),
    entry("disk_headroom", "prevent", ("больше места на диске базы", "more room on the database's disk"),
           ("деньги каждый месяц", "money every month"), _bigger_disk, {"gb": 150}),
    entry("faster_replica", "prevent", ("реплика не слабее основной базы", "a replica as strong as the primary"),
           ("дороже сервер", "a dearer server"), _faster_replica, {"factor": 4}),
    entry("fresh_reads_from_primary", "mitigate", ("свежие данные читаются из основной базы", "what is fresh is read from the primary"),
           ("больше чтений на основной базе", "more reads on the primary"), _fresh_from_primary, {"age_s": 300}),
    entry("alert_replica_lag", "detect", ("алерт на лаг реплики", "an alert on the replica's lag"),
           ("будит при каждой большой пачке", "wakes people at every big batch"), alert_rule("ReplicaLagHigh", "max(pg_replication_lag_seconds) > {seconds:g}", 30, "P1", "Реплика отстаёт", "The replica lags"),
           {"seconds": 5}),
    entry("alert_disk", "detect", ("алерт на место на диске базы", "an alert on the database's disk"),
           ("порог зависит от скорости роста", "the threshold depends on how fast it grows"), alert_rule("DatabaseDiskHigh", "max(pg_disk_used_bytes) > {gb:g}e9", 30, "P1", "Мало места на диске базы", "The database's disk is short of room"),
           {"gb": 120}),
    entry("alert_wal_kept", "detect", ("алерт на WAL, который держат слоты", "an alert on WAL that slots hold back"),
           ("ещё одно число для дежурного", "one more number for the person on call"), alert_rule("WalKept", "max(pg_wal_size_bytes) > {gb:g}e9", 30, "P1", "Слот держит WAL", "A slot holds WAL back"),
           {"gb": 15}),
]  # fmt: skip
