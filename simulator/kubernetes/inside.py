"""Commands inside a pod: `kubectl exec`. The shell, its text tools and a container's usual clients.

What a container sees of itself comes from its pod's figures; network clients are the ones of the on-call host, for
which `localhost` is the pod's own service.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.kubernetes.notes import text as words
from simulator.kubernetes.parse import Refused
from simulator.kubernetes.state import Pod, cpu_m, memory_mi
from simulator.reply import Reply, failure
from simulator.scenario import Service, Text
from simulator.shell import machine
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

SHELLS = ("sh", "bash", "ash", "dash")
CLIENTS = (
    "curl wget psql pg_isready redis-cli dig nslookup host nc ping ss netstat getent telnet traceroute openssl kcat kafkacat patronictl "
    "kafka-topics kafka-topics.sh kafka-consumer-groups kafka-consumer-groups.sh kafka-console-consumer kafka-console-consumer.sh "
    "kafka-configs kafka-configs.sh kafka-get-offsets kafka-get-offsets.sh kafka-broker-api-versions.sh kafka-log-dirs.sh"
).split()  # fmt: skip
TEXT_TOOLS = (
    "grep head tail sort uniq wc awk sed cut tr jq echo printf true false test [ sleep seq column tac nl xargs timeout cd pwd "
    "basename dirname tee whoami id uname uptime"
).split()
JVM = ("jcmd", "jstack", "jmap", "jps", "jstat", "jinfo", "kill")
NO_DUMP = Text(
    ru="{0}: процесс внутри пода здесь цел и недоступен: дампов и сигналов нет. Чего ждут запросы, видно в trace show и "
    "promql, перезапуск — kubectl delete pod {1}",
    en="{0}: the process inside a pod is a whole here: no dumps and no signals. What requests wait for is in trace show "
    "and promql; to restart: kubectl delete pod {1}",
)


def run(world: World, pod: Pod, command: list[str], stdin: str) -> Reply:
    """The answer of a command in a pod, with kubectl's note on its exit code. Raises Refused when it cannot start."""
    name = command[0].rpartition("/")[2]
    if name in SHELLS:
        reply = _shell(world, pod, command[1:], stdin)
    else:
        tool = tools(world, pod).get(name)
        if tool is None:
            raise _absent(command[0])
        reply = tool.run(world, [name, *command[1:]], stdin)
    if reply.code and "command terminated with exit code" not in reply.err:
        gap = "" if reply.err.endswith("\n") or not reply.err else "\n"
        return replace(reply, err=f"{reply.err}{gap}command terminated with exit code {reply.code}\n")
    return reply


def _absent(command: str) -> Refused:
    return Refused(
        "error: Internal error occurred: error executing command in container: failed to exec in container: "
        "failed to start exec: OCI runtime exec failed: exec failed: unable to start container process: "
        f'exec: "{command[:100]}": executable file not found in $PATH: unknown'
    )


def _shell(world: World, pod: Pod, rest: list[str], stdin: str) -> Reply:
    """`sh -c LINE`; without a line it reads its standard input, and there is no terminal to ask."""
    from simulator.shell.run import Shell

    flags = [word for word in rest if word.startswith("-")]
    lines = [word for word in rest if not word.startswith("-")]
    line, given = (lines[0], stdin) if any("c" in flag for flag in flags) and lines else (stdin, "")
    if line.strip():
        outer, world.shell_vars = world.shell_vars, variables(pod)
        try:
            return Shell(world, tools(world, pod)).source(line, given)
        finally:
            world.shell_vars = outer
    return Reply(err=words(world, "no_shell", pod=pod.name).removeprefix("error: ") + "\n")


def tools(world: World, pod: Pod) -> dict[str, Tool]:
    """What lies on a container's path."""
    from simulator.commands import tools as registry

    known = registry()
    found = {name: known[name] for name in TEXT_TOOLS if name in known}
    found |= {name: _client(pod, known[name]) for name in CLIENTS if name in known}
    none = Text(ru="", en="")
    for name in machine.COMMANDS:
        found[name] = Tool(name, lambda w, argv, _s: machine.answer(w, place(w, pod), argv), none)
    found["du"] = Tool("du", lambda w, argv, _s: _du(w, pod, argv), none)
    for name in JVM:
        found[name] = Tool(
            name, lambda w, argv, _s: failure(NO_DUMP.of(w.language).format(argv[0], pod.name)), none
        )
    found["env"] = found["printenv"] = Tool("env", lambda w, argv, _s: _env(pod, argv[1:]), none)
    found["hostname"] = Tool("hostname", lambda w, argv, _s: Reply(pod.name + "\n"), none)
    found["date"] = Tool(
        "date", lambda w, argv, _s: Reply(f"{w.at(w.now_s):%a %b %d %H:%M:%S UTC %Y}\n"), none
    )
    found["ls"] = Tool("ls", lambda w, argv, _s: _ls(w, pod, argv), none)
    found["cat"] = Tool("cat", lambda w, argv, stdin: _cat(w, pod, argv, stdin), none)
    return found


DATA = "/var/lib/postgresql"


def _du(world: World, pod: Pod, argv: list[str]) -> Reply:
    """Sizes are small in a container, but for a database's data."""
    from simulator.commands import tools as registry

    reply = machine.answer(world, place(world, pod), argv)
    targets = [word for word in argv[1:] if not word.startswith("-")]
    if pod.template.container != "postgres" or not any(t.startswith(DATA) for t in targets):
        return reply
    asked = registry()["psql"].run(
        world, ["psql", "-h", pod.app, "-Atc", "select sum(pg_database_size(datname)) from pg_database"], ""
    )
    kib = int(float(asked.out.strip() or 0)) // 1024
    human = any("h" in word for word in argv[1:] if word.startswith("-"))
    shown = machine.human(kib) if human else str(kib)
    return Reply("".join(f"{shown}\t{name}\n" for name in targets))


