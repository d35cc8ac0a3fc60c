"""Numbers of a post-mortem against the facts of a log."""

from datetime import UTC, datetime

import pytest

from agent.claims import check_claims
from agent.number_words import spelled

FACTS = {
    "success_min": 0.117, "success_before": 0.998, "failed_requests": 366_470.0, "p1_paged_s": 200.0, "deploy_s": 60.0,
    "started_s": 95.0, "pending_typical": 381.0, "pool_limit": 50.0, "recovered_s": 905.0, "rollback_s": 420.0,
    "failed_share": 0.3165, "error_budget_burned": 0.0236, "database_cpu_max": 1.0, "queries_after": 16.0, "queries_extra": 15.0, "rps": 1200.0,
}  # fmt: skip
START = datetime(2026, 11, 20, 14, tzinfo=UTC)


def statuses(text: str) -> list[str]:
    return [claim.status for claim in check_claims(text, FACTS, START)]


def test_true_numbers_are_right_in_both_languages() -> None:
    assert statuses("Success fell from 99.8 % to 12 %.") == ["right", "right"]
    assert statuses("Успешность упала до 12 %, в очереди ждали 380 запросов.") == ["right", "right"]


def test_false_numbers_are_wrong_and_carry_the_truth() -> None:
    (claim,) = check_claims("Success fell to 60 %.", FACTS, START)
    assert claim.status == "wrong"
    assert claim.truth in (0.117, 0.998)


def test_times_are_read_on_the_session_s_clock() -> None:
    assert statuses("14:03:20 P1 page fired.") == ["right"]
    assert statuses("14:30 P1 page fired.") == ["wrong"]


def test_what_no_log_holds_is_not_supported() -> None:
    assert statuses("We lost 3 million dollars of revenue: $3,000,000.")[-1:] == ["not supported"]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Успешность платежей упала до двенадцати процентов.", "right"),
        ("Успешность была 60 %.", "wrong"),  # "была" is no plan
        ("Recovery took eight minutes after the rollback.", "right"),
        ("После отката восстановление заняло полчаса.", "wrong"),
        ("Нагрузка была 1 200 запросов в секунду.", "right"),
        ("Traffic was 5K requests per second.", "wrong"),
        ("About two million requests failed.", "wrong"),
        ("Потеряли триста шестьдесят шесть тысяч запросов.", "right"),
        ("Треть запросов (32 %) не прошла.", "right"),
        ("Сожгли 2,4 % бюджета ошибок.", "right"),
        ("Из-за N+1 стало шестнадцать запросов вместо одного.", "right"),
    ],
)
def test_numbers_in_words_and_rates_are_read(text: str, status: str) -> None:
    assert set(statuses(text)) == {status}


def test_a_plan_claims_nothing() -> None:
    assert statuses("Порог автооткатa будет 99 %.") == []


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("триста шестьдесят шесть тысяч", [366_000]),
        ("thirty-two of forty", [32, 40]),
        ("one hundred and five", [105]),
        ("два миллиона двенадцать", [2_000_012]),
        ("один два три", [1, 2, 3]),
        ("без чисел", []),
    ],
)
def test_numbers_in_words_are_as_long_as_they_go(text: str, values: list[int]) -> None:
    assert [n.value for n in spelled(text)] == values


@pytest.mark.parametrize(
    "text",
    [
        "600,000 payments failed, which cost us 3 million.",
        "Потеряли 366 000 запросов, и это обошлось нам примерно в 3 млн.",
        "We lost revenue of about 300k.",
    ],
)
def test_what_something_cost_is_money_though_no_sign_stands_there(text: str) -> None:
    assert statuses(text)[-1] == "not supported"


@pytest.mark.parametrize(
    "text",
    [
        "Connections were held 16 times longer.",
        "Каждое соединение держалось в 16 раз дольше.",
        "The pool filled 16 times as fast.",
    ],
)
def test_how_many_times_is_no_count(text: str) -> None:
    assert statuses(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Success was back over 95 %.", ["right"]),
        ("Успешность упала ниже 20 %.", ["right"]),
        ("Success fell below 5 %.", ["wrong"]),
        ("More than 100,000 requests failed.", ["right"]),
        ("More than 900,000 requests failed.", ["wrong"]),
        ("I rolled back about 220 seconds after the page.", ["right"]),
        ("No waits on locks, but 52 active sessions running the same SELECT.", []),
        ("25 slots in the bulkhead were full after all queries.", []),
    ],
)
def test_limits_hands_and_other_things_are_told_apart(text: str, expected: list[str]) -> None:
    assert statuses(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # two kinds of words around one number: the kind that agrees with the log is meant
        ("Успешность упала с 99,8 % до 12 %, не прошло 366 470 запросов.", ["right"] * 2),
        ("Ждали соединения 381 запрос.", ["right"]),
        ("Ждали соединения 3810 запросов.", ["wrong"]),
        # the end of an alert, or its acknowledgement, is no page
        ("The alert cleared at 14:15:05.", []),
        ("Alert is resolved at 14:15:05.", []),
        ("Алерт погас в 14:19.", []),
        ("Nobody acknowledged the page within five minutes.", []),
        ("The page came five minutes after the release.", ["wrong"]),
        ("Успешность вернулась в 14:15:05.", ["right"]),
        ("Я вернул старую версию в 14:07.", ["right"]),
        # a limit that was never passed
        ("CPU of the database never went above 100 %.", ["right"]),
        ("CPU of the database never went above 50 %.", ["wrong"]),
        ("CPU базы не поднимался выше 50 %.", ["wrong"]),
        # one server's or the mean CPU is not the highest of the log
        ("CPU одного шарда был 100 %, остальных 20 %.", []),
        ("The mean CPU was about 20 %.", []),
        # the error budget is no share of errors, and customers are no requests
        ("We burned 9 % of the monthly error budget.", ["wrong"]),
        ("Клиентов пострадало 40 тысяч, потеряли мы и репутацию.", ["not supported"]),
        ("Пейдж пришёл через 2 мин 20 с после выкатки.", ["right"]),
    ],
)
def test_what_a_number_is_a_number_of_is_read_from_the_clause_it_stands_in(
    text: str, expected: list[str]
) -> None:
    assert statuses(text) == expected


def test_a_wrong_low_is_held_against_the_lowest() -> None:
    (low,) = check_claims("Success went down to about 90 %.", FACTS, START)
    (plain,) = check_claims("Success was 90 %.", FACTS, START)
    assert (low.truth, plain.truth) == (0.117, 0.998)
    (budget,) = check_claims("We burned 9 % of the monthly error budget.", FACTS, START)
    assert budget.id == "budget"
