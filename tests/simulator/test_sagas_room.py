"""The room of sagas: hosts that die, what the orchestrator remembers, and what `sagactl` really does."""

import json
import pickle

import pytest

from simulator import settings
from simulator.entities import orchestration, saga
from simulator.sagas import views
from simulator.scenario import load
from tests.simulator.saga_scene import LATE, MEMORY, OUTAGE, REFUNDS, ids, typed, world_at


def money(world, name):
    """(captured, refunded) of an order by its id."""
    totals = world.entities.domain.systems["psp"].totals
    entity = int(name.rpartition("-")[2])
    return tuple(column.get(entity, 0) for column in totals[1:3])


def last(world, key):
    return world.plane.history.last(f"sagas/order/{key}")


# -- hosts


def test_saved_sagas_outlive_their_pods_and_remembered_ones_do_not():
    saved, kept_in_memory = world_at(OUTAGE, 80), world_at(MEMORY, 200)
    for world in (saved, kept_in_memory):
        typed(world, "chaos evict order-orchestrator 6")
        world.advance(100)
    assert not saved.entities.domain.forgotten
    assert last(saved, "recovered") > 0
    assert len(kept_in_memory.entities.domain.forgotten) > 3
    assert ids(kept_in_memory, "lost")


def test_counters_show_what_no_state_shows():
    world = world_at(MEMORY, 600)
    lost = last(world, "started") - last(world, "done") - last(world, "compensated")
    lost -= last(world, "running") + last(world, "compensating") + last(world, "stuck")
    assert round(lost) == len(world.entities.domain.forgotten) > 0


def test_pods_say_where_they_keep_sagas_and_what_failed():
    world = world_at(REFUNDS, 400)
    logs = typed(world, "kubectl logs -l app=order-orchestrator -n prod --tail=-1").out
    assert "saga store: jdbc" in logs
    assert "step refund: no answer within its time-out" in logs


def test_a_saga_sits_in_a_pod_that_is_there():
    world = world_at(MEMORY, 200)
    rows = typed(world, "sagactl list --limit 500").out.splitlines()[1:]
    pods = {p.name for p in world.kubernetes.pods.values() if p.app == "order-orchestrator"}
    assert rows
    assert all(row.split()[-1] in pods | {"-"} for row in rows)


# -- actions and their consequences


def test_compensating_again_refunds_again_unless_one_key_goes_along():
    world = world_at(LATE, 120)
    plain, keyed = ids(world, "done")[:2]
    for _ in range(2):
        typed(world, f"sagactl compensate {plain}")
        typed(world, f"sagactl compensate {keyed} --key ticket-7")
        world.advance(100)
    captured, refunded = money(world, plain)
    assert refunded == 2 * captured > 0
    captured, refunded = money(world, keyed)
    assert refunded == captured > 0
    assert "order is done" not in typed(world, f"sagactl show {plain}").out


def test_reclaim_takes_back_what_was_too_much_and_nothing_else():
    world = world_at(REFUNDS, 500)
    before = typed(world, "sagactl reclaim --all --dry-run").out
    assert before != "superfluous refunds: 0 (--dry-run)\n"
    typed(world, "sagactl reclaim --all")
    totals = world.entities.domain.systems["psp"].totals
    assert all(refunded <= totals[1].get(entity, 0) for entity, refunded in totals[2].items())
    assert typed(world, "sagactl reclaim --all").out == "superfluous refunds called back: 0\n"


def test_a_skipped_step_is_not_done():
    world = world_at(OUTAGE, 550)
    name = ids(world, "stuck")[0]
    assert typed(world, f"sagactl skip {name} refund").code == 1
    assert typed(world, f"sagactl skip {name} recall").code == 0
    world.advance(60)
    captured, refunded = money(world, name)
    assert refunded == captured > 0  # it went on behind the skipped step
    assert name in ids(world, "compensated")


def test_reconcile_finds_and_rebuilds_what_was_forgotten():
    world = world_at(MEMORY, 600)
    assert typed(world, "sagactl reconcile").out.splitlines()[1].split()[1] != "0"
    assert not world.entities.domain.stuck  # a report changes nothing
    lost = ids(world, "lost")
    assert typed(world, f"sagactl retry {lost[0]}").code == 1
    typed(world, "sagactl reconcile --from participants")
    assert set(ids(world, "stuck")) <= set(lost)
    typed(world, "sagactl resume --all-stuck")
    world.advance(50)
    assert not ids(world, "stuck")
    shown = typed(world, f"sagactl show {lost[0]}").out
    assert "State:     done" in shown


