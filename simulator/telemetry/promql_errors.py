"""What Prometheus says about a query it refuses: the first error with its line and column.

promql-parser knows that a query is wrong, not where. This reader walks the same grammar with positions
and finds the words of Prometheus 2.42; it builds nothing and evaluates nothing.
"""

from dataclasses import dataclass

import re2

from simulator.telemetry.promql_lexer import AGGREGATORS, Token, lex

MAX_NESTING = 100

_SCALAR, _STRING, _VECTOR, _MATRIX = "scalar", "string", "instant vector", "range vector"
_TYPES = {"s": _SCALAR, "t": _STRING, "v": _VECTOR, "m": _MATRIX}

# function: argument types, then how many more of the last one may follow or be left out (-1: any number)
_SIGNATURES: dict[str, tuple[str, int]] = {
    **dict.fromkeys(
        "abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad scalar sgn "
        "sin sinh sort sort_desc sqrt tan tanh timestamp histogram_count histogram_sum".split(),
        ("v", 0),
    ),
    **dict.fromkeys(
        "absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate "
        "last_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time "
        "stdvar_over_time sum_over_time".split(),
        ("m", 0),
    ),
    **dict.fromkeys(
        "day_of_month day_of_week day_of_year days_in_month hour minute month year".split(), ("v", 1)
    ),
    "clamp": ("vss", 0),
    "clamp_max": ("vs", 0),
    "clamp_min": ("vs", 0),
    "histogram_fraction": ("ssv", 0),
    "histogram_quantile": ("sv", 0),
    "label_join": ("vttt", -1),
    "label_replace": ("vtttt", 0),
    "holt_winters": ("mss", 0),
    "pi": ("", 0),
    "predict_linear": ("ms", 0),
    "quantile_over_time": ("sm", 0),
    "round": ("vs", 1),
    "time": ("", 0),
    "vector": ("s", 0),
}
_RETURNS_SCALAR = ("scalar", "time", "pi")
_PRECEDENCE = {
    **dict.fromkeys(("or",), 1),
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
_METRIC_WORDS = (*AGGREGATORS, "by", "without", "and", "or", "unless", "offset", "start", "end")


@dataclass
class _Node:
    """What a piece of the query is: its type, where it starts and ends, and what it is made of."""

    type: str
    start: int
    end: int
    kind: str = ""  # "selector", "matrix", "subquery" or ""
    shifted: tuple[bool, bool] = (False, False)  # has offset, has @
    checks: tuple["_Check", ...] = ()  # type errors inside, in the order Prometheus finds them


_Check = tuple[int, str]  # position, text


class _Refused(Exception):
    """The first error: position in the query and text."""

    def __init__(self, position: int, text: str, bare: bool = False) -> None:
        super().__init__(text)
        self.position, self.text, self.bare = position, text, bare


def explain(query: str) -> str:
    """The first error as `1:5: parse error: …`, or "" when this reader finds none."""
    reader = _Reader(query)
    try:
        node = reader.start()
    except _Refused as refused:
        return _placed(query, refused.position, refused.text)
    if node.checks:
        return _placed(query, *node.checks[0])
    return ""


def _placed(query: str, position: int, text: str) -> str:
    before = query[:position]
    line = before.count("\n") + 1
    column = len(before.rpartition("\n")[2].encode()) + 1
    return f"{line}:{column}: parse error: {text}"


def quiet() -> "re2.Options":
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20  # the pattern is the player's
    return options


_GO_WORDS = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "duplicate capture group name": "duplicate capture group name",
}


def pattern_error(pattern: str) -> str:
    """Go's words for a pattern RE2 refuses, anchored as Prometheus anchors it; "" when it is fine."""
    try:
        re2.compile(f"^(?:{pattern})$", options=quiet())
    except re2.error as error:
        shown = error.args[0] if error.args else ""
        text = shown.decode("utf-8", "replace") if isinstance(shown, bytes) else str(shown)
        code, colon, argument = text.partition(": ")
        return f"error parsing regexp: {_GO_WORDS.get(code, code)}" + (f": `{argument}`" if colon else "")
    return ""


