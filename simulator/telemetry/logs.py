"""Log lines as a view: what a pod would have written in a second, by the shares the run shows.

Nothing is stored and nothing is canned: without refusals in the history there is no refusal line. A second of
a pod gives a few sampled lines, the same whoever asks and however often.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.engine import streams
from simulator.kubernetes.containers import NO_SLOT
from simulator.kubernetes.state import NEVER, Pod
from simulator.rooms import ROOMS
from simulator.scenario import Postgres, Service, Worker
from simulator.telemetry.line import LogLine

if TYPE_CHECKING:
    from simulator.world import World

SAMPLES = 3  # lines a pod writes in a second of the view; the real rate stands in the metrics
MAX_LINES = 5_000


def pod_lines(
    world: World, pod_name: str, since_s: float | None = None, tail: int | None = None, previous: bool = False
) -> list[str]:
    """The last lines of a pod's container or of its `previous` one, oldest first; `since_s` seconds back."""
    pod = world.kubernetes.pods.get(pod_name)
    if pod is None or (previous and not pod.ended):
        return []
    wanted = tail if tail is not None and tail >= 0 else 1000
    back = min(since_s if since_s is not None else 600.0, 3600.0)
    first, end = max(0, int(world.now_s - back)), int(world.now_s)
    if pod.ended and (previous or world.now_s < pod.since_s):  # one that has not started shows its last words
        first, end = max(first, int(pod.ended[-1].began_s)), int(pod.ended[-1].ended_s) + 1
    elif pod.ended:
        first = max(first, int(pod.since_s))
    found: list[LogLine] = []
    for second in range(min(end, int(world.now_s)) - 1, first - 1, -1):
        found.extend(reversed(list(_second(world, pod, second))))
        if len(found) >= min(wanted, MAX_LINES):
            break
    return [line.text for line in reversed(found[: min(wanted, MAX_LINES)])]


class Book:
    """The lines of some apps at one moment of a world; a second that one command reads again is made once."""

    def __init__(self, world: World, names: list[str]) -> None:
        every = world.kubernetes.pods.values()
        self.world = world
        self.pods = [p for p in every if p.app in names or (p.left is not None and p.left[0] in names)]
        served = {p.app for p in self.pods}
        self.outside = [name for name in names if name not in served]  # what no pod of the cluster runs
        self.rooms = [r for r in ROOMS if r.logs is not None and r.name in world.rooms]
        self.seconds: dict[int, list[LogLine]] = {}

    def second(self, number: int) -> list[LogLine]:
        found = self.seconds.get(number)
        if found is None:
            found = self.seconds[number] = [
                line for p in self.pods for line in _second(self.world, p, number)
            ]
            for room in self.rooms:
                assert room.logs is not None
                found += [line for name in self.outside for line in room.logs(self.world, name, number)]
        return found

    def lines(self, start_s: float, end_s: float, limit: int) -> list[LogLine]:
        """Those in (start, end], newest first, at most `limit`."""
        found: list[LogLine] = []
        for number in range(int(end_s) - 1, max(-1, int(start_s) - 1), -1):
            found.extend(self.second(number))
            if len(found) >= limit:
                break
        found.sort(key=lambda line: (-line.t_s, line.pod))
        return found[:limit]


def lines(world: World, apps: list[str], start_s: float, end_s: float, limit: int) -> list[LogLine]:
    """Lines of all pods of some apps in (start, end], newest first, at most `limit`."""
    return Book(world, apps).lines(start_s, end_s, limit)


def apps(world: World) -> list[str]:
    """Names a log store knows, sorted."""
    found = {p.app for p in world.kubernetes.pods.values() if p.app}
    for room in ROOMS:
        if room.apps is not None and room.name in world.rooms:
            found.update(room.apps(world))
    return sorted(found)


def _second(world: World, pod: Pod, second: int) -> Iterator[LogLine]:
    """What a pod wrote in one simulated second."""
    if second < pod.started_s or (pod.gone_s is not None and second >= pod.gone_s):
        return
    if pod.left is not None and second < pod.left[1]:
        pod = replace(pod, app=pod.left[0])
    part = world.scenario.components.get(pod.app)
    if isinstance(part, Service):
        yield from _service(world, pod, part, second)
    elif isinstance(part, Worker):
        yield from _worker(world, pod, second)
    elif isinstance(part, Postgres) or pod.app in world.scenario.databases():
        yield from _database(world, pod, second)
    elif pod.app == "pgbouncer":
        yield from _pgbouncer(world, pod, second)
    for room in ROOMS:
        if room.logs is not None and room.name in world.rooms:
            yield from (line for line in room.logs(world, pod.app, second) if line.pod == pod.name)


