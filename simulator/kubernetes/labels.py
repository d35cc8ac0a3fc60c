"""`kubectl label` and `kubectl annotate`."""

import json
from typing import TYPE_CHECKING

import re2

from simulator.kubernetes import access, orphans
from simulator.kubernetes.changes import NO_TARGET, split_pairs
from simulator.kubernetes.notes import text as words
from simulator.kubernetes.objects import as_object
from simulator.kubernetes.parse import Call, Refused
from simulator.kubernetes.resources import Item
from simulator.kubernetes.rollout import dry_run, each, targets
from simulator.kubernetes.state import Deployment, Pod
from simulator.reply import Reply

if TYPE_CHECKING:
    from simulator.world import World

SELECTED = ("app", orphans.HASH)  # what ReplicaSets and services select pods by
_PART = re2.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
_PREFIX = re2.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
NO_NAME = "error: resource(s) were provided, but no name was specified"


def run_label(world: "World", call: Call) -> Reply:
    """`kubectl label` and `kubectl annotate`."""
    labels = call.verb == "label"
    call.args, pairs = split_pairs(call.args)
    if not call.args:
        raise Refused(NO_TARGET)
    wrong = next((pair for pair in pairs if pair.count("=") > 1 or pair.startswith("=")), "")
    if wrong and labels:
        raise Refused(f"error: invalid label spec: {wrong[:200]}")
    if not pairs and not call.on("list"):
        raise Refused(f"error: at least one {'label' if labels else 'annotation'} update is required")
    if len(call.args) == 1 and "/" not in call.args[0] and not call.on("all") and not call.text("selector"):
        raise Refused(NO_NAME)
    items, errors = targets(world, call, NO_TARGET)
    dry, suffix = dry_run(call)

    def act(item: Item) -> str:
        held = dict(_held(world, item, labels))
        if call.on("list"):
            return "".join(f"{key}={value}\n" for key, value in held.items())
        access.demand("patch", item.type, item.name, item.namespace)
        said, wanted = "", dict(held)
        for pair in pairs:
            said += _set_pair(world, call, item, pair, (held, wanted), dry)
        moved = labels and any(held.get(key) != wanted.get(key) for key in SELECTED)
        if moved and not dry and isinstance(item.source, Pod):
            orphans.follow_labels(world, item.source)
        return f"{said}{item.path} {_done(labels, held, wanted)}{suffix}\n"

    return each(world, call, items, errors, act)


def _held(world: "World", item: Item, labels: bool) -> dict[str, str]:
    if labels:
        return item.labels
    found: dict[str, str] = as_object(world, item)["metadata"].get("annotations", {})
    return found


def _done(labels: bool, held: dict[str, str], wanted: dict[str, str]) -> str:
    if not labels:
        return "annotated"
    if held == wanted:
        return "not labeled"
    return "labeled" if wanted.keys() - held.keys() or wanted.keys() == held.keys() else "unlabeled"


def _set_pair(
    world: "World",
    call: Call,
    item: Item,
    pair: str,
    states: tuple[dict[str, str], dict[str, str]],
    dry: bool,
) -> str:
    """Carry out one KEY=VALUE or KEY-; what is said of it. `states` are what is held and what is wanted."""
    held, wanted = states
    key, equals, value = pair.partition("=")
    key = key if equals else key.removesuffix("-")
    if equals and held.get(key, value) != value and not call.on("overwrite"):
        declared = f"'{key}' already has a value ({held[key]})"
        if call.verb == "annotate":
            raise Refused(
                f"error: --overwrite is false but found the following declared annotation(s): {declared}"
            )
        raise Refused(f"error: {declared}, and --overwrite is false")
    if call.verb == "annotate":
        _annotate(world, item, key, value, dry)
        return ""
    _check(item, key, value)
    if key in SELECTED and not orphans.movable(item.source):
        raise Refused(words(world, "no_selector_labels", label=key))
    if not equals and key not in held:
        return f'label "{key}" not found.\n'
    kept = getattr(item.source, "labels", None)
    for place in (wanted,) if kept is None or dry else (wanted, kept):
        if equals:
            place[key[:120]] = value[:63]
        else:
            place.pop(key, None)
    return ""


_NAME = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
_VALUE = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"


def _check(item: Item, key: str, value: str) -> None:
    """Label names and values as the API server takes them. Raises Refused."""
    problem = ""
    if len(value) > 63:
        problem = "must be no more than 63 characters"
    elif value and not _PART.match(value):
        problem = _VALUE
    if problem:
        raise Refused(
            f"error: invalid label value: {json.dumps(key + '=' + value[:200], ensure_ascii=False)}: {problem}"
        )
    prefix, slash, name = key.rpartition("/")
    if not _PART.match(name) or len(name) > 63 or (slash and not _PREFIX.match(prefix)):
        kind = item.type.kind
        shown = json.dumps(key[:200], ensure_ascii=False)
        raise Refused(
            f'The {kind} "{item.name}" is invalid: metadata.labels: Invalid value: {shown}: {_NAME}'
        )


def _annotate(world: "World", item: Item, key: str, value: str, dry: bool) -> None:
    """The only annotation that anything here reads is why a deployment was changed."""
    if key == "kubernetes.io/change-cause" and isinstance(item.source, Deployment) and not dry:
        item.source.change_cause = value[:500]
        revisions = world.kubernetes.revisions(item.name)
        if revisions and revisions[-1].template == item.source.template:
            revisions[-1].change_cause = value[:500]
