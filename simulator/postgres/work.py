"""What goes on in the servers over time: locks, long statements, back-fills, WAL and disk. State only.

It lies in `world.rooms["postgres"]`; what a database's tables are is in `state`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.entities.history import History
from simulator.entities.locks import LockManager
from simulator.entities.timers import Timers
from simulator.postgres.state import Session

if TYPE_CHECKING:
    from simulator.world import World

FIRST_JOB_PID, FIRST_LONG_PID = 31_402, 25_118
WAITING, RUNNING, READY, DONE, FAILED, CANCELLED = (
    "waiting", "running", "ready", "done", "failed", "cancelled",
)  # fmt: skip
LIVE = (WAITING, RUNNING, READY)


@dataclass
class Backend:
    """A session that is there for longer than a moment: somebody else's, a job's, autovacuum's."""

    pid: int
    user: str
    application: str
    query: str
    began_s: float
    idle: bool = False
    ends_s: float | None = None
    name: str = ""
    kind: str = "client backend"


@dataclass
class Desk:
    """The locks of one server and who holds them."""

    component: str
    timers: Timers = field(default_factory=Timers)
    manager: LockManager = field(init=False)
    backends: dict[int, Backend] = field(default_factory=dict)
    stalled: bool = False  # the whole server stands
    sent: dict[str, float] = field(default_factory=dict)  # pool -> its queries a second before that
    cores: float = 0.0  # what the server had before it was stalled, or before jobs took their part
    given: float = 0.0  # what was last given to the plane
    since_s: float = 0.0  # when the stall began
    lines: list[tuple[float, int, str]] = field(default_factory=list)  # the server's log: when, pid, text
    said: int = 0  # lines of the lock manager that are in `lines`
    noted: bool = False  # whether it is in the timeline
    logged: bool = False  # whether this stall's waiters are in the log

    def __post_init__(self) -> None:
        self.manager = LockManager("locks", self.timers, History())


@dataclass
class Job:
    """A statement that takes time. `left_s` of its `seconds` of work are still to do; the effect comes at the end.

    phase     what pg_stat_progress_* calls the present part
    snapshots whether it waits at the end for every older transaction (CREATE INDEX CONCURRENTLY)
    """

    number: int
    component: str
    pid: int
    sql: str
    table: str
    mode: str
    kind: str
    seconds: float
    rows: int = 0
    wal: float = 0.0  # bytes in all
    cores: float = 1.0
    snapshots: bool = False
    session: Session | None = None  # a background job runs in its own
    state: str = WAITING
    left_s: float = 0.0
    at_s: float = 0.0  # up to when it has been worked on
    started_s: float = 0.0
    ended_s: float | None = None
    building_s: float = 0.0  # when its snapshot was taken
    output: str = ""
    retries: int = 0
    lock_timeout_ms: int = 0
    held_rows: bool = False  # a statement that changes rows holds those it has changed

    @property
    def done(self) -> float:
        return 1.0 - self.left_s / self.seconds if self.seconds > 0 else float(self.state in (READY, DONE))


@dataclass
class Backfill:
    """Batches of an UPDATE over a table's ids, from `cursor` up."""

    number: int
    component: str
    table: str
    key: str
    assign: str
    where: str
    batch: int
    pause_ms: float
    max_lag_s: float
    cursor: int = 0
    state: str = RUNNING  # or paused, done, failed, cancelled
    started_s: float = 0.0
    ended_s: float | None = None
    rows: int = 0
    batches: float = 0.0
    rate: float = 0.0
    why: str = ""  # why it stands or failed


@dataclass
class Store:
    """A server's WAL and disk; positions are bytes."""

    position: float
    disk: float
    replayed: dict[str, float] = field(default_factory=dict)
    slots: dict[str, float] = field(default_factory=dict)  # slot -> restart position
    active: dict[str, bool] = field(default_factory=dict)
    lost: dict[str, bool] = field(default_factory=dict)
    idle_since: dict[str, float] = field(default_factory=dict)  # slot -> since when the keeper knows it idle
    burst: float = 0.0  # bytes that jobs wrote since the last second
    pace: dict[str, float] = field(
        default_factory=dict
    )  # replica -> MB/s it replays now, where not as declared
    panic_s: float | None = None
    back_s: float | None = None  # when it will accept connections again


@dataclass
class Work:
    """All of it, by component."""

    desks: dict[str, Desk] = field(default_factory=dict)
    stores: dict[str, Store] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    fills: list[Backfill] = field(default_factory=list)
    failing: dict[str, dict[str, tuple[float, str]]] = field(
        default_factory=dict
    )  # service -> cause -> share
    shares: dict[str, float] = field(
        default_factory=dict
    )  # "DB.SERVICE" -> share of reads that go to a replica
    reads: dict[str, str] = field(default_factory=dict)  # "DB.TABLE" -> the column services need
    tick_s: float = -1.0  # when the agenda next looks at jobs between two seconds
    next_pid: int = FIRST_JOB_PID

    def new_pid(self) -> int:
        self.next_pid += 17
        return self.next_pid


def work_of(world: World) -> Work:
    found: Work = world.rooms["postgres"]
    return found


def desk_of(world: World, component: str) -> Desk:
    return work_of(world).desks[component]
