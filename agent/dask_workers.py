"""Replay workers on a Dask cluster. The only file that imports distributed.

Its workers need this package in the same version. A worker that dies is Dask's business: the scheduler gives
its tasks to another; only what the cluster gives up is answered as lost.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

CONNECT_S = 10.0


class ClusterError(ValueError):
    """A cluster that cannot be used: one line that says why."""


class DaskExecutor(Executor):
    """A cluster as an executor of the standard library. Closing it closes the connection, not the cluster."""

    def __init__(self, address: str) -> None:
        """Raises ClusterError."""
        try:
            import distributed
        except ImportError:
            raise ClusterError(
                f"{address}: distributed is not installed: pip install 'dropprod[dask]'"
            ) from None
        try:
            self._client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterError(f"{address}: {' '.join(str(error).split())}") from None
        self._inner = self._client.get_executor(pure=False)
        self._given_up = (distributed.KilledWorker, OSError)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        inner, outer = self._inner.submit(fn, *args, **kwargs), Future[Any]()
        outer.add_done_callback(lambda done: inner.cancel() if done.cancelled() else None)
        inner.add_done_callback(lambda done: self._pass_on(done, outer))
        return outer

    def _pass_on(self, inner: Future[Any], outer: Future[Any]) -> None:
        if not outer.set_running_or_notify_cancel():
            return
        error = BrokenExecutor("the cluster dropped it") if inner.cancelled() else inner.exception()
        if isinstance(error, self._given_up):
            error = BrokenExecutor(str(error))
        if error is not None:
            outer.set_exception(error)
        else:
            outer.set_result(inner.result())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._inner.shutdown(wait=wait and not cancel_futures)
        self._client.close()
