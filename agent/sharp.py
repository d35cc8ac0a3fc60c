"""Sharp questions out of what was measured: each names its numbers. The rubric's own questions fill the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agent.advice import SLOW_S
from agent.cto import question, span
from agent.mapping import MappedItem
from agent.measure import measured
from agent.questions import HOW_MANY
from agent.replay_port import Counterfactual
from agent.summary import Whole, share

MAX_QUOTE = 70


@dataclass(frozen=True)
class Asked:
    """What the questions are drawn from; `named` says whether an item names who does it."""

    items: list[MappedItem]
    runs: Mapping[int, Counterfactual]
    whole: Whole
    named: Callable[[str], bool]


def sharp_questions(asked: Asked) -> list[str]:
    """At most two, the gravest first; never two of the same item."""
    found = [
        *_harmful(asked),
        *_unowned(asked),
        *_late(asked),
        *_idle(asked),
        *_residue(asked),
        *_spare(asked),
    ]
    chosen: list[str] = []
    about: set[int | None] = set()
    for item, text in found:
        if len(chosen) < HOW_MANY and (item is None or item not in about):
            chosen.append(text)
            about.add(item)
    return chosen


Found = list[tuple[int | None, str]]


def _harmful(asked: Asked) -> Found:
    """The one that does most harm."""
    harm = [n for n, run in asked.runs.items() if measured(run).effect == "harm"]
    if not harm:
        return []
    n = max(harm, key=lambda i: _damage(asked.runs[i]))
    run, quote = asked.runs[n], _quote(asked.items[n])
    others = float(run.effect.get("others_failed") or 0.0)
    before, after = run.baseline["failed_requests"], run.with_["failed_requests"]
    if others > max(0.0, after - before):
        return [(n, question("harm_neighbours", asked.whole.lang, quote=quote, n=int(others)))]
    if after > before:
        return [(n, _compared("harm", asked, quote, before, after))]
    broken = run.baseline.get("violations") or 0, run.with_.get("violations") or 0
    return [(n, _compared("harm_books", asked, quote, *broken))] if broken[1] > broken[0] else []


def _damage(run: Counterfactual) -> float:
    names = ("failed_requests", "others_failed", "violations")
    return sum(max(0.0, float(run.effect.get(name) or 0.0)) for name in names)


def _unowned(asked: Asked) -> Found:
    """The best measure of the list, if nobody is named for it."""
    first = asked.whole.first
    if first is None or not first["ranking"]:
        return []
    best = first["ranking"][0]
    item = asked.items[best["item"]]
    if best["of"] == "violations" or asked.named(item.span.text):
        return []
    gain = share(best["gain"], asked.whole.lang)
    text = question("unowned", asked.whole.lang, quote=_quote(item), p=gain)
    return [(best["item"], text)]


def _late(asked: Asked) -> Found:
    """The page, or the hands, against the point of no return."""
    found, lang = asked.whole.no_return, asked.whole.lang
    if found is None or found["status"] != "found" or found["paged_s"] is None:
        return []
    page, moment, began = found["paged_s"], found["at_s"], found["played_s"]
    if page > moment:
        return [(None, question("late_page", lang, gap=span(page - moment, lang)))]
    if began > moment and began - page > SLOW_S:
        gap, had = span(began - page, lang), span(moment - page, lang)
        return [(None, question("slow_hands", lang, gap=gap, had=had))]
    return []


def _idle(asked: Asked) -> Found:
    idle = [n for n, run in asked.runs.items() if measured(run).effect == "nothing" and _hurt(run)]
    found: Found = []
    for n in idle[:1]:
        run = asked.runs[n]
        before, after = run.baseline["failed_requests"], run.with_["failed_requests"]
        key = "nothing" if int(before) == int(after) else "nearly"
        found.append((n, _compared(key, asked, _quote(asked.items[n]), before, after)))
    return found


def _hurt(run: Counterfactual) -> bool:
    return bool(run.baseline["failed_requests"])


def _residue(asked: Asked) -> Found:
    enough, combined = asked.whole.enough, asked.whole.combined
    if enough is None or enough["status"] != "none" or combined is None:
        return []
    before, after = combined.baseline["failed_requests"], combined.with_["failed_requests"]
    return (
        [(None, question("residue", asked.whole.lang, before=int(before), after=int(after)))] if after else []
    )


def _spare(asked: Asked) -> Found:
    enough: Mapping[str, Any] | None = asked.whole.enough
    if enough is None or enough["status"] != "subset" or enough["of"] - len(enough["items"]) < 2:
        return []
    titles = "; ".join(asked.whole.title(i) for i in enough["items"])
    n, of = len(enough["items"]), enough["of"]
    return [(None, question("spare", asked.whole.lang, n=n, of=of, titles=titles))]


def _compared(key: str, asked: Asked, quote: str, before: float, after: float) -> str:
    return question(key, asked.whole.lang, quote=quote, before=int(before), after=int(after))


def _quote(item: MappedItem) -> str:
    text = " ".join(item.span.text.split()).rstrip(".")
    return text if len(text) <= MAX_QUOTE else text[: MAX_QUOTE - 1] + "…"
