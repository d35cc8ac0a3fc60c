"""Whether the evidence is there: each clue's command is typed into the broken world and into the healthy one.

What it must show appears in the first and not in the second, in both languages of the player. Standing evidence
(code, settings) is there in both, and therefore no path of its own to when things broke.
"""

from __future__ import annotations

from simulator import snapshots
from simulator.commands import execute
from simulator.lint import runs
from simulator.lint.proof import Proof
from simulator.patterns import PatternError, found_in
from simulator.run import EXEC_FOLLOW_S, make_world
from simulator.scenario import Clue, Scenario, Text
from simulator.world import World

LEAST_PATHS = 2
SHOWN = 160  # characters of an output in a message


def shows(clue: Clue, output: str) -> bool:
    """Whether an output holds what the clue says. Raises PatternError."""
    match = clue.match
    if len(match) > 2 and match.startswith("/") and match.endswith("/"):
        return found_in(f"(?m){match[1:-1]}", output)
    return match in output


def typed(snapshot: snapshots.Snapshot, line: str, language: str) -> str:
    """What a command prints in a copy of the world, as `exec` would type it."""
    world = snapshot.world()
    world.language = language
    world.follow_limit_s = EXEC_FOLLOW_S
    reply = execute(world, line)
    return reply.out + reply.err


def source(line: str) -> str:
    """Where evidence comes from: the tool and, for tools that show much, what of it is asked."""
    words = [w for w in line.replace("'", " ").replace('"', " ").split() if not w.startswith("-")]
    return " ".join(words[:3]).lower()


def check(scenario: Scenario, shared: runs.Trunk, variant: str) -> list[Proof]:
    """One proof for each clue of a variant, and one for the number of independent paths."""
    world = shared.idle.scenario
    seconds = {n: shared.acts_s if c.at_s is None else c.at_s for n, c in enumerate(world.clues)}
    broken = _moments(scenario, shared, sorted(set(seconds.values())))
    healthy = _healthy(scenario, shared.seed)
    proofs, paths = [], set()
    for number, clue in enumerate(world.clues):
        proof = _one(clue, number, broken[seconds[number]], healthy, variant)
        proofs.append(proof)
        if proof.ok and not clue.standing:
            paths.add(source(clue.command))
    count = len(paths)
    said = Text(
        ru=f"независимых путей к причине: {count}, нужно {LEAST_PATHS}",
        en=f"independent paths to the fault: {count}, {LEAST_PATHS} wanted",
    )
    return [*proofs, Proof("clues.paths", count >= LEAST_PATHS, said, variant, {"paths": sorted(paths)})]


def _moments(scenario: Scenario, shared: runs.Trunk, seconds: list[float]) -> dict[float, snapshots.Snapshot]:
    """Snapshots of the world with nobody acting."""
    found: dict[float, snapshots.Snapshot] = {}
    world: World | None = None
    for second in seconds:
        if second == shared.acts_s:
            found[second] = shared.acting
            continue
        if world is None:
            if second > shared.acts_s:
                world = shared.acting.world()
            else:
                world = make_world(shared.idle.scenario.model_copy(update={"variants": []}), shared.seed)
        world.advance_to(max(second, runs.SETTLED_S))
        found[second] = snapshots.take(world)
    return found


def _healthy(scenario: Scenario, seed: int) -> snapshots.Snapshot:
    """The world a moment before its timeline does anything."""
    world = make_world(scenario, seed)
    world.advance_to(max(runs.SETTLED_S, runs.trigger_s(world.scenario) - runs.BEFORE_S))
    return snapshots.take(world)


def _one(
    clue: Clue, number: int, broken: snapshots.Snapshot, healthy: snapshots.Snapshot, variant: str
) -> Proof:
    name = f"clue.{number + 1}"
    if not clue.match:
        said = Text(
            ru=f"не сказано, что видно (match): {clue.command}",
            en=f"no match says what it shows: {clue.command}",
        )
        return Proof(name, False, said, variant)
    figures = {"command": clue.command, "at_s": broken.now_s, "match": clue.match, "standing": clue.standing}
    for language in ("en", "ru"):
        output = typed(broken, clue.command, language)
        before = typed(healthy, clue.command, language)
        try:
            there, already = shows(clue, output), shows(clue, before)
        except PatternError as error:
            return Proof(name, False, Text(ru=f"match: {error}", en=f"match: {error}"), variant, figures)
        shown = " ".join(output.split())[:SHOWN]
        if not there:
            said = Text(
                ru=f"не видно {clue.match} на {broken.now_s:.0f} с: {clue.command} → {shown}",
                en=f"no {clue.match} at {broken.now_s:.0f} s: {clue.command} → {shown}",
            )
            return Proof(name, False, said, variant, figures)
        if already and not clue.standing:
            said = Text(
                ru=f"{clue.match} видно и до аварии ({healthy.now_s:.0f} с): {clue.command}; standing?",
                en=f"{clue.match} shows before the fault, too ({healthy.now_s:.0f} s): {clue.command}; standing?",
            )
            return Proof(name, False, said, variant, figures)
    said = Text(
        ru=f"{clue.command}: {clue.shows.ru} ({broken.now_s:.0f} с)",
        en=f"{clue.command}: {clue.shows.en} ({broken.now_s:.0f} s)",
    )
    return Proof(name, True, said, variant, figures)
