"""The closed catalogue of faults: one registry, and the reading of a line into a kind with its values."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from simulator.faults.fault import Fault
from simulator.faults.kinds import ALL
from simulator.faults.params import Param, Value, Wrong, clip, say
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

CATALOGUE: tuple[Fault, ...] = ALL
BY_ID: dict[str, Fault] = {fault.id: fault for fault in CATALOGUE}
TECHNOLOGIES: tuple[str, ...] = tuple(dict.fromkeys(fault.technology for fault in CATALOGUE))
FOR = Param("for", "s", 0.05, 86_400.0, 0.0, flag=True)
T = {
    "kind": Text(ru="нет вида поломки {0!r}; похожие: {1} (все: break list)", en="no kind of fault {0!r}; like it: {1} (all: break list)"),
    "missing": Text(ru="не хватает {0}; форма: {1}; например: break {2}", en="{0} is missing; the form: {1}; e.g. break {2}"),
    "extra": Text(ru="лишнее {0!r}; форма: {1}", en="{0!r} is too much; the form: {1}"),
    "flag": Text(ru="неизвестный флаг {0}; есть: {1}", en="unknown flag {0}; there are: {1}"),
    "value": Text(ru="у флага {0} нет значения", en="flag {0} has no value"),
    "moment": Text(ru="--for не нужен: {0} случается один раз", en="no --for here: {0} happens once"),
    "absent": Text(ru="в этом мире нечего ломать видом {0}", en="this world has nothing that {0} could break"),
}  # fmt: skip


class Call:
    """A line that was understood: the kind, its values by name, and how long it is to last (0: until undone)."""

    def __init__(self, fault: Fault, args: dict[str, Value], for_s: float, line: str) -> None:
        self.fault, self.args, self.for_s, self.line = fault, args, for_s, line


def here(world: World, technology: str = "") -> list[Fault]:
    """The kinds that this world can suffer."""
    return [f for f in CATALOGUE if (not technology or f.technology == technology) and f.needs(world)]


def find(words: list[str]) -> tuple[Fault, int] | None:
    """The kind whose phrase is the longest beginning of the words, and how many words that is."""
    flags = {w.partition("=")[0] for w in words if w.startswith("--")}
    plain = [w for w in words if not w.startswith("--")]
    best: tuple[int, int, Fault] | None = None
    for fault in CATALOGUE:
        for phrase in (fault.id, *fault.phrases):
            parts = phrase.split()
            must = {p for p in parts if p.startswith("--")}
            head = [p for p in parts if not p.startswith("--")]
            if plain[: len(head)] == head and must <= flags:
                rank = (len(head), len(must))
                if best is None or rank > best[:2]:
                    best = (*rank, fault)
    return (best[2], best[0]) if best else None


def parse(world: World, words: list[str]) -> Call:
    """Raises Wrong, with one line."""
    found = find(words)
    if found is None:
        raise Wrong(say(world, T["kind"], clip(" ".join(words[:2])), ", ".join(_like(words)) or "-"))
    fault, length = found
    if not fault.needs(world):
        raise Wrong(say(world, T["absent"], fault.id))
    plain, flags = _split(world, fault, words)
    values = plain[length:]
    args = _positional(world, fault, values)
    for param in (p for p in fault.params if p.flag):
        if param.name in flags:
            args[param.name] = param.read(world, flags[param.name])
        elif param.default is not None:
            args[param.name] = param.default
        else:
            raise Wrong(say(world, T["missing"], f"--{param.name}", fault.synopsis, fault.example))
    for_s = 0.0
    if "for" in flags:
        if not fault.lasts:
            raise Wrong(say(world, T["moment"], fault.id))
        for_s = float(FOR.read(world, flags["for"]))
    return Call(fault, args, for_s, " ".join(clip(w) for w in words))


def _split(world: World, fault: Fault, words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Words without flags, and the flags' values."""
    bare = {w[2:] for phrase in fault.phrases for w in phrase.split() if w.startswith("--")}
    named = {p.name for p in fault.params if p.flag} | {"for"}
    bare -= named
    plain: list[str] = []
    flags: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            plain.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if name in bare and not equals:
            flags[name] = ""
        elif name not in named:
            known = ", ".join(f"--{n}" for n in sorted(named | bare))
            raise Wrong(say(world, T["flag"], clip(word), known))
        elif not equals and not rest:
            raise Wrong(say(world, T["value"], f"--{name}"))
        else:
            flags[name] = value if equals else rest.pop(0)
    return plain, flags


def _positional(world: World, fault: Fault, values: list[str]) -> dict[str, Value]:
    params = [p for p in fault.params if not p.flag]
    if len(values) > len(params):
        raise Wrong(say(world, T["extra"], clip(values[len(params)]), fault.synopsis))
    args: dict[str, Value] = {}
    for number, param in enumerate(params):
        if number < len(values):
            args[param.name] = param.read(world, values[number])
        elif param.default is not None:
            args[param.name] = param.default
        else:
            raise Wrong(say(world, T["missing"], param.name.upper(), fault.synopsis, fault.example))
    return args


def _like(words: list[str]) -> list[str]:
    """Kinds whose words are near to what was typed."""
    typed = " ".join(words[:2])
    if words and words[0] in TECHNOLOGIES:
        return [f.id for f in CATALOGUE if f.technology == words[0]][:8]
    known = {phrase.partition(" --")[0]: f.id for f in CATALOGUE for phrase in (f.id, *f.phrases)}
    near = difflib.get_close_matches(typed[:60], list(known), 4, 0.4)
    near += difflib.get_close_matches(typed.split(" ")[0][:40], list(known), 4, 0.5)
    return list(dict.fromkeys(known[n] for n in near))[:4]
