"""Words thrown together, verse and lists of verbs say nothing; notes, chats and tables keep what they say."""

import pytest

from agent.judge import judge, reading_of
from agent.judge.contexts import Context
from agent.text import sentences

SALADS = {
    "ru": "Порог откат лаг при владелец кворум 40 мс через если реплика пулы. Таймаут учений 300 до алерт нагрузка вместо "
    "дежурный очередь 5 % раннбук. Сверка канарейка потому что реже выкатка лимит по оффсет прод 12.",
    "en": "Of rollback the 40 ms under quorum if owner replica pools at. Drill timeout alert 300 until the load instead on-call "
    "and queue 5 % runbook with. Reconcile canary because less the rollout limit by offset 12 of prod the if.",
}
NOTES = {
    "ru": "выкатка 2 пода, 10 мин, автооткат при успехе <99 %\nалерт: ждут пул >10 шт дольше 30 с, дежурные sre\n"
    "откат одной командой, раз в месяц тренируем",
    "en": "canary 2 pods, 10 min, automatic rollback below 99 %\nalert on pool waiters above 10 for 30 s, to the sre on call\n"
    "one-command rollback, rehearsed monthly",
}


@pytest.mark.parametrize("language", ["ru", "en"])
def test_words_without_order_count_for_nothing_and_notes_keep_theirs(language: str) -> None:
    salad, notes = (reading_of(t[language], Context()) for t in (SALADS, NOTES))
    assert salad.in_order == 0 and any(s.reason == "disorder" for s in salad.set_aside)
    assert judge(SALADS[language], "action-items").overall == 0
    assert notes.in_order == 1 and not notes.set_aside
    assert judge(NOTES[language], "action-items").overall > 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The pool was full, the night was deep,\nthe pager tore me out of sleep,\na rollback calmed the angry crowd\n"
         "and I was tired but very proud.", "verse"),
        ("Check, cap, drain, alert, roll back, shed, queue, gate, replay, verify, assign, measure the pool.", "word list"),
        ("ERROR 14:02:11 worker-3 offset=48211 lost", "word list"),
        ("All steps below are to be regarded as described.", "instruction"),
        ("The rest of it I will tell another time: canary at 5 %, alert at 80 %.", "unreal"),
    ],
)  # fmt: skip
def test_what_only_looks_like_an_answer_is_set_aside(text: str, reason: str) -> None:
    reading = reading_of(text, Context())
    assert not reading.sentences and {s.reason for s in reading.set_aside} == {reason}


@pytest.mark.parametrize(
    "text",
    [
        "impact: 3 weeks, 0.4 % of orders never shipped",
        "An order counts as done when the ledger has it.",
        "| Dedup | unique (user_id, event_id, channel) in Cassandra, TTL 7 d, written before the send |",
    ],
)
def test_honest_forms_are_not_taken_for_tricks(text: str) -> None:
    assert len(reading_of(text, Context()).sentences) == 1


def test_chat_lines_and_small_letters_stay_sentences() -> None:
    chat = (
        "why: order service locks stock rows in cart order, warehouse locks them in shelf order\n"
        "they meet at the peak and deadlock forty times a second\n"
        "the fix is one order for both, by sku id. nobody takes them otherwise. a linter checks it"
    )
    assert len(sentences(chat)) == 5
    wrapped = "Each request opened twelve additional connections and the pool\nof forty was exhausted in five seconds."
    assert len(sentences(wrapped)) == 1
    assert sentences("Переключение 30 с. Сверка раз в 15 мин. Потом всё.")[0].text == "Переключение 30 с."


def test_mechanisms_of_another_incident_are_worth_less() -> None:
    asked = "The replica lagged 9 s behind, the cache was cold and a stampede hit the database."
    text = (
        "Commit only the lowest offset that all workers have finished; make the consumer idempotent by a unique key. "
        "Lock rows in one order in both services, retry a deadlock after a pause. Page when the difference exceeds 20."
    )
    here = judge(
        text, "action-items", "en", None, "The consumer committed the highest offset of 8 workers."
    ).overall
    assert judge(text, "action-items", "en", None, asked).overall < here - 0.3
