"""HAProxy's statistics as CSV: counters of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.world import World

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
