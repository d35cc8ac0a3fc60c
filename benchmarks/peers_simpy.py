"""The workloads of `dropprod bench peers` in SimPy: one process a request, `Resource` for every station."""

import random
import time
from collections.abc import Callable, Generator
from typing import Any

import simpy

from benchmarks import peers_workloads as w
from benchmarks.peers_workloads import Call, Outcome, steady, storm_outcome

Steps = Generator[Any, Any, None]


def run(workload: str, seconds: float, seed: int) -> Outcome:
    return {w.MMC: _mmc, w.CHAIN: _chain, w.SHOP: _shop, w.STORM: _storm}[workload](seconds, seed)


def _arrivals(env: simpy.Environment, luck: random.Random, rps: float, start: Callable[[], Steps]) -> None:
    def source() -> Steps:
        while True:
            yield env.timeout(luck.expovariate(rps))
            env.process(start())

    env.process(source())


def _timed(env: simpy.Environment, to_s: float) -> float:
    began = time.process_time()
    env.run(until=to_s)
    return time.process_time() - began


def _mmc(seconds: float, seed: int) -> Outcome:
    env, luck = simpy.Environment(), random.Random(seed)
    servers = simpy.Resource(env, w.MMC_SERVERS)
    latencies: list[float] = []
    holds: list[float] = []

    def request() -> Steps:
        start = env.now
        with servers.request() as slot:
            yield slot
            hold = luck.expovariate(1 / w.MMC_SERVICE_S)
            holds.append(hold)
            yield env.timeout(hold)
        latencies.append(env.now - start)

    _arrivals(env, luck, w.MMC_RPS, request)
    env.run(until=w.WARM_S[w.MMC])
    latencies.clear()
    holds.clear()
    cpu_s = _timed(env, w.WARM_S[w.MMC] + seconds)
    return steady(seconds, cpu_s, latencies, sum(holds) / w.MMC_SERVERS / seconds)


def _chain(seconds: float, seed: int) -> Outcome:
    """Nobody retries, so a client that has left is counted when its work ends: no second process is needed."""
    env, luck = simpy.Environment(), random.Random(seed)
    api, pool = simpy.Resource(env, w.CHAIN_SLOTS), simpy.Resource(env, w.CHAIN_POOL)
    latencies: list[float] = []
    holds: list[float] = []
    refused: list[float] = []

    def request() -> Steps:
        start = env.now
        yield env.timeout(luck.expovariate(1 / w.CHAIN_EDGE_S))
        with api.request() as slot:
            yield slot
            yield env.timeout(luck.expovariate(1 / w.CHAIN_API_S))
            with pool.request() as connection:
                if not connection.triggered:
                    yield connection | env.timeout(w.CHAIN_ACQUIRE_S)
                    if not connection.triggered:
                        refused.append(env.now)
                        return
                hold = luck.expovariate(1 / w.CHAIN_QUERY_S)
                holds.append(hold)
                yield env.timeout(hold)
        took = env.now - start
        (latencies if took <= w.CHAIN_CLIENT_S else refused).append(took)

    _arrivals(env, luck, w.CHAIN_RPS, request)
    env.run(until=w.WARM_S[w.CHAIN])
    for seen in (latencies, holds, refused):
        seen.clear()
    cpu_s = _timed(env, w.WARM_S[w.CHAIN] + seconds)
    return steady(seconds, cpu_s, latencies, sum(holds) / w.CHAIN_POOL / seconds, len(refused))


def _shop(seconds: float, seed: int) -> Outcome:
    env, luck = simpy.Environment(), random.Random(seed)
    stations = {name: simpy.Resource(env, slots) for name, slots in w.shop_slots().items()}
    roots = [root for _, root in w.SHOP_ROUTES.values()]
    shares = [share for share, _ in w.SHOP_ROUTES.values()]
    latencies: list[float] = []
    late: list[float] = []

    def visit(call: Call) -> Steps:
        with stations[call.station].request() as slot:
            yield slot
            yield env.timeout(luck.expovariate(1 / call.work_s))
            for inner in call.calls:
                yield from visit(inner)

    def request() -> Steps:
        start = env.now
        yield from visit(luck.choices(roots, shares)[0])
        took = env.now - start
        (latencies if took <= w.SHOP_CLIENT_S else late).append(took)

    _arrivals(env, luck, w.SHOP_RPS, request)
    env.run(until=w.WARM_S[w.SHOP])
    latencies.clear()
    cpu_s = _timed(env, w.WARM_S[w.SHOP] + seconds)
    return steady(seconds, cpu_s, latencies, None, len(late))


def _storm(seconds: float, seed: int) -> Outcome:
    """The client waits for the answer or its time-out; the server's process goes on without it."""
    env, luck = simpy.Environment(), random.Random(seed)
    pool = simpy.Resource(env, w.STORM_POOL)
    good: list[float] = []
    tried: list[float] = []

    def server(answer: simpy.Event) -> Steps:
        with pool.request() as connection:
            yield connection
            yield env.timeout(luck.expovariate(1 / w.STORM_QUERY_S))
        answer.succeed()

    def client() -> Steps:
        for attempt in range(w.STORM_RETRIES + 1):
            if attempt:
                yield env.timeout(w.STORM_BACKOFF_S)
            tried.append(env.now)
            answer = env.event()
            env.process(server(answer))
            yield answer | env.timeout(w.STORM_CLIENT_S)
            if answer.triggered:
                good.append(env.now)
                return

    def source() -> Steps:
        while True:
            yield env.timeout(luck.expovariate(w.storm_rate(env.now)))
            env.process(client())

    env.process(source())
    cpu_s = _timed(env, seconds)
    return storm_outcome(seconds, cpu_s, good, tried)
