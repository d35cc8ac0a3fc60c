"""How many times faster than real time the cohort engine runs a shop of 15 components at 100,000 requests a second.

    python -m benchmarks.engine [--json] [--repetitions 5] [--only shop|plain|start|fork|replays]

The data plane alone is `kernel.run` in a warm plane; with recording it also writes its columns every second. Every
repetition runs an own copy of a plane; the kinds are interleaved; figures are medians of CPU time on one core. The
storm counts twice: while its trigger lasts and after it has gone, the slower of the two is `retry_storm_x`. Whether
the load is what its name says is in `served` (good answers a first attempt). Uncompiled runs are in a process of
their own with DROPPROD_KERNEL=python.
"""

import argparse
import json as jsonlib
import os
import pickle
import resource
import select
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from api.cli.progress import progress
from benchmarks import engine_shop
from simulator.engine import kernel
from simulator.engine.cohort import CohortPlane
from simulator.engine.layout import put

ROOT = Path(__file__).resolve().parents[1]
REPETITIONS, STARTS = 5, 5
LEAST_CPU_S = 0.15  # of one repetition: shorter ones measure the clock
MOST_S, FEW_S, SEARCH_S = 600, 2, 5  # simulated seconds of a repetition; of the search for the worst case
SCENARIO, FORK_AT_S, LIVE_ORDERS, CHARGE_S = "payment-pool", 300.0, 2000, 20.0
SERVED = 0.99  # of a healthy shop's requests: with less the load is not what its name says
PROMPTS = ("▸ ", "> ")
START_LIMIT_S = 30.0
METHOD = {
    "healthy_x": "simulated seconds a CPU second, kernel.run in a warm plane, steady 75 % load",
    "retry_storm_x": "the slower of: one service at half its speed with clients' retries, and after it recovered",
    "worst_x": "the slowest of several overloaded shops: retries and time-outs at every hop, 16 queries for one; see kinds.worst.shape",
    "uncompiled_x": "healthy_x in a process with DROPPROD_KERNEL=python",
    "with_recording_x": "the same with the history columns of every second",
    "start_s": "wall time of a fresh process on a terminal until the first prompt of `play`; median",
    "help_cpu_s": "CPU time of a fresh `dropprod --help`; median",
    "fork_ms": "World.fork at 300 s of payment-pool that has 2,000 orders under way, from one running world to two; median",
    "replays36_s": "benchmarks.replays",
}


def backend() -> str:
    return "compiled" if kernel.COMPILED else "python"


# --- the data plane -----------------------------------------------------------------------------------


def copy_of(frozen: bytes) -> CohortPlane:
    plane: CohortPlane = pickle.loads(frozen)
    return plane


def alone(plane: CohortPlane, seconds: int) -> float:
    """Simulated seconds a CPU second of the kernel, with room for what it traces."""
    k = plane.kernel
    ticks = seconds * plane.ticks_per_second
    put(k, "trace", array("d", [*k.trace, *([0.0] * ((ticks + 1) * k.trace_width))]))
    put(k, "changes", [*k.changes, *([0] * 300_000)])
    until = k.tick + ticks
    began = time.process_time()
    kernel.run(k, until)
    return seconds / max(1e-9, time.process_time() - began)


def recorded(plane: CohortPlane, seconds: int) -> float:
    began = time.process_time()
    plane.advance(plane.now_s + seconds)
    return seconds / max(1e-9, time.process_time() - began)


def span_for(frozen: bytes) -> int:
    """Simulated seconds that take long enough to be timed."""
    seconds = FEW_S
    while seconds < MOST_S:
        if seconds / alone(copy_of(frozen), seconds) >= LEAST_CPU_S:
            break
        seconds *= 2
    return min(seconds, MOST_S)


def slowest(report: Callable[[str], None]) -> tuple[CohortPlane, engine_shop.Shape]:
    """The plane that runs slowest of those meant to be slow."""
    found = []
    for number, shape in enumerate(engine_shop.WORSTS):
        report(f"warm-up: worst {number + 1}/{len(engine_shop.WORSTS)}")
        plane = engine_shop.settled(shape)
        found.append((alone(copy_of(pickle.dumps(plane)), SEARCH_S), number, plane))
    _, number, plane = min(found, key=lambda row: row[:2])
    return plane, engine_shop.WORSTS[number]


