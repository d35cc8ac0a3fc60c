"""How a release reaches production: gates before it, steps during it, the way back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.interventions.base import Intervention, Params, Raw
from simulator.scenario import Focus, Text

if TYPE_CHECKING:
    from simulator.world import World

LOOK_EVERY_S = 5.0
GATE_TRIAL_S = 40  # long enough for queues to fill: a request lives 3 s in the worst case
GATE_SUCCESS = 0.98
# policies that may refuse a release
GATES = frozenset({"max_queries", "load_test", "rehearsal", "concurrency_test"})


def _canary(world: World, params: Params) -> None:
    from simulator.kubernetes.state import CanaryPlan

    plan = CanaryPlan(max(1, int(params["pods"])), float(params["soak_s"]), float(params["max_error_rate"]))
    world.kubernetes.deployments[world.scenario.focus.service].strategy.canary = plan


def _slow_rollout(world: World, params: Params) -> None:
    strategy = world.kubernetes.deployments[world.scenario.focus.service].strategy
    strategy.max_surge, strategy.max_unavailable = 1, 0
    strategy.min_ready_s = float(params["min_ready_s"])


def _auto_rollback(world: World, params: Params) -> None:
    world.policies["auto_rollback"] = {
        "success": params["success"],
        "for_s": params["for_s"],
        "since_s": None,
    }
    world.agenda.at(LOOK_EVERY_S, "interventions.watch_release")


def watch_release(world: World) -> None:
    """Progressive delivery's watchdog: undo the newest rollout when the SLI falls after it."""
    from simulator import facts
    from simulator.kubernetes import controller

    world.agenda.at(world.now_s + LOOK_EVERY_S, "interventions.watch_release")
    policy = world.policies["auto_rollback"]
    focus = world.scenario.focus
    deployment = world.kubernetes.deployments[focus.service]
    released = deployment.template.image.endswith(":" + focus.bad_version)
    seconds = world.plane.history.seconds
    level = (
        facts.smoothed(world.plane.history, world.scenario.sli.traffic_class, seconds - 1) if seconds else 1.0
    )
    if not released or level >= policy["success"]:
        policy["since_s"] = None
        return
    if policy["since_s"] is None:
        policy["since_s"] = world.now_s
    if world.now_s - policy["since_s"] >= policy["for_s"]:
        controller.rollout_undo(world, deployment)
        policy["since_s"] = None
        text = Text(
            ru="автооткат {0}: SLI ниже порога",
            en="automatic rollback of {0}: the SLI is below its threshold",
        )
        world.note("rollout", text.of(world.language).format(focus.service))


def _drained(raw: Raw, _focus: Focus, _params: Params) -> None:
    """Consumers finish what their workers have in hand before they leave their group."""
    for group in (raw.get("entities") or {}).get("groups", []):
        group["drains"] = True


def _finish_first(world: World, params: Params) -> None:
    world.policies["finish_s"] = max(1.0, float(params["seconds"]))


def _query_gate(world: World, params: Params) -> None:
    world.policies["max_queries"] = params["max_queries"]


def unfit(world: World, line: str) -> str | None:
    """Why CI would not let a line bring a version out: its statements do not fit the schema as it is now."""
    from simulator.postgres import fits

    words = re.split(r"[\s:=/]+", line)
    for name, service in world.scenario.services().items():
        if name not in words:
            continue
        for version in (v for v in service.versions if v in words):
            spec = service.versions[version]
            why = fits.complaint(world, spec.columns, spec.omits)
            if why:
                text = Text(
                    ru="CI: {0} {1} не подходит к схеме: {2}", en="CI: {0} {1} does not fit the schema: {2}"
                )
                return text.of(world.language).format(name, version, why)
    return None


def _load_test(world: World, params: Params) -> None:
    world.policies["load_test"] = params["load"]


def _rehearsal(world: World, params: Params) -> None:
    world.policies["rehearsal"] = max(30.0, float(params["seconds"]))


