"""Copies of a world: what they share, what is their own, and that they cross the border of a process."""

import gc
import pickle
import weakref
from functools import cache
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from simulator import snapshots
from simulator.bridge import Trouble
from simulator.commands import execute
from simulator.entities.spec import Flow, Step, SystemSpec
from simulator.entities.store import StoreSpec
from simulator.run import make_world
from simulator.scenario import Business, CallRule, Drive
from simulator.world import World
from tests.agent.replay_scenes import SHORT

SECONDS = 20.0


@pytest.fixture
def world() -> World:
    found = make_world(SHORT)
    found.advance_to(SECONDS)
    return found


def later(world: World, seconds: float = 5.0) -> str:
    world.advance(seconds)
    return world.digest()


def test_copies_share_what_nobody_changes(world: World) -> None:
    copy = snapshots.take(world).world()
    assert copy.scenario is world.scenario
    name = next(iter(world.kubernetes.pods))
    assert copy.kubernetes.pods[name] is not world.kubernetes.pods[name]
    assert copy.kubernetes.pods[name].template is world.kubernetes.pods[name].template
    assert copy.plane.history.columns is not world.plane.history.columns


def test_a_snapshot_stays_where_it_was_while_its_world_goes_on(world: World) -> None:
    snapshot, digest = snapshots.take(world), world.digest()
    end = later(world)
    for _ in range(2):
        copy = snapshot.world()
        assert copy.digest() == digest
        assert copy.plane.history.seconds == SECONDS
        assert later(copy) == end


def test_a_copy_that_goes_another_way_leaves_the_rest_alone(world: World) -> None:
    snapshot = snapshots.take(world)
    copy, other = snapshot.world(), snapshot.world()
    execute(copy, "kubectl delete pods -l app=payment-service -n prod")
    execute(copy, "psql -d payments -c 'DROP TABLE payment_items'")
    assert later(copy) != later(other)
    assert later(world) == other.digest()


def test_a_snapshot_crosses_the_border_of_a_process(world: World) -> None:
    sent = pickle.dumps(snapshots.take(world))
    end = later(world)
    copy = pickle.loads(sent).world()
    assert copy.now_s == SECONDS
    assert later(copy) == end


def test_copies_have_the_same_percentiles(world: World) -> None:
    """They come from the kernel's trace, of which a snapshot keeps how far it went."""
    snapshot = snapshots.take(world)
    later(world)
    sent = pickle.loads(pickle.dumps(snapshot))
    for copy in (snapshot.world(), sent.world()):
        later(copy)
        assert copy.plane.p99_series_ms("pay") == world.plane.p99_series_ms("pay")


def test_parts_alone_are_no_world(world: World) -> None:
    with pytest.raises(pickle.UnpicklingError, match="restored by Snapshot"):
        pickle.loads(snapshots.take(world).state)


def test_the_exact_engine_forks_too() -> None:
    world = make_world(SHORT, engine="exact")
    world.advance_to(2.0)
    copy = world.fork()
    assert later(copy, 1.0) == later(world, 1.0)


# -- forks of a world with everything in it


STEPS = (
    Step("create", "write", "db", table="orders", outbox="payment-events"),
    Step("charge", "call", "psp", timeout_ms=1500, attempts=3, idempotent="attempt"),
    Step("take", "move", "db", table="stock", row="item", factor=-1, by="one", mode="locked"),
    Step("bonus", "move", "db", table="bonus", row="customer", mode="locked"),
    Step("done", "commit", "db", timeout_ms=4000),
)
HANDS: list[tuple[str, tuple[Any, ...]]] = [
    ("line", ("kubectl delete pods -l app=payment-service -n prod",)),
    ("line", ("kubectl label pods -n prod --all tier=gold --overwrite",)),
    ("line", ("kubectl scale deployment/checkout --replicas=2 -n prod",)),
    ("line", ("psql -d payments -c 'DROP TABLE payment_items'",)),
    ("line", ("ack",)),
    ("line", ("wait 2",)),
    ("trouble", ("psp", Trouble(ambiguous=0.5, mean_ms=900))),
    ("trouble", ("db", Trouble(error=0.3, mean_ms=50))),
    ("crash", ("payment-service",)),
    ("restart", ("payment-service",)),
    ("advance", (0.37,)),
    ("advance", (3.0,)),
]


