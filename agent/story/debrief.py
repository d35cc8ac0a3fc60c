"""The debrief of a story: levels with quotes, the log's word, what a stronger one holds, two versions, progress."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent.judge import reading_of
from agent.judge.contexts import Context
from agent.judge.explain import support
from agent.judge.reading import Reading
from agent.rubric import load_rubric
from agent.story.book import RUBRIC, book
from agent.story.incident import Checked, fact_sheet
from agent.story.outline import Section, place_for, version
from agent.story.told import nobodys_own
from agent.story.turns import Story, checked
from agent.talk_judge import by_the_same, still_unknown
from agent.text import lemmas
from agent.verdict import Verdict

QUOTED = 1.0  # levels: below, a quote would only show what is not there
AGAIN = 0.6  # what a sentence is worth as a quote that stands there already
MOVED = 0.3  # levels: less is noise
SAME_STORY = 0.25  # share of common words (Jaccard): two tellings of one story have more
EARLIER_SHOWN = 5
THIN = 2.5  # levels: what is above it needs no advice
ADVICE = 4  # things to work on at once
W = {
    "ru": {
        "head": "Разбор рассказа",
        "overall": "Итог {overall} из 3 (ждут {wanted}): {verdict}",
        "yes": "взял бы",
        "edge": "на грани",
        "no": "пока нет",
        "levels": "По осям:",
        "quote": "       «{text}»",
        "facts": "Журнал сессии {session}: сходится {right}, расходится {wrong}, не с чем сверить {unsupported}.",
        "wrong": "  расходится: «{phrase}»: {quote}, а в журнале {truth} ({title})",
        "wrong_deed": "  расходится: «{phrase}»: такой команды в журнале нет",
        "corrected": ", потом исправлено",
        "unsupported": "  не с чем сверить: «{phrase}» ({title})",
        "unused": "Есть в журнале и не прозвучало: {facts}.",
        "unknown": "Честно сказано «не помню»: {names}. Это не минус, это список того, что восстановить по записям.",
        "theirs": "Дела в рассказе общие или чужие: что сделали вы сами, слушатель не узнал.",
        "stronger": "Чего не хватило до более сильного ответа:",
        "point": "  • {title}, сейчас {level}: {text}.",
        "none": "  • По всем осям крепко; дальше только короче и увереннее.",
        "version": "Ваш рассказ на {minutes} мин, слов: {words}, вашими же фразами:",
        "whole": "На пять минут рассказ войдёт весь, слов в нём {words}.",
        "longer": "На пять минут, слов: {words}: то же и ещё ваших фраз: {n} (целиком в --json).",
        "missing": "    [пусто; сюда: {text}]",
        "check": " [в журнале {truth}]",
        "check_deed": " [в журнале такой команды нет]",
        "read": "Почитать:",
        "progress": "Попытка {n}. Итоги по порядку: {row}. Выросло: {up}. Просело: {down}.",
        "other_judge": "Попытка {n}. Итоги по порядку: {row}. Прошлую и эту судили разные судьи, модель и встроенный: их не сравнить.",
        "other": "Рассказ {n}-й, итоги по порядку: {row}. История новая, по осям не сравниваю.",
        "all": "по всем осям",
        "nothing": "ничего",
        "empty": "Вы ничего не рассказали, судить не о чем.",
    },
    "en": {
        "head": "Debrief of the story",
        "overall": "Overall {overall} of 3 ({wanted} is expected): {verdict}",
        "yes": "I would hire",
        "edge": "borderline",
        "no": "not yet",
        "levels": "By axis:",
        "quote": "       \"{text}\"",
        "facts": "The log of session {session}: {right} agree, {wrong} do not, {unsupported} cannot be checked.",
        "wrong": "  does not agree: \"{phrase}\": {quote}, and the log has {truth} ({title})",
        "wrong_deed": "  does not agree: \"{phrase}\": the log has no such command",
        "corrected": ", put right later",
        "unsupported": "  cannot be checked: \"{phrase}\" ({title})",
        "unused": "In the log and not in your story: {facts}.",
        "unknown": "Honestly not remembered: {names}. That costs nothing; it is the list of what to look up in the records.",
        "theirs": "The deeds are everybody's or somebody else's: what you did yourself, a listener does not learn.",
        "stronger": "What a stronger answer would have held:",
        "point": "  • {title}, {level} now: {text}.",
        "none": "  • Solid on every axis; from here only shorter and calmer.",
        "version": "Your story in {minutes} minutes, {words} words, in your own sentences:",
        "whole": "In five minutes all of it fits: {words} words.",
        "longer": "In five minutes, {words} words: the same, and more of your sentences: {n} (whole in --json).",
        "missing": "    [empty; here: {text}]",
        "check": " [the log has {truth}]",
        "check_deed": " [the log has no such command]",
        "read": "To read:",
        "progress": "Attempt {n}. Overall, in order: {row}. Up: {up}. Down: {down}.",
        "other_judge": "Attempt {n}. Overall, in order: {row}. Different judges, the model and the embedded one, gave the last levels and these: they do not compare.",
        "other": "Story number {n}; overall, in order: {row}. It is a new one, so I do not compare axes.",
        "all": "every axis",
        "nothing": "nothing",
        "empty": "You have not told anything; there is nothing to judge.",
    },
}  # fmt: skip


def debrief(
    state: Story,
    verdicts: Mapping[str, Verdict],
    overall: float,
    references: Sequence[Mapping[str, Any]],
    earlier: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The mapping that is logged and printed; `text` is what the teller reads."""
    wanted = book().expected
    claims = checked(state)
    two, five = (version(state, claims, minutes) for minutes in (2, 5))
    found = {
        "rubric": RUBRIC,
        "lang": state.lang,
        "session": state.incident.session if state.incident else None,
        "scenario": state.incident.scenario if state.incident else None,
        "overall": overall,
        "wanted": wanted,
        "verdict": "yes" if overall >= wanted else "edge" if overall >= wanted - 0.5 else "no",
        "criteria": [verdicts[c.id].shown() for c in load_rubric(RUBRIC).criteria],
        "claims": [c.shown() for c in claims],
        "unused_facts": _unused(state, claims),
        "unknown": list(state.unknown),
        "stronger": _stronger(state, verdicts),
        "versions": {"two_minutes": _version_shown(state, two), "five_minutes": _version_shown(state, five)},
        "references": [dict(r) for r in references],
        "progress": _progress(state, verdicts, overall, earlier),
        "story": state.text,
    }
    found["text"] = _text(state, found, claims, two, five)
    return found


