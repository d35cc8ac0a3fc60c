"""`shardctl`: the shard router's console. What it prints is read off the run; what it changes, the router does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.shards import plans, views
from simulator.shards.state import database_of, key_number, spec_of, state_of
from simulator.tool import Tool
from simulator.wording import Wrong

if TYPE_CHECKING:
    from simulator.world import World

FORMS = (
    "shardctl status",
    "shardctl map [KEY]",
    "shardctl top [--limit N]",
    "shardctl jobs",
    "shardctl check",
    "shardctl move KEY --to SHARD [--rate ROWS/S] [--no-double-write | --offline]",
    "shardctl isolate KEY [--to SHARD] [--rate ROWS/S] [--no-double-write | --offline]",
    "shardctl split SHARD [--to SHARD] [--rate ROWS/S]",
    "shardctl rebalance --shards N --dry-run|--execute [--rate ROWS/S]",
    "shardctl salt KEY --parts N",
    "shardctl unsalt KEY",
    "shardctl limit KEY RPS|off",
    "shardctl repair [--rate ROWS/S]",
    "shardctl cancel JOB",
)
T = {
    "usage": Text(ru="shardctl: {0}\nформы:\n  {1}", en="shardctl: {0}\nforms:\n  {1}"),
    "verb": Text(ru="нет команды {0!r}", en="unknown command {0!r}"),
    "flag": Text(ru="неизвестный флаг {0}", en="unknown flag {0}"),
    "value": Text(ru="у {0} нет значения", en="{0} needs a value"),
    "number": Text(ru="{0!r}: нужно число {1}", en="{0!r}: expected a number {1}"),
    "args": Text(ru="не хватает аргументов", en="arguments are missing"),
    "key": Text(ru="нет ключа {0!r}; пример: {1}", en="no key {0!r}; an example: {1}"),
    "none": Text(
        ru="shardctl: в этой системе нет шардированной базы", en="shardctl: no sharded database here"
    ),
}
VALUES = ("--to", "--rate", "--parts", "--shards", "--limit")
SWITCHES = ("--dry-run", "--execute", "--no-double-write", "--offline")
MOST_RATE = 1_000_000


@dataclass
class Call:
    words: list[str]
    values: dict[str, str] = field(default_factory=dict)
    switches: set[str] = field(default_factory=set)


def read(world: World, argv: list[str]) -> Call:
    """Raises Wrong."""
    call, rest = Call([]), list(argv)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name in SWITCHES and not equals:
            call.switches.add(name)
        elif name in VALUES:
            if not equals and not rest:
                raise Wrong(_say(world, "value", name))
            call.values[name] = value if equals else rest.pop(0)
        elif word.startswith("--"):
            raise Wrong(_say(world, "flag", word))
        else:
            call.words.append(word)
    return call


def _say(world: World, key: str, *values: object) -> str:
    return T[key].of(world.language).format(*values)


def number(world: World, text: str, least: int, most: int) -> int:
    """Raises Wrong."""
    digits = text.removeprefix(spec_of(world).database + "-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10 and least <= int(digits) <= most):
        raise Wrong(_say(world, "number", text, f"{least} … {most}"))
    return int(digits)


def key_of(world: World, call: Call, at: int = 1) -> int:
    """Raises Wrong."""
    if len(call.words) <= at:
        raise Wrong(_say(world, "args"))
    found = key_number(world, call.words[at])
    if found is None:
        raise Wrong(_say(world, "key", call.words[at], spec_of(world).key.format(48213)), 1)
    return found


def shard_of(world: World, call: Call) -> int | None:
    text = call.values.get("--to")
    return None if text is None else number(world, text, 0, database_of(world).shards - 1)


def rate_of(world: World, call: Call) -> float:
    text = call.values.get("--rate")
    return spec_of(world).rate if text is None else float(number(world, text, 100, MOST_RATE))


# -- commands


def _status(world: World, _call: Call) -> str:
    return views.status(world)


def _map(world: World, call: Call) -> str:
    if len(call.words) > 1:
        return views.key_map(world, call.words[1], key_of(world, call))
    return views.shard_map(world)


def _top(world: World, call: Call) -> str:
    return views.top(world, number(world, call.values.get("--limit", "10"), 1, 50))


def _move(world: World, call: Call) -> str:
    key, target = key_of(world, call), shard_of(world, call)
    if target is None:
        raise Wrong(_say(world, "value", "--to"))
    return plans.move(world, call.words[1], key, target, rate_of(world, call), *_ways(world, call))


def _isolate(world: World, call: Call) -> str:
    key, target = key_of(world, call), shard_of(world, call)
    target = plans.spare(world) if target is None else target
    return plans.move(world, call.words[1], key, target, rate_of(world, call), *_ways(world, call))


def _ways(world: World, call: Call) -> tuple[bool, bool]:
    """Whether both shards are written during the move, and whether the key is closed for writes."""
    offline = "--offline" in call.switches
    return "--no-double-write" not in call.switches and not offline, offline


def _split(world: World, call: Call) -> str:
    if len(call.words) < 2:
        raise Wrong(_say(world, "args"))
    shard = number(world, call.words[1], 0, database_of(world).shards - 1)
    target = shard_of(world, call)
    target = plans.spare(world) if target is None else target
    return plans.split(world, shard, target, rate_of(world, call))


def _rebalance(world: World, call: Call) -> str:
    most = database_of(world).shards
    wanted = number(world, call.values.get("--shards", str(most)), 1, most)
    if len(call.switches & {"--dry-run", "--execute"}) != 1:
        raise Wrong(_say(world, "args"))
    return plans.rebalance(world, wanted, rate_of(world, call), "--execute" in call.switches)


def _salt(world: World, call: Call) -> str:
    if "--parts" not in call.values:
        raise Wrong(_say(world, "value", "--parts"))
    most = state_of(world).map.now.serving
    return plans.salt(
        world, call.words[1:2], key_of(world, call), number(world, call.values["--parts"], 2, most)
    )


def _unsalt(world: World, call: Call) -> str:
    return plans.unsalt(world, call.words[1:2], key_of(world, call))


def _limit(world: World, call: Call) -> str:
    key_of(world, call)
    if len(call.words) < 3:
        raise Wrong(_say(world, "args"))
    per_s = None if call.words[2] == "off" else float(number(world, call.words[2], 0, 1_000_000))
    return plans.limit(world, call.words[1], per_s)


def _repair(world: World, call: Call) -> str:
    return plans.repair(world, rate_of(world, call))


def _cancel(world: World, call: Call) -> str:
    if len(call.words) < 2:
        raise Wrong(_say(world, "args"))
    return plans.cancel(world, number(world, call.words[1], 1, 10_000))


LOOKS: dict[str, Callable[[World, Call], str]] = {
    "status": _status,
    "map": _map,
    "top": _top,
    "jobs": lambda world, _call: views.jobs(world),
    "check": lambda world, _call: views.check(world),
}
CHANGES: dict[str, Callable[[World, Call], str]] = {
    "move": _move,
    "isolate": _isolate,
    "split": _split,
    "rebalance": _rebalance,
    "salt": _salt,
    "unsalt": _unsalt,
    "limit": _limit,
    "repair": _repair,
    "cancel": _cancel,
}


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    if world.scenario.sharding is None:
        return failure(_say(world, "none"), 1)
    try:
        call = read(world, argv[1:])
        verb = call.words[0] if call.words else "status"
        verb = {"hot": "top", "hotkeys": "top", "show": "status", "list": "status", "ls": "status"}.get(
            verb, verb
        )
        does = {**LOOKS, **CHANGES}.get(verb)
        if does is None:
            raise Wrong(_say(world, "verb", verb))
        return Reply(does(world, call))
    except Wrong as wrong:
        if wrong.code == 1:
            return failure(f"shardctl: {wrong}", 1)
        return failure(_say(world, "usage", wrong, "\n  ".join(FORMS)), 2)
    except plans.Refused as refused:
        return failure(f"shardctl: {refused}", 1)


def changes(argv: list[str]) -> bool:
    words = [word for word in argv[1:] if not word.startswith("--")]
    return bool(words) and words[0] in CHANGES and "--dry-run" not in argv


TOOLS = {
    "shardctl": Tool(
        "shardctl",
        run,
        Text(
            ru="роутер шардов: карта, нагрузка, перенос и дробление ключей",
            en="the shard router: map, load, moving and splitting keys",
        ),
        FORMS,
        changes,
    )
}
