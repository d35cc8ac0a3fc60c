"""Random small networks under random acts: the exact engine's books balance, and everything drains."""

from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from simulator.engine.exact import ExactPlane
from simulator.engine.exact_state import WORK_DONE
from simulator.engine.network import CALL, CPU, ENTER, FORK, QUERY, WORK
from simulator.scenario import ScenarioError
from tests.depth import examples
from tests.simulator.exact_scenes import Tape, exact, total
from tests.simulator.random_networks import BREAKER, BUDGET, NAMES, policies

TICKS = 20  # looks at the sums a second
KINDS = ("ok", "declined", "rejected", "timeout", "error")


def steps(later: tuple[str, ...], depth: int = 0) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Steps of a service that may call those of `later`."""
    kinds = [
        st.builds(lambda ms, n: {"work_ms": ms, "shape": n}, st.sampled_from([1, 10, 50]), st.integers(1, 3)),
        st.builds(lambda ms: {"work_ms": ms, "cpu": True}, st.sampled_from([1, 10])),
        st.builds(lambda n: {"query": "db", "cpu_ms": 5, "times": n, "keys": "k"}, st.integers(1, 2)),
        st.builds(lambda: {"query": "db", "pool": "bare", "cpu_ms": 2}),
    ]
    if later:
        calls = st.builds(
            lambda name, policy: {"call": f"{name}.go", **policy},
            st.sampled_from(later),
            policies([5, 30, 200], [1, 20]),
        )
        kinds += [calls, calls]
    if depth == 0:
        inner = steps(later, 1)
        kinds.append(
            st.builds(lambda branches: {"parallel": branches}, st.lists(inner, min_size=2, max_size=3))
        )
        kinds.append(st.builds(lambda miss: {"cache": "c", "keys": "k", "miss": miss}, inner))
    return st.lists(st.one_of(kinds), min_size=1, max_size=3)


def services(name: str, later: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    bulkhead = st.fixed_dictionaries(
        {
            "limit": st.integers(1, 6),
            "queue": st.integers(0, 5),
            "order": st.sampled_from(["fifo", "lifo", "codel"]),
            "interval_ms": st.just(20),
        }
    )
    limit = st.sampled_from([None, {"rps": 30, "burst": 5}])
    return st.builds(
        lambda shape, todo, pods, limit: {
            "kind": "service",
            "pods": sum(pods.values()),
            "placement": pods,
            "bulkhead": shape,
            "endpoints": {"go": todo},
            "rate_limit": limit,
            "warmup": {"s": 2, "factor": 3},
        },
        bulkhead,
        steps(later),
        st.sampled_from([{"east": 1}, {"east": 2, "west": 1}, {"west": 2}]),
        limit,
    )


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    parts: dict[str, Any] = {n: draw(services(n, NAMES[i + 1 :])) for i, n in enumerate(NAMES)}
    pool = {"limit": draw(st.integers(1, 4)), "open": draw(st.integers(0, 2)), "connect_ms": 30}
    pool["acquire_timeout_s"] = draw(st.sampled_from([None, 0.1]))
    bare = {"limit": 3, "open": 0, "transient": True}
    parts["db"] = {
        "kind": "postgres",
        "cores": draw(st.integers(1, 2)),
        "max_connections": 8,
        "pool": pool,
        "clients": {"bare": bare},
        "shards": draw(st.integers(1, 2)),
    }
    parts["c_"] = {"kind": "cache", "ttl_s": 1.0, "capacity": draw(st.sampled_from([None, 5]))}
    parts["w"] = {"kind": "worker", "parks": "all", "path": "a.go", "rate": 20, "breaker": BREAKER}
    lb = {
        "timeout_s": draw(st.sampled_from([0.05, 0.5, 5.0])),
        "retries": draw(st.integers(0, 2)),
        "backoff_s": 0.05,
        "retry_budget": draw(st.sampled_from([None, BUDGET])),
        "deadline": draw(st.booleans()),
    }
    return {
        "parts": _rename(parts),
        "rps": draw(st.sampled_from([20.0, 60.0, 200.0])),
        "seed": draw(st.integers(1, 1000)),
        "lb": lb,
        "classes": {"all": {"path": "a.go"}, "some": {"path": "b.go", "share": 0.3, "decline": 0.1}},
        "keys": {"k": {"count": 20, "zipf": 1.0, "hot": [0.3]}},
        "datacenters": {"east": {"weight": 2}, "west": {}},
        "links": [{"between": ["east", "west"], "latency_ms": 10, "loss": 0.05}],
    }


def _rename(value: Any) -> Any:
    """The cache is `c_` since `c` is a service."""
    if isinstance(value, dict):
        return {k: "c_" if k == "cache" else _rename(v) for k, v in value.items()}
    return [_rename(v) for v in value] if isinstance(value, list) else value


ACTS = st.sampled_from(
    [
        ("set_failing", "b", 0.7, "broken"),
        ("set_failing", "c", 1.0, "broken"),
        ("kill_pods", "a", "v1", 1),
        ("kill_pods", "b", "v1", 2),
        ("kill_pods", "c", "v1", 5),
        ("set_pods", "a", "v1", 0),
        ("set_pods", "b", "v1", 4),
        ("set_speed", "a", "v1", 0.0),
        ("set_speed", "b", "v1", 0.0),
        ("set_speed", "c", "v1", 0.3),
        ("set_cores", "db", 0.0),
        ("set_pool_limit", "db", "db", 6),
        ("set_dns", {"west": 1.0}),
        ("set_rate", "all", 500.0),
        ("set_link", "east", "west"),
        ("flush_cache", "c_"),
    ]
)


def plane_of(numbers: dict[str, Any]) -> ExactPlane:
    """Leaves out networks that unfold to too many nodes."""
    try:
        return exact(**numbers)
    except ScenarioError:
        assume(False)
        raise


def act(plane: ExactPlane, what: tuple[Any, ...]) -> None:
    name, *args = what
    if name == "set_link":
        plane.set_link(*args, latency_s=0.01, loss=0.0, up=False)
    elif name != "flush_cache" or any(s.kind == "cache" for s in plane.network.splits):
        getattr(plane, name)(*args)


def ledger(plane: ExactPlane, tape: Tape) -> None:
    """Offered = ended + still inside, and whoever is inside holds what the pods say."""
    net = plane.network
    inside, path = [0] * len(net.classes), 0
    for r in plane.alive:
        path += len(r.path)
        if r.scope < len(inside) and not r.gone:
            inside[r.scope] += 1
    for c, spec in enumerate(net.classes):
        if spec.worker is None:
            ends = tape.sum("ok", c) + plane.ok[c] + tape.sum("declined", c) + plane.declined[c]
            for kind in range(3 * c, 3 * c + 3):
                ends += tape.sum("failed", kind) + plane.failed[kind]
            assert tape.sum("offered", c) + plane.offered[c] == ends + inside[c]
    assert sum(plane.busy) == path


def books(plane: ExactPlane, tape: Tape) -> None:
    """What the engine counts agrees with where its attempts are, and nobody is lost."""
    net = plane.network
    ledger(plane, tape)
    holds = dict.fromkeys(range(len(plane.all_pods)), 0)
    for r in plane.alive:
        for pod in r.path:
            holds[pod.number] += 1
        assert [p.group for p in r.path] == net.nodes[r.node].held[: len(r.path)]
    assert not plane.ready
    for pod in plane.all_pods:
        assert pod.busy == holds[pod.number]
        assert 0 <= pod.busy <= pod.limit
        line = plane.lines.get(pod.number, ())
        assert pod.queued == len(line) <= net.groups[pod.group].queue_per_pod
        assert not line or (pod.busy == pod.limit and pod.live)
    for g in range(len(net.groups)):
        mine = [p for p in plane.all_pods if p.group == g]
        assert plane.busy[g] == sum(p.busy for p in mine)
        assert plane.queued[g] == sum(p.queued for p in mine)
    for p, run in enumerate(plane.runs):
        jobs = plane.stores[net.pools[p].database].jobs
        assert run.active == sum(net.nodes[r.node].pool == p for _, _, r in jobs)
        assert 0 <= run.active <= run.open
    places = _places(plane)
    for r in plane.alive:
        assert places.get(id(r), 0) == (0 if net.nodes[r.node].kind in (CALL, FORK) else 1), r.node
    for clock in plane.clocks:
        assert clock.budget is None or 0 <= clock.budget.tokens <= clock.budget.cap
        assert clock.breaker is None or 0 <= clock.breaker.sent <= clock.breaker.spec.half_open_calls


def _places(plane: ExactPlane) -> dict[int, int]:
    """In how many places each attempt rests: at work, in a store, in a queue, held by a link."""
    nodes, found = plane.network.nodes, dict[int, int]()
    rests: list[tuple[Any, tuple[int, ...]]] = []
    for store in [*plane.stores, *plane.cpus.values()]:
        rests += [(r, (QUERY, CPU)) for _, _, r in store.jobs]
    for run in plane.runs:
        rests += [(r, (QUERY,)) for r in run.queue]
    for line in plane.lines.values():
        rests += [(r, (ENTER,)) for r in line]
    works = [e[3] for e in plane.heap if e[2] == WORK_DONE]
    works += [r for held in [*plane.frozen, *(link.held for link in plane.links)] for _, r in held]
    rests += [(r, (WORK,)) for r in works if r.node >= 0]  # of a pod that has died: -1
    for r, kinds in rests:
        assert nodes[r.node].kind in kinds and r.node >= 0
        found[id(r)] = found.get(id(r), 0) + 1
    return found


def drain(plane: ExactPlane) -> None:
    """No more arrivals, everything in order again, and long enough for everybody to end."""
    for name in ("all", "some"):
        plane.set_rate(name, 0.0)
    for name in NAMES:
        plane.set_failing(name, 0.0, "")
        plane.set_speed(name, "v1", 1.0)
    plane.set_cores("db", 2.0)
    plane.set_link("east", "west", latency_s=0.01, loss=0.0, up=True)
    plane.set_worker_rate("w", 0.0)
    plane.advance(plane.now_s + 120.0)


@settings(
    max_examples=examples(50, 100), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(networks(), st.lists(ACTS, max_size=5))
def test_books_balance_and_all_slots_come_back(numbers: dict[str, Any], acts: list[tuple[Any, ...]]) -> None:
    plane = plane_of(numbers)
    tape = Tape(plane)
    for second, what in enumerate([None, *acts], start=1):
        if what is not None:
            act(plane, what)
        for tick in range(TICKS):
            plane.advance(second - 1 + tick / TICKS)
            ledger(plane, tape)
        books(plane, tape)
        plane.advance(second)
    drain(plane)
    books(plane, tape)
    assert not plane.alive
    assert all(pod.busy == pod.queued == 0 for pod in plane.all_pods)
    assert all(run.active == len(run.queue) == 0 for run in plane.runs)
    assert not any(store.jobs for store in [*plane.stores, *plane.cpus.values()])
    assert not any(clock.timer for clock in plane.clocks)
    for name in ("all", "some"):
        ended = sum(total(plane, f"class/{name}/{kind}") for kind in KINDS)
        assert ended == total(plane, f"class/{name}/offered")


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(networks(), st.lists(ACTS, max_size=3))
def test_the_same_acts_give_the_same_run(numbers: dict[str, Any], acts: list[tuple[Any, ...]]) -> None:
    """Also when it is advanced in other steps, and readings are taken on the way."""
    runs = []
    for per_second in (1, 7):
        plane = plane_of(numbers)
        for second, what in enumerate([None, *acts, None], start=1):
            if what is not None:
                act(plane, what)
            for part in range(1, per_second):
                plane.advance(second - 1 + part / per_second)
                plane.p99_series_ms("all")
            plane.advance(second)
        runs.append((plane.history.columns, plane.luck.state, plane.changes))
    assert runs[0] == runs[1]
