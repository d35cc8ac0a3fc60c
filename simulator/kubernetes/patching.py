"""`kubectl patch` and `kubectl apply -f -`: a patched object is read back into a deployment.

The patch is applied to the object as the API shows it; what came out different must be something the
simulator can change, or nothing is changed at all.
"""

import json
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import re2
import yaml

from simulator.kubernetes import access, controller
from simulator.kubernetes.changes import (
    NO_DELETE,
    check_quantity,
    check_replicas,
    check_resources,
    deployment_of,
)
from simulator.kubernetes.notes import text as words
from simulator.kubernetes.objects import as_object
from simulator.kubernetes.parse import Call, Refused
from simulator.kubernetes.parts import Object
from simulator.kubernetes.resources import TYPES, Item, items
from simulator.kubernetes.rollout import dry_run, each, targets
from simulator.kubernetes.state import Autoscaler, Deployment, Node, Template
from simulator.reply import Reply
from simulator.shell import files

if TYPE_CHECKING:
    from simulator.world import World

MAX_TEXT = 64_000
MERGE_KEYS = {"containers": "name", "env": "name", "ports": "containerPort", "metrics": "type"}
_PERCENT = re2.compile(r"^[0-9]{1,3}%$")


def read_document(text: str) -> Any:
    """JSON, or YAML without anchors, within bounds. Raises Refused."""
    if len(text) > MAX_TEXT:
        raise Refused("error: the document is too long")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if "&" in text or "*" in text:
        raise Refused("error: YAML anchors and aliases are not read here")
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise Refused(f'error: unable to parse "{text[:200]}": it is neither JSON nor YAML') from None


def run_patch(world: "World", call: Call) -> Reply:
    """`kubectl patch TYPE NAME -p PATCH [--type=strategic|merge|json]`."""
    if not call.text("patch"):
        if call.given("patch-file"):
            raise Refused(f"error: unable to read patch file: open {call.text('patch-file')}: no such file")
        raise Refused("error: must specify --patch or --patch-file containing the contents of the patch")
    kind = call.text("type", "strategic")
    if kind not in ("strategic", "merge", "json"):
        raise Refused(f'error: --type must be one of [json merge strategic], not "{kind[:40]}"')
    patch = read_document(call.text("patch"))
    if not isinstance(patch, list if kind == "json" else dict):
        raise Refused(f'error: unable to parse "{call.text("patch")[:200]}": not a {kind} patch')
    named, errors = targets(world, call, NO_DELETE)
    dry, suffix = dry_run(call)

    def act(item: Item) -> str:
        access.demand("patch", item.type, item.name, item.namespace)
        old = as_object(world, item)
        if isinstance(patch, list):
            new = _json_patch(old, patch)
        else:
            new = merge(old, patch, kind == "strategic")
        if not install(world, item, old, new, dry):
            return f"{item.path} patched (no change)\n"
        return f"{item.path} patched{suffix}\n"

    return each(world, call, named, errors, act)


def merge(old: Any, patch: Any, strategic: bool) -> Any:
    """A merge patch; strategic ones merge known lists by their key."""
    if not isinstance(patch, dict):
        return patch
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif strategic and key in MERGE_KEYS and isinstance(value, list):
            result[key] = _merge_list(result.get(key) or [], value, MERGE_KEYS[key])
        elif key not in ("$setElementOrder/containers", "$retainKeys"):
            result[key] = merge(result.get(key), value, strategic)
    return result


def _merge_list(old: list[Any], patch: list[Any], key: str) -> list[Any]:
    result = list(old)
    for element in patch:
        if not isinstance(element, dict) or key not in element:
            raise Refused(
                f"Error from server: map: {str(element)[:80]} does not contain declared merge key: {key}"
            )
        at = next((i for i, one in enumerate(result) if one.get(key) == element[key]), None)
        if element.get("$patch") == "delete":
            result = [one for one in result if one.get(key) != element[key]]
        elif at is None:
            result.append(element)
        else:
            result[at] = merge(result[at], element, strategic=True)
    return result


