"""What people do who do not know what is wrong: the same few things, everywhere. None of it may end the incident."""

from __future__ import annotations

from collections.abc import Callable

from simulator.engine import streams
from simulator.lint.leaks import core, solution_cores
from simulator.scenario import Postgres, Scenario
from simulator.world import World

RANDOM_RUNS = 3
RANDOM_COMMANDS = 12
RANDOM_EVERY_S = 15.0
MOST_PODS = 400  # kubectl would take more, the cluster has no room for them
AGAIN_S = 60.0


def _deployments(world: World) -> list[str]:
    return sorted(world.kubernetes.deployments)


def _each(world: World, line: str) -> list[str]:
    namespace = world.scenario.namespace
    return [f"{line} deployment/{name} -n {namespace}" for name in _deployments(world)]


def nothing(_world: World) -> list[str]:
    return []


def restart_all(world: World) -> list[str]:
    return _each(world, "kubectl rollout restart")


def roll_back_all(world: World) -> list[str]:
    return _each(world, "kubectl rollout undo")


def _scaled(world: World, factor: int) -> list[str]:
    namespace = world.scenario.namespace
    found = []
    for name in _deployments(world):
        pods = min(MOST_PODS, world.kubernetes.deployments[name].replicas * factor)
        found.append(f"kubectl scale deployment/{name} --replicas={pods} -n {namespace}")
    return found


def scale_x10(world: World) -> list[str]:
    return _scaled(world, 10)


def scale_to_zero(world: World) -> list[str]:
    return _scaled(world, 0)


def delete_failing_pods(world: World) -> list[str]:
    """Pods that are not ready or were restarted; when all look well, those of the alert's service."""
    pods = sorted(world.kubernetes.pods.values(), key=lambda p: p.name)
    ill = [
        p.name
        for p in pods
        if p.active and p.namespace == world.scenario.namespace and (not p.ready or p.restarts)
    ]
    if not ill:
        ill = [p.name for p in pods if p.active and p.app == world.scenario.focus.service]
    return [f"kubectl delete pod {name} -n {world.scenario.namespace}" for name in ill]


def silence_all(_world: World) -> list[str]:
    return ['amtool silence add alertname=~".+" --duration=2h --comment="noise"', "ack"]


POLICIES: dict[str, Callable[[World], list[str]]] = {
    "nothing": nothing,
    "restart_all": restart_all,
    "roll_back_all": roll_back_all,
    "scale_x10": scale_x10,
    "scale_to_zero": scale_to_zero,
    "delete_failing_pods": delete_failing_pods,
    "silence_all": silence_all,
}


def random_commands(world: World, number: int) -> list[str]:
    """A dozen changes by luck alone, none of them a line of the solution."""
    key = streams.key_of(world.seed, "lint", "random", number)
    barred = solution_cores(world.scenario)
    found: list[str] = []
    now_s = world.now_s
    for index in range(RANDOM_COMMANDS * 3):
        line = _one(world, key, index * 8)
        if len(found) < RANDOM_COMMANDS and not any(c in core(line) or core(line) in c for c in barred):
            found.append(f"@{now_s:g} {line}")
            now_s += RANDOM_EVERY_S
    return found


def _one(world: World, key: int, index: int) -> str:
    scenario, namespace = world.scenario, world.scenario.namespace

    def any_of(names: list[str], draw: int) -> str:
        return names[streams.below(key, index + draw, len(names))]

    service = any_of(sorted(scenario.services()), 1)
    kinds = [
        f"kubectl rollout restart deployment/{service} -n {namespace}",
        f"kubectl rollout undo deployment/{service} -n {namespace}",
        f"kubectl scale deployment/{service} --replicas={1 + streams.below(key, index + 2, 60)} -n {namespace}",
        f"kubectl delete pod -l app={service} -n {namespace}",
    ]
    if scenario.flags:
        flag = any_of(sorted(scenario.flags), 3)
        kinds.append(f"flags set {flag} {any_of(list(scenario.flags[flag].states), 4)}")
    kinds += _settings(scenario, any_of, service)
    return any_of(kinds, 7)


def _settings(scenario: Scenario, any_of: Callable[[list[str], int], str], service: str) -> list[str]:
    found = []
    knobs = scenario.services()[service].knobs
    if knobs:
        name = any_of(sorted(knobs), 5)
        value = any_of(sorted(knobs[name].values) or ["1", "5", "50", "500"], 6)
        found.append(f"kubectl set env deployment/{service} {name}={value} -n {scenario.namespace}")
    databases = [n for n, c in scenario.components.items() if isinstance(c, Postgres)]
    if databases:
        database = any_of(sorted(databases), 6)
        found.append(
            f'psql -d {database} -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity LIMIT 5"'
        )
    return found
