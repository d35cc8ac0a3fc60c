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

from benchmarks import determinism, determinism_logs
from simulator.scenario import load
from tests.depth import some
from tests.simulator.engine_scenes import DATABASE, SERVICE, digest, plane_of, small

ROOT = Path(__file__).resolve().parents[2]
LOGS = (2, 4, 6, 7, 13, 19, 25)  # the demo thrice, three more scenarios, the exact engine
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


def test_whoever_looks_before_the_first_tick_sees_a_request_that_has_just_begun() -> None:
    plane = scene()
    assert [span.duration_s for span in plane.sample_request("buy", 0.0, 1)] == [0.0]


# -- command logs


@pytest.mark.parametrize("seed", some(LOGS, 2))
def test_a_log_typed_live_is_the_same_however_it_is_run_again(seed: int) -> None:
    found = determinism.check(seed)
    assert not found, "\n".join(
        f"seed {d.seed}, {d.way}: differs from second {d.first_s:g} on ({d.where}); log {d.log}"
        for d in found
    )


def test_every_way_and_every_scenario_has_its_turn() -> None:
    seeds = range(len(determinism_logs.SCENES))
    assert {determinism.HERE[seed % 3] for seed in LOGS} == {*determinism.HERE}
    assert {determinism_logs.scene_of(seed).scenario for seed in seeds} >= {*determinism_logs.OTHERS}
    assert {determinism_logs.scene_of(seed).engine for seed in seeds} == {None, "exact"}


def test_logs_differ_and_do_something() -> None:
    worlds = [determinism.live(seed) for seed in (0, 2, 4)]
    assert len({world.digest() for world, _ in worlds}) == 3
    assert all(len(log) >= determinism_logs.LEAST for _, log in worlds)


def test_a_difference_is_told_with_its_first_second() -> None:
    one, other = determinism.fresh(2), determinism.fresh(2)
    for world in (one, other):
        world.advance(3)
    other.plane.set_rate("pay", 100.0)
    for world in (one, other):
        world.advance(3)
    found = determinism.difference(one, other)
    assert found is not None and found[0] == 3.0
    assert determinism.difference(one, one.fork()) is None


def test_a_difference_is_told_with_its_first_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who looks at second 4.3 and cannot keep the hands off."""
    log, until_s = [(1.5, "kubectl get pods -n prod")], 8.0

    def meddle(world: Any) -> None:
        if world.now_s > 4.3:
            world.plane.set_rate("pay", 900.0)

    def trail(way: str) -> Any:
        return lambda stops: determinism.trail(2, way, log, until_s, stops)

    same = determinism.first_tick(until_s, 0.05, trail("replay"), trail("snapshot"))
    monkeypatch.setattr(determinism, "look", meddle)
    found = determinism.first_tick(until_s, 0.05, trail("replay"), trail("observed"))
    assert same is None
    assert found == pytest.approx(4.35)


def test_processes_with_other_hash_seeds_and_backends_agree() -> None:
    found = determinism.summary(first=20, logs=1, processes=1)
    assert (found["logs"], found["divergences"], found["first_differing_second"]) == (1, 0, None)
    assert found["processes_started"] == 3 and found["ways"] == {"replay": 1, "observed": 1}
    assert "0 divergences" in determinism.text_of(found)
    wrong = determinism.Divergence(7, "fork", 4.35, "first differing tick", [(1.5, "ack")])
    told = determinism.text_of(found | {"divergences": 1, "examples": [determinism.asdict(wrong)]})
    assert "seed 7, fork: first differing tick at 4.350 s" in told and "@1.5 'ack'" in told
