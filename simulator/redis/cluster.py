"""Redis Cluster: slots, who has them, redirections, and what CLUSTER answers."""

from __future__ import annotations

from simulator.redis import cached
from simulator.redis.context import Command, Context, command, integer
from simulator.redis.keyspace import CommandError
from simulator.redis.replies import CLUSTERDOWN, OK, Error, Status, Value, Verbatim
from simulator.redis.slots import SLOTS, slot_of
from simulator.redis.state import PORT, Deployment, Node

NO_CLUSTER = Error("ERR This instance has cluster support disabled")
CROSSSLOT = Error("CROSSSLOT Keys in request don't hash to the same slot")
FAIL_AFTER_S = 15.0


def keys_of(spec: Command, argv: list[str]) -> list[str]:
    if spec.name == "xread":
        upper = [word.upper() for word in argv]
        words = argv[upper.index("STREAMS") + 1 :] if "STREAMS" in upper else []
        return words[: len(words) // 2]
    if not spec.first or (spec.name in ("object", "memory", "xinfo") and len(argv) < 3):
        return []
    last = len(argv) - 1 if spec.last < 0 else spec.last
    return argv[spec.first : last + 1 : spec.step or 1]


def redirected(ctx: Context, spec: Command, argv: list[str]) -> Error | None:
    """MOVED, CROSSSLOT or CLUSTERDOWN, if the command is not this node's."""
    if ctx.made.spec.mode != "cluster":
        return None
    slots = [slot_of(key) for key in keys_of(spec, argv)]
    if not slots:
        return None
    if any(slot != slots[0] for slot in slots):
        return CROSSSLOT
    if failed(ctx.made, ctx.now_s) and ctx.node.get("cluster-require-full-coverage") == "yes":
        return CLUSTERDOWN
    home = ctx.made.node_of(slots[0])
    if home is None:
        return Error("CLUSTERDOWN Hash slot not served")
    if home is ctx.node or (ctx.readonly and ctx.node.master == home.index and "w" not in spec.flags):
        return None
    return Error(f"MOVED {slots[0]} {home.address}:{PORT}")


def failed(made: Deployment, now_s: float) -> bool:
    """Whether slots are known to be without a master."""
    return any(not n.up and n.leads and n.slots and now_s - n.down_s >= FAIL_AFTER_S for n in made.nodes)


@command("cluster", -2, "", 0, 0, 0)
def cluster(ctx: Context, argv: list[str]) -> Value:
    verb = argv[1].lower()
    if ctx.made.spec.mode != "cluster":
        raise CommandError(NO_CLUSTER)
    if verb == "keyslot" and len(argv) == 3:
        return slot_of(argv[2])
    if verb == "countkeysinslot" and len(argv) == 3:
        return _count(ctx, integer(argv[2], Error("ERR Invalid slot")))
    if verb == "setslot":
        return _set_slot(ctx, argv)
    if verb == "failover":
        return _failover(ctx)
    if verb in LOOKS and len(argv) == 2:
        return LOOKS[verb](ctx)
    raise CommandError(Error(f"ERR unknown subcommand '{argv[1]}'. Try CLUSTER HELP."))


def _count(ctx: Context, slot: int) -> Value:
    if not 0 <= slot < SLOTS:
        raise CommandError(Error("ERR Invalid slot"))
    own = sum(slot_of(key) == slot for key in ctx.space.live(0, ctx.now_s))
    owned = sum(b - a + 1 for a, b in ctx.node.slots) or 1
    here = any(a <= slot <= b for a, b in ctx.node.slots)
    return own + (round(cached.count(ctx.made, ctx.node) / owned) if here else 0)


def _info(ctx: Context) -> Value:
    made, now = ctx.made, ctx.now_s
    down = failed(made, now)
    lost = sum(b - a + 1 for n in made.nodes if not n.up and n.leads for a, b in n.slots)
    return Verbatim(
        "\n".join(
            f"{name}:{value}"
            for name, value in (
                ("cluster_state", "fail" if down else "ok"),
                ("cluster_slots_assigned", SLOTS),
                ("cluster_slots_ok", SLOTS - lost),
                ("cluster_slots_pfail", 0 if down else lost),
                ("cluster_slots_fail", lost if down else 0),
                ("cluster_known_nodes", len(made.nodes)),
                ("cluster_size", sum(bool(n.slots) for n in made.masters())),
                ("cluster_current_epoch", made.epoch),
                ("cluster_my_epoch", 1 + ctx.node.index),
                ("cluster_stats_messages_sent", int(now * 12) + 90_000),
                ("cluster_stats_messages_received", int(now * 12) + 90_000),
                ("total_cluster_links_buffer_limit_exceeded", 0),
            )
        )
    )


def _nodes(ctx: Context) -> Value:
    made, lines = ctx.made, []
    start_ms = int((ctx.world.scenario.starts_at.timestamp() + ctx.now_s) * 1000)
    for node in made.nodes:
        flags = ["myself"] if node is ctx.node else []
        flags.append("master" if node.leads else "slave")
        if not node.up:
            flags.append("fail" if ctx.now_s - node.down_s >= FAIL_AFTER_S else "fail?")
        master = "-" if node.leads else made.nodes[node.master].run_id
        slots = " ".join(f"{a}-{b}" if a != b else str(a) for a, b in node.slots)
        ping = 0 if node.up else start_ms - int((ctx.now_s - node.down_s) * 1000)
        link = "connected" if node.up else "disconnected"
        line = (
            f"{node.run_id} {node.address}:{PORT}@{PORT + 10000} {','.join(flags)} {master} {ping} {start_ms - 400} "
            f"{1 + (node.index if node.leads else node.master)} {link} {slots}"
        )
        lines.append(line.rstrip())
    return Verbatim("\n".join(lines))


def _slots(ctx: Context) -> Value:
    found: list[Value] = []
    ranges = sorted((a, b, node.index) for node in ctx.made.masters() for a, b in node.slots)
    for first, last, index in ranges:
        node = ctx.made.nodes[index]
        places: list[Value] = [[node.address, PORT, node.run_id, []]]
        places += [[o.address, PORT, o.run_id, []] for o in ctx.made.replicas_of(node) if o.up]
        found.append([first, last, *places])
    return found


LOOKS = {
    "info": _info,
    "nodes": _nodes,
    "slots": _slots,
    "myid": lambda ctx: ctx.node.run_id,
    "countkeysinslot": lambda ctx: 0,
    "reset": lambda ctx: Error("ERR CLUSTER RESET can't be called with master nodes containing keys"),
}


def _set_slot(ctx: Context, argv: list[str]) -> Value:
    """CLUSTER SETSLOT n NODE id: the slot and the keys in it go over at once."""
    from simulator.redis import load

    if len(argv) != 5 or argv[3].upper() != "NODE":
        raise CommandError(
            Error("ERR only CLUSTER SETSLOT <slot> NODE <node-id> is simulated; keys go with the slot")
        )
    slot = integer(argv[2], Error("ERR Invalid or out of range slot"))
    target = next((n for n in ctx.made.masters() if n.run_id == argv[4] or n.name == argv[4]), None)
    if target is None:
        raise CommandError(Error(f"ERR Unknown node {argv[4]}"))
    source = ctx.made.node_of(slot)
    if source is None or not 0 <= slot < SLOTS:
        raise CommandError(Error("ERR Invalid or out of range slot"))
    if source is not target:
        move_slot(source, target, slot)
        for key in source.space.live(0, ctx.now_s):
            if slot_of(key) == slot:
                target.space.put(0, key, source.space.db(0)[key])
                source.space.drop(0, key)
        load.place(ctx.made)
        ctx.changes = True
    return OK


def move_slot(source: Node, target: Node, slot: int) -> None:
    kept = []
    for a, b in source.slots:
        if a <= slot <= b:
            kept += [(x, y) for x, y in ((a, slot - 1), (slot + 1, b)) if x <= y]
        else:
            kept.append((a, b))
    source.slots = kept
    target.slots = sorted([*target.slots, (slot, slot)])


def _failover(ctx: Context) -> Value:
    from simulator.redis import failover

    if ctx.node.leads:
        raise CommandError(Error("ERR You should send CLUSTER FAILOVER to a replica"))
    master = ctx.made.nodes[ctx.node.master]
    failover.promote(ctx.world, ctx.made, ctx.node, master)
    ctx.changes = True
    return Status("OK")
