"""LogQL: selectors, line filters, parsers, label filters, formats, and metric queries over them. Prints nothing.

A query is read into stages, and a stage is a function of a line and its labels. Patterns run in RE2.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from simulator.patterns import PatternError, found_in, full_match, groups_in
from simulator.shell import gotemplate
from simulator.telemetry.logql_words import QueryError, Reader, duration, number

Labels = dict[str, str]
Stage = Callable[[str, Labels], "str | None"]  # the line as it goes on, None when it is dropped
Test = Callable[[Labels], bool]

RANGES = ("rate", "count_over_time", "bytes_rate", "bytes_over_time", "sum_over_time", "avg_over_time", "max_over_time",
          "min_over_time", "quantile_over_time", "first_over_time", "last_over_time", "absent_over_time", "rate_counter",
          "stddev_over_time", "stdvar_over_time")  # fmt: skip
GROUPS = ("sum", "avg", "min", "max", "count", "topk", "bottomk", "stddev", "stdvar", "sort", "sort_desc")
PARSERS = ("json", "logfmt", "unpack", "pattern", "regexp", "decolorize")


@dataclass(frozen=True)
class LogQuery:
    """Label matchers, stages in order, and the label that `unwrap` takes the number from."""

    matchers: tuple[tuple[str, str, str], ...]
    stages: tuple[Stage, ...] = ()
    unwrap: str = ""

    def labels_match(self, labels: Labels) -> bool:
        return all(_compare(labels.get(name, ""), op, value) for name, op, value in self.matchers)

    def passed(self, text: str, labels: Labels) -> str | None:
        """The line after all stages (which add labels), or None."""
        for stage in self.stages:
            kept = stage(text, labels)
            if kept is None:
                return None
            text = kept
        return text


@dataclass(frozen=True)
class Range:
    """A function over a log query's lines of the last `seconds`."""

    function: str
    query: LogQuery
    seconds: float
    offset_s: float = 0.0
    parameter: float = 0.0


@dataclass(frozen=True)
class Group:
    function: str
    inner: Metric
    by: tuple[str, ...] | None = None
    without: bool = False
    parameter: int = 0


@dataclass(frozen=True)
class Binary:
    op: str
    left: Metric
    right: Metric


Metric = Range | Group | Binary | float


def _compare(have: str, op: str, value: str) -> bool:
    good = have == value if op in ("=", "!=", "==") else full_match(value, have)
    return good != op.startswith("!")


def parse(text: str) -> LogQuery | Metric:
    """Raises QueryError."""
    reader = Reader(text)
    found: LogQuery | Metric = _log_query(reader) if reader.peek() == "{" else _metric(reader)
    if reader.peek():
        raise reader.wrong()
    return found


def _log_query(reader: Reader) -> LogQuery:
    reader.expect("{")
    matchers: list[tuple[str, str, str]] = []
    while not reader.accept("}"):
        name = reader.next()
        if not name[:1].isalpha() and name[:1] != "_":
            reader.at -= 1
            raise reader.wrong("IDENTIFIER or }")
        if reader.peek() not in ("=", "!=", "=~", "!~"):
            raise reader.wrong("= or != or =~ or !~")
        op = reader.next()
        matchers.append((name, op, reader.string()))
        if reader.peek() != "}":
            reader.expect(",")
    if not any(
        value and op in ("=", "=~") and not (op == "=~" and full_match(value, ""))
        for _, op, value in matchers
    ):
        raise QueryError(
            "parse error : queries require at least one regexp or equality matcher that does not have an "
            'empty-compatible value. For instance, app=~".*" does not meet this requirement, but app=~".+" will'
        )
    stages: list[Stage] = []
    unwrap = ""
    while reader.peek() in ("|=", "|~", "!=", "!~", "|"):
        op = reader.next()
        if op != "|":
            stages.append(_line_filter(reader, op))
        elif reader.accept("unwrap"):
            unwrap = _unwrapped(reader)
        else:
            stages.append(_stage(reader))
    return LogQuery(tuple(matchers), tuple(stages), unwrap)


def _unwrapped(reader: Reader) -> str:
    name = reader.next()
    if name in ("duration", "duration_seconds", "bytes") and reader.accept("("):
        name = reader.next()
        reader.expect(")")
    return name


