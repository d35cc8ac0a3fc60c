"""jq's grammar: a filter into a tree of tuples, first element the kind. Runs nothing."""

from __future__ import annotations

from typing import Any

import re2

MAX_DEPTH = 25  # of brackets inside one another; a level takes about a dozen frames to parse
MAX_TREE_DEPTH = 120
MAX_FILTER_CHARS = 20_000
Node = tuple[Any, ...]

_TOKEN = re2.compile(
    r"^(?:"
    r"(?P<space>[ \t\r\n]+|#[^\n]*)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)"
    r"|(?P<field>\.[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<format>@[a-z0-9]+)"
    r"|(?P<variable>\$(?:__loc__|[A-Za-z_][A-Za-z0-9_]*))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<op>\?//|\|=|\+=|-=|\*=|//=|/=|%=|==|!=|<=|>=|//|\.\.|[-+*/%=<>|,.:;()\[\]{}?])"
    r")"
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"'}
_KEYWORDS = frozenset(
    [
        "and",
        "or",
        "not",
        "if",
        "then",
        "elif",
        "else",
        "end",
        "as",
        "reduce",
        "foreach",
        "try",
        "catch",
        "def",
        "import",
        "include",
        "label",
    ]
)
_UPDATES = ("=", "|=", "+=", "-=", "*=", "/=", "%=", "//=")
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


class JqSyntaxError(ValueError):
    """A filter jq refuses; the text behind `jq: error: `."""


class Token(tuple[str, Any]):
    """(kind, value): number field format variable name op string end; a string's value is its parts."""

    __slots__ = ()

    @property
    def kind(self) -> str:
        return str(self[0])

    @property
    def value(self) -> Any:
        return self[1]


def parse(source: str) -> Node:
    """The tree of a filter. Raises JqSyntaxError."""
    if len(source) > MAX_FILTER_CHARS:
        raise JqSyntaxError("filter too long")
    lexer = _Lexer(source)
    node = _Parser(lexer.run(0), source, lexer.starts).whole()
    if _depth(node) > MAX_TREE_DEPTH:
        raise JqSyntaxError("filter nested too deeply")
    return node


def _depth(tree: Node) -> int:
    waiting: list[tuple[Any, int]] = [(tree, 0)]
    deepest = 0
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(node, tuple | list):
            waiting += [(child, depth + isinstance(node, tuple)) for child in node]
    return deepest


class _Lexer:
    def __init__(self, source: str) -> None:
        self.source, self.at = source, 0
        self.starts: list[int] = []  # of the tokens outside interpolations

    def run(self, nesting: int) -> list[Token]:
        """Tokens up to the end, or up to the `)` that closes an interpolation."""
        found: list[Token] = []
        open_brackets = 0
        while self.at < len(self.source):
            char = self.source[self.at]
            begin = self.at
            if char == '"':
                self.at += 1
                self.starts += [] if nesting else [begin]
                found.append(Token(("string", self.string(nesting))))
                continue
            match = _TOKEN.match(self.source[self.at : self.at + 2000])
            if match is None:
                raise JqSyntaxError(self.complaint("syntax error, unexpected INVALID_CHARACTER"))
            if char == ")" and nesting and not open_brackets:
                self.at += 1
                return [*found, Token(("end", ""))]
            open_brackets += {"(": 1, ")": -1}.get(char, 0)
            self.at += match.end()
            kind = next(name for name in match.groupdict() if match.group(name) is not None)
            if kind != "space":
                self.starts += [] if nesting else [begin]
                found.append(Token((kind, match[0])))
        if nesting:
            raise JqSyntaxError(self.complaint("syntax error, unexpected $end"))
        return [*found, Token(("end", ""))]

    def complaint(self, what: str) -> str:
        return f"{what} (Unix shell quoting issues?) at <top-level>, line 1:\n{self.source}"

    def string(self, nesting: int) -> list[Any]:
        """Parts of a string: texts and the trees of interpolations."""
        if nesting > 6:
            raise JqSyntaxError("filter nested too deeply")
        parts: list[Any] = []
        text: list[str] = []
        while self.at < len(self.source):
            char = self.source[self.at]
            self.at += 1
            if char == '"':
                return [*parts, "".join(text)]
            if char != "\\":
                text.append(char)
                continue
            char = self.source[self.at : self.at + 1]
            self.at += 1
            if char == "(":
                parts += ["".join(text), _Parser(self.run(nesting + 1), self.source, []).whole()]
                text = []
            elif char == "u":
                text.append(self.unicode())
            elif char in _ESCAPES:
                text.append(_ESCAPES[char])
            else:
                raise JqSyntaxError(self.complaint("Invalid escape"))
        raise JqSyntaxError(self.complaint("syntax error, unexpected QQSTRING_START, expecting $end"))

    def unicode(self) -> str:
        digits = self.source[self.at : self.at + 4]
        if len(digits) < 4 or any(c not in "0123456789abcdefABCDEF" for c in digits):
            raise JqSyntaxError(self.complaint("Invalid escape"))
        self.at += 4
        code = int(digits, 16)
        return chr(code) if not 0xD800 <= code <= 0xDFFF else "\ufffd"


class _Parser:
    def __init__(self, found: list[Token], source: str, starts: list[int]) -> None:
        self.starts = starts
        self.tokens, self.at, self.source, self.depth = found, 0, source, 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def is_(self, *values: str) -> bool:
        return self.token.kind in ("op", "name") and self.token.value in values

    def take(self, *values: str) -> bool:
        if self.is_(*values):
            self.at += 1
            return True
        return False

    def expect(self, value: str) -> None:
        if not self.take(value):
            raise self.wrong()

    def wrong(self, expecting: str = "") -> JqSyntaxError:
        kind, value = self.token.kind, self.token.value
        names = {
            "end": "$end",
            "number": "LITERAL",
            "field": "FIELD",
            "string": "QQSTRING_START",
            "name": "IDENT",
            "format": "FORMAT",
            "variable": "'$'",
        }
        shown = names.get(kind, f"'{value}'")
        if kind == "name" and value in _KEYWORDS:
            shown = value
        pad = self.starts[min(self.at, len(self.starts) - 1)] if self.starts else 0
        where = f"(Unix shell quoting issues?) at <top-level>, line 1:\n{self.source}{' ' * pad}"
        return JqSyntaxError(f"syntax error, unexpected {shown}{expecting} {where}")

    def offset(self) -> int:
        """Where the token just taken begins in the source; 0 inside interpolations."""
        return self.starts[self.at - 1] if 0 < self.at <= len(self.starts) else 0

    def whole(self) -> Node:
        if self.token.kind == "end":
            return ("identity",)
        node = self.pipe()
        if self.token.kind != "end":
            raise self.wrong(", expecting $end")
        return node

    def pipe(self, comma: bool = True) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise JqSyntaxError("filter nested too deeply")
        node = self.piped(comma)
        self.depth -= 1
        return node

    def piped(self, comma: bool) -> Node:
        if self.is_("def"):
            raise JqSyntaxError(
                f"functions of your own are not available here at <top-level>, line 1:\n{self.source}"
            )
        node = self.comma() if comma else self.alternative_or_update()
        if self.take("as"):
            pattern = self.pattern()
            self.expect("|")
            return ("as", node, pattern, self.pipe(comma))
        parts = [node]
        while self.take("|"):
            node = self.comma() if comma else self.alternative_or_update()
            if self.take("as"):
                pattern = self.pattern()
                self.expect("|")
                parts.append(("as", node, pattern, self.pipe(comma)))
                break
            parts.append(node)
        return parts[0] if len(parts) == 1 else ("pipe", parts)

    def pattern(self) -> Node:
        if self.token.kind == "variable":
            self.at += 1
            return ("var", self.tokens[self.at - 1].value[1:])
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise JqSyntaxError("filter nested too deeply")
        node = self.structure()
        self.depth -= 1
        return node

    def structure(self) -> Node:
        if self.take("["):
            items = [self.pattern()]
            while self.take(","):
                items.append(self.pattern())
            self.expect("]")
            return ("array", items)
        self.expect("{")
        entries: list[tuple[str, Node]] = []
        while True:
            kind, value = self.token.kind, self.token.value
            if kind not in ("variable", "name", "string"):
                raise self.wrong()
            self.at += 1
            name = value[1:] if kind == "variable" else value if kind == "name" else "".join(map(str, value))
            inner = self.pattern() if self.take(":") else ("var", name)
            entries.append((name, inner))
            if not self.take(","):
                break
        self.expect("}")
        return ("object", entries)

    def comma(self) -> Node:
        parts = [self.alternative_or_update()]
        while self.take(","):
            parts.append(self.alternative_or_update())
        return parts[0] if len(parts) == 1 else ("comma", parts)

    def alternative_or_update(self) -> Node:
        node = self.alternative()
        if self.is_(*_UPDATES):
            operator = self.token.value
            self.at += 1
            return ("update", operator, node, self.alternative())
        return node

    def alternative(self) -> Node:
        parts = [self.either()]
        while self.take("//"):
            parts.append(self.either())
        node = parts.pop()
        while parts:
            node = ("alternative", parts.pop(), node)
        return node

    def either(self) -> Node:
        node = self.both()
        while self.take("or"):
            node = ("or", node, self.both())
        return node

    def both(self) -> Node:
        node = self.comparison()
        while self.take("and"):
            node = ("and", node, self.comparison())
        return node

    def comparison(self) -> Node:
        node = self.sum()
        if self.is_(*_COMPARISONS):
            operator = self.token.value
            self.at += 1
            return ("compare", operator, node, self.sum())
        return node

    def sum(self) -> Node:
        node = self.product()
        while self.is_("+", "-"):
            operator = self.token.value
            self.at += 1
            node = ("arith", operator, node, self.product())
        return node

    def product(self) -> Node:
        node = self.postfix()
        while self.is_("*", "/", "%"):
            operator = self.token.value
            self.at += 1
            node = ("arith", operator, node, self.postfix())
        return node

    def postfix(self) -> Node:
        if self.take("-"):
            return ("arith", "-", ("literal", 0), self.postfix_of(self.primary()))
        return self.postfix_of(self.primary())

    def postfix_of(self, node: Node) -> Node:
        while True:
            if self.token.kind == "field":
                node = ("field", node, self.token.value[1:])
                self.at += 1
            elif self.is_(".") and self.tokens[self.at + 1].kind == "string":
                self.at += 2
                node = ("index", node, self.string_node(self.tokens[self.at - 1].value, None))
            elif self.is_(".") and self.tokens[self.at + 1] == ("op", "["):
                self.at += 1
            elif self.take("["):
                node = self.bracket(node)
            elif self.take("?"):
                node = ("try", node, None)
            else:
                return node

    def bracket(self, node: Node) -> Node:
        if self.take("]"):
            return ("each", node)
        if self.take(":"):
            end = self.pipe()
            self.expect("]")
            return ("slice", node, None, end)
        key = self.pipe()
        if self.take(":"):
            last = None if self.is_("]") else self.pipe()
            self.expect("]")
            return ("slice", node, key, last)
        self.expect("]")
        return ("index", node, key)

    def string_node(self, parts: list[Any], form: str | None) -> Node:
        if len(parts) == 1:
            return ("literal", parts[0])
        return ("string", parts, form or "text")

    def primary(self) -> Node:
        token = self.token
        self.at += 1
        if token.kind == "number":
            value = float(token.value)
            return ("literal", int(value) if value.is_integer() and abs(value) < 1e17 else value)
        if token.kind == "string":
            return self.string_node(token.value, None)
        if token.kind == "format":
            if self.token.kind == "string":
                self.at += 1
                return self.string_node(self.tokens[self.at - 1].value, token.value[1:])
            return ("format", token.value[1:])
        if token.kind == "field":
            return ("field", ("identity",), token.value[1:])
        if token.kind == "variable":
            return ("variable", token.value[1:], self.offset())
        if token.kind == "name":
            return self.named(token.value)
        if token.kind == "op":
            return self.bracketed(token.value)
        self.at -= 1
        raise self.wrong()

    def bracketed(self, operator: str) -> Node:
        if operator == ".":
            if self.token.kind == "string":
                self.at += 1
                return ("index", ("identity",), self.string_node(self.tokens[self.at - 1].value, None))
            return ("identity",)
        if operator == "..":
            return ("call", "recurse", [], 0)
        if operator == "(":
            node = self.pipe()
            self.expect(")")
            return node
        if operator == "[":
            if self.take("]"):
                return ("collect", None)
            node = self.pipe()
            self.expect("]")
            return ("collect", node)
        if operator == "{":
            return self.object()
        self.at -= 1
        raise self.wrong()

    def object(self) -> Node:
        entries: list[tuple[Node, Node]] = []
        while not self.take("}"):
            if entries:
                self.expect(",")
            entries.append(self.entry())
        return ("object", entries)

    def entry(self) -> tuple[Node, Node]:
        token = self.token
        self.at += 1
        if token.kind == "variable":
            return ("literal", token.value[1:]), ("variable", token.value[1:], 0)
        if token.kind in ("name", "number"):
            key: Node = ("literal", token.value)
        elif token.kind == "string":
            key = self.string_node(token.value, None)
        elif token.kind == "format" and self.token.kind != "string":
            key = ("format", token.value[1:])
        elif token == ("op", "("):
            key = self.pipe()
            self.expect(")")
        else:
            self.at -= 1
            raise self.wrong()
        if self.take(":"):
            return key, self.object_value()
        if token == ("op", "("):
            raise self.wrong()
        return key, ("index", ("identity",), key)

    def object_value(self) -> Node:
        """A value in an object: anything but a comma; pipes are allowed as in jq 1.7."""
        return self.pipe(comma=False)

    def named(self, name: str) -> Node:
        if name == "if":
            return self.condition()
        if name == "try":
            body = self.postfix()
            return ("try", body, self.postfix() if self.take("catch") else None)
        if name in ("reduce", "foreach"):
            return self.fold(name)
        if name in ("null", "true", "false"):
            return ("literal", {"null": None, "true": True, "false": False}[name])
        if name in _KEYWORDS and name != "not":
            self.at -= 1
            raise self.wrong()
        arguments: list[Node] = []
        offset = self.offset()
        if self.take("("):
            arguments.append(self.pipe())
            while self.take(";"):
                arguments.append(self.pipe())
            self.expect(")")
        return ("call", name, arguments, offset)

    def condition(self) -> Node:
        test = self.pipe()
        self.expect("then")
        then = self.pipe()
        if self.take("elif"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise JqSyntaxError("filter nested too deeply")
            node = ("if", test, then, self.condition())
            self.depth -= 1
            return node
        otherwise: Node = ("identity",)
        if self.take("else"):
            otherwise = self.pipe()
        self.expect("end")
        return ("if", test, then, otherwise)

    def fold(self, kind: str) -> Node:
        source = self.postfix()
        self.expect("as")
        pattern = self.pattern()
        self.expect("(")
        parts = [self.pipe()]
        while self.take(";"):
            parts.append(self.pipe())
        self.expect(")")
        if len(parts) not in ((2,) if kind == "reduce" else (2, 3)):
            raise self.wrong()
        return (kind, source, pattern, *parts)
