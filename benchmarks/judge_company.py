"""Fits rubrics/company.json: which terms written sentences link, for agent/judge/company.py (offline).

    python -m benchmarks.judge_company --texts DIR          how far texts of unseen authors lie from nonsense
    python -m benchmarks.judge_company --texts DIR --fit    fit on all of them and write rubrics/company.json

Learns from the labelled texts (labels are not read), the library and the project's own wording.
"""

import argparse
import json as jsonlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from agent.judge import lexicon
from agent.judge.company import Company, links_of, terms_of
from agent.library import POSTMORTEMS
from agent.rubric import COMPANY_FILE, LEXICON_FILE, RUBRICS
from agent.text import sentences, tokens
from benchmarks.judge import load_rows
from benchmarks.judge_attacks import wording

_LEAST = 40  # signs of a text that holds a sentence
_STRETCH = 4
_COMMON_SHARE = 0.1  # of the library's incidents
_NONSENSE = ("salad with glue", "word salad")
_OWN = ("scenarios", "prompts", "rubrics")


def read(texts: Iterable[str]) -> Iterator[tuple[set[str], set[tuple[str, str]]]]:
    """(terms, links) of each sentence."""
    for text in texts:
        words, found = tokens(text), lexicon().find(text)
        for i, span in enumerate(sentences(text)):
            said = [w for w in words if span.start <= w.start < span.end]
            terms = terms_of(said, [m for m in found if m.sentence == i])
            yield {term.name for term in terms}, links_of(span, terms)


def learnt(read_sentences: Iterable[tuple[set[str], set[tuple[str, str]]]]) -> Company:
    """Counts over sentences."""
    terms: Counter[str] = Counter()
    links: Counter[tuple[str, str]] = Counter()
    number = 0
    for named, linked in read_sentences:
        number += bool(named)
        terms.update(named)
        links.update(linked)
    return Company(number, terms, links, frozenset())


def common_words() -> list[str]:
    """Stems in the accounts of so many incidents that they tell none of them."""
    files = sorted(POSTMORTEMS.glob("*.yaml"))
    seen: Counter[str] = Counter()
    for path in files:
        account = _strings(yaml.safe_load(path.read_text(encoding="utf-8")))
        seen.update({w.lemma for text in account for w in tokens(text) if w.text.isalpha()})
    return sorted(stem for stem, n in seen.items() if n >= _COMMON_SHARE * len(files) and len(stem) > 3)


def own_texts() -> list[str]:
    """The library and the project's wording, without the lexicon: phrases alone link nothing."""
    root = RUBRICS.parent
    files = sorted(POSTMORTEMS.glob("*.yaml"))
    for folder in _OWN:
        files += sorted(p for p in (root / folder).rglob("*.yaml") if p.name != LEXICON_FILE)
    return [text for path in files for text in _strings(yaml.safe_load(path.read_text(encoding="utf-8")))]


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        if len(node) >= _LEAST:
            yield node
    elif isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from _strings(part)


def lowest(company: Company, text: str) -> float:
    """The least sum of weights over a stretch of a text."""
    weights = [sum(map(company.weight, sorted(links))) for _, links in read([text])]
    return min(
        (
            sum(weights[i:j])
            for i in range(len(weights))
            for j in range(i + 1, min(len(weights), i + _STRETCH) + 1)
        ),
        default=0.0,
    )


def report(rows: Sequence[dict[str, Any]]) -> str:
    """Texts of each author by what the others taught, and nonsense by what all taught."""
    own = list(read(own_texts()))
    authors = sorted({r["author"] for r in rows})
    by_author = {a: list(read(r["text"] for r in rows if r["author"] == a)) for a in authors}
    found = []
    for author in authors:
        company = learnt([*own, *(s for a in authors if a != author for s in by_author[a])])
        found += [
            lowest(company, r["text"])
            for r in rows
            if r["author"] == author and r["attack"] in (None, "verbose")
        ]
    found.sort()
    company = learnt([*own, *(s for a in authors for s in by_author[a])])
    lines = [
        f"{len(found)} written texts, unseen authors: least {found[0]:.1f}, 1 in 200 below {found[len(found) // 200]:.1f}, "
        f"1 in 50 below {found[len(found) // 50]:.1f}"
    ]
    for name in _NONSENSE:
        lowests = (f"{k} {lowest(company, text):.1f}" for k, text in wording()["added"][name].items())
        lines.append(f"{name}: {', '.join(lowests)}")
    return "\n".join(lines)


def freeze(rows: Sequence[dict[str, Any]]) -> None:
    """Fit on everything and write the file that ships."""
    company = learnt(read([*own_texts(), *(r["text"] for r in rows if r["attack"] in (None, "verbose"))]))
    nested: dict[str, dict[str, int]] = defaultdict(dict)
    for (first, second), n in sorted(company.links.items()):
        nested[first][second] = n
    raw: dict[str, Any] = {
        "sentences": company.sentences,
        "terms": dict(sorted(company.terms.items())),
        "links": nested,
    }
    raw["common"] = common_words()
    text = jsonlib.dumps(raw, ensure_ascii=False, separators=(",", ":"))
    (RUBRICS / COMPANY_FILE).write_text(text.replace("},", "},\n") + "\n", encoding="utf-8")


def _command_line() -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks.judge_company", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--texts", type=Path, required=True, help="folder (or file) of labelled texts")
    parser.add_argument("--fit", action="store_true", help="fit on all texts and write the counts")
    options = parser.parse_args()
    rows = load_rows(options.texts)
    if options.fit:
        freeze(rows)
    else:
        print(report(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(_command_line())
