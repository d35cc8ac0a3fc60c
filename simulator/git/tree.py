"""The contents of a simulated repository at any commit, rebuilt by applying its commits' diffs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from simulator.codebase.generate import repository
from simulator.git import patch
from simulator.scenario import Commit, Repository

if TYPE_CHECKING:
    from simulator.world import World

IMPORTED = timedelta(days=3100)  # a code base that grew for years before the scenario


@dataclass(frozen=True)
class Line:
    """A line of a file and the index of the commit that last touched it."""

    text: str
    commit: int


@dataclass
class Tree:
    """Files by path at one commit. A file whose diffs don't fit its known content is absent."""

    files: dict[str, tuple[Line, ...]] = field(default_factory=dict)

    def text(self, path: str) -> str | None:
        lines = self.files.get(path)
        return None if lines is None else "".join(line.text + "\n" for line in lines)


def history(repository: Repository) -> list[Commit]:
    """The commits, oldest first."""
    return sorted(repository.commits, key=lambda commit: commit.date)


def trees(repository: Repository) -> list[Tree]:
    """The tree after each commit, oldest first."""
    return _trees(tuple(commit.diff for commit in history(repository)))


@lru_cache(maxsize=16)
def _trees(diffs: tuple[str, ...]) -> list[Tree]:
    found: list[Tree] = []
    current: dict[str, tuple[Line, ...]] = {}
    for index, diff in enumerate(diffs):
        current = dict(current)
        for part in patch.read(diff):
            old = current.pop(part.old, ()) if part.old is not None else ()
            applied = patch.apply(part, [line.text for line in old])
            if part.new is not None and applied is not None:
                current[part.new] = tuple(
                    Line(text, index if origin is None else old[origin].commit) for text, origin in applied
                )
        found.append(Tree(current))
    return found


def repositories(world: World) -> list[Repository]:
    """The scenario's repositories and, if it has one, its generated code base."""
    spec = world.scenario.codebase
    if spec is None:
        return world.scenario.repositories
    imported = world.scenario.starts_at - IMPORTED
    return [*world.scenario.repositories, repository(spec, world.seed, imported)]


def checked_out(repository: Repository) -> dict[str, str]:
    """The working tree: every file of the newest commit."""
    found = trees(repository)
    if not found:
        return {}
    return {path: found[-1].text(path) or "" for path in sorted(found[-1].files)}
