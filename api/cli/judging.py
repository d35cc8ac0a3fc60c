"""`dropprod review` and `dropprod grade`, and how a review looks to a person."""

import argparse
import json
import os
import sys
from typing import Any

from api.cli.errors import UsageError
from api.cli.files import read_lines, read_text
from api.cli.paint import Screen, bar, clean, number, shorten, standard_screen, table, wrap
from api.cli.progress import progress
from api.messages import Language, choose_language, name_of, say

BAR_CELLS = 12
TABLE_CELLS = 60  # all five columns of measured effects; less has room for what changed only
NARROW_CELLS = 28  # a reason squeezed into less is harder to read than one on its own lines
LINE_LIMIT = 1_000_000  # bytes of one JSONL record
SHOWN_MEASURES = 8  # rows of a measured effect: the largest first


def review(options: argparse.Namespace) -> int:
    from simulator.run import CommandFileError, parse_commands
    from simulator.scenario import ScenarioError, load

    text = read_text(options.text, "--text")
    if not text.strip():
        raise UsageError(f"--text {options.text}: the text is empty")
    language = choose_language(options.lang, {}) if options.lang else _language_of(text)
    try:
        scenario = load(options.scenario)
        played = read_text(options.commands, "--commands") if options.commands else None
        commands = parse_commands("\n".join(scenario.reference.commands) if played is None else played)
        from agent.review_entry import review_text  # after the input: a mistake must not wait for minds

        with progress(say(language, "play.replaying"), options.progress) as report:
            result = review_text(scenario, text, options.kind, language, commands, report)
    except CommandFileError as error:
        raise UsageError(f"--commands {options.commands}: {error}") from None
    except ScenarioError as error:
        raise UsageError(str(error)) from None
    if options.json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        print("\n".join(render_review(result, language, standard_screen(sys.stdout))))
    return 0


def _language_of(text: str) -> Language:
    """Without --lang the review answers in the text's language; a text without letters in the locale's."""
    russian = sum("а" <= c <= "я" or c == "ё" for c in text.lower())
    latin = sum("a" <= c <= "z" for c in text.lower())
    if not russian and not latin:
        return choose_language(None, os.environ)
    # Russian engineers write half of their words in Latin letters (PgBouncer, canary, rollback).
    return "ru" if russian * 3 > latin else "en"


def grade(options: argparse.Namespace) -> int:
    """Each line on its own: a bad one is reported with its number and the rest goes on."""
    from agent.grade import GradeError, grade_record

    failed = False
    for line_number, data in read_lines(options.jsonl, "--jsonl"):
        if not data.strip():
            continue
        try:
            verdict = grade_record(_record(data))
        except (GradeError, UsageError) as error:
            failed = True
            print(f"dropprod: {options.jsonl} line {line_number}: {error}", file=sys.stderr)
            continue
        print(json.dumps(verdict, ensure_ascii=False), flush=True)
    return 1 if failed else 0


def _record(data: bytes) -> dict[str, Any]:
    if len(data) > LINE_LIMIT:
        raise UsageError(f"more than {LINE_LIMIT} bytes")
    try:
        record = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise UsageError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise UsageError("not a record: nested too deeply") from None
    if not isinstance(record, dict):
        raise UsageError("a record is a JSON object")
    return record


def render_review(result: dict[str, Any], language: str, screen: Screen, questions: bool = True) -> list[str]:
    """A review for a person: score, criteria, the CTO's feedback, measured effects, references."""
    overall = number(round(result["overall"], 2))
    score = say(language, "review.score", score=number(round(result["score"])), overall=overall)
    lines = [screen.paint(score, "bold"), ""]
    lines += _criteria(result["criteria"], language, screen)
    lines += ["", *wrap(clean(result["feedback"]), screen.columns)]
    if result["action_items"]:
        lines += _title(say(language, "review.items"), screen)
        for index, item in enumerate(result["action_items"], 1):
            lines += _item(index, item, language, screen)
    if result["references"]:
        lines += _title(say(language, "review.references"), screen)
        for reference in result["references"]:
            lines += wrap(f"{reference['title']} — {reference['source_url']}", screen.columns, "  ")
    if questions and result["questions"]:
        lines += _title(say(language, "review.questions"), screen)
        for question in result["questions"]:
            lines += wrap(clean(question), screen.columns, "  ")
    judge = say(language, "review.judge", judge=result["judge"], rubric=result["rubric"])
    return [*lines, "", screen.paint(judge, "dim")]


def _title(text: str, screen: Screen) -> list[str]:
    return ["", *(screen.paint(line, "bold") for line in wrap(text, screen.columns))]


def _criteria(criteria: list[dict[str, Any]], language: str, screen: Screen) -> list[str]:
    if not criteria:
        return []
    names = [name_of(language, "criterion", v["criterion"]) for v in criteria]
    width = max(len(name) for name in names)
    lines = []
    for name, verdict in zip(names, criteria, strict=True):
        level = verdict["level"]
        if level is None:
            gauge, figure = " " * BAR_CELLS, "–"
            why = f"{say(language, 'review.cannot')}: {verdict['why']}"
        else:
            colour = "red" if level < 1 else "yellow" if level < 2 else "green"
            gauge, figure = screen.paint(bar(level / 3, BAR_CELLS, screen), colour), number(round(level, 1))
            why = verdict["why"]
        lines.append(f"{name:<{width}}  {gauge} {figure:>3}")
        taken = width + BAR_CELLS + 8
        if screen.columns - taken < NARROW_CELLS:
            lines += wrap(clean(why), screen.columns, "    ")
            continue
        head, *rest = wrap(clean(why), screen.columns - taken) or [""]
        lines[-1] = f"{lines[-1]}  {head}".rstrip()
        lines += [" " * taken + line for line in rest]
    return lines


def _item(index: int, item: dict[str, Any], language: str, screen: Screen) -> list[str]:
    lines = wrap(f"{index}. {clean(item['quote'])}", screen.columns, "  ")
    replay = item.get("counterfactual")
    if not item["interventions"] or replay is None:
        unmapped = wrap(say(language, "review.unmapped"), screen.columns, "     ")
        return [*lines, *(screen.paint(line, "dim") for line in unmapped)]
    named = shorten(", ".join(item["interventions"]) + f" · {replay['run']}", screen.columns - 6)
    lines.append("     " + screen.paint(named, "cyan"))
    return lines + ["     " + line for line in _effects(replay, language, screen)]


def _effects(replay: dict[str, Any], language: str, screen: Screen) -> list[str]:
    """The measured effect as a table: before, with the item, the difference, and with nobody on call."""
    keys = ("review.measure", "review.baseline", "review.with", "review.effect", "review.nobody")
    rows = [[say(language, key) for key in keys]]
    effect, baseline, with_it = replay["effect"], replay["baseline"], replay["with"]
    alone = (replay.get("no_responder") or {}).get("with") or {}
    for name in list(effect)[:SHOWN_MEASURES]:
        change = effect[name]
        sign = "+" if isinstance(change, int | float) and not isinstance(change, bool) and change > 0 else ""
        rows.append(
            [
                name_of(language, "fact", name),
                number(baseline.get(name)),
                number(with_it.get(name)),
                sign + number(change),
                number(alone.get(name)),
            ]
        )
    narrower = Screen(screen.columns - 5, screen.colour, screen.unicode)
    if narrower.columns < TABLE_CELLS:
        rows = [[row[0], *row[2:4]] for row in rows]
        return table(rows, narrower, right=(1, 2))
    return table(rows, narrower, right=(1, 2, 3, 4))
