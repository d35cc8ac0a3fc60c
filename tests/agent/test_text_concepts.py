"""Phrases, gaps, negation and typos of the concept matcher."""

from pathlib import Path

import pytest

from agent.concepts import Lexicon, LexiconError, lexicon_from, load_lexicon
from agent.rubric import LEXICON_FILE, RUBRICS

LEXICON = lexicon_from(
    {
        "canary": {
            "ru": ["канарейка", "постепенная раскатка|выкатка"],
            "en": ["canary", "gradual rollout", "% .. traffic"],
        },
        "pool_alert": {"ru": ["алерт* & пул*"], "en": ["alert & pool|connection"]},
        "retry": {"ru": ["ретра*"], "en": ["retry"]},
    },
    "test",
)


def found(text: str, lexicon: Lexicon = LEXICON) -> list[tuple[str, bool]]:
    return [(m.concept, m.negated) for m in lexicon.find(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Выкатывать через канарейку",
        "Постепенной раскаткой на узлы",
        "Start with 5 % of the traffic",
        "gradual rolout of every build",  # a lost letter
        "Канаррейка на один под",  # a doubled letter
        "gradual rollouts",
        "саnary first",  # Cyrillic са
    ],
)
def test_inflections_gaps_and_typos_are_found(text: str) -> None:
    assert ("canary", False) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Канарейка не нужна",
        "не надо канарейки",
        "no need for a canary",
        "Instead of a canary we deploy at once",
        "Disable canary releases",
        "a canary would be overkill",
    ],
)
def test_what_is_denied_is_marked(text: str) -> None:
    assert ("canary", True) in found(text)


@pytest.mark.parametrize(
    "text", ["no release without a canary", "не выкатывать без канарейки", "Не более 5 % канарейки"]
)
def test_double_denial_and_limits_deny_nothing(text: str) -> None:
    assert ("canary", False) in found(text)


def test_both_parts_in_either_order_within_one_sentence() -> None:
    assert ("pool_alert", False) in found("When the pool is above 80 % an alert fires")
    assert found("The pool is full. An alert fires.") == []


def test_match_offsets_point_into_the_original_text() -> None:
    text = "Сначала\u200b каna\u200bрейка"
    match = LEXICON.find("Сначала\u200b канаре\u200bйка")[0]
    assert "Сначала\u200b канаре\u200bйка"[match.start : match.end] == "канаре\u200bйка"
    assert LEXICON.find(text) is not None


@pytest.mark.parametrize(
    ("concepts", "message"),
    [
        ({}, "concepts"),
        ({"a": ["x"]}, "a: phrasings by language"),
        ({"a": {"de": ["x"]}}, "a: phrasings by language"),
        ({"a": {"ru": "x"}}, "a.ru: a list of phrases"),
        ({"a": {"en": ["x .."]}}, "begins and ends with a word"),
        ({"a": {"en": ["on-call|x"]}}, "is not one word"),
    ],
)
def test_a_wrong_lexicon_is_refused_with_its_place(concepts: object, message: str) -> None:
    with pytest.raises(LexiconError, match=message.replace(".", r"\.")):
        lexicon_from(concepts, "lexicon.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match=r"nowhere\.yaml"):
        load_lexicon(tmp_path / "nowhere.yaml")


def test_every_shipped_concept_speaks_both_languages() -> None:
    lexicon = load_lexicon(RUBRICS / LEXICON_FILE)
    assert len(lexicon.concepts) > 100
    assert all("." in name for name in lexicon.concepts)
