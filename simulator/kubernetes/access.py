"""What the on-call role may change, and the server's refusals. Changes nothing."""

from simulator.kubernetes.parse import Refused
from simulator.kubernetes.resources import ResourceType

USER = "oncall"
READS = ("get", "list", "watch")
WRITES: dict[str, tuple[str, ...]] = {
    "pods": ("delete", "patch", "create"),
    "deployments": ("patch", "update", "delete"),
    "replicasets": ("patch", "update", "delete"),
    "horizontalpodautoscalers": ("create", "patch", "update", "delete"),
    "nodes": ("patch", "update"),
}


def may(verb: str, kind: ResourceType) -> bool:
    if verb in READS:
        return True
    return verb in WRITES.get(kind.plural, ())


def demand(verb: str, kind: ResourceType, name: str, namespace: str) -> None:
    """Raise the server's Forbidden when the role may not."""
    if not may(verb, kind):
        raise forbidden(verb, kind, name, namespace)


def forbidden(verb: str, kind: ResourceType, name: str, namespace: str) -> Refused:
    """The server's refusal."""
    where = f' in the namespace "{namespace}"' if kind.namespaced else " at the cluster scope"
    subject = f'{kind.qualified} "{name}" is forbidden' if name else f"{kind.qualified} is forbidden"
    return Refused(
        f'Error from server (Forbidden): {subject}: User "{USER}" cannot {verb} resource '
        f'"{kind.plural}" in API group "{kind.group}"{where}'
    )


def protect_database(app: str, kind: str) -> None:
    """Pods of a StatefulSet hold data: an admission webhook keeps the on-call role off them."""
    if kind == "StatefulSet":
        raise Refused(
            'Error from server (Forbidden): admission webhook "protect-databases.platform.svc" denied the '
            f"request: pods of StatefulSet {app} are moved only by the database team's failover procedure"
        )
