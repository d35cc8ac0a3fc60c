"""PromQL's functions over numbers, windows of samples and label sets: arithmetic only.

Nothing here knows the AST, a store or time. Semantics are those of Prometheus 2.42: where Go's
arithmetic differs from Python's (division by zero, overflow, NaN order), Go's is reproduced.
"""

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import re2

from simulator.telemetry import promql_errors

Labels = dict[str, str]
Sample = tuple[Labels, float]
Vector = list[Sample]
NAN = math.nan
MAX_LABEL = 4096  # a label value that label_replace or label_join may build; nesting could double it for ever
_EPOCH = datetime(1970, 1, 1)


class QueryError(Exception):
    """A query that cannot be answered; `kind` is Prometheus's errorType, the text is Prometheus's own."""

    def __init__(self, message: str, kind: str = "execution") -> None:
        super().__init__(message)
        self.kind = kind


def without_name(labels: Labels) -> Labels:
    return {k: v for k, v in labels.items() if k != "__name__"}


def total(values: Sequence[float]) -> float:
    """A sum that is exact where it can be and follows IEEE where it cannot."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return float(sum(values))


def mean(values: Sequence[float]) -> float:
    summed = total(values)
    if math.isfinite(summed):
        return summed / len(values)
    running = 0.0  # finite values whose sum overflows still have a mean
    for count, value in enumerate(values, 1):
        if math.isinf(running) and (math.isfinite(value) or running == value):
            continue
        running += value / count - running / count
    return running


def variance(values: Sequence[float]) -> float:
    middle = mean(values)
    return total([(v - middle) * (v - middle) for v in values]) / len(values)


def greatest(values: Sequence[float]) -> float:
    best = values[0]
    for value in values:
        if value > best or best != best:
            best = value
    return best


def least(values: Sequence[float]) -> float:
    best = values[0]
    for value in values:
        if value < best or best != best:
            best = value
    return best


def quantile(q: float, values: Sequence[float]) -> float:
    if not values or q != q:
        return NAN
    if q < 0 or q > 1:
        return math.copysign(math.inf, q - 0.5)
    ordered = sorted(values, key=lambda v: (v == v, v))
    rank = q * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    weight = rank - low
    return ordered[low] * (1 - weight) + ordered[high] * weight


def divide(a: float, b: float) -> float:
    if b:
        return a / b
    if a == 0 or a != a or b != b:
        return NAN
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and b % 2 == 1 else math.inf
    except ValueError:  # zero to a negative power, or a root of a negative number
        return NAN if a != 0 else math.copysign(math.inf, a) if b % 2 == 1 else math.inf


def modulo(a: float, b: float) -> float:
    return math.fmod(a, b) if b and math.isfinite(a) else NAN


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": divide,
    "%": modulo,
    "^": power,
    "atan2": math.atan2,
}
COMPARISON: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}


# --- functions of one window: (times, values, window start, window end) -> value or None ------------
Window = Callable[[list[float], list[float], float, float], float | None]


def _extrapolated(
    ts: list[float], vs: list[float], start: float, end: float, counter: bool, per_s: float = 1.0
) -> float | None:
    """The increase over the window, extrapolated to its edges exactly as Prometheus does."""
    if len(ts) < 2:
        return None
    increase = vs[-1] - vs[0]
    if counter:
        previous = vs[0]
        for value in vs:
            if value < previous:
                increase += previous
            previous = value
    to_start, to_end, sampled = ts[0] - start, end - ts[-1], ts[-1] - ts[0]
    between = sampled / (len(ts) - 1)
    if counter and increase > 0 and vs[0] >= 0:
        to_start = min(to_start, sampled * (vs[0] / increase))  # a counter never was below zero
    limit = between * 1.1
    span = sampled + (to_start if to_start < limit else between / 2)
    span += to_end if to_end < limit else between / 2
    return increase * (span / sampled / per_s)


def _increase(ts: list[float], vs: list[float], start: float, end: float) -> float | None:
    return _extrapolated(ts, vs, start, end, True)


def _delta(ts: list[float], vs: list[float], start: float, end: float) -> float | None:
    return _extrapolated(ts, vs, start, end, False)


def _rate(ts: list[float], vs: list[float], start: float, end: float) -> float | None:
    return _extrapolated(ts, vs, start, end, True, end - start)


def _irate(ts: list[float], vs: list[float], _start: float, _end: float) -> float | None:
    if len(ts) < 2:
        return None
    step = vs[-1] if vs[-1] < vs[-2] else vs[-1] - vs[-2]
    return step / (ts[-1] - ts[-2])


def _idelta(_ts: list[float], vs: list[float], _start: float, _end: float) -> float | None:
    return vs[-1] - vs[-2] if len(vs) > 1 else None


def _changes(_ts: list[float], vs: list[float], _start: float, _end: float) -> float:
    return float(sum(a != b and (a == a or b == b) for a, b in zip(vs, vs[1:], strict=False)))


def _resets(_ts: list[float], vs: list[float], _start: float, _end: float) -> float:
    return float(sum(b < a for a, b in zip(vs, vs[1:], strict=False)))


def regression(ts: list[float], vs: list[float], at_s: float) -> tuple[float, float]:
    """Least squares: (slope a second, value at `at_s`)."""
    if all(v == vs[0] for v in vs):
        return (NAN, NAN) if math.isinf(vs[0]) else (0.0, vs[0])
    n, xs = len(ts), [t - at_s for t in ts]
    sum_x, sum_y = total(xs), total(vs)
    covariance = total([x * y for x, y in zip(xs, vs, strict=True)]) - sum_x * sum_y / n
    spread = total([x * x for x in xs]) - sum_x * sum_x / n
    slope = divide(covariance, spread)
    return slope, sum_y / n - slope * sum_x / n


def double_smoothed(vs: list[float], smoothing: float, trend: float) -> float:
    """Holt's double exponential smoothing: the level at the last of at least two values."""
    level, slope = vs[0], vs[1] - vs[0]
    before = 0.0
    for n, value in enumerate(vs[1:], 1):
        slope = slope if n == 1 else trend * (level - before) + (1 - trend) * slope
        before, level = level, smoothing * value + (1 - smoothing) * (level + slope)
    return level


