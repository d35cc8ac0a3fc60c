"""Set-returning functions of a select list as what they are: sources of rows."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from simulator.postgres.errors import not_simulated


def set_returning(node: exp.Select) -> exp.Select:
    """`SELECT generate_series(1, 3)` as `SELECT * FROM generate_series(1, 3)`, beside a FROM as one more join.

    Several of them go in step: row by row, the shorter ones with NULLs behind their end.
    """
    sets = [e for e in node.expressions if _returns_set(e)]
    if not sets:
        return node
    if len(sets) > 1 and node.args.get("from_") is not None:
        raise not_simulated("several set-returning functions beside a FROM")
    made, shown, number = node.copy(), list[Any](), 0
    sources: list[Any] = []
    for item in node.expressions:
        if not _returns_set(item):
            shown.append(item.copy())
            continue
        call = item.this if isinstance(item, exp.Alias) else item
        name = item.alias if isinstance(item, exp.Alias) else str(call.this).lower()
        # A name of its own, which nothing of the player's can mean.
        own, inner, number = f"rows of {number}", f"value of {number}", number + 1
        column = exp.Column(
            this=exp.to_identifier(inner, quoted=True), table=exp.to_identifier(own, quoted=True)
        )
        shown.append(exp.alias_(column, name, quoted=True))
        sources.append(_set_source(call, own, inner, len(sets) > 1))
    made.set("expressions", shown)
    if node.args.get("from_") is not None:
        made.append("joins", exp.Join(this=sources[0], kind="CROSS"))
        return made
    made.set("from_", exp.From(this=sources[0]))
    for n in range(1, len(sources)):
        on = exp.EQ(this=_numbered(0), expression=_numbered(n))
        made.append("joins", exp.Join(this=sources[n], side="FULL", on=on))
    return made


def _returns_set(e: Any) -> bool:
    inner = e.this if isinstance(e, exp.Alias) else e
    return isinstance(inner, exp.Anonymous) and str(inner.this).lower() in ("generate_series", "unnest")


def _numbered(n: int) -> exp.Column:
    return exp.Column(
        this=exp.to_identifier("row of", quoted=True), table=exp.to_identifier(f"rows of {n}", quoted=True)
    )


def _set_source(call: exp.Anonymous, own: str, name: str, numbered: bool) -> Any:
    """A set-returning call as a FROM item; with `numbered` as a subquery that counts its rows."""
    alias = exp.TableAlias(
        this=exp.to_identifier(own, quoted=True), columns=[exp.to_identifier(name, quoted=True)]
    )
    if str(call.this).lower() == "generate_series":
        source: Any = exp.Table(this=call.copy(), alias=alias)
    else:
        source = exp.Unnest(expressions=[e.copy() for e in call.expressions], alias=alias)
    if not numbered:
        return source
    count = exp.Window(this=exp.Anonymous(this="row_number", expressions=[]))
    value = exp.Column(this=exp.to_identifier(name, quoted=True))
    inner = exp.Select(
        expressions=[value, exp.alias_(count, "row of", quoted=True)], from_=exp.From(this=source)
    )
    return exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(own, quoted=True)))
