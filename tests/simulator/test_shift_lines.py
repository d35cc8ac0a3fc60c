"""What a third held-out set of lines brought up, by cause: pods that change hands, plans of ranges, windows over groups, YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from simulator import snapshots
from simulator.commands import execute
from simulator.reply import Reply
from simulator.run import make_world, play
from simulator.scenario import load

Ask = Callable[[str], Reply]


def stage(scenario: str, at_s: float) -> snapshots.Snapshot:
    world = make_world(load(scenario), 1)
    world.turn_based, world.follow_limit_s = False, 1.0
    play(world, (), at_s)
    return snapshots.take(world)


@pytest.fixture(scope="module")
def taken() -> snapshots.Snapshot:
    return stage("payment-pool", 150.0)


@pytest.fixture
def ask(taken: snapshots.Snapshot) -> Ask:
    world = taken.world()
    return lambda line: execute(world, line)


# -- pods and their labels


def test_a_pod_without_its_label_leaves_the_service_and_is_replaced(taken: snapshots.Snapshot) -> None:
    world = taken.world()
    pod = next(p for p in world.kubernetes.pods.values() if p.app == "payment-service" and p.ready)
    logged = execute(world, f"kubectl logs {pod.name} --tail=1").out
    before = world.plane.groups("payment-service")
    assert sum(g.pods for g in before) == 18
    assert execute(world, f"kubectl label pod {pod.name} app-").out == f"pod/{pod.name} unlabeled\n"
    assert sum(g.pods for g in world.plane.groups("payment-service")) == 17
    assert pod.name not in execute(world, "kubectl get ep payment-service -o yaml").out
    assert "ownerReferences" not in execute(world, f"kubectl get pod {pod.name} -o yaml").out
    assert execute(world, "kubectl get pods -l app=payment-service --no-headers").out.count("\n") == 18
    world.advance(60.0)
    assert sum(g.pods for g in world.plane.groups("payment-service")) == 18
    assert execute(world, f"kubectl logs {pod.name} --tail=1").out == logged  # no request has come since
    execute(world, f"kubectl label pod {pod.name} app=payment-service")
    world.advance(30.0)
    named = execute(world, "kubectl get pods -l app=payment-service --no-headers").out
    assert named.count("Running") == 18
    execute(world, f"kubectl label pod {named.split()[0]} app-")
    world.fork().advance(1.0)


def test_a_label_that_no_server_takes_is_refused(ask: Ask) -> None:
    assert (
        "name part must consist of alphanumeric characters"
        in ask("kubectl label deploy checkout 'a b=1'").err
    )
    assert "a valid label must be an empty string or" in ask("kubectl label deploy checkout 'a=b c'").err


def test_a_pod_for_one_command_leaves_nothing_behind(ask: Ask) -> None:
    before = ask("kubectl get pods -o name").out
    reply = ask("kubectl run t --rm -i --image=busybox --restart=Never -- sh -c 'echo $HOSTNAME'")
    assert (reply.code, reply.out) == (0, 't\npod "t" deleted\n')
    assert "admission webhook" in ask("kubectl run t --image=nginx").err
    assert ask("kubectl get pods -o name").out == before
    assert ask("echo $HOSTNAME").out == "bastion\n"


# -- SQL


def test_a_window_behind_group_by_runs_over_the_groups(ask: Ask) -> None:
    rows = ask(
        "psql -Atc \"select count(*), sum(count(*)) over () from payments where created_at > now() - interval '5 min' "
        'group by status"'
    ).out.split()
    counts = [int(row.split("|")[0]) for row in rows]
    assert len(counts) > 1
    assert {int(row.split("|")[1]) for row in rows} == {sum(counts)}


@pytest.mark.parametrize(
    ("where", "plan"),
    [
        ("id between 1000 and 2000", r"Index Cond: \(\(id >= 1000\) AND \(id <= 2000\)\)"),
        ("2000 > id and id > 1000", r"Index Cond: \(\(id < 2000\) AND \(id > 1000\)\)"),
        (
            "user_id = 7 and created_at > now() - interval '1 day'",
            r"Index Cond: \(\(user_id = 7\) AND \(created_at > ",
        ),
        ("amount > 100", r"Parallel Seq Scan on payments"),
    ],
)
def test_a_plan_knows_what_a_range_holds(ask: Ask, where: str, plan: str) -> None:
    shown = ask(f'psql -Atc "explain select * from payments where {where}"').out
    assert re.search(plan, shown), shown
    rows = int(re.findall(r"rows=(\d+)", shown)[0])
    assert rows > 10_000_000 if "Seq" in plan else rows < 2_000


def test_json_keeps_digits_and_its_own_order(ask: Ask) -> None:
    told = ask(
        "psql -Atc \"select json_build_object('s', 1.50, 'a', null), jsonb_build_object('ss', 1.50, 'a', 2)\""
    ).out
    assert told == '{"s" : 1.50, "a" : null}|{"a": 2, "ss": 1.50}\n'
    copied = ask(
        'psql -c "copy (select amount, created_at, true from payments order by id desc limit 1) to stdout"'
    ).out
    assert re.fullmatch(r"\d+\.\d\d\t\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00\tt\n", copied)


def test_advisory_locks_belong_to_sessions(ask: Ask) -> None:
    ask("select pg_advisory_lock(7)")
    assert ask('psql -Atc "select pg_try_advisory_lock(7), pg_try_advisory_lock(8)"').out == "f|t\n"
    assert (
        ask("psql -Atc \"select objid, mode from pg_locks where locktype = 'advisory'\"").out
        == "7|ExclusiveLock\n"
    )
    wrong = ask('psql -Atc "select pg_advisory_unlock(7)"')
    assert (wrong.out, wrong.err) == ("f\n", "WARNING:  you don't own a lock of type ExclusiveLock\n")


def test_the_hot_merchant_stands_out_among_the_orders() -> None:
    world = stage("hot-shard", 120.0).world()
    query = (
        "psql -Atc \"select merchant_id, count(*) from orders where created_at > now() - interval '30 s' group by 1 "
        'order by 2 desc limit 2"'
    )
    first, second = (line.split("|") for line in execute(world, query).out.split())
    assert first[0] == "48213"
    assert int(first[1]) > 50 * int(second[1])
    alone = execute(world, query.replace("where", "where merchant_id = 48213 and")).out.split()
    assert alone == ["|".join(first)]


# -- text tools


def test_yq_reads_and_writes_yaml(ask: Ask) -> None:
    taken = ask("kubectl get deploy checkout -o yaml | yq '.spec.replicas = 3 | .spec.replicas'").out
    assert taken == "3\n"
    shown = ask('yq . <<< \'{b: [1, "2", {c: null}], a: "x y", t: 2026-01-01}\'').out
    assert shown == 'b:\n  - 1\n  - "2"\n  - c: null\na: x y\nt: "2026-01-01"\n'
    assert (
        json.loads(ask("kubectl get deploy checkout -o yaml | yq -o json '.metadata.labels'").out)["app"]
        == "checkout"
    )
    assert (
        ask("kubectl get deploy -o yaml | yq '.items[] | select(.spec.replicas > 19) | .metadata.name'").out
        == "checkout\n"
    )
    assert ask("yq '.a[' <<< 'a: 1'").code == 1


@pytest.mark.parametrize(
    "text",
    ["a: &x [1]\nb: *x", "[" * 5_000, "a: [1, 2", "\t- x: {", "? - a\n: b", "a: !!python/object:os.system x"],
)
def test_yq_survives_what_is_no_plain_yaml(ask: Ask, text: str) -> None:
    reply = ask(f"printf '%s' '{text}' | yq .")
    assert reply.code in (0, 1)
    assert reply.code == 0 or reply.err.startswith("Error: ")


@pytest.mark.parametrize(
    ("line", "out"),
    [
        ("numfmt --to=iec 1536 1048576 999", "1.5K\n1.0M\n999\n"),
        ("numfmt --from=iec 1.5M", "1572864\n"),
        ("numfmt --to=si --suffix=B 1500000", "1.5MB\n"),
        ("printf \"%'d|%'.2f\\n\" 1234567 9876.5", "1,234,567|9,876.50\n"),
        ("comm -12 <(printf 'a\\nb\\n') <(printf 'b\\nc\\n')", "b\n"),
        ("join -t, <(printf '1,a\\n2,b\\n') <(printf '2,y\\n')", "2,b,y\n"),
    ],
)
def test_numbers_and_sorted_lists(ask: Ask, line: str, out: str) -> None:
    assert ask(line).out == out


def test_pods_are_series_for_as_long_as_they_are(ask: Ask) -> None:
    ready = 'promql \'count(kube_pod_status_ready{pod=~"payment-service.*", condition="true"} == 1)\''
    assert ask(ready).out.startswith("{} => 18 ")
    assert "kube_pod_info" in ask("curl -s http://prometheus:9090/api/v1/label/__name__/values").out
