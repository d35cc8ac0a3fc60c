"""The frozen coefficients and their application: signals in, levels and overall out.

Reads rubrics/model.json, refuses it when it was fitted for other rubrics or another lexicon. No text here.
"""

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from agent.rubric import MODEL_FILE, RUBRIC_IDS, RUBRICS, Rubric, RubricError, bundle_digest


@dataclass(frozen=True)
class Linear:
    """bias + quality·(shared quality) + Σ coefficient·signal."""

    bias: float
    quality: float
    coefficients: tuple[tuple[str, float], ...]

    def of(self, signals: dict[str, float], quality: float = 0.0) -> float:
        total = self.bias + self.quality * quality
        for name, coefficient in self.coefficients:
            total += coefficient * signals[name]
        return total

    def parts(self, signals: dict[str, float]) -> list[tuple[float, str]]:
        """What each present signal adds or takes away, largest magnitude first."""
        found = [(c * signals[n], n) for n, c in self.coefficients if signals[n] > 0]
        return sorted(found, key=lambda part: (-abs(part[0]), part[1]))


@dataclass(frozen=True)
class RubricModel:
    """One rubric's coefficients. `offset` and `slope` turn the weighted levels into the overall.

    `words` are the weights of working and idle words, the same for every rubric. `needs`: see Rubric.
    """

    quality: Linear
    criteria: dict[str, Linear]
    offset: float
    slope: float
    words: dict[str, float]
    needs: tuple[str, ...] = ()

    def levels(self, signals: dict[str, float]) -> dict[str, float]:
        """Level of each criterion, 0 to 3, rounded to a hundredth; a text off the topic keeps its share only."""
        quality = self.quality.of(signals)
        topic = math.prod([signals["topic"], *(signals[need] for need in self.needs)])
        return {name: round(topic * bounded(m.of(signals, quality)), 2) for name, m in self.criteria.items()}

    def overall(self, rubric: Rubric, levels: dict[str, float]) -> float:
        """Weighted levels on the committee's scale, 0 to 3, unrounded."""
        weighted = sum(c.weight * levels[c.id] for c in rubric.criteria)
        if not any(levels.values()):
            return 0.0
        return bounded(self.offset + self.slope * weighted)


_BEND = 0.4  # within this distance of 0 and 3 the scale bends, so that texts beyond the ends keep their order


def bounded(value: float) -> float:
    """A value on the scale 0 to 3: itself in the middle, ever closer to an end beyond it."""
    if value < _BEND:
        return _BEND * math.exp(max(-50.0, value / _BEND - 1.0))
    if value > 3.0 - _BEND:
        return 3.0 - _BEND * math.exp(max(-50.0, (3.0 - value) / _BEND - 1.0))
    return value


@lru_cache(maxsize=4)
def load_models(folder: Path = RUBRICS) -> dict[str, RubricModel]:
    """The models of all rubrics. Raises RubricError when the file is damaged or was fitted for others."""
    path = folder / MODEL_FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        words = {str(word): float(weight) for word, weight in raw["words"].items()}
        models = {name: model_from(raw["models"][name], words) for name in RUBRIC_IDS}
        fitted_for = raw["fitted_for"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RubricError(f"{path.name}: not a model: {type(error).__name__}: {error}") from None
    if fitted_for != bundle_digest(folder, with_model=False):
        raise RubricError(f"{path.name}: fitted for other rubrics or another lexicon; fit it again")
    return models


def model_from(raw: dict[str, Any], words: dict[str, float]) -> RubricModel:
    """One rubric's part of a fitted model."""
    return RubricModel(
        _linear(raw["quality"]),
        {name: _linear(part) for name, part in raw["criteria"].items()},
        float(raw["overall"]["offset"]),
        float(raw["overall"]["slope"]),
        words,
        tuple(str(need) for need in raw.get("needs", ())),
    )


def _linear(raw: dict[str, Any]) -> Linear:
    coefficients = tuple((str(n), float(c)) for n, c in sorted(raw["coefficients"].items()))
    return Linear(float(raw["bias"]), float(raw.get("quality", 0.0)), coefficients)
