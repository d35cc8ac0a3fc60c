"""Items that no phrasing matches: the words as a bag point at one remedy, or at none."""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from agent.mapping import map_item, map_text
from agent.nearest import nearest, ranked
from agent.phrasings import load_phrasings
from agent.text import tokens
from simulator.interventions import CATALOGUE
from simulator.scenario import load

FRESH: list[list[str]] = yaml.safe_load(
    (Path(__file__).parent / "mapping_fresh.yaml").read_text(encoding="utf-8")
)["items"]
ENOUGH = 0.8  # of sentences written without a look at the phrasings; see benchmarks/README.md


def mapped(sentence: str, likely: frozenset[str] = frozenset()) -> list[str]:
    return [call.id for call in map_item(sentence, likely=likely).calls]


def right(expected: str, found: list[str]) -> bool:
    if expected == "none":
        return not [id for id in found if CATALOGUE[id].measurable]
    return bool(found) and found[0] in expected.split("/")


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("aware", [False, True], ids=["alone", "with the scenario"])
def test_free_sentences_find_their_remedy(language: str, aware: bool) -> None:
    said = [(s, e, t) for s, lang, e, t in FRESH if lang == language]
    likely = {s: frozenset(load(s).interventions) if aware else frozenset[str]() for s, _, _ in said}
    good = sum(right(expected, mapped(text, likely[scenario])) for scenario, expected, text in said)
    assert good >= ENOUGH * len(said)


def test_fresh_sentences_name_remedies_of_the_catalogue() -> None:
    for _, language, expected, _ in FRESH:
        assert language in ("ru", "en")
        assert all(id in CATALOGUE for id in expected.split("/") if id != "none"), expected
    assert max(Counter(text for *_, text in FRESH).values()) == 1


def test_a_remedy_of_the_incident_is_ahead_of_one_that_is_not() -> None:
    said = tokens("Держать цены пять секунд в памяти каждого пода")
    alone = {near.id: near.evidence for near in ranked(said)[0]}
    likely = {near.id: near.evidence for near in ranked(said, frozenset({"local_read_cache"}))[0]}
    assert likely["local_read_cache"] > alone["local_read_cache"]
    assert likely["page_local_cache"] == alone["page_local_cache"]


@pytest.mark.parametrize(
    "sentence",
    [
        "Обновить контакты поставщика в справочнике и проверить телефоны",
        "Move the weekly planning to Thursday and invite the support team",
        "Ask legal whether the contract with the hosting provider covers damages",
        "Разослать клиентам купоны на скидку за потерянные заказы",
    ],
)
def test_a_chance_meeting_of_words_is_no_remedy(sentence: str) -> None:
    assert nearest(tokens(sentence), load_phrasings()) is None
    assert mapped(sentence) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Отказались возвращать релиз сам собой, когда успех падает ниже 95 %",
        "Consider: the deploy tool takes a release back by itself once success drops below 95 %",
        "Does the payment provider adapter refuse to give back more than was ever charged for the order?",
    ],
)
def test_what_is_refused_studied_or_asked_is_not_proposed(sentence: str) -> None:
    assert mapped(sentence) == []


def test_the_text_as_a_whole_knows_the_incident() -> None:
    text = "- Раз в две минуты задача подбирает застрявшие заказы и доводит их до конца\n- Купить торт"
    first, second = map_text(text, likely=frozenset(load("saga-stuck").interventions))
    assert [call.id for call in first.calls] == ["saga_timeout_sweeper"]
    assert second.calls == ()
