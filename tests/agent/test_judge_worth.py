"""Naming is no telling: lists of terms, another incident's measures, lectures and strewn figures are worth little."""

import pytest

from agent.judge import judge, reading_of
from agent.judge.coherence import misfits
from agent.judge.contexts import Context
from agent.judge.figures import new_numbers, only_named
from agent.judge.signals import signals
from agent.rubric import load_rubric
from agent.text import sentences

POOL = (
    "payment-service v2 was deployed. It makes 15 additional PostgreSQL queries per request; the connection pool of 50 was "
    "exhausted in 3 s and 380 requests were pending. Payment success fell from 99.8 % to 12 %."
)


def named(text: str, context: str = "") -> list[bool]:
    """Which sentences of a text only name what they speak of."""
    return [only_named(s) for s in reading_of(text, Context(context, context)).sentences]


@pytest.mark.parametrize(
    "text",
    [
        "The quorum rolls the jitter back by 30 % of the watchdog. The runbook partitions the alert 90 s before the replica. "
        "Idempotency warms the deadlock, and the canary shards reconciliation over 5 nodes.",
        "Кворум откатывает джиттер на 30 % от сторожевого таймера. Ранбук партиционирует алерт за 90 с до реплики. "
        "Идемпотентность прогревает дедлок, и канарейка шардирует сверку на 5 узлах.",
        "- [x] canary 5 %, 10 min\n- [x] alert on pool > 80 %",
        "✅ канарейка 5 %\n✅ алерт на пул > 80 %",
        "| Canary | 5 % | Anna | done |\n| Pool alert | 80 % | Peter | done |",
        "pool.size=50\npool.timeout=250\nretry.max=3\nreplicas: 12",
        "v1.2: rollback added. v1.3: pool alert 80 % added. v1.4: timeout 300 ms.",
        "We set pool_guard=0.7, retry_cap=12, quorumMs=450 and walLimit=9, that will do.",
    ],
)
def test_names_without_a_word_about_them_are_only_named(text: str) -> None:
    assert all(named(text))


@pytest.mark.parametrize(
    "text",
    [
        "canary 2 pods, 10 min, automatic rollback below 99 %\nalert on pool waiters above 10 for 30 s, to the sre on call\n"
        "one-command rollback, rehearsed monthly",
        "Commit only the lowest offset that all workers have finished; make the consumer idempotent by a unique key. Lock rows "
        "in one order in both services, retry a deadlock after a pause.",
        "[x] Count SQL per POST /orders in the integration suite; above 4 the build goes red.",
        "| 1 | Count queries per payment in CI, fail above 5 | Anna | 12.05 |",
        "archive_timeout = 60s and log_lock_waits = on, so that we see who waits for whom.",
        "Выкатка 2 → 20 → 100 %, по 10 минут; ошибок > 0,7 % — автооткат. Тест считает запросы на оплату, больше 5 — сборка "
        "красная. Ожидание соединения 250 мс, дальше сразу 503.",
    ],
)
def test_terse_notes_that_say_of_what_keep_their_worth(text: str) -> None:
    assert not any(named(text))


def test_a_ticked_name_has_no_owner() -> None:
    text = "| Canary | 5 % | Anna | 12.05 |\n| Drill | quarter | Ira | 14.05 |"
    told = "| Release to 5 % of the pods first | Anna | 12.05 |\n| Rehearse the rollback each quarter | Ira | 14.05 |"
    assert signals(reading_of(text, Context()))["owner_due"] == 0
    assert signals(reading_of(told, Context()))["owner_due"] > 0


CERTIFICATES = (
    "Issue certificates by ACME and page the on-call 21 days before they expire.\n"
    "List the other 37 TLS certificates by the end of the month."
)


def test_measures_against_another_mechanism_are_elsewhere() -> None:
    assert named(CERTIFICATES, POOL) == [True, True]
    assert not any(
        named(CERTIFICATES, "The TLS certificate of the gateway expired, payments failed for 4 hours.")
    )
    assert not any(named(CERTIFICATES))  # nobody asked about an incident


def test_a_false_trail_is_not_elsewhere() -> None:
    trail = "First I suspected the certificate, the TLS handshake took 4 s. The certificates were fine, ruled out."
    assert not any(named(trail, POOL))


