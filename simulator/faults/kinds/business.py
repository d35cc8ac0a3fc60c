"""What happens to single orders: payment systems that fail, and steps whose code is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.entities.spec import CALL, MOVE, PUBLISH, READ, WRITE
from simulator.faults.fault import DOWN, UP, Act, Fault, Moves
from simulator.faults.kinds import names
from simulator.faults.kinds.kafka import _crash_once
from simulator.faults.layers import WHY
from simulator.faults.params import Param
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

SYSTEM = Param("system", names=names.systems)
SHARE = Param("share", "%", 0.001, 1.0, 0.3)


def _steps(world: World, *kinds: str) -> list[str]:
    if world.entities is None:
        return []
    return [f"{f.name}.{s.name}" for f in world.entities.spec.flows for s in f.steps if s.do in kinds]


def calls(world: World) -> list[str]:
    return _steps(world, CALL)


def any_steps(world: World) -> list[str]:
    return _steps(world, CALL, WRITE, MOVE, PUBLISH, READ)


def moves(world: World) -> list[str]:
    return _steps(world, MOVE)


def raced(world: World) -> list[str]:
    """Moves whose row a step before them has read."""
    found = []
    for flow in world.entities.spec.flows if world.entities is not None else ():
        seen: set[tuple[str, str]] = set()
        for step in flow.steps:
            if step.do == READ:
                seen.add((step.target, step.table))
            elif step.do == MOVE and (step.target, step.table) in seen:
                found.append(f"{flow.name}.{step.name}")
    return found


def amounts(world: World) -> list[str]:
    flows = world.entities.spec.flows if world.entities is not None else ()
    return [f"{f.name}.{s.name}" for f in flows for s in f.steps if s.do == CALL or s.writes == "amount"]


def _trouble(act: Act, field: str) -> None:
    act.put(f"trouble/{act.name('system')}/{field}", "join", act.number("share"))


def _target(world: World, step: str) -> str:
    flow, _, name = step.partition(".")
    assert world.entities is not None
    return next(
        s.target for f in world.entities.spec.flows if f.name == flow for s in f.steps if s.name == name
    )


def _set(act: Act, field: str, value: object) -> None:
    act.put(f"setting/flow.{act.name('step')}.{field}", "set", value)


def _nokey(act: Act) -> None:
    _set(act, "idempotent", "attempt")
    act.put(f"trouble/{_target(act.world, act.name('step'))}/ambiguous", "join", act.number("share"))


def _wrong(act: Act) -> None:
    every = int(act.number("every"))
    _set(act, "wrong", ((every, 0, int(act.number("by"))),))


def _once(act: Act) -> None:
    _set(act, "attempts", 1)
    act.put(f"trouble/{_target(act.world, act.name('step'))}/error", "join", act.number("share"))


def _twice(act: Act) -> None:
    """The consumer's handler adds a row each time a record is delivered, and consumers crash."""
    flow = act.name("step").partition(".")[0]
    assert act.world.entities is not None
    group = next(f.group for f in act.world.entities.spec.flows if f.name == flow)
    _set(act, "idempotent", "none")
    act.brought.args["group"] = group
    act.every(act.number("every"))


def consumed(world: World) -> list[str]:
    flows = world.entities.spec.flows if world.entities is not None else ()
    return [f"{f.name}.{s.name}" for f in flows if f.group for s in f.steps if s.do == MOVE]