def _stamp(world: World, t_s: float) -> str:
    return world.at(t_s).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(t_s * 1000) % 1000:03d}Z"


def _service(world: World, pod: Pod, service: Service, second: int) -> Iterator[LogLine]:
    began_s, ready_s = pod.since_s, pod.ready_s
    for was in pod.ended:
        if was.began_s <= second + 1 and second <= was.ended_s:
            began_s, ready_s = was.began_s, was.ready_s
            if was.why and second == int(was.ended_s):
                yield from _last_words(world, pod, was.why, second)
    if second < ready_s:
        yield from _banner(world, pod, second, began_s, ready_s)
        return
    base = f"service/{pod.app}/{pod.version}/"
    asked, refused, failed = (
        _value(world, base + name, second) for name in ("requests", "rejected", "errors")
    )
    total = max(asked, refused + failed)
    if total <= 0:
        return
    key = streams.key_of(world.seed, "log", pod.name)
    endpoint = next(iter(service.endpoints))
    for n in range(SAMPLES):
        index = second * SAMPLES + n
        draw = streams.uniform(key, index)
        t = second + (n + streams.uniform(key, index + 1_000_003)) / SAMPLES
        trace = f"{streams.bits(key, index + 7):016x}"
        head = f"{_stamp(world, t)}"
        where = f"[{pod.app},{trace}] [http-nio-8080-exec-{1 + index % 25}]"
        if draw < refused / total:
            text = f"Bulkhead '{service.bulkhead.name}' is full and does not permit further calls"
            yield LogLine(
                t,
                pod.name,
                pod.app,
                "WARN",
                f"{head}  WARN {where} i.g.r.bulkhead.BulkheadFullException: {text}",
            )
        elif draw < (refused + failed) / total:
            yield LogLine(t, pod.name, pod.app, "ERROR", f"{head} ERROR {where} {_error(world, pod.app)}")
        else:
            took = _took_ms(world, pod, second, streams.uniform(key, index + 31))
            text = f"POST /{endpoint} 200 {took:.0f}ms"
            yield LogLine(t, pod.name, pod.app, "INFO", f"{head}  INFO {where} access: {text}")


def _value(world: World, key: str, second: int) -> float:
    column = world.plane.history.column(key)
    return column[second] if second < len(column) else 0.0


def _took_ms(world: World, pod: Pod, second: int, draw: float) -> float:
    """Time in service by Little's law, spread a little."""
    base = f"service/{pod.app}/{pod.version}/"
    through = _value(world, base + "requests", second) - _value(world, base + "rejected", second)
    inside = _value(world, base + "in_flight", second)
    return 1000 * inside / through * (0.6 + 0.8 * draw) if through > 0 else 0.0


def _error(world: World, app: str) -> str:
    why = world.postgres.failing.get(app)
    if why:
        return f"org.postgresql.util.PSQLException: ERROR: {why}"
    business = world.scenario.entities
    for feed in business.feeds if business is not None else ():
        if feed.service == app and feed.pool and feed.why not in world.scenario.components:
            return f"org.postgresql.util.PSQLException: ERROR: {feed.why}"
    for database, spec in world.scenario.databases().items():
        if app in spec.clients and spec.clients[app].transient:
            return (
                f"org.postgresql.util.PSQLException: connection to {database}:5432 failed: FATAL:  remaining connection "
                "slots are reserved for non-replication superuser connections"
            )
    return (
        "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, "
        "request timed out after 3000ms."
    )


def _last_words(world: World, pod: Pod, why: str, second: int) -> Iterator[LogLine]:
    """What a JVM service writes when it cannot start."""
    texts = (
        "c.z.h.p.HikariPool: HikariPool-1 - Exception during pool initialization.",
        f"org.postgresql.util.PSQLException: {why}",
        "o.s.b.SpringApplication: Application run failed",
    )
    for n, text in enumerate(texts):
        at_s = second + 0.3 + n / 100
        line = f"{_stamp(world, at_s)} ERROR [{pod.app}] {text}"
        yield LogLine(at_s, pod.name, pod.app, "ERROR", line)


