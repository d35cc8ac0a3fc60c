"""Tickets and chat lines mapped to exactly what they ask for: refusals, wishes and two measures in one line."""

from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from agent.concepts import LexiconError
from agent.mapping import map_item
from agent.phrasings import INTERVENTIONS, load_phrasings
from simulator.interventions import CATALOGUE
from simulator.scenario import load

TICKETS: list[list[str]] = yaml.safe_load(
    (Path(__file__).parent / "mapping_tickets.yaml").read_text(encoding="utf-8")
)["items"]

AWARE: list[list[str]] = yaml.safe_load(
    (Path(__file__).parent / "mapping_aware.yaml").read_text(encoding="utf-8")
)["items"]


def mapped(sentence: str, likely: Iterable[str] = ()) -> list[str]:
    return [call.id for call in map_item(sentence, likely=frozenset(likely)).calls]


@pytest.mark.parametrize(("scenario", "language", "expected", "sentence"), TICKETS)
def test_a_ticket_maps_to_what_it_asks_for_and_to_nothing_else(
    scenario: str, language: str, expected: str, sentence: str
) -> None:
    assert language in ("ru", "en")
    found = mapped(sentence)
    if expected == "none":
        assert [id for id in found if CATALOGUE[id].measurable] == []
        return
    asked = [set(one.split("/")) for one in expected.split("+")]
    assert set().union(*asked) <= set(CATALOGUE)
    assert len(found) == len(asked)
    assert all(any(id in one for id in found) for one in asked), found


@pytest.mark.parametrize(("scenario", "language", "expected", "sentence"), AWARE)
def test_an_item_of_an_incident_maps_to_one_of_its_remedies(
    scenario: str, language: str, expected: str, sentence: str
) -> None:
    assert language in ("ru", "en")
    found = {id for id in mapped(sentence, load(scenario).interventions) if CATALOGUE[id].measurable}
    asked = set() if expected == "none" else set(expected.split("/"))
    assert asked <= set(CATALOGUE)
    assert found <= asked and bool(found) == bool(asked)


def test_a_figure_that_shall_end_is_no_parameter() -> None:
    (call,) = map_item("Звать дежурного быстрее: хватит ждать 90 секунд").calls
    assert call.id == "faster_paging" and call.params.get("for_s") != 90.0


@pytest.mark.parametrize(
    "sentence",
    [
        "Одному мерчу не давать больше 800 заказов в секунду, остальное пусть ждёт",
        "A single seller gets at most 800 writes a second, whatever the sale",
        "С одного продавца принимать не больше 800 записей в секунду",
    ],
)
def test_a_limit_of_anything_a_second_is_the_limit(sentence: str) -> None:
    (call,) = map_item(sentence, likely=frozenset(load("hot-shard").interventions)).calls
    assert (call.id, call.params) == ("hot_key_limits", {"rps": 800.0})


@pytest.mark.parametrize(
    ("sentence", "ids"),
    [
        ("acks=1", []),
        ("Producers: acks=1 is enough", []),
        ("Поставить acks=1 у продюсера", []),
        ("acks=-1", ["acks_all_min_isr"]),
        ("Продюсерам acks=all", ["acks_all_min_isr"]),
        ("acks=1 заменить на all", ["acks_all_min_isr"]),
        ("no more acks=1", ["acks_all_min_isr"]),
    ],
)
def test_the_opposite_setting_is_not_the_remedy(sentence: str, ids: list[str]) -> None:
    assert mapped(sentence) == ids
    assert mapped(sentence, load("kafka-lost-orders").interventions) == ids


def test_a_broken_pattern_of_the_opposite_names_its_remedy(tmp_path: Path) -> None:
    text = INTERVENTIONS.read_text(encoding="utf-8")
    broken = tmp_path / "interventions.yaml"
    broken.write_text(text.replace("contradicted: '^(?!", "contradicted: '^(?!("), encoding="utf-8")
    with pytest.raises(LexiconError, match=r"acks_all_min_isr\.contradicted"):
        load_phrasings(broken)


@pytest.mark.parametrize(
    ("sentence", "ids"),
    [
        ("no more retries", []),
        ("We no longer need the bigger pool", []),
        ("Никаких больше ретраев", []),
        ("retry, but no more than 3 attempts", ["client_retries"]),
        ("не больше 3 попыток с паузой", ["client_retries"]),
        ("stop raising the pool", []),
        ("Хватит увеличивать пул", []),
        ("Увеличить пул до 40, больше пока не надо", ["pool_resize"]),
        ("stop retrying in every layer", ["retries_at_the_edge_only"]),
        ("no more N+1", ["fix_n_plus_one"]),
        ("Не чинить N+1", []),
    ],
)
def test_no_more_and_stop_refuse_what_they_name(sentence: str, ids: list[str]) -> None:
    assert mapped(sentence) == ids


@pytest.mark.parametrize(
    ("sentence", "ids"),
    [
        ("client retries with a budget", {"retry_budget"}),
        ("Ретраи клиента с бюджетом", {"retry_budget"}),
        ("retries with backoff and a budget of 10 %", {"retry_budget", "client_retries"}),
        ("Клиентам - ретраи с бюджетом 10 %, до двух попыток", {"retry_budget", "client_retries"}),
    ],
)
def test_what_a_budget_limits_is_no_second_measure(sentence: str, ids: set[str]) -> None:
    assert set(mapped(sentence)) == ids


@pytest.mark.parametrize(
    "sentence",
    [
        "Never let a data centre lose its power: two feeds for each DC",
        "Never let a DC lose power",
        "ДЦ никогда не должен терять питание",
    ],
)
def test_power_for_a_site_is_no_replica(sentence: str) -> None:
    assert mapped(sentence) == []
    assert mapped(sentence, load("dc1-loss").interventions) == []
