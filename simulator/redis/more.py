"""Commands that people type while they look around: ACL, PUBSUB, CLIENT INFO, one-line scripts, waiting for a list."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from simulator.redis import server
from simulator.redis.context import TABLE, Command, Context, command, integer, unknown
from simulator.redis.keyspace import CommandError
from simulator.redis.replies import NOAUTH, OK, SYNTAX, Error, Status, Value, Verbatim

CALL = re.compile(r"""^\s*(return\s+)?redis\.p?call\(\s*(.*?)\s*\)\s*;?\s*$""", re.S)
WORD = re.compile(r"""\s*(?:'([^']*)'|"([^"]*)"|(-?\d+)|KEYS\[(\d+)\]|ARGV\[(\d+)\])\s*(?:,|$)""")
CONSTANT = re.compile(r"""^\s*return\s+(?:(-?\d+)|'([^']*)'|"([^"]*)"|(KEYS|ARGV)\[(\d+)\]|nil)\s*;?\s*$""")
SHA = re.compile(r"^[0-9a-fA-F]{40}$")
NO_SCRIPT = Error("NOSCRIPT No matching script. Please use EVAL.")


@command("acl", -2, "s", 0, 0, 0)
def acl(ctx: Context, argv: list[str]) -> Value:
    verb = argv[1].lower()
    rules = (
        "on nopass sanitize-payload ~* &* +@all"
        if not ctx.node.get("requirepass")
        else "on #9f86d081 sanitize-payload ~* &* +@all"
    )
    plain: dict[str, Value] = {
        "whoami": "default", "users": ["default"], "list": [f"user default {rules}"], "log": [],
        "cat": ["keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo", "stream",
                "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting"],
    }  # fmt: skip
    if verb == "cat" and len(argv) > 2 and argv[2].lower() not in plain["cat"]:
        raise CommandError(Error(f"ERR Unknown category '{argv[2][:60]}'"))
    if verb in plain:
        return plain[verb]
    if verb == "getuser" and len(argv) == 3:
        if argv[2] != "default":
            return None
        return [
            "flags",
            ["on", "nopass"],
            "passwords",
            [],
            "commands",
            "+@all",
            "keys",
            "~*",
            "channels",
            "&*",
            "selectors",
            [],
        ]
    if verb in ("setuser", "deluser", "load", "save"):
        raise CommandError(Error(f"NOPERM This user has no permissions to run the 'acl|{verb}' command"))
    raise unknown("ACL", argv[1])


@command("pubsub", -2, "", 0, 0, 0)
def pubsub(ctx: Context, argv: list[str]) -> Value:
    """Nobody subscribes here: the services talk by other means."""
    verb = argv[1].lower()
    if verb in ("channels", "shardchannels"):
        return []
    if verb in ("numsub", "shardnumsub"):
        return [part for channel in argv[2:] for part in (channel, 0)]
    if verb == "numpat":
        return 0
    raise unknown("PUBSUB", argv[1])


@command("subscribe", -2, "", 0, 0, 0)
@command("psubscribe", -2, "", 0, 0, 0)
@command("ssubscribe", -2, "", 0, 0, 0)
def subscribe(ctx: Context, argv: list[str]) -> Value:
    """It listens until it is interrupted, and nobody publishes."""
    ctx.cost_us += 5e6
    confirmed = [[argv[0].lower(), channel, n] for n, channel in enumerate(argv[1:], 1)]
    return confirmed[0] if len(confirmed) == 1 else confirmed


@command("blpop", -3, "w", 1, -2)
@command("brpop", -3, "w", 1, -2)
@command("bzpopmin", -3, "w", 1, -2)
@command("bzpopmax", -3, "w", 1, -2)
def blocking(ctx: Context, argv: list[str]) -> Value:
    """The first key that holds something; else nil once the time is over, at the latest after ten seconds."""
    try:
        limit = float(argv[-1])
    except ValueError:
        raise CommandError(Error("ERR timeout is not a float or out of range")) from None
    if limit < 0:
        raise CommandError(Error("ERR timeout is negative"))
    pop = TABLE[argv[0].lower()[1:]]
    for key in argv[1:-1]:
        if ctx.find(key) is not None:
            found = pop.run(ctx, [pop.name, key])
            return [key, *found] if isinstance(found, list) else [key, found]
    return None


