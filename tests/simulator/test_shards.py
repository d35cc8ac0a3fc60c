"""Shards: where keys live, what moving them costs, and that orders of a moved key are neither lost nor doubled."""

from typing import Any

import pytest

from simulator import commands, invariants
from simulator.entities.shards import DATE, Placement
from simulator.entities.timers import SECOND
from simulator.interventions import CATALOGUE
from simulator.scenario import ScenarioError, parse
from simulator.world import World

RAW: dict[str, Any] = {
    "id": "small-shards",
    "duration_s": 300,
    "traffic": {"rps": 400, "entry": "lb", "classes": {"order": {"path": "shop.order"}}},
    "keys": {"merchants": {"count": 500, "zipf": 0.5}, "big": {"count": 1}},
    "components": {
        "lb": {"kind": "balancer", "timeout_s": 3},
        "gate": {"kind": "service", "pods": 2, "bulkhead": {"limit": 500}, "rate_limit": {"rps": 5000, "burst": 300},
                 "endpoints": {"pass": [{"work_ms": 0.2}]}},
        "shop": {"kind": "service", "pods": 10, "bulkhead": {"limit": 60, "queue": 60}, "endpoints": {"order": [
            {"route": "big", "old": [{"query": "db", "keys": "merchants", "cpu_ms": 4.0}],
             "new": [{"call": "gate.pass"}, {"query": "db", "keys": "big", "cpu_ms": 4.0}]}]}},
        "db": {"kind": "postgres", "cores": 2, "shards": 6, "pool": {"limit": 20, "open": 20}},
    },
    "sharding": {"database": "db", "keys": "merchants", "serving": 4, "store": "db", "spread_s": 5, "rows_per_shard": 100_000,
                 "hot": {"m-48213": {"text": {"ru": "r", "en": "e"}, "number": 7001, "routes": ["big"], "orders": "big",
                                     "limiter": "gate", "rows": 400_000}}},
    "entities": {
        "sharded": [{"name": "db", "shards": 6, "serving": 4}],
        "flows": [
            {"name": "order", "items": 500, "limit_per_s": 5, "host": "shop", "steps": [
                {"name": "save", "do": "write", "target": "db", "table": "orders", "attempts": 2},
                {"name": "ack", "do": "acknowledge", "target": ""}]},
            {"name": "big", "limit_per_s": 10, "host": "shop", "steps": [
                {"name": "save_big", "do": "write", "target": "db", "table": "orders", "shard_key": 7001, "attempts": 2},
                {"name": "ack", "do": "acknowledge", "target": ""}]},
        ],
        "drive": {"order": {"traffic": "order", "share": 0.6}, "big": {"traffic": "order", "share": 0.4}},
    },
    "invariants": {
        "kept": {"check": "nothing_lost", "args": {"flow": "big", "table": "orders"}, "text": {"ru": "", "en": ""}},
        "once": {"check": "stored_once", "args": {"table": "orders"}, "text": {"ru": "", "en": ""}},
        "home": {"check": "at_home", "args": {"table": "orders"}, "text": {"ru": "", "en": ""}},
    },
    "timeline": [{"at_s": 5, "command": "chaos share big 0.4"}],
}  # fmt: skip


def shards(engine: str = "cohort") -> World:
    world = World(parse(RAW, "small-shards"), 1, engine=engine)
    world.turn_based = False
    return world


def say(world: World, line: str) -> str:
    return commands.execute(world, line).text


def broken(world: World) -> dict[str, Any]:
    return {name: v["count"] for name, v in invariants.check(world).items() if not v["ok"]}


def queries(world: World) -> list[float]:
    return [world.plane.history.last(f"db/db-{n}/queries") for n in range(6)]


@pytest.mark.parametrize("engine", ["cohort", "exact"])
def test_a_hot_key_goes_where_it_is_moved_and_salt_spreads_it(engine: str) -> None:
    world = shards(engine)
    world.advance(30)
    home = world.rooms["shards"].map.now.shard(7001, 0)
    before = queries(world)
    assert before[home] > 2 * sorted(before)[-2] and before[4] == before[5] == 0
    say(world, "shardctl isolate m-48213 --rate 200000")
    world.advance(40)
    assert queries(world)[4] == pytest.approx(160, rel=0.3)
    assert queries(world)[home] < 0.7 * before[home]
    assert "isolated" in say(world, "shardctl status")
    say(world, "shardctl salt m-48213 --parts 4")
    world.advance(15)
    assert max(queries(world)) < 1.6 * min(queries(world)[:4])


@pytest.mark.parametrize(("flags", "wrong"), [("", []), ("--offline", []), ("--no-double-write", ["kept"])])
def test_orders_of_a_moved_key_are_kept_only_with_double_writes_or_a_lock(
    flags: str, wrong: list[str]
) -> None:
    world = shards()
    world.advance(30)
    say(world, f"shardctl move m-48213 --to 5 --rate 20000 {flags}")
    world.advance(120)
    assert say(world, "shardctl jobs") == "no jobs\n"
    assert list(broken(world)) == wrong


def test_rows_are_on_both_shards_only_while_they_move() -> None:
    world = shards()
    world.advance(30)
    say(world, "shardctl move m-48213 --to 5 --rate 20000")
    world.advance(27.5)  # copied, not yet cut over
    assert "once" in broken(world)
    say(world, "shardctl cancel 1")
    assert broken(world) == {}


