"""Go's text/template as kubectl and logcli users write it: fields, range, if, with, index, printf, len, eq and their like.

Pure and bounded: no template can loop on its own, and nothing but the given value can be reached.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import re2

from simulator.shell.numerals import FormatProblem, sprintf

MAX_OUTPUT = 1_000_000
MAX_NODES = 2_000
_TAG = re2.compile(r"(?s)\{\{(-?\s?.*?\s?-?)\}\}")
_NUMBER = re2.compile(r"^-?[0-9]+(\.[0-9]+)?$")


class TemplateError(Exception):
    """What is wrong with a template, in a few words."""


class _Output(list[str]):
    """Pieces of text and the steps that it took to make them, up to a bound."""

    left = MAX_OUTPUT

    def spend(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise TemplateError("the output is too long")

    def append(self, piece: str) -> None:
        self.spend(len(piece))
        super().append(piece)


@dataclass
class _Node:
    kind: str  # text, value, range, if, with
    text: str = ""
    body: list[_Node] = field(default_factory=list)
    other: list[_Node] = field(default_factory=list)


def render(template: str, value: Any) -> str:
    """Raises TemplateError."""
    nodes, rest = _parse(_pieces(template), "")
    if rest:
        raise TemplateError("unexpected {{end}}")
    out = _Output()
    _run(nodes, value, {"$": value}, out)
    return "".join(out)


def _pieces(template: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at, trim = 0, False
    for match in _TAG.finditer(template):
        text, inner = template[at : match.start()], match.group(1)
        text = text.lstrip() if trim else text
        text = text.rstrip() if inner.startswith("- ") else text
        trim = inner.endswith(" -")
        found += [("text", text), ("tag", inner.removeprefix("-").removesuffix("-").strip())]
        at = match.end()
    if "{{" in template[at:]:
        raise TemplateError("unclosed action")
    found.append(("text", template[at:].lstrip() if trim else template[at:]))
    if len(found) > MAX_NODES:
        raise TemplateError("the template is too long")
    return found


def _parse(pieces: list[tuple[str, str]], inside: str) -> tuple[list[_Node], list[tuple[str, str]]]:
    """Nodes up to the block's end, and what follows."""
    nodes: list[_Node] = []
    while pieces:
        (kind, text), pieces = pieces[0], pieces[1:]
        word = text.split(" ", 1)[0]
        if kind == "text":
            nodes.append(_Node("text", text))
        elif word in ("end", "else"):
            return nodes, [(kind, text), *pieces]
        elif word in ("range", "if", "with"):
            node = _Node(word, text[len(word) :].strip())
            node.body, pieces = _parse(pieces, word)
            if pieces and pieces[0][1].startswith("else"):
                more = pieces[0][1][4:].strip()
                if more:  # {{else if X}} is an if inside, closed by the same end
                    node.other, pieces = _parse([("tag", more), *pieces[1:]], word)
                    pieces = [("tag", "end"), *pieces]
                else:
                    node.other, pieces = _parse(pieces[1:], word)
            if not pieces:
                raise TemplateError("unexpected EOF")
            pieces = pieces[1:]
            nodes.append(node)
        elif not word.startswith("/*"):
            nodes.append(_Node("value", text))
    if inside:
        raise TemplateError("unexpected EOF")
    return nodes, []


def _run(nodes: list[_Node], dot: Any, names: dict[str, Any], out: _Output) -> None:
    for node in nodes:
        out.spend(1)
        if node.kind == "text":
            out.append(node.text)
        elif node.kind == "value":
            _value(node.text, dot, names, out)
        elif node.kind == "range":
            _range(node, dot, names, out)
        else:
            value = _pipeline(node.text, dot, names)
            if value not in (None, "", 0, False, [], {}):
                _run(node.body, value if node.kind == "with" else dot, dict(names), out)
            else:
                _run(node.other, dot, dict(names), out)


def _value(text: str, dot: Any, names: dict[str, Any], out: _Output) -> None:
    for sign in (":=", "="):
        name, found, rest = text.partition(sign)
        if found and name.strip().startswith("$") and " " not in name.strip():
            names[name.strip()] = _pipeline(rest.strip(), dot, names)
            return
    out.append(_shown(_pipeline(text, dot, names)))


def _range(node: _Node, dot: Any, names: dict[str, Any], out: _Output) -> None:
    variables, found, rest = node.text.partition(":=")
    value = _pipeline(rest.strip() if found else node.text, dot, names)
    pairs = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value if isinstance(value, list) else []))
    )
    wanted = [name.strip() for name in variables.split(",")] if found else []
    for key, element in pairs:
        out.spend(1)
        inner = dict(names)
        inner.update(zip(wanted, (key, element) if len(wanted) > 1 else (element,), strict=False))
        _run(node.body, element, inner, out)
    if not pairs:
        _run(node.other, dot, names, out)


