"""Sessions in PostgreSQL, for a service of several replicas. The only file that talks to psycopg.

A commit is answered once its WAL is on disk (`synchronous_commit` is set for each connection), so a database that is
killed loses no entry that was acknowledged. The key `(session, seq)` keeps two replicas out of one place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from api.store import Connection, Result, SqlStore, StoreError, Work

CONNECTIONS = 8
WAIT_S = 10.0  # for a connection: longer means that the database is away
KEYS_LOCK = 0x64726F70  # of the advisory lock under which tables are made: two replicas may start at once
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id text PRIMARY KEY, scenario text NOT NULL, scenario_digest text NOT NULL, seed bigint NOT NULL,
    version text NOT NULL, language text NOT NULL, created text NOT NULL, parent text, parent_seq bigint);
CREATE TABLE IF NOT EXISTS entries (
    session text NOT NULL REFERENCES sessions (id), seq bigint NOT NULL, t_s double precision NOT NULL,
    kind text NOT NULL CHECK (kind IN ('command', 'action-items', 'postmortem', 'answer', 'model')),
    line text NOT NULL, PRIMARY KEY (session, seq));
CREATE TABLE IF NOT EXISTS effects (
    session text NOT NULL, seq bigint NOT NULL, digest text NOT NULL, now_s double precision NOT NULL,
    status text NOT NULL CHECK (status IN ('done', 'interrupted')),
    PRIMARY KEY (session, seq), FOREIGN KEY (session, seq) REFERENCES entries);
CREATE TABLE IF NOT EXISTS players (
    id text PRIMARY KEY, token_hash text NOT NULL UNIQUE, plan text NOT NULL, created text NOT NULL);
CREATE TABLE IF NOT EXISTS owners (
    session text PRIMARY KEY REFERENCES sessions (id), player text NOT NULL REFERENCES players (id));
CREATE INDEX IF NOT EXISTS owners_player ON owners (player);
CREATE TABLE IF NOT EXISTS shares (
    token_hash text PRIMARY KEY, session text NOT NULL REFERENCES sessions (id),
    words bigint NOT NULL, created text NOT NULL);
CREATE TABLE IF NOT EXISTS chats (id text PRIMARY KEY, state text NOT NULL);
CREATE TABLE IF NOT EXISTS spending (
    day text NOT NULL, payer text NOT NULL, tokens bigint NOT NULL, PRIMARY KEY (day, payer));
CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% are append-only', TG_TABLE_NAME; END $$;
"""
_TRIGGERS = "".join(
    f"CREATE OR REPLACE TRIGGER {table}_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
    f"FOR EACH STATEMENT EXECUTE FUNCTION append_only();\n"
    for table in ("sessions", "entries", "effects")
)


_Database = psycopg.Connection[tuple[Any, ...]]


class _Dialect:
    """A psycopg connection that takes `?` for a place and hands every error on as it is."""

    def __init__(self, db: _Database) -> None:
        self._db = db

    def execute(self, query: str, parameters: tuple[Any, ...] = (), /) -> Any:
        if not parameters:  # several statements at once go without any
            return self._db.execute(query.encode())
        return self._db.execute(query.replace("?", "%s").encode(), parameters)


class PostgresStore(SqlStore):
    """Sessions behind a `postgresql://` address. Raises StoreError when nobody answers there."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=CONNECTIONS,
            timeout=WAIT_S,
            kwargs={
                "autocommit": True,
                "application_name": "dropprod",
                "options": "-c synchronous_commit=on",
            },
            open=False,
        )
        self._pool.open()
        self.write(_prepare)

    def read(self, work: Work[Result]) -> Result:
        """One round trip a statement: what reads several rows reads them in one."""

        def plain(db: _Database, _: list[str]) -> Result:
            return work(_Dialect(db))

        return self._run(plain)

    def write(self, work: Work[Result]) -> Result:
        """One transaction; committed when `work` returns, rolled back when it raises."""

        def whole(db: _Database, begun: list[str]) -> Result:
            with db.transaction():
                begun.append("work")
                return work(_Dialect(db))

        return self._run(whole)

    def _run(self, work: Callable[[_Database, list[str]], Result]) -> Result:
        """Again, once, if the connection turned out to be dead before `work` had begun: the database was restarted."""
        begun: list[str] = []
        try:
            try:
                with self._pool.connection() as db:
                    return work(db, begun)
            except psycopg.OperationalError:
                if begun:
                    raise
                self._pool.check()
                with self._pool.connection() as db:
                    return work(db, begun)
        except PoolTimeout:
            raise StoreError(f"the database did not answer within {WAIT_S:.0f} s") from None
        except psycopg.Error as error:
            first = str(error).strip().splitlines() or [type(error).__name__]
            raise StoreError(f"database: {first[0]}") from error

    def close(self) -> None:
        self._pool.close()


def _prepare(db: Connection) -> None:
    db.execute("SELECT pg_advisory_xact_lock(?)", (KEYS_LOCK,))
    db.execute(_SCHEMA)
    db.execute(_TRIGGERS)
