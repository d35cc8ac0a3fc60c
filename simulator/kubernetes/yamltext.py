"""YAML as Go's printer writes it: sorted keys, lists not indented, double quotes where needed."""

import json
from typing import Any

import re2

# What a YAML 1.1 reader would take for something else than a string.
_AMBIGUOUS = re2.compile(
    r"(?i)^(|~|null|true|false|yes|no|on|off|y|n|[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|[0-9]+(:[0-5]?[0-9])+|0x[0-9a-f]+|\.inf|\.nan|"
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)$"
)
_SPECIAL = re2.compile(r"(^[\s\-?:,\[\]{}#&*!|>'\"%@`])|(: )|(:$)|( #)|(\s$)|[\x00-\x1f]")


def _string(text: str) -> str:
    if _AMBIGUOUS.match(text):
        return json.dumps(text)
    plain_dash = text.startswith("-") and not text.startswith("---") and text[1:2].strip() != ""
    found = _SPECIAL.search(text)
    if found is None or (plain_dash and _SPECIAL.search("x" + text[1:]) is None):
        return text
    if any(ord(char) < 32 for char in text) or "'" in text:
        return json.dumps(text, ensure_ascii=False)
    return f"'{text}'"


FOLD_AT = 80  # the emitter's best width: a scalar longer than that breaks at its next space


def _fold(text: str, column: int, indent: str) -> str:
    """Break a plain or single-quoted scalar that starts at `column`, as the emitter does."""
    if column + len(text) <= FOLD_AT or text.startswith('"'):
        return text
    out = ""
    for i, char in enumerate(text):
        inner = 0 < i < len(text) - 1 and text[i - 1] != " " and text[i + 1] != " "
        if char == " " and inner and column > FOLD_AT:
            out += "\n" + indent
            column = len(indent)
        else:
            out += char
            column += 1
    return out


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    return str(value)


def dump(value: Any) -> str:
    """The YAML document of plain dicts, lists and scalars, ending in a newline."""
    lines: list[str] = []
    _write(value, "", lines)
    return "\n".join(lines) + "\n"


def _write(value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, dict) and value:
        for key in sorted(value):
            _entry(f"{indent}{_string(str(key))}:", value[key], indent, lines)
    elif isinstance(value, list) and value:
        for element in value:
            inner: list[str] = []
            if isinstance(element, (dict, list)) and element:
                _write(element, indent + "  ", inner)
                inner[0] = f"{indent}- {inner[0][len(indent) + 2 :]}"
                lines += inner
            else:
                lines.append(f"{indent}- {_empty_or_scalar(element)}")
    else:
        lines.append(indent + _empty_or_scalar(value))


def _empty_or_scalar(value: Any) -> str:
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return "[]"
    return _scalar(value)


def _entry(head: str, value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, dict) and value:
        lines.append(head)
        _write(value, indent + "  ", lines)
    elif isinstance(value, list) and value:
        lines.append(head)
        _write(value, indent, lines)
    elif isinstance(value, str) and "\n" in value.rstrip("\n") + "\n" and "\n" in value:
        lines.append(f"{head} {'|' if value.endswith(chr(10)) else '|-'}")
        lines += [f"{indent}  {line}" if line else "" for line in value.rstrip("\n").split("\n")]
    else:
        shown = _empty_or_scalar(value)
        lines.append(f"{head} {_fold(shown, len(head) + 1, indent + '  ')}")
