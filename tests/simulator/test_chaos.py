"""`chaos`: each fault moves what it says, is taken back in time, and says what is wrong with a bad line."""

from typing import Any

import pytest

from simulator.commands import execute
from simulator.engine import choice, network
from simulator.engine.kernel import freeze
from simulator.run import make_world, play
from simulator.scenario import parse

RAW: dict[str, Any] = {
    "id": "two-places",
    "duration_s": 120,
    "traffic": {"rps": 1000, "entry": "lb", "classes": {"buy": {"path": "api.buy"}}},
    "datacenters": {"dc-1": {"weight": 0.6}, "dc-2": {"weight": 0.4}},
    "links": [{"between": ["dc-1", "dc-2"], "latency_ms": 5}],
    "keys": {"goods": {"count": 1000, "zipf": 1.0}},
    "components": {
        "lb": {"kind": "balancer", "timeout_s": 1},
        "api": {
            "kind": "service",
            "pods": 8,
            "placement": {"dc-1": 4, "dc-2": 4},
            "bulkhead": {"limit": 60},
            "endpoints": {
                "buy": [
                    {"work_ms": 20},
                    {"cache": "redis", "keys": "goods", "miss": [{"query": "db", "cpu_ms": 5}]},
                ]
            },
        },
        "redis": {"kind": "cache", "ttl_s": 30},
        "db": {"kind": "postgres", "cores": 16, "datacenter": "dc-1", "pool": {"limit": 40, "open": 40}},
    },
}


def world() -> Any:
    found = make_world(parse(RAW, "x"))
    play(found, (), 20)
    return found


def last(w: Any, key: str) -> float:
    return w.plane.history.last(key)


@pytest.mark.parametrize(
    "line, key, least, most",
    [
        ("chaos slow api 2", "service/api/v1@dc-1/in_flight", 1.8, 2.5),
        ("chaos kill api 2 --in dc-1", "service/api/v1@dc-1/pods", 0.5, 0.5),
        ("chaos fail api 0.5", "class/buy/ok", 0.49, 0.51),
        ("chaos rate buy 500", "class/buy/offered", 0.49, 0.51),
        ("chaos link dc-1 dc-2 --latency 200", "service/api/v1@dc-2/in_flight", 1.2, 4.0),
        ("chaos dns dc-1=1 dc-2=0", "service/api/v1@dc-2/requests", 0.5, 0.95),
        ("chaos flush redis", "cache/redis/misses", 2.0, 300.0),
    ],
)
def test_each_fault_moves_what_it_says(line: str, key: str, least: float, most: float) -> None:
    broken, calm = world(), world()
    reply = execute(broken, line)
    assert reply.code == 0, reply.err
    for w in (broken, calm):
        w.advance(1.0 if "flush" in line else 15.0)
    assert least <= last(broken, key) / last(calm, key) <= most


def test_a_pause_stops_and_ends_by_itself() -> None:
    w = world()
    assert execute(w, "chaos pause api --for 5").code == 0
    w.advance(4)
    assert last(w, "class/buy/ok") < 20
    w.advance(15)
    assert last(w, "class/buy/ok") == pytest.approx(1000, rel=0.02)


def test_a_cut_link_hurts_one_side_only() -> None:
    w = world()
    execute(w, "chaos flush redis")
    execute(w, "chaos link dc-1 dc-2 --down --for 3")
    w.advance(2)
    lost = last(w, "class/buy/timeout") + last(w, "class/buy/rejected")
    assert 0 < lost < 500
    w.advance(20)
    assert last(w, "class/buy/ok") == pytest.approx(1000, rel=0.02)


@pytest.mark.parametrize(
    "line, says",
    [
        ("chaos", "no such fault"),
        ("chaos melt api", "no such fault: 'melt'"),
        ("chaos slow", "arguments are missing"),
        ("chaos slow nobody 2", "no 'nobody'; there are: api"),
        ("chaos slow api -1", "expected a number"),
        ("chaos slow api nan", "expected a number"),
        ("chaos slow api 2 --version v9", "no 'v9'"),
        ("chaos slow api 2 --colour red", "unknown flag --colour"),
        ("chaos slow api 2 --for", "arguments are missing"),
        ("chaos link dc-1 dc-9", "no 'dc-1 dc-9'"),
        ("chaos dns dc-1=0", "expected a number"),
        ("chaos flush memcached", "no 'memcached'; there are: redis"),
        ("chaos cores db 1e9", "expected a number"),
    ],
)
def test_a_bad_line_says_what_is_wrong_and_changes_nothing(line: str, says: str) -> None:
    w = world()
    before = freeze(w.plane.kernel)
    reply = execute(w, line)
    assert reply.code == 2
    assert says in reply.err
    assert "chaos slow SERVICE FACTOR" in reply.err
    assert freeze(w.plane.kernel) == before


def small(limit: int, rps: float) -> dict[str, Any]:
    return {
        "id": "small",
        "duration_s": 30,
        "traffic": {"rps": rps, "entry": "lb", "classes": {"c": {"path": "a.x"}}},
        "components": {
            "lb": {"kind": "balancer"},
            "a": {
                "kind": "service",
                "pods": 1,
                "bulkhead": {"limit": limit, "queue": 100},
                "endpoints": {"x": [{"work_ms": 50}]},
            },
        },
    }


@pytest.mark.parametrize("limit, rps, engine", [(4, 60, "exact"), (4, 4, "cohort"), (40, 600, "cohort")])
def test_small_loaded_stations_choose_the_exact_engine(limit: int, rps: float, engine: str) -> None:
    scenario = parse(small(limit, rps), "x")
    chosen = choice.choose(network.build(scenario), scenario)
    assert chosen.engine == engine
    assert ("small stations: a (4 slots a pod)" in chosen.reason) == (engine == "exact")
    w = make_world(scenario)
    assert (w.engine, w.engine_reason) == (engine, chosen.reason)


def test_too_much_traffic_for_the_exact_engine_is_said() -> None:
    raw = small(8, 5_000_000 / 50)
    raw["components"]["a"]["pods"] = 1000
    scenario = parse(raw, "x")
    chosen = choice.choose(network.build(scenario), scenario)
    assert chosen.engine == "cohort"
    assert "approximate at small stations" in chosen.reason
