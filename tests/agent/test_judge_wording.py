"""The many ways to say a thing: who and when, how it was noticed, what fell short, in Russian and in English alike."""

import pytest

from agent.judge import judge, lexicon
from agent.judge.signals import names_day, names_owner


def found(text: str) -> set[str]:
    """Concepts that a text says and does not deny."""
    return {m.concept for m in lexicon().find(text) if not m.negated}


@pytest.mark.parametrize(
    "item",
    [
        "P0, Mei, Fri. Auto-commit off, and after that the offsets are stored only up to the first record that nobody has finished.",
        "First (Obi, by Tuesday): the store publishes in waves, one gateway, one zone, one region, then whatever is left of them",
        "Pool alert (Hana, end of the month)",
        "Wait budget of 300 ms, mid-June, Ben owns it",
        "Прогрев кэша (Лёша, чт)",
        "Прогрев кэша к пятнице, это на Ане",
        "Церемония с сейфом раз в год (безопасность, первая 10 сентября); без неё никто не помнит, у кого второй ключ",
        "Реестр сроков на этой неделе, берёт Игнат",
    ],
)
def test_a_bare_name_beside_a_day_says_who_and_when(item: str) -> None:
    assert names_owner(item)
    assert names_day(item)


@pytest.mark.parametrize(
    "item",
    [
        "Alert on the pool above 80 %, Fri.",
        "Алерт на пул выше 80 %, пятница",
        "Canary, 5 %, 10 min.",
        "Откат, одной командой, за 3 минуты",
        "Retention: 30 s in the topic",
    ],
)
def test_a_day_or_a_thing_with_a_capital_is_no_owner(item: str) -> None:
    assert not names_owner(item)


@pytest.mark.parametrize(
    "item", ["Alert on the pool, Obi", "Алерт на пул, Лёша", "В эту среду никто не спал из-за пула"]
)
def test_no_day_is_read_where_none_is_set(item: str) -> None:
    assert not names_day(item)


@pytest.mark.parametrize(
    ("concept", "russian", "english"),
    [
        ("pm.detection", "По оповещению через 2 минуты.", "We got paged on database load."),
        ("pm.detection", "О сбое написали клиенты.", "Customers emailed us first."),
        ("pm.gap", "Очередь блокировок не отображается на панели.", "Replication delay is not graphed."),
        ("pm.gap", "Могли узнать за девяносто дней.", "It could have been noticed weeks before."),
        ("pm.impact", "Чекаут лежал 31 минуту.", "Checkout was down for 31 minutes."),
        ("pm.trigger", "Истёк сертификат промежуточного центра.", "The intermediate certificate expired."),
        ("mech.capacity", "Второму не хватило железа.", "The second site could not take the load."),
        (
            "mech.locks",
            "ALTER ожидает исключительную блокировку.",
            "They locked the rows in a different sequence.",
        ),
        ("prevent.fencing", "Остановка утратившего лидерство узла.", "The minority side stops by itself."),
        ("prevent.code_fix", "Погасить старый планировщик.", "The legacy scheduler shall be decommissioned."),
        (
            "prevent.idempotency",
            "Запретить параллельный запуск задания.",
            "Exclude concurrent runs of the job.",
        ),
        ("prevent.canary", "Раскатывать волнами по зонам.", "Publish in waves, one gateway first."),
        ("prevent.visible_env", "Консоль переспрашивает имя хоста.", "The wrapper asks for the host name."),
        (
            "respond.drill",
            "Раз в полгода отрабатывать восстановление.",
            "The restore procedure wants some practice.",
        ),
        ("mitigate.backoff", "Ретраи с паузой.", "Add a delay to the retries."),
        ("role.own", "Мне было поручено найти причину.", "I was tasked with finding the cause."),
        (
            "role.constraint",
            "Дали 5 рабочих дней без права на остановку.",
            "I had six weeks left before the audit.",
        ),
        ("story.refuted", "Откатил, ничего не изменилось.", "I swapped it, no difference."),
    ],
)
def test_both_languages_say_it_their_way(concept: str, russian: str, english: str) -> None:
    assert concept in found(russian)
    assert concept in found(english)


