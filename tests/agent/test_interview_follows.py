"""The interviewer follows the candidate: what was said, drawn or shown is not asked again, and no reply is a form's."""

import pytest

from agent.honest import admits_gap
from agent.interview import hearing, questions, voice
from agent.interview.arithmetic import corrected_later, sums
from agent.interview.design import DesignError, looks_like_design, read_design
from agent.interview.graph import make_debrief
from agent.interview.picture import drawn
from agent.interview.prompts import RUBRIC, book
from agent.interview.turns import CHALLENGES, Interview, begin, step
from agent.judge import judge
from agent.judge.patterns import ARITHMETIC
from agent.rubric import load_rubric

PLAIN = "lb -> api x80 3ms\napi -> cache hit 97%\napi -> db x32 cores 16 2ms by id\ndc 2"
ESTIMATE = {
    "ru": "20 000 списаний в секунду × 1 КБ = 20 МБ/с, 1,7 ТБ в сутки; p99 300 мс, доступность 99,95 %.",
    "en": "20,000 charges a second × 1 KB = 20 MB/s, 1.7 TB a day; p99 300 ms, 99.95% of the time.",
}


def started(prompt: str = "payments-100k", level: str = "senior", lang: str = "ru") -> Interview:
    return begin(book().prompt(prompt), level, "long", lang)[0]  # type: ignore[arg-type]


def said(state: Interview, *turns: str) -> tuple[Interview, str]:
    answer = ""
    for turn in turns:
        state, answer = step(state, turn)
    return state, answer


# -- what a turn asks


@pytest.mark.parametrize(
    ("prompt", "lang", "turn", "facts"),
    [
        ("flash-sale", "en", "How long does a reservation live, and do you expect bots?", ["ten minutes", "Bots are"]),
        ("flash-sale", "ru", "А сколько платежей держит платёжка?", ["500 платежей"]),
        ("chat", "ru", "А группы есть? И сколько весит сообщение?", ["всегда двое", "300 байт"]),
        ("notifications", "en", "How large is a message?", ["1 KB"]),
    ],
)  # fmt: skip
def test_every_question_of_a_turn_is_answered_by_its_own_fact(
    prompt: str, lang: str, turn: str, facts: list[str]
):
    _, answer = step(started(prompt, lang=lang), turn)
    assert all(fact in answer for fact in facts) and len(answer.splitlines()) == len(facts)


def test_who_supposes_a_fact_hears_yes_and_the_rest_is_theirs_to_assume():
    _, answer = step(started("rate-limiter"), "Сотня ключей даёт половину проверок?")
    assert answer == voice.say("ru", "given_yes")
    _, answer = step(started("chat"), "Сколько весит сообщение? А какого цвета логотип?")
    assert "300 байт" in answer and answer.endswith(voice.say("ru", "rest_not_given"))


@pytest.mark.parametrize(
    ("lang", "turn"),
    [
        ("ru", "не уверен, что понял вопрос, можете переформулировать?"),
        ("ru", "Что вы имеете в виду?"),
        ("en", "Not sure I understand the question."),
        ("en", "Could you rephrase that?"),
    ],
)  # fmt: skip
def test_who_did_not_understand_is_asked_more_simply_and_has_no_gap(lang: str, turn: str):
    state = started(lang=lang)
    after, answer = step(state, turn)
    assert book().hints["requirements"].of(lang) in answer and after.unknown == ()
    _, again = step(after, turn)
    assert again == voice.say(lang, "repeated", question=state.standing.question)


@pytest.mark.parametrize(
    ("lang", "turn"), [("en", "Do you think this is a good design?"), ("ru", "Как вам схема, нормально?")]
)
def test_the_interviewer_does_not_grade_as_they_go(lang: str, turn: str):
    state = started(lang=lang)
    after, answer = step(state, turn)
    assert answer == voice.say(lang, "opinion") and after.standing == state.standing and after.said == ()


# -- what was said is heard


