"""The entities of a world: one heap loop over all their state machines.

`Entities` is a function of (seed, spec, the calls made) and of the conditions it meets. It can be pickled
between any two calls. How time is cut into calls of `advance` makes no difference; looking makes none either.
"""

from typing import Any

from simulator.engine.streams import key_of
from simulator.entities import log
from simulator.entities.audit import Audit
from simulator.entities.conditions import FOREVER, Conditions
from simulator.entities.domain import Domain
from simulator.entities.groups import Group
from simulator.entities.history import INVOKE, OK, History, Op
from simulator.entities.locks import LockManager
from simulator.entities.quorum import Quorum
from simulator.entities.sample import Arrivals
from simulator.entities.shards import Placement, ShardMap
from simulator.entities.spec import SKIP, WRITE, EntitiesSpec, Flow
from simulator.entities.store import Store, StoreSpec
from simulator.entities.timers import SECOND, Timers, run


class Weights:
    """Of the entities that have begun, those that stand for more than themselves."""

    def __init__(self, starts: frozenset[str]) -> None:
        self.starts, self.found = starts, dict[int, float]()

    def feed(self, op: Op) -> None:
        if op.type == INVOKE and op.f in self.starts and op.value[1] != 1.0:
            self.found[op.entity] = op.value[1]


