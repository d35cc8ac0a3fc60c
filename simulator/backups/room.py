"""The room of backups: pgBackRest's stanzas, restores and the console around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from simulator.backups import state
from simulator.room import Room
from simulator.telemetry.line import LogLine
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.telemetry.metrics import Family, Labels, Telemetry
    from simulator.world import World


def _tools() -> Mapping[str, Tool]:
    from simulator.backups.console import TOOLS as PGBACKREST
    from simulator.backups.pgctl import TOOLS as PGCTL

    return {**PGBACKREST, **PGCTL}


def _metrics() -> Mapping[str, Family]:
    def column(what: str) -> Family:
        def read(t: Telemetry) -> Iterator[tuple[Labels, Any]]:
            for component in state.stanzas(t.world):
                stanza = state.spec_of(t.world, component).stanza
                yield {"db": component, "stanza": stanza}, t.column(f"backups/{component}/{what}")

        return read

    def rows(t: Telemetry) -> Iterator[tuple[Labels, Any]]:
        for component in state.stanzas(t.world):
            for name in state.live_rows(t.world, component):
                labels = {"db": component, "relname": name}
                yield labels, t.column(f"backups/{component}/rows/{name}")

    return {
        "pg_stat_user_tables_n_live_tup": rows,
        "pgbackrest_wal_archive_lag_seconds": column("archive_lag_s"),
        "pg_stat_archiver_failed_count": column("failed"),
    }


def _logs(world: World, app: str, second: int) -> Iterator[LogLine]:
    """What a restored server wrote in a second."""
    for component, stanza in state.stanzas(world).items():
        if state.spec_of(world, component).spare != app:
            continue
        for t_s, text in stanza.side.lines:
            if int(t_s) == second:
                moment = world.at(t_s).strftime("%Y-%m-%d %H:%M:%S.%f")[:23]
                yield LogLine(t_s, app, app, "LOG", f"{moment} UTC [41] {text}")


def _apps(world: World) -> list[str]:
    found = state.stanzas(world)
    return [state.spec_of(world, c).spare for c, s in found.items() if s.side.lines]


def _identity(backups: state.Backups) -> Any:
    return repr(
        [
            (
                c,
                s.archived_s,
                s.holes,
                s.failed,
                s.stopped,
                s.main.state,
                s.side.state,
                s.side.target_s,
                s.restored,
            )
            for c, s in backups.stanzas.items()
        ]
    )


ROOM = Room(
    "backups",
    state.build,
    each_second=state.each_second,
    identity=_identity,
    tools=_tools,
    metrics=_metrics,
    logs=_logs,
    apps=_apps,
)
