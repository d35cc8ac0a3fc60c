"""`kafka-configs`, `kafka-get-offsets`, `kafka-leader-election`: settings of topics, ends of logs, leaders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from simulator import bridge
from simulator.kafka.options import Usage, Words, parse, unreachable
from simulator.kafka.resets import offset_at
from simulator.kafka.state import broker_named, first_up, kafka_of, leader_of, topics_of, up
from simulator.kafka.values import INVALID, invalid
from simulator.reply import Reply, failure
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.entities.log import Partition, Topic
    from simulator.world import World

CONFIG_VALUED = (
    "bootstrap-server", "entity-type", "entity-name", "topic", "add-config", "delete-config", "command-config", "add-config-file",
    "broker", "bootstrap-controller", "user", "client",
)  # fmt: skip
NOT_HERE = Text(
    ru="kafka-configs: здесь есть настройки топиков min.insync.replicas и unclean.leader.election.enable "
    "(--entity-type topics)",
    en="kafka-configs: the settings here are min.insync.replicas and unclean.leader.election.enable of topics "
    "(--entity-type topics)",
)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1000:
        raise ValueError(text)
    return int(text)


# name -> (field of the topic, how its text is read, Kafka's default)
SETTINGS: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "min.insync.replicas": ("min_insync", _count, "1"),
    "unclean.leader.election.enable": ("unclean", _boolean, "false"),
}


def alters(argv: list[str]) -> bool:
    return "--alter" in argv


def configs(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        words = parse(
            argv,
            CONFIG_VALUED,
            ("describe", "alter", "all", "entity-default", "broker-defaults", "user-defaults", "force"),
        )
    except Usage as usage:
        return failure(str(usage), 1)
    if words.has("describe") == words.has("alter"):
        return failure("Command must include exactly one action: --describe, --alter", 1)
    if words.get("entity-type", "topics") != "topics" or {
        "broker",
        "user",
        "client",
        "broker-defaults",
    } & set(words.found):
        return _others(world, words)
    if first_up(world) is None:
        return unreachable()
    name = words.get("entity-name", words.get("topic"))
    if words.has("describe"):
        names = [name] if name else list(topics_of(world))
        return Reply("".join(_described(world, n, words.has("all")) for n in names))
    if name not in topics_of(world):
        return failure(f"The topic '{name}' doesn't exist and auto-creation is off.", 1)
    return _alter(world, name, words)


KINDS = ("topics", "clients", "users", "brokers", "broker-loggers", "ips", "groups", "client-metrics")


def _others(world: World, words: Words) -> Reply:
    """Brokers, users and clients have no settings of their own here: they are shown so, and not altered."""
    kind = words.get(
        "entity-type", "brokers" if words.has("broker") or words.has("broker-defaults") else "users"
    )
    if kind not in KINDS:
        text = f"Invalid entity type {kind}, the entity type must be one of {', '.join(KINDS)}"
        return failure(f"{text} with a --bootstrap-server or --bootstrap-controller argument", 1)
    if words.has("alter"):
        return failure(NOT_HERE.of(world.language), 1)
    name = words.get("entity-name", words.get("broker"))
    if kind != "brokers":
        return Reply()
    if words.has("entity-default") or words.has("broker-defaults") or not name:
        return Reply("Default configs for brokers in the cluster are:\n")
    if broker_named(world, name) is None:
        return failure(
            f"Error while executing config command with args\nThe broker '{name}' doesn't exist and doesn't have dynamic config.",
            1,
        )
    out = f"{'All' if words.has('all') else 'Dynamic'} configs for broker {name} are:\n"
    shown = {**BROKER, "broker.id": str(name)} if words.has("all") else {}
    return Reply(
        out
        + "".join(
            f"  {k}={v} sensitive=false synonyms={{DEFAULT_CONFIG:{k}={v}}}\n" for k, v in shown.items()
        )
    )


BROKER = {
    "auto.create.topics.enable": "false", "default.replication.factor": "3", "log.retention.hours": "168", "min.insync.replicas": "1",
    "num.io.threads": "8", "num.network.threads": "3", "num.partitions": "1", "replica.lag.time.max.ms": "30000",
    "unclean.leader.election.enable": "false",
}  # fmt: skip
DEFAULTS = {  # of a topic; what is not in SETTINGS has no effect within an incident
    "cleanup.policy": "delete", "compression.type": "producer", "delete.retention.ms": "86400000", "file.delete.delay.ms": "60000",
    "flush.messages": "9223372036854775807", "flush.ms": "9223372036854775807", "index.interval.bytes": "4096",
    "max.compaction.lag.ms": "9223372036854775807", "max.message.bytes": "1048588", "message.timestamp.type": "CreateTime",
    "min.cleanable.dirty.ratio": "0.5", "min.compaction.lag.ms": "0", "preallocate": "false", "retention.bytes": "-1",
    "retention.ms": "604800000", "segment.bytes": "1073741824", "segment.index.bytes": "10485760", "segment.jitter.ms": "0",
    "segment.ms": "604800000",
}  # fmt: skip
HELD = ("retention.ms", "retention.bytes", "cleanup.policy", "segment.bytes", "segment.ms", "max.message.bytes", "compression.type",
        "delete.retention.ms", "message.timestamp.type", "flush.ms", "flush.messages")  # fmt: skip


def text_of(topic: Topic, setting: str) -> str:
    value = getattr(topic.spec, SETTINGS[setting][0])
    return str(value).lower()


def _described(world: World, name: str, every: bool) -> str:
    topic = topics_of(world).get(name)
    if topic is None:
        return f"The topic '{name}' doesn't exist.\n"
    out = f"{'All' if every else 'Dynamic'} configs for topic {name} are:\n"
    for setting, (_, _, default) in SETTINGS.items():
        value = text_of(topic, setting)
        if value != default:
            out += (
                f"  {setting}={value} sensitive=false synonyms={{DYNAMIC_TOPIC_CONFIG:{setting}={value}, "
                f"DEFAULT_CONFIG:{setting}={default}}}\n"
            )
        elif every:
            out += f"  {setting}={value} sensitive=false synonyms={{DEFAULT_CONFIG:{setting}={default}}}\n"
    held = kafka_of(world).held.get(name, {})
    for setting, value in DEFAULTS.items() if every else ():
        if not held.get(setting):
            out += f"  {setting}={value} sensitive=false synonyms={{DEFAULT_CONFIG:{setting}={value}}}\n"
    for setting, value in sorted(held.items()):
        if value:
            out += (
                f"  {setting}={value} sensitive=false synonyms={{DYNAMIC_TOPIC_CONFIG:{setting}={value}}}\n"
            )
    return out


def _unset(world: World, name: str, words: Words) -> list[str]:
    """Settings to be deleted that the topic has not been given."""
    asked = [key.strip() for text in words.all("delete-config") for key in text.split(",")]
    topic, held = topics_of(world)[name], kafka_of(world).held.get(name, {})
    given = {key for key in SETTINGS if text_of(topic, key) != SETTINGS[key][2]} | {
        k for k, v in held.items() if v
    }
    return [key for key in asked if key not in given]


def _alter(world: World, name: str, words: Words) -> Reply:
    wanted: dict[str, str] = {}
    for text in words.all("add-config"):
        for pair in text.split(","):
            key, _, value = pair.partition("=")
            wanted[key.strip()] = value.strip()
    unset = _unset(world, name, words)
    if unset:
        return failure(
            "Error while executing config command with args\norg.apache.kafka.common.errors.InvalidConfigurationException: "
            f"Invalid config(s): {','.join(unset)}",
            1,
        )
    for text in words.all("delete-config"):
        for key in text.split(","):
            wanted[key.strip()] = SETTINGS[key.strip()][2] if key.strip() in SETTINGS else ""
    if not wanted:
        return failure(
            "At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter",
            1,
        )
    changed: dict[str, Any] = {}
    for key, value in wanted.items():
        complaint = invalid(key, value)
        if complaint:
            return failure(INVALID + complaint, 1)
        if key in HELD:  # kept and shown; within an incident nothing of it is felt
            kafka_of(world).held.setdefault(name, {})[key] = value
            continue
        if key not in SETTINGS and key not in DEFAULTS:
            return failure(
                "Error while executing config command with args\njava.util.concurrent.ExecutionException: "
                f"org.apache.kafka.common.errors.InvalidConfigurationException: Unknown topic config name: {key}",
                1,
            )
        if key not in SETTINGS:
            return failure(NOT_HERE.of(world.language), 1)
        try:
            changed[SETTINGS[key][0]] = SETTINGS[key][1](value)
        except ValueError:
            return failure(f"{INVALID}Invalid value {value} for configuration {key}", 1)
    bridge.catch_up(world)
    topic = topics_of(world)[name]
    topic.spec = replace(topic.spec, **changed)
    for part in topic.partitions:
        part.spec = topic.spec
    return Reply(f"Completed updating config for topic {name}.\n")


# -- offsets


def offsets(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        words = parse(
            argv,
            (
                "bootstrap-server",
                "broker-list",
                "topic",
                "partitions",
                "time",
                "topic-partitions",
                "command-config",
            ),
            ("exclude-internal-topics",),
        )
        names = [n for n in topics_of(world) if words.get("topic", n) == n]
        if not names:
            return failure(
                "Error occurred: Could not match any topic-partitions with the specified filters", 1
            )
        wanted = words.get("partitions").split(",") if words.has("partitions") else None
        rows = [
            f"{name}:{number}:{offset_of(world, part, words.get('time', '-1'))}\n"
            for name in names
            for number, part in enumerate(topics_of(world)[name].partitions)
            if (wanted is None or str(number) in wanted)
            and (not words.has("topic-partitions") or _within(words.get("topic-partitions"), name, number))
        ]
    except Usage as usage:
        return failure(str(usage), 1)
    return unreachable() if first_up(world) is None else Reply("".join(rows))


def _within(text: str, name: str, number: int) -> bool:
    """--topic-partitions: `T`, `T:1`, `T:0-2` (the end is not part of it), several by commas."""
    for each in text.split(","):
        topic, colon, span = each.strip().partition(":")
        low, dash, high = span.partition("-")
        least = int(low) if low.isdigit() else 0
        most = (int(high) if high.isdigit() else number + 1) if dash else least + 1
        if topic == name and (not colon or not span or least <= number < most):
            return True
    return False


def offset_of(world: World, part: Partition, time: str) -> int:
    if time in ("-1", "latest"):
        return part.watermark
    if time in ("-2", "earliest"):
        return 0
    if time in ("-3", "max-timestamp"):
        return max(0, part.watermark - 1)
    if not time.isdigit():
        raise Usage(
            f"Error occurred: Malformed time argument {time}. Please use -1 or latest / -2 or earliest / -3 or "
            "max-timestamp / -4 or earliest-local / -5 or latest-tiered, or a specified long format timestamp"
        )
    return offset_at(part, (int(time) - round(world.at(0).timestamp() * 1000)) * 1_000_000)


# -- leaders


def always(_argv: list[str]) -> bool:
    return True


def election(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        words = parse(
            argv,
            ("bootstrap-server", "election-type", "topic", "partition", "admin.config"),
            ("all-topic-partitions",),
        )
        kind = words.get("election-type").upper()
        if kind not in ("PREFERRED", "UNCLEAN"):
            raise Usage("Missing required option(s) [election-type]")
        parts = _elected(world, words)
    except Usage as usage:
        return failure(str(usage), 1)
    if first_up(world) is None:
        return unreachable()
    meets = bridge.catch_up(world)
    done, valid, errors = [], [], ""
    for part in parts:
        answer = _elect(world, part, kind == "UNCLEAN", meets)
        if answer == "":
            done.append(part.name)
        elif answer == "valid":
            valid.append(part.name)
        else:
            errors += f"Error completing leader election ({kind}) for partition: {part.name}: {answer}\n"
    out = (
        f"Successfully completed leader election ({kind}) for partitions {', '.join(done)}\n" if done else ""
    )
    out += f"Valid replica already elected for partitions {', '.join(valid)}\n" if valid else ""
    return Reply(out, errors, 1 if errors else 0)


def _elected(world: World, words: Words) -> list[Partition]:
    topics = topics_of(world)
    if words.has("all-topic-partitions"):
        return [part for topic in topics.values() for part in topic.partitions]
    name, number = words.get("topic"), words.number("partition", -1)
    if name not in topics or not 0 <= number < len(topics[name].partitions):
        raise Usage("Missing required option(s) [topic, partition] or [all-topic-partitions]")
    return [topics[name].partitions[number]]


def _elect(world: World, part: Partition, unclean: bool, meets: bridge.Conditions) -> str:
    """Nothing when it is done, `valid` when there was nothing to do, else the error."""
    leader = leader_of(part)
    runs = leader is not None and up(world, leader)
    first = part.copies[0]
    if (unclean and runs) or (not unclean and leader == first.name and runs):
        return "valid"
    if not unclean:
        if not up(world, first.name) or first.index not in part.isr:
            return (
                "org.apache.kafka.common.errors.PreferredLeaderNotAvailableException: The preferred leader was not "
                "available."
            )
        part.elect(meets)
        return ""
    spec = part.spec
    part.spec = replace(spec, unclean=True)
    chosen = part.elect(meets)
    part.spec = spec
    return (
        ""
        if chosen
        else (
            "org.apache.kafka.common.errors.EligibleLeadersNotAvailableException: Eligible topic partition leaders are "
            "not available."
        )
    )
