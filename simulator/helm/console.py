"""The `helm` tool: list, history, status, get values, upgrade, rollback, version."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import re2

from simulator.helm import releases
from simulator.kubernetes.changes import check_replicas
from simulator.kubernetes.layout import DAYS, MONTHS
from simulator.kubernetes.parse import Refused, duration
from simulator.kubernetes.rollout import INTERRUPTED
from simulator.kubernetes.state import ChartRevision, Deployment, counts
from simulator.kubernetes.yamltext import dump
from simulator.reply import Reply
from simulator.scenario import Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

VERSION = (
    'version.BuildInfo{Version:"v3.16.4", GitCommit:"7877b45", GitTreeState:"clean", GoVersion:"go1.22.7"}'
)
REPOSITORY = "shop"
STEP_S = 0.5
BOOLEANS = (
    "all-namespaces|all|deployed|failed|pending|short|date|reverse|no-headers|wait|wait-for-jobs|atomic|force|"
    "reuse-values|reset-values|reset-then-reuse-values|install|cleanup-on-fail|no-hooks|recreate-pods|debug|"
    "show-desc|show-resources|create-namespace|devel|skip-crds|superseded|uninstalled|help"
)
VALUES = (
    "namespace|output|filter|max|offset|selector|set|set-string|set-json|values|version|timeout|revision|"
    "history-max|description|kube-context|kubeconfig|dry-run|time-format|template"
)
SHORTS = {"n": "namespace", "A": "all-namespaces", "a": "all", "o": "output", "q": "short", "d": "date"}
SHORTS |= {"r": "reverse", "m": "max", "l": "selector", "i": "install", "f": "values", "h": "help"}
NAMES = (
    "completion|create|dependency|env|get|help|history|install|lint|list|package|plugin|pull|push|registry|"
    "repo|rollback|search|show|status|template|test|uninstall|upgrade|verify|version"
)
ALIASES = {"ls": "list", "hist": "history", "delete": "uninstall", "del": "uninstall", "un": "uninstall"}
CHARTS_ELSEWHERE = Text(ru="# чарты собирает CI: здесь есть {0}", en="# charts are built by CI: here are {0}")
SAID = {  # verbs about charts and repositories, of which an on-call host has none: helm's own words
    "repo": "Error: no repositories to show", "search": "Error: no repositories configured", "plugin": "NAME\tVERSION\tDESCRIPTION",
    "dependency": "Error: Chart.yaml file is missing", "package": "Error: Chart.yaml file is missing", "lint": "Error: 1 chart(s) linted, 1 chart(s) failed",
    "test": "Error: release has no tests", "registry": "Error: unauthorized: authentication required", "env": "HELM_NAMESPACE=\"prod\"",
}  # fmt: skip


@dataclass
class Call:
    """A parsed helm command."""

    verb: str
    args: list[str] = field(default_factory=list)
    flags: dict[str, list[str]] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        return self.flags.get(name, [default])[-1]

    def on(self, name: str) -> bool:
        return name in self.flags and self.text(name) != "false"


def parse(argv: list[str]) -> Call:
    """The call of a command line without the tool's name. Raises Refused."""
    call, queue = Call(""), list(argv)
    while queue:
        word = queue.pop(0)
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            _store(call, name, f"unknown flag: --{name}", value if equals else None, queue)
        elif word.startswith("-") and len(word) > 1:
            problem = f"unknown shorthand flag: '{word[1]}' in {word}"
            name = SHORTS.get(word[1], "")
            rest: str | None = word[2:].removeprefix("=") or None
            _store(call, name, problem, rest, queue)
        elif not call.verb:
            call.verb = ALIASES.get(word, word)
        else:
            call.args.append(word)
    return call


def _store(call: Call, name: str, problem: str, value: str | None, queue: list[str]) -> None:
    if name in BOOLEANS.split("|"):
        value = value or "true"
    elif name == "dry-run" and value is None:
        value = "client"
    elif name not in VALUES.split("|"):
        raise Refused(f"Error: {problem}")
    elif value is None:
        if not queue:
            raise Refused(f"Error: flag needs an argument: --{name}")
        value = queue.pop(0)
    call.flags.setdefault(name, []).append(value)


