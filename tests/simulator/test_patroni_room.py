"""Patroni by itself: the lease, demotion, the console's texts and codes, and what nonsense is answered."""

import pickle
from typing import Any

import pytest

from simulator.commands import execute
from simulator.invariants import check
from simulator.world import World
from tests.simulator.patroni_scene import scene
from tests.simulator.shop_scene import do

CUT = "chaos link dc-1 dc-2 --down"
HEAL = "chaos link dc-1 dc-2"
FAR = "patronictl -c dc-2.yml "


def leaders(world: World) -> list[str]:
    assert world.entities is not None
    return [c.name for c in world.entities.domain.stores["orders"].copies if c.leads]


def cut(*commands: str, until: float = 90, **changes: Any) -> World:
    world = scene(**changes)
    world.advance_to(30)
    for line in (*commands, CUT):
        do(world, line)
    world.advance_to(until)
    return world


def broken(world: World) -> set[str]:
    return {name for name, found in check(world).items() if not found["ok"]}


# who leads


def test_in_peace_the_first_member_keeps_the_lease() -> None:
    world = scene()
    world.advance_to(120)
    assert leaders(world) == ["pg-1"]
    shown = do(world, "patronictl list")
    assert "| pg-1   | pg-1 | Leader  | running |  1 |           |" in shown
    assert "| pg-2   | pg-2 | Replica | running |  1 |         0 |" in shown
    assert broken(world) == set()


def test_a_leader_without_etcd_demotes_itself_before_another_is_promoted() -> None:
    world = scene()
    world.advance_to(30)
    do(world, CUT)
    seen = []
    for second in range(31, 90):
        world.advance_to(second)
        seen.append(tuple(leaders(world)))
    assert ("pg-1", "pg-2") not in seen
    assert seen[0] == ("pg-1",) and () in seen and seen[-1] == ("pg-2",)


def test_the_lease_runs_out_within_ttl_of_its_last_renewal() -> None:
    world = scene()
    world.advance_to(30)
    do(world, CUT)
    world.advance_to(31)
    while leaders(world) != ["pg-2"]:
        world.advance(1)
    assert 20 <= world.now_s - 30 <= 42  # ttl less the age of the lease, and a round of the agent


def test_a_hung_agent_demotes_nobody_and_both_take_writes() -> None:
    world = cut("chaos patroni hang pg-1")
    assert leaders(world) == ["pg-1", "pg-2"]
    do(world, HEAL)
    world.advance_to(150)
    assert leaders(world) == ["pg-1", "pg-2"]  # the link alone repairs nothing
    assert {"kept", "one"} <= broken(world)


@pytest.mark.parametrize("mode", ["automatic", "required"])
def test_a_watchdog_stops_what_a_hung_agent_cannot(mode: str) -> None:
    world = cut("chaos patroni hang pg-1", standbys__db__patroni__watchdog=mode)
    assert leaders(world) == ["pg-2"]


def test_a_paused_cluster_neither_promotes_nor_demotes() -> None:
    world = cut("patronictl pause", until=150)
    assert leaders(world) == ["pg-1"]
    do(world, "chaos patroni promote pg-2")
    world.advance_to(165)
    do(world, HEAL)
    world.advance_to(200)
    assert leaders(world) == ["pg-1", "pg-2"]
    assert "Maintenance mode: on" in do(world, "patronictl list")
    assert "continue to run as primary without lock" in do(
        world, "logcli query '{app=\"patroni\"}' --since=1m"
    )
    do(world, "patronictl resume")
    world.advance_to(230)
    assert leaders(world) == ["pg-2"]


def test_failsafe_mode_keeps_a_leader_only_while_all_members_answer() -> None:
    world = cut(standbys__db__patroni__failsafe_mode=True)
    assert leaders(world) == ["pg-2"]  # the other member does not answer


def test_two_etcds_have_two_leaders_with_the_lock() -> None:
    world = cut(standbys__db__etcd={"dc-1": 2, "dc-2": 1})
    assert leaders(world) == ["pg-1"]
    do(world, "chaos patroni new-dcs dc-2")
    world.advance_to(140)
    assert "| pg-1   | pg-1 | Leader | running |  1 |" in do(world, "patronictl list")
    assert "| pg-2   | pg-2 | Leader | running |  2 |" in do(world, FAR + "list")
    refused = execute(world, "failover rejoin-etcd db dc-2")
    assert refused.code == 1  # the places do not reach each other
    do(world, HEAL)
    do(world, "failover rejoin-etcd db dc-2")
    world.advance_to(170)
    assert leaders(world) == ["pg-1"]  # in the etcd that is left pg-1 has the key


