"""Orders, payments, bonuses and stock: flows of steps played against stores, logs, locks and payment systems.

A running flow is one short list of integers (its fields are named in `effects`), so that thousands pickle in a
millisecond. Every step is a call into the world: the conditions say when it takes effect and what its caller
learns. A call that timed out at its caller may take effect all the same, even later: that is where a payment
without an idempotency key is charged twice.
"""

from collections.abc import Sequence
from typing import Any

from simulator.engine.streams import bits, uniform
from simulator.entities import saga
from simulator.entities.conditions import AMBIGUOUS, LOST, Conditions, Outcome
from simulator.entities.conditions import OK as WENT_WELL
from simulator.entities.effects import (
    ABORTS,
    AMOUNT,
    ATTEMPT,
    DOUBT,
    ENTITY,
    FLOW,
    MOVES,
    PHASE,
    SAID,
    SAVED,
    SEEN,
    SOURCE,
    STEP,
    TURN,
    TURN_BITS,
    Effects,
)  # fmt: skip
from simulator.entities.groups import Group
from simulator.entities.history import FAIL, INFO, INVOKE, OK, History
from simulator.entities.spec import ACKNOWLEDGE, CALL, COMMIT, SKIP, EntitiesSpec, Flow, Step
from simulator.entities.store import PENDING, REFUSED
from simulator.entities.timers import MS, Timers

VARIANT = 1 << 18  # the draw that chooses a flow's variant


class Running(dict[int, list[Any]]):
    """Flows by their numbers; what hangs on a record is never changed, but for its list of moves."""

    __slots__ = ()

    def copy(self) -> "Running":
        made = Running({number: record[:] for number, record in self.items()})
        for record in made.values():
            if record[MOVES] is not None:
                record[MOVES] = record[MOVES][:]
        return made

    def __reduce__(self) -> Any:
        """As columns: a third of the pickler's work."""
        return _running, (tuple(self), list(zip(*self.values(), strict=True)))


def _running(numbers: tuple[int, ...], columns: list[tuple[Any, ...]]) -> Running:
    return Running(zip(numbers, map(list, zip(*columns, strict=True)), strict=True))


