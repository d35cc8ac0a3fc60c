"""What an interview remembers: everything that decides what comes next. Decides nothing itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from agent.interview.design import Design
from agent.interview.parted import Parted
from agent.interview.prompts import Prompt, Seniority
from agent.interview.trials import Trial

Length = Literal["short", "long"]


@dataclass(frozen=True)
class Asked:
    """The question that stands: its axis (empty: none), the level the axis had when it was asked, and what brought it up."""

    criterion: str = ""
    level: float = 0.0
    again: bool = False
    by: Literal["axis", "trial", "drawing", "smaller", "challenge", "figure", "parted", "closing"] = "axis"
    question: str = ""


@dataclass(frozen=True)
class Interview:
    """Everything that was said so far, as far as it decides what comes next."""

    prompt: Prompt
    level: Seniority
    length: Length
    lang: str
    said: tuple[str, ...] = ()  # the candidate's answers; commands and drawings are none
    said_to: tuple[str, ...] = ()  # the axis that was asked about before each of them
    turns: int = 0
    free: int = 0  # turns that were no answers and were not counted
    asked: dict[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    hinted: tuple[str, ...] = ()
    standing: Asked = Asked()
    design: Design | None = None
    confirmed: bool = False
    before: Design | None = None  # the drawing before its last change, while that is not confirmed
    drawing_asked: bool = False
    found: tuple[Trial, ...] = ()
    told: tuple[str, ...] = ()  # kinds of trials that were asked about
    broken: tuple[str, ...] = ()  # kinds that were asked about in any run, this one or an earlier one
    gaps: int = 0  # honest gaps in a row
    smaller: bool = False  # the smaller task was given
    again: int = 0  # questions put once more
    unasked: int = 0  # questions of the candidate's that the task has no answer to
    challenged: int = 0
    figures: tuple[float, ...] = ()  # of the task, that another number was asked about against
    parted: tuple[Parted, ...] = ()  # what the candidate said in two ways, and was asked about
    idle: bool = False  # what the spare costs was asked
    closed: bool = False  # the candidate was given the last word
    given: tuple[str, ...] = ()  # what was told about the task when asked
    over: bool = False

    @property
    def text(self) -> str:
        return "\n\n".join(self.said)
