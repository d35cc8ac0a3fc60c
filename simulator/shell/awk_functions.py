"""awk's own functions. A function gets the interpreter and its argument nodes once, and is called often."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.engine.streams import key_of, uniform
from simulator.shell.awk_parse import Node
from simulator.shell.awk_record import AwkProblem
from simulator.shell.awk_value import Input, Value, number, text
from simulator.shell.clock import strftime

if TYPE_CHECKING:
    from simulator.shell.awk_expressions import Evaluate, Expressions


def call(run: Expressions, name: str, arguments: list[Node]) -> Evaluate:
    """The evaluation of `name(arguments)`; arguments were counted by the parser."""
    if name in ("sub", "gsub"):
        return _substitute(run, name == "gsub", arguments)
    if name == "gensub":
        return _gensub(run, arguments)
    if name == "split":
        return _split(run, arguments)
    if name == "match":
        return _match(run, arguments)
    if name == "length":
        return _length(run, arguments)
    if name == "system":
        raise AwkProblem("line 1: system() is not available here: use xargs")
    values = [run.expression(node) for node in arguments]
    if name == "sprintf":
        return lambda: run.sprintf("sprintf", [value() for value in values])
    if name == "rand":
        return lambda: _rand(run)
    if name in ("systime", "strftime"):
        return lambda: _time(run, name, [value() for value in values])
    plain = _PLAIN[name]
    return lambda: plain([value() for value in values])


def _rand(run: Expressions) -> float:
    run.random_index += 1
    return uniform(key_of(run.world.seed, "awk", "rand"), run.random_index)


def _time(run: Expressions, name: str, values: list[Value]) -> Value:
    now = run.world.at(run.world.now_s)
    if name == "systime":
        return float(int(now.timestamp()))
    form = text(values[0]) if values else "%a %b %e %H:%M:%S UTC %Y"
    return strftime(now, form)


def _length(run: Expressions, arguments: list[Node]) -> Evaluate:
    if not arguments:
        return lambda: float(len(text(run.record.get(0))))
    node = arguments[0]
    if node[0] == "var" and node[1] in run.tables:
        table = run.table(node[1])
        return lambda: float(len(table))
    value = run.expression(node)
    return lambda: float(len(text(value())))


def _split(run: Expressions, arguments: list[Node]) -> Evaluate:
    if arguments[1][0] != "var":
        raise AwkProblem("line 1: syntax error in call to split")
    value, table = run.expression(arguments[0]), run.table(arguments[1][1])
    separator = run.regex(arguments[2]) if len(arguments) > 2 else (lambda: run.record.separator)

    def evaluate() -> Value:
        pieces = run.record.pieces(text(value()), separator())
        run.burn(len(pieces))
        table.clear()
        table.update({str(i + 1): Input(piece) for i, piece in enumerate(pieces)})
        return float(len(pieces))

    return evaluate


def _match(run: Expressions, arguments: list[Node]) -> Evaluate:
    value, source = run.expression(arguments[0]), run.regex(arguments[1])
    table = run.table(arguments[2][1]) if len(arguments) > 2 and arguments[2][0] == "var" else None

    def evaluate() -> Value:
        found = run.record.pattern(source()).search(text(value()))
        start = float(found.start() + 1) if found else 0.0
        run.variables["RSTART"] = start
        run.variables["RLENGTH"] = float(found.end() - found.start()) if found else -1.0
        if table is not None:
            table.clear()
            if found:
                table.update({str(i): Input(found.group(i) or "") for i in range((found.re.groups or 0) + 1)})
        return start

    return evaluate


def _replacement(template: str, matched: str) -> str:
    """`&` is what matched, `\\&` an ampersand."""
    if "\\" not in template:
        return template.replace("&", matched)
    out, at = [], 0
    while at < len(template):
        char = template[at]
        if char == "\\" and template[at + 1 : at + 2] in ("&", "\\"):
            out.append(template[at + 1])
            at += 1
        else:
            out.append(matched if char == "&" else char)
        at += 1
    return "".join(out)


def _substitute(run: Expressions, every: bool, arguments: list[Node]) -> Evaluate:
    source, template = run.regex(arguments[0]), run.expression(arguments[1])
    node: Node = arguments[2] if len(arguments) > 2 else ("field", ("number", 0.0))
    current = run.expression(node)
    store = run.target(node) if node[0] in ("var", "field", "item") else None

    def evaluate() -> Value:
        subject, form = text(current()), text(template())
        changed, count = _replaced(run, source(), lambda m: _replacement(form, m), subject, every)
        if count and store is not None:
            store(changed)
        return float(count)

    return evaluate


def _replaced(
    run: Expressions, source: str, make: Callable[[str], str], subject: str, every: bool
) -> tuple[str, int]:
    out, at, count, size = [], 0, 0, 0
    for match in run.record.pattern(source).finditer(subject):
        if match.end() == match.start() and match.start() == at and count:
            continue  # an empty match right behind another one
        made = make(match.group())
        size += len(made)
        if size > 1_000_000:
            raise AwkProblem("program stopped: a text grows too long")
        out += [subject[at : match.start()], made]
        at, count = match.end(), count + 1
        if not every:
            break
    run.burn(count)
    return run.sized("".join(out) + subject[at:]), count


def _gensub(run: Expressions, arguments: list[Node]) -> Evaluate:
    source, template = run.regex(arguments[0]), run.expression(arguments[1])
    how = run.expression(arguments[2])
    subject = run.expression(arguments[3] if len(arguments) > 3 else ("field", ("number", 0.0)))

    def evaluate() -> Value:
        pattern, form = run.record.pattern(source()), text(template())
        which = text(how())
        wanted = 0 if which[:1] in ("g", "G") else max(1, int(number(which)))
        line, out, at, size = text(subject()), [], 0, 0
        for index, match in enumerate(pattern.finditer(line), start=1):
            if wanted and index != wanted:
                continue
            made = form.replace("\\0", "&").replace("&", match.group())
            for group in range(1, min(9, match.re.groups) + 1):
                made = made.replace(f"\\{group}", match.group(group) or "")
            size += len(made)
            if size > 1_000_000:
                raise AwkProblem("program stopped: a text grows too long")
            out += [line[at : match.start()], made]
            at = match.end()
        return run.sized("".join(out) + line[at:])

    return evaluate


def _substr(values: list[Value]) -> Value:
    whole, start = text(values[0]), number(values[1])
    length = number(values[2]) if len(values) > 2 else math.inf
    if math.isnan(start) or math.isnan(length):
        return ""
    begin = _rounded(start)
    end = len(whole) + 1 if math.isinf(length) and length > 0 else _rounded(start + length)
    return whole[max(0, begin - 1) : max(0, end - 1)]


def _rounded(value: float) -> int:
    return round(max(-1e9, min(value, 1e9)))


def _guarded(function: Callable[[float], float]) -> Callable[[list[Value]], Value]:
    def evaluate(values: list[Value]) -> Value:
        try:
            return float(function(number(values[0])))
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return evaluate


def _log(value: float) -> float:
    return -math.inf if value == 0 else math.log(value)


_PLAIN: dict[str, Callable[[list[Value]], Value]] = {
    "substr": _substr,
    "index": lambda values: float(text(values[0]).find(text(values[1])) + 1),
    "tolower": lambda values: text(values[0]).lower(),
    "toupper": lambda values: text(values[0]).upper(),
    "int": _guarded(lambda x: float(math.trunc(x)) if math.isfinite(x) else x),
    "sqrt": _guarded(math.sqrt),
    "exp": _guarded(math.exp),
    "log": _guarded(_log),
    "sin": _guarded(math.sin),
    "cos": _guarded(math.cos),
    "atan2": lambda values: math.atan2(number(values[0]), number(values[1])),
    "srand": lambda _values: 0.0,
    "fflush": lambda _values: 0.0,
    "close": lambda _values: 0.0,
}
