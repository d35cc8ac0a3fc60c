"""Keys by popularity: Zipf shares, which shard a key lives on, and how full a cache of them is.

Ranks are grouped into bins (the hottest keys alone, then in growing groups), so that a billion keys cost
as much as a hundred. Both engines use the same bins: the cohort engine in the mean, the exact one by draw.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from simulator.engine import kernel, streams

if TYPE_CHECKING:
    from simulator.scenario import KeySpace  # which itself knows who is placed by key

ALONE = 64  # so many of the hottest keys have a bin each
GROWTH = 1.3  # of each further bin
AGES = 64  # classes of age, where nothing is known of them


@dataclass(frozen=True)
class Bins:
    """`keys[i]` keys that take `share[i]` of the requests together; the first rank of the bin is `rank[i]`."""

    rank: tuple[int, ...]
    keys: tuple[int, ...]
    share: tuple[float, ...]


def harmonic(count: int, s: float) -> float:
    """The generalised harmonic number: exact to 10,000 terms, Euler and Maclaurin beyond."""
    exact = min(count, 10_000)
    total = math.fsum(k**-s for k in range(1, exact + 1))
    if count > exact:
        a, b = exact + 0.5, count + 0.5
        total += math.log(b / a) if s == 1.0 else (b ** (1.0 - s) - a ** (1.0 - s)) / (1.0 - s)
    return total


def _bins(count: int, zipf: float, hot: tuple[float, ...]) -> Bins:
    ranks, sizes, weights = [], [], []
    for number, share in enumerate(hot):
        ranks.append(-number - 1)
        sizes.append(1)
        weights.append(share)
    rest = 1.0 - math.fsum(hot)
    whole = harmonic(count, zipf)
    rank, size = 1, 1.0
    while rank <= count:
        keys = 1 if rank <= ALONE else min(int(size), count - rank + 1)
        if rank > ALONE:
            size *= GROWTH
        first, last = rank, rank + keys - 1
        if keys == 1:
            weight = first**-zipf
        elif zipf == 1.0:
            weight = math.log((last + 0.5) / (first - 0.5))
        else:
            weight = ((last + 0.5) ** (1.0 - zipf) - (first - 0.5) ** (1.0 - zipf)) / (1.0 - zipf)
        ranks.append(rank)
        sizes.append(keys)
        weights.append(rest * weight / whole)
        rank += keys
    total = math.fsum(weights)
    return Bins(tuple(ranks), tuple(sizes), tuple(w / total for w in weights))


_cached_bins = lru_cache(maxsize=64)(_bins)


def bins(space: KeySpace) -> Bins:
    """The popularity bins of a key space: hot keys first (ranks below 0), then by rank."""
    return _cached_bins(space.count, space.zipf, tuple(space.hot))


def shard_of(rank: int, shards: int) -> int:
    """The shard a key lives on: a hash of its rank."""
    return streams.mix64(rank & ((1 << 64) - 1)) % shards


def shard_shares(space: KeySpace, shards: int) -> list[float]:
    """Share of all requests by shard: keys alone in a bin go where they live, the others evenly."""
    result = [0.0] * shards
    found = bins(space)
    for rank, keys, share in zip(found.rank, found.keys, found.share, strict=True):
        if keys == 1:
            result[shard_of(rank, shards)] += share
        else:
            for shard in range(shards):
                result[shard] += share / shards
    return result


@dataclass(frozen=True)
class Fills:
    """Entries of each bin that were filled by `until` since the fills before, in shares of the bin's keys."""

    until: float
    share: array[float]


