"""Every hostile line is answered within its bounds: measured in a child with limits on CPU and memory.

Each gets two seconds of CPU and 300 MB above what the world takes; nothing of this machine may be in an answer.
"""

from __future__ import annotations

import os
import re
import resource
import time
from pathlib import Path

import pytest

from benchmarks import terminal
from simulator import snapshots
from simulator.commands import execute
from simulator.run import EXEC_FOLLOW_S, make_world, play
from simulator.scenario import load

CPU_S = 2.0
MEMORY_MB = 300
HARD_S = 30
TRIES = 3  # a machine full of other work counts up to twice the CPU for the same work
REPEATED = re.compile(r"⟦(.*?)×(\d+)⟧", re.DOTALL)
WARM = (
    "psql -c 'select 1'",
    "redis-cli ping",
    "promql up",
    "logcli labels",
    "jq -n 1",
    "helm ls",
    "kcat -b kafka -L",
)


def lines() -> list[str]:
    found = []
    for raw in Path(__file__).with_name("hostile_lines.txt").read_text().splitlines():
        if raw and not raw.startswith("#"):
            text = raw.encode("latin-1", "backslashreplace").decode("unicode_escape")
            found.append(REPEATED.sub(lambda match: match[1] * int(match[2]), text))
    return found


@pytest.fixture(scope="module")
def stage() -> tuple[snapshots.Snapshot, dict[str, str]]:
    world = make_world(load("payment-pool"), 1)
    world.follow_limit_s, world.turn_based = EXEC_FOLLOW_S, False
    play(world, (), 150.0)
    snapshot, known = snapshots.take(world), terminal.names(world)
    warm = snapshot.world()
    for line in WARM:
        execute(warm, line)
    return snapshot, known


def _pages() -> tuple[int, int]:
    size, resident = (int(word) for word in Path("/proc/self/statm").read_text().split()[:2])
    return size * resource.getpagesize(), resident * resource.getpagesize()


def _child(snapshot: snapshots.Snapshot, line: str, out: int) -> None:
    """In the child: answer within the limits and tell what it took."""
    size, _ = _pages()
    resource.setrlimit(resource.RLIMIT_CPU, (HARD_S, HARD_S + 1))
    resource.setrlimit(resource.RLIMIT_AS, (size + (1500 << 20),) * 2)
    world = snapshot.world()
    before, began = _pages()[1], time.process_time()
    try:
        text = execute(world, line).text
    except BaseException as error:  # noqa: BLE001  (whatever it is, the parent is told)
        text = f"CRASH {type(error).__name__}: {error}"
    spent = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    os.write(out, f"{spent:.3f} {peak >> 20} {text[:60_000]}".encode("utf-8", "replace"))


def measured(snapshot: snapshots.Snapshot, line: str) -> tuple[float, int, str]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            _child(snapshot, line, writer)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        told = stream.read().decode("utf-8", "replace")
    os.waitpid(child, 0)
    if not told:
        return float("inf"), 0, "killed"
    spent, peak, text = told.split(" ", 2)
    return float(spent), int(peak), text


def least(snapshot: snapshots.Snapshot, line: str) -> tuple[float, int, str]:
    """A line that took too long gets another chance: what it must not cost it costs every time."""
    found = measured(snapshot, line)
    for _ in range(TRIES - 1):
        if found[0] <= CPU_S:
            break
        found = min(found, measured(snapshot, line))
    return found


def test_every_hostile_line_is_answered_within_its_bounds(
    stage: tuple[snapshots.Snapshot, dict[str, str]],
) -> None:
    snapshot, known = stage
    machine = [line for line in Path("/etc/passwd").read_text().splitlines()[:3] if line]
    secrets = [*machine, *(value for value in os.environ.values() if len(value) > 12)]
    bad = []
    for line in lines():
        spent, peak, text = least(snapshot, terminal.filled(line, known))
        leaks = [secret for secret in secrets if secret in text and secret not in line]
        if spent > CPU_S or peak > MEMORY_MB or text.startswith("CRASH") or leaks:
            bad.append((line[:100], spent, peak, text[:100], bool(leaks)))
    assert bad == []
    assert len(lines()) > 300
