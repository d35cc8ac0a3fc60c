"""Runs one statement of a session: dispatch, transactions and queries. Changes live in `dml` and `ddl`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from simulator.postgres import (
    administration,
    advisory,
    alter,
    copyout,
    cursors,
    ddl,
    dml,
    entity_rows,
    entity_writes,
    execute_query,
    explain,
    health,
    jobs,
    lexer,
    locking,
    merging,
    online,
    parser,
    runner,
    statement_log,
    utility,
    with_changes,
)
from simulator.postgres.backends import own_pid
from simulator.postgres.catalog import Catalog
from simulator.postgres.errors import Notice, PgError, not_simulated
from simulator.postgres.result import Result
from simulator.postgres.session_functions import find_relation
from simulator.postgres.state import Database, Session
from simulator.postgres.types import TEXT

if TYPE_CHECKING:
    from simulator.world import World

QUERIES = (exp.Select, exp.SetOperation, exp.Values, exp.Subquery)
BLOCK = "current transaction is aborted, commands ignored until end of transaction block"
Handler = Callable[[Catalog, str], Result]


def run(world: World, session: Session, statement: str) -> Result:
    """Run one statement. Raises PgError; an error inside a transaction aborts it."""
    if len(statement) > parser.MAX_CHARS:
        raise parser.too_long()
    word = lexer.first_word(statement)
    if session.aborted and word not in ("rollback", "abort", "commit", "end"):
        raise PgError(BLOCK)
    if session.in_transaction and not session.implicit:
        session.last_query = statement.strip()
    catalog = Catalog(world, session, statement.strip())
    try:
        handler = WORDS.get(word)
        if word in ("select", "insert", "update", "delete", "with", "table"):
            locking.join(catalog, statement)
        administered = administration.answer(catalog, statement)
        if administered is not None:
            return administered
        result = handler(catalog, statement) if handler is not None else _parsed(catalog, statement)
        utility.check_timeout(catalog, result.cost_s)
        if word in ("select", "with", "table"):
            _unlock(catalog, not session.in_transaction)
        return result
    except PgError:
        session.aborted = session.in_transaction
        raise
    except RecursionError:
        session.aborted = session.in_transaction
        raise parser.stack_depth() from None


def _parsed(catalog: Catalog, text: str) -> Result:
    tree = parser.parse(text)
    if isinstance(tree, QUERIES) and with_changes.parts(tree):
        alone = not catalog.session.in_transaction
        if alone:
            begin_implicit(catalog.world, catalog.session)
        try:
            found = select(catalog, with_changes.settled(catalog, tree, changed))
        except PgError:
            if alone:
                end_implicit(catalog.world, catalog.session, True)
            raise
        if alone:
            end_implicit(catalog.world, catalog.session, False)
        return found
    if isinstance(tree, QUERIES):
        return select(catalog, tree)
    for kind, handler in TREES.items():
        if isinstance(tree, kind):
            return changing(catalog, handler, tree, text)
    raise not_simulated(text.split(None, 1)[0].upper())


def changed(catalog: Catalog, tree: Any) -> Result:
    """A change inside a WITH or below EXPLAIN ANALYZE."""
    handler = next(handler for kind, handler in TREES.items() if isinstance(tree, kind))
    return changing(catalog, handler, tree, tree.sql(dialect="postgres"))


def _check_first(catalog: Catalog, tree: Any) -> None:
    """What fails at once, before anything is worked on: a misspelt column, what may not stand in a transaction."""
    if (
        isinstance(tree, exp.Create | exp.Drop)
        and tree.args.get("concurrently")
        and catalog.session.in_transaction
    ):
        word = "CREATE" if isinstance(tree, exp.Create) else "DROP"
        raise PgError(f"{word} INDEX CONCURRENTLY cannot run inside a transaction block")
    if tree is None:  # COPY ... FROM STDIN comes without one
        return
    if isinstance(tree, exp.Update) and isinstance(tree.this, exp.Table):
        table = catalog.database.tables.get(tree.this.name)
        for each in tree.expressions if table is not None else ():
            name = each.this.name if isinstance(each, exp.EQ) and isinstance(each.this, exp.Column) else ""
            if table is not None and name and name not in [c.name for c in table.columns]:
                raise PgError(f'column "{name}" of relation "{table.name}" does not exist', find=name)
    if isinstance(tree, exp.Create) and isinstance(tree.this, exp.Index):
        where = tree.this.args.get("table")
        table = catalog.database.tables.get(where.name) if isinstance(where, exp.Table) else None
        params = tree.this.args.get("params")
        for column in params.find_all(exp.Column) if params is not None and table is not None else ():
            if table is not None and column.name not in [c.name for c in table.columns]:
                raise PgError(f'column "{column.name}" does not exist')


def changing(
    catalog: Catalog, handler: Callable[[Catalog, Any, str], Result], tree: Any, text: str
) -> Result:
    """A statement that changes data or definitions: all of it or nothing."""
    session, state = catalog.session, catalog.world.postgres
    alone = not session.in_transaction
    before: Database | None = None
    began_s = catalog.world.now_s
    if session.side:
        raise not_simulated("changing the restored copy")
    if entity_rows.is_replica(catalog.world, session):
        raise PgError(f"cannot execute {_command_words(text)} in a read-only transaction")
    if session.in_transaction and session.settings.get("transaction_read_only") == "on":
        raise PgError(f"cannot execute {_command_words(text)} in a read-only transaction")
    _check_first(catalog, tree)
    try:
        worked = jobs.perform(catalog, online.of_tree(catalog, tree))
        before = state.databases[session.component].copy() if alone else None
        result = handler(catalog, tree, text)
        if worked:
            result.cost_s = 0.0
        utility.check_timeout(catalog, result.cost_s)
        (entity_writes.settle if alone else entity_writes.check)(catalog)
    except PgError as error:
        if before is not None:
            _restore(catalog, before, error)
        _unlock(catalog, alone)
        raise
    _unlock(catalog, alone)
    session.changed = True
    statement_log.write(catalog, tree, text, began_s)
    if alone:
        health.check(catalog.world, session.component)
    return result


def _unlock(catalog: Catalog, alone: bool) -> None:
    """A statement by itself gives its locks back; a transaction keeps them. A job's are its own matter."""
    if alone and not catalog.session.ready:
        locking.release(catalog.world, catalog.session.component, own_pid(catalog.world, catalog.session))


