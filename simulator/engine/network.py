"""The network both engines run: a scenario's topology flattened to nodes, scopes, groups, pools and stores.

A request walks nodes. ENTER picks a pod of a service (two random choices, least in flight). WORK is time
on the spot. QUERY holds a connection of a pool and shares the database's CPU, CPU shares the pod's. SPLIT
goes one of several ways by weights that may change (cache hits, shards, DNS). CALL and FORK wait for
scopes of their own: a scope is an attempt of somebody who waits (a client, a caller with a policy, a
branch in parallel), with a time-out, retries and a breaker. Whatever times out, fails or finishes does so
for its scope; a failing request gives back what it holds inside it (`held`), a finished node what ends
with it (`release`). Nodes stand so that a request only ever walks forward.
This file only translates; nothing here changes with time.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field

from simulator.engine.keys import shard_shares
from simulator.plain import twin
from simulator.scenario import (
    Balancer,
    BreakerSpec,
    Cache,
    Postgres,
    RetryBudget,
    Scenario,
    ScenarioError,
    Service,
    Step,
    Worker,
)

ENTER, WORK, QUERY, CPU, CALL, FORK, SPLIT = range(7)
MAX_NODES = 4000  # a call tree that unfolds further is an author's mistake
EPSILON_WORK_S = 1e-5  # an endpoint without any step still takes a moment
UNDECLARED_CPU_MS = Service.model_fields["cpu_ms"].default
RESEND_S = 0.2  # a lost message is sent again: TCP's least retransmission time-out (RFC 6298 in Linux)


@dataclass
class Group:
    """The pods of one version of one service in one data centre."""

    service: str
    version: str
    limit_per_pod: int
    queue_per_pod: int
    pods: int
    cpu_ms: float
    cpu_limit: float
    bulkhead: str
    place: str = ""
    order: str = "fifo"
    target_s: float = 0.005
    interval_s: float = 0.1

    @property
    def label(self) -> str:
        """`service/version`, with the data centre where there are several."""
        return f"{self.service}/{self.version}" + (f"@{self.place}" if self.place else "")


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
    family: str = ""  # the pool's name without its shard


@dataclass
class DatabaseSpec:
    name: str
    cores: float
    max_connections: int
    superuser_reserved: int
    family: str = ""  # the component, without the shard


@dataclass
class SplitSpec:
    """A choice that many nodes may share. `kind`: cache (0 hit, 1 miss), shard, dns or loss (1 lost)."""

    name: str
    kind: str
    weights: list[float]
    keys: str = ""


@dataclass
class LinkSpec:
    """One direction of the network between two data centres; its clock stands still in a partition."""

    source: str
    target: str
    latency_s: float
    loss: float
    up: bool = True


@dataclass
class Node:
    kind: int
    mean_s: float = 0.0
    shape: int = 1
    service: str = ""
    branches: list[tuple[int, int]] = field(default_factory=list)  # ENTER: (group, first); SPLIT: (n, first)
    pool: int = -1
    group: int = -1  # WORK, CPU: whose pods' time passes; -1: nobody's
    link: int = -1  # WORK on the way between data centres
    split: int = -1
    scopes: list[int] = field(default_factory=list)  # CALL: one; FORK: a branch each
    fallback: int = -1  # ENTER: where to go when no pod of this data centre lives
    next: int = -1
    scope: int = 0  # the scope this node's requests belong to
    release: list[int] = field(default_factory=list)  # groups given back when this node finishes
    held: list[int] = field(default_factory=list)  # groups held while in this node, since its scope began
    sql: str = ""


class Nodes(list[Node]):
    """In the order in which requests walk. A copy shares the lists, which are complete once the network is built."""

    __slots__ = ()

    def copy(self) -> "Nodes":
        return Nodes(map(twin, self))


@dataclass
class ScopeSpec:
    """An attempt and who waits for it. Scope i < len(classes) is the client of class i."""

    name: str
    first: int
    cls: int
    timeout_s: float
    retries: int = 0
    backoff_s: float = 0.1
    backoff_factor: float = 1.0
    jitter: float = 0.0
    budget: RetryBudget | None = None
    breaker: BreakerSpec | None = None
    optional: bool = False
    drops: bool = False  # servers drop what nobody waits for (a propagated deadline)
    owner: int = -1  # the CALL or FORK node that waits; -1: a client or a worker
    parent: int = -1  # the owner's scope
    declared: int = field(init=False, default=0)  # the retries there is room for

    def __post_init__(self) -> None:
        self.declared = self.retries


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
class Limit:
    """A token bucket before a service."""

    service: str
    rps: float
    burst: float


@dataclass
class Network:
    groups: list[Group] = field(default_factory=list)
    pools: list[PoolSpec] = field(default_factory=list)
    databases: list[DatabaseSpec] = field(default_factory=list)
    nodes: Nodes = field(default_factory=Nodes)
    classes: list[ClassSpec] = field(default_factory=list)
    scopes: list[ScopeSpec] = field(default_factory=list)
    splits: list[SplitSpec] = field(default_factory=list)
    links: list[LinkSpec] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)

    def group_index(self, service: str, version: str, place: str = "") -> int:
        """Raises KeyError for a pair the scenario does not have."""
        for index, group in enumerate(self.groups):
            if group.service == service and group.version == version and place in ("", group.place):
                return index
        raise KeyError((service, version))

    def group_indices(self, service: str, version: str, place: str = "") -> list[int]:
        """The groups of one version, in one data centre or in all. Raises KeyError when there is none."""
        found = [
            i
            for i, g in enumerate(self.groups)
            if g.service == service and g.version == version and place in ("", g.place)
        ]
        if not found:
            raise KeyError((service, version, place))
        return found

    def pool_index(self, name: str) -> int:
        for index, pool in enumerate(self.pools):
            if pool.name == name:
                return index
        raise KeyError(name)

    def coupled_classes(self, name: str, limited: Collection[str] | None = None) -> list[int]:
        """Classes that share a database or a rate limit, directly or not, with class `name` (the class included).

        `limited`: the services whose rate limit counts; None: all that have one.
        """
        if limited is None:
            limited = [limit.service for limit in self.limits]
        touched = [self._shared_by(c.first, limited) for c in self.classes]
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

    def _shared_by(self, first: int, limited: Collection[str]) -> set[int | str]:
        """Databases by number and services with a rate limit by name: what one class takes another lacks."""
        passed = [self.nodes[i] for i in self.walk(first)]
        found: set[int | str] = {self.pools[node.pool].database for node in passed if node.pool >= 0}
        return found | {node.service for node in passed if node.kind == ENTER and node.service in limited}

    def walk(self, first: int) -> list[int]:
        """Every node a request can reach from `first`, its calls' and branches' own nodes included."""
        seen: set[int] = set()
        stack = [first]
        while stack:
            index = stack.pop()
            if index < 0 or index in seen:
                continue
            seen.add(index)
            node = self.nodes[index]
            stack.extend(start for _, start in node.branches)
            stack.extend(self.scopes[s].first for s in node.scopes)
            stack.append(node.next)
            stack.append(node.fallback)
        return sorted(seen)


@dataclass
class _Place:
    """Where a walk is: its data centre, whether another may help out, the scope, and what it holds."""

    here: str
    helped: bool
    scope: int
    held: list[int]
    stack: tuple[str, ...]

    def within(self, group: int, path: str) -> "_Place":
        return _Place(self.here, self.helped, self.scope, [*self.held, group], (*self.stack, path))


class _Builder:
    """Unfolds endpoints into nodes; one instance a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.net = Network()
        self.places = list(scenario.datacenters) or [""]
        self.group_of: dict[tuple[str, str, str], int] = {}
        self.pool_of: dict[tuple[str, str], list[int]] = {}
        self.split_of: dict[tuple[str, str], int] = {}
        self.link_of: dict[tuple[str, str], int] = {}

    def build(self) -> Network:
        for name, part in self.scenario.components.items():
            if isinstance(part, Service):
                self._service(name, part)
            elif isinstance(part, Postgres):
                self._database(name, part)
        for link in self.scenario.links:
            for source, target in (link.between, link.between[::-1]):
                self.link_of[source, target] = len(self.net.links)
                self.net.links.append(LinkSpec(source, target, link.latency_ms / 1000, link.loss))
        entry = self.scenario.component(self.scenario.traffic.entry, Balancer)
        workers = {n: c for n, c in self.scenario.components.items() if isinstance(c, Worker)}
        streams = [
            (n, spec.path, spec.share, spec.decline) for n, spec in self.scenario.traffic.classes.items()
        ]
        for name, worker in workers.items():
            decline = self.scenario.traffic.classes[worker.parks].decline
            streams.append((name, worker.path, 0.0, decline))
        for index, (name, _, _, _) in enumerate(streams):
            retries = 0 if name in workers else entry.retries
            self.net.scopes.append(
                ScopeSpec(
                    name,
                    -1,
                    index,
                    entry.timeout_s,
                    retries,
                    entry.backoff_s,
                    entry.backoff_factor,
                    entry.jitter,
                    entry.retry_budget if retries else None,
                    drops=entry.deadline,
                )
            )
        for index, (name, path, share, decline) in enumerate(streams):
            first = self._route(path, index)
            scope = self.net.scopes[index]
            scope.first = first
            parks = (
                name if name in workers else next((n for n, w in workers.items() if w.parks == name), None)
            )
            self.net.classes.append(
                ClassSpec(
                    name,
                    first,
                    share,
                    decline,
                    scope.timeout_s,
                    scope.retries,
                    scope.backoff_s,
                    parks,
                    name if name in workers else None,
                )
            )
        return self.net

    # -- parts

    def _service(self, name: str, service: Service) -> None:
        placed = service.placement or {self.places[0]: service.pods}
        for version in service.versions:
            for place, pods in placed.items():
                self.group_of[name, version, place] = len(self.net.groups)
                self.net.groups.append(
                    Group(
                        name,
                        version,
                        service.bulkhead.limit,
                        service.bulkhead.queue,
                        pods if version == service.current else 0,
                        service.cpu_ms,
                        _cores(service.resources.cpu_limit),
                        service.bulkhead.name,
                        place,
                        service.bulkhead.order,
                        service.bulkhead.target_ms / 1000,
                        service.bulkhead.interval_ms / 1000,
                    )
                )
        if service.rate_limit:
            self.net.limits.append(Limit(name, service.rate_limit.rps, service.rate_limit.burst))

    def _database(self, name: str, database: Postgres) -> None:
        for shard in range(database.shards):
            suffix = f"-{shard}" if database.shards > 1 else ""
            index = len(self.net.databases)
            self.net.databases.append(
                DatabaseSpec(
                    name + suffix, database.cores, database.max_connections, database.superuser_reserved, name
                )
            )
            for client, pool in [("", database.pool), *database.clients.items()]:
                self.pool_of.setdefault((name, client), []).append(len(self.net.pools))
                family = client or name
                self.net.pools.append(
                    PoolSpec(
                        family + suffix,
                        index,
                        pool.limit,
                        min(pool.open, pool.limit),
                        pool.connect_ms / 1000,
                        pool.acquire_timeout_s or math.inf,
                        pool.user,
                        pool.via,
                        pool.transient,
                        family,
                    )
                )

    def _split(self, kind: str, name: str, weights: list[float], keys: str = "") -> int:
        found = self.split_of.get((kind, name))
        if found is None:
            found = self.split_of[kind, name] = len(self.net.splits)
            self.net.splits.append(SplitSpec(name, kind, weights, keys))
        return found

    # -- walks: each returns the first node and the nodes whose `next` is still open

    def _route(self, path: str, scope: int) -> int:
        if len(self.places) == 1:
            return self._call(path, _Place(self.places[0], False, scope, [], ()))[0]
        weights = [d.weight for d in self.scenario.datacenters.values()]
        total = sum(weights)
        if total <= 0:
            raise ScenarioError(f"scenario {self.scenario.id}: datacenters: all weights are 0")
        node = Node(SPLIT, scope=scope, split=self._split("dns", "dns", [w / total for w in weights]))
        index = self._node(node)
        for number, place in enumerate(self.places):
            first, _ = self._call(path, _Place(place, True, scope, [], ()))
            node.branches.append((number, first))
        return index

    def _call(self, path: str, at: _Place) -> tuple[int, list[int]]:
        """A call without a policy of its own, to the nearest data centre that runs the service."""
        name, _, endpoint = path.partition(".")
        service = self.scenario.component(name, Service)
        if endpoint not in service.endpoints:
            raise ScenarioError(f"scenario {self.scenario.id}: {name} has no endpoint {endpoint!r}")
        if path in at.stack:
            raise ScenarioError(f"scenario {self.scenario.id}: {path} calls itself")
        placed = list(service.placement) or [self.places[0]]
        if at.here not in placed:
            return self._abroad(path, placed[0], at)
        enter = self._node(Node(ENTER, service=name, held=list(at.held), scope=at.scope))
        ends: list[int] = []
        for version in service.versions:
            group = self.group_of[name, version, at.here]
            first, open_ends = self._endpoint(name, service, version, endpoint, group, at.within(group, path))
            for index in open_ends:
                self.net.nodes[index].release.append(group)
            self.net.nodes[enter].branches.append((group, first))
            ends.extend(open_ends)
        others = [p for p in placed if p != at.here]
        if at.helped and others:
            self.net.nodes[enter].fallback, more = self._abroad(path, others[0], at)
            ends.extend(more)
        return enter, ends

    def _abroad(self, path: str, place: str, at: _Place) -> tuple[int, list[int]]:
        """A call into another data centre: there and back over the link."""
        first, way = self._link(at.here, place, at)
        start, ends = self._call(path, _Place(place, False, at.scope, at.held, at.stack))
        self._join(way, start)
        back, home = self._link(place, at.here, at)
        self._join(ends, back)
        return first, home

    def _link(self, source: str, target: str, at: _Place) -> tuple[int, list[int]]:
        number = self.link_of.get((source, target))
        if number is None:
            raise ScenarioError(f"scenario {self.scenario.id}: links: none between {source} and {target}")
        link = self.net.links[number]
        held, scope = list(at.held), at.scope
        split = self._split("loss", f"{source}-{target}", [1.0 - link.loss, link.loss])
        first = self._node(Node(SPLIT, split=split, held=held, scope=scope))
        again = self._node(
            Node(WORK, RESEND_S, 16, f"{source}-{target}", link=number, held=held, scope=scope)
        )
        way = self._node(
            Node(WORK, link.latency_s, 16, f"{source}-{target}", link=number, held=held, scope=scope)
        )
        self.net.nodes[first].branches = [(0, way), (1, again)]
        self.net.nodes[again].next = way
        return first, [way]

    def _endpoint(
        self, name: str, service: Service, version: str, endpoint: str, group: int, at: _Place
    ) -> tuple[int, list[int]]:
        owner = (name, service, version, group)
        first, ends = self._steps(service.endpoints[endpoint], owner, at)
        if first < 0:
            first = self._node(
                Node(WORK, EPSILON_WORK_S, 1, name, group=group, held=list(at.held), scope=at.scope)
            )
            ends = [first]
        return first, ends

    def _steps(
        self, steps: list[Step], owner: tuple[str, Service, str, int], at: _Place
    ) -> tuple[int, list[int]]:
        """Steps one after the other; the first node is -1 when there is none."""
        first = -1
        ends: list[int] = []
        for step in steps:
            times = owner[1].versions[owner[2]].queries if step.times == "queries" else step.times
            for _ in range(times if step.query else 1):
                start, open_ends = self._step(step, owner, at)
                self._join(ends, start)
                first = start if first < 0 else first
                ends = open_ends
        return first, ends

    def _step(self, step: Step, owner: tuple[str, Service, str, int], at: _Place) -> tuple[int, list[int]]:
        if step.call is not None:
            self._check_call(step.call, owner[0])
            return self._guarded(step, at) if step.guarded else self._call(step.call, at)
        if step.parallel is not None:
            return self._parallel(step.parallel, owner, at)
        if step.cache is not None:
            return self._cached(step, owner, at)
        if step.query is not None:
            return self._query(step, owner, at)
        if step.route is not None:
            return self._routed(step, owner, at)
        assert step.work_ms is not None
        name, service, version, group = owner
        mean_s = step.work_ms * service.versions[version].work_factor / 1000
        kind, shape = (CPU, 1) if step.cpu else (WORK, step.shape)
        index = self._node(Node(kind, mean_s, shape, name, group=group, held=list(at.held), scope=at.scope))
        return index, [index]

    def _check_call(self, path: str, caller: str) -> None:
        """A call to nowhere names who makes it."""
        name, _, endpoint = path.partition(".")
        target = self.scenario.components.get(name)
        if not isinstance(target, Service):
            raise ScenarioError(f"scenario {self.scenario.id}: {caller}: no service named {name!r}")
        if endpoint not in target.endpoints:
            raise ScenarioError(f"scenario {self.scenario.id}: {caller}: {name} has no endpoint {endpoint!r}")

    def _routed(self, step: Step, owner: tuple[str, Service, str, int], at: _Place) -> tuple[int, list[int]]:
        """Two ways of doing the same; how many requests take the new one is set while the world runs."""
        assert step.route is not None
        split = self._split("route", step.route, [1.0, 0.0])
        index = self._node(Node(SPLIT, split=split, service=owner[0], held=list(at.held), scope=at.scope))
        ends: list[int] = []
        for way, steps in enumerate((step.old, step.new)):
            first, last = self._steps(steps, owner, at)
            if first < 0:
                raise ScenarioError(
                    f"scenario {self.scenario.id}: route {step.route}: nothing to do on one way"
                )
            self.net.nodes[index].branches.append((way, first))
            ends += last
        return index, ends

    def _guarded(self, step: Step, at: _Place) -> tuple[int, list[int]]:
        """A call with a time-out, retries or a breaker of the caller's."""
        assert step.call is not None
        node = Node(CALL, service=step.call.partition(".")[0], held=list(at.held), scope=at.scope)
        index = self._node(node)
        scope = self._scope(
            step.call, index, at, step.timeout_ms / 1000 if step.timeout_ms is not None else math.inf
        )
        spec = self.net.scopes[scope]
        spec.retries = spec.declared = step.retries
        spec.backoff_s = step.backoff_ms / 1000
        spec.backoff_factor, spec.jitter = step.backoff_factor, step.jitter
        spec.budget = step.retry_budget if step.retries else None
        spec.breaker, spec.optional = step.breaker, step.optional
        spec.first, _ = self._call(step.call, _Place(at.here, at.helped, scope, [], at.stack))
        return index, [index]

    def _parallel(
        self, branches: list[list[Step]], owner: tuple[str, Service, str, int], at: _Place
    ) -> tuple[int, list[int]]:
        index = self._node(Node(FORK, service=owner[0], held=list(at.held), scope=at.scope))
        for number, steps in enumerate(branches):
            scope = self._scope(f"{owner[0]} branch {number + 1}", index, at, math.inf)
            inside = _Place(at.here, at.helped, scope, [], at.stack)
            first, _ = self._steps(steps, owner, inside)
            if first < 0:
                raise ScenarioError(f"scenario {self.scenario.id}: {owner[0]}: an empty branch in parallel")
            self.net.scopes[scope].first = first
        return index, [index]

    def _scope(self, name: str, owner: int, at: _Place, timeout_s: float) -> int:
        index = len(self.net.scopes)
        parent = self.net.scopes[at.scope]
        self.net.scopes.append(
            ScopeSpec(name, -1, parent.cls, timeout_s, drops=parent.drops, owner=owner, parent=at.scope)
        )
        self.net.nodes[owner].scopes.append(index)
        return index

    def _cached(self, step: Step, owner: tuple[str, Service, str, int], at: _Place) -> tuple[int, list[int]]:
        assert step.cache is not None and step.keys is not None
        cache = self.scenario.component(step.cache, Cache)
        self._key_space(step.keys, owner[0])
        split = self._split("cache", step.cache, [0.0, 1.0], step.keys)
        if self.net.splits[split].keys != step.keys:
            raise ScenarioError(f"scenario {self.scenario.id}: {step.cache} is read with two key spaces")
        index = self._node(Node(SPLIT, split=split, service=step.cache, held=list(at.held), scope=at.scope))
        looks = []
        for _ in range(2):
            look = Node(WORK, cache.op_ms / 1000, 1, step.cache, held=list(at.held), scope=at.scope)
            looks.append(self._node(look))
        self.net.nodes[index].branches = [(0, looks[0]), (1, looks[1])]
        first, ends = self._steps(step.miss, owner, at)
        if first < 0:  # a version without queries may leave nothing to do
            return index, looks
        self._join([looks[1]], first)
        return index, [looks[0], *ends]

    def _query(self, step: Step, owner: tuple[str, Service, str, int], at: _Place) -> tuple[int, list[int]]:
        """A query where the primary is; a route says which of two homes that is, if it can move."""
        assert step.query is not None
        database = self.scenario.component(step.query, Postgres)
        home = database.datacenter or self.places[0]
        if not database.standby:
            return self._query_at(step, owner, at, home)
        managed = step.query in self.scenario.standbys and self.scenario.standbys[step.query].patroni
        split = self._split("route", home_route(step.query, at.here if managed else ""), [1.0, 0.0])
        index = self._node(Node(SPLIT, split=split, service=owner[0], held=list(at.held), scope=at.scope))
        ends: list[int] = []
        for way, place in enumerate((home, database.standby)):
            first, last = self._query_at(step, owner, at, place)
            self.net.nodes[index].branches.append((way, first))
            ends += last
        return index, ends

    def _query_at(
        self, step: Step, owner: tuple[str, Service, str, int], at: _Place, home: str
    ) -> tuple[int, list[int]]:
        assert step.query is not None and step.cpu_ms is not None
        pools = self.pool_of.get((step.query, step.pool or ""))
        if pools is None:
            raise ScenarioError(
                f"scenario {self.scenario.id}: {owner[0]}: no pool {step.pool!r} at {step.query!r}"
            )
        first, ends = -1, list[int]()
        if home != at.here:
            first, ends = self._link(at.here, home, at)
        split = -1
        if len(pools) > 1:
            split = self._node(Node(SPLIT, service=owner[0], held=list(at.held), scope=at.scope))
            self.net.nodes[split].split = self._shards(step, owner[0], len(pools))
            self._join(ends, split)
            first, ends = (split if first < 0 else first), []
        queries = []
        for number, pool in enumerate(pools):
            index = self._node(
                Node(
                    QUERY,
                    step.cpu_ms / 1000,
                    1,
                    owner[0],
                    pool=pool,
                    held=list(at.held),
                    scope=at.scope,
                    sql=step.sql or "",
                )
            )
            queries.append(index)
            if split >= 0:
                self.net.nodes[split].branches.append((number, index))
        self._join(ends, queries[0])
        first = queries[0] if first < 0 else first
        ends = queries
        if home != at.here:
            back, home_ends = self._link(home, at.here, at)
            self._join(ends, back)
            ends = home_ends
        return first, ends

    def _shards(self, step: Step, service: str, shards: int) -> int:
        keys = step.keys or ""
        if keys:
            self._key_space(keys, service)
        weights = shard_shares(self.scenario.keys[keys], shards) if keys else [1.0 / shards] * shards
        return self._split("shard", f"{step.query} by {keys or 'chance'}", weights, keys)

    def _key_space(self, name: str, service: str) -> None:
        if name not in self.scenario.keys:
            raise ScenarioError(
                f"scenario {self.scenario.id}: {service}: no key space named {name!r} in keys"
            )

    def _join(self, ends: list[int], start: int) -> None:
        for index in ends:
            self.net.nodes[index].next = start

    def _node(self, node: Node) -> int:
        if len(self.net.nodes) >= MAX_NODES:
            raise ScenarioError(f"scenario {self.scenario.id}: more than {MAX_NODES} steps in all routes")
        self.net.nodes.append(node)
        return len(self.net.nodes) - 1


