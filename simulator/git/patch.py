"""Unified diffs as data: reading them, applying them, writing them. Knows nothing of commits."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass, field

import re2

_HUNK = re2.compile(r"^@@ -(\d{1,6})(?:,(\d{1,6}))? \+(\d{1,6})(?:,(\d{1,6}))? @@")
CONTEXT_LINES = 3
MAX_DIFF_LINES = 5000  # difflib is quadratic at worst; a scenario's files are far smaller


@dataclass
class Hunk:
    """`lines` keep their first character: space, minus or plus."""

    old_start: int
    new_start: int
    lines: list[str] = field(default_factory=list)


@dataclass
class FilePatch:
    """One file's part of a diff; `old` is None for a new file, `new` for a deleted one."""

    old: str | None
    new: str | None
    hunks: list[Hunk] = field(default_factory=list)
    text: list[str] = field(default_factory=list)  # as written, header included

    @property
    def path(self) -> str:
        return self.new or self.old or ""

    def counts(self) -> tuple[int, int]:
        """Lines added and lines removed."""
        lines = [line for hunk in self.hunks for line in hunk.lines]
        return sum(x.startswith("+") for x in lines), sum(x.startswith("-") for x in lines)


def read(diff: str) -> list[FilePatch]:
    """The files of a unified diff, with or without git's own header lines."""
    patches: list[FilePatch] = []
    lines, at = diff.split("\n"), 0
    pending: list[str] = []  # header lines before `---`
    while at < len(lines):
        line = lines[at]
        if line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ "):
            patch = FilePatch(_name(line), _name(lines[at + 1]))
            patch.text = [*pending, line, lines[at + 1]]
            pending = []
            at = _hunks(lines, at + 2, patch)
            patches.append(patch)
            continue
        if line.startswith(("diff --git", "index ", "new file", "deleted file", "old mode", "new mode")):
            pending.append(line)
        at += 1
    return patches


def _name(header: str) -> str | None:
    name = header[4:].split("\t")[0].strip()
    if name == "/dev/null":
        return None
    return name[2:] if name[:2] in ("a/", "b/") else name


def _hunks(lines: list[str], at: int, patch: FilePatch) -> int:
    while at < len(lines):
        match = _HUNK.match(lines[at])
        if match is None:
            return at
        hunk = Hunk(int(match[1]), int(match[3]))
        left, right = int(match[2] or 1), int(match[4] or 1)
        patch.text.append(lines[at])
        at += 1
        while at < len(lines) and (left > 0 or right > 0):
            line = lines[at] or " "
            if line[0] not in " +-":
                break
            left -= line[0] in " -"
            right -= line[0] in " +"
            hunk.lines.append(line)
            patch.text.append(line)
            at += 1
        patch.hunks.append(hunk)
    return at


def apply(patch: FilePatch, old: list[str]) -> list[tuple[str, int | None]] | None:
    """The new file as (line, index in the old file or None if added); None when it doesn't fit."""
    result: list[tuple[str, int | None]] = []
    at = 0
    for hunk in patch.hunks:
        begin = max(0, hunk.old_start - 1) if patch.old is not None else 0
        if begin < at or begin > len(old):
            return None
        result += [(old[i], i) for i in range(at, begin)]
        at = begin
        for line in hunk.lines:
            if line[0] == "+":
                result.append((line[1:], None))
                continue
            if at >= len(old) or old[at] != line[1:]:
                return None
            if line[0] == " ":
                result.append((line[1:], at))
            at += 1
    return result + [(old[i], i) for i in range(at, len(old))]


def blob_hash(text: str | None) -> str:
    """git's own id of a file's content, shortened as in `index` lines."""
    if text is None:
        return "0000000"
    data = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()[:7]


def between(path: str, old: str | None, new: str | None, context: int = CONTEXT_LINES) -> FilePatch:
    """What `git diff` prints for one file between two contents; None means the file is absent."""
    patch = FilePatch(path if old is not None else None, path if new is not None else None)
    patch.text = [f"diff --git a/{path} b/{path}"]
    if old is None:
        patch.text.append("new file mode 100644")
    if new is None:
        patch.text.append("deleted file mode 100644")
    mode = " 100644" if old is not None and new is not None else ""
    patch.text.append(f"index {blob_hash(old)}..{blob_hash(new)}{mode}")
    patch.text.append(f"--- {'a/' + path if old is not None else '/dev/null'}")
    patch.text.append(f"+++ {'b/' + path if new is not None else '/dev/null'}")
    before = (old or "").splitlines()[:MAX_DIFF_LINES]
    after = (new or "").splitlines()[:MAX_DIFF_LINES]
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for group in matcher.get_grouped_opcodes(context):
        hunk = _hunk(group, before, after)
        patch.hunks.append(hunk)
        patch.text += [_hunk_header(hunk, before), *hunk.lines]
    return patch


def _hunk(group: list[tuple[str, int, int, int, int]], before: list[str], after: list[str]) -> Hunk:
    first = group[0]
    hunk = Hunk(first[1] + 1, first[3] + 1)
    for tag, i1, i2, j1, j2 in group:
        if tag == "equal":
            hunk.lines += [" " + line for line in before[i1:i2]]
        else:
            hunk.lines += ["-" + line for line in before[i1:i2]]
            hunk.lines += ["+" + line for line in after[j1:j2]]
    return hunk


def _hunk_header(hunk: Hunk, before: list[str]) -> str:
    removed = sum(line[0] in " -" for line in hunk.lines)
    added = sum(line[0] in " +" for line in hunk.lines)
    old = _range(hunk.old_start, removed)
    new = _range(hunk.new_start, added)
    return f"@@ -{old} +{new} @@{_function(before, hunk.old_start - 1)}"


def _range(start: int, length: int) -> str:
    if length == 0:
        return f"{start - 1},0"
    return str(start) if length == 1 else f"{start},{length}"


def _function(before: list[str], at: int) -> str:
    """git's guess at the enclosing function: the last line that begins with a letter, $ or _."""
    for line in reversed(before[:at]):
        if line and (line[0].isalpha() or line[0] in "$_"):
            return " " + line[:80].rstrip()
    return ""
