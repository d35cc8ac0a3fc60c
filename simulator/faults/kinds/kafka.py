"""Kafka: brokers, consumers, and the settings of topics and groups that cost messages."""

from __future__ import annotations

from simulator.faults.fault import DOWN, UP, Act, Fault, Moves
from simulator.faults.kinds import names
from simulator.faults.layers import WHY
from simulator.faults.params import Param
from simulator.kafka import consumers
from simulator.kafka.state import broker_named, groups_of, kafka_of
from simulator.scenario import Text

BROKER = Param("broker", names=names.brokers)
GROUP = Param("group", names=names.groups)
TOPIC = Param("topic", names=names.topics)


def _name(act: Act) -> str:
    return str(broker_named(act.world, act.name("broker")))


def _others(act: Act, name: str) -> list[str]:
    return [n for n in kafka_of(act.world).brokers if n != name]


def _broker(act: Act) -> None:
    act.put(f"down/{_name(act)}", "set", WHY)


def _cluster(act: Act) -> None:
    for name in kafka_of(act.world).brokers:
        act.put(f"down/{name}", "set", WHY)


def _cut(act: Act) -> None:
    name = _name(act)
    for other in _others(act, name):
        act.put(f"cut/{name}/{other}", "set", WHY)


def _lag(act: Act) -> None:
    name = _name(act)
    for other in _others(act, name):
        for pair in ((name, other), (other, name)):
            act.put(f"delay/{pair[0]}/{pair[1]}", "add", act.number("time"))


def _unclean(act: Act) -> None:
    """Records are acknowledged by the leader alone, followers lag, and then the leader dies."""
    topic = act.name("topic")
    act.put(f"setting/topic.{topic}.acks", "set", "1")
    act.put(f"setting/topic.{topic}.unclean", "set", True)
    _lag(act)
    act.every(act.number("after"))


def _dies(act: Act) -> None:
    path = f"down/{_name(act)}"
    if not act.brought.memory.get("dead"):
        act.brought.memory["dead"] = True
        act.put(path, "set", WHY)


def _members(act: Act) -> list[str]:
    group = act.name("group")
    return [f"{group}/{m.name}" for m in groups_of(act.world)[group].members]


def _stop_all(act: Act) -> None:
    stopped = []
    for what in _members(act):
        if not groups_of(act.world)[act.name("group")].gone(what.partition("/")[2]):
            consumers.close(act.world, what)
            stopped.append(what)
    act.brought.memory["stopped"] = stopped


def _start_all(act: Act) -> None:
    for what in act.brought.memory["stopped"]:
        act.world.agenda.at(act.world.now_s, "kafka.start", priority=6, what=what)


def _stop(act: Act) -> None:
    group, _, member = act.name("member").partition("/")
    act.brought.memory["stopped"] = []
    if not groups_of(act.world)[group].gone(member):
        consumers.close(act.world, act.name("member"))
        act.brought.memory["stopped"] = [act.name("member")]


def _crash_once(act: Act) -> None:
    """One consumer after the other dies in the middle of its work and starts again."""
    members = _members(act)
    turn = act.brought.memory["turn"] = act.brought.memory.get("turn", -1) + 1
    what = members[turn % len(members)]
    if not groups_of(act.world)[act.name("group")].gone(what.partition("/")[2]):
        consumers.die(act.world, what)


def _crash(act: Act) -> None:
    act.every(act.number("every"))
    _crash_once(act)


def _commit(act: Act) -> None:
    act.put(f"setting/group.{act.name('group')}.commit", "set", act.name("when"))
    act.every(act.number("every"))


def _setting(path: str, value: str) -> object:
    def apply(act: Act) -> None:
        name = act.name("group" if path.startswith("group") else "topic")
        act.put("setting/" + path.format(name), "set", int(act.number(value)))

    return apply


