"""How psql prints results: aligned, unaligned, CSV, expanded. Values come typed, text goes out."""

from __future__ import annotations

import csv
import io
import unicodedata
from dataclasses import dataclass

from simulator.postgres import types
from simulator.postgres.result import Result


@dataclass
class Format:
    """psql's printing options; `expanded` is "on", "off" or "auto"."""

    expanded: str = "off"
    tuples_only: bool = False
    aligned: bool = True
    csv: bool = False
    separator: str = "|"
    record_separator: str = "\n"
    null: str = ""
    footer: bool = True
    border: int = 1
    columns: int = 100  # of the terminal, for "auto"
    offset_min: int = 0  # of the session's time zone


def width(text: str) -> int:
    """Columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def cells(result: Result, form: Format) -> list[list[str]]:
    kinds = [kind for _, kind in result.columns]
    return [[_shown(v, kind, form) for v, kind in zip(row, kinds, strict=True)] for row in result.rows]


def _shown(value: object, kind: types.PgType, form: Format) -> str:
    text = types.format_value(value, kind, form.offset_min)
    if text is None:
        return form.null
    # A tab takes the room to the next multiple of eight, in aligned output as spaces.
    return text.expandtabs(8) if form.aligned and not form.csv and "\t" in text else text


def render(result: Result, form: Format, title: str = "", footers: list[str] | None = None) -> str:
    """A query's rows as psql prints them. `footers` stand where `(n rows)` would; a title only when aligned."""
    names = [name for name, _ in result.columns]
    rows = cells(result, form)
    right = [kind.name in types.RIGHT_ALIGNED for _, kind in result.columns]
    count = f"({len(rows)} row{'' if len(rows) == 1 else 's'})"
    tail = ([count] if form.footer else []) if footers is None else footers
    if form.csv:
        return _csv(names, rows, form)
    if form.expanded == "on" or (form.expanded == "auto" and rows and _too_wide(names, rows, form)):
        return _expanded(names, rows, form, title)
    if not form.aligned:
        return _unaligned(names, rows, form, title, tail)
    return _aligned(names, rows, right, form, title, tail)


def _too_wide(names: list[str], rows: list[list[str]], form: Format) -> bool:
    return sum(_widths(names, rows)) + 3 * len(names) - 1 > form.columns


def _widths(names: list[str], rows: list[list[str]]) -> list[int]:
    return [
        max([width(name), *(width(line) for row in rows for line in row[n].split("\n"))])
        for n, name in enumerate(names)
    ]


def _csv(names: list[str], rows: list[list[str]], form: Format) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if form.expanded == "on":
        for row in rows:
            writer.writerows(zip(names, row, strict=True))
        return out.getvalue()
    if not form.tuples_only:
        writer.writerow(names)
    for row in rows:
        # The module quotes a lone empty field; psql leaves the line empty.
        out.write("\n") if row == [""] else writer.writerow(row)
    return out.getvalue()


def _unaligned(names: list[str], rows: list[list[str]], form: Format, title: str, tail: list[str]) -> str:
    lines = []
    if not form.tuples_only:
        lines += [title] if title else []
        lines.append(form.separator.join(names))
    lines += [form.separator.join(row) for row in rows]
    if not form.tuples_only:
        lines += tail
    return form.record_separator.join(lines) + "\n" if lines else ""


def _aligned(
    names: list[str], rows: list[list[str]], right: list[bool], form: Format, title: str, tail: list[str]
) -> str:
    """A cell with line breaks takes several lines; psql marks all but its last with a plus sign."""
    widths = _widths(names, rows)
    edge, total = ("| ", " |") if form.border == 2 else (" ", " "), sum(widths) + 3 * len(widths) - 1
    rule = "-+-".join("-" * w for w in widths)
    rule = f"+-{rule}-+" if form.border == 2 else f"-{rule}-"
    lines = []
    if not form.tuples_only:
        if title:
            lines.append(" " * max(0, (total - width(title)) // 2) + title)
        heads = []
        for name, w in zip(names, widths, strict=True):
            space = w - width(name)
            heads.append(" " * (space // 2) + name + " " * (space - space // 2))
        lines += [rule] if form.border == 2 else []
        lines += [edge[0] + " | ".join(heads) + edge[1], rule]
    for row in rows:
        lines += _row_lines(row, widths, right, form.border)
    if form.border == 2:
        lines.append(rule)
    if not form.tuples_only:
        lines += tail
    return "".join(line + "\n" for line in lines) + "\n"


def _row_lines(row: list[str], widths: list[int], right: list[bool], border: int) -> list[str]:
    parts = [cell.split("\n") for cell in row]
    lines = []
    for k in range(max((len(p) for p in parts), default=1)):
        line = "|" if border == 2 else ""
        for n, part in enumerate(parts):
            text = part[k] if k < len(part) else ""
            more, last = k < len(part) - 1, n == len(parts) - 1
            pad = " " * (widths[n] - width(text))
            keep_pad = more or not last or border == 2
            body = pad + text if right[n] else text + (pad if keep_pad else "")
            line += " " + body + ("+" if more else (" " if not last or border == 2 else ""))
            line += "|" if not last or border == 2 else ""
        lines.append(line)
    return lines


def _expanded(names: list[str], rows: list[list[str]], form: Format, title: str) -> str:
    if not form.aligned:
        blocks = [
            "\n".join(f"{n}{form.separator}{v}" for n, v in zip(names, row, strict=True)) for row in rows
        ]
        return "\n\n".join(blocks) + "\n" if blocks else ""
    if not rows:
        return "" if form.tuples_only else ("(0 rows)\n\n" if form.footer else "\n")
    label = max(width(n) for n in names)
    data = max(width(line) for row in rows for cell in row for line in cell.split("\n"))
    lines = [title] if title and not form.tuples_only else []
    for number, row in enumerate(rows, 1):
        if not form.tuples_only:
            lines.append(_record_line(number, label, data))
        elif number > 1:
            lines.append("")
        for name, cell in zip(names, row, strict=True):
            parts = cell.split("\n")
            for k, part in enumerate(parts):
                head = name if k == 0 else ""
                more = k < len(parts) - 1
                body = part + " " * (data - width(part)) + "+" if more else part
                lines.append(f"{head}{' ' * (label - width(head))} | {body}")
    return "".join(line + "\n" for line in lines) + "\n"


def _record_line(number: int, label: int, data: int) -> str:
    """`-[ RECORD 1 ]-+---`: the header eats into the rule from the left."""
    head = f"[ RECORD {number} ]"
    text, taken = "-" + head, len(head) + 1
    text += "-" * max(0, label - taken)
    taken -= label
    for mark in "-+-":
        if taken <= 0:
            text += mark
        taken -= 1
    return text + "-" * max(0, data - max(0, taken))
