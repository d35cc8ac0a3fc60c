"""What the routes share: the application service, players, talks, jobs and limits. Made once by `create_app`."""

from __future__ import annotations

import time
from collections import OrderedDict
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from starlette.requests import HTTPConnection

from api.http.turns import PeopleFirst
from api.players import Player, Players
from api.service import ApplicationService
from api.store import SqlStore

if TYPE_CHECKING:
    from agent.interview.state import Interview
    from agent.library import Library
    from agent.story.turns import Story
    from api.http.meters import Meters
    from api.http.streams import Pace
    from api.jobs import Jobs
    from api.limits import Buckets
    from api.rooms import Room
    from api.spending import Spending
    from simulator.scenario import Scenario

TOKEN_KEPT_S = 60.0  # a token is looked up once in so long: its row never changes


def _one_thread() -> Executor:
    """Streams are many and may wait; commands are few and share the processor with one of them at most."""
    return ThreadPoolExecutor(1, thread_name_prefix="streams")


@dataclass
class Context:
    store: SqlStore
    service: ApplicationService
    players: Players
    interviews: Room[Interview]
    stories: Room[Story]
    library: Library
    catalogue: dict[str, Scenario]
    jobs: Jobs
    meters: Meters
    pace: Pace
    spending: Spending
    rate: Buckets  # requests, by player
    thinking: Buckets  # reviews and debriefs, by player
    joining: Buckets  # new players, by address
    streams: dict[str, int] = field(default_factory=dict)  # open ones by player
    under_way: dict[str, int] = field(default_factory=dict)  # requests by player
    first: PeopleFirst = field(default_factory=PeopleFirst)
    watching: Executor = field(
        default_factory=_one_thread
    )  # where streams look: never more than one at a time
    draining: bool = False
    _known: OrderedDict[str, tuple[float, Player]] = field(default_factory=OrderedDict)

    def remembered(self, token: str) -> Player | None:
        """Without a look into the store."""
        found = self._known.get(token)
        return found[1] if found is not None and time.monotonic() - found[0] < TOKEN_KEPT_S else None

    def known_player(self, token: str) -> Player | None:
        """Raises StoreError."""
        player = self.players.by_token(token)
        if player is not None:
            self._known[token] = (time.monotonic(), player)
            while len(self._known) > 1000:
                self._known.popitem(last=False)
        return player


def context_of(connection: HTTPConnection) -> Context:
    return cast(Context, cast(Any, connection.app).state.context)
