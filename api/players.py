"""Players of a service, whose sessions are whose, and links that show one. Tokens are kept as hashes only.

A token has 160 random bits, so a plain SHA-256 of it is as good as a slow hash: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from api.store import Connection, Header, SqlStore

FREE, FULL = "free", "full"
_HEADER = (
    "s.id, s.scenario, s.scenario_digest, s.seed, s.version, s.language, s.created, s.parent, s.parent_seq"
)


@dataclass(frozen=True)
class Player:
    """`plan`: `free` plays what is free, `full` everything."""

    id: str
    plan: str
    created: str


@dataclass(frozen=True)
class Share:
    """A link to a session. `words`: the texts that the player wrote are shown, too."""

    session: str
    words: bool


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


class Players:
    """Reads and writes the tables of players in a session store."""

    def __init__(
        self,
        store: SqlStore,
        new_token: Callable[[], str],
        new_id: Callable[[], str],
        utc_now: Callable[[], datetime],
        codes: tuple[str, ...] = (),
    ) -> None:
        self._store = store
        self._new_token = new_token
        self._new_id = new_id
        self._utc_now = utc_now
        self._codes = codes

    def plan_for(self, code: str | None) -> str | None:
        """The plan a code opens: without codes everything is open, a wrong one opens nothing (None)."""
        if not self._codes:
            return FULL
        if code is None:
            return FREE
        given = code.encode("utf-8", "replace")
        return FULL if any(hmac.compare_digest(given, c.encode()) for c in self._codes) else None

    def join(self, plan: str) -> tuple[Player, str]:
        """A new player and the token, which is shown this once. Raises StoreError."""
        token = f"dp_{self._new_token()}"
        player = Player(self._new_id(), plan, self._now())
        values = (player.id, hashed(token), plan, player.created)
        self._store.write(lambda db: db.execute("INSERT INTO players VALUES (?, ?, ?, ?)", values))
        return player, token

    def named(self, name: str, plan: str) -> Player:
        """The player of a door that knows its people itself (a chat); made when first seen. Has no token."""
        query = "INSERT INTO players VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
        values = (name, f"none:{name}", plan, self._now())
        self._store.write(lambda db: db.execute(query, values))
        return Player(name, plan, values[3])

    def has_plan(self, name: str, plan: str) -> bool:
        query = "SELECT 1 FROM players WHERE id = ? AND plan = ?"
        return self._store.read(lambda db: db.execute(query, (name, plan)).fetchone()) is not None

    def upgrade(self, name: str, plan: str) -> None:
        """Give the player of another door a plan, as an access code does."""
        self.named(name, plan)
        self._store.write(lambda db: db.execute("UPDATE players SET plan = ? WHERE id = ?", (plan, name)))

    def by_token(self, token: str) -> Player | None:
        query = "SELECT id, plan, created FROM players WHERE token_hash = ?"
        row = self._store.read(lambda db: db.execute(query, (hashed(token),)).fetchone())
        return Player(*row) if row else None

    def give(self, session: str, player: str) -> None:
        """A new session's owner; for ever."""
        self._store.write(lambda db: db.execute("INSERT INTO owners VALUES (?, ?)", (session, player)))

    def owns(self, player: str, session: str) -> bool:
        query = "SELECT 1 FROM owners WHERE session = ? AND player = ?"
        return self._store.read(lambda db: db.execute(query, (session, player)).fetchone()) is not None

    def sessions(self, player: str, limit: int, offset: int) -> list[tuple[Header, int, float]]:
        """A player's sessions, newest first, each with its number of entries and its last known second."""
        query = f"""
            SELECT {_HEADER},
                (SELECT count(*) FROM entries WHERE session = s.id),
                (SELECT coalesce(max(now_s), 0) FROM effects WHERE session = s.id)
            FROM owners o JOIN sessions s ON s.id = o.session
            WHERE o.player = ? ORDER BY s.created DESC, s.id LIMIT ? OFFSET ?"""
        rows = self._store.read(lambda db: db.execute(query, (player, limit, offset)).fetchall())
        return [(Header(*row[:-2]), row[-2], row[-1]) for row in rows]

    def count(self, player: str) -> int:
        """How many sessions a player has."""
        query = "SELECT count(*) FROM owners WHERE player = ?"
        found: int = self._store.read(lambda db: db.execute(query, (player,)).fetchone())[0]
        return found

    def share(self, session: str, words: bool) -> str:
        """A link's token."""
        token = self._new_token()
        values = (hashed(token), session, int(words), self._now())
        self._store.write(lambda db: db.execute("INSERT INTO shares VALUES (?, ?, ?, ?)", values))
        return token

    def shared(self, token: str) -> Share | None:
        query = "SELECT session, words FROM shares WHERE token_hash = ?"
        row = self._store.read(lambda db: db.execute(query, (hashed(token),)).fetchone())
        return Share(row[0], bool(row[1])) if row else None

    def unshare(self, session: str) -> int:
        """Take every link to a session back; how many there were."""

        def work(db: Connection) -> int:
            gone: int = db.execute("DELETE FROM shares WHERE session = ?", (session,)).rowcount
            return gone

        return self._store.write(work)

    def _now(self) -> str:
        return self._utc_now().astimezone(UTC).isoformat(timespec="seconds")
