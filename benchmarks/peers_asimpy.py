"""The workloads of `dropprod bench peers` in asimpy: one `Process` a request, `Resource` for every station."""

import random
import time
from collections.abc import Callable

from asimpy import Environment, Event, FirstOf, Process, Resource

from benchmarks import peers_workloads as w
from benchmarks.peers_workloads import Call, Outcome, steady, storm_outcome


def run(workload: str, seconds: float, seed: int) -> Outcome:
    return {w.MMC: _mmc, w.CHAIN: _chain, w.SHOP: _shop, w.STORM: _storm}[workload](seconds, seed)


def _arrivals(env: Environment, gap: Callable[[], float], request: type[Process]) -> None:
    class Source(Process):
        async def run(self) -> None:
            while True:
                await self.timeout(gap())
                request(env)

    Source(env)


def _timed(env: Environment, to_s: float) -> float:
    began = time.process_time()
    env.run(until=to_s)
    return time.process_time() - began


def _mmc(seconds: float, seed: int) -> Outcome:
    env, luck = Environment(), random.Random(seed)
    servers = Resource(env, w.MMC_SERVERS)
    latencies: list[float] = []
    holds: list[float] = []

    class Request(Process):
        async def run(self) -> None:
            start = self.now
            async with servers:
                hold = luck.expovariate(1 / w.MMC_SERVICE_S)
                holds.append(hold)
                await self.timeout(hold)
            latencies.append(self.now - start)

    _arrivals(env, lambda: luck.expovariate(w.MMC_RPS), Request)
    env.run(until=w.WARM_S[w.MMC])
    latencies.clear()
    holds.clear()
    cpu_s = _timed(env, w.WARM_S[w.MMC] + seconds)
    return steady(seconds, cpu_s, latencies, sum(holds) / w.MMC_SERVERS / seconds)


def _chain(seconds: float, seed: int) -> Outcome:
    """Nobody retries, so a client that has left is counted when its work ends."""
    env, luck = Environment(), random.Random(seed)
    api, pool = Resource(env, w.CHAIN_SLOTS), Resource(env, w.CHAIN_POOL)
    latencies: list[float] = []
    holds: list[float] = []
    refused: list[float] = []

    class Request(Process):
        async def run(self) -> None:
            start = self.now
            await self.timeout(luck.expovariate(1 / w.CHAIN_EDGE_S))
            async with api:
                await self.timeout(luck.expovariate(1 / w.CHAIN_API_S))
                if not pool.try_acquire():
                    late = self.timeout(w.CHAIN_ACQUIRE_S)
                    first, _ = await FirstOf(env, connection=pool.acquire(), late=late)
                    if first == "late":
                        refused.append(self.now)
                        return
                hold = luck.expovariate(1 / w.CHAIN_QUERY_S)
                holds.append(hold)
                await self.timeout(hold)
                pool.release()
            took = self.now - start
            (latencies if took <= w.CHAIN_CLIENT_S else refused).append(took)

    _arrivals(env, lambda: luck.expovariate(w.CHAIN_RPS), Request)
    env.run(until=w.WARM_S[w.CHAIN])
    for seen in (latencies, holds, refused):
        seen.clear()
    cpu_s = _timed(env, w.WARM_S[w.CHAIN] + seconds)
    return steady(seconds, cpu_s, latencies, sum(holds) / w.CHAIN_POOL / seconds, len(refused))


def _shop(seconds: float, seed: int) -> Outcome:
    env, luck = Environment(), random.Random(seed)
    stations = {name: Resource(env, slots) for name, slots in w.shop_slots().items()}
    roots = [root for _, root in w.SHOP_ROUTES.values()]
    shares = [share for share, _ in w.SHOP_ROUTES.values()]
    latencies: list[float] = []
    late: list[float] = []

    async def visit(call: Call) -> None:
        async with stations[call.station]:
            await env.timeout(luck.expovariate(1 / call.work_s))
            for inner in call.calls:
                await visit(inner)

    class Request(Process):
        async def run(self) -> None:
            start = self.now
            await visit(luck.choices(roots, shares)[0])
            took = self.now - start
            (latencies if took <= w.SHOP_CLIENT_S else late).append(took)

    _arrivals(env, lambda: luck.expovariate(w.SHOP_RPS), Request)
    env.run(until=w.WARM_S[w.SHOP])
    latencies.clear()
    cpu_s = _timed(env, w.WARM_S[w.SHOP] + seconds)
    return steady(seconds, cpu_s, latencies, None, len(late))


def _storm(seconds: float, seed: int) -> Outcome:
    """The client waits for the answer or its time-out; the server's process goes on without it."""
    env, luck = Environment(), random.Random(seed)
    pool = Resource(env, w.STORM_POOL)
    good: list[float] = []
    tried: list[float] = []

    class Server(Process):
        def init(self, answer: Event) -> None:
            self.answer = answer

        async def run(self) -> None:
            async with pool:
                await self.timeout(luck.expovariate(1 / w.STORM_QUERY_S))
            self.answer.succeed()

    class Client(Process):
        async def run(self) -> None:
            for attempt in range(w.STORM_RETRIES + 1):
                if attempt:
                    await self.timeout(w.STORM_BACKOFF_S)
                tried.append(self.now)
                answer = Event(env)
                Server(env, answer)
                first, _ = await FirstOf(env, answer=answer, late=self.timeout(w.STORM_CLIENT_S))
                if first == "answer":
                    good.append(self.now)
                    return

    _arrivals(env, lambda: luck.expovariate(w.storm_rate(env.now)), Client)
    cpu_s = _timed(env, seconds)
    return storm_outcome(seconds, cpu_s, good, tried)
