"""Charts as PNG. Without pyplot: figures are made and drawn by hand, so that threads do not share any state."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from agent.plural import grouped
from api.telegram.texts import say
from api.views import CALM_POINTS, suffering

SPAN_S = 900
COLOURS = {"a": "#1f5fd1", "b": "#b5541c", "bad": "#c0322b", "grey": "#7b8599", "mark": "#8a3fa8"}
MARKED = {"deploy": "mark", "rollout": "mark", "page": "bad"}
_drawing = threading.Lock()  # FreeType's faces are shared by all figures


def incident(state: dict[str, Any], starts_at: datetime, language: str) -> bytes:
    """Success, load, latency and the pool of the last quarter of an hour, with what happened marked."""
    from matplotlib.figure import Figure

    series = state["series"]
    first = max(0, len(series["t"]) - SPAN_S)
    times = [starts_at + timedelta(seconds=t) for t in series["t"][first:]]
    panels: list[tuple[str, list[str], float | None]] = [
        ("success", ["success_rate"], 100.0),
        ("rps", ["rps"], None),
    ]
    panels.append(("p99", ["p99_ms"], None))
    if "pool_pending" in series:
        panels.append(("pool", ["pool_active", "pool_pending"], None))
    with _drawing:
        figure = Figure(figsize=(8, 1.9 * len(panels)), dpi=110, layout="constrained")
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axis, (title, keys, top) in zip(axes, panels, strict=True):
            for key, colour in zip(keys, ("a", "b"), strict=False):
                scale = 100.0 if key == "success_rate" else 1.0
                values = [scale * v if v is not None else float("nan") for v in series[key][first:]]
                axis.plot(times, values, color=COLOURS[colour], linewidth=1.4)
            axis.set_title(say(language, title), loc="left", fontsize=10)
            axis.set_ylim(0, top * 1.04 if top else None)
            axis.grid(color="#e7ebf1")
            _mark(axis, state["events"], starts_at, times)
        _clock(axes[-1], len(times))
        return _png(figure)


def _mark(
    axis: Any, events: Sequence[dict[str, Any]], starts_at: datetime, times: Sequence[datetime]
) -> None:
    for event in events:
        at = starts_at + timedelta(seconds=event["t"])
        if event["kind"] in MARKED and times and at >= times[0]:
            axis.axvline(at, color=COLOURS[MARKED[event["kind"]]], linewidth=0.9, linestyle=":")


def _clock(axis: Any, seconds: float) -> None:
    from matplotlib.dates import DateFormatter, MinuteLocator

    axis.xaxis.set_major_locator(MinuteLocator(interval=max(1, math.ceil(seconds / 60 / 7))))
    axis.xaxis.set_major_formatter(DateFormatter("%H:%M"))
    axis.tick_params(labelsize=9)


def effects(items: Sequence[dict[str, Any]], language: str) -> bytes | None:
    """Each item that was replayed: success without it and with it, over the minutes in which either suffers."""
    from matplotlib.figure import Figure

    measured = [i for i in items if i.get("counterfactual")][:8]
    if not measured:
        return None
    columns = 1 if len(measured) == 1 else 2
    rows = math.ceil(len(measured) / columns)
    with _drawing:
        figure = Figure(figsize=(4.8 * columns, 2.3 * rows + 0.3), dpi=110, layout="constrained")
        axes = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
        for axis, item in zip(axes, measured, strict=False):
            _effect(axis, item, language)
        for axis in axes[len(measured) :]:
            axis.set_visible(False)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, fontsize=8, ncols=2, loc="outside lower right")
        return _png(figure)


def _effect(axis: Any, item: dict[str, Any], language: str) -> None:
    runs = [item["counterfactual"][side] for side in ("baseline", "with")]
    title = [
        _short(item["quote"]),
        f"{say(language, 'failed_requests')}: {_change(runs, 'failed_requests', language)}",
    ]
    if any(run.get("others_failed") for run in runs):
        title[1] += f"; {say(language, 'others_failed')}: {_change(runs, 'others_failed', language)}"
    axis.set_title("\n".join(title), loc="left", fontsize=9)
    curves = [run["success_curve"] for run in runs]
    first, end = suffering(curves) or (0, 1 + CALM_POINTS)
    step = runs[0]["curve_step_s"] / 60
    for key, values, colour in zip(("before", "after"), curves, ("grey", "a"), strict=True):
        minutes = [n * step for n in range(len(values))]
        label = say(language, key)
        axis.plot(minutes, [100 * v for v in values], color=COLOURS[colour], linewidth=1.6, label=label)
    axis.set_xlim(first * step, (end - 1) * step)
    axis.set_ylim(0, 104)
    axis.set_xlabel(say(language, "minutes"), fontsize=8)
    axis.set_ylabel(say(language, "success"), fontsize=8)
    axis.tick_params(labelsize=8)
    axis.grid(color="#e7ebf1")


def _change(runs: Sequence[dict[str, Any]], name: str, language: str) -> str:
    return " → ".join(grouped(round(run[name]), language) for run in runs)


def progress(results: Sequence[tuple[str, float]], language: str) -> bytes:
    """Levels in the order in which they were earned, by rubric."""
    from matplotlib.figure import Figure

    kinds = list(dict.fromkeys(kind for kind, _ in results))
    with _drawing:
        figure = Figure(figsize=(8, 3), dpi=110, layout="constrained")
        axis = figure.subplots()
        for kind in kinds:
            points = [(n + 1, level) for n, (k, level) in enumerate(results) if k == kind]
            axis.plot(*zip(*points, strict=True), marker="o", label=kind)
        axis.set_ylim(0, 3.1)
        axis.set_title(say(language, "progress"), loc="left", fontsize=10)
        axis.grid(color="#e7ebf1")
        axis.legend(fontsize=8)
        return _png(figure)


def _short(text: str, most: int = 34) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()
