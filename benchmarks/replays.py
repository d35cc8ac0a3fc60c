"""How long 36 counterfactual replays of 30 simulated minutes take, and what a fork and a world cost beside it.

    python -m benchmarks.replays [--json]

payment-pool, replayed as a review does: 17 remedies and what was played, each with a responder and with nobody,
on the worker processes of this machine. A replay ends early when nothing more can happen; remedies that
cannot differ before some moment start there. `replays36_s` is with the processes of an earlier review,
`replays36_cold_s` with new ones; both are wall-clock time. `fork_ms` is a copy at second 300, `snapshot_bytes`
what it does not share. `world_overhead_us_per_s` is the CPU time of a simulated second outside of the data
plane: alerts, pager, controllers, what is noticed; a deploy, its outage and a rollback are in it.
"""

import argparse
import json as jsonlib
import statistics
import time
from typing import Any

from agent.counterfactual import ProcessReplayer
from agent.replay_port import InterventionCall
from agent.replay_workers import LocalWorkers
from benchmarks.engine import backend
from simulator import snapshots
from simulator.engine.cohort import CohortPlane
from simulator.run import make_world, parse_commands, play, schedule
from simulator.scenario import load

SCENARIO = "payment-pool"
DURATION_S = 1800.0
FORK_AT_S = 300.0
FORKS = 15
REMEDIES = (
    "canary_auto_rollback auto_rollback_on_slo slow_rollout query_count_gate load_test_gate pool_resize "
    "more_db_cpu scale_pods bulkhead_resize fix_n_plus_one read_cache pool_acquire_timeout client_timeout "
    "load_shedding alert_pool_saturation alert_burn_rate runbook_rollback"
).split()


class _Timed(CohortPlane):
    """A plane that knows how long it has run."""

    spent_s = 0.0

    def advance(self, to_s: float) -> None:
        began = time.process_time()
        super().advance(to_s)
        _Timed.spent_s += time.process_time() - began


def replays_s() -> float:
    """Wall-clock seconds of the 36 replays."""
    scenario = load(SCENARIO, (f"duration_s={DURATION_S:g}",))
    commands = [(c.t_s, c.line) for c in parse_commands("\n".join(scenario.reference.commands))]
    questions = [[InterventionCall(name)] for name in REMEDIES]
    began = time.perf_counter()
    with ProcessReplayer(scenario, 1, commands) as replayer:
        replayer.prefetch(questions)
        for number, question in enumerate(questions):
            replayer.counterfactual(question, f"item {number + 1}")
    return time.perf_counter() - began


def fork() -> tuple[float, int]:
    """(median milliseconds of a fork, bytes of a snapshot)."""
    world = make_world(load(SCENARIO))
    world.advance_to(FORK_AT_S)
    taken = []
    for _ in range(FORKS):
        began = time.perf_counter()
        world.fork()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000, snapshots.take(world).size


def overhead_us() -> float:
    """CPU microseconds a simulated second outside of the data plane."""
    scenario = load(SCENARIO)
    world = make_world(scenario)
    world.plane.__class__ = _Timed
    _Timed.spent_s = 0.0
    began = time.process_time()
    play(world, schedule(parse_commands("\n".join(scenario.reference.commands))), DURATION_S)
    return (time.process_time() - began - _Timed.spent_s) / DURATION_S * 1e6


def run() -> dict[str, Any]:
    LocalWorkers.shared = None
    overhead_us()  # loads what the first command loads
    cold_s = replays_s()
    fork_ms, size = fork()
    return {
        "scenario": SCENARIO,
        "backend": backend(),
        "replays36_s": round(replays_s(), 2),
        "replays36_cold_s": round(cold_s, 2),
        "fork_ms": round(fork_ms, 2),
        "snapshot_bytes": size,
        "world_overhead_us_per_s": round(overhead_us(), 1),
    }


def main(json: bool = False) -> dict[str, Any]:
    """Measure, print a table or JSON, and return what was found."""
    found = run()
    print(jsonlib.dumps(found, indent=2) if json else "\n".join(f"{k:24} {v}" for k, v in found.items()))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    main(parser.parse_args().json)
