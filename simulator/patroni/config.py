"""The dynamic configuration as `patronictl` shows and edits it: YAML, dotted paths, a unified diff."""

from __future__ import annotations

import copy
import difflib
from typing import Any

import yaml

MOST = 200  # characters of a value
PARAMETERS = ("postgresql", "parameters")
NUMBERS = {
    "ttl": (20, 86_400),
    "loop_wait": (1, 600),
    "retry_timeout": (3, 600),
    "maximum_lag_on_failover": (0, 1 << 50),
}
SWITCHES = ("failsafe_mode", "pause", "synchronous_mode", "synchronous_mode_strict")
REWIND = ("postgresql", "use_pg_rewind")


class Wrong(ValueError):
    """What the tool says about a pair."""


def shown(config: dict[str, Any]) -> str:
    return yaml.safe_dump(config, default_flow_style=False, allow_unicode=True)


def changed(config: dict[str, Any], pairs: list[str]) -> dict[str, Any]:
    """The configuration after `KEY=VALUE` pairs; an empty value or `null` takes a key out."""
    after = copy.deepcopy(config)
    for pair in pairs:
        path, equals, text = pair.partition("=")
        if not equals:
            raise Wrong(f"Invalid parameter setting {pair[:MOST]}")
        try:
            value = yaml.safe_load(text[:MOST])
        except yaml.YAMLError:
            raise Wrong(f"Invalid parameter setting {pair[:MOST]}") from None
        _put(after, path.strip()[:MOST].split("."), value, ())
    _valid(after)
    return after


def _put(config: dict[str, Any], path: list[str], value: Any, prefix: tuple[str, ...]) -> None:
    if prefix == PARAMETERS:
        path = [".".join(path)]
    key = path[0]
    if len(path) == 1:
        if value is None:
            config.pop(key, None)
        else:
            config[key] = value
        return
    if not isinstance(config.get(key), dict):
        config[key] = {}
    _put(config[key], path[1:], value, (*prefix, key))
    if not config[key]:
        del config[key]


def _valid(config: dict[str, Any]) -> None:
    """What the agents read is of its kind; anything else is kept as it is and has no effect here."""
    for key, (least, most) in NUMBERS.items():
        value = config.get(key, least)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Wrong(f"Invalid parameter setting {key}={value}")
    for key in SWITCHES:
        if not isinstance(config.get(key, False), bool):
            raise Wrong(f"Invalid parameter setting {key}={config[key]}")
    if not isinstance(config.get("postgresql", {}), dict):
        raise Wrong("Invalid parameter setting postgresql")


def diff(before: str, after: str) -> str:
    """As show_diff prints it where no colours are."""
    old, new = ([line + "\n" for line in text.rstrip("\n").split("\n")] for text in (before, after))
    return "".join(line.rstrip("\n") + "\n" for line in difflib.unified_diff(old, new))
