"""What a review notes about the model: where the embedded mind had to stand in, and why."""

from collections.abc import Sequence

from agent.model import Model, ModelFailure, Spent
from agent.plural import grouped

WORDS = {
    "ru": {
        "fallback": "модель не ответила ({what}: {why}); судил встроенный судья",
        "unreadable": "{what}: {why}; судил встроенный судья",
        "plain": "сказано без модели: {why}",
        "criterion": "{what}: {why}; судил встроенный судья",
        "every": "все оси",
        "alone.malformed": "ответ модели не подошёл",
        "alone.connection": "нет связи с моделью",
        "alone.http": "сервер модели ответил ошибкой",
        "alone.deadline": "модель не успела",
        "alone.budget": "запас модели на этот разговор исчерпан",
        "alone.refused": "модель отказалась",
        "unproven": "за оценкой модели нет ни одной вашей фразы",
        "unusable": "модель не назвала уровня",
        "worn": "модель показала на всё одну и ту же фразу",
        "spent": "модель {name}: вызовов {calls} из {most_calls}, токенов {tokens} из {most_tokens}, {seconds} с из {most_seconds}",
        "allowance": "дневной лимит токенов модели исчерпан",
        "malformed": "её ответ не подошёл",
        "connection": "нет связи с ней",
        "http": "её сервер ответил ошибкой",
        "deadline": "не успела",
        "budget": "её запас на этот разговор исчерпан",
        "refused": "она отказалась",
        "overruled": "{what}: текст обращается к проверяющему, модель дала {a}, встроенный судья {b}; в силе {b}",
    },
    "en": {
        "fallback": "the model did not answer ({what}: {why}); the embedded judge did",
        "unreadable": "{what}: {why}; the embedded judge did it",
        "plain": "said without the model: {why}",
        "criterion": "{what}: {why}; the embedded judge did it",
        "every": "every axis",
        "alone.malformed": "the model's answer would not do",
        "alone.connection": "the model cannot be reached",
        "alone.http": "the model's server answered with an error",
        "alone.deadline": "the model was too slow",
        "alone.budget": "the model's budget for this is used up",
        "alone.refused": "the model refused",
        "unproven": "the model had none of your words to show for its level",
        "unusable": "the model named no level",
        "worn": "the model showed the same words for everything",
        "spent": "model {name}: {calls} of {most_calls} calls, {tokens} of {most_tokens} tokens, {seconds} of {most_seconds} s",
        "allowance": "the day's tokens for the model are used up",
        "malformed": "its answer would not do",
        "connection": "it cannot be reached",
        "http": "its server answered with an error",
        "deadline": "it was too slow",
        "budget": "its budget for this is used up",
        "refused": "it refused",
        "overruled": "{what}: the text talks to the grader, the model gave {a}, the embedded judge {b}; {b} stands",
    },
}


def fallback(lang: str, what: str, failure: ModelFailure) -> str:
    return WORDS[lang]["fallback"].format(what=what, why=reason(lang, failure))


def reason(lang: str, failure: ModelFailure) -> str:
    """Why a model did not answer, in a word; what a player can do something about is said in full."""
    return WORDS[lang].get(failure.kind, failure.kind)


def unreadable(lang: str, what: str, why: str) -> str:
    return WORDS[lang]["unreadable"].format(what=what, why=unread(lang, why))


def unread(lang: str, why: str) -> str:
    """Why a verdict was not taken, in the language of who reads the note."""
    return WORDS[lang]["unproven" if "quote" in why else "unusable"]


def worn(lang: str) -> str:
    return WORDS[lang]["worn"]


def alone(lang: str, failure: ModelFailure) -> str:
    """A reason that names the model itself."""
    return WORDS[lang].get(f"alone.{failure.kind}", reason(lang, failure))


def overruled(lang: str, what: str, a: float, b: float | None) -> str:
    return WORDS[lang]["overruled"].format(what=what, a=a, b=b)


def plain(lang: str, failure: ModelFailure) -> str:
    """A turn that was said as code wrote it."""
    return WORDS[lang]["plain"].format(why=reason(lang, failure))


def criteria(lang: str, failed: Sequence[tuple[str, str]], axes: int) -> list[str]:
    """The axes that the embedded judge had to judge, a line for each reason; `failed`: (reason, axis)."""
    words, lines = WORDS[lang], []
    for why in sorted({why for why, _ in failed}):
        names = sorted({title for reason, title in failed if reason == why})
        what = words["every"] if len(names) == axes else ", ".join(names)
        lines.append(words["criterion"].format(what=what, why=why))
    return lines


def spent(lang: str, model: Model | None) -> list[str]:
    """What the model cost, if there is one that costs."""
    found: Spent | None = model.spent() if model is not None else None
    if found is None or model is None or not found.calls:
        return []

    values = {name: grouped(value, lang) for name, value in vars(found).items()}
    return [WORDS[lang]["spent"].format(name=model.name, **values)]