FAULTS = (
    Fault(
        "kafka.broker", "kafka", ("kafka broker",),
        Text(ru="Брокер без питания: его партиции переходят к другим, ISR становится короче.", en="A broker loses power: its partitions go to others, the ISR gets shorter."),
        "kafka broker 2", _broker, Moves("isr.order-events", DOWN, 4.0, after_s=90.0), (BROKER,), needs=names.has_groups,
    ),
    Fault(
        "kafka.cluster", "kafka", ("kafka cluster", "kafka down"),
        Text(ru="Все брокеры без питания: публикации ждут и падают.", en="All brokers lose power: publications wait and fail."),
        "kafka cluster", _cluster, Moves("flow.order", UP, 0.3, run_s=90.0, after_s=120.0), (), needs=names.has_groups,
    ),
    Fault(
        "kafka.cut", "kafka", ("kafka cut",),
        Text(ru="Брокер отрезан от остальных: реплики выпадают из ISR через replica.lag.time.max.ms.", en="A broker is cut off from the others: replicas leave the ISR after replica.lag.time.max.ms."),
        "kafka cut 3", _cut, Moves("isr.order-events", DOWN, 1.5, run_s=90.0, after_s=90.0), (BROKER,), needs=names.has_groups,
    ),
    Fault(
        "kafka.lag", "kafka", ("kafka lag",),
        Text(ru="Репликация с брокером и от него медленнее на столько: acks=all ждёт дольше.", en="Replication to and from a broker takes so much longer: acks=all waits longer."),
        "kafka lag 1 800ms", _lag, Moves("took.order", UP, 150.0), (BROKER, Param("time", "ms", 1.0, 60_000.0, 500.0)), needs=names.has_groups,
    ),
    Fault(
        "kafka.unclean", "kafka", ("kafka unclean",),
        Text(ru="acks=1, отставшие реплики и unclean-выборы: лидер умирает с записями, которых ни у кого больше нет.", en="acks=1, replicas that lag and unclean elections: the leader dies with records that nobody else has."),
        "kafka unclean order-events 1 20s --after 25s", _unclean,
        Moves("broken.orders_shipped", UP, 1.0, run_s=150.0, after_s=0.0),
        (TOPIC, BROKER, Param("time", "ms", 100.0, 60_000.0, 20_000.0), Param("after", "s", 1.0, 600.0, 20.0, flag=True)), beat=_dies, needs=names.has_groups,
    ),
    Fault(
        "kafka.min_insync", "kafka", ("kafka min-insync",),
        Text(ru="min.insync.replicas больше, чем живых реплик: acks=all получает NotEnoughReplicas.", en="min.insync.replicas is more than there are replicas: acks=all gets NotEnoughReplicas."),
        "kafka min-insync order-events 4", _setting("topic.{}.min_insync", "count"),  # type: ignore[arg-type]
        Moves("flow.order", UP, 0.5), (TOPIC, Param("count", "int", 1, 10, 4)), needs=names.has_groups,
    ),
    Fault(
        "kafka.group", "kafka", ("kafka group", "kafka stop-group"),
        Text(ru="Все консьюмеры группы остановлены: лаг растёт.", en="All consumers of a group are stopped: its lag grows."),
        "kafka group warehouse", _stop_all, Moves("lag.warehouse", UP, 60.0, run_s=45.0, last_s=10.0, after_s=150.0), (GROUP,), undo=_start_all, needs=names.has_groups,
    ),
    Fault(
        "kafka.stop", "kafka", ("kafka stop",),
        Text(ru="Один консьюмер остановлен как положено: партиции делят остальные.", en="One consumer is stopped in order: the others share its partitions."),
        "kafka stop warehouse/warehouse-1", _stop, Moves("members.warehouse", DOWN, 0.5), (Param("member", names=names.members),), undo=_start_all, needs=names.has_groups,
    ),
    Fault(
        "kafka.crash", "kafka", ("kafka crash",),
        Text(ru="Консьюмеры группы по очереди падают посреди работы: ребалансировки и повторная доставка.", en="A group's consumers crash in turn in the middle of their work: rebalances, and records delivered again."),
        "kafka crash warehouse --every 5s", _crash, Moves("lag.warehouse", UP, 30.0, run_s=90.0, after_s=120.0),
        (GROUP, Param("every", "s", 5.0, 600.0, 20.0, flag=True)), beat=_crash_once, needs=names.has_groups,
    ),
    Fault(
        "kafka.commit", "kafka", ("kafka commit",),
        Text(ru="Группа коммитит оффсет не тогда, когда работа сделана, а консьюмеры при этом падают: записи пропадают.", en="A group commits its offsets not when the work is done, and its consumers crash: records are lost."),
        "kafka commit warehouse before --every 10s", _commit, Moves("broken.orders_shipped", UP, 5.0, run_s=150.0, after_s=0.0),
        (GROUP, Param("when", names=lambda _w: ["before", "auto", "highest"]), Param("every", "s", 5.0, 600.0, 20.0, flag=True)), beat=_crash_once, needs=names.has_groups,
    ),
    Fault(
        "kafka.workers", "kafka", ("kafka workers",),
        Text(ru="У каждого консьюмера столько рабочих потоков: медленный обработчик не успевает.", en="Each consumer has so many workers: a slow handler cannot keep up."),
        "kafka workers warehouse 1", _setting("group.{}.workers", "count"),  # type: ignore[arg-type]
        Moves("lag.warehouse", UP, 15.0, run_s=120.0, after_s=120.0), (GROUP, Param("count", "int", 1, 1000, 1)), needs=names.has_groups,
    ),
)  # fmt: skip
