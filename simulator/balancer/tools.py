"""`curl` and name look-ups against the simulated hosts. Nothing here opens a socket.

What a request meets is drawn from what the run shows for the last finished second.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.balancer import actuator, monitoring
from simulator.balancer.names import listeners, resolve
from simulator.balancer.options import HELP, TRY, VERSION, Call, CurlError, read
from simulator.balancer.sockets import TOOLS as SOCKETS
from simulator.balancer.stats import haproxy_stats
from simulator.engine import streams
from simulator.reply import Reply, failure
from simulator.scenario import Balancer, Service, Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

REASONS = {200: "OK", 402: "Payment Required", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error",
           503: "Service Unavailable", 504: "Gateway Timeout"}  # fmt: skip
GATEWAY_TIMEOUT = (
    "<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>\n"
)


@dataclass
class Answer:
    status: int
    body: str
    seconds: float
    kind: str = "application/json"


URL = re.compile(r"^(?:(\w+)://)?([\w.-]*)(?::(\d+))?([/;?].*)?$")


def run_curl(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        call = read(argv)
    except CurlError as error:
        return failure(str(error), error.code)
    if call.on("version") or call.on("help"):
        return Reply(VERSION if call.on("version") else HELP)
    out, err, code, cost = "", "", 0, 1.0
    for number, url in enumerate(call.urls[:10]):
        try:
            if call.options.get("write-out", "").startswith("@"):
                raise CurlError(26, f"curl: option -w: error encountered when reading a file\n{TRY}")
            answer = fetch(world, url, call, number)
        except CurlError as error:
            quiet = call.on("silent") and not call.on("show-error")
            err += "" if quiet else str(error) + "\n"
            out += _written(call, None, url)
            code = error.code
            continue
        cost = max(cost, answer.seconds)
        if call.on("fail") and answer.status >= 400:
            err += f"curl: (22) The requested URL returned error: {answer.status}\n"
            code = 22
        else:
            out += _shown(world, call, answer)
        if call.on("verbose"):
            err += _verbose(world, url, call, answer)
        out += _written(call, answer, url)
    return Reply(out, err, code, min(cost, 60.0))


def fetch(world: World, url: str, call: Call, number: int) -> Answer:
    """Raises CurlError as curl would."""
    other = re.match(r"(\w+)://", url)
    if other and other.group(1).lower() == "telnet":
        return _telnet(world, url)
    if other and other.group(1).lower() not in ("http", "https"):
        raise CurlError(1, f'curl: (1) Protocol "{other.group(1)}" not supported or disabled in libcurl')
    match = URL.match(url) if len(url) < 2000 else None
    if match is None or not match.group(2):
        raise CurlError(3, "curl: (3) URL using bad/illegal format or missing URL")
    _, host, port, path = match.groups()
    watcher = monitoring.host_of(host, port or "")
    if watcher is not None and monitoring.listens(watcher, port or ""):
        page = monitoring.answer(world, watcher, path or "/", "&".join(call.body))
        return Answer(page.status, page.body, 0.02, page.kind)
    proxy = call.options.get("proxy")
    if proxy:
        raise CurlError(
            5, f"curl: (5) Could not resolve proxy: {proxy.rpartition('://')[2].partition(':')[0]}"
        )
    pod = next((p for p in world.kubernetes.pods.values() if p.ip == host and not p.lost), None)
    name = resolve(world, host) if pod is None else pod.app or (pod.left or ("",))[0]
    if pod is not None and (port != str(pod.template.port) or world.now_s < pod.started_s):
        raise _refused(host, port, 1)
    if host in ("localhost", "127.0.0.1"):
        raise _refused(host, port, 0)
    if name is None and re.fullmatch(r"\d{1,3}(?:\.\d{1,3}){3}", host):  # an address needs no name
        raise _refused(host, port, 1 if _machine(world, host) else 3071)
    if name is None:
        raise CurlError(6, f"curl: (6) Could not resolve host: {host}")
    if (
        (port or "80") not in listeners(world, name)
        or name not in world.scenario.components
        or "5432" in listeners(world, name)
    ):
        raise _refused(host, port, 1)
    answer = _answer(world, name, path or "/", number)
    limit = (
        float(call.options.get("max-time") or "inf")
        if _number(call.options.get("max-time"))
        else float("inf")
    )
    if answer.seconds > limit:
        ms = int(limit * 1000) + 1
        raise CurlError(28, f"curl: (28) Operation timed out after {ms} milliseconds with 0 bytes received")
    return answer


def _refused(host: str, port: str | None, ms: int) -> CurlError:
    text = (
        f"curl: (7) Failed to connect to {host} port {port or '80'} after {ms} ms: Couldn't connect to server"
    )
    return CurlError(7, text)


def _machine(world: World, host: str) -> bool:
    """Whether a machine that runs has this address: it refuses at once, where nothing leads to others."""
    nodes = world.kubernetes.nodes.values()
    return any(node.internal_ip == host and node.down_s is None for node in nodes)


def _telnet(world: World, url: str) -> Answer:
    """`curl telnet://HOST:PORT`: it connects and hangs up."""
    host, _, port = url.partition("://")[2].rstrip("/").partition(":")
    name = resolve(world, host)
    if name is None:
        raise CurlError(6, f"curl: (6) Could not resolve host: {host}")
    if (port or "23") not in listeners(world, name):
        raise CurlError(
            7,
            f"curl: (7) Failed to connect to {host} port {port or '23'} after 1 ms: Couldn't connect to server",
        )
    return Answer(0, "", 1.0)


def run_wget(world: World, argv: list[str], _stdin: str) -> Reply:
    """wget by way of curl: the page to standard output, whatever -O says."""
    urls = [w for w in argv[1:] if "/" in w and not w.startswith("-")] or [
        w for w in argv[1:] if not w.startswith("-")
    ]
    if not urls:
        return failure("wget: missing URL\nUsage: wget [OPTION]... [URL]...", 1)
    return run_curl(world, ["curl", "-sS", "-f", urls[-1]], "")


def _number(text: str | None) -> bool:
    return bool(text) and re.fullmatch(r"\d+(?:\.\d+)?", text or "") is not None


def _answer(world: World, name: str, path: str, number: int) -> Answer:
    part = world.scenario.components[name]
    plain = path.partition("?")[0].rstrip("/") or "/"
    if isinstance(part, Balancer):
        if plain == "/metrics":
            return Answer(200, _exposition(world, name), 0.003, "text/plain; version=0.0.4")
        if plain in ("/stats", "/stats;csv", ";csv"):
            return Answer(200, haproxy_stats(world), 0.003, "text/plain")
        return _edge(world, number)
    groups = [g for g in world.plane.groups(name) if g.pods]
    if not groups:
        return Answer(
            503,
            "upstream connect error or disconnect/reset before headers. reset reason: connection failure\n",
            0.002,
            "text/plain",
        )
    if plain.startswith("/actuator/health") or plain in ("/healthz", "/health", "/ready"):
        return Answer(200, '{"status":"UP"}', 0.004)
    if plain.startswith("/actuator"):
        shown = actuator.page(world, name, plain)
        if shown is not None:
            return Answer(200, shown, 0.006)
    if plain == "/actuator/info":
        running = {g.version: g.pods for g in groups}
        return Answer(200, json.dumps({"app": name, "versions": running}, separators=(",", ":")), 0.004)
    if plain in ("/metrics", "/actuator/prometheus"):
        return Answer(200, _exposition(world, name), 0.02, "text/plain; version=0.0.4")
    assert isinstance(part, Service)
    if plain.strip("/").split("/")[-1] in (*part.endpoints, ""):
        return _inside(world, name, part, number)
    return Answer(
        404, json.dumps({"status": 404, "error": "Not Found", "path": plain}, separators=(",", ":")), 0.004
    )


def _draw(world: World, number: int) -> float:
    world.requests_made += 1  # so that each request of a loop has its own luck; no part of any digest
    key = streams.key_of(world.seed, "curl", world.requests_made)
    return streams.uniform(key, int(world.now_s * 10) * 16 + number)


def _edge(world: World, number: int) -> Answer:
    """One payment through the front door, by the outcomes of the last second."""
    base = f"class/{world.scenario.sli.traffic_class}/"
    last = world.plane.history.last
    counts = {200: last(base + "ok"), 402: last(base + "declined"), 503: last(base + "rejected"),
              504: last(base + "timeout"), 500: last(base + "error")}  # fmt: skip
    total = sum(counts.values())
    mark = _draw(world, number) * total
    p99 = world.plane.edge_p99_ms(world.scenario.sli.traffic_class) / 1000
    for status, count in counts.items():
        mark -= count
        if mark < 0 or total <= 0:
            slow = p99 * (0.35 + 0.6 * _draw(world, number + 7))
            entry = world.scenario.components[world.scenario.traffic.entry]
            timeout = entry.timeout_s if isinstance(entry, Balancer) else 5.0
            seconds = {503: 0.006, 500: 0.02, 504: timeout}.get(status, slow)
            return Answer(
                status, _body(world, status), seconds, "text/html" if status == 504 else "application/json"
            )
    return Answer(200, _body(world, 200), p99 * 0.5)


def _body(world: World, status: int) -> str:
    focus = world.scenario.services()[world.scenario.focus.service]
    if status == 503:
        text = f"Bulkhead '{focus.bulkhead.name}' is full and does not permit further calls"
        return json.dumps(
            {"status": 503, "error": "Service Unavailable", "message": text}, separators=(",", ":")
        )
    if status == 504:
        return GATEWAY_TIMEOUT
    if status == 500:
        why = world.postgres.failing.get(world.scenario.focus.service, "internal error")
        return json.dumps(
            {"status": 500, "error": "Internal Server Error", "message": why}, separators=(",", ":")
        )
    return json.dumps({"status": "declined" if status == 402 else "captured"}, separators=(",", ":"))


def _inside(world: World, name: str, service: Service, number: int) -> Answer:
    """One call of a service's endpoint, by what the service answered in the last second."""
    groups = [g for g in world.plane.groups(name) if g.pods]
    refused = sum(g.rejected_per_s for g in groups)
    served = sum(g.rps for g in groups)
    labels = [g.label for g in world.plane.network.groups if g.service == name]
    failed = sum(world.plane.history.last(f"service/{label}/errors") for label in labels)
    mark = _draw(world, number) * (refused + served + failed)
    if refused + served + failed > 0 and mark < refused:
        text = f"Bulkhead '{service.bulkhead.name}' is full and does not permit further calls"
        return Answer(
            503,
            json.dumps(
                {"status": 503, "error": "Service Unavailable", "message": text}, separators=(",", ":")
            ),
            0.003,
        )
    if mark < refused + failed and failed > 0:
        return Answer(
            500, json.dumps({"status": 500, "error": "Internal Server Error"}, separators=(",", ":")), 0.01
        )
    inside = sum(g.in_flight for g in groups) / served if served > 0 else 0.01
    return Answer(200, '{"status":"ok"}', max(0.001, inside * (0.6 + 0.8 * _draw(world, number + 3))))


