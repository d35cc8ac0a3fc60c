"""The cohort engine against closed forms and against the exact engine, case by case.

    python -m benchmarks.conformance [--json] [--quick] [--held-out] [--drawn N] [--case NAME ...]
        [--seeds 5] [--most 20] [--write] [--keep FILE]

A case is a small network (benchmarks/conformance_cases.py) that both engines run alike; the reference is a closed
form where queueing theory has one, else the mean of several seeds of the exact engine: of more than `--seeds` where
that mean is not sure enough to hold an error against a bar, up to `--most`. Compared are the utilisation
of the most loaded station (difference in shares of its capacity), mean and p99 of successful requests (relative),
failed requests (difference in shares of all requests) and whether the last 20 s are healthy. This file only
measures; no figure in it steers an engine.
"""

import argparse
import hashlib
import json as jsonlib
import math
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from api.cli.progress import progress
from benchmarks.conformance_cases import CASES as COUNTED
from benchmarks.conformance_cases import Case, perform
from benchmarks.conformance_drawn import PREFIX, drawn
from benchmarks.conformance_held import HELD_OUT
from simulator.engine import network
from simulator.engine.choice import choose
from simulator.engine.cohort import CohortPlane
from simulator.engine.exact import ExactPlane
from simulator.engine.plane import Plane
from simulator.run import make_world, play
from simulator.scenario import Scenario

BARS = {"utilisation": 0.005, "mean": 0.02, "p99": 0.03, "failed": 0.01}
RELATIVE = ("mean", "p99")
CASES = (*COUNTED, *HELD_OUT)
# Bars that a quick case misses today, by (case, figure): whatever else misses one is a regression.
MISSED_TODAY: frozenset[tuple[str, str]] = frozenset()
STUDENT = (
    12.71,
    4.30,
    3.18,
    2.78,
    2.57,
    2.45,
    2.36,
    2.31,
    2.26,
    2.23,
    2.20,
)  # 97.5 % quantiles, by degrees of freedom
TAIL_S = 20  # the verdict is on the last seconds
HEALTHY = 0.95
ENOUGH = 300  # successes in the window below which their latency says nothing
FEW = 0.05  # share of requests below which those who succeed are a handful whose latency is luck
OURS_SEED = 1001  # not one of the reference's seeds
FAILED = ("rejected", "timeout", "error")
SEEDS, MOST_SEEDS, QUICK_SEEDS, PROCESSES = 5, 20, 4, 2
SURE = 1 / 3  # of a bar: a reference whose standard error is larger gets more seeds
ENGINE = Path(__file__).resolve().parents[1] / "simulator" / "engine"
Job = tuple[str, str, int]  # case, engine, seed
PLANES: dict[str, Callable[[Scenario, network.Network, int], Plane]] = {
    "cohort": CohortPlane,
    "exact": ExactPlane,
}


@dataclass(frozen=True)
class Found:
    """What one run shows. `stations`: utilisation by name; mean and p99 are None when too little succeeds."""

    stations: dict[str, float]
    mean: float | None
    p99: float | None
    failed: float
    success: float
    series: tuple[float, ...]
    took_s: float


def case_of(name: str) -> Case:
    if name.startswith(PREFIX):
        return drawn(int(name.removeprefix(PREFIX)))
    return next(case for case in CASES if case.name == name)


def chosen_engine(scenario: Scenario) -> tuple[str, str]:
    """The engine a world would take for this network, and what the world says about it (`engine_reason`)."""
    chosen = choose(network.build(scenario), scenario)
    return chosen.engine, chosen.reason


def measure(name: str, engine: str, seed: int) -> Found:
    """One run of one case."""
    case = case_of(name)
    began = time.perf_counter()
    scenario = case.build()
    if case.world is not None:
        world = make_world(scenario, seed, engine=engine)
        play(world, (), case.until_s)
        plane: Plane = world.plane
    else:
        plane = PLANES[engine](scenario, network.build(scenario), seed)
        perform(plane, case.actions, case.until_s)
    return _reading(plane, scenario.sli.traffic_class, case, time.perf_counter() - began)


