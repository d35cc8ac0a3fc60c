"""Tools for two sorted files: comm and join."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simulator.reply import Reply
from simulator.scenario import Text
from simulator.shell import files
from simulator.shell.inputs import joined, lines_of
from simulator.shell.options import Grammar, ToolError, answers, parse
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

MAX_ROWS = 200_000


def _two(world: World, tool: str, operands: list[str], stdin: str) -> list[list[str]]:
    """The lines of both files. Raises ToolError."""
    if len(operands) < 2:
        after = f" after ‘{operands[0][:100]}’" if operands else ""
        raise ToolError(f"{tool}: missing operand{after}\nTry '{tool} --help' for more information.")
    if len(operands) > 2:
        raise ToolError(
            f"{tool}: extra operand ‘{operands[2][:100]}’\nTry '{tool} --help' for more information."
        )
    found = []
    for name in operands:
        try:
            found.append(lines_of(files.read(world, name, stdin)))
        except files.FileProblem as problem:
            raise ToolError(f"{tool}: {name[:200]}: {problem.reason}") from None
    return found


def _unsorted(keys: Sequence[str]) -> bool:
    return any(before > after for before, after in zip(keys, keys[1:], strict=False))


@answers
def _comm(world: World, argv: list[str], stdin: str) -> Reply:
    long = {"output-delimiter": "O", "check-order": "", "nocheck-order": "", "total": "T"}
    parsed = parse(argv, Grammar(flags="123zT", values="O", long=long))
    left, right = _two(world, "comm", parsed.operands, stdin)
    mark = parsed.last("O", "\t")[:100]
    hidden = [parsed.has(str(n)) for n in (1, 2, 3)]
    lead = ["", mark * (not hidden[0]), mark * ((not hidden[0]) + (not hidden[1]))]
    out: list[str] = []
    counts, a, b = [0, 0, 0], 0, 0
    while a < len(left) or b < len(right):
        if b >= len(right) or (a < len(left) and left[a] < right[b]):
            column, text, a = 0, left[a], a + 1
        elif a >= len(left) or right[b] < left[a]:
            column, text, b = 1, right[b], b + 1
        else:
            column, text, a, b = 2, left[a], a + 1, b + 1
        counts[column] += 1
        if not hidden[column]:
            out.append(lead[column] + text)
    if parsed.has("T"):
        out.append(mark.join([*map(str, counts), "total"]))
    wrong = [f"comm: file {n} is not in sorted order\n" for n, f in ((1, left), (2, right)) if _unsorted(f)]
    err = "".join(wrong) + ("comm: input is not in sorted order\n" if wrong else "")
    return Reply(joined(out), err, 1 if wrong else 0)


@answers
def _join(world: World, argv: list[str], stdin: str) -> Reply:
    long = {"header": "H", "ignore-case": "i", "check-order": "", "nocheck-order": ""}
    parsed = parse(argv, Grammar(flags="iH", values="12jtaveo", long=long))
    left, right = _two(world, "join", parsed.operands, stdin)
    mark = parsed.last("t")[:1]
    keys = [parsed.last("1") or parsed.last("j", "1"), parsed.last("2") or parsed.last("j", "1")]
    for key in keys:
        if not key.isdigit() or not 0 < int(key[:6]) < 100_000:
            raise ToolError(f"join: invalid field number: ‘{key[:40]}’")
    rows = [[line.split(mark) if mark else line.split() for line in side] for side in (left, right)]
    at = [int(key) - 1 for key in keys]
    blank, glue = parsed.last("e"), mark or " "
    shown = [part for word in parsed.all("o") for part in word.replace(",", " ").split()]

    def key_of(side: int, row: list[str]) -> str:
        key = row[at[side]] if at[side] < len(row) else ""
        return key.lower() if parsed.has("i") else key

    def line(key: str, one: list[str] | None, two: list[str] | None) -> str:
        if shown and shown != ["auto"]:
            return glue.join(_field(part, key, (one, two)) or blank for part in shown)
        rest = [
            [] if r is None else [c for n, c in enumerate(r) if n != at[s]] for s, r in enumerate((one, two))
        ]
        return glue.join([key, *rest[0], *rest[1]])

    by_key: dict[str, list[list[str]]] = {}
    for row in rows[1]:
        by_key.setdefault(key_of(1, row), []).append(row)
    out: list[str] = []
    met: dict[str, bool] = {}
    lonely = parsed.all("a") + parsed.all("v")
    for row in rows[0]:
        key = key_of(0, row)
        for other in by_key.get(key, ()):
            met[key] = True
            if not parsed.has("v"):
                out.append(line(key, row, other))
            if len(out) > MAX_ROWS:
                raise ToolError("join: memory exhausted")
        if key not in by_key and "1" in lonely:
            out.append(line(key, row, None))
    if "2" in lonely:
        out += [line(key_of(1, row), None, row) for row in rows[1] if key_of(1, row) not in met]
    wrong = _unsorted([key_of(0, r) for r in rows[0]]) or _unsorted([key_of(1, r) for r in rows[1]])
    return Reply(joined(out), "join: input is not in sorted order\n" if wrong else "", int(wrong))


def _field(part: str, key: str, rows: tuple[list[str] | None, list[str] | None]) -> str:
    """`0` is the key, `2.3` the third field of the second file."""
    if part == "0":
        return key
    side, _, number = part.partition(".")
    if side not in ("1", "2") or not number.isdigit() or not int(number[:6]):
        raise ToolError(f"join: invalid field specifier: ‘{part[:40]}’")
    row = rows[int(side) - 1] or []
    return row[int(number[:6]) - 1] if int(number[:6]) <= len(row) else ""


TOOLS: dict[str, Tool] = {
    "comm": Tool(
        "comm",
        _comm,
        Text(ru="чем отличаются два сортированных списка", en="what two sorted lists differ in"),
        ("comm -23 <(kubectl get deploy -o name | sort) <(kubectl get svc -o name | sort)",),
    ),
    "join": Tool(
        "join",
        _join,
        Text(ru="соединить строки двух файлов по полю", en="join the lines of two files by a field"),
        ("join -t, -1 1 -2 2 a.csv b.csv",),
    ),
}
