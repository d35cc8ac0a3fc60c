"""An incident for a program to play: reset, step, state, and a closed set of tools; scored from the session's log.

The tools and the figures are those of the field's benchmarks for operations agents: AIOpsLab (Chen et al. 2025:
time to detect, localise and mitigate, steps) and ITBench (Jha et al. 2025: mean time to diagnosis and to repair).
Every call becomes a console command of the same session log, so that what an agent did can be replayed and watched.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.ports import SessionError
from api.rooms import once_more
from api.service import ApplicationService

if TYPE_CHECKING:
    from api.store import Entry, Header
    from simulator.world import World

NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
MOST_LINES = 500
OUTPUT_MOST = 20_000  # characters of one answer: what a model's context bears
THINKING_S = 5.0  # simulated seconds that a call costs beside its command's own: nobody acts in no time


@dataclass(frozen=True)
class ToolSpec:
    """A tool as models are told about it: `parameters` is a JSON schema of its arguments."""

    name: str
    text: str
    parameters: dict[str, Any]


def _schema(required: tuple[str, ...] = (), **properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


SERVICE = {"type": "string", "pattern": f"^{NAME.pattern}$"}
TOOLS = (
    ToolSpec(
        "get_logs",
        "The last log lines of a service.",
        _schema(
            ("service",),
            service=SERVICE,
            lines={"type": "integer", "minimum": 1, "maximum": MOST_LINES, "default": 100},
            contains={"type": "string", "maxLength": 200},
        ),
    ),
    ToolSpec("get_metrics", "Evaluates a PromQL expression now.", _schema(("query",), query={"type": "string", "maxLength": 1000})),
    ToolSpec("get_traces", "Recent traces; `trace show ID` in exec_shell shows one.", _schema(service=SERVICE)),
    ToolSpec("get_alerts", "Alerts that are firing, as Alertmanager lists them.", _schema()),
    ToolSpec("get_services", "Deployments with their pods, and their health.", _schema()),
    ToolSpec(
        "exec_shell",
        "Runs a line in the incident's terminal: kubectl, psql, redis-cli, kafka tools, curl, git, helm; pipes work.",
        _schema(("command",), command={"type": "string", "maxLength": 4000}),
    ),
    ToolSpec("wait", "Lets simulated seconds pass.", _schema(("seconds",), seconds={"type": "number", "minimum": 1, "maximum": 600})),
    ToolSpec(
        "submit",
        "Says what was found: `detection` that something is wrong, `localization` which component, `mitigation` that it is repaired.",
        _schema(
            ("stage",),
            stage={"type": "string", "enum": ["detection", "localization", "mitigation"]},
            component={"type": "string", "maxLength": 100},
            cause={"type": "string", "maxLength": 4000},
        ),
    ),
)  # fmt: skip


class Agents:
    """Episodes are sessions; this only translates."""

    def __init__(self, service: ApplicationService) -> None:
        self._service = service

    def reset(self, scenario: str, seed: int, language: str = "en") -> dict[str, Any]:
        """A new episode. Raises ScenarioError, StoreError."""
        opened = self._service.create(scenario, seed, language)
        return {
            "episode": opened.header.id,
            "task": opened.scenario.brief.of(language),
            "tools": [{"name": t.name, "description": t.text, "parameters": t.parameters} for t in TOOLS],
            "state": self.state(opened.header.id),
        }

    def step(self, episode: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a tool. Raises SessionError for what is no call of a tool."""
        check_call(tool, arguments)
        if tool == "submit":
            self._service.answer(episode, "submit", json.dumps(arguments, ensure_ascii=False), judged=False)
            return {"observation": "kept", "code": 0, "state": self.state(episode)}
        line = _line(tool, arguments)
        seen = once_more(lambda: self._service.submit(episode, line))
        if tool != "wait":
            now_s = seen.now_s
            seen_after = self._service.pass_time(episode, now_s + THINKING_S)
        else:
            seen_after = seen
        text = seen.text if len(seen.text) <= OUTPUT_MOST else seen.text[:OUTPUT_MOST] + "\n… cut"
        return {
            "observation": text,
            "code": seen.code,
            "pending": seen_after.pending,
            "state": self.state(episode),
        }

    def state(self, episode: str) -> dict[str, Any]:
        """Where the episode stands, and its score so far."""
        entries = self._service.log(episode)

        def view(world: World, _: Header, read_only: str | None) -> dict[str, Any]:
            return {
                "now_s": world.now_s,
                "resolved": world.resolved,
                "read_only": read_only,
                "score": score(world, entries),
            }

        return self._service.look(episode, view)


