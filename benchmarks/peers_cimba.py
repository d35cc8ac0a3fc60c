"""The workloads of `dropprod bench peers` in Cimba: models compiled by Numba onto a C engine.

One spawned model a request, `Resource` for every station. Cimba keeps means, not samples, so percentiles come from
bins of 0.1 ms that the requests count themselves into. The first run of a model compiles it; that is left out.
"""

import time
from typing import Any

import cimba
from cimba import inputs

from benchmarks import peers_workloads as w
from benchmarks.peers_workloads import Call, Outcome

BINS, PER_S = 10_000, 10_000.0  # of 0.1 ms
LATE = 7  # the signal of a timer that has run out
CHAIN_ACQUIRE_S, CHAIN_CLIENT_S = w.CHAIN_ACQUIRE_S, w.CHAIN_CLIENT_S
STORM_CLIENT_S, STORM_BACKOFF_S = w.STORM_CLIENT_S, w.STORM_BACKOFF_S
STORM_ATTEMPTS, STORM_RPS, STORM_SPIKE = w.STORM_RETRIES + 1, w.STORM_RPS, w.STORM_SPIKE
CALM_S, SPIKED_S = w.STORM_SPIKE_S
STORM_TAIL_S = w.STORM_TAIL_S


class Tally(cimba.Model):
    """What the requests of a run took, in seconds."""

    latency: cimba.Dataset
    bins: cimba.Array[int]
    served: cimba.Output[float]
    mean: cimba.Output[float]
    p99: cimba.Output[float]

    @cimba.function
    def add(self, took: float) -> None:
        self.latency.record(took)
        self.bins[min(int(took * PER_S), BINS - 1)] += 1

    @cimba.on_end
    def measure(self):
        self.served = self.latency.sample_count()
        self.mean = self.latency.sample_mean()
        total = 0
        for b in range(BINS):
            total += self.bins[b]
        seen = 0
        at = 0
        while seen < 0.99 * total:
            seen += self.bins[at]
            at += 1
        self.p99 = (at - 0.5) / PER_S


class MmcRequest(cimba.Model):
    world: cimba.Ref["Mmc"]

    @cimba.process
    def run(self):
        start = cimba.now()
        self.world.servers.acquire()
        cimba.hold(self.world.service.next())
        self.world.servers.release()
        self.world.tally.add(cimba.now() - start)


class Mmc(cimba.Model):
    gap: cimba.Input[float] = inputs.dist.exponential(mean=1 / w.MMC_RPS)
    service: cimba.Input[float] = inputs.dist.exponential(mean=w.MMC_SERVICE_S)
    servers: cimba.Resource
    tally: Tally
    busy: cimba.Output[float]

    @cimba.process
    def arrivals(self):
        while True:
            cimba.hold(self.gap.next())
            cimba.spawn(MmcRequest, world=self)

    @cimba.on_end
    def measure(self):
        self.busy = self.servers.utilization()


class ChainRequest(cimba.Model):
    world: cimba.Ref["Chain"]

    @cimba.process
    def run(self):
        start = cimba.now()
        cimba.hold(self.world.edge.next())
        self.world.api.acquire()
        cimba.hold(self.world.work.next())
        me = cimba.this_process()
        me.timer_set(CHAIN_ACQUIRE_S, LATE)
        got = self.world.pool.acquire()
        me.timers_clear()
        if got == 0:
            cimba.hold(self.world.query.next())
            self.world.pool.release()
            self.world.api.release()
        else:
            self.world.api.release()
        took = cimba.now() - start
        if got == 0 and took <= CHAIN_CLIENT_S:
            self.world.tally.add(took)
        else:
            self.world.refused.record(took)


