"""Rubric files: strict, complete in both languages, and frozen together with the model."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from agent.judge import lexicon, reading_of
from agent.judge.contexts import Context
from agent.judge.explain import labels
from agent.judge.model import load_models
from agent.judge.signals import PATTERNS, signals
from agent.rubric import (
    MODEL_FILE,
    RUBRIC_IDS,
    RUBRICS,
    RubricError,
    bundle_digest,
    load_rubric,
    rubric_for_kind,
)

CRITERIA = {
    "action-items": "root_cause specific owned coverage effective systemic",
    "postmortem": "impact timeline root_cause detection actions blameless",
    "hard-bug-story": "situation task investigation action result reflection depth clarity",
    "system-design": "requirements design data_scale consistency failure operations tradeoffs communication",
}

REGISTER = ("working_words", "idle_words")  # signals of the frozen word list


@pytest.mark.parametrize("name", RUBRIC_IDS)
def test_a_rubric_has_its_criteria_in_both_languages(name: str) -> None:
    rubric = load_rubric(name)
    assert [c.id for c in rubric.criteria] == CRITERIA[name].split()
    for criterion in rubric.criteria:
        for language in ("ru", "en"):
            assert len(set(criterion.levels.of(language))) == 4
            assert criterion.question.of(language).endswith("?")


@pytest.mark.parametrize("name", RUBRIC_IDS)
def test_every_signal_and_every_evidence_exists_and_has_a_label(name: str) -> None:
    known = {*signals(reading_of("Алерт при 80 %.", Context())), *REGISTER}
    concepts = set(lexicon().concepts)
    groups = {concept.partition(".")[0] for concept in concepts}
    rubric = load_rubric(name)
    for part in (rubric.quality, *rubric.criteria):
        used = {*part.plus, *part.minus}
        assert used <= known
        assert used <= set(labels())
    for criterion in rubric.criteria:
        assert set(criterion.evidence) <= concepts | groups | set(PATTERNS)


@pytest.mark.parametrize("name", RUBRIC_IDS)
def test_the_model_keeps_the_signs_the_rubric_declares(name: str) -> None:
    rubric, model = load_rubric(name), load_models()[name]
    for criterion in rubric.criteria:
        for signal, value in model.criteria[criterion.id].coefficients:
            assert value >= 0 if signal in criterion.plus else value <= 0
    assert all(v >= 0 if n in rubric.quality.plus else v <= 0 for n, v in model.quality.coefficients)
    assert all(c.quality >= 0 for c in model.criteria.values())


@pytest.mark.parametrize(
    ("kind", "rubric"),
    [("story", "hard-bug-story"), ("design", "system-design"), ("postmortem", "postmortem")],
)
def test_kinds_lead_to_rubrics(kind: str, rubric: str) -> None:
    assert rubric_for_kind(kind).id == rubric


def test_an_unknown_rubric_or_kind_lists_the_known() -> None:
    with pytest.raises(RubricError, match="action-items"):
        load_rubric("poem")
    with pytest.raises(RubricError, match="story"):
        rubric_for_kind("poem")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": 1}, "extra"),
        ({"id": "postmortem"}, "does not match"),
        ({"criteria": []}, "weights add up"),
    ],
)
def test_a_damaged_rubric_names_file_and_field(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    raw = yaml.safe_load((RUBRICS / "action-items.yaml").read_text(encoding="utf-8"))
    (tmp_path / "action-items.yaml").write_text(yaml.safe_dump({**raw, **change}), encoding="utf-8")
    with pytest.raises(RubricError, match=rf"action-items\.yaml.*{message}"):
        load_rubric("action-items", tmp_path)


def test_a_model_fitted_for_other_words_is_refused(tmp_path: Path) -> None:
    for path in RUBRICS.iterdir():
        shutil.copy(path, tmp_path / path.name)
    assert load_models(tmp_path)
    assert bundle_digest(tmp_path) == bundle_digest()
    load_models.cache_clear()
    bundle_digest.cache_clear()
    with (tmp_path / "lexicon.yaml").open("a", encoding="utf-8") as file:
        file.write("# a change\n")
    with pytest.raises(RubricError, match="fitted for other"):
        load_models(tmp_path)
    (tmp_path / MODEL_FILE).write_text(json.dumps({"models": {}}), encoding="utf-8")
    with pytest.raises(RubricError, match="not a model"):
        load_models(tmp_path)