@pytest.mark.parametrize(
    ("axis", "text"),
    [
        ("consistency", "UPDATE slots SET free = free - 1 WHERE zone = $1 AND free > 0: the row lock lets one of them through."),
        ("consistency", "Условный UPDATE по version = 7: кто проиграл, получает ноль строк."),
        ("failure", "Patroni переключает за 30 с, до того очередь показывает «пауза»."),
        ("data_scale", "33 MB in 336,000 rows: one node, no shards."),
    ],
)  # fmt: skip
def test_an_axis_is_answered_by_its_own_means(axis: str, text: str):
    assert hearing.answers(text, axis)
    assert not hearing.answers("Сделаем хорошо и надёжно, с транзакциями.", axis)


def test_a_concrete_answer_is_never_called_general():
    state, _ = said(started("delivery-slots", lang="en"), ESTIMATE["en"])
    _, answer = step(
        state, "Book the new window first, release the old one after 2 s; 3 tries, then a person."
    )
    general = [voice.SAYINGS["again" + n].en.partition("{")[0] for n in voice.TURNS_OF_PHRASE]
    assert not any(answer.startswith(way) for way in general)


def test_what_was_told_is_not_asked():
    order = questions.in_order(
        book().prompt("flash-sale"), "staff", "data_scale", 1.0,
        "One counter takes 83 decrements a second; I split it into 8 segments with 1,250 each.", set(), "en",
    )  # fmt: skip
    assert order and not any("one key" in question or "One key" in question for question in order)


@pytest.mark.parametrize("prompt", [p.id for p in book().prompts])
def test_what_a_run_has_shown_is_not_asked(prompt: str):
    state, _ = said(started(prompt), ESTIMATE["ru"], PLAIN, "да")
    shown = {
        p.of("ru") for axis in book().probes.values() for p in axis if p.shown not in ("", "key", "repeats")
    }
    assert len(shown) == 3
    for _ in range(12):
        state, answer = step(state, "Ключ user_id, тайм-аут 2 с, 40 подов.")
        assert not any(question in answer for question in shown)


def test_who_splits_no_store_is_not_asked_for_the_key():
    state, _ = said(
        started("delivery-slots"), ESTIMATE["ru"], "lb -> api x16 4ms\napi -> db x1 cores 32 1ms", "да"
    )
    for _ in range(12):
        state, answer = step(state, "Ключ user_id, тайм-аут 2 с, 40 подов.")
        assert "шард" not in answer and "По какому ключу" not in answer


def test_a_word_earns_no_nod_and_a_sentence_does():
    words = "Ну, база и сервис."
    state, _ = said(started("notifications", "junior"), words)
    _, answer = step(state, "кафка")
    nods = tuple(voice.say("ru", "heard" + n) for n in voice.TURNS_OF_PHRASE)
    assert not answer.startswith(nods)
    _, answer = step(state, ESTIMATE["ru"])
    assert answer.startswith(nods)


# -- promises


@pytest.mark.parametrize(
    ("lang", "text", "how"),
    [
        ("en", "Exactly-once in Kafka gives us no double charges.", "challenge"),
        ("en", "We charge the bank and if it times out we retry three times.", "challenge_retry"),
        ("ru", "Зовём банк, по тайм-ауту повторяем три раза.", "challenge_retry"),
        ("en", "If it times out we retry with the same idempotency key.", ""),
        ("ru", "По тайм-ауту повторяем с тем же ключом.", ""),
        ("en", "It is exactly once because the outbox row is deleted in the same transaction.", ""),
    ],
)
def test_a_bare_promise_and_a_blind_repeat_are_stopped_at(lang: str, text: str, how: str):
    assert hearing.doubtful(text)[0] == how
    _, answer = said(started(lang=lang), ESTIMATE[lang], text)
    stops = [voice.SAYINGS[key].of(lang).partition("{")[0] for key in ("challenge", "challenge_retry")]
    assert any(answer.startswith(stop) for stop in stops) is bool(how)


def test_promises_are_stopped_at_no_more_than_a_talk_bears():
    state, stops = said(started(lang="en"), ESTIMATE["en"])[0], 0
    for _ in range(8):
        state, answer = step(state, "If it times out we retry three times.")
        stops += "the first attempt" in answer
    assert stops == CHALLENGES


