"""`chaos patroni …`: agents that hang, nodes promoted by hand, an etcd that was parted in two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.patroni import agents, state
from simulator.wording import Unknown

if TYPE_CHECKING:
    from simulator.world import World

KINDS = ("hang", "promote", "new-dcs")


def bring(world: World, words: list[str]) -> list[str]:
    """One fault. Raises Unknown."""
    kind, name = words[0], words[1] if len(words) > 1 else ""
    if kind not in KINDS:
        raise Unknown(kind, list(KINDS))
    for cluster in state.rooms(world).values():
        if kind == "new-dcs" and state.part(world, cluster, name):
            return []
        if kind != "new-dcs" and name in cluster.agents:
            if kind == "hang":
                cluster.agents[name].hung_s = world.now_s
            elif not state.node(world, cluster, name).leads:
                agents.promote(world, cluster, name, None)
            return []
    known = [m for c in state.rooms(world).values() for m in (c.dcs_of if kind == "new-dcs" else c.agents)]
    raise Unknown(name, known)
