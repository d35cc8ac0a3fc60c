"""Commands that need the shell itself: they run other commands, change its variables or its place.

Everything that is a function of words and standard input alone is a Tool in a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.shell import files
from simulator.shell.expand import environment
from simulator.shell.home import HOME, HOSTNAME
from simulator.shell.options import Grammar, ToolError, number, parse
from simulator.shell.parse import is_name
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

MAX_SCREENS = 12  # of `watch`: more would only scroll by
MAX_XARGS_CALLS = 50
MAX_TEST_WORDS = 64
MAX_VARIABLES = 200
MAX_VARIABLE_CHARS = 100_000


class ShellPort(Protocol):
    """What a builtin may ask of the shell that runs it."""

    world: World
    tools: dict[str, Tool]

    def call(self, argv: list[str], stdin: str) -> Reply: ...

    def source(self, line: str, stdin: str) -> Reply: ...

    def read_line(self) -> str | None: ...


@dataclass(frozen=True)
class Builtin:
    name: str
    run: Callable[[ShellPort, list[str], str], Reply]
    summary: Text
    forms: tuple[str, ...] = ()


def set_variable(world: World, name: str, value: str) -> None:
    """Set a shell variable within the session's bounds. Raises ToolError."""
    if len(value) > MAX_VARIABLE_CHARS or (
        name not in world.shell_vars and len(world.shell_vars) >= MAX_VARIABLES
    ):
        raise ToolError(f"bash: {name}: cannot allocate memory for the variable")
    world.shell_vars[name] = value


def _cd(shell: ShellPort, argv: list[str], _stdin: str) -> Reply:
    if len(argv) > 2:
        raise ToolError("bash: cd: too many arguments")
    target = argv[1] if len(argv) == 2 else HOME
    here = files.working_directory(shell.world)
    if target == "-":
        target = shell.world.shell_vars.get("OLDPWD", here)
    name = files.resolve(shell.world, target)
    if not files.is_directory(shell.world, name):
        reason = "Not a directory" if files.exists(shell.world, name) else files.ABSENT
        raise ToolError(f"bash: cd: {target}: {reason}")
    set_variable(shell.world, "OLDPWD", here)
    set_variable(shell.world, "PWD", name)
    return Reply(out=name + "\n" if argv[1:] == ["-"] else "", cost_s=1.0)


def _export(shell: ShellPort, argv: list[str], _stdin: str) -> Reply:
    for word in argv[1:]:
        name, equals, value = word.partition("=")
        if word.startswith("-"):
            continue
        if not is_name(name):
            raise ToolError(f"bash: {argv[0]}: `{word}': not a valid identifier")
        if equals:
            set_variable(shell.world, name, value)
    if argv[1:]:
        return Reply()
    return Reply(out="".join(f'declare -x {k}="{v}"\n' for k, v in sorted(environment(shell.world).items())))


def _unset(shell: ShellPort, argv: list[str], _stdin: str) -> Reply:
    for name in argv[1:]:
        shell.world.shell_vars.pop(name, None)
    return Reply()


def _read(shell: ShellPort, argv: list[str], _stdin: str) -> Reply:
    names = [word for word in argv[1:] if not word.startswith("-")] or ["REPLY"]
    line = shell.read_line()
    pieces = (line or "").split(None, len(names) - 1)
    for index, name in enumerate(names):
        if not is_name(name):
            raise ToolError(f"bash: read: `{name}': not a valid identifier")
        set_variable(shell.world, name, pieces[index].rstrip() if index < len(pieces) else "")
    return Reply(code=1 if line is None else 0)


def _env(shell: ShellPort, argv: list[str], stdin: str) -> Reply:
    parsed = parse(argv, Grammar(flags="i0", values="u", code=125, stop_at_operand=True))
    assigned: dict[str, str] = {}
    words = parsed.operands
    while words and "=" in words[0]:
        name, _, value = words[0].partition("=")
        assigned[name] = value
        words = words[1:]
    if not words:
        values = environment(shell.world) | assigned
        return Reply(out="".join(f"{name}={value}\n" for name, value in sorted(values.items())))
    before = dict(shell.world.shell_vars)
    for name, value in assigned.items():
        set_variable(shell.world, name, value)
    reply = shell.call(words, stdin)
    shell.world.shell_vars.clear()
    shell.world.shell_vars.update(before)
    return reply