@cache
def full() -> bytes:
    """A world with orders under way: late charges, held locks, an outbox, a release that goes wrong."""
    own = SHORT.entities
    assert own is not None
    fields = {name: getattr(own, name) for name in Business.model_fields} | {
        "flows": [*own.flows, Flow("order", STEPS, host="payment-service", items=40, limit_per_s=60)],
        "stores": [StoreSpec("db", ("db-0", "db-1"), start=(("stock", 0, 39, 100_000),))],
        "systems": [*own.systems, SystemSpec("psp")],
        "locks": ["rows"],
        "rules": {"psp": CallRule(mean_ms=800, ambiguous=0.2), "db": CallRule(mean_ms=30)},
        "drive": {**own.drive, "order": Drive(traffic="pay")},
    }
    world = make_world(SHORT.model_copy(update={"entities": Business(**fields)}))
    world.advance_to(12.5)
    return pickle.dumps(world)


def handed(world: World, hands: list[tuple[str, tuple[Any, ...]]]) -> None:
    assert world.entities is not None
    for what, given_to in hands:
        if what == "line":
            execute(world, *given_to)
        elif what == "trouble":
            world.reach.trouble[given_to[0]] = given_to[1]
        elif what == "advance":
            world.advance(*given_to)
        elif what == "crash":
            world.entities.domain.crash(*given_to)
        else:
            world.entities.restart(given_to[0], _conditions(world))
    world.advance(1.0)


def _conditions(world: World) -> Any:
    from simulator import bridge

    return bridge.Conditions(world)


hands = st.lists(st.sampled_from(HANDS), min_size=1, max_size=4)


@settings(max_examples=8, deadline=None, derandomize=True, phases=(Phase.generate,))
@given(before=hands, apart=hands, together=hands)
def test_forks_are_equal_and_independent(before: Any, apart: Any, together: Any) -> None:
    """Down to the last field: a fork that goes its own way leaves the original as it was, and the other way round."""
    world = pickle.loads(full())
    handed(world, before)
    digest, whole = world.digest(), pickle.dumps(world)
    fork, other, snapshot = world.fork(), world.fork(), snapshots.take(world)
    assert fork.digest() == digest
    handed(fork, apart)
    untouched = pickle.dumps(world) == whole  # pytest would look for the difference for minutes
    assert untouched
    handed(world, together)
    handed(other, together)
    late = snapshot.world()
    assert late.digest() == digest
    handed(late, together)
    assert world.digest() == other.digest() == late.digest()


def test_a_full_world_has_what_can_go_wrong_with_copies() -> None:
    world = pickle.loads(full())
    domain = world.entities.domain
    assert len(domain.live) > 50
    assert any(verb == "land_late" for _, _, _, _, verb, _ in world.entities.timers.heap)
    assert any(record[-2] for record in domain.live.values())  # moves that wait for their commit


def test_what_a_copy_copies_by_itself_is_in_one_place_only() -> None:
    """Copied outside of the pickle, a pod that two tables held would become two."""
    state = snapshots.take(pickle.loads(full())).state
    assert not [name for name in (b"KubeEvent", b"Running", b"engine.network Node") if name in state]
    assert b"kubernetes.state" in state and b"\x8c\x03Pod\x94" not in state


def test_a_fork_that_is_dropped_is_gone_at_once() -> None:
    """Circles would keep its memory until the collector comes, and the next fork would ask for fresh pages."""
    world = pickle.loads(full())
    gc.collect()
    gc.disable()
    try:
        fork = world.fork()
        gone = weakref.ref(fork), weakref.ref(fork.plane), weakref.ref(fork.entities)
        del fork
        assert [ref() for ref in gone] == [None, None, None]
    finally:
        gc.enable()
