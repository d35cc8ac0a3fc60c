"""The CTO's words: what the replays measured, item by item, and what to do first on Monday.

Every number comes from a run or a fact and carries its unit; nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from agent.mapping import MappedItem
from agent.measure import measured
from agent.replay_port import Catalogue, Counterfactual, Facts
from agent.summary import Whole, monday, outcome

MAX_QUOTE = 90
KINDS = ("prevent", "detect", "mitigate", "respond")

T: dict[str, dict[str, str]] = {
    "ru": {
        "base": "Инцидент как он был: {failed} неудачных запросов, минимум успешности {low:.1%}, "
        "пейдж {paged}, восстановление {recovered}. Бюджет ошибок за 30 дней: сожжено {budget:.1%}.",
        "item": "{n}. «{quote}» → {title}",
        "unmapped": "{n}. «{quote}» — симулятор не умеет это измерить; судить можно только по тексту.",
        "rejected": "{n}. «{quote}» — вы это отвергли, так и записал.",
        "considered": "{n}. «{quote}» — «изучить» ещё не мера: назовите, что будет сделано.",
        "instruction": "{n}. «{quote}» — это обращение к проверяющему, а не мера; пропускаю.",
        "stated": "{n}. «{quote}» — рассказ о случившемся, не мера.",
        "unmeasurable": "   Здесь это не измерить. Цена: {cost}.",
        "with": "   С ней при ваших действиях: {failed} неудачных запросов вместо {was} ({change}), {recovery}.",
        "alone": "   Если никто не дежурит: {failed} вместо {was} за первые 10 минут.",
        "neighbours": "   Соседям по базе это стоит {n} отказов; слотов соединений не хватило {refused} раз.",
        "books_alone": "   Если никто не дежурит, нарушений в данных {n} вместо {was}.",
        "books": "   «{name}»: нарушений {n} вместо {was}.",
        "harm": "   Вывод: вредит. Цена: {cost}.",
        "nothing": "   Вывод: в этом инциденте ничего не меняет. Цена: {cost}.",
        "helps": "   Вывод: помогает, но мало. Цена: {cost}.",
        "strong": "   Вывод: это и спасло бы. Цена: {cost}.",
        "run": "   Прогон {run}.",
        "quiet": "SLI не страдает",
        "broken": "Данные: «{name}» — нарушений {n}.",
        "never": "инцидента нет",
        "recovered": "восстановление {when}",
        "not_recovered": "восстановления за время прогона нет",
        "less": "на {p:.0%} меньше",
        "more": "на {p:.0%} больше",
        "same": "столько же", "times": "в {n:,.0f} раз больше",
        "together": "Всё вместе: {failed} неудачных запросов вместо {was} ({change}), {recovery}. Прогон {run}.",
        "missing": "Не хватает: {kinds}.",
        "full": "Есть и предотвращение, и обнаружение, и смягчение, и реакция.",
        "first_none": "В понедельник первым делом: ничего из списка инцидент не смягчает — начните с причины, а не с ёмкости.",
        "empty": "Мер в тексте я не нашёл. Назовите, что вы измените, кто и к какому сроку.",
        "prevent": "предотвращения", "detect": "обнаружения", "mitigate": "смягчения", "respond": "реакции",
        "at": "в {clock}", "absent": "не было", "none": "не наступило",
        "claim_right": "верно: «{quote}»", "claim_wrong": "неверно: «{quote}», по журналу {truth}",
        "claim_unsupported": "журнал не подтверждает: «{quote}»", "claims": "Сверка с журналом: ",
    },
    "en": {
        "base": "The incident as it was: {failed} failed requests, success down to {low:.1%}, paged {paged}, "
        "recovery {recovered}. Of the 30-day error budget {budget:.1%} is burned.",
        "item": "{n}. “{quote}” → {title}",
        "unmapped": "{n}. “{quote}” — the simulator cannot measure this; only the text can be judged.",
        "rejected": "{n}. “{quote}” — you rejected this, noted.",
        "considered": "{n}. “{quote}” — “look into” is not an action yet: say what will be done.",
        "instruction": "{n}. “{quote}” — addressed to the grader, not an action; skipped.",
        "stated": "{n}. “{quote}” — tells what happened, it is no action.",
        "unmeasurable": "   It cannot be measured here. It costs: {cost}.",
        "with": "   With it, and you acting as you did: {failed} failed requests instead of {was} ({change}), {recovery}.",
        "alone": "   With nobody on call: {failed} instead of {was} in the first 10 minutes.",
        "neighbours": "   Whoever shares the database pays {n} failures; connection slots ran out {refused} times.",
        "books_alone": "   With nobody on call: {n} violations in the data instead of {was}.",
        "books": "   “{name}”: {n} violations instead of {was}.",
        "harm": "   Verdict: it does harm. It costs: {cost}.",
        "nothing": "   Verdict: it changes nothing in this incident. It costs: {cost}.",
        "helps": "   Verdict: it helps, a little. It costs: {cost}.",
        "strong": "   Verdict: this would have saved the day. It costs: {cost}.",
        "run": "   Run {run}.",
        "quiet": "the SLI does not suffer",
        "broken": "The data: “{name}” — {n} violations.",
        "never": "no incident at all",
        "recovered": "recovery {when}",
        "not_recovered": "no recovery within the run",
        "less": "{p:.0%} fewer",
        "more": "{p:.0%} more",
        "same": "just as many", "times": "{n:,.0f} times as many",
        "together": "All together: {failed} failed requests instead of {was} ({change}), {recovery}. Run {run}.",
        "missing": "Missing: {kinds}.",
        "full": "Prevention, detection, mitigation and response are all there.",
        "first_none": "First thing on Monday: nothing in the list softens this incident — start with the cause, not with capacity.",
        "empty": "I found no action in the text. Say what you will change, who does it and by when.",
        "prevent": "prevention", "detect": "detection", "mitigate": "mitigation", "respond": "response",
        "at": "at {clock}", "absent": "never", "none": "never",
        "claim_right": "right: “{quote}”", "claim_wrong": "wrong: “{quote}”, the log says {truth}",
        "claim_unsupported": "not in the log: “{quote}”", "claims": "Checked against the log: ",
    },
}  # fmt: skip


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


def compose(told: Told) -> str:
    """The whole feedback; one line a thought."""
    say = T[told.lang]
    lines = []
    if told.baseline is not None:
        lines += [_baseline(told), *_broken(told)]
    for n, result in enumerate(told.results, 1):
        lines += _item(told, n, result)
    if not told.results:
        lines.append(say["empty"])
    if told.combined is not None:
        lines += _together(told, told.combined)
    if told.whole is not None:
        lines += outcome(told.whole)
    if told.results:
        lines += _coverage(told)
    if told.claims:
        lines.append(say["claims"] + "; ".join(_claim(told, c) for c in told.claims))
    return "\n".join(lines)


def _baseline(told: Told) -> str:
    facts = told.baseline
    assert facts is not None
    return T[told.lang]["base"].format(
        failed=_count(facts), low=facts["success_min"], paged=_when(told, facts["p1_paged_s"], "absent"),
        recovered=_when(told, facts["recovered_s"], "none"), budget=facts["error_budget_burned"],
    )  # fmt: skip


def _broken(told: Told) -> list[str]:
    """A line for each invariant that the incident violated."""
    violated = {n: v for n, v in (told.baseline or {}).items() if n.startswith("violated.") and v}
    named = {n: told.labels.get(n, n.partition(".")[2]) for n in violated}
    return [T[told.lang]["broken"].format(name=named[n], n=v) for n, v in violated.items()]


def _when(told: Told, t_s: float | None, absent: str) -> str:
    if t_s is None:
        return T[told.lang][absent]
    clock = (told.starts_at + timedelta(seconds=t_s)).strftime("%H:%M:%S")
    return T[told.lang]["at"].format(clock=clock)


def _count(facts: Facts) -> str:
    return f"{int(facts['failed_requests']):,}".replace(",", " ")


def _quote(item: MappedItem) -> str:
    text = " ".join(item.span.text.split())
    return text if len(text) <= MAX_QUOTE else text[: MAX_QUOTE - 1] + "…"


def _item(told: Told, n: int, result: ItemResult) -> list[str]:
    say = T[told.lang]
    item = result.item
    if not item.calls:
        return [say[item.state if item.state in say else "unmapped"].format(n=n, quote=_quote(item))]
    titles = " + ".join(_title(told, c.id, dict(c.params)) for c in item.calls)
    costs = "; ".join(told.catalogue[c.id].cost.of(told.lang) for c in item.calls)
    lines = [say["item"].format(n=n, quote=_quote(item), title=titles)]
    run = result.run
    if run is None:
        return [*lines, say["unmeasurable"].format(cost=costs)]
    verdict = measured(run)
    lines.append(
        say["with"].format(
            failed=_count(run.with_),
            was=_count(run.baseline),
            change=_change(told, run),
            recovery=_recovery(told, run.with_),
        )
    )
    alone = run.no_responder
    lines.append(say["alone"].format(failed=_count(alone["with"]), was=_count(alone["baseline"])))
    lines += _unattended_books(told, alone["baseline"], alone["with"])
    lines += _neighbours(told, run)
    lines += _books(told, run.baseline, run.with_)
    return [*lines, say[verdict.effect].format(cost=costs), say["run"].format(run=run.run)]


def _unattended_books(told: Told, before: Facts, after: Facts) -> list[str]:
    """What becomes of the data if nobody repairs them, in all."""
    was, now = before.get("violations") or 0, after.get("violations") or 0
    return [T[told.lang]["books_alone"].format(n=now, was=was)] if was or now else []


def _books(told: Told, before: Facts, after: Facts) -> list[str]:
    """A line for each invariant whose violations changed."""
    lines = []
    for name, was in before.items():
        if name.startswith("violated.") and after.get(name) != was:
            shown = told.labels.get(name, name.partition(".")[2])
            lines.append(T[told.lang]["books"].format(name=shown, n=after.get(name), was=was))
    return lines


def _title(told: Told, name: str, params: Mapping[str, Any]) -> str:
    title = told.catalogue[name].title.of(told.lang)
    shown = ", ".join(f"{k}={v:g}" if isinstance(v, int | float) else f"{k}={v}" for k, v in params.items())
    return f"{title} ({shown})" if shown else title


def _recovery(told: Told, facts: Facts) -> str:
    say = T[told.lang]
    if facts["started_s"] is None:
        return say["quiet" if facts.get("violations") else "never"]
    if facts["recovered_s"] is None:
        return say["not_recovered"]
    return say["recovered"].format(when=_when(told, facts["recovered_s"], "none"))


def _change(told: Told, run: Counterfactual) -> str:
    share = measured(run).spared
    if abs(share) < 0.005:
        return T[told.lang]["same"]
    if share < -1.0:
        return T[told.lang]["times"].format(n=1.0 - share)
    return T[told.lang]["less" if share > 0 else "more"].format(p=abs(share))


def _together(told: Told, run: Counterfactual) -> list[str]:
    """All the measures in one replay: what they come to, what that does to neighbours and to the data."""
    say = T[told.lang]
    lines = [
        say["together"].format(
            failed=_count(run.with_), was=_count(run.baseline), change=_change(told, run),
            recovery=_recovery(told, run.with_), run=run.run,
        )
    ]  # fmt: skip
    return [*lines, *_neighbours(told, run), *_books(told, run.baseline, run.with_)]


def _neighbours(told: Told, run: Counterfactual) -> list[str]:
    more = float(run.effect.get("others_failed") or 0.0)
    if more <= 0:
        return []
    refused = int(run.with_.get("connections_refused") or 0)
    return [T[told.lang]["neighbours"].format(n=int(more), refused=refused)]


def _coverage(told: Told) -> list[str]:
    say = T[told.lang]
    present = {told.catalogue[c.id].kind for r in told.results for c in r.item.calls}
    missing = [k for k in KINDS if k not in present]
    lines = [say["missing"].format(kinds=", ".join(say[k] for k in missing)) if missing else say["full"]]
    if told.whole is not None and told.whole.first is not None and told.whole.first["ranking"]:
        lines += monday(told.whole)
    elif any(r.run is not None for r in told.results):
        lines.append(say["first_none"])
    return lines


def _claim(told: Told, claim: Mapping[str, Any]) -> str:
    say = T[told.lang]
    key = {"right": "claim_right", "wrong": "claim_wrong"}.get(str(claim["status"]), "claim_unsupported")
    return say[key].format(quote=claim["quote"], truth=claim.get("shown", claim.get("truth")))
