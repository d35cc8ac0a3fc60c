"""What the cluster holds, as plain data. No behaviour in time lives here: that is the controllers'.

Times are simulated seconds since the scenario's start; what is older than the scenario has a
negative time.
"""

import math
from dataclasses import dataclass, field

from simulator.plain import twin
from simulator.scenario import Probe, Scenario

NEVER = math.inf


@dataclass
class Node:
    """A machine of one data centre; `requested_m` and `pods` are what is scheduled on it now."""

    name: str
    zone: str
    index: int  # third octet of its pod network
    internal_ip: str
    created_s: float
    cpu_m: int = 16_000
    memory_mi: int = 65_536
    max_pods: int = 110  # the kubelet's default
    unschedulable: bool = False
    ready: bool = True  # the API server's view: False once it has not heard of the kubelet for a while
    down_s: float | None = None  # since when the machine is really dead
    changed_s: float = 0.0  # when `ready` last changed; 0: never
    taints: dict[tuple[str, str], str] = field(default_factory=dict)  # (key, effect): value
    requested_m: int = 0
    pods: int = 0
    addresses: int = 1  # pod addresses handed out

    @property
    def open(self) -> bool:
        """Whether the scheduler puts new pods here: no pod of ours tolerates a taint."""
        return (
            self.ready and not self.unschedulable and not any(e != "PreferNoSchedule" for _, e in self.taints)
        )

    def all_taints(self) -> list[tuple[str, str, str]]:
        """(key, value, effect), those of the node's state included, in kubectl's order."""
        found = [(key, value, effect) for (key, effect), value in self.taints.items()]
        if not self.ready:
            found.append(("node.kubernetes.io/unreachable", "", "NoExecute"))
            found.append(("node.kubernetes.io/unreachable", "", "NoSchedule"))
        if self.unschedulable:
            found.append(("node.kubernetes.io/unschedulable", "", "NoSchedule"))
        return found


@dataclass(frozen=True)
class Template:
    """A pod template; two equal templates are one revision and share a ReplicaSet."""

    container: str
    image: str
    port: int = 8080
    env: tuple[tuple[str, str], ...] = ()
    cpu_request: str = "500m"
    cpu_limit: str = "1"
    memory_request: str = "512Mi"
    memory_limit: str = "1Gi"
    restarted_at: str = ""

    @property
    def version(self) -> str:
        """The image's tag."""
        name, colon, tag = self.image.rpartition(":")
        return tag if colon and "/" not in tag and name else "latest"


@dataclass(frozen=True)
class CanaryPlan:
    """`pods` of a new version run for `soak_s` before an automatic verdict.

    It fails on an error ratio above `max_error_rate`, or on a mean time in the service above
    `max_slowdown` times that of the pods it would replace (0: not compared). Both are what usual
    canary analysis looks at; one pod among many is slow long before it fails. A third slower over
    the thousands of requests of a soak is far outside noise.
    """

    pods: int = 1
    soak_s: float = 120.0
    max_error_rate: float = 0.02
    max_slowdown: float = 1.3


@dataclass
class CanaryRun:
    """A canary under way: the ReplicaSet on trial and since when all its pods are ready."""

    replicaset: str
    ready_s: float | None = None
    passed: bool = False


def amount(value: str | int, replicas: int, up: bool) -> int:
    """A count or a percentage of `replicas`, rounded up or down as the API says."""
    text = str(value)
    if text.endswith("%"):
        share = int(text[:-1]) * replicas / 100
        return math.ceil(share) if up else math.floor(share)
    return int(text)


@dataclass
class Strategy:
    """How a deployment replaces its pods. The defaults are the API's own (apps/v1)."""

    kind: str = "RollingUpdate"  # or "Recreate"
    max_surge: str | int = "25%"
    max_unavailable: str | int = "25%"
    min_ready_s: float = 0.0
    progress_deadline_s: float = 600.0
    revision_history: int = 10
    paused: bool = False
    canary: CanaryPlan | None = None

    def surge(self, replicas: int) -> int:
        return 0 if self.kind == "Recreate" else amount(self.max_surge, replicas, up=True)

    def unavailable(self, replicas: int) -> int:
        """At most `replicas`; never 0 together with no surge, or nothing could ever move."""
        if self.kind == "Recreate":
            return 0
        count = amount(self.max_unavailable, replicas, up=False)
        if count == 0 and self.surge(replicas) == 0:
            count = 1
        return min(count, replicas)


