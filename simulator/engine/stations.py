"""Stationary tables of stations: how many servers are busy, in the mean, with so many in the system.

The cohort kernel moves mean values. What randomness adds (some wait although servers are free in the
mean) it takes from here: the busy share at a mean content N is that of the stationary station whose mean
content is N (the pointwise stationary fluid approximation: Wang, Tipper, Banerjee, Oper. Res. 44, 1996).
"""

import math
from array import array
from collections.abc import Sequence
from functools import lru_cache

from simulator.engine import kernel
from simulator.engine.codes import GRID, NEAR, REACH, WIDE

Point = tuple[float, float]  # (content, busy)

GREAT, FAINT = 1e200, 1e-18
LOADS = 260  # offered loads a curve is computed at
CURVE_LIMIT = 3000  # states beyond which a birth-death chain is cut


def erlang_b(servers: int, load: float) -> float:
    """Erlang's B: the share that M/M/c/c turns away at offered load `load`."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """Erlang's C: the chance to wait in M/M/c with offered load `load` < servers."""
    blocked = erlang_b(servers, load)
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
    for step in range(1, LOADS):
        load = servers * (3.0 * (step / LOADS) ** 1.5 + 1e-9)
        logs, log_p = [0.0], 0.0
        for n in range(1, room + 1):
            log_p += math.log(load / min(n, servers))
            logs.append(log_p)
        top = max(logs)
        weights = [math.exp(x - top) for x in logs]
        total = math.fsum(weights)
        busy = math.fsum(min(n, servers) * w for n, w in enumerate(weights)) / total
        content = math.fsum(n * w for n, w in enumerate(weights)) / total
        points.append((busy + spread * (content - busy), busy))
    points.append((float(room), float(servers)))
    return points


def choice_curve(servers: int, room: int, pods: int) -> list[Point]:
    """Per pod, when the one with more free slots of two random pods is taken (Mitzenmacher 1996).

    Two full pods look alike, however many wait in them. Arrivals that lift pods from n - 1 to n balance
    departures: up to the slots by squares of the shares, beyond them geometrically. That is exact for
    many pods; few wait together, too, when all are full at once (Erlang's C over all their slots).
    """
    points = [(0.0, 0.0)]
    for step in range(1, LOADS):
        load = servers * (2.0 * (step / LOADS) ** 1.2 + 1e-9)
        low, high = -690.0, 0.0
        if _too_full(math.exp(low), servers, room, load, pods):
            points.append((load, load))  # pods are full more rarely than a float can say
            continue
        for _ in range(60):
            middle = 0.5 * (low + high)
            if _too_full(math.exp(middle), servers, room, load, pods):
                high = middle
            else:
                low = middle
        full = math.exp(high)
        tail, weights = _shares(full, servers, room, load, pods)
        waiting = full * math.fsum(n * w for n, w in enumerate(weights)) / math.fsum(weights)
        busy = math.fsum(tail[1:])
        rho = busy / servers
        together = erlang_c(servers * pods, busy * pods) if rho < 0.999 else 1.0
        waiting += together * rho / max(1e-3, 1.0 - rho) / pods
        points.append((busy + waiting, busy))
    points.append((float(room), float(servers)))
    return points


def _queued(full: float, servers: int, room: int, load: float, pods: int) -> Sequence[float]:
    """How often 0, 1, … wait in a full pod, up to a factor, if a share `full` of the pods is full."""
    again = 1.0 / pods
    ratio = load * ((1.0 - again) * full + again) / servers
    even = array("d", bytes(8 * (room - servers + 1)))
    count = kernel.geometric(even, ratio, FAINT, GREAT)
    if count:
        return even[:count]
    weights = [1.0]
    for _ in range(room - servers):
        weights.append(weights[-1] * ratio)
        if weights[-1] > GREAT:  # a long queue in overload: only the proportions count
            weights = [w / GREAT for w in weights]
    return weights


def _shares(
    full: float, servers: int, room: int, load: float, pods: int
) -> tuple[Sequence[float], Sequence[float]]:
    """(shares of pods with at least 0 … `servers` busy, how often 0, 1, … wait in a full one up to a factor).

    `full` is the share that is full. Both draws meet such a share x of the pods with a chance of x squared, and of few
    pods more often: each is drawn twice now and then.
    """
    waiting = _queued(full, servers, room, load, pods)
    tail = array("d", bytes(8 * servers)) + array("d", (full,))
    kernel.descend(tail, full * waiting[0] / math.fsum(waiting), load, 1.0 / pods)
    return tail, waiting


def _too_full(full: float, servers: int, room: int, load: float, pods: int) -> bool:
    """Whether more than all pods would have at least none busy."""
    return _shares(full, servers, room, load, pods)[0][0] >= 1.0


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
        blocked = erlang_b(servers, load)
        points.append((load * (1.0 - blocked), blocked * servers))
    points.append((float(servers), float(servers)))
    return _gridded(points, float(servers))
