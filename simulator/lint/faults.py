"""The proof of the sandbox: every kind of fault moves what its entry says it moves, and comes back where it is undoable.

Each is brought by its own example line into a copy of the quiet world; its reading is held against the same copy without
the fault, at the same second.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from simulator import snapshots
from simulator.commands import execute
from simulator.faults import catalogue, probes
from simulator.faults.combos import COMBOS
from simulator.faults.fault import DOWN, TIMES, UP, Fault
from simulator.faults.params import Wrong
from simulator.lint.proof import Proof
from simulator.scenario import Scenario, Text
from simulator.world import World

QUIET_S = 120.0  # when faults come: caches are warm, consumers have joined
BACK = 0.5  # of the threshold: what is left of a move that is over
FEWEST = 60
T = {
    "line": Text(ru="{0}: {1} → {2}{3}", en="{0}: {1} → {2}{3}"),
    "undone": Text(ru="; после undo {0}", en="; after undo {0}"),
    "healed": Text(ru="; само вернулось к {0}", en="; back at {0} by itself"),
    "fixed": Text(ru="; после «{1}» {0}", en="; after “{1}” {0}"),
    "scar": Text(ru="; остаётся, пока не починят", en="; stays until repaired"),
    "weak": Text(ru="двигает слабее порога {0}: ", en="moves less than its threshold of {0}: "),
    "stuck": Text(ru="не возвращается: ", en="does not come back: "),
    "crashed": Text(ru="ломает сам симулятор: {0}", en="breaks the simulator itself: {0}"),
    "refused": Text(ru="пример не принят: {0}", en="the example is refused: {0}"),
    "texts": Text(ru="{0} видов, тексты на двух языках, примеры разные", en="{0} kinds, texts in both languages, no example twice"),
    "few": Text(ru="не хватает: {0}", en="wanting: {0}"),
    "combo": Text(ru="{0} поломок, все принимаются", en="{0} faults, all of them accepted"),
}  # fmt: skip


def listed(scenario: Scenario) -> list[str]:
    """What the scenario's world can suffer, by id."""
    world = World(scenario)
    return [fault.id for fault in catalogue.here(world)]


def texts() -> Proof:
    """The catalogue is large enough, bilingual, and has no two kinds alike."""
    found = [f.id for f in catalogue.CATALOGUE if not (f.text.ru.strip() and f.text.en.strip())]
    found += [f.id for f in catalogue.CATALOGUE if f.text.ru == f.text.en]
    examples = [f.example for f in catalogue.CATALOGUE]
    found += [e for e in dict.fromkeys(examples) if examples.count(e) > 1]
    count = len(catalogue.CATALOGUE)
    if count < FEWEST:
        found.append(f"{FEWEST - count}")
    ok = not found
    key, value = ("texts", str(count)) if ok else ("few", ", ".join(found))
    return Proof("catalogue", ok, _text(key, value), "", {"kinds": count})


def combos(scenario: Scenario) -> list[Proof]:
    """Every combination's lines are understood."""
    world, found = World(scenario), []
    for name, combo in COMBOS.items():
        try:
            for line in combo.lines:
                catalogue.parse(world, line.split())
            found.append(Proof(f"combo.{name}", True, _text("combo", len(combo.lines))))
        except Wrong as wrong:
            found.append(Proof(f"combo.{name}", False, _text("refused", str(wrong))))
    return found


class Quiet:
    """The world before any fault, and how it reads when none comes."""

    def __init__(self, scenario: Scenario) -> None:
        world = World(scenario)
        world.turn_based = False
        world.advance_to(QUIET_S)
        self.start = snapshots.take(world)
        self.later: dict[float, snapshots.Snapshot] = {QUIET_S: self.start}
        self.known: dict[tuple[str, float, float], float] = {}

    def read(self, name: str, t_s: float, last_s: float) -> float:
        """A probe at a second of the quiet run, over its last seconds."""
        key = (name, t_s, last_s)
        if key not in self.known:
            world = self._at(t_s)
            self.known[key] = probes.read(world, name, int(t_s - last_s), int(t_s))
        return self.known[key]

    def _at(self, t_s: float) -> World:
        nearest = max(t for t in self.later if t <= t_s)
        world = self.later[nearest].world()
        if nearest < t_s:
            world.advance_to(t_s)
            self.later[t_s] = snapshots.take(world)
        return world


