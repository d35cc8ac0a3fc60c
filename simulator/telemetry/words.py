"""Reading the options of this room's tools: kingpin's way (promtool, amtool, logcli), with its errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from simulator.telemetry.promql_lexer import duration_s


class UsageError(Exception):
    """What the tool says about the words it cannot use."""


@dataclass
class Words:
    """Options by long name (the last one wins; `lists` keeps all), and the other words in order."""

    options: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    operands: list[str] = field(default_factory=list)

    def has(self, name: str) -> bool:
        return name in self.options


def read(argv: Sequence[str], flags: Mapping[str, str], values: Mapping[str, str]) -> Words:
    """Split words into options and operands.

    `flags` and `values` map long names to one-letter forms ("" for none); a value option takes `=value`
    or the next word. Raises UsageError in kingpin's words.
    """
    short = {letter: name for name, letter in (*flags.items(), *values.items()) if letter}
    found, i, only_operands = Words(), 0, False
    while i < len(argv):
        word = argv[i]
        i += 1
        if only_operands or not word.startswith("-") or word == "-" or _negative_number(word):
            found.operands.append(word)
            continue
        if word == "--":
            only_operands = True
            continue
        name, value, given = _option(word, short)
        if name in flags:
            found.options[name] = "true"
            continue
        if name not in values:
            raise UsageError(
                f"unknown {'long' if word.startswith('--') else 'short'} flag '{word.partition('=')[0]}'"
            )
        if not given:
            if i >= len(argv):
                raise UsageError(f"expected argument for flag '{word}'")
            value, i = argv[i], i + 1
        found.options[name] = value
        found.lists.setdefault(name, []).append(value)
    return found


def _negative_number(word: str) -> bool:
    return word[1:2].isdigit() or word[1:2] == "."


def _option(word: str, short: Mapping[str, str]) -> tuple[str, str, bool]:
    """(long name, value, whether a value was attached)."""
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        return name, value, bool(equals)
    letter, rest = word[1:2], word[2:]
    return short.get(letter, word), rest.removeprefix("="), bool(rest)


def seconds(text: str) -> float | None:
    """A duration: `10m`, `1h30m`, `15` (seconds), or None."""
    bare = text.strip()
    try:
        value = float(bare)
    except ValueError:
        value = duration_s(bare) if bare else -1.0
    return value if 0 < value < 1e9 else None


def moment(text: str, epoch_s: float) -> float | None:
    """A Unix timestamp or RFC 3339 time in simulated seconds, or None."""
    try:
        value = float(text)
        return value - epoch_s if abs(value) < 1e12 else None
    except ValueError:
        pass
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed.timestamp() - epoch_s if parsed.tzinfo else None


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as Go's tabwriter prints them: two blanks between, and after the last one too."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + "  " for row in rows
    ]
    return "\n".join(lines) + "\n"
