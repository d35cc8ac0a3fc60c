"""The room of sagas: pods that hold them, the orchestrator's metrics and logs, and the console."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from simulator.room import Room
from simulator.sagas import state
from simulator.telemetry.line import LogLine, of_second
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.telemetry.metrics import Family
    from simulator.world import World


def _tools() -> Mapping[str, Tool]:
    from simulator.sagas.tools import TOOLS

    return TOOLS


def _metrics() -> Mapping[str, Family]:
    from simulator.sagas.metrics import FAMILIES

    return FAMILIES


def _logs(world: World, app: str, second: int) -> Iterator[LogLine]:
    return of_second(state.sagas_of(world).journal, app, second)


ROOM = Room(
    "sagas",
    state.build,
    each_second=state.each_second,
    identity=state.identity,
    tools=_tools,
    metrics=_metrics,
    logs=_logs,
)