@lru_cache(maxsize=1)
def _quiet(text: str) -> Quiet:
    return Quiet(Scenario.model_validate_json(text))


def check(scenario: Scenario, name: str) -> Proof:
    """One kind of fault."""
    trial = Trial(_quiet(scenario.model_dump_json()), catalogue.BY_ID[name])
    try:
        return trial.proof()
    except Exception as error:  # noqa: BLE001 - one that breaks the simulator is a finding, not the end of all
        return Proof(f"fault.{name}", False, _text("crashed", repr(error)[:200]))


class Trial:
    """One fault in a copy of the quiet world."""

    def __init__(self, quiet: Quiet, fault: Fault) -> None:
        self.quiet, self.fault, self.moves = quiet, fault, fault.moves
        self.figures: dict[str, Any] = {"probe": self.moves.probe}

    def proof(self) -> Proof:
        world = self.quiet.start.world()
        reply = execute(world, f"break {self.fault.example}")
        if reply.code:
            return self._say(False, "refused", " ".join(reply.text.split()))
        world.advance_to(QUIET_S + self.moves.run_s)
        base, during = self._read(world)
        self.figures |= {"without": round(base, 4), "during": round(during, 4)}
        shown = [probes.show(self.moves.probe, v) for v in (base, during)]
        if not self._past(base, during, 1.0):
            return self._line(False, shown, Text(ru="", en=""), "weak", f"{self.moves.way} {self.moves.by:g}")
        ok, rest = self._ends(world)
        return self._line(ok, shown, rest, "" if ok else "stuck")

    def _ends(self, world: World) -> tuple[bool, Text]:
        """Take it back, wait, and look again; and the real tool's way, where there is one."""
        if self.moves.after_s <= 0:
            return True, T["scar"]
        left = snapshots.take(world) if self.fault.fix else None
        if self.fault.lasts:
            execute(world, "break undo 1")
        ok, shown = self._back(world)
        self.figures["after"] = shown
        said = [_text("undone" if self.fault.lasts else "healed", shown)]
        if left is not None:
            ok, more = self._fixed(left.world(), ok)
            said.append(more)
        return ok, Text(ru="".join(t.ru for t in said), en="".join(t.en for t in said))

    def _fixed(self, world: World, ok: bool) -> tuple[bool, Text]:
        from simulator.faults.ledger import known

        first = known(world).brought[0]
        line = self.fault.fix.format(**{**first.args, **first.memory})
        for command in line.split(" && "):
            execute(world, command)
        back, shown = self._back(world)
        self.figures["fixed"] = shown
        return ok and back, _text("fixed", shown, line)

    def _back(self, world: World) -> tuple[bool, str]:
        world.advance_to(QUIET_S + self.moves.run_s + self.moves.after_s)
        base, after = self._read(world)
        return not self._past(base, after, BACK), probes.show(self.moves.probe, after)

    def _read(self, world: World) -> tuple[float, float]:
        t_s, name, last_s = world.now_s, self.moves.probe, self.moves.last_s
        return self.quiet.read(name, t_s, last_s), probes.read(world, name, int(t_s - last_s), int(t_s))

    def _past(self, base: float, value: float, share: float) -> bool:
        """Whether a reading is past the threshold, or past so much of it."""
        by = self.moves.by
        if self.moves.way == TIMES:
            return value > max(base, 1e-9) * (1 + (by - 1) * share)
        change = value - base if self.moves.way == UP else base - value
        assert self.moves.way in (UP, DOWN)
        return change >= by * share

    def _line(self, ok: bool, shown: list[str], rest: Text, key: str, *values: object) -> Proof:
        said = {}
        for language in ("ru", "en"):
            head = T[key].of(language).format(*values) if key else ""
            name = probes.label(self.moves.probe, language)
            said[language] = head + T["line"].of(language).format(name, *shown, rest.of(language))
        return Proof(f"fault.{self.fault.id}", ok, Text(**said), "", self.figures)

    def _say(self, ok: bool, key: str, *values: object) -> Proof:
        return Proof(f"fault.{self.fault.id}", ok, _text(key, *values), "", self.figures)


def _text(key: str, *values: object) -> Text:
    return Text(ru=T[key].ru.format(*values), en=T[key].en.format(*values))
