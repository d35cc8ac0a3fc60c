"""What stands beside the terminal in `play --tui`: charts, alerts, timeline. Values in, lines out.

A board is read from a world without changing it; nothing here knows a screen's library.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from api.cli.paint import Screen, cells, clean, number, shorten, sparkline
from api.cli.play import TOLD
from api.messages import say

if TYPE_CHECKING:
    from api.store import Header
    from simulator.world import World

SPAN_S = 900
EVENTS = 200  # of a timeline: more than any screen is high
LOWEST = 3  # rows of a plot that still show a shape
PANELS: tuple[tuple[str, tuple[str, ...], float, str], ...] = (
    ("success", ("success_rate",), 100.0, " %"),
    ("rps", ("rps",), 1.0, ""),
    ("p99", ("p99_ms",), 1.0, " ms"),
    ("pool", ("pool_active", "pool_pending"), 1.0, ""),
)
SEVERE = {"P1": "red", "P2": "yellow", "P3": "yellow"}


@dataclass(frozen=True)
class Board:
    """The last quarter of an hour of a session; `t` of its series are whole simulated seconds."""

    starts_at: datetime
    now_s: float
    resolved: bool
    title: str
    series: dict[str, list[float]] = field(default_factory=dict)
    alerts: tuple[dict[str, Any], ...] = ()
    events: tuple[dict[str, Any], ...] = ()

    def clock(self, t_s: float, form: str = "%H:%M:%S") -> str:
        return f"{self.starts_at + timedelta(seconds=t_s):{form}}"

    @property
    def severity(self) -> str | None:
        open_ones = [a["severity"] for a in self.alerts if _is_open(a)]
        return min(open_ones, default=None)


def read_board(world: World, header: Header, _read_only: str | None) -> Board:
    """A view for `ApplicationService.look`."""
    from simulator import run
    from simulator.telemetry import views

    return Board(
        starts_at=world.scenario.starts_at,
        now_s=world.now_s,
        resolved=world.resolved,
        title=world.scenario.title.of(header.language),
        series=run.series(world, max(0, world.plane.history.seconds - SPAN_S)),
        alerts=tuple(views.alerts(world)),
        # the rest of the timeline is for the player to find, here as in line mode
        events=tuple(e for e in views.timeline(world) if e["kind"] in TOLD)[-EVENTS:],
    )


def head_line(board: Board, language: str, screen: Screen) -> str:
    """The clock, how bad it is, and what is played, on one line."""
    severity = board.severity
    if board.resolved:
        state = screen.paint(say(language, "tui.over"), "green", "bold")
    elif severity:
        state = screen.paint(severity, SEVERE.get(severity, "cyan"), "bold")
    else:
        state = screen.paint(say(language, "tui.calm"), "green")
    clock = board.clock(board.now_s)
    room = screen.columns - len(clock) - 12
    return f"{screen.paint(clock, 'bold')}  {state}  {shorten(board.title, max(10, room))}"


def chart_lines(board: Board, width: int, height: int, language: str, screen: Screen) -> list[str]:
    """Plots where there is room for them, else a line with blocks for each."""
    panels = [p for p in PANELS if all(key in board.series for key in p[1])]
    count = len(panels)
    rows = (height - 3 - count) // count if count else 0
    if rows < LOWEST or not screen.unicode:
        return [_spark(board, panel, width, language, screen) for panel in panels][:height]
    lines: list[str] = []
    for index, panel in enumerate(panels):
        lines.append(_title(board, panel, language, screen))
        drawn = _plot(board, panel, width, rows, screen)
        lines += drawn if index == count - 1 else drawn[:rows]
    return lines[:height]


def _values(board: Board, key: str, scale: float) -> list[float]:
    return [scale * v for v in board.series[key]]


def _title(
    board: Board, panel: tuple[str, tuple[str, ...], float, str], language: str, screen: Screen
) -> str:
    name, keys, scale, unit = panel
    shown = []
    for mark, key in zip(("*", "+"), keys, strict=False):
        values = _values(board, key, scale)
        value = f"{_figure(values, language)}{unit}"
        shown.append(f"{mark} {say(language, f'tui.{key}')} {value}" if len(keys) > 1 else value)
    return f"{screen.paint(say(language, f'tui.{name}'), 'bold')}  {', '.join(shown)}"


def _figure(values: Sequence[float], language: str) -> str:
    last = next((v for v in reversed(values) if math.isfinite(v)), None)
    return number(round(last, 1) if last is not None else None, language)


def _plot(
    board: Board, panel: tuple[str, tuple[str, ...], float, str], width: int, rows: int, screen: Screen
) -> list[str]:
    from simulator.telemetry.plot import Chart, draw

    _, keys, scale, _ = panel
    times = board.series["t"]
    start_s = times[0] if times else 0.0
    chart = Chart(
        lines=[(key, list(zip(times, _values(board, key, scale), strict=False))) for key in keys],
        start_s=start_s,
        end_s=max(start_s + 60.0, board.now_s),
        step_s=1.0,
        marks=[(e["t"], "▲") for e in board.events if e["kind"] == "page" and e["t"] >= start_s],
    )
    form = "%H:%M" if chart.end_s - chart.start_s > SPAN_S / 2 else "%H:%M:%S"
    return draw(chart, width, rows, lambda t: board.clock(t, form), screen.colour)


def _spark(
    board: Board, panel: tuple[str, tuple[str, ...], float, str], width: int, language: str, screen: Screen
) -> str:
    """A panel on one line; of several series the last one: what waits says more than what works."""
    name, keys, scale, unit = panel
    values = _values(board, keys[-1], scale)
    figures = "/".join(_figure(_values(board, key, scale), language) for key in keys)
    label = say(language, f"tui.{name}")
    head = f"{label + ' ' * max(1, 12 - cells(label))}{figures + unit:>12} "
    there = [v if math.isfinite(v) else None for v in values]
    return head + screen.paint(sparkline(there, max(1, width - cells(head)), screen), "cyan")


def _is_open(alert: dict[str, Any]) -> bool:
    return alert["paged_s"] is not None and alert["resolved_s"] is None


def alert_lines(board: Board, width: int, height: int, language: str, screen: Screen) -> list[str]:
    """Open alerts, the worst first; one line says so where there are none."""
    found = sorted(
        (a for a in board.alerts if a["resolved_s"] is None), key=lambda a: (a["severity"], a["fired_s"])
    )
    if not found:
        return [screen.paint(say(language, "tui.no_alerts"), "dim")]
    lines = []
    for alert in found:
        since = board.clock(alert["fired_s"])
        acked = f" {say(language, 'tui.acked')}" if alert["acked_s"] is not None else ""
        text = shorten(clean(f"{alert['severity']} {since} {alert['name']}{acked}"), width)
        lines.append(screen.paint(text, SEVERE.get(alert["severity"], "cyan")))
    if len(lines) > height > 0:
        more = say(language, "tui.more", count=len(lines) - height + 1)
        return [*lines[: height - 1], more] if height > 1 else [f"{shorten(lines[0], width)}"]
    return lines


def timeline_lines(board: Board, width: int, height: int, screen: Screen) -> list[str]:
    """The latest events, the newest last."""
    lines = []
    for event in board.events[-height:] if height > 0 else ():
        text = shorten(clean(f"{board.clock(event['t'])} {event['kind']:<8} {event['text']}"), width)
        lines.append(screen.paint(text, TOLD[event["kind"]]))
    return lines
