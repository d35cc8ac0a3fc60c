"""How things look in a terminal: colours, bars, tables, wrapped text. Pure: values in, lines out.

No reading and no printing here, and nothing knows what it draws.
"""

import os
import re
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from agent.plural import grouped, separated
from agent.text import STEERING

_CODES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "dim": "2", "bold": "1"}
_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII_BLOCKS = "_.-=+*#@"
NARROWEST, WIDEST = 40, 120  # below, nothing fits; above, lines are too long to read


@dataclass(frozen=True)
class Screen:
    """What the reader looks at: width in cells, colours or none, and whether it can show `▁▂▃`."""

    columns: int = 80
    colour: bool = False
    unicode: bool = True

    def paint(self, text: str, *styles: str) -> str:
        codes = ";".join(_CODES[style] for style in styles if style)
        return f"\x1b[{codes}m{text}\x1b[0m" if self.colour and codes and text else text


def screen_of(stream: TextIO, environ: Mapping[str, str]) -> Screen:
    """The screen behind a stream: https://no-color.org, dumb terminals, files and pipes respected."""
    terminal = stream.isatty()
    plain = bool(environ.get("NO_COLOR")) or environ.get("TERM", "dumb") in ("dumb", "")
    columns = shutil.get_terminal_size((80, 24)).columns if terminal else int_or(environ.get("COLUMNS"), 80)
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    return Screen(
        columns=max(NARROWEST, min(columns, WIDEST)),
        colour=terminal and not plain,
        unicode=encoding.startswith("utf"),
    )


def int_or(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


def cells(text: str) -> int:
    """How many cells a text takes (combining marks none, East Asian wide ones two)."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


_BLANKS = re.compile(r"[^\S\u00a0\u202f]+")


def clean(text: str) -> str:
    """Without control sequences and characters: text of others must not steer the reader's terminal."""
    seen = STEERING.sub("", text) if "\x1b" in text else text
    return "".join(c for c in seen if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))


def _words(text: str) -> list[str]:
    """What stands between blanks; a no-break space holds the parts of a figure together."""
    return _BLANKS.sub(" ", text).strip(" ").split(" ") if text.strip() else []


def shorten(text: str, width: int) -> str:
    """One line of at most `width` cells."""
    flat = " ".join(_words(text))
    if cells(flat) <= width:
        return flat
    kept = ""
    for char in flat:
        if cells(kept + char) > width - 1:
            break
        kept += char
    return kept.rstrip() + "…"


def wrap(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most `width` cells; the text's own line breaks and indents stay, long words are cut."""
    lines: list[str] = []
    outer = indent
    for paragraph in text.split("\n"):
        indent = outer + paragraph[: min(len(paragraph) - len(paragraph.lstrip(" ")), 8)]
        room = max(10, width - cells(indent))
        line = ""
        for word in _words(paragraph):
            while cells(word) > room:
                if line:
                    lines.append(indent + line)
                    line = ""
                lines.append(indent + word[:room])
                word = word[room:]
            if line and cells(line) + 1 + cells(word) > room:
                lines.append(indent + line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(indent + line if line else "")
    return lines


def reflow(text: str, width: int) -> list[str]:
    """A text as its author broke it if every line fits; else its paragraphs, broken anew."""
    if all(cells(line) <= width for line in text.rstrip().split("\n")):
        return text.rstrip().split("\n")
    paragraphs = [" ".join(_words(part)) for part in text.strip().split("\n\n")]
    return wrap("\n\n".join(paragraphs), width)


def bar(share: float, width: int, screen: Screen) -> str:
    """`share` of 1 as a bar of `width` cells."""
    full, empty = ("█", "░") if screen.unicode else ("#", ".")
    filled = round(max(0.0, min(1.0, share)) * width)
    return full * filled + empty * (width - filled)


def sparkline(values: Sequence[float | None], width: int, screen: Screen) -> str:
    """A row of at most `width` blocks from the smallest to the largest value; gaps stay empty.

    A cell shows the value of its stretch that lies farthest from the first one, so that a short dip
    of a long run is not averaged away.
    """
    known = [v for v in values if v is not None]
    if not known:
        return ""
    low, high, first = min(known), max(known), known[0]
    blocks = _BLOCKS if screen.unicode else _ASCII_BLOCKS
    count = min(width, len(values))
    row = ""
    for cell in range(count):
        part = values[cell * len(values) // count : (cell + 1) * len(values) // count]
        there = [v for v in part if v is not None]
        if not there:
            row += " "
            continue
        value = max(there, key=lambda v: abs(v - first))
        row += blocks[0 if high == low else round((value - low) / (high - low) * (len(blocks) - 1))]
    return row


def table(
    rows: Sequence[Sequence[str]], screen: Screen, right: Sequence[int] = (), gap: int = 2
) -> list[str]:
    """Aligned columns; when they are too wide together, the widest one is shortened. Row 0 is the head."""
    if not rows:
        return []
    count = len(rows[0])
    widths = [max(cells(row[i]) for row in rows) for i in range(count)]
    while sum(widths) + gap * (count - 1) > screen.columns and max(widths) > 8:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for number, row in enumerate(rows):
        parts = []
        for i, value in enumerate(row):
            text = shorten(value, widths[i])
            pad = " " * (widths[i] - cells(text))
            parts.append(pad + text if i in right else text + pad)
        line = (" " * gap).join(parts).rstrip()
        lines.append(screen.paint(line, "dim") if number == 0 else line)
    return lines


def number(value: object, language: str) -> str:
    """A figure as a person writes it: at most four significant digits, thousands apart."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if not isinstance(value, int | float):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return grouped(value, language)
    return separated(f"{value:,.1f}", language) if abs(value) >= 100 else f"{value:.4g}"


def standard_screen(stream: TextIO) -> Screen:
    return screen_of(stream, os.environ)
