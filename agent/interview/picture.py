"""A design shown back to who drew it, with everything that was assumed. Reads nothing, runs nothing."""

from __future__ import annotations

from agent.interview.design import Design, Part
from agent.plural import separated

HEADS = {
    "ru": "{rps} запросов в секунду, чтений {reads}, ЦОДов {places}",
    "en": "{rps} rps, {reads} reads, {places} DC",
}
ABOVE = {"ru": " (см. выше)", "en": " (see above)"}


def drawn(design: Design, lang: str = "en") -> str:
    """The design as a tree of boxes, with everything that was assumed; settings in the notation's own words."""
    entry = design.entry
    head = HEADS[lang].format(
        rps=separated(f"{design.rps:,.0f}", lang), reads=f"{design.reads:.0%}", places=design.places
    )
    lines = [head.replace("%", "\u00a0%") if lang == "ru" else head]
    seen: set[str] = set()
    handed = design.handed()

    def walk(name: str, lead: str, mark: str) -> None:
        above = ABOVE[lang] if name in seen else ""
        lines.append(f"{lead}{mark}{_label(design.parts[name])}{_flow(design, handed, name, lang)}{above}")
        if name in seen:
            return
        seen.add(name)
        below = [e for e in design.edges if e.source == name]
        deeper = lead + ("   " if mark.startswith("└") else "│  " if mark else "")
        for number, edge in enumerate(below):
            corner = "└" if number == len(below) - 1 else "├"
            walk(edge.target, deeper, f"{corner}{'─>' if edge.waits else '═>'} ")

    if entry is not None:
        walk(entry.name, "", "")
    return "\n".join(lines) + "\n"


def _flow(design: Design, handed: dict[str, float], name: str, lang: str) -> str:
    """How much of the load is handed over to a part: an assumption, so it is shown."""
    if name not in handed:
        return ""
    return f" {separated(f'{handed[name] * design.rps:,.0f}', lang)}/{'с' if lang == 'ru' else 's'}"


def _label(part: Part) -> str:
    words = [f"[{part.name}]", f"x{part.count}"]
    if part.kind == "cache":
        words += [f"hit {part.hit:.1%}".replace(".0%", "%")]
    elif part.kind == "store":
        words += [
            f"{part.cores} cores",
            f"{part.time_ms:g} ms CPU",
            *([f"by {part.key}"] if part.key else []),
        ]
        words += [f"{part.replicas} replicas"] if part.replicas > 1 else []
    else:
        words += [f"{part.time_ms:g} ms"]
    words += [f"dc{part.place}"] if part.place else []
    words += [f"pool {part.pool}"] if "pool" in part.given else []
    words += [f"timeout {part.timeout_ms:g} ms"] if part.timeout_ms else []
    words += [f"retries {part.retries}"] if part.retries else []
    words += [f"limit {part.limit_rps:g} rps"] if part.limit_rps else []
    return " ".join(words)
