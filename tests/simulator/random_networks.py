"""What the random networks of both engines' tests have in common. No engine is imported here."""

from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "c")
BUDGET = {"ratio": 0.2, "per_s": 1, "burst": 5}
BREAKER = {"window": 10, "failure_rate": 0.5, "open_s": 1, "half_open_calls": 3}


def policies(timeouts_ms: list[int], backoffs_ms: list[int]) -> st.SearchStrategy[dict[str, Any]]:
    """How a caller calls; without any policy of its own, no half of one either."""
    return st.fixed_dictionaries(
        {},
        optional={
            "timeout_ms": st.sampled_from(timeouts_ms),
            "retries": st.integers(0, 3),
            "backoff_ms": st.sampled_from(backoffs_ms),
            "backoff_factor": st.sampled_from([1.0, 2.0]),
            "jitter": st.sampled_from([0.0, 0.5]),
            "retry_budget": st.just(BUDGET),
            "breaker": st.just(BREAKER),
            "optional": st.booleans(),
        },
    ).map(lambda policy: policy if policy.keys() & {"timeout_ms", "retries", "breaker", "optional"} else {})