def _json_patch(old: Object, operations: list[Any]) -> Object:
    """RFC 6902: add, replace, remove and test."""
    result = deepcopy(old)
    for operation in operations[:100]:
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise Refused(
                "The request is invalid: the server rejected our request due to an error in our request"
            )
        op, path = operation.get("op"), operation["path"]
        keys = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
        node: Any = result
        for key in keys[:-1]:
            node = _child(node, key, op, path)
        _operate(node, keys[-1] if keys else "", (op, path), deepcopy(operation.get("value")))
    return result


def _missing(op: Any, path: str) -> Refused:
    return Refused(
        f"The request is invalid: the server rejected our request due to an error in our request "
        f"({op} operation does not apply: doc is missing path: {path[:200]})"
    )


def _child(node: Any, key: str, op: Any, path: str) -> Any:
    if isinstance(node, dict) and key in node:
        return node[key]
    if isinstance(node, list) and key.isascii() and key.isdigit() and int(key) < len(node):
        return node[int(key)]
    raise _missing(op, path)


def _operate(node: Any, key: str, what: tuple[Any, str], value: Any) -> None:
    op, path = what
    if op == "add" and isinstance(node, dict):
        node[key] = value
    elif op == "add" and isinstance(node, list) and key == "-":
        node.append(value)
    elif op == "add" and isinstance(node, list) and key.isascii() and key.isdigit() and int(key) <= len(node):
        node.insert(int(key), value)
    elif op in ("replace", "remove", "test"):
        held = _child(node, key, op, path)
        if op == "test" and held != value:
            raise Refused(f"The request is invalid: testing path {path[:200]} failed: value mismatch")
        at: Any = key if isinstance(node, dict) else int(key)
        if op == "replace":
            node[at] = value
        elif op == "remove":
            del node[at]
    else:
        raise _missing(op, path)


def install(world: "World", item: Item, old: Object, new: Object, dry: bool) -> bool:
    """Make the world match a changed object. False: nothing changed. Raises Refused."""
    changed = _differences(old, new, "")
    changed = [path for path in changed if not path.startswith((".status", ".metadata"))] + [
        path for path in changed if path.startswith(".metadata.annotations")
    ]
    if not changed:
        return False
    if isinstance(item.source, Node):
        _only(world, changed, (".spec.unschedulable", ".spec.taints"))
        if not dry:
            item.source.unschedulable = bool(new["spec"].get("unschedulable", False))
        return True
    if isinstance(item.source, Autoscaler):
        return _install_autoscaler(world, item.source, changed, new, dry)
    if item.type.plural == "pods":
        raise Refused(
            f'The Pod "{item.name}" is invalid: spec: Forbidden: pod updates may not change fields other '
            "than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
            "`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds`"
        )
    found = deployment_of(item)
    _only(world, changed, _PATCHABLE)
    _install_deployment(world, found, new, dry)
    return True


_PATCHABLE = (
    ".spec.replicas",
    ".spec.paused",
    ".spec.strategy",
    ".spec.minReadySeconds",
    ".spec.progressDeadlineSeconds",
    ".spec.revisionHistoryLimit",
    ".spec.template.metadata.annotations",
    ".spec.template.spec.containers[0].image",
    ".spec.template.spec.containers[0].env",
    ".spec.template.spec.containers[0].resources",
    ".metadata.annotations",
)


def _only(world: "World", changed: list[str], allowed: tuple[str, ...]) -> None:
    for path in changed:
        if not path.startswith(allowed):
            raise Refused(words(world, "not_patchable", path=path[:200]))