def _transparent(shell: ShellPort, argv: list[str], stdin: str) -> Reply:
    """sudo, command, nohup, builtin, exec: run the rest as it is."""
    words = argv[1:]
    while words and words[0].startswith("-") and argv[0] != "nohup":
        if argv[0] == "command" and words[0] in ("-v", "-V"):
            return _which(shell, ["which", *words[1:]], stdin)
        words = words[2:] if words[0] == "-u" else words[1:]
    return shell.call(words, stdin) if words else Reply()


def _timeout(shell: ShellPort, argv: list[str], stdin: str) -> Reply:
    """Commands here end by themselves, so only the words are checked."""
    parsed = parse(argv, Grammar(flags="v", values="ks", code=125, stop_at_operand=True))
    if len(parsed.operands) < 2:
        raise ToolError("timeout: missing operand\nTry 'timeout --help' for more information.", 125)
    duration = parsed.operands[0].rstrip("smhd")
    if not duration.replace(".", "", 1).isdigit():
        raise ToolError(f"timeout: invalid time interval ‘{parsed.operands[0]}’", 125)
    return shell.call(parsed.operands[1:], stdin)


def _eval(shell: ShellPort, argv: list[str], stdin: str) -> Reply:
    return shell.source(" ".join(argv[1:]), stdin)


def _bash(shell: ShellPort, argv: list[str], stdin: str) -> Reply:
    if len(argv) > 2 and argv[1].startswith("-") and argv[1].endswith("c"):
        return shell.source(argv[2], stdin)
    if len(argv) == 1:
        return shell.source(stdin, "")
    try:
        return shell.source(files.read(shell.world, argv[-1]), stdin)
    except files.FileProblem as problem:
        raise ToolError(f"{argv[0]}: {argv[-1]}: {problem.reason}", 127) from None


def _watch(shell: ShellPort, argv: list[str], _stdin: str) -> Reply:
    parsed = parse(
        argv,
        Grammar(
            flags="dtegbcx",
            values="n",
            long={"interval": "n", "differences": "d", "no-title": "t"},
            stop_at_operand=True,
        ),
    )
    if not parsed.operands:
        raise ToolError("Usage: watch [options] command\n\nTry 'watch --help' for more information.")
    interval = _interval(parsed.last("n", "2"))
    line, world = " ".join(parsed.operands), shell.world
    limit = world.now_s + min(world.follow_limit_s, interval * (MAX_SCREENS - 1))
    out, err, code = [], [], 0
    while True:
        reply = shell.source(line, "")
        stamp = world.at(world.now_s).strftime("%a %b %e %H:%M:%S %Y")
        title = f"Every {interval:.1f}s: {line}    {HOSTNAME}: {stamp}\n\n"
        out.append((title if not parsed.has("t") else "") + reply.out + "\n")
        err, code = [reply.err], reply.code
        if world.now_s + interval > limit + 1e-9:
            break
        world.advance(interval)
    return Reply(out="".join(out), err="".join(err), code=code)


def _interval(text: str) -> float:
    whole, _, fraction = text.replace(",", ".").partition(".")
    if not (whole + fraction).isdigit() or len(text) > 9:
        raise ToolError(f"watch: failed to parse argument: '{text}': Invalid argument")
    return max(0.1, float(f"{whole or 0}.{fraction or 0}"))


def _xargs(shell: ShellPort, argv: list[str], stdin: str) -> Reply:
    parsed = parse(
        argv,
        Grammar(
            flags="0rtpx",
            values="nILPds",
            long={"null": "0", "no-run-if-empty": "r", "max-args": "n", "max-procs": "P", "verbose": "t"},
            stop_at_operand=True,
        ),
    )
    command = parsed.operands or ["echo"]
    replace_with = parsed.last("I")
    items = _items(parsed.last("d"), parsed.has("0"), bool(replace_with or parsed.has("L")), stdin)
    if parsed.has("r") and not items:
        return Reply()
    if replace_with:
        longest = max(map(len, items), default=0)
        if sum(word.count(replace_with) for word in command) * longest > MAX_VARIABLE_CHARS:
            raise ToolError("xargs: argument list too long")
        kept = items[: MAX_XARGS_CALLS + 1]
        calls = [[word.replace(replace_with, item) for word in command] for item in kept]
    else:
        wrong = f'xargs: invalid number "{parsed.last("n") or parsed.last("L")}" for -n option'
        size = number(parsed.last("n") or parsed.last("L") or "5000", wrong, low=1)
        calls = [[*command, *items[i : i + size]] for i in range(0, max(1, len(items)), size)]
    out, err, code = [], [], 0
    for call in calls[:MAX_XARGS_CALLS]:
        reply = shell.call(call, "")
        if parsed.has("t"):
            err.append(" ".join(call) + "\n")
        out.append(reply.out)
        err.append(reply.err)
        code = code if not reply.code else (127 if reply.code == 127 else 123)
        if reply.code == 127:
            break
    if len(calls) > MAX_XARGS_CALLS:
        err.append(f"xargs: stopped after {MAX_XARGS_CALLS} commands\n")
    return Reply(out="".join(out), err="".join(err), code=code)


