"""Random networks after a burst of traffic: does the cohort engine give the exact engine's verdict?

    python -m benchmarks.bursts [--networks 40] [--first 0] [--seeds 3] [--fine] [--json]

A network has 6-13 services on three levels, 3-6 traffic classes with routes of their own, stations 60-85 % busy
and queues from half the slots to endless ones; nobody looked at any of them while the engine was built. It runs for
10 s, then 1.5-3 times the traffic comes for 0.5-3 s; the verdict is what share of the base traffic is answered 27 to
30 s later, healthy from 95 % on. The reference is the exact engine with every class followed: one seed, and where that
says otherwise `--seeds` of them, since close to a threshold they differ among themselves; a verdict that one of them
gives, too, counts as the same. `--fine` also runs the cohort engine with ticks of 5 ms. The exit code is 1 when a
verdict differs.
"""

import argparse
import json as jsonlib
import math
import random
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.conformance_cases import service, work
from simulator.engine import exact, layout, network
from simulator.engine.cohort import CohortPlane
from simulator.engine.ticks import STRIDE, Pace, pace
from simulator.scenario import Scenario, parse

BEFORE_S, AFTER_S, LOOK_S = 10.0, 30.0, 3
HEALTHY = 0.95
FINE = Pace(0.005, STRIDE * 10)


@dataclass(frozen=True)
class Burst:
    """A network, and what comes over it."""

    scenario: Scenario
    times: float
    lasts_s: float


@dataclass(frozen=True)
class Verdict:
    """Answers by engine as shares of the base traffic; `cpu_s` of the cohort engine and of a seed of the exact one."""

    seed: int
    tick_s: float
    cohort: float
    exact: list[float]  # by seed
    fine: float | None
    cpu_s: tuple[float, float]

    @property
    def same(self) -> bool:
        return any((self.cohort > HEALTHY) == (share > HEALTHY) for share in self.exact)


class Draw:
    """One random network."""

    def __init__(self, seed: int) -> None:
        self.luck = random.Random(seed)
        self.rps = float(self.luck.choice((3000, 6000, 10_000)))
        self.size = self.luck.choice((6, 9, 13))
        self.own_ms = [self.luck.choice((0.5, 1, 2, 3, 5, 8)) for _ in range(self.size)]
        self.held = [0.0] * self.size  # slots in use when nobody waits
        self.endpoints: list[dict[str, Any]] = [{} for _ in range(self.size)]

    def level(self, i: int) -> int:
        return 0 if i == 0 else 1 + 3 * i // self.size

    def visit(self, i: int, cls: str, rate: float) -> float:
        """A class's way through service `i` and below; returns for how many ms it holds a slot."""
        below = [
            j for j in range(self.size) if self.level(j) > self.level(i) and cls not in self.endpoints[j]
        ]
        wanted = self.luck.choice((1, 2, 3) if i == 0 else (0, 1, 1, 2, 3))
        steps, hold = [work(self.own_ms[i])], self.own_ms[i]
        self.endpoints[i][cls] = steps
        for j in self.luck.sample(below, min(len(below), wanted)):
            if cls not in self.endpoints[j]:
                hold += self.visit(j, cls, rate)
                steps.append({"call": f"s{j}.{cls}"})
        self.held[i] += rate * hold / 1000
        return hold

    def burst(self) -> Burst:
        luck = self.luck
        load, queue = luck.uniform(0.6, 0.85), luck.choice((0.5, 1, 3, 20, 1000, 1000))
        weights = [luck.random() + 0.1 for _ in range(luck.choice((3, 4, 6)))]
        shares = {f"c{n}": w / sum(weights) for n, w in enumerate(weights)}
        for cls, share in shares.items():
            self.visit(0, cls, share * self.rps)
        parts: dict[str, Any] = {}
        for i, found in enumerate(self.endpoints):
            slots = max(10, math.ceil(self.held[i] / load))
            if found:
                parts[f"s{i}"] = service([], slots, queue=int(queue * slots)) | {"endpoints": found}
        client = {"timeout_s": luck.choice((0.5, 1.0, 2.0)), "retries": luck.choice((0, 1)), "backoff_s": 0.1}
        classes = {cls: {"path": f"s0.{cls}", "share": share} for cls, share in shares.items()}
        raw = {
            "id": "burst",
            "duration_s": 3600,
            "traffic": {"rps": self.rps, "entry": "edge", "classes": classes},
            "components": {"edge": {"kind": "balancer", **client}, **parts},
        }
        return Burst(parse(raw, "bursts"), luck.choice((1.5, 2.0, 3.0)), luck.choice((0.5, 1.0, 3.0)))


