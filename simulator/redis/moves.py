"""Commands over several keys or both ends: LMPOP, LPOS, ZUNION and its like, MOVE, RESTORE, RANDOM members."""

from __future__ import annotations

from collections.abc import Callable

from simulator.redis.context import TABLE, Context, command, integer, real
from simulator.redis.keyspace import CommandError
from simulator.redis.replies import SYNTAX, WRONG_TYPE, Error, Value, number
from simulator.redis.zsets import ranked

NUMKEYS = Error("ERR numkeys should be greater than 0")
MANY_KEYS = Error("ERR Number of keys can't be greater than number of args")
POSITIVE = Error("ERR value is out of range, must be positive")
RANK = Error(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start "
    "from the end of the list"
)


@command("lpos", -3)
def lpos(ctx: Context, argv: list[str]) -> Value:
    words, rank, count, most = argv[3:], 1, -1, 0
    while len(words) > 1:
        word, value, words = words[0].upper(), words[1], words[2:]
        if word == "RANK":
            rank = integer(value)
            if rank == 0:
                raise CommandError(RANK)
        elif word in ("COUNT", "MAXLEN"):
            given = integer(value)
            if given < 0:
                raise CommandError(Error(f"ERR {word} can't be negative"))
            count, most = (given, most) if word == "COUNT" else (count, given)
        else:
            raise CommandError(SYNTAX)
    if words:
        raise CommandError(SYNTAX)
    entry = ctx.typed(argv[1], "list")
    held: list[str] = [] if entry is None else entry.data
    order = range(len(held)) if rank > 0 else range(len(held) - 1, -1, -1)
    order = order[:most] if most else order
    found = [n for n in order if held[n] == argv[2]][abs(rank) - 1 :]
    if count < 0:
        return found[0] if found else None
    return found[:count] if count else found


def _counted(argv: list[str], at: int) -> tuple[list[str], list[str]]:
    """`numkeys key … rest` from a place on."""
    count = integer(argv[at], NUMKEYS)
    if count <= 0:
        raise CommandError(NUMKEYS)
    if count > len(argv) - at - 1:
        raise CommandError(SYNTAX)
    return argv[at + 1 : at + 1 + count], argv[at + 1 + count :]


def _several(ctx: Context, argv: list[str], ends: dict[str, str], at: int) -> Value:
    """LMPOP and ZMPOP: from the first key that holds something."""
    keys, rest = _counted(argv, at)
    if not rest or rest[0].upper() not in ends or len(rest) not in (1, 3):
        raise CommandError(SYNTAX)
    if len(rest) == 3 and rest[1].upper() != "COUNT":
        raise CommandError(SYNTAX)
    count = integer(rest[2]) if len(rest) == 3 else 1
    if count <= 0:
        raise CommandError(Error("ERR count should be greater than 0"))
    pop = TABLE[ends[rest[0].upper()]]
    kind = "zset" if "MIN" in ends else "list"
    for key in keys:
        if ctx.typed(key, kind) is not None:
            found = pop.run(ctx, [pop.name, key, str(count)])
            if kind == "zset":
                found = [list(pair) for pair in zip(found[::2], found[1::2], strict=True)]
            return [key, found]
    return None


@command("lmpop", -4, "w", 0, 0, 0)
def lmpop(ctx: Context, argv: list[str]) -> Value:
    return _several(ctx, argv, {"LEFT": "lpop", "RIGHT": "rpop"}, 1)


@command("zmpop", -4, "w", 0, 0, 0)
def zmpop(ctx: Context, argv: list[str]) -> Value:
    return _several(ctx, argv, {"MIN": "zpopmin", "MAX": "zpopmax"}, 1)


@command("brpoplpush", 4, "wm", 1, 2)
@command("blmove", 6, "wm", 1, 2)
def blocking_move(ctx: Context, argv: list[str]) -> Value:
    """What is there is moved at once; nil when the time is over."""
    if real(argv[-1], Error("ERR timeout is not a float or out of range")) < 0:
        raise CommandError(Error("ERR timeout is negative"))
    name = argv[0].lower()[1:]
    return TABLE[name].run(ctx, [name, *argv[1:-1]])


# -- sorted sets together


def _sets(ctx: Context, keys: list[str]) -> list[dict[str, float]]:
    found = []
    for key in keys:
        entry = ctx.find(key)
        if entry is not None and entry.kind not in ("zset", "set"):
            raise CommandError(WRONG_TYPE)
        data = {} if entry is None else entry.data
        found.append(dict(data) if entry is not None and entry.kind == "zset" else dict.fromkeys(data, 1.0))
    return found


