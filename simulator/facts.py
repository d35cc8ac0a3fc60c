"""What can be said about a run afterwards, and the marks a world sets while it runs. Numbers only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from simulator import invariants
from simulator.engine.plane import History
from simulator.scenario import Focus, Postgres, Scenario, Text, Worker

if TYPE_CHECKING:
    from simulator.world import World

BUDGET_DAYS = 30
SMOOTH_S = 10  # the SLI is judged over ten seconds: one second of 1,200 requests is noise
UNCOUNTED = "uncounted"  # the policy that names traffic classes which are played for their load only
DRAINED = 50.0  # fewer parked payments than this is an empty queue (0.04 s of traffic)


@dataclass
class Watch:
    """Marks of a running incident; None: not yet."""

    broken_s: float | None = None
    healthy_since_s: float | None = None
    resolved_s: float | None = None
    breaker_seen: int = 0
    full_pools: tuple[str, ...] = ()
    backlog: bool = False
    next_look_s: float = 0.0  # when the invariants are looked at again
    unsound: bool = False  # an invariant was seen broken
    suspect: str = ""  # which one, the last time


LOOK_S = 15.0  # how often, while only an invariant stands against the end of the incident
IDLE_LOOK_S = 60.0  # how often while nothing is known to be wrong

TEXTS = {
    "pool": Text(
        ru="{pool}: заняты все соединения, {n} из {n}", en="{pool}: all {n} of {n} connections busy"
    ),
    "pool_free": Text(
        ru="{pool}: в пуле снова есть свободные соединения", en="{pool}: the pool has free connections again"
    ),
    "breaker": Text(ru="{worker}: CircuitBreaker → {state}", en="{worker}: CircuitBreaker → {state}"),
    "drained": Text(ru="очередь отложенных запросов разобрана", en="the queue of parked requests is drained"),
    "broken": Text(ru="успешность {cls} ниже {level:.1%}", en="success of {cls} fell below {level:.1%}"),
    "healthy": Text(
        ru="успешность {cls} снова не ниже {level:.1%}", en="success of {cls} is back at {level:.1%} or more"
    ),
    "resolved": Text(
        ru="инцидент закрыт: {minutes:.0f} минут подряд SLI в норме, очередь пуста, данные сходятся",
        en="incident resolved: the SLI was healthy for {minutes:.0f} minutes, the queue is empty, the data add up",
    ),
}


@lru_cache(maxsize=256)
def outcomes(name: str) -> tuple[str, ...]:
    """The columns of what can become of a class's requests, success first."""
    return tuple(f"class/{name}/{kind}" for kind in ("ok", "declined", "rejected", "timeout", "error"))


def failures(history: History, name: str, first: int = 0) -> list[float]:
    """Technical failures of a class by second, from second `first` on: refused, timed out, in error."""
    columns = [history.column(f"class/{name}/{kind}")[first:] for kind in ("rejected", "timeout", "error")]
    return [math.fsum(values) for values in zip(*columns, strict=True)]


def success(history: History, name: str, first: int = 0) -> list[float]:
    """Share of a class's finished requests that succeeded, by second from `first` on; 1.0 where none finished."""
    ok = history.column(f"class/{name}/ok")[first:]
    declined = history.column(f"class/{name}/declined")[first:]
    rates = []
    for good, refused, bad in zip(ok, declined, failures(history, name, first), strict=True):
        total = good + refused + bad
        rates.append(good / total if total > 0 else 1.0)
    return rates


CURVE_POINTS = 180  # over a scenario's whole length: what a plot has room for


def curve(world: World) -> dict[str, Any]:
    """The SLI over the run: means of `curve_step_s` seconds each from second 0, the step the scenario's own,
    so that curves of two runs lie over each other point by point."""
    step = max(1, math.ceil(world.scenario.duration_s / CURVE_POINTS))
    rates = success(world.plane.history, world.scenario.sli.traffic_class)
    parts = [rates[n : n + step] for n in range(0, len(rates), step)]
    return {
        "success_curve": [round(math.fsum(part) / len(part), 4) for part in parts],
        "curve_step_s": step,
    }


def smoothed(history: History, name: str, second: int) -> float:
    """Success over the last SMOOTH_S seconds up to and with `second`."""
    first, after = max(0, second - SMOOTH_S + 1), second + 1
    parts = [math.fsum(history.column(key)[first:after]) for key in outcomes(name)]
    ok, declined, rejected, timeout, error = parts
    bad = declined + rejected + timeout + error
    return ok / (ok + bad) if ok + bad > 0 else 1.0


def backlog(history: History, scenario: Scenario) -> float:
    """Everything the workers have parked now."""
    names = [n for n, c in scenario.components.items() if isinstance(c, Worker)]
    return math.fsum(history.last(f"worker/{n}/backlog") for n in names)


