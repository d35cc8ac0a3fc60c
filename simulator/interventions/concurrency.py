"""Remedies against races: versions, ledgers, and gates that look for one before customers meet it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from simulator.interventions.base import Params, Raw, entry
from simulator.interventions.data_rules import entity_steps, forget, settings_of
from simulator.scenario import Focus

if TYPE_CHECKING:
    from simulator.world import World

RACING = "from_read"


def _moves(raw: Raw) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every change of a balance, and what its settings' paths begin with."""
    for flow in (raw.get("entities") or {}).get("flows", []):
        for step in flow["steps"]:
            for each in (step, step.get("undo")):
                if each and each["do"] == "move":
                    yield f"flow.{flow['name']}.{each['name']}", each


def _versioned(raw: Raw, _focus: Focus, params: Params) -> None:
    """Whatever would write back what it has read does so only if the row is still the same, or reads it again."""
    racing = [settings for settings in settings_of(raw) if RACING in settings.values()]
    for settings in racing:
        settings.update({path: "versioned" for path, value in settings.items() if value == RACING})
    for step in entity_steps(raw):
        if step.get("mode") == RACING:
            step["mode"] = "versioned"
    for _, step in _moves(raw):
        step["attempts"] = max(step.get("attempts", 1), int(params["attempts"]))


def _ledger(raw: Raw, _focus: Focus, _params: Params) -> None:
    """A change is a row of its own with the operation's number as its key; the balance is their sum."""
    for path, step in list(_moves(raw)):
        forget(raw, f"{path}.mode", f"{path}.idempotent")
        step["idempotent"] = "entity"
        if step.get("mode") == RACING:
            step["mode"] = "atomic"


def _concurrent(world: World, params: Params) -> None:
    world.policies["concurrency_test"] = max(10.0, float(params["seconds"]))


def _canary(world: World, params: Params) -> None:
    from simulator.kubernetes.state import CanaryPlan

    plan = CanaryPlan(max(1, int(params["pods"])), max(10.0, float(params["soak_s"])))
    world.kubernetes.deployments[world.scenario.focus.service].strategy.canary = plan
    world.policies["canary_books"] = True


ENTRIES = (
    entry("optimistic_locking", "prevent", ("оптимистичная блокировка: запись только поверх прочитанной версии, иначе повтор", "optimistic locking: write only over the version that was read, else try again"),
          ("на горячих строках повторы и отказы; колонка версии в каждой таблице", "tries and refusals on hot rows; a version column in every table"), _versioned, {"attempts": 4}),
    entry("append_only_ledger", "prevent", ("журнал движений вместо изменяемого остатка: операция — строка с уникальным ключом", "an append-only ledger instead of a mutable balance: an operation is a row with a unique key"),
          ("остаток — сумма: нужны срезы; переделка всех, кто читает остаток", "a balance is a sum and needs snapshots; whoever reads balances has to change"), _ledger),
    entry("concurrency_test_gate", "prevent", ("тест на гонки в CI: параллельные операции над одной строкой, затем проверка инвариантов", "a race test in CI: concurrent operations on one row, then a check of the invariants"),
          ("минута на сборку; находит только то, что проверяют инварианты", "a minute a build; finds only what the invariants check"), None,
          {"seconds": 60}, install=_concurrent, first="change", needs=("release",)),
    entry("canary_books_check", "prevent", ("канарейка, которую судит и сверка данных", "a canary that the reconciliation of data judges, too"),
          ("пять минут выдержки на релиз: сверке нужен объём; пока она не сходится, не выходит ни один", "a soak of five minutes for each release, since an audit needs volume; while the books do not add up none goes out"), None,
          {"pods": 2, "soak_s": 300}, install=_canary, first="change", needs=("release",)),
)  # fmt: skip
