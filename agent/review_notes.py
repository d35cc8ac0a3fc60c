"""What a review notes about the model: where the embedded mind had to stand in, and why."""

from agent.model import ModelFailure

WORDS = {
    "ru": {
        "fallback": "модель не ответила ({what}: {why}); судил встроенный судья",
        "unreadable": "ответ модели по {what} не принят ({why}); судил встроенный судья",
        "allowance": "дневной лимит токенов модели исчерпан",
        "overruled": "{what}: текст обращается к проверяющему, модель дала {a}, встроенный судья {b}; в силе {b}",
    },
    "en": {
        "fallback": "the model did not answer ({what}: {why}); the embedded judge did",
        "unreadable": "the model's answer on {what} was not accepted ({why}); the embedded judge did it",
        "allowance": "the day's tokens for the model are used up",
        "overruled": "{what}: the text talks to the grader, the model gave {a}, the embedded judge {b}; {b} stands",
    },
}


def fallback(lang: str, what: str, failure: ModelFailure) -> str:
    return WORDS[lang]["fallback"].format(what=what, why=reason(lang, failure))


def reason(lang: str, failure: ModelFailure) -> str:
    """Why a model did not answer, in a word; what a player can do something about is said in full."""
    return WORDS[lang].get(failure.kind, failure.kind)


def unreadable(lang: str, what: str, why: str) -> str:
    return WORDS[lang]["unreadable"].format(what=what, why=why)


def overruled(lang: str, what: str, a: float, b: float | None) -> str:
    return WORDS[lang]["overruled"].format(what=what, a=a, b=b)
