"""`alerts`, `amtool` and `escalate`: what fires, who is silenced, who is called next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.patterns import PatternError, full_match
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.telemetry import pager, people
from simulator.telemetry.pager import Active, Matcher, Silence
from simulator.telemetry.promql_lexer import duration_s
from simulator.telemetry.promql_vector import escape
from simulator.telemetry.words import UsageError, Words, moment, read, table
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

_FLAGS = {"help": "h", "verbose": "v", "silenced": "s", "active": "", "inhibited": "i", "unprocessed": "u",
          "quiet": "q", "expired": "", "all": "a"}  # fmt: skip
_VALUES = {"output": "o", "alertmanager.url": "", "comment": "c", "duration": "d", "author": "", "start": "", "end": "",
           "date.format": "", "receiver": "r", "within": "", "timeout": ""}  # fmt: skip
MAX_SILENCES = 200

T = {
    "none": Text(ru="Ничего не срабатывает.", en="Nothing fires."),
    "head": Text(ru="СОСТОЯНИЕ", en="STATE"),
    "alert": Text(ru="АЛЕРТ", en="ALERT"),
    "since": Text(ru="С", en="SINCE"),
    "value": Text(ru="ЗНАЧЕНИЕ", en="VALUE"),
    "incident": Text(ru="ИНЦИДЕНТ", en="INCIDENT"),
    "summary": Text(ru="ЧТО", en="SUMMARY"),
    "acked": Text(ru="принят", en="acked"),
    "open": Text(ru="не принят", en="not acked"),
}


def _firing(world: World) -> list[Active]:
    found = [a for alerts in world.pager.active.values() for a in alerts if a.firing_s is not None]
    return sorted(found, key=lambda a: (a.labels["alertname"], sorted(a.labels.items())))


def _silences_of(world: World, alert: Active) -> list[Silence]:
    return [s for s in world.pager.silences if s.covers(alert.labels, world.now_s)]


def run_alerts(world: World, argv: list[str], stdin: str) -> Reply:
    """Pending and firing alerts with their incidents; with amtool's words it is amtool."""
    if len(argv) > 1:
        return run_amtool(world, ["amtool", "alert", *argv[1:]], stdin)
    language = world.language
    rows = [[T[k].of(language) for k in ("head", "alert", "since", "value", "incident", "summary")]]
    for name, alerts in world.pager.active.items():
        rule = world.scenario.alerting.rules[name]
        for alert in alerts:
            firing = alert.firing_s is not None
            state = (
                "suppressed" if firing and _silences_of(world, alert) else "firing" if firing else "pending"
            )
            since = alert.firing_s if alert.firing_s is not None else alert.since_s
            group = world.pager.groups.get(name)
            incident = world.pager.incident(group.incident) if firing and group else None
            shown = "-"
            if incident is not None:
                taken = T["acked" if incident.acked_s is not None else "open"].of(language)
                shown = f"{incident.id} {incident.severity}, {taken}"
            at = world.at(since).strftime("%H:%M:%S")
            rows.append([state, name, at, f"{alert.value:.4g}", shown, rule.summary.of(language)])
    if len(rows) == 1:
        return Reply(T["none"].of(language) + "\n", cost_s=1.0)
    return Reply(table(rows), cost_s=1.0)


