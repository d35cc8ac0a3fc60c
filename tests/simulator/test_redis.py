"""Redis as a player meets it: the real replies, its one command thread, failover, memory, and hostile input."""

import json
from pathlib import Path

import pytest

from simulator.redis import cli
from simulator.redis.context import Context
from simulator.redis.execute import execute
from simulator.redis.replies import raw, shown
from simulator.redis.slots import crc16, slot_of
from simulator.world import World
from tests.simulator.redis_scene import say, shop

FIXTURE = Path(__file__).parent / "fixtures" / "redis" / "replies.json"
OTHERWISE = {  # what is known to differ, and why
    "OBJECT ENCODING a": "an APPENDed value stays raw in the real server whatever its length",
    "SCAN 0 MATCH q*": "cursors follow the real hash table's buckets",
}


def context(world: World) -> Context:
    made = world.rooms["redis"]["pages"]
    return Context(world, made, made.nodes[0])


def test_replies_are_those_recorded_from_redis_7() -> None:
    ctx, wrong = context(shop()), []
    for line, real in json.loads(FIXTURE.read_text(encoding="utf-8")):
        words = cli.split(line)
        assert words
        ours = (raw if cli.unquoted(words) else shown)(execute(ctx, words))
        if ours != real and line not in OTHERWISE:
            wrong.append((line, real, ours))
    assert wrong == []


def test_slots_are_the_documented_ones() -> None:
    assert crc16(b"123456789") == 0x31C3
    assert slot_of("foo") == 12182
    assert slot_of("{user1000}.following") == slot_of("{user1000}.followers")
    assert slot_of("foo{}{bar}") == crc16(b"foo{}{bar}") % 16384


def test_values_expire_in_simulated_time() -> None:
    world = shop()
    say(world, "redis-cli SET session 1 EX 30")
    assert say(world, "redis-cli TTL session") == "(integer) 30\n"
    world.advance(31)
    assert say(world, "redis-cli GET session") == "(nil)\n"


def test_commands_come_by_a_pipe_and_multi_lasts() -> None:
    out = say(shop(), "printf 'MULTI\\nINCR a\\nINCR a\\nEXEC\\n' | redis-cli")
    assert out == "OK\nQUEUED\nQUEUED\n1) (integer) 1\n2) (integer) 2\n"


def test_keys_on_a_full_cache_blocks_everybody_and_slowlog_knows() -> None:
    world = shop(rps=4000)
    made = world.rooms["redis"]["pages"]
    world.advance(40)
    made.parts[0].fill.bins = made.parts[0].fill.bins.__class__(
        made.parts[0].fill.bins.rank,
        tuple(n * 300 for n in made.parts[0].fill.bins.keys),
        made.parts[0].fill.bins.share,
    )  # some millions of keys
    before = world.plane.history.last("class/page/ok")
    say(world, "redis-cli KEYS 'nothing*'")
    blocked = made.nodes[0].slow[-1].micros / 1e6
    assert blocked > 0.5
    world.advance(1)
    assert world.plane.history.last("class/page/ok") < 0.7 * before
    world.advance(8)
    assert world.plane.history.last("class/page/ok") == pytest.approx(before, rel=0.1)
    assert "nothing*" in say(world, "redis-cli SLOWLOG GET 1")


def test_flushall_sends_the_reads_to_the_database() -> None:
    world = shop()
    world.advance(50)
    history = world.plane.history
    before = history.last("cache/pages/misses")
    assert say(world, "redis-cli FLUSHALL") == "OK\n"
    world.advance(1)
    assert history.last("cache/pages/misses") > 3 * before
    assert say(world, "redis-cli DBSIZE") != "(integer) 0\n"


def test_looking_changes_nothing() -> None:
    one, other = shop(), shop()
    for world in (one, other):
        world.advance(20)
    for line in (
        "GET page:17919",
        "INFO all",
        "SCAN 0",
        "--hotkeys",
        "--stat",
        "CLIENT LIST",
        "SLOWLOG GET",
        "MONITOR",
    ):
        say(one, f"redis-cli {line}")
    for world in (one, other):
        world.advance(5)
    assert one.plane.history.columns == other.plane.history.columns
    assert repr(one.rooms["redis"]["pages"].nodes[0].space.dbs) == repr(
        other.rooms["redis"]["pages"].nodes[0].space.dbs
    )


