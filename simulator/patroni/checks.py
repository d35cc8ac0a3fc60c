"""What must hold of a database in the end: one node takes writes and all others follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.entities.verdicts import Verdict, Violation

if TYPE_CHECKING:
    from simulator.world import World


def one_timeline(world: World, store: str) -> Verdict:
    """Exactly one node of the store leads, and every other runs and follows it. Reads the state as it stands."""
    if world.entities is None:
        return Verdict(True)
    copies = world.entities.domain.stores[store].copies
    leaders = [c for c in copies if c.leads]
    epoch = max((c.leads for c in leaders), default=0)
    astray = [
        c.name
        for c in copies
        if c.name in world.reach.down or (c.leads != epoch if c.leads else c.follows != epoch or c.stopped)
    ]
    if len(leaders) == 1 and not astray:
        return Verdict(True)
    lead = max(leaders, key=lambda c: c.leads).name if leaders else "-"
    shown = ", ".join(astray) or "-"
    at = round(world.now_s * 1e9)
    return Verdict(False, [Violation("two-leaders", len(world.ops), at, 0, lead, shown)])
