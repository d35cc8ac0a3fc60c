"""The live pace: simulated time that runs by itself while the player thinks. The only clock of `play`."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api.ports import Observation
from api.service import ApplicationService

STEP_S = 0.5  # real seconds between two looks at the world


class LivePace:
    """Lets a session's time pass, `speed` simulated seconds a real one, while `running`."""

    def __init__(self, service: ApplicationService, speed: int) -> None:
        self._service = service
        self._speed = speed
        self._stop = threading.Event()

    @contextmanager
    def running(self, session_id: str, on_change: Callable[[Observation], None]) -> Iterator[None]:
        """Around a prompt: from its first second on the world moves, in whole simulated seconds."""
        self._stop.clear()
        began_s = self._service.now_s(session_id) or 0.0
        thread = threading.Thread(target=self._run, args=(session_id, began_s, on_change), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.stop()
            thread.join()

    def stop(self) -> None:
        self._stop.set()

    def _run(self, session_id: str, began_s: float, on_change: Callable[[Observation], None]) -> None:
        began = time.monotonic()
        while not self._stop.wait(STEP_S):
            # Whole seconds: a replay reaches the next entry in one step and must meet the same ticks.
            passed_s = float(int((time.monotonic() - began) * self._speed))
            on_change(self._service.pass_time(session_id, began_s + passed_s))
