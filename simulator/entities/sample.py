"""Which entities are played: every one up to a limit, above it a sample whose members carry a weight.

Arrivals are a Poisson stream whose rate the caller sets as often as it likes; the k-th arrival comes when the
integral of the rate reaches the k-th threshold, so the stream depends on the rates alone and not on how
often time was advanced. An entity of weight w stands for w like it: the sum of the weights of what was
played has the expectation of the count in the world, and so has any sum of value times weight.
"""

from dataclasses import dataclass

from simulator.engine.streams import exponential, mix64, uniform
from simulator.entities.conditions import FOREVER
from simulator.entities.timers import SECOND

LIMIT_PER_S = 150.0  # above this an exact run would not stay far ahead of the clock


@dataclass(slots=True)
class Arrivals:
    """The starts of one stream of entities.

    `limit` is the highest rate played (per second); 0 means no limit, as for a hot key whose every entity
    counts. `keep` thins a replay further: it drops entities by their own luck, so what a thin replay plays
    are some of the very entities of the full run.
    """

    luck: int
    limit: float = LIMIT_PER_S
    keep: float = 1.0
    rate: float = 0.0
    count: int = 0
    reached: float = 0.0  # the integral of the played rate up to `since_ns`
    since_ns: int = 0
    threshold: float = 0.0
    generation: int = 0

    def __post_init__(self) -> None:
        self.threshold = exponential(self.luck, 0, 1.0)

    def played(self) -> float:
        """Arrivals a second that are generated (before `keep`)."""
        return min(self.rate, self.limit) if self.limit else self.rate

    def weight(self) -> float:
        """What an entity that starts now stands for."""
        return self.rate / self.played() / self.keep if self.rate > 0 else 1.0

    def set_rate(self, now_ns: int, per_s: float) -> bool:
        """The world's rate from now on; False if nothing changed (a time already asked for still holds)."""
        if per_s == self.rate:
            return False
        self.reached += self.played() * (now_ns - self.since_ns) / SECOND
        self.since_ns, self.rate = now_ns, per_s
        self.generation += 1
        return True

    def next_ns(self) -> int:
        """When the next entity arrives at the present rate."""
        played = self.played()
        if played <= 0:
            return FOREVER
        return max(self.since_ns + int((self.threshold - self.reached) / played * SECOND), self.since_ns)

    def take(self) -> tuple[int, bool]:
        """The arrival that is due: (its number from 0, whether it is played)."""
        number = self.count
        self.count += 1
        self.threshold += exponential(self.luck, self.count, 1.0)
        return number, chosen(self.luck, number, self.keep)


def chosen(luck: int, number: int, keep: float) -> bool:
    """Whether a thinned run plays entity `number`; a smaller `keep` plays a subset."""
    return keep >= 1.0 or uniform(mix64(luck ^ mix64(number)), 1 << 20) < keep


def weight_of(luck: int, number: int, rate: float, limit: float, hot: bool = False) -> float:
    """The weight of an entity that already exists in a stream of `rate` per second, 0 if it is left out.

    For streams that are numbered by somebody else (a data plane's requests). A hot entity is always in, with
    weight 1; of the others each is in with probability limit/rate and weight rate/limit.
    """
    if hot or rate <= limit:
        return 1.0
    return rate / limit if chosen(luck, number, limit / rate) else 0.0
