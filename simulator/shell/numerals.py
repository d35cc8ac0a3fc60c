"""Numbers as C tools read and write them: leading numerals, `%g`, and printf formats with bounds."""

from __future__ import annotations

import math
from collections.abc import Callable

import re2

MAX_WIDTH = 10_000  # of one printf conversion
MAX_RESULT_CHARS = 1_000_000  # padding of all conversions together
_PREFIX = re2.compile(r"^[ \t\n\v\f\r]*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)")
_CONVERSION = re2.compile(r"%([-+ #0']*)(\*|[0-9]{1,9})?(?:\.(\*|[0-9]{0,9}))?(?:[hlLqjzt]*)([a-zA-Z%])")
_NUMERAL_CHARS = 400  # no double has more significant digits; keeps float() cheap


class FormatProblem(ValueError):
    """A format that a tool refuses; `conversion` is the offending piece."""

    def __init__(self, conversion: str) -> None:
        super().__init__(conversion)
        self.conversion = conversion


def leading_number(text: str) -> float:
    """The number a text begins with, or 0."""
    if text.isdigit() and text.isascii() and len(text) < 16:
        return float(text)
    match = _PREFIX.match(text[:_NUMERAL_CHARS])
    return float(match[1]) if match else 0.0


def is_number(text: str) -> bool:
    """Whether a text is a numeral as a whole, blanks around it allowed."""
    if len(text) > _NUMERAL_CHARS:
        return False
    match = _PREFIX.match(text)
    return match is not None and not text[match.end() :].strip()


def general(value: float, digits: int = 6) -> str:
    """C's `%.{digits}g`, with integers written out."""
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if math.isnan(value):
        return "nan"
    if value == int(value) and abs(value) < 1e16:
        return str(int(value))
    return f"{value:.{digits}g}"


def to_int(value: float) -> int:
    """Truncation as in a 64-bit C integer."""
    if math.isnan(value):
        return 0
    return int(max(-(2.0**63), min(value, 2.0**63 - 1024)))


def sprintf(
    template: str, arguments: list[object], number: Callable[[object], float], text: Callable[[object], str]
) -> tuple[str, int]:
    """C's sprintf; returns the text and how many arguments it took.

    `number` and `text` convert an argument as the calling tool does. Missing arguments count as
    empty; the caller decides whether that is an error. Raises FormatProblem.
    """
    out: list[str] = []
    taken = at = size = 0

    def take() -> object:
        nonlocal taken
        taken += 1
        return arguments[taken - 1] if taken <= len(arguments) else ""

    while True:
        begin = template.find("%", at)
        if begin < 0:
            out.append(template[at:])
            return "".join(out), taken
        out.append(template[at:begin])
        match = _CONVERSION.match(template, begin)
        if match is None:
            raise FormatProblem(template[begin : begin + 20])
        at = match.end()
        flags, width, precision, letter = match[1], match[2], match[3], match[4]
        if letter == "%":
            out.append("%")
            continue
        width_value = to_int(number(take())) if width == "*" else int(width or 0)
        if width == "*" and width_value < 0:
            flags, width_value = flags + "-", -width_value
        exact = None
        if precision is not None:
            exact = max(0, to_int(number(take()))) if precision == "*" else int(precision or 0)
        if width_value > MAX_WIDTH or (exact or 0) > MAX_WIDTH:
            raise FormatProblem(match[0])
        size += len(out[-1]) + width_value
        if size > MAX_RESULT_CHARS:
            raise FormatProblem(match[0])
        out.append(_converted(letter, flags, width_value, exact, take(), number, text, match[0]))


def _converted(
    letter: str,
    flags: str,
    width: int,
    precision: int | None,
    value: object,
    number: Callable[[object], float],
    text: Callable[[object], str],
    whole: str,
) -> str:
    if letter in "sc":
        shown = _character(value, text) if letter == "c" else text(value)
        shown = shown if precision is None or letter == "c" else shown[:precision]
        return shown.ljust(width) if "-" in flags else shown.rjust(width)
    if letter in "diuxXo":
        return _integer(letter, flags, width, precision, number(value))
    if letter in "eEfFgG":
        return _float(letter, flags, width, precision, number(value))
    raise FormatProblem(whole)


def _character(value: object, text: Callable[[object], str]) -> str:
    if isinstance(value, float):
        code = to_int(value) % 0x110000
        return chr(code) if not 0xD800 <= code <= 0xDFFF else "\ufffd"
    return text(value)[:1]


def _integer(letter: str, flags: str, width: int, precision: int | None, value: float) -> str:
    if math.isinf(value) or math.isnan(value):
        return general(value).rjust(width)
    whole = to_int(value)
    if letter in "xXou" and whole < 0:
        whole += 1 << 64
    base = {"x": "x", "X": "X", "o": "o"}.get(letter, "d")
    digits = format(abs(whole), ",d" if "'" in flags and base == "d" else base)
    if precision is not None:
        digits = digits.rjust(precision, "0")
    if "#" in flags and whole and letter in "xXo":
        digits = {"x": "0x", "X": "0X", "o": "0"}[letter] + digits
    sign = "-" if whole < 0 else "+" if "+" in flags else " " if " " in flags else ""
    return _padded(sign, digits, flags if precision is None else flags.replace("0", ""), width)


def _float(letter: str, flags: str, width: int, precision: int | None, value: float) -> str:
    sign = (
        "-"
        if math.copysign(1.0, value) < 0 and not math.isnan(value)
        else "+"
        if "+" in flags
        else " "
        if " " in flags
        else ""
    )
    if math.isinf(value) or math.isnan(value):
        return _padded(sign, "inf" if math.isinf(value) else "nan", flags.replace("0", ""), width)
    alternate = "#" if "#" in flags else ""
    grouped = "," if "'" in flags and letter in "fFgG" else ""
    digits = format(abs(value), f"{alternate}{grouped}.{6 if precision is None else precision}{letter}")
    return _padded(sign, digits, flags, width)


def _padded(sign: str, digits: str, flags: str, width: int) -> str:
    if "-" in flags:
        return (sign + digits).ljust(width)
    if "0" in flags:
        return sign + digits.rjust(width - len(sign), "0")
    return (sign + digits).rjust(width)
