"""The state of the exact engine's run, as the scenario begins. What happens to it is in the files above this one.

exact_stations.py (slots, stores, pools) builds on it, then exact_callers.py (clients, calls and their ends),
exact_walk.py (the event loop and the walk) and exact.py (readings and control).
"""

import math
from collections import deque
from heapq import heappush
from typing import Any

from simulator.engine.exact_parts import (
    Attempt,
    Breaker,
    Bucket,
    CacheRun,
    Clients,
    Clock,
    LinkRun,
    Luck,
    Pod,
    PoolRun,
    Spot,
    Store,
    Weighted,
    WorkerRun,
)
from simulator.engine.network import ENTER, RESEND_S, Network
from simulator.engine.placement import Dns
from simulator.scenario import Cache, Scenario, Service, Worker

REJECTED, TIMEOUT, ERROR = 0, 1, 2
ENDED, RESTS, SHED, DROPPED = -1, -2, -3, -4  # where else than to a node a walk may lead
WORK_DONE, ARRIVAL, STORE, TIMEOUTS, RETRY, WORKER_TURN, CONNECTED, GIVE_UP, SECOND = range(9)


class State:
    """What a run has at hand: attempts, pods, stores, scopes, choices, and the counts of the present second."""

    def __init__(self, scenario: Scenario, network: Network, seed: int) -> None:
        self.network = network
        self.seed = seed
        self.luck = Luck(seed)
        self.now_s = 0.0
        self.second_s = 0.0  # when the present second began
        self.sequence = 0
        self.heap: list[tuple[float, int, int, Any]] = []  # (time, sequence, kind, whose)
        self.ready: deque[tuple[Attempt, int]] = deque()  # attempts that walk on now, and where
        self.alive: dict[Attempt, None] = {}  # every attempt that has not ended, in the order of starts
        self.changes: list[tuple[float, str, str]] = []
        self.latencies: dict[int, list[tuple[int, float]]] = {}  # by second: (class, seconds)
        self.rates = [0.0] * len(network.classes)
        self.arrival_due = [math.inf] * len(network.classes)
        self._init_pods(scenario)
        self._init_stores()
        self._init_scopes(scenario)
        self._init_splits(scenario)
        self._init_spots()
        self._clear()

    def _init_pods(self, scenario: Scenario) -> None:
        groups = self.network.groups
        self.services = sorted({g.service for g in groups})
        self.failing = dict.fromkeys(self.services, 0.0)
        self.turns = 0  # requests that failed at doors: each counts for the next pod
        self.all_pods: list[Pod] = []
        self.lines: dict[int, deque[Attempt]] = {}  # who waits in a pod, by its number
        self.cpus: dict[int, Store] = {}  # by the pod's number, once it has burnt CPU
        self.speeds = [1.0] * len(groups)
        self.frozen: list[list[tuple[float, Attempt]]] = [[] for _ in groups]  # work that stands still
        self.warmups = [scenario.component(g.service, Service).warmup for g in groups]
        self.uneven = False  # some pod has not always worked at speed 1
        self.busy = [0] * len(groups)  # slots held, in draining pods too
        self.queued = [0] * len(groups)
        self.pods: list[list[Pod]] = [[] for _ in groups]
        for g, spec in enumerate(groups):
            for _ in range(spec.pods):
                self.pods[g].append(self._new_pod(g))

    def _new_pod(self, g: int) -> Pod:
        warmup = self.warmups[g]
        warm_until_s = self.now_s + warmup.s if warmup and self.now_s > 0.0 else 0.0
        if warm_until_s > 0.0:
            self.uneven = True
        pod = Pod(len(self.all_pods), g, self.network.groups[g].limit_per_pod, self.now_s, warm_until_s)
        self.all_pods.append(pod)
        return pod

    def _init_stores(self) -> None:
        net = self.network
        self.pool_limits = [p.limit for p in net.pools]
        self.runs = [PoolRun(p.limit, p.open) for p in net.pools]
        self.stores = [
            Store(d.cores, n, d.max_connections - d.superuser_reserved) for n, d in enumerate(net.databases)
        ]
        self.members = [
            [run for run, p in zip(self.runs, net.pools, strict=True) if p.database == d]
            for d in range(len(net.databases))
        ]
        self.links = [LinkRun(spec) for spec in net.links]

    def _init_scopes(self, scenario: Scenario) -> None:
        self.clocks = [Clock(spec, self.changes) for spec in self.network.scopes]
        self.clients = len(self.network.classes)
        self.worker_names = [c.name for c in self.network.classes if c.worker]
        self.worker_classes = [c for c, spec in enumerate(self.network.classes) if spec.worker]
        workers: list[Worker] = [scenario.component(n, Worker) for n in self.worker_names]
        self.worker_rates = [w.rate for w in workers]
        self.jobs = [
            WorkerRun(Breaker(w.breaker, n, self.changes))
            for n, w in zip(self.worker_names, workers, strict=True)
        ]

    def _init_splits(self, scenario: Scenario) -> None:
        self.dns = Dns(scenario)
        self.splits: list[Weighted | Clients | CacheRun] = []
        for spec in self.network.splits:
            if spec.kind == "cache":
                cache = scenario.component(spec.name, Cache)
                self.splits.append(CacheRun(cache, scenario.keys[spec.keys]))
            elif spec.kind == "dns":
                self.splits.append(Clients(self.dns))
            else:
                self.splits.append(Weighted(spec.weights))

    def _init_spots(self) -> None:
        net = self.network
        limits = {limit.service: Bucket(limit.rps, limit.burst) for limit in net.limits}
        self.candidates: dict[tuple[int, ...], list[Pod]] = {}  # live pods by the groups of an ENTER
        self.spots = []
        for node in net.nodes:
            groups = tuple(g for g, _ in node.branches) if node.kind == ENTER else ()
            pods = self.candidates.setdefault(groups, [])
            limit = limits.get(node.service) if node.kind == ENTER else None
            spot = Spot(node, net.scopes[node.scope].drops, pods, limit)
            spot.resends = node.link >= 0 and node.mean_s == RESEND_S
            self.spots.append(spot)
        self._list_candidates()

    def _list_candidates(self) -> None:
        """After a change of pods: whom an ENTER may choose."""
        for groups, pods in self.candidates.items():
            pods[:] = [pod for g in groups for pod in self.pods[g]]

    def _clear(self) -> None:
        """Zero what is counted by the second."""
        net = self.network
        classes, groups, scopes = len(net.classes), len(net.groups), len(net.scopes)
        self.offered, self.ok, self.declined = [0.0] * classes, [0.0] * classes, [0.0] * classes
        self.failed = [0.0] * (classes * 3)
        self.entered, self.rejected, self.errors = [0.0] * groups, [0.0] * groups, [0.0] * groups
        self.late, self.turned = [0.0] * groups, [0.0] * groups
        self.shed, self.busy_area = [0.0] * groups, [0.0] * groups
        self.drained = [0.0] * len(self.jobs)
        self.queries, self.pool_timeouts = [0.0] * len(net.pools), [0.0] * len(net.pools)
        self.active_area = [0.0] * len(net.pools)
        self.scope_calls, self.scope_failed = [0.0] * scopes, [0.0] * scopes
        self.scope_retries = [0.0] * scopes
        self.split_taken = [[0.0] * len(s.weights) for s in net.splits]

    def _at(self, time: float, kind: int, what: object) -> None:
        self.sequence += 1
        heappush(self.heap, (time, self.sequence, kind, what))
