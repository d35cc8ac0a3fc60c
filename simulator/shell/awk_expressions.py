"""awk's expressions as nested functions; the run itself is in awk_run.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.shell.awk_functions import call
from simulator.shell.awk_parse import Node
from simulator.shell.awk_record import AwkProblem, Record
from simulator.shell.awk_value import UNSET, Input, Value, compare, number, text, true
from simulator.shell.numerals import FormatProblem, sprintf, to_int

if TYPE_CHECKING:
    from simulator.world import World

FUEL = 3_000_000  # about two seconds at worst
MAX_TEXT_CHARS = 1_000_000
Evaluate = Callable[[], Value]


class Expressions:
    """Variables, arrays and the current record, and what an expression makes of them."""

    def __init__(
        self, world: World, names: tuple[frozenset[str], frozenset[str]], environment: dict[str, str]
    ) -> None:
        self.world = world
        self.scalars, self.tables = names
        self.fuel = FUEL
        self.random_index = 0
        self.record = Record()
        self.variables: dict[str, Value] = {"OFS": " ", "ORS": "\n", "SUBSEP": "\x1c", "RS": "\n", "FS": " "}
        self.variables |= {"NR": 0.0, "FNR": 0.0, "RSTART": 0.0, "RLENGTH": -1.0, "FILENAME": ""}
        self.arrays: dict[str, dict[str, Value]] = {
            "ENVIRON": {name: Input(value) for name, value in environment.items()}
        }

    def burn(self, amount: int) -> None:
        self.fuel -= amount
        if self.fuel < 0:
            raise AwkProblem("program stopped: it runs too long")

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


_EXPRESSIONS: dict[str, Callable[[Expressions, Node], Evaluate]] = {
    "number": Expressions.constant,
    "string": Expressions.constant,
    "group": Expressions.group,
    "pattern": Expressions.pattern,
    "match": Expressions.match,
    "var": Expressions.variable,
    "field": Expressions.field,
    "item": Expressions.item,
    "in": Expressions.membership,
    "assign": Expressions.assignment,
    "pre": Expressions.increment,
    "post": Expressions.increment,
    "arith": Expressions.arithmetic,
    "negate": Expressions.sign,
    "plus": Expressions.sign,
    "concat": Expressions.concat,
    "compare": Expressions.comparison,
    "or": Expressions.logic,
    "and": Expressions.logic,
    "not": Expressions.negation,
    "ternary": Expressions.ternary,
    "call": Expressions.function,
}
