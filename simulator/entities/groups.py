"""Consumer groups: who reads which partition, from where, and when an offset counts as done.

`commit` is the moment an offset is committed, which decides what a crash costs:
  before    as soon as records are received: at most once, a crash loses them;
  after     when the handler is done (with several workers: up to the first unfinished): at least once;
  auto      every `auto_commit_ms` inside poll, the polled position: right for one worker, and with a pool
            of workers it also commits what is still in their hands;
  highest   the highest finished offset, even if lower ones are unfinished: loses those.
Rebalances are eager: everybody gives up all partitions, and the slowest poll decides how long nobody reads. A
member that is thrown out goes on with what it holds; its commit then fails and others do the work again.
Settings and texts: Apache Kafka 3.7, ConsumerConfig, ConsumerCoordinator.
"""

from dataclasses import dataclass, field

from simulator.engine.streams import bits
from simulator.entities.conditions import Conditions
from simulator.entities.history import FAIL, INFO, OK, History
from simulator.entities.log import Topic
from simulator.entities.strict import STRICT
from simulator.entities.timers import MS, Timers

STABLE, JOINING, OUT, CRASHED, LEFT = "stable", "joining", "out", "crashed", "left"


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """A consumer group; the defaults are those of the Java client."""

    __pydantic_config__ = STRICT

    name: str
    topic: str
    members: tuple[str, ...] = ("consumer-0",)
    commit: str = "after"
    workers: int = 1
    max_poll_records: int = 500
    auto_commit_ms: int = 5_000
    session_ms: int = 45_000
    heartbeat_ms: int = 3_000
    max_poll_ms: int = 300_000
    static: bool = False
    drains: bool = False  # a stop waits for what a pool of workers has in hand
    reset: str = "latest"
    check_ms: int = 1_000


@dataclass(slots=True)
class Member:
    """One consumer. `unfinished` are (partition, offset) in the hands of workers, `queue` those not begun."""

    name: str
    state: str = STABLE
    life: int = 1  # counts restarts: work of an earlier life no longer counts
    generation: int = 1
    partitions: list[int] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)
    queue: list[tuple[int, int]] = field(default_factory=list)
    unfinished: list[tuple[int, int]] = field(default_factory=list)
    done: dict[int, int] = field(default_factory=dict)  # partition -> offset after the highest finished one
    idle: bool = True
    polled_ns: int = 0
    committed_ns: int = 0
    gone_ns: int = -1
    closing: bool = False


