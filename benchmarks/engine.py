"""How many times faster than real time the cohort engine runs the payment-pool scenario.

    python -m benchmarks.engine [--json] [--seconds 60]

The data plane alone: no telemetry, no consoles. CPU time of this process, one core. `healthy_x` is before the
release, `incident_x` on the plateau with every pod on the bad version. Backend: `python`, or `compiled` when the
kernel has been built as an extension. Nothing is simulated here that the game would not run.
"""

import argparse
import json as jsonlib
import time
from typing import Any

from simulator.engine import kernel, network
from simulator.engine.cohort import CohortPlane
from simulator.scenario import load

WARM_S = 20.0  # queues and pools have settled: a request lives 5 s at most
SCENARIO = "payment-pool"


def backend() -> str:
    return "python" if str(kernel.__file__).endswith(".py") else "compiled"


def speed(plane: CohortPlane, seconds: float) -> float:
    """Simulated seconds a CPU second, from now on."""
    began = time.process_time()
    plane.advance(plane.now_s + seconds)
    return seconds / max(1e-9, time.process_time() - began)


def measure(seconds: float) -> dict[str, Any]:
    scenario = load(SCENARIO)
    plane = CohortPlane(scenario, network.build(scenario), 1)
    plane.advance(WARM_S)
    healthy = speed(plane, seconds)
    focus = scenario.focus
    pods = scenario.services()[focus.service].pods
    plane.set_pods(focus.service, focus.good_version, 0)
    plane.set_pods(focus.service, focus.bad_version, pods)
    plane.advance(plane.now_s + WARM_S)
    incident = speed(plane, seconds)
    rps = scenario.traffic.rps * sum(c.share for c in scenario.traffic.classes.values())
    return {
        "scenario": SCENARIO,
        "services": len(scenario.services()),
        "rps": rps,
        "backend": backend(),
        "seconds": seconds,
        "healthy_x": round(healthy, 1),
        "incident_x": round(incident, 1),
    }


def table(found: dict[str, Any]) -> str:
    return (
        f"{found['scenario']}: {found['services']} services, {found['rps']:.0f} requests/s at the edge, "
        f"backend {found['backend']}\n"
        f"  healthy   {found['healthy_x']:8.1f} x real time\n"
        f"  incident  {found['incident_x']:8.1f} x real time\n"
    )


def main(json: bool = False, seconds: float = 60.0) -> dict[str, Any]:
    """Measure, print a table or JSON, and return what was found."""
    found = measure(seconds)
    print(jsonlib.dumps(found, indent=2) if json else table(found), end="\n" if json else "")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=60.0)
    chosen = parser.parse_args()
    main(chosen.json, chosen.seconds)
