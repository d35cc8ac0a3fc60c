"""`dropprod grade`: one JSON record a line in, one graded record a line out.

Checks a record and shapes the answer; how a text is judged is not known here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agent.judge import Judgement, judge
from agent.rubric import RubricError, rubric_for_kind

_MAX_TEXT = 200_000  # characters; a whole day's notes are shorter


class GradeError(ValueError):
    """A record that cannot be graded: one line that says which and why. The sender's mistake."""


def grade_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Grade {id, kind, context, context_text?, lang, text}; fields beside these are ignored.

    Returns {id, rubric, levels, overall, quotes, judge, reasons}: levels {criterion: 0-3 or null}, quotes
    {criterion: [{start, end, text}]}, overall 0-3, unrounded; reasons {criterion: why} for every null.
    Raises GradeError.
    """
    label = _label(record)
    kind = _string(record, "kind", label)
    text = _string(record, "text", label)
    if len(text) > _MAX_TEXT:
        raise GradeError(f"{label}: text: {len(text)} characters, at most {_MAX_TEXT} are graded")
    language = record.get("lang")
    if language not in (None, "ru", "en"):
        raise GradeError(f"{label}: lang: {language!r} is neither ru nor en")
    context_id, context_text = (_optional(record, name, label) for name in ("context", "context_text"))
    try:
        rubric = rubric_for_kind(kind)
    except RubricError as error:
        raise GradeError(f"{label}: kind: {error}") from None
    return _answer(record.get("id"), judge(text, rubric, language, context_id, context_text))


def grade_lines(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Grade JSON lines in order; empty lines are skipped. Raises GradeError that names the line."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise GradeError(f"line {number}: not JSON: {error}") from None
        if not isinstance(record, dict):
            raise GradeError(f"line {number}: a record is a JSON object, not {type(record).__name__}")
        try:
            yield grade_record(record)
        except GradeError as error:
            raise GradeError(f"line {number}: {error}") from None


def _answer(record_id: Any, said: Judgement) -> dict[str, Any]:
    quotes = {
        name: [{"start": q.start, "end": q.end, "text": q.text} for q in verdict.quotes]
        for name, verdict in said.levels.items()
    }
    return {
        "id": record_id,
        "rubric": said.rubric,
        "levels": {name: verdict.level for name, verdict in said.levels.items()},
        "overall": said.overall,
        "quotes": quotes,
        "judge": said.judge,
        "reasons": {name: verdict.why for name, verdict in said.levels.items() if verdict.level is None},
    }


def _label(record: Mapping[str, Any]) -> str:
    record_id = record.get("id")
    if record_id is None:
        return "record without id"
    if not isinstance(record_id, str | int):
        raise GradeError("id: expected a string or a number")
    return f"record {str(record_id)[:80]!r}"


def _string(record: Mapping[str, Any], name: str, label: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise GradeError(
            f"{label}: {name}: expected a string" + ("" if name in record else ", it is missing")
        )
    return value


def _optional(record: Mapping[str, Any], name: str, label: str) -> str | None:
    value = record.get(name)
    if value is not None and not isinstance(value, str):
        raise GradeError(f"{label}: {name}: expected a string or null")
    return value
