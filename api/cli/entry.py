"""The parser and the way into each command. Only the standard library at module level.

`--help` has to cost next to nothing, so a command's own imports are inside its function.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from api.cli.errors import UsageError
from api.messages import LANGUAGES, choose_language, say

# command -> where its function lives; imported when the command is given, never before
COMMANDS: dict[str, str] = {
    "play": "api.cli.play:play",
    "scenarios": "api.cli.lists:scenarios",
    "sessions": "api.cli.lists:sessions",
    "run": "api.cli.runs:run",
    "exec": "api.cli.runs:execute_one",
    "review": "api.cli.judging:review",
    "grade": "api.cli.judging:grade",
    "bench": "api.cli.bench:bench",
    "lint": "api.cli.proving:lint",
    "export": "api.cli.export:export",
    "interview": "api.cli.interview:interview",
    "serve": "api.cli.serve:serve",
    "mcp": "api.cli.mcp:mcp",
    "story": "api.cli.story:story",
}
SEED_LIMIT = 2**63  # what SQLite's INTEGER holds


class _Parser(argparse.ArgumentParser):
    """argparse, with one line for an error and both languages for the help."""

    def error(self, message: str) -> NoReturn:
        command = self.prog.removeprefix("dropprod").strip()
        where = f"{command}: " if command else ""
        self.exit(2, f"dropprod: {where}{message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the result is the process' exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    _speak_utf8()
    try:
        options = build_parser(_language_of(words)).parse_args(words)
        return _command(options.command)(options)
    except UsageError as error:
        print(f"dropprod: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader left (`| head`): not an error, and nothing may be flushed into it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    module, function = COMMANDS[name].split(":")
    found: Callable[[argparse.Namespace], int] = getattr(import_module(module), function)
    return found


def _language_of(words: list[str]) -> str:
    """The language of the help: `--lang` wherever it stands, else the locale."""
    given = None
    for index, word in enumerate(words):
        if word == "--":
            break
        if word.startswith("--lang="):
            given = word.removeprefix("--lang=")
        elif word == "--lang" and index + 1 < len(words):
            given = words[index + 1]
    return choose_language(given if given in LANGUAGES else None, os.environ)


def _speak_utf8() -> None:
    """Cyrillic must neither crash on a C locale nor arrive as surrogates."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def build_parser(language: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="dropprod", description=say(language, "about"), add_help=False, formatter_class=_Help
    )
    _name_groups(parser, language)
    parser.add_argument("--version", action="version", version=_version(), help=say(language, "opt.version"))
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", title=say(language, "usage.commands")
    )

    def add(name: str) -> argparse.ArgumentParser:
        text = say(language, f"help.{name}")
        child: argparse.ArgumentParser = commands.add_parser(
            name,
            help=text,
            description=text,
            add_help=False,
            allow_abbrev=False,
            formatter_class=_Help,
        )
        _name_groups(child, language)
        return child

    _add_play(add("play"), language)
    for name in ("scenarios", "sessions"):
        command = add(name)
        _add_language(command, language)
        command.add_argument("--json", action="store_true", help=say(language, "opt.json"))
    _add_run(add("run"), language)
    _add_exec(add("exec"), language)
    _add_review(add("review"), language)
    _add_interview(add("interview"), language)
    _add_story(add("story"), language)
    _add_serve(add("serve"), language)
    _add_language(add("mcp"), language)
    grade = add("grade")
    grade.add_argument("--jsonl", metavar="FILE|-", required=True, help=say(language, "opt.jsonl"))
    measure = add("bench")
    measure.add_argument(
        "name",
        nargs="?",
        choices=("engine", "conformance", "determinism", "peers", "terminal", "tools", "load", "judge"),
        default="engine",
        metavar="NAME",
    )
    measure.add_argument("--json", action="store_true", help=say(language, "opt.json"))
    measure.add_argument("--texts", metavar="DIR", help=say(language, "opt.texts"))
    _add_lint(add("lint"), language)
    _add_export(add("export"), language)
    return parser


