"""`curl` and name look-ups against the simulated hosts. Nothing here opens a socket.

What a request meets is drawn from what the run shows for the last finished second.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.engine import streams
from simulator.reply import Reply, failure
from simulator.scenario import Balancer, Service, Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

TRY = "curl: try 'curl --help' or 'curl --manual' for more information"
REASONS = {200: "OK", 402: "Payment Required", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error",
           503: "Service Unavailable", 504: "Gateway Timeout"}  # fmt: skip
WITH_VALUE = {"o": "output", "w": "write-out", "X": "request", "d": "data", "H": "header", "m": "max-time", "u": "user",
              "A": "user-agent", "b": "cookie", "e": "referer"}  # fmt: skip
FLAGS = {"s": "silent", "S": "show-error", "i": "include", "I": "head", "v": "verbose", "k": "insecure", "L": "location",
         "f": "fail", "g": "globoff", "G": "get", "4": "ipv4", "6": "ipv6", "#": "progress-bar", "N": "no-buffer"}  # fmt: skip
LONG_VALUES = {
    *WITH_VALUE.values(),
    "connect-timeout",
    "retry",
    "data-raw",
    "data-binary",
    "url",
    "retry-delay",
    "resolve",
}
LONG_FLAGS = {
    *FLAGS.values(),
    "compressed",
    "http1.1",
    "http2",
    "no-progress-meter",
    "fail-with-body",
    "retry-all-errors",
}
GATEWAY_TIMEOUT = (
    "<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>\n"
)


class CurlError(Exception):
    """curl's own failure: its exit code and text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class Answer:
    status: int
    body: str
    seconds: float
    kind: str = "application/json"


@dataclass
class Call:
    urls: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)

    def on(self, name: str) -> bool:
        return name in self.options


def read(argv: list[str]) -> Call:
    """Raises CurlError with curl's text for an unknown option."""
    call = Call()
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name = word[2:]
            if name in LONG_VALUES:
                call.options[name] = _value(words, word)
            elif name in LONG_FLAGS:
                call.options[name] = ""
            else:
                raise CurlError(2, f"curl: option {word}: is unknown\n{TRY}")
        elif word.startswith("-") and len(word) > 1:
            rest = word[1:]
            while rest:
                letter, rest = rest[0], rest[1:]
                if letter in WITH_VALUE:
                    call.options[WITH_VALUE[letter]] = rest or _value(words, f"-{letter}")
                    rest = ""
                elif letter in FLAGS:
                    call.options[FLAGS[letter]] = ""
                else:
                    raise CurlError(2, f"curl: option -{letter}: is unknown\n{TRY}")
        else:
            call.urls.append(word)
    if call.on("url"):
        call.urls.append(call.options["url"])
    if not call.urls:
        raise CurlError(2, f"curl: no URL specified!\n{TRY}")
    return call


def _value(words: list[str], option: str) -> str:
    if not words:
        raise CurlError(2, f"curl: option {option}: requires parameter\n{TRY}")
    return words.pop(0)


URL = re.compile(r"^(?:(\w+)://)?([\w.-]*)(?::(\d+))?([/;?].*)?$")


def run_curl(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        call = read(argv)
    except CurlError as error:
        return failure(str(error), error.code)
    out, err, code, cost = "", "", 0, 1.0
    for number, url in enumerate(call.urls[:10]):
        try:
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
            out += _shown(call, answer)
        if call.on("verbose"):
            err += _verbose(url, call, answer)
        out += _written(call, answer, url)
    return Reply(out, err, code, min(cost, 60.0))


def fetch(world: World, url: str, call: Call, number: int) -> Answer:
    """Raises CurlError as curl would."""
    other = re.match(r"(\w+)://", url)
    if other and other.group(1).lower() not in ("http", "https"):
        raise CurlError(1, f'curl: (1) Protocol "{other.group(1)}" not supported or disabled in libcurl')
    match = URL.match(url) if len(url) < 2000 else None
    if match is None or not match.group(2):
        raise CurlError(3, "curl: (3) URL using bad/illegal format or missing URL")
    _, host, port, path = match.groups()
    name = resolve(world, host)
    if name is None:
        raise CurlError(6, f"curl: (6) Could not resolve host: {host}")
    part = world.scenario.components[name]
    ports = ("", "80", "8080", "443", "8404") if isinstance(part, Service | Balancer) else ()
    if (port or "") not in ports:
        raise CurlError(
            7,
            f"curl: (7) Failed to connect to {host} port {port or '80'} after 1 ms: Couldn't connect to server",
        )
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


def _number(text: str | None) -> bool:
    return bool(text) and re.fullmatch(r"\d+(?:\.\d+)?", text or "") is not None


def resolve(world: World, host: str) -> str | None:
    """The component behind a host name in any of its usual forms."""
    parts = host.lower().split(".")
    if parts[0] in world.scenario.components and parts[1:] in (
        [], [world.scenario.namespace], [world.scenario.namespace, "svc"], [world.scenario.namespace, "svc", "cluster", "local"],
    ):  # fmt: skip
        return parts[0]
    if host.lower() in ("shop.example", "www.shop.example", "payments.example", "api.shop.example"):
        return world.scenario.traffic.entry
    return None


def _answer(world: World, name: str, path: str, number: int) -> Answer:
    part = world.scenario.components[name]
    plain = path.partition("?")[0].rstrip("/") or "/"
    if isinstance(part, Balancer):
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
    """What Prometheus would scrape from a service now."""
    lines = []
    for labels, samples in world.telemetry.select(None, [], world.now_s - 60, world.now_s):
        if name in labels.values():
            shown = ",".join(f'{k}="{v}"' for k, v in sorted(labels.items()) if k != "__name__")
            lines.append(f"{labels['__name__']}{{{shown}}} {samples[-1][1]:g}")
    return "\n".join(lines) + "\n"


def _shown(call: Call, answer: Answer) -> str:
    head = f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, '')}\r\ncontent-type: {answer.kind}\r\ncontent-length: {len(answer.body.encode())}\r\n\r\n"
    body = "" if call.on("head") else answer.body
    text = (head.replace("\r", "") if call.on("include") or call.on("head") else "") + body
    return "" if call.options.get("output") else text


