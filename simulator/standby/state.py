"""Where each primary is, when it moves by itself, and what is missing afterwards. Nothing is printed here.

The plane's queries follow a route to the primary's home; the store of the entities, where a scenario has one,
is promoted with it and loses what had not reached the standby.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator import bridge
from simulator.engine.network import home_route
from simulator.entities.history import OK
from simulator.scenario import Standby, Text

if TYPE_CHECKING:
    from simulator.world import World

SAYS = {
    "lost": Text(ru="{0}: primary в {1} не отвечает", en="{0}: the primary in {1} does not answer"),
    "auto": Text(
        ru="{0}: автоматический failover, primary теперь в {1}",
        en="{0}: automatic failover, the primary is in {1} now",
    ),
    "no_quorum": Text(
        ru="{0}: failover невозможен, у etcd нет кворума (большинство было в {1})",
        en="{0}: no failover, etcd has no quorum (its majority was in {1})",
    ),
    "promoted": Text(
        ru="{0}: standby в {1} повышен вручную", en="{0}: the standby in {1} was promoted by hand"
    ),
    "moved": Text(ru="{0}: primary перенесён в {1}", en="{0}: the primary was moved to {1}"),
    "reconciled": Text(ru="{0}: восстановлено строк {1}", en="{0}: {1} rows restored"),
}


@dataclass
class Cluster:
    """One database: the data centre of its primary, and since when that has not answered."""

    home: str
    silent_s: float | None = None
    told: bool = False  # that there is no quorum
    moves: int = 0
    silences: list[tuple[float, float]] = field(
        default_factory=list
    )  # from when to when nobody answered as primary

    def answers(self) -> None:
        """Somebody answers as primary from this second on."""
        self.silent_s, self.told = None, False


@dataclass
class Standbys:
    clusters: dict[str, Cluster] = field(default_factory=dict)
    merged: dict[tuple[str, str], tuple[int, int]] = field(
        default_factory=dict
    )  # (database, node) -> up to where


def build(world: World) -> Standbys | None:
    """One entry for each database that declares a standby's data centre."""
    places = list(world.scenario.datacenters)
    made = Standbys()
    for name, database in world.scenario.databases().items():
        if database.standby:
            made.clusters[name] = Cluster(database.datacenter or places[0])
    return made if made.clusters else None


def spec_of(world: World, database: str) -> Standby:
    return world.scenario.standbys.get(database, Standby())


def other(world: World, database: str) -> str:
    """The data centre that does not have the primary."""
    spec = world.scenario.databases()[database]
    first = spec.datacenter or next(iter(world.scenario.datacenters))
    assert spec.standby is not None
    state: Standbys = world.rooms["standby"]
    return spec.standby if state.clusters[database].home == first else first


def alive(world: World, place: str) -> bool:
    """Whether machines of a data centre run."""
    return any(n.zone == place and n.down_s is None for n in world.kubernetes.nodes.values())


def reachable(world: World, a: str, b: str) -> bool:
    links = world.plane.network.links
    return all(x.up for x in links if {x.source, x.target} == {a, b})


def quorum(world: World, database: str) -> bool:
    """Whether the members of etcd that the standby reaches are a majority."""
    spec, here = spec_of(world, database), other(world, database)
    total = sum(spec.etcd.values())
    near = sum(
        count
        for place, count in spec.etcd.items()
        if place == here
        or (place not in world.scenario.datacenters)
        or (alive(world, place) and reachable(world, here, place))
    )
    return total == 0 or 2 * near > total


def each_second(world: World) -> None:
    """Notice a silent primary; move it after the lease has run out, where etcd has a quorum."""
    state: Standbys = world.rooms["standby"]
    for name, cluster in state.clusters.items():
        if spec_of(world, name).patroni is not None:
            continue  # that room decides
        if alive(world, cluster.home):
            cluster.answers()
            continue
        if cluster.silent_s is None:
            cluster.silent_s = world.now_s
            cluster.silences.append((world.now_s, world.now_s))
            _note(world, "lost", name, cluster.home)
        cluster.silences[-1] = (cluster.silent_s, world.now_s)
        spec = spec_of(world, name)
        if world.now_s - cluster.silent_s < spec.ttl_s or cluster.told:
            continue
        if quorum(world, name):
            promote(world, name)
            _note(world, "auto", name, cluster.home)
        else:
            cluster.told = True
            _note(world, "no_quorum", name, cluster.home)


def _note(world: World, key: str, *values: object) -> None:
    world.note("database", SAYS[key].of(world.language).format(*values))


