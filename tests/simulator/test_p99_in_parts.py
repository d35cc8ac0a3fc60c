"""Percentiles found out a few seconds at a time are those that are found out at once."""

from __future__ import annotations

from simulator import run
from simulator.scenario import load


def test_parts_make_the_whole() -> None:
    scenario = load("payment-pool")
    whole, parts = (run.make_world(scenario, 3) for _ in range(2))
    for world in (whole, parts):
        world.advance_to(6.0)
    lengths, joined = [], []
    while len(joined) < 40:
        if parts.now_s < 40.0:
            parts.advance_to(min(40.0, parts.now_s + 11.0))  # time goes on between the parts
        table = run.series(parts, len(joined), most_new=7)
        lengths.append(len(table["t"]))
        joined += table["p99_ms"]
        assert {len(values) for values in table.values()} == {len(table["t"])}
    whole.advance_to(40.0)
    assert max(lengths) == 7
    assert joined == run.series(whole)["p99_ms"]
    assert whole.digest() == parts.digest()
