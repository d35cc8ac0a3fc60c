"""The room of Kafka: brokers that go down, consumers that live in pods, and the tools that look at both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from simulator.kafka import consumers, faults, observe
from simulator.kafka.state import APP, build, identity, kafka_of
from simulator.room import Room
from simulator.telemetry.line import LogLine, of_second
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.telemetry.metrics import Family
    from simulator.world import World


def _tools() -> Mapping[str, Tool]:
    from simulator.kafka.tools import TOOLS

    return TOOLS


def _metrics() -> Mapping[str, Family]:
    from simulator.kafka.metrics import FAMILIES

    return FAMILIES


def _logs(world: World, app: str, second: int) -> Iterator[LogLine]:
    return of_second(kafka_of(world).journal, app, second)


def _each_second(world: World) -> None:
    consumers.follow_pods(world)
    observe.each_second(world)


ROOM = Room(
    "kafka",
    build,
    handlers=faults.HANDLERS,
    each_second=_each_second,
    identity=identity,
    tools=_tools,
    metrics=_metrics,
    logs=_logs,
    apps=lambda world: [APP],
)
