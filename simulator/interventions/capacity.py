"""More or less of something: pools, bulkheads, CPU, pods, queries. Each patches the scenario's numbers."""

from simulator.interventions.base import Intervention, Params, Raw
from simulator.scenario import Focus, Text


def _database(raw: Raw, focus: Focus) -> Raw:
    found: Raw = raw["components"][focus.database]
    return found


def _service(raw: Raw, focus: Focus) -> Raw:
    found: Raw = raw["components"][focus.service]
    return found


def _pool_resize(raw: Raw, focus: Focus, params: Params) -> None:
    pool = _database(raw, focus)["pool"]
    pool["limit"] = max(1, int(params["limit"]))
    pool["open"] = min(pool["open"], pool["limit"])


def _more_db_cpu(raw: Raw, focus: Focus, params: Params) -> None:
    _database(raw, focus)["cores"] = max(1, int(params["cores"]))


def _remove_bulkhead(raw: Raw, focus: Focus, params: Params) -> None:
    _service(raw, focus)["bulkhead"].update(limit=1_000_000, queue=0)


def _bulkhead_resize(raw: Raw, focus: Focus, params: Params) -> None:
    _service(raw, focus)["bulkhead"]["limit"] = max(1, int(params["limit"]))


def _scale_pods(raw: Raw, focus: Focus, params: Params) -> None:
    """So many pods; a service of several data centres keeps its proportions, remainders to the first."""
    service, pods = _service(raw, focus), max(1, int(params["pods"]))
    placed = service.get("placement") or {}
    if placed:
        total = sum(placed.values()) or 1
        service["placement"] = {place: pods * held // total for place, held in placed.items()}
        first = next(iter(placed))
        service["placement"][first] += pods - sum(service["placement"].values())
    service["pods"] = pods


def _fix_n_plus_one(raw: Raw, focus: Focus, params: Params) -> None:
    _service(raw, focus)["versions"][focus.bad_version]["queries"] = max(1, int(params["queries"]))


def _read_cache(raw: Raw, focus: Focus, params: Params) -> None:
    """A cache in front of the look-ups: of the queries beyond the first, only the misses reach the database."""
    version = _service(raw, focus)["versions"][focus.bad_version]
    misses = (version["queries"] - 1) * (1.0 - min(1.0, max(0.0, params["hit_ratio"])))
    version["queries"] = 1 + round(misses)


def _connection_quota(raw: Raw, focus: Focus, params: Params) -> None:
    """ALTER ROLE … CONNECTION LIMIT: the pool's user may hold so many slots, whatever the pool wants."""
    pool = _database(raw, focus)["pool"]
    pool["limit"] = min(pool["limit"], max(1, int(params["limit"])))
    pool["open"] = min(pool["open"], pool["limit"])


def _double_pool(raw: Raw, focus: Focus) -> dict[str, float]:
    return {"limit": 2 * _database(raw, focus)["pool"]["limit"]}


def _double_cores(raw: Raw, focus: Focus) -> dict[str, float]:
    return {"cores": 2 * _database(raw, focus)["cores"]}


def _double_pods(raw: Raw, focus: Focus) -> dict[str, float]:
    return {"pods": 2 * _service(raw, focus)["pods"]}


def _half_bulkhead(raw: Raw, focus: Focus) -> dict[str, float]:
    return {"limit": _service(raw, focus)["bulkhead"]["limit"] // 2}


ENTRIES = [
    Intervention(
        "pool_resize",
        "mitigate",
        Text(ru="изменить размер пула соединений", en="resize the connection pool"),
        Text(
            ru="каждое соединение занимает слот max_connections и память; CPU базы не прибавляется",
            en="each connection takes a slot of max_connections and memory; the database gains no CPU",
        ),
        {"limit": 100},
        _pool_resize,
        needs=("database",),
        sized=_double_pool,
    ),
    Intervention(
        "more_db_cpu",
        "mitigate",
        Text(ru="больше CPU у базы", en="more CPU for the database"),
        Text(
            ru="деньги каждый месяц; вдвое больше ядер — вдвое больше запросов, а причина остаётся",
            en="money every month; twice the cores serve twice the queries, and the cause stays",
        ),
        {"cores": 32},
        _more_db_cpu,
        needs=("database",),
        sized=_double_cores,
    ),
    Intervention(
        "remove_bulkhead",
        "mitigate",
        Text(ru="убрать bulkhead", en="remove the bulkhead"),
        Text(
            ru="перегрузка копится в памяти подов: очередь без границы, работа для ушедших клиентов",
            en="overload piles up in the pods' memory: an unbounded queue, work for clients that have left",
        ),
        {},
        _remove_bulkhead,
    ),
    Intervention(
        "bulkhead_resize",
        "mitigate",
        Text(ru="изменить предел bulkhead на под", en="resize the bulkhead per pod"),
        Text(
            ru="меньше — отказ быстрее и короче ожидание; слишком мало — отказы при обычной нагрузке",
            en="lower refuses sooner and waits less; too low refuses under normal load",
        ),
        {"limit": 12},
        _bulkhead_resize,
        sized=_half_bulkhead,
    ),
    Intervention(
        "scale_pods",
        "mitigate",
        Text(ru="больше подов сервиса", en="more pods of the service"),
        Text(
            ru="CPU и память кластера; если узкое место ниже, к нему придёт больше одновременных запросов",
            en="cluster CPU and memory; a bottleneck further down gets more concurrent requests",
        ),
        {"pods": 36},
        _scale_pods,
        sized=_double_pods,
    ),
    Intervention(
        "fix_n_plus_one",
        "prevent",
        Text(ru="убрать N+1 из кода", en="remove the N+1 from the code"),
        Text(ru="день разработки и ревью", en="a day of development and review"),
        {"queries": 1},
        _fix_n_plus_one,
        needs=("release",),
    ),
    Intervention(
        "read_cache",
        "prevent",
        Text(ru="кэш для повторяющихся чтений", en="a cache for the repeated reads"),
        Text(
            ru="ещё одна система, инвалидация и холодный старт",
            en="one more system, invalidation and a cold start",
        ),
        {"hit_ratio": 0.9},
        _read_cache,
        needs=("release",),
    ),
    Intervention(
        "connection_quota",
        "mitigate",
        Text(ru="квота соединений на роль в PostgreSQL", en="a per-role connection limit in PostgreSQL"),
        Text(
            ru="защищает соседей по базе; самой перегруженной службе не помогает",
            en="protects whoever shares the database; does not help the overloaded service itself",
        ),
        {"limit": 60},
        _connection_quota,
        needs=("database",),
    ),
]