def _deriv(ts: list[float], vs: list[float], _start: float, _end: float) -> float | None:
    return regression(ts, vs, ts[0])[0] if len(ts) > 1 else None


def _of_values(function: Callable[[list[float]], float]) -> Window:
    return lambda _ts, vs, _start, _end: function(vs)


WINDOWS: dict[str, Window] = {
    "rate": _rate,
    "increase": _increase,
    "delta": _delta,
    "irate": _irate,
    "idelta": _idelta,
    "deriv": _deriv,
    "changes": _changes,
    "resets": _resets,
    "avg_over_time": _of_values(mean),
    "sum_over_time": _of_values(total),
    "min_over_time": _of_values(least),
    "max_over_time": _of_values(greatest),
    "count_over_time": _of_values(lambda vs: float(len(vs))),
    "last_over_time": _of_values(lambda vs: vs[-1]),
    "present_over_time": _of_values(lambda _vs: 1.0),
    "stddev_over_time": _of_values(lambda vs: math.sqrt(variance(vs))),
    "stdvar_over_time": _of_values(variance),
}


# --- functions of one number -------------------------------------------------------------------------
def _go(function: Callable[[float], float], outside: Callable[[float], float]) -> Callable[[float], float]:
    """Python's math with Go's answer where Python raises."""

    def safe(value: float) -> float:
        try:
            return float(function(value))
        except (ValueError, OverflowError):
            return outside(value)

    return safe


def _same(value: float) -> float:
    return value


def _nan(_value: float) -> float:
    return NAN


def _log_edge(value: float) -> float:
    return -math.inf if value == 0 else NAN


NUMBERS: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "ceil": _go(math.ceil, _same),
    "floor": _go(math.floor, _same),
    "exp": _go(math.exp, lambda _v: math.inf),
    "sqrt": _go(math.sqrt, _nan),
    "ln": _go(math.log, _log_edge),
    "log2": _go(math.log2, _log_edge),
    "log10": _go(math.log10, _log_edge),
    "sgn": lambda v: v if v != v else float((v > 0) - (v < 0)),
    "deg": math.degrees,
    "rad": math.radians,
    "sin": _go(math.sin, _nan),
    "cos": _go(math.cos, _nan),
    "tan": _go(math.tan, _nan),
    "asin": _go(math.asin, _nan),
    "acos": _go(math.acos, _nan),
    "atan": math.atan,
    "sinh": _go(math.sinh, lambda v: math.copysign(math.inf, v)),
    "cosh": _go(math.cosh, lambda _v: math.inf),
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": _go(math.acosh, _nan),
    "atanh": _go(math.atanh, lambda v: math.copysign(math.inf, v) if abs(v) == 1 else NAN),
}


def rounded(value: float, nearest: float) -> float:
    inverse = divide(1.0, nearest)
    scaled = value * inverse + 0.5
    return divide(math.floor(scaled) if math.isfinite(scaled) else scaled, inverse)


def larger(a: float, b: float) -> float:
    return NAN if a != a or b != b else max(a, b)


def smaller(a: float, b: float) -> float:
    return NAN if a != a or b != b else min(a, b)


