"""kill -9 at random moments: every acknowledged entry is there, and the session resumes as it was."""

import multiprocessing
import os
import random
import time
from pathlib import Path

from api.store import SqliteStore
from tests.api.fakes import fake_service

KILLS = 40


def test_kill_9_loses_no_acknowledged_entry(tmp_path: Path) -> None:
    seed = 20261120
    moments = random.Random(seed)
    acknowledged = 0
    for kill in range(KILLS):
        acknowledged = max(acknowledged, _write_and_kill(tmp_path, moments.random() * 0.12))
        entries = SqliteStore(tmp_path / "sessions.db").entries("s1")
        assert len(entries) >= acknowledged, f"seed {seed}, kill {kill}: lost an acknowledged entry"
        assert [e.line for e in entries] == [f"look {n + 1}" for n in range(len(entries))]
        # Only the very last one may lack its effect: each writer resumes and completes it first.
        assert all(e.effect for e in entries[:-1])
    assert acknowledged > KILLS, "the writers got to write"
    service = fake_service(tmp_path)
    opened = service.resume("s1")
    assert opened.read_only is None
    expected = [f"look {n + 1}" for n in range(len(service.log("s1")))]
    assert service._lives["s1"].world.lines == expected


def _write_and_kill(folder: Path, after_s: float) -> int:
    """Let a writer work for a moment after its first acknowledgement, kill it; the last number it printed."""
    read_end, write_end = os.pipe()
    writer = multiprocessing.get_context("fork").Process(target=_write, args=(folder, write_end))
    writer.start()
    os.close(write_end)
    with os.fdopen(read_end) as acknowledgements:
        first = acknowledgements.readline()
        time.sleep(after_s)
        writer.kill()
        lines = [first, *acknowledgements.read().splitlines(keepends=True)]
    writer.join()
    return int([line for line in lines if line.endswith("\n")][-1])


def _write(folder: Path, acknowledge_to: int) -> None:
    """Submit `look N` without end; say N once it is acknowledged."""
    service = fake_service(folder)
    if not service.sessions():
        service.create("payment-pool", 1, "en")
    service.resume("s1")
    number = len(service.log("s1"))
    while True:
        number += 1
        service.submit("s1", f"look {number}")
        os.write(acknowledge_to, f"{number}\n".encode())
