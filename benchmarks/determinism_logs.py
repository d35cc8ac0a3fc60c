"""Random command logs for `benchmarks.determinism`: which world a seed plays in, and what is typed there when."""

import random
from dataclasses import dataclass
from functools import cache

from simulator.commands import execute
from simulator.responder import prepare
from simulator.run import make_world
from simulator.scenario import Scenario, TimelineEntry, load
from simulator.world import World

FOLLOW_S = 10.0
LEAST, MOST = 3, 8  # lines of a log
PAUSE_S = 6.0  # at most, between two lines
REST_S = 5.0  # after the last one
SOONER = 0.05  # of their time: the timelines of scenarios fit into a log's minute
Log = list[tuple[float, str]]

LINES = (
    "kubectl get pods -n prod",
    "kubectl logs deploy/payment-service -n prod --tail=5",
    "kubectl describe deployment payment-service -n prod",
    "kubectl delete pods -l app=antifraud -n prod",
    "kubectl delete pod -n prod $(kubectl get pods -n prod -o name | head -1)",
    "kubectl rollout restart deployment/checkout -n prod",
    "kubectl rollout undo deployment/payment-service -n prod",
    "kubectl rollout status deployment/payment-service -n prod",
    "kubectl scale deployment/payment-service --replicas={pods} -n prod",
    "kubectl scale deployment/checkout --replicas={pods} -n prod",
    "psql -c 'SHOW POOLS' pgbouncer",
    "psql -d payments -c 'SELECT state, count(*) FROM pg_stat_activity GROUP BY 1'",
    "psql -d payments -c 'SELECT pg_sleep(2)'",
    "psql -d payments -c 'DROP TABLE payment_items'",
    "promql 'sum(rate(http_requests_total[1m])) by (service, code)'",
    "promql --range 1m --step 15s pgbouncer_pools_client_waiting_connections",
    "wait {pause}",
    "sleep {pause}",
    "trace list --errors",
    "deploy payment-service v2.8.1",
    "deploy payment-service v2.7.9",
    "helm rollback payment-service 1 -n prod",
    "откати payment-service",
    "да",
    "ack",
    "hint",
    "chaos slow payment-service {factor}",
    "chaos slow antifraud {factor} --for {pause}",
    "chaos pause antifraud --for {pause}",
    "chaos kill payment-service {pods}",
    "chaos fail payment-service 0.{digit}",
    "chaos cores payments-db {factor}",
    "chaos rate pay {rate}",
    "chaos rate browse {rate} --for {pause}",
)
HOSTILE = (
    "",
    "kubectl",
    "kubectl get pods -o jsonpath='{'",
    "kubectl scale deployment/payment-service --replicas=-1",
    "psql -c 'selct'",
    "promql 'sum('",
    "| | |",
    "echo $RANDOM $(date) > note.txt; cat note.txt",
    "chaos rate pay 1e308",
    "chaos slow",
    "\x00\x1b[31m ' \" `",
)


@dataclass(frozen=True)
class Scene:
    """A scenario with settings, on an engine (None: the one it chooses)."""

    scenario: str = "payment-pool"
    overrides: tuple[str, ...] = ()
    engine: str | None = None


OTHERS = (
    "black-friday", "dc1-loss", "deadlock", "drop-table", "hot-shard", "kafka-lost-orders", "migration-100m", "monolith-extraction", "race-15-services", "saga-stuck", "sandbox", "split-brain",
)  # fmt: skip
SLOW = Scene(overrides=("traffic.rps=60",), engine="exact")  # request by request: a twentieth of the load
# every other log in the demo, one in 26 on the exact engine, the rest over all other scenarios
SCENES = (*tuple(scene for name in OTHERS for scene in (Scene(), Scene(name))), Scene(), SLOW)


def scene_of(seed: int) -> Scene:
    return SCENES[seed % len(SCENES)]


@cache
def scenario_of(scene: Scene) -> Scenario:
    """The scenario with its timeline brought forward; the demo releases at second 2."""
    found = load(scene.scenario, scene.overrides)
    if scene.scenario == "payment-pool":
        sooner = [TimelineEntry(at_s=2, command="deploy payment-service v2.8.1")]
    else:
        sooner = [t.model_copy(update={"at_s": max(1.0, SOONER * t.at_s)}) for t in found.timeline]
    return found.model_copy(update={"timeline": sooner})


def fresh(seed: int) -> World:
    scene = scene_of(seed)
    world = make_world(scenario_of(scene), seed, engine=scene.engine)
    world.follow_limit_s = FOLLOW_S
    return world


@cache
def own_lines(scene: Scene) -> tuple[str, ...]:
    """What the scenario itself knows to be typed in it: its solution, its traps, its clues."""
    found = scenario_of(scene)
    known = [*(found.reference.commands if found.reference else ()), *(clue.command for clue in found.clues)]
    known += [line for trap in found.traps for line in trap.commands]
    return tuple(line.partition(" ")[2] if line.startswith("@") else line for line in known)


def line_of(rng: random.Random, scene: Scene) -> str:
    lot = rng.random()
    if lot < 0.15:
        return rng.choice(HOSTILE)
    own = own_lines(scene)
    if own and lot < (0.3 if scene.scenario == "payment-pool" else 0.7):
        return rng.choice(own)
    return rng.choice(LINES).format(
        pods=rng.choice((0, 1, 5, 18, 30)),
        pause=rng.choice((0.5, 3, 7)),
        factor=rng.choice((0.5, 2, 10)),
        digit=rng.randrange(10),
        rate=rng.choice((0, 100, 1200, 5000)),
    )


def live(seed: int) -> tuple[World, Log]:
    """A world somebody types in, and what was typed when."""
    rng = random.Random(seed)
    world = fresh(seed)
    world.turn_based = True
    log: Log = []
    for _ in range(rng.randint(LEAST, MOST)):
        for _ in range(rng.randint(1, 3)):  # in pieces: how time passes is nobody's business
            world.advance(rng.uniform(0.0, PAUSE_S / 2))
        line = line_of(rng, scene_of(seed))
        log.append((world.now_s, line))
        prepare(world, line)
        execute(world, line)
    world.advance_to(float(int(world.now_s + REST_S)))
    return world, log
