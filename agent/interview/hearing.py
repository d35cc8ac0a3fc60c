"""What kind of turn a candidate took: an answer to what was asked, to something else, a question back, a drawing in prose.

Reads the turn alone; what follows from it, agent/interview/turns.py decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from agent.honest import admits_gap, asks_for_answer
from agent.interview.prompts import RUBRIC, Given, Prompt
from agent.interview.sketch import sketch_of
from agent.judge import reading_of
from agent.judge.contexts import Context
from agent.judge.explain import support
from agent.rubric import load_rubric
from agent.text import tokens, word_set

# How well one sentence has to support an axis to be an answer to it: the table in the tests separates answers, which come to
# 2 and more, from commonplaces, which come to 1.25 at most.
ANSWERS = 1.5
QUESTION_WORDS = 60  # a longer turn that ends with a question is an answer, too
PROSE_WORDS = 8  # fewer words beside a drawing are its caption
ASIDE = 2.0  # and to be of use although something else was asked: commonplaces stay below
# Share of a question's words in one paragraph of the candidate: it was answered before it was asked.
SAME_QUESTION = 0.5
_STEM = 5  # letters
SOLID = 0.5  # what the judge's support is at least, for every axis, where a sentence is concrete
_EVERYWHERE = {
    "клиен",
    "запро",
    "данны",
    "сдела",
    "clien",
    "reque",
    "data",
    "thing",
}  # stems that tie no two sentences together
QUOTED = 140  # characters of a sentence that is stopped at
CONSENT_WORDS = 8
PROTEST_WORDS = 16
MEANS_WORDS = 4  # a single name dropped is a commonplace still
_WEAK = re.compile(
    r"запас|дешевл|дорож|вместо|instead|строк|rows?\b|rather|вероятн|верси|version|дегр|degr|alert|алерт|metric|метрик|cost",
    re.IGNORECASE,
)  # what commonplaces name, too
_SHRUG = re.compile(
    r"\W*(?:ну\W+|да\W+)?(?:хз|фиг (?:его )?знает|кто (?:его )?знает|без (?:малейшего )?понятия|нет идей|не в курсе|dunno|idk|no idea|no clue|beats me|search me)\W*$",
    re.IGNORECASE,
)
_TELLS = re.compile(
    r"не помню,? (?:как|точно).{0,60}[.;:,]\s+(?:\w+\W+){4,}|(?:don'?t|can'?t) (?:remember|recall),? (?:what|how|the name).{0,60}[.;:,]\s+(?:\w+\W+){4,}",
    re.IGNORECASE | re.DOTALL,
)
_CONCEDES = re.compile(
    r"ошиб\w+|опечат\w+|обсч[её]л\w*|по условию|как в (?:задаче|условии)|вы правы|прогляд\w+|перепутал\w*|my (?:mistake|bad)|mistyped|typo|misread|"
    r"you'?re right|you are right|as the (?:task|brief) says|sorry|извин\w+",
    re.IGNORECASE,
)
_MEANING = re.compile(
    r"что (?:такое|значит|означает|понима\w+|имеется в виду|считается)\b|what (?:does|do) .{0,40}\bmean|what is meant|what counts as|meaning of|definition of",
    re.IGNORECASE,
)
_WHETHER = re.compile(
    r"(?:^|[.?!,]\s*|\b(?:а|и|and|or)\s+)(?:можно ли|можем ли|может ли|могут ли|нужно ли|должн\w+ ли|разрешено|(?:can|could|may|should|must|shall|would) (?:a|an|the|we|i|they|it|one)\b)",
    re.IGNORECASE,
)
_SHARDS = re.compile(r"(?<![\d.,–-])(\d{1,4})(?:\s+\w+)?\s+(?:шард|shard)", re.IGNORECASE)
_TENTATIVE = re.compile(
    r"\W*(?:(?:ну|а|тогда|then|well|so)\W+)*(?:может(?: быть)?,?|наверное,?|возможно,?|что если|maybe|perhaps|could (?:i|we)|would it (?:help|do)|what if)\b(?!.{0,20}\b(?:сколько|какой|какая|какие|how many|how much|how long)\b)",
    re.IGNORECASE,
)  # who answers with a question mark
_OFF_TOPIC = re.compile(
    r"зарплат\w*|оклад\w*|отпуск\w*|удал[её]нк\w*|вакансии?\b|сколько (?:вы )?платите|когда (?:будет )?ответ|вы (?:робот|бот|человек|нейросеть)\b|как дела\b|погод\w+|анекдот\w*|"
    r"\bsalary|\bvacation|\bremote work|work from home|what do you pay|are you (?:a )?(?:robot|bot|human|real|an ai)\b|how are you\b|\bweather\b|\bjoke\b",
    re.IGNORECASE,
)
_KEEPS = ("хран", "истори")
_ESTIMATES = {
    "size": re.compile(r"\d\s?(?:б\b|b\b|[кмгтkmgt]i?[бb]\b|байт|byte)|(?:кило|мега|гига)байт", re.IGNORECASE),
    "latency": re.compile(r"\d\s?(?:ms\b|мс\b)|p9\d|\bза (?:\w+ )?секунд|within \w+ sec|\bсекунд(?:ы|ах)?\b|\bseconds\b|\d\s?(?:сек|sec|s\b|с\b)", re.IGNORECASE),
    "keep": re.compile(r"\d\s?(?:дн|день|сут|нед|мес|год|лет|day|week|month|year)|в сутки|a day|сутк|храни|retention|\bkept?\b|\bstored? for", re.IGNORECASE),
}  # fmt: skip
_NO_DRAWING = re.compile(
    r"не (?:буду|хочу|стану|вижу смысла)\b.{0,20}рис|не соглас\w+.{0,30}схем|без схемы|обойд\w+ без (?:схем|рисун)"
    r"|(?:won'?t|will not|do not|don'?t|rather not|no need to|no time to)\b.{0,12}\bdraw|skip (?:the )?drawing|without a drawing",
    re.IGNORECASE,
)
_SAID_BEFORE = re.compile(
    r"(?:already|just) (?:said|told|answered|explained)|(?:уже|только что|я же) (?:\w+ )?(?:сказал\w*|говорил\w*|ответил\w*|отвечал\w*|объяснил\w*)"
    r"|why (?:do you|are you) ask\w* .{0,20}again|зачем .{0,20}(?:снова|опять|второй раз)",
    re.IGNORECASE,
)
PROMISES = ("harm.wrong_guarantee", "harm.myth")
# What engineers name when they answer an axis; beside something solid one of them makes a turn an answer. Never judged by.
MEANS: dict[str, re.Pattern[str]] = {
    axis: re.compile(pattern, re.IGNORECASE)
    for axis, pattern in {
        "consistency": r"row lock|блокировк|conditional (?:update|write)|условн\w+ (?:update|запис|обновлен|декремент)|\bwhere\b.{0,60}[=<>]|"
        r"\bcas\b|\bversion|верси[яию]|transaction|транзакц|isolation|изоляц|seriali[sz]|сериализ|atomic|атомарн|fencing|epoch|эпох|"
        r"quorum|кворум|unique|уникальн|dedup|дедуп|idempot|идемпот|sequence number|порядков\w+ номер|synchronous|синхронн|outbox|"
        r"\bsaga|\bсаг[аиу]|reconcil|сверк|exactly once|at.least.once",
        "failure": r"time-?out|тайм-?аут|breaker|bulkhead|fail-?over|переключ|degrad|деград|урезанн|shed|сбрасыва|отказыва|fallback|jitter|"
        r"джиттер|hedg|partial answer|частичн\w+ ответ|n ?\+ ?1|запас|patroni|gslb|fail-?open|paused|own pool|отдельн\w+ пул|retry budget|"
        r"бюджет\w* повтор",
        "data_scale": r"shard|шард|partition|партици|hash|хэш|хеш|segment|сегмент|\b[гтм]б\b|\b[gtm]b\b|\brows?\b|\bстрок",
        "operations": r"alert|алерт|\bpage[sd]?\b|пейдж|будим|\bslo\b|burn rate|metric|метрик|canary|канаре|rollback|откат|runbook|rehears|репетици",
        "tradeoffs": r"alternative|альтернатив|rather than|would take|взял бы|выбрал бы|cheaper|дешевл|дорож|considered|рассматрива|"
        r"\bcosts?\b|обходится|instead of|вместо",
    }.items()
}
_RETRIES = re.compile(r"\bretr(?:y|ies|ied)|\bповтор(?:им|яем|ит|яет|ить|ять)|ещ[её] раз", re.IGNORECASE)
_UNANSWERED = re.compile(
    r"time[sd]? ?-?out|no answer|does(?:n't| not) answer|тайм-?аут|не ответил|нет ответа|без ответа",
    re.IGNORECASE,
)
_SETTLED = re.compile(
    r"idempot|идемпот|\bkey\b|ключ|status|статус|reconcil|сверк|blind|вслепую|\bunique\b|уникальн|on conflict|dedup|дедуп",
    re.IGNORECASE,
)
_REASON = re.compile(r"because|since\b|потому|так как|поскольку|whoever|кто бы ни", re.IGNORECASE)
_TURNED_DOWN = re.compile(
    r"отказал\w*|не (?:стал\w*|буд\w+|берём|беру)\b|рассматрив\w+|отверг\w*|reject\w*|turned down|considered|would not|wouldn'?t|decided against",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\b(?:how|what|which|when|where|who|сколько|как\w*|кто|что|когда|где|куда)\b", re.IGNORECASE
)
_FIGURE = re.compile(r"\d+(?:[ \u00a0]\d{3})*")
_CLAUSE = re.compile(r",|;|\s(?:и|или|либо|а|and|or)\s", re.IGNORECASE)
_UNCLEAR = re.compile(
    r"не (?:очень |совсем |уверен\w*,? что )?(?:понял|поняла|понимаю)\b.{0,20}(?:вопрос|задан|что вы|о ч[её]м)|переформулир|перефразир"
    r"|повторите(?:,)? (?:пожалуйста,? )?вопрос|что вы имеете в виду|(?:don'?t|didn'?t|not sure i) (?:quite )?(?:understand|get|follow)"
    r"|rephrase|repeat (?:the|your|that) question|what do you mean|come again",
    re.IGNORECASE,
)
_OPINION = re.compile(
    r"(?:как вам|это|так|схема|решение|ответ)\b.{0,20}(?:нормальн\w*|хорош\w*|пойд[её]т|правильн\w*|подойд[её]т)\s*\?|что (?:вы )?(?:скажете|думаете)\b.{0,30}\?"
    r"|я прав\w*\s*\?|(?:is (?:this|that|it|my \w+)|does (?:this|that|it)).{0,20}(?:good|ok|okay|fine|right|correct|enough|sound)[^?]{0,20}\?"
    r"|do you (?:like|agree|think)\b|what do you think|am i (?:right|on the right)|how am i doing|как я справля",
    re.IGNORECASE,
)
_AGREES = re.compile(
    r"\W*(?:(?:ну|вроде|похоже|кажется|наверное|пожалуй|в целом|в общем|well|i think|i guess|hm+|so|oh)\W+)*(?:да|верно|ага|угу|так|вс[её] (?:верно|так|правильно)|правильно|точно|именно|ок|окей|прогоня\w+|поехали|годится|"
    r"yes|yep|yeah|yup|y|right|ok|okay|correct|exactly|sure|fine|looks? (?:right|good|fine|ok|correct)|that'?s (?:right|it)|go(?: ahead| on)?|run it)\b",
    re.IGNORECASE,
)
_DENIES = re.compile(
    r"\W*(?:(?:ну|хм+|hm+|well|oh|uh)\W+)*(?:нет|неверно|неправильно|не так|не совсем|no|nope|wrong|incorrect|not (?:quite|right|exactly))\b",
    re.IGNORECASE,
)
_BUT = re.compile(r"\b(?:но|только|кроме|однако|but|only|except|however)\b", re.IGNORECASE)
_SMALL = word_set(
    "what when which where with this that they them then than have does would will your from into about give take "
    "чего чему если когда какой какая какую какие каким который этого этом этому сколько сделаете будет было ваше вашей "
    "тогда станет можно вашего они него"
)


def answers(text: str, axis: str) -> bool:
    """Whether a sentence of the turn answers the axis: by the judge's marks, or by the axis's means and something solid."""
    found = _supports(text)
    return found[axis] >= ANSWERS or (
        _solid(found) and axis in MEANS and MEANS[axis].search(text) is not None
    )


def speaks_of(text: str, axis: str, question: str) -> bool:
    """Whether the turn has anything of the axis: a level rises over figures that answer another question, too."""
    named = axis in MEANS and MEANS[axis].search(text) is not None
    return named or on_topic(text, question) or _supports(text)[axis] > SOLID


def concrete(text: str) -> bool:
    """Whether a sentence of the turn names figures, settings or parts, whatever it is about."""
    return bool(re.search(r"\d", text)) or _solid(_supports(text))


def _solid(supports: Mapping[str, float]) -> bool:
    return min(supports.values()) >= SOLID


def on_topic(text: str, question: str) -> bool:
    """Whether the turn speaks of the things the question speaks of."""
    return bool(_content(text) & _content(question))


def doubtful(text: str) -> tuple[str, str]:
    """The sentence of a turn that promises what nothing gives, with no reason, or repeats a call whose outcome is unknown.

    With it how to stop at it: `challenge` or `challenge_retry`; two empty strings where nothing is doubtful.
    """
    for sentence in reading_of(text, Context()).sentences:
        words = text[sentence.span.start : sentence.span.end].strip()
        promised = any(m.concept in PROMISES for m in sentence.matches) and not _REASON.search(words)
        blind = _RETRIES.search(words) and _UNANSWERED.search(words) and not _SETTLED.search(text)
        if promised or blind:
            words = words.rstrip(".;")
            quote = words if len(words) <= QUOTED else words[:QUOTED].rsplit(" ", 1)[0] + "…"
            return "challenge_retry" if blind else "challenge", quote
    return "", ""


def names_means(text: str, axis: str) -> bool:
    """Whether the turn names what another axis than the one asked about is answered by: it is no commonplace, then."""
    if len(text.split()) < MEANS_WORDS:
        return False
    named = [m[0] for other, pattern in MEANS.items() if other != axis for m in pattern.finditer(text)]
    return any(not is_commonplace(word) for word in named)


def is_commonplace(word: str) -> bool:
    """Whether one of `MEANS` is a word that anybody uses."""
    return _WEAK.match(word) is not None


def knows_nothing(text: str) -> bool:
    """Whether the turn admits a gap and no more: who forgot a name and tells the thing has answered."""
    if _SHRUG.match(text):
        return True
    return admits_gap(text) and not _TELLS.search(text)


def brief(text: str) -> bool:
    """Whether the turn is a few words that carry no reason of their own."""
    return len(text.split()) < PROSE_WORDS


def reasons(text: str) -> bool:
    """Whether the turn says more than what to change: a reason, or a sentence beside it."""
    return (
        _REASON.search(text) is not None or len(re.findall(r"[.!?;](?:\s|$)", text.strip().rstrip(".!;"))) > 0
    )


def concedes(text: str) -> bool:
    """Whether the turn takes the task's word over its own."""
    return _CONCEDES.search(text) is not None


