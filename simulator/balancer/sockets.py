"""Names, ports and connections: dig, nslookup, getent, nc, telnet, ss, netstat, ping, traceroute, haproxy's socket.

Nothing here opens a socket: who listens where and how many connections stand follows from the world.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.balancer.certificates import run_openssl
from simulator.balancer.names import address, listeners, named, resolve
from simulator.balancer.paths import run_ping, run_traceroute
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

TYPES = ("A", "AAAA", "ANY", "SRV", "CNAME", "MX", "NS", "TXT", "SOA", "PTR", "CAA")
SERVER = "10.96.0.10"


DIG_USAGE = (
    "Usage:  dig [@global-server] [domain] [q-type] [q-class] {q-opt}\n            {global-d-opt} host [@local-server] {local-d-opt}\n"
    '            [ host [@local-server] {local-d-opt} [...]]\n\nUse "dig -h" (or "dig -h | more") for complete list of options\n'
)
DIG_OPTIONS = (
    "short noall all answer authority additional question comments stats trace tcp vc recurse search tries time timeout retry ndots dnssec "
    "edns bufsize multiline cmd nssearch identify qr aaonly adflag cdflag besteffort bad cookie subnet ttlid class keepopen"
).split()  # fmt: skip


def _unknown(option: str) -> bool:
    name = option.partition("=")[0]
    return name not in DIG_OPTIONS and name.removeprefix("no") not in DIG_OPTIONS


def _dig_head(world: World, argv: list[str], status: str, answers: int) -> str:
    """The lines above the sections."""
    number = 1 + (zlib.crc32(" ".join(argv).encode()) + int(world.now_s * 1000)) % 65_535
    return (
        f"\n; <<>> DiG 9.18.28 <<>> {' '.join(argv[1:])}\n;; global options: +cmd\n;; Got answer:\n"
        f";; ->>HEADER<<- opcode: QUERY, status: {status}, id: {number}\n"
        f";; flags: qr aa rd ra; QUERY: 1, ANSWER: {answers}, AUTHORITY: {0 if answers else 1}, ADDITIONAL: 1\n\n"
        ";; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: 1232\n"
    )


def _dig_foot(world: World, name: str, answer: str) -> str:
    """Who is responsible, when there is no answer, and the lines below the sections."""
    zone = "cluster.local."
    soa = f"{zone}\t\t30\tIN\tSOA\tns.dns.{zone} hostmaster.{zone} {int(world.at(0.0).timestamp())} 7200 1800 86400 30\n"
    section = f"\n;; ANSWER SECTION:\n{answer}" if answer else f"\n;; AUTHORITY SECTION:\n{soa}"
    return (
        f"{section}\n;; Query time: 1 msec\n;; SERVER: {SERVER}#53({SERVER}) (UDP)\n"
        f";; WHEN: {world.at(world.now_s):%a %b %d %H:%M:%S UTC %Y}\n;; MSG SIZE  rcvd: {len(name) + (57 if answer else 104)}\n\n"
    )


# -- names
def run_dig(world: World, argv: list[str], _stdin: str) -> Reply:
    wrong = next((w for w in argv[1:] if w.startswith("+") and _unknown(w[1:])), "")
    if wrong:
        return failure(f"Invalid option: {wrong}\n{DIG_USAGE}", 1)
    if "-v" in argv:
        return Reply(err="DiG 9.18.28-1~deb12u2-Debian\n")
    words = [w for w in argv[1:] if not w.startswith(("+", "-", "@"))]
    kind = next((w.upper() for w in words if w.upper() in TYPES), "A")
    hosts = [w for w in words if w.upper() not in (*TYPES, "IN")]
    if "-x" in argv:
        return _reverse(world, argv, hosts[0] if hosts else "")
    if not hosts:
        return failure("dig: no name given; for example: dig payment-service", 1)
    name = resolve(world, _bare(hosts[0]))
    if name == world.scenario.traffic.entry and "dns" in world.rooms and kind in ("A", "ANY"):
        from simulator.dns.tools import dig

        return Reply(dig(world, argv[1:], hosts[0]))
    found = address(world, name) if name else ""
    data = {"A": found, "ANY": found, "SRV": f"0 100 80 {_bare(hosts[0])}."}.get(kind, "") if found else ""
    if "+short" in argv:
        return Reply(data + "\n" if data else "")
    answer = f"{hosts[0].rstrip('.')}.\t\t30\tIN\t{kind if kind != 'ANY' else 'A'}\t{data}\n" if data else ""
    if "+noall" in argv:
        return Reply(answer if "+answer" in argv else "")
    trace = (
        "".join(f"{zone}\t\t518400\tIN\tNS\tns.{zone}\n" for zone in (".", "com.")) + "\n"
        if "+trace" in argv
        else ""
    )
    return Reply(
        f"{trace}{_dig_head(world, argv, 'NOERROR' if name else 'NXDOMAIN', int(bool(answer)))}"
        f";; QUESTION SECTION:\n;{hosts[0].rstrip('.')}.\t\t\tIN\t{kind}\n{_dig_foot(world, hosts[0], answer)}"
    )


def _bare(host: str) -> str:
    """A name without its closing dot and a service record's labels."""
    return re.sub(r"^_[\w-]+\._(?:tcp|udp)\.", "", host.rstrip("."))


