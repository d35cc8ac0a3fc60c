"""Which pod runs which saga, what counters the orchestrator exports, and what it has logged.

The sagas themselves are the entities' (`simulator/entities/domain`, `orchestration`); here they get a host: a saga
lives in the pod that began it, and when that pod's process ends, another takes it up, if its state was saved.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator import bridge, settings
from simulator.engine.streams import bits, key_of
from simulator.entities import orchestration, saga
from simulator.entities.effects import FLOW, PHASE, SOURCE
from simulator.entities.history import FAIL, INFO, INVOKE, OK, Op
from simulator.scenario import Service
from simulator.telemetry.line import LogLine

if TYPE_CHECKING:
    from simulator.entities.domain import Domain
    from simulator.entities.engine import Entities
    from simulator.entities.spec import Flow
    from simulator.kubernetes.state import Pod
    from simulator.world import World

JOURNAL = 3000  # lines kept
STATES = ("running", "compensating", "stuck")
RESULTS = {OK: "done", FAIL: "compensated", INFO: "stuck"}
SWEEP = "saga_sweep_s"


@dataclass
class Sagas:
    """`seats`: saga -> (pod, its restarts, weight). `seen`: records of the history that have been read."""

    flows: tuple[str, ...]
    seats: dict[int, tuple[str, int, float]] = field(default_factory=dict)
    weights: dict[int, float] = field(default_factory=dict)  # of sagas that have no seat yet
    stuck: dict[int, float] = field(default_factory=dict)  # weight of each saga at rest
    totals: dict[str, float] = field(default_factory=dict)
    seen: int = 0
    up: dict[str, float] = field(default_factory=dict)  # pods that have said hello
    journal: list[LogLine] = field(default_factory=list)


def build(world: World) -> Sagas | None:
    """The room is there where a service runs flows with compensations."""
    if world.entities is None:
        return None
    names = [f.name for f in world.entities.spec.flows if _is_saga(world, f)]
    return Sagas(tuple(names)) if names else None


def _is_saga(world: World, flow: Flow) -> bool:
    hosted = isinstance(world.scenario.components.get(flow.host), Service)
    return hosted and not flow.group and any(step.undo is not None for step in flow.steps)


def identity(made: Sagas) -> Any:
    return made.seen, len(made.seats), sorted(made.totals.items())


def sagas_of(world: World) -> Sagas:
    found: Sagas = world.rooms["sagas"]
    return found


def entities_of(world: World) -> Entities:
    assert world.entities is not None  # the room is only there with entities
    return world.entities


def domain_of(world: World) -> Domain:
    return entities_of(world).domain


def declared(world: World, name: str) -> Flow:
    return next(f for f in entities_of(world).spec.flows if f.name == name)


# -- a saga's pod


def each_second(world: World) -> None:
    """Follow the history, seat new sagas, and take the seats of pods whose process has ended."""
    made, domain = sagas_of(world), domain_of(world)
    _follow(world)
    bereft: list[int] = []
    ready = {name: _ready(world, declared(world, name).host) for name in made.flows}
    for number, record in domain.live.items():
        flow = domain.flows[record[FLOW]]
        if flow.name not in ready or record[SOURCE] is not None:
            continue
        seat = made.seats.get(number)
        if seat is None:
            _seat(world, number, flow, ready[flow.name])
        elif not _lives(world, seat):
            bereft.append(number)
    for number in [n for n in made.seats if n not in domain.live]:
        del made.seats[number]
    if bereft:
        bridge.catch_up(world)
        for number in bereft:
            if number in domain.live:
                _bereave(world, number)
    _columns(world)
    _greet(world, ready)
    sweep_s = world.policies.get(SWEEP)
    if sweep_s and int(world.now_s) % int(sweep_s) == 0:
        from simulator.sagas import actions

        actions.sweep(world)
    del made.journal[:-JOURNAL]


def _ready(world: World, host: str) -> list[Pod]:
    return [p for p in world.kubernetes.pods.values() if p.app == host and p.active and p.ready]


def _lives(world: World, seat: tuple[str, int, float]) -> bool:
    pod = world.kubernetes.pods.get(seat[0])
    return pod is not None and not pod.lost and not pod.crash and pod.restarts == seat[1]


def _seat(world: World, number: int, flow: Flow, ready: list[Pod]) -> None:
    """One of the pods whose code runs sagas in this way; any, if none of those is ready."""
    made = sagas_of(world)
    variants = world.settings.variants.get(flow.name, [])
    running = list(settings.serving(world, flow.host))
    alike = {t for t, (_, way) in zip(running, variants, strict=False) if way == flow}
    pods = [p for p in ready if (p.version, p.template.env) in alike] or ready
    if not pods:
        return
    pod = pods[bits(key_of(world.seed, "saga seat"), number) % len(pods)]
    weight = made.weights.pop(number, made.stuck.pop(number, 1.0))
    made.seats[number] = (pod.name, pod.restarts, weight)


def _bereave(world: World, number: int) -> None:
    made, domain = sagas_of(world), domain_of(world)
    weight = made.seats.pop(number)[2]
    flow = domain.flows[domain.live[number][FLOW]].name
    made.weights[number] = weight  # until another pod takes it up, or a person finds it
    if orchestration.lose_host(domain, number):
        _add(made, f"{flow}/recovered", weight)


# -- counters and logs


def _add(made: Sagas, key: str, amount: float) -> None:
    made.totals[key] = made.totals.get(key, 0.0) + amount


def _follow(world: World) -> None:
    made, domain = sagas_of(world), domain_of(world)
    calls = {f"request {n}": name for name in made.flows for n in orchestration.names(declared(world, name))}
    for op in entities_of(world).history.since(made.seen):
        if op.f in made.flows and not isinstance(op.process, str):
            _began_or_ended(made, op)
        elif op.f in calls and op.type in (FAIL, INFO):
            _failed(world, op, calls[op.f])
        elif op.f == "stuck":
            _stuck(world, domain, op)
    made.seen = len(entities_of(world).history)


def _began_or_ended(made: Sagas, op: Op) -> None:
    number = op.process
    if op.type == INVOKE:
        made.weights[number] = op.value[1]
        _add(made, f"{op.f}/started", op.value[1])
        return
    seat = made.seats.get(number)
    weight = seat[2] if seat is not None else made.weights.pop(number, made.stuck.get(number, 1.0))
    made.stuck.pop(number, None)
    if op.type == INFO:
        made.stuck[number] = weight
    else:
        _add(made, f"{op.f}/{RESULTS[op.type]}", weight)


def _failed(world: World, op: Op, flow: str) -> None:
    made = sagas_of(world)
    step = op.f.removeprefix("request ")
    reason = "timeout" if op.type == INFO else "error"
    seat = made.seats.get(op.process)
    _add(
        made,
        f"{flow}/failed/{step}/{reason}",
        seat[2] if seat is not None else made.weights.get(op.process, 1.0),
    )
    if seat is not None:
        text = f"step {step}: " + (
            "no answer within its time-out, outcome unknown" if op.type == INFO else "refused"
        )
        _log(world, op, seat[0], flow, "WARN", text)


def _stuck(world: World, domain: Domain, op: Op) -> None:
    number = int(str(op.process).rpartition("/")[2])
    record = domain.stuck.get(number) or domain.live.get(number)
    seat = sagas_of(world).seats.get(number)
    if record is None or seat is None:
        return
    flow = domain.flows[record[FLOW]]
    undo = saga.step_of(flow, op.key, saga.BACKWARD)
    text = (
        f"compensation {undo.name} failed {undo.attempts} time(s), attempts exhausted: state STUCK, giving up"
    )
    _log(world, op, seat[0], flow.name, "ERROR", text)


def _log(world: World, op: Op, pod: str, flow: str, level: str, text: str) -> None:
    from simulator.sagas.views import saga_id

    t_s = op.time_ns / 1e9
    stamp = world.at(t_s).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    app = declared(world, flow).host
    line = f"{stamp} {level:>5} [{app}] saga {saga_id(world, flow, op.entity)} {text}"
    sagas_of(world).journal.append(LogLine(t_s, pod, app, level, line))


def _greet(world: World, ready: dict[str, list[Pod]]) -> None:
    """A pod that has come up says where it keeps its sagas."""
    made = sagas_of(world)
    for name, pods in ready.items():
        for pod in pods:
            if made.up.get(pod.name) == pod.restarts:
                continue
            made.up[pod.name] = pod.restarts
            flow = _way(world, name, pod)
            store = {"none": "in-memory", "behind": "jdbc, written after each step"}.get(
                flow.persist, "jdbc, written before each step"
            )
            stamp = world.at(world.now_s).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            text = f"{stamp}  INFO [{pod.app}] saga store: {store}; {0 if flow.persist == 'none' else 'unfinished'} sagas to recover"
            made.journal.append(LogLine(world.now_s, pod.name, pod.app, "INFO", text))


def _way(world: World, name: str, pod: Pod) -> Flow:
    """The flow as this pod's code and settings run it."""
    variants = world.settings.variants.get(name, [])
    host = declared(world, name).host
    for template, (_, way) in zip(settings.serving(world, host), variants, strict=False):
        if template == (pod.version, pod.template.env):
            return way
    return declared(world, name)


def _columns(world: World) -> None:
    made, domain, history = sagas_of(world), domain_of(world), world.plane.history
    for name in made.flows:
        now = dict.fromkeys(STATES, 0.0)
        for number, record in domain.live.items():
            if domain.flows[record[FLOW]].name == name:
                seat = made.seats.get(number)
                weight = seat[2] if seat is not None else made.weights.get(number, 1.0)
                now["compensating" if record[PHASE] == saga.BACKWARD else "running"] += weight
        for number, record in domain.stuck.items():
            if domain.flows[record[FLOW]].name == name:
                now["stuck"] += made.stuck.get(number, 1.0)
        for state, value in now.items():
            history.append(f"sagas/{name}/{state}", value)
        for what in ("started", "recovered", "done", "compensated", *_failures(declared(world, name))):
            history.append(f"sagas/{name}/{what}", made.totals.get(f"{name}/{what}", 0.0))


def _failures(flow: Flow) -> list[str]:
    return [f"failed/{n}/{reason}" for n in orchestration.names(flow) for reason in ("timeout", "error")]
