"""Strings: GET, SET and their kin."""

from __future__ import annotations

from decimal import Decimal

from simulator.redis.context import MAX_INT, Context, command, decimal, integer
from simulator.redis.keyspace import CommandError, Entry
from simulator.redis.replies import OK, SYNTAX, Error, Value, plain_decimal

MOST_LENGTH = 1 << 20  # of one value here; Redis allows 512 MB
TOO_LONG = Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
OVERFLOW = Error("ERR increment or decrement would overflow")
BAD_OFFSET = Error("ERR offset is out of range")


def invalid_expire(name: str) -> Error:
    return Error(f"ERR invalid expire time in '{name}' command")


def expiry(ctx: Context, name: str, unit: str, text: str) -> float:
    """When a value expires that is given EX, PX, EXAT or PXAT. Raises CommandError."""
    value = integer(text)
    if value <= 0:
        raise CommandError(invalid_expire(name))
    seconds = value / 1000 if unit.startswith("P") else float(value)
    if unit.endswith("AT"):
        return seconds - ctx.world.scenario.starts_at.timestamp()
    return ctx.now_s + seconds


def put(ctx: Context, key: str, text: str, expires_s: float | None = None) -> None:
    if len(text) > MOST_LENGTH:
        raise CommandError(TOO_LONG)
    ctx.space.put(ctx.db, key, Entry("string", text, expires_s, ctx.now_s))


@command("get", 2, "f")
def get(ctx: Context, argv: list[str]) -> Value:
    found = ctx.typed(argv[1], "string")
    return None if found is None else found.data


@command("set", -3, "wm")
def set_(ctx: Context, argv: list[str]) -> Value:
    key, text, words = argv[1], argv[2], [w.upper() for w in argv[3:]]
    only, keep, answer = "", False, False
    expires: float | None = None
    i = 0
    while i < len(words):
        word = words[i]
        if word in ("NX", "XX") and only in ("", word):
            only = word
        elif word == "KEEPTTL" and expires is None:
            keep = True
        elif word == "GET":
            answer = True
        elif word in ("EX", "PX", "EXAT", "PXAT") and i + 1 < len(words) and expires is None and not keep:
            i += 1
            expires = expiry(ctx, "set", word, words[i])
        else:
            raise CommandError(SYNTAX)
        i += 1
    old = ctx.typed(key, "string") if answer else ctx.find(key)
    before = old.data if old is not None and answer else None
    if (only == "NX" and old is not None) or (only == "XX" and old is None):
        return before
    put(ctx, key, text, old.expires_s if keep and old is not None else expires)
    return before if answer else OK


@command("setnx", 3, "wmf")
def setnx(ctx: Context, argv: list[str]) -> Value:
    if ctx.find(argv[1]) is not None:
        return 0
    put(ctx, argv[1], argv[2])
    return 1


@command("setex", 4, "wm")
def setex(ctx: Context, argv: list[str]) -> Value:
    put(ctx, argv[1], argv[3], expiry(ctx, "setex", "EX", argv[2]))
    return OK


@command("psetex", 4, "wm")
def psetex(ctx: Context, argv: list[str]) -> Value:
    put(ctx, argv[1], argv[3], expiry(ctx, "psetex", "PX", argv[2]))
    return OK


@command("getset", 3, "wmf")
def getset(ctx: Context, argv: list[str]) -> Value:
    old = ctx.typed(argv[1], "string")
    put(ctx, argv[1], argv[2])
    return None if old is None else old.data


@command("getdel", 2, "wf")
def getdel(ctx: Context, argv: list[str]) -> Value:
    old = ctx.typed(argv[1], "string")
    if old is None:
        return None
    ctx.drop(argv[1])
    return old.data


@command("getex", -2, "wf")
def getex(ctx: Context, argv: list[str]) -> Value:
    found = ctx.typed(argv[1], "string")
    words = [w.upper() for w in argv[2:]]
    if words and words != ["PERSIST"] and not (len(words) == 2 and words[0] in ("EX", "PX", "EXAT", "PXAT")):
        raise CommandError(SYNTAX)
    if found is None:
        return None
    if words:
        expires = None if words[0] == "PERSIST" else expiry(ctx, "getex", words[0], words[1])
        put(ctx, argv[1], found.data, expires)
    return found.data


@command("mget", -2, "f", 1, -1)
def mget(ctx: Context, argv: list[str]) -> Value:
    found = [ctx.find(key) for key in argv[1:]]
    return [e.data if e is not None and e.kind == "string" else None for e in found]


