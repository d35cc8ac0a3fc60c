"""Lists and streams."""

from __future__ import annotations

from simulator.redis.context import Context, command, integer
from simulator.redis.keyspace import CommandError, Stream
from simulator.redis.replies import NO_KEY, OK, SYNTAX, Error, Value

BAD_ID = Error("ERR Invalid stream ID specified as stream command argument")
SMALL_ID = Error("ERR The ID specified in XADD is equal or smaller than the target stream top item")
ZERO_ID = Error("ERR The ID specified in XADD must be greater than 0-0")
BLOCKS = Error("ERR blocking reads would stop this console; it answers at once: leave BLOCK out")


def _list(ctx: Context, key: str) -> list[str]:
    found = ctx.typed(key, "list")
    return [] if found is None else found.data


def _push(ctx: Context, argv: list[str], left: bool, only_there: bool = False) -> Value:
    if only_there and ctx.typed(argv[1], "list") is None:
        return 0
    entry = ctx.ready(argv[1], "list")
    for value in argv[2:]:
        entry.data.insert(0 if left else len(entry.data), value)
    ctx.touched(argv[1])
    return len(entry.data)


@command("lpush", -3, "wmf")
def lpush(ctx: Context, argv: list[str]) -> Value:
    return _push(ctx, argv, True)


@command("rpush", -3, "wmf")
def rpush(ctx: Context, argv: list[str]) -> Value:
    return _push(ctx, argv, False)


@command("lpushx", -3, "wmf")
def lpushx(ctx: Context, argv: list[str]) -> Value:
    return _push(ctx, argv, True, True)


@command("rpushx", -3, "wmf")
def rpushx(ctx: Context, argv: list[str]) -> Value:
    return _push(ctx, argv, False, True)


def _pop(ctx: Context, argv: list[str], left: bool) -> Value:
    count = 1
    if len(argv) > 3:
        raise CommandError(Error(f"ERR wrong number of arguments for '{argv[0].lower()}' command"))
    if len(argv) == 3:
        count = integer(argv[2], Error("ERR value is out of range, must be positive"))
        if count < 0:
            raise CommandError(Error("ERR value is out of range, must be positive"))
    if not _list(ctx, argv[1]):
        return None
    data = ctx.ready(argv[1], "list").data
    taken = [data.pop(0 if left else -1) for _ in range(min(count, len(data)))]
    ctx.touched(argv[1])
    return taken[0] if len(argv) == 2 else taken


@command("lpop", -2, "wf")
def lpop(ctx: Context, argv: list[str]) -> Value:
    return _pop(ctx, argv, True)


@command("rpop", -2, "wf")
def rpop(ctx: Context, argv: list[str]) -> Value:
    return _pop(ctx, argv, False)


@command("llen", 2, "f")
def llen(ctx: Context, argv: list[str]) -> Value:
    return len(_list(ctx, argv[1]))


def bounds(start: int, end: int, size: int) -> tuple[int, int]:
    """Redis' inclusive range, negative from the end, as a slice."""
    start = max(0, start + size) if start < 0 else start
    end = end + size if end < 0 else min(end, size - 1)
    return start, end + 1


@command("lrange", 4)
def lrange(ctx: Context, argv: list[str]) -> Value:
    start, end = integer(argv[2]), integer(argv[3])
    data = _list(ctx, argv[1])
    first, last = bounds(start, end, len(data))
    return list(data[first:last]) if first < last else []


@command("lindex", 3)
def lindex(ctx: Context, argv: list[str]) -> Value:
    data, index = _list(ctx, argv[1]), integer(argv[2])
    return data[index] if -len(data) <= index < len(data) else None


@command("lset", 4, "wm")
def lset(ctx: Context, argv: list[str]) -> Value:
    if ctx.typed(argv[1], "list") is None:
        raise CommandError(NO_KEY)
    data, index = ctx.ready(argv[1], "list").data, integer(argv[2])
    if not -len(data) <= index < len(data):
        raise CommandError(Error("ERR index out of range"))
    data[index] = argv[3]
    ctx.touched(argv[1])
    return OK