def asks_meaning(text: str) -> bool:
    """Whether the turn asks what a word of the task means."""
    return _MEANING.search(text) is not None


def asks_whether(text: str) -> bool:
    """Whether the turn asks if something may be done: what is known of the thing does not answer that."""
    return _WHETHER.search(text) is not None


def shards_said(text: str) -> int:
    """How many shards the candidate spoke of; 0 if of none, or of several numbers of them."""
    found = {int(number) for number in _SHARDS.findall(text)}
    return found.pop() if len(found) == 1 else 0


def off_topic(text: str) -> bool:
    """Whether a short turn speaks of the job or the interviewer and not of the system."""
    return len(text.split()) <= CONSENT_WORDS + PROSE_WORDS and _OFF_TOPIC.search(text) is not None


def estimates_missing(text: str, prompt: Prompt) -> list[str]:
    """Which of the estimates that a design begins with neither the task nor the candidate names."""
    known = f"{text}\n{prompt.brief.ru}\n{prompt.brief.en}"
    keeps = any(stem in _KEEPS for g in prompt.given for stem in g.about)
    return [
        what
        for what, pattern in _ESTIMATES.items()
        if not pattern.search(known) and (keeps or what != "keep")
    ]


def reproached(text: str) -> list[tuple[str, str]]:
    """The sentences that propose what does harm, with what they propose; a reason, or turning it down, takes the harm away."""
    found: list[tuple[str, str]] = []
    for sentence in reading_of(text, Context()).sentences:
        words = text[sentence.span.start : sentence.span.end].strip().rstrip(".;")
        if not _REASON.search(words) and not _TURNED_DOWN.search(words):
            found += [(m.concept, words) for m in sentence.matches if m.concept.startswith("harm.")]
    return found


