"""Commands of any key: existence, expiry, names, scans."""

from __future__ import annotations

from simulator.redis import cached
from simulator.redis.context import MOST_SHOWN, Context, command, integer, matches
from simulator.redis.keyspace import CommandError, Entry
from simulator.redis.replies import NO_KEY, OK, SYNTAX, Error, Status, Value
from simulator.redis.strings import invalid_expire

KEYS_US, RETURNED_US = (
    0.28,
    0.52,
)  # KEYS on 5 M keys: 1.37 s without a match, 3.9 s for all of them (measured)
DEL_US, UNLINK_US = 0.57, 0.006  # a field of a 2 M hash: DEL 1.13 s, UNLINK 12 ms (measured)
BAD_CURSOR = Error("ERR invalid cursor")


@command("del", -2, "w", 1, -1)
def del_(ctx: Context, argv: list[str]) -> Value:
    ctx.cost_us += sum(_elements(ctx, key) for key in argv[1:]) * DEL_US
    return sum(ctx.drop(key) for key in dict.fromkeys(argv[1:]))


@command("unlink", -2, "wf", 1, -1)
def unlink(ctx: Context, argv: list[str]) -> Value:
    ctx.cost_us += sum(_elements(ctx, key) for key in argv[1:]) * UNLINK_US
    return sum(ctx.drop(key) for key in dict.fromkeys(argv[1:]))


def _elements(ctx: Context, key: str) -> int:
    found = ctx.find(key)
    if found is None or found.kind == "string":
        return 0
    return len(found.data.entries) if found.kind == "stream" else len(found.data)


@command("exists", -2, "f", 1, -1)
def exists(ctx: Context, argv: list[str]) -> Value:
    return sum(ctx.find(key) is not None for key in argv[1:])


@command("touch", -2, "f", 1, -1)
def touch(ctx: Context, argv: list[str]) -> Value:
    return sum(ctx.find(key) is not None for key in argv[1:])


@command("type", 2, "f")
def type_(ctx: Context, argv: list[str]) -> Value:
    found = ctx.find(argv[1])
    return Status("none" if found is None else found.kind)


def _expire(ctx: Context, argv: list[str], when_s: float) -> Value:
    flags = {w.upper() for w in argv[3:]}
    for word in argv[3:]:
        if word.upper() not in ("NX", "XX", "GT", "LT"):
            raise CommandError(Error(f"ERR Unsupported option {word}"))
    if "NX" in flags and len(flags) > 1:
        raise CommandError(Error("ERR NX and XX, GT or LT options at the same time are not compatible"))
    if {"GT", "LT"} <= flags:
        raise CommandError(Error("ERR GT and LT options at the same time are not compatible"))
    found = ctx.find(argv[1])
    if found is None:
        return 0
    now = found.expires_s
    if ("NX" in flags and now is not None) or ("XX" in flags and now is None):
        return 0
    if ("GT" in flags and (now is None or when_s <= now)) or (
        "LT" in flags and now is not None and when_s >= now
    ):
        return 0
    if when_s <= ctx.now_s:
        ctx.drop(argv[1])
        return 1
    entry = ctx.ready(argv[1], found.kind)
    entry.expires_s = when_s
    ctx.touched(argv[1])
    return 1


def _when(ctx: Context, argv: list[str], unit_s: float, absolute: bool) -> float:
    value = integer(argv[2])
    if abs(value) > 1 << 52:
        raise CommandError(invalid_expire(argv[0].lower()))
    seconds = value * unit_s
    return seconds - ctx.world.scenario.starts_at.timestamp() if absolute else ctx.now_s + seconds


@command("expire", -3, "wf")
def expire(ctx: Context, argv: list[str]) -> Value:
    return _expire(ctx, argv, _when(ctx, argv, 1.0, False))


@command("pexpire", -3, "wf")
def pexpire(ctx: Context, argv: list[str]) -> Value:
    return _expire(ctx, argv, _when(ctx, argv, 0.001, False))


@command("expireat", -3, "wf")
def expireat(ctx: Context, argv: list[str]) -> Value:
    return _expire(ctx, argv, _when(ctx, argv, 1.0, True))


@command("pexpireat", -3, "wf")
def pexpireat(ctx: Context, argv: list[str]) -> Value:
    return _expire(ctx, argv, _when(ctx, argv, 0.001, True))


@command("persist", 2, "wf")
def persist(ctx: Context, argv: list[str]) -> Value:
    found = ctx.find(argv[1])
    if found is None or found.expires_s is None:
        return 0
    ctx.ready(argv[1], found.kind).expires_s = None
    ctx.touched(argv[1])
    return 1


def _left(ctx: Context, key: str) -> float | int:
    found = ctx.find(key)
    if found is None:
        return -2
    return -1 if found.expires_s is None else max(0.0, found.expires_s - ctx.now_s)


@command("ttl", 2, "f")
def ttl(ctx: Context, argv: list[str]) -> Value:
    left = _left(ctx, argv[1])
    return left if isinstance(left, int) else int(left + 0.5)


@command("pttl", 2, "f")
def pttl(ctx: Context, argv: list[str]) -> Value:
    left = _left(ctx, argv[1])
    return left if isinstance(left, int) else round(left * 1000)


