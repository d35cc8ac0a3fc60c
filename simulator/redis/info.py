"""INFO: what a node says of itself, read off its state and the traffic it bears."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.redis import cached
from simulator.redis.state import MB, PORT, VERSION, Deployment, Node, bytes_of_cached

if TYPE_CHECKING:
    from simulator.redis.context import Context

STARTUP = 1_090_000
SECTIONS = ("server", "clients", "memory", "persistence", "stats", "replication", "cpu", "modules", "errorstats",
            "cluster", "keyspace")  # fmt: skip
EXTRA = ("commandstats",)


def used_memory(made: Deployment, node: Node) -> int:
    return STARTUP + MB + node.space.bytes + cached.count(made, node) * bytes_of_cached(made)


def human(size: float) -> str:
    for unit in ("B", "K", "M", "G", "T"):
        if size < 1024 or unit == "T":
            return f"{size:.2f}{unit}" if unit != "B" else f"{size:.0f}B"
        size /= 1024
    return ""


def text(ctx: Context, wanted: list[str]) -> str:
    """The sections asked for, in their order."""
    names = list(SECTIONS)
    if wanted and not set(wanted) & {"default", "all", "everything"}:
        names = [s for s in (*SECTIONS, *EXTRA) if s in wanted]
    elif set(wanted) & {"all", "everything"}:
        names = [*SECTIONS, *EXTRA]
    blocks = []
    for name in names:
        lines = MAKERS[name](ctx)
        title = {"cpu": "CPU"}.get(name, name.capitalize())
        blocks.append(f"# {title}\n" + "".join(f"{k}:{v}\n" for k, v in lines))
    return "\n".join(blocks)


Lines = list[tuple[str, object]]


def _server(ctx: Context) -> Lines:
    node, up = ctx.node, int(ctx.now_s - ctx.node.started_s)
    mode = "cluster" if ctx.made.spec.mode == "cluster" else "standalone"
    return [
        ("redis_version", VERSION), ("redis_git_sha1", "00000000"), ("redis_git_dirty", 0), ("redis_mode", mode),
        ("os", "Linux 6.1.0-26-amd64 x86_64"), ("arch_bits", 64), ("process_id", 1), ("run_id", node.run_id),
        ("tcp_port", PORT), ("uptime_in_seconds", up), ("uptime_in_days", up // 86_400), ("hz", 10),
        ("config_file", "/etc/redis/redis.conf"), ("io_threads_active", 0),
    ]  # fmt: skip


def _clients(ctx: Context) -> Lines:
    from simulator.redis.server import client_rows

    blocked = round(ctx.node.ops * 0.01) if ctx.node.busy_until_s > ctx.now_s else 0
    return [
        ("connected_clients", len(client_rows(ctx))), ("cluster_connections", 10 if ctx.made.spec.mode == "cluster" else 0),
        ("maxclients", ctx.node.get("maxclients")), ("client_recent_max_input_buffer", 20480),
        ("client_recent_max_output_buffer", 0), ("blocked_clients", blocked), ("tracking_clients", 0),
        ("clients_in_timeout_table", 0),
    ]  # fmt: skip


def _memory(ctx: Context) -> Lines:
    used, limit = used_memory(ctx.made, ctx.node), int(ctx.node.get("maxmemory"))
    resident = int(used * 1.06) + 9 * MB
    return [
        ("used_memory", used), ("used_memory_human", human(used)), ("used_memory_rss", resident),
        ("used_memory_rss_human", human(resident)), ("used_memory_peak", used), ("used_memory_peak_human", human(used)),
        ("used_memory_startup", STARTUP), ("used_memory_dataset", max(0, used - STARTUP - MB)),
        ("maxmemory", limit), ("maxmemory_human", human(limit) if limit else "0B"),
        ("maxmemory_policy", ctx.node.get("maxmemory-policy")),
        ("mem_fragmentation_ratio", f"{resident / max(1, used):.2f}"), ("mem_allocator", "jemalloc-5.3.0"),
        ("active_defrag_running", 0), ("lazyfree_pending_objects", 0),
    ]  # fmt: skip


def _persistence(ctx: Context) -> Lines:
    loading = int(ctx.now_s < ctx.node.loading_until_s)
    return [
        ("loading", loading), ("async_loading", 0), ("rdb_changes_since_last_save", len(ctx.space.changed)),
        ("rdb_bgsave_in_progress", 0), ("rdb_last_bgsave_status", "err" if ctx.node.save_fails else "ok"),
        ("rdb_last_bgsave_time_sec", 5), ("aof_enabled", int(ctx.node.get("appendonly") == "yes")),
        ("aof_last_write_status", "ok"),
    ]  # fmt: skip


def _stats(ctx: Context) -> Lines:
    node = ctx.node
    fork = int(used_memory(ctx.made, node) / (500 * MB) * 22_571)
    return [
        ("total_connections_received", 18_204), ("total_commands_processed", int(node.total)),
        ("instantaneous_ops_per_sec", round(node.ops)), ("rejected_connections", 0), ("sync_full", len(ctx.made.nodes) - 1),
        ("sync_partial_ok", 0), ("sync_partial_err", 0), ("expired_keys", int(node.expired) + node.space.expired),
        ("evicted_keys", int(node.evicted)), ("keyspace_hits", int(node.hits)), ("keyspace_misses", int(node.misses)),
        ("pubsub_channels", 0), ("latest_fork_usec", fork), ("total_error_replies", 0),
    ]  # fmt: skip


def _replication(ctx: Context) -> Lines:
    node, made = ctx.node, ctx.made
    backlog: Lines = [
        ("master_replid", (node.run_id * 2)[7:47]), ("master_replid2", "0" * 40), ("master_repl_offset", node.offset),
        ("second_repl_offset", -1), ("repl_backlog_active", 1), ("repl_backlog_size", node.get("repl-backlog-size")),
    ]  # fmt: skip
    if node.leads:
        others = [o for o in made.replicas_of(node) if o.up and not o.cut and not node.cut]
        rows: Lines = [
            (f"slave{n}", f"ip={o.address},port={PORT},state=online,offset={o.offset},lag=0")
            for n, o in enumerate(others)
        ]
        good: Lines = []
        if node.get("min-replicas-to-write") != "0":
            good = [("min_slaves_good_slaves", len(others))]
        return [("role", "master"), ("connected_slaves", len(others)), *good, *rows, ("master_failover_state", "no-failover"), *backlog]  # fmt: skip
    master = made.nodes[node.master]
    linked = master.up and not master.cut and not node.cut
    down: Lines = (
        []
        if linked
        else [("master_link_down_since_seconds", int(ctx.now_s - max(master.down_s, node.heard_s)))]
    )
    return [
        ("role", "slave"), ("master_host", master.address), ("master_port", PORT),
        ("master_link_status", "up" if linked else "down"), ("master_last_io_seconds_ago", 0 if linked else -1),
        ("master_sync_in_progress", int(ctx.now_s < node.loading_until_s)), *down, ("slave_read_repl_offset", node.offset),
        ("slave_repl_offset", node.offset), ("slave_priority", 100), ("slave_read_only", 1),
        ("replica_announced", 1), ("connected_slaves", 0), ("master_failover_state", "no-failover"), *backlog,
    ]  # fmt: skip


def _cpu(ctx: Context) -> Lines:
    busy = min(1.0, ctx.node.ops / ctx.made.spec.ops_per_s)
    used = ctx.node.total / ctx.made.spec.ops_per_s
    return [
        ("used_cpu_sys", f"{used * 0.45:.6f}"), ("used_cpu_user", f"{used * 0.55:.6f}"),
        ("used_cpu_sys_main_thread", f"{used * 0.45:.6f}"), ("used_cpu_user_main_thread", f"{used * 0.55:.6f}"),
        ("main_thread_busy", f"{busy:.2f}"),
    ]  # fmt: skip


def _cluster(ctx: Context) -> Lines:
    return [("cluster_enabled", int(ctx.made.spec.mode == "cluster"))]


def _keyspace(ctx: Context) -> Lines:
    found: Lines = []
    for db in range(16):
        own = ctx.space.live(db, ctx.now_s)
        there = cached.count(ctx.made, ctx.node) if db == 0 else 0
        expiring = sum(ctx.space.db(db)[k].expires_s is not None for k in own) + there
        ttl = (
            round(sum(p.fill.ttl_s for p in ctx.made.parts) / max(1, len(ctx.made.parts)) * 510)
            if there
            else 0
        )
        if own or there:
            found.append((f"db{db}", f"keys={len(own) + there},expires={expiring},avg_ttl={ttl}"))
    return found


def _commandstats(ctx: Context) -> Lines:
    """What was typed here, and what the traffic has sent: reads, and a write for each that missed."""
    rows: Lines = []
    each = 1_000_000 / ctx.made.spec.ops_per_s
    sent = {"get": ctx.node.hits + ctx.node.misses, "setex": ctx.node.misses if ctx.node.leads else 0.0}
    told = dict(ctx.node.commands)
    for name, count in sent.items():
        if count >= 1.0:
            calls, micros = told.get(name, (0.0, 0.0))
            told[name] = [calls + int(count), micros + int(count) * each]
    for name, (calls, micros) in sorted(told.items()):
        each = micros / max(1.0, calls)
        rows.append(
            (f"cmdstat_{name}", f"calls={calls:.0f},usec={micros:.0f},usec_per_call={each:.2f},rejected_calls=0,failed_calls=0")
        )  # fmt: skip
    return rows


MAKERS = {
    "server": _server,
    "clients": _clients,
    "memory": _memory,
    "persistence": _persistence,
    "stats": _stats,
    "replication": _replication,
    "cpu": _cpu,
    "modules": lambda _ctx: [],
    "errorstats": lambda _ctx: [],
    "cluster": _cluster,
    "keyspace": _keyspace,
    "commandstats": _commandstats,
}
