"""What to do first on Monday: the items ranked by what they were measured to spare, per day of work.

The gain is measured, the work is an estimate (prompts/cto.yaml) and called one. A cheap measure that spares
little must not win by its price: only those with at least half of the best gain compete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agent.cto import efforts
from agent.measure import HELPS_SHARE, books_share, measured, spared_share
from agent.replay_port import Catalogue, Counterfactual, Facts, InterventionCall

KINDS = ("prevent", "detect", "mitigate", "respond")
COMPETES = 0.5
SLOW_S = 120.0  # from the page to the repair: longer than this, and the hands were what it took
Size = Literal["hours", "days", "weeks"]


@dataclass(frozen=True)
class Ranked:
    """One useful item: the share of the failures or of the broken records that it spares alone."""

    item: int
    gain: float
    books: bool
    days: float
    alone: bool = False  # with nobody responding; with the player acting it spares nothing

    @property
    def per_day(self) -> float:
        return self.gain / self.days

    @property
    def size(self) -> Size:
        per = efforts().days
        return "weeks" if self.days >= per["weeks"] else "days" if self.days >= per["days"] else "hours"

    def shown(self) -> dict[str, Any]:
        return {
            "item": self.item,
            "gain": round(self.gain, 4),
            "of": "violations" if self.books else "failed_requests",
            "alone": self.alone,
            "days": self.days,
            "effort": self.size,
        }


def ranked(
    calls: Mapping[int, Sequence[InterventionCall]], runs: Mapping[int, Counterfactual]
) -> list[Ranked]:
    """Helpful items, the one for Monday first; one that asks for the very same as an earlier one is not there twice."""
    found: list[Ranked] = []
    seen: list[Sequence[InterventionCall]] = []
    for item, run in sorted(runs.items()):
        if measured(run).effect not in ("strong", "helps") or calls[item] in seen:
            continue
        seen.append(calls[item])
        spared, books = _shares(run.baseline, run.with_)
        alone = max(spared, books) < HELPS_SHARE
        if alone:
            spared, books = _shares(run.no_responder["baseline"], run.no_responder["with"])
        days = sum(efforts().of(c.id) for c in calls[item])
        found.append(Ranked(item, max(spared, books), books > spared, days, alone))
    best = max((r.gain for r in found), default=0.0)
    return sorted(found, key=lambda r: (r.gain < COMPETES * best, -r.per_day, r.item))


def _shares(before: Facts, after: Facts) -> tuple[float, float]:
    return spared_share(before, after), books_share(before, after) or 0.0


def missing_kinds(calls: Mapping[int, Sequence[InterventionCall]], catalogue: Catalogue) -> list[str]:
    """What nothing in the list does."""
    present = {catalogue[c.id].kind for listed in calls.values() for c in listed}
    return [k for k in KINDS if k not in present]


def most_missed(
    missing: Sequence[str], no_return: Mapping[str, Any] | None, enough: Mapping[str, Any] | None
) -> str | None:
    """Which missing kind the measured results ask for; None where they ask for none of them."""
    moment = None if no_return is None else no_return["at_s"]
    page, began = (
        (None, None) if moment is None or no_return is None else (no_return["paged_s"], no_return["played_s"])
    )
    if "detect" in missing and page is not None and moment is not None and page > moment:
        return "detect"
    if "respond" in missing and page is not None and began is not None and began - page > SLOW_S:
        return "respond"
    if "prevent" in missing and enough is not None and enough["status"] == "none":
        return "prevent"
    return None


def first(
    calls: Mapping[int, Sequence[InterventionCall]],
    proposed: Mapping[int, Sequence[InterventionCall]],
    runs: Mapping[int, Counterfactual],
    catalogue: Catalogue,
    no_return: Mapping[str, Any] | None,
    enough: Mapping[str, Any] | None,
) -> dict[str, Any] | None:
    """What `review --json` prints as `first`; None where nothing was measured.

    `calls` are those that were measured; `proposed` all that the items mean, unmeasurable ones included.
    """
    if not runs:
        return None
    order = ranked(calls, runs)
    missing = missing_kinds(proposed, catalogue)
    return {
        "item": order[0].item if order else None,
        "ranking": [r.shown() for r in order],
        "missing": missing,
        "most_missed": most_missed(missing, no_return, enough),
    }
