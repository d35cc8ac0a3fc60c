"""The fields `kubectl explain` knows: by type, each with its own type and one sentence. Data, and the walk along a path."""

from __future__ import annotations

from functools import lru_cache

# A block is a type with its sentence; below it `field type: sentence`. What is no block is a plain value.
_TEXT = """
Deployment Deployment keeps a set of like pods running and replaces them step by step.
 apiVersion string: The version of the schema the object follows.
 kind string: The kind of the object.
 metadata ObjectMeta: Name, namespace, labels and annotations.
 spec DeploymentSpec: What is wanted.
 status DeploymentStatus: What was last seen.
DeploymentSpec DeploymentSpec is what is wanted of a Deployment.
 minReadySeconds integer: How long a new pod has to be ready before it counts as available.
 paused boolean: Whether changes of the template wait.
 progressDeadlineSeconds integer: How long a rollout may stand still before it is reported as failed; 600 by default.
 replicas integer: How many pods are wanted; 1 by default.
 revisionHistoryLimit integer: How many old ReplicaSets are kept for a rollback; 10 by default.
 selector LabelSelector: Which pods belong to it; it never changes.
 strategy DeploymentStrategy: How old pods give way to new ones.
 template PodTemplateSpec: What the pods are made from.
DeploymentStrategy DeploymentStrategy says how old pods give way to new ones.
 rollingUpdate RollingUpdateDeployment: The steps of a RollingUpdate.
 type string: RollingUpdate or Recreate.
RollingUpdateDeployment RollingUpdateDeployment holds the steps of a rolling update.
 maxSurge IntOrString: How many pods may be there beyond those wanted, as a number or a share; 25% by default.
 maxUnavailable IntOrString: How many of the wanted pods may be missing meanwhile; 25% by default.
DeploymentStatus DeploymentStatus is what was last seen of a Deployment.
 availableReplicas integer: Pods ready for at least minReadySeconds.
 conditions []DeploymentCondition: Progressing, Available and their reasons.
 observedGeneration integer: The generation of the object that the controller has seen.
 readyReplicas integer: Pods that are ready.
 replicas integer: Pods that are there.
 unavailableReplicas integer: Pods that are still wanted.
 updatedReplicas integer: Pods of the newest template.
StatefulSet StatefulSet runs pods with a name and a volume of their own each.
 apiVersion string: The version of the schema the object follows.
 kind string: The kind of the object.
 metadata ObjectMeta: Name, namespace, labels and annotations.
 spec StatefulSetSpec: What is wanted.
 status Object: What was last seen.
StatefulSetSpec StatefulSetSpec is what is wanted of a StatefulSet.
 podManagementPolicy string: OrderedReady or Parallel.
 replicas integer: How many pods are wanted.
 selector LabelSelector: Which pods belong to it.
 serviceName string: The service that gives each pod its name.
 template PodTemplateSpec: What the pods are made from.
 updateStrategy Object: RollingUpdate, with a partition, or OnDelete.
 volumeClaimTemplates []PersistentVolumeClaim: The volume each pod claims.
DaemonSet DaemonSet runs a pod on every node.
 apiVersion string: The version of the schema the object follows.
 kind string: The kind of the object.
 metadata ObjectMeta: Name, namespace, labels and annotations.
 spec Object: What is wanted.
 status Object: What was last seen.
PodTemplateSpec PodTemplateSpec is what a pod is made from.
 metadata ObjectMeta: Labels and annotations of the pods.
 spec PodSpec: The pods' containers and where they may run.
Pod Pod is a group of containers that run together on one node.
 apiVersion string: The version of the schema the object follows.
 kind string: The kind of the object.
 metadata ObjectMeta: Name, namespace, labels and annotations.
 spec PodSpec: What is wanted.
 status PodStatus: What was last seen.
PodSpec PodSpec describes a pod.
 affinity Affinity: Which nodes and which neighbours are liked or needed.
 containers []Container -required-: The containers; there is at least one.
 dnsPolicy string: Where names are looked up; ClusterFirst by default.
 imagePullSecrets []LocalObjectReference: Secrets for pulling the images.
 initContainers []Container: Containers that run to their end before the others start.
 nodeName string: The node the pod runs on.
 nodeSelector map[string]string: Labels a node must have.
 priorityClassName string: How important the pod is when there is not room for all.
 restartPolicy string: Always, OnFailure or Never.
 securityContext PodSecurityContext: The user and the rights of the pod.
 serviceAccountName string: The account the pod speaks to the cluster as.
 terminationGracePeriodSeconds integer: How long the pod has after SIGTERM until SIGKILL; 30 by default.
 tolerations []Toleration: Taints of nodes that the pod puts up with.
 topologySpreadConstraints []TopologySpreadConstraint: How evenly the pods are spread over zones or nodes.
 volumes []Volume: Volumes that containers can mount.
PodStatus PodStatus is what was last seen of a pod.
 conditions []PodCondition: Scheduled, Initialized, ContainersReady, Ready.
 containerStatuses []ContainerStatus: The containers, their states and restarts.
 hostIP string: The address of the node.
 phase string: Pending, Running, Succeeded, Failed or Unknown.
 podIP string: The address of the pod.
 qosClass string: Guaranteed, Burstable or BestEffort, by requests and limits.
 reason string: Why the pod is in this state, in one word: Evicted.
 startTime Time: When the kubelet took the pod over.
Container Container is one program of a pod and what it needs.
 args []string: Arguments of the command.
 command []string: The program, instead of the image's own.
 env []EnvVar: Environment variables.
 envFrom []EnvFromSource: ConfigMaps and Secrets whose keys become variables.
 image string: The image's name and tag.
 imagePullPolicy string: Always, IfNotPresent or Never.
 lifecycle Lifecycle: What to do after the start and before the stop.
 livenessProbe Probe: When it fails the container is restarted.
 name string -required-: The container's name, unique in its pod.
 ports []ContainerPort: Ports the container listens on.
 readinessProbe Probe: While it fails the pod gets no traffic from its services.
 resources ResourceRequirements: CPU and memory the container asks for and may use.
 securityContext SecurityContext: The user and the rights of the container.
 startupProbe Probe: Until it succeeds the other probes wait.
 volumeMounts []VolumeMount: Where volumes are mounted.
 workingDir string: The directory the command starts in.
ResourceRequirements ResourceRequirements says what a container asks for and what it may use.
 claims []ResourceClaim: Names of the pod's resource claims that the container uses.
 limits map[string]Quantity: The most it may use: beyond its CPU it is slowed, beyond its memory it is killed.
 requests map[string]Quantity: What is set aside for it on the node; the limits where nothing is said.
Probe Probe asks a container how it is.
 exec ExecAction: A command; its exit code 0 is good.
 failureThreshold integer: How many failures in a row count as one; 3 by default.
 grpc GRPCAction: A health check over gRPC.
 httpGet HTTPGetAction: A request; an answer from 200 to 399 is good.
 initialDelaySeconds integer: How long after the start the first probe comes.
 periodSeconds integer: How often it is asked; 10 by default.
 successThreshold integer: How many successes in a row count as one after a failure.
 tcpSocket TCPSocketAction: A connection; that it opens is good.
 terminationGracePeriodSeconds integer: How long a container has to end after a failed probe.
 timeoutSeconds integer: How long an answer may take; 1 by default.
HTTPGetAction HTTPGetAction is a probe's request.
 host string: The host to ask; the pod's own address by default.
 httpHeaders []HTTPHeader: Headers to send.
 path string: The path to ask for.
 port IntOrString -required-: The port, by number or name.
 scheme string: HTTP or HTTPS.
EnvVar EnvVar is a variable of the environment.
 name string -required-: The variable's name.
 value string: Its value.
 valueFrom EnvVarSource: Where its value comes from instead: a ConfigMap, a Secret, a field of the pod.
Toleration Toleration lets a pod stay on a node with a taint.
 effect string: NoSchedule, PreferNoSchedule or NoExecute; empty means each of them.
 key string: The taint's key.
 operator string: Exists or Equal.
 tolerationSeconds integer: How long a pod puts up with NoExecute.
 value string: The taint's value.
LabelSelector LabelSelector chooses objects by their labels.
 matchExpressions []LabelSelectorRequirement: Conditions on labels, all of which have to hold.
 matchLabels map[string]string: Labels the objects must have.
ObjectMeta ObjectMeta is what every object has.
 annotations map[string]string: Notes that tools and people leave on the object.
 creationTimestamp Time: When the server made the object.
 deletionTimestamp Time: When the object is to be gone.
 finalizers []string: Who has to agree before the object goes.
 generation integer: The number of the wanted state.
 labels map[string]string: Words by which objects are chosen.
 name string: The object's name, unique in its namespace.
 namespace string: The namespace it lies in.
 ownerReferences []OwnerReference: The objects it belongs to.
 resourceVersion string: The number of its last change.
 uid string: Its identity over time and space.
Service Service gives a set of pods one name and one address.
 apiVersion string: The version of the schema the object follows.
 kind string: The kind of the object.
 metadata ObjectMeta: Name, namespace, labels and annotations.
 spec ServiceSpec: What is wanted.
 status Object: What was last seen.
ServiceSpec ServiceSpec is what is wanted of a Service.
 clusterIP string: The address inside the cluster; None for a headless service.
 externalTrafficPolicy string: Whether traffic from outside stays on the node it came to.
 ports []ServicePort: The ports it listens on and where they lead.
 selector map[string]string: The labels of the pods behind it.
 sessionAffinity string: None or ClientIP.
 type string: ClusterIP, NodePort, LoadBalancer or ExternalName.
ServicePort ServicePort is one port of a Service.
 name string: The port's name.
 nodePort integer: The port on every node, for NodePort and LoadBalancer.
 port integer -required-: The port of the service.
 protocol string: TCP, UDP or SCTP.
 targetPort IntOrString: The port of the pods, by number or name.
HorizontalPodAutoscaler HorizontalPodAutoscaler scales a workload by what is measured of it.
 apiVersion string: The version of the schema the object follows.
 kind string: The kind of the object.
 metadata ObjectMeta: Name, namespace, labels and annotations.
 spec HorizontalPodAutoscalerSpec: What is wanted.
 status Object: What was last seen.
HorizontalPodAutoscalerSpec HorizontalPodAutoscalerSpec says by what and how far to scale.
 behavior HorizontalPodAutoscalerBehavior: How fast it may go up and down.
 maxReplicas integer -required-: The most pods.
 metrics []MetricSpec: What is measured and the value wanted of it.
 minReplicas integer: The fewest pods; 1 by default.
 scaleTargetRef CrossVersionObjectReference -required-: What is scaled.
ConfigMap ConfigMap keeps settings for pods as keys and texts.
 apiVersion string: The version of the schema the object follows.
 binaryData map[string]string: Values that are no text, in base64.
 data map[string]string: The settings.
 immutable boolean: Whether the data may never change.
 kind string: The kind of the object.
 metadata ObjectMeta: Name, namespace, labels and annotations.
Secret Secret keeps what few may read: passwords, tokens, keys.
 apiVersion string: The version of the schema the object follows.
 data map[string]string: The values, in base64.
 immutable boolean: Whether the data may never change.
 kind string: The kind of the object.
 metadata ObjectMeta: Name, namespace, labels and annotations.
 stringData map[string]string: Values as text, for writing only.
 type string: What the values are for: Opaque, kubernetes.io/tls.
Node Node is a machine of the cluster.
 apiVersion string: The version of the schema the object follows.
 kind string: The kind of the object.
 metadata ObjectMeta: Name, labels and annotations.
 spec NodeSpec: What is wanted.
 status Object: What was last seen.
NodeSpec NodeSpec describes a node.
 podCIDR string: The addresses of its pods.
 providerID string: The machine's name at the provider.
 taints []Taint: What keeps pods away that don't tolerate it.
 unschedulable boolean: Whether new pods stay away: cordon sets it.
"""