def _shown(value: Any) -> str:
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{_shown(v)}" for k, v in sorted(value.items())) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_shown(v) for v in value) + "]"
    return str(value)


OF = "\1."  # before a field of what stands in brackets: `(index .a 0).b`, where `(index .a 0) .b` are two things


def _words(text: str) -> list[str]:
    try:
        lexer = shlex.shlex(text.replace(").", ") " + OF), posix=False, punctuation_chars="()|")
        lexer.whitespace_split, lexer.commenters, lexer.quotes = True, "", '"`'
        return list(lexer)
    except ValueError:
        raise TemplateError("unterminated quoted string") from None


def _pipeline(text: str, dot: Any, names: dict[str, Any]) -> Any:
    value, words = _expression(_words(text), dot, names, [])
    while words:
        if words[0] != "|":
            raise TemplateError(f"unexpected {words[0]!r}")
        value, words = _expression(words[1:], dot, names, [value])
    return value


def _expression(words: list[str], dot: Any, names: dict[str, Any], piped: list[Any]) -> tuple[Any, list[str]]:
    """One command of a pipeline: a value, or a function and its arguments."""
    if not words:
        raise TemplateError("missing value for command")
    head, words = words[0], words[1:]
    function = FUNCTIONS.get(head)
    if function is None:
        value, words = _operand(head, words, dot, names)
        return value, words
    arguments: list[Any] = []
    while words and words[0] not in ("|", ")"):
        value, words = _operand(words[0], words[1:], dot, names)
        arguments.append(value)
    try:
        return function(*arguments, *piped), words
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        raise TemplateError(f"error calling {head}") from None


def _operand(word: str, words: list[str], dot: Any, names: dict[str, Any]) -> tuple[Any, list[str]]:
    if word == "(":
        value, words = _expression(words, dot, names, [])
        while words and words[0] == "|":
            value, words = _expression(words[1:], dot, names, [value])
        if not words or words[0] != ")":
            raise TemplateError("unclosed left paren")
        words = words[1:]
        if words and words[0].startswith(OF):
            value, words = _field(value, words[0][len(OF) :]), words[1:]
        return value, words
    if word[:1] == '"' or word[:1] == "`":
        text = word[1:-1].replace(" " + OF, ".")
        return (
            text.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"') if word[0] == '"' else text
        ), words
    if _NUMBER.match(word):
        return (float(word) if "." in word else int(word)), words
    if word in ("true", "false", "nil"):
        return {"true": True, "false": False, "nil": None}[word], words
    if word[:1] == "$":
        name, _, path = word.partition(".")
        return _field(names.get(name), path), words
    if word[:1] == ".":
        return _field(dot, word[1:]), words
    raise TemplateError(f'function "{word[:60]}" not defined')


def _field(value: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else value[key]
    return value


def _printf(form: str, *values: Any) -> str:
    plain = re2.sub(r"%([-+# 0]*[0-9]*)v", r"%\1s", form).replace("%q", '"%s"')
    try:
        return sprintf(plain, list(values), lambda v: float(str(v)), _shown)[0]
    except FormatProblem:
        raise TemplateError("error calling printf") from None


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "index": _index, "len": len, "print": lambda *v: "".join(map(_shown, v)), "println": lambda *v: " ".join(map(_shown, v)) + "\n",
    "printf": _printf, "eq": lambda a, *b: any(a == x for x in b), "ne": lambda a, b: a != b, "lt": lambda a, b: a < b,
    "gt": lambda a, b: a > b, "le": lambda a, b: a <= b, "ge": lambda a, b: a >= b, "not": lambda a: not a,
    "and": lambda *v: next((x for x in v if not x), v[-1]), "or": lambda *v: next((x for x in v if x), v[-1]),
    "ToUpper": lambda s: str(s).upper(), "ToLower": lambda s: str(s).lower(), "upper": lambda s: str(s).upper(),
    "lower": lambda s: str(s).lower(), "trunc": lambda n, s: str(s)[:n], "trim": lambda s: str(s).strip(),
    "replace": lambda old, new, s: str(s).replace(old, new), "default": lambda d, v=None: v or d,
    "base64decode": lambda s: s, "slice": lambda v, *at: v[slice(*at)], "urlquery": lambda s: quote(str(s)), "__line__": lambda: "",
}  # fmt: skip
