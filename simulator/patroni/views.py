"""Tables of `patronictl`: members, the topology, the history of timelines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.engine import streams
from simulator.patroni.state import FIRST_LSN, WAL_BYTES, Cluster, Dcs, leader_of, node, spec_of

if TYPE_CHECKING:
    from simulator.world import World

MB = 1024 * 1024
MEMBERS = ("Member", "Host", "Role", "State", "TL", "Lag in MB")


def system_id(world: World, scope: str) -> int:
    return 7_000_000_000_000_000_000 + streams.key_of(world.seed, "system", scope) % 800_000_000_000_000_000


def table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]], right: tuple[str, ...]) -> str:
    """A table as prettytable draws it; the title lies in the upper border."""
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    border = "+" + "+".join("-" * (w + 2) for w in widths) + "+"
    head = border
    if title:
        named = f"+ {title} "
        head = named + border[len(named) :] if len(named) < len(border) else named + "+"
    out = [head, _row(columns, widths, ()), border]
    places = tuple(i for i, name in enumerate(columns) if name in right)
    out += [_row(row, widths, places) for row in rows]
    return "\n".join([*out, border]) + "\n"


def _row(cells: tuple[str, ...], widths: list[int], right: tuple[int, ...]) -> str:
    shown = [
        c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))
    ]
    return "| " + " | ".join(shown) + " |"


def living(world: World, dcs: Dcs) -> list[str]:
    """Members whose key has not run out: those whose agents have written to this etcd lately."""
    ttl = float(dcs.config.get("ttl", 30))
    return [m for m, at in sorted(dcs.seen.items()) if world.now_s - at <= ttl]


def member_row(world: World, cluster: Cluster, dcs: Dcs, name: str) -> tuple[str, ...]:
    copy, leader = node(world, cluster, name), leader_of(dcs, world.now_s)
    host = spec_of(world, cluster).hosts.get(name, name)
    role = "Leader" if name == leader else "Replica"
    if role == "Replica" and dcs.config.get("synchronous_mode") and leader and not copy.stopped:
        role = "Sync Standby" if node(world, cluster, leader).sync > 0 else role
    lag = "" if name == leader else str(round(max(0, dcs.end - copy.end) * WAL_BYTES / MB))
    if name != leader and (copy.stopped or not leader):
        lag = "unknown"
    timeline = str(copy.leads or copy.follows)
    return name, host, role, cluster.agents[name].state, timeline, lag


FORMATS = ("pretty", "tsv", "json", "yaml", "yml")


def written(form: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """The same rows as tsv, JSON or YAML; an empty cell is left out, whole numbers are numbers."""
    if form == "tsv":
        return "".join("\t".join(row) + "\n" for row in (columns, *rows))
    listed = [
        {c: int(v) if v.isdecimal() else v for c, v in zip(columns, row, strict=True) if v} for row in rows
    ]
    if form == "json":
        return json.dumps(listed) + "\n"
    lines = []
    for one in listed:
        lines += [f"{'- ' if n == 0 else '  '}{name}: {value}" for n, (name, value) in enumerate(one.items())]
    return "\n".join(lines) + "\n"


def members_as(form: str, world: World, scope: str, cluster: Cluster, dcs: Dcs) -> str:
    """`list -f json`: with the cluster's name in every row, as patronictl has it."""
    rows = [(scope, *member_row(world, cluster, dcs, name)) for name in living(world, dcs)]
    return written(form, ("Cluster", *MEMBERS), rows)


def members(world: World, scope: str, cluster: Cluster, dcs: Dcs, topology: bool = False) -> str:
    rows = [member_row(world, cluster, dcs, name) for name in living(world, dcs)]
    if topology:
        rows.sort(key=lambda row: row[2] != "Leader")
        rows = [row if row[2] == "Leader" else ("+ " + row[0], *row[1:]) for row in rows]
    title = f"Cluster: {scope} ({system_id(world, scope)})"
    out = table(title, MEMBERS, rows, ("TL", "Lag in MB"))
    return out + (" Maintenance mode: on\n" if dcs.config.get("pause") else "")


def history(world: World, cluster: Cluster, dcs: Dcs, form: str = "pretty") -> str:
    rows: list[tuple[str, ...]] = []
    for timeline, end, at_s, leader in dcs.history:
        stamp = world.at(at_s).isoformat(timespec="microseconds")
        where = FIRST_LSN + end * WAL_BYTES
        rows.append((str(timeline), str(where), "no recovery target specified", stamp, leader))
    if form != "pretty":
        return written(form, ("TL", "LSN", "Reason", "Timestamp", "New Leader"), rows)
    return table("", ("TL", "LSN", "Reason", "Timestamp", "New Leader"), rows, ("TL", "LSN"))
