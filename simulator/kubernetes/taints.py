"""`kubectl taint`: keep pods off nodes, or drive them away (NoExecute; no pod here tolerates one)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubernetes import controller, labelselector, pods, selectors
from simulator.kubernetes.parse import Call, Refused
from simulator.kubernetes.resources import TYPES, find, items
from simulator.kubernetes.rollout import dry_run
from simulator.kubernetes.state import Node
from simulator.reply import Reply

if TYPE_CHECKING:
    from simulator.world import World

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
USAGE = "\nSee 'kubectl taint -h' for help and examples"
MOST = 20  # taints a node may carry
Change = tuple[str, str, str, bool]  # key, value, effect ("" removes every effect), whether it is taken away


def run_taint(world: World, call: Call) -> Reply:
    """`kubectl taint nodes NAME key=value:Effect key:Effect- key-`."""
    args = list(call.args)
    if not args:
        raise Refused("error: one or more resources must be specified as <resource> <name>")
    if args[0] not in ("node", "nodes", "no"):
        raise Refused(f"error: invalid resource type {args[0][:60]}, only node types are supported")
    del args[0]
    words = [w for w in args if ":" in w or w.endswith("-") or "=" in w]
    names = [w for w in args if w not in words]
    if not words:
        raise Refused("error: at least one taint update is required")
    changes = [_change(word) for word in words]
    nodes = _nodes(world, call, names)
    dry, _ = dry_run(call)
    out = ""
    for node in nodes:
        done = _apply(world, node, changes, call.on("overwrite"), dry)
        out += f"node/{node.name} {done}\n"
    return Reply(out)


def _nodes(world: World, call: Call, names: list[str]) -> list[Node]:
    kind = TYPES["nodes"]
    if call.text("selector") or call.on("all"):
        terms = selectors.label_terms(call.text("selector"))
        return [one.source for one in items(world, kind, None) if selectors.matches(terms, one.labels)]
    if not names:
        raise Refused(
            "error: one or more resources must be specified as <resource> <name> or <resource>/<name>"
        )
    return [find(world, kind, name, "").source for name in names]


def _change(word: str) -> Change:
    """Read one taint. Raises Refused as kubectl would."""
    removes = word.endswith("-")
    body, _, effect = word.removesuffix("-").partition(":")
    key, _, value = body.partition("=")
    if not removes and not effect:
        key = body  # without an effect the whole word is taken for a key
    if not labelselector.KEY.match(key) or len(key) > 120 or len(value) > 63:
        raise Refused(f"error: invalid taint spec: {word[:120]}, {labelselector.NAMING}{USAGE}")
    if effect and effect not in EFFECTS:
        raise Refused(f"error: invalid taint effect: {effect[:60]}, unsupported taint effect{USAGE}")
    return key, value, effect, removes


def _apply(world: World, node: Node, changes: list[Change], overwrite: bool, dry: bool) -> str:
    taints = dict(node.taints)
    for key, value, effect, removes in changes:
        held = [k for k in taints if k[0] == key and effect in ("", k[1])]
        if removes:
            if not held:
                raise Refused(f'error: taint "{key}{":" + effect if effect else ""}" not found')
            for one in held:
                del taints[one]
            continue
        if held and taints[held[0]] != value and not overwrite:
            text = f"error: node {node.name} already has {key} taint(s) with same effect(s) and --overwrite is false"
            raise Refused(text)
        taints[key, effect] = value
    if len(taints) > MOST:
        raise Refused(f"error: node {node.name} may carry at most {MOST} taints here")
    if not dry:
        node.taints = taints
        _take_effect(world, node)
    return "untainted" if all(removes for *_, removes in changes) else "tainted"


def _take_effect(world: World, node: Node) -> None:
    """NoExecute drives away what runs there; whatever was lifted lets waiting pods in."""
    if any(effect == "NoExecute" for _, effect in node.taints):
        for pod in list(world.kubernetes.pods.values()):
            if pod.node == node.name and pod.active and pod.owner_kind == "ReplicaSet":
                controller.delete_pod(world, pod)
    pods.start_pending(world)
