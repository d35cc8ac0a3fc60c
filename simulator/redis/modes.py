"""redis-cli's rarer modes: latency over time and as a spectrum, the machine's own latency, --cluster, --csv and --json."""

from __future__ import annotations

import json

from simulator.redis import load
from simulator.redis.context import Context
from simulator.redis.execute import execute
from simulator.redis.replies import Error, Status, Value, Verbatim, quoted
from simulator.redis.slots import SLOTS
from simulator.redis.state import PORT, Deployment
from simulator.reply import Reply, failure

HELP = """redis-cli 7.0.15

Usage: redis-cli [OPTIONS] [cmd [arg [arg ...]]]
  -h <hostname>      Server hostname (default: 127.0.0.1).
  -p <port>          Server port (default: 6379).
  -a <password>      Password to use when connecting to the server.
  -n <db>            Database number.
  -c                 Enable cluster mode (follow -ASK and -MOVED redirections).
  -e                 Return exit error code when command execution fails.
  -r <repeat>        Execute specified command N times.
  -i <interval>      When -r is used, waits <interval> seconds per command.
  --raw --no-raw --csv --json
  --stat             Print rolling stats about server: mem, clients, ...
  --latency --latency-history --latency-dist --intrinsic-latency <sec>
  --bigkeys --memkeys --hotkeys
  --scan [--pattern <pat>]
  --cluster <command> [args...] [opts...]
"""


def latency_history(ctx: Context, options: dict[str, str]) -> Reply:
    every = float(options["interval"]) if options.get("interval", "").replace(".", "", 1).isdigit() else 15.0
    wait, _ = load.wait_and_loss(ctx.world, ctx.made, ctx.node)
    mean = 0.16 + wait * 1000
    row = f"min: 0, max: {max(1.0, mean * 4):.0f}, avg: {mean:.2f} ({max(1, round(every * 96))} samples) -- {every:.2f} seconds range\n"
    return Reply(row * 3, cost_s=min(60.0, every * 3))


def latency_dist(ctx: Context, options: dict[str, str]) -> Reply:
    wait, _ = load.wait_and_loss(ctx.world, ctx.made, ctx.node)
    mean = 0.16 + wait * 1000
    marks = ".-*#1234"
    place = min(len(marks) - 1, int(mean * 4))
    head = "---------------------------------------------\n. - * #          .01 .125 .25 .5 milliseconds\n1,2,3,...,9      from 1 to 9     milliseconds\n---------------------------------------------\n"
    return Reply(head + " " * place + marks[place] * 3 + "\n", cost_s=3.0)


def intrinsic(ctx: Context, options: dict[str, str]) -> Reply:
    seconds = float(options["intrinsic"]) if options["intrinsic"].isdigit() else 1.0
    runs = round(min(seconds, 100.0) * 15_000_000)
    return Reply(
        f"Max latency so far: 1 microseconds.\nMax latency so far: 14 microseconds.\nMax latency so far: 61 microseconds.\n\n{runs} total runs "
        f"(avg latency: 0.0667 microseconds / 66.67 nanoseconds per run).\nWorst run took 915x longer than the average latency.\n",
        cost_s=min(60.0, seconds),
    )


def lru_test(ctx: Context, options: dict[str, str]) -> Reply:
    return failure(
        "redis-cli: --lru-test would fill the production cache; hits and misses are in INFO stats", 1
    )


def cluster_mode(made: Deployment, ctx: Context, words: list[str]) -> Reply:
    """`redis-cli --cluster check|info|help HOST:PORT`; what moves slots goes by CLUSTER SETSLOT here."""
    verb = words[0] if words else ""
    if verb in ("", "help"):
        return Reply(
            "Cluster Manager Commands:\n  check          <host:port> or <host> <port>\n  info           <host:port> or <host> <port>\n  call           host:port command arg arg .. arg\n  help\n"
        )
    if verb not in (
        "check",
        "info",
        "call",
        "fix",
        "reshard",
        "rebalance",
        "add-node",
        "del-node",
        "create",
        "set-timeout",
        "import",
        "backup",
    ):
        return failure("Unknown --cluster subcommand\n", 1)
    if made.spec.mode != "cluster":
        return failure(f"[ERR] Node {ctx.node.address}:{PORT} is not configured as a cluster node.", 1)
    if verb == "call":
        return Reply(">>> Calling " + " ".join(words[2:]) + "\n" + "".join(f"{n.address}:{PORT}: {_plain(execute(Context(ctx.world, made, n), words[2:]))}\n" for n in made.masters() if words[2:]))  # fmt: skip
    if verb not in ("check", "info"):
        return failure(
            "NOPERM This user has no permissions to change the cluster; look with --cluster check, CLUSTER NODES",
            1,
        )
    return Reply(_checked(made, ctx, verb))


def _checked(made: Deployment, ctx: Context, verb: str) -> str:
    total, out = 0, ""
    for node in made.masters():
        keys = execute(Context(ctx.world, made, node), ["dbsize"])
        count = keys if isinstance(keys, int) else 0
        slots = sum(b - a + 1 for a, b in node.slots)
        total += count
        out += f"{node.address}:{PORT} ({node.run_id[:8]}...) -> {count} keys | {slots} slots | {len(made.replicas_of(node))} slaves.\n"
    out += f"[OK] {total} keys in {len(made.masters())} masters.\n{total / SLOTS:.2f} keys per slot on average.\n"
    if verb == "info":
        return out
    out += f">>> Performing Cluster Check (using node {ctx.node.address}:{PORT})\n"
    for node in made.nodes:
        kind = "M" if node.leads else "S"
        held = f"slots:{','.join(f'[{a}-{b}]' for a, b in node.slots)} ({sum(b - a + 1 for a, b in node.slots)} slots)"
        out += (
            f"{kind}: {node.run_id} {node.address}:{PORT}\n   {held} {'master' if node.leads else 'slave'}\n"
        )
    covered = sum(b - a + 1 for n in made.masters() if n.up for a, b in n.slots)
    verdict = (
        "[OK] All 16384 slots covered."
        if covered == SLOTS
        else "[ERR] Not all 16384 slots are covered by nodes."
    )
    return (
        out
        + f"[OK] All nodes agree about slots configuration.\n>>> Check for open slots...\n>>> Check slots coverage...\n{verdict}\n"
    )


def _plain(value: Value) -> str:
    return value.text if isinstance(value, (Status, Error, Verbatim)) else str(value)


def csv(value: Value) -> str:
    """--csv."""
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return ",".join(csv(item) for item in value)
    if isinstance(value, Error):
        return f"ERROR,{quoted(value.text)}"
    return str(int(value)) if isinstance(value, (bool, int)) else quoted(_plain(value))


def as_json(value: Value) -> str:
    """--json."""

    def plain(item: Value) -> object:
        if isinstance(item, list):
            return [plain(each) for each in item]
        if isinstance(item, Error):
            return {"error": item.text}
        return item if item is None or isinstance(item, (bool, int)) else _plain(item)

    return json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False)


MODES = {
    "latency_history": latency_history,
    "latency_dist": latency_dist,
    "intrinsic": intrinsic,
    "lru": lru_test,
}
