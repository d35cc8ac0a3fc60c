"""The git console: which subcommand goes where. Reading works, writing is explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.git import log, views
from simulator.git.revisions import Checkout, GitError, checkout_for
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.shell import files
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

_READ_ONLY = Text(
    ru="git {0}: рабочая копия здесь только для чтения. {1}",
    en="git {0}: the working copy is read-only here. {1}",
)
_RELEASE = Text(
    ru="Чтобы вернуть прежнюю версию в бой: kubectl rollout undo deployment/{0}",
    en="To bring the previous version back to production: kubectl rollout undo deployment/{0}",
)
_LOOK = Text(
    ru="Посмотреть файл другой версии: git show {0}:ПУТЬ; сравнить: git diff {0} HEAD",
    en="To see a file of another version: git show {0}:PATH; to compare: git diff {0} HEAD",
)
_BISECT = Text(
    ru="bisect требует сборки и проверки каждой версии, этого здесь нет. Версий немного: "
    "git log --oneline, затем git show ХЕШ",
    en="bisect needs to build and try each version, which is not possible here. There are few: "
    "git log --oneline, then git show HASH",
)
_WRITES = (
    "add",
    "commit",
    "push",
    "merge",
    "rebase",
    "reset",
    "cherry-pick",
    "revert",
    "stash",
    "rm",
    "mv",
    "am",
    "apply",
    "clean",
    "restore",
    "clone",
    "init",
    "worktree",
    "gc",
    "filter-branch",
)
_HELP = """\
usage: git [-C <path>] <command> [<args>]

   log        Show commit logs
   show       Show various types of objects
   diff       Show changes between commits
   blame      Show what revision and author last modified each line of a file
   grep       Print lines matching a pattern
   tag        List tags
   branch     List branches
   status     Show the working tree status
   shortlog   Summarize 'git log' output
   ls-files   Show information about files in the index
"""


def _reflog(world: World, checkout: Checkout, _words: list[str]) -> str:
    """Where HEAD has been: a clone that was brought up to date commit by commit."""
    rows = log.log(world, checkout, ["--format=%h %s"]).splitlines()
    return "".join(
        f"{row.partition(' ')[0]} HEAD@{{{n}}}: pull: {row.partition(' ')[2]}\n" for n, row in enumerate(rows)
    )


def _cherry(world: World, checkout: Checkout, words: list[str]) -> str:
    """Commits that the upstream lacks."""
    refs = [word for word in words if not word.startswith("-")]
    if not refs:
        raise GitError(
            "fatal: could not find a tracked remote branch, please specify <upstream> manually.", 128
        )
    head = refs[1] if len(refs) > 1 else "HEAD"
    form = "--format=+ %H %s" if "-v" in words else "--format=+ %H"
    return log.log(world, checkout, [f"{refs[0]}..{head}", form, "--reverse"])


Read = Callable[["World", Checkout, list[str]], str]
_COMMANDS: dict[str, Read] = {
    "log": log.log,
    "show": log.show,
    "shortlog": log.shortlog,
    "whatchanged": log.log,
    "blame": views.blame,
    "annotate": views.blame,
    "tag": views.tag,
    "branch": views.branch,
    "status": views.status,
    "rev-parse": views.rev_parse,
    "rev-list": views.rev_list,
    "describe": views.describe,
    "ls-files": views.ls_files,
    "remote": views.remote,
    "merge-base": views.merge_base,
    "reflog": _reflog,
    "cherry": _cherry,
}
_CODED = {"diff": views.diff, "grep": views.grep}
COMMANDS = (*_COMMANDS, *_CODED)  # what reads, for completion


def _git(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        return _run(world, argv[1:])
    except GitError as error:
        return failure(error.text, error.code)


def _run(world: World, words: list[str]) -> Reply:
    directory = files.working_directory(world)
    while words[:1] and words[0] in ("-C", "--no-pager", "-P", "-p", "-c"):
        if words[0] in ("-C", "-c"):
            if len(words) < 2:
                raise GitError(f"error: no directory given for '{words[0]}' option", 129)
            if words[0] == "-C":
                if not files.is_directory(world, words[1]):
                    raise GitError(f"fatal: cannot change to '{words[1][:200]}': {files.ABSENT}")
                directory = files.resolve(world, words[1])
            words = words[1:]
        words = words[1:]
    if not words or words[0] in ("help", "--help", "-h"):
        return Reply(out=_HELP, code=0 if words else 1)
    command, rest = words[0], words[1:]
    if command in ("--version", "version"):
        return Reply(out="git version 2.39.5\n")
    if command.startswith("-"):
        raise GitError(f"unknown option: {command[:80]}\n{_HELP}", 129)
    if command not in _COMMANDS and command not in _CODED and command not in _EXPLAINED:
        raise GitError(f"git: '{command[:80]}' is not a git command. See 'git --help'.", 1)
    checkout = checkout_for(world, directory)
    if command in _COMMANDS:
        return Reply(out=_COMMANDS[command](world, checkout, rest))
    if command in _CODED:
        out, code = _CODED[command](world, checkout, rest)
        return Reply(out=out, code=code)
    return _EXPLAINED[command](world, checkout, command, rest)


def _writes(world: World, checkout: Checkout, command: str, _rest: list[str]) -> Reply:
    advice = _RELEASE.of(world.language).format(checkout.repository.name)
    return failure(_READ_ONLY.of(world.language).format(command, advice))


def _checkout(world: World, checkout: Checkout, command: str, rest: list[str]) -> Reply:
    names = [word for word in rest if not word.startswith("-")]
    if names and checkout.find(names[0]) is None and not views.exists(checkout, names[0]):
        return failure(f"error: pathspec '{names[0][:200]}' did not match any file(s) known to git")
    if names[:1] and names[0] in ("main", "master"):
        return Reply(err="Already on 'main'\n", out="Your branch is up to date with 'origin/main'.\n")
    advice = _LOOK.of(world.language).format(names[0] if names else "v1")
    release = _RELEASE.of(world.language).format(checkout.repository.name)
    return failure(_READ_ONLY.of(world.language).format(command, f"{advice}\n{release}"))


def _bisect(world: World, _checkout: Checkout, _command: str, _rest: list[str]) -> Reply:
    return failure(_BISECT.of(world.language))


def _nothing_new(_world: World, _checkout: Checkout, command: str, _rest: list[str]) -> Reply:
    return Reply(out="Already up to date.\n" if command == "pull" else "")


_EXPLAINED: dict[str, Callable[[World, Checkout, str, list[str]], Reply]] = {
    **dict.fromkeys(_WRITES, _writes),
    "checkout": _checkout,
    "switch": _checkout,
    "bisect": _bisect,
    "pull": _nothing_new,
    "fetch": _nothing_new,
}

TOOLS: dict[str, Tool] = {
    "git": Tool(
        "git",
        _git,
        Text(ru="история кода: log, show, diff, blame", en="the code's history: log, show, diff, blame"),
        (
            "git log --oneline",
            "git log --since='2 days ago' --stat",
            "git diff v2.8.0 v2.8.1",
            "git show v2.8.1",
            "git blame src/main/kotlin/shop/payments/PaymentService.kt",
        ),
    )
}
