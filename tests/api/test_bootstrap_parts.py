"""What the doors get: where data lives, how sessions are named, and that minds come last."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from api.bootstrap import home, new_session_id, open_store

MINDS = ("langgraph", "chromadb", "openai", "agent.review_entry")


def test_the_home_is_the_given_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROPPROD_HOME", str(tmp_path / "дом"))
    assert home() == tmp_path / "дом"
    open_store().close()
    assert (tmp_path / "дом" / "sessions.db").is_file()


def test_without_one_it_is_the_platform_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DROPPROD_HOME", raising=False)
    assert home().name == "dropprod"


def test_session_ids_can_be_read_out_and_differ() -> None:
    ids = {new_session_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(re.fullmatch("[a-z2-7]{8}", i) for i in ids)


def test_playing_keeps_the_minds_out_until_a_review(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom api.cli import main\n"
        "main(['play', 'payment-pool', '--lang', 'en'])\n"
        f"print('LOADED', [m for m in {MINDS!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="status\nkubectl get pods\nquit\n",
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "", "DROPPROD_HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        check=False,
    )
    assert done.stdout.endswith("LOADED []\n"), done.stdout + done.stderr