class CacheFill:
    """How much of each bin a cache holds, in the mean: filled by misses, emptied by TTL and by eviction.

    A key that is read r times a second is filled when it is missing, and gone a TTL after its fill: with p
    present, dp/dt = (1 - p) * r less what was filled a TTL before. So a flush comes back as a wave of misses
    one TTL later; at rest p is r * ttl / (1 + r * ttl). With a capacity that evicts earlier, the characteristic
    time of an LRU cache (Che, Tung and Wang 2002) is the mean life of an entry, by chance and without waves.
    """

    def __init__(self, space: KeySpace, ttl_s: float, capacity: int | None) -> None:
        self.bins = bins(space)
        self.ttl_s = ttl_s
        self.capacity = capacity
        self.present = _zeros(len(self.bins.rank))
        self.clock = 0.0  # time that has passed
        self.fills: list[Fills] = []  # the oldest first; together they are `present`
        self.reached = 0.0  # up to when fills have expired

    def asked_for(self, space: KeySpace) -> None:
        """Other keys are hot from now on; what is held of the others stays."""
        before, self.bins = self.bins, bins(space)
        kept = [p for rank, p in zip(before.rank, self.present, strict=True) if rank > 0]
        hot = sum(rank < 0 for rank in self.bins.rank)
        self.present = _zeros(hot) + array("d", kept)
        self.fills = []

    def flush(self, share: float = 1.0) -> None:
        """Empty the cache, or so much of it (one node of several)."""
        self.present = _times(self.present, 1.0 - share)
        self.fills = [Fills(f.until, _times(f.share, 1.0 - share)) for f in self.fills if share < 1.0]

    def step(self, per_s: float, seconds: float) -> float:
        """Let `seconds` pass with `per_s` reads a second over all keys. Returns the mean share of hits."""
        life = self._characteristic_s(per_s) if self.capacity is not None else math.inf
        self.clock += seconds
        if life < self.ttl_s:
            leaving = _zeros(len(self.present))
            self.fills = []
        else:
            life = math.inf
            leaving = self._expired(seconds)
        moved, filled = self.present[:], _zeros(len(self.present))
        share, keys = _flat(self.bins)
        hits: float = kernel.fill_cache(moved, filled, leaving, share, keys, per_s, seconds, life)
        self.present = moved
        if life == math.inf:
            self.fills.append(Fills(self.clock, filled))
        return hits

    def _expired(self, seconds: float) -> array[float]:
        """What was filled a TTL before the last `seconds`: it is gone now."""
        if not self.fills and any(self.present):
            self._spread()
        gone, rest = _zeros(len(self.present)), _zeros(len(self.present))
        until = self.clock - self.ttl_s
        kept: list[Fills] = []
        for n, fills in enumerate(self.fills):
            if fills.until > until:
                since = max(self.reached, self.fills[n - 1].until if n else self.reached)
                part = (until - since) / (fills.until - since) if until > since else 0.0
                kernel.lapse(gone, rest, fills.share, part)
                kept = [Fills(fills.until, rest), *self.fills[n + 1 :]]
                break
            kernel.lapse(gone, rest, fills.share, 1.0)
        self.fills = kept
        self.reached = max(self.reached, until)
        return gone

    def _spread(self) -> None:
        """Nothing is known of the ages of what is held: they are even."""
        begin = self.clock - self.ttl_s
        self.reached = begin
        share = array("d", [p / AGES for p in self.present])
        self.fills = [Fills(begin + self.ttl_s * (n + 1) / AGES, share) for n in range(AGES)]

    def hit_ratio(self) -> float:
        """Share of reads that find their key."""
        return math.fsum(s * p for s, p in zip(self.bins.share, self.present, strict=True))

    def coming_hit_ratio(self, per_s: float, seconds: float = 1.0) -> float:
        """The mean hit ratio over the next `seconds` at so many reads a second."""
        kept = self.present, self.clock, self.fills, self.reached
        self.fills = list(self.fills)
        ratio = self.step(per_s, seconds)
        self.present, self.clock, self.fills, self.reached = kept
        return ratio

    def _characteristic_s(self, per_s: float) -> float:
        """Che's characteristic time: an LRU cache holds what was asked for within it."""
        assert self.capacity is not None
        if per_s <= 0.0 or self.capacity >= sum(self.bins.keys):
            return math.inf
        share, keys = _flat(self.bins)
        found: float = kernel.characteristic_s(_zeros(len(keys)), share, keys, per_s, self.capacity)
        return max(found, 1e-3)


def _zeros(count: int) -> array[float]:
    return array("d", bytes(8 * count))


def _times(values: array[float], factor: float) -> array[float]:
    return array("d", [x * factor for x in values])


@lru_cache(maxsize=64)
def _flat(found: Bins) -> tuple[array[float], array[float]]:
    """The shares of bins and how many keys each has, as the kernel reads them."""
    return array("d", found.share), array("d", found.keys)
