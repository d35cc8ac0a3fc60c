"""What an intervention is. The catalogue's entries live in one file a kind, listed in `__init__`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from simulator.scenario import Focus, Text

if TYPE_CHECKING:
    from simulator.world import World

Kind = Literal["prevent", "detect", "mitigate", "respond", "none"]
# What a remedy waits for before it can make any difference: nothing; a line that may change a deployment; an
# alert rule of its own that returns something; the first page; a line that undoes a release.
First = Literal["start", "change", "rule", "page", "repair"]
Need = Literal[
    "database", "worker", "release"
]  # of the scenario's focus; release: a bad version beside a good one
Raw = dict[str, Any]
Params = Mapping[str, float]
Sizes = Callable[[Raw, Focus], dict[str, float]]


class InterventionError(ValueError):
    """An id or a parameter the catalogue does not have: one line that says what would be right."""


@dataclass(frozen=True)
class Intervention:
    """A remedy an action item can mean.

    `patch(raw, focus, params)` changes the scenario before it starts (a plain mapping); `install(world,
    params)` changes the running organisation. Neither may put a result in: results come from the run.
    An intervention with neither is real advice that this world cannot measure; the review says so.
    `first`: a replay may begin where the incident as it was played had come by then (simulator/replay.py).
    `sized(raw, focus)`: the sizes that fit a scenario, where nobody named one: twice the pods it has, say. `parameters`
    are those of `payment-pool`.
    """

    id: str
    kind: Kind
    title: Text
    cost: Text
    parameters: Mapping[str, float] = field(default_factory=dict)
    patch: Callable[[Raw, Focus, Params], None] | None = None
    install: Callable[[World, Params], None] | None = None
    first: First = "start"
    needs: tuple[Need, ...] = ()
    sized: Sizes | None = None

    def missing(self, focus: Focus) -> list[Need]:
        """What this remedy acts on and the scenario does not have."""
        there: dict[Need, bool] = {
            "database": bool(focus.database),
            "worker": focus.worker is not None,
            "release": focus.good_version != focus.bad_version,
        }
        return [need for need in self.needs if not there[need]]

    @property
    def through_people(self) -> bool:
        """Only changes when or how a person acts: with nobody on call it is no change at all."""
        return self.kind in ("detect", "respond") or self.id == "feature_flag_kill_switch"

    @property
    def measurable(self) -> bool:
        return self.patch is not None or self.install is not None


@dataclass(frozen=True)
class Call:
    """An intervention with its parameters, as `--with id:limit=80` gives it."""

    id: str
    params: tuple[tuple[str, float], ...] = ()


def entry(
    name: str,
    kind: Kind,
    titles: tuple[str, str],
    costs: tuple[str, str],
    patch: Callable[[Raw, Focus, Params], None] | None,
    parameters: dict[str, float] | None = None,
    **more: Any,
) -> Intervention:
    """A line of a catalogue: titles and costs are (ru, en), `more` the other fields."""
    return Intervention(
        name,
        kind,
        Text(ru=titles[0], en=titles[1]),
        Text(ru=costs[0], en=costs[1]),
        parameters or {},
        patch,
        **more,
    )


def alert_rule(
    name: str, expr: str, for_s: float, severity: str, ru: str, en: str
) -> Callable[[Raw, Focus, Params], None]:
    """A patch that adds an alert; `expr` may name the remedy's parameters in braces."""

    def patch(raw: Raw, focus: Focus, params: Params) -> None:
        raw["alerting"]["rules"][name] = {
            "expr": expr.format(**params), "for_s": for_s, "severity": severity,
            "summary": {"ru": ru, "en": en}, "service": focus.service,
        }  # fmt: skip

    return patch
