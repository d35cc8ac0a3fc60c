"""Which sentence of the CTO fits the figures: harm that is somebody else's, data nobody came to mend, wishes."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from agent.feedback import Told, _books, _books_key, _broken, _claim, _effect_key, _harm_key, _people
from agent.measure import Measured, measured
from agent.remarks import opposed, remark
from agent.replay_port import Counterfactual


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
    def key(was: int, now: int, paged_s: float | None, alone: tuple[int, int], **called: Any) -> str:
        name = "violated.paid"
        before, after = ({name: n, "violations": n, "p1_paged_s": 245.0} for n in (was, now))
        nobody = [{name: n, "violations": n} for n in alone]
        facts = {**after, "p1_paged_s": paged_s, **called}
        return _books_key(
            SimpleNamespace(  # type: ignore[arg-type]
                baseline=before,
                with_=facts,
                no_responder=dict(zip(("baseline", "with"), nobody, strict=True)),
            ),
            name,
        )

    assert key(0, 312, None, (900, 312)) == "books_unpaged"
    assert key(0, 120, None, (900, 100), called_s=299.0) == "books_moved"  # the session's opening called him
    assert key(0, 120, 200.0, (900, 900)) == "books_moved"
    assert key(0, 120, 200.0, (900, 950)) == "books"  # the measure itself breaks data
    assert key(0, 120, None, (900, 0)) == "books_own"  # only his own commands can have done it
    assert key(7, 3, 245.0, (9, 9)) == "books"


def kept(violations: tuple[int, int], alone: tuple[int, int]) -> Counterfactual:
    """An incident whose requests fail as they did, with these broken records: as played, and with nobody on call."""
    base, other, nobody, left = (
        {"failed_requests": 100, "violations": n, "p1_paged_s": 245.0} for n in (*violations, *alone)
    )
    return Counterfactual("cf-1", base, other, {}, {"baseline": base | nobody, "with": left})


def test_a_measure_answers_for_the_data_that_it_breaks_itself_and_not_for_a_repair_that_missed_them():
    assert measured(kept((0, 120), (900, 900))).effect == "nothing"
    assert measured(kept((0, 120), (900, 300))).effect == "helps"
    assert measured(kept((0, 192), (900, 0))).effect == "strong"
    assert measured(kept((0, 423), (80, 364))).effect == "harm"
    assert measured(kept((5, 120), (900, 900))).effect == "harm"  # the player had left some broken, too


def test_failures_that_came_with_the_player_s_own_commands_are_called_so():
    from agent.feedback import _unattended

    told = Told([], None, None, {}, datetime(2026, 11, 24, tzinfo=UTC), "en")
    saves = SimpleNamespace(
        with_={"failed_requests": 3_398},
        no_responder={"baseline": {"failed_requests": 140_000}, "with": {"failed_requests": 0}},
    )
    (line,) = _unattended(told, 1, saves, Measured("strong", 0.97))  # type: ignore[arg-type]
    assert "your own commands" in line
    saves.with_["failed_requests"] = 0
    (line,) = _unattended(told, 1, saves, Measured("strong", 1.0))  # type: ignore[arg-type]
    assert "your own commands" not in line


def test_how_much_is_off_is_no_number_of_violations():
    labels = {"violated.stock": "stock adds up"}
    before = {"violated.stock": 9, "violated.stock.by": 412}
    after = {"violated.stock": 9, "violated.stock.by": 7}
    told = Told([], None, before, {}, datetime(2026, 11, 24, tzinfo=UTC), "en", labels=labels)
    assert _broken(told) == [
        "In the data: “stock adds up”, 9 violations.",
        "“stock adds up”: off by 412 in all.",
    ]
    run_of = Counterfactual("cf-1", before, after, {}, {"baseline": before, "with": after})
    assert [line.strip() for line in _books(told, run_of)] == [
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


@pytest.mark.parametrize(
    "text", ["Пятница была тяжёлая, спасибо команде за работу.", "Kudos to the on-call, it was a hard week."]
)
def test_thanks_are_no_measure(text: str):
    assert remark(item(text)) == "thanks"
    assert remark(item("Спасибо, но алерт поставить на 80 % пула")) != "thanks"


@pytest.mark.parametrize(
    ("text", "against_itself"),
    [
        ("Отключить повторы у checkout и одновременно увеличить их число до пяти.", True),
        ("Turn retries off and raise their number to five.", True),
        ("Raise the pool to 200 and reduce it at night", True),
        ("Reduce the time-out to 2 s and add an alert before it fires.", False),
        ("Снизить тайм-аут до 2 с и увеличить пул.", False),
        ("Увеличить пул до 200.", False),
    ],
)
def test_a_line_that_argues_with_itself_is_told_so(text: str, against_itself: bool):
    assert opposed(text) is against_itself


def test_losses_are_called_the_same_only_where_they_are():
    idle = Measured("nothing", 0.007, None)  # type: ignore[call-arg]
    assert _effect_key(run((634_447, 634_447)), idle, 634_447, 634_447) == "nothing"
    assert _effect_key(run((634_447, 630_030)), idle, 634_447, 630_030) == "nothing_nearly"


def test_a_checked_figure_says_what_it_is_about():
    told = Told([], None, None, {}, datetime(2026, 11, 24, tzinfo=UTC), "en")
    line = _claim(told, {"id": "success", "quote": "40%", "status": "wrong", "shown": "11.7%"})
    assert line == "“40%” (success rate) is wrong, the log says 11.7%"


def test_strong_is_said_of_what_spares_much_and_not_of_what_saves_one_record():
    few, most = Measured("strong", 0.06, 1.0), Measured("strong", 0.9)
    assert _effect_key(run((119_809, 113_142)), few, 119_809, 113_142) == "little"
    assert _effect_key(run((119_809, 11_314)), most, 119_809, 11_314) == "strong"


def test_what_saves_the_data_with_nobody_on_call_is_not_called_useless_there():
    from agent.feedback import _unattended

    told = Told([], None, None, {}, datetime(2026, 11, 24, tzinfo=UTC), "en")
    helps = Measured("helps", 0.06, 1.0)
    saves = SimpleNamespace(
        with_={"failed_requests": 113_142},
        no_responder={
            "baseline": {"failed_requests": 900, "violations": 1},
            "with": {"failed_requests": 900, "violations": 0},
        },
    )
    assert _unattended(told, 1, saves, helps) == []  # type: ignore[arg-type]
    saves.no_responder["with"]["violations"] = 1
    assert len(_unattended(told, 1, saves, helps)) == 1  # type: ignore[arg-type]


def test_a_stretch_of_time_is_said_as_one_says_it():
    from agent.feedback import _parameter

    assert _parameter("period_s", 120.0, "ru") == "2 мин" and _parameter("seconds", 0.3, "en") == "300 ms"
    assert (
        _parameter("for_s", 90.0, "en") == "1 min 30 s" and _parameter("limit", 5000.0, "ru") == "limit=5000"
    )


def test_why_a_repair_missed_the_data_is_explained_once():
    name = "violated.paid"
    runs = [kept((0, 120), (900, 900)), kept((0, 90), (900, 500))]
    for one in runs:
        for facts in (one.baseline, one.with_, *one.no_responder.values()):
            facts[name] = facts["violations"]  # type: ignore[index]
    told = Told([], None, None, {}, datetime(2026, 11, 24, tzinfo=UTC), "en")
    (first,), (second,) = _books(told, runs[0]), _books(told, runs[1], runs[:1])
    assert "another state" in first and "another state" not in second and "90 violations" in second
