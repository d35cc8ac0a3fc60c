"""Which shard a row lives on: one table laid over many stores by a placement that changes while the world runs.

Routers learn of a new placement one after the other (`spread_ms`): until then each order goes by the placement
its own router still knows. That is where rows go astray, and why a move writes to both shards for a while.
Rows remember the key they were stored for, as a real row has its merchant's column.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from simulator.engine.keys import shard_of
from simulator.engine.streams import bits, mix64, uniform
from simulator.entities.strict import STRICT
from simulator.entities.timers import MS

HASH, DATE = "hash", "date"
ROUTER = 1 << 20  # the draw that says which router an order goes through
MOST_PLANS = 8  # placements that some router may still know


@dataclass(frozen=True, slots=True)
class ShardedSpec:
    """A store that is `shards` stores (`NAME-0` …), of which keys are placed on the first `serving` ones."""

    __pydantic_config__ = STRICT

    name: str
    shards: int
    serving: int
    spread_ms: int = 5_000


@dataclass(frozen=True, slots=True)
class Placement:
    """Where keys live: by `function`, but for the pinned ones.

    pinned      key -> its shards; with several, an order's number decides (a salted key)
    kept        key -> shards where rows of it stay from before
    mirror      key -> a shard that is written as well
    locked      keys whose writes are refused
    halves      (shard, shard that has taken half of its keys)
    """

    serving: int
    function: str = HASH
    today: int = 0
    pinned: tuple[tuple[int, tuple[int, ...]], ...] = ()
    kept: tuple[tuple[int, tuple[int, ...]], ...] = ()
    mirror: tuple[tuple[int, int], ...] = ()
    locked: tuple[int, ...] = ()
    halves: tuple[tuple[int, int], ...] = ()

    def shards_of(self, key: int) -> tuple[int, ...]:
        """The shards new orders of a key go to."""
        for known, shards in self.pinned:
            if known == key:
                return shards
        if self.function == DATE:
            return (self.today % self.serving,)
        found = shard_of(key, self.serving)
        for level, (shard, other) in enumerate(self.halves):
            if found == shard and mix64(key) >> (20 + level) & 1:
                found = other
        return (found,)

    def placed(self, key: int, shards: tuple[int, ...], kept: tuple[int, ...] | None = None) -> "Placement":
        """With new orders of a key on these shards; `kept`: where earlier rows stay, None: as it was."""
        found = replace(self, pinned=tuple(sorted({**dict(self.pinned), key: shards}.items())))
        if kept is None:
            return found
        return replace(found, kept=tuple(sorted({**dict(self.kept), key: kept}.items())))

    def shard(self, key: int, entity: int) -> int:
        shards = self.shards_of(key)
        return shards[entity % len(shards)]

    def homes(self, key: int) -> tuple[int, ...]:
        """Every shard on which rows of a key are found."""
        return (*self.shards_of(key), *dict(self.kept).get(key, ()))


@dataclass
class ShardMap:
    """The placement in force, those that slow routers still know, and whose each row is."""

    spec: ShardedSpec
    luck: int
    now: Placement
    before: list[tuple[int, Placement]] = field(default_factory=list)  # (when it was replaced, placement)
    keys: dict[int, int] = field(default_factory=dict)  # entity -> key of its row

    def change(self, time_ns: int, placement: Placement) -> None:
        """Put a placement into force; routers follow within the spread."""
        if placement == self.now:
            return
        self.before = [*self.before, (time_ns, self.now)][-MOST_PLANS:]
        self.now = placement

    def known_to(self, entity: int, time_ns: int) -> Placement:
        """The placement that the router of an order goes by."""
        spread = self.spec.spread_ms * MS
        lag = uniform(bits(self.luck, entity), ROUTER) * spread
        for replaced, placement in self.before:
            if time_ns < replaced + lag:
                return placement
        return self.now

    def settled(self, time_ns: int) -> bool:
        """Whether every router goes by the placement in force."""
        return not self.before or time_ns >= self.before[-1][0] + self.spec.spread_ms * MS

    def store_name(self, shard: int) -> str:
        return f"{self.spec.name}-{shard}"

    def names(self) -> list[str]:
        return [self.store_name(n) for n in range(self.spec.shards)]

    def number(self, store: str) -> int:
        return int(store.rpartition("-")[2])


def tables(store: Any, leader: Any) -> list[str]:
    """The tables of a store that hold rows, keys of done operations left out."""
    return [name for name in sorted(store.rows[leader.index]) if not name.startswith("done:")]
