"""`dropprod bench judge`: what it wants, what it says when it is missing, and that its measures can fail."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.cli.entry import main
from benchmarks.judge import TextsError, load_rows
from benchmarks.judge_measures import agreement, qwk

LEVELS = dict.fromkeys(("root_cause", "specific", "owned", "coverage", "effective", "systemic"), 1)


def row(**changed: Any) -> dict[str, Any]:
    base = {
        "id": "a",
        "kind": "action-items",
        "context": "c1",
        "lang": "en",
        "author": "x",
        "text": "Add a canary.",
    }
    return {**base, "levels": LEVELS, "overall": 1.0, **changed}


def test_without_texts_one_line_says_what_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "judge"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "--texts DIR" in said and "overall" in said


def test_texts_are_for_the_judge_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "engine", "--texts", "x"]) == 2
    assert "--texts is for bench judge" in capsys.readouterr().err


def test_a_folder_gives_rows_with_their_contexts(tmp_path: Path) -> None:
    (tmp_path / "texts.jsonl").write_text(json.dumps(row()) + "\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("# Contexts\n\nc1: the pool was full\n", encoding="utf-8")
    (found,) = load_rows(tmp_path)
    assert found["context_text"] == "the pool was full" and found["rubric"] == "action-items"


@pytest.mark.parametrize("wrong", [{"kind": "poem"}, {"levels": {}}, {"lang": "de"}, {"overall": "good"}])
def test_a_malformed_line_is_named(tmp_path: Path, wrong: dict[str, Any]) -> None:
    (tmp_path / "texts.jsonl").write_text(json.dumps(row(**wrong)) + "\n", encoding="utf-8")
    with pytest.raises(TextsError, match="line 1"):
        load_rows(tmp_path)


def test_kappa_and_pairs_punish_what_is_wrong() -> None:
    assert qwk([0, 1, 2, 3], [0, 1, 2, 3]) == 1.0
    assert qwk([0, 1, 2, 3], [3, 2, 1, 0]) < 0
    rows = [
        row(id="short", overall=3.0, rubric="r"),
        row(id="long", overall=0.0, rubric="r", text="word " * 50, lang="ru"),
    ]
    by_length = {"short": (LEVELS, 0.1), "long": (LEVELS, 2.9)}
    told = agreement(rows, by_length)
    assert told["pairs"] == {"right": 0.0, "of": 1} and told["misled"] == {"right": 0.0, "of": 1}
    assert told["gap_en_ru"] == pytest.approx(-2.9 - 2.9)
