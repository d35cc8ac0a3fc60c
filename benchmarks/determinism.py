"""Random command logs on short payment-pool worlds: live, replayed, and replayed from a fork, bit for bit.

    python -m benchmarks.determinism [--logs 3000] [--processes 2] [--first 0]

A log is typed live, in a turn-based world with pauses of random length. Its lines are then played at the
seconds they were typed at, in a fresh world; and once more with a fork taken in the middle, which plays on.
Prints a JSON summary; exits with 1 after a divergence.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context

from simulator.commands import execute
from simulator.responder import prepare
from simulator.run import make_world, play
from simulator.scenario import Scenario, TimelineEntry, load
from simulator.world import World

FOLLOW_S = 10.0
LEAST, MOST = 3, 8  # lines of a log
PAUSE_S = 12.0  # at most, between two lines
REST_S = 5.0  # after the last one
PAST = 1e9
Log = list[tuple[float, str]]

LINES = (
    "kubectl get pods -n prod",
    "kubectl logs deploy/payment-service -n prod --tail=5",
    "kubectl describe deployment payment-service -n prod",
    "kubectl delete pods -l app=antifraud -n prod",
    "kubectl delete pod -n prod $(kubectl get pods -n prod -o name | head -1)",
    "kubectl rollout restart deployment/checkout -n prod",
    "kubectl rollout undo deployment/payment-service -n prod",
    "kubectl rollout status deployment/payment-service -n prod",
    "kubectl scale deployment/payment-service --replicas={pods} -n prod",
    "kubectl scale deployment/checkout --replicas={pods} -n prod",
    "psql -c 'SHOW POOLS' pgbouncer",
    "psql -d payments -c 'SELECT state, count(*) FROM pg_stat_activity GROUP BY 1'",
    "psql -d payments -c 'SELECT pg_sleep(2)'",
    "psql -d payments -c 'DROP TABLE payment_items'",
    "promql 'sum(rate(http_requests_total[1m])) by (service, code)'",
    "promql --range 1m --step 15s pgbouncer_pools_client_waiting_connections",
    "wait {pause}",
    "sleep {pause}",
    "trace list --errors",
    "deploy payment-service v2.8.1",
    "deploy payment-service v2.7.9",
    "helm rollback payment-service 1 -n prod",
    "откати payment-service",
    "да",
    "ack",
    "hint",
    "chaos slow payment-service {factor}",
    "chaos slow antifraud {factor} --for {pause}",
    "chaos pause antifraud --for {pause}",
    "chaos kill payment-service {pods}",
    "chaos fail payment-service 0.{digit}",
    "chaos cores payments-db {factor}",
    "chaos rate pay {rate}",
    "chaos rate browse {rate} --for {pause}",
)
HOSTILE = (
    "",
    "kubectl",
    "kubectl get pods -o jsonpath='{'",
    "kubectl scale deployment/payment-service --replicas=-1",
    "psql -c 'selct'",
    "promql 'sum('",
    "| | |",
    "echo $RANDOM $(date) > note.txt; cat note.txt",
    "chaos rate pay 1e308",
    "chaos slow",
    "\x00\x1b[31m ' \" `",
)


@dataclass(frozen=True)
class Divergence:
    """Two worlds that should be one: which way, and the first second that differs."""

    seed: int
    way: str
    first_s: float
    where: str
    log: Log


@cache
def scenario() -> Scenario:
    """payment-pool that releases at second 2."""
    release = TimelineEntry(at_s=2, command="deploy payment-service v2.8.1")
    return load("payment-pool").model_copy(update={"timeline": [release]})


def fresh(seed: int) -> World:
    world = make_world(scenario(), seed)
    world.follow_limit_s = FOLLOW_S
    return world


def line_of(rng: random.Random) -> str:
    if rng.random() < 0.15:
        return rng.choice(HOSTILE)
    return rng.choice(LINES).format(
        pods=rng.choice((0, 1, 5, 18, 30)),
        pause=rng.choice((0.5, 3, 7)),
        factor=rng.choice((0.5, 2, 10)),
        digit=rng.randrange(10),
        rate=rng.choice((0, 100, 1200, 5000)),
    )


def live(seed: int) -> tuple[World, Log]:
    """A world somebody types in, and what was typed when."""
    rng = random.Random(seed)
    world = fresh(seed)
    world.turn_based = True
    log: Log = []
    for _ in range(rng.randint(LEAST, MOST)):
        for _ in range(rng.randint(1, 3)):  # in pieces: how time passes is nobody's business
            world.advance(rng.uniform(0.0, PAUSE_S / 2))
        line = line_of(rng)
        log.append((world.now_s, line))
        prepare(world, line)
        execute(world, line)
    world.advance_to(float(int(world.now_s + REST_S)))
    return world, log


def replayed(seed: int, log: Log, until_s: float) -> World:
    world = fresh(seed)
    play(world, log, until_s)
    return world


def forked(seed: int, log: Log, until_s: float) -> World:
    """A replay from a copy of a world that was on its way; the original has gone another one."""
    middle = random.Random(-seed - 1).uniform(0.0, log[-1][0])
    world = fresh(seed)
    play(world, [entry for entry in log if entry[0] < middle], middle)
    copy = world.fork()
    world.plane.set_rate("pay", 1.0)
    world.advance(3)
    play(copy, [entry for entry in log if entry[0] >= middle], until_s)
    return copy


def difference(one: World, other: World) -> tuple[float, str] | None:
    """The first second at which two worlds differ and in what; None when they are the same."""
    if one.digest() == other.digest():
        return None
    found: list[tuple[float, str]] = []
    mine, theirs = one.plane.history, other.plane.history
    for key in sorted({*mine.keys(), *theirs.keys()}):
        a, b = mine.column(key), theirs.column(key)
        if a.tobytes() != b.tobytes():
            seconds = (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
            found.append((float(next(seconds, min(len(a), len(b)))), key))
    events, others = ([(e.t_s, e.kind) for e in w.events] for w in (one, other))
    if events != others:
        changed = [min(x, y) for x, y in zip(events, others, strict=False) if x != y]
        at_s, kind = changed[0] if changed else max(events, others, key=len)[min(len(events), len(others))]
        found.append((at_s, f"event {kind}"))
    return min(found, default=(one.now_s, "state at the end"))


def check(seed: int) -> list[Divergence]:
    """A random log three ways."""
    world, log = live(seed)
    found = []
    for way, other in (("replay", replayed), ("fork", forked)):
        differs = difference(world, other(seed, log, world.now_s))
        if differs is not None:
            found.append(Divergence(seed, way, *differs, log))
    return found


def summary(first: int, logs: int, processes: int) -> dict[str, object]:
    began = time.perf_counter()
    seeds = range(first, first + logs)
    if processes > 1:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            each: Sequence[list[Divergence]] = list(pool.map(check, seeds, chunksize=20))
    else:
        each = [check(seed) for seed in seeds]
    found = [divergence for many in each for divergence in many]
    earliest = min((d.first_s for d in found), default=PAST)
    return {
        "logs": logs,
        "first_seed": first,
        "divergences": len(found),
        "first_differing_second": None if earliest == PAST else earliest,
        "examples": [asdict(d) for d in found[:5]],
        "wall_s": round(time.perf_counter() - began, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--logs", type=int, default=3000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--first", type=int, default=0, help="seed of the first log")
    given = parser.parse_args()
    found = summary(given.first, given.logs, given.processes)
    print(json.dumps(found, ensure_ascii=False, indent=2))
    return 1 if found["divergences"] else 0


if __name__ == "__main__":
    sys.exit(main())