def home_route(database: str, here: str = "") -> str:
    """The route that says where a database's primary is: 0 at its first home, 1 at its standby's.

    Under Patroni each data centre has a route of its own (`here`): in a split brain they differ.
    """
    return f"home/{database}@{here}" if here else f"home/{database}"


def _cores(text: str) -> float:
    """A Kubernetes CPU quantity in cores."""
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def one_walk(network: Network, first: int) -> list[int]:
    """The nodes of one request, versions without pods and second ways left out."""
    found: list[int] = []
    i = first
    while i >= 0:
        node = network.nodes[i]
        found.append(i)
        if node.kind == ENTER:
            live = [start for g, start in node.branches if network.groups[g].pods]
            i = (live or [start for _, start in node.branches])[0]
            continue
        if node.branches:
            i = node.branches[-1][1]
            continue
        for s in node.scopes:
            found.extend(one_walk(network, network.scopes[s].first))
        i = node.next
    return found


def burned_ms(network: Network) -> list[float]:
    """CPU that a request burns in a pod, by group, in ms: as declared, or else what its `cpu: true` steps take."""
    visits: dict[str, float] = {}
    spent: dict[str, float] = {}
    for spec in network.classes:
        for i in one_walk(network, spec.first):
            node = network.nodes[i]
            if node.kind == CPU:
                name = network.groups[node.group].service
                spent[name] = spent.get(name, 0.0) + spec.share * node.mean_s * 1000
            elif node.kind == ENTER:
                visits[node.service] = visits.get(node.service, 0.0) + spec.share
    found = []
    for group in network.groups:
        steps = spent.get(group.service, 0.0) / (visits.get(group.service) or 1.0)
        found.append(steps if group.cpu_ms == UNDECLARED_CPU_MS and steps > 0.0 else group.cpu_ms)
    return found


