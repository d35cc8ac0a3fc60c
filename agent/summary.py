"""The CTO on a list as a whole: would it have been enough, when was it too late, what comes first on Monday.

Words around numbers that were measured elsewhere (enough.py, no_return.py, advice.py); nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agent.advice import COMPETES
from agent.cto import line, span
from agent.enough import MOST_RUNS
from agent.replay_port import Catalogue, Counterfactual, Facts, InterventionCall


@dataclass(frozen=True)
class Whole:
    """All that was found out about the list; `calls` by the item's index."""

    calls: Mapping[int, Sequence[InterventionCall]]
    catalogue: Catalogue
    baseline: Facts
    combined: Counterfactual | None
    enough: Mapping[str, Any] | None
    no_return: Mapping[str, Any] | None
    first: Mapping[str, Any] | None
    starts_at: datetime
    lang: str

    def say(self, key: str, /, **values: Any) -> str:
        return line(key, self.lang, **values)

    def clock(self, t_s: float) -> str:
        return (self.starts_at + timedelta(seconds=t_s)).strftime("%H:%M:%S")

    def title(self, item: int) -> str:
        return " + ".join(self.catalogue[c.id].title.of(self.lang) for c in self.calls[item])

    def gap(self, seconds: float) -> str:
        return span(seconds, self.lang)


def outcome(whole: Whole) -> list[str]:
    """Would it have been enough, and when was it too late."""
    return [*_enough(whole), *_no_return(whole)]


# -- enough


def _enough(whole: Whole) -> list[str]:
    found = whole.enough
    if found is None:
        return []
    titles = "; ".join(
        f"«{whole.title(i)}»" if whole.lang == "ru" else f"“{whole.title(i)}”" for i in found["items"]
    )
    left = left_over(whole, found["with"])
    intro = [whole.say("repaired")] if found["alone"] else []
    return [*intro, _enough_of(whole, found, titles, left)]


def _enough_of(whole: Whole, found: Mapping[str, Any], titles: str, left: str) -> str:
    if found["status"] == "none":
        key = "none_alone" if found["of"] == 1 else "none"
        return whole.say(key, titles=titles, left=left, bar=bar(whole, found["bar"]))
    n, of = len(found["items"]), found["of"]
    key = "one" if n == 1 else "all" if n == of else "some"
    said = whole.say(key, titles=titles, left=left, n=n, of=of)
    return said if found["complete"] else f"{said} {whole.say('perhaps_fewer', most=MOST_RUNS)}"


def bar(whole: Whole, shown: Mapping[str, Any]) -> str:
    if shown["quiet_only"]:
        return whole.say("bar_quiet")
    budget = percent(shown["budget"], whole.lang)
    return whole.say("bar_short", hold=whole.gap(shown["hold_s"]), budget=budget)


def left_over(whole: Whole, facts: Facts) -> str:
    """What a run leaves: failures, how long, broken books."""
    broken = facts.get("violations") or 0
    if facts["started_s"] is None:
        only_data = whole.baseline.get("started_s") is None and facts.get("violations") == 0
        said = whole.say("left_whole" if only_data else "left_quiet")
    elif facts["recovered_s"] is None:
        said = whole.say("left_never", failed=int(facts["failed_requests"]))
    else:
        took = facts["recovered_s"] - facts["started_s"]
        key = "left_open" if broken else "left_short"
        said = whole.say(key, failed=int(facts["failed_requests"]), took=whole.gap(took))
    return f"{said}, {whole.say('left_books', n=int(broken))}" if broken else said


# -- no return


def _no_return(whole: Whole) -> list[str]:
    found = whole.no_return
    if found is None:
        return []
    action = " ".join(str(found["action"] or "").split())
    action = action if len(action) <= 60 else action[:59] + "…"
    if found["status"] == "no_action":
        return [whole.say("no_action")]
    if found["status"] == "not_monotone":
        moments = {True: "", False: ""}
        for enough in moments:
            said = [whole.clock(t["at_s"]) for t in found["tried"] if t["enough"] is enough]
            moments[enough] = ", ".join(said)
        return [whole.say("not_monotone", action=action, good=moments[True], bad=moments[False])]
    if found["status"] == "too_late":
        first_s = found["tried"][0]["at_s"]
        return [
            whole.say(
                "too_late", action=action, clock=whole.clock(first_s), later=left_over(whole, found["later"])
            )
        ]
    in_time = left_over(whole, found["in_time"])
    if found["status"] == "open":
        return [whole.say("open", action=action, clock=whole.clock(found["at_s"]), in_time=in_time)]
    return [_moment(whole, found, action, in_time)]


