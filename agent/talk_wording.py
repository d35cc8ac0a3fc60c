"""Whether a model's rewording of what a listener says gives an answer away: talks only, beside agent/rewording.py.

A question that brings a means the draft does not name, an example, or a sentence after it, leads; the draft is said instead.
"""

from __future__ import annotations

import re

from agent.interview.hearing import MEANS, is_commonplace
from agent.model import ModelFailure

_LATIN = re.compile(r"[a-z][a-z0-9_.-]+", re.IGNORECASE)
_CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)
_EXAMPLE = re.compile(
    r"\bнапример|\bк примеру|\bскажем\b|\bподсказк|\bначните с|\bподумайте о|\bможно (?:взять|сделать|начать)|\bне правда ли|\bверно ли|\bведь\b|"
    r"\bfor (?:example|instance)|\be\.g\.|\bsuch as\b|\bsay,|\bhint\b|\bbegin with\b|\bstart with\b|\bthink of\b|\bhow about\b|\bright\?|\bisn't it|\bwouldn't you",
    re.IGNORECASE,
)
_ENDS = re.compile(r"[.!?…]+(?=[\s»\"”)]|$)")
_STEM = 5  # letters
MORE = 1  # sentence that a rewording may make out of one of the draft's


def keeps_to(draft: str, said: str) -> None:
    """Raises ModelFailure when the rewording says more than the draft does."""
    if draft.rstrip().endswith("?") and not said.rstrip().endswith("?"):
        raise ModelFailure("malformed", "the rewording goes on behind the question")
    if len(_ENDS.findall(said)) > len(_ENDS.findall(draft)) + MORE:
        raise ModelFailure("malformed", "the rewording has more to say than the draft")
    for why, new in (
        ("gives an example", _found(_EXAMPLE, said) - _found(_EXAMPLE, draft)),
        ("names a means", _means(said) - _means(draft)),
        ("brings a term", _terms(said) - _terms(draft) if _CYRILLIC.search(draft) else set()),
    ):
        if new:
            raise ModelFailure("malformed", f"the rewording {why}: {min(new)[:60]}")


def _found(pattern: re.Pattern[str], text: str) -> set[str]:
    return {m.lower() for m in pattern.findall(text)}


def _means(text: str) -> set[str]:
    """Stems of what engineers answer with, commonplaces aside."""
    means = (pattern for axis, pattern in MEANS.items() if axis != "tradeoffs")  # words of any question
    found = (m[0].lower() for pattern in means for m in pattern.finditer(text))
    return {word[:_STEM] for word in found if not is_commonplace(word)}


def _terms(text: str) -> set[str]:
    """Latin words, which in a Russian sentence are names of things."""
    return {word.lower().rstrip(".-") for word in _LATIN.findall(text)}
