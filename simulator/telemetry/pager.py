"""The pager: incidents, silences, and what a person on call does with them.

Plain picklable state and the verbs over it. Which rule fires is decided in alerts.py, what a paged
team can tell in people.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.engine import streams
from simulator.patterns import PatternError, full_match
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.telemetry import people

if TYPE_CHECKING:
    from simulator.world import World

FIRST_NUMBER = 1001
ME = "oncall"
Matcher = tuple[str, str, str]  # label, one of = != =~ !~, value

T = {
    "page": Text(ru="{id} {severity}: {summary} ({alert})", en="{id} {severity}: {summary} ({alert})"),
    "again": Text(
        ru="{id} {severity}: всё ещё не решено: {summary}", en="{id} {severity}: still open: {summary}"
    ),
    "resolved": Text(
        ru="{id} закрыт: {alert} больше не срабатывает", en="{id} resolved: {alert} fires no more"
    ),
    "escalated": Text(
        ru="{id} не принят за {minutes} мин: поднимаем следующего ({who})",
        en="{id} not acknowledged in {minutes} min: paging the next one ({who})",
    ),
    "acked": Text(ru="{id} принят: {alert} ({severity})", en="{id} acknowledged: {alert} ({severity})"),
    "none": Text(ru="Открытых инцидентов нет.", en="There is no open incident."),
    "unknown": Text(ru="Нет инцидента {id}. Открыты: {open}.", en="No incident {id}. Open: {open}."),
    "nothing": Text(ru="-", en="none"),
    "twice": Text(ru="{id} уже принят в {at}.", en="{id} was acknowledged at {at} already."),
    "over": Text(ru="{id} уже закрыт в {at}.", en="{id} was resolved at {at} already."),
    "severity": Text(ru="{id}: важность {old} → {new}", en="{id}: severity {old} → {new}"),
    "declared": Text(ru="{id} объявлен: важность {new}", en="{id} declared: severity {new}"),
    "declared_summary": Text(ru="объявлен дежурным", en="declared by the person on call"),
    "bad_severity": Text(
        ru="sev: важность от P1 до P4, например: sev P1",
        en="sev: a severity from P1 to P4, for example: sev P1",
    ),
    "silenced": Text(
        ru="тишина {alert} до {until} ({author}: {comment})",
        en="silenced {alert} until {until} ({author}: {comment})",
    ),
}


@dataclass
class Note:
    """A line of an incident's own log."""

    t_s: float
    author: str
    text: str


@dataclass
class Incident:
    """What the pager keeps of an alert; times are simulated seconds, None: not yet."""

    id: str
    alert: str
    severity: str
    service: str
    summary: Text
    fired_s: float
    paged_s: float | None = None
    acked_s: float | None = None
    acked_by: str = ""
    resolved_s: float | None = None
    notified_s: float | None = None
    notes: list[Note] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.resolved_s is None


@dataclass
class Silence:
    """Alerts that match all of `matchers` notify nobody from start to end."""

    id: str
    matchers: tuple[Matcher, ...]
    start_s: float
    end_s: float
    author: str
    comment: str
    updated_s: float = 0.0

    def covers(self, labels: dict[str, str], t_s: float) -> bool:
        return self.start_s <= t_s < self.end_s and all(matches(m, labels) for m in self.matchers)


@dataclass
class Active:
    """An alert that is pending, or firing since `firing_s`. `labels` include alertname."""

    labels: dict[str, str]
    since_s: float
    value: float
    firing_s: float | None = None


@dataclass
class Group:
    """Alertmanager's group of one alert name: an open conversation with the pager."""

    incident: str
    flush_s: float


@dataclass
class Pager:
    incidents: list[Incident] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    active: dict[str, list[Active]] = field(default_factory=dict)  # by rule
    groups: dict[str, Group] = field(default_factory=dict)  # by rule
    calls: list[people.Call] = field(default_factory=list)
    number: int = FIRST_NUMBER

    def incident(self, identifier: str) -> Incident | None:
        return next((i for i in self.incidents if i.id == identifier), None)

    def open(self) -> list[Incident]:
        return [i for i in self.incidents if i.open]

    def create(self, alert: str, severity: str, service: str, summary: Text, fired_s: float) -> Incident:
        incident = Incident(f"P-{self.number}", alert, severity, service, summary, fired_s)
        self.number += 1
        self.incidents.append(incident)
        return incident


def matches(matcher: Matcher, labels: dict[str, str]) -> bool:
    label, op, value = matcher
    have = labels.get(label, "")
    if op in ("=", "!="):
        return (have == value) == (op == "=")
    try:
        return full_match(value, have) == (op == "=~")
    except PatternError:  # refused when the silence is made; a stored one cannot be bad
        return False


def say(world: World, key: str, incident: Incident | None = None, **values: object) -> str:
    """A text of this file in the world's language, about an incident or not."""
    if incident is not None:
        values = {
            "id": incident.id,
            "severity": incident.severity,
            "alert": incident.alert,
            "summary": incident.summary.of(world.language),
            **values,
        }
    return T[key].of(world.language).format(**values)


