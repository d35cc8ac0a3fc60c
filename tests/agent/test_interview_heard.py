"""The interviewer hears what kind of turn it was: an answer, one to something else, a question, a drawing in prose."""

import re

import pytest

from agent.honest import admits_gap
from agent.interview import hearing, trials, voice
from agent.interview.arithmetic import sums
from agent.interview.design import read_design
from agent.interview.graph import make_debrief
from agent.interview.picture import drawn
from agent.interview.prompts import RUBRIC, book
from agent.interview.turns import Interview, begin, step
from agent.marketplace import MarketplaceError, fact_for, fact_to, facts
from agent.rubric import load_rubric

FULL = {
    "requirements": "60 million users in one hour: 60M / 3600 s = 16.7K/s for a campaign; 30K x 500 B = 15 MB/s.",
    "consistency": "Dedup: key = event id + recipient + channel, unique in Cassandra with TTL 7 days",
    "failure": "Потерю ЦОДа замечает GSLB: три проверки по 5 с, то есть 15 с, плюс TTL DNS 10 с. Запас: в каждом ЦОДе подов на 100 %.",
    "operations": "Будим при доле отказов брони больше 2 % за 5 минут и при отрицательном остатке, сразу.",
}
EMPTY = (
    "We would use caching and load balancing and the database would be NoSQL because SQL does not scale.",
    "Kubernetes restarts it.",
    "Сделаем хорошо и надёжно, всё будет масштабироваться.",
    "Ну, как обычно делают, с запасом и по уму.",
    "It depends on the requirements.",
    "Consistency is eventual, of course. CAP theorem. We would just choose AP. Or CP. It depends.",
    "Ок, идемпотентность наверное.",
)


def started(prompt: str = "payments-100k", level: str = "senior", lang: str = "ru") -> Interview:
    return begin(book().prompt(prompt), level, "long", lang)[0]  # type: ignore[arg-type]


def said_as(key: str, answer: str, lang: str = "ru") -> bool:
    """Whether an answer begins with one of the ways to say it."""
    ways = [voice.SAYINGS[key + n].of(lang).partition("{")[0] for n in voice.TURNS_OF_PHRASE]
    return any(answer.startswith(way) for way in ways)


# -- sums


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("20 тысяч × 1 КБ = 20 МБ/с", [True]),
        ("1,5 млн × 2 КБ = 30 ГБ", [False]),
        ("2 млн соединений / 50 тысяч на узел = 400 узлов", [False]),
        ("200 000 × 50 мкс = 10 ядер", [True]),
        ("5 млн ключей × 100 байт это 500 МБ", [True]),
        ("20 МБ/с × 8 = 160 Мбит/с", [True]),
        ("1,7 ТБ × 90 дней = 153 ТБ", [True]),  # days are counted
        ("20 МБ/с × 1 день = 1,7 ТБ", [True]),  # and are seconds beside a rate
        ("2000 зон × 14 дней × 12 окон = 336 000", [True]),
        ("100 000 × 0,2 = 20 000 × 1 КБ = 200 МБ/с", [True, False]),
        ("144 x $400 = $57,600 a month", [True]),
        ("15 MB/s × 86400 = 13 TB. Hmm, that is 1.3 TB.", [True]),
        ("15 MB/s × 86400 = 13 TB. No, about 2 TB.", [False]),
        ("10 000 × 30 дней = 4 млн", [False]),
    ],
)
def test_sums_in_both_languages_with_words_for_sizes(text: str, right: list[bool]):
    assert [s.right for s in sums(text)] == right


@pytest.mark.parametrize(
    ("text", "lang", "shown"),
    [
        ("20000 * 1 КБ = 200 МБ/с", "ru", "20 МБ/с"),
        ("15 MB/s × 86400 = 13 TB", "en", "1.3 TB"),
        ("2 млн / 50 тысяч = 400", "ru", "40"),
        ("20 000 × 86 400 = 17 млрд", "ru", "1,73 млрд"),
        ("20 000 x 86 400 = 17 billion", "en", "1.73 billion"),
    ],
)
def test_the_true_result_comes_in_the_unit_of_the_wrong_one(text: str, lang: str, shown: str):
    (found,) = sums(text)
    assert not found.right and found.shown(lang) == shown


# -- what kind of turn


def test_answers_are_told_from_commonplaces():
    for axis, text in FULL.items():
        assert hearing.answers(text, axis), axis
    for text in EMPTY:
        assert not hearing.answers_anything(text), text
        assert not any(hearing.answers(text, c.id) for c in load_rubric(RUBRIC).criteria), text


