"""Stationary tables: the recursion over the shares of pods, in whatever backend, is the one written down here."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine import stations


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
def test_the_search_and_the_distribution_agree(
    servers: int, queue: int, rho: float, pods: int, log_full: float
) -> None:
    given_ = (math.exp(log_full), servers, servers + queue, rho * servers, pods)
    expected = written_down(*given_)
    assert list(stations._shares(*given_)[0]) == expected
    assert stations._too_full(*given_) == (expected[0] >= 1.0)
