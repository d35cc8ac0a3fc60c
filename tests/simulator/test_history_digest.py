"""A history's digest is of all its records, however often it was asked for and whatever was copied in between."""

from __future__ import annotations

import pickle

from simulator.entities.history import CHUNK, OK, History


def record(history: History, first: int, last: int) -> None:
    for n in range(first, last):
        history.add(n, OK, n % 3, "write", "k", (n, None))


def test_a_digest_asked_for_on_the_way_is_the_same_at_the_end() -> None:
    asked, unasked = History(), History()
    seen = set()
    for first in range(0, 3 * CHUNK, CHUNK // 2):
        record(asked, first, first + CHUNK // 2)
        seen.add(asked.digest())
        assert asked.digest() in seen
        asked = pickle.loads(pickle.dumps(asked))
    record(unasked, 0, 3 * CHUNK)
    assert asked.digest() == unasked.digest()
    assert len(seen) == 6
    record(unasked, 0, 1)
    assert asked.digest() != unasked.digest()
