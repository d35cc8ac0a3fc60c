"""JSON text as the server reads and writes it: numbers keep their digits, json its order, jsonb has one of its own."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def load(text: str) -> Any:
    """A document; numbers with a point keep all their digits. Raises ValueError."""
    return json.loads(text, parse_float=Decimal)


def dump(value: Any, colon: str = ": ", comma: str = ", ", ordered: bool = False) -> str:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda k: (len(k.encode()), k)) if ordered else value
        return (
            "{" + comma.join(_scalar(k) + colon + dump(value[k], colon, comma, ordered) for k in keys) + "}"
        )
    if isinstance(value, list):
        return "[" + comma.join(dump(v, colon, comma, ordered) for v in value) + "]"
    return _scalar(value)


def jsonb(value: Any) -> str:
    """jsonb's text: keys ordered by length, then bytes; one space after `:` and `,`."""
    return dump(value, ordered=True)


def pretty(value: Any, indent: int = 4, level: int = 0) -> str:
    """jsonb_pretty, and EXPLAIN with an indent of its own."""
    pad, end = " " * indent * (level + 1), " " * indent * level
    if isinstance(value, dict) and value:
        inside = ",\n".join(f"{pad}{_scalar(k)}: {pretty(v, indent, level + 1)}" for k, v in value.items())
        return "{\n" + inside + "\n" + end + "}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(pad + pretty(v, indent, level + 1) for v in value) + "\n" + end + "]"
    return dump(value)


def _scalar(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