@command("expiretime", 2, "f")
def expiretime(ctx: Context, argv: list[str]) -> Value:
    found = ctx.find(argv[1])
    if found is None:
        return -2
    return -1 if found.expires_s is None else int(ctx.world.scenario.starts_at.timestamp() + found.expires_s)


@command("rename", 3, "w", 1, 2)
def rename(ctx: Context, argv: list[str]) -> Value:
    found = ctx.find(argv[1])
    if found is None:
        raise CommandError(NO_KEY)
    ctx.drop(argv[1])
    ctx.space.put(ctx.db, argv[2], Entry(found.kind, found.data, found.expires_s))
    return OK


@command("renamenx", 3, "wf", 1, 2)
def renamenx(ctx: Context, argv: list[str]) -> Value:
    if ctx.find(argv[1]) is None:
        raise CommandError(NO_KEY)
    if ctx.find(argv[2]) is not None:
        return 0
    rename(ctx, argv)
    return 1


@command("copy", -3, "wm", 1, 2)
def copy(ctx: Context, argv: list[str]) -> Value:
    from copy import deepcopy

    found = ctx.find(argv[1])
    replace = [w.upper() for w in argv[3:]] == ["REPLACE"]
    if argv[3:] and not replace:
        raise CommandError(SYNTAX)
    if found is None or (ctx.find(argv[2]) is not None and not replace):
        return 0
    ctx.space.put(ctx.db, argv[2], Entry(found.kind, deepcopy(found.data), found.expires_s))
    return 1


@command("dbsize", 1, "f", 0, 0, 0)
def dbsize(ctx: Context, argv: list[str]) -> Value:
    return size(ctx)


def size(ctx: Context) -> int:
    own = len(ctx.space.live(ctx.db, ctx.now_s))
    return own + (cached.count(ctx.made, ctx.node) if ctx.db == 0 else 0)


@command("keys", 2, "", 0, 0, 0)
def keys(ctx: Context, argv: list[str]) -> Value:
    """The whole keyspace in one go: everything else waits meanwhile."""
    total = size(ctx)
    found = [key for key in ctx.space.live(ctx.db, ctx.now_s) if matches(argv[1], key)]
    shown = 0
    if ctx.db == 0:
        for _, name in cached.names(
            ctx.world, ctx.made, ctx.node, 0, 4 * MOST_SHOWN * len(ctx.made.masters())
        ):
            if len(found) >= MOST_SHOWN:
                break
            if matches(argv[1], name):
                found.append(name)
                shown += 1
    returned = total if argv[1] == "*" or shown else len(found)
    ctx.cost_us += total * KEYS_US + returned * RETURNED_US
    return found[:MOST_SHOWN]


@command("randomkey", 1, "", 0, 0, 0)
def randomkey(ctx: Context, argv: list[str]) -> Value:
    own = ctx.space.live(ctx.db, ctx.now_s)
    if own:
        return own[int(ctx.luck("randomkey") * len(own))]
    if ctx.db:
        return None
    return next((name for _, name in cached.names(ctx.world, ctx.made, ctx.node, 0, 2000)), None)


@command("scan", -2, "", 0, 0, 0)
def scan(ctx: Context, argv: list[str]) -> Value:
    """Own keys first, then the cached ones, by places."""
    if not argv[1].isascii() or not argv[1].isdigit() or len(argv[1]) > 18:
        raise CommandError(BAD_CURSOR)
    cursor = int(argv[1])
    pattern, count, kind = scan_options(argv[2:])
    own = sorted(ctx.space.live(ctx.db, ctx.now_s))
    found = own[cursor : cursor + count]
    if cursor + count < len(own):
        return [str(cursor + count), _filtered(ctx, found, pattern, kind)]
    start = max(0, cursor - len(own))
    room = count - len(found)
    span = cached.span(ctx.made) if ctx.db == 0 else 0
    places = room * (len(ctx.made.masters()) if ctx.made.spec.mode == "cluster" else 1)
    found += [name for _, name in cached.names(ctx.world, ctx.made, ctx.node, start, places)] if span else []
    following = start + places
    return [str(len(own) + following) if following < span else "0", _filtered(ctx, found, pattern, kind)]


def _filtered(ctx: Context, names: list[str], pattern: str, kind: str) -> list[Value]:
    kept = [name for name in names if matches(pattern, name)]
    if kind:
        kept = [name for name in kept if (e := ctx.find(name)) is not None and e.kind == kind]
    return list(kept)


def scan_options(words: list[str]) -> tuple[str, int, str]:
    """(MATCH, COUNT, TYPE) of a SCAN command. Raises CommandError."""
    pattern, count, kind = "*", 10, ""
    if len(words) % 2:
        raise CommandError(SYNTAX)
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name.upper() == "MATCH":
            pattern = value
        elif name.upper() == "COUNT":
            count = integer(value)
            if count < 1:
                raise CommandError(SYNTAX)
        elif name.upper() == "TYPE":
            kind = value.lower()
        else:
            raise CommandError(SYNTAX)
    return pattern, min(count, 10_000), kind
