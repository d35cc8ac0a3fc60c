"""JSON values as jq sees them: order, comparison, texts, error wording. Runs no filter."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

MAX_JSON_DEPTH = 100  # a level takes two frames to order or print
MAX_TEXT_CHARS = 1_000_000
_KINDS = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class JqError(Exception):
    """A run-time error; `value` is what `catch` gets, `text` what is printed."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value

    @property
    def text(self) -> str:
        return self.value if isinstance(self.value, str) else f"{dumps(self.value)} (not a string)"


class JqLimit(Exception):
    """The filter was stopped: no `try` may catch this."""


def kind(value: Any) -> str:
    return _KINDS[type(value)]


def true(value: Any) -> bool:
    return value is not None and value is not False


def shown(value: Any) -> str:
    """`object ({"a":1})` as error messages print a value, cut like jq cuts it."""
    text = dumps(value)
    return f"{kind(value)} ({text[:10] + '...' if len(text) > 11 else text})"


def parse_numeral(text: str) -> int | float:
    """jq's numbers are doubles; integers that a double holds exactly stay integers."""
    value = float(text[:400])
    return int(value) if math.isfinite(value) and value.is_integer() and abs(value) < 1e17 else value


def _no_constant(name: str) -> Any:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_float=parse_numeral, parse_int=parse_numeral, parse_constant=_no_constant)


def documents(text: str) -> Iterator[Any]:
    """The JSON values of a text one after another. Raises JqError with jq's parser message."""
    at = 0
    text = text.removeprefix("\ufeff")
    while True:
        while at < len(text) and text[at] in " \t\r\n\x1e":
            at += 1
        if at >= len(text):
            return
        if _too_deep(text, at):
            raise JqError(f"Exceeds depth limit for parsing at {_position(text, at)}")
        try:
            value, end = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise JqError(_complaint(text, error)) from None
        except ValueError:
            raise JqError(f"Invalid numeric literal at {_position(text, at)}") from None
        if isinstance(value, int | float) and end < len(text) and (text[end].isalnum() or text[end] in "._"):
            raise JqError(f"Invalid numeric literal at {_position(text, end)}")
        yield _clean(value)
        at = end


def _clean(value: Any) -> Any:
    """Lone surrogates from \\u escapes become U+FFFD, as in jq; depth is bounded by the reader."""
    if isinstance(value, str):
        return (
            value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if not value.isascii()
            else value
        )
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, float) and math.isinf(value):
        return math.copysign(1.7976931348623157e308, value)
    return value


def _too_deep(text: str, at: int) -> bool:
    depth = 0
    inside = False
    while at < len(text):
        char = text[at]
        if inside:
            if char == "\\":
                at += 1
            elif char == '"':
                inside = False
        elif char == '"':
            inside = True
        elif char in "[{":
            depth += 1
            if depth > MAX_JSON_DEPTH:
                return True
        elif char in "]}":
            depth -= 1
            if depth <= 0:
                return False
        elif depth == 0:
            return False
        at += 1
    return False


def _position(text: str, at: int) -> str:
    if text[at : at + 1] in ("", "\n"):  # jq has read the end of the line by then
        return f"line {text.count(chr(10), 0, at) + 2}, column 0"
    line = text.count("\n", 0, at) + 1
    return f"line {line}, column {at - (text.rfind(chr(10), 0, at) + 1) + 1}"


def _complaint(text: str, error: json.JSONDecodeError) -> str:
    end = error.pos
    while end < len(text) and text[end] not in '[{:,]}" \t\r\n':
        end += 1
    where = _position(text, max(end, error.pos))
    if text[error.pos : error.pos + 1] in ("]", "}") and error.pos:
        what = "array element" if text[error.pos] == "]" else "key-value pair"
        return f"Expected another {what} at {_position(text, error.pos)}"
    rest = text[error.pos :].strip()
    if not rest:
        return f"Unfinished JSON term at EOF at line {text.count(chr(10)) + 1}, column 0"
    if "Expecting ',' delimiter" in error.msg:
        return f"Expected separator between values at {where}"
    if "control character" in error.msg or "escape" in error.msg.lower():
        return f"Invalid escape at {_position(text, error.pos)}"
    if "Unterminated string" in error.msg:
        return f"Unfinished string at EOF at line {text.count(chr(10)) + 1}, column 0"
    literal = "literal" if text[error.pos] in "ntf" else "numeric literal"
    return f"Invalid {literal} at {where}"


def numeral(value: int | float) -> str:
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "null"
    if math.isinf(value):
        return "1.7976931348623157e+308" if value > 0 else "-1.7976931348623157e+308"
    if value.is_integer() and abs(value) < 1e17:
        return str(int(value)) if value or math.copysign(1, value) > 0 else "-0"
    mantissa, _, exponent = f"{value!r}".partition("e")
    digits = mantissa.lstrip("-").replace(".", "").strip("0")
    if value.is_integer() and 0 < int(exponent or "0") + 1 <= len(digits) + 15:  # as jq's dtoa writes it
        sign = "-" if value < 0 else ""
        return sign + digits.ljust(int(exponent or "0") + 1, "0")
    return repr(value)