def _reverse(world: World, argv: list[str], wanted: str) -> Reply:
    found = next((n for n in named(world) if address(world, n) == wanted), "")
    full = f"{found}.{world.scenario.namespace}.svc.cluster.local." if found else ""
    full = "kube-dns.kube-system.svc.cluster.local." if wanted == SERVER else full
    if "+short" in argv:
        return Reply(full + "\n" if full else "")
    name = ".".join(reversed(wanted.split("."))) + ".in-addr.arpa."
    answer = f"{name}\t30\tIN\tPTR\t{full}\n" if full else ""
    return Reply(
        f"{_dig_head(world, argv, 'NOERROR' if full else 'NXDOMAIN', int(bool(answer)))}"
        f";; QUESTION SECTION:\n;{name}\t\tIN\tPTR\n{_dig_foot(world, name, answer)}"
    )


def run_nslookup(world: World, argv: list[str], _stdin: str) -> Reply:
    words = [word for word in argv[1:] if not word.startswith("-")]
    host = words[0] if words else ""
    name = resolve(world, _bare(host))
    if argv[0] == "host":
        if name is None:
            return Reply(f"Host {host} not found: 3(NXDOMAIN)\n", code=1)
        return Reply(f"{host} has address {address(world, name)}\n")
    head = f"Server:\t\t{SERVER}\nAddress:\t{SERVER}#53\n\n"
    if name is None:
        return Reply(head + f"** server can't find {host}: NXDOMAIN\n\n", code=1)
    return Reply(head + f"Name:\t{host}\nAddress: {address(world, name)}\n\n")


def run_getent(world: World, argv: list[str], _stdin: str) -> Reply:
    if len(argv) < 3 or argv[1] not in ("hosts", "ahosts", "ahostsv4"):
        return Reply(code=2)
    name = resolve(world, argv[2])
    return Reply(f"{address(world, name):<15} {argv[2]}\n") if name else Reply(code=2)


# -- ports
def run_nc(world: World, argv: list[str], stdin: str) -> Reply:
    if any("haproxy" in word for word in argv[1:]):
        return run_socat(world, argv, stdin)
    values = {n + 1 for n, w in enumerate(argv) if w in ("-w", "-i", "-p", "-s", "-q")}
    words = [w for n, w in enumerate(argv) if n and n not in values and not w.startswith("-")]
    if len(words) < 2 or not words[1].isdigit():
        return failure("nc: usage: nc [-vzuU] [-w SECONDS] HOST PORT", 1)
    host, port = words[0], words[1]
    name = resolve(world, host)
    if name is None:
        return failure(f'nc: getaddrinfo for host "{host}" port {port}: Name or service not known', 1)
    loud = any("v" in w for w in argv[1:] if w.startswith("-"))
    if port not in listeners(world, name):
        text = f"nc: connect to {host} ({address(world, name)}) port {port} (tcp) failed: Connection refused"
        return failure(text, 1) if loud else Reply(code=1)
    return Reply(
        err=f"Connection to {host} ({address(world, name)}) {port} port [tcp/*] succeeded!\n" if loud else ""
    )


def run_telnet(world: World, argv: list[str], _stdin: str) -> Reply:
    host, port = [*argv[1:], "", ""][:2]
    if not host:
        return failure("Usage: telnet HOST [PORT]", 1)
    name = resolve(world, host)
    if name is None:
        return failure(f"telnet: could not resolve {host}/{port or 'telnet'}: Name or service not known", 1)
    if (port or "23") not in listeners(world, name):
        return Reply(
            f"Trying {address(world, name)}...\n",
            "telnet: Unable to connect to remote host: Connection refused\n",
            1,
        )
    return Reply(
        f"Trying {address(world, name)}...\nConnected to {host}.\nEscape character is '^]'.\nConnection closed by foreign host.\n",
        code=1,
    )