class Entities:
    """Stores, topics, groups, locks, payment systems and the flows that run through them."""

    name = "entities"

    def __init__(self, spec: EntitiesSpec, seed: int) -> None:
        wrong = spec.check()
        if wrong:
            raise ValueError("entities: " + "; ".join(wrong))
        self.spec = spec
        self.timers = Timers()
        self.history = History()
        lucks = [key_of(seed, "flow", flow.name) for flow in spec.flows] + [key_of(seed, "person")]
        self.domain = Domain(spec, lucks, self.timers, self.history)
        self.machines: dict[str, Any] = {"domain": self.domain}  # but itself: a circle is freed late
        for store in spec.stores:
            luck = key_of(seed, "store", store.name)
            self.domain.stores[store.name] = Store(store, luck, self.timers, self.history)
        for many in spec.sharded:
            placed = Placement(many.serving)
            shards = ShardMap(many, key_of(seed, "routers", many.name), placed)
            self.domain.shards[many.name] = shards
            for name in shards.names():
                luck = key_of(seed, "store", name)
                self.domain.stores[name] = Store(StoreSpec(name, (name,)), luck, self.timers, self.history)
        for each in spec.quorums:
            luck = key_of(seed, "quorum", each.name)
            self.domain.quorums[each.name] = Quorum(each, luck, self.timers, self.history)
        for topic in spec.topics:
            built = log.build(topic, key_of(seed, "topic", topic.name), self.timers, self.history)
            self.domain.topics[topic.name] = built
            self.machines.update((part.name, part) for part in built.partitions)
        for group in spec.groups:
            luck, read = key_of(seed, "group", group.name), self.domain.topics[group.topic]
            self.domain.groups[group.name] = Group(group, read, "domain", luck, self.timers, self.history)
        for name in spec.locks:
            self.domain.locks[name] = LockManager(name, self.timers, self.history, spec.lock_timeout_ms)
        for machine in (self.domain.quorums, self.domain.stores, self.domain.groups, self.domain.locks):
            self.machines.update(machine)
        self.arrivals: list[tuple[int, int, float, Arrivals]] = []  # flow, item (-1: any), share, its stream
        for index, flow in enumerate(spec.flows):
            if flow.group:
                continue
            rest = 1.0 - sum(share for _, share in flow.hot)
            stream = Arrivals(key_of(seed, "arrivals", flow.name), flow.limit_per_s, spec.keep)
            self.arrivals.append((index, -1, rest, stream))
            for item, share in flow.hot:
                hot = Arrivals(key_of(seed, "arrivals", flow.name, item), 0.0)
                self.arrivals.append((index, item, share, hot))

    # time

    @property
    def now_ns(self) -> int:
        return self.timers.now

    def set_rate(self, flow: str, per_s: float) -> None:
        """From now on `flow` starts this often in the world; what is played of it is the sampler's matter."""
        found = False
        for place, (index, _, share, stream) in enumerate(self.arrivals):
            if self.spec.flows[index].name == flow:
                found = True
                if stream.set_rate(self.timers.now, per_s * share):
                    self._schedule(place)
        if not found:
            raise KeyError(f"no flow {flow!r} that starts at a rate")

    def set_variants(self, flow: str, made: list[tuple[float, Flow]]) -> None:
        """New entities of `flow` go by one of these from now on, each by its own luck: (share, flow).

        The variants have the flow's steps in the flow's order; those under way go on as they began.
        """
        self.domain.vary(flow, made)

    def _schedule(self, place: int) -> None:
        stream = self.arrivals[place][3]
        due = stream.next_ns()
        if due < FOREVER:
            self.timers.at(due, "entities", "arrive", place, stream.generation)

    def arrive(self, conditions: Conditions, place: int, generation: int) -> None:
        """One entity starts, if the rate is still the one this was planned for."""
        index, item, _, stream = self.arrivals[place]
        if generation != stream.generation:
            return
        number, played = stream.take()
        if played:
            # streams have their own numbers: the entity's tells the stream, so it never changes with the mix
            entity = number * len(self.arrivals) + place + 1
            self.domain.begin(conditions, index, entity, item, stream.weight())
        self._schedule(place)

    def advance(self, to_ns: int, conditions: Conditions) -> int:
        """Let everything up to `to_ns` happen; returns the number of events."""
        return run(self.timers, {**self.machines, "entities": self}, to_ns, conditions)

    # interventions from outside, at the present time

    def crash(self, what: str, conditions: Conditions) -> None:
        """Kill a service (the host of flows) or, as `group/member`, a consumer, without warning."""
        group, _, member = what.partition("/")
        if member:
            self.domain.drop_member(group, member)
            self.domain.groups[group].crash(conditions, member)
        else:
            self.domain.crash(what)

    def close(self, what: str, conditions: Conditions) -> None:
        """Stop a consumer (`group/member`) in order: what it does with work in hand is its group's setting."""
        group, _, member = what.partition("/")
        target = self.domain.groups[group]
        target.close(conditions, member)
        if target.gone(member):
            self.domain.drop_member(group, member)

    def restart(self, what: str, conditions: Conditions) -> None:
        """Start again what was crashed or closed."""
        group, _, member = what.partition("/")
        if member:
            self.domain.groups[group].restart(conditions, member)
        else:
            self.domain.restart(conditions, what)

    def put_row(
        self,
        store: str,
        table: str,
        row: int,
        value: int,
        conditions: Conditions,
        process: str,
        client: str = "",
    ) -> bool:
        """Write a row from outside (a person, a copying job); False when `client` reaches no leader."""
        target = self.domain.stores[store]
        leader = target.leader_for(client, conditions)
        if leader is None:
            return False
        target.write(leader, table, row, value, conditions)
        steps = (s for flow in self.spec.flows for s in flow.steps if (s.target, s.table) == (store, table))
        name = next((s.name for s in steps if s.do in (WRITE, SKIP)), table)
        self.history.add(self.timers.now, OK, process, name, (table, row), value, row)
        return True

    # looking

    def audit(self) -> Audit:
        """The state as it stands, for the checkers; to be read before the next `advance`."""
        return Audit(self)

    def strays(self, shards: ShardMap) -> list[tuple[str, str, int, int]]:
        """(store, table, row, key) of rows that the placement in force does not find."""
        found = []
        for name in shards.names():
            for table, rows in self.domain.stores[name].final().items():
                for row in rows:
                    key = shards.keys.get(row, -1)
                    if key >= 0 and shards.number(name) not in shards.now.homes(key):
                        found.append((name, table, row, key))
        return found

    def weights(self) -> dict[int, float]:
        """What each entity that does not stand for itself alone stands for."""
        starts = frozenset(flow.name for flow in self.spec.flows if not flow.group)
        return self.history.folded(("weights",), lambda: Weights(starts)).found

    def amounts(self) -> dict[int, int]:
        """What each entity that has begun is worth."""
        starts = {flow.name for flow in self.spec.flows if not flow.group}
        return {op.entity: op.value[0] for op in self.history if op.type == INVOKE and op.f in starts}

    def counts(self) -> dict[str, int]:
        """How much is in play."""
        return {
            "live": len(self.domain.live),
            "events": len(self.timers.heap),
            "started": self.domain.number,
            "history": len(self.history),
        }


__all__ = ["SECOND", "Entities"]
