"""CONFORMANCE.md and its plots, from the results of one run of `benchmarks.conformance`. No figure is typed in here."""

import platform
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.conformance_drawn import PREFIX

HERE = Path(__file__).resolve().parent
REPORT, PLOTS = HERE / "CONFORMANCE.md", HERE / "plots"
LARGEST, DPI = 150_000, 80  # bytes of a plot, and what keeps it below
HEADINGS = {"utilisation": "utilisation", "mean": "mean", "p99": "p99", "failed": "failed"}
RELATIVE = ("mean", "p99")
INTRO = """# Conformance of the cohort engine

Written by `python -m benchmarks.conformance --write`; every figure below is of that run.

Each case is a small network that both engines run from the same description (`benchmarks/conformance_cases.py`). The
reference is a closed form where queueing theory has one, else the mean of several seeds of the exact engine, which
simulates every request: {seeds} of them, and up to {most} where the standard error of a figure is more than {sure:.0%} of its
bar. Compared over the seconds after the warm-up:

- **utilisation**: slot-seconds (connection-seconds) in use over slots x time, of the station that is the most loaded
  one in the reference; the difference in percentage points of its capacity;
- **mean**, **p99**: latency of successful requests, relative difference;
- **failed**: refused, timed out and failed requests, the difference in percentage points of all requests;
- **verdict**: whether at least {healthy:.0%} of what ended in the last {tail} s was answered well.

`±` is the standard error of the reference over its seeds, also where the error is small: no engine can be asked to hit
closer. The last column names the figures whose difference lies within the 95 % interval of the seeds' mean (Student);
that is no agreement, only no proof of the opposite. A case near a threshold
counts as far as it leaves the spread of the exact seeds. A dash means that too few requests succeeded for a latency:
fewer than {few:.0%} of them, a handful whose latency is luck. Cases in which the world's own `engine_reason` says that the
cohort engine is approximate are reported apart.
"""


HELD = """Other topologies, rates, time-outs and retries (`benchmarks/conformance_held.py`); they do not count above. A
model bent to the cases would miss here by more. The first mistakes they showed have been mended since, in the model.
"""

DRAWN = """{count} networks that nobody chose (`benchmarks/conformance_drawn.py`): a tree of 1-13 services over databases and a
cache, with loads, limits, time-outs and retries drawn at random, and mostly something that happens to one of them. They do
not count above. {seeds} exact seeds each; an error counts as one only beyond the 95 % interval of their mean. Those that
miss a bar are mostly near a threshold, where a queue of the real system comes and goes by chance.
"""


def write(found: dict[str, Any]) -> None:
    """Write the report; plots too where matplotlib is installed."""
    plots = draw(found) if find_spec("matplotlib") else []
    REPORT.write_text(text(found, plots), encoding="utf-8")


