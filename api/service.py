"""What every door does with sessions: create, submit, resume, review, branch. One way in, one log.

No terminal, no HTTP, no clock and no randomness in here: the doors bring them. A world in memory is
only a cache of its log; whoever drops it loses nothing.
"""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from agent.tracing import span
from api.ports import Observation, Opened, Progress, ReadOnly, ReviewText, SessionError, Simulator
from api.store import Effect, Entry, Header, Kind, Status, Store
from api.views import worst_severity

if TYPE_CHECKING:
    from simulator.scenario import Scenario
    from simulator.world import World

Result = TypeVar("Result")
Mark = tuple[Any, ...]  # of a session at a moment: another one says that something is new

LINE_LIMIT = 4_000  # characters of one command: a long SQL statement fits, a pasted log does not
TEXT_LIMIT = 50_000  # characters of a text under review: ten times a long post-mortem
QUICK_FROM = 10  # entries from which on a log is replayed without what only looked
FOLLOW_LIMIT_S = 120.0  # simulated seconds a following command (`-w`) goes on; part of what a log means


@dataclass
class _Live:
    """A session in memory: the world is what its log says, `told` of its events were shown."""

    header: Header
    scenario: Scenario
    world: World
    next_seq: int = 1
    told: int = 0
    read_only: str | None = None
    unanswered: Entry | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def id(self) -> str:
        return self.header.id


