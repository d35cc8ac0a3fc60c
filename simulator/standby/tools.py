"""`failover`: the database team's own runbook tool, in front of whatever runs the clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.standby import runbook, state
from simulator.tool import Tool
from simulator.wording import Words, Wrong

if TYPE_CHECKING:
    from simulator.world import World

FORMS = (
    "failover status",
    "failover promote orders-db",
    "failover switchover orders-db",
    "failover lost orders-db",
    "failover reconcile orders-db",
    "failover lost orders-db --from NODE",
    "failover reconcile orders-db --from NODE [--balances add|copy]",
    "failover fence orders-db NODE",
    "failover release orders-db NODE",
    "failover rejoin-etcd orders-db DC",
)
T = {
    "usage": Text(ru="failover: {0}\nформы: {1}", en="failover: {0}\nforms: {1}"),
    "verb": Text(ru="нет действия {0!r}", en="no action {0!r}"),
    "name": Text(ru="нет базы {0!r}; есть: {1}", en="no database {0!r}; there are: {1}"),
    "args": Text(ru="нужно имя базы", en="a database's name is needed"),
    "healthy": Text(
        ru="primary {0} в {1} жив: promote дал бы двух лидеров. Для планового переноса есть switchover",
        en="the primary of {0} in {1} is alive: promote would make two leaders. For a planned move use switchover",
    ),
    "dead": Text(
        ru="{0} не отвечает: переносить некуда или неоткуда", en="{0} does not answer: nothing can be moved"
    ),
    "promoted": Text(
        ru="{0}: primary теперь в {1}. Что не успело доехать, потеряно: failover lost {0}",
        en="{0}: the primary is in {1} now. What had not arrived is lost: failover lost {0}",
    ),
    "moved": Text(
        ru="{0}: primary теперь в {1}, потерь нет", en="{0}: the primary is in {1} now, nothing lost"
    ),
    "lost": Text(
        ru="{0}: списано у платёжной системы, но нет в базе: {1}",
        en="{0}: charged at the payment system but not in the database: {1}",
    ),
    "nothing": Text(ru="{0}: сверять не с чем", en="{0}: there is nothing to compare with"),
    "patroni": Text(
        ru="{0}: лидера выбирает Patroni: patronictl switchover или failover",
        en="{0}: Patroni chooses the leader: patronictl switchover or failover",
    ),
    "done": Text(ru="{0}: восстановлено {1}", en="{0}: {1} restored"),
}


say = Words(T)


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    verb, rest = (argv[1], argv[2:]) if len(argv) > 1 else ("status", [])
    found: state.Standbys | None = world.rooms.get("standby")
    acts = {"promote": _promote, "switchover": _switch, "lost": _lost, "reconcile": _reconcile}
    more = {"fence": runbook.fence, "release": runbook.release, "rejoin-etcd": runbook.rejoin}
    try:
        if verb in ("status", "list", "show") or (found is not None and verb in found.clusters and not rest):
            return Reply(_status(world, found))
        if verb not in acts and verb not in more:
            raise Wrong(say(world, "verb", verb[:40]))
        if not rest:
            raise Wrong(say(world, "args"))
        known = found.clusters if found else {}
        if rest[0] not in known:
            raise Wrong(say(world, "name", rest[0][:60], ", ".join(known) or "-"))
        if verb in more:
            return more[verb](world, rest[0], rest[1:])
        if "--from" in rest and verb in ("lost", "reconcile"):
            return runbook.compare(world, verb, rest[0], rest[1:])
        if verb in ("promote", "switchover") and state.spec_of(world, rest[0]).patroni is not None:
            return failure(say(world, "patroni", rest[0]), 1)
        return acts[verb](world, rest[0])
    except (Wrong, runbook.Wrong) as wrong:
        return failure(say(world, "usage", wrong, "; ".join(FORMS)), 2)


def _status(world: World, found: state.Standbys | None) -> str:
    rows = [("DATABASE", "PRIMARY", "ALIVE", "STANDBY", "ALIVE", "ETCD QUORUM", "LAG")]
    for name, cluster in (found.clusters if found else {}).items():
        there = state.other(world, name)
        word = {True: "yes", False: "no"}
        both = state.alive(world, cluster.home) and state.alive(world, there)
        lag = f"{state.lag_ms(world, name):.0f} ms" if both else "unknown"
        quorum = word[state.quorum(world, name)]
        alive = (word[state.alive(world, cluster.home)], word[state.alive(world, there)])
        rows.append((name, cluster.home, alive[0], there, alive[1], quorum, lag))
    widths = [max(len(row[i]) for row in rows) + 3 for i in range(len(rows[0]))]
    return "".join("".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() + "\n" for r in rows)


def _promote(world: World, name: str) -> Reply:
    home = world.rooms["standby"].clusters[name].home
    there = state.other(world, name)
    if not state.alive(world, there):
        return failure(say(world, "dead", there), 1)
    if state.alive(world, home):
        return failure(say(world, "healthy", name, home), 1)
    state.promote_by_hand(world, name)
    return Reply(say(world, "promoted", name, there) + "\n", cost_s=10.0)


def _switch(world: World, name: str) -> Reply:
    home = world.rooms["standby"].clusters[name].home
    there = state.other(world, name)
    for place in (home, there):
        if not state.alive(world, place):
            return failure(say(world, "dead", place), 1)
    state.switch(world, name)
    return Reply(say(world, "moved", name, there) + "\n", cost_s=5.0)


def _lost(world: World, name: str) -> Reply:
    if not state.spec_of(world, name).evidence:
        return failure(say(world, "nothing", name), 1)
    count = len(state.missing(world, name)) * state.weight(world)
    return Reply(say(world, "lost", name, round(count)) + "\n", cost_s=5.0)


def _reconcile(world: World, name: str) -> Reply:
    if not state.spec_of(world, name).evidence:
        return failure(say(world, "nothing", name), 1)
    done = state.reconcile(world, name) * state.weight(world)
    return Reply(say(world, "done", name, round(done)) + "\n", cost_s=20.0)


TOOLS: dict[str, Tool] = {
    "failover": Tool(
        "failover",
        run,
        Text(
            ru="базы и их standby: кто primary, повысить, перенести, оградить, сверить, слить",
            en="databases and their standbys: who leads, promote, move, fence, reconcile, merge",
        ),
        FORMS,
        lambda argv: len(argv) > 2 and argv[1] not in ("status", "list", "show", "lost"),
    )
}