def _items(delimiter: str, by_null: bool, by_line: bool, stdin: str) -> list[str]:
    """The arguments xargs reads; quotes group words as in the real one."""
    if by_null or delimiter:
        mark = "\0" if by_null else {"\\n": "\n", "\\t": "\t", "\\0": "\0"}.get(delimiter, delimiter[:1])
        pieces = stdin.split(mark)
        return pieces[:-1] if pieces and not pieces[-1] else pieces
    if by_line:
        return [line.strip() for line in stdin.split("\n") if line.strip()]
    if not any(mark in stdin for mark in "'\"\\"):
        return stdin.split()
    return _quoted_items(stdin)


def _quoted_items(text: str) -> list[str]:
    items: list[str] = []
    current: list[str] = []
    started, at = False, 0
    while at < len(text):
        char = text[at]
        if char in "'\"":
            end = text.find(char, at + 1)
            if end < 0:
                kind = "single" if char == "'" else "double"
                raise ToolError(
                    f"xargs: unmatched {kind} quote; by default quotes are special to xargs unless you use"
                    " the -0 option"
                )
            current.append(text[at + 1 : end])
            started, at = True, end
        elif char == "\\":
            current.append(text[at + 1 : at + 2])
            started, at = True, at + 1
        elif char.isspace():
            if started:
                items.append("".join(current))
            current, started = [], False
        else:
            current.append(char)
            started = True
        at += 1
    return [*items, "".join(current)] if started else items


def _which(shell: ShellPort, argv: list[str], _stdin: str) -> Reply:
    out, code = [], 0
    for name in argv[1:]:
        if name.startswith("-"):
            continue
        if name in shell.tools or name in BUILTINS:
            out.append(f"{name} is /usr/bin/{name}\n" if argv[0] == "type" else f"/usr/bin/{name}\n")
        else:
            code = 1
    absent = "".join(
        f"bash: type: {n}: not found\n" for n in argv[1:] if n not in shell.tools and n not in BUILTINS
    )
    return Reply(out="".join(out), err=absent if argv[0] == "type" else "", code=code)


def _man(shell: ShellPort, argv: list[str], _stdin: str) -> Reply:
    if len(argv) < 2:
        raise ToolError("What manual page do you want?\nFor example, try 'man man'.")
    name = argv[-1]
    page: Tool | Builtin | None = shell.tools.get(name) or BUILTINS.get(name)
    if page is None:
        raise ToolError(f"No manual entry for {name}", 16)
    summary = page.summary.of(shell.world.language)
    forms = "".join(f"       {form}\n" for form in page.forms or (name,))
    more = {"ru": "Все команды: help", "en": "All commands: help"}[shell.world.language]
    return Reply(out=f"{name.upper()}(1)\n\nNAME\n       {name} - {summary}\n\nSYNOPSIS\n{forms}\n{more}\n")


def _history(shell: ShellPort, argv: list[str], _stdin: str) -> Reply:
    log = getattr(shell.world, "command_log", None) or []
    lines = [entry if isinstance(entry, str) else str(getattr(entry, "command", entry)) for entry in log]
    last = number(argv[1], f"bash: history: {argv[1]}: numeric argument required") if argv[1:] else len(lines)
    first = max(0, len(lines) - last)
    return Reply(out="".join(f"{i + 1:5}  {line}\n" for i, line in enumerate(lines) if i >= first))


def _test(shell: ShellPort, argv: list[str], _stdin: str) -> Reply:
    words = argv[1:]
    if argv[0] in ("[", "[["):
        closing = "]" if argv[0] == "[" else "]]"
        if words[-1:] != [closing]:
            return failure(f"bash: {argv[0]}: missing `{closing}'", 2)
        words = words[:-1]
    if len(words) > MAX_TEST_WORDS:
        return failure(f"bash: {argv[0]}: too many arguments", 2)
    return Reply(code=0 if _truth(shell.world, words) else 1, cost_s=0.0)


def _truth(world: World, words: list[str]) -> bool:
    negate = False
    while words[:1] == ["!"]:
        negate, words = not negate, words[1:]
    for operator, every in (("-o", False), ("||", False), ("-a", True), ("&&", True)):
        if operator in words[1:-1]:
            at = words.index(operator, 1)
            left = _simple_truth(world, words[:at])
            if every != left:
                return left != negate
            return _truth(world, words[at + 1 :]) != negate
    return _simple_truth(world, words) != negate


