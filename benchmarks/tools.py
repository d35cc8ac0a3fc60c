"""How our consoles differ from the real tools, by what the recorders asked both.

    dropprod bench tools [--json]
    python -m benchmarks.tools --write

The recordings lie in `tests/simulator/fixtures/real`; `make record` makes them anew where the real tools are. `--write`
makes TOOLS.md: counts by tool, and of what differs the reason.
"""

from __future__ import annotations

import json as jsonlib
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.simulator import real_tools as real

PAGE = Path(__file__).resolve().with_name("TOOLS.md")
ABOUT = {
    "kubectl": "kubectl 1.32 over an API server that serves one of our worlds",
    "promql": "Prometheus 2.42 over samples of our run",
    "psql": "psql and PostgreSQL 15.18, a fresh database for every script",
    "redis": "redis-cli and redis-server 7.0, the same keys before every command",
}
OPEN = "not mended yet"


def figures() -> dict[str, dict[str, Any]]:
    """By tool: counts, and the commands that differ by reason."""
    found: dict[str, dict[str, Any]] = {}
    for tool in real.TOOLS:
        pairs = real.pairs(tool)
        counts = Counter(pair.verdict for pair in pairs)
        why: dict[str, list[str]] = {}
        for pair in pairs:
            if pair.verdict == real.DIFFERENT:
                why.setdefault(real.reason_of(pair) or OPEN, []).append(pair.command)
        found[tool] = {
            "commands": len(pairs),
            "equal": counts[real.EQUAL],
            "names": counts[real.NAMES],
            "different": counts[real.DIFFERENT],
            "reasons": dict(sorted(why.items(), key=lambda item: (-len(item[1]), item[0]))),
        }
    return found


def page(found: dict[str, dict[str, Any]]) -> str:
    text = (
        "# Our consoles and the real tools\n\nMade by `python -m benchmarks.tools --write`. Each command was given to "
        "the real tool once (`make record`) and is given to ours here: answer, errors and exit code are compared "
        "character by character, values of PromQL to nine digits. The commands were chosen for what tools do on their "
        "own: flags and their errors, templates, selectors, parsers, types, layouts.\n\n"
        "| tool | commands | equal | equal but for names and times | different |\n|---|---|---|---|---|\n"
    )
    for tool, row in found.items():
        text += (
            f"| {ABOUT[tool]} | {row['commands']} | {row['equal']} | {row['names']} | {row['different']} |\n"
        )
    for tool, row in found.items():
        text += f"\n## {tool}: what differs\n" + ("\n" if row["reasons"] else "\nNothing.\n")
        for why, commands in row["reasons"].items():
            shown = ", ".join(f"`{_cell(command)}`" for command in commands[:3])
            text += f"- {why} ({len(commands)}): {shown}{' …' if len(commands) > 3 else ''}\n"
    return text


def _cell(command: str) -> str:
    return command.replace("`", "'")[:70]


def main(json: bool = False) -> None:
    found = figures()
    if json:
        print(jsonlib.dumps(found, ensure_ascii=False, indent=1))
    else:
        print(page(found), end="")
    if "--write" in sys.argv:
        PAGE.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main(json="--json" in sys.argv)
