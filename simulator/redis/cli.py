"""`redis-cli` against the simulated servers. Nothing here opens a socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.redis import failover, load, modes, sentinel, views
from simulator.redis.context import Context
from simulator.redis.execute import execute
from simulator.redis.replies import Error, Value, raw, shown
from simulator.redis.state import PORT, SENTINEL_PORT, Deployment, Node, redis_of
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

MOST_LINES, MOST_OUT = 500, 400_000
BLOCKS_US = 20_000.0  # a command this long is felt by everybody else
WITH_VALUE = {"-h": "host", "-p": "port", "-n": "db", "-a": "auth", "-r": "repeat", "-i": "interval", "-u": "uri",
              "--pass": "auth", "--user": "user", "--pattern": "pattern", "--count": "count", "--intrinsic-latency": "intrinsic", "--lru-test": "lru",
              "-s": "socket", "-d": "delimiter", "-D": "delimiter", "-t": "timeout", "--eval": "eval", "--rdb": "rdb", "--cacert": "tls", "--cert": "tls",
              "--key": "tls", "--sni": "tls", "--tls-ciphers": "tls", "--memkeys-samples": "samples", "--quoted-pattern": "pattern", "-X": "tag"}  # fmt: skip
SWITCHES = {"-c": "cluster", "--raw": "raw", "--no-raw": "tty", "--stat": "stat", "--bigkeys": "bigkeys", "--memkeys": "bigkeys",
            "--hotkeys": "hotkeys", "--latency": "latency", "--scan": "scan", "--no-auth-warning": "quiet",
            "-e": "errcode", "--csv": "csv", "--json": "json", "--quoted-json": "json", "--latency-history": "latency_history",
            "--latency-dist": "latency_dist", "--tls": "quiet", "--insecure": "quiet", "--help": "help", "--pipe": "pipe", "-2": "resp2",
            "-3": "resp3", "--quoted-input": "quiet", "--show-pushes": "quiet", "--askpass": "quiet", "--replica": "replica", "-x": "stdin",
            "--version": "version", "-v": "version", "--verbose": "verbose"}  # fmt: skip
UNKNOWN = "Unrecognized option or bad number of args for: '{}'"
NONE = Text(
    ru="# в этом сценарии нет Redis; он есть в: {0}",
    en="# there is no Redis in this scenario; there is one in: {0}",
)
ELSEWHERE = ("payment-pool", "hot-shard")  # worlds that have one
READS = frozenset(
    "get mget exists type ttl pttl strlen getrange hget hgetall hmget hkeys hvals hlen hexists hscan lrange llen lindex"
    " smembers sismember scard sscan zrange zrevrange zscore zcard zrank zcount zrangebyscore zscan xlen xrange xrevrange"
    " xread info ping dbsize scan randomkey slowlog latency memory object command cluster role time echo client config"
    " sentinel touch expiretime lastsave monitor select auth readonly acl pubsub hello module".split()
)


@dataclass
class Call:
    options: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def on(self, name: str) -> bool:
        return name in self.options


def read(argv: list[str]) -> Call | str:
    """redis-cli's options, or its complaint."""
    call, rest = Call(), list(argv)
    while rest:
        word = rest[0]
        if word in WITH_VALUE and len(rest) > 1:
            call.options[WITH_VALUE[word]] = rest[1]
            rest = rest[2:]
        elif word in SWITCHES:
            call.options[SWITCHES[word]] = ""
            rest = rest[1:]
        elif word == "--cluster":
            call.options["manager"], call.words = "", rest[1:]
            break
        elif word.startswith("-") and len(word) > 1 and not word[1:].replace(".", "").isdigit():
            return UNKNOWN.format(word)
        else:
            call.words = rest
            break
    return call


def run(world: World, argv: list[str], stdin: str) -> Reply:
    call = read(argv[1:])
    if isinstance(call, str):
        return failure(call, 1)
    if call.on("version") or call.on("help"):
        return Reply("redis-cli 7.0.15\n" if call.on("version") else modes.HELP)
    if call.on("uri"):
        _read_uri(call)
    if "redis" not in world.rooms:
        asked = f"{call.options.get('host', '127.0.0.1')}:{call.options.get('port', PORT)}"
        why = "Connection refused" if "host" not in call.options else "Name or service not known"
        text = NONE.of(world.language).format(", ".join(ELSEWHERE))
        return failure(f"Could not connect to Redis at {asked}: {why}\n{text}", 1)
    found = target(world, call)
    if isinstance(found, str):
        return failure(found, 1)
    made, node, is_sentinel = found
    if not node.up and not is_sentinel:
        return failure(f"Could not connect to Redis at {host(call, node)}: Connection refused", 1)
    ctx = Context(world, made, node, authorised=not node.get("requirepass"))
    warning = ""
    if call.on("auth"):
        warning = "" if call.on("quiet") else WARNING
        reply = execute(ctx, ["auth", call.options["auth"]])
        warning += f"AUTH failed: {reply.text}\n" if isinstance(reply, Error) else ""
    if call.on("db") and call.options["db"].isdigit():
        chosen = execute(ctx, ["select", call.options["db"]])
        warning += f"SELECT {call.options['db']} failed: {chosen.text}\n" if isinstance(chosen, Error) else ""
    if call.on("manager"):
        return modes.cluster_mode(made, ctx, call.words)
    for name, view in {**views.SPECIAL, **modes.MODES}.items():
        if call.on(name):
            answer = view(ctx, call.options)
            return Reply(answer.out, warning + answer.err, answer.code, answer.cost_s)
    reply = _commands(ctx, call, stdin, is_sentinel)
    return Reply(reply.out, warning + reply.err, reply.code, reply.cost_s)


