"""A session is its log: what is typed is kept, what is kept replays, and what no longer fits says so."""

import sqlite3
from pathlib import Path

import pytest

from api.ports import ReadOnly, SessionError
from api.store import Conflict, Entry, SqliteStore
from simulator.reply import Reply
from tests.api.fakes import FakeReviewer, FakeWorld, fake_execute, fake_service


def kept(folder: Path, session: str = "s1") -> list[Entry]:
    return SqliteStore(folder / "sessions.db").entries(session)


def test_commands_are_logged_with_their_time_and_effect(tmp_path: Path) -> None:
    service = fake_service(tmp_path)
    opened = service.create("payment-pool", 1, "en")
    assert opened.header.id == "s1" and opened.seen.now_s == 0
    assert service.submit("s1", "deploy x").text == "did deploy x\n"
    seen = service.submit("s1", "wait 30")
    assert seen.now_s == 32.0
    assert f"{seen.clock:%H:%M:%S}" == "14:00:32"
    assert [(e.seq, e.t_s, e.line) for e in kept(tmp_path)] == [(1, 0.0, "deploy x"), (2, 2.0, "wait 30")]
    effects = [e.effect for e in kept(tmp_path)]
    assert [e.now_s for e in effects if e] == [2.0, 32.0]


def test_the_entry_is_committed_before_the_command_takes_effect(tmp_path: Path) -> None:
    found: list[Entry] = []

    def look_first(world: FakeWorld, line: str) -> Reply:
        found.extend(kept(tmp_path))
        return fake_execute(world, line)

    service = fake_service(tmp_path, execute=look_first)
    service.create("payment-pool", 1, "en")
    service.submit("s1", "deploy x")
    assert [(e.line, e.effect) for e in found] == [("deploy x", None)]


def test_a_resumed_session_is_the_same_world(tmp_path: Path) -> None:
    first = fake_service(tmp_path)
    first.create("payment-pool", 7, "ru")
    for line in ("deploy x", "wait 120", "rm -rf pods"):
        before = first.submit("s1", line)
    resumed = fake_service(tmp_path).resume("s1")
    assert resumed.read_only is None
    assert (resumed.seen.now_s, resumed.seen.severity, resumed.seen.pending) == (
        before.now_s,
        "P1",
        "rm -rf pods",
    )
    assert resumed.header.language == "ru"


def test_an_entry_that_a_kill_cut_off_is_carried_out_and_completed(tmp_path: Path) -> None:
    service = fake_service(tmp_path)
    service.create("payment-pool", 1, "en")
    service.submit("s1", "deploy x")
    SqliteStore(tmp_path / "sessions.db").append("s1", Entry(2, 2.0, "command", "fix it"))
    resumed = fake_service(tmp_path).resume("s1")
    assert resumed.seen.resolved
    assert kept(tmp_path)[1].effect is not None
    assert fake_service(tmp_path).submit("s1", "status").now_s == 6.0


def test_live_time_is_in_the_log_by_the_next_entry(tmp_path: Path) -> None:
    service = fake_service(tmp_path)
    service.create("payment-pool", 1, "en")
    assert [e.kind for e in service.pass_time("s1", 150.0).news] == ["page", "pool"]
    assert service.pass_time("s1", 10.0).now_s == 150.0, "time never goes back"
    service.submit("s1", "look")
    assert kept(tmp_path)[0].t_s == 150.0
    assert fake_service(tmp_path).resume("s1").read_only is None


def test_news_are_told_once(tmp_path: Path) -> None:
    service = fake_service(tmp_path)
    service.create("payment-pool", 1, "en")
    assert len(service.submit("s1", "wait 120").news) == 2
    assert service.submit("s1", "look").news == ()


# what no longer fits


def tamper(folder: Path, statement: str) -> None:
    db = sqlite3.connect(folder / "sessions.db", isolation_level=None)
    for table in ("sessions", "entries", "effects"):
        db.execute(f"DROP TRIGGER {table}_update")
    db.execute(statement)
    db.close()