def refusal(world: World, version: str) -> str | None:
    """Why the pipeline would not release a version of the focus service; None: it would."""
    service = world.scenario.services()[world.scenario.focus.service]
    if version not in service.versions:
        return None
    limit = world.policies.get("max_queries")
    if limit is not None and service.versions[version].queries > limit:
        text = Text(
            ru="CI: {0} запросов к базе на операцию при пределе {1:.0f}; сборка {2} остановлена",
            en="CI: {0} queries an operation, the limit is {1:.0f}; build {2} is stopped",
        )
        return text.of(world.language).format(service.versions[version].queries, limit, version)
    load = world.policies.get("load_test")
    slow = _too_slow(world, version, float(load)) if load is not None else None
    if slow is not None:
        return slow
    parallel_s = world.policies.get("concurrency_test")
    raced = _raced(world, version, parallel_s) if parallel_s is not None else None
    if raced is not None:
        return raced
    seconds = world.policies.get("rehearsal")
    return _rehearsed(world, version, seconds) if seconds is not None else None


def _too_slow(world: World, version: str, load: float) -> str | None:
    trial = _stand(world, version, load)
    trial.advance_to(GATE_TRIAL_S)
    return _failing(trial, version, load, world.language)


def _failing(trial: World, version: str, load: float, language: str) -> str | None:
    """What a gate says of a version that fails too many requests on its stand."""
    from simulator import facts

    rate = facts.smoothed(
        trial.plane.history, trial.scenario.sli.traffic_class, trial.plane.history.seconds - 1
    )
    text = Text(
        ru="нагрузочный тест {0} при {1:.0%} боевой нагрузки: успешность {2:.1%}; релиз остановлен",
        en="load test of {0} at {1:.0%} of production load: success {2:.1%}; the release is stopped",
    )
    return text.of(language).format(version, load, rate) if rate < GATE_SUCCESS else None


def _rehearsed(world: World, version: str, seconds: float) -> str | None:
    """Production's load, the pods restarted on the way, then an audit of the data: what speaks against a version."""
    from simulator.commands import execute

    trial, scenario = _stand(world, version, 1.0), world.scenario
    trial.advance_to(max(GATE_TRIAL_S, seconds / 3))
    failing = _failing(trial, version, 1.0, world.language)
    if failing is not None:
        return failing
    execute(trial, f"kubectl rollout restart deployment/{scenario.focus.service} -n {scenario.namespace}")
    trial.advance_to(max(seconds, trial.now_s))
    text = Text(
        ru="репетиция {0} с перезапуском подов: «{1}» не выполняется; релиз остановлен",
        en="rehearsal of {0} with a restart of its pods: '{1}' does not hold; the release is stopped",
    )
    return _audited(trial, text, version, world.language)


def _raced(world: World, version: str, seconds: float) -> str | None:
    """Every operation is about the same customer and the same item: what a race breaks, it breaks at once."""
    trial = _stand(world, version, 1.0, one_row=True)
    if trial.entities is None:
        return None
    trial.advance_to(seconds)
    text = Text(
        ru="CI: параллельные операции над одной строкой, {0}: «{1}» не выполняется; сборка остановлена",
        en="CI: concurrent operations on one row, {0}: '{1}' does not hold; the build is stopped",
    )
    return _audited(trial, text, version, world.language)


def _audited(trial: World, text: Text, version: str, language: str) -> str | None:
    """What a gate says of a version that has broken a rule on its stand: `text` with the version and the rule."""
    from simulator.invariants import first_broken

    broken = first_broken(trial)
    if not broken:
        return None
    return text.of(language).format(version, trial.scenario.invariants[broken].text.of(language))


def _stand(world: World, version: str, load: float, one_row: bool = False) -> World:
    """A copy of production on which the version runs from the start, and nothing else happens.

    A whole world, since what a version sets (pools, retries, flags) counts as much as its code.
    """
    from simulator.world import World

    raw = world.scenario.model_dump(mode="json")
    raw["components"][world.scenario.focus.service]["current"] = version
    raw["traffic"]["rps"] = min(
        1_000_000.0, max(1.0, world.scenario.traffic.rps * load)
    )  # what a scenario may say
    raw["timeline"], raw["variants"] = [], []
    for flow in (raw.get("entities") or {}).get("flows", []) if one_row else ():
        flow.update(customers=1, items=1)
    return World(type(world.scenario).model_validate(raw), world.seed, engine="cohort")


