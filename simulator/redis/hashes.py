"""Hashes and sets."""

from __future__ import annotations

from decimal import Decimal

from simulator.redis.context import MAX_INT, Context, command, decimal, integer, matches
from simulator.redis.generic import BAD_CURSOR, scan_options
from simulator.redis.keyspace import CommandError, Entry
from simulator.redis.replies import NOT_INTEGER, OK, SYNTAX, Error, Value, plain_decimal


def _hash(ctx: Context, key: str) -> dict[str, str]:
    found = ctx.typed(key, "hash")
    return {} if found is None else found.data


def _wrong_number(name: str) -> CommandError:
    return CommandError(Error(f"ERR wrong number of arguments for '{name}' command"))


@command("hset", -4, "wmf")
def hset(ctx: Context, argv: list[str]) -> Value:
    if len(argv) % 2:
        raise _wrong_number("hset")
    entry = ctx.ready(argv[1], "hash")
    before = len(entry.data)
    entry.data.update(zip(argv[2::2], argv[3::2], strict=True))
    ctx.touched(argv[1])
    return len(entry.data) - before


@command("hmset", -4, "wmf")
def hmset(ctx: Context, argv: list[str]) -> Value:
    if len(argv) % 2:
        raise _wrong_number("hmset")
    hset(ctx, argv)
    return OK


@command("hsetnx", 4, "wmf")
def hsetnx(ctx: Context, argv: list[str]) -> Value:
    if argv[2] in _hash(ctx, argv[1]):
        return 0
    return hset(ctx, argv)


@command("hget", 3, "f")
def hget(ctx: Context, argv: list[str]) -> Value:
    return _hash(ctx, argv[1]).get(argv[2])


@command("hmget", -3, "f")
def hmget(ctx: Context, argv: list[str]) -> Value:
    found = _hash(ctx, argv[1])
    return [found.get(name) for name in argv[2:]]


@command("hgetall", 2)
def hgetall(ctx: Context, argv: list[str]) -> Value:
    return [x for pair in _hash(ctx, argv[1]).items() for x in pair]


@command("hkeys", 2)
def hkeys(ctx: Context, argv: list[str]) -> Value:
    return list(_hash(ctx, argv[1]))


@command("hvals", 2)
def hvals(ctx: Context, argv: list[str]) -> Value:
    return list(_hash(ctx, argv[1]).values())


@command("hlen", 2, "f")
def hlen(ctx: Context, argv: list[str]) -> Value:
    return len(_hash(ctx, argv[1]))


@command("hexists", 3, "f")
def hexists(ctx: Context, argv: list[str]) -> Value:
    return int(argv[2] in _hash(ctx, argv[1]))


@command("hstrlen", 3, "f")
def hstrlen(ctx: Context, argv: list[str]) -> Value:
    return len(_hash(ctx, argv[1]).get(argv[2], "").encode())


@command("hdel", -3, "wf")
def hdel(ctx: Context, argv: list[str]) -> Value:
    if ctx.typed(argv[1], "hash") is None:
        return 0
    data = ctx.ready(argv[1], "hash").data
    gone = sum(data.pop(name, None) is not None for name in argv[2:])
    ctx.touched(argv[1])
    return gone


@command("hincrby", 4, "wmf")
def hincrby(ctx: Context, argv: list[str]) -> Value:
    change = integer(argv[3])
    entry = ctx.ready(argv[1], "hash")
    old = entry.data.get(argv[2])
    value = integer(old, Error("ERR hash value is not an integer")) if old is not None else 0
    if not -MAX_INT - 1 <= value + change <= MAX_INT:
        raise CommandError(Error("ERR increment or decrement would overflow"))
    entry.data[argv[2]] = str(value + change)
    ctx.touched(argv[1])
    return value + change


@command("hincrbyfloat", 4, "wmf")
def hincrbyfloat(ctx: Context, argv: list[str]) -> Value:
    change = decimal(argv[3])
    entry = ctx.ready(argv[1], "hash")
    try:
        old = decimal(entry.data.get(argv[2], "0"))
    except CommandError:
        raise CommandError(Error("ERR hash value is not a float")) from None
    text = plain_decimal(old + change if entry.data else Decimal(0) + change)
    entry.data[argv[2]] = text
    ctx.touched(argv[1])
    return text


@command("hscan", -3)
def hscan(ctx: Context, argv: list[str]) -> Value:
    return _inner_scan(argv, [[f, v] for f, v in _hash(ctx, argv[1]).items()])


def _inner_scan(argv: list[str], items: list[list[str]]) -> Value:
    if not argv[2].isascii() or not argv[2].isdigit() or len(argv[2]) > 18:
        raise CommandError(BAD_CURSOR)
    pattern, count, _ = scan_options(argv[3:])
    cursor = int(argv[2])
    small = len(items) <= 128  # a small value is answered whole
    part = items if small else items[cursor : cursor + count]
    following = 0 if small or cursor + count >= len(items) else cursor + count
    return [str(following), [x for item in part if matches(pattern, item[0]) for x in item]]


