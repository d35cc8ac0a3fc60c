"""The interviewer holds what is said against the task, believes what was told, and the debrief quotes each axis by its own words."""

from dataclasses import replace

import pytest

from agent.interview import hearing, questions, voice
from agent.interview.arithmetic import sums
from agent.interview.figures import other_than_asked
from agent.interview.graph import make_debrief
from agent.interview.prompts import RUBRIC, book
from agent.interview.quotes import asked_where, axis_quotes
from agent.interview.state import Asked
from agent.interview.turns import Interview, begin, judged, step
from agent.judge.explain import labels
from agent.rubric import load_rubric


def started(prompt: str = "payments-100k", level: str = "senior", lang: str = "ru") -> Interview:
    return begin(book().prompt(prompt), level, "long", lang)[0]  # type: ignore[arg-type]


def said(state: Interview, *turns: str) -> tuple[Interview, str]:
    answer = ""
    for turn in turns:
        state, answer = step(state, turn)
    return state, answer


# -- the task's figures


@pytest.mark.parametrize(
    ("prompt", "text", "taken", "asked"),
    [
        ("payments-100k", "Давайте считать на 10K RPS в пике, из них 2000 списаний.", 10_000, 100_000),
        ("flash-sale", "Let's say the peak is 8,000 requests a second. 10,000 phones.", 8_000, 80_000),
        ("flash-sale", "Допустим, 1000 телефонов и 300 тысяч человек.", 1_000, 10_000),
        ("chat", "Пусть будет 250 тысяч сообщений в секунду, по 300 байт.", 250_000, 25_000),
        ("order-feed", "Let's assume 20,000 merchants.", 20_000, 200_000),
        ("notifications", "Assume 5 million users, a message is 1 KB.", 5_000_000, 60_000_000),
        ("payments-100k", "Пусть в пике будет 10 000 в секунду.", 10_000, 100_000),
        ("payments-100k", "We have 1,000,000 RPS.", 1_000_000, 100_000),
    ],
)
def test_another_number_than_the_tasks_is_found(prompt: str, text: str, taken: float, asked: float) -> None:
    found = other_than_asked(text, book().prompt(prompt), first=True)
    assert found is not None and (found.said, found.figure.value) == (taken, asked)


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("payments-100k", "100 000 RPS в пике, 20 % списаний: 100000 * 0.2 = 20000 в секунду."),
        ("payments-100k", "20,000 charges/s x 1 KB = 20 MB/s. Statuses: 80,000/s, served by a cache."),
        ("payments-100k", "Пик 200 000 запросов в секунду, с запасом вдвое."),
        ("payments-100k", "Один под держит 2000 RPS, возьмём 80 подов."),
        ("payments-100k", "Пусть до базы доходит 10 тысяч запросов в секунду."),
        ("payments-100k", "В пике тормозим до 9 секунд, это допустимо."),
        ("rate-limiter", "Пусть на ключ 1000 проверок в секунду."),
        ("chat", "Assume 2M connections, 50,000 connections a node."),
        ("notifications", "60M / 3600 s = 16.7K/s for a campaign; 30K x 500 B = 15 MB/s."),
        ("delivery-slots", "Views 15,000/s from a cache, bookings 1,500/s to Postgres."),
    ],
)
def test_a_part_of_the_load_a_margin_and_the_tasks_own_figures_contradict_nothing(
    prompt: str, text: str
) -> None:
    assert other_than_asked(text, book().prompt(prompt), first=True) is None


def test_the_task_holds_its_own_figures() -> None:
    for prompt in book().prompts:
        for text in (prompt.brief.ru, prompt.brief.en):
            assert other_than_asked(text, prompt, first=True) is None, prompt.id
        for figure in prompt.figures:
            for lang in ("ru", "en"):
                shown = voice.count(figure.value, lang)
                brief = prompt.brief.of(lang)
                short = f"{figure.value / 1e6:g} " + ("млн" if lang == "ru" else "million")
                plain = brief.replace("\u00a0", " ")
                assert shown.replace("\u00a0", " ") in plain or short in plain, (prompt.id, figure.value)


