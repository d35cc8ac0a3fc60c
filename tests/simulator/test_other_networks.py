"""Networks that no scenario has: what theory says of them holds, and what cannot be run is refused in one line."""

from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import yaml

from simulator.run import make_world
from simulator.scenario import load, parse
from simulator.world import World

KINDS = ("ok", "declined", "rejected", "timeout", "error")
LONG_S = 40.0


def service(steps: list[Any], pods: int = 4, limit: int = 60, **more: Any) -> dict[str, Any]:
    bulkhead = {"limit": limit, "queue": more.pop("queue", 50)}
    return {"kind": "service", "pods": pods, "bulkhead": bulkhead, "endpoints": {"go": steps}, **more}


def network(rps: float, parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Class `all` asks `go` of the first part."""
    timeout_s = more.pop("timeout_s", 3)
    return {
        "id": "other",
        "duration_s": 3600,
        "traffic": {"rps": rps, "entry": "lb", "classes": {"all": {"path": f"{next(iter(parts))}.go"}}},
        "components": {"lb": {"kind": "balancer", "timeout_s": timeout_s}, **parts},
        **more,
    }


CHAIN = network(
    300,
    {
        f"s{i}": service([{"work_ms": 5, "shape": 2}, *([{"call": f"s{i + 1}.go"}] if i < 9 else [])])
        for i in range(10)
    },
)
DIAMOND = network(
    2000,
    {
        "top": service([{"work_ms": 1}, {"parallel": [[{"call": f"m{i}.go", "timeout_ms": 400, "retries": 1}] for i in range(4)]}], 20),
        **{f"m{i}": service([{"work_ms": 4}, {"call": "bottom.go"}], 10) for i in range(4)},
        "bottom": service([{"work_ms": 2}], 20),
    },
)  # fmt: skip
HUGE = network(400_000, {"edge": service([{"work_ms": 2}, {"call": "kv.go"}], 100, 80), "kv": service([{"work_ms": 0.5}], 50, 20)})  # fmt: skip
TWO_PLACES = network(
    200,
    {
        "web": service([{"work_ms": 3}, {"query": "db", "cpu_ms": 2}], 8, placement={"east": 4, "west": 4}),
        "db": {"kind": "postgres", "cores": 8, "datacenter": "east", "pool": {"limit": 60, "open": 60}},
    },
    datacenters={"east": {"weight": 1}, "west": {"weight": 1}},
    links=[{"between": ["east", "west"], "latency_ms": 15}],
    timeline=[{"at_s": 20, "command": "chaos link east west --down --for 10"}],
)
LIMITED = network(
    500,
    {
        "edge": service([{"call": "core.go", "timeout_ms": 250, "retries": 3, "backoff_ms": 20, "retry_budget": {"ratio": 0.1, "per_s": 1, "burst": 10}, "breaker": {"window": 200, "failure_rate": 0.5, "open_s": 5, "half_open_calls": 20}}], 4, 200, rate_limit={"rps": 400, "burst": 40}),
        "core": service([{"work_ms": 10}], 2, 12, queue=12),
    },
    timeline=[{"at_s": 15, "command": "chaos slow core 10 --for 10"}],
)  # fmt: skip


def run(raw: dict[str, Any], until_s: float = LONG_S, **more: Any) -> World:
    world = make_world(parse(raw, "other.yaml"), 1, **more)
    world.advance_to(until_s)
    return world


def mean(world: World, key: str, from_s: int = 20, to_s: int | None = None) -> float:
    return fmean(world.plane.history.column(key)[from_s:to_s])


def ended(world: World, from_s: int, to_s: int | None = None) -> float:
    return mean(world, "class/all/ok", from_s, to_s) / mean(world, "class/all/offered", from_s, to_s)


# -- what theory says


@pytest.mark.parametrize(
    ("raw", "mean_s"), [(CHAIN, 0.050), (HUGE, 0.0025), (DIAMOND, None)], ids=["chain", "huge", "diamond"]
)
def test_littles_law_holds_in_the_first_service(raw: dict[str, Any], mean_s: float | None) -> None:
    world = run(raw)
    first = next(n for n in raw["components"] if n != "lb")
    inside, rate = mean(world, f"service/{first}/v1/in_flight_s"), raw["traffic"]["rps"]
    found, _ = world.plane.latency_s("all", 20.0, LONG_S)
    assert inside == pytest.approx(rate * found, rel=0.02)
    assert found == pytest.approx(mean_s or found, rel=0.02)
    history = world.plane.history
    offered = sum(history.column("class/all/offered"))
    left = offered - sum(sum(history.column(f"class/all/{kind}")) for kind in KINDS)
    assert left == pytest.approx(rate * found, rel=0.02)


def test_branches_in_parallel_take_as_long_as_the_slowest() -> None:
    """Four sums of an exponential of 4 ms and one of 2 ms: the greatest is between 6 ms and four times that."""
    found, _ = run(DIAMOND).plane.latency_s("all", 20.0, LONG_S)
    exact, _ = run(
        {**DIAMOND, "traffic": {**DIAMOND["traffic"], "rps": 100}}, engine="exact"
    ).plane.latency_s("all", 5.0, LONG_S)
    assert 0.007 < found < 0.025
    assert found == pytest.approx(exact, rel=0.03)


def test_a_station_of_two_slots_is_an_mm2() -> None:
    raw = network(3, {"box": service([{"work_ms": 500}], 1, 2, queue=100)}, timeout_s=60)
    world = run(raw, 4000.0)
    assert world.engine == "exact" and "box (2 slots a pod)" in world.engine_reason
    found, _ = world.plane.latency_s("all", 100.0, 4000.0)
    assert found == pytest.approx(0.5 / (1 - 0.75**2), rel=0.1)
    assert mean(world, "service/box/v1/in_flight_s", 100) / 2 == pytest.approx(0.75, rel=0.05)


def test_a_partition_costs_one_place_its_database_for_its_time() -> None:
    world = run(TWO_PLACES)
    assert ended(world, 5, 20) == pytest.approx(1.0, abs=0.01)
    assert ended(world, 24, 30) == pytest.approx(0.5, abs=0.03)
    assert ended(world, 36) == pytest.approx(1.0, abs=0.01)


def test_a_rate_limit_turns_away_what_is_too_much_and_a_breaker_opens_and_closes() -> None:
    world = run(LIMITED, 60.0)
    assert ended(world, 5, 15) == pytest.approx(0.8, abs=0.02)
    assert ended(world, 17, 25) < 0.3
    assert ended(world, 45) == pytest.approx(0.8, abs=0.02)
    states = [state for _, _, state in world.plane.breaker_changes()]
    assert states[0] == "OPEN" and states[-1] == "CLOSED"


def test_an_autoscaler_sees_the_cpu_that_steps_take() -> None:
    """400 a second at 20 ms of CPU keep 8 cores busy: at a target of 60 % that makes 13.3 pods, and the tolerance 10 %."""
    more = {"hpa": {"min": 2, "max": 30, "cpu": 60}, "resources": {"cpu_request": "1", "cpu_limit": "1"}}
    raw = network(400, {"api": service([{"work_ms": 20, "cpu": True}], 4, 50, startup_s=5, **more)})
    world = run(raw, 150.0)
    assert 12 <= world.kubernetes.deployments["api"].replicas <= 16
    assert mean(world, "service/api/v1/cpu_share", 130) == pytest.approx(
        8 / world.kubernetes.deployments["api"].replicas, rel=0.08
    )
    assert ended(world, 130) == pytest.approx(1.0, abs=0.02)


# -- what cannot be run


def change(path: str, value: Any) -> dict[str, Any]:
    raw: dict[str, Any] = yaml.safe_load(yaml.safe_dump(network(50, {"a": service([{"work_ms": 5}])})))
    at, parts = raw, path.split("/")
    for part in parts[:-1]:
        at = at[part]
    at[parts[-1]] = value
    return raw


STEPS = "components/a/endpoints/go"
WRONG: list[tuple[str, Any, str]] = [
    ("traffic/rps", -5, "traffic.rps: Input should be greater than 0"),
    ("traffic/rps", 1e9, "traffic.rps: Input should be less than or equal to 1000000"),
    ("traffic/rps", float("nan"), "traffic.rps: Input should be"),
    ("traffic/rps", "many", "traffic.rps: Input should be a valid number"),
    ("traffic/entry", "a", "no balancer named 'a'"),
    ("traffic/classes/all/path", "zz.go", "no service named 'zz'"),
    ("duration_s", 1e12, "duration_s: Input should be less than"),
    ("components/a/pods", 1_000_000, "components.a.service.pods: Input should be less than"),
    ("components/a/kind", "srvice", "components.a: Input tag 'srvice'"),
    ("components/a/podz", 3, "components.a.service.podz: Extra inputs are not permitted"),
    (STEPS, [{"call": "a.go"}], "a.go calls itself"),
    (STEPS, [{"call": "zz.go"}], "a: no service named 'zz'"),
    (STEPS, [{"call": "a.stop"}], "a: a has no endpoint 'stop'"),
    (STEPS, [{"work_ms": 5, "call": "a.go"}], "a step is exactly one of"),
    (STEPS, [{"work_ms": -3}], "go.0.work_ms: Input should be greater than 0"),
]
TEXTS = [
    ("", "a scenario is a mapping of fields"),
    ("a: [1, 2\nb: {", "not readable YAML"),
    ("id: x\nduration_s: 1\nduration_s: 2\n", "'duration_s' is given twice"),
    ("!!python/object/apply:os.system ['true']\n", "not readable YAML"),
    ("a: &a [x,x]\n" + "".join(f"{c}: &{c} [{f'*{p},' * 40}]\n" for p, c in zip("abcdefg", "bcdefgh", strict=True)), "Field required"),
    ("a: &a\n  b: *a\n", "Field required"),
    ("a: " + "[" * 3000 + "]" * 3000, "not readable YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "said"), WRONG)
def test_a_wrong_field_is_named_in_one_line(
    path: str, value: Any, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(yaml.safe_dump(change(path, value)), said, tmp_path, capsys)


@pytest.mark.parametrize(("text", "said"), TEXTS, ids=range(len(TEXTS)))
def test_a_text_that_is_no_scenario_is_refused_in_one_line(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(text, said, tmp_path, capsys)


def refused(text: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from api.cli import main

    (folder / "other.yaml").write_text(text, encoding="utf-8")
    assert main(["run", str(folder / "other.yaml"), "--lang", "en"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and said in printed.err
    assert printed.err.startswith("dropprod: ") and printed.err.count("\n") == 1 and len(printed.err) < 400


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("chaos slow nosuch 10", "chaos slow nosuch 10: chaos: no 'nosuch'; there are: a"),
        ("chaos link east west down", "chaos link east west down: chaos: link: not understood: down"),
        ("chaoss slow a 10", "chaoss slow a 10: bash: chaoss: command not found"),
    ],
)
def test_a_timelines_command_that_fails_is_told(command: str, said: str, tmp_path: Path) -> None:
    raw = {**network(50, {"a": service([{"work_ms": 5}])}), "timeline": [{"at_s": 2, "command": command}]}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    world = make_world(load(str(tmp_path / "other.yaml")))
    world.advance_to(4.0)
    assert [event.text for event in world.events if event.kind == "refused"] == [said]


def test_a_queue_without_an_end_before_several_pods_has_a_table() -> None:
    """Thousands of places to wait in, at twice the load the pods bear: proportions that no float holds as they are."""
    from simulator.engine import stations

    found = stations.table(368, None, 1.0, 4)
    assert found[0] == 0.0 and all(0.0 <= busy <= 1.0 for busy in found)
    assert all(later >= busy - 1e-4 for busy, later in zip(found, found[1:], strict=False))
