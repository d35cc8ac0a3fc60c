"""`run`, `exec` and `play --resume` against the real world: what the contract promises, on short runs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest


def dropprod(*words: str, stdin: str = "", home: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "", "LC_ALL": "C.UTF-8", "DROPPROD_HOME": str(home or "/nonexistent")},
        check=False,
    )


def test_run_as_json_has_the_contract_s_fields_and_is_stable() -> None:
    words = ("run", "payment-pool", "--until", "20", "--seed", "3", "--set", "traffic.rps=600", "--json")
    first, second = dropprod(*words), dropprod(*words)
    assert first.returncode == 0 and first.stderr == "" and first.stdout == second.stdout
    result = json.loads(first.stdout)
    assert {"scenario", "seed", "engine", "version", "digest", "sim_seconds", "series", "alerts"} <= set(
        result
    )
    assert {"timeline", "facts", "invariants", "resolved"} <= set(result)
    assert result["seed"] == 3 and result["sim_seconds"] == 20 and len(result["series"]["t"]) == 20
    assert sum(result["series"]["rps"]) / 20 == pytest.approx(600, rel=0.05)


def test_run_takes_commands_from_standard_input_and_shows_plain_progress() -> None:
    words = ("run", "payment-pool", "--until", "15", "--commands", "-", "--progress", "--lang", "en")
    done = dropprod(*words, stdin="@5 deploy payment-service v2.8.1\n")
    assert done.returncode == 0
    assert re.search(r"0:05 +deploy", done.stdout)
    assert done.stderr.splitlines()[-1] == "running: 100 %"


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (["--commands", "-"], "@soon status", "--commands -: line 1: @soon"),
        (["--with", "nosuch"], "", "--with: no intervention 'nosuch'"),
        (["--set", "traffic.rps=["], "", "--set traffic.rps=["),
    ],
)
def test_run_names_what_is_wrong(words: list[str], stdin: str, said: str) -> None:
    done = dropprod("run", "payment-pool", "--until", "5", *words, stdin=stdin)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        (["kubectl get deploy payment-service -n prod"], 0, "18/18", ""),
        (["kubectl", "get", "nosuch"], 1, "", "resource type"),
        (["psql", "-c", "SHOW POOLS", "pgbouncer"], 0, "cl_waiting", ""),
        (["SELECT 1;"], 0, "(1 row)", ""),
        (["kubectl get pods -n prod | grep -c '^payment-service'"], 0, "18", ""),
        (["nosuchtool"], 127, "", "nosuchtool"),
    ],
)
def test_exec_is_the_tool_with_its_exit_code(words: list[str], code: int, out: str, err: str) -> None:
    done = dropprod("exec", "payment-pool", "--at", "5", "--", *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert out in done.stdout and err in done.stderr


def test_a_session_outlives_its_process(tmp_path: Path) -> None:
    first = dropprod("play", "--seed", "2", stdin="deploy payment-service v2.8.1\nwait 60\n", home=tmp_path)
    session = re.search(r"--resume ([a-z2-7]{8})", first.stdout)
    assert session, first.stdout + first.stderr
    again = dropprod("play", "--resume", session[1], stdin="status\nlog\n", home=tmp_path)
    assert "read-only" not in again.stdout and "v2.8.1 ×" in again.stdout
    kept = json.loads(dropprod("sessions", "--json", home=tmp_path).stdout)
    assert [(s["id"], s["scenario"], s["seed"], s["entries"]) for s in kept] == [
        (session[1], "payment-pool", 2, 3)
    ]