@command("mset", -3, "wm", 1, -1, 2)
def mset(ctx: Context, argv: list[str]) -> Value:
    _pairs(argv, "mset")
    for key, text in zip(argv[1::2], argv[2::2], strict=True):
        put(ctx, key, text)
    return OK


@command("msetnx", -3, "wm", 1, -1, 2)
def msetnx(ctx: Context, argv: list[str]) -> Value:
    _pairs(argv, "msetnx")
    if any(ctx.find(key) is not None for key in argv[1::2]):
        return 0
    for key, text in zip(argv[1::2], argv[2::2], strict=True):
        put(ctx, key, text)
    return 1


def _pairs(argv: list[str], name: str) -> None:
    if len(argv) % 2 == 0:
        raise CommandError(Error(f"ERR wrong number of arguments for '{name}' command"))


def _add(ctx: Context, key: str, change: int) -> Value:
    old = ctx.typed(key, "string")
    value = integer(old.data) if old is not None else 0
    if not -MAX_INT - 1 <= value + change <= MAX_INT:
        raise CommandError(OVERFLOW)
    put(ctx, key, str(value + change), old.expires_s if old is not None else None)
    return value + change


@command("incr", 2, "wmf")
def incr(ctx: Context, argv: list[str]) -> Value:
    return _add(ctx, argv[1], 1)


@command("decr", 2, "wmf")
def decr(ctx: Context, argv: list[str]) -> Value:
    return _add(ctx, argv[1], -1)


@command("incrby", 3, "wmf")
def incrby(ctx: Context, argv: list[str]) -> Value:
    return _add(ctx, argv[1], integer(argv[2]))


@command("decrby", 3, "wmf")
def decrby(ctx: Context, argv: list[str]) -> Value:
    change = integer(argv[2])
    if change == -MAX_INT - 1:
        raise CommandError(Error("ERR decrement would overflow"))
    return _add(ctx, argv[1], -change)


@command("incrbyfloat", 3, "wmf")
def incrbyfloat(ctx: Context, argv: list[str]) -> Value:
    old = ctx.typed(argv[1], "string")
    change = decimal(argv[2])
    value = (decimal(old.data) if old is not None else Decimal(0)) + change
    if not value.is_finite():
        raise CommandError(Error("ERR increment would produce NaN or Infinity"))
    text = plain_decimal(value)
    put(ctx, argv[1], text, old.expires_s if old is not None else None)
    return text


@command("append", 3, "wmf")
def append(ctx: Context, argv: list[str]) -> Value:
    old = ctx.typed(argv[1], "string")
    text = (old.data if old is not None else "") + argv[2]
    put(ctx, argv[1], text, old.expires_s if old is not None else None)
    return len(text.encode("utf-8", "surrogateescape"))


@command("strlen", 2, "f")
def strlen(ctx: Context, argv: list[str]) -> Value:
    found = ctx.typed(argv[1], "string")
    return 0 if found is None else len(found.data.encode("utf-8", "surrogateescape"))


@command("getrange", 4)
def getrange(ctx: Context, argv: list[str]) -> Value:
    start, end = integer(argv[2]), integer(argv[3])
    found = ctx.typed(argv[1], "string")
    data = b"" if found is None else found.data.encode("utf-8", "surrogateescape")
    size = len(data)
    if start < 0 and end < 0 and start > end:
        return ""
    start = max(0, start + size) if start < 0 else start
    end = max(0, end + size) if end < 0 else min(end, size - 1)
    return data[start : end + 1].decode("utf-8", "surrogateescape") if size and start <= end else ""


@command("setrange", 4, "wm")
def setrange(ctx: Context, argv: list[str]) -> Value:
    offset = integer(argv[2])
    if offset < 0:
        raise CommandError(BAD_OFFSET)
    if offset + len(argv[3]) > MOST_LENGTH:
        raise CommandError(TOO_LONG)
    old = ctx.typed(argv[1], "string")
    data = (old.data if old is not None else "").encode("utf-8", "surrogateescape")
    new = argv[3].encode("utf-8", "surrogateescape")
    if not new:
        return len(data)
    data = data.ljust(offset, b"\0")
    data = data[:offset] + new + data[offset + len(new) :]
    put(ctx, argv[1], data.decode("utf-8", "surrogateescape"), old.expires_s if old is not None else None)
    return len(data)
