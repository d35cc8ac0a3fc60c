"""The review of a plan: which steps it names, in which order, and what the reviewer asks about the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.entities.verdicts import Verdict, Violation
from simulator.patterns import found_in
from simulator.scenario import PlanSpec, Text

if TYPE_CHECKING:
    from simulator.world import World

NUMBER = re.compile(r"(?:^|(?<=\s))(\d{1,2})[.)](?=\s)")
ORDER = Text(
    ru="«{0}» стоит раньше, чем «{1}»: нужно наоборот.", en="“{0}” comes before “{1}”: it must follow it."
)


@dataclass
class Plan:
    """The player's text, and when it was first and last written."""

    text: str = ""
    first_s: float | None = None
    written_s: float | None = None


@dataclass(frozen=True)
class Review:
    """Steps found in their order, remarks that stop the plan, and advice that does not."""

    found: list[str]
    remarks: list[str]
    advice: list[str]

    @property
    def approved(self) -> bool:
        return not self.remarks


def lines_of(text: str) -> list[str]:
    """A plan's items: its lines, or the numbered or separated parts of one line."""
    parts = [text]
    for mark in ("\\n", "\n", ";", "→", "->"):
        parts = [piece for part in parts for piece in part.split(mark)]
    parts = [piece for part in parts for piece in _numbered(part)]
    return [p.strip().lower() for p in parts if p.strip()]


def _numbered(text: str) -> list[str]:
    """The parts of `1. … 2. … 3. …`; a number that is not the next one is a figure and parts nothing."""
    found, begin, expected = [], 0, 0
    for mark in NUMBER.finditer(text):
        number = int(mark.group(1))
        if number == expected + 1:
            found.append(text[begin : mark.start()])
            begin, expected = mark.start(), number
    return [*found, text[begin:]]


def judge(spec: PlanSpec, text: str, language: str) -> Review:
    """Hold a plan against the steps a change needs. Deterministic; nothing of the world is asked."""
    lines, places = lines_of(text), dict[str, int]()
    for number, line in enumerate(lines):
        for name, step in spec.steps.items():
            if name not in places and any(found_in(word, line) for word in step.words):
                places[name] = number
    remarks: list[str] = []
    advice: list[str] = []
    for name, step in spec.steps.items():
        if name not in places:
            (advice if step.advice else remarks).append(step.remark.of(language))
            continue
        for other in step.after:
            if other in places and places[other] > places[name]:
                names = (step.text.of(language), spec.steps[other].text.of(language))
                remarks.append(ORDER.of(language).format(*names))
    return Review(sorted(places, key=places.__getitem__), remarks, advice)


def plan_complete(world: World) -> Verdict:
    """A plan has been written that the review has nothing against."""
    spec, plan = world.scenario.plan, world.rooms.get("planning")
    if spec is None:
        return Verdict(True)
    review = judge(spec, plan.text if plan else "", world.language)
    if plan and plan.text and review.approved:
        return Verdict(True)
    steps = len([s for s in spec.steps.values() if not s.advice])
    shown = f"{len(review.found)}/{steps}" if plan and plan.text else "-"
    at_ns = round(world.now_s * 1e9)
    return Verdict(False, [Violation("below-level", world.plane.history.seconds, at_ns, 0, "plan", shown)])
