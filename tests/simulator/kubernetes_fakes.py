"""A world small enough for the cluster's tests: a clock, an agenda and a plane that only remembers."""

from array import array
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from simulator import scenario as scenarios
from simulator.engine.agenda import Agenda
from simulator.engine.plane import DatabaseState, GroupState, History
from simulator.kubernetes.handlers import HANDLERS
from simulator.kubernetes.state import Cluster, build_cluster
from simulator.scenario import Scenario

SERVICE = "payment-service"


@dataclass
class FakePlane:
    """Remembers what it was told; its pods are as busy as the test says."""

    pods: dict[tuple[str, str], int]
    cpu_share: float = 0.3
    history: History = field(default_factory=History)
    told: list[tuple[str, str, int]] = field(default_factory=list)
    killed: list[tuple[str, str, int]] = field(default_factory=list)
    worker_rates: dict[str, float] = field(default_factory=dict)

    def set_pods(self, service: str, version: str, pods: int) -> None:
        self.pods[service, version] = pods
        self.told.append((service, version, pods))

    def kill_pods(self, service: str, version: str, pods: int, place: str = "") -> None:
        self.pods[service, version] -= pods
        self.killed.append((service, version, pods))

    def set_worker_rate(self, worker: str, per_s: float) -> None:
        self.worker_rates[worker] = per_s

    def database(self, name: str) -> DatabaseState:
        return DatabaseState(name, 16, 100, 3, 0.5, 8.0, 1200.0, 0.007, 30)

    def group(self, service: str, version: str) -> GroupState:
        pods = self.pods.get((service, version), 0)
        return GroupState(service, version, pods, 25, 8.0 * pods, 66.0 * pods, 0.0, self.cpu_share)

    def groups(self, service: str) -> list[GroupState]:
        return [self.group(*key) for key, n in self.pods.items() if key[0] == service and n > 0]

    def fill(self, key: str, seconds: int, value: float) -> None:
        self.history.columns[key] = array("d", [value] * seconds)


@dataclass
class FakeWorld:
    """Duck-typed like the real world as far as this room looks at it."""

    scenario: Scenario
    seed: int
    kubernetes: Cluster
    plane: FakePlane
    language: str = "en"
    now_s: float = 0.0
    follow_limit_s: float = 10.0
    agenda: Agenda = field(default_factory=Agenda)
    events: list[tuple[float, str, str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    shell_vars: dict[str, str] = field(default_factory=dict)
    policies: dict[str, Any] = field(default_factory=dict)

    @property
    def patience_s(self) -> float:
        return self.follow_limit_s

    def fork(self) -> "FakeWorld":
        return deepcopy(self)

    def at(self, t_s: float) -> datetime:
        return self.scenario.starts_at + timedelta(seconds=t_s)

    def note(self, kind: str, text: str, t_s: float | None = None) -> None:
        self.events.append((self.now_s if t_s is None else t_s, kind, text))

    def advance(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while (due := self.agenda.pop_due(end_s)) is not None:
            when_s, handler, payload = due
            self.now_s = max(self.now_s, when_s)
            HANDLERS[handler](self, **payload)
        self.now_s = end_s


def make_world(seed: int = 7, name: str = "payment-pool", overrides: tuple[str, ...] = ()) -> FakeWorld:
    loaded = scenarios.load(name, overrides)
    pods = {(n, s.current): s.pods for n, s in loaded.services().items()}
    return FakeWorld(loaded, seed, build_cluster(loaded, seed), FakePlane(pods))
