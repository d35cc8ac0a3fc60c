"""The room of global balancing: built in worlds with two data centres or more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from simulator.dns import state
from simulator.room import Room
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.telemetry.metrics import Column, Family, Labels, Telemetry


def _tools() -> Mapping[str, Tool]:
    from simulator.dns.tools import TOOLS

    return TOOLS


def _gauge(what: str) -> Family:
    def make(telemetry: Telemetry) -> Iterator[tuple[Labels, Column]]:
        for name in telemetry.world.scenario.datacenters:
            yield {"datacenter": name}, telemetry.column(f"gslb/{name}/{what}")

    return make


def _metrics() -> Mapping[str, Family]:
    return {
        "gslb_site_healthy": _gauge("healthy"),
        "gslb_site_weight": _gauge("weight"),
        "gslb_site_traffic_share": _gauge("traffic"),
    }


ROOM = Room("dns", state.build, each_second=state.each_second, tools=_tools, metrics=_metrics)
