"""yq: YAML in, a filter of jq's language over it, YAML, JSON or lines out. Keys keep their order, as in the real tool."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import re2
import yaml

from simulator.reply import Reply
from simulator.scenario import Text
from simulator.shell import files
from simulator.shell.expand import environment
from simulator.shell.inputs import gather
from simulator.shell.jq_eval import Engine, check
from simulator.shell.jq_parse import JqSyntaxError, parse
from simulator.shell.jq_value import MAX_TEXT_CHARS, JqError, JqLimit, dumps, true
from simulator.shell.options import Grammar, HelpAsked, ToolError, answers
from simulator.shell.options import parse as options
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

MAX_INPUT, MAX_NODES, MAX_DEPTH = 2_000_000, 200_000, 60
TAGS = (
    '{"string":"!!str","number":"!!int","object":"!!map","array":"!!seq","boolean":"!!bool","null":"!!null"}'
)
FORMATS = {"y": "yaml", "j": "json", "c": "csv", "t": "tsv", "p": "props", "s": "shell"}
_GRAMMAR = Grammar(
    flags="rPiNnCMejvy",
    values="oIp",
    long={
        "output-format": "o", "indent": "I", "input-format": "p", "prettyPrint": "P", "unwrapScalar": "r",
        "inplace": "i", "no-doc": "N", "null-input": "n", "colors": "C", "no-colors": "M", "exit-status": "e",
        "tojson": "j", "raw-output": "r",
    },
)  # fmt: skip
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_NUMBER = re2.compile(r"[-+]?(0|[1-9][0-9]{0,17})$")
_FLOAT = re2.compile(r"[-+]?([0-9]{1,20}\.[0-9]{0,20}|\.[0-9]{1,20}|[0-9]{1,20})([eE][-+]?[0-9]{1,3})?$")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: value
    for low, value in (("true", True), ("false", False))
    for word in (low, low.title(), low.upper())
}
_DAY = re2.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ]|$)")  # a reader would take it for a time
_QUOTED = re2.compile(r"(^[\s\-?:,\[\]{}#&*!|>'\"%@`])|(: )|(:$)|( #)|(\s$)|^$|[\x00-\x1f]")


class _Loader(_LOADER):
    """Scalars by YAML's core schema; a time stays text. What is quoted is a text whatever it looks like."""


def _scalar(loader: Any, node: Any) -> Any:
    text = loader.construct_scalar(node)
    if node.style:  # quoted, or a block of text
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


_Loader.add_constructor("tag:yaml.org,2002:str", _scalar)


@answers
def _yq(world: World, argv: list[str], stdin: str) -> Reply:
    try:
        parsed = options(["yq", *(a for a in argv[1:] if a not in ("e", "ea", "eval", "eval-all"))], _GRAMMAR)
    except HelpAsked:
        return Reply(_USAGE + "\n")
    except ToolError as error:
        raise ToolError(_flag_error(error.text)) from None
    if not parsed.operands and not stdin and not parsed.has("n"):
        return Reply(_USAGE + "\n")
    words = parsed.operands or ["."]
    expression, names = words[0], words[1:]
    if (
        not names and not expression.startswith(".") and files.exists(world, expression)
    ):  # `yq FILE` prints it
        expression, names = ".", words
    into = parsed.last("o") or ("json" if parsed.has("j") else "yaml")
    into = FORMATS.get(into, into)
    if into not in FORMATS.values():
        raise ToolError(f"Error: unknown format '{into[:40]}' please use [yaml|json|props|csv|tsv|shell]")
    inputs = gather(world, "yq", names, "" if parsed.has("n") else stdin)
    if inputs.errors:
        raise ToolError(f"Error: open {names[0][:200]}: no such file or directory")
    found = list(_results(world, expression, _read(inputs.text)))
    indent = parsed.last("I", "2")
    out = _written(found, into, int(indent) if indent.isdigit() and len(indent) < 2 else 2)
    if len(out) > MAX_TEXT_CHARS:
        raise ToolError("Error: the filter was stopped: too much output")
    if parsed.has("i") and names:
        files.write(world, names[0], out)
        return Reply("")
    good = not parsed.has("e") or any(true(value) for value in found)
    return Reply(out, "" if good else "Error: no matches found\n", 0 if good else 1)


