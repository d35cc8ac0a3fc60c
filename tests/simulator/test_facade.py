"""Cutting a part out of a monolith: the code tells the truth, and every shortcut has its price."""

from functools import cache

import pytest

from simulator import invariants
from simulator.codebase.generate import Codebase, generate
from simulator.commands import execute
from simulator.scenario import load
from simulator.world import World
from tests.simulator.shop_scene import do

PLACES = (
    "orders.OrderCompletion.complete",
    "orders.RefundController.refund",
    "customers.SubscriptionJob.run",
    "admin.ManualInvoiceServlet.doPost",
    "reports.ClosingHandler.close",
)


@cache
def code() -> Codebase:
    spec = load("monolith-extraction").codebase
    assert spec is not None
    return generate(spec, 1)


def world() -> World:
    made = World(load("monolith-extraction"), 1)
    made.turn_based = False
    return made


def broken(made: World) -> set[str]:
    return {name for name, found in invariants.check(made).items() if not found["ok"]}


def moved(made: World, version: str = "v1.2", pods: int = 9, places: tuple[str, ...] = PLACES) -> World:
    """Everything done in one hurry, but for what the arguments leave out."""
    made.advance_to(10)
    for place in places:
        do(made, f"facade add {place}")
    if version != "v1.0":
        do(made, f"deploy billing-service {version}")
    do(made, f"kubectl scale deployment/billing-service --replicas={pods} -n prod")
    made.advance_to(150)
    do(made, "facade dual-write on")
    do(made, "facade copy 1000")
    made.advance_to(170)
    do(made, "facade route 100")
    made.advance_to(400)
    return made


def test_the_code_base_is_large_untested_and_the_same_every_time():
    made = code()
    assert 45_000 < made.lines < 56_000
    spec = load("monolith-extraction").codebase
    assert spec is not None
    generate.cache_clear()
    assert generate(spec, 1).files == made.files
    assert generate(spec, 2).files != made.files


def test_the_graph_says_what_the_sources_say():
    made = code()
    checked = 0
    for method in list(made.methods.values())[::40]:
        text = made.files[method.path].splitlines()
        name = method.symbol.rpartition(".")[2]
        assert f" {name}(" in text[method.line - 1], method
        end = next(n for n in range(method.line, len(text)) if text[n] == "    }")
        body = "\n".join(text[method.line - 1 : end])
        for called in method.calls:
            owner, _, verb = called.rpartition(".")
            assert verb in body and owner.rpartition(".")[2] in body, (method, called)
            checked += 1
    assert checked > 200


def test_the_sources_hide_what_the_profiler_sees():
    made = world()
    made.advance_to(120)
    assert "OrderCompletion" in do(made, "cgraph callers BillingService.issueInvoice")
    assert "ClosingHandler" not in do(made, "cgraph callers BillingService.issueInvoice")
    seen = do(made, "runtime callers BillingService.issueInvoice")
    assert "ClosingHandler" in seen and "ManualInvoiceServlet" in seen
    assert "invoices" in do(
        made, "git -C ~/shop-monolith grep -n 'INSERT INTO' -- src/main/java/ru/shop/billing"
    )
    assert do(made, "owners src/main/java/ru/shop/billing/BillingService.java") == "@nobody\n"
    assert "OrderCompletion" in do(made, "cgraph path OrderCompletion.complete InvoiceTable.insert")
    assert "billing" in do(made, "coverage")
    assert "def total" not in do(
        made, "cat ~/shop-monolith/src/main/java/ru/shop/billing/InvoiceCalculator.java"
    )


def test_all_in_one_hurry_but_right():
    assert broken(moved(world())) == set()


@pytest.mark.parametrize(
    ("changes", "harm"),
    [
        ({"places": PLACES[:2]}, {"subscriptions_billed", "manual_billed", "closing_billed", "taken_over"}),
        ({"places": PLACES[:4]}, {"closing_billed", "taken_over"}),
        ({"version": "v1.1"}, {"issued_once", "amounts_kept"}),
    ],
)
def test_a_shortcut_has_its_price(changes: dict[str, object], harm: set[str]):
    assert broken(moved(world(), **changes)) == harm  # type: ignore[arg-type]


def test_too_few_pods_fail_the_customers():
    made = moved(world(), pods=1)
    history = made.plane.history
    assert history.last("class/order/error") + history.last("class/order/rejected") > 20
    do(made, "facade route 0")
    made.advance_to(440)
    assert made.plane.history.last("class/order/ok") > 190


def test_recorded_cases_and_shadow_calls_show_how_the_versions_differ():
    made = world()
    made.advance_to(5)
    do(made, "facade characterise 200")
    made.advance_to(230)
    assert "отличается" not in do(made, "facade replay v1.0")
    assert "0 different" in do(made, "facade replay v1.2")
    first = do(made, "facade replay v1.0")
    assert "half to even" in first and "0 different" not in first
    do(made, "facade add OrderCompletion.complete")
    do(made, "facade shadow 50")
    made.advance_to(700)
    report = do(made, "facade report")
    assert "rounding by line" in report
    assert made.plane.history.last("class/shadow-billing/offered") == pytest.approx(100)
    assert "missing" in do(made, "facade verify")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("facade", ""),
        ("facade route 101", "from 0 to 100"),
        ("facade route", "argument is missing"),
        ("facade add orders.Nothing.here", "no place"),
        ("facade dual-write maybe", "on or off"),
        ("facade fly", "no action"),
        ("facade report", "no shadow calls"),
        ("facade replay v9", "v1.0, v1.1, v1.2"),
        ("cgraph callers issueinvoice", "similar: billing.BillingService.issueInvoice"),
        ("cgraph path x", "arguments are missing"),
        ("coverage nowhere", "orders, billing"),
        ("runtime callers", "arguments are missing"),
        ("owners x.y", "no method"),
    ],
)
def test_what_is_wrong_is_said(line: str, words: str):
    made = World(load("monolith-extraction"), 1)
    reply = execute(made, line)
    assert words in reply.text
    assert reply.code == (2 if words else 0)


def test_without_a_monolith_the_tools_say_so():
    made = World(load("payment-pool"), 1, "ru")
    for line in ("cgraph stats", "coverage", "runtime", "owners", "facade status"):
        reply = execute(made, line)
        assert (
            reply.code in (1, 2) and reply.err.endswith("\n") and "нет" in reply.err
        ) or "вырезают" in reply.err


def test_a_facade_with_nothing_behind_it_routes_nothing() -> None:
    made = World(load("monolith-extraction"), 1)
    assert "facade add" in execute(made, "facade route 100").out
    made.advance_to(30)
    assert not made.plane.history.last("db/billing-db/queries")
