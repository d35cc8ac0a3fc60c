"""What queueing theory knows for sure, for benchmarks and tests. Nothing an engine computes with comes from here."""

from collections.abc import Callable


def erlang_b(servers: int, load: float) -> float:
    """The share refused by M/M/c/c."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """The chance to wait in M/M/c with offered load `load` < servers."""
    blocked = erlang_b(servers, load)
    return blocked / (1.0 - load / servers * (1.0 - blocked))


def quantile(survival: Callable[[float], float], scale: float = 1.0, q: float = 0.99) -> float:
    """Where a falling survival function reaches 1 - q, by bisection; `scale` is where to begin to look."""
    low, high = 0.0, scale
    while survival(high) > 1.0 - q:
        high *= 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if survival(middle) > 1.0 - q else (low, middle)
    return high