def _flag_error(text: str) -> str:
    """A wrong option as Go's flags say it."""
    flag = text.partition("\n")[0].rpartition(" ")[2].strip("'")
    if "requires an argument" in text:
        return f"Error: flag needs an argument: {flag}"
    return (
        f"Error: unknown flag: {flag}"
        if flag.startswith("--")
        else f"Error: unknown shorthand flag: '{flag}' in -{flag}"
    )


def _read(text: str) -> list[Any]:
    """The documents of a YAML text (JSON is one). Raises ToolError."""
    if len(text) > MAX_INPUT:
        raise ToolError("Error: the document is too long")
    if re2.search(r"(?m)(^|[\s\[{,:-])[&*][\w-]", text):
        raise ToolError("Error: anchors and aliases are not read here")
    try:
        found = list(yaml.load_all(text, Loader=_Loader))
        for document in found:
            _bounded(document)
        return found or [None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark is not None else ""
        why = getattr(error, "problem", None) or "could not be read"
        raise ToolError(f"Error: bad file '-': yaml:{line} {why}") from None
    except (ValueError, RecursionError):
        raise ToolError("Error: bad file '-': yaml: exceeded max depth") from None


def _bounded(value: Any) -> None:
    left, stack = MAX_NODES, [(value, 0)]
    while stack:
        item, depth = stack.pop()
        left -= 1
        if left < 0 or depth > MAX_DEPTH:
            raise RecursionError
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        stack += [(each, depth + 1) for each in inner]


def _results(world: World, expression: str, documents: list[Any]) -> Iterator[Any]:
    try:
        node = parse(_translated(expression) or ".")
        check(node, frozenset({"ENV", "__loc__"}), expression)
    except JqSyntaxError:
        raise ToolError(f"Error: {_complaint(expression)}") from None
    engine = Engine(world, environment(world), iter(()))
    for document in documents:
        try:
            yield from itertools.islice(engine.run(node, document, {}), MAX_NODES)
        except JqError as error:
            if "Cannot iterate over null" not in error.text:  # here nothing has no elements
                raise ToolError(f"Error: {error.text}") from None
        except (JqLimit, RecursionError):
            raise ToolError("Error: the filter was stopped: it runs too long") from None


def _translated(expression: str) -> str:
    """What yq calls otherwise than jq."""
    made = expression.replace("...", "..")
    made = re2.sub(r"\bhas\(([^()]{1,200})\)", r"(try has(\1) catch false)", made)
    made = re2.sub(
        r"\bpick\((\[[^()]{1,400}\])\)", r"with_entries(select(.key as $k | \1 | index([$k])))", made
    )
    made = re2.sub(r"(^|[|( ])tag\b", rf"\1(type | {TAGS}[.])", made)
    made = re2.sub(r"\bstrenv\((\w{1,60})\)", r'(env.\1 // "")', made)
    made = re2.sub(r"\benv\((\w{1,60})\)", r"env.\1", made)
    made = re2.sub(r"\b(to_json|@json)\b(\(\d?\))?", "tojson", made)
    return re2.sub(r"\b(from_json|from_yaml|@jsond)\b", "fromjson", made)


def _complaint(expression: str) -> str:
    for opening, closing, name in (
        ("[", "]", "close square bracket"),
        ("(", ")", "close bracket"),
        ("{", "}", "close brace"),
    ):
        if expression.count(opening) > expression.count(closing):
            return f"bad expression, could not find matching `{closing}`"
        if expression.count(opening) < expression.count(closing):
            return f"bad expression - probably missing {name.replace('close', 'open')}"
    return f"1:1: invalid input text {json.dumps(expression[:30], ensure_ascii=False)}"


def _written(found: list[Any], into: str, indent: int) -> str:
    if into == "json":
        return "".join(dumps(value, indent or None, False) + "\n" for value in found)
    if into in ("csv", "tsv"):
        return "".join(_table(value, "," if into == "csv" else "\t") for value in found)
    if into in ("props", "shell"):
        glue, joint = (" = ", ".") if into == "props" else ("=", "_")
        return "".join(
            f"{name}{glue}{_text(v)}\n" for value in found for name, v in _leaves(value, "", joint)
        )
    parts = [
        _text(value) + "\n" if not isinstance(value, dict | list) else dump(value, indent) for value in found
    ]
    several = [isinstance(value, dict) and len(found) > 1 for value in found]
    return "".join(("---\n" if n and several[n] and several[n - 1] else "") + p for n, p in enumerate(parts))


def _text(value: Any) -> str:
    """A scalar without its quotes."""
    return value if isinstance(value, str) else dumps(value)


def _leaves(value: Any, name: str, joint: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from _leaves(inner, f"{name}{joint}{key}" if name else str(key), joint)
    else:
        yield name, value


def _table(value: Any, delimiter: str) -> str:
    rows = value if isinstance(value, list) and value and isinstance(value[0], list | dict) else [value]
    if rows and isinstance(rows[0], dict):
        heads = list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row))
        rows = [heads, *([row.get(h) for h in heads] for row in rows if isinstance(row, dict))]
    out = io.StringIO()
    for row in rows:
        cells = row if isinstance(row, list) else [row]
        csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(
            ["" if cell is None else _text(cell) for cell in cells]
        )
    return out.getvalue()