# --- amtool ------------------------------------------------------------------------------------------
def run_amtool(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        words = read(_separated(argv[1:]), _FLAGS, _VALUES)
        return _amtool(world, words)
    except UsageError as error:
        return failure(f"amtool: error: {error}\n\n")


def _separated(argv: list[str]) -> list[str]:
    """amtool's `-a` is the author where silences are added and a flag elsewhere."""
    if argv[:2] != ["silence", "add"]:
        return argv
    return ["--author" if word == "-a" else word for word in argv]


def _amtool(world: World, words: Words) -> Reply:
    head = words.operands[:1]
    if head == ["alert"]:
        rest = words.operands[1:]
        if rest[:1] == ["add"]:
            raise UsageError("alerts come from Prometheus' rules here; see `alerts`")
        return _alert_query(world, words, rest[1:] if rest[:1] == ["query"] else rest)
    if head == ["silence"]:
        verb, rest = (words.operands[1:2] or ["query"])[0], words.operands[2:]
        if verb == "add":
            return _silence_add(world, words, rest)
        if verb == "expire":
            return _silence_expire(world, rest)
        return _silence_query(world, words, rest if verb == "query" else words.operands[1:])
    if head == ["config"]:
        return Reply(_routes(world) if words.operands[1:2] == ["routes"] else _config(world))
    if head == ["cluster"]:
        return Reply("Cluster Status: ready\nNode Name:      01JD4M8Q2K\nPeers:          []\n")
    if head == ["check-config"]:
        name = words.operands[1] if len(words.operands) > 1 else ""
        if not name:
            raise UsageError("required argument 'check-files' not provided")
        return Reply(
            f"Checking '{name}'  SUCCESS\nFound:\n - global config\n - route\n - 0 inhibit rules\n - 2 receivers\n - 0 templates\n\n"
        )
    if not head:
        raise UsageError("must select a subcommand")
    raise UsageError(f'expected command but got "{head[0]}"')


def _config(world: World) -> str:
    return (
        "global:\n  resolve_timeout: 5m\nroute:\n  receiver: chat\n  group_by: [alertname]\n  group_interval: 5m\n  repeat_interval: 4h\n"
        "  routes:\n  - receiver: pager\n    matchers: ['severity=~\"P1|P2\"']\nreceivers:\n- name: pager\n- name: chat\n"
    )


def _routes(world: World) -> str:
    return (
        'Routing tree:\n.\n└── default-route  receiver: chat\n    └── {severity=~"P1|P2"}  receiver: pager\n'
    )


def _matchers(words: list[str]) -> tuple[Matcher, ...]:
    found: list[Matcher] = []
    for i, word in enumerate(words):
        at = next((n for n, char in enumerate(word) if char in "=!"), -1)
        op = next((o for o in ("=~", "!~", "!=", "=") if at > 0 and word.startswith(o, at)), "")
        if not op:
            if i > 0 or at >= 0:
                raise UsageError(f"bad matcher format: {word}")
            found.append(("alertname", "=", word))
            continue
        value = word[at + len(op) :]
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        if op in ("=~", "!~"):
            try:
                full_match(value, "")
            except PatternError as error:
                raise UsageError(f"bad matcher format: {word}: error parsing regexp: {error}") from None
        found.append((word[:at], op, value))
    return tuple(found)


def _alert_query(world: World, words: Words, rest: list[str]) -> Reply:
    matchers = _matchers(rest)
    found = []
    for alert in _firing(world):
        silences = _silences_of(world, alert)
        wanted = words.has("all") or bool(silences) == words.has("silenced")
        if wanted and all(pager.matches(m, alert.labels) for m in matchers):
            found.append((alert, silences))
    kind = words.options.get("output", "simple")
    if kind == "json":
        return Reply(
            json.dumps([_json(world, a, s) for a, s in found], ensure_ascii=False) + "\n", cost_s=1.0
        )
    if kind == "extended":
        rows = [["Labels", "Annotations", "Starts At", "Ends At", "Generator URL", "State"]]
    else:
        rows = [["Alertname", "Starts At", "Summary", "State"]]
    for alert, silences in found:
        state = "suppressed" if silences else "active"
        summary, starts = _summary(world, alert), _date(world, alert.firing_s or 0.0)
        if kind == "extended":
            labels = " ".join(f'{k}="{escape(v)}"' for k, v in sorted(alert.labels.items()))
            ends = _date(world, world.now_s + 4 * world.scenario.alerting.evaluate_s)
            rows.append([labels, f'summary="{escape(summary)}"', starts, ends, _generator(alert), state])
        else:
            rows.append([alert.labels["alertname"], starts, summary, state])
    return Reply(table(rows), cost_s=1.0)


def _generator(alert: Active) -> str:
    return f"http://prometheus:9090/alerts?search={alert.labels['alertname']}"


def _summary(world: World, alert: Active) -> str:
    return world.scenario.alerting.rules[alert.labels["alertname"]].summary.of(world.language)


def _date(world: World, t_s: float) -> str:
    return world.at(t_s).strftime("%Y-%m-%d %H:%M:%S UTC")


def _json(world: World, alert: Active, silences: list[Silence]) -> dict[str, object]:
    starts = world.at(alert.firing_s or 0.0).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {
        "annotations": {"summary": _summary(world, alert)},
        "startsAt": starts,
        "status": {
            "inhibitedBy": [],
            "silencedBy": [s.id for s in silences],
            "state": "suppressed" if silences else "active",
        },
        "labels": dict(sorted(alert.labels.items())),
    }


def _silence_add(world: World, words: Words, rest: list[str]) -> Reply:
    matchers = _matchers(rest)
    if not matchers:
        raise UsageError("no matchers specified")
    text = words.options.get("duration", "1h")
    length = duration_s(text)
    if length < 0:
        raise UsageError(f'not a valid duration string: "{text}"')
    if length == 0:
        raise UsageError("silence duration must be greater than 0")
    if not words.options.get("comment"):
        raise UsageError("comment required by config")
    start = world.now_s
    if words.has("start"):
        start = _moment(world, words.options["start"])
    if words.has("end"):
        length = _moment(world, words.options["end"]) - start
        if length <= 0:
            raise UsageError("silence cannot start after it ends")
    if len(world.pager.silences) >= MAX_SILENCES:
        raise UsageError("too many silences")
    author = words.options.get("author", pager.ME)
    made = pager.silence(world, matchers, length, author, words.options["comment"][:200], start)
    return Reply(made.id + "\n", cost_s=2.0)


def _moment(world: World, text: str) -> float:
    found = moment(text, world.scenario.starts_at.timestamp())
    if found is None:
        raise UsageError(
            f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"'
        )
    return found


def _silence_expire(world: World, identifiers: list[str]) -> Reply:
    if not identifiers:
        raise UsageError("no silence IDs specified")
    for identifier in identifiers:
        found = next((s for s in world.pager.silences if s.id == identifier), None)
        if found is None:
            text = "[DELETE /silence/{silenceID}][500] deleteSilenceInternalServerError  silence not found"
            raise UsageError(text)
        if found.end_s <= world.now_s:
            raise UsageError(f"silence {found.id} already expired")
        found.end_s = found.updated_s = world.now_s
    return Reply(cost_s=1.0)


def _silence_query(world: World, words: Words, rest: list[str]) -> Reply:
    wanted = _matchers(rest)
    found = [s for s in world.pager.silences if (s.end_s <= world.now_s) == words.has("expired")]
    found = [s for s in found if all(m in s.matchers for m in wanted)]
    found.sort(key=lambda s: (s.end_s, s.id))
    if words.has("quiet"):
        return Reply("".join(f"{s.id}\n" for s in found), cost_s=1.0)
    if words.options.get("output") == "extended":
        rows = [["ID", "Matchers", "Starts At", "Ends At", "Updated At", "Created By", "Comment"]]
        rows += [
            [s.id, "{" + _shown(s, ",") + "}", _date(world, s.start_s), _date(world, s.end_s), _date(world, s.updated_s),
             s.author, s.comment] for s in found
        ]  # fmt: skip
    else:
        rows = [["ID", "Matchers", "Ends At", "Created By", "Comment"]]
        rows += [[s.id, _shown(s, " "), _date(world, s.end_s), s.author, s.comment] for s in found]
    return Reply(table(rows), cost_s=1.0)


def _shown(silence: Silence, between: str) -> str:
    return between.join(f'{name}{op}"{escape(value)}"' for name, op, value in silence.matchers)


def run_escalate(world: World, argv: list[str], _stdin: str) -> Reply:
    """Call whoever owns what the most urgent incident is about, or the team named."""
    if len(argv) > 1:
        return pager.page(world, argv[1])
    incidents = sorted(world.pager.open(), key=lambda i: (i.severity, i.fired_s))
    service = incidents[0].service if incidents else world.scenario.focus.service
    team = people.team_of(world, service) or people.teams(world)[0]
    return pager.page(world, team)


def _changes(argv: list[str]) -> bool:
    return argv[1:3] in (["silence", "add"], ["silence", "expire"])


def _always(_argv: list[str]) -> bool:
    return True


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("alerts", run_alerts, Text(ru="что срабатывает", en="what fires"), ("alerts",)),
        Tool(
            "amtool",
            run_amtool,
            Text(ru="Alertmanager: алерты и тишина", en="Alertmanager: alerts and silences"),
            ("amtool alert query", "amtool silence add alertname=PostgresCpuHigh -d 1h -c 'known'"),
            _changes,
        ),
        Tool(
            "escalate",
            run_escalate,
            Text(ru="позвать владельца или следующего", en="call the owner or the next one"),
            ("escalate", "escalate dba"),
            _always,
        ),
    )
}