def text(found: dict[str, Any], plots: list[Path]) -> str:
    from benchmarks.conformance import FEW, HEALTHY, SURE, TAIL_S

    lines = [
        INTRO.format(
            seeds=found["seeds"],
            most=found["most_seeds"],
            sure=SURE,
            healthy=HEALTHY,
            tail=TAIL_S,
            few=FEW,
        )
    ]
    lines += [
        f"Engine sources {found['sources']}, kernel {found['backend']}, Python {platform.python_version()}, "
        f"{found['took_s']:.0f} s on this machine, {found['kept_runs']} exact runs kept from before.\n"
    ]
    lines += ["## The worst over the cases that count\n", "| what | bar | worst | in |", "|---|---|---|---|"]
    counted = [c for c in found["cases"] if c["counted"]]
    for key, bar in found["bars"].items():
        rows = [c for c in counted if c["errors"][key] is not None]
        if rows:
            worst = max(rows, key=lambda c: abs(c["errors"][key]))
            lines.append(
                f"| {HEADINGS[key]} | {bar:.1%} | {abs(worst['errors'][key]):.2%} | {worst['name']} |"
            )
    lines.append(
        f"| verdicts that differ | 0 | {found['metastable_disagreements']} | {_differing(counted)} |\n"
    )
    lines += ["## Cases that count\n", *_table(counted, found["bars"])]
    held = [c for c in found["cases"] if c["name"].startswith("held-")]
    if held:
        lines += ["\n## Held out\n", HELD, *_table(held, found["bars"])]
    drawn = [c for c in found["cases"] if c["name"].startswith(PREFIX)]
    if drawn:
        lines += ["\n## Drawn at random\n", DRAWN.format(count=len(drawn), seeds=drawn[0]["seeds"])]
        lines += _drawn(drawn, found["bars"])
    found = {**found, "cases": [c for c in found["cases"] if c not in drawn]}
    apart = [c for c in found["cases"] if not c["counted"] and c not in held]
    if apart:
        lines += ["\n## Reported apart\n", *_table(apart, found["bars"]), ""]
        lines += [f"- `{c['name']}`: {c['why']}" for c in apart]
    lines += [
        "\n## What the cases are\n",
        "| case | network | reference | engine | station | reference values |",
    ]
    lines += ["|---|---|---|---|---|---|"]
    lines += [
        f"| {c['name']} | {c['about']} | {_reference(c)} | {c['engine']} | {c['station']} | {_values(c)} |"
        for c in found["cases"]
    ]
    if plots:
        lines += ["\n## Plots\n", *(f"![{p.stem}](plots/{p.name})" for p in plots)]
    return "\n".join(lines) + "\n"


def _reference(case: dict[str, Any]) -> str:
    kind = str(case["kind"]).replace("_", " ")
    return f"{kind}, {case['seeds']} seeds" if case["seeds"] else kind


def _differing(cases: list[dict[str, Any]]) -> str:
    return ", ".join(c["name"] for c in cases if not c["verdicts"]["agree"]) or "-"


def _table(cases: list[dict[str, Any]], bars: dict[str, float]) -> list[str]:
    """Errors, the case that misses a bar by most first; misses are bold."""
    rows = [
        "| case | " + " | ".join(HEADINGS.values()) + " | verdict | within the 95 % interval |",
        "|---|" + "---|" * (len(HEADINGS) + 2),
    ]
    for c in sorted(cases, key=lambda c: -max(abs(c["errors"][k] or 0.0) / bar for k, bar in bars.items())):
        cells = []
        for key, bar in bars.items():
            error, noise = c["errors"][key], c["noise"][key]
            if error is None:
                cells.append("-")
                continue
            shown = f"{error:+.2%}"
            shown = f"**{shown}**" if abs(error) > bar else shown
            cells.append(f"{shown} ± {noise:.2%}" if noise else shown)
        v = c["verdicts"]
        verdict = (
            "agree" if v["agree"] else f"**ours {_word(v['ours'])}, reference {_words(v['reference'])}**"
        )
        inside = ", ".join(HEADINGS[k] for k in bars if c["within_95"][k]) or "-"
        rows.append(f"| {c['name']} | {' | '.join(cells)} | {verdict} | {inside} |")
    return rows


