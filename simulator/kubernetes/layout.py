"""How kubectl lays out text: elastic columns, ages, time stamps. Knows nothing of Kubernetes objects."""

import math
from datetime import datetime
from typing import TYPE_CHECKING

from simulator.kubernetes.state import NEVER

if TYPE_CHECKING:
    from simulator.world import World

# kubectl's table printer: tabwriter with minwidth 6 and padding 3; describe and rollout use padding 2.
TABLE_MIN, TABLE_PADDING = 6, 3


def widths_of(rows: list[list[str]]) -> list[int]:
    """Column widths of a table, padding included."""
    columns = max((len(row) for row in rows), default=0)
    return [
        max(TABLE_MIN, max(len(row[i]) for row in rows if i < len(row)) + TABLE_PADDING)
        for i in range(columns)
    ]


def table(rows: list[list[str]], widths: list[int] | None = None) -> str:
    """Lines of a `get` table; the last column is not padded."""
    widths = widths or widths_of(rows)
    lines = []
    for row in rows:
        head = "".join(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False))
        lines.append(head + row[-1] + "\n")
    return "".join(lines)


def padded_table(rows: list[list[str]]) -> str:
    """Lines of `top`: there the last column is padded too."""
    widths = widths_of(rows)
    return "".join(
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + "\n" for row in rows
    )


def elastic(text: str, padding: int = 2) -> str:
    """Align tab-terminated cells as Go's text/tabwriter does: a column is a run of adjoining lines."""
    lines = [line.split("\t") for line in text.split("\n")]
    widths: list[list[int]] = [[0] * (len(cells) - 1) for cells in lines]
    _measure(lines, widths, (0, len(lines)), 0, padding)
    done = []
    for cells, columns in zip(lines, widths, strict=True):
        head = "".join(cell.ljust(width) for cell, width in zip(cells, columns, strict=False))
        done.append(head + cells[-1])
    return "\n".join(done)


def _measure(
    lines: list[list[str]], widths: list[list[int]], span: tuple[int, int], column: int, padding: int
) -> None:
    """Set the width of `column` for every run of lines in `span` that have it, then go right."""
    at, end = span
    while at < end:
        if column >= len(lines[at]) - 1:
            at += 1
            continue
        stop = at
        while stop < end and column < len(lines[stop]) - 1:
            stop += 1
        width = max(len(lines[i][column]) for i in range(at, stop)) + padding
        for i in range(at, stop):
            widths[i][column] = width
        _measure(lines, widths, (at, stop), column + 1, padding)
        at = stop


def age(seconds: float) -> str:
    """A duration in kubectl's short form (`6m40s`, `100d`)."""
    if seconds == NEVER or seconds < -1:
        return "<unknown>" if seconds == NEVER else "<invalid>"
    s = int(max(seconds, 0))
    minutes, hours, days = s // 60, s // 3600, s // 86_400
    if s < 120:
        return f"{s}s"
    if minutes < 10:
        return _pair(minutes, "m", s % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return _pair(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    if days < 2920:
        return _pair(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def since(world: "World", when_s: float) -> str:
    """How long ago something was; the API keeps whole seconds of its moments."""
    return age(world.now_s - math.floor(when_s))


def _pair(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big}{big_unit}{small}{small_unit}" if small else f"{big}{big_unit}"


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def long_stamp(moment: datetime) -> str:
    """`Mon, 23 Nov 2026 18:34:06 +0000`, independent of any locale."""
    day, month = DAYS[moment.weekday()], MONTHS[moment.month - 1]
    clock = f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d}"
    return f"{day}, {moment.day:02d} {month} {moment.year} {clock} +0000"


def stamp(moment: datetime) -> str:
    """`2026-11-23T18:34:06Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
