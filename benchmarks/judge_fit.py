"""Fits the embedded judge's coefficients from labelled texts (offline; numpy is used here and not at run time).

Every signal has a sign fixed by its rubric, so a fit can weaken a signal but never turn it round. A shared
"quality" is fitted over all rubrics at once, because a few dozen texts a rubric are too few for it alone;
each criterion then leans on that quality and on its own signals. Nothing here prints or measures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from agent.judge.register import Vocabulary, register
from agent.rubric import RUBRIC_IDS, Criterion, load_rubric

Vector = np.ndarray[Any, np.dtype[np.float64]]

QUALITY_PENALTY = 6.0
OWN_SCALE = 0.8  # how freely a rubric may depart from the shared quality
CRITERION_PENALTY = 12.0
QUALITY_WEIGHT = 4.0  # a criterion's quality term is penalised that much less than a signal
SPREAD_FLOOR = 0.03  # a signal that hardly varies must not get a huge coefficient
STRETCH_CAP = 1.3
WORD_PENALTY = 20.0
WORD_CONTEXTS = 5  # a word must turn up in so many contexts, and at two authors, to tell more than the topic
WORDS_KEPT = 400


@dataclass(frozen=True)
class Sample:
    """A labelled text with its signals."""

    id: str
    rubric: str
    language: str
    author: str
    context: str
    signals: dict[str, float]
    words: Vocabulary
    levels: dict[str, float]
    overall: float


def nonnegative_ridge(x: Vector, y: Vector, penalties: Vector) -> Vector:
    """argmin |y - xw|² + Σ penalty·w² over w ≥ 0, by coordinate descent (deterministic)."""
    gram, target = x.T @ x, x.T @ y
    weights = np.zeros(x.shape[1])
    diagonal = np.diag(gram) + penalties
    for _ in range(500):
        moved = 0.0
        for j in range(len(weights)):
            rest = target[j] - gram[j] @ weights + gram[j, j] * weights[j]
            new = max(0.0, rest / diagonal[j])
            moved = max(moved, abs(new - weights[j]))
            weights[j] = new
        if moved < 1e-6:
            break
    return weights


@dataclass(frozen=True)
class Linear:
    """bias + Σ coefficient·signal, plus `quality` times the shared quality where it is used."""

    bias: float
    coefficients: dict[str, float]
    quality: float = 0.0

    def of(self, signals: dict[str, float], quality: float = 0.0) -> float:
        total = self.bias + self.quality * quality
        return total + sum(c * signals[name] for name, c in self.coefficients.items())


def _matrix(samples: Sequence[Sample], names: Sequence[str], minus: set[str]) -> Vector:
    return np.array([[-s.signals[n] if n in minus else s.signals[n] for n in names] for s in samples])


def fit_words(samples: Sequence[Sample]) -> dict[str, float]:
    """Weights of the words that go with good and with poor texts, apart from rubric and language."""
    seen: dict[str, set[str]] = {}
    by: dict[str, set[str]] = {}
    for s in samples:
        for word in s.words.said:
            seen.setdefault(word, set()).add(s.context if s.context != "None" else s.id.rstrip("~"))
            by.setdefault(word, set()).add(s.author)
    names = [w for w in sorted(seen) if len(seen[w]) >= WORD_CONTEXTS and len(by[w]) >= 2]
    x = np.array([[float(w in s.words.said) for w in names] for s in samples])
    y = np.array([s.overall for s in samples])
    for group in sorted({(s.rubric, s.language) for s in samples}):
        here = np.array([(s.rubric, s.language) == group for s in samples])
        y[here] -= y[here].mean()
        x[here] -= x[here].mean(axis=0)
    dual = np.linalg.solve(x @ x.T + WORD_PENALTY * np.eye(len(y)), y)
    weights = x.T @ dual
    kept = sorted(zip(np.abs(weights), names, weights, strict=True), key=lambda t: (-t[0], t[1]))[:WORDS_KEPT]
    return {name: round(float(weight), 4) for _, name, weight in sorted(kept, key=lambda t: t[1])}


def with_words(samples: Sequence[Sample], folds: int = 8) -> list[Sample]:
    """The samples with their word signals, each from weights that have not seen its author's context."""
    groups = sorted({(s.author, s.context) for s in samples})
    fold_of = {g: i % folds for i, g in enumerate(groups)}
    found = {}
    for fold in range(folds):
        weights = fit_words([s for s in samples if fold_of[(s.author, s.context)] != fold])
        for s in samples:
            if fold_of[(s.author, s.context)] == fold:
                found[s.id] = replace(s, signals=s.signals | register(s.words, weights))
    return [found[s.id] for s in samples]


def fit_quality(samples: Sequence[Sample]) -> dict[str, Linear]:
    """The shared quality of each rubric present in the samples, aimed at `overall`."""
    rubrics = [r for r in RUBRIC_IDS if any(s.rubric == r for s in samples)]
    signs = {r: load_rubric(r).quality for r in rubrics}
    minus = {n for q in signs.values() for n in q.minus}
    names = sorted({n for q in signs.values() for n in (*q.plus, *q.minus)})
    x = _matrix(samples, names, minus)
    spread = x.std(axis=0) + SPREAD_FLOOR
    of = np.array([rubrics.index(s.rubric) for s in samples])
    y = np.array([s.overall for s in samples])
    scaled = np.zeros_like(x)
    means, levels = {}, {}
    for i, rubric in enumerate(rubrics):
        here = of == i
        mask = np.array([n in signs[rubric].plus or n in signs[rubric].minus for n in names], dtype=float)
        means[rubric], levels[rubric] = x[here].mean(axis=0), float(y[here].mean())
        scaled[here] = (x[here] - means[rubric]) / spread * mask
        y[here] -= levels[rubric]
    blocks = [scaled, *(scaled * (of == i)[:, None] * OWN_SCALE for i in range(len(rubrics)))]
    weights = nonnegative_ridge(np.hstack(blocks), y, np.full(len(names) * len(blocks), QUALITY_PENALTY))
    shared, count = weights[: len(names)], len(names)
    result = {}
    for i, rubric in enumerate(rubrics):
        own = weights[count * (i + 1) : count * (i + 2)] * OWN_SCALE
        used = set(signs[rubric].plus) | set(signs[rubric].minus)
        raw = [(w / sd if n in used else 0.0) for n, w, sd in zip(names, shared + own, spread, strict=True)]
        bias = levels[rubric] - float(np.dot(raw, means[rubric]))
        signed = {n: (-c if n in minus else c) for n, c in zip(names, raw, strict=True) if c > 1e-4}
        result[rubric] = Linear(bias, signed)
    return result


