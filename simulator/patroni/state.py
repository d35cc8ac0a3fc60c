"""What Patroni knows: the leader's key in etcd, the agents, and whom a place reaches. Nothing is printed here.

The rows lie in the store of the entities and the primary's home in the room of standbys; this is only who decides.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.entities.replication import Copy
from simulator.entities.store import Store
from simulator.scenario import Patroni, Standby
from simulator.standby import state as standby

if TYPE_CHECKING:
    from simulator.world import World

RUNNING, CREATING, STOPPED, STARTING = "running", "creating replica", "stopped", "starting"
LINES = 400  # of an agent's log that are kept
FIRST_LSN = 0x5000000
WAL_BYTES = 420  # of one played write, before its weight


@dataclass
class Dcs:
    """One etcd cluster: its members by place, those it has lost for good, and what Patroni keeps in it."""

    members: dict[str, int]
    config: dict[str, Any]
    absent: int = 0
    owner: str = ""
    renewed_s: float = 0.0
    seen: dict[str, float] = field(default_factory=dict)  # member -> when its key was written
    end: int = 0  # the last position the leader wrote here
    history: list[tuple[int, int, float, str]] = field(default_factory=list)  # TL, position, when, new leader


@dataclass
class Agent:
    """Patroni on one node. `hung`: the process stands, PostgreSQL beneath it goes on."""

    place: str
    dcs: int = 0
    hung_s: float | None = None
    off: bool = False
    state: str = RUNNING
    until_s: float = 0.0
    next_s: float = 0.0
    blind_s: float | None = None  # since when etcd has not answered it
    denied_s: float | None = None  # since when it has not said to a proxy that it is the primary
    lines: list[tuple[float, str, str]] = field(default_factory=list)

    def say(self, now_s: float, text: str, level: str = "INFO") -> None:
        self.lines.append((now_s, level, text))
        del self.lines[:-LINES]


@dataclass
class Cluster:
    """One database under Patroni."""

    database: str
    agents: dict[str, Agent]
    dcs: list[Dcs]
    dcs_of: dict[str, int]  # which etcd a data centre's patronictl asks
    routes: dict[str, str] = field(default_factory=dict)  # data centre -> where its queries go
    failing: bool = False  # nobody takes writes


Rooms = dict[str, Cluster]  # by scope


def first_config(spec: Standby, patroni: Patroni) -> dict[str, Any]:
    """The dynamic configuration as it lies in etcd at the start."""
    found: dict[str, Any] = {
        "failsafe_mode": patroni.failsafe_mode,
        "loop_wait": patroni.loop_wait,
        "maximum_lag_on_failover": patroni.maximum_lag_on_failover,
        "postgresql": {
            "parameters": {"max_connections": 200, "wal_level": "replica"},
            "use_pg_rewind": patroni.use_pg_rewind,
            "use_slots": True,
        },
        "retry_timeout": patroni.retry_timeout,
        "synchronous_mode": patroni.synchronous_mode,
        "synchronous_mode_strict": patroni.synchronous_mode_strict,
        "ttl": int(spec.ttl_s),
    }
    if patroni.pause:
        found["pause"] = True
    return found


def build(world: World) -> Rooms | None:
    """A cluster for each database whose standby is Patroni's."""
    business = world.scenario.entities
    made: Rooms = {}
    for name, spec in world.scenario.standbys.items():
        if spec.patroni is None or business is None or world.entities is None:
            continue
        members = [c.name for c in world.entities.domain.stores[spec.store].copies]
        dcs = Dcs(dict(spec.etcd), first_config(spec, spec.patroni), owner=members[0])
        agents = {}
        for number, member in enumerate(members):
            agents[member] = Agent(business.places.get(member, ""), next_s=1.0 + number)
            dcs.seen[member] = 0.0
        places = dict.fromkeys(world.scenario.datacenters, 0)
        made[spec.patroni.scope] = Cluster(name, agents, [dcs], places)
    return made or None


def rooms(world: World) -> Rooms:
    found: Rooms = world.rooms.get("patroni", {})
    return found


def of_database(world: World, database: str) -> Cluster | None:
    return next((c for c in rooms(world).values() if c.database == database), None)


def spec_of(world: World, cluster: Cluster) -> Patroni:
    found = standby.spec_of(world, cluster.database).patroni
    assert found is not None
    return found


def store_of(world: World, cluster: Cluster) -> Store:
    assert world.entities is not None
    return world.entities.domain.stores[standby.spec_of(world, cluster.database).store]


def node(world: World, cluster: Cluster, member: str) -> Copy:
    return store_of(world, cluster).copy_of(member)


def runs(world: World, member: str) -> bool:
    return member not in world.reach.down


def reaches(world: World, a: str, b: str) -> bool:
    """Whether two places reach each other; a third site is reached from everywhere."""
    known = world.scenario.datacenters
    if a == b or a not in known or b not in known:
        return True
    return standby.alive(world, b) and standby.reachable(world, a, b)


def accessible(world: World, dcs: Dcs, place: str) -> bool:
    """Whether an agent or a console in a place reaches a majority of etcd."""
    near = sum(count for where, count in dcs.members.items() if reaches(world, place, where))
    return 2 * near > sum(dcs.members.values()) + dcs.absent


def leader_of(dcs: Dcs, now_s: float) -> str:
    """Who holds the leader's key, if it has not run out."""
    return dcs.owner if now_s - dcs.renewed_s <= float(dcs.config.get("ttl", 30)) else ""


def primaries(world: World, cluster: Cluster) -> list[Copy]:
    """Nodes that take writes, whoever holds the key."""
    return [c for c in store_of(world, cluster).copies if c.leads and runs(world, c.name)]


def follows(world: World, database: str) -> bool:
    """Whether one node leads and all others run and take what it writes."""
    cluster = of_database(world, database)
    if cluster is None or len(primaries(world, cluster)) != 1:
        return False
    copies = [node(world, cluster, member) for member in cluster.agents]
    running = all(agent.state == RUNNING and runs(world, member) for member, agent in cluster.agents.items())
    return running and not any(copy.stopped for copy in copies)


def part(world: World, cluster: Cluster, place: str) -> bool:
    """`etcdctl --force-new-cluster` in a place: its members go on by themselves with what they had."""
    index = cluster.dcs_of.get(place, 0)
    old = cluster.dcs[index]
    if place not in old.members or len(cluster.dcs) > 1:
        return False
    own = copy.deepcopy(old)
    own.members, own.absent = {place: old.members[place]}, 0
    old.absent += old.members.pop(place)
    cluster.dcs.append(own)
    _follow(cluster, place, len(cluster.dcs) - 1)
    return True


def _follow(cluster: Cluster, place: str, index: int) -> None:
    cluster.dcs_of[place] = index
    for agent in cluster.agents.values():
        if agent.place == place:
            agent.dcs = index


def rejoin(world: World, cluster: Cluster, place: str) -> bool:
    """The etcd that a place uses gives up what it holds and its members join the other one."""
    if len(cluster.dcs) < 2:
        return False
    drop = cluster.dcs[cluster.dcs_of[place]]
    kept = next(d for d in cluster.dcs if d is not drop)
    for where, count in drop.members.items():
        kept.members[where] = kept.members.get(where, 0) + count
    kept.absent = 0
    cluster.dcs = [kept]
    for where in cluster.dcs_of:
        _follow(cluster, where, 0)
    return True
