"""Label and field selectors: `-l app=x,tier in (a,b)` and `--field-selector status.phase=Running`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.kubernetes import labelselector
from simulator.kubernetes.labelselector import SelectorError, Term
from simulator.kubernetes.parse import Refused

if TYPE_CHECKING:
    from simulator.kubernetes.resources import ResourceType

FieldTerms = list[tuple[str, str, str]]
MAX_LENGTH = labelselector.MAX_LENGTH


def label_terms(text: str) -> list[Term]:
    """The terms of a label selector that the client reads itself. Raises Refused."""
    try:
        return labelselector.terms(text)
    except SelectorError as problem:
        raise Refused(f"error: {problem}") from None


def server_terms(kind: "ResourceType", text: str, fields: str) -> tuple[list[Term], FieldTerms]:
    """Both selectors of a listing, which the server reads. Raises Refused with what kubectl makes of its refusal."""
    try:
        found = labelselector.terms(text)
        terms = field_terms(fields) if fields else []
        _check_fields(kind, terms)
    except SelectorError as problem:
        version = f"{kind.group}/{kind.version}" if kind.group else f"/{kind.version}"
        raise Refused(
            f'Error from server (BadRequest): Unable to find "{version}, Resource={kind.plural}" that match label '
            f'selector "{text}", field selector "{fields}": {problem}'
        ) from None
    return found, terms


def matches(terms: list[Term], labels: dict[str, str]) -> bool:
    return all(term.holds(labels) for term in terms)


def field_terms(text: str) -> FieldTerms:
    """(path, op, value) of a field selector. Raises SelectorError."""
    found = []
    for part in text.split(","):
        path, op, value = part.partition("!=")
        if not op:
            path, op, value = part.partition("==")
        if not op:
            path, op, value = part.partition("=")
        if not op:
            raise SelectorError(f'invalid selector: "{text[:MAX_LENGTH]}"; can\'t understand "{part[:200]}"')
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


def _check_fields(kind: "ResourceType", terms: FieldTerms) -> None:
    """Raise SelectorError, as the server does, for a field it does not index."""
    allowed = ("metadata.name", "metadata.namespace", *FIELDS.get(kind.plural, ()))
    for path, _, _ in terms:
        if path not in allowed:
            raise SelectorError(
                f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'
                if kind.plural not in FIELDS
                else f"field label not supported: {path}"
            )


def fields_match(terms: FieldTerms, value_at: Callable[[str], str]) -> bool:
    return all((value_at(path) == value) == (op == "=") for path, op, value in terms)
