"""`patronictl`, asking the etcd of one data centre: `-c dc-2.yml` looks from there. Version 3.0.2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.patroni import acts, config, views
from simulator.patroni.state import Cluster, Dcs, accessible, rooms
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

VERSION = "3.0.2"
FORMS = (
    "patronictl list",
    "patronictl -c dc-2.yml list",
    "patronictl topology",
    "patronictl history",
    "patronictl query -c 'SELECT pg_is_in_recovery()' -r replica",
    "patronictl show-config",
    "patronictl edit-config -s ttl=30 --force",
    "patronictl switchover --candidate MEMBER --force",
    "patronictl failover --candidate MEMBER --force",
    "patronictl reinit CLUSTER MEMBER --force",
    "patronictl restart CLUSTER MEMBER --force",
    "patronictl pause --wait",
    "patronictl resume --wait",
    "patronictl version",
)
HELP = """Usage: patronictl [OPTIONS] COMMAND [ARGS]...

  Command-line interface for interacting with Patroni.

Options:
  -c, --config-file TEXT  Configuration file
  -d, --dcs-url TEXT      The DCS connect url
  -k, --insecure          Allow connections to SSL sites without certs
  --help                  Show this message and exit.

Commands:
  edit-config  Edit cluster configuration
  failover     Failover to a replica
  history      Show the history of failovers/switchovers
  list         List the Patroni members for a given Patroni
  pause        Disable auto failover
  query        Query a Patroni PostgreSQL member
  reinit       Reinitialize cluster member
  restart      Restart cluster member
  resume       Resume auto failover
  show-config  Show cluster configuration
  switchover   Switchover to a replica
  topology     Prints ASCII topology for given cluster
  version      Output version of patronictl command or a running Patroni...
