"""What the interviewer says of a run, of a first attempt and of a score holds, and credits what was said."""

from dataclasses import replace

import pytest

from agent.interview import hearing
from agent.interview.design import read_design
from agent.interview.graph import make_debrief
from agent.interview.prompts import book
from agent.interview.state import Asked
from agent.interview.trials import MOST_FACTOR, load
from agent.interview.turns import TOLD, Interview, begin, judged, step
from agent.interview.voice import about, say
from agent.model import CriterionTask, PhraseTask
from agent.verdict import Quote, Verdict

IDLE = "clients 1000 rps 90% reads\nlb -> api x40 4ms\napi -> cache hit 90%\napi -> db x8 cores 16 2ms by zone\ndc 2"
COUNTED = (
    "15 000 показов и 1 500 броней в секунду. Бронь 300 байт, храним 90 дней: 1500 × 300 байт = 450 КБ/с, "
    "450 КБ/с × 86400 с = 39 ГБ в сутки. Показ за 200 мс, доступность 99,95 %; от показов зависит кэш, от броней база."
)


def started(lang: str = "ru", prompt: str = "delivery-slots") -> Interview:
    return begin(book().prompt(prompt), "staff", "long", lang)[0]  # type: ignore[arg-type]


def said(state: Interview, *turns: str) -> tuple[Interview, str]:
    answer = ""
    for turn in turns:
        state, answer = step(state, turn)
    return state, answer


def test_four_times_the_load_is_said_to_be_carried_only_where_it_was_tried():
    trial = load(read_design(IDLE))
    assert not trial.broke and trial.limit_rps == MOST_FACTOR * 1000
    state, answer = said(started(), COUNTED, IDLE, "да")
    assert "вчетверо больше держит тоже" in answer
    assert f"держит {about(4000, 'ru')} запросов в секунду, больше не пробовал" in make_debrief(state)["text"]


def test_a_repeat_that_a_unique_key_finds_is_no_blind_one():
    told = "Time-out 300 ms to the store, then a retry with jitter. A unique (user_id, sale_id) finds the first press."
    assert hearing.doubtful(told) == ("", "")
    assert hearing.doubtful(told.partition(" A unique")[0])[0] == "challenge_retry"


@pytest.mark.parametrize(
    ("lang", "asked"),
    [("ru", "Можно словами? CDN, потом комната ожидания, потом api и остаток."), ("en", "Can I draw it in words? CDN, then a waiting room, then api, then stock.")],
)  # fmt: skip
def test_who_asks_to_draw_in_words_hears_that_lines_are_needed(lang: str, asked: str):
    state = started(lang)
    while state.standing.by != "drawing":
        state, _ = step(state, COUNTED)
    state, answer = step(state, asked)
    assert answer == say(lang, "draw_again")
    state, answer = step(state, asked)
    assert answer != say(lang, "draw_again")


class Judging:
    """A model that gives each axis one level, with its own sentence as the quote."""

    name = "scripted"

    def __init__(self, level: float, why: str) -> None:
        self.level, self.why, self.at = level, why, 0

    def judge_criterion(self, task: CriterionTask) -> Verdict:
        self.at += 3
        quote = Quote(self.at, self.at + 12, task.text[self.at : self.at + 12])
        return Verdict(task.criterion, self.level, (quote,), self.why, "model")

    def phrase(self, task: PhraseTask) -> str:
        return task.draft

    def transcript(self) -> list[object]:
        return []

    def spent(self) -> None:
        return None


def test_who_has_the_base_of_an_axis_is_not_sent_back_to_it():
    state, _ = said(started(), COUNTED)
    hint = book().hints["requirements"].ru[1:]
    weak, fair = (make_debrief(state, Judging(level, "Есть."))["text"] for level in (1.0, 2.0))  # type: ignore[arg-type]
    begins = {"weak": weak.partition("С чего начать")[2], "fair": fair.partition("С чего начать")[2]}
    assert hint not in begins["fair"] and "вопрос на вырост: " in begins["fair"]
    assert "вопрос на вырост: " not in begins["weak"]


@pytest.mark.parametrize(("lang", "why"), [("ru", "All of it is there."), ("en", "Всё есть.")])
def test_a_reason_in_another_language_is_said_in_the_readers(lang: str, why: str):
    state, _ = said(started(lang), COUNTED)
    text = make_debrief(state, Judging(2.0, why))["text"]  # type: ignore[arg-type]
    assert why not in text and book().heard["failure"][2].of(lang) in text


@pytest.mark.parametrize(("lang", "line"), [("ru", "судьи разошлись, в силе модель: "), ("en", "the judges differ, the model's level stands: ")])  # fmt: skip
def test_where_the_judges_differ_by_a_level_one_line_says_so(lang: str, line: str):
    state, _ = said(started(lang), COUNTED)
    own = {v["criterion"]: v["level"] for v in make_debrief(state)["criteria"]}
    (note,) = [n for n in make_debrief(state, Judging(3.0, "Есть."))["notes"] if n.startswith(line)]  # type: ignore[arg-type]
    far = [name for name, level in own.items() if 3.0 - level >= 1.0]
    assert far and note.count(";") == len(far) - 1
    assert all(book().titles[name].of(lang) in note for name in far)


def test_levels_of_two_judges_are_not_compared():
    state, _ = said(started(), COUNTED)
    first = make_debrief(state)
    text = make_debrief(state, Judging(3.0, "Есть."), None, first)["text"]  # type: ignore[arg-type]
    assert "эти итоги не сравнить" in text and "Выросло" not in text
    assert "Выросло" in make_debrief(state, None, None, first)["text"]


@pytest.mark.parametrize(
    ("lang", "aside"),
    [
        ("ru", "Новую сборку получает по одной реплике в каждой части, 1 % показов, 30 минут, сравниваем p99; назад за 10 секунд."),
        ("en", "Canary: one replica in every part gets the new build, 1 % of the views, 30 minutes, compare the p99; going back takes 10 seconds."),
    ],
)  # fmt: skip
def test_figures_about_something_else_are_no_answer_though_the_level_rises(lang: str, aside: str):
    state = replace(started(lang, "classifieds-search"), said=(COUNTED,), said_to=("requirements",))
    risen = judged(replace(state, said=(COUNTED, aside))).levels["consistency"].level or 0.0
    asked = Asked("consistency", risen - 2 * TOLD, question=book().probes["consistency"][-1].of(lang))
    assert risen < book().expected[state.level]
    state, answer = step(replace(state, standing=asked, asked={"requirements": 1, "consistency": 1}), aside)
    assert state.standing.criterion == "consistency" and state.standing.again
    assert state.standing.question in answer
