"""sort and uniq. Bytes order (the C locale), as in most containers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import re2

from simulator.reply import Reply
from simulator.scenario import Text
from simulator.shell import files
from simulator.shell.inputs import gather, joined, lines_of
from simulator.shell.options import Grammar, ToolError, answers, number, parse
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

_SORT = Grammar(
    flags="nrufhgVbdiMcsRzm",
    values="ktoSTy",
    long={
        "numeric-sort": "n",
        "reverse": "r",
        "unique": "u",
        "ignore-case": "f",
        "human-numeric-sort": "h",
        "general-numeric-sort": "g",
        "version-sort": "V",
        "ignore-leading-blanks": "b",
        "month-sort": "M",
        "key": "k",
        "field-separator": "t",
        "check": "c",
        "stable": "s",
        "output": "o",
    },
    code=2,
)
_NUMBER = re2.compile(r"^[ \t]*(-?)([0-9]*)(?:\.([0-9]*))?")
_GENERAL = re2.compile(r"^[ \t]*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)")
_PIECES = re2.compile(r"[0-9]+|[^0-9]+")
_KEY = re2.compile(
    r"^([0-9]{1,9})(?:\.([0-9]{1,9}))?([bdfghiMnrV]*)(?:,([0-9]{1,9})(?:\.([0-9]{1,9}))?([bdfghiMnrV]*))?$"
)
_SUFFIXES = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6, "Z": 7, "Y": 8}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DIGITS_COMPARED = 300  # longer runs of digits compare by their first ones; keeps int() cheap


@dataclass(frozen=True)
class _Key:
    """A `-k` key: fields and characters count from 1; an end field of 0 means the line's end."""

    field: int = 1
    char: int = 1
    end_field: int = 0
    end_char: int = 0
    flags: str = ""


