"""The console against sessions recorded from psql and a server 15.18 (see the fixtures' README)."""

from __future__ import annotations

import pytest

from tests.simulator import postgres_scene as scene

NAMES = sorted(path.stem for path in scene.FIXTURES.glob("*.sql"))


@pytest.mark.parametrize("name", NAMES)
def test_a_script_prints_what_the_real_psql_prints(name: str) -> None:
    script = (scene.FIXTURES / f"{name}.sql").read_text(encoding="utf-8")
    recorded = (scene.FIXTURES / f"{name}.txt").read_text(encoding="utf-8")
    out, _, err = recorded.partition("--- stderr ---\n")
    reply = scene.psql(scene.empty(), "-X", stdin=script)
    assert reply.out == out
    assert reply.err == err


def test_there_are_recordings() -> None:
    assert len(NAMES) >= 5
