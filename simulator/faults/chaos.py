"""`chaos`: faults of the data plane by command, in play and in a scenario's timeline.

Each changes one thing the data plane knows (a speed, a core, a link, a rate, a cache) and lets the rest
follow. `--for S` takes it back after S seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.faults import places
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.tool import Tool
from simulator.wording import Unknown, Words, Wrong

if TYPE_CHECKING:
    from simulator.world import World

MOST_RPS = 1_000_000.0

T = {
    "usage": Text(
        ru="chaos: {0}\nформы: {1}",
        en="chaos: {0}\nforms: {1}",
    ),
    "what": Text(ru="нет такой поломки: {0!r}", en="no such fault: {0!r}"),
    "args": Text(ru="{0}: не хватает аргументов", en="{0}: arguments are missing"),
    "more": Text(ru="{0}: лишнее: {1}", en="{0}: not understood: {1}"),
    "number": Text(ru="{0!r}: нужно число {1}", en="{0!r}: expected a number {1}"),
    "name": Text(ru="нет {0!r}; есть: {1}", en="no {0!r}; there are: {1}"),
    "done": Text(ru="сделано: {0}", en="done: {0}"),
    "undone": Text(ru="снято: {0}", en="taken back: {0}"),
    "flag": Text(ru="неизвестный флаг {0}", en="unknown flag {0}"),
}
say = Words(T)
FORMS = (
    "chaos slow SERVICE FACTOR [--version V] [--in DC]",
    "chaos pause SERVICE [--version V] [--in DC]",
    "chaos kill SERVICE PODS [--version V] [--in DC]",
    "chaos fail SERVICE SHARE",
    "chaos cores DATABASE CORES",
    "chaos rate CLASS RPS",
    "chaos link DC DC [--latency MS] [--loss SHARE] [--down]",
    "chaos dns DC=WEIGHT ...",
    "chaos evict SERVICE PODS",
    "chaos target NAME lost|error|ambiguous|mean_ms NUMBER",
    "chaos flush CACHE",
    "chaos dc DC down|up",
    "chaos node NODE down|up",
    "chaos hot KEYS SHARE",
    "chaos lag NODE NODE MS",
    "chaos share ROUTE SHARE",
    "chaos kafka broker N down|up, chaos kafka crash|stop|start GROUP/MEMBER",
    "chaos patroni hang|promote MEMBER, chaos patroni new-dcs DC",
    "chaos redis down|up|cut|join|slow|nosave|save NODE, chaos redis full|room|failover CACHE",
)
FLAGS = ("--for", "--version", "--in", "--latency", "--loss")


def _number(world: World, text: str, least: float, most: float) -> float:
    percent = text.endswith("%")
    try:
        value = float(text[:-1]) / 100 if percent else float(text.removesuffix("ms").removesuffix("x"))
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise Wrong(say(world, "number", text, f"{least:g} … {most:g}"))
    return value


def _known(world: World, name: str, names: list[str]) -> str:
    if name not in names:
        raise Wrong(say(world, "name", name, ", ".join(names) or "-"))
    return name


def _services(world: World) -> list[str]:
    return list(world.scenario.services())


def _versions(world: World, service: str, flags: dict[str, str]) -> list[str]:
    versions = list(world.scenario.services()[service].versions)
    return [_known(world, flags["--version"], versions)] if "--version" in flags else versions


def _place(world: World, service: str, flags: dict[str, str]) -> str:
    if "--in" not in flags:
        return ""
    return _known(world, flags["--in"], list(world.scenario.services()[service].placement))


def _speed(world: World, words: list[str], flags: dict[str, str], speed: float) -> list[str]:
    service = _known(world, words[0], _services(world))
    place = _place(world, service, flags)
    for version in _versions(world, service, flags):
        world.plane.set_speed(service, version, speed, place)
    back = [f"chaos slow {service} 1"]
    return [" ".join([*back, *(f"{k} {flags[k]}" for k in ("--version", "--in") if k in flags)])]


def _slow(world: World, words: list[str], flags: dict[str, str]) -> list[str]:
    return _speed(world, words, flags, 1.0 / _number(world, words[1], 0.01, 1000.0))


def _pause(world: World, words: list[str], flags: dict[str, str]) -> list[str]:
    return _speed(world, words, flags, 0.0)


def _kill(world: World, words: list[str], flags: dict[str, str]) -> list[str]:
    service = _known(world, words[0], _services(world))
    pods = int(_number(world, words[1], 1, 100_000))
    place = _place(world, service, flags)
    current = flags.get("--version", world.scenario.services()[service].current)
    world.plane.kill_pods(service, _versions(world, service, {"--version": current})[0], pods, place)
    return []


def _evict(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    """The cluster takes pods off their machines, oldest first, in order: a node is emptied, spot machines go."""
    from simulator.kubernetes import controller

    service = _known(world, words[0], _services(world))
    most = int(_number(world, words[1], 1, 1000))
    ready = [p for p in world.kubernetes.pods.values() if p.app == service and p.active and p.ready]
    for pod in sorted(ready, key=lambda p: (p.created_s, p.name))[:most]:
        controller.delete_pod(world, pod)
    return []


def _target(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    """How calls of single orders to one target end, whatever the plane shows of it."""
    from simulator.bridge import Trouble

    entities = world.entities
    domain = entities.domain if entities is not None else None
    name = _known(world, words[0], [*domain.stores, *domain.systems, *domain.topics] if domain else [])
    field = _known(world, words[1], ["lost", "error", "ambiguous", "mean_ms"])
    value = _number(world, words[2], 0.0, 600_000.0 if field == "mean_ms" else 1.0)
    setattr(world.reach.trouble.setdefault(name, Trouble()), field, value)
    return [f"chaos target {name} {field} 0"]


def _fail(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    service = _known(world, words[0], _services(world))
    world.plane.set_failing(service, _number(world, words[1], 0.0, 1.0), "chaos")
    return [f"chaos fail {service} 0"]


def _cores(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    name = _known(world, words[0], list(world.scenario.databases()))
    world.plane.set_cores(name, _number(world, words[1], 0.01, 1024.0))
    return [f"chaos cores {name} {world.scenario.databases()[name].cores}"]


def _rate(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    name = _known(world, words[0], list(world.scenario.traffic.classes))
    world.plane.set_rate(name, _number(world, words[1], 0.0, MOST_RPS))
    normal = world.scenario.traffic.classes[name].share * world.scenario.traffic.rps
    return [f"chaos rate {name} {normal:g}"]


def _link(world: World, words: list[str], flags: dict[str, str]) -> list[str]:
    links = world.scenario.links
    names = [" ".join(x.between) for x in links]
    wanted = {words[0], words[1]}
    link = next((x for x in links if set(x.between) == wanted), None)
    if link is None:
        raise Wrong(say(world, "name", " ".join(words[:2]), ", ".join(names) or "-"))
    latency = _number(world, flags["--latency"], 0.01, 10_000.0) if "--latency" in flags else link.latency_ms
    loss = _number(world, flags["--loss"], 0.0, 1.0) if "--loss" in flags else link.loss
    for source, target in (link.between, link.between[::-1]):
        world.plane.set_link(source, target, latency_s=latency / 1000, loss=loss, up="--down" not in flags)
    return [f"chaos link {link.between[0]} {link.between[1]}"]


def _dns(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    places = list(world.scenario.datacenters)
    weights = {}
    for word in words:
        name, _, value = word.partition("=")
        weights[_known(world, name, places)] = _number(world, value, 0.0, 1e6)
    if sum(weights.values()) <= 0:
        raise Wrong(say(world, "number", " ".join(words), "> 0"))
    world.plane.set_dns(weights)
    normal = [f"{n}={d.weight:g}" for n, d in world.scenario.datacenters.items()]
    return ["chaos dns " + " ".join(normal)]


def _dc(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    place = _known(world, words[0], list(world.scenario.datacenters))
    if _known(world, words[1], ["down", "up"]) == "down":
        places.place_down(world, place)
    else:
        places.place_up(world, place)
    return [f"chaos dc {place} up"] if words[1] == "down" else []


def _machine(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    name = _known(world, words[0], list(world.kubernetes.nodes))
    if _known(world, words[1], ["down", "up"]) == "down":
        places.node_down(world, name)
    else:
        places.node_up(world, name)
    return [f"chaos node {name} up"] if words[1] == "down" else []


def _lag(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    stores = world.entities.domain.stores.values() if world.entities is not None else ()
    names = [copy.name for store in stores for copy in store.copies]
    if world.entities is not None:
        names += [broker for topic in world.entities.domain.topics.values() for broker in topic.spec.brokers]
    pair = (_known(world, words[0], names), _known(world, words[1], names))
    for one in (pair, pair[::-1]):
        world.reach.delay_ms.pop(one, None)
    value = _number(world, words[2], 0.0, 3_600_000.0)
    if value:
        world.reach.delay_ms[pair] = value
    return [f"chaos lag {pair[0]} {pair[1]} 0"]


def _hot(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    keys = _known(world, words[0], list(world.scenario.keys))
    places.hot(world, keys, _number(world, words[1], 0.0, 0.99))
    return [f"chaos hot {keys} 0"]


def _flush(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    caches = dict.fromkeys(s.name for s in world.plane.network.splits if s.kind == "cache")
    world.plane.flush_cache(_known(world, words[0], list(caches)))
    return []


def _share(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    """So many of the requests that come to a route take its second way."""
    splits = world.plane.network.splits
    routes = list(dict.fromkeys(s.name for s in splits if s.kind == "route"))
    name = _known(world, words[0], routes)
    world.plane.set_route(name, _number(world, words[1], 0.0, 1.0))
    return [f"chaos share {name} 0"]


def _brought(world: World, words: list[str], bring: Callable[[World, list[str]], list[str]]) -> list[str]:
    """A technology's own fault."""
    try:
        return bring(world, words)
    except Unknown as unknown:
        raise Wrong(say(world, "name", unknown.name, ", ".join(unknown.known) or "-")) from None