class _Help(argparse.HelpFormatter):
    """argparse's own, except that it leaves room for the names of the commands, too."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        if isinstance(action, argparse._SubParsersAction):
            self._action_max_length += self._indent_increment


def _version() -> str:
    import simulator

    return f"dropprod {simulator.__version__}"


def _name_groups(parser: argparse.ArgumentParser, language: str) -> None:
    parser._positionals.title = say(language, "usage.arguments")
    parser._optionals.title = say(language, "usage.options")
    parser.add_argument("-h", "--help", action="help", help=say(language, "opt.help"))


def _add_language(parser: argparse.ArgumentParser, language: str) -> None:
    parser.add_argument("--lang", choices=LANGUAGES, help=say(language, "opt.lang"))


def _add_play(parser: argparse.ArgumentParser, language: str) -> None:
    parser.add_argument("scenario", nargs="?", metavar="SCENARIO", help=say(language, "opt.scenario"))
    _add_language(parser, language)
    parser.add_argument("--seed", type=_seed, metavar="N", help=say(language, "opt.seed"))
    parser.add_argument("--resume", metavar="ID", help=say(language, "opt.resume"))
    parser.add_argument("--pace", choices=("turn", "live"), default="turn", help=say(language, "opt.pace"))
    parser.add_argument("--speed", type=int, choices=(1, 10), default=1, help=say(language, "opt.speed"))
    parser.add_argument("--tui", action="store_true", help=say(language, "opt.tui"))


def _add_run(parser: argparse.ArgumentParser, language: str) -> None:
    parser.add_argument("scenario", metavar="SCENARIO", help=say(language, "opt.scenario"))
    parser.add_argument("--commands", metavar="FILE|-", help=say(language, "opt.commands"))
    parser.add_argument("--seed", type=_seed, default=1, metavar="N", help=say(language, "opt.seed"))
    parser.add_argument("--until", type=_seconds, metavar="S", help=say(language, "opt.until"))
    parser.add_argument(
        "--with",
        dest="interventions",
        nargs="+",
        action="extend",
        default=[],
        metavar="INTERVENTION",
        help=say(language, "opt.with"),
    )
    parser.add_argument(
        "--set",
        dest="overrides",
        nargs="+",
        action="extend",
        default=[],
        metavar="PATH=VALUE",
        help=say(language, "opt.set"),
    )
    parser.add_argument("--engine", choices=("cohort", "exact"), help=say(language, "opt.engine"))
    _add_language(parser, language)
    parser.add_argument("--json", action="store_true", help=say(language, "opt.json"))
    parser.add_argument("--progress", action="store_true", help=say(language, "opt.progress"))


def _add_exec(parser: argparse.ArgumentParser, language: str) -> None:
    parser.add_argument("scenario", metavar="SCENARIO", help=say(language, "opt.scenario"))
    parser.add_argument("--at", type=_seconds, default=0.0, metavar="S", help=say(language, "opt.at"))
    parser.add_argument("--seed", type=_seed, default=1, metavar="N", help=say(language, "opt.seed"))
    parser.add_argument("words", nargs="+", metavar="COMMAND", help=say(language, "opt.words"))


def _add_review(parser: argparse.ArgumentParser, language: str) -> None:
    parser.add_argument("scenario", metavar="SCENARIO", help=say(language, "opt.scenario"))
    parser.add_argument("--text", metavar="FILE|-", required=True, help=say(language, "opt.text"))
    kinds = ("action-items", "postmortem")
    parser.add_argument("--kind", choices=kinds, default=kinds[0], help=say(language, "opt.kind"))
    parser.add_argument("--commands", metavar="FILE", help=say(language, "opt.review_commands"))
    parser.add_argument("--seed", type=_seed, default=1, metavar="N", help=say(language, "opt.seed"))
    _add_language(parser, language)
    parser.add_argument("--json", action="store_true", help=say(language, "opt.json"))
    parser.add_argument("--progress", action="store_true", help=say(language, "opt.progress"))


def _add_interview(parser: argparse.ArgumentParser, language: str) -> None:
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help=say(language, "opt.prompt"))
    levels = ("junior", "senior", "staff")
    parser.add_argument("--level", choices=levels, default="senior", help=say(language, "opt.level"))
    lengths = ("short", "long")
    parser.add_argument("--length", choices=lengths, default="long", help=say(language, "opt.length"))
    parser.add_argument("--resume", metavar="ID", help=say(language, "opt.resume"))
    _add_language(parser, language)
    parser.add_argument("--json", action="store_true", help=say(language, "opt.json"))


def _add_story(parser: argparse.ArgumentParser, language: str) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--session", metavar="ID", help=say(language, "opt.story_session"))
    source.add_argument("--resume", metavar="ID", help=say(language, "opt.resume"))
    parser.add_argument("--text", metavar="FILE|-", help=say(language, "opt.story_text"))
    _add_language(parser, language)
    parser.add_argument("--json", action="store_true", help=say(language, "opt.json"))
    parser.add_argument("--progress", action="store_true", help=say(language, "opt.progress"))


def _add_serve(parser: argparse.ArgumentParser, language: str) -> None:
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help=say(language, "opt.host"))
    parser.add_argument("--port", type=int, default=8000, metavar="N", help=say(language, "opt.port"))
    parser.add_argument("--database", metavar="URL", help=say(language, "opt.database"))
    parser.add_argument("--access-codes", metavar="FILE", help=say(language, "opt.access_codes"))
    parser.add_argument("--telegram-webhook", metavar="URL", help=say(language, "opt.webhook"))
    parser.add_argument("--worlds", type=int, default=120, metavar="N", help=say(language, "opt.worlds"))
    _add_language(parser, language)


def _add_export(parser: argparse.ArgumentParser, language: str) -> None:
    parser.add_argument("session", metavar="SESSION", help=say(language, "opt.session"))
    parser.add_argument(
        "--as-scenario", metavar="FILE|-", required=True, help=say(language, "opt.as_scenario")
    )
    _add_language(parser, language)


def _add_lint(parser: argparse.ArgumentParser, language: str) -> None:
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=say(language, "opt.lint_scenarios"))
    parser.add_argument("--seed", type=_seed, metavar="N", help=say(language, "opt.lint_seed"))
    parser.add_argument("--whole", action="store_true", help=say(language, "opt.lint_whole"))
    processes = parser.add_argument("--processes", type=int, default=2, choices=range(1, 9), metavar="N")
    processes.help = say(language, "opt.lint_processes")
    _add_language(parser, language)
    parser.add_argument("--json", action="store_true", help=say(language, "opt.json"))
    parser.add_argument("--progress", action="store_true", help=say(language, "opt.progress"))


def _seed(text: str) -> int:
    value = int(text) if text.removeprefix("-").isdecimal() else -1
    if not 0 <= value < SEED_LIMIT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed: expected a whole number from 0 to 2^63-1")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds from 0 to 86400")
    return value