def _command_words(text: str) -> str:
    """What the server calls a statement: INSERT, or ALTER TABLE."""
    words = text.upper().split()
    return " ".join(words[: 1 if words[0] in ("INSERT", "UPDATE", "DELETE") else 2])


def _restore(catalog: Catalog, before: Database, error: PgError) -> None:
    """Undo a failed statement; numbers it took from sequences and an index it left behind stay."""
    database = catalog.database
    before.sequences = database.sequences
    if error.leaves_index:
        left = database.tables[error.leaves_index].indexes[-1]
        before.tables[error.leaves_index].indexes.append(left)
    catalog.world.postgres.databases[catalog.session.component] = before


def select(catalog: Catalog, tree: Any) -> Result:
    """A query's rows; values stay typed."""
    result = execute_query.rows_of(catalog, tree)
    if len(result.rows) >= runner.MAX_ROWS:
        result.notices.append(Notice(f"only the first {runner.MAX_ROWS} rows are shown", "WARNING"))
    result.columns = _named(catalog, result.columns, result.rows)
    result.tag = "" if not result.columns else result.tag
    return result


def _named(catalog: Catalog, columns: list[tuple[str, Any]], rows: list[Any]) -> list[tuple[str, Any]]:
    """Oids of type regclass print as names: replace them in place."""
    shown = list(columns)
    for n, (name, kind) in enumerate(columns):
        if kind.name == "regclass":
            names = {find_relation(catalog, t): t for t in relation_names(catalog)}
            rows[:] = [(*row[:n], names.get(row[n], row[n]), *row[n + 1 :]) for row in rows]
            shown[n] = (name, TEXT)
    return shown


