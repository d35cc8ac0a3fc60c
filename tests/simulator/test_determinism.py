"""One seed and one log are one history: whatever the process, the steps, the copies, and whoever looks on."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import determinism
from simulator.scenario import load
from tests.simulator.engine_scenes import DATABASE, SERVICE, digest, plane_of, small

ROOT = Path(__file__).resolve().parents[2]
LOGS = 15
END_S = 9.0
HANDS: list[tuple[float, tuple[Any, ...]]] = [
    (2.13, ("set_pods", SERVICE, "v2", 3)),
    (2.5, ("set_pods", SERVICE, "v1", 1)),
    (4.0, ("kill_pods", SERVICE, "v2", 1)),
    (4.57, ("set_cores", DATABASE, 1.5)),
    (6.01, ("set_rate", "buy", 30.0)),
    (6.6, ("set_speed", SERVICE, "v1", 0.3)),
]


def scene() -> Any:
    """A pool that runs dry under retries, with a worker and a queue."""
    return plane_of(small(rps=80, bad_queries=6, worker_rate=50, retries=1, behind="mail", queue=20))


def run(stops: list[float], pickled: bool = False, plane: Any = None) -> Any:
    """The scene with hands on it, advanced in pieces that end at `stops`."""
    plane = plane or scene()
    due = list(HANDS)
    for stop in sorted({*stops, *(t for t, _ in HANDS), END_S}):
        plane.advance(stop)
        if pickled and stop in stops:
            plane = pickle.loads(pickle.dumps(plane))
        while due and due[0][0] <= stop:
            _, (name, *args) = due.pop(0)
            getattr(plane, name)(*args)
    return plane


@pytest.fixture(scope="module")
def whole() -> str:
    """The digest of a run in as few pieces as there can be."""
    return digest(run([]))


# -- processes


PROCESS = """
from tests.simulator.engine_scenes import digest
from tests.simulator.test_determinism import payment_pool, run
print(digest(run([])), payment_pool())
"""


def payment_pool() -> str:
    plane = plane_of(load("payment-pool"))
    plane.advance(3)
    plane.set_pods("payment-service", "v2.8.1", 18)
    plane.set_pods("payment-service", "v2.8.0", 0)
    plane.advance(8)
    return digest(plane)


def test_two_processes_with_different_hash_seeds_have_the_same_history(whole: str) -> None:
    found = []
    for hash_seed in ("1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", PROCESS],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(done.stdout.split())
    assert found[0] == found[1]
    assert found[0][0] == whole


# -- steps and copies

pieces = st.lists(st.floats(0.0, END_S, allow_nan=False), max_size=25)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(stops=pieces)
def test_any_pieces_give_the_same_history(whole: str, stops: list[float]) -> None:
    assert digest(run(stops)) == whole


@settings(max_examples=10, deadline=None, derandomize=True)
@given(stops=pieces)
def test_pickling_at_any_time_gives_the_same_history(whole: str, stops: list[float]) -> None:
    assert digest(run(stops, pickled=True)) == whole


def test_a_step_a_tick_gives_the_same_history(whole: str) -> None:
    assert digest(run([0.05 * n for n in range(1, 180)])) == whole


def test_a_quiet_network_lags_by_no_more_than_a_long_step() -> None:
    """Nothing stirs: the engine waits until a long step is due, and a change still comes in time."""
    quiet, stepped = plane_of(small(rps=20)), plane_of(small(rps=20))
    for n in range(1, 401):
        stepped.advance(0.05 * n)
        assert 0.0 <= 0.05 * n - stepped.now_s < 0.2
    quiet.advance(20)
    for plane in (quiet, stepped):
        plane.advance(20.17)
        plane.set_rate("buy", 200.0)
        plane.advance(25)
    assert digest(quiet) == digest(stepped)


# -- observers


def look(plane: Any) -> None:
    """Everything one can ask of a plane."""
    now = plane.now_s
    plane.latency_s("buy", max(0.0, now - 2.0), now)
    plane.p99_series_ms("buy")
    plane.edge_p99_ms("buy")
    for index in range(3):
        plane.sample_request("buy", max(0.0, now - 1.0), index)
    plane.group(SERVICE, "v1")
    plane.groups(SERVICE)
    plane.pools(DATABASE)
    plane.database(DATABASE)
    plane.worker("courier")
    plane.pool_full_since(DATABASE)
    plane.breaker_changes()


class Watched:
    """A plane looked at after every piece, before anybody lays hands on it."""

    def __init__(self, plane: Any) -> None:
        self.plane = plane

    def advance(self, to_s: float) -> None:
        self.plane.advance(to_s)
        look(self.plane)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plane, name)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(stops=st.lists(st.floats(0.1, END_S), max_size=8))
def test_whoever_looks_on_changes_nothing(whole: str, stops: list[float]) -> None:
    assert digest(run(stops, plane=Watched(scene()))) == whole


def test_what_an_observer_sees_does_not_depend_on_when_it_came() -> None:
    """On a calm plane. Under load it does: Tracers._send walks a request once, with a record that may end
    before the request does, and takes the last row for the rest."""
    early, late = plane_of(small(rps=20)), plane_of(small(rps=20))
    for second in (1.0, 3.3, 5.0, 9.0):
        early.advance(second)
        early.p99_series_ms("buy")
    late.advance(9.0)
    assert list(early.p99_series_ms("buy")) == list(late.p99_series_ms("buy"))
    assert early.latency_s("buy", 1.0, 8.0) == late.latency_s("buy", 1.0, 8.0)
    for start_s in (0.5, 3.2, 7.9):
        assert early.sample_request("buy", start_s, 2) == late.sample_request("buy", start_s, 2)


# -- command logs


@pytest.mark.parametrize("seed", range(LOGS))
def test_live_equals_replay_equals_replay_from_a_fork(seed: int) -> None:
    found = determinism.check(seed)
    assert not found, "\n".join(
        f"seed {d.seed}, {d.way}: differs from second {d.first_s:g} on ({d.where}); log {d.log}"
        for d in found
    )


def test_logs_differ_and_do_something() -> None:
    worlds = [determinism.live(seed) for seed in range(3)]
    assert len({world.digest() for world, _ in worlds}) == 3
    assert all(len(log) >= determinism.LEAST for _, log in worlds)


def test_a_difference_is_told_with_its_first_second() -> None:
    one, other = determinism.fresh(1), determinism.fresh(1)
    for world in (one, other):
        world.advance(3)
    other.plane.set_rate("pay", 100.0)
    for world in (one, other):
        world.advance(3)
    found = determinism.difference(one, other)
    assert found is not None and found[0] == 3.0
    assert determinism.difference(one, one.fork()) is None


def test_the_benchmark_sums_up() -> None:
    found = determinism.summary(first=0, logs=1, processes=1)
    assert (found["logs"], found["divergences"], found["first_differing_second"]) == (1, 0, None)
