"""Unified diffs as data: reading them, applying them, writing them. Knows nothing of commits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import re2

_HUNK = re2.compile(r"^@@ -(\d{1,6})(?:,(\d{1,6}))? \+(\d{1,6})(?:,(\d{1,6}))? @@")
CONTEXT_LINES = 3
MAX_EDITS = 400  # lines added and removed; the work and the memory grow with its square
Span = tuple[int, int, int, int, bool]


@dataclass
class Hunk:
    """`lines` keep their first character: space, minus or plus.

    A start counts from 1 as in the header; of an empty side it is the line before.
    """

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
    name = header[4:].split("\t", maxsplit=1)[0].strip()
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
        inserts_only = all(line[0] == "+" for line in hunk.lines)  # then the start is the line before
        begin = 0 if patch.old is None else max(0, hunk.old_start - (not inserts_only))
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
    before, after = (old or "").splitlines(), (new or "").splitlines()
    for group in _grouped(edits(before, after), context):
        hunk = _hunk(group, before, after)
        patch.hunks.append(hunk)
        patch.text += [_hunk_header(hunk, before), *hunk.lines]
    return patch


def edits(before: list[str], after: list[str]) -> list[Span]:
    """Equal and changed stretches (i1, i2, j1, j2, equal) by Myers' greedy algorithm, ends trimmed first.

    Beyond MAX_EDITS the middle counts as one change: correct, if not the shortest.
    """
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    left, right = before[head : len(before) - tail], after[head : len(after) - tail]
    keeps = [(i + head, j + head) for i, j in _common(left, right)]
    keeps = [(i, i) for i in range(head)] + keeps
    keeps += [(len(before) - tail + k, len(after) - tail + k) for k in range(tail)]
    spans: list[Span] = []
    i = j = 0
    for x, y in [*keeps, (len(before), len(after))]:
        if (x, y) != (i, j):
            spans.append((i, x, j, y, False))
        if x < len(before):
            if spans and spans[-1][4] and spans[-1][1] == x and spans[-1][3] == y:
                spans[-1] = (spans[-1][0], x + 1, spans[-1][2], y + 1, True)
            else:
                spans.append((x, x + 1, y, y + 1, True))
        i, j = x + 1, y + 1
    return spans


def _common(left: list[str], right: list[str]) -> list[tuple[int, int]]:
    """Pairs of kept lines of a shortest edit script; [] when it would take too many edits."""
    reach: dict[int, int] = {1: 0}
    trace: list[dict[int, int]] = []
    for edit in range(min(len(left) + len(right), MAX_EDITS) + 1):
        trace.append(dict(reach))
        for k in range(-edit, edit + 1, 2):
            down = k == -edit or (k != edit and reach[k - 1] < reach[k + 1])
            x = reach[k + 1] if down else reach[k - 1] + 1
            while x < len(left) and 0 <= x - k < len(right) and left[x] == right[x - k]:
                x += 1
            reach[k] = x
            if x >= len(left) and x - k >= len(right):
                return _walked_back(trace, len(left), len(right))
    return []


def _walked_back(trace: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for edit in range(len(trace) - 1, -1, -1):
        reach, k = trace[edit], x - y
        down = k == -edit or (k != edit and reach[k - 1] < reach[k + 1])
        before_x = reach.get(k + 1 if down else k - 1, 0)
        before_y = before_x - (k + 1 if down else k - 1)
        while x > before_x and y > before_y:
            x, y = x - 1, y - 1
            pairs.append((x, y))
        if edit:
            x, y = before_x, before_y
    return pairs[::-1]


def _grouped(spans: list[Span], context: int) -> list[list[Span]]:
    """Changes with up to `context` equal lines around; groups that touch are one."""
    groups: list[list[Span]] = []
    current: list[Span] = []
    for number, (i1, i2, j1, j2, equal) in enumerate(spans):
        if not equal:
            current.append((i1, i2, j1, j2, False))
            continue
        after, last = bool(current), number == len(spans) - 1
        keep = min(context, i2 - i1)
        if after and not last and i2 - i1 <= 2 * context:
            current.append((i1, i2, j1, j2, True))
            continue
        if after:
            groups.append([*current, (i1, i1 + keep, j1, j1 + keep, True)])
            current = []
        if not last:
            current = [(i2 - keep, i2, j2 - keep, j2, True)]
    if any(not span[4] for span in current):
        groups.append(current)
    return groups


def _hunk(group: list[Span], before: list[str], after: list[str]) -> Hunk:
    first = group[0]
    hunk = Hunk(0, 0)
    for i1, i2, j1, j2, equal in group:
        if equal:
            hunk.lines += [" " + line for line in before[i1:i2]]
        else:
            hunk.lines += ["-" + line for line in before[i1:i2]]
            hunk.lines += ["+" + line for line in after[j1:j2]]
    hunk.old_start = first[0] + any(line[0] != "+" for line in hunk.lines)
    hunk.new_start = first[2] + any(line[0] != "-" for line in hunk.lines)
    return hunk


def _hunk_header(hunk: Hunk, before: list[str]) -> str:
    removed = sum(line[0] in " -" for line in hunk.lines)
    added = sum(line[0] in " +" for line in hunk.lines)
    old = _range(hunk.old_start, removed)
    new = _range(hunk.new_start, added)
    return f"@@ -{old} +{new} @@{_function(before, hunk.old_start - (removed > 0))}"


def _range(start: int, length: int) -> str:
    return str(start) if length == 1 else f"{start},{length}"


def _function(before: list[str], at: int) -> str:
    """git's guess at the enclosing function: the last line that begins with a letter, $ or _."""
    for line in reversed(before[:at]):
        if line and (line[0].isalpha() or line[0] in "$_"):
            return " " + line[:80].rstrip()
    return ""
