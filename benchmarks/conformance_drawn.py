"""Networks drawn at random for `python -m benchmarks.conformance --drawn N`: nobody chose them, so nothing is bent to them.

A tree of services over databases and a cache, loads, limits, time-outs and retries, and mostly something that happens to
one of them. All stations have more than `SMALL` slots, so that the cohort engine counts itself valid.
"""

import math
from random import Random
from typing import Any

from benchmarks.conformance_cases import LARGE, Action, Case, Raw, database, network, service, slow, work
from simulator.engine.choice import SMALL
from simulator.engine.exact import events_per_request
from simulator.engine.network import build

PREFIX = "drawn-"
UNTIL_S, WARM_S = 70.0, 10.0
EVENTS = 300_000  # of one run of the exact engine, at most about
RATES = (150.0, 2500.0)  # requests a second, drawn evenly by their logarithm
HEADROOM = 1.08  # the exact waits make holds longer than an empty system's


class _Draw:
    """One network while it is drawn: parts, and how long each service holds its slot in an empty system."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.parts: Raw = {}
        self.steps: dict[str, list[Any]] = {}  # of each service
        self.said: list[str] = []
        self.holds: dict[str, float] = {}  # seconds of a slot of a service, or of a connection
        self.asked: dict[str, float] = {}  # per request of a client
        self.keys: Raw = {}

    def between(self, low: float, high: float) -> float:
        """Evenly by the logarithm."""
        return math.exp(self.rng.uniform(math.log(low), math.log(high)))

    def tree(self, name: str, depth: int, times: float) -> float:
        """A service and all below it; returns the seconds that a call of it takes when nothing waits."""
        rng = self.rng
        own, shape = round(self.between(2, 45), 1), rng.choice((1, 1, 2, 4))
        steps: list[Any] = [work(own, shape)]
        took = own / 1000
        self.parts[name] = {}  # before those it calls: the first one is the entry
        if depth > 1 and rng.random() < 0.25:
            ways = rng.randint(2, 3)
            lengths = [self.tree(f"{name}{n}", depth - 1, times) for n in range(ways)]
            steps.append({"parallel": [[{"call": f"{name}{n}.go"}] for n in range(ways)]})
            took += max(lengths) * (1 + 0.25 * ways)
            self.said.append(f"{ways} in parallel")
        elif depth > 1:
            took += self._call(f"{name}0", depth - 1, times, steps)
        if (depth == 1 and rng.random() < 0.65) or rng.random() < 0.2:
            took += self._query(name, times, steps)
        if len(steps) > 1 and rng.random() < 0.3:
            steps.append(steps.pop(0))
        self.steps[name] = steps
        self.holds[name], self.asked[name] = took, times
        return took

    def _call(self, callee: str, depth: int, times: float, steps: list[Any]) -> float:
        rng = self.rng
        took = self.tree(callee, depth, times)
        step: Raw = {"call": f"{callee}.go"}
        if rng.random() < 0.4:
            step["timeout_ms"] = round(1000 * took * self.between(4, 30))
            if rng.random() < 0.5:
                step |= {
                    "retries": rng.randint(1, 2),
                    "backoff_ms": round(self.between(20, 200)),
                    "jitter": 0.5,
                }
                if rng.random() < 0.5:
                    step["retry_budget"] = {"ratio": 0.2, "per_s": 10, "burst": 50}
            self.said.append("time-outs by hop")
        steps.append(step)
        return took

    def _query(self, name: str, times: float, steps: list[Any]) -> float:
        rng = self.rng
        cpu, often = round(self.between(2, 30), 1), rng.choice((1, 1, 2, 3))
        query: Raw = {"query": f"{name}-db", "cpu_ms": cpu, "times": often}
        share = 1.0
        if rng.random() < 0.25:
            share = 0.4
            self.keys["goods"] = {"count": 20_000, "zipf": 0.9}
            self.parts.setdefault("redis", {"kind": "cache", "ttl_s": 20, "op_ms": 0.5})
            steps.append({"cache": "redis", "keys": "goods", "miss": [query]})
            self.said.append("a cache")
        else:
            steps.append(query)
        self.parts[f"{name}-db"] = {"db": True}
        self.holds[f"{name}-db"], self.asked[f"{name}-db"] = cpu / 1000, times * share * often
        return cpu * often * share / 1000

    def size(self, rps: float) -> str:
        """Give every station its slots: one is busy, the others less so. Returns the busiest one's name."""
        rng = self.rng
        names = list(self.holds)
        busiest = rng.choice(names)
        for name in names:
            load = rng.uniform(0.72, 0.92) if name == busiest else rng.uniform(0.25, 0.65)
            slots = rps * self.asked[name] * self.holds[name] * HEADROOM / load
            if name.endswith("-db"):
                limit = max(SMALL + 2, round(slots))
                shared = rng.random() < 0.3
                pool = {"acquire_timeout_s": round(self.between(0.3, 3), 1)} if rng.random() < 0.3 else {}
                limits = (2 * limit, limit) if shared else (limit, limit)
                self.parts[name] = database(*limits, **({"pool": pool} if pool else {}))
                continue
            pods = min(rng.choice((1, 2, 3, 5, 8)), max(1, int(slots / (SMALL + 2))))
            limit = max(SMALL + 2, round(slots / pods))
            queue = LARGE if rng.random() < 0.4 else round(limit * self.between(1, 12))
            self.parts[name] = service(self.steps[name], limit, pods, queue)
        return busiest


