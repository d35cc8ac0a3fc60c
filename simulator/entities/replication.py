"""A log copied from a leader to followers: the mechanism under both the row store and the message log.

Every node holds its own copy. An entry is named by (position, epoch); the leader of an epoch never writes a
position twice, so copies that agree on an entry agree on all before it (Raft, Ongaro 2014, 3.5). A follower
that meets a leader of a newer epoch takes back what the leader does not have: that is where writes are lost.
Two nodes may believe that they lead (split brain); their copies then differ until one of them follows.

Positions count from 1; `end` is the last position a node has. Times in ns.
"""

from typing import Any

from simulator.engine.streams import bits
from simulator.entities.conditions import Conditions
from simulator.entities.timers import MS, SECOND, Timers

RETRY_NS = 100 * MS  # how often a follower that cannot reach its leader asks again
SETTLE = 64  # entries that every node has, before they are set aside together

Entry = tuple[int, int, int, Any]  # position, epoch, time_ns, payload


class Copy:
    """One node's copy: its entries above `Replicated.base`, and whether it leads (`leads` is its epoch or 0)."""

    __slots__ = (
        "asking",
        "caught_up_ns",
        "end",
        "entries",
        "follows",
        "index",
        "leads",
        "name",
        "shunned",
        "stopped",
        "sync",
    )

    def __init__(self, index: int, name: str) -> None:
        self.index = index
        self.name = name
        self.entries: list[Entry] = []
        self.end = 0
        self.leads = 0
        self.follows = 0  # the epoch of the leader it last agreed with
        self.asking = False  # a fetch is under way
        self.caught_up_ns = 0
        self.sync = -1  # followers that must have a write while it leads; -1: as the store's spec says
        self.shunned = False  # it leads, and the proxy before the nodes sends nobody there
        self.stopped = False  # it has what its leader lacks and takes nothing until somebody decides


