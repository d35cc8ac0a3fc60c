"""Record what a real Prometheus answers: `python -m tests.simulator.recorders.promql [--samples]`.

`--samples` first takes the samples anew from a run of ours (the recordings then hold for these). promtool makes
blocks of them, a server reads the blocks, its HTTP API evaluates promql.txt. Wants prometheus and promtool 2.42.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulator.run import make_world, play
from simulator.scenario import load
from simulator.telemetry.metrics import Telemetry
from tests.simulator.promql_scene import EPOCH, SAMPLES, STEP_S, at_of
from tests.simulator.tool_scenes import keep

HERE = Path(__file__).parent
PORT = 19_427
SECONDS = 900
FAMILIES = (
    "db_cpu_utilisation http_request_duration_seconds http_requests_total process_cpu_share "
    "kube_deployment_status_replicas_available pg_stat_activity_count pgbouncer_databases_pool_size "
    "pgbouncer_pools_client_active_connections pgbouncer_pools_client_waiting_connections up"
).split()
SERVICES = ("api-gateway", "payment-service", "checkout", "edge-lb")
Rows = list[tuple[dict[str, str], list[float | None]]]


def sample() -> Rows:
    """Our run's own series, and made ones for what it has none of: a histogram, resets, gaps, NaN and Inf."""
    world = make_world(load("payment-pool"), 1)
    play(world, (), float(SECONDS))
    telemetry, count = Telemetry(world), SECONDS // STEP_S
    rows: Rows = []
    for name in FAMILIES:
        for labels, points in telemetry.select(name, [], 0.0, float(SECONDS)):
            if labels.get("service", SERVICES[0]) in SERVICES:
                values: list[float | None] = [None] * count
                for t, value in points:
                    values[round(t / STEP_S) - 1] = float(f"{value:.9g}")
                rows.append((labels, values))
    return [*rows, *_made(count)]


def _made(count: int) -> Iterator[tuple[dict[str, str], list[float | None]]]:
    shares = (("0.05", 0.3), ("0.1", 0.55), ("0.25", 0.8), ("0.5", 0.93), ("1", 0.98), ("+Inf", 1.0))
    for zone, pace in (("a", 120.0), ("b", 75.0)):
        base = {"zone": zone}
        for le, share in shares:
            slow = 0.9 if zone == "b" and le in ("0.05", "0.1") else 1.0
            yield (
                {"__name__": "checkout_latency_seconds_bucket", **base, "le": le},
                [float(round(pace * share * slow * n)) for n in range(1, count + 1)],
            )
        yield (
            {"__name__": "checkout_latency_seconds_count", **base},
            [round(pace * n) * 1.0 for n in range(1, count + 1)],
        )
        yield (
            {"__name__": "checkout_latency_seconds_sum", **base},
            [pace * n * 0.17 for n in range(1, count + 1)],
        )
    yield {"__name__": "batch_jobs_total", "job": "batch"}, [float(n % 17 * 3 + n % 5) for n in range(count)]
    gaps = [None if n % 20 > 11 else float(n) for n in range(count)]
    yield {"__name__": "flaky_gauge", "job": "flaky"}, gaps
    for n, kind in enumerate(("one", "two", "five", "nine")):
        yield {"__name__": "hist_value", "job": "checkout", "kind": kind}, [float(1 + 2 * n + n % 2)] * count
    for kind, odd in (
        ("nan", math.nan),
        ("inf", math.inf),
        ("minus", -math.inf),
        ("two", 2.0),
        ("ten", 10.0),
    ):
        yield {"__name__": "odd_gauge", "kind": kind}, [odd] * count


def _exposition(rows: Rows) -> str:
    text: dict[str, str] = {}
    for labels, values in rows:
        name = labels["__name__"]
        pairs = ",".join(f"{key}={json.dumps(value)}" for key, value in labels.items() if key != "__name__")
        lines = "".join(
            f"{name}{{{pairs}}} {_number(value)} {EPOCH + (n + 1) * STEP_S}\n"
            for n, value in enumerate(values)
            if value is not None
        )
        text[name] = text.get(name, f"# TYPE {name} unknown\n") + lines
    return "".join(text.values()) + "# EOF\n"


def _number(value: float) -> str:
    return {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, "NaN" if value != value else repr(value))


def _ask(expr: str, kind: str) -> dict[str, Any]:
    words: dict[str, Any] = {"query": expr}
    if kind == "instant":
        words["time"] = at_of(expr)
    else:
        words |= {"start": EPOCH + 300, "end": EPOCH + 600, "step": 60}
    name = "query" if kind == "instant" else "query_range"
    url = f"http://127.0.0.1:{PORT}/api/v1/{name}?" + urllib.parse.urlencode(words)
    try:
        with urllib.request.urlopen(url, timeout=20) as reply:
            found: dict[str, Any] = json.load(reply)
    except urllib.error.HTTPError as problem:
        found = json.load(problem)
    return {"expr": expr, "kind": kind, **found}


def main() -> None:
    if "--samples" in sys.argv:
        SAMPLES.parent.mkdir(exist_ok=True)
        lines = ",\n".join(json.dumps(row) for row in sample())
        SAMPLES.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    rows = [(labels, values) for labels, values in json.loads(SAMPLES.read_text(encoding="utf-8"))]
    with tempfile.TemporaryDirectory() as home:
        place = Path(home)
        (place / "samples").write_text(_exposition(rows), encoding="utf-8")
        (place / "prometheus.yml").write_text("global: {evaluation_interval: 15s}\n", encoding="utf-8")
        subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", "samples", "data"],
            cwd=home, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        server = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=90y",
             f"--web.listen-address=127.0.0.1:{PORT}", "--log.level=error"], cwd=home,
        )  # fmt: skip
        try:
            _until_ready()
            found = [_ask(expr, kind) for expr, kind in _lines()]
        finally:
            server.terminate()
            server.wait()
    keep("promql", found)


def _lines() -> Iterator[tuple[str, str]]:
    every = (HERE / "promql.txt").read_text(encoding="utf-8").splitlines()
    for line in every:
        if line:
            yield line, "instant"
    for line in every[:240]:
        if any(word in line for word in ("rate(", "offset", "@", "topk", "[5m:", "and", "time()")):
            yield line, "range"


def _until_ready() -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/-/ready", timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server did not get ready")


if __name__ == "__main__":
    main()
