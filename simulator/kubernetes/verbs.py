"""The verbs that the on-call role only half has: cp, port-forward, proxy, edit, debug, attach, create, diff, replace."""

from __future__ import annotations

import base64
import difflib
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from simulator.kubernetes import access, changes, inside, patching, throwaway, yamltext
from simulator.kubernetes.notes import text as words
from simulator.kubernetes.objects import as_object
from simulator.kubernetes.parse import Call, Refused, duration
from simulator.kubernetes.resources import TYPES, ResourceType, find, items, request, resource_type
from simulator.kubernetes.state import Pod
from simulator.reply import Reply
from simulator.shell import files
from simulator.shell.home import HOME

if TYPE_CHECKING:
    from simulator.world import World

NO_IMAGE = "error: you must specify --image when not using --copy-to."


def run_edit(world: World, call: Call) -> Reply:
    """There is no editor, so an edit ends as one that is closed at once."""
    if not call.args:
        raise Refused(changes.NO_DELETE)
    asked = request(call.args, changes.NO_DELETE)
    for kind, name in asked.named:
        access.demand(
            "patch",
            kind,
            find(world, kind, name, world.kubernetes.namespace).name,
            world.kubernetes.namespace,
        )
    return Reply(
        "Edit cancelled, no changes made.\n", words(world, "no_editor").removeprefix("error: ") + "\n"
    )


def run_kustomize(world: World, call: Call) -> Reply:
    """Nothing of a kustomization lies on this host: the tool says so of the directory it is given."""
    asked = next((word for word in call.args if not word.startswith("-")), ".")
    path = asked.rstrip("/")
    if path in (".", "", "~", HOME):
        raise Refused(
            "error: unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory "
            f"'{HOME}'"
        )
    first = path if path.startswith("/") else f"{HOME}/{path.removeprefix('./').partition('/')[0]}"
    raise Refused(
        f"error: must build at directory: not a valid directory: evalsymlink failure on '{asked[:200]}' : "
        f"lstat {first[:200]}: no such file or directory"
    )


def run_proxy(world: World, call: Call) -> Reply:
    port = next((w.partition("=")[2] for w in call.args if w.startswith("--port=")), "8001")
    if not port.isdigit():
        raise Refused(
            f'error: invalid argument "{port[:60]}" for "-p, --port" flag: strconv.ParseInt: parsing "{port[:60]}": '
            "invalid syntax\nSee 'kubectl proxy --help' for usage."
        )
    return Reply(f"Starting to serve on 127.0.0.1:{port[:5]}\n", "kubectl get --raw PATH\n")


def run_cp(world: World, call: Call) -> Reply:
    """`kubectl cp POD:PATH FILE`; containers take no files."""
    args = [word for word in call.args if not word.startswith("-")]
    if len(args) < 2:
        raise Refused("error: source and destination are required")
    source, target = args[0], args[1]
    if ":" not in source and ":" not in target:
        raise Refused("error: one of src or dest must be a remote file specification")
    if ":" in source and ":" in target:
        raise Refused("error: src and dest cannot both be remote file specifications")
    if ":" in target and not files.exists(world, source):
        raise Refused(f"error: {source[:200]} doesn't exist in local filesystem")
    pod, path = _remote(world, source if ":" in source else target)
    if ":" in target:
        raise Refused(f"tar: {path.rpartition('/')[2][:200]}: Cannot open: Read-only file system\ntar: Exiting with failure status due to previous errors\ncommand terminated with exit code 2")  # fmt: skip
    text = inside.files(world, pod).get(path)
    if text is None:
        raise Refused(
            f"tar: {path[:200]}: Cannot stat: No such file or directory\ntar: Exiting with failure status due to "
            f"previous errors\nerror: {target[:200]} no such file or directory"
        )
    try:
        files.write(world, target, text)
    except files.FileProblem as problem:
        raise Refused(f"error: open {target[:200]}: {problem.reason.lower()}") from None
    return Reply("tar: Removing leading `/' from member names\n")


def _remote(world: World, word: str) -> tuple[Pod, str]:
    where, _, path = word.partition(":")
    name = where.rpartition("/")[2]
    pod = world.kubernetes.pods.get(name)
    if pod is None or pod.deleted_s is not None:
        raise Refused(f'Error from server (NotFound): pods "{name[:200]}" not found')
    return pod, path


