"""The cluster a scenario starts with: long-lived pods over two data centres, everything ready.

Nothing here happens in simulated time.
"""

import math

from simulator.engine import streams
from simulator.kubernetes.state import (
    ChartRevision,
    Cluster,
    ConfigMap,
    Deployment,
    KubeService,
    Node,
    Pod,
    ReplicaSet,
    StatefulSet,
    Template,
    cpu_m,
)
from simulator.scenario import Postgres, Scenario, Service, Worker

DAY_S = 86_400.0
REGISTRY = "registry.local"
ZONES = ("dc1", "dc2")
FULL = 1.15  # and for what the autoscalers may ask for, a little fragmented
SPARE = 2.0  # machines are bought for twice the requests: one data centre may be lost
DEFAULT_TAGS = {"pgbouncer": "1.18.0"}
WORKER_TAG = "v1.3.0"


def build(scenario: Scenario, seed: int) -> Cluster:
    """The cluster of `scenario` at second 0."""
    cluster = Cluster(namespace=scenario.namespace, seed=seed)
    _add_nodes(cluster, scenario)
    for name, component in scenario.components.items():
        if isinstance(component, Service):
            deployment = _service_deployment(cluster, name, component)
            deployment.placement = _placement(scenario, component.placement, component.pods)
            deployment.pooled = _pooled_pods(scenario, name)
            _add_deployment(cluster, deployment, list(component.versions))
        elif isinstance(component, Worker):
            worker = _plain_deployment(cluster, name, 1, WORKER_TAG, 8080)
            worker.rate_per_pod = component.rate
            worker.placement = _placement(scenario, {}, 1)
            _add_deployment(cluster, worker, [WORKER_TAG])
        elif isinstance(component, Postgres):
            _add_database(cluster, name, component, _homes(scenario, component))
    if any(_pooled(component) for component in scenario.databases().values()):
        _add_pooler(cluster, scenario)
    cluster.entry = next((c.path.split(".")[0] for c in scenario.traffic.classes.values()), "")
    age = _draw(cluster, "kube-root-ca", "age", (500, 700)) * DAY_S
    cluster.configmaps["kube-root-ca.crt"] = ConfigMap("kube-root-ca.crt", {"ca.crt": "-----BEGIN..."}, -age)
    _add_system_pods(cluster)
    return cluster


def _draw(cluster: Cluster, entity: str, purpose: str, span: tuple[int, int], index: int = 0) -> int:
    """An integer in [low, high) for an entity."""
    low, high = span
    key = streams.key_of(cluster.seed, "kubernetes", entity, purpose)
    return low + streams.below(key, index, high - low)


def template_hash(cluster: Cluster, template: Template) -> str:
    """The pod-template-hash of a template: a function of its content alone."""
    return streams.suffix(streams.key_of(cluster.seed, "template", repr(template)), 10)


def uid_of(cluster: Cluster, *parts: str | int) -> str:
    """A uid in the usual form."""
    key = streams.key_of(cluster.seed, "uid", *parts)
    text = f"{streams.bits(key, 0):016x}{streams.bits(key, 1):016x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def place(cluster: Cluster, pod: Pod, zones: list[str] | None = None) -> bool:
    """Bind a pod to the emptiest node with room, in the first of `zones` that has one; give it an address."""
    need = cpu_m(pod.template.cpu_request)
    best: Node | None = None
    for zone in zones if zones is not None else [""]:
        for node in cluster.nodes.values():
            fits = node.requested_m + need <= node.cpu_m and node.pods < node.max_pods
            here = fits and node.open and zone in ("", node.zone)
            if here and (best is None or _load(node) < _load(best)):
                best = node
        if best is not None:
            break
    if best is None:
        return False
    _bind(pod, best)
    return True


def _bind(pod: Pod, node: Node) -> None:
    node.requested_m += cpu_m(pod.template.cpu_request)
    node.pods += 1
    node.addresses = node.addresses % 253 + 1
    pod.node = node.name
    pod.ip = f"10.244.{node.index}.{node.addresses}"


def _own_node(cluster: Cluster, zone: str, need_m: int) -> Node:
    """A machine for databases alone, where the others have no room for one that has always run."""
    here = [n for n in cluster.nodes.values() if n.zone == zone]
    for node in here:
        if node.taints and node.requested_m + need_m <= node.cpu_m:
            return node
    number = 1 + sum(bool(n.taints) for n in here)
    name, index = f"node-{zone}-db-{number:02d}", len(cluster.nodes) + 1
    address = f"{here[0].internal_ip.rpartition('.')[0]}.{100 + number}"
    age = _draw(cluster, name, "age", (120, 420)) * DAY_S
    taints = {("dedicated", "NoSchedule"): "postgres"}
    cluster.nodes[name] = Node(name, zone, index, address, created_s=-age, taints=taints)
    return cluster.nodes[name]


