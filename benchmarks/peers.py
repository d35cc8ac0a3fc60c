"""The same workloads on DropProd's engines and on other Python simulators, in one run.

    python -m benchmarks.peers [--json] [--repetitions 5] [--scale 1] [--workload mmc] [--engine simpy] [--no-plot] [--write]

Repetitions are interleaved (every engine once, then all again with the next seed) and timed with
`time.process_time`: CPU of one core, whatever else runs beside. Speeds are medians with their range. A run is timed
once it has settled, and slow engines get shorter spans: speed is simulated seconds a CPU second, so spans need not be
equal. Results are means over the repetitions, beside the closed form where theory has one, else beside SimPy. An
engine whose results are far off has not simulated the workload: its speed is shown in brackets and means nothing.
`--write` makes PEERS.md and its plot.

Peers are optional. One that is missing is listed as missing. Nothing here steers an engine.
"""

import argparse
import gc
import hashlib
import json as jsonlib
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from api.cli.progress import progress
from benchmarks import peers_ours
from benchmarks.engine import backend
from benchmarks.peers_page import page
from benchmarks.peers_table import draw, table
from benchmarks.peers_workloads import (
    CHAIN,
    MEASURES,
    MMC,
    SHOP,
    STORM,
    WHAT,
    Outcome,
    closed_form,
    summary,
)

ROOT = Path(__file__).resolve().parents[1]
PLOT = Path(__file__).resolve().parent / "plots" / "peers.svg"
PAGE = Path(__file__).resolve().with_name("PEERS.md")
MISSING = "not installed: pip install 'dropprod[bench]'"
SLOW_S = 10.0  # a run that takes longer is repeated SLOW_RUNS times at most
SLOW_RUNS = 2
FAR = {"mean_ms": 0.25, "p99_ms": 0.25}  # relative; beyond it another system was simulated
FAR_SHARE = {"utilisation": 0.05, "failed": 0.02, "good_before": 0.1, "good_after": 0.1}  # absolute
PLAIN = "cohort-python"  # the cohort engine with its kernel uncompiled
HASH_SEEDS = ("0", "1", "12345")
FINGERPRINT_S = 2.0


@dataclass(frozen=True)
class Engine:
    """`spans`: simulated seconds of one repetition by workload; a workload left out cannot be expressed."""

    name: str
    label: str
    spans: dict[str, float]
    distribution: str = ""  # empty: this project's own
    needs: str = ""  # why it cannot be measured on this Python at all


ENGINES = (
    Engine("cohort", "DropProd cohort", {MMC: 120, CHAIN: 120, SHOP: 30, STORM: 60}),
    Engine(PLAIN, "cohort uncompiled", {MMC: 60, CHAIN: 60, SHOP: 10, STORM: 60}),
    Engine("exact", "DropProd exact", {MMC: 20, CHAIN: 20, SHOP: 0.2, STORM: 60}),
    Engine("simpy", "SimPy", {MMC: 20, CHAIN: 20, SHOP: 0.2, STORM: 60}, "simpy"),
    Engine("asimpy", "asimpy", {MMC: 20, CHAIN: 20, SHOP: 0.2, STORM: 60}, "asimpy"),
    Engine("ciw", "Ciw", {MMC: 20, CHAIN: 20}, "ciw"),
    Engine("cimba", "Cimba (compiled)", {MMC: 60, CHAIN: 60, SHOP: 1.0, STORM: 60}, "cimba"),
    Engine("salabim", "salabim", {MMC: 10, CHAIN: 10, SHOP: 0.05, STORM: 60}, "salabim"),
    Engine("happysim", "happysim", {}, "happysim", "not measured: needs Python 3.13"),
    Engine("asyncflow", "asyncflow-sim", {}, "asyncflow-sim", "not measured: needs Python 3.12"),
)