@command("hello", -1, "s", 0, 0, 0)
def hello(ctx: Context, argv: list[str]) -> Value:
    if len(argv) > 1:
        integer(argv[1], Error("ERR Protocol version is not an integer or out of range"))
    if len(argv) > 1 and argv[1] not in ("2", "3"):
        raise CommandError(Error("NOPROTO unsupported protocol version"))
    role = "master" if ctx.node.leads else "replica"
    return [
        "server",
        "redis",
        "version",
        server.VERSION,
        "proto",
        2,
        "id",
        4,
        "mode",
        ctx.made.spec.mode,
        "role",
        role,
        "modules",
        [],
    ]


@command("reset", 1, "s", 0, 0, 0)
def reset(ctx: Context, argv: list[str]) -> Value:
    return OK if ctx.authorised else NOAUTH


@command("module", -2, "a", 0, 0, 0)
def module(ctx: Context, argv: list[str]) -> Value:
    if argv[1].lower() == "list":
        return []
    raise CommandError(Error("ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server."))  # fmt: skip


@command("swapdb", 3, "w", 0, 0, 0)
def swapdb(ctx: Context, argv: list[str]) -> Value:
    raise CommandError(Error("NOPERM This user has no permissions to run the 'swapdb' command"))


@command("shutdown", -1, "a", 0, 0, 0)
@command("failover", -1, "a", 0, 0, 0)
def administers(ctx: Context, argv: list[str]) -> Value:
    name = argv[0].lower()
    raise CommandError(Error(f"NOPERM This user has no permissions to run the '{name}' command"))


# -- CLIENT beyond LIST and KILL

_known = server.client


