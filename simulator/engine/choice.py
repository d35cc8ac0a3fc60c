"""Which engine a network needs: the cohort engine moves means, and small stations live by their luck."""

import math
from dataclasses import dataclass

from simulator.engine.exact import events_per_request
from simulator.engine.network import CPU, ENTER, QUERY, Network, one_walk
from simulator.scenario import Scenario

SMALL = 8  # slots of a station up to which single requests matter
LOADED = 0.3  # share of a small station's capacity that is asked for, from which on they do
EVENTS_PER_S = 15_000  # what the exact engine can follow at several times real time


@dataclass(frozen=True)
class Choice:
    """The engine to use, and why it is not the cohort engine (or why it should not be)."""

    engine: str
    reason: str


def event_rate(network: Network, scenario: Scenario) -> float:
    """Events a second of the exact engine, at the height of the traffic's profile."""
    events = events_per_request(network)
    rps = scenario.traffic.rps * max((factor for _, factor in scenario.traffic.profile), default=1.0)
    return sum(spec.share * rps * n for spec, n in zip(network.classes, events, strict=True))


def small_stations(network: Network, scenario: Scenario) -> list[str]:
    """Names of stations with few slots that are asked for much of what they have."""
    asked: dict[str, float] = {}
    for spec in network.classes:
        rate = spec.share * scenario.traffic.rps
        walk = one_walk(network, spec.first)
        for i in walk:
            node = network.nodes[i]
            for g in node.held:
                group = network.groups[g]
                key = f"{group.service} ({group.limit_per_pod} slots a pod)"
                if group.limit_per_pod <= SMALL and group.pods and node.kind != ENTER:
                    asked[key] = asked.get(key, 0.0) + rate * node.mean_s / (group.pods * group.limit_per_pod)
            if node.kind == QUERY:
                pool = network.pools[node.pool]
                cores = network.databases[pool.database].cores
                slots = min(float(pool.limit), float(cores))
                if slots <= SMALL and not math.isinf(slots):
                    key = f"{pool.name} ({slots:g} at once)"
                    asked[key] = asked.get(key, 0.0) + rate * node.mean_s / slots
            if node.kind == CPU:
                group = network.groups[node.group]
                if group.pods and group.cpu_limit <= SMALL:
                    key = f"{group.service} (CPU {group.cpu_limit:g})"
                    asked[key] = asked.get(key, 0.0) + rate * node.mean_s / (group.pods * group.cpu_limit)
    return [name for name, share in asked.items() if share >= LOADED]


def choose(network: Network, scenario: Scenario) -> Choice:
    """The cohort engine, unless small loaded stations make single requests matter and there are few."""
    small = small_stations(network, scenario)
    if not small:
        return Choice("cohort", "")
    names = ", ".join(small[:3]) + (" …" if len(small) > 3 else "")
    if event_rate(network, scenario) <= EVENTS_PER_S:
        return Choice("exact", f"small stations: {names}")
    return Choice("cohort", f"too many requests for the exact engine; approximate at small stations: {names}")
