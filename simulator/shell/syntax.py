"""The shell's syntax tree: plain values that the parser makes and the runner walks. No behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PartKind = Literal["text", "variable", "command", "arithmetic", "process"]
RedirectKind = Literal["read", "write", "append", "duplicate", "here"]


@dataclass(frozen=True)
class Part:
    """A stretch of a word; `text` is literal text, a variable's expression or a command's source."""

    kind: PartKind
    text: str
    quoted: bool = False


@dataclass(frozen=True)
class Word:
    parts: tuple[Part, ...]

    @property
    def plain(self) -> str | None:
        """The word's text when nothing in it is quoted or expanded, else None (reserved words)."""
        if len(self.parts) == 1 and self.parts[0].kind == "text" and not self.parts[0].quoted:
            return self.parts[0].text
        return None


@dataclass(frozen=True)
class Redirect:
    """`stream` is 0, 1 or 2, or 3 for both outputs; a duplicate's target is a stream's digit."""

    stream: int
    kind: RedirectKind
    target: Word


@dataclass(frozen=True)
class Simple:
    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True)
class For:
    variable: str
    words: tuple[Word, ...]
    body: Sequence
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True)
class While:
    condition: Sequence
    body: Sequence
    until: bool
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True)
class If:
    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True)
class Group:
    body: Sequence
    redirects: tuple[Redirect, ...] = ()


Command = Simple | For | While | If | Group


@dataclass(frozen=True)
class Pipeline:
    """`merges[i]` tells whether stage i also sends its errors on (`|&`)."""

    stages: tuple[Command, ...]
    merges: tuple[bool, ...]
    negated: bool = False
    timed: bool = False


@dataclass(frozen=True)
class AndOr:
    first: Pipeline
    rest: tuple[tuple[Literal["&&", "||"], Pipeline], ...] = ()


@dataclass(frozen=True)
class Sequence:
    items: tuple[AndOr, ...]


class ShellSyntaxError(ValueError):
    """A line bash would refuse; the text is what follows `bash: `."""
