"""MERGE as the changes it stands for: each WHEN takes the rows that no WHEN before it took."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from simulator.postgres import dml
from simulator.postgres.catalog import Catalog
from simulator.postgres.errors import PgError, not_simulated
from simulator.postgres.result import Result


def merge(catalog: Catalog, tree: exp.Merge, text: str) -> Result:
    whens = list(tree.args["whens"].expressions)
    if any(when.args.get("source") for when in whens):
        raise PgError('syntax error at or near "BY"', find="BY")
    deletes = any(str(when.args["then"]).upper() == "DELETE" for when in whens)
    if deletes and any(isinstance(when.args["then"], exp.Insert) for when in whens):
        raise not_simulated("MERGE that both deletes and inserts")
    taken: dict[bool, list[Any]] = {True: [], False: []}
    steps: list[tuple[bool, Any, Any]] = []
    for when in whens:
        own, matched = when.args.get("condition"), bool(when.args["matched"])
        terms = [
            *([own.copy()] if own is not None else []),
            *(exp.Not(this=exp.Paren(this=t.copy())) for t in taken[matched]),
        ]
        if any(isinstance(t, exp.Boolean) for t in taken[matched]):
            raise PgError("unreachable WHEN clause specified after unconditional WHEN clause")
        taken[matched].append(own if own is not None else exp.Boolean(this=True))
        steps.append((matched, when.args["then"], terms))
    count = 0
    for matched, then, terms in sorted(steps, key=lambda step: not step[0]):
        step = _change(tree, matched, then, terms)
        if step is not None:
            handler, change = step
            count += int(handler(catalog, change, text).tag.split()[-1])
    return Result(tag=f"MERGE {count}")


def _change(tree: exp.Merge, matched: bool, then: Any, terms: list[Any]) -> tuple[Any, Any] | None:
    """The statement one WHEN stands for, and who carries it out; nothing for DO NOTHING."""
    target, using = tree.this.copy(), tree.args["using"].copy()
    on = exp.Paren(this=tree.args["on"].copy())
    if isinstance(then, exp.Var):
        if re.sub(r"\s+", " ", str(then.this).upper()) == "DO NOTHING":
            return None
        where = exp.Where(this=exp.and_(on, *terms))
        return dml.delete, exp.Delete(this=target, using=[using], where=where)
    if isinstance(then, exp.Update):
        where = exp.Where(this=exp.and_(on, *terms))
        sets = [each.copy() for each in then.expressions]
        return dml.update, exp.Update(this=target, expressions=sets, from_=exp.From(this=using), where=where)
    if matched or not isinstance(then, exp.Insert) or not isinstance(then.expression, exp.Tuple):
        raise not_simulated("this WHEN clause")
    there = exp.Exists(
        this=exp.Select(
            expressions=[exp.Literal.number(1)], from_=exp.From(this=target), where=exp.Where(this=on)
        )
    )
    rows = exp.Select(
        expressions=[each.copy() for each in then.expression.expressions],
        from_=exp.From(this=using),
        where=exp.Where(this=exp.and_(exp.Not(this=there), *terms)),
    )
    into = tree.this.copy()
    into.set("alias", None)
    names = [each.this.copy() for each in then.this.expressions] if isinstance(then.this, exp.Tuple) else []
    return dml.insert, exp.Insert(
        this=exp.Schema(this=into, expressions=names) if names else into, expression=rows
    )
