"""sed: runs a parsed script over lines. Bounded by steps and by the length of what it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from simulator.reply import Reply
from simulator.scenario import Text
from simulator.shell import files
from simulator.shell.inputs import Inputs, gather
from simulator.shell.options import Grammar, ToolError, answers, parse
from simulator.shell.sed_parse import Address, Command, SedSyntaxError
from simulator.shell.sed_parse import parse as parse_script
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

MAX_STEPS = 1_500_000
MAX_TEXT_CHARS = 1_000_000
_GRAMMAR = Grammar(
    flags="nErsuz",
    values="ef",
    long={
        "quiet": "n",
        "silent": "n",
        "expression": "e",
        "regexp-extended": "E",
        "file": "f",
        "separate": "s",
    },
)
_USAGE = "Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]..."


class _Quit(Exception):
    pass


class _Delete(Exception):
    """End the cycle; `restart` keeps what D left in the pattern space."""

    def __init__(self, restart: bool = False) -> None:
        super().__init__(restart)
        self.restart = restart


class SedLimit(Exception):
    pass


class _Stream:
    """One run over the lines of all inputs."""

    def __init__(self, commands: list[Command], lines: list[str], quiet: bool, last_ends: bool) -> None:
        self.commands, self.lines, self.quiet, self.last_ends = commands, lines, quiet, last_ends
        self.number, self.space, self.hold = 0, "", ""
        self.out: list[str] = []
        self.size = self.steps = self.code = 0
        self.after: list[str] = []
        self.active: dict[int, int] = {}  # ranges that are open: command id -> last line, 0 while unknown

    def emit(self, text: str) -> None:
        ends = self.number < len(self.lines) or self.last_ends
        self.size += len(text) + 1
        if self.size > MAX_TEXT_CHARS:
            raise SedLimit("too much output")
        self.out.append(text + ("\n" if ends else ""))

    def run(self) -> None:
        """Raises SedLimit."""
        restart = False
        try:
            while restart or self.number < len(self.lines):
                if not restart:
                    self.space = self.lines[self.number]
                    self.number += 1
                restart = False
                try:
                    self.block(self.commands)
                    self.end_cycle()
                except _Delete as deleted:
                    restart = deleted.restart
                    self.flush()
        except _Quit:
            pass

    def end_cycle(self) -> None:
        if not self.quiet:
            self.emit(self.space)
        self.flush()

    def flush(self) -> None:
        for text in self.after:
            self.emit(text)
        self.after.clear()

    def block(self, commands: list[Command]) -> None:
        for command in commands:
            self.steps += 1 + (len(self.space) >> 6)
            if self.steps > MAX_STEPS:
                raise SedLimit("the script runs too long")
            if self.selected(command) != command.negated:
                if command.letter == "{":
                    self.block(command.body)
                else:
                    self.execute(command)

    def selected(self, command: Command) -> bool:
        if command.first is None:
            return True
        if command.last is None:
            return self.at(command.first)
        key = id(command)
        if key in self.active:
            return self.still_open(command, key)
        if command.first.kind == "line" and command.first.number == 0:
            self.active[key] = 0
            return self.still_open(command, key)
        if not self.at(command.first):
            return False
        last = command.last
        if last.kind == "line":
            end = last.number
        elif last.kind == "plus":
            end = self.number + last.number
        elif last.kind == "multiple":
            end = -(-self.number // last.number) * last.number if last.number else self.number
        else:
            end = 0
        if end > self.number or (end == 0 and last.kind in ("pattern", "last")):
            self.active[key] = end
        return True

    def still_open(self, command: Command, key: int) -> bool:
        end = self.active[key]
        assert command.last is not None  # only ranges are ever open
        if end and self.number > end:
            del self.active[key]
            return self.selected(command) if command.first and command.first.kind != "line" else False
        if (end and self.number == end) or (not end and self.at(command.last)):
            del self.active[key]
            if command.first and command.first.kind == "line" and command.first.number == 0:
                self.active[key] = -1
        elif end == -1:
            return False
        return True

    def at(self, address: Address) -> bool:
        if address.kind == "line":
            return self.number == address.number
        if address.kind == "last":
            return self.number == len(self.lines)
        if address.kind == "step":
            if address.step <= 0:
                return self.number == address.number
            return self.number >= address.number and (self.number - address.number) % address.step == 0
        return address.pattern is not None and address.pattern.search(self.space) is not None

    def execute(self, command: Command) -> None:
        letter = command.letter
        if letter == "s":
            self.substitute(command)
        elif letter == "y":
            self.space = self.space.translate(command.table)
        elif letter == "p":
            self.emit(self.space)
        elif letter == "d":
            raise _Delete
        elif letter == "=":
            self.emit(str(self.number))
        elif letter == "a":
            self.after.append(command.text)
        elif letter == "i":
            self.emit(command.text)
        elif letter == "c":
            if command.last is None or command.negated or id(command) not in self.active:
                self.emit(command.text)
            raise _Delete
        elif letter in "qQ":
            self.code = command.which % 256
            if letter == "q":
                self.end_cycle()
            raise _Quit
        else:
            self.move(letter)

    def move(self, letter: str) -> None:
        """n N D P and the hold space."""
        if letter == "n":
            if self.number >= len(self.lines):
                self.end_cycle()
                raise _Quit
            self.end_cycle()
            self.space = self.lines[self.number]
            self.number += 1
        elif letter == "N":
            if self.number >= len(self.lines):
                self.end_cycle()
                raise _Quit
            self.space = self.bounded(self.space + "\n" + self.lines[self.number])
            self.number += 1
        elif letter == "P":
            self.emit(self.space.partition("\n")[0])
        elif letter == "D":
            _, newline, rest = self.space.partition("\n")
            self.space = rest
            raise _Delete(restart=bool(newline))
        elif letter == "z":
            self.space = ""
        elif letter == "l":
            shown = self.space.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
            self.emit(shown + "$")
        elif letter == "h":
            self.hold = self.space
        elif letter == "H":
            self.hold = self.bounded(self.hold + "\n" + self.space)
        elif letter == "g":
            self.space = self.hold
        elif letter == "G":
            self.space = self.bounded(self.space + "\n" + self.hold)
        elif letter == "x":
            self.space, self.hold = self.hold, self.space

    def bounded(self, text: str) -> str:
        self.steps += len(text) >> 6
        if len(text) > MAX_TEXT_CHARS:
            raise SedLimit("a line grows too long")
        return text

    def substitute(self, command: Command) -> None:
        assert command.pattern is not None  # the parser gives every s a pattern
        out: list[str] = []
        at = index = size = 0
        for match in command.pattern.finditer(self.space):
            if match.start() == match.end() == at and index:
                continue  # an empty match right behind another one
            index += 1
            if index < command.which:
                continue
            made = _filled(command.replacement, match)
            size += len(made)
            if size > MAX_TEXT_CHARS:
                raise SedLimit("a line grows too long")
            out += [self.space[at : match.start()], made]
            at = match.end()
            if not command.every:
                break
        self.steps += index
        if out:
            self.space = self.bounded("".join(out) + self.space[at:])
            if command.prints:
                self.emit(self.space)


def _filled(template: list[str | int], match: re2._Match) -> str:
    out: list[str] = []
    case, once = "", ""
    for piece in template:
        if isinstance(piece, str) and len(piece) == 2 and piece[0] == "\\":
            if piece[1] in "ul":
                once = piece[1]
            else:
                case = piece[1]
            continue
        text = match.group(piece) or "" if isinstance(piece, int) else piece
        text = text.upper() if case == "U" else text.lower() if case == "L" else text
        if once and text:
            text = (text[0].upper() if once == "u" else text[0].lower()) + text[1:]
            once = ""
        out.append(text)
    return "".join(out)


@answers
def _sed(world: World, argv: list[str], stdin: str) -> Reply:
    in_place = [word for word in argv[1:] if word.startswith("-i") or word.startswith("--in-place")]
    parsed = parse([word for word in argv if word not in in_place], _GRAMMAR)
    operands = list(parsed.operands)
    scripts = parsed.all("e") + [_script(world, name, stdin) for name in parsed.all("f")]
    if not scripts:
        if not operands:
            raise ToolError(_USAGE)
        scripts = [operands.pop(0)]
    try:
        commands = parse_script("\n".join(scripts), parsed.has("Er"))
    except SedSyntaxError as error:
        raise ToolError(f"sed: -e expression #1, {error}") from None
    inputs = gather(world, "sed", operands, stdin)
    if in_place:
        return _in_place(world, commands, inputs, parsed.has("n"))
    stream, errors = _streamed(commands, inputs.text, parsed.has("n"))
    code = stream.code or (4 if errors else 2 if inputs.errors else 0)
    return Reply("".join(stream.out), "".join(inputs.errors) + errors, code)


def _script(world: World, name: str, stdin: str) -> str:
    try:
        return files.read(world, name, stdin)
    except files.FileProblem as problem:
        raise ToolError(f"sed: couldn't open file {name}: {problem.reason}") from None


def _streamed(commands: list[Command], text: str, quiet: bool) -> tuple[_Stream, str]:
    lines = text.split("\n")
    ends = not lines[-1]
    if ends:
        lines.pop()
    stream = _Stream(commands, lines, quiet, ends)
    try:
        stream.run()
    except SedLimit as limit:
        return stream, f"sed: stopped: {limit}\n"
    return stream, ""


def _in_place(world: World, commands: list[Command], inputs: Inputs, quiet: bool) -> Reply:
    errors = "".join(inputs.errors)
    for name, text in inputs.found:
        if name == "-":
            raise ToolError("sed: no input files")
        stream, problem = _streamed(commands, text, quiet)
        errors += problem
        try:
            files.write(world, name, "".join(stream.out))
        except files.FileProblem as denied:
            errors += f"sed: couldn't open temporary file {name}: {denied.reason}\n"
    return Reply(err=errors, code=4 if errors else 0)


TOOLS: dict[str, Tool] = {
    "sed": Tool(
        "sed",
        _sed,
        Text(ru="правка потока строк", en="edit a stream of lines"),
        ("sed 's/old/new/g'", "sed -n '10,20p'", "sed '/DEBUG/d'"),
    )
}
