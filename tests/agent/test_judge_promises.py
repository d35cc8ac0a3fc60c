"""A requirement, an idempotent upsert or a promise refuted is no false guarantee; trust in a word still is."""

import pytest

from agent.concepts import load_lexicon
from agent.judge import judge
from agent.judge.reading import read
from agent.rubric import LEXICON_FILE, RUBRICS
from agent.text import Language

AGAINST = ("harm.", "vague.absolute")


def counted(sentence: str) -> list[str]:
    """What counts against a sentence of a design."""
    told = read(sentence, load_lexicon(RUBRICS / LEXICON_FILE), "Design a wallet", incident=False)
    return [m.concept for s in told.sentences for m in s.matches if m.concept.startswith(AGAINST)]


@pytest.mark.parametrize(
    "sentence",
    [
        "A refund comes back exactly once, whatever the client retries: the ledger has a unique key on (order, kind).",
        "Requirement: a payment is charged exactly once from the user's point of view; at-least-once delivery plus an idempotency key.",
        "Two captures for one order must never happen: the unique index refuses the second.",
        "Money must never be lost: a write is acknowledged only after a synchronous replica has it.",
        "INSERT ... ON CONFLICT (order_id) DO UPDATE SET status = excluded.status WHERE payments.version < excluded.version.",
        "The consumer upserts with ON CONFLICT DO NOTHING, so a redelivered event changes nothing.",
        "ON CONFLICT DO UPDATE makes the projection idempotent: a replayed event gives the same row.",
        "We do not rely on exactly-once in Kafka: at-least-once plus a dedup table.",
        "Exactly-once delivery does not exist across HTTP, therefore every call carries an idempotency key.",
        "The bonus is credited exactly once because event_id is the primary key of the ledger.",
        "Delivery is at least once; the effect is exactly once thanks to the inbox table.",
        "Overselling must never happen, at 2000 rps, with p99 below 300 ms.",
        "No distributed lock: a conditional UPDATE decides.",
        "Instead of two-phase commit we use a saga with compensations.",
        "Списание должно произойти ровно один раз: exactly once по эффекту даёт уникальный ключ операции.",
        "Двойное списание не должно случиться никогда: уникальный индекс по (order_id, kind).",
        "INSERT ... ON CONFLICT (id) DO UPDATE, повторное событие даёт ту же строку.",
        "Exactly once не обещаем: доставка at least once, дубли отсекает inbox.",
        "Требование: деньги списываются exactly once, поэтому ключ идемпотентности хранится в той же транзакции.",
        "На exactly-once кафки не полагаемся, потребитель идемпотентен.",
        "Потерять заказ нельзя ни при каких условиях: подтверждаем после записи на две реплики.",
        "Вместо распределённой блокировки - условный UPDATE.",
        "Read committed is not enough here: two readers see the same balance, so we take the row FOR UPDATE.",
        "Read committed здесь мало: строку берём FOR UPDATE.",
        "Every payout lands exactly once; the operation id is the primary key of payouts.",
        "The customer must see one debit, exactly once, even after three retries of the app.",
        "A withdrawal must never leave the balance below zero: UPDATE ... WHERE balance >= amount.",
        "Exactly-once is a marketing word: consumers get duplicates and drop them by event id.",
        "Upsert by (merchant, day) with ON CONFLICT DO UPDATE, safe to replay.",
        "Бонус начисляется exactly once: уникальный индекс по event_id.",
        "Клиент увидит ровно одно списание, сколько бы раз ни повторил запрос.",
        "Мы не верим в exactly-once, дубли отбрасываем по id.",
        "Повторная вставка через ON CONFLICT DO NOTHING ничего не меняет.",
        "Transactions in Kafka give exactly once only inside Kafka; the bank call needs its own key.",
        "An email goes out exactly once per order, the outbox row is marked under a unique key.",
    ],
)
def test_a_requirement_or_a_carried_effect_is_no_false_guarantee(sentence: str) -> None:
    assert counted(sentence) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Kafka gives us exactly-once, so no idempotency needed.",
        "Kafka guarantees exactly once delivery, duplicates are impossible.",
        "With exactly-once semantics enabled we do not need idempotency keys.",
        "Exactly once is guaranteed by the broker.",
        "We enable exactly once in Kafka and the payments are safe.",
        "We use exactly-once delivery between the services.",
        "Redlock protects the balance from concurrent withdrawals.",
        "Master-master replication syncs itself.",
        "Data loss can never happen because Kafka is durable.",
        "Кафка даёт exactly-once, поэтому идемпотентность не нужна.",
        "Включаем exactly once, и дублей не будет.",
        "Exactly once гарантирует, что дублей нет.",
        "Между сервисами exactly-once доставка.",
        "Redlock гарантирует, что списание будет одно.",
        "Last write wins решает конфликты балансов.",
        "Exactly-once semantics are achieved along the whole path, and additional checks become redundant.",
        "Тем самым достигается семантика exactly-once на всём пути, и проверки становятся избыточными.",
        "The pipeline is built with exactly-once processing.",
        "We deliver every message exactly once.",
        "Kafka delivers each order exactly once.",
        "Каждое сообщение кафка обрабатывает exactly once.",
        "RabbitMQ ensures exactly once, so duplicates are not our concern.",
        "Exactly-once mode on, we can drop the dedup table.",
        "With exactly once we don't need the unique index.",
        "The bus is exactly-once.",
        "Шина гарантирует exactly once, ключи не нужны.",
        "Flink обеспечивает exactly-once до самого банка.",
    ],
)
def test_trust_in_a_word_is_a_false_guarantee(sentence: str) -> None:
    assert counted(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Such incidents must never happen again.",
        "Outages must never happen.",
        "We guarantee that nothing is ever lost.",
    ],
)
def test_a_wish_stays_a_wish(sentence: str) -> None:
    assert "vague.absolute" in counted(sentence)


DESIGN = {
    "en": (
        "The ledger is the source of truth: one row an operation, written in the same PostgreSQL transaction as the "
        "outbox event. {} At 900 rps and 1 KB a row that is 78 GB a day, so partitions by week. If the bank is slow, "
        "a 2 s deadline and a breaker keep the queue short; p99 stays below 300 ms.",
        "A charge is applied exactly once: the operation id is a unique key.",
        "Kafka gives us exactly-once, so no idempotency is needed.",
    ),
    "ru": (
        "Источник истины - журнал: строка на операцию, в одной транзакции PostgreSQL с событием аутбокса. {} При 900 rps "
        "и 1 КБ на строку это 78 ГБ в день, поэтому партиции по неделям. Если банк тормозит, дедлайн 2 с и брейкер "
        "не дают расти очереди; p99 ниже 300 мс.",
        "Списание применяется exactly once: номер операции - уникальный ключ.",
        "Кафка даёт exactly-once, поэтому идемпотентность не нужна.",
    ),
}


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_grade_tells_a_carried_effect_from_a_trusted_word(language: Language) -> None:
    design, carried, trusted = DESIGN[language]
    good, bad = (judge(design.format(said), "system-design", language).overall for said in (carried, trusted))
    assert good > bad
