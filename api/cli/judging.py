"""`dropprod review` and `dropprod grade`, and how a review looks to a person."""

import argparse
import json
import os
import sys
from typing import Any

from api.cli.errors import UsageError
from api.cli.files import read_lines, read_text
from api.cli.paint import (
    Screen,
    bar,
    cells,
    clean,
    number,
    shorten,
    sparkline,
    standard_screen,
    table,
    wrap,
)
from api.cli.progress import progress
from api.messages import Language, choose_language, name_of, say
from api.views import suffering

BAR_CELLS = 12
TABLE_CELLS = 60  # all five columns of measured effects; less has room for what changed only
NARROW_CELLS = 28  # a reason squeezed into less is harder to read than one on its own lines
LINE_LIMIT = 1_000_000  # bytes of one JSONL record
# Rows of a measured effect: the damage, its length, and what others pay; the rest follows from these.
SHOWN_MEASURES = (
    "failed_requests",
    "success_min",
    "detected_s",
    "recovered_s",
    "pending_max",
    "others_failed",
    "connections_refused",
)


CURVE_CELLS = 60


def review(options: argparse.Namespace) -> int:
    from simulator.run import CommandFileError, parse_commands
    from simulator.scenario import ScenarioError, load, varied

    text = read_text(options.text, "--text")
    if not text.strip():
        raise UsageError(f"--text {options.text}: the text is empty")
    language = choose_language(options.lang, {}) if options.lang else _language_of(text)
    try:
        scenario = varied(load(options.scenario), options.seed)
        played = read_text(options.commands, "--commands") if options.commands else None
        commands = parse_commands("\n".join(scenario.reference.commands) if played is None else played)
        from agent.review_entry import review_text  # after the input: a mistake must not wait for minds

        with progress(say(language, "play.replaying"), options.progress) as report:
            result = review_text(scenario, text, options.kind, language, commands, report, seed=options.seed)
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
    overall = number(round(result["overall"], 2), language)
    score = say(language, "review.score", score=number(round(result["score"]), language), overall=overall)
    lines = [screen.paint(score, "bold"), ""]
    lines += _criteria(result["criteria"], language, screen)
    lines += ["", *wrap(clean(result["feedback"]), screen.columns)]
    if result["action_items"]:
        lines += _title(say(language, "review.items"), screen)
        for index, item in enumerate(result["action_items"], 1):
            lines += _item(index, item, language, screen, result.get("labels", {}))
    if result.get("combined"):
        lines += _combined(result["combined"], language, screen, result.get("labels", {}))
    if result["references"]:
        lines += _title(say(language, "review.references"), screen)
        for reference in result["references"]:
            # The address stays whole, whatever the width: a broken one cannot be followed.
            lines += [*wrap(reference["title"], screen.columns, "  "), f"    {reference['source_url']}"]
    if questions and result["questions"]:
        lines += _title(say(language, "review.questions"), screen)
        for question in result["questions"]:
            lines += wrap(clean(question), screen.columns, "  ")
    judge = say(language, "review.judge", judge=result["judge"], rubric=result["rubric"])
    notes = [line for note in result["notes"] for line in wrap(clean(note), screen.columns)]
    return [*lines, "", *(screen.paint(line, "dim") for line in [judge, *notes])]


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
        if not isinstance(level, int | float):
            gauge, figure = " " * BAR_CELLS, "–"
            why = f"{say(language, 'review.cannot')}: {verdict['why']}"
        else:
            colour = "red" if level < 1 else "yellow" if level < 2 else "green"
            gauge, figure = (
                screen.paint(bar(level / 3, BAR_CELLS, screen), colour),
                number(round(level, 1), language),
            )
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


def _item(
    index: int, item: dict[str, Any], language: str, screen: Screen, labels: dict[str, str]
) -> list[str]:
    lines = wrap(f"{index}. {clean(item['quote'])}", screen.columns, "  ")
    replay = item["counterfactual"]
    if replay is None:
        unmapped = wrap(say(language, "review.unmapped"), screen.columns, "     ")
        return [*lines, *(screen.paint(line, "dim") for line in unmapped)]
    calls = ", ".join(_call(name, item["parameters"].get(name, {})) for name in item["interventions"])
    named = shorten(f"{calls} · {replay['run']}", screen.columns - 6)
    lines.append("     " + screen.paint(named, "cyan"))
    return lines + ["     " + line for line in _effects(replay, language, screen, labels)]