def shop(repetitions: int, report: Callable[[str], None], worst: bool = True) -> dict[str, Any]:
    """Speeds of the shop by kind: {kind: {alone_x, recorded_x, served, …}}."""
    report("warm-up: healthy")
    planes = {"healthy": engine_shop.settled(engine_shop.HEALTHY)}
    report("warm-up: storm")
    planes["storm"], planes["storm_after"] = engine_shop.in_a_storm()
    which = None
    if worst:
        planes["worst"], which = slowest(report)
    frozen = {kind: pickle.dumps(plane) for kind, plane in planes.items()}
    spans = {kind: span_for(state) for kind, state in frozen.items()}
    times: dict[str, dict[str, list[float]]] = {k: {"alone": [], "recorded": []} for k in planes}
    for n in range(repetitions):
        for kind, state in frozen.items():
            report(f"{kind} {n + 1}/{repetitions}")
            times[kind]["alone"].append(alone(copy_of(state), spans[kind]))
            times[kind]["recorded"].append(recorded(copy_of(state), spans[kind]))
    return {
        kind: {
            "alone_x": median(times[kind]["alone"]),
            "alone_range_x": [min(times[kind]["alone"]), max(times[kind]["alone"])],
            "recorded_x": median(times[kind]["recorded"]),
            "served": engine_shop.share_served(plane),
            "seconds": spans[kind],
            **engine_shop.extent(plane),
            **({"shape": asdict(which)} if kind == "worst" and which else {}),
        }
        for kind, plane in planes.items()
    }


def uncompiled(repetitions: int) -> dict[str, Any]:
    """The same speeds from a process that may not use the extension."""
    command = [sys.executable, "-m", "benchmarks.engine", "--json", "--only", "plain"]
    done = subprocess.run(
        [*command, "--repetitions", str(repetitions)],
        cwd=ROOT,
        env={**os.environ, "DROPPROD_KERNEL": "python"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = jsonlib.loads(done.stdout)
    return found


# --- processes ----------------------------------------------------------------------------------------


def start_s() -> float:
    """From the start of a process on a terminal to the first prompt of `play`."""
    import pty

    with tempfile.TemporaryDirectory() as home:
        parent, child = pty.openpty()
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "play"],
            cwd=ROOT,
            env={**os.environ, "DROPPROD_HOME": home, "TERM": "xterm"},
            stdin=child,
            stdout=child,
            stderr=child,
            start_new_session=True,
        )
        os.close(child)
        try:
            return _until_prompt(parent, began)
        finally:
            process.kill()
            process.wait()
            os.close(parent)


def _until_prompt(terminal: int, began: float) -> float:
    seen = b""
    while time.perf_counter() - began < START_LIMIT_S:
        ready, _, _ = select.select([terminal], [], [], 0.5)
        if not ready:
            continue
        try:
            seen += os.read(terminal, 65536)
        except OSError:
            break
        last = seen.decode("utf-8", "replace").replace("\x1b[?2004h", "").rpartition("\n")[2]
        if "dropprod" in last and last.rstrip("\x01\x02").endswith(PROMPTS):
            return time.perf_counter() - began
    raise RuntimeError(f"play gave no prompt; it said {seen[-300:]!r}")


def help_cpu_s() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "api.cli", "--help"], cwd=ROOT, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def starts(report: Callable[[str], None]) -> dict[str, float]:
    prompts, helps = [], []
    for n in range(STARTS):
        report(f"start {n + 1}/{STARTS}")
        prompts.append(start_s())
        helps.append(help_cpu_s())
    return {"start_s": median(prompts), "help_cpu_s": median(helps)}


# --- forks --------------------------------------------------------------------------------------------


def with_orders() -> Any:
    """The scenario with a flow of orders beside its own: written, charged for CHARGE_S on average, rewarded.

    Above the demo's own sample of one payment a second, so that LIVE_ORDERS of them are under way at any time.
    """
    from simulator.entities.spec import Flow, Step, SystemSpec
    from simulator.entities.store import StoreSpec
    from simulator.scenario import CallRule, Drive, load

    scenario = load(SCENARIO)
    own = scenario.entities
    assert own is not None
    steps = (
        Step("create", "write", "orders-db", table="orders"),
        Step("charge", "call", "psp", timeout_ms=1_000_000),
        Step("bonus", "move", "orders-db", table="bonus", row="customer"),
    )
    order = Flow("order", steps, host="order-service", limit_per_s=1.1 * LIVE_ORDERS / CHARGE_S)
    entities = own.model_copy(
        update={
            "flows": [*own.flows, order],
            "stores": [*own.stores, StoreSpec("orders-db", ("orders-db-0",))],
            "systems": [*own.systems, SystemSpec("psp")],
            "rules": {**own.rules, "psp": CallRule(mean_ms=1000 * CHARGE_S)},
            "drive": {**own.drive, "order": Drive(traffic="pay")},
        }
    )
    return scenario.model_copy(update={"entities": entities})


def busy_world(at_s: float = FORK_AT_S) -> Any:
    """A world in the middle of the incident, with its live orders."""
    from simulator.run import make_world, play

    world = make_world(with_orders(), 1)
    play(world, (), at_s)
    return world


