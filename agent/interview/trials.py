"""What a design does when it is run: where it breaks, what a hot key, a lost data centre, a slow store and late replicas do.

The figures come out of the simulator's data plane; a trial is some seconds of simulated time of the design as a network.
Only what late replicas miss is the design's own load times the delay: the plane keeps one copy of a store. The work is
bounded: one data plane a trial, twenty simulated seconds each.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from agent.interview.as_network import network, route_shares
from agent.interview.design import Design

SETTLE_S, WATCH_S = 8.0, 12.0
HEALTHY = 0.99
MOST_FACTOR = 4.0
HOT_SHARE = 0.1
SLOW = 8.0  # times less CPU for the slow store, for SLOW_S seconds
SLOW_S = 10.0
# How long a standby may put off the WAL while a query on it runs: PostgreSQL's default of max_standby_streaming_delay.
LATE_S = 30.0
NOTHING_LEFT = 0.001  # cores of a store that is gone: whoever asks it waits in vain
TrialKind = Literal["load", "hot-key", "lose-dc", "lose-half", "slow-store", "late-replica"]


@dataclass(frozen=True)
class Station:
    """The most loaded part of a run, 0-1, and what it is short of."""

    name: str
    used: float
    what: Literal["slots", "cpu", "connections"]


@dataclass(frozen=True)
class Behind:
    """The worker that falls behind most: so many events a second more than it can do."""

    name: str
    per_s: float


@dataclass(frozen=True)
class Reading:
    """A design under a load: share of good answers, p99 in ms, its most loaded stations first."""

    rps: float
    success: float
    p99_ms: float
    stations: tuple[Station, ...]
    behind: Behind | None = None

    @property
    def healthy(self) -> bool:
        return self.success >= HEALTHY and self.behind is None


@dataclass(frozen=True)
class Trial:
    """`before` at the load asked for, `after` under the trouble.

    `limit_rps` (load): the most it carries; `broke`: it gave in within MOST_FACTOR times the load, and then `after` says how.
    `unseen` and `reads_per_s` (late replicas): writes a replica lacks after LATE_S, and reads that get as far as the store.
    `lost` (lose-dc): which data centre; `gone`: the stores that stood in it.
    """

    kind: TrialKind
    before: Reading
    after: Reading
    limit_rps: float = 0.0
    broke: bool = True
    recovered: bool | None = None
    unseen: float = 0.0
    reads_per_s: float = 0.0
    gone: tuple[str, ...] = ()
    lost: int = 0


class _Bench:
    """One data plane of a design."""

    def __init__(self, design: Design, rps: float, seed: int, hot: float = 0.0) -> None:
        from simulator.engine import network as engine_network
        from simulator.engine.cohort import CohortPlane
        from simulator.scenario import parse

        self.design, self.rps = design, rps
        scenario = parse(network(design, rps, 120.0, hot), "design")
        self.plane = CohortPlane(scenario, engine_network.build(scenario), seed)
        for route, share in route_shares(design).items():
            with contextlib.suppress(KeyError):  # drawn, and nothing of the network leads there
                self.plane.set_route(route, share)

    def run(self, to_s: float) -> None:
        self.plane.advance(to_s)

    def reading(self, from_s: float, to_s: float) -> Reading:
        good, total = self._ends("all", from_s, to_s)
        latency = [v for v in self.plane.p99_series_ms("all")[int(from_s) : int(to_s)] if v > 0]
        p99 = sorted(latency)[len(latency) // 2] if latency else 0.0
        success = good / total if total else 0.0
        return Reading(self.rps, success, p99, self._stations(from_s, to_s), self._behind(from_s, to_s))

    def _ends(self, name: str, from_s: float, to_s: float) -> tuple[float, float]:
        """Requests of a class that came to a good end, and all that came to an end."""
        ends = [
            sum(self.plane.history.column(f"class/{name}/{kind}")[int(from_s) : int(to_s)])
            for kind in ("ok", "declined", "rejected", "timeout", "error")
        ]
        return ends[0] + ends[1], sum(ends)

    def _behind(self, from_s: float, to_s: float) -> Behind | None:
        """The worker whose queue grows: what it cannot do in time stays in the queue."""
        handed, found = self.design.handed(), []
        for traffic in self.plane.network.classes:
            worker = traffic.name.removeprefix("async-")
            if worker == traffic.name:
                continue
            offered = self.rps * handed[worker]
            good, _ = self._ends(traffic.name, from_s, to_s)
            left = offered - good / (to_s - from_s)
            if left > (1 - HEALTHY) * offered:
                found.append(Behind(worker, left))
        return max(found, key=lambda b: b.per_s, default=None)

    def _stations(self, from_s: float, to_s: float) -> tuple[Station, ...]:
        history, found = self.plane.history, []

        def mean(key: str) -> float:
            values = history.column(key)[int(from_s) : int(to_s)]
            return sum(values) / len(values) if values else 0.0

        for group in self.plane.network.groups:
            base = f"service/{group.label}/"
            room = max(1.0, mean(base + "pods") * group.limit_per_pod)
            found.append(Station(group.service, mean(base + "in_flight") / room, "slots"))
        for database in self.plane.network.databases:
            found.append(Station(database.name, mean(f"db/{database.name}/cpu"), "cpu"))
        for pool in self.plane.network.pools:
            found.append(Station(pool.name, mean(f"pool/{pool.name}/active") / pool.limit, "connections"))
        return tuple(sorted(found, key=lambda s: (-s.used, s.name))[:3])


def _steady(design: Design, rps: float, seed: int, hot: float = 0.0) -> Reading:
    bench = _Bench(design, rps, seed, hot)
    bench.run(SETTLE_S + WATCH_S)
    return bench.reading(SETTLE_S, SETTLE_S + WATCH_S)


def load(design: Design, seed: int = 1) -> Trial:
    """How much the design carries: the highest load with 99 % good answers and workers that keep up, to within 5 %."""
    before = _steady(design, design.rps, seed)
    low, high = (1.0, MOST_FACTOR) if before.healthy else (0.02, 1.0)
    after = before
    if before.healthy:
        after = _steady(design, design.rps * MOST_FACTOR, seed)
        if after.healthy:
            return Trial("load", before, before, design.rps * MOST_FACTOR, broke=False)
    while high / low > 1.05:
        middle = (low * high) ** 0.5
        found = _steady(design, design.rps * middle, seed)
        if found.healthy:
            low = middle
        else:
            high, after = middle, found
    return Trial("load", before, after, design.rps * low)


def hot_key(design: Design, seed: int = 1) -> Trial:
    """One key takes a tenth of everything."""
    return Trial("hot-key", _steady(design, design.rps, seed), _steady(design, design.rps, seed, HOT_SHARE))


def placed_in(design: Design) -> int:
    """The data centre whose loss takes most stores with it, by what the drawing says of them; the first where it says nothing."""
    homes = [p.place for p in design.parts.values() if p.kind == "store" and p.place]
    return max((1, 2), key=homes.count)


def lose_half(design: Design, seed: int = 1) -> Trial:
    """A data centre goes down at once, with the stores that stand there; with one data centre, half of the pods of every service."""
    bench = _Bench(design, design.rps, seed)
    bench.run(SETTLE_S + WATCH_S)
    before = bench.reading(SETTLE_S, SETTLE_S + WATCH_S)
    plane, at = bench.plane, SETTLE_S + WATCH_S
    two, lost = design.places == 2, placed_in(design)
    gone = tuple(p.name for p in design.parts.values() if two and p.kind == "store" and p.place == lost)
    for group in list(plane.network.groups):
        if not two:
            plane.kill_pods(group.service, group.version, group.pods // 2)
        elif group.place == f"dc-{lost}":
            plane.kill_pods(group.service, group.version, group.pods, group.place)
    for name in gone:
        plane.set_cores(name, NOTHING_LEFT)
    if two:
        plane.set_dns({f"dc-{3 - lost}": 1.0})
    bench.run(at + 30.0 + WATCH_S)  # time for the names to be resolved anew
    after = bench.reading(at + 30.0, at + 30.0 + WATCH_S)
    return Trial("lose-dc" if two else "lose-half", before, after, gone=gone, lost=lost if two else 0)


def slow_store(design: Design, seed: int = 1) -> Trial:
    """A store has an eighth of its CPU for ten seconds; does everything come back afterwards?"""
    bench = _Bench(design, design.rps, seed)
    bench.run(SETTLE_S + WATCH_S)
    at = SETTLE_S + WATCH_S
    before = bench.reading(SETTLE_S, at)
    names = [p.name for p in design.parts.values() if p.kind == "store"]
    for name in names:
        bench.plane.set_cores(name, max(0.5, design.parts[name].cores / SLOW))
    bench.run(at + SLOW_S)
    after = bench.reading(at + 2.0, at + SLOW_S)
    for name in names:
        bench.plane.set_cores(name, design.parts[name].cores)
    bench.run(at + SLOW_S + 20.0)
    back = bench.reading(at + SLOW_S + 10.0, at + SLOW_S + 20.0)
    return Trial("slow-store", before, after, recovered=back.success >= HEALTHY)


def late_replica(design: Design, seed: int = 1) -> Trial:
    """The replicas stand still for LATE_S: how much was written that they don't have, and how many may ask for it."""
    before = _steady(design, design.rps, seed)
    writes = design.rps * (1.0 - design.reads)
    hits = [p.hit for p in design.parts.values() if p.kind == "cache"]
    past = design.rps * design.reads * (1.0 - max(hits, default=0.0))
    return Trial("late-replica", before, before, unseen=writes * LATE_S, reads_per_s=past)


