"""What replays say about a list of measures: help or harm per item, and the level of `effective`.

Numbers in, numbers and short reasons out; no wording beyond the reason, no simulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agent.judge import Evidence
from agent.replay_port import Counterfactual, Facts
from agent.verdict import Quote

HELPS_SHARE = 0.05  # an item that spares less than this share of the failures is noise
STRONG_SHARE = 0.8
HARM_SHARE = 0.02
NEIGHBOURS = 500.0  # failed requests of others that count as harm
LATER_S = 60.0  # recovery later by more than this is harm, too

Effect = Literal["helps", "strong", "nothing", "harm"]


@dataclass(frozen=True)
class Measured:
    """One counterfactual judged: its effect, and the share of failures it spares under a responder."""

    effect: Effect
    spared: float
    books: float | None = None  # share of the violations that it spares; None: there are none to spare


def books_share(baseline: Facts, other: Facts) -> float | None:
    """Share of the violated invariants' entities that came out whole; negative when more did not."""
    before, after = float(baseline.get("violations") or 0.0), float(other.get("violations") or 0.0)
    if before > 0:
        return (before - after) / before
    return None if after <= 0 else -1.0


def spared_share(baseline: Facts, other: Facts) -> float:
    """Share of the baseline's failed requests that did not fail; negative when more failed."""
    before = float(baseline.get("failed_requests") or 0.0)
    after = float(other.get("failed_requests") or 0.0)
    return (before - after) / before if before > 0 else 0.0


def own_repair(run: Counterfactual) -> bool:
    """Whether broken data of the run with the measure come from how the player's own repair met it.

    The player left whole data; somebody was called with the measure, too, or there was nothing to mend, and the measure
    by itself breaks no more than there was to break. The same commands then met the data in another state.
    """
    before, after = run.no_responder["baseline"], run.no_responder["with"]
    if run.baseline.get("violations") or not run.with_.get("violations"):
        return False
    left, was = after.get("violations") or 0, before.get("violations") or 0
    return not left or (came(run.with_) and left <= was)


def came(facts: Facts) -> bool:
    """Whether anybody was called in a run."""
    return facts.get("called_s", facts.get("p1_paged_s")) is not None


def measured(run: Counterfactual) -> Measured:
    spared = spared_share(run.baseline, run.with_)
    alone = spared_share(run.no_responder["baseline"], run.no_responder["with"])
    neighbours = float(run.effect.get("others_failed") or 0.0)
    later = run.effect.get("recovered_s")
    never = run.baseline.get("recovered_s") is not None and run.with_.get("recovered_s") is None
    never = never and run.with_.get("started_s") is not None
    worse = (
        spared < -HARM_SHARE or neighbours > NEIGHBOURS or (later is not None and later > LATER_S) or never
    )
    books = None if own_repair(run) else books_share(run.baseline, run.with_)
    books_alone = books_share(run.no_responder["baseline"], run.no_responder["with"])
    worse = worse or (books is not None and books < -HARM_SHARE)
    best = max(spared, alone, books or 0.0, books_alone or 0.0)
    if worse and max(spared, books or 0.0) < STRONG_SHARE:
        return Measured("harm", spared, books)
    if best >= STRONG_SHARE:
        return Measured("strong", spared, books)
    return Measured("helps" if best >= HELPS_SHARE else "nothing", spared, books)


REASON = {
    "ru": "по прогонам: сильно помогают {strong}, помогают {helps}, ничего не меняют {nothing}, вредят {harm}",
    "en": "by the replays: {strong} help strongly, {helps} help, {nothing} change nothing, {harm} do harm",
}


def evidence(runs: Sequence[tuple[Quote, Counterfactual]], lang: str) -> Evidence | None:
    """The level of `effective` from all measured items, each with its words; None when nothing was measured.

    Quoted are the items that helped; where none did, all that were measured.
    """
    if not runs:
        return None
    effects = [measured(run).effect for _, run in runs]
    helpful = tuple(
        quote for (quote, _), effect in zip(runs, effects, strict=True) if effect in ("strong", "helps")
    )
    count = {name: effects.count(name) for name in ("strong", "helps", "nothing", "harm")}
    good = count["strong"] + count["helps"]
    if good == 0:
        level = 0.0 if count["harm"] else 0.5
    else:
        level = 1.0 if not count["strong"] else 2.0
        level += 0.5 if good >= 2 else 0.0
        level += 0.5 if good >= 3 and not count["harm"] else 0.0
        level -= 1.0 * count["harm"] / len(effects) + (0.5 if count["harm"] else 0.0)
    quotes = helpful or tuple(quote for quote, _ in runs)
    return Evidence(effective=max(0.0, min(3.0, level)), why=REASON[lang].format(**count), quotes=quotes)
