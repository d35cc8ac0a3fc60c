"""Trees as the compiler wants them: named windows put in where they are meant, `a->'b'` among arguments as JSON."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from simulator.postgres.errors import PgError
from simulator.postgres.scope import name_of

ARROWS = (exp.JSONExtract, exp.JSONExtractScalar, exp.JSONBExtract, exp.JSONBExtractScalar)


def arrows(tree: Any) -> Any:
    """The parser takes `f(a -> 'b')` for a lambda; PostgreSQL has none, so it is a JSON operator."""
    return tree.transform(_arrow) if any(True for _ in tree.find_all(exp.Lambda)) else tree


def _arrow(node: Any) -> Any:
    if not isinstance(node, exp.Lambda) or len(node.expressions) != 1:
        return node
    base, body = node.expressions[0], node.this
    if isinstance(base, exp.Identifier):
        base = exp.Column(this=base)
    leaf = body
    while not isinstance(leaf, exp.Literal | exp.Column) and isinstance(leaf.this, exp.Expression):
        leaf = leaf.this
    made = exp.JSONExtract(this=base, expression=leaf.copy())
    if leaf is body:
        return made
    leaf.replace(made)
    return body


def windows(node: exp.Select) -> exp.Select:
    """A SELECT without its WINDOW clause: each name is replaced by what it stands for. Raises PgError."""
    named = {name_of(window.this): window for window in node.args.get("windows") or []}
    if not named:
        return node
    made = node.copy()
    made.set("windows", None)
    for window in list(made.find_all(exp.Window)):
        alias = window.args.get("alias")
        if alias is None:
            continue
        found = named.get(name_of(alias))
        if found is None:
            raise PgError(
                f'window "{name_of(alias)}" does not exist', find=f" {name_of(alias)}", find_shift=1
            )
        window.set("alias", None)
        for part in ("partition_by", "order", "spec"):
            if window.args.get(part) is None and found.args.get(part) is not None:
                value = found.args[part]
                window.set(part, [v.copy() for v in value] if isinstance(value, list) else value.copy())
    return made


def grouping_sets(node: exp.Select) -> exp.Expression | None:
    """A SELECT with ROLLUP, CUBE or GROUPING SETS as the UNION ALL of one grouping each; None without them."""
    group = node.args.get("group")
    parts = list(group.expressions) if group is not None else []
    if not any(isinstance(part, exp.Rollup | exp.Cube | exp.GroupingSets) for part in parts):
        return None
    sets: list[list[Any]] = [[]]
    for part in parts:
        sets = [[*before, *keys] for before in sets for keys in _sets(part)][:MOST_SETS]
    keys = {key.sql(): key for each in sets for key in each}
    tail = {name: node.args.get(name) for name in ("order", "limit", "offset")}
    made = _united([_one_grouping(node, each, keys) for each in sets])
    shown = [(e.this if isinstance(e, exp.Alias) else e).sql() for e in node.expressions]
    for item in tail["order"].expressions if tail["order"] is not None else []:
        inner = item.this if isinstance(item, exp.Ordered) else item
        if inner.sql() in shown:
            inner.replace(exp.Literal.number(shown.index(inner.sql()) + 1))
    for name, value in tail.items():
        made.set(name, value)
    return made


MOST_SETS = 64


def _united(parts: list[Any]) -> Any:
    """Their UNION ALL, as flat a tree as can be."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return exp.Union(this=_united(parts[:half]), expression=_united(parts[half:]), distinct=False)


def _sets(part: Any) -> list[list[Any]]:
    inner = list(part.expressions)
    if isinstance(part, exp.Rollup):
        return [inner[:n] for n in range(len(inner), -1, -1)]
    if isinstance(part, exp.Cube):
        return [
            [k for n, k in enumerate(inner) if bits >> n & 1]
            for bits in range(2 ** min(len(inner), 6) - 1, -1, -1)
        ]
    if isinstance(part, exp.GroupingSets):
        return [_keys(each) for each in inner]
    return [[part]]


def _keys(part: Any) -> list[Any]:
    if isinstance(part, exp.Tuple):
        return list(part.expressions)
    return [part.this if isinstance(part, exp.Paren) else part]


def _one_grouping(node: exp.Select, own: list[Any], keys: dict[str, Any]) -> exp.Select:
    """The SELECT grouped by some of the keys: the others are NULLs of their types, GROUPING() is known."""
    made = node.copy()
    for name in ("order", "limit", "offset", "with_", "with"):
        made.set(name, None)
    here = {key.sql() for key in own}
    made.set("group", exp.Group(expressions=[key.copy() for key in own]) if own else None)
    shown = []
    for item in made.expressions:
        name = item.alias if isinstance(item, exp.Alias) else item.output_name or ""
        name = name or _called(item)
        changed = item.transform(lambda part: _absent(part, here, keys))
        bare = changed.this if isinstance(changed, exp.Alias) else changed
        shown.append(exp.alias_(bare, name, quoted=True) if name else bare)
    made.set("expressions", shown)
    if made.args.get("having") is not None:
        made.set("having", made.args["having"].transform(lambda part: _absent(part, here, keys)))
    return made


FOLDS = "count sum avg min max bool_and bool_or every string_agg array_agg json_agg jsonb_agg json_object_agg jsonb_object_agg stddev variance".split()


def _called(part: Any) -> str:
    """The name of the function that a node calls, "" for another node."""
    if isinstance(part, exp.Anonymous):
        return str(part.this).lower()
    return type(part).__name__.lower() if isinstance(part, exp.Func) else ""


def _aggregated(part: Any) -> bool:
    above = part.parent
    while above is not None and not isinstance(above, exp.Select):
        if _called(above) in FOLDS or isinstance(above, exp.WithinGroup | exp.Filter):
            return True
        above = above.parent
    return False


def _absent(part: Any, here: set[str], keys: dict[str, Any]) -> Any:
    if _called(part) == "grouping":
        bits = 0
        for each in part.expressions:
            bits = bits << 1 | (each.sql() not in here)
        return exp.Literal.number(bits)
    if part.sql() in keys and part.sql() not in here and not _aggregated(part):
        most = exp.Anonymous(this="max", expressions=[part.copy()])
        return exp.Anonymous(this="nullif", expressions=[most, most.copy()])
    return part
