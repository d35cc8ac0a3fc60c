"""Checkers that read the world itself rather than the history of its entities: what is served now, what was lost."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.backups import state as backups
from simulator.entities import checkers
from simulator.entities.verdicts import Verdict, Violation
from simulator.patroni.checks import one_timeline
from simulator.planning import review
from simulator.postgres import checks

if TYPE_CHECKING:
    from simulator.world import World


def class_served(world: World, traffic_class: str, at_least: float = 0.95, last_s: float = 60.0) -> Verdict:
    """Of a traffic class's requests so many succeeded lately: what was shed for a while is back."""
    history = world.plane.history
    first = max(0, history.seconds - round(last_s))
    base = f"class/{traffic_class}/"
    good, asked = (math.fsum(history.column(base + what)[first:]) for what in ("ok", "offered"))
    share = good / asked if asked > 0 else 1.0
    if share >= at_least:
        return Verdict(True)
    shown = f"{traffic_class} {share:.1%}"
    at_ns = round(world.now_s * 1e9)
    return Verdict(False, [Violation("below-level", history.seconds, at_ns, 0, f">={at_least:.0%}", shown)])


def lost_within(world: World, flow: str, table: str, most: float) -> Verdict:
    """Acknowledged entities whose row is gone count no more than `most` in all: a budget that was agreed on."""
    if world.entities is None:
        return Verdict(True)
    found = checkers.nothing_lost(world.ops, world.entities.audit(), flow, table)
    if found.weighted(world.entities.weights()) <= most:
        return Verdict(True)
    return found


WORLD_CHECKERS: dict[str, Callable[..., Verdict]] = {
    "class_served": class_served,
    "lost_within": lost_within,
    "one_timeline": one_timeline,
    "column_filled": checks.column_filled,
    "columns_agree": checks.columns_agree,
    "column_gone": checks.column_gone,
    "reads_from": checks.reads_from,
    "older_kept": checks.older_kept,
    "recoverable": backups.recoverable,
    "failed_within": checks.failed_within,
    "plan_complete": review.plan_complete,
}
