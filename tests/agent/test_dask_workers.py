"""Replays on a Dask cluster: the same answers, also when a worker is killed in the middle."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from agent import dask_workers, review_entry
from agent.counterfactual import ProcessReplayer
from agent.dask_workers import ClusterError, DaskExecutor
from tests.agent.replay_scenes import PLAYED, SHORT, Here, answered, questions
from tests.depth import examples

distributed = pytest.importorskip("distributed", reason="distributed is not installed (the extra 'dask')")
QUESTIONS = examples(8, 17)  # with the baselines: 18 or 36 replays


@pytest.fixture
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as found:
        yield found


def test_replays_survive_a_killed_worker(cluster: Any) -> None:
    with ProcessReplayer(SHORT, 1, PLAYED, Here()) as here:
        expected = answered(here, QUESTIONS)
    executor = DaskExecutor(cluster.scheduler_address)
    killed = []

    def kill_one(_label: str, done: int, total: int) -> None:
        assert total == QUESTIONS + 1
        if done >= 4 and not killed:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    with ProcessReplayer(SHORT, 1, PLAYED, executor) as replayer:
        replayer.prefetch(questions(QUESTIONS))
        found = [replayer.counterfactual(q, "", kill_one) for q in questions(QUESTIONS)]
        assert replayer._batch.workers.executor is executor  # it was never given up
    executor.shutdown()
    assert killed
    assert found == expected


def test_a_cluster_that_goes_away_is_replaced_by_this_process() -> None:
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
    ) as gone:
        executor = DaskExecutor(gone.scheduler_address)
        replayer = ProcessReplayer(SHORT, 1, PLAYED, executor)
        replayer.prefetch(questions(3))
    with ProcessReplayer(SHORT, 1, PLAYED, Here()) as here:
        assert answered(replayer, 3) == answered(here, 3)


def test_a_review_without_its_cluster_uses_this_machine_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_workers, "CONNECT_S", 0.5)
    monkeypatch.setenv("DROPPROD_DASK_URL", "tcp://127.0.0.1:9")
    executor, missing = review_entry.cluster()
    assert executor is None
    assert "tcp://127.0.0.1:9" in missing
    monkeypatch.delenv("DROPPROD_DASK_URL")
    assert review_entry.cluster() == (None, "")


def test_an_address_without_a_cluster_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_workers, "CONNECT_S", 0.5)
    with pytest.raises(ClusterError, match=r"^tcp://127\.0\.0\.1:9: [^\n]+$"):
        DaskExecutor("tcp://127.0.0.1:9")
    with pytest.raises(ClusterError, match=r"^nonsense://: [^\n]+$"):
        DaskExecutor("nonsense://")
