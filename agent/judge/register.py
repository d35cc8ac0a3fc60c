"""Plain working words against idle ones: which vocabulary a text is written in.

The weights are learned offline from words that turn up whatever the incident is, and frozen with the model.
Working words count only in sentences that say something solid; idle ones count anywhere, so that no added
sentence can gain by its vocabulary alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.judge.reading import Reading
from agent.judge.signals import is_solid, saturate

WORKING, IDLE = "working_words", "idle_words"
_HALF = 1.0  # the sum of weights that earns half of the signal; typical texts reach it


@dataclass(frozen=True)
class Vocabulary:
    """Distinct lemmas of the counted sentences, and of the solid ones among them."""

    said: frozenset[str]
    solid: frozenset[str]


def vocabulary(reading: Reading) -> Vocabulary:
    """The words of a reading; numbers and signs are left to other signals."""
    said: set[str] = set()
    solid: set[str] = set()
    for sentence in reading.sentences:
        words = {w.lemma for w in sentence.words if w.text.isalpha()}
        said |= words
        if is_solid(reading, sentence):
            solid |= words
    return Vocabulary(frozenset(said), frozenset(solid))


def register(words: Vocabulary, weights: Mapping[str, float]) -> dict[str, float]:
    """The two signals, each from 0 to 1."""
    working = sum(weights[w] for w in sorted(words.solid) if weights.get(w, 0.0) > 0)
    idle = sum(-weights[w] for w in sorted(words.said) if weights.get(w, 0.0) < 0)
    return {WORKING: round(saturate(working, _HALF), 6), IDLE: round(saturate(idle, _HALF), 6)}
