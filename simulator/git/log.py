"""git log, show and shortlog."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from simulator.git import changes
from simulator.git.revisions import Checkout, GitError, ambiguous, moment, split_arguments
from simulator.shell.clock import strftime
from simulator.shell.patterns import PatternError, compile_pattern

if TYPE_CHECKING:
    import re2

    from simulator.world import World

_IGNORED = frozenset(
    [
        "--all",
        "--branches",
        "--tags",
        "--remotes",
        "--no-merges",
        "--first-parent",
        "--topo-order",
        "--date-order",
        "--no-color",
        "--color",
        "--color=always",
        "--color=never",
        "--color=auto",
        "--no-pager",
        "--decorate",
        "--decorate=short",
        "--full-history",
        "--follow",
        "--source",
        "--show-signature",
        "--no-ext-diff",
        "--ext-diff",
        "--minimal",
        "--patience",
        "--histogram",
        "--no-renames",
        "-M",
        "-C",
        "-w",
        "-b",
        "--ignore-all-space",
        "--ignore-space-change",
        "--cc",
        "-m",
        "-c",
        "--no-notes",
        "--root",
        "--boundary",
        "--word-diff",
    ]
)


@dataclass
class Selection:
    """What a log shows and how."""

    limit: int = 10**6
    skip: int = 0
    since: datetime | None = None
    until: datetime | None = None
    author: re2._Regexp | None = None
    message: list[re2._Regexp] = field(default_factory=list)
    touched: re2._Regexp | None = None
    form: str = "medium"
    date_form: str = "default"
    separated: bool = False  # --pretty=format: ends lines between commits, not after the last
    short_hash: bool = False
    graph: bool = False
    reverse: bool = False
    decorate: bool = True
    merges_only: bool = False
    shape: changes.Shape = field(default_factory=changes.Shape)
    words: list[str] = field(default_factory=list)


def parse(world: World, words: list[str], command: str = "log") -> Selection:
    """Options of log and show. Raises GitError."""
    chosen, at = Selection(), 0
    ignore_case = "-i" in words or "--regexp-ignore-case" in words
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            chosen.words += words[at - 1 :]
            break
        if not word.startswith("-") or word == "-":
            chosen.words.append(word)
            continue
        name, equals, value = word.partition("=")
        takes = name in (
            "--author",
            "--grep",
            "--since",
            "--after",
            "--until",
            "--before",
            "--max-count",
            "--skip",
            "--format",
            "--date",
            "--committer",
        )
        if name in ("-n", "-S", "-G", "-L") or (takes and not equals):
            if at >= len(words):
                raise GitError(
                    f"fatal: option '{name.lstrip('-')}' requires a value"
                    if takes
                    else f"error: switch `{name[1:]}' requires a value",
                    129,
                )
            value, at = words[at], at + 1
        elif word[:2] in ("-n", "-S", "-G", "-U") and len(word) > 2:
            name, value = word[:2], word[2:]
        if not (_select(world, chosen, name, value, ignore_case) or _shape(chosen.shape, word, name, value)):
            _look(chosen, word, name, value, command)
    return chosen


def _select(world: World, chosen: Selection, name: str, value: str, ignore_case: bool) -> bool:
    if name in ("-n", "--max-count"):
        chosen.limit = _number(value)
    elif name == "--skip":
        chosen.skip = _number(value)
    elif name in ("--since", "--after", "--until", "--before"):
        limit = moment(world, value)  # git reads anything unreadable as "now"
        limit = limit or world.at(world.now_s)
        if name in ("--since", "--after"):
            chosen.since = limit
        else:
            chosen.until = limit
    elif name in ("--author", "--committer"):
        chosen.author = _pattern(value, ignore_case)
    elif name == "--grep":
        chosen.message.append(_pattern(value, ignore_case))
    elif name in ("-S", "-G"):
        chosen.touched = _pattern(value, False, fixed=name == "-S")
    elif name[1:].isdigit() and len(name) < 8:
        chosen.limit = int(name[1:])
    else:
        return False
    return True


def _number(text: str) -> int:
    if not text.isdigit() or len(text) > 9:
        raise GitError(f"fatal: '{text[:80]}': not an integer")
    return int(text)


def _pattern(text: str, ignore_case: bool, fixed: bool = False) -> re2._Regexp:
    try:
        return compile_pattern(text, "fixed" if fixed else "basic", ignore_case)
    except PatternError as error:
        raise GitError(f"fatal: command line, '{text[:80]}': {error}") from None


def _shape(shape: changes.Shape, word: str, name: str, value: str) -> bool:
    if word in ("-p", "-u", "--patch"):
        shape.full = True
    elif name == "--stat":
        shape.stat = True
    elif word == "--patch-with-stat":
        shape.full = shape.stat = True
    elif word == "--shortstat":
        shape.shortstat = True
    elif word == "--numstat":
        shape.numstat = True
    elif word == "--name-only":
        shape.names = True
    elif word == "--name-status":
        shape.status = True
    elif name in ("-U", "--unified") and value.isdigit():
        shape.context = min(int(value[:4]), 1000)
        shape.full = True
    else:
        return word in ("-s", "--no-patch", "--summary")
    return True


def shape_option(shape: changes.Shape, word: str) -> bool:
    """Whether a word is an option about the look of a diff (diff shares them with log)."""
    name, _, value = word.partition("=")
    if word[:2] == "-U" and len(word) > 2:
        name, value = "-U", word[2:]
    return _shape(shape, word, name, value) or word in _IGNORED


def _look(chosen: Selection, word: str, name: str, value: str, command: str) -> None:
    if word == "--oneline":
        chosen.form, chosen.short_hash = "oneline", True
    elif name in ("--pretty", "--format"):
        chosen.separated = value.startswith("format:")
        chosen.form = (value or "medium").removeprefix("format:").removeprefix("tformat:")
        known = ("oneline", "short", "medium", "full", "fuller", "reference")
        if chosen.form not in known and "%" not in chosen.form:
            raise GitError(f"fatal: invalid --pretty format: {chosen.form[:80]}")
    elif name == "--date":
        chosen.date_form = value
    elif word == "--graph":
        chosen.graph = True
    elif word == "--reverse":
        chosen.reverse = True
    elif word == "--abbrev-commit" or name == "--abbrev":
        chosen.short_hash = True
    elif word == "--no-decorate":
        chosen.decorate = False
    elif word == "--merges":
        chosen.merges_only = True
    elif word in _IGNORED or word in ("-i", "--regexp-ignore-case", "-E", "--extended-regexp", "-F"):
        return
    else:
        raise GitError(f"fatal: unrecognized argument: {word[:200]}")


def log(world: World, checkout: Checkout, words: list[str]) -> str:
    chosen = parse(world, words)
    revisions, chosen.shape.paths = split_arguments(checkout, chosen.words)
    indexes = [] if chosen.merges_only else commits_of(checkout, revisions)
    picked = [index for index in indexes if _matches(checkout, index, chosen)]
    picked = picked[chosen.skip :][: chosen.limit]
    if chosen.reverse:
        picked.reverse()
    blocks = [entry(world, checkout, index, chosen) for index in picked]
    return _joined(blocks, chosen)


def commits_of(checkout: Checkout, revisions: list[str]) -> list[int]:
    """Commits reachable from the named ones and not from the excluded ones, newest first."""
    if not checkout.commits:
        raise GitError("fatal: your current branch 'main' does not have any commits yet")
    last, first = -1, -1
    for word in revisions or ["HEAD"]:
        if ".." in word:
            left, _, right = word.replace("...", "..").partition("..")
            low, high = checkout.need(left or "HEAD"), checkout.need(right or "HEAD")
            if "..." in word and low > high:  # the symmetric difference of a line is the part between
                low, high = high, low
            first, last = max(first, low), max(last, high)
        elif word.startswith("^"):
            first = max(first, checkout.need(word[1:]))
        else:
            last = max(last, checkout.need(word))
    return list(range(last, first, -1))


def _matches(checkout: Checkout, index: int, chosen: Selection) -> bool:
    commit = checkout.commits[index]
    if chosen.since and commit.date < chosen.since:
        return False
    if chosen.until and commit.date > chosen.until:
        return False
    if chosen.author and not chosen.author.search(commit.author):
        return False
    text = commit.subject + "\n" + commit.body
    if chosen.message and not any(p.search(line) for p in chosen.message for line in text.split("\n")):
        return False
    if not (chosen.touched or chosen.shape.paths):
        return True
    touched = changes.of_commit(checkout, index, chosen.shape)
    if chosen.touched:
        found = chosen.touched
        return any(
            line[0] in "+-" and found.search(line) for part in touched for h in part.hunks for line in h.lines
        )
    return bool(touched)


def entry(world: World, checkout: Checkout, index: int, chosen: Selection) -> list[str]:
    """The lines of one commit."""
    head = _header(world, checkout, index, chosen)
    if not chosen.shape.any:
        return head
    body = changes.shown(changes.of_commit(checkout, index, chosen.shape), chosen.shape)
    one_line = chosen.form == "oneline" or "%" in chosen.form
    if not body:
        return head
    return head + ([] if (one_line and not chosen.shape.full) or chosen.form == "oneline" else [""]) + body


def _header(world: World, checkout: Checkout, index: int, chosen: Selection) -> list[str]:
    commit = checkout.commits[index]
    name = checkout.short(index) if chosen.short_hash else checkout.full(index)
    decoration = checkout.decoration(index) if chosen.decorate else ""
    if chosen.form == "oneline":
        return [f"{name}{decoration} {commit.subject}"]
    if chosen.form == "reference":
        return [f"{checkout.short(index)} ({commit.subject}, {commit.date:%Y-%m-%d})"]
    if "%" in chosen.form:
        return formatted(world, checkout, index, chosen.form, chosen.date_form).split("\n")
    date = dated(world, commit.date, chosen.date_form)
    lines = [f"commit {name}{decoration}"]
    if chosen.form == "fuller":
        lines += [f"Author:     {commit.author}", f"AuthorDate: {date}"]
        lines += [f"Commit:     {commit.author}", f"CommitDate: {date}"]
    else:
        lines.append(f"Author: {commit.author}")
        lines += [f"Commit: {commit.author}"] if chosen.form == "full" else []
        lines += [f"Date:   {date}"] if chosen.form == "medium" else []
    lines += ["", f"    {commit.subject}"]
    if commit.body and chosen.form != "short":
        lines += ["    ", *(f"    {line}" for line in commit.body.rstrip("\n").split("\n"))]
    return lines


def _joined(blocks: list[list[str]], chosen: Selection) -> str:
    out: list[str] = []
    spaced = chosen.form not in ("oneline", "reference") and "%" not in chosen.form
    for number, block in enumerate(blocks):
        if number and spaced:
            out.append("| " if chosen.graph else "")
        if chosen.graph:
            last = number == len(blocks) - 1
            block = [("* " if n == 0 else "  " if last else "| ") + line for n, line in enumerate(block)]
        out += block
    text = "".join(line + "\n" for line in out)
    return text.removesuffix("\n") if chosen.separated and not chosen.shape.any else text


def dated(world: World, date: datetime, form: str) -> str:
    """A commit's date under `--date=form`."""
    if form.startswith("format:"):
        return strftime(date, form[7:])
    if form in ("relative", "human"):
        return _relative(world, date)
    forms = {
        "short": "%Y-%m-%d",
        "iso": "%Y-%m-%d %H:%M:%S +0000",
        "iso8601": "%Y-%m-%d %H:%M:%S +0000",
        "iso-strict": "%Y-%m-%dT%H:%M:%S+00:00",
        "rfc": "%a, %-d %b %Y %H:%M:%S +0000",
        "unix": "%s",
        "raw": "%s +0000",
    }
    return strftime(date, forms.get(form, "%a %b %-d %H:%M:%S %Y +0000"))


