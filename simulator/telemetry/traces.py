"""`trace`: single requests sent through what the run recorded, printed as waterfalls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.engine.plane import Span
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

LISTED = 10
SAMPLED = 60  # requests looked at for a list
BACK_S = 30  # a trace store shows finished requests: those that began this long ago at most
BAR = 28
SHORT = {"slow": ["list", "--min-duration", "1s"], "errors": ["list", "--errors"], "ls": ["list"]}

T = {
    "usage": Text(ru="trace: list [--service S] [--min-duration 1s] [--errors] | show ID", en="trace: list [--service S] [--min-duration 1s] [--errors] | show ID"),
    "none": Text(ru="Нет подходящих трасс.", en="No matching traces."),
    "unknown": Text(ru="trace: нет трассы {0!r}; список: trace list", en="trace: no trace {0!r}; the list: trace list"),
}  # fmt: skip


def _spans(world: World, second: int, index: int) -> list[Span]:
    start = second + (index % 17) / 17
    return world.plane.sample_request(world.scenario.sli.traffic_class, start, index)


def _ident(second: int, index: int) -> str:
    return f"{second:05x}{index:03x}"


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    words = [*SHORT.get(argv[1], argv[1:2]), *argv[2:]] if len(argv) > 1 else ["list"]
    if words[0].startswith("--"):
        words.insert(0, "list")
    if words[:1] == ["list"]:
        return _list(world, words[1:])
    if words[:1] == ["show"] and len(words) == 2:
        return _show(world, words[1])
    return failure(T["usage"].of(world.language), 2)


def _list(world: World, words: list[str]) -> Reply:
    service, least, errors = "", 0.0, False
    rest = list(words)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name == "--errors":
            errors = True
        elif name in ("--service", "--min-duration"):
            value = value if equals else (rest.pop(0) if rest else "")
            if name == "--service":
                service = value
            else:
                try:
                    least = (
                        float(value.removesuffix("ms")) / 1000
                        if value.endswith("ms")
                        else float(value.removesuffix("s"))
                    )
                except ValueError:
                    return failure(T["usage"].of(world.language), 2)
        else:
            return failure(T["usage"].of(world.language), 2)
    rows = []
    last = world.plane.history.seconds - 1
    for n in range(SAMPLED):
        second = last - 4 - n * BACK_S // SAMPLED
        spans = _spans(world, second, n) if second >= 0 else []
        if not spans:
            continue
        root = spans[0]
        if root.start_s + root.duration_s > world.now_s or root.duration_s < least:
            continue
        if (errors and not root.error) or (service and all(s.service != service for s in spans)):
            continue
        stamp = world.at(root.start_s).strftime("%H:%M:%S")
        rows.append(
            f"{_ident(second, n)}  {stamp}  {root.duration_s * 1000:8.1f} ms  {len(spans):3d} spans  {root.error or 'ok'}"
        )
        if len(rows) >= LISTED:
            break
    return Reply("\n".join(rows) + "\n" if rows else T["none"].of(world.language) + "\n")


def _show(world: World, ident: str) -> Reply:
    try:
        second, index = int(ident[:5], 16), int(ident[5:], 16)
    except ValueError:
        return failure(T["unknown"].of(world.language).format(ident))
    if len(ident) != 8 or not 0 <= second < world.plane.history.seconds:
        return failure(T["unknown"].of(world.language).format(ident))
    spans = _spans(world, second, index)
    if not spans:
        return failure(T["unknown"].of(world.language).format(ident))
    whole = max(spans[0].duration_s, 1e-9)
    depth: dict[int, int] = {}
    lines = []
    for n, span in enumerate(spans):
        depth[n] = depth.get(span.parent, -1) + 1
        begin = int((span.start_s - spans[0].start_s) / whole * BAR)
        length = max(1, round(span.duration_s / whole * BAR))
        bar = (" " * min(begin, BAR - 1) + "█" * length)[:BAR].ljust(BAR)
        name = "  " * depth[n] + f"{span.service} {span.name}"
        error = f"  ✗ {span.error}" if span.error else ""
        lines.append(f"{bar} {span.duration_s * 1000:9.1f} ms  {name}{error}")
    return Reply("\n".join(lines) + "\n")


TOOLS = {
    "trace": Tool(
        "trace",
        run,
        Text(ru="трассы отдельных запросов", en="traces of single requests"),
        ("trace list --min-duration 1s", "trace list --errors", "trace show ID"),
    )
}