def _reading(plane: Plane, cls: str, case: Case, took_s: float) -> Found:
    first, last = int(case.warm_s), min(int(case.until_s), plane.history.seconds)
    column = plane.history.column

    def total(key: str, a: int = first, b: int = last) -> float:
        return math.fsum(column(key)[a:b])

    base = f"class/{cls}/"
    offered = total(base + "offered")
    ok = total(base + "ok")
    mean, p99 = plane.latency_s(cls, first, last) if ok >= max(ENOUGH, FEW * offered) else (None, None)
    failed = sum(total(base + kind) for kind in FAILED)
    tail = last - TAIL_S
    good = sum(total(base + kind, tail) for kind in ("ok", "declined"))
    ended = good + sum(total(base + kind, tail) for kind in FAILED)
    shares = []
    for s in range(last):
        fine = column(base + "ok")[s] + column(base + "declined")[s]
        bad = sum(column(base + kind)[s] for kind in FAILED)
        shares.append(round(fine / (fine + bad), 4) if fine + bad > 0 else 1.0)
    return Found(
        _stations(plane, first, last),
        mean,
        p99,
        failed / offered if offered else 0.0,
        good / ended if ended else 1.0,
        tuple(shares) if case.metastable or case.near or case.world is not None else (),
        took_s,
    )


def _stations(plane: Plane, first: int, last: int) -> dict[str, float]:
    """Utilisation by station: slots of groups, connections of pools."""
    column = plane.history.column
    found = {}
    for group in plane.network.groups:
        base = f"service/{group.label}/"
        slots = group.limit_per_pod * math.fsum(column(base + "pods")[first:last])
        if slots > 0:
            found[group.label] = math.fsum(column(base + "in_flight_s")[first:last]) / slots
    for pool, limit in zip(plane.network.pools, plane.pool_limits, strict=True):
        busy = math.fsum(column(f"pool/{pool.name}/busy_s")[first:last])
        found[f"pool {pool.name}"] = busy / (limit * (last - first))
    return found


# --- comparing ----------------------------------------------------------------------------------------


def average(values: Sequence[float | None]) -> tuple[float | None, float, float, float]:
    """Mean, standard error, lowest and highest; the mean is None as soon as one value is."""
    known = [v for v in values if v is not None]
    if not known or len(known) < len(values):
        return None, 0.0, 0.0, 0.0
    middle = math.fsum(known) / len(known)
    spread = math.fsum((v - middle) ** 2 for v in known)
    error = math.sqrt(spread / (len(known) - 1) / len(known)) if len(known) > 1 else 0.0
    return middle, error, min(known), max(known)