def observe(world: World) -> None:
    """Once a second: notice what a person at the dashboards would write into the timeline."""
    history = world.plane.history
    if history.seconds == 0:
        return
    _breakers(world)
    _pools(world)
    watch, sli = world.watch, world.scenario.sli
    level = smoothed(history, sli.traffic_class, history.seconds - 1)
    parked = backlog(history, world.scenario)
    if watch.backlog and parked < DRAINED:
        watch.backlog = False
        _say(world, "drain", "drained")
    watch.backlog = watch.backlog or parked > 20 * DRAINED
    if level < sli.healthy:
        if watch.broken_s is None or watch.healthy_since_s is not None:
            _say(world, "sli", "broken", cls=sli.traffic_class, level=sli.healthy)
        watch.broken_s = world.now_s if watch.broken_s is None else watch.broken_s
        watch.healthy_since_s = watch.resolved_s = None
    elif watch.broken_s is not None and watch.healthy_since_s is None:
        watch.healthy_since_s = world.now_s
        _say(world, "sli", "healthy", cls=sli.traffic_class, level=sli.healthy)
    if parked < DRAINED:
        _close(world)


def _close(world: World) -> None:
    """End the incident once the SLI has held long enough and the books add up; look at them now and then.

    An incident may have broken books and a healthy SLI throughout; nobody is told, that is the player's to find.
    """
    watch, hold_s = world.watch, world.scenario.sli.hold_s
    if watch.resolved_s is not None or (watch.broken_s is not None and watch.healthy_since_s is None):
        return
    since = watch.healthy_since_s or 0.0
    if world.now_s - since < hold_s or world.now_s < watch.next_look_s:
        return
    watch.suspect = invariants.first_broken(world, watch.suspect)
    sound = not watch.suspect
    watch.next_look_s = world.now_s + (LOOK_S if watch.broken_s is not None or watch.unsound else IDLE_LOOK_S)
    if sound and (watch.broken_s is not None or watch.unsound):
        watch.resolved_s = world.now_s
        _say(world, "resolved", "resolved", minutes=hold_s / 60)
    watch.unsound = watch.unsound or not sound


def _breakers(world: World) -> None:
    changes = world.plane.breaker_changes()
    if len(changes) == world.watch.breaker_seen:
        return
    for t_s, worker, state in changes[world.watch.breaker_seen :]:
        world.note("breaker", TEXTS["breaker"].of(world.language).format(worker=worker, state=state), t_s)
    world.watch.breaker_seen = len(changes)


def _pools(world: World) -> None:
    plane, full = world.plane, list(world.watch.full_pools)
    for pool, limit in zip(plane.network.pools, plane.pool_limits, strict=True):
        since = plane.pool_full_since(pool.name)
        if since is not None and pool.name not in full:
            full.append(pool.name)
            text = TEXTS["pool"].of(world.language).format(pool=pool.name, n=limit)
            world.note("pool", text, since)
        elif since is None and pool.name in full:
            full.remove(pool.name)
            _say(world, "pool", "pool_free", pool=pool.name)
    world.watch.full_pools = tuple(full)


def _say(world: World, kind: str, key: str, **values: Any) -> None:
    world.note(kind, TEXTS[key].of(world.language).format(**values))


def collect(world: World, checks: dict[str, dict[str, Any]] | None = None) -> dict[str, Any]:
    """The facts of a run: absolute simulated seconds, counts, shares; None: it did not happen.

    `checks` is `invariants.check` of the same world, if it is there already.
    """
    history, scenario = world.plane.history, world.scenario
    name = scenario.sli.traffic_class
    failed = math.fsum(failures(history, name))
    offered = math.fsum(history.column(f"class/{name}/offered"))
    levels = [smoothed(history, name, s) for s in range(history.seconds)]
    broken = next((s for s, v in enumerate(levels) if v < scenario.sli.healthy), None)
    back = _last_recovery(levels, scenario.sli.healthy) if broken is not None else None
    pages = [i.paged_s for i in world.pager.incidents if i.paged_s is not None]
    urgent = [i.paged_s for i in world.pager.incidents if i.paged_s is not None and i.severity == "P1"]
    share = scenario.traffic.classes[name].share if name in scenario.traffic.classes else 1.0
    budget = scenario.traffic.rps * share * BUDGET_DAYS * 86_400 * (1 - scenario.sli.target)
    return {
        "started_s": None if broken is None else float(broken),
        "detected_s": min(pages, default=None),
        "p1_paged_s": min(urgent, default=None),
        "mitigated_s": back,
        "recovered_s": _recovered(history, scenario, back),
        "failed_requests": round(failed),
        "offered_requests": round(offered),
        "failed_share": failed / offered if offered else 0.0,
        "error_budget_burned": failed / budget,
        "success_min": min(levels, default=1.0),
        "pool_exhausted_s": next((e.t_s for e in world.events if e.kind == "pool"), None),
        "pending_max": max(
            (max(c, default=0.0) for c in _main_pools(history, scenario, "waiting")), default=0.0
        ),
        "backlog_max": max((max(c, default=0.0) for c in _backlogs(history, scenario)), default=0.0),
        "others_failed": round(_others_failed(world, history, scenario)),
        "connections_refused": round(
            math.fsum(max(c, default=0.0) for c in _all_pools(history, scenario, "refused"))
        ),
        **_story(world, levels, broken),
        "database_cpu_max": max(
            (max(history.column(f"db/{d}/cpu"), default=0.0) for d in scenario.databases()), default=0.0
        ),
        **violations(world, invariants.check(world) if checks is None else checks),
    }


