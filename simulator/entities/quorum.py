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
from simulator.entities.strict import STRICT
from simulator.entities.timers import MS, Timers


@dataclass(frozen=True, slots=True)
class QuorumSpec:
    """`repair`: a read writes the newest version back to the nodes it asked."""

    __pydantic_config__ = STRICT

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

    __slots__ = ("history", "kept", "luck", "name", "number", "open", "rows", "spec", "timers")

    def __init__(self, spec: QuorumSpec, luck: int, timers: Timers, history: History) -> None:
        self.spec, self.luck, self.timers, self.history = spec, luck, timers, history
        self.name = spec.name
        self.rows: list[dict[Any, Version]] = [{} for _ in spec.nodes]
        # what each node was ever given of a row that is a list: its commit log, overwritten versions included
        self.kept: list[dict[Any, dict[Any, None]]] = [{} for _ in spec.nodes]
        self.number = 0
        self.open: dict[
            int, list[Any]
        ] = {}  # number -> [f, process, key, value or newest version, answers, asked, flow's token]

    def coordinator(self, client: str, conditions: Conditions) -> int:
        """The nearest node that a client reaches; -1 if there is none."""
        now, found, best = self.timers.now, -1, 0
        for index, node in enumerate(self.spec.nodes):
            if conditions.up(node, now) and (not client or conditions.connected(client, node, now)):
                far = conditions.delay_ns(client, node, now, 0) if client else index
                if found < 0 or far < best:
                    found, best = index, far
        return found

    def write(
        self, conditions: Conditions, process: Any, key: Any, value: Any, via: int = 0, token: int = 0
    ) -> None:
        """A client writes through coordinator `via`; a flow is told by its `token`."""
        skews = self.spec.clock_skew_ms
        clock = self.timers.now + (skews[via] * MS if skews else 0)
        self._start(conditions, "write", process, key, value, (clock, via, value), via, token)

    def read(self, conditions: Conditions, process: Any, key: Any, via: int = 0, token: int = 0) -> None:
        """A client reads through coordinator `via`; the first R answers decide."""
        self._start(conditions, "read", process, key, None, None, via, token)

    def _start(
        self,
        conditions: Conditions,
        f: str,
        process: Any,
        key: Any,
        value: Any,
        version: Version | None,
        via: int,
        token: int,
    ) -> None:
        self.number += 1
        now, number = self.timers.now, self.number
        self.history.add(now, INVOKE, process, f, key, value)
        self.open[number] = [f, process, key, version, 0, [], token]
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
            self._keep(index, key, version[2])
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
        value = None if newest is None else newest[2]
        self.history.add(self.timers.now, OK, process, f, key, value)
        if record[6]:
            what = ("fetched", record[6], value) if f == "read" else ("resume", record[6], "ok")
            self.timers.at(self.timers.now, "domain", *what)
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
            if record[6]:
                self.timers.at(self.timers.now, "domain", "resume", record[6], "info")

    # what a person does with versions that differ

    def _keep(self, index: int, key: Any, value: Any) -> None:
        if isinstance(value, tuple):
            self.kept[index].setdefault(key, {}).update(dict.fromkeys(value))

    def final(self) -> dict[Any, Any]:
        """Each row's newest version, wherever it lies."""
        newest: dict[Any, Version] = {}
        for rows in self.rows:
            for key, version in rows.items():
                if key not in newest or version[:2] > newest[key][:2]:
                    newest[key] = version
        return {key: newest[key][2] for key in sorted(newest)}

    def differing(self) -> int:
        """Rows whose versions are not the same on all nodes."""
        keys = sorted({key for rows in self.rows for key in rows})
        return sum(
            1 for key in keys if len({rows[key][:2] if key in rows else None for rows in self.rows}) > 1
        )

    def overwritten(self) -> dict[Any, list[Any]]:
        """What some node was given of a row and its newest version does not hold."""
        found: dict[Any, list[Any]] = {}
        for key, value in self.final().items():
            if isinstance(value, tuple):
                known = {e: None for kept in self.kept for e in kept.get(key, {})}
                missing = [e for e in known if e not in value]
                if missing:
                    found[key] = missing
        return found

    def converge(self) -> int:
        """The last writer wins everywhere, and what it overwrote is compacted away. Returns rows that changed."""
        changed = self.differing()
        for key, value in self.final().items():
            version = max((rows[key] for rows in self.rows if key in rows), key=lambda v: v[:2])
            for rows in self.rows:
                rows[key] = version
            if isinstance(value, tuple):
                for kept in self.kept:
                    kept[key] = dict.fromkeys(value)
        return changed

    def merge(self) -> int:
        """Rows that are lists become the union of what all nodes were given. Returns how many entries came back."""
        back = 0
        values = self.final()
        for key, missing in self.overwritten().items():
            back += len(missing)
            version = (self.timers.now, 0, (*values[key], *missing))
            for index, rows in enumerate(self.rows):
                rows[key] = version
                self._keep(index, key, version[2])
        self.converge()
        return back
