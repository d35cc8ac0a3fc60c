"""Readings of a world over a span of time: what a fault moves, for the score and for its proof.

A name is `KIND.SUBJECT`; each kind has a unit, words in both languages, and a threshold from which on the score calls it
moved. Reading never changes a world.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.entities.history import FAIL, INVOKE, OK, Op
from simulator.entities.timers import SECOND
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

ENDS = ("ok", "declined", "rejected", "timeout", "error")


@dataclass(frozen=True)
class Probe:
    """`read(world, subject, first, last)` over the seconds first … last - 1. `least`: a change below it is noise."""

    read: Callable[[World, str, int, int], float]
    unit: str
    text: Text
    least: float
    ratio: float = 0.0  # and below so many times of what it was


def span(world: World, key: str, first: int, last: int) -> list[float]:
    column = world.plane.history.column(key)
    return list(column[max(0, first) : max(0, last)])


def total(world: World, keys: Iterable[str], first: int, last: int) -> float:
    return math.fsum(math.fsum(span(world, key, first, last)) for key in keys)


def mean(world: World, key: str, first: int, last: int) -> float:
    found = span(world, key, first, last)
    return math.fsum(found) / len(found) if found else 0.0


def _success(world: World, name: str, first: int, last: int) -> float:
    base = f"class/{name}/"
    good = total(world, (base + "ok", base + "declined"), first, last)
    ended = total(world, (base + end for end in ENDS), first, last)
    if ended > 0:
        return good / ended
    return 0.0 if total(world, (base + "offered",), first, last) > 0 else 1.0


def _offered(world: World, name: str, first: int, last: int) -> float:
    return mean(world, f"class/{name}/offered", first, last)


def _groups(world: World, service: str) -> list[str]:
    return [f"service/{g.label}/" for g in world.plane.network.groups if g.service == service]


def _time(world: World, service: str, first: int, last: int) -> float:
    """Mean time inside a service, by Little's law."""
    bases = _groups(world, service)
    inside = total(world, (b + "in_flight" for b in bases), first, last)
    done = total(world, (b + "requests" for b in bases), first, last)
    return 1000 * inside / done if done > 0 else (0.0 if inside <= 0 else 60_000.0)


def _errors(world: World, service: str, first: int, last: int) -> float:
    bases = _groups(world, service)
    bad = total(world, (b + what for b in bases for what in ("errors", "rejected", "shed")), first, last)
    done = total(world, (b + "requests" for b in bases), first, last)
    return bad / (bad + done) if bad > 0 else 0.0


def _pods(world: World, service: str, first: int, last: int) -> float:
    return math.fsum(mean(world, b + "pods", first, last) for b in _plain(world, service))


def _plain(world: World, service: str) -> list[str]:
    return list(dict.fromkeys(_groups(world, service)))


def _cpu(world: World, name: str, first: int, last: int) -> float:
    return mean(world, f"db/{name}/cpu", first, last)


def _queries(world: World, name: str, first: int, last: int) -> float:
    return mean(world, f"db/{name}/queries", first, last)


def _wait(world: World, name: str, first: int, last: int) -> float:
    return 1000 * (
        mean(world, f"pool/{name}/wait_s", first, last) + mean(world, f"db/{name}/latency_s", first, last)
    )


def _hit(world: World, name: str, first: int, last: int) -> float:
    hits = total(world, (f"cache/{name}/hits",), first, last)
    misses = total(world, (f"cache/{name}/misses",), first, last)
    return hits / (hits + misses) if hits + misses > 0 else 1.0


def _column(key: str, factor: float = 1.0) -> Callable[[World, str, int, int], float]:
    return lambda world, name, first, last: factor * mean(world, key.format(name), first, last)


def _worst(key: str) -> Callable[[World, str, int, int], float]:
    def read(world: World, name: str, first: int, last: int) -> float:
        return max(span(world, key.format(name), first, last), default=0.0)

    return read


def _replica(world: World, name: str, first: int, last: int) -> float:
    """The worst lag of a replica, whichever server it is of."""
    ends = [k for k in world.plane.history.keys() if k.startswith("postgres/") and k.endswith(f"/lag/{name}")]
    return max((max(span(world, key, first, last), default=0.0) for key in ends), default=0.0)