WARNING = (
    "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.\n"
)


def _read_uri(call: Call) -> None:
    """redis://user:password@host:port/db"""
    rest = call.options["uri"].partition("://")[2] or call.options["uri"]
    secret, at, where = rest.rpartition("@")
    if at:
        call.options["auth"] = secret.rpartition(":")[2]
    where, _, db = where.partition("/")
    name, _, port = where.partition(":")
    call.options.update({"host": name or "127.0.0.1", "port": port or str(PORT), "db": db or "0"})


def host(call: Call, node: Node) -> str:
    return f"{call.options.get('host', '127.0.0.1')}:{call.options.get('port', PORT)}"


def target(world: World, call: Call) -> tuple[Deployment, Node, bool] | str:
    """The deployment and node that -h and -p mean, and whether it is a Sentinel; or redis-cli's complaint."""
    known = redis_of(world)
    name = call.options.get("host", "").split(".prod", maxsplit=1)[0]
    port = call.options.get("port", str(PORT))
    first = next(iter(known.values()))
    if port not in (str(PORT), str(SENTINEL_PORT)):
        return f"Could not connect to Redis at {name or '127.0.0.1'}:{port}: Connection refused"
    found: tuple[Deployment, Node] | None = None
    if name.split(".")[0] in (
        "",
        "localhost",
        "127",
        "redis",
        "redis-master",
        "redis-0",
        "redis-sentinel",
        "sentinel",
    ):
        found = first, sentinel.leader(first)
    for made in known.values():
        if name == made.name:
            found = made, sentinel.leader(made)
        for node in made.nodes:
            if name in (node.name, node.address):
                found = made, node
        if name in [address for _, address, _ in failover.sentinels(made)]:
            found = made, sentinel.leader(made)
    if found is None:
        return f"Could not connect to Redis at {name}:{port}: Name or service not known"
    is_sentinel = port == str(SENTINEL_PORT)
    if is_sentinel and found[0].spec.mode != "sentinel":
        return f"Could not connect to Redis at {name or '127.0.0.1'}:{port}: Connection refused"
    return found[0], found[1], is_sentinel


def _commands(ctx: Context, call: Call, stdin: str, is_sentinel: bool) -> Reply:
    """The command of the line, or those of standard input one after the other."""
    lines = [call.words] if call.words else [split(line) for line in stdin.splitlines()[:MOST_LINES]]
    repeat = call.options.get("repeat", "1")
    lines = lines * min(int(repeat), 50) if repeat.isdigit() and call.words else lines
    out: list[str] = []
    seconds, code, size = 0.0, 0, 0
    for words in lines:
        if words is None:
            out.append("Invalid argument(s)\n")
            continue
        if not words:
            continue
        reply = sentinel.answer(ctx, words) if is_sentinel else one(ctx, call, words, out)
        text = _text(call, words, reply)
        size += len(text)
        out.append(text if size < MOST_OUT else "(output cut)\n")
        seconds += settle(ctx)
        code = 1 if isinstance(reply, Error) and call.words and call.on("errcode") else code
        if size >= MOST_OUT:
            break
    if not lines:
        node = ctx.node
        return Reply(f"{node.address}:{PORT}> redis-cli here takes a command as its arguments or by a pipe\n")
    return Reply("".join(out), code=code, cost_s=max(2.0, min(60.0, seconds)))


def _text(call: Call, words: list[str], reply: Value) -> str:
    if call.on("csv") or call.on("json"):
        return (modes.csv(reply) if call.on("csv") else modes.as_json(reply)) + "\n"
    return raw(reply) if call.on("raw") or unquoted(words) else shown(reply)


