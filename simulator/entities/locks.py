"""PostgreSQL's locks: eight table modes, four row modes, first-come queues, time-outs and deadlocks.

A row lock lives in the row; who must wait for it first takes the row's `tuple` lock (so one waiter is next) and
then waits for a ShareLock on the holder's transaction. A request waits if it conflicts with what others hold or
with what others wait for ahead of it: one waiting ACCESS EXCLUSIVE stops all who come after. After
`deadlock_timeout` a waiter looks for a cycle; the first to look is the victim. Cycles that exist only because
of the order in a queue are resolved by reordering it.

Sources: PostgreSQL 15 manual 13.3 and 20.12, src/backend/storage/lmgr/README. A victim's locks go at once,
as on AbortTransaction. Times in ns, time-outs in ms; 0 waits for ever.
"""

from simulator.entities import deadlock
from simulator.entities.conditions import Conditions
from simulator.entities.history import FAIL, INFO, OK, History
from simulator.entities.lockmodes import CONFLICTS, ROW_CONFLICTS, ROW_MODES, TUPLE_MODES
from simulator.entities.locktypes import (
    FAILED,
    FIRST_OID,
    FIRST_XID,
    GRANTED,
    WAITING,
    LockError,
    Queue,
    Session,
    Target,
    ctid,
    deadlock_lines,
    described,
)
from simulator.entities.timers import MS, Timers


