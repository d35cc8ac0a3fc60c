"""PromQL: queries compiled once from promql-parser's tree, evaluated over anything with `select`.

The only file that imports promql_parser. No store, no world and no texts for the player beyond
Prometheus's own may live here. Times are the source's seconds; `epoch_s` is the Unix time of its
second 0. Windows are closed on both sides and the look-back is 5 minutes, as in Prometheus 2.x.
"""

import math
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, Protocol

import promql_parser as pp
import re2

from simulator.telemetry import promql_errors, promql_lexer
from simulator.telemetry.promql_functions import (
    CALENDAR,
    NAN,
    NUMBERS,
    WINDOWS,
    Labels,
    QueryError,
    Vector,
    calendar,
    double_smoothed,
    histogram_quantile,
    label_join,
    label_replace,
    larger,
    quantile,
    regression,
    rounded,
    smaller,
    without_name,
)
from simulator.telemetry.promql_vector import Matching, aggregate, distinct, key_of, operate

LOOKBACK_S = 300.0
EDGE_S = 0.001  # asked for in addition, so that a source may leave its first edge out
MAX_POINTS = 11_000  # Prometheus's own cap on points a series of a range query
MAX_SAMPLES = 1_000_000  # work one query may do: about a second of this interpreter
MAX_QUERY = 4_000  # characters; the longest real dashboards' queries are about half of it
MAX_DEPTH = 100  # nesting; each level costs a few Python frames, of which there are 1,000
STALE = struct.unpack(">d", bytes.fromhex("7ff0000000000002"))[0]  # Prometheus's staleness marker

RENAMED = {"holt_winters": "double_exponential_smoothing"}  # as the parser's newer Prometheus calls it
Matcher = tuple[str, str, str]  # label, one of = != =~ !~, value
Series = tuple[Labels, list[float], list[float]]
Matrix = tuple[float, float, list[Series]]  # window start, window end, what was in it
Kind = Literal["scalar", "string", "vector", "matrix"]


class Source(Protocol):
    """What a query reads: series ordered by labels, samples with start_s < t <= end_s in order."""

    def select(
        self, name: str | None, matchers: list[Matcher], start_s: float, end_s: float
    ) -> list[tuple[Labels, list[tuple[float, float]]]]: ...


@dataclass
class Evaluation:
    """One query in progress: the instants it will ask for, and what was already read for them."""

    source: Source
    epoch_s: float
    lo_s: float
    hi_s: float
    start_s: float  # of the whole query, for @ start()
    end_s: float
    default_step_s: float
    work: list[int] = field(default_factory=lambda: [MAX_SAMPLES])
    read: dict[int, Any] = field(default_factory=dict)

    def spend(self, samples: int) -> None:
        self.work[0] -= samples
        if self.work[0] < 0:
            raise QueryError("query processing would load too many samples into memory in query execution")

    def inner(self, lo_s: float, hi_s: float) -> "Evaluation":
        """The evaluation of a subquery's expression."""
        return Evaluation(
            self.source, self.epoch_s, lo_s, hi_s, self.start_s, self.end_s, self.default_step_s, self.work
        )


Run = Callable[[Evaluation, float], Any]


@dataclass(frozen=True)
class Plan:
    """A compiled expression: `run(evaluation, t_s)` gives a float, a str, a Vector or a Matrix."""

    kind: Kind
    run: Run


@dataclass(frozen=True)
class Result:
    """The answer of an instant query; a matrix is a list of (labels, [(t_s, value)])."""

    kind: Kind
    value: Any


def instant(
    source: Source, query: str, at_s: float, epoch_s: float = 0.0, default_step_s: float = 60.0
) -> Result:
    """Evaluate a query at one instant. Raises QueryError."""
    plan = compile_query(query)
    answer = plan.run(Evaluation(source, epoch_s, at_s, at_s, at_s, at_s, default_step_s), at_s)
    if plan.kind == "matrix":
        answer = [(labels, list(zip(ts, vs, strict=True))) for labels, ts, vs in answer[2]]
    return Result(plan.kind, answer)