@pytest.mark.parametrize(
    ("lang", "other", "reply", "key"),
    [
        ("ru", "Считаем на 10 000 запросов в секунду, p99 300 мс, запись 1 КБ.", "Ой, ошибся: 100К", "figure_asked"),
        ("en", "Let's say 10,000 requests a second, p99 300 ms, 1 KB each.", "100,000, you are right", "figure_asked"),
        ("ru", "Считаем на 10 000 запросов в секунду, p99 300 мс, запись 1 КБ.", "Остальное снимает CDN ещё до нашего входа, до нас дойдёт десятая часть.", "figure_own"),
    ],
)  # fmt: skip
def test_whoever_reckons_with_another_number_is_asked_once_and_believed(
    lang: str, other: str, reply: str, key: str
) -> None:
    state, answer = step(started(lang=lang), other)
    words = {"ru": "В задаче 100 000 запросов в секунду", "en": "The task says 100,000 requests a second"}
    assert answer.replace("\u00a0", " ").startswith(words[lang]) and state.said == (other,)
    after, answer = step(state, reply)
    hundred = voice.count(100_000, lang)
    assert answer.startswith(voice.say(lang, key, asked=hundred, rps=hundred))
    assert (reply in after.said) is (key == "figure_own") and after.standing.criterion
    _, answer = step(after, other)
    assert not answer.replace("\u00a0", " ").startswith(words[lang])


# -- what kind of turn


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("Не помню, как это называется. Записываем id сообщения в таблицу и проверяем перед отправкой.", False),
        ("I don't remember what it is called: we write the id of the message first and check it before sending.", False),
        ("Не помню, как это называется.", True),
        ("хз", True),
        ("ну хз", True),
        ("no idea", True),
        ("Хз, но поставил бы очередь перед отправкой и лимит на провайдера.", False),
    ],
)  # fmt: skip
def test_who_forgot_a_name_and_tells_the_thing_has_answered(text: str, gap: bool) -> None:
    assert hearing.knows_nothing(text) is gap
    state, _ = said(started("notifications"), "p99 300 мс, 1 КБ на запись, хранить 30 дней.", text)
    assert bool(state.unknown) is gap and (text in state.said) is not gap


@pytest.mark.parametrize(
    ("lang", "turn", "key"),
    [
        ("ru", "А какая у вас зарплата на этой позиции?", "off_topic"),
        ("en", "What is the salary for this one?", "off_topic"),
        ("ru", "Что значит «двойное списание»?", "literally"),
        ("en", "What does \"overbooking\" mean exactly, two customers for the last place?", "literally"),
        ("en", "Is that a good answer?", "opinion"),
    ],
)  # fmt: skip
def test_turns_beside_the_matter_are_answered_as_what_they_are(lang: str, turn: str, key: str) -> None:
    state = started("delivery-slots", lang=lang)
    after, answer = step(state, turn)
    assert answer == voice.say(lang, key)
    assert after.standing == state.standing and after.said == () and after.turns == 0


def test_a_fact_is_no_answer_to_whether_something_may_be_done() -> None:
    state = started("delivery-slots", lang="en")
    _, answer = step(state, "Can a booking be moved after the courier left?")
    assert answer.endswith(voice.say("en", "whether_not_given")) and "One in ten" in answer
    _, answer = step(state, "How many are cancelled or moved?")
    assert voice.say("en", "whether_not_given") not in answer


@pytest.mark.parametrize(
    "text",
    [
        "The projector keeps a version per order and drops anything older: upsert where version < new.",
        "A saga: book the new one first and then cancel the old one.",
        "сверка раз в час, счётчики по категориям",
    ],
)
def test_what_names_a_mechanism_is_never_called_general(text: str) -> None:
    assert hearing.names_means(text, "tradeoffs")
    state, _ = said(started("order-feed", lang="en"), "p99 200 ms, 5,000/s x 500 B = 2.5 MB/s, 90 days.")
    for axis in ("tradeoffs", "failure"):
        asked = step_to(state, axis)
        _, answer = step(asked, text)
        general = [voice.SAYINGS["again" + n].en.partition("{")[0] for n in voice.TURNS_OF_PHRASE]
        assert not any(answer.startswith(words) for words in general), axis


