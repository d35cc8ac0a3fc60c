"""When a counterfactual run would have been good enough: one bar, made of the scenario's own SLI.

"Enough" is an incident that never breaches the SLI, or that is over — the SLI back, nothing parked — within
`hold_s` of the breach, the span that the scenario itself asks the SLI to hold before it believes in health, and that
burned no more of the 30-day error budget than a full outage of `hold_s` does. Both need whole books (no violated
invariant) and neighbours that do not pay for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from agent.measure import NEIGHBOURS
from agent.replay_port import Facts

Met = Literal["quiet", "short"]
Miss = Literal["books", "neighbours", "breach", "long", "budget"]
MONTH_S = 30 * 86_400.0
SHOWN = (
    "failed_requests",
    "success_min",
    "started_s",
    "detected_s",
    "mitigated_s",
    "recovered_s",
    "error_budget_burned",
    "others_failed",
    "violations",
)


@dataclass(frozen=True)
class Bar:
    """`quiet_only`: the incident as it was played already was short; better than that is no breach at all."""

    hold_s: float
    target: float = 0.995  # the SLO
    others: float = 0.0  # neighbours' failures of the incident as it was
    quiet_only: bool = False

    def beside(self, baseline: Facts) -> Bar:
        """The bar for runs that are compared with this one."""
        return replace(self, others=float(baseline.get("others_failed") or 0.0))

    def raised(self, baseline: Facts) -> Bar:
        """The same; where the baseline itself would do, only an incident without any breach is better."""
        bar = self.beside(baseline)
        return replace(bar, quiet_only=bar.met(baseline) == "short")

    @property
    def budget(self) -> float:
        """The share of the month's error budget that a full outage of `hold_s` burns."""
        return self.hold_s / (MONTH_S * (1.0 - self.target))

    def met(self, facts: Facts) -> Met | None:
        if self.misses(facts):
            return None
        return "quiet" if facts.get("started_s") is None else "short"

    def misses(self, facts: Facts) -> list[Miss]:
        """By what a run misses the bar."""
        found: list[Miss] = ["books"] if facts.get("violations") else []
        if float(facts.get("others_failed") or 0.0) > self.others + NEIGHBOURS:
            found.append("neighbours")
        started, recovered = facts.get("started_s"), facts.get("recovered_s")
        if started is None:
            return found
        if self.quiet_only:
            return [*found, "breach"]
        if recovered is None or recovered - started > self.hold_s:
            found.append("long")
        return [*found, "budget"] if float(facts.get("error_budget_burned") or 0.0) > self.budget else found

    def shown(self) -> dict[str, Any]:
        return {"hold_s": self.hold_s, "budget": round(self.budget, 5), "quiet_only": self.quiet_only}


def figures(facts: Facts) -> dict[str, Any]:
    """The facts by which a run is held to the bar."""
    return {name: facts[name] for name in SHOWN if name in facts}