def range_query(
    source: Source,
    query: str,
    start_s: float,
    end_s: float,
    step_s: float,
    epoch_s: float = 0.0,
    default_step_s: float = 60.0,
) -> list[tuple[Labels, list[tuple[float, float]]]]:
    """Evaluate at start, start+step, ... end; series ordered by labels. Raises QueryError."""
    if not step_s > 0 or not math.isfinite(step_s):
        text = "zero or negative query resolution step widths are not accepted. Try a positive integer"
        raise QueryError(f'invalid parameter "step": {text}', "bad_data")
    if (end_s - start_s) / step_s > MAX_POINTS:
        raise QueryError(
            "exceeded maximum resolution of 11,000 points per timeseries. "
            "Try decreasing the query resolution (?step=XX)",
            "bad_data",
        )
    plan = compile_query(query)
    if plan.kind in ("matrix", "string"):
        name = "range vector" if plan.kind == "matrix" else "string"
        text = f'invalid expression type "{name}" for range query, must be Scalar or instant Vector'
        raise QueryError(f'invalid parameter "query": {text}', "bad_data")
    evaluation = Evaluation(source, epoch_s, start_s, end_s, start_s, end_s, default_step_s)
    found: dict[tuple[tuple[str, str], ...], tuple[Labels, list[tuple[float, float]]]] = {}
    for i in range(math.floor((end_s - start_s) / step_s + 1e-9) + 1):
        t = start_s + i * step_s
        answer = plan.run(evaluation, t)
        for labels, value in [({}, answer)] if plan.kind == "scalar" else answer:
            found.setdefault(key_of(labels), (labels, []))[1].append((t, value))
    return [found[key] for key in sorted(found)]


@lru_cache(maxsize=512)
def compile_query(query: str) -> Plan:
    """Parse and compile. Raises QueryError with Prometheus's text and position."""
    if len(query) > MAX_QUERY:
        raise QueryError(
            f"1:{MAX_QUERY}: parse error: query is longer than {MAX_QUERY} characters", "bad_data"
        )
    explained = promql_errors.explain(query)
    if explained:
        raise QueryError(explained, "bad_data")
    try:
        tree = pp.parse(promql_lexer.renamed(query, RENAMED))
    except ValueError as error:
        raise _refused(str(error)) from None
    return _compile(tree, 0)


def _refused(message: str) -> QueryError:
    return QueryError(f"1:1: parse error: {message}", "bad_data")


# --- compilation -------------------------------------------------------------------------------------
def _compile(node: Any, depth: int) -> Plan:
    if depth > MAX_DEPTH:
        raise _refused(f"expression is nested more than {MAX_DEPTH} levels deep")
    if isinstance(node, pp.NumberLiteral):
        number = float(node.val)
        return Plan("scalar", lambda _ev, _t: number)
    if isinstance(node, pp.StringLiteral):
        text = node.val
        return Plan("string", lambda _ev, _t: text)
    if isinstance(node, pp.ParenExpr):
        return _compile(node.expr, depth + 1)
    if isinstance(node, pp.VectorSelector):
        return _selector(node)
    if isinstance(node, pp.MatrixSelector):
        return _range_selector(node)
    if isinstance(node, pp.SubqueryExpr):
        return _subquery(node, depth)
    if isinstance(node, pp.UnaryExpr):
        return _negated(_compile(node.expr, depth + 1))
    if isinstance(node, pp.AggregateExpr):
        return _aggregation(node, depth)
    if isinstance(node, pp.BinaryExpr):
        return _binary(node, depth)
    return _call(node, depth)


def _negated(plan: Plan) -> Plan:
    run = plan.run
    if plan.kind == "scalar":
        return Plan("scalar", lambda ev, t: -run(ev, t))
    return Plan("vector", lambda ev, t: distinct([(without_name(m), -v) for m, v in run(ev, t)]))


def _shift(node: Any) -> Callable[[Evaluation, float], float]:
    """Where a selector looks when the query is at t: `@` first, then `offset`."""
    offset = node.offset.total_seconds() if node.offset is not None else 0.0
    if node.at is None:
        return lambda _ev, t: t - offset
    text = str(node.at)  # "@ 1700000000.000"; the library's own conversion fails outside of 1970-9999
    if "start" in text:
        return lambda ev, _t: ev.start_s - offset
    if "end" in text:
        return lambda ev, _t: ev.end_s - offset
    fixed = float(text.removeprefix("@"))
    return lambda ev, _t: fixed - ev.epoch_s - offset


_OPS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


