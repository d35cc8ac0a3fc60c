"""What a search of the library finds: the same in both languages and with every backend."""

import math
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import library as library_module
from agent.embedding import DIMENSIONS, MAX_TEXT, cosine_distance, embed
from agent.library import Library, LibraryError, Reference

POOL = ["t01_db_pool_slow_query"]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    library = Library(tmp_path_factory.mktemp("cache"))
    yield library
    library.close()


@pytest.fixture(scope="module")
def without_chroma(tmp_path_factory: pytest.TempPathFactory) -> Library:
    with socket.socket() as taken:  # a port that nobody listens on
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    return Library(tmp_path_factory.mktemp("unused"), url=f"http://127.0.0.1:{port}")


def ids(found: list[Reference]) -> list[str]:
    return [reference.id for reference in found]


# Russian and English askings of the same thing, and incidents that must be among the first AMONG: of 140, one in fourteen.
AMONG = 10
PAIRS = [
    (
        "исчерпан пул соединений после релиза",
        "connection pool exhausted after a release",
        {"incidentio-2023-pool-aggregate", "gitlab-2018-02-seq-scan-release"},
    ),
    (
        "N+1: запросы в цикле насытили базу",
        "N+1: queries in a loop saturate the database",
        {"gitlab-2017-09-branch-count-n-plus-one"},
    ),
    (
        "шторм повторов без пауз, после отката система не поднимается",
        "retry storm without backoff, still down after the rollback",
        {"yandex-go-retries-2024", "square-2017-03-multipass"},
    ),
    (
        "миграция ждёт блокировку и держит очередь запросов",
        "a migration waits for a lock and queues all queries",
        {"gocardless-2015-01-lock-queue"},
    ),
    (
        "удалили таблицу в продакшене, бэкап не восстанавливается",
        "a production table was dropped and the backup does not restore",
        {"gitlab-2017-01-31-db-removal", "wikimedia-2020-04-table-dropped"},
    ),
    (
        "потеря сообщений Kafka после сбоя брокеров",
        "lost Kafka messages after a broker failure",
        {"honeycomb-2017-10-kafka-controller"},
    ),
    (
        "split-brain: после разрыва сети переключились в другой дата-центр",
        "split brain: failover to another data centre after a network partition",
        {"github-2018-10-21-split-writes"},
    ),
    (
        "двойное списание с карты",
        "a card was charged twice",
        {"cobot-double-payments", "twilio-2013-07-double-charge"},
    ),
    ("вытеснение подов", "pods evicted", {"grafana-2019-07-pod-priority"}),
    ("регулярное выражение съело CPU", "a regex burned all CPU", {"cloudflare-2019-07-regex"}),
]


@pytest.mark.parametrize(("russian", "english", "expected"), PAIRS)
def test_both_languages_find_the_same_incidents(
    library: Library, russian: str, english: str, expected: set[str]
) -> None:
    from_russian = ids(library.search(russian, [], AMONG, "en"))
    from_english = ids(library.search(english, [], AMONG, "ru"))
    assert expected <= set(from_russian), from_russian
    assert expected <= set(from_english), from_english


@pytest.mark.parametrize("query", PAIRS[0][:2])
def test_an_exhausted_pool_returns_pool_incidents_on_top(library: Library, query: str) -> None:
    for themes in ([], POOL):
        for reference in library.search(query, themes, 4, "ru"):
            incident = library.get(reference.id)
            assert incident is not None
            assert POOL[0] in incident.themes


def test_a_question_in_one_language_finds_facts_written_in_the_other(library: Library) -> None:
    """Interview questions are not indexed; chance would put a twelfth of them among the first twelfth."""
    first = len(library.incidents) // 12
    for asked, told in (("ru", "en"), ("en", "ru")):
        facts = {id: embed(incident.text(told)) for id, incident in library.incidents.items()}
        hits = 0
        for incident in library.incidents.values():
            question = embed(incident.interview_question.of(asked))
            closest = sorted(facts, key=lambda id: cosine_distance(question, facts[id]))[:first]
            hits += incident.id in closest
        assert hits / len(facts) >= 0.6, (asked, told, hits)


def test_the_answer_is_in_the_language_asked_for(library: Library) -> None:
    query = "connection pool exhausted after a release"
    for language in ("ru", "en"):
        best = library.search(query, [], 1, language)[0]
        incident = library.get(best.id)
        assert incident is not None
        assert (best.title, best.lesson, best.summary) == (
            incident.cited(language),
            incident.lesson.of(language),
            incident.summary.of(language),
        )
        assert best.source_url == incident.source_url


