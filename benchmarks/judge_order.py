"""Fits the weights of agent/judge/order.py: written sentences against the same sentences shuffled (offline).

    python -m benchmarks.judge_order --texts DIR          how well an unseen author's order is told from a shuffled one
    python -m benchmarks.judge_order --texts DIR --fit    fit on all of them and write rubrics/order.json

Labels are not read: only that a sentence was written, and how its words lie when they are thrown together.
"""

import argparse
import hashlib
import json as jsonlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from agent.judge.order import UNSEEN, Table, classes, script_of, with_runs
from agent.rubric import ORDER_FILE, RUBRICS
from agent.text import sentences, tokens
from benchmarks.judge import load_rows

SHUFFLES = 8
RARE = 2.0  # pairs that occur less often, written or shuffled, are left to the weight of unseen ones
LEAST = 4  # words of a sentence that has an order


def sentences_of(texts: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """(script, classes) of each sentence."""
    for text in texts:
        for span in sentences(text):
            words = [t for t in tokens(text) if span.start <= t.start < span.end]
            if len(words) >= LEAST:
                yield script_of(words), classes(span, words)


def shuffled(plain: Sequence[str], seed: str) -> list[str]:
    """The same classes in another order, the same one every time."""
    inside = list(plain[1:-1])
    keys = [hashlib.sha256(f"{seed} {i} {' '.join(plain)}".encode()).digest() for i in range(len(inside))]
    return [plain[0], *(c for _, c in sorted(zip(keys, inside, strict=True))), plain[-1]]


def fit(texts: Iterable[str]) -> dict[str, Table]:
    """The logarithm of how much more often a pair was written than it falls together by chance."""
    written: dict[str, Counter[tuple[str, str]]] = {"ru": Counter(), "en": Counter()}
    thrown: dict[str, Counter[tuple[str, str]]] = {"ru": Counter(), "en": Counter()}
    for script, plain in sentences_of(texts):
        written[script].update(pairwise(with_runs(plain)))
        for k in range(SHUFFLES):
            thrown[script].update(pairwise(with_runs(shuffled(plain, str(k)))))
    found: dict[str, Table] = {}
    for script, seen in written.items():
        by_chance = {pair: n / SHUFFLES for pair, n in thrown[script].items()}
        pairs = [p for p in {**seen, **by_chance} if seen[p] + by_chance.get(p, 0.0) >= RARE]
        found[script] = {
            p: round(math.log((seen[p] + 1.0) / (by_chance.get(p, 0.0) + 1.0)), 2) for p in sorted(pairs)
        }
    return found


def mean_weight(table: Table, plain: Sequence[str]) -> float:
    pairs = list(pairwise(with_runs(plain)))
    return sum(table.get(p, UNSEEN) for p in pairs) / len(pairs)


def report(rows: Sequence[dict[str, str]]) -> str:
    """Of the shuffled sentences of an author who was not learnt from, the share below all but 1 % of those written."""
    lines = []
    for script in ("ru", "en"):
        real, fake = [], []
        for author in sorted({r["author"] for r in rows}):
            table = fit(r["text"] for r in rows if r["author"] != author)[script]
            for found, plain in sentences_of(r["text"] for r in rows if r["author"] == author):
                if found == script and len(plain) >= 10:
                    real.append(mean_weight(table, plain))
                    fake.append(mean_weight(table, shuffled(plain, "unseen")))
        bar = sorted(real)[len(real) // 100]
        lines.append(
            f"{script}: {len(real)} sentences; below {bar:.2f} lie 1 % of them and {sum(x < bar for x in fake) / len(fake):.0%} "
            "of the same shuffled"
        )
    return "\n".join(lines)


def freeze(rows: Sequence[dict[str, str]]) -> None:
    """Fit on everything and write the file that ships."""
    nested: dict[str, dict[str, dict[str, float]]] = {}
    for script, table in fit(r["text"] for r in rows).items():
        for (first, second), weight in table.items():
            nested.setdefault(script, {}).setdefault(first, {})[second] = weight
    text = jsonlib.dumps(nested, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    (RUBRICS / ORDER_FILE).write_text(text.replace("},", "},\n") + "\n", encoding="utf-8")


def _command_line() -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks.judge_order", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--texts", type=Path, required=True, help="folder (or file) of labelled texts")
    parser.add_argument("--fit", action="store_true", help="fit on all texts and write the weights")
    options = parser.parse_args()
    rows = load_rows(options.texts)
    if options.fit:
        freeze(rows)
    else:
        print(report(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(_command_line())