def fork(repetitions: int, report: Callable[[str], None]) -> dict[str, Any]:
    report("fork: a world at 300 s")
    world = busy_world()
    walls, cpus, afterwards = [], [], []
    for _ in range(6 * repetitions + 1):
        began, cpu_began = time.perf_counter(), time.process_time()
        world.fork()
        walls.append(1000 * (time.perf_counter() - began))
        cpus.append(1000 * (time.process_time() - cpu_began))
    for _ in range(repetitions):
        copy = world.fork()
        began = time.perf_counter()
        copy.advance(1.0)
        afterwards.append(1000 * (time.perf_counter() - began))
    counts = world.entities.counts()
    return {
        "fork_ms": median(walls),
        "fork_cpu_ms": median(cpus),
        "fork_least_ms": min(walls),
        "first_second_after_ms": median(afterwards),
        "fork_is_the_same": world.fork().digest() == world.digest(),
        "live_orders": counts["live"],
        "entities_history": counts["history"],
    }


def replays(report: Callable[[str], None]) -> dict[str, Any]:
    """36 counterfactual replays, when their benchmark is there."""
    try:
        run = import_module("benchmarks.replays").run
    except ModuleNotFoundError:
        return {"replays36_s": None, "replays_note": "not there yet: no benchmarks/replays.py"}
    report("36 replays")
    found = run()
    return {"replays36_s": found["replays36_s"], "replays": found}


# --- all of it ----------------------------------------------------------------------------------------


def measure(repetitions: int, only: str | None, report: Callable[[str], None]) -> dict[str, Any]:
    found: dict[str, Any] = {"backend": backend(), "method": METHOD, "repetitions": repetitions}
    found["workload"] = {"rps": engine_shop.RPS, "load": engine_shop.LOAD, "routes": len(engine_shop.ROUTES)}
    if only in (None, "shop", "plain"):
        kinds = shop(repetitions, report, worst=only != "plain")
        storm = min(("storm", "storm_after"), key=lambda kind: kinds[kind]["alone_x"])
        found |= {
            "healthy_x": kinds["healthy"]["alone_x"],
            "retry_storm_x": kinds[storm]["alone_x"],
            "worst_x": kinds["worst"]["alone_x"] if "worst" in kinds else None,
            "with_recording_x": {kind: row["recorded_x"] for kind, row in kinds.items()},
            "served": {kind: row["served"] for kind, row in kinds.items()},
            "is_healthy": kinds["healthy"]["served"] >= SERVED,
            "is_metastable": kinds["healthy"]["served"] >= SERVED and kinds["storm_after"]["served"] < 0.5,
            "kinds": kinds,
        }
    if only is None:
        report("uncompiled")
        plain = uncompiled(repetitions) if kernel.COMPILED else found
        found |= {
            "uncompiled_x": plain["healthy_x"],
            "uncompiled_retry_storm_x": plain["retry_storm_x"],
        }
    if only in (None, "start"):
        found |= starts(report)
    if only in (None, "fork"):
        found |= fork(repetitions, report)
    if only in (None, "replays"):
        found |= replays(report)
    return found


def _shown(value: Any, digits: int = 0) -> str:
    return "not measured" if value is None else f"{value:,.{digits}f}"


def table(found: dict[str, Any]) -> str:
    lines = [
        f"backend {found['backend']}; medians of {found['repetitions']} interleaved repetitions, CPU time of one core"
    ]
    if "kinds" in found:
        lines.append(f"{'shop at 100,000 requests/s':<28} {'alone':>10} {'recording':>10} {'served':>8}")
        for kind, row in found["kinds"].items():
            lines.append(
                f"  {kind:<26} {row['alone_x']:>9,.0f}x {row['recorded_x']:>9,.0f}x {row['served']:>8.1%}"
            )
        if not found["is_healthy"]:
            lines.append("  the shop that should be healthy is not: its speed is that of another load")
    rows = (("uncompiled_x", 0, "x"), ("uncompiled_retry_storm_x", 0, "x"), ("replays36_s", 2, " s"),
            ("fork_ms", 2, " ms"), ("fork_cpu_ms", 2, " ms"), ("start_s", 2, " s"), ("help_cpu_s", 3, " s"))  # fmt: skip
    lines += [
        f"  {key:<26} {_shown(found[key], digits):>9}{unit}" for key, digits, unit in rows if key in found
    ]
    return "\n".join(lines) + "\n"


def main(json: bool = False, repetitions: int = REPETITIONS, only: str | None = None) -> dict[str, Any]:
    """Measure, print a table or JSON, and return what was found."""
    steps = 0

    with progress("bench engine") as bar:

        def report(_what: str) -> None:
            nonlocal steps
            steps += 1
            if bar:
                bar(steps, max(steps, 4 * repetitions + STARTS + 8))

        found = measure(repetitions, only, report)
    print(jsonlib.dumps(found, indent=2) if json else table(found), end="\n" if json else "")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--only", choices=("shop", "plain", "start", "fork", "replays"))
    chosen = parser.parse_args()
    main(chosen.json, chosen.repetitions, chosen.only)