TRIALS: dict[str, Callable[[Design], Trial]] = {
    "load": load,
    "hot-key": hot_key,
    "lose-half": lose_half,
    "slow-store": slow_store,
    "late-replica": late_replica,
}


def possible(design: Design) -> list[str]:
    """The trials that say something about this design."""
    stores = [p for p in design.parts.values() if p.kind == "store"]
    found = ["load"]
    if any(p.count > 1 for p in stores):
        found.append("hot-key")
    found.append("lose-half")
    if stores:
        found.append("slow-store")
    if any(p.replicas > 1 for p in stores) and 0.0 < design.reads < 1.0:
        found.append("late-replica")
    return found


def shown(trial: Trial) -> dict[str, Any]:
    """A trial as plain data, rounded, for logs and `--json`."""

    def one(reading: Reading) -> dict[str, Any]:
        found: dict[str, Any] = {
            "rps": round(reading.rps),
            "success": round(reading.success, 4),
            "p99_ms": round(reading.p99_ms, 1),
            "stations": [
                {"name": s.name, "used": round(s.used, 3), "what": s.what} for s in reading.stations
            ],
        }
        if reading.behind is not None:
            found["behind"] = {"name": reading.behind.name, "per_s": round(reading.behind.per_s)}
        return found

    found: dict[str, Any] = {"kind": trial.kind, "before": one(trial.before), "after": one(trial.after)}
    if trial.limit_rps:
        found["limit_rps"] = round(trial.limit_rps)
        found["broke"] = trial.broke
    if trial.recovered is not None:
        found["recovered"] = trial.recovered
    if trial.gone:
        found["gone"] = list(trial.gone)
    if trial.kind == "late-replica":
        found["unseen"], found["reads_per_s"] = round(trial.unseen), round(trial.reads_per_s)
    return found
