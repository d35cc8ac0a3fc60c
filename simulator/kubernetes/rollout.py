"""`kubectl rollout …` and `kubectl wait`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.kubernetes import access, controller
from simulator.kubernetes.describe import pod_template_text
from simulator.kubernetes.get import collect
from simulator.kubernetes.layout import elastic
from simulator.kubernetes.objects import as_object
from simulator.kubernetes.parse import Call, Refused
from simulator.kubernetes.parts import conditions
from simulator.kubernetes.resources import Item, namespace_of, request
from simulator.kubernetes.state import Deployment, counts
from simulator.reply import Reply

if TYPE_CHECKING:
    from simulator.world import World

STEP_S = 0.5
INTERRUPTED = 130  # what a shell reports after Ctrl-C: the follow limit stands for it
TIMED_OUT = "error: timed out waiting for the condition"
ROLLED = ("deployments", "statefulsets", "daemonsets")
Answer = tuple[str, str, int]


def dry_run(call: Call) -> tuple[bool, str]:
    """(whether, what is added to the answer). Raises Refused for an unknown value."""
    value = call.text("dry-run", "none")
    if value in ("none", "false"):
        return False, ""
    if value in ("client", "unchanged", "true"):
        return True, " (dry run)"
    if value == "server":
        return True, " (server dry run)"
    raise Refused(f'error: Invalid dry-run value ({value}). Must be "none", "server", or "client".')


def targets(world: "World", call: Call, missing: str) -> tuple[list[Item], list[str]]:
    """The items a changing command is about and what was not found. Raises Refused."""
    if call.many("filename"):
        raise Refused(f'error: the path "{call.many("filename")[0]}" does not exist')
    asked = request(call.args, missing)
    found = collect(world, call, asked)
    return found.every, found.errors


def each(
    world: "World", call: Call, items: list[Item], errors: list[str], act: Callable[[Item], str]
) -> Reply:
    """Run `act` on every item; refusals of one do not stop the others."""
    out, refused = "", [error + "\n" for error in errors]
    for item in items:
        try:
            out += act(item)
        except Refused as problem:
            refused.append(problem.message + "\n")
    if not items and not refused:
        where = namespace_of(world, call)
        return Reply(err=f"No resources found in {where} namespace.\n")
    return Reply(out, "".join(refused), 1 if refused else 0)


def run_rollout(world: "World", call: Call) -> Reply:
    """All of `kubectl rollout`."""
    action = call.verb.split()[1]
    items, errors = targets(world, call, "error: required resource not specified")
    if action == "status":
        return _status(world, call, items, errors)
    return each(world, call, items, errors, lambda item: _ACTIONS[action](world, call, item))


def _deployment(item: Item, action: str) -> Deployment:
    """The deployment of an item, or the refusal for types that do not roll."""
    found = item.source
    if isinstance(found, Deployment):
        return found
    if item.type.plural in ROLLED:
        access.demand("patch", item.type, item.name, item.namespace)
    nobody = f"no visitor method exists for {{ {item.type.kind}}}"
    words = {
        "undo": f'error: error retrieving rollbacker for "{item.type.kind}", {nobody}',
        "history": f'error: error retrieving history for "{item.type.kind}", {nobody}'
        if item.type.plural != "pods"
        else 'error: no history viewer has been implemented for "Pod"',
        "status": f"error: no status viewer has been implemented for {item.type.kind}",
    }
    other = f'error: {item.type.qualified} "{item.name}" {action} is not supported'
    raise Refused(words.get(action, other))


def _history(world: "World", call: Call, item: Item) -> str:
    if item.type.plural == "statefulsets":
        return f"{item.path} \nREVISION  CHANGE-CAUSE\n1         <none>\n\n"
    found = _deployment(item, "history")
    revisions = world.kubernetes.revisions(found.name)
    wanted = call.number("revision", 0)
    if wanted < 0:
        raise Refused(f"error: revision must be a positive integer: {wanted}")
    if not wanted:
        text = "REVISION\tCHANGE-CAUSE\n"
        text += "".join(f"{rs.revision}\t{rs.change_cause or '<none>'}\n" for rs in revisions)
        return f"{item.path} \n{elastic(text)}\n"
    for replicaset in revisions:
        if replicaset.revision == wanted:
            labels = {**found.labels, "pod-template-hash": replicaset.hash}
            body = pod_template_text(replicaset.template, labels, found)
            if replicaset.change_cause:
                cause = f"  Annotations:\tkubernetes.io/change-cause: {replicaset.change_cause}\n"
                body = body.replace("  Containers:\n", cause + "  Containers:\n", 1)
            return f"{item.path} with revision #{wanted}\n{body}\n"
    raise Refused("error: unable to find the specified revision")


def _undo(world: "World", call: Call, item: Item) -> str:
    found = _deployment(item, "undo")
    revision = call.number("to-revision", 0)
    dry, suffix = dry_run(call)
    if dry:
        template = _would_be(world, item, found, revision)
        return (f"{item.path} rolled back" if "server" in suffix else template) + suffix + "\n"
    try:
        number = controller.rollout_undo(world, found, revision)
    except controller.RollbackError as error:
        raise Refused(f"error: {error}") from None
    if number is None:
        shown = revision or found.revision
        return f"{item.path} skipped rollback (current template already matches revision {shown})\n"
    return f"{item.path} rolled back\n"


def _would_be(world: "World", item: Item, found: Deployment, revision: int) -> str:
    """The template that an undo would bring back, as a dry run shows it: without its columns aligned."""
    known = world.kubernetes.revisions(found.name)
    wanted = revision or max((rs.revision for rs in known if rs.revision < found.revision), default=0)
    for replicaset in known:
        if replicaset.revision == wanted:
            labels = {**found.labels, "pod-template-hash": replicaset.hash}
            return f"{item.path} {pod_template_text(replicaset.template, labels, found)}"
    problem = (
        f"unable to find specified revision {revision} in history"
        if revision
        else "no rollout history found for deployment " + f'"{found.name}"'
    )
    raise Refused(f"error: {problem}")


def _restart(world: "World", call: Call, item: Item) -> str:
    found = _deployment(item, "restarting")
    if found.strategy.paused:
        raise Refused(
            f'error: {item.type.qualified} "{item.name}" can\'t restart paused deployment (run rollout '
            "resume first)"
        )
    dry, suffix = dry_run(call)
    if not dry:
        controller.restart(world, found)
    return f"{item.path} restarted{suffix}\n"


def _pause(world: "World", call: Call, item: Item) -> str:
    found = _deployment(item, "pausing")
    if found.strategy.paused:
        raise Refused(f'error: {item.type.qualified} "{item.name}" is already paused')
    controller.set_paused(world, found, True)
    return f"{item.path} paused\n"


def _resume(world: "World", call: Call, item: Item) -> str:
    found = _deployment(item, "resuming")
    if not found.strategy.paused:
        raise Refused(f'error: {item.type.qualified} "{item.name}" is not paused')
    controller.set_paused(world, found, False)
    return f"{item.path} resumed\n"


_ACTIONS: dict[str, Callable[["World", Call, Item], str]] = {
    "history": _history,
    "undo": _undo,
    "restart": _restart,
    "pause": _pause,
    "resume": _resume,
}


def status_line(world: "World", found: Deployment) -> tuple[str, bool]:
    """One line of `rollout status` and whether it is the last. Raises Refused past the deadline."""
    name = found.name
    status = counts(world.kubernetes, found, world.now_s)
    if found.progress == "ProgressDeadlineExceeded":
        raise Refused(f'error: deployment "{name}" exceeded its progress deadline')
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if status.updated < status.desired:
        text = f"{status.updated} out of {status.desired} new replicas have been updated..."
        return waiting + text + "\n", False
    if status.total > status.updated:
        return waiting + f"{status.total - status.updated} old replicas are pending termination...\n", False
    if status.updated_available < status.updated:
        text = f"{status.updated_available} of {status.updated} updated replicas are available..."
        return waiting + text + "\n", False
    return f'deployment "{name}" successfully rolled out\n', True


def _status(world: "World", call: Call, items: list[Item], errors: list[str]) -> Reply:
    out, limit_s = "", world.now_s + world.patience_s
    for item in items:
        if item.type.plural == "statefulsets":
            raise Refused("error: rollout status is only available for RollingUpdate strategy type", out=out)
        _check_revision(call, item)
        try:
            lines, code = _follow(world, call, _deployment(item, "status"), limit_s)
        except Refused as problem:
            raise Refused(problem.message, problem.code, out + problem.out) from None
        out += lines
        if code:
            return Reply(out, "" if code == INTERRUPTED else TIMED_OUT + "\n", code)
    return Reply(out, "".join(error + "\n" for error in errors), 1 if errors else 0)


def _check_revision(call: Call, item: Item) -> None:
    wanted, running = call.number("revision", 0), getattr(item.source, "revision", 0)
    if wanted and wanted != running:
        raise Refused(
            f"error: desired revision ({wanted}) is different from the running revision ({running})"
        )


def _follow(world: "World", call: Call, found: Deployment, limit_s: float) -> tuple[str, int]:
    """Lines until the rollout is done, its --timeout, or the follow limit: (text, exit code)."""
    timeout_s = call.seconds("timeout", 0.0)
    until_s = min(limit_s, world.now_s + timeout_s) if timeout_s else limit_s
    out, done = status_line(world, found)
    if not call.on("watch", default=True):
        return out, 0
    seen = counts(world.kubernetes, found, world.now_s)
    while not done:
        if world.now_s >= until_s - 1e-9:
            return out, 1 if timeout_s and until_s < limit_s else INTERRUPTED
        before_s = world.now_s
        world.advance(min(STEP_S, until_s - world.now_s))
        if world.now_s <= before_s:
            return out, INTERRUPTED
        if found.name not in world.kubernetes.deployments:
            raise Refused("error: object has been deleted", 1, out)
        now = counts(world.kubernetes, found, world.now_s)
        try:
            line, done = status_line(world, found)
        except Refused as problem:
            raise Refused(problem.message, 1, out) from None
        if now != seen or done:
            out += line
        seen = now
    return out, 0


def run_wait(world: "World", call: Call) -> Reply:
    """`kubectl wait --for=condition=Available|Ready|delete|jsonpath=…`."""
    wanted = call.text("for")
    kind, _, rest = wanted.partition("=")
    if kind not in ("delete", "condition", "jsonpath", "create"):
        raise Refused(f'error: unrecognized condition: "{wanted}"')
    if len(call.args) == 1 and "/" not in call.args[0] and not call.on("all") and not call.text("selector"):
        raise Refused("error: resource(s) were provided, but no name was specified")
    items, errors = targets(world, call, "error: arguments in resource/name form must have a resource")
    if errors and kind == "delete":
        return Reply()
    if errors:
        return Reply("", errors[0] + "\n", 1)
    if not items:
        raise Refused("error: no matching resources found")
    limit_s = world.now_s + min(world.patience_s, call.seconds("timeout", 30.0))
    out = ""
    for item in items:
        while not _met(world, item, kind, rest):
            before_s = world.now_s
            world.advance(min(STEP_S, max(0.0, limit_s - world.now_s)))
            if world.now_s <= before_s:
                text = f"timed out waiting for the condition on {item.type.plural}/{item.name}"
                return Reply(out, f"error: {text}\n", 1)
        out += f"{item.path} {'deleted' if kind == 'delete' else 'condition met'}\n"
    return Reply(out)


def _met(world: "World", item: Item, kind: str, rest: str) -> bool:
    from simulator.kubernetes import jsonpath
    from simulator.kubernetes.resources import items

    now = [one for one in items(world, item.type, item.namespace or None) if one.name == item.name]
    if kind == "delete":
        return not any(one.source is item.source for one in now)
    if not now:
        return False
    if kind == "create":
        return True
    if kind == "condition":
        name, _, value = rest.partition("=")
        listed = (
            conditions(world, item.source)
            if isinstance(item.source, Deployment)
            else as_object(world, item).get("status", {}).get("conditions", [])
        )
        held = {c["type"].lower(): c["status"].lower() for c in listed}
        return held.get(name.lower()) == (value or "true").lower()
    path, _, value = rest.rpartition("=") if not rest.endswith("}") else (rest, "", "")
    try:
        found = jsonpath.select(jsonpath.path_tokens(jsonpath.relaxed(path)), [as_object(world, now[0])])
    except jsonpath.PathError as error:
        raise Refused(f"error: {error}") from None
    return bool(found) and (not value or jsonpath.render(found[0]) == value)
