"""Where sessions live: append-only logs behind one protocol, written in the SQL that two databases share.

Nothing here knows what a line means, what a world is or who asks. An entry is committed before it
takes effect; its effect is a second insert. Nothing is ever updated or deleted (triggers see to it).
"""

import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

Kind = Literal["command", "action-items", "postmortem", "answer", "model"]
Status = Literal["done", "interrupted"]
Result = TypeVar("Result")


class StoreError(RuntimeError):
    """The store cannot do what was asked; one line for the player."""


class Conflict(StoreError):
    """Somebody else appended to the session first."""


@dataclass(frozen=True)
class Header:
    """What a session is a function of, beside its log. `created` is UTC, ISO 8601."""

    id: str
    scenario: str  # an id, or the path of a file
    scenario_digest: str
    seed: int
    version: str  # of the simulator
    language: str
    created: str
    parent: str | None = None  # the session this one branched from
    parent_seq: int | None = None  # and the first entry that it did not take over


@dataclass(frozen=True)
class Effect:
    """What an entry did: the world's digest and second after it.

    `interrupted`: the player stopped it at `now_s`, so a replay stops it there, too.
    """

    digest: str
    now_s: float
    status: Status = "done"


@dataclass(frozen=True)
class Entry:
    """One line of a log. `t_s` is the simulated second at which it was typed."""

    seq: int
    t_s: float
    kind: Kind
    line: str
    effect: Effect | None = None


class Store(Protocol):
    """Keeps sessions. Every method raises StoreError when the keeper itself fails."""

    def create(self, header: Header, entries: Iterable[Entry] = ()) -> None:
        """Keep a new session, with the entries it starts with, at once."""

    def header(self, session: str) -> Header | None: ...

    def headers(self) -> list[tuple[Header, int, float]]:
        """Every session, newest first, with its number of entries and its last known second."""

    def entries(self, session: str) -> list[Entry]: ...

    def last_seq(self, session: str) -> int:
        """The number of the last entry, 0 without one."""

    def append(self, session: str, entry: Entry) -> None:
        """Keep an entry (and its effect, if it has one). Raises Conflict if its `seq` is taken."""

    def complete(self, session: str, seq: int, effect: Effect) -> None:
        """Keep the effect of an entry. Raises Conflict if it has one."""

    def close(self) -> None: ...


_HEADER_FIELDS = "id, scenario, scenario_digest, seed, version, language, created, parent, parent_seq"


class Connection(Protocol):
    """What sqlite3 and psycopg have in common, as far as it is used here. Placeholders are `?`."""

    def execute(self, query: str, parameters: tuple[Any, ...] = (), /) -> Any: ...


Work = Callable[[Connection], Result]


class SqlStore(ABC):
    """The store's statements; a keeper says how they are run. Players' own tables lie in the same database."""

    @abstractmethod
    def read(self, work: Work[Result]) -> Result:
        """Run `work` on a connection. Raises StoreError."""

    @abstractmethod
    def write(self, work: Work[Result]) -> Result:
        """Run `work` in a transaction that is durable once this returns. Raises StoreError."""

    @abstractmethod
    def close(self) -> None: ...

    def create(self, header: Header, entries: Iterable[Entry] = ()) -> None:
        values = (header.id, header.scenario, header.scenario_digest, header.seed, header.version)
        more = (header.language, header.created, header.parent, header.parent_seq)
        kept = list(entries)

        def work(db: Connection) -> None:
            db.execute(f"INSERT INTO sessions ({_HEADER_FIELDS}) VALUES (?,?,?,?,?,?,?,?,?)", values + more)
            for entry in kept:
                if not _insert(db, header.id, entry):
                    raise StoreError(f"session {header.id}: entry {entry.seq} is there twice")

        self.write(work)

    def header(self, session: str) -> Header | None:
        query = f"SELECT {_HEADER_FIELDS} FROM sessions WHERE id = ?"
        row = self.read(lambda db: db.execute(query, (session,)).fetchone())
        return Header(*row) if row else None

    def headers(self) -> list[tuple[Header, int, float]]:
        query = f"""
            SELECT {_HEADER_FIELDS},
                (SELECT count(*) FROM entries WHERE session = id),
                (SELECT coalesce(max(now_s), 0) FROM effects WHERE session = id)
            FROM sessions ORDER BY created DESC, id"""
        rows = self.read(lambda db: db.execute(query).fetchall())
        return [(Header(*row[:-2]), row[-2], row[-1]) for row in rows]

    def entries(self, session: str) -> list[Entry]:
        query = """
            SELECT e.seq, e.t_s, e.kind, e.line, f.digest, f.now_s, f.status
            FROM entries e LEFT JOIN effects f USING (session, seq) WHERE e.session = ? ORDER BY e.seq"""
        rows = self.read(lambda db: db.execute(query, (session,)).fetchall())
        return [
            Entry(seq, t_s, kind, line, Effect(digest, now_s, status) if digest is not None else None)
            for seq, t_s, kind, line, digest, now_s, status in rows
        ]

    def last_seq(self, session: str) -> int:
        query = "SELECT coalesce(max(seq), 0) FROM entries WHERE session = ?"
        found: int = self.read(lambda db: db.execute(query, (session,)).fetchone())[0]
        return found

    def append(self, session: str, entry: Entry) -> None:
        def work(db: Connection) -> None:
            if not _insert(db, session, entry):
                raise Conflict(
                    f"session {session}: entry {entry.seq} is already there: it is open elsewhere, too; "
                    f"nothing was done here, resume it to go on from its end"
                )

        self.write(work)

    def complete(self, session: str, seq: int, effect: Effect) -> None:
        def work(db: Connection) -> None:
            if not _insert_effect(db, session, seq, effect):
                raise Conflict(
                    f"session {session}: entry {seq} has been completed elsewhere; "
                    f"resume it to go on from its end"
                )

        self.write(work)


