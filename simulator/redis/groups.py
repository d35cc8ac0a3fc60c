"""Consumer groups of streams: who has read what, what is delivered and not acknowledged."""

from __future__ import annotations

from simulator.redis.context import Context, command, integer
from simulator.redis.keyspace import CommandError, Group, Pending, Stream
from simulator.redis.lists import rows_of, stream_id
from simulator.redis.replies import NO_KEY, OK, SYNTAX, Error, Value

NEEDS_KEY = Error(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM "
    "option to create an empty stream automatically."
)
NO_DOLLAR = Error(
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by "
    "specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set."
)
UNBALANCED = Error(
    "ERR Unbalanced XREADGROUP list of streams: for each stream key an ID or '>' must be specified."
)
SMALLER = Error("ERR The ID specified in XSETID is smaller than the target stream top item")
Id = tuple[int, int]
TOP: Id = ((1 << 64) - 1, (1 << 64) - 1)


def _stream(ctx: Context, key: str) -> Stream | None:
    found = ctx.typed(key, "stream")
    return None if found is None else found.data


def _own(ctx: Context, key: str) -> Stream:
    found: Stream = ctx.ready(key, "stream").data
    return found


def _group(stream: Stream | None, name: str, key: str, error: str = "") -> Group:
    """Raises CommandError for a group that there is not."""
    found = None if stream is None else stream.groups.get(name)
    if found is None:
        text = error or f"NOGROUP No such key '{key}' or consumer group '{name}'"
        raise CommandError(Error(text))
    return found


def _text(at: Id) -> str:
    return f"{at[0]}-{at[1]}"


@command("xgroup", -2, "wm", 2, 2)
def xgroup(ctx: Context, argv: list[str]) -> Value:
    verb, key, name = argv[1].lower(), argv[2], argv[3]
    words = [word.upper() for word in argv[5:]]
    stream = _stream(ctx, key)
    if stream is None and not (verb == "create" and "MKSTREAM" in words):
        raise CommandError(NEEDS_KEY)
    if verb == "create":
        at = _start(stream, argv[4])
        if stream is not None and name in stream.groups:
            raise CommandError(Error("BUSYGROUP Consumer Group name already exists"))
        _own(ctx, key).groups[name] = Group(at)
        ctx.touched(key)
        return OK
    if verb == "destroy":
        assert stream is not None
        gone = int(name in stream.groups)
        if gone:
            del _own(ctx, key).groups[name]
            ctx.touched(key)
        return gone
    _group(stream, name, key, f"NOGROUP No such consumer group '{name}' for key name '{key}'")
    group = _own(ctx, key).groups[name]
    answer: Value = OK
    if verb == "setid":
        group.last, group.read = _start(stream, argv[4]), None
    elif verb == "createconsumer":
        answer = int(argv[4] not in group.consumers)
        group.consumers.setdefault(argv[4], ctx.now_s)
    else:
        mine = [at for at, pending in group.pending.items() if pending.consumer == argv[4]]
        for at in mine:
            del group.pending[at]
        group.consumers.pop(argv[4], None)
        answer = len(mine)
    ctx.touched(key)
    return answer


def _start(stream: Stream | None, word: str) -> Id:
    if word == "$":
        return (0, 0) if stream is None else stream.last
    return stream_id(word, 0) if word != "-" else (0, 0)


@command("xreadgroup", -7, "w", 0, 0, 0)
def xreadgroup(ctx: Context, argv: list[str]) -> Value:
    upper = [word.upper() for word in argv]
    if upper[1] != "GROUP" or "STREAMS" not in upper:
        raise CommandError(SYNTAX)
    place = upper.index("STREAMS")
    words, half = argv[place + 1 :], len(argv[place + 1 :]) // 2
    if not words or len(words) % 2:
        raise CommandError(UNBALANCED)
    options = upper[4:place]
    count = integer(argv[4 + options.index("COUNT") + 1]) if "COUNT" in options else 1 << 30
    found: list[Value] = []
    for key, word in zip(words[:half], words[half:], strict=True):
        where = f"NOGROUP No such key '{key}' or consumer group '{argv[2]}' in XREADGROUP with GROUP option"
        _group(_stream(ctx, key), argv[2], key, where)
        if word == "$":
            raise CommandError(NO_DOLLAR)
        rows = _delivered(ctx, key, (argv[2], argv[3]), word, (count, "NOACK" in options))
        if rows or word != ">":
            found.append([key, rows])
    return found or None


