"""`kubectl logs`, `top` and `exec`: looking into pods."""

import math
from typing import TYPE_CHECKING

import re2

from simulator.engine import streams
from simulator.kubernetes import inside, selectors
from simulator.kubernetes import pods as lives
from simulator.kubernetes.layout import age, padded_table
from simulator.kubernetes.parse import Call, Refused
from simulator.kubernetes.parts import FIRMWARE_KI
from simulator.kubernetes.resources import TYPES, Item, find, items, namespace_of, request
from simulator.kubernetes.state import Node, Pod, cpu_m, memory_mi
from simulator.reply import Reply

if TYPE_CHECKING:
    from simulator.world import World

LOGS_USAGE = (
    "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required "
    "argument for the logs command\nSee 'kubectl logs -h' for help and examples"
)
METRICS_DELAY_S = 30.0  # metrics-server needs two scrapes of a pod, 15 s apart
SELECTED_TAIL = 10  # with a selector kubectl shows ten lines a pod unless told otherwise
MAX_LINES = 5000
STEP_S = 1.0
_RFC3339 = re2.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
_TOLD = re2.compile(r"^\[?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?")
SYSTEM = {  # what the cluster's own pods take: (millicores, MiB)
    "alertmanager": (3, 42), "coredns": (4, 28), "grafana": (9, 118), "kube-proxy": (2, 24), "metrics-server": (6, 31),
    "prometheus": (212, 1840),
}  # fmt: skip
BASE_MEMORY = 0.55  # of the limit: a warmed-up runtime without load


def _pod_of(world: "World", call: Call, word: str, usage: str) -> tuple[Pod, str]:
    """The pod a word names, and what kubectl says when it picked one of several. Raises Refused."""
    namespace = namespace_of(world, call)
    if "/" not in word:
        return find(world, TYPES["pods"], word, namespace).source, ""
    kind, name = request([word], usage).named[0]
    item = find(world, kind, name, namespace)
    if isinstance(item.source, Pod):
        return item.source, ""
    owned = _behind(world, item)
    if not owned:
        raise Refused("error: timed out waiting for the condition")
    ready = sorted(owned, key=lambda pod: (not pod.ready, pod.created_s, pod.name))
    note = f"Found {len(owned)} pods, using pod/{ready[0].name}\n" if len(owned) > 1 else ""
    return ready[0], note


def _behind(world: "World", item: Item) -> list[Pod]:
    """Active pods of a deployment, service, ReplicaSet or StatefulSet."""
    every = [pod for pod in world.kubernetes.pods.values() if pod.active]
    if item.type.plural == "replicasets":
        return [pod for pod in every if pod.owner == item.name]
    if item.type.plural in ("deployments", "services", "statefulsets", "endpoints"):
        return [pod for pod in every if pod.app == item.name]
    made = f"*{item.type.version}.{item.type.kind}"
    raise Refused(f"error: cannot get the logs from {made}: selector for {made} not implemented")


def run_logs(world: "World", call: Call) -> Reply:
    """`kubectl logs`; the lines themselves come from the telemetry room."""
    _check_logs(call)
    if call.text("selector"):
        terms, _ = selectors.server_terms(TYPES["pods"], call.text("selector"), "")
        found = items(world, TYPES["pods"], namespace_of(world, call))
        chosen = [one.source for one in found if selectors.matches(terms, one.labels)]
        if not chosen:
            where = namespace_of(world, call)
            return Reply(err=f"No resources found in {where} namespace.\n")
        limit = call.number("max-log-requests", 5)
        if call.on("follow") and len(chosen) > limit:
            raise Refused(
                f"error: you are attempting to follow {len(chosen)} log streams, but maximum allowed "
                f"concurrency is {limit}, use --max-log-requests to increase the limit"
            )
        return _print_logs(world, call, chosen, call.number("tail", SELECTED_TAIL), "")
    if not call.args:
        raise Refused(LOGS_USAGE)
    try:
        pod, note = _pod_of(world, call, call.args[0], LOGS_USAGE)
    except Refused as problem:
        raise _unfound(world, call, problem) from None
    container = call.text("container") or (call.args[1] if len(call.args) > 1 else "")
    if container not in ("", pod.template.container):
        raise Refused(f"{note}error: container {container[:100]} is not valid for pod {pod.name}")
    chosen = [pod]
    if call.on("all-pods") and note:
        chosen = [one for one in world.kubernetes.pods.values() if one.app == pod.app and one.active]
        note = ""
    return _print_logs(world, call, chosen, call.number("tail", -1), note)


