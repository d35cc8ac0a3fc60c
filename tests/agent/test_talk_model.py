"""A model in a talk that is slow, broken or lazy: how long one waits, what is said of it, what it is believed."""

from collections.abc import Callable
from typing import Any

import pytest

from agent import review_notes
from agent.interview.graph import make_debrief, take_turn
from agent.interview.prompts import RUBRIC, book
from agent.interview.turns import Interview, begin, step
from agent.model import CriterionTask, ModelFailure, PhraseTask
from agent.patience import FIRST, Patience
from agent.rubric import load_rubric
from agent.talk_wording import keeps_to
from agent.verdict import Quote, Verdict

SAID = "20 000 списаний в секунду × 1 КБ = 20 МБ/с. Шарды по payment_id, 32 штуки. Алерт при 30 с."


class Scripted:
    """A model whose phrases and verdicts are functions; counts what it was asked."""

    name = "scripted"

    def __init__(self, judge: Callable[[CriterionTask], Verdict] | None = None, kind: str = "") -> None:
        self.judge, self.kind, self.asked = judge, kind, 0

    def phrase(self, task: PhraseTask) -> str:
        self.asked += 1
        if self.kind:
            raise ModelFailure(self.kind, "scripted")  # type: ignore[arg-type]
        return task.draft

    def judge_criterion(self, task: CriterionTask) -> Verdict:
        if self.judge is None:
            raise ModelFailure(self.kind, "scripted")  # type: ignore[arg-type]
        return self.judge(task)

    def transcript(self) -> list[dict[str, Any]]:
        return []

    def spent(self) -> None:
        return None


def started() -> Interview:
    return step(begin(book().prompt("payments-100k"), "senior", "long", "ru")[0], SAID)[0]


def turns(model: Any, patience: Patience, count: int) -> list[str]:
    state, notes = started(), []
    for _ in range(count):
        _, _, note = take_turn(state, "не знаю", model, patience)
        notes.append(note)
    return notes


def test_a_silent_model_is_not_waited_for_each_turn():
    model, patience = Scripted(kind="deadline"), Patience()
    notes = turns(model, patience, 1 + FIRST + 1 + 2 * FIRST)
    assert model.asked == 2 and [n != "" for n in notes].count(True) == 2


def test_a_model_that_answers_again_is_asked_again():
    model, patience = Scripted(kind="connection"), Patience()
    turns(model, patience, 1 + FIRST)
    model.kind = ""
    turns(model, patience, 3)
    assert model.asked == 4


def test_a_wrong_answer_costs_no_wait_and_is_asked_for_again():
    model = Scripted(kind="malformed")
    turns(model, Patience(), 5)
    assert model.asked == 5


@pytest.mark.parametrize(("lang", "every"), [("ru", "все оси"), ("en", "every axis")])
def test_one_line_says_for_which_axes_the_embedded_judge_stood_in(lang: str, every: str):
    titles = [f"axis {n}" for n in range(8)]
    why = review_notes.alone(lang, ModelFailure("malformed", "x"))
    (line,) = review_notes.criteria(lang, [(why, t) for t in titles], 8)
    assert line.startswith(f"{every}: {why}")
    two = review_notes.criteria(lang, [(why, "a"), ("other", "b")], 8)
    assert [line.split(":")[0] for line in two] == ["a", "b"] or len(two) == 2
    assert "cannot" not in review_notes.unread("ru", "no verifiable quote for this level")


def test_a_debrief_names_the_failed_model_once():
    result = make_debrief(started(), Scripted(kind="malformed"))  # type: ignore[arg-type]
    assert [n for n in result["notes"] if "судил встроенный" in n] == [
        "все оси: ответ модели не подошёл; судил встроенный судья"
    ]
    assert result["judge"] == "embedded"


def test_one_sentence_for_every_axis_proves_none():
    def lazy(task: CriterionTask) -> Verdict:
        return Verdict(task.criterion, 3.0, (Quote(0, 20, task.text[:20]),), "Всё есть.", "model")

    own = {v["criterion"]: v["level"] for v in make_debrief(started())["criteria"]}
    result = make_debrief(started(), Scripted(lazy))  # type: ignore[arg-type]
    far = {v["criterion"]: v for v in result["criteria"] if own[v["criterion"]] < 2.0}
    assert far and all(v["source"] == "embedded" for v in far.values())
    assert any(review_notes.worn("ru") in note for note in result["notes"])


def test_a_sentence_for_each_axis_is_believed():
    def careful(task: CriterionTask) -> Verdict:
        at = [c.id for c in load_rubric(RUBRIC).criteria].index(task.criterion)
        quote = Quote(at, at + 12, task.text[at : at + 12])
        return Verdict(task.criterion, 3.0, (quote,), "Есть.", "model")

    result = make_debrief(started(), Scripted(careful))  # type: ignore[arg-type]
    assert {v["source"] for v in result["criteria"]} == {"model"} and result["judge"] == "model"


LEADING = [
    (
        "Ясно. Двое бронируют последнее место на разных подах. Что мешает продать его дважды?",
        "Ясно. Двое бронируют последнее место на разных подах. Что мешает продать его дважды? Например, можно взять условный декремент.",
    ),
    ("Один банк отвечает медленно. Что с остальными?", "Один банк отвечает медленно. Спасёт ли остальных тайм-аут, что с ними?"),
    ("По какому ключу делите данные?", "По какому ключу, скажем, user_id, делите данные?"),
    ("Какую часть схемы можно выбросить?", "Какую часть схемы можно выбросить? Подсказка: начните с кэша."),
    ("What keeps it from being sold twice?", "What, for example a conditional update, keeps it from being sold twice?"),
    ("How do you not do the thing twice?", "How do you not do the thing twice? Think of a key."),
    ("What happens to its shard?", "What happens to its shard, would you move to another hash?"),
]  # fmt: skip


@pytest.mark.parametrize(("draft", "said"), LEADING)
def test_a_rewording_that_leads_is_not_said(draft: str, said: str):
    with pytest.raises(ModelFailure):
        keeps_to(draft, said)


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        ("Ясно. Теперь о данных. По какому ключу делите данные?", "Понял вас. Давайте про данные: по какому ключу вы их делите?"),
        ("Представьте, что это уже работает. При каком числе будите дежурного?", "Допустим, это в бою. На каком числе вы разбудите дежурного?"),
        ("I see. Now about guarantees. What must be strictly consistent here?", "Right. Let us turn to guarantees. What here must be strictly consistent?"),
        ("Which other way did you consider, and when would you take it?", "Was there another way you considered? When would you take it?"),
    ],
)  # fmt: skip
def test_a_plain_rewording_is_said(draft: str, said: str):
    keeps_to(draft, said)


def test_a_leading_model_is_heard_as_none():
    class Leading(Scripted):
        def phrase(self, task: PhraseTask) -> str:
            return task.draft + " Например, возьмите условный декремент."

    state, model = started(), Leading()
    _, plain = step(state, "не знаю")
    _, answer, note = take_turn(state, "не знаю", model)  # type: ignore[arg-type]
    assert answer == plain and note