def relation_names(catalog: Catalog) -> list[str]:
    tables = catalog.database.tables.values()
    return ["pg_locks", *(n for t in tables for n in (t.name, *(i.name for i in t.indexes)))]


# --- transactions ------------------------------------------------------------------------------------


def begin_implicit(world: World, session: Session) -> None:
    """The one transaction that a string of several statements is."""
    if not session.in_transaction:
        _open(world, session)
        session.implicit = True


def end_implicit(world: World, session: Session, failed: bool) -> None:
    if session.implicit:
        session.aborted = failed
        _close(Catalog(world, session), keep=not failed)


def _open(world: World, session: Session) -> None:
    session.working = Catalog(world, session).database.copy()
    session.changed = session.aborted = session.implicit = False
    session.began_s = world.now_s
    session.savepoints.clear()


def _close(catalog: Catalog, keep: bool) -> None:
    session, world = catalog.session, catalog.world
    locking.release(world, session.component, own_pid(world, session))
    working, session.working = session.working, None
    session.aborted = session.implicit = False
    session.savepoints.clear()
    cursors.at_end(session, keep)
    for name, value in session.local_before.items():
        if value is None:
            session.settings.pop(name, None)
        else:
            session.settings[name] = value
    session.local_before.clear()
    advisory.transaction_ended(session)
    if keep and session.changed and working is not None:
        world.postgres.databases[session.component] = working
        entity_writes.settle(catalog)
        health.check(world, session.component)
    session.changed = False


def _modes(text: str) -> list[tuple[str, str]]:
    """The settings that `BEGIN ISOLATION LEVEL … READ ONLY` makes for its transaction."""
    found = []
    level = re.search(
        r"isolation\s+level\s+(serializable|repeatable\s+read|read\s+committed|read\s+uncommitted)",
        text,
        re.I,
    )
    if level is not None:
        found.append(("transaction_isolation", " ".join(level[1].lower().split())))
    access = re.search(r"\bread\s+(only|write)\b", text, re.I)
    if access is not None:
        found.append(("transaction_read_only", "on" if access[1].lower() == "only" else "off"))
    return found


def _begin(catalog: Catalog, text: str) -> Result:
    session = catalog.session
    if session.in_transaction and not session.implicit:
        return Result(tag="BEGIN", notices=[Notice("there is already a transaction in progress", "WARNING")])
    if session.implicit:
        session.implicit = False
    else:
        _open(catalog.world, session)
    for name, value in _modes(text):
        session.local_before.setdefault(name, session.settings.get(name))
        session.settings[name] = value
    words = text.split()
    return Result(tag="START TRANSACTION" if words and words[0].lower() == "start" else "BEGIN")


def _commit(catalog: Catalog, _text: str) -> Result:
    session = catalog.session
    if not session.in_transaction or session.implicit:
        return Result(tag="COMMIT", notices=[Notice("there is no transaction in progress", "WARNING")])
    failed = session.aborted
    _close(catalog, keep=not failed)
    return Result(tag="ROLLBACK" if failed else "COMMIT")


_ROLLBACK_TO = re.compile(
    r"\s*(?:rollback|abort)(?:\s+(?:work|transaction))?\s+to\s+(?:savepoint\s+)?(\w+)", re.I
)


def _rollback(catalog: Catalog, text: str) -> Result:
    session = catalog.session
    match = _ROLLBACK_TO.match(lexer.one_line(text))
    if match:
        index = _savepoint_index(catalog, match.group(1).lower(), "ROLLBACK TO SAVEPOINT")
        session.working = session.savepoints[index][1].copy()
        del session.savepoints[index + 1 :]
        session.aborted = False
        return Result(tag="ROLLBACK")
    if not session.in_transaction or session.implicit:
        return Result(tag="ROLLBACK", notices=[Notice("there is no transaction in progress", "WARNING")])
    _close(catalog, keep=False)
    return Result(tag="ROLLBACK")


