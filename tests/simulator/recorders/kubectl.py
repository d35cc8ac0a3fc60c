"""Record what the real kubectl prints over a world of ours: `python -m tests.simulator.recorders.kubectl [KUBECTL [PART]]`.

Reads kubectl.txt, writes fixtures/real/kubectl.json. Every command begins at the start of a second, so that ages,
which kubectl reads from the machine's clock, are those of the world's clock.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.simulator.recorders.kubectl_api import Api, moved, serve
from tests.simulator.tool_scenes import FIXTURES, cluster, cluster_names, filled, keep

HERE = Path(__file__).parent
SERVER = "https://10.0.0.10:6443"
HOME = "/home/oncall/.kube"
LIMIT_S = 20.0
WORKERS, ATTEMPTS = 6, 3
TOOL = sys.argv[1] if len(sys.argv) > 1 else "kubectl"  # version 1.32


PART = sys.argv[2] if len(sys.argv) > 2 else ""  # only commands that hold this text are asked again


def lines() -> list[str]:
    known = cluster_names(cluster())
    raw = (HERE / "kubectl.txt").read_text(encoding="utf-8").splitlines()
    return [filled(line, known) for line in raw if line.strip() and not line.startswith("#")]


def _config(port: int, namespace: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "prod", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "oncall", "user": {"token": "x"}}],
            "contexts": [
                {"name": "prod", "context": {"cluster": "prod", "user": "oncall", "namespace": namespace}}
            ],
            "current-context": "prod",
        }
    )


def _run(api: Api, line: str, port: int, home: str) -> dict[str, object]:
    """One command, again while it was not done within the second in which it began."""
    for _ in range(ATTEMPTS):
        began = time.time()
        found = _once(api, line, port, home)
        if int(time.time()) <= int(began) + 1:  # it began with the second after
            break
    return found


def _once(api: Api, line: str, port: int, home: str) -> dict[str, object]:
    """One command on a fresh world, with a fresh configuration."""
    world = cluster()
    Path(home, "config").write_text(_config(port, world.kubernetes.namespace), encoding="utf-8")
    settings = {"HOME": home, "KUBECONFIG": f"{home}/config", "KUBECACHEDIR": f"{home}/cache", "TZ": "UTC"}
    now = time.time()
    time.sleep(int(now) + 1.02 - now)
    shift_s = int(time.time()) - round(world.at(world.now_s).timestamp())
    api.begin(float(shift_s))
    done = subprocess.run(
        shlex.split(line),
        executable=shutil.which(TOOL),  # it calls itself as it was called
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        stdin=subprocess.DEVNULL,
        env={**settings, "PATH": os.environ["PATH"]},
        cwd=home,
        check=False,
    )

    def plain(text: str) -> str:
        return moved(text, -shift_s).replace(f"http://127.0.0.1:{port}", SERVER).replace(home, HOME)

    return {"command": line, "code": done.returncode, "out": plain(done.stdout), "err": plain(done.stderr)}


def _share(share: list[str]) -> list[dict[str, object]]:
    """One worker: its own world, server and home."""
    api = Api(cluster)
    server = serve(api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = []
    with tempfile.TemporaryDirectory() as home:
        for line in share:
            try:
                found.append(_run(api, line, server.server_port, home))
            except subprocess.TimeoutExpired:
                print(f"left out, since it goes on for more than {LIMIT_S:.0f} s: {line}")
    server.shutdown()
    return found


def main() -> None:
    every = lines()
    path = FIXTURES / "real" / "kubectl.json"
    known = {}
    if PART:
        known = {each["command"]: each for each in json.loads(path.read_text(encoding="utf-8"))}
    asked = [line for line in every if PART in line]
    with ThreadPoolExecutor(WORKERS) as pool:
        shares = pool.map(_share, [asked[n::WORKERS] for n in range(WORKERS)])
        by_line = known | {each["command"]: each for share in shares for each in share}
    found = [by_line[line] for line in every if line in by_line]
    keep("kubectl", found)


if __name__ == "__main__":
    main()
