"""`kubectl describe`: one function a type, laid out by the elastic tabs of the real tool."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.kubernetes import budgets, describe_more
from simulator.kubernetes import pods as lives
from simulator.kubernetes.events import visible
from simulator.kubernetes.get import collect, nothing_found
from simulator.kubernetes.layout import age, elastic, long_stamp, since
from simulator.kubernetes.parse import Call
from simulator.kubernetes.parts import (
    conditions,
    container_ids,
    container_state,
    endpoint_pods,
    former,
    hpa_conditions,
    memory_of,
    node_conditions,
    node_info,
    pod_conditions,
)
from simulator.kubernetes.resources import NAMESPACES, Item, request
from simulator.kubernetes.state import (
    Autoscaler,
    Deployment,
    Node,
    Pod,
    ReplicaSet,
    Template,
    counts,
    cpu_m,
    current_replicaset,
    memory_mi,
)
from simulator.kubernetes.yamltext import dump
from simulator.reply import Reply
from simulator.scenario import Probe

if TYPE_CHECKING:
    from simulator.world import World

MISSING = (
    "error: You must specify the type of resource to describe. "
    'Use "kubectl api-resources" for a complete list of supported resources.'
)


def run_describe(world: "World", call: Call) -> Reply:
    """`kubectl describe`; a name that is none may be a prefix, as with the real tool."""
    asked = request(call.args, MISSING)
    found = collect(world, call, asked)
    every = list(found.every)
    errors = []
    if found.errors:
        namespace_call = Call(call.verb, flags={k: v for k, v in call.flags.items() if k != "selector"})
        for kind, name in asked.named:
            if any(item.type == kind and item.name == name for item in every):
                continue
            whole = collect(world, namespace_call, request([kind.plural], MISSING)).every
            near = [item for item in whole if item.name.startswith(name)]
            every += near
            if not near:
                errors += [text for text in found.errors if f'"{name}"' in text and kind.qualified in text]
    if errors and not every:
        errors = _nowhere(world, call) or errors
    if not every and not errors:
        return Reply(err=nothing_found(world, call, asked))
    show = call.on("show-events", default=True)
    text = "\n\n".join(_describe(world, item, show) for item in every)
    return Reply(text, "".join(line + "\n" for line in errors), 1 if errors else 0)


def _nowhere(world: "World", call: Call) -> list[str]:
    """The complaint about a namespace that there is not; it comes instead of the one about the object."""
    name = call.text("namespace")
    if not name or call.on("all-namespaces") or name in (*NAMESPACES, world.kubernetes.namespace):
        return []
    return [f'Error from server (NotFound): namespaces "{name[:100]}" not found']


def _describe(world: "World", item: Item, show_events: bool) -> str:
    make = _MAKERS.get(item.type.plural, _plain)
    text = make(world, item)
    if show_events and item.type.plural in _EVENTFUL:
        text += _events(world, (item.type.kind, item.name))
    return elastic(text)


def _mapping(title: str, pairs: dict[str, str]) -> str:
    """`Labels:\\ta=b` with further pairs below each other."""
    if not pairs:
        return f"{title}:\t<none>\n"
    lines = [f"{key}={value}" for key, value in sorted(pairs.items())]
    return f"{title}:\t" + "\n\t".join(lines) + "\n"


def _annotations(pairs: dict[str, str]) -> str:
    if not pairs:
        return "Annotations:\t<none>\n"
    return "Annotations:\t" + "\n\t".join(f"{k}: {v}" for k, v in sorted(pairs.items())) + "\n"


def _when(world: "World", seconds: float) -> str:
    return long_stamp(world.at(seconds))


def _events(world: "World", about: tuple[str, str]) -> str:
    """The Events block, oldest first."""
    found = visible(world.kubernetes, world.now_s, about)
    if not found:
        return "Events:\t<none>\n"
    text = "Events:\n  Type\tReason\tAge\tFrom\tMessage\n  ----\t------\t----\t----\t-------\n"
    for event in sorted(found, key=lambda event: event.seen(world.now_s)[0]):
        last_s, times = event.seen(world.now_s)
        when = since(world, last_s)
        if times > 1:
            when = f"{when} (x{times} over {since(world, event.first_s)})"
        text += f"  {event.type}\t{event.reason}\t{when}\t{event.source}\t{event.message}\n"
    return text


def _probe(probe: Probe, port: int) -> str:
    return (
        f"http-get http://:{port}{probe.path} delay={probe.initial_delay_s:.0f}s "
        f"timeout={probe.timeout_s:.0f}s period={probe.period_s:.0f}s "
        f"#success=1 #failure={probe.failure_threshold}"
    )


def _resources(template: Template, pad: str) -> str:
    return (
        f"{pad}Limits:\n{pad}  cpu:\t{template.cpu_limit}\n{pad}  memory:\t{template.memory_limit}\n"
        f"{pad}Requests:\n{pad}  cpu:\t{template.cpu_request}\n{pad}  memory:\t{template.memory_request}\n"
    )


def _probes(deployment: Deployment | None, pad: str, port: int) -> str:
    text = ""
    if deployment is not None and deployment.liveness is not None:
        text += f"{pad}Liveness:\t{_probe(deployment.liveness, port)}\n"
    if deployment is not None and deployment.readiness is not None:
        text += f"{pad}Readiness:\t{_probe(deployment.readiness, port)}\n"
    return text


def _environment(template: Template, pad: str) -> str:
    if not template.env:
        return f"{pad}Environment:\t<none>\n"
    return f"{pad}Environment:\n" + "".join(f"{pad}  {name}:\t{value}\n" for name, value in template.env)


def _pod(world: "World", item: Item) -> str:
    pod: Pod = item.source
    deployment = world.kubernetes.deployments.get(pod.app)
    node = world.kubernetes.nodes.get(pod.node)
    text = f"Name:\t{pod.name}\nNamespace:\t{pod.namespace}\nPriority:\t0\nService Account:\tdefault\n"
    text += f"Node:\t{pod.node}/{node.internal_ip}\n" if node else "Node:\t<none>\n"
    if pod.node:
        text += f"Start Time:\t{_when(world, pod.created_s)}\n"
    text += _mapping("Labels", pod.labels)
    restarted = pod.template.restarted_at
    text += _annotations({"kubectl.kubernetes.io/restartedAt": restarted} if restarted else {})
    if pod.deleted_s is not None:
        lasts = age(world.now_s - pod.deleted_s - lives.GRACE_S)  # "<invalid>" until the grace is over
        text += f"Status:\tTerminating (lasts {lasts})\nTermination Grace Period:\t30s\n"
    else:
        text += f"Status:\t{lives.phase(pod, world.now_s)}\n"
    text += f"IP:\t{pod.ip}\nIPs:\n  IP:\t{pod.ip}\n" if pod.ip else "IP:\t\nIPs:\t<none>\n"
    text += (f"Controlled By:\t{pod.owner_kind}/{pod.owner}\n" if pod.owner else "") + "Containers:\n"
    text += _pod_container(world, pod, deployment)
    text += "Conditions:\n  Type\tStatus\n"
    for kind, holds in pod_conditions(pod):
        text += f"  {kind} \t{holds} \n"
    text += "Volumes:\t<none>\nQoS Class:\tBurstable\nNode-Selectors:\t<none>\n"
    text += "Tolerations:\tnode.kubernetes.io/not-ready:NoExecute op=Exists for 300s\n"
    return text + "\tnode.kubernetes.io/unreachable:NoExecute op=Exists for 300s\n"


def _pod_container(world: "World", pod: Pod, deployment: Deployment | None) -> str:
    template = pod.template
    container, image = container_ids(world, pod)
    text = f"  {template.container}:\n    Container ID:\t{container}\n"
    text += f"    Image:\t{template.image}\n    Image ID:\t{image}\n"
    text += f"    Port:\t{template.port}/TCP\n    Host Port:\t0/TCP\n"
    state: dict[str, Any] = container_state(world, pod)
    if "running" in state:
        text += f"    State:\tRunning\n      Started:\t{_when(world, pod.since_s)}\n"
    else:
        text += f"    State:\tWaiting\n      Reason:\t{state['waiting']['reason']}\n"
    if pod.restarts:
        was = former(pod)
        text += f"    Last State:\tTerminated\n      Reason:\tError\n      Exit Code:\t{was.code}\n"
        text += f"      Started:\t{_when(world, was.began_s)}\n"
        text += f"      Finished:\t{_when(world, was.ended_s)}\n"
    text += f"    Ready:\t{pod.ready}\n    Restart Count:\t{pod.restarts}\n"
    text += _resources(template, "    ") + _probes(deployment, "    ", template.port)
    return text + _environment(template, "    ") + "    Mounts:\t<none>\n"


def pod_template_text(template: Template, labels: dict[str, str], deployment: Deployment | None) -> str:
    shown = "\n\t".join(f"{key}={value}" for key, value in sorted(labels.items()))
    text = f"Pod Template:\n  Labels:\t{shown}\n"
    if template.restarted_at:
        text += f"  Annotations:\tkubectl.kubernetes.io/restartedAt: {template.restarted_at}\n"
    text += f"  Containers:\n   {template.container}:\n    Image:\t{template.image}\n"
    text += f"    Port:\t{template.port}/TCP\n    Host Port:\t0/TCP\n"
    text += _resources(template, "    ") + _probes(deployment, "    ", template.port)
    text += _environment(template, "    ") + "    Mounts:\t<none>\n"
    return text + "  Volumes:\t<none>\n  Node-Selectors:\t<none>\n  Tolerations:\t<none>\n"


def _deployment(world: "World", item: Item) -> str:
    found: Deployment = item.source
    status, strategy = counts(world.kubernetes, found, world.now_s), found.strategy
    notes = {"deployment.kubernetes.io/revision": str(found.revision)}
    if found.change_cause:
        notes["kubernetes.io/change-cause"] = found.change_cause
    text = f"Name:\t{found.name}\nNamespace:\t{item.namespace}\n"
    text += f"CreationTimestamp:\t{_when(world, found.created_s)}\n"
    text += _mapping("Labels", found.labels) + _annotations(notes) + f"Selector:\tapp={found.name}\n"
    text += (
        f"Replicas:\t{status.desired} desired | {status.updated} updated | {status.total} total | "
        f"{status.available} available | {status.unavailable} unavailable\n"
    )
    text += f"StrategyType:\t{strategy.kind}\nMinReadySeconds:\t{strategy.min_ready_s:.0f}\n"
    if strategy.kind == "RollingUpdate":
        limits = f"{strategy.max_unavailable} max unavailable, {strategy.max_surge} max surge"
        text += f"RollingUpdateStrategy:\t{limits}\n"
    text += pod_template_text(found.template, found.labels, found)
    text += "Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------\n"
    for condition in conditions(world, found):
        text += f"  {condition['type']} \t{condition['status']}\t{condition['reason']}\n"
    return text + _sets_of(world, found)


def _sets_of(world: "World", found: Deployment) -> str:
    cluster = world.kubernetes
    new = current_replicaset(cluster, found)

    def shown(replicaset: ReplicaSet) -> str:
        made = len(cluster.owned(replicaset.name))
        return f"{replicaset.name} ({made}/{replicaset.replicas} replicas created)"

    olds = ", ".join(shown(rs) for rs in cluster.revisions(found.name) if rs is not new)
    newest = shown(new) if new else "<none>"
    return f"OldReplicaSets:\t{olds or '<none>'}\nNewReplicaSet:\t{newest}\n"


def _replicaset(world: "World", item: Item) -> str:
    found: ReplicaSet = item.source
    owned = world.kubernetes.owned(found.name)
    every = [pod for pod in world.kubernetes.pods.values() if pod.owner == found.name]
    running = sum(lives.phase(pod, world.now_s) == "Running" for pod in every)
    text = f"Name:\t{found.name}\nNamespace:\t{item.namespace}\n"
    text += f"Selector:\tapp={found.deployment},pod-template-hash={found.hash}\n"
    notes = {
        "deployment.kubernetes.io/desired-replicas": str(found.desired),
        "deployment.kubernetes.io/max-replicas": str(found.ceiling),
        "deployment.kubernetes.io/revision": str(found.revision),
    }
    if found.earlier:
        notes["deployment.kubernetes.io/revision-history"] = ",".join(map(str, found.earlier))
    if found.change_cause:
        notes["kubernetes.io/change-cause"] = found.change_cause
    text += _mapping("Labels", item.labels) + _annotations(notes)
    text += f"Controlled By:\tDeployment/{found.deployment}\n"
    text += f"Replicas:\t{len(owned)} current / {found.replicas} desired\n"
    waiting = len(every) - running  # pods on their way out still count here
    text += f"Pods Status:\t{running} Running / {waiting} Waiting / 0 Succeeded / 0 Failed\n"
    deployment = world.kubernetes.deployments.get(found.deployment)
    return text + pod_template_text(found.template, item.labels, deployment)


def _service(world: "World", item: Item) -> str:
    found = item.source
    ready, _ = endpoint_pods(world, found.name)
    shown = ",".join(f"{pod.ip}:{found.target_port}" for pod in ready[:3])
    more = f" + {len(ready) - 3} more..." if len(ready) > 3 else ""
    return (
        f"Name:\t{found.name}\nNamespace:\t{item.namespace}\n"
        + _mapping("Labels", found.labels)
        + "Annotations:\t<none>\n"
        + f"Selector:\tapp={found.name}\nType:\tClusterIP\nIP Family Policy:\tSingleStack\n"
        + f"IP Families:\tIPv4\nIP:\t{found.cluster_ip}\nIPs:\t{found.cluster_ip}\n"
        + f"Port:\thttp  {found.port}/TCP\nTargetPort:\t{found.target_port}/TCP\n"
        + f"Endpoints:\t{shown}{more}\nSession Affinity:\tNone\nInternal Traffic Policy:\tCluster\n"
    )


def _endpoints(world: "World", item: Item) -> str:
    ready, waiting = endpoint_pods(world, item.name)
    shown = [",".join(pod.ip for pod in some) or "<none>" for some in (ready, waiting)]
    text = f"Name:\t{item.name}\nNamespace:\t{item.namespace}\n" + _mapping("Labels", item.labels)
    text += f"Annotations:\t<none>\nSubsets:\n  Addresses:\t{shown[0]}\n  NotReadyAddresses:\t{shown[1]}\n"
    text += "  Ports:\n    Name\tPort\tProtocol\n    ----\t----\t--------\n"
    return text + f"    http\t{item.source.target_port}\tTCP\n\n"


def _autoscaler(world: "World", item: Item) -> str:
    found: Autoscaler = item.source
    deployment = world.kubernetes.deployments.get(found.deployment)
    current = deployment.replicas if deployment else 0
    usage = "<unknown>" if found.percent is None else f"{found.percent}% ({found.usage_m}m)"
    text = f"Name:\t{found.name}\nNamespace:\t{item.namespace}\nLabels:\t<none>\nAnnotations:\t<none>\n"
    text += f"CreationTimestamp:\t{_when(world, found.created_s)}\n"
    text += f"Reference:\tDeployment/{found.deployment}\nMetrics:\t( current / target )\n"
    text += f"  resource cpu on pods  (as a percentage of request):\t{usage} / {found.target}%\n"
    text += f"Min replicas:\t{found.minimum}\nMax replicas:\t{found.maximum}\n"
    text += f"Deployment pods:\t{current} current / {found.desired} desired\n"
    text += "Conditions:\n  Type\tStatus\tReason\tMessage\n  ----\t------\t------\t-------\n"
    for kind, status, reason, message in hpa_conditions(found):
        text += f"  {kind}\t{status}\t{reason}\t{message}\n"
    return text


def _node(world: "World", item: Item) -> str:
    node: Node = item.source
    cluster = world.kubernetes
    here = [p for p in (*cluster.pods.values(), *cluster.system_pods.values()) if p.node == node.name]
    text = f"Name:\t{node.name}\nRoles:\t<none>\n" + _mapping("Labels", item.labels)
    text += f"Annotations:\t<none>\nCreationTimestamp:\t{_when(world, node.created_s)}\n"
    taints = [f"{key}{'=' + value if value else ''}:{effect}" for key, value, effect in node.all_taints()]
    taint = "\n\t".join(taints) or "<none>"
    text += f"Taints:\t{taint}\nUnschedulable:\t{str(node.unschedulable).lower()}\n"
    text += f"Lease:\n  HolderIdentity:\t{node.name}\n  AcquireTime:\t<unset>\n"
    text += f"  RenewTime:\t{_when(world, world.now_s)}\n"
    heads = ["Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message"]
    marks = ["-" * len(head) for head in heads]
    text += "Conditions:\n" + "".join("  " + "\t".join(cells) + "\n" for cells in (heads, marks))
    beat = _when(world, world.now_s if node.down_s is None else node.down_s)
    since = _when(world, node.changed_s or node.created_s)
    for c in node_conditions(node):
        text += f"  {c['type']} \t{c['status']} \t{beat} \t{since} \t{c['reason']} \t{c['message']}\n"
    text += f"Addresses:\n  InternalIP:\t{node.internal_ip}\n  Hostname:\t{node.name}\n"
    for title in ("Capacity", "Allocatable"):
        text += f"{title}:\n  cpu:\t{node.cpu_m // 1000}\n  memory:\t{memory_of(node)}\n"
        text += f"  pods:\t{node.max_pods}\n"
    names = "Machine ID:machineID|System UUID:systemUUID|Boot ID:bootID|Kernel Version:kernelVersion|"
    names += "OS Image:osImage|Operating System:operatingSystem|Architecture:architecture|"
    names += "Container Runtime Version:containerRuntimeVersion|Kubelet Version:kubeletVersion|"
    info = node_info(world, node)
    text += "System Info:\n"
    for title, _, key in (
        name.partition(":") for name in (names + "Kube-Proxy Version:kubeProxyVersion").split("|")
    ):
        text += f"  {title}:\t{info[key]}\n"
    text += f"PodCIDR:\t10.244.{node.index}.0/24\n"
    return text + _node_pods(world, node, here)


def _node_pods(world: "World", node: Node, here: list[Pod]) -> str:
    text = f"Non-terminated Pods:\t({len(here)} in total)\n"
    heads = "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge"
    marks = "---------\t----\t\t------------\t----------\t---------------\t-------------\t---"
    text += f"  {heads}\n  {marks}\n"
    for pod in sorted(here, key=lambda pod: (pod.namespace, pod.name)):
        t = pod.template
        cells = [f"{q} {describe_more.share(cpu_m(q), node.cpu_m)}" for q in (t.cpu_request, t.cpu_limit)]
        cells += [
            f"{q} {describe_more.memory_share(memory_mi(q), node)}"
            for q in (t.memory_request, t.memory_limit)
        ]
        text += f"  {pod.namespace}\t{pod.name}\t\t" + "\t".join(cells)
        text += f"\t{since(world, pod.created_s)}\n"
    return text + describe_more.allocated(node, here)


def _budget(world: "World", item: Item) -> str:
    found: Deployment = item.source
    healthy, wanted, total = budgets.status(world, found)
    text = f"Name:\t{found.name}\nNamespace:\t{item.namespace}\nMin available:\t{found.min_available}\n"
    text += (
        f"Selector:\tapp={found.name}\nStatus:\n    Allowed disruptions:\t{budgets.allowed(world, found)}\n"
    )
    text += f"    Current:\t{healthy}\n    Desired:\t{wanted}\n    Total:\t{total}\n"
    return text


def _configmap(world: "World", item: Item) -> str:
    text = f"Name:\t{item.name}\nNamespace:\t{item.namespace}\n"
    text += "Labels:\t<none>\nAnnotations:\t<none>\n\nData\n====\n"
    for key, value in sorted(item.source.data.items()):
        text += f"{key}:\n----\n{value}\n\n"
    return text + "\nBinaryData\n====\n\n"


def _statefulset(world: "World", item: Item) -> str:
    found = item.source
    ready = sum(pod.ready for pod in world.kubernetes.owned(found.name))
    text = f"Name:\t{found.name}\nNamespace:\t{item.namespace}\n"
    text += f"CreationTimestamp:\t{_when(world, found.created_s)}\nSelector:\tapp={found.name}\n"
    text += _mapping("Labels", found.labels) + "Annotations:\t<none>\n"
    text += f"Replicas:\t{found.replicas} desired | {found.replicas} total\nUpdate Strategy:\tOnDelete\n"
    text += f"Pods Status:\t{ready} Running / {found.replicas - ready} Waiting / 0 Succeeded / 0 Failed\n"
    text += pod_template_text(found.template, found.labels, None)
    return text + (
        "Volume Claims:\n  Name:\tdata\n  StorageClass:\tfast-ssd\n  Labels:\t<none>\n"
        f"  Annotations:\t<none>\n  Capacity:\t{found.storage}\n  Access Modes:\t[ReadWriteOnce]\n"
    )


def _plain(world: "World", item: Item) -> str:
    """Types without a page of their own: name, then what the API has."""
    from simulator.kubernetes.objects import as_object

    body = as_object(world, item)
    rest = {key: value for key, value in body.items() if key not in ("apiVersion", "kind", "metadata")}
    text = f"Name:\t{item.name}\n"
    if item.namespace:
        text += f"Namespace:\t{item.namespace}\n"
    text += _mapping("Labels", item.labels) + "Annotations:\t<none>\n"
    return text + (dump(rest) if rest else "")


_MAKERS: dict[str, Callable[["World", Item], str]] = {
    "configmaps": _configmap,
    "deployments": _deployment,
    "endpoints": _endpoints,
    "horizontalpodautoscalers": _autoscaler,
    "nodes": _node,
    "poddisruptionbudgets": _budget,
    "pods": _pod,
    "replicasets": _replicaset,
    "services": _service,
    "statefulsets": _statefulset,
    "ingresses": describe_more.ingress,
    "persistentvolumeclaims": describe_more.claim,
    "namespaces": describe_more.namespace,
    "secrets": describe_more.secret,
}
_EVENTFUL = tuple(name for name in _MAKERS if name not in ("namespaces", "secrets"))
