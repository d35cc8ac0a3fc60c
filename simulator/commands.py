"""The terminal: one line in, one reply out. Incident verbs live here, every tool in its own room.

A line never raises for what a player typed. What a command changes goes through the rooms' own functions.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from simulator import completion, verbs
from simulator.asked import asked
from simulator.interventions import release
from simulator.interventions.migrations import SCHEMA_FITS
from simulator.reply import Reply, failure
from simulator.rooms import ROOMS
from simulator.scenario import Text
from simulator.tool import Tool, helped

if TYPE_CHECKING:
    from simulator.world import World

LINE_LIMIT = 100_000
MISTYPED = 0.8  # this like a tool's name, a word is that name mistyped: the shell's own error says so
RELEASES = frozenset(
    {"deploy", "set", "upgrade", "patch", "apply"}
)  # words of lines that bring a version out
NOT_UNDERSTOOD = (2, 127)  # bash: a syntax error, a command not found
YES = {"y", "yes", "д", "да", "ok", "ок"}

OWN = (  # tools of this project, and no real tool's name with its own way to be asked
    "ack actions alerts backfill cgraph chaos coverage dbctl dbrun deploy escalate facade failover flags graph gslb hint"
    " histcheck note oncall owners page plan postmortem resolve runtime sev shardctl status timeline trace wait"
).split()
READERS = frozenset(
    "kubectl promql graph trace logcli timeline status git grep head tail wc sort uniq jq".split()
)
PLAIN = frozenset(";&<>`$\n\\")  # what makes more of a line than a pipeline, also between quotes

ASK = Text(ru="Понял так: {0}\nВыполнить? [да/нет]", en="I read that as: {0}\nRun it? [yes/no]")
READ_AS = Text(ru="≈ {0}", en="≈ {0}")
DROPPED = Text(ru="Отменено.", en="Cancelled.")
TOO_LONG = Text(ru="Строка длиннее {0} символов.", en="The line is longer than {0} characters.")


@lru_cache(maxsize=1)
def tools() -> dict[str, Tool]:
    """Every tool by name: the one registry of consoles."""
    from simulator.balancer.tools import TOOLS as BALANCER
    from simulator.faults.chaos import TOOLS as CHAOS
    from simulator.git.tools import TOOLS as GIT
    from simulator.helm.console import TOOLS as HELM
    from simulator.kubernetes.console import TOOLS as KUBERNETES
    from simulator.postgres.tools import TOOLS as POSTGRES
    from simulator.shell.tools import TOOLS as SHELL
    from simulator.telemetry.tools import TOOLS as TELEMETRY

    found = {
        **SHELL,
        **KUBERNETES,
        **HELM,
        **POSTGRES,
        **GIT,
        **BALANCER,
        **TELEMETRY,
        **CHAOS,
        **verbs.TOOLS,
    }
    for room in ROOMS:
        found.update(room.tools())
    return found | {name: helped(found[name], verbs.run_help) for name in OWN if name in found}


def changes(line: str) -> bool:
    """Whether a line would change the world, by its tool's own word; what cannot be read may."""
    try:
        words = shlex.split(line)
    except ValueError:
        return True
    tool = tools().get(words[0]) if words else None
    return tool is None or tool.changes(words)


def could_change(line: str, names: Sequence[str]) -> bool:
    """`changes`, without what is no command at all: a word that neither shell nor SQL nor everyday speech knows."""
    from simulator.phrases import interpret
    from simulator.postgres.tools import is_sql
    from simulator.shell import effects

    first = line.split(None, 1)[0] if line.strip() else ""
    if is_sql(line) and first not in tools():
        return tools()["psql"].changes(["psql", "-c", line])
    if effects.changes(line, tools()):
        return True
    if not first or first in tools():
        return False
    meant = interpret(line, names, "en")
    return meant is not None and meant.changes


