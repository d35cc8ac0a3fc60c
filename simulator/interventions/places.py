"""Surviving the loss of a data centre: headroom, replication, who may fail over, how fast clients follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.interventions.base import Intervention, Params, Raw
from simulator.scenario import Focus, Text

if TYPE_CHECKING:
    from simulator.world import World


def _headroom(raw: Raw, focus: Focus, params: Params) -> None:
    """Every placed service has so many times its pods in each data centre, and the machines for them."""
    factor = max(1.0, float(params["factor"]))
    for part in raw["components"].values():
        placed = part.get("placement") if part.get("kind") == "service" else None
        if placed:
            part["placement"] = {place: round(pods * factor) for place, pods in placed.items()}
            part["pods"] = sum(part["placement"].values())
    _machines(raw, focus, params)


def _machines(raw: Raw, focus: Focus, params: Params) -> None:
    factor = max(1.0, float(params["factor"]))
    for place in (raw.get("datacenters") or {}).values():
        if place.get("nodes"):
            place["nodes"] = round(place["nodes"] * factor)


def _ttl(raw: Raw, focus: Focus, params: Params) -> None:
    raw.setdefault("dns", {})["ttl_s"] = max(1.0, float(params["ttl_s"]))


def _checks(raw: Raw, focus: Focus, params: Params) -> None:
    raw.setdefault("dns", {}).update(mode="auto", check_s=max(1.0, float(params["every_s"])), fall=3)


def _manual(raw: Raw, focus: Focus, params: Params) -> None:
    raw.setdefault("dns", {})["mode"] = "manual"


def _anycast(raw: Raw, focus: Focus, params: Params) -> None:
    raw.setdefault("dns", {}).update(stuck=0.0, ttl_s=5.0)


def _third_site(raw: Raw, focus: Focus, params: Params) -> None:
    """One member of etcd in each data centre and one at a third site: either survivor has a majority."""
    for spec in (raw.get("standbys") or {}).values():
        spec["etcd"] = {**dict.fromkeys(raw["datacenters"], 1), "third-site": 1}


def _sync(raw: Raw, focus: Focus, params: Params) -> None:
    business = raw.get("entities") or {}
    for store in business.get("stores") or []:
        if len(store.get("nodes", ())) > 1:
            store["sync"] = 1
    for spec in (raw.get("standbys") or {}).values():
        if spec.get("patroni"):  # it sets synchronous_standby_names itself
            spec["patroni"].update(synchronous_mode=True, synchronous_mode_strict=True)


def _min_insync(raw: Raw, focus: Focus, params: Params) -> None:
    for topic in (raw.get("entities") or {}).get("topics") or []:
        topic["min_insync"] = max(1, int(params["replicas"]))


def _toleration(world: World, params: Params) -> None:
    world.policies["toleration_s"] = max(0.0, float(params["seconds"]))


ENTRIES = [
    Intervention(
        "dc_headroom",
        "prevent",
        Text(ru="каждый ДЦ держит всю нагрузку", en="each data centre can carry all the load"),
        Text(
            ru="половина железа в обычный день простаивает",
            en="half of the hardware is idle on an ordinary day",
        ),
        {"factor": 2},
        _headroom,
    ),
    Intervention(
        "spare_machines",
        "prevent",
        Text(ru="запас узлов в каждом ДЦ", en="spare machines in each data centre"),
        Text(
            ru="железо без подов: после аварии их ещё нужно запустить",
            en="machines without pods: after the loss those have to start first",
        ),
        {"factor": 2},
        _machines,
    ),
    Intervention(
        "dns_ttl",
        "mitigate",
        Text(ru="короче TTL в DNS", en="a shorter TTL in DNS"),
        Text(
            ru="больше запросов к DNS; часть клиентов TTL не соблюдает",
            en="more queries to DNS; some clients do not respect the TTL",
        ),
        {"ttl_s": 15},
        _ttl,
    ),
    Intervention(
        "faster_health_checks",
        "detect",
        Text(ru="чаще проверки дата-центров", en="more frequent checks of the data centres"),
        Text(ru="выше риск ложного срабатывания", en="a higher risk of a false alarm"),
        {"every_s": 3},
        _checks,
    ),
    Intervention(
        "manual_gslb",
        "respond",
        Text(ru="переключать ДЦ только вручную", en="switch data centres only by hand"),
        Text(
            ru="нет ложных переключений, но ждать приходится человека",
            en="no false switches, but everybody waits for a person",
        ),
        {},
        _manual,
    ),
    Intervention(
        "anycast",
        "mitigate",
        Text(ru="anycast вместо DNS", en="anycast instead of DNS"),
        Text(
            ru="своя автономная система и BGP; клиентам не нужно ничего перечитывать",
            en="an autonomous system and BGP of your own; clients need not re-resolve anything",
        ),
        {},
        _anycast,
    ),
    Intervention(
        "etcd_third_site",
        "prevent",
        Text(ru="третья площадка для etcd", en="a third site for etcd"),
        Text(ru="ещё одна площадка ради одного голоса", en="one more site for the sake of one vote"),
        {},
        _third_site,
    ),
    Intervention(
        "sync_replica",
        "prevent",
        Text(ru="синхронная реплика в другом ДЦ", en="a synchronous replica in the other data centre"),
        Text(
            ru="каждый коммит ждёт другого ДЦ; потеря реплики останавливает запись",
            en="every commit waits for the other data centre; losing the replica stops writes",
        ),
        {},
        _sync,
    ),
    Intervention(
        "kafka_min_insync",
        "mitigate",
        Text(ru="min.insync.replicas топиков", en="min.insync.replicas of the topics"),
        Text(
            ru="при 1 подтверждённое сообщение может жить на единственном брокере",
            en="with 1 an acknowledged message may live on a single broker",
        ),
        {"replicas": 1},
        _min_insync,
    ),
    Intervention(
        "shorter_pod_toleration",
        "mitigate",
        Text(
            ru="поды мёртвого узла заменяются раньше (tolerationSeconds)",
            en="pods of a dead machine are replaced sooner (tolerationSeconds)",
        ),
        Text(
            ru="короткий обрыв сети переселяет всех, и места на оставшихся узлах может не хватить нужным",
            en="a short cut of the network moves everybody, and those that matter may find no room on what is left",
        ),
        {"seconds": 30},
        install=_toleration,
    ),
]
