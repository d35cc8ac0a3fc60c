"""Talks of one kind for doors that serve many people: a few in memory, the rest in their logs, one turn at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from api.store import Conflict, SqlStore
from api.talks import Said, Talk, Talks

State = TypeVar("State", bound=Said)
Result = TypeVar("Result")
KEPT = 200  # talks in memory


def once_more(work: Callable[[], Result]) -> Result:
    """Another replica was first: read its entry and try again, once."""
    try:
        return work()
    except Conflict:
        return work()


class Room(Generic[State]):
    """What another replica heard meanwhile is read from the log before anything is said."""

    def __init__(self, talks: Talks[State], store: SqlStore) -> None:
        self.talks = talks
        self._store = store
        self._open: OrderedDict[str, Talk[State]] = OrderedDict()
        self._turns: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def say(self, session: str, text: str) -> tuple[str, bool]:
        """The answer, and whether the talk is over. Raises SessionError, StoreError."""

        def turn() -> tuple[str, bool]:
            talk = self._get(session)
            try:
                return self.talks.say(talk, text), talk.over
            except BaseException:
                self.drop(session)
                raise

        with self._turn(session):
            return once_more(turn)

    def finish(self, session: str) -> dict[str, Any]:
        """The debrief. Raises SessionError, StoreError."""
        with self._turn(session):
            return self.talks.finish(self._get(session))

    def look(self, session: str) -> Talk[State]:
        with self._turn(session):
            return self._get(session)

    def drop(self, session: str) -> None:
        """Forget a talk; the next turn folds it from its log."""
        self._open.pop(session, None)

    def _turn(self, session: str) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault(session, threading.Lock())

    def _get(self, session: str) -> Talk[State]:
        talk = self._open.pop(session, None)
        if talk is None or self._store.last_seq(session) != talk.next_seq - 1:
            talk = self.talks.resume(session)
        self._open[session] = talk
        while len(self._open) > KEPT:
            self._open.popitem(last=False)
        return talk
