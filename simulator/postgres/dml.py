"""INSERT, UPDATE, DELETE: what they change is recorded as rows in the state, weighted as the sample is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from simulator.postgres import batches, rowcheck, runner, select, sources, types, utility
from simulator.postgres import operators as ops
from simulator.postgres.catalog import Catalog
from simulator.postgres.compiler import Compiler
from simulator.postgres.errors import PgError, not_simulated
from simulator.postgres.expressions import condition
from simulator.postgres.notes import note
from simulator.postgres.parser import syntax_error
from simulator.postgres.result import Result
from simulator.postgres.runner import ROW_COLUMN, WEIGHT_COLUMN
from simulator.postgres.scope import Scope, Source, Typed, ident, name_of, position_of
from simulator.postgres.session_functions import nextval
from simulator.postgres.state import Column, Table
from simulator.postgres.types import UNKNOWN, PgType

UPDATE_S_PER_ROW = 14e-6
DELETE_S_PER_ROW = 1e-6
MAX_OWN_ROWS = 40_000  # rows a session may add to a database: it stays below 64 MB


REPLACED = "\0replaced"  # marks a row that INSERT ... ON CONFLICT has updated, for RETURNING's xmax


@dataclass
class Writer:
    """The pieces that every change of rows needs."""

    catalog: Catalog
    table: Table
    compiler: Compiler
    defaults: dict[str, Any] = field(default_factory=dict)  # evaluated once a statement


def _writer(catalog: Catalog, node: Any) -> tuple[Writer, str]:
    """The writer for the table a statement names, and the alias it gives it. Raises PgError."""
    while isinstance(node, exp.Schema):
        node = node.this
    if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
        raise PgError("syntax error at end of input", position=0)
    name = name_of(node.this)
    if name in catalog.database.views:
        raise not_simulated("changing rows through a view")
    table = catalog.table(name, position_of(node.this))
    catalog.writable(table)
    alias = node.args.get("alias")
    compiler = Compiler(catalog, catalog.now_us, catalog.session.user, catalog.session.database)
    return Writer(catalog, table, compiler), name_of(alias.this) if alias is not None else name


def column_of(table: Table, node: Any) -> Column:
    """The column an assignment names. Raises PgError."""
    name = name_of(node)
    column = table.column(name)
    if column is None:
        raise PgError(
            f'column "{name}" of relation "{table.name}" does not exist', position=position_of(node)
        )
    return column


def assigned(c: Compiler, piece: Typed, column: Column, position: int | None = None) -> str:
    """A value as SQLite text of a column's type. Raises PgError where no assignment cast exists."""
    kind = column.type
    if piece.literal is not None or piece.type == UNKNOWN:
        plain = PgType(kind.name) if ops.is_string(kind) else kind  # too long a text is the row's error
        return ops.cast(piece, plain, c.now_us).sql if piece.literal is not None else piece.sql
    source = piece.type
    family = (ops.is_number, ops.is_time)
    fits = source.name == kind.name or ops.is_string(kind) or any(f(source) and f(kind) for f in family)
    if not fits and not (ops.is_string(source) and source.name != "text" and ops.is_string(kind)):
        raise PgError(
            f'column "{column.name}" is of type {kind.name} but expression is of type {source.name}',
            hint="You will need to rewrite or cast the expression.",
            position=position,
        )
    return ops.cast(piece, PgType(kind.name) if ops.is_string(kind) else kind, c.now_us).sql


def _default(writer: Writer, column: Column) -> Any:
    """The value of a column's default for one row."""
    if column.default is None:
        return None
    if column.default.startswith("nextval("):
        return nextval(writer.catalog, column.default.split("'")[1])
    if column.key not in writer.defaults or "random" in column.default:
        writer.defaults[column.key] = rowcheck.evaluate(writer.catalog, column.default, column.type)
    return writer.defaults[column.key]


# --- INSERT ------------------------------------------------------------------------------------------


