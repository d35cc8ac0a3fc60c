"""The table after several proofs: what holds in each scenario and how long a variant of it took."""

from __future__ import annotations

import io
from typing import Any

import pytest

from api.cli.paint import standard_screen
from api.cli.proving import overview
from api.messages import Language


def proof(name: str, variant: str, ok: bool) -> dict[str, Any]:
    return {"name": name, "variant": variant, "ok": ok, "why": {"ru": "", "en": ""}}


@pytest.mark.parametrize(("language", "head"), [("en", "per variant"), ("ru", "на вариант")])
def test_seconds_are_told_by_scenario_and_by_variant(language: Language, head: str) -> None:
    results: list[dict[str, Any]] = [
        {
            "scenario": "one",
            "ok": False,
            "proofs": [
                proof("schema", "", True),
                proof("solution", "file", True),
                proof("solution", "other", False),
            ],
        },
        {"scenario": "unreadable", "ok": False, "error": "no such field", "proofs": []},
    ]
    lines = overview(results, [30.0, 0.5], language, standard_screen(io.StringIO()))
    assert lines[0].endswith(head)
    assert lines[1].split() == ["one", "2/3", "30.0", "15.0"]
    assert lines[2].split() == ["unreadable", "0/0", "0.5", "0.5"]
