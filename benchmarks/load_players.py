"""Those who type, in a process of their own: `benchmarks.load` starts it and reads what they met.

    python -m benchmarks.load_players < {"until": …, "think_s": …, "lines": […], "players": [{"port", "token", "session", "number"}…]}

HTTP/1.1 by hand on kept connections: what is measured is the service and not a client library. `late_ms` says how late
this process itself got to things; what it adds to a latency is of that size.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

TICK_S = 0.02
KEPT_S = 4.0  # the service closes a connection that was silent for five seconds


@dataclass
class Typed:
    """What all of them met. Seconds."""

    latencies: list[float]
    late: list[float]
    refused: int = 0


class Wire:
    """One kept connection to a service on this machine."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None
        self.used = 0.0

    async def post(self, path: str, body: Any) -> int:
        """The answer's status, once its last byte is here."""
        if time.monotonic() > self.used + KEPT_S:
            self.close()
        if self.reader is None or self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        data = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        self.writer.write(head.encode() + data)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        await self.reader.readexactly(int(answer.partition("content-length:")[2].split("\r\n")[0]))
        self.used = time.monotonic()
        return int(answer.split()[1])

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def type_lines(typed: Typed, who: dict[str, Any], plan: dict[str, Any]) -> None:
    """One player: thinks, types, waits for the answer."""
    luck, wire = random.Random(who["number"]), Wire(who["port"], who["token"])
    path = f"/v1/sessions/{who['session']}/commands"
    while True:
        await asyncio.sleep(luck.expovariate(1 / plan["think_s"]))
        if time.monotonic() >= plan["until"]:
            break
        body = {"line": luck.choice(plan["lines"])}
        began = time.perf_counter()
        if await wire.post(path, body) == 200:
            typed.latencies.append(time.perf_counter() - began)
        else:
            typed.refused += 1
    wire.close()


async def watch_oneself(typed: Typed, until: float) -> None:
    """How late a timer of this process is: others on this machine, or its own work."""
    while time.monotonic() < until:
        due = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        typed.late.append(time.perf_counter() - due)


async def everybody(plan: dict[str, Any]) -> dict[str, Any]:
    typed = Typed([], [])
    await asyncio.gather(
        watch_oneself(typed, plan["until"]), *(type_lines(typed, who, plan) for who in plan["players"])
    )
    return {
        "latencies_ms": [round(1000 * x, 2) for x in typed.latencies],
        "refused": typed.refused,
        "late_ms_p99": round(1000 * quantiles(typed.late, n=100, method="inclusive")[98], 1),
        "cpu_s": round(time.process_time(), 2),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(everybody(json.load(sys.stdin)))))
