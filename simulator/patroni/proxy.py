"""The proxy before the nodes, where there is one: it asks each agent whether its PostgreSQL is the primary.

`GET /primary` answers 200 only while the agent runs and holds the leader's key. An agent that hangs answers nothing, so
its node loses its clients within some checks, whatever its PostgreSQL goes on doing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import bridge
from simulator.patroni.state import leader_of, node, primaries, spec_of

if TYPE_CHECKING:
    from simulator.entities.replication import Copy
    from simulator.patroni.state import Agent, Cluster
    from simulator.world import World

INTER_S, FALL = 3.0, 3  # HAProxy's `inter 3s fall 3`; a node is back with the first good answer


def each_second(world: World, cluster: Cluster) -> None:
    """Ask, and take a node out after so many bad answers. Its sessions end (`on-marked-down shutdown-sessions`)."""
    if not spec_of(world, cluster).proxied:
        return
    for member, agent in cluster.agents.items():
        copy = node(world, cluster, member)
        if is_primary(world, cluster, member, agent):
            agent.denied_s = None
        elif agent.denied_s is None:
            agent.denied_s = world.now_s
        shunned = agent.denied_s is not None and world.now_s - agent.denied_s >= INTER_S * FALL
        if shunned != copy.shunned:
            bridge.catch_up(world)
            copy.shunned = shunned


def is_primary(world: World, cluster: Cluster, member: str, agent: Agent) -> bool:
    """Whether its agent answers 200."""
    if agent.off or agent.hung_s is not None:
        return False
    return leader_of(cluster.dcs[agent.dcs], world.now_s) == member


def served(world: World, cluster: Cluster) -> list[Copy]:
    """The primaries that clients are sent to."""
    return [copy for copy in primaries(world, cluster) if not copy.shunned]
