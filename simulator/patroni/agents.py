"""One round of an agent, once every `loop_wait`: renew the key, take it, follow, or give up being primary.

The lines are those of Patroni's log. An agent that hangs does nothing at all, and that is the danger: nobody stops its
PostgreSQL unless a watchdog does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import bridge
from simulator.patroni.state import (
    CREATING,
    RUNNING,
    STARTING,
    STOPPED,
    WAL_BYTES,
    Agent,
    Cluster,
    Dcs,
    accessible,
    leader_of,
    node,
    primaries,
    reaches,
    runs,
    spec_of,
    store_of,
)
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

RESET, REBOOT_S, MARGIN_S = "watchdog", 60.0, 5.0
SAYS = {
    "promoted": Text(ru="patroni: {0} стал primary", en="patroni: {0} has become the primary"),
    "demoted": Text(ru="patroni: {0} больше не primary", en="patroni: {0} is no primary any more"),
    "reset": Text(ru="watchdog перезагрузил {0}", en="the watchdog has reset {0}"),
}


def note(world: World, key: str, *values: object) -> None:
    world.note("database", SAYS[key].of(world.language).format(*values))


def promote(world: World, cluster: Cluster, member: str, dcs: Dcs | None) -> None:
    """`member` takes writes from now on; with a key in etcd it holds that, too."""
    store, meets = store_of(world, cluster), bridge.catch_up(world)
    copy = node(world, cluster, member)
    before = copy.follows
    copy.stopped = False
    store.promote(member, meets)
    note(world, "promoted", member)
    if dcs is not None:
        dcs.owner, dcs.renewed_s = member, world.now_s
        dcs.history.append((before, copy.end, world.now_s, member))


def demote(world: World, cluster: Cluster, member: str) -> None:
    store = store_of(world, cluster)
    bridge.catch_up(world)
    if store.copy_of(member).leads:
        store.step_down(member)
        note(world, "demoted", member)


def rebuild(world: World, cluster: Cluster, member: str) -> bool:
    """The node becomes a copy of the newest leader it reaches; what only it had is gone."""
    store, meets = store_of(world, cluster), bridge.catch_up(world)
    now = store.timers.now
    leaders = [
        c for c in primaries(world, cluster) if c.name != member and meets.connected(c.name, member, now)
    ]
    if not leaders:
        return False
    leader, copy = max(leaders, key=lambda c: c.leads), store.copy_of(member)
    copy.leads, copy.stopped = 0, False
    store.agree(copy, leader)
    store.step_down(member)
    return True


def each_second(world: World, cluster: Cluster) -> None:
    for member, agent in cluster.agents.items():
        _watchdog(world, cluster, member, agent)
        if agent.off or agent.hung_s is not None or not runs(world, member):
            continue
        dcs = cluster.dcs[agent.dcs]
        if world.now_s >= agent.next_s:
            agent.next_s = world.now_s + float(dcs.config.get("loop_wait", 10))
            _round(world, cluster, member, agent, dcs)


def _watchdog(world: World, cluster: Cluster, member: str, agent: Agent) -> None:
    """A node whose agent stopped feeding the watchdog is reset; it comes back with PostgreSQL not a primary."""
    if world.reach.down.get(member) == RESET and world.now_s >= agent.until_s:
        del world.reach.down[member]
        agent.hung_s, agent.blind_s, agent.state, agent.next_s = None, None, STARTING, world.now_s
        return
    if agent.hung_s is None or agent.off or spec_of(world, cluster).watchdog == "off":
        return
    ttl = float(cluster.dcs[agent.dcs].config.get("ttl", 30))
    if (
        world.now_s - agent.hung_s >= ttl - MARGIN_S
        and runs(world, member)
        and node(world, cluster, member).leads
    ):
        demote(world, cluster, member)
        world.reach.down[member] = RESET
        agent.until_s = world.now_s + REBOOT_S
        note(world, "reset", member)


def _round(world: World, cluster: Cluster, member: str, agent: Agent, dcs: Dcs) -> None:
    copy = node(world, cluster, member)
    if agent.state == CREATING and world.now_s < agent.until_s:
        return
    if agent.state == CREATING:
        if not rebuild(world, cluster, member):
            agent.say(world.now_s, "failed to bootstrap from leader", "ERROR")
            agent.until_s = world.now_s + 10.0
            return
        agent.say(world.now_s, "replica has been created using basebackup")
    agent.state = RUNNING
    if not accessible(world, dcs, agent.place):
        _blind(world, cluster, member, agent, dcs)
        return
    agent.blind_s, dcs.seen[member] = None, world.now_s
    dcs.owner = leader_of(dcs, world.now_s)
    if dcs.owner == member:
        _lead(world, cluster, member, agent, dcs)
    elif not dcs.owner:
        _race(world, cluster, member, agent, dcs)
    elif copy.leads:
        _second_primary(world, cluster, member, agent, dcs)
    else:
        agent.say(
            world.now_s, f"no action. I am ({member}), a secondary, and following a leader ({dcs.owner})"
        )
        if copy.stopped and dcs.config.get("postgresql", {}).get("use_pg_rewind"):
            agent.say(world.now_s, f"running pg_rewind from {dcs.owner}")
            rebuild(world, cluster, member)


def _blind(world: World, cluster: Cluster, member: str, agent: Agent, dcs: Dcs) -> None:
    """etcd has no majority here: it is asked for `retry_timeout`, then a primary may not go on being one."""
    if agent.blind_s is None:
        agent.blind_s = world.now_s
        agent.next_s = world.now_s + float(dcs.config.get("retry_timeout", 10))
        return
    agent.say(world.now_s, "Error communicating with DCS", "ERROR")
    if not node(world, cluster, member).leads:
        agent.say(world.now_s, "DCS is not accessible")
    elif dcs.config.get("pause"):
        agent.say(world.now_s, "PAUSE: DCS is not accessible")
    elif dcs.config.get("failsafe_mode") and _all_answer(world, cluster, agent):
        agent.say(
            world.now_s,
            "continue to run as a leader because failsafe mode is enabled and all members are accessible",
        )
    else:
        demote(world, cluster, member)
        agent.say(world.now_s, "demoted self because DCS is not accessible and I was a leader")


def _all_answer(world: World, cluster: Cluster, agent: Agent) -> bool:
    others = cluster.agents.items()
    return all(reaches(world, agent.place, o.place) and runs(world, m) and not o.off for m, o in others)


def _lead(world: World, cluster: Cluster, member: str, agent: Agent, dcs: Dcs) -> None:
    copy = node(world, cluster, member)
    if not copy.leads:
        if dcs.config.get("pause"):
            agent.say(world.now_s, f"PAUSE: no action. I am ({member})")
            return
        promote(world, cluster, member, dcs)
        agent.say(world.now_s, "promoted self to leader because I had the session lock")
        return
    dcs.renewed_s, dcs.end = world.now_s, copy.end
    _synchronous(world, cluster, member, dcs)
    pause = "PAUSE: " if dcs.config.get("pause") else ""
    agent.say(world.now_s, f"{pause}no action. I am ({member}), the leader with the lock")


def _synchronous(world: World, cluster: Cluster, member: str, dcs: Dcs) -> None:
    """Whom the leader waits for. Only a leader with etcd may let a lost synchronous standby go."""
    copy, wanted = node(world, cluster, member), 0
    if dcs.config.get("synchronous_mode"):
        fresh = world.now_s - float(dcs.config.get("ttl", 30))
        others = [
            m
            for m, at in dcs.seen.items()
            if m != member and at >= fresh and not node(world, cluster, m).stopped
        ]
        wanted = 1 if others or dcs.config.get("synchronous_mode_strict") else 0
    if copy.sync != wanted:
        copy.sync = wanted
        store_of(world, cluster).progressed(bridge.catch_up(world), copy)


def _race(world: World, cluster: Cluster, member: str, agent: Agent, dcs: Dcs) -> None:
    """Nobody holds the key."""
    copy = node(world, cluster, member)
    if copy.leads:
        dcs.owner, dcs.renewed_s = member, world.now_s
        agent.say(world.now_s, "acquired session lock as a leader")
        return
    if dcs.config.get("pause"):
        agent.say(world.now_s, f"PAUSE: no action. I am ({member})")
        return
    lag = (dcs.end - copy.end) * WAL_BYTES
    if copy.stopped or lag > int(dcs.config.get("maximum_lag_on_failover", 1_048_576)):
        agent.say(world.now_s, "following new leader after trying and failing to obtain lock")
        return
    better = [
        m
        for m, a in cluster.agents.items()
        if m != member and a.dcs == agent.dcs and not a.off and a.hung_s is None and runs(world, m)
        and reaches(world, agent.place, a.place) and _further(world, cluster, m, member)
    ]  # fmt: skip
    if better:
        agent.say(world.now_s, f"my wal position is behind that of {better[0]}")
        return
    promote(world, cluster, member, dcs)
    agent.say(world.now_s, "promoted self to leader by acquiring session lock")


def _further(world: World, cluster: Cluster, other: str, member: str) -> bool:
    a, b = node(world, cluster, other), node(world, cluster, member)
    return not a.stopped and (a.follows, a.end) > (b.follows, b.end)


def _second_primary(world: World, cluster: Cluster, member: str, agent: Agent, dcs: Dcs) -> None:
    """It takes writes and another one has the key."""
    if dcs.config.get("pause"):
        agent.say(world.now_s, "PAUSE: continue to run as primary without lock")
        return
    agent.say(world.now_s, "demoting self because I do not have the lock and I was a leader")
    demote(world, cluster, member)


def stop(world: World, cluster: Cluster, member: str, why: str) -> None:
    """Nothing of PostgreSQL and Patroni runs on the node any more; its disk stays as it is."""
    agent = cluster.agents[member]
    demote(world, cluster, member)
    agent.off, agent.state, agent.hung_s = True, STOPPED, None
    world.reach.down[member] = why
    dcs = cluster.dcs[agent.dcs]
    if dcs.owner == member and reaches(world, agent.place, next(iter(dcs.members))):
        dcs.renewed_s = min(dcs.renewed_s, world.now_s)


def start(world: World, cluster: Cluster, member: str, why: str) -> None:
    """Patroni is started, or started again; it decides what PostgreSQL is."""
    agent = cluster.agents[member]
    if world.reach.down.get(member) == why:
        del world.reach.down[member]
    agent.off, agent.hung_s, agent.state, agent.next_s = False, None, RUNNING, world.now_s
    agent.blind_s = None