def step_to(state: Interview, axis: str) -> Interview:
    """The same talk with a question about an axis standing."""
    question = book().probes[axis][0].en
    return replace(state, standing=Asked(axis, 0.0, question=question), asked={**state.asked, axis: 1})


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Then maybe compare counts in the database and in the index every hour?", False),
        ("Может, поставить очередь перед воркером?", False),
        ("Maybe how many bots?", True),
        ("А сообщение какого размера?", True),
    ],
)
def test_an_answer_with_a_question_mark_is_an_answer(text: str, question: bool) -> None:
    assert hearing.asks_back(text) is question


def test_the_telling_goes_on_from_no_sentence() -> None:
    text = "Dashboard with p99 and errors, page when p99 is above 500 ms for 5 minutes."
    state = step(started("classifieds-search", lang="en"), text)[0]
    question = book().probes["communication"][0].en
    assert questions.quoted(judged(state), "communication", question, text) == ""


def test_no_store_no_question_about_a_slow_one() -> None:
    slow = book().probes["failure"][0].ru
    assert book().probes["failure"][0].shown == "slow-store"
    state, answer = said(
        started("order-feed"),
        "p99 300 мс, 1 КБ на запись, хранить 90 дней.",
        "lb -> api x4\napi => kafka -> worker x4",
        "да",
    )
    for _ in range(12):
        assert slow not in answer
        state, answer = step(state, "Тайм-аут 2 с, ключ order_id, 40 подов.")


def test_a_fact_is_told_of_its_own_thing_only() -> None:
    _, answer = step(started("flash-sale"), "Ботов сколько? И можно ли держать очередь на входе?")
    assert "ботов ждут" in answer.lower() and "десять минут" not in answer
    _, answer = step(started("flash-sale"), "Сколько держится бронь?")
    assert "десять минут" in answer


def test_who_would_rather_talk_is_not_asked_to_draw_later() -> None:
    state, _ = step(
        started(lang="en"), "20,000 charges a second x 1 KB = 20 MB/s; p99 300 ms, kept for 5 years."
    )
    words = "I'd rather not draw, I can describe it: gateway, payment service, cache, sharded Postgres, Kafka, workers."
    state, answer = step(state, words)
    assert answer.startswith(voice.say("en", "no_drawing")) and words in state.said
    for _ in range(8):
        state, answer = step(state, "The time-out is 2 s, the key is user_id, 40 pods.")
        assert "`->`" not in answer


def test_whoever_gives_no_estimates_hears_which_are_missing() -> None:
    _, answer = step(started("order-feed"), "Надо показывать заказы, и чтобы быстро.")
    assert "сколько байт в записи" in answer and "сколько дней хранить" in answer
    assert "как быстро отвечать" not in answer  # the task says: two seconds
    _, answer = step(started("rate-limiter"), "Надо ограничивать, и чтобы быстро.")
    assert "сколько байт в записи" in answer and "хранить" not in answer


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2 мин * 80к = 960к запросов", "9,6 млн"),
        ("2 минуты × 80 000 = 9,6 млн", ""),
        ("2 мин × 80 000 = 5 млн", None),  # which of the two readings is wrong nobody can tell
        ("1,7 ТБ × 90 дней = 15 ТБ", "153 ТБ"),
    ],
)
def test_a_wrong_sum_with_minutes_is_corrected_by_the_reading_it_missed(text: str, shown: str | None) -> None:
    found = sums(text)
    assert [s.shown("ru") for s in found if not s.right] == ([shown] if shown else [])
    assert bool(found) is (shown is not None)


# -- the debrief


