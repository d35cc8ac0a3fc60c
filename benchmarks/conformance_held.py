"""Held-out networks of `python -m benchmarks.conformance --held-out`: other topologies, rates, time-outs and retries.

They are reported apart from benchmarks/conformance_cases.py: a model bent to those would show here.
"""

from dataclasses import replace

from benchmarks.conformance_cases import LARGE, Action, Case, database, network, service, slow, work


def _cases() -> tuple[Case, ...]:
    sharing = {
        "app": service([work(4), {"query": "db", "times": 2, "cpu_ms": 15}], 120, 3, 300),
        "db": database(48, 20),
    }
    versions = {"v1": {}, "v2": {"work_factor": 0.6}}
    canary = {"app": service([work(25, 2)], 16, 5, 80, versions=versions)}
    steps = tuple(
        Action(15.0 + 6 * n, "set_pods", ("app", version, count))
        for n in range(1, 6)
        for version, count in (("v2", n), ("v1", 5 - n))
    )
    lost = {"app": service([work(60, 2)], 24, 8, 60)}
    chain = {
        "front": service([work(3), {"call": "app.go", "timeout_ms": 800}], 600, 2, 500),
        "app": service([work(15)], 30, 2, 400),
    }
    parts = {
        "front": service(
            [
                work(5),
                {
                    "parallel": [
                        [{"call": "stock.go"}],
                        [{"call": "price.go"}],
                        [{"query": "db", "cpu_ms": 12}],
                    ]
                },
            ],
            300,
        ),
        "stock": service([work(30)], 24, 2, 100),
        "price": service([work(18, 3)], 20, 1, 100),
        "db": database(16, 16),
    }
    short = {"app": service([work(20, 3)], 25, 2, 900)}
    return (
        Case("held-shared-cpu", "48 connections share 20 cores, two queries each, 80 %", network(533, sharing)),
        Case("held-rollout", "five pods at 88 % change to a version that needs 0.6 of the time",
             network(2816, canary, {"timeout_s": 1.0}), 60.0, 10.0, steps),
        Case("held-pod-loss", "three of eight pods die, two retries", network(2100, lost, {"timeout_s": 1.5, "retries": 2}),
             60.0, 10.0, (Action(25, "kill_pods", ("app", "v1", 3)),)),
        Case("held-call-storm", "a callee at a quarter of its speed for 10 s, calls time out after 0.8 s, clients retry twice",
             network(1300, chain, {"timeout_s": 1.5, "retries": 2, "backoff_s": 0.3, "jitter": 0.3}), 80.0, 10.0,
             slow("app", 0.25, 20, 30), metastable=True),
        Case("held-fan-out", "two calls and a query in parallel, one callee asked for 3.5 % too much", network(1150, parts)),
        Case("held-storm", "stands still for 4 s, three attempts within 0.6 s each; must end",
             network(550, short, {"timeout_s": 0.6, "retries": 2, "backoff_s": 0.1, "jitter": 0.4}), 70.0, 10.0,
             slow("app", 0.0, 20, 24), metastable=True),
        Case("held-surge", "pods at 90 % of their speed for 20 s, 5 % too slow: a queue comes and goes",
             network(950, {"app": service([work(50)], 25, 2, LARGE)}, {"timeout_s": 5.0}), 70.0, 10.0,
             slow("app", 0.9, 20, 40)),
    )  # fmt: skip


HELD_OUT = tuple(replace(case, held=True) for case in _cases())
