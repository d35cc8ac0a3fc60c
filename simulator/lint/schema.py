"""What a scenario's file must have before running it means anything."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import yaml

from simulator.interventions import CATALOGUE
from simulator.lint.proof import Proof
from simulator.scenario import NO_TEXT, Scenario, ScenarioError, Text, parse, varied

POSTMORTEMS = Path(__file__).resolve().parent.parent.parent / "postmortems"
Finding = tuple[bool, int, Text]  # whether it holds, how many there are, what is wanted
LEAST = {
    "variants": 3,
    "clues": 2,
    "hints": 3,
    "traps": 2,
    "questions": 2,
    "interventions": 15,
    "references": 3,
}


@lru_cache(maxsize=1)
def library_themes() -> tuple[frozenset[str], ...]:
    """The themes of each incident of the library."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = []
    for path in sorted(POSTMORTEMS.glob("*.yaml")):
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
        found.append(frozenset(raw.get("themes", ())))
    return tuple(found)


def _at_least(count: int, least: int, ru: str, en: str) -> Finding:
    return (
        count >= least,
        count,
        Text(ru=f"{ru}: {count}, нужно {least}", en=f"{en}: {count}, {least} wanted"),
    )


def _variants(s: Scenario) -> Finding:
    return _at_least(len(s.variants), LEAST["variants"], "варианты причины", "variants of the cause")


def _clues(s: Scenario) -> Finding:
    return _at_least(len(s.clues), LEAST["clues"], "улики", "clues")


def _hints(s: Scenario) -> Finding:
    found = _at_least(len(s.hints), LEAST["hints"], "подсказки", "hints")
    return len(s.hints) == LEAST["hints"], found[1], found[2]


def _traps(s: Scenario) -> Finding:
    return _at_least(len(s.traps), LEAST["traps"], "ловушки", "traps")


def _questions(s: Scenario) -> Finding:
    return _at_least(len(s.questions), LEAST["questions"], "вопросы", "questions")


def _interventions(s: Scenario) -> Finding:
    unknown = [name for name in s.interventions if name not in CATALOGUE]
    if unknown:
        shown = ", ".join(unknown)
        return False, len(unknown), Text(ru=f"нет в каталоге: {shown}", en=f"not in the catalogue: {shown}")
    count = len(set(s.interventions))
    return _at_least(count, LEAST["interventions"], "меры, которые здесь важны", "interventions that matter")


def _references(s: Scenario) -> Finding:
    known = frozenset().union(*library_themes())
    missing = [theme for theme in s.themes if theme not in known]
    if missing:
        shown = ", ".join(missing)
        return (
            False,
            len(missing),
            Text(ru=f"тем нет в библиотеке: {shown}", en=f"themes the library lacks: {shown}"),
        )
    wanted = set(s.themes)
    count = sum(bool(themes & wanted) for themes in library_themes())
    return _at_least(count, LEAST["references"], "похожие инциденты по темам", "incidents with these themes")


def _invariants(s: Scenario) -> Finding:
    e = s.entities  # those that keep nothing (a topic beside the incident) have nothing to be broken
    keeps = e is not None and bool(e.stores or e.sharded or e.quorums or e.locks)
    ok = not keeps or bool(s.invariants)
    word = Text(
        ru=f"инварианты: {len(s.invariants)}" + ("" if ok else ", а сущности есть"),
        en=f"invariants: {len(s.invariants)}" + ("" if ok else ", and there are entities"),
    )
    return ok, len(s.invariants), word


def _solution(s: Scenario) -> Finding:
    count = len(s.reference.commands)
    return _at_least(count, 1, "команды эталонного решения", "commands of the reference solution")


def _story(s: Scenario) -> Finding:
    """The brief and the truth: the rest is checked field by field above."""
    missing = [
        name
        for name, text in (
            ("title", s.title), ("brief", s.brief), ("truth.trigger", s.truth.trigger),
            ("truth.mechanism", s.truth.mechanism),
        )
        if text == NO_TEXT or not text.en.strip()
    ]  # fmt: skip
    if not s.truth.contributing:
        missing.append("truth.contributing")
    shown = ", ".join(missing)
    said = (
        Text(ru=f"не хватает: {shown}", en=f"missing: {shown}")
        if missing
        else Text(ru="завязка и правда на месте", en="brief and truth are there")
    )
    return not missing, len(missing), said


CHECKS: dict[str, Callable[[Scenario], Finding]] = {
    "story": _story,
    "variants": _variants,
    "clues": _clues,
    "hints": _hints,
    "traps": _traps,
    "questions": _questions,
    "interventions": _interventions,
    "references": _references,
    "invariants": _invariants,
    "solution": _solution,
}


def check(scenario: Scenario) -> list[Proof]:
    """The file's own checks, and whether each variant is a scenario with a cause of its own."""
    found = []
    for name, look in CHECKS.items():
        ok, count, said = look(scenario)
        found.append(Proof(f"schema.{name}", ok, said, figures={"count": count}))
    return [*found, *_each_variant(scenario)]


def _cause(scenario: Scenario) -> tuple[str, str]:
    return scenario.truth.trigger.en, scenario.truth.mechanism.en


def _each_variant(scenario: Scenario) -> list[Proof]:
    proofs = []
    seen = {_cause(scenario): "file"}
    ids = [v.id for v in scenario.variants]
    for seed, variant in enumerate(scenario.variants, 2):
        name = "schema.variant"
        try:
            world = varied(scenario, seed)
            parse(world.model_dump(mode="json"), variant.id)
        except ScenarioError as error:
            proofs.append(Proof(name, False, Text(ru=str(error), en=str(error)), variant.id))
            continue
        other = seen.get(_cause(world))
        seen.setdefault(_cause(world), variant.id)
        if ids.count(variant.id) > 1:
            said = Text(ru="это имя носит и другой вариант", en="another variant has this id, too")
        elif other is not None:
            said = Text(
                ru=f"trigger и mechanism те же, что у {other}: причина должна быть другой",
                en=f"trigger and mechanism are those of {other}: the cause has to be another one",
            )
        else:
            said = Text(ru="читается, причина своя", en="can be read, a cause of its own")
        proofs.append(Proof(name, ids.count(variant.id) == 1 and other is None, said, variant.id))
    return proofs
