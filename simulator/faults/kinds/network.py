"""The network between data centres, whole data centres, DNS and the balancers in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.faults import places
from simulator.faults.fault import DOWN, TIMES, UP, Act, Fault, Moves
from simulator.faults.kinds import names
from simulator.faults.params import Param, Wrong, say
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

FROM = Param("from", names=names.places)
TO = Param("to", names=names.places)
T = {
    "pair": Text(ru="между {0} и {1} нет линии; есть: {2}", en="no link between {0} and {1}; there are: {2}")
}


def linked(world: World) -> bool:
    return bool(world.scenario.links)


def _pairs(act: Act) -> list[tuple[str, str]]:
    """Both directions of the link. Raises Wrong."""
    a, b = act.name("from"), act.name("to")
    links = act.world.scenario.links
    if not any(set(x.between) == {a, b} for x in links):
        raise Wrong(say(act.world, T["pair"], a, b, ", ".join("–".join(x.between) for x in links)))
    return [(a, b), (b, a)]


def _loss(act: Act) -> None:
    for a, b in _pairs(act):
        act.put(f"link/{a}/{b}/loss", "join", act.number("loss"))


def _latency(act: Act) -> None:
    for a, b in _pairs(act):
        act.put(f"link/{a}/{b}/latency_s", "add", act.number("latency") / 1000)


def _down(act: Act) -> None:
    for a, b in _pairs(act):
        act.put(f"link/{a}/{b}/up", "set", False)


def _oneway(act: Act) -> None:
    a, b = _pairs(act)[0]
    act.put(f"link/{a}/{b}/up", "set", False)


def _flap(act: Act) -> None:
    _pairs(act)
    act.every(act.number("every"))
    _flap_once(act)


def _flap_once(act: Act) -> None:
    """The link is down for its part of the period."""
    _down(act)
    act.world.agenda.at(
        act.world.now_s + act.number("down"), "faults.lift", priority=6, number=act.brought.number
    )


def _weights(act: Act) -> None:
    for place in names.places(act.world):
        act.put(f"gslb/{place}", "set", 100.0 if place == act.name("dc") else 0.0)


def _ttl(act: Act) -> None:
    act.put("dns_ttl/", "set", act.number("ttl"))
    first = names.places(act.world)[0]
    for place in names.places(act.world):
        act.put(f"gslb/{place}", "set", 0.0 if place == first else 100.0)


def _retries(act: Act) -> None:
    act.put(f"setting/retries.{act.name('class')}", "set", int(act.number("count")))
    service = _entry_call(act.world, act.name("class"))
    act.put(f"failing/{service}", "join", act.number("errors"))


def _entry_call(world: World, name: str) -> str:
    """The service behind the gateway that a class's first call goes to."""
    head, _, endpoint = world.scenario.traffic.classes[name].path.partition(".")
    steps = world.scenario.services()[head].endpoints[endpoint]
    calls = [step.call.partition(".")[0] for step in steps if step.call]
    return calls[-1] if calls else head


def retrying(world: World) -> list[str]:
    return [
        n for n in names.classes(world) if any(s.name == n and s.retries for s in world.plane.network.scopes)
    ]


def _gslb(world: World) -> bool:
    return "dns" in world.rooms


