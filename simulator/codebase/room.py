"""The room of a large generated code base: read-only, so its state is empty; `generate` makes the code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulator.room import Room
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World


def _build(world: World) -> Any:
    return {} if world.scenario.codebase is not None else None


def _tools() -> Mapping[str, Tool]:
    from simulator.codebase.tools import TOOLS

    return TOOLS


ROOM = Room("codebase", _build, tools=_tools)