def insert(catalog: Catalog, tree: exp.Insert, _text: str) -> Result:
    writer, _ = _writer(catalog, tree.this)
    with_ = tree.args.get("with_") or tree.args.get("with")
    if with_ is not None:
        raise not_simulated("WITH before INSERT")
    target, table = tree.this, writer.table
    listed = target.expressions if isinstance(target, exp.Schema) else []
    columns = [column_of(table, node) for node in listed] or list(table.columns)
    if len({c.name for c in columns}) < len(columns):
        raise PgError(f'column "{columns[-1].name}" specified more than once')
    kept: list[dict[str, Any]] = []
    rows = [_completed(writer, given) for given in _given_rows(writer, tree, columns, bool(listed))]
    own = sum(len(t.changed) for t in catalog.database.tables.values())
    if own + len(rows) > MAX_OWN_ROWS:
        raise PgError(
            f'could not extend file "base/16389/{table.oid}": No space left on device',
            hint="Check free disk space.",
        )
    for full in rows:
        rowcheck.check_length(table, full)
    keys, parents = rowcheck.Keys(catalog, table), rowcheck.Parents(catalog, table)
    rowcheck.check_rules(catalog, table, rows, None)
    for full in rows:
        outcome = _conflict(writer, keys, tree.args.get("conflict"), full)
        if outcome is None:
            keys.check(full)
            parents.check(full)
            table.changed[table.next_rowid] = (1, full)
            keys.put(table.next_rowid, 1, full)
            table.next_rowid += 1
            table.inserted += 1
            table.gained += 1
        if outcome != "skip":
            kept.append(outcome if isinstance(outcome, dict) else full)
    return _finished(writer, tree, kept, f"INSERT 0 {len(kept)}", table.name)


def _completed(writer: Writer, given: dict[str, Any]) -> dict[str, Any]:
    """A row with its defaults."""
    return {c.key: given[c.key] if c.key in given else _default(writer, c) for c in writer.table.columns}


def _given_rows(
    writer: Writer, tree: exp.Insert, columns: list[Column], listed: bool
) -> list[dict[str, Any]]:
    """Values by column key; a column that gets its default is left out."""
    source, c = tree.expression, writer.compiler
    if source is None:
        return [{}]
    if not isinstance(source, exp.Values):
        compiled = c.query(source)
        _fit_columns(len(compiled.columns), columns, listed)
        inner = [
            assigned(c, Typed(f"q.c{n}", kind), column)
            for n, ((_, kind), column) in enumerate(zip(compiled.columns, columns, strict=False))
        ]
        sql = f"SELECT {', '.join(inner)} FROM ({compiled.sql}) AS q"
        found = runner.run(writer.catalog, c, sql, runner.MAX_CHANGED)
        return [dict(zip((k.key for k in columns), row, strict=False)) for row in found.rows]
    rows: list[dict[str, str]] = []
    for row in source.expressions:
        cells = list(row.expressions) if isinstance(row, exp.Tuple) else [row]
        _fit_columns(len(cells), columns, listed, cells)
        rows.append({
            column.key: assigned(c, c.expr(cell, Scope()), column, position_of(cell))
            for cell, column in zip(cells, columns, strict=False)
            if not (isinstance(cell, exp.Var) and str(cell.this).upper() == "DEFAULT")
        })  # fmt: skip
    return [_run_row(writer, row) for row in rows]


def _run_row(writer: Writer, cells: dict[str, str]) -> dict[str, Any]:
    if not cells:
        return {}
    found = runner.run(writer.catalog, writer.compiler, f"SELECT {', '.join(cells.values())}")
    return dict(zip(cells, found.rows[0], strict=True))


def _fit_columns(count: int, columns: list[Column], listed: bool, cells: list[Any] | None = None) -> None:
    if count > len(columns):
        at = position_of(cells[len(columns)]) if cells else None
        raise PgError("INSERT has more expressions than target columns", position=at)
    if listed and count < len(columns):
        raise PgError("INSERT has more target columns than expressions", find=columns[count].name)