FAULTS = (
    Fault(
        "payments.errors", "payments", ("payments errors",),
        Text(ru="Внешняя система отвечает отказом на долю вызовов.", en="The outside system refuses a share of the calls."),
        "payments errors psp 70%", lambda act: _trouble(act, "error"), Moves("flow.order", UP, 0.1),
        (SYSTEM, SHARE), needs=lambda w: bool(names.systems(w)),
    ),
    Fault(
        "payments.timeout", "payments", ("payments timeout",),
        Text(ru="Доля вызовов проходит, но ответ не приходит: неизвестно, списаны ли деньги.", en="A share of the calls is carried out but the answer never comes: nobody knows whether the money was taken."),
        "payments timeout psp 60%", lambda act: _trouble(act, "ambiguous"), Moves("took.order", UP, 1000.0),
        (SYSTEM, SHARE), needs=lambda w: bool(names.systems(w)),
    ),
    Fault(
        "payments.lost", "payments", ("payments lost",),
        Text(ru="Доля вызовов пропадает: ничего не сделано, вызывающий ждёт до таймаута.", en="A share of the calls is lost: nothing is done, the caller waits for its time-out."),
        "payments lost psp 80%", lambda act: _trouble(act, "lost"), Moves("flow.order", UP, 0.2, after_s=90.0),
        (SYSTEM, SHARE), needs=lambda w: bool(names.systems(w)),
    ),
    Fault(
        "payments.slow", "payments", ("payments slow",),
        Text(ru="Внешняя система отвечает в среднем на столько дольше.", en="The outside system takes so much longer on average."),
        "payments slow psp 800ms", lambda act: act.put(f"trouble/{act.name('system')}/mean_ms", "add", act.number("time")),
        Moves("took.order", UP, 400.0), (SYSTEM, Param("time", "ms", 1.0, 60_000.0, 800.0)), needs=lambda w: bool(names.systems(w)),
    ),
    Fault(
        "payments.down", "payments", ("payments down",),
        Text(ru="Внешняя система не отвечает вовсе.", en="The outside system does not answer at all."),
        "payments down carrier", lambda act: act.put(f"down/{act.name('system')}", "set", WHY), Moves("lag.warehouse", UP, 30.0, run_s=90.0, after_s=240.0),
        (SYSTEM,), needs=lambda w: bool(names.systems(w)),
    ),
    Fault(
        "payments.nokey", "payments", ("payments nokey",),
        Text(ru="Повторы идут с новым ключом идемпотентности, а часть ответов теряется: двойные списания.", en="Retries come with a new idempotency key while some answers are lost: double charges."),
        "payments nokey order.charge 30%", _nokey, Moves("broken.charged_once", UP, 10.0, after_s=0.0),
        (Param("step", names=calls), SHARE), needs=lambda w: bool(calls(w)),
    ),
    Fault(
        "data.race", "data", ("data race",),
        Text(ru="Шаг пишет то, что прочёл раньше, плюс изменение, вместо одного атомарного UPDATE: гонка, потерянные обновления.", en="A step writes what it has read before plus the change, instead of one atomic UPDATE: a race, lost updates."),
        "data race order.reserve", lambda act: _set(act, "mode", "from_read"), Moves("broken.stock_true", UP, 1.0, run_s=150.0, after_s=0.0),
        (Param("step", names=raced),), needs=lambda w: bool(raced(w)),
    ),
    Fault(
        "data.amount", "data", ("data amount",),
        Text(ru="У каждого N-го заказа сумма неверна на столько копеек.", en="Every N-th order's amount is off by so many minor units."),
        "data amount order.bill 7 --by 100", _wrong, Moves("broken.amounts_true", UP, 10.0, after_s=0.0),
        (Param("step", names=amounts), Param("every", "int", 1, 10_000, 10), Param("by", "int", 1, 1_000_000, 100, flag=True)), needs=lambda w: bool(amounts(w)),
    ),
    Fault(
        "data.skip", "data", ("data skip",),
        Text(ru="Шаг больше не выполняется: релиз его потерял.", en="A step is not done any more: a release has lost it."),
        "data skip order.create", lambda act: _set(act, "do", "skip"), Moves("broken.orders_kept", UP, 50.0, after_s=0.0),
        (Param("step", names=any_steps),), needs=lambda w: bool(any_steps(w)),
    ),
    Fault(
        "data.announce", "data", ("data unannounced",),
        Text(ru="Событие о заказе не публикуется: заказ принят, а склад о нём не знает.", en="The order's event is not published: the order is accepted and the warehouse does not know of it."),
        "data unannounced order.announce", lambda act: _set(act, "do", "skip"), Moves("written.order-events", DOWN, 1.0),
        (Param("step", names=lambda w: _steps(w, PUBLISH)),), needs=lambda w: bool(_steps(w, PUBLISH)),
    ),
    Fault(
        "data.impatient", "data", ("data impatient",),
        Text(ru="Таймаут шага короче, чем вызов обычно длится: успешное считается неудачей.", en="A step's time-out is shorter than the call usually takes: what succeeds counts as failed."),
        "data impatient order.charge 15ms", lambda act: _set(act, "timeout_ms", int(act.number("time"))), Moves("flow.order", UP, 0.3),
        (Param("step", names=calls), Param("time", "ms", 1.0, 60_000.0, 50.0)), needs=lambda w: bool(calls(w)),
    ),
    Fault(
        "data.once", "data", ("data once",),
        Text(ru="Шаг больше не повторяется: первая же ошибка валит всю цепочку, а система отказывает чаще.", en="A step is not tried again: its first error fails the whole flow, and its target fails more often."),
        "data once order.charge 20%", _once,
        Moves("flow.order", UP, 0.1), (Param("step", names=calls), SHARE), needs=lambda w: bool(calls(w)),
    ),
    Fault(
        "data.twice", "data", ("data twice",),
        Text(ru="Обработчик без ON CONFLICT, а консьюмеры падают: повторная доставка делает работу дважды.", en="A handler without ON CONFLICT while consumers crash: what is delivered again is done twice."),
        "data twice shipping.ship --every 8s", _twice, Moves("broken.shipped_once", UP, 1.0, run_s=150.0, after_s=0.0),
        (Param("step", names=consumed), Param("every", "s", 5.0, 600.0, 20.0, flag=True)), beat=_crash_once, needs=lambda w: bool(consumed(w)),
    ),
)  # fmt: skip
