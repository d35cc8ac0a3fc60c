"""Remedies against lost tables: who may drop what, how fast a restore is, and who notices."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from simulator.interventions.base import Params, Raw, alert_rule, entry
from simulator.scenario import Focus, Text

if TYPE_CHECKING:
    from simulator.world import World

SOFT_DROP, DELAYED_S = "soft_drop", "delayed_replica_s"  # read by the rooms of PostgreSQL and of backups
WATCH = "interventions.watch_drops"
LOOK_EVERY_S = 5.0
_PSQL = re.compile(r"^psql (?!.*-U )")
_DESTRUCTIVE = re.compile(
    r"\b(drop\s+table|truncate\b|delete\s+from\s+\w+\s*(?:;|'|$)|update\s+\w+\s+set\b(?!.*\bwhere\b))", re.I
)


def _least_privilege(raw: Raw, _focus: Focus, _params: Params) -> None:
    """What runs by itself connects as a role that owns no table."""
    for due in raw["timeline"]:
        due["command"] = _PSQL.sub("psql -U monitoring ", due["command"])


def _review_gate(raw: Raw, _focus: Focus, _params: Params) -> None:
    """A statement that destroys rows for good is refused before it reaches a database."""
    raw["timeline"] = [
        e for e in raw["timeline"] if not (_PSQL.match(e["command"]) and _DESTRUCTIVE.search(e["command"]))
    ]


def _no_silencing(raw: Raw, _focus: Focus, _params: Params) -> None:
    """archive_command belongs to the configuration management, which puts it back."""
    raw["timeline"] = [e for e in raw["timeline"] if "archive_command" not in e["command"]]


def _faster(raw: Raw, _focus: Focus, params: Params) -> None:
    for spec in (raw.get("backups") or {}).values():
        spec["copy_mb_s"] *= params["factor"]
        spec["replay_mb_s"] *= min(2.0, params["factor"])


def _often(raw: Raw, _focus: Focus, params: Params) -> None:
    for spec in (raw.get("backups") or {}).values():
        spec["incr_s"] = min(spec["incr_s"], max(60.0, params["every_s"]))


def _safe_updates(raw: Raw, _focus: Focus, _params: Params) -> None:
    for part in raw["components"].values():
        if part.get("kind") == "postgres":
            part.setdefault("settings", {})["safeupdate.enabled"] = "on"


def _soft_drop(world: World, params: Params) -> None:
    world.policies[SOFT_DROP] = {"aside": [], "for_s": float(params["for_s"]), "since_s": None}
    world.agenda.at(world.now_s + LOOK_EVERY_S, WATCH)


def watch_drops(world: World) -> None:
    """What was renamed instead of dropped gets its name back when the SLI is down since then."""
    from simulator import facts

    world.agenda.at(world.now_s + LOOK_EVERY_S, WATCH)
    policy, history, sli = world.policies[SOFT_DROP], world.plane.history, world.scenario.sli
    level = facts.smoothed(history, sli.traffic_class, history.seconds - 1) if history.seconds else 1.0
    if not policy["aside"] or level >= sli.healthy:
        policy["since_s"] = None
        return
    if policy["since_s"] is None:
        policy["since_s"] = world.now_s
    if world.now_s - policy["since_s"] >= policy["for_s"]:
        for component, name, kept in policy["aside"]:
            _name_back(world, component, name, kept)
        policy.update(aside=[], since_s=None)


def _name_back(world: World, component: str, name: str, kept: str) -> None:
    from simulator.postgres import client
    from simulator.postgres.state import Session

    database = world.postgres.databases[component]
    if name in database.tables or kept not in database.tables:
        return  # somebody was quicker
    session = Session(component, database.name, application="migrator")
    client.run_string(client.Client(world, session), f'ALTER TABLE "{kept}" RENAME TO "{name}"')
    text = Text(ru="{0}: таблице {1} возвращено имя", en="{0}: table {1} has its name back")
    world.note("database", text.of(world.language).format(component, name))


def _delayed(world: World, params: Params) -> None:
    world.policies[DELAYED_S] = max(60.0, float(params["seconds"]))


_entry = partial(entry, needs=("database",))

ENTRIES = [
    _entry("least_privilege", "prevent", ("роль миграций и заданий не владеет таблицами", "the role of migrations and jobs owns no table"),
           ("DDL идёт отдельным путём, с заявкой", "DDL goes another way, by request"), _least_privilege, {}),
    _entry("migration_review_gate", "prevent", ("проверка миграций: DROP, TRUNCATE и UPDATE/DELETE без WHERE не проходят", "a gate for migrations: no DROP, TRUNCATE, UPDATE or DELETE without WHERE"),
           ("ложные отказы, обходные пути вручную", "false refusals, ways round by hand"), _review_gate, {}),
    _entry("archive_under_config_management", "prevent", ("archive_command задаёт только управление конфигурацией", "only configuration management sets archive_command"),
           ("в аварию её не заглушить: место на диске кончится", "it cannot be silenced in need: the disk fills up"), _no_silencing, {}),
    _entry("pitr_drill", "respond", ("учения по восстановлению: параллельное копирование, настроенный архив", "restore drills: parallel copying, a tuned archive"),
           ("день команды в квартал и машина под учения", "a day of the team a quarter, and a machine for it"), _faster, {"factor": 3}),
    _entry("frequent_incrementals", "mitigate", ("инкрементальные копии чаще", "incremental backups more often"),
           ("место в репозитории и чтение с диска", "room in the repository and reads from the disk"), _often, {"every_s": 600}),
    _entry("safe_updates", "prevent", ("UPDATE и DELETE без WHERE запрещены на сервере (safeupdate)", "the server refuses UPDATE and DELETE without WHERE (safeupdate)"),
           ("массовые правки отключают защиту осознанно; от DROP и TRUNCATE не спасает", "bulk changes switch it off on purpose; no help against DROP and TRUNCATE"), _safe_updates, {}),
    _entry("rename_before_drop", "prevent", ("таблицу сначала переименовывают, удаляют через неделю; упал SLI — имя возвращается", "a table is renamed first and dropped a week later; when the SLI falls, its name comes back"),
           ("место на диске и уборка; от TRUNCATE и UPDATE не спасает", "disk space and a clean-up; no help against TRUNCATE and UPDATE"), None,
           {"for_s": 30}, install=_soft_drop),
    _entry("delayed_replica", "mitigate", ("отложенная реплика на запасной машине (recovery_min_apply_delay)", "a delayed replica on the spare machine (recovery_min_apply_delay)"),
           ("ещё один сервер; ошибку нужно заметить раньше, чем истечёт задержка", "one more server; the mistake must be noticed before the delay is over"), None,
           {"seconds": 3600}, install=_delayed),
    _entry("row_count_alert", "detect", ("алерт на число строк таблиц с деньгами", "an alert on the row count of tables with money"),
           ("порог меняют с ростом таблицы", "the threshold moves as the table grows"), alert_rule("TableLostRows", "min(pg_stat_user_tables_n_live_tup) < {rows:g}", 20, "P1", "Таблица потеряла строки", "A table has lost rows"),
           {"rows": 1_000_000}),
    _entry("archive_alert", "detect", ("алерт на отставание архива WAL (по репозиторию, а не по pg_stat_archiver)", "an alert on the lag of the WAL archive (by the repository, not by pg_stat_archiver)"),
           ("ещё одно число для дежурного", "one more number for the person on call"), alert_rule("WalArchiveLag", "max(pgbackrest_wal_archive_lag_seconds) > {seconds:g}", 20, "P1", "Архив WAL отстаёт", "The WAL archive lags"),
           {"seconds": 90}),
]  # fmt: skip
HANDLERS = {WATCH: watch_drops}
