"""COPY out of a table or a query: rows as text or CSV. What would reach the server's files or programs fails as there."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from simulator.postgres import types
from simulator.postgres.errors import PgError, not_simulated
from simulator.postgres.result import Result

if TYPE_CHECKING:
    from simulator.postgres.catalog import Catalog
    from simulator.postgres.types import PgType

CLIENT = "You may want a client-side facility such as psql's \\copy."
_DELIMITER = re.compile(r"\bdelimiter(?:\s+as)?\s+(?:e?'(\\t|[^'])')", re.I)
_NULL = re.compile(r"\bnull(?:\s+as)?\s+'([^']{0,40})'", re.I)


def to_stdout(catalog: Catalog, found: re.Match[str]) -> Result:
    """COPY … TO STDOUT."""
    from simulator.postgres import execute

    source, options = found[1].strip(), found[2]
    table = re.fullmatch(r'([\w."]+)\s*(?:\(([^)]*)\))?', source)
    query = (
        source[1:-1]
        if source.startswith("(")
        else f"SELECT {(table[2] if table else None) or '*'} FROM {table[1] if table else source}"
    )
    try:
        result = execute.run(catalog.world, catalog.session, query)
    except PgError as error:
        if error.message.startswith("relation "):  # COPY looks its table up without a place in the text
            raise PgError(error.message) from None
        raise
    if not result.is_query:
        raise PgError("COPY query must have a RETURNING clause")
    return Result(tag=f"COPY {len(result.rows)}", raw=_written(result, options), cost_s=result.cost_s)


def _written(result: Result, options: str) -> str:
    as_csv = re.search(r"\bcsv\b", options, re.I) is not None
    delimiter, null = _DELIMITER.search(options), _NULL.search(options)
    mark = delimiter[1].replace("\\t", "\t") if delimiter else "," if as_csv else "\t"
    empty = null[1] if null else "" if as_csv else "\\N"
    kinds = [kind for _, kind in result.columns]
    rows = [[_cell(v, k, as_csv, empty) for v, k in zip(row, kinds, strict=True)] for row in result.rows]
    if re.search(r"\bheader\b(?!\s+(?:false|off|0))", options, re.I):
        rows.insert(0, [name for name, _ in result.columns])
    if not as_csv:
        return "".join(mark.join(row) + "\n" for row in rows)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", delimiter=mark).writerows(rows)
    return out.getvalue()


def _cell(value: Any, kind: PgType, as_csv: bool, empty: str) -> str:
    text = types.format_value(value, kind)
    if text is None:
        return empty
    return text if as_csv else text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def elsewhere(catalog: Catalog, text: str) -> Result:
    """COPY with a file or a program of the server's. Raises PgError: neither is there."""
    if re.search(r"\bprogram\b", text, re.I):
        raise PgError(
            "COPY to or from an external program is not simulated",
            hint="Nothing outside this database can be reached.",
        )
    if re.search(r"\b(stdin|stdout)\b", text, re.I):
        raise not_simulated("COPY with STDIN or STDOUT")
    found = re.match(
        r"copy\s+(?:\(.*\)|\"?([\w.]+)\"?\s*(?:\([^()]*\))?)\s*(to|from)\s+'([^']*)'", text, re.I | re.S
    )
    if found is None:
        raise not_simulated("this COPY")
    table = (found[1] or "").removeprefix("public.").lower()
    if table and table not in catalog.database.tables and table not in catalog.database.views:
        raise PgError(f'relation "{table}" does not exist')
    path, out = found[3][:200], found[2].lower() == "to"
    if not path.startswith("/") and out:
        raise PgError("relative path not allowed for COPY to file")
    deed = "COPY TO instructs the PostgreSQL server process to write a file. " if out else (
        "COPY FROM instructs the PostgreSQL server process to read a file. "
    )  # fmt: skip
    why = "writing: Read-only file system" if out else "reading: No such file or directory"
    raise PgError(f'could not open file "{path}" for {why}', hint=deed + CLIENT)
