"""kubectl's JSONPath templates, custom columns and sort keys over plain dicts. Bounded work, no eval."""

import json
from typing import Any

MAX_TEMPLATE, MAX_RESULTS = 4000, 20_000


class PathError(ValueError):
    """A template that is none; the message is kubectl's."""


class RunError(PathError):
    """A template that cannot be carried out over an object; the message is kubectl's."""


Token = tuple[str, Any]


def path_tokens(text: str) -> list[Token]:
    """Split `.items[*].metadata.name` into steps. Raises PathError."""
    if len(text) > MAX_TEMPLATE:
        raise PathError("template is too long")
    tokens: list[Token] = []
    i = 0
    while i < len(text):
        char = text[i]
        if text.startswith("..", i):
            tokens.append(("deep", None))
            i += 2
            name, i = _name(text, i)
            if name:
                tokens.append(("field", name))
        elif char == ".":
            name, i = _name(text, i + 1)
            if name == "*":
                tokens.append(("all", None))
            elif name:
                tokens.append(("field", name))
        elif char == "[":
            end = _closing(text, i)
            tokens.append(_bracket(text[i + 1 : end].strip()))
            i = end + 1
        elif char in "$@":
            i += 1
        else:
            name, after = _name(text, i)
            if after == i:
                raise PathError(f"unrecognized character in action: U+{ord(char):04X} '{char}'")
            tokens.append(("field", name))
            i = after
    return tokens


def _name(text: str, i: int) -> tuple[str, int]:
    """A field name from `i`; a backslash keeps the next dot."""
    name = ""
    while i < len(text) and text[i] not in ".[":
        if text[i] == "\\" and i + 1 < len(text):
            i += 1
        elif text[i] in " ()]{}":
            break
        name += text[i]
        i += 1
    return name, i


def _closing(text: str, start: int) -> int:
    depth, quote = 0, ""
    for i in range(start, len(text)):
        char = text[i]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
            if depth == 0:
                return i
    raise PathError("unterminated array")


def _bracket(inner: str) -> Token:
    if inner == "*":
        return "all", None
    if inner.startswith("?(") and inner.endswith(")"):
        return "filter", _condition(inner[2:-1].strip())
    parts = [part.strip() for part in inner.split(",")]
    if len(parts) > 1:
        return "union", [_member(part) for part in parts]
    return _member(inner)


def _member(inner: str) -> Token:
    """One index, slice, or quoted key; what stands in quotes is a path of its own."""
    if len(inner) >= 2 and inner[0] == inner[-1] == "'":
        return "path", path_tokens("." + inner[1:-1])
    parts = inner.split(":")
    if len(parts) <= 3 and all(_whole(part) or (part == "" and len(parts) > 1) for part in parts):
        numbers = [int(part) if part else None for part in parts]
        return ("index", numbers[0]) if len(numbers) == 1 else ("slice", numbers)
    raise PathError(f"invalid array index {inner}")


