"""Why a level was given, in the words of the text's language, and the quotes that carry it.

Chooses and words; the level itself is decided elsewhere and never changed here.
"""

from functools import lru_cache
from pathlib import Path

import yaml

from agent.judge.model import Linear
from agent.judge.reading import Reading, Sentence
from agent.judge.signals import PATTERNS, anchored, concreteness
from agent.rubric import RUBRICS, Criterion, RubricError, Wording
from agent.text import Language
from agent.verdict import Quote

MAX_QUOTES = 3
MAX_QUOTE_CHARS = 240
LABELS_FILE = "labels.yaml"
_LOW = 1.5  # below it the feedback shows what pulled the level down

_PHRASES = {
    "ru": {
        "seen": "видно: ",
        "missing": "не хватает: ",
        "against": "мешает: ",
        "none": "в тексте нет ничего по этому вопросу",
    },
    "en": {
        "seen": "seen: ",
        "missing": "missing: ",
        "against": "against it: ",
        "none": "nothing in the text answers this",
    },
}


@lru_cache(maxsize=4)
def labels(folder: Path = RUBRICS) -> dict[str, Wording]:
    """What each signal is called in both languages. Raises RubricError."""
    path = folder / LABELS_FILE
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {str(name): Wording.model_validate(text) for name, text in raw["labels"].items()}
    except (OSError, yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RubricError(f"{path.name}: not readable: {' '.join(str(error).split())[:200]}") from None


def quotes_for(reading: Reading, criterion: Criterion, level: float) -> tuple[Quote, ...]:
    """The sentences that answer the criterion best, the best first; for a low level, what hurts behind them."""
    scored = [(support(reading, s, criterion), i) for i, s in enumerate(reading.sentences)]
    best = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: (-pair[0], pair[1]))[:MAX_QUOTES]
    chosen = [i for _, i in best]
    if level < _LOW:
        chosen += [i for i in _harmful(reading, criterion)[:1] if i not in chosen]
    return tuple(_quote(reading, reading.sentences[i]) for i in chosen)


def support(reading: Reading, sentence: Sentence, criterion: Criterion) -> float:
    """How well a sentence answers the criterion; 0 when it says nothing to the point."""
    marks = evidence_in(sentence, criterion)
    solid = concreteness(reading, sentence)
    if not marks:
        return min(1.0, solid) * 0.5 if solid >= 1.0 else 0.0
    return anchored(reading, sentence) * len(marks) + min(2.0, solid) * 0.5


def evidence_in(sentence: Sentence, criterion: Criterion) -> frozenset[str]:
    """The concepts and forms of a sentence that speak of the criterion."""
    hits = {m.concept for m in sentence.matches if any(_covers(e, m.concept) for e in criterion.evidence)}
    return frozenset(hits) | {e for e in criterion.evidence if e in PATTERNS and PATTERNS[e](sentence)}


def _covers(evidence: str, concept: str) -> bool:
    return concept == evidence or concept.startswith(f"{evidence}.")


def _harmful(reading: Reading, criterion: Criterion) -> list[int]:
    groups = ("harm.", "blame.")
    against = {name for name in criterion.minus if name.startswith(groups) or name in ("harm", "blame")}
    found = []
    for i, sentence in enumerate(reading.sentences):
        if any(m.concept in against or m.concept.partition(".")[0] in against for m in sentence.matches):
            found.append(i)
    return found


def _quote(reading: Reading, sentence: Sentence) -> Quote:
    start, end = sentence.span.start, sentence.span.end
    if end - start > MAX_QUOTE_CHARS:
        cut = reading.text.rfind(" ", start + MAX_QUOTE_CHARS // 2, start + MAX_QUOTE_CHARS)
        end = cut if cut > 0 else start + MAX_QUOTE_CHARS
    return Quote(start, end, reading.text[start:end])


def why(
    criterion: Criterion, model: Linear, signals: dict[str, float], level: float, language: Language
) -> str:
    """The level's meaning, then what was seen, what stood against it and what is missing."""
    phrases, names = _PHRASES[language], labels()
    words = [criterion.levels.of(language)[min(3, int(level + 0.5))]]
    seen: list[str] = []
    against: list[str] = []
    for value, name in model.parts(signals):
        label = names[name].of(language)
        bucket = seen if value > 0 else against
        if abs(value) >= 0.03 and label not in bucket:
            bucket.append(label)
    missing = [names[n].of(language) for n in _absent(model, signals)]
    missing = [label for label in dict.fromkeys(missing) if label not in seen]  # some of it is no lack of it
    if level >= 1 and seen:
        words.append(phrases["seen"] + ", ".join(seen[:3]))
    if level < 2 and against:
        words.append(phrases["against"] + ", ".join(against[:3]))
    if level < 2.5 and missing:
        words.append(phrases["missing"] + ", ".join(missing[:3]))
    return "; ".join(words)


def nothing(language: Language) -> str:
    """The reason of a level 0 without any quote."""
    return _PHRASES[language]["none"]


def _absent(model: Linear, signals: dict[str, float]) -> list[str]:
    """Signals that would have helped most and are absent or faint."""
    gains = [(c * (1.0 - signals[n]), n) for n, c in model.coefficients if c > 0.05 and signals[n] < 0.34]
    return [name for _, name in sorted(gains, key=lambda gain: (-gain[0], gain[1]))]
