"""The cohort engine against the exact one: the same runs, request by request, over several seeds.

    python -m benchmarks.conformance [--json] [--seeds 3] [--until 240] [--case base] [--processes 2]

Each case is the payment-pool scenario with one number changed; the release comes at second 60. The healthy part
is seconds 20 to 60, the plateau the last 60 seconds. Differences are cohort minus the mean of the exact seeds;
`spread` is the exact seeds' largest minus smallest, the luck no engine can be asked to hit. An exact run of the
base case takes about 15 s of CPU a seed. This file only measures; no figure in it steers an engine.
"""

import argparse
import json as jsonlib
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from simulator.facts import failures
from simulator.run import make_world, play
from simulator.scenario import load
from simulator.world import World

SCENARIO = "payment-pool"
HEALTHY_S = (20, 60)  # from the first settled second to the release
PLATEAU_S = 60
MEASURES = (
    # key, heading, factor, unit, whether the difference is relative
    ("failed_share", "failed share", 100.0, "pp", False),
    ("success", "plateau success", 100.0, "pp", False),
    ("pending", "plateau pending", 1.0, "", True),
    ("p99_ms", "plateau p99", 1.0, "ms", True),
    ("mean_ms", "plateau mean", 1.0, "ms", True),
    ("healthy_cpu", "healthy CPU", 100.0, "pp", False),
    ("healthy_p99_ms", "healthy p99", 1.0, "ms", True),
)


@dataclass(frozen=True)
class Case:
    name: str
    overrides: tuple[str, ...] = ()


CASES = (
    Case("base"),
    Case("rps 600", ("traffic.rps=600",)),
    Case("pool 100", ("payments-db.pool.limit=100",)),
    Case("queries 4", ("payment-service.versions.v2.8.1.queries=4",)),
)


@dataclass(frozen=True)
class Job:
    case: Case
    engine: str
    seed: int
    until_s: float


def measure(job: Job) -> dict[str, float]:
    """One run: shares are 0-1, times in ms, counts in requests."""
    scenario = load(SCENARIO, job.case.overrides)
    world = make_world(scenario, job.seed, engine=job.engine)
    play(world, (), job.until_s)
    name, database = scenario.sli.traffic_class, scenario.focus.database
    end = world.plane.history.seconds
    plateau, healthy = (max(0, end - PLATEAU_S), end), HEALTHY_S
    column = world.plane.history.column
    failed, offered = sum(failures(world.plane.history, name)), sum(column(f"class/{name}/offered"))
    p99 = world.plane.p99_series_ms(name)
    return {
        "failed_share": failed / offered,
        "success": _success(world, name, *plateau),
        "pending": _mean(column(f"pool/{database}/waiting"), *plateau),
        "p99_ms": _mean(p99, *plateau),
        "mean_ms": _time_in_service_ms(world, *plateau),
        "healthy_cpu": _mean(column(f"db/{database}/cpu"), *healthy),
        "healthy_p99_ms": _mean(p99, *healthy),
    }


def _mean(column: Sequence[float], first: int, last: int) -> float:
    part = column[first:last]
    return sum(part) / len(part) if part else 0.0


def _success(world: World, name: str, first: int, last: int) -> float:
    """Share of what ended in these seconds: single seconds are too few requests to average their shares."""
    kinds = ("ok", "declined", "rejected", "timeout", "error")
    ended = [sum(world.plane.history.column(f"class/{name}/{kind}")[first:last]) for kind in kinds]
    return ended[0] / sum(ended) if sum(ended) > 0 else 1.0


def _time_in_service_ms(world: World, first: int, last: int) -> float:
    """Mean time in the focus service by Little's law, over all its versions."""
    held = served = 0.0
    service = world.scenario.focus.service
    for version in world.scenario.services()[service].versions:
        base = f"service/{service}/{version}/"
        column = world.plane.history.column
        held += sum(column(base + "in_flight")[first:last])
        served += sum(column(base + "requests")[first:last]) - sum(column(base + "rejected")[first:last])
    return 1000 * held / served if served > 0 else 0.0


def compare(case: Case, cohort: dict[str, float], exact: Sequence[dict[str, float]]) -> dict[str, Any]:
    """A case's figures: both engines, the difference, the exact seeds' spread."""
    found: dict[str, Any] = {"case": case.name, "set": list(case.overrides), "seeds": len(exact)}
    for key, _, _, _, relative in MEASURES:
        values = [run[key] for run in exact]
        middle = sum(values) / len(values)
        difference = cohort[key] - middle
        found[key] = {
            "cohort": cohort[key],
            "exact": middle,
            "spread": max(values) - min(values),
            "difference": difference / middle if relative and middle > 1e-9 else difference,
            "relative": relative and middle > 1e-9,
        }
    return found


def run_all(cases: Sequence[Case], seeds: int, until_s: float, processes: int) -> list[dict[str, Any]]:
    """Every case in both engines; the long exact runs first, so that no core waits at the end."""
    jobs = [Job(case, "exact", seed, until_s) for case in cases for seed in range(1, seeds + 1)]
    jobs += [Job(case, "cohort", 1, until_s) for case in cases]
    results: dict[Job, dict[str, float]] = {}
    with ProcessPoolExecutor(max_workers=processes) as pool:
        waiting = {pool.submit(measure, job): job for job in jobs}
        for done in as_completed(waiting):
            results[waiting[done]] = done.result()
            job = waiting[done]
            print(
                f"{len(results)}/{len(jobs)}  {job.case.name}, {job.engine}, seed {job.seed}", file=sys.stderr
            )
    return [
        compare(
            case,
            results[Job(case, "cohort", 1, until_s)],
            [results[Job(case, "exact", seed, until_s)] for seed in range(1, seeds + 1)],
        )
        for case in cases
    ]


def table(cases: Sequence[dict[str, Any]]) -> str:
    lines = [f"{'case':<10} {'figure':<17} {'cohort':>10} {'exact':>10} {'spread':>9} {'difference':>11}"]
    for case in cases:
        for key, heading, factor, unit, _ in MEASURES:
            row = case[key]
            shown = (
                f"{row['difference']:+.2%}"
                if row["relative"]
                else f"{row['difference'] * factor:+.2f} {unit}"
            )
            lines.append(
                f"{case['case']:<10} {heading:<17} {row['cohort'] * factor:>10.2f} {row['exact'] * factor:>10.2f} "
                f"{row['spread'] * factor:>9.2f} {shown:>11}"
            )
    return "\n".join(lines) + "\n"


def main(
    json: bool = False,
    seeds: int = 3,
    until_s: float = 240.0,
    names: Sequence[str] = (),
    processes: int = 2,
) -> dict[str, Any]:
    """Compare, print a table or JSON, and return `{seeds, until_s, cases: [...]}`."""
    cases = [case for case in CASES if not names or case.name in names]
    found = {"seeds": seeds, "until_s": until_s, "cases": run_all(cases, seeds, until_s, processes)}
    print(jsonlib.dumps(found, indent=2) if json else table(found["cases"]), end="\n" if json else "")  # type: ignore[arg-type]
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--until", type=float, default=240.0)
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], default=[])
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    main(chosen.json, chosen.seeds, chosen.until, chosen.case, chosen.processes)
