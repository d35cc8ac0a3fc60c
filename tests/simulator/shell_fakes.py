"""A small world for the shell and git: a clock, scratch files, variables, one repository."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from simulator.git.tools import TOOLS as GIT
from simulator.reply import Reply
from simulator.scenario import Commit, Repository, Text
from simulator.shell.run import run_line
from simulator.shell.tools import TOOLS as SHELL
from simulator.tool import Tool

STARTS_AT = datetime(2026, 11, 20, 14, tzinfo=UTC)

APP = """\
--- /dev/null
+++ b/src/App.kt
@@ -0,0 +1,6 @@
+package shop
+
+class App(private val rows: Rows) {
+    fun pay(id: Long) =
+        rows.withItems(id)
+}
--- /dev/null
+++ b/README.md
@@ -0,0 +1 @@
+# app
"""
LOOP = """\
--- a/src/App.kt
+++ b/src/App.kt
@@ -5 +5,3 @@
-        rows.withItems(id)
+        rows.find(id).items.map {
+            rows.item(it)
+        }
"""
REPOSITORY = Repository(
    name="app",
    commits=[
        Commit(
            hash="aaaa1111",
            author="dev <dev@shop.example>",
            date=datetime(2026, 11, 1, 9, 30, 5, tzinfo=UTC),
            subject="Pay",
            tag="v1",
            diff=APP,
        ),
        Commit(
            hash="bbbb2222",
            author="qa <qa@shop.example>",
            date=datetime(2026, 11, 19, 12, tzinfo=UTC),
            subject="Faster queries",
            body="No join.\nSecond line.",
            tag="v2",
            diff=LOOP,
        ),
    ],
)


@dataclass
class FakeWorld:
    """What the shell asks of a world."""

    language: str = "en"
    now_s: float = 0.0
    seed: int = 1
    follow_limit_s: float = 10.0
    files: dict[str, str] = field(default_factory=dict)
    shell_vars: dict[str, str] = field(default_factory=dict)
    command_log: list[str] = field(default_factory=list)
    scenario: Any = field(
        default_factory=lambda: SimpleNamespace(
            namespace="prod",
            components={"payment-service": 1},
            repositories=[REPOSITORY],
            codebase=None,
            databases=dict,
        )
    )

    def at(self, t_s: float) -> datetime:
        return STARTS_AT + timedelta(seconds=t_s)

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


def _pods(_world: object, argv: list[str], _stdin: str) -> Reply:
    """A stand-in for a console of another room: two pods, or an error."""
    if argv[1:2] == ["get"]:
        return Reply(out="NAME   READY\np-1    1/1\np-2    0/1\n")
    return Reply(err=f"error: unknown command {argv[1:2]}\n", code=1)


KUBECTL = Tool(
    "kubectl", _pods, Text(ru="кластер", en="cluster"), ("kubectl get pods",), lambda argv: "delete" in argv
)
TOOLS: dict[str, Tool] = {**SHELL, **GIT, "kubectl": KUBECTL}


def run(line: str, world: FakeWorld | None = None) -> Reply:
    return run_line(world or FakeWorld(), line, TOOLS)  # type: ignore[arg-type]


def out(line: str, world: FakeWorld | None = None) -> str:
    """Standard output of a line that must succeed."""
    reply = run(line, world)
    assert (reply.err, reply.code) == ("", 0), (line, reply)
    return reply.out
