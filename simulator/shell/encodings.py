"""base64, md5sum, sha256sum, printenv, stat, find, shuf: what an on-call engineer reaches for beside the text tools."""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from simulator.engine import streams
from simulator.reply import Reply
from simulator.scenario import Text
from simulator.shell import files
from simulator.shell.expand import environment
from simulator.shell.inputs import gather, joined, lines_of
from simulator.shell.options import Grammar, ToolError, answers, parse
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

FOUND = 1000  # entries one `find` looks at


@answers
def _base64(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(
        argv, Grammar(flags="dDi", values="w", long={"decode": "d", "ignore-garbage": "i", "wrap": "w"})
    )
    inputs = gather(world, "base64", parsed.operands, stdin)
    if inputs.errors:
        return inputs.reply("")
    if parsed.has("d") or parsed.has("D"):
        return _decoded(inputs.text)
    text = base64.b64encode(inputs.text.encode()).decode()
    width = parsed.last("w", "76")
    if not width.isdigit():
        raise ToolError(f"base64: invalid wrap size: ‘{width[:40]}’")
    if width == "0":
        return Reply(text)
    step = int(width)
    return Reply(joined([text[i : i + step] for i in range(0, len(text), step)]))


def _decoded(text: str) -> Reply:
    """As much as there is before the first thing that is no base64."""
    bare = "".join(text.split())
    try:
        return Reply(base64.b64decode(bare, validate=True).decode("utf-8", "replace"))
    except (binascii.Error, ValueError):
        good = bare[: len(bare) // 4 * 4]
        try:
            head = base64.b64decode(good, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            head = ""
        return Reply(head, "base64: invalid input\n", 1)


@answers
def _digest(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(argv, Grammar(flags="bt"))
    inputs = gather(world, argv[0], parsed.operands, stdin)
    make = hashlib.md5 if argv[0] == "md5sum" else hashlib.sha256
    return inputs.reply(joined([f"{make(text.encode()).hexdigest()}  {name}" for name, text in inputs.found]))


@answers
def _stat(world: World, argv: list[str], _stdin: str) -> Reply:
    parsed = parse(argv, Grammar(flags="L", values="c", long={"format": "c"}))
    if not parsed.operands:
        raise ToolError("stat: missing operand\nTry 'stat --help' for more information.")
    out, errors = "", ""
    stamp = world.at(0.0).strftime("%Y-%m-%d 09:12:00.000000000 +0000")
    for name in parsed.operands:
        if not files.exists(world, name):
            errors += f"stat: cannot statx '{name[:200]}': {files.ABSENT}\n"
            continue
        folder = files.is_directory(world, name)
        size = 4096 if folder else len(files.read(world, name).encode())
        form = parsed.last("c", "")
        if form:
            out += form.replace("%s", str(size)).replace("%n", name).replace("%y", stamp) + "\n"
            continue
        kind, mode = ("directory", "0755/drwxr-xr-x") if folder else ("regular file", "0644/-rw-r--r--")
        out += (
            f"  File: {name}\n  Size: {size:<15} Blocks: {-(-size // 512):<10} IO Block: 4096   {kind}\n"
            f"Access: ({mode})  Uid: ( 1000/  oncall)   Gid: ( 1000/  oncall)\nModify: {stamp}\n"
        )
    return Reply(out, errors, 1 if errors else 0)


@answers
def _find(world: World, argv: list[str], _stdin: str) -> Reply:
    """`find [PLACE...] [-name PATTERN] [-type f|d] [-maxdepth N]`."""
    words = argv[1:]
    places: list[str] = []
    while words and not words[0].startswith("-"):
        places.append(words.pop(0))
    tests: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if word in ("-print", "-L"):
            continue
        if word not in ("-name", "-iname", "-type", "-maxdepth"):
            raise ToolError(f"find: {word[:40]} is not here; there are: -name, -iname, -type, -maxdepth")
        if not words:
            raise ToolError(f"find: missing argument to `{word}'")
        tests[word] = words.pop(0)
    found: list[str] = []
    errors = ""
    for place in places or ["."]:
        if not files.exists(world, place):
            errors += f"find: ‘{place[:200]}’: {files.ABSENT}\n"
        else:
            _walk(world, place, 0, tests, found)
    return Reply(joined(found), errors, 1 if errors else 0)


def _walk(world: World, path: str, depth: int, tests: dict[str, str], found: list[str]) -> None:
    limit = tests.get("-maxdepth", "20")
    if len(found) >= FOUND or not limit.isdigit() or depth > int(limit):
        return
    folder = files.is_directory(world, path)
    name = posixpath.basename(path.rstrip("/")) or path
    fits = fnmatchcase(name, tests.get("-name", "*"))
    fits = fits and fnmatchcase(name.lower(), tests.get("-iname", "*").lower())
    if fits and tests.get("-type", "d" if folder else "f") == ("d" if folder else "f"):
        found.append(path)
    for child, _, _ in files.children(world, path) if folder else []:
        _walk(world, f"{path.rstrip('/')}/{child}", depth + 1, tests, found)


@answers
def _shuf(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(argv, Grammar(flags="re", values="n", long={"head-count": "n"}))
    inputs = gather(world, "shuf", parsed.operands, stdin)
    lines = lines_of(inputs.text)
    luck = streams.key_of(world.seed, "shuf")
    lines = [
        line for _, _, line in sorted((streams.uniform(luck, i), i, line) for i, line in enumerate(lines))
    ]
    count = parsed.last("n", str(len(lines)))
    if not count.isdigit():
        raise ToolError(f"shuf: invalid line count: ‘{count[:40]}’")
    return inputs.reply(joined(lines[: int(count)]))


def _printenv(world: World, argv: list[str], _stdin: str) -> Reply:
    values = environment(world)
    names = [word for word in argv[1:] if not word.startswith("-")]
    if not names:
        return Reply(joined([f"{name}={value}" for name, value in sorted(values.items())]))
    found = [values[name] for name in names if name in values]
    return Reply(joined(found), code=0 if len(found) == len(names) else 1)


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("base64", _base64, Text(ru="base64 и обратно", en="base64, and back"), ("base64 -d",)),
        Tool("md5sum", _digest, Text(ru="контрольная сумма MD5", en="MD5 checksum"), ("md5sum F",)),
        Tool("sha256sum", _digest, Text(ru="контрольная сумма SHA-256", en="SHA-256 checksum"), ("sha256sum F",)),
        Tool("printenv", _printenv, Text(ru="показать переменные", en="print the variables"), ("printenv NAME",)),
        Tool("stat", _stat, Text(ru="о файле", en="about a file"), ("stat F",)),
        Tool("find", _find, Text(ru="найти файлы", en="find files"), ("find . -name '*.md'",)),
        Tool("shuf", _shuf, Text(ru="перемешать строки", en="shuffle lines"), ("shuf -n 3",)),
    )
}  # fmt: skip
