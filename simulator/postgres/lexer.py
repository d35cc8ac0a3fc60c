"""Where statements begin and end: quotes, comments and semicolons. What they mean is `parser`'s business.

Kept apart from the parser so that a terminal starts without loading it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """One statement of a text: its own text and where it starts."""

    text: str
    start: int


def split(text: str) -> list[Statement]:
    """Statements between semicolons outside quotes, comments and dollar quotes; empty ones are dropped."""
    found, start, i = [], 0, 0
    while i < len(text):
        jump = skip_quoted(text, i)
        if jump > i:
            i = jump
        elif text[i] == ";":
            found.append(Statement(text[start:i], start))
            i += 1
            start = i
        else:
            i += 1
    found.append(Statement(text[start:], start))
    return [s for s in found if strip_comments(s.text).strip()]


def skip_quoted(text: str, i: int) -> int:
    """The end of the quoted stretch or comment that begins at `i`, or `i` itself if none does."""
    char = text[i]
    if char in "'\"":
        escape = char == "'" and i > 0 and text[i - 1] in "eE" and (i < 2 or not text[i - 2].isalnum())
        j = i + 1
        while j < len(text):
            if escape and text[j] == "\\":
                j += 2
            elif text[j] == char:
                return j + 1
            else:
                j += 1
        return len(text)
    if text.startswith("--", i):
        end = text.find("\n", i)
        return len(text) if end < 0 else end
    if text.startswith("/*", i):
        end = text.find("*/", i + 2)
        return len(text) if end < 0 else end + 2
    if char == "$":
        end = text.find("$", i + 1)
        tag = text[i : end + 1] if end > 0 else ""
        if tag and (len(tag) == 2 or tag[1:-1].isidentifier()):
            close = text.find(tag, end + 1)
            return len(text) if close < 0 else close + len(tag)
    return i


def one_line(text: str) -> str:
    """A statement without comments, final semicolon and runs of white space, for patterns to read."""
    return " ".join(strip_comments(text).split()).rstrip("; ")


def first_word(text: str) -> str:
    """The first word of a statement in lower case, or an empty text."""
    words = strip_comments(text).replace("(", " ").replace(";", " ").split(None, 1)
    word = words[0].lower() if words else ""
    return word if word.replace("_", "").isalnum() else ""


def strip_comments(text: str) -> str:
    """The text with comments taken out; quoted stretches stay."""
    kept, i = [], 0
    while i < len(text):
        j = skip_quoted(text, i)
        if j > i:
            if not text.startswith(("--", "/*"), i):
                kept.append(text[i:j])
            i = j
        else:
            kept.append(text[i])
            i += 1
    return "".join(kept)
