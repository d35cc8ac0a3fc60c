"""What `dropprod bench peers` shows: the table for a terminal and the plot. It measures nothing."""

from pathlib import Path
from typing import Any


def table(found: dict[str, Any]) -> str:
    """The whole report as text."""
    lines = [
        f"Python {found['python']}, kernel backend {found['backend']}, {found['repetitions']} interleaved "
        "repetitions, medians [lowest, highest]",
        *_states(found),
    ]
    for name, workload in found["workloads"].items():
        lines += ["", f"{name}: {workload['what']}", *_workload(found, workload)]
    lines += ["", *_models(found)]
    if found["plot"]:
        lines += ["", f"plot: {found['plot']}"]
    return "\n".join(lines) + "\n"


def _states(found: dict[str, Any]) -> list[str]:
    return [
        f"  {state['label']:<18}{state['version'] or ''}{'' if state['status'] == 'ok' else state['status']}"
        for state in found["engines"].values()
    ]


def _workload(found: dict[str, Any], workload: dict[str, Any]) -> list[str]:
    storm = any(row["good_after"] is not None for row in workload["engines"].values())
    results = (
        f"{'good before':>15}{'good after':>15}{'tries after':>13}"
        if storm
        else f"{'busy':>9}{'mean ms':>17}{'p99 ms':>17}{'failed':>9}"
    )
    lines = [f"  {'engine':<18}{'span s':>8}{'x real time':>28}{'to SimPy':>10}{'cohort is':>12}" + results]
    if workload["closed_form"]:
        theory = workload["closed_form"]
        lines.append(
            f"  {'closed form':<18}{'':>58}{theory['utilisation']:>9.2%}{theory['mean_ms']:>17.2f}"
            f"{theory['p99_ms']:>17.2f}"
        )
    for name, row in workload["engines"].items():
        speed = row["x_real_time"]
        low, high = _short(speed["low"]), _short(speed["high"])
        shown = f"{_short(speed['median'])} [{low}, {high}]"
        if not row["same_system"]:
            shown = f"({shown})"
        lines.append(
            f"  {found['engines'][name]['label']:<18}{row['span_s']:>8g}{shown:>28}"
            f"{_times(row['ratio_to_simpy']):>10}{_times(row['cohort_is_faster_by']):>12}"
            + (_storm(row) if storm else _steady(row))
        )
    if any(not row["same_system"] for row in workload["engines"].values()):
        lines.append(
            f"  in brackets: results far from the reference ({workload['reference']}), the speed means nothing"
        )
    for name, state in found["engines"].items():
        if name not in workload["engines"]:
            why = "cannot express it" if state["status"] == "ok" else state["status"]
            lines.append(f"  {state['label']:<18}{why}")
    cohort = workload["engines"].get("cohort")
    if cohort and not storm:
        with_views = _short(cohort["x_with_percentiles"]["median"])
        lines.append(f"  the cohort engine with a p99 for every second: {with_views} x real time")
    return lines


def _steady(row: dict[str, Any]) -> str:
    text = f"{'' if row['utilisation'] is None else format(row['utilisation'], '.2%'):>9}"
    for key in ("mean_ms", "p99_ms"):
        error = row["error"].get(key)
        shown = "" if row[key] is None else f"{row[key]:.2f}"
        text += f"{shown if error is None else f'{shown} ({error:+.1%})':>17}"
    return text + f"{'' if row['failed'] is None else format(row['failed'], '.2%'):>9}"


def _storm(row: dict[str, Any]) -> str:
    return f"{row['good_before']:>15.1%}{row['good_after']:>15.1%}{row['attempts_after']:>13.2f}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _times(value: float | None) -> str:
    return "" if value is None else f"{_short(value)} x"


def _models(found: dict[str, Any]) -> list[str]:
    names = [n for n in found["engines"] if any(n in row for row in found["models"].values())]
    lines = [f"{'what it models':<46}" + "".join(f"{found['engines'][n]['label']:>17}" for n in names)]
    for feature, row in found["models"].items():
        lines.append(f"{feature:<46}" + "".join(f"{row.get(n, ''):>17}" for n in names))
    same = found["same_for_every_hash_seed"]
    if same:
        marks = {n: ("yes" if same[n] else "NO") if n in same else "not measured" for n in names}
        lines.append(
            f"{'same run for every PYTHONHASHSEED (measured)':<46}"
            + "".join(f"{marks[n]:>17}" for n in names)
        )
    lines.append(
        "by hand: the library offers the parts, this benchmark or its user writes the behaviour. approximate: "
        "Erlang-C\ncorrections to mean masses, not every request's own wait."
    )
    return lines


def draw(found: dict[str, Any], path: Path) -> str | None:
    """Write a bar chart of the speeds; None where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "peers"  # the same picture has the same bytes
    from matplotlib import pyplot

    names = [n for n, state in found["engines"].items() if state["status"] == "ok"]
    workloads = found["workloads"]
    figure, axes = pyplot.subplots(figsize=(10, 4.5))
    width = 0.8 / max(1, len(names))
    for i, name in enumerate(names):
        places, middles, below, above, hatches = [], [], [], [], []
        for j, workload in enumerate(workloads.values()):
            row = workload["engines"].get(name)
            if row is not None:
                speed = row["x_real_time"]
                places.append(j + (i - (len(names) - 1) / 2) * width)
                middles.append(speed["median"])
                below.append(speed["median"] - speed["low"])
                above.append(speed["high"] - speed["median"])
                hatches.append("" if row["same_system"] else "////")
        bars = axes.bar(
            places, middles, width, yerr=[below, above], label=found["engines"][name]["label"], capsize=2
        )
        for bar, hatch in zip(bars, hatches, strict=True):
            bar.set_hatch(hatch)
    axes.axhline(1.0, color="black", linewidth=0.8, linestyle=":")
    axes.set_yscale("log")
    axes.set_ylabel("simulated seconds a CPU second (log)")
    axes.set_xlabel("workload (dotted line: real time; hatched: results far from the reference)")
    axes.set_xticks(range(len(workloads)), list(workloads))
    axes.set_title(f"Speed of the same workload, kernel backend {found['backend']}")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)
    return str(path)
