"""POSIX patterns (basic, extended) and Perl-like ones as RE2: linear time whatever the player types.

No tool may compile a player's pattern by any other way than `compile_pattern`.
"""

from __future__ import annotations

from typing import Literal

import re2

Flavour = Literal["basic", "extended", "awk", "perl", "fixed"]

MAX_PATTERN_CHARS = 20_000  # RE2 compiles this in milliseconds; nobody types more by hand
_CLASSES = frozenset(
    [
        "alnum",
        "alpha",
        "ascii",
        "blank",
        "cntrl",
        "digit",
        "graph",
        "lower",
        "print",
        "punct",
        "space",
        "upper",
        "word",
        "xdigit",
    ]
)
_SPECIAL = frozenset(".[]()*+?{}|^$\\")
_INTERVAL = re2.compile(r"^(\d{0,5})(,?)(\d{0,5})$")


class PatternError(ValueError):
    """What is wrong with a pattern, in the words of GNU's regcomp."""


def quote(text: str) -> str:
    """`text` as a pattern that matches itself."""
    return "".join("\\" + c if c in _SPECIAL else ("\\x00" if c == "\0" else c) for c in text)


def compile_pattern(
    pattern: str, flavour: Flavour, ignore_case: bool = False, longest: bool | None = None
) -> re2._Regexp:
    """Compile a player's pattern. Raises PatternError; POSIX flavours match leftmost-longest."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise PatternError("Regular expression too big")
    source = translate(pattern, flavour)
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    options.longest_match = flavour != "perl" if longest is None else longest
    try:
        return re2.compile(source, options)
    except re2.error as error:
        raise PatternError(_complaint(error)) from None


def _complaint(error: re2.error) -> str:
    reason = error.args[0].decode("utf-8", "replace") if error.args else ""
    if "repetition size" in reason or "too large" in reason:
        return "Regular expression too big"
    if "perl operator" in reason:
        return "look-around and similar (?...) groups are not available here"
    if "range" in reason:
        return "Invalid range end"
    return reason[:1].upper() + reason[1:]


def translate(pattern: str, flavour: Flavour) -> str:
    """The RE2 source of a pattern. Raises PatternError."""
    if flavour == "perl":
        return pattern
    if flavour == "fixed":
        return quote(pattern)
    return _Posix(pattern, flavour != "basic", flavour == "awk").source()


class _Posix:
    """One pass over a POSIX pattern; `extended` tells which side of the backslash is special."""

    def __init__(self, pattern: str, extended: bool, bracket_escapes: bool) -> None:
        self.pattern, self.extended, self.bracket_escapes = pattern, extended, bracket_escapes
        self.at = 0
        self.out: list[str] = []
        self.groups: list[int] = []  # where in `out` each open group begins
        self.start = True  # at the start of an alternative: ^ is an anchor, * is itself
        self.atom = 0  # where in `out` the last repeatable piece begins
        self.repeated = False  # the last piece already carries a repetition

    def source(self) -> str:
        while self.at < len(self.pattern):
            char = self.pattern[self.at]
            self.at += 1
            if char == "\\":
                self._backslash()
            elif char == "[":
                self._put(self._bracket())
            elif self.extended and char in "(){}|+?":
                self._operator(char)
            elif char in "*^$":
                self._anchor_or_star(char)
            else:
                self._put("." if char == "." else quote(char))
        if self.groups:
            raise PatternError("Unmatched ( or \\(")
        return "".join(self.out)

    def _put(self, text: str) -> None:
        self.atom, self.repeated, self.start = len(self.out), False, False
        self.out.append(text)

    def _backslash(self) -> None:
        if self.at >= len(self.pattern):
            raise PatternError("Trailing backslash")
        char = self.pattern[self.at]
        self.at += 1
        if not self.extended and char in "(){}|+?":
            self._operator(char)
        elif char in "123456789":
            raise PatternError("back-references are not available here")
        elif char in "wWsSbB":
            self._put("\\" + char)
        elif char in "<>y":
            self._put("\\b")
        elif char in "`'":
            self._put("\\A" if char == "`" else "\\z")
        elif char in "ntrfv":  # sed and awk give these a meaning; grep never sees them in a line
            self._put("\\" + char)
        else:
            self._put(quote(char))

    def _operator(self, char: str) -> None:
        if char == "(":
            self.groups.append(len(self.out))
            self.out.append("(")
            self.start = True
        elif char == ")":
            self._close()
        elif char == "|":
            self.out.append("|")
            self.start = True
        elif char == "{":
            self._interval()
        elif char == "}":
            self._put("\\}")
        elif self.start:
            self._put("" if self.extended else "\\" + char)
        else:
            self._repeat(char)

    def _close(self) -> None:
        if self.groups:
            begin = self.groups.pop()
            self._put(")")
            self.atom = begin
        elif self.extended:
            self._put("\\)")
        else:
            raise PatternError("Unmatched ) or \\)")

    def _repeat(self, operator: str) -> None:
        """A repetition; POSIX reads `a*?` as nested, RE2 as lazy, so a repeated piece is grouped."""
        if self.repeated:
            self.out[self.atom] = "(?:" + self.out[self.atom]
            self.out.append(")")
        self.out.append(operator)
        self.repeated = True

    def _anchor_or_star(self, char: str) -> None:
        if char == "*":
            if not self.start:
                self._repeat("*")
            else:
                self._put("" if self.extended else "\\*")
        elif char == "^":
            if self.extended or self.start:
                self.out.append("^")  # what follows is still at the start
            else:
                self._put("\\^")
        else:
            rest = self.pattern[self.at : self.at + 2]
            ends = not rest or (not self.extended and rest in ("\\)", "\\|"))
            self._put("$" if self.extended or ends else "\\$")

    def _interval(self) -> None:
        closing = "}" if self.extended else "\\}"
        end = self.pattern.find(closing, self.at, self.at + 14)
        match = _INTERVAL.match(self.pattern[self.at : end]) if end >= 0 else None
        if match is None or self.start or not (match[1] or match[2]):
            if not self.extended:
                raise PatternError("Unmatched \\{" if end < 0 else "Invalid content of \\{\\}")
            self._put("\\{")
            return
        low, high = int(match[1] or 0), int(match[3]) if match[3] else None
        if max(low, high or 0) > 32767:
            raise PatternError("Regular expression too big")
        if high is not None and high < low:
            raise PatternError("Invalid content of \\{\\}")
        self.at = end + len(closing)
        self._repeat(f"{{{low}}}" if not match[2] else f"{{{low},{'' if high is None else high}}}")

    def _bracket(self) -> str:
        """A bracket expression; inside it a backslash is itself, except for awk."""
        p, out = self.pattern, ["["]
        if p.startswith("^", self.at):
            out.append("^")
            self.at += 1
        if self.at >= len(p):
            raise PatternError("Invalid regular expression")
        first = True
        while True:
            if self.at >= len(p):
                raise PatternError("Unmatched [, [^, [:, [., or [=")
            char = p[self.at]
            if char == "]" and not first:
                self.at += 1
                return "".join(out) + "]"
            if char == "[" and p[self.at + 1 : self.at + 2] in (":", ".", "="):
                out.append(self._named(p[self.at + 1]))
            else:
                self.at += 1
                out.append(self._bracket_char(char, first))
            first = False

    def _bracket_char(self, char: str, first: bool) -> str:
        if char == "-":
            return "\\-" if first or self.pattern.startswith("]", self.at) else "-"
        if char == "\\" and self.bracket_escapes and self.at < len(self.pattern):
            escaped = self.pattern[self.at]
            self.at += 1
            return "\\" + escaped if escaped in "ntrfv\\[]^-" else quote(escaped)
        return "\\" + char if char in "\\[]^" else char

    def _named(self, kind: str) -> str:
        end = self.pattern.find(kind + "]", self.at + 2, self.at + 40)
        if end < 0:
            raise PatternError("Unmatched [, [^, [:, [., or [=")
        name = self.pattern[self.at + 2 : end]
        self.at = end + 2
        if kind == ":":
            if name not in _CLASSES:
                raise PatternError("Invalid character class name")
            return f"[:{name}:]"
        if len(name) != 1:
            raise PatternError("Invalid collation character")
        return "\\" + name if name in "\\[]^-" else name
