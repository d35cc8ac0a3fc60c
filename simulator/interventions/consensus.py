"""Who may lead, and what a write waits for: fencing, synchronous replicas, quorums, noticing two leaders."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.interventions.base import Intervention, Params, Raw
from simulator.scenario import Focus, Text


def _patroni(raw: Raw) -> Iterator[Raw]:
    for spec in (raw.get("standbys") or {}).values():
        if spec.get("patroni"):
            yield spec["patroni"]


def _watchdog(raw: Raw, focus: Focus, params: Params) -> None:
    for patroni in _patroni(raw):
        patroni["watchdog"] = "required"


def _synchronous(raw: Raw, focus: Focus, params: Params) -> None:
    for patroni in _patroni(raw):
        patroni["synchronous_mode"] = True


def _strict(raw: Raw, focus: Focus, params: Params) -> None:
    for patroni in _patroni(raw):
        patroni.update(synchronous_mode=True, synchronous_mode_strict=True)


def _never_paused(raw: Raw, focus: Focus, params: Params) -> None:
    """Maintenance mode ends by itself before anything happens."""
    for patroni in _patroni(raw):
        patroni["pause"] = False


def _shorter_lease(raw: Raw, focus: Focus, params: Params) -> None:
    ttl = max(20.0, float(params["ttl_s"]))
    for spec in (raw.get("standbys") or {}).values():
        if spec.get("patroni"):
            spec["ttl_s"] = ttl
            spec["patroni"].update(loop_wait=max(1, round(ttl / 4)), retry_timeout=max(3, round(ttl / 3)))


def _rewind(raw: Raw, focus: Focus, params: Params) -> None:
    for patroni in _patroni(raw):
        patroni["use_pg_rewind"] = True


def _quorum(raw: Raw, focus: Focus, params: Params) -> None:
    for store in (raw.get("entities") or {}).get("quorums") or []:
        most = len(store["nodes"])
        store["write"] = min(most, max(1, int(params["write"])))
        store["read"] = min(most, max(1, int(params["read"])))


def _proxied(raw: Raw, focus: Focus, params: Params) -> None:
    for patroni in _patroni(raw):
        patroni["proxied"] = True


def _alert(raw: Raw, focus: Focus, params: Params) -> None:
    raw["alerting"]["rules"]["TwoPrimaries"] = {
        "expr": "count by (scope) (pg_replication_is_replica == 0) > 1",
        "for_s": params["for_s"],
        "severity": "P1",
        "service": focus.service,
        "summary": {"ru": "Два primary в одном кластере", "en": "Two primaries in one cluster"},
    }
    raw["alerting"]["group_wait_s"] = min(raw["alerting"]["group_wait_s"], 10)


ENTRIES = [
    Intervention(
        "watchdog_fencing",
        "prevent",
        Text(ru="watchdog у Patroni: required", en="Patroni's watchdog: required"),
        Text(
            ru="узел без живого агента перезагружается: завис агент — нет и базы",
            en="a node whose agent does not answer is reset: a hung agent costs the database",
        ),
        {},
        _watchdog,
    ),
    Intervention(
        "synchronous_mode",
        "prevent",
        Text(ru="synchronous_mode в Patroni", en="Patroni's synchronous_mode"),
        Text(
            ru="коммит ждёт другого ДЦ; лидер без etcd не может отпустить реплику и перестаёт подтверждать",
            en="a commit waits for the other site; a leader without etcd cannot let the replica go and stops acknowledging",
        ),
        {},
        _synchronous,
    ),
    Intervention(
        "synchronous_mode_strict",
        "prevent",
        Text(ru="synchronous_mode_strict в Patroni", en="Patroni's synchronous_mode_strict"),
        Text(
            ru="без реплики запись стоит и у законного лидера",
            en="without a replica even the rightful leader takes no writes",
        ),
        {},
        _strict,
    ),
    Intervention(
        "no_endless_pause",
        "prevent",
        Text(ru="режим обслуживания Patroni со сроком", en="Patroni's maintenance mode with an end"),
        Text(
            ru="забытая пауза снимается сама; долгие работы нужно продлевать",
            en="a forgotten pause ends by itself; long work has to extend it",
        ),
        {},
        _never_paused,
    ),
    Intervention(
        "shorter_ttl",
        "mitigate",
        Text(ru="короче ttl лидера в etcd", en="a shorter ttl of the leader's key"),
        Text(
            ru="короткий сбой сети чаще роняет лидера", en="a short network fault costs the leader more often"
        ),
        {"ttl_s": 20},
        _shorter_lease,
    ),
    Intervention(
        "pg_rewind_on",
        "respond",
        Text(ru="use_pg_rewind в Patroni", en="Patroni's use_pg_rewind"),
        Text(
            ru="старый лидер возвращается сам и сам же стирает то, чего нет у нового",
            en="the old leader comes back by itself and wipes by itself what the new one lacks",
        ),
        {},
        _rewind,
    ),
    Intervention(
        "quorum_w2r2",
        "prevent",
        Text(ru="кворум хранилища без лидера: W=2, R=2", en="quorums of the leaderless store: W=2, R=2"),
        Text(
            ru="сторона без большинства получает ошибки", en="the side without a majority gets errors"
        ),
        {"write": 2, "read": 2},
        _quorum,
    ),
    Intervention(
        "primary_by_patroni_check",
        "prevent",
        Text(
            ru="запись идёт через прокси, который спрашивает Patroni (GET /primary)",
            en="writes go through a proxy that asks Patroni (GET /primary)",
        ),
        Text(
            ru="завис агент или потерян etcd — клиентов у узла нет, даже если PostgreSQL жив; прокси тоже надо резервировать",
            en="a hung agent or a lost etcd costs the node its clients though PostgreSQL lives; the proxy needs a spare, too",
        ),
        {},
        _proxied,
    ),
    Intervention(
        "split_brain_alert",
        "detect",
        Text(ru="алерт на два primary", en="an alert on two primaries"),
        Text(ru="срабатывает и на плановый перенос, если for мал", en="fires on a planned move, too, if `for` is short"),
        {"for_s": 10},
        _alert,
    ),
]  # fmt: skip
