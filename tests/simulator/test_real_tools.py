"""The consoles against recordings of the real tools (`recorders/`): equal, or known to differ and why."""

from __future__ import annotations

import pytest

from tests.simulator import real_tools as real

LEAST = {"kubectl": 120, "promql": 120, "psql": 150, "redis": 120}


@pytest.mark.parametrize("tool", real.TOOLS)
def test_what_differs_from_the_real_tool_is_known(tool: str) -> None:
    pairs = real.pairs(tool)
    assert len(pairs) >= LEAST[tool]
    unknown = [
        f"{pair.command}\n  real: {pair.real[:300]!r}\n  ours: {pair.ours[:300]!r}"
        for pair in pairs
        if pair.verdict == real.DIFFERENT and not real.reason_of(pair)
    ]
    assert unknown == [], "\n".join(unknown)


def test_every_reason_is_still_needed() -> None:
    differing = [pair for tool in real.TOOLS for pair in real.pairs(tool) if pair.verdict == real.DIFFERENT]
    idle = [reason.text for reason in real.reasons() if not any(reason.fits(pair) for pair in differing)]
    assert idle == []
