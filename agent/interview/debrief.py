"""The debrief: levels with quotes, what the design did when it was run, a model answer's outline, what to read, progress."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent.interview import hearing, trials, voice
from agent.interview.arithmetic import corrected_later, sums
from agent.interview.picture import drawn
from agent.interview.prompts import RUBRIC, book
from agent.interview.quotes import asked_where, axis_quotes
from agent.interview.state import Interview
from agent.judge.explain import labels
from agent.marketplace import fact_for
from agent.rubric import load_rubric
from agent.talk_judge import by_the_same, levels_in, still_unknown
from agent.verdict import Quote, Verdict

BEGIN_WITH = 2  # axes named as the place to begin
HARDLY, GOOD = (
    0.5,
    2.0,
)  # levels between which it is said what an axis lacks; below there is nothing to add to
NAMED = 2
PROMISED = ("harm.wrong_guarantee", "harm.myth")
NAMED_BY = {
    name: re.compile(words, re.IGNORECASE)
    for name, words in {
        "detect.alert": r"алерт|буд(?:им|ит|ить)\b|пейдж|alert|\bpag(?:e|es|ed)\b",
        "mitigate.timeout": r"тайм-?аут|time-?out",
        "prevent.canary": r"канаре|поэтап|canary|staged",
        "prevent.idempotency": r"идемпот|idempot|on conflict|уникальн|unique|дважды|exactly once",
        "detect.reconcile": r"сверк|reconcil",
        "trade.cost": r"цена|стоит|стоимост|дорож|дешев|price|costs?\b|cheap|expensive|\$\d",
        "trade.rejected": r"отказал|не стал|вместо|reject|rather than|instead of|alternative|альтернатив",
        "trade.condition": r"\bесли бы|взял бы|выбрал бы|i'd take|would take|would switch",
        "design.growth": r"горяч|\bhot\b|рост|втрое|largest|biggest|крупнейш",
        "arithmetic": r"\d\s?\S{0,8}\s?[×x*/]\s?\d",
    }.items()
}
# Signals of the judge that are marks of good or bad writing on any axis: they say nothing to somebody who has talked.
GENERAL = (
    "numbers", "bounds", "identifiers", "solid_share", "density", "prevent", "detect", "mitigate", "measures", "enough",
    "data_number", "ops_number", "failure_detail", "abstract", "word_length", "headings", "long_sentences", "vague_per_word",
    "design.buzz", "harm_share", "design.requirements", "design.failure", "design.operations", "design.consistency", "trade",
)  # fmt: skip
W = {
    "ru": {
        "head": "Разбор: {title}, уровень {level}",
        "overall": "Итог {overall} из 3 (для уровня {level} ждут {wanted}): {verdict}",
        "yes": "взял бы",
        "edge": "на грани",
        "no": "пока нет",
        "levels": "По осям:",
        "quote": "    «{text}»",
        "not_heard": "Не прозвучало: {names}.",
        "against": "Мешало: {names}.",
        "of": "(«{quote}»)",
        "why_missing": "не хватает: ",
        "why_against": "мешает: ",
        "unknown": "Честно сказано «не знаю»: {names}. Это не минус, это список для чтения.",
        "ran": "Что показал прогон:",
        "limit": "  держит {limit} запросов в секунду, нужно {rps}",
        "limit_more": "  держит {limit} запросов в секунду, больше не пробовал; нужно {rps}",
        "trial": "  {kind}: отвечает {success}",
        "recovered": ", потом восстанавливается",
        "stuck": ", сама не восстанавливается",
        "sums": "Счёт: верно {right} из {all}",
        "sum": "  «{text}»: выходит {true}",
        "put_right": "  «{text}»: выходит {true}; после вопроса вы это поправили",
        "next": "С чего начать к следующему разу:",
        "practise": "основа есть; вопрос на вырост: {question}",
        "outline": "Как ответил бы я:",
        "read": "Почитать:",
        "scale": "Для масштаба: {fact} ({source}).",
        "late": "  {kind}: записей, которых они не видят: {unseen}",
        "behind": "  {name} не успевает: {per_s} событий в секунду остаются в очереди",
        "before": "Прошлый раз было {before}, сейчас {overall}. Выросло: {up}. Просело: {down}.",
        "other_judge": "Прошлый раз было {before}, сейчас {overall}, но судили разные судьи, модель и встроенный: эти итоги не сравнить.",
        "parted": "По ходу разошлось и спрошено: {what}.",
        "parted_one": "«{before}» и «{now}»",
        "parted_drawn": "{before} на схеме и «{now}»",
        "attempt": "Попытка {n}, итоги по порядку: {series}.",
        "other_level": "Тот раз был на уровень {level}: итоги сравнимы, ожидания нет.",
        "all": "по всем осям",
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
        "not_heard": "Not heard: {names}.",
        "against": "Against it: {names}.",
        "of": "(\"{quote}\")",
        "why_missing": "missing: ",
        "why_against": "against it: ",
        "unknown": "Honestly not known: {names}. That costs nothing; it is the reading list.",
        "ran": "What the run showed:",
        "limit": "  carries {limit} requests a second, {rps} are needed",
        "limit_more": "  carries {limit} requests a second, more was not tried; {rps} are needed",
        "trial": "  {kind}: {success} answered",
        "recovered": ", recovers afterwards",
        "stuck": ", does not recover by itself",
        "sums": "Sums: {right} of {all} right",
        "sum": "  \"{text}\": it comes to {true}",
        "put_right": "  \"{text}\": it comes to {true}; you put it right when asked",
        "next": "Where to begin for the next time:",
        "practise": "the base is there; a question to grow on: {question}",
        "outline": "How I would have answered:",
        "read": "To read:",
        "scale": "For scale: {fact} ({source}).",
        "late": "  {kind}: writes they do not see: {unseen}",
        "behind": "  {name} falls behind: {per_s} events a second stay in the queue",
        "before": "Last time {before}, now {overall}. Up: {up}. Down: {down}.",
        "other_judge": "Last time {before}, now {overall}, but different judges gave the levels, the model and the embedded one: the two do not compare.",
        "parted": "Said in two ways, and asked about: {what}.",
        "parted_one": "\"{before}\" and \"{now}\"",
        "parted_drawn": "{before} in the drawing and \"{now}\"",
        "attempt": "Attempt {n}, overall in order: {series}.",
        "other_level": "That one was for {level}: the figures compare, what is expected does not.",
        "all": "every axis",
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
    verdicts = _quoted_for_the_axis(state, verdicts)
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
        "design": drawn(state.design, state.lang) if state.design is not None else None,
        "trials": [trials.shown(t) for t in state.found],
        "sums": [
            {
                "text": s.text,
                "right": s.right,
                "true": s.true,
                "shown": s.shown(state.lang),
                "corrected": not s.right and corrected_later(state.text, s),
            }
            for s in checked
        ],
        "series": [*(earlier.get("series") or [earlier["overall"]] if earlier is not None else []), overall],
        "outline": list(state.prompt.outline.of(state.lang)),
        "references": [dict(r) for r in references],
    }
    found["text"] = _text(state, found, earlier)
    return found


def _quoted_for_the_axis(state: Interview, verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """The embedded judge credits an axis by the whole answer; shown is what speaks of that axis, or nothing."""
    spoken = axis_quotes(state.text, asked_where(state.said, state.said_to))
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
        lines += [
            w["put_right" if s["corrected"] else "sum"].format(text=s["text"], true=s["shown"]) for s in wrong
        ]
    unknown = still_unknown(found)
    if unknown:
        names = [book().titles[name].of(state.lang) for name in unknown]
        lines.append(w["unknown"].format(names="; ".join(names)))
    if state.parted:
        pairs = [w["parted_drawn" if p.drawn else "parted_one"].format(**vars(p)) for p in state.parted]
        lines.append(w["parted"].format(what="; ".join(pairs)))
    if earlier is not None:
        lines.append(_progress(state.lang, found, earlier))
    lines += _begin_here(state, found)
    lines += _outline(w, found)
    fact = fact_for(state.prompt.id)
    if fact is not None:
        lines += ["", w["scale"].format(fact=fact.of(state.lang), source=fact.source)]
    if found["references"]:
        lines += ["", w["read"], *(f"  {r['title']} — {r['source_url']}" for r in found["references"])]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines) + "\n")


def _levels(state: Interview, found: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    used: list[str] = []  # a sentence is quoted for one axis
    held: list[str] = []  # and what stood against one is said once
    for verdict in found["criteria"]:
        level = verdict["level"]
        shown = voice.decimal(level, state.lang) if isinstance(level, float | int) else "?"
        fresh = [q["text"] for q in verdict["quotes"] if q["text"] not in used][:1]
        used += fresh
        lines.append(f"  {shown}  {_told(state, verdict, bool(fresh), held)}")
        lines += [W[state.lang]["quote"].format(text=q) for q in fresh]
    return lines


def _told(state: Interview, verdict: Mapping[str, Any], quoted: bool, held: list[str]) -> str:
    """An axis as a person says it: what was heard, and below a good level what was missed or stood against it."""
    w: Any = W[state.lang]
    title = book().titles[verdict["criterion"]].of(state.lang)
    head, level = title[:1].upper() + title[1:] + ".", verdict["level"]
    if verdict["source"] != "embedded" or not isinstance(level, float | int):
        said_of_it = verdict["why"] or _heard_as(state, verdict["criterion"], level)
        return f"{head} {said_of_it}"
    band = max(int(quoted), min(3, int(level + 0.5)))  # who is quoted has said something
    said = [head, book().heard[verdict["criterion"]][band].of(state.lang)]
    if level < GOOD:
        named = _named(verdict["why"], w["why_against"], state.lang)
        harms = _harms(state.lang)
        against = [f"{n} {by}" for n in named if n in harms and (by := _shown_by(state, n, verdict, held))]
        missing: list[str] = []
        if level >= HARDLY:
            against += [n for n in named if n not in harms and n not in held]
            heard = _heard(state)
            missing = [n for n in _named(verdict["why"], w["why_missing"], state.lang) if n not in heard]
        held += named
        for key, names in (("not_heard", missing), ("against", against)):
            said += [w[key].format(names=", ".join(names[:NAMED]))] if names else []
    return " ".join(said)


def _heard_as(state: Interview, criterion: str, level: Any) -> str:
    """What a level means, where the model gave no reason that its reader can use."""
    return (
        book().heard[criterion][min(3, int(level + 0.5))].of(state.lang) if level != "cannot_assess" else ""
    )


def _named(why: str, begins: str, lang: str) -> list[str]:
    """What the judge names in one part of its reason, without what is true of any text on any axis."""
    part = next((p for p in why.split("; ") if p.startswith(begins)), "")
    general = {labels()[name].of(lang) for name in GENERAL}
    return [name for name in part.removeprefix(begins).split(", ") if name and name not in general]


def _heard(state: Interview) -> set[str]:
    """What nobody may say was not heard: the candidate named it, whatever the judge made of it."""
    return {labels()[name].of(state.lang) for name, words in NAMED_BY.items() if words.search(state.text)}


def _harms(lang: str) -> set[str]:
    return {text.of(lang) for name, text in labels().items() if name.partition(".")[0] == "harm"}


def _shown_by(state: Interview, name: str, verdict: Mapping[str, Any], held: list[str]) -> str:
    """The sentence that a reproach speaks of, in brackets, once; nothing where the candidate gives a reason or turns it down.

    A false guarantee is a matter of guarantees, every other harm one of failures, wherever else they count.
    """
    for concept, quote in hearing.reproached(state.text):
        if quote in held or verdict["criterion"] != ("consistency" if concept in PROMISED else "failure"):
            continue
        if name in (labels()[concept].of(state.lang), labels()["harm"].of(state.lang)):
            held.append(quote)
            return str(W[state.lang]["of"].format(quote=quote))
    return ""


def _ran(state: Interview, found: Mapping[str, Any]) -> list[str]:
    w: Any = W[state.lang]
    if not state.found:
        return []
    lines = [w["ran"], *("  " + line for line in found["design"].rstrip().splitlines())]
    for trial in state.found:
        if trial.kind == "load":
            limit, rps = voice.about(trial.limit_rps, state.lang), voice.count(trial.before.rps, state.lang)
            lines.append(w["limit" if trial.broke else "limit_more"].format(limit=limit, rps=rps))
            if trial.before.behind is not None:
                left = voice.about(trial.before.behind.per_s, state.lang)
                lines.append(w["behind"].format(name=trial.before.behind.name, per_s=left))
            continue
        if trial.kind == "late-replica":
            kind = voice.say(state.lang, "late-replica.kind")
            lines.append(w["late"].format(kind=kind, unseen=voice.about(trial.unseen, state.lang)))
            continue
        line = w["trial"].format(
            kind=voice.kind(trial, state.lang),
            success=voice.share(trial.after.success, state.lang),
        )
        if trial.recovered is not None:
            line += w["recovered" if trial.recovered else "stuck"]
        lines.append(line)
    return lines


def _outline(w: Any, found: Mapping[str, Any]) -> list[str]:
    return ["", w["outline"], *(f"  • {point}" for point in found["outline"])]


def _begin_here(state: Interview, found: Mapping[str, Any]) -> list[str]:
    """The two axes in which most points are missing, each with where to look; what was not known has had its hint."""
    criteria = load_rubric(RUBRIC).criteria
    levels = levels_in(found)
    short = [c for c in criteria if levels.get(c.id, 0.0) < found["wanted"] and c.id not in state.unknown]
    worst = sorted(short, key=lambda c: -c.weight * (found["wanted"] - levels.get(c.id, 0.0)))[:BEGIN_WITH]
    if not worst:
        return []
    titles, lang = book().titles, state.lang
    told = [f"  {titles[c.id].of(lang)}: {_where_to_look(c.id, levels.get(c.id, 0.0), lang)}" for c in worst]
    return ["", W[lang]["next"], *told]


def _where_to_look(criterion: str, level: float, lang: str) -> str:
    """The hint for who has to begin; who has the base is past it and gets the axis's hardest question."""
    if level < GOOD:
        return _small(book().hints[criterion].of(lang))
    return str(W[lang]["practise"].format(question=book().probes[criterion][-1].of(lang)))


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _progress(lang: str, found: Mapping[str, Any], earlier: Mapping[str, Any]) -> str:
    w: Any = W[lang]
    same = by_the_same(found["criteria"], earlier["criteria"])
    before = {v["criterion"]: v["level"] for v in earlier["criteria"] if v["criterion"] in same}
    moved: dict[str, list[str]] = {"up": [], "down": []}
    for verdict in found["criteria"]:
        old, new = before.get(verdict["criterion"]), verdict["level"]
        if isinstance(old, float | int) and isinstance(new, float | int) and abs(new - old) >= 0.3:
            moved["up" if new > old else "down"].append(book().titles[verdict["criterion"]].of(lang))
    if not same:
        values = {
            name: voice.decimal(one["overall"], lang)
            for name, one in (("before", earlier), ("overall", found))
        }
        return str(w["other_judge"].format(**values))
    names = {
        way: w["all"] if len(axes) == len(found["criteria"]) else ", ".join(axes)
        for way, axes in moved.items()
    }
    lines = [
        w["before"].format(
            before=voice.decimal(earlier["overall"], lang),
            overall=voice.decimal(found["overall"], lang),
            up=names["up"] or w["nothing"],
            down=names["down"] or w["nothing"],
        )
    ]
    if len(found["series"]) > 2:
        series = " → ".join(voice.decimal(value, lang) for value in found["series"])
        lines.insert(0, w["attempt"].format(n=len(found["series"]), series=series))
    if earlier.get("level", found["level"]) != found["level"]:
        lines.append(w["other_level"].format(level=voice.seniority(earlier["level"], lang)))
    return "\n".join(lines)