@command("lrem", 4, "w")
def lrem(ctx: Context, argv: list[str]) -> Value:
    count = integer(argv[2])
    if ctx.typed(argv[1], "list") is None:
        return 0
    entry = ctx.ready(argv[1], "list")
    data = entry.data[::-1] if count < 0 else list(entry.data)
    most = abs(count) or len(data)
    kept: list[str] = []
    gone = 0
    for value in data:
        if value == argv[3] and gone < most:
            gone += 1
        else:
            kept.append(value)
    entry.data = kept[::-1] if count < 0 else kept
    ctx.touched(argv[1])
    return gone


@command("ltrim", 4, "w")
def ltrim(ctx: Context, argv: list[str]) -> Value:
    start, end = integer(argv[2]), integer(argv[3])
    if ctx.typed(argv[1], "list") is None:
        return OK
    entry = ctx.ready(argv[1], "list")
    first, last = bounds(start, end, len(entry.data))
    entry.data = entry.data[first:last] if first < last else []
    ctx.touched(argv[1])
    return OK


@command("linsert", 5, "wm")
def linsert(ctx: Context, argv: list[str]) -> Value:
    where = argv[2].upper()
    if where not in ("BEFORE", "AFTER"):
        raise CommandError(SYNTAX)
    if ctx.typed(argv[1], "list") is None:
        return 0
    data = ctx.ready(argv[1], "list").data
    if argv[3] not in data:
        return -1
    data.insert(data.index(argv[3]) + (where == "AFTER"), argv[4])
    ctx.touched(argv[1])
    return len(data)


@command("rpoplpush", 3, "wm", 1, 2)
def rpoplpush(ctx: Context, argv: list[str]) -> Value:
    return _moved(ctx, argv[1], argv[2], False, True)


@command("lmove", 5, "wm", 1, 2)
def lmove(ctx: Context, argv: list[str]) -> Value:
    ends = [word.upper() for word in argv[3:]]
    if any(end not in ("LEFT", "RIGHT") for end in ends):
        raise CommandError(SYNTAX)
    return _moved(ctx, argv[1], argv[2], ends[0] == "LEFT", ends[1] == "LEFT")


def _moved(ctx: Context, source: str, target: str, from_left: bool, to_left: bool) -> Value:
    if not _list(ctx, source):
        return None
    _list(ctx, target)
    value = _pop(ctx, ["pop", source], from_left)
    _push(ctx, ["push", target, value], to_left)
    return value


# -- streams


def _stream(ctx: Context, key: str) -> Stream:
    found = ctx.typed(key, "stream")
    return Stream() if found is None else found.data


def stream_id(text: str, sequence: int) -> tuple[int, int]:
    """An entry's id; `sequence` stands for one that is left out. Raises CommandError."""
    head, dash, tail = text.partition("-")
    if not (head.isascii() and head.isdigit() and len(head) < 20):
        raise CommandError(BAD_ID)
    if not dash:
        return int(head), sequence
    if not (tail.isascii() and tail.isdigit() and len(tail) < 20):
        raise CommandError(BAD_ID)
    return int(head), int(tail)


def _id_text(entry: tuple[int, int, list[str]]) -> str:
    return f"{entry[0]}-{entry[1]}"


def rows_of(entries: list[tuple[int, int, list[str]]]) -> list[Value]:
    """Entries as XRANGE answers them."""
    return [[_id_text(e), list(e[2])] for e in entries]


