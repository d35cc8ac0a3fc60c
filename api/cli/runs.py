"""`dropprod run` and `dropprod exec`: worlds without a session."""

import argparse
import json
import os
import shlex
import sys
from typing import Any

from api.cli.errors import UsageError
from api.cli.files import read_text
from api.cli.paint import Screen, number, shorten, sparkline, standard_screen
from api.cli.progress import progress
from api.messages import choose_language, name_of, say


def run(options: argparse.Namespace) -> int:
    from simulator.interventions import InterventionError
    from simulator.run import CommandFileError, parse_commands, run_scenario
    from simulator.scenario import ScenarioError, load

    language = choose_language(options.lang, os.environ)
    try:
        scenario = load(options.scenario, tuple(options.overrides))
        text = read_text(options.commands, "--commands") if options.commands else ""
        commands = parse_commands(text)
        with progress(say(language, "run.running"), options.progress) as report:
            result = run_scenario(
                scenario,
                options.seed,
                commands,
                options.until,
                options.interventions,
                options.engine,
                report,
            )
    except CommandFileError as error:
        raise UsageError(f"--commands {options.commands}: {error}") from None
    except InterventionError as error:
        raise UsageError(f"--with: {error}") from None
    except ScenarioError as error:
        raise UsageError(str(error)) from None
    if options.json:
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(render_run(result, language, standard_screen(sys.stdout))))
    return 0


def execute_one(options: argparse.Namespace) -> int:
    from simulator.run import exec_once
    from simulator.scenario import ScenarioError, load

    line = options.words[0] if len(options.words) == 1 else shlex.join(options.words)
    try:
        reply = exec_once(load(options.scenario), options.seed, options.at, line)
    except ScenarioError as error:
        raise UsageError(str(error)) from None
    sys.stdout.write(reply.out)
    sys.stdout.flush()
    sys.stderr.write(reply.err)
    return reply.code


def render_run(result: dict[str, Any], language: str, screen: Screen) -> list[str]:
    """A run's result for a person: its curves, facts, alerts, timeline and invariants."""
    verdict = "run.resolved" if result["resolved"] else "run.unresolved"
    head = (
        f"{result['scenario']} · seed {result['seed']} · {result['engine']} · "
        f"{number(result['sim_seconds'], language)} s · {result['digest']}"
    )
    colour = "green" if result["resolved"] else "red"
    lines = [screen.paint(head, "bold"), screen.paint(say(language, verdict), colour), ""]
    lines += _curves(result["series"], language, screen)
    lines += _section(say(language, "run.facts"), _facts(result["facts"], language), screen)
    alerts = [f"{_clock(a['t'])}  {a['severity']}  {a['name']}" for a in result["alerts"]]
    lines += _section(say(language, "run.alerts"), alerts, screen)
    timeline = [
        f"{_clock(e['t'])}  {e['kind']:<9} {shorten(e['text'], screen.columns - 20)}"
        for e in result["timeline"]
    ]
    lines += _section(say(language, "run.timeline"), timeline, screen)
    return lines + _section(
        say(language, "run.invariants"), _invariants(result["invariants"], language, screen), screen
    )


def _curves(series: dict[str, list[float | None]], language: str, screen: Screen) -> list[str]:
    """One row a series: name, curve, smallest and largest value."""
    shown = {name: values for name, values in series.items() if name != "t" and values}
    if not shown:
        return []
    name_width = max(len(name) for name in shown)
    room = max(10, screen.columns - name_width - 26)
    lines = []
    for name, values in shown.items():
        known = [v for v in values if v is not None]
        extent = f"{number(min(known), language)} … {number(max(known), language)}" if known else "–"
        lines.append(f"{name:<{name_width}}  {sparkline(values, room, screen):<{room}}  {extent}")
    return lines


def _facts(facts: dict[str, Any], language: str) -> list[str]:
    return [
        f"{name_of(language, 'fact', name):<24} {number(value, language)}"
        + (f"  ({_clock(value)})" if name.endswith("_s") and value else "")
        for name, value in facts.items()
        if not name.startswith("violated.")  # told with the invariants
    ]


def _invariants(invariants: dict[str, dict[str, Any]], language: str, screen: Screen) -> list[str]:
    lines = []
    for name, state in invariants.items():
        if state["ok"]:
            word = screen.paint(say(language, "run.holds"), "green")
        else:
            violations = state["violations"]
            count = state.get("count") or (len(violations) if isinstance(violations, list) else violations)
            word = screen.paint(say(language, "run.violated", count=count), "red")
        lines.append(f"{name:<28} {word}")
    return lines


def _section(title: str, body: list[str], screen: Screen) -> list[str]:
    return ["", screen.paint(title, "bold"), *("  " + line for line in body)] if body else []


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 60:>3}:{whole % 60:02d}"
