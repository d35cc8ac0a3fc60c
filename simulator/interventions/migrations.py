"""Remedies in how a schema is changed and filled in: the tools' own brakes, a look at the schema before a release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.interventions.base import Params, entry

if TYPE_CHECKING:
    from simulator.world import World

# What the tools of `simulator/postgres` (dbrun, backfill, the slots' keeper) and the release gate read.
DDL_WAIT_MS, DDL_TRIES = "ddl_lock_timeout_ms", "ddl_retries"
FILL_LAG_S, FILL_BATCH, FILL_PAUSE_MS, FILL_FREE_GB = (
    "fill_max_lag_s",
    "fill_batch",
    "fill_pause_ms",
    "fill_free_gb",
)
IDLE_SLOT_S, SCHEMA_FITS = "idle_slot_s", "schema_fits"


def _patient_ddl(world: World, params: Params) -> None:
    world.policies[DDL_WAIT_MS] = max(1.0, params["ms"])
    world.policies[DDL_TRIES] = max(0, int(params["attempts"]) - 1)


def _braked(world: World, params: Params) -> None:
    world.policies[FILL_LAG_S] = max(0.1, params["lag_s"])


def _small_batches(world: World, params: Params) -> None:
    world.policies[FILL_BATCH] = max(1, int(params["rows"]))
    world.policies[FILL_PAUSE_MS] = max(0.0, params["pause_ms"])


def _room_kept(world: World, params: Params) -> None:
    world.policies[FILL_FREE_GB] = max(0.0, params["free_gb"])


def _no_idle_slots(world: World, params: Params) -> None:
    world.policies[IDLE_SLOT_S] = max(1.0, params["seconds"])


def _schema_fits(world: World, _params: Params) -> None:
    world.policies[SCHEMA_FITS] = True


ENTRIES = (
    entry("ddl_with_retries", "prevent", ("DDL выполняет только утилита миграций: короткий lock_timeout и повторы", "DDL goes by the migration tool only: a short lock_timeout and retries"),
          ("миграция ждёт своего окна минутами, пока таблица занята", "a migration waits minutes for its moment while the table is in use"), None,
          {"ms": 300, "attempts": 200}, install=_patient_ddl),
    entry("backfill_lag_brake", "prevent", ("дозаполнение тормозит по лагу реплики", "a back-fill slows down by the replica's lag"),
          ("при слабой реплике идёт в разы дольше", "takes many times longer with a weak replica"), None, {"lag_s": 1}, install=_braked),
    entry("backfill_batch_limit", "mitigate", ("предел размера пачки и пауза между пачками дозаполнения", "a limit on a back-fill's batch, and a pause between batches"),
          ("часы вместо минут; узкого места не видит", "hours instead of minutes; does not see the bottleneck"), None,
          {"rows": 2000, "pause_ms": 200}, install=_small_batches),
    entry("backfill_disk_guard", "prevent", ("дозаполнение останавливается, пока на диске базы мало места", "a back-fill stands while the database's disk is short of room"),
          ("стоит, пока человек не освободит место", "stands until a person makes room"), None, {"free_gb": 15}, install=_room_kept),
    entry("inactive_slot_cleanup", "prevent", ("слоты репликации без потребителя удаляются автоматически", "replication slots without a consumer are dropped automatically"),
          ("вернувшийся потребитель начнёт с полной копии", "a consumer that comes back starts from a full copy"), None,
          {"seconds": 600}, install=_no_idle_slots),
    entry("schema_compatibility_gate", "prevent", ("CI сверяет версию со схемой боевой базы: нет нужной колонки — нет выкатки", "CI compares a version with production's schema: no column, no release"),
          ("схема и код выходят двумя шагами; нужен список колонок версии", "schema and code go out in two steps; needs a list of a version's columns"), None,
          {}, install=_schema_fits, first="change"),
)  # fmt: skip
