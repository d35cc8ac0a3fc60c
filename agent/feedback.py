"""The CTO's words: what the replays measured, item by item, and what to do first on Monday.

Every number comes from a run or a fact and carries its unit; nothing is judged here. The words are data
(prompts/feedback.yaml); which of several ways to say a thing is taken follows from the item's number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from agent.claims import claim_title
from agent.cto import span
from agent.mapping import MappedItem
from agent.marketplace import fact_to
from agent.measure import HELPS_SHARE, STRONG_SHARE, Measured, books_share, came, measured, own_repair
from agent.plural import speak
from agent.remarks import opposed, remark
from agent.replay_port import Catalogue, Counterfactual, Facts
from agent.summary import Whole, monday, outcome, percent, share

WORDS = Path(__file__).resolve().parent.parent / "prompts" / "feedback.yaml"
MAX_QUOTE = 90
KINDS = ("prevent", "detect", "mitigate", "respond")
_EXPLAINED = ("books_moved", "books_own")
LITTLE = 0.2  # a share below which help is called little
SAME = 0.005


@lru_cache(maxsize=1)
def _book() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    return loaded


@dataclass(frozen=True)
class ItemResult:
    """An item with its counterfactual, if it could be measured."""

    item: MappedItem
    run: Counterfactual | None


@dataclass(frozen=True)
class Told:
    """Everything the feedback speaks of."""

    results: Sequence[ItemResult]
    combined: Counterfactual | None
    baseline: Facts | None
    catalogue: Catalogue
    starts_at: datetime
    lang: str
    claims: Sequence[Mapping[str, Any]] = ()
    labels: Mapping[str, str] = field(default_factory=dict)  # a person's words for facts of this scenario
    whole: Whole | None = None  # what was measured of the list as a whole

    def say(self, key: str, /, turn: int = 0, **values: Any) -> str:
        """The words of a key; of several ways to say it the one whose turn it is."""
        said = _book()[key][self.lang]
        return speak(said[turn % len(said)] if isinstance(said, list) else said, self.lang, **values)


def compose(told: Told) -> str:
    """The whole feedback; one line a thought."""
    lines = []
    if told.baseline is not None:
        lines += [_baseline(told, told.baseline), *_broken(told)]
    for n, result in enumerate(told.results, 1):
        lines += _item(told, n, result)
    if not told.results:
        lines.append(told.say("empty"))
    if told.combined is not None:
        lines += _together(told, told.combined)
    if told.whole is not None:
        lines += outcome(told.whole)
    if told.results:
        lines += _coverage(told)
    if told.claims:
        lines.append(told.say("claims") + "; ".join(_claim(told, c) for c in told.claims))
    return "\n".join(lines)


def _baseline(told: Told, facts: Facts) -> str:
    page, back = (_when(told, facts[name]) for name in ("p1_paged_s", "recovered_s"))
    paged = told.say("paged", when=page) if page else told.say("unpaged")
    if not facts["failed_requests"]:
        return told.say("base_quiet", paged=paged)
    return told.say(
        "base",
        failed=_count(facts), low=percent(facts["success_min"], told.lang), paged=paged,
        recovered=told.say("recovered", when=back) if back else told.say("not_recovered"),
        budget=percent(facts["error_budget_burned"], told.lang),
    )  # fmt: skip


def _broken(told: Told) -> list[str]:
    """A line for each invariant that the incident violated."""
    violated = {n: v for n, v in (told.baseline or {}).items() if n.startswith("violated.") and v}
    return [
        told.say("broken_by" if _sum(n) else "broken", name=_rule(told, n), n=v) for n, v in violated.items()
    ]


def _sum(name: str) -> bool:
    """Whether a figure says by how much, not how often."""
    return name.endswith(".by")


def _rule(told: Told, name: str) -> str:
    """The rule that a figure is about, in the scenario's words."""
    known = name.removesuffix(".by")
    return told.labels.get(known, known.partition(".")[2])


def _when(told: Told, t_s: float | None) -> str:
    """The clock's time; "" for what did not happen."""
    if t_s is None:
        return ""
    clock = (told.starts_at + timedelta(seconds=t_s)).strftime("%H:%M:%S")
    return told.say("at", clock=clock)


def _count(facts: Facts) -> int:
    return int(facts["failed_requests"] or 0)


def _quote(item: MappedItem) -> str:
    text = " ".join(item.span.text.split())
    return text if len(text) <= MAX_QUOTE else text[: MAX_QUOTE - 1] + "…"


# --- one item ---------------------------------------------------------------------------------------------


