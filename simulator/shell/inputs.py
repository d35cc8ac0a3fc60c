"""The files a text tool was given, or what is piped into it; missing ones are reported like the real tool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.reply import Reply
from simulator.shell import files

if TYPE_CHECKING:
    from simulator.world import World


@dataclass
class Inputs:
    """`found` holds (name as typed, text); `errors` what goes to standard error."""

    found: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.found)

    def reply(self, out: str, code: int = 0, failed: int = 1) -> Reply:
        """The tool's answer; `failed` is its exit code when a file could not be read."""
        return Reply(out, "".join(self.errors), failed if self.errors else code)


def gather(world: World, tool: str, operands: list[str], stdin: str) -> Inputs:
    """Read the operands; without any, or for `-`, the piped text."""
    inputs = Inputs()
    for name in operands or ["-"]:
        try:
            inputs.found.append((name, files.read(world, name, stdin)))
        except files.FileProblem as problem:
            inputs.errors.append(_complaint(tool, name[:200], problem.reason))
    return inputs


def _complaint(tool: str, name: str, reason: str) -> str:
    if tool in ("sort", "tac") and reason == files.ABSENT:
        return f"{tool}: cannot read: {name}: {reason}\n"
    if tool in ("head", "tail"):
        if reason == "Is a directory":
            return f"{tool}: error reading '{name}': {reason}\n"
        return f"{tool}: cannot open '{name}' for reading: {reason}\n"
    if tool == "awk":
        return f"awk: cannot open {name} ({reason})\n"
    if tool == "sed":
        if reason == "Is a directory":
            return f"sed: couldn't edit {name}: not a regular file\n"
        return f"sed: can't read {name}: {reason}\n"
    if tool == "jq":
        return f"jq: error: Could not open {name}: {reason}\n"
    if tool == "column":
        return f"column: cannot open {name}: {reason}\n"
    return f"{tool}: {name}: {reason}\n"


def lines_of(text: str) -> list[str]:
    """The lines without their ends; a last line without an end counts."""
    if not text:
        return []
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def joined(lines: list[str]) -> str:
    return "".join(line + "\n" for line in lines)


def mapped(text: str, change: Callable[[str], str]) -> str:
    """Every line changed; a last line without an end stays without one."""
    lines = [change(line) for line in lines_of(text)]
    return joined(lines) if text.endswith("\n") or not lines else "\n".join(lines)
