"""Random small networks under random acts: the cohort kernel's books balance, and all drains."""

from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from simulator.engine import kernel as kn
from simulator.engine.cohort import CohortPlane
from simulator.scenario import ScenarioError, parse
from tests.depth import examples
from tests.simulator.engine_scenes import (
    ACTS,
    act,
    check_books,
    check_ledger,
    networks,
    plane_of,
    settle,
    values,
)

TICKS = 20  # between two acts
APART = 5  # ticks between two looks at where everybody is, after the first ones; the sums are checked at every tick


def built(raw: dict[str, Any]) -> Any:
    """A plane whose sums are checked after every tick. Leaves out networks that unfold to too many nodes."""
    try:
        plane = plane_of(parse(raw, "bare"))
    except ScenarioError:
        assume(False)
        raise

    def advance(to_s: float) -> None:
        while plane.now_s + plane.kernel.dt < to_s:
            ticks = plane.kernel.tick
            CohortPlane.advance(plane, (ticks + 1) * plane.kernel.dt)
            check_ledger(plane)
            if plane.kernel.tick == ticks:  # calm: it waits for a long step
                break
        CohortPlane.advance(plane, to_s)
        check_ledger(plane)

    plane.advance = advance
    return plane


@settings(
    max_examples=examples(5, 14),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),
)
@given(networks(), st.lists(st.sampled_from(ACTS), min_size=1, max_size=5))
def test_the_books_balance_and_everything_drains(raw: dict[str, Any], acts: list[tuple[Any, ...]]) -> None:
    plane = built(raw)
    k = plane.kernel
    tick = 0
    for what in [None, *acts, None]:
        if what is not None:
            act(plane, what)
            check_books(plane)
        for n in range(TICKS):
            tick += 1
            plane.advance(tick * k.dt)
            if n < 2 or n % APART == 0:
                check_books(plane)
        assert kn.imbalance(k) < 1e-6 * max(1.0, sum(k.outstanding))
    settle(plane)
    check_books(plane)
    for name in ("group_busy", "group_draining", "pool_busy", "queue_total", "outstanding", "retry_total"):
        left = max(map(abs, values(getattr(k, name))), default=0.0)
        assert left < 1e-4, (name, left)
