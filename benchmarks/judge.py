"""How well the embedded judge agrees with labelled texts it has not seen; also fits and freezes its model.

    dropprod bench judge --texts DIR                  leave one author out, leave one context out
    python -m benchmarks.judge --texts DIR --frozen   the shipped model (for texts it never saw)
    python -m benchmarks.judge --texts DIR --attacks  what attacks add to weak and middling texts
    python -m benchmarks.judge --texts DIR --fit      fit on all of them and write rubrics/model.json

The labelled texts are no part of the project: FORMAT says what is read.
"""

import argparse
import json as jsonlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent.judge import judge, reading_of
from agent.judge.contexts import Context, context_of
from agent.judge.model import RubricModel, model_from
from agent.judge.register import register, vocabulary
from agent.judge.signals import signals
from agent.rubric import (
    MODEL_FILE,
    RUBRIC_IDS,
    RUBRICS,
    RubricError,
    bundle_digest,
    load_rubric,
    rubric_for_kind,
)
from benchmarks.judge_attacks import attack_report
from benchmarks.judge_fit import Sample, fit_all
from benchmarks.judge_measures import Judged, Row, by_rubric, table

FORMAT = (
    "labelled texts are not shipped: give --texts DIR with *.jsonl (a line is {id, kind, context, lang, text, "
    "author, levels: {criterion: 0-3}, overall: 0-3}) and, for contexts that are only named, *.md lines `id: text`"
)
LABELS = (
    "The labels come from one kind of rater, consistent with itself (0.99): agreement with them says nothing of "
    "agreement with human committees."
)
AUTHORS, CONTEXTS = "Unseen authors (leave one author out)", "Unseen contexts (leave one context out)"


class TextsError(ValueError):
    """Labelled texts that are missing or not of the format: one line for whoever gave them."""


def load_rows(where: Path, contexts: Path | None = None) -> list[Row]:
    """Labelled texts of a folder (or of one file), with the contexts that stand beside them."""
    files = sorted(where.glob("*.jsonl")) if where.is_dir() else [where]
    notes = [contexts] if contexts else sorted(where.glob("*.md")) if where.is_dir() else []
    rows: list[Row] = []
    try:
        known = dict(_context_lines("\n".join(p.read_text(encoding="utf-8") for p in notes)))
        for path in files:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if line.strip():
                    rows.append(_row(line, known, f"{path.name}: line {number}"))
    except OSError as error:
        raise TextsError(f"{error.filename}: {error.strerror}; {FORMAT}") from None
    if not rows:
        raise TextsError(f"{where}: no texts; {FORMAT}")
    return rows


def _context_lines(text: str) -> list[tuple[str, str]]:
    parts = (line.partition(": ") for line in text.splitlines())
    return [(head, rest) for head, colon, rest in parts if colon and " " not in head]


def _row(line: str, known: dict[str, str], where: str) -> Row:
    """One labelled text. Raises TextsError that names the line."""
    try:
        row: Row = jsonlib.loads(line)
        row["rubric"] = rubric_for_kind(row["kind"]).id
        row["context_text"] = row.get("context_text") or known.get(row.get("context") or "")
        row["id"], row["author"], row["text"] = str(row["id"]), str(row["author"]), str(row["text"])
        row["context"] = row.get("context")
        row["overall"] = float(row["overall"])
        row["levels"] = {c.id: float(row["levels"][c.id]) for c in load_rubric(row["rubric"]).criteria}
        if row["lang"] not in ("ru", "en"):
            raise ValueError("lang is ru or en")
    except (ValueError, KeyError, TypeError, AttributeError, RubricError) as error:
        raise TextsError(f"{where}: {type(error).__name__}: {error}; {FORMAT}") from None
    return row


def sample_of(row: Row, context: Context) -> Sample:
    reading = reading_of(row["text"], context, load_rubric(row["rubric"]))
    return Sample(
        id=row["id"],
        rubric=row["rubric"],
        language=row["lang"],
        author=row["author"],
        context=str(row["context"]),
        signals=signals(reading),
        words=vocabulary(reading),
        levels=row["levels"],
        overall=row["overall"],
    )


Samples = dict[str, Sample]


def read_all(rows: Sequence[Row]) -> Samples:
    """Every text read with its context and, under `id~`, without it; a fit takes both, so that a missing
    context costs little."""
    found = {r["id"]: sample_of(r, context_of(r["context"], r["context_text"])) for r in rows}
    for row in rows:
        if row["context_text"]:
            found[row["id"] + "~"] = sample_of({**row, "id": row["id"] + "~"}, Context())
    return found


def fit(rows: Sequence[Row], samples: Samples) -> dict[str, Any]:
    bare = [samples[r["id"] + "~"] for r in rows if r["context_text"]]
    return fit_all([*(samples[r["id"]] for r in rows), *bare])


# --- judged by a model that has not seen them -------------------------------------------------------------


def apply(models: dict[str, RubricModel], sample: Sample) -> Judged:
    model = models[sample.rubric]
    levels = model.levels(sample.signals | register(sample.words, model.words))
    return levels, model.overall(load_rubric(sample.rubric), levels)


def held_out(rows: Sequence[Row], samples: Samples, key: Callable[[Row], str]) -> dict[str, Judged]:
    """Each text judged by a model that saw none of its group."""
    found: dict[str, Judged] = {}
    for group in sorted({key(r) for r in rows}):
        fitted = fit([r for r in rows if key(r) != group], samples)
        models = {n: model_from(raw, fitted["words"]) for n, raw in fitted["models"].items()}
        for row in rows:
            if key(row) == group:
                found[row["id"]] = apply(models, samples[row["id"]])
    return found


