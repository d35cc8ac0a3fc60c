"""The workloads of `dropprod bench peers` in salabim: one `Component` a request, `Resource` for every station.

Processes are generators (`yield`): salabim's other form runs on greenlets and needs one more package.
"""

import random
import time
from collections.abc import Callable, Generator
from typing import Any

import salabim

from benchmarks import peers_workloads as w
from benchmarks.peers_workloads import Call, Outcome, steady, storm_outcome

Steps = Generator[Any, Any, None]


def run(workload: str, seconds: float, seed: int) -> Outcome:
    salabim.yieldless(False)
    return {w.MMC: _mmc, w.CHAIN: _chain, w.SHOP: _shop, w.STORM: _storm}[workload](seconds, seed)


def _world(seed: int) -> tuple[Any, random.Random]:
    """No trace; resources are made without monitors, which cost time and are not asked for here."""
    return salabim.Environment(trace=False, random_seed=seed), random.Random(seed)


def _station(env: Any, name: str, slots: int) -> Any:
    return salabim.Resource(name, capacity=slots, env=env, monitor=False)


def _arrivals(env: Any, gap: Callable[[], float], request: Any) -> None:
    class Source(salabim.Component):  # type: ignore[misc]
        def process(self) -> Steps:
            while True:
                yield self.hold(gap())
                request(env=env)

    Source(env=env)


def _timed(env: Any, to_s: float) -> float:
    began = time.process_time()
    env.run(till=to_s)
    return time.process_time() - began


def _mmc(seconds: float, seed: int) -> Outcome:
    env, luck = _world(seed)
    servers = _station(env, "servers", w.MMC_SERVERS)
    latencies: list[float] = []
    holds: list[float] = []

    class Request(salabim.Component):  # type: ignore[misc]
        def process(self) -> Steps:
            start = env.now()
            yield self.request(servers)
            hold = luck.expovariate(1 / w.MMC_SERVICE_S)
            holds.append(hold)
            yield self.hold(hold)
            self.release(servers)
            latencies.append(env.now() - start)

    _arrivals(env, lambda: luck.expovariate(w.MMC_RPS), Request)
    env.run(till=w.WARM_S[w.MMC])
    latencies.clear()
    holds.clear()
    cpu_s = _timed(env, w.WARM_S[w.MMC] + seconds)
    return steady(seconds, cpu_s, latencies, sum(holds) / w.MMC_SERVERS / seconds)


def _chain(seconds: float, seed: int) -> Outcome:
    """Nobody retries, so a client that has left is counted when its work ends."""
    env, luck = _world(seed)
    api, pool = _station(env, "api", w.CHAIN_SLOTS), _station(env, "pool", w.CHAIN_POOL)
    latencies: list[float] = []
    holds: list[float] = []
    refused: list[float] = []

    class Request(salabim.Component):  # type: ignore[misc]
        def process(self) -> Steps:
            start = env.now()
            yield self.hold(luck.expovariate(1 / w.CHAIN_EDGE_S))
            yield self.request(api)
            yield self.hold(luck.expovariate(1 / w.CHAIN_API_S))
            yield self.request(pool, fail_delay=w.CHAIN_ACQUIRE_S)
            if self.failed():
                refused.append(env.now())
                return  # what a component holds is released when it ends
            hold = luck.expovariate(1 / w.CHAIN_QUERY_S)
            holds.append(hold)
            yield self.hold(hold)
            self.release()
            took = env.now() - start
            (latencies if took <= w.CHAIN_CLIENT_S else refused).append(took)

    _arrivals(env, lambda: luck.expovariate(w.CHAIN_RPS), Request)
    env.run(till=w.WARM_S[w.CHAIN])
    for seen in (latencies, holds, refused):
        seen.clear()
    cpu_s = _timed(env, w.WARM_S[w.CHAIN] + seconds)
    return steady(seconds, cpu_s, latencies, sum(holds) / w.CHAIN_POOL / seconds, len(refused))


def _shop(seconds: float, seed: int) -> Outcome:
    env, luck = _world(seed)
    stations = {name: _station(env, name, slots) for name, slots in w.shop_slots().items()}
    roots = [root for _, root in w.SHOP_ROUTES.values()]
    shares = [share for share, _ in w.SHOP_ROUTES.values()]
    latencies: list[float] = []
    late: list[float] = []

    class Request(salabim.Component):  # type: ignore[misc]
        def process(self) -> Steps:
            start = env.now()
            yield from self.visit(luck.choices(roots, shares)[0])
            took = env.now() - start
            (latencies if took <= w.SHOP_CLIENT_S else late).append(took)

        def visit(self, call: Call) -> Steps:
            station = stations[call.station]
            yield self.request(station)
            yield self.hold(luck.expovariate(1 / call.work_s))
            for inner in call.calls:
                yield from self.visit(inner)
            self.release(station)

    _arrivals(env, lambda: luck.expovariate(w.SHOP_RPS), Request)
    env.run(till=w.WARM_S[w.SHOP])
    latencies.clear()
    cpu_s = _timed(env, w.WARM_S[w.SHOP] + seconds)
    return steady(seconds, cpu_s, latencies, None, len(late))


def _storm(seconds: float, seed: int) -> Outcome:
    """The client holds for its time-out; the server wakes it earlier, or goes on without it."""
    env, luck = _world(seed)
    pool = _station(env, "pool", w.STORM_POOL)
    good: list[float] = []
    tried: list[float] = []

    class Server(salabim.Component):  # type: ignore[misc]
        def setup(self, client: Any, attempt: int) -> None:
            self.client = client
            self.attempt = attempt

        def process(self) -> Steps:
            yield self.request(pool)
            yield self.hold(luck.expovariate(1 / w.STORM_QUERY_S))
            self.release(pool)
            if self.client.waits_for == self.attempt:
                self.client.waits_for = None
                self.client.activate()

    class Client(salabim.Component):  # type: ignore[misc]
        def process(self) -> Steps:
            for attempt in range(w.STORM_RETRIES + 1):
                if attempt:
                    yield self.hold(w.STORM_BACKOFF_S)
                tried.append(env.now())
                self.waits_for = attempt
                Server(env=env, client=self, attempt=attempt)
                yield self.hold(w.STORM_CLIENT_S)
                if self.waits_for is None:
                    good.append(env.now())
                    return
                self.waits_for = -1

    _arrivals(env, lambda: luck.expovariate(w.storm_rate(env.now())), Client)
    cpu_s = _timed(env, seconds)
    return storm_outcome(seconds, cpu_s, good, tried)