def _conflict(
    writer: Writer, held: rowcheck.Keys, clause: Any, full: dict[str, Any]
) -> dict[str, Any] | str | None:
    """None: no conflict; "skip": nothing to do; else the values of the row that was updated instead."""
    if clause is None:
        return None
    table = writer.table
    keys = [
        name_of(k.this.this if isinstance(k, exp.Ordered) else k)
        for k in clause.args.get("conflict_keys") or []
    ]
    if keys and not any(i.unique and set(i.columns) == set(keys) for i in table.indexes):
        raise PgError("there is no unique or exclusion constraint matching the ON CONFLICT specification")
    unique = [i.columns for i in table.indexes if i.unique and not i.where]
    hits = (held.find(names, full) for names in ([keys] if keys else unique))
    hit = next((h for h in hits if h is not None), None)
    if hit is None:
        return None
    if "UPDATE" not in str(clause.args.get("action") or "").upper():
        return "skip"
    rowid, weight, cells = hit
    scope = Scope(
        sources=[row_source(table, table.name, cells), row_source(table, "excluded", _by_name(table, full))]
    )
    where = clause.args.get("where")
    if where is not None:
        wanted = condition(writer.compiler, where.this, scope, "WHERE")
        if not runner.run(writer.catalog, writer.compiler, f"SELECT {wanted}").rows[0][0]:
            return "skip"
    changed = _assignments(writer, clause.expressions, scope)
    values = {**_by_key(table, cells), **_run_row(writer, changed)}
    rowcheck.check_rules(writer.catalog, table, [values], tuple(changed))
    held.check(values, ignore=rowid, only=tuple(changed))
    table.changed[rowid] = (weight, values)
    held.put(rowid, weight, values)
    table.updated += 1
    return {**values, REPLACED: 1}


