"""How psql prints results: aligned, unaligned, CSV, expanded. Values come typed, text goes out."""

from __future__ import annotations

import csv
import io
import unicodedata
from dataclasses import dataclass

from simulator.postgres import types
from simulator.postgres.execute import Result


@dataclass
class Format:
    """psql's printing options."""

    expanded: bool = False
    tuples_only: bool = False
    aligned: bool = True
    csv: bool = False
    separator: str = "|"
    null: str = ""


def width(text: str) -> int:
    """Columns a text takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cells(result: Result, null: str) -> list[list[str]]:
    return [
        [
            null if v is None else (types.format_value(v, kind) or "")
            for v, (_, kind) in zip(row, result.columns, strict=True)
        ]
        for row in result.rows
    ]


def render(result: Result, form: Format) -> str:
    """A query's rows as psql prints them, with the blank line that follows."""
    names = [name for name, _ in result.columns]
    rows = cells(result, form.null)
    if form.csv:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        if not form.tuples_only:
            writer.writerow(names)
        writer.writerows(rows)
        return out.getvalue()
    if form.expanded:
        return _expanded(names, rows, form)
    if not form.aligned:
        lines = [] if form.tuples_only else [form.separator.join(names)]
        lines += [form.separator.join(row) for row in rows]
        if not form.tuples_only:
            lines.append(_count(len(rows)))
        return "".join(line + "\n" for line in lines)
    return _aligned(result, names, rows, form)


def _count(rows: int) -> str:
    return f"({rows} row{'' if rows == 1 else 's'})"


def _aligned(result: Result, names: list[str], rows: list[list[str]], form: Format) -> str:
    """A cell with line breaks takes several lines; psql marks all but its last with a plus sign."""
    split = [[cell.split("\n") for cell in row] for row in rows]
    widths = [
        max([width(name), *(width(part) for row in split for part in row[n])]) for n, name in enumerate(names)
    ]
    right = [kind.name in types.RIGHT_ALIGNED for _, kind in result.columns]
    lines = []
    if not form.tuples_only:
        head = []
        for name, w in zip(names, widths, strict=True):
            space = w - width(name)
            head.append(" " * (space // 2) + name + " " * (space - space // 2))
        lines.append(" " + " | ".join(head) + " ")
        lines.append("-" + "-+-".join("-" * w for w in widths) + "-")
    for row in split:
        height = max(len(cell) for cell in row) if row else 1
        for k in range(height):
            line = ""
            for n, cell in enumerate(row):
                part = cell[k] if k < len(cell) else ""
                pad = " " * (widths[n] - width(part))
                last = n == len(row) - 1
                more = k < len(cell) - 1
                body = pad + part if right[n] else part + ("" if last and not more else pad)
                line += " " + body + ("+" if more else ("" if last else " ")) + ("" if last else "|")
            lines.append(line)
    if not form.tuples_only:
        lines.append(_count(len(rows)))
    return "".join(line + "\n" for line in lines) + "\n"


def _expanded(names: list[str], rows: list[list[str]], form: Format) -> str:
    if not rows:
        return "" if form.tuples_only else "(0 rows)\n\n"
    label = max(width(n) for n in names)
    value = max(width(part) for row in rows for cell in row for part in cell.split("\n"))
    lines = []
    for number, row in enumerate(rows, 1):
        if not form.tuples_only:
            title = f"-[ RECORD {number} ]"
            total = label + value + 3
            rule = title + "-" * max(0, label + 1 - len(title))
            rule += ("+" if len(rule) == label + 1 else "-") + "-" * max(0, total - len(rule) - 1)
            lines.append(rule)
        elif number > 1:
            lines.append("")
        for name, cell in zip(names, row, strict=True):
            lines.append(name + " " * (label - width(name)) + " | " + cell)
    return "".join(line + "\n" for line in lines) + "\n"
