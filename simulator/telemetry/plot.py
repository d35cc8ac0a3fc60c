"""Lines as text: a plot of fixed width from numbers, without a terminal, a font or a library.

One line is drawn in Braille dots, several with a mark each. Nothing here knows the world.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Points = Sequence[tuple[float, float]]
MARKS = "*+xo#@%&"
_COLOURS = (36, 33, 35, 32, 34, 31, 96, 93)
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # Braille, by row and column of a cell


@dataclass
class Chart:
    """What to draw: lines by label, the span of time, marks under the axis as (time, letter)."""

    lines: list[tuple[str, Points]]
    start_s: float
    end_s: float
    step_s: float
    unit: str = ""
    marks: list[tuple[float, str]] = field(default_factory=list)


def draw(
    chart: Chart, width: int, height: int, clock: Callable[[float], str], colour: bool = False
) -> list[str]:
    """The plot's rows: the canvas with its y axis, the x axis with times, the row of marks."""
    low, high, step = _scale([v for _, points in chart.lines for _, v in points])
    ticks = [low + i * step for i in range(round((high - low) / step) + 1)]
    labels = [show(tick, step) + chart.unit for tick in ticks]
    gutter = max(len(label) for label in labels)
    columns = max(10, width - gutter - 2)
    canvas = _canvas(chart, columns, height, low, high, colour)
    at_row = {_row(tick, low, high, height): label for tick, label in zip(ticks, labels, strict=True)}
    rows = [
        f"{at_row.get(r, ''):>{gutter}} {'┤' if r in at_row else '│'}{''.join(canvas[r]).rstrip()}"
        for r in range(height)
    ]
    rows.append(" " * gutter + " └" + _axis(chart, columns))
    rows.append(" " * (gutter + 2) + _times(chart, columns, clock))
    marks = _mark_row(chart, columns)
    if marks.strip():
        rows.append(" " * (gutter + 2) + marks.rstrip())
    return [row.rstrip() for row in rows]


def show(value: float, step: float = 0.0) -> str:
    """A number for an axis or a legend: as many digits as its step needs."""
    if not math.isfinite(value):
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.4g}M"
    digits = max(0, min(6, -math.floor(math.log10(step)))) if step > 0 else 2
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if step <= 0 and "." in text else text


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """Axis from, to and tick step, in round numbers."""
    finite = [v for v in values if math.isfinite(v) and abs(v) < 1e300]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if low >= 0 and low < 0.6 * high:
        low = 0.0
    if high - low <= 1e-12 * max(1.0, abs(high)):
        low, high = (0.0, 1.0) if high == 0 else (min(low, 0.0), max(high, 0.0))
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return first * step, max(last, first + 1) * step, step


def _row(value: float, low: float, high: float, rows: int) -> int:
    """The row, from the top, on which a value falls."""
    share = (min(max(value, low), high) - low) / (high - low)
    return min(rows - 1, rows - 1 - round(share * (rows - 1)))


def _canvas(chart: Chart, columns: int, rows: int, low: float, high: float, colour: bool) -> list[list[str]]:
    grid = [[" "] * columns for _ in range(rows)]
    if len(chart.lines) == 1:
        dots = _trace(chart, chart.lines[0][1], columns * 2, rows * 4, low, high)
        for row in range(rows):
            for column in range(columns):
                code = 0
                for y in range(4):
                    for x in range(2):
                        if (row * 4 + y, column * 2 + x) in dots:
                            code |= _DOTS[y][x]
                if code:
                    grid[row][column] = _paint(chr(0x2800 + code), 0, colour)
        return grid
    for i, (_, points) in enumerate(chart.lines):
        mark = _paint(MARKS[i % len(MARKS)], i, colour)
        for row, column in _trace(chart, points, columns, rows, low, high):
            grid[row][column] = mark
    return grid


def _paint(text: str, index: int, colour: bool) -> str:
    return f"\x1b[{_COLOURS[index % len(_COLOURS)]}m{text}\x1b[0m" if colour else text


def _trace(
    chart: Chart, points: Points, width: int, rows: int, low: float, high: float
) -> dict[tuple[int, int], bool]:
    """Cells a line passes, joined between neighbours, with a gap where samples are missing."""
    span = max(chart.end_s - chart.start_s, 1e-9)
    found: dict[tuple[int, int], bool] = {}
    before: tuple[float, int, int] | None = None
    for t, value in points:
        if not math.isfinite(value) or not chart.start_s <= t <= chart.end_s:
            before = None
            continue
        column = min(width - 1, int((t - chart.start_s) / span * width))
        row = _row(value, low, high, rows)
        found[row, column] = True
        if before is not None and t - before[0] <= 2.5 * chart.step_s:
            _join(found, before[1], before[2], row, column)
        before = (t, row, column)
    return found


def _join(found: dict[tuple[int, int], bool], row: int, column: int, to_row: int, to_column: int) -> None:
    steps = max(abs(to_row - row), abs(to_column - column))
    for i in range(1, steps):
        found[row + round((to_row - row) * i / steps), column + round((to_column - column) * i / steps)] = (
            True
        )


def _column(chart: Chart, t: float, columns: int) -> int:
    span = max(chart.end_s - chart.start_s, 1e-9)
    return min(columns - 1, max(0, int((t - chart.start_s) / span * columns)))


def _tick_columns(columns: int) -> list[int]:
    count = max(1, columns // 16)
    return [round(i * (columns - 1) / count) for i in range(count + 1)]


def _axis(chart: Chart, columns: int) -> str:
    ticks = _tick_columns(columns)
    return "".join("┬" if i in ticks else "─" for i in range(columns))


def _times(chart: Chart, columns: int, clock: Callable[[float], str]) -> str:
    row = [" "] * columns
    span = chart.end_s - chart.start_s
    for column in _tick_columns(columns):
        label = clock(chart.start_s + span * column / max(1, columns - 1))
        first = max(0, min(column - len(label) // 2, columns - len(label)))
        row[first : first + len(label)] = label
    return "".join(row)


def _mark_row(chart: Chart, columns: int) -> str:
    row = [" "] * columns
    for t, letter in chart.marks:
        column = _column(chart, t, columns)
        while column < columns - 1 and row[column] != " ":
            column += 1
        row[column] = letter
    return "".join(row)