def _happens(draw: _Draw, busiest: str, rps: float) -> tuple[str, tuple[Action, ...]]:
    """Something happens to the busiest service, or to all requests."""
    rng = draw.rng
    part = draw.parts[busiest]
    target = busiest if part["kind"] == "service" else busiest.removesuffix("-db")
    kind = rng.choice(("nothing", "nothing", "slow", "slow", "surge", "surge", "pause", "pods"))
    begin, length = 20.0, float(rng.randint(4, 16))
    if kind == "slow":
        speed = round(rng.uniform(0.2, 0.8), 2)
        return f"{target} at {speed:g} of its speed for {length:g} s", slow(
            target, speed, begin, begin + length
        )
    if kind == "surge":
        factor = round(rng.uniform(1.1, 1.7), 2)
        return f"{factor:g}x requests for {length:g} s", (
            Action(begin, "set_rate", ("all", rps * factor)),
            Action(begin + length, "set_rate", ("all", rps)),
        )
    if kind == "pause":
        seconds = round(rng.uniform(0.5, 3), 1)
        return f"{target} stands still for {seconds:g} s", slow(target, 0.0, begin, begin + seconds)
    pods = draw.parts[target]["pods"]
    if kind == "pods" and pods > 1:
        lost = rng.randint(1, max(1, pods // 3))
        return f"{lost} of {pods} pods of {target} die", (Action(begin, "kill_pods", (target, "v1", lost)),)
    return "nothing happens", ()


def drawn(number: int) -> Case:
    """The network of that number, always the same."""
    rng = Random(f"conformance {number}")
    draw = _Draw(rng)
    draw.tree("a", rng.randint(1, 4), 1.0)
    client: Raw = {"timeout_s": round(draw.between(0.6, 6), 1)}
    if rng.random() < 0.5:
        client |= {"retries": rng.randint(1, 3), "backoff_s": round(draw.between(0.1, 1), 2), "jitter": 0.5}
    more: Raw = {"keys": draw.keys} if draw.keys else {}
    wanted = draw.between(*RATES)
    draw.size(wanted)  # only to count the events of a request
    walk = build(network(wanted, draw.parts, client, **more)())
    rps = round(min(wanted, EVENTS / UNTIL_S / events_per_request(walk)[0]))
    busiest = draw.size(rps)
    what, actions = _happens(draw, busiest, rps)
    about = f"{sum(p['kind'] == 'service' for p in draw.parts.values())} services, {rps:,} requests/s, {', '.join(dict.fromkeys(draw.said)) or 'plain'}; {what}"
    return Case(
        f"{PREFIX}{number}",
        about,
        network(rps, draw.parts, client, **more),
        UNTIL_S,
        WARM_S,
        actions,
        held=True,
    )
