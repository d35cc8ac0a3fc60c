"""grep: lines that match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.reply import Reply
from simulator.scenario import Text
from simulator.shell import files
from simulator.shell.inputs import Inputs, gather, lines_of
from simulator.shell.options import Grammar, Parsed, ToolError, answers, number, parse
from simulator.shell.patterns import MAX_PATTERN_CHARS, Flavour, PatternError, compile_pattern, translate
from simulator.tool import Tool

if TYPE_CHECKING:
    import re2

    from simulator.world import World

_GRAMMAR = Grammar(
    flags="ivcnEFGPowqlLshHrRxIayTUzZ",
    values="meABCf",
    long={
        "ignore-case": "i",
        "invert-match": "v",
        "count": "c",
        "line-number": "n",
        "extended-regexp": "E",
        "fixed-strings": "F",
        "basic-regexp": "G",
        "perl-regexp": "P",
        "only-matching": "o",
        "word-regexp": "w",
        "line-regexp": "x",
        "quiet": "q",
        "silent": "q",
        "files-with-matches": "l",
        "files-without-match": "L",
        "no-messages": "s",
        "no-filename": "h",
        "with-filename": "H",
        "recursive": "r",
        "max-count": "m",
        "regexp": "e",
        "after-context": "A",
        "before-context": "B",
        "context": "C",
        "text": "a",
        "line-buffered": "U",
    },
    usage="Usage: grep [OPTION]... PATTERNS [FILE]...",
    code=2,
    number_as="C",
)
_NOTHING = "[^\\x00-\\x{10FFFF}]"  # no pattern at all (an empty -f file) matches no line
_USAGE = f"{_GRAMMAR.usage}\nTry 'grep --help' for more information."


@dataclass(frozen=True)
class _Search:
    pattern: re2._Regexp
    parsed: Parsed
    before: int
    after: int
    most: int
    named: bool

    def matches(self, line: str) -> bool:
        return (self.pattern.search(line) is not None) != self.parsed.has("v")


@answers
def _grep(world: World, argv: list[str], stdin: str) -> Reply:
    parsed = parse([argv[0], *_colourless(argv[1:])], _GRAMMAR)
    operands = list(parsed.operands)
    patterns = parsed.all("e") + _pattern_files(world, parsed, stdin)
    if not (parsed.has("e") or parsed.has("f")):
        if not operands:
            raise ToolError(_USAGE, 2)
        patterns = [operands.pop(0)]
    recursive = parsed.has("rR")
    inputs = _recursive(world, operands) if recursive else gather(world, "grep", operands, stdin)
    search = _search(parsed, patterns, len(inputs.found) > 1 or recursive)
    out: list[str] = []
    hit = False
    for name, text in inputs.found:
        found, printed = _file(search, "(standard input)" if name == "-" else name, lines_of(text))
        hit = hit or found
        out.append(printed)
    if parsed.has("q"):
        return Reply(code=0 if hit else 1)
    if parsed.has("s"):
        return Reply("".join(out), "", 2 if inputs.errors else (0 if hit else 1))
    return inputs.reply("".join(out), 0 if hit else 1, failed=2)


def _colourless(words: list[str]) -> list[str]:
    """`--color` is common in aliases and changes nothing here."""
    return [word for word in words if not word.startswith(("--color", "--colour"))]


def _pattern_files(world: World, parsed: Parsed, stdin: str) -> list[str]:
    found = []
    for name in parsed.all("f"):
        try:
            found += lines_of(files.read(world, name, stdin))
        except files.FileProblem as problem:
            raise ToolError(f"grep: {name}: {problem.reason}", 2) from None
    return found


def _recursive(world: World, operands: list[str]) -> Inputs:
    inputs = Inputs()
    for operand in operands or ["."]:
        name = files.resolve(world, operand)
        if not files.exists(world, operand):
            inputs.errors.append(f"grep: {operand}: {files.ABSENT}\n")
        for path, text in sorted(files.everything(world).items()):
            if path == name:
                inputs.found.append((operand, text))
            elif path.startswith(name.rstrip("/") + "/"):
                shown = path[len(name.rstrip("/")) + 1 :]
                inputs.found.append((f"{operand.rstrip('/')}/{shown}" if operands else shown, text))
    return inputs


def _search(parsed: Parsed, patterns: list[str], several: bool) -> _Search:
    flavour: Flavour = "basic"
    for name, _ in parsed.options:
        flavours: dict[str, Flavour] = {"E": "extended", "F": "fixed", "G": "basic", "P": "perl"}
        flavour = flavours.get(name, flavour)
    separate = [part for pattern in patterns for part in pattern.split("\n")]
    context = _length(parsed.last("C", "0"))
    before = _length(parsed.last("B")) if parsed.has("B") else context
    after = _length(parsed.last("A")) if parsed.has("A") else context
    most = number(parsed.last("m", "999999999"), "grep: invalid max count", high=10**9)
    named = (several or parsed.has("H")) and not parsed.has("h")
    compiled = _compiled(separate, flavour, parsed)
    return _Search(compiled, parsed, before, after, most, named)


def _length(text: str) -> int:
    try:
        return number(text, "", high=100_000)
    except ToolError:
        raise ToolError(f"grep: {text}: invalid context length argument", 2) from None


def _compiled(patterns: list[str], flavour: Flavour, parsed: Parsed) -> re2._Regexp:
    if sum(map(len, patterns)) > MAX_PATTERN_CHARS:
        raise ToolError("grep: Regular expression too big", 2)
    try:
        sources = [_edged(pattern, translate(pattern, flavour), parsed) for pattern in patterns]
        source = "|".join(sources) if sources else _NOTHING
        return compile_pattern(source, "perl", parsed.has("iy"), longest=flavour != "perl")
    except PatternError as error:
        raise ToolError(f"grep: {error}", 2) from None


def _edged(pattern: str, source: str, parsed: Parsed) -> str:
    """The pattern with `-x` or `-w` applied. RE2 has no look-behind, so a pattern that begins or ends
    with a character outside words gets no condition on that side."""
    if parsed.has("x"):
        return f"^(?:{source})$"
    if not parsed.has("w"):
        return f"(?:{source})"
    begin = "\\b" if pattern[:1].isalnum() or pattern[:1] in ("_", "[", "(", "\\") else ""
    end = "\\b" if pattern[-1:].isalnum() or pattern[-1:] in ("_", "]", ")", "*", "+", "}", "?") else ""
    return f"{begin}(?:{source}){end}"


def _file(search: _Search, name: str, lines: list[str]) -> tuple[bool, str]:
    """Whether the file matched, and what grep prints for it."""
    parsed = search.parsed
    hits = []
    if search.most:
        for index, line in enumerate(lines):
            if search.matches(line):
                hits.append(index)
                if len(hits) >= search.most or parsed.has("q"):
                    break
    if parsed.has("q"):
        return bool(hits), ""
    if parsed.has("l") or parsed.has("L"):
        listed = bool(hits) if parsed.has("l") else not hits
        return bool(hits), f"{name}\n" if listed else ""
    label = f"{name}:" if search.named else ""
    if parsed.has("c"):
        return bool(hits), f"{label}{len(hits)}\n"
    if parsed.has("o"):
        return bool(hits), "".join(_only(search, name, lines, hits))
    return bool(hits), "".join(_with_context(search, name, lines, hits))


def _only(search: _Search, name: str, lines: list[str], hits: list[int]) -> list[str]:
    if search.parsed.has("v"):
        return []
    out = []
    for index in hits:
        for match in search.pattern.finditer(lines[index]):
            if match.group():
                out.append(f"{_prefix(search, name, index, ':')}{match.group()}\n")
    return out


def _prefix(search: _Search, name: str, index: int, mark: str) -> str:
    label = f"{name}{mark}" if search.named else ""
    return f"{label}{index + 1}{mark}" if search.parsed.has("n") else label


def _with_context(search: _Search, name: str, lines: list[str], hits: list[int]) -> list[str]:
    out: list[str] = []
    chosen = frozenset(hits)
    context = bool(search.before or search.after)
    last = -1
    for hit in hits:
        begin = max(last + 1, hit - search.before)
        if context and out and begin > last + 1:
            out.append("--\n")
        end = min(len(lines), hit + search.after + 1)
        if search.after:
            following = next((h for h in range(hit + 1, end) if h in chosen), None)
            end = end if following is None else following
        for index in range(begin, end):
            mark = ":" if index in chosen else "-"
            out.append(f"{_prefix(search, name, index, mark)}{lines[index]}\n")
        last = max(last, end - 1)
    return out


TOOLS: dict[str, Tool] = {
    "grep": Tool(
        "grep",
        _grep,
        Text(ru="строки, подходящие под шаблон", en="lines that match a pattern"),
        ("kubectl logs deploy/payment-service | grep -i error", "grep -c 503", "grep -oE 'pod/[a-z0-9-]+'"),
    )
}