def _topic(what: str) -> Callable[[World, str, int, int], float]:
    """The sum over a topic's partitions."""

    def read(world: World, topic: str, first: int, last: int) -> float:
        assert world.entities is not None
        parts = len(world.entities.domain.topics[topic].partitions)
        return math.fsum(mean(world, f"kafka/topic/{topic}/{n}/{what}", first, last) for n in range(parts))

    return read


def _written(world: World, topic: str, first: int, last: int) -> float:
    assert world.entities is not None
    found = 0.0
    for n in range(len(world.entities.domain.topics[topic].partitions)):
        ends = span(world, f"kafka/topic/{topic}/{n}/end", first, last)
        found += (ends[-1] - ends[0]) / max(1, len(ends) - 1) if len(ends) > 1 else 0.0
    return found


def _flow(world: World, name: str, first: int, last: int) -> float:
    """Share of a flow's runs that failed, of those that ended."""
    good = bad = 0
    for op in _ended(world, first, last):
        if op.f == name and not isinstance(op.process, str) and op.type in (OK, FAIL):
            good, bad = good + (op.type == OK), bad + (op.type == FAIL)
    return bad / (good + bad) if good + bad else 0.0


def _done(world: World, name: str, first: int, last: int) -> float:
    """Runs of a flow, or effects of a step, that went well each second (those that are played)."""
    good = sum(1 for op in _ended(world, first, last) if op.f == name and op.type == OK)
    return good / max(1, last - first)


def _ended(world: World, first: int, last: int) -> list[Op]:
    low, high = first * SECOND, last * SECOND
    return [op for op in world.ops if low <= op.time_ns < high]


def _route(world: World, name: str, first: int, last: int) -> float:
    new = total(world, (f"route/{name}/new",), first, last)
    old = total(world, (f"route/{name}/old",), first, last)
    return new / (new + old) if new + old > 0 else 0.0


def _traffic(world: World, name: str, first: int, last: int) -> float:
    return mean(world, f"gslb/{name}/traffic", first, last)


def _broken(world: World, name: str, _first: int, _last: int) -> float:
    from simulator.faults.ledger import violations

    return float(violations(world).get(name, 0))


def _shard(world: World, name: str, first: int, last: int) -> float:
    """Share of a sharded database's queries that one shard has."""
    family = next(d.family for d in world.plane.network.databases if d.name == name)
    every = [
        f"db/{d.name}/queries"
        for d in world.plane.network.databases
        if d.family == family and d.name != family
    ]
    asked = total(world, every, first, last)
    return total(world, (f"db/{name}/queries",), first, last) / asked if asked > 0 else 0.0


def _attempts(world: World, service: str, first: int, last: int) -> float:
    return total(world, (b + "requests" for b in _groups(world, service)), first, last) / max(1, last - first)


def _waiting_pods(world: World, service: str, _first: int, _last: int) -> float:
    """Pods of a service that want to run and do not serve, now."""
    pods = world.kubernetes.pods.values()
    return float(sum(1 for p in pods if p.app == service and p.active and not p.ready))


def _took(world: World, flow: str, first: int, last: int) -> float:
    """Mean time of a flow's runs that ended, in ms."""
    begun: dict[object, int] = {}
    times: list[int] = []
    for op in world.ops:
        if op.f != flow or isinstance(op.process, str):
            continue
        if op.type == INVOKE:
            begun[op.process] = op.time_ns
        elif op.process in begun and first * SECOND <= op.time_ns < last * SECOND:
            times.append(op.time_ns - begun[op.process])
    return sum(times) / len(times) / 1e6 if times else 0.0


