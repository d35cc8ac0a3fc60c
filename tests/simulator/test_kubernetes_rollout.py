"""The Deployment controller's timeline: waves, rollbacks, canaries, autoscaling, random command logs."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.kubernetes import autoscaler, controller, release
from simulator.kubernetes.rolling import View, rollout_step, scale_step
from simulator.kubernetes.state import (
    CanaryPlan,
    Counts,
    Deployment,
    ReplicaSet,
    Strategy,
    Template,
    counts,
)
from tests.simulator.kubernetes_fakes import SERVICE, FakeWorld, make_world


def deployment(world: FakeWorld, name: str = SERVICE) -> Deployment:
    return world.kubernetes.deployments[name]


def now(world: FakeWorld) -> Counts:
    return counts(world.kubernetes, deployment(world), world.now_s)


def image(version: str) -> str:
    return f"registry.local/{SERVICE}:{version}"


def test_a_cluster_starts_complete_and_silent() -> None:
    world = make_world()
    for found in world.kubernetes.deployments.values():
        assert counts(world.kubernetes, found, 0.0).complete
    assert [rs.template.version for rs in world.kubernetes.revisions(SERVICE)] == ["v2.7.9", "v2.8.0"]
    assert {"pgbouncer", "payment-retry-worker"} <= set(world.kubernetes.deployments)
    assert {"payments-db-0", "payments-db-1"} <= set(world.kubernetes.pods)
    assert not world.kubernetes.events and not world.plane.told
    assert {node.zone for node in world.kubernetes.nodes.values()} == {"dc1", "dc2"}


def test_eighteen_pods_roll_in_two_waves() -> None:
    world = make_world()
    world.advance(60)
    assert release.deploy(world, SERVICE, "v2.8.1").code == 0
    # 25 %/25 % of 18: five more at once, four fewer, then nine new ones are starting.
    assert now(world) == Counts(18, 9, 23, 14, 14, 0)
    assert world.plane.pods[SERVICE, "v2.8.0"] == 14
    world.advance(34.9)
    assert (SERVICE, "v2.8.1") not in world.plane.pods
    world.advance(0.4)
    assert world.plane.pods[SERVICE, "v2.8.1"] == 9
    world.advance(0.4)  # the controller has seen it: nine old ones leave, nine new ones start
    assert now(world) == Counts(18, 18, 23, 14, 14, 9)
    world.advance(34.5)
    assert not now(world).complete
    world.advance(1.0)
    assert now(world) == Counts(18, 18, 18, 18, 18, 18)
    assert world.plane.pods == world.plane.pods | {(SERVICE, "v2.8.0"): 0, (SERVICE, "v2.8.1"): 18}
    kinds = [(round(t - 60), kind) for t, kind, _ in world.events]
    assert kinds == [(0, "deploy"), (35, "rollout"), (71, "rollout")]


def test_scaling_events_are_worded_as_the_real_ones() -> None:
    world = make_world()
    release.deploy(world, SERVICE, "v2.8.1")
    new, old = (rs.name for rs in reversed(world.kubernetes.revisions(SERVICE)[-2:]))
    said = [e.message for e in world.kubernetes.events if e.reason == "ScalingReplicaSet"]
    assert said == [
        f"Scaled up replica set {new} from 0 to 5",
        f"Scaled down replica set {old} from 18 to 14",
        f"Scaled up replica set {new} from 5 to 9",
    ]


def test_undo_in_mid_rollout_drops_the_unready_at_once_and_keeps_the_ready() -> None:
    world = make_world()
    release.deploy(world, SERVICE, "v2.8.1")
    world.advance(10)
    assert controller.rollout_undo(world, deployment(world)) == deployment(world).revision
    # Nine that never became ready go, the four that are missing come back.
    assert now(world) == Counts(18, 18, 18, 14, 14, 14)
    world.advance(36)
    assert now(world).complete
    assert (SERVICE, "v2.8.1") not in world.plane.pods


def test_undo_after_the_first_wave_never_leaves_fewer_than_the_floor() -> None:
    world = make_world()
    release.deploy(world, SERVICE, "v2.8.1")
    world.advance(40)
    controller.rollout_undo(world, deployment(world))
    for _ in range(200):
        assert now(world).available >= 14
        assert now(world).total <= 23
        world.advance(0.5)
    assert now(world).complete
    assert [rs.revision for rs in world.kubernetes.revisions(SERVICE)][-2:] == [43, 44]


def test_undo_of_unknown_revisions_and_of_a_single_one() -> None:
    world = make_world()
    with pytest.raises(controller.RollbackError, match="unable to find specified revision 7 in history"):
        controller.rollout_undo(world, deployment(world), 7)
    with pytest.raises(controller.RollbackError, match="no rollout history found"):
        controller.rollout_undo(world, deployment(world, "catalog"))
    assert controller.rollout_undo(world, deployment(world), 42) is None


def test_an_image_that_does_not_exist_stalls_and_is_not_rolled_back() -> None:
    world = make_world()
    controller.set_image(world, deployment(world), image("v9.9.9"))
    world.advance(599)
    assert deployment(world).progress == "ReplicaSetUpdated"
    world.advance(2)
    assert deployment(world).progress == "ProgressDeadlineExceeded"
    assert now(world).available == 14 and now(world).updated == 9
    controller.rollout_undo(world, deployment(world))
    world.advance(60)
    assert now(world).complete and deployment(world).progress == "NewReplicaSetAvailable"


def test_pause_holds_a_rollout_and_resume_starts_it() -> None:
    world = make_world()
    controller.set_paused(world, deployment(world), True)
    controller.set_image(world, deployment(world), image("v2.8.1"))
    world.advance(50)
    assert now(world) == Counts(18, 0, 18, 18, 18, 0)
    controller.set_paused(world, deployment(world), False)
    world.advance(75)
    assert now(world).complete and deployment(world).template.version == "v2.8.1"


def test_scaling_during_a_rollout_is_proportional() -> None:
    world = make_world()
    release.deploy(world, SERVICE, "v2.8.1")
    world.advance(1)
    controller.scale(world, deployment(world), 36)
    sizes = {rs.template.version: rs.replicas for rs in world.kubernetes.revisions(SERVICE)}
    # 45 pods are allowed, 23 exist: each ReplicaSet grows by its share.
    assert sizes["v2.8.0"] + sizes["v2.8.1"] == 45
    assert sizes["v2.8.0"] == 27 and sizes["v2.8.1"] == 18
    world.advance(200)
    assert now(world) == Counts(36, 36, 36, 36, 36, 36)


def test_deleted_pods_are_replaced_and_killed_ones_lose_their_requests() -> None:
    world = make_world()
    pod = world.kubernetes.owned(world.kubernetes.revisions(SERVICE)[-1].name)[0]
    controller.delete_pod(world, pod)
    assert world.plane.pods[SERVICE, "v2.8.0"] == 17 and not world.plane.killed
    assert pod.name in world.kubernetes.pods
    world.advance(13)
    assert pod.name not in world.kubernetes.pods
    world.advance(25)
    assert now(world).complete and world.plane.pods[SERVICE, "v2.8.0"] == 18
    other = world.kubernetes.owned(world.kubernetes.revisions(SERVICE)[-1].name)[0]
    controller.delete_pod(world, other, force=True)
    assert world.plane.killed == [(SERVICE, "v2.8.0", 1)]
    assert other.name not in world.kubernetes.pods and world.plane.pods[SERVICE, "v2.8.0"] == 17


def test_a_worker_without_pods_works_no_more() -> None:
    world = make_world()
    controller.scale(world, deployment(world, "payment-retry-worker"), 0)
    assert world.plane.worker_rates == {"payment-retry-worker": 0.0}
    controller.scale(world, deployment(world, "payment-retry-worker"), 2)
    world.advance(10)
    assert world.plane.worker_rates == {"payment-retry-worker": 2000.0}


def test_min_ready_seconds_delays_availability() -> None:
    world = make_world()
    deployment(world).strategy.min_ready_s = 20.0
    release.deploy(world, SERVICE, "v2.8.1")
    world.advance(54)
    assert now(world).updated == 9 and now(world).ready == 23
    world.advance(3)
    assert now(world).updated == 18
    world.advance(60)
    assert now(world).complete


def test_recreate_leaves_a_gap() -> None:
    world = make_world()
    deployment(world).strategy.kind = "Recreate"
    release.deploy(world, SERVICE, "v2.8.1")
    assert now(world).total == 0 and world.plane.pods[SERVICE, "v2.8.0"] == 0
    world.advance(55)
    assert now(world).complete


@pytest.mark.parametrize(("rejected", "version"), [(3.0, "v2.8.0"), (0.2, "v2.8.1")])
def test_a_canary_is_judged_by_its_error_ratio(rejected: float, version: str) -> None:
    world = make_world()
    deployment(world).strategy.canary = CanaryPlan(pods=1, soak_s=120, max_error_rate=0.02)
    release.deploy(world, SERVICE, "v2.8.1")
    world.advance(60)
    assert world.plane.pods[SERVICE, "v2.8.1"] == 1 and world.plane.pods[SERVICE, "v2.8.0"] == 18
    world.plane.fill(f"service/{SERVICE}/v2.8.1/requests", 155, 60.0)
    world.plane.fill(f"service/{SERVICE}/v2.8.1/rejected", 155, rejected)
    world.advance(94)
    assert now(world).total == 19
    world.advance(80)
    assert now(world).complete and deployment(world).template.version == version
    assert deployment(world).rolled_back == ("v2.8.1" if version == "v2.8.0" else "")
    reasons = [e.reason for e in world.kubernetes.events]
    assert ("RolloutAborted" in reasons) == (version == "v2.8.0")


def test_a_canary_that_never_starts_is_taken_back_at_the_deadline() -> None:
    world = make_world()
    deployment(world).strategy.canary = CanaryPlan()
    controller.set_image(world, deployment(world), image("v9.9.9"))
    world.advance(620)
    assert deployment(world).template.version == "v2.8.0" and now(world).complete


def test_a_canary_that_is_slower_than_its_neighbours_is_taken_back() -> None:
    world = make_world()
    deployment(world).strategy.canary = CanaryPlan()
    release.deploy(world, SERVICE, "v2.8.1")
    for version, in_flight in (("v2.8.0", 8.0), ("v2.8.1", 16.0)):
        world.plane.fill(f"service/{SERVICE}/{version}/requests", 155, 60.0)
        world.plane.fill(f"service/{SERVICE}/{version}/in_flight", 155, in_flight)
    world.advance(160)
    assert deployment(world).rolled_back == "v2.8.1" and now(world).complete


def test_an_undo_ends_a_canary() -> None:
    world = make_world()
    deployment(world).strategy.canary = CanaryPlan()
    release.deploy(world, SERVICE, "v2.8.1")
    world.advance(60)
    controller.rollout_undo(world, deployment(world))
    assert now(world).complete and deployment(world).canary is None
    world.advance(200)
    assert not [text for _, _, text in world.events if "passed" in text or "failed" in text]


def test_the_autoscaler_follows_the_formula_and_its_limits() -> None:
    world = make_world()
    world.plane.cpu_share = 0.5  # of the limit; the request is half of it, so 100 %
    autoscaler.create(world, deployment(world), (18, 60), 60)
    world.advance(15.1)
    assert deployment(world).replicas == 30
    world.advance(45)
    assert deployment(world).replicas == 50
    world.plane.cpu_share = 0.1
    world.advance(200)
    assert deployment(world).replicas >= 50  # scaling down waits for five minutes
    world.advance(200)
    assert deployment(world).replicas == 18


def test_pods_wait_for_room_and_take_it() -> None:
    world = make_world()
    controller.scale(world, deployment(world), 400)
    waiting = [pod for pod in world.kubernetes.pods.values() if not pod.node]
    assert waiting and any(e.reason == "FailedScheduling" for e in world.kubernetes.events)
    for node in world.kubernetes.nodes.values():
        assert node.requested_m <= node.cpu_m
    controller.scale(world, deployment(world), 18)
    world.advance(60)
    assert now(world).complete and all(pod.node for pod in world.kubernetes.pods.values())


def test_release_answers_in_both_languages_and_refuses_the_unknown() -> None:
    world = make_world()
    assert "no service nope" in release.deploy(world, "nope", "v1").err
    assert "v2.8.0" in release.deploy(world, SERVICE, "v3").err
    assert release.deploy(world, SERVICE, "v2.8.0").code == 0
    assert "rollout complete" in release.release_status(world, SERVICE).out
    world.language = "ru"
    assert "выкатка завершена" in release.release_status(world, SERVICE).out


def small_view(sizes: tuple[int, int], ready: tuple[int, int], wanted: int, strategy: Strategy) -> View:
    template = Template(container="x", image="x:v1")
    owner = Deployment("x", wanted, template, 0.0, {}, ("v1",), strategy=strategy)
    sets = [
        ReplicaSet(f"x-{i}", "x", str(i), template, i, size, -float(i), desired=wanted)
        for i, size in enumerate(sizes)
    ]
    return View(owner, sets[0], sets[1:], {"x-0": min(ready[0], sizes[0]), "x-1": min(ready[1], sizes[1])})


SIZES = st.integers(0, 60)
AMOUNT = st.one_of(st.integers(0, 20), st.integers(0, 100).map(lambda n: f"{n}%"))


PAIR = st.tuples(SIZES, SIZES)


@given(PAIR, PAIR, st.integers(1, 50), AMOUNT, AMOUNT)
@settings(max_examples=300, deadline=None)
def test_a_step_never_passes_ceiling_or_floor(
    sizes: tuple[int, int], ready: tuple[int, int], wanted: int, surge: str | int, gone: str | int
) -> None:
    view = small_view(sizes, ready, wanted, Strategy(max_surge=surge, max_unavailable=gone))
    before = sum(view.available.values())
    step = scale_step(view) or rollout_step(view)
    after = {rs.name: rs.replicas for rs in view.every} | {rs.name: size for rs, size in step}
    assert all(size >= 0 for size in after.values())
    assert sum(after.values()) <= max(view.ceiling, view.total)
    # Unready pods leave first, so what stays available is bounded below by the floor.
    left = sum(min(view.available[name], size) for name, size in after.items())
    if view.new.replicas <= wanted:
        assert left >= min(before, view.floor)


COMMANDS = st.lists(
    st.tuples(
        st.sampled_from(
            ["deploy", "undo", "restart", "delete", "kill", "pause", "resume", "scale", "missing"]
        ),
        st.floats(0, 60),
        st.integers(0, 30),
    ),
    max_size=8,
)


def play(world: FakeWorld, action: str, number: int) -> None:
    found = deployment(world)
    owned = [pod for pod in world.kubernetes.pods.values() if pod.app == SERVICE and pod.active]
    if action == "deploy":
        controller.set_image(world, found, image(found.tags[number % len(found.tags)]))
    elif action == "missing":
        controller.set_image(world, found, image("v0"))
    elif action == "undo" and not found.strategy.paused:
        controller.rollout_undo(world, found)
    elif action == "restart":
        controller.restart(world, found)
    elif action in ("delete", "kill") and owned:
        controller.delete_pod(world, owned[number % len(owned)], force=action == "kill")
    elif action in ("pause", "resume"):
        controller.set_paused(world, found, action == "pause")
    elif action == "scale":
        controller.scale(world, found, number)


@given(COMMANDS)
@settings(max_examples=60, deadline=None)
def test_any_command_log_keeps_the_invariants_and_settles(log: list[tuple[str, float, int]]) -> None:
    world = make_world()
    found = deployment(world)
    most = found.replicas
    for action, pause_s, number in log:
        play(world, action, number)
        most = max(most, found.replicas)
        world.advance(pause_s)
        served = sum(pod.ready and pod.active for pod in world.kubernetes.pods.values() if pod.app == SERVICE)
        assert served == sum(found.serving.values())
        assert served == sum(n for (name, _), n in world.plane.pods.items() if name == SERVICE)
        assert now(world).total <= most + found.strategy.surge(most)
        for node in world.kubernetes.nodes.values():
            assert node.pods == sum(p.node == node.name for p in world.kubernetes.pods.values())
    found.strategy.paused = False
    controller.set_image(world, found, image("v2.8.0"))
    controller.reconcile(world, found)
    world.advance(300)
    assert now(world).complete


@given(st.floats(0, 120), st.sampled_from(["undo", "restart", "kill", "deploy"]))
@settings(max_examples=15, deadline=None)
def test_a_pickled_world_goes_on_identically(at_s: float, action: str) -> None:
    world = make_world()
    deployment(world).strategy.canary = CanaryPlan(soak_s=30)
    release.deploy(world, SERVICE, "v2.8.1")
    world.advance(at_s)
    copy = pickle.loads(pickle.dumps(world))
    for one in (world, copy):
        play(one, action, 2)
        one.advance(150)
    assert copy.events == world.events and copy.plane.told == world.plane.told
    assert copy.kubernetes == world.kubernetes


def test_the_same_seed_gives_the_same_names_and_another_seed_others() -> None:
    assert list(make_world(3).kubernetes.pods) == list(make_world(3).kubernetes.pods)
    assert list(make_world(3).kubernetes.pods) != list(make_world(4).kubernetes.pods)