def test_a_third_site_keeps_the_leader_where_it_is() -> None:
    world = cut(standbys__db__etcd={"dc-1": 1, "dc-2": 1, "third": 1}, until=150)
    assert leaders(world) == ["pg-1"]


def test_synchronous_mode_acknowledges_nothing_on_the_side_without_etcd() -> None:
    world = cut("chaos patroni hang pg-1", until=150, standbys__db__patroni__synchronous_mode=True)
    assert leaders(world) == ["pg-1", "pg-2"]
    assert "kept" not in broken(world)


# the merge


def healed(**changes: Any) -> World:
    world = cut("chaos patroni hang pg-1", until=120, **changes)
    do(world, "failover fence db pg-1")
    do(world, HEAL)
    world.advance_to(125)
    return world


def test_a_fenced_side_is_merged_once_and_then_rebuilt() -> None:
    world = healed()
    first = do(world, "failover lost db --from pg-1")
    assert "orders:" in first and "stock:" in first
    merged = do(world, "failover reconcile db --from pg-1")
    assert merged.splitlines()[1:] == first.splitlines()[1:]
    assert "nothing" in do(world, "failover reconcile db --from pg-1")
    do(world, "failover release db pg-1")
    world.advance_to(150)
    row = next(line for line in do(world, FAR + "list").splitlines() if "pg-1" in line)
    assert "unknown" in row and "|  1 |" in row
    assert broken(world) == {"one"}
    assert "Success: reinitialize for member pg-1" in do(world, FAR + "reinit shop pg-1 --force")
    world.advance_to(230)
    assert broken(world) == set()


def test_balances_carried_over_as_values_overwrite_the_other_side() -> None:
    world = healed()
    do(world, "failover reconcile db --from pg-1 --balances copy")
    assert "stock" in broken(world) and "kept" not in broken(world)


def test_a_reinit_before_the_merge_leaves_nothing_to_merge() -> None:
    world = healed()
    do(world, "failover release db pg-1")
    world.advance_to(150)
    do(world, FAR + "reinit shop pg-1 --force")
    world.advance_to(230)
    assert "nothing" in do(world, "failover reconcile db --from pg-1")
    assert "kept" in broken(world)


def test_pg_rewind_brings_the_node_back_and_wipes_what_it_had() -> None:
    world = healed(standbys__db__patroni__use_pg_rewind=True)
    do(world, "failover release db pg-1")
    world.advance_to(160)
    assert broken(world) >= {"kept"} and "one" not in broken(world)


def test_either_side_can_be_chosen() -> None:
    world = cut("chaos patroni hang pg-1", until=120)
    do(world, "failover fence db pg-2")
    do(world, HEAL)
    do(world, "failover release db pg-1")
    do(world, "failover reconcile db --from pg-2")
    world.advance_to(170)
    do(world, "failover release db pg-2")
    world.advance_to(200)
    do(world, "patronictl -c dc-2.yml reinit shop pg-2 --force")
    world.advance_to(290)
    assert leaders(world) == ["pg-1"] and broken(world) == set()


# the console

TEXTS = {
    "patronictl nonsense": ("No such command 'nonsense'.", 2),
    "patronictl list --nope": ("No such option: --nope", 2),
    "patronictl -c": ("Option '-c' requires an argument.", 2),
    "patronictl list other": ("Error: Can not find cluster other", 1),
    "patronictl edit-config -s ttl=abc --force": ("Error: Invalid parameter setting ttl=abc", 1),
    "patronictl edit-config -s novalue --force": ("Error: Invalid parameter setting novalue", 1),
    "patronictl edit-config": ("Error: EDITOR environment variable is not set.", 1),
    "patronictl edit-config -s ttl=30 --force": ("Not changed", 0),
    "patronictl switchover --leader pg-2 --force": (
        "Error: Member pg-2 is not the leader of cluster shop",
        1,
    ),
    "patronictl failover --force": ("Error: Failover could be performed only to a specific candidate", 1),
    "patronictl failover --candidate pg-1 --force": ("Error: Failover target and source are the same.", 1),
    "patronictl failover --candidate pg-9 --force": ("Error: Member pg-9 does not exist in cluster shop", 1),
    "patronictl reinit shop pg-1 --force": ("status code=503, (I am the leader, can not reinitialize)", 0),
    "patronictl reinit shop pg-9 --force": ("Error: pg-9 is not a member of cluster shop", 1),
    "patronictl reinit shop pg-2": ("Are you sure you want to reinitialize members pg-2? [y/N]:", 1),
    "patronictl resume": ("Error: Cluster is not paused", 1),
    "patronictl pause": ("Success: cluster management is paused", 0),
    "patronictl restart shop pg-2 --force": ("Success: restart on member pg-2", 0),
    "patronictl version": ("patronictl version 3.0.2", 0),
    "patronictl show-config": ("maximum_lag_on_failover: 1048576", 0),
    "patronictl history": ("| TL | LSN | Reason | Timestamp | New Leader |", 0),
    "patronictl topology": ("| + pg-2 |", 0),
    "patronictl --help": ("Usage: patronictl [OPTIONS] COMMAND [ARGS]...", 0),
}


