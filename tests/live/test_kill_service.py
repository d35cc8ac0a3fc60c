"""kill -9 of the service and of its database, again and again: what was acknowledged is there, and one can go on.

DROPPROD_KILLS says how often (a thousand is what is promised). A round kills the service, its database under the running
service, or both, in the middle of writes to several sessions.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from benchmarks.load import free_port
from tests.api.postgres_server import Server, available

pytestmark = pytest.mark.skipif(not available(), reason="no PostgreSQL on this machine")
KILLS = int(os.environ.get("DROPPROD_KILLS", "30"))
WRITERS = 3
STRIKES = (("service",), ("service",), ("service",), ("database",), ("service", "database"))
LONG = 40  # entries after which a writer begins another session: waking one up replays it
GONE = (OSError, http.client.HTTPException, ValueError)  # whoever was asked has been killed


@pytest.fixture
def database() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


class Service:
    """`dropprod serve` in a process that can be killed."""

    def __init__(self, home: Path, url: str) -> None:
        self.port, self.home, self.url = free_port(), home, url
        self.processes = multiprocessing.get_context("forkserver")
        self.processes.set_forkserver_preload(["tests.live.kill_child"])
        self.process: BaseProcess | None = None

    def start(self) -> None:
        from tests.live.kill_child import run

        self.process = self.processes.Process(target=run, args=(self.port, self.url, str(self.home)))
        self.process.start()
        self.ready()

    def ready(self) -> None:
        assert self.process is not None
        for _ in range(3000):
            assert self.process.is_alive(), (self.home / "serve.log").read_text()[-3000:]
            try:
                if self.ask("GET", "/readyz")[0] == 200:
                    return
            except GONE:
                pass
            time.sleep(0.02)
        raise AssertionError("the service did not get ready within a minute")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.join()

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def ask_until_heard(self, *asked: Any) -> tuple[int, Any]:
        """As `ask`; who comes too often for the service's taste comes again."""
        while True:
            status, found = self.ask(*asked)
            if status != 429:
                return status, found
            time.sleep(0.05)


@dataclass
class Writer:
    """Sends numbered lines to a session and remembers which ones were acknowledged."""

    service: Service
    token: str
    session: str = ""
    number: int = 0
    acknowledged: set[int] = field(default_factory=set)
    written: int = 0  # in all sessions
    sessions: int = 0

    def begin(self) -> None:
        body = {"scenario": "payment-pool"}
        status, found = self.service.ask_until_heard("POST", "/v1/sessions", body, self.token)
        assert status == 201, found
        self.session, self.acknowledged, self.number = found["id"], set(), 0
        self.sessions += 1

    def run(self, stop: threading.Event) -> None:
        path = f"/v1/sessions/{self.session}/commands"
        while not stop.is_set():
            self.number += 1
            try:
                status, found = self.service.ask("POST", path, {"line": f"echo {self.number}"}, self.token)
            except GONE:
                return
            if status == 200:
                assert found["text"] == f"{self.number}\n"
                self.acknowledged.add(self.number)
                self.written += 1
            else:  # its turn to wait, or the database is away
                assert status in (429, 503), found
                time.sleep(0.05)

    def check(self) -> None:
        """Nothing acknowledged is lost, nothing is there twice, and the session goes on."""
        status, found = self.service.ask_until_heard(
            "GET", f"/v1/sessions/{self.session}/log", None, self.token
        )
        assert status == 200, found
        kept = [int(e["line"].split()[1]) for e in found["entries"]]
        assert self.acknowledged <= set(kept), f"lost {self.acknowledged - set(kept)}"
        assert kept == sorted(set(kept)), "done twice or out of order"
        assert [e["seq"] for e in found["entries"]] == list(range(1, len(kept) + 1))
        path = f"/v1/sessions/{self.session}"
        status, outline = self.service.ask_until_heard("GET", path, None, self.token)
        assert (status, outline.get("read_only")) == (200, None), outline
        self.number += 1
        line = {"line": f"echo {self.number}"}
        status, said = self.service.ask_until_heard("POST", f"{path}/commands", line, self.token)
        assert (status, said["text"]) == (200, f"{self.number}\n"), said
        self.acknowledged.add(self.number)
        if len(kept) >= LONG:
            self.begin()


def strike(what: tuple[str, ...], service: Service, database: Server, stop: threading.Event) -> None:
    """Kill in the middle of the writing, and start again what was killed."""
    if "database" in what:
        database.kill()
    if "service" in what:
        service.kill()
    stop.set()
    if "database" in what:
        database.start()
    if "service" in what:
        service.start()
    service.ready()


def counted(killed: Counter[str], writers: list[Writer], took_s: float) -> str:
    """One line; that nothing was lost or done twice is asserted after every kill."""
    return (
        f"{killed.total()} kills ({killed['service']} of the service, {killed['database']} of the database): "
        f"{sum(w.written for w in writers)} lines acknowledged, 0 lost, 0 done twice; "
        f"{sum(w.sessions for w in writers)} sessions, 0 stuck; {took_s:.0f} s"
    )


def test_nothing_acknowledged_is_lost(
    tmp_path: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    moments = random.Random(20261125)
    service = Service(tmp_path, database.url)
    service.start()
    token = service.ask("POST", "/v1/players", {})[1]["token"]
    writers = [Writer(service, token) for _ in range(WRITERS)]
    for writer in writers:
        writer.begin()
    killed, began, report = Counter[str](), time.monotonic(), tmp_path / "kills.txt"
    while killed.total() < KILLS:
        stop = threading.Event()
        threads = [threading.Thread(target=writer.run, args=(stop,)) for writer in writers]
        for thread in threads:
            thread.start()
        time.sleep(0.05 + 0.25 * moments.random())
        what = moments.choice(STRIKES)
        strike(what, service, database, stop)
        killed.update(what)
        for thread in threads:
            thread.join()
        for writer in writers:
            writer.check()
        report.write_text(counted(killed, writers, time.monotonic() - began) + "\n")
    assert sum(writer.written for writer in writers) > KILLS, "the writers got to write"
    assert service.process is not None
    service.process.terminate()
    service.process.join(40)
    assert service.process.exitcode in (0, -signal.SIGTERM)
    with capsys.disabled():
        print("\n" + report.read_text(), end="")