def test_a_copy_takes_cpu_of_both_shards_and_gives_it_back() -> None:
    world = shards()
    world.advance(20)
    home = world.rooms["shards"].map.now.shard(7001, 0)
    say(world, "shardctl move m-48213 --to 5 --rate 50000")
    world.advance(8)
    cores = {d.name: d.cores for d in world.plane.network.databases}
    assert cores[f"db-{home}"] == cores["db-5"] == 1.0
    world.advance(40)
    assert all(d.cores == 2 for d in world.plane.network.databases)


def test_more_shards_leave_a_hot_key_whole() -> None:
    world = shards()
    world.advance(30)
    plan = say(world, "shardctl rebalance --shards 6 --dry-run")
    hottest = max(float(line.split()[2]) for line in plan.splitlines()[2:])
    assert hottest > 180  # its 160 requests a second and a share of the rest
    say(world, "shardctl rebalance --shards 6 --execute --rate 200000")
    world.advance(60)
    assert max(queries(world)) > 180 and min(queries(world)) > 20
    assert broken(world) == {}


def test_split_takes_half_of_the_ordinary_keys() -> None:
    world = shards()
    world.advance(30)
    home = world.rooms["shards"].map.now.shard(7001, 0)
    other = next(n for n in range(4) if n != home)
    before = queries(world)[other]
    say(world, f"shardctl split {other} --rate 200000")
    world.advance(40)
    assert queries(world)[other] == pytest.approx(before / 2, rel=0.35)
    assert broken(world) == {}


def test_rows_written_by_a_wrong_function_are_found_and_brought_home() -> None:
    from simulator.shards.state import change

    world = shards()
    world.advance(20)
    change(world, function=DATE)
    world.advance(20)
    assert sum(q > 0 for q in queries(world)) <= 2
    assert "return to hash first" in say(world, "shardctl repair")
    change(world, function="hash")
    world.advance(10)
    assert "home" in broken(world) and "ROWS ASTRAY" in say(world, "shardctl check")
    say(world, "shardctl repair")
    world.advance(20)
    assert broken(world) == {} and say(world, "shardctl check") == "every row is where it belongs\n"


def test_routers_learn_of_a_placement_one_after_the_other() -> None:
    shard_map = shards().rooms["shards"].map
    shard_map.change(0, Placement(3))
    knowing = [sum(shard_map.known_to(e, t * SECOND).serving == 3 for e in range(400)) for t in (0, 2, 4, 6)]
    assert knowing == sorted(knowing) and knowing[0] < 20 and knowing[-1] == 400


def test_a_limit_turns_away_what_exceeds_it() -> None:
    world = shards()
    world.advance(20)
    say(world, "shardctl limit m-48213 50")
    world.advance(10)
    assert world.plane.history.last("class/order/rejected") == pytest.approx(110, rel=0.3)
    say(world, "shardctl limit m-48213 off")
    world.advance(5)
    assert world.plane.history.last("class/order/rejected") < 5


def test_looking_changes_nothing_and_forks_agree() -> None:
    one, other = shards(), shards()
    for world in (one, other):
        world.advance(20)
        say(world, "shardctl isolate m-48213")
    for line in ("status", "map", "map m-17919", "top", "jobs", "check", "rebalance --shards 6 --dry-run"):
        assert say(one, f"shardctl {line}")
    copy = one.fork()
    for world in (one, other, copy):
        world.advance(30)
    assert one.digest() == copy.digest()
    assert one.plane.history.columns == other.plane.history.columns


@pytest.mark.parametrize(
    "line",
    ["shardctl nope", "shardctl move", "shardctl move m-48213", "shardctl move m-48213 --to 99", "shardctl move x --to 1",
     "shardctl salt m-48213", "shardctl salt m-48213 --parts 999999999999", "shardctl split ²", "shardctl cancel 7",
     "shardctl rebalance --shards 6", "shardctl limit m-17919 5", "shardctl move m-48213 --to -1", "shardctl top --limit 0",
     "shardctl move m-99999999999999 --to 1", "shardctl --to", "shardctl unsalt m-48213", "shardctl move m-17919 --to 3 --offline"],
)  # fmt: skip
def test_wrong_lines_are_refused(line: str) -> None:
    reply = commands.execute(shards(), line)
    assert reply.code in (1, 2) and "shardctl:" in reply.err


@pytest.mark.parametrize(
    ("field", "value"),
    [("database", "gate"), ("keys", "nope"), ("store", "nope"), ("serving", 7)],
)
def test_a_sharding_names_what_exists(field: str, value: object) -> None:
    raw = {**RAW, "sharding": {**RAW["sharding"], field: value}}
    with pytest.raises(ScenarioError):
        parse(raw, "small-shards")


def test_the_shares_of_keys_are_of_what_is_asked_for() -> None:
    world = shards()
    say(world, "chaos rate order 6000")
    world.advance(60)
    rows = [line.split() for line in say(world, "shardctl top --limit 50").splitlines()[1:]]
    found = {row[0]: (float(row[1]), float(row[2].rstrip("%"))) for row in rows}
    assert 10 < found["m-48213"][1] <= 100
    assert sum(share for _, share in found.values()) <= 100.5
    assert all(rps > 0 for rps, _ in found.values())


def test_a_big_key_on_its_own_shard_in_advance_is_the_only_one_there() -> None:
    world = shards()
    CATALOGUE["dedicated_shard"].install(world, {})  # type: ignore[misc]
    world.advance(30)
    own = world.rooms["shards"].map.now.shard(7001, 0)
    assert own == 4 and queries(world)[own] > 2 * max(queries(world)[:4])
    assert say(world, "shardctl map m-48213") and "isolated" in say(world, "shardctl status")
    assert broken(world) == {}
