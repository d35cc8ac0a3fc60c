"""kill -9 of the service and of its database, again and again: what was acknowledged is there, and one can go on.

DROPPROD_KILLS says how often (a thousand takes about two hours); every third kill hits the database.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.load import free_port
from tests.api.postgres_server import Server, available
from tests.live.browser import wait_for

pytestmark = pytest.mark.skipif(not available(), reason="no PostgreSQL on this machine")
KILLS = int(os.environ.get("DROPPROD_KILLS", "9"))


@pytest.fixture
def database() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


class Service:
    def __init__(self, home: Path, url: str) -> None:
        self.port = free_port()
        self.home, self.url = home, url
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "api.cli", "serve", "--port", str(self.port), "--database", self.url]
        environment = {**os.environ, "DROPPROD_HOME": str(self.home)}
        with (self.home / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        wait_for(f"http://127.0.0.1:{self.port}/readyz", self.process)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def ask(self, method: str, path: str, body: Any = None, token: str = "", timeout: float = 30) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.load(answer)


def write(
    service: Service, session: str, token: str, first: int, acknowledged: list[int], stop: threading.Event
) -> None:
    """Send numbered lines until told to stop; keep the numbers that were answered."""
    number = first
    while not stop.is_set():
        try:
            line = {"line": f"echo {number}"}
            service.ask("POST", f"/v1/sessions/{session}/commands", line, token)
        except urllib.error.HTTPError as error:
            if error.code == 429:
                time.sleep(0.2)
                continue
            return
        except (OSError, ValueError):
            return
        acknowledged.append(number)
        number += 1


def test_nothing_acknowledged_is_lost(tmp_path: Path, database: Server) -> None:
    moments = random.Random(20261125)
    service = Service(tmp_path, database.url)
    service.start()
    token = service.ask("POST", "/v1/players", {})["token"]
    session = service.ask("POST", "/v1/sessions", {"scenario": "payment-pool"}, token)["id"]
    number = 0
    for kill in range(KILLS):
        acknowledged: list[int] = []
        stop = threading.Event()
        writer = threading.Thread(target=write, args=(service, session, token, number, acknowledged, stop))
        writer.start()
        time.sleep(0.3 + moments.random())
        if kill % 3 == 2:
            database.kill()
            stop.set()
            writer.join()
            database.start()
        service.kill()
        stop.set()
        writer.join()
        service.start()
        entries = service.ask("GET", f"/v1/sessions/{session}/log", None, token, 120)["entries"]
        kept = [int(e["line"].split()[1]) for e in entries]
        assert set(acknowledged) <= set(kept), f"kill {kill}: lost {set(acknowledged) - set(kept)}"
        assert kept == sorted(set(kept)), f"kill {kill}: done twice or out of order"
        assert [e["seq"] for e in entries] == list(range(1, len(entries) + 1))
        outline = service.ask("GET", f"/v1/sessions/{session}", None, token, 120)
        assert outline["read_only"] is None, outline["read_only"]
        number = max([number, *kept]) + 1
    after = service.ask("POST", f"/v1/sessions/{session}/commands", {"line": "echo last"}, token, 120)
    assert after["text"] == "last\n"
    assert number > KILLS
    assert service.process is not None
    service.process.terminate()
    assert service.process.wait(40) in (0, -signal.SIGTERM)
