"""`play` without a terminal: lines in, framed answers out, and a whole game told as a transcript."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli.entry import build_parser
from api.cli.paint import Screen
from api.cli.play import Player
from api.cli.talk import PipeTalk
from api.store import Conflict, SqliteStore
from tests.api.fakes import FakeReviewer, FakeWorld, fake_service


def played(
    folder: Path, *lines: str, words: tuple[str, ...] = (), reviewer: FakeReviewer | None = None
) -> list[str]:
    """Play `lines`; the answers, one string each, the greeting first and the farewell last."""
    target = io.StringIO()
    player = Player(fake_service(folder, reviewer), "en")
    player.talk = PipeTalk(io.StringIO("".join(line + "\n" for line in lines)), target, Screen(100))
    player.open(build_parser("en").parse_args(["play", *words]))
    player.loop()
    player.close()
    frames = re.split(r"^\.\n", target.getvalue(), flags=re.MULTILINE)
    return [frame.removesuffix("\n") for frame in frames]


def test_every_answer_ends_with_a_line_of_a_dot(tmp_path: Path) -> None:
    greeting, deploy, waited, empty, farewell = played(tmp_path, "deploy x", "wait 120", "")
    assert greeting.startswith("payment-service v2.8.1") and "Session s1" in greeting
    assert deploy == "did deploy x"
    assert waited == "120 s passed\n● 14:01:40 page     [P1] PaymentSuccessRateLow"
    assert empty == ""
    assert farewell == "The session is kept. To go on: dropprod play --resume s1"


def test_a_line_of_dots_in_an_answer_is_no_end(tmp_path: Path) -> None:
    target = io.StringIO()
    talk = PipeTalk(io.StringIO(), target, Screen())
    talk.show("a\n.\n..\n.b\n")
    talk.end_answer()
    assert target.getvalue() == "a\n..\n...\n.b\n.\n"


def test_what_is_for_the_player_to_find_is_not_told(tmp_path: Path) -> None:
    assert "the pool is exhausted" not in "".join(played(tmp_path, "wait 200"))


def test_the_way_from_the_incident_to_the_review(tmp_path: Path) -> None:
    reviewer = FakeReviewer()
    answers = played(
        tmp_path, "fix", "fix again", "actions", "1. канарейка", "", "2. alert", ".", "CPU", "breaker", "log",
        reviewer=reviewer,
    )  # fmt: skip
    assert "The incident is over" in answers[1] and "`postmortem`" in answers[1]
    assert "The incident is over" not in answers[2], "said once"
    assert answers[3] == 'Write concrete actions to prevent such incidents. End with a line ".".'
    assert "Score 75 of 100" in answers[4] and "-396,000" in answers[4] and "\x1b" not in answers[4]
    assert answers[4].endswith("The CTO asks (1/2): Why not a pool of 100?")
    short = "CTO: Too short to agree or to disagree with."
    assert answers[5] == f"{short}\nThe CTO asks (2/2): What took eight minutes?"
    assert answers[6] == f"{short}\nYour answers are in the log."
    assert "[action-items] 1. канарейка 2. alert" in answers[7] and "[answer] breaker" in answers[7]
    assert reviewer.asked[0][0] == "1. канарейка\n\n2. alert"


def test_an_empty_text_is_not_kept(tmp_path: Path) -> None:
    assert "An empty text is not kept." in played(tmp_path, "postmortem", ".")[2]
    assert SqliteStore(tmp_path / "sessions.db").entries("s1") == []


def test_the_end_of_the_input_ends_a_text_and_loses_nothing(tmp_path: Path) -> None:
    answers = played(tmp_path, "postmortem", "what happened")
    assert "Score 75" in answers[2] and "--resume s1" in answers[-1]
    assert [e.kind for e in SqliteStore(tmp_path / "sessions.db").entries("s1")] == ["postmortem", "model"]


def test_resuming_tells_where_we_are(tmp_path: Path) -> None:
    played(tmp_path, "wait 120", "rm pods")
    greeting, answer, _ = played(tmp_path, "no", words=("--resume", "S1"))
    assert "Going on: 2 entries in the log, the clock shows 14:02:00." in greeting
    assert "Latest events:\n● 14:01:40 page" in greeting
    assert answer == "did no"


def test_a_branch_goes_on_from_the_middle(tmp_path: Path) -> None:
    answers = played(
        tmp_path, "deploy x", "wait 500", "branch 2", "fix sooner", "branch x", "branch 99", "log"
    )
    assert answers[3] == "New session s2: the log of s1 before entry 2. The clock shows 14:00:02."
    assert "branch N" in answers[5] and "branch at one of 1 to 3" in answers[6]
    assert "wait 500" not in answers[7] and "fix sooner" in answers[7]


def test_a_read_only_session_says_why_and_can_be_read(tmp_path: Path) -> None:
    service = fake_service(tmp_path, version="0.0.9")
    service.create("payment-pool", 1, "en")
    service.submit("s1", "deploy x")
    answers = played(tmp_path, "deploy y", "log", "actions", "branch 2", "deploy y", words=("--resume", "s1"))
    assert "read-only: played with simulator 0.0.9, this is 0.1.0" in answers[0]
    assert "read-only" in answers[1] and "did" not in answers[1]
    assert "deploy x" in answers[2]
    assert "read-only" in answers[3]
    assert answers[5] == "did deploy y"


def test_ctrl_c_ends_a_program_s_game_with_the_session_kept(tmp_path: Path) -> None:
    FakeWorld.interrupt_at_s = 250.0
    answers = played(tmp_path, "wait 600", "deploy never")
    assert "^C interrupted at 14:04:10" in answers[1]
    assert "never" not in "".join(answers) and "--resume s1" in answers[-1]


def test_a_session_played_elsewhere_is_a_clear_error(tmp_path: Path) -> None:
    service = fake_service(tmp_path)
    player = Player(service, "en")
    player.talk = PipeTalk(io.StringIO("deploy x\n"), io.StringIO(), Screen())
    player.open(build_parser("en").parse_args(["play"]))
    other = fake_service(tmp_path)
    other.submit("s1", "deploy first")
    with pytest.raises(Conflict, match="open elsewhere"):
        player.loop()


def test_a_review_that_was_cut_off_is_asked_for_again(tmp_path: Path) -> None:
    reviewer = FakeReviewer()
    reviewer.stop = True
    answers = played(tmp_path, "actions", "canary", ".", "look", reviewer=reviewer)
    assert "The review was stopped; the text is kept" in answers[2] and answers[3] == "did look"
    reviewer.stop = False
    greeting = played(tmp_path, words=("--resume", "s1"), reviewer=reviewer)[0]
    assert "asking again" in greeting and "Score 75" in greeting


def test_as_a_process_in_russian(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.api.play_fake", str(tmp_path), "play", "--lang", "ru"],
        input=b"wait 120\nquit\nnever\n",
        capture_output=True,
        timeout=20,
        env={"LC_ALL": "C", "PATH": ""},
        check=False,
    )
    text = done.stdout.decode()
    assert done.returncode == 0 and done.stderr == b""
    assert "Пятница, 17:00" in text and "Сессия s1" in text and "never" not in text
    assert text.endswith("Сессия сохранена. Продолжить: dropprod play --resume s1\n")