class _Reader:
    def __init__(self, query: str) -> None:
        self.query = query
        self.tokens = lex(query)
        self.at = 0
        self.depth = 0

    # --- tokens --------------------------------------------------------------------------------------
    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        if token.kind not in ("eof", "error"):
            self.at += 1
        return token

    def unexpected(self, context: str = "", expected: str = "") -> _Refused:
        token = self.token
        if token.kind == "error":
            return _Refused(token.start, token.text)
        text = f"unexpected {token.shown()}"
        text += f" in {context}" if context else ""
        text += f", expected {expected}" if expected else ""
        return _Refused(token.start, text, bare=not context)

    def expect(self, kind: str, context: str = "", expected: str = "") -> Token:
        if self.token.kind != kind:
            raise self.unexpected(context, expected)
        return self.take()

    # --- expressions ---------------------------------------------------------------------------------
    def start(self) -> _Node:
        if self.token.kind == "eof":
            raise _Refused(0, "no expression found in input")
        node = self.expression(1)
        if self.token.kind != "eof":
            raise self.unexpected()
        return node

    def expression(self, lowest: int) -> _Node:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise _Refused(self.token.start, f"expression is nested more than {MAX_NESTING} levels deep")
        left = self.operand()
        while (level := _PRECEDENCE.get(self.token.kind, 0)) >= lowest:
            op = self.take()
            matching = self.binary_modifiers()
            right = self.expression(level if op.kind == "^" else level + 1)
            left = _binary(op.kind, left, right, matching, op.start)
        self.depth -= 1
        return left

    def operand(self) -> _Node:
        token = self.token
        if token.kind in ("+", "-"):
            self.take()
            inside = self.expression(_PRECEDENCE["^"])
            checks = inside.checks
            if inside.type not in (_SCALAR, _VECTOR):
                allowed = "unary expression only allowed on expressions of type scalar or instant vector"
                checks = (*checks, (token.start, f'{allowed}, got "{inside.type}"'))
            return _Node(inside.type, token.start, inside.end, checks=checks)
        node = self.primary()
        while self.token.kind in ("[", "offset", "@"):
            node = self.suffix(node)
        return node

    def primary(self) -> _Node:
        token = self.token
        if token.kind == "(":
            self.take()
            inside = self.expression(1)
            end = self.expect(")").end
            return _Node(inside.type, token.start, end, checks=inside.checks)
        if token.kind == "number" and token.number != token.number and token.text.lower() != "nan":
            problem = f'strconv.ParseFloat: parsing "{token.text}": invalid syntax'
            raise _Refused(token.start, f"error parsing number: {problem}")
        if token.kind in ("number", "string"):
            self.take()
            return _Node(_SCALAR if token.kind == "number" else _STRING, token.start, token.end)
        if token.kind == "{":
            return self.selector("", token.start, token.end)
        if token.kind == "identifier" and self.tokens[self.at + 1].kind == "(":
            self.take()
            return self.call(token)
        if token.kind in AGGREGATORS and self.tokens[self.at + 1].kind in ("(", "by", "without"):
            self.take()
            return self.aggregation(token)
        if token.kind in ("identifier", *_METRIC_WORDS):
            self.take()
            return self.selector(token.text, token.start, token.end)
        raise self.unexpected()

    def arguments(self) -> tuple[list[_Node], int]:
        self.expect("(")
        found: list[_Node] = []
        while self.token.kind != ")":
            if found:
                self.expect(",")
                if self.token.kind == ")":
                    raise _Refused(self.token.start, "trailing commas not allowed in function call args")
            found.append(self.expression(1))
        return found, self.take().end

    def call(self, name: Token) -> _Node:
        arguments, end = self.arguments()
        if name.text not in _SIGNATURES:
            raise _Refused(name.start, f'unknown function with name "{name.text}"')
        types, extra = _SIGNATURES[name.text]
        checks = _count_of_arguments(name, len(types), extra, len(arguments))
        for i, argument in enumerate(arguments):
            if i >= len(types) and (extra == 0 or not types):
                break
            wanted = _TYPES[types[min(i, len(types) - 1)]]
            checks += _expect_type(argument, wanted, f'call to function "{name.text}"')
        kind = _SCALAR if name.text in _RETURNS_SCALAR else _VECTOR
        return _Node(kind, name.start, end, checks=checks)

    def aggregation(self, op: Token) -> _Node:
        try:
            modified = self.token.kind != "("
            if modified:
                self.take()
                self.grouping_labels()
            arguments, end = self.arguments()
        except _Refused as refused:
            if refused.bare:
                raise _Refused(refused.position, f"{refused.text} in aggregation") from None
            raise
        if not modified and self.token.kind in ("by", "without"):
            self.take()
            self.grouping_labels()
            end = self.tokens[self.at - 1].end
        wanted = 2 if op.kind in ("topk", "bottomk", "quantile", "count_values") else 1
        if not arguments:
            raise _Refused(op.start, "no arguments for aggregate expression provided")
        if len(arguments) != wanted:
            text = "wrong number of arguments for aggregate expression provided"
            raise _Refused(op.start, f"{text}, expected {wanted}, got {len(arguments)}")
        checks = _expect_type(arguments[-1], _VECTOR, "aggregation expression")
        if wanted == 2:
            kind = _STRING if op.kind == "count_values" else _SCALAR
            checks += _expect_type(arguments[0], kind, "aggregation parameter")
        return _Node(_VECTOR, op.start, end, checks=checks)

    def grouping_labels(self) -> list[str]:
        self.expect("(", "grouping opts", '"("')
        labels: list[str] = []
        while self.token.kind != ")":
            if labels:
                self.expect(",", "grouping opts", '"," or ")"')
                if self.token.kind == ")":
                    break
            token = self.token
            word = token.kind == "identifier" or token.kind.isalpha() or token.kind in AGGREGATORS
            if (
                not word
                or token.kind in ("number", "string", "duration", "eof", "error")
                or ":" in token.text
            ):
                raise self.unexpected("grouping opts", "label")
            labels.append(self.take().text)
        self.take()
        return labels

    def binary_modifiers(self) -> "_Modifiers":
        found = _Modifiers()
        if self.token.kind == "bool":
            self.take()
            found.as_bool = True
        if self.token.kind in ("on", "ignoring"):
            found.on = self.take().kind == "on"
            found.labels = self.grouping_labels()
            if self.token.kind in ("group_left", "group_right"):
                self.take()
                found.grouped = True
                if self.token.kind == "(":
                    found.include = self.grouping_labels()
        return found

    # --- selectors -----------------------------------------------------------------------------------
    def selector(self, name: str, start: int, end: int) -> _Node:
        names: list[str] = []
        filled = bool(name)
        if self.token.kind == "{":
            self.take()
            first = True
            while self.token.kind != "}":
                if not first:
                    self.expect(",", "label matching", '"," or "}"')
                    if self.token.kind == "}":
                        break
                first = False
                label, op, value = self.label_matcher()
                if label == "__name__":
                    names.append(value)
                filled = filled or _fills(op, value)
            end = self.take().end
        checks: tuple[_Check, ...] = ()
        if name and names:
            checks = ((start, f'metric name must not be set twice: "{name}" or "{names[0]}"'),)
        elif not filled:
            checks = ((start, "vector selector must contain at least one non-empty matcher"),)
        return _Node(_VECTOR, start, end, "selector", checks=checks)

    def label_matcher(self) -> tuple[str, str, str]:
        label = self.expect("identifier", "label matching", 'identifier or "}"')
        if self.token.kind not in ("=", "!=", "=~", "!~"):
            raise self.unexpected("label matching", "label matching operator")
        op = self.take().kind
        value = self.expect("string", "label matching", "string").value
        if op in ("=~", "!~"):
            wrong = pattern_error(value)
            if wrong:
                raise _Refused(label.start, wrong)
        return label.text, op, value

    def suffix(self, node: _Node) -> _Node:
        if self.token.kind == "[":
            return self.brackets(node)
        word = self.take()
        is_offset = word.kind == "offset"
        if is_offset:
            if self.token.kind == "-":
                self.take()
            self.duration("offset")
        else:
            self.timestamp()
        what = "offset" if is_offset else "@"
        if node.kind not in ("selector", "matrix", "subquery"):
            text = "modifier must be preceded by an instant vector selector or range vector selector or a subquery"
            raise _Refused(node.start, f"{what} {text}")
        if node.shifted[0 if is_offset else 1]:
            again = "offset" if is_offset else "@ <timestamp>"
            raise _Refused(node.start, f"{again} may not be set multiple times")
        shifted = (True, node.shifted[1]) if is_offset else (node.shifted[0], True)
        return _Node(node.type, node.start, self.tokens[self.at - 1].end, node.kind, shifted, node.checks)

    def timestamp(self) -> None:
        if self.token.kind in ("start", "end"):
            self.take()
            self.expect("(", "@", "timestamp")
            self.expect(")", "@", "timestamp")
            return
        if self.token.kind in ("+", "-"):
            self.take()
        number = self.expect("number", "@", "timestamp")
        if not abs(number.number) < 9.2e15:  # milliseconds in an int64
            shown = "NaN" if number.number != number.number else str(number.number).replace("inf", "+Inf")
            raise _Refused(number.start, f"timestamp out of bounds for @ modifier: {shown}")

    def duration(self, context: str) -> None:
        token = self.expect("duration", context, "duration")
        if token.number < 0:
            raise _Refused(token.start, f'not a valid duration string: "{token.text}"')
        if token.number == 0:
            raise _Refused(token.start, "duration must be greater than 0")
        if token.number > 9.2e9:  # nanoseconds in an int64
            raise _Refused(token.start, "duration out of range")

    def brackets(self, node: _Node) -> _Node:
        opening = self.take()
        self.duration("subquery selector")
        if self.token.kind == ":":
            self.take()
            if self.token.kind != "]":
                self.duration("subquery selector")
                self.expect("]", "subquery selector", '"]"')
            else:
                self.take()
            checks = node.checks
            if node.type != _VECTOR:
                text = f"subquery is only allowed on instant vector, got {node.type} instead"
                checks = (*checks, (node.start, text))
            return _Node(_MATRIX, node.start, self.tokens[self.at - 1].end, "subquery", checks=checks)
        closing = self.expect("]", "subquery or range", '":" or "]"')
        if node.kind != "selector":
            raise _Refused(opening.start, "ranges only allowed for vector selectors")
        if any(node.shifted):
            word = "offset" if node.shifted[0] else "@"
            raise _Refused(opening.start, f"no {word} modifiers allowed before range")
        return _Node(_MATRIX, node.start, closing.end, "matrix", checks=node.checks)


