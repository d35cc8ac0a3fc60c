"""numfmt: numbers with units and back."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import re2

from simulator.reply import Reply
from simulator.scenario import Text
from simulator.shell.inputs import lines_of
from simulator.shell.options import Grammar, ToolError, answers, parse
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

UNITS = "KMGTPEZY"
MAX_OUTPUT = 1_000_000
_HELP = "\nTry 'numfmt --help' for more information."
_NUMBER = re2.compile(r"\s*([-+]?[0-9]{1,30}(?:\.[0-9]{1,30})?)([KkMGTPEZY]?)(i?)(.*)$")
_FORMAT = re2.compile(r"([^%]*)%(['0-]*)([0-9]{0,3})(?:\.([0-9]{1,2}))?f(.*)$")
_GRAMMAR = Grammar(
    flags="zgD",
    values="dFTfspPRH",
    long={
        "delimiter": "d", "field": "F", "to": "T", "from": "f", "suffix": "s", "padding": "p", "format": "P",
        "round": "R", "header": "H", "grouping": "g", "debug": "D", "invalid": "D",
    },
)  # fmt: skip


@answers
def _numfmt(_world: World, argv: list[str], stdin: str) -> Reply:
    words = ["--header=1" if word == "--header" else word for word in argv]
    parsed = parse([w for w in words if not w.startswith("--invalid=")], _GRAMMAR)
    for name, letter, known in (
        ("from", "f", "none auto si iec iec-i"),
        ("to", "T", "none auto si iec iec-i"),
    ):
        value = parsed.last(letter, "none")
        if value not in known.split() or (name == "to" and value == "auto"):
            raise ToolError(f"numfmt: invalid argument ‘{value[:40]}’ for ‘--{name}’\nValid arguments are:\n" + "\n".join(f"  - ‘{k}’" for k in known.split()) + _HELP)  # fmt: skip
    settings = {name: parsed.last(name) for name in "dFTfspPR"} | {"g": "1" if parsed.has("g") else ""}
    if settings["P"] and not _FORMAT.match(settings["P"]):
        raise ToolError(f"numfmt: format ‘{settings['P'][:80]}’ has no % directive")
    if parsed.operands:
        return _all([[word] for word in parsed.operands], settings, 0)
    header = parsed.last("H", "0")
    mark = settings["d"][:1]
    rows = (line.split(mark) if mark else _columns(line) for line in lines_of(stdin))
    return _all(rows, settings, int(header) if header.isdigit() else 0)


def _columns(line: str) -> list[str]:
    """A line's fields, each with the blanks before it."""
    return re2.findall(r"\s*\S+", line) if " " in line or "\t" in line else [line]


def _all(rows: Iterable[list[str]], settings: dict[str, str], header: int) -> Reply:
    out: list[str] = []
    numbers, size = _fields(settings["F"] or "1"), 0
    for n, row in enumerate(rows):
        if size > MAX_OUTPUT:
            raise ToolError("numfmt: memory exhausted", 2, "".join(line + "\n" for line in out))
        cells = list(row)
        for at in range(len(cells)) if n >= header else ():
            if not numbers or at + 1 in numbers:
                try:
                    cells[at] = _one(cells[at], settings)
                except ToolError as error:
                    raise ToolError(error.text, 2, "".join(line + "\n" for line in out)) from None
        out.append((settings["d"][:1] or "").join(cells))
        size += len(out[-1])
    return Reply("".join(line + "\n" for line in out))


def _fields(text: str) -> list[int]:
    if text == "-":
        return []
    found: list[int] = []
    for part in text.split(","):
        low, dash, high = part.partition("-")
        if not (low or "1").isdigit() or not (high or "1").isdigit():
            raise ToolError(f"numfmt: invalid field value ‘{text[:40]}’{_HELP}")
        first = int(low[:4] or 1)
        found += range(first, (min(int(high[:4]), 1000) if high else first if not dash else 1000) + 1)
    return found


