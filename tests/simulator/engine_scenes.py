"""Small scenarios for tests of the engines: one service before one database, every number a parameter.

Also the books of a cohort kernel, and random networks. Nothing here knows what an engine should answer.
"""

import hashlib
import math
from typing import Any

from hypothesis import strategies as st

from simulator.engine import codes, network
from simulator.engine.cohort import CohortPlane
from simulator.engine.exact import ExactPlane
from simulator.scenario import Scenario, parse
from tests.simulator.random_networks import BREAKER, BUDGET, NAMES, policies

BOTH = {"ru": "т", "en": "t"}
ENGINES = {"cohort": CohortPlane, "exact": ExactPlane}
SERVICE = "shop"
DATABASE = "shop-db"


def small_raw(
    rps: float = 100.0,
    queries: int = 1,
    bad_queries: int = 4,
    cpu_ms: float = 10.0,
    cores: int = 2,
    work_ms: float = 20.0,
    shape: int = 2,
    pods: int = 4,
    limit: int = 50,
    queue: int = 0,
    pool: dict[str, Any] | None = None,
    slots: int = 100,
    timeout_s: float = 5.0,
    retries: int = 0,
    backoff_s: float = 0.1,
    worker_rate: float = 0.0,
    breaker: dict[str, Any] | None = None,
    neighbour_rps: float = 0.0,
    behind: str | None = None,
) -> dict[str, Any]:
    """A balancer, a service with versions v1 and v2, a database; on request a retry worker, a neighbour
    without a pool of its own (`neighbour_rps`), and a second service called after the queries (`behind`)."""
    steps: list[dict[str, Any]] = [
        {"work_ms": work_ms, "shape": shape},
        {"query": DATABASE, "times": "queries", "cpu_ms": cpu_ms},
    ]
    if queries == 0 and bad_queries == 0:
        steps = steps[:1]
    components: dict[str, Any] = {
        "lb": {"kind": "balancer", "timeout_s": timeout_s, "retries": retries, "backoff_s": backoff_s},
        DATABASE: {
            "kind": "postgres",
            "cores": cores,
            "max_connections": slots,
            "superuser_reserved": 0,
            "pool": {"limit": 20, "open": 20, "connect_ms": 100, **(pool or {})},
        },
    }
    classes: dict[str, Any] = {"buy": {"share": 1.0, "path": f"{SERVICE}.buy"}}
    if behind:
        steps.append({"call": f"{behind}.go"})
        components[behind] = service_raw([{"work_ms": 5.0, "shape": 2}], {"go": 1}, 2, 30, 10)
    components[SERVICE] = service_raw(steps, {"v1": queries, "v2": bad_queries}, pods, limit, queue, "buy")
    if neighbour_rps > 0:
        components[DATABASE]["clients"] = {"reports": {"limit": 10, "open": 0, "transient": True}}
        step = {"query": DATABASE, "pool": "reports", "cpu_ms": 2.0}
        components["reports"] = service_raw([step], {"r1": 1}, 2, 50, 0)
        classes["report"] = {"share": neighbour_rps / rps, "path": "reports.go"}
    if worker_rate > 0:
        components["courier"] = {
            "kind": "worker",
            "parks": "buy",
            "path": f"{SERVICE}.buy",
            "rate": worker_rate,
            "breaker": breaker or {},
        }
    return {
        "id": "small",
        "title": BOTH,
        "topics": [],
        "minutes": 1,
        "starts_at": "2026-01-01T00:00:00Z",
        "duration_s": 60,
        "brief": BOTH,
        "traffic": {"rps": rps, "entry": "lb", "classes": classes},
        "components": components,
        "sli": {"traffic_class": "buy"},
        "alerting": {"rules": {}},
        "clues": [],
        "hints": [],
        "truth": {"trigger": BOTH, "mechanism": BOTH, "contributing": []},
        "reference": {"commands": []},
        "focus": {"service": SERVICE, "database": DATABASE, "good_version": "v1", "bad_version": "v2"},
    }