# -- the drawing


@pytest.mark.parametrize(
    ("lang", "turn", "answered"),
    [
        ("en", "looks right", "yes"), ("en", "yep, run it", "yes"), ("ru", "да, верно", "yes"), ("ru", "всё так", "yes"),
        ("ru", "верно, только кэш другой", "amended"), ("en", "no, the cache is wrong", "no"), ("ru", "не совсем", "no"),
        ("ru", "ну вроде да", "yes"),
        ("en", "The workers are the slow part: 60 pods of 20 ms take 12,000 a second each.", ""),
    ],
)  # fmt: skip
def test_a_drawing_is_confirmed_as_people_do(lang: str, turn: str, answered: str):
    assert hearing.consent(turn) == answered
    state, _ = said(started(lang=lang), ESTIMATE[lang], PLAIN)
    after, answer = step(state, turn)
    if answered in ("amended", "no"):
        assert answer == voice.say(lang, "amend") and not after.confirmed
        return
    assert after.confirmed and after.found
    assert (voice.say(lang, "as_it_is") in answer) is (answered == "")


def test_who_repeats_the_load_that_stands_there_has_agreed():
    state, _ = said(started(), ESTIMATE["ru"], PLAIN)
    assert step(state, "верно, только нагрузка 100 000")[0].confirmed
    assert not step(state, "верно, только нагрузка 90 000")[0].confirmed


def test_one_chain_alone_is_a_drawing_and_a_chain_of_states_is_not():
    assert looks_like_design("lb -> api x4 -> redis")
    assert looks_like_design("api x100 1ms -> redis x8 cores 4 0.2ms by key")
    for prose in (
        "created -> sent -> confirmed",
        "Клиент -> api, потом база.",
        "we go api -> the thing that keeps all of the money -> db",
    ):
        assert not looks_like_design(prose)


def test_a_wrong_drawing_is_named_in_the_candidates_language():
    with pytest.raises(DesignError) as caught:
        read_design("lb -> api\napi -> db\ndb -> api")
    assert "замыкает круг" in caught.value.of("ru") and "closes a circle" in caught.value.of("en")
    _, answer = said(started(), ESTIMATE["ru"], "lb -> api\napi -> db\ndc 3")
    assert "строка 3: dc 3: прогнать могу один ЦОД или два" in answer
    assert "запросов в секунду" in drawn(read_design(PLAIN), "ru") and "rps" in drawn(read_design(PLAIN))


def test_the_same_spare_is_asked_about_once():
    state, first = said(started(), ESTIMATE["ru"], PLAIN, "да")
    assert "За что вы здесь платите" in first and first.count("Прогнал.") == 1
    state, second = said(state, PLAIN.replace("x80", "x70"), "да")
    assert "За что вы здесь платите" not in second and second.startswith(voice.say("ru", "no_effect"))
    state, third = said(state, PLAIN.replace("x80", "x20"), "да")
    assert "За что вы здесь платите" not in third and "не возвращаюсь" in third


def test_a_drawing_that_keeps_nothing_and_one_with_a_data_centre_too_few_are_noticed():
    _, answer = said(started("flash-sale", "junior"), ESTIMATE["ru"], "lb -> api x60 -> redis", "да")
    assert "нет ни одного хранилища" in answer and "redis" in answer
    _, answer = said(started(lang="en"), ESTIMATE["en"], PLAIN.replace("\ndc 2", ""), "yes")
    assert answer.startswith(voice.say("en", "fewer_places"))
    _, answer = said(started("chat"), ESTIMATE["ru"], PLAIN.replace("\ndc 2", ""), "да")
    assert "ЦОДов два" not in answer


# -- the end


def test_the_candidate_has_the_last_word_once():
    state, answer = started("chat", "junior"), ""
    for _ in range(16):
        state, answer = step(state, ESTIMATE["ru"] + " Ключ user_id, 2 с.")
        if answer == voice.say("ru", "closing"):
            break
    assert state.closed and not state.over
    state, answer = step(state, "Я бы добавил нагрузочный тест.")
    assert state.over and state.said[-1] == "Я бы добавил нагрузочный тест."


