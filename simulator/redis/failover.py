"""Nodes that go down, replicas that follow, and how a new master comes to be: Sentinel's rounds and the cluster's.

Times are those of the measured failover: 30 s until the master is subjectively down, 1.6 s more until the first
write on the new one (Sentinel's defaults); the cluster's node time-out is 15 s and its election a second.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING

from simulator.engine.streams import bits, key_of
from simulator.redis.state import PORT, SENTINEL_PORT, Deployment, Node, redis_of
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

LAG_S = 0.001  # of a replica whose link is fine
UNSENT = 1e18  # when a write arrives that could not be sent
DOWN_AFTER_S = 30.0
ELECTION = (  # (seconds after +sdown, the Sentinel's line); {m} master, {r} replica to promote, {o} another replica
    (0.0, "# +sdown master mymaster {m}"),
    (0.072, "# +odown master mymaster {m} #quorum 2/2"),
    (0.072, "# +new-epoch {e}"),
    (0.072, "# +try-failover master mymaster {m}"),
    (0.074, "# +vote-for-leader {s} {e}"),
    (0.165, "# +elected-leader master mymaster {m}"),
    (0.165, "# +failover-state-select-slave master mymaster {m}"),
    (0.255, "# +selected-slave slave {rc} {r} @ mymaster {m}"),
    (0.255, "* +failover-state-send-slaveof-noone slave {rc} {r} @ mymaster {m}"),
    (0.308, "* +failover-state-wait-promotion slave {rc} {r} @ mymaster {m}"),
    (0.757, "# +promoted-slave slave {rc} {r} @ mymaster {m}"),
    (0.757, "# +failover-state-reconf-slaves master mymaster {m}"),
    (0.826, "* +slave-reconf-sent slave {oc} {o} @ mymaster {m}"),
    (1.195, "# -odown master mymaster {m}"),
    (1.760, "* +slave-reconf-inprog slave {oc} {o} @ mymaster {m}"),
    (1.760, "* +slave-reconf-done slave {oc} {o} @ mymaster {m}"),
    (1.827, "# +failover-end master mymaster {m}"),
    (1.827, "# +switch-master mymaster {m} {r}"),
    (1.827, "* +slave slave {oc} {o} @ mymaster {r}"),
    (1.827, "* +slave slave {mc} {m} @ mymaster {r}"),
)  # fmt: skip
PROMOTED_S = 1.6  # after +sdown the new master takes writes
NODE_TIMEOUT_S, VOTE_S = 15.0, 1.0
T = {
    "down": Text(ru="redis: узел {0} не отвечает", en="redis: node {0} does not answer"),
    "up": Text(ru="redis: узел {0} снова работает", en="redis: node {0} runs again"),
    "new": Text(ru="redis: новый мастер {0}, прежний {1}", en="redis: the new master is {0}, it was {1}"),
    "lost": Text(ru="redis: на {0} не дошло записей: {1}", en="redis: writes that never reached {0}: {1}"),
}


def note(world: World, key: str, *values: object) -> None:
    world.note("redis", T[key].of(world.language).format(*values))


# -- replication


def ship(world: World, made: Deployment) -> None:
    """Hand what changed on masters to their replicas' links; a link that is cut keeps it waiting."""
    for node in made.nodes:
        changed = node.space.changed
        if not changed:
            continue
        if node.leads:
            for other in made.replicas_of(node):
                due = UNSENT if node.cut or other.cut else world.now_s + LAG_S
                for db, key in dict.fromkeys(changed):
                    entry = node.space.dbs.get(db, {}).get(key)
                    other.pending.append((due, db, key, deepcopy(entry)))
        changed.clear()


def resend(world: World, made: Deployment) -> None:
    """Links that hold again carry what could not be sent, if the master still runs."""
    for node in made.nodes:
        master = made.nodes[node.master]
        if not node.leads and master.up and not node.cut and not master.cut:
            node.pending = type(node.pending)(
                (min(due, world.now_s + LAG_S), db, key, entry) for due, db, key, entry in node.pending
            )


def arrive(world: World, made: Deployment) -> None:
    """Let replicas take what has reached them."""
    for node in made.nodes:
        if node.leads:
            continue
        master = made.nodes[node.master]
        linked = node.up and not node.cut and not master.cut
        if linked and master.up:
            node.heard_s = world.now_s
            node.offset = master.offset
        while node.pending and linked and node.pending[0][0] <= (world.now_s if master.up else master.down_s):
            _, db, key, entry = node.pending.popleft()
            if entry is None:
                node.space.drop(db, key)
            else:
                node.space.put(db, key, entry)
        node.space.changed.clear()


def follow(world: World, made: Deployment, node: Node, master: Node) -> None:
    """A node becomes a replica: it takes a full copy, and what only it had is gone."""
    ship(world, made)
    node.master = master.index
    node.space = deepcopy(master.space)
    node.space.changed.clear()
    node.pending.clear()
    node.slots = []
    for other in made.nodes:  # whoever followed it follows the master as well
        if other.master == node.index:
            other.master = master.index
    node.loading_until_s = world.now_s + 1.0
    node.offset, node.heard_s = master.offset, world.now_s


def hand_over(world: World, made: Deployment, node: Node) -> None:
    """A node that has become a master: writes that had not reached it are lost."""
    arrive(world, made)
    if node.pending:
        note(world, "lost", node.name, len(node.pending))
        node.pending.clear()
    node.space.changed.clear()


