"""The debrief: levels with quotes, what the design did when it was run, a model answer's outline, what to read, progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent.interview import trials, voice
from agent.interview.arithmetic import sums
from agent.interview.design import drawn
from agent.interview.prompts import RUBRIC, book
from agent.interview.quotes import axis_quotes
from agent.interview.turns import Interview
from agent.marketplace import fact_for
from agent.rubric import load_rubric
from agent.verdict import Quote, Verdict

W = {
    "ru": {
        "head": "Разбор: {title}, уровень {level}",
        "overall": "Итог {overall} из 3 (для уровня {level} ждут {wanted}): {verdict}",
        "yes": "взял бы",
        "edge": "на грани",
        "no": "пока нет",
        "levels": "По осям:",
        "quote": "    «{text}»",
        "unknown": "Честно сказано «не знаю»: {names}. Это не минус, это список для чтения.",
        "ran": "Что показал прогон:",
        "limit": "  держит {limit} запросов в секунду, нужно {rps}",
        "trial": "  {kind}: отвечает {success}",
        "recovered": ", потом восстанавливается",
        "stuck": ", сама не восстанавливается",
        "sums": "Счёт: верно {right} из {all}",
        "sum": "  «{text}»: выходит {true}",
        "outline": "Как ответил бы я:",
        "read": "Почитать:",
        "scale": "Для масштаба: {fact} ({source}).",
        "late": "  {kind}: записей, которых они не видят: {unseen}",
        "behind": "  {name} не успевает: {per_s} событий в секунду остаются в очереди",
        "before": "Прошлый раз было {before}, сейчас {overall}. Выросло: {up}. Просело: {down}.",
        "nothing": "ничего",
        "empty": "Вы ничего не ответили, судить не о чем.",
    },
    "en": {
        "head": "Debrief: {title}, level {level}",
        "overall": "Overall {overall} of 3 (for {level} one expects {wanted}): {verdict}",
        "yes": "I would hire",
        "edge": "borderline",
        "no": "not yet",
        "levels": "By axis:",
        "quote": "    \"{text}\"",
        "unknown": "Honestly not known: {names}. That costs nothing; it is the reading list.",
        "ran": "What the run showed:",
        "limit": "  carries {limit} requests a second, {rps} are needed",
        "trial": "  {kind}: {success} answered",
        "recovered": ", recovers afterwards",
        "stuck": ", does not recover by itself",
        "sums": "Sums: {right} of {all} right",
        "sum": "  \"{text}\": it comes to {true}",
        "outline": "How I would have answered:",
        "read": "To read:",
        "scale": "For scale: {fact} ({source}).",
        "late": "  {kind}: writes they do not see: {unseen}",
        "behind": "  {name} falls behind: {per_s} events a second stay in the queue",
        "before": "Last time {before}, now {overall}. Up: {up}. Down: {down}.",
        "nothing": "nothing",
        "empty": "You have not answered anything; there is nothing to judge.",
    },
}  # fmt: skip


def debrief(
    state: Interview,
    verdicts: Mapping[str, Verdict],
    overall: float,
    references: Sequence[Mapping[str, Any]],
    earlier: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The mapping that is logged and printed; `text` is what the candidate reads."""
    wanted = book().expected[state.level]
    verdict = "yes" if overall >= wanted else "edge" if overall >= wanted - 0.5 else "no"
    checked = sums(state.text)
    verdicts = _quoted_for_the_axis(state.text, verdicts)
    found = {
        "prompt": state.prompt.id,
        "level": state.level,
        "lang": state.lang,
        "rubric": RUBRIC,
        "overall": overall,
        "wanted": wanted,
        "verdict": verdict,
        "criteria": [verdicts[c.id].shown() for c in load_rubric(RUBRIC).criteria],
        "unknown": list(state.unknown),
        "design": drawn(state.design) if state.design is not None else None,
        "trials": [trials.shown(t) for t in state.found],
        "sums": [
            {"text": s.text, "right": s.right, "true": s.true, "shown": s.shown(state.lang)} for s in checked
        ],
        "outline": list(state.prompt.outline.of(state.lang)),
        "references": [dict(r) for r in references],
    }
    found["text"] = _text(state, found, earlier)
    return found


