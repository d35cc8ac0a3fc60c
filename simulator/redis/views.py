"""redis-cli's own modes: --stat, --latency, --bigkeys, --hotkeys, --scan, and a bounded MONITOR."""

from __future__ import annotations

from simulator.engine.streams import key_of, uniform
from simulator.redis import cached, info, load
from simulator.redis.context import Context
from simulator.redis.execute import execute
from simulator.redis.generic import size
from simulator.redis.replies import Error, Value, Verbatim
from simulator.redis.server import client_rows
from simulator.reply import Reply

LINES = 5  # of a mode that would go on until interrupted
MOST_SCANNED = 20_000
WATCHED = 20  # lines of MONITOR
NO_LFU = (
    "Error: ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching "
    "between policies at runtime LRU and LFU data will take some time to adjust.\n"
)


def stat(ctx: Context, options: dict[str, str]) -> Reply:
    head = (
        "------- data ------ --------------------- load -------------------- - child -\n"
        "keys       mem      clients blocked requests            connections          \n"
    )
    node, total = ctx.node, int(ctx.node.total)
    lines = []
    for n in range(LINES):
        done = total + round(min(node.ops, ctx.made.spec.ops_per_s)) * n
        plus = (
            f"(+{done - total if n < 2 else round(min(node.ops, ctx.made.spec.ops_per_s))})" if n else "(+0)"
        )
        memory = info.human(info.used_memory(ctx.made, node))
        clients = len(client_rows(ctx))
        lines.append(
            f"{size(ctx):<10} {memory:<8} {clients:<7} 0       {f'{done} {plus}':<19} {18204 + n:<10}\n"
        )
    return Reply(head + "".join(lines), cost_s=float(LINES))


def latency(ctx: Context, options: dict[str, str]) -> Reply:
    wait, loss = load.wait_and_loss(ctx.world, ctx.made, ctx.node)
    base = 0.16 + wait * 1000
    top = max(base * 4, 1.0) + (ctx.node.busy_until_s - ctx.now_s) * 1000 * (
        ctx.node.busy_until_s > ctx.now_s
    )
    lost = f", {loss:.0%} timed out" if loss > 0.001 else ""
    return Reply(f"min: 0, max: {top:.0f}, avg: {base:.2f} (482 samples){lost}\n", cost_s=5.0)


def scan(ctx: Context, options: dict[str, str]) -> Reply:
    """All keys by SCAN, so many of them that a screen can bear."""
    pattern, found, cursor = options.get("pattern", "*"), list[str](), "0"
    for _ in range(200):
        reply = execute(ctx, ["scan", cursor, "match", pattern, "count", "500"])
        if isinstance(reply, Error):
            return Reply(err=f"ERROR: {reply.text}\n", code=1)
        cursor, names = reply
        found += names
        if cursor == "0" or len(found) >= MOST_SCANNED:
            break
    note = f"(the first {MOST_SCANNED} keys)\n" if len(found) > MOST_SCANNED else ""
    return Reply("".join(name + "\n" for name in found[:MOST_SCANNED]), note, cost_s=5.0)


