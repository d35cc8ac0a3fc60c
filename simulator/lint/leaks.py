"""Whether brief and hints keep the answer to themselves.

The brief may say what everybody knows on such a day (`premise` lists such words); it may not name the version, flag,
index or line that turns out to be the cause, nor tell the cause in the words of the truth. The first two hints
point at where to look and hold no line of the solution.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from simulator.lint.proof import Proof
from simulator.scenario import Language, Scenario, Text

STEM = 5  # letters that tell words apart: Russian endings vary
SHORT = 4  # shorter words carry no answer
TOLD = 0.5  # this share of the trigger's words in the brief tells the trigger
FEW = 2
OPTIONS_WITH_VALUE = {"-n", "--namespace", "-c", "-U", "-h", "-p", "-d"}
EDGES = ".,;:!?()«»“”\"'`—–…"


def stem(word: str) -> str:
    return word.lower().replace("ё", "е")[:STEM]


def words(text: str) -> list[str]:
    return [w for w in (raw.strip(EDGES) for raw in text.replace("/", " ").split()) if w]


def _named(word: str) -> bool:
    """A name of something technical: it has a digit or a sign inside."""
    return any(c.isdigit() for c in word) or any(c in word for c in "-_.=")


def is_premise(word: str, scenario: Scenario) -> bool:
    """Whether the scenario gives this word away on purpose, or it names a part of the system that all know."""
    given = {stem(w) for line in scenario.premise for w in words(line)}
    low = word.lower()
    parts = {name.lower() for name in (*scenario.components, *scenario.traffic.classes)}
    return stem(word) in given or low in {p.lower() for p in scenario.premise} or low in parts


def _bare(line: str) -> str:
    """A command without its second."""
    return line.partition(" ")[2] if line.startswith("@") else line


def core(line: str) -> str:
    """A command without its time, namespace and options: what somebody would have to be told."""
    line = _bare(line)
    try:
        parts = shlex.split(line)
    except ValueError:
        parts = line.split()
    kept, skip = [], False
    for number, part in enumerate(parts):
        if skip:
            skip = False
            continue
        if part in OPTIONS_WITH_VALUE and part != "-c":
            skip = True
        elif number and part.startswith("-") and " " not in part:
            continue
        else:
            kept.append(part)
    return " ".join(" ".join(kept).lower().split())


def solution_cores(scenario: Scenario) -> list[str]:
    """What the reference solution does, command by command; looking does not count."""
    from simulator.commands import changes

    found = [core(line) for line in scenario.reference.commands if changes(_bare(line))]
    return [
        c for c in dict.fromkeys(found) if len(c.split()) > 1 and c.split()[0] not in ("wait", "ack", "sev")
    ]


def _flat(text: str) -> str:
    return " ".join(text.lower().split())


def told_names(text: str, scenario: Scenario) -> list[str]:
    """Technical names of the answer that a text gives away: the bad version, flags, indexes of the solution."""
    focus = scenario.focus
    suspects: Iterable[str] = [w for c in solution_cores(scenario) for w in words(c) if _named(w)]
    if focus.bad_version != focus.good_version:
        suspects = [focus.bad_version, *suspects]
    said = {w.lower() for w in words(text)}
    return [
        n for n in dict.fromkeys(s.lower() for s in suspects) if n in said and not is_premise(n, scenario)
    ]


def told_trigger(text: str, scenario: Scenario, language: Language) -> list[str]:
    """The trigger's own words in a text, when so many stand there that it tells the trigger."""
    trigger = scenario.truth.trigger.of(language)
    content = list(
        dict.fromkeys(stem(w) for w in words(trigger) if len(w) >= SHORT and not is_premise(w, scenario))
    )
    said = {stem(w) for w in words(text)}
    shared = [w for w in content if w in said]
    return shared if len(shared) >= FEW and len(shared) >= TOLD * len(content) else []


def told_lines(text: str, scenario: Scenario) -> list[str]:
    flat = _flat(text)
    return [c for c in solution_cores(scenario) if c in flat or _flat(c).replace("'", "") in flat]


def check(scenario: Scenario, variant: str) -> list[Proof]:
    """One proof for the brief, one for the first two hints."""
    return [_brief(scenario, variant), _hints(scenario, variant)]


def _brief(scenario: Scenario, variant: str) -> Proof:
    found: list[str] = []
    languages: tuple[Language, ...] = ("ru", "en")
    for language in languages:
        text = scenario.brief.of(language)
        found += [f"{language}: {w}" for w in told_names(text, scenario)]
        found += [f"{language}: {w}…" for w in told_trigger(text, scenario, language)]
        found += [f"{language}: {line}" for line in told_lines(text, scenario)]
    if not found:
        said = Text(ru="завязка не выдаёт ответа", en="the brief keeps the answer to itself")
        return Proof("leak.brief", True, said, variant)
    shown = "; ".join(found)
    said = Text(ru=f"завязка выдаёт ответ: {shown}", en=f"the brief gives the answer away: {shown}")
    return Proof("leak.brief", False, said, variant, {"told": found})


def _hints(scenario: Scenario, variant: str) -> Proof:
    found = []
    for number, hint in enumerate(scenario.hints[:2], 1):
        for language in ("ru", "en"):
            found += [f"{number} {language}: {line}" for line in told_lines(hint.of(language), scenario)]
    if not found:
        said = Text(ru="подсказки 1 и 2 не содержат решения", en="hints 1 and 2 hold no line of the solution")
        return Proof("leak.hints", True, said, variant)
    shown = "; ".join(found)
    said = Text(ru=f"подсказка содержит решение: {shown}", en=f"a hint holds the solution: {shown}")
    return Proof("leak.hints", False, said, variant, {"told": found})
