"""How much one review may ask of a language model: calls, tokens, seconds. Counts; asks nothing itself."""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Protocol

from agent.model import ModelFailure, Spent


class Account(Protocol):
    """Whoever pays for what a model is asked, over more than one review."""

    def is_spent(self) -> bool: ...

    def add(self, tokens: int) -> None: ...


ACCOUNT: ContextVar[Account | None] = ContextVar(
    "ACCOUNT", default=None
)  # of what is done now; None: nobody counts


class Budget:
    """Shared by all calls of one review, from any thread. Once it is spent every further call fails at once.

    `seconds` bounds the whole review's waiting on the model, not a single call.
    """

    def __init__(
        self,
        calls: int = 40,
        tokens: int = 200_000,
        seconds: float = 90.0,
        clock: Callable[[], float] = time.monotonic,
        account: Account | None = None,
    ) -> None:
        self._account = account
        self._calls = calls
        self._tokens = tokens
        self._clock = clock
        self._ends = clock() + seconds
        self._most = (calls, tokens, seconds)
        self._closed: ModelFailure | None = None
        self._lock = threading.Lock()

    def remaining_s(self) -> float:
        return max(0.0, self._ends - self._clock())

    def spent(self) -> Spent:
        calls, tokens, seconds = self._most
        with self._lock:
            return Spent(
                calls - self._calls,
                tokens - self._tokens,
                seconds - self.remaining_s(),
                calls,
                tokens,
                seconds,
            )

    def enter(self) -> None:
        """Count one call in. Raises ModelFailure when the budget is spent or was closed."""
        with self._lock:
            if self._closed is not None:
                raise ModelFailure(self._closed.kind, self._closed.detail)
            if self.remaining_s() <= 0:
                raise ModelFailure("deadline", "the review's time for the model is used up")
            if self._calls <= 0:
                raise ModelFailure("budget", "the review's calls to the model are used up")
            if self._tokens <= 0:
                raise ModelFailure("budget", "the review's tokens are used up")
            self._calls -= 1
        if self._account is not None and self._account.is_spent():
            self.close(ModelFailure("allowance", "the day's tokens are used up"))
            raise ModelFailure("allowance", "the day's tokens are used up")

    def spend(self, tokens: int) -> None:
        with self._lock:
            self._tokens -= max(0, tokens)
        if self._account is not None and tokens > 0:
            self._account.add(tokens)

    def close(self, failure: ModelFailure) -> None:
        """A failure that the next call would only repeat (a wrong key, no server): ask no more."""
        with self._lock:
            self._closed = self._closed or failure
