"""The command line's contract: start-up cost, one-line errors with exit code 2, stable JSON."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from api import messages
from api.cli.entry import COMMANDS, main

HEAVY = ("langgraph", "chromadb", "openai", "fastapi", "numpy", "pydantic", "yaml", "sqlite3", "tqdm")


def dropprod(*words: str, stdin: bytes = b"", **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *words],
        input=stdin,
        capture_output=True,
        timeout=60,
        env={"PATH": "", "LC_ALL": "C.UTF-8", **environ},
        check=False,
    )


def one_line_error(done: subprocess.CompletedProcess[bytes]) -> str:
    """The error's text; asserts that it is the only thing said, and exit code 2."""
    text = done.stderr.decode()
    assert done.returncode == 2, text
    assert done.stdout == b""
    assert text.startswith("dropprod: ") and text.endswith("\n") and text.count("\n") == 1, text
    return text


# start


@pytest.mark.parametrize("words", [["--help"], ["play", "--help"], ["run", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\nfrom api.cli import main\n"
        f"try: main({words!r})\nexcept SystemExit: pass\n"
        f"print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("LOADED []\n"), done.stdout


def test_help_costs_at_most_150_ms_of_cpu() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert dropprod("--help").returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) <= 0.15


def test_help_names_every_command_in_both_languages() -> None:
    english, russian = dropprod("--help").stdout.decode(), dropprod("--help", LANG="ru_RU.UTF-8", LC_ALL="")
    for name in COMMANDS:
        assert f"    {name} " in english and f"    {name} " in russian.stdout.decode()
    assert "команды" in russian.stdout.decode()


def test_both_languages_have_the_same_places() -> None:
    for key in messages.all_keys():
        places = [sorted(_places(messages.say(language, key))) for language in ("ru", "en")]
        assert places[0] == places[1], key


def _places(text: str) -> list[str]:
    import string

    return [name for _, name, _, _ in string.Formatter().parse(text) if name]


@pytest.mark.parametrize(
    ("given", "environ", "language"),
    [
        ("en", {"LANG": "ru_RU.UTF-8"}, "en"),
        (None, {"LANG": "ru_RU.UTF-8"}, "ru"),
        (None, {"LANG": "ru_RU.UTF-8", "LC_ALL": "de_DE"}, "en"),
        (None, {"LC_MESSAGES": "ru", "LANG": "en_US"}, "ru"),
        (None, {}, "en"),
    ],
)
def test_the_language_is_asked_of_the_option_then_the_locale(
    given: str | None, environ: dict[str, str], language: str
) -> None:
    assert messages.choose_language(given, environ) == language


# errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["run"], "run: the following arguments are required: SCENARIO"),
        (["run", "nowhere"], "no scenario 'nowhere': give one of "),
        (["run", "payment-pool", "--seed", "-1"], "'-1' is not a seed"),
        (["run", "payment-pool", "--seed", "9999999999999999999"], "is not a seed"),
        (["run", "payment-pool", "--until", "soon"], "'soon': expected seconds"),
        (["run", "payment-pool", "--until", "nan"], "'nan': expected seconds"),
        (["run", "payment-pool", "--set", "traffic.rps"], "expected PATH=VALUE"),
        (["run", "payment-pool", "--set", "traffic.rsp=1"], "rsp"),
        (["run", "payment-pool", "--commands", "/no/such/file"], "/no/such/file: No such file or directory"),
        (["exec", "payment-pool"], "required: COMMAND"),
        (["exec", "nowhere", "--", "kubectl get pods"], "no scenario 'nowhere'"),
        (["play", "nowhere"], "no scenario 'nowhere'"),
        (["play", "--resume", "nothere"], "no session 'nothere'"),
        (["play", "--resume", "x", "--seed", "3"], "--resume takes scenario and seed from the session"),
        (["play", "--speed", "10"], "--speed is for --pace live"),
        (["review", "payment-pool"], "required: --text"),
        (["review", "payment-pool", "--text", "/no/such"], "--text /no/such: No such file"),
        (["review", "payment-pool", "--text", "-"], "the text is empty"),
        (["grade", "--jsonl", "/no/such"], "--jsonl /no/such: No such file"),
        (["interview", "design a chat", "--lang", "en"], "no interview 'design a chat'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words: list[str], said: str, tmp_path: Path) -> None:
    assert said in one_line_error(dropprod(*words, DROPPROD_HOME=str(tmp_path)))


def test_a_broken_store_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "sessions.db").write_text("a diary that is long enough to look like something else entirely")
    assert "not a database" in one_line_error(dropprod("sessions", DROPPROD_HOME=str(tmp_path)))
    assert "not a database" in one_line_error(dropprod("play", DROPPROD_HOME=str(tmp_path)))


def test_a_text_that_is_not_utf8_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"abc\xff")
    said = one_line_error(dropprod("review", "payment-pool", "--text", str(tmp_path / "text")))
    assert "not UTF-8 at byte 3" in said


def test_a_reader_that_leaves_is_no_error() -> None:
    writer = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "scenarios", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert writer.stdout is not None and writer.stderr is not None
    writer.stdout.close()
    assert writer.stderr.read() == b""
    assert writer.wait() in (0, 141)


# lists


def test_scenarios_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    first = next(s for s in found if s["id"] == "payment-pool")
    assert set(first) == {"id", "title", "tier", "type", "topics", "minutes"}
    assert set(first["title"]) == {"ru", "en"} and first["tier"] == "free"
    assert isinstance(first["topics"], list) and isinstance(first["minutes"], int)


def test_scenarios_for_a_person_fit_the_width(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    assert main(["scenarios", "--lang", "ru"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("id") and max(map(len, lines)) <= 50
    assert any("payment-pool" in line for line in lines)


def test_sessions_empty_and_as_json(tmp_path: Path) -> None:
    done = dropprod("sessions", "--lang", "ru", DROPPROD_HOME=str(tmp_path))
    assert "Сессий пока нет" in done.stdout.decode()
    assert json.loads(dropprod("sessions", "--json", DROPPROD_HOME=str(tmp_path)).stdout) == []


# grade


RECORD = {
    "id": "a-1",
    "kind": "action-items",
    "context": "payment-pool",
    "lang": "ru",
    "text": "1. Канарейка 5 % для payment-service с автооткатом по success rate, платформа, до пятницы.",
}


def test_grade_goes_on_after_a_bad_line_and_ends_with_1(tmp_path: Path) -> None:
    good = json.dumps(RECORD, ensure_ascii=False).encode()
    lines = [good, b"{not json", b"", b"[]", b'{"id": "x", "kind": "poem", "text": "a"}', b"\xff\xfe", good]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(lines))
    done = dropprod("grade", "--jsonl", str(tmp_path / "in.jsonl"))
    assert done.returncode == 1
    graded = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [g["id"] for g in graded] == ["a-1", "a-1"]
    assert graded[0] == graded[1]
    complaints = done.stderr.decode().splitlines()
    assert [c.split(": ")[1].split()[-1] for c in complaints] == ["2", "4", "5", "6"]
    assert all(c.startswith("dropprod: ") for c in complaints)


def test_grade_reads_standard_input() -> None:
    done = dropprod("grade", "--jsonl", "-", stdin=json.dumps(RECORD).encode())
    assert done.returncode == 0 and done.stderr == b""
    verdict = json.loads(done.stdout)
    assert {"id", "rubric", "levels", "overall", "quotes", "judge"} <= set(verdict)
    assert isinstance(verdict["overall"], int | float)
