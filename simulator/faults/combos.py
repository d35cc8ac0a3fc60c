"""Named sets of faults: what often comes together in real incidents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.faults.catalogue import Call, parse
from simulator.faults.params import Wrong, clip, say
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

T = {
    "none": Text(ru="нет набора {0!r}; есть: {1}", en="no combo {0!r}; there are: {1}"),
    "one": Text(ru="combo: одно имя; есть: {0}", en="combo: one name; there are: {0}"),
}


@dataclass(frozen=True)
class Combo:
    text: Text
    lines: tuple[str, ...]


COMBOS: dict[str, Combo] = {
    "black-friday": Combo(
        Text(ru="распродажа: трафик, горячий ключ и холодный кэш", en="a sale: traffic, a hot key and a cold cache"),
        ("traffic spike 4x", "shards hot stock-db-1 50%", "cache flush page-cache"),
    ),
    "split-brain": Combo(
        Text(ru="линия между ЦОД мигает, а Kafka теряет брокера", en="the link between the data centres flaps while Kafka loses a broker"),
        ("network dc-1 dc-2 --every 30s --down 8s", "kafka broker 1"),
    ),
    "double-charge": Combo(
        Text(ru="платёжка теряет ответы, повторы идут без ключа", en="the payment system loses answers, retries have no key"),
        ("payments nokey order.charge 30%", "payments slow psp 500ms"),
    ),
    "lost-orders": Combo(
        Text(ru="ранний коммит, падающие консьюмеры, медленный обработчик", en="early commits, crashing consumers, a slow handler"),
        ("kafka commit warehouse before --every 15s", "payments slow carrier 2s"),
    ),
    "bad-migration": Combo(
        Text(ru="миграция под блокировкой и отставшая реплика", en="a migration under a lock and a replica that lags"),
        ("postgres locks orders 45s", "postgres replay orders-pg-2 2MB/s"),
    ),
    "retry-storm": Combo(
        Text(ru="медленный антифрод и клиенты, которые не сдаются", en="a slow antifraud and clients that do not give up"),
        ("latency antifraud 900ms", "balancer retries order 4 --errors 40%"),
    ),
    "cache-stampede": Combo(
        Text(ru="короткий TTL, сбросы кэша и слабая база под ним", en="a short TTL, flushes, and a weak database beneath"),
        ("cache ttl page-cache 2s", "cache churn page-cache --every 15s", "postgres cores prices-db 0.5"),
    ),
    "dc-evacuation": Combo(
        Text(ru="ЦОД без питания, а TTL у DNS длинный", en="a data centre without power, and DNS answers that live long"),
        ("dns ttl 15m", "dc dc-2"),
    ),
    "friday-release": Combo(
        Text(ru="релиз с N+1, образ-призрак и выключенные флаги", en="a release with an N+1, an image that is not there, and flags switched off"),
        ("release order-service v9.5.0", "kubernetes image cart-service", "traffic flag recommendations off"),
    ),
    "chaos-monkey": Combo(
        Text(ru="по чуть-чуть везде: поды, машина, Redis, сеть", en="a little everywhere: pods, a machine, Redis, the network"),
        ("kubernetes crash pricing-service --share 25% --every 30s", "node node-dc-1-02", "redis down cart-cache-0", "network dc-1 dc-2 --loss 5%"),
    ),
}  # fmt: skip


def listing(world: World) -> str:
    lines: list[str] = []
    for name, combo in COMBOS.items():
        lines.append(f"{name}: {combo.text.of(world.language)}")
        lines += [f"  break {line}" for line in combo.lines]
    return "\n".join(lines) + "\n"


def calls(world: World, words: list[str]) -> list[Call]:
    """Every fault of a combo, read before the first one is brought. Raises Wrong."""
    if len(words) != 1:
        raise Wrong(say(world, T["one"], ", ".join(COMBOS)))
    if words[0] not in COMBOS:
        raise Wrong(say(world, T["none"], clip(words[0]), ", ".join(COMBOS)))
    return [parse(world, line.split()) for line in COMBOS[words[0]].lines]