def _drawn(cases: list[dict[str, Any]], bars: dict[str, float]) -> list[str]:
    """How far off networks are by share of them, and those that miss a bar."""
    rows = [
        "| what | bar | half of them within | nine in ten within | miss the bar |",
        "|---|---|---|---|---|",
    ]
    missing: list[dict[str, Any]] = []
    for key, bar in bars.items():
        errors = sorted(abs(c["errors"][key]) for c in cases if c["errors"][key] is not None)
        missed = [c for c in cases if _misses(c, key, bar)]
        missing += [c for c in missed if c not in missing]
        half, most = errors[len(errors) // 2], errors[len(errors) * 9 // 10]
        rows.append(f"| {HEADINGS[key]} | {bar:.1%} | {half:.2%} | {most:.2%} | {len(missed)} |")
    differing = sum(not c["verdicts"]["agree"] for c in cases)
    rows.append(f"| verdicts that differ | 0 | | | {differing} |")
    rows += [
        f"\n{len(cases) - len(missing)} of {len(cases)} miss no bar; the others:\n",
        *_table(missing, bars),
        "",
    ]
    return rows + [f"- `{c['name']}`: {c['about']}" for c in missing]


def _misses(case: dict[str, Any], key: str, bar: float) -> bool:
    error = case["errors"][key]
    return error is not None and abs(error) > bar and not case["within_95"][key]


def _word(healthy: bool) -> str:
    return "healthy" if healthy else "down"


def _words(verdicts: list[bool]) -> str:
    return _word(verdicts[0]) if len(set(verdicts)) == 1 else f"healthy in {sum(verdicts)} of {len(verdicts)}"


def _values(case: dict[str, Any]) -> str:
    parts = []
    for key, heading in HEADINGS.items():
        value, error = case["reference"][key]["mean"], case["reference"][key]["standard_error"]
        if value is None:
            continue
        factor, unit, digits = (1000, " ms", 1) if key in RELATIVE else (100, " %", 2)
        spread = f" ± {factor * error:.{digits}f}" if error else ""
        parts.append(f"{heading} {factor * value:.{digits}f}{spread}{unit}")
    return ", ".join(parts)


def draw(found: dict[str, Any]) -> list[Path]:
    """Plots of the errors and of the runs that turn over a threshold."""
    import matplotlib

    matplotlib.use("agg")
    PLOTS.mkdir(exist_ok=True)
    made = [_draw_errors(found)]
    series = [c for c in found["cases"] if c["series"]["ours"]]
    if series:
        made.append(_draw_series(series))
    for path in made:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path.name}: {path.stat().st_size} bytes, at most {LARGEST}")
    return made


def _draw_errors(found: dict[str, Any]) -> Path:
    from matplotlib import pyplot

    cases = [c for c in found["cases"] if not c["name"].startswith(PREFIX)]
    figure, axes = pyplot.subplots(1, 4, sharey=True, figsize=(12, 1.2 + 0.24 * len(cases)))
    for axis, (key, bar) in zip(axes, found["bars"].items(), strict=True):
        for row, c in enumerate(cases):
            error, noise = c["errors"][key], c["noise"][key]
            if error is None:
                continue
            colour = "0.6" if not c["counted"] else ("tab:green" if abs(error) <= bar else "tab:red")
            axis.errorbar(100 * error, row, xerr=200 * noise, fmt="o", ms=4, color=colour, capsize=2)
        axis.axvspan(-100 * bar, 100 * bar, color="tab:green", alpha=0.12)
        axis.axvline(0, color="0.4", lw=0.6)
        axis.set_xscale("symlog", linthresh=100 * bar * 2)
        axis.set_xlabel(f"{HEADINGS[key]}, {'%' if key in RELATIVE else 'points'}")
    axes[0].set_yticks(range(len(cases)), [c["name"] for c in cases], fontsize=8)
    axes[0].invert_yaxis()
    figure.suptitle(
        "ours - reference; band: the bar, whiskers: two standard errors; grey: reported apart", fontsize=9
    )
    figure.tight_layout()
    return _save(figure, "conformance-errors.png")


def _draw_series(cases: list[dict[str, Any]]) -> Path:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(cases), 1, figsize=(8, 1.6 * len(cases)), squeeze=False)
    for axis, c in zip(axes[:, 0], cases, strict=True):
        for n, values in enumerate(c["series"]["exact"]):
            axis.plot(values, color="0.6", lw=0.7, label="exact seeds" if n == 0 else None)
        axis.plot(c["series"]["ours"], color="tab:blue", lw=1.3, label=c["engine"])
        axis.set_title(f"{c['name']}: {c['about']}", fontsize=8, loc="left")
        axis.set_ylim(-0.05, 1.05)
        axis.set_ylabel("success", fontsize=8)
    axes[0, 0].legend(fontsize=7)
    axes[-1, 0].set_xlabel("simulated seconds")
    figure.tight_layout()
    return _save(figure, "conformance-series.png")


def _save(figure: Any, name: str) -> Path:
    from matplotlib import pyplot

    path = PLOTS / name
    figure.savefig(path, dpi=DPI, metadata={"Software": None})
    pyplot.close(figure)
    return path