@command("xadd", -5, "wmf")
def xadd(ctx: Context, argv: list[str]) -> Value:
    words = argv[2:]
    most = -1
    make = True
    if words[0].upper() == "NOMKSTREAM":
        make, words = False, words[1:]
    if words[0].upper() == "MAXLEN":
        words = words[1:]
        words = words[1:] if words[0] in ("~", "=") else words
        most, words = integer(words[0]), words[1:]
    if words and words[0].upper() == "LIMIT":
        raise CommandError(
            Error("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
        )
    if len(words) < 3 or len(words) % 2 == 0:
        raise CommandError(Error("ERR wrong number of arguments for 'xadd' command"))
    if not make and ctx.typed(argv[1], "stream") is None:
        return None
    last = _stream(ctx, argv[1]).last
    new = _next_id(ctx, words[0], last)
    stream: Stream = ctx.ready(argv[1], "stream").data
    stream.entries.append((*new, list(words[1:])))
    stream.last, stream.added = new, stream.added + 1
    if most >= 0:
        del stream.entries[: max(0, len(stream.entries) - most)]
    ctx.touched(argv[1])
    return f"{new[0]}-{new[1]}"


def _next_id(ctx: Context, word: str, last: tuple[int, int]) -> tuple[int, int]:
    now = int((ctx.world.scenario.starts_at.timestamp() + ctx.now_s) * 1000)
    if word == "*":
        return (now, 0) if now > last[0] else (last[0], last[1] + 1)
    if word.endswith("-*"):
        head = stream_id(word[:-2], 0)[0]
        new = (head, last[1] + 1 if head == last[0] else 0)
    else:
        new = stream_id(word, 0)
    if new == (0, 0):
        raise CommandError(ZERO_ID)
    if new <= last:
        raise CommandError(SMALL_ID)
    return new


@command("xlen", 2, "f")
def xlen(ctx: Context, argv: list[str]) -> Value:
    return len(_stream(ctx, argv[1]).entries)


def _between(ctx: Context, argv: list[str], low: str, high: str) -> list[tuple[int, int, list[str]]]:
    most = (1 << 64) - 1
    first = (0, 0) if low == "-" else stream_id(low.removeprefix("("), 0)
    last = (most, most) if high == "+" else stream_id(high.removeprefix("("), most)
    found = [e for e in _stream(ctx, argv[1]).entries if first <= e[:2] <= last]
    if low.startswith("("):
        found = [e for e in found if e[:2] != first]
    if high.startswith("("):
        found = [e for e in found if e[:2] != last]
    return found


def _limited(words: list[str], rows: list[Value]) -> list[Value]:
    if not words:
        return rows
    if len(words) != 2 or words[0].upper() != "COUNT":
        raise CommandError(SYNTAX)
    return rows[: max(0, integer(words[1]))]


@command("xrange", -4)
def xrange_(ctx: Context, argv: list[str]) -> Value:
    return _limited(argv[4:], rows_of(_between(ctx, argv, argv[2], argv[3])))


@command("xrevrange", -4)
def xrevrange(ctx: Context, argv: list[str]) -> Value:
    return _limited(argv[4:], rows_of(_between(ctx, argv, argv[3], argv[2])[::-1]))


@command("xdel", -3, "wf")
def xdel(ctx: Context, argv: list[str]) -> Value:
    ids = [stream_id(word, 0) for word in argv[2:]]
    if ctx.typed(argv[1], "stream") is None:
        return 0
    stream: Stream = ctx.ready(argv[1], "stream").data
    before = len(stream.entries)
    stream.entries = [e for e in stream.entries if e[:2] not in ids]
    ctx.touched(argv[1])
    return before - len(stream.entries)


@command("xtrim", -4, "w")
def xtrim(ctx: Context, argv: list[str]) -> Value:
    words = [w for w in argv[2:] if w not in ("~", "=")]
    if words[0].upper() not in ("MAXLEN", "MINID") or len(words) != 2:
        raise CommandError(SYNTAX)
    least = stream_id(words[1], 0) if words[0].upper() == "MINID" else None
    most = integer(words[1]) if least is None else 0
    if ctx.typed(argv[1], "stream") is None:
        return 0
    stream: Stream = ctx.ready(argv[1], "stream").data
    if least is None:
        gone = max(0, len(stream.entries) - most)
    else:
        gone = sum((entry[0], entry[1]) < least for entry in stream.entries)
    del stream.entries[:gone]
    ctx.touched(argv[1])
    return gone


@command("xread", -4, "", 0, 0, 0)
def xread(ctx: Context, argv: list[str]) -> Value:
    upper = [word.upper() for word in argv]
    if "BLOCK" in upper:
        integer(argv[upper.index("BLOCK") + 1], Error("ERR timeout is not an integer or out of range"))
        raise CommandError(BLOCKS)
    if "STREAMS" not in upper:
        raise CommandError(SYNTAX)
    at = upper.index("STREAMS")
    count = integer(argv[upper.index("COUNT") + 1]) if "COUNT" in upper[:at] else 1 << 30
    words = argv[at + 1 :]
    if not words or len(words) % 2:
        raise CommandError(
            Error("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.")
        )
    found: list[Value] = []
    half = len(words) // 2
    for key, word in zip(words[:half], words[half:], strict=True):
        stream = _stream(ctx, key)
        after = stream.last if word == "$" else stream_id(word, 0)
        rows = rows_of([e for e in stream.entries if e[:2] > after][:count])
        if rows:
            found.append([key, rows])
    return found or None
