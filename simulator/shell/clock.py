"""Simulated times as text: strftime with an allow-list, so that no locale of the machine shows."""

from __future__ import annotations

from datetime import datetime

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_COMPOUND = {
    "F": "%Y-%m-%d",
    "T": "%H:%M:%S",
    "R": "%H:%M",
    "D": "%m/%d/%y",
    "c": "%a %b %e %H:%M:%S %Y",
    "x": "%m/%d/%y",
    "X": "%H:%M:%S",
    "r": "%I:%M:%S %p",
}


def strftime(moment: datetime, form: str) -> str:
    """C's strftime in the C locale, for a UTC moment. Unknown letters stay as they are."""
    out: list[str] = []
    at = 0
    while at < len(form):
        char = form[at]
        at += 1
        if char != "%" or at >= len(form):
            out.append(char)
            continue
        letter = form[at]
        at += 1
        if letter in "-_" and at < len(form):
            padded, letter = letter, form[at]
            at += 1
            out.append(
                _field(moment, letter).lstrip("0 ") or "0" if padded == "-" else _field(moment, letter)
            )
        elif letter in "36" and form[at : at + 1] == "N":
            out.append(f"{moment.microsecond:06d}"[: int(letter)])
            at += 1
        else:
            out.append(_field(moment, letter))
    return "".join(out)


def _field(moment: datetime, letter: str) -> str:
    if letter in _COMPOUND:
        return strftime(moment, _COMPOUND[letter])
    day = moment.weekday()
    fields = {
        "Y": f"{moment.year:04d}",
        "y": f"{moment.year % 100:02d}",
        "m": f"{moment.month:02d}",
        "d": f"{moment.day:02d}",
        "e": f"{moment.day:2d}",
        "H": f"{moment.hour:02d}",
        "I": f"{(moment.hour + 11) % 12 + 1:02d}",
        "M": f"{moment.minute:02d}",
        "S": f"{moment.second:02d}",
        "N": f"{moment.microsecond * 1000:09d}",
        "p": "AM" if moment.hour < 12 else "PM",
        "a": _DAYS[day][:3],
        "A": _DAYS[day],
        "b": _MONTHS[moment.month - 1][:3],
        "h": _MONTHS[moment.month - 1][:3],
        "B": _MONTHS[moment.month - 1],
        "j": f"{moment.timetuple().tm_yday:03d}",
        "u": str(day + 1),
        "w": str((day + 1) % 7),
        "s": str(int(moment.timestamp())),
        "Z": "UTC",
        "z": "+0000",
        "n": "\n",
        "t": "\t",
        "%": "%",
    }
    return fields.get(letter, "%" + letter)
