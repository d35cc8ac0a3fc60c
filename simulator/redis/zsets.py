"""Sorted sets."""

from __future__ import annotations

import math

from simulator.redis.context import Context, command, integer, real
from simulator.redis.hashes import _inner_scan as inner_scan
from simulator.redis.keyspace import CommandError
from simulator.redis.lists import bounds
from simulator.redis.replies import SYNTAX, Error, Value, number

BAD_BOUND = Error("ERR min or max is not a float")
BAD_LEX = Error("ERR min or max not valid string range item")
NAN = Error("ERR resulting score is not a number (NaN)")


def _scores(ctx: Context, key: str) -> dict[str, float]:
    found = ctx.typed(key, "zset")
    return {} if found is None else found.data


def ranked(scores: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(scores.items(), key=lambda each: (each[1], each[0].encode()))


@command("zadd", -4, "wmf")
def zadd(ctx: Context, argv: list[str]) -> Value:
    words, flags = argv[2:], set[str]()
    while words and words[0].upper() in ("NX", "XX", "GT", "LT", "CH", "INCR"):
        flags.add(words.pop(0).upper())
    if not words or len(words) % 2:
        raise CommandError(SYNTAX)
    if {"NX", "XX"} <= flags:
        raise CommandError(Error("ERR XX and NX options at the same time are not compatible"))
    if len(flags & {"NX", "GT", "LT"}) > 1:
        raise CommandError(Error("ERR GT, LT, and/or NX options at the same time are not compatible"))
    if "INCR" in flags and len(words) > 2:
        raise CommandError(Error("ERR INCR option supports a single increment-element pair"))
    pairs = [(real(score), member) for score, member in zip(words[::2], words[1::2], strict=True)]
    if "XX" in flags and ctx.typed(argv[1], "zset") is None:
        return None if "INCR" in flags else 0
    data = ctx.ready(argv[1], "zset").data
    added = changed = 0
    last: float | None = None
    for score, member in pairs:
        last = _put(data, member, score, flags)
        if last is not None:
            before = data.get(member)
            added += before is None
            changed += before is None or before != last
            data[member] = last
    ctx.touched(argv[1])
    if "INCR" in flags:
        return None if last is None else number(last)
    return changed if "CH" in flags else added


def _put(data: dict[str, float], member: str, score: float, flags: set[str]) -> float | None:
    """The member's new score, or None when a flag forbids it."""
    old = data.get(member)
    new = score + (old or 0.0) if "INCR" in flags else score
    if math.isnan(new):
        raise CommandError(NAN)
    if old is None:
        return None if "XX" in flags else new
    if "NX" in flags or ("GT" in flags and new <= old) or ("LT" in flags and new >= old):
        return None
    return new


@command("zincrby", 4, "wmf")
def zincrby(ctx: Context, argv: list[str]) -> Value:
    change = real(argv[2])
    data = ctx.ready(argv[1], "zset").data
    data[argv[3]] = data.get(argv[3], 0.0) + change
    ctx.touched(argv[1])
    return number(data[argv[3]])


@command("zscore", 3, "f")
def zscore(ctx: Context, argv: list[str]) -> Value:
    score = _scores(ctx, argv[1]).get(argv[2])
    return None if score is None else number(score)


@command("zmscore", -3, "f")
def zmscore(ctx: Context, argv: list[str]) -> Value:
    found = _scores(ctx, argv[1])
    return [number(found[m]) if m in found else None for m in argv[2:]]


@command("zcard", 2, "f")
def zcard(ctx: Context, argv: list[str]) -> Value:
    return len(_scores(ctx, argv[1]))


@command("zrem", -3, "wf")
def zrem(ctx: Context, argv: list[str]) -> Value:
    if ctx.typed(argv[1], "zset") is None:
        return 0
    data = ctx.ready(argv[1], "zset").data
    gone = sum(data.pop(member, None) is not None for member in argv[2:])
    ctx.touched(argv[1])
    return gone


@command("zrank", 3, "f")
def zrank(ctx: Context, argv: list[str]) -> Value:
    names = [name for name, _ in ranked(_scores(ctx, argv[1]))]
    return names.index(argv[2]) if argv[2] in names else None


@command("zrevrank", 3, "f")
def zrevrank(ctx: Context, argv: list[str]) -> Value:
    names = [name for name, _ in ranked(_scores(ctx, argv[1]))][::-1]
    return names.index(argv[2]) if argv[2] in names else None


def _bound(text: str) -> tuple[float, bool]:
    """(score, whether it is left out)."""
    return real(text.removeprefix("("), BAD_BOUND), text.startswith("(")


def by_score(scores: dict[str, float], low: str, high: str) -> list[tuple[str, float]]:
    (a, open_a), (b, open_b) = _bound(low), _bound(high)
    return [
        (name, score)
        for name, score in ranked(scores)
        if (score > a if open_a else score >= a) and (score < b if open_b else score <= b)
    ]


def _by_lex(scores: dict[str, float], low: str, high: str) -> list[tuple[str, float]]:
    for text in (low, high):
        if text not in ("-", "+") and text[:1] not in ("[", "("):
            raise CommandError(BAD_LEX)

    def inside(name: str) -> bool:
        above = low == "-" or (low != "+" and (name >= low[1:] if low[0] == "[" else name > low[1:]))
        below = high == "+" or (high != "-" and (name <= high[1:] if high[0] == "[" else name < high[1:]))
        return above and below

    return [(name, score) for name, score in ranked(scores) if inside(name)]


def _answer(found: list[tuple[str, float]], with_scores: bool) -> Value:
    return [x for name, score in found for x in ((name, number(score)) if with_scores else (name,))]


def _cut(words: list[str], found: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """LIMIT offset count."""
    if not words:
        return found
    if len(words) != 3 or words[0].upper() != "LIMIT":
        raise CommandError(SYNTAX)
    offset, count = integer(words[1]), integer(words[2])
    return found[offset:] if count < 0 else found[max(0, offset) : offset + count]


def _split_scores(words: list[str]) -> tuple[list[str], bool]:
    kept = [word for word in words if word.upper() != "WITHSCORES"]
    return kept, len(kept) < len(words)


@command("zrange", -4)
def zrange(ctx: Context, argv: list[str]) -> Value:
    words, with_scores = _split_scores(argv[4:])
    upper = [word.upper() for word in words]
    reverse = "REV" in upper
    kind = "BYSCORE" if "BYSCORE" in upper else "BYLEX" if "BYLEX" in upper else ""
    rest = [word for word in words if word.upper() not in ("REV", "BYSCORE", "BYLEX")]
    if {"BYSCORE", "BYLEX"} <= set(upper):
        raise CommandError(SYNTAX)
    if kind == "BYLEX" and with_scores:
        raise CommandError(Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX"))
    scores = _scores(ctx, argv[1])
    if not kind:
        if rest:
            raise CommandError(
                Error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
                if rest[0].upper() == "LIMIT"
                else SYNTAX
            )
        return _by_rank(scores, argv, reverse, with_scores)
    low, high = (argv[3], argv[2]) if reverse else (argv[2], argv[3])
    found = by_score(scores, low, high) if kind == "BYSCORE" else _by_lex(scores, low, high)
    return _answer(_cut(rest, found[::-1] if reverse else found), with_scores)


def _by_rank(scores: dict[str, float], argv: list[str], reverse: bool, with_scores: bool) -> Value:
    start, end = integer(argv[2]), integer(argv[3])
    found = ranked(scores)[:: -1 if reverse else 1]
    first, last = bounds(start, end, len(found))
    return _answer(found[first:last] if first < last else [], with_scores)


@command("zrevrange", -4)
def zrevrange(ctx: Context, argv: list[str]) -> Value:
    words, with_scores = _split_scores(argv[4:])
    if words:
        raise CommandError(SYNTAX)
    return _by_rank(_scores(ctx, argv[1]), argv, True, with_scores)


@command("zrangebyscore", -4)
def zrangebyscore(ctx: Context, argv: list[str]) -> Value:
    words, with_scores = _split_scores(argv[4:])
    return _answer(_cut(words, by_score(_scores(ctx, argv[1]), argv[2], argv[3])), with_scores)


@command("zrevrangebyscore", -4)
def zrevrangebyscore(ctx: Context, argv: list[str]) -> Value:
    words, with_scores = _split_scores(argv[4:])
    found = by_score(_scores(ctx, argv[1]), argv[3], argv[2])[::-1]
    return _answer(_cut(words, found), with_scores)


@command("zrangebylex", -4)
def zrangebylex(ctx: Context, argv: list[str]) -> Value:
    return _answer(_cut(argv[4:], _by_lex(_scores(ctx, argv[1]), argv[2], argv[3])), False)


@command("zcount", 4, "f")
def zcount(ctx: Context, argv: list[str]) -> Value:
    return len(by_score(_scores(ctx, argv[1]), argv[2], argv[3]))


@command("zlexcount", 4, "f")
def zlexcount(ctx: Context, argv: list[str]) -> Value:
    return len(_by_lex(_scores(ctx, argv[1]), argv[2], argv[3]))


def _removed(ctx: Context, key: str, names: list[str]) -> Value:
    if names:
        zrem(ctx, ["zrem", key, *names])
    return len(names)


@command("zremrangebyscore", 4, "w")
def zremrangebyscore(ctx: Context, argv: list[str]) -> Value:
    return _removed(ctx, argv[1], [n for n, _ in by_score(_scores(ctx, argv[1]), argv[2], argv[3])])


@command("zremrangebyrank", 4, "w")
def zremrangebyrank(ctx: Context, argv: list[str]) -> Value:
    found = ranked(_scores(ctx, argv[1]))
    first, last = bounds(integer(argv[2]), integer(argv[3]), len(found))
    return _removed(ctx, argv[1], [n for n, _ in found[first:last]] if first < last else [])


def _pop(ctx: Context, argv: list[str], highest: bool) -> Value:
    positive = Error("ERR value is out of range, must be positive")
    count = integer(argv[2], positive) if len(argv) > 2 else 1
    if count < 0 or len(argv) > 3:
        raise CommandError(positive if count < 0 else SYNTAX)
    found = ranked(_scores(ctx, argv[1]))
    taken = found[::-1][:count] if highest else found[:count]
    _removed(ctx, argv[1], [name for name, _ in taken])
    return _answer(taken, True)


@command("zpopmin", -2, "wf")
def zpopmin(ctx: Context, argv: list[str]) -> Value:
    return _pop(ctx, argv, False)


@command("zpopmax", -2, "wf")
def zpopmax(ctx: Context, argv: list[str]) -> Value:
    return _pop(ctx, argv, True)


@command("zscan", -3)
def zscan(ctx: Context, argv: list[str]) -> Value:
    return inner_scan(argv, [[name, number(score)] for name, score in ranked(_scores(ctx, argv[1]))])
