"""What the database team does beside Patroni: fence a node, start it again, carry over what a lost side had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.patroni import agents
from simulator.patroni import state as patroni
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.standby import divergent
from simulator.wording import Words, Wrong

if TYPE_CHECKING:
    from simulator.patroni.state import Cluster
    from simulator.world import World

FENCED = "fenced"
T = {
    "none": Text(ru="{0}: не под Patroni, такого действия нет", en="{0} is not run by Patroni: no such action"),
    "node": Text(ru="нет узла {0!r}; есть: {1}", en="no node {0!r}; there are: {1}"),
    "place": Text(ru="нет дата-центра {0!r}; есть: {1}", en="no data centre {0!r}; there are: {1}"),
    "mode": Text(ru="--balances: add или copy, а не {0!r}", en="--balances: add or copy, not {0!r}"),
    "fenced": Text(
        ru="{0}: PostgreSQL и Patroni остановлены через BMC, диск не тронут. Вернуть: failover release {1} {0}",
        en="{0}: PostgreSQL and Patroni were stopped through the BMC, the disk is untouched. Back: failover release {1} {0}",
    ),
    "already": Text(ru="{0}: уже остановлен", en="{0} is stopped already"),
    "released": Text(
        ru="{0}: Patroni запущен и сам решит, кем быть PostgreSQL: patronictl list",
        en="{0}: Patroni has been started and decides what PostgreSQL is: patronictl list",
    ),
    "etcd": Text(
        ru="etcd в {0}: свой кластер распущен, узлы снова в общем", en="etcd in {0}: its own cluster is given up, the members are in the common one"
    ),
    "one": Text(ru="{0}: etcd один, присоединять нечего", en="{0}: there is one etcd, nothing to join"),
    "cut": Text(ru="{0} и {1} не видят друг друга", en="{0} and {1} do not reach each other"),
    "self": Text(
        ru="{0}: другого primary, с которым сверять, сейчас нет", en="{0}: there is no other primary to compare with now"
    ),
    "title": Text(ru="есть на {0}, нет у primary {1}:", en="on {0} and not on the primary {1}:"),
    "merged": Text(ru="перенесено с {0} на {1}:", en="carried over from {0} to {1}:"),
    "table": Text(
        ru="  {0}: строк {1}, остатков изменено {2}, расходятся {3}", en="  {0}: {1} rows, {2} balances changed, {3} in conflict"
    ),
    "empty": Text(ru="  ничего", en="  nothing"),
}  # fmt: skip


say = Words(T)


def _cluster(world: World, database: str) -> Cluster:
    found = patroni.of_database(world, database)
    if found is None:
        raise Wrong(say(world, "none", database))
    return found


def _node(world: World, cluster: Cluster, rest: list[str]) -> str:
    name = rest[0] if rest else ""
    if name not in cluster.agents:
        raise Wrong(say(world, "node", name[:60], ", ".join(cluster.agents)))
    return name


def fence(world: World, database: str, rest: list[str]) -> Reply:
    """STONITH by hand: the node takes no more writes, whatever its agent does."""
    cluster = _cluster(world, database)
    name = _node(world, cluster, rest)
    if cluster.agents[name].off:
        return failure(say(world, "already", name), 1)
    agents.stop(world, cluster, name, FENCED)
    return Reply(say(world, "fenced", name, database) + "\n", cost_s=10.0)


def release(world: World, database: str, rest: list[str]) -> Reply:
    """Start Patroni on a node, or start it again where it hangs."""
    cluster = _cluster(world, database)
    name = _node(world, cluster, rest)
    agents.start(world, cluster, name, FENCED)
    return Reply(say(world, "released", name) + "\n", cost_s=5.0)


def rejoin(world: World, database: str, rest: list[str]) -> Reply:
    cluster = _cluster(world, database)
    place = rest[0] if rest else ""
    if place not in cluster.dcs_of:
        raise Wrong(say(world, "place", place[:60], ", ".join(cluster.dcs_of)))
    apart = next((p for p in cluster.dcs_of if not patroni.reaches(world, place, p)), "")
    if apart:
        return failure(say(world, "cut", place, apart), 1)
    if not patroni.rejoin(world, cluster, place):
        return failure(say(world, "one", database), 1)
    return Reply(say(world, "etcd", place) + "\n", cost_s=10.0)


def compare(world: World, verb: str, database: str, rest: list[str]) -> Reply:
    """`lost` and `reconcile` with `--from NODE`: read the node's disk against the primary."""
    cluster = _cluster(world, database)
    given = dict(zip(rest[::2], rest[1::2], strict=False))
    name = _node(world, cluster, [given.get("--from", "")])
    mode = given.get("--balances", "add")
    if mode not in ("add", "copy"):
        raise Wrong(say(world, "mode", mode[:40]))
    leader, _ = divergent.entries(world, database, name)
    if leader is None:
        return failure(say(world, "self", database), 1)
    here, there = cluster.agents[name].place, cluster.agents[leader.name].place
    if not patroni.reaches(world, here, there):
        return failure(say(world, "cut", name, leader.name), 1)
    if verb == "lost":
        found, title = divergent.count(world, database, name), "title"
    else:
        found, title = divergent.merge(world, database, name, mode), "merged"
    lines = [say(world, title, name, leader.name)]
    for table, tally in found.tables.items():
        if not table.startswith(divergent.MARKS) and (tally.rows or tally.balances or tally.conflicts):
            rows, conflicts = (round(n * found.weight) for n in (tally.rows, tally.conflicts))
            shown = (rows, tally.balances, conflicts)  # a balance stands for itself
            lines.append(say(world, "table", table, *shown))
    if len(lines) == 1:
        lines.append(say(world, "empty"))
    return Reply("\n".join(lines) + "\n", cost_s=5.0 if verb == "lost" else 20.0)
