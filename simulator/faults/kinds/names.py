"""Names of a world that parameters choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.world import World


def services(world: World) -> list[str]:
    return list(world.scenario.services())


def databases(world: World) -> list[str]:
    return list(world.scenario.databases())


def classes(world: World) -> list[str]:
    return list(world.scenario.traffic.classes)


def places(world: World) -> list[str]:
    return list(world.scenario.datacenters)


def machines(world: World) -> list[str]:
    return list(world.kubernetes.nodes)


def caches(world: World) -> list[str]:
    return list(dict.fromkeys(s.name for s in world.plane.network.splits if s.kind == "cache"))


def routes(world: World) -> list[str]:
    return list(
        dict.fromkeys(
            s.name for s in world.plane.network.splits if s.kind == "route" and not s.name.startswith("home/")
        )
    )


def topics(world: World) -> list[str]:
    return list(world.entities.domain.topics) if world.entities is not None else []


def groups(world: World) -> list[str]:
    return list(world.entities.domain.groups) if world.entities is not None else []


def members(world: World) -> list[str]:
    if world.entities is None:
        return []
    return [f"{name}/{m.name}" for name, group in world.entities.domain.groups.items() for m in group.members]


def brokers(world: World) -> list[str]:
    from simulator.kafka.state import broker_id, kafka_of

    return [str(broker_id(world, n)) for n in kafka_of(world).brokers] if "kafka" in world.rooms else []


def systems(world: World) -> list[str]:
    return [s.name for s in world.entities.spec.systems] if world.entities is not None else []


def stores(world: World) -> list[str]:
    return list(world.entities.domain.stores) if world.entities is not None else []


def limited(world: World) -> list[str]:
    return [x.service for x in world.plane.network.limits]


def stored(world: World) -> list[str]:
    """Databases with a disk of their own."""
    return [n for n, d in world.scenario.databases().items() if d.storage is not None]


def replicas(world: World) -> list[str]:
    return [
        r for d in world.scenario.databases().values() if d.storage is not None for r in d.storage.replicas
    ]


def slots(world: World) -> list[str]:
    return [s for d in world.scenario.databases().values() if d.storage is not None for s in d.storage.slots]


def redis_nodes(world: World) -> list[str]:
    found = world.rooms.get("redis", {})
    return [node.name for made in found.values() for node in made.nodes]


def redis_caches(world: World) -> list[str]:
    return list(world.rooms.get("redis", {}))


def shards(world: World) -> list[str]:
    return [d.name for d in world.plane.network.databases if d.family and d.family != d.name]


def tables(world: World) -> list[str]:
    """Tables of all databases."""
    return list(dict.fromkeys(t for d in world.postgres.databases.values() for t in d.tables))


def has_groups(world: World) -> bool:
    return bool(groups(world))
