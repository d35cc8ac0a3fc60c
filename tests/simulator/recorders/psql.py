"""Record what the real psql prints: `python -m tests.simulator.recorders.psql BIN-DIRECTORY-OF-POSTGRESQL-15`.

Makes a server of its own in a temporary directory (as the user `postgres`, when called by root), and gives every line
of psql.txt (`<nl>` is a line's end) to psql with a fresh copy of a database made by psql_setup.sql.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.simulator.tool_scenes import keep

HERE = Path(__file__).parent
PORT = "15442"
WORKERS = 3
LIMIT_S = 15.0


def lines() -> list[str]:
    return [line for line in (HERE / "psql.txt").read_text(encoding="utf-8").splitlines() if line.strip()]


class Server:
    """A cluster that lives as long as the recording."""

    def __init__(self, binaries: Path, home: Path) -> None:
        self.binaries, self.home = binaries, home
        self.prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self.prefix:
            shutil.chown(home, "postgres", "postgres")

    def run(
        self, tool: str, *words: str, stdin: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        where = {"PGHOST": str(self.home), "PGPORT": PORT, "PGUSER": "postgres", "PGDATABASE": "postgres"}
        return subprocess.run(
            [*self.prefix, "env", "LC_ALL=C.UTF-8", *(f"{k}={v}" for k, v in where.items()), str(self.binaries / tool), *words],
            input=stdin, capture_output=True, text=True, timeout=LIMIT_S * 4, check=check, cwd=self.home,
        )  # fmt: skip

    def start(self) -> None:
        self.run("initdb", "-D", f"{self.home}/data", "-U", "postgres", "--locale=C.UTF-8", "-E", "UTF8")
        log = ("-l", f"{self.home}/log", "-w")
        self.run("pg_ctl", "-D", f"{self.home}/data", *log, "-o", f"-p {PORT} -k {self.home} -c listen_addresses= -c timezone=UTC -c max_connections=200", "start")  # fmt: skip
        self.run("createdb", "model")
        setup = (HERE / "psql_setup.sql").read_text(encoding="utf-8")
        done = self.run("psql", "-X", "-q", "-d", "model", stdin=setup)
        assert not done.stderr, done.stderr

    def stop(self) -> None:
        self.run("pg_ctl", "-D", f"{self.home}/data", "-m", "immediate", "stop")

    def answer(self, number: int, line: str) -> dict[str, object]:
        name = f"payments{number}"
        for _ in range(20):  # a template may not be copied while another copies it
            if self.run("createdb", "-T", "model", name, check=False).returncode == 0:
                break
            time.sleep(0.2)
        text = line.replace("<nl>", "\n") + "\n"
        done = self.run("psql", "-X", "-d", name, stdin=text, check=False)
        self.run("dropdb", "--force", name, check=False)
        out, err = (
            re.sub(rf"\b{name}\b", "payments", part)
            .replace(str(self.home), "/var/run/postgresql")
            .replace(PORT, "5432")
            for part in (done.stdout, done.stderr)
        )
        return {"command": line, "code": done.returncode, "out": out, "err": err}


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        server = Server(Path(sys.argv[1]), Path(home))
        server.start()
        try:
            with ThreadPoolExecutor(WORKERS) as pool:
                found = list(pool.map(server.answer, range(100, 100 + len(lines())), lines()))
        finally:
            server.stop()
    keep("psql", found)


if __name__ == "__main__":
    main()