class Replicated:
    """Copies of one log. Subclasses say what an entry does when it is applied, taken back or settled."""

    __slots__ = ("base", "copies", "epoch", "luck", "name", "timers")

    def __init__(self, name: str, nodes: tuple[str, ...], luck: int, timers: Timers) -> None:
        self.name = name
        self.timers = timers
        self.luck = luck
        self.copies = [Copy(i, node) for i, node in enumerate(nodes)]
        self.epoch = 1
        self.base = 0
        self.copies[0].leads = 1
        for copy in self.copies:
            copy.follows = 1

    # what subclasses add

    def applied(self, copy: Copy, entry: Entry) -> None:
        """`copy` now has `entry`."""

    def taken_back(self, copy: Copy, entry: Entry) -> None:
        """`copy` no longer has `entry`, its last one."""

    def settled(self, entries: list[Entry]) -> None:
        """Every copy has these and they leave memory."""

    def progressed(self, conditions: Conditions, leader: Copy) -> None:
        """A follower of `leader` has more than before."""

    # the log itself

    def copy_of(self, node: str) -> Copy:
        for copy in self.copies:
            if copy.name == node:
                return copy
        raise KeyError(f"{self.name} has no node {node}")

    def leader_for(self, client: str, conditions: Conditions) -> Copy | None:
        """The newest leader that runs and that `client` reaches; an old one if that is all it reaches."""
        now = self.timers.now
        found: Copy | None = None
        for copy in self.copies:
            if copy.leads and not copy.shunned and (found is None or copy.leads > found.leads):
                reached = not client or conditions.connected(client, copy.name, now)
                if reached and conditions.up(copy.name, now):
                    found = copy
        return found

    def newest_leader(self) -> Copy | None:
        """The leader of the highest epoch, whether or not anybody reaches it."""
        found: Copy | None = None
        for copy in self.copies:
            if copy.leads and (found is None or copy.leads > found.leads):
                found = copy
        return found

    def append(self, leader: Copy, payload: Any, conditions: Conditions) -> int:
        """Write at a leader; returns the position. The followers fetch it in their own time."""
        now = self.timers.now
        leader.end += 1
        entry = (leader.end, leader.leads, now, payload)
        leader.entries.append(entry)
        self.applied(leader, entry)
        if len(self.copies) == 1:
            self._settle()
        for copy in self.copies:
            if not copy.asking and copy is not leader and not copy.leads:
                copy.asking = True
                self.timers.at(
                    now + self._delay(copy, leader, entry[0], conditions), self.name, "fetch", copy.index
                )
        return leader.end

    def _delay(self, copy: Copy, leader: Copy, position: int, conditions: Conditions) -> int:
        luck = bits(self.luck, position * 16 + copy.index)
        return conditions.delay_ns(leader.name, copy.name, self.timers.now, luck)

    def fetch(self, conditions: Conditions, index: int) -> None:
        """A follower takes over what its leader had, and what has had the time to travel."""
        copy, now = self.copies[index], self.timers.now
        copy.asking = False
        if copy.leads or copy.stopped:
            return
        leader = self._reached_by(copy, conditions)
        if leader is None:
            copy.asking = True
            self.timers.at(now + RETRY_NS, self.name, "fetch", index)
            return
        if copy.follows != leader.leads:
            if self.keeps(copy, leader):
                copy.stopped = True
                return
            self.agree(copy, leader)
        before = copy.end
        while copy.end < leader.end:
            entry = leader.entries[copy.end - self.base]
            due = entry[2] + self._delay(copy, leader, entry[0], conditions)
            if due > now:
                copy.asking = True
                self.timers.at(due, self.name, "fetch", index)
                break
            copy.entries.append(entry)
            copy.end += 1
            self.applied(copy, entry)
        if copy.end == leader.end:
            copy.caught_up_ns = now
        if copy.end != before:
            self.progressed(conditions, leader)
            self._settle()

    def _reached_by(self, copy: Copy, conditions: Conditions) -> Copy | None:
        """The leader a follower obeys: of those it reaches the newest, never older than one it has obeyed."""
        now = self.timers.now
        if not conditions.up(copy.name, now):
            return None
        found: Copy | None = None
        for other in self.copies:
            newer = other.leads > (found.leads if found is not None else max(0, copy.follows - 1))
            if newer and conditions.up(other.name, now) and conditions.connected(other.name, copy.name, now):
                found = other
        return found

    def agree(self, copy: Copy, leader: Copy) -> list[Entry]:
        """Take back what `leader` does not have; returns those entries, oldest first."""
        lost: list[Entry] = []
        while copy.entries:
            last = copy.entries[-1]
            if last[0] <= leader.end and leader.entries[last[0] - 1 - self.base][1] == last[1]:
                break
            copy.entries.pop()
            copy.end -= 1
            self.taken_back(copy, last)
            lost.append(last)
        copy.follows = leader.leads
        lost.reverse()
        return lost

    def keeps(self, copy: Copy, leader: Copy) -> bool:
        """Whether a copy rather stands still than gives up what its leader lacks."""
        return False

    def divergent(self, copy: Copy, leader: Copy) -> list[Entry]:
        """What `copy` has and `leader` lacks, oldest first."""
        lost: list[Entry] = []
        for entry in reversed(copy.entries):
            if entry[0] <= leader.end and leader.entries[entry[0] - 1 - self.base][1] == entry[1]:
                break
            lost.append(entry)
        lost.reverse()
        return lost

    def _settle(self) -> None:
        """Set aside the beginning that all copies share."""
        end = min(copy.end for copy in self.copies)
        if end - self.base < 2 * SETTLE:
            return
        cut = end - self.base - SETTLE
        last = self.copies[0].entries[cut - 1]
        if all(copy.entries[cut - 1][1] == last[1] for copy in self.copies):
            entries = self.copies[0].entries[:cut]
            for copy in self.copies:
                del copy.entries[:cut]
            self.base += cut
            self.settled(entries)

    def lead(self, node: str, conditions: Conditions) -> int:
        """Make `node` the leader of a new epoch; returns the epoch. Others still believe what they believed."""
        copy = self.copy_of(node)
        self.epoch += 1
        copy.leads = copy.follows = self.epoch
        self.ask_all(conditions)
        return self.epoch

    def step_down(self, node: str) -> None:
        """`node` leads no more and will follow whom it reaches."""
        copy = self.copy_of(node)
        copy.leads = 0
        if not copy.asking:
            copy.asking = True
            self.timers.at(self.timers.now, self.name, "fetch", copy.index)

    def ask_all(self, conditions: Conditions) -> None:
        """Every follower fetches now."""
        for copy in self.copies:
            if not copy.leads and not copy.asking:
                copy.asking = True
                self.timers.at(self.timers.now, self.name, "fetch", copy.index)

    def majority_reached(self, copy: Copy, conditions: Conditions) -> bool:
        """Whether `copy` runs and reaches more than half of the nodes that run, itself included."""
        now = self.timers.now
        if not conditions.up(copy.name, now):
            return False
        reached = sum(
            1
            for other in self.copies
            if conditions.up(other.name, now) and conditions.connected(copy.name, other.name, now)
        )
        return reached * 2 > len(self.copies)


def quorum_of(nodes: int) -> int:
    """More than half."""
    return nodes // 2 + 1


__all__ = ["RETRY_NS", "SECOND", "Copy", "Entry", "Replicated", "quorum_of"]
