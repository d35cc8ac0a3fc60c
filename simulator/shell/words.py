"""Tools that print what they are told: echo, printf, seq, yes, basename, dirname, date, sleep, expr."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import re2

from simulator.reply import Reply
from simulator.scenario import Text
from simulator.shell.arithmetic import ArithmeticProblem, evaluate
from simulator.shell.clock import strftime
from simulator.shell.inputs import joined
from simulator.shell.numerals import FormatProblem, is_number, leading_number, sprintf
from simulator.shell.options import Grammar, ToolError, answers, parse
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

MAX_SEQUENCE = 200_000
MAX_TEXT_CHARS = 1_000_000
MAX_SLEEP_S = 60.0
_ESCAPE = re2.compile(r"\\(0?[0-7]{1,3}|x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|.)")
_SIMPLE = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "e": "\x1b",
    "\\": "\\",
    '"': '"',
    "'": "'",
}
_SHIFT = re2.compile(r"^([-+]?) ?([0-9]{1,6}) ?(sec|second|min|minute|hour|day|week)s?( ago)?$")
_UNITS_S = {"sec": 1, "second": 1, "min": 60, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


def _unescape(match: re2._Match) -> str:
    body = match.group(1)
    if body[0] in "01234567":
        return chr(int(body, 8) & 255)
    if body[0] in "xu" and len(body) > 1:
        code = int(body[1:], 16)
        return chr(code) if not 0xD800 <= code <= 0xDFFF else "\ufffd"
    return _SIMPLE.get(body, match.group())


def unescaped(text: str) -> str:
    """Backslash escapes as echo -e and printf read them; `\\c` ends the text."""
    head, stop, _ = text.partition("\\c")
    return _ESCAPE.sub(_unescape, head if stop else text)


def _echo(_world: World, argv: list[str], _stdin: str) -> Reply:
    words, newline, escapes = argv[1:], True, False
    while words and words[0].startswith("-") and len(words[0]) > 1 and all(c in "neE" for c in words[0][1:]):
        newline = newline and "n" not in words[0]
        escapes = words[0].rfind("e") > words[0].rfind("E") if "e" in words[0] or "E" in words[0] else escapes
        words = words[1:]
    text = " ".join(words)
    if escapes:
        newline = newline and "\\c" not in text
        text = unescaped(text)
    return Reply(out=text + ("\n" if newline else ""), cost_s=1.0)


@answers
def _printf(_world: World, argv: list[str], _stdin: str) -> Reply:
    words = argv[2:] if argv[1:2] == ["--"] else argv[1:]
    if not words:
        raise ToolError("bash: printf: usage: printf [-v var] format [arguments]", 2)
    bs_template = words[0].replace("%b", "%s")
    template, arguments = unescaped(bs_template), words[1:]
    if "%b" in words[0]:
        arguments = [unescaped(word) for word in arguments]
    out: list[str] = []
    size = 0
    complaints = [
        f"bash: printf: {word}: invalid number\n"
        for word in arguments[:20]
        if "%d" in template and "%s" not in template and not is_number(word) and not word.startswith("'")
    ]
    while True:
        try:
            text, taken = sprintf(template, list(arguments), _number, str)
        except FormatProblem as problem:
            letter = next((c for c in problem.conversion[1:] if c.isalpha()), problem.conversion[-1:].strip())
            raise ToolError(f"bash: printf: `{letter}': invalid format character", 1, "".join(out)) from None
        out.append(text)
        size += len(text)
        arguments = arguments[taken:]
        if not arguments or not taken or size > MAX_TEXT_CHARS:
            return Reply("".join(out), "".join(complaints), 1 if complaints else 0)


def _number(value: object) -> float:
    text = str(value)
    return float(ord(text[1])) if len(text) > 1 and text[0] in "'\"" else leading_number(text)


@answers
def _seq(_world: World, argv: list[str], _stdin: str) -> Reply:
    words, separator, pad = argv[1:], "\n", False
    while words and words[0][:2] in ("-w", "-s"):
        pad = pad or words[0] == "-w"
        if words[0] == "-s":
            separator, words = (words[1] if len(words) > 1 else ""), words[1:]
        elif words[0].startswith("-s"):
            separator = words[0][2:]
        words = words[1:]
    if not words:
        raise ToolError("seq: missing operand\nTry 'seq --help' for more information.")
    if len(words) > 3:
        raise ToolError(f"seq: extra operand ‘{words[3]}’\nTry 'seq --help' for more information.")
    for word in words:
        if not is_number(word):
            raise ToolError(
                f"seq: invalid floating point argument: ‘{word[:80]}’\nTry 'seq --help' for more information."
            )
    places = max(len(word.strip().partition(".")[2]) for word in words) if "e" not in "".join(words) else 0
    low, step, high = {1: ("1", "1", words[0]), 2: (words[0], "1", words[-1])}.get(len(words), tuple(words))
    numbers = _numbers(float(low), float(step), float(high), min(places, 15))
    width = max(map(len, numbers), default=0) if pad else 0
    text = separator.join(number.zfill(width) for number in numbers)
    return Reply(out=text + "\n" if numbers else "")


def _numbers(low: float, step: float, high: float, places: int) -> list[str]:
    if step == 0:
        raise ToolError("seq: invalid Zero increment value: ‘0’\nTry 'seq --help' for more information.")
    count = int(max(-1.0, min((high - low) / step + 1e-9, MAX_SEQUENCE))) + 1
    found, size = [], 0
    for index in range(count):
        text = f"{low + index * step:.{places}f}"
        size += len(text) + 1
        if size > MAX_TEXT_CHARS:
            break
        found.append(text)
    return found


@answers
def _date(world: World, argv: list[str], _stdin: str) -> Reply:
    parsed = parse(
        argv,
        Grammar(
            flags="uRI",
            values="dsfr",
            long={"utc": "u", "universal": "u", "date": "d", "rfc-email": "R", "iso-8601": "I", "set": "s"},
        ),
    )
    if parsed.has("s"):
        raise ToolError("date: cannot set date: Operation not permitted")
    moment = world.at(world.now_s)
    if parsed.has("d"):
        moment = _moment(world, parsed.last("d"))
    forms = [word for word in parsed.operands if word.startswith("+")]
    extra = [word for word in parsed.operands if not word.startswith("+")]
    if extra:
        raise ToolError(f"date: invalid date ‘{extra[0][:80]}’")
    form = forms[-1][1:] if forms else "%a %b %e %H:%M:%S UTC %Y"
    if parsed.has("R"):
        form = "%a, %d %b %Y %H:%M:%S %z"
    elif parsed.has("I"):
        form = "%Y-%m-%d"
    return Reply(out=strftime(moment, form) + "\n", cost_s=1.0)


def _moment(world: World, text: str) -> datetime:
    """`now`, `yesterday`, `-5 minutes`, `10 min ago`, `@seconds`, an ISO date."""
    now = world.at(world.now_s)
    words = {"now": 0, "today": 0, "yesterday": -86400, "tomorrow": 86400}
    if text.strip() in words:
        return now + timedelta(seconds=words[text.strip()])
    match = _SHIFT.match(text.strip())
    if match:
        sign = -1 if (match.group(1) == "-") != bool(match.group(4)) else 1
        return now + timedelta(seconds=sign * int(match.group(2)) * _UNITS_S[match.group(3)])
    if text.startswith("@") and text[1:].isascii() and text[1:].isdigit() and len(text) < 12:
        return datetime.fromtimestamp(int(text[1:]), now.tzinfo)
    try:
        moment = datetime.fromisoformat(text.strip().replace(" UTC", "+00:00").replace("Z", "+00:00"))
    except ValueError:
        raise ToolError(f"date: invalid date ‘{text[:80]}’") from None
    return moment.astimezone(now.tzinfo) if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)


@answers
def _sleep(world: World, argv: list[str], _stdin: str) -> Reply:
    if len(argv) < 2:
        raise ToolError("sleep: missing operand\nTry 'sleep --help' for more information.")
    wanted = sum(_seconds(word) for word in argv[1:])
    allowed = min(wanted, MAX_SLEEP_S, world.follow_limit_s)
    if allowed > 0:
        world.advance(allowed)
    note = {
        "ru": f"sleep: прошло {allowed:g} с из {wanted:g}; дольше ждёт команда wait\n",
        "en": f"sleep: {allowed:g} s of {wanted:g} s passed; to wait longer use: wait\n",
    }
    return Reply(err="" if wanted <= allowed else note[world.language], cost_s=0.0)


def _seconds(word: str) -> float:
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}.get(word[-1:], 0)
    number = word[:-1] if unit else word
    if not is_number(number) or number.strip() != number or number.startswith("-"):
        hint = "\nTry 'sleep --help' for more information."
        raise ToolError(f"sleep: invalid time interval ‘{word[:80]}’{hint}")
    return min(float(number), 1e9) * (unit or 1)


@answers
def _basename(_world: World, argv: list[str], _stdin: str) -> Reply:
    if len(argv) < 2:
        raise ToolError(f"{argv[0]}: missing operand\nTry '{argv[0]} --help' for more information.")
    stripped = argv[1].rstrip("/") or "/"
    head, _, tail = stripped.rpartition("/")
    if argv[0] == "dirname":
        return Reply(out=(head or ("/" if stripped.startswith("/") else ".")) + "\n")
    name = tail or stripped
    if len(argv) > 2 and name != argv[2]:
        name = name.removesuffix(argv[2])
    return Reply(out=name + "\n")


@answers
def _calculate(_world: World, argv: list[str], stdin: str) -> Reply:
    """expr and bc, whole numbers for the first, decimals by bc's default scale for the second."""
    lines = (
        [" ".join(argv[1:])] if argv[0] == "expr" else [line for line in stdin.split("\n") if line.strip()]
    )
    if not "".join(lines).strip():
        raise (
            ToolError("expr: missing operand\nTry 'expr --help' for more information.", 2)
            if argv[0] == "expr"
            else ToolError("", 0)
        )
    out = []
    for line in lines[:1000]:
        try:
            out.append(str(evaluate(line[:2000], lambda _name: "0")))
        except ArithmeticProblem:
            text = "expr: syntax error" if argv[0] == "expr" else "(standard_in) 1: syntax error"
            hint = "" if argv[0] == "expr" else "; decimals: use awk 'BEGIN{print ...}'"
            raise ToolError(text + hint, 2) from None
    return Reply(out=joined(out))


