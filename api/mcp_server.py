"""The agent's tools as an MCP server on standard input and output (Model Context Protocol, official SDK).

The only file that talks to the SDK. One connection plays one episode at a time: `reset` begins another one.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from mcp import types
from mcp.server import Server
from mcp.server.stdio import stdio_server

import simulator
from api.agentic import TOOLS, Agents, ToolSpec
from api.ports import SessionError
from api.store import StoreError
from simulator.scenario import ScenarioError

RESET = ToolSpec(
    "reset",
    "Begins an incident; the answer is the task. Call it first.",
    {
        "type": "object",
        "properties": {
            "scenario": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"},
            "seed": {"type": "integer", "minimum": 0, "default": 1},
            "language": {"type": "string", "enum": ["ru", "en"], "default": "en"},
        },
        "required": ["scenario"],
        "additionalProperties": False,
    },
)
INSTRUCTIONS = "You are on call. Begin with reset, look with the get_ tools, act with exec_shell, say what you found with submit."


class McpDoor:
    """Translates calls; `scenarios` are the ids that may be asked for: never a path."""

    def __init__(self, agents: Agents, scenarios: tuple[str, ...]) -> None:
        self._agents = agents
        self._scenarios = scenarios
        self._episode: str | None = None

    def listed(self) -> list[types.Tool]:
        return [
            types.Tool(name=t.name, description=t.text, input_schema=t.parameters) for t in (RESET, *TOOLS)
        ]

    def call(self, name: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """(the answer, whether it is an error)."""
        try:
            if name == "reset":
                return self._reset(arguments), False
            if self._episode is None:
                raise SessionError("no incident yet: call reset first")
            found = self._agents.step(self._episode, name, arguments)
            return found, found["code"] != 0
        except (SessionError, StoreError, ScenarioError) as error:
            return {"error": str(error)}, True

    def _reset(self, arguments: dict[str, Any]) -> dict[str, Any]:
        scenario, seed = arguments.get("scenario"), arguments.get("seed", 1)
        language = "ru" if arguments.get("language") == "ru" else "en"
        if scenario not in self._scenarios:
            raise SessionError(f"no scenario {scenario!r}: one of {', '.join(self._scenarios)}")
        if not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise SessionError("seed: expected a whole number from 0")
        found = self._agents.reset(str(scenario), seed, language)
        self._episode = found["episode"]
        return {k: v for k, v in found.items() if k != "tools"}


def build(door: McpDoor) -> Server[Any]:
    async def listing(_: Any, __: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=door.listed())

    async def calling(_: Any, asked: types.CallToolRequestParams) -> types.CallToolResult:
        answer, failed = await asyncio.to_thread(door.call, asked.name, dict(asked.arguments or {}))
        text = types.TextContent(type="text", text=json.dumps(answer, ensure_ascii=False))
        return types.CallToolResult(content=[text], is_error=failed)

    return Server(
        "dropprod",
        version=simulator.__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=listing,
        on_call_tool=calling,
    )


async def run(door: McpDoor) -> None:
    """Until standard input ends."""
    server = build(door)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())
