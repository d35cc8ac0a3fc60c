"""What the rest of the world sees of a data plane, whichever engine runs behind it.

State types, the history of finished seconds, and the interface. No engine lives here.
"""

from array import array
from dataclasses import dataclass, field
from typing import Protocol

from simulator.engine.network import Network
from simulator.scenario import KeySpace

BREAKER_NAMES = ("CLOSED", "HALF_OPEN", "OPEN")


@dataclass(frozen=True)
class GroupState:
    """The pods of one version of a service, now. `cpu_share` is of one pod's CPU limit, 0-1."""

    service: str
    version: str
    pods: int
    limit_per_pod: int
    in_flight: float
    rps: float
    rejected_per_s: float
    cpu_share: float


@dataclass(frozen=True)
class PoolState:
    """A connection pool, now. `wait_s` is the wait of whoever is served now, `refused` counts logins."""

    name: str
    user: str
    database: str
    via: str | None
    limit: int
    open: int
    active: float
    waiting: float
    wait_s: float
    refused: float


@dataclass(frozen=True)
class DatabaseState:
    name: str
    cores: int
    max_connections: int
    superuser_reserved: int
    cpu: float
    active: float
    qps: float
    latency_s: float
    connections: int


@dataclass(frozen=True)
class WorkerState:
    name: str
    backlog: float
    rate: float
    breaker: str
    since_s: float


@dataclass(frozen=True)
class Span:
    """One stretch of a traced request. `parent` is an index into the list of spans, -1 for the root."""

    service: str
    name: str
    start_s: float
    duration_s: float
    error: str | None
    parent: int


@dataclass
class History:
    """Columns of one value a simulated second, by key; a missing key reads as an empty column."""

    columns: "dict[str, array[float]]" = field(default_factory=dict)
    seconds: int = 0

    def column(self, key: str) -> "array[float]":
        found = self.columns.get(key)
        return found if found is not None else array("d")

    def keys(self) -> list[str]:
        return sorted(self.columns)

    def last(self, key: str, default: float = 0.0) -> float:
        found = self.columns.get(key)
        return found[-1] if found else default

    def append(self, key: str, value: float) -> None:
        """Add the value of the second that just finished."""
        found = self.columns.get(key)
        if found is None:
            found = self.columns[key] = array("d")
        found.append(value)


class Plane(Protocol):
    """Both engines' interface. Times are simulated seconds, masses are requests."""

    network: Network
    pool_limits: list[int]

    @property
    def history(self) -> History: ...
    @property
    def now_s(self) -> float: ...

    def advance(self, to_s: float) -> None: ...
    def rate(self, class_name: str) -> float: ...
    def set_rate(self, class_name: str, per_s: float) -> None: ...
    def set_pods(self, service: str, version: str, pods: int, place: str = "") -> None: ...
    def kill_pods(self, service: str, version: str, pods: int, place: str = "") -> None: ...
    def set_speed(self, service: str, version: str, speed: float, place: str = "") -> None: ...
    def set_cores(self, database: str, cores: float) -> None: ...
    def set_link(self, source: str, target: str, *, latency_s: float, loss: float, up: bool) -> None: ...
    def set_dns(self, weights: dict[str, float]) -> None: ...
    def set_dns_ttl(self, ttl_s: float) -> None: ...
    def clear_link(self, source: str, target: str) -> None: ...
    def set_keys(self, name: str, space: KeySpace) -> None: ...
    def flush_cache(self, cache: str, share: float = 1.0) -> None: ...
    def set_retries(self, caller: str, retries: int) -> None: ...
    def set_route(self, route: str, share: float) -> None: ...
    def set_rate_limit(self, service: str, rps: float) -> None: ...
    def set_bulkhead(self, service: str, limit: int) -> None: ...
    def set_cache_ttl(self, cache: str, ttl_s: float) -> None: ...
    def set_cache_capacity(self, cache: str, capacity: int | None) -> None: ...
    def set_cache_delay(self, cache: str, op_s: float) -> None: ...
    def set_shard_weights(self, database: str, keys: str, weights: list[float]) -> None: ...
    def set_failing(self, service: str, share: float, why: str) -> None: ...
    def set_pool_limit(self, database: str, pool: str, limit: int, opened: bool = False) -> None: ...
    def set_worker_rate(self, worker: str, per_s: float) -> None: ...
    def group(self, service: str, version: str) -> GroupState: ...
    def groups(self, service: str) -> list[GroupState]: ...
    def pools(self, database: str) -> list[PoolState]: ...
    def database(self, name: str) -> DatabaseState: ...
    def worker(self, name: str) -> WorkerState: ...
    def edge_p99_ms(self, class_name: str) -> float: ...
    def p99_series_ms(self, class_name: str, most: int | None = None) -> "array[float]": ...
    def latency_s(self, class_name: str, from_s: float, to_s: float) -> tuple[float, float]: ...
    def finished(self, class_name: str) -> list[tuple[float, float, float]]: ...
    def pool_full_since(self, pool: str) -> float | None: ...
    def breaker_changes(self) -> list[tuple[float, str, str]]: ...
    def sample_request(self, class_name: str, start_s: float, index: int) -> list[Span]: ...
