"""`gslb`, the console of the global balancer, and what `dig` shows of the names it answers for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simulator.dns.state import Gslb, answers, publish, set_ttl, set_weights, traffic
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.tool import Tool
from simulator.wording import Words, Wrong

if TYPE_CHECKING:
    from simulator.world import World

FORMS = (
    "gslb status",
    "gslb set dc-1=0 dc-2=100",
    "gslb drain dc-1",
    "gslb undrain dc-1",
    "gslb mode manual",
    "gslb ttl 30",
)
T = {
    "none": Text(
        ru="gslb: у этой системы один дата-центр, балансировать нечего",
        en="gslb: this system has one data centre, there is nothing to balance",
    ),
    "usage": Text(ru="gslb: {0}\nформы: {1}", en="gslb: {0}\nforms: {1}"),
    "verb": Text(ru="нет действия {0!r}", en="no action {0!r}"),
    "args": Text(ru="не хватает аргументов", en="arguments are missing"),
    "site": Text(ru="нет дата-центра {0!r}; есть: {1}", en="no data centre {0!r}; there are: {1}"),
    "number": Text(ru="{0!r}: нужно число от {1} до {2}", en="{0!r}: expected a number from {1} to {2}"),
    "zero": Text(
        ru="так не осталось бы ни одного дата-центра; ничего не изменено",
        en="that would leave no data centre at all; nothing has changed",
    ),
    "mode": Text(ru="режим auto или manual, а не {0!r}", en="the mode is auto or manual, not {0!r}"),
    "done": Text(
        ru="веса: {0}. Клиенты переходят в течение TTL ({1:g} с); около {2:.0%} старый ответ не отпускают.",
        en="weights: {0}. Clients follow within the TTL ({1:g} s); about {2:.0%} never let the old answer go.",
    ),
    "ttl": Text(
        ru="TTL {0:g} с: действует для ответов, выданных с этой секунды",
        en="TTL {0:g} s: it holds for answers given from now on",
    ),
    "mode_set": Text(ru="режим {0}", en="mode {0}"),
    "checks": Text(
        ru="проверки: раз в {0:g} с, вниз после {1} неудач, вверх после {2} удач; режим {3}, TTL {4:g} с",
        en="checks: every {0:g} s, down after {1} failures, up after {2} successes; mode {3}, TTL {4:g} s",
    ),
}


say = Words(T)


def run_gslb(world: World, argv: list[str], _stdin: str) -> Reply:
    gslb: Gslb | None = world.rooms.get("dns")
    if gslb is None:
        return failure(say(world, "none"), 1)
    verb, rest = (argv[1], argv[2:]) if len(argv) > 1 else ("status", [])
    if verb == "weight" and len(rest) == 2:  # `gslb weight dc-1 0` is `gslb set dc-1=0`
        verb, rest = "set", ["=".join(rest)]
    verbs = {"status": _status, "set": _set, "drain": _drain, "undrain": _undrain, "mode": _mode, "ttl": _ttl}
    try:
        if verb not in verbs:
            raise Wrong(say(world, "verb", verb[:40]))
        if verb != "status" and not rest:
            raise Wrong(say(world, "args"))
        return Reply(verbs[verb](world, gslb, rest))
    except Wrong as wrong:
        return failure(say(world, "usage", wrong, "; ".join(FORMS)), 2)


def _status(world: World, gslb: Gslb, _rest: list[str]) -> str:
    spec, shares = world.scenario.dns, traffic(world)
    rows = [("SITE", "ADDRESS", "WEIGHT", "ANSWERED", "HEALTH", "CHECK", "TRAFFIC")]
    for name, site in gslb.sites.items():
        health = "UP" if site.healthy else "DOWN"
        check = (
            f"{'ok' if site.passed else 'fail'} ({site.streak})"
            if site.streak
            else "ok"
            if site.passed
            else "fail"
        )
        given = gslb.answered.get(name, 0.0)
        rows.append(
            (name, site.address, f"{site.weight:g}", f"{given:g}", health, check, f"{shares[name]:.1%}")
        )
    widths = [max(len(row[i]) for row in rows) + 3 for i in range(len(rows[0]))]
    table = "".join("".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() + "\n" for r in rows)
    return table + say(world, "checks", spec.check_s, spec.fall, spec.rise, gslb.mode, gslb.ttl_s) + "\n"


def _site(world: World, gslb: Gslb, name: str) -> str:
    if name not in gslb.sites:
        raise Wrong(say(world, "site", name[:40], ", ".join(gslb.sites)))
    return name


def _number(world: World, text: str, least: float, most: float) -> float:
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise Wrong(say(world, "number", text[:40], f"{least:g}", f"{most:g}"))
    return value


def _apply(world: World, gslb: Gslb, weights: dict[str, float]) -> str:
    after = {n: weights.get(n, s.weight) for n, s in gslb.sites.items()}
    if sum(after.values()) <= 0:
        raise Wrong(say(world, "zero"))
    set_weights(world, weights)
    text = " ".join(f"{n}={w:g}" for n, w in after.items())
    return say(world, "done", text, gslb.ttl_s, world.scenario.dns.stuck) + "\n"


def _set(world: World, gslb: Gslb, rest: list[str]) -> str:
    weights: dict[str, float] = {}
    for word in rest:
        name, equals, value = word.partition("=")
        if not equals:
            raise Wrong(say(world, "args"))
        weights[_site(world, gslb, name)] = _number(world, value, 0.0, 1000.0)
    return _apply(world, gslb, weights)


def _drain(world: World, gslb: Gslb, rest: list[str]) -> str:
    return _apply(world, gslb, {_site(world, gslb, name): 0.0 for name in rest})


def _undrain(world: World, gslb: Gslb, rest: list[str]) -> str:
    places = world.scenario.datacenters
    return _apply(world, gslb, {_site(world, gslb, n): places[n].weight or 1.0 for n in rest})


def _mode(world: World, gslb: Gslb, rest: list[str]) -> str:
    if rest[0] not in ("auto", "manual"):
        raise Wrong(say(world, "mode", rest[0][:40]))
    gslb.mode = rest[0]
    publish(world)
    return say(world, "mode_set", rest[0]) + "\n"


def _ttl(world: World, gslb: Gslb, rest: list[str]) -> str:
    seconds = _number(world, rest[0], 1.0, 86_400.0)
    set_ttl(world, seconds)
    return say(world, "ttl", seconds) + "\n"


def dig(world: World, words: list[str], host: str) -> str:
    """What dig prints for a name that the balancer answers for: one address, drawn by the weights."""
    gslb: Gslb = world.rooms["dns"]
    world.requests_made += 1  # each question has its own luck; no part of any digest
    address = answers(world, world.requests_made)[0]
    if "+short" in words:
        return address + "\n"
    name = host.rstrip(".") + "."
    return (
        f"; <<>> DiG 9.18.28 <<>> {' '.join(words)}\n;; global options: +cmd\n;; Got answer:\n"
        f";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: {1000 + world.requests_made % 60_000}\n"
        ";; flags: qr rd ra; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1\n\n"
        f";; QUESTION SECTION:\n;{name}\t\t\tIN\tA\n\n"
        f";; ANSWER SECTION:\n{name}\t\t{gslb.ttl_s:.0f}\tIN\tA\t{address}\n\n"
        ";; Query time: 3 msec\n;; SERVER: 203.0.112.53#53(203.0.112.53) (UDP)\n"
    )


TOOLS: dict[str, Tool] = {
    "gslb": Tool(
        "gslb",
        run_gslb,
        Text(
            ru="глобальный балансировщик: веса дата-центров в DNS, проверки, TTL",
            en="the global balancer: weights of the data centres in DNS, checks, TTL",
        ),
        FORMS,
        lambda argv: argv[1:2] not in ([], ["status"]),
    )
}
