"""git diff, blame, grep, tag, branch, status and the small commands that only look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.git import changes
from simulator.git.log import commits_of, shape_option
from simulator.git.revisions import Checkout, GitError, ambiguous, is_path, split_arguments
from simulator.git.tree import Line
from simulator.shell.expand import glob_source
from simulator.shell.patterns import Flavour, PatternError, compile_pattern

if TYPE_CHECKING:
    from simulator.world import World


def diff(_world: World, checkout: Checkout, words: list[str]) -> tuple[str, int]:
    """The difference and the exit code (1 only under --exit-code or --quiet)."""
    shape = changes.Shape()
    rest: list[str] = []
    strict = quiet = False
    for position, word in enumerate(words):
        if word == "--":
            rest += words[position:]
            break
        if word in ("--exit-code", "--quiet"):
            strict, quiet = True, quiet or word == "--quiet"
        elif word in ("--cached", "--staged"):
            return "", 0
        elif not word.startswith("-"):
            rest.append(word)
        elif not shape_option(shape, word):
            raise GitError(f"error: invalid option: {word[:200]}", 129)
    revisions, shape.paths = split_arguments(checkout, rest)
    if "--" in rest:
        for name in revisions:
            for part in name.replace("...", "..").split(".."):
                if part and checkout.find(part) is None:
                    raise GitError(f"fatal: bad revision '{name[:200]}'")
    old, new = _sides(checkout, revisions)
    if not shape.any:
        shape.full = True
    found = changes.between(checkout, old, new, shape)
    text = "".join(line + "\n" for line in changes.shown(found, shape))
    return ("" if quiet else text), int(bool(found) and strict)


def _sides(checkout: Checkout, revisions: list[str]) -> tuple[int, int]:
    if not revisions:
        return checkout.head, checkout.head  # the working tree is clean
    if len(revisions) == 1 and ".." in revisions[0]:
        left, _, right = revisions[0].replace("...", "..").partition("..")
        low, high = checkout.need(left or "HEAD"), checkout.need(right or "HEAD")
        return (min(low, high), high) if "..." in revisions[0] else (low, high)
    if len(revisions) == 1:
        return checkout.need(revisions[0]), checkout.head
    if len(revisions) > 2:
        raise GitError("usage: git diff [<options>] [<commit>] [--] [<path>...]", 129)
    return checkout.need(revisions[0]), checkout.need(revisions[1])


def blame(_world: World, checkout: Checkout, words: list[str]) -> str:
    low, high, rest = 1, 10**9, []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word.startswith("-L"):
            value = word[2:]
            if not value and at < len(words):
                value, at = words[at], at + 1
            low, high = _line_range(value)
        elif word == "--":
            rest += words[at:]
            break
        elif not word.startswith("-"):
            rest.append(word)
        elif word not in ("-w", "-M", "-C", "-e", "-s", "-l", "-n", "-f"):
            raise GitError(
                f"error: unknown switch `{word[1:2]}'\nusage: git blame [<options>] [<rev>] [--] <file>", 129
            )
    if not rest:
        raise GitError("usage: git blame [<options>] [<rev-opts>] [<rev>] [--] <file>", 129)
    revision, path = (rest[0], rest[-1]) if len(rest) > 1 else ("HEAD", rest[0])
    if len(rest) > 1 and checkout.find(revision) is None and checkout.find(path) is not None:
        revision, path = path, revision
    index = checkout.need(revision)
    path = path.removeprefix("./")
    lines = checkout.trees[index].files.get(path)
    if lines is None:
        raise GitError(f"fatal: no such path '{path[:200]}' in {revision}")
    if low > len(lines):
        count = f"{len(lines)} line{'s' if len(lines) != 1 else ''}"
        raise GitError(f"fatal: file {path} has only {count}")
    return "".join(_blamed(checkout, lines, low, min(high, len(lines))))


def _line_range(text: str) -> tuple[int, int]:
    first, _, last = text.partition(",")
    if not first.isdigit() or not (last.lstrip("+").isdigit() or not last) or len(text) > 20:
        raise GitError(f"fatal: -L argument is not a line range: {text[:80]}")
    low = max(1, int(first))
    high = low + int(last[1:]) - 1 if last.startswith("+") else int(last or 10**9)
    return low, high


def _blamed(checkout: Checkout, lines: tuple[Line, ...], low: int, high: int) -> list[str]:
    authors = [checkout.commits[line.commit].author.partition(" <")[0] for line in lines]
    width = max(map(len, authors[low - 1 : high]), default=0)
    digits = len(str(high))
    out = []
    for number in range(low, high + 1):
        line = lines[number - 1]
        name = "^" + checkout.short(line.commit) if line.commit == 0 else checkout.short(line.commit, 8)
        date = checkout.commits[line.commit].date.strftime("%Y-%m-%d %H:%M:%S +0000")
        out.append(f"{name} ({authors[number - 1]:{width}} {date} {number:{digits}}) {line.text}\n")
    return out


def grep(_world: World, checkout: Checkout, words: list[str]) -> tuple[str, int]:
    flags = [w for w in words if w.startswith("-") and w not in ("--", "-e")]
    unknown = [w for w in flags if not w.startswith("--") and any(c not in "inIclEFPwhH" for c in w[1:])]
    if unknown:
        raise GitError(
            f"error: unknown switch `{unknown[0][1:2]}'\nusage: git grep [<options>] <pattern> [<rev>...]",
            129,
        )
    rest = [w for w in words if w not in flags and w != "-e"]
    if not rest:
        raise GitError("fatal: no pattern given")
    letters = "".join(flag[1:] for flag in flags if not flag.startswith("--"))
    flavour: Flavour = (
        "extended" if "E" in letters else "fixed" if "F" in letters else "perl" if "P" in letters else "basic"
    )
    try:
        pattern = compile_pattern(rest[0], flavour, "i" in letters)
    except PatternError as error:
        raise GitError(f"fatal: command line, '{rest[0][:80]}': {error}") from None
    revisions, paths = split_arguments(checkout, rest[1:])
    out: list[str] = []
    for revision in revisions or [""]:
        tree = checkout.trees[checkout.need(revision or "HEAD")]
        prefix = f"{revision}:" if revision else ""
        for path in sorted(tree.files):
            if changes.selects(paths, path):
                out += _found(tree.files[path], pattern.search, prefix + path, letters)
    return "".join(line + "\n" for line in out), 0 if out else 1


def _found(lines: tuple[Line, ...], search: object, name: str, letters: str) -> list[str]:
    assert callable(search)
    hits = [(number, line.text) for number, line in enumerate(lines, start=1) if search(line.text)]
    if "l" in letters:
        return [name] if hits else []
    if "c" in letters:
        return [f"{name}:{len(hits)}"] if hits else []
    return [f"{name}:{number}:{text}" if "n" in letters else f"{name}:{text}" for number, text in hits]


def tag(_world: World, checkout: Checkout, words: list[str]) -> str:
    names = sorted(checkout.tags())
    if "--contains" in words:  # history is linear: what came later holds it
        at = words.index("--contains")
        wanted = checkout.need(words[at + 1] if at + 1 < len(words) else "HEAD")
        names = [name for name in names if checkout.tags()[name] >= wanted]
        words = [*words[: at + 1], *words[at + 2 :]]
    patterns = [w for w in words if not w.startswith("-")]
    flags = [w for w in words if w.startswith("-")]
    if any(flag in ("-d", "-a", "-m", "-f", "-s") for flag in flags) or (
        patterns and not any(f.startswith(("-l", "--list", "-n", "--contains", "--points-at")) for f in flags)
    ):
        raise GitError("fatal: the repository is read-only here")
    for pattern in patterns:
        try:
            found = compile_pattern(f"^(?:{glob_source(pattern)})$", "perl")
        except PatternError:
            continue
        names = [name for name in names if found.search(name)]
    if any(flag.startswith("--sort=-") for flag in flags):
        names.reverse()
    if any(flag.startswith("-n") for flag in flags):
        return "".join(f"{name:15} {checkout.commits[checkout.tags()[name]].subject}\n" for name in names)
    return "".join(name + "\n" for name in names)


def branch(_world: World, checkout: Checkout, words: list[str]) -> str:
    letters = "".join(
        word.lstrip("-") for word in words if word.startswith("-") and not word.startswith("--")
    )
    if any(not word.startswith("-") for word in words) or any(c in letters for c in "dDmMcC"):
        raise GitError("fatal: the repository is read-only here")
    detail = (
        f" {checkout.short(checkout.head)} {checkout.commits[-1].subject}"
        if "v" in letters and checkout.commits
        else ""
    )
    out = "" if "r" in letters else f"* main{detail}\n"
    if "a" in letters or "--all" in words:
        out += f"  remotes/origin/HEAD -> origin/main\n  remotes/origin/main{detail}\n"
    elif "r" in letters:
        out += f"  origin/HEAD -> origin/main\n  origin/main{detail}\n"
    return out


def status(_world: World, _checkout: Checkout, words: list[str]) -> str:
    letters = "".join(w[1:] for w in words if w.startswith("-") and not w.startswith("--"))
    if "s" in letters or "--short" in words or "--porcelain" in words:
        return "## main...origin/main\n" if "b" in letters or "--branch" in words else ""
    return (
        "On branch main\nYour branch is up to date with 'origin/main'.\n\n"
        "nothing to commit, working tree clean\n"
    )


def rev_parse(_world: World, checkout: Checkout, words: list[str]) -> str:
    out = []
    for word in words:
        if word == "--abbrev-ref":
            continue
        if word in ("--show-toplevel", "--git-dir", "--is-inside-work-tree"):
            out.append(
                {"--is-inside-work-tree": "true", "--git-dir": ".git"}.get(
                    word, "/home/oncall/" + checkout.repository.name
                )
            )
        elif word == "HEAD" and "--abbrev-ref" in words:
            out.append("main")
        elif not word.startswith("--"):
            index = checkout.need(word)
            out.append(
                checkout.short(index) if any(w.startswith("--short") for w in words) else checkout.full(index)
            )
    return "".join(line + "\n" for line in out)


def describe(_world: World, checkout: Checkout, words: list[str]) -> str:
    name = next((word for word in words if not word.startswith("-")), "HEAD")
    index = checkout.need(name)
    tags = [(i, t) for t, i in checkout.tags().items() if i <= index]
    if not tags:
        raise GitError("fatal: No names found, cannot describe anything.")
    at, nearest = max(tags)
    return f"{nearest}\n" if at == index else f"{nearest}-{index - at}-g{checkout.short(index)}\n"


def ls_files(_world: World, checkout: Checkout, words: list[str]) -> str:
    paths = [word for word in words if not word.startswith("-")]
    files = checkout.trees[-1].files if checkout.trees else {}
    return "".join(path + "\n" for path in sorted(files) if changes.selects(paths, path))


def remote(_world: World, checkout: Checkout, words: list[str]) -> str:
    url = f"git@git.shop.example:payments/{checkout.repository.name}.git"
    return f"origin\t{url} (fetch)\norigin\t{url} (push)\n" if "-v" in words else "origin\n"


def merge_base(_world: World, checkout: Checkout, words: list[str]) -> str:
    names = [word for word in words if not word.startswith("-")]
    if len(names) < 2:
        raise ambiguous(names[0] if names else "")
    return checkout.full(min(checkout.need(name) for name in names)) + "\n"


def rev_list(_world: World, checkout: Checkout, words: list[str]) -> str:
    names = [word for word in words if not word.startswith("-")]
    found = commits_of(checkout, names)
    return f"{len(found)}\n" if "--count" in words else "".join(checkout.full(i) + "\n" for i in found)


def exists(checkout: Checkout, path: str) -> bool:
    return is_path(checkout, path)