FAULTS = (
    Fault(
        "network.loss", "network", ("network --loss", "network loss --loss"),
        Text(ru="Между дата-центрами теряется доля пакетов; потерянное повторяется через 200 мс.", en="A share of packets between two data centres is lost; what is lost is sent again after 200 ms."),
        "network dc-1 dc-2 --loss 30%", _loss,
        Moves("time.checkout", TIMES, 1.2), (FROM, TO, Param("loss", "%", 0.001, 1.0, flag=True)), needs=linked,
    ),
    Fault(
        "network.latency", "network", ("network --latency", "network latency --latency"),
        Text(ru="Путь между дата-центрами в одну сторону дольше на столько.", en="The way between two data centres takes so much longer, each way."),
        "network dc-1 dc-2 --latency 80ms", _latency,
        Moves("time.checkout", TIMES, 1.3), (FROM, TO, Param("latency", "ms", 0.1, 10_000.0, flag=True)), needs=linked,
    ),
    Fault(
        "network.down", "network", ("network --down", "network down --down", "partition"),
        Text(ru="Линия между дата-центрами не работает: сообщения висят, пока не сдастся вызывающий.", en="The link between two data centres is dead: messages hang until their callers give up."),
        "network dc-1 dc-2 --down", _down,
        Moves("success.order", DOWN, 0.2), (FROM, TO), needs=linked,
    ),
    Fault(
        "network.oneway", "network", ("network --oneway", "network oneway --oneway"),
        Text(ru="Линия не работает в одну сторону: запросы доходят, ответы пропадают, или наоборот.", en="The link is dead one way: requests arrive and answers are lost, or the other way round."),
        "network dc-2 dc-1 --oneway", _oneway,
        Moves("success.order", DOWN, 0.2), (FROM, TO), needs=linked,
    ),
    Fault(
        "network.flap", "network", ("network --every --down", "network flap --every --down"),
        Text(ru="Линия мигает: раз в период её нет столько секунд.", en="The link flaps: once in a period it is down for so many seconds."),
        "network dc-1 dc-2 --every 20s --down 6s", _flap,
        Moves("time.checkout", TIMES, 1.2),
        (FROM, TO, Param("every", "s", 5.0, 600.0, flag=True), Param("down", "s", 0.5, 300.0, flag=True)), beat=_flap_once, needs=linked,
    ),
    Fault(
        "network.dc", "network", ("dc", "network dc"),
        Text(ru="Дата-центр без питания: машины, линии к нему и узлы баз и Kafka в нём.", en="A data centre loses power: machines, links to it, and the nodes of databases and Kafka in it."),
        "dc dc-2", lambda act: places.place_down(act.world, act.name("dc")),
        Moves("success.order", DOWN, 0.3, run_s=30.0, last_s=20.0, after_s=120.0), (Param("dc", names=names.places),),
        undo=lambda act: places.place_up(act.world, act.name("dc")), needs=lambda w: bool(names.places(w)),
    ),
    Fault(
        "dns.weights", "dns", ("dns weights", "gslb"),
        Text(ru="GSLB отдаёт всем адрес одного дата-центра.", en="The GSLB gives everybody the address of one data centre."),
        "dns weights dc-2", _weights,
        Moves("traffic.dc-2", UP, 0.25, run_s=90.0, after_s=120.0), (Param("dc", names=names.places),),
        fix="gslb set dc-1=50 dc-2=50", needs=_gslb,
    ),
    Fault(
        "dns.ttl", "dns", ("dns ttl",),
        Text(ru="TTL ответов вырос, и сразу после этого первый дата-центр выводят из ответов: клиенты ещё долго идут по старым.", en="The answers' TTL is long, and right after that the first data centre is taken out of them: clients go by the old ones for long."),
        "dns ttl 30m", _ttl,
        Moves("traffic.dc-2", UP, 0.02, run_s=120.0, after_s=0.0), (Param("ttl", "s", 1.0, 86_400.0, 1800.0),), needs=_gslb,
    ),
    Fault(
        "balancer.retries", "balancer", ("balancer retries", "retries"),
        Text(ru="Клиенты повторяют неудачное до стольких раз, а доля вызовов за шлюзом падает: шторм повторов.", en="Clients try again up to so many times, and a share of the calls behind the gateway fails: a storm of retries."),
        "balancer retries order 4 --errors 60%", _retries,
        Moves("attempts.auth-service", TIMES, 1.5),
        (Param("class", names=retrying), Param("count", "int", 0, 10, 4), Param("errors", "%", 0.0, 1.0, 0.6, flag=True)),
        fix="", needs=lambda w: bool(retrying(w)),
    ),
)  # fmt: skip
