"""Thinning: everybody up to the limit, above it a weighted sample without bias; and what it all costs."""

import pickle
import time
from dataclasses import replace

import pytest

from simulator.engine.streams import key_of
from simulator.entities import checkers
from simulator.entities.conditions import Rule, TableConditions
from simulator.entities.engine import Entities
from simulator.entities.history import INVOKE, OK
from simulator.entities.sample import Arrivals, weight_of
from simulator.entities.timers import SECOND
from tests.simulator import entities_scenes as scenes


def started(entities: Entities) -> list[tuple[int, int, float, int]]:
    """(entity, amount, weight, time) of every order."""
    return [
        (op.entity, op.value[0], op.value[1], op.time_ns)
        for op in entities.history
        if op.f == "order" and op.type == INVOKE
    ]


def run(rate: float, seconds: float, *, seed: int = 1, keep: float = 1.0, **flow: object) -> Entities:
    entities = Entities(scenes.shop((scenes.CREATE,), consumer=None, flow=flow, keep=keep), seed)
    entities.set_rate("order", rate)
    entities.advance(round(seconds * SECOND), TableConditions())
    return entities


def test_up_to_the_limit_every_entity_is_played() -> None:
    orders = started(run(150, 40))
    assert {weight for _, _, weight, _ in orders} == {1.0}
    assert len(orders) == pytest.approx(6_000, abs=4 * 6_000**0.5)
    entities = run(150, 1)
    assert entities.weights() == {}


def test_above_it_the_sum_of_the_weights_has_the_worlds_expectation() -> None:
    counts, sums, truths = [], [], 0.0
    for seed in range(8):
        orders = started(run(12_000, 10, seed=seed))
        assert len(orders) < 1_700 and {w for _, _, w, _ in orders} == {80.0}
        counts.append(sum(w for _, _, w, _ in orders))
        sums.append(sum(w * amount for _, amount, w, _ in orders))
        truths += 120_000
    # 8 x 1,500 orders of weight 80: standard deviation of the total 0.9 %, of the amounts' 1.1 %
    assert sum(counts) == pytest.approx(truths, rel=0.03)
    assert sum(sums) == pytest.approx(truths * 50.5, rel=0.035)


def test_a_hot_key_is_played_in_full_beside_the_sample() -> None:
    entities = run(3_000, 10, hot=((7, 0.05),))
    hot = [w for e, _, w, _ in started(entities) if e % 2 == 0]  # the second stream's numbers
    rest = [w for e, _, w, _ in started(entities) if e % 2 == 1]
    assert len(hot) == pytest.approx(1_500, abs=160) and set(hot) == {1.0}
    assert set(rest) == {2_850 / 150}
    assert sum(hot) + sum(rest) == pytest.approx(30_000, rel=0.1)
    look = replace(scenes.STOCK, undo=None)
    spec = scenes.shop((look,), consumer=None, stock=1_000, flow={"hot": ((7, 0.2),), "items": 5})
    sold = Entities(spec, 1)
    sold.set_rate("order", 1_000)
    sold.advance(10 * SECOND, TableConditions())
    left = {op.key[1]: op.value for op in sold.audit() if op.f == "final row" and op.key[0] == "stock"}
    assert left[7] == 0  # 2,000 wanted it
    assert checkers.sums(sold.history, "stock", 1_000).ok


def test_a_thin_replay_plays_some_of_the_very_entities_of_the_full_run() -> None:
    full, thin = started(run(100, 20)), started(run(100, 20, keep=0.2))
    assert {(e, a, t) for e, a, _, t in thin} < {(e, a, t) for e, a, _, t in full}
    thinner = started(run(100, 20, keep=0.05))
    assert {e for e, *_ in thinner} < {e for e, *_ in thin}
    assert sum(w for _, _, w, _ in thin) == pytest.approx(2_000, rel=0.2)


def test_rates_may_be_set_as_often_as_one_likes() -> None:
    one, many = Arrivals(key_of(1, "x"), limit=0.0), Arrivals(key_of(1, "x"), limit=0.0)
    assert one.set_rate(0, 10.0) and not one.set_rate(5, 10.0)
    times = []
    for stream in (one, many):
        stream.set_rate(0, 10.0)
        found = []
        for k in range(50):
            if stream is many and k % 7 == 3:  # the same mean by another way: nothing, then double
                now = found[-1]
                stream.set_rate(now, 0.0)
                stream.set_rate(now, 10.0)
            found.append(stream.next_ns())
            stream.take()
        times.append(found)
    assert all(abs(a - b) <= 50 for a, b in zip(*times, strict=True))  # ns
    assert 3 < times[0][-1] / SECOND < 8


def test_weights_for_streams_numbered_by_others() -> None:
    luck = key_of(3, "requests")
    weights = [weight_of(luck, n, 1_000.0, 100.0) for n in range(20_000)]
    assert set(weights) == {0.0, 10.0} and sum(weights) == pytest.approx(20_000, rel=0.07)
    fewer = [weight_of(luck, n, 1_000.0, 20.0) for n in range(20_000)]
    assert all(w for w, thin in zip(weights, fewer, strict=True) if thin)
    assert weight_of(luck, 1, 1_000.0, 1.0, hot=True) == 1.0 == weight_of(luck, 1, 5.0, 10.0)


def test_a_weighted_violation_counts_for_what_its_entity_stands_for() -> None:
    careless = replace(scenes.CHARGE, idempotent="none", undo=None)
    totals = []
    for rate in (150, 1_500):
        entities, _ = scenes.play(scenes.shop((careless,), consumer=None), 40, scenes.rough(), rate=rate)
        verdict = checkers.at_most_once(entities.history, "charge")
        totals.append(verdict.weighted(entities.weights()) / rate)
        assert len(verdict.violations) > 200
    assert totals[1] == pytest.approx(totals[0], rel=0.2)


def _busy() -> Entities:
    """2,000 orders under way: payments take 13 s."""
    steps = (scenes.CREATE, scenes.CHARGE, scenes.BONUS, scenes.NOTIFY)
    entities = Entities(scenes.shop(steps, flow={"customers": 5_000}), 1)
    entities.set_rate("order", 150)
    slow = TableConditions(rules=[Rule("psp", mean_ms=14_000, timeout_ms=90_000)])
    entities.advance(60 * SECOND, slow)
    return entities


def test_a_world_with_two_thousand_orders_forks_in_milliseconds() -> None:
    entities = _busy()
    assert 1_900 < len(entities.domain.live) < 2_300
    best = 1.0
    for _ in range(15):
        buffers: list[pickle.PickleBuffer] = []
        begin = time.process_time()
        packed = pickle.dumps(entities, 5, buffer_callback=buffers.append)
        copy = pickle.loads(packed, buffers=buffers)
        best = min(best, time.process_time() - begin)
    assert copy.history.digest() == entities.history.digest()
    assert best < 0.02  # 3 ms on a quiet machine; the limit is wide for busy ones
    # memory follows what is under way, not what has happened: a quarter of a megabyte and the packed rows
    assert len(packed) < 3_000_000


def test_the_history_costs_a_dozen_bytes_a_record() -> None:
    entities = run(150, 60)
    closed = sum(map(len, entities.history.closed))
    assert closed / len(entities.history) < 20
    assert sum(1 for op in entities.history if op.type == OK) > 9_000
