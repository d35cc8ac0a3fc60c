"""The embedded judge on small texts of our own: order, monotony, quotes, evidence, determinism."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.judge import Judgement, judge
from agent.rubric import RUBRIC_IDS
from agent.verdict import Quote

ROOT = Path(__file__).resolve().parents[2]

STRONG = {
    "ru": "1. Счётчик SQL на один POST /orders в интеграционном тесте, больше 4 — сборка красная. Инна, до 14.05.\n"
    "2. Выкатка 2 → 20 → 100 %, по 10 минут; доля ошибок > 0,7 % — автооткат без человека. Платформа, 2 недели.\n"
    "3. Ожидание соединения 250 мс, очередь не больше 80, дальше сразу 503 с Retry-After. Инна, до 10.05.\n"
    "4. Алерт: pending > 5 дольше 20 с будит дежурного. SRE, завтра.\n"
    "5. Откат одной командой, учения раз в месяц, цель 90 с. Дежурный, июнь.\n"
    "Пул не увеличиваем: база упирается в CPU, очередь лишь переехала бы. Критерий: повторяем релиз на стенде, пейджа нет.",
    "en": "1. Count SQL per POST /orders in the integration suite; above 4 the build goes red. Inna, by 14 May.\n"
    "2. Roll out 2 → 20 → 100 %, 10 minutes each; error share > 0.7 % reverts automatically. Platform team, 2 weeks.\n"
    "3. Acquire timeout 250 ms, wait queue max 80, then an immediate 503 with Retry-After. Inna, by 10 May.\n"
    "4. Alert: pending > 5 for 20 s pages on-call. SRE, tomorrow.\n"
    "5. One-command rollback, rehearsed monthly, target 90 s. On-call lead, June.\n"
    "We do not enlarge the pool: the database is CPU-bound, the queue would just move. Proof: replay the release, no page.",
}
WEAK = {
    "ru": "Нужно улучшить мониторинг и повысить качество тестирования. Рассмотреть внедрение лучших практик. "
    "Разработчикам быть внимательнее, провести обучение и обновить регламент взаимодействия.",
    "en": "We should improve monitoring and the quality of testing. Consider adopting best practices. "
    "Developers should be more careful; hold a training and update the communication policy.",
}
HARMFUL = {
    "ru": "Увеличить пул соединений до 5000, поднять таймаут до 120 секунд. Повторять запрос, пока не придёт успех. "
    "Канарейка не нужна, она только замедляет релизы.",
    "en": "Increase the connection pool to 5000 and raise the timeout to 120 seconds. Retry the request until it succeeds. "
    "A canary is not needed, it only slows releases down.",
}
STORY = (
    "Payments froze for exactly 200 s a few times a day; 40 orders an hour were lost and everybody blamed the bank. I was "
    "on call and could not restart the gateway during the sale. I suspected garbage collection first, but the GC log showed "
    "12 ms pauses, so that was ruled out. Then I compared two tcpdump captures: our packets left, no ACK came back, and only "
    "on sockets idle for more than 300 s. The firewall forgot idle flows silently. I set keepalive to 60 s on one pod first, "
    "because a change on all 30 at once was a risk; I rejected a longer timeout since it would only hide the loss. Freezes "
    "fell from 9 a day to 0 and have stayed there for 5 months. My mistake: I trusted averages for two days. The setting is "
    "now in the service template, and 6 other teams use it."
)

NOISE = 0.02  # of 3: below what any mark shows


def overall(text: str, rubric: str = "action-items") -> float:
    return judge(text, rubric).overall


@pytest.mark.parametrize("language", ["ru", "en"])
def test_strong_beats_weak_beats_nothing_and_harm_earns_little(language: str) -> None:
    assert overall(STRONG[language]) > 2.0
    assert overall(WEAK[language]) < 1.0
    assert overall(HARMFUL[language]) < 0.7
    assert overall("") == 0.0


def test_a_short_strong_text_beats_a_long_empty_one() -> None:
    terse = "\n".join(STRONG["en"].splitlines()[:4])
    assert overall(terse) > overall(" ".join([WEAK["en"], WEAK["en"].replace("should", "must")] * 3)) + 1.0


@pytest.mark.parametrize("language", ["ru", "en"])
def test_each_concrete_measure_adds_or_keeps(language: str) -> None:
    lines = STRONG[language].splitlines()
    grown = [overall("\n".join(lines[:n])) for n in range(1, len(lines) + 1)]
    assert all(later >= earlier - 0.02 for earlier, later in zip(grown, grown[1:], strict=False))
    assert overall(WEAK[language] + "\n" + lines[1]) > overall(WEAK[language])


@pytest.mark.parametrize("language", ["ru", "en"])
def test_padding_never_raises(language: str) -> None:
    for base in (STRONG[language], WEAK[language], HARMFUL[language]):
        assert overall(base + "\n" + WEAK[language].replace("тест", "тест ")) <= overall(base) + NOISE


def test_the_two_languages_agree() -> None:
    for texts in (STRONG, WEAK, HARMFUL):
        assert abs(overall(texts["ru"]) - overall(texts["en"])) < 0.6


def test_a_good_story_scores_and_is_quoted() -> None:
    said = judge(STORY, "hard-bug-story")
    assert said.overall > 1.8
    quoted = " ".join(q.text for q in said.levels["investigation"].quotes)
    assert "ruled out" in quoted or "tcpdump" in quoted


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *STRONG["ru"].splitlines(),
                *STRONG["en"].splitlines(),
                WEAK["ru"],
                HARMFUL["en"],
                "\u200b",
                "| a | b |",
            ]
        )
    ),
    st.sampled_from(RUBRIC_IDS),
)
def test_levels_are_numbers_in_range_and_every_credit_has_a_true_quote(parts: list[str], rubric: str) -> None:
    text = "\n".join(parts)
    said = judge(text, rubric)
    assert 0.0 <= said.overall <= 3.0
    for verdict in said.levels.values():
        assert verdict.level is not None and 0.0 <= verdict.level <= 3.0
        assert all(q.holds_in(text) for q in verdict.quotes)
        assert verdict.quotes or verdict.level == 0.0
        assert verdict.why


def test_the_reason_speaks_the_language_of_the_text() -> None:
    assert any("а" <= c <= "я" for c in judge(WEAK["ru"], "action-items").levels["specific"].why)
    why = judge(WEAK["en"], "action-items").levels["specific"].why
    assert not any("а" <= c <= "я" for c in why)


def test_replays_override_effective_and_move_the_overall() -> None:
    plain = judge(STRONG["en"], "action-items")
    item = (Quote(0, 9, STRONG["en"][:9]),)
    useless = judge(
        STRONG["en"],
        "action-items",
        evidence={"effective": 0.0, "why": "run 7: nothing changed", "quotes": item},
    )
    perfect = judge(
        STRONG["en"],
        "action-items",
        evidence={"effective": 3.0, "why": "run 8: no failed request", "quotes": item},
    )
    assert useless.levels["effective"].source == "simulator"
    assert useless.levels["effective"].why == "run 7: nothing changed"
    assert useless.overall < plain.overall <= perfect.overall + 1e-9
    assert perfect.levels["effective"].quotes == item
    assert judge("", "action-items", evidence={"effective": 3.0, "why": "x", "quotes": item}).overall == 0.0


def test_context_numbers_are_not_the_authors_own() -> None:
    text = "The pool of 50 held 380 pending requests at 1,200 RPS for 8 minutes."
    own = judge(text, "action-items").levels["specific"].level
    given_ = (
        judge(text, "action-items", context_text="pool 50, 380 pending, 1,200 RPS, recovery 8 minutes")
        .levels["specific"]
        .level
    )
    assert own is not None and given_ is not None and given_ < own


def test_a_scenario_id_supplies_the_context() -> None:
    said = judge(STRONG["ru"], "action-items", context_id="payment-pool")
    assert isinstance(said, Judgement)
    assert judge(STRONG["ru"], "action-items", context_id="../payment-pool").overall == overall(STRONG["ru"])


def test_output_is_the_same_in_every_process() -> None:
    code = (
        "import json,sys; from agent.grade import grade_record\n"
        "print(json.dumps([grade_record(r) for r in json.load(sys.stdin)], ensure_ascii=False))"
    )
    records = [
        {"id": "a", "kind": "action-items", "context": "payment-pool", "lang": "ru", "text": STRONG["ru"]},
        {"id": "b", "kind": "story", "context": None, "lang": "en", "text": STORY},
    ]
    answers = set()
    for seed in ("0", "1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps(records),
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        )
        answers.add(done.stdout)
    assert len(answers) == 1


def test_importing_the_judge_loads_no_dictionaries() -> None:
    code = "import agent.grade, sys; print([m for m in ('pymorphy3', 'snowballstemmer', 'numpy', 'simulator.scenario') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_a_long_text_is_bounded_work() -> None:
    judge("warm", "postmortem")
    begun = time.perf_counter()
    judge("The pool was full, so requests waited. " * 20_000, "postmortem")
    assert time.perf_counter() - begun < 8.0