class LockManager:
    """The lock tables of one database. Waiters are answered by `owner.resume_lock(conditions, pid, "ok"/"aborted")`."""

    __slots__ = (
        "deadlock_timeout_ms", "deadlocks", "errors", "history", "lines", "lock_timeout_ms", "most", "name", "next_xid",
        "oids", "queues", "rows", "said", "sessions", "taken_ns", "timers", "turns", "waited",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        timers: Timers,
        history: History,
        lock_timeout_ms: int = 0,
        deadlock_timeout_ms: int = 1_000,
    ) -> None:
        self.name, self.timers, self.history = name, timers, history
        self.lock_timeout_ms, self.deadlock_timeout_ms = lock_timeout_ms, deadlock_timeout_ms
        self.queues: dict[Target, Queue] = {}
        self.rows: dict[tuple[str, int], list[tuple[int, str]]] = {}
        self.sessions: dict[int, Session] = {}
        self.oids: dict[str, int] = {}
        self.next_xid = FIRST_XID
        self.turns = 0
        self.most = 0  # sessions there may be at once: there are no more connections; 0: any number
        self.errors: dict[int, LockError] = {}  # the last error of each pid, until it begins anew
        self.lines: list[str] = []  # the last lines of the server's log (log_lock_waits = on)
        self.said: list[tuple[int, int]] = []  # when and by whom each of them was written
        self.waited: dict[str, int] = {}  # label -> ns of waiting since `taken_ns`, as far as it has ended
        self.taken_ns = 0
        self.deadlocks = 0  # as pg_stat_database counts them

    # requests

    def lock_row(
        self,
        pid: int,
        table: str,
        row: int,
        mode: str = "FOR NO KEY UPDATE",
        *,
        owner: str = "",
        query: str = "",
        nowait: bool = False,
        statement_timeout_ms: int = 0,
        label: str = "",
    ) -> str:
        """Lock a row as UPDATE does (its default mode), DELETE (`FOR UPDATE`) or SELECT FOR … .

        `label` is what the session's waiting is counted under.
        """
        self._session(pid).label = label
        return self._ask(pid, (table, row, mode), owner, query, nowait, statement_timeout_ms)

    def lock_table(
        self,
        pid: int,
        table: str,
        mode: str,
        *,
        owner: str = "",
        query: str = "",
        nowait: bool = False,
        lock_timeout_ms: int = -1,
        statement_timeout_ms: int = 0,
    ) -> str:
        """Lock a table in one of `MODES`: `granted`, `waiting` or (with nowait) `failed`."""
        session = self._session(pid)
        if lock_timeout_ms >= 0:
            session.lock_timeout_ms = lock_timeout_ms
        return self._ask(pid, (table, None, mode), owner, query, nowait, statement_timeout_ms)

    def full(self, pid: int) -> bool:
        """Whether there is no connection for a transaction that has not begun yet."""
        return 0 < self.most <= len(self.sessions) and pid not in self.sessions

    def _session(self, pid: int) -> Session:
        session = self.sessions.get(pid)
        if session is None:
            session = self.sessions[pid] = Session(pid, lock_timeout_ms=self.lock_timeout_ms)
            self.errors.pop(pid, None)
        return session

    def _ask(
        self,
        pid: int,
        goal: tuple[str, int | None, str],
        owner: str,
        query: str,
        nowait: bool,
        timeout_ms: int,
    ) -> str:
        session = self._session(pid)
        if session.waits is not None:
            raise ValueError(f"process {pid} already waits for a lock")
        self.oids.setdefault(goal[0], FIRST_OID + len(self.oids))
        session.owner, session.query, session.goal = owner, query, goal
        session.turn = session.asked = self._next_turn()
        if self._pursue(session, nowait):
            return GRANTED
        if session.waits is None:  # nowait
            what = "relation" if goal[1] is None or self._table_busy(session) else "row in relation"
            self._fail(session, "55P03", f'could not obtain lock on {what} "{goal[0]}"')
            return FAILED
        if timeout_ms:
            self.timers.at(
                self.timers.now + timeout_ms * MS, self.name, "statement_expired", pid, session.asked
            )
        return WAITING

    def _next_turn(self) -> int:
        self.turns += 1
        return self.turns

    def _table_busy(self, session: Session) -> bool:
        assert session.goal is not None
        return not any(target == ("relation", session.goal[0]) for target, _ in session.held)

    def _pursue(self, session: Session, nowait: bool = False) -> bool:
        """Take the locks on the way to the goal, as far as they are free; True when the goal is reached."""
        assert session.goal is not None
        table, row, mode = session.goal
        if row is None:
            return self._acquire(session, ("relation", table), mode, nowait)
        relation_mode = "RowExclusiveLock" if mode in ROW_MODES[2:] else "RowShareLock"
        # a table lock, unlike a row lock, is waited for even with NOWAIT
        if not self._acquire(session, ("relation", table), relation_mode, False):
            return False
        if not session.xid:
            session.xid, self.next_xid = self.next_xid, self.next_xid + 1
            self._grant(session, ("transactionid", session.xid), "ExclusiveLock")
        while True:
            holders = self.rows.get((table, row), [])
            others = [p for p, held in holders if p != session.pid and held in ROW_CONFLICTS[mode]]
            tuple_lock = ("tuple", table, row)
            if not others:
                if (session.pid, mode) not in holders:
                    self.rows.setdefault((table, row), []).append((session.pid, mode))
                if (table, row) not in session.rows:
                    session.rows.append((table, row))
                self._release(session, tuple_lock)
                return True
            if nowait:
                return False
            if not self._acquire(session, tuple_lock, TUPLE_MODES[mode], False):
                return False
            transaction = ("transactionid", self.sessions[others[0]].xid)
            if not self._acquire(session, transaction, "ShareLock", False):
                return False
            self._release(session, transaction)

    def _acquire(self, session: Session, target: Target, mode: str, nowait: bool) -> bool:
        """Grant a lock or put the session into its queue."""
        if (target, mode) in session.held:
            return True
        queue = self.queues.setdefault(target, Queue())
        place = self._place(session, queue, mode)
        if place < 0:
            self._grant(session, target, mode)
            return True
        if nowait:
            if not queue.granted and not queue.waiting:
                del self.queues[target]
            return False
        queue.waiting.insert(place, (session.pid, mode))
        now = self.timers.now
        session.waits, session.wait_since_ns = (target, mode), now
        session.turn = self._next_turn()
        self.timers.at(
            now + self.deadlock_timeout_ms * MS, self.name, "deadlock_expired", session.pid, session.turn
        )
        if session.lock_timeout_ms:
            self.timers.at(
                now + session.lock_timeout_ms * MS, self.name, "lock_expired", session.pid, session.turn
            )
        return False

    def _place(self, session: Session, queue: Queue, mode: str) -> int:
        """Where a request has to wait, or -1 if it need not.

        Whoever already holds this target goes before waiters that its own lock stops: behind them it would
        wait for itself.
        """
        own = [held for pid, held in queue.granted if pid == session.pid]
        ahead = queue.waiting
        for index, (_, waiting_mode) in enumerate(queue.waiting):
            if any(held in CONFLICTS[waiting_mode] for held in own):
                ahead = queue.waiting[:index]
                break
        free = not any(m in CONFLICTS[mode] for _, m in ahead)
        free = free and not any(p != session.pid and m in CONFLICTS[mode] for p, m in queue.granted)
        return -1 if free else len(ahead)

    def _grant(self, session: Session, target: Target, mode: str) -> None:
        self.queues.setdefault(target, Queue()).granted.append((session.pid, mode))
        session.held.append((target, mode))

    # releases

    def end(self, pid: int) -> None:
        """COMMIT or ROLLBACK: everything is released and the queues move on."""
        session = self.sessions.pop(pid, None)
        if session is None:
            return
        touched: list[Target] = []
        if session.waits is not None:
            self._stood(session)
            touched.append(session.waits[0])
            self.queues[session.waits[0]].waiting.remove((pid, session.waits[1]))
        for table, row in session.rows:
            left = [held for held in self.rows[table, row] if held[0] != pid]
            if left:
                self.rows[table, row] = left
            else:
                self.rows.pop((table, row))
        for target, mode in session.held:
            self.queues[target].granted.remove((pid, mode))
            touched.append(target)
        for target in dict.fromkeys(touched):
            self.move_on(target)

    def _stood(self, session: Session) -> None:
        """A wait is over: count it."""
        stood = self.timers.now - max(session.wait_since_ns, self.taken_ns)
        self.waited[session.label] = self.waited.get(session.label, 0) + stood

    def take_waits(self) -> dict[str, int]:
        """ns of waiting by label since the last call, waits that go on included."""
        found, now = dict(self.waited), self.timers.now
        for session in self.sessions.values():
            if session.waits is not None:
                stood = now - max(session.wait_since_ns, self.taken_ns)
                found[session.label] = found.get(session.label, 0) + stood
        self.waited, self.taken_ns = {}, now
        return found

    def _release(self, session: Session, target: Target) -> None:
        for held in [h for h in session.held if h[0] == target]:
            session.held.remove(held)
            self.queues[target].granted.remove((session.pid, held[1]))
            self.move_on(target)

    def move_on(self, target: Target) -> None:
        """Grant what can be granted, in order; a waiter that stays stops those behind it that it conflicts with."""
        queue = self.queues.get(target)
        if queue is None:
            return
        ahead: list[str] = []
        woken: list[Session] = []
        for pid, mode in list(queue.waiting):
            blocked = any(m in CONFLICTS[mode] for m in ahead)
            if blocked or any(p != pid and m in CONFLICTS[mode] for p, m in queue.granted):
                ahead.append(mode)
                continue
            queue.waiting.remove((pid, mode))
            session = self.sessions[pid]
            self._grant(session, target, mode)
            self._stood(session)
            session.waits = None
            session.turn = self._next_turn()
            woken.append(session)
        if not queue.granted and not queue.waiting:
            del self.queues[target]
        for session in woken:
            self._woken(session, target)

    def _woken(self, session: Session, target: Target) -> None:
        waited_ms = (self.timers.now - session.wait_since_ns) / MS
        if waited_ms >= self.deadlock_timeout_ms:
            mode = next(m for t, m in session.held if t == target)
            self._say(
                session.pid,
                f"LOG:  process {session.pid} acquired {mode} on {self.describe(target)} after {waited_ms:.3f} ms",
            )
        if target[0] == "transactionid":
            self._release(session, target)
        if self._pursue(session):
            self.history.add(
                self.timers.now, OK, session.pid, "lock", session.goal, int(waited_ms), session.pid
            )
            if session.owner:
                self.timers.at(self.timers.now, session.owner, "resume_lock", session.pid, "ok")

    # time-outs

    def lock_expired(self, conditions: Conditions, pid: int, turn: int) -> None:
        session = self.sessions.get(pid)
        if session is not None and session.turn == turn and session.waits is not None:
            self._say(pid, f"ERROR:  canceling statement due to lock timeout\nSTATEMENT:  {session.query}")
            self._fail(session, "55P03", "canceling statement due to lock timeout")

    def statement_expired(self, conditions: Conditions, pid: int, asked: int) -> None:
        session = self.sessions.get(pid)
        if session is not None and session.waits is not None and session.asked == asked:
            self._fail(session, "57014", "canceling statement due to statement timeout")

    def deadlock_expired(self, conditions: Conditions, pid: int, turn: int) -> None:
        """The waiter's deadlock timer: look for a cycle through this process."""
        session = self.sessions.get(pid)
        if session is None or session.turn != turn or session.waits is None:
            return
        cycle = deadlock.cycle(self, pid)
        if cycle and not deadlock.reorder(self, pid, cycle):
            self._deadlock(session, cycle)
            return
        if session.waits is not None:
            target, mode = session.waits
            waited = (self.timers.now - session.wait_since_ns) / MS
            queue = self.queues[target]
            holders = ", ".join(str(p) for p in dict.fromkeys(p for p, _ in queue.granted))
            waiters = ", ".join(str(p) for p, _ in queue.waiting)
            self._say(
                pid,
                f"LOG:  process {pid} still waiting for {mode} on {self.describe(target)} after {waited:.3f} ms\n"
                f"DETAIL:  Process holding the lock: {holders}. Wait queue: {waiters}.",
            )

    def _deadlock(self, session: Session, cycle: list[deadlock.Edge]) -> None:
        detail = "\n".join(
            f"Process {waiter} waits for {mode} on {self.describe(target)}; blocked by process {blocker}."
            for waiter, target, mode, blocker, _ in cycle
        )
        context = ""
        table, row, _ = session.goal or ("", None, "")
        if row is not None:
            doing = "locking" if session.query.lower().startswith("select") else "updating"
            context = f'while {doing} tuple {ctid(row)} in relation "{table}"'
        hint, now = "See server log for query details.", self.timers.now
        pids = tuple(edge[0] for edge in cycle)
        self.history.add(now, INFO, session.pid, "deadlock", self.name, pids, session.pid)
        _, target, mode, *_ = cycle[0]
        holders = ", ".join(str(p) for p in dict.fromkeys(p for p, _ in self.queues[target].granted))
        waits = f"{mode} on {self.describe(target)} after {(now - session.wait_since_ns) / MS:.3f} ms"
        waits += f"\nDETAIL:  Process holding the lock: {holders}. Wait queue: ."
        error = LockError(now, session.pid, "40P01", "deadlock detected", detail, hint, context)
        for line in deadlock_lines(session, error, [(p, self.sessions[p].query) for p in pids], waits):
            self._say(session.pid, line)
        self.deadlocks += 1
        self._fail(session, error.sqlstate, error.message, detail, hint, context)

    def _fail(
        self,
        session: Session,
        sqlstate: str,
        message: str,
        detail: str = "",
        hint: str = "",
        context: str = "",
    ) -> None:
        """The transaction is aborted: its locks go and its owner is told."""
        now = self.timers.now
        self.errors[session.pid] = LockError(now, session.pid, sqlstate, message, detail, hint, context)
        self.history.add(now, FAIL, session.pid, "lock", session.goal, sqlstate, session.pid)
        if session.owner:
            self.timers.at(now, session.owner, "resume_lock", session.pid, "aborted")
        self.end(session.pid)

    def interrupt(self, pid: int, terminate: bool) -> bool:
        """pg_cancel_backend, pg_terminate_backend: the transaction of a session is aborted.

        Cancelling a session that runs nothing has no effect, as on a server.
        """
        session = self.sessions.get(pid)
        if session is None or (session.waits is None and not terminate):
            return session is not None
        if terminate:
            self._say(pid, "FATAL:  terminating connection due to administrator command")
            self._fail(session, "57P01", "terminating connection due to administrator command")
        else:
            self._say(pid, "ERROR:  canceling statement due to user request")
            self._fail(session, "57014", "canceling statement due to user request")
        return True

    # the graph

    def blocking_pids(self, pid: int) -> list[int]:
        """pg_blocking_pids: holders, and waiters ahead that conflict."""
        return list(dict.fromkeys(p for p, _ in deadlock.blockers(self, pid)))

    def graph(self) -> dict[int, list[int]]:
        """Who waits for whom."""
        return {pid: self.blocking_pids(pid) for pid in self.sessions if self.sessions[pid].waits is not None}

    # what one sees

    def describe(self, target: Target) -> str:
        """As in PostgreSQL's messages."""
        return described(target, self.oids)

    def _say(self, pid: int, line: str) -> None:
        self.lines = [*self.lines[-99:], line]
        self.said = [*self.said[-99:], (self.timers.now, pid)]
