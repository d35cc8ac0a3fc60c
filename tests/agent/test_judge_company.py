"""Terms joined by grammar alone say nothing; unusual thoughts and terse notes keep what they say."""

from pathlib import Path

import pytest

from agent.judge import judge, reading_of
from agent.judge.company import load_company
from agent.judge.contexts import Context
from agent.rubric import RubricError

NONSENSE = {
    "ru": "Поэтому мы заранее прогреваем идемпотентность через кворум ранбука на дежурном алерте. Канарейка откатывает "
    "репликацию дедлока, пока партиция сверяет бюджет таймаутов с учениями шарда.",
    "en": "That is why we warm the idempotency of the quorum runbook ahead of every canary alert. A partition throttles the "
    "deadlock drill, while the on-call replica reconciles its jitter with the rollback shard.",
}
SENSE = {
    "ru": "Повторы возвращались быстрее, чем пул освобождал соединения, поэтому откат релиза не снял нагрузку с реплики. "
    "Перед выкаткой прогреваем кеш, а дежурный откатывает одной командой из ранбука.",
    "en": "Retries came back faster than the pool freed connections, so rolling the release back did not take the load off the "
    "replica. Before a rollout we warm the cache, and the on-call rolls back with one command from the runbook.",
}


@pytest.mark.parametrize("language", ["ru", "en"])
def test_terms_in_company_they_never_keep_count_for_nothing(language: str) -> None:
    assert {s.worth for s in reading_of(NONSENSE[language], Context()).sentences} == {0.0}
    assert {s.worth for s in reading_of(SENSE[language], Context()).sentences} == {1.0}


@pytest.mark.parametrize("language", ["ru", "en"])
def test_nonsense_behind_a_text_adds_nothing(language: str) -> None:
    before = judge(SENSE[language], "action-items").overall
    assert judge(f"{SENSE[language]} {NONSENSE[language]}", "action-items").overall <= before + 0.1


def test_a_link_is_weighed_by_how_often_it_was_written() -> None:
    company = load_company()
    assert company.weight(("mech.pool", "mitigate.timeout")) > company.weight(
        ("mech.locks", "prevent.canary")
    )
    assert company.weight(("mech.locks", "prevent.canary")) < 0


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "company.json").write_text('{"sentences": 3}', encoding="utf-8")
    with pytest.raises(RubricError, match=r"^company.json: not readable: KeyError"):
        load_company(tmp_path)
