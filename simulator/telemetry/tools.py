"""All consoles of this room: one line a tool file."""

from simulator.telemetry.amtool import TOOLS as AMTOOL
from simulator.telemetry.duty import TOOLS as DUTY
from simulator.telemetry.graph import TOOLS as GRAPH
from simulator.telemetry.logcli import TOOLS as LOGCLI
from simulator.telemetry.promql_tool import TOOLS as PROMQL
from simulator.telemetry.traces import TOOLS as TRACES
from simulator.tool import Tool

TOOLS: dict[str, Tool] = {**PROMQL, **GRAPH, **AMTOOL, **DUTY, **LOGCLI, **TRACES}