@command("client", -2, "s", 0, 0, 0)
def client(ctx: Context, argv: list[str]) -> Value:
    verb = argv[1].lower()
    if verb == "info":
        listed = _known(ctx, ["client", "list"])
        return Verbatim(listed.text.splitlines()[-1])
    if verb == "list" and len(argv) > 2:
        listed = _known(ctx, ["client", "list"])
        if (
            argv[2].lower() == "type"
            and len(argv) == 4
            and argv[3].lower() in ("normal", "master", "replica", "slave", "pubsub")
        ):
            flag = {"normal": "flags=N", "replica": "flags=S", "slave": "flags=S"}.get(
                argv[3].lower(), "flags=-"
            )
            return Verbatim("\n".join(line for line in listed.text.splitlines() if flag in line))
        if argv[2].lower() == "type" and len(argv) == 4:
            raise CommandError(Error(f"ERR Unknown client type '{argv[3][:60]}'"))
        if argv[2].lower() == "id":
            for word in argv[3:]:
                integer(word, Error("ERR Invalid client ID"))
            return Verbatim(
                "\n".join(line for line in listed.text.splitlines() if line.split(" ")[0][3:] in argv[3:])
            )
        raise CommandError(SYNTAX)
    if verb == "kill" and len(argv) == 4 and argv[2].lower() == "id":
        wrong = Error("ERR client-id should be greater than 0")
        if integer(argv[3], wrong) < 1:
            raise CommandError(wrong)
    if verb == "kill" and len(argv) == 4 and argv[2].lower() == "type":
        kinds = {"normal": "get", "replica": "replconf", "slave": "replconf"}
        if argv[3].lower() not in (*kinds, "master", "pubsub"):
            raise CommandError(Error(f"ERR Unknown client type '{argv[3][:60]}'"))
        return sum(last == kinds.get(argv[3].lower(), "-") for _, _, _, last in server.client_rows(ctx))
    if verb in ("pause", "unpause", "reply", "no-touch", "no-evict", "caching", "unblock"):
        if verb in ("no-evict", "no-touch") and argv[2].lower() not in ("on", "off"):
            raise CommandError(SYNTAX)
        if verb == "caching":
            raise CommandError(Error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"))  # fmt: skip
        if verb == "pause":
            integer(argv[2], Error("ERR timeout is not an integer or out of range"))
        if verb in ("pause", "unblock"):
            raise CommandError(
                Error(f"NOPERM This user has no permissions to run the 'client|{verb}' command")
            )
        return OK
    if verb in ("getredir", "trackinginfo", "tracking"):
        return (
            -1
            if verb == "getredir"
            else OK
            if verb == "tracking"
            else ["flags", ["off"], "redirect", -1, "prefixes", []]
        )
    return _known(ctx, argv)


# -- scripts: one call, or one value


@command("eval", -3, "", 0, 0, 0)
@command("eval_ro", -3, "", 0, 0, 0)
def evaluate(ctx: Context, argv: list[str]) -> Value:
    """`return redis.call('GET', KEYS[1])` and its like; longer scripts say that they are not run."""
    from simulator.redis.execute import execute

    if not argv[2].lstrip("-").isdigit():
        raise CommandError(Error("ERR value is not an integer or out of range"))
    count = int(argv[2][:9])
    if count < 0:
        raise CommandError(Error("ERR Number of keys can't be negative"))
    if count > len(argv) - 3:
        raise CommandError(Error("ERR Number of keys can't be greater than number of args"))
    keys, rest = argv[3 : 3 + count], argv[3 + count :]
    constant, called = CONSTANT.match(argv[1]), CALL.match(argv[1])
    if constant is not None:
        return _constant(constant, keys, rest)
    if called is None:
        return server.scripts(ctx, argv)
    words = _words(called[2], keys, rest)
    if words is None:
        return server.scripts(ctx, argv)
    reply = execute(ctx, words)
    if isinstance(reply, Error):
        told = reply.text
        if told.startswith("ERR unknown command"):
            told = "ERR Unknown Redis command called from script"
        sha = hashlib.sha1(argv[1].encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
        return Error(f"{told} script: {sha}, on @user_script:1.")
    return reply if called[1] else None


def _words(text: str, keys: list[str], rest: list[str]) -> list[str] | None:
    words, at = [], 0
    while at < len(text):
        found = WORD.match(text, at)
        if found is None:
            return None
        single, double, number, key, argument = found.groups()
        if key or argument:
            given, place = (keys, int(key)) if key else (rest, int(argument))
            if not 1 <= place <= len(given):
                return None
            words.append(given[place - 1])
        else:
            words.append(next(part for part in (single, double, number) if part is not None))
        at = found.end()
    return words or None


def _constant(found: re.Match[str], keys: list[str], rest: list[str]) -> Value:
    number, single, double, which, place = found.groups()
    if number is not None:
        return int(number)
    if which:
        given = keys if which == "KEYS" else rest
        return given[int(place) - 1] if 1 <= int(place) <= len(given) else None
    return single if single is not None else double


@command("evalsha", -3, "", 0, 0, 0)
def evalsha(ctx: Context, argv: list[str]) -> Value:
    raise CommandError(NO_SCRIPT)


@command("script", -2, "", 0, 0, 0)
def script(ctx: Context, argv: list[str]) -> Value:
    verb = argv[1].lower()
    if verb == "exists":
        return [0 for _ in argv[2:]]
    if verb == "flush":
        return OK
    if verb == "kill":
        raise CommandError(Error("NOTBUSY No scripts in execution right now."))
    if verb == "load":
        return server.scripts(ctx, argv)
    raise unknown("SCRIPT", argv[1])


@command("function", -2, "", 0, 0, 0)
def function(ctx: Context, argv: list[str]) -> Value:
    verb = argv[1].lower()
    if verb in ("list", "stats", "dump"):
        return [] if verb == "list" else None
    return server.scripts(ctx, argv)


@command("dump", 2)
def dump(ctx: Context, argv: list[str]) -> Value:
    if ctx.find(argv[1]) is None:
        return None
    raise CommandError(Error("NOPERM This user has no permissions to run the 'dump' command"))


def _helped(name: str, known: Command) -> Command:
    """`COMMAND HELP` of a command with subcommands, and the few looks it does not know itself."""

    def run(ctx: Context, argv: list[str]) -> Value:
        verb = argv[1].lower() if len(argv) > 1 else ""
        if verb == "help":
            return [
                Status(f"{name.upper()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"),
                Status("HELP"),
                Status("    Print this help."),
            ]
        if (name, verb) in (("command", "docs"), ("latency", "graph")):
            return (
                []
                if verb == "docs"
                else Error(f"ERR No samples available for event '{argv[2] if len(argv) > 2 else ''}'")
            )
        if (name, verb) == ("memory", "usage") and len(argv) > 3:
            if argv[3].lower() != "samples" or len(argv) != 5:
                return SYNTAX
            integer(argv[4])
        if (name, verb) == ("memory", "malloc-stats"):
            return Verbatim("Stats not supported for the current allocator")
        return known.run(ctx, argv)

    return replace(known, run=run)


for _name in (
    "object",
    "memory",
    "latency",
    "slowlog",
    "config",
    "client",
    "cluster",
    "command",
    "acl",
    "pubsub",
    "script",
    "function",
    "module",
    "xgroup",
    "xinfo",
):
    if _name in TABLE:
        TABLE[_name] = _helped(_name, TABLE[_name])
