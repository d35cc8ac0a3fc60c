"""Live sessions on the service: latency of a command, memory of a session, streams, waking a session up.

    python -m benchmarks.load [--json] [--sessions 100] [--players 50] [--seconds 60] [--replicas 1|2]

Starts `dropprod serve` itself: with one replica on SQLite, with two on a PostgreSQL of its own. Every session has its
stream open at live pace x1; `players` of them type a command every two seconds on average, from a process of their own
(`load_players`); this one watches the streams. Both run on the service's machine and take their share of its cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json as jsonlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

LINES = (
    "status",
    "kubectl get pods -n prod",
    "kubectl get pods -n prod | grep payment | head -5",
    "psql -c 'SELECT state, count(*) FROM pg_stat_activity GROUP BY 1'",
    "promql 'sum(rate(http_server_requests_seconds_count[1m])) by (status)'",
    "kubectl logs deploy/payment-service -n prod --tail=20",
    "kubectl describe deploy payment-service -n prod",
    "timeline",
)
THINK_S = 2.0
OPENING_S = 3.0  # streams open over this long
WAKE_COMMANDS = 200
METHOD = {
    "command_ms": "once all streams are open: from the request's first byte to the answer's last, at the client, while everything else runs",
    "within_100_ms": "share of those commands",
    "client_late_ms": "99th percentile of how late the typing process' own timers were: what the machine adds to a latency",
    "client_cores": "what typing and watching took of the machine's cores",
    "memory_mb_a_session": "growth of the service's resident memory over the sessions, at the end",
    "gaps": "seconds of simulated time that a stream did not show, and streams that broke",
    "at_the_service": "commands by what the service itself says they took from the request's head to the answer's last byte, seconds: how many so long at most",
    "cores_missed": "threads of the service that were ready and had no core, on average: near 0 on a quiet machine",
    "wake_s": f"first look at a session of {WAKE_COMMANDS} commands by a service that has just started; idle",
}


def free_port() -> int:
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


class Replica:
    """One `dropprod serve`."""

    def __init__(self, home: Path, database: str | None) -> None:
        self.port = free_port()
        extra = ["--database", database] if database else []
        command = [sys.executable, "-m", "api.cli", "serve", "--port", str(self.port), *extra]
        self.log = (home / f"serve-{self.port}.log").open("wb")
        environment = {**os.environ, "DROPPROD_HOME": str(home)}
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=environment)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ready(self, client: Any) -> None:
        import httpx

        for _ in range(600):
            if self.process.poll() is not None:
                raise RuntimeError(Path(self.log.name).read_text()[-2000:])
            try:
                if (await client.get(self.url + "/readyz")).status_code == 200:
                    return
            except httpx.ConnectError:
                pass  # it does not listen yet
            await asyncio.sleep(0.1)
        raise RuntimeError("the service did not get ready")

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(x for x in status.splitlines() if x.startswith("VmRSS")).split()[1]) / 1024

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def waited_s(self) -> float:
        """What its threads spent ready to run and without a core: on a machine with other work latencies say little."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[1]) for task in tasks) / 1e9

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()


class Watcher:
    """A session with its stream."""

    def __init__(self, replica: Replica, token: str, session: str, number: int) -> None:
        self.replica, self.token, self.session = replica, token, session
        self.luck = random.Random(number)
        self.gaps = self.broken = self.messages = 0

    @property
    def typist(self) -> dict[str, Any]:
        """Who types in it, as `load_players` reads it."""
        return {
            "port": self.replica.port,
            "token": self.token,
            "session": self.session,
            "number": self.luck.randrange(1 << 30),
        }

    async def watch(self, until: float) -> None:
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed

        await asyncio.sleep(self.luck.random() * OPENING_S)
        url = f"ws://127.0.0.1:{self.replica.port}/v1/sessions/{self.session}/stream"
        expected = 0
        try:
            headers = {"Authorization": f"Bearer {self.token}"}
            async with connect(url, additional_headers=headers, max_size=2**24) as socket:
                while (left := until - time.monotonic()) > 0:
                    try:
                        message = jsonlib.loads(await asyncio.wait_for(socket.recv(), left))
                    except TimeoutError:
                        return
                    self.messages += 1
                    points = message["series"]["t"]
                    if points:
                        self.gaps += int(points[0]) != expected
                        expected = int(points[-1]) + 1
        except (ConnectionClosed, OSError):
            self.broken += 1


async def _typed(players: list[Watcher], until: float) -> dict[str, Any]:
    """What the players met, from their own process; they begin once the streams are open."""
    await asyncio.sleep(OPENING_S)
    plan = {"until": until, "think_s": THINK_S, "lines": LINES, "players": [p.typist for p in players]}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.load_players"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[1],
    )
    said, _ = await process.communicate(jsonlib.dumps(plan).encode())
    if process.returncode:
        raise RuntimeError(f"the players' process ended with {process.returncode}")
    found: dict[str, Any] = jsonlib.loads(said)
    return found


async def measure(
    sessions: int, players: int, seconds: float, replicas: int, report: Callable[[str], None]
) -> dict[str, Any]:
    import httpx

    with tempfile.TemporaryDirectory() as folder:
        home, database = Path(folder), None
        if replicas > 1:
            from tests.api.postgres_server import Server

            database = Server()
        running = [Replica(home, database.url if database else None) for _ in range(replicas)]
        limits = httpx.Limits(max_connections=400)
        try:
            async with httpx.AsyncClient(timeout=60, limits=limits) as client:
                for replica in running:
                    await replica.ready(client)
                report(f"{sessions} sessions on {replicas} replica(s)")
                found = await _load(client, running, sessions, players, seconds)
                report(f"waking up a session of {WAKE_COMMANDS} commands")
                found["wake_s"] = await _wake(client, home, database.url if database else None, running)
        finally:
            for replica in running:
                replica.stop()
            if database is not None:
                database.close()
    return found


