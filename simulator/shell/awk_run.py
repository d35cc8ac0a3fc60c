"""Runs an awk program: the tree becomes nested functions once, then every record goes through them.

Bounded by fuel: each statement burns its size, each long text its length.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.shell.awk_functions import call
from simulator.shell.awk_parse import Node, Program
from simulator.shell.awk_record import AwkProblem, Record
from simulator.shell.awk_value import UNSET, Input, Value, compare, number, text, true
from simulator.shell.numerals import FormatProblem, sprintf, to_int

if TYPE_CHECKING:
    from simulator.world import World

FUEL = 3_000_000  # about two seconds at worst
MAX_TEXT_CHARS = 1_000_000
Evaluate = Callable[[], Value]
Execute = Callable[[], None]


class _Next(Exception):
    pass


class _Exit(Exception):
    pass


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class Interpreter:
    """One run of one program."""

    def __init__(self, world: World, program: Program, assigned: dict[str, str], environment: dict[str, str]) -> None:
        self.world, self.program = world, program
        self.fuel = FUEL
        self.record = Record()
        self.variables: dict[str, Value] = {"OFS": " ", "ORS": "\n", "SUBSEP": "\x1c", "RS": "\n", "FS": " "}
        self.variables |= {"NR": 0.0, "FNR": 0.0, "RSTART": 0.0, "RLENGTH": -1.0, "FILENAME": "", "CONVFMT": "%.6g"}
        self.arrays: dict[str, dict[str, Value]] = {
            "ENVIRON": {name: Input(value) for name, value in environment.items()}
        }
        self.random_index = 0
        self.out: list[str] = []
        self.err: list[str] = []
        self.printed = 0
        self.code = 0
        self.open_ranges: dict[int, bool] = {}
        self.scalars, self.tables = _uses(program)
        for name, value in assigned.items():
            self.assign(name, Input(value))

    # -- the run

    def run(self, inputs: list[tuple[str, str]]) -> None:
        """BEGIN, the records of (name, text) inputs, END. Raises AwkProblem."""
        begin = [self.statement(node) for node in self.program.begin]
        rules = [(self.condition(pattern), self.rule_body(body)) for pattern, body in self.program.rules]
        end = [self.statement(node) for node in self.program.end]
        try:
            for execute in begin:
                execute()
            if rules or end:
                for name, content in inputs:
                    self.file(name, content, rules)
        except _Exit:
            pass
        except _Next:
            raise AwkProblem("line 1: improper use of next") from None
        try:
            for execute in end:
                execute()
        except _Exit:
            pass
        except _Next:
            raise AwkProblem("line 1: improper use of next") from None

    def file(self, name: str, content: str, rules: list[tuple[Callable[[], bool], Execute]]) -> None:
        self.variables["FILENAME"] = "" if name == "-" else name
        self.variables["FNR"] = 0.0
        for line in self.records(content):
            self.burn(4)
            self.variables["NR"] = number(self.variables["NR"]) + 1
            self.variables["FNR"] = number(self.variables["FNR"]) + 1
            self.record.load(line)
            try:
                for condition, execute in rules:
                    if condition():
                        execute()
            except _Next:
                continue

    def records(self, content: str) -> list[str]:
        separator = text(self.variables["RS"])
        if separator == "":
            blocks = [block.strip("\n") for block in content.replace("\r\n", "\n").split("\n\n")]
            return [block for block in blocks if block]
        pieces = content.split(separator) if len(separator) == 1 else self.record.pieces(content, separator)
        if pieces and pieces[-1] in ("", "\n"):
            pieces = pieces[:-1]
        return pieces

    def burn(self, amount: int) -> None:
        self.fuel -= amount
        if self.fuel < 0:
            raise AwkProblem("program stopped: it runs too long")

    def emit(self, piece: str, target: str) -> None:
        self.printed += len(piece)
        self.burn(len(piece) >> 4)
        if self.printed > MAX_TEXT_CHARS:
            raise AwkProblem("program stopped: too much output")
        if target == "/dev/stdout":
            self.out.append(piece)
        elif target == "/dev/stderr":
            self.err.append(piece)

    # -- conditions and statements

    def rule_body(self, body: Node | None) -> Execute:
        if body is not None:
            return self.statement(body)
        return lambda: self.emit(text(self.record.get(0)) + text(self.variables["ORS"]), "/dev/stdout")

    def condition(self, pattern: Node | None) -> Callable[[], bool]:
        if pattern is None:
            return lambda: True
        if pattern[0] != "range":
            evaluate = self.expression(pattern)
            return lambda: true(evaluate())
        first, last, key = self.expression(pattern[1]), self.expression(pattern[2]), pattern[3]

        def within() -> bool:
            if not self.open_ranges.get(key):
                if not true(first()):
                    return False
                self.open_ranges[key] = True
            if true(last()):
                self.open_ranges[key] = False
            return True

        return within

    def statement(self, node: Node) -> Execute:
        return _STATEMENTS[node[0]](self, node)

    def block(self, node: Node) -> Execute:
        body = [self.statement(child) for child in node[1]]

        def execute() -> None:
            for step in body:
                step()

        return execute

    def expression_statement(self, node: Node) -> Execute:
        evaluate, size = self.expression(node[1]), _size(node)

        def execute() -> None:
            self.burn(size)
            evaluate()

        return execute

    def print_statement(self, node: Node) -> Execute:
        arguments, target, size = [self.expression(a) for a in node[1]], node[2], _size(node)

        def execute() -> None:
            self.burn(size)
            if arguments:
                line = text(self.variables["OFS"]).join([text(evaluate()) for evaluate in arguments])
            else:
                line = text(self.record.get(0))
            self.emit(line + text(self.variables["ORS"]), target)

        return execute

    def printf_statement(self, node: Node) -> Execute:
        arguments, target, size = [self.expression(a) for a in node[1]], node[2], _size(node)

        def execute() -> None:
            self.burn(size)
            values = [evaluate() for evaluate in arguments]
            self.emit(self.sprintf("printf", values), target)

        return execute

    def sprintf(self, name: str, values: list[Value]) -> str:
        template = text(values[0])
        try:
            shown, taken = sprintf(template, list(values[1:]), number, text)
        except FormatProblem as problem:
            self.complain(f'improper conversion({problem.conversion}) in {name}("{template}")')
        if taken > len(values) - 1:
            self.complain(f'not enough arguments passed to {name}("{template}")')
        return self.sized(shown)

    def complain(self, what: str) -> None:
        where = text(self.variables["FILENAME"])
        numbers = f"FNR={text(self.variables['FNR'])} NR={text(self.variables['NR'])}"
        raise AwkProblem(f'run time error: {what}\n\tFILENAME="{where}" {numbers}')

    def sized(self, piece: str) -> str:
        """The text, its length paid for."""
        if len(piece) > MAX_TEXT_CHARS:
            raise AwkProblem("program stopped: a text grows too long")
        self.burn(len(piece) >> 4)
        return piece

    def if_statement(self, node: Node) -> Execute:
        condition, then = self.expression(node[1]), self.statement(node[2])
        otherwise = self.statement(node[3]) if node[3] is not None else None
        size = _size(node[1])

        def execute() -> None:
            self.burn(size)
            if true(condition()):
                then()
            elif otherwise is not None:
                otherwise()

        return execute

    def loop(self, condition: Evaluate | None, body: Execute, step: Execute | None, first: bool, size: int) -> Execute:
        """while, do and for: `first` runs the body once before the condition is asked."""

        def execute() -> None:
            skip = first
            while skip or condition is None or true(condition()):
                skip = False
                self.burn(size + 2)
                try:
                    body()
                except _Break:
                    return
                except _Continue:
                    pass
                if step is not None:
                    step()

        return execute

    def while_statement(self, node: Node) -> Execute:
        return self.loop(self.expression(node[1]), self.statement(node[2]), None, False, _size(node[1]))

    def do_statement(self, node: Node) -> Execute:
        return self.loop(self.expression(node[2]), self.statement(node[1]), None, True, _size(node[2]))

    def for_statement(self, node: Node) -> Execute:
        start = self.statement(node[1]) if node[1] else None
        condition = self.expression(node[2]) if node[2] else None
        step = self.statement(node[3]) if node[3] else None
        loop = self.loop(condition, self.statement(node[4]), step, False, _size(node[2] or ()))

        def execute() -> None:
            if start is not None:
                start()
            loop()

        return execute

    def forin_statement(self, node: Node) -> Execute:
        name, body = node[1], self.statement(node[3])
        table = self.table(node[2])

        def execute() -> None:
            for key in list(table):
                self.burn(2)
                if key not in table:
                    continue
                self.assign(name, Input(key))
                try:
                    body()
                except _Break:
                    return
                except _Continue:
                    continue

        return execute

    def delete_statement(self, node: Node) -> Execute:
        table = self.table(node[1])
        if node[2] is None:
            return table.clear
        key = self.key(node[2])

        def execute() -> None:
            self.burn(1)
            table.pop(key(), None)

        return execute

    def jump(self, node: Node) -> Execute:
        kind = {"next": _Next, "break": _Break, "continue": _Continue}[node[0]]

        def execute() -> None:
            raise kind

        return execute

    def exit_statement(self, node: Node) -> Execute:
        evaluate = self.expression(node[1]) if node[1] is not None else None

        def execute() -> None:
            if evaluate is not None:
                self.code = to_int(number(evaluate())) & 255
            raise _Exit

        return execute

    # -- expressions

    def expression(self, node: Node) -> Evaluate:
        return _EXPRESSIONS[node[0]](self, node)

    def constant(self, node: Node) -> Evaluate:
        value: Value = node[1]
        return lambda: value

    def group(self, node: Node) -> Evaluate:
        return self.expression(node[1])

    def pattern(self, node: Node) -> Evaluate:
        search = self.record.pattern(node[1]).search
        return lambda: 1.0 if search(text(self.record.get(0))) else 0.0

    def regex(self, node: Node) -> Callable[[], str]:
        """The source of a pattern operand: a literal between slashes or any text."""
        if node[0] == "pattern":
            source: str = node[1]
            self.record.pattern(source)
            return lambda: source
        evaluate = self.expression(node)
        return lambda: text(evaluate())

    def match(self, node: Node) -> Evaluate:
        left, source = self.expression(node[1]), self.regex(node[2])
        return lambda: 1.0 if self.record.pattern(source()).search(text(left())) else 0.0

    def variable(self, node: Node) -> Evaluate:
        name = node[1]
        if name in self.tables:
            raise AwkProblem(f"line 1: type error in arg(1) in call to {name}: array used as a scalar")
        if name == "NF":
            return lambda: float(self.record.count())
        variables = self.variables
        return lambda: variables.get(name, UNSET)

    def field(self, node: Node) -> Evaluate:
        if node[1][0] == "number":
            index = to_int(node[1][1])
            return lambda: self.record.get(index)
        evaluate = self.expression(node[1])
        return lambda: self.record.get(to_int(number(evaluate())))

    def table(self, name: str) -> dict[str, Value]:
        if name in self.scalars:
            raise AwkProblem(f"line 1: illegal reference to variable {name}")
        return self.arrays.setdefault(name, {})

    def key(self, nodes: list[Node]) -> Callable[[], str]:
        if len(nodes) == 1:
            evaluate = self.expression(nodes[0])
            return lambda: text(evaluate())
        parts = [self.expression(node) for node in nodes]
        return lambda: text(self.variables["SUBSEP"]).join(text(part()) for part in parts)

    def item(self, node: Node) -> Evaluate:
        table, key = self.table(node[1]), self.key(node[2])

        def evaluate() -> Value:
            return table.setdefault(key(), UNSET)

        return evaluate

    def membership(self, node: Node) -> Evaluate:
        key, table = self.key(node[1]), self.table(node[2])
        return lambda: 1.0 if key() in table else 0.0

    def target(self, node: Node) -> Callable[[Value], None]:
        """A function that stores into a variable, a field or an element."""
        if node[0] == "var":
            name = node[1]
            return lambda value: self.assign(name, value)
        if node[0] == "field":
            index = self.expression(node[1])
            return lambda value: self.record.put(to_int(number(index())), value)
        table, key = self.table(node[1]), self.key(node[2])
        return lambda value: table.__setitem__(key(), value)

    def assign(self, name: str, value: Value) -> None:
        if name in self.tables:
            raise AwkProblem(f"line 1: illegal reference to array {name}")
        if name == "NF":
            self.record.resize(to_int(number(value)))
            return
        self.variables[name] = value
        if name == "FS":
            self.record.count()  # the current record keeps the old separator
            self.record.separator = "\t" if value == "\\t" else text(value)
        elif name == "OFS":
            self.record.glue = text(value)

    def assignment(self, node: Node) -> Evaluate:
        operator, store, source = node[1], self.target(node[2]), self.expression(node[3])
        if not operator:

            def plain() -> Value:
                value = source()
                store(value)
                return value

            return plain
        current = self.expression(node[2])

        def combined() -> Value:
            value = _arithmetic(operator, number(current()), number(source()))
            store(value)
            return value

        return combined

    def increment(self, node: Node) -> Evaluate:
        """`x++` and `++x`: the prefix form gives the new value."""
        before, step = node[0] == "pre", 1.0 if node[1] == "++" else -1.0
        current, store = self.expression(node[2]), self.target(node[2])

        def evaluate() -> Value:
            old = number(current())
            store(old + step)
            return old + step if before else old

        return evaluate

    def arithmetic(self, node: Node) -> Evaluate:
        operator, left, right = node[1], self.expression(node[2]), self.expression(node[3])
        return lambda: _arithmetic(operator, number(left()), number(right()))

    def sign(self, node: Node) -> Evaluate:
        evaluate, factor = self.expression(node[1]), -1.0 if node[0] == "negate" else 1.0
        return lambda: factor * number(evaluate())

    def concat(self, node: Node) -> Evaluate:
        parts = [self.expression(part) for part in node[1]]
        return lambda: self.sized("".join([text(part()) for part in parts]))

    def comparison(self, node: Node) -> Evaluate:
        operator, left, right = node[1], self.expression(node[2]), self.expression(node[3])
        return lambda: 1.0 if compare(operator, left(), right()) else 0.0

    def logic(self, node: Node) -> Evaluate:
        left, right = self.expression(node[1]), self.expression(node[2])
        if node[0] == "and":
            return lambda: 1.0 if true(left()) and true(right()) else 0.0
        return lambda: 1.0 if true(left()) or true(right()) else 0.0

    def negation(self, node: Node) -> Evaluate:
        evaluate = self.expression(node[1])
        return lambda: 0.0 if true(evaluate()) else 1.0

    def ternary(self, node: Node) -> Evaluate:
        condition, then, otherwise = (self.expression(part) for part in node[1:])
        return lambda: then() if true(condition()) else otherwise()

    def function(self, node: Node) -> Evaluate:
        return call(self, node[1], node[2])


def _arithmetic(operator: str, left: float, right: float) -> float:
    try:
        if operator == "+":
            return left + right
        if operator == "-":
            return left - right
        if operator == "*":
            return left * right
        if operator == "/":
            return left / right
        if operator == "%":
            magnitude = abs(left) % abs(right)
            return magnitude if left >= 0 else -magnitude
        power = left**right
        return power if isinstance(power, float) else math.nan
    except ZeroDivisionError:  # as mawk: infinity or not a number, never an error
        return math.nan if operator == "%" or not left or math.isnan(left) else math.copysign(math.inf, left)
    except OverflowError:
        return math.inf


def _size(node: object) -> int:
    """Nodes in a tree: what running it once costs."""
    waiting, size = [node], 0
    while waiting:
        current = waiting.pop()
        if isinstance(current, tuple | list):
            size += isinstance(current, tuple)
            waiting += current
    return size


def _uses(program: Program) -> tuple[frozenset[str], frozenset[str]]:
    """Names used as plain variables and names used as arrays."""
    scalars: dict[str, None] = {}
    tables: dict[str, None] = {"ENVIRON": None}
    waiting: list[object] = [program.begin, program.rules, program.end]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, tuple | list):
            continue
        kind = node[0] if node and isinstance(node, tuple) else None
        if kind == "call" and node[1] in ("split", "length"):
            at = 1 if node[1] == "split" else 0
            found = node[2][at : at + 1]
            if found and found[0][0] == "var" and node[1] == "split":
                tables[found[0][1]] = None
            waiting += [a for i, a in enumerate(node[2]) if i != at or a[0] != "var"]
            continue
        if kind == "var":
            scalars[node[1]] = None
        elif kind == "item" or kind == "delete":
            tables[node[1]] = None
        elif kind in ("in", "forin"):
            tables[node[2]] = None
        waiting += node
    return frozenset(scalars), frozenset(tables)


_STATEMENTS: dict[str, Callable[[Interpreter, Node], Execute]] = {
    "block": Interpreter.block,
    "expr": Interpreter.expression_statement,
    "print": Interpreter.print_statement,
    "printf": Interpreter.printf_statement,
    "if": Interpreter.if_statement,
    "while": Interpreter.while_statement,
    "do": Interpreter.do_statement,
    "for": Interpreter.for_statement,
    "forin": Interpreter.forin_statement,
    "delete": Interpreter.delete_statement,
    "next": Interpreter.jump,
    "break": Interpreter.jump,
    "continue": Interpreter.jump,
    "exit": Interpreter.exit_statement,
}
_EXPRESSIONS: dict[str, Callable[[Interpreter, Node], Evaluate]] = {
    "number": Interpreter.constant,
    "string": Interpreter.constant,
    "group": Interpreter.group,
    "pattern": Interpreter.pattern,
    "match": Interpreter.match,
    "var": Interpreter.variable,
    "field": Interpreter.field,
    "item": Interpreter.item,
    "in": Interpreter.membership,
    "assign": Interpreter.assignment,
    "pre": Interpreter.increment,
    "post": Interpreter.increment,
    "arith": Interpreter.arithmetic,
    "negate": Interpreter.sign,
    "plus": Interpreter.sign,
    "concat": Interpreter.concat,
    "compare": Interpreter.comparison,
    "or": Interpreter.logic,
    "and": Interpreter.logic,
    "not": Interpreter.negation,
    "ternary": Interpreter.ternary,
    "call": Interpreter.function,
}
