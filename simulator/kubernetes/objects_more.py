"""API objects of the types whose state is somebody else's: ingresses stand on a service, claims on a StatefulSet."""

from typing import TYPE_CHECKING, Any

from simulator.kubernetes.state import KubeService, StatefulSet

if TYPE_CHECKING:
    from simulator.world import World

HOST, ADDRESS, CLASS = "shop.example.com", "10.0.1.2", "nginx"


def ingress(world: "World", found: KubeService) -> dict[str, Any]:
    backend = {"service": {"name": found.name, "port": {"name": "http"}}}
    rule = {"host": HOST, "http": {"paths": [{"backend": backend, "path": "/", "pathType": "Prefix"}]}}
    tls = {"hosts": [HOST], "secretName": HOST.replace(".", "-") + "-tls"}
    return {
        "spec": {"ingressClassName": CLASS, "rules": [rule], "tls": [tls]},
        "status": {"loadBalancer": {"ingress": [{"ip": ADDRESS}]}},
    }


def claim(world: "World", found: StatefulSet, name: str) -> dict[str, Any]:
    modes = ["ReadWriteOnce"]
    return {
        "metadata": {"finalizers": ["kubernetes.io/pvc-protection"]},
        "spec": {
            "accessModes": modes,
            "resources": {"requests": {"storage": found.storage}},
            "storageClassName": "fast-ssd",
            "volumeMode": "Filesystem",
            "volumeName": f"pvc-{name.removeprefix('data-')}",
        },
        "status": {"accessModes": modes, "capacity": {"storage": found.storage}, "phase": "Bound"},
    }