def _days_in_month(d: datetime) -> int:
    later = (d.replace(day=28) + timedelta(days=4)).replace(day=1)
    return (later - timedelta(days=1)).day


CALENDAR: dict[str, Callable[[datetime], int]] = {
    "minute": lambda d: d.minute,
    "hour": lambda d: d.hour,
    "day_of_week": lambda d: d.isoweekday() % 7,
    "day_of_month": lambda d: d.day,
    "day_of_year": lambda d: d.timetuple().tm_yday,
    "days_in_month": _days_in_month,
    "month": lambda d: d.month,
    "year": lambda d: d.year,
}


def calendar(name: str, unix_s: float) -> float:
    try:
        return float(CALENDAR[name](_EPOCH + timedelta(seconds=math.floor(unix_s))))
    except (OverflowError, ValueError):  # beyond year 9999, NaN, infinity
        return NAN


# --- histograms and labels ---------------------------------------------------------------------------
def histogram_quantile(q: float, vector: Vector) -> Vector:
    groups: dict[tuple[tuple[str, str], ...], tuple[Labels, list[tuple[float, float]]]] = {}
    for labels, value in vector:
        bound = _bound(labels.get("le", ""))
        if bound is not None:
            rest = {k: v for k, v in labels.items() if k not in ("le", "__name__")}
            groups.setdefault(tuple(sorted(rest.items())), (rest, []))[1].append((bound, value))
    return [(rest, _bucket_quantile(q, buckets)) for rest, buckets in groups.values()]


def _bound(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _bucket_quantile(q: float, buckets: list[tuple[float, float]]) -> float:
    if q != q:
        return NAN
    if q < 0 or q > 1:
        return math.copysign(math.inf, q - 0.5)
    bounds: dict[float, float] = {}
    for bound, count in buckets:
        bounds[bound] = bounds.get(bound, 0.0) + count
    edges = sorted(bounds)
    if len(edges) < 2 or edges[-1] != math.inf:
        return NAN
    counts = [bounds[edge] for edge in edges]
    for i in range(1, len(counts)):
        counts[i] = max(counts[i], counts[i - 1])  # scraped while it was updated
    if not counts[-1]:
        return NAN
    rank = q * counts[-1]
    b = next((i for i, c in enumerate(counts[:-1]) if c >= rank), len(counts) - 1)
    if b == len(counts) - 1:
        return edges[-2]
    if b == 0:
        return edges[0] if edges[0] <= 0 else edges[0] * divide(rank, counts[0])
    inside = divide(rank - counts[b - 1], counts[b] - counts[b - 1])
    return edges[b - 1] + (edges[b] - edges[b - 1]) * inside


def valid_label(name: str) -> bool:
    return bool(name) and name.isascii() and name.isidentifier()


def label_replace(vector: Vector, target: str, template: str, source: str, pattern: str) -> Vector:
    try:
        regex = re2.compile(f"^(?s:{pattern})$", options=promql_errors.quiet())
    except re2.error:
        raise QueryError(f"invalid regular expression in label_replace(): {pattern}") from None
    if not valid_label(target):
        raise QueryError(f"invalid destination label name in label_replace(): {target}")
    out = []
    for labels, value in vector:
        match = regex.match(labels.get(source, ""))
        out.append((with_label(labels, target, _expand(template, match)) if match else labels, value))
    return out


def label_join(vector: Vector, target: str, separator: str, sources: Sequence[str]) -> Vector:
    for name in sources:
        if not valid_label(name):
            raise QueryError(f"invalid source label name in label_join(): {name}")
    if not valid_label(target):
        raise QueryError(f"invalid destination label name in label_join(): {target}")
    return [(with_label(m, target, separator.join(m.get(s, "") for s in sources)), v) for m, v in vector]


def with_label(labels: Labels, name: str, value: str) -> Labels:
    """The labels with one set, or removed when the value is empty."""
    if len(value) > MAX_LABEL:
        raise QueryError(f"label value of {len(value)} characters is too long")
    changed = {k: v for k, v in labels.items() if k != name}
    if value:
        changed[name] = value
    return changed


_REFERENCE = re2.compile(r"\$(?:(\$)|([0-9A-Za-z_]+)|\{([0-9A-Za-z_]+)\})")


def _expand(template: str, match: "re2._Match") -> str:
    """Go's Regexp.Expand: `$1`, `$name`, `${name}`, `$$`."""
    named = match.re.groupindex

    def one(reference: "re2._Match") -> str:
        if reference.group(1):
            return "$"
        name = reference.group(2) or reference.group(3)
        index = int(name) if name.isdigit() and len(name) < 4 else named.get(name, -1)
        return (match.group(index) or "") if 0 <= index <= match.re.groups else ""

    return str(_REFERENCE.sub(one, template))
