"""`kubectl cordon`, `uncordon` and `drain`."""

from typing import TYPE_CHECKING

from simulator.kubernetes import budgets, controller, pods, selectors
from simulator.kubernetes.notes import say
from simulator.kubernetes.parse import SELECTED, Call, Refused
from simulator.kubernetes.resources import TYPES, find, items
from simulator.kubernetes.rollout import STEP_S, dry_run
from simulator.kubernetes.state import Node, Pod
from simulator.reply import Reply

if TYPE_CHECKING:
    from simulator.world import World

RETRY_S = 5.0  # kubectl drain asks again for an eviction that a budget refused


def _nodes(world: "World", call: Call) -> list[Node]:
    """The nodes of a call. Raises Refused."""
    kind = TYPES["nodes"]
    if call.text("selector") and call.args:
        raise Refused(SELECTED.format(call.verb))
    if call.text("selector"):
        terms = selectors.label_terms(call.text("selector"))
        return [one.source for one in items(world, kind, None) if selectors.matches(terms, one.labels)]
    if not call.args:
        verb = call.verb
        raise Refused(f"error: USAGE: {verb} NODE [flags]\nSee 'kubectl {verb} -h' for help and examples")
    names = [name.removeprefix("node/").removeprefix("nodes/") for name in call.args]
    return [find(world, kind, name, "").source for name in names]


def run_cordon(world: "World", call: Call) -> Reply:
    """`kubectl cordon` and `kubectl uncordon`."""
    closing = call.verb == "cordon"
    dry, suffix = dry_run(call)
    out = ""
    for node in _nodes(world, call):
        if node.unschedulable == closing:
            out += f"node/{node.name} already {call.verb}ed\n"
            continue
        out += f"node/{node.name} {call.verb}ed{suffix}\n"
        if not dry:
            node.unschedulable = closing
            if closing:
                say(world, "pod", "node_cordoned", node=node.name)
            else:
                pods.start_pending(world)
    return Reply(out)


def run_drain(world: "World", call: Call) -> Reply:
    """`kubectl drain`: cordon, evict, wait."""
    dry, suffix = dry_run(call)
    out = err = ""
    for node in _nodes(world, call):
        already = node.unschedulable
        out += f"node/{node.name} {'already ' if already else ''}cordoned{'' if already else suffix}\n"
        node.unschedulable = node.unschedulable or not dry
        system = [pod for pod in world.kubernetes.system_pods.values() if pod.node == node.name]
        daemons = sorted(f"{p.namespace}/{p.name}" for p in system if p.owner_kind == "DaemonSet")
        stay = [pod for pod in _on(world, node) if pod.owner_kind == "StatefulSet"]
        problems = []
        if daemons and not call.on("ignore-daemonsets"):
            hint = "(use --ignore-daemonsets to ignore)"
            problems.append(f"cannot delete DaemonSet-managed Pods {hint}: {', '.join(daemons)}")
        if problems:
            return _refuse(node, problems[0], out)
        if daemons:
            err += f"Warning: ignoring DaemonSet-managed Pods: {', '.join(daemons)}\n"
        if dry:
            out += f"node/{node.name} drained{suffix}\n"
            continue
        gone, text = _evict(world, call, node)
        out += text
        if stay:
            name = stay[0].name
            err += (
                f'error when evicting pods/"{name}" -n "{stay[0].namespace}" (will retry after 5s): Cannot '
                "evict pod as it would violate the pod's disruption budget.\n"
            )
        if stay or not gone:
            return Reply(out, err + "error: timed out waiting for the condition\n", 1)
        out += f"node/{node.name} drained\n"
        say(world, "pod", "node_drained", node=node.name)
    return Reply(out, err)


def _refuse(node: Node, why: str, out: str) -> Reply:
    err = f'error: unable to drain node "{node.name}" due to error: {why}, continuing command...\n'
    err += f"There are pending nodes to be drained:\n {node.name}\n{why}\n"
    return Reply(out, err, 1)


def _on(world: "World", node: Node) -> list[Pod]:
    return [pod for pod in world.kubernetes.pods.values() if pod.node == node.name and pod.active]


def _evict(world: "World", call: Call, node: Node) -> tuple[bool, str]:
    """Evict what moves and wait for it: (all gone, what is printed)."""
    leaving = [pod for pod in _on(world, node) if pod.owner_kind == "ReplicaSet"]
    asked_s = call.number("grace-period", -1)
    grace_s = asked_s if asked_s >= 0 else pods.GRACE_S
    out, waiting = "", list(leaving)
    until_s = world.now_s + min(world.patience_s, call.seconds("timeout", 0.0) or world.patience_s)
    retry_s = world.now_s
    while True:
        if waiting and world.now_s >= retry_s - 1e-9:
            waiting, text = _try(world, waiting, grace_s)
            out, retry_s = out + text, world.now_s + RETRY_S
        over = not waiting and all(pod.gone_s <= world.now_s for pod in leaving)
        before_s = world.now_s
        if over or world.now_s >= until_s - 1e-9:
            break
        world.advance(min(STEP_S, until_s - world.now_s))
        if world.now_s <= before_s:
            break
    gone = [pod for pod in leaving if pod.gone_s <= world.now_s]
    return len(gone) == len(leaving), out + "".join(f"pod/{pod.name} evicted\n" for pod in gone)


def _try(world: "World", waiting: list[Pod], grace_s: float) -> tuple[list[Pod], str]:
    """Ask for each eviction: (those a disruption budget refuses for now, what is printed)."""
    out, refused = "", []
    for pod in waiting:
        out += f"evicting pod {pod.namespace}/{pod.name}\n"
        if budgets.forbids(world, pod):
            refused.append(pod)
            out += f'error when evicting pods/"{pod.name}" -n "{pod.namespace}" (will retry after 5s): {budgets.REFUSED}\n'
            continue
        controller.delete_pod(world, pod, grace_s)
    return refused, out