def _load(node: Node) -> tuple[float, int]:
    return node.requested_m / node.cpu_m, node.pods


def _add_nodes(cluster: Cluster, scenario: Scenario) -> None:
    services = scenario.services().values()
    total_m = sum(s.pods * cpu_m(s.resources.cpu_request) for s in services) + 4000
    pods = sum(s.pods for s in services) + 20
    grown_m = sum(_most(s) * cpu_m(s.resources.cpu_request) for s in services) + 4000
    grown = sum(_most(s) for s in services) + 20
    needed = max(total_m * SPARE / 16_000, pods * SPARE / 100)
    needed = max(needed, grown_m * FULL / 16_000, grown * FULL / 100)
    zones = tuple(scenario.datacenters) or ZONES
    per_zone = max(3, math.ceil(needed / len(zones)))
    counts = [per_zone if (d := scenario.datacenters.get(z)) is None else d.nodes or per_zone for z in zones]
    for number in range(max(counts)):
        for zone_number, zone in enumerate(zones, start=1):
            if number >= counts[zone_number - 1]:
                continue
            name = f"node-{zone}-{number + 1:02d}"
            age = _draw(cluster, name, "age", (120, 420)) * DAY_S
            address = f"10.0.{zone_number}.{11 + number}"
            index = len(cluster.nodes) + 1
            cluster.nodes[name] = Node(name, zone, index, address, created_s=-age)


def _most(service: Service) -> int:
    """Pods of a service when its autoscaler is at its maximum."""
    return max(service.pods, service.hpa.max) if service.hpa else service.pods


def _service_deployment(cluster: Cluster, name: str, service: Service) -> Deployment:
    resources = service.resources
    template = Template(
        container=name,
        image=f"{REGISTRY}/{name}:{service.current}",
        env=tuple(service.env.items()),
        cpu_request=resources.cpu_request,
        cpu_limit=resources.cpu_limit,
        memory_request=resources.memory_request,
        memory_limit=resources.memory_limit,
    )
    return Deployment(
        name=name,
        replicas=service.pods,
        template=template,
        created_s=-_draw(cluster, name, "age", (200, 700)) * DAY_S,
        labels={"app": name, "team": service.owner},
        tags=tuple(service.versions),
        startup_s=service.startup_s,
        routed=True,
        readiness=service.readiness,
        liveness=service.liveness,
        min_available="" if service.pdb is None else str(service.pdb),
    )


def _plain_deployment(cluster: Cluster, name: str, pods: int, tag: str, port: int) -> Deployment:
    template = Template(container=name, image=f"{REGISTRY}/{name}:{tag}", port=port)
    return Deployment(
        name=name,
        replicas=pods,
        template=template,
        created_s=-_draw(cluster, name, "age", (200, 700)) * DAY_S,
        labels={"app": name, "team": "platform"},
        tags=(tag,),
        startup_s=8.0,
    )


def _add_deployment(cluster: Cluster, deployment: Deployment, versions: list[str]) -> None:
    """Register a deployment with its earlier revisions, its service and its running pods."""
    name = deployment.name
    cluster.deployments[name] = deployment
    current = deployment.template.version
    history = versions[: versions.index(current) + 1]
    base = _draw(cluster, name, "revision", (12, 48))
    age = _draw(cluster, name, "release-age", (6, 14)) * DAY_S + _draw(cluster, name, "hour", (0, 80_000))
    image = deployment.template.image.rpartition(":")[0]
    for back, version in enumerate(reversed(history)):
        template = Template(**{**vars(deployment.template), "image": f"{image}:{version}"})
        created = -age - back * 15 * DAY_S
        replicaset = ReplicaSet(
            name=f"{name}-{template_hash(cluster, template)}",
            deployment=name,
            hash=template_hash(cluster, template),
            template=template,
            revision=base - back,
            replicas=deployment.replicas if back == 0 else 0,
            created_s=max(created, deployment.created_s),
            desired=deployment.replicas,
            ceiling=deployment.replicas + deployment.strategy.surge(deployment.replicas),
        )
        cluster.replicasets[replicaset.name] = replicaset
    deployment.revision = deployment.generation = base
    _add_chart(cluster, deployment)
    deployment.progressed_s = -age
    newest = cluster.replicasets[f"{name}-{template_hash(cluster, deployment.template)}"]
    zones = [zone for zone, pods in deployment.placement.items() for _ in range(pods)]
    for number in range(deployment.replicas):
        _add_running_pod(cluster, deployment, newest, zones[number : number + 1] or None)
    if deployment.routed or deployment.rate_per_pod:
        deployment.serving = {current: deployment.replicas}
        deployment.served = {f"{current}@{zone}": pods for zone, pods in deployment.placement.items()}
    _add_service(cluster, name, deployment.template.port, deployment.created_s, deployment.labels)