def frozen(rows: Sequence[Row]) -> dict[str, Judged]:
    """Each text judged by the shipped model, through the public door."""
    found = {}
    for row in rows:
        said = judge(row["text"], row["rubric"], row["lang"], row["context"], row["context_text"])
        found[row["id"]] = {c: v.level or 0.0 for c, v in said.levels.items()}, said.overall
    return found


def length_only(rows: Sequence[Row], key: Callable[[Row], str]) -> dict[str, Judged]:
    """The baseline: overall and levels from the logarithm of the word count, by rubric, held out alike."""
    found: dict[str, Judged] = {}
    size = {r["id"]: float(np.log(max(1, len(r["text"].split())))) for r in rows}
    for group in sorted({key(r) for r in rows}):
        for rubric in RUBRIC_IDS:
            rest = [r for r in rows if key(r) != group and r["rubric"] == rubric]
            mine = [r for r in rows if key(r) == group and r["rubric"] == rubric]
            if not mine or not rest:
                continue
            x = np.array([size[r["id"]] for r in rest])
            names = list(rest[0]["levels"])
            targets = {n: np.array([r["levels"][n] for r in rest]) for n in names}
            targets["overall"] = np.array([r["overall"] for r in rest])
            lines = {n: _matched_line(x, y) for n, y in targets.items()}
            for r in mine:
                values = {n: float(np.clip(a + b * size[r["id"]], 0, 3)) for n, (a, b) in lines.items()}
                overall = values.pop("overall")
                found[r["id"]] = values, overall
    return found


def _matched_line(x: Any, y: Any) -> tuple[float, float]:
    slope = float(np.sign(np.corrcoef(x, y)[0, 1] if y.std() else 0.0) * y.std() / (x.std() + 1e-9))
    return float(y.mean() - slope * x.mean()), slope


# --- what is measured -------------------------------------------------------------------------------------


def by_author(row: Row) -> str:
    return str(row["author"])


def by_context(row: Row) -> str:
    return str(row["context"])


def measure(rows: Sequence[Row]) -> dict[str, Any]:
    """The honest figures: nobody's text is judged by a model that has seen its author, or its context."""
    for key, what in ((by_author, "author"), (by_context, "context")):
        if len({key(r) for r in rows}) < 2:
            raise TextsError(f"leaving one {what} out takes texts of at least two {what}s; {FORMAT}")
    samples = read_all(rows)
    return {
        "texts": len(rows),
        "authors": by_rubric(rows, held_out(rows, samples, by_author), length_only(rows, by_author)),
        "contexts": by_rubric(rows, held_out(rows, samples, by_context), length_only(rows, by_context)),
        "ms_per_text": speed(rows),
        "labels": LABELS,
    }


def speed(rows: Sequence[Row]) -> dict[str, float] | None:
    """Milliseconds of a core a text, through the public door, each text new to the caches."""
    try:
        judge(rows[0]["text"] + " .", rows[0]["rubric"])  # dictionaries are loaded once, not per text
    except RubricError:  # the lexicon is being worked on: agreement can be measured, the shipped model not
        return None
    spent = []
    for row in rows:
        begun = time.process_time()
        judge(row["text"] + " .", row["rubric"], row["lang"], None, row["context_text"])
        spent.append((time.process_time() - begun) * 1000)
    return {"mean": float(np.mean(spent)), "worst": max(spent)}


def freeze(rows: Sequence[Row]) -> None:
    """Fit on everything and write the model with the hash of what it was fitted for."""
    content = {
        "fitted_for": bundle_digest(with_model=False),
        "texts": len(rows),
        **fit(rows, read_all(rows)),
    }
    (RUBRICS / MODEL_FILE).write_text(
        jsonlib.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    print(f"wrote {RUBRICS.name}/{MODEL_FILE} from {len(rows)} texts", file=sys.stderr)


def main(json: bool = False, texts: str | None = None) -> None:
    """What `dropprod bench judge` prints. Raises TextsError."""
    if texts is None:
        raise TextsError(FORMAT)
    found = measure(load_rows(Path(texts)))
    if json:
        print(jsonlib.dumps(found, indent=1))
        return
    print(table(AUTHORS, found["authors"]))
    print(table("\n" + CONTEXTS, found["contexts"]))
    spent = found["ms_per_text"]
    if spent is None:
        print("\nSpeed: not measured, rubrics/model.json was fitted for another lexicon (--fit)")
    else:
        print(f"\nSpeed: {spent['mean']:.1f} ms of a core a text, slowest {spent['worst']:.1f} ms")
    print(LABELS)


def _command_line() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.judge", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=Path, required=True, help="folder (or file) of labelled texts")
    parser.add_argument("--contexts", type=Path, help="`id: text` lines, if not in the folder's *.md")
    parser.add_argument("--fit", action="store_true", help="fit on all texts and write the model")
    parser.add_argument("--frozen", action="store_true", help="measure the shipped model")
    parser.add_argument("--attacks", action="store_true", help="attack the shipped model")
    options = parser.parse_args()
    try:
        rows = load_rows(options.texts, options.contexts)
        if options.fit:
            freeze(rows)
        elif options.attacks:
            print(attack_report(rows))
        elif options.frozen:
            print(table("Shipped model", by_rubric(rows, frozen(rows), length_only(rows, by_author))))
        else:
            main(texts=str(options.texts))
    except TextsError as error:
        print(f"benchmarks.judge: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(_command_line())
