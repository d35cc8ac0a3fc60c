"""`dropprod export`: the one door that writes a draft, and never over a file that exists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from api.bootstrap import open_service
from api.cli.entry import main


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DROPPROD_HOME", str(tmp_path / "home"))
    service = open_service()
    opened = service.create("sandbox", 1, "en")
    service.submit(opened.header.id, "wait 10")
    service.submit(opened.header.id, "break latency antifraud 100ms")
    assert not (tmp_path / "my-draft.yaml").exists()
    return opened.header.id


def test_a_session_becomes_a_file_that_runs(
    session: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my-draft.yaml"
    assert main(["export", session, "--as-scenario", str(path), "--lang", "en"]) == 0
    assert str(path) in capsys.readouterr().out
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert raw["id"] == "my-draft"
    assert raw["timeline"] == [{"at_s": 10.0, "command": "break latency antifraud 100ms"}]
    assert main(["run", str(path), "--until", "15", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scenario"] == "my-draft"


def test_a_file_that_exists_stays(session: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine", encoding="utf-8")
    assert main(["export", session, "--as-scenario", str(path)]) == 2
    assert path.read_text(encoding="utf-8") == "mine"
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", ["Bad Name.yaml", "sandbox.yaml", "no-such-dir/x1.yaml"])
def test_a_wrong_name_is_one_line(
    name: str, session: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", session, "--as-scenario", str(tmp_path / name)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_no_such_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DROPPROD_HOME", str(tmp_path))
    assert main(["export", "nosuch", "--as-scenario", "-"]) == 2
    assert "nosuch" in capsys.readouterr().err


def test_scenarios_tell_the_sandbox_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios", "--json"]) == 0
    types = {s["id"]: s["type"] for s in json.loads(capsys.readouterr().out)}
    assert types.pop("sandbox") == "sandbox"
    assert set(types.values()) == {"incident"}