def test_a_sum_put_right_when_asked_is_said_to_be_and_shown_in_a_fitting_unit():
    state, answer = step(started("classifieds-search"), "120 млн объявлений × 2 КБ = 240 ТБ индекса.")
    assert "240 ГБ" in answer
    state, _ = step(state, "Ой, да, 240 ГБ. Тогда 24 шарда по 10 ГБ.")
    (wrong,) = [s for s in sums(state.text) if not s.right]
    assert corrected_later(state.text, wrong) and not corrected_later(state.said[0], wrong)
    assert "вы это поправили" in make_debrief(state)["text"]


@pytest.mark.parametrize(
    ("text", "lang", "shown"),
    [("100,000 × 1 KB = 10 GB/s", "en", "100 MB/s"), ("20000 * 1 КБ = 2 МБ/с", "ru", "20 МБ/с")],
)
def test_units_step_down_and_stay(text: str, lang: str, shown: str):
    assert sums(text)[0].shown(lang) == shown


def test_the_debrief_says_where_to_begin_and_counts_attempts():
    state, _ = said(started(level="junior"), ESTIMATE["ru"], "/finish")
    first = make_debrief(state)
    levels = {v["criterion"]: v["level"] for v in first["criteria"]}
    most = max(load_rubric(RUBRIC).criteria, key=lambda c: c.weight * (first["wanted"] - levels[c.id]))
    assert f"  {book().titles[most.id].ru}: " in first["text"].partition("С чего начать")[2]
    second = make_debrief(
        state,
        earlier={
            **first,
            "level": "staff",
            "overall": 3.0,
            "criteria": [{**v, "level": 3.0} for v in first["criteria"]],
        },
    )
    assert "Просело: по всем осям" in second["text"] and "на уровень стафф" in second["text"]
    third = make_debrief(state, earlier=second)
    assert (
        third["series"] == [first["overall"], second["overall"], third["overall"]]
        and "Попытка 3" in third["text"]
    )


def test_no_general_question_speaks_of_a_key_or_of_data_centres_that_nobody_has():
    for probe in book().probes["consistency"]:
        assert "ключ" not in probe.ru.lower() and "key" not in probe.en.lower()


@pytest.mark.parametrize(
    ("lang", "turn"),
    [
        ("ru", "Не буду рисовать, времени мало."),
        ("ru", "Я не согласен, что нужна схема: здесь всё в алгоритме."),
        ("en", "I'd rather not draw that."),
        ("en", "Let us skip the drawing."),
    ],
)  # fmt: skip
def test_who_declines_to_draw_is_not_pressed(lang: str, turn: str):
    state, _ = said(started("notifications", lang=lang), *[ESTIMATE[lang]] * 2)
    for _ in range(6):
        if state.standing.by == "drawing":
            break
        state, _answer = step(state, ESTIMATE[lang])
    assert state.standing.by == "drawing"
    state, answer = step(state, turn)
    assert answer.startswith(voice.say(lang, "no_drawing"))
    for _ in range(8):
        state, answer = step(state, ESTIMATE[lang])
        assert "`->`" not in answer


@pytest.mark.parametrize(
    ("lang", "turn"),
    [
        ("en", "Wait. Why do you ask about that again, I've just said it."),
        ("ru", "Я же уже ответил на это."),
    ],
)
def test_who_has_answered_already_is_believed(lang: str, turn: str):
    state, _ = said(started(lang=lang), ESTIMATE[lang])
    axis = state.standing.criterion
    state, answer = step(state, turn)
    assert answer.startswith(voice.say(lang, "heard_before"))
    assert state.standing.criterion != axis and turn not in state.text


def test_a_key_that_the_drawing_names_is_not_asked_for():
    state, _ = said(started(), ESTIMATE["ru"], PLAIN, "да")
    for _ in range(12):
        state, answer = step(state, "Ключ user_id, тайм-аут 2 с, 40 подов.")
        assert "По какому ключу" not in answer


