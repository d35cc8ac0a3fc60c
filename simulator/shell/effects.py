"""Whether a line would change the world, judged by its words alone; nothing is run."""

from __future__ import annotations

from simulator.shell.builtin import BUILTINS
from simulator.shell.parse import parse
from simulator.shell.raw import quoted_raw
from simulator.shell.run import ALIASES, MAX_SUBSTITUTIONS
from simulator.shell.syntax import Command, If, Sequence, ShellSyntaxError, Simple, While, Word
from simulator.tool import Tool


def changes(line: str, tools: dict[str, Tool]) -> bool:
    """Whether a line would change the world, judged by its words alone; False for what can't be parsed."""
    try:
        return _changes(parse(quoted_raw(line)), tools, 0)
    except ShellSyntaxError:
        return False


def _changes(sequence: Sequence, tools: dict[str, Tool], depth: int) -> bool:
    for item in sequence.items:
        for pipeline in (item.first, *(pipeline for _, pipeline in item.rest)):
            if any(_command_changes(stage, tools, depth) for stage in pipeline.stages):
                return True
    return False


def _command_changes(command: Command, tools: dict[str, Tool], depth: int) -> bool:
    if isinstance(command, Simple):
        return _simple_changes(command.words, tools, depth)
    if isinstance(command, If):
        parts = [part for branch in command.branches for part in branch]
        return any(_changes(p, tools, depth) for p in (*parts, *filter(None, [command.otherwise])))
    if isinstance(command, While) and _changes(command.condition, tools, depth):
        return True
    return _changes(command.body, tools, depth)


def _simple_changes(words: tuple[Word, ...], tools: dict[str, Tool], depth: int) -> bool:
    nested = [part.text for word in words for part in word.parts if part.kind in ("command", "process")]
    argv = ["".join(part.text for part in word.parts if part.kind == "text") for word in words]
    if argv and argv[0] in ("bash", "sh", "watch", "eval"):
        nested.append(" ".join(word for word in argv[1:] if not word.startswith("-")))
    if depth < MAX_SUBSTITUTIONS:
        for source in nested:
            try:
                if _changes(parse(source), tools, depth + 1):
                    return True
            except ShellSyntaxError:
                continue
    for index, name in enumerate(argv):  # `xargs kubectl delete`, `sudo kubectl ...`
        name = ALIASES.get(name, [name])[0]
        if name in tools and tools[name].changes([name, *argv[index + 1 :]]):
            return True
        if not index and name not in BUILTINS:
            return False
    return False
