"""Server settings: what `SHOW`, `pg_settings` and `ALTER SYSTEM` know. No session state lives here.

A line is name|setting|unit|context|type|min|max|enum values, as PostgreSQL 15 reports them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_TABLE = """
[Autovacuum]
autovacuum|on||sighup|bool|||
autovacuum_analyze_scale_factor|0.1||sighup|real|0|100|
autovacuum_freeze_max_age|200000000||postmaster|integer|100000|2000000000|
autovacuum_max_workers|3||postmaster|integer|1|262143|
autovacuum_naptime|60|s|sighup|integer|1|2147483|
autovacuum_vacuum_cost_delay|2|ms|sighup|real|-1|100|
autovacuum_vacuum_cost_limit|-1||sighup|integer|-1|10000|
autovacuum_vacuum_scale_factor|0.2||sighup|real|0|100|
autovacuum_vacuum_threshold|50||sighup|integer|0|2147483647|
[Client Connection Defaults / Locale and Formatting]
client_encoding|UTF8||user|string|||
DateStyle|ISO, MDY||user|string|||
extra_float_digits|1||user|integer|-15|3|
IntervalStyle|postgres||user|enum|||postgres,postgres_verbose,sql_standard,iso_8601
TimeZone|UTC||user|string|||
[Client Connection Defaults / Shared Library Preloading]
shared_preload_libraries|pg_stat_statements||postmaster|string|||
[Client Connection Defaults / Statement Behavior]
client_min_messages|notice||user|enum|||debug5,debug4,debug3,debug2,debug1,log,notice,warning,error
default_table_access_method|heap||user|string|||
default_transaction_isolation|read committed||user|enum|||serializable,"repeatable read","read committed","read uncommitted"
default_transaction_read_only|off||user|bool|||
idle_in_transaction_session_timeout|0|ms|user|integer|0|2147483647|
idle_session_timeout|0|ms|user|integer|0|2147483647|
lock_timeout|0|ms|user|integer|0|2147483647|
row_security|on||user|bool|||
search_path|"$user", public||user|string|||
session_replication_role|origin||superuser|enum|||origin,replica,local
statement_timeout|0|ms|user|integer|0|2147483647|
transaction_isolation|read committed||user|enum|||serializable,"repeatable read","read committed","read uncommitted"
transaction_read_only|off||user|bool|||
[Connections and Authentication / Authentication]
password_encryption|scram-sha-256||user|enum|||md5,scram-sha-256
[Connections and Authentication / Connection Settings]
client_connection_check_interval|0|ms|user|integer|0|2147483647|
listen_addresses|*||postmaster|string|||
max_connections|100||postmaster|integer|1|262143|
port|5432||postmaster|integer|1|65535|
superuser_reserved_connections|3||postmaster|integer|0|262143|
tcp_keepalives_idle|0|s|user|integer|0|2147483647|
[Connections and Authentication / SSL]
ssl|off||sighup|bool|||
[Customized Options]
pg_stat_statements.max|5000||postmaster|integer|100|1073741823|
pg_stat_statements.track|top||superuser|enum|||none,top,all
[File Locations]
data_directory|/var/lib/postgresql/15/main||postmaster|string|||
[Lock Management]
deadlock_timeout|1000|ms|superuser|integer|1|2147483647|
max_locks_per_transaction|64||postmaster|integer|10|2147483647|
[Preset Options]
block_size|8192||internal|integer|8192|8192|
in_hot_standby|off||internal|bool|||
lc_collate|C.UTF-8||internal|string|||
server_encoding|UTF8||internal|string|||
server_version|||internal|string|||
server_version_num|||internal|integer|||
[Query Tuning / Other Planner Options]
default_statistics_target|100||user|integer|1|10000|
jit|on||user|bool|||
plan_cache_mode|auto||user|enum|||auto,force_generic_plan,force_custom_plan
[Query Tuning / Planner Cost Constants]
effective_cache_size|524288|8kB|user|integer|1|2147483647|
random_page_cost|4||user|real|0|1.79769e+308|
seq_page_cost|1||user|real|0|1.79769e+308|
[Query Tuning / Planner Method Configuration]
enable_hashjoin|on||user|bool|||
enable_indexscan|on||user|bool|||
enable_nestloop|on||user|bool|||
enable_seqscan|on||user|bool|||
[Replication / Primary Server]
synchronous_standby_names|||sighup|string|||
[Replication / Sending Servers]
max_replication_slots|10||postmaster|integer|0|262143|
max_slot_wal_keep_size|-1|MB|sighup|integer|-1|2147483647|
max_wal_senders|10||postmaster|integer|0|262143|
wal_keep_size|0|MB|sighup|integer|0|2147483647|
[Replication / Standby Servers]
hot_standby|on||postmaster|bool|||
hot_standby_feedback|off||sighup|bool|||
max_standby_streaming_delay|30000|ms|sighup|integer|-1|2147483647|
[Reporting and Logging / What to Log]
log_checkpoints|on||sighup|bool|||
log_connections|off||superuser-backend|bool|||
log_lock_waits|off||superuser|bool|||
log_statement|none||superuser|enum|||none,ddl,mod,all
[Reporting and Logging / When to Log]
log_min_duration_statement|-1|ms|superuser|integer|-1|2147483647|
[Reporting and Logging / Where to Log]
log_destination|stderr||sighup|string|||
logging_collector|off||postmaster|bool|||
[Resource Usage / Asynchronous Behavior]
effective_io_concurrency|1||user|integer|0|1000|
max_parallel_workers|8||user|integer|0|1024|
max_parallel_workers_per_gather|2||user|integer|0|1024|
max_worker_processes|8||postmaster|integer|0|262143|
[Resource Usage / Background Writer]
bgwriter_delay|200|ms|sighup|integer|10|10000|
[Resource Usage / Cost-Based Vacuum Delay]
vacuum_cost_delay|0|ms|user|real|0|100|
vacuum_cost_limit|200||user|integer|1|10000|
[Resource Usage / Memory]
hash_mem_multiplier|2||user|real|1|1000|
huge_pages|try||postmaster|enum|||off,on,try
maintenance_work_mem|65536|kB|user|integer|1024|2147483647|
max_prepared_transactions|0||postmaster|integer|0|262143|
shared_buffers|16384|8kB|postmaster|integer|16|1073741823|
temp_buffers|1024|8kB|user|integer|100|1073741823|
work_mem|4096|kB|user|integer|64|2147483647|
[Statistics / Cumulative Query and Index Statistics]
track_activities|on||superuser|bool|||
track_activity_query_size|1024|B|postmaster|integer|100|1048576|
track_io_timing|off||superuser|bool|||
[Version and Platform Compatibility / Previous PostgreSQL Versions]
standard_conforming_strings|on||user|bool|||
[Write-Ahead Log / Archiving]
archive_command|||sighup|string|||
archive_mode|off||postmaster|enum|||always,on,off
archive_timeout|0|s|sighup|integer|0|1073741823|
[Write-Ahead Log / Checkpoints]
checkpoint_completion_target|0.9||sighup|real|0|1|
checkpoint_timeout|300|s|sighup|integer|30|86400|
max_wal_size|1024|MB|sighup|integer|2|2147483647|
min_wal_size|80|MB|sighup|integer|2|2147483647|
[Write-Ahead Log / Settings]
fsync|on||sighup|bool|||
full_page_writes|on||sighup|bool|||
synchronous_commit|on||user|enum|||local,remote_write,remote_apply,on,off
wal_buffers|2048|8kB|postmaster|integer|-1|262143|
wal_compression|off||superuser|enum|||pglz,lz4,zstd,on,off
wal_level|replica||postmaster|enum|||minimal,replica,logical
"""


@dataclass(frozen=True)
class Setting:
    """A server setting; `boot` is its value in the base unit, as text."""

    name: str
    boot: str
    unit: str
    context: str
    vartype: str
    low: str
    high: str
    choices: tuple[str, ...]
    category: str


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Setting]:
    """Every known setting by lower-case name, in the order of `pg_settings`."""
    found: dict[str, Setting] = {}
    category = ""
    for line in _TABLE.strip().splitlines():
        if line.startswith("["):
            category = line[1:-1]
            continue
        name, boot, unit, context, vartype, low, high, choices = line.split("|")
        values = tuple(c.strip('"') for c in choices.split(",")) if choices else ()
        found[name.lower()] = Setting(name, boot, unit, context, vartype, low, high, values, category)
    return dict(sorted(found.items()))


# Factor of each unit to the setting's base unit; a base of 8kB counts pages.
_TIME_MS = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_SIZE_KB = {"B": 1 / 1024, "kB": 1, "MB": 1024, "GB": 1024**2, "TB": 1024**3}
_BASE = {"ms": 1, "s": 1000, "min": 60_000, "kB": 1, "8kB": 8, "MB": 1024, "B": 1 / 1024}
_VALUE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$")
_TRUE, _FALSE = ("on", "true", "yes", "1", "t", "y"), ("off", "false", "no", "0", "f", "n")


def normalise(setting: Setting, text: str) -> tuple[str | None, str]:
    """(the value in base units, "") or (None, PostgreSQL's complaint)."""
    bad = f'invalid value for parameter "{setting.name}": "{text}"'
    if setting.vartype == "bool":
        word = text.strip().lower()
        if word in _TRUE:
            return "on", ""
        return (
            ("off", "") if word in _FALSE else (None, f'parameter "{setting.name}" requires a Boolean value')
        )
    if setting.vartype == "enum":
        return (text.lower(), "") if text.lower() in setting.choices else (None, bad)
    if setting.vartype == "string":
        return text, ""
    match = _VALUE.match(text)
    if match is None:
        return None, bad
    value = float(match.group(1))
    if match.group(2):
        table = _TIME_MS if setting.unit in ("ms", "s", "min") else _SIZE_KB
        if not setting.unit or match.group(2) not in table:
            return None, bad
        value = value * table[match.group(2)] / _BASE[setting.unit]
    if setting.low and not float(setting.low) <= value <= float(setting.high):
        shown = f"{_plain(value)}{' ' + setting.unit if setting.unit else ''}"
        return None, (
            f'{shown} is outside the valid range for parameter "{setting.name}" '
            f"({setting.low} .. {setting.high})"
        )
    return _plain(round(value) if setting.vartype == "integer" else value), ""


def _plain(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)


def shown(setting: Setting, value: str) -> str:
    """A value as `SHOW` prints it: in the largest unit that divides it."""
    if not setting.unit or setting.vartype not in ("integer", "real"):
        return value
    number = float(value)
    if number <= 0 or not number.is_integer():
        return value + (setting.unit if number > 0 else "")
    table = _TIME_MS if setting.unit in ("ms", "s", "min") else _SIZE_KB
    base = number * _BASE[setting.unit]
    for unit in reversed(list(table)):
        if base >= table[unit] and (base / table[unit]).is_integer():
            return f"{int(base / table[unit])}{unit}"
    return value
