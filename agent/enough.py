"""The smallest subset of a list's measures that would have been enough (agent/bar.py).

What the review has measured anyway — each item alone, and all together — is looked at first. More is replayed
only where that leaves the question open, under the player's own commands and at most MOST_RUNS times: pairs, the
promising ones first, then the whole list with one item after another left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

from agent.bar import Bar, figures
from agent.measure import books_share, measured, own_repair, spared_share
from agent.replay_port import Counterfactual, Deeper, Facts, InterventionCall, Progress

MOST_RUNS = 12
AT_ONCE = 4  # runs in flight; which ones does not depend on how many cores there are
Subset = tuple[int, ...]


def together(lists: Sequence[Sequence[InterventionCall]]) -> list[InterventionCall]:
    """All remedies once; of two with the same id the later one counts."""
    merged: dict[str, InterventionCall] = {}
    for calls in lists:
        for call in calls:
            merged[call.id] = call
    return list(merged.values())


@dataclass
class Search:
    """One search. `calls` and `runs` by the item's index; equal items are looked at once."""

    calls: Mapping[int, Sequence[InterventionCall]]
    runs: Mapping[int, Counterfactual]
    combined: Counterfactual | None
    plain: Bar
    deeper: Deeper | None = None
    on_progress: Progress | None = None
    known: dict[Subset, Facts] = field(default_factory=dict)
    replays: int = 0
    complete: bool = True  # no smaller set was left unmeasured
    alone: bool = (
        False  # looked at with nobody responding: the player repaired everything, and nothing was left
    )

    def found(self) -> dict[str, Any] | None:
        """What `review --json` prints as `enough`; None where nothing was measured or nothing happened."""
        if not self.runs:
            return None
        self.alone = self._quiet()
        if self._quiet():
            return None
        self._take_over()
        best = self._single() or self._larger()
        whole = self.known.get(self.everything)
        if best is None:
            closest = min(self.known, key=lambda s: (self._left(s), len(s)))
            return self._shown("none", closest, whole)
        self.complete = len(best) < 3 or (len(best) == 3 and self._all_pairs())
        return self._shown("subset", best, whole)

    def _all_pairs(self) -> bool:
        return all(pair in self.known for pair in combinations(self.distinct, 2))

    @property
    def everything(self) -> Subset:
        return tuple(self.distinct)

    @property
    def distinct(self) -> list[int]:
        seen: dict[tuple[str, ...], int] = {}
        for index in self.runs:
            seen.setdefault(tuple(sorted(c.key for c in self.calls[index])), index)
        return list(seen.values())

    @property
    def _base(self) -> Facts:
        run = next(iter(self.runs.values()))
        return run.no_responder["baseline"] if self.alone else run.baseline

    @cached_property
    def bar(self) -> Bar:
        return self.plain.raised(self._base)

    def _quiet(self) -> bool:
        """Whether nothing broke in the runs that are looked at."""
        return self.plain.beside(self._base).met(self._base) == "quiet"

    def _with(self, run: Counterfactual) -> Facts:
        """What a run came to; data that only the player's own commands broke are no failing of the measures."""
        alone = run.no_responder["with"]
        if self.alone:
            return alone
        return _whole_books(run.with_) if own_repair(run) and not alone.get("violations") else run.with_

    def _take_over(self) -> None:
        self.known = {(index,): self._with(self.runs[index]) for index in self.distinct}
        if self.combined is not None and len(self.distinct) > 1:
            self.known[self.everything] = self._with(self.combined)

    def _left(self, subset: Subset) -> float:
        """How much damage is left, as a share of the baseline's."""
        base, facts = self._base, self.known[subset]
        return (1.0 - spared_share(base, facts)) + (1.0 - (books_share(base, facts) or 0.0))

    def _enough(self, subsets: Sequence[Subset]) -> Subset | None:
        """The one that leaves least of those that are enough."""
        met = [s for s in subsets if s in self.known and self.bar.met(self.known[s])]
        return min(met, key=self._left, default=None)

    def _single(self) -> Subset | None:
        return self._enough([(index,) for index in self.distinct])

    def _larger(self) -> Subset | None:
        """Pairs, then what the list can spare; items that do harm are tried only together with all others."""
        useful = [i for i in self.distinct if measured(self.runs[i]).effect != "harm"]
        whole = self._whole(useful)
        if whole is None:
            return None
        pairs = sorted(combinations(useful, 2), key=lambda p: sum(self._left((i,)) for i in p))
        for batch in _batches([p for p in pairs if p != whole], AT_ONCE):
            self._measure(batch)
            if (best := self._enough(batch)) is not None:
                return best
        return self._spared(whole)

    def _whole(self, useful: Sequence[int]) -> Subset | None:
        """A set that is enough, if any is: all items, or all but the harmful ones."""
        tried: list[Subset] = [self.everything]
        if len(useful) > 1 and tuple(useful) != self.everything:
            tried.append(tuple(useful))
            self._measure(tried)
        return self._enough(tried[::-1][:1]) or self._enough(tried)

    def _spared(self, whole: Subset) -> Subset:
        """Leave out what is not missed, the weakest first."""
        kept = whole
        for index in sorted(whole, key=lambda i: -self._left((i,))):
            smaller = tuple(i for i in kept if i != index)
            if len(smaller) > 1:
                self._measure([smaller])
                kept = smaller if self._enough([smaller]) else kept
        return kept

    def _measure(self, subsets: Sequence[Subset]) -> None:
        new = [s for s in subsets if s not in self.known]
        allowed = new[: MOST_RUNS - self.replays] if self.deeper is not None else []
        if self.deeper is None or not allowed:
            return
        self.replays += len(allowed)
        asked = [together([self.calls[i] for i in subset]) for subset in allowed]
        self.known |= dict(zip(allowed, self.deeper.acted(asked, self.on_progress, self.alone), strict=True))
        self._discharge(allowed)

    def _discharge(self, subsets: Sequence[Subset]) -> None:
        """Of the sets that miss the bar by their data alone: were those broken by the player's own commands?"""
        if self.deeper is None or self.alone or self._base.get("violations"):
            return
        doubtful = [s for s in subsets if self.bar.misses(self.known[s]) == ["books"]]
        doubtful = doubtful[: max(0, MOST_RUNS - self.replays)]
        if not doubtful:
            return
        self.replays += len(doubtful)
        asked = [together([self.calls[i] for i in subset]) for subset in doubtful]
        for subset, facts in zip(doubtful, self.deeper.acted(asked, self.on_progress, True), strict=True):
            if not facts.get("violations"):
                self.known[subset] = _whole_books(self.known[subset])

    def _shown(self, status: str, subset: Subset, whole: Facts | None) -> dict[str, Any]:
        facts = self.known[subset]
        return {
            "status": status,  # subset: these are enough; none: nothing is, and these come closest
            "items": list(subset),
            "interventions": [c.id for c in together([self.calls[i] for i in subset])],
            "met": self.bar.met(facts),
            "bar": self.bar.shown(),
            "with": figures(facts),
            "all": figures(whole) if whole is not None else None,
            "alone": self.alone,
            "of": len(self.distinct),
            "replays": self.replays,
            "complete": self.complete,
        }


def _whole_books(facts: Facts) -> Facts:
    return {**facts, "violations": 0}


def _batches(pairs: Sequence[Subset], size: int) -> Iterator[list[Subset]]:
    for start in range(0, len(pairs), size):
        yield list(pairs[start : start + size])
