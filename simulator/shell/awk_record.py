"""The current record and its fields: $0 and $1.. rebuild each other only when needed."""

from __future__ import annotations

import re2

from simulator.shell.awk_value import UNSET, Input, Value, text
from simulator.shell.patterns import compile_pattern

MAX_FIELDS = 50_000


class AwkProblem(Exception):
    """What stops a running program; the text behind `awk: `."""


class Record:
    """Fields split on demand; setting one rebuilds $0 with OFS when it is read."""

    def __init__(self) -> None:
        self.whole: str = Input("")
        self.fields: list[Value] = []
        self.split_done = True
        self.stale = False
        self.separator = " "
        self.glue = " "
        self._patterns: dict[str, re2._Regexp] = {}

    def load(self, line: str) -> None:
        self.whole, self.split_done, self.stale = Input(line), False, False

    def count(self) -> int:
        self._split()
        return len(self.fields)

    def get(self, index: int) -> Value:
        if index == 0:
            if self.stale:
                self.whole = Input(self.glue.join(text(field) for field in self.fields))
                self.stale = False
            return self.whole
        if index < 0:
            raise AwkProblem(f"run time error: attempt to access field {index}")
        self._split()
        return self.fields[index - 1] if index <= len(self.fields) else UNSET

    def put(self, index: int, value: Value) -> None:
        if index == 0:
            self.load(text(value))
            return
        if not 0 < index <= MAX_FIELDS:
            raise AwkProblem(f"run time error: field index {index} is out of range")
        self.resize(max(index, self.count()))
        self.fields[index - 1] = value if isinstance(value, float) else text(value)
        self.stale = True

    def resize(self, count: int) -> None:
        self._split()
        if not 0 <= count <= MAX_FIELDS:
            raise AwkProblem(f"run time error: NF set to {count}")
        if count != len(self.fields):
            self.fields = self.fields[:count] + [Input("")] * (count - len(self.fields))
            self.stale = True

    def _split(self) -> None:
        if not self.split_done:
            self.fields = [Input(piece) for piece in self.pieces(self.whole, self.separator)]
            self.split_done = True

    def pieces(self, line: str, separator: str) -> list[str]:
        """Split by a separator: a blank means runs of blanks, one character is itself, else a pattern."""
        if separator == " ":
            return line.split()
        if not line:
            return []
        if len(separator) == 1 and separator != "\\":
            return line.split(separator)
        if separator == "":
            return list(line)
        out, at = [], 0
        for match in self.pattern(separator).finditer(line):
            if match.end() > match.start():
                out.append(line[at : match.start()])
                at = match.end()
        return [*out, line[at:]]

    def pattern(self, source: str) -> re2._Regexp:
        """A compiled dynamic pattern. Raises PatternError."""
        found = self._patterns.get(source)
        if found is None:
            if len(self._patterns) > 100:  # patterns made in a loop must not pile up
                self._patterns.clear()
            found = self._patterns[source] = compile_pattern(source, "awk")
        return found
