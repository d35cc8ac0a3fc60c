"""What a technology's room offers the world: its state, what happens in it by itself, what it shows.

A room is a folder; its `room.py` holds one `Room`. `simulator/rooms.py` is the one registry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.telemetry.line import LogLine
    from simulator.telemetry.metrics import Family
    from simulator.world import World


def no_tools() -> Mapping[str, Tool]:
    return {}


def no_metrics() -> Mapping[str, Family]:
    return {}


@dataclass(frozen=True)
class Room:
    """A room. Its state is plain picklable data and lies in `world.rooms[name]`.

    build           makes the state at the start, or None when the scenario has nothing of it
    handlers        agenda records by name (`name.what`)
    each_second     what it notices and does once a simulated second, after the data plane has moved
    identity        what of the state belongs in the world's digest: a value whose `repr` is stable
    tools, metrics  its console and its exporters; called late, so that starting imports neither
    logs            lines of one second of a component of its own (app name, second), oldest first
    apps            the app names `logs` knows
    """

    name: str
    build: Callable[[World], Any]
    handlers: Mapping[str, Callable[..., None]] = field(default_factory=dict)
    each_second: Callable[[World], None] | None = None
    identity: Callable[[Any], Any] = repr
    tools: Callable[[], Mapping[str, Tool]] = no_tools
    metrics: Callable[[], Mapping[str, Family]] = no_metrics
    logs: Callable[[World, str, int], Iterator[LogLine]] | None = None
    apps: Callable[[World], list[str]] | None = None
