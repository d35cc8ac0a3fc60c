"""Strings as bits: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP, BITFIELD."""

from __future__ import annotations

from simulator.redis.context import Context, command, integer
from simulator.redis.keyspace import CommandError, Entry
from simulator.redis.replies import SYNTAX, Error, Value

BAD_OFFSET = Error("ERR bit offset is not an integer or out of range")
BAD_BIT = Error("ERR bit is not an integer or out of range")
BAD_TYPE = Error(
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
)
MOST_BITS = 8 << 20  # a megabyte: a player's own strings are small


def data_of(ctx: Context, key: str) -> bytes:
    """A string's bytes, b"" for none. Raises CommandError for another type."""
    found = ctx.typed(key, "string")
    return b"" if found is None else str(found.data).encode("utf-8", "surrogateescape")


def keep(ctx: Context, key: str, data: bytes) -> None:
    """Write a string's bytes back; its expiry stays."""
    old = ctx.find(key)
    text = data.decode("utf-8", "surrogateescape")
    ctx.space.put(ctx.db, key, Entry("string", text, None if old is None else old.expires_s))


def _offset(text: str) -> int:
    value = integer(text, BAD_OFFSET)
    if not 0 <= value < 1 << 32:
        raise CommandError(BAD_OFFSET)
    if value >= MOST_BITS:
        raise CommandError(Error("ERR the simulator keeps strings of at most a megabyte"))
    return value


def _bit(data: bytes | bytearray, at: int) -> int:
    return data[at >> 3] >> (7 - (at & 7)) & 1 if at >> 3 < len(data) else 0


def _put(data: bytearray, at: int, bit: int) -> None:
    if at >> 3 >= len(data):
        data.extend(bytes((at >> 3) + 1 - len(data)))
    mask = 1 << (7 - (at & 7))
    data[at >> 3] = data[at >> 3] | mask if bit else data[at >> 3] & ~mask


@command("setbit", 4, "wm")
def setbit(ctx: Context, argv: list[str]) -> Value:
    at = _offset(argv[2])
    if argv[3] not in ("0", "1"):
        raise CommandError(BAD_BIT)
    data = bytearray(data_of(ctx, argv[1]))
    before = _bit(data, at)
    _put(data, at, int(argv[3]))
    keep(ctx, argv[1], bytes(data))
    return before


@command("getbit", 3, "f")
def getbit(ctx: Context, argv: list[str]) -> Value:
    at = integer(argv[2], BAD_OFFSET)
    if not 0 <= at < 1 << 32:
        raise CommandError(BAD_OFFSET)
    return _bit(data_of(ctx, argv[1]), at)


def _span(words: list[str], size: int) -> tuple[int, int]:
    """First and last bit of `start end [BYTE|BIT]`; the last is before the first for nothing."""
    unit = words[2].upper() if len(words) > 2 else "BYTE"
    if unit not in ("BYTE", "BIT") or len(words) > 3:
        raise CommandError(SYNTAX)
    each = 8 if unit == "BYTE" else 1
    total = size * 8 // each
    start, end = (integer(word) for word in words[:2])
    start = max(0, start + total) if start < 0 else start
    end = max(0, end + total) if end < 0 else end
    return start * each, min(end, total - 1) * each + each - 1


@command("bitcount", -2)
def bitcount(ctx: Context, argv: list[str]) -> Value:
    words = argv[2:]
    if len(words) == 1:
        raise CommandError(SYNTAX)
    data = data_of(ctx, argv[1])
    first, last = _span(words, len(data)) if words else (0, len(data) * 8 - 1)
    whole = int.from_bytes(data, "big")
    kept = whole >> (len(data) * 8 - 1 - last) if data and last >= first else 0
    return (kept & ((1 << max(0, last - first + 1)) - 1)).bit_count()


@command("bitpos", -3)
def bitpos(ctx: Context, argv: list[str]) -> Value:
    if integer(argv[2]) not in (0, 1):
        raise CommandError(Error("ERR The bit argument must be 1 or 0."))
    data, words = data_of(ctx, argv[1]), argv[3:]
    if not data:
        return 0 if argv[2] == "0" and ctx.find(argv[1]) is None else -1
    given = [*words[:1], *(words[1:] or ["-1"])] if words else []
    first, last = _span(given, len(data)) if given else (0, len(data) * 8 - 1)
    plain = 0 if argv[2] == "1" else 255  # bytes without such a bit
    at = first
    while at <= last:
        if at % 8 == 0 and data[at >> 3] == plain:
            at += 8
        elif _bit(data, at) == int(argv[2]):
            return at
        else:
            at += 1
    return len(data) * 8 if argv[2] == "0" and len(words) < 2 and first <= last else -1


@command("bitop", -4, "wm", 2, -1)
def bitop(ctx: Context, argv: list[str]) -> Value:
    name, target, keys = argv[1].upper(), argv[2], argv[3:]
    if name not in ("AND", "OR", "XOR", "NOT"):
        raise CommandError(SYNTAX)
    if name == "NOT" and len(keys) > 1:
        raise CommandError(Error("ERR BITOP NOT must be called with a single source key."))
    values = [data_of(ctx, key) for key in keys]
    size = max(len(value) for value in values)
    numbers = [int.from_bytes(value.ljust(size, b"\0"), "big") for value in values]
    found = numbers[0] ^ ((1 << size * 8) - 1) if name == "NOT" else numbers[0]
    for number in numbers[1:]:
        found = found & number if name == "AND" else found | number if name == "OR" else found ^ number
    if size:
        keep(ctx, target, found.to_bytes(size, "big"))
    else:
        ctx.drop(target)
    return size


