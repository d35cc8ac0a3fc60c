"""The workstation itself: ls, pwd, whoami, hostname, uptime, id, uname, rm, touch, cp, mv, diff, stat."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from simulator.git import patch
from simulator.reply import Reply
from simulator.scenario import Text
from simulator.shell import files
from simulator.shell.home import HOSTNAME
from simulator.shell.inputs import joined
from simulator.shell.options import Grammar, ToolError, answers, parse
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

_BOOTED_DAYS = 41  # a bastion is rarely restarted; only uptime shows it


@answers
def _ls(world: World, argv: list[str], _stdin: str) -> Reply:
    parsed = parse(argv, Grammar(flags="laAh1tSrRdFG", long={"all": "a", "human-readable": "h"}, code=2))
    out: list[str] = []
    errors = ""
    targets = parsed.operands or ["."]
    for index, name in enumerate(targets):
        if not files.exists(world, name):
            errors += f"ls: cannot access '{name[:200]}': {files.ABSENT}\n"
            continue
        if not files.is_directory(world, name) or parsed.has("d"):
            size = 4096 if files.is_directory(world, name) else len(files.read(world, name).encode())
            out += _rows(world, [(name, files.is_directory(world, name), size)], parsed.has("l"))
            continue
        if len(targets) > 1:
            out.append(("" if index == 0 else "\n") + f"{name}:")
        entries = files.children(world, name)
        if parsed.has("a"):
            entries = [(".", True, 4096), ("..", True, 4096), *entries]
        elif not parsed.has("A"):
            entries = [entry for entry in entries if not entry[0].startswith(".")]
        entries = entries[::-1] if parsed.has("r") else entries
        if parsed.has("l"):
            out.append(f"total {sum(4 + size // 4096 * 4 for _, _, size in entries)}")
        out += _rows(world, entries, parsed.has("l"))
    return Reply(joined(out), errors, 2 if errors else 0)


def _rows(world: World, entries: list[tuple[str, bool, int]], long: bool) -> list[str]:
    if not long:
        return [name for name, _, _ in entries]
    stamp = world.at(0.0).strftime("%b %e 09:12")
    width = max((len(str(size)) for _, _, size in entries), default=1)
    return [
        f"{'drwxr-xr-x' if directory else '-rw-r--r--'} 1 oncall oncall {size:{width}} {stamp} {name}"
        for name, directory, size in entries
    ]


def _pwd(world: World, _argv: list[str], _stdin: str) -> Reply:
    return Reply(out=files.working_directory(world) + "\n", cost_s=1.0)


def _whoami(_world: World, argv: list[str], _stdin: str) -> Reply:
    out = {"id": "uid=1000(oncall) gid=1000(oncall) groups=1000(oncall)\n", "groups": "oncall\n"}
    return Reply(out=out.get(argv[0], "oncall\n"), cost_s=1.0)


def _hostname(_world: World, _argv: list[str], _stdin: str) -> Reply:
    return Reply(out=HOSTNAME + "\n", cost_s=1.0)


def _uname(_world: World, argv: list[str], _stdin: str) -> Reply:
    if "-a" in argv:
        return Reply(
            out=f"Linux {HOSTNAME} 6.1.0-28-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 x86_64 GNU/Linux\n"
        )
    return Reply(
        out={"-r": "6.1.0-28-amd64\n", "-n": HOSTNAME + "\n", "-m": "x86_64\n"}.get(
            "".join(argv[1:2]), "Linux\n"
        )
    )


@answers
def _uptime(world: World, argv: list[str], _stdin: str) -> Reply:
    parsed = parse(argv, Grammar(flags="psVh" if argv[0] == "uptime" else "fhiosV"))
    if argv[0] == "uptime" and parsed.has("p"):
        return Reply(f"up {_BOOTED_DAYS // 7} weeks, {_BOOTED_DAYS % 7} days\n")
    now = world.at(world.now_s)
    days = f"{_BOOTED_DAYS} days, {now.hour:2}:{now.minute:02}"
    line = f" {now.strftime('%H:%M:%S')} up {days},  1 user,  load average: 0.03, 0.05, 0.01\n"
    if argv[0] == "w":
        line += "USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n"
        line += "oncall   pts/0    10.20.0.7        09:12    0.00s  0.04s  0.00s w\n"
    return Reply(out=line)


@answers
def _rm(world: World, argv: list[str], _stdin: str) -> Reply:
    parsed = parse(argv, Grammar(flags="frRiv", long={"force": "f", "recursive": "r"}))
    if not parsed.operands:
        raise ToolError(
            "rm: missing operand\nTry 'rm --help' for more information.", 0 if parsed.has("f") else 1
        )
    errors = ""
    for name in parsed.operands:
        try:
            files.remove(world, name)
        except files.FileProblem as problem:
            if not (parsed.has("f") and problem.reason == files.ABSENT):
                errors += f"rm: cannot remove '{name[:200]}': {problem.reason}\n"
    return Reply(err=errors, code=1 if errors else 0)


@answers
def _touch(world: World, argv: list[str], _stdin: str) -> Reply:
    parsed = parse(argv, Grammar(flags="acm"))
    for name in parsed.operands:
        if files.exists(world, name):
            continue
        try:
            files.write(world, name, "")
        except files.FileProblem as problem:
            raise ToolError(f"touch: cannot touch '{name[:200]}': {problem.reason}") from None
    return Reply()


@answers
def _copy(world: World, argv: list[str], _stdin: str) -> Reply:
    """cp and mv of single files."""
    tool = argv[0]
    parsed = parse(argv, Grammar(flags="fivrRapn"))
    if len(parsed.operands) != 2:
        what = "missing file operand" if not parsed.operands else "one file and one place are taken here"
        raise ToolError(f"{tool}: {what}\nTry '{tool} --help' for more information.")
    source, target = parsed.operands
    if files.is_directory(world, target):
        target = f"{target.rstrip('/')}/{posixpath.basename(files.resolve(world, source))}"
    try:
        text = files.read(world, source)
        if tool == "mv" and files.resolve(world, source) not in world.files:
            raise files.FileProblem("Permission denied")
        files.write(world, target, text)
        if tool == "mv":
            files.remove(world, source)
    except files.FileProblem as problem:
        raise ToolError(f"{tool}: cannot stat '{source[:200]}': {problem.reason}") from None
    return Reply()


@answers
def _mkdir(world: World, argv: list[str], _stdin: str) -> Reply:
    parsed = parse(argv, Grammar(flags="pv", values="m"))
    for name in parsed.operands:
        if files.exists(world, name):
            if not parsed.has("p"):
                raise ToolError(f"mkdir: cannot create directory ‘{name[:200]}’: File exists")
            continue
        raise ToolError(f"mkdir: cannot create directory ‘{name[:200]}’: Permission denied")
    return Reply()


@answers
def _diff(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse(
        argv,
        Grammar(flags="uqrNbwBiy", values="U", long={"unified": "u", "brief": "q", "color": "y"}, code=2),
    )
    if len(parsed.operands) != 2:
        raise ToolError(
            "diff: missing operand after 'diff'\ndiff: Try 'diff --help' for more information.", 2
        )
    texts = []
    for name in parsed.operands:
        try:
            texts.append(files.read(world, name, stdin))
        except files.FileProblem as problem:
            raise ToolError(f"diff: {name[:200]}: {problem.reason}", 2) from None
    left, right = parsed.operands
    if texts[0] == texts[1]:
        return Reply()
    if parsed.has("q"):
        return Reply(out=f"Files {left} and {right} differ\n", code=1)
    difference = patch.between("x", texts[0], texts[1], 3 if parsed.has("uU") else 0)
    if parsed.has("uU"):
        lines = [f"--- {left}", f"+++ {right}", *_plain_headers(difference.text[4:])]
        return Reply(out=joined(lines), code=1)
    return Reply(out=joined(_normal(difference)), code=1)


def _plain_headers(lines: list[str]) -> list[str]:
    return [line[: line.index("@@", 2) + 2] if line.startswith("@@ ") else line for line in lines]


def _normal(difference: patch.FilePatch) -> list[str]:
    """diff's default format."""
    out: list[str] = []
    for hunk in difference.hunks:
        removed = [line[1:] for line in hunk.lines if line[0] == "-"]
        added = [line[1:] for line in hunk.lines if line[0] == "+"]
        letter = "c" if removed and added else "d" if removed else "a"
        left = _span(hunk.old_start, len(removed))
        right = _span(hunk.new_start, len(added))
        out.append(f"{left}{letter}{right}")
        out += [f"< {line}" for line in removed]
        out += ["---"] if removed and added else []
        out += [f"> {line}" for line in added]
    return out


