"""What a Sentinel answers (redis-cli -p 26379)."""

from __future__ import annotations

from simulator.redis import failover
from simulator.redis.context import Context
from simulator.redis.replies import OK, Error, Status, Value, Verbatim
from simulator.redis.state import PORT, Deployment, Node

NAME = "mymaster"
NO_MASTER = Error("ERR No such master with that name")
NOT_HERE = Error("ERR unknown command '{}', with args beginning with: ")


def leader(made: Deployment) -> Node:
    """The master as the Sentinels name it."""
    return next((n for n in made.nodes if n.leads and n.up), next(n for n in made.nodes if n.leads))


def answer(ctx: Context, argv: list[str]) -> Value:
    name = argv[0].lower()
    if name == "ping":
        return Status("PONG")
    if name == "info":
        return _info(ctx)
    if name == "role":
        return ["sentinel", [NAME]]
    if name == "sentinel" and len(argv) > 1:
        return _sentinel(ctx, argv[1].lower(), argv[2:])
    if name == "sentinel":
        return Error("ERR wrong number of arguments for 'sentinel' command")
    return Error(NOT_HERE.text.format(argv[0][:128]))


def _sentinel(ctx: Context, verb: str, rest: list[str]) -> Value:
    made = ctx.made
    if verb == "masters":
        return [_fields(ctx, leader(made), True)]
    if verb not in (
        "get-master-addr-by-name",
        "master",
        "replicas",
        "slaves",
        "sentinels",
        "failover",
        "ckquorum",
    ):
        return Error(f"ERR unknown subcommand '{verb}'. Try SENTINEL HELP.")
    if len(rest) != 1:
        return Error(f"ERR wrong number of arguments for 'sentinel|{verb}' command")
    if rest[0] != NAME:
        return None if verb == "get-master-addr-by-name" else NO_MASTER
    master = leader(made)
    if verb == "get-master-addr-by-name":
        return [master.address, str(PORT)]
    if verb == "master":
        return _fields(ctx, master, True)
    if verb in ("replicas", "slaves"):
        return [_fields(ctx, node, False) for node in made.nodes if node is not master]
    if verb == "sentinels":
        return [
            ["name", i, "ip", a, "port", str(p), "flags", "sentinel"]
            for i, a, p in failover.sentinels(made)[1:]
        ]
    if verb == "ckquorum":
        return Status("OK 3 usable Sentinels. Quorum and failover authorization can be reached")
    return _failover(ctx, master)


def _failover(ctx: Context, master: Node) -> Value:
    best = failover.best_replica(ctx.made, master)
    if best is None:
        return Error("NOGOODSLAVE No suitable replica to promote")
    ctx.made.epoch += 1
    ctx.made.run += 1
    failover.tell(ctx.made, master, best, ctx.now_s)
    failover.promote(ctx.world, ctx.made, best, master)
    ctx.changes = True
    return OK


def _fields(ctx: Context, node: Node, master: bool) -> list[Value]:
    made = ctx.made
    since = ctx.now_s - node.down_s
    flags = "master" if master else "slave"
    if not node.up:
        flags = ("s_down,o_down," if master and since >= failover.DOWN_AFTER_S else "s_down,") + flags
        flags = flags if since >= failover.DOWN_AFTER_S else flags.removeprefix("s_down,") + ",disconnected"
    pairs: list[Value] = [
        "name", NAME if master else f"{node.address}:{PORT}", "ip", node.address, "port", str(PORT), "runid", node.run_id,
        "flags", flags, "link-pending-commands", "0", "link-refcount", "1", "last-ping-sent",
        "0" if node.up else str(int(since * 1000)), "last-ok-ping-reply", "412" if node.up else str(int(since * 1000)),
        "down-after-milliseconds", "30000",
    ]  # fmt: skip
    if master:
        replicas = len([n for n in made.nodes if n is not node])
        return [
            *pairs,
            "role-reported", "master", "config-epoch", str(made.epoch), "num-slaves", str(replicas), "num-other-sentinels",
            "2", "quorum", "2", "failover-timeout", "180000", "parallel-syncs", "1",
        ]  # fmt: skip
    owner = made.nodes[node.master] if not node.leads else leader(made)
    linked = "ok" if owner.up and not node.cut and node.up else "err"
    return [
        *pairs,
        "role-reported", "slave", "master-link-status", linked, "master-host", owner.address, "master-port", str(PORT),
        "slave-priority", "100", "slave-repl-offset", str(node.offset),
    ]  # fmt: skip


def _info(ctx: Context) -> Value:
    master = leader(ctx.made)
    status = "ok" if master.up else "odown" if ctx.now_s - master.down_s >= failover.DOWN_AFTER_S else "ok"
    slaves = len(ctx.made.nodes) - 1
    return Verbatim(
        "# Sentinel\nsentinel_masters:1\nsentinel_tilt:0\nsentinel_running_scripts:0\nsentinel_scripts_queue_length:0\n"
        f"sentinel_simulate_failure_flags:0\nmaster0:name={NAME},status={status},address={master.address}:{PORT},"
        f"slaves={slaves},sentinels=3"
    )