@dataclass
class Deployment:
    """A Deployment: what is wanted, and what its controller remembers between two looks."""

    name: str
    replicas: int
    template: Template
    created_s: float
    labels: dict[str, str]
    tags: tuple[str, ...]  # image tags that exist in the registry
    startup_s: float = 35.0
    routed: bool = False  # its pods take requests of the data plane
    rate_per_pod: float = 0.0  # a worker's: what a ready pod re-submits a second
    readiness: Probe | None = None
    liveness: Probe | None = None
    strategy: Strategy = field(default_factory=Strategy)
    revision: int = 1
    generation: int = 1
    change_cause: str = ""
    serving: dict[str, int] = field(default_factory=dict)  # version: endpoints last told to the plane
    placement: dict[str, int] = field(default_factory=dict)  # pods by zone at the start; empty: anywhere
    served: dict[str, int] = field(default_factory=dict)  # "version@zone": endpoints last told to the plane
    min_available: str = ""  # of its PodDisruptionBudget; empty: none
    pooled: tuple[str, int, int] | None = None  # database, connections a pod, slots its user may have in all
    canary: CanaryRun | None = None
    sync_due_s: float | None = None
    progress: str = "NewReplicaSetAvailable"  # reason of the Progressing condition
    progressed_s: float = 0.0
    deadline_armed: bool = False  # a look at the progress deadline is in the agenda
    on_trial: bool = False  # the next new ReplicaSet is subject to the canary plan
    rolled_back: str = ""  # the version that an automatic analysis took back


@dataclass
class ReplicaSet:
    """A revision of a deployment. `desired` and `ceiling` are the two sizes its controller annotates."""

    name: str
    deployment: str
    hash: str
    template: Template
    revision: int
    replicas: int
    created_s: float
    change_cause: str = ""
    desired: int = 0
    ceiling: int = 0
    earlier: list[int] = field(default_factory=list)  # revisions it had before a rollback made it new
    pods_made: int = 0


@dataclass
class StatefulSet:
    name: str
    replicas: int
    template: Template
    created_s: float
    labels: dict[str, str]
    storage: str = "500Gi"


@dataclass(frozen=True)
class Ended:
    """A container that is no more: `ready_s` is NEVER if it was not ready once, `why` its last words."""

    began_s: float
    ready_s: float
    ended_s: float
    code: int
    why: str


@dataclass
class Pod:
    """A pod; what a table shows of it at a given moment is computed from its times (pods.py)."""

    name: str
    namespace: str
    app: str
    owner_kind: str
    owner: str
    template: Template
    uid: str
    created_s: float
    labels: dict[str, str]
    node: str = ""  # "" while no node has room
    ip: str = ""
    started_s: float = NEVER  # when its container runs
    ready_s: float = NEVER  # when readiness is expected, then since when it holds
    ready: bool = False
    image_missing: bool = False
    lost: bool = False  # its machine is dead, whatever the API server still believes
    crash: str = ""  # why its container does not stay up; it waits in CrashLoopBackOff
    crashed_s: float = 0.0
    misses: int = 0  # readiness probes failed in a row
    liveness_misses: int = 0
    restarts: int = 0
    restarted_s: float = 0.0
    began_s: float = 0.0  # when its present container started or will; 0 for the first
    ended: tuple[Ended, ...] = ()  # its former containers, oldest first
    deleted_s: float | None = None
    gone_s: float = NEVER
    left: tuple[str, float] | None = None  # the service it was taken out of by its labels, and when

    @property
    def version(self) -> str:
        return self.template.version

    @property
    def active(self) -> bool:
        return self.deleted_s is None

    @property
    def since_s(self) -> float:
        """When its present container started, or will."""
        return self.began_s or (self.restarted_s if self.restarts else self.started_s)


class Pods(dict[str, Pod]):
    """Pods by name; nothing else holds one, so a copy of a world copies the table."""

    __slots__ = ()

    def copy(self) -> "Pods":
        made = Pods({name: twin(pod) for name, pod in self.items()})
        for pod in made.values():
            pod.labels = pod.labels.copy()
        return made


@dataclass
class KubeService:
    name: str
    cluster_ip: str
    port: int
    target_port: int
    created_s: float
    labels: dict[str, str]


@dataclass
class ConfigMap:
    name: str
    data: dict[str, str]
    created_s: float


@dataclass
class Autoscaler:
    """A HorizontalPodAutoscaler on CPU; percentages are of the request."""

    name: str
    deployment: str
    minimum: int
    maximum: int
    target: int
    created_s: float
    percent: int | None = None
    usage_m: int = 0
    desired: int = 0
    scaled_s: float | None = None
    limited: str = ""  # "", "TooManyReplicas", "TooFewReplicas", "ScaleUpLimit"
    stabilized: bool = False
    recommendations: list[tuple[float, int]] = field(default_factory=list)


@dataclass
class ChartRevision:
    """A revision of a Helm release: what was installed, not what kubectl made of it since."""

    number: int
    updated_s: float
    status: str  # deployed, superseded, failed
    tag: str
    replicas: int
    description: str