def _check_logs(call: Call) -> None:
    """What kubectl looks at before it asks the server. Raises Refused."""
    if len(call.args) > 2:
        raise Refused(LOGS_USAGE)
    if call.text("selector") and call.args:
        raise Refused(
            "error: only a selector (-l) or a POD name is allowed\nSee 'kubectl logs -h' for help and examples"
        )
    if call.given("since-time") and not _RFC3339.match(call.text("since-time")):
        raise Refused(
            f'error: parsing time "{call.text("since-time")[:60]}" as "2006-01-02T15:04:05Z07:00": cannot parse '
            f'"{call.text("since-time")[:60]}" as "2006"'
        )
    if call.number("limit-bytes", 1) < 1:
        raise Refused("error: --limit-bytes must be greater than 0")
    if call.number("tail", -1) < -1:
        raise Refused("error: --tail must be greater than or equal to -1")


def _unfound(world: "World", call: Call, problem: Refused) -> Refused:
    """`logs` tells of what is missing in words of its own."""
    said = problem.message.removeprefix("Error from server (NotFound): ")
    if said == problem.message:
        return problem
    return Refused(f'error: error from server (NotFound): {said} in namespace "{namespace_of(world, call)}"')


def _print_logs(world: "World", call: Call, chosen: list[Pod], tail: int, note: str) -> Reply:
    from simulator.telemetry import logs

    out, previous = "", call.on("previous")
    for pod in chosen:
        _check_started(world, pod, previous)
        since_s = _since(world, call)
        lines = logs.pod_lines(world, pod.name, since_s, tail if tail >= 0 else None, previous)
        out += _lines(call, pod, lines[-MAX_LINES:])
    if not call.on("follow"):
        return Reply(out, note)
    until_s = world.now_s + world.follow_limit_s
    while world.now_s < until_s - 1e-9:
        before_s = world.now_s
        world.advance(min(STEP_S, until_s - world.now_s))
        passed_s = world.now_s - before_s
        if passed_s <= 0:
            break
        for pod in chosen:
            if pod.gone_s > before_s:
                out += _lines(call, pod, logs.pod_lines(world, pod.name, passed_s, None, False))
    return Reply(out, note)


def _since(world: "World", call: Call) -> float | None:
    """How far back, in seconds. Raises Refused."""
    if call.given("since") and call.given("since-time"):
        raise Refused("error: at most one of `sinceTime` or `sinceSeconds` may be specified")
    if call.given("since"):
        seconds = call.seconds("since", 0.0)
        if seconds <= 0:
            raise Refused("error: --since must be greater than 0")
        return seconds
    if call.given("since-time"):
        from datetime import UTC, datetime

        try:
            moment = datetime.fromisoformat(call.text("since-time").replace("Z", "+00:00"))
        except ValueError:
            raise Refused(f'error: parsing time "{call.text("since-time")[:60]}": day out of range') from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (world.at(world.now_s) - moment).total_seconds())
    return None


def _lines(call: Call, pod: Pod, lines: list[str]) -> str:
    prefix = f"[pod/{pod.name}/{pod.template.container}] " if call.on("prefix") else ""
    if call.on("timestamps"):
        lines = [_stamped(line) for line in lines]
    if call.given("limit-bytes"):
        text = "".join(line + "\n" for line in lines).encode()[: call.number("limit-bytes", 0)]
        return prefix + text.decode("utf-8", "ignore")
    return "".join(prefix + line + "\n" for line in lines)