def test_a_tampered_effect_opens_read_only_and_says_which_entry(tmp_path: Path) -> None:
    service = fake_service(tmp_path)
    service.create("payment-pool", 1, "en")
    for line in ("deploy x", "scale y", "wait 10"):
        service.submit("s1", line)
    tamper(tmp_path, "UPDATE effects SET digest = 'beefbeefbeefbeef' WHERE seq = 2")
    again = fake_service(tmp_path)
    opened = again.resume("s1")
    assert opened.read_only is not None and "\n" not in opened.read_only
    assert "entry 2" in opened.read_only and "scale y" in opened.read_only and "beef" in opened.read_only
    with pytest.raises(ReadOnly):
        again.submit("s1", "deploy z")
    with pytest.raises(ReadOnly):
        again.review("s1", "action-items", "text")
    assert len(kept(tmp_path)) == 3
    assert [e.line for e in again.log("s1")] == ["deploy x", "scale y", "wait 10"]


def test_a_tampered_command_does_too(tmp_path: Path) -> None:
    service = fake_service(tmp_path)
    service.create("payment-pool", 1, "en")
    service.submit("s1", "deploy x")
    tamper(tmp_path, "UPDATE entries SET line = 'deploy y'")
    assert "entry 1" in (fake_service(tmp_path).resume("s1").read_only or "")


def test_another_simulator_version_or_scenario_opens_read_only(tmp_path: Path) -> None:
    service = fake_service(tmp_path)
    service.create("payment-pool", 1, "en")
    service.submit("s1", "deploy x")
    other = fake_service(tmp_path, version="0.2.0").resume("s1")
    assert other.read_only is not None and "0.1.0" in other.read_only and "0.2.0" in other.read_only
    tamper(tmp_path, "UPDATE sessions SET scenario_digest = 'cafecafecafecafe'")
    assert "has changed" in (fake_service(tmp_path).resume("s1").read_only or "")


def test_an_old_session_that_was_cut_off_stays_as_it_is(tmp_path: Path) -> None:
    fake_service(tmp_path).create("payment-pool", 1, "en")
    SqliteStore(tmp_path / "sessions.db").append("s1", Entry(1, 0.0, "command", "fix"))
    assert fake_service(tmp_path, version="0.2.0").resume("s1").read_only
    assert kept(tmp_path)[0].effect is None


def test_unknown_sessions_and_endless_lines_are_refused(tmp_path: Path) -> None:
    service = fake_service(tmp_path)
    with pytest.raises(SessionError, match="no session 'nope'"):
        service.resume("nope")
    service.create("payment-pool", 1, "en")
    with pytest.raises(SessionError, match="at most"):
        service.submit("s1", "x" * 100_000)
    assert kept(tmp_path) == []


def test_half_a_surrogate_pair_is_kept_as_a_question_mark(tmp_path: Path) -> None:
    service = fake_service(tmp_path)
    service.create("payment-pool", 1, "en")
    assert service.submit("s1", "deploy \ud800").text == "did deploy ?\n"
    service.answer("s1", "why", "\udfff")
    assert fake_service(tmp_path).resume("s1").read_only is None


def test_two_writers_of_one_session(tmp_path: Path) -> None:
    one = fake_service(tmp_path)
    one.create("payment-pool", 1, "en")
    two = fake_service(tmp_path)
    two.resume("s1")
    one.submit("s1", "mine")
    with pytest.raises(Conflict, match="open elsewhere"):
        two.submit("s1", "theirs")
    assert [e.line for e in kept(tmp_path)] == ["mine"]
    two.submit("s1", "after mine")  # the loser reads the log again and goes on from its end
    assert [e.line for e in kept(tmp_path)] == ["mine", "after mine"]
    assert fake_service(tmp_path).resume("s1").read_only is None


# branches


def test_a_branch_takes_over_the_beginning(tmp_path: Path) -> None:
    service = fake_service(tmp_path)
    service.create("payment-pool", 3, "ru")
    for line in ("deploy x", "wait 300", "fix"):
        service.submit("s1", line)
    branch = service.branch("s1", 2)
    assert (branch.header.parent, branch.header.parent_seq, branch.header.seed) == ("s1", 2, 3)
    assert branch.seen.now_s == 2.0
    service.submit("s2", "fix sooner")
    assert [e.line for e in kept(tmp_path, "s2")] == ["deploy x", "fix sooner"]
    assert [e.line for e in kept(tmp_path, "s1")] == ["deploy x", "wait 300", "fix"]
    for wrong in (0, 5):
        with pytest.raises(SessionError, match="branch at one of 1 to 4"):
            service.branch("s1", wrong)