def _whole(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 10


def _condition(text: str) -> tuple[list[Token], str, Any]:
    for op in ("==", "!=", ">=", "<=", ">", "<"):
        left, found, right = text.partition(op)
        if found:
            return path_tokens(left.strip()), op, _literal(right.strip())
    return path_tokens(text), "", None


def _literal(text: str) -> Any:
    if len(text) >= 2 and text[0] in "'\"" and text[-1] == text[0]:
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        raise PathError(f"unrecognized identifier {text}") from None


def select(tokens: list[Token], roots: list[Any]) -> list[Any]:
    """What a path finds, in document order."""
    found = roots
    for kind, value in tokens:
        found = _step(kind, value, found)[:MAX_RESULTS]
    return found


def _step(kind: str, value: Any, nodes: list[Any]) -> list[Any]:
    if kind == "field":
        return [node[value] for node in nodes if isinstance(node, dict) and value in node]
    if kind == "all":
        out: list[Any] = []
        for node in nodes:
            out += node if isinstance(node, list) else list(node.values()) if isinstance(node, dict) else []
        return out
    if kind == "path":
        return select(value, nodes)
    if kind == "union":
        return [x for token in value for x in _step(token[0], token[1], nodes)]
    lists = [node for node in nodes if isinstance(node, list)]
    if kind == "index":
        for node in lists:
            if not -len(node) <= value < len(node):
                raise RunError(f"array index out of bounds: index {value}, length {len(node)}")
        return [node[value] for node in lists]
    if kind == "slice":
        step = value[2] if len(value) > 2 else None
        return [x for node in lists for x in node[slice(value[0], value[1], step or None)]]
    if kind == "filter":
        return [x for node in lists for x in node if _holds(value, x)]
    return [x for node in nodes for x in _descend(node)]


def _descend(node: Any) -> list[Any]:
    found: list[Any] = []
    queue = [node]
    while queue and len(found) < MAX_RESULTS:
        here = queue.pop(0)
        found.append(here)
        if isinstance(here, dict):
            queue[:0] = list(here.values())
        elif isinstance(here, list):
            queue[:0] = here
    return found


def _holds(condition: tuple[list[Token], str, Any], node: Any) -> bool:
    tokens, op, wanted = condition
    found = select(tokens, [node])
    if not op or not found:
        return bool(found) and not op
    value = found[0]
    if isinstance(value, bool) != isinstance(wanted, bool) or isinstance(value, str) != isinstance(
        wanted, str
    ):
        return op == "!="
    if not isinstance(value, (str, int, float)):
        return False
    comparisons = {
        "==": value == wanted,
        "!=": value != wanted,
        ">": value > wanted,
        "<": value < wanted,
        ">=": value >= wanted,
        "<=": value <= wanted,
    }
    return comparisons[op]


def render(value: Any) -> str:
    """A result as Go prints it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    return str(value)


def go_text(value: Any) -> str:
    """A value as Go's %v prints it: what custom columns show."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_text(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(go_text(each) for each in value) + "]"
    return "<nil>" if value is None else render(value)


def go_syntax(value: Any) -> str:
    """A value as Go's %#v prints it: what a template's failure shows of its object."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{_quoted(key)}:{go_syntax(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{pairs}}}"
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(go_syntax(each) for each in value) + "}"
    if isinstance(value, str):
        return _quoted(value)
    return "interface {}(nil)" if value is None else render(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def failure(template: str, problem: PathError, root: Any) -> str:
    """What kubectl says of a template that failed."""
    if not isinstance(problem, RunError):
        return f"error: error parsing jsonpath {template[:200]}, {problem}"
    shown = go_syntax(root)
    return (
        f"error: error executing jsonpath {_quoted(template)}: Error executing template: {problem}. "
        "Printing more information for debugging the template:\n\ttemplate was:\n\t\t"
        f"{template}\n\tobject given to jsonpath engine was:\n\t\t{shown}\n\n"
    )


def evaluate(template: str, root: Any) -> str:
    """The text of a whole template (`{range .items[*]}{.metadata.name}{"\\n"}{end}`). Raises PathError."""
    if len(template) > MAX_TEMPLATE:
        raise PathError("template is too long")
    text, _ = _run(_parts(template), 0, root, 0)
    return text[: 4 * 1024 * 1024]


def _parts(template: str) -> list[tuple[str, str]]:
    """Alternating ("text", …) and ("action", …)."""
    parts, i = [], 0
    while i < len(template):
        start = template.find("{", i)
        if start < 0:
            parts.append(("text", template[i:]))
            break
        if start > i:
            parts.append(("text", template[i:start]))
        end = _brace(template, start)
        parts.append(("action", template[start + 1 : end].strip()))
        i = end + 1
    return parts


def _brace(template: str, start: int) -> int:
    quote = ""
    for i in range(start + 1, len(template)):
        char = template[i]
        if quote:
            quote = "" if char == quote and template[i - 1] != "\\" else quote
        elif char in "'\"":
            quote = char
        elif char == "}":
            return i
    raise PathError("unclosed action")


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}


def _unescape(text: str) -> str:
    out, i = "", 0
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text):
            i += 1
            out += _ESCAPES.get(text[i], text[i])
        else:
            out += text[i]
        i += 1
    return out


def _run(parts: list[tuple[str, str]], start: int, node: Any, depth: int) -> tuple[str, int]:
    """Evaluate parts from `start` until the matching {end}; (text, index after it)."""
    if depth > 5:
        raise PathError("too many nested ranges")
    out, i = "", start
    while i < len(parts):
        kind, body = parts[i]
        if kind == "text":
            out += body
        elif body == "end":
            if depth == 0:
                raise RunError("not in range, nothing to end")
            return out, i + 1
        elif body.startswith("range"):
            items = select(path_tokens(body[5:].strip()), [node])
            after = _skip(parts, i + 1)
            for item in items:
                out += _run(parts, i + 1, item, depth + 1)[0]
                if len(out) > 4 * 1024 * 1024:
                    break
            i = after
            continue
        elif body[:1] in "'\"" and body:
            out += _unescape(_last_quoted(body))
        elif body[:1].isalpha():
            raise RunError(f"unrecognized identifier {body}")
        elif body:
            out += " ".join(render(value) for value in select(path_tokens(body), [node]))
        i += 1
    return out, i


def _last_quoted(body: str) -> str:
    """The text of an action of quoted texts; each node of an action takes the place of those before it."""
    start = 0
    while (end := _end_of_quote(body, start)) < len(body) - 1:
        following = body[end + 1 :].lstrip()
        if following[:1] not in ("'", '"'):
            break
        start = len(body) - len(following)
    return body[start + 1 : end]


def _end_of_quote(body: str, start: int) -> int:
    at = start + 1
    while at < len(body) and body[at] != body[start]:
        at += 2 if body[at] == "\\" else 1
    return min(at, len(body))


def _skip(parts: list[tuple[str, str]], start: int) -> int:
    """The index after the {end} of a range whose body begins at `start`."""
    depth = 1
    for i in range(start, len(parts)):
        if parts[i][0] == "action":
            depth += parts[i][1].startswith("range")
            depth -= parts[i][1] == "end"
            if depth == 0:
                return i + 1
    return start  # a range that is never closed prints its rest once more


def relaxed(path: str) -> str:
    """`metadata.name`, `.metadata.name` and `{.metadata.name}` all mean the same here."""
    inner = path.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    return inner if inner.startswith((".", "[")) else "." + inner