def _exposition(world: World, name: str) -> str:
    """What Prometheus would scrape from a service now: without what it adds or makes itself."""
    lines, told = [], ""
    for labels, samples in world.telemetry.select(None, [], world.now_s - 60, world.now_s):
        metric = labels["__name__"]
        if name not in labels.values() or metric in ("ALERTS", "up"):
            continue
        if metric != told:
            kind = "counter" if metric.endswith(("_total", "_bucket", "_sum", "_count")) else "gauge"
            lines.append(f"# TYPE {metric} {kind}")
            told = metric
        shown = ",".join(f'{k}="{v}"' for k, v in sorted(labels.items()) if k not in ("__name__", "job"))
        lines.append(f"{metric}{{{shown}}} {samples[-1][1]:g}")
    return "\n".join(lines) + "\n"


def _headers(world: World, answer: Answer) -> list[str]:
    return [
        f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, '')}",
        f"content-type: {answer.kind}",
        f"content-length: {len(answer.body.encode())}",
        f"date: {world.at(world.now_s):%a, %d %b %Y %H:%M:%S GMT}",
        "",
    ]


def _shown(world: World, call: Call, answer: Answer) -> str:
    head = "\r\n".join([*_headers(world, answer), ""])
    body = "" if call.on("head") else answer.body
    text = (head.replace("\r", "") if call.on("include") or call.on("head") else "") + body
    return "" if call.options.get("output") else text


