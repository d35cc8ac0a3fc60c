"""What `patronictl` does to a cluster: switchover, failover, reinit, restart. Texts are the tool's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.patroni import agents, views
from simulator.patroni.state import CREATING, RUNNING, leader_of, node, primaries, reaches
from simulator.reply import Reply, failure

if TYPE_CHECKING:
    from simulator.patroni.tools import Asked

COPY_S = 60.0  # a base backup of this database
REST = "urllib3.exceptions.MaxRetryError: HTTPConnectionPool(host='{0}', port=8008): Max retries exceeded with url: /{1}"


def yes(stdin: list[str]) -> bool:
    """The next line of what was piped in says yes."""
    return bool(stdin) and stdin.pop(0).strip().lower() in ("y", "yes")


def _confirmed(asked: Asked, question: str, aborted: str) -> Reply | None:
    if asked.force:
        return None
    shown = f"{question} [y/N]: "
    if not asked.stdin:
        return Reply(shown + "\n", "Aborted!\n", 1)
    return None if yes(asked.stdin) else Reply(shown + "\n", f"Error: {aborted}\n", 1)


def _answers(asked: Asked, member: str) -> bool:
    """Whether a member's REST API answers from where patronictl runs."""
    agent = asked.cluster.agents[member]
    return (
        agent.hung_s is None
        and not agent.off
        and member not in asked.world.reach.down
        and reaches(asked.world, asked.place, agent.place)
    )


def switchover(asked: Asked) -> Reply:
    return _move(asked, "switchover")


def failover(asked: Asked) -> Reply:
    return _move(asked, "failover")


def _move(asked: Asked, action: str) -> Reply:
    world, dcs = asked.world, asked.dcs
    leader = leader_of(dcs, world.now_s)
    if action == "switchover" and not leader:
        return failure("Error: This cluster has no leader", 1)
    named = asked.first("--leader", "--primary", "--master")
    if named and named != leader:
        return failure(f"Error: Member {named[:60]} is not the leader of cluster {asked.scope}", 1)
    names = [m for m in views.living(world, dcs) if m != leader]
    if not names:
        return failure(f"Error: No candidates found to {action} to", 1)
    candidate = asked.first("--candidate")
    if not candidate and not asked.force and asked.stdin:
        candidate = asked.stdin.pop(0).strip()
    elif not candidate and not asked.force:
        return Reply(f"Candidate {names} []: \n", "Aborted!\n", 1)
    if action == "failover" and not candidate:
        return failure("Error: Failover could be performed only to a specific candidate", 1)
    candidate = candidate or names[0]
    if candidate == leader:
        return failure(f"Error: {action.title()} target and source are the same.", 1)
    if candidate not in names:
        return failure(f"Error: Member {candidate[:60]} does not exist in cluster {asked.scope}", 1)
    out = "Current cluster topology\n" + views.members(world, asked.scope, asked.cluster, dcs)
    demoting = f", demoting current leader {leader}" if leader else ""
    question = f"Are you sure you want to {action} cluster {asked.scope}{demoting}?"
    stopped = _confirmed(asked, question, f"Aborting {action}")
    if stopped is not None:
        return Reply(out + stopped.out, stopped.err, stopped.code)
    return _carried_out(asked, action, candidate, leader, out)


def _carried_out(asked: Asked, action: str, candidate: str, leader: str, out: str) -> Reply:
    world, cluster = asked.world, asked.cluster
    failed = f"{action.title()} failed, details: 412, no good candidates have been found\n"
    copy = node(world, cluster, candidate)
    asks = leader or candidate
    if not _answers(asked, asks):
        host = views.member_row(world, cluster, asked.dcs, asks)[1]
        return Reply(out, REST.format(host, action) + "\n", 1)
    if not _answers(asked, candidate) or (copy.stopped and action == "switchover"):
        return Reply(out + failed)
    old = next((c for c in primaries(world, cluster) if c.name == leader), None)
    if old is not None and old.name != candidate:
        agents.demote(world, cluster, old.name)
    if not copy.leads:
        agents.promote(world, cluster, candidate, asked.dcs)
    asked.dcs.owner, asked.dcs.renewed_s = candidate, world.now_s
    stamp = world.at(world.now_s).strftime("%Y-%m-%d %H:%M:%S.%f")[:-1]
    word = "switched" if action == "switchover" else "failed"
    out += f'{stamp} Successfully {word} over to "{candidate}"\n'
    return Reply(out + views.members(world, asked.scope, cluster, asked.dcs), cost_s=3.0)


def _members(asked: Asked, action: str) -> tuple[list[str], Reply | None]:
    """The members a command names, after the tool's question."""
    known = views.living(asked.world, asked.dcs)
    for name in asked.words:
        if name not in known:
            return [], failure(f"Error: {name[:60]} is not a member of cluster {asked.scope}", 1)
    shown = views.members(asked.world, asked.scope, asked.cluster, asked.dcs)
    chosen = asked.words or (known if asked.force else [])
    if not chosen and asked.stdin:
        chosen = [name for name in known if name == asked.stdin[0].strip()]
        asked.stdin.pop(0)
    if not chosen:
        names = ", ".join(known)
        return [], Reply(f"{shown}Which member do you want to {action} [{names}]?: []: \n", "Aborted!\n", 1)
    question = f"Are you sure you want to {action} members {', '.join(chosen)}?"
    stopped = _confirmed(asked, question, f"Aborted {action}")
    if stopped is not None:
        return [], Reply(shown + stopped.out, stopped.err, stopped.code)
    return chosen, None


def reinit(asked: Asked) -> Reply:
    """Throw away a member's data and copy the leader's."""
    chosen, stopped = _members(asked, "reinitialize")
    if stopped is not None:
        return stopped
    world, out = asked.world, ""
    leader = leader_of(asked.dcs, world.now_s)
    for member in chosen:
        fail = f"Failed: reinitialize for member {member}, status code=503, "
        agent = asked.cluster.agents[member]
        if not _answers(asked, member):
            return Reply(out, REST.format(member, "reinitialize") + "\n", 1)
        if member == leader:
            out += fail + "(I am the leader, can not reinitialize)\n"
        elif not leader:
            out += fail + "(Cluster has no leader, can not reinitialize)\n"
        elif agent.state == CREATING:
            out += fail + "(reinitialize already in progress)\n"
        else:
            agents.demote(world, asked.cluster, member)
            asked.cluster.agents[member].state = CREATING
            agent.until_s = agent.next_s = world.now_s + COPY_S
            asked.dcs.seen[member] = agent.until_s
            node(world, asked.cluster, member).stopped = True
            out += f"Success: reinitialize for member {member}\n"
    waits = COPY_S if "--wait" in asked.flags and "Success" in out else 3.0
    if waits > COPY_S - 1:
        names = ", ".join(chosen)
        out += f"Waiting for reinitialize to complete on: {names}\nReinitialize is completed on: {names}\n"
    return Reply(out, cost_s=waits + 1)


def restart(asked: Asked) -> Reply:
    """A restart in place: the member is afterwards what it was before, so nothing here changes but its log."""
    chosen, stopped = _members(asked, "restart")
    if stopped is not None:
        return stopped
    out = ""
    for member in chosen:
        if not _answers(asked, member):
            return Reply(out, REST.format(member, "restart") + "\n", 1)
        agent = asked.cluster.agents[member]
        if agent.state != RUNNING:
            out += f"Failed: restart for member {member}, status code=503, ({agent.state})\n"
            continue
        agent.say(asked.world.now_s, "restart initiated")
        out += f"Success: restart on member {member}\n"
    return Reply(out, cost_s=4.0)
