"""`kafka-console-consumer` and `kafka-console-producer`.

A real consumer goes on until somebody interrupts it; this one reads what is there and is then interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.kafka import messages
from simulator.kafka.options import Usage, Words, parse
from simulator.kafka.state import first_up, groups_of, topics_of
from simulator.patterns import PatternError, full_match
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.shell import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.entities.log import Record
    from simulator.world import World

MOST = 200_000  # messages of one reading
INTERNAL = ("__consumer_offsets", "__transaction_state")
SENT = 20_000  # messages of one producing
READS = (
    "bootstrap-server", "topic", "partition", "offset", "max-messages", "timeout-ms", "property", "formatter",
    "group", "consumer-property", "consumer.config", "isolation-level", "include", "whitelist", "key-deserializer",
    "value-deserializer",
)  # fmt: skip
WRITES = (
    "bootstrap-server", "broker-list", "topic", "property", "producer-property", "producer.config",
    "request-required-acks", "compression-codec", "timeout", "batch-size", "message-send-max-retries",
)  # fmt: skip
T = {
    "group": Text(
        ru="# в группу, в которой работают, роль oncall не входит: она забрала бы партиции; без --group или с другой "
        "группой читать можно",
        en="# the on-call role does not join a group that is at work: it would take partitions; without --group, or "
        "with another one, it reads",
    ),
    "order": Text(
        ru="kafka-console-producer: в сообщении нет номера заказа: {0!r}. Топики здесь несут заказы: JSON с "
        "order_id, как его печатает консольный потребитель, или номер заказа ключом",
        en="kafka-console-producer: the message names no order: {0!r}. Topics here carry orders: JSON with "
        "order_id, as the console consumer prints it, or the order's number as the key",
    ),
    "many": Text(
        ru="kafka-console-producer: не больше {0} сообщений за раз",
        en="kafka-console-producer: at most {0} messages at a time",
    ),
}


@dataclass(frozen=True)
class Shown:
    """Which parts of a record are printed, and what stands between them."""

    timestamp: bool
    partition: bool
    offset: bool
    key: bool
    value: bool
    separator: str
    lines: str


def properties(words: Words) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in words.all("property"):
        name, _, value = text.partition("=")
        found[name] = value
    return found


def unescaped(text: str) -> str:
    return text.replace("\\t", "\t").replace("\\n", "\n")


def consumer(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        words = parse(argv, READS, ("from-beginning", "skip-message-on-error", "enable-systest-events"))
        included = words.get("include", words.get("whitelist"))
        if included and not words.has("topic"):
            words.found["topic"] = [_included(world, included)]
        if not words.has("topic"):
            raise Usage("Exactly one of --include/--topic is required. ")
        if words.has("offset") and not words.has("partition"):
            raise Usage("The partition is required when offset is specified.")
        if words.has("from-beginning") and words.has("offset"):
            raise Usage("from-beginning and offset options cannot be specified together.")
        settings = words.get("consumer.config")
        if settings and not files.exists(world, settings):
            raise Usage(f"java.nio.file.NoSuchFileException: {settings}")
        limit = words.number("max-messages", -1)
        return _read(world, words, limit if limit >= 0 else MOST)
    except Usage as usage:
        return failure(str(usage), 1)


def _included(world: World, pattern: str) -> str:
    """The first topic that --include matches."""
    try:
        return next((name for name in topics_of(world) if full_match(pattern, name)), pattern)
    except PatternError:
        return pattern


def _read(world: World, words: Words, limit: int) -> Reply:
    name, group = words.get("topic"), words.get("group")
    head = f"[{world.at(world.now_s).strftime('%Y-%m-%d %H:%M:%S,%f')[:-3]}]"
    if group in groups_of(world):
        return failure(
            f"{head} ERROR Error processing message, terminating consumer process:  (kafka.tools.ConsoleConsumer$)\n"
            f"org.apache.kafka.common.errors.GroupAuthorizationException: Not authorized to access group: {group}\n"
            f"Processed a total of 0 messages\n{T['group'].of(world.language)}",
            1,
        )
    if first_up(world) is None:
        return failure(
            f"{head} WARN [Consumer clientId=console-consumer, groupId=console-consumer-1] Bootstrap broker "
            "disconnected (org.apache.kafka.clients.NetworkClient)"
        )
    if name in INTERNAL:  # read without its formatter it is binary; nothing of it is shown
        return Reply("", "^CProcessed a total of 0 messages\n")
    if name not in topics_of(world):
        return failure(
            f"{head} WARN [Consumer clientId=console-consumer, groupId=console-consumer-1] Error while fetching "
            f"metadata with correlation id 2 : {{{name}=UNKNOWN_TOPIC_OR_PARTITION}} "
            "(org.apache.kafka.clients.NetworkClient)\nProcessed a total of 0 messages"
        )
    lines, count = [], 0
    shown, text = _shown(properties(words)), messages.writer(world, name)
    for number, record in records(world, name, _starts(world, words)):
        if count >= min(limit, MOST):
            break
        lines.append(_line(world, shown, number, record, text(record)))
        count += 1
    end = f"Processed a total of {count} messages\n"
    if words.has("timeout-ms") and count < limit:
        end = (
            f"{head} ERROR Error processing message, terminating consumer process:  "
            f"(kafka.tools.ConsoleConsumer$)\norg.apache.kafka.common.errors.TimeoutException\n{end}"
        )
    elif count < limit:
        end = "^C" + end
    return Reply("".join(lines), end, 0)


def _starts(world: World, words: Words) -> dict[int, int]:
    """From which offset each partition is read."""
    parts = topics_of(world)[words.get("topic")].partitions
    if not words.has("partition"):
        return {n: 0 if words.has("from-beginning") else p.watermark for n, p in enumerate(parts)}
    number = words.number("partition", 0)
    if not 0 <= number < len(parts):
        raise Usage(f"Topic {words.get('topic')} has no partition {number}")
    text = words.get("offset", "earliest" if words.has("from-beginning") else "latest")
    if text == "earliest":
        return {number: 0}
    if text == "latest":
        return {number: parts[number].watermark}
    try:
        offset = int(text)
    except ValueError:
        raise Usage(
            f"The provided offset value '{text}' is incorrect. Valid values are 'earliest', 'latest', "
            "or a non-negative long."
        ) from None
    if offset < 0:
        raise Usage(
            f"The provided offset value '{text}' is incorrect. Valid values are 'earliest', 'latest', "
            "or a non-negative long."
        )
    return {number: offset}


def records(world: World, topic: str, starts: dict[int, int]) -> Iterator[tuple[int, Record]]:
    """Visible records partition by partition, as batches come from each leader."""
    for number, start in starts.items():
        part = topics_of(world)[topic].partitions[number]
        leader = part.newest_leader()
        if leader is None or leader.name in world.reach.down:
            continue  # nobody answers for it
        for offset in range(start, part.watermark):
            record = part.record(offset)
            if record is not None:
                yield number, record


def _shown(found: dict[str, str]) -> Shown:
    def wanted(name: str, default: str = "false") -> bool:
        return found.get(f"print.{name}", default).strip().lower() == "true"

    return Shown(
        wanted("timestamp"), wanted("partition"), wanted("offset"), wanted("key"), wanted("value", "true"),
        unescaped(found.get("key.separator", "\t")), unescaped(found.get("line.separator", "\n")),
    )  # fmt: skip


def milliseconds(world: World, record: Record) -> int:
    """A record's CreateTime."""
    return round(world.at(0).timestamp() * 1000) + record.time_ns // 1_000_000


