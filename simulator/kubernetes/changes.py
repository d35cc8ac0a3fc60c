"""The commands that change objects: scale, set, autoscale, delete, label, annotate."""

from dataclasses import replace
from typing import TYPE_CHECKING

import re2

from simulator.kubernetes import access, autoscaler, controller
from simulator.kubernetes.get import collect
from simulator.kubernetes.parse import Call, Refused
from simulator.kubernetes.resources import Item, not_found, request
from simulator.kubernetes.rollout import STEP_S, dry_run, each, targets
from simulator.kubernetes.state import Deployment, Pod, Template
from simulator.reply import Reply

if TYPE_CHECKING:
    from simulator.world import World

MAX_REPLICAS = 1000  # the platform's admission limit; it also bounds what a player can ask of us
NO_TARGET = "error: one or more resources must be specified as <resource> <name> or <resource>/<name>"
NO_DELETE = (
    "error: You must provide one or more resources by argument or filename.\n"
    "Example resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n"
    "   '<resource> <name>'\n   '<resource>'"
)
QUANTITY = (
    "error: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
_CPU = re2.compile(r"^[0-9]{1,5}(\.[0-9]{1,3})?m?$")
_MEMORY = re2.compile(r"^[0-9]{1,12}(\.[0-9]{1,3})?(Ki|Mi|Gi|Ti|K|M|G|T|k)?$")
_NAME = re2.compile(r"^[A-Za-z_.-][A-Za-z0-9_.-]{0,250}$")
CASCADES = ("background", "foreground", "orphan", "true", "false")
FORCED = (
    "Warning: Immediate deletion does not wait for confirmation that the running resource has been "
    "terminated. The resource may continue to run on the cluster indefinitely.\n"
)


def deployment_of(item: Item, verb: str = "patch") -> Deployment:
    """The deployment behind an item; other types are refused as the server would."""
    access.demand(verb, item.type, item.name, item.namespace)
    if isinstance(item.source, Deployment):
        return item.source
    raise Refused(f'error: {item.type.qualified} "{item.name}" has no pod template that may be changed')


def run_scale(world: "World", call: Call) -> Reply:
    """`kubectl scale --replicas=N`."""
    if not call.given("replicas"):
        raise Refused('error: required flag(s) "replicas" not set')
    wanted = call.number("replicas", 0)
    if wanted < 0:
        raise Refused(
            "error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0"
        )
    items, errors = targets(world, call, NO_DELETE)
    dry, suffix = dry_run(call)

    def act(item: Item) -> str:
        if item.type.plural not in ("deployments", "replicasets", "statefulsets"):
            raise Refused("Error from server (NotFound): the server could not find the requested resource")
        access.demand("patch", item.type, item.name, item.namespace)
        current = item.source.replicas
        if call.number("current-replicas", -1) not in (-1, current):
            expected = call.number("current-replicas", -1)
            raise Refused(f"error: Expected replicas to be {expected}, was {current}")
        found = item.source
        if isinstance(found, Deployment):
            check_replicas(found, wanted)
            if not dry:
                controller.scale(world, found, wanted)
        # A ReplicaSet of a deployment is set back by its owner before anyone could see it.
        return f"{item.path}\n" if call.text("output") == "name" else f"{item.path} scaled{suffix}\n"

    if errors and not items:
        plain = ", ".join(error.removeprefix("Error from server (NotFound): ") for error in errors)
        shown = plain if len(errors) == 1 else f"[{plain}]"
        raise Refused(f"error: no objects passed to scale {shown}")
    return each(world, call, items, errors, act)


def check_replicas(found: Deployment, wanted: int) -> None:
    """Raise the admission webhook's refusal of absurd sizes."""
    if wanted > max(MAX_REPLICAS, 2 * found.replicas):
        raise Refused(
            'Error from server (Forbidden): admission webhook "limits.platform.svc" denied the request: '
            f"spec.replicas of {found.name} must be at most {max(MAX_REPLICAS, 2 * found.replicas)}"
        )


def split_pairs(args: list[str]) -> tuple[list[str], list[str]]:
    """Resources first, then NAME=VALUE or NAME- words."""
    resources = [word for word in args if "=" not in word and not word.endswith("-")]
    return resources, [word for word in args if word not in resources]


def run_set_image(world: "World", call: Call) -> Reply:
    """`kubectl set image deployment/x container=image`."""
    call.args, pairs = split_pairs(call.args)
    items, errors = targets(world, call, NO_DELETE)
    if not pairs and not errors:
        raise Refused("error: at least one image update is required")
    images: dict[str, str] = {}
    for pair in pairs:
        name, _, image = pair.partition("=")
        if not name or not image:
            raise Refused(f"error: invalid image specification: {pair[:200]}")
        images[name] = image[:250]
    dry, suffix = dry_run(call)

    def act(item: Item) -> str:
        found = deployment_of(item)
        own = found.template.container
        unknown = [name for name in images if name not in (own, "*")]
        if unknown:
            raise Refused(f'error: unable to find container named "{unknown[0]}"')
        image = images.get(own, images.get("*", ""))
        if image == found.template.image:
            return ""
        if not dry:
            controller.set_image(world, found, image)
        return f"{item.path} image updated{suffix}\n"

    return each(world, call, items, errors, act)


def run_set_env(world: "World", call: Call) -> Reply:
    """`kubectl set env deployment/x KEY=VALUE KEY-` and `--list`."""
    call.args, pairs = split_pairs(call.args)
    pairs += [pair for pair in call.many("env") if pair]
    if not call.args:
        raise Refused(NO_TARGET)
    for pair in pairs:
        if not _NAME.match(pair.partition("=")[0].removesuffix("-")):
            raise Refused(f"error: invalid environment variable: {pair[:200]}")
    items, errors = targets(world, call, NO_TARGET)
    dry, suffix = dry_run(call)

    def act(item: Item) -> str:
        if call.on("list"):
            template = getattr(item.source, "template", None)
            if not isinstance(template, Template):
                raise Refused(f"error: {item.type.plural}/{item.name} has no pod template")
            lines = [f"# {item.type.kind} {item.name}, container {template.container}"]
            return "\n".join(lines + [f"{name}={value}" for name, value in template.env]) + "\n"
        found = deployment_of(item)
        env = dict(found.template.env)
        for pair in pairs:
            name, equals, value = pair.partition("=")
            if equals:
                env[name] = value[:2000]
            else:
                env.pop(name.removesuffix("-"), None)
        changed = replace(found.template, env=tuple(env.items()))
        if not dry and not controller.apply_template(world, found, changed):
            return ""
        return f"{item.path} env updated{suffix}\n"

    return each(world, call, items, errors, act)


def run_set_resources(world: "World", call: Call) -> Reply:
    """`kubectl set resources deployment/x --limits=cpu=2,memory=2Gi`."""
    if not call.text("limits") and not call.text("requests"):
        raise Refused(
            "error: you must specify an update to requests or limits (in the form of --requests/--limits)"
        )
    changes: dict[str, str] = {}
    for flag, ending in (("limits", "limit"), ("requests", "request")):
        for part in call.text(flag).split(",") if call.text(flag) else []:
            name, equals, value = part.partition("=")
            if not equals:
                raise Refused(f"error: Invalid argument syntax {part[:100]}, expected <resource>=<value>")
            changes[f"{name.strip()}_{ending}"] = check_quantity(name.strip(), value)
    items, errors = targets(world, call, NO_TARGET)
    dry, suffix = dry_run(call)

    def act(item: Item) -> str:
        found = deployment_of(item)
        own = call.text("containers")
        if own not in ("", "*", found.template.container):
            raise Refused(f"error: unable to find container named {own}")
        changed = Template(**{**vars(found.template), **changes})
        check_resources(changed)
        if not dry:
            controller.apply_template(world, found, changed)
        return f"{item.path} resource requirements updated{suffix}\n"

    return each(world, call, items, errors, act)


def check_quantity(name: str, value: str) -> str:
    """A CPU or memory quantity as text. Raises Refused."""
    if name not in ("cpu", "memory"):
        raise Refused(f"error: only cpu and memory are simulated, not {name[:60]}")
    if not (_CPU if name == "cpu" else _MEMORY).match(value) or not value.strip("0.mKiMGTk"):
        raise Refused(QUANTITY)
    return value


def check_resources(template: Template) -> None:
    """Requests may not exceed limits. Raises the server's refusal."""
    from simulator.kubernetes.state import cpu_m, memory_mi

    pairs = (
        ("cpu", template.cpu_request, template.cpu_limit, cpu_m),
        ("memory", template.memory_request, template.memory_limit, memory_mi),
    )
    for name, low, high, size in pairs:
        if size(low) > size(high):
            field = "spec.template.spec.containers[0].resources.requests"
            raise Refused(
                f'The Deployment "{template.container}" is invalid: {field}: Invalid value: "{low}": must be '
                f"less than or equal to {name} limit of {high}"
            )


def run_autoscale(world: "World", call: Call) -> Reply:
    """`kubectl autoscale deployment x --min --max --cpu-percent`."""
    if not call.given("max"):
        raise Refused('error: required flag(s) "max" not set')
    maximum, minimum = call.number("max", 0), call.number("min", 1)
    minimum = 1 if minimum < 1 else minimum
    if maximum < 1:
        raise Refused(f"error: --max=MAXPODS is required and must be at least 1, max: {maximum}")
    if maximum < minimum:
        problem = f"max: {maximum}, min: {minimum}"
        raise Refused(f"error: --max=MAXPODS must be larger or equal to --min=MINPODS, {problem}")
    items, errors = targets(world, call, NO_DELETE)
    percent = call.number("cpu-percent", -1)
    target = autoscaler.DEFAULT_TARGET if percent <= 0 else percent
    dry, suffix = dry_run(call)

    def act(item: Item) -> str:
        if not isinstance(item.source, Deployment):
            kind = f"{item.type.api_version}, Kind={item.type.kind}"
            raise Refused(f"error: cannot autoscale a {kind}")
        name = call.text("name") or item.name
        if name in world.kubernetes.hpas:
            raise Refused(
                f'Error from server (AlreadyExists): horizontalpodautoscalers.autoscaling "{name}" '
                "already exists"
            )
        check_replicas(item.source, maximum)
        if not dry:
            autoscaler.create(world, item.source, (minimum, maximum), target, name)
        return f"horizontalpodautoscaler.autoscaling/{name} autoscaled{suffix}\n"

    return each(world, call, items, errors, act)


def run_delete(world: "World", call: Call) -> Reply:
    """`kubectl delete`; waits for what it deleted unless --wait=false."""
    if call.many("filename"):
        raise Refused(f'error: the path "{call.many("filename")[0]}" does not exist')
    asked = request(call.args, NO_DELETE)
    selected = call.given("selector") or call.on("all") or call.given("field-selector")
    if not asked.named and not selected:
        raise Refused("error: resource(s) were provided, but no name was specified")
    if asked.named and call.on("all"):
        raise Refused("error: name cannot be provided when a selector is specified")
    if call.on("all") and call.text("selector"):
        raise Refused("error: setting 'all' parameter but found a non empty selector. ")
    if call.text("output") not in ("", "name"):
        raise Refused(
            f"error: unexpected -o output mode: {call.text('output')[:60]}. We only support '-o name'"
        )
    if call.text("cascade", "background") not in CASCADES:
        raise Refused(
            f"error: invalid cascade value ({call.text('cascade')[:60]}). "
            'Must be "background", "foreground", or "orphan"'
        )
    grace_s = 1 if call.on("now") else call.number("grace-period", 30)
    forced = call.on("force") and grace_s in (0, 30)
    found = collect(world, call, asked)
    dry, suffix = dry_run(call)
    doomed: list[Pod] = []

    gone: list[str] = []

    def act(item: Item) -> str:
        word = "force deleted" if forced else "deleted"
        if item.path in gone:
            raise Refused(not_found(item.type, item.name))
        gone.append(item.path)
        if not dry:
            doomed.extend(_delete(world, item, max(grace_s, 1) if grace_s >= 0 else 30, forced))
        if call.text("output") == "name":
            return f"{item.path}\n"
        return f'{item.type.prefix} "{item.name}" {word}{suffix}\n'

    reply = each(world, call, found.every, found.errors, act)
    if not found.every and not found.errors:
        return Reply(out="" if asked.named else "No resources found\n")
    if call.on("wait", default=True) and not forced:
        _wait_gone(world, doomed)
    warning = FORCED if forced and found.every else ""
    return Reply(reply.out, warning + reply.err, reply.code)


def _delete(world: "World", item: Item, grace_s: float, forced: bool) -> list[Pod]:
    """Delete one object; the pods whose end the command waits for."""
    access.demand("delete", item.type, item.name, item.namespace)
    source = item.source
    if isinstance(source, Pod):
        if item.namespace != world.kubernetes.namespace:
            raise access.forbidden("delete", item.type, item.name, item.namespace)
        access.protect_database(source.app, source.owner_kind)
        controller.delete_pod(world, source, grace_s, forced)
        return [source]
    if isinstance(source, Deployment):
        controller.delete_deployment(world, source)
    elif item.type.plural == "replicasets":
        controller.delete_replicaset(world, source)
    else:
        del world.kubernetes.hpas[item.name]
    return []


def _wait_gone(world: "World", doomed: list[Pod]) -> None:
    until_s = world.now_s + world.patience_s
    while any(pod.gone_s > world.now_s for pod in doomed) and world.now_s < until_s - 1e-9:
        before_s = world.now_s
        world.advance(min(STEP_S, until_s - world.now_s))
        if world.now_s <= before_s:
            return
