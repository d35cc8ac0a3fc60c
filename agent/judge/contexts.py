"""What a text is about, when only the id of a scenario is given: its brief and its truth.

The brief is what a player was shown and could copy; the truth tells which mechanisms are at work.
"""

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Context:
    """`shown` may be copied and is worth nothing when it is; `about` also names the mechanisms."""

    shown: str = ""
    about: str = ""


def context_of(context_id: str | None, context_text: str | None) -> Context:
    """The given text, else the scenario of that id, else nothing."""
    if context_text:
        return Context(context_text, context_text)
    return _scenario_context(context_id) if context_id else Context()


@lru_cache(maxsize=64)
def _scenario_context(context_id: str) -> Context:
    from simulator.scenario import SCENARIOS, ScenarioError, load  # costs 0.1 s; needed for an id alone

    if "/" in context_id or not (SCENARIOS / f"{context_id}.yaml").is_file():
        return Context()
    try:
        scenario = load(context_id)
    except ScenarioError:
        return Context()  # the scenario's author hears of it when it is played; a text can still be judged
    shown = f"{scenario.brief.ru}\n{scenario.brief.en}"
    truth = [scenario.truth.trigger, scenario.truth.mechanism, *scenario.truth.contributing]
    return Context(shown, "\n".join([shown, *(t.ru for t in truth), *(t.en for t in truth)]))
