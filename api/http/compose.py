"""Puts the service's real parts together from its settings. The only file here that opens anything."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, replace
from functools import lru_cache

from agent.library import Library
from agent.review_entry import cache_dir
from api.bootstrap import (
    home,
    interviewer,
    new_session_id,
    real_simulator,
    review_text,
    story_listener,
    utc_now,
)
from api.http.context import Context
from api.http.meters import Meters
from api.http.streams import Pace
from api.jobs import Jobs
from api.limits import Buckets
from api.players import Players
from api.rooms import Room
from api.service import ApplicationService
from api.spending import Spending
from api.store import SqliteStore, SqlStore
from api.talks import Talks
from simulator.scenario import SCENARIOS, load


@dataclass(frozen=True)
class Settings:
    """`database`: an address, or None for this user's SQLite file. `codes` open the full plan; none: all is open."""

    database: str | None = None
    chroma: str | None = None
    codes: tuple[str, ...] = ()
    most_live: int = 120
    requests_per_s: float = 20.0
    reviews_per_minute: float = 6.0
    players_per_minute: float = 20.0
    tokens_a_player: int = 300_000
    tokens_in_all: int = 5_000_000


def open_shared_store(database: str | None) -> SqlStore:
    """Raises StoreError."""
    if database is None:
        return SqliteStore(home() / "sessions.db")
    from api.postgres_store import PostgresStore

    return PostgresStore(database)


def compose(settings: Settings) -> Context:
    """Raises StoreError, LibraryError."""
    store = open_shared_store(settings.database)
    simulator = replace(real_simulator(), load=lru_cache(maxsize=64)(load))
    service = ApplicationService(
        store, simulator, review_text, new_session_id, utc_now, True, settings.most_live
    )
    return Context(
        store=store,
        service=service,
        players=Players(store, _new_token, new_session_id, utc_now, settings.codes),
        interviews=Room(Talks(store, interviewer(), simulator.version, new_session_id, utc_now), store),
        stories=Room(Talks(store, story_listener(), simulator.version, new_session_id, utc_now), store),
        library=Library(cache_dir(), settings.chroma or os.environ.get("DROPPROD_CHROMA_URL") or None),
        catalogue={path.stem: simulator.load(path.stem) for path in sorted(SCENARIOS.glob("*.yaml"))},
        jobs=Jobs(new_session_id),
        meters=Meters(),
        pace=Pace(),
        spending=Spending(store, utc_now, settings.tokens_a_player, settings.tokens_in_all),
        rate=Buckets(settings.requests_per_s, 3 * settings.requests_per_s),
        thinking=Buckets(settings.reviews_per_minute / 60, max(2.0, settings.reviews_per_minute / 2)),
        joining=Buckets(settings.players_per_minute / 60, max(5.0, settings.players_per_minute / 2)),
    )


def warm_up(context: Context) -> None:
    """Play a moment of the free scenario in a world of nobody: the first player need not wait for tables and imports."""
    from api import views
    from api.store import Header
    from simulator.commands import complete, execute
    from simulator.world import World

    scenario = next((s for s in context.catalogue.values() if s.tier == "free"), None)
    if scenario is None:
        return
    world = World(scenario, 1, "en")
    world.advance(1.0)
    for line in ("status", "kubectl get pods -n prod", "psql -c 'SELECT 1'", "promql up"):
        execute(world, line)
    complete(world, "kubectl g")
    header = Header("", scenario.id, "", 1, "", "en", "")
    for view in (views.outline, views.state(), views.facts):
        view(world, header, None)


def _new_token() -> str:
    return secrets.token_urlsafe(24)
