"""The arithmetic of the Deployment controller: which ReplicaSet should have how many pods next.

Pure functions over sizes; they follow the real controller step by step (apps/v1 rolling update,
proportional scaling, clean-up of unhealthy old pods). Nothing here touches pods or time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.kubernetes.state import Deployment, ReplicaSet

Step = list[tuple[ReplicaSet, int]]  # ReplicaSets and their new sizes; empty: nothing to do


@dataclass(frozen=True)
class View:
    """A deployment's ReplicaSets as one look of its controller sees them."""

    deployment: Deployment
    new: ReplicaSet
    olds: Sequence[ReplicaSet]  # oldest first
    available: Mapping[str, int]  # by ReplicaSet name

    @property
    def every(self) -> list[ReplicaSet]:
        return [self.new, *self.olds]

    @property
    def total(self) -> int:
        return sum(rs.replicas for rs in self.every)

    @property
    def ceiling(self) -> int:
        """Pods allowed at once."""
        wanted = self.deployment.replicas
        return wanted + self.deployment.strategy.surge(wanted) if wanted > 0 else 0

    @property
    def floor(self) -> int:
        """Available pods needed at any time."""
        wanted = self.deployment.replicas
        return wanted - self.deployment.strategy.unavailable(wanted)


def scale_step(view: View) -> Step:
    """What a changed `spec.replicas` asks for, before any rollout; also when paused."""
    if all(rs.replicas == 0 or rs.desired == view.deployment.replicas for rs in view.every):
        return []
    step = _scale(view)
    for replicaset in view.every:
        replicaset.desired, replicaset.ceiling = view.deployment.replicas, view.ceiling
    return step


def rollout_step(view: View) -> Step:
    """What the strategy does next at this look."""
    if view.deployment.strategy.paused:
        return []
    if view.deployment.strategy.kind == "Recreate":
        return _recreate(view)
    return _grow_new(view) or _shrink_old(view)


def _grow_new(view: View) -> Step:
    """The new ReplicaSet takes what the surge leaves."""
    wanted = view.deployment.replicas
    if view.new.replicas > wanted:
        return [(view.new, wanted)]
    room = min(view.ceiling - view.total, wanted - view.new.replicas)
    return [(view.new, view.new.replicas + room)] if room > 0 else []


def _shrink_old(view: View) -> Step:
    """Old pods go as far as availability allows, unhealthy ones first."""
    pending = view.new.replicas - view.available.get(view.new.name, 0)
    allowed = view.total - view.floor - pending
    olds = sorted((rs for rs in view.olds if rs.replicas > 0), key=lambda rs: rs.created_s)
    if allowed <= 0 or not olds:
        return []
    sizes = {rs.name: rs.replicas for rs in olds}
    for replicaset in olds:
        unhealthy = sizes[replicaset.name] - view.available.get(replicaset.name, 0)
        cut = min(max(unhealthy, 0), allowed)
        sizes[replicaset.name] -= cut
        allowed -= cut
    spare = sum(view.available.get(rs.name, 0) for rs in view.every) - view.floor
    for replicaset in olds:
        cut = min(sizes[replicaset.name], max(spare, 0))
        sizes[replicaset.name] -= cut
        spare -= cut
    return [(rs, sizes[rs.name]) for rs in olds if sizes[rs.name] != rs.replicas]


def _recreate(view: View) -> Step:
    if any(rs.replicas > 0 for rs in view.olds):
        return [(rs, 0) for rs in view.olds if rs.replicas > 0]
    wanted = view.deployment.replicas
    return [(view.new, wanted)] if view.new.replicas != wanted else []


def _scale(view: View) -> Step:
    """`spec.replicas` changed: one active ReplicaSet takes it, several share it in proportion."""
    wanted = view.deployment.replicas
    active = [rs for rs in view.every if rs.replicas > 0]
    if len(active) == 1:
        return [(active[0], wanted)] if active[0].replicas != wanted else []
    to_add = view.ceiling - sum(rs.replicas for rs in active)
    # The largest first; of equals the newest grows and the oldest shrinks.
    age = -1.0 if to_add > 0 else 1.0
    ordered = sorted(active, key=lambda rs: (-rs.replicas, age * rs.created_s))
    added, sizes = 0, []
    for replicaset in ordered:
        part = _proportion(view, replicaset, to_add, added)
        sizes.append(replicaset.replicas + part)
        added += part
    if sizes and to_add:
        sizes[0] = max(sizes[0] + to_add - added, 0)
    return [(rs, size) for rs, size in zip(ordered, sizes, strict=True) if size != rs.replicas]


def _proportion(view: View, replicaset: ReplicaSet, to_add: int, added: int) -> int:
    if to_add in (0, added):
        return 0
    if view.deployment.replicas == 0:
        fraction = -replicaset.replicas
    else:
        annotated = replicaset.ceiling or view.total
        exact = replicaset.replicas * view.ceiling / annotated
        fraction = math.floor(exact + 0.5) - replicaset.replicas
    allowed = to_add - added
    return min(fraction, allowed) if to_add > 0 else max(fraction, allowed)
