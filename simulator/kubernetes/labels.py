"""`kubectl label` and `kubectl annotate`."""

from typing import TYPE_CHECKING

from simulator.kubernetes import access
from simulator.kubernetes.changes import NO_TARGET, split_pairs
from simulator.kubernetes.notes import text as words
from simulator.kubernetes.objects import as_object
from simulator.kubernetes.parse import Call, Refused
from simulator.kubernetes.resources import Item
from simulator.kubernetes.rollout import dry_run, each, targets
from simulator.kubernetes.state import Deployment
from simulator.reply import Reply

if TYPE_CHECKING:
    from simulator.world import World

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
    if key in ("app", "pod-template-hash"):
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


def _annotate(world: "World", item: Item, key: str, value: str, dry: bool) -> None:
    """The only annotation that anything here reads is why a deployment was changed."""
    if key == "kubernetes.io/change-cause" and isinstance(item.source, Deployment) and not dry:
        item.source.change_cause = value[:500]
        revisions = world.kubernetes.revisions(item.name)
        if revisions and revisions[-1].template == item.source.template:
            revisions[-1].change_cause = value[:500]
