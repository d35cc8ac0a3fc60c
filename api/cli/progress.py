"""Progress on standard error: a bar for what takes more than a second, or plain lines on request."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Report = Callable[[float, float], None]
PATIENCE_S = 1.0  # below that a bar only flickers
PLAIN_STEP = 0.1


@contextmanager
def progress(label: str, plain: bool = False) -> Iterator[Report | None]:
    """A reporter of (done, total), or None where nobody would see it."""
    if plain:
        yield _plain_reporter(label)
        return
    if not sys.stderr.isatty():
        yield None
        return
    bar = _Bar(label)
    try:
        yield bar.report
    finally:
        bar.close()


def _plain_reporter(label: str) -> Report:
    printed = -1

    def report(done: float, total: float) -> None:
        nonlocal printed
        step = int(done / total / PLAIN_STEP + 1e-9) if total > 0 else 0
        if step > printed:
            printed = step
            print(f"{label}: {step * 100 * PLAIN_STEP:.0f} %", file=sys.stderr, flush=True)

    return report


class _Bar:
    """A tqdm bar that appears once PATIENCE_S has passed (and tqdm is imported only then)."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._started = time.monotonic()
        self._bar: Any = None

    def report(self, done: float, total: float) -> None:
        if self._bar is None:
            if time.monotonic() - self._started < PATIENCE_S:
                return
            from tqdm import tqdm

            shape = "{desc} {percentage:3.0f}% |{bar}| {elapsed}"
            self._bar = tqdm(total=total, desc=self._label, bar_format=shape, leave=False, file=sys.stderr)
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
