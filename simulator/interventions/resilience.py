"""Time-outs, retries, worker and breaker settings: how the parts behave when one of them is slow."""

from simulator.interventions.base import Intervention, Params, Raw
from simulator.scenario import Focus, Text


def _entry(raw: Raw) -> Raw:
    found: Raw = raw["components"][raw["traffic"]["entry"]]
    return found


def _pool_acquire_timeout(raw: Raw, focus: Focus, params: Params) -> None:
    raw["components"][focus.database]["pool"]["acquire_timeout_s"] = max(0.001, float(params["seconds"]))


def _client_timeout(raw: Raw, focus: Focus, params: Params) -> None:
    _entry(raw)["timeout_s"] = min(120.0, max(0.1, float(params["seconds"])))


def _client_retries(raw: Raw, focus: Focus, params: Params) -> None:
    _entry(raw).update(
        retries=max(0, min(50, int(params["attempts"]) - 1)), backoff_s=max(0.01, float(params["backoff_s"]))
    )


def _infinite_retries(raw: Raw, focus: Focus, params: Params) -> None:
    """As many attempts as the engine counts, hardly any pause between them."""
    _entry(raw).update(retries=50, backoff_s=1.0)


def _worker(raw: Raw, focus: Focus) -> Raw:
    assert focus.worker is not None
    found: Raw = raw["components"][focus.worker]
    return found


def _backlog_drain_rate(raw: Raw, focus: Focus, params: Params) -> None:
    _worker(raw, focus)["rate"] = max(1.0, float(params["rate"]))


def _worker_breaker(raw: Raw, focus: Focus, params: Params) -> None:
    _worker(raw, focus).setdefault("breaker", {})["open_s"] = max(1.0, float(params["open_s"]))


def _load_shedding(raw: Raw, focus: Focus, params: Params) -> None:
    """Admission in front of the service: no more in flight in a pod than the database can serve."""
    raw["components"][focus.service]["bulkhead"].update(limit=max(1, int(params["limit"])), queue=0)


def _below_bulkhead(raw: Raw, focus: Focus) -> dict[str, float]:
    """Never more than the service lets in without it."""
    return {"limit": min(15, round(0.6 * raw["components"][focus.service]["bulkhead"]["limit"]))}


ENTRIES = [
    Intervention(
        "pool_acquire_timeout",
        "mitigate",
        Text(ru="тайм-аут ожидания соединения из пула", en="a time-out for acquiring a pooled connection"),
        Text(
            ru="быстрый отказ вместо очереди; у операции из n запросов подряд шанс пройти — p в степени n",
            en="fails fast instead of queueing; n queries in a row pass with a chance of p to the nth",
        ),
        {"seconds": 0.3},
        _pool_acquire_timeout,
        needs=("database",),
    ),
    Intervention(
        "client_timeout",
        "mitigate",
        Text(ru="изменить тайм-аут клиента", en="change the client's time-out"),
        Text(
            ru="короче — база продолжает работать для ушедших клиентов; длиннее — ждут дольше с тем же итогом",
            en="shorter: the database works on for clients that left; longer: they wait more for the same result",
        ),
        {"seconds": 30},
        _client_timeout,
    ),
    Intervention(
        "client_retries",
        "mitigate",
        Text(ru="повторы с паузой", en="retries with back-off"),
        Text(
            ru="умножают нагрузку именно во время перегрузки; нужны бюджет и джиттер",
            en="multiply the load exactly under overload; they need a budget and jitter",
        ),
        {"attempts": 3, "backoff_s": 0.5},
        _client_retries,
    ),
    Intervention(
        "infinite_retries",
        "mitigate",
        Text(ru="повторять, пока не получится", en="retry until it works"),
        Text(
            ru="шторм повторов: нагрузка растёт, пока не откажет всё",
            en="a retry storm: load grows until everything fails",
        ),
        {},
        _infinite_retries,
    ),
    Intervention(
        "backlog_drain_rate",
        "mitigate",
        Text(ru="скорость разбора отложенных запросов", en="the rate at which parked requests are drained"),
        Text(
            ru="быстрее — короче хвост, но выше запаса базы — новая перегрузка",
            en="faster shortens the tail, but above the database's headroom it is a new overload",
        ),
        {"rate": 1050},
        _backlog_drain_rate,
        needs=("worker",),
    ),
    Intervention(
        "retry_worker_breaker_tuning",
        "mitigate",
        Text(
            ru="короче открытое состояние breaker у воркера",
            en="a shorter open state of the worker's breaker",
        ),
        Text(
            ru="чаще пробные вызовы в больную систему; выигрыш не больше прежней паузы",
            en="more probe calls into a sick system; gains at most the former pause",
        ),
        {"open_s": 10},
        _worker_breaker,
        needs=("worker",),
    ),
    Intervention(
        "load_shedding",
        "mitigate",
        Text(ru="отсекать лишнюю нагрузку на входе", en="shed excess load at the door"),
        Text(
            ru="часть клиентов получает отказ сразу; успешных не больше, чем пропустит узкое место",
            en="some clients are refused at once; no more succeed than the bottleneck can serve",
        ),
        {"limit": 15},
        _load_shedding,
        sized=_below_bulkhead,
    ),
]
