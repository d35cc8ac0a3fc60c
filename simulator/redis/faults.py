"""`chaos redis …`: faults of Redis by command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.redis import failover, info, load, sentinel
from simulator.redis.state import Deployment, Node, redis_of
from simulator.wording import Unknown

if TYPE_CHECKING:
    from simulator.world import World

FORMS = (
    "chaos redis down|up NODE",
    "chaos redis cut|join NODE",
    "chaos redis slow NODE SECONDS",
    "chaos redis full|room CACHE",
    "chaos redis nosave|save NODE",
    "chaos redis failover CACHE",
)
FULL = 0.6  # of what is held is what fits from then on: an eviction storm


def bring(world: World, words: list[str]) -> list[str]:
    """One fault; the commands that take it back. Raises Unknown, with what there is instead."""
    state = redis_of(world) if "redis" in world.rooms else {}
    kind, name = words[0], words[1] if len(words) > 1 else ""
    if kind in ("full", "room", "failover"):
        made = state.get(name)
        if made is None:
            raise Unknown(name, list(state))
        return _of_deployment(world, kind, made)
    nodes = {node.name: (made, node) for made in state.values() for node in made.nodes}
    if name not in nodes:
        raise Unknown(name, list(nodes))
    made, node = nodes[name]
    if kind == "slow":
        load.block(world, made, node, min(60.0, max(0.0, float(words[2]) if len(words) > 2 else 1.0)))
        return []
    return _of_node(world, kind, made, node)


def _of_deployment(world: World, kind: str, made: Deployment) -> list[str]:
    if kind == "failover":
        master = sentinel.leader(made)
        best = failover.best_replica(made, master)
        if best is not None:
            failover.promote(world, made, best, master)
        return []
    for node in made.masters():
        limit = made.spec.maxmemory_mb * (1 << 20) // made.spec.masters
        if kind == "full":
            limit = int(info.used_memory(made, node) * FULL)
        node.config["maxmemory"] = str(limit)
    load.configured(world, made)
    return [f"chaos redis room {made.name}"] if kind == "full" else []


def _of_node(world: World, kind: str, made: Deployment, node: Node) -> list[str]:
    back = {"down": "up", "cut": "join", "nosave": "save"}
    if kind == "down" and node.up:
        failover.take_down(world, made, node, "chaos")
    elif kind == "up" and not node.up:
        failover.bring_up(world, made, node)
    elif kind in ("cut", "join"):
        failover.ship(world, made)
        failover.arrive(world, made)
        node.cut = kind == "cut"
        failover.resend(world, made)
    elif kind in ("nosave", "save"):
        node.save_fails = kind == "nosave"
    load.feel(world, made)
    return [f"chaos redis {back[kind]} {node.name}"] if kind in back else []