def _matchers(selector: Any) -> tuple[str | None, list[Matcher]]:
    if selector.matchers.or_matchers:
        raise _refused('unexpected identifier "or" in label matching, expected "," or "}"')
    name: str | None = selector.name
    matchers: list[Matcher] = []
    for matcher in selector.matchers.matchers:
        op = _OPS[str(matcher.op).rpartition(".")[2]]
        if op in ("=~", "!~"):
            _check_pattern(matcher.value)
        if matcher.name == "__name__" and op == "=" and name is None:
            name = matcher.value
        else:
            matchers.append((matcher.name, op, matcher.value))
    return name, matchers


def _check_pattern(pattern: str) -> None:
    try:
        re2.compile(pattern, options=promql_errors.quiet())
    except re2.error as error:
        raise _refused(f"error parsing regexp: {error.args[0]!r}") from None


def _reader(selector: Any, back_s: float) -> tuple[Callable[[Evaluation], list[Series]], Run]:
    """(all series of a selector over the evaluation, read once; where it looks at t)."""
    name, matchers = _matchers(selector)
    shift = _shift(selector)
    key = id(shift)  # the plan keeps it alive, so the id is its own for as long as the plan lives

    def read(ev: Evaluation) -> list[Series]:
        known = ev.read.get(key)
        if known is None:
            start = shift(ev, ev.lo_s) - back_s - EDGE_S
            rows = ev.source.select(name, matchers, start, shift(ev, ev.hi_s))
            known = [(labels, [s[0] for s in samples], [s[1] for s in samples]) for labels, samples in rows]
            ev.read[key] = known
            ev.spend(sum(len(ts) for _, ts, _ in known))
        return known

    return read, shift


_STALE_BYTES = struct.pack(">d", STALE)


def _is_stale(value: float) -> bool:
    return value != value and struct.pack(">d", value) == _STALE_BYTES


def _selector(node: Any) -> Plan:
    read, shift = _reader(node, LOOKBACK_S)

    def run(ev: Evaluation, t: float) -> Vector:
        at = shift(ev, t)
        out: Vector = []
        for labels, ts, vs in read(ev):
            i = bisect_right(ts, at) - 1
            if i >= 0 and ts[i] >= at - LOOKBACK_S and not _is_stale(vs[i]):
                out.append((labels, vs[i]))
        ev.spend(len(out))
        return out

    return Plan("vector", run)


def _timestamp(node: Any) -> Plan:
    """timestamp() of a plain selector: when the sample was taken, not when it is asked for."""
    read, shift = _reader(node, LOOKBACK_S)

    def run(ev: Evaluation, t: float) -> Vector:
        at = shift(ev, t)
        out: Vector = []
        for labels, ts, vs in read(ev):
            i = bisect_right(ts, at) - 1
            if i >= 0 and ts[i] >= at - LOOKBACK_S and not _is_stale(vs[i]):
                out.append((without_name(labels), ev.epoch_s + ts[i]))
        return distinct(out)

    return Plan("vector", run)


def _cut(series: list[Series], start: float, end: float) -> list[Series]:
    out: list[Series] = []
    for labels, ts, vs in series:
        i, j = bisect_left(ts, start), bisect_right(ts, end)
        if i == 0 and j == len(ts) and j and not any(v != v for v in vs):
            out.append((labels, ts, vs))
        elif j > i:
            kept = [k for k in range(i, j) if not _is_stale(vs[k])]
            if kept:
                out.append((labels, [ts[k] for k in kept], [vs[k] for k in kept]))
    return out


def _range_selector(node: Any) -> Plan:
    length = node.range.total_seconds()
    read, shift = _reader(node.vector_selector, length)

    def run(ev: Evaluation, t: float) -> Matrix:
        end = shift(ev, t)
        cut = _cut(read(ev), end - length, end)
        ev.spend(sum(len(ts) for _, ts, _ in cut))
        return end - length, end, cut

    return Plan("matrix", run)


def _subquery(node: Any, depth: int) -> Plan:
    inside = _compile(node.expr, depth + 1)
    length, shift = node.range.total_seconds(), _shift(node)
    own_step = node.step.total_seconds() if node.step is not None else 0.0
    key = id(shift)

    def run(ev: Evaluation, t: float) -> Matrix:
        end, step = shift(ev, t), own_step or ev.default_step_s
        start = end - length
        ev.spend(int(length / step))
        if key not in ev.read:
            ev.read[key] = (ev.inner(shift(ev, ev.lo_s) - length, shift(ev, ev.hi_s)), {})
        inner, known = ev.read[key]
        found: dict[Any, Series] = {}
        i = math.ceil(round((start + ev.epoch_s) / step, 6))  # the grid is aligned to the epoch
        while (at := i * step - ev.epoch_s) <= end:
            if i not in known:
                known[i] = inside.run(inner, at)
            for labels, value in known[i]:
                series = found.setdefault(key_of(labels), (labels, [], []))
                series[1].append(at)
                series[2].append(value)
            i += 1
        ev.spend(sum(len(ts) for _, ts, _ in found.values()))
        return start, end, list(found.values())

    return Plan("matrix", run)


