"""`dropprod play --tui`: charts, alerts and timeline beside the terminal. The only file that imports textual.

The player of line mode runs here unchanged in a thread of its own; this file is only another way to talk to it. Threads
meet in a queue (lines typed) and in messages (text to show), both of which textual allows from anywhere.
"""

from __future__ import annotations

import argparse
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.geometry import Size
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, RichLog, Static

from api.cli.board import Board, alert_lines, chart_lines, head_line, read_board, timeline_lines
from api.cli.desk import LEAVE, STOP, DeskTalk, Kind
from api.cli.paint import NARROWEST, WIDEST, Screen
from api.cli.play import Player
from api.messages import say
from api.service import ApplicationService

if TYPE_CHECKING:
    from api.store import Header
    from simulator.world import World

LOW = 16  # rows below which the terminal alone has room
WIDE = 110  # columns from which charts and terminal have room side by side
KEPT = 3_000  # pieces of output that a change of width lays out anew
TICK_S = 0.5
PATIENCE_S = 5.0  # for a command under way when the player leaves; the log has it anyway


class News(Message):
    """From the player's thread: text, a prompt, a board, what is under way, the end."""

    def __init__(self, kind: Kind, value: Any) -> None:
        super().__init__()
        self.kind, self.value = kind, value


class Line(Input):
    """The line being typed, with history and completion."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "earlier(-1)", show=False),
        Binding("down", "earlier(1)", show=False),
        Binding("tab", "complete", show=False),
    ]

    def __init__(self, talk: DeskTalk, complete: Callable[[str], list[str]]) -> None:
        super().__init__(id="line")
        self._talk, self._complete = talk, complete
        self._at = 0  # how far back in the history, from its end
        self._kept = ""

    def taken(self) -> None:
        self.value, self._at, self._kept = "", 0, ""

    def action_earlier(self, step: int) -> None:
        history = self._talk.history
        at = min(len(history), max(0, self._at - step))
        if self._at == 0:
            self._kept = self.value
        if at != self._at:
            self._at = at
            self.value = history[-at] if at else self._kept
            self.cursor_position = len(self.value)

    def action_complete(self) -> None:
        if not self._talk.asks_command:
            return
        typed, rest = self.value[: self.cursor_position], self.value[self.cursor_position :]
        found = sorted(set(self._complete(typed)))
        if not found:
            return
        shared = _common(found)
        word = typed.rpartition(" ")[2]
        if len(found) > 1 and len(shared) <= len(word):
            self.post_message(News("said", "  ".join(found)))
            return
        done = typed[: len(typed) - len(word)] + shared + (" " if len(found) == 1 else "")
        self.value = done + rest
        self.cursor_position = len(done)

    def _on_paste(self, event: events.Paste) -> None:
        """Several lines are several commands, the last one stays to be looked at."""
        *whole, last = event.text.splitlines() or [""]
        if whole:
            for line in [self.value + whole[0], *whole[1:]]:
                self._talk.typed.put(line)
            self.taken()
        self.insert_text_at_cursor(last)
        event.stop()
        event.prevent_default()


class Output(RichLog):
    def on_resize(self, event: events.Resize) -> None:
        self.post_message(News("moved", None))


class Pane(Static):
    """A part of the board, drawn for its size."""

    def on_resize(self) -> None:
        self.post_message(News("moved", None))


class Help(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q", "dismiss", show=False)]
    CSS = """
    Help { align: center middle; }
    Help VerticalScroll { width: 90%; max-width: 100; height: auto; max-height: 90%; border: round $accent; padding: 0 1; }
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(self._text, markup=False)