def test_an_answer_to_a_trial_that_speaks_of_it_is_taken():
    replicas = "clients 10000 rps 90% reads\nlb -> api x20 2ms\napi -> cache hit 80%\napi -> db x4 replicas 3"
    state, _ = said(started("chat"), ESTIMATE["ru"], replicas, "да")
    assert state.standing.by == "trial"
    _, answer = step(state, "Старое увидит тот, кто читает мимо кэша, его отправим на мастер.")
    assert answer != voice.say("ru", "trial_again")
    _, answer = step(state, "Ну, как-нибудь справимся.")
    assert answer == voice.say("ru", "trial_again")


def test_what_was_told_after_all_is_not_listed_as_unknown():
    state, _ = said(started("chat", "junior", "ru"), "не знаю", *[ESTIMATE["ru"]] * 3, "/finish")
    found = make_debrief(state)
    assert found["unknown"] == ["requirements"]
    assert (found["criteria"][0]["level"] >= found["wanted"]) is ("Честно сказано" not in found["text"])


def test_a_drawing_in_one_line_is_one():
    line = "lb->api x80 3ms->db x32 cores 16 2ms by id; api=>kafka->bank-worker x80 10ms; dc 2"
    state, answer = said(started(), ESTIMATE["ru"], line)
    assert state.design is not None and state.design.places == 2 and "[bank-worker] x80" in answer
    prose = "Пишем в db; api -> db ждёт, потом отвечаем; в очередь кладём после."
    assert said(started(), prose)[0].design is None


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("I don't know how to guarantee it, maybe compare the counts once a day?", False),
        ("Не знаю, но я бы сравнил счётчики раз в сутки.", False),
        ("Не знаю, но постараюсь.", True),
        ("I don't know, perhaps later.", True),
        ("не знаю", True),
    ],
)
def test_who_goes_on_after_not_knowing_has_begun_to_answer(text: str, gap: bool):
    assert admits_gap(text) is gap


def test_where_a_repeat_does_no_harm_nobody_is_asked_about_it():
    state, _ = said(started("classifieds-search", "junior"), ESTIMATE["ru"])
    for _ in range(14):
        state, answer = step(state, "Ну, как-нибудь справимся.")
        assert "повторил" not in answer


@pytest.mark.parametrize(
    "line", ["lb -> api x40 -> ledger x16 cores 16 by payment_id", "lb -> api -> money 16 shards", "lb -> api -> книга cores 8"]
)  # fmt: skip
def test_what_is_split_by_a_key_or_has_cores_keeps_data_whatever_its_name(line: str) -> None:
    design = read_design(line)
    assert list(design.parts.values())[-1].kind == "store"


def test_a_service_with_cores_before_a_store_stays_a_service() -> None:
    design = read_design("lb -> api x40 cores 8 -> pg x4 cores 16")
    assert [p.kind for p in design.parts.values()] == ["balancer", "service", "store"]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("100 тысяч в секунду, запись 1 КБ, это 100 МБ в секунду", True),
        ("A payment is 1 KB, which makes 240 GB a month", True),
        ("Это 5 минут простоя", False),
        ("That is 3 of them", False),
    ],
)
def test_a_sum_in_words_is_a_sum(text: str, counts: bool) -> None:
    assert bool(ARITHMETIC.search(text)) is counts


def test_a_chain_and_its_parts_settings_are_a_drawing() -> None:
    text = "gateway -> shop x60 -> stock redis x1\ngateway limit 50k"
    assert looks_like_design(text)
    design = read_design(text)
    assert design.parts["gateway"].limit_rps == 50_000
    assert design.parts["stock"].kind == "cache"
    assert not looks_like_design(
        "we go lb -> api -> db\nand then the database decides, it is the only writer."
    )


def test_what_was_seen_is_not_missing() -> None:
    said = "100k a second, a record of 1 KB, which makes 100 MB/s. Store by user_id in 16 shards. If a shard dies its replica takes over in 10 s."
    for result in judge(said, "system-design", "en").levels.values():
        seen = result.why.partition("seen: ")[2].partition(";")[0].split(", ")
        missing = result.why.partition("missing: ")[2].split(", ")
        assert not set(seen) & set(missing) - {""}
