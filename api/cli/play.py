"""`dropprod play`: the loop that turns typed lines into entries of a session, and shows what came of it.

What a command means is the simulator's; what a session is, the service's. Nothing is decided here.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.cli.errors import UsageError
from api.cli.pace import LivePace
from api.cli.paint import clean, reflow, screen_of, shorten, wrap
from api.cli.talk import Leave, PipeTalk, Talk, TerminalTalk
from api.messages import choose_language, say
from api.ports import Observation, Opened, ReadOnly, SessionError
from api.service import ApplicationService
from api.store import Entry, Kind, StoreError

if TYPE_CHECKING:
    from simulator.world import Event

DEFAULT_SCENARIO = "payment-pool"
# What a person on call would be told without asking; pool and database are for the player to find.
TOLD = {"page": "red", "alert": "yellow", "deploy": "cyan", "rollout": "cyan", "breaker": "yellow", "drain": "green",
        "gate": "cyan", "answer": "cyan", "fault": "red", "change": "cyan"}  # fmt: skip
CALLING = ("alert", "page")  # what had come before the player was called
SEVERITIES = {"P1": "red", "P2": "yellow", "P3": "yellow", "P4": "cyan"}
LATEST = 8  # events shown when a session is resumed
QUESTIONS = 2  # follow-ups the CTO asks after a review


def play(options: argparse.Namespace) -> int:
    from api.bootstrap import home, open_service

    language = choose_language(options.lang, os.environ)
    _check(options)
    run = _desk(language) if options.tui else run_player
    try:
        return run(open_service(), options, language, home() / "history")
    except (SessionError, StoreError) as error:
        raise UsageError(str(error)) from None


def _desk(language: str) -> Callable[[ApplicationService, argparse.Namespace, str, Path], int]:
    """The player with charts beside the terminal. Raises UsageError where that cannot be shown."""
    if find_spec("textual") is None:
        raise UsageError(say(language, "tui.missing"))
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(say(language, "tui.terminal"))
    from api.cli.tui import run_desk

    return run_desk


def run_player(service: ApplicationService, options: argparse.Namespace, language: str, history: Path) -> int:
    """Play from greeting to farewell. Raises UsageError, SessionError, StoreError."""
    player = Player(service, language, options.pace, options.speed)
    player.talk = _open_talk(history, player.complete)
    player.open(options)
    try:
        return player.loop()
    finally:
        player.close()


def _check(options: argparse.Namespace) -> None:
    if options.resume and (options.scenario or options.seed is not None):
        raise UsageError("play: --resume takes scenario and seed from the session: give neither")
    if options.speed != 1 and options.pace != "live":
        raise UsageError("play: --speed is for --pace live")


def _open_talk(history: Path, complete: Callable[[str], list[str]]) -> Talk:
    screen = screen_of(sys.stdout, os.environ)
    if sys.stdin.isatty() and sys.stdout.isatty():
        return TerminalTalk(screen, history, complete)
    return PipeTalk(sys.stdin, sys.stdout, screen)


class Player:
    """One person (or program) at one session."""

    talk: Talk

    def __init__(
        self, service: ApplicationService, language: str, pace: str = "turn", speed: int = 1
    ) -> None:
        self._service = service
        self._language = language
        self._pace = LivePace(service, speed) if pace == "live" else None
        self._opened: Opened
        self._seen: Observation
        self._told_resolved = False
        self._queue: list[str] = []  # lines that come before the player's
        self._own: dict[str, Callable[[str], None]] = {
            "actions": lambda _: self._write("action-items"),
            "postmortem": lambda _: self._write("postmortem"),
            "review": lambda _: self._finish_review(),
            "log": lambda _: self._show_log(),
            "branch": self._branch,
            "quit": self._leave,
            "exit": self._leave,
        }

    @property
    def session_id(self) -> str:
        """Of the session that is played now; `branch` changes it."""
        return self._opened.header.id

    # opening and leaving

    def open(self, options: argparse.Namespace) -> None:
        """Create or resume the session and greet. Raises UsageError, SessionError, StoreError."""
        from simulator.scenario import ScenarioError

        try:
            if options.resume:
                with self.talk.progress(self._say("play.restoring")) as report:
                    opened = self._service.resume(options.resume.strip().lower(), report)
                self._language = options.lang or opened.header.language
            else:
                name = options.scenario or DEFAULT_SCENARIO
                name = str(Path(name).resolve()) if name.endswith((".yaml", ".yml")) else name
                opened = self._service.create(
                    name, 1 if options.seed is None else options.seed, self._language
                )
        except ScenarioError as error:
            raise UsageError(str(error)) from None
        self._greet(opened, fresh=not options.resume)

    def _enter(self, opened: Opened) -> None:
        self._opened, self._seen = opened, opened.seen
        self._told_resolved = opened.seen.resolved
        self._service.show_on(opened.header.id, self.talk.screen.columns, self.talk.screen.colour)

    def _greet(self, opened: Opened, fresh: bool) -> None:
        self._enter(opened)
        header = opened.header
        title = opened.scenario.title.of(self._language)
        self._show(self.talk.screen.paint(title, "bold"))
        self._show("\n".join(reflow(opened.scenario.brief.of(self._language), self.talk.screen.columns)))
        self._show(
            self._say("play.session", id=header.id, scenario=opened.scenario.id, seed=header.seed)
            + "\n"
            + self._say("play.own")
        )
        if not self.talk.interactive:
            self._show(self._say("play.framing"))
        if fresh:
            self._tell([e for e in opened.seen.news if e.kind in CALLING])
        else:
            self._recall(opened)
        if opened.read_only:
            self._show(f"{opened.read_only}\n{self._say('play.read_only')}")
        elif opened.unanswered:
            self._show(self._say("play.unanswered"))
            self._queue.append("review")
            return  # the review is part of the greeting
        self.talk.end_answer()

    def _recall(self, opened: Opened) -> None:
        count = len(self._service.log(opened.header.id))
        self._show(self._say("play.resumed", count=count, clock=f"{opened.seen.clock:%H:%M:%S}"))
        latest = [event for event in opened.seen.news if event.kind in TOLD][-LATEST:]
        if latest:
            self._show(self._say("play.latest"))
            self._tell(latest)

    def close(self) -> None:
        if self._pace is not None:
            self._pace.stop()
        self._show(self._say("play.leave", id=self._opened.header.id))
        self.talk.close()

    # the loop

    def loop(self) -> int:
        while True:
            try:
                for line in self._next_lines():
                    self._do(line.strip())
            except Leave:
                return 0
            except KeyboardInterrupt:
                if not self.talk.interactive:
                    return 130

    def _next_lines(self) -> list[str]:
        """What to do next: several lines when a person pasted them."""
        if self._queue:
            return [self._queue.pop(0)]
        return self._next_command().splitlines() or [""]

    def _next_command(self) -> str:
        prompt = self._prompt()
        if self._pace is None or self._opened.read_only:
            return self.talk.ask_command(prompt)
        with self._pace.running(self._opened.header.id, self._while_waiting):
            return self.talk.ask_command(prompt)

    def _do(self, line: str) -> None:
        """Carry out one line; its answer is complete when this returns."""
        word, _, rest = line.partition(" ")
        own = self._own.get(word)
        try:
            if own is not None:
                own(rest.strip())
            elif line:
                self._submit(line)
        except ReadOnly as error:
            self._show(f"{error}\n{self._say('play.read_only')}")
        except SessionError as error:
            self._show(str(error))
        self.talk.end_answer()

    def _submit(self, line: str) -> None:
        with self.talk.working(self._running_clock):
            seen = self._service.submit(self._opened.header.id, line, snapshot=True)
        if seen.text:
            self._show(seen.text)
        if seen.interrupted:
            self._show(self._say("play.interrupted", clock=f"{seen.clock:%H:%M:%S}"))
        self._look(seen)
        if seen.interrupted and not self.talk.interactive:
            raise KeyboardInterrupt

    def _look(self, seen: Observation) -> None:
        """Take over what is known now and tell the player what happened meanwhile."""
        self._seen = seen
        # The reply of a verb (`ack`) is often the very event: it is not said twice.
        self._tell([e for e in seen.news if e.kind in TOLD and e.text not in seen.text])
        if seen.resolved and not self._told_resolved:
            self._told_resolved = True
            self._show(self.talk.screen.paint(self._say("play.resolved"), "green"))

    def _while_waiting(self, seen: Observation) -> None:
        """Live pace: the world moved while the player sat at the prompt."""
        told = [event for event in seen.news if event.kind in TOLD]
        changed = told or (seen.severity, seen.resolved) != (self._seen.severity, self._seen.resolved)
        self._seen = seen
        if changed:
            lines = [self._event_line(event) for event in told]
            if seen.resolved and not self._told_resolved:
                self._told_resolved = True
                lines.append(self._say("play.resolved"))
            self.talk.interject("\n".join(lines), self._prompt())

    # the player's own commands

    def _write(self, kind: Kind) -> None:
        if self._opened.read_only:
            raise ReadOnly(self._opened.read_only)
        if not self._seen.resolved:
            self._show(self._say("play.early"))
        self._show(self._say("play.ask.postmortem" if kind == "postmortem" else "play.ask.actions"))
        self.talk.end_answer()
        try:
            text = self.talk.ask_text().strip()
        except KeyboardInterrupt:
            self._show(self._say("play.discarded"))
            return
        if not text:
            self._show(self._say("play.empty"))
            return
        self._reviewed(lambda report: self._service.review(self._opened.header.id, kind, text, report))

    def _finish_review(self) -> None:
        self._reviewed(lambda report: self._service.finish_review(self._opened.header.id, report))

    def _reviewed(self, ask: Callable[..., dict[str, object]]) -> None:
        from api.cli.judging import render_review

        try:
            with self.talk.progress(self._say("play.replaying")) as report:
                result = ask(report)
        except KeyboardInterrupt:
            self._show(self._say("play.review_stopped"))
            return
        self._show("\n".join(render_review(result, self._language, self.talk.screen, questions=False)))
        self._ask_back(list(result["questions"])[:QUESTIONS])  # type: ignore[call-overload]

    def _ask_back(self, questions: list[str]) -> None:
        for index, question in enumerate(questions, 1):
            asked = self._say("play.question", index=index, count=len(questions), question=question)
            self._show("\n".join(wrap(asked, self.talk.screen.columns)))
            self.talk.end_answer()
            answer = self.talk.ask_line(self._say("play.answer") + self._mark()).strip()
            if answer:
                self._respond(self._service.answer(self._opened.header.id, question, answer))
        if questions:
            self._show(self._say("play.recorded"))

    def _respond(self, response: dict[str, Any] | None) -> None:
        """The CTO's one line to an answer."""
        if response is not None:
            self._show("\n".join(wrap(f"CTO: {response['text']}", self.talk.screen.columns)))

    def _show_log(self) -> None:
        entries = self._service.log(self._opened.header.id)
        if not entries:
            self._show(self._say("play.log_empty"))
        for entry in entries:
            self._show(self._log_line(entry))

    def _log_line(self, entry: Entry) -> str:
        stopped = " ^C" if entry.effect and entry.effect.status == "interrupted" else ""
        head = f"{entry.seq:>4} {int(entry.t_s) // 60:>3}:{int(entry.t_s) % 60:02d}  "
        if entry.kind != "command":
            head += f"[{entry.kind}] "
        return head + shorten(clean(_summary(entry)) + stopped, self.talk.screen.columns - len(head))

    def _branch(self, rest: str) -> None:
        if not rest.isdecimal():
            self._show(self._say("play.branch_usage"))
            return
        parent = self._opened.header.id
        with self.talk.progress(self._say("play.restoring")) as report:
            opened = self._service.branch(parent, int(rest), report)
        self._enter(opened)
        clock = f"{opened.seen.clock:%H:%M:%S}"
        self._show(self._say("play.branched", id=opened.header.id, parent=parent, seq=rest, clock=clock))

    def _leave(self, _rest: str) -> None:
        raise Leave

    # words and looks

    def complete(self, typed: str) -> list[str]:
        """Completions of the last word typed: the player's own commands and the simulator's."""
        from simulator.commands import complete

        own = [word for word in self._own if word.startswith(typed)] if typed and " " not in typed else []
        return own + self._service.completions(self._opened.header.id, complete, typed)

    def _prompt(self) -> str:
        screen, seen = self.talk.screen, self._seen
        colour = SEVERITIES.get(seen.severity or "", "green")
        state = screen.paint(seen.severity or self._opened.scenario.namespace, colour, "bold")
        asked = f" {shorten(seen.pending, 24)}?" if seen.pending else ""
        return f"dropprod {screen.paint(f'{seen.clock:%H:%M:%S}', 'dim')} {state}{asked}{self._mark()}"

    def _mark(self) -> str:
        return " ▸ " if self.talk.screen.unicode else " > "

    def _running_clock(self) -> str:
        now_s = self._service.now_s(self._opened.header.id)
        if now_s is None:
            return ""
        passed_s = int(now_s - self._seen.now_s)
        return f"… +{passed_s} s"

    def _tell(self, events: list["Event"]) -> None:
        for event in events:
            self._show(self._event_line(event))

    def _event_line(self, event: "Event") -> str:
        stamp = f"{self._opened.scenario.starts_at + timedelta(seconds=event.t_s):%H:%M:%S}"
        dot = "●" if self.talk.screen.unicode else "*"
        return self.talk.screen.paint(f"{dot} {stamp} {event.kind:<8} {event.text}", TOLD[event.kind])

    def _say(self, key: str, **values: object) -> str:
        return say(self._language, key, **values)

    def _show(self, text: str) -> None:
        self.talk.show(text)


def _summary(entry: Entry) -> str:
    """What a log shows of an entry; what a mind said is kept as JSON, and only its heart is shown."""
    if entry.kind == "model":
        result = json.loads(entry.line)
        return f"{result['score']:.0f}/100 {result['feedback']}"
    return str(json.loads(entry.line)["answer"]) if entry.kind == "answer" else entry.line
