"""A reply to one of the CTO's questions, judged at once and without a model: does it answer what was asked?

What a question wants is read from its own words (who, by when, how many, why, what exactly); a reply has to hold
that, in words of its own. Length counts for nothing, and an honest "I don't know" is no failure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from agent.cto import reply as line
from agent.honest import admits_gap
from agent.judge.reading import addresses_grader
from agent.judge.signals import names_day, names_owner
from agent.text import normalise, word_set

Want = Literal["owner", "when", "number", "reason", "thing"]
Verdict = Literal["full", "part", "nothing", "honest", "refused", "echo", "short", "away", "instruction"]
READ = 4_000  # characters of a reply that are looked at
FEW_WORDS = 3
ECHO = 0.8  # share of a reply's words that stand in the question

_ASKS: dict[Want, re.Pattern[str]] = {
    "owner": re.compile(r"\b(?:кто|кому|who|whom|whose)\b", re.IGNORECASE),
    "when": re.compile(
        r"\b(?:когда|к какому (?:дню|сроку|числу)|which day|by when|when will|when does)\b", re.IGNORECASE
    ),
    "number": re.compile(
        r"\b(?:сколько|скольк\w+|при как(?:ом|ой)(?: \w+)? (?:числе|значении|пороге)|при каком|какую долю|каким числом|"
        r"how (?:many|much|long|soon|often)|at which (?:number|value|threshold)|what (?:share|number)|which number)\b",
        re.IGNORECASE,
    ),
    "reason": re.compile(r"\b(?:почему|зачем|чем вы|why|how will you explain)\b", re.IGNORECASE),
    "thing": re.compile(
        r"\b(?:как(?:ой|ая|ую|ое) (?:сигнал|из|звено)|что закро|на что ушл|which (?:signal|of|link)|what closes|"
        r"what was the time)",
        re.IGNORECASE,
    ),
}
_REASON = re.compile(
    r"\b(?:потому что|поскольку|так как|из-за|иначе|ведь|чтобы|значит|оттого|ради|благодаря|упир\w+|хот(?:ел|им)\w*|"
    r"дума(?:л|ла|ли)|счита(?:л|ла|ли|ем|ю)|рассчитыва\w+|ожида(?:л|ла|ли)|because|since|so that|due to|otherwise|"
    r"figured|reckoned|believed|hoped|supposed|(?:did not|didn't|never) (?:think|expect|know|realise|realize)|"
    r"предполага\w+|предположил\w*|полага(?:л|ла|ли|ем|ю)|наде(?:ял|ем|юсь)\w*|показал[оаи]\w*|(?:would|'d)\b.{0,40}\bif|не нуж\w+\b.{0,30}\bесли|"
    r"in order to|as it|therefore|hence|as the|thought|assumed|expected|wanted|bound by|limited by|bottleneck|"
    r"saturated|anyway|already|всё равно|все равно|упёрл\w+|уперл\w+|узкое место|\w+-bound)\b"
    r"|\w\s*(?::|→|=>|—|–)\s*\w",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d|\b(?:один|одна|одно|два|две|три|пять|десять|сто|половин\w+|вдвое|втрое|ноль|нол[ья]|ни одного|"
                     r"one|two|three|five|ten|hundred|half|twice|zero|none)\b", re.IGNORECASE)  # fmt: skip
_TECHNICAL = re.compile(
    r"\b(?:баз[аыеу]|пул\w{0,2}|под(?:ы|ов|ах)|запрос|соединен|очеред|алерт|релиз|откат|кэш|блокиров|транзакц|сервис|сервер|"
    r"нагруз|трафик|повтор|задерж|таймаут|реплик|брокер|топик|метрик|порог|лог[аи]\b|databas|pool|pods?\b|quer|connection|"
    r"queue|alert|release|rollback|cache|lock|transaction|service|server|load|traffic|retr|latenc|time-?out|replica|"
    r"broker|topic|metric|threshold|logs?\b|cpu\b)",
    re.IGNORECASE,
)
_CONNECTIVES = re.compile(r"\b(?:потому(?: что)?|поскольку|так как|because|since)\b", re.IGNORECASE)
_ANYBODY = re.compile(
    r"\b(?:кто-нибудь|кто-то|кто-либо|кто-угодно|somebody|someone|anybody|anyone|whoever)\b|\b(?:мы все|все мы|we all|all of us)\b|"
    r"\b(?:вс(?:ей командой|я команда|ем миром)|сообща|as a team|whole team|everybody|everyone)\b",
    re.IGNORECASE,
)
_REFUSES = re.compile(
    r"\b(?:не буду|не хочу|не стану|не собираюсь|отказываюсь)\b.{0,25}\b(?:отвеча|ответ|говор|объясн|комментир)|\b(?:отстань\w*|отвали\w*)|"
    r"\bсам\w? (?:считай|думай|разбирайся|ответь)|(?:дурацк|тупой|тупые|идиотск)\w* вопрос|"
    r"(?:won't|will not|not going to|refuse to|don't want to) (?:answer|explain|comment)|leave me alone|\bgo away\b|"
    r"none of your business|(?:stupid|silly|dumb) question|figure it out yourself",
    re.IGNORECASE,
)
# What can be said to any question.
_HOLLOW = re.compile(
    r"(?:everything(?:'s| is) )?under control|(?:follow\w* )?(?:the )?(?:best practices?|industry standards?)|as (?:i|we) (?:have )?said|как я (?:уже )?говорил\w*|holistic\w*(?: look)?|(?:so )?many factors|it(?:'s| is) complicated|"
    r"(?:looking|look) into it|on top of it|(?:all|everything)(?:'s| is| are)? (?:fine|important)|"
    r"(?:вс[её] )?под контролем|лучш\w+ практик\w+|(?:слишком )?много факторов|комплексн\w+|разбер[её]мся|будем разбираться|"
    r"работаем над этим|вс[её] (?:хорошо|нормально|сложно|важно)",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"\b(?:тимлид|техлид|архитектор|дежурн(?:ый|ая)|dba|sre|(?:team|tech) lead|on-?call engineer|[\w-]{4,}ая команда|команда [а-яё]{4,}|"
    r"the [\w-]{4,} team)\b",
    re.IGNORECASE,
)
_NOBODY = re.compile(r"\b(?:ответственност\w*|responsibilit\w*)", re.IGNORECASE)
_NO_DAY = re.compile(r"\b(?:done|asap|immediately|готово|сделано|сразу|немедленно)\b", re.IGNORECASE)
_STEM, _SMALL = 5, 3  # letters
_EMPTY = word_set(
    "этот этого этому этой эта эти была было были быть есть если того тому чтобы когда какой какая какое какие "
    "только очень просто надо нужно можно будет будем наша наши всех всего которые который that this these those "
    "with from have been were will would should could must just very they them there then than what which when"
)
_HAS: dict[Want, Callable[[str], bool]] = {
    "owner": lambda text: (
        not _ANYBODY.search(text)
        and (names_owner(_NOBODY.sub(" ", text)) or _named(text) or bool(_ROLE.search(text)))
    ),
    "when": lambda text: names_day(_NO_DAY.sub(" ", text)),
    "number": lambda text: bool(_FIGURE.search(text)),
    "reason": lambda text: (
        bool(_REASON.search(text)) and len(set(_own_words(_CONNECTIVES.sub(" ", text)))) >= 2
    ),
    "thing": lambda text: (
        bool(_TECHNICAL.search(text)) or len(_own_words(_HOLLOW.sub(" ", text))) >= FEW_WORDS
    ),
}


@dataclass(frozen=True)
class Judged:
    """What a reply holds of what was wanted, and the CTO's one line to it."""

    verdict: Verdict
    has: tuple[Want, ...]
    missing: tuple[Want, ...]
    said: str

    def shown(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "has": list(self.has),
            "missing": list(self.missing),
            "text": self.said,
        }


