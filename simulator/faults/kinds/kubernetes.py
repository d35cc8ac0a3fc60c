"""Kubernetes: pods that die, machines that go, replicas, images, requests, hpas and variables that are wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.faults import places
from simulator.faults.fault import DOWN, UP, Act, Fault, Moves
from simulator.faults.kinds import names
from simulator.faults.params import Param, Wrong, say
from simulator.kubernetes import controller
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.kubernetes.state import Deployment, Pod
    from simulator.world import World

SERVICE = Param("service", names=names.services)
MISSING = "does-not-exist"
T = {
    "knob": Text(ru="у {0} нет переменной, которая что-то меняет; есть у: {1}", en="{0} has no variable that changes anything; these have: {1}"),
    "hpa": Text(ru="у {0} нет автоскейлера; есть у: {1}", en="{0} has no autoscaler; these have: {1}"),
}  # fmt: skip


def _deployment(act: Act) -> Deployment:
    found: Deployment = act.world.kubernetes.deployments[act.name("service")]
    return found


def _serving(act: Act) -> list[Pod]:
    service = act.name("service")
    return [p for p in act.world.kubernetes.pods.values() if p.app == service and p.active]


def _kill(act: Act) -> None:
    pods = _serving(act)
    for pod in pods[: max(1, int(len(pods) * act.number("share") + 0.5))]:
        controller.delete_pod(act.world, pod, force=True)


def _crash(act: Act) -> None:
    act.every(act.number("every"))
    _kill(act)


def _scale(act: Act) -> None:
    found = _deployment(act)
    act.brought.memory["replicas"] = found.replicas
    controller.scale(act.world, found, int(act.number("replicas")))


def _scale_back(act: Act) -> None:
    found = act.world.kubernetes.deployments.get(act.name("service"))
    if found is not None and found.replicas == int(act.number("replicas")):
        controller.scale(act.world, found, int(act.brought.memory["replicas"]))


def _template(act: Act, **changes: object) -> None:
    """Another template, rolled out by the deployment's strategy; the old one is kept for the undo."""
    found = _deployment(act)
    act.brought.memory["template"] = found.template
    controller.apply_template(act.world, found, replace(found.template, **changes), "break")  # type: ignore[arg-type]
    act.brought.memory["made"] = found.template


def _template_back(act: Act) -> None:
    found = act.world.kubernetes.deployments.get(act.name("service"))
    memory = act.brought.memory
    if found is not None and found.template == memory.get("made"):
        controller.apply_template(act.world, found, memory["template"], "break undo")


def _image(act: Act) -> None:
    repository = _deployment(act).template.image.rpartition(":")[0]
    _template(act, image=f"{repository}:{MISSING}")


def _env(act: Act) -> None:
    world, service = act.world, act.name("service")
    knobs = world.scenario.services()[service].knobs
    if not knobs:
        having = [n for n, s in world.scenario.services().items() if s.knobs]
        raise Wrong(say(world, T["knob"], service, ", ".join(having) or "-"))
    param = Param("variable", names=lambda _world: list(knobs))
    name = str(param.read(world, act.name("variable")))
    old = [pair for pair in _deployment(act).template.env if pair[0] != name]
    _template(act, env=tuple(sorted([*old, (name, act.name("value"))])))


def _drain(act: Act) -> None:
    world, node = act.world, act.world.kubernetes.nodes[act.name("node")]
    act.brought.memory["open"] = not node.unschedulable
    node.unschedulable = True
    for pod in [p for p in world.kubernetes.pods.values() if p.node == node.name and p.active]:
        controller.delete_pod(world, pod)


def _uncordon(act: Act) -> None:
    from simulator.kubernetes import pods

    if act.brought.memory["open"]:
        act.world.kubernetes.nodes[act.name("node")].unschedulable = False
        pods.start_pending(act.world)


def _cordon(act: Act) -> None:
    nodes = [n for n in act.world.kubernetes.nodes.values() if not n.unschedulable]
    act.brought.memory["nodes"] = [n.name for n in nodes]
    for node in nodes:
        node.unschedulable = True
    for pod in _serving(act)[::2]:
        controller.delete_pod(act.world, pod)


def _uncordon_all(act: Act) -> None:
    from simulator.kubernetes import pods

    for name in act.brought.memory["nodes"]:
        act.world.kubernetes.nodes[name].unschedulable = False
    pods.start_pending(act.world)


def _hpa(act: Act) -> None:
    found = act.world.kubernetes.hpas[act.name("service")]
    act.brought.memory["target"] = found.target
    found.target = max(1, round(act.number("cpu") * 100))


def _hpa_back(act: Act) -> None:
    found = act.world.kubernetes.hpas.get(act.name("service"))
    if found is not None:
        found.target = act.brought.memory["target"]


def scaled(world: World) -> list[str]:
    return list(world.kubernetes.hpas)


def knobbed(world: World) -> list[str]:
    return [n for n, s in world.scenario.services().items() if s.knobs]


def variables(world: World) -> list[str]:
    return list(dict.fromkeys(k for s in world.scenario.services().values() for k in s.knobs))


def _values(world: World) -> list[str]:
    """Values that variables know, and numbers."""
    found = [v for s in world.scenario.services().values() for k in s.knobs.values() for v in k.values]
    return list(dict.fromkeys([*(str(v) for v in found), *(str(n) for n in range(1, 1001))]))


