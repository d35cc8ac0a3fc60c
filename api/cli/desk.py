"""How `play` talks with the desk of `--tui`: lines come through a queue, what is to be shown is posted.

The methods run in the player's thread; nothing here knows the screen's library.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

from api.cli.board import Board
from api.cli.paint import Screen, clean
from api.cli.progress import Report
from api.cli.talk import END, HISTORY_LIMIT, Leave

Kind = Literal["said", "asked", "seen", "busy", "moved", "finished"]
Post = Callable[[Kind, Any], Any]
LEAVE, STOP = object(), object()  # typed instead of a line: go away, drop this text


class DeskTalk:
    """The player's side of the desk; its methods run in the player's thread."""

    interactive = True

    def __init__(self, post: Post, screen: Screen, history: Path) -> None:
        self.screen = screen
        self.typed: SimpleQueue[Any] = SimpleQueue()
        self.history = _read_history(history)
        self.look: Callable[[], Board | None] = lambda: None
        self.resized: Callable[[], None] = lambda: None
        self.asks_command = self.waiting = False
        self.clock: Callable[[], str] | None = None
        self._post, self._file, self._fresh = post, history, len(self.history)

    def ask_command(self, prompt: str) -> str:
        self.asks_command = True
        try:
            line = self.ask_line(prompt)
        finally:
            self.asks_command = False
        if line.strip() and self.history[-1:] != [line]:
            self.history.append(line)
        self.resized()
        return line

    def ask_line(self, prompt: str) -> str:
        self._post("asked", prompt)
        self.waiting = True
        line = self.typed.get()
        self.waiting = False
        if line is LEAVE:
            raise Leave
        if line is STOP:
            raise KeyboardInterrupt
        self.show(f"{prompt}{clean(line)}")
        return str(line)

    def ask_text(self) -> str:
        lines = []
        while (line := self.ask_line("│ ")) != END:
            lines.append(line)
        return "\n".join(lines)

    def show(self, text: str) -> None:
        self._post("said", text)

    def end_answer(self) -> None:
        board = self.look()
        if board is not None:
            self._post("seen", board)

    def interject(self, text: str, prompt: str) -> None:
        if text:
            self._post("said", text)
        self._post("asked", prompt)

    @contextlib.contextmanager
    def working(self, clock: Callable[[], str]) -> Iterator[None]:
        self.clock = clock
        try:
            yield
        finally:
            self.clock = None
            self._post("busy", "")

    @contextlib.contextmanager
    def progress(self, label: str) -> Iterator[Report | None]:
        def report(done: float, total: float) -> None:
            self._post("busy", f"{label}: {100 * done / total:.0f} %" if total > 0 else label)

        self._post("busy", label)
        try:
            yield report
        finally:
            self._post("busy", "")

    def close(self) -> None:
        """Keep what was typed; a disk that is full is no reason to fail at the door."""
        with contextlib.suppress(OSError), self._file.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in self.history[self._fresh :] if "\n" not in line)


def _read_history(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-HISTORY_LIMIT:]
    except OSError:
        return []