def _moment(whole: Whole, found: Mapping[str, Any], action: str, in_time: str) -> str:
    at_s = found["at_s"]
    said = [
        whole.say(
            "found",
            clock=whole.clock(at_s), action=action, in_time=in_time, step=round(found["next_s"] - at_s),
            later=left_over(whole, found["later"]), misses=_misses(whole, found),
        )
    ]  # fmt: skip
    gap = found["played_s"] - at_s
    key = "played_later" if gap > 0 else "played_sooner" if gap < 0 else "played_then"
    said.append(whole.say(key, gap=whole.gap(abs(gap))))
    paged = found["paged_s"]
    if paged is None:
        said.append(whole.say("no_page"))
    else:
        said.append(
            whole.say("page_after" if paged > at_s else "page_before", gap=whole.gap(abs(paged - at_s)))
        )
    return " ".join(said)


def _misses(whole: Whole, found: Mapping[str, Any]) -> str:
    """By what the later run misses the bar, in words."""
    lang, limits, later = whole.lang, found["bar"], found["later"]
    values = {
        "hold": whole.gap(limits["hold_s"]),
        "burned": percent(later["error_budget_burned"], lang),
        "budget": percent(limits["budget"], lang),
    }
    return ", ".join(whole.say(f"miss_{name}", **values) for name in found["misses"])


# -- first on Monday


def monday(whole: Whole) -> list[str]:
    """What to do first, what next, and what is missed most."""
    found = whole.first
    if found is None:
        return []
    order = found["ranking"]
    said = [_monday(whole, order)] if order else []
    missed = found["most_missed"]
    if missed == "detect" and whole.no_return is not None:
        gap = whole.no_return["paged_s"] - whole.no_return["at_s"]
        said.append(whole.say("missing_detect", gap=whole.gap(gap)))
    elif missed == "respond" and whole.no_return is not None:
        gap = whole.no_return["played_s"] - whole.no_return["paged_s"]
        said.append(whole.say("missing_respond", gap=whole.gap(gap)))
    elif missed == "prevent" and whole.enough is not None:
        facts = whole.enough["all"] or whole.enough["with"]
        said.append(whole.say("missing_prevent", failed=int(facts["failed_requests"])))
    return said


def _monday(whole: Whole, order: Sequence[Mapping[str, Any]]) -> str:
    best = order[0]
    why = _why(whole, best)
    if whole.enough is not None and whole.enough["items"] == [best["item"]] and whole.enough["met"]:
        why += f"; {whole.say('first_alone')}"
    cost = "; ".join(whole.catalogue[c.id].cost.of(whole.lang) for c in whole.calls[best["item"]])
    effort = whole.say(best["effort"])
    said = [whole.say("first", title=whole.title(best["item"]), why=why, effort=effort, cost=cost)]
    strongest = max(order, key=lambda r: r["gain"])
    if strongest["gain"] > best["gain"] + 0.05 and strongest["effort"] == "weeks":
        said.append(_ranked(whole, "stronger", strongest))
    following = [r for r in order[1:] if r is not strongest or len(said) == 1]
    if following and following[0]["gain"] >= COMPETES * best["gain"]:
        said.append(_ranked(whole, "then", following[0]))
    return " ".join(said)


def _ranked(whole: Whole, key: str, one: Mapping[str, Any]) -> str:
    return whole.say(
        key, title=whole.title(one["item"]), why=_why(whole, one), effort=whole.say(one["effort"])
    )


def _why(whole: Whole, one: Mapping[str, Any]) -> str:
    key = "spares_books" if one["of"] == "violations" else "spares_all" if one["gain"] == 1.0 else "spares"
    said = whole.say(key, p=share(one["gain"], whole.lang))
    return f"{whole.say('unattended')} {said}" if one["alone"] else said


def share(part: float, lang: str) -> str:
    """A part as a person says it; only what is whole is called 100 %."""
    percent = 100 * part
    shown = f"{percent:.0f}" if percent < 99.5 or percent == 100 else f"{min(percent, 99.9):.1f}"
    return f"{shown} %" if lang == "ru" else f"{shown}%"


def percent(part: float, lang: str) -> str:
    """A small part with the decimal that it needs, in the language's own writing."""
    shown = f"{100 * part:.1f}"
    if part > 0 and float(shown) == 0.0:
        shown = f"{max(100 * part, 0.01):.2f}"
    return f"{shown.replace('.', ',')} %" if lang == "ru" else f"{shown}%"
