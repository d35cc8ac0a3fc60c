"""Tools that take lines apart: cut, tr, column, paste, rev, fold."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from simulator.reply import Reply
from simulator.scenario import Text
from simulator.shell.inputs import gather, joined, lines_of, mapped
from simulator.shell.options import Grammar, ToolError, answers, number, parse
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

MAX_TABLE_CHARS = 4_000_000
MAX_SET_CHARS = 70_000  # `tr` sets: all of the basic plane
_HINT = "\nTry 'cut --help' for more information."
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\\": "\\"}
_ASCII = [chr(c) for c in range(128)]
_CLASSES = {
    "alnum": [c for c in _ASCII if c.isalnum()],
    "alpha": [c for c in _ASCII if c.isalpha()],
    "blank": ["\t", " "],
    "cntrl": [c for c in _ASCII if ord(c) < 32 or ord(c) == 127],
    "digit": list("0123456789"),
    "graph": [c for c in _ASCII if 33 <= ord(c) <= 126],
    "lower": [c for c in _ASCII if c.islower()],
    "print": [c for c in _ASCII if 32 <= ord(c) <= 126],
    "punct": [c for c in _ASCII if 33 <= ord(c) <= 126 and not c.isalnum()],
    "space": ["\t", "\n", "\v", "\f", "\r", " "],
    "upper": [c for c in _ASCII if c.isupper()],
    "xdigit": list("0123456789ABCDEFabcdef"),
}


@answers
def _cut(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(
        argv,
        Grammar(
            flags="szn",
            values="dfcbO",
            long={
                "delimiter": "d",
                "fields": "f",
                "characters": "c",
                "bytes": "b",
                "only-delimited": "s",
                "output-delimiter": "O",
            },
        ),
    )
    lists = [(name, value) for name, value in parsed.options if name in "fcb"]
    if not lists:
        raise ToolError("cut: you must specify a list of bytes, characters, or fields" + _HINT)
    if len(lists) > 1:
        raise ToolError("cut: only one list may be specified" + _HINT)
    by_field = lists[0][0] == "f"
    delimiter = parsed.last("d", "\t")
    if parsed.has("d") and not by_field:
        raise ToolError("cut: an input delimiter may be specified only when operating on fields" + _HINT)
    if len(delimiter) > 1:
        raise ToolError("cut: the delimiter must be a single character" + _HINT)
    if len(parsed.last("O")) > 1000:
        raise ToolError("cut: the output delimiter is too long")
    ranges = _ranges(lists[0][1], by_field)
    inputs = gather(world, "cut", parsed.operands, stdin)
    glue = parsed.last("O", delimiter if by_field else "")
    out = []
    for line in lines_of(inputs.text):
        if by_field and (not delimiter or delimiter not in line):
            if not parsed.has("s"):
                out.append(line)
            continue
        pieces = line.split(delimiter) if by_field else list(line)
        out.append(glue.join(p for low, high in ranges for p in pieces[low - 1 : high]))
    return inputs.reply(joined(out))


def _ranges(text: str, by_field: bool) -> list[tuple[int, int]]:
    """Merged, ordered (first, last) from `1,3-5,7-`."""
    what = "fields are numbered from 1" if by_field else "byte/character positions are numbered from 1"
    found = []
    for part in text.replace(" ", ",").split(","):
        low, dash, high = part.partition("-")
        if part in ("", "-"):
            zero = "invalid range with no endpoint: -" if part == "-" else what
            raise ToolError(f"cut: {zero}{_HINT}")
        if not (low + high).isascii() or not (low + high).isdigit() or len(part) > 40:
            noun = "field value" if by_field else "byte/character position"
            raise ToolError(f"cut: invalid {noun} ‘{part[:80]}’{_HINT}")
        first = int(low) if low else 1
        last = (int(high) if high else 10**12) if dash else first
        if first == 0 or (high and last == 0):
            raise ToolError(f"cut: {what}{_HINT}")
        if last < first:
            raise ToolError(f"cut: invalid decreasing range{_HINT}")
        found.append((first, last))
    merged: list[tuple[int, int]] = []
    for first, last in sorted(found):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


@answers
def _tr(_world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(
        argv,
        Grammar(
            flags="dscCt",
            long={"delete": "d", "squeeze-repeats": "s", "complement": "c", "truncate-set1": "t"},
            stop_at_operand=True,
        ),
    )
    sets, hint = parsed.operands, "\nTry 'tr --help' for more information."
    delete, squeeze, complement = parsed.has("d"), parsed.has("s"), parsed.has("cC")
    if not sets:
        raise ToolError("tr: missing operand" + hint)
    if len(sets) == 1 and not (delete or squeeze):
        text = f"tr: missing operand after ‘{sets[0]}’\nTwo strings must be given when translating."
        raise ToolError(text + hint)
    if len(sets) > 2 or (len(sets) == 2 and delete and not squeeze):
        extra = sets[1] if delete else sets[2]
        only = "\nOnly one string may be given when deleting without squeezing repeats." if delete else ""
        raise ToolError(f"tr: extra operand ‘{extra}’{only}{hint}")
    first = _set(sets[0])
    second = _set(sets[1]) if len(sets) == 2 else []
    if len(sets) == 2 and not delete and not second:
        raise ToolError("tr: when not truncating set1, string2 must be non-empty")
    if not complement and not delete and second:
        first, second = _case_pairs(sets[0], sets[1], first, second)
    return Reply(out=_translated(stdin, first, second, delete, squeeze, complement))


def _translated(
    text: str, first: list[str], second: list[str], delete: bool, squeeze: bool, complement: bool
) -> str:
    chosen = dict.fromkeys(first)
    if delete:
        text = "".join(c for c in text if (c in chosen) == complement)
        return _squeezed(text, dict.fromkeys(second)) if squeeze else text
    if second:
        if complement:
            text = "".join(c if c in chosen else second[-1] for c in text)
        elif first:
            second = second[: len(first)]
            padded = second + [second[-1]] * (len(first) - len(second))
            table = dict(zip(map(ord, first), padded, strict=True))
            text = text.translate(table)
        return _squeezed(text, dict.fromkeys(second)) if squeeze else text
    out: list[str] = []
    for char in text:
        if not (out and out[-1] == char and (char in chosen) != complement):
            out.append(char)
    return "".join(out)


def _squeezed(text: str, chosen: dict[str, None]) -> str:
    out: list[str] = []
    for char in text:
        if not (out and out[-1] == char and char in chosen):
            out.append(char)
    return "".join(out)


def _case_pairs(left: str, right: str, first: list[str], second: list[str]) -> tuple[list[str], list[str]]:
    """`tr '[:lower:]' '[:upper:]'` reaches letters beyond ASCII in a UTF-8 terminal: Cyrillic here."""
    cyrillic = [chr(c) for c in range(0x430, 0x450)] + ["ё"]
    if (left, right) == ("[:lower:]", "[:upper:]"):
        return first + cyrillic, second + [c.upper() for c in cyrillic]
    if (left, right) == ("[:upper:]", "[:lower:]"):
        return first + [c.upper() for c in cyrillic], second + cyrillic
    return first, second


def _set(text: str) -> list[str]:
    """The characters of a set: escapes, ranges, classes."""
    out: list[str] = []
    at = 0
    while at < len(text):
        if len(out) > MAX_SET_CHARS:
            raise ToolError("tr: the set is too large")
        if text.startswith("[:", at) and (end := text.find(":]", at + 2)) > 0:
            name = text[at + 2 : end]
            if name not in _CLASSES:
                raise ToolError(f"tr: invalid character class ‘{name[:40]}’")
            out += _CLASSES[name]
            at = end + 2
            continue
        char, at = _unescaped(text, at)
        if text.startswith("-", at) and at + 1 < len(text):
            last, at = _unescaped(text, at + 1)
            if last < char:
                raise ToolError(
                    f"tr: range-endpoints of ‘{char}-{last}’ are in reverse collating sequence order"
                )
            stop = min(ord(last), ord(char) + MAX_SET_CHARS)
            out += [chr(c) for c in range(ord(char), stop + 1) if not 0xD800 <= c <= 0xDFFF]
        else:
            out.append(char)
    return out


def _unescaped(text: str, at: int) -> tuple[str, int]:
    if text[at] != "\\" or at + 1 >= len(text):
        return text[at], at + 1
    end = at + 1
    while end < min(len(text), at + 4) and text[end] in "01234567":
        end += 1
    if end > at + 1:
        return chr(int(text[at + 1 : end], 8) & 255), end
    return _ESCAPES.get(text[at + 1], text[at + 1]), at + 2


@answers
def _column(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(
        argv,
        Grammar(
            flags="tnex",
            values="soNRc",
            long={
                "table": "t",
                "separator": "s",
                "output-separator": "o",
                "table-columns": "N",
                "table-right": "R",
            },
        ),
    )
    inputs = gather(world, "column", parsed.operands, stdin)
    lines = [line for line in lines_of(inputs.text) if line.strip()]
    if not parsed.has("t"):
        return inputs.reply(_filled(lines))
    marks = parsed.last("s")
    rows = [_split(line, marks) for line in lines]
    if parsed.has("N"):
        rows.insert(0, parsed.last("N").split(","))
    return inputs.reply(joined(table(rows, parsed.last("o", "  "))))


def _split(line: str, marks: str) -> list[str]:
    if not marks:
        return line.split()
    for mark in marks[1:]:
        line = line.replace(mark, marks[0])
    return line.split(marks[0])


def width_of(text: str) -> int:
    """Columns a text takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def table(rows: list[list[str]], glue: str = "  ") -> list[str]:
    """Rows padded to the widest cell of each column; the last cell is left as it is."""
    widths: list[int] = []
    for row in rows:
        for index, cell in enumerate(row):
            if index == len(widths):
                widths.append(0)
            widths[index] = max(widths[index], width_of(cell))
    if sum(widths) * len(rows) > MAX_TABLE_CHARS:
        raise ToolError("column: the table would be too wide")
    out = []
    for row in rows:
        cells = [c + " " * (widths[i] - width_of(c)) if i + 1 < len(row) else c for i, c in enumerate(row)]
        out.append(glue.join(cells))
    return out