def violations(world: World, checks: dict[str, dict[str, Any]]) -> dict[str, int]:
    """How much of what the scenario declares is violated: `violations` in all, `violated.NAME` of each.

    `violated.NAME.by`: where amounts are compared, by how much they are off in all. A row that is damaged once stays one
    damaged row, however long the damage goes on; what is missing from it grows.
    Single orders count by their weights, so the numbers are those of the world and not of the sample.
    """
    declared = world.scenario.invariants
    if not declared:
        return {}
    counts, sizes = {}, {}
    for name in declared:
        state = checks[name]
        told = round(state.get("count") or 0) or len(state["violations"])
        counts[f"violated.{name}"] = 0 if state["ok"] else max(1, told)
        if "off_by" in state:
            sizes[f"violated.{name}.by"] = state["off_by"]
    return {"violations": sum(counts.values()), **counts, **sizes}


def _story(world: World, levels: list[float], broken: int | None) -> dict[str, Any]:
    """What a write-up of the incident may mention: when things were done, sizes, typical values."""
    scenario, history = world.scenario, world.plane.history
    focus = scenario.focus
    waiting = sorted(v for v in history.column(f"pool/{focus.database}/waiting") if v > 1.0)
    before = levels[SMOOTH_S : broken if broken is not None else None]
    database = scenario.databases().get(focus.database)
    return {
        "success_before": math.fsum(before) / len(before) if before else None,
        **_release(world, focus),
        "pool_limit": None if database is None else database.pool.limit,
        "pending_typical": waiting[len(waiting) // 2] if waiting else None,
        "rps": scenario.traffic.rps,
    }


def _release(world: World, focus: Focus) -> dict[str, Any]:
    """When the bad release came and went and what it asks of the database; nothing where no release is to blame."""
    if focus.good_version == focus.bad_version:
        names = (
            "deploy_s",
            "rollback_s",
            "rollout_done_s",
            "queries_before",
            "queries_after",
            "queries_extra",
        )
        return dict.fromkeys(names)
    told = [e for e in world.events if e.text.startswith(f"{focus.service}: ")]
    # A restart, and whatever was deployed elsewhere, neither begins the release nor takes it back.
    moves = [e for e in told if e.kind == "deploy" and " -> " in e.text]
    came = next((n for n, e in enumerate(moves) if f" -> {focus.bad_version}" in e.text), len(moves))
    went = (e.t_s for e in moves[came + 1 :] if f" -> {focus.bad_version}" not in e.text)
    done = [e.t_s for e in told if e.kind == "rollout"]
    versions = world.scenario.services()[focus.service].versions
    after, good = versions[focus.bad_version].queries, versions[focus.good_version].queries
    return {
        "deploy_s": moves[came].t_s if came < len(moves) else None,
        "rollback_s": next(went, None),
        "rollout_done_s": next((t for t in done[1:2]), None),
        "queries_before": good,
        "queries_after": after,
        "queries_extra": after - good,
    }


def _last_recovery(levels: list[float], healthy: float) -> float | None:
    """Start of the healthy stretch that lasts to the end; None if the end is not healthy."""
    if not levels or levels[-1] < healthy:
        return None
    s = len(levels) - 1
    while s > 0 and levels[s - 1] >= healthy:
        s -= 1
    return float(s)


def _recovered(history: History, scenario: Scenario, back: float | None) -> float | None:
    """When recovery was complete: SLI back for good, breakers closed, parked requests drained."""
    if back is None:
        return None
    workers = [n for n, c in scenario.components.items() if isinstance(c, Worker)]
    last_busy = int(back) - 1
    for name in workers:
        parked, breaker = history.column(f"worker/{name}/backlog"), history.column(f"worker/{name}/breaker")
        for s in range(len(parked) - 1, last_busy, -1):
            if parked[s] >= DRAINED or (breaker[s] and parked[s] > 0.5):
                last_busy = s
                break
    return None if last_busy >= history.seconds - 1 else float(last_busy + 1)


def _main_pools(history: History, scenario: Scenario, what: str) -> list[Any]:
    return [history.column(f"pool/{d}/{what}") for d in scenario.databases()]


def _all_pools(history: History, scenario: Scenario, what: str) -> list[Any]:
    names = [n for d, c in scenario.databases().items() if isinstance(c, Postgres) for n in (d, *c.clients)]
    return [history.column(f"pool/{n}/{what}") for n in names]


def _backlogs(history: History, scenario: Scenario) -> list[Any]:
    workers = [n for n, c in scenario.components.items() if isinstance(c, Worker)]
    return [history.column(f"worker/{n}/backlog") for n in workers]


def _others_failed(world: World, history: History, scenario: Scenario) -> float:
    """Technical failures of every other traffic class: the price the neighbours pay."""
    total = 0.0
    uncounted = world.policies.get(UNCOUNTED, ())
    for name in scenario.traffic.classes:
        if name != scenario.sli.traffic_class and name not in uncounted:
            total += math.fsum(failures(history, name))
    return total