def one(ctx: Context, call: Call, words: list[str], out: list[str]) -> Value:
    """A command, followed to the node that has its slot with -c."""
    if words[0].lower() == "monitor" and len(words) == 1:
        return views.monitor(ctx)
    reply = execute(ctx, words)
    if call.on("cluster") and isinstance(reply, Error) and reply.text.startswith("MOVED "):
        _, slot, address = reply.text.split()
        ctx.node = next(n for n in ctx.made.nodes if n.address == address.partition(":")[0])
        if not ctx.node.up:
            return Error(f"Could not connect to Redis at {address}: Connection refused")
        out.append(f"-> Redirected to slot [{slot}] located at {address}\n")
        reply = execute(ctx, words)
    return reply


def settle(ctx: Context) -> float:
    """What a command leaves behind: replicas get it, a slow one is felt. Returns its seconds."""
    seconds = ctx.cost_us / 1e6
    failover.ship(ctx.world, ctx.made)
    if ctx.cost_us >= BLOCKS_US:
        load.block(ctx.world, ctx.made, ctx.node, seconds)
    ctx.changes = False
    return seconds


def split(line: str) -> list[str] | None:
    """redis-cli's own splitting: spaces, double quotes with escapes, single quotes. None: unbalanced."""
    words: list[str] = []
    word, quote, inside, i = "", "", False, 0
    while i < len(line):
        char = line[i]
        if quote:
            if char == "\\" and quote == '"' and _is_code(line[i + 1 : i + 4]):
                word += bytes([int(line[i + 2 : i + 4], 16)]).decode("utf-8", "surrogateescape")
                i += 3
            elif char == "\\" and quote == '"' and i + 1 < len(line):
                i += 1
                word += {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "a": "\a"}.get(line[i], line[i])
            elif char == "\\" and line[i + 1 : i + 2] == "'":
                i += 1
                word += "'"
            elif char == quote:
                quote = ""
                if i + 1 < len(line) and not line[i + 1].isspace():
                    return None
            else:
                word += char
        elif char.isspace():
            if inside:
                words.append(word)
            word, inside = "", False
        elif char in "\"'" and not inside:
            quote, inside = char, True
        else:
            word, inside = word + char, True
        i += 1
    if quote:
        return None
    return [*words, word] if inside else words


def _is_code(text: str) -> bool:
    """Whether text is the rest of an escape for a byte, `x41`."""
    return len(text) == 3 and text[0] == "x" and all(c in "0123456789abcdefABCDEF" for c in text[1:])


def unquoted(words: list[str]) -> bool:
    """Commands whose reply redis-cli prints as it comes, an error too."""
    head = words[0].lower()
    second = words[1].lower() if len(words) > 1 else ""
    return head in ("info", "lolwut") or (head, second) in (
        ("cluster", "info"),
        ("cluster", "nodes"),
        ("client", "list"),
        ("client", "info"),
        ("latency", "graph"),
        ("latency", "doctor"),
        ("memory", "doctor"),
        ("memory", "malloc-stats"),
    )


def changes(argv: list[str]) -> bool:
    """Whether a line may change something: all that is not plainly a look, and KEYS, which blocks."""
    call = read(argv[1:])
    if isinstance(call, str) or any(call.on(name) for name in views.SPECIAL):
        return False
    if not call.words:
        return True  # commands come by the pipe
    word = call.words[0].lower()
    second = call.words[1].lower() if len(call.words) > 1 else ""
    writes = (("config", "set"), ("slowlog", "reset"), ("cluster", "setslot"), ("cluster", "failover"),
              ("sentinel", "failover"), ("client", "kill"), ("config", "resetstat"))  # fmt: skip
    return word not in READS or (word, second) in writes


BENCH = Text(
    ru="redis-benchmark: нагрузку здесь даёт трафик сценария; что выдерживает узел: redis-cli --stat, INFO stats",
    en="redis-benchmark: the scenario's traffic is the load here; what a node bears: redis-cli --stat, INFO stats",
)


def run_benchmark(world: World, _argv: list[str], _stdin: str) -> Reply:
    return failure(BENCH.of(world.language), 1)


TOOLS = {
    "redis-benchmark": Tool(
        "redis-benchmark", run_benchmark, Text(ru="нагрузка на Redis", en="a load on Redis")
    ),
    "redis-cli": Tool(
        "redis-cli",
        run,
        Text(
            ru="консоль Redis: команды, --hotkeys, --bigkeys, Sentinel, Cluster",
            en="Redis: commands, --hotkeys, --bigkeys, Sentinel, Cluster",
        ),
        (
            "redis-cli -h NODE INFO stats",
            "redis-cli -c GET KEY",
            "redis-cli --hotkeys",
            "redis-cli -p 26379 SENTINEL masters",
            "echo 'GET a' | redis-cli",
        ),
        changes,
    ),
}
