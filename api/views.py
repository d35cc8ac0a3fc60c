"""A session as plain values for the doors that show it: nothing in here changes a world."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from api.messages import name_of
from api.store import Entry, Header

if TYPE_CHECKING:
    from simulator.world import World

    View = Callable[[World, Header, str | None], dict[str, Any]]

WORDS = ("action-items", "postmortem", "answer")  # kinds of entries that a player wrote in his own words
MOST_POINTS = 7_200  # of a series in one answer
ILL = 0.98  # success below this is what a picture of an effect is about
CALM_POINTS = 4  # of its curve, shown before and after


def finite(value: Any) -> Any:
    """JSON has neither infinity nor NaN: both become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return value


def state(first_event: int = 0, first_second: int = 0, most_new: int | None = None) -> View:
    """Where a session stands, with its series and events from a point on; `most_new` as for `run.series`."""

    def view(world: World, header: Header, read_only: str | None) -> dict[str, Any]:
        from simulator import run
        from simulator.telemetry import views

        begin = max(first_second, world.plane.history.seconds - MOST_POINTS)
        table = run.series(world, begin, most_new)
        found: dict[str, Any] = {
            "session": header.id,
            "now_s": world.now_s,
            "clock": world.at(world.now_s).isoformat(),
            "resolved": world.resolved,
            "pending": world.pending,
            "read_only": read_only,
            "severity": worst_severity(world),
            "alerts": views.alerts(world),
            "health": views.health(world),
            "events": views.timeline(world, max(0, first_event)),
            "series": {name: _short(values) for name, values in table.items()},
            "more": begin + len(table["t"]) < world.plane.history.seconds,
        }
        return dict(finite(found))

    return view


def outline(world: World, header: Header, read_only: str | None) -> dict[str, Any]:
    """What does not change while a session is played: the brief, the parts, the goal."""
    from simulator.telemetry import views

    scenario, language = world.scenario, header.language
    return {
        "session": header.id,
        "scenario": scenario.id,
        "title": scenario.title.of(language),
        "brief": scenario.brief.of(language),
        "language": language,
        "seed": header.seed,
        "version": header.version,
        "created": header.created,
        "parent": header.parent,
        "parent_seq": header.parent_seq,
        "starts_at": scenario.starts_at.isoformat(),
        "minutes": scenario.minutes,
        "hints": len(scenario.hints),
        "sli": {
            "traffic_class": scenario.sli.traffic_class,
            "healthy": scenario.sli.healthy,
            "hold_s": scenario.sli.hold_s,
        },
        "topology": views.topology(scenario),
        "read_only": read_only,
    }


def entry(found: Entry, words: bool = True) -> dict[str, Any]:
    """One line of a log. Without `words` the player's own texts stay away, and what was answered to them."""
    hidden = not words and found.kind in (*WORDS, "model")
    return {
        "seq": found.seq,
        "t_s": found.t_s,
        "kind": found.kind,
        "line": None if hidden else found.line,
        "status": found.effect.status if found.effect else None,
        "digest": found.effect.digest if found.effect else None,
        "now_s": found.effect.now_s if found.effect else None,
    }


def results(entries: Iterable[Entry]) -> list[tuple[str, float]]:
    """(rubric, overall) of every verdict in a log: reviews, interviews, stories."""
    found = []
    for e in entries:
        if e.kind != "model":
            continue
        value = json.loads(e.line)
        value = value.get("debrief", value)
        if isinstance(value, dict) and isinstance(value.get("overall"), int | float):
            found.append((str(value.get("rubric") or "interview"), float(value["overall"])))
    return found


def review(result: dict[str, Any], language: str) -> dict[str, Any]:
    """A verdict with its criteria's names."""
    criteria = [
        {**c, "label": name_of(language, "criterion", c["criterion"])} for c in result.get("criteria", [])
    ]
    return dict(finite({**result, "criteria": criteria}))


def facts(world: World, header: Header, read_only: str | None) -> dict[str, Any]:
    """What can be said about a run so far; what a post-mortem's editor offers."""
    from simulator import facts as found
    from simulator.invariants import check

    invariants = check(world)
    return dict(finite({"facts": found.collect(world, invariants), "invariants": invariants}))


def suffering(curves: Sequence[Sequence[float]]) -> tuple[int, int] | None:
    """From which point to before which any of some SLI curves is bad, with calm ones around; None: none is."""
    ill = [n for values in curves for n, value in enumerate(values) if value < ILL]
    return (max(0, min(ill) - CALM_POINTS), max(ill) + 1 + CALM_POINTS) if ill else None


def worst_severity(world: World) -> str | None:
    """Of what the player was paged for. `P1` before `P2`: the strings sort the way the pager means them."""
    paged = [i for i in world.pager.incidents if i.paged_s is not None and i.resolved_s is None]
    return min((i.severity for i in paged), default=None)


def _short(values: Any) -> list[float | None]:
    """Numbers as a page needs them: five digits are more than a pixel shows."""
    return [float(f"{v:.5g}") if math.isfinite(v) else None for v in values]