def compare(
    case: Case, engine: str, ours: Sequence[Found], exact: Sequence[Found], reason: str = ""
) -> dict[str, Any]:
    """A case's figures. Near a threshold a difference counts as far as it leaves the seeds' spread."""
    counted, why = verdict_on_counting(case, engine, reason)
    names = list(ours[0].stations)
    loads = {n: (average([f.stations.get(n, 0.0) for f in exact or ours])[0] or 0.0) for n in names}
    station = max(names, key=lambda n: loads[n])
    found: dict[str, Any] = {
        "name": case.name,
        "about": case.about,
        "kind": case.kind,
        "engine": engine,
        "counted": counted,
        "why": why,
        "near_threshold": case.near,
        "station": station,
        "seeds": len(exact),
        "reference": {},
        "ours": {},
        "errors": {},
        "noise": {},
        "within_95": {},
    }
    for key in BARS:
        mine, my_error, _, _ = average([_value(f, key, station) for f in ours])
        if case.closed:
            value = case.closed[{"mean": "mean_s", "p99": "p99_s"}.get(key, key)]
            reference: tuple[float | None, float, float, float] = value, 0.0, value, value
        else:
            reference = average([_value(f, key, station) for f in exact])
        middle, error, low, high = reference
        found["reference"][key] = {"mean": middle, "standard_error": error, "low": low, "high": high}
        found["ours"][key] = mine
        if middle is None or mine is None:
            found["errors"][key] = found["noise"][key] = found["within_95"][key] = None
            continue
        off = mine - middle
        if case.near:
            off = max(0.0, mine - high) - max(0.0, low - mine)
        scale = middle if key in RELATIVE and middle > 0 else 1.0
        found["errors"][key] = off / scale
        noise = found["noise"][key] = math.hypot(error, my_error) / scale
        found["within_95"][key] = abs(off / scale) <= student(len(exact)) * noise if noise > 0.0 else None
    found["stations"] = {
        n: {"ours": average([f.stations[n] for f in ours])[0], "exact": loads[n] if exact else None}
        for n in names
    }
    healthy = [f.success >= HEALTHY for f in ours]
    references = (
        [True]
        if case.closed and case.closed["failed"] < 1 - HEALTHY
        else [f.success >= HEALTHY for f in exact]
    )
    if case.closed and case.closed["failed"] >= 1 - HEALTHY:
        references = [False]
    share = sum(references) / len(references)
    agrees = healthy[0] in references if case.near else healthy[0] == (share >= 0.5)
    found["verdicts"] = {
        "ours": healthy[0],
        "success": ours[0].success,
        "reference": references,
        "reference_success": [f.success for f in exact],
        "agree": agrees,
    }
    found["series"] = {"ours": list(ours[0].series), "exact": [list(f.series) for f in exact]}
    found["exact_s"] = math.fsum(f.took_s for f in exact)
    return found


def student(seeds: int) -> float:
    """How many standard errors the 95 % interval of a mean of so many seeds reaches to either side."""
    return STUDENT[min(max(seeds - 1, 1), len(STUDENT)) - 1]


def regressions(found: dict[str, Any]) -> list[str]:
    """Bars missed by counted cases that are not known to miss them, and verdicts that differ."""
    lost = []
    for case in found["cases"]:
        if not case["counted"]:
            continue
        for key, bar in BARS.items():
            error = case["errors"][key]
            if error is not None and abs(error) > bar and (case["name"], key) not in MISSED_TODAY:
                lost.append(f"{case['name']}: {key} {error:+.2%}, bar {bar:.1%}")
        if not case["verdicts"]["agree"]:
            lost.append(f"{case['name']}: the verdicts differ")
    return lost


def verdict_on_counting(case: Case, engine: str, reason: str) -> tuple[bool, str]:
    """A world that runs on the cohort engine and says that it is approximate there is reported apart."""
    if case.held:
        return False, "held out of the count"
    if engine == "cohort" and (reason or case.small):
        return False, f"the engine itself says: {reason or 'stations of 1-8 slots'}"
    if case.near:
        return True, "counts as far as it leaves the spread of the exact seeds"
    return True, "closed form" if case.closed else "mean of the exact seeds"


def _value(found: Found, key: str, station: str) -> float | None:
    if key == "utilisation":
        return found.stations.get(station, 0.0)
    value: float | None = getattr(found, key)
    return value


