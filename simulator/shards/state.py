"""Where keys live and what that does to the data plane: the placement, its shares, and the moves under way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from simulator.engine.keys import Bins, bins
from simulator.engine.streams import key_of
from simulator.entities.shards import DATE, Placement, ShardedSpec, ShardMap
from simulator.entities.timers import SECOND
from simulator.scenario import HotKey, Postgres, ShardingSpec

if TYPE_CHECKING:
    from simulator.world import World

IDS, STEP = 90_001, 7_919  # key numbers are shuffled over so many ids: a prime step visits each once
FIRST_ID = 10_000
SAMPLE_S = 10  # the router's sample of keys is over the last seconds


@dataclass
class Job:
    """Rows under way: a key, half a shard, strays, or everything after a new number of shards.

    phase: spread (routers learn to write twice), copy, verify, settle (routers learn the new place), done.
    """

    number: int
    what: str
    sources: tuple[int, ...]
    target: int
    key: int
    rows: float
    rate: float
    double_write: bool
    offline: bool
    serving: int
    started_s: float
    phase: str = "spread"
    until_s: float = 0.0
    copied: float = 0.0

    @property
    def both(self) -> tuple[int, ...]:
        """Shards that a copy burns CPU of."""
        return (*self.sources, self.target) if self.target >= 0 else self.sources


@dataclass
class Shards:
    """`map` is the entities' own when they have the store."""

    map: ShardMap
    jobs: list[Job] = field(default_factory=list)
    rows: list[float] = field(default_factory=list)  # by shard
    limits: dict[str, float] = field(default_factory=dict)  # key -> requests a second
    cores: dict[int, float] = field(default_factory=dict)  # shard -> what copies burn of it
    started: int = 0  # jobs so far


def spec_of(world: World) -> ShardingSpec:
    assert world.scenario.sharding is not None
    return world.scenario.sharding


def state_of(world: World) -> Shards:
    found: Shards = world.rooms["shards"]
    return found


def database_of(world: World) -> Postgres:
    found: Postgres = world.scenario.component(spec_of(world).database, Postgres)
    return found


def build(world: World) -> Shards | None:
    spec = world.scenario.sharding
    if spec is None:
        return None
    shards = database_of(world).shards
    made = world.entities.domain.shards.get(spec.store) if world.entities is not None else None
    if made is None:
        own = ShardedSpec(spec.database, shards, spec.serving, round(spec.spread_s * 1000))
        made = ShardMap(own, key_of(world.seed, "routers", spec.database), Placement(spec.serving))
    day = world.scenario.starts_at.toordinal()
    made.now = replace(made.now, serving=spec.serving, today=day)
    rows = [float(spec.rows_per_shard)] * spec.serving + [0.0] * (shards - spec.serving)
    state = Shards(made, rows=rows)
    for hot in spec.hot.values():
        rows[made.now.shard(hot.number, 0)] += hot.rows
    apply_shares(world, state)
    return state


# -- keys by name


def key_name(world: World, rank: int) -> str:
    """What an ordinary key (by its rank, from 1) is called."""
    return spec_of(world).key.format(FIRST_ID + rank * STEP % IDS)


def key_number(world: World, name: str) -> int | None:
    """The number of a key by its name: a hot one's own, an ordinary one's rank; None for no key."""
    spec = spec_of(world)
    if name in spec.hot:
        return spec.hot[name].number
    head, _, tail = spec.key.partition("{}")
    digits = name.removeprefix(head).removesuffix(tail) if name.startswith(head) else ""
    if not digits.isdigit() or len(digits) > 6:
        return None
    rank = (int(digits) - FIRST_ID) * pow(STEP, -1, IDS) % IDS
    return rank if 1 <= rank <= world.scenario.keys[spec.keys].count else None


def hot_by_number(world: World, number: int) -> tuple[str, HotKey] | None:
    for name, hot in spec_of(world).hot.items():
        if hot.number == number:
            return name, hot
    return None


# -- shares of the data plane


