"""Keys by popularity: Zipf shares, which shard a key lives on, and how full a cache of them is.

Ranks are grouped into bins (the hottest keys alone, then in growing groups), so that a billion keys cost
as much as a hundred. Both engines use the same bins: the cohort engine in the mean, the exact one by draw.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

from simulator.engine import streams
from simulator.scenario import KeySpace

ALONE = 64  # so many of the hottest keys have a bin each
GROWTH = 1.3  # of each further bin


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


class CacheFill:
    """How much of each bin a cache holds, in the mean: filled by misses, emptied by TTL and by eviction.

    Bin i's presence p follows dp/dt = (1 - p) * r - p / ttl with r requests a second for one key: its steady
    state is the TTL cache's, r * ttl / (1 + r * ttl). With a capacity, the characteristic time of an LRU
    cache (Che, Tung and Wang 2002) stands for the TTL where it is shorter.
    """

    def __init__(self, space: KeySpace, ttl_s: float, capacity: int | None) -> None:
        self.bins = bins(space)
        self.ttl_s = ttl_s
        self.capacity = capacity
        self.present = [0.0] * len(self.bins.rank)

    def flush(self) -> None:
        """Empty the cache."""
        self.present = [0.0] * len(self.present)

    def step(self, per_s: float, seconds: float) -> None:
        """Let `seconds` pass with `per_s` reads a second over all keys."""
        life = self.ttl_s
        if self.capacity is not None:
            life = min(life, self._characteristic_s(per_s))
        moved = []
        for i, share in enumerate(self.bins.share):
            each = per_s * share / self.bins.keys[i]
            rate = each + 1.0 / life
            steady = each / rate
            moved.append(steady + (self.present[i] - steady) * math.exp(-rate * seconds))
        self.present = moved

    def hit_ratio(self) -> float:
        """Share of reads that find their key."""
        return math.fsum(s * p for s, p in zip(self.bins.share, self.present, strict=True))

    def coming_hit_ratio(self, per_s: float) -> float:
        """The mean hit ratio over the next second at so many reads a second."""
        kept = self.present
        ratio = 0.5 * self.hit_ratio()
        self.step(per_s, 0.5)
        ratio += self.hit_ratio()
        self.step(per_s, 0.5)
        ratio += 0.5 * self.hit_ratio()
        self.present = kept
        return 0.5 * ratio

    def _characteristic_s(self, per_s: float) -> float:
        """Che's characteristic time: an LRU cache holds what was asked for within it."""
        assert self.capacity is not None
        if per_s <= 0.0 or self.capacity >= sum(self.bins.keys):
            return math.inf
        low, high = 0.0, 1.0
        while self._held(per_s, high) < self.capacity and high < 1e12:
            high *= 2.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            if self._held(per_s, middle) < self.capacity:
                low = middle
            else:
                high = middle
        return max(high, 1e-3)

    def _held(self, per_s: float, seconds: float) -> float:
        return math.fsum(
            n * (1.0 - math.exp(-per_s * s / n * seconds))
            for n, s in zip(self.bins.keys, self.bins.share, strict=True)
        )
