"""How much of what on-call engineers type the consoles know.

    dropprod bench terminal [--json]

Reads `tests/simulator/corpus/*.txt` (its README is the schema) and gives every command to a fork of one world per
scenario. Per tool: how many of the commands that should work do, how many of the wrong ones get the real tool's error
and exit code, and which missed. A command is *unknown* when the answer denies the command or a flag of it; a *miss* is
anything that does not answer as expected, so every unknown is one.
"""

from __future__ import annotations

import json as jsonlib
import re
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simulator import snapshots
from simulator.commands import execute, tools
from simulator.reply import Reply
from simulator.run import EXEC_FOLLOW_S, make_world, play
from simulator.scenario import load
from simulator.world import World

CORPUS = Path(__file__).resolve().parents[1] / "tests" / "simulator" / "corpus"
HOME = ("payment-pool", 150.0)
ARROW = re.compile(r"\s+#=>\s+")
EXPECTED = re.compile(r"(?:(ok)|(?:exit|error) (\d+))(?:: ?(.*))?$")
SIMPLE = re.compile(r"[^;&|`<>$]*$")  # no hidden commands
STARTERS = frozenset(
    "bash env read sh sudo tee time timeout watch xargs".split()
)  # what runs or keeps something else
DENIED = re.compile(
    r"unknown (?:command|flag|shorthand|option|subcommand|long flag|short flag)|command not found|(?:unrecognized|"
    r"invalid|illegal) option|is not a recognized option|is unknown$|not simulated|isn't simulated|not implemented|"
    r"не моделируется|не имитируется|cannot be simulated|isn't supported here|unsupported|not supported|not here; instead|"
    r"invalid command|is not a git command|does not run here|is not available here|not available in this",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Line:
    """A command of the corpus and the answer it should get. `text` may be `/a pattern/`."""

    tool: str
    scenario: str
    at_s: float
    command: str
    code: int = 0
    text: str = ""
    wrong: bool = False

    def problem(self, reply: Reply) -> str:
        """What is not as it should be in an answer; nothing when all is well."""
        denied = DENIED.search(reply.text)
        if denied and not self.wrong:
            return f"unknown: {_first(reply.text, denied.start())}"
        if reply.code != self.code:
            return f"exit {reply.code}, not {self.code}: {_first(reply.text)}"
        if self.text and not _holds(self.text, reply.text):
            return f"no {self.text!r} in: {_first(reply.text)}"
        return ""


def _holds(expected: str, answer: str) -> bool:
    if len(expected) > 2 and expected[0] == expected[-1] == "/":
        return re.search(expected[1:-1], answer) is not None
    return expected in answer


def _first(text: str, at: int = 0) -> str:
    begin = text.rfind("\n", 0, at) + 1
    return text[begin:].strip().partition("\n")[0][:140]


def corpus() -> list[Line]:
    """All lines, file by file."""
    return [line for path in sorted(CORPUS.glob("*.txt")) for line in _read(path)]


def _read(path: Path) -> Iterator[Line]:
    scenario, at_s = HOME
    for number, raw in enumerate(path.read_text().splitlines(), 1):
        if raw.startswith("@ "):
            _, scenario, second = raw.split()
            at_s = float(second)
        elif raw.strip() and not raw.startswith("#"):
            command, wanted = _halves(raw)
            found = EXPECTED.match(wanted or "ok")
            if found is None:
                raise ValueError(f"{path.name}:{number}: what is {wanted!r}?")
            yield Line(
                path.stem,
                scenario,
                at_s,
                command,
                int(found[2] or 0),
                found[3] or "",
                path.stem == "wrong" or wanted.startswith("error"),
            )


def _halves(raw: str) -> tuple[str, str]:
    command, *wanted = ARROW.split(raw, maxsplit=1)
    return command, "".join(wanted).strip()


def names(world: World) -> dict[str, str]:
    """What stands for {pod}, {node} and the like in this world."""
    service = world.scenario.focus.service
    pods = [p for p in world.kubernetes.pods.values() if p.app == service and p.ready and p.deleted_s is None]
    found = {"pod": pods[0].name, "node": pods[0].node, "old": "payment-service-5d9f8c7b6-zzzzz"}
    found["rev"] = str(min(each.revision for each in world.kubernetes.revisions(service)))
    domain = world.entities.domain if world.entities is not None else None
    found["topic"] = next(iter(domain.topics), "payments") if domain else "payments"
    found["group"] = next(iter(domain.groups), "payments-consumer") if domain else "payments-consumer"
    return found


def filled(text: str, known: dict[str, str]) -> str:
    for name, value in known.items():
        text = text.replace("{" + name + "}", value)
    return text


class _Stage:
    """A world at a moment, given out again and again: a fresh copy only after something has changed it."""

    def __init__(self, scenario: str, at_s: float) -> None:
        world = make_world(load(scenario), 1)
        world.follow_limit_s, world.turn_based = EXEC_FOLLOW_S, False
        play(world, (), at_s)
        self.snapshot = snapshots.take(world)
        self.known = names(world)
        self.world: World | None = None

    def answer(self, line: Line) -> str:
        world = self.snapshot.world() if self.world is None else self.world
        self.world = None
        try:
            reply = execute(world, filled(line.command, self.known))
        except Exception as error:  # noqa: BLE001  (a crash is a miss to report, not the end)
            return f"crash: {type(error).__name__}: {error}"
        untouched = world.now_s == self.snapshot.now_s and world.pending is None and not world.files
        if untouched and _looks(line.command):
            self.world = world
        return replace(line, text=filled(line.text, self.known)).problem(reply)


def results(lines: list[Line]) -> list[tuple[Line, str]]:
    """Each line and what is wrong with its answer, in the lines' order.

    Every scenario and second is played once for all files. What only looks is asked first there, of one and the same
    world: what a world works out for its readers (percentiles, running sums) is then worked out once.
    """
    places: dict[tuple[str, float], list[int]] = {}
    for number, line in enumerate(lines):
        places.setdefault((line.scenario, line.at_s), []).append(number)
    answers: dict[int, str] = {}
    for place, numbers in places.items():
        stage = _Stage(*place)
        for number in sorted(numbers, key=lambda n: not _looks(lines[n].command)):
            answers[number] = stage.answer(lines[number])
    return [(line, answers[number]) for number, line in enumerate(lines)]


def _looks(command: str) -> bool:
    """Whether a command surely leaves nothing behind: a pipeline of tools that change nothing and start nothing."""
    if not SIMPLE.match(command.replace("|", "")):
        return False
    try:
        parts = [shlex.split(part) for part in command.split("|")]
    except ValueError:
        return False
    known = tools()
    return all(
        words and words[0] in known and words[0] not in STARTERS and not known[words[0]].changes(words)
        for words in parts
    )


def table(told: list[tuple[Line, str]]) -> dict[str, dict[str, Any]]:
    """Figures per tool, and `all`."""
    found: dict[str, dict[str, Any]] = {}
    for tool in [*dict.fromkeys(line.tool for line, _ in told), "all"]:
        own = [(line, problem) for line, problem in told if tool in (line.tool, "all")]
        right = [problem for line, problem in own if not line.wrong]
        wrong = [problem for line, problem in own if line.wrong]
        unknown = sum(p.startswith(("unknown", "crash")) for _, p in own)
        found[tool] = {
            "commands": len(own),
            "known": round(1 - unknown / len(own), 4),
            "as_expected": round(sum(not p for p in right) / max(1, len(right)), 4) if right else None,
            "wrong_commands": len(wrong),
            "right_error": round(sum(not p for p in wrong) / len(wrong), 4) if wrong else None,
        }
    return found


def main(json: bool = False) -> None:
    began = time.perf_counter()
    told = results(corpus())
    figures = table(told)
    misses = [{"tool": line.tool, "command": line.command, "problem": p} for line, p in told if p]
    if json:
        print(jsonlib.dumps({"tools": figures, "misses": misses}, ensure_ascii=False, indent=1))
        return
    print(f"{'tool':<10}{'commands':>9}{'known':>9}{'as expected':>13}{'wrong':>7}{'right error':>13}")
    for tool, row in figures.items():
        shares = [
            f"{row[k]:.1%}" if row[k] is not None else "-" for k in ("known", "as_expected", "right_error")
        ]
        print(
            f"{tool:<10}{row['commands']:>9}{shares[0]:>9}{shares[1]:>13}{row['wrong_commands']:>7}{shares[2]:>13}"
        )
    for miss in misses:
        print(f"  {miss['tool']:<8} {miss['command']}\n           -> {miss['problem']}")
    print(f"{time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
