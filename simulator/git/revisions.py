"""Names of commits: hashes, tags, branches, HEAD~n, ranges. Errors are git's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import re2

from simulator.git.tree import Tree, history, repositories, trees
from simulator.scenario import Commit, Repository
from simulator.shell.home import HOME

if TYPE_CHECKING:
    from simulator.world import World

BRANCHES = ("main", "master", "origin/main", "origin/HEAD", "HEAD", "@", "production", "refs/heads/main")
_SUFFIX = re2.compile(r"^(.*?)((?:[~^][0-9]{0,4})*)$")
_STEP = re2.compile(r"[~^][0-9]{0,4}")
_AGO = re2.compile(r"^([0-9]{1,5})[ .]?(second|sec|minute|min|hour|day|week|month|year)s?[ .]?ago$")
_AGO_S = {
    "second": 1,
    "sec": 1,
    "minute": 60,
    "min": 60,
    "hour": 3600,
    "day": 86400,
    "week": 604800,
    "month": 2592000,
    "year": 31536000,
}


class GitError(Exception):
    """What git prints on standard error, and its exit code."""

    def __init__(self, text: str, code: int = 128) -> None:
        super().__init__(text)
        self.text, self.code = text, code


@dataclass(frozen=True)
class Checkout:
    """A repository with its commits (oldest first) and their trees; revisions are indexes."""

    repository: Repository
    commits: list[Commit]
    trees: list[Tree]

    @property
    def head(self) -> int:
        return len(self.commits) - 1

    def full(self, index: int) -> str:
        """The 40 digits of a commit; a shorter one in the scenario is filled up."""
        short = self.commits[index].hash.lower()
        return (short + hashlib.sha1(short.encode(), usedforsecurity=False).hexdigest())[:40]

    def short(self, index: int, digits: int = 7) -> str:
        return self.full(index)[:digits]

    def tags(self) -> dict[str, int]:
        return {commit.tag: index for index, commit in enumerate(self.commits) if commit.tag}

    def decoration(self, index: int) -> str:
        """` (HEAD -> main, tag: v2.8.1, origin/main)` or nothing."""
        names = ["HEAD -> main"] if index == self.head else []
        tag = self.commits[index].tag
        names += [f"tag: {tag}"] if tag else []
        names += ["origin/main", "origin/HEAD"] if index == self.head else []
        return f" ({', '.join(names)})" if names else ""

    def find(self, name: str) -> int | None:
        """The index of a revision; -1 for the state before the first commit's parent (`root^`)."""
        match = _SUFFIX.match(name)
        base, suffix = (match[1], match[2]) if match else (name, "")
        index = self._base(base.removesuffix("^{commit}").removesuffix("^{}"))
        if index is None:
            return None
        for step in _STEP.findall(suffix):
            amount = int(step[1:] or "1")
            if step[0] == "^" and amount > 1:
                return None  # a second parent: history is linear
            index -= amount
        return index if index >= 0 else None

    def _base(self, name: str) -> int | None:
        if not self.commits:
            return None
        name = name.removeprefix("refs/tags/").removeprefix("tags/")
        if name in BRANCHES:
            return self.head
        if name in self.tags():
            return self.tags()[name]
        lowered = name.lower()
        if 4 <= len(lowered) <= 40 and all(c in "0123456789abcdef" for c in lowered):
            found = [i for i in range(len(self.commits)) if self.full(i).startswith(lowered)]
            return found[0] if len(found) == 1 else None
        return None

    def need(self, name: str) -> int:
        """The index of a revision. Raises GitError."""
        index = self.find(name)
        if index is None:
            raise ambiguous(name)
        return index


def ambiguous(name: str) -> GitError:
    return GitError(
        f"fatal: ambiguous argument '{name[:200]}': unknown revision or path not in the working tree.\n"
        "Use '--' to separate paths from revisions, like this:\n"
        "'git <command> [<revision>...] -- [<file>...]'"
    )


def checkout_for(world: World, directory: str) -> Checkout:
    """The repository of a directory; outside of all, the scenario's first one. Raises GitError."""
    known = repositories(world)
    for repository in known:
        root = f"{HOME}/{repository.name}"
        if directory == root or directory.startswith(root + "/"):
            return _opened(repository)
    if not known or not (directory == HOME or directory.startswith(HOME)):
        raise GitError("fatal: not a git repository (or any of the parent directories): .git")
    return _opened(known[0])


def _opened(repository: Repository) -> Checkout:
    return Checkout(repository, history(repository), trees(repository))


def moment(world: World, text: str) -> datetime | None:
    """A time as `--since` reads it: ISO, `2 days ago`, `2.days`, yesterday. None when unreadable."""
    now = world.at(world.now_s)
    text = text.strip().lower()
    if text in ("now", "today", "yesterday"):
        return now - timedelta(days=text == "yesterday")
    match = _AGO.match(text if text.endswith("ago") else text + ".ago")
    if match:
        return now - timedelta(seconds=int(match[1]) * _AGO_S[match[2]])
    try:
        parsed = datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=now.tzinfo)


def is_path(checkout: Checkout, name: str) -> bool:
    """Whether a word names something in the working tree."""
    name = name.removeprefix("./").rstrip("/")
    if name in ("", "."):
        return True
    return any(p == name or p.startswith(name + "/") for tree in checkout.trees[-1:] for p in tree.files)


def split_arguments(checkout: Checkout, words: list[str]) -> tuple[list[str], list[str]]:
    """Revisions and paths of a command line, `--` between them or not. Raises GitError."""
    if "--" in words:
        at = words.index("--")
        return words[:at], words[at + 1 :]
    for at, word in enumerate(words):
        parts = [p for p in word.replace("...", "..").split("..") if p] or ["HEAD"]
        if all(checkout.find(part.removeprefix("^")) is not None for part in parts):
            continue
        if is_path(checkout, word) or any(c in word for c in "*?"):
            return words[:at], words[at:]
        raise ambiguous(word)
    return words, []