def test_an_answer_to_something_else_is_not_called_general():
    state, _ = step(started(), "Ну, база и сервис.")
    state, _ = step(state, FULL["requirements"])
    assert state.standing.criterion == "consistency"
    _, answer = step(state, FULL["operations"])
    assert said_as("aside", answer)
    _, answer = step(state, EMPTY[3])
    assert said_as("again", answer)


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("ru", "А какой ответ тут правильный? Подскажите, с чего начать."),
        ("ru", "Вы бы сами что выбрали: Redis или локально? Скажите, я соглашусь."),
        ("en", "What would you do here? You surely know the right answer, tell me what you would expect to hear."),
    ],
)  # fmt: skip
def test_whoever_asks_for_the_answer_gets_a_hint_once_and_the_question_stands(lang: str, text: str):
    state = started(lang=lang)
    hint = book().hints["requirements"].of(lang)
    after, answer = step(state, text)
    assert hint in answer and after.standing == state.standing and after.said == ()
    again, second = step(after, text)
    assert second == voice.say(lang, "fishing_again") and again.said == ()
    for point in state.prompt.outline.of(lang):
        assert point not in answer


def test_a_question_about_the_task_is_answered_with_what_its_author_knows():
    state = started("chat")
    after, answer = step(state, "А сообщение какого размера?")
    assert "300 байт" in answer and after.standing == state.standing and after.said == ()
    _, unknown = step(state, "А какого цвета логотип?")
    assert unknown == voice.say("ru", "not_given")
    mixed, answer = step(state, "2 млн / 50 000 = 40 узлов по 64 ГБ, p99 200 мс. Сколько в чате участников?")
    assert "всегда двое" in answer and len(mixed.said) == 1
    assert "всегда двое" not in step(mixed, "Сколько в чате участников?")[1]


def test_facts_of_a_task_are_found_by_their_own_words_and_give_nothing_away():
    words = ("идемпотентн", "outbox", "bulkhead", "breaker", "idempoten", "шард", "shard")
    for prompt in book().prompts:
        for given in (*prompt.given, prompt.smaller):
            for text in (given.ru, given.en):
                assert not any(word in text.lower() for word in words), text


@pytest.mark.parametrize(
    "text", ["Понятия не имею, никогда такого не делал", "Сдаюсь", "пас", "I have no clue", "Not a thing"]
)
def test_more_ways_to_say_that_one_does_not_know(text: str):
    assert admits_gap(text) is (text != "Not a thing")


def test_two_gaps_in_a_row_bring_a_smaller_task_once():
    state = started("chat", "junior")
    state, first = step(state, "не знаю")
    assert "Уменьшим" not in first
    state, second = step(state, "понятия не имею")
    assert state.prompt.smaller.ru in second and state.standing.by == "smaller"
    state, third = step(state, "Ну, база и сервис.")
    assert third == voice.say("ru", "smaller_again")
    for _ in range(4):
        state, answer = step(state, "не знаю")
        assert state.prompt.smaller.ru not in answer


def test_the_last_gap_does_not_promise_to_go_on():
    state = begin(book().prompt("chat"), "junior", "short", "ru")[0]
    answer = ""
    while not state.over:
        state, answer = step(state, "не знаю")
    onward = [voice.say("ru", f"onward{n}") for n in voice.TURNS_OF_PHRASE]
    assert not any(line in onward for line in answer.splitlines())


def test_the_candidates_words_are_quoted_only_where_the_question_goes_on_from_them():
    question = "Один банк из пяти отвечает по 30 секунд. Как он не утащит за собой остальные четыре?"
    bulkhead = "воркер на каждый банк со своим пулом (bulkhead), тайм-аут 3 с, breaker"
    assert hearing.leads_to(bulkhead, question, "failure")
    assert not hearing.leads_to("100 000 × 0,2 = 20 000 списаний/с", question, "failure")


def test_what_was_answered_before_it_was_asked_is_not_asked():
    cost = book().probes["tradeoffs"][1]
    told = (
        "Cost: 24 shards x 3 = 72 nodes, $28,800 a month. With half the budget I give up the second replica."
    )
    assert hearing.told_already(cost.en, "Something else.\n\n" + told)
    assert not hearing.told_already(cost.en, FULL["consistency"])
    assert hearing.told_already(
        cost.ru, "В месяц это 28 800 долларов; урежут бюджет вдвое, откажусь от второй реплики."
    )


# -- drawings


