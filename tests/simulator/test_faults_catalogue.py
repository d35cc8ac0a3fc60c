"""The catalogue of faults: every entry's own line is understood, wrong ones get one line, and an undo leaves nothing behind."""

from __future__ import annotations

import random

import pytest

from simulator import settings, snapshots
from simulator.commands import execute
from simulator.faults import catalogue, combos, probes
from simulator.faults.fault import Fault
from simulator.faults.layers import KNOBS, OPS, Layers
from simulator.faults.ledger import ROOM, known
from simulator.faults.params import Param, Wrong
from simulator.scenario import load
from simulator.world import World
from tests.depth import some

IDS = [fault.id for fault in catalogue.CATALOGUE]
FAULTS = pytest.mark.parametrize("fault", catalogue.CATALOGUE, ids=IDS)
SOME = pytest.mark.parametrize("fault", some(catalogue.CATALOGUE, 3), ids=lambda f: f.id)
LASTING = pytest.mark.parametrize(
    "fault", some([f for f in catalogue.CATALOGUE if f.lasts], 3), ids=lambda f: f.id
)


@pytest.fixture(scope="module")
def quiet() -> snapshots.Snapshot:
    world = World(load("sandbox"))
    world.turn_based = False
    world.advance_to(20.0)
    return snapshots.take(world)


def state(world: World) -> dict[str, object]:
    """What faults may set, as it stands."""
    plane = world.plane
    return {
        "speeds": list(plane.speeds),  # type: ignore[attr-defined]
        "cores": [d.cores for d in plane.network.databases],
        "links": [(x.source, x.target, x.latency_s, x.loss, x.up) for x in plane.network.links],
        "rates": [plane.rate(name) for name in world.scenario.traffic.classes],
        "weights": [list(s.weights) for s in plane.network.splits if s.kind in ("shard", "route")],
        "failing": list(plane.kernel.service_failing),  # type: ignore[attr-defined]
        "pools": list(plane.pool_limits),
        "reach": (dict(world.reach.down), dict(world.reach.cuts), dict(world.reach.delay_ms), dict(world.reach.trouble)),
        "forced": dict(world.settings.forced),
        "flags": dict(world.settings.flags),
        "nodes": [(n.name, n.unschedulable, n.down_s) for n in world.kubernetes.nodes.values()],
        "deployments": [(d.name, d.replicas, d.template) for d in world.kubernetes.deployments.values()],
        "hpas": [(h.name, h.minimum, h.maximum, h.target) for h in world.kubernetes.hpas.values()],
        "gslb": [(s.name, s.weight) for s in world.rooms["dns"].sites.values()],
        "stores": [(s.disk, dict(s.active), dict(s.pace)) for s in world.rooms["postgres"].stores.values()],
    }  # fmt: skip


def test_there_are_sixty_kinds_over_every_technology() -> None:
    assert len(IDS) >= 60
    assert len(set(IDS)) == len(IDS)
    wanted = {
        "kubernetes",
        "kafka",
        "postgres",
        "redis",
        "balancer",
        "dns",
        "network",
        "service",
        "cache",
        "shards",
    }
    assert wanted | {"payments", "traffic", "clock", "data"} <= set(catalogue.TECHNOLOGIES)


@FAULTS
def test_an_entry_is_whole(fault: Fault, quiet: snapshots.Snapshot) -> None:
    world = quiet.world()
    call = catalogue.parse(world, fault.example.split())
    assert call.fault.id == fault.id
    assert set(call.args) == {p.name for p in fault.params}
    assert fault.text.ru != fault.text.en
    assert any("а" <= c <= "я" for c in fault.text.ru.lower())
    assert not any("а" <= c <= "я" for c in fault.text.en.lower())
    kind, _, subject = fault.moves.probe.partition(".")
    assert kind in probes.PROBES
    assert subject
    assert fault.moves.by > 0
    for language in ("ru", "en"):
        world.language = language
        shown = execute(world, f"break show {fault.id}")
        assert shown.code == 0
        assert fault.example in shown.out


@SOME
def test_a_wrong_value_is_answered_by_one_line_and_changes_nothing(
    fault: Fault, quiet: snapshots.Snapshot
) -> None:
    world = quiet.world()
    before = state(world)
    words = fault.example.split()
    wrong = [f"{fault.example} surplus", f"{fault.example} --nosuch 1", f"{fault.example} --for"]
    wrong += (
        [" ".join([*words[:-1], bad]) for bad in ("nosuch-name", "-5", "nan", "1e999", "٣")]
        if fault.params
        else []
    )
    for line in wrong:
        reply = execute(world, f"break {line}")
        assert reply.code == 2, line
        assert reply.err.startswith("break: ")
        assert reply.err.count("\n") == 1
        assert len(reply.err) < 600
    assert state(world) == before
    assert ROOM not in world.rooms


