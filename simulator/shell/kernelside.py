"""Tools of a machine's kernel, its processes and its terminal, as somebody without root meets them on the workstation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.shell import files, machine
from simulator.shell.home import HOSTNAME
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

ELSEWHERE = Text(
    ru="# сеть других машин меняют break network и chaos link",
    en="# the network of other machines is changed by break network and chaos link",
)
JSON_ONLY = Text(
    ru="{0}: здесь есть только -m json.tool; программы пишут на awk, jq, yq, sed",
    en="{0}: only -m json.tool is here; programs are written in awk, jq, yq, sed",
)
QDISC = (
    "qdisc noqueue 0: dev lo root refcnt 2 \n"
    "qdisc fq_codel 0: dev eth0 root refcnt 2 limit 10240p flows 1024 quantum 1514 target 5ms interval 100ms"
    " memory_limit 32Mb ecn drop_batch 64 \n"
)
COUNTERS = (
    " Sent 48210933 bytes 391042 pkt (dropped 0, overlimits 0 requeues 0) \n backlog 0b 0p requeues 0\n"
)


def _tc(world: World, argv: list[str], _stdin: str) -> Reply:
    words = [word for word in argv[1:] if not word.startswith("-")]
    if not words:
        return failure("Usage:\ttc [ OPTIONS ] OBJECT { COMMAND | help }", 1)
    kind = next(
        (k for k in ("qdisc", "class", "filter", "chain", "monitor", "action") if k.startswith(words[0])), ""
    )
    if not kind:
        return failure(f'Object "{words[0][:60]}" is unknown, try "tc help".', 1)
    verb = words[1] if len(words) > 1 else "show"
    if verb in ("add", "del", "delete", "replace", "change", "link"):
        return failure("RTNETLINK answers: Operation not permitted\n" + ELSEWHERE.of(world.language), 2)
    if verb not in ("show", "list", "ls", "s", "sh", "lst"):
        return failure(f'Command "{verb[:60]}" is unknown, try "tc {kind} help".', 1)
    device = words[words.index("dev") + 1] if "dev" in words[:-1] else ""
    if device and device not in ("lo", "eth0"):
        return failure(f'Cannot find device "{device[:60]}"', 1)
    rows = [row for row in QDISC.splitlines(keepends=True) if not device or f"dev {device} " in row]
    rows = [row.replace(f"dev {device} ", "") if device else row for row in rows]
    return Reply("".join(r + (COUNTERS if "-s" in argv else "") for r in rows) if kind == "qdisc" else "")


def _iptables(_world: World, argv: list[str], _stdin: str) -> Reply:
    return failure(
        f"{argv[0]} v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)",
        4,
    )


def _ethtool(_world: World, argv: list[str], _stdin: str) -> Reply:
    device = argv[-1] if len(argv) > 1 else ""
    if device not in ("eth0", "lo"):
        return failure(
            "netlink error: No such device" if device else "ethtool: bad command line argument(s)",
            71 if device else 1,
        )
    if "-S" in argv or "--statistics" in argv:
        return Reply(
            "NIC statistics:\n     rx_queue_0_packets: 391042\n     rx_queue_0_drops: 0\n     tx_queue_0_packets: 288113\n"
        )
    return Reply(
        f"Settings for {device}:\n\tSpeed: Unknown!\n\tDuplex: Unknown! (255)\n\tLink detected: yes\n"
    )


def _pgrep(_world: World, argv: list[str], _stdin: str) -> Reply:
    words = [word for word in argv[1:] if not word.startswith("-")]
    if not words:
        return failure(
            f"{argv[0]}: no matching criteria specified\nTry `{argv[0]} --help' for more information.", 2
        )
    named = "-l" in argv or "-a" in argv
    running = {
        pid: machine.called(command).rstrip(":") for pid, _, _, _, command in machine.bastion().processes
    }
    rows = [f"{pid} {name}" if named else str(pid) for pid, name in running.items() if words[0] in name]
    if argv[0] == "pkill" and rows:
        return failure(
            "".join(f"pkill: killing pid {row} failed: Operation not permitted\n" for row in rows), 1
        )
    return Reply("".join(row + "\n" for row in rows), code=0 if rows else 1)


def _mpstat(world: World, argv: list[str], _stdin: str) -> Reply:
    now = world.at(world.now_s).strftime("%H:%M:%S")
    head = f"Linux 6.1.0-28-amd64 ({HOSTNAME}) \t{world.at(world.now_s):%m/%d/%y} \t_x86_64_\t(2 CPU)\n\n"
    names = ["all", "0", "1"] if "-P" in argv else ["all"]
    rows = "".join(
        f"{now}  {name:>4}    1.60    0.00    0.40    0.00    0.00    0.00    0.00    0.00    0.00   98.00\n"
        for name in names
    )
    columns = "  CPU    %usr   %nice    %sys %iowait    %irq   %soft  %steal  %guest  %gnice   %idle\n"
    return Reply(f"{head}{now}{columns}{rows}")


def _lscpu(_world: World, _argv: list[str], _stdin: str) -> Reply:
    rows = (
        ("Architecture:", "x86_64"), ("CPU(s):", "2"), ("Thread(s) per core:", "1"),
        ("Model name:", "Intel Xeon Processor (Icelake)"), ("Hypervisor vendor:", "KVM"),
    )  # fmt: skip
    return Reply("".join(f"{name:<33}{value}\n" for name, value in rows))


def _crontab(_world: World, argv: list[str], _stdin: str) -> Reply:
    if "-l" in argv:
        return failure("no crontab for oncall", 1)
    return failure(
        "You (oncall) are not allowed to use this program (crontab)\nSee crontab(1) for more information", 1
    )


def _quiet(_world: World, _argv: list[str], _stdin: str) -> Reply:
    return Reply("", cost_s=0.0)


def _python(world: World, argv: list[str], stdin: str) -> Reply:
    """`python3 -m json.tool [--compact|--sort-keys] [FILE]`; no program is run here."""
    if argv[1:3] in (["--version"], ["-V"]):
        return Reply("Python 3.11.2\n")
    if argv[1:3] != ["-m", "json.tool"]:
        return failure(JSON_ONLY.of(world.language).format(argv[0]), 1)
    options = [word for word in argv[3:] if word.startswith("--")]
    names = [word for word in argv[3:] if not word.startswith("--")]
    try:
        text = files.read(world, names[0], stdin) if names else stdin
        value = json.loads(text)
    except files.FileProblem as problem:
        return failure(f"[Errno 2] {problem.reason}: '{names[0][:200]}'", 1)
    except (ValueError, RecursionError) as error:
        return failure(str(error)[:200], 1)
    compact, plain = "--compact" in options, "--no-ensure-ascii" in options
    shown = json.dumps(
        value, ensure_ascii=not plain, indent=None if compact else 4, sort_keys="--sort-keys" in options,
        separators=(",", ":") if compact else None,
    )  # fmt: skip
    return Reply(shown + "\n")


Answer = Callable[["World", list[str], str], Reply]
_KERNEL = Text(ru="сеть и ядро этой машины", en="this machine's network and kernel")
_PROCESSES = Text(ru="процессы этой машины", en="this machine's processes")
_TERMINAL = Text(ru="терминал", en="the terminal")
TOOLS: dict[str, Tool] = {
    "tc": Tool("tc", _tc, _KERNEL, ("tc -s qdisc show dev eth0",)),
    **{name: Tool(name, _iptables, _KERNEL) for name in ("iptables", "ip6tables", "nft", "conntrack")},
    "ethtool": Tool("ethtool", _ethtool, _KERNEL, ("ethtool -S eth0",)),
    **{name: Tool(name, _pgrep, _PROCESSES, (f"{name} -l sshd",)) for name in ("pgrep", "pkill")},
    "mpstat": Tool("mpstat", _mpstat, _PROCESSES, ("mpstat -P ALL",)),
    "lscpu": Tool("lscpu", _lscpu, _KERNEL),
    "crontab": Tool("crontab", _crontab, _PROCESSES),
    **{name: Tool(name, _quiet, _TERMINAL) for name in ("clear", "reset", "jobs")},
    **{
        name: Tool(
            name,
            _python,
            Text(ru="JSON по строкам", en="JSON, line by line"),
            ("curl -s URL | python3 -m json.tool",),
        )
        for name in ("python3", "python")
    },
}
