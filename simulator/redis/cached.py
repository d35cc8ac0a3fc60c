"""The cached keys that the traffic keeps filled: not stored one by one, but as sure of their values as if they were.

A key of rank r is there if its own luck is below the share of its bin that the cache holds. Looking draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.engine.streams import key_of, uniform
from simulator.redis.keyspace import Entry
from simulator.redis.slots import slot_of
from simulator.redis.state import Deployment, Node, Part

if TYPE_CHECKING:
    from simulator.world import World

IDS, STEP, FIRST_ID = (
    90_001,
    7_919,
    10_000,
)  # the ids that keys have elsewhere, too (simulator/shards/state.py)


def name_of(part: Part, rank: int) -> str:
    """A cached key's name by its rank."""
    if "{}" not in part.key:
        return part.key
    return part.key.format(FIRST_ID + rank * STEP % IDS if rank < IDS else rank + FIRST_ID)


def rank_of(part: Part, name: str) -> int | None:
    """The rank of a cached key by its name."""
    if "{}" not in part.key:
        return 1 if name == part.key else None
    head, _, tail = part.key.partition("{}")
    if not (name.startswith(head) and name.endswith(tail)):
        return None
    digits = name[len(head) : len(name) - len(tail)] if tail else name[len(head) :]
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 12 or str(int(digits)) != digits:
        return None
    number = int(digits) - FIRST_ID
    rank = number * pow(STEP, -1, IDS) % IDS if number < IDS else number
    return rank if 1 <= rank <= sum(part.fill.bins.keys) else None


def presence(part: Part, rank: int) -> float:
    """How likely a key of a rank is in the cache."""
    known = part.fill.bins
    low, high = 0, len(known.rank)
    while high - low > 1:
        middle = (low + high) // 2
        if known.rank[middle] <= rank:
            low = middle
        else:
            high = middle
    return part.fill.present[low]


def find(world: World, made: Deployment, node: Node, name: str) -> Entry | None:
    """A cached key's value on a node, or None."""
    if not serves(made, node, name):
        return None
    for part in made.parts:
        rank = rank_of(part, name)
        if rank is None:
            continue
        luck = key_of(world.seed, "cached", part.cache)
        if uniform(luck, rank) >= presence(part, rank):
            return None
        ends = world.now_s + part.fill.ttl_s * (0.02 + 0.98 * uniform(luck, rank + (1 << 40)))
        return Entry("string", value_of(made, name), ends, world.now_s)
    return None


def serves(made: Deployment, node: Node, name: str) -> bool:
    """Whether a node (or its master) has a key's slot."""
    home = made.node_of(slot_of(name))
    return home is not None and home.index in (node.index, node.master)


def value_of(made: Deployment, name: str) -> str:
    head = '{"key":"' + name + '","body":"'
    return head + "." * max(0, made.spec.value_bytes - len(head) - 2) + '"}'


def count(made: Deployment, node: Node) -> int:
    """Cached keys on a node."""
    share = slot_share(made, node)
    held = sum(
        n * p for part in made.parts for n, p in zip(part.fill.bins.keys, part.fill.present, strict=True)
    )
    return round(held * share)


def slot_share(made: Deployment, node: Node) -> float:
    """The part of the slots that a node (or its master) has."""
    owner = node if node.leads else made.nodes[node.master]
    if made.spec.mode != "cluster":
        return 1.0
    return sum(b - a + 1 for a, b in owner.slots) / 16_384


def names(world: World, made: Deployment, node: Node, start: int, ranks: int) -> Iterator[tuple[int, str]]:
    """(place, name) of cached keys on a node, from place `start` on over so many ranks of all caches."""
    place = 0
    for part in made.parts:
        size = sum(part.fill.bins.keys)
        for rank in range(max(1, start - place + 1), size + 1):
            here = place + rank
            if here > start + ranks:
                return
            name = name_of(part, rank)
            if serves(made, node, name):
                luck = key_of(world.seed, "cached", part.cache)
                if uniform(luck, rank) < presence(part, rank):
                    yield here, name
        place += size


def span(made: Deployment) -> int:
    """How many places there are."""
    return sum(sum(part.fill.bins.keys) for part in made.parts)