def _relative(world: World, date: datetime) -> str:
    seconds = max(0, int((world.at(world.now_s) - date).total_seconds()))
    for unit, size, most in (
        ("second", 1, 90),
        ("minute", 60, 90 * 60),
        ("hour", 3600, 36 * 3600),
        ("day", 86400, 14 * 86400),
        ("week", 604800, 70 * 86400),
        ("month", 2592000, 365 * 86400),
    ):
        if seconds < most:
            count = (seconds + size // 2) // size
            return f"{count} {unit}{'s' if count != 1 else ''} ago"
    return f"{seconds // 31536000} years ago"


def formatted(world: World, checkout: Checkout, index: int, form: str, date_form: str) -> str:
    """`--format` placeholders."""
    commit = checkout.commits[index]
    author, _, mail = commit.author.partition(" <")
    refs = checkout.decoration(index)
    values = {
        "H": checkout.full(index),
        "h": checkout.short(index),
        "P": checkout.full(index - 1) if index else "",
        "p": checkout.short(index - 1) if index else "",
        "an": author,
        "cn": author,
        "ae": mail.rstrip(">"),
        "ce": mail.rstrip(">"),
        "ad": dated(world, commit.date, date_form),
        "cd": dated(world, commit.date, date_form),
        "ar": _relative(world, commit.date),
        "cr": _relative(world, commit.date),
        "ai": dated(world, commit.date, "iso"),
        "ci": dated(world, commit.date, "iso"),
        "aI": dated(world, commit.date, "iso-strict"),
        "cI": dated(world, commit.date, "iso-strict"),
        "as": dated(world, commit.date, "short"),
        "cs": dated(world, commit.date, "short"),
        "at": dated(world, commit.date, "unix"),
        "ct": dated(world, commit.date, "unix"),
        "s": commit.subject,
        "b": commit.body.rstrip("\n") + "\n" if commit.body else "",
        "B": commit.subject + ("\n\n" + commit.body if commit.body else ""),
        "d": refs,
        "D": refs.strip(" ()"),
        "n": "\n",
        "%": "%",
    }
    out: list[str] = []
    at = 0
    while at < len(form):
        if form[at] != "%":
            out.append(form[at])
            at += 1
            continue
        if form.startswith("%C", at):
            at = _after_colour(form, at + 2)
            continue
        for size in (2, 1):
            if form[at + 1 : at + 1 + size] in values:
                out.append(values[form[at + 1 : at + 1 + size]])
                at += 1 + size
                break
        else:
            out.append("%")
            at += 1
    return "".join(out)


def _after_colour(form: str, at: int) -> int:
    """Colours are not shown: skip `%C(auto)`, `%Cred`, `%Creset`."""
    if form.startswith("(", at):
        end = form.find(")", at)
        return len(form) if end < 0 else end + 1
    for name in ("reset", "red", "green", "blue"):
        if form.startswith(name, at):
            return at + len(name)
    return at


def show(world: World, checkout: Checkout, words: list[str]) -> str:
    """Commits with their patches, or a file's content for `REV:PATH`."""
    quiet = "-s" in words or "--no-patch" in words
    chosen = parse(world, words, "show")
    if any(":" in word for word in chosen.words[:1]) and not chosen.words[0].startswith(":"):
        return file_at(checkout, chosen.words[0])
    revisions, chosen.shape.paths = split_arguments(checkout, chosen.words)
    if not checkout.commits:
        raise GitError("fatal: your current branch 'main' does not have any commits yet")
    if not (chosen.shape.any or quiet):
        chosen.shape.full = True
    blocks = []
    for word in revisions or ["HEAD"]:
        indexes = commits_of(checkout, [word]) if ".." in word else [checkout.need(word)]
        blocks += [entry(world, checkout, index, chosen) for index in indexes]
    return _joined(blocks, chosen)


def file_at(checkout: Checkout, name: str) -> str:
    """`git show REV:PATH`. Raises GitError."""
    revision, _, path = name.partition(":")
    index = checkout.find(revision)
    if index is None:
        raise GitError(f"fatal: invalid object name '{revision[:200]}'.") if revision else ambiguous(name)
    path = path.removeprefix("./").rstrip("/")
    text = checkout.trees[index].text(path)
    if text is not None:
        return text
    prefix = path + "/" if path else ""
    below = [p[len(prefix) :] for p in sorted(checkout.trees[index].files) if p.startswith(prefix)]
    inside = list(dict.fromkeys("".join(p.partition("/")[:2]) for p in below))
    if inside:
        return f"tree {name}\n\n" + "".join(item + "\n" for item in inside)
    known = path in checkout.trees[-1].files
    where = f"exists on disk, but not in '{revision}'" if known else f"does not exist in '{revision}'"
    raise GitError(f"fatal: path '{path[:200]}' {where}")


def shortlog(world: World, checkout: Checkout, words: list[str]) -> str:
    flags = [word for word in words if word.startswith("-") and word != "--"]
    rest = [word for word in words if word not in flags]
    letters = "".join(flag.lstrip("-") for flag in flags if not flag.startswith("--"))
    numbered = "n" in letters or "--numbered" in flags
    brief = "s" in letters or "--summary" in flags
    revisions, _ = split_arguments(checkout, rest)
    authors: dict[str, list[str]] = {}
    for index in reversed(commits_of(checkout, revisions)):
        name = checkout.commits[index].author
        name = name if "e" in letters else name.partition(" <")[0]
        authors.setdefault(name, []).append(checkout.commits[index].subject)
    rows = sorted(authors.items(), key=lambda item: (-len(item[1]) if numbered else 0, item[0]))
    if brief:
        return "".join(f"{len(subjects):6}\t{name}\n" for name, subjects in rows)
    return "".join(
        f"{name} ({len(subjects)}):\n" + "".join(f"      {s}\n" for s in subjects) + "\n"
        for name, subjects in rows
    )