def _span(start: int, length: int) -> str:
    return str(start) if length <= 1 else f"{start},{start + length - 1}"


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("ls", _ls, Text(ru="файлы каталога", en="files of a directory"), ("ls ~/runbooks", "ls -l")),
        Tool("pwd", _pwd, Text(ru="текущий каталог", en="the current directory")),
        Tool("whoami", _whoami, Text(ru="кто я", en="who I am")),
        Tool("id", _whoami, Text(ru="кто я", en="who I am")),
        Tool("groups", _whoami, Text(ru="мои группы", en="my groups")),
        Tool("hostname", _hostname, Text(ru="имя машины", en="the machine's name")),
        Tool("uname", _uname, Text(ru="система", en="the system"), ("uname -a",)),
        Tool("uptime", _uptime, Text(ru="сколько работает машина", en="how long the machine is up")),
        Tool("w", _uptime, Text(ru="кто в системе", en="who is logged in")),
        Tool("rm", _rm, Text(ru="удалить свой файл", en="remove a file of yours"), ("rm out.txt",)),
        Tool("touch", _touch, Text(ru="создать пустой файл", en="create an empty file"), ("touch out.txt",)),
        Tool("cp", _copy, Text(ru="скопировать файл", en="copy a file"), ("cp A B",)),
        Tool("mv", _copy, Text(ru="переименовать файл", en="rename a file"), ("mv A B",)),
        Tool("mkdir", _mkdir, Text(ru="создать каталог", en="create a directory"), ("mkdir D",)),
        Tool("diff", _diff, Text(ru="различия файлов", en="differences of files"), ("diff -u A B",)),
    )
}
