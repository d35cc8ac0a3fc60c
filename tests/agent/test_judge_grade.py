"""Records in, graded records out; a bad record is the sender's mistake and says so in one line."""

import json

import pytest

from agent.grade import GradeError, grade_lines, grade_record

TEXT = "Канарейка 5 % на 10 минут, ошибок > 1 % — автооткат. Платформа, до 20.06."
RECORD = {"id": "r1", "kind": "action-items", "context": "payment-pool", "lang": "ru", "text": TEXT}


@pytest.mark.parametrize(
    ("kind", "rubric", "count"),
    [
        ("action-items", "action-items", 6),
        ("postmortem", "postmortem", 6),
        ("story", "hard-bug-story", 8),
        ("hard-bug-story", "hard-bug-story", 8),
        ("design", "system-design", 8),
        ("system-design", "system-design", 8),
    ],
)
def test_each_kind_gets_all_levels_and_an_overall(kind: str, rubric: str, count: int) -> None:
    graded = grade_record({**RECORD, "kind": kind})
    assert graded["id"] == "r1" and graded["rubric"] == rubric and graded["judge"] == "embedded"
    assert len(graded["levels"]) == len(graded["quotes"]) == count
    assert isinstance(graded["overall"], float)
    for name, level in graded["levels"].items():
        assert level is not None or graded["reasons"][name]
        assert all(TEXT[q["start"] : q["end"]] == q["text"] for q in graded["quotes"][name])
    json.dumps(graded)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "poem"}, "record 'r1': kind: unknown kind 'poem'"),
        ({"kind": None}, "record 'r1': kind: expected a string"),
        ({"text": 7}, "record 'r1': text: expected a string"),
        ({"lang": "de"}, "record 'r1': lang: 'de'"),
        ({"context": 5}, "record 'r1': context: expected a string or null"),
        ({"id": ["x"]}, "id: expected"),
        ({"text": "x" * 300_000}, "record 'r1': text: 300000 characters"),
    ],
)
def test_a_bad_record_is_refused_in_one_line(change: dict[str, object], message: str) -> None:
    with pytest.raises(GradeError) as caught:
        grade_record({**RECORD, **change})
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_lines_are_graded_in_order_and_a_bad_line_is_named() -> None:
    lines = [json.dumps({**RECORD, "id": i}) for i in range(3)]
    assert [g["id"] for g in grade_lines([lines[0], "", lines[1], lines[2]])] == [0, 1, 2]
    with pytest.raises(GradeError, match="line 2: not JSON"):
        list(grade_lines([lines[0], "{nope"]))
    with pytest.raises(GradeError, match="line 1: a record is a JSON object"):
        list(grade_lines(["[1]"]))
    with pytest.raises(GradeError, match="line 1: record 'r1': text: expected a string, it is missing"):
        list(grade_lines([json.dumps({k: v for k, v in RECORD.items() if k != "text"})]))


def test_language_and_context_may_be_absent() -> None:
    bare = {"id": 1, "kind": "action-items", "text": TEXT}
    assert grade_record(bare)["overall"] > 0


def test_an_empty_text_is_graded_zero() -> None:
    graded = grade_record({**RECORD, "text": " \u200b "})
    assert graded["overall"] == 0.0
    assert set(graded["levels"].values()) == {0.0}