FAULTS = (
    Fault(
        "kubernetes.kill", "kubernetes", ("kubernetes kill", "kill"),
        Text(ru="Доля подов сервиса умирает разом, без graceful shutdown; ReplicaSet создаст новые.", en="A share of a service's pods dies at once, without a graceful shutdown; the ReplicaSet makes new ones."),
        "kubernetes kill cart-service --share 100%", _kill,
        Moves("success.order", DOWN, 0.2, run_s=20.0, last_s=15.0, after_s=90.0),
        (SERVICE, Param("share", "%", 0.01, 1.0, 0.5, flag=True)), lasts=False,
    ),
    Fault(
        "kubernetes.crash", "kubernetes", ("kubernetes crash", "crashloop"),
        Text(ru="Поды сервиса падают раз за разом: каждые столько секунд умирает доля.", en="A service's pods crash again and again: every so many seconds a share of them dies."),
        "kubernetes crash pricing-service --share 50% --every 15s", _crash,
        Moves("pods.pricing-service", DOWN, 1.0, run_s=90.0, last_s=60.0, after_s=90.0),
        (SERVICE, Param("share", "%", 0.01, 1.0, 0.25, flag=True), Param("every", "s", 5.0, 600.0, 20.0, flag=True)),
        beat=_kill,
    ),
    Fault(
        "kubernetes.scale", "kubernetes", ("kubernetes scale", "scale"),
        Text(ru="У сервиса остаётся столько реплик, как после ошибочного kubectl scale.", en="A service is left with so many replicas, as after a kubectl scale that was a mistake."),
        "kubernetes scale order-service 0", _scale,
        Moves("success.order", DOWN, 0.5, after_s=90.0),
        (SERVICE, Param("replicas", "int", 0, 200, 0)), fix="kubectl scale deployment/{service} --replicas=6 -n prod", undo=_scale_back,
    ),
    Fault(
        "kubernetes.node", "kubernetes", ("kubernetes node", "node"),
        Text(ru="Машина без питания: поды на ней мертвы сразу, кластер узнаёт через 40–50 с.", en="A machine loses power: its pods are dead at once, the cluster learns of it after 40-50 s."),
        "kubernetes node node-dc-1-01", lambda act: places.node_down(act.world, act.name("node")),
        Moves("pods.catalog", DOWN, 1.5, run_s=30.0, last_s=15.0, after_s=90.0),
        (Param("node", names=names.machines),), undo=lambda act: places.node_up(act.world, act.name("node")),
    ),
    Fault(
        "kubernetes.drain", "kubernetes", ("kubernetes drain", "drain"),
        Text(ru="Узел закрыт для подов, а те, что были на нём, выселены.", en="A node is closed to pods, and those on it are evicted."),
        "kubernetes drain node-dc-2-01", _drain,
        Moves("pods.catalog", DOWN, 1.5, run_s=15.0, last_s=8.0, after_s=90.0), (Param("node", names=names.machines),),
        fix="kubectl uncordon {node}", undo=_uncordon,
    ),
    Fault(
        "kubernetes.cordon", "kubernetes", ("kubernetes cordon", "cordon"),
        Text(ru="Все узлы закрыты для новых подов, а половина подов сервиса пересоздаётся: им некуда встать, они Pending.", en="All nodes are closed to new pods while half of a service's pods are made anew: there is no room for them, they stay Pending."),
        "kubernetes cordon search-service", _cordon,
        Moves("unready.search-service", UP, 2.0, after_s=90.0),
        (SERVICE,), undo=_uncordon_all,
    ),
    Fault(
        "kubernetes.image", "kubernetes", ("kubernetes image", "image"),
        Text(ru="Выкатывается образ, которого нет в реестре: новые поды в ImagePullBackOff, старые ещё работают.", en="An image that the registry does not have is rolled out: new pods are in ImagePullBackOff, old ones still serve."),
        "kubernetes image cart-service", _image,
        Moves("unready.cart-service", UP, 1.0, after_s=90.0),
        (SERVICE,), fix="kubectl rollout undo deployment/{service} -n prod", undo=_template_back,
    ),
    Fault(
        "kubernetes.requests", "kubernetes", ("kubernetes requests", "requests"),
        Text(ru="Поды просят больше CPU, чем есть у узлов: новые не находят места.", en="Pods ask for more CPU than any node has: new ones find no room."),
        "kubernetes requests inventory 64", lambda act: _template(act, cpu_request=f"{act.number('cpu'):g}", cpu_limit=f"{act.number('cpu'):g}"),
        Moves("unready.inventory", UP, 1.0, after_s=90.0),
        (SERVICE, Param("cpu", "int", 1, 256, 64)), fix="kubectl rollout undo deployment/{service} -n prod", undo=_template_back,
    ),
    Fault(
        "kubernetes.hpa", "kubernetes", ("kubernetes hpa", "hpa"),
        Text(ru="Цель автоскейлера по CPU слишком низкая: он поднимает поды до потолка; назад — через 5 минут стабилизации.", en="The autoscaler's CPU target is far too low: it raises pods to its ceiling; the way back takes its 5 minutes of stabilisation."),
        "kubernetes hpa catalog 2%", _hpa,
        Moves("pods.catalog", UP, 4.0, run_s=120.0, after_s=480.0),
        (Param("service", names=scaled), Param("cpu", "%", 0.01, 1.0, 0.05)), undo=_hpa_back,
        needs=lambda w: bool(scaled(w)),
    ),
    Fault(
        "kubernetes.env", "kubernetes", ("kubernetes env", "env"),
        Text(ru="Переменная окружения сервиса получает другое значение, под за подом.", en="A service's environment variable gets another value, pod by pod."),
        "kubernetes env payment-service DB_POOL_SIZE 1", _env,
        Moves("wait.payments-db", UP, 3.0, run_s=120.0, after_s=150.0),
        (Param("service", names=knobbed), Param("variable", names=variables), Param("value", names=_values)),
        fix="kubectl rollout undo deployment/{service} -n prod", undo=_template_back,
        needs=lambda w: bool(knobbed(w)),
    ),
)  # fmt: skip
