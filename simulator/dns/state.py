"""The state of the global balancer, its health checks, and what it answers. Nothing is printed here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.engine import streams
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

SAYS = {
    "down": Text(
        ru="GSLB: {0} не прошёл {1} проверки подряд, снят из ответов DNS",
        en="GSLB: {0} failed {1} checks in a row and is out of the DNS answers",
    ),
    "down_manual": Text(
        ru="GSLB: {0} не прошёл {1} проверки подряд; режим manual, ответы DNS прежние",
        en="GSLB: {0} failed {1} checks in a row; manual mode, the DNS answers stay",
    ),
    "up": Text(ru="GSLB: {0} снова проходит проверки", en="GSLB: {0} passes its checks again"),
    "weights": Text(ru="GSLB: веса {0}", en="GSLB: weights {0}"),
}


@dataclass
class Site:
    """A data centre as the balancer knows it. `weight` is what people set, health is what checks say."""

    name: str
    address: str
    weight: float
    healthy: bool = True
    streak: int = 0  # checks in a row that contradict `healthy`
    passed: bool = True  # the last check
    changed_s: float = 0.0


@dataclass
class Gslb:
    """The balancer. `answered`: the weights clients are given now."""

    mode: str
    ttl_s: float
    sites: dict[str, Site] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)
    next_check_s: float = 0.0


def build(world: World) -> Gslb | None:
    """One balancer over the declared data centres; none with fewer than two."""
    places = world.scenario.datacenters
    if len(places) < 2:
        return None
    spec = world.scenario.dns
    made = Gslb(spec.mode, spec.ttl_s, next_check_s=spec.check_s)
    for number, (name, place) in enumerate(places.items()):
        made.sites[name] = Site(name, f"203.0.{113 + number}.10", place.weight)
    made.answered = {name: site.weight for name, site in made.sites.items()}
    return made


def alive(world: World, place: str) -> bool:
    """What a check of a data centre's front door finds: a ready pod of the entry behind it."""
    if not any(n.down_s is None for n in world.kubernetes.nodes.values() if n.zone == place):
        return False
    app = world.kubernetes.entry
    deployment = world.kubernetes.deployments.get(app)
    if deployment is None:
        return False
    if place not in deployment.placement:
        return True  # the door itself stands, and passes requests on
    return any(n for key, n in deployment.served.items() if key.endswith("@" + place))


def each_second(world: World) -> None:
    """Health checks when they are due, and the values of this second for the exporters."""
    gslb: Gslb = world.rooms["dns"]
    _record(world, gslb)
    _place_clients(world)
    if world.now_s < gslb.next_check_s:
        return
    spec = world.scenario.dns
    gslb.next_check_s += spec.check_s
    for site in gslb.sites.values():
        site.passed = alive(world, site.name)
        site.streak = 0 if site.passed == site.healthy else site.streak + 1
        if site.streak >= (spec.rise if site.passed else spec.fall):
            site.healthy, site.streak, site.changed_s = site.passed, 0, world.now_s
            key = "up" if site.passed else "down" if gslb.mode == "auto" else "down_manual"
            world.note("gslb", SAYS[key].of(world.language).format(site.name, spec.fall))
    publish(world)


def wanted(gslb: Gslb) -> dict[str, float]:
    """The weights to answer with: unhealthy sites get nothing in auto mode, unless nothing would be left."""
    given = {name: site.weight for name, site in gslb.sites.items()}
    if gslb.mode != "auto":
        return given
    found = {n: w if gslb.sites[n].healthy else 0.0 for n, w in given.items()}
    return found if sum(found.values()) > 0 else given


def publish(world: World) -> None:
    """Give clients other answers, if they are others."""
    gslb: Gslb = world.rooms["dns"]
    now = wanted(gslb)
    if now == gslb.answered or sum(now.values()) <= 0:
        return
    gslb.answered = now
    world.plane.set_dns(now)
    text = " ".join(f"{name}={weight:g}" for name, weight in now.items())
    world.note("gslb", SAYS["weights"].of(world.language).format(text))


def set_weights(world: World, weights: dict[str, float]) -> None:
    """People's weights; those not named stay."""
    gslb: Gslb = world.rooms["dns"]
    for name, weight in weights.items():
        gslb.sites[name].weight = weight
    publish(world)


def set_ttl(world: World, ttl_s: float) -> None:
    gslb: Gslb = world.rooms["dns"]
    gslb.ttl_s = ttl_s
    world.plane.set_dns_ttl(ttl_s)


def traffic(world: World) -> dict[str, float]:
    """Shares of the requests of the last second by data centre: clients follow within the TTL, some never."""
    taken = [world.plane.history.last(f"dns/{way}") for way in range(len(world.scenario.datacenters))]
    total = math.fsum(taken)
    names = list(world.scenario.datacenters)
    return {n: (t / total if total > 0 else 0.0) for n, t in zip(names, taken, strict=True)}


def answers(world: World, asked: int) -> list[str]:
    """The addresses of one answer, first the one that clients use: a weighted draw numbered `asked`."""
    gslb: Gslb = world.rooms["dns"]
    left = {n: w for n, w in gslb.answered.items() if w > 0}
    key = streams.key_of(world.seed, "dns", asked)
    found: list[str] = []
    while left:
        mark = streams.uniform(key, len(found)) * math.fsum(left.values())
        for name in list(left):
            mark -= left[name]
            if mark < 0 or name == list(left)[-1]:
                found.append(gslb.sites[name].address)
                del left[name]
                break
    return found


def _place_clients(world: World) -> None:
    """New entities come from where the requests come in, in steps of a hundredth."""
    business = world.scenario.entities
    for flow, drive in business.drive.items() if business is not None else ():
        if drive.sites:
            shares = traffic(world)
            if not math.fsum(shares.values()):
                continue
            found = [(round(shares.get(p, 0.0), 2), client) for p, client in drive.sites.items()]
            world.settings.ways[flow] = [(share, {f"flow.{flow}.clients": (c,)}) for share, c in found]


def _record(world: World, gslb: Gslb) -> None:
    put = world.plane.history.append
    shares = traffic(world)
    for name, site in gslb.sites.items():
        put(f"gslb/{name}/healthy", float(site.healthy))
        put(f"gslb/{name}/weight", gslb.answered.get(name, 0.0))
        put(f"gslb/{name}/traffic", shares[name])