def _client(pod: Pod, tool: Tool) -> Tool:
    def run_it(world: World, argv: list[str], stdin: str) -> Reply:
        own = pod.app if isinstance(world.scenario.components.get(pod.app), Service) else ""
        if own and tool.name in ("curl", "wget"):
            argv = [
                word.replace("://localhost", f"://{own}").replace("://127.0.0.1", f"://{own}")
                for word in argv
            ]
            argv = [own + w[len(h):] if (h := next((h for h in ("localhost", "127.0.0.1") if w.startswith(h)), "")) else w for w in argv]  # fmt: skip
        return tool.run(world, argv, stdin)

    return replace(tool, run=run_it)


def place(world: World, pod: Pod) -> machine.Place:
    """A pod as the tools inside it see it."""
    from simulator.kubernetes.inspect import pod_usage

    millicores, used_mi = pod_usage(world, pod)
    total = memory_mi(pod.template.memory_limit) * machine.MI
    share = 100 * used_mi * machine.MI / max(1, total)
    main = {"postgres": "postgres -D /var/lib/postgresql/data", "pgbouncer": "pgbouncer /etc/pgbouncer.ini"}
    command = main.get(pod.template.container, f"/app/{pod.template.container}")
    cores = max(1, -(-cpu_m(pod.template.cpu_limit) // 1000))
    return machine.Place(
        pod.name, pod.ip or "10.244.0.2", cores, millicores / 1000, max(total, used_mi * machine.MI), used_mi * machine.MI,
        ((1, "app", millicores / 10, share, command),), inside=True, age_s=world.now_s - pod.created_s,
    )  # fmt: skip


def variables(pod: Pod) -> dict[str, str]:
    values = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME": pod.name}
    values.update(pod.template.env)
    values["KUBERNETES_SERVICE_HOST"] = "10.96.0.1"
    values["KUBERNETES_SERVICE_PORT"] = "443"
    values["HOME"] = "/root"
    return values


def _env(pod: Pod, wanted: list[str]) -> Reply:
    values = variables(pod)
    if not wanted:
        return Reply("".join(f"{name}={value}\n" for name, value in values.items()))
    lines = [values[name] for name in wanted if name in values]
    return Reply("".join(line + "\n" for line in lines), code=0 if len(lines) == len(wanted) else 1)


def files(world: World, pod: Pod) -> dict[str, str]:
    """What can be read in a container."""
    found = machine.procfs(place(world, pod))
    found["/proc/1/environ"] = "".join(f"{name}={value}\0" for name, value in variables(pod).items())
    found["/proc/1/limits"] = (
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max processes             unlimited            unlimited            processes \n"
        "Max open files            1048576              1048576              files     \n"
    )
    found["/proc/1/status"] = f"Name:\t{pod.template.container}\nState:\tS (sleeping)\nPid:\t1\n"
    found["/sys/fs/cgroup/memory.max"] = f"{memory_mi(pod.template.memory_limit) * (1 << 20)}\n"
    found["/sys/fs/cgroup/cpu.max"] = f"{cpu_m(pod.template.cpu_limit) * 100} 100000\n"
    here = place(world, pod)
    found["/sys/fs/cgroup/memory.current"] = f"{here.used * 1024}\n"
    used_us = round(here.cpu * here.age_s * 1e6)
    found["/sys/fs/cgroup/cpu.stat"] = (
        f"usage_usec {used_us}\nuser_usec {used_us * 4 // 5}\nsystem_usec {used_us - used_us * 4 // 5}\n"
        f"nr_periods {round(here.age_s * 10)}\nnr_throttled 0\nthrottled_usec 0\n"
    )
    found["/var/run/secrets/kubernetes.io/serviceaccount/namespace"] = pod.namespace + "\n"
    return found


DIRECTORIES = ("/", "/app", "/bin", "/dev", "/etc", "/home", "/proc", "/root", "/sys", "/tmp", "/usr", "/var")


def _ls(world: World, pod: Pod, argv: list[str]) -> Reply:
    out, err = "", ""
    long = any("l" in word for word in argv[1:] if word.startswith("-"))
    for name in [word for word in argv[1:] if not word.startswith("-")] or ["/"]:
        path = "/" + name.strip("/")
        inside = [f.rpartition("/")[2] for f in files(world, pod) if f.rpartition("/")[0] == path.rstrip("/")]
        if path == "/":
            inside = [d[1:] for d in DIRECTORIES[1:]]
        if path in files(world, pod):
            inside = [name]
        elif path not in DIRECTORIES and not inside:
            err += f"ls: cannot access '{name[:200]}': No such file or directory\n"
            continue
        out += (f"total {4 * len(inside)}\n" if long else "") + "".join(
            (f"-rw-r--r-- 1 root root 4096 Nov 12 09:12 {entry}\n" if long else f"{entry}\n")
            for entry in sorted(inside)
        )
    return Reply(out, err, 2 if err else 0)


def _cat(world: World, pod: Pod, argv: list[str], stdin: str) -> Reply:
    names = [word for word in argv[1:] if not word.startswith("-")]
    if not names:
        return Reply(stdin)
    known = files(world, pod)
    out = "".join(known.get(name, "") for name in names)
    missing = [name[:200] for name in names if name not in known]
    return Reply(out, "".join(f"cat: {n}: No such file or directory\n" for n in missing), 1 if missing else 0)