ENTRIES = [
    Intervention(
        "canary_auto_rollback",
        "prevent",
        Text(ru="канарейка с автооткатом", en="a canary with automatic rollback"),
        Text(
            ru="каждый релиз дольше на время выдержки; нужны метрики по версиям",
            en="every release takes the soak time longer; needs metrics by version",
        ),
        {"pods": 2, "soak_s": 120, "max_error_rate": 0.02},
        install=_canary,
        first="change",
    ),
    Intervention(
        "auto_rollback_on_slo",
        "mitigate",
        Text(ru="автооткат по SLO", en="automatic rollback on the SLO"),
        Text(
            ru="ложные откаты при чужих авариях; нужна обратная совместимость версий",
            en="false rollbacks during others' outages; versions must be backward compatible",
        ),
        {"success": 0.95, "for_s": 30},
        install=_auto_rollback,
        needs=("release",),
    ),
    Intervention(
        "slow_rollout",
        "mitigate",
        Text(ru="медленная выкатка по одному поду", en="a slow rollout, pod by pod"),
        Text(
            ru="релиз длится в разы дольше; без наблюдателя лишь откладывает аварию",
            en="a release takes many times longer; without a watcher it only delays the outage",
        ),
        {"min_ready_s": 30},
        install=_slow_rollout,
        first="change",
    ),
    Intervention(
        "graceful_shutdown",
        "prevent",
        Text(
            ru="под завершает начатое до остановки: preStop и terminationGracePeriodSeconds по самой долгой операции",
            en="a pod finishes what it began before it stops: preStop and terminationGracePeriodSeconds for the longest operation",
        ),
        Text(
            ru="выкатки и освобождение узлов дольше; смерть машины не ждёт",
            en="rollouts and emptied nodes take longer; a machine's death does not wait",
        ),
        {"seconds": 90},
        _drained,
        _finish_first,
    ),
    Intervention(
        "query_count_gate",
        "prevent",
        Text(ru="гейт в CI на число запросов", en="a CI gate on the number of queries"),
        Text(
            ru="тест на каждый горячий путь; иногда надо осознанно поднять предел",
            en="a test for each hot path; the limit has to be raised deliberately now and then",
        ),
        {"max_queries": 5},
        install=_query_gate,
        first="change",
        needs=("release",),
    ),
    Intervention(
        "load_test_gate",
        "prevent",
        Text(ru="нагрузочный тест перед релизом", en="a load test before the release"),
        Text(
            ru="стенд с базой боевого размера и полчаса на релиз",
            en="a stand with a production-sized database and half an hour a release",
        ),
        {"load": 1.2},
        install=_load_test,
        first="change",
        needs=("release",),
    ),
    Intervention(
        "staging_parity",
        "prevent",
        Text(ru="стейджинг с боевой нагрузкой", en="staging with production-like load"),
        Text(
            ru="дорогая вторая среда и генератор нагрузки; на 20 RPS ничего не видно",
            en="an expensive second environment and a load generator; 20 RPS shows nothing",
        ),
        {"load": 1.0},
        install=_load_test,
        first="change",
        needs=("release",),
    ),
    Intervention(
        "release_rehearsal",
        "prevent",
        Text(
            ru="репетиция релиза: боевая нагрузка, перезапуск подов, затем сверка данных",
            en="a rehearsal of the release: production's load, a restart of its pods, then an audit of the data",
        ),
        Text(
            ru="стенд с копией данных и правила сверки, которые кто-то поддерживает; четыре минуты на релиз",
            en="a stand with a copy of the data, and audit rules that somebody keeps; four minutes a release",
        ),
        {"seconds": 240},
        install=_rehearsal,
        first="change",
        needs=("release",),
    ),
]
HANDLERS = {"interventions.watch_release": watch_release}