def _banner(world: World, pod: Pod, second: int, began_s: float, ready_s: float) -> Iterator[LogLine]:
    """A starting JVM service: three lines at fixed points of its start."""
    texts = {
        0: f"INFO [{pod.app}] Starting {pod.app} {pod.version} with PID 1",
        1: f'INFO [{pod.app}] The following 1 profile is active: "prod"',
        2: f"INFO [{pod.app}] Started {pod.app} in {ready_s - began_s:.3f} seconds",
    }
    points = (int(began_s), int(began_s) + 3, int(ready_s) if ready_s < NEVER else -1)
    for n, at in enumerate(points):
        if second == at:
            yield LogLine(
                second + 0.2, pod.name, pod.app, "INFO", f"{_stamp(world, second + 0.2)}  {texts[n]}"
            )


def _worker(world: World, pod: Pod, second: int) -> Iterator[LogLine]:
    before = "CLOSED"
    for t_s, name, state in world.plane.breaker_changes():
        if name == pod.app and int(t_s) == second:
            text = f"CircuitBreaker 'payment-service' changed state from {before} to {state}"
            level = "WARN" if state == "OPEN" else "INFO"
            yield LogLine(t_s, pod.name, pod.app, level, f"{_stamp(world, t_s)}  {level} [{pod.app}] {text}")
        if name == pod.app:
            before = state
    if second % 15 == 0:
        parked, drained = (_value(world, f"worker/{pod.app}/{w}", second) for w in ("backlog", "drained"))
        text = f"INFO [{pod.app}] parked={parked:.0f} drained_per_s={drained:.0f}"
        yield LogLine(second + 0.5, pod.name, pod.app, "INFO", f"{_stamp(world, second + 0.5)}  {text}")


def _database(world: World, pod: Pod, second: int) -> Iterator[LogLine]:
    name = next((d for d in world.scenario.databases() if pod.name.startswith(d)), None)
    sharded = name is not None and world.scenario.databases()[name].shards > 1
    if name is None or not (sharded or pod.name.endswith("-0")):
        return
    server = pod.name if sharded else name
    for user in _turned_away(world, name, second):
        yield _no_slot(world, pod, name, user, second)
    for pool in world.plane.network.pools:
        owner = world.plane.network.databases[pool.database].name
        refused = _value(world, f"pool/{pool.name}/refused", second)
        earlier = _value(world, f"pool/{pool.name}/refused", second - 1) if second else 0.0
        if owner == server and refused - earlier >= 0.5:
            yield _no_slot(world, pod, name, pool.user, second)


def _turned_away(world: World, database: str, second: int) -> Iterator[str]:
    """For each container that the database had no slots for and that ended of it: its user."""
    for name, deployment in world.kubernetes.deployments.items():
        if deployment.pooled is None or deployment.pooled[0] != database:
            continue
        for pod in world.kubernetes.pods.values():
            if pod.app == name and any(was.why and int(was.ended_s) == second for was in pod.ended):
                yield name


def _no_slot(world: World, pod: Pod, name: str, user: str, second: int) -> LogLine:
    stamp = world.at(second).strftime("%Y-%m-%d %H:%M:%S.") + "417 UTC"
    database = world.scenario.databases()[name].database
    text = f"{stamp} [{21_000 + second % 9_000}] {user}@{database} FATAL:  {NO_SLOT}"
    return LogLine(second + 0.417, pod.name, pod.app, "FATAL", text)


def _pgbouncer(world: World, pod: Pod, second: int) -> Iterator[LogLine]:
    if second % 60 != 59:
        return
    for name in world.scenario.databases():
        done = _value(world, f"pool/{name}/queries", second)
        wait = _value(world, f"pool/{name}/wait_s", second)
        latency = _value(world, f"db/{name}/latency_s", second)
        text = (
            f"LOG stats: {done:.0f} xacts/s, {done:.0f} queries/s, in {done * 210:.0f} B/s, out {done * 860:.0f} B/s, "
            f"xact {latency * 1e6:.0f} us, query {latency * 1e6:.0f} us, wait {wait * 1e6:.0f} us"
        )
        stamp = world.at(second).strftime("%Y-%m-%d %H:%M:%S.000 UTC")
        yield LogLine(second + 0.99, pod.name, pod.app, "LOG", f"{stamp} [1] {text}")
