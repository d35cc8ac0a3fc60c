"""How a database's definitions were at earlier times: what a restore to a point in time brings back with the rows.

Kept only for databases that are backed up. A version is a pickle of the world's own state, made and read here.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from simulator.postgres.state import Database

if TYPE_CHECKING:
    from simulator.world import World

COMMIT_S = 0.04  # a statement's commit comes so much after it was sent: its whole second does not hold it yet
MAX_VERSIONS = 2_000


def keep(world: World, component: str) -> None:
    """From now on; called once at the start."""
    world.postgres.versions[component] = [(-1e18, pickle.dumps(world.postgres.databases[component], 5))]


def committed(world: World, component: str) -> None:
    """Something was committed: what the database looks like since."""
    known = world.postgres.versions.get(component)
    if known is None:
        return
    made = pickle.dumps(world.postgres.databases[component], 5)
    if made == known[-1][1]:
        return
    if len(known) >= MAX_VERSIONS:
        del known[1]
    known.append((world.now_s + COMMIT_S, made))


def as_of(world: World, component: str, t_s: float) -> Database:
    """The database as it was at a time."""
    known = world.postgres.versions[component]
    found: Database = pickle.loads([made for at_s, made in known if at_s <= t_s][-1])
    return found


def changes(world: World, component: str) -> list[float]:
    """When it changed."""
    return [at_s for at_s, _ in world.postgres.versions.get(component, [])][1:]
