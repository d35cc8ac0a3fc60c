"""What a statement brought. Nothing else may live here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulator.postgres.errors import Notice
from simulator.postgres.types import PgType


@dataclass
class Result:
    """Rows with typed columns, or a command tag; `cost_s` is how long the server worked."""

    columns: list[tuple[str, PgType]] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    tag: str = ""
    notices: list[Notice] = field(default_factory=list)
    cost_s: float = 0.0
    raw: str | None = None  # what COPY TO STDOUT sends, in place of its tag

    @property
    def is_query(self) -> bool:
        """A SELECT without columns is a query too, but psql cannot tell it from nothing."""
        return bool(self.columns)
