"""PromQL's aggregations and operators on instant vectors: label matching, grouping, set operations.

Nothing here knows the AST, a store or time. Semantics and texts are those of Prometheus 2.42.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from simulator.telemetry.promql_functions import (
    ARITHMETIC,
    COMPARISON,
    Labels,
    QueryError,
    Vector,
    greatest,
    least,
    mean,
    quantile,
    total,
    valid_label,
    variance,
    with_label,
    without_name,
)

Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Matching:
    """How two vectors are joined: `on` these labels or all but them, and which side may be many."""

    on: bool = False
    labels: tuple[str, ...] = ()
    many: str = ""  # "", "left" or "right"
    include: tuple[str, ...] = ()  # labels copied from the one side
    as_bool: bool = False


def key_of(labels: Labels) -> Key:
    return tuple(sorted(labels.items()))


def show_labels(labels: Labels) -> str:
    """A label set as Prometheus prints it in errors: `{a="1", b="2"}`."""
    return "{" + ", ".join(f'{k}="{escape(v)}"' for k, v in sorted(labels.items())) + "}"


def escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def show_metric(labels: Labels) -> str:
    """A series as promtool prints it: `up{job="a"}`, `{}` without labels."""
    name = labels.get("__name__", "")
    rest = without_name(labels)
    return name + (show_labels(rest) if rest or not name else "")


def show_value(value: float) -> str:
    """A sample value: shortest digits that read back the same, never an exponent."""
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


def distinct(vector: Vector) -> Vector:
    """The vector itself. Raises QueryError when dropping a name made two series the same."""
    if len(vector) > 1 and len({key_of(labels) for labels, _ in vector}) != len(vector):
        raise QueryError("vector cannot contain metrics with the same labelset")
    return vector


# --- aggregations ------------------------------------------------------------------------------------
SIMPLE: dict[str, Callable[[list[float]], float]] = {
    "sum": total,
    "avg": mean,
    "min": least,
    "max": greatest,
    "count": lambda vs: float(len(vs)),
    "group": lambda _vs: 1.0,
    "stddev": lambda vs: math.sqrt(variance(vs)),
    "stdvar": variance,
}


def _groups(vector: Vector, without: bool, names: tuple[str, ...]) -> list[tuple[Labels, Vector]]:
    if not names and not without:
        return [({}, vector)] if vector else []
    found: dict[Key, tuple[Labels, Vector]] = {}
    for labels, value in vector:
        if without:
            kept = {k: v for k, v in labels.items() if k not in names and k != "__name__"}
        else:
            kept = {k: labels[k] for k in names if k in labels}
        found.setdefault(key_of(kept), (kept, []))[1].append((labels, value))
    return list(found.values())


def aggregate(
    op: str, vector: Vector, without: bool, names: tuple[str, ...], parameter: float | str
) -> Vector:
    """One aggregation; `parameter` is the number of topk/quantile or the label of count_values."""
    groups = _groups(vector, without, names)
    if op in SIMPLE:
        function = SIMPLE[op]
        return [(kept, function([v for _, v in members])) for kept, members in groups]
    if op == "quantile":
        return [(kept, quantile(float(parameter), [v for _, v in members])) for kept, members in groups]
    if op in ("topk", "bottomk"):
        return _extremes(op == "topk", groups, float(parameter))
    return _counted(groups, str(parameter))


def _extremes(largest: bool, groups: list[tuple[Labels, Vector]], parameter: float) -> Vector:
    if not -(2.0**63) <= parameter <= 2.0**63:
        raise QueryError(f"Scalar value {show_value(parameter)} overflows int64")
    count = max(0, int(min(parameter, 1e9)))
    out: Vector = []
    for _, members in groups:
        ordered = sorted(members, key=lambda m: (m[1] != m[1], -m[1] if largest else m[1]))
        out += ordered[:count]
    return out


def _counted(groups: list[tuple[Labels, Vector]], label: str) -> Vector:
    if not valid_label(label):
        raise QueryError(f'invalid label name "{escape(label)}"')
    out: Vector = []
    for kept, members in groups:
        counts: dict[str, float] = {}
        for _, value in members:
            shown = show_value(value)
            counts[shown] = counts.get(shown, 0.0) + 1
        out += [(with_label(kept, label, shown), count) for shown, count in counts.items()]
    return out


# --- binary operators --------------------------------------------------------------------------------
def operate(op: str, left: float | Vector, right: float | Vector, matching: Matching) -> float | Vector:
    """An arithmetic, comparison or set operator over scalars and vectors."""
    if isinstance(left, float) and isinstance(right, float):
        return ARITHMETIC[op](left, right) if op in ARITHMETIC else float(COMPARISON[op](left, right))
    if isinstance(left, float):
        assert not isinstance(right, float)
        return distinct(_with_scalar(op, right, left, True, matching.as_bool))
    if isinstance(right, float):
        return distinct(_with_scalar(op, left, right, False, matching.as_bool))
    if op in ("and", "or", "unless"):
        return _set_operation(op, left, right, matching)
    return distinct(_joined(op, left, right, matching))


def _with_scalar(op: str, vector: Vector, scalar: float, scalar_left: bool, as_bool: bool) -> Vector:
    if op in ARITHMETIC:
        apply = ARITHMETIC[op]
        kept_name = op == "atan2"  # Prometheus forgot it among the operators that drop a name
        if scalar_left:
            return [(m if kept_name else without_name(m), apply(scalar, v)) for m, v in vector]
        return [(m if kept_name else without_name(m), apply(v, scalar)) for m, v in vector]
    compare = COMPARISON[op]
    kept = [(m, v, compare(scalar, v) if scalar_left else compare(v, scalar)) for m, v in vector]
    if as_bool:
        return [(without_name(m), float(true)) for m, _, true in kept]
    return [(m, v) for m, v, true in kept if true]


def _signature(matching: Matching) -> Callable[[Labels], Key]:
    names = matching.labels
    if matching.on:
        ordered = sorted(names)
        return lambda m: tuple((k, m.get(k, "")) for k in ordered)
    return lambda m: tuple(sorted((k, v) for k, v in m.items() if k != "__name__" and k not in names))


def _set_operation(op: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    sign = _signature(matching)
    if op == "or":
        known = {sign(m) for m, _ in left}
        return left + [(m, v) for m, v in right if sign(m) not in known]
    known = {sign(m) for m, _ in right}
    return [(m, v) for m, v in left if (sign(m) in known) == (op == "and")]


def _duplicate(matching: Matching, side: str, labels: Labels, earlier: Labels) -> QueryError:
    if matching.on:
        group = {k: labels[k] for k in matching.labels if k in labels}
    else:
        group = {k: v for k, v in labels.items() if k != "__name__" and k not in matching.labels}
    return QueryError(
        f"found duplicate series for the match group {show_labels(group)} on the {side} hand-side of the "
        f"operation: [{show_labels(labels)}, {show_labels(earlier)}];many-to-many matching not allowed: "
        "matching labels must be unique on one side"
    )


def _joined(op: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    """Vector against vector: one-to-one, or many-to-one with group_left/group_right."""
    sign = _signature(matching)
    swapped = matching.many == "right"
    many, one = (right, left) if swapped else (left, right)
    index: dict[Key, tuple[Labels, float]] = {}
    for labels, value in one:
        key = sign(labels)
        if key in index:
            raise _duplicate(matching, "left" if swapped else "right", labels, index[key][0])
        index[key] = (labels, value)
    out: Vector = []
    used: set[Key] = set()  # only membership is asked, never iterated
    for labels, value in many:
        key = sign(labels)
        if key not in index:
            continue
        other, other_value = index[key]
        a, b = (other_value, value) if swapped else (value, other_value)
        result = _element(op, a, b, matching.as_bool)
        if result is None:
            continue
        joined = _result_labels(op, labels, other, matching)
        mark = key if not matching.many else key_of(joined)
        if mark in used:
            raise QueryError(
                "multiple matches for labels: grouping labels must ensure unique matches"
                if matching.many
                else "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
            )
        used.add(mark)
        out.append((joined, result))
    return out


def _element(op: str, a: float, b: float, as_bool: bool) -> float | None:
    if op in ARITHMETIC:
        return ARITHMETIC[op](a, b)
    true = COMPARISON[op](a, b)
    if as_bool:
        return float(true)
    return a if true else None


def _result_labels(op: str, labels: Labels, other: Labels, matching: Matching) -> Labels:
    if op in ARITHMETIC or matching.as_bool:
        labels = without_name(labels)
    if not matching.many:
        names = matching.labels
        if matching.on:
            return {k: v for k, v in labels.items() if k in names}
        return {k: v for k, v in labels.items() if k not in names} if names else labels
    for name in matching.include:
        labels = with_label(labels, name, other.get(name, ""))
    return labels