class ApplicationService:
    """Sessions by id. Safe to call from several threads; commands of one session take turns."""

    def __init__(
        self,
        store: Store,
        simulator: Simulator,
        review: ReviewText,
        new_id: Callable[[], str],
        utc_now: Callable[[], datetime],
        shared: bool = False,
        most_live: int = 0,
    ) -> None:
        """`shared`: other processes may append to the same sessions. `most_live`: worlds kept in memory, 0: all."""
        self._store = store
        self._simulator = simulator
        self._review = review
        self._new_id = new_id
        self._utc_now = utc_now
        self._shared = shared
        self._most_live = most_live
        self._lives: dict[str, _Live] = {}
        self._opening: dict[str, threading.Lock] = {}  # a replay takes seconds: one at a time a session
        self._judging: set[str] = set()
        self._built = 0
        self._turns = threading.Lock()

    # sessions

    def create(self, scenario_name: str, seed: int, language: str) -> Opened:
        """Start a session. Raises ScenarioError, StoreError."""
        scenario = self._simulator.load(scenario_name)
        header = self._fresh_header(scenario_name, scenario, seed, language)
        live = _Live(header, scenario, self._build(scenario, seed, language))
        self._store.create(header)
        self._lives[header.id] = live
        return self._opened(live)

    def resume(self, session_id: str, on_progress: Progress | None = None) -> Opened:
        """Open a session by replaying its log. Raises SessionError, ScenarioError, StoreError."""
        return self._opened(self._live(session_id, on_progress))

    def branch(self, session_id: str, at_seq: int, on_progress: Progress | None = None) -> Opened:
        """Start a new session with the entries before `at_seq` of another one ("what if, from here")."""
        parent = self._header(session_id)
        entries = self._store.entries(session_id)
        last = entries[-1].seq if entries else 0
        if not 1 <= at_seq <= last + 1:
            raise SessionError(
                f"session {session_id} has entries 1 to {last}; branch at one of 1 to {last + 1}"
            )
        scenario = self._simulator.load(parent.scenario)
        fresh = self._fresh_header(parent.scenario, scenario, parent.seed, parent.language)
        header = replace(fresh, parent=session_id, parent_seq=at_seq)
        self._store.create(header, (self._inherited(parent, header, e) for e in entries if e.seq < at_seq))
        return self.resume(header.id, on_progress)

    def sessions(self) -> list[dict[str, Any]]:
        return summaries(self._store)

    def log(self, session_id: str) -> list[Entry]:
        self._header(session_id)
        return self._store.entries(session_id)

    # playing

    def submit(self, session_id: str, line: str, snapshot: bool = False) -> Observation:
        """Log a command, then carry it out. Raises SessionError, StoreError.

        A KeyboardInterrupt on the way stops the command where it is, and the session goes on from there;
        `snapshot` (some milliseconds) makes that immediate where it would otherwise take a replay.
        """
        if len(line) > LINE_LIMIT:
            raise SessionError(f"a command has at most {LINE_LIMIT} characters, this one has {len(line)}")
        line = _storable(line)
        with span("command") as told, self._playable(session_id) as live:
            before = pickle.dumps(live.world, protocol=5) if snapshot else b""
            entry = self._append(live, "command", line)
            try:
                reply = self._simulator.execute(live.world, line)
            except KeyboardInterrupt:
                self._stop(live, entry, before, float(int(live.world.now_s)))
                return replace(self._observe(live), interrupted=True)
            except Exception:
                # Our bug, and it must crash; but a log that crashes on every replay would be a lost session.
                self._stop(live, entry, before, entry.t_s)
                raise
            self._complete(live, entry.seq)
            took_s = live.world.now_s - entry.t_s
            told.set(
                dropprod__scenario=live.header.scenario, dropprod__code=reply.code, dropprod__sim_s=took_s
            )
            return self._observe(live, reply.text, reply.code)

    def pass_time(self, session_id: str, until_s: float) -> Observation:
        """Live pace: let the world run on to a simulated second. The log gets it with the next entry."""
        with self._playable(session_id) as live:
            if until_s > live.world.now_s:
                live.world.advance_to(until_s)
            return self._observe(live)

    def look(self, session_id: str, view: Callable[[World, Header, str | None], Result]) -> Result:
        """What `view(world, header, why it is read-only)` makes of a session; it must not change the world."""
        live = self._live(session_id)
        with live.lock:
            return view(live.world, live.header, live.read_only)

    def watch(
        self,
        session_id: str,
        seconds: float,
        view: Callable[[World, Header, str | None], Result],
        mark: Mark = (),
    ) -> tuple[Result, Mark] | None:
        """Let some time pass, then what `view` makes of the session and its mark; None: the mark is still the same.

        The mark is cheap and a view is not, so whoever watches a session asks for one only when something is new.
        """
        live = self._live(session_id)
        with live.lock:
            if seconds > 0.0 and live.read_only is None:
                try:
                    live.world.advance(seconds)
                except BaseException:
                    self._lives.pop(session_id, None)
                    raise
            world = live.world
            found = (live.next_seq, world.now_s, len(world.events), world.pending, live.read_only)
            return None if found == mark else (view(world, live.header, live.read_only), found)

    def at_hand(self, session_id: str) -> Literal["ready", "busy", "away"]:
        """Whether a look at a session would take milliseconds, wait for somebody's command, or replay a log."""
        live = self._lives.get(session_id)
        if live is None:
            return "away"
        if not live.lock.acquire(blocking=False):
            return "busy"
        live.lock.release()
        return "ready"

    def next_seq(self, session_id: str) -> tuple[int, ...]:
        """The place of the next entry as a world in memory has it; empty where there is none."""
        live = self._lives.get(session_id)
        return (live.next_seq,) if live is not None else ()

    def live_count(self) -> int:
        return len(self._lives)

    def let_go_count(self) -> int:
        """Worlds that were dropped from memory so far, about: threads do not wait for each other to count."""
        return self._built - len(self._lives)

    def now_s(self, session_id: str) -> float | None:
        """The session's simulated second, also while a command is under way in another thread."""
        live = self._lives.get(session_id)
        return live.world.now_s if live else None

    def completions(
        self, session_id: str, complete: Callable[[World, str], list[str]], prefix: str
    ) -> list[str]:
        live = self._live(session_id)
        return complete(live.world, prefix)

    def show_on(self, session_id: str, columns: int, colour: bool) -> None:
        """Tell the world what it is looked at with; changes no state."""
        live = self._live(session_id)
        live.world.columns, live.world.colour = columns, colour

    def forget(self, session_id: str) -> None:
        """Drop a session's world from memory; the next call replays its log."""
        self._lives.pop(session_id, None)

    # after the incident

    def review(
        self, session_id: str, kind: Kind, text: str, on_progress: Progress | None = None
    ) -> dict[str, Any]:
        """Log a text, have it judged against the session's log, and log the verdict, too."""
        if len(text) > TEXT_LIMIT:
            raise SessionError(f"a text has at most {TEXT_LIMIT} characters, this one has {len(text)}")
        with self._reviewing(session_id):
            with self._playable(session_id) as live:
                live.unanswered = self._append(live, kind, _storable(text), done=True)
            return self._judge(session_id, on_progress)

    def finish_review(self, session_id: str, on_progress: Progress | None = None) -> dict[str, Any]:
        """Judge the text whose review was cut off. Raises SessionError when there is none."""
        with self._reviewing(session_id):
            return self._judge(session_id, on_progress)

    def answer(self, session_id: str, question: str, text: str, judged: bool = True) -> dict[str, Any] | None:
        """Log the player's answer to a follow-up question with the CTO's word on it, and return that.

        `judged` False: what is logged is no answer to a person's question, and nobody says anything.
        """
        kept: dict[str, Any] = {"question": question, "answer": text[:TEXT_LIMIT]}
        with self._playable(session_id) as live:
            if judged:
                from agent.replies import judge_reply  # lazily: most sessions end without a review

                kept["response"] = judge_reply(question, text, live.header.language).shown()
            self._append(live, "answer", _storable(json.dumps(kept, ensure_ascii=False)), done=True)
        return kept.get("response")

    # inside

    def _build(self, scenario: Scenario, seed: int, language: str) -> World:
        world = self._simulator.build(scenario, seed, language)
        self._built += 1
        world.follow_limit_s = FOLLOW_LIMIT_S
        return world

    def _fresh_header(self, name: str, scenario: Scenario, seed: int, language: str) -> Header:
        return Header(
            id=self._new_id(),
            scenario=name,
            scenario_digest=self._simulator.digest(scenario),
            seed=seed,
            version=self._simulator.version,
            language=language,
            created=self._utc_now().astimezone(UTC).isoformat(timespec="seconds"),
        )

    def _header(self, session_id: str) -> Header:
        header = self._store.header(session_id)
        if header is None:
            raise SessionError(f"no session {session_id!r}: `dropprod sessions` lists them")
        return header

    def _live(self, session_id: str, on_progress: Progress | None = None) -> _Live:
        with self._turns:
            turn = self._opening.setdefault(session_id, threading.Lock())
        with turn:
            live = self._lives.pop(session_id, None)
            if live is not None and self._shared and not self._caught_up(live):
                live = None
            if live is None:
                live = self._rebuilt(self._header(session_id), on_progress)
            self._lives[session_id] = live  # the last in the order of use
            self._make_room()
            return live

    def _caught_up(self, live: _Live) -> bool:
        """Whether a world in memory is where its log is, after what another process may have appended."""
        if self._store.last_seq(live.id) < live.next_seq:
            return True
        with live.lock:
            new = [e for e in self._store.entries(live.id) if e.seq >= live.next_seq]
            return all(
                e.t_s >= live.world.now_s and e.effect is not None and self._take_over(live, e) for e in new
            )

    def _make_room(self) -> None:
        """Let go of the worlds that were used longest ago; none that is in use."""
        if not self._most_live:
            return
        for session_id, live in list(self._lives.items()):
            if len(self._lives) <= self._most_live:
                return
            if live.lock.acquire(blocking=False):
                self._lives.pop(session_id, None)
                live.lock.release()

    @contextmanager
    def _playable(self, session_id: str) -> Iterator[_Live]:
        """The session with its turn taken; a world that something broke off is not kept."""
        live = self._live(session_id)
        with live.lock:
            if live.read_only:
                raise ReadOnly(live.read_only)
            try:
                yield live
            except BaseException:
                # The log is the truth: the next call replays it rather than trusting half an effect.
                self._lives.pop(session_id, None)
                raise

    def _append(self, live: _Live, kind: Kind, line: str, done: bool = False) -> Entry:
        world = live.world
        effect = Effect(world.digest(), world.now_s) if done else None
        entry = Entry(live.next_seq, world.now_s, kind, line, effect)
        self._store.append(live.id, entry)
        live.next_seq += 1
        return entry

    def _complete(self, live: _Live, seq: int, status: Status = "done") -> None:
        self._store.complete(live.id, seq, Effect(live.world.digest(), live.world.now_s, status))

    def _observe(self, live: _Live, text: str = "", code: int = 0) -> Observation:
        world = live.world
        news = tuple(world.events[live.told :])
        live.told = len(world.events)
        return Observation(
            text=text,
            code=code,
            now_s=world.now_s,
            clock=world.at(world.now_s),
            severity=worst_severity(world),
            pending=world.pending,
            resolved=world.resolved,
            news=news,
        )

    def _opened(self, live: _Live) -> Opened:
        with live.lock:
            played = live.world.scenario  # what the seed made of the file
            return Opened(live.header, played, self._observe(live), live.read_only, live.unanswered)

    def _stop(self, live: _Live, entry: Entry, before: bytes, now_s: float) -> None:
        """Take a command back as if only time had passed, until `now_s` at most, and log it so."""
        if before:
            live.world = pickle.loads(before)
        else:
            looks = live.world.columns, live.world.colour
            live.world = self._build(live.scenario, live.header.seed, live.header.language)
            live.world.columns, live.world.colour = looks
            for earlier in self._store.entries(live.id):
                if earlier.seq < entry.seq:
                    self._apply(live.world, earlier)
        live.world.advance_to(max(entry.t_s, now_s))
        self._complete(live, entry.seq, "interrupted")

    def _inherited(self, parent: Header, child: Header, entry: Entry) -> Entry:
        """An entry for a branch: under another simulator or scenario its effect is found out anew."""
        same = (parent.version, parent.scenario_digest) == (child.version, child.scenario_digest)
        return entry if same else Entry(entry.seq, entry.t_s, entry.kind, entry.line)

    # replay

    def _rebuilt(self, header: Header, on_progress: Progress | None) -> _Live:
        """Re-execute a log and verify each effect; what no longer fits is opened read-only."""
        scenario = self._simulator.load(header.scenario)
        live = _Live(header, scenario, self._build(scenario, header.seed, header.language))
        live.read_only = self._stale(header, scenario)
        entries = self._store.entries(header.id)
        quick = self._quickly_rebuilt(live, entries, on_progress)
        if quick is not None:
            return quick
        live = _Live(
            header, scenario, self._build(scenario, header.seed, header.language), read_only=live.read_only
        )
        end_s = entries[-1].t_s if entries else 0.0
        for entry in entries:
            if on_progress is not None:
                on_progress(entry.t_s, end_s)
            if not self._take_over(live, entry):
                break
        return live

    def _quickly_rebuilt(
        self, live: _Live, entries: list[Entry], on_progress: Progress | None
    ) -> _Live | None:
        """Replay without what only looked, and verify the end. None: it does not hold, go entry by entry."""
        kept = [e for e in entries if e.effect is not None]
        if live.read_only is not None or len(kept) < QUICK_FROM or kept != entries[: len(kept)]:
            return None
        for entry in kept:
            if on_progress is not None:
                on_progress(entry.t_s, kept[-1].t_s)
            self._apply(live.world, entry, quick=entry is not kept[-1])
            self._went_on(live, entry)
        effect = kept[-1].effect
        if effect is None or live.world.digest() != effect.digest:
            return None
        return live if all(self._take_over(live, e) for e in entries[len(kept) :]) else None

    def _went_on(self, live: _Live, entry: Entry) -> None:
        live.next_seq = entry.seq + 1
        if entry.kind in ("action-items", "postmortem", "model"):
            live.unanswered = None if entry.kind == "model" else entry

    def _take_over(self, live: _Live, entry: Entry) -> bool:
        """Carry out an entry of the log. False: it does not do what the log says."""
        self._apply(live.world, entry)
        if not self._verified(live, entry):
            return False
        self._went_on(live, entry)
        return True

    def _stale(self, header: Header, scenario: Scenario) -> str | None:
        version, digest = self._simulator.version, self._simulator.digest(scenario)
        if header.version != version:
            return (
                f"session {header.id} is read-only: played with simulator {header.version}, this is {version}"
            )
        if header.scenario_digest != digest:
            return (
                f"session {header.id} is read-only: scenario {header.scenario} has changed since "
                f"({header.scenario_digest} then, {digest} now)"
            )
        return None

    def _apply(self, world: World, entry: Entry, quick: bool = False) -> None:
        if entry.t_s > world.now_s:
            world.advance_to(entry.t_s)
        if entry.effect is not None and entry.effect.status == "interrupted":
            world.advance_to(entry.effect.now_s)
        elif entry.kind == "command":
            if quick and entry.effect is not None and self._passed_over(world, entry.line, entry.effect):
                return
            self._simulator.execute(world, entry.line)

    def _passed_over(self, world: World, line: str, effect: Effect) -> bool:
        return self._simulator.pass_over(world, line, effect.now_s)

    def _verified(self, live: _Live, entry: Entry) -> bool:
        """Compare an entry's effect with the log's, or complete it. False: the log ends here."""
        if entry.effect is None:
            if live.read_only is None:
                self._complete(live, entry.seq)
            return True
        replayed = live.world.digest()
        if replayed == entry.effect.digest:
            return True
        clock = live.world.at(entry.t_s)
        live.read_only = live.read_only or (
            f"session {live.id} is read-only from entry {entry.seq} on "
            f"({clock:%H:%M:%S} {_shortened(entry.line)}): "
            f"a replay gives {replayed}, the log says {entry.effect.digest}"
        )
        return False

    @contextmanager
    def _reviewing(self, session_id: str) -> Iterator[None]:
        """One review of a session at a time here; its commands go on meanwhile."""
        with self._turns:
            if session_id in self._judging:
                raise SessionError(f"a review of session {session_id} is under way; wait for its verdict")
            self._judging.add(session_id)
        try:
            yield
        finally:
            self._judging.discard(session_id)

    def _judge(self, session_id: str, on_progress: Progress | None) -> dict[str, Any]:
        """Judge the text that waits. The session is not held: a review takes up to a minute."""
        with self._playable(session_id) as live:
            world, entry = live.world, live.unanswered
            if entry is None:
                raise SessionError(f"session {session_id} has no text that waits for a review")
            scenario, now_s = world.scenario, world.now_s
            played = [(e.t_s, e.line) for e in self._store.entries(session_id) if _was_carried_out(e)]
            hurt = world.resolved or any(event.kind in ("alert", "page") for event in world.events)
        result = self._review(
            scenario,
            entry.line,
            entry.kind,
            live.header.language,
            seed=live.header.seed,
            now_s=now_s,
            log=played if hurt else [],
            on_progress=on_progress,
        )
        with self._playable(session_id) as live:
            self._append(live, "model", json.dumps(result, ensure_ascii=False), done=True)
            live.unanswered = None
        return result


def summaries(store: Store) -> list[dict[str, Any]]:
    """Every kept session, newest first: its header, `entries` and the second `now_s` it got to."""
    return [{**asdict(h), "entries": count, "now_s": now_s} for h, count, now_s in store.headers()]


def _storable(text: str) -> str:
    """Half a surrogate pair (a broken paste, a JSON escape) has no UTF-8 form, and PostgreSQL keeps no NUL."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _was_carried_out(entry: Entry) -> bool:
    return entry.kind == "command" and (entry.effect is None or entry.effect.status == "done")


def _shortened(line: str, limit: int = 60) -> str:
    flat = " ".join(line.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
