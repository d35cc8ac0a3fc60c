"""Hosts by name: which component a name means, its address, and the ports it listens on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.engine import streams
from simulator.scenario import Balancer, Cache, Postgres

if TYPE_CHECKING:
    from simulator.world import World

FRONT = (
    "shop.example", "www.shop.example", "payments.example", "api.shop.example", "shop.example.com", "www.shop.example.com",
    "api.shop.example.com",
)  # fmt: skip
WATCHERS = {"prometheus": "9090", "alertmanager": "9093", "loki": "3100"}


def resolve(world: World, host: str) -> str | None:
    """The component behind a host name in any of its usual forms, or behind its address."""
    host = host.lower().rstrip(".")
    namespace = world.scenario.namespace
    first, *rest = host.split(".")
    if first in named(world) and rest in (
        [],
        [namespace],
        [namespace, "svc"],
        [namespace, "svc", "cluster", "local"],
    ):
        return first
    if first in WATCHERS and rest in (
        [],
        ["monitoring"],
        ["monitoring", "svc"],
        ["monitoring", "svc", "cluster", "local"],
    ):
        return first
    if host in FRONT:
        return world.scenario.traffic.entry
    if host.replace(".", "").isdigit():
        ingress = "10.0.1.2"
        if host == ingress:
            return world.scenario.traffic.entry
        return next((name for name in named(world) if address(world, name) == host), None)
    return None


def named(world: World) -> list[str]:
    """Everything with a name of its own in the cluster."""
    found = [*world.scenario.components, *world.kubernetes.services]
    kafka = world.rooms.get("kafka")
    if kafka is not None:
        found += ["kafka", *kafka.brokers]
    for made in world.rooms.get("redis", {}).values():
        found += ["redis", *(node.name for node in made.nodes)]
    return list(dict.fromkeys(found))


def address(world: World, name: str) -> str:
    service = world.kubernetes.services.get(name)
    key = streams.key_of(1, "address", name)
    return service.cluster_ip if service else f"10.0.2.{20 + streams.below(key, 0, 200)}"


def listeners(world: World, name: str) -> tuple[str, ...]:
    """The ports that accept a connection."""
    part = world.scenario.components.get(name)
    kafka = world.rooms.get("kafka")
    if name == "pgbouncer":
        return ("6432",)
    if name in WATCHERS:
        return ("80", WATCHERS[name])
    if kafka is not None and name in ("kafka", *kafka.brokers):
        return ("9092",)
    if isinstance(part, Postgres):
        return ("5432",)
    if isinstance(part, Cache) or any(
        name in ("redis", *(n.name for n in d.nodes)) for d in world.rooms.get("redis", {}).values()
    ):
        return ("6379", "26379")
    if isinstance(part, Balancer):
        return ("80", "443", "8404")
    return ("80", "8080", "443", "9090")  # the last for scrapes