def _insert(db: Connection, session: str, entry: Entry) -> bool:
    """Whether the place was free; the key of a session and a number lets one writer in."""
    query = "INSERT INTO entries VALUES (?, ?, ?, ?, ?) ON CONFLICT (session, seq) DO NOTHING"
    if db.execute(query, (session, entry.seq, entry.t_s, entry.kind, entry.line)).rowcount != 1:
        return False
    return entry.effect is None or _insert_effect(db, session, entry.seq, entry.effect)


def _insert_effect(db: Connection, session: str, seq: int, effect: Effect) -> bool:
    query = "INSERT INTO effects VALUES (?, ?, ?, ?, ?) ON CONFLICT (session, seq) DO NOTHING"
    done: bool = db.execute(query, (session, seq, effect.digest, effect.now_s, effect.status)).rowcount == 1
    return done


_VERSION = 3
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, scenario TEXT NOT NULL, scenario_digest TEXT NOT NULL, seed INTEGER NOT NULL,
    version TEXT NOT NULL, language TEXT NOT NULL, created TEXT NOT NULL,
    parent TEXT, parent_seq INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS entries (
    session TEXT NOT NULL REFERENCES sessions (id), seq INTEGER NOT NULL, t_s REAL NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('command', 'action-items', 'postmortem', 'answer', 'model')),
    line TEXT NOT NULL, PRIMARY KEY (session, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS effects (
    session TEXT NOT NULL, seq INTEGER NOT NULL, digest TEXT NOT NULL, now_s REAL NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('done', 'interrupted')),
    PRIMARY KEY (session, seq), FOREIGN KEY (session, seq) REFERENCES entries) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS players (
    id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, plan TEXT NOT NULL, created TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS owners (
    session TEXT PRIMARY KEY REFERENCES sessions (id), player TEXT NOT NULL REFERENCES players (id)) STRICT;
CREATE INDEX IF NOT EXISTS owners_player ON owners (player);
CREATE TABLE IF NOT EXISTS shares (
    token_hash TEXT PRIMARY KEY, session TEXT NOT NULL REFERENCES sessions (id),
    words INTEGER NOT NULL, created TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS chats (id TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS spending (
    day TEXT NOT NULL, payer TEXT NOT NULL, tokens INTEGER NOT NULL, PRIMARY KEY (day, payer)) STRICT, WITHOUT ROWID;
"""
_TRIGGERS = "".join(
    f"CREATE TRIGGER IF NOT EXISTS {table}_{verb.lower()} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END;\n"
    for table in ("sessions", "entries", "effects")
    for verb in ("UPDATE", "DELETE")
)
_BUSY_S = 5.0  # another process' commit takes milliseconds: longer means that it hangs


class SqliteStore(SqlStore):
    """Sessions in one SQLite file: WAL, and `synchronous=FULL`, so that a commit outlives a crash.

    A second connection reads, so that nobody's look waits for the disk to take somebody else's line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock, self._reading = threading.Lock(), threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db, self._reader = self._connect(), self._connect()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path}: cannot open: {error}") from None
        self._guard(self._prepare)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)

    def _prepare(self, db: sqlite3.Connection) -> None:
        _use_wal(db)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        found = db.execute("PRAGMA user_version").fetchone()[0]
        if found > _VERSION:
            raise StoreError(f"{self._path}: written by a newer dropprod (format {found}); update dropprod")
        if found < _VERSION:
            db.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} {_TRIGGERS} PRAGMA user_version = {_VERSION}; COMMIT;"
            )

    def _guard(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` alone on the connection; a failure of SQLite becomes one clear line."""
        with self._lock:
            try:
                return work(self._db)
            except sqlite3.Error as error:
                raise StoreError(f"{self._path}: {error}") from error
            finally:
                if self._db.in_transaction:
                    self._db.rollback()

    def read(self, work: Work[Result]) -> Result:
        with self._reading:
            try:
                return work(self._reader)
            except sqlite3.Error as error:
                raise StoreError(f"{self._path}: {error}") from error

    def write(self, work: Work[Result]) -> Result:
        def whole(db: sqlite3.Connection) -> Result:
            db.execute("BEGIN IMMEDIATE")
            result = work(db)
            db.execute("COMMIT")
            return result

        return self._guard(whole)

    def close(self) -> None:
        with self._lock, self._reading:
            self._reader.close()
            self._db.close()


def _use_wal(db: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite does not wait for the lock it needs here, so two first starts would clash."""
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
