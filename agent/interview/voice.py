"""What the interviewer says: one person in two languages, direct, kind, technical, never flattering.

Sentences only; what is said when, others decide. Numbers come in as figures and are written the language's way.
"""

from __future__ import annotations

from agent.interview.trials import Reading, Trial
from agent.rubric import Wording

SAYINGS: dict[str, Wording] = {
    "open": Wording(
        ru="{title}. {brief}\n\nУровень: {level}. Начните с требований и оценок; рисовать будем потом. Думайте вслух, «не знаю» здесь честный ответ.",
        en="{title}. {brief}\n\nLevel: {level}. Begin with requirements and estimates; we draw later. Think aloud, and \"I don't know\" is an honest answer here.",
    ),
    "unknown": Wording(ru="Хорошо, что сказали прямо. Вот с чего бы я начал: {hint}\nПойдём дальше.", en="Good that you say so. Here is where I would start: {hint}\nLet us move on."),
    "unknown_2": Wording(ru="Принято. Зацепка на будущее: {hint}\nБерём другое.", en="Fine. Something to hold on to later: {hint}\nLet us take something else."),
    "unknown_3": Wording(ru="Честно, и ладно. Подумать на досуге: {hint}\nСледующее.", en="Honest, and all right. To chew on afterwards: {hint}\nNext."),
    "unknown_4": Wording(ru="Хорошо, оставим. К этому так: {hint}\nДальше.", en="Good, leave it. A way into it: {hint}\nOn we go."),
    "unknown_hinted": Wording(ru="Значит, подсказка не помогла, бывает. Пойдём дальше.", en="So the hint did not help; it happens. Let us move on."),
    "grader": Wording(ru="Это вы не мне, а проверяющему; на разбор это не влияет. Вопрос прежний.", en="That is for a grader, not for me, and it changes nothing in the debrief. The question stands."),
    "rude": Wording(ru="Слышу, что раздражает; собеседования это умеют. Давайте по делу: вопрос прежний, хватит двух предложений.", en="I hear that this annoys you; interviews do. Back to the matter: the question stands, two sentences will do."),
    "hint": Wording(ru="{hint}", en="{hint}"),
    "no_hint": Wording(ru="Подсказку к этому вопросу я уже дал. Попробуйте ответить хотя бы частью.", en="You have had the hint for this one. Try to answer a part of it."),
    "again": Wording(ru="Это пока общо. {question}", en="That is still general. {question}"),
    "again_bare": Wording(ru="Пока без опоры: ни числа, ни механизма, ни имени. Возьмите один случай и доведите до конца.", en="Nothing to hold on to yet: no figure, no mechanism, no name. Take one case and follow it to the end."),
    "misread": Wording(ru="Вы взяли {said} запросов в секунду, а в задаче {asked}. Если это запас, скажите зачем.", en="You take {said} requests a second; the task says {asked}. If that is a margin, say what for."),
    "follow": Wording(ru="Вы сказали: «{quote}». {question}", en="You said: \"{quote}\". {question}"),
    "sum_wrong": Wording(ru="Проверьте счёт: «{text}». У меня выходит {true}.", en="Check the sum: \"{text}\". I get {true}."),
    "draw": Wording(
        ru="Давайте нарисуем. Строками, стрелка `->` ждёт ответа, `=>` нет, например:\n    lb -> api x40 5ms\n    api -> cache hit 90%\n    api -> db x8 cores 16 2ms by user_id\nЯ прогоню это на {rps} запросов в секунду.",
        en="Let us draw it. In lines; `->` waits for an answer, `=>` doesn't, for example:\n    lb -> api x40 5ms\n    api -> cache hit 90%\n    api -> db x8 cores 16 2ms by user_id\nI will run it at {rps} requests a second.",
    ),
    "drawn": Wording(ru="Я понял так:\n\n{picture}\nВерно? (да, или пришлите поправленную схему)", en="I read it like this:\n\n{picture}\nRight? (yes, or send it corrected)"),
    "not_read": Wording(ru="Схему не прочёл: {why}", en="I could not read the drawing: {why}"),
    "nothing_drawn": Wording(ru="Схемы ещё нет. {draw}", en="There is no drawing yet. {draw}"),
    "load_breaks": Wording(
        ru="Прогнал. Ваша схема держит {limit} запросов в секунду из {rps}: дальше отвечает только {success}. Больше всего занято: {station}. Что меняете и почему именно это?",
        en="I ran it. Your design carries {limit} requests a second of {rps}; beyond, only {success} are answered. The busiest: {station}. What do you change, and why that?",
    ),
    "load_holds": Wording(
        ru="Прогнал. {rps} запросов в секунду держит, p99 {p99} мс, запас в {margin} раза; дальше первым сдаётся: {station}. За что вы здесь платите, не получая ничего взамен?",
        en="I ran it. It carries {rps} requests a second, p99 {p99} ms, with {margin} times in hand; beyond, the first to give in: {station}. What are you paying for here that buys you nothing?",
    ),
    "changed": Wording(ru="Прежняя схема держала {before} запросов в секунду, эта {now}.", en="The drawing before carried {before} requests a second, this one {now}."),
    "hot-key": Wording(
        ru="Я дал одному ключу десятую часть нагрузки: ответов стало {success} (было {before}), занято больше всего: {station}. Что с этим делать, не теряя запросов?",
        en="I gave one key a tenth of the load: {success} are answered (before: {before}), the busiest: {station}. What do you do about it without losing requests?",
    ),
    "lose-dc": Wording(
        ru="Я выключил один ЦОД. Через полминуты отвечает {success}, p99 {p99} мс; занято больше всего: {station}. Кто и за сколько это заметил бы у вас, и чего не хватает второму?",
        en="I switched one data centre off. Half a minute later {success} are answered, p99 {p99} ms; the busiest: {station}. Who would notice at your place, how fast, and what does the other one lack?",
    ),
    "lose-half": Wording(
        ru="Я убил половину подов. Отвечает {success}, занято больше всего: {station}. Сколько вы держите про запас и почему столько?",
        en="I killed half of the pods. {success} are answered, the busiest: {station}. How much do you keep in hand, and why that much?",
    ),
    "slow-store": Wording(
        ru="База на десять секунд стала в восемь раз медленнее: отвечало {success}. {after}",
        en="For ten seconds the store was eight times slower: {success} were answered. {after}",
    ),
    "recovered": Wording(ru="Потом всё вернулось само. Что бы этому помешало, будь у клиентов повторы?", en="Then it came back by itself. What would keep it from that if the clients retried?"),
    "stuck": Wording(ru="База ожила, а система нет. Что её держит и что вы сделаете?", en="The store is back, the system is not. What holds it down, and what do you do?"),
    "end": Wording(ru="Достаточно. Разбор ниже.", en="That is enough. The debrief is below."),
    "slots": Wording(ru="{name}, слоты подов", en="{name}, the pods' slots"),
    "cpu": Wording(ru="{name}, CPU", en="{name}, CPU"),
    "connections": Wording(ru="{name}, соединения", en="{name}, connections"),
}  # fmt: skip