class Domain(Effects):
    """Plays the flows. Its name in the timers is `domain`."""

    __slots__ = ("down", "forgotten", "groups", "live", "number", "orphans", "standing", "stuck", "variants")
    name = "domain"

    def __init__(self, spec: EntitiesSpec, lucks: list[int], timers: Timers, history: History) -> None:
        super().__init__(spec, lucks, timers, history)
        self.groups: dict[str, Group] = {}
        self.live = Running()
        self.number = 0
        self.down: dict[str, list[tuple[int, list[Any]]]] = {}  # host -> the flows that survived its crash
        self.standing: dict[int, tuple[int, ...]] = {}  # reconciled sagas: the steps that really stand
        self.stuck = Running()  # sagas that wait for a person
        self.forgotten = Running()  # lost with the memory of their host; nothing knows of them
        self.orphans: dict[tuple[int, int], list[Any]] = {}  # calls under way whose caller has died
        self.variants: dict[int, list[tuple[float, int]]] = {}  # flow -> (cumulative share, flow to go by)

    def vary(self, name: str, made: list[tuple[float, Flow]]) -> None:
        """New runs of flow `name` go by one of `made`, (share, flow), by their own luck."""
        index = next(i for i, flow in enumerate(self.flows) if flow.name == name)
        total, reached = 0.0, []
        for share, flow in made:
            total += share
            known = [i for i, f in enumerate(self.flows) if f == flow and self.family(i) == index]
            if not known:
                self.flows = (*self.flows, flow)
                self.lucks.insert(len(self.flows) - 1, self.lucks[index])
                known = [len(self.flows) - 1]
            reached.append((total, known[0]))
        reached[-1] = (2.0, reached[-1][1])
        self.variants[index] = reached

    def family(self, index: int) -> int:
        """The declared flow that a flow is a variant of, or itself."""
        name = self.flows[index].name
        return next(i for i, flow in enumerate(self.flows) if flow.name == name)

    def present(self, index: int, entity: int) -> int:
        """The way that a declared flow goes now for an entity."""
        if index not in self.variants:
            return index
        lot = uniform(bits(self.lucks[index], entity), VARIANT)
        return next(i for share, i in self.variants[index] if lot < share)

    # beginnings

    def begin(
        self, conditions: Conditions, index: int, entity: int, item: int, weight: float, source: Any = None
    ) -> None:
        """Start a flow for an entity. What the entity is like follows from its number alone."""
        index = self.present(index, entity)
        self.number += 1
        record = self.fresh(index, entity, item, source)
        self.live[self.number] = record
        if source is None:
            name, amount = self.flows[index].name, record[AMOUNT]
            self.history.add(self.timers.now, INVOKE, self.number, name, entity, (amount, weight), entity)
        self.run(conditions, self.number, record)

    def fresh(self, index: int, entity: int, item: int, source: Any = None) -> list[Any]:
        """The record of a flow that has done nothing yet."""
        flow = self.flows[index]
        low, high = flow.amounts
        person = bits(self.lucks[-1], entity)  # the same in every flow the entity runs through
        thing = item if item >= 0 else (person >> 8) % flow.items
        amount = low + (person >> 24) % (high - low + 1)
        return [index, 0, saga.FORWARD, 0, entity, thing, amount, None, 0, 0, 0, 0, source, None, 0]

    def deliver(
        self,
        conditions: Conditions,
        group: str,
        member: str,
        life: int,
        partition: int,
        offset: int,
        entity: int,
    ) -> None:
        """A consumer's handler begins a record; a group without a flow is done at once."""
        for index, flow in enumerate(self.flows):
            if flow.group == group:
                self.begin(conditions, index, entity, -1, 1.0, (group, member, life, partition, offset))
                return
        self.groups[group].done(conditions, member, life, partition, offset, entity)

    # one step

    def again(self, conditions: Conditions, number: int, turn: int) -> None:
        """A pause is over."""
        self.orphans.pop((number, turn), None)
        record = self.live.get(number)
        if record is not None and record[TURN] == turn:
            self.run(conditions, number, record)

    def run(self, conditions: Conditions, number: int, record: list[Any]) -> None:
        """Begin a try of the present step."""
        step = saga.step_of(self.flows[record[FLOW]], record[STEP], record[PHASE])
        now, timers = self.timers.now, self.timers
        record[TURN] += 1
        if step.do == ACKNOWLEDGE:
            self._answer(number, record, OK)
            self._ended(conditions, number, record, saga.OK)
            return
        if step.do == SKIP:
            self._ended(conditions, number, record, saga.OK)
            return
        if step.do == CALL:
            asked = "request " + step.name
            self.history.add(now, INVOKE, number, asked, record[ENTITY], record[AMOUNT], record[ENTITY])
        luck = bits(self._luck(record), record[TURN])
        target = self.where(record, step)
        outcome = conditions.call(target, record[ENTITY], now, luck, step.timeout_ms)
        if outcome.kind == WENT_WELL:
            timers.at(now + outcome.effect_ns, "domain", "land", number, record[TURN])
            return
        self._go_wrong(number, record, step, outcome)

    def _go_wrong(self, number: int, record: list[Any], step: Step, outcome: Outcome) -> None:
        """The caller will learn of an error or a time-out; an ambiguous call still takes effect in its own time."""
        now, timers = self.timers.now, self.timers
        if outcome.kind == AMBIGUOUS:
            # the effect is the remote side's: it comes even if the caller has died or given up meanwhile
            timers.at(now + outcome.effect_ns, "domain", "land_late", number, step, tuple(record))
        result = saga.UNKNOWN if outcome.kind in (AMBIGUOUS, LOST) else saga.FAILED
        timers.at(now + outcome.duration_ns, "domain", "told", number, record[TURN], result)

    def land(self, conditions: Conditions, number: int, turn: int) -> None:
        """A call that goes well takes effect, and its caller knows."""
        record = self.live.get(number)
        if record is None or record[TURN] != turn:
            orphan = self.orphans.pop((number, turn), None)
            if orphan is not None:
                step = saga.step_of(self.flows[orphan[FLOW]], orphan[STEP], orphan[PHASE])
                self.land_late(conditions, number, step, orphan)
            return
        step = saga.step_of(self.flows[record[FLOW]], record[STEP], record[PHASE])
        result = self._effect(conditions, number, record, step)
        if result == PENDING:
            if step.locks:  # the lock manager has its own time-outs
                return
            self.timers.at(
                self.timers.now + step.timeout_ms * MS, "domain", "told", number, turn, saga.UNKNOWN
            )
            return
        self._ended(conditions, number, record, result)

    def land_late(self, conditions: Conditions, number: int, step: Step, record: Sequence[Any]) -> None:
        """A call whose caller timed out takes effect. Locked moves do not: their session is gone."""
        if not step.locks and step.do != COMMIT:
            self._effect(conditions, 0, list(record), step)

    def told(self, conditions: Conditions, number: int, turn: int, result: str) -> None:
        """The caller learns of an error or a time-out."""
        self.orphans.pop((number, turn), None)
        record = self.live.get(number)
        if record is not None and record[TURN] == turn:
            self._ended(conditions, number, record, result)

    def resume(self, conditions: Conditions, token: int, result: str) -> None:
        """The acknowledgement that a pending step waited for has come; one for an earlier wait is too late."""
        number, turn = token >> TURN_BITS, token & ((1 << TURN_BITS) - 1)
        record = self.live.get(number)
        if record is not None and record[TURN] == turn:
            self._ended(conditions, number, record, saga.UNKNOWN if result == "info" else result)

    def fetched(self, conditions: Conditions, token: int, value: Any) -> None:
        """A store without a leader has answered a read."""
        record = self.live.get(token >> TURN_BITS)
        if record is not None and record[TURN] == token & ((1 << TURN_BITS) - 1):
            record[SEEN] = value
            self._ended(conditions, token >> TURN_BITS, record, saga.OK)

    def resume_lock(self, conditions: Conditions, number: int, result: str) -> None:
        """A row lock has been granted, or its transaction aborted."""
        record = self.live.get(number)
        if record is None:
            return
        step = saga.step_of(self.flows[record[FLOW]], record[STEP], record[PHASE])
        if result == "aborted":
            self._abort(conditions, number, record, step)
        else:
            self._ended(conditions, number, record, self._hold(record, step, conditions))

    # endings

    def _ended(self, conditions: Conditions, number: int, record: list[Any], result: str) -> None:
        """A try has ended: record it and go where the saga's rules say."""
        flow = self.flows[record[FLOW]]
        step = saga.step_of(flow, record[STEP], record[PHASE])
        if step.do == CALL:
            kind = OK if result == saga.OK else INFO if result == saga.UNKNOWN else FAIL
            entity = record[ENTITY]
            self.history.add(
                self.timers.now, kind, number, "request " + step.name, entity, record[AMOUNT], entity
            )
        place = saga.after(flow, record[STEP], record[PHASE], record[ATTEMPT], record[DOUBT], result)
        if record[MOVES] and place.phase != saga.FORWARD:
            record[MOVES] = None
        if self.locks and place.phase != saga.FORWARD:
            self._manager().end(number)
        self._go(conditions, number, record, place)

    def _go(self, conditions: Conditions, number: int, record: list[Any], place: saga.Place) -> None:
        if number in self.standing:
            place = saga.past(self.flows[record[FLOW]], place, self.standing[number])
        if self.flows[record[FLOW]].persist == "behind":
            record[SAVED] = record[STEP] * 8 + record[PHASE]
        elif place.phase <= saga.BACKWARD:
            record[SAVED] = place.step * 8 + place.phase
        record[STEP], record[PHASE], record[ATTEMPT], record[DOUBT] = place[:4]
        record[TURN] += 1
        if place.phase > saga.BACKWARD:
            self.end(conditions, number, record, place.phase)
        elif place.wait_ns:
            self.timers.at(self.timers.now + place.wait_ns, "domain", "again", number, record[TURN])
        else:
            self.run(conditions, number, record)

    def end(self, conditions: Conditions, number: int, record: list[Any], phase: int) -> None:
        del self.live[number]
        self.standing.pop(number, None)
        source = record[SOURCE]
        if phase == saga.STUCK:
            if source is None:
                self.stuck[number] = record
            self.history.add(
                self.timers.now, INFO, f"saga/{number}", "stuck", record[STEP], None, record[ENTITY]
            )
        if source is None:
            self._answer(number, record, {saga.DONE: OK, saga.COMPENSATED: FAIL}.get(phase, INFO))
            return
        self.groups[source[0]].done(conditions, source[1], source[2], source[3], source[4], record[ENTITY])

    def _answer(self, number: int, record: list[Any], kind: str) -> None:
        """What the customer is told, once."""
        if record[SAID] or record[SOURCE] is not None:
            return
        record[SAID] = 1
        flow = self.flows[record[FLOW]]
        self.history.add(
            self.timers.now, kind, number, flow.name, record[ENTITY], record[AMOUNT], record[ENTITY]
        )

    def _abort(self, conditions: Conditions, number: int, record: list[Any], step: Step) -> None:
        """The transaction was a deadlock's victim or waited too long: begin it again, or give up."""
        self._manager().end(number)
        record[MOVES] = None
        first = saga.transaction_start(self.flows[record[FLOW]], record[STEP])
        if record[PHASE] == saga.FORWARD and record[ABORTS] + 1 < step.attempts:
            record[STEP], record[ATTEMPT] = first, 0
            record[ABORTS] += 1
            pause = step.backoff_ms * MS + bits(self._luck(record), 1 << 17 | record[TURN]) % (
                step.backoff_ms * MS + 1
            )
            record[TURN] += 1
            self.timers.at(self.timers.now + pause, "domain", "again", number, record[TURN])
            return
        record[STEP], record[DOUBT] = first, 0
        place = saga.back_from(self.flows[record[FLOW]], first - 1)
        self._go(conditions, number, record, place)

    # the outbox's relay

    def relay(self, conditions: Conditions, topic: str) -> None:
        """Publish what the outbox holds, in order. A row goes once its message is written: none is lost.

        Until then it is published again in every round, which an idempotent producer's broker recognises; a
        producer that is not idempotent deletes the row as soon as it has sent the message.
        """
        box, wait = self.outbox[topic], PENDING if self.topics[topic].spec.idempotent else ""
        kept: list[tuple[int, int]] = []
        for place, (entity, key) in enumerate(box):
            stopped = "relay" in self.down
            part = self.topics[topic].of(key)
            result = REFUSED if stopped else part.produce(conditions, key, entity, "", "outbox")
            if result == REFUSED:
                kept += box[place:]
                break
            if result == wait:
                kept.append((entity, key))
        self.outbox[topic] = kept
        if kept:
            self.timers.at(self.timers.now + self.spec.outbox_ms * MS, "domain", "relay", topic)

    # crashes

    def crash(self, host: str) -> None:
        """A service dies with the flows in its memory; what was saved waits for its return, the rest is gone."""
        parked = self.down.setdefault(host, [])
        for number in list(self.live):
            record = self.live[number]
            flow = self.flows[record[FLOW]]
            if flow.host != host or record[SOURCE] is not None:
                continue
            self.abandon(number)
            if flow.persist == "none":
                self.forget(number, record)
            else:
                parked.append((number, record))

    def forget(self, number: int, record: list[Any]) -> None:
        """A saga whose state lay in memory only: its effects stand, and nobody knows of them."""
        self.forgotten[number] = record
        self.history.add(
            self.timers.now, INFO, f"saga/{number}", "forgotten", record[STEP], None, record[ENTITY]
        )

    def restart(self, conditions: Conditions, host: str) -> None:
        """The service returns and takes up what it had saved; a step in flight is run again."""
        for number, record in self.down.pop(host, []):
            record[STEP], record[PHASE] = divmod(record[SAVED], 8)
            record[ATTEMPT], record[DOUBT], record[MOVES] = 0, 1, None  # what was in flight may have happened
            self.live[number] = record
            self.run(conditions, number, record)

    def drop_member(self, group: str, member: str) -> None:
        """The handlers of a consumer that died stop where they are."""
        for number in list(self.live):
            source = self.live[number][SOURCE]
            if source is not None and source[0] == group and source[1] == member:
                self.abandon(number)

    def abandon(self, number: int) -> None:
        """A caller dies. Its session's locks go; a call it has made is carried out all the same."""
        record = self.live.pop(number)
        step = saga.step_of(self.flows[record[FLOW]], record[STEP], record[PHASE])
        if not step.locks and step.do != COMMIT:  # those belong to the session that is gone
            self.orphans[number, record[TURN]] = list(record)
        if self.locks:
            self._manager().end(number)
