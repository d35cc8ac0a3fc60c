"""The scenario drop-table: each cause does its own harm, the reference repairs it, the wrong repairs do not."""

import pytest

from simulator import invariants
from simulator.commands import execute
from simulator.run import make_world, parse_commands, schedule
from simulator.scenario import Scenario, load, varied
from simulator.world import World
from tests.depth import some

ID = "drop-table"
SEEDS = {1: "drop", 2: "truncate", 3: "update", 4: "silenced"}
THIN = ("entities.keep=0.4",)
UNTIL_S = 1_080


def played(seed: int, commands: list[str], until_s: float = UNTIL_S, *calls: str) -> World:
    world = make_world(load(ID, THIN), seed, calls)
    for at_s, line in schedule(parse_commands("\n".join(commands))):
        world.advance_to(max(at_s, world.now_s))
        execute(world, line)
    world.advance_to(max(until_s, world.now_s))
    return world


def broken(world: World) -> list[str]:
    found = invariants.check(world)
    return [name for name in world.scenario.invariants if not found[name]["ok"]]


def variant(seed: int) -> Scenario:
    return varied(load(ID, THIN), seed)


@pytest.mark.parametrize(
    ("seed", "harm", "green"),
    [
        (1, {"books_agree", "history_kept"}, False),
        (2, {"books_agree", "history_kept", "stays_put"}, True),
        (3, {"books_agree", "history_kept"}, True),
        (4, {"books_agree", "history_kept", "recoverable"}, False),
    ],
)
def test_each_cause_does_its_own_harm(seed: int, harm: set[str], green: bool) -> None:
    world = played(seed, [], 500)
    assert set(broken(world)) == harm
    ok = world.plane.history.column("class/order/ok")
    assert (ok[450] > 0.9 * ok[200]) is green
    assert not world.resolved


@pytest.mark.parametrize("seed", some(list(SEEDS), 2))
def test_the_reference_ends_it(seed: int) -> None:
    world = played(seed, list(variant(seed).reference.commands))
    assert broken(world) == []
    assert world.resolved


@pytest.mark.parametrize(
    ("seed", "trap", "left"),
    [
        (1, 0, {"books_agree", "history_kept"}),
        (1, 1, {"topups_kept"}),
        (3, 1, {"history_kept"}),
        (4, 1, {"history_kept", "recoverable"}),
    ],
)
def test_what_the_traps_leave_broken(seed: int, trap: int, left: set[str]) -> None:
    world = played(seed, list(variant(seed).traps[trap].commands), 760)
    assert set(broken(world)) == left
    assert not world.resolved


def test_the_job_comes_again_until_its_flag_is_off() -> None:
    for commands, removals in (([], 3), (["@420 flags set merchant-sync off"], 1)):
        world = played(2, commands, 1_120)
        times = {op.time_ns // 10**9 for op in world.ops if op.f == "delete payments"}
        assert len(times) == removals


@pytest.mark.parametrize("remedy", ["least_privilege", "migration_review_gate"])
@pytest.mark.parametrize("seed", SEEDS)
def test_what_prevents_it(seed: int, remedy: str) -> None:
    world = played(seed, [], 420, remedy)
    assert "history_kept" not in broken(world)
    assert "books_agree" not in broken(world)


def test_what_makes_the_restore_quicker() -> None:
    times = {}
    for remedy in ((), ("pitr_drill",), ("frequent_incrementals",)):
        world = played(1, list(variant(1).reference.commands), 640, *remedy)
        notes = [e for e in world.events if "can be read on machine restore" in e.text]
        times[remedy] = notes[0].text.split(", ")[1] if notes else ""
    seconds = {k: float(v.split(" s ")[0]) for k, v in times.items()}
    assert seconds[("frequent_incrementals",)] < seconds[()] - 30
    assert seconds[("pitr_drill",)] < seconds[()] - 30


@pytest.mark.parametrize(
    ("seed", "remedy"), [(2, "row_count_alert"), (4, "archive_alert"), (3, "reconciliation_alert")]
)
def test_who_notices_what_no_graph_shows(seed: int, remedy: str) -> None:
    def paged(*calls: str) -> list[float]:
        found = (i.paged_s for i in played(seed, [], 480, *calls).pager.incidents)
        return sorted(t for t in found if t is not None)

    before, after = paged(), paged(remedy)
    assert after
    assert not before or after[0] < before[0]
