"""What a Redis server answers, and how redis-cli prints it. Nothing here knows a command."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Value = Any  # None, int, str, Status, Error, Verbatim, or a list of these


@dataclass(frozen=True)
class Status:
    """A simple string: +OK."""

    text: str


@dataclass(frozen=True)
class Error:
    """An error reply; `text` begins with its code."""

    text: str


@dataclass(frozen=True)
class Verbatim:
    """A bulk string that redis-cli prints as it stands: INFO, CLIENT LIST."""

    text: str


OK = Status("OK")
WRONG_TYPE = Error("WRONGTYPE Operation against a key holding the wrong kind of value")
SYNTAX = Error("ERR syntax error")
NOT_INTEGER = Error("ERR value is not an integer or out of range")
NOT_FLOAT = Error("ERR value is not a valid float")
NO_KEY = Error("ERR no such key")
OOM = Error("OOM command not allowed when used memory > 'maxmemory'.")
READONLY = Error("READONLY You can't write against a read only replica.")
NOREPLICAS = Error("NOREPLICAS Not enough good replicas to write.")
LOADING = Error("LOADING Redis is loading the dataset in memory")
MASTERDOWN = Error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")
MISCONF = Error(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "
    "Commands that may modify the data set are disabled, because this instance is configured to report errors "
    "during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs "
    "for details about the RDB error."
)
CLUSTERDOWN = Error("CLUSTERDOWN The cluster is down")
NOAUTH = Error("NOAUTH Authentication required.")

ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a", "\b": "\\b"}


def quoted(text: str) -> str:
    """As redis-cli quotes a bulk string: bytes that are not printable ASCII by their codes."""
    found = []
    for char in text:
        if char in ESCAPES:
            found.append(ESCAPES[char])
        elif " " <= char <= "~":
            found.append(char)
        else:
            found.extend(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
    return '"' + "".join(found) + '"'


def number(value: float) -> str:
    """A double as Redis 7.0 answers it in RESP2."""
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return format(value, ".17g")


def plain_decimal(value: Decimal) -> str:
    """As INCRBYFLOAT prints: no exponent, no trailing zeros, 17 digits after the point at most."""
    text = f"{value:.17f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown(value: Value, prefix: str = "") -> str:
    """The way redis-cli prints a reply on a terminal; ends with a line end."""
    if value is None:
        return "(nil)\n"
    if isinstance(value, bool):
        return f"(integer) {int(value)}\n"
    if isinstance(value, int):
        return f"(integer) {value}\n"
    if isinstance(value, Status):
        return value.text + "\n"
    if isinstance(value, Error):
        return f"(error) {value.text}\n"
    if isinstance(value, Verbatim):
        return value.text if value.text.endswith("\n") else value.text + "\n"
    if isinstance(value, list):
        return _array(value, prefix)
    return quoted(str(value)) + "\n"


def _array(items: list[Value], prefix: str) -> str:
    if not items:
        return "(empty array)\n"
    width = len(str(len(items)))
    inner = prefix + " " * (width + 2)
    found = []
    for n, item in enumerate(items):
        lead = prefix if n else ""
        found.append(f"{lead}{n + 1:>{width}}) {shown(item, inner)}")
    return "".join(found)


def raw(value: Value) -> str:
    """The way `redis-cli --raw` prints a reply; ends with a line end unless there is nothing to print."""
    if value is None:
        return "\n"
    if isinstance(value, (Status, Error, Verbatim)):
        return value.text if value.text.endswith("\n") else value.text + "\n"
    if isinstance(value, list):
        return "".join(raw(item) for item in value) or "\n"
    return f"{int(value) if isinstance(value, bool) else value}\n"