def _stamped(line: str) -> str:
    """With the container runtime's own time before it, when the line tells one."""
    found = _TOLD.match(line)
    if found is None:
        return line
    return f"{found[1]}T{found[2]}.{(found[3] or ''):0<9}Z {line}"


def _check_started(world: "World", pod: Pod, previous: bool) -> None:
    box = f'container "{pod.template.container}" in pod "{pod.name}"'
    if previous and not pod.restarts:
        raise Refused(
            "Error from server (BadRequest): previous terminated "
            f'container "{pod.template.container}" in pod "{pod.name}" not found'
        )
    if world.now_s < pod.started_s:
        shown = lives.status(pod, world.now_s)
        why = f"waiting to start: {shown}"
        if shown in ("ErrImagePull", "ImagePullBackOff"):
            why = "waiting to start: trying and failing to pull image"
        raise Refused(f"Error from server (BadRequest): {box} is {why}")


def pod_usage(world: "World", pod: Pod) -> tuple[int, int]:
    """(millicores, MiB) a pod uses now: load from the data plane, a steady wobble of its own."""
    step = int(world.now_s // 15)
    key = streams.key_of(world.kubernetes.seed, "usage", pod.name)
    wobble = 0.94 + 0.12 * streams.uniform(key, step)
    if pod.name in world.kubernetes.system_pods and pod.app in SYSTEM:
        return max(1, round(SYSTEM[pod.app][0] * wobble)), round(SYSTEM[pod.app][1] * wobble)
    limit_m, limit_mi = cpu_m(pod.template.cpu_limit), memory_mi(pod.template.memory_limit)
    deployment = world.kubernetes.deployments.get(pod.app)
    share, held = 0.04, 0.0
    if pod.owner_kind == "StatefulSet" and pod.app in world.scenario.databases():
        if world.scenario.databases()[pod.app].shards > 1:
            share = world.plane.history.last(f"db/{pod.name}/cpu")
        else:  # the first member is the primary; the standby only replays
            share = world.plane.database(pod.app).cpu if pod.name.endswith("-0") else 0.06
    elif deployment is not None and deployment.routed and pod.ready:
        group = world.plane.group(pod.app, pod.version)
        share = group.cpu_share
        held = min(1.0, group.in_flight / max(1, group.pods * group.limit_per_pod))
    elif deployment is not None and deployment.routed:
        share = 0.6  # a runtime warming up
    millicores = max(1, math.ceil(min(1.0, share * wobble) * limit_m))
    steady = 0.97 + 0.06 * streams.uniform(key)
    return millicores, max(1, round(limit_mi * min(0.98, (BASE_MEMORY + 0.2 * held) * steady)))


def is_measured(world: "World", pod: Pod) -> bool:
    """Whether the metrics server knows a pod already."""
    return world.now_s - pod.started_s >= METRICS_DELAY_S


def run_top(world: "World", call: Call) -> Reply:
    """`kubectl top pods` and `top nodes`."""
    order = call.text("sort-by")
    if order not in ("", "cpu", "memory"):
        raise Refused("error: --sort-by accepts only cpu or memory")
    return _top_nodes(world, call, order) if call.verb == "top nodes" else _top_pods(world, call, order)


def _top_pods(world: "World", call: Call, order: str) -> Reply:
    everywhere = call.on("all-namespaces")
    namespace = namespace_of(world, call)
    terms = selectors.label_terms(call.text("selector"))
    found = items(world, TYPES["pods"], None if everywhere else namespace)
    if call.args and call.text("selector"):
        raise Refused("error: only one of NAME or selector can be provided")
    if call.args:
        name = call.args[0]
        found = [find(world, TYPES["pods"], name, namespace)]
    chosen = [one.source for one in found if selectors.matches(terms, one.labels)]
    if not chosen:
        where = "" if everywhere else f" in {namespace} namespace."
        return Reply(err=f"No resources found{where}\n")
    young = [pod for pod in chosen if not is_measured(world, pod)]
    measured = [(pod, *pod_usage(world, pod)) for pod in chosen if pod not in young]
    if not measured:
        pod = young[0]
        shown = age(max(0.0, world.now_s - pod.created_s))
        raise Refused(f"error: Metrics not available for pod {pod.namespace}/{pod.name}, age: {shown}")
    if order:
        column = 1 if order == "cpu" else 2
        measured.sort(key=lambda row: (-row[column], row[0].name))
    with_containers = call.on("containers")
    head = (["POD", "NAME"] if with_containers else ["NAME"]) + ["CPU(cores)", "MEMORY(bytes)"]
    rows = [] if call.on("no-headers") else [(["NAMESPACE"] if everywhere else []) + head]
    for pod, millicores, mebibytes in measured:
        names = [pod.name, pod.template.container] if with_containers else [pod.name]
        front = [pod.namespace] if everywhere else []
        rows.append([*front, *names, f"{millicores}m", f"{mebibytes}Mi"])
    out = padded_table(rows)
    if call.on("sum"):
        lead = [""] * (len(rows[0]) - 3)
        sums = [f"{sum(r[1] for r in measured)}m", f"{sum(r[2] for r in measured)}Mi"]
        marks = ["________" for _ in sums]
        out = padded_table([*rows, [*lead, "", *marks], [*lead, "", *sums]])
    return Reply(out)


def _top_nodes(world: "World", call: Call, order: str) -> Reply:
    terms = selectors.label_terms(call.text("selector"))
    kind = TYPES["nodes"]
    found = [find(world, kind, call.args[0], "")] if call.args else items(world, kind, None)
    rows: list[tuple[Node, int, int]] = []
    for one in found:
        if selectors.matches(terms, one.labels):
            node: Node = one.source
            millicores, mebibytes = node_usage(world, node)
            rows.append((node, millicores, mebibytes))
    if not rows:
        return Reply(err="No resources found\n")
    if order:
        rows.sort(key=lambda row: (-row[1] if order == "cpu" else -row[2], row[0].name))
    head = ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]
    cells = [] if call.on("no-headers") else [head]
    for node, millicores, mebibytes in rows:
        shares = [
            100 * millicores // node.cpu_m,
            100 * mebibytes * 1024 // (node.memory_mi * 1024 - FIRMWARE_KI),
        ]
        cells.append([node.name, f"{millicores}m", f"{shares[0]}%", f"{mebibytes}Mi", f"{shares[1]}%"])
    return Reply(padded_table(cells))


