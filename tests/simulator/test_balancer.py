"""curl, HAProxy's statistics and the name tools: what they say follows the run, in the tools' own words."""

import csv
import io
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


def test_other_classes_stay_well_while_payments_fail(broken: World) -> None:
    assert codes(broken, "https://shop.example/api/search", 100) == {"200": 100}


def test_a_refusal_names_the_bulkhead(broken: World) -> None:
    for url in ("http://payment-service/pay", "http://edge-lb/pay"):
        bodies = [json.loads(run(broken, "curl", "-s", url).out) for _ in range(20)]
        refused = [b for b in bodies if b.get("status") == 503]
        assert refused[0]["message"] == "Bulkhead 'payment-db' is full and does not permit further calls"


@pytest.mark.parametrize(
    "host",
    ["payment-service", "payment-service:8080", "payment-service.prod", "PAYMENT-SERVICE.prod.svc",
     "payment-service.prod.svc.cluster.local", "payment-service.prod.svc.cluster.local.:8080"],
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


def test_metrics_are_the_latest_scrape(broken: World) -> None:
    text = run(broken, "curl", "-s", "http://payment-service:8080/metrics").out
    row = next(
        x
        for x in text.splitlines()
        if x.startswith("http_requests_total") and 'code="503"' in x and "v2.8.1" in x
    )
    matchers = [("service", "=", "payment-service"), ("version", "=", "v2.8.1"), ("code", "=", "503")]
    series = broken.telemetry.select("http_requests_total", matchers, 185, 200)
    assert float(row.rpartition(" ")[2]) == pytest.approx(series[0][1][-1][1], rel=1e-6)
    assert "# TYPE http_requests_total counter" in text
    base = "http://payment-service:8080/actuator/metrics"
    name = "resilience4j.bulkhead.available.concurrent.calls"
    assert name in json.loads(run(broken, "curl", "-s", base).out)["names"]
    free = json.loads(run(broken, "curl", "-s", f"{base}/{name}").out)["measurements"][0]["value"]
    assert 0 <= free < 5
    assert run(broken, "curl", "-f", f"{base}/nope").code == 22


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["http://nope.example/"], 6, "curl: (6) Could not resolve host: nope.example\n"),
        (["http://payment-service:81"], 7, "curl: (7) Failed to connect to payment-service port 81 after 0 ms: Connection refused\n"),
        (["localhost:9090"], 7, "curl: (7) Failed to connect to localhost port 9090 after 0 ms: Connection refused\n"),
        (["http://10.9.9.9/"], 7, "curl: (7) Failed to connect to 10.9.9.9 port 80 after 0 ms: No route to host\n"),
        (["http://payment-service:99999/"], 3, "curl: (3) URL using bad/illegal format or missing URL\n"),
        (["http://"], 3, "curl: (3) URL using bad/illegal format or missing URL\n"),
        (["file:///etc/passwd"], 1, 'curl: (1) Protocol "file" not supported or disabled in libcurl\n'),
        (["gopher://payment-service/"], 1, 'curl: (1) Protocol "gopher" not supported or disabled in libcurl\n'),
        (["http://payments-db:5432"], 52, "curl: (52) Empty reply from server\n"),
        (["https://payment-service:8080/"], 35, "curl: (35) error:0A00010B:SSL routines::wrong version number\n"),
        (["-f", "http://payment-service/nope"], 22, "curl: (22) The requested URL returned error: 404\n"),
        (["-sf", "http://payment-service/nope"], 22, ""),
        (["-sS", "http://nope/"], 6, "curl: (6) Could not resolve host: nope\n"),
        (["--foo", "x"], 2, "curl: option --foo: is unknown\ncurl: try 'curl --help' or 'curl --manual' for more information\n"),
        (["-s"], 2, "curl: no URL specified!\ncurl: try 'curl --help' or 'curl --manual' for more information\n"),
        (["-m"], 2, "curl: option -m: requires parameter\ncurl: try 'curl --help' or 'curl --manual' for more information\n"),
        (["-m", "x", "edge-lb"], 2, "curl: option -m: expected a proper numerical parameter\ncurl: try 'curl --help' or 'curl --manual' for more information\n"),
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


def test_the_gateway_times_out_in_haproxys_words(healthy: World) -> None:
    for kind in ("ok", "declined"):
        healthy.plane.history.column("class/pay/" + kind)[-1] = 0.0
    healthy.plane.history.column("class/pay/timeout")[-1] = 1200.0
    reply = run(healthy, "curl", "-i", "-w", "%{http_code} %{time_total}", "http://edge-lb/pay")
    assert reply.out.startswith("HTTP/1.1 504 Gateway Time-out\n") and reply.out.endswith("504 5.000000")
    assert (
        "<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>\n"
        in reply.out
    )


def test_nothing_behind_a_service_refuses(healthy: World) -> None:
    for pod in healthy.kubernetes.pods.values():
        if pod.app == "payment-service":
            pod.ready = False
    assert run(healthy, "curl", "http://payment-service/pay").code == 7


def test_formats_headers_and_files(healthy: World) -> None:
    url = "http://payment-service/actuator/health"
    reply = run(healthy, "curl", "-w", "\\n%{http_code} %% %{size_download} %{zz}\\n", url)
    body, line = reply.out.splitlines()
    assert line == f"200 % {len(body)} " and reply.err == "curl: unknown --write-out variable: 'zz'\n"
    assert run(healthy, "curl", "-sI", url).out.splitlines()[0] == "HTTP/1.1 200 OK"
    shown = run(healthy, "curl", "-sv", "-XPOST", "-d", "a=1", "-uroot:x", url).err
    assert "> POST /actuator/health HTTP/1.1\n" in shown and "< HTTP/1.1 200 OK\n" in shown
    assert run(healthy, "curl", "-so", "/tmp/a.json", url).out == "" and healthy.files["/tmp/a.json"] == body
    assert run(healthy, "curl", "-so", "/etc/passwd", url).code == 23


