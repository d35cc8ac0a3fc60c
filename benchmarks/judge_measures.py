"""What agreement with labels is made of: kappa, order of pairs, where length misleads, the gap of languages.

Values in, plain data out; nothing here judges, fits or prints.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from agent.rubric import RUBRIC_IDS

Judged = tuple[dict[str, float], float]
Row = dict[str, Any]


def qwk(truth: Sequence[float], said: Sequence[float], step: float = 0.5) -> float:
    """Quadratic weighted kappa after rounding both to `step` (halves are the labels' own scale)."""
    size = round(3 / step) + 1
    a = np.clip(np.round(np.array(truth) / step), 0, size - 1).astype(int)
    b = np.clip(np.round(np.array(said) / step), 0, size - 1).astype(int)
    seen = np.zeros((size, size))
    np.add.at(seen, (a, b), 1)
    weights = np.subtract.outer(np.arange(size), np.arange(size)) ** 2
    expected = np.outer(seen.sum(1), seen.sum(0)) / len(a)
    bottom = (weights * expected).sum()
    return float(1 - (weights * seen).sum() / bottom) if bottom else 1.0


def pairs(rows: Sequence[Row], said: dict[str, Judged], misled: bool = False) -> tuple[float, int]:
    """Share of pairs a level or more apart in the right order; `misled`: only where the better is shorter."""
    right, total = 0.0, 0
    for better in rows:
        for worse in rows:
            if better["overall"] - worse["overall"] < 1 or better["rubric"] != worse["rubric"]:
                continue
            if misled and len(better["text"].split()) >= len(worse["text"].split()):
                continue
            a, b = said[better["id"]][1], said[worse["id"]][1]
            right += 1.0 if a > b else 0.5 if a == b else 0.0
            total += 1
    return (right / total if total else 1.0), total


def language_gap(rows: Sequence[Row], said: dict[str, Judged]) -> float:
    """Mean error of the English texts less that of the Russian ones, in levels; 0 where one is missing."""
    errors: dict[str, list[float]] = {"en": [], "ru": []}
    for row in rows:
        errors[row["lang"]].append(said[row["id"]][1] - row["overall"])
    if not errors["en"] or not errors["ru"]:
        return 0.0
    return float(np.mean(errors["en"]) - np.mean(errors["ru"]))


def agreement(rows: Sequence[Row], said: dict[str, Judged]) -> dict[str, Any]:
    """All figures of one set of texts (one rubric or several): see the keys."""
    names = sorted({c for row in rows for c in row["levels"]})
    each = {}
    for name in names:
        mine = [r for r in rows if name in r["levels"]]
        each[name] = qwk([r["levels"][name] for r in mine], [said[r["id"]][0][name] for r in mine])
    truth, ours = [r["overall"] for r in rows], [said[r["id"]][1] for r in rows]
    ordered, count = pairs(rows, said)
    misled, few = pairs(rows, said, misled=True)
    return {
        "texts": len(rows),
        "qwk": qwk(truth, ours),
        "qwk_whole_levels": qwk(truth, ours, 1),
        "criteria": each,
        "criteria_mean": float(np.mean(list(each.values()))),
        "pairs": {"right": ordered, "of": count},
        "misled": {"right": misled, "of": few},
        "gap_en_ru": language_gap(rows, said),
    }


def by_rubric(rows: Sequence[Row], said: dict[str, Judged], base: dict[str, Judged]) -> dict[str, Any]:
    """{rubric or "all": {"judge": figures, "length": the same of the length-only baseline}}."""
    found = {}
    for rubric in (*RUBRIC_IDS, "all"):
        mine = [r for r in rows if rubric in ("all", r["rubric"])]
        if mine:
            found[rubric] = {"judge": agreement(mine, said), "length": agreement(mine, base)}
    return found


def table(title: str, figures: dict[str, Any]) -> str:
    """The figures as text, the baseline's after a bar."""
    lines = [f"{title}; the length-only baseline after |"]
    lines.append(
        f"  {'rubric':15} {'n':>3}  {'QWK, halves':14} {'whole levels':14} {'criteria':14} "
        f"{'pairs':14} {'length misleads':22} EN-RU gap"
    )
    for rubric, both in figures.items():
        ours, base = both["judge"], both["length"]
        cells = [
            f"{ours[k]:.3f} | {base[k]:.3f}".ljust(14) for k in ("qwk", "qwk_whole_levels", "criteria_mean")
        ]
        cells.append(f"{ours['pairs']['right']:.3f} | {base['pairs']['right']:.3f}".ljust(14))
        misled = f"{ours['misled']['right']:.3f} | {base['misled']['right']:.3f} of {ours['misled']['of']}"
        gap = f"{ours['gap_en_ru']:+.3f} | {base['gap_en_ru']:+.3f}"
        lines.append(f"  {rubric:15} {ours['texts']:3}  {' '.join(cells)} {misled:22} {gap}")
    for rubric, both in figures.items():
        if rubric != "all":
            each = "  ".join(f"{c} {v:.2f}" for c, v in both["judge"]["criteria"].items())
            lines.append(f"  {rubric}: {each}")
    return "\n".join(lines)
