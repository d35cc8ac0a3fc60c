"""The four workloads of `dropprod bench peers`: their numbers, their closed forms, and what a run hands back.

Everything an engine needs to know about a workload stands here once, so that every engine simulates the same
system. Times are seconds unless a name says otherwise. No simulation library is imported here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.closed_forms import erlang_c

MMC, CHAIN, SHOP, STORM = "mmc", "chain", "shop", "storm"
WHAT = {
    MMC: "one station of 8 servers at 80 %, 1,200 requests/s",
    CHAIN: "balancer, API with 100 slots, pool of 50, database; 1,200 requests/s, acquire and client time-outs",
    SHOP: "15 services, 100,000 requests/s, slots held across nested calls",
    STORM: "400 requests/s, time-out 1 s, 3 retries; a spike of 5 s leaves a retry storm behind",
}
WARM_S = {MMC: 1.0, CHAIN: 1.0, SHOP: 0.1, STORM: 0.0}  # several times the longest usual latency

MMC_RPS, MMC_SERVERS = 1200.0, 8
MMC_SERVICE_S = 0.8 * MMC_SERVERS / MMC_RPS

CHAIN_RPS = 1200.0
CHAIN_EDGE_S, CHAIN_API_S = 0.0002, 0.010
CHAIN_SLOTS, CHAIN_POOL = 100, 50
CHAIN_QUERY_S = 0.8 * CHAIN_POOL / CHAIN_RPS
CHAIN_ACQUIRE_S, CHAIN_CLIENT_S = 0.3, 1.0

STORM_RPS, STORM_POOL, STORM_QUERY_S = 400.0, 20, 0.040  # 80 % of what the pool can do
STORM_CLIENT_S, STORM_RETRIES, STORM_BACKOFF_S = 1.0, 3, 0.1
STORM_SPIKE, STORM_SPIKE_S = 2.5, (10.0, 15.0)
STORM_TAIL_S = 20.0  # the last seconds of a run: what the spike left behind

SHOP_RPS, SHOP_LOAD, SHOP_CLIENT_S = 100_000.0, 0.75, 1.0
STORES = ("redis", "postgres")


@dataclass(frozen=True)
class Call:
    """A visit to a station: own work, then its calls one after another; the slot is held over all of them."""

    station: str
    work_s: float
    calls: tuple["Call", ...] = ()


def _call(station: str, work_ms: float, *calls: Call) -> Call:
    return Call(station, work_ms / 1000, calls)


SHOP_ROUTES: dict[str, tuple[float, Call]] = {
    "browse": (
        0.35,
        _call(
            "gateway", 0.3, _call("auth", 1), _call("catalog", 3, _call("redis", 0.5), _call("postgres", 2))
        ),
    ),
    "search": (
        0.20,
        _call("gateway", 0.3, _call("auth", 1), _call("search", 8, _call("catalog", 3, _call("redis", 0.5)))),
    ),
    "suggest": (
        0.20,
        _call(
            "gateway",
            0.3,
            _call("catalog", 3, _call("redis", 0.5), _call("pricing", 2), _call("recommend", 5)),
        ),
    ),
    "basket": (
        0.12,
        _call("gateway", 0.3, _call("auth", 1), _call("basket", 3, _call("redis", 0.5), _call("pricing", 2))),
    ),
    "order": (
        0.08,
        _call(
            "gateway",
            0.3,
            _call("auth", 1),
            _call(
                "order",
                5,
                _call("inventory", 3, _call("postgres", 4)),
                _call("payment", 10, _call("postgres", 4)),
                _call("notify", 2),
            ),
        ),
    ),
    "account": (
        0.05,
        _call(
            "gateway",
            0.3,
            _call("auth", 1),
            _call("profile", 3, _call("postgres", 4)),
            _call("shipping", 4, _call("postgres", 3)),
        ),
    ),
}


def shop_slots() -> dict[str, int]:
    """Slots of each of the 15 stations, so that each is `SHOP_LOAD` busy when nobody waits."""
    load: dict[str, float] = {}

    def visit(call: Call, per_s: float) -> float:
        held = call.work_s + sum(visit(inner, per_s) for inner in call.calls)
        load[call.station] = load.get(call.station, 0.0) + per_s * held
        return held

    for share, root in SHOP_ROUTES.values():
        visit(root, share * SHOP_RPS)
    return {station: math.ceil(busy / SHOP_LOAD) for station, busy in load.items()}


def work_s(call: Call) -> float:
    """Mean time of a visit when nobody waits."""
    return call.work_s + sum(work_s(inner) for inner in call.calls)


def storm_rate(now_s: float) -> float:
    first, last = STORM_SPIKE_S
    return STORM_RPS * (STORM_SPIKE if first <= now_s < last else 1.0)


@dataclass(frozen=True)
class Outcome:
    """One run. Shares are 0-1; None: this run does not have it. `cpu_views_s` is what percentiles cost on top."""

    simulated_s: float
    cpu_s: float
    requests: float
    utilisation: float | None = None
    mean_ms: float | None = None
    p99_ms: float | None = None
    failed: float | None = None
    good_before: float | None = None  # storm: good answers a fresh request, before the spike
    good_after: float | None = None  # the same over the last seconds
    attempts_after: float | None = None  # attempts a fresh request, over the last seconds
    cpu_views_s: float = 0.0


MEASURES = ("utilisation", "mean_ms", "p99_ms", "failed", "good_before", "good_after", "attempts_after")


def steady(
    simulated_s: float, cpu_s: float, latencies: Sequence[float], busy: float | None, failed: int = 0
) -> Outcome:
    """The outcome of a per-request run from its list of latencies in seconds."""
    served = len(latencies)
    ordered = sorted(latencies)
    return Outcome(
        simulated_s,
        cpu_s,
        served + failed,
        busy,
        1000 * math.fsum(ordered) / served if served else None,
        1000 * ordered[min(served - 1, int(0.99 * served))] if served else None,
        failed / (served + failed) if served + failed else None,
    )


def storm_outcome(
    simulated_s: float, cpu_s: float, good_at: Sequence[float], tried_at: Sequence[float]
) -> Outcome:
    """The outcome of a storm from the times of good answers and of attempts."""
    calm, tail = STORM_SPIKE_S[0], simulated_s - STORM_TAIL_S
    before = sum(1.0 for at in good_at if at < calm) / (calm * STORM_RPS)
    after = sum(1.0 for at in good_at if at >= tail) / (STORM_TAIL_S * STORM_RPS)
    attempts = sum(1.0 for at in tried_at if at >= tail) / (STORM_TAIL_S * STORM_RPS)
    return Outcome(
        simulated_s,
        cpu_s,
        len(tried_at),
        good_before=before,
        good_after=after,
        attempts_after=attempts,
    )


def closed_form(workload: str) -> dict[str, float]:
    """Utilisation, mean and p99 where theory has them; empty otherwise.

    The chain is exact as well: with slots to spare its first two stages are M/G/inf, whose departures are a
    Poisson stream independent of the times spent there, so the stages' times are independent.
    """
    if workload == MMC:
        return _stations(MMC_RPS, MMC_SERVERS, MMC_SERVICE_S, ())
    if workload == CHAIN:
        return _stations(CHAIN_RPS, CHAIN_POOL, CHAIN_QUERY_S, (CHAIN_EDGE_S, CHAIN_API_S))
    return {}


def _stations(rps: float, servers: int, service_s: float, before_s: Sequence[float]) -> dict[str, float]:
    """Exponential delays `before_s` without a queue, then M/M/c."""
    waits = erlang_c(servers, rps * service_s)
    drain = servers / service_s - rps  # whoever waits, waits exponentially with this rate
    rates = [1.0 / service_s, *(1.0 / s for s in before_s)]
    mixture = [(1.0 - waits, rates), (waits, [*rates, drain])]
    mean = service_s + sum(before_s) + waits / drain
    return {
        "utilisation": rps * service_s / servers,
        "mean_ms": 1000 * mean,
        "p99_ms": 1000 * _quantile(mixture, 0.99, 100 * mean),
    }


def _quantile(mixture: Sequence[tuple[float, Sequence[float]]], q: float, high: float) -> float:
    """The q-quantile of a mixture of sums of exponentials with distinct rates, by bisection."""
    low = 0.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        if sum(share * _survival(rates, middle) for share, rates in mixture) > 1.0 - q:
            low = middle
        else:
            high = middle
    return low


def _survival(rates: Sequence[float], t: float) -> float:
    total = 0.0
    for i, rate in enumerate(rates):
        factor = math.prod(other / (other - rate) for j, other in enumerate(rates) if j != i)
        total += factor * math.exp(-rate * t)
    return total


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Median and range of some repetitions."""
    ordered = sorted(values)
    n = len(ordered)
    middle = ordered[n // 2] if n % 2 else 0.5 * (ordered[n // 2 - 1] + ordered[n // 2])
    return {"median": middle, "low": ordered[0], "high": ordered[-1]}
