"""Remedies around migrations, lost tables and cutting a monolith: each by its own mechanism, wherever its subject is."""

from __future__ import annotations

from simulator import replay
from simulator.commands import execute
from simulator.facade import room
from simulator.interventions import Call, patched
from simulator.postgres import fills
from simulator.postgres.work import work_of
from simulator.run import make_world
from simulator.scenario import load
from simulator.world import World
from tests.simulator.backups_scene import SMALL, restored

MIGRATION = ("orders-db.sessions={}",)
FILL = "backfill start --db orders --table orders --set \"status = 'paid'\" --batch 20000 --pause 0"
GONE = "psql -h payments-db -c 'DROP TABLE payments' payments"


def migrating(*names: str, more: tuple[str, ...] = MIGRATION) -> World:
    return make_world(load("migration-100m", more), 1, tuple(Call(n) for n in names), language="en")


def paying(*names: str, more: tuple[str, ...] = ()) -> World:
    return make_world(load("drop-table", (*SMALL, *more)), 1, tuple(Call(n) for n in names), language="en")


def cutting(*names: str) -> World:
    made = make_world(load("monolith-extraction"), 1, tuple(Call(n) for n in names), language="en")
    made.turn_based = False
    return made


def sql(where: World, statement: str) -> str:
    return execute(where, f'psql -h payments-db -Atc "{statement}" payments').text


# -- migrations


def test_a_version_that_the_schema_does_not_fit_is_not_released():
    made = migrating("schema_compatibility_gate")
    refused = execute(made, "deploy order-service v9.5.0")
    assert refused.code == 1 and 'column "total_kop" of relation "orders" does not exist' in refused.err
    execute(made, "psql -d orders -c 'ALTER TABLE orders ADD COLUMN total_kop bigint'")
    assert execute(made, "deploy order-service v9.5.0").code == 0
    assert execute(migrating(), "deploy order-service v9.5.0").code == 0


def test_the_migration_tool_waits_shortly_and_tries_again():
    line = "dbrun start -d orders -c 'ALTER TABLE orders ADD COLUMN total_kop bigint'"
    for made, wanted in ((migrating("ddl_with_retries"), (300, 199)), (migrating(), (0, 0))):
        execute(made, line)
        job = work_of(made).jobs[-1]
        assert (job.lock_timeout_ms, job.retries) == wanted


def test_a_back_fill_keeps_the_companys_limits():
    made = migrating("backfill_batch_limit", "backfill_lag_brake", "backfill_disk_guard")
    execute(made, FILL)
    fill = work_of(made).fills[-1]
    assert 2000 / 0.24 < fills.pace(made, fill) < 2000 / 0.2
    assert fills.max_lag_s(made, fill) == 1.0
    fill.max_lag_s = 0.5
    assert fills.max_lag_s(made, fill) == 0.5
    work_of(made).stores["orders-db"].disk = 0.0
    assert "left on the disk < 15 GB" in fills.hindrance(made, fill)
    assert fills.pace(migrating(), fill) > 50_000


def test_a_slot_that_nobody_reads_is_dropped_in_time():
    slot = "orders-db.storage.slots.debezium_orders={active: false, retained_gb: 20}"
    made = migrating("inactive_slot_cleanup", more=(*MIGRATION, slot))
    slots = work_of(made).stores["orders-db"].slots
    made.advance_to(500)
    assert "debezium_orders" in slots
    made.advance_to(610)
    assert list(slots) == ["orders_db_1"]


def test_classes_that_an_invariant_names_in_a_list_are_replayed():
    run = replay.start(load("migration-100m"), 1, ())
    run.world.advance_to(20)
    assert run.world.plane.history.column("class/view/offered")[-1] > 0


# -- lost tables


def test_a_server_with_safeupdate_refuses_what_has_no_where():
    made = paying("safe_updates")
    assert "UPDATE requires a WHERE clause" in sql(made, "UPDATE payments SET amount = 0")
    assert "DELETE requires a WHERE clause" in sql(made, "DELETE FROM payments")
    assert "UPDATE" in sql(made, "UPDATE payments SET amount = amount WHERE order_id = 1")
    assert "UPDATE 60" in sql(made, "SET safeupdate.enabled = 0; UPDATE merchants SET state = 'active'")


def test_a_dropped_table_keeps_its_rows_and_gets_its_name_back():
    made = paying("rename_before_drop")
    made.advance_to(40)
    before = sql(made, "SELECT count(*) FROM payments")
    execute(made, GONE)
    assert "does not exist" in sql(made, "SELECT count(*) FROM payments")
    assert int(sql(made, "SELECT count(*) FROM payments_dropped")) >= int(before)
    made.advance(60)
    assert int(sql(made, "SELECT count(*) FROM payments")) >= int(before)
    assert sum(made.plane.history.column("class/order/ok")[-3:]) > 0


def test_a_delayed_replica_needs_no_copy_and_no_archive():
    delayed = Call("delayed_replica", (("seconds", 300.0),))
    for calls in ((delayed,), ()):
        made = make_world(load("drop-table", SMALL), 1, calls, language="en")
        execute(made, "psql -h payments-db -c \"ALTER SYSTEM SET archive_command = '/bin/true'\" payments")
        execute(made, "psql -h payments-db -c 'SELECT pg_reload_conf()' payments")
        made.advance_to(200)
        restored(made, "09:03:00")
        made.advance(120)
        side = made.rooms["backups"].stanzas["payments-db"].side
        assert (side.state, side.streams) == (("up", True) if calls else ("failed", False))


def test_an_intent_is_written_before_the_payment_system_is_called():
    changed = patched(load("drop-table"), (Call("intent_before_charge"),))
    assert changed.entities is not None
    flow = next(f for f in changed.entities.flows if f.name == "order")
    assert [s.name for s in flow.steps] == ["record", "charge"]


# -- a monolith


def test_calls_move_only_when_recorded_cases_agree():
    made = cutting("cutover_gate")
    execute(made, "facade add orders.OrderCompletion.complete")
    refused = execute(made, "facade route 5")
    assert refused.code == 2 and "0 recorded cases" in refused.err
    execute(made, "facade characterise 120")
    made.advance_to(130)
    assert "differ" in execute(made, "facade route 5").err
    execute(made, "deploy billing-service v1.2")
    made.advance_to(190)
    assert execute(made, "facade route 5").code == 0 and made.rooms["facade"].share == 0.05


def test_calls_move_by_steps_and_return_when_amounts_differ():
    made = cutting("gradual_cutover", "cutover_auto_return")
    state = made.rooms["facade"]
    execute(made, "facade add orders.OrderCompletion.complete")
    made.advance_to(30)
    room.asked(made, state, 1.0)
    assert (state.share, state.wanted) == (0.25, 1.0)
    made.advance(310)
    assert state.share in (0.0, 0.5)
    state.share, state.wanted, state.wrong = 0.5, 1.0, -1
    made.advance(31)
    assert (state.share, state.wanted) == (0.0, 0.0)


def test_what_the_new_table_lacks_is_carried_over_all_the_time():
    made = cutting("continuous_sync")
    made.advance_to(60)
    old, new, lacks, wrong = room.compared(made)
    assert old > 50 and new > old - 60 and lacks < 60 and wrong == 0
