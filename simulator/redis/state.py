"""Redis deployments of a world: nodes, who replicates whom, slots, configuration, what each node has been through."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.engine.keys import CacheFill
from simulator.engine.streams import bits, key_of
from simulator.redis.keyspace import Entry, Keyspace
from simulator.redis.slots import SLOTS
from simulator.scenario import Cache, RedisSpec

if TYPE_CHECKING:
    from simulator.world import World

VERSION = "7.0.15"
PORT, SENTINEL_PORT = 6379, 26379
MB = 1 << 20
SLOWLOG_LEN = 128
CONFIG = {
    "maxmemory": "0", "maxmemory-policy": "noeviction", "maxmemory-samples": "5", "timeout": "0",
    "tcp-keepalive": "300", "maxclients": "10000", "appendonly": "no", "appendfsync": "everysec",
    "save": "3600 1 300 100 60 10000", "stop-writes-on-bgsave-error": "yes", "slowlog-log-slower-than": "10000",
    "slowlog-max-len": "128", "min-replicas-to-write": "0", "min-replicas-max-lag": "10",
    "repl-backlog-size": "1048576", "repl-timeout": "60", "repl-ping-replica-period": "10",
    "replica-serve-stale-data": "yes", "replica-read-only": "yes", "cluster-enabled": "no",
    "cluster-node-timeout": "15000", "cluster-require-full-coverage": "yes", "databases": "16",
    "hash-max-listpack-entries": "128", "hash-max-listpack-value": "64", "list-max-listpack-size": "-2",
    "set-max-intset-entries": "512", "zset-max-listpack-entries": "128", "zset-max-listpack-value": "64",
    "lfu-log-factor": "10", "lfu-decay-time": "1", "latency-monitor-threshold": "0", "lazyfree-lazy-eviction": "no",
    "notify-keyspace-events": "", "requirepass": "", "port": "6379", "hz": "10", "activedefrag": "no",
    "io-threads": "1", "proto-max-bulk-len": "536870912", "client-output-buffer-limit":
    "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", "enable-debug-command": "no",
}  # fmt: skip


@dataclass
class Slow:
    """An entry of the slow log."""

    number: int
    at_s: float
    micros: int
    argv: list[str]
    client: str


@dataclass
class Node:
    """One server. `master` is the index of the node it replicates, -1 for a master."""

    name: str
    address: str
    run_id: str
    index: int
    master: int = -1
    up: bool = True
    why: str = ""
    cut: bool = False  # its link to the other nodes is down
    space: Keyspace = field(default_factory=Keyspace)
    config: dict[str, str] = field(default_factory=dict)
    slots: list[tuple[int, int]] = field(default_factory=list)
    pending: deque[tuple[float, int, str, Entry | None]] = field(
        default_factory=deque
    )  # to be replicated to it
    started_s: float = 0.0
    loading_until_s: float = 0.0
    busy_until_s: float = 0.0  # the command thread is in one slow command
    down_s: float = 0.0  # since when it is down
    slow: deque[Slow] = field(default_factory=lambda: deque(maxlen=SLOWLOG_LEN))
    slow_count: int = 0
    commands: dict[str, list[float]] = field(default_factory=dict)  # name -> [calls, microseconds]
    offset: int = 0
    heard_s: float = 0.0  # when its replicas last answered
    ops: float = 0.0  # commands a second that the traffic asks of it
    felt: float = 0.0  # the same, smoothed
    evicted: float = 0.0
    expired: float = 0.0
    hits: float = 0.0
    misses: float = 0.0
    total: float = 0.0
    save_fails: bool = False

    @property
    def leads(self) -> bool:
        return self.master < 0

    def get(self, name: str) -> str:
        return self.config.get(name, CONFIG.get(name, ""))


@dataclass
class Part:
    """A cache whose keys lie on a deployment: its fill as the servers know it, and where its bins live."""

    cache: str
    key: str
    keys: str
    fill: CacheFill
    lives: list[int] = field(default_factory=list)  # bin -> master index; -1: over all masters
    readers: list[str] = field(default_factory=list)
    failing: float = 0.0  # the share that is told to the data plane now
    delay_s: float = 0.0
    per_s: float = 0.0  # reads a second that are asked for


@dataclass
class Deployment:
    """The servers behind one cache component, and the caches on them."""

    name: str
    spec: RedisSpec
    nodes: list[Node]
    parts: list[Part]
    epoch: int = 0
    local_s: float = 0.0
    replica_reads: bool = False
    journal: list[tuple[float, str]] = field(default_factory=list)  # the Sentinels' (or the cluster's) log
    told: dict[str, float] = field(default_factory=dict)  # reader -> the share of failures the plane knows of
    run: int = 0  # which failover is under way: a later one makes an earlier one's steps void

    def masters(self) -> list[Node]:
        return [node for node in self.nodes if node.leads]

    def replicas_of(self, node: Node) -> list[Node]:
        return [other for other in self.nodes if other.master == node.index]

    def node_of(self, slot: int) -> Node | None:
        """The master that serves a slot."""
        if self.spec.mode != "cluster":
            return next((node for node in self.nodes if node.leads), None)
        for node in self.nodes:
            if any(a <= slot <= b for a, b in node.slots):
                return node
        return None

    def note(self, t_s: float, text: str) -> None:
        self.journal.append((t_s, text))


Redis = dict[str, Deployment]


def build(world: World) -> Redis | None:
    found: Redis = {}
    for name, part in world.scenario.components.items():
        if isinstance(part, Cache) and part.redis is not None:
            found[name] = _deployment(world, name, part, part.redis, len(found))
    return found or None


def _deployment(world: World, name: str, cache: Cache, spec: RedisSpec, number: int) -> Deployment:
    nodes: list[Node] = []
    luck = key_of(world.seed, "redis", name)
    for m in range(spec.masters):
        for r in range(1 + spec.replicas):
            index = len(nodes)
            run_id = "".join(f"{bits(luck, index * 4 + k):016x}" for k in range(3))[:40]
            node = Node(f"{name}-{index}", f"10.0.{40 + number}.{10 + index}", run_id, index)
            node.master = -1 if r == 0 else index - r
            node.started_s = -86_400.0 * 12
            node.config = {
                "maxmemory": str(spec.maxmemory_mb * MB // spec.masters), "maxmemory-policy": spec.policy,
                "requirepass": spec.password, "cluster-enabled": "yes" if spec.mode == "cluster" else "no",
                "min-replicas-to-write": str(spec.min_replicas),
            }  # fmt: skip
            if r == 0:
                node.slots = [(m * SLOTS // spec.masters, (m + 1) * SLOTS // spec.masters - 1)]
            node.offset = 184_220_118 + index
            nodes.append(node)
    made = Deployment(name, spec, nodes, [], masters_epoch(spec), spec.local_s, spec.replica_reads)
    _give_data(made, spec)
    _add_parts(world, made, cache)
    return made


def masters_epoch(spec: RedisSpec) -> int:
    return spec.masters if spec.mode == "cluster" else 0


def _give_data(made: Deployment, spec: RedisSpec) -> None:
    from simulator.redis.slots import slot_of

    for key, value in spec.data.items():
        home = made.node_of(slot_of(key))
        assert home is not None
        for node in (home, *made.replicas_of(home)):
            node.space.put(0, key, Entry("string", value))
    for node in made.nodes:
        node.space.changed.clear()


def _add_parts(world: World, made: Deployment, cache: Cache) -> None:
    components = world.scenario.components
    shared = {n: c for n, c in components.items() if isinstance(c, Cache) and c.on == made.name}
    for name, each in {made.name: cache, **shared}.items():
        split = next((s for s in world.plane.network.splits if s.kind == "cache" and s.name == name), None)
        if split is None:
            continue  # nothing reads it
        space = world.scenario.keys[split.keys]
        capacity = (
            room_for(made, cache.redis) if name == made.name and each.capacity is None else each.capacity
        )
        key = cache.redis.key if name == made.name and cache.redis is not None else each.key
        part = Part(name, key, split.keys, CacheFill(space, each.ttl_s, capacity))
        part.readers = readers(world, name)
        part.delay_s = each.op_ms / 1000
        made.parts.append(part)
        if capacity is not None and each.capacity is None:
            world.plane.set_cache_capacity(name, capacity)


def readers(world: World, cache: str) -> list[str]:
    """Services whose endpoints read a cache."""
    return [
        name
        for name, service in world.scenario.services().items()
        if any(f'"cache":"{cache}"' in step.model_dump_json() for steps in service.endpoints.values() for step in steps)
    ]  # fmt: skip


def bytes_of_cached(made: Deployment) -> int:
    """What one cached key takes."""
    return made.spec.value_bytes + len(made.spec.key) + 96


def room_for(made: Deployment, spec: RedisSpec | None) -> int | None:
    """Cached keys that fit into maxmemory, by the masters' configuration; None without a limit."""
    limits = [int(node.get("maxmemory")) for node in made.masters()]
    if spec is None or not all(limits):
        return None
    return max(1, sum(limits) // bytes_of_cached(made))


def redis_of(world: World) -> Redis:
    found: Redis = world.rooms["redis"]
    return found


def identity(state: Redis) -> Any:
    return [
        (d.name, d.epoch, [(n.name, n.master, n.up, n.slots, n.space.bytes, n.offset, n.slow_count, sorted(n.config.items()))
                           for n in d.nodes])
        for d in state.values()
    ]  # fmt: skip