def test_a_write_that_has_not_reached_the_replica_is_lost() -> None:
    world = shop(mode="sentinel", replicas=2)
    say(world, "redis-cli SET kept 1")
    world.advance(1)
    for node in (1, 2):
        say(world, f"chaos redis cut pages-{node}")
    say(world, "redis-cli SET gone 1")
    world.advance(1)
    say(world, "chaos redis down pages-0")
    for node in (1, 2):
        say(world, f"chaos redis join pages-{node}")
    start = world.now_s
    assert "Connection refused" in say(world, "redis-cli -h pages-0 GET kept")
    while (
        "role:master" not in say(world, "redis-cli -h pages-1 INFO replication") and world.now_s < start + 60
    ):
        world.advance(0.2)
    assert world.now_s - start == pytest.approx(31.6, abs=0.3)  # as measured (golden)
    assert say(world, "redis-cli GET kept") == '"1"\n'
    assert say(world, "redis-cli GET gone") == "(nil)\n"
    world.advance(3)
    lines = [text for _, text in world.rooms["redis"]["pages"].journal]
    assert [line.split()[1] for line in lines[:4]] == ["+sdown", "+odown", "+new-epoch", "+try-failover"]
    say(world, "chaos redis up pages-0")
    world.advance(5)
    assert "READONLY" in say(world, "redis-cli -h pages-0 SET a 1")


def test_refusals_of_a_node_in_trouble() -> None:
    world = shop(mode="sentinel", replicas=1, min_replicas=1)
    world.advance(2)
    say(world, "chaos redis cut pages-1")
    assert say(world, "redis-cli SET a 1") == "OK\n"  # the lag is not yet too long
    world.advance(12)
    assert "NOREPLICAS" in say(world, "redis-cli SET a 1")
    say(world, "redis-cli CONFIG SET min-replicas-to-write 0")
    say(world, "chaos redis nosave pages-0")
    assert "MISCONF" in say(world, "redis-cli SET a 1")
    say(world, "chaos redis save pages-0")
    say(world, "redis-cli CONFIG SET maxmemory 1mb")
    assert "OOM command not allowed" in say(world, "redis-cli SET a 1")
    assert say(world, "redis-cli DEL a") in ("(integer) 1\n", "(integer) 0\n")


def test_a_cluster_redirects_and_its_lost_master_is_replaced() -> None:
    world = shop(mode="cluster", masters=3, replicas=1)
    home = world.rooms["redis"]["pages"].node_of(slot_of("foo"))
    other = next(n for n in world.rooms["redis"]["pages"].masters() if n is not home)
    assert say(world, f"redis-cli -h {other.name} SET foo 1") == f"(error) MOVED 12182 {home.address}:6379\n"
    assert say(world, f"redis-cli -c -h {other.name} SET foo 1").endswith("OK\n")
    assert "CROSSSLOT" in say(world, "redis-cli MGET foo bar")
    world.advance(1)
    say(world, f"chaos redis down {home.name}")
    world.advance(15.5)
    assert "CLUSTERDOWN" in say(world, f"redis-cli -h {other.name} GET foo")
    world.advance(2)
    assert say(world, f"redis-cli -c -h {other.name} GET foo").endswith('"1"\n')


@pytest.mark.parametrize(
    "line",
    ["redis-cli", "redis-cli --nope", "redis-cli -p 99999 PING", "redis-cli EVAL 'return 1' 0", "redis-cli SETRANGE a 536870911 x",
     "redis-cli SCAN 99999999999999999999", "redis-cli KEYS '[[[((('", "redis-cli KEYS '" + "*a" * 400 + "'", "redis-cli DEBUG SLEEP 100",
     "redis-cli SRANDMEMBER s -999999999", "redis-cli BLPOP l 0", "redis-cli -h /etc/passwd PING", "redis-cli CONFIG SET maxmemory -1",
     "echo '\"unbalanced' | redis-cli", "redis-cli XADD s MAXLEN", "redis-cli SELECT 1e9", "redis-cli GET '$(id)'",
     "chaos redis", "chaos redis down nothing", "chaos redis slow pages-0 x"],
)  # fmt: skip
def test_hostile_lines_are_answered(line: str) -> None:
    answer = say(shop(), line)
    assert len(answer) < 20_000 and "Traceback" not in answer


def test_a_world_with_redis_can_be_copied() -> None:
    world = shop(mode="sentinel", replicas=1)
    say(world, "redis-cli HSET h a 1")
    copy = world.fork()
    for each in (world, copy):
        say(each, "chaos redis down pages-0")
        each.advance(40)
    assert world.digest() == copy.digest()
