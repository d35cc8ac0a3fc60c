"""A world is a function of scenario, seed and log: any log, any process, any copy, whoever looks at it.

The scenario releases at second 2 here, so that the outage is there at second 45.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.commands import execute
from simulator.invariants import check
from simulator.reply import Reply
from simulator.run import Command, make_world, play, schedule
from simulator.scenario import TimelineEntry, load
from simulator.world import World

ROOT = Path(__file__).resolve().parents[2]
PLAIN = load("payment-pool")
EARLY = PLAIN.model_copy(
    update={"timeline": [TimelineEntry(at_s=2, command="deploy payment-service v2.8.1")]}
)
START_S = 45.0

LOOKS = [
    "status",
    "timeline",
    "timeline -a",
    "alerts",
    "help",
    "kubectl get pods -n prod",
    "kubectl get pods -n prod -o json | jq -r '.items[].metadata.name' | wc -l",
    "kubectl get deploy,rs,svc,hpa -n prod -o wide",
    "kubectl describe deployment payment-service -n prod",
    "kubectl logs deploy/payment-service -n prod --tail=20",
    "kubectl get events -n prod --sort-by=.lastTimestamp",
    "kubectl rollout history deployment/payment-service -n prod",
    "kubectl top pods -n prod",
    "psql -c 'SHOW POOLS' pgbouncer",
    "psql -d payments -c 'SELECT state, count(*) FROM pg_stat_activity GROUP BY 1'",
    "SELECT query, calls FROM pg_stat_statements ORDER BY calls DESC LIMIT 5;",
    "promql 'sum(rate(http_requests_total[1m])) by (service, code)'",
    "promql --range 1m --step 15s pgbouncer_pools_client_waiting_connections",
    "graph success --last 1m",
    "trace list --errors",
    "git log --oneline",
    "git diff v2.8.0 v2.8.1",
    "helm history payment-service",
    'logcli query \'{app="payment-service"} |= "Bulkhead"\' --limit 5',
    "покажи поды",
]
ACTS = [
    "deploy payment-service v2.7.9",
    "kubectl rollout undo deployment/payment-service -n prod",
    "kubectl rollout status deployment/payment-service -n prod",
    "kubectl rollout restart deployment/payment-service -n prod",
    "kubectl scale deployment/payment-service --replicas=30 -n prod",
    "kubectl scale deployment/payment-service --replicas=0 -n prod",
    "kubectl delete pods -l app=payment-service -n prod",
    "kubectl delete pod -n prod $(kubectl get pods -n prod -o name | head -1)",
    "kubectl rollout pause deployment/payment-service -n prod",
    "kubectl set image deployment/payment-service payment-service=registry.local/payment-service:v9.9.9 -n prod",
    "helm rollback payment-service 1 -n prod",
    "откати payment-service",
    "да",
    "нет",
    "wait 7",
    "ack",
    "sev P1",
    "page dba",
    "hint",
    "psql -d payments -c 'DROP TABLE payment_items'",
    "echo $RANDOM $(date) > note.txt; cat note.txt",
    "curl -s http://payment-service:8080/actuator/health",
]
MISTAKES = [
    "",
    "kubectl",
    "kubectl get pods -n nowhere",
    "kubectl scale deployment/nobody --replicas=3",
    "kubectl get pods -o jsonpath='{'",
    "psql -c 'selct'",
    "promql 'sum('",
    "jq '.['",
    "while true; do :; done",
    "| | |",
    "\x00\x1b[31m ' \" `",
]


def world_at(second: float, language: str = "en", seed: int = 1) -> World:
    world = make_world(EARLY, seed, language=language)
    world.advance_to(second)
    world.turn_based = True
    world.follow_limit_s = 10.0
    return world


@pytest.fixture(scope="module")
def burning() -> World:
    """A world in the middle of the rollout; tests fork it and never move it."""
    return world_at(START_S)


def type_in(world: World, lines: Sequence[str]) -> list[Reply]:
    return [execute(world, line) for line in lines]


# -- the same log, the same run


LOG = [
    Command(0.0, "status"),
    Command(3.0, "kubectl get pods -n prod"),
    Command(20.0, "kubectl scale deployment/checkout --replicas=22 -n prod"),
    Command(41.0, "откати payment-service"),
    Command(41.5, "да"),
    Command(43.0, "kubectl delete pods -l app=antifraud -n prod"),
    Command(44.0, "psql -c 'SHOW POOLS' pgbouncer"),
]
UNTIL_S = 60.0


def played(seed: int = 1, language: str = "en") -> World:
    world = make_world(EARLY, seed, language=language)
    play(world, schedule(LOG), UNTIL_S)
    return world


def test_the_same_log_gives_the_same_digest() -> None:
    digest = played().digest()
    assert played().digest() == digest
    assert played(language="ru").digest() == digest  # wording is no part of it
    assert played(seed=2).digest() != digest


PROCESS = """
from tests.simulator.test_world_properties import played
print(played().digest())
"""


@pytest.mark.parametrize("hash_seed", ["1", "4711"])
def test_a_fresh_process_with_another_hash_seed_gives_the_same_digest(hash_seed: str) -> None:
    environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", PROCESS], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == played().digest()


def test_a_digest_sees_what_a_command_did(burning: World) -> None:
    digests = set()
    for line in ("status", "kubectl scale deployment/checkout --replicas=3 -n prod", "hint"):
        world = burning.fork()
        world.turn_based = False
        execute(world, line)
        world.advance(1)
        digests.add(world.digest())
    assert len(digests) == 3


def test_the_size_of_the_steps_does_not_matter() -> None:
    whole, stepped = world_at(20), world_at(0)
    for second in (0.3, 1.99, 2.0, 7.77, 7.78, 19.0, 20.0):
        stepped.advance_to(second)
    assert stepped.digest() == whole.digest()


# -- forks


def test_a_fork_continues_as_its_original(burning: World) -> None:
    original = burning.fork()
    type_in(original, ["откати payment-service"])  # a question is open
    copy = original.fork()
    assert copy.digest() == original.digest()
    for world in (original, copy):
        type_in(world, ["да", "wait 5", "kubectl get pods -n prod"])
    assert copy.digest() == original.digest()
    assert [e.text for e in copy.events] == [e.text for e in original.events]


def test_a_fork_is_independent(burning: World) -> None:
    before = burning.digest()
    copy = burning.fork()
    type_in(copy, ["kubectl delete pods -l app=payment-service -n prod", "ack", "hint", "wait 3"])
    assert burning.digest() == before
    assert copy.digest() != before


# -- looking


def without_commands(world: World) -> tuple[object, ...]:
    """Everything that matters of a world but who asked what."""
    plane = world.plane
    return (
        {key: plane.history.column(key) for key in plane.history.keys()},
        [e for e in world.events if e.kind != "command"],
        [(name, pod.ready, pod.ready_s, pod.deleted_s) for name, pod in world.kubernetes.pods.items()],
        [(record[0], record[3]) for record in sorted(world.agenda.heap, key=lambda r: (r[0], r[1], r[2]))],
        [(i.alert, i.paged_s, i.resolved_s) for i in world.pager.incidents],
        world.policies,
    )


def test_looking_changes_nothing(burning: World) -> None:
    """All looks in one copy; another copy lets the same time pass. Both go on alike."""
    observed, alone = burning.fork(), burning.fork()
    for line in LOOKS:
        reply = execute(observed, line)
        assert reply.text.strip(), line
        assert reply.code == 0, (line, reply.text)
    alone.advance_to(observed.now_s)
    for world in (observed, alone):
        world.advance(5)
    assert without_commands(observed) == without_commands(alone)


def test_looking_answers_alike_in_a_copy_and_again(burning: World) -> None:
    one, other = burning.fork(), burning.fork()
    one.turn_based = other.turn_based = False
    for line in LOOKS:
        first = execute(one, line)
        assert execute(other, line) == first, line
    assert one.now_s == START_S


@pytest.mark.parametrize("engine", ["cohort", "exact"])
def test_every_look_works_at_the_very_beginning(engine: str) -> None:
    """Before the first scrape, before the first second; the exact engine keeps no traces."""
    world = make_world(EARLY, engine=engine)
    for second in (0.0, 0.5, 3.0):
        world.advance_to(second)
        for line in LOOKS:
            assert isinstance(execute(world, line), Reply), line


# -- any log


lines = st.sampled_from([*LOOKS, *ACTS, *ACTS, *MISTAKES])


@settings(max_examples=12, deadline=None, derandomize=True)
@given(log=st.lists(lines, min_size=1, max_size=8))
def test_any_log_is_answered_and_replays_equal(burning: World, log: list[str]) -> None:
    one, other = burning.fork(), burning.fork()
    replies = type_in(one, log)
    assert type_in(other, log) == replies
    for world in (one, other):
        world.advance(2)
    assert one.digest() == other.digest()
    for name, verdict in check(one).items():
        assert verdict["ok"], (name, verdict["violations"])


def test_every_line_is_answered_in_both_languages(burning: World) -> None:
    for language in ("ru", "en"):
        world = burning.fork()
        world.language = language
        for line in [*ACTS, *MISTAKES]:
            reply = execute(world, line)
            assert isinstance(reply, Reply), line
            assert reply.text.strip() or reply.code == 0, line
            assert "Traceback" not in reply.text, line
        assert all(verdict["ok"] for verdict in check(world).values())


# -- the scenario's own timeline


@pytest.mark.parametrize(
    "line", ["echo deploy v2.8.1", "# deploy v2.8.1 is bad", "help deploy payment-service v2.8.1", "status"]
)
def test_words_do_not_stop_the_timeline(line: str) -> None:
    world = make_world(EARLY)
    execute(world, line)
    world.advance_to(3)
    assert [e.t_s for e in world.events if e.kind == "deploy"] == [2.0]


def test_a_release_by_hand_comes_instead_of_the_timeline_s() -> None:
    world = make_world(EARLY)
    world.advance_to(1)
    execute(world, "deploy payment-service v2.8.1")
    world.advance_to(5)
    assert [e.t_s for e in world.events if e.kind == "deploy"] == [1.0]


def test_the_timeline_leaves_an_open_question_open() -> None:
    world = make_world(EARLY)
    world.advance_to(1)
    execute(world, "откати payment-service")
    asked = world.pending
    assert asked is not None
    world.advance_to(3)
    assert world.pending == asked
    assert execute(world, "нет").code == 0
    assert world.pending is None