def log(world: World, incident: Incident, author: str, text: str) -> None:
    """Write into the incident and into the world's timeline."""
    incident.notes.append(Note(world.now_s, author, text))
    world.note("page", text)


def clock(world: World, t_s: float) -> str:
    return world.at(t_s).strftime("%H:%M:%S")


# --- what the person on call does --------------------------------------------------------------------
def ack(world: World, identifier: str | None = None) -> Reply:
    """Take an incident (or all open ones): the escalation stops."""
    pager: Pager = world.pager
    chosen = [i for i in pager.open() if i.acked_s is None]
    if identifier is not None:
        incident = pager.incident(_normal(identifier))
        if incident is None:
            ids = ", ".join(i.id for i in pager.open()) or say(world, "nothing")
            return failure(say(world, "unknown", id=identifier[:40], open=ids))
        if incident.acked_s is not None:
            return Reply(say(world, "twice", incident, at=clock(world, incident.acked_s)) + "\n", cost_s=1.0)
        if incident.resolved_s is not None:
            return Reply(
                say(world, "over", incident, at=clock(world, incident.resolved_s)) + "\n", cost_s=1.0
            )
        chosen = [incident]
    if not chosen:
        acked = [i for i in pager.open() if i.acked_s is not None]
        lines = [say(world, "twice", i, at=clock(world, i.acked_s or 0.0)) for i in acked]
        return Reply("\n".join(lines) + "\n", cost_s=1.0) if lines else failure(say(world, "none"))
    lines = []
    for incident in chosen:
        incident.acked_s, incident.acked_by = world.now_s, ME
        lines.append(say(world, "acked", incident))
        log(world, incident, ME, lines[-1])
    return Reply("\n".join(lines) + "\n", cost_s=1.0)


def _normal(identifier: str) -> str:
    bare = identifier.strip().upper().replace("Р", "P").replace("П", "P").lstrip("P#-")
    return f"P-{bare}"


_CYRILLIC = str.maketrans({"Р": "P", "П": "P", "С": "S", "Е": "E"})


def severity_of(text: str) -> str | None:
    """`P1`, `sev1`, `SEV-2`, `1` in a pager's own form, or None."""
    bare = text.strip().upper().translate(_CYRILLIC).replace("-", "").replace("_", "")
    for prefix in ("SEV", "P", "S"):
        bare = bare.removeprefix(prefix)
    return f"P{bare}" if bare in ("1", "2", "3", "4") else None


def set_severity(world: World, text: str) -> Reply:
    """Change the severity of the most urgent open incident; without one, declare an incident."""
    severity = severity_of(text)
    if severity is None:
        return failure(say(world, "bad_severity"), 2)
    pager: Pager = world.pager
    incidents = sorted(pager.open(), key=lambda i: (i.severity, i.fired_s))
    if incidents:
        incident, old = incidents[0], incidents[0].severity
        incident.severity = severity
        line = say(world, "severity", incident, old=old, new=severity)
    else:
        incident = pager.create(
            "declared", severity, world.scenario.focus.service, T["declared_summary"], world.now_s
        )
        incident.acked_s, incident.acked_by = world.now_s, ME
        line = say(world, "declared", incident, new=severity)
    log(world, incident, ME, line)
    return Reply(line + "\n", cost_s=1.0)


def silence(
    world: World,
    alert: str | tuple[Matcher, ...],
    duration_s: float,
    author: str = ME,
    comment: str = "",
    start_s: float | None = None,
) -> Silence:
    """Silence an alert by name, or by matchers, for some seconds. Patterns must be valid."""
    matchers = (("alertname", "=", alert),) if isinstance(alert, str) else alert
    start = world.now_s if start_s is None else start_s
    number = len(world.pager.silences)
    identifier = _silence_id(world.seed, number)
    made = Silence(identifier, matchers, start, start + duration_s, author, comment, world.now_s)
    world.pager.silences.append(made)
    shown = " ".join(f"{name}{op}{value}" for name, op, value in matchers)
    until = clock(world, made.end_s)
    world.note("alert", say(world, "silenced", alert=shown, until=until, author=author, comment=comment))
    return made


def _silence_id(seed: int, number: int) -> str:
    key = streams.key_of(seed, "silence", number)
    digits = f"{streams.bits(key, 0):016x}{streams.bits(key, 1):016x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"


def page(world: World, team: str) -> Reply:
    """Call a person of another team; the answer arrives some minutes later in the timeline."""
    return people.call(world, team)


def timeline(world: World) -> list[tuple[float, str, str]]:
    """What the incidents' logs hold: (time, incident, text) in order."""
    lines = [(n.t_s, i.id, n.text) for i in world.pager.incidents for n in i.notes]
    return sorted(lines, key=lambda line: line[0])
