"""Who comes and what for: rates, sales, scanners, hot keys, routes and flags; and clocks that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.faults.fault import DOWN, TIMES, UP, Act, Fault, Moves
from simulator.faults.kinds import names
from simulator.faults.params import Param, Wrong, say
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

CLASS = Param("class", names=names.classes)
FACTOR = Param("factor", "x", 0.0, 1000.0, 3.0)
T = {
    "state": Text(
        ru="у флага {0} нет состояния {1!r}; есть: {2}", en="flag {0} has no state {1!r}; there are: {2}"
    )
}


def _rate(act: Act) -> None:
    act.put(f"rate/{act.name('class')}", "mul", act.number("factor"))


def _spike(act: Act) -> None:
    for name in names.classes(act.world):
        act.put(f"rate/{name}", "mul", act.number("factor"))


def _stop(act: Act) -> None:
    act.put(f"rate/{act.name('class')}", "mul", 0.0)


def flags(world: World) -> list[str]:
    return list(world.scenario.flags)


def states(world: World) -> list[str]:
    return list(dict.fromkeys(s for f in world.scenario.flags.values() for s in f.states))


def _flag(act: Act) -> None:
    world, name, state = act.world, act.name("flag"), act.name("state")
    flag = world.scenario.flags[name]
    if state not in flag.states:
        raise Wrong(say(world, T["state"], name, state, ", ".join(flag.states)))
    act.brought.memory.update(
        was=world.settings.flags.get(name, flag.default), set=name in world.settings.flags
    )
    world.settings.flags[name] = state


def _flag_back(act: Act) -> None:
    name = act.name("flag")
    if act.world.settings.flags.get(name) == act.name("state"):
        act.world.settings.flags[name] = act.brought.memory["was"]
        if not act.brought.memory["set"]:
            del act.world.settings.flags[name]


def _skew(act: Act) -> None:
    """Tokens are of all ages up to their lifetime: so many of them look expired to a clock that is ahead."""
    share = min(1.0, act.number("ahead") / act.number("life"))
    act.put(f"failing/{act.name('service')}", "join", share)


def _forget(act: Act) -> None:
    """A clock ahead by more than keys live has forgotten them; the answers that get lost make callers ask again."""
    name = act.name("system")
    act.put(f"setting/system.{name}.key_ttl_s", "add", -act.number("ahead"))
    act.put(f"trouble/{name}/ambiguous", "join", act.number("share"))


def _expire(act: Act) -> None:
    """A Redis clock that is ahead: entries expire so much earlier than they should."""
    world, cache = act.world, act.name("cache")
    ttl = world.scenario.components[cache].ttl_s  # type: ignore[union-attr]
    act.put(f"setting/cache_ttl.{cache}", "min", max(0.01, ttl - act.number("ahead")))


FAULTS = (
    Fault(
        "traffic.rate", "traffic", ("traffic rate", "rate"),
        Text(ru="Запросов одного класса становится во столько раз больше.", en="There are so many times as many requests of one class."),
        "traffic rate search 3x", _rate, Moves("offered.search", TIMES, 2.0), (CLASS, FACTOR),
    ),
    Fault(
        "traffic.spike", "traffic", ("traffic spike", "spike"),
        Text(ru="Всего трафика становится во столько раз больше: распродажа.", en="All traffic is so many times as much: a sale."),
        "traffic spike 12x", _spike, Moves("time.catalog", TIMES, 1.5, after_s=120.0), (FACTOR,),
    ),
    Fault(
        "traffic.stop", "traffic", ("traffic stop",),
        Text(ru="Запросы одного класса больше не приходят: сломалось снаружи.", en="Requests of one class do not come any more: something outside is broken."),
        "traffic stop basket", _stop, Moves("offered.basket", DOWN, 50.0), (CLASS,),
    ),
    Fault(
        "traffic.route", "traffic", ("traffic route", "route"),
        Text(ru="Доля запросов идёт вторым путём развилки.", en="A share of the requests takes a route's second way."),
        "traffic route recommendations 100%", lambda act: act.put(f"setting/route.{act.name('route')}", "set", act.number("share")),
        Moves("route.recommendations", UP, 0.5), (Param("route", names=names.routes), Param("share", "%", 0.0, 1.0, 1.0)), needs=lambda w: bool(names.routes(w)),
    ),
    Fault(
        "traffic.flag", "traffic", ("traffic flag", "flag"),
        Text(ru="Кто-то переключил флаг.", en="Somebody has switched a flag."),
        "traffic flag storefront-admission low", _flag, Moves("success.browse", DOWN, 0.3),
        (Param("flag", names=flags), Param("state", names=states)), fix="flags set {flag} {was}", undo=_flag_back, needs=lambda w: bool(flags(w)),
    ),
    Fault(
        "clock.tokens", "clock", ("clock tokens", "clock skew"),
        Text(ru="Часы сервиса спешат: часть токенов для него уже истекла, 401.", en="A service's clock is ahead: to it some of the tokens have expired, 401."),
        "clock tokens auth-service 5m", _skew, Moves("success.order", DOWN, 0.2),
        (Param("service", names=names.services), Param("ahead", "s", 1.0, 86_400.0, 300.0), Param("life", "s", 1.0, 604_800.0, 900.0, flag=True)),
    ),
    Fault(
        "clock.keys", "clock", ("clock keys",),
        Text(ru="Часы платёжной системы прыгнули вперёд: ключи идемпотентности забыты, повтор списывает ещё раз.", en="The payment system's clock has jumped ahead: idempotency keys are forgotten, a retry charges again."),
        "clock keys psp 25h", _forget, Moves("broken.charged_once", UP, 10.0, after_s=0.0),
        (Param("system", names=names.systems), Param("ahead", "s", 1.0, 604_800.0, 90_000.0), Param("share", "%", 0.0, 1.0, 0.3, flag=True)), needs=lambda w: bool(names.systems(w)),
    ),
    Fault(
        "clock.cache", "clock", ("clock cache",),
        Text(ru="Часы Redis спешат: записи истекают раньше, чем должны.", en="Redis' clock is ahead: entries expire earlier than they should."),
        "clock cache page-cache 298s", _expire, Moves("queries.prices-db", TIMES, 2.0, after_s=150.0),
        (Param("cache", names=names.caches), Param("ahead", "s", 0.1, 1e7, 290.0)), needs=lambda w: bool(names.caches(w)),
    ),
)  # fmt: skip
