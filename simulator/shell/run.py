"""Run one line of shell over the tools of the simulated company.

Everything is bounded: characters, stages, commands, nesting, data. No command of the machine is run
and none of its files is read; a first word that names no tool is `command not found`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.shell import files
from simulator.shell.builtin import BUILTINS, set_variable
from simulator.shell.expand import Expander, ExpansionProblem
from simulator.shell.lex import MAX_LINE_CHARS
from simulator.shell.options import HelpAsked, ToolError
from simulator.shell.parse import parse
from simulator.shell.raw import quoted_raw
from simulator.shell.streams import MAX_OUTPUT_CHARS, Input, Stop, Streams
from simulator.shell.syntax import (
    AndOr,
    Command,
    For,
    Group,
    If,
    Pipeline,
    Redirect,
    Sequence,
    ShellSyntaxError,
    Simple,
    While,
)
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

MAX_COMMANDS = 300  # of one line, counting those in loops and substitutions
MAX_DATA_CHARS = 12_000_000  # read and written by all commands of one line together
MAX_SUBSTITUTIONS = 3  # $( ) inside one another
MAX_CALLS = 12  # commands that run commands: sudo env xargs ...
MAX_LOOPS = 100
MAX_FOLLOWS = 5  # following commands after one another may take this many limits
COST_CAP_S = 20.0  # a long line is still one act of typing

ALIASES = {
    "k": ["kubectl"],
    "ll": ["ls", "-l"],
    "less": ["cat"],
    "more": ["cat"],
    "egrep": ["grep", "-E"],
    "fgrep": ["grep", "-F"],
    "zgrep": ["grep"],
    "gawk": ["awk"],
    "mawk": ["awk"],
}

_ELSEWHERE = Text(
    ru="этого здесь нет; вместо него: {0}",
    en="not here; instead: {0}",
)
_INSTEAD = {
    "kill": "kubectl delete pod",
    "perl": "awk, sed, grep -P",
    "http": "curl",
    "pgcli": "psql",
    "ab": "promql",
    "hey": "promql",
}


def run_line(world: World, line: str, tools: dict[str, Tool]) -> Reply:
    """The answer to a line as bash would give it. Never raises for what a player typed."""
    if len(line) > MAX_LINE_CHARS:
        return failure(f"bash: line too long ({len(line)} characters; at most {MAX_LINE_CHARS})", 2)
    shell = Shell(world, tools)
    line = quoted_raw(line.encode("utf-8", "replace").decode("utf-8").replace("\0", ""))
    reply = shell.source(line, "")
    world.shell_vars["?"] = str(reply.code)
    reply = replace(reply, cost_s=min(reply.cost_s, COST_CAP_S))
    if any(0xD800 <= ord(c) <= 0xDFFF for c in reply.out + reply.err):
        clean = [text.encode("utf-8", "replace").decode() for text in (reply.out, reply.err)]
        reply = replace(reply, out=clean[0], err=clean[1])
    return reply


class _LoopControl(Exception):
    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Shell:
    """One line's run. Lives no longer than the line and is no part of the world's state."""

    def __init__(self, world: World, tools: dict[str, Tool]) -> None:
        self.world, self.tools = world, tools
        self.began_s = world.now_s
        self.commands = self.data = self.substitutions = self.calls = self.sources = 0
        self.input = Input("")
        self.stray: list[str] = []  # errors of substitutions, printed with the command's own
        self.temporary: list[str] = []  # files behind <( )
        self.expander = Expander(world, self._substitute, self._process)

    def source(self, line: str, stdin: str) -> Reply:
        """Parse and run a text. `exit` and bounds end only this text."""
        if self.sources >= MAX_CALLS:
            raise ToolError("bash: commands nested too deeply", 2)
        self.sources += 1
        outer, self.input = self.input, Input(stdin)
        streams = Streams()
        try:
            self._sequence(parse(line), streams)
        except ShellSyntaxError as error:
            streams.add(failure(f"bash: {error}", 2))
        except Stop as stop:
            if self.sources > 1 and stop.text:
                raise
            streams.err.append(stop.text + "\n" if stop.text else "")
            streams.code = stop.code
        except _LoopControl:
            pass
        finally:
            self.input = outer
            self.sources -= 1
            for path in self.temporary if not self.sources else ():
                self.world.files.pop(path, None)
        return _bounded(streams.reply())

    def call(self, argv: list[str], stdin: str) -> Reply:
        """Run words as a command. Raises ToolError when commands run commands too deeply."""
        self.calls += 1
        try:
            if self.calls > MAX_CALLS:
                raise ToolError(f"bash: {argv[0]}: commands nested too deeply", 126)
            return self._invoke(argv, stdin)
        finally:
            self.calls -= 1

    def read_line(self) -> str | None:
        return self.input.line()

    def _invoke(self, argv: list[str], stdin: str) -> Reply:
        name = argv[0]
        self._charge(len(stdin))
        if name not in self.tools and name in ALIASES:
            argv = ALIASES[name] + argv[1:]
            name = argv[0]
        if (
            "bin/" in name and name.rpartition("/")[2] in self.tools
        ):  # /usr/bin/psql, kafka/bin/kafka-topics.sh
            name = name.rpartition("/")[2]
            argv = [name, *argv[1:]]
        tool = self.tools.get(name)
        builtin = BUILTINS.get(name)
        try:
            if builtin is not None:
                reply = builtin.run(self, argv, stdin)
            elif tool is not None:
                reply = tool.run(self.world, argv, stdin)
            else:
                reply = self._unknown(name)
        except ToolError as error:
            reply = failure(error.text, error.code)
        except HelpAsked:
            reply = BUILTINS["man"].run(self, ["man", name], "")
        self._charge(len(reply.out))
        return _bounded(reply)

    def _charge(self, size: int) -> None:
        self.data += size
        if self.data > MAX_DATA_CHARS:
            raise Stop(1, "bash: too much data: the line was stopped")

    def _unknown(self, name: str) -> Reply:
        if "/" in name:
            known = files.exists(self.world, name)
            directory = files.is_directory(self.world, name)
            why = "Is a directory" if directory else "Permission denied" if known else files.ABSENT
            return failure(f"bash: {name}: {why}", 126 if known else 127)
        text = f"bash: {name}: command not found"
        if name in _INSTEAD:
            text += "\n" + _ELSEWHERE.of(self.world.language).format(_INSTEAD[name])
        return failure(text, 127)

    def _sequence(self, sequence: Sequence, streams: Streams) -> None:
        for item in sequence.items:
            self._and_or(item, streams)

    def _and_or(self, item: AndOr, streams: Streams) -> None:
        self._pipeline(item.first, streams)
        for operator, pipeline in item.rest:
            if (streams.code == 0) == (operator == "&&"):
                self._pipeline(pipeline, streams)

    def _pipeline(self, pipeline: Pipeline, streams: Streams) -> None:
        began, errors, cost_s = self.world.now_s, [], 0.0
        piped: str | None = None
        for stage, merge in zip(pipeline.stages, pipeline.merges, strict=True):
            reply = self._command(stage, piped)
            if merge:
                reply = replace(reply, out=reply.out + reply.err, err="")
            errors.append(reply.err)
            cost_s = max(cost_s, reply.cost_s)
            piped = reply.out
        code = int(not reply.code) if pipeline.negated else reply.code
        if pipeline.timed:
            errors.append(_times(self.world.now_s - began))
        streams.add(Reply(reply.out, "".join(errors), code, cost_s))
        self.world.shell_vars["?"] = str(code)

    def _command(self, command: Command, piped: str | None) -> Reply:
        try:
            if isinstance(command, Simple):
                return self._simple(command, piped)
            return self._redirected(command.redirects, piped, lambda stdin: self._block(command, stdin))
        except (ExpansionProblem, ToolError) as error:
            text = error.text if isinstance(error, ToolError) else f"bash: {error}"
            return failure(text, error.code if isinstance(error, ToolError) else 1)

    def _block(self, command: Command, stdin: str) -> Reply:
        outer, streams = self.input, Streams()
        self.input = Input(stdin) if stdin else outer
        try:
            if isinstance(command, For):
                self._for(command, streams)
            elif isinstance(command, While):
                self._while(command, streams)
            elif isinstance(command, If):
                self._if(command, streams)
            elif isinstance(command, Group):
                self._sequence(command.body, streams)
        finally:
            self.input = outer
        return streams.reply()

    def _for(self, command: For, streams: Streams) -> None:
        for value in self.expander.fields(command.words):
            set_variable(self.world, command.variable, value)
            if not self._body(command.body, streams):
                return

    def _while(self, command: While, streams: Streams) -> None:
        if not command.until and _always_true(command.condition):
            streams.add(
                failure(
                    "bash: endless loops are not available here: use watch -n SECONDS 'COMMAND'"
                    " or for i in $(seq 10); do COMMAND; sleep 5; done",
                    1,
                )
            )
            return
        for _ in range(MAX_LOOPS):
            condition = Streams()
            self._sequence(command.condition, condition)
            streams.add(condition.reply())
            if (condition.code == 0) == command.until:
                streams.code = 0
                return
            if not self._body(command.body, streams):
                return
        streams.add(failure(f"bash: loop stopped after {MAX_LOOPS} rounds"))

    def _body(self, body: Sequence, streams: Streams) -> bool:
        """One round of a loop; False when `break` ended it."""
        try:
            self._sequence(body, streams)
        except _LoopControl as control:
            return control.word == "continue"
        if self.world.now_s - self.began_s < self.world.follow_limit_s:
            return True
        streams.add(
            failure(f"bash: loop stopped: {self.world.now_s - self.began_s:g} simulated seconds passed")
        )
        return False

    def _if(self, command: If, streams: Streams) -> None:
        for condition, body in command.branches:
            checked = Streams()
            self._sequence(condition, checked)
            streams.add(checked.reply())
            if checked.code == 0:
                self._sequence(body, streams)
                return
        streams.code = 0
        if command.otherwise is not None:
            self._sequence(command.otherwise, streams)

    def _simple(self, command: Simple, piped: str | None) -> Reply:
        self.commands += 1
        if self.world.now_s - self.began_s > MAX_FOLLOWS * self.world.follow_limit_s:
            raise Stop(1, f"bash: line stopped: {self.world.now_s - self.began_s:g} simulated seconds passed")
        if self.commands > MAX_COMMANDS:
            raise Stop(1, f"bash: line stopped after {MAX_COMMANDS} commands")
        stray, self.stray = self.stray, []
        try:
            reply = self._redirected(command.redirects, piped, lambda stdin: self._words(command, stdin))
            return replace(reply, err="".join(self.stray) + reply.err)
        finally:
            self.stray = stray

    def _words(self, command: Simple, stdin: str) -> Reply:
        before = self.substitutions_code = 0
        argv = self.expander.fields(command.words)
        assigned = {name: self.expander.text(word) for name, word in command.assignments}
        if not argv:
            for name, value in assigned.items():
                set_variable(self.world, name, value)
            return Reply(code=self.substitutions_code or before, cost_s=1.0)
        if argv[0] in ("exit", "return", "logout"):
            raise Stop(int(argv[1]) % 256 if argv[1:] and argv[1].isdigit() and len(argv[1]) < 9 else 0)
        loop_word = argv[0] == "continue" or (argv[0] == "break" and (len(argv) == 1 or argv[1].isdigit()))
        if loop_word:  # with other words after it, `break` is the console of faults
            raise _LoopControl(argv[0])
        if not assigned:
            return self._invoke(argv, stdin)
        saved = {name: self.world.shell_vars.get(name) for name in assigned}
        for name, value in assigned.items():
            set_variable(self.world, name, value)
        try:
            return self._invoke(argv, stdin)
        finally:
            for name, old in saved.items():
                if old is None:
                    self.world.shell_vars.pop(name, None)
                else:
                    self.world.shell_vars[name] = old

    def _redirected(
        self, redirects: tuple[Redirect, ...], piped: str | None, run: Callable[[str], Reply]
    ) -> Reply:
        """Open the redirects from left to right, run, and deliver both streams."""
        stdin = self.input.rest() if piped is None else piped
        where: dict[int, str] = {1: "&1", 2: "&2"}
        for redirect in redirects:
            target = self.expander.text(redirect.target)
            try:
                if redirect.kind == "read":
                    stdin = files.read(self.world, target, stdin)
                elif redirect.kind == "here":
                    stdin = target + "\n"
                elif redirect.kind == "duplicate":
                    where[redirect.stream] = where.get(int(target), "&1")
                else:
                    files.write(self.world, target, "", append=redirect.kind == "append")
                    for stream in (1, 2) if redirect.stream == 3 else (redirect.stream,):
                        where[stream] = target
            except files.FileProblem as problem:
                return failure(f"bash: {target[:200]}: {problem.reason}")
        return self._deliver(run(stdin), where)

    def _deliver(self, reply: Reply, where: dict[int, str]) -> Reply:
        if where == {1: "&1", 2: "&2"}:
            return reply
        out, err, complaints = "", "", ""
        for stream, text in ((1, reply.out), (2, reply.err)):
            target = where[stream]
            if target in ("&1", "/dev/stdout"):
                out += text
            elif target in ("&2", "/dev/stderr"):
                err += text
            elif text:
                try:
                    files.write(self.world, target, text, append=True)
                except files.FileProblem as problem:
                    complaints = f"bash: {target[:200]}: {problem.reason}\n"
        return replace(reply, out=out, err=err + complaints, code=1 if complaints else reply.code)

    def _substitute(self, source: str) -> str:
        if self.substitutions >= MAX_SUBSTITUTIONS:
            raise ExpansionProblem("command substitutions nested too deeply")
        self.substitutions += 1
        try:
            reply = self.source(source, self.input.rest())
        finally:
            self.substitutions -= 1
        self.stray.append(reply.err)
        self.substitutions_code = reply.code
        return reply.out

    def _process(self, source: str) -> str:
        path = f"/dev/fd/{63 - len(self.temporary)}"
        self.world.files[path] = self._substitute(source)
        self.temporary.append(path)
        return path


def _always_true(condition: Sequence) -> bool:
    first = condition.items[0].first if len(condition.items) == 1 else None
    if first is None or condition.items[0].rest or len(first.stages) != 1 or first.negated:
        return False
    stage = first.stages[0]
    words = [word.plain for word in stage.words] if isinstance(stage, Simple) else []
    return words in (["true"], [":"], ["[", "1", "]"])


def _times(seconds: float) -> str:
    """What bash's `time` prints; nothing here burns processor time of its own."""
    seconds += 0.012  # starting a process and reading the answer
    return f"\nreal\t{int(seconds // 60)}m{seconds % 60:.3f}s\nuser\t0m0.004s\nsys\t0m0.003s\n"


def _bounded(reply: Reply) -> Reply:
    if len(reply.out) <= MAX_OUTPUT_CHARS and len(reply.err) <= MAX_OUTPUT_CHARS:
        return reply
    note = f"bash: output longer than {MAX_OUTPUT_CHARS} characters was cut\n"
    return replace(reply, out=reply.out[:MAX_OUTPUT_CHARS], err=reply.err[:MAX_OUTPUT_CHARS] + note)