def supposes(fact: str, text: str) -> bool:
    """Whether a turn asks no more than whether a fact is so."""
    said = "\n".join(questions_in(text))
    return told_already(fact, said) and not _OPEN.search(said)


def repeats(text: str, load: float) -> bool:
    """Whether the only figure of a turn is the load that stands there already."""
    figures = [float(f.replace("\u00a0", "").replace(" ", "")) for f in _FIGURE.findall(text)]
    return bool(figures) and all(f == load for f in figures)


def asks_to_rephrase(text: str) -> bool:
    """Whether the turn says that the question was not understood."""
    return len(text.split()) <= QUESTION_WORDS and _UNCLEAR.search(text) is not None


def asks_opinion(text: str) -> bool:
    """Whether the turn asks how it was."""
    return len(text.split()) <= QUESTION_WORDS and _OPINION.search(text) is not None


def declines_to_draw(text: str) -> bool:
    return _NO_DRAWING.search(text) is not None


def protests(text: str) -> bool:
    """Whether the turn says no more than that this was answered already."""
    return (
        len(text.split()) <= PROTEST_WORDS
        and not re.search(r"\d", text)
        and _SAID_BEFORE.search(text) is not None
    )


def consent(text: str) -> Literal["yes", "amended", "no", ""]:
    """What a turn says to a drawing that was shown back; nothing if it speaks of something else."""
    if _DENIES.match(text):
        return "no"
    if not _AGREES.match(text) or len(text.split()) > CONSENT_WORDS:
        return ""
    return "amended" if _BUT.search(text) else "yes"


