"""Keys and their values on one node: types, expiry in simulated time, memory, and what changed of them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from simulator.redis.replies import WRONG_TYPE, Error

OVERHEAD = 56  # dictEntry, robj and the sds header of a key (jemalloc's classes rounded)
MOST_KEYS = 200_000  # that a player may write
MOST_BYTES = 64 << 20  # of all the values a player may write

EMPTY: dict[str, Any] = {"string": "", "list": [], "hash": {}, "set": {}, "zset": {}, "stream": None}


class CommandError(Exception):
    """A command ends with an error reply."""

    def __init__(self, reply: Error) -> None:
        super().__init__(reply.text)
        self.reply = reply


@dataclass
class Pending:
    """An entry that a consumer got and has not acknowledged."""

    consumer: str
    delivered_s: float
    times: int


@dataclass
class Group:
    """A consumer group: how far it has come, its consumers by when they were last seen, what is not acknowledged."""

    last: tuple[int, int]
    read: int | None = None
    consumers: dict[str, float] = field(default_factory=dict)
    pending: dict[tuple[int, int], Pending] = field(default_factory=dict)


@dataclass
class Stream:
    """Entries in order: (milliseconds, sequence, fields); groups by name."""

    entries: list[tuple[int, int, list[str]]] = field(default_factory=list)
    last: tuple[int, int] = (0, 0)
    added: int = 0
    groups: dict[str, Group] = field(default_factory=dict)


@dataclass
class Entry:
    """One key's value. `data`: str, list, dict field -> value, dict of members, dict member -> score, Stream."""

    kind: str
    data: Any
    expires_s: float | None = None
    touched_s: float = 0.0
    size: int = 0

    def measure(self, key: str) -> int:
        """Bytes as MEMORY USAGE would count, about."""
        base = OVERHEAD + len(_bytes(key)) + 1
        if self.kind == "string":
            return base + (0 if _is_int(self.data) else len(_bytes(self.data)) + 3)
        if self.kind == "list":
            return base + 40 + sum(len(_bytes(x)) + 11 for x in self.data)
        if self.kind in ("hash", "zset"):
            return base + 40 + sum(len(_bytes(f)) + len(_bytes(str(v))) + 24 for f, v in self.data.items())
        if self.kind == "set":
            return base + 40 + sum(len(_bytes(m)) + 20 for m in self.data)
        return base + 200 + sum(16 + sum(len(_bytes(x)) + 2 for x in e[2]) for e in self.data.entries)


def _bytes(text: str) -> bytes:
    """A text's bytes; bits that are no UTF-8 are kept as they came."""
    return text.encode("utf-8", "surrogateescape")


def _is_int(text: str) -> bool:
    body = text[1:] if text.startswith("-") else text
    return body.isascii() and body.isdigit() and len(body) <= 18 and str(int(text)) == text


class Keyspace:
    """The keys of one node, database by database. Expired keys go when they are looked at, and each second."""

    def __init__(self) -> None:
        self.dbs: dict[int, dict[str, Entry]] = {}
        self.bytes = 0
        self.expired = 0
        self.changed: list[tuple[int, str]] = []  # (db, key) since the last hand-over to replicas

    def db(self, number: int) -> dict[str, Entry]:
        return self.dbs.setdefault(number, {})

    def find(self, db: int, key: str, now_s: float) -> Entry | None:
        found = self.db(db).get(key)
        if found is not None and found.expires_s is not None and now_s >= found.expires_s:
            self.drop(db, key)
            self.expired += 1
            return None
        return found

    def peek(self, db: int, key: str, now_s: float) -> Entry | None:
        """As `find`, without a trace."""
        found = self.dbs.get(db, {}).get(key)
        alive = found is not None and (found.expires_s is None or now_s < found.expires_s)
        return found if alive else None

    def typed(self, db: int, key: str, kind: str, now_s: float) -> Entry | None:
        """The value if the key is there. Raises CommandError for one of another type."""
        found = self.find(db, key, now_s)
        if found is not None and found.kind != kind:
            raise CommandError(WRONG_TYPE)
        return found

    def ready(self, db: int, key: str, kind: str, now_s: float) -> Entry:
        """As `typed`; an absent key is made."""
        found = self.typed(db, key, kind, now_s)
        if found is None:
            data = Stream() if kind == "stream" else deepcopy(EMPTY[kind])
            found = Entry(kind, data)
            self.put(db, key, found)
        return found

    def put(self, db: int, key: str, entry: Entry) -> None:
        space = self.db(db)
        if key not in space and len(space) >= MOST_KEYS:
            raise CommandError(Error("ERR the simulator keeps at most 200000 keys of your own"))
        old = space.get(key)
        self.bytes -= old.size if old is not None else 0
        entry.size = entry.measure(key)
        self.bytes += entry.size
        if self.bytes > MOST_BYTES:
            self.bytes -= entry.size
            space.pop(key, None)
            raise CommandError(Error("ERR the simulator keeps at most 64 MB of your own values"))
        space[key] = entry
        self.changed.append((db, key))

    def drop(self, db: int, key: str) -> bool:
        found = self.db(db).pop(key, None)
        if found is None:
            return False
        self.bytes -= found.size
        self.changed.append((db, key))
        return True

    def touched(self, db: int, key: str) -> None:
        """A value has been changed in place: empty containers go, sizes follow."""
        found = self.db(db).get(key)
        if found is None:
            return
        empty = found.kind in ("list", "hash", "set", "zset") and not found.data
        if empty:
            self.drop(db, key)
        else:
            self.put(db, key, found)

    def sweep(self, now_s: float) -> None:
        """The active expiry cycle."""
        for db, space in self.dbs.items():
            gone = [k for k, e in space.items() if e.expires_s is not None and now_s >= e.expires_s]
            for key in gone:
                self.drop(db, key)
                self.expired += 1

    def clear(self, db: int | None = None) -> int:
        """Empty a database or all of them; how many keys went."""
        gone = 0
        for number in list(self.dbs) if db is None else [db]:
            for key in list(self.db(number)):
                self.drop(number, key)
                gone += 1
        return gone

    def live(self, db: int, now_s: float) -> list[str]:
        return [k for k, e in self.dbs.get(db, {}).items() if e.expires_s is None or now_s < e.expires_s]
