"""Action items mapped to the catalogue: every remedy is found by sentences kept apart from its phrasings."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.mapping import map_item, map_text
from agent.phrasings import INTERVENTIONS, load_phrasings
from simulator.interventions import CATALOGUE

HELD_OUT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "mapping_heldout.yaml").read_text(encoding="utf-8")
)
LANGUAGES = ("ru", "en")
ENOUGH = 0.95  # of all held-out sentences; the rest is known to be missed
FIRST_ENOUGH = 0.94
MS_A_TEXT = 50.0
# Read from the text although a replay has no such number: the review drops them.
SAID_ONLY = {"canary_auto_rollback": {"share"}, "load_test_gate": {"rps"}, "statement_timeout": {"seconds"}}


def mapped(sentence: str) -> list[str]:
    return [call.id for call in map_item(sentence).calls]


def params(sentence: str, name: str) -> dict[str, float]:
    return next(dict(c.params) for c in map_item(sentence).calls if c.id == name)


def test_every_remedy_has_phrasings_and_held_out_sentences() -> None:
    assert set(load_phrasings().specs) == set(CATALOGUE)
    assert set(HELD_OUT["items"]) == set(CATALOGUE)
    for id, by_language in HELD_OUT["items"].items():
        for lang in LANGUAGES:
            assert len(by_language[lang]) >= 2, (id, lang)


def test_parameters_of_the_phrasings_are_those_of_the_catalogue() -> None:
    for id, spec in load_phrasings().specs.items():
        assert set(spec.parameters) - SAID_ONLY.get(id, set()) <= set(CATALOGUE[id].parameters), id


def test_no_phrasing_is_written_twice() -> None:
    raw = yaml.safe_load(INTERVENTIONS.read_text(encoding="utf-8"))["interventions"]
    for id, spec in raw.items():
        for lang in LANGUAGES:
            assert len(spec[lang]) == len(set(spec[lang])), (id, lang)


@pytest.mark.parametrize(
    ("sentence", "ids"),
    [
        ("Алерт: bulkhead занят на 80 % дольше 15 секунд.", ["alert_pool_saturation"]),
        ("Page when the bulkhead is 80% full for 15 s.", ["alert_pool_saturation"]),
        ("Поднять bulkhead до 100 на под.", ["bulkhead_resize"]),
        ("Raise the bulkhead to 100.", ["bulkhead_resize"]),
    ],
)
def test_an_alert_on_a_limit_does_not_change_the_limit(sentence: str, ids: list[str]) -> None:
    assert mapped(sentence) == ids


@pytest.mark.parametrize("lang", LANGUAGES)
def test_held_out_sentences_map_to_their_remedy(lang: str) -> None:
    pairs = [(id, s) for id, by_language in HELD_OUT["items"].items() for s in by_language[lang]]
    missed = [(id, s, mapped(s)) for id, s in pairs if id not in mapped(s)]
    first = sum(mapped(s)[:1] == [id] for id, s in pairs)
    assert len(missed) <= (1 - ENOUGH) * len(pairs), missed
    assert first >= FIRST_ENOUGH * len(pairs)


@pytest.mark.parametrize("id", sorted(CATALOGUE))
def test_every_remedy_is_found_in_both_languages(id: str) -> None:
    for lang in LANGUAGES:
        assert any(id in mapped(s) for s in HELD_OUT["items"][id][lang]), (id, lang)


def test_held_out_sentences_map_to_little_else() -> None:
    sentences = [s for by_language in HELD_OUT["items"].values() for ss in by_language.values() for s in ss]
    extra = sum(max(0, len(mapped(s)) - 1) for s in sentences)
    assert extra <= 0.1 * len(sentences)


@pytest.mark.parametrize("sentence", HELD_OUT["none"])
def test_what_proposes_nothing_measurable_maps_to_nothing_measurable(sentence: str) -> None:
    assert [id for id in mapped(sentence) if CATALOGUE[id].measurable] == []


@pytest.mark.parametrize(
    ("sentence", "id", "name", "value"),
    [
        ("Роли migrator lock_timeout 500 мс", "ddl_lock_timeout", "ms", 500),
        ("Run DDL with lock_timeout = 2s", "ddl_lock_timeout", "ms", 2000),
        ("Lower session.timeout.ms to 10 s", "consumer_session_timeout", "value", 10000),
        ("Уменьшить auto.commit.interval.ms до 200", "auto_commit_interval", "value", 200),
        ("Set max_slot_wal_keep_size = 20GB", "slot_wal_limit", "gb", 20),
        ("Расширить диск базы на 2 ТБ", "disk_headroom", "gb", 2000),
        ("Снизить TTL DNS-записи с 300 до 30 секунд", "dns_ttl", "ttl_s", 30),
        ("Retry budget of 20 % in every client", "retry_budget", "ratio", 0.2),
        ("acks=all and min.insync.replicas=2", "acks_all_min_isr", "replicas", 2),
        ("Increase the orders topic to 48 partitions", "topic_partitions", "partitions", 48),
        ("Сократить число воркеров консьюмера с 8 до 1", "consumer_workers", "value", 1),
    ],
)
def test_parameters_come_from_the_sentence(sentence: str, id: str, name: str, value: float) -> None:
    assert params(sentence, id)[name] == value


@pytest.mark.parametrize(
    ("sentence", "id"),
    [
        ("Без нагрузочного теста релиз не выпускать", "load_test_gate"),
        ("No release without a load test", "load_test_gate"),
        ("Не выкатывать без канарейки", "canary_auto_rollback"),
    ],
)
def test_not_without_is_a_demand(sentence: str, id: str) -> None:
    assert id in mapped(sentence)


@pytest.mark.parametrize("sentence", ["Работаем без канарейки", "Go on without a load test"])
def test_without_alone_is_a_denial(sentence: str) -> None:
    assert mapped(sentence) == []


def test_a_text_takes_little_time() -> None:
    """Two pages of actions, warm; the best of three, since other processes share the cores."""
    sentences = [by_language["ru"][0] for by_language in HELD_OUT["items"].values()][:25]
    text = "\n".join(f"{n}. {s}" for n, s in enumerate(sentences, 1))
    map_text(text)
    took = []
    for _ in range(3):
        before = time.process_time()
        map_text(text)
        took.append((time.process_time() - before) * 1000)
    assert min(took) <= MS_A_TEXT


def test_a_line_of_a_list_is_an_item_without_a_bullet() -> None:
    """Whoever is asked for one item a line gets an answer to each, also to what no remedy stands for."""
    lines = ["A new coffee machine for the duty room, Ivan, by 5 December", "Canary 5 % for 10 minutes"]
    found = map_text("\n".join(lines))
    assert [item.span.text for item in found] == lines
    assert [item.state for item in found] == ["unmapped", "mapped"]
    assert map_text("Thanks everybody.") == []
    told = "We looked at the graphs. The pool was full.\nThe bank was slow."
    assert map_text(told, "postmortem") == []
