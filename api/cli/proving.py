"""`dropprod lint`: what must be true of each scenario, proved by running it, as a table or as JSON."""

import argparse
import json
import os
import sys
import time
from typing import Any

from api.cli.errors import UsageError
from api.cli.paint import Screen, clean, standard_screen, wrap
from api.cli.progress import progress
from api.messages import Language, choose_language, say

MARKS = {True: ("green", "✓", "ok"), False: ("red", "✗", "NO")}


def lint(options: argparse.Namespace) -> int:
    """Exit code 0: everything holds; 1: something does not; 2: nothing could be asked."""
    from simulator.lint import Settings, prove, summary
    from simulator.scenario import SCENARIOS, ScenarioError, load

    language = choose_language(options.lang, os.environ)
    names = options.scenarios or sorted(path.stem for path in SCENARIOS.glob("*.yaml"))
    seeds = None if options.seed is None else (options.seed,)
    settings = Settings(whole=options.whole, seeds=seeds, processes=options.processes)
    screen, results = standard_screen(sys.stdout), []
    seconds: list[float] = []
    for name in names:
        began = time.monotonic()
        try:
            scenario = load(name)
        except ScenarioError as error:
            if options.scenarios and len(names) == 1:
                raise UsageError(str(error)) from None
            results.append({"scenario": name, "ok": False, "error": str(error), "proofs": []})
        else:
            known = range(1, len(scenario.variants) + 2)
            if options.seed is not None and options.seed not in known:
                raise UsageError(f"--seed {options.seed}: {name} has the seeds 1 to {len(known)}")
            with progress(f"{say(language, 'lint.running')} {name}", options.progress) as report:
                proofs = prove(scenario, settings, report)
            plain = [proof.plain() for proof in proofs]
            results.append({"scenario": scenario.id, **summary(proofs), "proofs": plain})
        seconds.append(time.monotonic() - began)
        if not options.json:
            print("\n".join(render(results[-1], language, screen)), flush=True)
    if options.json:
        print(json.dumps(results, ensure_ascii=False, allow_nan=False))
    elif len(results) > 1:
        print("\n".join(overview(results, seconds, language, screen)))
    return 0 if all(result["ok"] for result in results) else 1


def render(result: dict[str, Any], language: Language, screen: Screen) -> list[str]:
    """One scenario for a person: the file's proofs, then each variant's."""
    name = result["scenario"]
    if "error" in result:
        return [screen.paint(f"{name}: {result['error']}", "red"), ""]
    proofs = result["proofs"]
    held = sum(p["ok"] for p in proofs)
    verdict = say(language, "lint.holds" if result["ok"] else "lint.fails", held=held, count=len(proofs))
    lines = [screen.paint(f"{name} · {verdict}", "bold")]
    width = max(len(p["name"]) for p in proofs)
    variant: str | None = ""
    for proof in sorted(proofs, key=lambda p: _order(proofs, p["variant"])):
        if proof["variant"] != variant:
            variant = proof["variant"]
            title = say(language, "lint.variant", name=variant) if variant else say(language, "lint.file")
            lines += ["", screen.paint(title, "bold")]
        colour, mark, plain = MARKS[proof["ok"]]
        head = f"  {mark if screen.unicode else plain} {proof['name']:<{width}}  "
        room = max(30, screen.columns - len(head))
        said = wrap(clean(proof["why"][language]), room) or [""]
        lines.append(screen.paint(head, colour) + said[0])
        lines += [" " * len(head) + line for line in said[1:]]
    return [*lines, ""]


def overview(
    results: list[dict[str, Any]], seconds: list[float], language: Language, screen: Screen
) -> list[str]:
    """One line a scenario: what holds, how long it took, and that by the variants that were run."""
    heads = [say(language, f"lint.table.{name}") for name in ("scenario", "holds", "seconds", "each")]
    rows: list[list[str]] = []
    for result, took in zip(results, seconds, strict=True):
        proofs = result["proofs"]
        variants = max(1, sum(p["name"] == "solution" for p in proofs))  # schemas of all are read in any case
        held = f"{sum(p['ok'] for p in proofs)}/{len(proofs)}"
        rows.append([result["scenario"], held, f"{took:.1f}", f"{took / variants:.1f}"])
    widths = [max(len(row[n]) for row in [heads, *rows]) for n in range(len(heads))]

    def line(row: list[str]) -> str:
        return "  ".join(
            [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        )

    painted = [
        screen.paint(line(row), "green" if result["ok"] else "red")
        for row, result in zip(rows, results, strict=True)
    ]
    return [screen.paint(line(heads), "bold"), *painted]


def _order(proofs: list[dict[str, Any]], variant: str | None) -> int:
    """What concerns the whole file first, then the file as it stands, then variants as they come."""
    if variant in (None, "file"):
        return -2 if variant is None else -1
    return next(number for number, proof in enumerate(proofs) if proof["variant"] == variant)
