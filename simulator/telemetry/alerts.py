"""Prometheus's rules and Alertmanager's routing: when an alert pends, fires, pages and resolves.

Every step is a record of the agenda. The incidents themselves are the pager's (pager.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from simulator.engine.agenda import NS, to_ns
from simulator.scenario import Alerting, AlertRule, ScenarioError
from simulator.telemetry import people, promql
from simulator.telemetry.pager import Active, Group, Incident, Pager, log, say
from simulator.telemetry.promql_functions import QueryError, Vector, without_name

if TYPE_CHECKING:
    from simulator.world import World

GROUP_INTERVAL_S = 300.0  # Alertmanager's default group_interval
REPEAT_S = 4 * 3600.0  # and repeat_interval
ESCALATE_S = 300.0  # nobody acknowledged: the next person, as pagers are usually set up
ESCALATES = ("P1", "P2")  # what wakes people
LEVELS = ("secondary", "engineering manager")
OFFSET_SHARE = 1 / 3  # of the interval: rules are never evaluated at the very moment of a scrape


def start(world: World) -> None:
    """Arm the evaluation. Raises ScenarioError when a rule's expression is wrong."""
    alerting = world.scenario.alerting
    for name, rule in alerting.rules.items():
        try:
            promql.compile_query(rule.expr)
        except QueryError as error:
            raise ScenarioError(
                f"scenario {world.scenario.id}: alerting.rules.{name}.expr: {error}"
            ) from None
    world.agenda.at(alerting.evaluate_s * OFFSET_SHARE, "telemetry.evaluate")


def evaluate(world: World) -> None:
    """One evaluation of all rules, and the next one scheduled."""
    alerting = world.scenario.alerting
    world.agenda.at(world.now_s + alerting.evaluate_s, "telemetry.evaluate")
    for name, rule in alerting.rules.items():
        _evaluate_rule(world, name, rule)


def moments(alerting: Alerting, until_s: float) -> Iterator[float]:
    """The seconds at which rules are evaluated, up to `until_s`."""
    ns = to_ns(alerting.evaluate_s * OFFSET_SHARE)
    while ns / NS <= until_s:
        yield ns / NS
        ns = to_ns(ns / NS + alerting.evaluate_s)


def result_of(world: World, rule: AlertRule, at_s: float) -> Vector:
    """What a rule's expression returns at a second that was; one that fails returns nothing and keeps going."""
    epoch_s = world.scenario.starts_at.timestamp()
    try:
        result = promql.instant(world.telemetry, rule.expr, at_s, epoch_s, world.scenario.alerting.evaluate_s)
    except QueryError:  # e.g. duplicate series while two versions run: Prometheus logs it and goes on
        return []
    if result.kind == "scalar":
        return [({}, result.value)]
    return result.value if result.kind == "vector" else []


def _evaluate_rule(world: World, name: str, rule: AlertRule) -> None:
    pager: Pager = world.pager
    known = {tuple(sorted(a.labels.items())): a for a in pager.active.get(name, [])}
    now: list[Active] = []
    for labels, value in result_of(world, rule, world.now_s):
        full = {**without_name(labels), "alertname": name, "severity": rule.severity}
        if rule.service:
            full.setdefault("service", rule.service)
        alert = known.get(tuple(sorted(full.items()))) or Active(full, world.now_s, value)
        alert.value = value
        if alert.firing_s is None and world.now_s - alert.since_s >= rule.for_s - 1e-9:
            alert.firing_s = world.now_s
        now.append(alert)
    if now or name in pager.active:
        pager.active[name] = now
    firing = [a for a in now if a.firing_s is not None]
    group = pager.groups.get(name)
    if firing and group is None:
        _fire(world, name, rule)
    elif group is not None:
        incident = _incident(pager, group)
        if firing and incident.resolved_s is not None:  # again before the resolve notice went out
            incident.resolved_s = None
            world.note("alert", f"{name} firing")
        elif not firing and incident.resolved_s is None:
            incident.resolved_s = world.now_s
            world.note("alert", f"{name} resolved")


def _incident(pager: Pager, group: Group) -> Incident:
    incident = pager.incident(group.incident)
    assert incident is not None
    return incident


def _fire(world: World, name: str, rule: AlertRule) -> None:
    pager: Pager = world.pager
    incident = pager.create(name, rule.severity, rule.service, rule.summary, world.now_s)
    flush_s = world.now_s + world.scenario.alerting.group_wait_s
    pager.groups[name] = Group(incident.id, flush_s)
    world.note("alert", f"{name} firing ({rule.severity}): {rule.summary.of(world.language)}")
    world.agenda.at(flush_s, "telemetry.flush", alert=name)


def flush(world: World, alert: str) -> None:
    """A group's notification: page, repeat, say it is over, or stay silent; then wait an interval."""
    pager: Pager = world.pager
    group = pager.groups[alert]
    incident = _incident(pager, group)
    if incident.resolved_s is not None:
        if incident.paged_s is not None:
            log(world, incident, "alertmanager", say(world, "resolved", incident))
        del pager.groups[alert]
        return
    if not silenced(world, alert):
        if incident.paged_s is None:
            _page(world, incident)
        elif incident.notified_s is not None and world.now_s - incident.notified_s >= REPEAT_S:
            incident.notified_s = world.now_s
            log(world, incident, "alertmanager", say(world, "again", incident))
    group.flush_s = world.now_s + GROUP_INTERVAL_S
    world.agenda.at(group.flush_s, "telemetry.flush", alert=alert)


def _page(world: World, incident: Incident) -> None:
    incident.paged_s = incident.notified_s = world.now_s
    log(world, incident, "alertmanager", say(world, "page", incident))
    if incident.severity in ESCALATES:
        world.agenda.at(world.now_s + ESCALATE_S, "telemetry.escalate", incident=incident.id, level=0)


def silenced(world: World, alert: str) -> bool:
    """Whether every firing alert of the name is covered by a silence."""
    pager: Pager = world.pager
    firing = [a for a in pager.active.get(alert, []) if a.firing_s is not None]
    return bool(firing) and all(any(s.covers(a.labels, world.now_s) for s in pager.silences) for a in firing)


def escalate(world: World, incident: str, level: int) -> None:
    """Nobody took the page: the next one is called."""
    found = world.pager.incident(incident)
    assert found is not None
    if found.acked_s is not None or found.resolved_s is not None:
        return
    minutes = round(ESCALATE_S * (level + 1) / 60)
    log(world, found, "pager", say(world, "escalated", found, minutes=minutes, who=LEVELS[level]))
    if level + 1 < len(LEVELS):
        world.agenda.at(world.now_s + ESCALATE_S, "telemetry.escalate", incident=incident, level=level + 1)


HANDLERS: dict[str, Callable[..., None]] = {
    "telemetry.evaluate": evaluate,
    "telemetry.flush": flush,
    "telemetry.escalate": escalate,
    "telemetry.answer": people.answer,
}
