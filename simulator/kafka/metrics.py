"""What kafka_exporter shows. Names and labels: danielqsj/kafka_exporter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from simulator.kafka.state import groups_of, topics_of

if TYPE_CHECKING:
    from simulator.telemetry.metrics import Family, Labels, Telemetry

Found = Iterator[tuple["Labels", Any]]


def _brokers(t: Telemetry) -> Found:
    yield {}, t.column("kafka/brokers")


def _partition(what: str) -> Family:
    def family(t: Telemetry) -> Found:
        for name, topic in topics_of(t.world).items():
            for number in range(len(topic.partitions)):
                labels = {"topic": name, "partition": str(number)}
                yield labels, t.column(f"kafka/topic/{name}/{number}/{what}")

    return family


def _group_partition(what: str) -> Family:
    def family(t: Telemetry) -> Found:
        for name, group in groups_of(t.world).items():
            for number in sorted(group.committed):
                labels = {
                    "consumergroup": name,
                    "topic": group.topic.spec.name,
                    "partition": str(number),
                }
                yield labels, t.column(f"kafka/group/{name}/{number}/{what}")

    return family


def _members(t: Telemetry) -> Found:
    for name in groups_of(t.world):
        yield {"consumergroup": name}, t.column(f"kafka/group/{name}/members")


def _lag_sum(t: Telemetry) -> Found:
    for name, group in groups_of(t.world).items():
        yield {"consumergroup": name, "topic": group.topic.spec.name}, t.column(f"kafka/group/{name}/lag")


FAMILIES: Mapping[str, Family] = {
    "kafka_brokers": _brokers,
    "kafka_topic_partition_current_offset": _partition("end"),
    "kafka_topic_partition_in_sync_replica": _partition("isr"),
    "kafka_topic_partition_under_replicated_partition": _partition("under"),
    "kafka_topic_partition_leader": _partition("leader"),
    "kafka_consumergroup_current_offset": _group_partition("offset"),
    "kafka_consumergroup_lag": _group_partition("lag"),
    "kafka_consumergroup_lag_sum": _lag_sum,
    "kafka_consumergroup_members": _members,
}
