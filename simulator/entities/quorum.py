"""Leaderless replication: N nodes, a write waits for W of them, a read asks R and takes the newest version.

With R + W > N every read meets every acknowledged write; with less it may miss it. Versions are (clock, node):
the last writer wins, and of two writes during a partition one is silently lost. A write that reached fewer than W
nodes is of unknown outcome: it stays where it got to (Dynamo, DeCandia 2007; Cassandra's consistency levels).
"""

from dataclasses import dataclass
from typing import Any

from simulator.engine.streams import bits
from simulator.entities.conditions import Conditions
from simulator.entities.history import FAIL, INFO, INVOKE, OK, History
from simulator.entities.timers import MS, Timers


@dataclass(frozen=True, slots=True)
class QuorumSpec:
    """`repair`: a read writes the newest version back to the nodes it asked."""

    name: str
    nodes: tuple[str, ...]
    write: int
    read: int
    timeout_ms: int = 1_000
    repair: bool = False
    clock_skew_ms: tuple[int, ...] = ()  # of each node when it coordinates


Version = tuple[int, int, Any]  # clock in ns, coordinating node, value


class Quorum:
    """Rows on N nodes without a leader. Results are in the history as `write` and `read` of the client's process."""

    __slots__ = ("history", "luck", "name", "number", "open", "rows", "spec", "timers")

    def __init__(self, spec: QuorumSpec, luck: int, timers: Timers, history: History) -> None:
        self.spec, self.luck, self.timers, self.history = spec, luck, timers, history
        self.name = spec.name
        self.rows: list[dict[Any, Version]] = [{} for _ in spec.nodes]
        self.number = 0
        self.open: dict[
            int, list[Any]
        ] = {}  # number -> [f, process, key, value or newest version, answers, asked]

    def write(self, conditions: Conditions, process: Any, key: Any, value: Any, via: int = 0) -> None:
        """A client writes through coordinator `via`."""
        skews = self.spec.clock_skew_ms
        clock = self.timers.now + (skews[via] * MS if skews else 0)
        self._start(conditions, "write", process, key, value, (clock, via, value), via)

    def read(self, conditions: Conditions, process: Any, key: Any, via: int = 0) -> None:
        """A client reads through coordinator `via`; the first R answers decide."""
        self._start(conditions, "read", process, key, None, None, via)

    def _start(
        self,
        conditions: Conditions,
        f: str,
        process: Any,
        key: Any,
        value: Any,
        version: Version | None,
        via: int,
    ) -> None:
        self.number += 1
        now, number = self.timers.now, self.number
        self.history.add(now, INVOKE, process, f, key, value)
        self.open[number] = [f, process, key, version, 0, []]
        coordinator = self.spec.nodes[via]
        for index, node in enumerate(self.spec.nodes):
            luck = bits(self.luck, number * 64 + index)
            delay = conditions.delay_ns(coordinator, node, now, luck) if index != via else 0
            self.timers.at(now + delay, self.name, "reach", number, f, key, version, index, via)
        self.timers.at(now + self.spec.timeout_ms * MS, self.name, "expire", number)

    def reach(
        self,
        conditions: Conditions,
        number: int,
        f: str,
        key: Any,
        version: Version | None,
        index: int,
        via: int,
    ) -> None:
        """The request arrives at a node, unless the link is cut; the answer takes the way back."""
        now, node = self.timers.now, self.spec.nodes[index]
        if not conditions.up(node, now) or not conditions.connected(self.spec.nodes[via], node, now):
            return
        held = self.rows[index].get(key)
        if f == "write":
            assert version is not None
            if held is None or version[:2] > held[:2]:
                self.rows[index][key] = version
        delay = 0
        if index != via:
            delay = conditions.delay_ns(
                node, self.spec.nodes[via], now, bits(self.luck, number * 64 + 32 + index)
            )
        self.timers.at(now + delay, self.name, "answer", number, index, held)

    def answer(self, conditions: Conditions, number: int, index: int, held: Version | None) -> None:
        """One node's answer is back at the coordinator."""
        record = self.open.get(number)
        if record is None:
            return
        record[4] += 1
        record[5].append(index)
        f, process, key = record[0], record[1], record[2]
        if f == "read" and held is not None and (record[3] is None or held[:2] > record[3][:2]):
            record[3] = held
        if record[4] < (self.spec.write if f == "write" else self.spec.read):
            return
        del self.open[number]
        newest = record[3]
        self.history.add(self.timers.now, OK, process, f, key, None if newest is None else newest[2])
        if f == "read" and self.spec.repair and newest is not None:
            for asked in record[5]:
                mine = self.rows[asked].get(key)
                if mine is None or newest[:2] > mine[:2]:
                    self.rows[asked][key] = newest

    def expire(self, conditions: Conditions, number: int) -> None:
        """Too few answers: a read has failed, of a write nobody knows."""
        record = self.open.pop(number, None)
        if record is not None:
            kind = INFO if record[0] == "write" else FAIL
            self.history.add(self.timers.now, kind, record[1], record[0], record[2], None)
