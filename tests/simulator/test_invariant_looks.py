"""A checker that keeps what it has read says what it says of the whole history read anew, and reads it once."""

import pytest

from simulator.entities.history import History
from simulator.invariants import CHECKERS, OPEN_S, judge
from simulator.scenario import load, varied
from simulator.world import World


def anew(world, spec):
    """The same over records written down, and an audit written down."""
    assert world.entities is not None
    checker = CHECKERS[spec.check]
    more = {"final": list(world.entities.audit())} if checker.final else {}
    if spec.check == "saga_atomic":
        more |= {"now_ns": world.entities.now_ns, "older_ns": int(OPEN_S * 1e9)}
    elif spec.check in ("delivered", "paid_for", "ledger"):
        more["now_ns"] = world.entities.now_ns
    return checker.run(list(world.entities.history), **more, **spec.args)


@pytest.mark.parametrize(
    ("scenario", "until_s"), [("saga-stuck", 520), ("race-15-services", 420), ("deadlock", 400), ("hot-shard", 420), ("kafka-lost-orders", 360)]
)  # fmt: skip
def test_looks_agree_with_a_fresh_reading_at_any_time(scenario: str, until_s: int) -> None:
    world = World(varied(load(scenario), 1), 1)
    specs = [s for s in world.scenario.invariants.values() if s.check in CHECKERS and CHECKERS[s.check].keeps]
    assert specs
    broken = False
    for at_s in range(120, until_s, 100):
        world.advance_to(float(at_s))
        if at_s == 320:
            world = world.fork()  # a fork begins to read anew
        for spec in specs:
            answer = judge(world, spec)
            assert answer == anew(world, spec)
            broken = broken or not answer.ok
    assert broken or scenario in ("kafka-lost-orders", "hot-shard"), (
        "nothing ever went wrong: nothing was compared"
    )


def test_a_look_reads_new_records_only(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(varied(load("saga-stuck"), 1), 1)
    world.advance_to(200.0)
    spec = next(s for s in world.scenario.invariants.values() if s.check == "saga_atomic")
    judge(world, spec)
    world.advance_to(201.0)
    read = []
    since = History.since
    monkeypatch.setattr(
        History, "since", lambda self, index: (read.append(op) or op for op in since(self, index))
    )  # type: ignore[func-returns-value]
    before = len(world.entities.history)
    judge(world, spec)
    assert 0 < len(read) < before / 20