class Group:
    """One consumer group of one topic. Handlers are called as `handler.deliver(…)` by the timers."""

    __slots__ = (
        "committed", "deadline_ns", "generation", "handler", "history", "luck",
        "members", "name", "rebalancing", "spec", "timers", "topic",
    )  # fmt: skip

    def __init__(
        self, spec: GroupSpec, topic: Topic, handler: str, luck: int, timers: Timers, history: History
    ) -> None:
        self.spec, self.topic, self.handler, self.name = spec, topic, handler, spec.name
        self.luck, self.timers, self.history = luck, timers, history
        self.members = [Member(name) for name in spec.members]
        self.committed: dict[int, int] = {}
        self.generation = 1
        self.rebalancing = False
        self.deadline_ns = 0
        for partition in topic.partitions:
            partition.readers.append(spec.name)
            self.committed[partition.label[1]] = 0
        self._assign()
        timers.at(timers.now + spec.check_ms * MS, self.name, "check")

    # polling

    def wake(self, conditions: Conditions, partition: int) -> None:
        """A partition has something new: the member that waits for it polls."""
        for member in self.members:
            if member.idle and member.state == STABLE and partition in member.partitions:
                self.poll(conditions, member.name, member.life)

    def poll(self, conditions: Conditions, name: str, life: int) -> None:
        """One turn of a member's loop: join if asked to, commit if it is time, take records, hand them out."""
        member = self._member(name)
        if member.life != life or member.state in (CRASHED, LEFT, JOINING):
            return
        now = self.timers.now
        member.polled_ns = now
        if member.closing and not member.queue and not member.unfinished:
            self._leave(conditions, member)
            return
        if member.closing and self.spec.drains:  # nothing new, and no rebalance before it is done
            self._work(member)
            return
        if member.state == OUT or self.rebalancing:
            self._join(conditions, member)
            return
        if self.spec.commit == "auto" and now - member.committed_ns >= self.spec.auto_commit_ms * MS:
            member.committed_ns = now
            self._commit_all(member)
        self._fetch(conditions, member)
        if self.spec.commit == "before":
            self._commit_all(member)
        self._work(member)

    def _fetch(self, conditions: Conditions, member: Member) -> None:
        room = self.spec.max_poll_records - len(member.queue)
        for number in member.partitions:
            part = self.topic.partitions[number]
            if room <= 0 or not part.readable(conditions):
                continue
            position = member.positions[number]
            if position > part.log_end_offset:  # truncated under the reader: out of range
                position = part.watermark if self.spec.reset == "latest" else 0
                self.history.add(self.timers.now, INFO, member.name, "reset", part.label, position)
            end = min(part.watermark, position + room)
            member.queue.extend((number, offset) for offset in range(position, end))
            room -= max(0, end - position)
            member.positions[number] = max(position, end)
        member.idle = not member.queue and not member.unfinished

    def _work(self, member: Member) -> None:
        """Give free workers what is queued."""
        now = self.timers.now
        while member.queue and len(member.unfinished) < self.spec.workers:
            number, offset = member.queue.pop(0)
            record = self.topic.partitions[number].record(offset)
            if record is None:
                continue
            member.unfinished.append((number, offset))
            label = self.topic.partitions[number].label
            self.history.add(now, OK, member.name, "deliver", label, (offset, record.value), record.value)
            self.timers.at(
                now,
                self.handler,
                "deliver",
                self.name,
                member.name,
                member.life,
                number,
                offset,
                record.value,
            )

    def done(
        self, conditions: Conditions, name: str, life: int, number: int, offset: int, entity: int
    ) -> None:
        """A handler has finished a record. Nothing follows if the member died meanwhile."""
        member = self._member(name)
        if member.life != life or member.state in (CRASHED, LEFT):
            return
        part = self.topic.partitions[number]
        self.history.add(self.timers.now, OK, name, "process", part.label, (offset, entity), entity)
        if (number, offset) in member.unfinished:
            member.unfinished.remove((number, offset))
        member.done[number] = max(member.done.get(number, 0), offset + 1)
        if self.spec.commit == "highest":
            self._commit(member, number, member.done[number])
        elif self.spec.commit == "after" and (self.spec.workers > 1 or not member.queue):
            self._commit_finished(member)
        self._work(member)
        if not member.unfinished or (
            self.spec.workers > 1 and len(member.queue) < self.spec.max_poll_records
        ):
            self.poll(conditions, name, life)

    def _commit_finished(self, member: Member) -> None:
        """Commit, for every partition, up to the first record that is not finished."""
        for number, position in sorted(member.positions.items()):
            open_offsets = [o for n, o in member.unfinished if n == number]
            open_offsets += [o for n, o in member.queue if n == number]
            self._commit(member, number, min(open_offsets, default=position))

    def _commit_all(self, member: Member) -> None:
        for number, position in sorted(member.positions.items()):
            self._commit(member, number, position)

    def _commit(self, member: Member, number: int, offset: int) -> None:
        """Commit if the coordinator still knows the member in this generation."""
        label = self.topic.partitions[number].label
        if member.state == OUT or member.generation != self.generation:
            self.history.add(self.timers.now, FAIL, member.name, "commit", label, offset)
        elif self.committed[number] != offset:
            self.committed[number] = offset
            self.history.add(self.timers.now, OK, member.name, "commit", label, offset)

    # membership

    def check(self, conditions: Conditions) -> None:
        """The coordinator's and the clients' clocks: sessions, poll intervals, the join deadline."""
        now, spec = self.timers.now, self.spec
        self.timers.at(now + spec.check_ms * MS, self.name, "check")
        for member in self.members:
            if member.state == CRASHED and 0 <= member.gone_ns <= now - spec.session_ms * MS:
                member.gone_ns = -1
                self._rebalance(conditions)
            busy = member.state == STABLE and not member.idle
            if busy and now - member.polled_ns > spec.max_poll_ms * MS:
                member.state = OUT
                self.history.add(now, INFO, member.name, "leave", spec.name, "poll interval")
                self._rebalance(conditions)
            elif member.state == STABLE and member.idle and not self.rebalancing:
                self.poll(conditions, member.name, member.life)
        if self.rebalancing and now >= self.deadline_ns:
            for member in self.members:
                if member.state == STABLE:
                    member.state = OUT
            self._complete(conditions)

    def crash(self, conditions: Conditions, name: str) -> None:
        """kill -9: what it held is gone, and the coordinator notices after the session time-out."""
        member = self._member(name)
        member.state, member.life = CRASHED, member.life + 1
        member.gone_ns = self.timers.now
        member.queue, member.unfinished, member.idle = [], [], False
        self.history.add(self.timers.now, INFO, name, "crash", self.spec.name, member.life)

    def close(self, conditions: Conditions, name: str) -> None:
        """A graceful stop. One worker finishes its batch first; a pool's workers are dropped, as on `shutdownNow`,
        unless the group drains."""
        member = self._member(name)
        member.closing = True
        if (self.spec.workers > 1 and not self.spec.drains) or not member.unfinished:
            self._leave(conditions, member)

    def restart(self, conditions: Conditions, name: str) -> None:
        """A new process under the old name. A static member that is back in time keeps its partitions."""
        member = self._member(name)
        known = member.state == CRASHED and member.gone_ns >= 0
        member.life += 1
        member.closing, member.gone_ns = False, -1
        member.queue, member.unfinished, member.done = [], [], {}
        if self.spec.static and known and not self.rebalancing:
            member.state, member.idle = STABLE, True
            member.positions = {n: self.committed[n] for n in member.partitions}
            self.poll(conditions, name, member.life)
            return
        member.state = OUT
        self._join(conditions, member)

    def _leave(self, conditions: Conditions, member: Member) -> None:
        if self.spec.commit in ("auto", "before"):
            self._commit_all(member)
        elif self.spec.commit == "after":
            self._commit_finished(member)
        member.state, member.life = LEFT, member.life + 1
        member.queue, member.unfinished, member.partitions, member.positions = [], [], [], {}
        self.history.add(self.timers.now, INFO, member.name, "leave", self.spec.name, "close")
        self._rebalance(conditions)

    def _rebalance(self, conditions: Conditions) -> None:
        """Ask everybody to join again; those who wait for records learn it with their next heartbeat."""
        now = self.timers.now
        if not self.rebalancing:
            self.rebalancing = True
            self.deadline_ns = now + self.spec.max_poll_ms * MS
            for index, member in enumerate(self.members):
                if member.state == STABLE and member.idle:
                    luck = bits(self.luck, self.generation * 64 + index)
                    wait = luck % max(1, self.spec.heartbeat_ms * MS)
                    self.timers.at(now + wait, self.name, "poll", member.name, member.life)
        self._complete_if_all(conditions)

    def _join(self, conditions: Conditions, member: Member) -> None:
        """Give up every partition and wait for the new generation. Automatic commits happen here, too."""
        if member.state == STABLE and self.spec.commit in ("auto", "before"):
            self._commit_all(member)
        elif member.state == STABLE and self.spec.commit == "after":
            self._commit_finished(member)
        member.queue, member.partitions, member.positions, member.done = [], [], {}, {}
        member.state, member.idle = JOINING, False
        self._rebalance(conditions)

    def _complete_if_all(self, conditions: Conditions) -> None:
        if not any(member.state == STABLE for member in self.members):
            self._complete(conditions)

    def _complete(self, conditions: Conditions) -> None:
        """SyncGroup: the next generation."""
        self.rebalancing = False
        self.generation += 1
        for member in self.members:
            if member.state == JOINING:
                member.state = STABLE
        self._assign()
        for member in self.members:
            if member.state == STABLE:
                self.poll(conditions, member.name, member.life)

    def _assign(self) -> None:
        """Hand out the partitions evenly, in the order of the members' names."""
        takers = sorted((m for m in self.members if m.state == STABLE), key=lambda m: m.name)
        for turn, member in enumerate(takers):
            numbers = list(range(turn, len(self.topic.partitions), len(takers)))
            member.generation, member.partitions, member.idle = self.generation, numbers, True
            member.positions = {number: self.committed[number] for number in numbers}
            member.committed_ns = member.polled_ns = self.timers.now
            value = (self.generation, *numbers)
            self.history.add(self.timers.now, OK, member.name, "assign", self.spec.topic, value)

    def _member(self, name: str) -> Member:
        for member in self.members:
            if member.name == name:
                return member
        raise KeyError(f"group {self.name} has no member {name}")

    def gone(self, name: str) -> bool:
        """Whether a member has left or died."""
        return self._member(name).state in (LEFT, CRASHED)

    def lag(self) -> int:
        """Log end minus committed, over all partitions: it says nothing about what was processed."""
        return sum(p.log_end_offset - self.committed[p.label[1]] for p in self.topic.partitions)
