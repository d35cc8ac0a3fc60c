"""The exact engine's choices and places: caches, shards, links, DNS, pauses, new pods, data centres."""

import math
import pickle
from typing import Any

import pytest

from simulator.engine import keys
from simulator.engine.exact_parts import Luck
from simulator.scenario import KeySpace
from tests.depth import some
from tests.simulator.exact_scenes import Tape, database, exact, service, total

MISS = [{"work_ms": 5.0}]
TWO = {"east": {"weight": 0.75}, "west": {"weight": 0.25}}


def cached(ttl_s: float, capacity: int | None = None) -> dict[str, Any]:
    spec = {"kind": "cache", "ttl_s": ttl_s, "capacity": capacity, "op_ms": 1.0}
    return {"a": service({"cache": "c", "keys": "k", "miss": MISS}), "c": spec}


def hit_ratio(plane: Any, first: int, last: int | None = None) -> float:
    hits, misses = (total(plane, f"cache/c/{what}", first, last) for what in ("hits", "misses"))
    return hits / (hits + misses)


@pytest.mark.parametrize(("count", "zipf", "ttl_s"), some([(10_000, 1.0, 20.0), (2000, 0.0, 10.0)], 2))
def test_a_cache_hits_as_often_as_its_keys_live(count: int, zipf: float, ttl_s: float) -> None:
    """A key read r times a second is found with chance r ttl / (1 + r ttl)."""
    space = {"count": count, "zipf": zipf, "hot": [0.05]}
    plane = exact(cached(ttl_s), 300.0, keys={"k": space})
    plane.advance(ttl_s * 10)
    found = keys.bins(KeySpace(**space))
    expected = 0.0
    for n, share in zip(found.keys, found.share, strict=True):
        lived = 300.0 * share / n * ttl_s
        expected += share * lived / (1 + lived)
    assert hit_ratio(plane, int(ttl_s * 3)) == pytest.approx(expected, rel=0.01)


def test_a_full_cache_keeps_what_was_read_last() -> None:
    """Che's approximation: a key is there if it was read within the characteristic time."""
    space = {"count": 5000, "zipf": 0.8}
    plane = exact(cached(1e6, 500), 400.0, keys={"k": space})
    plane.advance(150)
    found = keys.bins(KeySpace(**space))
    each = [(n, share, 400.0 * share / n) for n, share in zip(found.keys, found.share, strict=True)]
    low, high = 0.0, 1000.0
    for _ in range(60):
        t = 0.5 * (low + high)
        held = sum(n * (1 - math.exp(-r * t)) for n, _, r in each)
        low, high = (t, high) if held < 500 else (low, t)
    expected = sum(share * (1 - math.exp(-r * high)) for _, share, r in each)
    assert hit_ratio(plane, 30) == pytest.approx(expected, rel=0.02)


def test_a_flushed_cache_misses() -> None:
    plane = exact(cached(1000.0), 200.0, keys={"k": {"count": 50}})
    plane.advance(20)
    assert hit_ratio(plane, 5) == 1.0
    plane.flush_cache("c")
    plane.advance(40)
    assert total(plane, "cache/c/misses", 20) == 50
    with pytest.raises(KeyError):
        plane.flush_cache("d")


def test_only_a_miss_takes_the_miss() -> None:
    plane = exact(cached(1000.0), 200.0, keys={"k": {"count": 10}})
    plane.advance(60)
    assert plane.latency_s("all", 10, 60)[0] == pytest.approx(0.001, rel=0.05)


def test_a_miss_that_has_nothing_to_do_goes_on() -> None:
    parts = {
        "a": service(
            {"cache": "c", "keys": "k", "miss": [{"query": "db", "times": "queries", "cpu_ms": 1.0}]},
            {"work_ms": 1.0},
            versions={"v1": {"queries": 0}},
        ),
        "c": {"kind": "cache", "ttl_s": 1.0},
        "db": database(),
    }
    plane = exact(parts, 50.0, keys={"k": {"count": 1000}})
    plane.advance(10)
    plane.set_rate("all", 0.0)
    plane.advance(12)
    assert plane.busy == [0]
    assert total(plane, "class/all/ok") == total(plane, "class/all/offered")


