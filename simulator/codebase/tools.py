"""Reading a large code base: call graph, coverage, owners, and what runs in production."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from simulator.codebase.generate import Codebase, Method, generate
from simulator.engine.streams import key_of, uniform
from simulator.entities.history import INVOKE
from simulator.reply import Reply, failure
from simulator.scenario import CodebaseSpec, Text
from simulator.tool import Tool
from simulator.wording import Words, Wrong

if TYPE_CHECKING:
    from simulator.world import World

SHOWN = 60  # lines of an answer
WINDOW_S = 300.0

T = {
    "none": Text(
        ru="{0}: в этой системе нет большой кодовой базы", en="{0}: this system has no large code base"
    ),
    "usage": Text(ru="{0}: {1}\nформы: {2}", en="{0}: {1}\nforms: {2}"),
    "verb": Text(ru="нет действия {0!r}", en="no action {0!r}"),
    "symbol": Text(ru="нет метода {0!r}{1}", en="no method {0!r}{1}"),
    "near": Text(ru="; похожие: {0}", en="; similar: {0}"),
    "many": Text(ru="{0!r} подходит к нескольким: {1}", en="{0!r} fits several: {1}"),
    "args": Text(ru="не хватает аргументов", en="arguments are missing"),
    "module": Text(ru="нет модуля {0!r}; есть: {1}", en="no module {0!r}; there are: {1}"),
    "no_path": Text(ru="из {0} в {1} путей нет", en="no path from {0} to {1}"),
    "no_callers": Text(
        ru="{0}: вызовов в исходниках не найдено. Рефлексию, триггеры и голый SQL граф не видит.",
        en="{0}: no calls in the sources. The graph does not see reflection, triggers or raw SQL.",
    ),
    "more": Text(ru="… и ещё {0}", en="… and {0} more"),
    "quiet": Text(
        ru="за последние {0:.0f} с ни одного вызова из размеченных",
        en="none of the instrumented methods ran in the last {0:.0f} s",
    ),
}
FORMS = {
    "cgraph": ("cgraph stats", "cgraph modules", "cgraph callers METHOD", "cgraph callees METHOD", "cgraph path FROM TO"),
    "coverage": ("coverage", "coverage MODULE"),
    "owners": ("owners", "owners MODULE|PATH|METHOD"),
    "runtime": ("runtime top", "runtime callers METHOD"),
}  # fmt: skip


say = Words(T)


def _code(world: World, tool: str) -> tuple[CodebaseSpec, Codebase]:
    spec = world.scenario.codebase
    if spec is None:
        raise Wrong(say(world, "none", tool))
    return spec, generate(spec, world.seed)


def _method(world: World, code: Codebase, name: str) -> Method:
    """A method by its symbol or by an ending of it that is unique."""
    if name in code.methods:
        return code.methods[name]
    found = [s for s in code.methods if s.endswith("." + name)]
    if len(found) == 1:
        return code.methods[found[0]]
    if found:
        raise Wrong(say(world, "many", name, ", ".join(found[:5])))
    last = name.rpartition(".")[2].lower()
    near = [s for s in code.methods if last and last in s.lower()][:5]
    raise Wrong(say(world, "symbol", name[:100], say(world, "near", ", ".join(near)) if near else ""))


def _listed(world: World, rows: list[str]) -> str:
    if len(rows) > SHOWN:
        rows = [*rows[:SHOWN], say(world, "more", len(rows) - SHOWN)]
    return "".join(row + "\n" for row in rows)


def _where(method: Method) -> str:
    return f"{method.symbol}  {method.path}:{method.line}"


def _callers(world: World, code: Codebase, words: list[str]) -> str:
    method = _method(world, code, words[0])
    found = [_where(code.methods[c]) for c in sorted(set(code.callers.get(method.symbol, [])))]
    return _listed(world, found) if found else say(world, "no_callers", method.symbol) + "\n"


def _callees(world: World, code: Codebase, words: list[str]) -> str:
    method = _method(world, code, words[0])
    return _listed(
        world, [_where(code.methods[c]) if c in code.methods else c for c in dict.fromkeys(method.calls)]
    )


def _path(world: World, code: Codebase, words: list[str]) -> str:
    start, goal = (_method(world, code, w).symbol for w in words[:2])
    before: dict[str, str] = {start: ""}
    queue = deque([start])
    while queue and goal not in before:
        at = queue.popleft()
        for called in code.methods[at].calls:
            if called not in before and called in code.methods:
                before[called] = at
                queue.append(called)
    if goal not in before:
        return say(world, "no_path", start, goal) + "\n"
    chain, at = [], goal
    while at:
        chain.append(at)
        at = before[at]
    return "".join("  " * depth + symbol + "\n" for depth, symbol in enumerate(reversed(chain)))


def _modules(world: World, code: Codebase, _words: list[str]) -> str:
    """Calls between modules: rows call columns."""
    spec = world.scenario.codebase
    assert spec is not None
    names = list(spec.modules)
    counts = {(a, b): 0 for a in names for b in names}
    for method in code.methods.values():
        here = method.symbol.partition(".")[0]
        for called in method.calls:
            pair = (here, called.partition(".")[0])
            if pair in counts:
                counts[pair] += 1
    width = max(len(n) for n in names) + 2
    rows = ["".ljust(width) + "".join(n.rjust(width) for n in names)]
    rows += [a.ljust(width) + "".join(str(counts[a, b]).rjust(width) for b in names) for a in names]
    return "".join(row + "\n" for row in rows)


def _stats(world: World, code: Codebase, _words: list[str]) -> str:
    calls = sum(len(m.calls) for m in code.methods.values())
    return f"files {len(code.files)}\nlines {code.lines}\nmethods {len(code.methods)}\ncalls {calls}\n"


GRAPH = {
    "stats": (0, _stats),
    "modules": (0, _modules),
    "callers": (1, _callers),
    "callees": (1, _callees),
    "path": (2, _path),
}


def run_graph(world: World, argv: list[str], _stdin: str) -> Reply:
    verb, rest = (argv[1], argv[2:]) if len(argv) > 1 else ("stats", [])
    try:
        _, code = _code(world, "cgraph")
        if verb not in GRAPH:
            raise Wrong(say(world, "usage", "cgraph", say(world, "verb", verb), "; ".join(FORMS["cgraph"])))
        least, answer = GRAPH[verb]
        if len(rest) < least:
            raise Wrong(say(world, "usage", "cgraph", say(world, "args"), "; ".join(FORMS["cgraph"])))
        return Reply(answer(world, code, rest))
    except Wrong as wrong:
        return failure(str(wrong), 2)


def covered(world: World, code: Codebase, path: str) -> float:
    """The share of a file's lines that tests run: around its module's, by the file's own luck."""
    spec = world.scenario.codebase
    assert spec is not None
    module = spec.modules.get(code.module_of[path])
    mean = module.coverage if module is not None else 0.0
    return min(1.0, mean * 2 * uniform(key_of(world.seed, "coverage", path)))


