"""The room of standbys: built where a database declares one."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.room import Room
from simulator.standby import state
from simulator.tool import Tool


def _tools() -> Mapping[str, Tool]:
    from simulator.standby.tools import TOOLS

    return TOOLS


ROOM = Room("standby", state.build, each_second=state.each_second, tools=_tools)