def _by_name(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    found = {c.name: values.get(c.key, c.filled) for c in table.columns}
    return {**found, REPLACED: 1} if REPLACED in values else found


def _by_key(table: Table, cells: dict[str, Any]) -> dict[str, Any]:
    return {c.key: cells[c.name] for c in table.columns}


def row_source(table: Table, alias: str, cells: dict[str, Any]) -> Source:
    """One row's values as something expressions can name."""
    columns = {c.name: Typed(ops.literal(cells[c.name]), c.type) for c in table.columns}
    locker = "pg_txid()" if cells.get(REPLACED) else "0"
    return Source(alias, columns, row=f"{table.next_rowid}", locker=locker)


# --- UPDATE and DELETE -------------------------------------------------------------------------------


def _assignments(writer: Writer, nodes: list[Any], scope: Scope) -> dict[str, str]:
    """SET items: column key → SQLite text."""
    c, found = writer.compiler, {}
    for node in nodes:
        if not isinstance(node, exp.EQ) or not isinstance(node.this, exp.Column | exp.Tuple | exp.Identifier):
            raise not_simulated("this form of SET")
        pairs = [(node.this, node.expression)]
        if isinstance(node.this, exp.Tuple):
            if not isinstance(node.expression, exp.Tuple):
                raise not_simulated("SET from a subquery")
            pairs = list(zip(node.this.expressions, node.expression.expressions, strict=False))
        for target, value in pairs:
            column = column_of(writer.table, target.this if isinstance(target, exp.Column) else target)
            if column.key in found:
                raise PgError(f'multiple assignments to same column "{column.name}"')
            if (
                isinstance(value, exp.Column)
                and name_of(value.this) == "default"
                and not value.args.get("table")
            ):
                found[column.key] = ops.literal(_default(writer, column))
            else:
                found[column.key] = assigned(c, c.expr(value, scope), column, position_of(value))
    return found


@dataclass
class Hit:
    """A row that a change applies to."""

    rowid: int
    weight: int
    new: dict[str, Any]


def _hits(writer: Writer, alias: str, others: list[Any], where: Any, nodes: list[Any]) -> list[Hit]:
    """Rows that meet a condition, with the new values of the columns that are set."""
    c, table, scope = writer.compiler, writer.table, Scope()
    node = exp.Table(this=exp.to_identifier(table.name, quoted=True))
    if alias != table.name:
        node.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    sql = sources.source_sql(c, node, scope)
    for other in others:
        sql += f" CROSS JOIN {sources.source_sql(c, other, scope)}"
        for join in other.args.get("joins") or []:
            sql += sources.join_sql(c, join, scope)
    changed = _assignments(writer, nodes, scope)
    condition_sql = ""
    if where is not None:
        scope.aggregates_forbidden = "WHERE"
        condition_sql = f" WHERE {condition(c, where.this, scope, 'WHERE')}"
        select.mark_indexed(c, where.this, scope)
        select.weigh_single(c, where.this, scope)
    first = scope.sources[0]
    own = next(iter(first.columns.values())).sql.partition(".")[0] if first.columns else "s1"
    weight = f"{own}.{ident(WEIGHT_COLUMN)}" if table.sampled and first.weight else "1"
    cells = "".join(f", {text}" for text in changed.values())
    found = runner.run(
        writer.catalog,
        c,
        f"SELECT {own}.{ident(ROW_COLUMN)}, {weight}{cells} FROM {sql}{condition_sql}",
        runner.MAX_CHANGED,
    )
    hits: dict[int, Hit] = {}
    for rowid, amount, *values in found.rows:
        hits.setdefault(rowid, Hit(rowid, amount, dict(zip(changed, values, strict=True))))
    return list(hits.values())


def affected(catalog: Catalog, tree: Any) -> int:
    """How many rows an UPDATE or DELETE meets, at full size. Raises PgError."""
    writer, alias = _writer(catalog, tree.this)
    if writer.table.sampled and tree.find(exp.Limit) is not None:
        raise PgError(
            "a change of as many rows as a LIMIT gives, of a table that is a sample is not simulated",
            hint="A range of ids is: WHERE id BETWEEN 1 AND 500; dbrun goes through a table batch by batch.",
        )
    from_ = tree.args.get("from_") or tree.args.get("from")
    others = [from_.this] if from_ is not None else tree.args.get("using") or []
    return _full_size(writer, _hits(writer, alias, others, tree.args.get("where"), []), tree)


def checked(catalog: Catalog, tree: exp.Update) -> None:
    """Whether an UPDATE's assignments fit its table. Raises PgError."""
    writer, alias = _writer(catalog, tree.this)
    _hits(writer, alias, [], tree.args.get("where"), tree.expressions)


def _full_size(writer: Writer, hits: list[Hit], tree: Any) -> int:
    if writer.table.entity is None:
        return sum(h.weight for h in hits)
    older = sum(h.weight for h in hits if h.rowid < 0)
    return batches.exact(writer.table, tree.args.get("where"), older, sum(h.rowid >= 0 for h in hits))


def update(catalog: Catalog, tree: exp.Update, text: str) -> Result:
    utility.check_where(catalog, tree, "UPDATE")
    writer, alias = _writer(catalog, tree.this)
    if not tree.expressions:
        raise syntax_error(text, None)
    from_ = tree.args.get("from_") or tree.args.get("from")
    others = [from_.this] if from_ is not None else []
    hits = _hits(writer, alias, others, tree.args.get("where"), tree.expressions)
    total = _full_size(writer, hits, tree)
    utility.check_timeout(catalog, total * UPDATE_S_PER_ROW)
    table, stored = writer.table, _stored(writer)
    written = [{**stored[hit.rowid], **hit.new} for hit in hits]
    only = tuple(hits[0].new) if hits else ()
    for values in written:
        rowcheck.check_length(table, values)
    rowcheck.check_rules(catalog, table, written, only)
    keys, parents = rowcheck.Keys(catalog, table), rowcheck.Parents(catalog, table)
    _keep_the_rest(writer, hits)
    for hit, values in zip(hits, written, strict=True):
        if hit.weight == 1:  # of a row that stands for many only its own key is known
            keys.check(values, ignore=hit.rowid, only=only)
            parents.check(values, only)
        rowcheck.check_referenced(catalog, table, stored[hit.rowid], values)
        table.changed[hit.rowid] = (hit.weight, values)
        keys.put(hit.rowid, hit.weight, values)
    table.updated += total
    table.rewritten(total)
    return _finished(writer, tree, written, f"UPDATE {total}", alias, total * UPDATE_S_PER_ROW)


def _keep_the_rest(writer: Writer, hits: list[Hit]) -> None:
    """Of a sampled row that stands for many, one alone changes: the others stay, under the number before it."""
    table = writer.table
    single = {hit.rowid for hit in hits if hit.weight == 1}
    if not table.sampled or not single:
        return
    for rowid, weight, cells in writer.catalog.rows(table, writer.compiler.wanted_of(table.name)):
        if rowid in single and weight > 1:
            values, first = _by_key(table, cells), table.columns[0].key
            if isinstance(values[first], int):
                values[first] -= 1
            table.changed[table.next_rowid] = (weight - 1, values)
            table.next_rowid += 1


def _stored(writer: Writer) -> dict[int, dict[str, Any]]:
    wanted = writer.compiler.wanted_of(writer.table.name)
    return {
        rowid: _by_key(writer.table, cells) for rowid, _, cells in writer.catalog.rows(writer.table, wanted)
    }


def delete(catalog: Catalog, tree: exp.Delete, _text: str) -> Result:
    utility.check_where(catalog, tree, "DELETE")
    writer, alias = _writer(catalog, tree.this)
    hits = _hits(writer, alias, tree.args.get("using") or [], tree.args.get("where"), [])
    total = _full_size(writer, hits, tree)
    utility.check_timeout(catalog, total * DELETE_S_PER_ROW)
    table, stored = writer.table, _stored(writer)
    kept = []
    _keep_the_rest(writer, hits)
    for hit in hits:
        rowcheck.check_referenced(catalog, table, stored[hit.rowid], None)
        table.changed.pop(hit.rowid, None)
        table.removed[hit.rowid] = True
        kept.append(stored[hit.rowid])
    table.deleted += total
    table.gained -= total
    table.dead += total
    if total > 1000 and table.sampled:
        note(catalog.world, "deleted", catalog.session.component, total, table.name)
    return _finished(writer, tree, kept, f"DELETE {total}", alias, total * DELETE_S_PER_ROW)


def _finished(
    writer: Writer, tree: Any, kept: list[dict[str, Any]], tag: str, alias: str, cost_s: float = 0.0
) -> Result:
    """The command tag, with RETURNING's rows before it."""
    returning = tree.args.get("returning")
    if returning is None:
        return Result(tag=tag, cost_s=cost_s)
    columns: list[tuple[str, PgType]] = []
    rows = []
    sample = kept or [{c.key: None for c in writer.table.columns}]
    for values in sample:
        scope = Scope(sources=[row_source(writer.table, alias, _by_name(writer.table, values))])
        targets = select.targets(exp.Select(expressions=returning.expressions), scope)
        pieces = [(name, writer.compiler.expr(item, scope)) for name, item in targets]
        columns = [(name, types.TEXT if p.type == UNKNOWN else p.type) for name, p in pieces]
        if kept:
            sql = ", ".join(p.sql for _, p in pieces)
            rows.append(runner.run(writer.catalog, writer.compiler, f"SELECT {sql}").rows[0])
    return Result(columns, rows, tag, cost_s=cost_s)
