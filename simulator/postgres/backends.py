"""The server's processes as `pg_stat_activity` lists them: a function of the plane and of what was ended.

A backend is not stored: the same world at the same second shows the same list however often it is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.engine import streams
from simulator.postgres import workload
from simulator.postgres.notes import note
from simulator.postgres.state import Session
from simulator.postgres.types import DAY_US, US

if TYPE_CHECKING:
    from simulator.world import World

FIRST_PID = 20_100
OWN_PID = 19_731  # the psql that looks
CONSOLE_PID = 19_417  # the session of bare SQL lines
WALSENDER_PID = 902
EXPORTER_PID = 1_204
BOUNCER_ADDRESS = "10.0.2.31"
STANDBY_ADDRESS = "10.0.2.21"
ROLE_OIDS = {"postgres": 10, "replicator": 16_384, "monitoring": 16_385}
FIRST_ROLE_OID = 16_386
EXPORTER_QUERY = "SELECT datname, state, count(*) FROM pg_stat_activity GROUP BY 1, 2"
DRIVERS = {"java": "PostgreSQL JDBC Driver"}


@dataclass(frozen=True)
class Backend:
    """One row of pg_stat_activity. Times are microseconds since 1970."""

    pid: int
    user: str | None
    application: str
    address: str | None
    port: int | None
    started_us: int
    query_start_us: int | None
    state_change_us: int | None
    state: str | None
    query: str
    wait_type: str | None = None
    wait_event: str | None = None
    kind: str = "client backend"
    xact_start_us: int | None = None
    slot: str = ""  # "pool/number" of a pool's connection
    tables: tuple[str, ...] = ()


def roles(world: World, component: str) -> dict[str, int]:
    """Role oids by name: the fixed ones, then the pools' users."""
    found = dict(ROLE_OIDS)
    for pool in world.plane.pools(component):
        found.setdefault(pool.user, FIRST_ROLE_OID + len(found) - len(ROLE_OIDS))
    return found


def connections(world: World, component: str) -> int:
    """Client connections in use, without whoever is asking: the pools', the exporter's, a terminal's."""
    console = world.postgres.console
    held = sum(pool.open for pool in world.plane.pools(component))
    return held + 1 + int(console is not None and console.in_transaction)


def pool_backends(world: World, component: str) -> list[Backend]:
    """The connections that services and PgBouncer hold."""
    state = world.postgres
    server = state.servers[component]
    now_us = state.start_us + round(world.now_s * US)
    latency_us = int(max(0.0005, world.plane.database(component).latency_s) * US)
    found = []
    for index, pool in enumerate(world.plane.pools(component)):
        shares = workload.mix(world, component, pool.name)
        busy = round(min(pool.active, pool.open))
        for n in range(pool.open):
            slot = f"{pool.name}/{n}"
            key = streams.key_of(world.seed, "backend", slot)
            times = server.incarnations.get(slot, 0)
            pid = FIRST_PID + index * 50_000 + n * 3 + (streams.bits(key) & 1) + times * 400_007
            born_us = state.start_us - int((60 + 3400 * streams.uniform(key, 1)) * US)
            if slot in server.restarted_s:
                born_us = state.start_us + int(server.restarted_s[slot] * US)
            draw = streams.uniform(key, 100 + int(world.now_s))
            demand = _chosen(shares, streams.uniform(key, 7 + 2 * int(world.now_s)))
            running = n < busy
            # What runs began within the mean time of a query; an idle one rests since its last.
            rested_us = 0 if running else int((0.02 + draw * draw * 4) * US)
            changed_us = max(born_us, now_us - (int(latency_us * draw) if running else rested_us))
            started_us = changed_us if running else max(born_us, changed_us - latency_us)
            application, address = _client(world, pool.via, demand.service if demand else pool.name, key)
            found.append(
                Backend(
                    pid, pool.user, application, address, 32_768 + streams.below(key, 3, 28_000), born_us,
                    started_us, changed_us, "active" if running else "idle", demand.sql if demand else "",
                    None if running else "Client", None if running else "ClientRead",
                    xact_start_us=started_us if running else None, slot=slot,
                    tables=workload.tables_of(demand.sql) if demand else (),
                )
            )  # fmt: skip
    return found


def _chosen(shares: list[tuple[workload.Demand, float]], draw: float) -> workload.Demand | None:
    for demand, share in shares:
        draw -= share
        if draw < 0:
            return demand
    return shares[-1][0] if shares else None


def _client(world: World, via: str | None, service: str, key: int) -> tuple[str, str]:
    """(application_name, client_addr)."""
    if via:
        return "", BOUNCER_ADDRESS
    spec = world.scenario.services().get(service)
    address = f"10.244.{1 + streams.below(key, 4, 6)}.{10 + streams.below(key, 5, 200)}"
    return DRIVERS.get(spec.language, service) if spec else service, address


