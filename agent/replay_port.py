"""What a review needs of the simulator: what an intervention is, and an incident replayed with some.

Only shapes live here. The real replayer stands on simulator.run and belongs to the application service;
tests bring fakes.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

# Numbers by fact name (failed_requests, success_min, detected_s, mitigated_s, recovered_s,
# error_budget_burned, p1_paged_s, others_failed …); None: it did not happen.
Facts = Mapping[str, Any]
Progress = Callable[[str, int, int], None]  # stage, done, total


@dataclass(frozen=True)
class InterventionCall:
    """One remedy with the parameters an item names; what it does not name the simulator decides."""

    id: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same for the same remedy with the same parameters."""
        listed = ", ".join(f"{name}={self.params[name]}" for name in sorted(self.params))
        return f"{self.id}({listed})" if listed else self.id


@dataclass(frozen=True)
class Counterfactual:
    """Two replays side by side, twice: under the player's commands and with nobody responding.

    `effect` is with − baseline, fact by fact. `no_responder` has the keys baseline, with, effect.
    """

    run: str
    baseline: Facts
    with_: Facts
    effect: Facts
    no_responder: Mapping[str, Facts]


class Replayer(Protocol):
    """Replays one incident; the same question gets the same answer."""

    def counterfactual(
        self,
        interventions: Sequence[InterventionCall],
        label: str,
        on_progress: Progress | None = None,
    ) -> Counterfactual:
        """The incident with all these interventions in place."""
        ...


@dataclass(frozen=True)
class Repair:
    """Where the repair of a played incident begins: the line that does it, and when it was typed."""

    line: str
    at_s: float
    first_s: float  # when the scenario does the first thing by itself
    last_s: float  # the last second at which a repair could still be seen to hold


class Deeper(Protocol):
    """One run instead of two: the player acts, and somebody asks what if it had been a little different."""

    def acted(
        self,
        questions: Sequence[Sequence[InterventionCall]],
        on_progress: Progress | None = None,
        alone: bool = False,
    ) -> list[Facts]:
        """What the player's own commands, or nobody (`alone`), come to with each of these sets of interventions."""
        ...

    def repair(self) -> Repair | None:
        """None: nothing that was played repairs anything."""
        ...

    def repaired_at(self, moments: Sequence[float], on_progress: Progress | None = None) -> list[Facts]:
        """The incident with the repair, and all that was played after it, begun at these seconds."""
        ...


class Wording(Protocol):
    """A text in both languages (simulator.scenario.Text)."""

    def of(self, language: str) -> str: ...


class CatalogueEntry(Protocol):
    """What a review reads of an intervention; `kind` is prevent, detect, mitigate, respond or none."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> Wording: ...
    @property
    def cost(self) -> Wording: ...
    @property
    def kind(self) -> str: ...
    @property
    def parameters(self) -> Any: ...


Catalogue = Mapping[str, CatalogueEntry]


def parameter_names(entry: CatalogueEntry) -> Collection[str]:
    """The names an intervention understands, however its entry lists them."""
    declared = entry.parameters
    if isinstance(declared, Mapping):
        return list(declared)
    return [p if isinstance(p, str) else p.name for p in declared or ()]


def known_calls(calls: Sequence[InterventionCall], catalogue: Catalogue) -> list[InterventionCall]:
    """The calls the catalogue has, each with the parameters its entry knows; the rest is dropped."""
    known = []
    for call in calls:
        entry = catalogue.get(call.id)
        if entry is not None:
            names = parameter_names(entry)
            known.append(InterventionCall(call.id, {k: v for k, v in call.params.items() if k in names}))
    return known
