"""jq's formats: @text @json @csv @tsv @base64 @base64d @uri @html @sh."""

from __future__ import annotations

import base64
from typing import Any

from simulator.shell.jq_value import JqError, dumps, shown, text_of


def formatted(form: str, value: Any) -> str:
    """A value under a format. Raises JqError."""
    if form == "text":
        return text_of(value)
    if form == "json":
        return dumps(value)
    if form in ("csv", "tsv"):
        if not isinstance(value, list):
            raise JqError(f"{shown(value)} cannot be {form}-formatted, only an array can be")
        return ("," if form == "csv" else "\t").join(_cell(form, item) for item in value)
    text = text_of(value)
    if form == "base64":
        return base64.b64encode(text.encode()).decode()
    if form == "base64d":
        return _unbase64(text, value)
    if form == "uri":
        safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
        return "".join(chr(b) if chr(b) in safe else f"%{b:02X}" for b in text.encode())
    if form == "html":
        return "".join(
            {"<": "&lt;", ">": "&gt;", "&": "&amp;", "'": "&#39;", '"': "&quot;"}.get(c, c) for c in text
        )
    if form == "sh":
        return " ".join(_shell_word(item) for item in (value if isinstance(value, list) else [value]))
    raise JqError(f"{form} is not a valid format")


def _cell(form: str, item: Any) -> str:
    if isinstance(item, list | dict):
        raise JqError(f"{shown(item)} is not valid in a {form} row")
    if item is None:
        return ""
    if isinstance(item, str):
        if form == "csv":
            return '"' + item.replace('"', '""') + '"'
        return item.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return dumps(item)


def _unbase64(text: str, value: Any) -> str:
    kept = text.rstrip("=")
    try:
        return base64.b64decode(kept + "=" * (-len(kept) % 4), validate=True).decode("utf-8", "replace")
    except ValueError:
        raise JqError(f"{shown(value)} is not valid base64 data") from None


def _shell_word(item: Any) -> str:
    if isinstance(item, list | dict):
        raise JqError(f"{shown(item)} can not be escaped for shell")
    return "'" + item.replace("'", "'\\''") + "'" if isinstance(item, str) else dumps(item)
