"""Whether every text of a scenario is there in both languages, and really in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from simulator.lint.proof import Proof
from simulator.scenario import NO_TEXT, Scenario, Text

RUSSIAN_SHARE = (
    0.3  # of the letters outside of commands and names: engineers write half of their nouns in Latin
)
EDGES = ".,;:!?()«»“”\"'`—–…"
TECHNICAL = set("0123456789_-./=:<>|{}[]()\"'`$@%*")


def texts(node: Any, path: str = "") -> Iterator[tuple[str, Text]]:
    """Every text below a model with its path."""
    if isinstance(node, Text):
        yield path, node
    elif isinstance(node, BaseModel):
        for name in type(node).model_fields:
            yield from texts(getattr(node, name), f"{path}.{name}" if path else name)
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from texts(value, f"{path}.{key}")
    elif isinstance(node, (list, tuple)):
        for number, value in enumerate(node):
            yield from texts(value, f"{path}.{number}")


def letters(text: str) -> tuple[int, int]:
    """(Cyrillic, Latin) letters outside of commands and names.

    Words without a Cyrillic letter that stand together are a command or a name if one of them has a digit, a dot
    or a slash inside.
    """
    cyrillic, latin = 0, 0
    run: list[str] = []
    for word in [*text.split(), "я"]:
        own = sum("а" <= c <= "я" or c == "ё" for c in word.lower())
        if not own:
            run.append(word)
            continue
        if not any(c in TECHNICAL for w in run for c in w.strip(EDGES)):
            latin += sum("a" <= c <= "z" for w in run for c in w.lower())
        cyrillic, run = cyrillic + own, []
    return cyrillic - 1, latin


def fault(text: Text) -> str:
    """What is wrong with a text's languages; nothing when all is well."""
    if text == NO_TEXT:
        return ""
    if not text.ru.strip() or not text.en.strip():
        return "one language is empty"
    if any("а" <= c.lower() <= "я" for c in text.en):
        return "Cyrillic letters in en"
    cyrillic, latin = letters(text.ru)
    if text.ru.strip() == text.en.strip():
        return "ru and en are the same" if latin else ""
    if cyrillic + latin and cyrillic < RUSSIAN_SHARE * (cyrillic + latin):
        return "ru is not in Russian"
    return ""


def check(scenario: Scenario, variant: str) -> Proof:
    found = [f"{path}: {why}" for path, text in texts(scenario) if (why := fault(text))]
    count = sum(1 for _ in texts(scenario))
    if not found:
        said = Text(ru=f"{count} текстов, все на обоих языках", en=f"{count} texts, all in both languages")
        return Proof("languages", True, said, variant, {"texts": count})
    shown = "; ".join(found[:3]) + ("" if len(found) <= 3 else f" (+{len(found) - 3})")
    said = Text(ru=f"тексты не на своём языке: {shown}", en=f"texts not in their language: {shown}")
    return Proof("languages", False, said, variant, {"texts": count, "faults": found})