def _delivered(ctx: Context, key: str, who: tuple[str, str], word: str, how: tuple[int, bool]) -> list[Value]:
    """New entries for a consumer, or its own that are still pending."""
    stream = _own(ctx, key)
    group = stream.groups[who[0]]
    group.consumers[who[1]] = ctx.now_s
    if word != ">":
        after = stream_id(word, 0)
        own = sorted(at for at, p in group.pending.items() if p.consumer == who[1] and at > after)[: how[0]]
        held = {(entry[0], entry[1]): entry for entry in stream.entries}
        return [rows_of([held[at]])[0] if at in held else [_text(at), None] for at in own]
    fresh = [entry for entry in stream.entries if (entry[0], entry[1]) > group.last][: how[0]]
    for entry in fresh:
        at = (entry[0], entry[1])
        group.last = at
        if not how[1]:
            group.pending[at] = Pending(who[1], ctx.now_s, 1)
    if fresh:
        group.read = stream.added if group.last == stream.last else (group.read or 0) + len(fresh)
        ctx.touched(key)
    return rows_of(fresh)


@command("xack", -4, "wf")
def xack(ctx: Context, argv: list[str]) -> Value:
    ids = [stream_id(word, 0) for word in argv[3:]]
    stream = _stream(ctx, argv[1])
    if stream is None or argv[2] not in stream.groups:
        return 0
    pending = _own(ctx, argv[1]).groups[argv[2]].pending
    gone = sum(pending.pop(at, None) is not None for at in ids)
    if gone:
        ctx.touched(argv[1])
    return gone


@command("xpending", -3)
def xpending(ctx: Context, argv: list[str]) -> Value:
    words, least_ms = argv[3:], 0
    if words[:1] and words[0].upper() == "IDLE" and len(words) > 1:
        least_ms, words = integer(words[1]), words[2:]
    if words and len(words) not in (3, 4):
        raise CommandError(SYNTAX)
    count = integer(words[2]) if words else 0
    group = _group(_stream(ctx, argv[1]), argv[2], argv[1])
    held = sorted(group.pending.items())
    if not words:
        if not held:
            return [0, None, None, None]
        names = sorted({pending.consumer for _, pending in held})
        by_name = [[name, str(sum(pending.consumer == name for _, pending in held))] for name in names]
        return [len(held), _text(held[0][0]), _text(held[-1][0]), by_name]
    low = (0, 0) if words[0] == "-" else stream_id(words[0].removeprefix("("), 0)
    high = TOP if words[1] == "+" else stream_id(words[1].removeprefix("("), TOP[1])
    rows: list[Value] = []
    for at, pending in held:
        idle = _idle_ms(ctx, pending)
        if low <= at <= high and idle >= least_ms and (len(words) < 4 or pending.consumer == words[3]):
            rows.append([_text(at), pending.consumer, idle, pending.times])
    return rows[: max(0, count)]


def _idle_ms(ctx: Context, pending: Pending) -> int:
    return max(0, round((ctx.now_s - pending.delivered_s) * 1000))


@command("xclaim", -6, "wf")
def xclaim(ctx: Context, argv: list[str]) -> Value:
    group = _group(_stream(ctx, argv[1]), argv[2], argv[1])
    least_ms = integer(argv[4], Error("ERR Invalid min-idle-time argument for XCLAIM"))
    words = argv[5:]
    ids = []
    while words and words[0][:1].isdigit():
        ids.append(stream_id(words.pop(0), 0))
    wanted = [at for at in ids if at in group.pending and _idle_ms(ctx, group.pending[at]) >= least_ms]
    rows, _ = _claimed(ctx, argv, wanted, "JUSTID" in [word.upper() for word in words])
    return rows