def answered(plane: Any, burst: Burst) -> float:
    """Good answers at the end, as a share of the base traffic."""
    traffic = burst.scenario.traffic
    until = BEFORE_S
    plane.advance(until)
    for factor, span in ((burst.times, burst.lasts_s), (1.0, AFTER_S)):
        until = math.ceil(until + span) if factor == 1.0 else until + span
        for name, spec in traffic.classes.items():
            plane.set_rate(name, spec.share * traffic.rps * factor)
        plane.advance(until)
    ok = sum(math.fsum(plane.history.column(f"class/{n}/ok")[-LOOK_S:]) for n in traffic.classes)
    return ok / LOOK_S / traffic.rps


def cohort(burst: Burst, fixed: Pace | None = None) -> tuple[float, float]:
    """(answered, tick) of the cohort engine, with its own tick or a given one."""
    layout.pace = pace if fixed is None else lambda *_: fixed
    try:
        plane = CohortPlane(burst.scenario, network.build(burst.scenario), 1)
    finally:
        layout.pace = pace
    return answered(plane, burst), plane.kernel.dt


def truth(burst: Burst, seed: int) -> float:
    """Answered in the exact engine, with every class followed."""
    most, exact.MOST_EVENTS_PER_S = exact.MOST_EVENTS_PER_S, math.inf
    try:
        plane = exact.ExactPlane(burst.scenario, network.build(burst.scenario), seed)
    finally:
        exact.MOST_EVENTS_PER_S = most
    return answered(plane, burst)


def verdict(number: int, seeds: int, fine: bool) -> Verdict:
    """Both engines on one network."""
    burst = Draw(number).burst()
    began = time.process_time()
    share, tick_s = cohort(burst)
    between = time.process_time()
    shares = [truth(burst, 1)]
    spent = (between - began, time.process_time() - between)
    for seed in range(2, seeds + 1):
        if any((share > HEALTHY) == (found > HEALTHY) for found in shares):
            break
        shares.append(truth(burst, seed))
    return Verdict(number, tick_s, share, shares, cohort(burst, FINE)[0] if fine else None, spent)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fine", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = []
    for seed in range(args.first, args.first + args.networks):
        found.append(verdict(seed, args.seeds, args.fine))
        v = found[-1]
        if not args.json:
            fine = "" if v.fine is None else f"  at 5 ms {v.fine:5.2f}"
            mark = "" if v.same else "  DIFFERS"
            truths = " ".join(f"{share:5.2f}" for share in v.exact)
            head = f"{v.seed:4d}  tick {v.tick_s * 1000:4.0f} ms  cohort {v.cohort:5.2f}  exact {truths}"
            print(f"{head}{fine}  {v.cpu_s[0]:.1f} s against {v.cpu_s[1]:.1f} s{mark}", flush=True)
    differ = [v.seed for v in found if not v.same]
    healthy = sum(v.exact[0] > HEALTHY for v in found)
    if args.json:
        print(jsonlib.dumps({"differ": differ, "healthy": healthy, "networks": [asdict(v) for v in found]}))
    else:
        print(
            f"{len(found)} networks, {healthy} healthy again in the exact engine; verdicts that differ: {differ}"
        )
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
