"""What a room contributes to the terminal: tools by name, each a pure function of world and words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from simulator.reply import Reply
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

Run = Callable[["World", list[str], str], Reply]


def never(_argv: list[str]) -> bool:
    return False


@dataclass(frozen=True)
class Tool:
    """A command a player can type.

    `run(world, argv, stdin)` gets the words after quoting is undone (argv[0] is the tool's name) and
    the text piped into it. `changes(argv)` tells whether these words would change the world; it must
    not look at the world. `forms` are example lines for `help`.
    """

    name: str
    run: Run
    summary: Text
    forms: tuple[str, ...] = ()
    changes: Callable[[list[str]], bool] = never


def helped(tool: Tool, run_help: Run) -> Tool:
    """The tool, answering `--help` and `-h` alone as `help TOOL` does, and then changing nothing."""

    def asks(argv: list[str]) -> bool:
        return argv[1:] in (["--help"], ["-h"])

    def run(world: World, argv: list[str], stdin: str) -> Reply:
        return run_help(world, ["help", tool.name], stdin) if asks(argv) else tool.run(world, argv, stdin)

    return replace(tool, run=run, changes=lambda argv: not asks(argv) and tool.changes(argv))
