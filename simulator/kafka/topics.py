"""`kafka-topics` and `kafka-get-offsets`: what topics there are, who leads them, where their logs end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.kafka.options import Usage, Words, parse, unreachable
from simulator.kafka.state import broker_id, first_up, kafka_of, leader_of, topic_id, topics_of, up
from simulator.reply import Reply, failure
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.entities.log import Partition, Topic
    from simulator.world import World

VALUED = (
    "bootstrap-server", "command-config", "topic", "partitions", "replication-factor", "config",
    "topic-id", "delete-config",
)  # fmt: skip
FLAGS = (
    "list", "describe", "create", "alter", "delete", "under-replicated-partitions", "unavailable-partitions",
    "under-min-isr-partitions", "at-min-isr-partitions", "topics-with-overrides", "exclude-internal",
    "if-exists", "if-not-exists", "version",
)  # fmt: skip
NOT_HERE = Text(
    ru="# роль oncall топики не создаёт, не удаляет и не расширяет; есть --list и --describe "
    "(настройки меняет kafka-configs)",
    en="# the on-call role does not create, delete or extend topics; there are --list and --describe "
    "(kafka-configs changes settings)",
)
PROBLEMS = (
    "under-replicated-partitions",
    "unavailable-partitions",
    "under-min-isr-partitions",
    "at-min-isr-partitions",
)


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        words = parse(argv, VALUED, FLAGS)
    except Usage as usage:
        return failure(str(usage), 1)
    if words.has("version"):
        return Reply("3.7.0\n")
    actions = [name for name in ("list", "describe", "create", "alter", "delete") if words.has(name)]
    if len(actions) != 1:
        return failure(
            "Command must include exactly one action: --list, --describe, --create, --alter or --delete", 1
        )
    if first_up(world) is None:
        return unreachable()
    if actions[0] in ("create", "alter", "delete"):
        return _changed(world, words, actions[0])
    names = _chosen(world, words)
    if words.has("topic") and not names and not words.has("if-exists"):
        text = f"Topic '{words.get('topic')}' does not exist as expected"
        return failure(
            f"Error while executing topic command : {text}\n"
            f"[main] ERROR java.lang.IllegalArgumentException: {text}",
            1,
        )
    if actions[0] == "list":
        return Reply("".join(f"{name}\n" for name in names))
    return Reply("".join(_described(world, name, words) for name in names))


def _changed(world: World, words: Words, action: str) -> Reply:
    """Creating, extending, deleting: the on-call role may not, and is told so as a broker tells it."""
    name = words.get("topic")
    if not name:
        return failure(f'Missing required argument "[topic]" for --{action}', 1)
    if action == "create" and name in topics_of(world):
        if words.has("if-not-exists"):
            return Reply()
        return _error(f"Topic '{name}' already exists.", "TopicExistsException")
    if action != "create" and name not in topics_of(world):
        if words.has("if-exists"):
            return Reply()
        return _error(f"Topic '{name}' does not exist as expected", "UnknownTopicOrPartitionException")
    if action != "delete":
        wrong = _impossible(world, words, action, name)
        if wrong is not None:
            return wrong
    refused = _error("Authorization failed.", "TopicAuthorizationException")
    return Reply(refused.out, refused.err + NOT_HERE.of(world.language) + "\n", 1)


_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}$")


def _impossible(world: World, words: Words, action: str, name: str) -> Reply | None:
    """What no role could do: a broker's word on a name, on partitions, on replicas."""
    wanted = words.number("partitions", 1)
    if wanted < 1:
        return _error("The partitions must be greater than 0", "InvalidPartitionsException")
    if action == "alter":
        held = len(topics_of(world)[name].partitions)
        if words.has("partitions") and wanted <= held:
            why = f"Topic already has {held} partitions." if wanted == held else (
                f"The topic {name} currently has {held} partition(s); {wanted} would not be an increase."
            )  # fmt: skip
            return _error(why, "InvalidPartitionsException")
        return None
    if not _NAME.match(name) or name in (".", ".."):
        return _error(
            f"Topic name \"{name[:249]}\" is illegal, it contains a character other than ASCII alphanumerics, '.', '_' and '-'",
            "InvalidTopicException",
        )
    brokers, copies = len(kafka_of(world).brokers), words.number("replication-factor", 1)
    if copies > brokers:
        text = f"Unable to replicate the partition {copies} time(s): The target replication factor of {copies} cannot be reached because only {brokers} broker(s) are registered."
        return _error(text, "InvalidReplicationFactorException")
    return None


def _error(text: str, kind: str) -> Reply:
    return failure(
        f"Error while executing topic command : {text}\n"
        f"[main] ERROR org.apache.kafka.common.errors.{kind}: {text}\n (org.apache.kafka.tools.TopicCommand)",
        1,
    )


def _chosen(world: World, words: Words) -> list[str]:
    from simulator import patterns

    names = list(topics_of(world))
    if not words.has("topic"):
        return names
    pattern = words.get("topic").replace(",", "|")
    try:
        return [name for name in names if patterns.full_match(pattern, name)]
    except patterns.PatternError:
        return []


def _described(world: World, name: str, words: Words) -> str:
    topic = topics_of(world)[name]
    wanted = [problem for problem in PROBLEMS if words.has(problem)]
    rows = [
        (number, part)
        for number, part in enumerate(topic.partitions)
        if not wanted or any(_suffers(world, topic, part, problem) for problem in wanted)
    ]
    found = ""
    if not wanted:
        found = (
            f"Topic: {name}\tTopicId: {topic_id(world, name)}\tPartitionCount: {len(topic.partitions)}\t"
            f"ReplicationFactor: {len(topic.spec.brokers)}\tConfigs: {configs_of(topic)}\n"
        )
    for number, part in rows:
        found += f"\tTopic: {name}\tPartition: {number}\t{_placed(world, part)}\n"
    return found


def configs_of(topic: Topic) -> str:
    """The settings that are not Kafka's defaults, as `Configs:` has them."""
    found = []
    if topic.spec.min_insync != 1:
        found.append(f"min.insync.replicas={topic.spec.min_insync}")
    if topic.spec.unclean:
        found.append("unclean.leader.election.enable=true")
    return ",".join(found)


def insync(world: World, part: Partition) -> list[str]:
    """Names of in-sync replicas; a broker that is down leaves the set as soon as the controller knows."""
    return [part.copies[i].name for i in part.isr if up(world, part.copies[i].name) or len(part.isr) == 1]


def _suffers(world: World, topic: Topic, part: Partition, problem: str) -> bool:
    count = len(insync(world, part))
    leader = leader_of(part)
    return {
        "under-replicated-partitions": count < len(part.copies),
        "unavailable-partitions": leader is None or not up(world, leader),
        "under-min-isr-partitions": count < topic.spec.min_insync,
        "at-min-isr-partitions": count == topic.spec.min_insync,
    }[problem]


def _placed(world: World, part: Partition) -> str:
    leader = leader_of(part)
    shown = str(broker_id(world, leader)) if leader is not None and up(world, leader) else "none"
    replicas = ",".join(str(broker_id(world, name)) for name in (copy.name for copy in part.copies))
    isr = ",".join(str(broker_id(world, name)) for name in insync(world, part))
    return f"Leader: {shown}\tReplicas: {replicas}\tIsr: {isr}"
