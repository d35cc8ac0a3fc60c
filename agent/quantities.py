"""Numbers with units as engineers write them: "50 → 5000", "300 мс вместо 30 с", "1 → 10 → 50 %".

Finds and normalises them; what a number is a number of, the caller decides.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal, cast

from agent.number_words import spelled
from agent.text import Normalised, normalise

Unit = Literal["count", "duration", "share", "rate", "size"]

_NUMBER = r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?![\d.,]\d)|\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:[.,]\d+)?"
_FLOW = (
    r"(?:(?P<flow_k>k|к|тыс\w*\.?|thousand)\s?|(?P<flow_m>млн|million)\s?)?"
    r"(?:(?:запрос|заказ|плат[её]ж|сообщен|обращен|операц|запис|вставк|вставок|чтени)\w*\s?|(?:requests?|orders?|payments?|calls?|messages?|writes?|reads?|inserts?|ops)\s?)?"
    r"(?:rps|qps|tps|/с(?:ек)?|/s(?:ec)?|в секунду|per second|a second)"
)
_UNIT = (
    rf"(?P<rate>{_FLOW})|"
    r"(?P<ms>мс|миллисек\w*|ms|msec|millis\w*)|(?P<min>минут\w*|мин|minutes?|mins?|m(?=\b))"
    r"|(?P<h>час(?:а|ов)?|ч|hours?|hrs?|h)"
    r"|(?P<mb>мб|mb|mib)|(?P<gb>гб|гиг\w*|gb|gib|g)|(?P<tb>тб|терабайт\w*|tb|tib)"
    r"|(?P<day>дн(?:я|ей)|день|недел\w*|месяц\w*|days?|weeks?|months?|d|w)"
    r"|(?P<s>секунд\w*|сек|с|seconds?|secs?|s)|(?P<pct>%|процент\w*|percent|pct|pp)|(?P<x>[xх](?=\b))"
    r"|(?P<thousand>k|к|тыс\w*|thousand)|(?P<million>млн|m(?=illion)|million|миллион\w*)"
)
# The letters of a unit must not run on into a word: "5 s" is seconds, "5 statements" is a count.
_QUANTITY = re.compile(
    rf"(?<![\w.,:])(?P<number>{_NUMBER})(?!\d|:\d|\.\d)(?:[\s-]?(?:{_UNIT})(?!\w))?", re.IGNORECASE
)
_SCALE_S = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "day": 86400.0}
_SCALE_GB = {"mb": 0.001, "gb": 1.0, "tb": 1000.0}
_UNIT_BEFORE = re.compile(r"(?:^|\s)(минут\w*|секунд\w*)\s$")  # "минут 10": about ten minutes
_ARROW = re.compile(r"\s*(?:→|—>|–>|->|=>|⇒|>>)\s*$")
_UP_TO = re.compile(r"\s*(?:до|to|на)\s*$")
_JOINT = re.compile(r"\s*(?:и\s|and\s)?\s*", re.IGNORECASE)
_FROM = re.compile(r"(?:^|\s)(?:с|со|от|from)\s*$")
_RANGE = re.compile(r"\s*(?:-|–|—|/|\.\.\.?|…)\s*$")
# "300 ms instead of the default 30 s", "target 2 min, now 8": the second number is how it is today.
_OLD = re.compile(
    r"(?:вместо|instead of|rather than|а не|, not|сейчас|щас|теперь|now|was|were|было|был|раньше|сегодня|"
    r"today|(?:хватит|довольно|перестать|нечего) ждать|stop waiting|дефолтн\w*|default|по умолчанию)\s*(?:\w+\s){0,3}$",
    re.IGNORECASE,
)
# "12 Jun" is a date.
_MONTH = re.compile(
    r"\s?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|янв|фев|март|апр|ма[йя]|июн|июл|авг|сент|окт|нояб|дек)",
    re.IGNORECASE,
)
_STATUS_CODES = {429.0, 502.0, 503.0, 504.0}
_WORDS = re.compile(
    r"(?P<sec_quarter>четверт\w* секунды|quarter (?:of a |)second)|(?P<sec_half>полсекунды|half a second)"
    r"|(?P<min_half>полминуты|half a minute)|(?P<ms_200>пар\w* сотен (?:мс|миллисекунд))"
    r"|(?P<hour_half>полчаса|half an hour)|(?P<min_more>полторы минуты|a minute and a half)|(?P<third>треть|a third)"
    r"|(?P<n1>once)|(?P<n2>twice)|(?P<n100>сотн(?:ей|ю|я))",
    re.IGNORECASE,
)
_WORD_VALUES: dict[str, tuple[float, Unit]] = {
    "sec_quarter": (0.25, "duration"),
    "sec_half": (0.5, "duration"),
    "min_half": (30.0, "duration"),
    "ms_200": (0.2, "duration"),
}
_WORD_VALUES.update(
    {"hour_half": (1800.0, "duration"), "min_more": (90.0, "duration"), "third": (1 / 3, "share")}
)
_WORD_VALUES.update({f"n{n}": (float(n), "count") for n in (1, 2, 100)})
_AFTER = re.compile(
    r"[\s-]+(?:(?P<min>минут\w*|minutes?)|(?P<s>секунд\w*|seconds?)|(?P<h>час(?:а|ов)?|hours?)"
    rf"|(?P<pct>процент\w*|percent|%)|(?P<rate>{_FLOW.replace('flow_', 'said_')}))(?!\w)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Quantity:
    """A number at original[start:end]; durations in seconds, shares as 0-1, rates a second, sizes in GB.

    `old`: the text says that this is how it was, not how it shall be. `chain` counts the members of the
    same progression ("1 → 10 → 50"), of which this is number `place`. `bare`: without any unit.
    """

    value: float
    unit: Unit
    start: int
    end: int
    old: bool = False
    place: int = 0
    chain: int = 1
    bare: bool = False
    scale: float = 1.0  # what the written number was multiplied with


def quantities(text: str) -> list[Quantity]:
    """All quantities in order of appearance."""
    norm = normalise(text)
    found = [
        _read(norm, match)
        for match in _QUANTITY.finditer(norm.text)
        if not _MONTH.match(norm.text, match.end("number"))
    ]
    found = [q for q in found if not (q.bare and q.value in _STATUS_CODES)]
    found += [q for q in _spelled(norm) if not any(q.start < o.end and o.start < q.end for o in found)]
    return _chained(norm, text, _joined(text, sorted(found, key=lambda q: q.start)))


def _joined(text: str, found: list[Quantity]) -> list[Quantity]:
    """ "1 min 45 s" is one span of time."""
    out: list[Quantity] = []
    for quantity in found:
        left = out[-1] if out else None
        if (
            left is not None
            and left.unit == quantity.unit == "duration"
            and left.scale > quantity.scale >= 1.0
            and _JOINT.fullmatch(text[left.end : quantity.start])
        ):
            value = round(left.value + quantity.value, 9)
            out[-1] = replace(left, value=value, end=quantity.end, scale=quantity.scale)
        else:
            out.append(quantity)
    return out


def _read(norm: Normalised, match: re.Match[str]) -> Quantity:
    scale, unit = 1.0, cast(Unit, "count")
    name = next(
        (n for n in (*_SCALE_S, *_SCALE_GB, "pct", "rate", "x", "thousand", "million") if match.group(n)), ""
    )
    before = norm.text[max(0, match.start() - 40) : match.start()]
    if name in _SCALE_S:
        scale, unit = _SCALE_S[name], "duration"
    elif name in _SCALE_GB:
        scale, unit = _SCALE_GB[name], "size"
    elif name == "pct":
        scale, unit = 0.01, "share"
    elif name == "rate":
        unit = "rate"
        scale = 1e3 if match.group("flow_k") else 1e6 if match.group("flow_m") else 1.0
    elif name in ("thousand", "million"):
        scale = 1e3 if name == "thousand" else 1e6
    elif inverted := _UNIT_BEFORE.search(before):
        name, unit = "inverted", "duration"
        scale = 60.0 if inverted.group(1).startswith("мин") else 1.0
    span = norm.span(match.start("number"), match.end())
    value = round(_value(match.group("number")) * scale, 9)
    old = bool(_OLD.search(before))
    return Quantity(value, unit, span.start, span.end, old, bare=not name, scale=scale)


def _value(digits: str) -> float:
    plain = re.sub(r"[\s\u00a0\u202f]", "", digits)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+", plain):
        return float(plain.replace(",", ""))
    return float(plain.replace(",", "."))


def _spelled(norm: Normalised) -> list[Quantity]:
    """Numbers in words, with the unit behind them."""
    found = []
    for match in re.finditer(rf"(?<!\w)(?:{_WORDS.pattern})(?!\w)", norm.text, re.IGNORECASE):
        value, unit = _WORD_VALUES[str(match.lastgroup)]
        span = norm.span(match.start(), match.end())
        found.append(Quantity(value, unit, span.start, span.end, bare=unit == "count"))
    for number in spelled(norm.text):
        value, unit, end = float(number.value), cast(Unit, "count"), number.end
        after = _AFTER.match(norm.text, end)
        if after:
            end = after.end()
            kind = next(n for n in ("min", "s", "h", "pct", "rate") if after.group(n))
            unit = {"pct": cast(Unit, "share"), "rate": cast(Unit, "rate")}.get(kind, cast(Unit, "duration"))
            value *= {"min": 60.0, "h": 3600.0, "pct": 0.01}.get(kind, 1.0)
        span = norm.span(number.start, end)
        if not any(q.start < span.end and span.start < q.end for q in found):
            found.append(Quantity(round(value, 9), unit, span.start, span.end, bare=unit == "count"))
    return found


def _chained(norm: Normalised, text: str, found: list[Quantity]) -> list[Quantity]:
    """Members of a progression get its length, and units written only once reach all of them."""
    out: list[Quantity] = []
    group: list[Quantity] = []
    for quantity in found:
        if group and not _linked(text, group[-1], quantity):
            out += _settled(group)
            group = []
        group.append(quantity)
    return out + _settled(group)


def _linked(text: str, left: Quantity, right: Quantity) -> bool:
    between = text[left.end : right.start]
    if len(between) > 12 or not (left.bare or right.bare or left.unit == right.unit):
        return False
    before = text[max(0, left.start - 6) : left.start]
    if _ARROW.fullmatch(between) or _RANGE.fullmatch(between):
        return True
    return bool(
        _UP_TO.fullmatch(between) and (left.bare or left.unit == right.unit) and _FROM.search(before)
    ) or (between.strip() == "to" and left.bare)


def _settled(group: list[Quantity]) -> list[Quantity]:
    if len(group) < 2:
        return group
    last = group[-1]
    settled = []
    for place, quantity in enumerate(group):
        if quantity.bare and not last.bare:
            value = round(quantity.value * last.scale, 9)
            quantity = replace(quantity, value=value, unit=last.unit, bare=False, scale=last.scale)
        settled.append(replace(quantity, place=place, chain=len(group)))
    return settled