def _filled(lines: list[str], width: int = 80) -> str:
    """column without -t: as many columns as fit, filled downwards, tabs of eight between."""
    if not lines:
        return ""
    cell = (max(map(width_of, lines)) // 8 + 1) * 8
    columns = max(1, width // cell)
    height = -(-len(lines) // columns)
    out = []
    for row in range(height):
        cells = lines[row::height]
        out.append("".join(c + "\t" * ((cell - width_of(c) + 7) // 8) for c in cells[:-1]) + cells[-1])
    return joined(out)


@answers
def _paste(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(argv, Grammar(flags="sz", values="d", long={"serial": "s", "delimiters": "d"}))
    marks = parsed.last("d", "\t").replace("\\n", "\n").replace("\\t", "\t") or ""
    inputs = gather(world, "paste", parsed.operands, stdin)
    if parsed.operands.count("-") > 1:
        size = parsed.operands.count("-")
        lines = lines_of(stdin)
        rows = [lines[i : i + size] for i in range(0, len(lines), size)]
        return Reply(out=joined([_glued(row + [""] * (size - len(row)), marks) for row in rows]))
    columns = [lines_of(text) for _, text in inputs.found]
    if parsed.has("s"):
        return inputs.reply(joined([_glued(column, marks) for column in columns]))
    height = max(map(len, columns), default=0)
    rows = [[column[i] if i < len(column) else "" for column in columns] for i in range(height)]
    return inputs.reply(joined([_glued(row, marks) for row in rows]))


def _glued(cells: list[str], marks: str) -> str:
    out = []
    for index, cell in enumerate(cells):
        out.append(cell)
        if index + 1 < len(cells) and marks:
            out.append(marks[index % len(marks)])
    return "".join(out)


@answers
def _rev(world: World, argv: list[str], stdin: str) -> Reply:
    inputs = gather(world, "rev", parse(argv, Grammar()).operands, stdin)
    return inputs.reply(mapped(inputs.text, lambda line: line[::-1]))


@answers
def _fold(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(argv, Grammar(flags="sb", values="w", long={"width": "w", "spaces": "s"}, number_as="w"))
    wrong = f"fold: invalid number of columns: ‘{parsed.last('w')}’"
    width = number(parsed.last("w", "80"), wrong, low=1)
    inputs = gather(world, "fold", parsed.operands, stdin)
    return inputs.reply(mapped(inputs.text, lambda line: "\n".join(_folded(line, width, parsed.has("s")))))


def _folded(line: str, width: int, at_blanks: bool) -> list[str]:
    """A line cut into pieces of at most `width` columns; a tab runs to the next multiple of eight."""
    pieces: list[str] = []
    begin = column = 0
    for at, char in enumerate(line):
        after = (column // 8 + 1) * 8 if char == "\t" else column + 1
        if after > width and at > begin:
            blank = line.rfind(" ", begin, at) + 1 if at_blanks else 0
            cut = blank if blank > begin else at
            pieces.append(line[begin:cut])
            begin = cut
            column = at - cut
            after = (column // 8 + 1) * 8 if char == "\t" else column + 1
        column = after
    return [*pieces, line[begin:]]


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "cut",
            _cut,
            Text(ru="поля или символы строк", en="fields or characters of lines"),
            ("cut -d, -f1,3",),
        ),
        Tool(
            "tr", _tr, Text(ru="заменить символы", en="translate characters"), ("tr -d '\"'", "tr ',' '\\n'")
        ),
        Tool("column", _column, Text(ru="таблица из строк", en="lines as a table"), ("column -t -s,",)),
        Tool("paste", _paste, Text(ru="склеить строки", en="join lines"), ("paste -sd,",)),
        Tool("rev", _rev, Text(ru="строки задом наперёд", en="lines backwards"), ("rev",)),
        Tool("fold", _fold, Text(ru="перенести длинные строки", en="wrap long lines"), ("fold -w 80",)),
    )
}