def connections(world: World) -> list[tuple[str, int, int]]:
    """(peer, port, how many connections stand) as the services' hosts see them."""
    rows = []
    for name in world.scenario.databases():
        for pool in world.plane.pools(name):
            rows.append((name, 6432 if pool.via else 5432, round(pool.active + pool.waiting)))
    return rows


SS_LONG = {"all", "listening", "tcp", "udp", "processes", "numeric", "summary", "extended", "memory", "info", "options", "no-header",
           "ipv4", "ipv6", "unix", "oneline", "help", "version", "resolve", "kill"}  # fmt: skip
SS_LETTERS = set("altupnsemioHO460wxrKhVZEbdDN")
STATES = {"established": "ESTAB", "time-wait": "TIME-WAIT", "close-wait": "CLOSE-WAIT", "listening": "LISTEN", "syn-sent": "SYN-SENT",
          "all": "", "connected": "", "synchronized": "", "fin-wait-1": "FIN-WAIT-1", "fin-wait-2": "FIN-WAIT-2", "last-ack": "LAST-ACK",
          "syn-recv": "SYN-RECV", "closed": "UNCONN", "bucket": "TIME-WAIT", "big": ""}  # fmt: skip
SHOWN = 2000  # rows of one peer


def _ss_problem(argv: list[str]) -> str:
    for word in argv[1:]:
        if word.startswith("--") and word[2:].partition("=")[0] not in SS_LONG:
            return f"ss: unrecognized option '{word}'"
        if re.match(r"-[^-]", word):
            bad = next((letter for letter in word[1:] if letter not in SS_LETTERS), "")
            if bad:
                return f"ss: invalid option -- '{bad}'"
    return ""


def run_ss(world: World, argv: list[str], _stdin: str) -> Reply:
    """Sockets of the services' hosts: every connection to a database is one line."""
    problem = _ss_problem(argv)
    if problem:
        return failure(problem + "\nUsage: ss [ OPTIONS ]\n       ss [ OPTIONS ] [ FILTER ]", 255)
    letters = "".join(w[1:] for w in argv[1:] if re.match(r"-[^-]", w))
    total = sum(n for _, _, n in connections(world))
    if "s" in letters or "--summary" in argv:
        return Reply(
            f"Total: {total + 42}\nTCP:   {total + 12} (estab {total}, closed 4, orphaned 0, timewait 4)\n\n"
            f"Transport Total     IP        IPv6\nRAW\t  0         0         0        \nUDP\t  4         4         0        \n"
            f"TCP\t  {total + 8:<9} {total + 8:<9} 0        \n"
        )
    text = " ".join(argv[1:])
    rows = [row for row in _rows(world, letters) if _passes(row, text)]
    head = "State  Recv-Q Send-Q  Local Address:Port     Peer Address:Port  Process\n"
    lines = "".join(
        f"{state:<6} {0:<6} {128 if state == 'LISTEN' else 0:<7} {local:>21} {peer:>21}\n"
        for state, local, peer in rows
    )
    return Reply(("" if "H" in letters or "--no-header" in argv else head) + lines)


def _rows(world: World, letters: str) -> list[tuple[str, str, str]]:
    listening = [("LISTEN", f"0.0.0.0:{port}", "0.0.0.0:*") for port in (22, 8080, 9100)]
    if "l" in letters:
        return listening
    rows = []
    for name, port, count in connections(world):
        for number in range(min(count, SHOWN)):
            rows.append(("ESTAB", f"10.244.7.2:{32768 + number * 7}", f"{address(world, name)}:{port}"))
    return [
        *(listening if "a" in letters else []),
        *rows,
        *([("TIME-WAIT", "10.244.7.2:51812", "10.244.3.9:8080")] * 4 if "a" in letters else []),
    ]


def _passes(row: tuple[str, str, str], text: str) -> bool:
    """The part of ss's filters that people type: a state and ports."""
    state = re.search(r"\bstate (\S+)", text)
    if state and STATES.get(state[1], state[1].upper()) not in ("", row[0]):
        return False
    for which, at in (("dport|dst", 2), ("sport|src", 1)):
        port = re.search(rf"\b(?:{which})\s*(?:=|==|eq)?\s*\S*:(\d+)", text)
        if port and not row[at].endswith(":" + port[1]):
            return False
    return True


