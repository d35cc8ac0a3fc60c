"""Services that only callers with slots of their own can come to: a closed loop with so many in it at most.

When the callers' slots are all taken nobody else comes: how many are at such a service then varies with how many of the
callers are elsewhere, not with the chance of the whole world.
"""

import math
from collections.abc import Sequence

from simulator.engine.network import ENTER, Network


def sole_callers(net: Network, holds_s: Sequence[float]) -> list[int]:
    """By group: the one group whose slots are held by all who come to it; -1 where others come, or callers leave earlier.

    `holds_s`: how long a slot of each group is held, about.
    """
    return [_sole_caller(net, g, holds_s[g]) for g in range(len(net.groups))]


def _sole_caller(net: Network, g: int, hold_s: float) -> int:
    callers: set[int] = set()
    patience = math.inf
    for node in net.nodes:
        if node.kind != ENTER or all(group != g for group, _ in node.branches):
            continue
        while not node.held:
            spec = net.scopes[node.scope]
            if spec.owner < 0:
                return -1
            patience = min(patience, spec.timeout_s)
            node = net.nodes[spec.owner]
        callers.add(node.held[-1])
    if len(callers) != 1:
        return -1
    caller, own = net.groups[min(callers)], net.groups[g]
    slots = own.pods * own.limit_per_pod
    if not slots or caller.pods * caller.limit_per_pod / slots * hold_s >= patience:
        return -1  # not all of them can be served before some leave, and those who left are inside still
    return min(callers)