async def _load(
    client: Any, running: list[Replica], sessions: int, players: int, seconds: float
) -> dict[str, Any]:
    empty = sum(r.memory_mb() for r in running)
    cpu, waited = sum(r.cpu_s() for r in running), sum(r.waited_s() for r in running)
    everybody: list[Watcher] = []
    token = ""
    for n in range(sessions):
        replica = running[n % len(running)]
        if n % 5 == 0:  # a player keeps a few streams open
            token = await _join(client, replica)
        headers = {"Authorization": f"Bearer {token}"}
        made = (
            await client.post(
                f"{replica.url}/v1/sessions", json={"scenario": "payment-pool"}, headers=headers
            )
        ).json()
        await client.put(f"{replica.url}/v1/sessions/{made['id']}/speed", json={"speed": 1}, headers=headers)
        everybody.append(Watcher(replica, token, made["id"], n))
    began, own_cpu = time.monotonic(), time.process_time()
    until = began + seconds
    typed, *_ = await asyncio.gather(_typed(everybody[:players], until), *(p.watch(until) for p in everybody))
    took = time.monotonic() - began
    latencies = sorted(typed["latencies_ms"])
    client_cpu = time.process_time() - own_cpu + typed["cpu_s"]
    grown = sum(r.memory_mb() for r in running) - empty
    return {
        "replicas": len(running),
        "sessions": sessions,
        "players": players,
        "seconds": seconds,
        "commands": len(latencies),
        "refused": typed["refused"],
        "command_ms": {
            "median": round(median(latencies), 1),
            "p99": round(quantiles(latencies, n=100, method="inclusive")[98], 1),
            "max": round(latencies[-1], 1),
        },
        "within_100_ms": round(sum(x <= 100.0 for x in latencies) / len(latencies), 4),
        "client_late_ms": typed["late_ms_p99"],
        "client_cores": round(client_cpu / took, 2),
        "at_the_service": await _own_figures(client, running),
        "memory_mb_a_session": round(grown / sessions, 1),
        "memory_mb": round(grown + empty),
        "messages": sum(p.messages for p in everybody),
        "gaps": sum(p.gaps for p in everybody),
        "broken": sum(p.broken for p in everybody),
        "cores_used": round((sum(r.cpu_s() for r in running) - cpu) / took, 2),
        "cores_missed": round((sum(r.waited_s() for r in running) - waited) / took, 2),
    }


async def _own_figures(client: Any, running: list[Replica]) -> dict[str, int]:
    """The service's histogram of commands, over all replicas: at most so many seconds."""
    found: dict[str, int] = {}
    for replica in running:
        for line in (await client.get(f"{replica.url}/metrics")).text.splitlines():
            if line.startswith("dropprod_command_seconds_bucket"):
                bound, count = line.split('"')[1], int(line.split()[-1])
                found[bound] = found.get(bound, 0) + count
    return found


async def _join(client: Any, replica: Replica) -> str:
    while True:
        answer = await client.post(f"{replica.url}/v1/players", json={})
        if answer.status_code == 201:
            token: str = answer.json()["token"]
            return token
        await asyncio.sleep(float(answer.headers.get("retry-after", 1)))


async def _wake(client: Any, home: Path, database: str | None, running: list[Replica]) -> float:
    """Log a session of many commands, then let a fresh process look at it."""
    token = await _join(client, running[0])
    headers = {"Authorization": f"Bearer {token}"}
    path = f"{running[0].url}/v1/sessions"
    session = (await client.post(path, json={"scenario": "payment-pool"}, headers=headers)).json()["id"]
    for n in range(WAKE_COMMANDS):
        while (
            await client.post(
                f"{path}/{session}/commands", json={"line": LINES[n % len(LINES)]}, headers=headers
            )
        ).status_code == 429:
            await asyncio.sleep(0.2)
    fresh = Replica(home, database)
    try:
        await fresh.ready(client)
        began = time.perf_counter()
        answer = await client.get(f"{fresh.url}/v1/sessions/{session}", headers=headers)
        took = time.perf_counter() - began
        if answer.status_code != 200 or answer.json()["read_only"]:
            raise RuntimeError(f"the session did not wake up: {answer.text[:300]}")
        return round(took, 3)
    finally:
        fresh.stop()


def run(report: Callable[[str], None], replicas: int = 1, **more: Any) -> dict[str, Any]:
    """What `dropprod bench load` prints."""
    settings: dict[str, Any] = {"sessions": 100, "players": 50, "seconds": 60.0, **more}
    found = asyncio.run(measure(replicas=replicas, report=report, **settings))
    return {"method": METHOD, **found}


def main(json: bool | None = None) -> None:
    """`json` is what `dropprod bench load` passes; None: by the command line."""
    options = argparse.Namespace(json=json, sessions=100, players=50, seconds=60.0, replicas=1)
    if json is None:
        parser = argparse.ArgumentParser(
            description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--sessions", type=int, default=100)
        parser.add_argument("--players", type=int, default=50)
        parser.add_argument("--seconds", type=float, default=60.0)
        parser.add_argument("--replicas", type=int, default=1, choices=(1, 2))
        options = parser.parse_args()
    found = run(
        lambda text: print(text, file=sys.stderr),
        options.replicas,
        sessions=options.sessions,
        players=options.players,
        seconds=options.seconds,
    )
    print(jsonlib.dumps(found, indent=2) if options.json else _table(found))


def _table(found: dict[str, Any]) -> str:
    rows = [(k, v) for k, v in found.items() if k != "method"]
    return "\n".join(f"{name:22} {value}" for name, value in rows)


if __name__ == "__main__":
    main()