def _whole(call: Call, name: str, default: int) -> int:
    text = call.text(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused(
            f'Error: invalid argument "{text[:60]}" for "--{name}" flag: '
            f'strconv.ParseInt: parsing "{text[:60]}": invalid syntax'
        )
    return int(text)


def table(rows: list[list[str]]) -> str:
    """Helm's tables: every cell padded to its column, tabs between."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "".join(
        "\t".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + "\n" for row in rows
    )


def _stamp(world: "World", seconds: float) -> str:
    """`Mon Nov 23 18:34:06 2026`."""
    moment = world.at(seconds)
    day, month = DAYS[moment.weekday()], MONTHS[moment.month - 1]
    return f"{day} {month} {moment.day:2d} {moment.strftime('%H:%M:%S')} {moment.year}"


def _namespace(world: "World", call: Call) -> str:
    return call.text("namespace") or world.kubernetes.namespace


def _release(world: "World", call: Call, needed: int = 1) -> tuple[str, list[ChartRevision]]:
    """The release a command names. Raises Refused."""
    if len(call.args) < needed:
        plural = "argument" if needed == 1 else "arguments"
        sizes = "" if call.verb in ("status", "history", "get", "upgrade") else "at least "
        usage = {"rollback": "<RELEASE> [REVISION]", "upgrade": "[RELEASE] [CHART]"}
        words = usage.get(call.verb, "RELEASE_NAME")
        raise Refused(
            f'Error: "helm {call.verb}" requires {sizes}{needed} {plural}\n\n'
            f"Usage:  helm {call.verb} {words} [flags]"
        )
    name = call.args[0]
    found = releases.history_of(world, name)
    if not found or _namespace(world, call) != world.kubernetes.namespace:
        if call.verb == "upgrade":
            raise Refused(f'Error: UPGRADE FAILED: "{name[:100]}" has no deployed releases')
        raise Refused("Error: release: not found")
    return name, found


def _list(world: "World", call: Call) -> Reply:
    cluster = world.kubernetes
    here = call.on("all-namespaces") or _namespace(world, call) == cluster.namespace
    names = sorted(name for name in cluster.charts if name in cluster.deployments) if here else []
    pattern = call.text("filter")
    if pattern:
        try:
            shape = re2.compile(pattern[:200])
        except re2.error:
            raise Refused(f"Error: error parsing regexp: {pattern[:100]}") from None
        names = [name for name in names if shape.search(name)]
    if call.on("date"):
        names.sort(key=lambda name: releases.history_of(world, name)[-1].updated_s)
    names = names[::-1] if call.on("reverse") else names
    names = names[: _whole(call, "max", 256) or 256]
    if call.on("short"):
        return Reply("".join(name + "\n" for name in names))
    head = ["NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION"]
    rows = []
    for name in names:
        last = releases.history_of(world, name)[-1]
        when = world.at(last.updated_s).strftime("%Y-%m-%d %H:%M:%S.%f") + " +0000 UTC"
        chart = releases.chart_of(last, name)
        rows.append([name, cluster.namespace, str(last.number), when, last.status, chart, last.tag])
    if call.text("output") in ("json", "yaml"):
        keys = ["name", "namespace", "revision", "updated", "status", "chart", "app_version"]
        listed = [dict(zip(keys, row, strict=True)) for row in rows]
        return Reply(json.dumps(listed) + "\n" if call.text("output") == "json" else dump(listed))
    return Reply(table(rows if call.on("no-headers") and rows else [head, *rows]))


def _history(world: "World", call: Call) -> Reply:
    name, found = _release(world, call)
    rows = [["REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION", "DESCRIPTION"]]
    for one in found[-(_whole(call, "max", 256) or 256) :]:
        when, chart = _stamp(world, one.updated_s), releases.chart_of(one, name)
        rows.append([str(one.number), when, one.status, chart, one.tag, one.description])
    if call.text("output") == "json":
        keys = ["revision", "updated", "status", "chart", "app_version", "description"]
        listed: list[dict[str, Any]] = [dict(zip(keys, row, strict=True)) for row in rows[1:]]
        return Reply(json.dumps([{**row, "revision": int(row["revision"])} for row in listed]) + "\n")
    return Reply(table(rows))


def _status_text(world: "World", name: str, one: ChartRevision) -> str:
    return (
        f"NAME: {name}\nLAST DEPLOYED: {_stamp(world, one.updated_s)}\n"
        f"NAMESPACE: {world.kubernetes.namespace}\nSTATUS: {one.status}\nREVISION: {one.number}\n"
        "TEST SUITE: None\n"
    )


def _picked(call: Call, found: list[ChartRevision]) -> ChartRevision:
    number = _whole(call, "revision", 0)
    chosen = found[-1] if number == 0 else releases.target_of(found, number)
    if chosen is None:
        raise Refused("Error: release: not found")
    return chosen


def _status(world: "World", call: Call) -> Reply:
    name, found = _release(world, call)
    return Reply(_status_text(world, name, _picked(call, found)))


def _values(one: ChartRevision, name: str) -> dict[str, Any]:
    return {"image": {"repository": f"registry.local/{name}", "tag": one.tag}, "replicaCount": one.replicas}


def _get(world: "World", call: Call) -> Reply:
    if not call.args or call.args[0] not in ("values", "all", "manifest", "notes", "hooks", "metadata"):
        raise Refused("Error: helm get needs one of: all, hooks, manifest, metadata, notes, values")
    what, call.args = call.args[0], call.args[1:]
    name, found = _release(world, call)
    one = _picked(call, found)
    values: dict[str, Any] = {"image": {"tag": one.tag}, "replicaCount": one.replicas}
    if call.on("all"):
        values = _values(one, name)
    if what == "metadata":
        fields = {
            "NAME": name,
            "CHART": releases.chart_of(one, name),
            "APP_VERSION": one.tag,
            "NAMESPACE": world.kubernetes.namespace,
            "REVISION": str(one.number),
            "STATUS": one.status,
        }
        return Reply("".join(f"{key}: {value}\n" for key, value in fields.items()))
    if what == "manifest":
        return Reply(_manifest(world, name, one))
    if what in ("notes", "hooks"):
        return Reply()
    if call.text("output") == "json":
        return Reply(json.dumps(values, separators=(",", ":")) + "\n")
    title = "COMPUTED VALUES:" if call.on("all") else "USER-SUPPLIED VALUES:"
    return Reply(dump(values) if call.text("output") == "yaml" else f"{title}\n{dump(values)}")


def _manifest(world: "World", name: str, one: ChartRevision) -> str:
    container = {"image": f"registry.local/{name}:{one.tag}", "name": name}
    document = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": world.kubernetes.namespace},
        "spec": {"replicas": one.replicas, "template": {"spec": {"containers": [container]}}},
    }
    return f"---\n# Source: {name}/templates/deployment.yaml\n{dump(document)}\n"


def _settings(call: Call, name: str) -> tuple[str | None, int | None]:
    """(image.tag, replicaCount) of --set. Raises Refused for anything else."""
    tag: str | None = None
    replicas: int | None = None
    pairs = [
        part
        for flag in ("set", "set-string")
        for text in call.flags.get(flag, [])
        for part in text.split(",")
    ]
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise Refused(f'Error: failed parsing --set data: key "{key[:60]}" has no value')
        if key == "image.tag" and value:
            tag = value[:100]
        elif key == "replicaCount" and value.isascii() and value.isdigit() and len(value) < 7:
            replicas = int(value)
        elif not (key == "image.repository" and value == f"registry.local/{name}"):
            raise Refused(
                f"Error: UPGRADE FAILED: values don't meet the specifications of the schema(s) in the "
                f"following chart(s):\n{name}:\n- (root): only image.tag and replicaCount can be set, "
                f"not {key[:60]}"
            )
    return tag, replicas


def _upgrade(world: "World", call: Call) -> Reply:
    name, found = _release(world, call, needed=2)
    chart = call.args[1]
    if chart.startswith((".", "/")) or chart.endswith(".tgz"):
        raise Refused(f'Error: path "{chart[:100]}" not found')
    if chart.removeprefix("oci://registry.local/charts/").removeprefix(f"{REPOSITORY}/") != name:
        raise Refused(f"Error: repo {chart.partition('/')[0][:60]} not found")
    if call.flags.get("values"):
        raise Refused(f"Error: open {call.text('values')[:100]}: no such file or directory")
    tag, replicas = _settings(call, name)
    deployment: Deployment = world.kubernetes.deployments[name]
    tag = tag or (found[-1].tag if not call.on("reset-values") else deployment.tags[-1])
    size = deployment.replicas if replicas is None else replicas
    check_replicas(deployment, size)
    if call.on("dry-run") and call.text("dry-run") != "none":
        planned = ChartRevision(
            found[-1].number + 1, world.now_s, "pending-upgrade", tag, size, "Dry run complete"
        )
        return Reply(
            _status_text(world, name, planned) + "HOOKS:\nMANIFEST:\n" + _manifest(world, name, planned)
        )
    before = found[-1]
    releases.install(world, deployment, tag, size, "Upgrade complete")
    problem = _wait(world, call, deployment)
    head = f'Release "{name}" has been upgraded. Happy Helming!\n'
    if not problem:
        return Reply(head + _status_text(world, name, found[-1]))
    found[-1].status, found[-1].description = "failed", f'Upgrade "{name}" failed: {problem}'
    if call.on("atomic"):
        releases.install(world, deployment, before.tag, before.replicas, f"Rollback to {before.number}")
        return Reply(
            err=f"Error: UPGRADE FAILED: release {name} failed, and has been rolled back due to atomic being "
            f"set: {problem}\n",
            code=1,
        )
    return Reply(err=f"Error: UPGRADE FAILED: {problem}\n", code=1)


def _wait(world: "World", call: Call, deployment: Deployment) -> str:
    """With --wait or --atomic: until the rollout is done; what went wrong, or "".

    Raises Refused (as after Ctrl-C) when following ends before the command's own time-out.
    """
    if not call.on("wait") and not call.on("atomic"):
        return ""
    seconds = duration(call.text("timeout", "5m0s"))
    if seconds is None:
        raise Refused(f'Error: invalid argument "{call.text("timeout")[:60]}" for "--timeout" flag')
    until_s = world.now_s + min(seconds, world.patience_s)
    while not counts(world.kubernetes, deployment, world.now_s).complete:
        before_s = world.now_s
        world.advance(min(STEP_S, max(0.0, until_s - world.now_s)))
        if world.now_s <= before_s:
            if seconds > world.patience_s:
                raise Refused(f"Release {deployment.name} has been cancelled.", INTERRUPTED)
            return "context deadline exceeded"
    return ""


def _rollback(world: "World", call: Call) -> Reply:
    name, found = _release(world, call)
    number = 0
    if len(call.args) > 1:
        text = call.args[1]
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            problem = f"strconv.Atoi: parsing {json.dumps(text[:60])}: invalid syntax"
            raise Refused(f"Error: could not convert revision to a number: {problem}")
        number = int(text)
    target = releases.target_of(found, number)
    if target is None:
        raise Refused(f"Error: release has no {number} version")
    deployment: Deployment = world.kubernetes.deployments[name]
    if not (call.on("dry-run") and call.text("dry-run") != "none"):
        size = releases.last_size(found, deployment, target)
        releases.install(world, deployment, target.tag, size, f"Rollback to {target.number}")
        problem = _wait(world, call, deployment)
        if problem:
            return Reply(err=f"Error: {problem}\n", code=1)
    return Reply("Rollback was a success! Happy Helming!\n")


def _uninstall(world: "World", call: Call) -> Reply:
    name, found = _release(world, call)
    secret = f"sh.helm.release.v1.{name}.v{found[-1].number}"
    raise Refused(
        f'Error: uninstall: Release not loaded: {name}: secrets "{secret}" is forbidden: User '
        f'"oncall" cannot delete resource "secrets" in API group "" in the namespace '
        f'"{world.kubernetes.namespace}"'
    )


VERBS: dict[str, Callable[["World", Call], Reply]] = {
    "list": _list,
    "history": _history,
    "status": _status,
    "get": _get,
    "upgrade": _upgrade,
    "rollback": _rollback,
    "uninstall": _uninstall,
    "version": lambda world, call: Reply((VERSION if not call.on("short") else "v3.16.4+g7877b45") + "\n"),
}
USAGE = """The Kubernetes package manager

Available Commands:
  get         values, manifest or metadata of a release
  history     fetch release history
  list        list releases
  rollback    roll back a release to a previous revision
  status      display the status of the named release
  upgrade     upgrade a release, e.g. helm upgrade NAME shop/NAME --set image.tag=TAG --reuse-values
  version     print the client version information
"""


def _about_charts(world: "World", call: Call) -> Reply:
    """repo, template, show, search and the like: there are no charts on this host."""
    said = SAID.get(call.verb)
    if said is None:
        chart = next((word for word in call.args if "/" in word), "")
        said = (
            f"Error: repo {chart.partition('/')[0]} not found"
            if chart
            else f'Error: "helm {call.verb}" requires at least 1 argument'
        )
    if not said.startswith("Error"):
        return Reply(said + "\n")
    note = CHARTS_ELSEWHERE.of(world.language).format(
        "helm list, history, status, get, rollback, upgrade --set image.tag"
    )
    raise Refused(f"{said}\n{note}")


def run_helm(world: "World", argv: list[str], stdin: str = "") -> Reply:
    """One `helm` command."""
    try:
        call = parse(argv[1:])
        if call.verb in ("", "help") or call.on("help"):
            return Reply(USAGE)
        if call.verb not in NAMES.split("|"):
            raise Refused(
                f'Error: unknown command "{call.verb[:60]}" for "helm"\nRun \'helm --help\' for usage.'
            )
        verb = VERBS.get(call.verb)
        if verb is None:
            return _about_charts(world, call)
        return verb(world, call)
    except Refused as problem:
        return Reply(problem.out, problem.message + "\n", problem.code)


def changes_world(argv: list[str]) -> bool:
    """Whether these words would change the world."""
    try:
        call = parse(argv[1:])
    except Refused:
        return False
    return call.verb in ("upgrade", "rollback", "uninstall") and not call.on("dry-run")


TOOLS: dict[str, Tool] = {
    "helm": Tool(
        "helm",
        run_helm,
        Text(ru="релизы Helm: история и откат", en="Helm releases: history and rollback"),
        (
            "helm list",
            "helm history payment-service",
            "helm rollback payment-service",
            "helm upgrade payment-service shop/payment-service --set image.tag=v2.8.0 --reuse-values",
        ),
        changes_world,
    )
}