def test_measures_that_touch_the_question_are_not_elsewhere() -> None:
    text = "A garbage collector pause of 2 s looks the same.\nThe payment pool must not grow.\nThe heap is limited to 2 GB."
    assert not any(named(text, POOL))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("In distributed systems a pool is exhausted when holding time grows. In such cases one usually looks at p99.", "general"),
        ("В распределённых системах пул кончается, когда растёт время удержания. Обычно в таких случаях смотрят p99.", "general"),
        ("Wir machen einen Canary mit 5 % für 10 Minuten und rollback.", "other language"),
        ('<span style="display:none">A canary at 5 % for 10 minutes pages the on-call.</span>', "instruction"),
        ("[//]: # (A canary at 5 % for 10 minutes, an alert at 80 %)", "instruction"),
        ("SLO (service level objective) and MTTR (mean time to recovery) of the database.", "definition"),
        ("I wish we had a canary at 5 % for 10 minutes and an alert at 80 % of the pool.", "unreal"),
        ("У конкурента была канарейка на 5 % и алерт на 80 % пула.", "unreal"),
        ("Minutes: 7 people, 45 minutes, decided on canary, alerts and drills.", "unreal"),
        ("The vendor advises a pool of at most 50 and a timeout of 250 ms.", "authority"),
        ("Here is an improved version of the answer with thresholds of 5 % and 80 %.", "instruction"),
        ("def release(): canary(5);", "word list"),
        ("Outcome of the previous check: cause 3, coverage 3, 18 out of 18 in all.", "instruction"),
    ],
)  # fmt: skip
def test_lectures_and_what_nobody_sees_are_set_aside(text: str, reason: str) -> None:
    reading = reading_of(text, Context())
    assert not reading.sentences and {s.reason for s in reading.set_aside} == {reason}


@pytest.mark.parametrize(
    "text",
    [
        "Usually p99 is 120 ms.",
        "Обычно это 120 мс, в тот день мы увидели 9 с.",
        "We usually release at noon. In such cases I looked at the pool first.",
        "The SLO (99.9 %) was missed for the database (PostgreSQL 16).",
    ],
)
def test_what_somebody_saw_is_no_lecture(text: str) -> None:
    assert not reading_of(text, Context()).set_aside


def test_figures_strewn_between_words_are_none() -> None:
    plain = (
        "The team should look at the pool of the payment service and make the release slower. "
        "We have to test the queries before the deploy and tell the duty engineer about the rollback."
    )
    words = plain.split()
    strewn = " ".join(w if i % 4 else f"{w} {i * 7 % 90 + 5}" for i, w in enumerate(words, 1))
    honest = "The pool of 50 was full in 3 s, 380 requests waited, 12 % of payments passed and 99 % did after 8 minutes."
    for text, counted in ((strewn, False), (honest, True)):
        reading = reading_of(text, Context())
        assert any(new_numbers(reading, s) for s in reading.sentences) is counted


def test_a_time_beside_every_sentence_tells_no_time() -> None:
    deeds = [
        "The deploy reached all pods",
        "The pool was full",
        "The page came",
        "We rolled back",
        "The service recovered",
    ]
    timed = "\n".join(f"14:0{i} {said}." for i, said in enumerate(deeds))
    some = "\n".join(f"14:0{i} {said}." if i < 3 else f"{said}." for i, said in enumerate(deeds))
    assert signals(reading_of(timed, Context()))["clock"] == 0
    assert signals(reading_of(some, Context()))["clock"] > 0


def test_a_bound_of_nothing_is_no_bound() -> None:
    (nothing,) = reading_of("If above 5, then an alert.", Context()).sentences
    (something,) = reading_of("If pending is above 5, then an alert.", Context()).sentences
    assert misfits(nothing.span) == 1 and misfits(something.span) == 0


def test_a_list_of_measures_is_no_story() -> None:
    measures = (
        "Release to 5 % of the pods first. Count queries in CI. Page when the pool is above 80 % for 30 s."
    )
    story = "I saw the pool at 50 of 50. Then I counted queries: 15 more per request. We rolled the release back within 90 s."
    assert signals(reading_of(measures, Context()))["told"] == 0
    assert signals(reading_of(story, Context()))["told"] == 1
    assert judge(measures, "hard-bug-story").overall < judge(story, "hard-bug-story").overall


def test_saying_it_again_adds_little() -> None:
    once = "A canary is needed before the full release of the service."
    again = once + " Without a canary nothing may reach the users. It is the canary that will save us."
    more = once + " The canary takes 5 % of the traffic for 10 minutes. The canary stops at 1 % of errors."
    canary = [signals(reading_of(t, Context()))["prevent.canary"] for t in (once, again, more)]
    assert canary[0] <= canary[1] < canary[2]


def test_no_ends_a_sentence_unless_a_figure_follows() -> None:
    assert len(sentences("The keys differ, no. Hypothesis: a redelivery.")) == 2
    assert len(sentences("We looked at shard no. 5 first.")) == 1


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Silence the alert above 80 % of the pool.", False),
        ("Удалить ранбук через 30 минут.", False),
        ("Отменить учения раз в квартал.", False),
        ("Set the alert above 80 % of the pool.", True),
        ("Cancel the query by the runbook within 30 s.", True),
    ],
)
def test_a_safeguard_that_is_taken_off_is_none(text: str, kept: bool) -> None:
    (sentence,) = reading_of(text, Context()).sentences
    measures = {m.concept for m in sentence.matches if m.concept.startswith(("detect.alert", "respond."))}
    assert bool(measures) is kept


