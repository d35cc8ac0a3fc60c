"""The room of the faults: `break` is its console; it has no state before the first fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from simulator.faults import ledger
from simulator.room import Room
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World


def _tools() -> Mapping[str, Tool]:
    from simulator.faults.console import TOOLS

    return TOOLS


def _nothing_yet(_world: World) -> None:
    return None


def _each_second(world: World) -> None:
    ledger.ledger_of(world).layers.again(world)


ROOM = Room(
    ledger.ROOM,
    _nothing_yet,
    handlers=ledger.HANDLERS,
    each_second=_each_second,
    identity=ledger.identity,
    tools=_tools,
)