@pytest.mark.parametrize(
    ("text", "asked", "quoted", "not_quoted"),
    [
        (
            "A bank that hangs gets its own pool of 200 and a breaker; its queue grows, the other four don't notice.",
            "failure", {"failure": "A bank that hangs"}, {"data_scale"},
        ),
        ("Quiet failure: the outbox relay stops, payments are stored and nobody sends them.", "data_scale",
         {"failure": "Quiet failure"}, {"consistency"}),
        ("возраст индекса > 60 с — будим", "operations", {"operations": "возраст"}, {"data_scale"}),
        ("A reservation lives 10 minutes with a TTL; a sweeper returns it with a conditional update where status = 'held'.",
         "consistency", {"consistency": "a sweeper"}, {"design"}),
        ("Writes: 5,000/s x 500 B = 2.5 MB/s, so 216 GB a day and about 19 TB for 90 days.", "requirements",
         {"requirements": "Writes"}, {"design"}),
    ],
)  # fmt: skip
def test_a_sentence_is_quoted_for_what_it_is_about(
    text: str, asked: str, quoted: dict[str, str], not_quoted: set[str]
) -> None:
    found = axis_quotes(text, asked_where([text], [asked]))
    for axis, begins in quoted.items():
        assert axis in found and text[found[axis].start : found[axis].end].startswith(begins)
    assert not not_quoted & set(found)
    for span in found.values():
        assert text[span.start : span.end] == span.text and span.text[-1] not in ";,"


def test_what_an_answer_was_to_counts_for_its_axis() -> None:
    text = "Записываем id сообщения в таблицу и проверяем перед отправкой."
    assert set(axis_quotes(text, asked_where([text], ["consistency"]))) == {"consistency"}
    first = "p99 300 мс, 1 КБ на запись."
    spans = asked_where([first, text], ["requirements", "consistency"])
    assert spans == [(len(first) + 2, "requirements"), (len(first) + len(text) + 4, "consistency")]


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_the_debrief_speaks_in_sentences_of_the_axis(lang: str) -> None:
    words = {
        "ru": "Алерт на возраст самого старого платежа больше 5 минут, выкатываем канареечно, 1 % трафика.",
        "en": "An alert on the age of the oldest payment above 5 minutes; a canary of 1% of the traffic.",
    }
    state, _ = said(started(lang=lang), words[lang], "/finish")
    found = make_debrief(state)
    for criterion in load_rubric(RUBRIC).criteria:
        title = book().titles[criterion.id].of(lang)
        line = next(x for x in found["text"].splitlines() if f"  {title[:1].upper()}{title[1:]}. " in x)
        assert any(heard.of(lang) in line for heard in book().heard[criterion.id])
        assert criterion.question.of(lang) not in line
    general = {labels()[name].of(lang) for name in ("numbers", "prevent", "density", "bounds")}
    axes = found["text"].split("\n\n")[1]
    assert not any(name in axes for name in general)


def test_nobody_is_quoted_under_nothing_was_said_and_named_things_are_not_missed() -> None:
    state, _ = said(
        started("notifications", "junior"),
        "30 тысяч в секунду.",
        "Наверное, алерт если очередь растёт",
        "/finish",
    )
    text = make_debrief(state)["text"]
    lines = text.splitlines()
    for line, following in zip(lines, lines[1:], strict=False):
        if following.startswith("    «"):
            assert not any(heard[0].ru in line for heard in book().heard.values())
    for line in lines:
        assert not ("Не прозвучало" in line and "алерт" in line)


def test_a_reproach_comes_with_its_sentence_once_and_what_was_turned_down_is_none() -> None:
    turned_down = (
        "Рассматривал единую базу с 2PC между ЦОДами: отказался, потому что каждое списание платит +5 мс."
    )
    assert hearing.reproached(turned_down) == []
    solid = "Ключ идемпотентности уникален в той же транзакции, что и платёж; тайм-аут 2 с, 40 подов, шард по payment_id."
    state, _ = said(started(), turned_down, solid, "/finish")
    assert "ложная гарантия" not in make_debrief(state)["text"]
    promised = "2PC между ЦОДами гарантирует согласованность"
    assert hearing.reproached(promised) == [("harm.wrong_guarantee", promised)]
    state, _ = said(started(), promised + ".", solid, "/finish")
    assert make_debrief(state)["text"].count(f"ложная гарантия («{promised}»)") == 1