def _add_chart(cluster: Cluster, deployment: Deployment) -> None:
    """The release pipeline installs every deployment as a Helm release of the same name."""
    revisions = cluster.revisions(deployment.name)
    shift = _draw(cluster, deployment.name, "chart", (2, 9))  # kubectl restarts are no chart revisions
    cluster.charts[deployment.name] = [
        ChartRevision(
            number=rs.revision - shift,
            updated_s=rs.created_s,
            status="deployed" if rs is revisions[-1] else "superseded",
            tag=rs.template.version,
            replicas=deployment.replicas,
            description="Upgrade complete",
        )
        for rs in revisions
    ]


def pod_name(cluster: Cluster, replicaset: ReplicaSet) -> str:
    """The next free name under a ReplicaSet."""
    key = streams.key_of(cluster.seed, "pod", replicaset.name)
    while True:
        name = f"{replicaset.name}-{streams.suffix(key + replicaset.pods_made, 5)}"
        replicaset.pods_made += 1
        if name not in cluster.pods:
            return name


def _placement(scenario: Scenario, declared: dict[str, int], pods: int) -> dict[str, int]:
    """Pods by data centre; without a word about it all in the first one, as in the data plane."""
    if not scenario.datacenters:
        return {}
    return dict(declared) or {next(iter(scenario.datacenters)): pods}


def _pooled_pods(scenario: Scenario, service: str) -> tuple[str, int, int] | None:
    """The database whose connections each pod of a service takes its share of."""
    for name, database in scenario.databases().items():
        for pool in (database.pool, *database.clients.values()):
            if pool.per_pod and pool.service == service:
                return name, pool.per_pod, database.max_connections - database.superuser_reserved
    return None


def _homes(scenario: Scenario, database: Postgres) -> list[str]:
    """Where the primary and the standby are."""
    zones = list(scenario.datacenters)
    if not zones:
        return []
    first = database.datacenter or zones[0]
    return [first, database.standby or first]


def _add_running_pod(
    cluster: Cluster, deployment: Deployment, replicaset: ReplicaSet, zones: list[str] | None = None
) -> None:
    name = pod_name(cluster, replicaset)
    created = replicaset.created_s + _draw(cluster, name, "start", (1, 90))
    if _draw(cluster, name, "moved", (0, 8)) == 0:  # a node drain since the release moved some
        created = replicaset.created_s * _draw(cluster, name, "moved-share", (20, 80)) / 100
    pod = new_pod(cluster, deployment, replicaset, name, created)
    place(cluster, pod, zones)
    pod.started_s = created + 2.0
    pod.ready, pod.ready_s = True, created + deployment.startup_s
    if _draw(cluster, name, "restart", (0, 40)) == 0:
        pod.restarts, pod.restarted_s = 1, created * _draw(cluster, name, "restart-share", (30, 90)) / 100


def new_pod(
    cluster: Cluster, deployment: Deployment, replicaset: ReplicaSet, name: str, created_s: float
) -> Pod:
    """A pod of a ReplicaSet, registered but not yet on a node."""
    pod = Pod(
        name=name,
        namespace=cluster.namespace,
        app=deployment.name,
        owner_kind="ReplicaSet",
        owner=replicaset.name,
        template=replicaset.template,
        uid=uid_of(cluster, "pod", name),
        created_s=created_s,
        labels={**deployment.labels, "pod-template-hash": replicaset.hash},
    )
    cluster.pods[name] = pod
    return pod


def _add_service(cluster: Cluster, name: str, port: int, created_s: float, labels: dict[str, str]) -> None:
    address = f"10.96.{_draw(cluster, name, 'ip', (1, 250))}.{_draw(cluster, name, 'ip', (1, 250), 1)}"
    outer = 80 if port == 8080 else port
    cluster.services[name] = KubeService(name, address, outer, port, created_s, dict(labels))


def _pooled(database: Postgres) -> bool:
    return any(pool.via == "pgbouncer" for pool in (database.pool, *database.clients.values()))


