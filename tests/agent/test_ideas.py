"""Remedies in words that no phrasing foresaw: three ideas together mean one, two do not."""

import pytest

from agent.mapping import map_item


def mapped(sentence: str) -> list[str]:
    return [call.id for call in map_item(sentence).calls]


@pytest.mark.parametrize(
    ("sentence", "first"),
    [
        (
            "Катить на пробный под, смотреть полчаса на ошибки и только потом на остальные",
            "canary_auto_rollback",
        ),
        (
            "Let one pod live with the new build for ten minutes before the rest gets it",
            "canary_auto_rollback",
        ),
        ("Ring the on-call if requests sit waiting for a pool slot", "alert_pool_saturation"),
        ("Стучать в колокол, когда в очереди за соединением больше 20 человек", "alert_pool_saturation"),
        ("A big red button: everything back on the previous version at once", "one_click_rollback"),
        ("Отмечать сообщение прочитанным лишь тогда, когда с ним закончили", "commit_after_processing"),
        (
            "Ежечасно сравнивать число оплаченных и отгруженных заказов, расхождение - пейдж",
            "reconciliation_alert",
        ),
        ("Each charge carries a key, so that doing it twice takes money once", "idempotency_key"),
    ],
)
def test_free_wording_is_understood(sentence: str, first: str) -> None:
    assert mapped(sentence)[:1] == [first]


def test_two_measures_in_one_line_are_both_found() -> None:
    assert set(mapped("Пул увеличить до 200, чтобы был запас, и таймаут ожидания коннекта 300 мс")) == {
        "pool_resize",
        "pool_acquire_timeout",
    }
    assert mapped(
        "wake somebody when 20 callers queue for a connection; also rehearse the rollback monthly"
    ) == [
        "alert_pool_saturation",
        "runbook_rollback",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "Купить команде пиццу, чтобы не грустили",
        "Ну и что теперь, на каждый чих систему перестраивать?",
        "Does one pod really have to live with the new build for ten minutes?",
        "Рассмотреть: держать новую версию на одном поде десять минут",
        "Поменять логотип на странице ошибки",
        "Send an apology e-mail to the affected shops",
        "Review all alerts every quarter and delete the noisy ones",
    ],
)
def test_what_proposes_none_stays_unmapped(sentence: str) -> None:
    assert mapped(sentence) == []