def run_coverage(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        spec, code = _code(world, "coverage")
        if len(argv) > 1 and argv[1] not in spec.modules:
            raise Wrong(say(world, "module", argv[1], ", ".join(spec.modules)))
    except Wrong as wrong:
        return failure(str(wrong), 2)
    rows = []
    if len(argv) > 1:
        paths = [p for p, m in code.module_of.items() if m == argv[1]]
        rows = [
            f"{covered(world, code, p):6.1%}  {code.files[p].count(chr(10)):6}  {p}" for p in sorted(paths)
        ]
        return Reply(_listed(world, rows))
    for name in spec.modules:
        paths = [p for p, m in code.module_of.items() if m == name]
        lines = [code.files[p].count("\n") for p in paths]
        share = sum(covered(world, code, p) * n for p, n in zip(paths, lines, strict=True)) / max(
            1, sum(lines)
        )
        rows.append(f"{share:6.1%}  {sum(lines):6}  {name}")
    return Reply(_listed(world, rows))


def run_owners(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        spec, code = _code(world, "owners")
        if len(argv) == 1:
            return Reply("".join(f"/{n:<12} @{m.owner}\n" for n, m in spec.modules.items()))
        path = argv[1].lstrip("./")
        named = path.rstrip("/").rpartition("/")[2]
        module = named if named in spec.modules else code.module_of.get(path, "")
        module = module or _method(world, code, argv[1]).symbol.partition(".")[0]
    except Wrong as wrong:
        return failure(str(wrong), 2)
    owner = spec.modules[module].owner if module in spec.modules else "-"
    return Reply(f"@{owner}\n")


def rates(world: World, window_s: float = WINDOW_S) -> dict[str, float]:
    """Calls a second of each instrumented method over the last window, from what really ran."""
    spec = world.scenario.codebase
    if spec is None or world.entities is None:
        return {}
    start = max(0.0, world.now_s - window_s)
    span = max(1.0, world.now_s - start)
    counts: dict[str, float] = {}
    for op in world.entities.history:
        if op.type == INVOKE and op.time_ns >= start * 1e9 and isinstance(op.value, tuple):
            counts[op.f] = counts.get(op.f, 0.0) + op.value[1]
    return {symbol: counts.get(flow, 0.0) / span for symbol, flow in spec.traffic.items()}


def run_runtime(world: World, argv: list[str], _stdin: str) -> Reply:
    """What production called, with reflection and jobs: the profiler sees what the sources hide."""
    verb, rest = (argv[1], argv[2:]) if len(argv) > 1 else ("top", [])
    try:
        spec, code = _code(world, "runtime")
        if verb not in ("top", "callers") or (verb == "callers" and not rest):
            wrong = say(world, "args") if verb == "callers" else say(world, "verb", verb)
            raise Wrong(say(world, "usage", "runtime", wrong, "; ".join(FORMS["runtime"])))
        found = rates(world)
        if verb == "callers":
            symbol = _method(world, code, rest[0]).symbol
            found = {s: r for s, r in found.items() if s in spec.reaches(symbol)}
    except Wrong as wrong:
        return failure(str(wrong), 2)
    ran = sorted(((rate, s) for s, rate in found.items() if rate > 0), key=lambda x: (-x[0], x[1]))
    if not ran:
        return Reply(say(world, "quiet", WINDOW_S) + "\n")
    return Reply("".join(f"{rate:10.3f}/s  {symbol}\n" for rate, symbol in ran))


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("cgraph", run_graph, Text(ru="граф вызовов кодовой базы", en="the code base's call graph"), FORMS["cgraph"]),
        Tool("coverage", run_coverage, Text(ru="покрытие тестами", en="test coverage"), FORMS["coverage"]),
        Tool("owners", run_owners, Text(ru="чей это код", en="who owns the code"), FORMS["owners"]),
        Tool("runtime", run_runtime, Text(ru="что вызывается в бою (профилировщик)", en="what runs in production (profiler)"), FORMS["runtime"]),
    )
}  # fmt: skip
