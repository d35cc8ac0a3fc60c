"""A world of a few lines with the interface of `simulator.world.World`, and a service around it."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from api.ports import Simulator
from api.service import ApplicationService
from api.store import SqliteStore
from simulator.reply import Reply
from simulator.scenario import Scenario, digest, load


@dataclass(frozen=True)
class FakeEvent:
    t_s: float
    kind: str
    text: str


@dataclass
class FakeIncident:
    severity: str
    paged_s: float | None = 100.0
    resolved_s: float | None = None


@dataclass
class FakePager:
    incidents: list[FakeIncident] = field(default_factory=list)


class FakeWorld:
    """Counts what was typed; at second 100 a page comes, `fix` ends it; `rm` waits for a yes."""

    interrupt_at_s: float | None = None  # Ctrl-C in the middle of a command, once

    def __init__(self, scenario: Scenario, seed: int, language: str = "en") -> None:
        self.scenario, self.seed, self.language = scenario, seed, language
        self.now_s = 0.0
        self.events: list[FakeEvent] = []
        self.pager = FakePager()
        self.pending: str | None = None
        self.resolved = False
        self.columns, self.colour = 100, False
        self.follow_limit_s = 10.0
        self.lines: list[str] = []

    def at(self, t_s: float) -> datetime:
        return self.scenario.starts_at + timedelta(seconds=t_s)

    def advance_to(self, t_s: float) -> None:
        while self.now_s < t_s:
            self.now_s = min(t_s, float(int(self.now_s) + 1))
            if self.now_s == 100.0:
                self.events.append(FakeEvent(100.0, "page", "[P1] PaymentSuccessRateLow"))
                self.events.append(FakeEvent(100.0, "pool", "the pool is exhausted"))
                self.pager.incidents.append(FakeIncident("P1"))
            if FakeWorld.interrupt_at_s is not None and self.now_s >= FakeWorld.interrupt_at_s:
                FakeWorld.interrupt_at_s = None
                raise KeyboardInterrupt

    def digest(self) -> str:
        events = [(e.t_s, e.kind) for e in self.events]
        state = (self.scenario.id, self.seed, self.now_s, events, self.lines, self.pending, self.resolved)
        return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


def fake_execute(world: Any, line: str) -> Reply:
    word, _, rest = line.partition(" ")
    if world.pending is not None:
        world.pending = None
    elif word == "rm":
        world.pending = line
        return Reply(f"really {line}? [yes/no]\n", cost_s=0.0)
    if word == "wait":
        world.advance_to(world.now_s + float(rest))
        return Reply(f"{rest} s passed\n", cost_s=0.0)
    world.lines.append(line)
    if word == "fix":
        world.resolved = True
        for incident in world.pager.incidents:
            incident.resolved_s = world.now_s
    world.advance_to(world.now_s + 2.0)
    return Reply(f"did {line}\n", "", 0)


class FakeReviewer:
    """Records what it is asked; `stop` makes it end as Ctrl-C would."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, list[tuple[float, str]]]] = []
        self.stop = False

    def __call__(
        self, scenario: Scenario, text: str, kind: str, language: str, *, log: Any, **_also: Any
    ) -> dict[str, Any]:
        self.asked.append((text, kind, language, log))
        if self.stop:
            raise KeyboardInterrupt
        return review_result()


def review_result() -> dict[str, Any]:
    """A review in the shape of DESIGN §7."""
    return {
        "rubric": "action-items",
        "lang": "en",
        "judge": "embedded",
        "overall": 2.25,
        "score": 75.0,
        "criteria": [
            {
                "criterion": "root_cause",
                "level": 3,
                "quotes": [],
                "why": "the N+1 is named",
                "source": "embedded",
            },
            {
                "criterion": "owned",
                "level": "cannot_assess",
                "quotes": [],
                "why": "unreadable",
                "source": "model",
            },
        ],
        "action_items": [
            {
                "quote": "add a canary",
                "interventions": ["canary_auto_rollback"],
                "parameters": {"canary_auto_rollback": {"max_error_rate": 0.01}},
                "state": "mapped",
                "counterfactual": {
                    "run": "cf-1",
                    "baseline": {"failed_requests": 400000, "recovered_s": 900.0, "others_failed": 0},
                    "with": {"failed_requests": 4000, "recovered_s": None, "others_failed": 0},
                    "effect": {"failed_requests": -396000, "recovered_s": None, "others_failed": 0},
                    "no_responder": {
                        "baseline": {"failed_requests": 500000, "recovered_s": None, "others_failed": 0},
                        "with": {"failed_requests": 4100, "recovered_s": None, "others_failed": 0},
                        "effect": {"failed_requests": -495900, "recovered_s": None, "others_failed": 0},
                    },
                    "verdict": "strong",
                },
            },
            {
                "quote": "be careful\x1b[2J",
                "interventions": [],
                "parameters": {},
                "state": "unmapped",
                "counterfactual": None,
            },
        ],
        "combined": None,
        "claims": [],
        "notes": ["the model did not answer"],
        "transcript": [],
        "references": [{"id": "x", "title": "A pool ran dry", "source_url": "https://example.org/pm"}],
        "feedback": "The canary would have stopped it.",
        "questions": ["Why not a pool of 100?", "What took eight minutes?", "A third one?"],
    }


def fake_simulator(version: str = "0.1.0", execute: Any = fake_execute) -> Simulator:
    return Simulator(version, load, digest, FakeWorld, execute)  # type: ignore[arg-type]


def utc_now() -> datetime:
    return datetime(2026, 11, 20, 15, tzinfo=UTC)


def fake_service(
    folder: Path, reviewer: Any = None, version: str = "0.1.0", execute: Any = fake_execute
) -> ApplicationService:
    """A service on a real store in `folder`; ids are s1, s2, … in order of creation."""
    store = SqliteStore(folder / "sessions.db")
    simulator = fake_simulator(version, execute)
    count = len(store.headers())

    def new_id() -> str:
        nonlocal count
        count += 1
        return f"s{count}"

    return ApplicationService(store, simulator, reviewer or FakeReviewer(), new_id, utc_now)