P = Probe
PROBES: dict[str, Probe] = {
    "success": P(_success, "%", Text(ru="успешность {0}", en="success of {0}"), 0.005),
    "offered": P(_offered, "/s", Text(ru="запросов {0}", en="requests of {0}"), 3.0, 1.15),
    "time": P(_time, "ms", Text(ru="время в {0}", en="time in {0}"), 2.0, 1.25),
    "errors": P(_errors, "%", Text(ru="ошибки {0}", en="errors of {0}"), 0.005),
    "pods": P(_pods, "", Text(ru="готовых подов {0}", en="ready pods of {0}"), 0.5),
    "unready": P(_waiting_pods, "", Text(ru="неготовых подов {0}", en="pods of {0} not ready"), 0.5),
    "attempts": P(_attempts, "/s", Text(ru="вызовов {0}", en="calls of {0}"), 5.0, 1.2),
    "cpu": P(_cpu, "%", Text(ru="CPU {0}", en="CPU of {0}"), 0.05),
    "queries": P(_queries, "/s", Text(ru="запросов к {0}", en="queries of {0}"), 5.0, 1.15),
    "wait": P(_wait, "ms", Text(ru="ожидание {0}", en="waiting for {0}"), 2.0, 1.3),
    "replica": P(_replica, "s", Text(ru="отставание {0}", en="lag of {0}"), 1.0),
    "kept": P(_column("postgres/{0}/kept", 1e-9), "GB", Text(ru="WAL {0}", en="WAL kept by {0}"), 0.3),
    "hit": P(_hit, "%", Text(ru="попадания {0}", en="hit ratio of {0}"), 0.12),
    "lag": P(_worst("kafka/group/{0}/lag"), "", Text(ru="лаг группы {0}", en="lag of group {0}"), 5.0),
    "members": P(_column("kafka/group/{0}/members"), "", Text(ru="участников {0}", en="members of {0}"), 0.5),
    "isr": P(_topic("isr"), "", Text(ru="ISR топика {0}", en="in-sync replicas of {0}"), 0.5),
    "written": P(_written, "/s", Text(ru="записей в {0}", en="records into {0}"), 0.5),
    "flow": P(_flow, "%", Text(ru="сбои цепочки {0}", en="failures of flow {0}"), 0.01),
    "done": P(_done, "/s", Text(ru="успехов {0}", en="successes of {0}"), 0.5),
    "route": P(_route, "%", Text(ru="доля нового пути {0}", en="share of the new way of {0}"), 0.02),
    "traffic": P(_traffic, "%", Text(ru="доля клиентов {0}", en="share of clients of {0}"), 0.05),
    "shard": P(_shard, "%", Text(ru="доля запросов {0}", en="share of queries of {0}"), 0.05),
    "took": P(_took, "ms", Text(ru="время цепочки {0}", en="time of flow {0}"), 20.0, 1.2),
    "master": P(_column("redis/{0}/master"), "", Text(ru="мастер {0}", en="master {0}"), 0.5),
    "broken": P(_broken, "", Text(ru="нарушений {0}", en="violations of {0}"), 1.0),
}  # fmt: skip


def read(world: World, name: str, first: int, last: int) -> float:
    kind, _, subject = name.partition(".")
    return PROBES[kind].read(world, subject, first, last)


def moved(name: str, before: float, after: float) -> bool:
    """Whether a reading changed by more than noise."""
    probe = PROBES[name.partition(".")[0]]
    if abs(after - before) < probe.least:
        return False
    low, high = sorted((abs(before), abs(after)))
    return not probe.ratio or high >= probe.ratio * low


def label(name: str, language: str) -> str:
    kind, _, subject = name.partition(".")
    return PROBES[kind].text.of(language).format(subject)


def show(name: str, value: float) -> str:
    unit = PROBES[name.partition(".")[0]].unit
    if unit == "%":
        return f"{value:.1%}"
    digits = 0 if abs(value) >= 100 or value == round(value) else 1
    return f"{value:.{digits}f}" + (f" {unit}" if unit else "")


def standard(world: World) -> list[str]:
    """What the score reads in any world: clients first, then each technology that is there."""
    scenario, history = world.scenario, world.plane.history
    found = [f"success.{name}" for name in scenario.traffic.classes]
    found += [f"{kind}.{name}" for name in scenario.services() for kind in ("time", "errors")]
    found += [f"pods.{name}" for name in scenario.services()]
    found += [f"{kind}.{name}" for name in scenario.databases() for kind in ("cpu", "wait")]
    caches = dict.fromkeys(s.name for s in world.plane.network.splits if s.kind == "cache")
    found += [f"hit.{name}" for name in caches]
    if world.entities is not None:
        plain = [flow.name for flow in world.entities.spec.flows if not flow.group]
        found += [f"{kind}.{name}" for name in plain for kind in ("flow", "took")]
        found += [f"lag.{name}" for name in world.entities.domain.groups]
        found += [f"isr.{name}" for name in world.entities.domain.topics if history.column("kafka/brokers")]
    if "dns" in world.rooms:
        found += [f"traffic.{name}" for name in scenario.datacenters]
    return found
