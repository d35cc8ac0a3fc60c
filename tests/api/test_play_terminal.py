"""`play` at a terminal, through a real pty: prompt, Ctrl-C, Ctrl-D, completion, no colour on request."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.store import SqliteStore

PATIENCE_S = 15.0


class Terminal:
    """A process on a pty; `until` waits for a pattern in what it printed since the last match."""

    def __init__(self, folder: Path, mode: str, *words: str, **environ: str) -> None:
        self.folder = folder
        master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.api.play_fake", str(folder), mode, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={"TERM": "xterm", "LC_ALL": "C.UTF-8", "PATH": "", **environ},
            start_new_session=True,
            preexec_fn=lambda: _control(slave),  # noqa: PLW1509 (no threads here)
        )
        os.close(slave)
        self.master = master
        self.text = ""

    def until(self, pattern: str) -> str:
        deadline = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.text!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.master, 65536).decode(errors="replace")
                except OSError:  # the other side is closed: what is there is all there will be
                    assert re.search(pattern, self.text), f"ended without {pattern!r}: {self.text!r}"
        seen, self.text = self.text[: found.end()], self.text[found.end() :]
        return seen

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def end(self) -> int:
        return self.process.wait(PATIENCE_S)


def _control(slave: int) -> None:
    """Make the pty the controlling terminal, so that ^C typed into it becomes SIGINT."""
    import fcntl
    import termios

    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    started: list[Terminal] = []

    def run(mode: str, *words: str, **environ: str) -> Terminal:
        started.append(Terminal(tmp_path, mode, *words, **environ))
        return started[-1]

    yield run
    for terminal in started:
        if terminal.process.poll() is None:
            terminal.process.send_signal(signal.SIGKILL)
            terminal.process.wait()
        os.close(terminal.master)


def test_the_prompt_shows_time_and_state_in_colour(start) -> None:
    terminal = start("play")
    terminal.until(r"dropprod \x1b\[2m14:00:00\x1b\[0m \x1b\[32;1mprod\x1b\[0m ▸ ")
    terminal.type("wait 120\n")
    assert "● 14:01:40 page     [P1]" in terminal.until(r"14:02:00\x1b\[0m \x1b\[31;1mP1\x1b\[0m ▸ ")
    terminal.type("\x04")
    terminal.until(r"--resume s1")
    assert terminal.end() == 0


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_none_is_wanted(start, environ: dict[str, str]) -> None:
    terminal = start("play", **environ)
    assert "\x1b[3" not in terminal.until(r"14:00:00 prod ▸ ")


def test_ctrl_c_cancels_the_line_and_a_long_wait_and_loses_nothing(start) -> None:
    terminal = start("slow", NO_COLOR="1")
    terminal.until("prod ▸ ")
    terminal.type("deploy wrong")
    terminal.until("deploy wrong")
    time.sleep(0.3)  # readline must be waiting for a key: nobody types ^C within microseconds
    terminal.type("\x03")
    terminal.until(r"\^C\r\n.*prod ▸ ")
    terminal.type("wait 100000\n")
    time.sleep(0.6)
    terminal.type("\x03\x03\x03")
    terminal.until(r"\^C interrupted at 14:00:\d\d")
    terminal.until("prod ▸ ")
    terminal.type("look\n")
    terminal.until("did look")
    terminal.type("quit\n")
    terminal.until("--resume s1")
    assert terminal.end() == 0
    entries = SqliteStore(terminal.folder / "sessions.db").entries("s1")
    assert [(e.line, e.effect.status) for e in entries if e.effect] == [
        ("wait 100000", "interrupted"),
        ("look", "done"),
    ]
    assert entries[1].t_s > 5, "the time that passed before Ctrl-C has passed"
    resumed = start("slow", "--resume", "s1", NO_COLOR="1")
    assert "read-only" not in resumed.until("prod ▸ ")


def test_a_text_is_written_line_by_line_and_can_be_thrown_away(start) -> None:
    terminal = start("play", NO_COLOR="1")
    terminal.until("prod ▸ ")
    terminal.type("postmortem\n")
    terminal.until("│ ")
    terminal.type("half a thought\n")
    time.sleep(0.3)
    terminal.type("\x03")
    terminal.until("The text is discarded.")
    terminal.type("actions\n")
    terminal.until("│ ")
    terminal.type("canary\n.\n")
    terminal.until(r"\(1/2\)[^▸]*▸ ")
    terminal.type("CPU\n")
    terminal.until(r"\(2/2\)[^▸]*▸ ")
    terminal.type("\x04")
    terminal.until("--resume s1")
    kinds = [e.kind for e in SqliteStore(terminal.folder / "sessions.db").entries("s1")]
    assert kinds == ["action-items", "model", "answer"]


def test_history_keeps_commands_not_texts(start) -> None:
    terminal = start("play", NO_COLOR="1")
    terminal.until("prod ▸ ")
    terminal.type("look around\npostmortem\n")
    terminal.until("│ ")
    terminal.type("secret\n")
    time.sleep(0.3)
    terminal.type("\x03")
    terminal.until("The text is discarded.")
    terminal.type("quit\n")
    terminal.until("--resume s1")
    terminal.end()
    history = (terminal.folder / "history").read_text()
    assert "look around" in history and "secret" not in history


def test_the_live_pace_brings_the_page_to_the_prompt(start) -> None:
    terminal = start("play", "--pace", "live", "--speed", "10", NO_COLOR="1")
    terminal.until("prod ▸ ")
    terminal.type("wait 85\n")
    terminal.until("14:01:25 prod ▸ ")
    terminal.type("half typed")
    terminal.until("half typed")
    shown = terminal.until(r"14:01:40 page .*\r?\n.*P1 ▸ half typed")
    assert "\r\x1b[K" in shown
    terminal.type("\n")
    terminal.until("did half typed")
    entries = SqliteStore(terminal.folder / "sessions.db").entries("s1")
    assert entries[1].t_s >= 100.0
