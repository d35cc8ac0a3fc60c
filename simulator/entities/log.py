"""A partitioned log with Kafka's promises: leaders, in-sync replicas, high watermark, acks and truncation.

acks=0 is answered before anything is written, acks=1 once the leader has the record, acks=all once every
in-sync replica has it; with acks=all fewer than `min_insync` of those refuse the write. Consumers see what
lies below the high watermark. A leader that dies is followed by an in-sync replica; if none is left, only an
unclean election goes on, and whatever the new leader lacks is truncated. Offsets count from 0.
Settings and texts: Apache Kafka 3.7, ProducerConfig, TopicConfig, ReplicaManager.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from simulator.engine.streams import bits
from simulator.entities.columns import Column
from simulator.entities.conditions import Conditions
from simulator.entities.history import INFO, OK, History
from simulator.entities.replication import Copy, Entry, Replicated
from simulator.entities.strict import STRICT
from simulator.entities.timers import MS, Timers

WRITTEN, PENDING, REFUSED = "written", "pending", "refused"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic. `lag_max_ms` is replica.lag.time.max.ms, `session_ms` broker.session.timeout.ms."""

    __pydantic_config__ = STRICT

    name: str
    brokers: tuple[str, ...] = ("kafka-0",)
    partitions: Annotated[int, Field(ge=1, le=4_096)] = 1
    acks: str = "all"
    min_insync: int = 1
    unclean: bool = False
    idempotent: bool = True
    lag_max_ms: int = 30_000
    session_ms: int = 9_000
    check_ms: int = 1_000


@dataclass(slots=True)
class Record:
    """What a consumer gets."""

    offset: int
    key: int
    value: int
    time_ns: int


