"""Random command logs, run again in every way that must not matter, digests compared.

    python -m benchmarks.determinism [--logs 3000] [--processes 2] [--first 0] [--json] [--write]

A log is typed live in a turn-based world, with pauses of random length, in a process with the compiled kernel. Its
lines are then played at the seconds they were typed at: in another process with another hash seed, every second one
without the compiled kernel; and in the first one in turn from a fork taken in the middle whose original goes another way, from a
snapshot that was pickled, and with observers who look at everything between the lines. Processes are started anew,
with new hash seeds, every fifty logs. A divergence is told with its seed, its log and the first tick that differs;
the exit code is then 1. `--write` makes DETERMINISM.md.
"""

import argparse
import hashlib
import json as jsonlib
import os
import pickle
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.determinism_logs import Log, fresh, live, scene_of
from simulator import snapshots
from simulator.bridge import Trouble
from simulator.engine import kernel
from simulator.run import play
from simulator.telemetry.promql_tool import query
from simulator.world import World

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).with_name("DETERMINISM.md")
RENEW = 50  # logs of one pair of processes
HERE = ("fork", "snapshot", "observed")  # in turn, in the process that typed
Each = Callable[[World], None]


@dataclass(frozen=True)
class Divergence:
    """Two worlds that should be one: which way, and the first moment that differs."""

    seed: int
    way: str
    first_s: float
    where: str
    log: Log


# --- ways to run a log again --------------------------------------------------------------------------


def through(world: World, log: Log, until_s: float, stops: list[float], each: Each) -> None:
    """Play what of the log is still to come, with a look at every stop."""
    for stop in sorted({s for s in stops if world.now_s < s < until_s} | {until_s}):
        play(world, [entry for entry in log if world.now_s <= entry[0] < stop], stop)
        each(world)


def _middle(seed: int, log: Log) -> float:
    return random.Random(-seed - 1).uniform(0.0, log[-1][0])


def replayed(seed: int, log: Log, until_s: float, stops: list[float], each: Each) -> World:
    world = fresh(seed)
    through(world, log, until_s, stops, each)
    return world


def forked(seed: int, log: Log, until_s: float, stops: list[float], each: Each) -> World:
    """From a copy of a world that was on its way; the original has gone another one."""
    middle, world = _middle(seed, log), fresh(seed)
    through(world, log, middle, stops, each)
    copy = world.fork()
    for stream in world.plane.network.classes:
        if not stream.worker:
            world.plane.set_rate(stream.name, 1.0)
    world.reach.trouble["psp"] = Trouble(error=1.0)
    world.advance(3)
    through(copy, log, until_s, stops, each)
    return copy


def unpacked(seed: int, log: Log, until_s: float, stops: list[float], each: Each) -> World:
    """From a snapshot that has been bytes."""
    middle, world = _middle(seed, log), fresh(seed)
    through(world, log, middle, stops, each)
    packed = pickle.dumps(snapshots.take(world))
    world.advance(2)
    found: World = pickle.loads(packed).world()
    through(found, log, until_s, stops, each)
    return found


def observed(seed: int, log: Log, until_s: float, stops: list[float], each: Each) -> World:
    """With somebody who looks at everything between the lines."""
    rng = random.Random(~seed)
    looks = [rng.uniform(0.0, until_s) for _ in range(4)]

    def both(world: World) -> None:
        look(world)
        each(world)

    world = fresh(seed)
    through(world, log, until_s, [*stops, *looks], both)
    return world


def look(world: World) -> None:
    """Everything one can ask of a world without typing."""
    world.digest()
    plane, now = world.plane, world.now_s
    for spec in plane.network.classes:
        if not spec.worker:
            plane.latency_s(spec.name, max(0.0, now - 2.0), now)
            plane.p99_series_ms(spec.name)
            plane.edge_p99_ms(spec.name)
            plane.sample_request(spec.name, max(0.0, now - 1.0), 1)
    for group in plane.network.groups:
        plane.groups(group.service)
    for database in plane.network.databases:
        plane.pools(database.name)
        plane.database(database.name)
    plane.breaker_changes()
    query(world, "sum(rate(http_requests_total[1m])) by (service, code)", now)
    if world.entities is not None:
        list(world.entities.audit())
        len(world.ops)
    world.fork()


WAYS = {"replay": replayed, "fork": forked, "snapshot": unpacked, "observed": observed}


# --- comparing ----------------------------------------------------------------------------------------


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


