"""Stationary tables of stations: how many servers are busy, in the mean, with so many in the system.

The cohort kernel moves mean values. What randomness adds (some wait although servers are free in the
mean) it takes from here: the busy share at a mean content N is that of the stationary station whose mean
content is N (the pointwise stationary fluid approximation: Wang, Tipper, Banerjee, Oper. Res. 44, 1996).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from simulator.engine import kernel
from simulator.engine.codes import GRID, NEAR, REACH, WIDE

Point = tuple[float, float]  # (content, busy)

RAREST = -690.0  # logarithm of the smallest share of full pods that is looked for
LOADS = 260  # offered loads a curve is computed at
UNLIKELY = 25.0  # logarithm of how much rarer than the likeliest a state is that is left out
CURVE_LIMIT = 3000  # states beyond which a birth-death chain is cut


def erlang_c(servers: int, load: float) -> float:
    """Erlang's C: the chance to wait in M/M/c with offered load `load` < servers."""
    blocked = kernel.erlang_b(servers, load)
    return blocked / (1.0 - load / servers * (1.0 - blocked))


def open_curve(servers: int, spread: float) -> list[Point]:
    """(content, busy) of M/G/c with unlimited room, at rising loads.

    `spread` multiplies the mean queue of M/M/c: (1 + squared coefficient of variation) / 2 (Lee and
    Longton 1959); exact for M/M/c and for M/G/1.
    """
    points = [(0.0, 0.0)]
    for step in range(1, LOADS):
        rho = (
            step / LOADS if step < LOADS // 2 else 1.0 - 0.5 * (1.0 - (step - LOADS // 2) / (LOADS // 2)) ** 3
        )
        if rho >= 1.0:
            break
        wait = erlang_c(servers, rho * servers)
        points.append((rho * servers + spread * wait * rho / (1.0 - rho), rho * servers))
    return points


def closed_curve(servers: int, room: int, spread: float) -> list[Point]:
    """The same with at most `room` in the system (M/M/c/room): at a full house every server is busy."""
    points = [(0.0, 0.0)]
    weights, counts = kernel.floats(room + 1), kernel.floats(room + 1)
    for step in range(1, LOADS):
        load = servers * (3.0 * (step / LOADS) ** 1.5 + 1e-9)
        kernel.crowded(weights, servers, load)
        counts[:] = weights
        all_ = kernel.total(weights, room + 1)
        busy = kernel.weighed(weights, room + 1, servers) / all_
        content = kernel.weighed(counts, room + 1, room) / all_
        points.append((busy + spread * (content - busy), busy))
    points.append((float(room), float(servers)))
    return points


def alike(servers: int, pods: int) -> float:
    """The exponent by which the two waits of `choice_curve` add up: 1 is plainly, 2 as at a right angle.

    Fitted to simulated pods of 1-20 slots at 60-95 %; within 17 % of them, where a plain sum is up to half too long.
    """
    return 1.0 + max(0.0, (5 - pods) / 3.0) * min(1.0, 4.0 / servers)


def both(one: float, other: float, exponent: float) -> float:
    """Two waits that partly coincide."""
    if one <= 0.0 or other <= 0.0 or exponent == 1.0:
        return one + other
    most = max(one, other)
    return most * float(((one / most) ** exponent + (other / most) ** exponent) ** (1.0 / exponent))


@lru_cache(maxsize=64)  # near ones differ in their spread alone
def choice_curve(servers: int, room: int, pods: int) -> Sequence[Point]:
    """Per pod, when the one with more free slots of two random pods is taken (Mitzenmacher 1996).

    Two full pods look alike, however many wait in them. Arrivals that lift pods from n - 1 to n balance
    departures: up to the slots by squares of the shares, beyond them geometrically. That is exact for
    many pods; few wait together, too, when all are full at once (Erlang's C over all their slots). Few small pods
    do both at the same times: there the two waits add up less, `alike` says how much less.
    """
    points = [(0.0, 0.0)]
    again = 1.0 / pods
    tail, waiting = kernel.floats(servers + 1), kernel.floats(room - servers + 1)
    for step in range(1, LOADS):
        load = servers * (2.0 * (step / LOADS) ** 1.2 + 1e-9)
        kernel.share_out(tail, waiting, math.exp(RAREST), load, again)
        if tail[0] >= 1.0:
            points.append((load, load))  # pods are full more rarely than a float can say
            continue
        full = math.exp(kernel.fullest(tail, waiting, load, again, RAREST, 0.0))
        count = kernel.queued(waiting, kernel.share_out(tail, waiting, full, load, again), math.inf)
        weight = kernel.total(waiting, count)
        queue = full * kernel.weighed(waiting, count, count) / weight
        tail[0] = 0.0
        busy = kernel.total(tail, servers + 1)
        rho = busy / servers
        together = erlang_c(servers * pods, busy * pods) if rho < 0.999 else 1.0
        queue = both(queue, together * rho / max(1e-3, 1.0 - rho) / pods, alike(servers, pods))
        points.append((busy + queue, busy))
    points.append((float(room), float(servers)))
    return points


