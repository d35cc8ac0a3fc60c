"""The only file that knows sqlglot's parser: text in, syntax tree or PostgreSQL's syntax error out."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import Token

from simulator.postgres import rewrites
from simulator.postgres.errors import PgError
from simulator.postgres.lexer import skip_quoted

# sqlglot reports statements it passes through on a logger; they are answered here instead.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

# A typed statement is short; these bound the work of parsing, not what a person would type.
MAX_CHARS = 65_536
MAX_TOKENS = 8_000
MAX_DEPTH = 60

STARTS = frozenset(
    "select with values table insert update delete create alter drop truncate explain show set reset begin"
    " start commit end rollback abort savepoint release vacuum analyze comment grant revoke lock copy call do"
    " checkpoint reindex cluster listen notify unlisten discard deallocate prepare execute declare fetch move"
    " close refresh merge security import load reassign".split()
)
_CLAUSES = frozenset("from where group having order limit offset union join on set values into by".split())


class _Dialect(Postgres):
    """Function calls stay calls by name: what a function means is this room's business."""

    class Parser(Postgres.Parser):  # type: ignore[misc, valid-type]
        FUNCTIONS: ClassVar[dict] = {}
        FUNCTION_PARSERS: ClassVar[dict] = {
            name: Postgres.Parser.FUNCTION_PARSERS[name]
            for name in ("CAST", "EXTRACT", "SUBSTRING", "TRIM", "POSITION")
            if name in Postgres.Parser.FUNCTION_PARSERS
        }


def tokens_of(text: str) -> list[Token]:
    """Tokens of a statement. Raises PgError for an open quote or more work than a statement may be."""
    if len(text) > MAX_CHARS:
        raise too_long()
    try:
        found = list(_Dialect().tokenize(text))
    except TokenError:
        quote = next((i for i, c in enumerate(text) if c in "'\"" and skip_quoted(text, i) == len(text)), 0)
        what = "quoted identifier" if text[quote : quote + 1] == '"' else "quoted string"
        shown = text[quote:].rstrip("\n")
        raise PgError(f'unterminated {what} at or near "{shown}"', position=quote) from None
    if len(found) > MAX_TOKENS:
        raise PgError(f"statement has more parts than this simulator reads ({MAX_TOKENS} tokens)")
    depth = deepest = 0
    for token in found:
        depth += (token.text in "([{" and bool(token.text)) - (token.text in ")]}" and bool(token.text))
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise stack_depth()
    return found


def too_long() -> PgError:
    return PgError(f"statement is longer than this simulator reads ({MAX_CHARS} characters)")


def stack_depth() -> PgError:
    return PgError(
        "stack depth limit exceeded",
        hint='Increase the configuration parameter "max_stack_depth" (currently 2048kB), after ensuring the '
        "platform's stack depth limit is adequate.",
    )


def syntax_error(text: str, token: Token | None) -> PgError:
    """`syntax error at or near "x"`, or at the end of the input."""
    if token is None:
        return PgError("syntax error at end of input", position=len(text.rstrip()))
    shown = text[token.start : token.end + 1]
    return PgError(f'syntax error at or near "{shown}"', position=token.start)


def parse(text: str) -> Any:
    """The syntax tree of one statement. Raises PgError with PostgreSQL's wording and mark."""
    tokens = tokens_of(text)
    if tokens and tokens[0].text.lower() not in STARTS and tokens[0].text != "(":
        raise syntax_error(text, tokens[0])
    try:
        parsed = _Dialect().parse(text)
    except ParseError as error:
        raise _located(text, tokens, error) from None
    except RecursionError:
        raise stack_depth() from None
    tree = parsed[0] if parsed else None
    if tree is None or len(parsed) > 1:
        raise syntax_error(text, tokens[0] if tokens else None)
    _check_clauses(text, tokens)
    return rewrites.arrows(tree) if "->" in text else tree


def parse_expression(text: str) -> exp.Expression:
    """The tree of a scalar expression kept in metadata (a default, a check)."""
    tree = parse(f"SELECT {text}")
    assert isinstance(tree, exp.Select)
    return tree.expressions[0]


def _located(text: str, tokens: list[Token], error: ParseError) -> PgError:
    """Translate sqlglot's complaint: PostgreSQL names the first token that cannot follow."""
    first = error.errors[0] if error.errors else {}
    column, line = first.get("col", 0), first.get("line", 1)
    offset = sum(len(part) + 1 for part in text.split("\n")[: line - 1]) + column
    at = next((n for n, t in enumerate(tokens) if t.end + 1 >= offset), len(tokens))
    if at < len(tokens) and str(first.get("description", "")).startswith("Required keyword"):
        # The complaint names the last token that was read, PostgreSQL the one after it.
        joint = tokens[at].text.lower() in _CLAUSES or not tokens[at].text[:1].isalnum()
        at += 1 if joint or at == len(tokens) - 1 else 0
    if 2 <= at < len(tokens) and tokens[at - 2].text == "*" and tokens[at - 1].text.isidentifier():
        at -= 1  # `* form payments`: a star takes no alias
    return syntax_error(text, tokens[at] if at < len(tokens) else None)


def _check_clauses(text: str, tokens: list[Token]) -> None:
    """Refuse what sqlglot lets through: a clause keyword at the very end."""
    last = tokens[-1].text.lower() if tokens else ""
    if last in _CLAUSES - {"values", "set"} and len(tokens) > 1:
        raise syntax_error(text, None)
