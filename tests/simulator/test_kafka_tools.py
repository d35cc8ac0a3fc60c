"""Kafka's consoles as a person plays them: layouts, offsets, refusals, and what producing and resetting really do."""

import pickle

import pytest

from simulator.commands import execute
from simulator.run import make_world
from simulator.scenario import load
from simulator.world import World


@pytest.fixture(scope="module")
def started() -> World:
    world = make_world(load("kafka-lost-orders"), 1)
    world.advance_to(100)
    return world


@pytest.fixture
def world(started: World) -> World:
    return started.fork()


def say(world: World, line: str) -> str:
    reply = execute(world, line)
    return reply.out + reply.err


def test_describe_shows_leaders_and_replicas_by_number(world: World) -> None:
    lines = say(
        world, "kafka-topics.sh --bootstrap-server kafka:9092 --describe --topic order-events"
    ).splitlines()
    assert lines[0].startswith("Topic: order-events\tTopicId: ")
    assert "PartitionCount: 6\tReplicationFactor: 3\tConfigs: min.insync.replicas=2" in lines[0]
    assert lines[2] == "\tTopic: order-events\tPartition: 1\tLeader: 2\tReplicas: 2,3,1\tIsr: 2,3,1"


def test_a_broker_down_is_seen_and_its_partitions_move(world: World) -> None:
    assert "up" in say(world, "chaos kafka broker 1 down")
    world.advance(12)
    assert "Leader: 2" in say(world, "kafka-topics --bootstrap-server kafka:9092 --describe").splitlines()[1]
    assert (
        len(
            say(
                world, "kafka-topics --bootstrap-server kafka:9092 --describe --under-replicated-partitions"
            ).splitlines()
        )
        == 6
    )
    assert "=> 2" in say(world, "promql kafka_brokers")
    say(world, "chaos kafka broker 1 up")
    world.advance(20)
    assert (
        say(world, "kafka-topics --bootstrap-server kafka:9092 --describe --under-replicated-partitions")
        == ""
    )
    assert "Successfully completed leader election (PREFERRED)" in say(
        world,
        "kafka-leader-election --bootstrap-server kafka:9092 --election-type preferred --all-topic-partitions",
    )
    assert "Leader: 1" in say(world, "kafka-topics --bootstrap-server kafka:9092 --describe").splitlines()[1]


def test_groups_have_the_columns_of_the_real_tool(world: World) -> None:
    lines = say(
        world, "kafka-consumer-groups --bootstrap-server kafka:9092 --describe --group warehouse"
    ).splitlines()
    assert lines[0] == ""
    assert lines[1].split() == [
        "GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST", "CLIENT-ID",
    ]  # fmt: skip
    assert lines[2].split()[:3] == ["warehouse", "order-events", "0"]
    assert "Stable" in say(
        world, "kafka-consumer-groups --bootstrap-server kafka:9092 --describe --group warehouse --state"
    )
    assert "does not exist" in say(
        world, "kafka-consumer-groups --bootstrap-server kafka:9092 --describe --group nobody"
    )


def test_an_active_group_refuses_a_reset(world: World) -> None:
    before = dict(world.entities.domain.groups["warehouse"].committed)  # type: ignore[union-attr]
    said = say(
        world,
        "kafka-consumer-groups --bootstrap-server kafka:9092 --group warehouse --topic order-events --reset-offsets --to-earliest --execute",
    )
    assert (
        "Error: Assignments can only be reset if the group 'warehouse' is inactive, but the current state is Stable."
        in said
    )
    assert world.entities is not None
    assert world.entities.domain.groups["warehouse"].committed == before


def test_a_group_without_pods_can_be_moved_and_reads_again(world: World) -> None:
    say(world, "kubectl scale deployment/warehouse-service --replicas=0 -n prod")
    world.advance(40)
    assert "has no active members" in say(
        world, "kafka-consumer-groups --bootstrap-server kafka:9092 --describe --group warehouse"
    )
    line = "kafka-consumer-groups --bootstrap-server kafka:9092 --group warehouse --topic order-events:0 --reset-offsets --shift-by -5"
    assert "WARN: No action will be performed" in say(world, line)
    assert world.entities is not None
    group = world.entities.domain.groups["warehouse"]
    before = group.committed[0]
    said = say(world, line + " --execute")
    assert group.committed[0] == before - 5
    assert said.split()[-1] == str(before - 5)
    say(world, "kubectl scale deployment/warehouse-service --replicas=4 -n prod")
    world.advance(60)
    doubled = [op for op in world.ops if op.f == "ship" and op.value[1] > 1]
    assert len(doubled) >= 4  # the handler is not idempotent here