def dump(value: Any, indent: int = 2) -> str:
    """YAML with the keys in their order and lists indented, ending in a newline."""
    lines: list[str] = []
    _lines(value, 0, max(1, indent), lines)
    return "\n".join(lines) + "\n"


def _lines(value: Any, depth: int, indent: int, lines: list[str]) -> None:
    pad = " " * depth
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            head = f"{pad}{_shown(str(key))}:"
            if isinstance(inner, dict | list) and inner:
                lines.append(head)
                _lines(inner, depth + indent, indent, lines)
            elif isinstance(inner, str) and "\n" in inner:
                lines.append(f"{head} {'|' if inner.endswith(chr(10)) else '|-'}")
                body = inner.rstrip("\n").split("\n")
                lines += [" " * (depth + indent) + line if line else "" for line in body]
            else:
                lines.append(f"{head} {_shown(inner)}")
    elif isinstance(value, list) and value:
        for inner in value:
            if isinstance(inner, dict | list) and inner:
                own: list[str] = []
                _lines(inner, depth + 2, indent, own)
                lines.append(f"{pad}- {own[0][depth + 2 :]}")
                lines += own[1:]
            else:
                lines.append(f"{pad}- {_shown(inner)}")
    else:
        lines.append(pad + _shown(value))


def _shown(value: Any) -> str:
    if not isinstance(value, str):
        return "{}" if value == {} and isinstance(value, dict) else "[]" if value == [] else dumps(value)
    looks = (
        value in _WORDS
        or _DAY.match(value)
        or _NUMBER.match(value)
        or _FLOAT.match(value)
        or value.lower() in ("yes", "no", "on", "off")
    )
    return json.dumps(value, ensure_ascii=False) if looks or _QUOTED.search(value) else value


_USAGE = """\
yq is a portable command-line data file processor (https://github.com/mikefarah/yq/)

Usage:
  yq [flags] EXPRESSION [FILE]...

Examples:
  yq '.spec.replicas' deploy.yaml
  kubectl get deploy -o yaml | yq '.items[].metadata.name'

Flags: -o json|yaml|props|csv|tsv, -P, -i, -n, -e, -I N"""

TOOLS: dict[str, Tool] = {
    "yq": Tool(
        "yq",
        _yq,
        Text(ru="выборки из YAML", en="queries over YAML"),
        (
            "kubectl get deploy payment-service -o yaml | yq '.spec.template.spec.containers[0].image'",
            "kubectl get deploy -o yaml | yq '.items[] | select(.spec.replicas > 10) | .metadata.name'",
            "helm get values payment-service | yq -o json",
        ),
    )
}
