"""An incident played by a program: through Python, over HTTP, and by a real MCP client in another process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from api.agentic import TOOLS, Agents
from api.ports import SessionError
from tests.api.http_client import client_of, joined, real_context


@pytest.fixture
def agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agents:
    return Agents(real_context(tmp_path, monkeypatch).service)


def test_an_agent_plays_and_is_scored(agents: Agents) -> None:
    begun = agents.reset("payment-pool", 1)
    episode = begun["episode"]
    assert "payments" in begun["task"]

    def call(tool: str, **arguments: Any) -> dict[str, Any]:
        return agents.step(episode, tool, arguments)

    call("exec_shell", command="deploy payment-service v2.8.1")
    call("wait", seconds=150)
    alerts = json.loads(call("get_alerts")["observation"])
    assert {a["labels"]["alertname"] for a in alerts} >= {"PaymentSuccessRateLow"}
    call("submit", stage="detection")
    assert "payment-service" in call("get_services")["observation"]
    assert "bulkhead" in call("get_logs", service="payment-service", lines=50)["observation"].lower()
    assert call("get_metrics", query="sum(rate(http_requests_total[1m]))")["code"] in (0, 1)
    assert call("get_traces", service="payment-service")["code"] == 0
    call("submit", stage="localization", component="payment-service", cause="N+1 queries exhaust the pool")
    call("exec_shell", command="kubectl rollout undo deployment/payment-service -n prod")
    for _ in range(3):
        last = call("wait", seconds=300)
    score = last["state"]["score"]
    assert score["mitigated"] is True
    assert score["detected"] is True
    assert score["localised"] is True
    assert 0 < score["time_to_detect_s"] < score["time_to_localise_s"] < score["time_to_mitigate_s"] < 900
    assert score["steps"] == 13


def test_a_wrong_answer_scores_nothing(agents: Agents) -> None:
    episode = agents.reset("payment-pool", 1)["episode"]
    agents.step(episode, "submit", {"stage": "detection"})
    agents.step(episode, "exec_shell", {"command": "deploy payment-service v2.8.1"})
    agents.step(episode, "wait", {"seconds": 200})
    found = agents.step(episode, "submit", {"stage": "localization", "component": "catalog"})["state"][
        "score"
    ]
    assert (found["detected"], found["localised"], found["mitigated"]) == (False, False, False)


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("rm", {}, "no tool"),
        ("get_logs", {}, "service is missing"),
        ("get_logs", {"service": "x; rm -rf /"}, "not a service's name"),
        ("get_logs", {"service": "a", "lines": 100_000}, "from 1 to 500"),
        ("get_logs", {"service": "a", "lines": True}, "expected a integer"),
        ("wait", {"seconds": float("nan")}, "from 1 to 600"),
        ("wait", {"seconds": "9"}, "expected a number"),
        ("submit", {"stage": "victory"}, "one of detection"),
        ("exec_shell", {"command": "x" * 5000}, "at most 4000"),
        ("get_alerts", {"more": 1}, "no argument"),
    ],
)
def test_bad_calls_are_named_and_cost_nothing(
    agents: Agents, tool: str, arguments: dict[str, Any], why: str
) -> None:
    episode = agents.reset("payment-pool", 1)["episode"]
    with pytest.raises(SessionError, match=why):
        agents.step(episode, tool, arguments)
    assert agents.state(episode)["now_s"] == 0.0


def test_over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with client_of(real_context(tmp_path, monkeypatch)) as client:
        who = joined(client)
        assert {t["name"] for t in client.get("/v1/agent/tools").json()["tools"]} == {t.name for t in TOOLS}
        episode = client.post(
            "/v1/agent/reset", json={"scenario": "payment-pool", "language": "en"}, headers=who
        ).json()["episode"]
        said = client.post(
            f"/v1/agent/{episode}/step", json={"tool": "wait", "arguments": {"seconds": 5}}, headers=who
        )
        assert said.json()["state"]["now_s"] == 5.0
        bad = client.post(f"/v1/agent/{episode}/step", json={"tool": "nothing"}, headers=who)
        assert (bad.status_code, bad.headers["content-type"]) == (422, "application/problem+json")
        assert client.get(f"/v1/agent/{episode}/state", headers=joined(client)).status_code == 404


INCIDENT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("exec_shell", {"command": "deploy payment-service v2.8.1"}),
    ("wait", {"seconds": 150}),
    ("get_alerts", {}),
    ("submit", {"stage": "detection"}),
    ("get_logs", {"service": "payment-service", "lines": 20}),
    ("submit", {"stage": "localization", "component": "payment-service", "cause": "N+1 queries"}),
    ("exec_shell", {"command": "kubectl rollout undo deployment/payment-service -n prod"}),
    ("wait", {"seconds": 450}),
    ("wait", {"seconds": 450}),
)


def test_by_a_real_mcp_client(tmp_path: Path) -> None:
    mcp = pytest.importorskip("mcp")
    from mcp.client.stdio import StdioServerParameters, stdio_client

    environment = {**os.environ, "DROPPROD_HOME": str(tmp_path)}
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "api.cli", "mcp"], env=environment, cwd=str(Path.cwd())
    )

    async def play() -> list[Any]:
        async with (
            stdio_client(server, errlog=quiet) as (read, write),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            names = {t.name for t in (await session.list_tools()).tools}
            early = await session.call_tool("get_alerts", {})
            path = await session.call_tool("reset", {"scenario": "/etc/passwd"})
            begun = await session.call_tool("reset", {"scenario": "payment-pool"})
            looked = await session.call_tool("exec_shell", {"command": "kubectl get pods -n prod | wc -l"})
            for tool, arguments in INCIDENT:
                last = await session.call_tool(tool, arguments)
            return [names, early, path, begun, looked, last]

    with Path(os.devnull).open("w") as quiet:
        names, early, path, begun, looked, last = asyncio.run(asyncio.wait_for(play(), 180))
    assert names == {"reset", *(t.name for t in TOOLS)}
    assert early.is_error
    assert path.is_error
    assert "task" in json.loads(begun.content[0].text)
    assert int(json.loads(looked.content[0].text)["observation"]) > 100
    score = json.loads(last.content[0].text)["state"]["score"]
    assert (score["detected"], score["localised"], score["mitigated"]) == (True, True, True)
    assert 0 < score["time_to_detect_s"] < score["time_to_localise_s"] < score["time_to_mitigate_s"] < 900
    assert score["steps"] == len(INCIDENT) + 1