def _combined(replay: dict[str, Any], language: str, screen: Screen, labels: dict[str, str]) -> list[str]:
    """All the items in one replay, shown as a single one is."""
    named = shorten(f"{say(language, 'review.combined')} · {replay['run']}", screen.columns - 2)
    effects = _effects(replay, language, screen, labels)
    return ["  " + screen.paint(named, "cyan"), *("     " + line for line in effects)]


def _call(intervention: str, parameters: dict[str, Any]) -> str:
    """`pool_resize(limit=5000)`."""
    told = ", ".join(f"{name}={value:g}" for name, value in parameters.items())
    return f"{intervention}({told})" if told else intervention


def _effects(replay: dict[str, Any], language: str, screen: Screen, labels: dict[str, str]) -> list[str]:
    """What changed: the SLI of both runs as a line each, then a table: before, with the item, the difference,
    and with it but nobody on call."""
    keys = ("review.measure", "review.baseline", "review.with", "review.effect", "review.nobody")
    rows = [[say(language, key) for key in keys]]
    before, after, alone = replay["baseline"], replay["with"], replay["no_responder"]["with"]
    books = [name for name in before if name.startswith("violated.")]  # the scenario's own, in its own words
    changed = [name for name in (*SHOWN_MEASURES, *books) if before.get(name) != after.get(name)]
    for name in changed:
        was, became, left = (_since(name, facts) for facts in (before, after, alone))
        if _figure(name, was, language) == _figure(name, became, language):
            continue
        change = None if was is None or became is None else became - was
        figures = [
            _figure(name, was, language),
            _figure(name, became, language),
            _figure(name, change, language, "+"),
            _figure(name, left, language),
        ]
        kind = "effect" if name.endswith("_s") else "fact"
        rows.append([labels.get(name) or name_of(language, kind, name), *figures])
    if len(rows) == 1:
        return [screen.paint(say(language, "review.nothing"), "dim")]
    narrower = Screen(screen.columns - 5, screen.colour, screen.unicode)
    curves = _curves(before, after, language, narrower)
    if narrower.columns < TABLE_CELLS:
        return curves + table([[row[0], *row[2:4]] for row in rows], narrower, right=(1, 2))
    return curves + table(rows, narrower, right=(1, 2, 3, 4))


def _curves(before: dict[str, Any], after: dict[str, Any], language: str, screen: Screen) -> list[str]:
    """The SLI of both runs one under the other, as far as either is bad; an older review has none."""
    runs = [run.get("success_curve") or [] for run in (before, after)]
    window = suffering(runs)
    if window is None:
        return []
    first, last = window
    names = [say(language, key) for key in ("review.baseline", "review.with")]
    width = max(cells(name) for name in names)
    room = min(CURVE_CELLS, screen.columns - width - 2)
    lines = []
    for name, values, colour in zip(names, runs, ("red", "green"), strict=True):
        # both ends of the scale stand in the row and are cut off again: the same height means the same share
        drawn = sparkline([0.0, 1.0, *_stretched(values[first:last], last - first, room)], room + 2, screen)[
            2:
        ]
        lines.append(f"{name:<{width}}  {screen.paint(drawn, colour)}")
    return lines


def _stretched(values: list[float], count: int, room: int) -> list[float | None]:
    """`count` points, those a run did not live to being gaps, as the worst of each of at most `room` cells."""
    width = min(room, count)
    parts = [values[n * count // width : (n + 1) * count // width] for n in range(width)]
    return [min(part) if part else None for part in parts]


def _since(name: str, facts: dict[str, Any]) -> float | None:
    """A figure as a reader compares it: moments count from when the incident began in that run."""
    value: float | None = facts.get(name)
    if not name.endswith("_s") or value is None:
        return value
    began = facts.get("started_s")
    return None if began is None else value - began


def _figure(name: str, value: float | None, language: str, sign: str = "") -> str:
    """A count, a share in per cent, a time in minutes and seconds; with `sign` a gain shows its plus."""
    if value is None:
        return number(None, language)
    plus = sign if value > 0 else ""
    if name.endswith("_s"):
        seconds = round(abs(value))
        return f"{'-' if value < 0 else plus}{seconds // 60}:{seconds % 60:02d}"
    if name.startswith("success"):
        return f"{plus}{100 * value:.1f} %"
    return plus + number(round(value), language)
