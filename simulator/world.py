"""The world: everything a scenario simulates, moved by one clock, a function of (scenario, seed, log).

Commands come in through `simulator.commands`; this file only lets time pass and keeps the parts together.
It must stay picklable: a fork of a world is a copy of it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulator import bridge, facts, invariants, responder, settings, snapshots
from simulator.engine import choice, network
from simulator.engine.agenda import Agenda
from simulator.engine.cohort import CohortPlane
from simulator.engine.exact import ExactPlane
from simulator.engine.plane import Plane
from simulator.entities.engine import Entities
from simulator.entities.history import Op
from simulator.faults import chaos
from simulator.interventions import HANDLERS as INTERVENTION_HANDLERS
from simulator.interventions import Call, install, patched
from simulator.kubernetes.handlers import HANDLERS as KUBERNETES_HANDLERS
from simulator.kubernetes.state import build_cluster
from simulator.postgres.state import build_postgres
from simulator.rooms import ROOMS
from simulator.scenario import Scenario, varied
from simulator.telemetry import alerts
from simulator.telemetry.metrics import Telemetry
from simulator.telemetry.pager import Pager

ENGINES: dict[str, Callable[[Scenario, network.Network, int], Plane]] = {
    "cohort": CohortPlane,
    "exact": ExactPlane,
}


# What the scenario's own commands leave out of the timeline. Releases and flags have feeds of their own; faults and
# other people's SQL are for the player to find.
UNSAID = {
    "chaos": ("command", "chaos"),
    "psql": ("command", "fault", "database"),
    "kubectl": ("command",),
    "flags": ("command",),
}


@dataclass(frozen=True)
class Event:
    """Something that happened, for the timeline; `text` is wording and never part of a digest."""

    t_s: float
    kind: str
    text: str


class World:
    """A running scenario. `turn_based`: a command costs simulated seconds."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int = 1,
        language: str = "en",
        engine: str | None = None,
        interventions: tuple[Call, ...] = (),
    ) -> None:
        scenario = patched(varied(scenario, seed), interventions)
        invariants.prepared(scenario)
        self.scenario: Scenario = scenario
        self.seed = seed
        self.language = language
        self.now_s = 0.0
        self.agenda = Agenda()
        self.events: list[Event] = []
        self.secret: list[Event] = []  # the scenario's own doing: told when the incident is over
        self.unsaid: tuple[str, ...] = ()  # kinds of events that go there now
        self.pending: str | None = None
        self.columns = 100
        self.colour = False
        self.turn_based = True
        self.follow_limit_s = 120.0
        self.waits_s = 0.0
        self.files: dict[str, str] = {}
        self.shell_vars: dict[str, str] = {}
        self.command_log: list[str] = []
        self.hints_shown = 0
        self.requests_made = 0
        self.policies: dict[str, Any] = {}
        net = network.build(scenario)
        chosen = choice.Choice(engine, "") if engine else choice.choose(net, scenario)
        self.engine = chosen.engine
        self.engine_reason = chosen.reason
        self.plane: Plane = ENGINES[self.engine](scenario, net, seed)
        self.kubernetes = build_cluster(scenario, seed)
        self.postgres = build_postgres(scenario, seed)
        self.entities: Entities | None = bridge.build(scenario, seed)
        self.reach = bridge.Reach()
        self.settings = settings.Settings()
        self.rooms: dict[str, Any] = {}
        for room in ROOMS:
            state = room.build(self)
            if state is not None:
                self.rooms[room.name] = state
        settings.check(self)
        self.pager = Pager()
        self.watch = facts.Watch()
        self.responder: responder.Responder | None = None
        self._telemetry: Telemetry | None = None
        self._ops: list[Op] = []
        self.agenda.at(1.0, "world.second", priority=9)
        for entry in scenario.timeline:
            again: dict[str, Any] = {"every_s": entry.every_s} if entry.every_s is not None else {}
            if entry.unless:
                again["unless"] = entry.unless
            self.agenda.at(entry.at_s, "world.timeline", priority=7, line=entry.command, **again)
        alerts.start(self)
        install(self, interventions)

    # -- views

    @property
    def telemetry(self) -> Telemetry:
        if self._telemetry is None:
            self._telemetry = Telemetry(self)
        return self._telemetry

    @property
    def ops(self) -> list[Op]:
        """The entities' history, decoded once; grows with it. Not for changing."""
        if self.entities is not None:
            self._ops.extend(self.entities.history.since(len(self._ops)))
        return self._ops

    @property
    def resolved(self) -> bool:
        return self.watch.resolved_s is not None

    def at(self, t_s: float) -> datetime:
        return self.scenario.starts_at + timedelta(seconds=t_s)

    def note(self, kind: str, text: str, t_s: float | None = None) -> None:
        """Append to the timeline."""
        told = self.secret if kind in self.unsaid else self.events
        told.append(Event(self.now_s if t_s is None else t_s, kind, text))

    # -- time

    def advance(self, seconds: float) -> None:
        self.advance_to(self.now_s + seconds)

    def advance_to(self, t_s: float) -> None:
        """Let time pass; records of the agenda are handled at their own times."""
        while True:
            due_s = self.agenda.next_s()
            if due_s > t_s:
                break
            self.plane.advance(max(due_s, self.now_s))
            self.now_s = max(due_s, self.now_s)
            record = self.agenda.pop_due(due_s)
            assert record is not None
            _, handler, payload = record
            HANDLERS[handler](self, **payload)
        if t_s > self.now_s:
            self.plane.advance(t_s)
            self.now_s = t_s

    # -- identity

    def digest(self) -> str:
        """16 hex digits of state and events, not of wording: equal worlds have equal digests."""
        h = hashlib.sha256()
        h.update(f"{self.scenario.id} {self.seed} {self.engine} {self.now_s!r}".encode())
        for event in self.events:
            h.update(f"{event.t_s!r} {event.kind}".encode())
        history = self.plane.history
        for key in history.keys():
            h.update(key.encode())
            h.update(history.column(key).tobytes())
        h.update(repr(self._control_state()).encode())
        return h.hexdigest()[:16]

    def _control_state(self) -> tuple[Any, ...]:
        pods = [(p.name, p.ready, p.ready_s, p.deleted_s) for p in self.kubernetes.pods.values()]
        rooms = [(r.name, r.identity(self.rooms[r.name])) for r in ROOMS if r.name in self.rooms]
        played = self.entities.history.digest() if self.entities is not None else ""
        return pods, self.pending, self.agenda.heap[:1], self.hints_shown, rooms, played

    @property
    def patience_s(self) -> float:
        """How long a command that comes to an end by itself is waited for; one that only follows has its limit."""
        return max(self.follow_limit_s, self.waits_s)

    def fork(self) -> World:
        """An independent copy."""
        return snapshots.fork(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_telemetry": None, "_ops": []}


def on_second(world: World) -> None:
    """Every simulated second: what the world notices by itself."""
    world.agenda.at(math.floor(world.now_s + 1.5), "world.second", priority=9)
    settings.each_second(world)
    bridge.each_second(world)
    for room in ROOMS:
        if room.each_second is not None and room.name in world.rooms:
            room.each_second(world)
    facts.observe(world)
    responder.watch(world)


def on_timeline(
    world: World, line: str, every_s: float | None = None, unless: dict[str, str] | None = None
) -> None:
    """The scenario's own command, unless somebody has already brought that version out."""
    from simulator.commands import execute

    if every_s is not None:
        more = {"unless": unless} if unless else {}
        world.agenda.at(
            world.now_s + every_s, "world.timeline", priority=7, line=line, every_s=every_s, **more
        )
    for flag, state in (unless or {}).items():
        if world.settings.flags.get(flag, world.scenario.flags[flag].default) == state:
            return
    words = line.split()
    if words[:1] == ["deploy"] and any(
        found.template.version == words[-1] for found in world.kubernetes.revisions(words[1])
    ):
        return
    paced, asked = world.turn_based, world.pending  # a question put to the player stays open
    world.turn_based, world.pending = False, None
    world.unsaid = UNSAID.get(words[0] if words else "", ())
    reply = execute(world, line)
    if reply.code:  # an author's mistake must not look like a fault that did nothing
        world.note("refused", f"{line}: {(reply.err or reply.out).strip().partition(chr(10))[0]}")
    del world.command_log[-1:]  # the player's `history` is the player's
    world.turn_based, world.pending, world.unsaid = paced, asked, ()


HANDLERS: dict[str, Callable[..., None]] = {
    **KUBERNETES_HANDLERS,
    **alerts.HANDLERS,
    **INTERVENTION_HANDLERS,
    **responder.HANDLERS,
    **chaos.HANDLERS,
    **{name: handler for room in ROOMS for name, handler in room.handlers.items()},
    "world.second": on_second,
    "world.timeline": on_timeline,
}