def service_raw(
    steps: list[dict[str, Any]],
    versions: dict[str, int],
    pods: int,
    limit: int,
    queue: int,
    endpoint: str = "go",
) -> dict[str, Any]:
    return {
        "kind": "service",
        "pods": pods,
        "bulkhead": {"limit": limit, "queue": queue},
        "versions": {name: {"queries": number} for name, number in versions.items()},
        "current": next(iter(versions)),
        "endpoints": {endpoint: steps},
    }


def small(**numbers: Any) -> Scenario:
    return parse(small_raw(**numbers), "small")


def plane_of(scenario: Scenario, engine: str = "cohort", seed: int = 1) -> Any:
    """A data plane of a scenario; typed loosely, since tests also look inside."""
    return ENGINES[engine](scenario, network.build(scenario), seed)


def total(plane: Any, key: str, first: int = 0, last: int | None = None) -> float:
    """Sum of a history column over seconds first … last - 1."""
    return float(sum(plane.history.column(key)[first:last]))


def mean(plane: Any, key: str, first: int = 0, last: int | None = None) -> float:
    part = plane.history.column(key)[first:last]
    return float(sum(part)) / len(part)


def failed(plane: Any, name: str = "buy", first: int = 0, last: int | None = None) -> float:
    return sum(total(plane, f"class/{name}/{kind}", first, last) for kind in ("rejected", "timeout", "error"))


# -- bare networks


def service(
    *steps: dict[str, Any], pods: int = 1, limit: int = 1000, queue: int = 0, **more: Any
) -> dict[str, Any]:
    """A service with one endpoint `go`; keys of a bulkhead go into it, the rest into the service."""
    shape = {k: more.pop(k) for k in ("order", "target_ms", "interval_ms") if k in more}
    bulkhead = {"limit": limit, "queue": queue, **shape}
    return {"kind": "service", "pods": pods, "bulkhead": bulkhead, "endpoints": {"go": list(steps)}, **more}


def database(cores: int = 1000, limit: int = 1000, **more: Any) -> dict[str, Any]:
    """A database with connections already open; without numbers nobody ever waits for it."""
    pool = {"limit": limit, "open": limit, **more.pop("pool", {})}
    return {"kind": "postgres", "cores": cores, "max_connections": 100_000, "pool": pool, **more}