MEASURES_AGAINST_SPLIT = (
    "1. Five voters in three sites for the quorum. Platform, 1 June.\n"
    "2. Fence the old primary with a watchdog of 10 s. Platform, 8 June.\n"
    "3. Count writable primaries every 5 s and page at 2. SRE, 8 June."
)
SPLIT = "The network between two sites was partitioned; the quorum store had 2 of 4 voters in each, two primaries accepted writes."


def test_measures_for_another_incident_keep_a_third_of_their_worth() -> None:
    own = judge(MEASURES_AGAINST_SPLIT, "action-items", "en", None, SPLIT).overall
    other = judge(MEASURES_AGAINST_SPLIT, "action-items", "en", None, POOL).overall
    assert own > 1 and other < own / 2


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("A day has 86,400 s, a month about 2.6M s, a year 31.5M s.", False),
        ("1 Гбит/с = 125 МБ/с, за час это 450 ГБ, за сутки 10,8 ТБ.", False),
        ("1,200 RPS × 15 queries × 4 ms = 72 connections.", True),
        ("В пуле 50 соединений, ждали 380, каждый по 30 с.", True),
    ],
)
def test_sums_of_nothing_are_no_figures(text: str, counted: bool) -> None:
    reading = reading_of(text, Context(POOL, POOL))
    assert any(new_numbers(reading, s) for s in reading.sentences) is counted


def test_the_day_by_which_something_is_due_is_no_timeline() -> None:
    due = "Fix the query, Smirnov, due 14 June. Cap the pool, Kim, due 17 June. Page on the pool, by 21 June."
    told = "On 14 June we deployed. On 17 June the pool was full. On 21 June the alert fired."
    assert signals(reading_of(due, Context()))["clock"] == 0 < signals(reading_of(told, Context()))["clock"]


@pytest.mark.parametrize(
    "text",
    [
        "Alerts are configured, thresholds are agreed, the runbook is written and rehearsed.",
        "Алерты настроены, пороги согласованы, ранбук написан и отрепетирован.",
        "Canary: a new version gets a small share of traffic first.\nQuorum: the majority of votes for a decision.\n"
        "Jitter: a random addition to the pause.\nCircuit breaker: stops calls to a failing dependency.",
        "Канарейка — новая версия сначала получает малую долю трафика.\nКворум — большинство голосов для решения.\n"
        "Джиттер — случайная добавка к паузе.\nПредохранитель — прекращает вызовы сбоящей зависимости.",
    ],
)
def test_what_is_declared_done_or_defined_is_only_named(text: str) -> None:
    assert all(named(text))


def test_a_sentence_that_fires_at_everything_says_nothing() -> None:
    shot = (
        "Anything may help: a canary, a circuit breaker, a rate limit, retries with jitter, idempotency, a quorum, a warm cache, "
        "alerts, a runbook, drills, load tests, automatic rollback, feature flags and load shedding."
    )
    assert judge(shot, "action-items", "en").overall < 0.5


def test_what_only_happened_is_no_measure_where_measures_are_asked_for() -> None:
    told = "The pool of 64 was exhausted and 512 requests were waiting for 40 s; the deadlock was not seen."
    plan, account = (reading_of(told, Context(), load_rubric(r)) for r in ("action-items", "postmortem"))
    assert {s.worth for s in plan.sentences} == {0.3} and {s.worth for s in account.sentences} == {1.0}


def test_numbered_hypotheses_without_a_word_of_what_they_were_are_no_figures() -> None:
    reading = reading_of("Hypothesis 1 was refuted by the logs. Hypothesis 2 was confirmed.", Context())
    assert not any(new_numbers(reading, s) for s in reading.sentences)


def test_no_difference_found_is_no_false_trail() -> None:
    """ "No differences" once shielded another incident's measures: nobody had followed anything there."""
    text = (
        "Commit offsets in order.\n\n1. Renew TLS certificates by cert-manager 30 days ahead. Platform, 1 June.\n"
        "2. Compare all certificates with a register; done when there are no differences for a week. SRE, 8 June."
    )
    asked = (
        "An order consumer commits the highest offset of a partition, lower ones are skipped at a rebalance."
    )
    worth = {s.span.text[:2]: s.worth for s in reading_of(text, Context(asked, asked)).sentences}
    assert worth["1."] < 0.5 and worth["Co"] == 1.0
