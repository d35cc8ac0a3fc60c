"""What a story has told already, and whose deeds they were. Reads texts; what follows from it, agent/story/turns.py decides."""

from __future__ import annotations

import re

from agent.judge import reading_of
from agent.judge.contexts import Context
from agent.judge.explain import support
from agent.judge.signals import concreteness
from agent.rubric import load_rubric
from agent.story.book import RUBRIC

# How well one sentence has to support the criterion asked about to be an answer, whatever it does to the level (which
# hardly moves for the lighter criteria): a table of answers and phrases is in the tests.
ANSWERS = 1.0
SOLID = 1.0  # of concreteness: a figure or a name of something
OUTRIGHT = 2.5  # of support: two marks of the criterion in one sentence, or one with figures around it
_OWN = re.compile(
    r"\b(?:я|мне|мной|мною|меня|i|i'm|i'd|i've|me|myself)\b|\b(?:моя|моё|my) (?:задача|роль|часть|решение|part|role|job|decision)",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"\b(?:мы|нам|нами|он|она|они|коллег\w*|напарни\w+|тимлид\w*|команда|we|us|he|she|they|colleague\w*|teammate\w*|team|guy)\b",
    re.IGNORECASE,
)
_DEED = re.compile(
    r"(?:наш[лё]\w*|посмотрел\w*|увидел\w*|добавил\w*|починил\w*|исправил\w*|откатил\w*|перезапустил\w*|сделал\w*|решил\w*|разобрал\w*"
    r"|found|looked|saw|opened|added|fixed|rolled|restarted|did|decided|solved|switched)\b",
    re.IGNORECASE,
)
_OWN_DEED = re.compile(
    r"(?:предложил\w*|решил\w*|чинил\w*|написал\w*|проверил\w*|decided|wrote|checked|proposed|suggested)\b",
    re.IGNORECASE,
)
_TOLD_BY = {
    "task": (
        re.compile(
            r"решени\w+ (?:принимал\w*|был\w*) (?:я|сам|мо)|реш(?:ал|ил)\w* (?:я|сам)|\bотвечал\w* за|дежурн\w+ (?:был\w* )?я|i (?:decided|was (?:answerable|responsible|in charge))|"
            r"\bmy (?:part|job|call|decision) was|"
            r"(?:реша|дела|иска|чини|разбира|дежури)\w*(?: и \w+)? (?:я|сам|сама|один|одна)\b|"
            r"\bя (?:один|одна|сам|сама) (?:это |всё |все )?(?:реша|дела|иска|чини|разбира|дежури)|"
            r"решени\w+(?: \w+){0,3} принял\w* (?:я|сам)|решени\w+ (?:за|моё|мое)\b|"
            r"\bit was me who|\bi was (?:alone|on my own|the only one)|\bi (?:made|took) the (?:call|decision)|"
            r"(?:decision|call) was mine|\b(?:was|were) my (?:own )?(?:decision|call)\b",
            re.IGNORECASE,
        ),
    ),
    "action": (  # another way, and what spoke against it
        re.compile(
            r"other option|another way|alternative|could have|можно было|другой вариант|альтернатив|ещё был вариант",
            re.IGNORECASE,
        ),
        re.compile(
            r"(?:option|alternative|have|было|вариант|альтернатив)\b.{0,80}\b(?:but|because|would|но|тогда|потому|иначе|бы)\b",
            re.IGNORECASE | re.DOTALL,
        ),
    ),
    "investigation": (  # a first idea, and that it fell
        re.compile(
            r"(?:сначала|сперва|до этого|поначалу|первая версия)\b.{0,40}(?:дума|подозрева|грешил|решил|верси)|\bat first\b|first (?:idea|thought|guess|suspect)|suspected",
            re.IGNORECASE,
        ),
        re.compile(
            r"значит,? не\b|оказалось|не подтверд|отпал|ни одного|\bно\b.{0,60}\bне было|turned out|ruled (?:it |that )?out|refuted|so it was not|was not the",
            re.IGNORECASE,
        ),
    ),
}


def names_role(text: str) -> bool:
    """Whether a sentence says outright whose the decision was or who did the work."""
    return all(sign.search(text) for sign in _TOLD_BY["task"])


def told_well(text: str, criterion: str) -> bool:
    """Whether a story answers a criterion outright: to ask for it would be not to have listened."""
    signs = _TOLD_BY.get(criterion, ())
    if signs and all(sign.search(text) for sign in signs):
        return True
    wanted, reading = load_rubric(RUBRIC).criterion(criterion), reading_of(text, Context())
    return any(support(reading, s, wanted) >= OUTRIGHT for s in reading.sentences)


def nobodys_own(text: str) -> bool:
    """Whether all that was done in a story is said of "us" or of somebody else, and the teller's part is not told."""
    if told_well(text, "task"):
        return False
    reading, others = reading_of(text, Context()), 0
    wanted = [load_rubric(RUBRIC).criterion(name) for name in ("investigation", "action", "depth")]
    for sentence in reading.sentences:
        words = text[sentence.span.start : sentence.span.end]
        deeds = any(support(reading, sentence, c) >= ANSWERS for c in wanted)
        if _OWN.search(words):
            if deeds or _OWN_DEED.search(words):
                return False
        elif _OTHERS.search(words):
            others += deeds or bool(_DEED.search(words))
        elif deeds:
            return False  # without a subject a deed is the teller's
    return others > 0


def concrete(text: str) -> bool:
    """Whether a sentence names figures or things, whatever it is about."""
    if re.search(r"\d", text):
        return True
    reading = reading_of(text, Context())
    return any(concreteness(reading, s) >= SOLID for s in reading.sentences)
