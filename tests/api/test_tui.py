"""`play --tui` by keys, in a terminal of textual's own: the demo's first minutes, resizing, leaving, going on."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("textual")

from textual.pilot import Pilot
from textual.widgets import RichLog, Static

from api.bootstrap import new_session_id, real_simulator, review_text, utc_now
from api.cli.entry import build_parser
from api.cli.tui import Desk, Line
from api.ports import SessionError
from api.service import ApplicationService
from api.store import SqliteStore

ROOT = Path(__file__).resolve().parents[2]
WIDE, NARROW = (150, 46), (80, 24)
KEYS = {" ": "space", ".": "full_stop", "-": "minus", "/": "slash"}
PATIENCE_S = 60


def service_at(folder: Path) -> ApplicationService:
    store = SqliteStore(folder / "sessions.db")
    return ApplicationService(store, real_simulator(), review_text, new_session_id, utc_now)


def desk_at(folder: Path, *words: str, language: str = "en") -> Desk:
    options = build_parser("en").parse_args(["play", "--tui", *words])
    return Desk(service_at(folder), options, language, folder / "history")


def on(desk: Desk, size: tuple[int, int], script: Callable[[Pilot[None]], Awaitable[None]]) -> None:
    """Run a script of keys; what went wrong in the player's thread goes wrong here."""

    async def run() -> None:
        async with desk.run_test(size=size) as pilot:
            await ready(desk, pilot)
            await script(pilot)

    asyncio.run(run())
    desk.talk.typed.put("quit")
    desk.thread.join(20)
    assert not desk.thread.is_alive()
    if desk.error is not None:
        raise desk.error


async def ready(desk: Desk, pilot: Pilot[None]) -> None:
    """Until the player of line mode waits for a line and everything it said is shown."""
    for _ in range(PATIENCE_S * 20):
        await pilot.pause(0.05)
        if desk.talk.typed.empty() and desk.talk.waiting and (desk.board or desk.talk.asks_command):
            await pilot.pause()
            return
        if desk.error is not None or not desk.is_running:
            return
    raise AssertionError("the game did not come back")


async def type_line(desk: Desk, pilot: Pilot[None], line: str) -> None:
    await pilot.press(*(KEYS.get(c, c) for c in line), "enter")
    await ready(desk, pilot)


def text_of(desk: Desk, name: str) -> str:
    return str(desk.query_one(f"#{name}", Static).render())


def output(desk: Desk) -> str:
    return "\n".join(strip.text.rstrip() for strip in desk.query_one(RichLog).lines)


def test_the_first_minutes_of_the_demo(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, "payment-pool")

    async def script(pilot: Pilot[None]) -> None:
        assert "▸" in text_of(desk, "prompt")
        await type_line(desk, pilot, "deploy payment-service v2.8.1")
        await pilot.press("f6", "f5")
        await ready(desk, pilot)
        assert "14:02" in text_of(desk, "head")
        assert "P1" in text_of(desk, "head")
        charts = text_of(desk, "charts")
        assert all(word in charts for word in ("success", "requests/s", "p99", "pool"))
        assert "│" in charts
        assert "PaymentSuccessRateLow" in text_of(desk, "alerts")
        assert "page" in text_of(desk, "timeline")
        assert "wait 120" in output(desk)
        assert "P-1001" in output(desk)

    on(desk, WIDE, script)
    kept = service_at(tmp_path).log(desk.player.session_id)
    assert [e.line for e in kept] == ["deploy payment-service v2.8.1", "wait 120", "wait 30"]
    assert all(e.effect is not None for e in kept)