YES_LINES, YES_CHARS = 10_000, 200_000


@answers
def _yes(_world: World, argv: list[str], _stdin: str) -> Reply:
    """Endless in a real shell; here as much as a pipe's reader is likely to want."""
    line = (" ".join(argv[1:]) or "y")[:1000] + "\n"
    return Reply(out=line * min(YES_LINES, YES_CHARS // len(line)))


def _fails(_world: World, _argv: list[str], _stdin: str) -> Reply:
    return Reply(code=1, cost_s=0.0)


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("echo", _echo, Text(ru="вывести слова", en="print words"), ("echo $?",)),
        Tool(
            "printf", _printf, Text(ru="вывести по формату", en="print by a format"), ("printf '%s\\n' a b",)
        ),
        Tool("seq", _seq, Text(ru="ряд чисел", en="a row of numbers"), ("seq 1 10",)),
        Tool("date", _date, Text(ru="время в мире", en="the world's time"), ("date", "date +%H:%M:%S")),
        Tool("sleep", _sleep, Text(ru="подождать", en="let time pass"), ("sleep 10",)),
        Tool(
            "basename",
            _basename,
            Text(ru="последняя часть пути", en="the last part of a path"),
            ("basename P",),
        ),
        Tool(
            "dirname",
            _basename,
            Text(ru="путь без последней части", en="a path without its last part"),
            ("dirname P",),
        ),
        Tool("expr", _calculate, Text(ru="вычислить", en="calculate"), ("expr 2 + 3",)),
        Tool("bc", _calculate, Text(ru="вычислить", en="calculate"), ("echo 1200*16 | bc",)),
        Tool("yes", _yes, Text(ru="согласие одной строкой", en="agreement in one line"), ("yes",)),
        Tool("false", _fails, Text(ru="неудача", en="failure")),
    )
}
