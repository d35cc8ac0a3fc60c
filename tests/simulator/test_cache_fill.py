"""How full a cache is: the compiled steps are the ones written down here, and entries live for a TTL."""

import importlib.util
import math
from array import array
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine import kernel
from simulator.engine.keys import CacheFill
from simulator.scenario import KeySpace

BINS = st.lists(
    st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 0.3), st.floats(1e-6, 1.0), st.integers(1, 10**6)),
    min_size=1,
    max_size=12,
)


def as_it_is() -> ModuleType:
    """The kernel's own source, uncompiled."""
    path = Path(kernel.__file__).parent / "kernel.py"
    spec = importlib.util.spec_from_file_location("kernel_as_it_is", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PLAIN = as_it_is()


@settings(deadline=None, max_examples=100)
@given(BINS, st.floats(0.0, 1e5), st.sampled_from([0.05, 1.0]), st.sampled_from([0.5, 40.0, math.inf]))
def test_both_backends_fill_alike(
    bins: list[tuple[float, float, float, int]], per_s: float, seconds: float, life: float
) -> None:
    found = []
    for module in (kernel, PLAIN):
        held, gone, share, keys = (array("d", column) for column in zip(*bins, strict=True))
        filled, into = array("d", bytes(8 * len(bins))), array("d", bytes(8 * len(bins)))
        hits = module.fill_cache(held, filled, gone, share, keys, per_s, seconds, life)
        within = module.characteristic_s(into, share, keys, per_s + 1.0, 0.4 * sum(keys))
        found.append((hits, held, filled, into, within))
    assert found[0] == found[1]


def written_down(
    present: float, left: float, per_s: float, seconds: float, life: float
) -> tuple[float, float]:
    """(held after, mean held) of one bin of one key."""
    rate = per_s + 1.0 / life
    if rate * seconds < 1e-12:
        return max(0.0, present - left), max(0.0, present - left)
    steady, part = (per_s - left / seconds) / rate, math.exp(-rate * seconds)
    over = (1.0 - part) / (rate * seconds)
    after, mean = (min(1.0, max(0.0, steady + (present - steady) * x)) for x in (part, over))
    return after, mean


@settings(deadline=None, max_examples=200)
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1e4), st.sampled_from([0.05, 1.0, 7.0]))
def test_a_bin_moves_as_its_equation_says(
    present: float, leaving: float, per_s: float, seconds: float
) -> None:
    held, filled = array("d", (present,)), array("d", (0.0,))
    one = array("d", (1.0,))
    hits = kernel.fill_cache(held, filled, array("d", (leaving,)), one, one, per_s, seconds, math.inf)
    left = min(leaving, present)
    assert (held[0], hits) == written_down(present, left, per_s, seconds, math.inf)
    assert filled[0] == max(0.0, held[0] - present + left)


@pytest.mark.parametrize("ttl_s", [0.3, 4.0, 7.5])
def test_what_is_filled_is_gone_a_ttl_later(ttl_s: float) -> None:
    cache = CacheFill(KeySpace(count=300, zipf=0.9), ttl_s, None)
    cache.step(1e9, 1.0)
    held = [cache.hit_ratio()]
    for _ in range(10):
        cache.step(0.0, 1.0)
        held.append(cache.hit_ratio())
    assert held == sorted(held, reverse=True)
    assert held[0] > 0.0 and held[math.ceil(ttl_s) + 1] == pytest.approx(0.0, abs=1e-9)


def test_a_look_ahead_changes_nothing() -> None:
    cache = CacheFill(KeySpace(count=5000, zipf=0.7), 5.0, None)
    for _ in range(8):
        cache.step(900.0, 1.0)
    before = cache.present[:], [(f.until, f.share[:]) for f in cache.fills], cache.clock, cache.reached
    cache.coming_hit_ratio(50.0)
    assert before == (cache.present, [(f.until, f.share) for f in cache.fills], cache.clock, cache.reached)
