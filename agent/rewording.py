"""Whether a model's rewording of a draft still says the draft: its figures, its quotes, its questions, and nothing besides.

The draft is what code decided to say. A model that adds a remedy gives an answer away, one that drops a "not" turns a
question round, one that praises says what nobody meant: all of these fail, and the draft is said as it stands.
"""

from __future__ import annotations

import re

from agent.judge import lexicon
from agent.model import ModelFailure
from agent.text import tokens, word_set

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_RUN_ID = re.compile(r"\b[0-9a-f]{6,16}\b")
_QUOTED = re.compile(r"«[^»]*»|“[^”]*”|\"[^\"]*\"")
# Groups of the lexicon that name a remedy, a mechanism or a design: a question must not bring any that the draft lacks.
_ANSWERS = frozenset({"prevent", "detect", "mitigate", "respond", "mech", "systemic"})
_NEGATIONS = word_set(
    "не ни нет без нельзя not no never without nor cannot don doesn didn isn wasn won wouldn couldn shouldn"
)
_PRAISE = re.compile(
    r"балл|оценк|оценива|великолеп|превосходн|блестящ|отличн|прекрасн|молодец|браво|зачёт|взял бы|рекоменду\w+ к найму|"
    r"\bscore|\bgrade|excellent|brilliant|perfect|\bgreat\b|outstanding|impressive|well done|would hire|strong hire|full marks",
    re.IGNORECASE,
)  # fmt: skip
SHORTEST, LONGEST = 0.5, 1.5  # of the draft's length


def same_meaning(draft: str, text: str) -> None:
    """Raises ModelFailure when the rewording is not the draft in other words."""
    for why, wrong in (
        ("brings a new number", sorted(_new(_NUMBER, text, draft))),
        ("loses a number", sorted(_new(_NUMBER, draft, text))),
        ("loses run", sorted(_new(_RUN_ID, draft, text))),
        ("changes a quote", [q for q in _QUOTED.findall(draft) if q[1:-1] not in text]),
        ("brings an answer", sorted(_remedies(text) - _remedies(draft))),
        ("praises or grades", sorted({p.lower() for p in _PRAISE.findall(text)} - {p.lower() for p in _PRAISE.findall(draft)})),
    ):  # fmt: skip
        if wrong:
            raise ModelFailure("malformed", f"the rewording {why}: {wrong[0][:60]}")
    if text.count("?") != draft.count("?"):
        raise ModelFailure("malformed", "the rewording asks another number of questions")
    if _denials(text) != _denials(draft):
        raise ModelFailure("malformed", "the rewording denies more or less than the draft")
    if not SHORTEST * len(draft) <= len(text) <= LONGEST * len(draft):
        raise ModelFailure("malformed", "the rewording is not about as long as the draft")


def _new(pattern: re.Pattern[str], text: str, known: str) -> set[str]:
    return set(pattern.findall(text)) - set(pattern.findall(known))


def _remedies(text: str) -> set[str]:
    return {m.concept for m in lexicon().find(text) if m.concept.partition(".")[0] in _ANSWERS}


def _denials(text: str) -> int:
    return sum(t.text in _NEGATIONS for t in tokens(text))
