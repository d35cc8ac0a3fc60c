"""HyperLogLog: 16,384 registers in a string, MurmurHash64A, and the estimator of Ertl that Redis uses."""

from __future__ import annotations

import math

from simulator.redis.context import Context, command
from simulator.redis.keyspace import CommandError, Entry
from simulator.redis.replies import OK, WRONG_TYPE, Error, Value

BITS = 14
REGISTERS = 1 << BITS
MAGIC = "HYLL"
MOST_KEYS = 256
MASK = (1 << 64) - 1
NOT_ONE = Error("WRONGTYPE Key is not a valid HyperLogLog string value.")


def murmur(data: bytes, seed: int = 0xADC83B19) -> int:
    """MurmurHash64A."""
    m = 0xC6A4A7935BD1E995
    h = seed ^ (len(data) * m & MASK)
    whole = len(data) - len(data) % 8
    for at in range(0, whole, 8):
        k = int.from_bytes(data[at : at + 8], "little") * m & MASK
        k = (k ^ k >> 47) * m & MASK
        h = (h ^ k) * m & MASK
    if len(data) > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & MASK
    h = (h ^ h >> 47) * m & MASK
    return h ^ h >> 47


def _place(member: str) -> tuple[int, int]:
    """(register, how long its run of zeros is)."""
    hashed = murmur(member.encode("utf-8", "surrogateescape"))
    rest = hashed >> BITS | 1 << (64 - BITS)
    return hashed & (REGISTERS - 1), (rest & -rest).bit_length()


def _registers(ctx: Context, key: str) -> bytearray | None:
    """Raises CommandError for what is none; None when the key is not there."""
    found = ctx.find(key)
    if found is None:
        return None
    if found.kind != "string":
        raise CommandError(WRONG_TYPE)
    if not str(found.data).startswith(MAGIC):
        raise CommandError(NOT_ONE)
    return bytearray(str(found.data)[len(MAGIC) :].encode("ascii"))


def _keep(ctx: Context, key: str, registers: bytearray) -> None:
    old = ctx.find(key)
    text = MAGIC + registers.decode("ascii")
    ctx.space.put(ctx.db, key, Entry("string", text, None if old is None else old.expires_s))


def estimate(registers: bytes | bytearray) -> int:
    """How many members there were, about."""
    counts = [0] * 64
    for value in registers:
        counts[value] += 1
    q, m = 64 - BITS, float(REGISTERS)
    z = m * _tau((m - counts[q + 1]) / m)
    for value in range(q, 0, -1):
        z = (z + counts[value]) * 0.5
    z += m * _sigma(counts[0] / m)
    return round(0.721347520444481703680 * m * m / z) if math.isfinite(z) else 0


def _sigma(x: float) -> float:
    if x == 1.0:
        return math.inf
    y, z, before = 1.0, x, -1.0
    while z != before:
        x *= x
        before = z
        z += x * y
        y += y
    return z


def _tau(x: float) -> float:
    if x in (0.0, 1.0):
        return 0.0
    y, z, before = 1.0, 1 - x, -1.0
    while z != before:
        x = math.sqrt(x)
        before = z
        y *= 0.5
        z -= (1 - x) ** 2 * y
    return z / 3


def _together(ctx: Context, keys: list[str]) -> bytearray:
    found = bytearray(REGISTERS)
    if len(keys) > MOST_KEYS:
        raise CommandError(Error(f"ERR the simulator joins at most {MOST_KEYS} HyperLogLogs at once"))
    for key in keys:
        own = _registers(ctx, key)
        if own is not None:
            found = bytearray(map(max, found, own))
    return found


@command("pfadd", -2, "wmf")
def pfadd(ctx: Context, argv: list[str]) -> Value:
    own = _registers(ctx, argv[1])
    registers = bytearray(REGISTERS) if own is None else own
    changed = own is None
    for member in argv[2:]:
        at, run = _place(member)
        if registers[at] < run:
            registers[at], changed = run, True
    if changed:
        _keep(ctx, argv[1], registers)
    return int(changed)


@command("pfcount", -2, "", 1, -1)
def pfcount(ctx: Context, argv: list[str]) -> Value:
    return estimate(_together(ctx, argv[1:]))


@command("pfmerge", -2, "wm", 1, -1)
def pfmerge(ctx: Context, argv: list[str]) -> Value:
    _keep(ctx, argv[1], _together(ctx, argv[1:]))
    return OK