def _item(told: Told, n: int, result: ItemResult) -> list[str]:
    item, quote = result.item, _quote(result.item)
    if not item.calls:
        key, turn = remark(item), _turn(told, n)
        words = _people(told, n) if key == "people" else told.say(key, turn)
        return [f"{told.say('bare', n=n, quote=quote)} — {words}"]
    titles = " + ".join(_title(told, c.id, dict(c.params)) for c in item.calls)
    head = told.say("item", n=n, quote=quote, title=titles)
    before = _same_as(told, n, result)
    if before:
        return [head, "   " + told.say("again", k=before)]
    costs = "; ".join(told.catalogue[c.id].cost.of(told.lang) for c in item.calls)
    if result.run is None:
        about_people = remark(item) == "people"
        return [head, "   " + (_people(told, n) if about_people else told.say("unmeasurable", n, cost=costs))]
    said = [*_measured(told, n, result.run), told.say("cost", n, cost=costs)]
    if opposed(item.span.text):
        said.append(told.say("opposed"))
    elif len(item.calls) > 1:
        said.append(told.say("two_in_one"))
    return [
        head,
        "   " + " ".join(said) + told.say("run", run=result.run.run),
        *_books_of(told, n, result.run),
    ]


def _people(told: Told, n: int) -> str:
    """What is said of a call on people; the first time with what a large company has published about it."""
    earlier = sum(remark(r.item) == "people" and r.run is None for r in told.results[: n - 1])
    said = told.say("people", earlier)
    fact = fact_to("people")
    if earlier or fact is None:
        return said
    return f"{said} {told.say('public', fact=fact.of(told.lang), source=fact.source)}"


def _turn(told: Told, n: int) -> int:
    """How many items before this one got the same kind of remark."""
    mine = remark(told.results[n - 1].item)
    return sum(not r.item.calls and remark(r.item) == mine for r in told.results[: n - 1])


def _same_as(told: Told, n: int, result: ItemResult) -> int:
    """The earlier item that asks for the very same; 0 if there is none."""
    return next((k for k, r in enumerate(told.results[: n - 1], 1) if r.item.calls == result.item.calls), 0)


def _measured(told: Told, n: int, run: Counterfactual) -> list[str]:
    """What the replay showed, as sentences."""
    verdict = measured(run)
    said = [_effect(told, n, run, verdict)]
    if verdict.effect != "harm":
        said += _unattended(told, n, run, verdict)
    return [*said, *_neighbours(told, run)]


def _effect(told: Told, n: int, run: Counterfactual, verdict: Measured) -> str:
    was, failed = _count(run.baseline), _count(run.with_)
    values = {
        "was": was,
        "failed": failed,
        "p": share(abs(verdict.spared), told.lang),
        "recovery": _recovery(told, run.with_),
    }
    return told.say(_effect_key(run, verdict, was, failed), n, **values)


def _effect_key(run: Counterfactual, verdict: Measured, was: int, failed: int) -> str:
    """Which sentence fits the figures."""
    if verdict.effect == "harm":
        return _harm_key(run, was, failed)
    if verdict.spared < HELPS_SHARE:
        if (verdict.books or 0.0) >= HELPS_SHARE:
            return "books_only"
        if verdict.effect == "nothing":
            if not was:
                return "nothing_quiet"
            return "nothing" if failed == was else "nothing_nearly"
        return "alone_only"
    if was and not failed:
        return "never"
    if verdict.effect == "strong" and verdict.spared >= STRONG_SHARE:  # else it is the data that it saves
        return "strong"
    return "little" if verdict.spared < LITTLE else "much"


def _harm_key(run: Counterfactual, was: int, failed: int) -> str:
    """What the harm consists in: more failures, somebody else's, broken data, or a later end."""
    if failed > was * (1 + SAME):
        return "harm"
    if float(run.effect.get("others_failed") or 0.0) > 0:
        return "harm_around"
    if (run.with_.get("violations") or 0) > (run.baseline.get("violations") or 0):
        return "harm_books_fewer" if failed < was * (1 - SAME) else "harm_books"
    return "harm_late"


def _unattended(told: Told, n: int, run: Counterfactual, verdict: Measured) -> list[str]:
    """What it is worth with nobody on call: said where that differs from what was just said."""
    was, failed = _count(run.no_responder["baseline"]), _count(run.no_responder["with"])
    lines = []
    if verdict.effect in ("strong", "helps") and was:
        if failed >= was * (1 - HELPS_SHARE):
            books = books_share(run.no_responder["baseline"], run.no_responder["with"]) or 0.0
            if books < HELPS_SHARE:  # what it does for the data is said in a line of its own
                lines.append(told.say("alone_useless", n))
        elif verdict.spared >= HELPS_SHARE and not failed and _count(run.with_):
            lines.append(told.say("alone_clean", n))
        elif verdict.spared >= HELPS_SHARE and failed <= _count(run.with_):
            lines.append(told.say("alone_same", n))
        else:
            lines.append(told.say("alone_less", n, failed=failed, was=was))
    return lines


