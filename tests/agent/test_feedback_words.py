"""Which sentence of the CTO fits the figures: harm that is somebody else's, data nobody came to mend, wishes."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from agent.feedback import Told, _books, _books_key, _broken, _harm_key, _people
from agent.remarks import remark


def run(failed: tuple[int, int], violations: tuple[int, int] = (0, 0), others: float = 0.0) -> Any:
    return SimpleNamespace(
        baseline={"failed_requests": failed[0], "violations": violations[0]},
        with_={"failed_requests": failed[1], "violations": violations[1]},
        effect={"others_failed": others},
    )


@pytest.mark.parametrize(
    ("was", "now", "violations", "others", "key"),
    [
        (4500, 4861, (0, 144), 75.0, "harm"),
        (4500, 4500, (0, 0), 75.0, "harm_around"),
        (4500, 4083, (0, 120), -83.0, "harm_books_fewer"),  # fewer failures and worse data is no "others pay"
        (0, 0, (3, 9), 0.0, "harm_books"),
        (4500, 4490, (0, 0), 0.0, "harm_late"),
    ],
)
def test_harm_is_called_by_what_it_consists_in(
    was: int, now: int, violations: tuple[int, int], others: float, key: str
):
    assert _harm_key(run((was, now), violations, others), was, now) == key


def test_data_that_the_player_mended_is_not_compared_with_data_nobody_came_to_mend():
    name = "violated.paid"
    mended = {name: 0, "p1_paged_s": 245.0}
    assert _books_key(mended, {name: 312, "p1_paged_s": None}, name) == "books_unpaged"
    assert _books_key(mended, {name: 120, "p1_paged_s": 200.0}, name) == "books_moved"
    assert _books_key({**mended, name: 7}, {name: 3, "p1_paged_s": 245.0}, name) == "books"
    assert _books_key({name: 0, "p1_paged_s": None}, {name: 3, "p1_paged_s": None}, name) == "books"


def test_how_much_is_off_is_no_number_of_violations():
    labels = {"violated.stock": "stock adds up"}
    before = {"violated.stock": 9, "violated.stock.by": 412}
    after = {"violated.stock": 9, "violated.stock.by": 7}
    told = Told([], None, before, {}, datetime(2026, 11, 24, tzinfo=UTC), "en", labels=labels)
    assert _broken(told) == [
        "In the data: “stock adds up”, 9 violations.",
        "“stock adds up”: off by 412 in all.",
    ]
    assert [line.strip() for line in _books(told, before, after)] == [
        "“stock adds up”: off by 7 in all instead of 412."
    ]


def item(text: str) -> Any:
    return SimpleNamespace(state="unmapped", span=SimpleNamespace(text=text), calls=())


@pytest.mark.parametrize(
    "text", ["Настроить мониторинг получше.", "Улучшить алертинг", "Improve monitoring."]
)
def test_a_thing_with_a_name_and_no_change_is_a_wish(text: str):
    assert remark(item(text)) == "vague"


@pytest.mark.parametrize("text", ["Улучшить алерт на пул: pending > 5", "Сделать дашборд по пулу"])
def test_what_says_what_changes_is_none(text: str):
    assert remark(item(text)) != "vague"


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_a_public_fact_backs_the_word_on_care_once(lang: str):
    from agent.feedback import Told

    results = [SimpleNamespace(item=item("Быть внимательнее"), run=None) for _ in range(2)]
    told = Told(results, None, None, {}, None, lang)  # type: ignore[arg-type]
    first, second = _people(told, 1), _people(told, 2)
    assert "https://" in first and "https://" not in second and first.split(" (")[0] != second