def _line_filter(reader: Reader, op: str) -> Stage:
    values = [reader.string()]
    while reader.accept("or"):
        values.append(reader.string())
    plain = op in ("|=", "!=")
    for value in values if not plain else ():
        found_in(value, "")  # a pattern that does not compile says so now

    def stage(text: str, _labels: Labels) -> str | None:
        good = any(value in text if plain else found_in(value, text) for value in values)
        return None if good == op.startswith("!") else text

    return stage


def _stage(reader: Reader) -> Stage:
    word = reader.peek()
    if word in PARSERS:
        reader.next()
        return _parser(reader, word)
    if word == "line_format":
        reader.next()
        return _line_format(reader.string())
    if word in ("label_format", "drop", "keep"):
        reader.next()
        return _relabel(reader, word)
    if not word or not (word[0].isalpha() or word[0] in "_("):
        raise reader.wrong()
    test = _label_filter(reader)
    return lambda text, labels: text if test(labels) else None


def _parser(reader: Reader, word: str) -> Stage:
    if word in ("pattern", "regexp"):
        source = reader.string()
        pattern = source if word == "regexp" else _as_regexp(source)
        if word == "pattern" and "<" not in source:
            raise QueryError("parse error : at least one capture is required in a pattern")
        found_in(pattern, "")

        def groups(text: str, labels: Labels) -> str:
            labels.update(groups_in(pattern, text))
            return text

        return groups
    while reader.peek() and reader.peek() not in (
        "|",
        "[",
        ")",
        "|=",
        "!=",
        "|~",
        "!~",
    ):  # names of fields to take
        reader.next()
    return {"json": _json, "unpack": _json, "logfmt": _logfmt}.get(word, lambda text, _labels: text)


def _as_regexp(pattern: str) -> str:
    out = ""
    for literal, name in re.findall(r"([^<]*)(?:<(\w+)>|$|<)", pattern):
        out += re.escape(literal).replace("\\ ", " ") + (
            f"(?P<{name}>.*?)" if name and name != "_" else ".*?" if name else ""
        )
    return "^" + out + "$"


def _json(text: str, labels: Labels) -> str:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        labels["__error__"] = "JSONParserErr"
        return text
    _flatten(found, "", labels)
    return text


def _flatten(value: dict[str, object], prefix: str, labels: Labels) -> None:
    for key, inner in value.items():
        name = re.sub(r"\W", "_", prefix + key)
        if isinstance(inner, dict):
            _flatten(inner, name + "_", labels)
        elif not isinstance(inner, list):
            labels[name + ("_extracted" if name in labels else "")] = (
                inner if isinstance(inner, str) else json.dumps(inner)
            )


def _logfmt(text: str, labels: Labels) -> str:
    try:
        pairs = [word.partition("=") for word in shlex.split(text) if "=" in word]
    except ValueError:
        labels["__error__"] = "LogfmtParserErr"
        return text
    for name, _, value in pairs:
        if re.fullmatch(r"[A-Za-z_]\w*", name):
            labels[name + ("_extracted" if name in labels else "")] = value
    return text


def _line_format(template: str) -> Stage:
    try:
        gotemplate.render(template, {})
    except gotemplate.TemplateError as error:
        raise QueryError(f"parse error : invalid line template: template: line:1: {error}") from None

    def stage(text: str, labels: Labels) -> str:
        known = {**labels, "__line__": text, "__timestamp__": ""}
        return gotemplate.render(template.replace("{{__line__}}", "{{.__line__}}"), known).replace(
            "<no value>", ""
        )

    return stage


def _relabel(reader: Reader, word: str) -> Stage:
    changes: list[tuple[str, str, bool]] = []
    while True:
        name, value, quoted = reader.next(), "", False
        if reader.accept("="):
            quoted = reader.peek()[:1] in ('"', "`")
            value = reader.string() if quoted else reader.next()
        changes.append((name, value, quoted))
        if not reader.accept(","):
            break

    def stage(text: str, labels: Labels) -> str:
        if word == "keep":
            for name in [n for n in labels if n not in [c[0] for c in changes]]:
                del labels[name]
        for name, value, quoted in changes:
            if word == "drop" and (not quoted or labels.get(name) == value):
                labels.pop(name, None)
            elif word == "label_format":
                labels[name] = gotemplate.render(value, labels) if quoted else labels.pop(value, "")
        return text

    return stage