def run_debug(world: World, call: Call) -> Reply:
    """debug: a container beside a pod's own for one command. attach: the role may not touch running containers."""
    args = [word for word in call.args if not word.startswith("-")]
    if not args:
        missing = "error: at least 1 argument is required for attach"
        raise Refused(missing if call.verb == "attach" else NO_IMAGE)
    kind, slash, name = args[0].rpartition("/")
    target = resource_type(kind) if slash else TYPES["pods"]
    if not any(item.name == name for item in items(world, target, world.kubernetes.namespace)):
        raise Refused(f'Error from server (NotFound): {target.qualified} "{name[:200]}" not found')
    if call.verb == "debug" and not any(w.startswith(("--image", "--copy-to")) for w in call.args):
        raise Refused(NO_IMAGE)
    if target.plural == "nodes":
        raise access.forbidden("create", TYPES["pods"], "", world.kubernetes.namespace)
    if call.verb == "debug":
        pod = world.kubernetes.pods.get(name)
        if pod is None or any(w.startswith("--copy-to") for w in call.args):
            raise Refused(throwaway.KEPT)
        access.protect_database(pod.app, pod.owner_kind)
        return throwaway.run_beside(world, call, pod)
    raise Refused(
        f'Error from server (Forbidden): pods "{name}" is forbidden: User "{access.USER}" cannot create resource '
        f'"pods/attach" in API group "" in the namespace "{world.kubernetes.namespace}"'
    )


def run_create(world: World, call: Call) -> Reply:
    """create, run, expose: the on-call role makes no new objects; a client's dry run needs no role."""
    kinds = {"run": "pod", "expose": "service"}
    if call.verb == "expose" and not any(not word.startswith("-") for word in call.args):
        raise Refused(changes.NO_DELETE)
    args = _positional(call.args)
    word = kinds.get(call.verb) or next(iter(args), "")
    if {"-f", "--filename"} & set(call.args) or any(w.startswith("--filename=") for w in call.args):
        if word != "-" and not files.exists(world, word.partition("=")[2] or word):
            raise Refused(f'error: the path "{word[:200]}" does not exist')
        item, _ = patching.sent(
            world, replace(call, flags={**call.flags, "filename": [word or "-"]}), "create"
        )
        raise Refused(
            f'Error from server (AlreadyExists): error when creating "{word or "STDIN"}": {item.type.qualified} "{item.name}" already exists'
        )
    if word == "token":
        raise Refused(
            'error: failed to create token: serviceaccounts "default" is forbidden: User "oncall" cannot create resource "serviceaccounts/token"'
        )
    if not word:
        raise Refused("error: must specify one of -f and -k")
    if call.verb == "run" and not any(w.startswith("--image") for w in call.args):
        raise Refused('error: required flag(s) "image" not set')
    flags = _loose(call.args)
    if "from" in flags:
        _check_from(world, flags["from"][-1])
    if call.verb == "create" and word not in CREATED:
        raise Refused(
            f"error: Unexpected args: [{' '.join(args)[:200]}]\nSee 'kubectl create -h' for help and examples"
        )
    kind = resource_type(word)
    if call.verb == "create":
        args = _check_created(kind, args, flags)
    if flags.get("dry-run", [""])[-1] == "client" or "--dry-run" in call.args:
        name = args[0 if call.verb == "run" else 1] if len(args) > (call.verb != "run") else ""
        return _drawn(kind.plural, name, flags)
    if call.verb == "run":
        if not args:
            raise Refused("error: NAME is required for run")
        image = next((image for image in flags.get("image", []) if image), "")
        return throwaway.run_once(world, call, args[0], image, flags)
    problem = access.forbidden("create", kind, "", world.kubernetes.namespace)
    plain = problem.message.removeprefix("Error from server (Forbidden): ")
    if call.verb == "create":
        raise Refused(f"error: failed to create {kind.singular}: {plain}")
    raise problem


CREATED = (  # what `kubectl create` has a subcommand for, with its short names
    "clusterrole clusterrolebinding configmap cm cronjob cj deployment deploy ingress ing job namespace ns "
    "poddisruptionbudget pdb priorityclass pc quota role rolebinding secret service svc serviceaccount sa"
).split()
VARIANTS = {
    "secrets": ("docker-registry", "generic", "tls"),
    "services": ("clusterip", "externalname", "loadbalancer", "nodeport"),
}