def test_a_read_only_session_can_be_branched(tmp_path: Path) -> None:
    service = fake_service(tmp_path)
    service.create("payment-pool", 1, "en")
    service.submit("s1", "deploy x")
    newer = fake_service(tmp_path, version="0.2.0")
    assert newer.branch("s1", 2).read_only is None
    assert newer.submit("s2", "fix").resolved


# Ctrl-C


@pytest.mark.parametrize("snapshot", [True, False])
def test_ctrl_c_keeps_the_time_that_passed(tmp_path: Path, snapshot: bool) -> None:
    service = fake_service(tmp_path)
    service.create("payment-pool", 1, "en")
    service.submit("s1", "deploy x")
    FakeWorld.interrupt_at_s = 250.0
    seen = service.submit("s1", "wait 600", snapshot=snapshot)
    assert seen.interrupted and seen.now_s == 250.0 and seen.severity == "P1"
    assert [e.kind for e in seen.news] == ["page", "pool"]
    service.submit("s1", "fix")
    resumed = fake_service(tmp_path).resume("s1")
    assert resumed.read_only is None and resumed.seen.now_s == 252.0
    statuses = [e.effect.status for e in kept(tmp_path) if e.effect]
    assert statuses == ["done", "interrupted", "done"]
    branch = service.branch("s1", 3)
    assert branch.read_only is None and branch.seen.now_s == 250.0


def test_a_bug_crashes_loudly_and_the_session_survives_it(tmp_path: Path) -> None:
    def buggy(world: FakeWorld, line: str) -> Reply:
        if line == "boom":
            world.lines.append("half an effect")
            raise ZeroDivisionError
        return fake_execute(world, line)

    service = fake_service(tmp_path, execute=buggy)
    service.create("payment-pool", 1, "en")
    service.submit("s1", "deploy x")
    with pytest.raises(ZeroDivisionError):
        service.submit("s1", "boom")
    assert service.submit("s1", "fix").now_s == 4.0
    resumed = fake_service(tmp_path, execute=buggy).resume("s1")
    assert resumed.read_only is None and resumed.seen.resolved


# texts and minds


def test_a_review_sees_what_was_played_and_is_never_asked_for_again(tmp_path: Path) -> None:
    reviewer = FakeReviewer()
    service = fake_service(tmp_path, reviewer)
    service.create("payment-pool", 1, "ru")
    service.submit("s1", "deploy x")
    FakeWorld.interrupt_at_s = 50.0
    service.submit("s1", "wait 600")
    service.submit("s1", "fix")
    text = "1. канарейка\n2. алерт на пул\n"
    assert service.review("s1", "action-items", text)["score"] == 75.0
    service.answer("s1", "Почему?", "CPU")
    assert reviewer.asked == [(text, "action-items", "ru", [(0.0, "deploy x"), (50.0, "fix")])]
    assert [e.kind for e in kept(tmp_path)][3:] == ["action-items", "model", "answer"]
    resumed = fake_service(tmp_path, reviewer).resume("s1")
    assert resumed.unanswered is None and resumed.read_only is None
    assert len(reviewer.asked) == 1


def test_a_review_that_was_cut_off_can_be_finished(tmp_path: Path) -> None:
    reviewer = FakeReviewer()
    reviewer.stop = True
    service = fake_service(tmp_path, reviewer)
    service.create("payment-pool", 1, "en")
    with pytest.raises(KeyboardInterrupt):
        service.review("s1", "postmortem", "what happened")
    reviewer.stop = False
    again = fake_service(tmp_path, reviewer)
    opened = again.resume("s1")
    assert opened.unanswered is not None and opened.unanswered.line == "what happened"
    again.submit("s1", "look")
    again.finish_review("s1")
    after = fake_service(tmp_path, reviewer).resume("s1")
    assert after.unanswered is None and after.read_only is None
    with pytest.raises(SessionError, match="no text"):
        again.finish_review("s1")