class Partition(Replicated):
    """One partition. A payload is (key, value, producer); what has no producer's name is never recognised."""

    __slots__ = (
        "archive",
        "history",
        "isr",
        "label",
        "missed_ns",
        "readers",
        "sequences",
        "spec",
        "waiting",
        "watermark",
    )

    def __init__(
        self,
        spec: TopicSpec,
        number: int,
        luck: int,
        timers: Timers,
        history: History,
        sequences: dict[str, Column],
    ) -> None:
        turn = number % len(spec.brokers)
        super().__init__(
            f"{spec.name}-{number}", spec.brokers[turn:] + spec.brokers[:turn], bits(luck, number), timers
        )
        self.spec = spec
        self.label = (spec.name, number)
        self.history = history
        self.isr = [copy.index for copy in self.copies]
        self.watermark = 0  # the offset after the last record that consumers may see
        self.waiting: list[tuple[int, int, str, int]] = []
        self.archive = (Column(2), Column(2), Column(2))  # key, value, time by offset
        self.sequences = sequences  # of the topic: producer -> position of the value it last wrote
        self.readers: list[str] = []  # groups to wake
        self.missed_ns = -1
        history.add(timers.now, OK, self.copies[0].name, "lead", self.label, 1)
        if len(spec.brokers) > 1:
            timers.at(timers.now + spec.check_ms * MS, self.name, "check")

    # producing

    def produce(
        self,
        conditions: Conditions,
        key: int,
        value: int,
        client: str = "",
        producer: str = "",
        owner: str = "",
        number: int = 0,
    ) -> str:
        """Write a record as the topic's acks say. `PENDING`: `owner.resume(conditions, number, …)` follows."""
        leader = self.leader_for(client, conditions)
        acks = self.spec.acks
        if leader is None:
            return WRITTEN if acks == "0" else REFUSED
        if acks == "all" and len(self.isr) < self.spec.min_insync:
            return REFUSED
        position = self._known(producer, value)
        if position is None or not self._holds(leader, position, value):
            position = self.append(leader, (key, value, producer), conditions)
            self.history.add(
                self.timers.now, OK, leader.name, "append", self.label, (position - 1, value), value
            )
            self._advance(leader, conditions)
        if acks != "all" or self.watermark >= position:
            return WRITTEN
        if owner:
            self.waiting.append((position, leader.leads, owner, number))
        return PENDING

    def applied(self, copy: Copy, entry: Entry) -> None:
        _, value, producer = entry[3]
        if copy.leads and producer and self.spec.idempotent:
            self.sequences.setdefault(producer, Column(16)).put(value, entry[0])

    def _known(self, producer: str, value: int) -> int | None:
        """Where an idempotent producer has already written this value, as the broker's sequence numbers tell."""
        column = self.sequences.get(producer) if producer and self.spec.idempotent else None
        return None if column is None else column.get(value)

    def _holds(self, leader: Copy, position: int, value: int) -> bool:
        """Whether this leader's log has the value there: an earlier leader's last records may be gone with it."""
        if position > leader.end:
            return False
        place = position - 1 - self.base
        return place < 0 or bool(leader.entries[place][3][1] == value)

    def taken_back(self, copy: Copy, entry: Entry) -> None:
        self.history.add(
            self.timers.now, INFO, copy.name, "truncate", self.label, (entry[0] - 1, entry[3][1]), entry[3][1]
        )
        if self._known(entry[3][2], entry[3][1]) == entry[0]:
            self.sequences[entry[3][2]].drop(entry[3][1])

    def settled(self, entries: list[Entry]) -> None:
        for position, _, time_ns, payload in entries:
            for column, field_value in zip(self.archive, (payload[0], payload[1], time_ns), strict=True):
                column.put(position - 1, field_value)

    def progressed(self, conditions: Conditions, leader: Copy) -> None:
        for copy in self.copies:
            if copy.index not in self.isr and copy.follows == leader.leads and copy.end == leader.end:
                self.isr.append(copy.index)  # caught up: back in the set
        self._advance(leader, conditions)

    def _advance(self, leader: Copy, conditions: Conditions) -> None:
        """Move the high watermark to what every in-sync replica has; answer writers and wake readers."""
        if leader is not self.newest_leader():
            return
        mark = min((self.copies[i].end for i in self.isr), default=leader.end)
        if mark <= self.watermark:
            return
        self.watermark = mark
        if self.waiting:
            left = []
            for waiter in self.waiting:
                if waiter[1] == leader.leads and waiter[0] <= mark:
                    enough = len(self.isr) >= self.spec.min_insync
                    if waiter[2]:
                        self.timers.at(
                            self.timers.now, waiter[2], "resume", waiter[3], "ok" if enough else "info"
                        )
                elif waiter[1] == leader.leads:
                    left.append(waiter)
            self.waiting = left
        for group in self.readers:
            self.timers.at(self.timers.now, group, "wake", self.label[1])

    # consuming

    def record(self, offset: int) -> Record | None:
        """The record at an offset below the high watermark, or None."""
        if offset >= self.watermark or offset < 0:
            return None
        if offset < self.base:
            key, value, time_ns = (column.get(offset) for column in self.archive)
            return Record(offset, key, value, time_ns)
        leader = self.newest_leader()
        copy = leader if leader is not None else max(self.copies, key=lambda c: c.end)
        if offset - self.base >= len(copy.entries):
            return None
        position, _, time_ns, payload = copy.entries[offset - self.base]
        return Record(position - 1, payload[0], payload[1], time_ns)

    def readable(self, conditions: Conditions) -> bool:
        """Whether consumers can fetch: the leader runs."""
        leader = self.newest_leader()
        return leader is not None and conditions.up(leader.name, self.timers.now)

    @property
    def log_end_offset(self) -> int:
        leader = self.newest_leader()
        return leader.end if leader is not None else max(copy.end for copy in self.copies)

    # the controller

    def check(self, conditions: Conditions) -> None:
        """Shrink the in-sync set by those who lag too long; replace a leader that has been gone too long."""
        now = self.timers.now
        self.timers.at(now + self.spec.check_ms * MS, self.name, "check")
        leader = self.newest_leader()
        if leader is not None and conditions.up(leader.name, now):
            self.missed_ns = -1
            self.shrink(leader, conditions)
            return
        if self.missed_ns < 0:
            self.missed_ns = now
        if now - self.missed_ns >= self.spec.session_ms * MS:
            self.elect(conditions)

    def shrink(self, leader: Copy, conditions: Conditions) -> None:
        """Drop in-sync replicas that have not caught up for `lag_max_ms`, or gone; take those who caught up."""
        now, stay = self.timers.now, []
        for index in self.isr:
            copy = self.copies[index]
            alive = conditions.up(copy.name, now)
            if copy is leader or (alive and copy.end == leader.end and not copy.asking):
                copy.caught_up_ns = now
            allowed_ms = self.spec.lag_max_ms if alive else self.spec.session_ms
            if now - copy.caught_up_ns <= allowed_ms * MS:
                stay.append(index)
        if len(stay) < len(self.isr):
            self.isr = stay
            self._advance(leader, conditions)
        for copy in self.copies:
            if copy.index in self.isr or not conditions.up(copy.name, now):
                continue
            agreed = copy.follows == leader.leads and copy.end == leader.end
            if agreed and conditions.connected(copy.name, leader.name, now):
                self.isr.append(copy.index)
            elif not copy.asking:
                copy.asking = True
                self.timers.at(now, self.name, "fetch", copy.index)

    def elect(self, conditions: Conditions) -> str | None:
        """Choose a leader: an in-sync replica that runs, else (if unclean elections are allowed) any that runs."""
        now = self.timers.now
        alive = [copy for copy in self.copies if conditions.up(copy.name, now)]
        clean = [copy for copy in alive if copy.index in self.isr]
        chosen = clean[0] if clean else (alive[0] if alive and self.spec.unclean else None)
        if chosen is None:
            return None
        for copy in self.copies:
            if copy.leads:
                self.step_down(copy.name)
        if not clean:
            self.isr = [chosen.index]
            self.watermark = min(self.watermark, chosen.end)
        else:
            self.isr = [copy.index for copy in clean]
        epoch = self.lead(chosen.name, conditions)
        self.missed_ns = -1
        self.history.add(now, OK, chosen.name, "lead", self.label, epoch)
        self.waiting = []
        self._advance(chosen, conditions)
        return chosen.name


@dataclass(slots=True)
class Topic:
    """The partitions of a topic; a key always goes to the same one."""

    spec: TopicSpec
    partitions: list[Partition] = field(default_factory=list)

    def of(self, key: int) -> Partition:
        """The partition of a key (a hash modulo their number: adding partitions moves keys)."""
        return self.partitions[bits(0x6B61666B61, key) % len(self.partitions)]


def build(spec: TopicSpec, luck: int, timers: Timers, history: History) -> Topic:
    sequences: dict[str, Column] = {}
    return Topic(spec, [Partition(spec, n, luck, timers, history, sequences) for n in range(spec.partitions)])


def rows(topic: Topic) -> list[dict[str, Any]]:
    """What `kafka-topics --describe` shows: leader, replicas, in-sync replicas, offsets."""
    found = []
    for number, part in enumerate(topic.partitions):
        leader = part.newest_leader()
        found.append(
            {
                "topic": topic.spec.name,
                "partition": number,
                "leader": leader.name if leader is not None else "none",
                "replicas": [copy.name for copy in part.copies],
                "isr": [part.copies[i].name for i in part.isr],
                "high_watermark": part.watermark,
                "log_end_offset": part.log_end_offset,
            }
        )
    return found
