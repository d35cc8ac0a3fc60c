"""What the traffic asks of the nodes, what one command thread gives, and what the services feel of the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.redis import cached, failover, info
from simulator.redis.slots import slot_of
from simulator.redis.state import Deployment, Node, Part, redis_of, room_for
from simulator.scenario import Cache

if TYPE_CHECKING:
    from simulator.world import World

WORST_WAIT_S = 1.0  # behind one slow command: the client's time-out
QUEUE_S = 0.1  # of an overloaded thread: what does not fit into the clients' connections is not sent
SETTLING = 0.5  # how far the load that is felt follows that of the last second
STEP = 0.15  # of a delay: smaller changes are not told to the data plane
LEAST_FAILING = 0.002


def place(made: Deployment) -> None:
    """On which master each bin of each cache lives; a bin of many keys lies on all of them."""
    for part in made.parts:
        known = part.fill.bins
        part.lives = []
        for rank, keys in zip(known.rank, known.keys, strict=True):
            name = cached.name_of(part, rank)
            home = made.node_of(slot_of(name)) if keys == 1 else None
            part.lives.append(-1 if keys > 1 else home.index if home is not None else -2)


def each_second(world: World) -> None:
    for made in redis_of(world).values():
        failover.ship(world, made)
        failover.arrive(world, made)
        for node in made.nodes:
            node.space.sweep(world.now_s)
        _ask(world, made)
        feel(world, made)
        _record(world, made)


def _ask(world: World, made: Deployment) -> None:
    """The commands a second that reach each node, and what the caches hold after this second."""
    last = world.plane.history.last
    before = [node.ops for node in made.nodes]
    for node in made.nodes:
        node.ops = 0.0
    for part in made.parts:
        hits, misses = last(f"cache/{part.cache}/hits"), last(f"cache/{part.cache}/misses")
        failing = max((made.told.get(reader, 0.0) for reader in part.readers), default=0.0)
        part.per_s = (hits + misses) / (1.0 - min(0.95, failing))  # whoever failed did not come to ask
        part.fill.step(hits + misses, 1.0)
        pods = sum(g.pods for reader in part.readers for g in world.plane.groups(reader))
        miss_share = misses / (hits + misses) if hits + misses > 0 else 0.0
        for index, share in node_shares(made, part, pods).items():
            _load(made, made.nodes[index], part.per_s * share, miss_share)

    for node, ops in zip(made.nodes, before, strict=True):
        node.felt = node.ops + SETTLING * (ops - node.ops)


def _load(made: Deployment, node: Node, reads: float, miss_share: float) -> None:
    ops = reads * made.spec.ops_per_read
    node.hits += reads * (1.0 - miss_share)
    node.misses += reads * miss_share
    helpers = [o for o in made.replicas_of(node) if o.up and not o.cut] if made.replica_reads else []
    each = ops / (1 + len(helpers))
    node.ops += each + reads * miss_share
    for helper in helpers:
        helper.ops += each


def node_shares(made: Deployment, part: Part, pods: int) -> dict[int, float]:
    """Share of a cache's reads by master, those that a pod answers from its own memory left out."""
    if not part.lives:
        place(made)
    masters = made.masters()
    found = {node.index: 0.0 for node in masters}
    spread = 0.0
    known = part.fill.bins
    for home, keys, share in zip(part.lives, known.keys, known.share, strict=True):
        left = share
        if made.local_s > 0.0 and pods:
            each = part.per_s * share / keys / pods
            left = share / (1.0 + each * made.local_s)
        if home == -1:
            spread += left
        elif home in found:
            found[home] += left
    for node in masters:
        found[node.index] += spread * cached.slot_share(made, node)
    return found


# -- what the services feel


def capacity(world: World, made: Deployment, node: Node) -> float:
    """Commands a second; a thread that is in one slow command serves nobody else."""
    busy = min(1.0, max(0.0, node.busy_until_s - world.now_s))
    return made.spec.ops_per_s * (1.0 - busy)


def wait_and_loss(world: World, made: Deployment, node: Node) -> tuple[float, float]:
    """(mean wait in seconds, share without an answer) of commands that a master is asked for."""
    if not node.up or world.now_s < node.loading_until_s:
        return 0.0, 1.0
    if world.now_s < node.busy_until_s:
        return min(WORST_WAIT_S, (node.busy_until_s - world.now_s) / 2), 0.0
    able = capacity(world, made, node)
    load = node.felt / able if able > 0 else 2.0
    if load < 0.98:
        return load / (1.0 - load) / made.spec.ops_per_s, 0.0
    return min(QUEUE_S, 0.02 + (load - 0.98) * 2.0), max(0.0, 1.0 - 0.98 / load)


def feel(world: World, made: Deployment) -> None:
    """Tell the data plane how long operations take and how many calls of the readers fail."""
    failing: dict[str, float] = {}
    for part in made.parts:
        pods = sum(g.pods for reader in part.readers for g in world.plane.groups(reader))
        wait = loss = 0.0
        for index, share in node_shares(made, part, pods).items():
            node = made.nodes[index]
            own_wait, own_loss = wait_and_loss(world, made, node)
            wait, loss = wait + share * own_wait, loss + share * own_loss
        part.failing = loss
        spec = world.scenario.components[part.cache]
        assert isinstance(spec, Cache)
        _delay(world, part, spec.op_ms / 1000 + wait)
        for reader in part.readers:
            failing[reader] = failing.get(reader, 0.0) + loss * _use(world, part, reader)
    _fail(world, made, failing)


