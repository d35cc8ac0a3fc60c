"""The values an item gives the parameters of a remedy: which of its numbers is meant, in which unit.

Knows numbers and words beside them, not whether an item proposes anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.phrasings import ParameterSpec, words
from agent.quantities import Quantity
from agent.text import Token, sentences

_NEAR_CHARS = 48  # a number further away than this from its anchor belongs to something else
_MILLISECONDS_FROM = 20  # nobody waits 20 s or more "without a unit" for a connection: 300 means ms
_MOSTLY = 0.5
_CLOSE_CHARS = 8


@dataclass(frozen=True)
class Where:
    """First and last token of what was found, and of the clause around it."""

    found: tuple[int, int]
    clause: tuple[int, int]


def parameter(
    item: str, toks: tuple[Token, ...], numbers: list[Quantity], where: Where, spec: ParameterSpec
) -> float | None:
    """The value an item gives a parameter, or None."""
    sentence = next((s for s in sentences(item) if s.start <= toks[where.found[0]].start < s.end), None)
    near = words(spec.near)
    anchors = (
        [t for t in toks if near.match(t)] if spec.near else list(toks[where.found[0] : where.found[1] + 1])
    )
    left, right = where.clause
    own = toks[left].start, toks[right].end
    options = []
    for number in numbers:
        value = _as(number, spec)
        if value is None or not spec.min <= value <= spec.max or number.old:
            continue
        if sentence and not sentence.start <= number.start < sentence.end:
            continue
        if number.place != (0 if spec.first else number.chain - 1):
            continue
        distance = min((distance_of(number, t) for t in anchors), default=float("inf"))
        if spec.close and not own[0] <= number.start < own[1] and distance > _CLOSE_CHARS:
            continue
        if distance <= _NEAR_CHARS:
            options.append((distance, number.start, value))
    if not options:
        return None
    value = round(min(options)[2] * spec.scale, 9)
    return int(value) if spec.kind == "count" else value


def distance_of(number: Quantity, anchor: Token) -> float:
    """Characters between; a number before its word ("3 попытки") must stand closer than one after it."""
    if number.start >= anchor.end:
        return float(number.start - anchor.end)
    return 3.0 * max(0, anchor.start - number.end)


def _as(number: Quantity, spec: ParameterSpec) -> float | None:
    """The number in the parameter's unit, or None when it is of another kind."""
    if spec.kind == "count":
        return number.value if number.unit == "count" and number.value == int(number.value) else None
    if spec.kind == "size":
        return number.value if number.unit == "size" else None
    if spec.kind == "rate":
        return number.value if number.unit == "rate" or (number.unit == "count" and number.bare) else None
    if spec.kind == "share":
        if number.unit != "share":
            return None
        return round(1 - number.value, 6) if spec.complement and number.value > _MOSTLY else number.value
    if number.unit == "duration":
        return number.value
    if number.bare and number.unit == "count" and spec.unitless:
        if number.value == 0:
            return spec.zero
        return number.value / 1000 if number.value >= _MILLISECONDS_FROM else None
    return None