def all_backends(world: World, session: Session, statement: str) -> list[Backend]:
    """Every process of the server, the one that asks included."""
    state = world.postgres
    now_us = state.start_us + round(world.now_s * US)
    boot_us = state.start_us - 41 * DAY_US
    scrape_us = now_us - int(world.now_s % 15 * US)
    found = _background(boot_us)
    found += [
        Backend(
            WALSENDER_PID, "replicator", f"{session.component}-replica-1", STANDBY_ADDRESS, 41_204,
            boot_us + 9 * US, boot_us + 9 * US, boot_us + 9 * US, "active", "START_REPLICATION 1A7/0 TIMELINE 3",
            "Activity", "WalSenderMain", "walsender",
        ),
        Backend(
            EXPORTER_PID, "monitoring", "postgres_exporter", "10.244.2.9", 51_330, boot_us + 60 * US, scrape_us,
            scrape_us, "idle", EXPORTER_QUERY, "Client", "ClientRead",
        ),
        *pool_backends(world, session.component),
    ]  # fmt: skip
    found += _long_sessions(world, session.component)
    console = state.console
    if console is not None and console is not session and console.in_transaction:
        began_us = state.start_us + round(console.began_s * US)
        found.append(
            Backend(
                CONSOLE_PID, console.user, "psql", None, -1, began_us, began_us, began_us,
                "idle in transaction (aborted)" if console.aborted else "idle in transaction",
                console.last_query, "Client", "ClientRead", xact_start_us=began_us,
            )
        )  # fmt: skip
    began_us = state.start_us + round(session.began_s * US) if session.in_transaction else now_us
    found.append(
        Backend(
            own_pid(world, session), session.user, session.application, None, -1, now_us - 6_000, now_us,
            now_us, "active", statement, xact_start_us=began_us,
        )
    )  # fmt: skip
    return found


def _long_sessions(world: World, component: str) -> list[Backend]:
    """Reports, open transactions, background jobs, autovacuum: what stays for longer than a query."""
    from simulator.postgres import entity_locks
    from simulator.postgres.work import LIVE, READY, WAITING, desk_of, work_of

    desk, start_us, found = desk_of(world, component), world.postgres.start_us, []
    for backend in desk.backends.values():
        began_us = start_us + round(backend.began_s * US)
        session = desk.manager.sessions.get(backend.pid)
        waits = session is not None and session.waits is not None
        wait = (
            ("Lock", "relation")
            if waits
            else ("Client", "ClientRead")
            if backend.idle
            else ("IO", "DataFileRead")
        )
        found.append(
            Backend(
                backend.pid, backend.user, backend.application, "10.244.6.17", 41_000 + backend.pid % 9_000, began_us,
                began_us, began_us, "idle in transaction" if backend.idle else "active", backend.query, *wait,
                xact_start_us=began_us, tables=workload.tables_of(backend.query),
            )
        )  # fmt: skip
    for manager in entity_locks.managers(world, component):
        for pid, session in manager.sessions.items():
            if pid in desk.backends:
                continue
            stands = session.waits is not None
            since_us = start_us + (session.wait_since_ns // 1000 if stands else round(world.now_s * US))
            user = world.scenario.databases()[component].pool.user
            found.append(
                Backend(
                    pid, user, "", "10.244.3.18", 40_000 + pid % 9_000, start_us, since_us, since_us,
                    "active" if stands else "idle in transaction", session.query,
                    "Lock" if session.waits else "Client",
                    str(session.waits[0][0]) if session.waits else "ClientRead",
                    xact_start_us=since_us,
                )
            )  # fmt: skip
    for job in work_of(world).jobs:
        if (
            job.component != component
            or job.state not in LIVE
            or (job.session is None and job.kind != "autovacuum")
        ):
            continue
        began_us = start_us + round(job.started_s * US)
        waits = job.state == WAITING and job.pid in desk.manager.sessions
        wait = ("Lock", "relation") if waits else ("IO", "DataFileRead")
        if job.left_s <= 0 and job.state != READY and job.snapshots:
            wait = ("Lock", "virtualxid")
        own = job.session is not None
        found.append(
            Backend(
                job.pid, job.session.user if job.session else None, "dbrun" if own else "", None, -1 if own else None,
                began_us, began_us, began_us, "active", job.sql, *wait,
                kind="client backend" if own else "autovacuum worker", xact_start_us=began_us,
            )
        )  # fmt: skip
    return found


def own_pid(world: World, session: Session) -> int:
    if session.pid:
        return session.pid
    return CONSOLE_PID if session is world.postgres.console else OWN_PID


def _background(boot_us: int) -> list[Backend]:
    kinds = (
        (871, "checkpointer", "CheckpointerMain"), (872, "background writer", "BgWriterHibernate"),
        (874, "walwriter", "WalWriterMain"), (875, "autovacuum launcher", "AutoVacuumMain"),
        (876, "logical replication launcher", "LogicalLauncherMain"),
    )  # fmt: skip
    return [
        Backend(
            pid, "postgres" if kind.startswith("logical") else None, "", None, None, boot_us, None, None,
            None, "", "Activity", event, kind,
        )
        for pid, kind, event in kinds
    ]  # fmt: skip


def find(world: World, component: str, pid: int) -> Backend | None:
    """A pool's backend by pid."""
    return next((b for b in pool_backends(world, component) if b.pid == pid), None)


def end(world: World, component: str, backend: Backend) -> None:
    """Terminate a pool's backend: its statement is lost and the pool connects anew."""
    server = world.postgres.servers[component]
    server.incarnations[backend.slot] = server.incarnations.get(backend.slot, 0) + 1
    server.restarted_s[backend.slot] = world.now_s
    server.terminated.append((world.now_s, backend.pid, backend.slot.partition("/")[0]))
    note(world, "backend terminated", component, backend.pid, backend.user)


def cancel(world: World, component: str, backend: Backend) -> None:
    """Cancel what a pool's backend runs."""
    server = world.postgres.servers[component]
    server.cancelled.append((world.now_s, backend.pid, backend.slot.partition("/")[0]))
    note(world, "backend cancelled", component, backend.pid)