def _line(world: World, shown: Shown, number: int, record: Record, value: str) -> str:
    parts = []
    if shown.timestamp:
        parts.append(f"CreateTime:{milliseconds(world, record)}")
    if shown.partition:
        parts.append(f"Partition:{number}")
    if shown.offset:
        parts.append(f"Offset:{record.offset}")
    if shown.key:
        parts.append(messages.key_text(world, record))
    if shown.value:
        parts.append(value)
    return shown.separator.join(parts) + shown.lines


# -- producing


def producer(world: World, argv: list[str], stdin: str) -> Reply:
    try:
        words = parse(argv, WRITES, ("sync",))
        if not words.has("topic"):
            raise Usage("Missing required option(s) [topic]")
    except Usage as usage:
        return failure(str(usage), 1)
    name, found = words.get("topic"), properties(words)
    head = f"[{world.at(world.now_s).strftime('%Y-%m-%d %H:%M:%S,%f')[:-3]}]"
    if name not in topics_of(world):
        return failure(
            f"{head} WARN [Producer clientId=console-producer] Error while fetching metadata with correlation id 1 : "
            f"{{{name}=UNKNOWN_TOPIC_OR_PARTITION}} (org.apache.kafka.clients.NetworkClient)"
        )
    lines = [line for line in stdin.splitlines() if line]
    if len(lines) > SENT:
        return failure(T["many"].of(world.language).format(SENT), 1)
    keyed, separator = found.get("parse.key", "false") == "true", unescaped(found.get("key.separator", "\t"))
    try:
        orders = [_parsed(world, line, keyed, separator, n) for n, line in enumerate(lines, 1)]
    except messages.NotAnOrder as wrong:
        return failure(T["order"].of(world.language).format(str(wrong)), 1)
    except Usage as usage:
        return failure(str(usage), 1)
    return _sent(world, name, orders, lines, head)


def _sent(world: World, name: str, orders: list[int], lines: list[str], head: str) -> Reply:
    errors = ""
    for order, line in zip(orders, lines, strict=True):
        try:
            messages.produce(world, name, order)
        except messages.NotWritten as refused:
            errors += (
                f"{head} ERROR Error when sending message to topic {name} with key: null, value: "
                f"{len(line.encode())} bytes with error: "
                "(org.apache.kafka.clients.producer.internals.ErrorLoggingCallback)\n"
                f"org.apache.kafka.common.errors.{refused}\n"
            )
    return Reply("", errors, 0)


def _parsed(world: World, line: str, keyed: bool, separator: str, number: int) -> int:
    key: str | None = None
    value = line
    if keyed:
        key, found, value = line.partition(separator)
        if not found:
            raise Usage(
                f"org.apache.kafka.common.KafkaException: No key separator found on line number {number}: '{line}'"
            )
    return messages.entity_in(world, key, value)


def produces(_argv: list[str]) -> bool:
    return True
