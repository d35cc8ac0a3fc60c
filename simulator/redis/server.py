"""Commands about the server: configuration, clients, slow log, memory, objects, replication by hand."""

from __future__ import annotations

from simulator.engine.streams import bits, key_of
from simulator.redis import cached, info
from simulator.redis.context import TABLE, Context, command, integer, unknown
from simulator.redis.keyspace import CommandError, Entry
from simulator.redis.replies import NO_KEY, OK, SYNTAX, Error, Status, Value, Verbatim
from simulator.redis.state import MB, VERSION

FLUSH_US = 0.92  # a key: FLUSHALL of 5 M took 4.6 s (measured)
NOT_SIMULATED = "ERR {} isn't simulated here; simulated are: {}"


@command("ping", -1, "fs", 0, 0, 0)
def ping(ctx: Context, argv: list[str]) -> Value:
    if len(argv) > 2:
        raise CommandError(Error("ERR wrong number of arguments for 'ping' command"))
    return argv[1] if len(argv) > 1 else Status("PONG")


@command("echo", 2, "f", 0, 0, 0)
def echo(ctx: Context, argv: list[str]) -> Value:
    return argv[1]


@command("select", 2, "fs", 0, 0, 0)
def select(ctx: Context, argv: list[str]) -> Value:
    number = integer(argv[1], Error("ERR value is not an integer or out of range"))
    if ctx.made.spec.mode == "cluster" and number:
        raise CommandError(Error("ERR SELECT is not allowed in cluster mode"))
    if not 0 <= number < 16:
        raise CommandError(Error("ERR DB index is out of range"))
    ctx.db = number
    return OK


@command("auth", -2, "fs", 0, 0, 0)
def auth(ctx: Context, argv: list[str]) -> Value:
    wanted = ctx.node.get("requirepass")
    if len(argv) > 3:
        raise CommandError(SYNTAX)
    if not wanted and len(argv) == 3 and argv[1] != "default":
        raise CommandError(Error("WRONGPASS invalid username-password pair or user is disabled."))
    if not wanted:
        raise CommandError(
            Error(
                "ERR AUTH <password> called without any password configured for the default user. "
                "Are you sure your configuration is correct?"
            )
        )
    if argv[-1] != wanted:
        raise CommandError(Error("WRONGPASS invalid username-password pair or user is disabled."))
    ctx.authorised = True
    return OK


@command("quit", -1, "fs", 0, 0, 0)
def quit_(ctx: Context, argv: list[str]) -> Value:
    return OK


@command("time", 1, "f", 0, 0, 0)
def time(ctx: Context, argv: list[str]) -> Value:
    now = ctx.world.scenario.starts_at.timestamp() + ctx.now_s
    return [str(int(now)), str(int(now * 1e6) % 1_000_000)]


@command("info", -1, "s", 0, 0, 0)
def info_(ctx: Context, argv: list[str]) -> Value:
    return Verbatim(info.text(ctx, [word.lower() for word in argv[1:]]))


@command("role", 1, "fs", 0, 0, 0)
def role(ctx: Context, argv: list[str]) -> Value:
    node = ctx.node
    if node.leads:
        others: list[Value] = [
            [o.address, "6379", str(o.offset)] for o in ctx.made.replicas_of(node) if o.up and not o.cut
        ]
        return ["master", node.offset, others]
    master = ctx.made.nodes[node.master]
    state = "connected" if master.up and not node.cut and not master.cut else "connect"
    return ["slave", master.address, 6379, state, node.offset if state == "connected" else -1]


@command("wait", 3, "", 0, 0, 0)
def wait(ctx: Context, argv: list[str]) -> Value:
    wanted, timeout_ms = integer(argv[1]), integer(argv[2])
    if timeout_ms < 0:
        raise CommandError(Error("ERR timeout is negative"))
    have = sum(o.up and not o.cut and not ctx.node.cut for o in ctx.made.replicas_of(ctx.node))
    ctx.cost_us = 640.0 if have >= wanted else min(timeout_ms, 60_000) * 1000.0
    return have


@command("flushall", -1, "w", 0, 0, 0)
def flushall(ctx: Context, argv: list[str]) -> Value:
    return _flush(ctx, argv, None)


@command("flushdb", -1, "w", 0, 0, 0)
def flushdb(ctx: Context, argv: list[str]) -> Value:
    return _flush(ctx, argv, ctx.db)


