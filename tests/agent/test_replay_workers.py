"""Worker processes for replays: killed, broken, foreign or abandoned, the answers stay the same."""

import contextlib
import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

import pytest

from agent import replay_task, replay_workers
from agent.counterfactual import ProcessReplayer
from agent.replay_port import Counterfactual
from agent.replay_workers import Abandoned, Batch, LocalWorkers, Workers, answer
from simulator.interventions import Call
from simulator.replay import Plan
from tests.agent.replay_scenes import PLAYED, SHORT, UNDO, Here, answered

COUNT = 3
TASK = replay_task.task(SHORT, 1, [Call("pool_resize", (("limit", 60.0),))], None, {"alone": Plan((), 20.0)})


class Broken(Executor):
    """Takes tasks and loses them all."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_exception(BrokenExecutor("gone"))
        return future


@pytest.fixture(scope="module")
def expected() -> list[Counterfactual]:
    with ProcessReplayer(SHORT, 1, PLAYED, Here()) as replayer:
        return answered(replayer, COUNT)


@pytest.fixture
def local() -> Iterator[LocalWorkers]:
    """Worker processes of this test alone."""
    LocalWorkers.shared = None
    yield LocalWorkers.of_this_process()
    LocalWorkers.of_this_process().abandon()


def kill_workers() -> None:
    for process in multiprocessing.active_children():
        with contextlib.suppress(ProcessLookupError):  # its pool, broken by another's death, was faster
            os.kill(process.pid or 0, signal.SIGKILL)
        process.join()


def test_processes_answer_alike_and_stay_for_the_next_review(
    local: LocalWorkers, expected: list[Counterfactual]
) -> None:
    for _ in range(2):
        with ProcessReplayer(SHORT, 1, PLAYED) as replayer:
            assert answered(replayer, COUNT) == expected
    assert LocalWorkers.of_this_process() is local


def test_killed_processes_are_replaced_once(local: LocalWorkers, expected: list[Counterfactual]) -> None:
    first = local.executor
    with ProcessReplayer(SHORT, 1, PLAYED) as replayer:
        replayer.baseline()
        kill_workers()
        assert answered(replayer, COUNT) == expected
        second = local.executor
        assert second is not None
        assert second is not first
        kill_workers()
        more = ProcessReplayer(SHORT, 2, PLAYED)
        assert answered(more, 1)
        assert local.executor is None  # this process worked itself
    assert LocalWorkers.of_this_process() is not local  # and the next review gets new workers


def test_without_workers_this_process_works(expected: list[Counterfactual]) -> None:
    with ProcessReplayer(SHORT, 1, PLAYED, Broken()) as replayer:
        assert answered(replayer, COUNT) == expected


def test_a_second_executor_gets_everything_that_was_lost() -> None:
    here = Here()
    batch = Batch(Workers(Broken(), lambda: here))
    handles = [batch.submit(TASK) for _ in range(3)]
    first = batch.result(handles[0])
    assert here.runs == 3
    assert [batch.result(h) for h in handles] == [first] * 3


def test_a_worker_with_another_simulator_is_not_believed() -> None:
    foreign = {**TASK, "version": "0.0.0"}
    with pytest.raises(replay_task.ForeignWorker, match=r"asked by simulator 0\.0\.0"):
        replay_task.work(foreign)
    changed = {**TASK, "digest": "0" * 16}
    with pytest.raises(replay_task.ForeignWorker, match="reads differently here"):
        replay_task.work(changed)


def test_tasks_and_answers_are_plain_data() -> None:
    plans = {"responding": Plan(((5.0, "ack"),), 20.0, ((3.0, UNDO),))}
    asked = replay_task.task(SHORT, 1, [], None, plans)
    again = json.loads(json.dumps(asked))
    found = replay_task.work(again)
    assert json.loads(json.dumps(found)) == found == replay_task.work(asked)


def test_nobody_waits_for_abandoned_work(local: LocalWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt), ProcessReplayer(SHORT, 1, PLAYED):
        ProcessReplayer(SHORT, 1, PLAYED).baseline()
        raise KeyboardInterrupt
    unwanted = multiprocessing.get_context("spawn").Event()
    monkeypatch.setattr(replay_workers, "_unwanted", unwanted)
    assert answer(TASK)
    unwanted.set()
    with pytest.raises(Abandoned):
        answer(TASK)
