"""Which remark an item deserves that no remedy of the catalogue fits: a wish, a call on people, a question, a joke.

Chooses a key of prompts/feedback.yaml; says nothing itself.
"""

from __future__ import annotations

import re

from agent.judge import lexicon
from agent.mapping import MappedItem
from agent.text import normalise

_STATES = ("rejected", "considered", "instruction", "stated")
_PEOPLE = ("blame.careful", "blame.person", "blame.punish", "blame.training")
WISH = "vague.improve"
_TRADE = ("prevent", "detect", "mitigate", "respond", "mech", "design", "systemic", "term", "verify")


_THANKS = re.compile(
    r"\bспасибо\b|благодар(?:ю|им|ност)|молодцы\b|\bthank(?:s| you)\b|\bkudos\b|\bwell done\b|\bgreat job\b",
    re.IGNORECASE,
)
_LESS = re.compile(
    r"отключ\w+|выключ\w+|убрать|уберём|запрет\w+|уменьш\w+|сниз\w+|сократ\w+|(?:turn|switch) (?:\w+ )?off|disabl\w+|remov\w+|reduc\w+|"
    r"lower\w*|decreas\w+|forbid\w*", re.IGNORECASE
)  # fmt: skip
_MORE = re.compile(
    r"увелич\w+|повыс\w+|поднять|поднимем|включ\w+|добав\w+|increas\w+|rais\w+|(?:turn|switch) (?:\w+ )?on|enabl\w+|add\b|more\b", re.IGNORECASE
)  # fmt: skip
# Right behind the second verb: it is about the thing of the first.
_SAME_THING = re.compile(r"\s+(?:их|его|её|ее|them|it|its|their)\b", re.IGNORECASE)


def opposed(text: str) -> bool:
    """Whether a line asks for less and for more of one thing: "turn retries off and raise their number"."""
    less, more = _LESS.search(text), _MORE.search(text)
    if less is None or more is None:
        return False
    return _SAME_THING.match(text, max(less, more, key=lambda m: m.start()).end()) is not None


def remark(item: MappedItem) -> str:
    """The key of what to say to an item without remedies."""
    if item.state in _STATES:
        return item.state
    if normalise(item.span.text).text.rstrip(" »”\"'").endswith("?"):
        return "question"
    if _THANKS.search(item.span.text) and not re.search(r"\d", item.span.text):
        return "thanks"
    concepts = {m.concept for m in lexicon().find(item.span.text) if not m.negated}
    groups = {c.partition(".")[0] for c in concepts}
    if any(c in _PEOPLE for c in concepts):
        return "people"
    if "vague" in groups and not groups & {"prevent", "detect", "mitigate", "respond"}:
        return "vague"
    if WISH in concepts and not groups & {"mech", "verify"} and not re.search(r"\d", item.span.text):
        return "vague"  # "improve monitoring": the thing has a name, what is to change has none
    return "unmapped" if groups & set(_TRADE) else "away"