def node_usage(world: "World", node: Node) -> tuple[int, int]:
    """(millicores, MiB) on a node: its pods, and what the system itself takes."""
    every = world.kubernetes.pods.values()
    used = [pod_usage(world, p) for p in every if p.node == node.name and p.started_s <= world.now_s]
    return min(node.cpu_m, 180 + sum(u[0] for u in used)), 2100 + sum(u[1] for u in used)


# Tools that images carry and other rooms play: name to the module that exports TOOLS.
NO_DASHES = (
    "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\n"
    "See 'kubectl exec -h' for help and examples"
)


def run_exec(world: "World", call: Call) -> Reply:
    """`kubectl exec`: a handful of harmless commands inside a pod."""
    if not call.args:
        raise Refused("error: pod, type/name or --filename must be specified")
    if len(call.args) > 1 and not call.dashes:
        raise Refused(NO_DASHES)
    command = call.command
    if not command:
        raise Refused("error: you must specify at least one command for the container")
    pod, _ = _pod_of(world, call, call.args[0], "error: pod, type/name or --filename must be specified")
    if pod.namespace != world.kubernetes.namespace:
        raise Refused(
            f'Error from server (Forbidden): pods "{pod.name}" is forbidden: User "oncall" cannot create '
            f'resource "pods/exec" in API group "" in the namespace "{pod.namespace}"'
        )
    if call.text("container") not in ("", pod.template.container):
        raise Refused(f"error: container {call.text('container')[:100]} is not valid for pod {pod.name}")
    if world.now_s < pod.started_s:
        raise Refused(
            f'error: Internal error occurred: unable to upgrade connection: container not found ("'
            f'{pod.template.container}")'
        )
    return inside.run(world, pod, command, call.stdin if call.on("stdin") else "")
