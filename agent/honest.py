"""What somebody who is asked may say instead of an answer: that they don't know, which costs nothing, or a request for it."""

import re

_LONG = 200  # characters: beyond, "I don't know" begins an answer instead of being one
_GAP = re.compile(
    r"^\W*(?:(?:честно\w*|увы|хм+|ну|да)\W+)*(?:я\s+)?(?:уже\s+|честно\s+)?"
    r"(?:хз|(?:фиг|хрен|ч[её]рт|бог)\s+(?:его\s+)?знает|не\s+(?:знаю|помню|скажу|сталкивал\w+)|(?:ни\s+малейшего\s+|даже\s+)?(?:без\s+понятия|понятия\s+не\s+имею)|затрудняюсь|пас|сдаюсь)\b|"
    r"^\W*(?:(?:honestly|hmm+|well)\W+)*(?:i\s+)?(?:(?:honestly|really|truly|just|simply)\s+)*"
    r"(?:dunno|beats\s+me|(?:don'?t|do\s+not)\s+(?:know|remember|recall)|can'?t\s+(?:recall|remember)|(?:have\s+)?no\s+(?:idea|clue)|"
    r"not\s+sure|pass|give\s+up|never\s+(?:did|done|had)\s+(?:that|this))\b",
    re.IGNORECASE,
)


_FISHING = re.compile(
    r"правильн\w* (?:ответ|решени\w*)|как(?:ой|ое|ова)?\b.{0,20}\b(?:правильн\w+|верн\w+) |(?:скажите|назовите|дайте|подскажите)\b.{0,40}"
    r"(?:ответ|решени|как (?:надо|правильно)|что (?:надо|нужно)|с чего)|\bвы бы (?:сами )?(?:что |как )?\w*|что бы вы\b|а (?:как|что) вы\b|а вы (?:сами )?(?:как|что)\b|вы сами (?:как|что)\b"
    r"|вы (?:ведь |же )?(?:сами )?знаете|подскажите\b|"
    r"what would you\b|how would you\b|(?:tell|give|show) me (?:the|an?|your|what)|(?:right|correct|expected) (?:answer|solution)|"
    r"you (?:surely |probably )?know the|what (?:do you want|are you looking) |want to hear|any hints?\b",
    re.IGNORECASE,
)  # fmt: skip
_ASKING = 60  # words: a longer turn is an answer with a question in it


# "I don't know, but I would compare the counts": who goes on like this has begun to answer.
_ATTEMPT = re.compile(
    r"[\s,;.]+(?:but|maybe|perhaps|probably|(?:i would|i'd)(?!\s+(?:have|need)\s+to)|но|может(?: быть)?|наверное|возможно|я бы|попробовал\w* бы)\b(?:\W+\w+){3,}",
    re.IGNORECASE,
)


def admits_gap(text: str) -> bool:
    gap = _GAP.match(text)
    return len(text) < _LONG and gap is not None and _ATTEMPT.search(text, gap.end()) is None


def asks_for_answer(text: str) -> bool:
    return len(text.split()) <= _ASKING and _FISHING.search(text) is not None