def _verbose(url: str, call: Call, answer: Answer) -> str:
    host = re.sub(r"^\w+://", "", url).partition("/")[0]
    method = call.options.get("request") or ("POST" if call.on("data") else "GET")
    return (
        f"* Connected to {host} port 80 (#0)\n> {method} / HTTP/1.1\n> Host: {host}\n> User-Agent: curl/7.88.1\n> Accept: */*\n> \n"
        f"< HTTP/1.1 {answer.status} {REASONS.get(answer.status, '')}\n< content-type: {answer.kind}\n< \n"
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


HEADER = ("# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,"
          "chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,"
          "check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other")  # fmt: skip


def haproxy_stats(world: World) -> str:
    """HAProxy's CSV: a frontend, and a backend a traffic class, with counters since the start."""
    history = world.plane.history
    rows = [HEADER]
    for number, name in enumerate(world.scenario.traffic.classes, 2):
        base = f"class/{name}/"
        total = {
            k: round(sum(history.column(base + k)))
            for k in ("ok", "declined", "rejected", "timeout", "error", "offered")
        }
        rate = round(history.last(base + "offered"))
        errors = total["rejected"] + total["timeout"] + total["error"]
        cells = [name, "BACKEND", "0", "0", str(max(0, total["offered"] - total["ok"] - total["declined"] - errors)), "0", "2000",
                 str(total["offered"]), "0", "0", "0", "0", "", "0", str(errors), "0", "0", "UP", "8", "8", "0", "", "0", "3600000",
                 "0", "", "1", str(number), "0", "", str(total["offered"]), "", "1", str(rate), "", "0", "", "", "", "0",
                 str(total["ok"]), "0", str(total["declined"]), str(errors), "0"]  # fmt: skip
        rows.append(",".join(cells))
    return "\n".join(rows) + "\n"


def run_socat(world: World, argv: list[str], stdin: str) -> Reply:
    if any("haproxy" in word for word in argv[1:]) and stdin.strip().startswith("show stat"):
        return Reply(haproxy_stats(world) + "\n")
    return failure("socat: E unknown command or socket: /var/run/haproxy.sock answers 'show stat'", 1)


def _address(world: World, name: str) -> str:
    service = world.kubernetes.services.get(name)
    key = streams.key_of(1, "address", name)
    return service.cluster_ip if service else f"10.0.2.{20 + streams.below(key, 0, 200)}"


def run_dig(world: World, argv: list[str], _stdin: str) -> Reply:
    hosts = [
        w
        for w in argv[1:]
        if not w.startswith(("+", "-", "@")) and w.upper() not in ("A", "AAAA", "ANY", "SRV")
    ]
    if not hosts:
        return failure("dig: no name given; for example: dig payment-service", 1)
    name = resolve(world, hosts[0].rstrip("."))
    if name == world.scenario.traffic.entry and "dns" in world.rooms:
        from simulator.dns.tools import dig

        return Reply(dig(world, argv[1:], hosts[0]))
    if "+short" in argv:
        return Reply(_address(world, name) + "\n" if name else "")
    status = "NOERROR" if name else "NXDOMAIN"
    answer = f"\n;; ANSWER SECTION:\n{hosts[0]}.\t\t30\tIN\tA\t{_address(world, name)}\n" if name else ""
    return Reply(
        f"; <<>> DiG 9.18.28 <<>> {' '.join(argv[1:])}\n;; ->>HEADER<<- opcode: QUERY, status: {status}, id: 4711\n\n"
        f";; QUESTION SECTION:\n;{hosts[0]}.\t\t\tIN\tA\n{answer}\n;; Query time: 1 msec\n;; SERVER: 10.96.0.10#53\n"
    )


def run_nslookup(world: World, argv: list[str], _stdin: str) -> Reply:
    host = argv[1] if len(argv) > 1 else ""
    name = resolve(world, host)
    head = "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\n"
    if name is None:
        return Reply(head + f"** server can't find {host}: NXDOMAIN\n\n", code=1)
    return Reply(head + f"Name:\t{host}\nAddress: {_address(world, name)}\n\n")


def run_nc(world: World, argv: list[str], _stdin: str) -> Reply:
    words = [w for w in argv[1:] if not w.startswith("-")]
    if len(words) < 2 or not words[1].isdigit():
        return failure("nc: usage: nc -vz HOST PORT", 1)
    name = resolve(world, words[0]) or (words[0] if words[0] == "pgbouncer" else None)
    if name is None:
        return failure(f'nc: getaddrinfo for host "{words[0]}" port {words[1]}: Name or service not known', 1)
    known = {"pgbouncer": ("6432",)}.get(name, ("80", "8080", "443", "5432"))
    if words[1] not in known:
        return failure(f"nc: connect to {words[0]} port {words[1]} (tcp) failed: Connection refused", 1)
    return Reply(err=f"Connection to {words[0]} {words[1]} port [tcp/*] succeeded!\n")


def run_ss(world: World, argv: list[str], _stdin: str) -> Reply:
    """Sockets as the database's side sees them."""
    rows = []
    for name in world.scenario.databases():
        for pool in world.plane.pools(name):
            port = 6432 if pool.via else 5432
            rows.append((f"{name}:{port}", round(pool.active + pool.waiting)))
    total = sum(n for _, n in rows)
    if any("s" in w for w in argv[1:] if w.startswith("-")):
        return Reply(
            f"Total: {total + 42}\nTCP:   {total + 12} (estab {total}, closed 4, orphaned 0, timewait 4)\n"
        )
    lines = ["State  Recv-Q Send-Q Local Address:Port  Peer Address:Port  Connections"]
    lines += [f"ESTAB  0      0      10.244.7.2         {peer:<18} {n}" for peer, n in rows]
    return Reply("\n".join(lines) + "\n")


NOT_HERE = Text(
    ru="{0}: здесь не моделируется; есть curl, dig, nc -vz, ss",
    en="{0}: not simulated here; there are curl, dig, nc -vz, ss",
)


def run_not_here(world: World, argv: list[str], _stdin: str) -> Reply:
    return failure(NOT_HERE.of(world.language).format(argv[0]))


def run_ping(world: World, argv: list[str], _stdin: str) -> Reply:
    words = [w for n, w in enumerate(argv[1:]) if not w.startswith("-") and argv[n] != "-c"]
    name = resolve(world, words[0]) if words else None
    if name is None:
        return failure(f"ping: {words[0] if words else ''}: Name or service not known", 2)
    address = _address(world, name)
    lines = [f"PING {words[0]} ({address}) 56(84) bytes of data."]
    lines += [f"64 bytes from {address}: icmp_seq={n} ttl=63 time=0.{31 + n} ms" for n in range(1, 4)]
    return Reply(
        "\n".join(
            [
                *lines,
                "",
                f"--- {words[0]} ping statistics ---",
                "3 packets transmitted, 3 received, 0% packet loss, time 2003ms",
            ]
        )
        + "\n",
        cost_s=3.0,
    )


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
    "socat": Tool("socat", run_socat, Text(ru="сокет HAProxy", en="HAProxy's socket")),
    "dig": Tool("dig", run_dig, Text(ru="имена DNS", en="DNS names"), ("dig +short payment-service",)),
    "nslookup": Tool("nslookup", run_nslookup, Text(ru="имена DNS", en="DNS names")),
    "host": Tool("host", run_nslookup, Text(ru="имена DNS", en="DNS names")),
    "nc": Tool(
        "nc", run_nc, Text(ru="открыт ли порт", en="whether a port is open"), ("nc -vz pgbouncer 6432",)
    ),
    "ss": Tool("ss", run_ss, Text(ru="соединения", en="connections"), ("ss -tn", "ss -s")),
    "ping": Tool("ping", run_ping, Text(ru="отклик хоста", en="whether a host answers")),
    **{
        n: Tool(n, run_not_here, Text(ru="не моделируется", en="not simulated"))
        for n in ("traceroute", "tcpdump", "mtr")
    },
}
