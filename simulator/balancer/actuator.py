"""A service's actuator beside health, info and metrics: single metrics, environment, threads, loggers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.world import World


def page(world: World, service: str, path: str) -> str | None:
    """The JSON of a page, None for one that is not there."""
    parts = path.strip("/").split("/")
    made: Any = None
    if parts == ["actuator"]:
        names = ("health", "info", "metrics", "prometheus", "env", "threaddump", "loggers")
        made = {
            "_links": {
                name: {"href": f"http://{service}/actuator/{name}", "templated": False} for name in names
            }
        }
    elif parts[:2] == ["actuator", "metrics"]:
        made = (
            _metric(world, service, parts[2])
            if len(parts) > 2
            else {"names": sorted({n["__name__"] for n, _ in _rows(world, service)})}
        )
    elif parts == ["actuator", "env"]:
        made = _environment(world, service)
    elif parts == ["actuator", "threaddump"]:
        made = _threads(world, service)
    elif parts[:2] == ["actuator", "loggers"]:
        made = {
            "levels": ["OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"],
            "loggers": {"ROOT": {"effectiveLevel": "INFO"}},
        }
    return None if made is None else json.dumps(made, separators=(",", ":"), ensure_ascii=False)


def _rows(world: World, service: str) -> list[tuple[dict[str, str], float]]:
    found = world.telemetry.select(None, [], world.now_s - 60, world.now_s)
    return [(labels, samples[-1][1]) for labels, samples in found if service in labels.values()]


def _metric(world: World, service: str, name: str) -> dict[str, Any] | None:
    """A metric by its dotted name: Prometheus writes the dots as underlines."""
    wanted = name.replace(".", "_").replace("-", "_")
    rows = [value for labels, value in _rows(world, service) if labels["__name__"] == wanted]
    if not rows:
        return None
    return {"name": name, "measurements": [{"statistic": "VALUE", "value": sum(rows)}], "availableTags": []}


def _environment(world: World, service: str) -> dict[str, Any]:
    deployment = world.kubernetes.deployments.get(service)
    values = dict(deployment.template.env) if deployment is not None else {}
    return {
        "activeProfiles": [world.scenario.namespace],
        "propertySources": [
            {
                "name": "systemEnvironment",
                "properties": {name: {"value": value} for name, value in values.items()},
            }
        ],
    }


def _threads(world: World, service: str) -> dict[str, Any]:
    """Worker threads by what they do: as many wait as requests are inside."""
    groups = [g for g in world.plane.groups(service) if g.pods]
    inside = round(sum(g.in_flight for g in groups) / max(1, sum(g.pods for g in groups)))
    names = [f"http-nio-8080-exec-{n}" for n in range(1, min(200, inside + 4))]
    return {
        "threads": [
            {"threadName": name, "threadState": "TIMED_WAITING" if at < inside else "WAITING", "daemon": True}
            for at, name in enumerate(names)
        ]
    }
