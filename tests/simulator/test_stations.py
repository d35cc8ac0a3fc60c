"""Stationary tables: the recursion over the shares of pods, in whatever backend, is the one written down here."""

import math
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine import kernel, stations


def written_down(full: float, servers: int, room: int, load: float, pods: int) -> list[float]:
    again = 1.0 / pods
    apart = 1.0 - again
    ratio = load * (apart * full + again) / servers
    weights = [1.0]
    for _ in range(room - servers):
        weights.append(weights[-1] * ratio)
        if weights[-1] < 1e-18:
            break
        if weights[-1] > 1e200:
            weights = [w / 1e200 for w in weights]
    tail = [0.0] * (servers + 1)
    tail[servers] = full
    above = full - full * weights[0] / math.fsum(weights)
    for n in range(servers, 0, -1):
        both = tail[n] * (apart * tail[n] + again) + n * (tail[n] - above) / load
        tail[n - 1] = (math.sqrt(again * again + 4.0 * apart * max(both, 0.0)) - again) / (2.0 * apart)
        above = tail[n]
        if tail[n - 1] > 2.0:
            tail[:n] = [2.0] * n
            break
    return tail


@settings(deadline=None, max_examples=200)
@given(
    st.integers(1, 400), st.integers(0, 500), st.floats(0.01, 3.0), st.integers(2, 60), st.floats(-690.0, 0.0)
)
def test_the_shares_of_pods_are_those_of_the_recursion(
    servers: int, queue: int, rho: float, pods: int, log_full: float
) -> None:
    full = math.exp(log_full)
    tail, waiting = kernel.floats(servers + 1), kernel.floats(queue + 1)
    kernel.share_out(tail, waiting, full, rho * servers, 1.0 / pods)
    assert list(tail) == written_down(full, servers, servers + queue, rho * servers, pods)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 60), st.integers(0, 120), st.floats(0.01, 2.0), st.integers(2, 60))
def test_the_search_ends_where_all_pods_have_at_least_none_busy(
    servers: int, queue: int, rho: float, pods: int
) -> None:
    load, low, high = rho * servers, -690.0, 0.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if written_down(math.exp(middle), servers, servers + queue, load, pods)[0] >= 1.0:
            high = middle
        else:
            low = middle
    tail, waiting = kernel.floats(servers + 1), kernel.floats(queue + 1)
    assert kernel.fullest(tail, waiting, load, 1.0 / pods, -690.0, 0.0) == high


@settings(deadline=None, max_examples=300)
@given(st.lists(st.floats(0.0, 1e200, width=64), max_size=60), st.integers(0, 3))
def test_a_sum_is_rounded_once(values: list[float], halves: int) -> None:
    values += [2.0**-53] * halves + [1.0] * (halves % 2)  # ties, which only the whole sum decides
    filled = kernel.floats(len(values))
    filled[:] = array("d", values) if kernel.COMPILED else values
    assert kernel.total(filled, len(values)) == math.fsum(values)


@pytest.mark.parametrize(("servers", "room"), [(1, 1), (3, 40), (20, 25), (50, 900)])
def test_a_queue_with_an_end_is_the_birth_death_chain(servers: int, room: int) -> None:
    points = stations.closed_curve(servers, room, 0.7)
    for step in (1, 40, 130, 259):
        load = servers * (3.0 * (step / 260) ** 1.5 + 1e-9)
        logs = [0.0]
        for n in range(1, room + 1):
            logs.append(logs[-1] + math.log(load / min(n, servers)))
        weights = [math.exp(x - max(logs)) for x in logs]
        all_ = math.fsum(weights)
        busy = math.fsum(min(n, servers) * w for n, w in enumerate(weights)) / all_
        content = math.fsum(n * w for n, w in enumerate(weights)) / all_
        assert points[step] == (busy + 0.7 * (content - busy), busy)
