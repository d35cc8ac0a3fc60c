"""Where pods and clients are: pods over data centres, clients over DNS answers. Shared by both engines."""

from simulator.engine.network import Network
from simulator.scenario import Scenario


def shares_of(
    net: Network, service: str, version: str, wanted: int, place: str = ""
) -> list[tuple[int, int]]:
    """(group, pods) for `wanted` pods of a version: in one data centre, or spread as the service began.

    A service without any pod at the start spreads evenly; remainders go to the first. Raises KeyError for
    a version or a place that does not exist.
    """
    groups = net.group_indices(service, version, place)
    if place:
        return [(groups[0], wanted)]
    began = {g.place: 0 for g in net.groups if g.service == service}
    for group in net.groups:
        if group.service == service:
            began[group.place] += group.pods
    weights = [began[net.groups[g].place] for g in groups]
    if not any(weights):
        weights = [1] * len(groups)
    total = sum(weights)
    counts = [wanted * w // total for w in weights]
    rests = sorted(range(len(groups)), key=lambda n: (-(wanted * weights[n] % total), n))
    for n in rests[: wanted - sum(counts)]:
        counts[n] += 1
    return list(zip(groups, counts, strict=True))


class Dns:
    """Which data centre clients go to: they follow a change evenly over the TTL; a share never does."""

    def __init__(self, scenario: Scenario) -> None:
        self.places = list(scenario.datacenters)
        self.ttl_s = scenario.dns.ttl_s
        self.stuck = scenario.dns.stuck
        weights = [d.weight for d in scenario.datacenters.values()]
        total = sum(weights) or 1.0
        self.first = [w / total for w in weights]
        self.old = self.first
        self.new = self.first
        self.since_s = -1e18

    def moving(self, now_s: float) -> bool:
        """Whether answers of before a change are still cached somewhere (one second of grace)."""
        return now_s <= self.since_s + self.ttl_s + 1.0

    def change(self, now_s: float, weights: dict[str, float]) -> None:
        """Raises KeyError for a data centre that does not exist, ValueError when nothing is left."""
        for name in weights:
            if name not in self.places:
                raise KeyError(name)
        values = [max(0.0, weights.get(p, 0.0)) for p in self.places]
        if sum(values) <= 0.0:
            raise ValueError("the weights of the data centres sum to 0")
        self.old = self._willing(now_s)
        self.new = [v / sum(values) for v in values]
        self.since_s = now_s

    def set_ttl(self, now_s: float, ttl_s: float) -> None:
        """Answers given from now on live so long; a change under way goes on at the new pace."""
        self.old, self.since_s = self._willing(now_s), now_s
        self.ttl_s = ttl_s

    def _willing(self, now_s: float) -> list[float]:
        """Shares of the clients that re-resolve."""
        part = min(1.0, (now_s - self.since_s) / self.ttl_s)
        return [a + (b - a) * part for a, b in zip(self.old, self.new, strict=True)]

    def shares(self, now_s: float) -> list[float]:
        """Shares of all clients by data centre."""
        willing = self._willing(now_s)
        return [self.stuck * f + (1.0 - self.stuck) * w for f, w in zip(self.first, willing, strict=True)]