def _check_created(kind: ResourceType, args: list[str], flags: dict[str, list[str]]) -> list[str]:
    """The type and the name of a `kubectl create TYPE [VARIANT] NAME`. Raises Refused."""
    shown, rest = kind.singular, args[1:]
    if kind.plural in VARIANTS:
        if not rest or rest[0] not in VARIANTS[kind.plural]:
            raise Refused("", out=group_help(f"create {kind.singular}", VARIANTS[kind.plural]), code=1)
        shown, rest = f"{kind.singular} {rest[0]}", rest[1:]
    if kind.plural in ("deployments", "cronjobs") and "image" not in flags:
        wanted = '"image"' if kind.plural == "deployments" else '"image", "schedule"'
        raise Refused(f"error: required flag(s) {wanted} not set")
    if len(rest) != 1:
        raise Refused(
            f"error: exactly one NAME is required, got {len(rest)}\nSee 'kubectl create {shown} -h' for help and examples"
        )
    return [args[0], rest[0]]


def group_help(verb: str, names: tuple[str, ...]) -> str:
    """A short help of a verb that has subcommands."""
    listed = "".join(f"  {name}\n" for name in names)
    return f"Available Commands:\n{listed}\nUsage:\n  kubectl {verb} [flags] [options]\n"


_BARE = (
    "dry-run",
    "help",
    "save-config",
    "expose",
    "rm",
    "stdin",
    "tty",
    "quiet",
    "attach",
    "command",
    "append-hash",
)


def _positional(words_: list[str]) -> list[str]:
    """The words of a verb whose flags are not checked that are neither flags nor values of flags."""
    found, skip = [], False
    for word in words_:
        if word.startswith("-") and len(word) > 1:
            skip = (
                "=" not in word
                and word.lstrip("-") not in _BARE
                and (word.startswith("--") or len(word) == 2)
            )
        elif skip:
            skip = False
        else:
            found.append(word)
    return found


def _loose(words_: list[str]) -> dict[str, list[str]]:
    """`--name=value` and `--name value` of a verb whose flags are not checked."""
    found: dict[str, list[str]] = {}
    for at, word in enumerate(words_):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-"):
            after = words_[at + 1] if at + 1 < len(words_) and not words_[at + 1].startswith("-") else ""
            found.setdefault({"o": "output"}.get(name, name), []).append(value if equals else after)
    return found


def _check_from(world: World, source: str) -> None:
    kind, _, name = source.partition("/")
    target = resource_type(kind)
    if not any(item.name == name for item in items(world, target, world.kubernetes.namespace)):
        raise Refused(f'Error from server (NotFound): {target.qualified} "{name[:200]}" not found')


def _drawn(plural: str, name: str, flags: dict[str, list[str]]) -> Reply:
    """The object that a client's dry run would send."""
    kind = TYPES[plural]
    if not name:
        raise Refused("error: exactly one NAME is required, got 0")
    made: dict[str, Any] = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"creationTimestamp": None, "name": name},
    }
    images = [image for image in flags.get("image", []) if image]
    boxes = [
        {"image": image, "name": image.rpartition("/")[2].partition(":")[0] or name, "resources": {}}
        for image in images
    ]
    literals = dict(pair.partition("=")[::2] for pair in flags.get("from-literal", []))
    if plural == "deployments":
        made["metadata"]["labels"] = {"app": name}
        template = {
            "metadata": {"creationTimestamp": None, "labels": {"app": name}},
            "spec": {"containers": boxes},
        }
        replicas = flags.get("replicas", ["1"])[-1]
        made["spec"] = {"replicas": int(replicas) if replicas.isdigit() else 1, "selector": {"matchLabels": {"app": name}}, "strategy": {}, "template": template}  # fmt: skip
        made["status"] = {}
    elif plural == "configmaps":
        made["data"] = literals
    elif plural == "secrets":
        made["data"] = {key: base64.b64encode(value.encode()).decode() for key, value in literals.items()}
    elif plural == "pods":
        made["metadata"]["labels"] = {"run": name}
        made["spec"] = {
            "containers": [{**box, "name": name} for box in boxes],
            "dnsPolicy": "ClusterFirst",
            "restartPolicy": "Always",
        }
        made["status"] = {}
    elif plural == "namespaces":
        made["spec"] = made["status"] = {}
    elif plural == "jobs":
        boxes = [{**box, "name": name} for box in boxes]
        made["spec"] = {"template": {"metadata": {"creationTimestamp": None}, "spec": {"containers": boxes, "restartPolicy": "Never"}}}  # fmt: skip
        made["status"] = {}
    elif plural == "services":
        pairs = [pair.partition(":") for pair in flags.get("tcp", [])]
        ports = [{"name": f"{a}-{b or a}", "port": _whole(a), "protocol": "TCP", "targetPort": _whole(b or a)} for a, _, b in pairs]  # fmt: skip
        made["metadata"]["labels"] = {"app": name}
        made["spec"] = {"ports": ports, "selector": {"app": name}, "type": "ClusterIP"}
        made["status"] = {"loadBalancer": {}}
    if flags.get("output", [""])[-1] in ("yaml", "json"):
        return Reply(yamltext.dump(made))
    return Reply(f"{kind.prefix}/{name} created (dry run)\n")


