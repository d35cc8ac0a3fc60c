"""Sagas: local steps with compensations, and the rules by which one goes forward, retries, turns back or sticks.

A pure table of transitions over (step, phase, attempt). Orchestrated sagas keep that state in one service and
save it as the flow's `persist` says; choreographed ones are several flows joined by topics, each of which obeys
these same rules for its own steps. A saga is not isolated: others see every intermediate state.
"""

from typing import NamedTuple

from simulator.entities.spec import COMMIT, Flow, Step

FORWARD, BACKWARD, DONE, COMPENSATED, STUCK = 0, 1, 2, 3, 4

# how one try of a step ended
OK, REFUSED, FAILED, UNKNOWN = "ok", "refused", "failed", "unknown"

MS = 1_000_000


class Place(NamedTuple):
    """Where a saga stands; `doubt` is set once a try of the present step timed out, `wait_ns` before the next."""

    step: int
    phase: int
    attempt: int
    doubt: int
    wait_ns: int


def step_of(flow: Flow, step: int, phase: int) -> Step:
    """The step that is run at a place: the step itself or its compensation."""
    declared = flow.steps[step]
    if phase == FORWARD:
        return declared
    assert declared.undo is not None
    return declared.undo


def after(flow: Flow, step: int, phase: int, attempt: int, doubt: int, result: str) -> Place:
    """What follows when the present try ended with `result`."""
    running = step_of(flow, step, phase)
    if phase == FORWARD:
        if result == OK:
            following = step + 1
            return Place(following, FORWARD if following < len(flow.steps) else DONE, 0, 0, 0)
        doubt = 1 if doubt or result == UNKNOWN else 0
        if result != REFUSED and attempt + 1 < running.attempts:
            return Place(step, FORWARD, attempt + 1, doubt, running.backoff_ms * MS << attempt)
        undo_this_too = doubt and flow.on_unknown == "undo"
        return back_from(flow, step if undo_this_too else step - 1)
    if result in (OK, REFUSED):  # refused: there was nothing to undo
        return back_from(flow, step - 1)
    if attempt + 1 < running.attempts:
        return Place(step, BACKWARD, attempt + 1, 1, running.backoff_ms * MS << attempt)
    return Place(step, STUCK, attempt, 1, 0)


def back_from(flow: Flow, step: int) -> Place:
    """The next compensation at or before `step`, or the end."""
    while step >= 0:
        if flow.steps[step].undo is not None:
            return Place(step, BACKWARD, 0, 0, 0)
        step -= 1
    return Place(0, COMPENSATED, 0, 0, 0)


def transaction_start(flow: Flow, step: int) -> int:
    """The first step of the transaction that `step` is in: its first lock since the last commit."""
    first = step
    for number in range(step, -1, -1):
        if flow.steps[number].do == COMMIT and number != step:
            break
        if flow.steps[number].locks:
            first = number
    return first


def past(flow: Flow, place: Place, standing: tuple[int, ...]) -> Place:
    """The same place, or the next one with something to do, where it is known which steps stand."""
    while place.phase == BACKWARD and place.step not in standing:
        place = back_from(flow, place.step - 1)
    while place.phase == FORWARD and place.step in standing:
        following = place.step + 1
        place = Place(following, FORWARD if following < len(flow.steps) else DONE, 0, 0, 0)
    return place


def promises(flow: Flow) -> tuple[tuple[str, str], ...]:
    """(step, compensation) for every step that has one: all of them hold in the end, or none."""
    return tuple((step.name, step.undo.name) for step in flow.steps if step.undo is not None)