def _claimed(ctx: Context, argv: list[str], wanted: list[Id], bare: bool) -> tuple[list[Value], list[Value]]:
    """What changes hands: (rows, ids of entries that are no longer in the stream)."""
    if not wanted:
        return [], []
    stream = _own(ctx, argv[1])
    group = stream.groups[argv[2]]
    held = {(entry[0], entry[1]): entry for entry in stream.entries}
    group.consumers[argv[3]] = ctx.now_s
    rows: list[Value] = []
    lost: list[Value] = []
    for at in wanted:
        old = group.pending.pop(at)
        if at not in held:
            lost.append(_text(at))
            continue
        group.pending[at] = Pending(argv[3], ctx.now_s, old.times + (not bare))
        rows.append(_text(at) if bare else rows_of([held[at]])[0])
    ctx.touched(argv[1])
    return rows, lost


@command("xautoclaim", -6, "wf")
def xautoclaim(ctx: Context, argv: list[str]) -> Value:
    least_ms = integer(argv[4], Error("ERR Invalid min-idle-time argument for XAUTOCLAIM"))
    start = (0, 0) if argv[5] == "-" else stream_id(argv[5].removeprefix("("), 0)
    upper = [word.upper() for word in argv[6:]]
    count = integer(argv[6 + upper.index("COUNT") + 1]) if "COUNT" in upper[:-1] else 100
    if count < 1:
        raise CommandError(Error("ERR COUNT must be > 0"))
    group = _group(_stream(ctx, argv[1]), argv[2], argv[1])
    old = [at for at in sorted(group.pending) if at >= start and _idle_ms(ctx, group.pending[at]) >= least_ms]
    rows, lost = _claimed(ctx, argv, old[:count], "JUSTID" in upper)
    return [_text(old[count]) if len(old) > count else "0-0", rows, lost]


@command("xsetid", -3, "wmf")
def xsetid(ctx: Context, argv: list[str]) -> Value:
    at = stream_id(argv[2], 0)
    stream = _stream(ctx, argv[1])
    if stream is None:
        raise CommandError(NO_KEY)
    if stream.entries and at < (stream.entries[-1][0], stream.entries[-1][1]):
        raise CommandError(SMALLER)
    _own(ctx, argv[1]).last = at
    ctx.touched(argv[1])
    return OK


@command("xinfo", -2, "", 2, 2)
def xinfo(ctx: Context, argv: list[str]) -> Value:
    stream = _stream(ctx, argv[2])
    if stream is None:
        raise CommandError(NO_KEY)
    verb = argv[1].lower()
    if verb == "groups":
        return [_about(stream, name) for name in sorted(stream.groups)]
    if verb == "consumers":
        no_group = f"NOGROUP No such consumer group '{argv[3]}' for key name '{argv[2]}'"
        group = _group(stream, argv[3], argv[2], no_group)
        return [
            ["name", name, "pending", sum(p.consumer == name for p in group.pending.values()), "idle",
             max(0, round((ctx.now_s - seen_s) * 1000))]
            for name, seen_s in sorted(group.consumers.items())
        ]  # fmt: skip
    ends = (
        [rows_of([e])[0] for e in (stream.entries[:1] + stream.entries[-1:])]
        if stream.entries
        else [None, None]
    )
    return [
        "length", len(stream.entries), "radix-tree-keys", 1, "radix-tree-nodes", 2, "last-generated-id",
        _text(stream.last), "max-deleted-entry-id", "0-0", "entries-added", stream.added,
        "recorded-first-entry-id", ends[0][0] if ends[0] else "0-0", "groups", len(stream.groups), "first-entry",
        ends[0], "last-entry", ends[1],
    ]  # fmt: skip


def _about(stream: Stream, name: str) -> list[Value]:
    group = stream.groups[name]
    behind = sum((entry[0], entry[1]) > group.last for entry in stream.entries)
    return [
        "name", name, "consumers", len(group.consumers), "pending", len(group.pending), "last-delivered-id",
        _text(group.last), "entries-read", group.read, "lag", behind,
    ]  # fmt: skip
