"""Services and their releases: slow, frozen, failing, full, starved of slots, or of the wrong version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.faults.fault import DOWN, TIMES, Act, Fault, Moves
from simulator.faults.kinds import names
from simulator.faults.params import Param, Wrong, say
from simulator.kubernetes import controller
from simulator.scenario import Service, Step, Text

if TYPE_CHECKING:
    from simulator.world import World

SERVICE = Param("service", names=names.services)
T = {
    "work": Text(ru="у {0} нет своей работы, которую можно растянуть", en="{0} has no work of its own to stretch"),
    "place": Text(ru="у {0} нет подов в {1!r}; есть в: {2}", en="{0} has no pods in {1!r}; it has in: {2}"),
    "same": Text(ru="{0} уже работает на {1}; другие версии: {2}", en="{0} runs {1} already; other versions: {2}"),
}  # fmt: skip


def _speed(act: Act, factor: float, place: str = "") -> None:
    """Each data centre's pods for themselves, so that faults of one and of all compose."""
    name = act.name("service")
    service = act.world.scenario.services()[name]
    for version in service.versions:
        for where in [place] if place else list(service.placement) or [""]:
            act.put(f"speed/{name}/{version}/{where}", "mul", factor)


def _brownout(act: Act) -> None:
    name, place = act.name("service"), act.name("dc")
    placed = list(act.world.scenario.services()[name].placement)
    if place not in placed:
        raise Wrong(say(act.world, T["place"], name, place, ", ".join(placed) or "-"))
    _speed(act, 1.0 / act.number("factor"), place)


def own_work_ms(service: Service) -> float:
    """Mean work of one request on the spot: the mean over endpoints that have any."""
    found = [sum(_work(step) for step in steps) for steps in service.endpoints.values()]
    found = [ms for ms in found if ms > 0]
    return sum(found) / len(found) if found else 0.0


def _work(step: Step) -> float:
    return float(step.work_ms or 0.0)


def _latency(act: Act) -> None:
    service = act.name("service")
    work = own_work_ms(act.world.scenario.services()[service])
    if work <= 0:
        raise Wrong(say(act.world, T["work"], service))
    _speed(act, work / (work + act.number("time")))


def _gc(act: Act) -> None:
    act.brought.memory["stopped"] = False
    act.every(act.number("every"))
    _stop(act)


def _stop(act: Act) -> None:
    """Stand still now, and go on after the pause."""
    act.brought.memory["pauses"] = act.brought.memory.get("pauses", 0) + 1
    _speed(act, 0.0)
    act.world.agenda.at(
        act.world.now_s + act.number("pause"), "faults.lift", priority=6, number=act.brought.number
    )


def _release(act: Act) -> None:
    world, service, version = act.world, act.name("service"), act.name("version")
    deployment = world.kubernetes.deployments[service]
    versions = list(world.scenario.services()[service].versions)
    if version not in versions or version == deployment.template.version:
        others = [v for v in versions if v != deployment.template.version]
        raise Wrong(say(world, T["same"], service, deployment.template.version, ", ".join(others) or "-"))
    act.brought.memory["image"] = deployment.template.image
    repository = deployment.template.image.rpartition(":")[0]
    controller.set_image(world, deployment, f"{repository}:{version}", f"break release {version}")


def _release_back(act: Act) -> None:
    deployment = act.world.kubernetes.deployments.get(act.name("service"))
    image = act.brought.memory.get("image")
    if deployment is not None and image and deployment.template.image != image:
        controller.set_image(act.world, deployment, image, "break undo")


def versions(world: World) -> list[str]:
    return [v for s in world.scenario.services().values() for v in s.versions]


def released(world: World) -> list[str]:
    return [n for n, s in world.scenario.services().items() if len(s.versions) > 1]


