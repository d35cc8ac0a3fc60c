"""The strict reader: a mistake is one line that names file and field; nothing half-right gets in."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine import network
from simulator.scenario import (
    SCENARIOS,
    Scenario,
    ScenarioError,
    Text,
    assign,
    digest,
    load,
    parse,
    read_raw,
    scenario_path,
    split_path,
)
from tests.simulator.engine_scenes import small_raw

FILES = sorted(path.stem for path in SCENARIOS.glob("*.yaml"))


def raw() -> dict[str, Any]:
    return copy.deepcopy(PAYMENT)


PAYMENT, PAYMENT_FILE = read_raw("payment-pool")


def mistake(path: str, value: Any) -> str:
    changed = raw()
    assign(changed, path, value)
    with pytest.raises(ScenarioError) as caught:
        parse(changed, "x.yaml")
    return str(caught.value)


def get(node: Any, parts: list[str]) -> Any:
    for part in parts:
        node = node[part]
    return node


# -- every scenario that is shipped


@pytest.mark.parametrize("name", FILES)
def test_every_scenario_parses_and_runs(name: str) -> None:
    scenario = load(name)
    assert scenario.id == name == scenario_path(name).stem
    net = network.build(scenario)
    assert scenario.sli.traffic_class in scenario.traffic.classes
    service = scenario.services()[scenario.focus.service]
    assert {scenario.focus.good_version, scenario.focus.bad_version} <= set(service.versions)
    assert scenario.focus.database in scenario.databases()
    assert scenario.focus.worker is None or scenario.focus.worker in scenario.components
    assert all(n.next < 0 or n.next > i for i, n in enumerate(net.nodes))  # requests only walk forward
    if scenario.type == "incident":
        assert len(scenario.hints) >= 3 and len(scenario.clues) >= 2


@pytest.mark.parametrize("name", FILES)
def test_every_scenario_survives_its_own_dump(name: str) -> None:
    scenario = load(name)
    assert parse(scenario.model_dump(mode="json"), name) == scenario


def texts(node: Any, where: str) -> list[tuple[str, Text]]:
    if isinstance(node, Text):
        return [(where, node)]
    if isinstance(node, dict):
        return [found for key, part in node.items() for found in texts(part, f"{where}.{key}")]
    if isinstance(node, (list, tuple)):
        return [found for n, part in enumerate(node) for found in texts(part, f"{where}[{n}]")]
    if hasattr(node, "model_fields_set"):
        return [f for key in type(node).model_fields for f in texts(getattr(node, key), f"{where}.{key}")]
    return []


@pytest.mark.parametrize("name", FILES)
def test_every_text_is_in_both_languages(name: str) -> None:
    found = texts(load(name), name)
    assert len(found) > 10
    for where, text in found:
        assert text.ru.strip() and text.en.strip(), where
        assert not any("а" <= c.lower() <= "я" for c in text.en), where
        assert text.ru != text.en, where
        assert text.of("ru") == text.ru and text.of("en") == text.en


def test_ids_are_unique_and_a_free_one_exists() -> None:
    ids = [load(name).id for name in FILES]
    assert len(set(ids)) == len(ids)
    assert "payment-pool" in ids
    assert any(load(name).tier == "free" for name in FILES)


# -- mistakes


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("traffic.rps", -1, "traffic.rps"),
        ("traffic.rps", "many", "traffic.rps"),
        ("traffic.rps", float("nan"), "traffic.rps"),
        ("traffic.rps", float("inf"), "traffic.rps"),
        ("traffic.rsp", 600, "traffic.rsp"),
        ("duration_s", 0, "duration_s"),
        ("sli.healty", 0.9, "sli.healty"),
        ("payments-db.cores", 0, "components.payments-db.postgres.cores"),
        ("payments-db.pool.limit", 0, "components.payments-db.postgres.pool.limit"),
        ("payment-service.current", "v9", "components.payment-service.service"),
        (
            "payment-service.versions.v2.8.1.queries",
            -1,
            "components.payment-service.service.versions.v2.8.1.queries",
        ),
        ("payment-service.kind", "sevice", "components.payment-service"),
        (
            "payment-service.endpoints.pay",
            [{"work_ms": 1, "call": "a.b"}],
            "components.payment-service.service",
        ),
        ("payment-service.endpoints.pay", [{"query": "payments-db"}], "components.payment-service.service"),
        ("title", {"ru": "только"}, "title.en"),
        ("colour", "red", "colour"),
        ("tier", "gold", "tier"),
        ("starts_at", "yesterday", "starts_at"),
        # numbers that would make an engine allocate or loop without end
        ("edge-lb.timeout_s", 1e9, "components.edge-lb.balancer.timeout_s"),
        ("edge-lb.backoff_s", 1e9, "components.edge-lb.balancer.backoff_s"),
        (
            "auth-service.endpoints.check",
            [{"work_ms": 1e12}],
            "components.auth-service.service.endpoints.check",
        ),
        ("payment-service.versions.v2.8.1.work_factor", 1e9, "components.payment-service.service.versions"),
    ],
)
def test_a_mistake_names_file_and_field(path: str, value: Any, field: str) -> None:
    message = mistake(path, value) if path != "colour" else added("colour", value)
    assert message.startswith(f"x.yaml: {field}")
    assert "\n" not in message


def added(key: str, value: Any) -> str:
    with pytest.raises(ScenarioError) as caught:
        parse({**raw(), key: value}, "x.yaml")
    return str(caught.value)


REQUIRED = sorted(k for k in PAYMENT if Scenario.model_fields[k].is_required())


@pytest.mark.parametrize("key", [k for k in REQUIRED if k not in ("title", "sli", "focus")])
def test_every_required_field_is_required(key: str) -> None:
    changed = raw()
    del changed[key]
    with pytest.raises(ScenarioError, match=rf"^x\.yaml: {key}: Field required"):
        parse(changed, "x.yaml")


def test_a_bare_network_is_a_scenario() -> None:
    """Its title is its id, its SLI its first class, its focus the service called first."""
    bare = {k: raw()[k] for k in ("id", "duration_s", "traffic", "components")}
    scenario = parse(bare, "x.yaml")
    assert scenario.title.en == bare["id"]
    assert scenario.sli.traffic_class == "pay"
    assert scenario.focus.service == "api-gateway"
    assert scenario.focus.database == "payments-db"


def test_several_mistakes_are_counted() -> None:
    changed = raw()
    changed["minutes"] = "x"
    changed["tier"] = "gold"
    with pytest.raises(ScenarioError, match=r"\(and 1 more\)$"):
        parse(changed, "x.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "not readable YAML"),
        ("- 1\n- 2\n", "a scenario is a mapping"),
        ("just words", "a scenario is a mapping"),
        ("", "a scenario is a mapping"),
        ("a: !!python/object/apply:os.system ['true']", "not readable YAML"),
        ("starts_at: 2026-13-45", "not readable YAML"),
        ("{}", "Field required"),
    ],
)
def test_a_file_that_is_no_scenario(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=says) as caught:
        load(str(path))
    assert str(caught.value).startswith("mine.yaml: ") and "\n" not in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"id: \xff\xfe\x00")
    with pytest.raises(ScenarioError, match="not readable YAML"):
        load(str(path))


@pytest.mark.parametrize("name", ["no-such", "../payment-pool", "", "no.yaml", "/etc/passwd"])
def test_a_name_that_is_no_scenario(name: str) -> None:
    with pytest.raises(ScenarioError, match="payment-pool"):
        load(name)


def test_a_file_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(raw(), allow_unicode=True), encoding="utf-8")
    assert load(str(path)) == load("payment-pool")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("checkout.endpoints.pay", [{"call": "nobody.pay"}], "no service named 'nobody'"),
        ("checkout.endpoints.pay", [{"call": "auth-service.enter"}], "no endpoint 'enter'"),
        ("checkout.endpoints.pay", [{"call": "checkout.pay"}], "calls itself"),
        ("checkout.endpoints.pay", [{"query": "nodb", "cpu_ms": 1}], "no postgres named 'nodb'"),
        ("traffic.entry", "checkout", "no balancer named 'checkout'"),
        ("payment-service.versions.v2.8.1.queries", 500, None),
    ],
)
def test_a_topology_that_cannot_run_is_refused(path: str, value: Any, says: str | None) -> None:
    changed = raw()
    assign(changed, path, value)
    scenario = parse(changed, "x.yaml")
    if says is None:
        assert len(network.build(scenario).nodes) > 1000
        return
    with pytest.raises(ScenarioError, match=says):
        network.build(scenario)


@pytest.mark.parametrize(
    "override",
    [
        "sli.traffic_class=nope",
        "focus.service=nope",
        "focus.database=nope",
        "focus.bad_version=v0",
        "focus.worker=nope",
        "payment-retry-worker.parks=nope",
    ],
)
def test_a_name_that_the_file_does_not_have_is_refused(override: str) -> None:
    with pytest.raises(ScenarioError, match=r"nope|v0"):
        load("payment-pool", (override,))


def test_routes_that_unfold_without_end_are_refused() -> None:
    changed = small_raw()
    steps = changed["components"]["shop"]["endpoints"]["buy"]
    for level in range(14):
        changed["components"][f"s{level}"] = {
            **copy.deepcopy(changed["components"]["shop"]),
            "endpoints": {"go": [{"call": f"s{level + 1}.go"}, {"call": f"s{level + 1}.go"}]},
        }
    changed["components"]["s14"] = {**copy.deepcopy(changed["components"]["shop"]), "endpoints": {"go": []}}
    steps.append({"call": "s0.go"})
    with pytest.raises(ScenarioError, match="more than 4000 steps"):
        network.build(parse(changed, "x.yaml"))


# -- --set


def test_overrides_change_one_number() -> None:
    plain = load("payment-pool")
    changed = load("payment-pool", ("traffic.rps=600", "payments-db.pool.limit=100"))
    assert (plain.traffic.rps, changed.traffic.rps) == (1200, 600)
    assert changed.databases()["payments-db"].pool.limit == 100
    assert digest(plain) != digest(changed)
    assert digest(plain) == digest(load("payment-pool", ("traffic.rps=1200",)))
    assert load("payment-pool") == plain  # reading again starts from the file


@pytest.mark.parametrize(
    "path",
    [
        "payment-service.versions.v2.8.1.queries",
        'payment-service.versions."v2.8.1".queries',
        'components.payment-service.versions."v2.8.1".queries',
        "components.payment-service.versions.v2.8.1.queries",
        '"payment-service".versions."v2.8.1"."queries"',
    ],
)
def test_keys_with_dots_quoted_or_whole(path: str) -> None:
    scenario = load("payment-pool", (f"{path}=4",))
    assert scenario.services()["payment-service"].versions["v2.8.1"].queries == 4
    assert scenario.services()["payment-service"].versions["v2.8.0"].queries == 1


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("traffic.rps", r"--set traffic\.rps: expected PATH=VALUE"),
        ("=5", "expected PATH=VALUE"),
        ("traffic.nothing.here=1", r"--set traffic\.nothing\.here: no field 'nothing' there"),
        ("nobody.pods=1", "no field 'nobody' there"),
        ("traffic.rps.more=1", "no field 'more' there"),
        ("traffic.rsp=1", r"payment-pool\.yaml with --set: traffic\.rsp"),
        ("payment-service.versions.v9.9.9.queries=1", "no field 'v9' there"),
        ("hints.9.en=x", "no field '9' there"),
        ("traffic.rps=fast", r"payment-pool\.yaml with --set: traffic\.rps: Input should be a valid number"),
        ("traffic.rps=", r"traffic\.rps"),
        ("speed=1", "speed"),
        ("traffic.rps=[", r"--set traffic\.rps=\[: not readable"),
        ("traffic.rps=!!python/name:os.system", "--set traffic"),
        ("starts_at=2026-13-45", "not readable"),
        ("traffic..rps=1", "no field '' there"),
    ],
)
def test_bad_overrides(override: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says) as caught:
        load("payment-pool", (override,))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["id: x\n", "components: [1, 2]\n", "components: 5\n"])
def test_an_override_of_a_file_that_is_no_scenario(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ScenarioError):
        load(str(path), ("payment-service.pods=1",))


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a", ["a"]),
        ("a.b.c", ["a", "b", "c"]),
        ('a."b.c".d', ["a", "b.c", "d"]),
        ('"a.b"', ["a.b"]),
        ("", [""]),
    ],
)
def test_paths_split_at_dots_outside_quotes(path: str, parts: list[str]) -> None:
    assert split_path(path) == parts


keys = st.text(
    st.characters(codec="ascii", categories=("L", "N"), include_characters="-._"), min_size=1, max_size=6
)
trees = st.recursive(st.integers(), lambda part: st.dictionaries(keys, part, max_size=4), max_leaves=12)


def paths(node: Any, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(node, dict):
        return []
    return [p for key, part in node.items() for p in [(*before, key), *paths(part, (*before, key))]]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(tree=st.dictionaries(keys, trees, min_size=1, max_size=4), data=st.data())
def test_assign_sets_that_field_and_no_other(tree: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(paths(tree)))
    before = copy.deepcopy(tree)
    assign(tree, ".".join(f'"{part}"' for part in path), "new")
    assert get(tree, list(path)) == "new"
    get(tree, list(path[:-1]))[path[-1]] = get(before, list(path))
    assert tree == before


@settings(max_examples=150, deadline=None, derandomize=True)
@given(tree=st.dictionaries(keys, trees, max_size=4), path=st.text(max_size=20), value=st.integers())
def test_assign_answers_any_path(tree: dict[str, Any], path: str, value: int) -> None:
    before = copy.deepcopy(tree)
    try:
        assign(tree, path, value)
    except ScenarioError as error:
        assert str(error).startswith(f"--set {path}: no field")
        assert tree == before
    else:
        assert tree != before or value in leaves(before)


def leaves(node: Any) -> list[Any]:
    return [leaf for part in node.values() for leaf in leaves(part)] if isinstance(node, dict) else [node]


def test_a_component_may_be_named_at_the_head() -> None:
    tree = {"components": {"db.main": {"cores": 4}}, "traffic": {"rps": 1}}
    assign(tree, "db.main.cores", 8)
    assert tree["components"]["db.main"]["cores"] == 8
    assign(tree, "traffic.rps", 2)
    assert tree["traffic"]["rps"] == 2


def test_a_field_of_the_scenario_comes_before_a_component_of_that_name() -> None:
    tree: dict[str, Any] = {"components": {"traffic": {"rps": 4}}, "traffic": {"rps": 1}}
    assign(tree, "traffic.rps", 2)
    assert tree["traffic"]["rps"] == 2 and tree["components"]["traffic"]["rps"] == 4
