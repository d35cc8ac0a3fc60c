"""A map from integers to integers that stays cheap to pickle and small: the rows of a store, the keys of a system.

Keys that lie close together (orders of one minute) share a segment. The segments written last are arrays, the
others compressed bytes, which a pickle copies instead of walking. Reading never repacks.
"""

from __future__ import annotations

import pickle
import zlib
from array import array
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

SPAN = 9  # bits: 512 neighbouring keys, 4 KB a segment
OPEN_SEGMENTS = 24
ABSENT = -(1 << 63)
_EMPTY = array("q", [ABSENT]) * (1 << SPAN)


@lru_cache(maxsize=256)
def _unpack_column(packed: bytes) -> array[int]:
    return array("q", zlib.decompress(packed))


class Column:
    """`get`, `put`, `drop`, `items`. `limit` is how many segments stay open."""

    __slots__ = ("cold", "hot", "limit")

    def __init__(self, limit: int = OPEN_SEGMENTS) -> None:
        self.hot: dict[int, array[int]] = {}
        self.cold: dict[int, bytes] = {}
        self.limit = limit

    def get(self, key: int, default: Any = None) -> Any:
        segment = self.hot.get(key >> SPAN)
        if segment is None:
            packed = self.cold.get(key >> SPAN)
            if packed is None:
                return default
            segment = _unpack_column(packed)
        value = segment[key & ((1 << SPAN) - 1)]
        return default if value == ABSENT else value

    def put(self, key: int, value: int) -> None:
        segment = self.hot.get(key >> SPAN)
        if segment is None:
            segment = self._open(key >> SPAN)
        segment[key & ((1 << SPAN) - 1)] = value

    def drop(self, key: int) -> None:
        """Forget a key, if it is there."""
        if self.get(key) is not None:
            self.put(key, ABSENT)

    def size(self) -> int:
        """How many keys there are."""
        hot = sum(len(s) - s.count(ABSENT) for s in self.hot.values())
        return hot + sum(len(s) - s.count(ABSENT) for s in map(_unpack_column, self.cold.values()))

    def _open(self, number: int) -> array[int]:
        if len(self.hot) >= self.limit:
            oldest = next(iter(self.hot))
            self.cold[oldest] = zlib.compress(self.hot.pop(oldest).tobytes(), 1)
        packed = self.cold.pop(number, None)
        segment = array("q", _EMPTY if packed is None else _unpack_column(packed))
        self.hot[number] = segment
        return segment

    def copy(self) -> Column:
        """An independent map; compressed segments are shared."""
        made = Column(self.limit)
        made.hot = {number: segment[:] for number, segment in self.hot.items()}
        made.cold = {**self.cold}
        return made

    def items(self) -> Iterator[tuple[int, int]]:
        """Every (key, value), by key."""
        for number in sorted([*self.hot, *self.cold]):
            segment = self.hot.get(number)
            if segment is None:
                segment = _unpack_column(self.cold[number])
            for place, value in enumerate(segment):
                if value != ABSENT:
                    yield number << SPAN | place, value

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Open segments as one block, out of band if the pickler is given a `buffer_callback`."""
        block: Any = b"".join(self.hot.values())
        if protocol >= 5:
            block = pickle.PickleBuffer(block)
        return _column, (tuple(self.hot), block, self.cold, self.limit)


def _column(numbers: tuple[int, ...], block: Any, cold: dict[int, bytes], limit: int) -> Column:
    column = Column(limit)
    size, whole = 8 << SPAN, memoryview(block)
    for place, number in enumerate(numbers):
        segment = array("q")
        segment.frombytes(whole[place * size : (place + 1) * size])
        column.hot[number] = segment
    column.cold = cold
    return column