def _differences(old: Any, new: Any, path: str) -> list[str]:
    """Paths at which two documents differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        return [d for key in keys for d in _differences(old.get(key), new.get(key), f"{path}.{key}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [d for i, (a, b) in pairs for d in _differences(a, b, f"{path}[{i}]")]
    return [] if old == new and type(old) is type(new) else [path]


def _invalid(kind: str, name: str, field: str, value: Any, why: str) -> Refused:
    return Refused(
        f'The {kind} "{name}" is invalid: {field}: Invalid value: {json.dumps(value)[:100]}: {why}'
    )


def _whole(kind: str, name: str, field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _invalid(kind, name, field, value, "must be an integer")
    if not 0 <= value <= 10**9:
        raise _invalid(kind, name, field, value, "must be greater than or equal to 0")
    return value


def _install_autoscaler(
    world: "World", found: Autoscaler, changed: list[str], new: Object, dry: bool
) -> bool:
    _only(world, changed, (".spec.minReplicas", ".spec.maxReplicas", ".spec.metrics"))
    name, spec = found.name, new["spec"]
    minimum = _whole("HorizontalPodAutoscaler", name, "spec.minReplicas", spec.get("minReplicas", 1))
    maximum = _whole("HorizontalPodAutoscaler", name, "spec.maxReplicas", spec.get("maxReplicas"))
    if maximum < max(minimum, 1):
        why = "must be greater than or equal to `minReplicas`"
        raise _invalid("HorizontalPodAutoscaler", name, "spec.maxReplicas", maximum, why)
    try:
        target = spec["metrics"][0]["resource"]["target"]["averageUtilization"]
    except (KeyError, IndexError, TypeError):
        raise Refused(words(world, "not_patchable", path=".spec.metrics")) from None
    target = _whole("HorizontalPodAutoscaler", name, "spec.metrics[0]", target)
    deployment = world.kubernetes.deployments.get(found.deployment)
    if deployment is not None:
        check_replicas(deployment, maximum)
    if not dry:
        found.minimum, found.maximum, found.target = minimum, maximum, max(1, target)
    return True


def _install_deployment(world: "World", found: Deployment, new: Object, dry: bool) -> None:
    """Validate everything first, then change strategy, size and template in this order."""
    name, spec = found.name, new.get("spec") or {}
    numbers = {
        field: _whole("Deployment", name, f"spec.{field}", spec.get(field, default))
        for field, default in (
            ("replicas", 1),
            ("minReadySeconds", 0),
            ("progressDeadlineSeconds", 600),
            ("revisionHistoryLimit", 10),
        )
    }
    check_replicas(found, numbers["replicas"])
    kind, surge, unavailable = _strategy(name, spec.get("strategy") or {})
    template = _template(world, found.template, spec.get("template") or {})
    annotations = new["metadata"].get("annotations") or {}
    paused = spec.get("paused") is True
    if dry:
        return
    strategy = found.strategy
    strategy.kind, strategy.max_surge, strategy.max_unavailable = kind, surge, unavailable
    strategy.min_ready_s = float(numbers["minReadySeconds"])
    strategy.progress_deadline_s = float(max(1, numbers["progressDeadlineSeconds"]))
    strategy.revision_history = numbers["revisionHistoryLimit"]
    cause = str(annotations.get("kubernetes.io/change-cause", ""))[:500]
    if paused and not strategy.paused:
        controller.set_paused(world, found, True)
    controller.scale(world, found, numbers["replicas"])
    if not controller.apply_template(world, found, template, cause):
        found.change_cause = cause
    if not paused and strategy.paused:
        controller.set_paused(world, found, False)


def _strategy(name: str, spec: Object) -> tuple[str, str | int, str | int]:
    kind = spec.get("type", "RollingUpdate")
    if kind not in ("RollingUpdate", "Recreate"):
        why = 'supported values: "Recreate", "RollingUpdate"'
        raise _invalid("Deployment", name, "spec.strategy.type", kind, why)
    rolling = spec.get("rollingUpdate") or {}
    found: list[str | int] = []
    for field in ("maxSurge", "maxUnavailable"):
        value = rolling.get(field, "25%") if isinstance(rolling, dict) else None
        whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**6
        if not whole and not (isinstance(value, str) and _PERCENT.match(value)):
            where = f"spec.strategy.rollingUpdate.{field}"
            raise _invalid("Deployment", name, where, value, "a valid percent string or a number is needed")
        found.append(value if isinstance(value, (int, str)) else "25%")
    if kind == "RollingUpdate" and {str(value).rstrip("%") for value in found} == {"0"}:
        where = "spec.strategy.rollingUpdate.maxUnavailable"
        raise _invalid("Deployment", name, where, found[1], "may not be 0 when `maxSurge` is 0")
    return kind, found[0], found[1]


def _template(world: "World", old: Template, new: Object) -> Template:
    """The template that a changed object describes."""
    problem = Refused(words(world, "not_patchable", path=".spec.template"))
    try:
        containers = new["spec"]["containers"]
        box = containers[0]
        env = [(str(one["name"])[:250], str(one.get("value", ""))[:2000]) for one in box.get("env") or []]
        resources = box.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        notes = (new.get("metadata") or {}).get("annotations") or {}
        image = box["image"]
        cpu = str(limits.get("cpu", old.cpu_limit)), str(requests.get("cpu", old.cpu_request))
        memory = str(limits.get("memory", old.memory_limit)), str(requests.get("memory", old.memory_request))
    except (KeyError, IndexError, TypeError, AttributeError):
        raise problem from None
    if len(containers) != 1 or not isinstance(image, str):
        raise problem
    for name, values in (("cpu", cpu), ("memory", memory)):
        for value in values:
            check_quantity(name, value)
    template = replace(
        old,
        image=image[:250],
        env=tuple(env),
        cpu_limit=cpu[0],
        cpu_request=cpu[1],
        memory_limit=memory[0],
        memory_request=memory[1],
        restarted_at=str(notes.get("kubectl.kubernetes.io/restartedAt", ""))[:40],
    )
    check_resources(template)
    return template


def sent(world: "World", call: Call, verb: str) -> tuple[Item, dict[str, Any]]:
    """The object that a document (`-f`: standard input or a file of the session) names, and the document."""
    names = [name for name in call.many("filename") if name]
    if not names:
        raise Refused("error: must specify one of -f and -k")
    text = call.stdin
    if names[0] != "-":
        try:
            text = files.read(world, names[0])
        except files.FileProblem:
            raise Refused(f'error: the path "{names[0][:200]}" does not exist') from None
    document = read_document(text)
    if (
        isinstance(document, dict)
        and document.get("kind") == "List"
        and len(document.get("items") or []) == 1
    ):
        document = document["items"][0]
    if not isinstance(document, dict) or not isinstance(document.get("metadata"), dict):
        raise Refused(f"error: no objects passed to {verb}")
    kinds = {kind.kind: kind for kind in TYPES.values()}
    kind = kinds.get(str(document.get("kind")))
    if kind is None:
        raise Refused(
            'error: resource mapping not found: no matches for kind "'
            f'{str(document.get("kind"))[:60]}" in version "{str(document.get("apiVersion"))[:60]}"'
        )
    name = str(document["metadata"].get("name", ""))[:250]
    here = [one for one in items(world, kind, world.kubernetes.namespace) if one.name == name]
    if not here:
        raise access.forbidden("create", kind, "", world.kubernetes.namespace)
    access.demand("patch", kind, name, world.kubernetes.namespace)
    return here[0], document


def run_apply(world: "World", call: Call) -> Reply:
    """`kubectl apply -f -` with a Deployment or HPA on standard input, or a file of the session."""
    if call.args:
        raise Refused(
            f"error: Unexpected args: [{' '.join(call.args)[:200]}]\nSee 'kubectl apply -h' for help and examples"
        )
    item, document = sent(world, call, "apply")
    dry, suffix = dry_run(call)
    old = as_object(world, item)
    new = merge(old, document, strategic=True)
    word = "configured" if install(world, item, old, new, dry) else "unchanged"
    return Reply(f"{item.path} {word}{suffix}\n")
