"""Remedies where every graph is green and the books are wrong: narrower races, patient calls, a release taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.interventions.base import Params, Raw, entry
from simulator.interventions.data_rules import entity_steps, forget
from simulator.scenario import Focus, Text

if TYPE_CHECKING:
    from simulator.world import World

WATCH = "interventions.watch_books"


def _watch(world: World, params: Params) -> None:
    world.policies["books_rollback_s"] = max(1.0, float(params["period_s"]))
    world.agenda.at(world.policies["books_rollback_s"], WATCH)


def watch_books(world: World) -> None:
    """The reconciliation as a watchdog: books that do not add up while the new version serves undo its rollout."""
    from simulator.invariants import first_broken
    from simulator.kubernetes import controller

    world.agenda.at(world.now_s + world.policies["books_rollback_s"], WATCH)
    focus = world.scenario.focus
    deployment = world.kubernetes.deployments[focus.service]
    if not deployment.template.image.endswith(":" + focus.bad_version):
        return
    broken = first_broken(world)
    if not broken:
        return
    controller.rollout_undo(world, deployment)
    text = Text(
        ru="автооткат {0}: сверка не сходится, «{1}»",
        en="automatic rollback of {0}: the reconciliation does not add up, '{1}'",
    )
    said = world.scenario.invariants[broken].text.of(world.language)
    world.note("rollout", text.of(world.language).format(focus.service, said))


def _read_late(raw: Raw, _focus: Focus, _params: Params) -> None:
    """What a change is worked out from is read directly before it: the window shrinks and does not close."""
    for flow in (raw.get("entities") or {}).get("flows", []):
        steps = flow["steps"]
        for read in [s for s in steps if s["do"] == "read"]:
            place = read["target"], read.get("table")
            behind = steps[steps.index(read) + 1 :]
            change = next(
                (s for s in behind if s["do"] == "move" and place == (s["target"], s["table"])), None
            )
            if change is not None:
                steps.remove(read)
                steps.insert(steps.index(change), read)


def _faster(raw: Raw, _focus: Focus, params: Params) -> None:
    for rule in ((raw.get("entities") or {}).get("rules") or {}).values():
        if rule.get("mean_ms"):
            rule["mean_ms"] /= max(1.0, float(params["factor"]))


def _patient(raw: Raw, _focus: Focus, params: Params) -> None:
    forget(raw, ".timeout_ms")
    for step in entity_steps(raw):
        step["timeout_ms"] = max(step.get("timeout_ms", 0), round(params["ms"]))


def _intent_first(raw: Raw, _focus: Focus, _params: Params) -> None:
    """The row that a flow writes after a call to a payment system is written before it, as what is intended."""
    business = raw.get("entities") or {}
    systems = {system["name"] for system in business.get("systems", [])}
    for flow in business.get("flows", []):
        steps = flow["steps"]
        call = next((s for s in steps if s["do"] == "call" and s["target"] in systems), None)
        row = next((s for s in steps if s["do"] == "write"), None)
        if call is not None and row is not None and steps.index(call) < steps.index(row):
            steps.remove(row)
            steps.insert(steps.index(call), row)


ENTRIES = (
    entry("intent_before_charge", "prevent", ("сначала записать намерение в базу, потом вызывать платёжную систему", "the intent is written to the database before the payment system is called"),
          ("лишняя запись на операцию; незавершённые намерения кто-то сверяет", "one more write an operation; somebody reconciles intents that never ended"), _intent_first, {}),
    entry("rollback_on_broken_books", "mitigate", ("автооткат, когда сверка данных не сходится", "automatic rollback when the reconciliation does not add up"),
          ("сверка раз в минуту; что успело испортиться, откат не чинит", "a reconciliation every minute; what is broken by then stays so"), None,
          {"period_s": 60}, install=_watch, needs=("release",)),
    entry("read_next_to_write", "mitigate", ("читать и проверять прямо перед записью", "read and check directly before the write"),
          ("окно гонки уже, но не закрыто", "the race's window is smaller and still open"), _read_late, {}),
    entry("faster_participants", "mitigate", ("ускорить участников операции: кэш, индексы", "make the participants of an operation faster: caches, indexes"),
          ("работа нескольких команд; причина остаётся", "work of several teams; the cause stays"), _faster, {"factor": 3}),
    entry("timeouts_above_p99", "prevent", ("тайм-ауты шагов выше p99 участника", "time-outs of steps above the participant's p99"),
          ("при настоящем сбое ждут дольше", "a real failure is waited for longer"), _patient, {"ms": 3000}),
)  # fmt: skip
HANDLERS = {WATCH: watch_books}