def wanted(question: str) -> tuple[Want, ...]:
    """What a question asks for; one that names nothing of it wants to hear what exactly."""
    asked = _without_quotes(question)
    found: tuple[Want, ...] = tuple(want for want, pattern in _ASKS.items() if pattern.search(asked))
    return found or ("thing",)


def judge_reply(question: str, text: str, lang: str) -> Judged:
    """Judge one reply; `lang` is the language that the CTO answers in."""
    text = text[:READ]
    special = _special(question, text)
    if special is not None:
        return Judged(special, (), (), line(special, lang))
    wants = wanted(question)
    has = tuple(w for w in wants if _holds(w, question, text))
    missing = tuple(w for w in wants if w not in has)
    verdict: Verdict = "full" if not missing else "part" if has else "nothing"
    if verdict == "nothing" and not {"owner", "when"} & set(wants) and not _tries(question, text):
        verdict = "away"
    said = line(
        verdict,
        lang,
        has=_listed([line(f"has_{w}", lang) for w in has], lang),
        missing=_listed([line(f"no_{w}", lang) for w in missing], lang),
    )
    return Judged(verdict, has, missing, said)


def _listed(words: list[str], lang: str) -> str:
    """One, two or more things as one says them."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {line('and', lang)} {words[-1]}"


def _holds(want: Want, question: str, text: str) -> bool:
    """Whether a reply holds what is wanted; a figure out of the question is none, nor is a "because" with nothing behind."""
    if want == "number" and re.search(r"\d", text):
        return _adds_figure(question, text)
    return _HAS[want](text)


def _special(question: str, text: str) -> Verdict | None:
    """Replies that are judged by their form: an order, an honest gap, a refusal, the question again, next to nothing."""
    if addresses_grader(text):
        return "instruction"
    if admits_gap(text):
        return "honest"
    if _REFUSES.search(text) and not _REASON.search(text) and not _adds_figure(question, text):
        return "refused"
    own, asked = set(_own_words(text)), set(_own_words(question))
    if len(own) >= FEW_WORDS and len(own & asked) >= ECHO * len(own) and not _adds_figure(question, text):
        return "echo"
    named = any(_HAS[w](text) for w in wanted(question) if w in ("owner", "when", "number"))
    return "short" if len(_words(text)) < FEW_WORDS and not named else None


def _adds_figure(question: str, text: str) -> bool:
    return bool(set(re.findall(r"\d+", text)) - set(re.findall(r"\d+", question)))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", normalise(text).text.lower())


def _own_words(text: str) -> list[str]:
    """Words of substance by their stem: the stemmer of agent/text.py is not made for a server's threads."""
    return [word[:_STEM] for word in _words(text) if len(word) > _SMALL and word not in _EMPTY]


def _tries(question: str, text: str) -> bool:
    """Whether a reply sets out to answer: it speaks of the matter, or begins a reason."""
    return _touches(question, text) or _CONNECTIVES.search(text) is not None


def _touches(question: str, text: str) -> bool:
    """Whether a reply speaks of the matter at all: a word of the question, or one of the trade."""
    return bool(_TECHNICAL.search(text)) or bool(set(_own_words(question)) & set(_own_words(text)))


def _named(text: str) -> bool:
    """ "Иван к пятнице", "I do" name somebody without the form of an action item; "we" is nobody."""
    if re.search(r"(?<!\w)(?:я|сам|сама|i|me|myself)(?!\w)", text, re.IGNORECASE):
        return True
    return bool(
        re.match(r"\W*[A-ZА-ЯЁ][a-zа-яё]{2,}(?:\s[A-ZА-ЯЁ][a-zа-яё]+)?\s*(?:[,.;(—–-]|$|до\b|к\b|by\b)", text)
    )


def _without_quotes(question: str) -> str:
    """The question without the player's own words in it."""
    return re.sub(r"«[^»]*»|“[^”]*”", " ", question)