@pytest.mark.parametrize("line", TEXTS)
def test_texts_and_codes_are_the_tools(line: str) -> None:
    world = scene()
    world.advance_to(15)
    reply = execute(world, line)
    assert TEXTS[line][0] in reply.text and reply.code == TEXTS[line][1]


def test_what_a_side_without_etcd_sees() -> None:
    world = cut()
    reply = execute(world, "patronictl list")
    assert (reply.text.strip(), reply.code) == (
        "patroni.dcs.etcd.EtcdError: 'Etcd is not responding properly'",
        1,
    )


def test_a_switchover_asks_moves_and_loses_nothing() -> None:
    world = scene()
    world.advance_to(40)
    assert execute(world, "patronictl switchover --candidate pg-2").text.rstrip().endswith("Aborted!")
    assert leaders(world) == ["pg-1"]
    shown = do(world, "echo y | patronictl switchover --candidate pg-2")
    assert 'Successfully switched over to "pg-2"' in shown
    world.advance_to(80)
    assert leaders(world) == ["pg-2"] and broken(world) == set()


def test_a_config_change_shows_its_diff_and_holds() -> None:
    world = scene()
    world.advance_to(10)
    shown = do(world, "patronictl edit-config -s ttl=60 --force")
    assert "-ttl: 30" in shown and "+ttl: 60" in shown and "Configuration changed" in shown
    do(world, CUT)
    world.advance_to(52)
    assert leaders(world) != ["pg-2"]
    assert "ttl: 60" in do(world, FAR + "show-config")


HOSTILE = [
    "patronictl " + "x" * 5000,
    "patronictl edit-config -s '" + "a." * 2000 + "b=1' --force",
    "patronictl edit-config -s 'ttl: [[[[=!!python/object:os.system x' --force",
    "patronictl edit-config -s 'postgresql=1' --force",
    "patronictl edit-config -s '=1' --force",
    "patronictl -c ../../etc/passwd list",
    "patronictl -d etcd://dc-2:2379 list",
    "patronictl list -e -t",
    "failover fence db",
    "failover fence db pg-9",
    "failover release db",
    "failover lost db --from",
    "failover lost db --from pg-1 --balances all",
    "failover rejoin-etcd db mars",
    "chaos patroni hang",
    "chaos patroni fly pg-1",
    "chaos patroni hang pg-9",
    "chaos patroni new-dcs mars",
]


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("line", HOSTILE)
def test_nonsense_is_answered(line: str, language: str) -> None:
    world = scene(language=language)
    world.advance_to(12)
    reply = execute(world, line)
    assert reply.code in (0, 1, 2) and "Traceback" not in reply.text and len(reply.text) < 20_000
    world.advance_to(40)
    assert leaders(world) == ["pg-1"]


def test_without_patroni_the_console_says_so() -> None:
    from tests.simulator.places_scene import two

    world = two()
    world.advance_to(5)
    assert (
        execute(world, "patronictl list").code == 1
        or "command not found" in execute(world, "patronictl list").text
    )
    assert execute(world, "quorumctl show").code != 0


def test_a_world_in_two_minds_pickles_and_goes_on_alike() -> None:
    world = cut("chaos patroni hang pg-1", until=70)
    twin = pickle.loads(pickle.dumps(world))
    for each in (world, twin):
        do(each, "patronictl -c dc-2.yml list")
        do(each, "failover fence db pg-1")
        each.advance_to(130)
    assert do(world, FAR + "list") == do(twin, FAR + "list")
    assert list(world.ops) == list(twin.ops)