def _aggregation(node: Any, depth: int) -> Plan:
    inside = _compile(node.expr, depth + 1).run
    op = str(node.op)
    without = node.modifier is not None and str(node.modifier.type).endswith("Without")
    names = tuple(node.modifier.labels) if node.modifier is not None else ()
    if node.param is None:
        return Plan("vector", lambda ev, t: aggregate(op, inside(ev, t), without, names, 0.0))
    parameter = _compile(node.param, depth + 1).run
    if op not in ("topk", "bottomk", "quantile", "count_values"):
        raise _refused(
            f"{op}() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
        )
    return Plan("vector", lambda ev, t: aggregate(op, inside(ev, t), without, names, parameter(ev, t)))


def _matching(modifier: Any) -> Matching:
    if modifier is None:
        return Matching()
    card = str(modifier.card)
    many = "left" if card.endswith("ManyToOne") else "right" if card.endswith("OneToMany") else ""
    labels = modifier.matching
    return Matching(
        on=labels is not None and str(labels.type).endswith("Include"),
        labels=tuple(labels.labels) if labels is not None else (),
        many=many,
        include=tuple(modifier.group_labels or ()),
        as_bool=bool(modifier.return_bool),
    )


def _binary(node: Any, depth: int) -> Plan:
    left, right = _compile(node.lhs, depth + 1), _compile(node.rhs, depth + 1)
    op, matching = str(node.op), _matching(node.modifier)
    a, b = left.run, right.run
    kind: Kind = "scalar" if left.kind == right.kind == "scalar" else "vector"

    def run(ev: Evaluation, t: float) -> float | Vector:
        first, second = a(ev, t), b(ev, t)
        return operate(op, first, second, matching)

    return Plan(kind, run)


# --- calls -------------------------------------------------------------------------------------------
def _call(node: Any, depth: int) -> Plan:
    name, nodes = node.func.name, list(node.args)
    plans = [_compile(argument, depth + 1) for argument in nodes]
    if name in WINDOWS:
        return _over_window(name, plans[0])
    if name == RENAMED["holt_winters"]:
        return _smoothed(plans)
    if name in ("quantile_over_time", "predict_linear"):
        return _with_parameter(name, plans)
    if name in ("absent", "absent_over_time"):
        return _absent(nodes[0], plans[0])
    if name == "timestamp":
        bare = nodes[0]
        while isinstance(bare, pp.ParenExpr):
            bare = bare.expr
        if isinstance(bare, pp.VectorSelector):
            return _timestamp(bare)
    return _plain_call(name, [plan.run for plan in plans])


def _over_window(name: str, plan: Plan) -> Plan:
    function, window = WINDOWS[name], plan.run
    keeps_name = name == "last_over_time"

    def run(ev: Evaluation, t: float) -> Vector:
        start, end, series = window(ev, t)
        out: Vector = []
        for labels, ts, vs in series:
            value = function(ts, vs, start, end)
            if value is not None:
                out.append((labels if keeps_name else without_name(labels), value))
        return distinct(out)

    return Plan("vector", run)


def _with_parameter(name: str, plans: list[Plan]) -> Plan:
    first, second = plans[0].run, plans[1].run

    def quantiles(ev: Evaluation, t: float) -> Vector:
        q = first(ev, t)
        return distinct([(without_name(m), quantile(q, vs)) for m, _, vs in second(ev, t)[2]])

    def predictions(ev: Evaluation, t: float) -> Vector:
        ahead, out = second(ev, t), []
        for labels, ts, vs in first(ev, t)[2]:
            if len(ts) > 1:
                slope, level = regression(ts, vs, t)
                out.append((without_name(labels), slope * ahead + level))
        return distinct(out)

    return Plan("vector", quantiles if name == "quantile_over_time" else predictions)


