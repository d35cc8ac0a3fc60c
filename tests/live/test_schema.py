"""What the OpenAPI document promises, held against the running service by schemathesis: every check, every route."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from api.http.app import create_app
from benchmarks.load import free_port
from tests.api.http_client import real_context

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
EXAMPLES = os.environ.get("DROPPROD_FUZZ_EXAMPLES", "25")  # of an operation
pytestmark = pytest.mark.skipif(
    not (SCHEMATHESIS.exists() or shutil.which("schemathesis")), reason="schemathesis is not installed"
)


@contextmanager
def listening(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The service without limits of rate, on a port of this machine; a real server, so that real bytes are read."""
    port = free_port()
    config = uvicorn.Config(create_app(real_context(folder, patch)), port=port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


def known_things(client: httpx.Client) -> dict[str, str]:
    """One of everything that routes name."""

    def made(path: str, body: object) -> dict[str, str]:
        answer = client.post(path, json=body)
        assert answer.is_success, answer.text
        found: dict[str, str] = answer.json()
        return found

    session = made("/v1/sessions", {"scenario": "payment-pool", "language": "en"})["id"]
    made(f"/v1/sessions/{session}/commands", {"line": "status"})
    prompt = client.get("/v1/interviews/prompts").json()["prompts"][0]["id"]
    return {
        "session": session,
        "job": made(f"/v1/sessions/{session}/reviews", {"kind": "action-items", "text": "a canary"})["job"],
        "token": made(f"/v1/sessions/{session}/shares", {})["token"],
        "interviews": made("/v1/interviews", {"prompt": prompt})["id"],
        "stories": made("/v1/stories", {})["id"],
        "agent": made("/v1/agent/reset", {"scenario": "payment-pool"})["episode"],
        "incident": client.get("/v1/library").json()["incidents"][0]["id"],
    }


def test_schemathesis_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(tmp_path, monkeypatch) as address, httpx.Client(base_url=address, timeout=60) as client:
        token = client.post("/v1/players", json={}).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        command = [
            *(
                str(SCHEMATHESIS),
                "--config-file",
                str(Path(__file__).with_name("schemathesis.toml")),
                "run",
                f"{address}/v1/openapi.json",
                "--checks",
                "all",
                "--mode",
                "all",
            ),
            *("--max-examples", EXAMPLES, "--phases", "examples,coverage,fuzzing", "--seed", "20261126"),
            *("--header", f"Authorization: Bearer {token}", "--request-timeout", "180", "--no-color"),
            *("--exclude-path-regex", "/events$", "--continue-on-failure", "--suppress-health-check", "all"),
        ]
        environment = {
            **os.environ,
            "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("fuzz_hooks.py")),
            "DROPPROD_FUZZ_IDS": json.dumps(known_things(client)),
        }
        found = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=1800
        )
    assert found.returncode == 0, found.stdout[-200_000:] + found.stderr[-2_000:]
