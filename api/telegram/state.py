"""What is kept of a chat: its language, what it plays, what its next text is taken for. The session itself is a log."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Literal

from api.store import SqlStore

Mode = Literal["play", "action-items", "postmortem", "answer", "interview", "story"]
REMEMBERED = 100  # updates: a webhook may deliver one twice, also after a restart


@dataclass
class Chat:
    """`commander`: in a group the incident commander's user id; `proposal`: (line, who proposed it)."""

    id: str
    language: str = "ru"
    session: str | None = None
    scenario: str = ""
    mode: Mode = "play"
    talk: str | None = None
    live: bool = False
    commander: int | None = None
    commander_name: str = ""
    proposal: tuple[str, str] | None = None
    questions: list[str] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)

    def is_new(self, update: int) -> bool:
        """Whether an update was not handled yet; remembers it."""
        if update in self.seen:
            return False
        self.seen = [*self.seen, update][-REMEMBERED:]
        return True


class Chats:
    """Chats in the session store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def load(self, chat: str) -> Chat | None:
        query = "SELECT state FROM chats WHERE id = ?"
        row = self._store.read(lambda db: db.execute(query, (chat,)).fetchone())
        if row is None:
            return None
        kept = json.loads(row[0])
        proposal = kept.pop("proposal", None)
        return Chat(**kept, proposal=tuple(proposal) if proposal else None)

    def save(self, chat: Chat) -> None:
        query = "INSERT INTO chats VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state"
        values = (chat.id, json.dumps(asdict(chat), ensure_ascii=False))
        self._store.write(lambda db: db.execute(query, values))