@answers
def _sort(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(argv, _SORT)
    separator = _separator(parsed.last("t"), parsed.has("t"))
    wide = "".join(name for name, _ in parsed.options if name in "nrfhgVbdiM")
    keys = [_key(text) for text in parsed.all("k")]
    keys = [key if key.flags else replace(key, flags=wide) for key in keys] or [_Key(flags=wide)]
    inputs = gather(world, "sort", parsed.operands, stdin)
    if inputs.errors:
        return Reply(err=inputs.errors[0], code=2)
    lines = [line for _, text in inputs.found for line in lines_of(text)]
    if parsed.has("c"):
        return _check(lines, keys, separator)
    ordered = _ordered(lines, keys, separator, parsed.has("su"), "r" in wide)
    if parsed.has("u"):
        ordered = _unique(ordered, keys, separator)
    if parsed.has("o"):
        try:
            files.write(world, parsed.last("o"), joined(ordered))
        except files.FileProblem as problem:
            raise ToolError(f"sort: open failed: {parsed.last('o')}: {problem.reason}", 2) from None
        return Reply()
    return Reply(out=joined(ordered))


def _separator(text: str, given: bool) -> str | None:
    if not given:
        return None
    if text == "\\0":
        return "\0"
    if not text:
        raise ToolError("sort: empty tab", 2)
    if len(text) > 1:
        raise ToolError(f"sort: multi-character tab ‘{text[:40]}’", 2)
    return text


def _key(text: str) -> _Key:
    match = _KEY.match(text)
    if match is None:
        if text[:1].isdigit():
            raise ToolError(
                f"sort: stray character in field spec: invalid field specification ‘{text[:80]}’", 2
            )
        raise ToolError(f"sort: invalid number at field start: invalid count at start of ‘{text[:80]}’", 2)
    field, end_field = int(match[1]), int(match[4] or 0)
    if field == 0 or (match[4] and end_field == 0):
        raise ToolError(f"sort: field number is zero: invalid field specification ‘{text[:80]}’", 2)
    if match[2] and int(match[2]) == 0:
        raise ToolError(f"sort: character offset is zero: invalid field specification ‘{text[:80]}’", 2)
    return _Key(field, int(match[2] or 1), end_field, int(match[5] or 0), match[3] + (match[6] or ""))


def _ordered(
    lines: list[str], keys: list[_Key], separator: str | None, stable: bool, reverse: bool
) -> list[str]:
    """Sort by the last resort first (whole lines), then by the keys from last to first."""
    ordered = list(lines)
    if not stable:
        ordered.sort(key=str.encode, reverse=reverse)
    for key in reversed(keys):
        value = _value(key, separator)
        if "r" in key.flags:  # reversed() twice keeps equal lines in their order
            ordered.reverse()
            ordered.sort(key=value)
            ordered.reverse()
        else:
            ordered.sort(key=value)
    return ordered


def _unique(ordered: list[str], keys: list[_Key], separator: str | None) -> list[str]:
    values = [_value(key, separator) for key in keys]
    kept: list[str] = []
    previous: list[Any] | None = None
    for line in ordered:
        current = [value(line) for value in values]
        if current != previous:
            kept.append(line)
        previous = current
    return kept


def _check(lines: list[str], keys: list[_Key], separator: str | None) -> Reply:
    ordered = _ordered(lines, keys, separator, True, False)
    for index, (line, wanted) in enumerate(zip(lines, ordered, strict=True)):
        if line != wanted:
            at = index + (1 if index + 1 < len(lines) else 0)
            return Reply(err=f"sort: -:{at + 1}: disorder: {lines[at]}\n", code=1)
    return Reply()


def _value(key: _Key, separator: str | None) -> Callable[[str], Any]:
    """A function from a line to what `key` compares."""
    flags = key.flags
    convert: Callable[[str], Any] = str.encode
    if "n" in flags:
        convert = numeric
    elif "h" in flags:
        convert = _human
    elif "g" in flags:
        convert = _general
    elif "V" in flags:
        convert = _version
    elif "M" in flags:
        convert = _month
    folds, blanks, words = "f" in flags, "b" in flags, "d" in flags
    whole = key == _Key(flags=flags)

    def value(line: str) -> Any:
        text = line if whole else _extract(line, key, separator)
        text = text.lstrip(" \t") if blanks else text
        text = text.upper() if folds else text
        if words:
            text = "".join(c for c in text if c.isalnum() or c in " \t")
        return convert(text)

    return value


def _extract(line: str, key: _Key, separator: str | None) -> str:
    begins = _field_starts(line, separator)

    def position(field: int, char: int, blanks: bool) -> int:
        if field > len(begins):
            return len(line)
        begin = begins[field - 1]
        if blanks:
            while begin < len(line) and line[begin] in " \t":
                begin += 1
        return begin + char - 1

    start = position(key.field, key.char, "b" in key.flags)
    if not key.end_field:
        return line[start:]
    if key.end_char:
        return line[start : position(key.end_field, key.end_char + 1, "b" in key.flags)]
    if key.end_field >= len(begins):
        return line[start:]
    return line[start : begins[key.end_field] - (1 if separator is not None else 0)]


def _field_starts(line: str, separator: str | None) -> list[int]:
    """Where fields begin; without a separator a field takes the blanks before it along."""
    starts = [0]
    if separator is not None:
        at = line.find(separator)
        while at >= 0:
            starts.append(at + 1)
            at = line.find(separator, at + 1)
        return starts
    for at in range(1, len(line)):
        if line[at] in " \t" and line[at - 1] not in " \t":
            starts.append(at)
    return starts


def numeric(text: str) -> tuple[int, int, str]:
    """A sortable value for `-n`: whole part, then the fraction's digits, exact at any length."""
    match = _NUMBER.match(text)
    whole, fraction = (match[2], match[3] or "") if match else ("", "")
    digits = fraction.rstrip("0")[:_DIGITS_COMPARED]
    value = int(whole[:_DIGITS_COMPARED] or "0") if len(whole) <= _DIGITS_COMPARED else 10**_DIGITS_COMPARED
    if match and match[1] and (value or digits):
        negated = "".join(chr(ord("9") - int(d) + ord("0")) for d in digits)
        return (-1, -value, negated + "~" if digits else "~")
    return (0 if not value and not digits else 1, value, digits)


def _human(text: str) -> tuple[int, int, tuple[int, int, str]]:
    match = _NUMBER.match(text)
    suffix = text[match.end() : match.end() + 1] if match else ""
    order = _SUFFIXES.get(suffix, 0)
    value = numeric(text)
    sign = value[0]
    return (sign, order * sign, value)


def _general(text: str) -> tuple[int, float]:
    match = _GENERAL.match(text)
    return (1, float(match[1])) if match else (0, 0.0)


def _version(text: str) -> list[tuple[int, int, bytes]]:
    """Runs of digits compare as numbers; a tilde sorts before everything."""
    pieces: list[tuple[int, int, bytes]] = []
    for piece in _PIECES.findall(text):
        if piece[0] in "0123456789":
            pieces.append((1, int(piece[:_DIGITS_COMPARED]), b""))
        else:
            pieces.append((2 if piece[0] != "~" else 0, 0, piece.encode()))
    return pieces


def _month(text: str) -> int:
    name = text.lstrip(" \t")[:3].upper()
    return _MONTHS.index(name) + 1 if name in _MONTHS else 0


@answers
def _uniq(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(
        argv,
        Grammar(
            flags="cduiDz",
            values="fsw",
            long={
                "count": "c",
                "repeated": "d",
                "unique": "u",
                "ignore-case": "i",
                "skip-fields": "f",
                "skip-chars": "s",
                "check-chars": "w",
            },
        ),
    )
    skip_fields = number(parsed.last("f", "0"), "uniq: invalid number of fields to skip")
    skip_chars = number(parsed.last("s", "0"), "uniq: invalid number of bytes to skip")
    width = number(parsed.last("w", "1000000000"), "uniq: invalid number of bytes to compare")

    def compared(line: str) -> str:
        at = 0
        for _ in range(min(skip_fields, len(line))):
            while at < len(line) and line[at] in " \t":
                at += 1
            while at < len(line) and line[at] not in " \t":
                at += 1
        text = line[at + skip_chars :][:width]
        return text.lower() if parsed.has("i") else text

    inputs = gather(world, "uniq", parsed.operands[:1], stdin)
    groups: list[list[str]] = []
    previous: str | None = None
    for line in lines_of(inputs.text):
        current = compared(line)
        if groups and current == previous:
            groups[-1].append(line)
        else:
            groups.append([line])
        previous = current
    if parsed.has("D"):
        return inputs.reply(joined([line for group in groups if len(group) > 1 for line in group]))
    chosen = [
        g for g in groups if not (parsed.has("d") and len(g) < 2) and not (parsed.has("u") and len(g) > 1)
    ]
    out = [f"{len(g):7} {g[0]}" if parsed.has("c") else g[0] for g in chosen]
    return inputs.reply(joined(out))


TOOLS: dict[str, Tool] = {
    "sort": Tool(
        "sort",
        _sort,
        Text(ru="упорядочить строки", en="order lines"),
        ("sort -k2,2n", "sort -rn", "sort -u", "sort -t, -k3"),
    ),
    "uniq": Tool(
        "uniq", _uniq, Text(ru="убрать повторы подряд", en="drop adjacent repeats"), ("uniq -c", "uniq -d")
    ),
}
