"""The written plan: which steps the review sees, in which order, and what it asks; in both languages."""

import pytest

from simulator.planning.review import judge
from simulator.scenario import load
from simulator.world import World
from tests.simulator.migration_scene import do

GOOD = {
    "en": "1. ADD COLUMN with lock_timeout\n2. dual write in v9.5.0\n3. backfill in batches, watch lag\n4. verify counts\n"
    "5. switch reads by flag\n6. DROP COLUMN total\nrollback: the flag; watch disk and WAL",
    "ru": "1. Добавить колонку, lock_timeout\n2. Двойная запись, v9.5.0\n3. Дозаполнение пачками, тормоз по лагу реплики\n"
    "4. Сверка сумм\n5. Переключить чтение флагом\n6. Удалить колонку total\nоткат: флаг; следим за диском и WAL",
}


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_whole_plan_is_approved_in_either_language(language: str):
    spec = load("migration-100m").plan
    assert spec is not None
    review = judge(spec, GOOD[language], language)
    assert review.approved and not review.advice
    assert len(review.found) == len(spec.steps)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_each_missing_step_is_asked_for(language: str):
    spec = load("migration-100m").plan
    assert spec is not None
    lines = GOOD[language].split("\n")
    for missing in range(6):
        review = judge(spec, "\n".join(x for n, x in enumerate(lines) if n != missing), language)
        assert not review.approved, lines[missing]


def test_a_step_before_what_it_needs_is_noticed():
    spec = load("migration-100m").plan
    assert spec is not None
    lines = GOOD["en"].split("\n")
    lines[1], lines[2] = lines[2], lines[1]
    remarks = judge(spec, "\n".join(lines), "en").remarks
    assert remarks == ["“back-fill in batches” comes before “dual write”: it must follow it."]


def test_the_verb_keeps_the_text_and_says_what_is_wrong_with_it():
    world = World(load("migration-100m"), 1, language="ru")
    assert do(world, "plan review").code == 1
    assert do(world, "plan write").code == 2
    assert "Не согласовано" in do(world, "plan write 'просто сделаем ALTER'; plan review").out
    assert do(world, "plan frob").code == 2
    assert do(world, f"plan write '{GOOD['ru']}'").code == 0
    assert "Согласовано" in do(world, "plan review").out
    assert "Сверка" in do(world, "plan show").out
    assert do(world, "plan write '" + "x" * 30_000 + "'").code == 1
    assert any(e.kind == "plan" for e in world.events)
    other = World(load("payment-pool"), 1)
    assert "nothing here asks for a plan" in do(other, "plan show").err
