"""The registry of the shell's own tools: one line a file."""

from __future__ import annotations

from simulator.shell import awk, columns, grep, host, jq, lines, sed, sorting, words
from simulator.tool import Tool

TOOLS: dict[str, Tool] = {
    **grep.TOOLS,
    **lines.TOOLS,
    **sorting.TOOLS,
    **columns.TOOLS,
    **awk.TOOLS,
    **sed.TOOLS,
    **jq.TOOLS,
    **words.TOOLS,
    **host.TOOLS,
}