def score(world: World, entries: list[Entry]) -> dict[str, Any]:
    """Times in simulated seconds since the incident began; None: not (yet). `steps` counts every call."""
    from simulator import facts

    found = facts.collect(world)
    began = found["started_s"]
    submitted = [(e.t_s, _submission(e.line)) for e in entries if e.kind == "answer"]
    suspects = {world.scenario.focus.service, world.scenario.focus.database} - {""}

    def first(right: Callable[[dict[str, Any]], bool]) -> float | None:
        at = next((t for t, s in submitted if s and right(s)), None)
        return None if at is None or began is None or at < began else at - began

    repaired = found["recovered_s"] if world.resolved else None
    return {
        "steps": sum(e.kind in ("command", "answer") for e in entries),
        "detected": first(lambda s: s["stage"] == "detection") is not None,
        "time_to_detect_s": first(lambda s: s["stage"] == "detection"),
        "localised": first(lambda s: s.get("component") in suspects) is not None,
        "time_to_localise_s": first(lambda s: s.get("component") in suspects),
        "mitigated": bool(world.resolved),
        "time_to_mitigate_s": repaired - began if repaired is not None and began is not None else None,
        "failed_requests": found["failed_requests"],
    }


def _submission(line: str) -> dict[str, Any]:
    try:
        kept = json.loads(line)
        found = json.loads(kept["answer"]) if kept.get("question") == "submit" else None
    except (ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) and "stage" in found else {}


def _line(tool: str, given: dict[str, Any]) -> str:
    """The console's line for a call."""
    if tool == "get_logs":
        grep = f" | grep -F -- {shlex.quote(given['contains'])}" if given.get("contains") else ""
        return f"kubectl logs deployment/{given['service']} -n prod --tail={given.get('lines', 100)}{grep}"
    if tool == "get_metrics":
        return f"promql {shlex.quote(given['query'])}"
    if tool == "get_traces":
        return f"trace list --service {given['service']}" if given.get("service") else "trace list"
    if tool == "get_services":
        return "kubectl get deployments -n prod"
    if tool == "wait":
        return f"wait {given['seconds']:g}"
    if tool == "get_alerts":
        return "amtool alert query --output=json"
    return str(given["command"])


def check_call(tool: str, arguments: dict[str, Any]) -> None:
    """Raises SessionError for what is no call of a tool."""
    spec = next((t for t in TOOLS if t.name == tool), None)
    if spec is None:
        raise SessionError(f"no tool {tool!r}: there are {', '.join(t.name for t in TOOLS)}")
    _check(spec, arguments)


def _check(spec: ToolSpec, given: dict[str, Any]) -> None:
    """The few rules of JSON schema that the tools use. Raises SessionError."""
    known = spec.parameters["properties"]
    for name in spec.parameters["required"]:
        if name not in given:
            raise SessionError(f"{spec.name}: {name} is missing")
    for name, value in given.items():
        rule = known.get(name)
        if rule is None:
            raise SessionError(f"{spec.name}: no argument {name!r}: there are {', '.join(known) or 'none'}")
        kinds: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float)}
        if not isinstance(value, kinds[rule["type"]]) or isinstance(value, bool):
            raise SessionError(f"{spec.name}: {name}: expected a {rule['type']}")
        if isinstance(value, str) and len(value) > rule.get("maxLength", 100):
            raise SessionError(f"{spec.name}: {name}: at most {rule.get('maxLength', 100)} characters")
        if "pattern" in rule and not NAME.fullmatch(str(value)):
            raise SessionError(f"{value!r} is not a service's name: lower-case letters, digits, - and .")
        if "enum" in rule and value not in rule["enum"]:
            raise SessionError(f"{spec.name}: {name}: one of {', '.join(rule['enum'])}")
        if "minimum" in rule and not rule["minimum"] <= value <= rule["maximum"]:
            raise SessionError(f"{spec.name}: {name}: from {rule['minimum']} to {rule['maximum']}")
