"""One command on one node: who may, whether it may now, what it takes of the command thread, what replicas get."""

from __future__ import annotations

from simulator.redis import (
    bits,
    cluster,
    config,
    generic,
    geo,
    groups,
    hashes,
    hyperloglog,
    info,
    lists,
    more,
    moves,
    server,
    strings,
    subcommands,
    zsets,
)
from simulator.redis.context import TABLE, Command, Context
from simulator.redis.keyspace import CommandError
from simulator.redis.replies import (
    LOADING,
    MISCONF,
    NOAUTH,
    NOREPLICAS,
    OK,
    OOM,
    READONLY,
    Error,
    Status,
    Value,
)
from simulator.redis.state import Slow

ROOMS = (
    cluster,
    config,
    generic,
    hashes,
    lists,
    server,
    strings,
    zsets,
    more,
    bits,
    geo,
    groups,
    hyperloglog,
    moves,
)  # what has registered its commands
SHOWN_ARGS, SHOWN_BYTES = 32, 128  # of a slow log entry


def execute(ctx: Context, argv: list[str]) -> Value:
    """Run a command; errors are replies. `ctx.cost_us` says what it took."""
    ctx.cost_us = 1.2
    name = argv[0].lower()
    spec = TABLE.get(name)
    try:
        if name in ("multi", "exec", "discard"):
            return _transaction(ctx, name, argv)
        wrong = _wrong(ctx, spec, argv)
        if wrong is not None:
            ctx.broken = ctx.broken or ctx.queue is not None
            return wrong
        assert spec is not None
        if ctx.queue is not None and name not in ("watch", "quit"):
            ctx.queue.append(argv)
            return Status("QUEUED")
        if ctx.queue is not None and name == "watch":
            return Error("ERR WATCH inside MULTI is not allowed")
        return _run(ctx, spec, argv)
    except CommandError as error:
        return error.reply


def _wrong(ctx: Context, spec: Command | None, argv: list[str]) -> Error | None:
    """Why a command is refused before it runs."""
    if spec is None:
        words = "".join(f"'{word[:128]}' " for word in argv[1:20])[:128]
        return Error(f"ERR unknown command '{argv[0][:128]}', with args beginning with: {words}")
    if (spec.arity > 0 and len(argv) != spec.arity) or len(argv) < -spec.arity:
        return Error(f"ERR wrong number of arguments for '{spec.name}' command")
    wrong = subcommands.wrong(argv)
    if wrong is not None:
        return wrong
    if not ctx.authorised and spec.name not in ("auth", "quit"):
        return NOAUTH
    moved = cluster.redirected(ctx, spec, argv)
    if moved is not None:
        return moved
    if ctx.now_s < ctx.node.loading_until_s and "s" not in spec.flags:
        return LOADING
    if "w" not in spec.flags:
        return None
    return _unwritable(ctx, spec)


def _unwritable(ctx: Context, spec: Command) -> Error | None:
    node = ctx.node
    if not node.leads and node.get("replica-read-only") == "yes":
        return READONLY
    if node.save_fails and node.get("stop-writes-on-bgsave-error") == "yes":
        return MISCONF
    if int(node.get("min-replicas-to-write")) > good_replicas(ctx):
        return NOREPLICAS
    limit, policy = int(node.get("maxmemory")), node.get("maxmemory-policy")
    if "m" in spec.flags and limit and info.used_memory(ctx.made, node) > limit:
        volatile = policy.startswith("volatile") and not ctx.made.parts  # nothing with a TTL to evict
        return OOM if policy == "noeviction" or volatile else None
    return None


def good_replicas(ctx: Context) -> int:
    """Replicas heard of within min-replicas-max-lag."""
    node, lag = ctx.node, float(ctx.node.get("min-replicas-max-lag"))
    found = 0
    for other in ctx.made.replicas_of(node):
        linked = other.up and not other.cut and not node.cut
        found += linked or (ctx.now_s - other.heard_s <= lag and ctx.now_s > 0 and other.heard_s > 0)
    return found


def _transaction(ctx: Context, name: str, argv: list[str]) -> Value:
    if len(argv) != 1:
        return Error(f"ERR wrong number of arguments for '{name}' command")
    if name == "multi":
        if ctx.queue is not None:
            return Error("ERR MULTI calls can not be nested")
        ctx.queue, ctx.broken = [], False
        return OK
    if ctx.queue is None:
        return Error(f"ERR {name.upper()} without MULTI")
    queue, ctx.queue = ctx.queue, None
    watched, ctx.watched = dict(ctx.watched), {}
    if name == "discard":
        return OK
    if ctx.broken:
        return Error("EXECABORT Transaction discarded because of previous errors.")
    for key, before in watched.items():
        found = ctx.find(key)
        if (None if found is None else repr(found.data)) != before:
            return None
    replies: list[Value] = []
    cost = 0.0
    for words in queue:
        replies.append(execute(ctx, words))
        cost += ctx.cost_us
    ctx.cost_us = cost
    return replies


def _run(ctx: Context, spec: Command, argv: list[str]) -> Value:
    before = len(ctx.space.changed)
    try:
        return spec.run(ctx, argv)
    finally:
        if len(ctx.space.changed) > before:
            ctx.changes = True
            ctx.node.offset += sum(len(word) + 6 for word in argv) + 12
        _account(ctx, spec, argv)


def _account(ctx: Context, spec: Command, argv: list[str]) -> None:
    """Commands that leave a trace are counted; only slow or changing ones do, so that looking changes nothing."""
    limit = int(ctx.node.get("slowlog-log-slower-than"))
    if 0 <= limit <= ctx.cost_us:
        ctx.changes = True
        shown = [word[:SHOWN_BYTES] for word in argv[:SHOWN_ARGS]]
        node = ctx.node
        node.slow.append(Slow(node.slow_count, ctx.now_s, round(ctx.cost_us), shown, "127.0.0.1:40040"))
        node.slow_count += 1
    if ctx.changes:
        tally = ctx.node.commands.setdefault(spec.name, [0.0, 0.0])
        tally[0] += 1
        tally[1] += ctx.cost_us
