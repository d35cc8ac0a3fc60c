"""A drawing is changed by a line or a sentence, always shown back, and runs as the candidate means it; places and balancers count."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.interview import trials, voice
from agent.interview.amend import amended, proposes
from agent.interview.as_network import network
from agent.interview.design import Design, Edge, read_design
from agent.interview.graph import make_debrief
from agent.interview.picture import drawn
from agent.interview.prompts import book
from agent.interview.turns import FREE, TURNS, Interview, begin, step
from simulator.scenario import parse

DRAWN = (
    "clients 20000 rps 80% reads\nlb -> api x40 4ms\napi -> cache hit 90%\napi -> payments-db x16 cores 8 2ms by payment_id\n"
    "api => kafka -> bank-worker x40 10ms"
)
ESTIMATE = "20 000 списаний в секунду × 1 КБ = 20 МБ/с, 1,7 ТБ в сутки; p99 300 мс, доступность 99,95 %."


def started(lang: str = "ru", prompt: str = "notifications", length: str = "long") -> Interview:
    return begin(book().prompt(prompt), "senior", length, lang)[0]  # type: ignore[arg-type]


def said(state: Interview, *turns: str) -> tuple[Interview, str]:
    answer = ""
    for turn in turns:
        state, answer = step(state, turn)
    return state, answer


def changed(text: str) -> Design:
    design = amended(read_design(DRAWN), text)
    assert design is not None, text
    return design


# -- what a change is


@pytest.mark.parametrize(
    ("text", "box", "setting", "value"),
    [
        ("payments-db x32", "payments-db", "count", 32),
        ("api -> cache hit 95%", "cache", "hit", 0.95),
        ("api x80; payments-db cores 16", "payments-db", "cores", 16),
        ("lb -> api -> payments-db x32", "payments-db", "count", 32),
        ("Да, только давайте поставим перед базой 32 шарда вместо 16", "payments-db", "count", 32),
        ("Увеличим api до 80 подов, потому что слоты заняты", "api", "count", 80),
        ("I'd scale the api to 80 pods because its slots are full", "api", "count", 80),
        ("добавь 40 подов api", "api", "count", 80),
        ("double the api", "api", "count", 80),
        ("уменьшим api до 20 подов и ядер базе 4", "payments-db", "cores", 4),
        ("no, 32 cores for the db", "payments-db", "cores", 32),
        ("добавим таймаут 200 мс к базе", "payments-db", "timeout_ms", 200.0),
        ("add two replicas to the db", "payments-db", "replicas", 3),
        ("shard the db by user_id", "payments-db", "key", "user_id"),
        ("Нет, кэш попадает в 80 %", "cache", "hit", 0.8),
        ("the db has 3 replicas too", "payments-db", "replicas", 3),
        ("More shards? Let's say 48 shards", "payments-db", "count", 48),
        ("а если шардов 32?", "payments-db", "count", 32),
        ("what if 20 pods?", "api", "count", 20),
        ("pg pool 200", "payments-db", "pool", 200),
        ("все базы стоят в первом ЦОДе", "payments-db", "place", 1),
        ("the primaries sit in dc2", "payments-db", "place", 2),
        ("больше воркеров: api => kafka -> bank-worker x80", "bank-worker", "count", 80),
    ],
)
def test_a_figure_of_a_box_is_changed_by_a_line_or_a_sentence(
    text: str, box: str, setting: str, value: object
) -> None:
    before = read_design(DRAWN)
    assert getattr(before.parts[box], setting) != value
    design = changed(text)
    assert getattr(design.parts[box], setting) == value
    assert set(design.parts) == set(before.parts) and set(design.edges) == set(before.edges)


@pytest.mark.parametrize(
    "text", ["без kafka", "Уберём кафку, воркер зовём напрямую", "remove the queue", "drop kafka"]
)
def test_who_called_a_box_that_is_gone_calls_what_stood_behind_it(text: str) -> None:
    design = changed(text)
    assert "kafka" not in design.parts and Edge("api", "bank-worker", True) in design.edges


@pytest.mark.parametrize(
    "text",
    ["Заменим kafka на rabbitmq", "replace Kafka by RabbitMQ", "use rabbitmq instead of kafka", "поставим rabbitmq вместо кафки"],
)  # fmt: skip
def test_a_box_is_replaced_and_keeps_its_neighbours(text: str) -> None:
    design = changed(text)
    assert "kafka" not in design.parts and design.parts["rabbitmq"].kind == "queue"
    assert {Edge("api", "rabbitmq", False), Edge("rabbitmq", "bank-worker", False)} <= set(design.edges)


def test_a_box_of_another_kind_takes_no_settings_over() -> None:
    cache = read_design("lb -> api x4\napi -> redis hit 80%\napi -> db x2")
    design = amended(cache, "replace redis by postgres with 8 shards")
    assert design is not None and (design.parts["postgres"].kind, design.parts["postgres"].count) == (
        "store",
        8,
    )


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("add an auth service between lb and api", [("lb", "auth"), ("auth", "api")]),
        ("Поставим nginx перед lb", [("nginx", "lb")]),
        ("put a CDN in front of the lb", [("cdn", "lb")]),
        ("Поставить перед базой pgbouncer", [("api", "pgbouncer"), ("pgbouncer", "payments-db")]),
        ("api -> audit-db x2", [("api", "audit-db")]),
    ],
)
def test_a_box_is_put_where_it_was_said(text: str, edges: list[tuple[str, str]]) -> None:
    assert {Edge(a, b, True) for a, b in edges} <= set(changed(text).edges)


@pytest.mark.parametrize("text", ["let's add a cache in front of the db", "Поставим кэш перед базой", "добавим кэш между api и db", "add a cache with hit 90%"])  # fmt: skip
def test_a_cache_before_a_store_stands_beside_it(text: str) -> None:
    plain = read_design("lb -> api x4\napi -> db x2")
    design = amended(plain, text)
    assert design is not None and design.parts["cache"].kind == "cache"
    assert {Edge("api", "cache", True), Edge("api", "db", True)} <= set(design.edges)


@pytest.mark.parametrize(
    "text",
    [
        "Выкатываем канареечно: 1 % трафика на полчаса, потом всех.",
        "There will be 50 workers. Queue absorbs the peak: 100K RPS x 60 seconds = 6 million messages.",
        "Сервер базы имеет 32 ядра, их не хватило; по графикам видно, что после переключения нагрузка не упала.",
        "Половина шардов живёт в dc1, половина в dc2, реплика синхронная в соседнем.",
        "Поставили локальный кеш на ноды, p99 упал до 180 мс.",
        "drop the third replica",
        "I'd add a circuit breaker and a retry budget.",
        "The workers are the slow part: 60 pods of 20 ms take 12,000 a second each.",
        "gateway -> cache hit 80%",
        "4) Реплика асинхронная, отставание 9 с.",
        "Failures: slow PSP, a concurrency cap each. Shard down: 3 % of traffic. Overload: shed status polling first.",
    ],
)
def test_what_only_speaks_of_boxes_changes_nothing(text: str) -> None:
    assert amended(read_design(DRAWN), text) is None


def test_a_drawing_of_its_own_is_no_change() -> None:
    assert amended(read_design(DRAWN), "lb -> api x40\napi -> cache\napi -> payments-db x32") is None
    assert amended(read_design(DRAWN), "clients 1000 rps\nlb -> web x4\nweb -> db") is None


WORDS = (
    "add remove replace by with between and before after in front of the db api cache kafka redis lb x3 x0 80 pods shards hit 95% "
    "добавим убери заменим на между и перед базой кэш кафку воркер до 80 подов вдвое dc1 dc 2 -> => ; , . : \n timeout 200 ms all стоят"
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS.split(" ")), max_size=14).map(" ".join))
def test_any_words_give_a_drawing_that_runs_or_nothing(text: str) -> None:
    design = amended(read_design(DRAWN), text)
    if design is not None:
        assert design.entry is not None and design.edges and drawn(design)
        names = {e.source for e in design.edges} | {e.target for e in design.edges}
        assert names <= set(design.parts)
        assert all(name == part.name for name, part in design.parts.items())
        parse(network(design, 1000.0, 30.0), "design")


def test_the_drawing_that_stands_is_left_as_it_is() -> None:
    design = read_design(DRAWN)
    picture = drawn(design)
    for text in (
        "payments-db x32",
        "remove kafka",
        "replace kafka by nats",
        "add a cache in front of the db",
    ):
        amended(design, text)
    assert drawn(design) == picture


# -- in the talk


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_a_change_is_shown_back_and_runs_when_it_is_confirmed(lang: str) -> None:
    text = {
        "ru": "верно, только давайте увеличим api до 80 подов",
        "en": "yes, but let's scale the api to 80 pods",
    }
    state, answer = said(started(lang), ESTIMATE, DRAWN, text[lang])
    assert state.design is not None and state.design.parts["api"].count == 80
    assert answer == voice.say(lang, "amended", picture=drawn(state.design, lang))
    assert not state.confirmed and not state.found and text[lang] not in state.text
    state, _ = step(state, "да" if lang == "ru" else "yes")
    assert state.confirmed and state.found


def test_who_denies_a_change_has_the_drawing_back() -> None:
    state, _ = said(started(), ESTIMATE, DRAWN, "да", "Заменим kafka на rabbitmq")
    assert state.design is not None and "rabbitmq" in state.design.parts
    state, answer = step(state, "нет, не так")
    assert state.design is not None and "kafka" in state.design.parts and "rabbitmq" not in state.design.parts
    assert answer == voice.say("ru", "taken_back", amend=voice.say("ru", "amend"))


def test_what_a_change_did_is_told_and_the_same_question_is_not_put_again() -> None:
    weak = "clients 20000 rps 80% reads\nlb -> api x40 4ms\napi -> db x4 cores 16 2ms by id"
    state, first = said(started(), ESTIMATE, weak, "да")
    assert state.told == ("slow-store",)
    state, answer = said(state, "db x6", "да")
    assert answer != first and "Прежняя схема держала" in answer
    assert voice.say("ru", "slow-store.kind") in answer
    assert "Что бы этому помешало" not in answer and "Что её держит" not in answer
    _, again = said(state, "api -> cache hit 99%", "да")
    assert "С поправкой: " in again and "стало 100" in again


def test_a_change_without_effect_is_said_to_have_none_and_the_open_question_stands() -> None:
    state, _ = said(started(), ESTIMATE, DRAWN, "да")
    for _ in range(4):
        if state.standing.by == "axis":
            break
        state, _answer = step(state, "Ключ user_id, тайм-аут 2 с, 40 подов.")
    assert state.standing.by == "axis"
    question = state.standing.question
    _, answer = said(state, "давайте заменим kafka на nats", "да")
    assert answer == voice.say("ru", "no_effect") + "\n" + voice.say("ru", "repeated", question=question)


def test_reasons_that_come_with_a_change_count_and_bare_changes_do_not() -> None:
    state, _ = said(started(), ESTIMATE, DRAWN, "да")
    assert state.standing.by == "trial"
    reason = "Увеличим api до 80 подов, потому что первыми кончаются слоты, пока база отвечает медленно."
    assert reason in step(state, reason)[0].said
    bare = "давайте увеличим api до 80 подов, а bank-worker до 90 подов"
    assert bare not in step(state, bare)[0].said


def test_a_sentence_that_answers_a_question_is_no_change() -> None:
    state, _ = said(started(), ESTIMATE, DRAWN, "да")
    for _ in range(4):
        if state.standing.by == "axis":
            break
        state, _answer = step(state, "Ключ user_id, тайм-аут 2 с, 40 подов.")
    after, _ = step(state, "Убрать кэш: тогда вырастет задержка чтения.")
    assert after.confirmed and after.design is not None and "cache" in after.design.parts
    assert not proposes("Убрать кэш") and proposes("а давайте уберём кэш")


@pytest.mark.parametrize(
    ("lang", "missing"), [("ru", "нет части gateway"), ("en", "no gateway in the drawing")]
)
def test_a_line_for_a_box_that_is_not_there_replaces_no_drawing(lang: str, missing: str) -> None:
    state, _ = said(started(lang), ESTIMATE, DRAWN)
    after, answer = step(state, "gateway -> cache hit 80%")
    assert missing in answer and "payments-db" in answer and after.design == state.design


def test_a_change_that_is_not_understood_is_asked_for_in_a_line() -> None:
    state, _ = said(started(), ESTIMATE, DRAWN)
    after, answer = step(state, "добавим туда мониторинг")
    assert answer == voice.say("ru", "amend") and not after.found and "мониторинг" not in after.text


def test_turns_that_answer_nothing_are_not_counted_up_to_a_limit() -> None:
    state = started(length="short", prompt="flash-sale")
    for n in range(FREE["short"] + 2):
        state, _ = step(state, "А какого цвета логотип?")
        assert state.turns == max(0, n + 1 - FREE["short"])
    for _ in range(TURNS["short"]):
        state, _ = step(state, "А какого цвета логотип?")
        state, _ = step(state, "Тайм-аут 2 с, ключ user_id, 40 подов.")
    assert state.over


def test_another_number_of_shards_than_was_told_is_noticed() -> None:
    state, _ = said(started(), "Пишем в базу, 8 шардов по user_id, тайм-аут 2 с.")
    _, answer = step(state, "lb -> api x4\napi -> db x4 by user_id")
    assert answer.startswith(voice.say("ru", "drawn_otherwise", told=8, name="db", count=4))
    _, answer = step(state, "lb -> api x4\napi -> db x8 by user_id")
    assert answer.startswith("Я понял так")


# -- data centres


@pytest.mark.parametrize("place", [1, 2])
def test_a_data_centre_takes_down_the_store_that_stands_in_it(place: int) -> None:
    text = "clients 2000 rps 80% reads\nlb -> api x20 3ms\napi -> db x4 cores 16 2ms by id{}\ndc 2"
    spared = trials.lose_half(read_design(text.format("")))
    hit = trials.lose_half(read_design(text.format(f" dc{place}")))
    assert spared.after.success > 0.99 and not spared.gone
    assert hit.after.success < 0.2 and (hit.gone, hit.lost) == (("db",), place)
    for lang, words in (("ru", f"dc{place} целиком"), ("en", f"switched off dc{place}")):
        told = voice.finding(hit, lang)
        assert words in told and "db" in told and "базы оставил" not in told and "left the stores" not in told
    assert "базы оставил" in voice.finding(spared, "ru")


def test_a_place_makes_two_data_centres_and_is_shown_back() -> None:
    design = read_design("lb -> api x4\napi -> db x4 dc1")
    assert design.places == 2 and "dc1" in drawn(design)


def test_a_store_may_stand_in_both_after_all() -> None:
    one = read_design("lb -> api x4\napi -> db x4 dc1")
    for text in ("нет, база стоит в обоих ЦОДах", "no, the db is in both"):
        both = amended(one, text)
        assert both is not None and both.parts["db"].place == 0 and both.places == 2


def test_the_debrief_says_what_went_with_the_data_centre() -> None:
    state, _ = said(
        started(prompt="rate-limiter"),
        ESTIMATE,
        "lb -> api x100 1ms\napi -> db x32 cores 16 0.3ms by key\ndc 2",
    )
    state, _ = said(state, "да, все шарды стоят в первом ЦОДе", "да", "/finish")
    assert "без dc1 и того, что в нём стояло (db)" in make_debrief(state)["text"]


# -- the run


def test_a_drawing_runs_as_it_is_drawn() -> None:
    """A balancer before a balancer, a cache behind a cache, a worker that is waited for, a store behind a queue."""
    base = "clients 4000 rps {reads}% reads\n{entry} -> api x20 4ms\napi -> {store}"
    db = "db x1 cores 2 4ms"
    plain = trials.load(read_design(base.format(reads=100, entry="lb", store=db))).limit_rps
    assert trials.load(read_design(base.format(reads=100, entry="cdn -> lb", store=db))).limit_rps == plain
    nested = trials.load(
        read_design(base.format(reads=100, entry="lb", store=f"cache hit 50% -> redis hit 50% -> {db}"))
    )
    assert nested.limit_rps == pytest.approx(4 * plain, rel=0.15)
    waited = read_design(base.format(reads=100, entry="lb", store="mail-worker x1 50ms slots 2"))
    assert trials.load(waited).limit_rps < 100
    behind = trials.load(
        read_design(base.format(reads=0, entry="lb", store="x").replace("-> x", "=> kafka -> " + db))
    )
    assert behind.before.behind is not None and behind.limit_rps == pytest.approx(plain, rel=0.15)


def test_a_bare_redis_beside_a_cache_is_the_store_when_nothing_else_is() -> None:
    kinds = {
        p.name: p.kind for p in read_design("lb -> api\napi -> cache hit 98%\napi -> redis").parts.values()
    }
    assert (kinds["cache"], kinds["redis"]) == ("cache", "store")
    assert read_design("lb -> api\napi -> cache\napi -> redis\napi -> db").parts["redis"].kind == "cache"
    assert read_design("lb -> api\napi -> local hit 50%\napi -> db").parts["local"].kind == "cache"


def test_an_answer_that_takes_longer_than_the_task_allows_is_no_spare() -> None:
    drawing = "lb -> api x100 1ms\napi -> counters-db x32 cores 16 0.3ms by key\ndc 2"
    _, answer = said(started(prompt="rate-limiter"), ESTIMATE, drawing, "да")
    assert (
        answer.endswith(voice.say("ru", "load_late", asked="5")) and "не получая ничего взамен" not in answer
    )
    _, other = said(started(), ESTIMATE, drawing, "да")
    assert "в задаче ответ за" not in other
