"""CONFIG: what may be set while a server runs, and what that means for the cached keys."""

from __future__ import annotations

from simulator.redis import load
from simulator.redis.context import Context, command, matches, unknown
from simulator.redis.keyspace import CommandError
from simulator.redis.replies import OK, Error, Value
from simulator.redis.state import CONFIG, MB

READ_ONLY = ("databases", "cluster-enabled", "io-threads", "enable-debug-command")
NUMBERS = ("maxmemory-samples", "timeout", "tcp-keepalive", "maxclients", "slowlog-log-slower-than", "slowlog-max-len",
           "min-replicas-to-write", "min-replicas-max-lag", "repl-timeout", "hz", "cluster-node-timeout")  # fmt: skip
MEMORY = ("maxmemory", "repl-backlog-size", "proto-max-bulk-len")
CHOICES = {
    "maxmemory-policy": (
        "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu",
        "allkeys-random", "noeviction",
    ),
    "appendonly": ("yes", "no"), "appendfsync": ("always", "everysec", "no"),
    "stop-writes-on-bgsave-error": ("yes", "no"), "replica-read-only": ("yes", "no"),
    "replica-serve-stale-data": ("yes", "no"),
}  # fmt: skip
UNITS = {"k": 1000, "kb": 1024, "m": 1000**2, "mb": MB, "g": 1000**3, "gb": 1024 * MB, "b": 1}


@command("config", -2, "a", 0, 0, 0)
def config(ctx: Context, argv: list[str]) -> Value:
    verb = argv[1].lower()
    if verb == "get" and len(argv) > 2:
        names = [
            n for n in sorted({**CONFIG, **ctx.node.config}) if any(matches(p.lower(), n) for p in argv[2:])
        ]
        return [x for name in names for x in (name, ctx.node.get(name))]
    if verb == "set" and len(argv) > 3 and len(argv) % 2 == 0:
        pairs = list(zip(argv[2::2], argv[3::2], strict=True))
        values = [(name.lower(), _checked(name.lower(), text)) for name, text in pairs]
        for name, text in values:
            ctx.node.config[name] = text
        load.configured(ctx.world, ctx.made)
        ctx.changes = True
        return OK
    if verb in ("resetstat", "rewrite"):
        if verb == "resetstat":
            ctx.node.commands.clear()
        return OK
    raise unknown("CONFIG", argv[1])


def _failed(name: str, why: str) -> CommandError:
    return CommandError(Error(f"ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"))


def _checked(name: str, text: str) -> str:
    """A value as the server would keep it. Raises CommandError."""
    if name not in CONFIG:
        raise CommandError(Error(f"ERR Unknown option or number of arguments for CONFIG SET - '{name}'"))
    if name in READ_ONLY:
        raise _failed(name, "can't set immutable config")
    if name in CHOICES:
        if text.lower() not in CHOICES[name]:
            if name.endswith("policy") or name == "appendfsync":
                allowed = ", ".join(CHOICES[name])
                raise _failed(name, f"argument(s) must be one of the following: {allowed}")
            raise _failed(name, "argument must be 'yes' or 'no'")
        return text.lower()
    if name in NUMBERS:
        if not text.removeprefix("-").isdigit() or len(text) > 12:
            raise _failed(name, "argument couldn't be parsed into an integer")
        return str(int(text))
    if name in MEMORY:
        return str(_memory(name, text))
    return text


def _memory(name: str, text: str) -> int:
    digits = text.lower().rstrip("bgkm")
    unit = text.lower()[len(digits) :]
    if not digits.isdigit() or len(digits) > 15 or (unit and unit not in UNITS):
        raise _failed(name, "argument must be a memory value")
    return int(digits) * UNITS.get(unit, 1)