@pytest.mark.parametrize("key", some(["k", None], 2))
def test_shards_get_their_shares(key: str | None) -> None:
    space = {"count": 100_000, "zipf": 0.9, "hot": [0.2]}
    step = {"query": "db", "cpu_ms": 1.0, **({"keys": key} if key else {})}
    parts = {"a": service(step), "db": database(4, shards=4)}
    plane = exact(parts, 500.0, keys={"k": space})
    tape = Tape(plane)
    plane.advance(100)
    expected = keys.shard_shares(KeySpace(**space), 4) if key else [0.25] * 4
    taken = [sum(row.split_taken[0][n] for row in tape.seconds) for n in range(4)]
    for n, share in enumerate(expected):
        assert taken[n] / sum(taken) == pytest.approx(share, abs=3.5 * math.sqrt(0.25 / sum(taken)))
        assert total(plane, f"pool/db-{n}/queries") == pytest.approx(taken[n], abs=20)
    plane.set_cores("db", 8.0)
    assert [s.cores for s in plane.stores] == [8.0] * 4
    plane.set_pool_limit("db", "db", 7)
    assert plane.pool_limits == [7] * 4


def placed(
    latency_ms: float = 50.0, loss: float = 0.0, pods: tuple[int, int] = (1, 1), **more: Any
) -> dict[str, Any]:
    """A service in the east (and the west) whose store is in the west; keyword arguments of `exact`."""
    step = {"query": "db", "cpu_ms": 1.0}
    placement = {n: c for n, c in zip(TWO, pods, strict=True) if c}
    parts = {
        "a": service(step, pods=sum(pods), placement=placement),
        "db": database(100, datacenter="west"),
    }
    link = {"between": ["east", "west"], "latency_ms": latency_ms, "loss": loss}
    return {"parts": parts, "datacenters": {"east": {}, "west": {"weight": 0}}, "links": [link], **more}


def test_a_link_takes_its_time_there_and_back() -> None:
    plane = exact(**placed(), rps=100.0)
    plane.advance(100)
    mean, p99 = plane.latency_s("all", 2, 100)
    assert mean == pytest.approx(0.101, rel=0.01)
    assert 0.13 < p99 < 0.16  # 16 stages each way: a deviation of 18 ms
    plane.set_link("east", "west", latency_s=0.25, loss=0.0, up=True)
    plane.advance(200)
    assert plane.latency_s("all", 110, 200)[0] == pytest.approx(0.301, rel=0.01)


def test_a_lost_message_is_sent_again() -> None:
    plane = exact(**placed(loss=0.1), rps=100.0)
    tape = Tape(plane)
    plane.advance(200)
    assert plane.latency_s("all", 2, 200)[0] == pytest.approx(0.101 + 2 * 0.1 * 0.2, rel=0.02)
    names = [s.name for s in plane.network.splits]
    taken = [
        [sum(row.split_taken[names.index(n)][way] for row in tape.seconds) for way in range(2)]
        for n in ("east-west", "west-east")
    ]
    for kept, lost in taken:
        assert lost / (kept + lost) == pytest.approx(0.1, rel=0.08)
    plane.set_link("east", "west", latency_s=0.05, loss=1.0, up=True)
    plane.advance(300)
    assert plane.latency_s("all", 210, 300)[0] == pytest.approx(0.101 + 0.2 + 0.1 * 0.2, rel=0.02)


def test_a_link_that_is_down_holds_messages_until_it_is_up() -> None:
    plane = exact(**placed(), rps=100.0)
    plane.advance(10)
    plane.set_link("east", "west", latency_s=0.05, loss=0.0, up=False)
    plane.advance(20)
    assert total(plane, "class/all/ok", 11, 20) == 0
    held = len(plane.links[0].held)
    assert held == pytest.approx(1000 + 5, rel=0.1)
    on_way = [left for left, r in plane.links[0].held if r.start < 10.0]
    assert on_way and all(0.0 < left < 0.12 for left in on_way)
    plane.set_link("east", "west", latency_s=0.05, loss=0.0, up=True)
    plane.advance(21)
    assert total(plane, "class/all/ok", 20, 21) == pytest.approx(held + 100 * 0.9, rel=0.05)
    assert plane.links[0].held == []
    with pytest.raises(KeyError):
        plane.set_link("east", "north", latency_s=0.05, loss=0.0, up=True)


