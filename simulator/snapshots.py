"""Copies of a running world: forks, and the moments of a run that replays start from.

A copy shares what nobody changes: the scenario's models, pod templates, table descriptions. Of a history it
and of the kernel's trace it keeps how far they went, since they only grow; a copy gets its own when it starts
to run. Other large arrays are copied as they are, the rest is pickled. A snapshot itself pickles, so it crosses
the border of a process; a pickle is code to whoever loads it, so none may come from outside.
"""

from __future__ import annotations

import copy
import copyreg
import io
import pickle
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from simulator import scenario
from simulator.engine import kernel
from simulator.engine.plane import History
from simulator.kubernetes.state import CanaryPlan, Template
from simulator.postgres.schema import ColumnSpec, TableSpec
from simulator.postgres.types import PgType

if TYPE_CHECKING:
    from simulator.world import World

MODELS = [m for m in vars(scenario).values() if isinstance(m, type) and issubclass(m, BaseModel)]
# Frozen, to the last field.
SHARED: list[type] = [*MODELS, Template, CanaryPlan, TableSpec, ColumnSpec, PgType]
LARGE = 4096  # bytes; a smaller array is as fast in the pickle
TRACE = kernel.FLOATS.index("trace")


class _Past:
    """A history up to a moment, while the run it is taken from may go on."""

    def __init__(self, history: History) -> None:
        self.rest = copy.copy(history)
        self.lengths = [(key, len(values)) for key, values in history.columns.items()]

    def own(self) -> History:
        fresh = copy.copy(self.rest)
        columns = self.rest.columns
        fresh.columns = {key: columns[key][:length] for key, length in self.lengths}
        return fresh

    def __getstate__(self) -> dict[str, Any]:
        return {"rest": self.own(), "lengths": self.lengths}


class _Trace:
    """What a kernel has traced up to a moment: rows are added and never touched again."""

    def __init__(self, values: Any, used: int) -> None:
        self.values = values
        self.used = used
        self.room = len(values) - used

    def own(self) -> array[float]:
        values = array("d", self.values) if isinstance(self.values, list) else self.values
        traced = array("d", (0.0,)) * (self.used + self.room)
        memoryview(traced)[: self.used] = memoryview(values)[: self.used]
        return traced

    def __getstate__(self) -> dict[str, Any]:
        return {"values": self.own()[: self.used], "used": self.used, "room": self.room}


class _Same:
    """A part that all copies share."""

    def __init__(self, part: Any) -> None:
        self.part = part

    def own(self) -> Any:
        return self.part


class _Array:
    """An array as it was; a copy of the world gets a copy."""

    def __init__(self, values: array[Any]) -> None:
        self.values = values[:]

    def own(self) -> array[Any]:
        return self.values[:]


Part = _Same | _Array | _Past | _Trace


def _part(number: int) -> Any:
    """Stands in a pickle for a part that lies beside it."""
    raise pickle.UnpicklingError(f"part {number}: a snapshot is restored by Snapshot.world")


class _Writer(pickle.Pickler):
    """Pickles a world with its shared parts aside."""

    def __init__(self, out: io.BytesIO) -> None:
        super().__init__(out, protocol=5)
        self.parts: list[Part] = []
        self.number_of: dict[int, int] = {}  # id of a shared object -> its part, which keeps it alive
        self.dispatch_table = {
            **copyreg.dispatch_table,
            **dict.fromkeys(SHARED, self._shared),
            History: lambda history: self._aside(_Past(history)),
            _Trace: self._aside,
            kernel.Kernel: self._kernel,
            array: self._array,
        }

    def _aside(self, part: Part) -> tuple[Any, ...]:
        self.parts.append(part)
        return _part, (len(self.parts) - 1,)

    def _shared(self, model: Any) -> tuple[Any, ...]:
        number = self.number_of.get(id(model))
        if number is not None:
            return _part, (number,)
        self.number_of[id(model)] = len(self.parts)
        return self._aside(_Same(model))

    def _kernel(self, k: Any) -> tuple[Any, ...]:
        trace = k.trace
        k.trace = kernel.floats(0)
        try:
            frozen = kernel.freeze(k)
        finally:
            k.trace = trace
        frozen[1][TRACE] = _Trace(trace, k.trace_used * k.trace_width)
        return kernel.restore, (frozen,)

    def _array(self, values: array[Any]) -> tuple[Any, ...]:
        if len(values) * values.itemsize < LARGE:
            return values.__reduce_ex__(5)  # type: ignore[return-value]
        return self._aside(_Array(values))


class _Reader(pickle.Unpickler):
    def __init__(self, state: bytes, parts: Sequence[Part]) -> None:
        super().__init__(io.BytesIO(state))
        self.parts = parts

    def find_class(self, module: str, name: str) -> Any:
        return self._part if module == __name__ else super().find_class(module, name)

    def _part(self, number: int) -> Any:
        return self.parts[number].own()


@dataclass(frozen=True)
class Snapshot:
    """A world at a moment; it may go on from here as often as asked."""

    now_s: float
    state: bytes
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Bytes of its own: not what it shares with the run it was taken from."""
        own = sum(len(p.values) * p.values.itemsize for p in self.parts if isinstance(p, _Array))
        return len(self.state) + own

    def world(self) -> World:
        found: World = _Reader(self.state, self.parts).load()
        return found


def take(world: World) -> Snapshot:
    out = io.BytesIO()
    writer = _Writer(out)
    writer.dump(world)
    return Snapshot(world.now_s, out.getvalue(), tuple(writer.parts))
