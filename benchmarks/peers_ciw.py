"""The workloads of `dropprod bench peers` in Ciw: a network of queues, records of every visit.

A Ciw customer is at one node at a time: a slot cannot be held while another node works, so the chain is a
tandem here. That changes no figure as long as the API's slots are not the bottleneck, and they are not.
"""

import time
from typing import Any

import ciw

from benchmarks import peers_workloads as w
from benchmarks.peers_workloads import Outcome, steady


def run(workload: str, seconds: float, seed: int) -> Outcome:
    """Only `mmc` and `chain`: see `benchmarks.peers.MODELS`."""
    ciw.seed(seed)
    return {w.MMC: _mmc, w.CHAIN: _chain}[workload](seconds)


def _mmc(seconds: float) -> Outcome:
    found = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(w.MMC_RPS)],
        service_distributions=[ciw.dists.Exponential(1 / w.MMC_SERVICE_S)],
        number_of_servers=[w.MMC_SERVERS],
    )
    return _measure(found, w.MMC, seconds, w.MMC_SERVERS)


def _chain(seconds: float) -> Outcome:
    means = (w.CHAIN_EDGE_S, w.CHAIN_API_S, w.CHAIN_QUERY_S)
    found = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(w.CHAIN_RPS), None, None],
        service_distributions=[ciw.dists.Exponential(1 / mean) for mean in means],
        number_of_servers=[float("inf"), float("inf"), w.CHAIN_POOL],
        reneging_time_distributions=[None, None, ciw.dists.Deterministic(w.CHAIN_ACQUIRE_S)],
        routing=[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]],
    )
    return _measure(found, w.CHAIN, seconds, w.CHAIN_POOL)


def _measure(found: Any, workload: str, seconds: float, servers: int) -> Outcome:
    """A Ciw run cannot be stopped and resumed: it is timed whole, its first second left out of the figures."""
    simulation = ciw.Simulation(found)
    warm = w.WARM_S[workload]
    began = time.process_time()
    simulation.simulate_until_max_time(warm + seconds)
    cpu_s = time.process_time() - began
    records = simulation.get_all_records()
    last = found.number_of_nodes
    start = {r.id_number: r.arrival_date for r in records if r.node == 1}
    ended = [r for r in records if r.node == last and r.exit_date >= warm]
    served = [r for r in ended if r.record_type == "service"]
    latencies = [r.exit_date - start[r.id_number] for r in served]
    busy = sum(r.service_time for r in served) / servers / seconds
    return steady(warm + seconds, cpu_s, latencies, busy, len(ended) - len(served))