def _label_filter(reader: Reader) -> Test:
    """`a = "x" and b > 5 or (c)`; a comma is an `and`."""
    tests = [_and(reader)]
    while reader.accept("or"):
        tests.append(_and(reader))
    return lambda labels: any(test(labels) for test in tests)


def _and(reader: Reader) -> Test:
    tests = [_one(reader)]
    while reader.accept("and") or reader.accept(","):
        tests.append(_one(reader))
    return lambda labels: all(test(labels) for test in tests)


ORDERS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
}  # fmt: skip


def _one(reader: Reader) -> Test:
    if reader.accept("("):
        inner = _label_filter(reader)
        reader.expect(")")
        return inner
    name, op = reader.next(), reader.next()
    if op not in (*ORDERS, "=~", "!~"):
        reader.at -= 1
        raise reader.wrong()
    if reader.peek()[:1] in ('"', "`"):
        value = reader.string()
        if op in (">", ">=", "<", "<=", "=="):
            reader.at -= 1
            raise reader.wrong("BYTES or NUMBER or DURATION")
        return lambda labels: _compare(labels.get(name, ""), op, value)
    wanted = number(reader.peek())
    if wanted is None or op not in ORDERS:
        raise reader.wrong()
    reader.next()
    limit = wanted

    def test(labels: Labels) -> bool:
        have = number(labels.get(name, ""))
        return have is not None and ORDERS[op](have, limit)

    return test


# -- metric queries
LEVELS = (("or", "unless", "and"), ("==", "!=", ">", ">=", "<", "<="), ("+", "-"), ("*", "/", "%"), ("^",))


def _metric(reader: Reader, level: int = 0) -> Metric:
    if level == len(LEVELS):
        return _metric_atom(reader)
    left = _metric(reader, level + 1)
    while reader.peek() in LEVELS[level]:
        op = reader.next()
        reader.accept("bool")
        left = Binary(op, left, _metric(reader, level + 1))
    return left


def _metric_atom(reader: Reader) -> Metric:
    word = reader.peek()
    if reader.accept("("):
        inner = _metric(reader)
        reader.expect(")")
        return inner
    if word in RANGES:
        reader.next()
        return _range(reader, word)
    if word in GROUPS:
        reader.next()
        return _group(reader, word)
    value = number(word) if word[:1].isdigit() else None
    if value is None:
        raise reader.wrong("{" if word and reader.at == 0 else "")
    reader.next()
    return value


def _range(reader: Reader, function: str) -> Metric:
    reader.expect("(")
    parameter = 0.0
    if function == "quantile_over_time":
        parameter = number(reader.next()) or 0.0
        reader.expect(",")
    wrapped = reader.accept("(")
    query = _log_query(reader)
    if wrapped:
        reader.expect(")")
    reader.expect("[")
    seconds = duration(reader.peek())
    if seconds is None or seconds <= 0:
        raise reader.wrong("DURATION")
    reader.next()
    reader.expect("]")
    while reader.accept("|"):  # filters may follow the range
        query = LogQuery(query.matchers, (*query.stages, _stage(reader)), query.unwrap)
    offset = (duration(reader.next()) or 0.0) if reader.accept("offset") else 0.0
    reader.expect(")")
    found = Range(function, query, seconds, offset, parameter)
    if reader.peek() in ("by", "without"):
        by, without = _by(reader)
        return Group("max", found, by, without)
    return found


def _by(reader: Reader) -> tuple[tuple[str, ...] | None, bool]:
    if reader.peek() not in ("by", "without"):
        return None, False
    without = reader.next() == "without"
    reader.expect("(")
    names: list[str] = []
    while not reader.accept(")"):
        names.append(reader.next())
        if reader.peek() != ")":
            reader.expect(",")
    return tuple(names), without


def _group(reader: Reader, function: str) -> Group:
    by, without = _by(reader)
    reader.expect("(")
    parameter = 0
    if function in ("topk", "bottomk"):
        parameter = int(number(reader.next()) or 0)
        reader.expect(",")
    inner = _metric(reader)
    reader.expect(")")
    if by is None:
        by, without = _by(reader)
    return Group(function, inner, by, without, parameter)


__all__ = ["LogQuery", "PatternError", "QueryError", "duration", "parse"]