def test_the_timeline_gives_no_more_away_than_line_mode(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, "payment-pool")

    async def script(pilot: Pilot[None]) -> None:
        await type_line(desk, pilot, "deploy payment-service v2.8.1")
        await type_line(desk, pilot, "wait 60")
        assert "rollout" in text_of(desk, "timeline")
        assert "connections busy" not in text_of(desk, "timeline") + output(desk)

    on(desk, WIDE, script)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_narrow_terminal_shows_everything(tmp_path: Path, language: str) -> None:
    desk = desk_at(tmp_path, "payment-pool", language=language)

    async def script(pilot: Pilot[None]) -> None:
        await type_line(desk, pilot, "status")
        charts = text_of(desk, "charts").splitlines()
        assert len(charts) == 4
        assert charts[0].startswith("успешность" if language == "ru" else "success")
        assert ("алертов нет" if language == "ru" else "no alerts") in text_of(desk, "alerts")
        out = desk.query_one(RichLog)
        assert out.size.height >= 10
        assert out.scrollable_content_region.width == 80
        assert desk.query_one(Line).size.width >= 30
        assert len(text_of(desk, "keys")) <= 80
        assert all(strip.cell_length <= 80 for strip in out.lines)

    on(desk, NARROW, script)


def test_another_size_lays_everything_out_anew(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, "payment-pool")

    async def script(pilot: Pilot[None]) -> None:
        await type_line(desk, pilot, "status")
        said = output(desk).replace("\n", " ").split()
        for width, height in (NARROW, (41, 12), (20, 6), (200, 60), WIDE):
            await pilot.resize_terminal(width, height)
            await pilot.pause(0.1)
            room = desk.query_one(RichLog).scrollable_content_region.width
            assert all(strip.cell_length <= max(20, room) for strip in desk.query_one(RichLog).lines)
        assert output(desk).replace("\n", " ").split() == said
        await type_line(desk, pilot, "kubectl get pods")
        assert desk.talk.screen.columns == min(120, desk.query_one(RichLog).scrollable_content_region.width)
        assert "Running" in output(desk)

    on(desk, WIDE, script)


def test_leaving_and_going_on(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, "payment-pool")

    async def script(pilot: Pilot[None]) -> None:
        await type_line(desk, pilot, "deploy payment-service v2.8.1")
        await type_line(desk, pilot, "wait 200")
        await pilot.press("ctrl+c")

    on(desk, WIDE, script)
    first = desk.player.session_id
    again = desk_at(tmp_path, "--resume", first)

    async def going_on(pilot: Pilot[None]) -> None:
        assert again.player.session_id == first
        assert "PaymentSuccessRateLow" in text_of(again, "alerts")
        assert "Going on: 2 entries" in output(again)
        await pilot.press("up")
        assert again.query_one(Line).value == "wait 200"
        await pilot.press("up", "up", "down", "down", "down")
        assert again.query_one(Line).value == ""
        await type_line(again, pilot, "kubectl rollout undo deployment/payment-service")
        assert "rolled back" in output(again)

    on(again, NARROW, going_on)
    assert len(service_at(tmp_path).log(first)) == 3


def test_completion_and_help(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, "payment-pool")

    async def script(pilot: Pilot[None]) -> None:
        line = desk.query_one(Line)
        await pilot.press(*"postm", "tab")
        assert line.value == "postmortem "
        line.taken()
        await pilot.press(*(KEYS.get(c, c) for c in "kubectl rollo"), "tab")
        assert line.value == "kubectl rollout "
        line.taken()
        await pilot.press("p", "tab")
        assert "postmortem" in output(desk)
        assert line.value == "p"
        await pilot.press("f1")
        await pilot.pause()
        assert len(desk.screen_stack) == 2
        await pilot.press("escape")
        await pilot.pause()
        assert len(desk.screen_stack) == 1
        assert line.value == "p"

    on(desk, WIDE, script)


def test_a_text_for_the_cto_takes_no_waiting_and_can_be_dropped(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, "payment-pool")

    async def script(pilot: Pilot[None]) -> None:
        await type_line(desk, pilot, "actions")
        assert not desk.talk.asks_command
        await pilot.press("f5")
        await type_line(desk, pilot, "canary")
        await pilot.press("escape")
        await ready(desk, pilot)
        assert "discarded" in output(desk)
        assert desk.talk.asks_command

    on(desk, WIDE, script)
    assert service_at(tmp_path).log(desk.player.session_id) == []


