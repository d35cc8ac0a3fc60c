"""Feature flags: which there are, who owns them, what state they are in. A change is live within a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.reply import Reply, failure
from simulator.room import Room
from simulator.scenario import Text
from simulator.tool import Tool
from simulator.wording import Words

if TYPE_CHECKING:
    from simulator.world import World

T = {
    "none": Text(ru="flags: у этой системы нет флагов", en="flags: this system has no flags"),
    "usage": Text(
        ru="flags: {0}\nформы: flags list; flags get NAME; flags set NAME STATE",
        en="flags: {0}\nforms: flags list; flags get NAME; flags set NAME STATE",
    ),
    "verb": Text(ru="нет действия {0!r}", en="no action {0!r}"),
    "name": Text(ru="нет флага {0!r}; есть: {1}", en="no flag {0!r}; there are: {1}"),
    "state": Text(ru="у {0} нет состояния {1!r}; есть: {2}", en="{0} has no state {1!r}; it has: {2}"),
    "same": Text(ru="{0} уже {1}", en="{0} is {1} already"),
    "set": Text(ru="{0}: {1} → {2}", en="{0}: {1} → {2}"),
    "args": Text(ru="не хватает аргументов", en="arguments are missing"),
}


say = Words(T)


def state_of(world: World, name: str) -> str:
    return world.settings.flags.get(name, world.scenario.flags[name].default)


def change(world: World, name: str, state: str) -> None:
    """Set a flag; it holds from the next second on."""
    before = state_of(world, name)
    world.settings.flags[name] = state
    world.note("flag", say(world, "set", name, before, state))


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    flags = world.scenario.flags
    verb, rest = (argv[1], argv[2:]) if len(argv) > 1 else ("list", [])
    verb = {"show": "get", "ls": "list", "status": "list"}.get(verb, verb)
    if verb in flags:  # `flags NAME` reads, `flags NAME STATE` switches
        verb, rest = ("set" if rest else "get"), [verb, *rest]
    if verb not in ("list", "get", "set"):
        return failure(say(world, "usage", say(world, "verb", verb)), 2)
    if not flags:
        return failure(say(world, "none"), 1)
    if verb == "list":
        return Reply(_table(world, list(flags)))
    if not rest or (verb == "set" and len(rest) != 2):
        return failure(say(world, "usage", say(world, "args")), 2)
    name = rest[0]
    if name not in flags:
        return failure(say(world, "usage", say(world, "name", name, ", ".join(flags))), 2)
    if verb == "get":
        return Reply(f"{state_of(world, name)}\n")
    state = rest[1]
    if state not in flags[name].states:
        return failure(
            say(world, "usage", say(world, "state", name, state, ", ".join(flags[name].states))), 2
        )
    before = state_of(world, name)
    if before == state:
        return Reply(say(world, "same", name, state) + "\n")
    change(world, name, state)
    return Reply(say(world, "set", name, before, state) + "\n")


def _table(world: World, names: list[str]) -> str:
    rows = [("NAME", "STATE", "OWNER", "")]
    for name in names:
        flag = world.scenario.flags[name]
        rows.append((name, state_of(world, name), flag.owner, flag.text.of(world.language)))
    widths = [max(len(row[i]) for row in rows) + 3 for i in range(3)]
    return "".join(
        ("".join(cell.ljust(w) for cell, w in zip(row, widths, strict=False)) + row[3]).rstrip() + "\n"
        for row in rows
    )


def _changes(argv: list[str]) -> bool:
    """`flags set NAME STATE`, and `flags NAME STATE`."""
    return argv[1:2] == ["set"] or (len(argv) == 3 and argv[1] not in ("get", "show", "list", "ls", "status"))


def _build(world: World) -> Any:
    return {} if world.scenario.flags else None  # the states themselves are settings


ROOM = Room(
    "flags",
    _build,
    tools=lambda: {
        "flags": Tool(
            "flags",
            run,
            Text(ru="флаги функций: список, чтение, переключение", en="feature flags: list, read, switch"),
            ("flags list", "flags set NAME on"),
            _changes,
        )
    },
)