def test_what_the_consumer_prints_can_be_produced_again(world: World) -> None:
    line = "kafka-console-consumer --bootstrap-server kafka:9092 --topic order-events --partition 2 --offset 3 --max-messages 1"
    reply = execute(world, line + " --property print.key=true --property key.separator=:")
    key, _, value = reply.out.strip().partition(":")
    assert f'"order_id":{key}' in value
    assert reply.err == "Processed a total of 1 messages\n"
    ends = say(world, "kafka-get-offsets --bootstrap-server kafka:9092 --topic order-events")
    end = next(int(x.rpartition(":")[2]) for x in ends.splitlines() if x.startswith("order-events:2:"))
    sent = f"echo '{key}:{value}' | kafka-console-producer --bootstrap-server kafka:9092 --topic order-events"
    assert say(world, sent + " --property parse.key=true --property key.separator=:") == ""
    world.advance(2)
    kept = say(
        world,
        f"kafka-console-consumer --bootstrap-server kafka:9092 --topic order-events --partition 2 --offset {end} --from-beg",
    )
    assert "cannot be specified together" in kept
    kept = say(world, f"kcat -b kafka:9092 -C -q -t order-events -p 2 -o {end} -f '%k\\n'")
    assert key in kept.split()


def test_too_few_replicas_refuse_a_message(world: World) -> None:
    say(world, "chaos kafka broker 2 down")
    say(world, "chaos kafka broker 3 down")
    world.advance(30)
    said = say(world, "echo 5 | kafka-console-producer --bootstrap-server kafka:9092 --topic order-events")
    assert "NotEnoughReplicasException: Messages are rejected since there are fewer in-sync replicas" in said
    say(
        world,
        "kafka-configs --bootstrap-server kafka:9092 --entity-type topics --entity-name order-events --alter --add-config min.insync.replicas=1",
    )
    assert (
        say(world, "echo 5 | kafka-console-producer --bootstrap-server kafka:9092 --topic order-events") == ""
    )


@pytest.mark.parametrize(
    "line",
    [
        "kafka-topics",
        "kafka-topics --bootstrap-server kafka:9092 --list --describe",
        "kafka-topics --bootstrap-server kafka:9092 --describe --topic '((((('",
        "kafka-console-consumer --bootstrap-server kafka:9092 --topic nothing",
        "kafka-console-consumer --bootstrap-server kafka:9092 --topic order-events --partition 99 --offset 1",
        "kafka-console-consumer --bootstrap-server kafka:9092 --topic order-events --partition 0 --offset -7",
        "kafka-console-consumer --bootstrap-server kafka:9092 --topic order-events --max-messages many",
        "echo '{\"a\":[[[' | kafka-console-producer --bootstrap-server kafka:9092 --topic order-events",
        "echo 99999999999999999999999 | kafka-console-producer --bootstrap-server kafka:9092 --topic order-events",
        "kafka-consumer-groups --bootstrap-server kafka:9092 --describe",
        "kafka-consumer-groups --bootstrap-server kafka:9092 --group warehouse --reset-offsets --execute",
        "kafka-consumer-groups --bootstrap-server kafka:9092 --group warehouse --topic x --reset-offsets --to-datetime yesterday",
        "kafka-configs --bootstrap-server kafka:9092 --alter --entity-type topics --entity-name order-events --add-config min.insync.replicas=-1",
        "kafka-configs --bootstrap-server kafka:9092 --alter --entity-type topics --entity-name order-events --add-config retention.ms=1",
        "kafka-leader-election --bootstrap-server kafka:9092 --election-type MAYBE",
        "kcat -C",
        "kcat -Z",
        "kcat -C -t order-events -o middle",
        "chaos kafka broker 9 down",
        "chaos kafka crash warehouse/nobody",
    ],
)
def test_wrong_words_are_answered_and_change_nothing(world: World, line: str) -> None:
    assert world.entities is not None
    before = world.entities.history.digest()
    assert say(world, line).strip()
    assert world.entities.history.digest() == before


def test_looking_changes_nothing_and_worlds_pickle(world: World) -> None:
    other = world.fork()
    for line in (
        "kafka-topics --bootstrap-server kafka:9092 --describe", "kafka-consumer-groups --bootstrap-server kafka:9092 --describe --all-groups --members --verbose",
        "kafka-console-consumer --bootstrap-server kafka:9092 --topic order-events --from-beginning", "kcat -b kafka:9092 -L", "kafka-get-offsets",
    ):  # fmt: skip
        execute(world, line)
    pickle.loads(pickle.dumps(world))
    until = max(world.now_s, other.now_s) + 30
    world.advance_to(until)
    other.advance_to(until)
    assert world.entities is not None and other.entities is not None
    assert world.entities.history.digest() == other.entities.history.digest()


def test_a_consumer_that_dies_takes_its_container_along_and_returns_with_it(world: World) -> None:
    world.turn_based = False
    say(world, "chaos kafka crash warehouse/warehouse-0")
    world.advance_to(world.now_s + 2)
    rows = say(world, "kubectl get pods -l app=warehouse-service")
    assert rows.count("1 (") == 1 and rows.count("0/1") == 1
    dead = next(line.split()[0] for line in rows.splitlines() if "0/1" in line)
    assert "Exit Code:    137" in say(world, f"kubectl describe pod {dead}")
    world.advance_to(world.now_s + 60)
    assert "0/1" not in say(world, "kubectl get pods -l app=warehouse-service")
    assert (
        say(
            world, "kafka-consumer-groups.sh --bootstrap-server kafka-1:9092 --describe --group warehouse"
        ).count("warehouse-0-")
        == 2
    )