def answers_anything(text: str) -> bool:
    """Whether the turn is of use at all, whatever was asked; a good tone alone is not."""
    return max(v for axis, v in _supports(text).items() if axis != "communication") >= ASIDE


def _supports(text: str) -> dict[str, float]:
    """How well the best sentence of a turn answers each axis."""
    reading = reading_of(text, Context())
    return {
        c.id: max((support(reading, s, c) for s in reading.sentences), default=0.0)
        for c in load_rubric(RUBRIC).criteria
    }


def leads_to(words: str, question: str, axis: str) -> bool:
    """Whether the candidate's words are what the question goes on from: of its axis, and of the same things."""
    return _supports(words)[axis] >= ANSWERS and bool((_content(words) & _content(question)) - _EVERYWHERE)


def fishes(text: str) -> bool:
    """Whether the turn asks for the answer instead of giving one."""
    return asks_for_answer(text) and not answers_anything(text)


def asks_back(text: str) -> bool:
    """Whether the turn is a question about the task and nothing else."""
    asked = text.rstrip().endswith("?") and len(text.split()) <= QUESTION_WORDS
    tentative = _TENTATIVE.match(text) is not None and len(text.split()) >= MEANS_WORDS
    return asked and not tentative and not answers_anything(text)


def asked_about(text: str, prompt: Prompt) -> list[Given]:
    """What the task's author knows about the questions in a turn."""
    found: list[Given] = []
    for question in questions_in(text):
        for clause in _CLAUSE.split(question):
            words = [t.text for t in tokens(clause)]
            best = max(prompt.given, key=lambda g: g.fits(words), default=None)
            if best is not None and best.fits(words) >= 1 and best not in found:
                found.append(best)
    return found


def questions_in(text: str) -> list[str]:
    return re.findall(r"[^.?!\n]*\?", text)


def told_already(question: str, text: str) -> bool:
    """Whether a paragraph of the candidate holds most of the question's own words."""
    wanted = _content(question)
    if len(wanted) < 4:
        return False
    return any(
        len(wanted & _content(paragraph)) >= SAME_QUESTION * len(wanted) for paragraph in text.split("\n\n")
    )


def drawing_and_prose(text: str) -> tuple[str, str]:
    """The drawing in its plain notation, line for line, and what was said around it; a caption says nothing."""
    found = sketch_of(text)
    return found.text, found.prose if len(found.prose.split()) >= PROSE_WORDS else ""


def _content(text: str) -> set[str]:
    """Stems of the words that carry a sentence's meaning."""
    return {t.text[:_STEM] for t in tokens(text) if len(t.text) > 3 and t.text not in _SMALL}
