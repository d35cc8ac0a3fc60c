"""The session's own small file system: read-only texts plus scratch files kept in `world.files`.

No path of the machine that runs the simulator can be reached: names are looked up in mappings.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from simulator.git.tree import checked_out, repositories
from simulator.shell.home import HOME, texts

if TYPE_CHECKING:
    from simulator.world import World

MAX_SCRATCH_CHARS = 2_000_000  # all scratch files of a session together: a session stays below 64 MB
MAX_SCRATCH_FILES = 64
MAX_PATH_CHARS = 1024
_WRITABLE = (HOME + "/", "/tmp/")
_DEVICES = ("/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr")
_EMPTY_DIRECTORIES = ("/tmp/", "/var/log/", "/var/run/", "/opt/")

ABSENT = "No such file or directory"


class FileProblem(Exception):
    """Why a path cannot be used, in the words of strerror."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def working_directory(world: World) -> str:
    return world.shell_vars.get("PWD", HOME)


def resolve(world: World, path: str) -> str:
    """The absolute, normalised name of a path as typed."""
    if path == "~" or path.startswith("~/"):
        path = HOME + path[1:]
    return posixpath.normpath("/" + posixpath.join(working_directory(world), path).lstrip("/"))


def everything(world: World) -> dict[str, str]:
    """All files by absolute path: texts, repositories' working trees, scratch files (these win)."""
    found = texts(world)
    for repository in repositories(world):
        for path, text in checked_out(repository).items():
            found[f"{HOME}/{repository.name}/{path}"] = text
    found.update(world.files)
    return found


def is_directory(world: World, path: str) -> bool:
    name = resolve(world, path).rstrip("/") + "/"
    if name in ("/", "/dev/", *_EMPTY_DIRECTORIES):
        return True
    return any(file.startswith(name) for file in (*everything(world), *_EMPTY_DIRECTORIES))


def exists(world: World, path: str) -> bool:
    name = resolve(world, path)
    return name in _DEVICES or name in everything(world) or is_directory(world, path)


def read(world: World, path: str, stdin: str = "") -> str:
    """The text of a file; `-` and /dev/stdin are the text piped in. Raises FileProblem."""
    if path in ("-", "/dev/stdin"):
        return stdin
    if len(path) > MAX_PATH_CHARS:
        raise FileProblem("File name too long")
    name = resolve(world, path)
    if name in _DEVICES:
        return ""
    found = everything(world)
    if name in found and not path.endswith("/"):
        return found[name]
    if is_directory(world, path):
        raise FileProblem("Is a directory")
    parent = posixpath.dirname(name)
    raise FileProblem("Not a directory" if parent in found or name in found else ABSENT)


def write(world: World, path: str, text: str, append: bool = False) -> None:
    """Write a scratch file within the bounds. Raises FileProblem."""
    name = resolve(world, path)
    if name in _DEVICES:
        return
    if len(path) > MAX_PATH_CHARS:
        raise FileProblem("File name too long")
    if path.endswith("/") or is_directory(world, path):
        raise FileProblem("Is a directory")
    if not is_directory(world, posixpath.dirname(name)):
        raise FileProblem(ABSENT)
    if not name.startswith(_WRITABLE) or (name not in world.files and name in everything(world)):
        raise FileProblem("Permission denied")
    content = world.files.get(name, "") + text if append else text
    others = sum(len(v) for k, v in world.files.items() if k != name)
    if others + len(content) > MAX_SCRATCH_CHARS or len(world.files) >= MAX_SCRATCH_FILES + (
        name in world.files
    ):
        raise FileProblem("No space left on device")
    world.files[name] = content


def remove(world: World, path: str) -> None:
    """Delete a scratch file. Raises FileProblem."""
    name = resolve(world, path)
    if name in world.files:
        del world.files[name]
    elif is_directory(world, path):
        raise FileProblem("Is a directory")
    else:
        raise FileProblem("Permission denied" if exists(world, path) else ABSENT)


def children(world: World, path: str) -> list[tuple[str, bool, int]]:
    """The entries of a directory, sorted: (name, is it a directory, size in bytes)."""
    prefix = resolve(world, path).rstrip("/") + "/"
    entries: dict[str, tuple[bool, int]] = {}
    for file, text in everything(world).items():
        if file.startswith(prefix):
            head, slash, _ = file[len(prefix) :].partition("/")
            entries[head] = (bool(slash), 4096 if slash else len(text.encode()))
    for directory in (*_EMPTY_DIRECTORIES, "/dev/"):
        if directory.startswith(prefix) and directory != prefix:
            entries.setdefault(directory[len(prefix) :].partition("/")[0], (True, 4096))
    if prefix == "/dev/":
        entries.update({device[5:]: (False, 0) for device in _DEVICES})
    return [(name, *entries[name]) for name in sorted(entries)]
