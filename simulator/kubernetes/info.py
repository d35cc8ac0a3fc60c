"""What kubectl answers about itself and the API: config, version, api-resources, explain, auth, help."""

import json
from typing import TYPE_CHECKING

from simulator.kubernetes import access, printing, schema
from simulator.kubernetes.layout import table
from simulator.kubernetes.parse import SUBCOMMANDS, Call, Refused
from simulator.kubernetes.parts import VERSION
from simulator.kubernetes.resources import ALL, TYPES, ResourceType, resource_type
from simulator.kubernetes.yamltext import dump
from simulator.reply import Reply

if TYPE_CHECKING:
    from simulator.world import World

CONTEXT = "prod"
SERVER = "https://10.0.0.10:6443"
KUBECONFIG = "/home/oncall/.kube/config"
HEADS = ["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]
NAMED = {"use-context": 1, "delete-context": 1, "rename-context": 2}  # how many names a command takes
CONFIG_COMMANDS = (
    "current-context",
    "delete-cluster",
    "delete-context",
    "delete-user",
    "get-clusters",
    "get-contexts",
    "get-users",
    "rename-context",
    "set",
    "set-cluster",
    "set-context",
    "set-credentials",
    "unset",
    "use-context",
    "view",
)


def run_config(world: "World", call: Call) -> Reply:
    """`kubectl config`: one context, whose default namespace may be changed."""
    if not call.args:
        shown = "Modify kubeconfig files.\n\nAvailable Commands:\n  " + "\n  ".join(CONFIG_COMMANDS) + "\n"
        return Reply(err=shown, code=1)
    word, rest = call.args[0], call.args[1:]
    if word not in CONFIG_COMMANDS:
        said = " ".join(call.args)
        raise Refused(f"error: unknown command \"{said}\"\nSee 'kubectl config -h' for help and examples")
    if word == "current-context":
        return Reply(CONTEXT + "\n")
    if word == "get-contexts":
        return _contexts(world, call, rest)
    if word in ("get-clusters", "get-users"):
        return Reply("NAME\n" + (CONTEXT if word == "get-clusters" else access.USER) + "\n")
    if word in NAMED and len(rest) != NAMED[word]:
        shown = f"Usage:\n  kubectl config {word} {'NAME ' * NAMED[word]}[options]\n"
        if word.startswith("delete-"):
            return Reply(shown)
        raise Refused(f"error: Unexpected args: [{' '.join(rest)[:200]}]", out=shown)
    if word == "delete-context" and rest != [CONTEXT]:
        raise Refused(f"error: cannot delete context {rest[0][:100]}, not in {KUBECONFIG}")
    if word == "rename-context" and rest[0] != CONTEXT:
        raise Refused(f'error: cannot rename the context "{rest[0][:100]}", it\'s not in {KUBECONFIG}')
    if word == "use-context":
        if rest != [CONTEXT]:
            raise Refused(f'error: no context exists with the name: "{" ".join(rest)[:100]}"')
        return Reply(f'Switched to context "{CONTEXT}".\n')
    if word == "set-context":
        if not call.on("current") and rest != [CONTEXT]:
            raise Refused("error: you must specify a non-empty context name or --current")
        if call.text("namespace"):
            world.kubernetes.namespace_default = call.text("namespace")[:63]
        return Reply(f'Context "{CONTEXT}" modified.\n')
    if word == "view":
        return printing.formatted(_view(world), call.text("output") or "yaml")
    raise Refused("error: the kubeconfig of the on-call workstation is read-only")


def _contexts(world: "World", call: Call, rest: list[str]) -> Reply:
    if rest and rest != [CONTEXT]:
        head = "" if call.on("no-headers") or call.text("output") else table([HEADS])
        raise Refused(f"error: context {rest[0][:100]} not found", out=head)
    if call.text("output") == "name":
        return Reply(CONTEXT + "\n")
    cluster = world.kubernetes
    rows = [] if call.on("no-headers") else [HEADS]
    rows.append(["*", CONTEXT, CONTEXT, access.USER, cluster.namespace_default or cluster.namespace])
    return Reply(table(rows))


def _view(world: "World") -> dict[str, object]:
    cluster = world.kubernetes
    namespace = cluster.namespace_default or cluster.namespace
    context = {"cluster": CONTEXT, "namespace": namespace, "user": access.USER}
    return {
        "apiVersion": "v1",
        "clusters": [{"cluster": {"server": SERVER}, "name": CONTEXT}],
        "contexts": [{"context": context, "name": CONTEXT}],
        "current-context": CONTEXT,
        "kind": "Config",
        "preferences": {},
        "users": [{"name": access.USER, "user": {"token": "REDACTED"}}],
    }


def run_version(world: "World", call: Call) -> Reply:
    """`kubectl version`."""
    output = call.text("output")
    if output not in ("", "json", "yaml"):
        raise Refused("error: --output must be 'yaml' or 'json'")
    document = {
        "clientVersion": {"gitVersion": VERSION, "major": "1", "minor": "32", "platform": "linux/amd64"},
        "kustomizeVersion": "v5.5.0",
    }
    if not call.on("client"):
        document["serverVersion"] = document["clientVersion"]
    if output:
        return Reply(dump(document) if output == "yaml" else json.dumps(document, indent=2) + "\n")
    text = f"Client Version: {VERSION}\nKustomize Version: v5.5.0\n"
    return Reply(text + ("" if call.on("client") else f"Server Version: {VERSION}\n"))


def run_cluster_info(world: "World", call: Call) -> Reply:
    text = f"Kubernetes control plane is running at {SERVER}\n"
    text += f"CoreDNS is running at {SERVER}/api/v1/namespaces/kube-system/services/kube-dns:dns/proxy\n"
    return Reply(
        text + "\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n"
    )


METRICS = "metrics.k8s.io/v1beta1"
API_VERBS = "create,delete,deletecollection,get,list,patch,update,watch"


def run_api_resources(world: "World", call: Call) -> Reply:
    """`kubectl api-resources`."""
    if call.args:
        raise Refused(
            f"error: unexpected arguments: [{' '.join(call.args)[:200]}]\nSee 'kubectl api-resources -h' for help and examples"
        )
    output, order = call.text("output"), call.text("sort-by")
    if output not in ("", "name", "wide"):
        raise Refused(f"error: --output {output[:60]} is not available")
    if order not in ("", "name", "kind"):
        raise Refused("error: --sort-by accepts only name or kind")
    found = sorted(TYPES.values(), key=lambda kind: (kind.group, kind.plural))
    if order:
        found.sort(key=lambda kind: kind.plural if order == "name" else kind.kind)
    if call.given("namespaced"):
        found = [kind for kind in found if kind.namespaced == call.on("namespaced")]
    if call.given("api-group"):
        found = [kind for kind in found if kind.group == call.text("api-group")]
    if call.text("output") == "name":
        return Reply("".join(kind.qualified + "\n" for kind in found))
    wide = output == "wide"
    heads = [
        "NAME",
        "SHORTNAMES",
        "APIVERSION",
        "NAMESPACED",
        "KIND",
        *(["VERBS", "CATEGORIES"] if wide else []),
    ]
    rows = [] if call.on("no-headers") else [heads]
    for kind in found:
        scope = str(kind.namespaced).lower()
        more = [API_VERBS, "all" if kind.plural in ALL else ""] if wide else []
        rows.append([kind.plural, ",".join(kind.shorts), kind.api_version, scope, kind.kind, *more])
    return Reply(table(rows))


def run_api_versions(world: "World", call: Call) -> Reply:
    return Reply(
        "".join(name + "\n" for name in sorted({METRICS, *(kind.api_version for kind in TYPES.values())}))
    )


TOP_FIELDS = "  apiVersion\t<string>\n  kind\t<string>\n  metadata\t<ObjectMeta>\n  spec\t<{kind}Spec>\n  status\t<{kind}Status>"


def run_explain(world: "World", call: Call) -> Reply:
    """`kubectl explain`, as far as the fields that can be changed here."""
    if not call.args:
        raise Refused(
            "error: You must specify the type of resource to explain. "
            'Use "kubectl api-resources" for a complete list of supported resources.'
        )
    word, _, path = call.args[0].partition(".")
    try:
        kind = resource_type(word)
    except Refused as problem:  # explain says it without the usual "error: "
        raise Refused(problem.message.removeprefix("error: ")) from None
    parts = [part for part in path.split(".") if part]
    found = schema.walk(kind.kind, parts)
    if kind.kind not in schema.types():
        if parts:
            raise Refused(f'error: field "{parts[0][:100]}" does not exist', out=_heading(kind))
        lines = TOP_FIELDS.format(kind=kind.kind)
        return Reply(
            _heading(kind) + f"DESCRIPTION:\n    {kind.kind} of {kind.api_version}.\n\nFIELDS:\n{lines}\n\n"
        )
    if found is None:
        raise Refused(f'error: field "{parts[-1][:100]}" does not exist', out=_heading(kind))
    shown, about, name = found
    head = f"FIELD: {parts[-1]} <{shown}\n\n\n" if parts else ""
    fields = schema.listed(name, deep=call.on("recursive"))
    fields = f"FIELDS:\n{fields}\n" if fields else ""
    return Reply(_heading(kind) + f"{head}DESCRIPTION:\n    {about}\n\n{fields}")


def _heading(kind: ResourceType) -> str:
    group = f"GROUP:      {kind.group}\n" if kind.group else ""
    return f"{group}KIND:       {kind.kind}\nVERSION:    {kind.version}\n\n"


def run_can_i(world: "World", call: Call) -> Reply:
    """`kubectl auth can-i VERB TYPE`."""
    if call.on("list"):
        rows = [["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]]
        rows.append(["*.*", "[]", "[]", "[get list watch]"])
        rows += [
            [TYPES[name].qualified, "[]", "[]", f"[{' '.join(verbs)}]"]
            for name, verbs in access.WRITES.items()
        ]
        return Reply(table(rows))
    if len(call.args) < 2:
        raise Refused(
            "error: you must specify two arguments: verb resource or verb resource/resourceName.\n"
            "See 'kubectl auth can-i -h' for help and examples."
        )
    verb, word = call.args[0], call.args[1].partition("/")[0]
    namespace = call.text("namespace") or world.kubernetes.namespace
    warning = ""
    if word == "*" or verb == "*":
        allowed = False
    else:
        try:
            kind = resource_type(word)
        except Refused:
            warning, allowed = (
                f"Warning: the server doesn't have a resource type '{word[:100]}'\n\n",
                verb in access.READS,
            )
        else:
            if not kind.namespaced and not call.on("all-namespaces"):
                group = f" in group '{kind.group}'" if kind.group else ""
                warning = f"Warning: resource '{kind.plural}' is not namespace scoped{group}\n\n"
            elsewhere = kind.namespaced and namespace != world.kubernetes.namespace
            allowed = verb in access.READS or (not elsewhere and access.may(verb, kind))
    if call.text("as").removeprefix("system:serviceaccount:") not in ("", access.USER):
        allowed = False  # other users and service accounts are bound to no role here
    if call.on("quiet"):
        return Reply(code=0 if allowed else 1)
    return Reply("yes\n" if allowed else "no\n", warning, 0 if allowed else 1)


def run_whoami(world: "World", call: Call) -> Reply:
    if call.text("output"):
        user = {"groups": ["oncall", "system:authenticated"], "username": access.USER}
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "SelfSubjectReview",
            "status": {"userInfo": user},
        }
        return printing.formatted(review, call.text("output"))
    rows = [["ATTRIBUTE", "VALUE"], ["Username", access.USER], ["Groups", "[oncall system:authenticated]"]]
    return Reply(table(rows))


USAGE = """kubectl controls the Kubernetes cluster manager.

Read:       get, describe, events, logs, top, rollout status, rollout history
Change:     rollout undo|restart|pause|resume, scale, set image|env|resources, patch, autoscale, delete
Nodes:      cordon, uncordon, drain
Pods:       exec, wait, label, annotate
About:      config, version, cluster-info, api-resources, explain, auth can-i

Usage:
  kubectl [flags] [options]

Use "kubectl <command> --help" for more information about a given command.
"""
EXAMPLES = {
    "get": "kubectl get pods -o wide -l app=NAME",
    "describe": "kubectl describe deployment NAME",
    "logs": "kubectl logs deployment/NAME --tail=50 --since=5m",
    "rollout": "kubectl rollout status deployment/NAME",
    "scale": "kubectl scale deployment/NAME --replicas=20",
    "set": "kubectl set image deployment/NAME CONTAINER=IMAGE:TAG",
    "patch": """kubectl patch deployment NAME -p '{"spec":{"paused":true}}'""",
    "delete": "kubectl delete pod NAME",
    "exec": "kubectl exec NAME -- env",
    "top": "kubectl top pods --sort-by=cpu",
    "autoscale": "kubectl autoscale deployment NAME --min=2 --max=10 --cpu-percent=60",
    "drain": "kubectl drain NODE --ignore-daemonsets",
}


def help_text(verb: str) -> str:
    """A short help of a verb, or of the whole tool."""
    if not verb.strip():
        return USAGE
    first = verb.split(maxsplit=1)[0]
    text = f"Usage:\n  kubectl {verb} [flags] [options]\n"
    if first in EXAMPLES:
        text = f"Examples:\n  {EXAMPLES[first]}\n\n" + text
    names = SUBCOMMANDS.get(verb)
    if names:
        text = "Available Commands:\n" + "".join(f"  {name}\n" for name in names) + "\n" + text
    return text + '\nUse "kubectl options" for a list of global command-line options.\n'


def run_options(world: "World", call: Call) -> Reply:
    return Reply("The following options can be passed to any command:\n\n    --context, --namespace/-n, -v\n")
