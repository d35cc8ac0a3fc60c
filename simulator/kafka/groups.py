"""`kafka-consumer-groups`: who consumes, how far each group is, and moving its offsets while nobody consumes.

Layouts and texts: Apache Kafka 3.7, ConsumerGroupCommand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import bridge
from simulator.entities.history import OK
from simulator.kafka import resets
from simulator.kafka.options import Usage, Words, parse, unreachable
from simulator.kafka.state import (
    PORT,
    address,
    broker_id,
    consumer_id,
    coordinator,
    first_up,
    group_state,
    groups_of,
    inside,
    topics_of,
)
from simulator.reply import Reply, failure
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.entities.groups import Group, Member
    from simulator.world import World

VALUED = (
    "bootstrap-server", "group", "topic", "to-offset", "shift-by", "to-datetime", "by-duration", "from-file",
    "timeout", "command-config", "state",
)  # fmt: skip
FLAGS = (
    "list", "describe", "reset-offsets", "delete", "delete-offsets", "all-groups", "all-topics", "members",
    "offsets", "verbose", "to-earliest", "to-latest", "to-current", "dry-run", "execute", "export",
)  # fmt: skip
NEW_GROUP = Text(
    ru="kafka-consumer-groups: сброс здесь не заводит новую группу {0!r}; с --dry-run видно, куда она встала бы",
    en="kafka-consumer-groups: a reset does not make the new group {0!r} here; --dry-run shows where it would stand",
)
DRY = (
    "WARN: No action will be performed as the --execute option is missing."
    "In a future major release, the default behavior of this command will be to prompt the user before executing "
    "the reset rather than doing a dry run. You should add the --dry-run option explicitly if you are scripting "
    "this command and want to keep the current default behavior without prompting.\n"
)


def changes(argv: list[str]) -> bool:
    return "--execute" in argv


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        words = parse(_with_state(argv), VALUED, FLAGS)
        return _run(world, words)
    except Usage as usage:
        return failure(str(usage), 1)


def _with_state(argv: list[str]) -> list[str]:
    """`--state` takes a value or none; here it is always given one."""
    found = []
    for n, word in enumerate(argv):
        bare = word == "--state" and (n + 1 == len(argv) or argv[n + 1].startswith("--"))
        found.append("--state=" if bare else word)
    return found


def _run(world: World, words: Words) -> Reply:
    actions = [a for a in ("list", "describe", "reset-offsets", "delete", "delete-offsets") if words.has(a)]
    if len(actions) != 1:
        raise Usage(
            "Command must include exactly one action: --list, --describe, --delete, --reset-offsets, --delete-offsets"
        )
    if first_up(world) is None:
        return unreachable()
    groups = groups_of(world)
    if actions[0].startswith("delete"):
        return _deleted(groups, words, actions[0])
    if actions[0] == "list":
        return Reply(_listed(groups, words))
    if not words.has("all-groups") and not words.has("group"):
        raise Usage(f"Option [{actions[0]}] takes one of these options: [all-groups], [group]")
    wanted = list(groups) if words.has("all-groups") else words.all("group")
    if actions[0] == "describe":
        return Reply("".join(_described(world, name, words) for name in wanted))
    return _reset(world, wanted, words)


def _deleted(groups: dict[str, Group], words: Words, action: str) -> Reply:
    """Deleting a group or its offsets: refused while it has members, and to the on-call role at all."""
    wanted = list(groups) if words.has("all-groups") else words.all("group")
    if not wanted:
        raise Usage(f"Option [{action}] takes one of these options: [all-groups], [group]")
    out = ""
    for name in wanted:
        if name not in groups:
            why = "GroupIdNotFoundException: The group id does not exist."
        elif group_state(groups[name]) != "Empty":
            why = "GroupNotEmptyException: The group is not empty."
        else:
            why = "GroupAuthorizationException: Not authorized to access group: " + name
        out += f"* Group '{name}' could not be deleted due to: org.apache.kafka.common.errors.{why}\n"
    what = "consumer groups" if action == "delete" else "offsets"
    return Reply(f"\nError: Deletion of some {what} failed:\n{out}")


def _listed(groups: dict[str, Group], words: Words) -> str:
    if not words.has("state"):
        return "".join(f"{name}\n" for name in groups)
    rows = [("GROUP", "STATE"), *((name, group_state(group)) for name, group in groups.items())]
    width = max(15, *(len(name) for name, _ in rows))
    return "".join(f"{name:<{width}} {state}\n" for name, state in rows)


# -- describing


def _described(world: World, name: str, words: Words) -> str:
    group = groups_of(world).get(name)
    if group is None:
        return f"\nError: Consumer group '{name}' does not exist.\n"
    state = group_state(group)
    head = ""
    if state == "Empty":
        head = f"\nConsumer group '{name}' has no active members.\n"
    elif state == "PreparingRebalance":
        head = f"\nWarning: Consumer group '{name}' is rebalancing.\n"
    if words.has("members"):
        return head + (_members(world, name, group, words.has("verbose")) if state != "Empty" else "")
    if words.has("state"):
        return head + _state(world, name, group, state)
    return head + _offsets(world, name, group)


def _offsets(world: World, name: str, group: Group) -> str:
    owners: dict[int, Member] = {}
    if not group.rebalancing:
        owners = {n: m for m in inside(group) for n in m.partitions}
    heads = (
        "GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST", "CLIENT-ID",
    )  # fmt: skip
    rows: list[tuple[str, ...]] = [heads]
    for number, part in enumerate(group.topic.partitions):
        committed, end, member = group.committed[number], part.watermark, owners.get(number)
        who = ("-", "-", "-")
        if member is not None:
            who = (consumer_id(world, member), "/" + address(world, name, member), member.name)
        lag = str(max(0, end - committed))
        rows.append((name, group.topic.spec.name, str(number), str(committed), str(end), lag, *who))
    least = (15, 15, 10, 15, 15, 15, 15, 15, 0)
    return "\n" + _padded(rows, least)


def _members(world: World, name: str, group: Group, verbose: bool) -> str:
    heads = ["GROUP", "CONSUMER-ID", "HOST", "CLIENT-ID", "#PARTITIONS"] + ["ASSIGNMENT"] * verbose
    rows: list[tuple[str, ...]] = [tuple(heads)]
    for member in inside(group):
        numbers = ",".join(str(n) for n in member.partitions)
        row = [name, consumer_id(world, member), "/" + address(world, name, member), member.name]
        row.append(str(len(member.partitions)))
        if verbose:
            row.append(f"{group.topic.spec.name}({numbers})" if numbers else "-")
        rows.append(tuple(row))
    return "\n" + _padded(rows, (15, 15, 15, 15, 15, 0))


def _state(world: World, name: str, group: Group, state: str) -> str:
    broker = coordinator(world, name)
    where = f"{broker}:{PORT} ({broker_id(world, broker)})" if broker is not None else "-"
    rows = [
        ("GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"),
        (name, where, "range" if state != "Empty" else "-", state, str(len(inside(group)))),
    ]
    return "\n" + _padded([tuple(row) for row in rows], (25, 25, 20, 15, 0))


def _padded(rows: list[tuple[str, ...]], least: tuple[int, ...]) -> str:
    widths = [max(floor, *(len(row[i]) for row in rows)) for i, floor in enumerate(least[: len(rows[0])])]
    return "".join(
        " ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


# -- moving offsets


def _reset(world: World, names: list[str], words: Words) -> Reply:
    if not words.has("topic") and not words.has("all-topics"):
        raise Usage("One of the reset scopes should be defined: --all-topics, --topic.")
    if words.has("dry-run") and words.has("execute"):
        raise Usage("Option [execute] can't be used with option [dry-run]")
    act = words.has("execute")
    out = "" if act or words.has("dry-run") else DRY
    rows: list[tuple[str, ...]] = []
    for name in names:
        group = groups_of(world).get(name)
        state = group_state(group) if group is not None else "Empty"
        if state not in ("Empty", "Dead"):
            out += (
                f"\nError: Assignments can only be reset if the group '{name}' is inactive, but the current state "
                f"is {state}.\n"
            )
            continue
        if group is None and act:  # the real tool would make the group
            raise Usage(NEW_GROUP.of(world.language).format(name))
        stands = group if group is not None else _nobody(world, name, words)
        moved, warnings = resets.planned(world, stands, words)
        out += "".join(f"{text}\n" for text in warnings)
        if group is not None and act:
            _execute(world, group, moved)
        rows += [(name, stands.topic.spec.name, str(n), str(offset)) for n, offset in moved.items()]
    heads = ("GROUP", "TOPIC", "PARTITION", "NEW-OFFSET")
    return Reply(out + "\n" + _padded([heads, *rows], (30, 30, 10, 15)))


def _nobody(world: World, name: str, words: Words) -> resets.Nobody:
    """A group nobody has used yet, over the topic that is named, or over the only one there is."""
    topics = topics_of(world)
    wanted = words.get("topic").partition(":")[0] or next(iter(topics), "")
    if wanted not in topics:
        raise Usage(f"Error: The topic '{wanted}' does not exist")
    return resets.Nobody(name, topics[wanted])


def _execute(world: World, group: Group, moved: dict[int, int]) -> None:
    bridge.catch_up(world)
    assert world.entities is not None
    for number, offset in moved.items():
        group.committed[number] = offset
        label = group.topic.partitions[number].label
        world.entities.history.add(
            world.entities.timers.now, OK, "player", f"reset {group.name}", label, offset
        )
