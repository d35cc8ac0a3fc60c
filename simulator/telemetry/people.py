"""The people who can be paged: who owns what, when they answer, and what they see from where they sit.

Whatever they say is read from the run at the moment they answer: plane, cluster, repositories. Nobody
here knows the scenario's truth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.engine import streams
from simulator.reply import Reply, failure
from simulator.scenario import Commit, Service, Text

if TYPE_CHECKING:
    from simulator.world import World

DBA = "dba"
ARRIVES_S = (60.0, 180.0)  # from the call to the first useful sentence
BASELINE_S = 30  # the first seconds of a run, before anybody touched anything
RECENT_S = 10
ALIASES = {
    "db": DBA,
    "dbas": DBA,
    "database": DBA,
    "databases": DBA,
    "postgres": DBA,
    "postgresql": DBA,
    "pg": DBA,
}

T = {
    "usage": Text(ru="page: кого? Команды: {teams}", en="page: whom? Teams: {teams}"),
    "unknown": Text(ru="page: команды {team!r} нет. Есть: {teams}", en="page: no team {team!r}. There are: {teams}"),
    "called": Text(ru="Вызов ушёл команде {team}; ответят в ленте событий.", en="Paged team {team}; the answer will come in the timeline."),
    "coming": Text(ru="Команда {team} уже вызвана в {at}.", en="Team {team} was already paged at {at}."),
    "page": Text(ru="вызвана команда {team}", en="team {team} paged"),
    "says": Text(ru="{team}: {text}", en="{team}: {text}"),
    "released": Text(ru="{service} {version} выкачен в {at}.", en="{service} {version} went out at {at}."),
    "mixed": Text(ru="Сейчас подов: {pods}.", en="Pods now: {pods}."),
    "commit": Text(ru="Что в {version}: {subject} ({hash}, {author}).", en="In {version}: {subject} ({hash}, {author})."),
    "queries": Text(
        ru="Запросов к {pool} на один вызов сейчас {now:.1f}, в начале смены было {before:.1f}.",
        en="Queries to {pool} per call: {now:.1f} now, {before:.1f} at the start of the shift.",
    ),
    "refusing": Text(
        ru="{service}: {share:.0%} вызовов отказано, в работе {busy:.0f} из {limit:.0f} мест.",
        en="{service}: {share:.0%} of the calls are refused, {busy:.0f} of {limit:.0f} slots taken.",
    ),
    "failing": Text(ru="{service}: {errors:.0f} ошибок/с.", en="{service}: {errors:.0f} errors/s."),
    "fine": Text(
        ru="У наших сервисов ({services}) всё ровно: {rps:.0f} запросов/с, отказов нет.",
        en="Our services ({services}) look normal: {rps:.0f} requests/s, no refusals.",
    ),
    "unchanged": Text(ru="Мы сегодня ничего не выкатывали.", en="We released nothing today."),
    "database": Text(
        ru="{db}: CPU {cpu:.0%} на {cores} ядрах, {qps:.0f} запросов/с (в начале смены {before:.0f}), "
        "запрос занимает {latency:.0f} мс, соединений {connections} из {maximum}.",
        en="{db}: CPU at {cpu:.0%} of {cores} cores, {qps:.0f} queries/s ({before:.0f} at the start of the shift), "
        "a query takes {latency:.0f} ms, {connections} of {maximum} connections.",
    ),
    "pool": Text(
        ru="Пул {pool}: занято {active:.0f} из {limit}, ждут {waiting:.0f}.",
        en="Pool {pool}: {active:.0f} of {limit} busy, {waiting:.0f} waiting.",
    ),
    "cpu_bound": Text(
        ru="Упёрлись в CPU: больше соединений не ускорят ни одного запроса. Спрашивайте, кто стал слать столько.",
        en="It is CPU-bound: more connections would not speed up a single query. Ask who sends so many.",
    ),
    "pool_bound": Text(ru="У базы запас есть, мал сам пул.", en="The database has room, it is the pool that is small."),
    "calm": Text(ru="База не перегружена.", en="The database is not overloaded."),
}  # fmt: skip


@dataclass
class Call:
    """A team that was paged; `answered_s` None: still on the way."""

    team: str
    paged_s: float
    answered_s: float | None = None


def teams(world: World) -> list[str]:
    """Who can be paged: owners in the scenario's order, then the DBAs."""
    found: list[str] = []
    for service in world.scenario.services().values():
        if service.owner not in found:
            found.append(service.owner)
    if world.scenario.databases() and DBA not in found:
        found.append(DBA)
    return found


