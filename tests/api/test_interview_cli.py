"""Interviews through the command line: turns by blank lines, kept in the log, resumed, judged."""

import io
import json
import sys

import pytest

from api.cli.entry import main

TURNS = """100 000 RPS, 20 % списаний: 100000 * 0.2 = 20000 в секунду, p99 300 мс.

lb -> api x20 5ms
api -> db x8 cores 8 4ms by payment_id

да

не знаю
"""


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str, typed: str = ""
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    code = main(["interview", *words])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROPPROD_HOME", str(tmp_path))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_the_list_names_every_question(monkeypatch, capsys):
    code, out, _ = run(monkeypatch, capsys, "--lang", "ru")
    assert code == 0 and "flash-sale" in out and "Платежи" in out
    code, out, _ = run(monkeypatch, capsys, "--json")
    assert len(json.loads(out)) >= 8


def test_an_interview_from_a_pipe_ends_with_its_debrief(monkeypatch, capsys):
    code, out, _ = run(monkeypatch, capsys, "payments-100k", "--lang", "ru", "--length", "short", typed=TURNS)
    assert code == 0
    assert "держит" in out and "Разбор:" in out and "Почитать:" in out
    session = out.split("--resume ")[1].split()[0]
    code, again, _ = run(monkeypatch, capsys, "--resume", session)
    assert code == 0 and again.split("Разбор:")[1] == out.split("Разбор:")[1]


def test_a_second_attempt_is_compared_with_the_first(monkeypatch, capsys):
    run(monkeypatch, capsys, "chat", "--lang", "en", typed="Sharded by chat_id.\n\n/finish\n")
    code, out, _ = run(
        monkeypatch, capsys, "chat", "--lang", "en", "--json", typed="2M / 50K = 40 nodes.\n\n/finish\n"
    )
    assert code == 0
    assert "Last time" in json.loads(out)["text"]


@pytest.mark.parametrize(
    ("words", "wrong"), [(("nope",), "no interview 'nope'"), (("--resume", "xxxx"), "no interview 'xxxx'")]
)
def test_what_is_wrong_is_one_line(monkeypatch, capsys, words, wrong):
    code, out, err = run(monkeypatch, capsys, *words)
    assert code == 2 and wrong in err and err.count("\n") == 1 and not out