# -- sets


def _set(ctx: Context, key: str) -> dict[str, None]:
    found = ctx.typed(key, "set")
    return {} if found is None else found.data


def in_order(members: dict[str, None] | list[str]) -> list[str]:
    """Members as a set of integers keeps them (sorted); others in the order in which they came."""
    names = list(members)
    if len(names) <= 512 and all(_is_integer(name) for name in names):
        return sorted(names, key=int)
    return names


def _is_integer(text: str) -> bool:
    body = text[1:] if text.startswith("-") else text
    return body.isascii() and body.isdigit() and len(body) <= 18 and str(int(text)) == text


@command("sadd", -3, "wmf")
def sadd(ctx: Context, argv: list[str]) -> Value:
    entry = ctx.ready(argv[1], "set")
    before = len(entry.data)
    entry.data.update(dict.fromkeys(argv[2:]))
    ctx.touched(argv[1])
    return len(entry.data) - before


@command("srem", -3, "wf")
def srem(ctx: Context, argv: list[str]) -> Value:
    if ctx.typed(argv[1], "set") is None:
        return 0
    data = ctx.ready(argv[1], "set").data
    before = len(data)
    for member in argv[2:]:
        data.pop(member, None)
    ctx.touched(argv[1])
    return before - len(data)


@command("smembers", 2)
def smembers(ctx: Context, argv: list[str]) -> Value:
    return list(in_order(_set(ctx, argv[1])))


@command("sismember", 3, "f")
def sismember(ctx: Context, argv: list[str]) -> Value:
    return int(argv[2] in _set(ctx, argv[1]))


@command("smismember", -3, "f")
def smismember(ctx: Context, argv: list[str]) -> Value:
    found = _set(ctx, argv[1])
    return [int(member in found) for member in argv[2:]]


@command("scard", 2, "f")
def scard(ctx: Context, argv: list[str]) -> Value:
    return len(_set(ctx, argv[1]))


def _combined(ctx: Context, name: str, keys: list[str]) -> list[str]:
    sets = [_set(ctx, key) for key in keys]
    if name.startswith("sunion"):
        return in_order(dict.fromkeys(m for s in sets for m in s))
    if name.startswith("sinter"):
        return in_order([m for m in sets[0] if all(m in s for s in sets[1:])])
    return in_order([m for m in sets[0] if not any(m in s for s in sets[1:])])


@command("sinter", -2, "", 1, -1)
@command("sunion", -2, "", 1, -1)
@command("sdiff", -2, "", 1, -1)
def combine(ctx: Context, argv: list[str]) -> Value:
    return list(_combined(ctx, argv[0].lower(), argv[1:]))


@command("sinterstore", -3, "wm", 1, -1)
@command("sunionstore", -3, "wm", 1, -1)
@command("sdiffstore", -3, "wm", 1, -1)
def combine_store(ctx: Context, argv: list[str]) -> Value:
    found = _combined(ctx, argv[0].lower(), argv[2:])
    ctx.drop(argv[1])
    if found:
        ctx.space.put(ctx.db, argv[1], Entry("set", dict.fromkeys(found)))
    return len(found)


@command("smove", 4, "wf", 1, 2)
def smove(ctx: Context, argv: list[str]) -> Value:
    if argv[3] not in _set(ctx, argv[1]):
        return 0
    _set(ctx, argv[2])
    srem(ctx, ["srem", argv[1], argv[3]])
    sadd(ctx, ["sadd", argv[2], argv[3]])
    return 1


def _picked(ctx: Context, argv: list[str], members: list[str]) -> Value:
    if len(argv) > 3:
        raise CommandError(SYNTAX)
    if len(argv) == 2:
        return members[int(ctx.luck(argv[1]) * len(members))] if members else None
    positive = Error("ERR value is out of range, must be positive")
    count = integer(argv[2], positive if argv[0].lower() == "spop" else NOT_INTEGER)
    if count < 0 and argv[0].lower() == "spop":
        raise CommandError(positive)
    if abs(count) > 10_000:
        raise CommandError(NOT_INTEGER)
    if count < 0:
        return [members[int(ctx.luck((argv[1], n)) * len(members))] for n in range(-count)] if members else []
    start = int(ctx.luck(argv[1]) * len(members)) if members else 0
    return (members[start:] + members[:start])[:count]


@command("srandmember", -2)
def srandmember(ctx: Context, argv: list[str]) -> Value:
    return _picked(ctx, argv, list(_set(ctx, argv[1])))


@command("spop", -2, "wf")
def spop(ctx: Context, argv: list[str]) -> Value:
    found = _picked(ctx, argv, list(_set(ctx, argv[1])))
    gone = found if isinstance(found, list) else [found] if found is not None else []
    if gone:
        srem(ctx, ["srem", argv[1], *gone])
    return found


@command("sscan", -3)
def sscan(ctx: Context, argv: list[str]) -> Value:
    return _inner_scan(argv, [[m] for m in in_order(_set(ctx, argv[1]))])
