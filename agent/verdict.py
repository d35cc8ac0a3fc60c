"""The one verdict type that every judge returns; quotes are verified here and nowhere else."""

from dataclasses import dataclass
from typing import Any, Literal

Source = Literal["embedded", "model", "simulator"]


@dataclass(frozen=True)
class Quote:
    """A stretch of the text under review: text[start:end] == self.text must hold."""

    start: int
    end: int
    text: str

    def holds_in(self, text: str) -> bool:
        return 0 <= self.start < self.end <= len(text) and text[self.start : self.end] == self.text


@dataclass(frozen=True)
class Verdict:
    """One criterion's level, 0-3, or None when it cannot be assessed (then `why` says why)."""

    criterion: str
    level: float | None
    quotes: tuple[Quote, ...]
    why: str
    source: Source

    def verified(self, text: str) -> "Verdict":
        """The same verdict with false quotes dropped; a credit without any true quote is not given."""
        true = tuple(q for q in self.quotes if q.holds_in(text))
        if self.level and not true:
            return Verdict(self.criterion, None, (), "no verifiable quote for this level", self.source)
        return Verdict(self.criterion, self.level, true, self.why, self.source)

    def shown(self) -> dict[str, Any]:
        """As results print it."""
        return {
            "criterion": self.criterion,
            "level": self.level if self.level is not None else "cannot_assess",
            "quotes": [{"start": q.start, "end": q.end, "text": q.text} for q in self.quotes],
            "why": self.why,
            "source": self.source,
        }
