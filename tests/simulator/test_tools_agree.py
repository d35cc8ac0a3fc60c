"""Several tools look at one thing: what one of them shows, no other denies."""

from typing import Any

import pytest

from simulator import responder
from simulator.commands import execute
from simulator.planning.review import judge, lines_of
from simulator.scenario import load, parse
from simulator.world import World

RAW: dict[str, Any] = {
    "id": "walls",
    "duration_s": 400,
    "traffic": {"rps": 60, "entry": "lb", "classes": {"order": {"path": "shop.order"}}},
    "components": {
        "lb": {"kind": "balancer", "timeout_s": 3},
        "shop": {"kind": "service", "pods": 3, "startup_s": 5, "bulkhead": {"limit": 60},
                 "endpoints": {"order": [{"query": "shop-db", "cpu_ms": 2.0}, {"call": "stock.take"}]}},
        "stock": {"kind": "service", "pods": 2, "bulkhead": {"limit": 60}, "versions": {"v1": {}, "v2": {}}, "current": "v1",
                  "endpoints": {"take": [{"work_ms": 3}]}},
        "shop-db": {"kind": "postgres", "cores": 4, "max_connections": 25,
                    "pool": {"limit": 15, "open": 15, "user": "shop", "per_pod": 5, "service": "shop"}},
    },
}  # fmt: skip


def made() -> World:
    world = World(parse(RAW, "walls.yaml"), 1)
    world.turn_based = False
    world.advance_to(5)
    return world


def say(world: World, line: str) -> str:
    return execute(world, line).text


def test_a_pod_without_a_slot_says_so_wherever_one_looks() -> None:
    world = made()
    say(world, "kubectl scale deployment/shop --replicas=6")
    world.advance_to(18)
    rows = say(world, "kubectl get pods -l app=shop")
    assert rows.count("1/1") == 4 and rows.count("CrashLoopBackOff") == 2
    dying = next(line.split()[0] for line in rows.splitlines() if "CrashLoopBackOff" in line)
    for look in ("", " --previous"):
        assert "PSQLException: FATAL:  remaining connection slots" in say(
            world, f"kubectl logs {dying}{look}"
        )
    described = say(world, f"kubectl describe pod {dying}")
    assert "Reason:       CrashLoopBackOff" in described and "Exit Code:    1\n" in described
    assert "shop@" in say(world, "kubectl logs shop-db-0") and "FATAL" in say(world, "kubectl logs shop-db-0")
    held = say(world, "psql -h shop-db -tAc \"SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop'\"")
    assert held.strip() == "20"
    world.advance_to(24)  # its next container has begun: it runs, and does not become ready
    assert f"{dying}   0/1     Running" in say(world, "kubectl get pods -l app=shop")


def test_what_fails_at_a_door_is_counted_with_the_version_that_serves() -> None:
    world = made()
    world.plane.set_failing("stock", 1.0, "chaos")
    world.advance_to(60)
    codes = {
        (version, code): say(world, f"promql 'rate(http_requests_total{{service=\"stock\",version=\"{version}\",code=\"{code}\"}}[30s])'")
        for version in ("v1", "v2")
        for code in ("200", "500")
    }  # fmt: skip
    assert float(codes["v1", "500"].split("=> ")[1].split()[0]) > 50
    for name in (("v1", "200"), ("v2", "200"), ("v2", "500")):
        assert abs(float(codes[name].split("=> ")[1].split()[0])) < 1e-9, name
    lines = say(world, "kubectl logs -l app=stock --tail=3").splitlines()
    assert lines and all(" ERROR " in line for line in lines)


def test_asking_a_tool_what_it_does_changes_nothing() -> None:
    world = made()
    for tool in ("note", "wait", "page", "sev", "deploy"):
        reply = execute(world, f"{tool} --help")
        assert reply.code == 0 and tool in reply.out and reply.cost_s == 0
    assert not [e for e in world.events if e.kind == "note"]
    assert not world.pager.incidents


def test_a_call_by_people_moves_the_hands_as_a_page_does() -> None:
    scenario = parse({**RAW, "opens_s": 100}, "walls.yaml")
    assert responder.called_s(scenario, None) == 99
    assert (
        responder.called_s(scenario, 40) == 40 and responder.called_s(parse(RAW, "walls.yaml"), None) is None
    )
    before, acting = responder.split(
        [(100.0, "first"), (130.0, "second")], responder.called_s(scenario, None)
    )
    assert not before and acting.after_page == [(1.0, "first"), (31.0, "second")]


@pytest.mark.parametrize(
    "plan",
    [
        "1. Add the nullable column total_kop, lock_timeout 2s 2. v9.5.0 writes both 3. backfill, mind the lag 4. verify 5. switch"
        " the flag 6. drop the column total",
        "1) добавить пустую колонку total_kop с lock_timeout 2) двойная запись 3) дозаполнение с паузами 4) сверка 5) переключить"
        " чтение 6) удалить столбец total",
    ],
)
def test_a_numbered_plan_on_one_line_is_read_item_by_item(plan: str) -> None:
    spec = load("migration-100m").plan
    assert spec is not None
    assert len(lines_of(plan)) == 6
    assert judge(spec, plan, "en").approved
    swapped = plan.replace("6", "0").replace("4", "6", 1).replace("0", "4", 1)
    assert len(lines_of(swapped)) < 6  # numbers out of order are figures
