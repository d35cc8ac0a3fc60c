"""The same text in both languages is owed the same: judge_twins.yaml, post-mortems and stories of every quality."""

from pathlib import Path

import pytest
import yaml

from agent.judge import judge
from agent.text import Language

TWINS = yaml.safe_load(Path(__file__).with_name("judge_twins.yaml").read_text(encoding="utf-8"))
MEAN_GAP = 0.15  # levels; what is asked of all rubrics together
ONE_GAP = 0.55  # a half-level mark, and the rounding on either side


def gaps(rubric: str) -> dict[str, float]:
    """{twin: English less Russian}."""
    mine = [t for t in TWINS if t["rubric"] == rubric]
    return {
        t["id"]: judge(t["en"], rubric, "en").overall - judge(t["ru"], rubric, "ru").overall for t in mine
    }


@pytest.mark.parametrize("rubric", ["postmortem", "hard-bug-story"])
def test_neither_language_is_favoured(rubric: str) -> None:
    found = gaps(rubric)
    assert len(found) == 6
    assert abs(sum(found.values()) / len(found)) <= MEAN_GAP, found
    assert max(map(abs, found.values())) <= ONE_GAP, found


@pytest.mark.parametrize("language", ["ru", "en"])
def test_twins_are_told_apart_by_quality(language: Language) -> None:
    told = {t["id"]: judge(t[language], t["rubric"], language).overall for t in TWINS}
    assert told["pm-blaming"] < told["pm-short"] < told["pm-plain"] < told["pm-middling"] < told["pm-strong"]
    assert told["story-praise"] < 0.5 < told["story-plain"] < told["story-middling"] < told["story-strong"]