def state_of(world: World) -> str:
    """A hash of what will decide the rest of the run, to the last bit of the plane."""
    h = hashlib.sha256(repr((world.now_s, world.digest(), world.agenda.heap)).encode())
    k = getattr(world.plane, "kernel", None)
    if k is not None:
        for name in (*kernel.SCALARS, *kernel.FLOATS, *kernel.INTS):
            if name not in ("trace", "changes"):  # views with room to spare
                value = getattr(k, name)
                h.update(repr(value if name in kernel.SCALARS else list(value)).encode())
    if world.entities is not None:
        h.update(repr((world.entities.timers.heap, list(world.entities.domain.live.items()))).encode())
    return h.hexdigest()[:16]


def trail(seed: int, way: str, log: Log, until_s: float, stops: list[float]) -> list[tuple[float, str]]:
    """The states of a run at some moments."""
    found: list[tuple[float, str]] = []
    WAYS[way](seed, log, until_s, stops, lambda world: found.append((world.now_s, state_of(world))))
    return [entry for entry in found if entry[0] in {*stops, until_s}]


def parted(one: list[tuple[float, str]], other: list[tuple[float, str]]) -> float | None:
    """When two trails part."""
    theirs = dict(other)
    return next((at for at, state in one if theirs.get(at, state) != state), None)


Trails = Callable[[list[float]], list[tuple[float, str]]]


def first_tick(until_s: float, dt: float, one: Trails, other: Trails) -> float | None:
    """The first tick after which two runs differ: first by seconds, then within the one."""
    seconds = [float(s) for s in range(1, int(until_s) + 1)]
    second = parted(one(seconds), other(seconds))
    if second is None:
        return None
    ticks = [second - 1.0 + n * dt for n in range(1, round(1.0 / dt) + 1)]
    return parted(one(ticks), other(ticks)) or second


def dt_of(seed: int) -> float:
    return float(getattr(getattr(fresh(seed).plane, "kernel", None), "dt", 0.05))


def check(seed: int) -> list[Divergence]:
    """A random log replayed and in one way more, in this process."""
    world, log = live(seed)
    found = []
    for way in ("replay", HERE[seed % len(HERE)]):
        differs = difference(world, WAYS[way](seed, log, world.now_s, [], lambda _: None))
        if differs is not None:
            found.append(Divergence(seed, way, *differs, log))
    return found


# --- processes ----------------------------------------------------------------------------------------


