"""What changed between two trees, and how git prints it: patches, stats, names."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.git import patch
from simulator.git.revisions import Checkout
from simulator.shell.expand import glob_source
from simulator.shell.patterns import PatternError, compile_pattern

_WIDTH = 80  # git's width for --stat when it does not write to a terminal


@dataclass
class Shape:
    """How changes are to be shown."""

    full: bool = False
    stat: bool = False
    shortstat: bool = False
    numstat: bool = False
    names: bool = False
    status: bool = False
    context: int = patch.CONTEXT_LINES
    paths: list[str] = field(default_factory=list)

    @property
    def any(self) -> bool:
        return self.full or self.stat or self.shortstat or self.numstat or self.names or self.status


def selects(paths: list[str], path: str) -> bool:
    """Whether git's pathspecs take a path: prefixes of directories, or patterns."""
    if not paths:
        return True
    for spec in paths:
        spec = spec.removeprefix("./").removeprefix(":/").rstrip("/")
        if spec in ("", ".") or path == spec or path.startswith(spec + "/"):
            return True
        if any(c in spec for c in "*?["):
            try:
                if compile_pattern(f"^(?:{glob_source(spec)})$", "perl").search(path):
                    return True
            except PatternError:
                continue
    return False


def between(checkout: Checkout, old: int, new: int, shape: Shape) -> list[patch.FilePatch]:
    """Files that differ between two commits (-1 is the empty tree), in path order."""
    before = checkout.trees[old].files if old >= 0 else {}
    after = checkout.trees[new].files if new >= 0 else {}
    found: list[patch.FilePatch] = []
    for path in sorted({**before, **after}):
        if not selects(shape.paths, path):
            continue
        left = checkout.trees[old].text(path) if path in before else None
        right = checkout.trees[new].text(path) if path in after else None
        if left != right:
            found.append(patch.between(path, left, right, shape.context))
    return found + _as_written(checkout, old, new, shape)


def _as_written(checkout: Checkout, old: int, new: int, shape: Shape) -> list[patch.FilePatch]:
    """Diffs of files whose whole content the scenario does not give: shown as the scenario wrote them."""
    found = []
    for index in range(old + 1, new + 1):
        for part in patch.read(checkout.commits[index].diff):
            known = part.path in checkout.trees[index].files or part.new is None
            if not known and selects(shape.paths, part.path):
                if not part.text[0].startswith("diff --git"):
                    part.text.insert(0, f"diff --git a/{part.path} b/{part.path}")
                found.append(part)
    return found


def of_commit(checkout: Checkout, index: int, shape: Shape) -> list[patch.FilePatch]:
    return between(checkout, index - 1, index, shape)


def shown(changes: list[patch.FilePatch], shape: Shape) -> list[str]:
    """The lines git prints for changes."""
    out: list[str] = []
    if shape.numstat:
        out += ["{}\t{}\t{}".format(*change.counts(), change.path) for change in changes]
    if shape.stat and changes:
        out += stat(changes)
    elif shape.shortstat and changes:
        out.append(summary(changes))
    if shape.names:
        out += [change.path for change in changes]
    if shape.status:
        out += [f"{_letter(change)}\t{change.path}" for change in changes]
    if shape.full:
        out += [""] if out and changes else []
        for change in changes:
            out += change.text
    return out


def _letter(change: patch.FilePatch) -> str:
    return "A" if change.old is None else "D" if change.new is None else "M"


def summary(changes: list[patch.FilePatch]) -> str:
    """` 2 files changed, 3 insertions(+), 1 deletion(-)`."""
    added = sum(change.counts()[0] for change in changes)
    removed = sum(change.counts()[1] for change in changes)
    text = f" {len(changes)} file{'s' if len(changes) != 1 else ''} changed"
    if added or not removed:
        text += f", {added} insertion{'s' if added != 1 else ''}(+)"
    if removed or not added:
        text += f", {removed} deletion{'s' if removed != 1 else ''}(-)"
    return text


def stat(changes: list[patch.FilePatch]) -> list[str]:
    """`--stat`: names, numbers and bars, shared out over 80 columns as git does it."""
    counts = [change.counts() for change in changes]
    most = max(added + removed for added, removed in counts)
    digits = len(str(most))
    name_width = max(len(change.path) for change in changes)
    bar_width = most
    if name_width + digits + 6 + bar_width > _WIDTH:
        bar_width = min(bar_width, max(6, _WIDTH * 3 // 8 - digits - 6))
        if name_width > _WIDTH - digits - 6 - bar_width:
            name_width = _WIDTH - digits - 6 - bar_width
        else:
            bar_width = _WIDTH - digits - 6 - name_width
    out = []
    for change, (added, removed) in zip(changes, counts, strict=True):
        plus, minus = _bars(added, removed, most, bar_width)
        name = _shortened(change.path, name_width)
        out.append(f" {name:{name_width}} | {added + removed:{digits}} {'+' * plus}{'-' * minus}".rstrip())
    return [*out, summary(changes)]


def _bars(added: int, removed: int, most: int, width: int) -> tuple[int, int]:
    if most <= width:
        return added, removed

    def scale(amount: int) -> int:
        return 1 + amount * (width - 1) // most if amount else 0

    total = scale(added + removed)
    if total < 2 and added and removed:
        total = 2
    if added < removed:
        plus = scale(added)
        return plus, total - plus
    minus = scale(removed)
    return total - minus, minus


def _shortened(path: str, width: int) -> str:
    """A long name loses its front up to a slash."""
    if len(path) <= width:
        return path
    tail = path[len(path) - width + 3 :]
    slash = tail.find("/")
    return "..." + (tail[slash:] if slash >= 0 else tail)