def _unused(state: Story, claims: Sequence[Checked]) -> list[dict[str, str]]:
    """Figures of the log that would have carried the story and were not told."""
    if state.incident is None or not state.incident.happened:
        return []
    told = {name for c in claims if c.status == "right" for name in re.split(r" - |, ", c.source)}
    told |= {name for c in claims if c.corrected for name in re.split(r" - |, ", c.source)}
    told |= {c.truth for c in claims if c.status == "right"}
    text = " ".join(state.text.split())
    # by figure: the SLI's return and the whole recovery may be one moment
    unused: dict[str, dict[str, str]] = {}
    for id, name, figure in fact_sheet(state.incident, state.lang):
        if {id, figure}.isdisjoint(told) and " ".join(figure.split()) not in text:
            unused.setdefault(figure, {"id": id, "name": name, "figure": figure})
    return list(unused.values())


def _stronger(state: Story, verdicts: Mapping[str, Verdict]) -> list[dict[str, Any]]:
    """What to add, by criterion, the most worth first: places for the teller's facts, never facts."""
    rubric = load_rubric(RUBRIC)
    thin = [c for c in rubric.criteria if (verdicts[c.id].level or 0.0) < THIN]
    thin.sort(key=lambda c: -c.weight * (3.0 - (verdicts[c.id].level or 0.0)))
    return [
        {
            "criterion": c.id,
            "level": verdicts[c.id].level,
            "text": book().stronger[c.id].of(state.lang),
        }
        for c in thin[:ADVICE]
    ]