def dumps(value: Any, indent: int | None = None, sort_keys: bool = False) -> str:
    """JSON text as jq prints it."""
    out: list[str] = []
    _write(value, out, indent, 0, sort_keys)
    return "".join(out)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write(value: Any, out: list[str], indent: int | None, level: int, sort_keys: bool) -> None:
    if value is None or value is True or value is False:
        out.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int | float):
        out.append(numeral(value))
    elif isinstance(value, str):
        out.append(_quoted(value))
    elif not value:
        out.append("[]" if isinstance(value, list) else "{}")
    else:
        if level > MAX_JSON_DEPTH:
            raise JqLimit("value nested too deeply")
        opening, closing = ("[", "]") if isinstance(value, list) else ("{", "}")
        inner = "" if indent is None else "\n" + " " * (indent * (level + 1))
        out.append(opening)
        keys = sorted(value) if isinstance(value, dict) and sort_keys else value
        for index, item in enumerate(keys):
            out.append(("," if index else "") + inner)
            if isinstance(value, dict):
                out.append(_quoted(item) + (":" if indent is None else ": "))
                item = value[item]
            _write(item, out, indent, level + 1, sort_keys)
        out.append(("" if indent is None else "\n" + " " * (indent * level)) + closing)


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)


def rank(value: Any, depth: int = 0) -> tuple[Any, ...]:
    """A key that sorts values in jq's order: null, false, true, numbers, strings, arrays, objects."""
    if depth > MAX_JSON_DEPTH:
        raise JqLimit("value nested too deeply")
    name = kind(value)
    if name == "boolean":
        return (1 + int(value),)
    if name == "number":
        number = float(value)
        return (3, -math.inf if math.isnan(number) else number)
    if name == "string":
        return (4, value.encode("utf-8", "replace"))
    if name == "array":
        return (5, [rank(item, depth + 1) for item in value])
    if name == "object":
        keys = sorted(value)
        return (6, [k.encode() for k in keys], [rank(value[k], depth + 1) for k in keys])
    return (0,)


def compare(operator: str, left: Any, right: Any) -> bool:
    if operator in ("==", "!="):
        return (rank(left) == rank(right)) == (operator == "==")
    a, b = rank(left), rank(right)
    if operator == "<":
        return a < b
    if operator == "<=":
        return a <= b
    return a > b if operator == ">" else a >= b


def arithmetic(operator: str, left: Any, right: Any) -> Any:
    """`left operator right`. Raises JqError with jq's wording."""
    a, b = kind(left), kind(right)
    if a == b == "number":
        return _numbers(operator, left, right)
    if operator == "+":
        if left is None or right is None:
            return right if left is None else left
        if a == b and a in ("string", "array"):
            return _sized(left + right)
        if a == b == "object":
            return left | right
    if operator == "-" and a == b == "array":
        unwanted = dict.fromkeys(dumps(item, sort_keys=True) for item in right)
        return [item for item in left if dumps(item, sort_keys=True) not in unwanted]
    if operator == "*":
        if a == b == "object":
            return _merged(left, right, 0)
        if {a, b} == {"string", "number"}:
            text, count = (left, right) if a == "string" else (right, left)
            if count <= 0 or not text:
                return None
            if len(text) * count > MAX_TEXT_CHARS:
                raise JqLimit("a text grows too long")
            return text * max(1, int(count))
    if operator == "/" and a == b == "string":
        return (left.split(right) if right else list(left)) if left else []
    verb = {"+": "added", "-": "subtracted", "*": "multiplied", "/": "divided", "%": "divided"}[operator]
    raise JqError(f"{shown(left)} and {shown(right)} cannot be {verb}")


def _sized(value: Any) -> Any:
    if len(value) > MAX_TEXT_CHARS:
        raise JqLimit("a value grows too long")
    return value


def _merged(left: dict[str, Any], right: dict[str, Any], depth: int) -> dict[str, Any]:
    out = dict(left)
    for key, value in right.items():
        old = out.get(key)
        deep = isinstance(old, dict) and isinstance(value, dict) and depth < MAX_JSON_DEPTH
        out[key] = _merged(old, value, depth + 1) if deep and isinstance(old, dict) else value
    return out


def _numbers(operator: str, left: float, right: float) -> Any:
    if operator in "/%" and (int(right) if operator == "%" and math.isfinite(right) else right) == 0:
        raise JqError(f"{shown(left)} and {shown(right)} cannot be divided because the divisor is zero")
    if operator == "%":
        a, b = _whole(left), _whole(right)
        return int(math.copysign(abs(a) % abs(b), a)) if b else 0
    if operator == "/":
        value: float = left / right
    elif operator == "*":
        value = float(left) * float(right)
    else:
        value = float(left) + (float(right) if operator == "+" else -float(right))
    return int(value) if math.isfinite(value) and value.is_integer() and abs(value) < 1e17 else value


def _whole(value: float) -> int:
    if math.isnan(value):
        return 0
    return int(max(-1e18, min(value, 1e18)))