def test_retries_let_time_pass(broken: World) -> None:
    start = broken.now_s
    reply = run(broken, "curl", "-s", "-S", "--retry", "3", "http://payment-service/pay")
    for _ in range(20):
        if "Will retry in 1 seconds. 3 retries left." in reply.err:
            break
        reply = run(broken, "curl", "-s", "-S", "--retry", "3", "http://payment-service/pay")
    assert "Warning: Problem: HTTP error. Will retry in 1 seconds. 3 retries left.\n" in reply.err
    assert start < broken.now_s < start + 200


def test_equal_worlds_answer_equally_and_looking_changes_nothing(broken: World) -> None:
    other, digest = broken.fork(), broken.digest()
    lines = [["curl", "-sv", "-w", "%{time_total}", "http://edge-lb/pay"], ["ss", "-tn"], ["ping", "edge-lb"]]
    for line in lines * 5:
        assert run(broken, *line) == run(other, *line)
    assert broken.digest() == digest


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("# "))))


def test_haproxys_numbers_add_up(broken: World) -> None:
    text = run(broken, "curl", "-s", "http://edge-lb:8404/stats;csv").out
    assert text.startswith(
        "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,"
    )
    rows = table(text)
    column = broken.plane.history.column
    back = next(r for r in rows if r["pxname"] == "be_pay" and r["svname"] == "BACKEND")
    servers = [r for r in rows if r["pxname"] == "be_pay" and r["svname"] != "BACKEND"]
    assert int(back["hrsp_5xx"]) == round(sum(column("class/pay/rejected"))) > 80_000
    assert len(servers) == 8 and {r["status"] for r in servers} == {"UP"}
    for key in ("stot", "scur", "hrsp_2xx", "hrsp_5xx"):
        assert sum(int(r[key]) for r in servers) == int(back[key])
    front = rows[0]
    assert (front["svname"], front["status"]) == ("FRONTEND", "OPEN")
    assert int(front["stot"]) == sum(int(r["stot"]) for r in rows if r["svname"] == "BACKEND")


def test_the_socket(broken: World) -> None:
    def ask(text: str, *words: str) -> Reply:
        return run(broken, "socat", *(words or ("stdio", "/var/run/haproxy.sock")), stdin=text)

    csv_text = run(broken, "curl", "-s", "http://edge-lb:8404/stats;csv").out
    assert ask("show stat\n").out == csv_text + "\n"
    assert ask("show stat", "-", "UNIX-CONNECT:/var/run/haproxy.sock").out == csv_text + "\n"
    assert "Version: 2.6.12\n" in ask("show info").out
    assert ask("show servers state").out.startswith("1\n# be_id be_name srv_id")
    assert ask("disable server be_pay/x").out == "Permission denied\n\n"
    assert "Unknown command: 'dance'" in ask("dance").out
    assert "No such file or directory" in ask("show stat", "-", "/var/run/other.sock").err
    assert "exactly 2 addresses required (there is 1)" in ask("", "stdio").err


def test_names(healthy: World) -> None:
    address = healthy.kubernetes.services["payment-service"].cluster_ip
    assert run(healthy, "dig", "+short", "payment-service.prod.svc.cluster.local").out == address + "\n"
    assert run(healthy, "dig", "+short", "nope").out == ""
    assert "status: NXDOMAIN" in run(healthy, "dig", "nope").out
    assert f"payment-service.\t\t30\tIN\tA\t{address}\n" in run(healthy, "dig", "payment-service").out
    assert run(healthy, "dig", "+foo", "x").err.startswith("Invalid option: +foo\nUsage:  dig ")
    full = "payment-service.prod.svc.cluster.local"
    assert run(healthy, "host", "payment-service").out == f"{full} has address {address}\n"
    assert run(healthy, "host", "nope") == Reply("Host nope not found: 3(NXDOMAIN)\n", code=1)
    assert f"Name:\t{full}\nAddress: {address}\n" in run(healthy, "nslookup", "payment-service").out
    assert "** server can't find nope: NXDOMAIN" in run(healthy, "nslookup", "nope").out
    assert run(healthy, "dig", "-x", address, "+short").out == full + ".\n"


def test_connections(healthy: World, broken: World) -> None:
    address = healthy.kubernetes.services["pgbouncer"].cluster_ip
    open_port = run(healthy, "nc", "-vz", "pgbouncer", "6432")
    assert open_port.err == f"Connection to pgbouncer ({address}) 6432 port [tcp/*] succeeded!\n"
    closed = run(healthy, "nc", "-zv", "pgbouncer", "5432")
    assert closed.code == 1 and closed.err.endswith("port 5432 (tcp) failed: Connection refused\n")
    assert "Name or service not known" in run(healthy, "nc", "-vz", "nope", "80").err
    assert run(healthy, "ping", "-c", "2", "nope") == Reply(
        err="ping: nope: Name or service not known\n", code=2
    )
    assert "2 packets transmitted, 2 received, 0% packet loss" in run(healthy, "ping", "-c2", "edge-lb").out
    rows = run(broken, "ss", "-tn").out.splitlines()
    pool = broken.plane.pools("payments-db")[0]
    assert sum(r.endswith(":6432") for r in rows) == round(pool.active + pool.waiting) > 400
    assert sum(r.endswith(":5432") for r in rows) == 50
    assert "estab 4" in run(broken, "ss", "-s").out
    assert run(healthy, "ss", "--foo").err.startswith("ss: unrecognized option '--foo'\n")
    assert "curl" in run(healthy, "tcpdump", "-i", "any").err


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
