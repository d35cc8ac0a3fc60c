"""Split brain as it is played: both sides take orders, and what a person decides about them counts.

Whole proofs of every variant are `dropprod lint split-brain`; here are short worlds and the store without a leader.
"""

from functools import lru_cache
from typing import Any

import pytest

from simulator import facts
from simulator.commands import execute
from simulator.entities.conditions import TableConditions
from simulator.entities.history import History
from simulator.entities.quorum import Quorum, QuorumSpec
from simulator.entities.timers import MS, SECOND, Timers, run
from simulator.interventions import read_call
from simulator.invariants import check
from simulator.replay import thinned
from simulator.scenario import load, varied
from simulator.world import World
from tests.simulator.patroni_scene import carts_raw, patroni_raw, scenario, scene
from tests.simulator.shop_scene import do

SEEDS = {1: "base", 2: "paused", 3: "two-etcd", 4: "carts"}


def played(seed: int, until: float, language: str = "en") -> World:
    world = World(load("split-brain"), seed, language, engine="cohort")
    world.turn_based = False
    world.advance_to(until)
    return world


def broken(world: World) -> set[str]:
    return {name for name, found in check(world).items() if not found["ok"]}


# the file


@pytest.mark.parametrize("seed", SEEDS)
def test_every_variant_reads_and_has_a_cause_of_its_own(seed: int) -> None:
    base = load("split-brain")
    made = varied(base, seed)
    assert made.truth.trigger.ru and made.truth.trigger.en
    if seed > 1:
        assert made.truth.mechanism.en != base.truth.mechanism.en


def test_two_primaries_under_a_green_sli_and_only_looking_from_both_sides_shows_it() -> None:
    world = played(1, 330)
    assert execute(world, "patronictl -c dc-1.yml list").code == 1
    assert "orders-pg-1" not in do(world, "patronictl -c dc-2.yml list")
    assert do(world, "psql -h orders-pg-1 -d orders -tAc 'SELECT pg_is_in_recovery()'").strip() == "f"
    assert do(world, "psql -h orders-pg-2 -d orders -tAc 'SELECT pg_is_in_recovery()'").strip() == "f"
    counts = [
        do(world, f"psql -h orders-pg-{n} -d orders -tAc 'SELECT count(*) FROM orders'").strip()
        for n in (1, 2)
    ]
    assert counts[0] != counts[1] and min(map(int, counts)) > 0
    assert world.plane.history.last("class/order/ok") > 190
    assert "split-brain" in do(world, "histcheck list")


# remedies, in a small world


def after(raw: dict[str, Any], *calls: str, **changes: Any) -> World:
    """A partition of two minutes with a hung agent, under remedies."""
    made = World(
        scenario(raw, **changes), 1, "en", engine="cohort", interventions=tuple(read_call(c) for c in calls)
    )
    made.turn_based = False
    made.advance_to(30)
    if "carts" not in made.scenario.invariants:
        do(made, "chaos patroni hang pg-1")
    do(made, "chaos link dc-1 dc-2 --down")
    made.advance_to(150)
    return made


def lost(world: World, name: str = "kept") -> int:
    count: int = check(world)[name]["count"]
    return count


def test_a_watchdog_and_a_synchronous_standby_cost_errors_instead_of_orders() -> None:
    free = after(patroni_raw())
    assert lost(free) > 100
    for remedy in ("watchdog_fencing", "synchronous_mode", "synchronous_mode_strict"):
        assert lost(after(patroni_raw(), remedy)) < lost(free) / 2


def test_an_alert_on_two_primaries_fires() -> None:
    world = after(patroni_raw(), "split_brain_alert")
    assert "TwoPrimaries" in do(world, "alerts")


# the store without a leader


def test_either_side_writes_or_one_side_fails_as_w_and_r_say() -> None:
    weak, strong = after(carts_raw(1, 1)), after(carts_raw(2, 2))
    assert lost(weak, "carts") > 0
    assert lost(strong, "carts") <= lost(weak, "carts") / 10
    refused = [op for op in strong.ops if op.f == "cart" and op.type == "fail"]
    assert refused and not [op for op in weak.ops if op.f == "cart" and op.type == "fail"]
    assert "confirmed" in do(weak, "histcheck claim stale-read")
    assert "confirmed" in do(weak, "histcheck claim lost-update")