def _simple_truth(world: World, words: list[str]) -> bool:
    if len(words) <= 1:
        return bool(words and words[0])
    if len(words) == 2:
        checks: dict[str, Callable[[], bool]] = {
            "-z": lambda: not words[1],
            "-n": lambda: bool(words[1]),
            "-e": lambda: files.exists(world, words[1]),
            "-d": lambda: files.is_directory(world, words[1]),
            "-f": lambda: files.exists(world, words[1]) and not files.is_directory(world, words[1]),
        }
        if words[0] not in checks:
            raise ToolError(f"bash: [: {words[0]}: unary operator expected", 2)
        return checks[words[0]]()
    if len(words) != 3:
        raise ToolError("bash: [: too many arguments", 2)
    left, operator, right = words
    if operator in ("=", "==", "!="):
        return (left == right) == (operator != "!=")
    if operator not in ("-eq", "-ne", "-lt", "-le", "-gt", "-ge"):
        raise ToolError(f"bash: [: {operator}: binary operator expected", 2)
    a, b = _integer(left), _integer(right)
    return {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}[operator]


def _integer(text: str) -> int:
    digits = text.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise ToolError(f"bash: [: {text}: integer expression expected", 2)
    return int(text)


def _true(_shell: ShellPort, _argv: list[str], _stdin: str) -> Reply:
    return Reply(cost_s=0.0)


def _no_alias(_shell: ShellPort, argv: list[str], _stdin: str) -> Reply:
    if len(argv) > 1:
        raise ToolError(f"bash: {argv[0]}: not available here; k is kubectl, ll is ls -l")
    return Reply(out="alias k='kubectl'\nalias ll='ls -l'\n" if argv[0] == "alias" else "")


_RUNS = Text(ru="выполнить остальные слова как команду", en="run the other words as a command")

_ALL = (
    Builtin("cd", _cd, Text(ru="перейти в каталог", en="change the directory"), ("cd [DIR]",)),
    Builtin("export", _export, Text(ru="задать переменную", en="set a variable"), ("export NAME=VALUE",)),
    Builtin("unset", _unset, Text(ru="удалить переменную", en="remove a variable"), ("unset NAME",)),
    Builtin(
        "read",
        _read,
        Text(ru="прочитать строку в переменные", en="read a line into variables"),
        ("read A B",),
    ),
    Builtin("env", _env, Text(ru="показать переменные", en="print the variables"), ("env [NAME=VALUE CMD]",)),
    Builtin("eval", _eval, _RUNS, ("eval CMD",)),
    Builtin("bash", _bash, _RUNS, ("bash -c 'CMD'",)),
    Builtin("timeout", _timeout, _RUNS, ("timeout 5 CMD",)),
    Builtin("watch", _watch, Text(ru="повторять команду", en="repeat a command"), ("watch -n 5 'CMD'",)),
    Builtin(
        "xargs",
        _xargs,
        Text(ru="собрать аргументы из ввода", en="build arguments from the input"),
        ("xargs -n 1 CMD", "xargs -I{} CMD {}"),
    ),
    Builtin("which", _which, Text(ru="где лежит команда", en="where a command lies"), ("which CMD",)),
    Builtin("man", _man, Text(ru="справка о команде", en="about a command"), ("man CMD",)),
    Builtin("history", _history, Text(ru="введённые команды", en="commands typed so far"), ("history [N]",)),
    Builtin("test", _test, Text(ru="проверить условие", en="check a condition"), ("[ A = B ]",)),
    Builtin("alias", _no_alias, Text(ru="сокращения", en="abbreviations")),
    Builtin("true", _true, Text(ru="ничего не делать", en="do nothing")),
)

BUILTINS: dict[str, Builtin] = {builtin.name: builtin for builtin in _ALL} | {
    alias: replace(next(b for b in _ALL if b.name == name), name=alias)
    for alias, name in (
        ("[", "test"),
        ("[[", "test"),
        ("type", "which"),
        ("sh", "bash"),
        ("set", "true"),
        (":", "true"),
    )
}
BUILTINS |= {
    name: Builtin(name, _transparent, _RUNS, (f"{name} CMD",))
    for name in ("sudo", "command", "nohup", "builtin", "exec", "stdbuf", "nice")
}
BUILTINS["unalias"] = replace(BUILTINS["alias"], name="unalias")
