"""Label and field selectors: `-l app=x,tier in (a,b)` and `--field-selector status.phase=Running`."""

from collections.abc import Callable
from dataclasses import dataclass

import re2

from simulator.kubernetes.parse import Refused

_IN = re2.compile(r"^\s*([\w./-]+)\s+(in|notin)\s*\(([^()]*)\)\s*$")
_COMPARE = re2.compile(r"^\s*([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)\s*$")
_EXISTS = re2.compile(r"^\s*(!?)\s*([\w./-]+)\s*$")
MAX_LENGTH = 2000


@dataclass(frozen=True)
class Term:
    key: str
    op: str  # in, notin, exists, absent
    values: tuple[str, ...] = ()

    def holds(self, labels: dict[str, str]) -> bool:
        if self.op == "exists":
            return self.key in labels
        if self.op == "absent":
            return self.key not in labels
        return (labels.get(self.key) in self.values) == (self.op == "in")


def _split(text: str) -> list[str]:
    """Split at commas that are not inside parentheses."""
    parts, depth, current = [], 0, ""
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += char
    return [*parts, current]


def label_terms(text: str) -> list[Term]:
    """The terms of a label selector. Raises Refused."""
    if len(text) > MAX_LENGTH:
        raise Refused("error: the label selector is too long")
    return [_label_term(part) for part in _split(text) if part.strip()]


def _label_term(part: str) -> Term:
    if found := _IN.match(part):
        values = tuple(value.strip() for value in found[3].split(","))
        return Term(found[1], found[2], values)
    if found := _COMPARE.match(part):
        return Term(found[1], "notin" if found[2] == "!=" else "in", (found[3],))
    if found := _EXISTS.match(part):
        return Term(found[2], "absent" if found[1] else "exists")
    words = part.split()
    found_word = words[1] if len(words) > 1 else part.strip()
    raise Refused(
        f"Error from server (BadRequest): unable to parse requirement: found '{found_word[:100]}', expected: "
        "in, notin, =, ==, !=, gt, lt"
    )


def matches(terms: list[Term], labels: dict[str, str]) -> bool:
    return all(term.holds(labels) for term in terms)


def field_terms(text: str) -> list[tuple[str, str, str]]:
    """(path, op, value) of a field selector. Raises Refused."""
    found = []
    for part in text.split(","):
        path, op, value = part.partition("!=")
        if not op:
            path, op, value = part.partition("==")
        if not op:
            path, op, value = part.partition("=")
        if not op:
            raise Refused(f'error: invalid selector: "{text[:MAX_LENGTH]}"; can\'t understand "{part[:200]}"')
        found.append((path.strip(), "!=" if op == "!=" else "=", value.strip()))
    return found


# The server only indexes these; asking for others is an error there too.
FIELDS = {
    "pods": ("spec.nodeName", "status.phase", "status.podIP", "spec.restartPolicy", "spec.schedulerName"),
    "events": (
        "involvedObject.kind",
        "involvedObject.name",
        "involvedObject.namespace",
        "reason",
        "reportingComponent",
        "type",
    ),
    "nodes": ("spec.unschedulable",),
    "secrets": ("type",),
    "replicasets": ("status.replicas",),
}


def check_fields(plural: str, terms: list[tuple[str, str, str]], selector: str, shown_labels: str) -> None:
    """Raise Refused, as the server does, for a field it does not index."""
    allowed = ("metadata.name", "metadata.namespace", *FIELDS.get(plural, ()))
    for path, _, _ in terms:
        if path not in allowed:
            raise Refused(
                f'Error from server (BadRequest): Unable to find "{plural}" that match label selector '
                f'"{shown_labels}", field selector "{selector}": field label not supported: {path}'
            )


def fields_match(terms: list[tuple[str, str, str]], value_at: Callable[[str], str]) -> bool:
    return all((value_at(path) == value) == (op == "=") for path, op, value in terms)