def _options(rest: list[str], size: int) -> tuple[list[float], str, bool]:
    weights, aggregate, shows = [1.0] * size, "SUM", False
    while rest:
        word = rest[0].upper()
        if word == "WEIGHTS" and len(rest) > size:
            weights = [real(w, Error("ERR weight value is not a float")) for w in rest[1 : size + 1]]
            rest = rest[size + 1 :]
        elif word == "AGGREGATE" and len(rest) > 1 and rest[1].upper() in ("SUM", "MIN", "MAX"):
            aggregate, rest = rest[1].upper(), rest[2:]
        elif word == "WITHSCORES":
            shows, rest = True, rest[1:]
        else:
            raise CommandError(SYNTAX)
    return weights, aggregate, shows


_FOLD: dict[str, Callable[[float, float], float]] = {"SUM": lambda a, b: a + b, "MIN": min, "MAX": max}


def _combined(ctx: Context, verb: str, argv: list[str], at: int) -> tuple[dict[str, float], bool]:
    count = integer(argv[at])
    if count < 1:
        raise CommandError(Error(f"ERR at least 1 input key is needed for '{argv[0].lower()}' command"))
    if count > len(argv) - at - 1:
        raise CommandError(SYNTAX)
    keys, rest = argv[at + 1 : at + 1 + count], argv[at + 1 + count :]
    sets = _sets(ctx, keys)
    weights, aggregate, shows = _options(rest, count)
    if verb == "diff":
        return {m: s for m, s in sets[0].items() if not any(m in other for other in sets[1:])}, shows
    found: dict[str, float] = {}
    for held, weight in zip(sets, weights, strict=True):
        for member, score in held.items():
            value = score * weight
            found[member] = _FOLD[aggregate](found[member], value) if member in found else value
    if verb == "inter":
        found = {m: s for m, s in found.items() if all(m in held for held in sets)}
    return found, shows


@command("zunion", -3, "", 0, 0, 0)
@command("zinter", -3, "", 0, 0, 0)
@command("zdiff", -3, "", 0, 0, 0)
def together(ctx: Context, argv: list[str]) -> Value:
    found, shows = _combined(ctx, argv[0].lower()[1:], argv, 1)
    return [
        part for member, score in ranked(found) for part in ([member, number(score)] if shows else [member])
    ]


@command("zunionstore", -4, "wm")
@command("zinterstore", -4, "wm")
@command("zdiffstore", -4, "wm")
def together_stored(ctx: Context, argv: list[str]) -> Value:
    found, _ = _combined(ctx, argv[0].lower()[1:-5], argv, 2)
    return _stored(ctx, argv[1], found)


def _stored(ctx: Context, key: str, found: dict[str, float]) -> int:
    ctx.drop(key)
    if found:
        ctx.ready(key, "zset").data.update(found)
        ctx.touched(key)
    return len(found)


@command("zrangestore", -5, "wm", 1, 2)
def zrangestore(ctx: Context, argv: list[str]) -> Value:
    members = TABLE["zrange"].run(ctx, ["zrange", *argv[2:]])
    held = _sets(ctx, [argv[2]])[0]
    return _stored(ctx, argv[1], {member: held[member] for member in members})


@command("zremrangebylex", 4, "w")
def zremrangebylex(ctx: Context, argv: list[str]) -> Value:
    members = TABLE["zrangebylex"].run(ctx, ["zrangebylex", *argv[1:]])
    return TABLE["zrem"].run(ctx, ["zrem", argv[1], *members]) if members else 0


def _limit(rest: list[str]) -> int:
    if not rest:
        return 0
    if len(rest) != 2 or rest[0].upper() != "LIMIT":
        raise CommandError(SYNTAX)
    value = integer(rest[1], Error("ERR LIMIT can't be negative"))
    if value < 0:
        raise CommandError(Error("ERR LIMIT can't be negative"))
    return value


@command("sintercard", -3, "", 0, 0, 0)
@command("zintercard", -3, "", 0, 0, 0)
def intercard(ctx: Context, argv: list[str]) -> Value:
    count = integer(argv[1], NUMKEYS)
    if count <= 0:
        raise CommandError(NUMKEYS)
    if count > len(argv) - 2:
        raise CommandError(MANY_KEYS if argv[0].lower() == "sintercard" else SYNTAX)
    limit = _limit(argv[2 + count :])
    keys = argv[2 : 2 + count]
    if argv[0].lower() == "sintercard":
        for key in keys:
            ctx.typed(key, "set")
    sets = _sets(ctx, keys)
    size = sum(all(member in held for held in sets) for member in sets[0])
    return min(size, limit) if limit else size


# -- members by luck


@command("hrandfield", -2)
@command("zrandmember", -2)
def by_luck(ctx: Context, argv: list[str]) -> Value:
    entry = ctx.typed(argv[1], "hash" if argv[0].lower() == "hrandfield" else "zset")
    held = {} if entry is None else entry.data
    if len(argv) == 2:
        return None if not held else sorted(held)[int(ctx.luck(argv[1]) * len(held))]
    count, shows = integer(argv[2]), len(argv) > 3
    names = sorted(held, key=lambda name: ctx.luck((argv[1], name)))
    if count < 0 and names:
        names = [names[int(ctx.luck((argv[1], n)) * len(names))] for n in range(min(-count, 10_000))]
    else:
        names = names[: max(0, count)]
    return [part for name in names for part in ([name, str(held[name])] if shows else [name])]


