"""What the machine itself says: top, free, df, ps, vmstat, ip and their like, of the bastion or inside a pod.

The bastion is idle whatever happens in production; its figures are fixed. A pod's come from what the metrics server
says of it. Nothing of the machine that runs the simulator is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.shell.home import HOSTNAME
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

MI = 1024  # KiB in a MiB


@dataclass(frozen=True)
class Place:
    """A machine or a container as its own tools see it. Memory in KiB, CPU in cores."""

    name: str
    address: str
    cores: int
    cpu: float
    total: int
    used: int
    processes: tuple[tuple[int, str, float, float, str], ...]  # pid, user, %CPU, %MEM, command
    inside: bool = False
    age_s: float = 41.5 * 86_400  # how long it has been up


def bastion() -> Place:
    commands = (
        (1, "root", 0.0, 0.3, "/sbin/init"),
        (412, "root", 0.0, 0.2, "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"),
        (9120, "oncall", 0.1, 0.2, "-bash"),
    )
    return Place(HOSTNAME, "10.20.0.5", 2, 0.04, 4_015_672, 612_348, commands)


def called(command: str) -> str:
    """A process's name by its command: `-bash` is bash."""
    return command.split(maxsplit=1)[0].lstrip("-").rpartition("/")[2]


def _started(world: World, place: Place) -> tuple[str, float]:
    """ps's START of what has run since the beginning, and its CPU seconds."""
    began = world.at(world.now_s - place.age_s)
    today = began.date() == world.at(world.now_s).date()
    return f"{began:%H:%M}" if today else f"{began:%b%d}", place.cpu * place.age_s


def memory(place: Place) -> dict[str, int]:
    """free's columns in KiB."""
    cache = 0 if place.inside else place.total // 4
    free = place.total - place.used - cache
    return {
        "total": place.total, "used": place.used, "free": free, "shared": 1_204, "cache": cache,
        "available": free + cache * 9 // 10,
    }  # fmt: skip


def _human(kib: float) -> str:
    for unit in ("Ki", "Mi", "Gi"):
        if kib < 1024:
            return f"{kib:.1f}{unit}" if kib < 10 and unit != "Ki" else f"{kib:.0f}{unit}"
        kib /= 1024
    return f"{kib:.1f}Ti"


