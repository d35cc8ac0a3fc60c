"""`kcat` (once kafkacat): metadata, consuming and producing with one tool."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.kafka import messages
from simulator.kafka.admin import offset_of
from simulator.kafka.console import MOST, SENT, milliseconds, records, unescaped
from simulator.kafka.state import PORT, broker_id, first_up, groups_of, kafka_of, leader_of, topics_of, up
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.wording import Wrong

if TYPE_CHECKING:
    from simulator.entities.log import Partition, Record
    from simulator.world import World

VALUED, PLAIN = "btpocfKDXGsZFkdrmHzi", "LCPQeqJuEvThVAO"
USAGE = "Usage: kcat <options> [file1 file2 .. | topic1 topic2 ..]]"
T = {
    "usage": Text(
        ru="kcat: {0}. Здесь есть -L, -C, -G, -Q и -P с -b -t -p -o -c -e -q -f -J -K -D",
        en="kcat: {0}. There are -L, -C, -G, -Q and -P with -b -t -p -o -c -e -q -f -J -K -D",
    ),
    "group": Text(
        ru="% ERROR: -G {0}: здесь консоль не входит в группу, в которой работают (она забрала бы партиции); другая группа читает",
        en="% ERROR: -G {0}: the console does not join a group that is at work here (it would take partitions); another group reads",
    ),
    "order": Text(
        ru="kcat: в сообщении нет номера заказа: {0!r} (нужен JSON с order_id или номер ключом)",
        en="kcat: the message names no order: {0!r} (JSON with order_id is needed, or its number as the key)",
    ),
}


@dataclass
class Asked:
    mode: str = ""
    values: dict[str, str] = field(default_factory=dict)
    flags: str = ""
    topics: list[str] = field(default_factory=list)


def _parse(argv: list[str]) -> Asked:
    asked, rest = Asked(), argv[1:]
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or len(word) < 2:
            if asked.mode != "G":
                raise Wrong(word)
            asked.topics.append(word)
            continue
        letter = word[1]
        if letter in VALUED:
            if len(word) == 2 and not rest:
                raise Wrong(f"option requires an argument -- '{letter}'")
            asked.values[letter] = word[2:] or rest.pop(0)
            asked.mode = "G" if letter == "G" else asked.mode
            continue
        for each in word[1:]:
            if each not in PLAIN:
                raise Wrong(f"invalid option -- '{each}'")
            if each in "LCPQ":
                asked.mode = each
            else:
                asked.flags += each
    return asked


def changes(argv: list[str]) -> bool:
    return any(word.startswith("-P") for word in argv)


def run(world: World, argv: list[str], stdin: str) -> Reply:
    try:
        asked = _parse(argv)
        if first_up(world) is None:
            return failure("% ERROR: Failed to acquire metadata: Local: Broker transport failure", 1)
        if asked.mode == "L":
            shown = _metadata_json if "J" in asked.flags else _metadata
            return Reply(shown(world, asked.values.get("t", "")))
        if "V" in asked.flags or "h" in asked.flags:
            return Reply(
                "kcat - Apache Kafka producer and consumer tool\nhttps://github.com/edenhill/kcat\nVersion 1.7.1 (JSON, librdkafka 2.0.2)\n"
            )
        if asked.mode == "Q":
            return Reply(_queried(world, asked.values.get("t", "")))
        if asked.mode == "G":
            return _grouped(world, asked)
        topic = asked.values.get("t", "")
        if asked.mode in ("C", "P") and not topic:
            return failure(f"Error: -t <topic> missing\n\n{USAGE}", 1)
        if asked.mode not in ("C", "P", "") or not topic:
            raise Wrong("-L | -C -t TOPIC | -P -t TOPIC")
        if topic not in topics_of(world):
            return failure(f"% ERROR: Topic {topic} error: Broker: Unknown topic or partition", 1)
        return _produce(world, asked, topic, stdin) if asked.mode == "P" else _consume(world, asked, topic)
    except Wrong as wrong:
        return failure(T["usage"].of(world.language).format(wrong), 1)


def _queried(world: World, text: str) -> str:
    """-Q -t TOPIC:PARTITION:TIMESTAMP: the offset at a time."""
    name, _, rest = text.partition(":")
    number, _, time = rest.partition(":")
    topic = topics_of(world).get(name)
    if (
        topic is None
        or not number.isdigit()
        or int(number) >= len(topic.partitions)
        or not time.lstrip("-").isdigit()
    ):
        raise Wrong("-Q requires one or more -t <topic>:<partition>:<timestamp>")
    return f"{name} [{number}] offset {offset_of(world, topic.partitions[int(number)], time)}\n"


def _metadata(world: World, only: str) -> str:
    asked, made = first_up(world), kafka_of(world)
    assert asked is not None
    what = only or "all topics"
    out = f"Metadata for {what} (from broker {broker_id(world, asked)}: {asked}:{PORT}/{broker_id(world, asked)}):\n"
    running = [name for name in made.brokers if up(world, name)]
    out += f" {len(running)} brokers:\n"
    for name in running:
        mark = " (controller)" if name == asked else ""
        out += f"  broker {broker_id(world, name)} at {name}:{PORT}{mark}\n"
    topics = {n: t for n, t in topics_of(world).items() if only in ("", n)}
    out += f" {len(topics)} topics:\n"
    for name, topic in topics.items():
        out += f'  topic "{name}" with {len(topic.partitions)} partitions:\n'
        for number, part in enumerate(topic.partitions):
            leader = leader_of(part)
            there = leader is not None and up(world, leader)
            shown = broker_id(world, leader) if leader is not None and there else -1
            replicas = ",".join(str(broker_id(world, c.name)) for c in part.copies)
            isrs = ",".join(str(broker_id(world, part.copies[i].name)) for i in part.isr)
            error = "" if there else ", Broker: Leader not available"
            out += f"    partition {number}, leader {shown}, replicas: {replicas}, isrs: {isrs}{error}\n"
    return out


def _metadata_json(world: World, only: str) -> str:
    """-L -J: the same as one JSON document."""
    asked = first_up(world)
    assert asked is not None
    brokers = [
        {"id": broker_id(world, n), "name": f"{n}:{PORT}"} for n in kafka_of(world).brokers if up(world, n)
    ]
    topics = []
    for name, topic in topics_of(world).items():
        partitions = []
        for number, part in enumerate(topic.partitions):
            leader = leader_of(part)
            there = leader is not None and up(world, leader)
            made: dict[str, object] = {"partition": number}
            made["leader"] = broker_id(world, leader) if leader is not None and there else -1
            made["replicas"] = [{"id": broker_id(world, c.name)} for c in part.copies]
            made["isrs"] = [{"id": broker_id(world, part.copies[i].name)} for i in part.isr]
            partitions.append(made)
        if only in ("", name):
            topics.append({"topic": name, "partitions": partitions})
    document = {
        "originating_broker": {"id": broker_id(world, asked), "name": f"{asked}:{PORT}/{broker_id(world, asked)}"},
        "query": {"topic": only or "*"}, "controllerid": broker_id(world, asked), "brokers": brokers, "topics": topics,
    }  # fmt: skip
    return json.dumps(document, separators=(",", ":")) + "\n"


def _grouped(world: World, asked: Asked) -> Reply:
    """-G GROUP TOPIC...: a group of its own reads from the end (or -o); it leaves no trace here."""
    name, known = asked.values["G"], topics_of(world)
    if not asked.topics:
        raise Wrong("-G GROUP TOPIC...")
    if name in groups_of(world):
        return failure(T["group"].of(world.language).format(name), 1)
    for topic in asked.topics:
        if topic not in known:
            return failure(f"% ERROR: Topic {topic} error: Broker: Unknown topic or partition", 1)
    spans = ", ".join(f"{t} [{n}]" for t in asked.topics for n in range(len(known[t].partitions)))
    lead = (
        f"% Waiting for group rebalance\n% Group {name} rebalanced (memberid rdkafka-1): assigned: {spans}\n"
    )
    reply = _consume(world, asked, asked.topics[0])
    return Reply(reply.out, ("" if "q" in asked.flags else lead) + reply.err, reply.code)


def _consume(world: World, asked: Asked, topic: str) -> Reply:
    parts = topics_of(world)[topic].partitions
    numbers = range(len(parts))
    if "p" in asked.values:
        text = asked.values["p"]
        if not text.isdigit() or int(text) not in numbers:
            return failure(f"% ERROR: Topic {topic} [{text}] error: Local: Unknown partition", 1)
        numbers = range(int(text), int(text) + 1)
    begin = asked.values.get("o", "end" if asked.mode == "G" else "beginning")
    starts = {n: _start(world, begin, parts[n]) for n in numbers}
    limit = _number(asked.values.get("c", str(MOST)))
    lines: list[str] = []
    write = messages.writer(world, topic)
    for number, record in records(world, topic, starts):
        if len(lines) >= min(limit, MOST):
            break
        lines.append(_line(world, asked, topic, number, record, write(record)))
    ends = ""
    if len(lines) < limit and "q" not in asked.flags:
        last = max(numbers)
        for number in numbers:
            over = ": exiting" if "e" in asked.flags and number == last else ""
            ends += f"% Reached end of topic {topic} [{number}] at offset {parts[number].watermark}{over}\n"
    return Reply("".join(lines), ends, 0)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Wrong(text) from None


def _start(world: World, text: str, part: Partition) -> int:
    end = part.watermark
    if text[:2] in ("s@", "e@"):  # from a time in milliseconds
        return offset_of(world, part, str(_number(text[2:]))) if text[0] == "s" else 0
    if text == "beginning":
        return 0
    if text in ("end", "stored"):
        return end
    number = _number(text)
    return max(0, end + number) if number < 0 else number


def _line(world: World, asked: Asked, topic: str, number: int, record: Record, value: str) -> str:
    key = messages.key_text(world, record)
    if "J" in asked.flags:
        made_json = {"topic": topic, "partition": number, "offset": record.offset, "tstype": "create",
                     "ts": milliseconds(world, record), "broker": 0, "key": key, "payload": value}  # fmt: skip
        return json.dumps(made_json, separators=(",", ":"), ensure_ascii=False) + "\n"
    if "f" not in asked.values:
        separator = unescaped(asked.values.get("K", ""))
        return (key + separator if separator else "") + value + unescaped(asked.values.get("D", "\n"))
    out = unescaped(asked.values["f"])
    made = {
        "%t": topic, "%p": str(number), "%o": str(record.offset), "%k": key, "%s": value, "%S": str(len(value)),
        "%K": str(len(key)), "%T": str(milliseconds(world, record)), "%h": "",
    }  # fmt: skip
    parts = out.split("%%")
    for name, shown in made.items():
        parts = [part.replace(name, shown) for part in parts]
    return "%".join(parts)


def _produce(world: World, asked: Asked, topic: str, stdin: str) -> Reply:
    lines = [line for line in stdin.splitlines() if line][:SENT]
    separator = unescaped(asked.values.get("K", ""))
    try:
        orders = []
        for line in lines:
            key, found, value = line.partition(separator) if separator else ("", "", line)
            orders.append(messages.entity_in(world, key if found else None, value if found else line))
    except messages.NotAnOrder as wrong:
        return failure(T["order"].of(world.language).format(str(wrong)), 1)
    errors = ""
    for order in orders:
        try:
            messages.produce(world, topic, order)
        except messages.NotWritten:
            errors += "% Delivery failed for message: Broker: Not enough in-sync replicas\n"
    return Reply("", errors, 1 if errors else 0)
