"""The registry of Kafka's tools, each with and without `.sh`."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.kafka import admin, cluster, console, groups, kcat, topics
from simulator.kafka.gate import guarded
from simulator.scenario import Text
from simulator.tool import Tool

_MADE: tuple[Tool, ...] = (
    Tool(
        "kafka-topics",
        topics.run,
        Text(ru="топики: список, лидеры и реплики", en="topics: list, leaders and replicas"),
        (
            "kafka-topics --bootstrap-server kafka:9092 --list",
            "kafka-topics --bootstrap-server kafka:9092 --describe --topic NAME",
        ),
    ),
    Tool(
        "kafka-console-consumer",
        console.consumer,
        Text(ru="прочитать сообщения топика", en="read a topic's messages"),
        (
            "kafka-console-consumer --bootstrap-server kafka:9092 --topic NAME --from-beginning --property print.offset=true",
        ),
    ),
    Tool(
        "kafka-console-producer",
        console.producer,
        Text(ru="записать сообщения из stdin в топик", en="write messages from stdin to a topic"),
        (
            "… | kafka-console-producer --bootstrap-server kafka:9092 --topic NAME --property parse.key=true --property key.separator=:",
        ),
        console.produces,
    ),
    Tool(
        "kafka-consumer-groups",
        groups.run,
        Text(
            ru="группы потребителей: участники, смещения, сброс",
            en="consumer groups: members, offsets, resets",
        ),
        (
            "kafka-consumer-groups --bootstrap-server kafka:9092 --describe --group G",
            "kafka-consumer-groups --bootstrap-server kafka:9092 --group G --topic T:0 --reset-offsets --shift-by -10 --dry-run",
        ),
        groups.changes,
    ),
    Tool(
        "kafka-configs",
        admin.configs,
        Text(ru="настройки топиков", en="settings of topics"),
        (
            "kafka-configs --bootstrap-server kafka:9092 --entity-type topics --entity-name T --alter --add-config min.insync.replicas=2",
        ),
        admin.alters,
    ),
    Tool(
        "kafka-get-offsets",
        admin.offsets,
        Text(ru="концы и начала партиций", en="ends and beginnings of partitions"),
        ("kafka-get-offsets --bootstrap-server kafka:9092 --topic T --time -1",),
    ),
    Tool(
        "kafka-leader-election",
        admin.election,
        Text(ru="выборы лидера партиций", en="elections of partitions' leaders"),
        (
            "kafka-leader-election --bootstrap-server kafka:9092 --election-type PREFERRED --all-topic-partitions",
        ),
        admin.always,
    ),
)
_KCAT = Text(ru="метаданные, чтение и запись Kafka", en="Kafka's metadata, reading and writing")
_FORMS = (
    "kcat -b kafka:9092 -L",
    "kcat -b kafka:9092 -C -t T -o beginning -e",
    "… | kcat -b kafka:9092 -P -t T -K:",
)
TOOLS: Mapping[str, Tool] = {
    **{name: guarded(tool) for tool in (*_MADE, *cluster.TOOLS) for name in (tool.name, f"{tool.name}.sh")},
    **{name: guarded(Tool(name, kcat.run, _KCAT, _FORMS, kcat.changes)) for name in ("kcat", "kafkacat")},
}