def test_merging_brings_back_what_the_last_writer_overwrote_and_repair_does_not() -> None:
    for way, whole in (("merge", True), ("repair", False)):
        world = after(carts_raw(1, 1))
        assert execute(world, f"quorumctl {way} carts").code == 1  # the nodes do not reach each other
        do(world, "chaos link dc-1 dc-2")
        world.advance_to(155)
        do(world, f"quorumctl {way} carts")
        world.advance_to(160)
        assert (lost(world, "carts") == 0) is whole
        do(world, "quorumctl merge carts")
        assert (lost(world, "carts") == 0) is whole


def test_w_and_r_are_chosen_while_it_runs() -> None:
    world = scene(carts_raw(1, 1))
    world.advance_to(10)
    assert "W+R<=N" in do(world, "quorumctl show carts")
    assert "W=3, R=1 of N=3" in do(world, "quorumctl set carts --write 3 --read 1")
    do(world, "chaos link dc-1 dc-2 --down")
    first = len(world.ops)
    world.advance_to(30)
    ended = [op.type for op in world.ops[first:] if op.f == "cart" and op.type in ("ok", "fail")]
    assert ended.count("fail") > ended.count("ok")


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(
    "line",
    ["quorumctl", "quorumctl fly", "quorumctl set", "quorumctl set carts", "quorumctl set carts --write 9",
     "quorumctl set carts --write -1", "quorumctl set carts --write ²", "quorumctl set carts --speed 3",
     "quorumctl show " + "x" * 9000, "quorumctl merge", "quorumctl lost pies"],
)  # fmt: skip
def test_nonsense_is_answered(line: str, language: str) -> None:
    world = scene(carts_raw(), language)
    world.advance_to(5)
    reply = execute(world, line)
    assert reply.code in (0, 2) and len(reply.text) < 3000 and "Traceback" not in reply.text


def test_lists_merge_to_the_union_whatever_the_order_of_writes() -> None:
    """Of any interleaving of two cut-off sides, the union holds every acknowledged entry."""
    for pattern in range(64):
        timers, history = Timers(), History()
        store = Quorum(QuorumSpec("q", ("a", "b"), 1, 1), 5, timers, history)
        apart = TableConditions(cuts=[("a", "b", 0, 1 << 62)])
        held: list[tuple[int, ...]] = [(), ()]
        for turn in range(6):
            side = pattern >> turn & 1
            held[side] = (*held[side], turn)
            store.write(apart, side, 7, held[side], via=side)
            run(timers, {"q": store}, (turn + 1) * 10 * MS, apart)
        run(timers, {"q": store}, 5 * SECOND, apart)
        lost_entries = store.overwritten().get(7, [])
        assert store.merge() == len(lost_entries)
        assert sorted(store.final()[7]) == list(range(6)) and store.differing() == 0
        assert store.overwritten() == {}


# what may lead, and where writes go


@lru_cache(maxsize=8)
def with_remedies(seed: int, until: float, *calls: str) -> World:
    world = World(
        thinned(load("split-brain"), 700), seed, "en", "cohort", tuple(read_call(call) for call in calls)
    )
    world.advance_to(until)
    return world


def leaders(world: World) -> list[str]:
    assert world.entities is not None
    return [copy.name for copy in world.entities.domain.stores["orders"].copies if copy.leads]


def test_a_proxy_that_asks_patroni_leaves_a_hung_primary_without_clients() -> None:
    before, after = with_remedies(1, 320), with_remedies(1, 320, "primary_by_patroni_check")
    assert leaders(before) == leaders(after) == ["orders-pg-1", "orders-pg-2"]  # PostgreSQL goes on
    lost = [check(world)["orders_kept"]["count"] for world in (before, after)]
    assert 0 < lost[1] < lost[0] / 3  # what was taken in the checks' nine seconds
    failed = [sum(facts.failures(world.plane.history, "order")) for world in (before, after)]
    assert failed[1] > failed[0]  # the price: DC-1 sells nothing


def test_a_third_site_keeps_the_leader_where_it_was() -> None:
    assert leaders(with_remedies(4, 320)) == ["orders-pg-2"]
    assert leaders(with_remedies(4, 320, "etcd_third_site")) == ["orders-pg-1"]


def test_a_synchronous_replica_under_patroni_loses_nothing_and_waits() -> None:
    """Patroni decides whom a commit waits for: the remedy that only told the store changed nothing."""
    for name in ("sync_replica", "synchronous_replica"):
        world = with_remedies(1, 320, name)
        assert check(world)["orders_kept"]["ok"] and leaders(world) == ["orders-pg-1", "orders-pg-2"]