def test_what_is_undone_already_is_left_alone_after_reconciling():
    world = world_at(LATE, 500)
    typed(world, "flags set fast-answers off")
    world.advance(100)
    typed(world, "sagactl reconcile --from participants")
    mended = ids(world, "stuck")
    typed(world, "sagactl resume --all-stuck")
    world.advance(90)
    assert mended
    assert all(refunded == captured for captured, refunded in (money(world, name) for name in mended))


def test_the_watchdog_goes_on_by_itself():
    world = world_at(OUTAGE, 400)
    world.policies["saga_sweep_s"] = 30
    world.advance(190)
    assert last(world, "stuck") < 10


# -- pure rules


def flow():
    entities = load("saga-stuck").entities
    assert entities is not None
    return entities.flows[0]


@pytest.mark.parametrize(
    ("done", "place"),
    [
        ({}, (0, saga.FORWARD)),
        ({"reserve": 1, "charge": 1}, (2, saga.FORWARD)),
        ({"reserve": 1, "charge": 1, "refund": 1}, (0, saga.BACKWARD)),
        ({"reserve": 1, "release": 1, "charge": 1, "refund": 2}, (0, saga.COMPENSATED)),
        (dict.fromkeys(("reserve", "charge", "debit", "dispatch", "confirm"), 1), (5, saga.DONE)),
    ],
)
def test_where_a_saga_really_stands(done, place):
    assert orchestration.true_place(flow(), done, False) == place


def test_settings_reach_compensations():
    changed = settings.varied(flow(), {"flow.order.refund.attempts": 9, "flow.order.charge.attempts": 7})
    charge = next(s for s in changed.steps if s.name == "charge")
    assert (charge.attempts, charge.undo.attempts) == (7, 9)


# -- the console


@pytest.mark.parametrize(
    "line",
    [
        "sagactl frob", "sagactl show", "sagactl show order-99999999", "sagactl show ../../etc/passwd", "sagactl show 99999999999999999999",
        "sagactl list --state lots", "sagactl list --older 5x", "sagactl list --limit 0", "sagactl list --limit 501", "sagactl list -o yaml",
        "sagactl list --flow nope", "sagactl resume", "sagactl compensate", "sagactl compensate 1 --key 'a b'", "sagactl reconcile --from thin-air",
        "sagactl list --state", "sagactl --frob", "sagactl list --older ٥m", "sagactl skip 1", "sagactl retry 1",
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_clear_line(line):
    world = world_at(MEMORY, 200)
    before = world._control_state()
    reply = typed(world, line)
    assert reply.code in (1, 2)
    assert not reply.out
    assert len(reply.err.splitlines()) == 1
    assert world._control_state() == before


def test_looking_changes_nothing_and_is_bounded():
    world = world_at(OUTAGE, 550)
    before = world._control_state()
    for line in (
        "status",
        "list",
        "list --state all",
        "show 100",
        "reconcile",
        "resume --all-stuck --dry-run",
        "--help",
    ):
        reply = typed(world, f"sagactl {line}")
        assert reply.code == 0
        assert 0 < len(reply.out.splitlines()) < 70
    assert world._control_state() == before
    found = json.loads(typed(world, "sagactl list --state stuck --limit 2 -o json").out)
    assert [each["state"] for each in found] == ["stuck", "stuck"]
    assert found[0]["participants"]["charge"] == 1


def test_both_languages_answer():
    world = world_at(MEMORY, 200)
    world.language = "ru"
    assert "оркестратор" in typed(world, "sagactl --help").out
    assert "нет саги" in typed(world, "sagactl show 99999999").err


def test_a_copy_goes_on_as_the_world_does():
    world = world_at(MEMORY, 380)
    typed(world, "sagactl reconcile --from participants")
    copy = pickle.loads(pickle.dumps(world))
    for each in (world, copy):
        typed(each, "sagactl resume --all-stuck")
        each.advance(30)
    assert copy.digest() == world.digest()


def test_the_room_is_absent_where_no_service_runs_sagas():
    from simulator.sagas.state import build
    from simulator.world import World

    assert build(World(load("race-15-services"), 1)) is None


def test_a_lost_saga_without_effects_is_nothing_to_mend():
    each = views.Saga(1, flow(), 1, 5, 0)
    assert views.mend(each) is None
