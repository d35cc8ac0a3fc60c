"""Places inside JSON values: reading, setting and deleting by path. Runs no filter.

A path is a tuple of keys: a name, an index, or ("slice", low, high).
"""

from __future__ import annotations

import math
from typing import Any

from simulator.shell.jq_value import MAX_JSON_DEPTH, JqError, JqLimit, kind, rank, shown

Path = tuple[Any, ...]


def indices(value: Any, wanted: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, str) and isinstance(wanted, str):
        found, at = [], value.find(wanted) if wanted else -1
        while at >= 0:
            found.append(at)
            at = value.find(wanted, at + 1)
        return found if wanted else None
    if isinstance(value, list) and isinstance(wanted, list):
        size = len(wanted)
        if not size or size * len(value) > 1_000_000:
            return None
        return [i for i in range(len(value) - size + 1) if rank(value[i : i + size]) == rank(wanted)]
    if isinstance(value, list):
        return [i for i, item in enumerate(value) if rank(item) == rank(wanted)]
    raise JqError(f"Cannot determine indices of {kind(wanted)} in {kind(value)}")


def items(base: Any) -> list[Any]:
    if isinstance(base, list):
        return base
    if isinstance(base, dict):
        return list(base.values())
    raise JqError(f"Cannot iterate over {shown(base) if base is not None else 'null'}")


def as_key(key: Any) -> Any:
    return ("slice", key.get("start"), key.get("end")) if isinstance(key, dict) else key


def get(base: Any, key: Any) -> Any:
    """`base[key]`. Raises JqError with jq's wording."""
    if isinstance(key, tuple):
        return sliced(base, key[1], key[2])
    if isinstance(base, dict) and isinstance(key, str):
        return base.get(key)
    if isinstance(base, list) and isinstance(key, int | float) and not isinstance(key, bool):
        at = int(max(-1e9, min(key, 1e9))) if not math.isnan(key) else len(base)
        return base[at] if -len(base) <= at < len(base) else None
    if base is None and isinstance(key, str | int | float | dict) and not isinstance(key, bool):
        return None
    if isinstance(key, dict) and isinstance(base, list | str):
        if "start" not in key or "end" not in key:
            raise JqError("Start and end indices of an array slice must be numbers")
        return sliced(base, key.get("start"), key.get("end"))
    if isinstance(base, list) and isinstance(key, list):
        return indices(base, key)
    if isinstance(key, str):
        raise JqError(f'Cannot index {kind(base)} with string "{key}"')
    raise JqError(f"Cannot index {kind(base)} with {kind(key)}")


def sliced(base: Any, low: Any, high: Any) -> Any:
    if base is None:
        return None
    if not isinstance(base, list | str):
        raise JqError(f"Cannot index {kind(base)} with object")
    for edge in (low, high):
        if edge is not None and kind(edge) != "number":
            raise JqError("Start and end indices of an array slice must be numbers")
    begin = None if low is None else int(max(-1e9, min(low, 1e9)))
    end = None if high is None else -int(-max(-1e9, min(high, 1e9)) // 1)
    return base[begin:end]


def getpath(value: Any, path: Path) -> Any:
    for key in path:
        if value is None:
            return None
        value = get(value, key)
    return value


def setpath(value: Any, path: Path, new: Any) -> Any:
    """A copy of `value` with the place at `path` replaced. Raises JqError."""
    if not path:
        return new
    if len(path) > MAX_JSON_DEPTH:
        raise JqLimit("the filter was stopped: a path is too deep")
    key, rest = path[0], path[1:]
    if isinstance(key, tuple):
        return _set_slice(value, key, rest, new)
    if isinstance(key, str) and (value is None or isinstance(value, dict)):
        return (value or {}) | {key: setpath((value or {}).get(key), rest, new)}
    if (
        isinstance(key, int | float)
        and not isinstance(key, bool)
        and (value is None or isinstance(value, list))
    ):
        items_ = list(value or [])
        at = int(max(-1e9, min(key, 1e9)))
        if at < 0:
            at += len(items_)
            if at < 0:
                raise JqError("Out of bounds negative array index")
        if at > 100_000:
            raise JqError("Array index too large")
        items_ += [None] * (at + 1 - len(items_))
        items_[at] = setpath(items_[at], rest, new)
        return items_
    get(value, key)
    raise JqError(f"Cannot update {kind(value)} at {kind(key)}")


def _set_slice(value: Any, key: Path, rest: Path, new: Any) -> Any:
    if value is not None and not isinstance(value, list):
        raise JqError(f"Cannot update field at object index of {kind(value)}")
    items_ = list(value or [])
    replaced = setpath(sliced(items_, key[1], key[2]), rest, new)
    if not isinstance(replaced, list):
        raise JqError("A slice of an array can only be assigned another array")
    low, high, _ = slice(
        None if key[1] is None else int(key[1]), None if key[2] is None else int(key[2])
    ).indices(len(items_))
    return items_[:low] + replaced + items_[max(low, high) :]


def delpaths(value: Any, paths: list[Path]) -> Any:
    """`value` without the places at `paths`; the last ones go first so that indices stay true."""
    for path in sorted(paths, key=_path_rank, reverse=True):
        value = _deleted(value, path)
    return value


def _path_rank(path: Path) -> tuple[Any, ...]:
    return tuple(
        (1, str(k), 0.0)
        if isinstance(k, str)
        else (0, "", float(k if not isinstance(k, tuple) else k[1] or 0))
        for k in path
    )


def _deleted(value: Any, path: Path) -> Any:
    if value is None or not path:
        return None
    key, rest = path[0], path[1:]
    if rest:
        inner = get(value, key)
        return value if inner is None else setpath(value, (key,), _deleted(inner, rest))
    if isinstance(value, dict) and isinstance(key, str):
        return {k: v for k, v in value.items() if k != key}
    if isinstance(value, list) and isinstance(key, tuple):
        return _set_slice(value, key, (), [])
    if isinstance(value, list) and isinstance(key, int | float):
        at = int(key) + (len(value) if key < 0 else 0)
        return value[:at] + value[at + 1 :] if 0 <= at < len(value) else value
    raise JqError(
        f"Cannot delete field at {'object' if isinstance(key, str) else 'array'} index of {kind(value)}"
    )