class Chain(cimba.Model):
    gap: cimba.Input[float] = inputs.dist.exponential(mean=1 / w.CHAIN_RPS)
    edge: cimba.Input[float] = inputs.dist.exponential(mean=w.CHAIN_EDGE_S)
    work: cimba.Input[float] = inputs.dist.exponential(mean=w.CHAIN_API_S)
    query: cimba.Input[float] = inputs.dist.exponential(mean=w.CHAIN_QUERY_S)
    api: cimba.Resource
    pool: cimba.Resource
    tally: Tally
    refused: cimba.Dataset
    failed: cimba.Output[float]
    busy: cimba.Output[float]

    @cimba.process
    def arrivals(self):
        while True:
            cimba.hold(self.gap.next())
            cimba.spawn(ChainRequest, world=self)

    @cimba.on_end
    def measure(self):
        self.failed = self.refused.sample_count()
        self.busy = self.pool.utilization()


class Station(cimba.Model):
    slots: cimba.Resource


class Visit(cimba.Model):
    """A call of the 15 services: its own work, then its inner calls, the slot held over all of them."""

    work: cimba.Input[float]
    station: cimba.Ref[Station]
    calls: list[cimba.Ref["Visit"]]

    @cimba.function
    def go(self) -> None:
        self.station.slots.acquire()
        cimba.hold(self.work.next())
        for n in range(len(self.calls)):
            self.calls[n].go()
        self.station.slots.release()


class ShopRequest(cimba.Model):
    world: cimba.Ref["Shop"]
    root: cimba.Ref[Visit]

    @cimba.process
    def run(self):
        start = cimba.now()
        self.root.go()
        self.world.tally.add(cimba.now() - start)


class Shop(cimba.Model):
    gap: cimba.Input[float] = inputs.dist.exponential(mean=1 / w.SHOP_RPS)
    luck: cimba.Input[float] = inputs.dist.uniform(low=0.0, high=1.0)
    stations: list[Station]
    visits: list[Visit]
    roots: list[cimba.Ref[Visit]]
    shares: cimba.Array[float]
    tally: Tally

    @cimba.process
    def arrivals(self):
        while True:
            cimba.hold(self.gap.next())
            mark = self.luck.next()
            chosen = 0
            while chosen < len(self.shares) - 1 and mark >= self.shares[chosen]:
                mark -= self.shares[chosen]
                chosen += 1
            cimba.spawn(ShopRequest, world=self, root=self.roots[chosen])


class StormClient(cimba.Model):
    """Looks for its answer when its time-out is over; the connection has counted a good one when it came."""

    world: cimba.Ref["Storm"]

    @cimba.process
    def run(self):
        for attempt in range(STORM_ATTEMPTS):
            if attempt > 0:
                cimba.hold(STORM_BACKOFF_S)
            number = self.world.send()
            cimba.hold(STORM_CLIENT_S)
            if self.world.answered[number] == 1:
                break


class Storm(cimba.Model):
    """Attempts wait as numbers in a store: as processes they would need a stack each, and 30,000 are too many."""

    gap: cimba.Input[float] = inputs.dist.exponential(mean=1.0)
    query: cimba.Input[float] = inputs.dist.exponential(mean=w.STORM_QUERY_S)
    seconds: cimba.Param[float]
    waiting: cimba.Store[int]
    sent_at: cimba.Array[float]
    answered: cimba.Array[int]
    sent: int = 0
    good_before: float = 0.0
    good_after: float = 0.0
    tries_after: float = 0.0
    tried: cimba.Output[float]
    before: cimba.Output[float]
    after: cimba.Output[float]
    tried_after: cimba.Output[float]

    @cimba.function
    def send(self) -> int:
        number = self.sent
        self.sent += 1
        self.sent_at[number] = cimba.now()
        if cimba.now() >= self.seconds - STORM_TAIL_S:
            self.tries_after += 1.0
        self.waiting.put(number)
        return number

    @cimba.process(copies=w.STORM_POOL)
    def connection(self):
        while True:
            number = self.waiting.get()
            cimba.hold(self.query.next())
            if cimba.now() - self.sent_at[number] <= STORM_CLIENT_S:
                self.answered[number] = 1
                if cimba.now() < CALM_S:
                    self.good_before += 1.0
                if cimba.now() >= self.seconds - STORM_TAIL_S:
                    self.good_after += 1.0

    @cimba.process
    def arrivals(self):
        while True:
            rate = STORM_RPS
            if cimba.now() >= CALM_S and cimba.now() < SPIKED_S:
                rate = STORM_RPS * STORM_SPIKE
            cimba.hold(self.gap.next() / rate)
            cimba.spawn(StormClient, world=self)

    @cimba.on_end
    def measure(self):
        self.tried = self.sent
        self.before = self.good_before
        self.after = self.good_after
        self.tried_after = self.tries_after


