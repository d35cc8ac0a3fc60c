"""Before a tool of Kafka runs: is there a cluster in this world, and does the bootstrap address lead to it?"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.kafka.state import PORT, kafka_of
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

ELSEWHERE = ("payment-pool", "kafka-lost-orders")  # worlds that have one
NO_KAFKA = Text(
    ru="# в этом сценарии нет Kafka; она есть в: {0}",
    en="# there is no Kafka in this scenario; there is one in: {0}",
)
CLIENTS = ("kcat", "kafkacat")
NUMBER = re.compile(r"\d+$")
# What each tool of Kafka 3.7 says when it is not told where the brokers are; the others find out by their own options.
MISSING = {
    **dict.fromkeys(
        ("kafka-console-consumer", "kafka-consumer-groups", "kafka-get-offsets", "kafka-log-dirs", "kafka-broker-api-versions",
         "kafka-delete-records"), 'Missing required argument "[bootstrap-server]"',
    ),
    "kafka-console-producer": 'Missing required argument "[broker-list]"',
    "kafka-replica-verification": 'Missing required argument "[broker-list]"',
    "kafka-topics": "--bootstrap-server must be specified\njava.lang.IllegalArgumentException: --bootstrap-server must be specified\n"
    "\tat org.apache.kafka.tools.TopicCommand$TopicCommandOptions.checkArgs(TopicCommand.java)",
    "kafka-configs": "One of the required --bootstrap-server, --boostrap-controller, or --zookeeper arguments must be specified",
    "kafka-reassign-partitions": "Please specify --bootstrap-server",
    "kafka-acls": "One of --bootstrap-server or --authorizer must be specified",
    "kafka-features": "Please specify --bootstrap-server.",
    "kafka-cluster": "Please specify --bootstrap-server.",
    **{
        f"kafka-{name}": f"usage: kafka-{name} [-h] --bootstrap-server BOOTSTRAP_SERVER [--command-config COMMAND_CONFIG]\n"
        f"kafka-{name}: error: argument --bootstrap-server is required"
        for name in ("leader-election", "metadata-quorum", "transactions")
    },
}  # fmt: skip
ANY_ACTION = ("--list", "--describe", "--create", "--alter", "--delete")


def guarded(tool: Tool) -> Tool:
    """The tool, which answers as the real one when nobody answers it."""

    def run(world: World, argv: list[str], stdin: str) -> Reply:
        if {"--help", "--version"} & set(argv[1:]) and argv[0] not in CLIENTS:
            return Reply("3.7.0\n") if "--version" in argv else Reply(_help(tool))
        asked = address(argv)
        if not asked and argv[0] in CLIENTS and not {"-V", "-h", "-F"} & set(argv):
            return failure(
                "Error: -b <broker,..> missing\n\nUsage: kcat <options> [file1 file2 .. | topic1 topic2 ..]]",
                1,
            )
        missing = "" if asked else _missing(argv)
        if missing:
            return failure(missing, 1)
        if "kafka" not in world.rooms:
            reply = _unreachable(world, argv[0], asked or f"kafka:{PORT}", resolved=False)
            return replace(
                reply, err=reply.err + NO_KAFKA.of(world.language).format(", ".join(ELSEWHERE)) + "\n"
            )
        wrong = _wrong_address(world, asked)
        if wrong is not None:
            return _unreachable(world, argv[0], asked, resolved=wrong)
        return tool.run(world, argv, stdin)

    return replace(tool, run=run)


def _missing(argv: list[str]) -> str:
    """What the tool says when no address is given; other slips it notices first stay its own affair."""
    name = argv[0].removesuffix(".sh")
    if any(word.startswith(("--zookeeper", "--bootstrap-controller")) for word in argv):
        return ""
    if name == "kafka-topics" and sum(word in ANY_ACTION for word in argv) != 1:
        return ""
    return MISSING.get(name, "")


def _help(tool: Tool) -> str:
    return (
        f"{tool.summary.en}\nOption                                   Description\n------                                   -----------\n"
        + "".join(f"  {form}\n" for form in tool.forms)
    )


def address(argv: list[str]) -> str:
    """What follows --bootstrap-server, --broker-list or -b."""
    for at, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if name in ("--bootstrap-server", "--broker-list", "--bootstrap-servers", "-b"):
            return value if equals else argv[at + 1] if at + 1 < len(argv) else ""
        if argv[0] in CLIENTS and word.startswith("-b") and len(word) > 2:
            return word[2:]
    return ""


def _wrong_address(world: World, asked: str) -> bool | None:
    """None when one of the addresses leads to the cluster; else whether any of them has a name that resolves."""
    if not asked:
        return None
    resolves, brokers = False, kafka_of(world).brokers
    for each in asked.split(","):
        host, _, port = each.strip().rpartition(":") if ":" in each else (each.strip(), "", str(PORT))
        first = host.lower().split(".")[0]
        known = (
            first in ("localhost", "127", "10")
            or first in brokers
            or (any(w in first for w in ("kafka", "broker")) and _stands(first, len(brokers)))
        )
        resolves = resolves or known
        if known and port in (str(PORT), "9093", "9094", "29092"):
            return None
    return resolves


def _stands(host: str, brokers: int) -> bool:
    """Whether a host's number, if it has one, is that of a broker: pods count from 0, brokers from 1."""
    number = NUMBER.search(host)
    return number is None or int(number[0]) <= brokers


def _unreachable(world: World, tool: str, asked: str, resolved: bool) -> Reply:
    """What the clients say of an address that does not resolve, or where nobody listens."""
    head = f"[{world.at(world.now_s):%Y-%m-%d %H:%M:%S},000]"
    host = asked.split(",", maxsplit=1)[0]
    if tool in CLIENTS:
        shown = host if ":" in host else f"{host}:{PORT}"
        why = f"Connect to ipv4#10.0.3.31:{shown.rpartition(':')[2]} failed: Connection refused" if resolved else (
            f"Failed to resolve '{shown}': Name or service not known"
        )  # fmt: skip
        return failure(
            f"%3|{round(world.at(world.now_s).timestamp())}.000|FAIL|rdkafka#producer-1| [thrd:{shown}/bootstrap]: {shown}/bootstrap: "
            f"{why} (after 2ms in state CONNECT)\n% ERROR: Failed to acquire metadata: Local: Broker transport failure", 1
        )  # fmt: skip
    if resolved:
        text = "Timed out waiting for a node assignment. Call: listTopics"
        return failure(
            f"{head} WARN [AdminClient clientId=adminclient-1] Connection to node -1 ({host}) could not be established. Node may not be "
            f"available. (org.apache.kafka.clients.NetworkClient)\nError while executing command : {text}\n"
            f"{head} ERROR org.apache.kafka.common.errors.TimeoutException: {text}", 1
        )  # fmt: skip
    return failure(
        f"{head} WARN Couldn't resolve server {host} from bootstrap.servers as DNS resolution failed for {host.partition(':')[0]} "
        "(org.apache.kafka.clients.ClientUtils)\nError while executing command : Failed to create new KafkaAdminClient\n"
        f"{head} ERROR org.apache.kafka.common.KafkaException: Failed to create new KafkaAdminClient\n"
        "Caused by: org.apache.kafka.common.config.ConfigException: No resolvable bootstrap urls given in bootstrap servers", 1
    )  # fmt: skip