@LASTING
def test_an_undo_leaves_the_settings_as_they_were(fault: Fault, quiet: snapshots.Snapshot) -> None:
    world = quiet.world()
    before = state(world)
    assert execute(world, f"break {fault.example}").code == 0
    assert execute(world, "break undo 1").code == 0
    after = state(world)
    if (
        fault.technology == "redis"
    ):  # a node still loads its data or ends its command: its readers feel that longer
        for what in ("failing", "speeds"):
            before.pop(what), after.pop(what)
    assert after == before
    assert not known(world).layers.over


def test_faults_on_one_thing_compose_and_lift_in_any_order(quiet: snapshots.Snapshot) -> None:
    world = quiet.world()
    before = state(world)
    for line in (
        "slow catalog 2x",
        "slow catalog 4x",
        "brownout catalog dc-1 3x",
        "network dc-1 dc-2 --loss 10%",
        "network dc-1 dc-2 --loss 50%",
    ):
        assert execute(world, f"break {line}").code == 0
    loss = world.plane.network.links[0].loss
    assert loss == pytest.approx(1 - 0.9 * 0.5)
    for number in (2, 4, 1, 5, 3):
        assert execute(world, f"break undo {number}").code == 0
    assert state(world) == before


def test_a_fault_goes_by_itself_after_its_time(quiet: snapshots.Snapshot) -> None:
    world = quiet.world()
    execute(world, "break errors order-service 50% --for 5s")
    world.advance(4)
    assert known(world).active()
    world.advance(2)
    assert not known(world).active()
    assert execute(world, "break undo 1").code == 2


def test_every_combo_is_understood_and_undone(quiet: snapshots.Snapshot) -> None:
    assert len(combos.COMBOS) >= 8
    for name, combo in combos.COMBOS.items():
        world = quiet.world()
        assert execute(world, f"break combo {name}").code == 0
        assert len(known(world).brought) == len(combo.lines)
        assert execute(world, "break undo all").code == 0
        assert not known(world).active()


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        ("ms", "200ms", 200.0), ("ms", "0.2s", 200.0), ("ms", "200", 200.0), ("s", "2m", 120.0), ("s", "500ms", 0.5),
        ("%", "30%", 0.3), ("%", "0.3", 0.3), ("x", "3x", 3.0), ("x", "3х", 3.0), ("int", "4", 4), ("MB/s", "5MB/s", 5.0),
    ],
)  # fmt: skip
def test_units(unit: str, text: str, value: float, quiet: snapshots.Snapshot) -> None:
    assert Param("p", unit, 0.0, 1e6).read(quiet.world(), text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("%", "30"),
        ("int", "1.5"),
        ("ms", "5x"),
        ("s", ""),
        ("s", "s"),
        ("x", "1e3"),
        ("ms", "--1"),
        ("ms", "9" * 400),
    ],
)
def test_what_is_no_value(unit: str, text: str, quiet: snapshots.Snapshot) -> None:
    with pytest.raises(Wrong):
        Param("p", unit, 0.0, 1.0 if unit == "%" else 1e6).read(quiet.world(), text)


def test_hostile_lines_never_raise(quiet: snapshots.Snapshot) -> None:
    world = quiet.world()
    before = state(world)
    pieces = ["break", "undo", "0", "-1", "9" * 40, "show", "list", "combo", "save", "score", "../../etc/passwd", "--for", "--for=1e99",
              "latency", "{0.__class__}", "%s%n", "ё\u202e", "kafka", "", "--", "--=", "all"]  # fmt: skip
    luck = random.Random(7)
    for _ in range(300):
        words = [luck.choice(pieces) for _ in range(luck.randint(1, 5))]
        reply = execute(world, "break " + " ".join(f"'{w}'" for w in words))
        assert reply.code in (0, 1, 2)
    assert state(world) == before


def test_unknown_kinds_are_answered_with_what_is_like_them(quiet: snapshots.Snapshot) -> None:
    reply = execute(quiet.world(), "break kafka brokr 2")
    assert "kafka.broker" in reply.err
    assert "break list" in execute(quiet.world(), "break nonsense").err


def test_break_is_still_the_words_of_loops(quiet: snapshots.Snapshot) -> None:
    world = quiet.world()
    assert execute(world, "for i in 1 2 3; do echo $i; break; done").out == "1\n"
    assert "break list" in execute(world, "break").out


def test_chaos_goes_on_working_and_takes_the_new_kinds(quiet: snapshots.Snapshot) -> None:
    world = quiet.world()
    assert execute(world, "chaos slow catalog 2").code == 0
    assert execute(world, "chaos slow catalog 1").code == 0
    assert execute(world, "chaos latency payment-service 200ms").code == 0
    assert known(world).brought[-1].kind == "latency"


def test_layers_know_every_operation_and_path(quiet: snapshots.Snapshot) -> None:
    assert {"set", "add", "mul", "max", "min", "join"} <= set(OPS)
    with pytest.raises(KeyError):
        Layers().put(quiet.world(), 1, "cores/nosuch", "set", 1)
    assert set(settings.KINDS)
    assert set(KNOBS)
