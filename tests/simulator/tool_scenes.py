"""The worlds that the real tools' recordings were made over."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from simulator.kubernetes.console import run_kubectl
from tests.simulator.kubernetes_fakes import SERVICE, FakeWorld, make_world

FIXTURES = Path(__file__).parent / "fixtures"


def keep(tool: str, found: Sequence[object]) -> None:
    """Write down what a real tool answered."""
    path = FIXTURES / "real" / f"{tool}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{tool}: {len(found)} recorded")


@cache
def _cluster() -> bytes:
    """A minute into a release that runs on."""
    world = make_world()
    world.advance(60.0)
    container = world.kubernetes.deployments[SERVICE].template.container
    image = world.kubernetes.deployments[SERVICE].template.image.rpartition(":")[0]
    run_kubectl(world, ["kubectl", "set", "image", f"deployment/{SERVICE}", f"{container}={image}:v2.8.1"])  # type: ignore[arg-type]
    world.advance(25.0)
    return pickle.dumps(world)


def cluster() -> FakeWorld:
    """A fresh copy of it."""
    found: FakeWorld = pickle.loads(_cluster())
    return found


def cluster_names(world: FakeWorld) -> dict[str, str]:
    """What stands for {pod}, {sick}, {node}, {idle}, {rs}, {cm} and {rev} in a recorder's commands."""
    state = world.kubernetes
    own = [pod for pod in state.pods.values() if pod.app == SERVICE and pod.deleted_s is None]
    ready = next(pod for pod in own if pod.ready)
    revisions = state.revisions(SERVICE)
    return {
        "pod": ready.name,
        "sick": next((pod.name for pod in own if not pod.ready), ready.name),
        "node": ready.node,
        "idle": next(name for name in state.deployments if name != SERVICE),
        "cm": next(iter(state.configmaps), "nope"),
        "rs": revisions[-1].name,
        "rev": str(min(each.revision for each in revisions)),
    }


def filled(text: str, known: dict[str, str]) -> str:
    for name, value in known.items():
        text = text.replace("{" + name + "}", value)
    return text
