"""The history of operations: who began what, and how it ended, in the order in which it happened.

Records are those of Jepsen and Maelstrom: `invoke` when an operation begins, then `ok` (it happened), `fail`
(it certainly did not) or `info` (nobody knows). A process has at most one operation open; an `ok` without an
`invoke` is an event of one instant, such as a ledger's posting. Checkers read histories and nothing else.

Appending costs one tuple. Full chunks are closed into compressed bytes, so that a pickle copies them unread.
"""

import hashlib
import pickle
import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

INVOKE, OK, FAIL, INFO = "invoke", "ok", "fail", "info"

CHUNK = 512  # records: half a millisecond to close, 5 KB closed


class Op(NamedTuple):
    """One record; `index` is its place in the history and what a checker names."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    time_ns: int
    type: str
    process: Any
    f: str
    key: Any
    value: Any
    entity: int


class Pair(NamedTuple):
    """An operation from its beginning to its end; `end` is None while it is open."""

    begin: Op
    end: Op | None

    @property
    def kind(self) -> str:
        """`ok`, `fail` or `info`; an operation that never ended is `info`."""
        return self.end.type if self.end is not None else INFO


class Fold(Protocol):
    """What is made of a history record by record. What it says of the whole it says without reading it again."""

    def feed(self, op: Op) -> None: ...


Folding = TypeVar("Folding", bound=Fold)


class History:
    """Append-only; iterating yields `Op`."""

    __slots__ = ("_folds", "_hash", "_hashed", "closed", "open")

    def __init__(self) -> None:
        self._hash, self._hashed = hashlib.sha256(), 0  # of the first `_hashed` records; never copied
        self._folds: dict[Hashable, tuple[Any, int]] = {}  # never copied either
        self.closed: list[bytes] = []
        self.open: list[tuple[int, str, Any, str, Any, Any, int]] = []

    def add(
        self, time_ns: int, kind: str, process: Any, f: str, key: Any, value: Any, entity: int = 0
    ) -> None:
        """Append a record. Values are integers, strings, None or tuples of them."""
        self.open.append((time_ns, kind, process, f, key, value, entity))
        if len(self.open) >= CHUNK:
            self.closed.append(zlib.compress(pickle.dumps(tuple(zip(*self.open, strict=True)), 5), 1))
            self.open = []

    def __len__(self) -> int:
        return len(self.closed) * CHUNK + len(self.open)

    def __iter__(self) -> Iterator[Op]:
        return self.since(0)

    def since(self, index: int) -> Iterator[Op]:
        """Records from `index` on; closed chunks before it are not opened."""
        first = min(index // CHUNK, len(self.closed))
        at = first * CHUNK
        for packed in self.closed[first:]:
            for record in zip(*pickle.loads(zlib.decompress(packed)), strict=True):
                if at >= index:
                    yield Op(at, *record)
                at += 1
        for entry in self.open:
            if at >= index:
                yield Op(at, *entry)
            at += 1

    def folded(self, key: Hashable, make: Callable[[], Folding]) -> Folding:
        """What `make()` has become by being fed every record; those it has seen under this key are not read again."""
        fold, seen = self._folds.get(key) or (make(), 0)
        for op in self.since(seen):
            fold.feed(op)
        self._folds[key] = (fold, len(self))
        return fold

    def copy(self) -> "History":
        """An independent history; it shares the records and the closed chunks."""
        return _restore(self.closed[:], self.open[:])

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Closed chunks travel out of band if the pickler is given a `buffer_callback`: a fork then shares them."""
        closed: list[Any] = (
            [pickle.PickleBuffer(chunk) for chunk in self.closed] if protocol >= 5 else self.closed
        )
        return _restore, (closed, self.open)

    def digest(self) -> str:
        """The same for equal histories, whatever was pickled in between. Only new records are hashed."""
        for op in self.since(self._hashed):
            self._hash.update(repr(tuple(op)).encode())
            self._hashed += 1
        return self._hash.hexdigest()


def _restore(closed: list[Any], begun: list[Any]) -> History:
    history = History()
    history.closed = [c if isinstance(c, bytes) else bytes(memoryview(c).obj) for c in closed]
    history.open = begun
    return history


def folded(ops: Iterable[Op], key: Hashable, make: Callable[[], Folding]) -> Folding:
    """The same of a history or of operations written down."""
    if isinstance(ops, History):
        return ops.folded(key, make)
    fold = make()
    for op in ops:
        fold.feed(op)
    return fold


def pairs(ops: Iterator[Op] | list[Op]) -> list[Pair]:
    """Join each `invoke` with the record that ends it (same process), in order of their beginnings."""
    begun: dict[Any, int] = {}
    found: list[Pair] = []
    for op in ops:
        if op.type == INVOKE:
            begun[op.process] = len(found)
            found.append(Pair(op, None))
        elif op.process in begun:
            at = begun.pop(op.process)
            found[at] = Pair(found[at].begin, op)
    return found
