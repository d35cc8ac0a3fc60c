"""What lines nobody tuned to brought up: words of a duty, tools that were missing, figures that contradicted each other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from simulator import snapshots
from simulator.commands import complete, execute, tools
from simulator.reply import Reply
from simulator.run import make_world, play
from simulator.scenario import load

Ask = Callable[[str], Reply]


@pytest.fixture(scope="module")
def taken() -> snapshots.Snapshot:
    world = make_world(load("payment-pool"), 1)
    world.turn_based, world.follow_limit_s = False, 1.0
    play(world, (), 120.0)
    return snapshots.take(world)


@pytest.fixture
def ask(taken: snapshots.Snapshot) -> Ask:
    world = taken.world()
    return lambda line: execute(world, line)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("кто дежурит по базе?", "oncall"),
        ("who is on call", "oncall"),
        ("whos on call for payments", "oncall"),
        ("подними дежурного dba", "page dba"),
        ("запиши в таймлайн: откатываем 2.8.1", "note 'откатываем 2.8.1'"),
        ("присвой sev1", "sev P1"),
        ("stop payment-retry-worker", "kubectl scale deployment/payment-retry-worker --replicas=0"),
        ("выведи ноду node-dc2-03", "kubectl drain node-dc2-03 --ignore-daemonsets --delete-emptydir-data"),
        ("покажи логи базы", "kubectl logs payments-db-0 --tail=20"),
        ("show recent deploys", "helm list --date --reverse --max 5"),
        ("переключи payments-db на реплику", "failover switchover payments-db"),
    ],
)
def test_plain_requests_are_read_whole(ask: Ask, line: str, command: str) -> None:
    first = ask(line).out.splitlines()[0]
    assert first.split(": ", 1)[-1].removeprefix("≈ ") == command


@pytest.mark.parametrize(
    "line", ["добавь подов payment-service", "обнови статус-страницу", "запиши что-нибудь", "who is to blame"]
)
def test_orders_that_could_mean_two_things_are_not_read_as_looks(ask: Ask, line: str) -> None:
    assert ask(line).code == 127


def test_a_note_stands_in_the_timeline_and_a_duty_roster_names_the_player(ask: Ask) -> None:
    assert "noted at" in ask("note rolling back v2.8.1").out
    assert "rolling back v2.8.1" in ask("timeline").out
    ask("page dba")
    assert re.search(r"dba .*on the way", ask("oncall").out)
    assert re.search(r"payments +payment-service +you", ask("oncall payments").out)


def test_what_is_encoded_can_be_read_again(ask: Ask) -> None:
    assert ask("echo kept | base64 | base64 -d").out == "kept\n"
    bad = ask("echo '*' | base64 -d")
    assert (bad.code, bad.err) == (1, "base64: invalid input\n")
    secret = ask("kubectl get secret payments-db-credentials -o jsonpath='{.data.username}' | base64 -d")
    assert secret.out == "payments"


def test_kcat_tells_json_reads_as_a_group_and_from_a_time(ask: Ask) -> None:
    told = json.loads(ask("kcat -b kafka:9092 -L -J").out)
    assert [each["id"] for each in told["brokers"]] == [1, 2, 3]
    assert "rebalanced" in ask("kcat -b kafka:9092 -G mine payment-events -e").err
    every = ask("kcat -b kafka:9092 -C -t payment-events -o beginning -e -q").out.count("\n")
    some = ask("kcat -b kafka:9092 -C -t payment-events -o s@1795183230000 -e -q").out.count("\n")
    assert 0 < some < every


def test_a_group_that_does_not_exist_yet_can_be_planned(ask: Ask) -> None:
    line = "kafka-consumer-groups --bootstrap-server kafka:9092 --group new --topic payment-events --reset-offsets --by-duration PT10S --dry-run"
    rows = ask(line).out.splitlines()[-6:]
    assert all(row.startswith("new") for row in rows)
    ends = ask("kafka-get-offsets --bootstrap-server kafka:9092 --topic-partitions payment-events:0-2").out
    assert ends.count("\n") == 2


def test_figures_of_the_cluster_fit_together(ask: Ask) -> None:
    shares = re.findall(r" (\d+)% ", ask("kubectl top nodes").out)
    assert shares
    assert all(int(share) <= 100 for share in shares)
    used = ask("kubectl exec payments-db-0 -- du -s /var/lib/postgresql/data").out.split()[0]
    asked = ask("psql -Atc 'select sum(pg_database_size(datname)) from pg_database'").out
    assert abs(int(used) * 1024 - float(asked)) < 0.02 * float(asked)
    peers = {
        line.split("|")[4].strip() for line in ask("psql pgbouncer -c 'SHOW CLIENTS'").out.splitlines()[2:-2]
    }
    pods = set(ask("kubectl get pods -o jsonpath='{.items[*].status.podIP}'").out.split())
    assert len(peers) > 3
    assert peers <= pods
    for kind in ("pv", "sc", "sa", "ds -n kube-system"):
        assert ask(f"kubectl get {kind}").out.count("\n") > 1, kind
    counted = ask("ss -tan | grep -c ESTAB").out.strip()
    assert f"estab {counted}," in ask("ss -s").out


def test_a_standby_is_reached_by_its_pods_name(ask: Ask) -> None:
    shown = ask(
        "psql -h payments-db-1 -Atc 'select pg_is_in_recovery(), pg_last_wal_replay_lsn() is null'"
    ).out
    assert shown == "t|f\n"
    assert "recovery is in progress" in ask("psql -h payments-db-1 -c 'select pg_current_wal_lsn()'").err
    assert "read-only transaction" in ask("psql -h payments-db-1 -c 'delete from refunds'").err
    assert ask("psql -h payments-db-0 -Atc 'select pg_is_in_recovery()'").out == "f\n"


def test_alerts_are_a_series(ask: Ask) -> None:
    names = set(re.findall(r'alertname="(\w+)"', ask("promql ALERTS").out))
    assert names
    assert names == set(re.findall(r"^(?:pending|firing) +(\w+)", ask("alerts").out, re.MULTILINE))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("psql -c 'select to_char(now(), repeat($$Y$$, 1000000))'", "requested length too large"),
        ("psql -c 'select count(*) from generate_series(1, 1000000000000)'", "statement timeout"),
        ("df -Z", "df: invalid option -- 'Z'"),
        ("ps -Q", "error: unsupported SysV option"),
        ("dig +foo x", "Invalid option: +foo"),
        ("sagactl list", "there is no saga orchestrator"),
    ],
)
def test_what_must_fail_fails_plainly(ask: Ask, line: str, text: str) -> None:
    reply = ask(line)
    assert reply.code
    assert text in reply.err


def test_yes_is_read_as_far_as_asked(ask: Ask) -> None:
    assert ask("yes ok | head -3").out == "ok\nok\nok\n"


def test_every_tool_has_help_and_is_completed(taken: snapshots.Snapshot) -> None:
    world = taken.world()
    for name in tools():
        reply = execute(world, f"help {name}")
        assert (reply.code, bool(reply.out.strip())) == (0, True), name
        assert name in complete(world, name), name


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("kubectl ro", "rollout"),
        ("kubectl rollout u", "undo"),
        ("kubectl get depl", "deployments"),
        ("kubectl get nodes node-dc1", "node-dc1-01"),
        ("kubectl get pods --field", "--field-selector"),
        ("k get po | gre", "grep"),
        ("helm roll", "rollback"),
        ("git bl", "blame"),
        ("redis-cli slow", "slowlog"),
        ("kafka-topics --bootstrap-server kafka:9092 --under-r", "--under-replicated-partitions"),
        ("psql -c 'select * from payment_", "payment_items"),
    ],
)
def test_completion_offers_what_the_tools_parse(taken: snapshots.Snapshot, typed: str, offered: str) -> None:
    assert offered in complete(taken.world(), typed)