def _flush(ctx: Context, argv: list[str], db: int | None) -> Value:
    """Own keys and cached ones: the traffic finds an empty cache and asks the database."""
    from simulator.redis import load

    if len(argv) > 2 or (len(argv) == 2 and argv[1].upper() not in ("ASYNC", "SYNC")):
        raise CommandError(SYNTAX)
    gone = ctx.space.clear(db)
    if db in (None, 0):
        gone += cached.count(ctx.made, ctx.node)
        load.flushed(ctx.world, ctx.made, ctx.node)
    if argv[-1].upper() != "ASYNC":
        ctx.cost_us += gone * FLUSH_US
    return OK


@command("save", 1, "a", 0, 0, 0)
def save(ctx: Context, argv: list[str]) -> Value:
    if ctx.node.save_fails:
        raise CommandError(Error("ERR"))
    ctx.cost_us += info.used_memory(ctx.made, ctx.node) / 110e6 * 1e6
    return OK


@command("bgsave", -1, "a", 0, 0, 0)
def bgsave(ctx: Context, argv: list[str]) -> Value:
    if len(argv) > 1 and argv[1].lower() != "schedule":
        raise CommandError(SYNTAX)
    ctx.cost_us += info.used_memory(ctx.made, ctx.node) / (500 * MB) * 22_571
    return Status("Background saving started")


@command("bgrewriteaof", 1, "a", 0, 0, 0)
def bgrewriteaof(ctx: Context, argv: list[str]) -> Value:
    return Status("Background append only file rewriting started")


@command("lastsave", 1, "f", 0, 0, 0)
def lastsave(ctx: Context, argv: list[str]) -> Value:
    return int(ctx.world.scenario.starts_at.timestamp() + ctx.now_s - ctx.now_s % 300)


@command("debug", -2, "a", 0, 0, 0)
def debug(ctx: Context, argv: list[str]) -> Value:
    raise CommandError(
        Error(
            'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it '
            "from a local connection, otherwise you need to set this option in the configuration file, and then "
            "restart the server."
        )
    )


# -- CLIENT


def client_rows(ctx: Context) -> list[tuple[int, str, str, str]]:
    """(id, address, name, last command) of the connections: the services' pods, the replicas, this console."""
    world, made = ctx.world, ctx.made
    services = list(dict.fromkeys(reader for part in made.parts for reader in part.readers))
    pods = [p for p in world.kubernetes.pods.values() if p.app in services and p.active]
    luck = key_of(world.seed, "clients", ctx.node.name)
    rows = [
        (3 + 7 * n, f"10.1.{n // 200}.{10 + n % 200}:{32768 + bits(luck, n) % 28000}", p.app, "get")
        for n, p in enumerate(pods)
    ]
    if ctx.node.leads:
        rows += [(2, f"{o.address}:6379", "", "replconf") for o in made.replicas_of(ctx.node) if o.up]
    rows.append((4 + 7 * len(pods), "127.0.0.1:40040", ctx.name, "client|list"))
    return rows


@command("client", -2, "s", 0, 0, 0)
def client(ctx: Context, argv: list[str]) -> Value:
    verb = argv[1].lower()
    if verb == "list":
        lines = [
            f"id={n} addr={address} laddr={ctx.node.address}:6379 fd={8 + i} name={name} age={int(ctx.now_s) + 3600} "
            f"idle=0 flags={'S' if last == 'replconf' else 'N'} db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 "
            f"qbuf-free=20474 argv-mem=10 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 tot-mem=22298 events=r "
            f"cmd={last} user=default redir=-1 resp=2"
            for i, (n, address, name, last) in enumerate(client_rows(ctx))
        ]
        return Verbatim("\n".join(lines))
    if verb == "kill":
        return _kill(ctx, argv)
    if verb == "setname" and len(argv) == 3:
        ctx.name = argv[2]
        return OK
    simple: dict[str, Value] = {"getname": ctx.name or None, "id": client_rows(ctx)[-1][0], "no-evict": OK}
    if verb in simple:
        return simple[verb]
    raise unknown("CLIENT", argv[1])


def _kill(ctx: Context, argv: list[str]) -> Value:
    """Pods open their connections again at once: the traffic does not feel it."""
    rows = client_rows(ctx)
    if len(argv) == 3:
        if any(address == argv[2] for _, address, _, _ in rows):
            return OK
        raise CommandError(Error("ERR No such client"))
    if len(argv) % 2:
        raise CommandError(SYNTAX)
    wanted = {argv[at].upper(): argv[at + 1].lower() for at in range(2, len(argv), 2)}
    if not set(wanted) <= {"ID", "ADDR", "LADDR", "TYPE", "USER", "SKIPME"} or wanted.get(
        "SKIPME", "yes"
    ) not in ("yes", "no"):
        raise CommandError(SYNTAX)
    if wanted.get("TYPE", "normal") not in ("normal", "master", "replica", "slave", "pubsub"):
        raise CommandError(Error(f"ERR Unknown client type '{wanted['TYPE'][:60]}'"))
    return sum(_meant(row, wanted) for row in rows) - (
        wanted.get("SKIPME", "yes") == "yes" and _meant(rows[-1], wanted)
    )


