"""What the orchestrator's exporter shows. It counts what it knows of: a saga that it forgot is in no state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from simulator.entities import orchestration
from simulator.sagas.state import STATES, declared, sagas_of

if TYPE_CHECKING:
    from simulator.telemetry.metrics import Family, Labels, Telemetry

Found = Iterator[tuple["Labels", Any]]


def _instances(t: Telemetry) -> Found:
    for flow in sagas_of(t.world).flows:
        for state in STATES:
            yield {"flow": flow, "state": state}, t.column(f"sagas/{flow}/{state}")


def _total(what: str) -> Family:
    def family(t: Telemetry) -> Found:
        for flow in sagas_of(t.world).flows:
            yield {"flow": flow}, t.column(f"sagas/{flow}/{what}")

    return family


def _finished(t: Telemetry) -> Found:
    for flow in sagas_of(t.world).flows:
        for result in ("done", "compensated"):
            yield {"flow": flow, "result": result}, t.column(f"sagas/{flow}/{result}")


def _failures(t: Telemetry) -> Found:
    for flow in sagas_of(t.world).flows:
        for step in orchestration.names(declared(t.world, flow)):
            for reason in ("timeout", "error"):
                labels = {"flow": flow, "step": step, "reason": reason}
                yield labels, t.column(f"sagas/{flow}/failed/{step}/{reason}")


FAMILIES: Mapping[str, Family] = {
    "saga_instances": _instances,
    "saga_started_total": _total("started"),
    "saga_recovered_total": _total("recovered"),
    "saga_finished_total": _finished,
    "saga_step_failures_total": _failures,
}