def _verbose(world: World, url: str, call: Call, answer: Answer) -> str:
    host = re.sub(r"^\w+://", "", url).partition("/")[0]
    method = call.options.get("request") or (
        "POST" if call.on("data") else "HEAD" if call.on("head") else "GET"
    )
    path = "/" + re.sub(r"^\w+://", "", url).partition("/")[2]
    port = host.partition(":")[2] or ("443" if url.startswith("https") else "80")
    return (
        f"* Connected to {host.partition(':')[0]} port {port} (#0)\n> {method} {path} HTTP/1.1\n> Host: {host}\n> User-Agent: curl/7.88.1\n> Accept: */*\n> \n"
        + "".join(f"< {line}\n" for line in _headers(world, answer))
        + f"* Connection #0 to host {host.partition(':')[0]} left intact\n"
    )


def _written(call: Call, answer: Answer | None, url: str) -> str:
    form = call.options.get("write-out")
    if form is None:
        return ""
    took = answer.seconds if answer else 0.0
    values = {
        "http_code": f"{answer.status if answer else 0:03d}", "response_code": f"{answer.status if answer else 0:03d}",
        "time_total": f"{took:.6f}", "time_connect": "0.000812", "time_namelookup": "0.000341",
        "time_starttransfer": f"{took:.6f}", "size_download": str(len(answer.body.encode()) if answer else 0), "url_effective": url,
    }  # fmt: skip
    text = re.sub(r"%\{(\w+)\}", lambda m: values.get(m.group(1), ""), form)
    return text.replace("\\n", "\n").replace("\\t", "\t")


TOOLS: dict[str, Tool] = {
    "curl": Tool(
        "curl",
        run_curl,
        Text(ru="запрос к сервису или ко входу", en="a request to a service or the front door"),
        (
            "curl -s -o /dev/null -w '%{http_code} %{time_total}\\n' https://payments.example/v1/payments",
            "curl -s http://payment-service:8080/actuator/health",
            "curl -s http://payment-service:8080/actuator/info",
            "curl -s 'http://edge-lb:8404/stats;csv'",
        ),
    ),
    "wget": Tool(
        "wget",
        run_wget,
        Text(ru="запрос к сервису", en="a request to a service"),
        ("wget -qO- http://payment-service/metrics",),
    ),
    **SOCKETS,
}
