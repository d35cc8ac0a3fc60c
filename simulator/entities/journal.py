"""What a store has written, in order and with times: the write-ahead log that a restore to a point in time replays.

A store without a journal keeps nothing but its rows. Full chunks are compressed, so that a pickle copies them unread.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable, Iterator

from simulator.entities.columns import Column

CHUNK = 1_024
Record = tuple[int, str, int, int | None]  # time_ns, table, row, value; None: removed


class Journal:
    """Append-only."""

    __slots__ = ("closed", "open")

    def __init__(self) -> None:
        self.closed: list[bytes] = []
        self.open: list[Record] = []

    def add(self, time_ns: int, table: str, row: int, value: int | None) -> None:
        self.open.append((time_ns, table, row, value))
        if len(self.open) >= CHUNK:
            self.closed.append(zlib.compress(pickle.dumps(self.open, 5), 1))
            self.open = []

    def copy(self) -> Journal:
        """An independent journal; it shares the records and the closed chunks."""
        made = Journal()
        made.closed, made.open = self.closed[:], self.open[:]
        return made

    def __len__(self) -> int:
        return len(self.closed) * CHUNK + len(self.open)

    def __iter__(self) -> Iterator[Record]:
        for packed in self.closed:
            yield from pickle.loads(zlib.decompress(packed))
        yield from self.open


def replayed(
    start: Iterable[tuple[str, int, int, int]], records: Iterable[Record], until_ns: int
) -> dict[str, Column]:
    """The rows of every table after all that was written before `until_ns`; `start` as in `StoreSpec`."""
    tables: dict[str, Column] = {}
    for table, first, last, value in start:
        shelf = tables.setdefault(table, Column())
        for key in range(first, last + 1):
            shelf.put(key, value)
    for time_ns, table, row, change in records:
        if time_ns >= until_ns:
            break  # a journal is in the order of its times
        shelf = tables.setdefault(table, Column())
        if change is None:
            shelf.drop(row)
        else:
            shelf.put(row, change)
    return tables
