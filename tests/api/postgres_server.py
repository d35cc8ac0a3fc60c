"""A PostgreSQL of the tests' own, where the machine has one: its own folder, a socket instead of a port."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path


def _binary(name: str) -> str | None:
    """From the path, else where Debian's package puts what only the server's account needs: the newest."""
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[4]))
    return shutil.which(name) or next((str(path) for path in reversed(packaged)), None)


POSTGRES = _binary("postgres")
INITDB = _binary("initdb")


class Server:
    """A cluster in a new folder under the system's temporary one: the path of a socket must be short."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.data = self.folder / "data"
        self.account = _account()
        if self.account:
            os.chown(self.folder, self.account.pw_uid, self.account.pw_gid)
        options = ["-A", "trust", "-U", "dropprod", "-N", "-E", "UTF8", "--locale=C"]
        self._run([str(INITDB), "-D", str(self.data), *options], check=True, stdout=subprocess.DEVNULL)
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://dropprod@/postgres?host={self.folder}"

    def start(self) -> None:
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self.folder}"]
        settings += ["-c", "shared_buffers=16MB", "-c", "max_wal_senders=0", "-c", "wal_level=minimal"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(POSTGRES), "-D", str(self.data), *settings],
                stdout=log,
                stderr=log,
                user=self.account.pw_uid if self.account else None,
                start_new_session=True,
            )
        self.wait()

    def wait(self) -> None:
        import psycopg

        for _ in range(1500):
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            except psycopg.Error:
                time.sleep(0.02)
        raise RuntimeError((self.folder / "log").read_text(errors="replace"))

    def kill(self) -> None:
        """kill -9 of the postmaster and all its children."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, command: list[str], **more: object) -> None:
        subprocess.run(command, user=self.account.pw_uid if self.account else None, **more)  # type: ignore[call-overload]


def _account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: an account that owns nothing, then."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def available() -> bool:
    return bool(POSTGRES and INITDB)