def _gridded(points: list[Point], servers: float) -> tuple[float, ...]:
    """Busy share on the even grid of content / servers."""
    points = sorted(points)
    busy = []
    j = 0
    for step in range(GRID + WIDE):
        near = step * NEAR / GRID
        content = servers * (near if step < GRID else NEAR + (step - GRID) * (REACH - NEAR) / WIDE)
        while j + 1 < len(points) and points[j + 1][0] < content:
            j += 1
        if j + 1 >= len(points):
            # beyond the heaviest load computed: free servers fade with the inverse of the queue
            last = points[-1]
            over = content - servers
            idle = max(0.0, 1.0 - last[1] / servers) * max(last[0] - servers, 0.0) / over if over > 0 else 0.0
            busy.append(1.0 - min(1.0, idle))
            continue
        (x0, b0), (x1, b1) = points[j], points[j + 1]
        part = (content - x0) / (x1 - x0) if x1 > x0 else 0.0
        busy.append(min(1.0, (b0 + (b1 - b0) * part) / servers))
    return tuple(busy)


@lru_cache(maxsize=512)
def shared_times(cores: int, slow: float) -> tuple[list[float], list[float]]:
    """How unlike each other the times are of jobs that share `cores`, when they take `slow` times as long in the mean.

    Returns how likely at most 0, 1, … others are there when one comes, and by how much longer than the mean such a
    one takes. It is M/M/c with processor sharing, at the load that slows so; a job that finds n others gets faster
    or slower as they leave and more come, so its mean time is the solution of one linear equation for each n.
    """
    low, high = 0.0, 0.995
    for _ in range(30):
        rho = 0.5 * (low + high)
        if 1.0 + erlang_c(cores, rho * cores) / (1.0 - rho) / cores < slow:
            low = rho
        else:
            high = rho
    coming = low * cores
    chances, top = [0.0], 0.0
    while chances[-1] > top - UNLIKELY and len(chances) < CURVE_LIMIT:
        chances.append(chances[-1] + math.log(coming / min(len(chances), cores)))
        top = max(top, chances[-1])
    chances = [math.exp(x - top) for x in chances]
    times = _shared_means(cores, coming, len(chances))
    all_ = math.fsum(chances)
    mean = math.fsum(x * t for x, t in zip(chances, times, strict=True)) / all_
    return list(accumulate(x / all_ for x in chances)), [t / mean for t in times]


def _shared_means(cores: int, coming: float, states: int) -> list[float]:
    """Mean time, in times alone, of a job that finds 0, 1, … others at shared cores: a tridiagonal system."""
    ratio, times = [0.0] * states, [0.0] * states
    for n in range(states):
        each = min(1.0, cores / (n + 1))
        more = coming if n < states - 1 else 0.0
        left = n * each
        pivot = more + left + each - (left * ratio[n - 1] if n else 0.0)
        ratio[n] = more / pivot
        times[n] = (1.0 + (left * times[n - 1] if n else 0.0)) / pivot
    for n in range(states - 2, -1, -1):
        times[n] += ratio[n] * times[n + 1]
    return times


def finite(servers: int, room: int) -> int | None:
    """What a station of `servers` holds at most, or None where the limit is too far off to matter."""
    return max(room, servers) if 0 < room <= min(60 * servers, CURVE_LIMIT) else None


@lru_cache(maxsize=256)
def table(servers: int, room: int | None, spread: float, pods: int) -> tuple[float, ...]:
    """Busy share on the grid for `pods` stations of `servers` slots each.

    `room` is what one station holds at most, waiting included (see `finite`); `spread` as in `open_curve`.
    Several pods are chosen by two random choices.
    """
    if pods > 1:
        most = min(room or CURVE_LIMIT, servers * 8 + 50)
        points = [
            (busy + spread * (content - busy), busy) for content, busy in choice_curve(servers, most, pods)
        ]
    elif room is None:
        points = open_curve(servers, spread)
    else:
        points = closed_curve(servers, room, spread)
    return _gridded(points, float(servers))


@lru_cache(maxsize=256)
def loss_table(servers: int) -> tuple[float, ...]:
    """The chance that all are busy (Erlang's B) on the grid of mean busy servers, for a station without room."""
    points = [(0.0, 0.0)]
    for step in range(1, LOADS):
        load = servers * (4.0 * (step / LOADS) ** 2 + 1e-9)
        blocked = kernel.erlang_b(servers, load)
        points.append((load * (1.0 - blocked), blocked * servers))
    points.append((float(servers), float(servers)))
    return _gridded(points, float(servers))
