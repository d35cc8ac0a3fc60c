"""Copies of a running world: forks, and the moments of a run that replays start from.

A copy shares what nobody changes: the scenario's models, pod templates, table descriptions, what has been written
to a log. Parts that know a faster way than the pickler lie beside the pickle: of a history and of the kernel's trace
it is kept how far they went, since they only grow; arrays, heaps of timers, running flows, pods and
their events are copied as they are. A fork copies each of them once, a snapshot once when it is taken and once for every
world made of it. A snapshot itself pickles, so it crosses the border of a process; a pickle is code to whoever
loads it, so none may come from outside.
"""

from __future__ import annotations

import copy
import copyreg
import gc
import io
import pickle
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from simulator import scenario
from simulator.engine import kernel, network
from simulator.engine.plane import History
from simulator.entities import history, journal, spec
from simulator.entities.columns import Column
from simulator.entities.domain import Running
from simulator.entities.timers import Timers
from simulator.kubernetes.state import CanaryPlan, Events, Pods, Template
from simulator.postgres.schema import ColumnSpec, TableSpec
from simulator.postgres.types import PgType

if TYPE_CHECKING:
    from simulator.world import World

MODELS = [m for m in vars(scenario).values() if isinstance(m, type) and issubclass(m, BaseModel)]
SPECS = [
    spec.EntitiesSpec, spec.Flow, spec.Step, spec.SystemSpec, spec.StoreSpec, spec.TopicSpec, spec.GroupSpec, spec.ShardedSpec, spec.QuorumSpec,
]  # fmt: skip
# Frozen, to the last field.
SHARED: list[type] = [*MODELS, *SPECS, Template, CanaryPlan, TableSpec, ColumnSpec, PgType]
# They have a `copy` that needs no pickler and reach nothing else of the world.
CLOSED: list[type] = [
    Timers, Running, Column, history.History, journal.Journal, Pods, Events, network.Nodes,
]  # fmt: skip
LARGE = 4096  # bytes; a smaller array is as fast in the pickle


class Part(Protocol):
    """Of a world, beside its pickle."""

    def own(self) -> Any:
        """What one copy of the world gets."""

    def size(self) -> int:
        """Bytes that nobody else has."""


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

    def size(self) -> int:
        return 0

    def __getstate__(self) -> dict[str, Any]:
        return {"rest": self.own(), "lengths": self.lengths}


class _Kernel:
    """The state of a kernel."""

    def __init__(self, k: Any) -> None:
        self.k = k

    def own(self) -> Any:
        return twin(self.k)

    def size(self) -> int:
        names = [*kernel.FLOATS, *kernel.INTS]
        return sum(8 * len(getattr(self.k, name)) for name in names if name != "trace")


def twin(k: Any) -> Any:
    """A copy of a kernel. Rows of a trace are added and never touched again: it sees those that there are.

    It has no room for more, so whoever runs it makes some first, and the rows become its own.
    """
    made = kernel.Kernel.__new__(kernel.Kernel)
    for name in kernel.SCALARS:
        setattr(made, name, getattr(k, name))
    used = k.trace_used * k.trace_width
    for name in (*kernel.FLOATS, *kernel.INTS):
        values = getattr(k, name)
        if name == "trace":
            setattr(made, name, values[:used])
        else:
            setattr(made, name, values.base[:] if kernel.COMPILED else values[:])
    return made


class _Same:
    """A part that all copies share."""

    def __init__(self, part: Any) -> None:
        self.part = part

    def own(self) -> Any:
        return self.part

    def size(self) -> int:
        return 0


class _Closed:
    """A part with a `copy` of its own."""

    def __init__(self, part: Any) -> None:
        self.part = part

    def own(self) -> Any:
        return self.part.copy()

    def size(self) -> int:
        return len(pickle.dumps(self.part, 5))


class _Array:
    """An array as it was; a copy of the world gets a copy."""

    def __init__(self, values: array[Any]) -> None:
        self.values = values

    def own(self) -> array[Any]:
        return self.values[:]

    def size(self) -> int:
        return len(self.values) * self.values.itemsize


def _part(number: int) -> Any:
    """Stands in a pickle for a part that lies beside it."""
    raise pickle.UnpicklingError(f"part {number}: a snapshot is restored by Snapshot.world")


class _Writer(pickle.Pickler):
    """Pickles a world with parts aside. `keep`: the world may go on before they are used."""

    def __init__(self, out: io.BytesIO, keep: bool) -> None:
        super().__init__(out, protocol=5)
        self.keep = keep
        self.parts: list[Part] = []
        self.number_of: dict[int, int] = {}  # id of a shared object -> its part, which keeps it alive
        self.dispatch_table = {
            **copyreg.dispatch_table,
            **dict.fromkeys(SHARED, self._shared),
            **dict.fromkeys(CLOSED, self._closed),
            History: lambda history: self._aside(_Past(history)),
            kernel.Kernel: lambda k: self._aside(_Kernel(twin(k) if keep else k)),
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

    def _closed(self, part: Any) -> tuple[Any, ...]:
        return self._aside(_Closed(part.copy() if self.keep else part))

    def _array(self, values: array[Any]) -> tuple[Any, ...]:
        if len(values) * values.itemsize < LARGE:
            return values.__reduce_ex__(5)  # type: ignore[return-value]
        return self._aside(_Array(values[:] if self.keep else values))


class _Reader(pickle.Unpickler):
    def __init__(self, state: bytes, parts: Sequence[Part]) -> None:
        super().__init__(io.BytesIO(state))
        # not a method: the memo would hold its owner, and the owner the memo with the whole world
        self.part = lambda number: parts[number].own()

    def find_class(self, module: str, name: str) -> Any:
        return self.part if module == __name__ else super().find_class(module, name)


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """A copy makes thousands of objects and drops none: to look through them meanwhile takes a fifth of the time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


@dataclass(frozen=True)
class Snapshot:
    """A world at a moment; it may go on from here as often as asked."""

    now_s: float
    state: bytes
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Bytes of its own: not what it shares with the run it was taken from."""
        return len(self.state) + sum(part.size() for part in self.parts)

    def world(self) -> World:
        with _nothing_collected():
            found: World = _Reader(self.state, self.parts).load()
        return found


def take(world: World) -> Snapshot:
    return _pickled(world, keep=True)


def fork(world: World) -> World:
    """An independent copy."""
    return _pickled(world, keep=False).world()


def _pickled(world: World, keep: bool) -> Snapshot:
    out = io.BytesIO()
    writer = _Writer(out, keep)
    with _nothing_collected():
        writer.dump(world)
    writer.dispatch_table = {}  # its functions hold the writer: the parts would wait for the garbage collector
    return Snapshot(world.now_s, out.getvalue(), tuple(writer.parts))
