"""What engineers type finds its theme among the first five, in their own language and in the other one.

Every query is measured twice: by the search itself, which reads both languages, and against the texts of the
other language alone, so that no luck of a shared word hides a meaning that only one language knows.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.embedding import cosine_distance, embed
from agent.library import Incident, Library

# Language, query, the start of a theme's name, and an incident that must be among the first ten.
QUERIES = [
    ("ru", "коннекты к бд не возвращаются в пул", "t01", "incidentio-2023-pool-aggregate"),
    ("ru", "сэкономили на инстансе базы, в пик она не вывезла", "t01", "buildkite-2016-08-db-downgrade"),
    ("ru", "медленые запросы, база в полке по цпу", "t01", ""),
    ("ru", "пришли пользователи с рекламы по телевизору и всё упало", "t02", "dodo-2018-04-21-great-fall"),
    ("ru", "какой джиттер и бэкофф ставить, чтобы не добить бэкенд?", "t02", ""),
    ("ru", "лаг консьюмера растёт, очередь не разгребается", "t03", ""),
    ("ru", "отложенные джобы заблокировали топик", "t03", "wikimedia-2019-12-delayed-jobs"),
    ("ru", "сплит-брейн: два мастера принимают записи", "t04", "github-2018-10-21-split-writes"),
    ("ru", "пейсмейкер не смог выбрать нового мастера", "t04", "gocardless-2017-10-pacemaker"),
    ("ru", "пропала связь между датацентрами", "t05", "github-2018-10-21-split-writes"),
    ("ru", "отрубилось электричество, сервера ребутнулись", "t05", "github-2016-01-power"),
    ("ru", "миграция ждёт лок и держит всех остальных", "t06", "gocardless-2015-01-lock-queue"),
    ("ru", "wraparound, автовакуум не успевает", "t06", "sentry-2015-07-xid"),
    ("ru", "снесли прод базу по ошибке, бэкапы пустые", "t07", "gitlab-2017-01-31-db-removal"),
    ("ru", "как переименовать колонку без простоя", "t08", "gitlab-2020-02-column-rename"),
    ("ru", "переезд на новую таблицу с двойной записью и сверкой", "t08", "stripe-2017-online-migrations"),
    ("ru", "распил монолита", "t09", "dodo-2018-04-21-great-fall"),
    ("ru", "деньги сняли по два раза, крон отработал на двух машинах", "t10", "cobot-double-payments"),
    ("ru", "пользователь видит чужие данные", "t10", "openai-2023-03-redis-crosstalk"),
    ("ru", "редис упал, авторизация не работает", "t11", "square-2017-03-multipass"),
    ("ru", "кубер апи сервер захлебнулся, не можем откатить", "t12", "openai-2024-12-telemetry"),
    ("ru", "переменная окружения не доехала до инстансов", "t13", "heroku-2020-09-config-var"),
    ("ru", "шард распух и не влезает в память", "t14", "foursquare-2010-10-shard-ram"),
    ("en", "pgbouncer says no more connections allowed", "t01", "incidentio-2023-pool-aggregate"),
    ("en", "slow qurey piling up on mysql", "t01", ""),
    ("en", "thundering herd", "t02", "discord-2017-03-presence"),
    ("en", "clients hammering the API after it comes back up", "t02", "discord-2017-03-presence"),
    ("en", "consumer lag keeps growing", "t03", ""),
    ("en", "worker returns 400 and the task disappears", "t03", "wikimedia-2019-06-jobs-400"),
    ("en", "replication lag, stale reads", "t04", ""),
    ("en", "split brain after failover", "t04", "github-2018-10-21-split-writes"),
    ("en", "BGP routes withdrawn, internal tools down too", "t05", "facebook-2021-10-backbone"),
    ("en", "ALTER TABLE blocked every query", "t06", "gocardless-2015-01-lock-queue"),
    ("en", "postgres xid wraparound stops writes", "t06", "sentry-2015-07-xid"),
    ("en", "prod creds in a test config", "t07", "digitalocean-2017-04-db-deleted"),
    ("en", "two versions of the code run at once and disagree about the schema", "t08", ""),
    ("en", "splitting the monolith into services", "t09", "dodo-2018-04-21-great-fall"),
    ("en", "dead code woken up by a reused feature toggle", "t09", "knight-2012-08-flag-reuse"),
    ("en", "race condition, two workers took the same job", "t10", "cobot-double-payments"),
    ("en", "users see each other's data", "t10", "openai-2023-03-redis-crosstalk"),
    ("en", "cache stampede after memcached restart", "t11", "slack-2022-02-22-cache-cascade"),
    ("en", "k8s control plane down, kubectl hangs", "t12", "openai-2024-12-telemetry"),
    ("en", "nil pointer in a globally replicated policy", "t13", "google-2025-06-service-control"),
    (
        "en",
        "mongo shard ran past its memory and rebalancing did nothing",
        "t14",
        "foursquare-2010-10-shard-ram",
    ),
]
OTHER = {"ru": "en", "en": "ru"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    library = Library(tmp_path_factory.mktemp("cache"))
    yield library
    library.close()


@pytest.fixture(scope="module")
def vectors(library: Library) -> dict[str, dict[str, list[float]]]:
    return {
        language: {id: embed(incident.text(language)) for id, incident in library.incidents.items()}
        for language in OTHER
    }


def is_about(library: Library, id: str, theme: str) -> bool:
    return any(name.startswith(theme) for name in library.incidents[id].themes)


@pytest.mark.parametrize(("language", "query", "theme", "incident"), QUERIES)
def test_a_query_finds_its_theme_and_its_incident(
    library: Library, language: str, query: str, theme: str, incident: str
) -> None:
    found = [reference.id for reference in library.search(query, [], 10, OTHER[language])]
    assert any(is_about(library, id, theme) for id in found[:5]), found
    assert not incident or incident in found, found


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_other_language_alone_answers_as_well(
    library: Library, vectors: dict[str, dict[str, list[float]]], language: str
) -> None:
    facts = vectors[OTHER[language]]
    asked = [(query, theme) for spoken, query, theme, _ in QUERIES if spoken == language]
    shares = []
    for query, theme in asked:
        wanted = embed(query)
        first = sorted(facts, key=lambda id: (cosine_distance(wanted, facts[id]), id))[:5]
        shares.append(sum(is_about(library, id, theme) for id in first) / 5)
    assert sum(share > 0 for share in shares) / len(asked) >= 0.95
    assert sum(shares) / len(asked) >= 0.6  # five strangers and one hit would be 0.2


def test_a_story_is_found_by_the_names_of_its_parts_and_themes(library: Library) -> None:
    """The words stand in no sentence of the story, only among its components or its theme's names."""
    story = library.incidents["square-2017-03-multipass"]
    for language, name in (("ru", "каскадный отказ"), ("en", "cascading failure")):
        told = story.model_copy(
            update={"themes": ["t02_cascade_retry_peak"], "components": ["turboencabulator"]}
        )
        untold = story.model_copy(update={"themes": ["t12_kubernetes"], "components": ["redis"]})
        for query in (name, "turboencabulator"):
            near, far = (cosine_distance(embed(query), embed(one.text(language))) for one in (told, untold))
            assert near < far, (language, query)


def test_a_cache_of_other_words_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are the same; what is embedded of them is not, so the cache has to be another one."""

    def cache() -> str:
        library = Library(tmp_path)
        library.search("исчерпан пул соединений", [], 1, "ru")
        library.close()
        (found,) = tmp_path.glob("library-*")
        return found.name

    before = cache()
    assert cache() == before
    monkeypatch.setattr(Incident, "text", lambda incident, language: incident.lesson.of(language))
    assert cache() != before


@pytest.mark.parametrize(
    ("query", "near", "far"),
    [
        ("потеряли данные", "data loss", "slow deploy"),
        ("показали чужие данные", "somebody else's data", "somebody gave up"),
        ("отставание репликации", "replication lag", "job queue"),
        ("лаг консьюмера", "consumer lag", "replication lag"),
        ("планировщик запросов", "query planner", "nightly cron job"),
        ("под нагрузкой", "load", "kubernetes pods"),
        ("нагрузка выросла в два раза", "load spike", "charged twice"),
    ],
)
def test_a_meaning_is_told_from_its_neighbour(query: str, near: str, far: str) -> None:
    asked = embed(query)
    assert cosine_distance(asked, embed(near)) < cosine_distance(asked, embed(far)) - 0.1
