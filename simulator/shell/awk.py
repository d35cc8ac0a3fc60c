"""awk: the command line; the language lives in awk_parse.py and awk_run.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.reply import Reply
from simulator.scenario import Text
from simulator.shell import files
from simulator.shell.awk_lex import AwkSyntaxError
from simulator.shell.awk_parse import parse
from simulator.shell.awk_record import AwkProblem
from simulator.shell.awk_run import Interpreter
from simulator.shell.expand import environment
from simulator.shell.inputs import gather
from simulator.shell.options import ToolError, answers
from simulator.shell.parse import is_name
from simulator.shell.patterns import PatternError
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

_USAGE = "Usage: awk [-F fs][-v var=value][prog | -f progfile][file ...]"
_ESCAPES = (("\\t", "\t"), ("\\n", "\n"), ("\\\\", "\\"))


@answers
def _awk(world: World, argv: list[str], stdin: str) -> Reply:
    separator, assigned, sources, words = _words(world, argv)
    if not sources:
        if not words:
            raise ToolError(_USAGE, 2)
        sources, words = [words[0]], words[1:]
    if separator is not None:
        assigned["FS"] = separator
    inputs = gather(world, "awk", [word for word in words if not _is_assignment(word)], stdin)
    assigned |= dict(word.split("=", 1) for word in words if _is_assignment(word))
    try:
        interpreter = Interpreter(world, parse("\n".join(sources)), assigned, environment(world))
    except (AwkSyntaxError, AwkProblem) as error:
        raise ToolError(f"awk: {error}", 2) from None
    err, code = "", None
    try:
        interpreter.run(inputs.found)
    except AwkProblem as problem:
        err, code = f"awk: {problem}\n", 2
    except PatternError as problem:
        err, code = f"awk: line 1: regular expression compile failed ({problem})\n", 2
    except RecursionError:  # the bounds on depth leave room for a caller's stack, but not for any
        err, code = "awk: program stopped: nested too deeply\n", 2
    out = "".join(interpreter.out)
    err = "".join(interpreter.err) + err + "".join(inputs.errors)
    return Reply(out, err, code if code is not None else 2 if inputs.errors else interpreter.code)


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and is_name(name)


def _words(world: World, argv: list[str]) -> tuple[str | None, dict[str, str], list[str], list[str]]:
    """The separator, assigned variables, programs from files, and the operands."""
    separator: str | None = None
    assigned: dict[str, str] = {}
    sources: list[str] = []
    at = 1
    while at < len(argv):
        word = argv[at]
        if word == "--":
            at += 1
            break
        if word[:2] not in ("-F", "-v", "-f"):
            if word.startswith("-") and word != "-":
                raise ToolError(f"awk: not an option: {word}\n{_USAGE}", 2)
            break
        value = word[2:]
        if not value:
            at += 1
            if at >= len(argv):
                raise ToolError(f"awk: option requires an argument -- {word[1]}\n{_USAGE}", 2)
            value = argv[at]
        at += 1
        if word[1] == "F":
            separator = _unescaped(value)
        elif word[1] == "f":
            sources.append(_program(world, value))
        elif not _is_assignment(value):
            raise ToolError(f"awk: improper assignment: -v {value}", 2)
        else:
            name, _, text = value.partition("=")
            assigned[name] = _unescaped(text)
    return separator, assigned, sources, argv[at:]


def _unescaped(text: str) -> str:
    for escape, char in _ESCAPES:
        text = text.replace(escape, char) if escape != "\\\\" or len(text) > 1 else text
    return text


def _program(world: World, name: str) -> str:
    try:
        return files.read(world, name)
    except files.FileProblem as problem:
        raise ToolError(f"awk: cannot open {name} ({problem.reason})", 2) from None


TOOLS: dict[str, Tool] = {
    "awk": Tool(
        "awk",
        _awk,
        Text(ru="поля, условия и суммы по строкам", en="fields, conditions and sums over lines"),
        (
            "awk '{print $1}'",
            "awk -F, '$3 > 10 {n++} END {print n}'",
            "awk '{c[$9]++} END {for (k in c) print k, c[k]}'",
        ),
    )
}