FAULTS = (
    Fault(
        "latency", "service", ("latency", "service latency"),
        Text(ru="Работа сервиса длится дольше на столько; очереди и таймауты следуют сами.", en="A service's own work takes so much longer; queues and time-outs follow by themselves."),
        "latency antifraud 200ms", _latency,
        Moves("time.antifraud", TIMES, 2.0),
        (SERVICE, Param("time", "ms", 1.0, 60_000.0, 200.0)),
    ),
    Fault(
        "slow", "service", ("slow", "service slow"),
        Text(ru="Поды сервиса работают во столько раз медленнее.", en="A service's pods work so many times slower."),
        "slow catalog 5x", lambda act: _speed(act, 1.0 / act.number("factor")),
        Moves("time.catalog", TIMES, 2.0),
        (SERVICE, Param("factor", "x", 1.1, 1000.0, 5.0)),
    ),
    Fault(
        "brownout", "service", ("brownout", "service brownout"),
        Text(ru="Поды сервиса медленнее во столько раз только в одном дата-центре: половина клиентов страдает.", en="A service's pods are so many times slower in one data centre alone: half of the clients suffer."),
        "brownout inventory dc-1 200x", _brownout,
        Moves("time.inventory", TIMES, 3.0),
        (SERVICE, Param("dc", names=names.places), Param("factor", "x", 1.1, 1000.0, 5.0)),
        needs=lambda w: bool(names.places(w)),
    ),
    Fault(
        "pause", "service", ("pause", "freeze", "service pause"),
        Text(ru="Все поды сервиса замирают, как при SIGSTOP; соединения остаются открытыми.", en="All pods of a service stand still, as under SIGSTOP; connections stay open."),
        "pause auth-service", lambda act: _speed(act, 0.0),
        Moves("success.order", DOWN, 0.5),
        (SERVICE,),
    ),
    Fault(
        "errors", "service", ("errors", "fail", "service errors"),
        Text(ru="Доля запросов к сервису кончается ошибкой 500.", en="A share of a service's requests ends with an error 500."),
        "errors order-service 20%", lambda act: act.put(f"failing/{act.name('service')}", "join", act.number("share")),
        Moves("success.order", DOWN, 0.1),
        (SERVICE, Param("share", "%", 0.001, 1.0, 0.2)),
    ),
    Fault(
        "gc", "service", ("gc", "service gc"),
        Text(ru="Паузы сборщика мусора: все поды сервиса замирают на время, и так раз за разом.", en="Garbage-collection pauses: all pods of a service stand still for a time, again and again."),
        "gc checkout 3s --every 10s", _gc,
        Moves("time.checkout", TIMES, 2.0),
        (SERVICE, Param("pause", "s", 0.1, 60.0, 2.0), Param("every", "s", 1.0, 600.0, 10.0, flag=True)),
        beat=_stop,
    ),
    Fault(
        "slots", "service", ("slots", "bulkhead", "service slots"),
        Text(ru="В каждом поде столько рабочих слотов, остальные запросы ждут или получают отказ.", en="Each pod has so many request slots; other requests wait or are refused."),
        "slots antifraud 1", lambda act: act.put(f"setting/bulkhead.{act.name('service')}", "set", act.number("count")),
        Moves("success.order", DOWN, 0.05),
        (SERVICE, Param("count", "int", 1, 100_000, 1)),
    ),
    Fault(
        "limit", "service", ("limit", "service limit"),
        Text(ru="Ограничитель сервиса пропускает столько запросов в секунду, остальным 429.", en="A service's limiter lets so many requests a second through, the others get 429."),
        "limit catalog 100", lambda act: act.put(f"setting/rate_limit.{act.name('service')}", "min", act.number("rate")),
        Moves("success.browse", DOWN, 0.2),
        (Param("service", names=names.limited), Param("rate", "rps", 1.0, 1e6, 100.0)),
        needs=lambda w: bool(names.limited(w)),
    ),
    Fault(
        "release", "service", ("release", "service release"),
        Text(ru="Выкатывается другая версия сервиса, под за подом.", en="Another version of a service is rolled out, pod by pod."),
        "release order-service v9.5.0", _release,
        Moves("queries.orders-db", TIMES, 2.0, run_s=120.0, after_s=150.0),
        (Param("service", names=released), Param("version", names=versions)),
        fix="kubectl rollout undo deployment/{service} -n prod", undo=_release_back,
        needs=lambda w: bool(released(w)),
    ),
)  # fmt: skip