def _tally() -> Any:
    found = Tally()
    found.bins = cimba.Array(BINS)
    return found


def _mmc() -> Any:
    model = Mmc()
    model.servers = cimba.Resource(capacity=w.MMC_SERVERS)
    model.tally = _tally()
    return model


def _chain() -> Any:
    model = Chain()
    model.api, model.pool = cimba.Resource(capacity=w.CHAIN_SLOTS), cimba.Resource(capacity=w.CHAIN_POOL)
    model.tally = _tally()
    return model


def _shop() -> Any:
    model = Shop()
    stations = {name: Station() for name in w.shop_slots()}
    for name, slots in w.shop_slots().items():
        stations[name].slots = cimba.Resource(capacity=slots)
    visits: list[Any] = []

    def visit(call: Call) -> Any:
        found = Visit()
        found.work = inputs.dist.exponential(mean=call.work_s)
        found.station = stations[call.station]
        found.calls = [visit(inner) for inner in call.calls]
        visits.append(found)
        return found

    model.roots = [visit(root) for _, root in w.SHOP_ROUTES.values()]
    model.stations, model.visits = list(stations.values()), visits
    model.shares = cimba.Array([share for share, _ in w.SHOP_ROUTES.values()])
    model.tally = _tally()
    return model


def _storm() -> Any:
    return Storm()


_MODELS = {w.MMC: _mmc, w.CHAIN: _chain, w.SHOP: _shop, w.STORM: _storm}
_compiled: set[str] = set()


def run(workload: str, seconds: float, seed: int) -> Outcome:
    model = _MODELS[workload]()
    if workload == w.STORM:
        room = round(STORM_ATTEMPTS * STORM_RPS * STORM_SPIKE * seconds)  # more attempts than that cannot be
        model.seconds = seconds
        model.sent_at, model.answered = cimba.Array(room), cimba.Array(room)
    if workload not in _compiled:
        _experiment(model, 0.0, 0.01, seed)
        _compiled.add(workload)
    warm = w.WARM_S[workload]
    began = time.process_time()
    results = _experiment(model, warm, seconds, seed)
    cpu_s = time.process_time() - began
    found = results[model]
    if workload == w.STORM:
        fresh = w.STORM_RPS
        return Outcome(
            seconds,
            cpu_s,
            _value(found.tried),
            good_before=_value(found.before) / (CALM_S * fresh),
            good_after=_value(found.after) / (STORM_TAIL_S * fresh),
            attempts_after=_value(found.tried_after) / (STORM_TAIL_S * fresh),
        )
    seen = results[model.tally]
    failed = _value(found.failed) if workload == w.CHAIN else 0.0
    ended = _value(seen.served) + failed
    return Outcome(
        warm + seconds,
        cpu_s,
        ended,
        _value(found.busy) if workload != w.SHOP else None,
        1000 * _value(seen.mean),
        1000 * _value(seen.p99),
        failed / ended,
    )


def _experiment(model: Any, warm_s: float, seconds: float, seed: int) -> Any:
    window = cimba.Window(warmup=warm_s, duration=seconds)
    return cimba.Experiment(model, replications=1, window=window, seed=seed).run()


def _value(samples: Any) -> float:
    return float(samples.values[0, 0])