@lru_cache(maxsize=1)
def types() -> dict[str, tuple[str, dict[str, tuple[str, str]]]]:
    """Type -> (sentence, field -> (type as shown, sentence))."""
    found: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {}
    fields: dict[str, tuple[str, str]] = {}
    for text in _TEXT.strip().splitlines():
        if not text.startswith(" "):
            name, _, about = text.partition(" ")
            fields = {}
            found[name] = (about, fields)
            continue
        head, _, about = text.strip().partition(": ")
        name, _, kind = head.partition(" ")
        fields[name] = (
            kind.removesuffix(" -required-") + ("> -required-" if "-required-" in kind else ">"),
            about,
        )
    return found


def bare(kind: str) -> str:
    """The type itself: `[]Container> -required-` is a Container."""
    return kind.partition(">")[0].removeprefix("[]")


def walk(kind: str, path: list[str]) -> tuple[str, str, str] | None:
    """(type as shown, sentence, the type's name) of a field; None when there is none such."""
    shown, about, name = f"{kind}>", types().get(kind, ("", {}))[0], kind
    for part in path:
        fields = types().get(name, ("", {}))[1]
        if part not in fields:
            return None
        shown, about = fields[part]
        name = bare(shown)
    return shown, about, name


def listed(kind: str, depth: int = 0, deep: bool = False) -> str:
    """The FIELDS of a type; with `deep`, only names and types, those inside below."""
    out = ""
    for name, (shown, about) in types().get(kind, ("", {}))[1].items():
        indent = "  " * (depth + 1)
        out += f"{indent}{name}\t<{shown}\n" + ("" if deep else f"{indent}  {about}\n\n")
        if deep and depth < 6:
            out += listed(bare(shown), depth + 1, True)
    return out
