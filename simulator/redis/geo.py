"""Places in a sorted set: a score is 52 bits of longitude and latitude in turn."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulator.redis.context import TABLE, Context, command, integer, real
from simulator.redis.keyspace import CommandError
from simulator.redis.replies import SYNTAX, Error, Value

LAT, LON = 85.05112878, 180.0
STEPS = 26
RADIUS_M = 6_372_797.560856
UNITS = {"m": 1.0, "km": 1000.0, "ft": 0.3048, "mi": 1609.34}
BAD_UNIT = Error("ERR unsupported unit provided. please use M, KM, FT, MI")
NO_MEMBER = Error("ERR could not decode requested zset member")
ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"


def encode(lon: float, lat: float, lat_most: float = LAT) -> int:
    """The score of a place."""
    x = int((lon + LON) / (2 * LON) * (1 << STEPS))
    y = int((lat + lat_most) / (2 * lat_most) * (1 << STEPS))
    score = 0
    for n in range(STEPS):
        score |= (y >> n & 1) << (2 * n) | (x >> n & 1) << (2 * n + 1)
    return score


def decode(score: float) -> tuple[float, float]:
    """The middle of a score's cell: longitude, latitude."""
    bits, x, y = int(score), 0, 0
    for n in range(STEPS):
        y |= (bits >> (2 * n) & 1) << n
        x |= (bits >> (2 * n + 1) & 1) << n
    unit = 1 << STEPS
    lons = [-LON + (x + k) / unit * 2 * LON for k in (0, 1)]
    lats = [-LAT + (y + k) / unit * 2 * LAT for k in (0, 1)]
    lon, lat = (lons[0] + lons[1]) / 2, (lats[0] + lats[1]) / 2
    return max(-LON, min(LON, lon)), max(-LAT, min(LAT, lat))


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Haversine, as Redis has it."""
    lon1, lat1, lon2, lat2 = (math.radians(v) for v in (*a, *b))
    v = math.sin((lon2 - lon1) / 2)
    u = math.sin((lat2 - lat1) / 2)
    if v == 0.0:
        return RADIUS_M * abs(lat2 - lat1)
    return 2.0 * RADIUS_M * math.asin(math.sqrt(u * u + math.cos(lat1) * math.cos(lat2) * v * v))


def _unit(text: str) -> float:
    if text.lower() not in UNITS:
        raise CommandError(BAD_UNIT)
    return UNITS[text.lower()]


def _place(lon_text: str, lat_text: str) -> tuple[float, float]:
    lon, lat = real(lon_text), real(lat_text)
    if not (-LON <= lon <= LON and -LAT <= lat <= LAT):
        raise CommandError(Error(f"ERR invalid longitude,latitude pair {lon:f},{lat:f}"))
    return lon, lat


def _scores(ctx: Context, key: str) -> dict[str, float]:
    found = ctx.typed(key, "zset")
    return {} if found is None else found.data


@command("geoadd", -5, "wm")
def geoadd(ctx: Context, argv: list[str]) -> Value:
    words, flags = argv[2:], list[str]()
    while words and words[0].upper() in ("NX", "XX", "CH"):
        flags.append(words.pop(0).upper())
    if len(words) % 3 or not words or {"NX", "XX"} <= set(flags):
        raise CommandError(SYNTAX)
    pairs: list[str] = []
    for n in range(0, len(words), 3):
        pairs += [str(encode(*_place(words[n], words[n + 1]))), words[n + 2]]
    return TABLE["zadd"].run(ctx, ["zadd", argv[1], *flags, *pairs])


@command("geopos", -2)
def geopos(ctx: Context, argv: list[str]) -> Value:
    held = _scores(ctx, argv[1])
    return [[_shown(v) for v in decode(held[m])] if m in held else None for m in argv[2:]]


def _shown(value: float) -> str:
    text = f"{value:.17f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@command("geodist", -4)
def geodist(ctx: Context, argv: list[str]) -> Value:
    if len(argv) > 5:
        raise CommandError(SYNTAX)
    unit = _unit(argv[4]) if len(argv) == 5 else 1.0
    held = _scores(ctx, argv[1])
    if argv[2] not in held or argv[3] not in held:
        return None
    return f"{distance_m(decode(held[argv[2]]), decode(held[argv[3]])) / unit:.4f}"


@command("geohash", -2)
def geohash(ctx: Context, argv: list[str]) -> Value:
    """The common geohash: latitudes from -90 to 90, eleven letters."""
    held = _scores(ctx, argv[1])
    found: list[Value] = []
    for member in argv[2:]:
        if member not in held:
            found.append(None)
            continue
        bits = encode(*decode(held[member]), lat_most=90.0)
        letters = [0 if n == 10 else bits >> (52 - (n + 1) * 5) & 31 for n in range(11)]
        found.append("".join(ALPHABET[n] for n in letters))
    return found


@dataclass
class Search:
    """What GEOSEARCH and GEORADIUS ask for."""

    centre: tuple[float, float] | None = None
    radius: float = -1.0
    box: tuple[float, float] | None = None
    unit: float = 1.0
    order: str = ""
    count: int = 0
    shows: tuple[bool, bool, bool] = (False, False, False)  # distance, hash, coordinates


def _found(search: Search, held: dict[str, float]) -> list[tuple[float, str, float]]:
    """(distance in the unit, member, score) of what lies within."""
    rows: list[tuple[float, str, float]] = []
    centre = search.centre or (0.0, 0.0)
    for member, score in sorted(held.items(), key=lambda each: (each[1], each[0].encode())):
        place = decode(score)
        far = distance_m(centre, place)
        if search.box is not None:
            width, height = (side * search.unit / 2 for side in search.box)
            inside = distance_m((centre[0], place[1]), (place[0], place[1])) <= width
            inside = inside and distance_m((place[0], centre[1]), place) <= height
        else:
            inside = far <= search.radius * search.unit
        if inside:
            rows.append((far / search.unit, member, score))
    if search.order or search.count:
        rows.sort(key=lambda row: row[0], reverse=search.order == "DESC")
    return rows[: search.count] if search.count else rows


def _rows(search: Search, rows: list[tuple[float, str, float]]) -> list[Value]:
    if not any(search.shows):
        return [member for _, member, _ in rows]
    found: list[Value] = []
    for far, member, score in rows:
        row: list[Value] = [member]
        row += [f"{far:.4f}"] if search.shows[0] else []
        row += [int(score)] if search.shows[1] else []
        row += [[_shown(v) for v in decode(score)]] if search.shows[2] else []
        found.append(row)
    return found


def _read(held: dict[str, float], words: list[str], search: Search) -> Search:
    words = list(words)
    shows = list(search.shows)
    while words:
        word = words.pop(0).upper()
        if word == "FROMLONLAT" and len(words) > 1:
            search.centre = _place(words.pop(0), words.pop(0))
        elif word == "FROMMEMBER" and words:
            search.centre = _member(held, words.pop(0))
        elif word == "BYRADIUS" and len(words) > 1:
            search.radius, search.unit = _size(words.pop(0), "radius"), _unit(words.pop(0))
        elif word == "BYBOX" and len(words) > 2:
            search.box = (_size(words.pop(0), "width"), _size(words.pop(0), "height"))
            search.unit = _unit(words.pop(0))
        elif word in ("ASC", "DESC"):
            search.order = word
        elif word == "COUNT" and words:
            search.count = integer(words.pop(0))
            if search.count <= 0:
                raise CommandError(Error("ERR COUNT must be > 0"))
            words = words[1:] if words and words[0].upper() == "ANY" else words
        elif word in ("WITHDIST", "WITHHASH", "WITHCOORD"):
            shows[("WITHDIST", "WITHHASH", "WITHCOORD").index(word)] = True
        else:
            raise CommandError(SYNTAX)
    search.shows = (shows[0], shows[1], shows[2])
    return search


def _member(held: dict[str, float], name: str) -> tuple[float, float]:
    if name not in held:
        raise CommandError(NO_MEMBER)
    return decode(held[name])


def _size(text: str, what: str) -> float:
    value = real(text, Error(f"ERR need numeric {what}"))
    if value < 0:
        raise CommandError(Error(f"ERR {what} cannot be negative" if what == "radius" else "ERR height or width cannot be negative"))  # fmt: skip
    return value


def _searched(
    ctx: Context, key: str, words: list[str], name: str
) -> tuple[Search, list[tuple[float, str, float]]]:
    held = _scores(ctx, key)
    search = _read(held, words, Search())
    if search.centre is None:
        raise CommandError(Error(f"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}"))
    if (search.radius < 0) == (search.box is None):
        raise CommandError(Error(f"ERR exactly one of BYRADIUS and BYBOX can be specified for {name}"))
    return search, _found(search, held)


@command("geosearch", -7)
def geosearch(ctx: Context, argv: list[str]) -> Value:
    return _rows(*_searched(ctx, argv[1], argv[2:], "geosearch"))


@command("geosearchstore", -8, "wm", 1, 2)
def geosearchstore(ctx: Context, argv: list[str]) -> Value:
    by_distance = "STOREDIST" in [word.upper() for word in argv]
    words = [word for word in argv[3:] if word.upper() != "STOREDIST"]
    _, rows = _searched(ctx, argv[2], words, "geosearchstore")
    ctx.drop(argv[1])
    if rows:
        data = ctx.ready(argv[1], "zset").data
        data.update((member, far if by_distance else score) for far, member, score in rows)
        ctx.touched(argv[1])
    return len(rows)


@command("georadius", -6)
@command("georadius_ro", -6)
def georadius(ctx: Context, argv: list[str]) -> Value:
    centre, radius = _place(argv[2], argv[3]), _size(argv[4], "radius")
    held = _scores(ctx, argv[1])
    search = _read(held, argv[6:], Search(centre, radius, unit=_unit(argv[5])))
    return _rows(search, _found(search, held))


@command("georadiusbymember", -5)
@command("georadiusbymember_ro", -5)
def georadiusbymember(ctx: Context, argv: list[str]) -> Value:
    held = _scores(ctx, argv[1])
    if not held:
        return []
    search = Search(_member(held, argv[2]), _size(argv[3], "radius"), unit=_unit(argv[4]))
    return _rows(search, _found(_read(held, argv[5:], search), held))
