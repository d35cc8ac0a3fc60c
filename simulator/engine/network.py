"""The network both engines run: a scenario's topology flattened to nodes, groups, pools and databases.

A request walks nodes. ENTER picks a pod of a service (two random choices, least in flight), WORK is
time on the spot, QUERY holds a connection of a pool and shares the database's CPU with all others.
Finishing a node may give back slots (`release`); a failing request gives back all it holds (`held`).
This file only translates; nothing here changes with time.
"""

from dataclasses import dataclass, field

from simulator.scenario import Balancer, Postgres, Scenario, ScenarioError, Service, Step, Worker

ENTER, WORK, QUERY = 0, 1, 2
MAX_NODES = 4000  # a call tree that unfolds further is an author's mistake
EPSILON_WORK_S = 1e-5  # an endpoint without any step still takes a moment


@dataclass
class Group:
    """The pods of one version of one service."""

    service: str
    version: str
    limit_per_pod: int
    queue_per_pod: int
    pods: int
    cpu_ms: float
    cpu_limit: float
    bulkhead: str


@dataclass
class PoolSpec:
    name: str
    database: int
    limit: int
    open: int
    connect_s: float
    acquire_timeout_s: float  # infinity: waits for ever
    user: str
    via: str | None
    transient: bool = False


@dataclass
class DatabaseSpec:
    name: str
    cores: float
    max_connections: int
    superuser_reserved: int


@dataclass
class Node:
    kind: int
    mean_s: float = 0.0
    shape: int = 1
    service: str = ""
    branches: list[tuple[int, int]] = field(default_factory=list)  # ENTER: (group, first node)
    pool: int = -1
    next: int = -1
    release: list[int] = field(default_factory=list)  # groups given back when this node finishes
    held: list[int] = field(default_factory=list)  # groups held while in this node
    sql: str = ""


@dataclass
class ClassSpec:
    """A stream of requests. `parks_to` names the worker that keeps its technical failures."""

    name: str
    first: int
    share: float
    decline: float
    timeout_s: float
    retries: int
    backoff_s: float
    parks_to: str | None = None
    worker: str | None = None  # set when the stream is a worker's own


@dataclass
class Network:
    groups: list[Group]
    pools: list[PoolSpec]
    databases: list[DatabaseSpec]
    nodes: list[Node]
    classes: list[ClassSpec]
    order: list[int]  # nodes so that flow inside a tick runs forward

    def group_index(self, service: str, version: str) -> int:
        """Raises KeyError for a pair the scenario does not have."""
        for index, group in enumerate(self.groups):
            if group.service == service and group.version == version:
                return index
        raise KeyError((service, version))

    def pool_index(self, name: str) -> int:
        for index, pool in enumerate(self.pools):
            if pool.name == name:
                return index
        raise KeyError(name)

    def coupled_classes(self, name: str) -> list[int]:
        """Classes that share a database, directly or not, with class `name` (the class included)."""
        touched = [self._databases_of(c.first) for c in self.classes]
        names = [c.name for c in self.classes]
        reached = set(touched[names.index(name)])
        chosen = [i for i, c in enumerate(self.classes) if c.name == name or c.worker]
        for i in chosen:
            reached |= touched[i]
        grew = True
        while grew:
            grew = False
            for i, dbs in enumerate(touched):
                if i not in chosen and dbs & reached:
                    chosen.append(i)
                    reached |= dbs
                    grew = True
        return sorted(chosen)

    def _databases_of(self, first: int) -> set[int]:
        seen: set[int] = set()
        found: set[int] = set()
        stack = [first]
        while stack:
            index = stack.pop()
            if index < 0 or index in seen:
                continue
            seen.add(index)
            node = self.nodes[index]
            if node.kind == QUERY:
                found.add(self.pools[node.pool].database)
            stack.extend(first_node for _, first_node in node.branches)
            stack.append(node.next)
        return found


