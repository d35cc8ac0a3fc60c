"""The text tools against what the real ones answered: every stream and the exit code."""

import json
from pathlib import Path

import pytest

from tests.simulator.shell_fakes import TOOLS, FakeWorld

FIXTURE = json.loads(
    (Path(__file__).parent / "fixtures" / "shell" / "real_tools.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", FIXTURE["cases"], ids=lambda case: " ".join(case["argv"])[:60])
def test_answers_as_the_real_tool(case: dict[str, object]) -> None:
    argv = case["argv"]
    assert isinstance(argv, list)
    reply = TOOLS[argv[0]].run(FakeWorld(), argv, FIXTURE["inputs"][case["input"]])  # type: ignore[arg-type]
    assert (reply.out, reply.err, reply.code) == (case["out"], case["err"], case["code"])


def test_the_fixture_covers_the_tools() -> None:
    tools = [case["argv"][0] for case in FIXTURE["cases"]]
    assert {"grep", "sort", "uniq", "awk", "sed", "cut", "tr", "wc", "jq", "head", "tail"} <= set(tools)
    assert len(tools) >= 400