def _one(text: str, settings: dict[str, str]) -> str:
    """A field with its number said another way. Raises ToolError."""
    lead = text[: len(text) - len(text.lstrip())]
    found = _NUMBER.match(text)
    if found is None:
        raise ToolError(f"numfmt: invalid number: ‘{text.strip()[:60]}’")
    value, unit, binary, rest = float(found[1]), found[2].upper(), bool(found[3]), found[4]
    rest = rest.removeprefix(settings["s"]) if settings["s"] else rest
    how = settings["f"] or "none"
    if rest.strip():
        raise ToolError(f"numfmt: invalid suffix in input: ‘{text.strip()[:60]}’")
    if unit:
        if how == "none":
            raise ToolError(
                f"numfmt: rejecting suffix in input: ‘{text.strip()[:60]}’ (consider using --from)"
            )
        if how == "iec-i" and not binary:
            raise ToolError(f"numfmt: missing 'i' suffix in input: ‘{text.strip()[:60]}’ (e.g Ki/Mi/Gi)")
        base = 1024 if how in ("iec", "iec-i") or (how == "auto" and binary) else 1000
        value *= float(base) ** (UNITS.index(unit) + 1)
    shown = _shown(value, settings, "." in found[1] and not unit) + settings["s"]
    width = settings["p"]
    if width.lstrip("-").isdigit() and int(width[:5]):
        wide = min(abs(int(width[:5])), 10_000)
        return shown.ljust(wide) if width.startswith("-") else shown.rjust(wide)
    whole = len(text) if lead and not settings["d"] else 0  # columns stay where they were
    return lead[:1] + shown.rjust(whole - 1) if whole else shown


def _shown(value: float, settings: dict[str, str], broken: bool) -> str:
    into, form = settings["T"] or "none", _FORMAT.match(settings["P"]) if settings["P"] else None
    digits = int(form[4]) if form is not None and form[4] else None
    group = bool(settings["g"]) or (form is not None and "'" in form[2])
    if into == "none":
        places = digits if digits is not None else (None if broken else 0)
        number = _rounded(value, places, settings["R"]) if places is not None else value
        body = f"{number:,.{places}f}" if places is not None else f"{number:,}"
        body = body if group else body.replace(",", "")
    else:
        base, power = 1000 if into == "si" else 1024, 0
        number = abs(value)
        while number >= base and power < len(UNITS):
            number, power = number / base, power + 1
        places = (
            digits if digits is not None else (1 if power and _rounded(number, 1, settings["R"]) < 10 else 0)
        )
        number = _rounded(number, places, settings["R"])
        if number >= base and power < len(UNITS):
            number, power, places = number / base, power + 1, 1 if digits is None else digits
        unit = (UNITS[power - 1] if power else "") + ("i" if power and into == "iec-i" else "")
        body = f"{'-' if value < 0 else ''}{number:.{places}f}{unit}"
    if form is None:
        return body
    wide = min(int(form[3] or 0), 500)
    return form[1] + (body.ljust(wide) if "-" in form[2] else body.rjust(wide)) + form[5]


def _rounded(value: float, places: int, how: str) -> float:
    """Away from zero unless told otherwise."""
    scaled = round(value * 10.0**places, 9)
    if how == "nearest":
        return math.floor(abs(scaled) + 0.5) * math.copysign(1, scaled) / 10.0**places
    if how in ("down", "towards-zero"):
        return (math.floor(scaled) if how == "down" else math.trunc(scaled)) / 10.0**places
    if how == "up":
        return math.ceil(scaled) / 10.0**places
    return math.ceil(abs(scaled)) * math.copysign(1, scaled) / 10.0**places


TOOLS: dict[str, Tool] = {
    "numfmt": Tool(
        "numfmt",
        _numfmt,
        Text(ru="числа с единицами и обратно", en="numbers with units and back"),
        ("numfmt --to=iec 1536 5000000000", "kubectl top pods --no-headers | numfmt --field=3 --from=auto"),
    )
}
