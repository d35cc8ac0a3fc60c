"""What players may spend on a language model in a day, counted in the store: all replicas and restarts count together.

Who is over it is judged by the embedded judge, which costs nothing, and is told so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.budget import ACCOUNT
from api.store import Connection, SqlStore

ALL = ""  # the payer that stands for everybody


@dataclass(frozen=True)
class Spending:
    """Tokens a day, of a player and of all; a day is UTC's."""

    store: SqlStore
    utc_now: Callable[[], datetime]
    a_player: int
    in_all: int

    @contextmanager
    def charged_to(self, player: str) -> Iterator[None]:
        """Whatever a model is asked inside is the player's."""
        before = ACCOUNT.set(Account(self, player))
        try:
            yield
        finally:
            ACCOUNT.reset(before)

    def spent(self, player: str) -> tuple[int, int]:
        """(by the player, by everybody) today."""
        query = "SELECT payer, tokens FROM spending WHERE day = ? AND payer IN (?, ?)"
        values = (self._day(), player, ALL)
        rows = dict(self.store.read(lambda db: db.execute(query, values).fetchall()))
        return rows.get(player, 0), rows.get(ALL, 0)

    def add(self, player: str, tokens: int) -> None:
        query = (
            "INSERT INTO spending VALUES (?, ?, ?) "
            "ON CONFLICT (day, payer) DO UPDATE SET tokens = spending.tokens + excluded.tokens"
        )

        def work(db: Connection) -> None:
            for payer in sorted(
                {player, ALL}
            ):  # in one order everywhere: two replicas must not lock each other
                db.execute(query, (self._day(), payer, tokens))

        self.store.write(work)

    def _day(self) -> str:
        return self.utc_now().astimezone(UTC).date().isoformat()


@dataclass(frozen=True)
class Account:
    """One player's side of it, as `agent.budget` knows it."""

    spending: Spending
    player: str

    def is_spent(self) -> bool:
        mine, everybodys = self.spending.spent(self.player)
        return mine >= self.spending.a_player or everybodys >= self.spending.in_all

    def add(self, tokens: int) -> None:
        self.spending.add(self.player, tokens)