class Desk(App[None]):
    """The screen of `play --tui`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "leave", show=False, priority=True),
        Binding("q", "leave", show=False),
        Binding("f1", "help", show=False),
        Binding("f5", "submit('wait 30')", show=False),
        Binding("f6", "submit('wait 120')", show=False),
        Binding("escape", "stop", show=False),
        Binding("pageup", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(1)", show=False),
    ]
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head, #keys { height: 1; }
    #keys { background: $panel; }
    #main { height: 1fr; }
    #board { width: 43%; border-right: solid $panel; }
    #desk { width: 1fr; }
    #charts { height: 1fr; }
    #alerts { height: auto; max-height: 5; border-top: solid $panel; }
    #timeline { height: 8; border-top: solid $panel; }
    #out { height: 1fr; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    #ask { height: 1; }
    #prompt { width: auto; max-width: 60%; height: 1; }
    #line { width: 1fr; height: 1; border: none; padding: 0; background: $surface; }
    .narrow #main { layout: vertical; }
    .narrow #board { width: 100%; height: auto; border-right: none; border-bottom: solid $panel; }
    .narrow #out { scrollbar-size-vertical: 0; }
    .narrow #charts { height: 4; }
    .narrow #alerts { border-top: none; height: 1; }
    .low #board { display: none; }
    .narrow #timeline { border-top: none; height: 2; }
    """

    def __init__(
        self, service: ApplicationService, options: argparse.Namespace, language: str, history: Path
    ) -> None:
        super().__init__()
        self.error: BaseException | None = None
        self._service, self._options, self._language = service, options, language
        self.player = Player(service, language, options.pace, options.speed)
        self.talk = DeskTalk(self._post, Screen(80, not os.environ.get("NO_COLOR"), True), history)
        self.player.talk = self.talk
        self.board: Board | None = None
        self._said: deque[str] = deque(maxlen=KEPT)
        self._width = 0
        self._busy = ""
        self.thread = threading.Thread(target=self._play, name="player", daemon=True)

    # the player's thread

    def _post(self, kind: Kind, value: Any) -> None:
        self.post_message(News(kind, value))

    def _play(self) -> None:
        try:
            self.player.open(self._options)
            self.talk.look, self.talk.resized = self._look, self._tell_width
            self.talk.end_answer()
            try:
                self.player.loop()
            finally:
                self.player.close()
        except BaseException as error:  # noqa: BLE001 - raised again by run_desk, in the thread that called it
            self.error = error
        self._post("finished", None)

    def _look(self) -> Board:
        def view(world: World, header: Header, read_only: str | None) -> Board:
            return replace(
                read_board(world, header, read_only), title=world.scenario.title.of(self._language)
            )

        return self._service.look(self.player.session_id, view)

    def _tell_width(self) -> None:
        columns = max(NARROWEST, min(self._width or 80, WIDEST))
        if columns != self.talk.screen.columns:
            self.talk.screen = replace(self.talk.screen, columns=columns)
            self._service.show_on(self.player.session_id, columns, self.talk.screen.colour)

    # the screen

    def compose(self) -> ComposeResult:
        yield Static(id="head", markup=False)
        with Horizontal(id="main"):
            with Vertical(id="board"):
                for name in ("charts", "alerts", "timeline"):
                    yield Pane(id=name, markup=False)
            with Vertical(id="desk"):
                yield Output(id="out", wrap=True, min_width=10, max_lines=10 * KEPT)
                with Horizontal(id="ask"):
                    yield Static(id="prompt", markup=False)
                    yield Line(self.talk, self.player.complete)
        yield Static(say(self._language, "tui.keys"), id="keys", markup=False)

    def on_mount(self) -> None:
        self.query_one("#out").can_focus = False
        self.query_one(Line).focus()
        self._fit(self.size)
        self.call_after_refresh(self._begin)
        self.set_interval(TICK_S, self._tick)

    def _begin(self) -> None:
        self._width = self._columns()
        columns = max(NARROWEST, min(self._width, WIDEST))
        self.talk.screen = replace(self.talk.screen, columns=columns)
        self.thread.start()

    def _columns(self) -> int:
        """Cells in a row of the output."""
        return self.query_one(RichLog).scrollable_content_region.width

    def on_resize(self, event: events.Resize) -> None:
        self._fit(event.size)

    def _fit(self, size: Size) -> None:
        self.set_class(size.width < WIDE, "narrow")
        self.set_class(size.height < LOW, "low")

    def _lay_out(self) -> None:
        """Write the output anew where its width has changed, and the board in any case."""
        out = self.query_one(RichLog)
        if self._columns() != self._width:
            self._width = self._columns()
            out.clear()
            for text in self._said:
                self._write(text)
        self._draw()

    def _write(self, text: str) -> None:
        # Without a width the log wraps at that of the whole console.
        self.query_one(RichLog).write(Text.from_ansi(text), width=max(NARROWEST // 2, self._columns()))

    def _draw(self) -> None:
        head = self.query_one("#head", Static)
        if self.board is None:
            return
        board, language = self.board, self._language
        screen = replace(self.talk.screen, columns=head.size.width)
        head.update(Text.from_ansi(head_line(board, language, screen)))
        for name, lines in (("charts", chart_lines), ("alerts", alert_lines)):
            widget = self.query_one(f"#{name}", Static)
            height = widget.size.height if name == "charts" or self.has_class("narrow") else 4
            widget.update(_ansi(lines(board, widget.size.width, height, language, screen)))
        timeline = self.query_one("#timeline", Static)
        timeline.update(_ansi(timeline_lines(board, timeline.size.width, timeline.size.height, screen)))

    def _tick(self) -> None:
        clock = self.talk.clock
        if clock is not None:
            self._show_busy(f"{say(self._language, 'tui.busy')} {clock()}")
        elif self._options.pace == "live" and self.talk.asks_command and self.talk.typed.empty():
            self.run_worker(self._look_again, thread=True, exclusive=True, exit_on_error=True)

    def _look_again(self) -> None:
        self._post("seen", self._look())

    def _show_busy(self, text: str) -> None:
        self._busy = text
        self.query_one("#keys", Static).update(text or say(self._language, "tui.keys"))

    # messages

    def on_news(self, news: News) -> None:
        if news.kind == "said":
            self._said.append(news.value.rstrip("\n"))
            self._write(self._said[-1])
        elif news.kind == "asked":
            self.query_one("#prompt", Static).update(Text.from_ansi(news.value))
        elif news.kind == "seen":
            self.board = news.value
            self._draw()
        elif news.kind == "busy":
            self._show_busy(news.value)
        elif news.kind == "moved":
            self._lay_out()
        else:
            self.exit()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.query_one(Line).taken()
        self.talk.typed.put(event.value)

    # keys

    def action_submit(self, line: str) -> None:
        """As if it had been typed; not into a text for the CTO."""
        if self.talk.asks_command:
            self.talk.typed.put(line)

    def action_stop(self) -> None:
        if not self.talk.asks_command and self.talk.clock is None and not self._busy:
            self.talk.typed.put(STOP)

    def action_scroll(self, pages: int) -> None:
        out = self.query_one(RichLog)
        out.scroll_relative(y=pages * max(1, out.size.height - 1), animate=False)

    def action_help(self) -> None:
        self.push_screen(Help(say(self._language, "tui.help")))

    def action_leave(self) -> None:
        self.talk.typed.put(LEAVE)
        self.exit()


def _common(words: list[str]) -> str:
    """What all words begin with."""
    first, last = min(words), max(words)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    return first if same is None else first[:same]


def _ansi(lines: list[str]) -> Text:
    return Text("\n").join(Text.from_ansi(line, no_wrap=True) for line in lines)


def run_desk(service: ApplicationService, options: argparse.Namespace, language: str, history: Path) -> int:
    """Play from greeting to farewell. Raises UsageError, SessionError, StoreError."""
    # Replays need it, and it cannot start beside textual, whose standard error is no file.
    resource_tracker.ensure_running()
    desk = Desk(service, options, language, history)
    desk.run()
    desk.thread.join(PATIENCE_S)
    if desk.error is not None:
        raise desk.error
    print(say(language, "play.leave", id=desk.player.session_id))
    return 0 if desk.return_code in (0, None) else 1