def _savepoint_index(catalog: Catalog, name: str, what: str) -> int:
    session = catalog.session
    if not session.in_transaction or session.implicit:
        raise PgError(f"{what} can only be used in transaction blocks")
    for index in range(len(session.savepoints) - 1, -1, -1):
        if session.savepoints[index][0] == name:
            return index
    raise PgError(f'savepoint "{name}" does not exist')


def _savepoint(catalog: Catalog, text: str) -> Result:
    session = catalog.session
    if not session.in_transaction or session.implicit:
        raise PgError("SAVEPOINT can only be used in transaction blocks")
    words = text.rstrip("; \n").split()
    if len(words) != 2:
        raise parser.syntax_error(text, None)
    if len(session.savepoints) >= 50:
        raise not_simulated("more than 50 savepoints")
    assert session.working is not None
    session.savepoints.append((words[1].lower(), session.working.copy()))
    return Result(tag="SAVEPOINT")


def _release(catalog: Catalog, text: str) -> Result:
    name = text.rsplit(maxsplit=1)[-1].rstrip(";").lower()
    index = _savepoint_index(catalog, name, "RELEASE SAVEPOINT")
    del catalog.session.savepoints[index:]
    return Result(tag="RELEASE")


def _alter(catalog: Catalog, text: str) -> Result:
    line = lexer.one_line(text)
    if line.lower().startswith("alter system "):
        return utility.alter_system(catalog, line)
    if alter.by_words(line) is None:
        return _parsed(catalog, text)
    return _maintained(catalog, line, lambda: alter.alter_by_words(catalog, line))


def _maintained(catalog: Catalog, text: str, handler: Callable[[], Result]) -> Result:
    """VACUUM, REINDEX, VALIDATE: they wait, work, and have their effect."""
    alone = not catalog.session.in_transaction
    try:
        worked = jobs.perform(catalog, online.of_words(catalog, text))
        result = handler()
    finally:
        _unlock(catalog, alone)
    catalog.session.changed = True
    if worked:
        result.cost_s = 0.0
    return result


def _vacuum(catalog: Catalog, text: str) -> Result:
    return _maintained(catalog, text, lambda: utility.vacuum(catalog, text))


def _reindex(catalog: Catalog, text: str) -> Result:
    return _maintained(catalog, text, lambda: utility.reindex(catalog, text))


def _explain(catalog: Catalog, text: str) -> Result:
    return explain.explain(catalog, text)


WORDS: dict[str, Handler] = {
    "begin": _begin, "start": _begin, "commit": _commit, "end": _commit, "rollback": _rollback, "abort": _rollback,
    "savepoint": _savepoint, "release": _release, "show": utility.show, "set": utility.set_value,
    "reset": utility.reset, "alter": _alter, "explain": _explain, "vacuum": _vacuum,
    "analyze": utility.vacuum, "lock": utility.lock, "checkpoint": utility.checkpoint, "discard": utility.discard,
    "copy": copyout.elsewhere, "comment": utility.comment, "reindex": _reindex, "declare": cursors.declare,
    "fetch": cursors.fetch, "move": cursors.fetch, "close": cursors.close,
    **dict.fromkeys(
        "call do load grant revoke cluster listen notify import security prepare execute deallocate refresh reassign"
        " unlisten".split(), utility.refused,
    ),
}  # fmt: skip
TREES: dict[type, Callable[[Catalog, Any, str], Result]] = {
    exp.Update: dml.update, exp.Delete: dml.delete, exp.Insert: dml.insert, exp.Drop: ddl.drop,
    exp.Create: ddl.create, exp.Alter: alter.alter, exp.TruncateTable: ddl.truncate, exp.Merge: merging.merge,
}  # fmt: skip
