"""Tools that pass lines on whole: cat, tac, head, tail, wc, tee, nl."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.reply import Reply
from simulator.scenario import Text
from simulator.shell import files
from simulator.shell.inputs import gather, joined, lines_of
from simulator.shell.options import Grammar, Parsed, ToolError, answers, parse
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

_MULTIPLIERS = {"b": 512, "k": 1024, "K": 1024, "KB": 1000, "kB": 1000, "M": 1 << 20, "MB": 10**6}


@answers
def _cat(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(
        argv,
        Grammar(
            flags="nbsETAvetu", long={"number": "n", "show-all": "A", "show-ends": "E", "show-tabs": "T"}
        ),
    )
    inputs = gather(world, "cat", parsed.operands, stdin)
    text = inputs.text
    if parsed.has("nbsETAet"):
        ends = text.endswith("\n")
        text = joined(_decorated(lines_of(text), parsed))
        text = text if ends else text[: -2 if parsed.has("EAe") else -1]
    return inputs.reply(text)


def _decorated(lines: list[str], parsed: Parsed) -> list[str]:
    out, number, previous = [], 0, "x"
    for line in lines:
        if parsed.has("s") and not line and not previous:
            continue
        previous = line
        shown = line.replace("\t", "^I") if parsed.has("TAt") else line
        shown += "$" if parsed.has("EAe") else ""
        if parsed.has("nb") and (line or not parsed.has("b")):
            number += 1
            shown = f"{number:6}\t{shown}"
        out.append(shown)
    return out


@answers
def _tac(world: World, argv: list[str], stdin: str) -> Reply:
    inputs = gather(world, "tac", parse(argv, Grammar()).operands, stdin)
    return inputs.reply("".join(joined(lines_of(text)[::-1]) for _, text in inputs.found))


@answers
def _nl(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(argv, Grammar(values="bws"))
    inputs = gather(world, "nl", parsed.operands, stdin)
    out, number = [], 0
    for line in lines_of(inputs.text):
        if line or parsed.last("b") == "a":
            number += 1
            out.append(f"{number:6}\t{line}")
        else:
            out.append("       ")
    return inputs.reply(joined(out))


def _count(tool: str, what: str, text: str) -> tuple[str, int]:
    """The sign and the number of `-n +5`, `-n -5`, `-n 5`, `-c 1k`."""
    sign = text[:1] if text[:1] in ("+", "-") else ""
    digits = text[len(sign) :].rstrip("bkKMB")
    suffix = text[len(sign) + len(digits) :]
    if not (digits.isascii() and digits.isdigit()) or (suffix and suffix not in _MULTIPLIERS):
        raise ToolError(f"{tool}: invalid number of {what}: ‘{text[:80]}’")
    return sign, min(int(digits[:18]), 10**12) * _MULTIPLIERS.get(suffix, 1)


def _ends(world: World, argv: list[str], stdin: str) -> Reply:
    """head and tail: they differ in which end they keep."""
    head = argv[0] == "head"
    parsed = parse(
        argv,
        Grammar(
            flags="qvz" if head else "qvzfF",
            values="nc" if head else "ncs",
            long={"lines": "n", "bytes": "c", "quiet": "q", "silent": "q", "verbose": "v"}
            | ({} if head else {"follow": "f", "sleep-interval": "s", "retry": "F"}),
            number_as="n",
        ),
    )
    by_bytes = bool(parsed.options) and next(
        (name == "c" for name, _ in reversed(parsed.options) if name in "nc"), False
    )
    sign, amount = _count(
        argv[0], "bytes" if by_bytes else "lines", parsed.last("c" if by_bytes else "n", "10")
    )
    inputs = gather(world, argv[0], parsed.operands, stdin)
    titled = (len(parsed.operands) > 1 or parsed.has("v")) and not parsed.has("q")
    out = []
    for index, (name, text) in enumerate(inputs.found):
        if titled:
            shown = "standard input" if name == "-" else name
            out.append(("\n" if index else "") + f"==> {shown} <==\n")
        out.append(_kept(text, head, by_bytes, sign, amount))
    if parsed.has("fF") and parsed.operands and not inputs.errors:
        world.advance(world.follow_limit_s)  # nothing here grows; who follows waits for the limit
    return inputs.reply("".join(out))


def _kept(text: str, head: bool, by_bytes: bool, sign: str, amount: int) -> str:
    data = text.encode()
    pieces: list[bytes] = [data] if by_bytes else data.splitlines(keepends=True)
    if not by_bytes:
        pieces = [line + b"\n" for line in data.split(b"\n")]
        pieces[-1] = pieces[-1][:-1]
        if not pieces[-1]:
            pieces.pop()
    size = len(data) if by_bytes else len(pieces)
    if head:
        begin, end = 0, max(0, size - amount) if sign == "-" else amount
    else:
        begin, end = max(0, amount - 1) if sign == "+" else max(0, size - amount), size
    chosen = data[begin:end] if by_bytes else b"".join(pieces[begin:end])
    return chosen.decode("utf-8", "replace")


@answers
def _head(world: World, argv: list[str], stdin: str) -> Reply:
    return _ends(world, argv, stdin)


@answers
def _tail(world: World, argv: list[str], stdin: str) -> Reply:
    return _ends(world, argv, stdin)


@answers
def _wc(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(
        argv,
        Grammar(
            flags="lwcmL",
            long={"lines": "l", "words": "w", "bytes": "c", "chars": "m", "max-line-length": "L"},
        ),
    )
    shown = [letter for letter in "lwmcL" if parsed.has(letter)] or ["l", "w", "c"]
    inputs = gather(world, "wc", parsed.operands, stdin)
    rows = [(_counts(text), name if parsed.operands else "") for name, text in inputs.found]
    if len(parsed.operands) > 1:
        total = {key: sum(counts[key] for counts, _ in rows) for key in "lwcm"}
        total["L"] = max((counts["L"] for counts, _ in rows), default=0)
        rows.append((total, "total"))
    width = _wc_width(rows, shown, bool(parsed.operands))
    out = [
        " ".join([*(f"{counts[k]:{width}}" for k in shown), *([name] if name else [])])
        for counts, name in rows
    ]
    return inputs.reply(joined(out))


def _counts(text: str) -> dict[str, int]:
    lines = text.split("\n")
    return {
        "l": len(lines) - 1,
        "w": len(text.split()),
        "c": len(text.encode()),
        "m": len(text),
        "L": max(len(line.expandtabs()) for line in lines),
    }


def _wc_width(rows: list[tuple[dict[str, int], str]], shown: list[str], named: bool) -> int:
    """GNU's column width: 7 for a pipe with several columns, else what the byte counts need."""
    if len(shown) == 1 and len(rows) == 1:
        return 1
    if not named:
        return 7
    return len(str(max((counts["c"] for counts, _ in rows), default=0)))


