"""`dropprod mcp`: incidents as tools for a model, over standard input and output."""

from __future__ import annotations

import argparse
import asyncio
from importlib.util import find_spec

from api.cli.errors import UsageError
from api.store import StoreError


def mcp(_options: argparse.Namespace) -> int:
    if find_spec("mcp") is None:
        raise UsageError("mcp: the SDK is not installed: pip install 'dropprod[mcp]'")
    from api.agentic import Agents
    from api.bootstrap import open_service
    from api.mcp_server import McpDoor, run
    from simulator.scenario import SCENARIOS

    names = tuple(sorted(path.stem for path in SCENARIOS.glob("*.yaml")))
    try:
        door = McpDoor(Agents(open_service()), names)
    except StoreError as error:
        raise UsageError(str(error)) from None
    asyncio.run(run(door))
    return 0