def only_looks(line: str) -> bool:
    """Whether a line surely leaves nothing behind but its note and its time: a plain pipeline of readers."""
    if len(line) > LINE_LIMIT or not PLAIN.isdisjoint(line):
        return False
    try:
        parts = [shlex.split(part) for part in line.split("|")]
    except ValueError:
        return False
    known = tools()
    return all(words and words[0] in READERS and not known[words[0]].changes(words) for words in parts)


def pass_over(world: World, line: str, until_s: float) -> bool:
    """Replay a line that only looks: its note and its time, without what it printed. False: carry it out."""
    line = line.strip()
    if world.pending is not None or not line or not only_looks(line):
        return False
    world.command_log.append(line)
    world.note("command", line if len(line) <= 200 else line[:199] + "…")
    world.advance_to(max(until_s, world.now_s))
    return True


def execute(world: World, line: str) -> Reply:
    """Carry out one line and let its time pass. Never raises for player input."""
    line = line.strip()
    if not line:
        return Reply(cost_s=0.0)
    if len(line) > LINE_LIMIT:
        return failure(TOO_LONG.of(world.language).format(LINE_LIMIT), 2)
    world.command_log.append(line)
    world.note("command", line if len(line) <= 200 else line[:199] + "…")
    reply = _answer(world, line)
    if world.turn_based and reply.cost_s > 0:
        world.advance(reply.cost_s)
    return reply


def _answer(world: World, line: str) -> Reply:
    if world.pending is not None:
        command, world.pending = world.pending, None
        if line.lower().rstrip(".!") in YES:
            return run_line(world, command)
        if line.lower().rstrip(".!") in {"n", "no", "н", "нет"}:
            return Reply(DROPPED.of(world.language) + "\n", cost_s=0.0)
    return run_line(world, line)


def run_line(world: World, line: str) -> Reply:
    """A shell line, bare SQL, or free text that plainly asks for a command."""
    from simulator.phrases import interpret
    from simulator.postgres.tools import is_sql, may_be_words, run_sql
    from simulator.shell import run as shell

    refused = _gate(world, line)
    if refused:
        return failure(refused, 1)
    if line == "break":  # alone it is the shell's word, and outside of a loop it means nothing there
        line = "break --help"
    first = line.split(None, 1)[0]
    if is_sql(line) and (first == "set" or first not in tools()):
        reply = run_sql(world, line)
        if not reply.err or not may_be_words(line, reply.err):
            return reply
    else:
        reply = shell.run_line(world, line, tools())
        mistyped = first.isascii() and difflib.get_close_matches(first, tools(), 1, MISTYPED)
        if reply.code not in NOT_UNDERSTOOD or first in tools():
            return reply
        if mistyped and asked(line, verbs.names(world)) is None:
            return reply
    suggestion = interpret(line, verbs.names(world), world.language)
    if suggestion is None:
        return reply
    if suggestion.changes:
        world.pending = suggestion.command
        return Reply(ASK.of(world.language).format(suggestion.command) + "\n", cost_s=0.0)
    answer = run_line(world, suggestion.command)
    lead = READ_AS.of(world.language).format(suggestion.command) + "\n"
    return Reply(lead + answer.out, answer.err, answer.code, answer.cost_s)


def _gate(world: World, line: str) -> str | None:
    """A release gate stops a version before any command can bring it to production."""
    gates = world.policies.keys()
    if SCHEMA_FITS not in gates and not release.GATES & gates:
        return None
    words = line.split()
    if not RELEASES & set(words):
        return None
    reason = release.unfit(world, line) if SCHEMA_FITS in gates else None
    focus = world.scenario.focus
    if not reason and focus.bad_version in line and focus.bad_version != focus.good_version:
        reason = release.refusal(world, focus.bad_version)
    if reason:
        world.note("gate", reason)
    return reason


def complete(world: World, prefix: str) -> list[str]:
    """Completions of a line's last word."""
    return completion.complete(world, prefix, tools())