YES, NO, HAND = "yes", "no", "by hand"
_COLUMNS = ("cohort", "exact", "simpy", "asimpy", "ciw", "cimba", "salabim")
_ROWS = {
    "single requests": (NO, YES, YES, YES, YES, YES, YES),
    "waiting-time distribution of a small station": ("approximate", YES, YES, YES, YES, YES, YES),
    "any service-time distribution": ("Erlang only", "Erlang only", YES, YES, YES, YES, YES),
    "slots held across nested calls": (YES, YES, YES, YES, NO, YES, YES),
    "acquire time-out": (YES, YES, YES, YES, YES, YES, YES),
    "client leaves, server works on": (YES, YES, HAND, HAND, NO, HAND, HAND),
    "retries with back-off": (YES, YES, HAND, HAND, NO, HAND, HAND),
    "processor sharing": (YES, YES, HAND, HAND, YES, HAND, HAND),
    "a running world can be copied": (YES, YES, NO, NO, YES, NO, NO),
    "cost independent of the request rate": (YES, NO, NO, NO, NO, NO, NO),
}
MODELS = {feature: dict(zip(_COLUMNS, row, strict=True)) for feature, row in _ROWS.items()}


def status(engine: Engine) -> dict[str, Any]:
    """Version and whether the engine can be measured here; never silent about one that cannot."""
    found: dict[str, Any] = {"label": engine.label, "version": None, "status": "ok"}
    if engine.name == PLAIN and backend() == "python":
        return {**found, "status": "the kernel is not compiled here: see DropProd cohort"}
    if not engine.distribution:
        return {**found, "version": f"backend {backend()}" if engine.name == "cohort" else "backend python"}
    if engine.needs:
        return {**found, "status": engine.needs}
    try:
        return {**found, "version": metadata.version(engine.distribution)}
    except metadata.PackageNotFoundError:
        return {**found, "status": MISSING}


def run(engine: str, workload: str, seconds: float, seed: int) -> Outcome:
    """One repetition of one engine."""
    gc.collect()
    if engine == PLAIN:
        return _uncompiled(workload, seconds, seed)
    if engine in ("cohort", "exact"):
        return peers_ours.run(engine, workload, seconds, seed)
    found: Outcome = import_module(f"benchmarks.peers_{engine}").run(workload, seconds, seed)
    return found


