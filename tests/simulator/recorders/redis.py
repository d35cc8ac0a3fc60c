"""Record what a real redis answers: `python -m tests.simulator.recorders.redis`. Wants redis-server and redis-cli 7.0.

Every line of redis.txt meets the same keys (`SETUP`) in a server that was emptied and filled again before it; commands
that only look twice at a clock or at luck are not among them.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from tests.simulator.redis_scene import SETUP
from tests.simulator.tool_scenes import keep

HERE = Path(__file__).parent
PORT = "16399"
LIMIT_S = 5.0


def _cli(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["redis-cli", "-p", PORT, *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def main() -> None:
    lines = [line for line in (HERE / "redis.txt").read_text(encoding="utf-8").splitlines() if line]
    found = []
    with tempfile.TemporaryDirectory() as home:
        server = subprocess.Popen(
            ["redis-server", "--port", PORT, "--save", "", "--dir", home], stdout=subprocess.DEVNULL
        )
        try:
            while "PONG" not in _cli("PING").stdout:
                time.sleep(0.1)
            for line in lines:
                _cli(stdin="CONFIG RESETSTAT\nFLUSHALL\nSCRIPT FLUSH\n" + "\n".join(SETUP) + "\n")
                try:
                    done = _cli("--no-raw", stdin=line + "\n")
                except subprocess.TimeoutExpired:
                    print(f"left out, since it goes on for more than {LIMIT_S:.0f} s: {line}")
                    continue
                found.append(
                    {"command": line, "code": done.returncode, "out": done.stdout, "err": done.stderr}
                )
        finally:
            server.terminate()
            server.wait()
    keep("redis", found)


if __name__ == "__main__":
    main()
