"""HAProxy's runtime API: what `show …` answers, and what its operator level refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.balancer.stats import haproxy_stats

if TYPE_CHECKING:
    from simulator.world import World

HELP = """The following commands are valid at this level:
  help [<command>]                        : list matching or all commands
  prompt                                  : toggle interactive mode with prompt
  quit                                    : disconnect
  show backend                            : list backends in the current running config
  show errors [<px>] [request|response]   : report last request and/or response errors for each proxy
  show info [desc|json|typed|float]*      : report information about the running process
  show pools                              : report information about the memory pools
  show servers conn [<backend>]           : dump server connections status
  show servers state [<backend>]          : dump volatile server information
  show sess [id]                          : report the list of current sessions or dump this exact session
  show stat [desc|json|no-maint|typed|up]*: report counters for each proxy and server
  show table [<table>]                    : report table usage stats or dump this table's contents
"""
DENIED = "Permission denied\n"
CHANGES = (
    "disable",
    "enable",
    "set",
    "clear",
    "shutdown",
    "add",
    "del",
    "commit",
    "abort",
    "operator",
    "update",
)


def answer(world: World, command: str) -> str:
    words = command.split()
    if words[0] in CHANGES:
        return DENIED
    shown = {
        "show stat": haproxy_stats,
        "show info": _info,
        "show servers": _servers,
        "show backend": _backends,
        "show sess": _sessions,
    }
    known = shown.get(" ".join(words[:2]))
    if known is not None:
        return known(world)
    if words[:2] == ["show", "errors"]:
        return f"Total events captured on [{world.at(world.now_s):%d/%b/%Y:%H:%M:%S}.000] : 0\n"
    if words[:2] == ["show", "pools"]:
        return "Dumping pools usage. Use SIGQUIT to flush them.\nTotal: 41 pools, 8421376 bytes allocated, 3145728 used.\n"
    if words[:2] in (
        ["show", "table"],
        ["show", "acl"],
        ["show", "map"],
        ["show", "peers"],
        ["show", "resolvers"],
        ["show", "ssl"],
    ):
        return ""
    if words[0] in ("help", "?"):
        return HELP
    if words[0] in ("prompt", "quit", "@1"):
        return ""
    return f"Unknown command: '{command[:100]}', but maybe one of the following ones is a better match:\n{HELP.partition(chr(10))[2]}"


def _open(world: World) -> int:
    history = world.plane.history
    waiting = 0.0
    for name in world.scenario.traffic.classes:
        base = f"class/{name}/"
        waiting += sum(history.column(base + "offered"))
        waiting -= sum(
            sum(history.column(base + k)) for k in ("ok", "declined", "rejected", "timeout", "error")
        )
    return max(0, round(waiting))


def _info(world: World) -> str:
    rate = round(
        sum(world.plane.history.last(f"class/{name}/offered") for name in world.scenario.traffic.classes)
    )
    total = round(
        sum(
            sum(world.plane.history.column(f"class/{name}/offered"))
            for name in world.scenario.traffic.classes
        )
    )
    rows = {
        "Name": "HAProxy", "Version": "2.6.12-1+deb12u1", "Release_date": "2023/12/16", "Nbthread": 8, "Process_num": 1, "Pid": 8,
        "Uptime": f"0d {1 + int(world.now_s) // 3600}h{int(world.now_s) % 3600 // 60:02}m{int(world.now_s) % 60:02}s", "Maxconn": 200000,
        "CurrConns": _open(world), "CumConns": total, "CumReq": total, "ConnRate": rate, "SessRate": rate, "Tasks": 96, "Run_queue": 0,
        "Idle_pct": 91, "node": world.scenario.traffic.entry,
    }  # fmt: skip
    return "".join(f"{name}: {value}\n" for name, value in rows.items())


def _servers(world: World) -> str:
    head = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change\n"
    rows = ""
    for number, name in enumerate(world.scenario.traffic.classes, 2):
        target = world.scenario.traffic.classes[name].path.partition(".")[0]
        pods = [p for p in world.kubernetes.pods.values() if p.app == target and p.deleted_s is None]
        rows += "".join(
            f"{number} {name} {at} {p.name} {p.ip or '-'} {2 if p.ready else 0} 0 1 1 {round(world.now_s - p.started_s)}\n"
            for at, p in enumerate(pods, 1)
        )
    return head + rows


def _backends(world: World) -> str:
    return "# name\n" + "".join(f"{name}\n" for name in world.scenario.traffic.classes)


def _sessions(world: World) -> str:
    now = world.at(world.now_s)
    return f"0x55e0c14f2a10: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> ts=00 age=0s calls=1 rq[f=c08200h,i=0,an=00h] ({_open(world)} sessions at {now:%H:%M:%S}, one of them this one)\n"
