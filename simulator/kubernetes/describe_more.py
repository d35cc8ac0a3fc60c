"""Pages of `kubectl describe` for what has little to say: namespaces, secrets, ingresses, claims; a node's sums."""

from typing import TYPE_CHECKING, Any

from simulator.kubernetes.objects import as_object
from simulator.kubernetes.parts import FIRMWARE_KI
from simulator.kubernetes.resources import Item
from simulator.kubernetes.state import Node, Pod, cpu_m, memory_mi

if TYPE_CHECKING:
    from simulator.world import World


def labels(title: str, pairs: dict[str, str]) -> str:
    """`Labels:\\ta=b` with further pairs below each other."""
    lines = [f"{key}={value}" for key, value in sorted(pairs.items())]
    return f"{title}:\t" + ("\n\t".join(lines) or "<none>") + "\n"


def namespace(world: "World", item: Item) -> str:
    text = f"Name:\t{item.name}\n" + labels("Labels", item.labels)
    return text + "Annotations:\t<none>\nStatus:\tActive\n\nNo resource quota.\n\nNo LimitRange resource.\n"


def secret(world: "World", item: Item) -> str:
    root = as_object(world, item)
    text = f"Name:\t{item.name}\nNamespace:\t{item.namespace}\n" + labels("Labels", item.labels)
    text += f"Annotations:\t<none>\n\nType:\t{root.get('type', '')}\n\nData\n====\n"
    for key, value in sorted(root.get("data", {}).items()):
        text += f"{key}:\t{len(value) * 3 // 4 - value.count('=')} bytes\n"
    return text


def ingress(world: "World", item: Item) -> str:
    root = as_object(world, item)
    spec: dict[str, Any] = root.get("spec", {})
    points = root.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    text = f"Name:\t{item.name}\n" + labels("Labels", item.labels) + f"Namespace:\t{item.namespace}\n"
    text += f"Address:\t{','.join(each['ip'] for each in points)}\n"
    text += f"Ingress Class:\t{spec.get('ingressClassName', '<none>')}\nDefault backend:\t<default>\n"
    for each in spec.get("tls", []):
        text += f"TLS:\n  {each['secretName']} terminates {','.join(each['hosts'])}\n"
    text += "Rules:\n  Host\tPath\tBackends\n  ----\t----\t--------\n"
    for rule in spec.get("rules", []):
        text += f"  {rule['host']}\t\n"
        for path in rule["http"]["paths"]:
            service = path["backend"]["service"]
            text += f"    \t{path['path']} \t{service['name']}:{service['port']['name']} ({_behind(world, service['name'])})\n"
    return text + "Annotations:\t<none>\n"


def _behind(world: "World", name: str) -> str:
    from simulator.kubernetes.parts import endpoint_pods

    ready, _ = endpoint_pods(world, name)
    port = world.kubernetes.services[name].target_port
    shown = ",".join(f"{pod.ip}:{port}" for pod in ready[:3])
    return shown + (f" + {len(ready) - 3} more..." if len(ready) > 3 else "") or "<none>"


def claim(world: "World", item: Item) -> str:
    root = as_object(world, item)
    spec, status = root["spec"], root["status"]
    modes = ",".join({"ReadWriteOnce": "RWO"}.get(mode, mode) for mode in status["accessModes"])
    text = f"Name:\t{item.name}\nNamespace:\t{item.namespace}\nStorageClass:\t{spec['storageClassName']}\n"
    text += f"Status:\t{status['phase']}\nVolume:\t{spec['volumeName']}\n" + labels("Labels", item.labels)
    text += "Annotations:\t<none>\nFinalizers:\t[kubernetes.io/pvc-protection]\n"
    text += f"Capacity:\t{status['capacity']['storage']}\nAccess Modes:\t{modes}\nVolumeMode:\t{spec['volumeMode']}\n"
    user = item.name.removeprefix("data-")
    mounted = any(
        "persistentVolumeClaim" in each
        for pod in _pods(world, user)
        for each in pod["spec"].get("volumes", [])
    )
    return text + f"Used By:\t{user if mounted else '<none>'}\n"


def _pods(world: "World", name: str) -> list[dict[str, Any]]:
    from simulator.kubernetes.resources import TYPES, items

    found = items(world, TYPES["pods"], world.kubernetes.namespace)
    return [as_object(world, item) for item in found if item.name == name]


def cpu_text(millicores: int) -> str:
    """A sum of CPU as a quantity prints it."""
    return str(millicores // 1000) if millicores % 1000 == 0 else f"{millicores}m"


def memory_text(mebibytes: int) -> str:
    return f"{mebibytes // 1024}Gi" if mebibytes % 1024 == 0 and mebibytes else f"{mebibytes}Mi"


def share(value: int, whole: int) -> str:
    return f"({100 * value // whole}%)"


def memory_share(mebibytes: int, node: Node) -> str:
    return share(mebibytes * 1024, node.memory_mi * 1024 - FIRMWARE_KI)


def allocated(node: Node, here: list[Pod]) -> str:
    """The sums at the end of a node's page."""
    requests = [
        sum(cpu_m(p.template.cpu_request) for p in here),
        sum(memory_mi(p.template.memory_request) for p in here),
    ]
    limits = [
        sum(cpu_m(p.template.cpu_limit) for p in here),
        sum(memory_mi(p.template.memory_limit) for p in here),
    ]
    text = "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n"
    text += "  Resource\tRequests\tLimits\n  --------\t--------\t------\n"
    cpu = [f"{cpu_text(n)} {share(n, node.cpu_m)}" for n in (requests[0], limits[0])]
    memory = [f"{memory_text(n)} {memory_share(n, node)}" for n in (requests[1], limits[1])]
    return (
        text
        + f"  cpu\t{cpu[0]}\t{cpu[1]}\n  memory\t{memory[0]}\t{memory[1]}\n  ephemeral-storage\t0 (0%)\t0 (0%)\n"
    )
