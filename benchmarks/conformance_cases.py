"""The networks of `dropprod bench conformance`: what each is, what happens in it, and its closed form if it has one.

Rates and sizes are such that the exact engine does all seeds of a case in some 20 s on two cores. No figure here
comes from an engine; none of them steers one.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks import engine_shop
from benchmarks.closed_forms import erlang_b, erlang_c, quantile
from simulator.engine.plane import Plane
from simulator.scenario import Scenario, load, parse

CLOSED, EXACT = "closed_form", "exact"
LARGE = 100_000  # places of a queue that never fills
PAYMENT_POOL = "payment-pool"
Raw = dict[str, Any]


@dataclass(frozen=True)
class Action:
    """A call of the data plane's interface at a simulated time."""

    at_s: float
    method: str
    args: tuple[Any, ...]
    keywords: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One comparison. `near`: so close to a threshold that the exact seeds themselves may disagree.

    `closed` gives utilisation, mean_s, p99_s and failed. `small`: stations of a few slots.
    """

    name: str
    about: str
    build: Callable[[], Scenario]
    until_s: float = 90.0
    warm_s: float = 15.0
    actions: tuple[Action, ...] = ()
    closed: dict[str, float] | None = None
    near: bool = False
    small: bool = False
    metastable: bool = False  # drawn as a time series
    world: tuple[str, ...] | None = None  # a whole world is played, with these commands
    quick: bool = False
    held: bool = False  # of benchmarks/conformance_held.py: the model was not looked at on it

    @property
    def kind(self) -> str:
        return CLOSED if self.closed else EXACT


def perform(plane: Plane, actions: Iterable[Action], until_s: float) -> None:
    """Run a plane to `until_s`, with these calls of its interface on the way."""
    for action in sorted(actions, key=lambda a: a.at_s):
        plane.advance(action.at_s)
        getattr(plane, action.method)(*action.args, **action.keywords)
    plane.advance(until_s)


# --- closed forms -------------------------------------------------------------------------------------


def mmc(servers: int, rate: float, work_s: float) -> dict[str, float]:
    """M/M/c, first come first served."""
    waits, mu = erlang_c(servers, rate * work_s), 1.0 / work_s
    drain = servers * mu - rate

    def survival(t: float) -> float:
        alone = math.exp(-mu * t)
        if math.isclose(drain, mu):
            return (1.0 - waits) * alone + waits * (1.0 + mu * t) * alone
        both = (drain * alone - mu * math.exp(-drain * t)) / (drain - mu)
        return (1.0 - waits) * alone + waits * both

    return {
        "utilisation": rate * work_s / servers,
        "mean_s": work_s + waits / drain,
        "p99_s": quantile(survival, work_s),
        "failed": 0.0,
    }


def loss(servers: int, rate: float, work_s: float) -> dict[str, float]:
    """M/M/c/c: nobody waits, some are refused."""
    blocked = erlang_b(servers, rate * work_s)
    used = rate * work_s * (1.0 - blocked) / servers
    return {"utilisation": used, "mean_s": work_s, "p99_s": work_s * math.log(100.0), "failed": blocked}


def mek1(rate: float, work_s: float, shape: int) -> dict[str, float]:
    """M/E_k/1 by Pollaczek and Khinchine; the quantile from the transform (Euler: Abate and Whitt 1995)."""
    rho, stage = rate * work_s, shape / work_s
    mean = work_s + rate * work_s * work_s * (1.0 + 1.0 / shape) / (2.0 * (1.0 - rho))

    def beyond(s: complex) -> complex:
        work = (stage / (stage + s)) ** shape
        return (1.0 - (1.0 - rho) * s * work / (s - rate + rate * work)) / s

    def survival(t: float) -> float:
        a, terms, averaged = 18.4, 15, 11
        total = 0.5 * math.exp(a / 2) / t * beyond(complex(a / (2 * t), 0.0)).real
        sums = []
        for n in range(1, terms + averaged + 1):
            value = beyond(complex(a, 2 * n * math.pi) / (2 * t)).real
            total += (-1) ** n * math.exp(a / 2) / t * value
            if n >= terms:
                sums.append(total)
        return sum(math.comb(averaged, j) * 2.0**-averaged * sums[j] for j in range(averaged + 1))

    return {"utilisation": rho, "mean_s": mean, "p99_s": quantile(survival, work_s), "failed": 0.0}


# --- building blocks ----------------------------------------------------------------------------------


def service(steps: list[Raw], limit: int, pods: int = 1, queue: int = LARGE, **more: Any) -> Raw:
    bulkhead = {"limit": limit, "queue": queue, **more.pop("bulkhead", {})}
    return {"kind": "service", "pods": pods, "bulkhead": bulkhead, "endpoints": {"go": steps}, **more}


def database(limit: int, cores: int, **more: Any) -> Raw:
    pool = {"limit": limit, "open": limit, **more.pop("pool", {})}
    return {"kind": "postgres", "cores": cores, "max_connections": 10_000, "pool": pool, **more}


def work(ms: float, shape: int = 1) -> Raw:
    return {"work_ms": ms, "shape": shape}


def network(rps: float, parts: Raw, client: Raw | None = None, **more: Any) -> Callable[[], Scenario]:
    """A bare network; the class `all` goes to the first service."""
    first = next(n for n, part in parts.items() if part["kind"] == "service")
    raw = {
        "id": "case",
        "duration_s": 3600,
        "traffic": {"rps": rps, "entry": "edge", "classes": {"all": {"path": f"{first}.go"}}},
        "components": {"edge": {"kind": "balancer", "timeout_s": 60.0, **(client or {})}, **parts},
        **more,
    }
    return lambda: parse(raw, "conformance")


def slow(service_name: str, speed: float, from_s: float, to_s: float) -> tuple[Action, Action]:
    """A service works at `speed` for a while."""
    return (
        Action(from_s, "set_speed", (service_name, "v1", speed)),
        Action(to_s, "set_speed", (service_name, "v1", 1.0)),
    )


def _mmc(name: str, servers: int, rho: float, work_ms: float, shape: int = 1, **more: Any) -> Case:
    rate = rho * servers / work_ms * 1000
    closed = mmc(servers, rate, work_ms / 1000) if shape == 1 else None
    what = f"M/M/{servers}" if shape == 1 else f"M/E{shape}/{servers}"
    found = network(rate, {"app": service([work(work_ms, shape)], servers)})
    return Case(name, f"{what} at {rho:.0%}", found, closed=closed, **more)


def _mek1(name: str, shape: int, rho: float, work_ms: float) -> Case:
    rate = rho / work_ms * 1000
    found = network(rate, {"app": service([work(work_ms, shape)], 1)})
    closed = mek1(rate, work_ms / 1000, shape)
    return Case(name, f"M/E{shape}/1 at {rho:.0%}", found, until_s=600, closed=closed, small=True)


def _loss() -> Case:
    found = network(900, {"app": service([work(50)], 50, queue=0)})
    return Case(
        "loss-50",
        "M/M/50/50 at 90 %: nobody waits, some are refused",
        found,
        closed=loss(50, 900, 0.05),
        quick=True,
    )


def _storm(name: str, rps: float, about: str, **more: Any) -> Case:
    """Capacity 1,000/s; at a tenth of its speed for 15 s, then whole again. Four attempts each: 250/s is the threshold."""
    client = {"timeout_s": 1.0, "retries": 3, "backoff_s": 0.2, "jitter": 0.5}
    found = network(rps, {"app": service([work(40)], 40, queue=3000)}, client)
    return Case(name, about, found, 90.0, 10.0, slow("app", 0.1, 20, 35), metastable=True, **more)


def _overload(name: str, order: str, about: str) -> Case:
    bulkhead = {"order": order, "target_ms": 50, "interval_ms": 200}
    parts = {"app": service([work(40)], 40, queue=1500, bulkhead=bulkhead)}
    return Case(name, about, network(1200, parts, {"timeout_s": 1.0}), 60.0, 15.0)


def _fan(ways: int) -> Case:
    branches = [[{"call": f"leaf{n}.go"}] for n in range(ways)]
    parts = {"app": service([work(5), {"parallel": branches}], 400)}
    parts |= {f"leaf{n}": service([work(40, 2)], 20) for n in range(ways)}
    rate = 400 if ways < 5 else 350
    return Case(f"fan-out-{ways}", f"a call waits for {ways} branches in parallel", network(rate, parts))


def _breaker() -> Case:
    spec = {"window": 100, "failure_rate": 0.5, "open_s": 5, "half_open_calls": 10}
    step = {"call": "back.go", "timeout_ms": 500, "breaker": spec}
    parts = {"app": service([work(5), step], 200), "back": service([work(20)], 30)}
    failing = (Action(20, "set_failing", ("back", 0.8, "bad")), Action(50, "set_failing", ("back", 0.0, "")))
    return Case(
        "breaker",
        "a breaker before a callee that fails 80 % for 30 s",
        network(800, parts),
        80.0,
        10.0,
        failing,
    )


def _hops() -> Case:
    budget = {"ratio": 0.2, "per_s": 10, "burst": 100}
    step = {
        "call": "back.go",
        "timeout_ms": 250,
        "retries": 2,
        "backoff_ms": 50,
        "jitter": 0.5,
        "retry_budget": budget,
    }
    parts = {"app": service([work(5), step], 400, queue=200), "back": service([work(30)], 40, queue=400)}
    found = network(900, parts, {"timeout_s": 2.0})
    return Case("hop-retries", "per-hop time-out, two retries with a budget; the callee is slow for 15 s",
                found, 80.0, 10.0, slow("back", 0.4, 20, 35), metastable=True)  # fmt: skip


def _two_places() -> Case:
    parts = {
        "app": service([work(5), {"query": "db", "cpu_ms": 10}], 60, 4, placement={"a": 2, "b": 2}),
        "db": database(30, 30, datacenter="a"),
    }
    more = {
        "datacenters": {"a": {"weight": 0.6}, "b": {"weight": 0.4}},
        "links": [{"between": ["a", "b"], "latency_ms": 8, "loss": 0.01}],
    }
    lossy = (Action(40, "set_link", ("b", "a"), {"latency_s": 0.012, "loss": 0.05, "up": True}),)
    return Case("two-places", "two data centres, 1 % of messages lost, then 5 % one way",
                network(1200, parts, **more), 80.0, 15.0, lossy)  # fmt: skip


def _warm_up() -> Case:
    app = service([work(40)], 12, 4, 300, warmup={"s": 20, "factor": 4})
    grow = (Action(20, "set_pods", ("app", "v1", 8)), Action(40, "kill_pods", ("app", "v1", 3)))
    return Case("warm-up", "four pods more that start 4 times slower; then three die",
                network(850, {"app": app}, {"timeout_s": 2.0}), 80.0, 10.0, grow)  # fmt: skip


def _rollout() -> Case:
    app = service([work(30)], 12, 6, 100, versions={"v1": {}, "v2": {"work_factor": 1.7}})
    steps = tuple(
        Action(20.0 + 4 * n, "set_pods", ("app", version, count))
        for n in range(1, 7)
        for version, count in (("v2", n), ("v1", 6 - n))
    )
    return Case("rollout", "six pods change to a version 1.7 times slower", network(1600, {"app": app}, {"timeout_s": 1.0}),
                70.0, 10.0, steps, quick=True)  # fmt: skip


THIRD = (  # the demo at a third of its size, its neighbours' traffic all but gone: else a seed takes a minute
    "traffic.rps=400", "payment-service.pods=6", "checkout.pods=7", "antifraud.pods=4",
    "payments-db.pool.limit=17", "payments-db.pool.open=8", "payments-db.cores=5", "payment-retry-worker.rate=333",
    *(f"traffic.classes.{name}.share=0.05" for name in ("browse", "search", "basket")),
)  # fmt: skip


def _payment_pool() -> Case:
    return Case("payment-pool", "the demo at a third of its size: the release at 60 s, until 130 s",
                lambda: load(PAYMENT_POOL, THIRD), 130.0, 20.0, world=())  # fmt: skip


def _shop() -> Case:
    """The workload of `bench engine` at a tenth of its rate."""
    raw = engine_shop.raw(replace(engine_shop.HEALTHY, rps=10_000.0))
    return Case(
        "shop",
        "the 15 services of bench engine at 10,000 requests/s, 75 %",
        lambda: parse(raw, "shop"),
        24.0,
        4.0,
    )


def _cases() -> tuple[Case, ...]:
    nested = {
        "app": service([work(10), {"query": "db", "times": 2, "cpu_ms": 20}], 40, 2, 200),
        "db": database(24, 24),
    }
    sharing = {"app": service([work(10), {"query": "db", "cpu_ms": 40}], 100, 2, 200), "db": database(40, 16)}
    acquire = {
        "app": service([work(10), {"query": "db", "cpu_ms": 50}], 100, 2, 200),
        "db": database(24, 24, pool={"acquire_timeout_s": 0.3}),
    }
    chain = {
        "front": service([work(2), {"call": "app.go"}], 120, 2, 400),
        "app": service([work(10), {"call": "back.go"}], 50, 2, 200),
        "back": service([work(30, 2)], 15, 3, 200),
    }
    cached = {
        "app": service(
            [work(2), {"cache": "redis", "keys": "goods", "miss": [{"query": "db", "cpu_ms": 30}]}], 200
        ),
        "redis": {"kind": "cache", "ttl_s": 20, "op_ms": 0.5},
        "db": database(30, 30),
    }
    shards = {
        "app": service([work(2), {"query": "db", "cpu_ms": 25, "keys": "sellers"}], 400),
        "db": database(20, 20, shards=4),
    }
    limited = {"app": service([work(20)], 40, rate_limit={"rps": 600, "burst": 100})}
    two_pods = {"app": service([work(40)], 10, 6, 200)}
    return (
        _mmc("mmc-50-70", 50, 0.7, 50, until_s=300, quick=True),
        _mmc("mmc-50-90", 50, 0.9, 50, until_s=300),
        _mmc("mmc-200-95", 200, 0.95, 100, until_s=300),
        _mmc("mmc-20-80", 20, 0.8, 20, until_s=300),
        _loss(),
        _mmc("erlang-50-90", 50, 0.9, 50, shape=4),
        Case("choice", "six pods of 10 slots, the better of two random ones, 85 %", network(1275, two_pods)),
        Case("chain", "three services, slots held over the calls", network(1150, chain)),
        Case("nested-pool", "service slots held over two queries from a pool of 24, 80 %", network(480, nested), quick=True),
        Case("shared-cpu", "40 connections share 16 cores, 85 %", network(340, sharing)),
        Case("acquire", "a pool over capacity, acquire time-out 0.3 s", network(550, acquire, {"timeout_s": 2.0}), 60.0),
        Case("time-outs", "20 % too many, clients leave after 1 s, servers work on",
             network(1200, {"app": service([work(40)], 40, queue=1500)}, {"timeout_s": 1.0}), 60.0, quick=True),
        _storm("storm-below", 200, "retry storm that must end", quick=True),
        _storm("storm-near", 245, "retry storm near the threshold", near=True),
        _storm("storm-above", 600, "retry storm that must stay", quick=True),
        _breaker(),
        _hops(),
        _fan(2),
        _fan(5),
        Case("rate-limit", "800 a second against 600 with a burst of 100", network(800, limited), 60.0),
        _overload("lifo", "lifo", "20 % too many, last come first served"),
        _overload("codel", "codel", "20 % too many, CoDel"),
        Case("deadline", "20 % too many, clients leave after 1 s, servers drop what nobody waits for",
             network(1200, {"app": service([work(40)], 40, queue=1500)}, {"timeout_s": 1.0, "deadline": True}), 60.0),
        Case("cache", "20,000 keys, Zipf 0.9, TTL 20 s; misses query a pool of 30", network(1200, cached,
             keys={"goods": {"count": 20_000, "zipf": 0.9}}), 90.0, 40.0),
        Case("cache-flush", "the same, flushed at 50 s", network(1200, cached, {"timeout_s": 2.0},
             keys={"goods": {"count": 20_000, "zipf": 0.9}}), 90.0, 40.0, (Action(50, "flush_cache", ("redis",)),)),
        Case("shards", "four shards, a hot key with 12 %", network(1900, shards, {"timeout_s": 2.0},
             keys={"sellers": {"count": 5000, "zipf": 0.6, "hot": [0.12]}}), 60.0),
        _two_places(),
        Case("pod-loss", "two of six pods die", network(1100, two_pods, {"timeout_s": 2.0, "retries": 1}), 70.0, 10.0,
             (Action(30, "kill_pods", ("app", "v1", 2)),), quick=True),
        Case("pause", "everything stands still for 2 s (a long collection)",
             network(800, {"app": service([work(40)], 40, queue=4000)}, {"timeout_s": 3.0}), 60.0, 10.0,
             slow("app", 0.0, 20, 22)),
        _warm_up(),
        _rollout(),
        _payment_pool(),
        _shop(),
        _mmc("mm1", 1, 0.75, 2, until_s=600, small=True),
        _mmc("mm2", 2, 0.75, 4, until_s=600, small=True),
        _mmc("mm4", 4, 0.75, 8, until_s=600, small=True),
        _mmc("mm8", 8, 0.75, 10, until_s=600, small=True),
        _mek1("me4-1", 4, 0.75, 2),
    )  # fmt: skip


CASES = _cases()
