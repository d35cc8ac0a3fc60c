"""The proof of scenarios: the good one holds in full, and every way of spoiling it is caught by its own proof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from simulator.lint import Settings, clues, effects, language, leaks, policies, prove, runs, schema, summary
from simulator.lint.proof import Proof
from simulator.lint.prove import Task, tasks, work
from simulator.run import make_world
from simulator.scenario import SCENARIOS, Scenario, load, varied
from tests.simulator.lint_scenes import UNDO, scene, two

FILES = sorted(path.stem for path in SCENARIOS.glob("*.yaml"))
PROVEN = ("payment-pool",)  # `make prove` proves all of them; here one variant of what is known to hold


def failing(proofs: Sequence[Proof]) -> list[str]:
    return sorted({p.name for p in proofs if not p.ok})


def solved(scenario: Scenario, seed: int = 1) -> Proof:
    return work(scenario, Task("solution", seed))[0]


def tried(scenario: Scenario, *names: str, seed: int = 1) -> list[Proof]:
    return work(scenario, Task("policies", seed, names))


# -- the good one


@pytest.fixture(scope="module")
def good() -> list[Proof]:
    first = prove(scene(), Settings(processes=1, seeds=(1,)))
    return [
        *first,
        *(p for p in prove(scene(), Settings(processes=1, seeds=(3,))) if p.variant == "heavier-16"),
    ]


def test_a_good_scenario_is_proven_with_its_variants(good: list[Proof]) -> None:
    assert [(p.name, p.variant, p.why.en) for p in good if not p.ok] == []
    assert summary(good) == {"ok": True, "count": len(good), "failed": 0}
    assert summary([*good, Proof("x", False, good[0].why)])["failed"] == 1
    variants = ["file", "heavier-16"]
    by_name = {name: [p.variant for p in good if p.name == name] for name in {p.name for p in good}}
    for name in (
        "solution",
        "leak.brief",
        "clue.1",
        "clues.paths",
        "policy.nothing",
        "policy.random_3",
        "trap.2",
    ):
        assert by_name[name] == variants, name
    assert all(p.why.ru and p.why.en for p in good)


def test_proofs_say_what_wrong_fixes_cost(good: list[Proof]) -> None:
    zero = next(p for p in good if p.name == "policy.scale_to_zero")
    assert zero.figures["success"] == 0.0 and zero.figures["costs"]["failed_requests"] > 50
    assert zero.figures["commands"] and zero.figures["at_s"] > 20
    trap = next(p for p in good if p.name == "trap.1")
    assert trap.why.ru.startswith("перезапуск ничего не меняет — не помогает")


def test_the_proof_is_the_same_whoever_works_on_it(good: list[Proof]) -> None:
    again = prove(scene(), Settings(processes=2, seeds=(1,)))
    alone = {(p.name, p.variant): p.plain() for p in good}
    assert again and all(alone[p.name, p.variant] == p.plain() for p in again)


def test_progress_counts_every_task() -> None:
    seen: list[tuple[float, float]] = []
    few = scene(interventions=[], traps=[], variants=[])
    prove(few, Settings(processes=1), lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1)) and seen[-1][0] == seen[-1][1]


# -- spoiled files


@pytest.mark.parametrize(
    ("changes", "proof"),
    [
        ({"variants": []}, "schema.variants"),
        ({"clues": []}, "schema.clues"),
        ({"hints": [two("Одна.", "One.")]}, "schema.hints"),
        ({"traps": []}, "schema.traps"),
        ({"questions": []}, "schema.questions"),
        ({"interventions": ["canary_auto_rollback"]}, "schema.interventions"),
        ({"interventions": ["make_it_work"] * 20}, "schema.interventions"),
        ({"themes": ["t99_nothing"]}, "schema.references"),
        ({"themes": []}, "schema.references"),
        ({"reference": {"commands": []}}, "schema.solution"),
        ({"brief": two("", "")}, "schema.story"),
        ({"variants__0__changes": {"truth.mechanism": two("двенадцать запросов вместо одного", "twelve queries instead of one")}}, "schema.variant"),
        ({"variants__0__changes": {"shop.pods": "many"}}, "schema.variant"),
        ({"variants__0__id": "heavier-16"}, "schema.variant"),
    ],
)  # fmt: skip
def test_a_file_that_lacks_something(changes: dict[str, Any], proof: str) -> None:
    assert failing(schema.check(scene(**changes))) == [proof]


def test_entities_without_invariants_are_refused() -> None:
    flow = {
        "name": "order",
        "host": "shop",
        "steps": [{"name": "save", "do": "write", "target": "s", "table": "t"}],
    }
    business = {"flows": [flow], "stores": [{"name": "s", "nodes": ["n"]}]}
    assert failing(schema.check(scene(entities=business))) == ["schema.invariants"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (two("The same words", "The same words"), "ru and en are the same"),
        (two("Nothing Russian in here at all", "Nothing Russian"), "ru is not in Russian"),
        (two("Русский текст", "Русский текст"), "Cyrillic letters in en"),
        (two("Русский текст", " "), "one language is empty"),
        (
            two(
                "Верните v2: kubectl rollout undo deployment/shop -n prod", "Return v2: kubectl rollout undo"
            ),
            "",
        ),
        (two("503 -> 200", "503 -> 200"), ""),
    ],
)
def test_texts_must_be_in_their_languages(text: dict[str, str], says: str) -> None:
    proof = language.check(scene(hints__0=text), "file")
    assert proof.ok is (not says) and says in proof.why.en


@pytest.mark.parametrize(
    ("field", "text", "proof"),
    [
        ("brief", two("Сегодня выкатываем v3.", "Today we release v3."), "leak.brief"),
        ("brief", two("Всё началось: выкатка прошла без проверки.", "All is well."), "leak.brief"),
        ("brief", two("Если что, то вот:", f"If in doubt: {UNDO.replace(' -n prod', '')}"), "leak.brief"),
        ("hints__0", two(f"Попробуйте {UNDO}", "Think."), "leak.hints"),
        ("hints__1", two("Подумайте.", f"Try {UNDO.upper()}"), "leak.hints"),
    ],
)
def test_texts_that_give_the_answer_away(field: str, text: dict[str, str], proof: str) -> None:
    assert failing(leaks.check(scene(**{field: text}), "file")) == [proof]


def test_what_the_premise_gives_is_no_leak() -> None:
    told = two("Сегодня выкатываем v3.", "Today we release v3 without a check.")
    assert failing(leaks.check(scene(brief=told), "file")) == ["leak.brief"]
    assert not failing(leaks.check(scene(brief=told, premise=["v3", "выкатка", "release", "check"]), "file"))


# -- spoiled worlds


def test_an_incident_that_heals_by_itself_is_caught() -> None:
    brief_one = scene(timeline=[{"at_s": 20, "command": "chaos slow quotes 60 --for 60"}])
    (proof,) = tried(brief_one, "nothing")
    assert not proof.ok and "heals by itself" in proof.why.en


def test_a_world_in_which_nothing_breaks_is_caught() -> None:
    calm = scene(timeline=[])
    assert not solved(calm).ok and "nothing breaks" in solved(calm).why.en
    assert not tried(calm, "nothing")[0].ok


def test_a_solution_that_solves_nothing_is_caught() -> None:
    proof = solved(scene(reference={"commands": ["@120 kubectl rollout restart deployment/shop -n prod"]}))
    assert not proof.ok and proof.why.en.startswith("the solution does not end the incident: success ")


def test_a_naive_policy_that_helps_is_caught() -> None:
    harmless = scene(**{"quotes__versions": {"q2": {}}})
    (proof,) = tried(harmless, "roll_back_all")
    assert not proof.ok and "must not" in proof.why.en


def test_a_trap_that_solves_it_is_caught() -> None:
    trap = {"commands": [f"@100 {UNDO}"], "text": two("откат", "going back")}
    (proof,) = tried(scene(traps=[trap, trap]), "trap_2")
    assert proof.name == "trap.2" and not proof.ok


def test_a_trap_that_cannot_be_read_is_told() -> None:
    trap = {"commands": ["@soon status"], "text": two("так", "so")}
    (proof,) = tried(scene(traps=[trap]), "trap_1")
    assert not proof.ok and "@soon: expected a second" in proof.why.en


@pytest.mark.parametrize(
    ("clue", "says"),
    [
        ({"command": "kubectl get pods -n prod"}, "no match says what it shows"),
        ({"command": "kubectl get pods -n prod", "match": "CrashLoopBackOff"}, "no CrashLoopBackOff at"),
        ({"command": "kubectl get pods -n prod", "match": "Running"}, "shows before the fault, too"),
        ({"command": "kubectl get pods -n prod", "match": "/Run(/"}, "match: "),
        ({"command": "kubectl rollout history deployment/shop -n prod", "match": "release v3", "at_s": 10}, "no release v3 at 10 s"),
    ],
)  # fmt: skip
def test_a_clue_that_shows_nothing(clue: dict[str, Any], says: str) -> None:
    spoiled = scene(clues__0={**clue, "shows": two("улика", "evidence")})
    found = clues.check(spoiled, runs.trunk(spoiled, 1, False), "file")
    assert failing(found) == ["clue.1", "clues.paths"]
    assert says in found[0].why.en


def test_standing_evidence_is_no_path_of_its_own() -> None:
    standing = {
        "command": "kubectl get pods -n prod",
        "match": "Running",
        "standing": True,
        "shows": two("код", "code"),
    }
    spoiled = scene(clues__0=standing)
    found = clues.check(spoiled, runs.trunk(spoiled, 1, False), "file")
    assert failing(found) == ["clues.paths"] and found[-1].figures["paths"]


def test_two_looks_at_the_same_thing_are_one_path() -> None:
    same = scene()
    twice = scene(clues=[same.clues[0].model_dump(), same.clues[0].model_dump()])
    found = clues.check(twice, runs.trunk(twice, 1, False), "file")
    assert failing(found) == ["clues.paths"]


def test_an_intervention_without_effect_is_caught() -> None:
    assert effects.check(scene(), "fix_n_plus_one").ok
    assert not effects.check(scene(), "connection_quota").ok  # its 60 are above this pool's 20
    refused = effects.check(scene(), "backlog_drain_rate")
    assert not refused.ok and "needs a worker" in refused.why.en


# -- how it is run


def test_each_intervention_is_proved_beside_one_variant() -> None:
    def dealt(whole: bool, seeds: tuple[int, ...] | None = None) -> list[tuple[int, str]]:
        found = tasks(load("deadlock"), Settings(whole, seeds))
        return [(task.seed, *task.names) for task in found if task.kind == "effects"]  # type: ignore[misc]

    quick = dealt(whole=False)
    assert sorted(name for _, name in quick) == sorted(effects.sampled(load("deadlock"), False))
    assert [seed for seed, _ in quick] == [1, 2, 3]  # none has them all
    assert [found for seed in (1, 2, 3) for found in dealt(False, (seed,))] == quick
    assert {seed for seed, _ in dealt(whole=True)} == {1} and len(dealt(whole=True)) > len(quick)


def test_random_commands_are_seeded_and_never_the_solution() -> None:
    world = make_world(scene(), 1)
    first, again = (policies.random_commands(world, 1) for _ in range(2))
    assert first == again and len(first) == policies.RANDOM_COMMANDS
    assert first != policies.random_commands(world, 2)
    lines = [line for n in range(1, 20) for line in policies.random_commands(world, n)]
    assert not any(leaks.core(UNDO) in leaks.core(line) for line in lines)
    assert any("rollout undo" in line for line in lines)


def test_hasty_people_act_after_the_page() -> None:
    trunk = runs.trunk(scene(reference={"commands": [f"@200 {UNDO}"]}), 1, False)
    page = next(i.paged_s for i in trunk.idle.pager.incidents)
    assert page is not None and trunk.acts_s == pytest.approx(page + runs.REACTION_S, abs=runs.STEP_S)
    silent = runs.trunk(scene(alerting={"rules": {}}), 1, False)
    assert silent.acts_s == 110.0  # the solution's first command


def test_an_early_end_gives_the_verdict_of_the_whole_run() -> None:
    for name in ("restart_all", "scale_x10", "trap_2"):
        (quick,) = tried(scene(), name)
        (whole,) = work(scene(), Task("policies", 1, (name,)), True)
        assert quick.ok == whole.ok and quick.figures["end_s"] < whole.figures["end_s"] == 300


def test_a_pod_that_its_database_shuts_out_does_not_keep_a_run_going() -> None:
    world = make_world(scene(), 1)
    world.advance_to(15.0)
    deployment = world.kubernetes.deployments["shop"]
    pod = next(p for p in world.kubernetes.pods.values() if p.app == "shop")
    pod.ready, pod.crash, pod.restarts, pod.ready_s = False, "FATAL", 4, world.now_s + 80.0
    deployment.pooled = "db", 10, 39  # the other three have 30
    assert not runs._starting(world, 10.0)
    deployment.pooled = "db", 10, 40
    assert runs._starting(world, 10.0)  # there is a slot by now: it will be served by this one, too


# -- what is there


@pytest.mark.parametrize("name", PROVEN)
def test_schema_and_texts_of_proven_scenarios_hold(name: str) -> None:
    scenario = load(name)
    assert failing(schema.check(scenario)) == []
    for seed in range(1, len(scenario.variants) + 2):
        told = varied(scenario, seed)
        assert failing([language.check(told, ""), *leaks.check(told, "")]) == [], seed


@pytest.mark.parametrize("name", PROVEN)
def test_one_variant_of_proven_scenarios_holds(name: str) -> None:
    scenario = load(name)
    found = [solved(scenario, 2), *tried(scenario, "nothing", "roll_back_all", seed=2)]
    found += work(scenario, Task("clues", 2))
    assert failing(found) == []


@pytest.mark.parametrize("name", FILES)
def test_lint_has_an_answer_for_every_scenario(name: str) -> None:
    scenario = load(name)
    assert schema.check(scenario)
    assert leaks.check(scenario, "file") and language.check(scenario, "file")
