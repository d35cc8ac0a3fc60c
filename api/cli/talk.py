"""How `play` talks: with a person at a terminal, or with a program through pipes.

Lines in, lines out. Nothing here knows sessions or worlds, and only this file touches readline.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TextIO

from api.cli.paint import Screen, clean
from api.cli.progress import PATIENCE_S, Report, progress

try:
    import readline
except ImportError:  # Windows: no editing, no history, and the game works
    readline = None  # type: ignore[assignment]

HISTORY_LIMIT = 2_000
END = "."
Complete = Callable[[str], list[str]]


class Leave(Exception):
    """The player closed the input."""


class Talk(Protocol):
    """Both ways to talk. `ask*` raise Leave at the end of the input, KeyboardInterrupt at Ctrl-C."""

    screen: Screen
    interactive: bool

    def ask_command(self, prompt: str) -> str: ...

    def ask_line(self, prompt: str) -> str: ...

    def ask_text(self) -> str:
        """Lines up to a line `.` or the end of the input."""

    def show(self, text: str) -> None: ...

    def end_answer(self) -> None:
        """The answer to the last line is complete."""

    def interject(self, text: str, prompt: str) -> None:
        """Print while the player may be typing."""

    def working(self, clock: Callable[[], str]) -> contextlib.AbstractContextManager[None]:
        """Around a command: shows the clock when it takes long, and lets one Ctrl-C through."""

    def progress(self, label: str) -> contextlib.AbstractContextManager[Report | None]: ...

    def close(self) -> None: ...


class PipeTalk:
    """Commands line by line; every answer ends with a line `.` (a line of dots in it gets one more)."""

    interactive = False

    def __init__(self, source: TextIO, target: TextIO, screen: Screen) -> None:
        self.screen = screen
        self._source = source
        self._target = target

    def ask_command(self, prompt: str) -> str:
        return self.ask_line(prompt)

    def ask_line(self, prompt: str) -> str:
        line = self._source.readline()
        if not line:
            raise Leave
        return line.rstrip("\r\n")

    def ask_text(self) -> str:
        lines = []
        with contextlib.suppress(Leave):
            while (line := self.ask_line("")) != END:
                lines.append(line)
        return "\n".join(lines)

    def show(self, text: str) -> None:
        for line in text.splitlines():
            stuffed = line + END if line and not line.strip(END) else line
            self._target.write(stuffed + "\n")

    def end_answer(self) -> None:
        self._target.write(END + "\n")
        self._target.flush()

    def interject(self, text: str, prompt: str) -> None:
        self.show(text)

    @contextlib.contextmanager
    def working(self, clock: Callable[[], str]) -> Iterator[None]:
        yield

    def progress(self, label: str) -> contextlib.AbstractContextManager[Report | None]:
        return progress(label)

    def close(self) -> None:
        self._target.flush()


class TerminalTalk:
    """A person: prompt, history, completion, Ctrl-C."""

    interactive = True

    def __init__(self, screen: Screen, history: Path, complete: Complete) -> None:
        self.screen = screen
        self._history = history
        self._matches: list[str] = []
        self._complete = complete
        if readline is not None:
            self._start_readline()

    def _start_readline(self) -> None:
        with contextlib.suppress(
            OSError
        ):  # the first start has no history, a broken one is no reason to stop
            readline.read_history_file(self._history)
        readline.set_history_length(HISTORY_LIMIT)
        readline.set_auto_history(False)
        readline.set_completer_delims(" \t\n|")
        readline.set_completer(self._next_match)
        libedit = "libedit" in (readline.__doc__ or "")
        readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")

    def _next_match(self, _word: str, state: int) -> str | None:
        if state == 0:
            typed = readline.get_line_buffer()[: readline.get_endidx()]
            self._matches = self._complete(typed)
        return self._matches[state] if state < len(self._matches) else None

    def ask_command(self, prompt: str) -> str:
        line = self.ask_line(prompt)
        if readline is not None and line.strip() and "\n" not in line:
            readline.add_history(line)
        return line

    def ask_line(self, prompt: str) -> str:
        try:
            return input(_for_readline(prompt) if readline is not None else prompt)
        except EOFError:
            print()
            raise Leave from None
        except KeyboardInterrupt:
            print("^C")
            raise

    def ask_text(self) -> str:
        lines: list[str] = []
        with contextlib.suppress(Leave):
            while (line := self.ask_line("│ " if self.screen.unicode else "| ")) != END:
                lines.append(line)
        return "\n".join(lines)

    def show(self, text: str) -> None:
        print(text, end="" if text.endswith("\n") else "\n", flush=True)

    def end_answer(self) -> None:
        pass

    def interject(self, text: str, prompt: str) -> None:
        typed = readline.get_line_buffer() if readline is not None else ""
        sys.stdout.write(f"\r\x1b[K{text}\n{prompt}{typed}")
        sys.stdout.flush()

    @contextlib.contextmanager
    def working(self, clock: Callable[[], str]) -> Iterator[None]:
        with _one_interrupt(), _ticker(clock, self.screen):
            yield

    def progress(self, label: str) -> contextlib.AbstractContextManager[Report | None]:
        return progress(label)

    def close(self) -> None:
        if readline is not None:
            with contextlib.suppress(OSError):
                readline.write_history_file(self._history)


def _for_readline(prompt: str) -> str:
    """Mark what takes no cells, or readline miscounts the line's width."""
    marked, rest = "", prompt
    while "\x1b[" in rest:
        before, _, after = rest.partition("\x1b[")
        code, _, rest = after.partition("m")
        marked += f"{before}\x01\x1b[{code}m\x02"
    return marked + rest


@contextlib.contextmanager
def _one_interrupt() -> Iterator[None]:
    """The first Ctrl-C stops the command; a second one must not cut off the tidying up after it."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    before: Any = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _ticker(clock: Callable[[], str], screen: Screen) -> Iterator[None]:
    """Show the simulated clock on standard error while a command takes longer than a moment."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()

    def tick() -> None:
        shown = False
        while not done.wait(0.25 if shown else PATIENCE_S):
            shown = True
            sys.stderr.write("\r" + screen.paint(clean(clock()), "dim"))
            sys.stderr.flush()
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