def team_of(world: World, text: str) -> str | None:
    """The team a word means: its name, a service of theirs, a database, an alias; else None."""
    word = text.strip().lower().lstrip("@").removesuffix("-team").removesuffix("-oncall")
    known = teams(world)
    if word in known:
        return word
    if word in world.scenario.services():
        return world.scenario.services()[word].owner
    if (word in world.scenario.databases() or word in ALIASES) and DBA in known:
        return DBA
    return next((t for t in known if t.rstrip("s") == word.rstrip("s")), None)


def say(world: World, key: str, **values: object) -> str:
    return T[key].of(world.language).format(**values)


def call(world: World, text: str) -> Reply:
    """Page a team. The answer is scheduled: people need minutes to come."""
    known = ", ".join(teams(world))
    if not text.strip():
        return failure(say(world, "usage", teams=known), 2)
    team = team_of(world, text)
    if team is None:
        return failure(say(world, "unknown", team=text[:40], teams=known))
    calls: list[Call] = world.pager.calls
    waiting = next((c for c in calls if c.team == team and c.answered_s is None), None)
    if waiting is not None:
        at = world.at(waiting.paged_s).strftime("%H:%M:%S")
        return Reply(say(world, "coming", team=team, at=at) + "\n", cost_s=1.0)
    luck = streams.uniform(streams.key_of(world.seed, "page", team), len(calls))
    delay = ARRIVES_S[0] + luck * (ARRIVES_S[1] - ARRIVES_S[0])
    calls.append(Call(team, world.now_s))
    world.note("page", say(world, "page", team=team))
    world.agenda.at(world.now_s + delay, "telemetry.answer", team=team)
    return Reply(say(world, "called", team=team) + "\n", cost_s=2.0)


def answer(world: World, team: str) -> None:
    """They have looked: what they see goes into the timeline and the open incident."""
    from simulator.telemetry.pager import Note

    for waiting in world.pager.calls:
        if waiting.team == team and waiting.answered_s is None:
            waiting.answered_s = world.now_s
    text = say(world, "says", team=team, text=" ".join(findings(world, team)))
    for incident in world.pager.open()[:1]:
        incident.notes.append(Note(world.now_s, team, text))
    world.note("page", text)


def findings(world: World, team: str) -> list[str]:
    """Sentences a team can say now."""
    if team == DBA:
        return [line for name in world.scenario.databases() for line in _database(world, name)]
    owned = {n: s for n, s in world.scenario.services().items() if s.owner == team}
    lines = [line for name, spec in owned.items() for line in _service(world, name, spec)]
    if not any(_changed(world, name) for name in owned):
        lines.append(say(world, "unchanged"))
    troubled = [name for name in owned if _trouble(world, name)]
    if not troubled:
        rps = math.fsum(
            _recent(world, f"service/{n}/{v}/requests") for n, s in owned.items() for v in s.versions
        )
        lines.append(say(world, "fine", services=", ".join(owned), rps=rps))
    return lines


def _recent(world: World, key: str) -> float:
    values = world.plane.history.column(key)[-RECENT_S:]
    return math.fsum(values) / len(values) if values else 0.0


