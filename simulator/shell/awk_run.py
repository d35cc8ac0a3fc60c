"""Runs an awk program: the tree becomes nested functions once, then every record goes through them.

Bounded by fuel: each statement burns its size, each long text its length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.shell.awk_expressions import MAX_TEXT_CHARS, Evaluate, Expressions
from simulator.shell.awk_parse import Node, Program
from simulator.shell.awk_record import AwkProblem
from simulator.shell.awk_value import Input, number, text, true
from simulator.shell.numerals import to_int

if TYPE_CHECKING:
    from simulator.world import World

Execute = Callable[[], None]


class _Next(Exception):
    pass


class _Exit(Exception):
    pass


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class Interpreter(Expressions):
    """One run of one program."""

    def __init__(
        self, world: World, program: Program, assigned: dict[str, str], environment: dict[str, str]
    ) -> None:
        super().__init__(world, _uses(program), environment)
        self.program = program
        self.out: list[str] = []
        self.err: list[str] = []
        self.printed = 0
        self.code = 0
        self.open_ranges: dict[int, bool] = {}
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

    def loop(
        self, condition: Evaluate | None, body: Execute, step: Execute | None, first: bool, size: int
    ) -> Execute:
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
        elif kind in ("item", "delete"):
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