@dataclass
class _Modifiers:
    as_bool: bool = False
    on: bool = False
    labels: list[str] | None = None
    grouped: bool = False
    include: list[str] | None = None


def _fills(op: str, value: str) -> bool:
    """Whether a matcher excludes the empty string, as at least one of a selector must."""
    if op in ("=", "!="):
        return (value != "") == (op == "=")
    empty = re2.compile(f"^(?:{value})$", options=quiet()).match("") is not None
    return empty != (op == "=~")


def _expect_type(node: _Node, wanted: str, where: str) -> tuple[_Check, ...]:
    if node.type == wanted:
        return node.checks
    return (*node.checks, (node.start, f"expected type {wanted} in {where}, got {node.type}"))


def _count_of_arguments(name: Token, types: int, extra: int, got: int) -> tuple[_Check, ...]:
    tail = f'argument(s) in call to "{name.text}", got {got}'
    if extra == 0:
        return () if got == types else ((name.start, f"expected {types} {tail}"),)
    if got < types - 1:
        return ((name.start, f"expected at least {types - 1} {tail}"),)
    if 0 < extra < got - types + 1:
        return ((name.start, f"expected at most {types - 1 + extra} {tail}"),)
    return ()


def _binary(op: str, left: _Node, right: _Node, matching: _Modifiers, position: int) -> _Node:
    checks = [*left.checks, *right.checks]
    is_set, compares = op in ("and", "or", "unless"), _PRECEDENCE[op] == 3
    both_scalar = left.type == right.type == _SCALAR
    both_vector = left.type == right.type == _VECTOR
    if matching.as_bool and not compares:
        checks.append((position, "bool modifier can only be used on comparison operators"))
    if compares and not matching.as_bool and both_scalar:
        checks.append((position, "comparisons between scalars must use BOOL modifier"))
    for label in matching.labels or ():
        if matching.on and label in (matching.include or ()):
            checks.append((position, f'label "{label}" must not occur in ON and GROUP clause at once'))
    for side in (left, right):
        if side.type not in (_SCALAR, _VECTOR):
            text = "binary expression must contain only scalar and instant vector types"
            checks.append((side.start, text))
    if not both_vector and matching.labels:
        checks.append((left.start, "vector matching only allowed between instant vectors"))
    if both_vector and is_set and matching.grouped:
        checks.append((left.start, f'no grouping allowed for "{op}" operation'))
    if is_set and _SCALAR in (left.type, right.type):
        checks.append((left.start, f'set operator "{op}" not allowed in binary scalar expression'))
    kind = _SCALAR if both_scalar else _VECTOR
    return _Node(kind, left.start, right.end, checks=tuple(checks))
