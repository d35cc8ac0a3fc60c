"""What `shardctl` shows: the map, the load of each shard, the busiest keys, jobs, rows astray."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simulator.scenario import Text
from simulator.shards import plans
from simulator.shards.state import (
    asked_rps,
    database_of,
    hot_by_number,
    key_name,
    mean_of,
    spec_of,
    state_of,
    top_keys,
)

if TYPE_CHECKING:
    from simulator.world import World

T = {
    "clean": Text(ru="все строки на своих местах", en="every row is where it belongs"),
    "astray": Text(
        ru="функция {0} ищет эти строки на других шардах; вернуть: shardctl repair",
        en="the {0} function looks for these rows on other shards; to bring them home: shardctl repair",
    ),
    "jobs": Text(ru="задач нет", en="no jobs"),
}


def table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) + 2 for i in range(len(rows[0]))]
    return "".join(
        "".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def size(rows: float, row_bytes: int) -> str:
    return f"{rows * row_bytes / 1e9:.1f}GB"


def condition(world: World, shard: int) -> str:
    """serving, isolated (a key of its own), spare, or what moves there."""
    state = state_of(world)
    for job in state.jobs:
        if shard == job.target or (shard in job.sources and job.phase == "copy"):
            return "receiving" if shard == job.target else "copying"
    now = state.map.now
    if shard < now.serving or any(shard == other for _, other in now.halves):
        return "serving"
    return "isolated" if any(shard in shards for _, shards in now.pinned) else "spare"


def status(world: World) -> str:
    spec, state = spec_of(world), state_of(world)
    now = state.map.now
    lines = [("SHARD", "STATE", "ROWS", "SIZE", "RPS", "CPU", "WAITING", "OLDEST", "HOT KEYS")]
    busiest = top_keys(world, 12)
    for shard in range(database_of(world).shards):
        name = f"{spec.database}-{shard}"
        hot = " ".join(f"{key}({rps:.0f}/s)" for key, rps, homes in busiest[:4] if shard in homes)
        lines.append(
            (
                name,
                condition(world, shard),
                f"{state.rows[shard] / 1e6:.1f}M",
                size(state.rows[shard], spec.row_bytes),
                f"{mean_of(world, f'db/{name}/queries'):.0f}",
                f"{mean_of(world, f'db/{name}/cpu'):.0%}",
                f"{mean_of(world, f'pool/{name}/waiting'):.0f}",
                f"{mean_of(world, f'pool/{name}/wait_s'):.2f}s",
                hot,
            )
        )
    head = f"function: {now.function}(merchant_id) mod {now.serving}"
    if now.function == "date":
        head = f"function: date(created_at) mod {now.serving}"
    limits = "".join(f"limit: {key} {rps:g}/s\n" for key, rps in sorted(state.limits.items()))
    return head + "\n" + limits + table(lines)


def top(world: World, count: int) -> str:
    lines = [("KEY", "RPS", "SHARE", "SHARDS", "")]
    total = max(1e-9, asked_rps(world))
    for key, rps, homes in top_keys(world, count):
        hot = spec_of(world).hot.get(key)
        about = hot.text.of(world.language) if hot is not None else ""
        lines.append((key, f"{rps:.1f}", f"{rps / total:.1%}", ",".join(map(str, homes)), about))
    return table(lines)


def shard_map(world: World) -> str:
    state, spec = state_of(world), spec_of(world)
    now = state.map.now
    lines = [f"function: {now.function}, serving: 0-{now.serving - 1}"]
    spares = [n for n in range(now.serving, database_of(world).shards) if condition(world, n) == "spare"]
    lines.append("spares: " + (", ".join(f"{spec.database}-{n}" for n in spares) or "-"))
    for key, shards in now.pinned:
        where = ", ".join(f"{spec.database}-{n}" for n in shards)
        lines.append(f"pinned: {_named(world, key)} -> {where}" + (" (salted)" if len(shards) > 1 else ""))
    for shard, other in now.halves:
        lines.append(f"split: half of {spec.database}-{shard} -> {spec.database}-{other}")
    return "\n".join(lines) + "\n"


def _named(world: World, key: int) -> str:
    found = hot_by_number(world, key)
    return found[0] if found is not None else key_name(world, key)


def key_map(world: World, name: str, key: int) -> str:
    now, spec = state_of(world).map.now, spec_of(world)
    shards = now.shards_of(key)
    kept = dict(now.kept).get(key, ())
    text = f"{name}: " + ", ".join(f"{spec.database}-{n}" for n in shards)
    if kept:
        text += "; earlier rows: " + ", ".join(f"{spec.database}-{n}" for n in kept)
    mirror = dict(now.mirror).get(key)
    if mirror is not None:
        text += f"; written to {spec.database}-{mirror} as well"
    return text + (" (closed for writes)" if key in now.locked else "") + "\n"


def jobs(world: World) -> str:
    found = state_of(world).jobs
    if not found:
        return T["jobs"].of(world.language) + "\n"
    lines = [("JOB", "WHAT", "PHASE", "ROWS", "COPIED", "RATE", "WRITES")]
    for job in found:
        writes = "offline" if job.offline else "both" if job.double_write else "-"
        lines.append(
            (
                str(job.number),
                job.what,
                job.phase,
                f"{job.rows:,.0f}",
                f"{job.copied / max(job.rows, 1):.0%}",
                f"{job.rate:,.0f}/s",
                writes,
            )
        )
    return table(lines)


def check(world: World) -> str:
    found = plans.strays(world)
    if not found:
        return T["clean"].of(world.language) + "\n"
    lines = [("SHARD", "TABLE", "ROWS ASTRAY")]
    lines += [(store, name, f"{rows:,.0f}") for (store, name), rows in sorted(found.items())]
    return table(lines) + T["astray"].of(world.language).format(state_of(world).map.now.function) + "\n"