@answers
def _tee(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(argv, Grammar(flags="aip", long={"append": "a"}))
    errors = ""
    for name in parsed.operands:
        try:
            files.write(world, name, stdin, append=parsed.has("a"))
        except files.FileProblem as problem:
            errors += f"tee: {name[:200]}: {problem.reason}\n"
    return Reply(stdin, errors, 1 if errors else 0)


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("cat", _cat, Text(ru="вывести файлы", en="print files"), ("cat ~/runbooks/incident.md",)),
        Tool("tac", _tac, Text(ru="строки в обратном порядке", en="lines in reverse order"), ("tac",)),
        Tool("nl", _nl, Text(ru="пронумеровать строки", en="number lines"), ("nl",)),
        Tool("head", _head, Text(ru="первые строки", en="the first lines"), ("head -n 20", "head -5")),
        Tool("tail", _tail, Text(ru="последние строки", en="the last lines"), ("tail -n 20", "tail -n +2")),
        Tool(
            "wc", _wc, Text(ru="сосчитать строки, слова, байты", en="count lines, words, bytes"), ("wc -l",)
        ),
        Tool(
            "tee",
            _tee,
            Text(ru="записать в файл и передать дальше", en="write to a file and pass on"),
            ("tee out.txt",),
        ),
    )
}