def say(lang: str, key: str, **values: object) -> str:
    return SAYINGS[key].of(lang).format(**values)


def count(value: float, lang: str) -> str:
    text = f"{value:,.0f}"
    return text.replace(",", "\u00a0") if lang == "ru" else text


def share(value: float, lang: str) -> str:
    text = f"{value:.1%}" if value < 0.9995 else "100%"
    return text.replace(".", ",").replace("%", "\u00a0%") if lang == "ru" else text


def _station(reading: Reading, lang: str) -> str:
    top = reading.stations[0]
    return f"{say(lang, top.what, name=top.name)} {share(min(1.0, top.used), lang)}"


UNKNOWNS = (
    "unknown",
    "unknown_2",
    "unknown_3",
    "unknown_4",
)  # the same words four times would be a machine's


def decimal(value: float, lang: str) -> str:
    """A level as it is written: 1.9, in Russian 1,9."""
    return f"{value:.1f}".replace(".", ",") if lang == "ru" else f"{value:.1f}"


def finding(trial: Trial, lang: str) -> str:
    """A trial told as a question."""
    after, before = trial.after, trial.before
    values = {
        "rps": count(before.rps, lang),
        "success": share(after.success, lang),
        "before": share(before.success, lang),
        "p99": count(after.p99_ms, lang),
        "station": _station(after, lang),
    }
    if trial.kind == "load":
        holds = trial.limit_rps >= before.rps
        margin = f"{trial.limit_rps / before.rps:.1f}"
        values["p99"] = count(before.p99_ms, lang)
        values["limit"] = count(trial.limit_rps, lang)
        values["margin"] = margin.replace(".", ",") if lang == "ru" else margin
        return say(lang, "load_holds" if holds else "load_breaks", **values)
    if trial.kind == "slow-store":
        values["after"] = say(lang, "recovered" if trial.recovered else "stuck")
    return say(lang, trial.kind, **values)