def _use(world: World, part: Part, reader: str) -> float:
    """The share of a service's requests that read a cache."""
    last = world.plane.history.last
    entered = sum(
        last(f"service/{g.label}/requests") for g in world.plane.network.groups if g.service == reader
    )
    return min(1.0, part.per_s / entered) if entered > 0 else 0.0


def _delay(world: World, part: Part, delay_s: float) -> None:
    if abs(delay_s - part.delay_s) > STEP * part.delay_s:
        part.delay_s = delay_s
        world.plane.set_cache_delay(part.cache, delay_s)


def _fail(world: World, made: Deployment, failing: dict[str, float]) -> None:
    for reader, share in failing.items():
        share = round(min(1.0, share), 3)
        share = share if share >= LEAST_FAILING else 0.0
        if abs(share - made.told.get(reader, 0.0)) >= LEAST_FAILING:
            made.told[reader] = share
            world.plane.set_failing(reader, share, "redis")


def block(world: World, made: Deployment, node: Node, seconds: float) -> None:
    """The command thread is busy with one command: whoever asks this node waits for its end."""
    node.busy_until_s = max(node.busy_until_s, world.now_s + seconds)
    if cached.slot_share(made, node) >= 0.99 and node.leads:
        services = list(dict.fromkeys(reader for part in made.parts for reader in part.readers))
        for service in services:
            for version in world.scenario.services()[service].versions:
                world.plane.set_speed(service, version, 0.0)
        world.agenda.at(node.busy_until_s, "redis.resume", services=services)
    else:
        feel(world, made)
        world.agenda.at(node.busy_until_s, "redis.resume", services=[])


def on_resume(world: World, services: list[str]) -> None:
    """A slow command is over."""
    for made in redis_of(world).values():
        if any(node.busy_until_s > world.now_s for node in made.masters()):
            return
    for service in services:
        for version in world.scenario.services()[service].versions:
            world.plane.set_speed(service, version, 1.0)
    for made in redis_of(world).values():
        feel(world, made)


# -- what commands change


def flushed(world: World, made: Deployment, node: Node) -> None:
    """A master has been emptied: what of the caches lay on it is gone."""
    for part in made.parts:
        share = sum(
            s * (1.0 if home == node.index else cached.slot_share(made, node) if home == -1 else 0.0)
            for home, s in zip(part.lives, part.fill.bins.share, strict=True)
        )
        if share > 0.001:
            part.fill.flush(min(1.0, share))
            world.plane.flush_cache(part.cache, min(1.0, share))


def configured(world: World, made: Deployment) -> None:
    """maxmemory may have changed: another number of cached keys fits."""
    spec = world.scenario.components[made.name]
    assert isinstance(spec, Cache)
    if spec.capacity is not None:
        return
    room = room_for(made, spec.redis)
    for part in made.parts:
        if part.fill.capacity != room:
            part.fill.capacity = room
            world.plane.set_cache_capacity(part.cache, room)


# -- settings (`redis.NAME.local_s`, `redis.NAME.replica_reads`)


def read_setting(world: World, rest: str) -> Any:
    name, _, what = rest.rpartition(".")
    if what not in ("local_s", "replica_reads"):
        raise KeyError(rest)
    return getattr(redis_of(world)[name], what)


def write_setting(world: World, rest: str, value: Any) -> None:
    name, _, what = rest.rpartition(".")
    made = redis_of(world)[name]
    if what == "local_s":
        made.local_s = float(value)
    else:
        made.replica_reads = bool(value)


def _record(world: World, made: Deployment) -> None:
    put = world.plane.history.append
    for node in made.nodes:
        able = made.spec.ops_per_s
        done = min(node.ops, able) if node.up else 0.0
        node.total += done
        held = cached.count(made, node)
        used = info.used_memory(made, node)
        limit = int(node.get("maxmemory"))
        ttl = min((part.fill.ttl_s for part in made.parts), default=1e9)
        share = cached.slot_share(made, node)
        inserted = sum(part.per_s for part in made.parts) * share * _missing(world, made)
        if limit and used >= 0.95 * limit and node.leads:
            node.evicted += inserted
        elif node.leads:
            node.expired += held / ttl
        base = f"redis/{node.name}/"
        put(base + "up", float(node.up))
        put(base + "ops", done)
        put(base + "asked", node.ops)
        put(base + "busy", min(1.0, node.ops / able) if node.up else 0.0)
        put(base + "memory", float(used))
        put(base + "keys", float(held + len(node.space.dbs.get(0, {}))))
        put(base + "evicted", node.evicted)
        put(base + "expired", node.expired)
        put(base + "hits", node.hits)
        put(base + "misses", node.misses)
        put(base + "master", float(node.leads))
        put(base + "slow", float(len(node.slow)))
        put(base + "offset", float(node.offset))


def _missing(world: World, made: Deployment) -> float:
    last = world.plane.history.last
    hits = sum(last(f"cache/{part.cache}/hits") for part in made.parts)
    misses = sum(last(f"cache/{part.cache}/misses") for part in made.parts)
    return misses / (hits + misses) if hits + misses > 0 else 0.0


HANDLERS: dict[str, Callable[..., None]] = {"redis.resume": on_resume}
