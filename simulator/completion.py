"""What the Tab key offers, from the tables that parse: verbs, resource types, names of the world, flags."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

MOST = 50
SEGMENT = re.compile(r"(?:\|\|?|&&|;|\$\()\s*")  # what begins a new command within a line
WRAPPERS = ("sudo", "time", "watch", "nohup", "xargs", "timeout")
Words = Callable[["World", list[str]], Iterable[str]]


def complete(world: World, prefix: str, tools: dict[str, Tool]) -> list[str]:
    """Completions of a line's last word: tools where a command begins, else what its tool knows and the world's names."""
    words = SEGMENT.split(prefix)[-1].lstrip().split(" ")
    while len(words) > 1 and words[0] in WRAPPERS:
        words = words[1:]
    last, name = words[-1], words[0]
    if len(words) == 1:
        return _fitting(tools, last)
    tool = tools.get("kubectl" if name == "k" else name)
    forms = {w for form in (tool.forms if tool else ()) for w in form.split()[1:]}
    own = KNOWN.get(tool.name) if tool else None
    found = set(own(world, [word for word in words[1:-1] if word]) if own else ())
    if last.startswith("-"):
        return _fitting(found | {w for w in forms if w.startswith("-")}, last)
    if name == "help":
        return _fitting(tools, last)
    versions = {v for spec in world.scenario.services().values() for v in spec.versions}
    return _fitting(found | forms | set(world.scenario.components) | versions, last)


def _fitting(candidates: Iterable[str], last: str) -> list[str]:
    return [word for word in sorted(set(candidates)) if word.startswith(last)][:MOST]


def _kubectl(world: World, words: list[str]) -> Iterable[str]:
    from simulator.kubernetes.console import VERBS
    from simulator.kubernetes.parse import FLAGS, GLOBAL
    from simulator.kubernetes.resources import TYPES, resource_types
    from simulator.kubernetes.resources import items as objects

    plain = [word for word in words if not word.startswith("-")]
    if not plain:
        return {verb.split(" ")[0] for verb in VERBS}
    verb = next((v for v in (" ".join(plain[:2]), plain[0]) if v in FLAGS), plain[0])
    flags = [f"--{flag.partition(':')[0]}" for flag in f"{FLAGS.get(verb, '')} {GLOBAL}".split()]
    below = [v.split(" ")[1] for v in VERBS if v.startswith(plain[0] + " ")]
    rest = plain[len(verb.split(" ")) :]
    if verb in ("logs", "exec"):
        names = [pod.name for pod in world.kubernetes.pods.values() if pod.active]
        return [*flags, *names, *(f"deploy/{name}" for name in world.kubernetes.deployments)]
    if not rest:
        kinds = [name for each in TYPES.values() for name in (each.plural, each.singular, *each.shorts)]
        slashed = [
            f"{kind}/{name}" for kind in ("deploy", "deployment") for name in world.kubernetes.deployments
        ]
        nodes = list(world.kubernetes.nodes) if verb in ("cordon", "uncordon", "drain") else []
        return [*flags, *kinds, *below, *slashed, *nodes]
    try:
        found = [item.name for kind in resource_types(rest[0]) for item in objects(world, kind, None)]
    except Exception:  # noqa: BLE001  (no such type: nothing to offer)
        found = []
    return [*flags, *found]


def _helm(world: World, words: list[str]) -> Iterable[str]:
    from simulator.helm.console import ALIASES, BOOLEANS, NAMES, VALUES

    plain = [word for word in words if not word.startswith("-")]
    if not plain:
        return [*NAMES.split("|"), *ALIASES]
    flags = [f"--{name}" for name in f"{BOOLEANS}|{VALUES}".split("|")]
    below = ["values", "manifest", "notes", "hooks", "all", "metadata"] if plain == ["get"] else []
    return [*flags, *below, *world.kubernetes.deployments]


def _git(world: World, words: list[str]) -> Iterable[str]:
    from simulator.git.tools import COMMANDS

    if not words:
        return COMMANDS
    commits = [commit for repository in world.scenario.repositories for commit in repository.commits]
    return [
        "HEAD",
        "--oneline",
        "--stat",
        "--since=",
        *(c.tag for c in commits if c.tag),
        *(c.hash[:7] for c in commits),
    ]


def _redis(_world: World, words: list[str]) -> Iterable[str]:
    from simulator.redis.context import TABLE

    options = [
        "--bigkeys",
        "--memkeys",
        "--hotkeys",
        "--latency",
        "--scan",
        "--stat",
        "--raw",
        "--csv",
        "--cluster",
    ]
    return [*options, *TABLE] if all(word.startswith("-") for word in words) else options


def _psql(world: World, _words: list[str]) -> Iterable[str]:
    tables = [table for database in world.postgres.databases.values() for table in database.tables]
    views = [
        "pg_stat_activity",
        "pg_stat_statements",
        "pg_locks",
        "pg_stat_user_tables",
        "pg_stat_replication",
    ]
    return [*tables, *views, *world.postgres.databases]


def _flags(world: World, words: list[str]) -> Iterable[str]:
    flags = world.scenario.flags
    named = [flags[word] for word in words if word in flags]
    return named[0].states if named else [*flags, "list", "get", "set"]


def _kafka(world: World, _words: list[str]) -> Iterable[str]:
    from simulator.kafka import admin, console, topics
    from simulator.kafka.state import groups_of, topics_of

    options = {
        *topics.VALUED,
        *topics.FLAGS,
        *admin.CONFIG_VALUED,
        *console.READS,
        "from-beginning",
        "reset-offsets",
        "group",
        "all-groups",
    }
    names = [*topics_of(world), *groups_of(world)] if "kafka" in world.rooms else []
    return [*(f"--{option}" for option in options), *names]


KAFKA = (
    "kafka-topics", "kafka-consumer-groups", "kafka-console-consumer", "kafka-console-producer", "kafka-configs", "kafka-get-offsets",
)  # fmt: skip
KNOWN: dict[str, Words] = {
    "kubectl": _kubectl, "helm": _helm, "git": _git, "redis-cli": _redis, "psql": _psql, "flags": _flags,
    **dict.fromkeys([*KAFKA, *(f"{name}.sh" for name in KAFKA), "kcat", "kafkacat"], _kafka),
}  # fmt: skip
