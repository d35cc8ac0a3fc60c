"""Stationary tables: what the search asks of a share of full pods is what the whole distribution says."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine import stations


@settings(deadline=None, max_examples=200)
@given(
    st.integers(1, 400), st.integers(0, 500), st.floats(0.01, 3.0), st.integers(2, 60), st.floats(-690.0, 0.0)
)
def test_the_search_and_the_distribution_agree(
    servers: int, queue: int, rho: float, pods: int, log_full: float
) -> None:
    given_ = (math.exp(log_full), servers, servers + queue, rho * servers, pods)
    assert stations._too_full(*given_) == (stations._shares(*given_)[0][0] >= 1.0)
