"""Words into fields: braces, tilde, variables, `$(...)`, splitting and file names.

Runs no command itself: a substitution is handed to the shell that asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.shell import files
from simulator.shell.arithmetic import ArithmeticProblem, evaluate
from simulator.shell.home import HOME, HOSTNAME
from simulator.shell.parse import is_name
from simulator.shell.patterns import PatternError, compile_pattern, quote
from simulator.shell.syntax import Part, Word

if TYPE_CHECKING:
    import re2

    from simulator.world import World

MAX_FIELDS = 10_000
MAX_BRACES = 1000
MAX_EXPANDED_CHARS = 3_000_000  # of one line


class ExpansionProblem(ValueError):
    """A substitution bash would refuse; the text behind `bash: `."""


def environment(world: World) -> dict[str, str]:
    """What `env` prints: the defaults and what the player set."""
    defaults = {
        "HOME": HOME,
        "HOSTNAME": HOSTNAME,
        "KUBECONFIG": f"{HOME}/.kube/config",
        "LANG": "ru_RU.UTF-8" if world.language == "ru" else "en_US.UTF-8",
        "LOGNAME": "oncall",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PWD": HOME,
        "SHELL": "/bin/bash",
        "TERM": "xterm-256color",
        "USER": "oncall",
    }
    hidden = ("?",)
    return defaults | {k: v for k, v in world.shell_vars.items() if k not in hidden}


class Expander:
    """Expands words for one shell; `substitute(source)` runs `$(source)` and returns its output."""

    def __init__(self, world: World, substitute: Callable[[str], str], process: Callable[[str], str]) -> None:
        self.world, self.substitute, self.process = world, substitute, process
        self.produced = 0  # characters made by this line's expansions

    def fields(self, words: tuple[Word, ...]) -> list[str]:
        """The arguments that words stand for. Raises ExpansionProblem."""
        found: list[str] = []
        for word in words:
            for braced in braces(word):
                found += self._word(braced)
                if len(found) > MAX_FIELDS:
                    raise ExpansionProblem("Argument list too long")
        return found

    def text(self, word: Word) -> str:
        """One word without splitting: assignments, redirect targets, here-strings."""
        return "".join(self._value(part) for part in _tilde(word).parts)

    def _word(self, word: Word) -> list[str]:
        """Fields of a word; each is a list of (text, quoted) stretches until the end."""
        current: list[tuple[str, bool]] = []
        fields = [current]
        exists = False
        for part in _tilde(word).parts:
            value = self._value(part)
            if part.quoted or part.kind == "text":
                exists = exists or part.quoted or bool(value)
                current.append((value, part.quoted))
                continue
            pieces = value.split()
            if value[:1].isspace() and exists:
                current = []
                fields.append(current)
            for index, piece in enumerate(pieces):
                if index:
                    current = []
                    fields.append(current)
                current.append((piece, False))
                exists = True
            if pieces and value[-1:].isspace():
                current = []
                fields.append(current)
        full = [field for field in fields if field]
        return [name for field in full for name in self._file_names(field)] if exists else []

    def _file_names(self, field: list[tuple[str, bool]]) -> list[str]:
        text = "".join(piece for piece, _ in field)
        if not any(not quoted and any(c in piece for c in "*?[") for piece, quoted in field):
            return [text]
        names = _matching(self.world, field, text)
        return names or [text]

    def _value(self, part: Part) -> str:
        value = self._expanded(part)
        self.produced += len(value)
        if self.produced > MAX_EXPANDED_CHARS:
            raise ExpansionProblem("Argument list too long")
        return value

    def _expanded(self, part: Part) -> str:
        if part.kind == "text":
            return part.text
        if part.kind == "command":
            return self.substitute(part.text).rstrip("\n")
        if part.kind == "process":
            return self.process(part.text)
        if part.kind == "arithmetic":
            return self.arithmetic(part.text)
        return self.variable(part.text)

    def arithmetic(self, source: str) -> str:
        plain = source.replace("${", "").replace("}", "").replace("$", "")
        try:
            return str(evaluate(plain, self.variable))
        except ArithmeticProblem as problem:
            raise ExpansionProblem(str(problem)) from None

    def variable(self, expression: str) -> str:
        """`NAME` or the inside of `${...}`. Raises ExpansionProblem."""
        if expression in ("?", "$", "#", "!", "@", "*", "-") or expression.isdigit():
            specials = {"?": self.world.shell_vars.get("?", "0"), "$": "4242", "#": "0", "0": "bash"}
            return specials.get(expression, "")
        values = environment(self.world)
        if expression.startswith("#") and is_name(expression[1:]):
            return str(len(values.get(expression[1:], "")))
        end = 0
        while end < len(expression) and (expression[end].isalnum() or expression[end] == "_"):
            end += 1
        name, rest = expression[:end], expression[end:]
        if not is_name(name):
            raise ExpansionProblem(f"${{{expression}}}: bad substitution")
        value = values.get(name, "")
        if not rest:
            return value
        try:
            return self._modified(expression, name in values, value, rest)
        except PatternError:
            raise ExpansionProblem(f"${{{expression}}}: bad substitution") from None

    def _modified(self, expression: str, is_set: bool, value: str, rest: str) -> str:
        if rest.startswith(":-") or rest.startswith(":="):
            return value or rest[2:]
        if rest.startswith(":+"):
            return rest[2:] if value else ""
        if rest.startswith("-"):
            return value if is_set else rest[1:]
        if rest[0] in "%#":
            return _trimmed(value, rest)
        if rest[0] == "/":
            every = rest.startswith("//")
            if len(value) * len(rest) > MAX_EXPANDED_CHARS:
                raise ExpansionProblem("Argument list too long")
            old, _, new = rest[2 if every else 1 :].partition("/")
            pattern = compile_pattern(glob_source(old), "perl") if old else None
            return pattern.sub(lambda _m: new, value, 0 if every else 1) if pattern else value
        if rest.startswith(":"):
            begin, _, length = rest[1:].partition(":")
            if begin.strip().isdigit() and (not length or length.strip().isdigit()):
                start = int(begin.strip()[:9])
                return value[start : start + int(length.strip()[:9])] if length else value[start:]
        raise ExpansionProblem(f"${{{expression}}}: bad substitution")


def _trimmed(value: str, rest: str) -> str:
    """`${x%pattern}`, `${x%%pattern}`, `${x#pattern}`, `${x##pattern}`."""
    mark, longest = rest[0], rest[1:2] == rest[0]
    pattern = compile_pattern("^(?:" + glob_source(rest[2 if longest else 1 :]) + ")$", "perl")
    value = value[:2000]  # every cut is tried: keeps the work bounded
    cuts = range(len(value) + 1)
    if mark == "#":
        for cut in reversed(cuts) if longest else cuts:
            if pattern.search(value[:cut]):
                return value[cut:]
        return value
    for cut in cuts if longest else reversed(cuts):
        if pattern.search(value[cut:]):
            return value[:cut]
    return value


def _tilde(word: Word) -> Word:
    if word.parts and word.parts[0].kind == "text" and not word.parts[0].quoted:
        text = word.parts[0].text
        if text == "~" or text.startswith("~/"):
            return Word((replace(word.parts[0], text=HOME + text[1:]), *word.parts[1:]))
    return word


def glob_source(pattern: str) -> str:
    """A file-name pattern as RE2 source; an unclosed bracket is itself."""
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            if not out or out[-1] != ".*":
                out.append(".*")
        elif char == "?":
            out.append(".")
        elif char == "\\" and at < len(pattern):
            out.append(quote(pattern[at]))
            at += 1
        elif char == "[" and 0 < (end := pattern.find("]", at + 1)) < at + 60:
            inside = pattern[at:end].replace("\\", "\\\\").replace("[", "\\[")
            out.append("[^" + inside[1:] + "]" if inside[0] in "!^" and len(inside) > 1 else f"[{inside}]")
            at = end + 1
        else:
            out.append(quote(char))
    return "".join(out)


def _matching(world: World, field: list[tuple[str, bool]], text: str) -> list[str]:
    """The files that a field with an unquoted pattern names, one directory level only."""
    slash = text.rfind("/") + 1
    head = text[:slash]
    if any(c in head for c in "*?[") or len(text) > files.MAX_PATH_CHARS:
        return []
    source, seen = "", 0
    for piece, quoted in field:
        tail = piece[max(0, slash - seen) :] if seen + len(piece) > slash else ""
        seen += len(piece)
        source += quote(tail) if quoted else glob_source(tail)
    pattern = _compiled(source)
    if pattern is None:
        return []
    hidden = text[slash:].startswith(".")
    names = [name for name, _, _ in files.children(world, head or ".")]
    return [head + name for name in names if (hidden or name[0] != ".") and pattern.search(name)]


def _compiled(source: str) -> re2._Regexp | None:
    try:
        return compile_pattern(f"^(?:{source})$", "perl")
    except PatternError:
        return None


def braces(word: Word) -> list[Word]:
    """`{a,b}` and `{1..5}` in unquoted text; anything else stays as it is."""
    done: list[Word] = []
    waiting = [word]
    made = 0
    while waiting and len(done) + len(waiting) <= MAX_BRACES and made <= MAX_EXPANDED_CHARS:
        current = waiting.pop(0)
        split = _first_brace(current)
        made += sum(len(part.text) for word_ in split or () for part in word_.parts)
        if split is None:
            done.append(current)
        else:
            waiting = split + waiting
    return done + waiting


def _first_brace(word: Word) -> list[Word] | None:
    for index, part in enumerate(word.parts):
        if part.kind != "text" or part.quoted or "{" not in part.text:
            continue
        begin = part.text.rfind("{", 0, part.text.find("}") + 1 or None)
        end = part.text.find("}", begin)
        if begin < 0 or end < 0:
            continue
        options = _brace_options(part.text[begin + 1 : end])
        if options is None:
            continue
        before, after = part.text[:begin], part.text[end + 1 :]
        return [
            Word((*word.parts[:index], Part("text", before + option + after), *word.parts[index + 1 :]))
            for option in options
        ]
    return None


def _brace_options(inside: str) -> list[str] | None:
    if "," in inside:
        return inside.split(",")[:MAX_BRACES]
    low, dots, high = inside.partition("..")
    if not dots or len(low) > 9 or len(high) > 9:
        return None
    if low.isascii() and high.isascii() and low.isdigit() and high.isdigit():
        first, last = int(low), int(high)
        step = 1 if last >= first else -1
        return [str(n) for n in range(first, last + step, step)[:MAX_BRACES]]
    if len(low) == len(high) == 1 and low.isalpha() and high.isalpha():
        step = 1 if high >= low else -1
        return [chr(n) for n in range(ord(low), ord(high) + step, step)[:MAX_BRACES]]
    return None
