"""curl, HAProxy's statistics and the name tools: what they say follows the run, in the tools' own words."""

import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.balancer.tools import TOOLS
from simulator.reply import Reply
from simulator.run import make_world, play
from simulator.scenario import load
from simulator.world import World


def at(second: float) -> World:
    scenario = load("payment-pool")
    world = make_world(scenario)
    play(world, (), second)
    return world


@pytest.fixture(scope="module")
def worlds() -> tuple[World, World]:
    return at(50), at(200)


@pytest.fixture
def healthy(worlds: tuple[World, World]) -> World:
    return worlds[0].fork()


@pytest.fixture
def broken(worlds: tuple[World, World]) -> World:
    return worlds[1].fork()


def run(world: World, *argv: str, stdin: str = "") -> Reply:
    return TOOLS[argv[0]].run(world, list(argv), stdin)


def codes(world: World, url: str, times: int = 400) -> Counter[str]:
    return Counter(
        run(world, "curl", "-so", "/dev/null", "-w", "%{http_code}", url).out for _ in range(times)
    )


@pytest.mark.parametrize("url", ["https://payments.example/v1/payments", "http://payment-service:8080/pay"])
def test_statuses_follow_the_run(healthy: World, broken: World, url: str) -> None:
    assert codes(healthy, url)["200"] >= 390  # the rest: banks that decline
    seen = codes(broken, url)
    # 1,021 of 1,200 payments are rejected in that second: 85 %; four standard errors of 400 draws are 7 points
    history = broken.plane.history
    share = history.last("class/pay/rejected") / history.last("class/pay/offered")
    assert seen["503"] / 400 == pytest.approx(share, abs=0.072) and share > 0.8
    assert set(seen) <= {"200", "402", "503"}


def test_a_refusal_names_the_bulkhead(broken: World) -> None:
    for url in ("http://payment-service/pay", "http://edge-lb/pay"):
        bodies = [json.loads(run(broken, "curl", "-s", url).out) for _ in range(20)]
        refused = [b for b in bodies if b.get("status") == 503]
        assert refused[0]["message"] == "Bulkhead 'payment-db' is full and does not permit further calls"


@pytest.mark.parametrize(
    "host",
    ["payment-service", "payment-service:8080", "payment-service.prod", "PAYMENT-SERVICE.prod.svc",
     "payment-service.prod.svc.cluster.local"],
)  # fmt: skip
def test_every_form_of_a_name(healthy: World, host: str) -> None:
    for path in ("health", "health/readiness", "health/liveness"):
        reply = run(healthy, "curl", "-s", f"http://{host}/actuator/{path}")
        assert (json.loads(reply.out)["status"], reply.code) == ("UP", 0)
    assert run(healthy, "curl", "-s", host + "/actuator/health").code == 0


def test_info_shows_what_runs(healthy: World, broken: World) -> None:
    url = "http://payment-service:8080/actuator/info"
    assert json.loads(run(healthy, "curl", url).out)["versions"] == {"v2.8.0": 18}
    assert json.loads(run(broken, "curl", url).out)["versions"] == {"v2.8.1": 18}


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["http://nope.example/"], 6, "curl: (6) Could not resolve host: nope.example\n"),
        (["http://"], 3, "curl: (3) URL using bad/illegal format or missing URL\n"),
        (["gopher://payment-service/"], 1, 'curl: (1) Protocol "gopher" not supported or disabled in libcurl\n'),
        (["-f", "http://payment-service/nope"], 22, "curl: (22) The requested URL returned error: 404\n"),
        (["-sS", "http://nope/"], 6, "curl: (6) Could not resolve host: nope\n"),
        (["--foo", "x"], 2, "curl: option --foo: is unknown\ncurl: try 'curl --help' or 'curl --manual' for more information\n"),
        (["-s"], 2, "curl: no URL specified!\ncurl: try 'curl --help' or 'curl --manual' for more information\n"),
        (["-m"], 2, "curl: option -m: requires parameter\ncurl: try 'curl --help' or 'curl --manual' for more information\n"),
    ],
)  # fmt: skip
def test_errors_are_curls_own(healthy: World, words: list[str], code: int, text: str) -> None:
    reply = run(healthy, "curl", *words)
    assert (reply.code, reply.err, reply.out) == (code, text, "")


def test_a_short_patience_runs_out(healthy: World) -> None:
    reply = run(
        healthy, "curl", "-s", "-S", "-m", "0.001", "-w", "%{http_code}", "http://payment-service/pay"
    )
    assert reply.err == "curl: (28) Operation timed out after 2 milliseconds with 0 bytes received\n"
    assert (reply.code, reply.out) == (28, "000")


def test_equal_worlds_answer_equally_and_looking_changes_nothing(broken: World) -> None:
    other, digest = broken.fork(), broken.digest()
    lines = [["curl", "-sv", "-w", "%{time_total}", "http://edge-lb/pay"], ["ss", "-tn"], ["ping", "edge-lb"]]
    for line in lines * 5:
        assert run(broken, *line) == run(other, *line)
    assert broken.digest() == digest


WORDS = st.one_of(
    st.sampled_from(
        "-s -S -sS -i -I -v -f -o -w -X -d -H -m -k -L -A -u --compressed --retry --max-time --json --no-silent -G "
        "-O -sSfo- /dev/null %{http_code}\\n %{json} 1 0.5 1e9 @- @/x http://edge-lb/pay edge-lb:8404/stats;csv "
        "https://shop.example payment-service/pay +short +noall @10.96.0.10 -x -t AAAA any - -- --re --retry-delay "
        "payment-service:8080/metrics payment-service/actuator/info http://[::1]/ 10.244.1.2:8080 stdio -c -vz 80-90 "
        "/var/run/haproxy.sock show host=nope -tn -q 127.0.0.1 pgbouncer 6432".split(" ")
    ),
    st.text(max_size=12),
    st.builds("http://{}/{}".format, st.text(max_size=6), st.text(max_size=6)),
)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(tool=st.sampled_from(sorted(TOOLS)), words=st.lists(WORDS, max_size=7), stdin=st.text(max_size=20))
def test_no_line_raises(worlds: tuple[World, World], tool: str, words: list[str], stdin: str) -> None:
    world = worlds[0]
    world.follow_limit_s = 2.0
    reply = TOOLS[tool].run(world, [tool, *words], stdin)
    assert isinstance(reply.out, str) and isinstance(reply.err, str) and 0 <= reply.code <= 255
    assert reply.cost_s <= 120
    world.files.clear()