def shares(world: World, placement: Placement) -> list[float]:
    """Share of the ordinary keys' requests by shard."""
    spec = spec_of(world)
    found = [0.0] * database_of(world).shards
    many = [0.0] * len(found)
    for rank, keys, share in _bins(world, spec.keys):
        if keys == 1 or placement.function == DATE:
            targets = placement.shards_of(max(rank, 0))
            for shard in targets:
                found[shard] += share / len(targets)
        else:
            for shard in range(placement.serving):
                many[shard] += share / placement.serving
    for shard, other in placement.halves:
        many[other] += many[shard] / 2
        many[shard] /= 2
    return [a + b for a, b in zip(found, many, strict=True)]


def _bins(world: World, space: str) -> Iterator[tuple[int, int, float]]:
    known: Bins = bins(world.scenario.keys[space])
    return zip(known.rank, known.keys, known.share, strict=True)


def apply_shares(world: World, state: Shards) -> None:
    """Tell the data plane who goes where."""
    spec, placement = spec_of(world), state.map.now
    _set(world, spec.keys, shares(world, placement))
    for hot in spec.hot.values():
        targets = placement.shards_of(hot.number)
        for space, homes in ((hot.orders, targets), (hot.row, targets[:1])):
            if space:
                weights = [0.0] * database_of(world).shards
                for shard in homes:
                    weights[shard] += 1.0 / len(homes)
                _set(world, space, weights)


def _set(world: World, keys: str, weights: list[float]) -> None:
    try:
        world.plane.set_shard_weights(spec_of(world).database, keys, weights)
    except KeyError:  # a key space that no query of this scenario draws from
        return


def change(world: World, **changes: Any) -> None:
    """Put the placement into force with some of its fields changed."""
    put(world, replace(state_of(world).map.now, **changes))


def put(world: World, placement: Placement) -> None:
    """Put another placement into force."""
    state = state_of(world)
    state.map.change(now_ns(world), placement)
    apply_shares(world, state)


def now_ns(world: World) -> int:
    return round(world.now_s * SECOND)


# -- readings


def hot_rps(world: World, hot: HotKey) -> float:
    """Requests a second of a hot key that reach the shards, over the router's sample."""
    keys = [f"route/{route}/new" for route in hot.routes] + [f"cache/{cache}/misses" for cache in hot.caches]
    return sum(mean_of(world, key) for key in keys)


def mean_of(world: World, key: str, seconds: int = SAMPLE_S) -> float:
    recent = world.plane.history.column(key)[-seconds:]
    return sum(recent) / len(recent) if recent else 0.0


def ordinary_rps(world: World) -> float:
    """Requests a second of all keys but the hot ones: what is served less what the hot ones' shards serve of them."""
    spec, placement = spec_of(world), state_of(world).map.now
    queries = mean_of(world, f"db/{spec.database}/queries")
    for key in spec.hot.values():
        shards = placement.shards_of(key.number)
        theirs = sum(mean_of(world, f"db/{spec.database}-{n}/queries") for n in shards)
        queries -= min(hot_rps(world, key), theirs)
    return max(0.0, queries)


def asked_rps(world: World) -> float:
    """Requests a second that reach the router, those that a full shard refuses included."""
    return ordinary_rps(world) + sum(hot_rps(world, key) for key in spec_of(world).hot.values())


def top_keys(world: World, count: int) -> list[tuple[str, float, tuple[int, ...]]]:
    """(key, requests a second, its shards) of the busiest keys in the router's sample."""
    spec, placement = spec_of(world), state_of(world).map.now
    hot = [(name, hot_rps(world, key), placement.shards_of(key.number)) for name, key in spec.hot.items()]
    rest = ordinary_rps(world)
    found = [(n, r, s) for n, r, s in hot if r >= 0.05]
    for rank, keys, share in _bins(world, spec.keys):
        if keys > 1:
            break
        found.append((key_name(world, rank), rest * share, placement.shards_of(rank)))
    found.sort(key=lambda each: -each[1])
    return found[:count]