class _Builder:
    """Unfolds endpoints into nodes; one instance a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.net = Network([], [], [], [], [], [])
        self.group_of: dict[tuple[str, str], int] = {}
        self.pool_of: dict[tuple[str, str], int] = {}

    def build(self) -> Network:
        for name, part in self.scenario.components.items():
            if isinstance(part, Service):
                self._service(name, part)
            elif isinstance(part, Postgres):
                self._database(name, part)
        entry = self.scenario.component(self.scenario.traffic.entry, Balancer)
        workers = {n: c for n, c in self.scenario.components.items() if isinstance(c, Worker)}
        for name, spec in self.scenario.traffic.classes.items():
            parks_to = next((n for n, w in workers.items() if w.parks == name), None)
            first = self._route(spec.path)
            self.net.classes.append(
                ClassSpec(
                    name,
                    first,
                    spec.share,
                    spec.decline,
                    entry.timeout_s,
                    entry.retries,
                    entry.backoff_s,
                    parks_to,
                )
            )
        for name, worker in workers.items():
            decline = self.scenario.traffic.classes[worker.parks].decline
            self.net.classes.append(
                ClassSpec(
                    f"{name}",
                    self._route(worker.path),
                    0.0,
                    decline,
                    entry.timeout_s,
                    0,
                    entry.backoff_s,
                    name,
                    name,
                )
            )
        self.net.order = self._order()
        return self.net

    def _service(self, name: str, service: Service) -> None:
        for version in service.versions:
            self.group_of[name, version] = len(self.net.groups)
            pods = service.pods if version == service.current else 0
            self.net.groups.append(
                Group(
                    name,
                    version,
                    service.bulkhead.limit,
                    service.bulkhead.queue,
                    pods,
                    service.cpu_ms,
                    _cores(service.resources.cpu_limit),
                    service.bulkhead.name,
                )
            )

    def _database(self, name: str, database: Postgres) -> None:
        index = len(self.net.databases)
        self.net.databases.append(
            DatabaseSpec(name, database.cores, database.max_connections, database.superuser_reserved)
        )
        for client, pool in [("", database.pool), *database.clients.items()]:
            self.pool_of[name, client] = len(self.net.pools)
            self.net.pools.append(
                PoolSpec(
                    client or name,
                    index,
                    pool.limit,
                    min(pool.open, pool.limit),
                    pool.connect_ms / 1000,
                    pool.acquire_timeout_s or float("inf"),
                    pool.user,
                    pool.via,
                    pool.transient,
                )
            )

    def _route(self, path: str) -> int:
        first, last = self._call(path, [], ())
        for index in last:
            self.net.nodes[index].next = -1
        return first

    def _call(self, path: str, held: list[int], stack: tuple[str, ...]) -> tuple[int, list[int]]:
        """Nodes of a call: the ENTER node's index and the nodes whose `next` is still open."""
        name, _, endpoint = path.partition(".")
        service = self.scenario.component(name, Service)
        if endpoint not in service.endpoints:
            raise ScenarioError(f"scenario {self.scenario.id}: {name} has no endpoint {endpoint!r}")
        if path in stack:
            raise ScenarioError(f"scenario {self.scenario.id}: {path} calls itself")
        enter = self._node(Node(ENTER, service=name, held=list(held)))
        ends: list[int] = []
        for version in service.versions:
            group = self.group_of[name, version]
            first, open_ends = self._endpoint(
                name, service, version, endpoint, [*held, group], (*stack, path)
            )
            for index in open_ends:
                self.net.nodes[index].release.append(group)
            self.net.nodes[enter].branches.append((group, first))
            ends.extend(open_ends)
        return enter, ends

    def _endpoint(
        self,
        name: str,
        service: Service,
        version: str,
        endpoint: str,
        held: list[int],
        stack: tuple[str, ...],
    ) -> tuple[int, list[int]]:
        first = -1
        ends: list[int] = []
        factor = service.versions[version].work_factor
        for step in service.endpoints[endpoint]:
            times = service.versions[version].queries if step.times == "queries" else step.times
            for _ in range(times if step.query else 1):
                start, open_ends = self._step(step, name, factor, held, stack)
                for index in ends:
                    self.net.nodes[index].next = start
                first = start if first < 0 else first
                ends = open_ends
        if first < 0:
            first = self._node(Node(WORK, EPSILON_WORK_S, 1, name, held=list(held)))
            ends = [first]
        return first, ends

    def _step(
        self, step: Step, name: str, factor: float, held: list[int], stack: tuple[str, ...]
    ) -> tuple[int, list[int]]:
        if step.call is not None:
            return self._call(step.call, held, stack)
        if step.work_ms is not None:
            node = Node(WORK, step.work_ms * factor / 1000, step.shape, name, held=list(held))
        else:
            assert step.query is not None and step.cpu_ms is not None
            key = (step.query, step.pool or "")
            if key not in self.pool_of:
                raise ScenarioError(
                    f"scenario {self.scenario.id}: {name}: no pool {step.pool!r} at {step.query!r}"
                )
            node = Node(
                QUERY,
                step.cpu_ms / 1000,
                1,
                name,
                pool=self.pool_of[key],
                held=list(held),
                sql=step.sql or "",
            )
        index = self._node(node)
        return index, [index]

    def _node(self, node: Node) -> int:
        if len(self.net.nodes) >= MAX_NODES:
            raise ScenarioError(f"scenario {self.scenario.id}: more than {MAX_NODES} steps in all routes")
        self.net.nodes.append(node)
        return len(self.net.nodes) - 1

    def _order(self) -> list[int]:
        """Nodes by distance from their class's entry, so that a tick's flow runs forward."""
        depth: dict[int, int] = {}
        for spec in self.net.classes:
            stack = [(spec.first, 0)]
            while stack:
                index, level = stack.pop()
                if index < 0 or depth.get(index, -1) >= level:
                    continue
                depth[index] = level
                node = self.net.nodes[index]
                following = [first for _, first in node.branches] or [node.next]
                stack.extend((i, level + 1) for i in following)
        return sorted(depth, key=lambda i: (depth[i], i))


def _cores(text: str) -> float:
    """A Kubernetes CPU quantity in cores."""
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def build(scenario: Scenario) -> Network:
    """Flatten a scenario's topology. Raises ScenarioError for a topology that cannot run."""
    return _Builder(scenario).build()
