"""Reads what the command line names: a file or standard input. Every failure is one line."""

import sys
from collections.abc import Iterator
from pathlib import Path

from api.cli.errors import UsageError

SIZE_LIMIT = 2_000_000  # bytes of a text or a command file: far above any, and nobody waits for it


def read_text(name: str, what: str) -> str:
    """The text of a file, or of standard input when `name` is `-`. Raises UsageError."""
    if name == "-":
        return _decoded(sys.stdin.buffer.read(SIZE_LIMIT + 1), "standard input", what)
    try:
        with Path(name).open("rb") as file:
            return _decoded(file.read(SIZE_LIMIT + 1), name, what)
    except OSError as error:
        raise UsageError(f"{what} {name}: {error.strerror or error}") from None


def read_lines(name: str, what: str) -> Iterator[tuple[int, bytes]]:
    """Numbered lines of a file or of standard input, one at a time. Raises UsageError."""
    if name == "-":
        yield from enumerate(sys.stdin.buffer, 1)
        return
    try:
        with Path(name).open("rb") as file:
            yield from enumerate(file, 1)
    except OSError as error:
        raise UsageError(f"{what} {name}: {error.strerror or error}") from None


def _decoded(data: bytes, name: str, what: str) -> str:
    if len(data) > SIZE_LIMIT:
        raise UsageError(f"{what} {name}: more than {SIZE_LIMIT} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{what} {name}: not UTF-8 at byte {error.start}") from None