@pytest.mark.parametrize(("language", "said"), [("ru", "(из вторых рук)"), ("en", "(second-hand)")])
def test_a_citation_says_when_the_account_was_read_second_hand(
    library: Library, language: str, said: str
) -> None:
    cited = {r.id: r.title for r in library.search("postgresql", (), len(library.incidents), language)}
    for id, title in cited.items():
        assert title.endswith(said) is (library.incidents[id].source_checked == "read_secondary"), id
    assert any(title.endswith(said) for title in cited.values())


def test_themes_lift_and_exclude_nothing(library: Library) -> None:
    query = "после релиза выросли задержки"
    everything = len(library.incidents)
    plain = library.search(query, [], everything, "ru")
    lifted = library.search(query, ["t12_kubernetes"], everything, "ru")
    assert set(ids(plain)) == set(ids(lifted)) == set(library.incidents)
    before, after = ids(plain).index("monzo-2017-10-linkerd"), ids(lifted).index("monzo-2017-10-linkerd")
    assert after < before
    # A stranger of the theme does not overtake an incident that is plainly about the query.
    clear = library.search("регулярное выражение в правиле съело CPU", ["t12_kubernetes"], 1, "ru")
    assert ids(clear) == ["cloudflare-2019-07-regex"]


def test_results_are_ordered_by_distance_then_id(library: Library) -> None:
    found = library.search("timeout", POOL, len(library.incidents), "en")
    assert found == sorted(found, key=lambda reference: (reference.distance, reference.id))
    assert all(0 <= reference.distance <= 2 for reference in found)


@pytest.mark.parametrize("query", ["", "   ", "и в на the of", "!!! ???", "42 17"])
def test_a_query_that_says_nothing_ties_and_the_theme_decides(library: Library, query: str) -> None:
    found = library.search(query, POOL, 5, "ru")
    mains = [id for id, incident in library.incidents.items() if incident.themes[0] == POOL[0]]
    assert ids(found) == mains[:5]
    assert len({reference.distance for reference in found}) == 1


def test_odd_sizes_are_answered(library: Library) -> None:
    assert library.search("pool", [], 0, "en") == []
    assert library.search("pool", [], -3, "en") == []
    assert len(library.search("pool", [], 10_000, "en")) == len(library.incidents)
    assert library.get("no-such-incident") is None
    assert len(library.search("пул соединений " * 100_000, [], 1, "ru")) == 1


def test_the_ranking_without_chroma_is_the_same_to_the_last_digit(
    library: Library, without_chroma: Library
) -> None:
    for russian, english, _ in PAIRS:
        for query in (russian, english):
            for themes in ([], POOL, ["t02_cascade_retry_peak", "t12_kubernetes"]):
                for k in (1, 5, len(library.incidents)):
                    assert library.search(query, themes, k, "en") == without_chroma.search(
                        query, themes, k, "en"
                    )
    assert (library.backend, library.note) == ("chroma", "")
    assert without_chroma.backend == "memory"
    assert without_chroma.note.startswith("memory: chroma failed")


@pytest.mark.parametrize(
    "url",
    ["ftp://host", "host:8000", "http://", "http://h:port", "http://h/p", "http://u:p@h", "http://h?x=1"],
)
def test_a_wrong_server_address_is_refused_at_once(tmp_path: Path, url: str) -> None:
    with pytest.raises(LibraryError, match="chroma url"):
        Library(tmp_path, url=url)


def test_a_server_that_never_answers_does_not_hold_the_search_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert library_module._SERVER_S <= 3.0
    monkeypatch.setattr(library_module, "_SERVER_S", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        library = Library(tmp_path, url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        found = library.search("исчерпан пул соединений", POOL, 1, "ru")
    assert ids(found) == ["incidentio-2023-pool-aggregate"]
    assert library.note == "memory: chroma gave no answer in 0.3 s"


# --- the embedding ---------------------------------------------------------------------------------


def test_a_vector_has_length_one_or_is_zero() -> None:
    for text in ("исчерпан пул соединений", "x" * (MAX_TEXT + 10), "пул", "connection pool " * 5_000):
        vector = embed(text)
        assert len(vector) == DIMENSIONS
        assert math.isclose(math.fsum(x * x for x in vector), 1.0, abs_tol=1e-6)
    assert not any(embed("и в на the"))


def test_word_forms_typos_and_order_keep_texts_close_and_meanings_keep_them_apart() -> None:
    def distance(a: str, b: str) -> float:
        return cosine_distance(embed(a), embed(b))

    base = "исчерпан пул соединений"
    assert distance(base, "пулы соединений исчерпаны") < 0.1
    assert distance(base, "исчрепан пул соединеный") < 0.6
    assert distance(base, "connection pool exhausted") < 0.5
    assert distance(base, "потеря сообщений Kafka") > 0.85


def test_only_the_first_part_of_an_endless_text_is_read() -> None:
    assert embed("а" * MAX_TEXT + " пул соединений") == embed("а" * MAX_TEXT)
