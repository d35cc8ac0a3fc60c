"""What on-call engineers type: nearly all of it is known, and what is wrong gets the real tool's own error.

The corpus is in `corpus/`; `dropprod bench terminal` prints its misses.
"""

from __future__ import annotations

import contextlib
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import terminal
from simulator.commands import execute
from simulator.run import make_world, play
from simulator.scenario import load
from simulator.shell import gotemplate

KNOWN = 0.985  # of all commands; the demand on commands nobody has seen is 0.95
AS_EXPECTED = 0.97
RIGHT_ERROR = 0.95
LEAST = {
    "kubectl": 250,
    "psql": 150,
    "kafka": 90,
    "redis": 90,
    "promql": 80,
    "logql": 35,
    "pipes": 40,
    "curl": 60,
    "wrong": 110,
}

SAMPLED = (
    6  # of the held-out files every sixth line of the home scenario in a plain run, all of them in a live one
)
HELD_OUT = "unseen_"

Told = list[tuple[terminal.Line, str]]


@pytest.fixture(scope="module")
def told() -> Told:
    """All lines in a live run; without, the held-out files are sampled: other scenarios' worlds cost seconds each."""
    lines = terminal.corpus()
    if os.environ.get("DROPPROD_LIVE"):
        return terminal.results(lines)
    return terminal.results(
        [
            line
            for number, line in enumerate(lines)
            if not line.tool.startswith(HELD_OUT)
            or (line.scenario == terminal.HOME[0] and number % SAMPLED == 0)
        ]
    )


def test_the_corpus_is_large() -> None:
    lines = terminal.corpus()
    for tool, least in LEAST.items():
        assert sum(line.tool == tool for line in lines) >= least, tool
    assert len({(line.scenario, line.command) for line in lines}) == len(lines), "a command is there twice"


def test_commands_are_known_and_wrong_ones_get_the_real_error(told: Told) -> None:
    figures = terminal.table(told)["all"]
    misses = "\n".join(f"{line.command}\n    {problem}" for line, problem in told if problem)
    assert figures["known"] >= KNOWN, misses
    assert figures["as_expected"] >= AS_EXPECTED, misses
    assert figures["right_error"] >= RIGHT_ERROR, misses


def test_every_tool_knows_most_of_its_own(told: Told) -> None:
    """Free text that could mean two things stays misunderstood on purpose: the held-out words of an incident hold some."""
    least = {f"{HELD_OUT}incident": 0.85}
    figures = terminal.table(told)
    assert {tool for tool, row in figures.items() if row["known"] < least.get(tool, 0.95)} == set()


def test_nothing_crashes(told: Told) -> None:
    assert [line.command for line, problem in told if problem.startswith("crash")] == []


@pytest.mark.parametrize("scenario", ["black-friday", "race-15-services"])
@pytest.mark.parametrize(
    "line",
    ["kafka-topics.sh --bootstrap-server kafka:9092 --list", "kcat -b kafka -L", "redis-cli -h redis ping"],
)
def test_a_tool_without_its_server_fails_as_the_real_one_and_names_scenarios(
    scenario: str, line: str
) -> None:
    world = make_world(load(scenario), 1)
    play(world, (), 5.0)
    room = "redis" if "redis" in line else "kafka"
    reply = execute(world, line)
    if room in world.rooms:
        pytest.skip(f"{scenario} has {room}")
    assert reply.code == 1
    assert "payment-pool" in reply.err
    assert any(
        text in reply.err
        for text in ("No resolvable bootstrap urls", "Failed to resolve", "Could not connect to Redis at")
    )


def test_scenarios_that_are_named_have_the_servers() -> None:
    from simulator.kafka.gate import ELSEWHERE as KAFKA
    from simulator.redis.cli import ELSEWHERE as REDIS

    for room, names in (("kafka", KAFKA), ("redis", REDIS)):
        for name in names:
            assert room in make_world(load(name), 1).rooms, (room, name)


def test_the_runner_tells_a_miss_from_a_hit() -> None:
    from simulator.reply import Reply

    line = terminal.Line("kubectl", "payment-pool", 150, "kubectl get pods")
    assert line.problem(Reply("NAME\n")) == ""
    assert line.problem(Reply(err='error: unknown command "get" for "kubectl"\n', code=1)).startswith(
        "unknown"
    )
    assert line.problem(Reply(code=1)).startswith("exit 1")
    wrong = terminal.Line("wrong", "payment-pool", 150, "kubectl gett pods", 1, "unknown command", True)
    assert wrong.problem(Reply(err='error: unknown command "gett"\n', code=1)) == ""
    assert wrong.problem(Reply(err="error: what?\n", code=1)) != ""


@pytest.mark.parametrize(
    ("template", "value", "shown"),
    [
        ("{{range .items}}{{.name}} {{end}}", {"items": [{"name": "a"}, {"name": "b"}]}, "a b "),
        ('{{if eq .a "x"}}yes{{else}}no{{end}}', {"a": "y"}, "no"),
        ("{{range $i, $e := .l}}{{$i}}={{$e}};{{end}}", {"l": ["p", "q"]}, "0=p;1=q;"),
        ('{{index .m "k"}} {{len .m}} {{.missing}}', {"m": {"k": "v"}}, "v 1 <no value>"),
        ('{{.a | printf "%s!"}}', {"a": "b"}, "b!"),
    ],
)
def test_go_templates(template: str, value: object, shown: str) -> None:
    assert gotemplate.render(template, value) == shown


@given(st.text(alphabet='{}.$|()" abif end range', max_size=40))
def test_any_go_template_is_answered(template: str) -> None:
    with contextlib.suppress(gotemplate.TemplateError):
        gotemplate.render(template, {"a": [1, {"b": 2}]})


@settings(deadline=None)  # nine tools an example, on a machine that others use too
@given(st.text(alphabet="-:=/ abcs0123{}\"'%;", max_size=30))
def test_any_words_get_an_answer(text: str) -> None:
    """curl, sockets, Kafka and Redis take whatever is typed."""
    for tool in ("curl", "ss", "dig", "nc", "kcat", "redis-cli", "kafka-topics", "kafka-log-dirs", "wget"):
        assert isinstance(execute(FUZZED, f"{tool} {text!r}").text, str)


FUZZED = make_world(load("payment-pool"), 1)
FUZZED.turn_based = False
FUZZED.follow_limit_s = 0.0


def test_looking_changes_nothing() -> None:
    world = make_world(load("payment-pool"), 1)
    world.turn_based = False
    play(world, (), 20.0)
    before = world.digest()
    pod = next(p.name for p in world.kubernetes.pods.values() if p.app == "payment-service")
    for line in (
        f"kubectl exec {pod} -- top", "ss -tan", "curl -s http://prometheus:9090/api/v1/rules", "redis-cli --bigkeys",
        "kafka-log-dirs --describe", "logcli series '{app=\"checkout\"}'", "psql -c '\\dconfig work_mem'", "free -m",
    ):  # fmt: skip
        execute(world, line)
    world.events = [event for event in world.events if event.kind != "command"]
    assert world.digest() == before