def fit_criterion(samples: Sequence[Sample], criterion: Criterion, quality: Vector) -> Linear:
    """One criterion from the quality (out of fold for each sample) and the criterion's own signals."""
    names = [*criterion.plus, *criterion.minus]
    minus = set(criterion.minus)
    x = np.column_stack([quality, _matrix(samples, names, minus)])
    y = np.array([s.levels[criterion.id] for s in samples])
    mean, spread = x.mean(axis=0), x.std(axis=0) + SPREAD_FLOOR
    penalties = np.full(x.shape[1], CRITERION_PENALTY)
    penalties[0] /= QUALITY_WEIGHT
    weights = nonnegative_ridge((x - mean) / spread, y - y.mean(), penalties)
    raw = weights / spread
    bias = float(y.mean() - raw @ mean)
    signed = {n: float(-c if n in minus else c) for n, c in zip(names, raw[1:], strict=True) if c > 1e-4}
    return Linear(bias, signed, float(raw[0]))


def out_of_fold(
    samples: Sequence[Sample], fit: Callable[[list[Sample]], Callable[[Sample], float]], folds: int = 6
) -> Vector:
    """Each sample's value from a fit that has not seen its author's texts on that context."""
    groups = sorted({(s.author, s.context) for s in samples})
    fold_of = {g: i % folds for i, g in enumerate(groups)}
    found = np.zeros(len(samples))
    for fold in range(folds):
        rest = [s for s in samples if fold_of[(s.author, s.context)] != fold]
        predict = fit(rest)
        for i, sample in enumerate(samples):
            if fold_of[(sample.author, sample.context)] == fold:
                found[i] = predict(sample)
    return found


def stretched(model: Linear, y: Vector, held_out: Vector) -> Linear:
    """Undo the shrinkage of a penalised fit: as much spread as the labels have, within a cap."""
    ratio = float(min(STRETCH_CAP, max(1.0, y.std() / (held_out.std() + 1e-9))))
    middle = float(y.mean())
    bias = middle + ratio * (model.bias - middle)
    return Linear(bias, {n: c * ratio for n, c in model.coefficients.items()}, model.quality * ratio)


def fit_all(samples: Sequence[Sample]) -> dict[str, Any]:
    """The whole frozen model as plain data: what rubrics/model.json holds as "words" and "models"."""
    words = fit_words(samples)
    samples = with_words(samples)
    quality = fit_quality(samples)

    def held_out_quality(rest: list[Sample]) -> Callable[[Sample], float]:
        models = fit_quality(rest)
        return lambda s: models[s.rubric].of(s.signals)

    q_held = dict(zip([s.id for s in samples], out_of_fold(samples, held_out_quality), strict=True))
    result: dict[str, Any] = {}
    for rubric_id, model in quality.items():
        mine = [s for s in samples if s.rubric == rubric_id]
        result[rubric_id] = _fit_rubric(mine, rubric_id, model, np.array([q_held[s.id] for s in mine]))
    return {"words": words, "models": result}


def _fit_rubric(samples: list[Sample], rubric_id: str, quality: Linear, q_held: Vector) -> dict[str, Any]:
    rubric = load_rubric(rubric_id)
    held_levels = np.zeros(len(samples))
    criteria = {}
    by_id = {s.id: q for s, q in zip(samples, q_held, strict=True)}
    for criterion in rubric.criteria:

        def held_out(rest: list[Sample], c: Criterion = criterion) -> Callable[[Sample], float]:
            model = fit_criterion(rest, c, np.array([by_id[s.id] for s in rest]))
            return lambda s: model.of(s.signals, by_id[s.id])

        y = np.array([s.levels[criterion.id] for s in samples])
        held = out_of_fold(samples, held_out)
        model = stretched(fit_criterion(samples, criterion, q_held), y, held)
        held_levels += criterion.weight * np.clip(y.mean() + (held - y.mean()) * 1.1, 0, 3)
        criteria[criterion.id] = {
            "bias": round(model.bias, 5),
            "quality": round(model.quality, 5),
            "coefficients": {n: round(c, 5) for n, c in sorted(model.coefficients.items())},
        }
    overall = np.array([s.overall for s in samples])
    slope = float(np.clip(overall.std() / (held_levels.std() + 1e-9), 0.8, STRETCH_CAP))
    return {
        "quality": {
            "bias": round(quality.bias, 5),
            "coefficients": {n: round(c, 5) for n, c in sorted(quality.coefficients.items())},
        },
        "criteria": criteria,
        "needs": list(rubric.needs),
        "overall": {
            "offset": round(float(overall.mean() - slope * held_levels.mean()), 5),
            "slope": round(slope, 5),
        },
    }