def summary(cases: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The worst over the cases that count."""
    counted = [c for c in cases if c["counted"]]
    worst = {
        f"{key}_err": max(
            (abs(c["errors"][key]) for c in counted if c["errors"][key] is not None), default=None
        )
        for key in BARS
    }
    disagreements = sum(not c["verdicts"]["agree"] for c in counted)
    return {**worst, "metastable_disagreements": disagreements}


def sources(pattern: str) -> str:
    """What identifies the engine's sources whose names match."""
    h = hashlib.sha256()
    for source in sorted(ENGINE.glob(pattern)):
        h.update(source.read_bytes())
    return h.hexdigest()[:16]


class Kept:
    """Reference runs in a file, so that only the engine under test runs again. Exact runs of the same sources."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.rows: dict[str, Found] = {}
        if path and path.exists():
            for line in path.read_text().splitlines():
                row = jsonlib.loads(line)
                self.rows[row["key"]] = Found(**row["found"])
        self.sources = sources("exact*.py")
        self.used = 0

    def key(self, job: Job) -> str:
        case = case_of(job[0])
        scenario = case.build().model_dump_json(exclude_defaults=True)  # a new field changes no old case
        parts = (job, scenario, case.actions, case.until_s, case.warm_s, self.sources)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def get(self, job: Job) -> Found | None:
        if not self.path or job[1] != "exact":
            return None
        found = self.rows.get(self.key(job))
        self.used += found is not None
        return found

    def add(self, job: Job, found: Found) -> None:
        if self.path and job[1] == "exact":
            with self.path.open("a") as out:
                out.write(jsonlib.dumps({"key": self.key(job), "found": asdict(found)}) + "\n")


def run_all(
    cases: Sequence[Case], seeds: int, processes: int = PROCESSES, kept: Kept | None = None, most: int = 0
) -> list[dict[str, Any]]:
    """Every case; the exact runs first, so that no core waits at the end. Unsure references get more seeds, up to `most`."""
    kept = kept or Kept(None)
    chosen = {case.name: chosen_engine(case.build()) for case in cases}
    counts = {case.name: 0 if case.closed else seeds for case in cases}
    results: dict[Job, Found] = {}
    while True:
        jobs: list[Job] = [(c.name, "exact", seed + 1) for c in cases for seed in range(counts[c.name])]
        for case in cases:
            engine = chosen[case.name][0]
            jobs += [(case.name, engine, OURS_SEED + n) for n in range(1 if engine == "cohort" else seeds)]
        _measure_all([job for job in jobs if job not in results], results, processes, kept)
        rows = [_row(case, chosen[case.name], results) for case in cases]
        unsure = [
            case.name
            for case, row in zip(cases, rows, strict=True)
            if 0 < counts[case.name] < most and row["engine"] == "cohort" and not case.near and _noisy(row)
        ]
        if not unsure:
            return rows
        counts |= {name: min(2 * counts[name], most) for name in unsure}


def _measure_all(jobs: list[Job], results: dict[Job, Found], processes: int, kept: Kept) -> None:
    """Run the jobs, but those whose results are kept."""
    results |= {job: found for job in jobs if (found := kept.get(job)) is not None}
    missing = [job for job in jobs if job not in results]
    with ProcessPoolExecutor(max_workers=processes) as pool, progress("conformance") as report:
        waiting = {pool.submit(measure, *job): job for job in missing}
        for n, done in enumerate(as_completed(waiting), start=1):
            results[waiting[done]] = done.result()
            kept.add(waiting[done], done.result())
            if report:
                report(n, len(missing))


def _row(case: Case, chosen: tuple[str, str], results: dict[Job, Found]) -> dict[str, Any]:
    mine = [
        found for (name, _, seed), found in sorted(results.items()) if name == case.name and seed >= OURS_SEED
    ]
    exact = [
        found for (name, _, seed), found in sorted(results.items()) if name == case.name and seed < OURS_SEED
    ]
    return compare(case, chosen[0], mine, exact, chosen[1])


def _noisy(row: dict[str, Any]) -> bool:
    """Whether luck alone could make a good part of an error that a bar allows."""
    return any((row["noise"][key] or 0.0) > SURE * bar for key, bar in BARS.items())


def table(found: dict[str, Any]) -> str:
    """Errors in per cent, the worst (against its bar) first; * marks what misses its bar."""
    lines = [
        f"{'case':<14} {'count':<5} {'util':>9} {'mean':>9} {'p99':>9} {'failed':>9} {'verdict':<8} (noise: mean, p99; exact seeds)"
    ]

    def badness(case: dict[str, Any]) -> float:
        return max(abs(case["errors"][k] or 0.0) / bar for k, bar in BARS.items())

    for case in sorted(found["cases"], key=lambda c: (not c["counted"], -badness(c))):
        cells = []
        for key, bar in BARS.items():
            error = case["errors"][key]
            mark = "*" if error is not None and abs(error) > bar else " "
            cells.append("        -" if error is None else f"{error:+8.2%}{mark}")
        verdict = "agree" if case["verdicts"]["agree"] else "DIFFER"
        noise = ", ".join("-" if case["noise"][k] is None else f"{case['noise'][k]:.2%}" for k in RELATIVE)
        lines.append(
            f"{case['name']:<14} {'yes' if case['counted'] else 'no':<5} {' '.join(cells)} {verdict:<8} ({noise}; {case['seeds']})"
        )
    worst = ", ".join(f"{k} {v:.2%}" for k, v in found.items() if k.endswith("_err") and v is not None)
    lines.append(f"worst that counts: {worst}; verdicts that differ: {found['metastable_disagreements']}")
    lines.append(
        f"engine sources {found['sources']}, kernel {found['backend']}, {found['seeds']}-{found['most_seeds']} seeds, {found['took_s']} s"
    )
    return "\n".join(lines) + "\n"


def main(
    json: bool = False,
    quick: bool = False,
    names: Sequence[str] = (),
    seeds: int = 0,
    processes: int = PROCESSES,
    write: bool = False,
    keep: Path | None = None,
    held_out: bool = False,
    most: int = MOST_SEEDS,
    drawn_networks: int = 0,
) -> dict[str, Any]:
    """Compare, print a table or JSON, and return `{utilisation_err, …, cases: [...]}`."""
    everything = CASES if held_out or names else COUNTED
    cases = [c for c in everything if (c.name in names if names else c.quick or not quick)]
    most = 0 if seeds else most
    seeds = seeds or (QUICK_SEEDS if quick else SEEDS)
    began = time.perf_counter()
    kept = Kept(keep)
    rows = run_all(cases, seeds, processes, kept, most)
    if drawn_networks:
        rows += run_all([drawn(n + 1) for n in range(drawn_networks)], SEEDS, processes, kept)
    found = {
        **summary(rows),
        "bars": BARS,
        "seeds": seeds,
        "most_seeds": max(seeds, most),
        "backend": "compiled" if import_module("simulator.engine.kernel").COMPILED else "python",
        "sources": sources("*.py"),
        "kept_runs": kept.used,
        "took_s": round(time.perf_counter() - began, 1),
        "cases": rows,
    }
    print(jsonlib.dumps(found, indent=1) if json else table(found), end="\n" if json else "")
    if write:
        import_module("benchmarks.conformance_report").write(found)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a few cases; exit code 1 when one misses a bar")
    parser.add_argument("--held-out", action="store_true", help="the held-out networks, too")
    parser.add_argument("--drawn", type=int, default=0, metavar="N", help="N networks drawn at random, too")
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], default=[])
    parser.add_argument("--seeds", type=int, default=0, help="so many for each case, and no more")
    parser.add_argument(
        "--most", type=int, default=MOST_SEEDS, help="seeds of a case whose reference is unsure"
    )
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument("--write", action="store_true", help="write CONFORMANCE.md and the plots")
    parser.add_argument(
        "--keep", type=Path, metavar="FILE", help="keep the exact runs here and use them again"
    )
    chosen = parser.parse_args()
    measured = main(
        chosen.json,
        chosen.quick,
        chosen.case,
        chosen.seeds,
        chosen.processes,
        chosen.write,
        chosen.keep,
        chosen.held_out,
        chosen.most,
        chosen.drawn,
    )
    lost = regressions(measured) if chosen.quick else []
    for line in lost:
        print(line, file=sys.stderr)
    raise SystemExit(1 if lost else 0)
