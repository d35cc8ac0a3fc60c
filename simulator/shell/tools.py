"""The registry of the shell's own tools: one line a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.reply import Reply
from simulator.shell import (
    awk,
    columns,
    encodings,
    grep,
    host,
    jq,
    kernelside,
    lines,
    machine,
    numfmt,
    sed,
    sorted_pairs,
    sorting,
    words,
    yq,
)
from simulator.shell.builtin import BUILTINS, Builtin
from simulator.shell.run import Shell
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World


def _in_a_shell(world: World, argv: list[str], stdin: str) -> Reply:
    """A builtin called as a plain tool sees the shell's own tools; a line's shell never comes here."""
    return Shell(world, TOOLS).call(argv, stdin)


def _listed(builtin: Builtin) -> Tool:
    """A builtin as an entry of the registry, so that help and completion know it."""
    return Tool(builtin.name, _in_a_shell, builtin.summary, builtin.forms)


TOOLS: dict[str, Tool] = {
    **{name: _listed(builtin) for name, builtin in BUILTINS.items()},
    **grep.TOOLS,
    **lines.TOOLS,
    **sorting.TOOLS,
    **columns.TOOLS,
    **awk.TOOLS,
    **sed.TOOLS,
    **jq.TOOLS,
    **yq.TOOLS,
    **sorted_pairs.TOOLS,
    **numfmt.TOOLS,
    **kernelside.TOOLS,
    **words.TOOLS,
    **encodings.TOOLS,
    **host.TOOLS,
    **machine.TOOLS,
}