def by_place(
    pods: tuple[int, int] = (4, 4), dns: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A service alone in two data centres."""
    parts = {
        "a": service({"work_ms": 10.0}, pods=sum(pods), placement=dict(zip(TWO, pods, strict=True)), **more)
    }
    link = {"between": ["east", "west"], "latency_ms": 40.0}
    return {"parts": parts, "datacenters": TWO, "links": [link], **({"dns": dns} if dns else {})}


def test_clients_follow_dns_within_the_ttl_but_for_some() -> None:
    plane = exact(**by_place(dns={"ttl_s": 40, "stuck": 0.2}), rps=1000.0)
    plane.advance(20)
    assert total(plane, "dns/0", 0, 20) / 20_000 == pytest.approx(0.75, abs=0.012)
    plane.set_dns({"west": 1.0})
    plane.advance(100)
    for first in (20, 30, 50, 70, 90):
        moved = min(1.0, (first + 5 - 20) / 40)
        east = 0.2 * 0.75 + 0.8 * 0.75 * (1 - moved)
        assert total(plane, "dns/0", first, first + 10) / 10_000 == pytest.approx(east, abs=0.016)
    with pytest.raises(KeyError):
        plane.set_dns({"north": 1.0})
    with pytest.raises(ValueError, match="0"):
        plane.set_dns({"west": 0.0})


def test_without_a_pod_at_home_the_other_data_centre_helps() -> None:
    plane = exact(**by_place(), rps=200.0)
    plane.advance(10)
    plane.kill_pods("a", "v1", 4)
    assert [len(p) for p in plane.pods] == [0, 4]
    plane.advance(30)
    assert total(plane, "class/all/rejected") == 0
    assert plane.latency_s("all", 12, 30)[0] == pytest.approx(0.01 + 0.75 * 0.08, rel=0.03)
    plane.kill_pods("a", "v1", 1, "west")
    assert [len(p) for p in plane.pods] == [0, 3]
    plane.kill_pods("a", "v1", 100)
    plane.advance(35)
    refused, offered = (total(plane, f"class/all/{what}", 31) for what in ("rejected", "offered"))
    assert refused == pytest.approx(offered, rel=0.03)  # some are on their way


def test_a_rate_limit_counts_a_request_once() -> None:
    """Who finds nobody at home pays at the door where he is served."""
    plane = exact(**by_place((1, 1), rate_limit={"rps": 100, "burst": 20}), rps=400.0)
    plane.advance(1)
    plane.kill_pods("a", "v1", 1)
    plane.advance(21)
    assert total(plane, "class/all/ok", 1, 21) / 20 == pytest.approx(100, rel=0.02)


def test_pods_are_spread_over_data_centres() -> None:
    plane = exact(**by_place((4, 2)), rps=10.0)
    plane.set_pods("a", "v1", 9)
    assert [len(p) for p in plane.pods] == [6, 3]
    plane.set_pods("a", "v1", 5, "west")
    assert [len(p) for p in plane.pods] == [6, 5]
    with pytest.raises(KeyError):
        plane.set_pods("a", "v1", 5, "north")


# -- speed


def test_in_a_pause_work_stands_still() -> None:
    """What is under way needs what it needed before: a batch ends exactly as much later as the pause took."""
    ends = []
    for pause_s in (0.0, 7.5):
        plane = exact({"a": service({"work_ms": 2000.0})}, 200.0)
        plane.advance(1)
        plane.set_rate("all", 0.0)
        plane.set_speed("a", "v1", 0.0)
        plane.advance(1 + pause_s)
        done = sum(map(len, plane.latencies.values()))
        plane.set_speed("a", "v1", 1.0)
        while plane.alive:
            plane.advance(plane.now_s + 0.25)
        assert done < 60
        ends.append(sorted(x for s in plane.latencies.values() for _, x in s if x > 1.0))
    late = [x for x in ends[1] if x > 7.5]
    assert len(late) > 100
    # those that end after the pause, of the same draws
    assert all(b == pytest.approx(a + 7.5) for a, b in zip(ends[0][-60:], ends[1][-60:], strict=True))


def test_half_the_speed_takes_twice_as_long() -> None:
    for step in ({"work_ms": 10.0}, {"work_ms": 10.0, "cpu": True}):
        plane = exact({"a": service(step, resources={"cpu_limit": "100"})}, 300.0)
        plane.advance(10)
        plane.set_speed("a", "v1", 0.5)
        plane.advance(70)
        assert plane.latency_s("all", 11, 70)[0] == pytest.approx(0.02, rel=0.03)
        plane.set_speed("a", "v1", 2.0)
        plane.advance(130)
        assert plane.latency_s("all", 71, 130)[0] == pytest.approx(0.005, rel=0.03)


def test_a_pause_of_the_cpu_keeps_the_queue() -> None:
    plane = exact({"a": service({"work_ms": 5.0, "cpu": True})}, 100.0)
    plane.advance(10)
    plane.set_speed("a", "v1", 0.0)
    plane.advance(15)
    assert total(plane, "class/all/ok", 10, 15) == 0
    plane.set_speed("a", "v1", 1.0)
    plane.advance(30)
    assert total(plane, "class/all/ok", 0, 30) == pytest.approx(
        total(plane, "class/all/offered", 0, 30), abs=5
    )


def test_speed_is_of_one_version_and_its_future_pods() -> None:
    parts = {"a": service({"work_ms": 10.0}, versions={"v1": {}, "v2": {}}, current="v1")}
    plane = exact(parts, 300.0)
    plane.set_speed("a", "v2", 0.25)
    plane.advance(30)
    assert plane.latency_s("all", 0, 30)[0] == pytest.approx(0.01, rel=0.03)
    plane.set_pods("a", "v2", 1)
    plane.set_pods("a", "v1", 0)
    plane.advance(60)
    assert plane.latency_s("all", 31, 60)[0] == pytest.approx(0.04, rel=0.03)


def test_a_new_pod_warms_up() -> None:
    """Five times slower at first, as fast as any other after 40 s; pods of the start are warm."""
    parts = {"a": service({"work_ms": 10.0}, pods=1, warmup={"s": 40, "factor": 5})}
    plane = exact(parts, 1000.0)
    plane.advance(10)
    assert plane.latency_s("all", 0, 10)[0] == pytest.approx(0.01, rel=0.03)
    plane.set_pods("a", "v1", 2)
    plane.kill_pods("a", "v1", 0)
    old = plane.pods[0][0]
    old.limit = 0  # full for ever: the new one alone is left
    plane.set_pods("a", "v1", 1)
    plane.advance(70)
    for first in (10, 20, 40):
        factor = 1 + 4 * max(0.0, 1 - (first + 2.5 - 10) / 40)
        assert plane.latency_s("all", first, first + 5)[0] == pytest.approx(0.01 * factor, rel=0.06)
    assert plane.latency_s("all", 51, 70)[0] == pytest.approx(0.01, rel=0.03)


# -- forks of a run


def test_a_pickle_goes_on_as_the_run_itself() -> None:
    numbers = by_place(dns={"ttl_s": 5})
    parts = {**numbers.pop("parts"), **cached(5.0)}
    parts["a"] = service(
        {"cache": "c", "keys": "k", "miss": MISS},
        {"parallel": [[{"work_ms": 3.0, "cpu": True}], [{"call": "b.go"}]]},
        {"call": "b.go", "timeout_ms": 30, "retries": 1, "jitter": 0.5, "breaker": {"window": 10}},
        pods=4,
        placement={"east": 2, "west": 2},
    )
    parts["b"] = service({"work_ms": 10.0}, pods=2, placement={"east": 2}, limit=8, queue=20, order="codel")
    plane = exact(
        {"a": parts["a"], "b": parts["b"], "c": parts["c"]}, 150.0, keys={"k": {"count": 99}}, **numbers
    )
    plane.advance(3)
    plane.set_dns({"west": 1.0})
    plane.set_speed("b", "v1", 0.0)
    plane.advance(3.5)
    copy = pickle.loads(pickle.dumps(plane))
    for run in (plane, copy):
        run.set_speed("b", "v1", 1.0)
        run.kill_pods("b", "v1", 1)
        run.advance(9)
    assert plane.history.columns == copy.history.columns
    assert plane.luck.state == copy.luck.state != Luck(1).state