def _smoothed(plans: list[Plan]) -> Plan:
    """holt_winters(): factors are looked at for every series, so none complains over an empty window."""
    window, smooth, trend = (plan.run for plan in plans)

    def run(ev: Evaluation, t: float) -> Vector:
        sf, tf, out = smooth(ev, t), trend(ev, t), []
        for labels, _, vs in window(ev, t)[2]:
            for kind, factor in (("smoothing", sf), ("trend", tf)):
                if not 0 < factor < 1:
                    short = "sf" if kind == "smoothing" else "tf"
                    raise QueryError(f"invalid {kind} factor. Expected: 0 < {short} < 1, got: {factor:f}")
            if len(vs) > 1:
                out.append((without_name(labels), double_smoothed(vs, sf, tf)))
        return distinct(out)

    return Plan("vector", run)


def _absent(node: Any, plan: Plan) -> Plan:
    while isinstance(node, pp.ParenExpr):
        node = node.expr
    selector = node.vector_selector if isinstance(node, pp.MatrixSelector) else node
    labels: Labels = {}
    if isinstance(selector, pp.VectorSelector):
        seen: list[str] = []
        for label, op, value in _matchers(selector)[1]:
            if op == "=" and label not in seen and label != "__name__":
                labels[label] = value
                seen.append(label)
            else:
                labels.pop(label, None)
    run, matrix = plan.run, plan.kind == "matrix"

    def absent(ev: Evaluation, t: float) -> Vector:
        found = run(ev, t)
        return [] if (found[2] if matrix else found) else [(labels, 1.0)]

    return Plan("vector", absent)


def _each(function: Callable[[float], float], run: Run) -> Plan:
    return Plan("vector", lambda ev, t: distinct([(without_name(m), function(v)) for m, v in run(ev, t)]))


def _plain_call(name: str, runs: list[Run]) -> Plan:
    """Functions of scalars and vectors that need no window."""
    if name in NUMBERS:
        return _each(NUMBERS[name], runs[0])
    if name in CALENDAR:
        if not runs:
            return Plan("vector", lambda ev, t: [({}, calendar(name, ev.epoch_s + t))])
        return _each(lambda v: calendar(name, v), runs[0])
    if name == "time":
        return Plan("scalar", lambda ev, t: float(ev.epoch_s + t))
    if name == "pi":
        return Plan("scalar", lambda _ev, _t: math.pi)
    if name == "scalar":
        return Plan("scalar", lambda ev, t: v[0][1] if len(v := runs[0](ev, t)) == 1 else NAN)
    if name == "timestamp":
        return Plan(
            "vector", lambda ev, t: distinct([(without_name(m), ev.epoch_s + t) for m, _ in runs[0](ev, t)])
        )
    if name in _GENERAL:
        function = _GENERAL[name]
        return Plan("vector", lambda ev, t: function([run(ev, t) for run in runs]))
    raise _refused(f'function "{name}" is not enabled')


def _sorted(vector: Vector, descending: bool) -> Vector:
    return sorted(vector, key=lambda s: (s[1] != s[1], -s[1] if descending else s[1]))


def _mapped(vector: Vector, function: Callable[[float], float]) -> Vector:
    return distinct([(without_name(m), function(v)) for m, v in vector])


def _clamp(arguments: list[Any]) -> Vector:
    vector, low, high = arguments
    if low > high:
        return []
    return _mapped(vector, lambda v: larger(low, smaller(high, v)))


_GENERAL: dict[str, Callable[[list[Any]], Vector]] = {
    "vector": lambda a: [({}, a[0])],
    "sort": lambda a: _sorted(a[0], False),
    "sort_desc": lambda a: _sorted(a[0], True),
    "histogram_quantile": lambda a: histogram_quantile(a[0], a[1]),
    "histogram_count": lambda _a: [],  # the simulated exporters have no native histograms
    "histogram_sum": lambda _a: [],
    "histogram_fraction": lambda _a: [],
    "label_replace": lambda a: distinct(label_replace(*a)),
    "label_join": lambda a: distinct(label_join(a[0], a[1], a[2], a[3:])),
    "round": lambda a: _mapped(a[0], lambda v: rounded(v, a[1] if len(a) > 1 else 1.0)),
    "clamp": _clamp,
    "clamp_min": lambda a: _mapped(a[0], lambda v: larger(a[1], v)),
    "clamp_max": lambda a: _mapped(a[0], lambda v: smaller(a[1], v)),
}