def _meant(row: tuple[int, str, str, str], wanted: dict[str, str]) -> bool:
    """Whether the filters of CLIENT KILL let a client through; the last row is who asks."""
    number, address, _, last = row
    kind = "replica" if last == "replconf" else "normal"
    asked = wanted.get("TYPE", kind).replace("slave", "replica")
    return (
        wanted.get("ID", str(number)) == str(number)
        and wanted.get("ADDR", address) == address
        and wanted.get("USER", "default") == "default"
        and asked == kind
    )


DOCTOR_FINE = "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n"
DOCTOR_EMPTY = (
    "Hi Sam, this instance is empty or is using very little memory, my issue detector can't be used in these conditions. "
    "Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming "
    "as soon as I finished rebooting.\n"
)


# -- SLOWLOG, LATENCY, MEMORY, OBJECT, COMMAND


@command("slowlog", -2, "a", 0, 0, 0)
def slowlog(ctx: Context, argv: list[str]) -> Value:
    verb = argv[1].lower()
    if verb == "len":
        return len(ctx.node.slow)
    if verb == "reset":
        ctx.node.slow.clear()
        return OK
    if verb == "get":
        too_few = Error("ERR count should be greater than or equal to -1")
        count = integer(argv[2], too_few) if len(argv) > 2 else 10
        if count < -1:
            raise CommandError(too_few)
        start = ctx.world.scenario.starts_at.timestamp()
        found = list(ctx.node.slow)[::-1]
        return [
            [s.number, int(start + s.at_s), s.micros, list(s.argv), s.client, ""]
            for s in (found if count < 0 else found[:count])
        ]
    raise unknown("SLOWLOG", argv[1])


@command("latency", -2, "a", 0, 0, 0)
def latency(ctx: Context, argv: list[str]) -> Value:
    if argv[1].lower() == "doctor":
        return Verbatim(
            "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use "
            '"CONFIG SET latency-monitor-threshold <milliseconds>." in order to enable it. If we weren\'t in a deep '
            "space mission I'd suggest to take a look at https://redis.io/topics/latency-monitor."
        )
    if argv[1].lower() in ("latest", "history", "reset"):
        return [] if argv[1].lower() != "reset" else 0
    raise unknown("LATENCY", argv[1])


@command("memory", -2, "", 2, 2)
def memory(ctx: Context, argv: list[str]) -> Value:
    verb = argv[1].lower()
    if verb == "usage" and len(argv) > 2:
        found = ctx.find(argv[2])
        return None if found is None else found.measure(argv[2])
    if verb == "stats":
        used, own = info.used_memory(ctx.made, ctx.node), ctx.space.bytes
        keys = cached.count(ctx.made, ctx.node) + sum(len(space) for space in ctx.space.dbs.values())
        return [
            "peak.allocated", used, "total.allocated", used, "startup.allocated", info.STARTUP, "replication.backlog",
            MB, "clients.slaves", 22_336, "clients.normal", 22_298 * len(client_rows(ctx)), "keys.count", keys,
            "keys.bytes-per-key", max(0, used - info.STARTUP) // max(1, keys), "dataset.bytes",
            max(0, used - info.STARTUP - MB), "own.bytes", own,
        ]  # fmt: skip
    if verb == "doctor":
        return Verbatim(DOCTOR_EMPTY if info.used_memory(ctx.made, ctx.node) < 5 * MB else DOCTOR_FINE)
    if verb == "purge":
        return OK
    raise unknown("MEMORY", argv[1])


def encoding(entry: Entry) -> str:
    """As OBJECT ENCODING answers in Redis 7.0."""
    data = entry.data
    if entry.kind == "string":
        body = data.removeprefix("-")
        if body.isascii() and body.isdigit() and len(body) < 19 and str(int(data)) == data:
            return "int"
        return "embstr" if len(data.encode()) <= 44 else "raw"
    if entry.kind == "list":
        return "quicklist" if sum(len(x) + 2 for x in data) > 8192 else "listpack"
    if entry.kind == "set":
        whole = len(data) <= 512 and all(x.removeprefix("-").isdigit() for x in data)
        return "intset" if whole else "hashtable"
    if entry.kind == "stream":
        return "stream"
    small = len(data) <= 128 and all(len(str(k)) <= 64 and len(str(v)) <= 64 for k, v in data.items())
    return "listpack" if small else ("hashtable" if entry.kind == "hash" else "skiplist")


