"""Helm's texts and what its rollbacks and upgrades do to the cluster."""

import pytest

from simulator.helm.console import TOOLS, changes_world
from simulator.kubernetes import controller, release
from simulator.kubernetes.state import counts
from simulator.reply import Reply
from tests.simulator.kubernetes_fakes import SERVICE, FakeWorld, make_world


def helm(world: FakeWorld, text: str) -> Reply:
    return TOOLS["helm"].run(world, ["helm", *text.split()], "")  # type: ignore[arg-type]


@pytest.fixture
def world() -> FakeWorld:
    return make_world()


def test_tables_are_padded_cells_between_tabs(world: FakeWorld) -> None:
    head, *rows = helm(world, "list").out.splitlines()
    assert [cell.strip() for cell in head.split("\t")] == [
        "NAME",
        "NAMESPACE",
        "REVISION",
        "UPDATED",
        "STATUS",
        "CHART",
        "APP VERSION",
    ]
    assert len({len(row) for row in (head, *rows)}) == 1
    assert len(helm(world, "ls -q").out.split()) == len(rows) == 17
    assert helm(world, "list --filter ^pay -q").out.split() == ["payment-retry-worker", "payment-service"]
    assert (
        helm(world, "list -n nope").out.splitlines()[0].startswith("NAME") and helm(world, "list").code == 0
    )


def test_history_shows_what_was_installed(world: FakeWorld) -> None:
    rows = [row.split("\t") for row in helm(world, f"history {SERVICE}").out.splitlines()]
    assert [cell.strip() for cell in rows[0]] == [
        "REVISION",
        "UPDATED",
        "STATUS",
        "CHART",
        "APP VERSION",
        "DESCRIPTION",
    ]
    assert [(row[2].strip(), row[4].strip()) for row in rows[1:]] == [
        ("superseded", "v2.7.9"),
        ("deployed", "v2.8.0"),
    ]


def test_rollback_goes_through_the_controller_and_adds_a_revision(world: FakeWorld) -> None:
    release.deploy(world, SERVICE, "v2.8.1")
    world.advance(100)
    assert helm(world, f"rollback {SERVICE}").out == "Rollback was a success! Happy Helming!\n"
    found = world.kubernetes.deployments[SERVICE]
    assert found.template.version == "v2.8.0" and counts(world.kubernetes, found, world.now_s).total == 23
    last = helm(world, f"history {SERVICE}").out.splitlines()[-1]
    number = world.kubernetes.charts[SERVICE][-1].number
    assert last.split("\t")[0].strip() == str(number) and f"Rollback to {number - 2}" in last
    world.advance(80)
    assert counts(world.kubernetes, found, world.now_s).complete


def test_kubectl_undo_leaves_helm_behind(world: FakeWorld) -> None:
    release.deploy(world, SERVICE, "v2.8.1")
    controller.rollout_undo(world, world.kubernetes.deployments[SERVICE])
    assert "v2.8.1" in helm(world, f"history {SERVICE}").out.splitlines()[-1]
    assert "tag: v2.8.1" in helm(world, f"get values {SERVICE}").out


def test_upgrade_sets_tag_and_size(world: FakeWorld) -> None:
    out = helm(
        world, f"upgrade {SERVICE} shop/{SERVICE} --set image.tag=v2.8.1,replicaCount=20 --reuse-values"
    ).out
    assert out.startswith(f'Release "{SERVICE}" has been upgraded. Happy Helming!\nNAME: {SERVICE}\n')
    found = world.kubernetes.deployments[SERVICE]
    assert (found.template.version, found.replicas) == ("v2.8.1", 20)
    assert helm(world, f"get values {SERVICE}").out == (
        "USER-SUPPLIED VALUES:\nimage:\n  tag: v2.8.1\nreplicaCount: 20\n"
    )


def test_waiting_ends_in_success_failure_or_the_limit(world: FakeWorld) -> None:
    world.follow_limit_s = 120.0
    upgrade = f"upgrade {SERVICE} shop/{SERVICE} --wait --set image.tag="
    assert helm(world, upgrade + "v2.8.1").code == 0 and 70 < world.now_s < 75
    failed = helm(world, upgrade + "v0 --timeout 30s")
    assert failed.err == "Error: UPGRADE FAILED: context deadline exceeded\n"
    assert world.kubernetes.charts[SERVICE][-1].status == "failed"
    world.follow_limit_s = 5.0
    assert helm(world, f"rollback {SERVICE} --wait").code == 130


ERRORS = {
    "history nope": "Error: release: not found\n",
    "status nope": "Error: release: not found\n",
    f"rollback {SERVICE} 99": "Error: release has no 99 version\n",
    "rollback": 'Error: "helm rollback" requires at least 1 argument\n\n'
    "Usage:  helm rollback <RELEASE> [REVISION] [flags]\n",
    "foo": 'Error: unknown command "foo" for "helm"\nRun \'helm --help\' for usage.\n',
    "list --nope": "Error: unknown flag: --nope\n",
    "upgrade nope shop/nope": 'Error: UPGRADE FAILED: "nope" has no deployed releases\n',
    f"upgrade {SERVICE} ./chart": 'Error: path "./chart" not found\n',
    f"upgrade {SERVICE} other/{SERVICE}": "Error: repo other not found\n",
}


@pytest.mark.parametrize("command", sorted(ERRORS))
def test_errors(world: FakeWorld, command: str) -> None:
    assert helm(world, command) == Reply(err=ERRORS[command], code=1)


def test_what_changes_the_world() -> None:
    assert changes_world(["helm", "rollback", "x"]) and changes_world(
        ["helm", "-n", "prod", "upgrade", "x", "y"]
    )
    assert not changes_world(["helm", "list"]) and not changes_world(["helm", "rollback", "x", "--dry-run"])