def bigkeys(ctx: Context, options: dict[str, str]) -> Reply:
    out = [
        "\n# Scanning the entire keyspace to find biggest keys as well as\n# average sizes per key type.  You can use "
        "-i 0.1 to sleep 0.1 sec\n# per 100 SCAN commands (not usually needed).\n\n"
    ]
    biggest: dict[str, tuple[int, str]] = {}
    counts: dict[str, int] = {}
    for key in ctx.space.live(ctx.db, ctx.now_s):
        entry = ctx.space.db(ctx.db)[key]
        length = len(entry.data.entries) if entry.kind == "stream" else len(entry.data)
        counts[entry.kind] = counts.get(entry.kind, 0) + 1
        if length > biggest.get(entry.kind, (-1, ""))[0]:
            biggest[entry.kind] = length, key
    held = cached.count(ctx.made, ctx.node) if ctx.db == 0 else 0
    if held:
        counts["string"] = counts.get("string", 0) + held
        first = next((name for _, name in cached.names(ctx.world, ctx.made, ctx.node, 0, 2000)), "")
        if ctx.made.spec.value_bytes > biggest.get("string", (-1, ""))[0]:
            biggest["string"] = ctx.made.spec.value_bytes, first
    units = {
        "string": "bytes",
        "list": "items",
        "hash": "fields",
        "set": "members",
        "zset": "members",
        "stream": "entries",
    }
    for kind, (length, key) in biggest.items():
        out.append(f"[00.00%] Biggest {kind:<6} found so far '\"{key}\"' with {length} {units[kind]}\n")
    out.append("\n-------- summary -------\n\n")
    out.append(f"Sampled {sum(counts.values())} keys in the keyspace!\n\n")
    for kind, (length, key) in biggest.items():
        out.append(f"Biggest {kind:>6} found '\"{key}\"' has {length} {units[kind]}\n")
    out.append("\n")
    out += [f"{n} {kind}s with a total of keys of this type\n" for kind, n in counts.items()]
    return Reply("".join(out), cost_s=8.0)


def frequencies(ctx: Context) -> list[tuple[str, float]]:
    """(key, reads a second) of the busiest keys on a node."""
    made, found = ctx.made, []
    for part in made.parts:
        pods = sum(g.pods for reader in part.readers for g in ctx.world.plane.groups(reader))
        known = part.fill.bins
        for rank, keys, share in zip(known.rank, known.keys, known.share, strict=True):
            name = cached.name_of(part, rank)
            if keys > 1 or not cached.serves(made, ctx.node, name):
                continue
            each = part.per_s * share
            found.append((name, each / (1.0 + each / max(1, pods) * made.local_s)))
    return sorted(found, key=lambda pair: -pair[1])


def hotkeys(ctx: Context, options: dict[str, str]) -> Reply:
    """By the LFU counters, as the real one; under another policy the server keeps none."""
    head = (
        "\n# Scanning the entire keyspace to find hot keys as well as\n# average sizes per key type.  You can use -i 0.1 "
        "to sleep 0.1 sec\n# per 100 SCAN commands (not usually needed).\n\n"
    )
    if "lfu" not in ctx.node.get("maxmemory-policy"):
        return Reply(head, NO_LFU, 1, 3.0)
    found = frequencies(ctx)[:16]
    lines = [
        f"[00.00%] Hot key '\"{name}\"' found so far with counter {counter(rate)}\n"
        for name, rate in found[:5]
    ]
    lines.append(f"\n-------- summary -------\n\nSampled {size(ctx)} keys in the keyspace!\n")
    lines += [f'hot key found with counter: {counter(rate)}\tkeyname: "{name}"\n' for name, rate in found]
    return Reply(head + "".join(lines), cost_s=8.0)


def counter(rate: float) -> int:
    """Where Redis' logarithmic counter comes to rest: it rises with chance 1/(5 + 10 n), and falls one a minute."""
    asked, value = rate * 60.0, 5
    while value < 255 and asked / ((value - 5) * 10 + 1) > 1.0:
        value += 1
    return value


def monitor(ctx: Context) -> Value:
    """A second's sample of what the node is asked, drawn by the keys' shares."""
    start = ctx.world.scenario.starts_at.timestamp()
    found = frequencies(ctx)[:200]
    total = sum(rate for _, rate in found)
    luck = key_of(ctx.world.seed, "monitor", ctx.node.name)
    lines = ["OK"]
    pods = client_rows(ctx)
    for n in range(WATCHED if total > 0 else 0):
        mark = uniform(luck, int(ctx.now_s) * WATCHED + n) * total
        name = found[-1][0]
        for key, rate in found:
            mark -= rate
            if mark < 0:
                name = key
                break
        address = pods[n % max(1, len(pods) - 1)][1]
        lines.append(f'{start + ctx.now_s + n * 0.00002:.6f} [0 {address}] "GET" "{name}"')
    return Verbatim("\n".join(lines))


SPECIAL = {"stat": stat, "latency": latency, "bigkeys": bigkeys, "hotkeys": hotkeys, "scan": scan}