def bare_raw(
    parts: dict[str, Any], rps: float = 100.0, lb: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A network whose class `all` asks `go` of the first service."""
    first = next(n for n, part in parts.items() if part["kind"] == "service")
    return {
        "id": "bare",
        "duration_s": 3600,
        "traffic": {
            "rps": rps,
            "entry": "lb",
            "classes": more.pop("classes", {"all": {"path": f"{first}.go"}}),
        },
        "components": {"lb": {"kind": "balancer", "timeout_s": 20.0, **(lb or {})}, **parts},
        **more,
    }


def bare(parts: dict[str, Any], rps: float = 100.0, seed: int = 1, **more: Any) -> Any:
    """A cohort plane of a bare network."""
    return plane_of(parse(bare_raw(parts, rps, **more), "bare"), seed=seed)


def call_key(plane: Any, path: str) -> str:
    """The history prefix of the one call of `path` that has a policy."""
    found = [n for n, s in enumerate(plane.network.scopes) if s.owner >= 0 and s.name == path]
    assert len(found) == 1, found
    return f"call/{found[0]}/{path}/"


def digest(plane: Any) -> str:
    """What a plane's history comes to, bit for bit."""
    h = hashlib.sha256()
    for key in plane.history.keys():
        h.update(key.encode())
        h.update(plane.history.column(key).tobytes())
    return h.hexdigest()


# -- the books of a cohort kernel


def values(array: Any) -> list[Any]:
    """An array of either backend as a list."""
    return array if isinstance(array, list) else memoryview(array).tolist()


def mass_at_nodes(k: Any) -> tuple[list[float], list[float]]:
    """(mass that somebody waits for, zombies) by node: at work, in service, in queues, and callers who wait."""
    flow, serving, future = values(k.flow), values(k.serving), values(k.future)
    comp, again = values(k.comp), values(k.retry_columns)
    live, dead = [0.0] * k.nodes, [0.0] * k.nodes
    for i in range(k.nodes):
        width = k.scope_cols[k.scope_of[i]] + 1
        cells = flow[k.row[i] : k.row[i] + width]
        if k.serving_row[i] >= 0:
            cells += serving[k.serving_row[i] : k.serving_row[i] + width]
        if k.kind[i] == codes.WORK:
            cells += future[k.future_at[i] : k.future_at[i] + k.ring[i] * width]
        elif k.kind[i] in (codes.CALL, codes.FORK):
            s = k.child[k.child_at[i]]
            cells += comp[k.comp_at[s] : k.comp_at[s] + (k.scope_cols[s] + 1) * width]
            if k.kind[i] == codes.CALL:
                cells += again[k.retry_column_at[s] : k.retry_column_at[s] + k.retry_size[s] * width]
        dead[i] = math.fsum(cells[width - 1 :: width])
        live[i] = math.fsum(cells) - dead[i]
    for q in range(k.stations):
        for i, bucket, mass in queue_of(k, q):
            (live if bucket >= k.scope_oldest[k.scope_of[i]] else dead)[i] += mass
    return live, dead


def queue_of(k: Any, q: int) -> list[tuple[int, int, float]]:
    """(node, bucket, mass) of a station's queue, from its head."""
    found = []
    e = k.queue_head[q]
    while e >= 0:
        found.append((k.q_node[e], k.q_bucket[e], k.q_mass[e]))
        e = k.q_next[e]
    return found


def awaited(k: Any) -> list[float]:
    """By scope, how many attempts somebody waits for."""
    found = []
    comp = values(k.comp)
    for s in range(k.scopes):
        cols = k.scope_cols[s]
        row = k.scope_row[s]
        if k.scope_kind[s] <= codes.WORKER:
            found.append(math.fsum(values(k.outstanding)[row : row + cols]))
        elif k.scope_kind[s] == codes.CALLER:
            size = cols * (k.scope_cols[k.scope_parent[s]] + 1)
            found.append(math.fsum(comp[k.comp_at[s] : k.comp_at[s] + size]))
        else:
            first = k.scope_row[k.child[k.child_at[k.scope_owner[s]]]]
            live = [b % cols for b in range(k.scope_oldest[s], k.scope_now[s] + 1)]
            found.append(
                math.fsum(
                    k.fork_size[first + b] - k.branch_done[row + b] - k.branch_failed[row + b] for b in live
                )
            )
    return found


def check_books(plane: Any) -> None:
    """Every request is somewhere exactly once; slots and connections are held by somebody who exists."""
    k = plane.kernel
    live, dead = mass_at_nodes(k)
    close = 1e-6 * max(1.0, math.fsum(live) + math.fsum(dead))
    inside = [0.0] * k.scopes
    held = [0.0] * k.groups
    busy = [0.0] * k.pools
    for i in range(k.nodes):
        inside[k.scope_of[i]] += live[i]
        for g in k.held[k.held_at[i] : k.held_at[i + 1]]:
            held[g] += live[i] + dead[i]
        if k.pool_of[i] >= 0:
            width = k.scope_cols[k.scope_of[i]] + 1
            busy[k.pool_of[i]] += math.fsum(values(k.serving[k.serving_row[i] : k.serving_row[i] + width]))
        assert live[i] >= -close and dead[i] >= -close, (i, live[i], dead[i])
    for s, waiting in enumerate(awaited(k)):
        assert abs(waiting - inside[s]) <= close, (f"scope {s}", waiting, inside[s])
    for g in range(k.groups):
        assert abs(k.group_busy[g] + k.group_draining[g] - held[g]) <= close, (
            f"group {g}", k.group_busy[g], k.group_draining[g], held[g],
        )  # fmt: skip
        assert k.group_busy[g] >= -close and k.group_draining[g] >= -close
    for p in range(k.pools):
        assert abs(k.pool_busy[p] - busy[p]) <= close, (f"pool {p}", k.pool_busy[p], busy[p])
        assert k.pool_busy[p] >= -close
    for q in range(k.stations):
        assert abs(k.queue_total[q] - math.fsum(m for _, _, m in queue_of(k, q))) <= close, f"station {q}"
    check_ledger(plane)


def check_ledger(plane: Any) -> None:
    """Offered = ended + still inside, and who was first offered has ended, is inside, waits or is parked."""
    k = plane.kernel
    parked = [0.0] * k.workers
    for c, spec in enumerate(plane.network.classes):
        if spec.worker:
            continue
        kinds = ("rejected", "timeout", "error")
        lost = [
            total(plane, f"class/{spec.name}/{kind}") + k.failed[3 * c + n] for n, kind in enumerate(kinds)
        ]
        good = total(plane, f"class/{spec.name}/ok") + total(plane, f"class/{spec.name}/declined")
        good += k.ok[c] + k.declined[c]
        inside = math.fsum(values(k.outstanding[k.scope_row[c] : k.scope_row[c] + k.scope_cols[c]]))
        offered = total(plane, f"class/{spec.name}/offered") + k.offered[c]
        close = 1e-6 * max(1.0, offered)
        assert abs(offered - good - sum(lost) - inside) <= close, (spec.name, offered, good, lost, inside)
        w = k.scope_parks[c]
        if w >= 0 and k.scope_attempts[c] == 1:
            own = next(n for n, x in enumerate(plane.network.classes) if x.worker == plane.worker_names[w])
            sent = math.fsum(values(k.outstanding[k.scope_row[own] : k.scope_row[own] + k.scope_cols[own]]))
            drained = total(plane, f"worker/{plane.worker_names[w]}/drained") + k.drained[w]
            parked = drained + sent + k.worker_backlog[w]
            assert abs(sum(lost) - parked) <= close, (spec.name, lost, drained, sent, k.worker_backlog[w])


# -- random networks


def _steps(later: tuple[str, ...], depth: int = 0) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Steps of a service that may call those of `later`."""
    kinds: list[Any] = [
        st.builds(lambda ms, n: {"work_ms": ms, "shape": n}, st.sampled_from([1, 10, 80]), st.integers(1, 3)),
        st.builds(lambda ms: {"work_ms": ms, "cpu": True}, st.sampled_from([1, 10])),
        st.builds(lambda n: {"query": "db", "cpu_ms": 5, "times": n, "keys": "k"}, st.integers(1, 2)),
        st.just({"query": "db", "pool": "bare", "cpu_ms": 2}),
    ]
    if later:
        calls = st.builds(
            lambda name, policy: {"call": f"{name}.go", **policy},
            st.sampled_from(later),
            policies([100, 300, 1000], [10, 100]),
        )
        kinds += [calls, calls]
    if depth == 0:
        inner = _steps(later, 1)
        kinds.append(st.builds(lambda ways: {"parallel": ways}, st.lists(inner, min_size=2, max_size=3)))
        kinds.append(st.builds(lambda miss: {"cache": "store", "keys": "k", "miss": miss}, inner))
    return st.lists(st.one_of(kinds), min_size=1, max_size=3)


def _services(later: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda steps, limit, queue, order, pods, rate, warm: service(
            *steps,
            limit=limit,
            queue=queue,
            order=order,
            interval_ms=200,
            target_ms=50,
            pods=sum(pods.values()),
            placement=pods,
            rate_limit=rate,
            warmup=warm,
        ),
        _steps(later),
        st.integers(1, 12),
        st.integers(0, 8),
        st.sampled_from(["fifo", "lifo", "codel"]),
        st.sampled_from([{"east": 1}, {"east": 3, "west": 2}, {"west": 2}]),
        st.sampled_from([None, None, {"rps": 30, "burst": 5}]),
        st.sampled_from([None, {"s": 2, "factor": 3}]),
    )


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    """The mapping of a bare network with a bit of everything."""
    parts = {name: draw(_services(NAMES[n + 1 :])) for n, name in enumerate(NAMES)}
    pool = {"limit": draw(st.integers(1, 6)), "open": draw(st.integers(0, 2)), "connect_ms": 100}
    pool["acquire_timeout_s"] = draw(st.sampled_from([None, 0.3]))
    parts["db"] = {
        "kind": "postgres",
        "cores": draw(st.integers(1, 2)),
        "max_connections": 9,
        "pool": pool,
        "clients": {"bare": {"limit": 3, "open": 0, "transient": True}},
        "shards": draw(st.integers(1, 2)),
    }
    parts["store"] = {"kind": "cache", "ttl_s": 1.0, "capacity": draw(st.sampled_from([None, 5]))}
    parts["w"] = {"kind": "worker", "parks": "all", "path": "a.go", "rate": 20, "breaker": BREAKER}
    lb = {
        "timeout_s": draw(st.sampled_from([0.5, 2.0])),
        "retries": draw(st.integers(0, 2)),
        "backoff_s": 0.2,
        "retry_budget": draw(st.sampled_from([None, BUDGET])),
        "deadline": draw(st.booleans()),
    }
    return bare_raw(
        parts,
        draw(st.sampled_from([20.0, 60.0, 200.0])),
        lb,
        classes={"all": {"path": "a.go"}, "some": {"path": "b.go", "share": 0.3, "decline": 0.1}},
        keys={"k": {"count": 20, "zipf": 1.0, "hot": [0.3]}},
        datacenters={"east": {"weight": 2}, "west": {}},
        links=[{"between": ["east", "west"], "latency_ms": 10, "loss": 0.05}],
        dns={"ttl_s": 2.0, "stuck": 0.1},
    )


ACTS: list[tuple[Any, ...]] = [
    ("set_failing", "b", 0.7, "broken"),
    ("set_failing", "c", 1.0, "broken"),
    ("set_failing", "c", 0.0, ""),
    ("kill_pods", "a", "v1", 1),
    ("kill_pods", "b", "v1", 2),
    ("kill_pods", "c", "v1", 5),
    ("set_pods", "a", "v1", 0),
    ("set_pods", "a", "v1", 3),
    ("set_pods", "b", "v1", 1),
    ("set_pods", "b", "v1", 4),
    ("set_pods", "c", "v1", 2, "west"),
    ("set_speed", "a", "v1", 0.0),
    ("set_speed", "a", "v1", 1.0),
    ("set_speed", "b", "v1", 0.0),
    ("set_speed", "c", "v1", 0.3),
    ("set_cores", "db", 0.5),
    ("set_cores", "db", 0.0),
    ("set_pool_limit", "db", "db", 1),
    ("set_pool_limit", "db", "db", 6),
    ("set_dns", {"west": 1.0}),
    ("set_rate", "all", 0.0),
    ("set_rate", "all", 500.0),
    ("set_worker_rate", "w", 0.0),
    ("set_link", 0.01, 0.0, False),
    ("set_link", 0.15, 0.3, True),
    ("flush_cache", "store"),
]


def act(plane: Any, what: tuple[Any, ...]) -> None:
    """Do one of `ACTS`; what a network does not have is left out."""
    name, *args = what
    net = plane.network
    if name == "set_link":
        latency_s, loss, up = args
        plane.set_link("east", "west", latency_s=latency_s, loss=loss, up=up)
    elif (name == "flush_cache" and not any(s.kind == "cache" for s in net.splits)) or (
        len(args) == 4 and not any((g.service, g.place) == (args[0], args[3]) for g in net.groups)
    ):
        return
    else:
        getattr(plane, name)(*args)


def settle(plane: Any, seconds: float = 90.0) -> None:
    """No more arrivals, everything in order again, and long enough for everybody to end."""
    for name in ("all", "some"):
        plane.set_rate(name, 0.0)
    for name in NAMES:
        plane.set_failing(name, 0.0, "")
        plane.set_speed(name, "v1", 1.0)
    plane.set_cores("db", 2.0)
    plane.set_link("east", "west", latency_s=0.01, loss=0.0, up=True)
    plane.set_worker_rate("w", 0.0)
    plane.advance(plane.now_s + seconds)