def _free(_world: World, place: Place, argv: list[str]) -> Reply:
    letters = "".join(word.lstrip("-") for word in argv[1:] if word.startswith("-"))
    scale = {"m": MI, "g": MI * MI}.get(next((c for c in letters if c in "mg"), ""), 1)
    show: Callable[[int], str] = _human if "h" in letters else lambda kib: str(kib // scale)
    got = memory(place)
    head = f"{'':13}{'total':>12}{'used':>12}{'free':>12}{'shared':>12}{'buff/cache':>12}{'available':>12}\n"
    row = "".join(f"{show(got[k]):>12}" for k in ("total", "used", "free", "shared", "cache", "available"))
    zero = show(0)
    return Reply(head + f"{'Mem:':<13}{row}\n{'Swap:':<13}{zero:>12}{zero:>12}{zero:>12}\n")


def human(kib: float) -> str:
    """du's and df's form: 41G, 512M."""
    return _human(kib).removesuffix("i")


def _df(_world: World, place: Place, argv: list[str]) -> Reply:
    letters = "".join(word.lstrip("-") for word in argv[1:] if word.startswith("-"))
    disk = "overlay" if place.inside else "/dev/vda1"
    disks = (
        (disk, 41_152_812, 9_437_184, "/"),
        ("tmpfs", 65_536, 0, "/dev"),
        ("tmpfs", place.total // 2, 1_204, "/run"),
    )
    if "i" in letters:
        rows = [("Filesystem", "Inodes", "IUsed", "IFree", "IUse%", "Mounted on")]
        rows += [(d, str(size // 16), str(used // 90), str(size // 16 - used // 90), f"{used * 100 // 90 // (size // 16)}%", at)
                 for d, size, used, at in disks]  # fmt: skip
    else:
        readable = "h" in letters
        show: Callable[[int], str] = human if readable else str
        rows = [
            (
                "Filesystem",
                "Size" if readable else "1K-blocks",
                "Used",
                "Avail" if readable else "Available",
                "Use%",
                "Mounted on",
            )
        ]
        rows += [
            (d, show(size), show(used), show(size - used), f"{-(-used * 100 // size)}%", at)
            for d, size, used, at in disks
        ]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [
        f"{r[0]:<{widths[0]}} " + " ".join(f"{r[i]:>{widths[i]}}" for i in range(1, 5)) + f" {r[5]}"
        for r in rows
    ]
    return Reply("\n".join(lines) + "\n")


def _ps(world: World, place: Place, argv: list[str]) -> Reply:
    letters = "".join(argv[1:])
    start, spent = _started(world, place)
    now = world.at(world.now_s).strftime("%H:%M")

    def began(pid: int) -> str:
        return start if pid == 1 else now if pid == 9_377 else "09:12" if not place.inside else start

    def took(pid: int) -> int:
        return int(spent) if pid == 1 and place.inside else 0

    own = (*place.processes, (9_377, place.processes[-1][1], 0.0, 0.1, " ".join(argv)))
    if "aux" in letters or "u" in letters.replace("-", ""):
        lines = ["USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND"]
        lines += [f"{user:<8} {pid:>7} {cpu:>4.1f} {mem:>4.1f} {round(place.total * mem / 60):>6} {round(place.total * mem / 100):>5} "
                  f"{'pts/0' if user == 'oncall' else '?':<8} {'R+' if pid == 9_377 else 'Ss':<4} {began(pid):<5} {took(pid) // 60:>3}:{took(pid) % 60:02} {text}" for pid, user, cpu, mem, text in own]  # fmt: skip
    elif "e" in letters or "f" in letters:
        lines = ["UID          PID    PPID  C STIME TTY          TIME CMD"]
        lines += [f"{user:<8} {pid:>7} {1 if pid > 1 else 0:>7}  {round(cpu)} {began(pid):<5} {'pts/0' if user == 'oncall' else '?':<8} {took(pid) // 3600:02}:{took(pid) // 60 % 60:02}:{took(pid) % 60:02} {text}"
                  for pid, user, cpu, _, text in own]  # fmt: skip
    else:
        lines = ["    PID TTY          TIME CMD"]
        lines += [f"{pid:>7} pts/0    00:00:00 {called(text)}" for pid, _, _, _, text in own[-2:]]
    return Reply("\n".join(lines) + "\n")


def _top(world: World, place: Place, _argv: list[str]) -> Reply:
    now = world.at(world.now_s)
    busy, got = 100 * place.cpu / place.cores, memory(place)
    load = f"{place.cpu:.2f}, {place.cpu:.2f}, {place.cpu:.2f}"
    lines = [
        f"top - {now:%H:%M:%S} up 41 days,  1 user,  load average: {load}",
        f"Tasks: {len(place.processes) + 1:>3} total,   1 running, {len(place.processes):>3} sleeping,   0 stopped,   0 zombie",
        f"%Cpu(s): {busy * 0.8:>4.1f} us, {busy * 0.2:>4.1f} sy,  0.0 ni, {100 - busy:>5.1f} id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st",
        f"MiB Mem : {got['total'] / MI:>8.1f} total, {got['free'] / MI:>8.1f} free, {got['used'] / MI:>8.1f} used, {got['cache'] / MI:>8.1f} buff/cache",
        f"MiB Swap:      0.0 total,      0.0 free,      0.0 used. {got['available'] / MI:>8.1f} avail Mem",
        "",
        "    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND",
    ]  # fmt: skip
    order = sorted(place.processes, key=lambda p: (-p[2], p[0]))
    lines += [f"{pid:>7} {user:<8}  20   0 {round(place.total * mem / 60):>7} {round(place.total * mem / 100):>6}   8212 S {cpu:>5.1f} {mem:>5.1f}   0:04.11 "
              + text.split()[0].rpartition("/")[2] for pid, user, cpu, mem, text in order]  # fmt: skip
    return Reply("\n".join(lines) + "\n")


def _vmstat(_world: World, place: Place, argv: list[str]) -> Reply:
    busy, got = round(100 * place.cpu / place.cores), memory(place)
    lines = ["procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----",
             " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st"]  # fmt: skip
    row = f" 0  0      0 {got['free']:>6}      0 {got['cache']:>6}    0    0     2     9   84  163 {busy:>2}  0 {100 - busy:>2}  0  0"
    return Reply("\n".join([*lines, *[row] * _rounds(argv)]) + "\n", cost_s=float(_rounds(argv)))


def _rounds(argv: list[str]) -> int:
    """`vmstat 1 5`: how many reports; without a count one."""
    numbers = [int(word) for word in argv[1:] if word.isdigit() and len(word) < 4]
    return min(numbers[1], 10) if len(numbers) > 1 else 1


def _iostat(_world: World, place: Place, argv: list[str]) -> Reply:
    busy = 100 * place.cpu / place.cores
    head = f"Linux 6.1.0-28-amd64 ({place.name}) \t_x86_64_\t({place.cores} CPU)\n"
    part = (
        "\navg-cpu:  %user   %nice %system %iowait  %steal   %idle\n"
        f"          {busy * 0.8:>6.2f}    0.00  {busy * 0.2:>6.2f}    0.00    0.00  {100 - busy:>6.2f}\n\n"
        "Device            r/s     rkB/s     w/s     wkB/s   r_await w_await aqu-sz  %util\n"
        "vda              0.12      2.31    1.74     18.90      0.41    0.92   0.00   0.11\n"
    )
    return Reply(head + part * _rounds(argv), cost_s=float(_rounds(argv)))


def _sar(world: World, place: Place, argv: list[str]) -> Reply:
    busy = 100 * place.cpu / place.cores
    clock = world.at(world.now_s).strftime("%H:%M:%S")
    row = f"all     {busy * 0.8:>6.2f}      0.00     {busy * 0.2:>6.2f}      0.00      0.00    {100 - busy:>6.2f}"
    lines = [f"Linux 6.1.0-28-amd64 ({place.name}) \t_x86_64_\t({place.cores} CPU)", "",
             f"{clock}        CPU     %user     %nice   %system   %iowait    %steal     %idle"]  # fmt: skip
    lines += [f"{clock}        {row}"] * _rounds(argv) + [f"Average:        {row}"]
    return Reply("\n".join(lines) + "\n", cost_s=float(_rounds(argv)))


def _du(_world: World, _place: Place, argv: list[str]) -> Reply:
    targets = [word for word in argv[1:] if not word.startswith("-")] or ["."]
    return Reply("".join(f"{'12K' if 'h' in ''.join(argv[1:2]) else 12}\t{name}\n" for name in targets))


def _ip(_world: World, place: Place, argv: list[str]) -> Reply:
    words = [word for word in argv[1:] if not word.startswith("-")]
    what = words[0] if words else ""
    gateway = place.address.rpartition(".")[0] + ".1"
    if what and ("route".startswith(what) and what.startswith("r")):
        return Reply(
            f"default via {gateway} dev eth0 \n{gateway[:-1]}0/24 dev eth0 proto kernel scope link src {place.address} \n"
        )
    if what and ("neighbour".startswith(what) or what == "neigh"):
        return Reply(f"{gateway} dev eth0 lladdr 0a:58:0a:14:00:01 REACHABLE\n")
    if what and ("address".startswith(what) or "link".startswith(what)):
        return Reply(_links(place, "address".startswith(what)))
    if not what:
        return failure("Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }", 255)
    return failure(f'Object "{what[:100]}" is unknown, try "ip help".', 1)


def _links(place: Place, addresses: bool) -> str:
    shown = ("    inet 127.0.0.1/8 scope host lo\n", f"    inet {place.address}/24 brd + scope global eth0\n")
    text = "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN\n    link/loopback 00:00:00:00:00:00\n"
    text += shown[0] if addresses else ""
    text += "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP\n    link/ether 0a:58:0a:14:00:05\n"
    return text + (shown[1] if addresses else "")


def _ifconfig(_world: World, place: Place, _argv: list[str]) -> Reply:
    return Reply(
        f"eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n        inet {place.address}  netmask 255.255.255.0\n"
        "        RX errors 0  dropped 0\n        TX errors 0  dropped 0\n\n"
        "lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n"
    )


def _arp(_world: World, place: Place, _argv: list[str]) -> Reply:
    gateway = place.address.rpartition(".")[0] + ".1"
    return Reply(
        f"Address                  HWtype  HWaddress           Flags Mask            Iface\n{gateway:<24} ether   0a:58:0a:14:00:01   C                     eth0\n"
    )


def _nothing(_world: World, _place: Place, _argv: list[str]) -> Reply:
    """dmesg and lsof of a machine on which nothing happens."""
    return Reply()


def _nproc(_world: World, place: Place, _argv: list[str]) -> Reply:
    return Reply(f"{place.cores}\n")


LIMITS = {
    "n": "1048576",
    "u": "15588",
    "s": "8192",
    "c": "0",
    "m": "unlimited",
    "v": "unlimited",
    "": "unlimited",
}
SYSCTL = {"net.core.somaxconn": "4096", "net.ipv4.ip_local_port_range": "32768\t60999", "vm.swappiness": "60",
          "net.ipv4.tcp_max_syn_backlog": "1024", "net.ipv4.tcp_tw_reuse": "2", "net.ipv4.tcp_fin_timeout": "60",
          "net.ipv4.tcp_keepalive_time": "7200", "fs.file-max": "9223372036854775807", "vm.overcommit_memory": "0",
          "net.netfilter.nf_conntrack_max": "65536", "net.netfilter.nf_conntrack_count": "61"}  # fmt: skip


def _ulimit(_world: World, _place: Place, argv: list[str]) -> Reply:
    letter = argv[1].lstrip("-")[-1:] if len(argv) > 1 else ""
    if letter == "a":
        return Reply("".join(f"-{k}: {v}\n" for k, v in LIMITS.items() if k))
    return Reply(LIMITS.get(letter, "unlimited") + "\n")


def _sysctl(_world: World, _place: Place, argv: list[str]) -> Reply:
    words = [word for word in argv[1:] if not word.startswith("-")]
    if "-a" in argv:
        words = list(SYSCTL)
    out = "".join(f"{name} = {SYSCTL[name]}\n" for name in words if name in SYSCTL)
    missing = [name[:100] for name in words if name not in SYSCTL]
    err = "".join(
        f"sysctl: cannot stat /proc/sys/{name.replace('.', '/')}: No such file or directory\n"
        for name in missing
    )
    return Reply(out, err, 1 if missing else 0)


COMMANDS: dict[str, Callable[[World, Place, list[str]], Reply]] = {
    "top": _top, "htop": _top, "free": _free, "df": _df, "du": _du, "ps": _ps, "vmstat": _vmstat, "iostat": _iostat, "sar": _sar,
    "ip": _ip, "ifconfig": _ifconfig, "arp": _arp, "dmesg": _nothing, "lsof": _nothing, "nproc": _nproc, "ulimit": _ulimit,
    "sysctl": _sysctl,
}  # fmt: skip
# Short options the real tools know, of those that are strict about them.
LETTERS = {
    "df": "aBhHiklmPtTx", "free": "bkmghtwlscvVL", "vmstat": "abcdDefghmnpsStwVy", "du": "0aBbcDdhHklLmPsStxX", "lsof": "*",
    "iostat": "cdghHjkmNopstVxyz", "ps": "AaCcdefFGgHjkLlMmNnOoPpqrSsTtUuvwXxyZ",
}  # fmt: skip
PS_USAGE = (
    "error: unsupported SysV option\n\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n"
    "  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n"
)


def answer(world: World, place: Place, argv: list[str]) -> Reply:
    """A tool's answer on a machine, or its own complaint about a short option."""
    known = LETTERS.get(argv[0], "*")
    for word in argv[1:] if known != "*" else ():
        wrong = (
            [c for c in word[1:] if c.isalpha() and c not in known]
            if word[:1] == "-" and word[:2] != "--"
            else []
        )
        if wrong and argv[0] == "ps":
            return failure(PS_USAGE, 1)
        if wrong:
            return failure(
                f"{argv[0]}: invalid option -- '{wrong[0]}'\nTry '{argv[0]} --help' for more information.", 1
            )
    return COMMANDS[argv[0]](world, place, argv)


WHERE = Text(
    ru="# это рабочая машина {0}, а не сервер сервиса: поды — kubectl top pods, база — psql, dbctl",
    en="# this is your own machine, {0}, no server of a service: pods are in kubectl top pods, the database in psql, dbctl",
)
TOLD = {"top", "htop", "free", "df", "ps", "vmstat", "iostat", "sar", "dmesg"}


def _here(world: World, argv: list[str], _stdin: str) -> Reply:
    reply = answer(world, bastion(), argv)
    if argv[0] not in TOLD or reply.code:
        return reply
    return Reply(
        reply.out, WHERE.of(world.language).format(HOSTNAME) + "\n" + reply.err, reply.code, reply.cost_s
    )


ELSEWHERE = {
    "jcmd": "kubectl exec POD -- jcmd 1 Thread.print", "jstack": "kubectl exec POD -- jstack 1", "jmap": "kubectl exec POD -- jcmd 1 GC.heap_info",
    "docker": "kubectl get pods", "crictl": "kubectl get pods -o wide", "ssh": "kubectl describe node", "strace": "trace list",
    "systemctl": "kubectl get pods, kubectl rollout status", "service": "kubectl get pods, kubectl rollout status",
    "journalctl": "kubectl logs, logcli query", "htop": "top", "vi": "kubectl set, kubectl patch", "vim": "kubectl set, kubectl patch",
    "nano": "kubectl set, kubectl patch", "k9s": "kubectl get pods -w", "stern": "kubectl logs -l, logcli query", "kubectx": "kubectl config get-contexts",
    "etcdctl": "patronictl list, kubectl get --raw /readyz", "terraform": "helm, git log", "ansible": "kubectl, helm",
    "perf": "trace show, kubectl top pods", "gdb": "kubectl logs", "pstack": "kubectl exec POD -- jstack 1", "iftop": "ss, promql",
}  # fmt: skip
NO_ACCESS = Text(
    ru="{0}: у роли oncall нет доступа к этому на серверах; то же показывает {1}",
    en="{0}: the on-call role has no access to that on the servers; the same is shown by {1}",
)


def _no_access(world: World, argv: list[str], _stdin: str) -> Reply:
    """Tools that need a root shell on a server: one line that says so, and where the answer is."""
    return failure(NO_ACCESS.of(world.language).format(argv[0], ELSEWHERE[argv[0]]), 1)


def procfs(place: Place) -> dict[str, str]:
    """Files every machine has."""
    got = memory(place)
    pairs = (("MemTotal", "total"), ("MemFree", "free"), ("MemAvailable", "available"), ("Cached", "cache"))
    return {
        "/etc/hosts": f"127.0.0.1\tlocalhost\n{place.address}\t{place.name}\n",
        "/etc/resolv.conf": "search prod.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
        "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n',
        "/etc/hostname": place.name + "\n",
        "/proc/loadavg": f"{place.cpu:.2f} {place.cpu:.2f} {place.cpu:.2f} 1/184 9377\n",
        "/proc/meminfo": "".join(f"{name + ':':<16}{got[key]:>8} kB\n" for name, key in pairs),
        "/proc/cpuinfo": "".join(
            f"processor\t: {n}\nmodel name\t: Intel Xeon Processor (Icelake)\n\n" for n in range(place.cores)
        ),
        "/proc/version": "Linux version 6.1.0-28-amd64 (debian-kernel@lists.debian.org)\n",
    }


_TEXT = Text(ru="состояние этой машины", en="the state of this machine")
_AWAY = Text(ru="нет доступа к серверам", en="no access to servers")
TOOLS: dict[str, Tool] = {
    **{name: Tool(name, _no_access, _AWAY) for name in ELSEWHERE},
    **{name: Tool(name, _here, _TEXT) for name in COMMANDS},
}
