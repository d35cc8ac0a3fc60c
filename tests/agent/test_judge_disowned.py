"""What a text repeats without standing by it is nobody's measure; a choice explained and a report believed stay."""

import pytest

from agent.judge import judge, reading_of
from agent.judge.contexts import Context

TAKEN_LEAVE_OF = {
    "told as others' and left": (
        "At the review Ivan proposed to page on 80 % of the pool. Marina wanted a canary at 5 %. I disagree with all of it and "
        "do not include it.",
        "На разборе Иван предложил алерт на 80 % пула. Марина хотела канарейку на 5 %. Я не согласен и ничего из этого не предлагаю.",
    ),
    "what an ideal answer would hold": (
        "A strong candidate would set a timeout of 300 ms, a canary at 5 % and an alert at 80 %.",
        "Сильный кандидат поставил бы таймаут 300 мс, канарейку на 5 % и алерт на 80 %.",
    ),
    "another company's report": (
        "An extract from another company's report: “09:41 first failure, 09:52 rollback. Decided: a canary at 5 %.” It was fun to read.",
        "Выдержка из чужого отчёта: «09:41 первый сбой, 09:52 откат. Решено: канарейка на 5 %.» Было интересно почитать.",
    ),
    "declined one by one": (
        "1. Proposal to page on 80 % of the pool. Resolution: declined.\n2. Proposal of a canary at 5 %. Resolution: not considered.",
        "1. Предложение будить дежурного при 80 % пула. Решение: отклонено.\n2. Предложение канарейки на 5 %. Решение: снято с повестки.",
    ),
    "struck through": (
        "- ~~Page on 80 % of the pool~~ (deleted)\n- ~~Canary at 5 %~~ (deleted)",
        "- ~~Будить дежурного при 80 % пула~~ — вычеркнуто\n- ~~Канарейка на 5 %~~ — вычеркнуто",
    ),
    "a list of what is not done": (
        "Considered and rejected:\n- a page on 80 % of the pool\n- a canary at 5 %",
        "Рассмотрели и отклонили:\n- будить дежурного при 80 % пула\n- канарейка на 5 %",
    ),
    "tried and put back": (
        "Earlier we tried a canary at 5 %. In spring we began with an alert at 80 %. There is none of it now.",
        "Раньше пробовали канарейку на 5 %. Весной начинали с алерта на 80 %. Сейчас ничего из этого нет.",
    ),
    "promised if asked": (
        "If required, I am ready to give owners, thresholds, a canary plan and alerts.",
        "Если потребуется, готов указать владельцев, пороги, план канарейки и алерты.",
    ),
    "closed with a word at the end of each line": (
        "- OPS-1: an alert at 80 % of the pool — closed, will not do\n- OPS-2: a canary at 5 % — closed, will not do",
        "- OPS-1: алерт на 80 % пула — делать не будем\n- OPS-2: канарейка на 5 % — отклонено",
    ),
    "voted on and left open": (
        "Poll in the chat:\n- an alert at 80 % of the pool\n- a canary at 5 %",
        "Опрос в чате:\n- алерт на 80 % пула\n- канарейка на 5 %",
    ),
    "done by the great": (
        "In large companies they have a canary at 5 % and an alert at 80 % of the pool.",
        "В крупных компаниях есть канарейка на 5 % и алерт на 80 % пула.",
    ),
    "said to stand elsewhere": (
        "Alert thresholds at 80 % are given in appendix A, the canary plan in appendix B.",
        "Пороги алертов на 80 % приведены в приложении А, план канарейки — в приложении Б.",
    ),
}


@pytest.mark.parametrize("language", [0, 1])
@pytest.mark.parametrize("kind", sorted(TAKEN_LEAVE_OF))
def test_what_a_text_takes_leave_of_counts_for_nothing(kind: str, language: int) -> None:
    text = TAKEN_LEAVE_OF[kind][language]
    reading = reading_of(text, Context())
    named = [
        m.concept
        for s in reading.sentences
        for m in s.matches
        if m.concept in ("prevent.canary", "detect.alert")
    ]
    assert not named
    assert judge(text, "action-items").overall < 0.3


@pytest.mark.parametrize(
    "text",
    [
        "The DBA suggested a bigger pool; I refused, because the queue would move into PostgreSQL.",
        "Коллега предложил увеличить пул. Я отказался: очередь ушла бы в PostgreSQL.",
        "We looked at caching, a bigger pool and a restart. None of it helped, so I took a heap dump.",
        "Пробовали кеш, пул побольше и рестарт. Ничего из этого не помогло, и я снял дамп.",
        "Rejected: a bigger pool, since it moves the queue into the database.\nWe cap retries at 10 %.",
        "В приложении ждём соединения не дольше 250 мс.",
        "ALTER ждал чужой отчёт, а за ним выстроились запросы.",
        "Удаление таблицы - в два шага, с карантином 14 дней.",
        "The replica was rejected by the health check at 14:02.",
    ],
)
def test_choices_explained_and_what_was_tried_stay(text: str) -> None:
    assert not [s for s in reading_of(text, Context()).set_aside if s.reason == "disowned"]


def test_leave_reaches_back_to_where_the_report_began_and_no_further() -> None:
    text = "We cap retries at 10 % of calls.\n\nIn the discussion Ivan proposed a canary at 5 %. Marina insisted on a drill. I include none of it."
    reading = reading_of(text, Context())
    assert [s.span.text.strip() for s in reading.sentences] == ["We cap retries at 10 % of calls."]
