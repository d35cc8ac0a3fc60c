"""The registry of rooms: one line each. Order is that of building and of each second."""

from simulator.codebase.room import ROOM as CODEBASE
from simulator.facade.room import ROOM as FACADE
from simulator.flags.room import ROOM as FLAGS
from simulator.room import Room

ROOMS: tuple[Room, ...] = (
    FLAGS,
    CODEBASE,
    FACADE,
)
