"""A large code base, made from a seed: packages of classes whose methods call each other.

The text and the call graph come from the same draws, so what a reader finds by grep is what the graph says. Planted
files are taken as they are; they hold what a scenario turns on. Nothing is stored: the same spec and seed give the
same code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from simulator.codebase import words
from simulator.engine.streams import bits, key_of, uniform
from simulator.scenario import CodebaseSpec, Commit, Repository

CLASS_LINES = 147  # what a class comes to on average, for the number of classes
NEAR, CORE = 0.72, 0.16  # calls into the own module, calls into `core`; the rest goes anywhere


@dataclass(frozen=True)
class Method:
    """`symbol` is `module.Class.method`; `line` is where it begins in its file."""

    symbol: str
    path: str
    line: int
    calls: tuple[str, ...]


@dataclass
class Codebase:
    """Files by path, methods by symbol, callers by symbol."""

    name: str
    files: dict[str, str] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=dict)
    callers: dict[str, list[str]] = field(default_factory=dict)
    module_of: dict[str, str] = field(default_factory=dict)  # path -> module

    @property
    def lines(self) -> int:
        return sum(text.count("\n") for text in self.files.values())


@dataclass
class _Class:
    module: str
    name: str
    key: int
    methods: list[str]


@lru_cache(maxsize=4)
def generate(spec: CodebaseSpec, seed: int) -> Codebase:
    """The code base of a spec. Takes a third of a second for 50,000 lines."""
    made = Codebase(spec.name)
    classes = [c for module in spec.modules for c in _classes(spec, module, seed)]
    targets: dict[str, list[str]] = {}
    for each in classes:
        targets.setdefault(each.module, []).extend(
            f"{each.module}.{each.name}.{method}" for method in each.methods
        )
    for each in classes:
        _write(spec, made, each, targets)
    for planted in spec.planted:
        made.files[planted.path] = planted.text if planted.text.endswith("\n") else planted.text + "\n"
        made.module_of[planted.path] = planted.module
        for symbol, calls in planted.calls.items():
            made.methods[symbol] = Method(symbol, planted.path, _line_of(planted.text, symbol), tuple(calls))
    for method in made.methods.values():
        for called in method.calls:
            made.callers.setdefault(called, []).append(method.symbol)
    made.files = dict(sorted(made.files.items()))
    return made


def _line_of(text: str, symbol: str) -> int:
    name = symbol.rpartition(".")[2]
    return next((n for n, line in enumerate(text.splitlines(), 1) if f" {name}(" in line), 1)


def _classes(spec: CodebaseSpec, module: str, seed: int) -> list[_Class]:
    share = spec.modules[module].share
    wanted = max(3, round(spec.lines * share / CLASS_LINES))
    nouns = words.NOUNS.get(module) or words.NOUNS["core"]
    names = [f"{noun}{kind}" for kind in words.KINDS for noun in nouns]
    names += [
        f"{noun}{other}{kind}" for kind in words.KINDS for noun in nouns for other in nouns if noun != other
    ]
    found = []
    for name in names[:wanted]:
        key = key_of(seed, "class", module, name)
        count = 7 + bits(key, 1) % 9
        methods = dict.fromkeys(
            words.VERBS[bits(key, 10 + n) % len(words.VERBS)]
            + words.TAILS[bits(key, 40 + n) % len(words.TAILS)]
            for n in range(count)
        )
        found.append(_Class(module, name, key, list(methods)))
    return found


def _write(spec: CodebaseSpec, made: Codebase, each: _Class, targets: dict[str, list[str]]) -> None:
    path = f"src/main/java/{spec.package.replace('.', '/')}/{each.module}/{each.name}.java"
    head = [f"package {spec.package}.{each.module};", ""]
    head += [
        f"import {spec.package}.core.Config;",
        "import org.slf4j.Logger;",
        "import org.slf4j.LoggerFactory;",
    ]
    bodies = [_body(each, method, targets) for method in each.methods]
    used = sorted({call.partition(".")[0] for _, calls in bodies for call in calls} - {each.module})
    lines = [*head, *(f"import {spec.package}.{module}.*;" for module in used), ""]
    lines += [f"public class {each.name} {{", ""]
    lines += [f"    private static final Logger LOG = LoggerFactory.getLogger({each.name}.class);"]
    lines += ["    private static final Object LOCK = new Object();", "    private static int counter;"]
    lines += ["    private final Config config = Config.instance();", ""]
    for method, (body, calls) in zip(each.methods, bodies, strict=True):
        symbol = f"{each.module}.{each.name}.{method}"
        at = len(lines) + 1
        lines += body
        made.methods[symbol] = Method(symbol, path, at, tuple(calls))
    lines.append("}")
    made.files[path] = "\n".join(lines) + "\n"
    made.module_of[path] = each.module


def _body(each: _Class, method: str, targets: dict[str, list[str]]) -> tuple[list[str], list[str]]:
    key = key_of(each.key, "body", method)
    lines = [f"    public Object {method}(Object id) {{"]
    calls = []
    for n in range(3 + bits(key, 2) % 9):
        name = f"{words.LOCALS[bits(key, 100 + n) % len(words.LOCALS)]}{n}"
        lot = uniform(key, 200 + n)
        if lot < 0.55:
            target = _target(each, key, n, targets)
            calls.append(target)
            owner, _, called = target.rpartition(".")
            lines.append(f"        Object {name} = new {owner.rpartition('.')[2]}().{called}(id);")
            if bits(key, 300 + n) % 3 == 0:
                guard = words.GUARDS[bits(key, 400 + n) % len(words.GUARDS)]
                lines.append("        " + guard.format(name, each.name))
        elif lot < 0.75:
            lines.append(f"        int {name} = counter + {bits(key, 500 + n) % 97};")
        elif lot < 0.88 and each.name.endswith("Dao"):
            table = each.name.removesuffix("Dao").lower()
            lines.append(f'        String {name} = "SELECT * FROM {table} WHERE id = ?";')
        else:
            lines.append("        " + words.REMARKS[bits(key, 600 + n) % len(words.REMARKS)])
    return [*lines, "        return id;", "    }", ""], calls


def _target(each: _Class, key: int, n: int, targets: dict[str, list[str]]) -> str:
    lot = uniform(key, 700 + n)
    module = each.module
    if lot > NEAR:
        names = list(targets)
        module = "core" if lot < NEAR + CORE and "core" in targets else names[bits(key, 800 + n) % len(names)]
    options = targets[module]
    return options[bits(key, 900 + n) % len(options)]


@lru_cache(maxsize=4)
def repository(spec: CodebaseSpec, seed: int, when: datetime) -> Repository:
    """The code base as a git repository of one import."""
    parts = []
    for path, text in generate(spec, seed).files.items():
        lines = text.splitlines()
        parts.append(f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{len(lines)} @@")
        parts += ["+" + line for line in lines]
    subject = "Import from Subversion, r48211"
    author = "import <import@shop.example>"
    commit = Commit(hash="a1f0c3d2", author=author, date=when, subject=subject, diff="\n".join(parts) + "\n")
    return Repository(name=spec.name, commits=[commit])
