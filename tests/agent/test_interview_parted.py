"""A candidate who says one thing in two ways over turns is asked once which of the two holds; who changes it aloud is not."""

import time

import pytest

from agent.interview.graph import make_debrief
from agent.interview.parted import parted
from agent.interview.prompts import book
from agent.interview.turns import Interview, begin, step
from agent.interview.voice import say

FIRST = {
    "ru": "15 000 показов и 1 500 броней в секунду. Бронь 300 байт, хранить будем 90 дней: 1500 × 300 байт = 450 КБ/с. Ответ за 200 мс.",
    "en": "15,000 views and 1,500 bookings a second. A booking is 300 bytes, we keep them for 90 days: 1500 × 300 bytes = 450 KB/s. An answer takes 200 ms.",
}
OTHER = {
    "ru": "Строго согласованной должна быть бронь, показ отстаёт на пару секунд. Данные брони храним 30 дней, потом в архив.",
    "en": "The booking has to be strictly consistent, a view may be two seconds late. We keep bookings for 30 days, then they go to the archive.",
}
BOTH = {
    "ru": ("«Данные брони храним 30 дней»", "хранить будем 90 дней"),
    "en": ('"We keep bookings for 30 days"', "we keep them for 90 days"),
}


def started(lang: str = "ru", prompt: str = "delivery-slots") -> Interview:
    return begin(book().prompt(prompt), "staff", "long", lang)[0]  # type: ignore[arg-type]


def said(state: Interview, *turns: str) -> tuple[Interview, str]:
    answer = ""
    for turn in turns:
        state, answer = step(state, turn)
    return state, answer


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_another_period_for_the_same_data_is_asked_about_once(lang: str):
    state, answer = said(started(lang), FIRST[lang], OTHER[lang])
    assert all(words in answer for words in BOTH[lang]) and answer.endswith(say(lang, "parted.keep"))
    held = {"ru": "30 дней: дольше никто не спрашивает.", "en": "30 days: nobody asks for more."}[lang]
    state, answer = step(state, held)
    assert answer.startswith(say(lang, "parted_noted")) and held in state.said
    state, answer = step(state, {"ru": "Брони храним 60 дней.", "en": "We keep bookings for 60 days."}[lang])
    assert len(state.parted) == 1 and say(lang, "parted.keep") not in answer


def test_who_does_not_know_which_holds_loses_no_axis_and_no_turn():
    before, _ = said(started(), FIRST["ru"], OTHER["ru"])
    state, answer = step(before, "не знаю")
    assert answer.startswith(say("ru", "parted_open"))
    assert state.unknown == () and state.turns == before.turns and state.said == before.said


@pytest.mark.parametrize(
    ("answer", "nod"),
    [
        ("Девяносто.", "parted_noted"),
        ("Последнее.", "parted_noted"),
        ("90 дней, потому что столько живут споры с курьерами.", "parted_noted"),
        ("Тайм-аут 200 мс на базу, потом честный отказ и breaker на половине ошибок.", "parted_left"),
    ],
)
def test_only_who_says_which_holds_is_told_that_it_is_noted(answer: str, nod: str):
    _, reply = said(started(), FIRST["ru"], OTHER["ru"], answer)
    assert reply.startswith(say("ru", nod))


def test_the_debrief_names_what_was_said_in_two_ways():
    state, _ = said(started("en"), FIRST["en"], OTHER["en"], "30 days it is.")
    assert '"We keep bookings for 30 days"' in make_debrief(state)["text"]


DIFFERENT = [
    ("Храним пять лет.", "Храним два года."),
    ("Retention 90 days.", "We delete after 30 days."),
    ("Хранить 90 дней горячими, ответ за 300 мс.", "We keep payments hot for 30 days, then move them."),
    ("По payment_id, 32 шарда.", "Шардируем по merchant_id, так удобно читать."),
    ("Делим по зоне, шардов восемь.", "Шардируем по user_id, так проще найти все брони человека."),
    ("A store split by item_part into eight segments.", "I would shard by user_id so one shard answers."),
    ("Я бы поделил по документу, 24 части.", "Делим по городу."),
    ("Сообщение 300 байт.", "Сообщение 1 КБ."),
    ("A record is 300 bytes.", "A row is 1 KB."),
]


@pytest.mark.parametrize(("before", "now"), DIFFERENT)
def test_two_values_of_one_thing_part(before: str, now: str):
    assert parted([before], now) is not None


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("Хранить 90 дней.", "Ключи идемпотентности храним 7 дней."),  # another thing
        ("Заказы храним год.", "Сообщения храним месяц."),
        ("We keep orders for 5 years.", "Kafka keeps events for 7 days."),
        ("Шарды по payment_id.", "История мерчанта отдельно, шардируем по merchant_id."),
        ("Хранить 90 дней.", "Хранить будем три месяца."),  # the same value
        ("Шардируем по пользователю.", "We shard by user_id."),
        ("Шардируем по user_id.", "Шардируем по user_id, а внутри партиции по дню."),
        ("Храним 90 дней.", "Передумал: храним 30 дней."),  # changed aloud
        ("We shard by zone.", "Actually, we shard by user_id, it spreads better."),
        ("Шардируем по user_id.", "Рассматривал шардирование по городу."),  # decided nothing
        ("Храним 30 дней.", "Если хранить 5 лет, выйдет дороже."),
        ("Запись, скажем, 1 КБ, нет, стойте, запись 300 байт.", "Запись 300 байт."),  # put right at once
    ],
)
def test_another_thing_the_same_value_a_change_aloud_and_a_supposition_do_not_part(before: str, now: str):
    assert parted([before], now) is None


def test_the_last_word_before_is_what_stands():
    assert parted(["Храним 90 дней.", "Передумал: храним 30 дней."], "Храним 30 дней.") is None
    assert parted(["Храним 90 дней.", "Передумал: храним 30 дней."], "Храним 90 дней.") is not None


@pytest.mark.parametrize(
    "flood", ["Храним 9 дней и ещё. " * 600, "шард по " * 1500, "храним 9 дней, шард по user_id. " * 350]
)
def test_a_flood_is_looked_through_in_bounded_time(flood: str):
    began = time.process_time()
    parted([flood[:12_000] + str(n) for n in range(15)], flood[:12_000])
    assert time.process_time() - began < 5.0


DRAWING = "lb -> api x16 4ms\napi -> cache hit 90%\napi -> slots-db x8 cores 16 2ms by zone\ndc 2"
ALERT = "Алерт на долю отказов брони выше 1 % за 5 минут, дежурного будим от 2 %."


def test_a_key_other_than_the_drawn_one_is_asked_about():
    state, _ = said(started(), FIRST["ru"], DRAWING, "да", ALERT)
    state, answer = step(state, "Шардируем по user_id, так проще найти все брони человека.")
    assert "slots-db делится по zone" in answer and answer.endswith(say("ru", "parted.key"))


def test_who_is_asked_what_to_change_may_change_the_key():
    small = "lb -> api x4 30ms\napi -> slots-db x2 cores 2 9ms by zone\ndc 2"
    state, answer = said(started(), FIRST["ru"], small, "да")
    assert state.standing.by == "trial" and not state.idle
    state, answer = step(state, "Шардируем по user_id, так нагрузка ложится ровнее, и добавляем подов вдвое.")
    assert say("ru", "parted.key") not in answer and state.parted == ()