class Worker:
    """A process that answers requests, a line each: {do, seed, …}."""

    def __init__(self, hash_seed: int, compiled: bool) -> None:
        self.hash_seed, self.backend = hash_seed, "compiled" if compiled else "uncompiled"
        environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
        environment.pop("DROPPROD_KERNEL", None)
        if not compiled:
            environment["DROPPROD_KERNEL"] = "python"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.determinism", "--worker"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(jsonlib.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker died of {request}")
        found: dict[str, Any] = jsonlib.loads(line)
        return found

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What a worker does for one request."""
    seed = request["seed"]
    if request["do"] == "live":
        world, log = live(seed)
        return {"log": log, "until_s": world.now_s, "digest": world.digest(), "backend": kernel.COMPILED}
    log = [(at, line) for at, line in request["log"]]
    if request["do"] == "trail":
        return {"trail": trail(seed, request["way"], log, request["until_s"], request["stops"])}
    world = WAYS[request["way"]](seed, log, request["until_s"], [], lambda _: None)
    return {"digest": world.digest(), "backend": kernel.COMPILED}


def serve() -> None:
    for line in sys.stdin:
        print(jsonlib.dumps(answer(jsonlib.loads(line))), flush=True)


def across(seed: int, typed: Worker, others: tuple[Worker, Worker]) -> list[Divergence]:
    """One log: typed and once more in one process, replayed in another, uncompiled or compiled."""
    first = typed.ask(do="live", seed=seed)
    log, until_s = [(at, line) for at, line in first["log"]], first["until_s"]
    found = []
    for way, worker in (("replay", others[seed // 2 % 2]), (HERE[seed % len(HERE)], typed)):
        again = worker.ask(do="run", seed=seed, way=way, log=log, until_s=until_s)
        if again["digest"] != first["digest"]:

            def of(stops: list[float], who: Worker = worker, how: str = way) -> list[tuple[float, str]]:
                asked = who.ask(do="trail", seed=seed, way=how, log=log, until_s=until_s, stops=stops)
                return [(at, state) for at, state in asked["trail"]]

            def plain(stops: list[float]) -> list[tuple[float, str]]:
                return of(stops, typed, "replay")

            at_s = first_tick(until_s, dt_of(seed), plain, of)
            where = "first differing tick" if at_s is not None else "live alone: a replay is the same"
            name = way if worker is typed else f"{way}, hash seed {worker.hash_seed}, {worker.backend}"
            found.append(Divergence(seed, name, until_s if at_s is None else at_s, where, log))
    return found


def share_of(seeds: list[int]) -> list[Divergence]:
    """Three processes, a hash seed each, and what they find."""
    typed, *others = (Worker(3 * seeds[0] + n, compiled=n < 2) for n in range(3))
    try:
        return [d for seed in seeds for d in across(seed, typed, (others[1], others[0]))]
    finally:
        for worker in (typed, *others):
            worker.close()


def summary(
    first: int, logs: int, processes: int, report: Callable[[int], None] | None = None
) -> dict[str, Any]:
    began = time.perf_counter()
    seeds = list(range(first, first + logs))
    shares = [seeds[n : n + RENEW] for n in range(0, logs, RENEW)]
    found: list[Divergence] = []
    with ThreadPoolExecutor(processes) as pool:
        for number, part in enumerate(pool.map(share_of, shares), 1):
            found += part
            if report:
                report(min(logs, number * RENEW))
    return {
        "logs": logs,
        "first_seed": first,
        "runs": 3 * logs,
        "processes_started": 3 * len(shares),
        "compiled": kernel.COMPILED,
        "uncompiled": sum(seed // 2 % 2 == 0 for seed in seeds),
        "worlds": dict(Counter(_named(seed) for seed in seeds)),
        "ways": {"replay": logs, **Counter(HERE[seed % len(HERE)] for seed in seeds)},
        "divergences": len(found),
        "first_differing_second": min((d.first_s for d in found), default=None),
        "examples": [asdict(d) for d in found[:5]],
        "wall_s": round(time.perf_counter() - began, 1),
    }


def _named(seed: int) -> str:
    scene = scene_of(seed)
    return f"{scene.scenario} ({scene.engine})" if scene.engine else scene.scenario


# --- the report ---------------------------------------------------------------------------------------


def text_of(found: dict[str, Any]) -> str:
    lines = [
        f"{found['logs']:,} random command logs from seed {found['first_seed']}, {found['runs']:,} runs in "
        f"{found['processes_started']} processes, a hash seed each: {found['divergences']} divergences",
        f"  typed live with the {'compiled' if found['compiled'] else 'uncompiled'} kernel, "
        f"{found['uncompiled']:,} replayed without the compiled one",
        "  " + ", ".join(f"{way} {count:,}" for way, count in found["ways"].items()),
        "  " + ", ".join(f"{name} {count}" for name, count in found["worlds"].items()),
    ]
    for each in found["examples"]:
        lines.append(f"  seed {each['seed']}, {each['way']}: {each['where']} at {each['first_s']:.3f} s")
        lines += [f"    @{at!r} {line!r}" for at, line in each["log"]]
    return "\n".join(lines) + "\n"


def page_of(found: dict[str, Any]) -> str:
    return f"""# Determinism

Made by `python -m benchmarks.determinism --logs {found["logs"]} --write`; the same log is one history, whatever the
process, the hash seed, the backend of the kernel, the cuts of time, the copies on the way and whoever looks on.

```
{text_of(found)}```

{" ".join((__doc__ or "").split("[--write]")[1].split())}
"""


def main(
    json: bool = False, logs: int = 200, processes: int = 2, first: int = 0, write: bool = False
) -> dict[str, Any]:
    """Run, print the report or JSON, and return what was found."""
    from api.cli.progress import progress

    with progress("bench determinism") as bar:
        found = summary(first, logs, processes, (lambda done: bar(done, logs)) if bar else None)
    print(
        jsonlib.dumps(found, ensure_ascii=False, indent=2) if json else text_of(found),
        end="\n" if json else "",
    )
    if write:
        PAGE.write_text(page_of(found), encoding="utf-8")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--logs", type=int, default=3000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--first", type=int, default=0, help="seed of the first log")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="make DETERMINISM.md")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        serve()
        sys.exit(0)
    sys.exit(
        1 if main(given.json, given.logs, given.processes, given.first, given.write)["divergences"] else 0
    )