# -- nodes down and up


def take_down(world: World, made: Deployment, node: Node, why: str) -> None:
    ship(world, made)
    arrive(world, made)
    node.up, node.why, node.down_s = False, why, world.now_s
    note(world, "down", node.name)
    if node.leads and made.spec.mode != "standalone":
        made.run += 1
        wait = DOWN_AFTER_S if made.spec.mode == "sentinel" else NODE_TIMEOUT_S
        world.agenda.at(world.now_s + wait, "redis.missed", name=made.name, node=node.index, run=made.run)


def bring_up(world: World, made: Deployment, node: Node) -> None:
    """A node starts again: it loads its dump, and an old master finds that another leads now."""
    node.up, node.why, node.started_s = True, "", world.now_s
    node.loading_until_s = world.now_s + 3.0
    note(world, "up", node.name)
    leader = successor(made, node)
    if leader is not None:
        follow(world, made, node, leader)
        node.loading_until_s = world.now_s + 3.0
    elif node.leads and not made.replicas_of(node):
        node.space.clear()
        node.space.changed.clear()


def successor(made: Deployment, node: Node) -> Node | None:
    """Who leads in a node's place: the other master without Sentinel's cluster, or who has its slots."""
    if not node.leads or made.spec.mode == "standalone":
        return None
    if made.spec.mode == "sentinel":
        return next((o for o in made.nodes if o.leads and o is not node and o.up), None)
    return made.nodes[node.index + 1] if not node.slots and made.nodes[node.index + 1].leads else None


def on_missed(world: World, name: str, node: int, run: int) -> None:
    """The time-out is over: if the master is still away, the others elect."""
    made = redis_of(world)[name]
    master = made.nodes[node]
    if made.run != run or master.up or not master.leads:
        return
    best = best_replica(made, master)
    if made.spec.mode == "cluster":
        made.note(world.now_s, f"# Marking node {master.run_id} as failing (quorum reached).")
        if best is not None:
            when = world.now_s + VOTE_S
            world.agenda.at(when, "redis.promote", name=name, node=best.index, old=node, run=run)
        return
    made.epoch += 1
    if best is None:
        made.note(world.now_s, f"# +sdown master mymaster {master.address} {PORT}")
        made.note(
            world.now_s + 0.1, f"# -failover-abort-no-good-slave master mymaster {master.address} {PORT}"
        )
        world.agenda.at(world.now_s + 10.0, "redis.missed", name=name, node=node, run=run)
        return
    tell(made, master, best, world.now_s)
    world.agenda.at(world.now_s + PROMOTED_S, "redis.promote", name=name, node=best.index, old=node, run=run)


def best_replica(made: Deployment, master: Node) -> Node | None:
    """The replica that has most of the master's writes."""
    able = [o for o in made.replicas_of(master) if o.up and not o.cut]
    return min(able, key=lambda o: (len(o.pending), o.index)) if able else None


def tell(made: Deployment, master: Node, best: Node, t_s: float) -> None:
    """The Sentinels' log of a failover."""
    others = [o for o in made.replicas_of(master) if o is not best]
    colon = "{0}:{1}".format
    values = {
        "m": f"{master.address} {PORT}", "mc": f"{colon(master.address, PORT)}", "r": f"{best.address} {PORT}",
        "rc": colon(best.address, PORT), "e": made.epoch, "s": sentinel_id(made, 0),
    }  # fmt: skip
    values["r"] = f"{best.address} {PORT}"
    for after, line in ELECTION:
        if "{o" in line:
            for other in others:
                more = {"o": f"{other.address} {PORT}", "oc": colon(other.address, PORT)}
                made.note(t_s + after, line.format(**values, **more))
        else:
            made.note(t_s + after, line.format(**values))


def on_promote(world: World, name: str, node: int, old: int, run: int) -> None:
    made = redis_of(world)[name]
    if made.run == run and not made.nodes[node].leads:
        promote(world, made, made.nodes[node], made.nodes[old])


def promote(world: World, made: Deployment, node: Node, old: Node) -> None:
    """The replica leads from now on; the others follow it, the old master too when it is there."""
    ship(world, made)
    arrive(world, made)
    if node.pending:
        note(world, "lost", node.name, len(node.pending))
        node.pending.clear()
    node.master, node.slots = -1, old.slots
    old.slots = []
    if made.spec.mode == "cluster":
        made.epoch += 1
        made.note(world.now_s, f"# Failover election won: I'm the new master. configEpoch {made.epoch}")
    for other in made.nodes:
        if other.master == old.index and other is not node:
            other.master = node.index
    if old.up:
        follow(world, made, old, node)
    note(world, "new", node.name, old.name)


def sentinel_id(made: Deployment, number: int) -> str:
    key = key_of(7, "sentinel", made.name)
    return "".join(f"{bits(key, number * 4 + k):016x}" for k in range(3))[:40]


def sentinels(made: Deployment) -> list[tuple[str, str, int]]:
    """(id, address, port) of the three Sentinels."""
    base = made.nodes[0].address.rpartition(".")[0]
    return [(sentinel_id(made, n), f"{base}.{200 + n}", SENTINEL_PORT) for n in range(3)]


HANDLERS: dict[str, Callable[..., None]] = {"redis.missed": on_missed, "redis.promote": on_promote}