def _add_pooler(cluster: Cluster, scenario: Scenario) -> None:
    tag = DEFAULT_TAGS["pgbouncer"]
    _add_deployment(cluster, _plain_deployment(cluster, "pgbouncer", 2, tag, 6432), [tag])
    lines = ["[databases]"]
    sizes = []
    for name, database in scenario.databases().items():
        if _pooled(database):
            lines.append(f"{database.database} = host={name} port=5432 dbname={database.database}")
            sizes.append(database.pool.limit)
    lines += ["", "[pgbouncer]", "listen_port = 6432", "pool_mode = transaction"]
    lines += [f"default_pool_size = {max(sizes)}", "max_client_conn = 5000", "query_wait_timeout = 120"]
    age = cluster.deployments["pgbouncer"].created_s
    data = {"pgbouncer.ini": "\n".join(lines) + "\n"}
    cluster.configmaps["pgbouncer-config"] = ConfigMap("pgbouncer-config", data, age)


def _add_database(cluster: Cluster, name: str, database: Postgres, homes: list[str]) -> None:
    created = -_draw(cluster, name, "age", (400, 700)) * DAY_S
    template = Template(
        container="postgres",
        image=f"{REGISTRY}/postgres:{database.version}",
        port=5432,
        cpu_request=str(max(1, database.cores // 2)) if database.cores < 16 else "8",
        cpu_limit=str(database.cores),
        memory_request="32Gi",
        memory_limit="64Gi",
    )
    labels = {"app": name, "team": "database"}
    pods = database.shards if database.shards > 1 else 2  # each shard's server, or a primary and its standby
    zones = list(dict.fromkeys(node.zone for node in cluster.nodes.values()))
    cluster.statefulsets[name] = StatefulSet(name, pods, template, created, labels)
    for ordinal in range(pods):
        pod_label = {**labels, "statefulset.kubernetes.io/pod-name": f"{name}-{ordinal}"}
        pod = Pod(
            name=f"{name}-{ordinal}",
            namespace=cluster.namespace,
            app=name,
            owner_kind="StatefulSet",
            owner=name,
            template=template,
            uid=uid_of(cluster, "pod", name, ordinal),
            created_s=-_draw(cluster, name, "pod-age", (30, 90), ordinal) * DAY_S,
            labels=pod_label,
        )
        cluster.pods[pod.name] = pod
        zone = homes[ordinal] if ordinal < len(homes) else zones[ordinal % len(zones)]
        if database.shards > 1 or not place(cluster, pod, homes[ordinal : ordinal + 1] or None):
            _bind(pod, _own_node(cluster, zone, cpu_m(template.cpu_request)))
        pod.started_s, pod.ready_s, pod.ready = pod.created_s + 3, pod.created_s + 20, True
    _add_service(cluster, name, 5432, created, labels)
    cluster.secrets[f"{name}-credentials"] = ("Opaque", 2, created)


SYSTEM_PODS = (
    ("kube-system", "coredns", "ReplicaSet"),
    ("kube-system", "coredns", "ReplicaSet"),
    ("kube-system", "metrics-server", "ReplicaSet"),
    ("monitoring", "alertmanager", "StatefulSet"),
    ("monitoring", "grafana", "ReplicaSet"),
    ("monitoring", "prometheus", "StatefulSet"),
)


def _add_system_pods(cluster: Cluster) -> None:
    """What `-A` shows besides the scenario's namespace."""
    names = list(cluster.nodes)
    shared = [name for name in names if not cluster.nodes[name].taints]
    for number, (namespace, app, kind) in enumerate(SYSTEM_PODS):
        node = cluster.nodes[shared[number % len(shared)]]
        _add_system_pod(cluster, (namespace, app, kind), node, number)
    for number, name in enumerate(names):
        _add_system_pod(cluster, ("kube-system", "kube-proxy", "DaemonSet"), cluster.nodes[name], number)


def _add_system_pod(cluster: Cluster, what: tuple[str, str, str], node: Node, number: int) -> None:
    namespace, app, kind = what
    key = streams.key_of(cluster.seed, "system-pod", app)
    endings = {
        "ReplicaSet": f"-{streams.suffix(key, 10)}-{streams.suffix(key + 1 + number, 5)}",
        "StatefulSet": "-0",
        "DaemonSet": f"-{streams.suffix(key + 1 + number, 5)}",
    }
    name = app + endings[kind]
    created = -_draw(cluster, app, "age", (30, 110), number) * DAY_S
    pod = Pod(
        name=name,
        namespace=namespace,
        app=app,
        owner_kind=kind,
        owner=app if kind != "ReplicaSet" else name.rpartition("-")[0],
        template=Template(container=app, image=f"{REGISTRY}/{app}:stable", cpu_request="100m"),
        uid=uid_of(cluster, "pod", name),
        created_s=created,
        labels={"app": app},
        node=node.name,
        ip=node.internal_ip if kind == "DaemonSet" else f"10.244.{node.index}.254",
        started_s=created + 2,
        ready_s=created + 10,
        ready=True,
    )
    cluster.system_pods[name] = pod
