"""The point of no return: the last moment at which the repair that was played would still have been enough.

The repair, and all that was played after it, is moved in time and replayed: first a grid from the breach to when
it was played, then the bracket is halved. At most MOST_RUNS replays. Where the answers are not "yes, …, yes, no,
…, no" there is no such moment, and the review says so rather than pick one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from agent.bar import Bar, figures
from agent.replay_port import Deeper, Facts, Progress, Repair

MOST_RUNS = 8
GRID = 4
STEP_S = 5.0  # nobody acts more exactly than this
Status = Literal["found", "too_late", "open", "not_monotone", "no_action"]


@dataclass
class Search:
    """One search; `tried` are whole simulated seconds and what the incident came to."""

    deeper: Deeper
    baseline: Facts
    bar: Bar
    on_progress: Progress | None = None
    tried: dict[float, Facts] = field(default_factory=dict)
    replays: int = 0

    def found(self) -> dict[str, Any] | None:
        """What `review --json` prints as `no_return`; None where the repair came before anything broke."""
        repair = self.deeper.repair()
        if repair is None:
            return {"status": "no_action", "action": None, "at_s": None, "tried": [], "replays": 0}
        started = self.baseline.get("started_s")
        begin_s = math.ceil(repair.first_s if started is None else max(started, repair.first_s))
        if repair.at_s <= begin_s:
            return None
        self.tried[repair.at_s] = self.baseline
        late_s = max(repair.at_s, repair.last_s)
        if self.bar.met(self.baseline) == "quiet":  # only the data were broken: is it ever too late for them?
            self._try(late_s)
            if self._met(late_s):
                return self._shown("open", repair, late_s, None)
        end_s = late_s if self._met(repair.at_s) else repair.at_s
        self._try(*_grid(float(begin_s), end_s))
        if not self._monotone():
            return self._shown("not_monotone", repair, None, None)
        good, bad = self._bracket()
        if good is None or bad is None:
            return self._shown("too_late" if good is None else "open", repair, good, bad)
        return self._shown("found", repair, *self._halved(good, bad))

    def _halved(self, good: float, bad: float) -> tuple[float, float]:
        while bad - good > STEP_S and self.replays < MOST_RUNS:
            middle = float(round((good + bad) / 2))
            self._try(middle)
            good, bad = (middle, bad) if self._met(middle) else (good, middle)
        return good, bad

    def _met(self, at_s: float) -> bool:
        return self.bar.met(self.tried[at_s]) is not None

    def _try(self, *moments: float) -> None:
        new = [m for m in moments if m not in self.tried]
        self.replays += len(new)
        self.tried |= dict(zip(new, self.deeper.repaired_at(new, self.on_progress), strict=True))

    def _monotone(self) -> bool:
        answers = [self._met(m) for m in sorted(self.tried)]
        return answers == sorted(answers, reverse=True)

    def _bracket(self) -> tuple[float | None, float | None]:
        """The last moment that was enough and the first that was not."""
        good = [m for m in self.tried if self._met(m)]
        return max(good, default=None), min((m for m in self.tried if m not in good), default=None)

    def _shown(self, status: Status, repair: Repair, good: float | None, bad: float | None) -> dict[str, Any]:
        return {
            "status": status,
            "action": repair.line,
            "played_s": repair.at_s,
            "began_s": self.baseline.get("started_s"),
            "paged_s": self.baseline.get("detected_s"),
            "at_s": good,  # the last moment at which it still was enough
            "next_s": bad,  # the first tried one at which it was not
            "in_time": figures(self.tried[good]) if good is not None else None,
            "later": figures(self.tried[bad]) if bad is not None else None,
            "misses": self.bar.misses(self.tried[bad]) if bad is not None else [],
            "bar": self.bar.shown(),
            "tried": [{"at_s": m, "enough": self._met(m)} for m in sorted(self.tried)],
            "replays": self.replays,
        }


def _grid(begin_s: float, end_s: float) -> list[float]:
    """Whole seconds from the first to the last, both included."""
    width = end_s - begin_s
    return sorted({float(round(begin_s + width * n / GRID)) for n in range(GRID)} | {end_s})
