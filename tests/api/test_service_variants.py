"""A seed's variant is what a session plays, shows, resumes and is judged by; nothing names it to the player."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.cli.entry import main
from api.ports import Simulator
from api.service import ApplicationService
from api.store import SqliteStore
from simulator.commands import execute
from simulator.run import Command, exec_once, run_scenario
from simulator.scenario import Scenario, digest, load, varied
from simulator.world import World
from tests.api.fakes import fake_service

SEED = 4  # fiscal-call
FILE = load("payment-pool")


class Reviewer:
    """Keeps what it was asked about."""

    def __init__(self) -> None:
        self.scenario: Scenario | None = None
        self.seed = 0

    def __call__(self, scenario: Scenario, *_: Any, seed: int, **__: Any) -> dict[str, Any]:
        self.scenario, self.seed = scenario, seed
        return {"overall": 0.0}


def service(folder: Path, reviewer: Reviewer, first: int = 1) -> ApplicationService:
    real = Simulator("test", load, digest, World, execute)
    ids = iter(f"s{n}" for n in range(first, 9))
    clock = fake_service(folder)._utc_now
    return ApplicationService(SqliteStore(folder / "real.db"), real, reviewer, lambda: next(ids), clock)


def test_a_session_is_its_variant_from_the_first_page_to_the_review(tmp_path: Path) -> None:
    reviewer = Reviewer()
    first = service(tmp_path, reviewer)
    opened = first.create("payment-pool", SEED, "en")
    told = varied(FILE, SEED)
    assert opened.scenario.truth == told.truth != FILE.truth
    first.submit("s1", "hint")
    hint = first.submit("s1", "hint").text
    assert told.hints[1].en in hint and FILE.hints[1].en not in hint
    again = service(tmp_path, reviewer, 2)
    assert again.resume("s1").read_only is None and again.resume("s1").scenario.truth == told.truth
    again.review("s1", "action-items", "Roll back sooner.")
    assert reviewer.scenario is not None and reviewer.scenario.truth == told.truth and reviewer.seed == SEED
    assert again.branch("s1", 2).scenario.truth == told.truth


def test_nothing_shown_to_the_player_names_the_variant(tmp_path: Path) -> None:
    played = service(tmp_path, Reviewer())
    names = [variant.id for variant in FILE.variants]
    for seed in range(1, len(names) + 2):
        opened = played.create("payment-pool", seed, "en")
        shown = [opened.scenario.id, opened.scenario.title.en, opened.scenario.brief.en]
        shown += [h.en for h in opened.scenario.hints] + [h.ru for h in opened.scenario.hints]
        for line in (
            "status",
            "timeline -a",
            "help",
            "git log",
            "kubectl describe deployment/payment-service",
        ):
            shown.append(played.submit(opened.header.id, line).text)
        assert not [name for name in names for text in shown if name in text], seed


def test_run_and_exec_play_the_variant() -> None:
    diff = exec_once(FILE, SEED, 5, "git diff v2.8.0 v2.8.1").out
    assert "fiscal.register" in diff and "getReferenceById" not in diff
    found = run_scenario(FILE, SEED, [Command(10, "deploy payment-service v2.8.1")], 90)
    assert found["facts"]["pool_exhausted_s"] is None and found["facts"]["started_s"] is not None


def test_a_review_on_the_command_line_takes_a_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {}

    def review_text(scenario: Scenario, *_: Any, seed: int) -> dict[str, Any]:
        asked.update(truth=scenario.truth, seed=seed)
        return {"overall": 0.0}

    monkeypatch.setattr("agent.review_entry.review_text", review_text)
    (tmp_path / "text").write_text("Roll back sooner.")
    words = ["review", "payment-pool", "--text", str(tmp_path / "text"), "--seed", str(SEED), "--json"]
    assert main(words) == 0 and capsys.readouterr().out.strip() == '{"overall": 0.0}'
    assert asked == {"truth": varied(FILE, SEED).truth, "seed": SEED}