"""
OTHERS = ("configure", "dsn", "flush", "reload", "remove", "scaffold")
T = {
    "none": Text(ru="patronictl: в этой системе Patroni нет", en="patronictl: there is no Patroni in this system"),
    "absent": Text(
        ru="patronictl {0}: здесь не моделируется; есть: list, topology, history, query, show-config, edit-config, switchover, failover, reinit, restart, pause, resume, version",
        en="patronictl {0}: not simulated here; there are: list, topology, history, query, show-config, edit-config, switchover, failover, reinit, restart, pause, resume, version",
    ),
    "place": Text(
        ru="нет файла {0!r}; patronictl смотрит из дата-центра: {1}", en="no file {0!r}; patronictl looks from a data centre: {1}"
    ),
}  # fmt: skip
LOST = "patroni.dcs.etcd.EtcdError: 'Etcd is not responding properly'"
VALUED = ("--candidate", "--leader", "--master", "--primary", "--set", "-s", "--pg", "-p", "--format", "-f", "--scheduled", "--role", "-r", "-c", "--command", "-m", "--member", "-U", "-W", "--dbname")  # fmt: skip
SWITCHED = (
    "--force",
    "--wait",
    "--extended",
    "-e",
    "--timestamp",
    "-t",
    "--quiet",
    "-q",
    "--any",
    "--pending",
)


class Usage(Exception):
    """A line click refuses."""


@dataclass
class Asked:
    """One command: where it looks, which cluster, its words and flags."""

    world: World
    place: str
    scope: str
    cluster: Cluster
    dcs: Dcs
    words: list[str] = field(default_factory=list)
    flags: dict[str, list[str]] = field(default_factory=dict)
    stdin: list[str] = field(default_factory=list)

    @property
    def force(self) -> bool:
        return "--force" in self.flags

    def first(self, *names: str) -> str:
        return next((self.flags[n][-1] for n in names if n in self.flags), "")


def _refused(text: str, command: str = "") -> Reply:
    words = f"patronictl {command} [OPTIONS]" if command else "patronictl [OPTIONS] COMMAND [ARGS]..."
    tried = f"patronictl {command}".strip()
    return failure(f"Usage: {words}\nTry '{tried} --help' for help.\n\nError: {text}", 2)


def _globals(rest: list[str]) -> tuple[str, list[str]]:
    """The options before the command: whose etcd is asked."""
    chosen = ""
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name in ("-c", "--config-file", "-d", "--dcs-url"):
            if not equals and not rest:
                raise Usage(f"Option '{name}' requires an argument.")
            chosen = value if equals else rest.pop(0)
        elif word not in ("-k", "--insecure", "--help"):
            raise Usage(f"No such option: {word[:60]}")
        elif word == "--help":
            return "", ["--help"]
    return chosen, rest


def _parsed(command: str, rest: list[str]) -> tuple[list[str], dict[str, list[str]]]:
    words: list[str] = []
    flags: dict[str, list[str]] = {}
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name in VALUED and name.startswith("-"):
            if not (equals and name.startswith("--")) and not rest:
                raise Usage(f"Option '{name}' requires an argument.")
            flags.setdefault(name, []).append(value if equals and name.startswith("--") else rest.pop(0))
        elif word in SWITCHED:
            flags.setdefault(word, []).append("")
        elif word.startswith("-"):
            raise Usage(f"No such option: {word[:60]}")
        else:
            words.append(word)
    return words, flags


def run(world: World, argv: list[str], stdin: str) -> Reply:
    known = rooms(world)
    if not known:
        return failure(T["none"].of(world.language), 1)
    command = ""
    try:
        chosen, rest = _globals(list(argv[1:]))
        if not rest or rest[0] == "--help":
            return Reply(HELP)
        command = rest.pop(0)
        if command in OTHERS:
            return failure(T["absent"].of(world.language).format(command), 2)
        if command not in COMMANDS:
            shown, command = command, ""
            raise Usage(f"No such command '{shown[:60]}'.")
        words, flags = _parsed(command, rest)
    except Usage as usage:
        return _refused(str(usage), command)
    places = list(world.scenario.datacenters)
    usual = not chosen or chosen.rpartition("/")[2] in ("patroni.yml", "patroni.yaml", "postgres.yml")
    place = next((p for p in places if p in chosen), places[0] if usual else "")
    if not place:
        files = ", ".join(f"-c {p}.yml" for p in places)
        return failure(T["place"].of(world.language).format(chosen[:60], files), 1)
    if command == "version":
        return Reply(f"patronictl version {VERSION}\n")
    scope = words.pop(0) if words and words[0] in known else next(iter(known))
    if words and command not in ("reinit", "restart"):
        return failure(f"Error: Can not find cluster {words[0][:60]}", 1)
    cluster = known[scope]
    dcs = cluster.dcs[cluster.dcs_of[place]]
    if not accessible(world, dcs, place):
        return failure(LOST, 1)
    asked = Asked(world, place, scope, cluster, dcs, words, flags, stdin.split("\n") if stdin else [])
    return COMMANDS[command](asked)


def _list(asked: Asked) -> Reply:
    head = ""
    form = _format(asked)
    if form != "pretty":
        return Reply(views.members_as(form, asked.world, asked.scope, asked.cluster, asked.dcs))
    if "--timestamp" in asked.flags or "-t" in asked.flags:
        head = asked.world.at(asked.world.now_s).strftime("%Y-%m-%d %H:%M:%S") + "\n"
    return Reply(head + views.members(asked.world, asked.scope, asked.cluster, asked.dcs))


def _topology(asked: Asked) -> Reply:
    return Reply(views.members(asked.world, asked.scope, asked.cluster, asked.dcs, topology=True))


def _history(asked: Asked) -> Reply:
    return Reply(views.history(asked.world, asked.cluster, asked.dcs, _format(asked)))


def _query(asked: Asked) -> Reply:
    """`query -c SQL [-m MEMBER | -r ROLE]`: the statement through psql on that member; the leader by default."""
    from simulator.commands import tools

    statement, member = asked.first("-c", "--command"), asked.first("-m", "--member")
    if not statement:
        return failure("Error: You need to specify either --command or --file", 1)
    rows = [
        views.member_row(asked.world, asked.cluster, asked.dcs, n)
        for n in views.living(asked.world, asked.dcs)
    ]
    role = asked.first("-r", "--role").lower() or "leader"
    fits = [
        row[0]
        for row in rows
        if role == "any" or (row[2] == "Leader") == (role in ("leader", "master", "primary"))
    ]
    chosen = [member] if member else fits
    if not chosen or chosen[0] not in [row[0] for row in rows]:
        return failure(f"Error: No such member or no member with role {role}: {member or '-'}", 1)
    return tools()["psql"].run(
        asked.world, ["psql", "-h", chosen[0], "-F", "\t", "-A", "-P", "footer=off", "-c", statement], ""
    )


def _format(asked: Asked) -> str:
    form = asked.first("-f", "--format") or "pretty"
    return form if form in views.FORMATS else "pretty"


def _show(asked: Asked) -> Reply:
    return Reply(config.shown(asked.dcs.config) + "\n")


def _edit(asked: Asked) -> Reply:
    pairs = [*asked.flags.get("-s", []), *asked.flags.get("--set", [])]
    pairs += ["postgresql.parameters." + p for name in ("-p", "--pg") for p in asked.flags.get(name, [])]
    if not pairs:
        return failure("Error: EDITOR environment variable is not set. editor or vi are not available", 1)
    try:
        after = config.changed(asked.dcs.config, pairs)
    except config.Wrong as wrong:
        return failure(f"Error: {wrong}", 1)
    if after == asked.dcs.config:
        return Reply("Not changed\n")
    out = config.diff(config.shown(asked.dcs.config), config.shown(after))
    if not asked.force:
        out += "\nApply these changes? [y/N]: "
        if not asked.stdin:
            return Reply(out + "\n", "Aborted!\n", 1)
        if not acts.yes(asked.stdin):
            return Reply(out + "\n")
    asked.dcs.config = after
    return Reply(out + "Configuration changed\n", cost_s=4.0)


def _pause(asked: Asked) -> Reply:
    return _toggle(asked, True)


def _resume(asked: Asked) -> Reply:
    return _toggle(asked, False)


def _toggle(asked: Asked, paused: bool) -> Reply:
    if bool(asked.dcs.config.get("pause")) == paused:
        return failure(f"Error: Cluster is {'already' if paused else 'not'} paused", 1)
    if not views.living(asked.world, asked.dcs):
        return failure("Error: Can not find accessible cluster member", 1)
    asked.dcs.config.pop("pause", None)
    if paused:
        asked.dcs.config["pause"] = True
    out = ""
    if "--wait" in asked.flags:
        word = "pause" if paused else "resume"
        out = f"'{word}' request sent, waiting until it is recognized by all nodes\n"
    wait = float(asked.dcs.config.get("loop_wait", 10)) if out else 2.0
    return Reply(out + f"Success: cluster management is {'paused' if paused else 'resumed'}\n", cost_s=wait)


COMMANDS: dict[str, Callable[[Asked], Reply]] = {
    "list": _list,
    "topology": _topology,
    "history": _history,
    "query": _query,
    "show-config": _show,
    "edit-config": _edit,
    "switchover": acts.switchover,
    "failover": acts.failover,
    "reinit": acts.reinit,
    "restart": acts.restart,
    "pause": _pause,
    "resume": _resume,
    "version": _list,
}
LOOKING = ("list", "query", "topology", "history", "show-config", "version")


def _changes(argv: list[str]) -> bool:
    return any(word in COMMANDS and word not in LOOKING for word in argv[1:])


TOOLS: dict[str, Tool] = {
    "patronictl": Tool(
        "patronictl",
        run,
        Text(
            ru="Patroni: члены кластера, лидер, история, настройки; -c dc-2.yml смотрит из dc-2",
            en="Patroni: members, leader, history, settings; -c dc-2.yml looks from dc-2",
        ),
        FORMS,
        _changes,
    )
}