@pytest.mark.parametrize(
    ("concept", "russian", "english"),
    [
        (
            "prevent.idempotency",
            "Номер операции уходит в банк.",
            "We pass our operation number to the bank.",
        ),
        (
            "prevent.idempotency",
            "Чтобы вторая копия задания не стартанула.",
            "So that the second copy of the job does not start.",
        ),
        ("prevent.code_fix", "Старый сервер погасить.", "Shut down the old server."),
        ("prevent.code_fix", "Считать деньги в копейках.", "Keep money as integer cents."),
        ("prevent.code_fix", "Убрать user_id из меток.", "Drop the user_id label."),
        ("prevent.least_privilege", "Токен сервисной учётке.", "The token belongs to a service account."),
        (
            "prevent.least_privilege",
            "Зону меняет только конвейер.",
            "Only the pipeline changes the zone.",
        ),
        (
            "prevent.config_check",
            "Генератор отказывается, если список пуст.",
            "The generator refuses an empty list.",
        ),
        (
            "prevent.config_check",
            "Больше 10 % изменений — стоп.",
            "More than 10 % changed means stop.",
        ),
        ("prevent.canary", "Сутки в режиме наблюдения.", "A day in observe-only mode."),
        ("prevent.canary", "Сначала на внутренних пользователей.", "Internal users first."),
        (
            "prevent.feature_flag",
            "Удалённый конфиг для приложения.",
            "Remote config for the app.",
        ),
        ("mitigate.queue_limit", "У очереди картинок max-length.", "Max-length for the queue of images."),
        ("mitigate.shed", "Отбрасывать старые сообщения.", "Drop the oldest messages."),
        ("mitigate.bulkhead", "Заказы на отдельный брокер.", "Orders on a separate broker."),
        (
            "mitigate.prescale",
            "Масштабировать воркеров по длине очереди.",
            "Scale the workers on queue length.",
        ),
        ("prevent.resource_limits", "Крутить логи по размеру.", "Rotate the logs by size."),
        ("detect.alert", "Расхождение = P1.", "A mismatch = P1."),
        (
            "detect.alert",
            "Доля 429 больше 5 % две минуты — P1.",
            "Share of 429 above 5 % for two minutes - P1.",
        ),
        (
            "detect.probe",
            "Срок сертификата снимать с живого соединения.",
            "Read the expiry from a live handshake.",
        ),
        ("detect.saturation", "Следить за ростом кучи.", "Watch the heap growth."),
        ("detect.business_metric", "Доля пустых выдач.", "The zero-result rate."),
        ("detect.reconcile", "Сходятся ли копейки с бухгалтерией.", "Do the cents match accounting?"),
        ("respond.rollback", "Хранить два прошлых индекса.", "Keep two previous indices."),
        ("respond.runbook", "Перевыпуск одной командой.", "Reissue with one command."),
        ("mech.runtime", "Память росла по 200 МБ в час.", "Memory grew by 200 MB an hour."),
        ("mech.race", "Крон остался на старой машине.", "The cron was still on the old machine."),
        ("mech.values", "Копейки терялись при сложении.", "The cents were lost in the sum."),
    ],
)
def test_ordinary_measures_and_causes_are_heard_whatever_broke(
    concept: str, russian: str, english: str
) -> None:
    assert concept in found(russian)
    assert concept in found(english)


@pytest.mark.parametrize(
    ("concept", "text"),
    [
        ("mitigate.bulkhead", "Запросы дожидались своей очереди."),
        ("prevent.least_privilege", "He was removed from the on-call and his access was revoked."),
        ("prevent.least_privilege", "Payment-service and user-service are separate."),
        ("respond.runbook", "Добавить пункт в чек-лист релиза."),
        ("respond.runbook", "Add an item to the release checklist."),
        ("verify.criterion", "Убедиться, что такого больше не будет."),
        ("verify.criterion", "Make sure that everybody is more careful."),
        ("prevent.config_check", "Проверять конфиг внимательнее."),
    ],
)
def test_what_only_looks_like_a_measure_is_not_heard_as_one(concept: str, text: str) -> None:
    assert concept not in found(text)


@pytest.mark.parametrize(
    ("concept", "text"),
    [
        ("blame.approval", "Недополучено 9 млн комиссии, звено подписано тем же ключом."),
        (
            "blame.person",
            "The stack shows a page fault in the kernel, lag cannot see this fault, the review is blameless.",
        ),
        ("blame.person", "Ограничение лечит одного виновника, а не всех."),
        ("blame.careful", "Следили за доступностью, а она была 100 %."),
        ("harm.myth", "Чётное число голосов дало двух писателей."),
        ("harm.unneeded", "With two issuers rotation is a non-event."),
        ("harm.disable_safety", "Остальное пока без срока."),
        ("vague.selfpraise", "We keep the list in Excel."),
    ],
)
def test_a_plain_word_is_not_taken_for_a_fault(concept: str, text: str) -> None:
    assert concept not in found(text)


def test_people_are_still_blamed_in_these_words() -> None:
    assert "blame.person" in found("It was the developer's fault.")
    assert "blame.person" in found("Установить виновных и наказать.")
    assert "blame.approval" in found("Все релизы под подпись руководителя, создать комиссию.")
    assert "blame.careful" in found("Надо внимательно следить за нагрузкой.")


OPEN = (
    "1. P0, Mei, Fri. Commit an offset only when all records below it are finished.\n"
    "2. P0, Jon, Wed. Compare paid orders with the warehouse every 5 min, page above 0.\n"
    "3. P1, Mei, two weeks. Kill a pod under load in CI, no record may be missing."
)


def test_names_and_days_lift_the_level_of_owned() -> None:
    bare = (
        OPEN.replace(" P0, Mei, Fri.", "").replace(" P0, Jon, Wed.", "").replace(" P1, Mei, two weeks.", "")
    )
    owned = [judge(text, "action-items", "en").levels["owned"].level or 0.0 for text in (OPEN, bare)]
    assert owned[0] > owned[1] + 1.0
