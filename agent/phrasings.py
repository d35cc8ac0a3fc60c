"""The one strict reader of rubrics/interventions.yaml: how each remedy is named and parametrised.

Turns phrasings whose words may come in any order into phrases of agent.concepts. Knows no text and no item.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent import strict_yaml
from agent.concepts import Lexicon, LexiconError, lexicon_from
from agent.text import Token, lemma

INTERVENTIONS = Path(__file__).resolve().parent.parent / "rubrics" / "interventions.yaml"
_ORDERED_LIMIT = 3  # orders of more words than that are too many; such phrasings become "a & b & c & d"
_SHORT_GAP = 4  # words that ".." of agent.concepts spans
_DEFAULT_SLACK = 0  # without ~N the words stand next to each other, in the order given


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ParameterSpec(_Model):
    """How one parameter is read. Durations in seconds, shares 0-1, rates a second, sizes in gigabytes."""

    kind: Literal["count", "duration", "share", "rate", "size"]
    near: list[str] = []  # words the number stands next to; without any: next to the finding
    min: float = 0.0
    max: float = 1e9
    unitless: Literal["ms"] | None = None  # what a bare number of 20 or more means
    zero: float | None = None  # what a bare 0 means, where a tool reads it as "for ever"
    scale: float = 1.0  # what the catalogue's unit is to the one read here: 1000 for milliseconds
    complement: bool = False  # a success rate of 99 % means an error rate of 1 %
    first: bool = False  # the first of a progression instead of its last
    close: bool = False  # only a number of the finding's own clause counts


class Trigger(_Model):
    """Numbers that name the remedy by themselves.

    progression: three growing percentages; chain: "50 → 5000" beside a word; small_share: at most half of
    something, beside a word.
    """

    of: Literal["progression", "chain", "small_share"]
    near: list[str] = []


class Yielding(_Model):
    """A remedy that is only what another one limits, unless one of the words says how it is done."""

    to: list[str]
    unless: list[str]


class PhrasingSpec(_Model):
    """One intervention: its phrasings by language and what may spoil or fill a finding."""

    ru: list[str] = Field(min_length=15)
    en: list[str] = Field(min_length=10)
    unless: list[str] = []  # words next to or inside a finding that make it mean something else
    negation: Literal["gate", "inside", "ignore"] = "gate"
    contradicted: str | None = None  # a finding whose characters match this says the opposite: acks=1
    yields: Yielding | None = None
    triggers: list[Trigger] = []
    parameters: dict[str, ParameterSpec] = {}


class Combination(_Model):
    of: list[str]
    gives: str


class _File(_Model):
    words: dict[str, list[str]]
    combines: list[Combination]
    covers: dict[str, list[str]]
    shadows: dict[str, list[str]]
    interventions: dict[str, PhrasingSpec]


@dataclass(frozen=True)
class Words:
    """Compiled word patterns: `stem*` by prefix, anything else by lemma or as written."""

    forms: frozenset[str]
    prefixes: tuple[str, ...]

    def match(self, token: Token) -> bool:
        return token.lemma in self.forms or token.text in self.forms or token.text.startswith(self.prefixes)


@dataclass(frozen=True)
class Phrasings:
    """The compiled file; `lexicon` finds intervention ids in texts."""

    specs: dict[str, PhrasingSpec]
    lexicon: Lexicon
    combines: tuple[Combination, ...]
    covers: dict[str, list[str]]
    shadows: dict[str, list[str]]
    unless: dict[str, Words]
    bags: dict[str, tuple[tuple[str, ...], ...]]  # by remedy: the words of each phrasing, without their order


def words(patterns: list[str] | str) -> Words:
    """Compile word patterns (a list, or one string with blanks between) for `Words.match`."""
    patterns = patterns.split() if isinstance(patterns, str) else patterns
    plain = [p for p in patterns if not p.endswith("*")]
    forms = frozenset({*plain, *(lemma(p) for p in plain)})
    return Words(forms, tuple(p[:-1] for p in patterns if p.endswith("*")))


@lru_cache(maxsize=4)
def load_phrasings(path: Path = INTERVENTIONS) -> Phrasings:
    """Read and compile the file. Raises LexiconError that names file, intervention and phrase."""
    data = strict_yaml.read(path, _File, LexiconError)
    _check_references(data, path.name)
    _check_patterns(data, path.name)
    concepts = {id: _expanded(spec, data.words, path.name, id) for id, spec in data.interventions.items()}
    return Phrasings(
        data.interventions,
        lexicon_from(concepts, path.name),
        tuple(data.combines),
        data.covers,
        data.shadows,
        {id: words(spec.unless) for id, spec in data.interventions.items()},
        {id: _bags(spec, data.words) for id, spec in data.interventions.items()},
    )


def _bags(spec: PhrasingSpec, groups: dict[str, list[str]]) -> tuple[tuple[str, ...], ...]:
    """The word patterns of each phrasing; signs and places for numbers say nothing by themselves."""
    return tuple(
        tuple(
            option
            for piece in phrasing.split()
            for option in _element(piece, groups, phrasing).split("|")
            if option[0].isalpha()
        )
        for phrasing in (*spec.ru, *spec.en)
    )


def _check_references(data: _File, name: str) -> None:
    mentioned = [id for c in data.combines for id in (*c.of, c.gives)]
    mentioned += [
        id for m in (data.covers, data.shadows) for strong, weak in m.items() for id in (strong, *weak)
    ]
    mentioned += [id for spec in data.interventions.values() if spec.yields for id in spec.yields.to]
    for id in mentioned:
        if id not in data.interventions:
            raise LexiconError(f"{name}: combines, covers, shadows or yields: no intervention {id!r}")


def _check_patterns(data: _File, name: str) -> None:
    for id, spec in data.interventions.items():
        try:
            re.compile(spec.contradicted or "")
        except re.error as error:
            raise LexiconError(f"{name}: {id}.contradicted: {error}") from None


def _expanded(spec: PhrasingSpec, groups: dict[str, list[str]], name: str, id: str) -> dict[str, Any]:
    return {
        language: [
            phrase
            for phrasing in getattr(spec, language)
            for phrase in _phrases(phrasing, groups, f"{name}: {id}.{language}: {phrasing!r}")
        ]
        for language in ("ru", "en")
    }


def _phrases(phrasing: str, groups: dict[str, list[str]], label: str) -> list[str]:
    """One phrasing as phrases of agent.concepts."""
    pieces = phrasing.split()
    slack = _DEFAULT_SLACK
    if pieces[-1].startswith("~"):
        if not pieces[-1][1:].isdigit():
            raise LexiconError(f"{label}: ~ takes a number")
        slack = int(pieces.pop()[1:])
    elements = [_element(piece, groups, label) for piece in pieces]
    if not slack or len(elements) == 1:
        return [" ".join(elements)]
    if len(elements) > _ORDERED_LIMIT:
        return [" & ".join(elements)]
    gap = " .. " if slack - len(elements) <= _SHORT_GAP else " ... "
    return [gap.join(order) for order in permutations(elements)]


def _element(piece: str, groups: dict[str, list[str]], label: str) -> str:
    options: list[str] = []
    for option in piece.split("|"):
        if option.startswith("$"):
            if option[1:] not in groups:
                raise LexiconError(f"{label}: no word group {option!r}")
            options += groups[option[1:]]
        else:
            options.append(option)
    return "|".join(options)
