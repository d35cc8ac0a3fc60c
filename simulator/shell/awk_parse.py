"""awk's grammar: a program into a tree of tuples, first element the kind. Runs nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulator.shell.awk_lex import FUNCTIONS, AwkSyntaxError, AwkToken, tokens

MAX_DEPTH = 30  # of expressions and statements inside one another; a level takes 16 frames to parse
MAX_TREE_DEPTH = 150  # of the tree: a chain of operators is as deep as it is long
Node = tuple[Any, ...]
_ASSIGNMENTS = ("=", "+=", "-=", "*=", "/=", "%=", "^=")
_COMPARISONS = ("<", "<=", "==", "!=", ">", ">=")
_STARTS = ("number", "string", "pattern", "name", "function")


@dataclass
class Program:
    """`rules` are (pattern or None, body or None); a range is ("range", first, last, number)."""

    begin: list[Node] = field(default_factory=list)
    rules: list[tuple[Node | None, Node | None]] = field(default_factory=list)
    end: list[Node] = field(default_factory=list)


def parse(source: str) -> Program:
    """The tree of a program. Raises AwkSyntaxError."""
    program = _Parser(tokens(source)).program()
    if _depth(program) > MAX_TREE_DEPTH:
        raise AwkSyntaxError("line 1: program nested too deeply")
    return program


def _depth(program: Program) -> int:
    waiting: list[tuple[Any, int]] = [((program.begin, program.rules, program.end), 0)]
    deepest = 0
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(node, tuple | list):
            waiting += [(child, depth + isinstance(node, tuple)) for child in node]
    return deepest


class _Parser:
    def __init__(self, found: list[AwkToken]) -> None:
        self.tokens, self.at, self.depth, self.loops, self.ranges = found, 0, 0, 0, 0

    # -- tokens

    @property
    def token(self) -> AwkToken:
        return self.tokens[self.at]

    def is_(self, *texts: str) -> bool:
        return self.token.kind in ("operator", "keyword") and self.token.text in texts

    def take(self, *texts: str) -> bool:
        if self.is_(*texts):
            self.at += 1
            return True
        return False

    def wrong(self) -> AwkSyntaxError:
        token = self.token
        if token.kind == "end" and self.depth:
            return AwkSyntaxError(f"line {token.line + 1}: missing }} near end of file")
        if token.text in (")", "}"):
            return AwkSyntaxError(f"line {token.line}: syntax error at or near {token.text}")
        shown = token.text if token.kind != "newline" else "end of line"
        return AwkSyntaxError(f"line {token.line}: syntax error at or near {shown[:40]}")

    def expect(self, text: str) -> None:
        if self.take(text):
            return
        if text == ")":
            raise AwkSyntaxError(
                f"line {self.token.line}: missing ) near {self.token.text[:40].strip() or 'end of line'}"
            )
        raise self.wrong()

    def newlines(self) -> None:
        while self.token.kind == "newline":
            self.at += 1

    def terminators(self) -> None:
        while self.token.kind == "newline" or self.is_(";"):
            self.at += 1

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise AwkSyntaxError(f"line {self.token.line}: program nested too deeply")

    # -- program and statements

    def program(self) -> Program:
        program = Program()
        self.terminators()
        while self.token.kind != "end":
            if self.is_("function", "func"):
                raise AwkSyntaxError(f"line {self.token.line}: functions of your own are not available here")
            self.item(program)
            self.terminators()
        return program

    def item(self, program: Program) -> None:
        if self.is_("BEGIN", "END"):
            target = program.begin if self.token.text == "BEGIN" else program.end
            self.at += 1
            if not self.is_("{"):
                raise self.wrong()
            target.append(self.block())
            return
        pattern: Node | None = None
        if self.is_("}"):
            line = self.token.line
            raise AwkSyntaxError(
                f"line {line}: extra '}}'\nawk: line {line}: syntax error at or near end of line"
            )
        if not self.is_("{"):
            pattern = self.expression()
            if self.take(","):
                self.newlines()
                self.ranges += 1
                pattern = ("range", pattern, self.expression(), self.ranges)
        if self.is_("{"):
            program.rules.append((pattern, self.block()))
        elif self.token.kind in ("newline", "end") or self.is_(";"):
            program.rules.append((pattern, None))
        elif self.is_(")"):
            raise AwkSyntaxError(f"line {self.token.line}: extra '{self.token.text}'")
        else:
            raise self.wrong()

    def block(self) -> Node:
        self.deeper()
        self.expect("{")
        body: list[Node] = []
        self.terminators()
        while not self.is_("}"):
            if self.token.kind == "end":
                raise AwkSyntaxError(f"line {self.token.line + 1}: missing }} near end of file")
            body.append(self.statement())
            self.terminators()
        self.at += 1
        self.depth -= 1
        return ("block", body)

    def statement(self) -> Node:
        token = self.token
        if self.is_("{"):
            return self.block()
        if token.kind == "keyword" and token.text in ("if", "while", "for", "do"):
            self.deeper()
            self.at += 1
            loops = {
                "if": self.if_statement,
                "while": self.while_statement,
                "for": self.for_statement,
                "do": self.do_statement,
            }
            node = loops[token.text]()
            self.depth -= 1
            return node
        node = self.simple_statement()
        if not (self.token.kind in ("newline", "end") or self.is_(";", "}")):
            if self.is_(")"):
                raise AwkSyntaxError(f"line {self.token.line}: extra ')'")
            raise self.wrong()
        if not self.is_("}"):
            self.at += self.token.kind != "end"
        return node

    def body(self) -> Node:
        """The statement a loop or a condition governs; a lone `;` is an empty one."""
        self.newlines()
        if self.take(";"):
            return ("block", [])
        return self.statement()

    def if_statement(self) -> Node:
        self.expect("(")
        condition = self.expression()
        self.expect(")")
        then = self.body()
        before = self.at
        self.terminators()
        if self.take("else"):
            return ("if", condition, then, self.body())
        self.at = before
        return ("if", condition, then, None)

    def loop_body(self) -> Node:
        self.loops += 1
        node = self.body()
        self.loops -= 1
        return node

    def while_statement(self) -> Node:
        self.expect("(")
        condition = self.expression()
        self.expect(")")
        return ("while", condition, self.loop_body())

    def do_statement(self) -> Node:
        body = self.loop_body()
        self.terminators()
        self.expect("while")
        self.expect("(")
        condition = self.expression()
        self.expect(")")
        return ("do", body, condition)

    def for_statement(self) -> Node:
        self.expect("(")
        three = self.tokens[self.at : self.at + 4]
        if (
            [t.kind for t in three] == ["name", "keyword", "name", "operator"]
            and three[1].text == "in"
            and three[3].text == ")"
        ):
            self.at += 4
            return ("forin", three[0].text, three[2].text, self.loop_body())
        first = None if self.is_(";") else self.simple_statement()
        self.expect(";")
        self.newlines()
        condition = None if self.is_(";") else self.expression()
        self.expect(";")
        self.newlines()
        step = None if self.is_(")") else self.simple_statement()
        self.expect(")")
        return ("for", first, condition, step, self.loop_body())

    def simple_statement(self) -> Node:
        token = self.token
        if token.kind != "keyword":
            return ("expr", self.expression())
        if token.text in ("print", "printf"):
            self.at += 1
            return self.output(token.text)
        if token.text in ("break", "continue"):
            if not self.loops:
                raise AwkSyntaxError(f"line {token.line}: {token.text} statement outside of loop")
            self.at += 1
            return (token.text,)
        if token.text in ("next", "nextfile"):
            self.at += 1
            return ("next",)
        if token.text == "exit":
            self.at += 1
            ends = self.token.kind in ("newline", "end") or self.is_(";", "}")
            return ("exit", None if ends else self.expression())
        if token.text == "delete":
            self.at += 1
            name = self.name()
            return ("delete", name, self.subscript() if self.is_("[") else None)
        return ("expr", self.expression())

    def name(self) -> str:
        if self.token.kind != "name":
            raise self.wrong()
        self.at += 1
        return self.tokens[self.at - 1].text

    def output(self, kind: str) -> Node:
        arguments = self.output_arguments()
        target: Node | None = None
        if self.is_(">", ">>", "|"):
            mark = self.token.text
            line = self.token.line
            self.at += 1
            target = self.concatenation()
            if mark == "|" or target not in (
                ("string", "/dev/stderr"),
                ("string", "/dev/stdout"),
                ("string", "/dev/null"),
            ):
                raise AwkSyntaxError(
                    f"line {line}: print {mark} ... is not available here: use the shell's {mark}"
                )
        if kind == "printf" and not arguments:
            raise self.wrong()
        return (kind, arguments, target[1] if target else "/dev/stdout")

    def output_arguments(self) -> list[Node]:
        if self.token.kind in ("newline", "end") or self.is_(";", "}", ">", ">>", "|"):
            return []
        before = self.at
        if self.take("("):
            arguments = self.arguments(")")
            if self.token.kind in ("newline", "end") or self.is_(";", "}", ">", ">>", "|"):
                return arguments
            self.at = before
        arguments = [self.expression(greater=False)]
        while self.take(","):
            self.newlines()
            arguments.append(self.expression(greater=False))
        return arguments

    def arguments(self, closing: str) -> list[Node]:
        found: list[Node] = []
        self.newlines()
        while not self.take(closing):
            if found:
                self.expect(",")
                self.newlines()
            elif self.token.kind == "end":
                self.expect(closing)
            found.append(self.expression())
            self.newlines()
            if not self.is_(",", closing):
                self.expect(closing)
        return found

    # -- expressions, loosest first

    def expression(self, greater: bool = True) -> Node:
        self.deeper()
        node = self.ternary(greater)
        if self.is_(*_ASSIGNMENTS):
            if node[0] not in ("var", "field", "item"):
                raise self.wrong()
            operator = self.token.text
            self.at += 1
            self.newlines()
            node = ("assign", operator[:-1], node, self.expression(greater))
        self.depth -= 1
        return node

    def ternary(self, greater: bool) -> Node:
        condition = self.either(greater)
        if not self.take("?"):
            return condition
        self.newlines()
        then = self.expression(greater)
        self.newlines()
        self.expect(":")
        self.newlines()
        return ("ternary", condition, then, self.expression(greater))

    def either(self, greater: bool) -> Node:
        node = self.both(greater)
        while self.take("||"):
            self.newlines()
            node = ("or", node, self.both(greater))
        return node

    def both(self, greater: bool) -> Node:
        node = self.membership(greater)
        while self.take("&&"):
            self.newlines()
            node = ("and", node, self.membership(greater))
        return node

    def membership(self, greater: bool) -> Node:
        node = self.matching(greater)
        while self.take("in"):
            node = ("in", [node], self.name())
        return node

    def matching(self, greater: bool) -> Node:
        node = self.comparison(greater)
        while self.is_("~", "!~"):
            operator = self.token.text
            self.at += 1
            node = ("match", node, self.comparison(greater))
            node = ("not", node) if operator == "!~" else node
        return node

    def comparison(self, greater: bool) -> Node:
        node = self.concatenation()
        if self.is_(*_COMPARISONS) and (greater or not self.is_(">")):
            operator = self.token.text
            self.at += 1
            node = ("compare", operator, node, self.concatenation())
        if (self.token.kind == "keyword" and self.token.text == "getline") or (
            self.is_("<", "|") and greater and self.tokens[self.at + 1].text == "getline"
        ):
            raise AwkSyntaxError(f"line {self.token.line}: getline is not available here: use a pipe")
        return node

    def concatenation(self) -> Node:
        node = self.sum()
        pieces = [node]
        while self.token.kind in _STARTS or self.is_("$", "(", "++", "--"):
            pieces.append(self.sum())
        return pieces[0] if len(pieces) == 1 else ("concat", pieces)

    def sum(self) -> Node:
        node = self.product()
        while self.is_("+", "-"):
            operator = self.token.text
            self.at += 1
            node = ("arith", operator, node, self.product())
        return node

    def product(self) -> Node:
        node = self.unary()
        while self.is_("*", "/", "%"):
            operator = self.token.text
            self.at += 1
            node = ("arith", operator, node, self.unary())
        return node

    def unary(self) -> Node:
        signs: list[str] = []
        while self.is_("!", "-", "+"):
            signs.append(self.token.text)
            self.at += 1
            if len(signs) > MAX_DEPTH:
                raise AwkSyntaxError(f"line {self.token.line}: program nested too deeply")
        node = self.power()
        for sign in reversed(signs):
            node = ("not", node) if sign == "!" else ("negate" if sign == "-" else "plus", node)
        return node

    def power(self) -> Node:
        node = self.postfix()
        if self.take("^"):
            self.deeper()
            exponent = self.signed_power()
            self.depth -= 1
            return ("arith", "^", node, exponent)
        return node

    def signed_power(self) -> Node:
        if self.is_("-", "+", "!"):
            return self.unary()
        return self.power()

    def postfix(self) -> Node:
        if self.is_("++", "--"):
            operator = self.token.text
            self.at += 1
            target = self.primary()
            if target[0] not in ("var", "field", "item"):
                raise self.wrong()
            return ("pre", operator, target)
        node = self.primary()
        if node[0] in ("var", "field", "item") and self.is_("++", "--"):
            self.at += 1
            return ("post", self.tokens[self.at - 1].text, node)
        return node

    def primary(self) -> Node:
        token = self.token
        self.at += 1
        if token.kind == "number":
            return ("number", float(token.text))
        if token.kind in ("string", "pattern"):
            return (token.kind, token.text)
        if token.kind == "function":
            return self.call(token)
        if token.kind == "name":
            if self.is_("["):
                return ("item", token.text, self.subscript())
            if self.is_("("):
                raise AwkSyntaxError(f"line {self.tokens[-1].line + 1}: function {token.text} never defined")
            return ("var", token.text)
        if token.text == "$" and token.kind == "operator":
            self.deeper()
            node = ("field", self.unary() if self.is_("-", "!", "+") else self.increment())
            self.depth -= 1
            return node
        if token.text == "(" and token.kind == "operator":
            return self.grouping()
        self.at -= 1
        raise self.wrong()

    def increment(self) -> Node:
        """What `$` applies to: `$NF`, `$i++` increments the field, `$++i` the variable."""
        return self.postfix() if self.is_("++", "--") else self.primary()

    def grouping(self) -> Node:
        inside = self.arguments(")")
        if not inside:
            self.at -= 1
            raise self.wrong()
        if len(inside) > 1:
            if not self.take("in"):
                raise self.wrong()
            return ("in", inside, self.name())
        return ("group", inside[0])

    def subscript(self) -> list[Node]:
        self.expect("[")
        found = self.arguments("]")
        if not found:
            self.at -= 1
            raise self.wrong()
        return found

    def call(self, token: AwkToken) -> Node:
        arguments: list[Node] = []
        if self.take("("):
            arguments = self.arguments(")")
        elif token.text != "length":
            raise self.wrong()
        fewest, most = FUNCTIONS[token.text]
        if not fewest <= len(arguments) <= most:
            raise AwkSyntaxError(f"line {token.line}: wrong number of arguments in call to {token.text}")
        return ("call", token.text, arguments)
