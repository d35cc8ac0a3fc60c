"""Remedies against deadlocks and lock queues: one order, short transactions, the strongest lock first, tries, alerts."""

from __future__ import annotations

from typing import Any

from simulator.interventions.base import Params, Raw, entry
from simulator.interventions.data_rules import forget, settings_of
from simulator.scenario import Focus


def _flows(raw: Raw) -> list[dict[str, Any]]:
    """The flows that lock rows."""
    flows = (raw.get("entities") or {}).get("flows", [])
    return [flow for flow in flows if any(_locks(step) for step in flow["steps"])]


def _locks(step: dict[str, Any]) -> bool:
    return bool(step["do"] == "lock" or step.get("mode") == "locked")


def _sorted(raw: Raw, _focus: Focus, _params: Params) -> None:
    forget(raw, ".rows_by")
    for flow in _flows(raw):
        flow["rows_by"] = "ascending"


def _short(raw: Raw, _focus: Focus, _params: Params) -> None:
    """Calls between a flow's first lock and its commit, or between a read and the change it is for, come before them."""
    business = raw.get("entities") or {}
    systems = {
        system["name"] for system in business.get("systems", [])
    }  # a version may turn a call on by a setting
    for flow in business.get("flows", []):
        for first, last in _spans(flow["steps"]):
            steps = flow["steps"]
            inside = [s for s in steps[first:last] if s["target"] in systems]
            flow["steps"] = [*steps[:first], *inside, *(s for s in steps[first:] if s not in inside)]


def _spans(steps: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Where a flow should be quick: (first, last) step."""
    held = [n for n, step in enumerate(steps) if _locks(step)]
    if held:
        return [(held[0], held[-1])]
    return _pairs(steps)


def _pairs(steps: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Reads and the changes of the same row: (read, change)."""
    return [
        (n, m)
        for n, read in enumerate(steps)
        for m, change in enumerate(steps)
        if n < m and read["do"] == "read" and change["do"] == "move"
        and (read["target"], read.get("table")) == (change["target"], change.get("table"))
    ]  # fmt: skip


def _strongest(raw: Raw, _focus: Focus, _params: Params) -> None:
    forget(raw, ".lock")
    for flow in _flows(raw):
        for step in flow["steps"]:
            if step.get("lock") == "FOR SHARE":
                step["lock"] = "FOR NO KEY UPDATE"
    for flow in (raw.get("entities") or {}).get("flows", []):
        for read, change in _raced(raw, flow):
            _locked(raw, flow, read, change)


def _raced(raw: Raw, flow: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Reads whose row is changed later by what was read: (read, change)."""
    found, steps = [], flow["steps"]
    for first, last in _pairs(steps):
        path = f"flow.{flow['name']}.{steps[last]['name']}.mode"
        modes = [steps[last].get("mode"), *(settings.get(path) for settings in settings_of(raw))]
        if "from_read" in modes:
            forget(raw, path)
            found.append((steps[first], steps[last]))
    return found


def _locked(raw: Raw, flow: dict[str, Any], read: dict[str, Any], change: dict[str, Any]) -> None:
    """The read takes the row's lock, which is held until the change is committed."""
    tries = max(3, change.get("attempts", 1))
    sql = f"SELECT * FROM {read['table']} WHERE id = {{row}} FOR UPDATE"
    read.update(do="lock", lock="FOR UPDATE", attempts=tries, sql=sql)
    change.update(mode="locked", attempts=tries)
    done = {"name": f"{change['name']}_commit", "do": "commit", "target": change["target"], "attempts": tries}
    flow["steps"].insert(flow["steps"].index(change) + 1, done)
    business = raw["entities"]
    business["locks"] = business.get("locks") or ["row-locks"]


def _tries(raw: Raw, _focus: Focus, params: Params) -> None:
    for flow in _flows(raw):
        for step in flow["steps"]:
            if _locks(step):
                step["attempts"] = max(step.get("attempts", 1), int(params["attempts"]))


def _alert(raw: Raw, focus: Focus, params: Params) -> None:
    raw["alerting"]["rules"]["DatabaseDeadlocks"] = {
        "expr": f"increase(pg_stat_database_deadlocks[2m]) > {params['count']:g}", "for_s": 0, "severity": "P1",
        "service": focus.service, "summary": {"ru": "Взаимные блокировки в базе", "en": "Deadlocks in the database"},
    }  # fmt: skip


ENTRIES = (
    entry("sorted_lock_order", "prevent", ("строки блокируются всегда в одном порядке", "rows are always locked in one order"), ("порядок надо соблюдать во всём коде, кто меняет эти таблицы", "everybody who changes these tables has to keep the order"), _sorted),
    entry("shorter_transactions", "prevent", ("без внешних вызовов внутри транзакции и между чтением и записью", "no calls to others inside a transaction or between a read and its write"), ("результат вызова может устареть к моменту записи", "what a call said may be stale when it is written"), _short),
    entry("strongest_lock_first", "prevent", ("строку, которую будут менять, читать сразу FOR UPDATE", "read a row that will be changed FOR UPDATE at once"), ("читатели, которые не меняют, тоже ждут", "readers that change nothing wait, too"), _strongest),
    entry("retry_on_deadlock", "mitigate", ("повтор транзакции при 40P01", "a transaction is tried again on 40P01"), ("прячет причину и держит блокировки дольше", "hides the cause and keeps locks for longer"), _tries, {"attempts": 4}),
    entry("deadlock_alert", "detect", ("алерт на взаимные блокировки", "an alert on deadlocks"), ("одиночные случаи бывают и в норме", "single ones are normal"), _alert, {"count": 1}, first="rule"),
)  # fmt: skip