def _quoted_for_the_axis(text: str, verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """The embedded judge credits an axis by the whole answer; shown is what speaks of that axis, or nothing."""
    spoken = axis_quotes(text)
    found = dict(verdicts)
    for name, verdict in verdicts.items():
        if verdict.source == "embedded":
            span = spoken.get(name) if verdict.level else None
            quotes = (Quote(span.start, span.end, span.text),) if span else ()
            found[name] = replace(verdict, quotes=quotes)
    return found


def _text(state: Interview, found: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> str:
    w: Any = W[state.lang]
    lines = [
        w["head"].format(
            title=state.prompt.title.of(state.lang), level=voice.seniority(state.level, state.lang)
        )
    ]
    if not state.said:
        return "\n".join([*lines, w["empty"], *_outline(w, found)]) + "\n"
    lines.append(
        w["overall"].format(
            overall=voice.decimal(found["overall"], state.lang),
            wanted=voice.decimal(found["wanted"], state.lang),
            level=voice.seniority(state.level, state.lang),
            verdict=w[found["verdict"]],
        )
    )
    lines += ["", w["levels"], *_levels(state, found), ""]
    lines += _ran(state, found)
    wrong = [s for s in found["sums"] if not s["right"]]
    if found["sums"]:
        lines.append(w["sums"].format(right=len(found["sums"]) - len(wrong), all=len(found["sums"])))
        lines += [w["sum"].format(text=s["text"], true=s["shown"]) for s in wrong]
    if found["unknown"]:
        names = [book().titles[name].of(state.lang) for name in found["unknown"]]
        lines.append(w["unknown"].format(names="; ".join(names)))
    if earlier is not None:
        lines.append(_progress(state.lang, found, earlier))
    lines += _outline(w, found)
    fact = fact_for(state.prompt.id)
    if fact is not None:
        lines += ["", w["scale"].format(fact=fact.of(state.lang), source=fact.source)]
    if found["references"]:
        lines += ["", w["read"], *(f"  {r['title']} — {r['source_url']}" for r in found["references"])]
    return "\n".join(lines) + "\n"


def _levels(state: Interview, found: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    used: list[str] = []  # a sentence is quoted for one axis
    for verdict in found["criteria"]:
        level = verdict["level"]
        shown = voice.decimal(level, state.lang) if isinstance(level, float | int) else "?"
        lines.append(f"  {shown}  {_question(state.lang, verdict['criterion'])} {verdict['why']}")
        fresh = [q["text"] for q in verdict["quotes"] if q["text"] not in used]
        used += fresh[:1]
        lines += [W[state.lang]["quote"].format(text=q) for q in fresh[:1]]
    return lines


def _question(lang: str, criterion: str) -> str:
    return load_rubric(RUBRIC).criterion(criterion).question.of(lang)


def _ran(state: Interview, found: Mapping[str, Any]) -> list[str]:
    w: Any = W[state.lang]
    if not state.found:
        return []
    lines = [w["ran"], *("  " + line for line in found["design"].rstrip().splitlines())]
    for trial in state.found:
        if trial.kind == "load":
            limit, rps = voice.about(trial.limit_rps, state.lang), voice.count(trial.before.rps, state.lang)
            lines.append(w["limit"].format(limit=limit, rps=rps))
            if trial.before.behind is not None:
                left = voice.about(trial.before.behind.per_s, state.lang)
                lines.append(w["behind"].format(name=trial.before.behind.name, per_s=left))
            continue
        if trial.kind == "late-replica":
            kind = voice.say(state.lang, "late-replica.kind")
            lines.append(w["late"].format(kind=kind, unseen=voice.about(trial.unseen, state.lang)))
            continue
        line = w["trial"].format(
            kind=voice.say(state.lang, f"{trial.kind}.kind"),
            success=voice.share(trial.after.success, state.lang),
        )
        if trial.recovered is not None:
            line += w["recovered" if trial.recovered else "stuck"]
        lines.append(line)
    return lines


def _outline(w: Any, found: Mapping[str, Any]) -> list[str]:
    return ["", w["outline"], *(f"  • {point}" for point in found["outline"])]


def _progress(lang: str, found: Mapping[str, Any], earlier: Mapping[str, Any]) -> str:
    w: Any = W[lang]
    before = {v["criterion"]: v["level"] for v in earlier["criteria"]}
    moved: dict[str, list[str]] = {"up": [], "down": []}
    for verdict in found["criteria"]:
        old, new = before.get(verdict["criterion"]), verdict["level"]
        if isinstance(old, float | int) and isinstance(new, float | int) and abs(new - old) >= 0.3:
            moved["up" if new > old else "down"].append(book().titles[verdict["criterion"]].of(lang))
    line: str = w["before"].format(
        before=voice.decimal(earlier["overall"], lang),
        overall=voice.decimal(found["overall"], lang),
        up=", ".join(moved["up"]) or w["nothing"],
        down=", ".join(moved["down"]) or w["nothing"],
    )
    return line