@dataclass
class KubeEvent:
    """An Event object. With `repeat_s` it recurs until `until_s` without anyone writing it again."""

    kind: str
    name: str
    type: str
    reason: str
    message: str
    source: str
    first_s: float
    last_s: float
    count: int = 1
    repeat_s: float = 0.0
    until_s: float = NEVER

    def seen(self, now_s: float) -> tuple[float, int]:
        """(when last, how often) as of now."""
        if not self.repeat_s:
            return self.last_s, self.count
        times = int((min(now_s, self.until_s) - self.first_s) / self.repeat_s)
        return self.first_s + times * self.repeat_s, times + 1


class Events(list[KubeEvent]):
    """In the order written; nothing else holds one."""

    __slots__ = ()

    def copy(self) -> "Events":
        return Events(map(twin, self))


@dataclass
class Cluster:
    namespace: str
    seed: int
    nodes: dict[str, Node] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    replicasets: dict[str, ReplicaSet] = field(default_factory=dict)
    statefulsets: dict[str, StatefulSet] = field(default_factory=dict)
    pods: Pods = field(default_factory=Pods)
    system_pods: Pods = field(default_factory=Pods)  # other namespaces; nothing moves them
    services: dict[str, KubeService] = field(default_factory=dict)
    configmaps: dict[str, ConfigMap] = field(default_factory=dict)
    secrets: dict[str, tuple[str, int, float]] = field(default_factory=dict)  # name: type, keys, created
    hpas: dict[str, Autoscaler] = field(default_factory=dict)
    charts: dict[str, list[ChartRevision]] = field(default_factory=dict)  # by release, oldest first
    events: Events = field(default_factory=Events)
    pulled: dict[str, float] = field(default_factory=dict)  # "node image": when it was pulled
    namespace_default: str = ""  # what `config set-context --namespace` chose
    entry: str = ""  # the service behind the ingress

    def owned(self, name: str) -> list[Pod]:
        """The pods of a ReplicaSet or StatefulSet that are not being deleted."""
        return [pod for pod in self.pods.values() if pod.owner == name and pod.active]

    def revisions(self, deployment: str) -> list[ReplicaSet]:
        """The ReplicaSets of a deployment, oldest revision first."""
        found = [rs for rs in self.replicasets.values() if rs.deployment == deployment]
        return sorted(found, key=lambda rs: rs.revision)


@dataclass(frozen=True)
class Counts:
    """What a Deployment's status says."""

    desired: int
    updated: int
    total: int
    ready: int
    available: int
    updated_available: int

    @property
    def unavailable(self) -> int:
        return max(self.desired - self.available, self.total - self.available, 0)

    @property
    def complete(self) -> bool:
        return self.updated == self.total == self.available == self.desired


def is_available(pod: Pod, min_ready_s: float, now_s: float) -> bool:
    return pod.active and pod.ready and now_s - pod.ready_s >= min_ready_s - 1e-9


def current_replicaset(cluster: Cluster, deployment: Deployment) -> ReplicaSet | None:
    """The ReplicaSet of the deployment's present template."""
    for replicaset in cluster.revisions(deployment.name):
        if replicaset.template == deployment.template:
            return replicaset
    return None


def counts(cluster: Cluster, deployment: Deployment, now_s: float) -> Counts:
    """The deployment's status as of now."""
    new = current_replicaset(cluster, deployment)
    minimum = deployment.strategy.min_ready_s
    updated = total = ready = available = updated_available = 0
    for pod in cluster.pods.values():
        if pod.app != deployment.name or not pod.active or pod.owner_kind != "ReplicaSet":
            continue
        fresh = new is not None and pod.owner == new.name
        there = is_available(pod, minimum, now_s)
        total += 1
        updated += fresh
        ready += pod.ready
        available += there
        updated_available += fresh and there
    return Counts(deployment.replicas, updated, total, ready, available, updated_available)


def cpu_m(quantity: str) -> int:
    """A CPU quantity (`500m`, `1`, `0.5`) in millicores."""
    return int(quantity[:-1]) if quantity.endswith("m") else round(float(quantity) * 1000)


_UNITS = {"Ki": 1 / 1024, "Mi": 1.0, "Gi": 1024.0, "Ti": 1_048_576.0, "K": 1e3 / 2**20, "M": 1e6 / 2**20}
_UNITS |= {"k": 1e3 / 2**20, "G": 1e9 / 2**20, "T": 1e12 / 2**20}


def memory_mi(quantity: str) -> int:
    """A memory quantity (`512Mi`, `1Gi`, bytes) in MiB."""
    for unit, factor in _UNITS.items():
        if quantity.endswith(unit):
            return round(float(quantity[: -len(unit)]) * factor)
    return round(float(quantity) / 2**20)


def build_cluster(scenario: Scenario, seed: int) -> Cluster:
    """The cluster of a scenario at second 0, everything up and ready."""
    from simulator.kubernetes.build import build

    return build(scenario, seed)
