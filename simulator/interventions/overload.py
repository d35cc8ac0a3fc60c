"""Against overload and retry storms: budgets, deadlines, queues, admission, caches, pools that fit their database."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.interventions.base import Intervention, Params, Raw
from simulator.scenario import Focus, Text


def _steps(steps: list[Raw]) -> Iterator[Raw]:
    """Every step of a list, those inside misses, routes and branches included."""
    for step in steps:
        yield step
        for inner in ("miss", "old", "new"):
            yield from _steps(step.get(inner) or [])
        for branch in step.get("parallel") or []:
            yield from _steps(branch)


def guarded_calls(raw: Raw) -> list[Raw]:
    """The calls that have a policy of their own."""
    found: list[Raw] = []
    for part in raw["components"].values():
        for steps in (part.get("endpoints") or {}).values():
            found += [s for s in _steps(steps) if s.get("call") and s.get("timeout_ms")]
    return found


def _entry(raw: Raw) -> Raw:
    found: Raw = raw["components"][raw["traffic"]["entry"]]
    return found


def _retry_budget(raw: Raw, focus: Focus, params: Params) -> None:
    ratio = min(1.0, max(0.0, params["ratio"]))
    for caller in (_entry(raw), *guarded_calls(raw)):
        if caller.get("retries"):
            caller["retry_budget"] = {"ratio": ratio, "per_s": 10.0, "burst": 100.0}


def _edge_only(raw: Raw, focus: Focus, params: Params) -> None:
    for call in guarded_calls(raw):
        call["retries"] = 0


def _deadline(raw: Raw, focus: Focus, params: Params) -> None:
    _entry(raw)["deadline"] = True


def _adaptive_queue(raw: Raw, focus: Focus, params: Params) -> None:
    raw["components"][focus.service]["bulkhead"].update(order="codel", target_ms=5.0, interval_ms=100.0)


def _admission(raw: Raw, focus: Focus, params: Params) -> None:
    """The first service behind the door lets so many through a second, and refuses the rest at once."""
    rps = max(1.0, float(params["rps"]))
    raw["components"][_door(raw)]["rate_limit"] = {"rps": rps, "burst": max(1.0, rps / 10)}


def _door(raw: Raw) -> str:
    found: str = next(iter(raw["traffic"]["classes"].values()))["path"].partition(".")[0]
    return found


def _below_peak(raw: Raw, focus: Focus) -> dict[str, float]:
    """A seventh less than what comes to the door at most."""
    traffic, door = raw["traffic"], _door(raw)
    shares = [c["share"] for c in traffic["classes"].values() if c["path"].partition(".")[0] == door]
    peak = max((factor for _, factor in traffic.get("profile") or []), default=1.0)
    return {"rps": 6 / 7 * traffic["rps"] * sum(shares) * peak}


def _call_breakers(raw: Raw, focus: Focus, params: Params) -> None:
    for call in guarded_calls(raw):
        call["breaker"] = {
            "window": 100,
            "failure_rate": 0.5,
            "open_s": max(0.1, params["open_s"]),
            "half_open_calls": 10,
        }


def _local_cache(raw: Raw, focus: Focus, params: Params) -> None:
    """Whatever cache stands before the focus database keeps its entries at least so long."""
    for part in raw["components"].values():
        for steps in (part.get("endpoints") or {}).values():
            for step in _steps(steps):
                reads = any(s.get("query") == focus.database for s in step.get("miss") or [])
                if step.get("cache") and reads:
                    cache = raw["components"][step["cache"]]
                    cache["ttl_s"] = max(float(cache["ttl_s"]), float(params["ttl_s"]))


def _pool_per_pod(raw: Raw, focus: Focus, params: Params) -> None:
    """A pod's pool small enough that the autoscaler's maximum fits into the database."""
    pool = raw["components"][focus.database]["pool"]
    if not pool.get("per_pod"):
        return
    service = raw["components"][pool["service"]]
    pool["per_pod"] = max(1, int(params["connections"]))
    for name, knob in (service.get("knobs") or {}).items():
        if knob["path"] == f"per_pod.{focus.database}":
            service.setdefault("env", {})[name] = str(pool["per_pod"])
    pool["limit"] = pool["open"] = max(1, pool["per_pod"] * service["pods"])


ENTRIES = [
    Intervention(
        "retry_budget",
        "prevent",
        Text(ru="бюджет повторов в каждом слое", en="a retry budget in every layer"),
        Text(
            ru="при настоящем сбое часть запросов, которые спас бы повтор, упадёт",
            en="under a real fault some requests that a retry would have saved fail",
        ),
        {"ratio": 0.1},
        _retry_budget,
    ),
    Intervention(
        "retries_at_the_edge_only",
        "prevent",
        Text(ru="повторяет только один слой", en="only one layer retries"),
        Text(
            ru="договорённость всех команд; короткие сбои внутри становятся видны снаружи",
            en="an agreement of all teams; short faults inside become visible outside",
        ),
        {},
        _edge_only,
    ),
    Intervention(
        "deadline_propagation",
        "prevent",
        Text(ru="дедлайн передаётся по цепочке вызовов", en="the deadline travels along the calls"),
        Text(
            ru="правка всех клиентов и серверов; работа для ушедших клиентов прекращается",
            en="every client and server changes; work for callers that have left stops",
        ),
        {},
        _deadline,
    ),
    Intervention(
        "adaptive_queue",
        "prevent",
        Text(ru="CoDel в очереди сервиса", en="CoDel in the service's queue"),
        Text(
            ru="при перегрузке отказывает раньше; пороги нужно подбирать",
            en="refuses earlier under overload; the thresholds need tuning",
        ),
        {},
        _adaptive_queue,
    ),
    Intervention(
        "admission_control",
        "mitigate",
        Text(ru="предел допуска на входе", en="an admission limit at the door"),
        Text(
            ru="сверх предела — отказ, и кому отказать, решает бизнес",
            en="beyond the limit requests are refused, and whom to refuse is for the business to say",
        ),
        {"rps": 8000},
        _admission,
        sized=_below_peak,
    ),
    Intervention(
        "call_breakers",
        "mitigate",
        Text(
            ru="circuit breaker на вызовах между сервисами", en="circuit breakers on calls between services"
        ),
        Text(
            ru="открытый breaker отказывает и здоровой части запросов",
            en="an open breaker refuses the healthy part of the requests too",
        ),
        {"open_s": 10},
        _call_breakers,
    ),
    Intervention(
        "local_read_cache",
        "prevent",
        Text(
            ru="кэш чтений перед базой включён всегда", en="the read cache before the database is always on"
        ),
        Text(
            ru="данные старше на TTL; горячий ключ гасится в самих подах",
            en="data are a TTL older; a hot key is absorbed in the pods themselves",
        ),
        {"ttl_s": 5},
        _local_cache,
    ),
    Intervention(
        "pool_per_pod",
        "prevent",
        Text(
            ru="пул на под из расчёта максимума автоскейлера",
            en="a pool per pod sized for the autoscaler's maximum",
        ),
        Text(
            ru="меньше параллельных запросов на под; внешний пулер был бы дороже",
            en="fewer concurrent queries a pod; a pooler outside would cost more",
        ),
        {"connections": 3},
        _pool_per_pod,
        needs=("database",),
    ),
]