@command("object", -2, "", 2, 2)
def object_(ctx: Context, argv: list[str]) -> Value:
    verb = argv[1].lower()
    if len(argv) != 3 or verb not in ("encoding", "refcount", "idletime", "freq"):
        raise unknown("OBJECT", argv[1])
    found = ctx.find(argv[2])
    if found is None:
        return None
    lfu = "lfu" in ctx.node.get("maxmemory-policy")
    if verb == "freq":
        if not lfu:
            raise CommandError(
                Error(
                    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when "
                    "switching between policies at runtime LRU and LFU data will take some time to adjust."
                )
            )
        return 5
    if verb == "idletime":
        return max(0, int(ctx.now_s - found.touched_s))
    if verb == "refcount":
        return 2147483647 if encoding(found) == "int" and len(found.data) < 5 else 1
    return "quicklist" if encoding(found) == "listpack" and found.kind == "list" else encoding(found)


@command("command", -1, "", 0, 0, 0)
def command_(ctx: Context, argv: list[str]) -> Value:
    if len(argv) == 1 or argv[1].lower() == "list":
        return sorted(TABLE)
    if argv[1].lower() == "count":
        return len(TABLE)
    if argv[1].lower() == "info":
        known = [TABLE.get(name.lower()) for name in argv[2:]]
        return [None if c is None else [c.name, c.arity, [], c.first, c.last, c.step] for c in known]
    if argv[1].lower() == "getkeys":
        spec = TABLE.get(argv[2].lower())
        if spec is None:
            raise CommandError(Error("ERR Invalid command specified"))
        if not spec.first:
            raise CommandError(Error("ERR The command has no key arguments"))
        last = spec.last if spec.last >= 0 else len(argv) - 2 + spec.last
        return argv[2 + spec.first : 3 + last : max(1, spec.step)]
    raise unknown("COMMAND", argv[1])


@command("replicaof", 3, "a", 0, 0, 0)
@command("slaveof", 3, "a", 0, 0, 0)
def replicaof(ctx: Context, argv: list[str]) -> Value:
    """By hand: a replica becomes a master (NO ONE), or follows another node."""
    from simulator.redis import failover

    if ctx.made.spec.mode == "cluster":
        raise CommandError(Error("ERR REPLICAOF not allowed in cluster mode."))
    ctx.changes = True
    if [word.upper() for word in argv[1:]] == ["NO", "ONE"]:
        ctx.node.master = -1
        failover.hand_over(ctx.world, ctx.made, ctx.node)
        return OK
    other = next((n for n in ctx.made.nodes if argv[1] in (n.name, n.address)), None)
    if other is None or other is ctx.node:
        raise CommandError(Error("ERR Invalid master host" if other is None else "ERR Invalid master port"))
    failover.follow(ctx.world, ctx.made, ctx.node, other)
    return OK


@command("eval", -3, "", 0, 0, 0)
@command("evalsha", -3, "", 0, 0, 0)
@command("script", -2, "", 0, 0, 0)
@command("function", -2, "", 0, 0, 0)
@command("fcall", -3, "", 0, 0, 0)
def scripts(ctx: Context, argv: list[str]) -> Value:
    raise CommandError(Error(NOT_SIMULATED.format("Lua scripting", "all plain commands and MULTI/EXEC")))


@command("publish", 3, "f", 0, 0, 0)
def publish(ctx: Context, argv: list[str]) -> Value:
    return 0


@command("watch", -2, "f", 1, -1)
def watch(ctx: Context, argv: list[str]) -> Value:
    for key in argv[1:]:
        found = ctx.find(key)
        ctx.watched[key] = None if found is None else repr(found.data)
    return OK


@command("unwatch", 1, "f", 0, 0, 0)
def unwatch(ctx: Context, argv: list[str]) -> Value:
    ctx.watched.clear()
    return OK


@command("readonly", 1, "f", 0, 0, 0)
def readonly(ctx: Context, argv: list[str]) -> Value:
    ctx.readonly = True
    return OK


@command("readwrite", 1, "f", 0, 0, 0)
def readwrite(ctx: Context, argv: list[str]) -> Value:
    ctx.readonly = False
    return OK


@command("asking", 1, "f", 0, 0, 0)
def asking(ctx: Context, argv: list[str]) -> Value:
    ctx.asking = True
    return OK


@command("lolwut", -1, "", 0, 0, 0)
def lolwut(ctx: Context, argv: list[str]) -> Value:
    return Verbatim(f"Redis ver. {VERSION}\n")


__all__ = ["NO_KEY", "encoding"]