def build(scenario: Scenario) -> Network:
    """Flatten a scenario's topology. Raises ScenarioError for a topology that cannot run."""
    return _Builder(scenario).build()


def retrying(net: Network, caller: str, retries: int) -> list[tuple[int, ScopeSpec]]:
    """The scopes of a client class or a call by name, whose tries may be set to `retries`.

    Raises KeyError for an unknown caller, ValueError for more tries than the network declares.
    """
    found = [(n, s) for n, s in enumerate(net.scopes) if s.name == caller]
    if not found:
        raise KeyError(caller)
    most = max(s.declared for _, s in found)
    if not 0 <= retries <= most:
        raise ValueError(f"{caller}: {retries} retries; the network declares at most {most}")
    return found


def limiter(net: Network, service: str) -> int:
    """The rate limit of a service. Raises KeyError for a service without one."""
    for n, limit in enumerate(net.limits):
        if limit.service == service:
            return n
    raise KeyError(service)


def routes(net: Network, name: str) -> list[int]:
    """The splits of a route. Raises KeyError when no step names it."""
    found = [n for n, split in enumerate(net.splits) if split.kind == "route" and split.name == name]
    if not found:
        raise KeyError(name)
    return found


def sharded(net: Network, database: str, keys: str) -> list[int]:
    """The splits that part a database's queries by a key space. Raises KeyError when there is none."""
    name = f"{database} by {keys or 'chance'}"
    found = [n for n, split in enumerate(net.splits) if split.kind == "shard" and split.name == name]
    if not found:
        raise KeyError(name)
    return found


def cached(net: Network, cache: str) -> list[int]:
    """The splits of a cache. Raises KeyError when nothing reads it."""
    found = [n for n, split in enumerate(net.splits) if split.kind == "cache" and split.name == cache]
    if not found:
        raise KeyError(cache)
    return found


def cache_looks(net: Network, cache: str) -> list[int]:
    """The WORK nodes that stand for an operation of a cache."""
    splits = cached(net, cache)
    return [first for node in net.nodes if node.split in splits for _, first in node.branches]