def _redis(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    from simulator.redis import faults

    if words[0] not in ("down", "up", "cut", "join", "slow", "nosave", "save", "full", "room", "failover"):
        raise Wrong(say(world, "what", "redis " + words[0]))
    if words[0] == "slow" and len(words) > 2:
        words = [*words[:2], str(_number(world, words[2], 0.0, 60.0))]
    return _brought(world, words, faults.bring)


def _patroni(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    from simulator.patroni import faults

    return _brought(world, words, faults.bring)


def _kafka(world: World, words: list[str], _flags: dict[str, str]) -> list[str]:
    from simulator.kafka import faults

    return _brought(world, words, faults.bring)


KINDS: dict[str, tuple[int, Callable[[World, list[str], dict[str, str]], list[str]]]] = {
    "slow": (2, _slow),
    "pause": (1, _pause),
    "kill": (2, _kill),
    "evict": (2, _evict),
    "target": (3, _target),
    "fail": (2, _fail),
    "cores": (2, _cores),
    "rate": (2, _rate),
    "link": (2, _link),
    "dns": (1, _dns),
    "flush": (1, _flush),
    "dc": (2, _dc),
    "node": (2, _machine),
    "hot": (2, _hot),
    "lag": (3, _lag),
    "share": (2, _share),
    "redis": (2, _redis),
    "kafka": (2, _kafka),
    "patroni": (2, _patroni),
}
OPEN = ("dns", "redis", "kafka", "patroni")  # take as many words as they like


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    """One fault; the reply says how to take it back. Kinds of the catalogue that are not its own go to `break`."""
    if len(argv) > 1 and argv[1] not in KINDS and _catalogued(argv[1:]):
        from simulator.faults import console

        return console.run(world, argv, _stdin)
    try:
        words, flags = _parse(world, argv[1:])
        kind = words.pop(0) if words else ""
        if kind not in KINDS:
            raise Wrong(say(world, "what", kind))
        least, bring = KINDS[kind]
        if len(words) < least:
            raise Wrong(say(world, "args", kind))
        if len(words) > least and kind not in OPEN:
            raise Wrong(say(world, "more", kind, " ".join(words[least:])))
        seconds = _number(world, flags["--for"], 0.05, 86_400.0) if "--for" in flags else 0.0
        back = bring(world, words, flags)
    except Wrong as wrong:
        forms = "; ".join(FORMS)
        return failure(say(world, "usage", wrong, forms), 2)
    line = " ".join(argv)
    world.note("chaos", line)
    if seconds:
        for undo in back:
            world.agenda.at(world.now_s + seconds, "chaos.revert", priority=6, line=undo, unsaid=world.unsaid)
    hint = f" ({'; '.join(back)})" if back and not seconds else ""
    return Reply(say(world, "done", line) + hint + "\n")


def _catalogued(words: list[str]) -> bool:
    from simulator.faults.catalogue import find

    return find(words) is not None


def _parse(world: World, argv: list[str]) -> tuple[list[str], dict[str, str]]:
    words: list[str] = []
    flags: dict[str, str] = {}
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name == "--down":
            flags[name] = "yes"
        elif name in FLAGS:
            if not equals and not rest:
                raise Wrong(say(world, "args", name))
            flags[name] = value if equals else rest.pop(0)
        elif word.startswith("--"):
            raise Wrong(say(world, "flag", word))
        else:
            words.append(word)
    return words, flags


def on_revert(world: World, line: str, unsaid: tuple[str, ...] = ()) -> None:
    """A fault's time is over; what nobody was told of ends as quietly."""
    words, flags = _parse(world, line.split()[1:])
    KINDS[words[0]][1](world, words[1:], flags)
    world.unsaid = unsaid
    world.note("chaos", say(world, "undone", line))
    world.unsaid = ()


def _always(_argv: list[str]) -> bool:
    return True


HANDLERS: dict[str, Callable[..., Any]] = {"chaos.revert": on_revert}
TOOLS = {
    "chaos": Tool(
        "chaos",
        run,
        Text(
            ru="внести поломку: замедлить, остановить, отключить", en="bring in a fault: slow, stop, cut off"
        ),
        FORMS,
        _always,
    )
}
