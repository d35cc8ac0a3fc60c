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


def remark(item: MappedItem) -> str:
    """The key of what to say to an item without remedies."""
    if item.state in _STATES:
        return item.state
    if normalise(item.span.text).text.rstrip(" »”\"'").endswith("?"):
        return "question"
    concepts = {m.concept for m in lexicon().find(item.span.text) if not m.negated}
    groups = {c.partition(".")[0] for c in concepts}
    if any(c in _PEOPLE for c in concepts):
        return "people"
    if "vague" in groups and not groups & {"prevent", "detect", "mitigate", "respond"}:
        return "vague"
    if WISH in concepts and not groups & {"mech", "verify"} and not re.search(r"\d", item.span.text):
        return "vague"  # "improve monitoring": the thing has a name, what is to change has none
    return "unmapped" if groups & set(_TRADE) else "away"
