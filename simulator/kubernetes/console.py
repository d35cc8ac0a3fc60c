"""The `kubectl` and `deploy` tools: words in, a Reply out. The verbs are in files of their own."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.kubernetes import (
    changes,
    describe,
    forwarding,
    get,
    info,
    inspect,
    labels,
    machines,
    outputs,
    patching,
    release,
    rollout,
    taints,
    verbs,
)
from simulator.kubernetes.notes import text as words
from simulator.kubernetes.parse import OPAQUE, Call, Refused, parse
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

MAX_ANSWER = 2_000_000  # characters; far above any real table
Verb = Callable[["World", Call], Reply]


def _not_simulated(world: "World", call: Call) -> Reply:
    raise Refused(words(world, "not_simulated", verb=call.verb))


def _help(world: "World", call: Call) -> Reply:
    return Reply(info.help_text(" ".join(call.args[:2])))


VERBS: dict[str, Verb] = {
    "annotate": labels.run_label,
    "api-resources": info.run_api_resources,
    "api-versions": info.run_api_versions,
    "apply": patching.run_apply,
    "auth can-i": info.run_can_i,
    "auth whoami": info.run_whoami,
    "autoscale": changes.run_autoscale,
    "cluster-info": info.run_cluster_info,
    "config": info.run_config,
    "attach": verbs.run_debug,
    "certificate": verbs.run_certificate,
    "completion": verbs.run_completion,
    "cordon": machines.run_cordon,
    "cp": verbs.run_cp,
    "debug": verbs.run_debug,
    "diff": verbs.run_diff,
    "plugin": verbs.run_plugin,
    "proxy": verbs.run_proxy,
    "replace": verbs.run_replace,
    "create": verbs.run_create,
    "delete": changes.run_delete,
    "describe": describe.run_describe,
    "drain": machines.run_drain,
    "edit": verbs.run_edit,
    "events": get.run_events,
    "exec": inspect.run_exec,
    "explain": info.run_explain,
    "expose": verbs.run_create,
    "get": get.run_get,
    "help": _help,
    "label": labels.run_label,
    "logs": inspect.run_logs,
    "options": info.run_options,
    "patch": patching.run_patch,
    "port-forward": forwarding.run_port_forward,
    "run": verbs.run_create,
    "scale": changes.run_scale,
    "set env": changes.run_set_env,
    "set image": changes.run_set_image,
    "set resources": changes.run_set_resources,
    "taint": taints.run_taint,
    "top nodes": inspect.run_top,
    "top pods": inspect.run_top,
    "uncordon": machines.run_cordon,
    "version": info.run_version,
    "kustomize": verbs.run_kustomize,
    "wait": rollout.run_wait,
    **{
        f"rollout {action}": rollout.run_rollout
        for action in ("history", "pause", "restart", "resume", "status", "undo")
    },
}
CHANGING = (
    "annotate apply autoscale cordon delete drain edit label patch replace scale taint uncordon create run "
    "expose,rollout undo,rollout restart,rollout pause,rollout resume,set image,set env,set resources"
)
_CHANGING = tuple(CHANGING.split(",", maxsplit=1)[0].split()) + tuple(CHANGING.split(",")[1:])


def run_kubectl(world: "World", argv: list[str], stdin: str = "") -> Reply:
    """One `kubectl` command."""
    try:
        call = parse(argv[1:], stdin[: patching.MAX_TEXT + 1])
        if call.on("help") or (call.verb in OPAQUE and {"-h", "--help"} & set(call.args)):
            return Reply(info.help_text("" if call.verb == "help" else call.verb))
        if call.verb in ("rollout", "set", "top", "auth"):
            shown = info.help_text(call.verb)
            return Reply(shown, code=1) if call.verb == "rollout" else Reply(err=shown, code=1)
        verbs.check_globals(call)
        reply = outputs.shown(VERBS.get(call.verb, _not_simulated), world, call)
    except Refused as problem:
        return Reply(problem.out, problem.message + "\n" * bool(problem.message), problem.code)
    if len(reply.out) > MAX_ANSWER:
        return Reply(reply.out[:MAX_ANSWER] + "\n", reply.err, reply.code, reply.cost_s)
    return reply


def changes_world(argv: list[str]) -> bool:
    """Whether these words would change the world (a dry run does not)."""
    try:
        call = parse(argv[1:])
    except Refused:
        return False
    if call.text("dry-run", "none") not in ("none", "false") or call.on("help"):
        return False
    return call.verb in _CHANGING and not (call.verb == "set env" and call.on("list"))


DEPLOY_USAGE = Text(
    ru="deploy: нужно два слова: deploy СЕРВИС ВЕРСИЯ, например deploy {service} {version}; "
    "deploy СЕРВИС показывает, как идёт выкатка",
    en="deploy: two words are needed: deploy SERVICE VERSION, e.g. deploy {service} {version}; "
    "deploy SERVICE shows how the release stands",
)


def run_deploy(world: "World", argv: list[str], stdin: str = "") -> Reply:
    """`deploy SERVICE VERSION` releases, `deploy SERVICE` shows how the release stands."""
    if len(argv) == 2 and not argv[1].startswith("-"):
        return release.release_status(world, argv[1])
    if len(argv) == 3:
        return release.deploy(world, argv[1], argv[2])
    service = next(iter(world.scenario.services()), "SERVICE")
    example = world.kubernetes.deployments.get(service)
    version = example.tags[-1] if example else "v1.2.3"
    return failure(DEPLOY_USAGE.of(world.language).format(service=service, version=version), code=2)


TOOLS: dict[str, Tool] = {
    "kubectl": Tool(
        "kubectl",
        run_kubectl,
        Text(ru="кластер Kubernetes: смотреть и менять", en="the Kubernetes cluster: look and change"),
        (
            "kubectl get pods -o wide",
            "kubectl describe deployment payment-service",
            "kubectl rollout history deployment/payment-service",
            "kubectl rollout undo deployment/payment-service",
            "kubectl get events --sort-by=.lastTimestamp",
            "kubectl top pods",
        ),
        changes_world,
    ),
    "deploy": Tool(
        "deploy",
        run_deploy,
        Text(ru="выкатить версию сервиса", en="release a version of a service"),
        ("deploy payment-service v2.8.1",),
        lambda argv: len(argv) > 2,
    ),
}
