"""psql's core: one connection, a text of statements and backslash commands, output and errors in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from simulator.postgres import layout, lexer
from simulator.postgres.errors import PgError, located, render, render_notice
from simulator.postgres.result import Result
from simulator.postgres.state import Session

if TYPE_CHECKING:
    from simulator.world import World

MAX_TEXT = 200_000
MAX_OUTPUT = 1_000_000  # characters of one run
MAX_STATEMENTS = 2_000
# What a trivial statement takes when the server has nothing else to do; under load it waits its share.
TRIVIAL_S = 0.0004


@dataclass
class Client:
    """One psql run: where it is connected, how it prints, what it has printed."""

    world: World
    session: Session
    form: layout.Format = field(default_factory=layout.Format)
    quiet: bool = False
    timing: bool = False
    interactive: bool = False  # lines of a terminal rather than a script
    bouncer: bool = False
    stop_on_error: bool = False
    file: str = ""  # errors of a script file carry its name and the line
    out: str = ""
    err: str = ""
    cost_s: float = 1.0
    code: int = 0
    last_query: str = ""
    finished: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    branches: list[str] = field(default_factory=list)  # open \\if: on, off, done (one was taken), out
    depth: int = 0


@dataclass(frozen=True)
class Piece:
    """A part of a script: a statement (`command` empty) or a backslash command with what stood before it."""

    text: str
    line: int
    command: str = ""
    arguments: str = ""
    ended: bool = True  # whether a semicolon ended the statement


def pieces(text: str) -> Iterator[Piece]:
    """A script cut as psql's lexer cuts it: at semicolons outside quotes and brackets, at backslash commands."""
    start = i = depth = 0
    while i < len(text):
        jump = lexer.skip_quoted(text, i)
        if jump > i:
            i = jump
        elif text[i] in "()":
            depth = max(0, depth + (1 if text[i] == "(" else -1))
            i += 1
        elif text[i] == ";" and not depth:
            yield Piece(text[start:i].strip(), text.count("\n", 0, i) + 1)
            i += 1
            start = i
        elif text.startswith("\\\\", i) and not text[start:i].strip():
            i = start = i + 2  # only parts a command from what follows
        elif text[i] == "\\":
            end = i + 1
            while end < len(text) and not text[end].isspace() and text[end] != "\\":
                end += 1
            stop = text.find("\n", end)
            stop = len(text) if stop < 0 else stop
            follows = text.find("\\", end, stop)
            stop = follows if follows >= 0 else stop
            yield Piece(
                text[start:i].strip(), text.count("\n", 0, i) + 1, text[i:end], text[end:stop].strip()
            )
            i = start = stop
            depth = 0
        else:
            i += 1
    rest = text[start:].strip()
    if lexer.strip_comments(rest).strip():
        yield Piece(rest, text.count("\n") + 1, ended=False)


def run_script(client: Client, text: str) -> None:
    """Statements and backslash commands one after another, as from standard input or a file."""
    from simulator.postgres import copyin

    blocks = copyin.cut(text) if "from stdin" in text.lower() else [copyin.Block(text)]
    carried = sum(len(line) for block in blocks for line in block.lines)
    if carried > copyin.MAX_DATA or not _acceptable(client, "".join(b.text for b in blocks)):
        return
    for block in blocks:
        if client.finished:
            break
        if not block.table:
            _run_pieces(client, block.text)
        elif not copyin.run(client, block) and client.stop_on_error:
            client.code, client.finished = 3, True


def _run_pieces(client: Client, text: str) -> None:
    from simulator.postgres import meta, script

    for count, piece in enumerate(pieces(text)):
        if client.finished or count >= MAX_STATEMENTS or len(client.out) > MAX_OUTPUT:
            break
        if script.branch(client, piece):
            fine = True
        elif piece.command:
            told = script.interpolated(client, piece.arguments)
            fine = meta.run(
                client, replace(piece, text=script.interpolated(client, piece.text), arguments=told)
            )
        elif lexer.strip_comments(piece.text).strip():
            query = script.interpolated(client, piece.text)
            fine = statement(client, query, query + (";" if piece.ended else ""), 0, piece.line)
        else:
            fine = True
        if not fine and client.stop_on_error:
            client.code, client.finished = 3, True
    script.end(client)


def run_string(client: Client, text: str) -> None:
    """A `-c` string: one backslash command, or statements that stand or fall together."""
    from simulator.postgres import execute, meta

    if not _acceptable(client, text):
        return
    client.code = 0
    bare = text.strip()
    if bare.startswith("\\"):
        name, _, arguments = bare.partition(" ")
        if not meta.run(client, Piece("", 1, name, arguments.strip())):
            client.code = 1
        return
    if client.bouncer:
        client.code = 0 if statement(client, bare.rstrip(";"), bare, 0, 1) else 1
        return
    found = lexer.split(text)[:MAX_STATEMENTS]
    together = len(found) > 1
    broken = next((part for part in found if together and _misspelt(part.text)), None)
    if broken is not None:  # a string is read as a whole before any of it runs
        client.code = int(not statement(client, broken.text, text, broken.start, 1))
        return
    if together:
        execute.begin_implicit(client.world, client.session)
    failed = False
    for part in found:
        client.session.implicit = together and client.session.implicit
        if together and not client.session.in_transaction:
            execute.begin_implicit(client.world, client.session)
        if not statement(client, part.text, text, part.start, 1):
            failed, client.code = True, 1
            break
    execute.end_implicit(client.world, client.session, failed)


