"""PEERS.md: what `python -m benchmarks.peers --write` found, and what to know before quoting it."""

from typing import Any

FAR_OFF = 2.0  # relative: figures beyond it say nothing
NOTES = """## Before quoting a ratio
- The cohort engine's cost does not grow with the request rate: that is where its factor comes from, and why it is
  largest at `shop`. It has no single requests, knows the waits of small stations as corrections to means, and its work
  is Erlang only. A peer gives the whole distribution for the same price. The bare speed is without percentiles; the
  line below the speeds says what it is with a p99 for every second.
- At `shop` every station is as near its limit as the next one, slots are held across calls and queues have no limit. The
  cohort engine takes ticks of 10 ms there since ticks of 50 ms let a burst end in a storm of its own making.
- Cimba is compiled, too, and request by request: it is the peer to beat when single requests are wanted. A waiting
  process has a stack of its own there, about 30,000 at most, so `storm` keeps its attempts as numbers in a store.
  Compiling a model takes seconds and is not counted.
- Ciw has one customer at one node: `chain` is a tandem (the same figures, since the API's slots are not the
  bottleneck), `shop` and `storm` cannot be expressed. In return it has processor sharing ready-made. It cannot be
  timed from the middle of a run, so its first second counts.
- Time-outs with work that goes on, and retries, are written by hand in SimPy, asimpy, Cimba and salabim: a few lines,
  as in `peers_*.py`.
- Looked at and left out: happysim (needs Python 3.13), asyncflow-sim (3.12), desmod, simulus, usim and queueing-tool
  (no release since 2022 or longer).
"""


def page(found: dict[str, Any]) -> str:
    """The whole report in Markdown."""
    return "\n".join([*_head(found), *_speeds(found), *_results(found), *_models(found), NOTES])


def _head(found: dict[str, Any]) -> list[str]:
    versions = ", ".join(
        f"{state['label']} {state['version']}" if state["status"] == "ok" else f"{state['label']} ({state['status']})"
        for state in found["engines"].values()
        if state["version"] or state["status"] != "ok"
    )  # fmt: skip
    return [
        "# Against other simulators",
        "",
        "Made by `python -m benchmarks.peers --write` (`pip install 'dropprod[bench]'`; `dropprod bench peers` prints the same).",
        "The same workloads on both engines and on other simulators. Repetitions are interleaved, each with a seed of its own; a",
        "run is timed once it has settled; slow engines run shorter spans.",
        "",
        f"Python {found['python']}, kernel {found['backend']}, {found['repetitions']} repetitions. {versions}.",
        "",
    ]


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _names(found: dict[str, Any]) -> list[str]:
    return [name for name, state in found["engines"].items() if state["status"] == "ok"]


def _speeds(found: dict[str, Any]) -> list[str]:
    workloads = found["workloads"]
    lines = [
        "## Speed",
        "Simulated seconds a CPU second: median [lowest, highest]. In brackets: results far off, another system was simulated.",
        "",
        "| engine | " + " | ".join(workloads) + " |",
        "|---|" + "---|" * len(workloads),
    ]
    for name in _names(found):
        cells = []
        for workload in workloads.values():
            row = workload["engines"].get(name)
            if row is None:
                cells.append("cannot express it")
                continue
            speed = row["x_real_time"]
            shown = f"{_short(speed['median'])} [{_short(speed['low'])}, {_short(speed['high'])}]"
            cells.append(shown if row["same_system"] else f"({shown})")
        lines.append(f"| {found['engines'][name]['label']} | " + " | ".join(cells) + " |")
    with_views = [
        f"`{name}` {_short(w['engines']['cohort']['x_with_percentiles']['median'])}"
        for name, w in workloads.items()
        if "cohort" in w["engines"] and name != "storm"
    ]
    return [
        *lines,
        "",
        f"The cohort engine with a p99 for every second: {', '.join(with_views)}.",
        "",
        "![speeds](plots/peers.svg)",
        "",
    ]


def _results(found: dict[str, Any]) -> list[str]:
    lines = ["## Do they simulate the same system?"]
    for name, workload in found["workloads"].items():
        storm = name == "storm"
        lines += ["", f"`{name}`: {workload['what']}. Held against: {workload['reference']}.", ""]
        head = (
            ("good before", "good after", "attempts after")
            if storm
            else ("busy", "mean, ms", "p99, ms", "failed")
        )
        lines += ["| engine | " + " | ".join(head) + " |", "|---|" + "---|" * len(head)]
        theory = workload["closed_form"]
        if theory:
            lines.append(
                f"| closed form | {theory['utilisation']:.2%} | {theory['mean_ms']:.2f} | {theory['p99_ms']:.2f} | |"
            )
        for engine, row in workload["engines"].items():
            cells = _storm(row) if storm else _steady(row)
            lines.append(f"| {found['engines'][engine]['label']} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _storm(row: dict[str, Any]) -> list[str]:
    return [f"{row['good_before']:.1%}", f"{row['good_after']:.1%}", f"{row['attempts_after']:.2f}"]


def _steady(row: dict[str, Any]) -> list[str]:
    cells = ["" if row["utilisation"] is None else f"{row['utilisation']:.2%}"]
    for key in ("mean_ms", "p99_ms"):
        error = row["error"].get(key)
        far = "" if error is None else f" ({error:+.1%})"
        if error is not None and abs(error) > FAR_OFF:
            cells.append("far off")
        else:
            cells.append("" if row[key] is None else f"{row[key]:.2f}{far}")
    return [*cells, "" if row["failed"] is None else f"{row['failed']:.2%}"]


def _models(found: dict[str, Any]) -> list[str]:
    names = [n for n in found["engines"] if any(n in row for row in found["models"].values())]
    labels = [found["engines"][n]["label"] for n in names]
    lines = ["## Who models what", "", "| | " + " | ".join(labels) + " |", "|---|" + "---|" * len(names)]
    for feature, row in found["models"].items():
        lines.append(f"| {feature} | " + " | ".join(row.get(n, "") for n in names) + " |")
    same = found["same_for_every_hash_seed"]
    if same:
        marks = [("yes" if same[n] else "NO") if n in same else "not measured" for n in names]
        lines.append("| same run for every PYTHONHASHSEED (measured) | " + " | ".join(marks) + " |")
    return [
        *lines,
        "",
        "By hand: the library offers the parts, whoever uses it writes the behaviour. Approximate: Erlang-C corrections to mean",
        "masses, not every request's own wait.",
        "",
    ]