def _whole(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else text


def run_diff(world: World, call: Call) -> Reply:
    """`kubectl diff -f -`: what an apply would change; exit code 1 when something would."""
    try:
        item, document = patching.sent(world, call, "diff")
    except Refused as problem:  # 1 means that something differs
        raise Refused(problem.message, 2, problem.out) from None
    old = as_object(world, item)
    new = patching.merge(old, document, strategic=True)
    patching.install(world, item, old, new, True)
    kept = deepcopy(new)
    kept["status"] = old.get("status")
    if kept == old:
        return Reply()
    name = f"{item.type.api_version.replace('/', '.')}.{item.type.kind}.{item.namespace}.{item.name}"
    left, right = f"/tmp/LIVE-2841730566/{name}", f"/tmp/MERGED-1093357214/{name}"
    before, after = yamltext.dump(old).splitlines(), yamltext.dump(kept).splitlines()
    lines = list(difflib.unified_diff(before, after, left, right, lineterm=""))
    return Reply(f"diff -u -N {left} {right}\n" + "\n".join(lines) + "\n", code=1)


def run_replace(world: World, call: Call) -> Reply:
    """`kubectl replace -f -`."""
    item, document = patching.sent(world, call, "replace")
    access.demand("update", item.type, item.name, item.namespace)
    old = as_object(world, item)
    patching.install(world, item, old, patching.merge(old, document, strategic=False), False)
    return Reply(f"{item.path} replaced\n")


def run_plugin(world: World, call: Call) -> Reply:
    raise Refused("error: unable to find any kubectl plugins in your PATH")


def run_completion(world: World, call: Call) -> Reply:
    shells = ("bash", "zsh", "fish", "powershell")
    if not call.args:
        raise Refused("error: Shell not specified.\nSee 'kubectl completion -h' for help and examples")
    if call.args[0] not in shells:
        raise Refused(
            f"error: Unsupported shell type \"{call.args[0][:60]}\".\nSee 'kubectl completion -h' for help and examples"
        )
    return Reply(f"# {call.args[0]} completion for kubectl: the Tab key completes here already\n")


def run_certificate(world: World, call: Call) -> Reply:
    if call.args[:1] and call.args[0] in ("approve", "deny"):
        raise Refused("error: one or more CSRs must be specified as <name> or -f <filename>")
    return Reply(
        "Modify certificate resources.\n\nAvailable Commands:\n  approve       Approve a certificate signing request\n"
        "  deny          Deny a certificate signing request\n\nUsage:\n  kubectl certificate SUBCOMMAND [options]\n"
    )


TIMEOUT = (
    "error: Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a "
    "corresponding time unit (e.g. 1s | 2m | 3h)"
)


def check_globals(call: Call) -> None:
    """There is one context, `prod`; others do not exist."""
    context, timeout = call.text("context"), call.text("request-timeout", "0")
    if context not in ("", "prod") and call.verb != "config":
        raise Refused(f"Error in configuration: context was not found for specified context: {context[:100]}")
    if duration(timeout) is None and not timeout.isdigit():
        raise Refused(TIMEOUT)