def _first(world: World, key: str) -> float:
    values = world.plane.history.column(key)[:BASELINE_S]
    return math.fsum(values) / len(values) if values else 0.0


def _changed(world: World, service: str) -> list[tuple[float, str]]:
    """(when, version) of every ReplicaSet of a service made during the run, in order."""
    sets = [r for r in world.kubernetes.replicasets.values() if r.deployment == service and r.created_s >= 0]
    return sorted((r.created_s, r.template.version) for r in sets)


def _commit(world: World, version: str) -> Commit | None:
    return next((c for r in world.scenario.repositories for c in r.commits if c.tag == version), None)


def _service(world: World, name: str, spec: Service) -> list[str]:
    lines = []
    for at_s, version in _changed(world, name):
        at = world.at(at_s).strftime("%H:%M:%S")
        lines.append(say(world, "released", service=name, version=version, at=at))
        commit = _commit(world, version)
        if commit is not None:
            lines.append(
                say(
                    world,
                    "commit",
                    version=version,
                    subject=commit.subject,
                    hash=commit.hash[:7],
                    author=commit.author,
                )
            )
        notes = spec.versions[version].notes if version in spec.versions else None
        if notes is not None:
            lines.append(notes.of(world.language))
    groups = [g for g in world.plane.groups(name) if g.pods > 0]
    if len(groups) > 1:
        lines.append(say(world, "mixed", pods=", ".join(f"{g.version} × {g.pods}" for g in groups)))
    return lines + _trouble(world, name) + _query_count(world, name, spec)


def _trouble(world: World, name: str) -> list[str]:
    """How a service suffers, or nothing."""
    asked = refused = errors = busy = limit = 0.0
    for group in world.plane.groups(name):
        base = f"service/{name}/{group.version}/"
        asked += _recent(world, base + "requests")
        refused += _recent(world, base + "rejected")
        errors += _recent(world, base + "errors")
        busy += group.in_flight
        limit += group.pods * group.limit_per_pod
    lines = []
    if asked > 0 and refused / asked > 0.01:
        lines.append(say(world, "refusing", service=name, share=refused / asked, busy=busy, limit=limit))
    if asked > 0 and errors / asked > 0.01:
        lines.append(say(world, "failing", service=name, errors=errors))
    return lines


def _query_count(world: World, name: str, spec: Service) -> list[str]:
    """Queries a call costs, measured: the service's pool over the calls it let in."""
    steps = [s for endpoint in spec.endpoints.values() for s in endpoint if s.query is not None]
    if not steps:
        return []
    pool = steps[0].pool or steps[0].query
    ratios = []
    for mean in (_recent, _first):
        served = math.fsum(
            mean(world, f"service/{name}/{v}/requests") - mean(world, f"service/{name}/{v}/rejected")
            for v in spec.versions
        )
        queries = mean(world, f"pool/{pool}/queries")
        ratios.append(queries / served if served > 0 else 0.0)
    now, before = ratios
    if before <= 0 or abs(now - before) < 0.25 * before:
        return []
    return [say(world, "queries", pool=pool, now=now, before=before)]


def _database(world: World, name: str) -> list[str]:
    state = world.plane.database(name)
    lines = [
        say(
            world,
            "database",
            db=name,
            cpu=state.cpu,
            cores=state.cores,
            qps=_recent(world, f"db/{name}/queries"),
            before=_first(world, f"db/{name}/queries"),
            latency=state.latency_s * 1000,
            connections=state.connections,
            maximum=state.max_connections,
        )
    ]
    pools = world.plane.pools(name)
    full = [p for p in pools if p.waiting >= 1]
    for pool in full or pools[:1]:
        lines.append(
            say(world, "pool", pool=pool.name, active=pool.active, limit=pool.limit, waiting=pool.waiting)
        )
    if state.cpu > 0.95:
        lines.append(say(world, "cpu_bound"))
    else:
        lines.append(say(world, "pool_bound" if full else "calm"))
    return lines