# -- keys as a whole


@command("move", 3, "wf")
def move(ctx: Context, argv: list[str]) -> Value:
    target = integer(argv[2])
    if not 0 <= target < int(ctx.node.get("databases")):
        raise CommandError(Error("ERR DB index is out of range"))
    if target == ctx.db:
        raise CommandError(Error("ERR source and destination objects are the same"))
    found = ctx.find(argv[1])
    if found is None or ctx.space.peek(target, argv[1], ctx.now_s) is not None:
        return 0
    ctx.space.put(target, argv[1], found)
    ctx.drop(argv[1])
    return 1


@command("restore", -4, "wm")
def restore(ctx: Context, argv: list[str]) -> Value:
    """There is no DUMP here, so no payload is a right one; what is wrong before it is told first."""
    upper = [word.upper() for word in argv[4:]]
    if any(word not in ("REPLACE", "ABSTTL", "IDLETIME", "FREQ") and not word.isdigit() for word in upper):
        raise CommandError(SYNTAX)
    if ctx.find(argv[1]) is not None and "REPLACE" not in upper:
        raise CommandError(Error("BUSYKEY Target key name already exists."))
    if integer(argv[2]) < 0:
        raise CommandError(Error("ERR Invalid TTL value, must be >= 0"))
    raise CommandError(Error("ERR DUMP payload version or checksum are wrong"))


@command("pexpiretime", 2, "f")
def pexpiretime(ctx: Context, argv: list[str]) -> Value:
    found = TABLE["expiretime"].run(ctx, ["expiretime", argv[1]])
    return found * 1000 if isinstance(found, int) and found > 0 else found


@command("substr", 4)
def substr(ctx: Context, argv: list[str]) -> Value:
    return TABLE["getrange"].run(ctx, ["getrange", *argv[1:]])


@command("sort", -2, "wm")
@command("sort_ro", -2)
def sort(ctx: Context, argv: list[str]) -> Value:
    """SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC|DESC] [ALPHA] [STORE key]."""
    words, by, gets, store = argv[2:], "", list[str](), ""
    flags, limit = set[str](), (0, -1)
    while words:
        word = words.pop(0).upper()
        if word in ("ASC", "DESC", "ALPHA"):
            flags = (flags - ({"ASC", "DESC"} if word != "ALPHA" else set())) | {word}
        elif word == "LIMIT" and len(words) > 1:
            limit = (integer(words.pop(0)), integer(words.pop(0)))
        elif word == "BY" and words:
            by = words.pop(0)
        elif word == "GET" and words:
            gets.append(words.pop(0))
        elif word == "STORE" and words and argv[0].lower() == "sort":
            store = words.pop(0)
        else:
            raise CommandError(SYNTAX)
    items = _ordered(ctx, _items(ctx, argv[1]), by, flags)
    first = max(0, limit[0])
    items = items[first : first + limit[1]] if limit[1] >= 0 else items[first:]
    rows: list[Value] = [_at(ctx, pattern, item) for item in items for pattern in (gets or ["#"])]
    if not store:
        return rows
    ctx.drop(store)
    if rows:
        TABLE["rpush"].run(ctx, ["rpush", store, *("" if row is None else row for row in rows)])
    return len(rows)


def _items(ctx: Context, key: str) -> list[str]:
    entry = ctx.find(key)
    if entry is None:
        return []
    if entry.kind not in ("list", "set", "zset"):
        raise CommandError(WRONG_TYPE)
    return [member for member, _ in ranked(entry.data)] if entry.kind == "zset" else list(entry.data)


def _at(ctx: Context, pattern: str, item: str) -> str | None:
    """What a pattern like `weight_*` or `user_*->name` names for an item."""
    if pattern == "#":
        return item
    key, _, field = pattern.replace("*", item, 1).partition("->")
    entry = ctx.find(key)
    if entry is None or entry.kind != ("hash" if field else "string"):
        return None
    value = entry.data.get(field) if field else entry.data
    return None if value is None else str(value)


def _ordered(ctx: Context, items: list[str], by: str, flags: set[str]) -> list[str]:
    if by and "*" not in by:
        return items
    weights = {item: _at(ctx, by, item) if by else item for item in items}
    if "ALPHA" in flags:
        return sorted(items, key=lambda item: (weights[item] or "", item), reverse="DESC" in flags)
    try:
        numbers = {item: float(weights[item] or 0) for item in items}
    except ValueError:
        raise CommandError(Error("ERR One or more scores can't be converted into double")) from None
    return sorted(items, key=lambda item: (numbers[item], item), reverse="DESC" in flags)
