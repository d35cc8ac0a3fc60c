"""A sandbox run as the draft of a scenario: its faults are the timeline, what the player did else the reference.

The text is all there is: the console prints it, and `dropprod export SESSION --as-scenario FILE` writes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from simulator.faults.ledger import known
from simulator.faults.params import Wrong, clip, say
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

NAME = re.compile(r"[a-z][a-z0-9-]{1,39}")
MOST_COMMANDS = 100
T = {
    "name": Text(ru="save: имя из строчных латинских букв, цифр и дефисов, например my-incident; а не {0!r}", en="save: a name of small Latin letters, digits and hyphens, e.g. my-incident; not {0!r}"),
    "empty": Text(ru="save: сохранять нечего, ещё ничего не сломано", en="save: there is nothing to save, nothing was broken yet"),
    "where": Text(ru="save: черновик делается из песочницы, а это сценарий {0}", en="save: drafts are made of the sandbox, this is the scenario {0}"),
}  # fmt: skip
HEAD = Text(
    ru="# Черновик из песочницы. Допишите brief, hints, truth, clues, variants и докажите: dropprod lint {0}.yaml\n"
    "# В файл его пишет сам dropprod: dropprod export СЕССИЯ --as-scenario {0}.yaml\n",
    en="# A draft out of the sandbox. Write brief, hints, truth, clues, variants, and prove it: dropprod lint {0}.yaml\n"
    "# dropprod itself writes it into a file: dropprod export SESSION --as-scenario {0}.yaml\n",
)
TITLE = Text(ru="Черновик: {0}", en="Draft: {0}")
BRIEF = Text(
    ru="Маркетплейс, обычный день. Что-то пошло не так.",
    en="The marketplace on an ordinary day. Something has gone wrong.",
)
MINE = ("break", "chaos", "wait", "help", "hint", "status", "timeline", "ack")


def save(world: World, words: list[str]) -> str:
    """The draft's text. Raises Wrong."""
    name = words[0] if len(words) == 1 else " ".join(words)
    if not NAME.fullmatch(name) or name == "sandbox":
        raise Wrong(say(world, T["name"], clip(name)))
    return say(world, HEAD, name) + text(world, name)


def text(world: World, name: str) -> str:
    """A scenario over the sandbox. Raises Wrong when nothing was broken, or in another scenario."""
    if world.scenario.type != "sandbox":
        raise Wrong(say(world, T["where"], world.scenario.id))
    brought = known(world).brought
    if not brought:
        raise Wrong(say(world, T["empty"]))
    last = max(b.at_s for b in brought)
    draft = {
        "base": world.scenario.id,
        "id": name,
        "title": {"ru": TITLE.ru.format(name), "en": TITLE.en.format(name)},
        "duration_s": int(last) + 1800,
        "brief": {"ru": BRIEF.ru, "en": BRIEF.en},
        "timeline": [{"at_s": round(b.at_s, 1), "command": _line(b.line, b.for_s)} for b in brought],
        "reference": {"commands": _repairs(world)},
    }
    return yaml.safe_dump(draft, allow_unicode=True, sort_keys=False, width=120)


def _line(line: str, _for_s: float) -> str:
    return f"break {line}"


def _repairs(world: World) -> list[str]:
    """What the player did beside breaking and looking at the clock, with its second."""
    from simulator.commands import changes

    found = []
    for event in world.events:
        words = event.text.split()
        if event.kind == "command" and words and words[0] not in MINE and changes(event.text):
            found.append(f"@{round(event.t_s)} {event.text}")
    return found[:MOST_COMMANDS]
