"""ping, traceroute, mtr: whether anybody answers at an address, and what stands between."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.balancer.names import address, resolve
from simulator.reply import Reply, failure

if TYPE_CHECKING:
    from simulator.world import World


def _target(world: World, argv: list[str]) -> tuple[str, str | None]:
    values = {
        n + 1
        for n, w in enumerate(argv)
        if w in ("-c", "-i", "-W", "-w", "-s", "-m", "-q", "-I", "-M", "-p", "-t", "-f")
        or (argv[0] == "mtr" and re.fullmatch(r"-[rwbnzT]*[cisfm]", w))
    }
    words = [w for n, w in enumerate(argv) if n and n not in values and not w.startswith("-")]
    host = words[0] if words else ""
    node = world.kubernetes.nodes.get(host.partition(".")[0])
    if node is not None:
        return host, node.internal_ip
    if re.fullmatch(r"10(?:\.\d{1,3}){3}", host):  # an address needs no name: nodes, pods, databases
        return host, host
    return host, resolve(world, host) if host else None


def _address(world: World, name: str) -> str:
    return name if name[:1].isdigit() else address(world, name)


def _silent(world: World, where: str) -> bool:
    """Whether nobody answers at an address: its machine is dead, or the one that a pod runs on."""
    cluster = world.kubernetes
    if any(node.internal_ip == where and node.down_s is not None for node in cluster.nodes.values()):
        return True
    return any(pod.ip == where and pod.lost for pod in cluster.pods.values())


def run_ping(world: World, argv: list[str], _stdin: str) -> Reply:
    host, name = _target(world, argv)
    if not host:
        return failure("ping: usage error: Destination address required", 1)
    if name is None:
        return failure(f"ping: {host}: Name or service not known", 2)
    counted = re.search(r"-c\s*(\d{1,2})\b", " ".join(argv))
    count = min(int(counted[1]), 10) if counted and int(counted[1]) else 3
    where = _address(world, name)
    lines = [f"PING {host} ({where}) 56(84) bytes of data."]
    if _silent(world, where):
        lost = (
            f"{count} packets transmitted, 0 received, 100% packet loss, time {max(0, count * 1024 - 1024)}ms"
        )
        return Reply(
            "\n".join([*lines, "", f"--- {host} ping statistics ---", lost]) + "\n\n",
            code=1,
            cost_s=float(count),
        )
    lines += [f"64 bytes from {where}: icmp_seq={n} ttl=63 time=0.{31 + n} ms" for n in range(1, count + 1)]
    end = (
        f"{count} packets transmitted, {count} received, 0% packet loss, time {max(0, count * 1001 - 1001)}ms"
    )
    tail = f"rtt min/avg/max/mdev = 0.32/0.{32 + count // 2}/0.{31 + count}/0.010 ms"
    return Reply(
        "\n".join([*lines, "", f"--- {host} ping statistics ---", end, tail]) + "\n", cost_s=float(count)
    )


def run_traceroute(world: World, argv: list[str], _stdin: str) -> Reply:
    host, name = _target(world, argv)
    if name is None:
        return failure(
            f'{host or "traceroute"}: Name or service not known\nCannot handle "host" cmdline arg `{host}\' on position 1 (argc 1)',
            2,
        )
    where = _address(world, name)
    silent = _silent(world, where)
    if argv[0] == "mtr":
        row = "  {}.|-- {:<20} 0.0%     3    0.3   0.3   0.3   0.4   0.0\n"
        if silent:
            first, last = (
                row.format(1, "10.20.0.1"),
                "  2.|-- ???                 100.0     3    0.0   0.0   0.0   0.0   0.0\n",
            )
            return Reply(
                f"HOST: bastion                Loss%   Snt   Last   Avg  Best  Wrst StDev\n{first}{last}",
                cost_s=3.0,
            )
        return Reply(
            f"HOST: bastion                Loss%   Snt   Last   Avg  Best  Wrst StDev\n{row.format(1, '10.20.0.1')}{row.format(2, where)}",
            cost_s=3.0,
        )
    if silent:
        hops = "".join(f"{n:2}  * * *\n" for n in range(2, 31))
        return Reply(
            f"traceroute to {host} ({where}), 30 hops max, 60 byte packets\n 1  10.20.0.1 (10.20.0.1)  0.214 ms  0.201 ms  0.198 ms\n{hops}",
            cost_s=3.0,
        )
    return Reply(
        f"traceroute to {host} ({where}), 30 hops max, 60 byte packets\n 1  10.20.0.1 (10.20.0.1)  0.214 ms  0.201 ms  0.198 ms\n"
        f" 2  {host} ({where})  0.331 ms  0.322 ms  0.318 ms\n", cost_s=3.0
    )  # fmt: skip