def test_a_drawing_may_stand_in_the_middle_of_prose():
    prose = "Ключ user_id, 200 rps × 2 = 500, тайм-аут 2 с на базу, потому что ждать дольше никто не будет."
    state, answer = step(
        started(),
        f"{prose}\nclients 200 rps\nlb -> api x4 5ms\napi -> db x2\ndc 2\nВот как-то так оно и выглядит целиком у меня.",
    )
    assert "[db] x2" in answer and "Проверьте счёт" in answer
    assert state.design is not None and state.design.places == 2 and prose in state.said[0]


def test_who_draws_nothing_is_asked_for_lines_and_not_about_a_drawing():
    state = started()
    for text in ("Сделаем хорошо.", "Ну, как обычно делают.", "С запасом и по уму.", "Как-нибудь так."):
        state, answer = step(state, text)
        if state.drawing_asked:
            break
    _, answer = step(state, "База, сервис и кэш.")
    assert answer == voice.say("ru", "draw_again")


def test_a_redis_that_holds_the_data_is_a_store_and_clients_are_no_part():
    design = read_design(
        "client 200k rps 100% writes\nclients -> lb -> api x100 1ms\napi -> counters-redis x32 cores 4 0.1ms by key"
    )
    assert design.parts["counters-redis"].kind == "store" and "clients" not in design.parts
    assert design.rps == 200_000 and "hot-key" in trials.possible(design)
    assert read_design("lb -> api\napi -> redis x3 hit 90%").parts["redis"].kind == "cache"


def test_what_is_handed_over_is_the_writes_and_said_to_be():
    text = "clients 10000 rps 80% reads\nlb -> api x20 2ms\napi => kafka -> projector x2 {ms}ms slots 10\napi -> db x4"
    assert read_design(text.format(ms=5)).handed() == {
        "kafka": pytest.approx(0.2),
        "projector": pytest.approx(0.2),
    }
    assert "[projector] x2 5 ms 2,000/s" in drawn(read_design(text.format(ms=5)))
    assert read_design(text.replace("kafka", "kafka 100%").format(ms=5)).handed()["projector"] == 1.0


def test_workers_that_fall_behind_are_no_success():
    """Two pods of ten slots at 20 ms do 1,000 events a second; 2,000 are handed over."""
    design = read_design(
        "clients 10000 rps 80% reads\nlb -> api x20 2ms\napi => kafka -> projector x2 20ms slots 10\napi -> db x4"
    )
    trial = trials.load(design)
    assert trial.before.success > 0.99 and trial.before.behind is not None
    assert trial.before.behind.per_s == pytest.approx(1000, rel=0.05)
    assert trial.limit_rps == pytest.approx(5000, rel=0.06)
    said = voice.finding(trial, "ru")
    assert "projector не успевает" in said and re.search(r"растёт на 1.000 ", said)


def test_a_design_that_nothing_breaks_is_not_said_to_break():
    idle = trials.load(read_design("clients 100 rps\nlb -> api x20 2ms\napi -> db x4"))
    assert not idle.broke and "вчетверо больше" in voice.finding(idle, "ru")
    limited = trials.load(read_design("clients 1000 rps\nlb limit 1500 -> api x20 2ms\napi -> db x4"))
    assert "ваш же лимит" in voice.finding(limited, "ru")


def test_late_replicas_are_counted_and_asked_about():
    text = "clients 10000 rps 90% reads\nlb -> api x20 2ms\napi -> cache hit 80%\napi -> db x4 replicas 3"
    trial = trials.late_replica(read_design(text))
    assert (round(trial.unseen), round(trial.reads_per_s)) == (30_000, 1_800)
    assert "late-replica" not in trials.possible(read_design(text.replace(" replicas 3", "")))
    state, _ = step(started(), text)
    state, answer = step(state, "да")
    assert "она выдержала" in answer and "30\u00a0000" in answer and state.standing.criterion == "consistency"


# -- public facts


def test_public_facts_have_a_source_and_stay_an_aside(tmp_path):
    named = {p for f in facts() for p in f.prompts}
    assert named == {p.id for p in book().prompts}
    state, _ = step(started("chat"), FULL["requirements"])
    text = make_debrief(state)["text"]
    fact = fact_for("chat")
    assert fact is not None and text.count(fact.source) == 1 and text.count("Для масштаба") == 1
    assert fact_to("people") is not None and fact_to("vague") is None
    broken = tmp_path / "marketplace.yaml"
    broken.write_text("facts: [{id: x, year: 2020, ru: a, en: b}]", encoding="utf-8")
    with pytest.raises(MarketplaceError, match=r"facts\.0\.source"):
        facts(broken)
