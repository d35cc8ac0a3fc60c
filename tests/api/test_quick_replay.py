"""A log is replayed without what only looked, and ends where the whole replay ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.bootstrap import new_session_id, real_simulator, review_text, utc_now
from api.service import QUICK_FROM, ApplicationService
from api.store import SqliteStore
from simulator.commands import only_looks

LINES = (
    "status",
    "kubectl get pods -n prod | grep payment | head -3",
    "deploy payment-service v2.8.1",
    "wait 70",
    "kubectl rollout status deployment/payment-service -n prod",
    "hint",
    "psql -c 'SELECT 1'",
    "echo kept > note",
    "cat note",
    "promql 'sum(rate(http_server_requests_seconds_count[1m]))'",
    "откати payment-service",
    "status",
    "откати payment-service",
    "да",
    "kubectl get nope",
    "kubectl logs deploy/payment-service -n prod --tail=5 | sort | uniq -c",
    "wait 30",
    "timeline",
)


class Counted:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def service(self, folder: Path) -> ApplicationService:
        real = real_simulator()

        def execute(world: Any, line: str) -> Any:
            self.lines.append(line)
            return real.execute(world, line)

        store = SqliteStore(folder / "s.db")
        return ApplicationService(store, replace(real, execute=execute), review_text, new_session_id, utc_now)


def _state(world: Any, *_: Any) -> tuple[Any, ...]:
    return (
        world.digest(),
        world.now_s,
        world.command_log,
        world.files,
        world.pending,
        world.hints_shown,
        len(world.events),
    )


def test_a_quick_replay_ends_where_the_play_ended(tmp_path: Path) -> None:
    counted = Counted()
    service = counted.service(tmp_path)
    session = service.create("payment-pool", 1, "ru").header.id
    for line in LINES:
        service.submit(session, line)
    assert len(LINES) >= QUICK_FROM
    played = service.look(session, _state)
    service.forget(session)
    counted.lines.clear()
    assert service.resume(session).read_only is None
    assert service.look(session, _state) == played
    assert counted.lines.count("status") == 1  # the one that met an open question
    assert {"deploy payment-service v2.8.1", "hint", "да", "echo kept > note"} <= set(counted.lines)
    assert service.submit(session, "cat note").text == "kept\n"


def test_what_does_not_fit_is_found_entry_by_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Counted().service(tmp_path)
    session = service.create("payment-pool", 1, "ru").header.id
    for _ in range(QUICK_FROM + 2):
        service.submit(session, "status")
    service.forget(session)
    kept = SqliteStore.entries

    def forged(self: SqliteStore, name: str) -> list[Any]:
        found = kept(self, name)
        return [
            replace(e, effect=replace(e.effect, digest="0" * 16)) if e.seq >= 5 and e.effect else e
            for e in found
        ]

    monkeypatch.setattr(SqliteStore, "entries", forged)
    assert "from entry 5 on" in (service.resume(session).read_only or "")


@pytest.mark.parametrize(
    "line",
    [
        "psql -c 'BEGIN'",
        "kubectl get pods > f",
        "kubectl get pods; deploy x v2",
        "kubectl delete pod x",
        "kubectl get pods | tee f",
        "kubectl get $(hint)",
        "a=1",
        "hint",
        "status && hint",
        "kubectl get pods 'x",
        "wait 5",
        "rollback payment-service",
        "",
    ],
)
def test_only_what_surely_only_looks_is_passed_over(line: str) -> None:
    assert not only_looks(line)