def run_netstat(world: World, argv: list[str], _stdin: str) -> Reply:
    letters = "".join(w[1:] for w in argv[1:] if re.match(r"-[^-]", w))
    if "s" in letters:
        total = sum(n for _, _, n in connections(world))
        return Reply(
            f"Tcp:\n    {total * 40} active connection openings\n    12 failed connection attempts\n    {total} connections established\n    211 segments retransmitted\n"
        )
    if "r" in letters:
        return Reply(
            "Kernel IP routing table\nDestination     Gateway         Genmask         Flags   Iface\n0.0.0.0         10.20.0.1       0.0.0.0         UG      eth0\n"
        )
    rows = _rows(world, letters.replace("a", "") + ("a" if "a" in letters else ""))
    names = {"ESTAB": "ESTABLISHED", "TIME-WAIT": "TIME_WAIT"}
    lines = ["Active Internet connections " + ("(only servers)" if "l" in letters else "(servers and established)" if "a" in letters else "(w/o servers)"),
             "Proto Recv-Q Send-Q Local Address           Foreign Address         State"]  # fmt: skip
    lines += [
        f"tcp        0      0 {local:<23} {peer:<23} {names.get(state, state)}" for state, local, peer in rows
    ]
    return Reply("\n".join(lines) + "\n")


NO_CAPTURE = Text(
    ru="{0}: у роли oncall нет прав на захват пакетов; соединения покажут ss и curl -v, запросы — trace list",
    en="{0}: the on-call role may not capture packets; connections are in ss and curl -v, requests in trace list",
)


def run_capture(world: World, argv: list[str], _stdin: str) -> Reply:
    text = (
        "tcpdump: eth0: You don't have permission to perform this capture on that device\n"
        if argv[0] == "tcpdump"
        else ""
    )
    return failure(text + NO_CAPTURE.of(world.language).format(argv[0]), 1)


# -- haproxy's socket
def run_socat(world: World, argv: list[str], stdin: str) -> Reply:
    """The runtime API: `show stat | info | servers state | sess | errors | pools | table | backend`."""
    from simulator.balancer.runtime import answer

    if not any("haproxy" in word for word in argv[1:]):
        where = next((w for w in argv[1:] if "/" in w or ":" in w), "")
        return failure(
            f'2026/11/20 14:02:30 socat[4711] E connect(5, AF=1 "{where[:100]}", 20): No such file or directory',
            1,
        )
    return Reply(
        "".join(
            answer(world, command.strip()) + "\n"
            for line in stdin.splitlines()
            for command in line.split(";")
            if command.strip()
        )
    )


Run = Callable[["World", list[str], str], Reply]
_NETWORK = Text(ru="путь до хоста", en="the way to a host")
_PORT = Text(ru="открыт ли порт", en="whether a port is open")
_DNS = Text(ru="имена DNS", en="DNS names")
_SOCKETS = Text(ru="соединения", en="connections")
TOOLS: dict[str, Tool] = {
    "socat": Tool("socat", run_socat, Text(ru="сокет HAProxy", en="HAProxy's socket"), ('echo "show stat" | socat stdio /var/run/haproxy.sock',)),
    "dig": Tool("dig", run_dig, _DNS, ("dig +short payment-service",)),
    "nslookup": Tool("nslookup", run_nslookup, _DNS),
    "host": Tool("host", run_nslookup, _DNS),
    "getent": Tool("getent", run_getent, _DNS),
    "nc": Tool("nc", run_nc, _PORT, ("nc -vz pgbouncer 6432",)),
    "ncat": Tool("ncat", run_nc, _PORT),
    "telnet": Tool("telnet", run_telnet, _PORT),
    "ss": Tool("ss", run_ss, _SOCKETS, ("ss -tn", "ss -s", "ss -tan 'dport = :6432'")),
    "netstat": Tool("netstat", run_netstat, _SOCKETS),
    "ping": Tool("ping", run_ping, Text(ru="отклик хоста", en="whether a host answers")),
    "traceroute": Tool("traceroute", run_traceroute, _NETWORK),
    "tracepath": Tool("tracepath", run_traceroute, _NETWORK),
    "mtr": Tool("mtr", run_traceroute, _NETWORK),
    "tcpdump": Tool("tcpdump", run_capture, _NETWORK),
    "openssl": Tool("openssl", run_openssl, Text(ru="сертификат входа", en="the front door's certificate")),
}  # fmt: skip