def _books_of(told: Told, n: int, run: Counterfactual) -> list[str]:
    """What becomes of the data: in all with nobody on call, and by invariant."""
    before, after = run.no_responder["baseline"], run.no_responder["with"]
    was, now = before.get("violations") or 0, after.get("violations") or 0
    lines = ["   " + told.say("books_alone", n=now, was=was)] if was != now else []
    return [*lines, *_books(told, run, [r.run for r in told.results[: n - 1] if r.run is not None])]


def _books(told: Told, run: Counterfactual, before_it: Sequence[Counterfactual] = ()) -> list[str]:
    """A line for each invariant whose violations changed; what was explained of a run before is not explained again."""
    before, after = run.baseline, run.with_
    lines = []
    for name, was in before.items():
        if name.startswith("violated.") and after.get(name) != was:
            key, shown = _books_key(run, name), _rule(told, name)
            if not _sum(name) or key == "books":
                key = "books_by" if _sum(name) else key
                if key in _EXPLAINED and any(
                    _books_key(r, name) == key for r in before_it if name in r.with_
                ):
                    key += "_again"
                lines.append("   " + told.say(key, name=shown, n=after.get(name), was=was))
    return lines


def _books_key(run: Counterfactual, name: str) -> str:
    """Data that the player had mended: what is broken in the other run he broke himself, or nobody came, or not in time."""
    before, after = run.baseline, run.with_
    if before[name] or not after.get(name):
        return "books"
    if own_repair(run) and not run.no_responder["with"].get(name):
        return "books_own"
    if not came(before):
        return "books"
    if not came(after):
        return "books_unpaged"
    return "books_moved" if own_repair(run) else "books"


def _title(told: Told, name: str, params: Mapping[str, Any]) -> str:
    title = told.catalogue[name].title.of(told.lang)
    shown = ", ".join(_parameter(k, v, told.lang) for k, v in params.items())
    return f"{title} ({shown})" if shown else title


def _parameter(name: str, value: Any, lang: str) -> str:
    """A parameter as one says it: a stretch of time needs no name."""
    if not isinstance(value, int | float):
        return f"{name}={value}"
    if not name.endswith(("_s", "seconds")):
        return f"{name}={value:g}"
    if value < 1:
        return f"{1000 * value:g} {'мс' if lang == 'ru' else 'ms'}"
    return span(value, lang)


def _recovery(told: Told, facts: Facts) -> str:
    if facts["started_s"] is None:
        return told.say("quiet" if facts.get("violations") else "nothing_happened")
    if facts["recovered_s"] is None:
        return told.say("not_recovered")
    return told.say("recovered", when=_when(told, facts["recovered_s"]))


def _neighbours(told: Told, run: Counterfactual) -> list[str]:
    more = int(run.effect.get("others_failed") or 0.0)
    if more <= 0:
        return []
    refused = int(run.with_.get("connections_refused") or 0)
    if not refused:
        return [told.say("neighbours_only", n=more)]
    return [told.say("neighbours", n=more, refused=refused)]


# --- all of them ------------------------------------------------------------------------------------------


def _together(told: Told, run: Counterfactual) -> list[str]:
    """All the measures in one replay: what they come to, what that does to neighbours and to the data."""
    was, failed, spared = _count(run.baseline), _count(run.with_), measured(run).spared
    if not failed:
        key = "none" if was else "quiet"
    elif abs(spared) < SAME:
        key = "same"
    else:
        key = "less" if spared > 0 else "more"
    values: dict[str, Any] = {
        "was": was, "failed": failed, "p": share(abs(spared), told.lang),
        "recovery": _recovery(told, run.with_), "run": told.say("run", run=run.run),
    }  # fmt: skip
    around = ["   " + line for line in _neighbours(told, run)]
    return [
        told.say(f"together_{key}", **values), *around, *_books(told, run, [r.run for r in told.results if r.run is not None])
    ]  # fmt: skip


def _coverage(told: Told) -> list[str]:
    present = {told.catalogue[c.id].kind for r in told.results for c in r.item.calls}
    missing = [_book()["kinds"][k][told.lang] for k in KINDS if k not in present]
    lines = [told.say("missing", kinds="; ".join(missing)) if missing else told.say("full")]
    if told.whole is not None and told.whole.first is not None and told.whole.first["ranking"]:
        lines += monday(told.whole)
    elif any(r.run is not None for r in told.results):
        lines.append(told.say("first_none"))
    else:
        lines.append(told.say("first_nothing"))
    return lines


def _claim(told: Told, claim: Mapping[str, Any]) -> str:
    key = {"right": "claim_right", "wrong": "claim_wrong"}.get(str(claim["status"]), "claim_unsupported")
    truth = claim.get("shown", claim.get("truth"))
    return told.say(key, quote=claim["quote"], truth=truth, title=claim_title(str(claim["id"]), told.lang))