def promote(world: World, database: str) -> None:
    """The standby leads from now on: queries go there, and the store's node there is promoted."""
    state: Standbys = world.rooms["standby"]
    target = other(world, database)
    spec = world.scenario.databases()[database]
    world.plane.set_route(home_route(database), 1.0 if target == spec.standby else 0.0)
    cluster = state.clusters[database]
    _close_sessions(world, cluster.home, target)
    cluster.home = target
    cluster.answers()
    cluster.moves += 1
    node = node_in(world, database, target)
    if node and world.entities is not None:
        meets = bridge.catch_up(world)
        world.entities.domain.stores[spec_of(world, database).store].promote(node, meets)


def _close_sessions(world: World, old: str, new: str) -> None:
    """The proxies end the sessions of the old primary; without that callers would hang in dead connections."""
    if reachable(world, old, new):
        return
    for link in world.plane.network.links:
        if {link.source, link.target} == {old, new}:
            world.plane.clear_link(link.source, link.target)


def promote_by_hand(world: World, database: str) -> None:
    promote(world, database)
    state: Standbys = world.rooms["standby"]
    _note(world, "promoted", database, state.clusters[database].home)


def switch(world: World, database: str) -> None:
    """A planned move: the standby has caught up before it leads."""
    promote(world, database)
    state: Standbys = world.rooms["standby"]
    _note(world, "moved", database, state.clusters[database].home)


def node_in(world: World, database: str, place: str) -> str:
    """The store's first node in a data centre; empty when the scenario plays no store for the database."""
    spec = spec_of(world, database)
    if not spec.store or world.entities is None or world.scenario.entities is None:
        return ""
    places = world.scenario.entities.places
    copies = world.entities.domain.stores[spec.store].copies
    return next((c.name for c in copies if places.get(c.name) == place), "")


def lag_ms(world: World, database: str) -> float:
    """How far the standby is behind, in the mean."""
    state: Standbys = world.rooms["standby"]
    here, there = state.clusters[database].home, other(world, database)
    a, b = node_in(world, database, here), node_in(world, database, there)
    pair = world.reach.delay_ms
    if (a, b) in pair or (b, a) in pair:
        return pair.get((a, b), pair.get((b, a), 0.0))
    return next(
        (x.latency_s * 1000 for x in world.plane.network.links if {x.source, x.target} == {here, there}), 0.0
    )


def stream(world: World, database: str) -> tuple[bool, bool] | None:
    """(whether the standby streams, whether commits wait for it); None for a database without a standby here."""
    state: Standbys | None = world.rooms.get("standby")
    if state is None or database not in state.clusters:
        return None
    home, there = state.clusters[database].home, other(world, database)
    flows = alive(world, home) and alive(world, there) and reachable(world, home, there)
    if spec_of(world, database).patroni is not None:
        from simulator.patroni.state import follows  # that room is built on this one

        return flows and follows(world, database), False
    node, spec = node_in(world, database, home), spec_of(world, database)
    if not node or world.entities is None:
        return flows, False
    store = world.entities.domain.stores[spec.store]
    return flows, any(c.name == node and store.acknowledged_by(c) > 0 for c in store.copies)


def missing(world: World, database: str) -> list[tuple[int, int]]:
    """(row, value) of what an outside system knows and the database lacks: written, acknowledged, lost."""
    spec = spec_of(world, database)
    if not spec.store or not spec.evidence or world.entities is None:
        return []
    rows = world.entities.domain.stores[spec.store].final().get(spec.table, {})
    found: dict[int, int] = {}
    flows = {flow.name for flow in world.entities.spec.flows}
    ended = {
        op.entity for op in world.ops if op.type == OK and op.f in flows and not isinstance(op.process, str)
    }
    for op in world.ops:
        known = op.f == spec.evidence and op.type == OK and isinstance(op.process, str)
        if known and op.entity not in rows and op.entity in ended:
            found[op.entity] = 1
    return sorted(found.items())


def reconcile(world: World, database: str) -> int:
    """Write what is missing again from what the outside system knows. Returns how many rows."""
    meets = bridge.catch_up(world)
    spec = spec_of(world, database)
    assert world.entities is not None
    done = 0
    for row, value in missing(world, database):
        done += world.entities.put_row(spec.store, spec.table, row, value, meets, "reconcile")
    if done:
        _note(world, "reconciled", database, round(done * weight(world)))
    return done


def weight(world: World) -> float:
    """How many orders one played order stands for, in the mean."""
    assert world.entities is not None
    weights = world.entities.weights()
    return sum(weights.values()) / len(weights) if weights else 1.0