COMMANDS = frozenset(
    "abort alter analyze begin call checkpoint close cluster comment commit copy create deallocate declare delete discard"
    " do drop end execute explain fetch grant import insert listen load lock merge move notify prepare reassign refresh"
    " reindex release reset revoke rollback savepoint security select set show start table truncate unlisten update vacuum"
    " values with".split()
)
READ = frozenset("select with insert update delete values table".split())


def _misspelt(text: str) -> bool:
    """Whether a statement is none by its grammar."""
    from simulator.postgres import parser

    word = lexer.first_word(text)
    if word not in READ:
        return bool(word) and word.isalpha() and word not in COMMANDS
    try:
        parser.parse(text)
    except PgError as error:
        return error.message.startswith("syntax error")
    except RecursionError:
        return False
    return False


def _acceptable(client: Client, text: str) -> bool:
    if len(text) <= MAX_TEXT and "\0" not in text:
        return True
    client.err += f"psql: error: the text is longer than this terminal reads ({MAX_TEXT} characters)\n"
    client.code = 1
    return False


def statement(client: Client, text: str, sent: str, start: int, line: int) -> bool:
    """Run one statement and print what it brings; `sent` is the string whose lines errors quote."""
    from simulator.postgres import bouncer, execute

    client.last_query = text.strip()
    runs_s = 0.0
    try:
        if client.bouncer:
            result = bouncer.run(client.world, client.session.component, text)
        else:
            result = execute.run(client.world, client.session, text)
        runs_s = result.cost_s
        show(client, result)
    except PgError as error:
        report(client, error, text, sent, start, line)
        return False
    finally:
        client.cost_s += runs_s
    if client.timing:
        client.out += timing(client, runs_s)
    return True


def answer(client: Client, query: str, line: int) -> Result | None:
    """A query's result, not shown; None when it failed, which is reported."""
    from simulator.postgres import execute

    client.last_query = query.strip()
    try:
        result = execute.run(client.world, client.session, query)
    except PgError as error:
        report(client, error, query, query, 0, line)
        return None
    client.cost_s += result.cost_s
    return result


def show(client: Client, result: Result) -> None:
    for notice in result.notices:
        client.err += _prefix(client, 1) + render_notice(notice)
    if result.raw is not None:
        client.out += result.raw
    elif result.is_query:
        offset = _offset_min(client)
        client.form.offset_min = offset
        client.out += layout.render(result, client.form)
        if result.tag.split(" ")[0] in ("INSERT", "UPDATE", "DELETE") and not client.quiet:
            client.out += result.tag + "\n"
    elif not result.tag:
        count = len(result.rows)  # a SELECT without columns
        client.out += (
            f"--\n({count} row{'' if count == 1 else 's'})\n\n" if not client.form.tuples_only else ""
        )
    elif not client.quiet:
        client.out += result.tag + "\n"


def _offset_min(client: Client) -> int:
    from simulator.postgres.expressions import ZONES_MIN

    return ZONES_MIN.get(client.session.settings.get("timezone", "UTC").lower(), 0)


def _prefix(client: Client, line: int) -> str:
    return f"psql:{client.file}:{line}: " if client.file else ""


def report(client: Client, error: PgError, text: str, sent: str, start: int, line: int) -> None:
    """The error as psql prints it, marked in the string that was sent."""
    position = located(error, text)
    message = error.message
    leading = len(text) - len(text.lstrip()) if start == 0 and sent.startswith(text.lstrip()[:1]) else 0
    offset = sent.find(text) if start == 0 and text in sent else start
    if message == "syntax error at end of input" and sent[offset + len(text) :].startswith(";"):
        message, position = 'syntax error at or near ";"', len(text)
    moved = (
        None if position is None else min(offset + position - (leading if text not in sent else 0), len(sent))
    )
    shown = PgError(message, position=moved, detail=error.detail, hint=error.hint, context=error.context)
    client.err += _prefix(client, line) + render(shown, sent)


def timing(client: Client, runs_s: float) -> str:
    """`Time: 0.512 ms`, with minutes and seconds in brackets when it is long."""
    state = client.world.plane.database(client.session.component)
    total_ms = (TRIVIAL_S * max(1.0, state.active / max(1, state.cores)) + runs_s) * 1000
    if total_ms < 1000:
        return f"Time: {total_ms:.3f} ms\n"
    seconds = total_ms / 1000
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    clock = f"{hours:02}:{minutes:02}:{rest:06.3f}" if hours else f"{minutes:02}:{rest:06.3f}"
    return f"Time: {total_ms:.3f} ms ({clock})\n"