def _version_shown(state: Story, sections: Sequence[Section]) -> dict[str, Any]:
    parts = []
    for section in sections:
        lines = [
            {"start": line.start, "end": line.end, "text": line.text, "wrong": _wrong(state, line.wrong)}
            for line in section.lines
        ]
        missing = None if lines else book().stronger[section.part.criteria[0]].of(state.lang)
        title = section.part.title.of(state.lang)
        parts.append({"part": section.part.id, "title": title, "sentences": lines, "missing": missing})
    return {"words": sum(s.words for s in sections), "parts": parts}


def _wrong(state: Story, claim: Checked | None) -> str | None:
    if claim is None:
        return None
    w: Any = W[state.lang]
    shown: str = w["check"].format(truth=claim.truth) if claim.truth else w["check_deed"]
    return shown.strip(" []")


def _progress(
    state: Story, verdicts: Mapping[str, Verdict], overall: float, earlier: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Against the attempts before at this story, or at any if it is a new one, oldest first; None for the first one."""
    if not earlier:
        return None
    kin = [e for e in earlier if state.incident is not None or _alike(state.text, str(e.get("story", "")))]
    row = kin or earlier
    same = by_the_same([v.shown() for v in verdicts.values()], row[-1]["criteria"])
    before = {v["criterion"]: v["level"] for v in row[-1]["criteria"] if v["criterion"] in same}
    moved: dict[str, list[str]] = {"up": [], "down": []}
    for name, verdict in verdicts.items():
        old, new = before.get(name), verdict.level
        if isinstance(old, float | int) and new is not None and abs(new - old) >= MOVED:
            moved["up" if new > old else "down"].append(name)
    return {
        "attempt": len(row) + 1,
        "overall": [*(float(e["overall"]) for e in row), overall],
        "same_story": bool(kin),
        "same_judge": bool(same),
        **moved,
    }


def _alike(one: str, other: str) -> bool:
    """Whether two texts tell one story."""
    mine, theirs = set(lemmas(one)), set(lemmas(other))
    return len(mine & theirs) / max(1, len(mine | theirs)) >= SAME_STORY


# -- what the teller reads


def _text(
    state: Story,
    found: Mapping[str, Any],
    claims: Sequence[Checked],
    two: Sequence[Section],
    five: Sequence[Section],
) -> str:
    w: Any = W[state.lang]
    lines = [w["head"]]
    if not state.said:
        return "\n".join([*lines, w["empty"]]) + "\n"
    overall, wanted = (_level(found[name], state.lang) for name in ("overall", "wanted"))
    lines.append(w["overall"].format(overall=overall, wanted=wanted, verdict=w[found["verdict"]]))
    lines += ["", w["levels"], *_level_lines(state, found)]
    if state.incident is not None:
        lines += ["", *_fact_lines(state, found, claims)]
    unknown = still_unknown(found)
    if unknown:
        names = ", ".join(_title(state.lang, name) for name in unknown)
        lines += ["", w["unknown"].format(names=names)]
    lines += _progress_lines(state.lang, found["progress"])
    if nobodys_own(state.text):
        lines += ["", w["theirs"]]
    lines += ["", w["stronger"], *_stronger_lines(state.lang, found)]
    lines += ["", *_version_lines(state, two), "", _five(state, two, five)]
    if found["references"]:
        lines += ["", w["read"], *(f"  {r['title']} — {r['source_url']}" for r in found["references"])]
    return "\n".join(lines) + "\n"


def _level(value: float | None, lang: str) -> str:
    text = "?" if value is None else f"{value:.1f}"
    return text.replace(".", ",") if lang == "ru" else text


def _title(lang: str, criterion: str) -> str:
    return book().titles[criterion].of(lang)


def _level_lines(state: Story, found: Mapping[str, Any]) -> list[str]:
    """Levels, reasons and the quote that carries each; what carries nothing is not quoted back."""
    reading = reading_of(state.text, Context())
    lines: list[str] = []
    shown: set[int] = set()
    for verdict in found["criteria"]:
        level = verdict["level"] if isinstance(verdict["level"], float | int) else None
        title = _title(state.lang, verdict["criterion"])
        lines.append(
            f"  {_level(level, state.lang)}  {title}: {verdict['why'] or _level_words(state, verdict['criterion'], level)}"
        )
        if level is not None and level >= QUOTED and verdict["quotes"]:
            worth = [
                _support(reading, q, verdict["criterion"])
                * place_for(state, q["start"], verdict["criterion"])
                * (AGAIN if q["start"] in shown else 1.0)
                for q in verdict["quotes"]
            ]
            best = verdict["quotes"][worth.index(max(worth))]
            shown.add(best["start"])
            lines.append(W[state.lang]["quote"].format(text=" ".join(best["text"].split())))
    return lines


def _level_words(state: Story, criterion: str, level: float | None) -> str:
    """What a level means, where the model gave no reason that its reader can use."""
    words = load_rubric(RUBRIC).criterion(criterion).levels.of(state.lang)
    return words[min(3, int(level + 0.5))] if level is not None else ""


def _support(reading: Reading, quote: Mapping[str, Any], criterion: str) -> float:
    wanted = load_rubric(RUBRIC).criterion(criterion)
    return max(
        (support(reading, s, wanted) for s in reading.sentences if s.span.start == quote["start"]),
        default=0.0,
    )


def _fact_lines(state: Story, found: Mapping[str, Any], claims: Sequence[Checked]) -> list[str]:
    w: Any = W[state.lang]
    assert state.incident is not None
    count = {
        status: sum(c.status == status for c in claims) for status in ("right", "wrong", "not supported")
    }
    lines = [
        w["facts"].format(
            session=state.incident.session, right=count["right"], wrong=count["wrong"],
            unsupported=count["not supported"],
        )
    ]  # fmt: skip
    for claim in claims:
        if claim.status == "wrong":
            line = w["wrong" if claim.truth else "wrong_deed"].format(
                phrase=claim.phrase, quote=claim.quote, title=claim.title, truth=claim.truth
            )
            lines.append(line + (w["corrected"] if claim.corrected else ""))
        elif claim.status == "not supported":
            lines.append(w["unsupported"].format(phrase=claim.phrase, title=claim.title))
    unused = "; ".join(f"{u['name']} {u['figure']}" for u in found["unused_facts"][:5])
    return [*lines, w["unused"].format(facts=unused)] if unused else lines


def _progress_lines(lang: str, progress: Mapping[str, Any] | None) -> list[str]:
    w: Any = W[lang]
    if progress is None:
        return []
    row = " → ".join(_level(value, lang) for value in progress["overall"][-EARLIER_SHOWN:])
    if not progress["same_story"]:
        return ["", w["other"].format(n=progress["attempt"], row=row)]
    if not progress["same_judge"]:
        return ["", w["other_judge"].format(n=progress["attempt"], row=row)]
    every = len(load_rubric(RUBRIC).criteria)
    up, down = (
        w["all"]
        if len(progress[name]) == every
        else ", ".join(_title(lang, c) for c in progress[name]) or w["nothing"]
        for name in ("up", "down")
    )
    return ["", w["progress"].format(n=progress["attempt"], row=row, up=up, down=down)]


def _stronger_lines(lang: str, found: Mapping[str, Any]) -> list[str]:
    w: Any = W[lang]
    lines = [
        w["point"].format(title=_title(lang, s["criterion"]), level=_level(s["level"], lang), text=s["text"])
        for s in found["stronger"]
    ]
    return lines or [w["none"]]


def _version_lines(state: Story, sections: Sequence[Section]) -> list[str]:
    w: Any = W[state.lang]
    lines = [w["version"].format(minutes=2, words=sum(s.words for s in sections))]
    for section in sections:
        lines.append(f"  {section.part.title.of(state.lang)}")
        for line in section.lines:
            note = _wrong(state, line.wrong)
            lines.append("    " + " ".join(line.text.split()) + (f" [{note}]" if note else ""))
        if not section.lines:
            lines.append(w["missing"].format(text=book().stronger[section.part.criteria[0]].of(state.lang)))
    return lines


def _five(state: Story, two: Sequence[Section], five: Sequence[Section]) -> str:
    w: Any = W[state.lang]
    words, more = sum(s.words for s in five), sum(len(s.lines) for s in five) - sum(len(s.lines) for s in two)
    text: str = w["longer"].format(words=words, n=more) if more > 0 else w["whole"].format(words=words)
    return text
