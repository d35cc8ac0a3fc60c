"""Patterns that players type: linear-time matching only (RE2). Nothing else may match their patterns."""

from functools import lru_cache
from typing import Any

MAX_PATTERN = 1000


class PatternError(ValueError):
    """A pattern that RE2 refuses; the message is its reason."""


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    import re2

    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"pattern longer than {MAX_PATTERN} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 22
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise PatternError(str(error)) from None


def full_match(pattern: str, text: str) -> bool:
    """Whether the whole text matches, as Prometheus anchors its matchers. Raises PatternError."""
    return _compiled(pattern).fullmatch(text) is not None


def found_in(pattern: str, text: str) -> bool:
    """Whether the pattern occurs in the text. Raises PatternError."""
    return _compiled(pattern).search(text) is not None


def groups_in(pattern: str, text: str) -> dict[str, str]:
    """What the named groups of a pattern's first occurrence hold; nothing without one. Raises PatternError."""
    found = _compiled(pattern).search(text)
    return {k: v for k, v in found.groupdict().items() if v is not None} if found is not None else {}
