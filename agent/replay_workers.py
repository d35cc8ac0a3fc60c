"""Where replays are worked on: any `concurrent.futures.Executor`, and what happens when it breaks.

Local worker processes stay for the next review of this process. If an executor loses its workers it is made
anew once and gets what was lost; if that one breaks, too, this process works itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.synchronize import Event
from typing import Any, ClassVar

from agent import replay_task
from agent.replay_task import Answer, ForeignWorker, Task

MOST_PROCESSES = 4  # a review has some ten questions; more processes would start for the last one each
LOST = (BrokenExecutor, CancelledError, ForeignWorker, ImportError)  # another worker may still answer


class Abandoned(Exception):
    """Nobody waits for this answer any more."""


class Workers:
    """An executor, and how to make another one when it breaks."""

    def __init__(self, executor: Executor | None, again: Callable[[], Executor] | None = None) -> None:
        self.executor = executor
        self._again = again
        self._turn = threading.Lock()

    def replace(self, broken: Executor) -> None:
        """The second executor, or none: then the caller works itself."""
        with self._turn:
            if self.executor is broken:
                again, self._again = self._again, None
                self.executor = again() if again else None
                broken.shutdown(wait=False, cancel_futures=True)

    def abandon(self) -> None:
        """Nothing that is under way is wanted any more."""
        with self._turn:
            self.executor = self._again = None


class _Pool(ProcessPoolExecutor):
    """All processes start with the first task: to start one while others die can take the server along."""

    def __init__(self, processes: int, context: Any, unwanted: Event) -> None:
        super().__init__(processes, context, _start_worker, (unwanted,))
        self._to_start = processes - 1

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        first = super().submit(fn, *args, **kwargs)
        while self._to_start > 0:
            self._to_start -= 1
            super().submit(os.getpid)
        return first


class LocalWorkers(Workers):
    """Processes of this machine. They outlive a review, not this process; Ctrl-C is for this process alone.

    Forked from a clean server that has everything loaded: forking this process would copy its threads' locks.
    """

    shared: ClassVar[LocalWorkers | None] = None

    def __init__(self) -> None:
        start = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context = multiprocessing.get_context(start)
        if start == "forkserver":
            self._context.set_forkserver_preload([replay_task.__name__])
            forkserver.ensure_running()  # it loads while this process does something else
        self._unwanted = self._context.Event()
        super().__init__(self._make(), self._make)

    def _make(self) -> Executor:
        return _Pool(min(MOST_PROCESSES, os.cpu_count() or 1), self._context, self._unwanted)

    def abandon(self) -> None:
        executor = self.executor
        super().abandon()
        self._unwanted.set()
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)

    @classmethod
    def of_this_process(cls) -> LocalWorkers:
        if cls.shared is None or cls.shared.executor is None:
            cls.shared = cls()
        return cls.shared


_unwanted: Event | None = None  # of a worker process


def _start_worker(unwanted: Event) -> None:
    global _unwanted  # noqa: PLW0603 - an initializer has no other place
    _unwanted = unwanted
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _still_wanted() -> None:
    if _unwanted is not None and _unwanted.is_set():
        raise Abandoned


def answer(asked: Task) -> Answer:
    """A task in a worker."""
    return replay_task.work(asked, _still_wanted)


@dataclass
class Handle:
    """A task handed out; `executor` None: it will be worked on here when it is asked for."""

    asked: Task
    executor: Executor | None = None
    future: Future[Answer] = field(default_factory=Future)


class Batch:
    """The tasks of one review."""

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        self.handles: list[Handle] = []

    def submit(self, asked: Task) -> Handle:
        handle = Handle(asked)
        self.handles.append(handle)
        self._hand_out(handle)
        return handle

    def _hand_out(self, handle: Handle) -> None:
        while (executor := self.workers.executor) is not None:
            try:
                handle.executor, handle.future = executor, executor.submit(answer, handle.asked)
                return
            except (RuntimeError, OSError):  # broken, shut down, or breaking right now
                self.workers.replace(executor)
        handle.executor, handle.future = None, Future()

    def result(self, handle: Handle, on_result: Callable[[], None] = lambda: None) -> Answer:
        """The answer; `on_result` is called whenever answers of the batch have come."""
        while True:
            if handle.executor is None:
                if not handle.future.done():
                    handle.future.set_result(replay_task.work(handle.asked))
                    on_result()
                return handle.future.result()
            waiting = [h.future for h in self.handles if h.executor is not None and not h.future.done()]
            if not handle.future.done():
                wait(waiting, return_when=FIRST_COMPLETED)
                on_result()
                continue
            try:
                return handle.future.result()
            except LOST:
                self._recover(handle.executor)

    def _recover(self, broken: Executor) -> None:
        """Hand out again whatever the broken executor had and did not answer."""
        self.workers.replace(broken)
        for handle in self.handles:
            if handle.executor is broken and not _answered(handle.future):
                self._hand_out(handle)

    def answered(self) -> int:
        return sum(_answered(h.future) for h in self.handles)

    def cancel(self) -> None:
        """What has not begun need not begin."""
        for handle in self.handles:
            handle.future.cancel()


def _answered(future: Future[Answer]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