def _uncompiled(workload: str, seconds: float, seed: int) -> Outcome:
    """The cohort engine in a process of its own, where the kernel is not to be compiled."""
    code = (
        "import dataclasses, json, sys; from benchmarks.peers_ours import run; a = sys.argv[1:]; "
        "print(json.dumps(dataclasses.asdict(run('cohort', a[0], float(a[1]), int(a[2])))))"
    )
    arguments = [sys.executable, "-c", code, workload, repr(seconds), str(seed)]
    environment = {**os.environ, "DROPPROD_KERNEL": "python"}
    done = subprocess.run(arguments, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return Outcome(**jsonlib.loads(done.stdout))


def fingerprint(engine: str) -> str:
    """What a short run of the chain comes to, in a few digits: equal runs have equal fingerprints."""
    outcome = run(engine, CHAIN, FINGERPRINT_S, 1)
    figures = (outcome.requests, *(getattr(outcome, key) for key in MEASURES))
    return hashlib.sha256(repr(figures).encode()).hexdigest()[:16]


def repeats(engine: str) -> bool:
    """Whether the same seed gives the same run under several PYTHONHASHSEEDs, each in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.peers", "--fingerprint", engine]
    seen = {
        subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": value},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for value in HASH_SEEDS
    }
    return len(seen) == 1 and "" not in seen


def measure(
    repetitions: int, scale: float, workloads: Sequence[str], engines: Sequence[Engine], hash_seeds: bool
) -> dict[str, Any]:
    """Everything the table, the JSON and the plot show."""
    states = {engine.name: status(engine) for engine in engines}
    able = [engine for engine in engines if states[engine.name]["status"] == "ok"]
    pairs = [(w, e) for w in workloads for e in able if w in e.spans]
    done: dict[tuple[str, str], list[Outcome]] = {(w, e.name): [] for w, e in pairs}
    total = repetitions * len(pairs) + (len(able) if hash_seeds else 0)
    with progress("peers") as report:
        count = 0
        for seed in range(1, repetitions + 1):
            for workload, engine in pairs:
                runs = done[workload, engine.name]
                if not (len(runs) >= SLOW_RUNS and runs[0].cpu_s > SLOW_S):
                    # a storm is one story from its calm to its aftermath: it is never cut short
                    span = engine.spans[workload] * (1.0 if workload == STORM else scale)
                    runs.append(run(engine.name, workload, span, seed))
                count += 1
                if report:
                    report(count, total)
        same = {}
        for engine in able if hash_seeds else ():
            same[engine.name] = repeats(engine.name)
            count += 1
            if report:
                report(count, total)
    return {
        "python": platform.python_version(),
        "backend": backend(),
        "repetitions": repetitions,
        "engines": states,
        "workloads": {w: _workload(w, [e for e in engines if (w, e.name) in done], done) for w in workloads},
        "models": {
            feature: {e.name: found[e.name] for e in engines if e.name in found}
            for feature, found in MODELS.items()
        },
        "same_for_every_hash_seed": same,
    }


def _workload(
    workload: str, engines: Sequence[Engine], done: dict[tuple[str, str], list[Outcome]]
) -> dict[str, Any]:
    rows = {e.name: _row(done[workload, e.name]) for e in engines}
    theory = closed_form(workload)
    other = next((name for name in ("simpy", "exact") if name in rows), None)
    reference = theory or ({key: rows[other][key] for key in MEASURES} if other else {})
    base = rows["simpy"]["x_real_time"]["median"] if "simpy" in rows else None
    ours = rows["cohort"]["x_real_time"]["median"] if "cohort" in rows else None
    for row in rows.values():
        speed = row["x_real_time"]["median"]
        row["ratio_to_simpy"] = speed / base if base else None
        row["cohort_is_faster_by"] = ours / speed if ours else None
        row["error"] = {
            key: (row[key] / reference[key] - 1.0) if key in FAR else row[key] - reference[key]
            for key in (*FAR, *FAR_SHARE)
            if row[key] is not None and reference.get(key) is not None
        }
        row["same_system"] = all(abs(e) <= {**FAR, **FAR_SHARE}[k] for k, e in row["error"].items())
    return {
        "what": WHAT[workload],
        "reference": "closed form" if theory else other,
        "closed_form": theory,
        "engines": rows,
    }


def _row(runs: Sequence[Outcome]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "runs": len(runs),
        "span_s": runs[0].simulated_s,
        "x_real_time": summary([r.simulated_s / max(1e-9, r.cpu_s) for r in runs]),
        "x_with_percentiles": summary([r.simulated_s / max(1e-9, r.cpu_s + r.cpu_views_s) for r in runs]),
        "requests_per_cpu_s": summary([r.requests / max(1e-9, r.cpu_s) for r in runs]),
    }
    for key in MEASURES:
        values = [value for r in runs if (value := getattr(r, key)) is not None]
        row[key] = sum(values) / len(values) if values else None
    return row


def main(
    json: bool = False,
    repetitions: int = 5,
    scale: float = 1.0,
    workloads: Sequence[str] = (),
    engines: Sequence[str] = (),
    plot: Path | None = PLOT,
    hash_seeds: bool = True,
    write: bool = False,
) -> dict[str, Any]:
    """Measure, print a table or JSON, draw where matplotlib is installed, and return what was found."""
    chosen = [e for e in ENGINES if not engines or e.name in engines]
    found = measure(repetitions, scale, list(workloads) or list(WHAT), chosen, hash_seeds)
    found["plot"] = draw(found, plot) if plot else None
    if write:
        PAGE.write_text(page(found), encoding="utf-8")
    print(jsonlib.dumps(found, indent=2) if json else table(found), end="\n" if json else "")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="times every span, storms excepted")
    parser.add_argument("--workload", action="append", choices=list(WHAT), default=[])
    parser.add_argument("--engine", action="append", choices=[e.name for e in ENGINES], default=[])
    parser.add_argument("--no-plot", action="store_true")
    parser.add_argument("--no-hash-seeds", action="store_true")
    parser.add_argument("--write", action="store_true", help="make PEERS.md")
    parser.add_argument("--fingerprint", metavar="ENGINE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fingerprint:
        print(fingerprint(options.fingerprint))
    else:
        main(
            options.json,
            options.repetitions,
            options.scale,
            options.workload,
            options.engine,
            None if options.no_plot else PLOT,
            not options.no_hash_seeds,
            options.write,
        )
