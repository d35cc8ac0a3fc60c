"""Our consoles over what the recorders asked the real tools: both answers, and how they differ."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from simulator import snapshots
from simulator.kubernetes.console import run_kubectl
from simulator.redis import cli
from simulator.reply import Reply
from tests.simulator import postgres_scene, promql_scene, redis_scene
from tests.simulator.tool_scenes import FIXTURES, cluster

HERE = Path(__file__).parent
TOOLS = ("kubectl", "promql", "psql", "redis")
EQUAL, NAMES, DIFFERENT = "equal", "equal but for names and times", "different"
NAMED = (  # what two installations may call differently
    re.compile(r"v1\.32\.\d+"),
    re.compile(r"\b15\.\d+( \(Debian [^)]*\))?"),
    re.compile(r'"(gitCommit|gitTreeState|buildDate|goVersion|compiler)": "[^"]*",?\s*'),
    re.compile(r"\d{13}-\d+"),
    re.compile(r'"/(tmp|var/run)/[^"]*"|at port "\d+"'),
    re.compile(r"process with PID \d+"),
    re.compile(r"\b\d+\.\d{3} ms\b"),
    re.compile(r"(?<=cost=)[\d.]+|(?<=width=)\d+"),
)


@dataclass(frozen=True)
class Pair:
    """One command and both answers as text."""

    tool: str
    command: str
    real: str
    ours: str
    same: bool

    @property
    def verdict(self) -> str:
        if self.same:
            return EQUAL
        return NAMES if plain(self.real) == plain(self.ours) else DIFFERENT


def plain(text: str) -> str:
    """A text without names and times; tables are as wide as what stands in them, so blanks and rules shrink."""
    for pattern in NAMED:
        text = pattern.sub("", text)
    return re.sub(r"-{3,}", "---", re.sub(r"[ \n]+", " ", text)).strip()


def recorded(tool: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FIXTURES / "real" / f"{tool}.json").read_text(encoding="utf-8"))
    return found


@cache
def pairs(tool: str) -> tuple[Pair, ...]:
    """All of a tool's recordings with our answers beside them."""
    return tuple(_pairs(tool))


def _pairs(tool: str) -> Iterator[Pair]:
    if tool == "promql":
        for row in recorded(tool):
            own = promql_scene.ours(row["expr"], row["kind"])
            yield Pair(tool, row["expr"], _shown(row), _shown(own), promql_scene.same(row, own))
        return
    for row in recorded(tool):
        try:
            reply = {"kubectl": _kubectl, "psql": _psql, "redis": _redis}[tool](row["command"])
        except Exception as error:  # noqa: BLE001  (a crash is a difference to report)
            reply = Reply("", f"crash: {type(error).__name__}: {error}\n", 99)
        real, own = (row["code"], row["out"], row["err"]), (reply.code, reply.out, reply.err)
        yield Pair(tool, row["command"], _text(*real), _text(*own), real == own)


def _shown(answer: dict[str, Any]) -> str:
    return answer.get("error") or json.dumps(answer["data"], ensure_ascii=False)


def _text(code: int, out: str, err: str) -> str:
    return f"{out}{err}[{code}]"


def _kubectl(command: str) -> Reply:
    return run_kubectl(cluster(), shlex.split(command))  # type: ignore[arg-type]


@cache
def _database() -> Any:
    world = postgres_scene.empty()
    setup = (HERE / "recorders" / "psql_setup.sql").read_text(encoding="utf-8")
    postgres_scene.psql(world, "-X", "-q", stdin=setup)
    return world


LOOKS = re.compile(
    r"(?!.*(nextval|setval|pg_sleep|lock|terminate|cancel|for update))(select|explain|\\d|values|table) ",
    re.I,
)


def _psql(command: str) -> Reply:
    world = _database() if LOOKS.match(command) else _database().fork()
    world.follow_limit_s = 10.0
    return postgres_scene.psql(world, "-X", stdin=command.replace("<nl>", "\n") + "\n")


@cache
def _keys() -> snapshots.Snapshot:
    world = redis_scene.shop()
    lines = "\n".join(["FLUSHALL", *redis_scene.SETUP]) + "\n"
    cli.TOOLS["redis-cli"].run(world, ["redis-cli"], lines)
    return snapshots.take(world)


def _redis(command: str) -> Reply:
    return cli.TOOLS["redis-cli"].run(_keys().world(), ["redis-cli", "--no-raw"], command + "\n")


@dataclass(frozen=True)
class Reason:
    """Why some of a tool's commands are answered otherwise."""

    tool: str
    pattern: re.Pattern[str]
    text: str

    def fits(self, pair: Pair) -> bool:
        return pair.tool == self.tool and self.pattern.search(pair.command) is not None


@cache
def reasons() -> tuple[Reason, ...]:
    """The lines of real_differences.txt: tool, a pattern of commands, why (parted by tabs)."""
    found = []
    for line in (HERE / "real_differences.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            tool, pattern, text = re.split(r"\t+", line)
            found.append(Reason(tool, re.compile(pattern), text))
    return tuple(found)


def reason_of(pair: Pair) -> str:
    """Why a pair differs; nothing when that is not known."""
    return next((reason.text for reason in reasons() if reason.fits(pair)), "")
