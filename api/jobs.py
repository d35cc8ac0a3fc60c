"""Work that takes seconds, beside the requests: a few threads, progress to look at, results by id.

A job is not kept: what it works on lies in a session's log, and a review that was cut off is finished from there.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from agent.tracing import span
from api.ports import Progress, SessionError
from api.store import StoreError

log = logging.getLogger("dropprod")
KEPT = 500  # finished jobs that can still be asked for
Status = Literal["waiting", "running", "done", "failed"]


class Full(RuntimeError):
    """There is more to do than can wait."""


@dataclass
class Job:
    """`progress` goes from 0 to 1. `owner` is the only player who sees it."""

    id: str
    owner: str
    kind: str
    session: str
    status: Status = "waiting"
    progress: float = 0.0
    result: Any = None
    error: str | None = None


class Jobs:
    """At most `workers` at a time and `waiting` in line."""

    def __init__(self, new_id: Callable[[], str], workers: int = 2, waiting: int = 100) -> None:
        self._new_id = new_id
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="job")
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._most = workers + waiting

    def start(self, owner: str, kind: str, session: str, work: Callable[[Progress], Any]) -> Job:
        """Raises Full."""
        with self._lock:
            if sum(j.status in ("waiting", "running") for j in self._jobs.values()) >= self._most:
                raise Full("too many reviews are waiting; try again in a minute")
            job = Job(self._new_id(), owner, kind, session)
            self._jobs[job.id] = job
            for old in [j for j in self._jobs.values() if j.status in ("done", "failed")][:-KEPT]:
                del self._jobs[old.id]
        self._pool.submit(contextvars.copy_context().run, self._run, job, work)  # whose it is, and its trace
        return job

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def counts(self) -> dict[str, int]:
        found = dict.fromkeys(("waiting", "running", "done", "failed"), 0)
        for job in list(self._jobs.values()):
            found[job.status] += 1
        return found

    def close(self) -> None:
        """Finish what runs; what waits is dropped, and its text waits in its session's log."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, job: Job, work: Callable[[Progress], Any]) -> None:
        def report(done: float, whole: float) -> None:
            job.progress = min(1.0, done / whole) if whole > 0 else 0.0

        job.status = "running"
        try:
            with span("job", dropprod__job__kind=job.kind):
                job.result = work(report)
        except (SessionError, StoreError) as error:
            job.error, job.status = str(error), "failed"
        except Exception as error:  # a job's bug must not stop the thread that runs the others
            log.exception("job %s (%s) failed", job.id, job.kind, exc_info=error)
            job.error, job.status = "an error on our side; it has been logged", "failed"
        else:
            job.progress, job.status = 1.0, "done"