@command("bitfield", -2, "wm")
@command("bitfield_ro", -2)
def bitfield(ctx: Context, argv: list[str]) -> Value:
    data = bytearray(data_of(ctx, argv[1]))
    words, overflow, changed = argv[2:2_000], "WRAP", False
    found: list[int | None] = []
    while words:
        verb = words[0].upper()
        if verb == "OVERFLOW" and len(words) > 1:
            overflow, words = words[1].upper(), words[2:]
            if overflow not in ("WRAP", "SAT", "FAIL"):
                raise CommandError(Error("ERR Invalid OVERFLOW type specified"))
            continue
        takes = {"GET": 3, "SET": 4, "INCRBY": 4}.get(verb, 99)
        if len(words) < takes:
            raise CommandError(SYNTAX)
        if argv[0].lower() == "bitfield_ro" and verb != "GET":
            raise CommandError(Error("ERR BITFIELD_RO only supports the GET subcommand"))
        signed, size = _type(words[1])
        at = _offset(words[2].removeprefix("#")) * (size if words[2].startswith("#") else 1)
        old = _field(data, at, size, signed)
        if verb == "GET":
            found.append(old)
        else:
            new = _fitted(
                old + integer(words[3]) if verb == "INCRBY" else integer(words[3]), signed, size, overflow
            )
            found.append(None if new is None else new if verb == "INCRBY" else old)
            if new is not None:
                changed = True
                for n in range(size):
                    _put(data, at + n, new >> (size - 1 - n) & 1)
        words = words[takes:]
    if changed:
        keep(ctx, argv[1], bytes(data))
    return found


def _type(text: str) -> tuple[bool, int]:
    size = int(text[1:]) if text[1:].isdigit() and len(text) < 4 else 0
    if text[:1] not in ("i", "u") or not 1 <= size <= (64 if text[0] == "i" else 63):
        raise CommandError(BAD_TYPE)
    return text[0] == "i", size


def _field(data: bytes | bytearray, at: int, size: int, signed: bool) -> int:
    value = 0
    for n in range(size):
        value = value << 1 | _bit(data, at + n)
    return value - (1 << size) if signed and value >> (size - 1) else value


def _fitted(value: int, signed: bool, size: int, overflow: str) -> int | None:
    low, high = (-(1 << (size - 1)), (1 << (size - 1)) - 1) if signed else (0, (1 << size) - 1)
    if low <= value <= high:
        return value
    if overflow == "FAIL":
        return None
    if overflow == "SAT":
        return low if value < low else high
    value &= (1 << size) - 1
    return value - (1 << size) if signed and value >> (size - 1) else value


# -- the longest common subsequence


@command("lcs", -3, "", 1, 2)
def lcs(ctx: Context, argv: list[str]) -> Value:
    words = [word.upper() for word in argv[3:]]
    shows_length, shows_index, with_length = "LEN" in words, "IDX" in words, "WITHMATCHLEN" in words
    least = integer(argv[3 + words.index("MINMATCHLEN") + 1]) if "MINMATCHLEN" in words[:-1] else 0
    if shows_length and shows_index:
        raise CommandError(Error("ERR If you want both the length and indexes, please just use IDX."))
    for key in argv[1:3]:
        found = ctx.find(key)
        if found is not None and found.kind != "string":
            raise CommandError(Error("ERR The specified keys must contain string values"))
    a, b = data_of(ctx, argv[1]), data_of(ctx, argv[2])
    if len(a) * len(b) > 1_000_000:
        raise CommandError(
            Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
        )
    ctx.cost_us += len(a) * len(b) * 0.002
    text, ranges = _common(a, b)
    if shows_length:
        return len(text)
    if not shows_index:
        return text.decode("utf-8", "surrogateescape")
    rows = [
        [[i, i + n - 1], [j, j + n - 1], *([n] if with_length else [])]
        for i, j, n in ranges
        if n >= max(least, 1)
    ]
    return ["matches", rows, "len", len(text)]


def _common(a: bytes, b: bytes) -> tuple[bytes, list[tuple[int, int, int]]]:
    """The subsequence, and where it runs along both: (start in a, start in b, length), from the end."""
    sizes = [[0] * (len(b) + 1)]
    for x in a:
        row = [0]
        for j, y in enumerate(b):
            row.append(sizes[-1][j] + 1 if x == y else max(sizes[-1][j + 1], row[-1]))
        sizes.append(row)
    i, j, text, ranges = len(a), len(b), bytearray(), list[tuple[int, int, int]]()
    while i and j:
        if a[i - 1] == b[j - 1]:
            text.append(a[i - 1])
            i, j = i - 1, j - 1
            if ranges and (ranges[-1][0], ranges[-1][1]) == (i + 1, j + 1):
                ranges[-1] = (i, j, ranges[-1][2] + 1)
            else:
                ranges.append((i, j, 1))
        elif sizes[i - 1][j] > sizes[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return bytes(text[::-1]), ranges