def test_pasted_lines_are_commands_and_nothing_steers_the_terminal(tmp_path: Path) -> None:
    from textual.events import Paste

    desk = desk_at(tmp_path, "payment-pool")

    async def script(pilot: Pilot[None]) -> None:
        desk.query_one(Line).post_message(Paste("echo one\necho \x1b[2J[bold]two[/]\nech"))
        await pilot.pause(0.2)
        await ready(desk, pilot)
        assert desk.query_one(Line).value == "ech"
        assert "[bold]two[/]" in output(desk)
        assert "\x1b" not in output(desk)

    on(desk, WIDE, script)
    lines = [e.line for e in service_at(tmp_path).log(desk.player.session_id)]
    assert lines[0] == "echo one"
    assert len(lines) == 2


def test_live_pace_moves_the_board(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, "payment-pool", "--pace", "live", "--speed", "10")

    async def script(pilot: Pilot[None]) -> None:
        for _ in range(200):
            await pilot.pause(0.05)
            if desk.board is not None and desk.board.now_s >= 10:
                return
        raise AssertionError("the clock stood still")

    on(desk, WIDE, script)


def test_an_unknown_session_is_one_clear_line(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, "--resume", "nosuch")

    async def script(_: Pilot[None]) -> None:
        pass

    with pytest.raises(SessionError, match="nosuch"):
        on(desk, NARROW, script)


def test_without_a_terminal_or_textual_one_line_says_so(tmp_path: Path) -> None:
    environment = {**os.environ, "DROPPROD_HOME": str(tmp_path), "LANG": "en_GB.UTF-8", "LC_ALL": ""}

    def run(source: str, **more: Any) -> str:
        done = subprocess.run(
            [sys.executable, "-c", source],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )
        assert done.returncode == 2
        return done.stderr

    start = "from api.cli.entry import main; raise SystemExit(main(['play', '--tui']))"
    assert run(start, stdin=subprocess.DEVNULL) == "dropprod: play: --tui needs a terminal\n"
    hide = "import api.cli.play as p; p.find_spec = lambda name: None\n"
    main, other = pty.openpty()
    try:
        said = run(hide + start, stdin=other, stdout=other)
    finally:
        os.close(main)
        os.close(other)
    assert said == "dropprod: play: --tui needs textual: pip install 'dropprod[tui]'\n"


def test_a_real_terminal_gets_the_farewell(tmp_path: Path) -> None:
    """Through a pty: keys in, Ctrl-C, and the line that says how to go on."""
    environment = {**os.environ, "DROPPROD_HOME": str(tmp_path), "TERM": "xterm-256color"}
    main, other = pty.openpty()
    command = [sys.executable, "-m", "api.cli", "play", "--tui", "--lang", "en"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=other, stdout=other, stderr=other)
    os.close(other)
    seen = b""

    def read_until(words: bytes) -> None:
        nonlocal seen
        end = time.monotonic() + PATIENCE_S
        while words not in seen and time.monotonic() < end:
            if select.select([main], [], [], 0.5)[0]:
                try:
                    seen += os.read(main, 65536)
                except OSError:  # the other side is closed
                    break
        assert words in seen, seen[-2000:]

    try:
        read_until("▸".encode())
        os.write(main, b"echo hello\r")
        read_until(b"hello")
        os.write(main, b"\x03")
        read_until(b"--resume ")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(main)


def test_line_mode_does_not_load_textual() -> None:
    source = (
        "import sys, json; import api.cli.play, api.cli.entry; api.cli.entry.build_parser('en');"
        "print(json.dumps([m for m in sys.modules if m.split('.')[0] in ('textual', 'rich')]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
