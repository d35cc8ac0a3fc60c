"""`kubectl port-forward`: what it would listen on and reach; it ends with the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubernetes.notes import text as words
from simulator.kubernetes.parse import Call, Refused
from simulator.kubernetes.resources import TYPES, ResourceType, items, resource_type
from simulator.reply import Reply

if TYPE_CHECKING:
    from simulator.world import World

FORWARD_USAGE = "error: TYPE/NAME and list of ports are required for port-forward\nSee 'kubectl port-forward -h' for help and examples"


def run_port_forward(world: World, call: Call) -> Reply:
    """It listens and ends at once: from this host every service is reachable anyway."""
    if len(call.args) < 2:
        raise Refused(FORWARD_USAGE)
    kind, slash, name = call.args[0].rpartition("/")
    target = resource_type(kind) if slash else TYPES["pods"]
    namespace = call.text("namespace") or world.kubernetes.namespace
    if not any(item.name == name for item in items(world, target, namespace)):
        raise Refused(f'Error from server (NotFound): {target.qualified} "{name[:200]}" not found')
    out = ""
    for pair in call.args[1:]:
        local, inner = _ports(target, name, pair)
        out += f"Forwarding from 127.0.0.1:{local} -> {inner}\nForwarding from [::1]:{local} -> {inner}\n"
    app = name if target.plural == "services" else _app(world, name)
    return Reply(out, words(world, "no_forward", target=app).removeprefix("error: ") + "\n")


FREE_PORT = "43817"  # what the system gives for `:8080`


def _ports(target: ResourceType, name: str, pair: str) -> tuple[str, str]:
    """Where `LOCAL:REMOTE` listens and what it reaches; a service's ports are those that its pods listen on."""
    local, colon, remote = pair.partition(":")
    remote = remote if colon else local
    service = target.plural == "services"
    named = not remote[:1].isdigit()
    if named and not (service and remote == "http"):
        raise Refused(
            f"error: Service '{name}' does not have a service port '{remote[:60]}'"
            if service
            else f"error: Pod '{name}' does not have a named port '{remote[:60]}'"
        )
    local = FREE_PORT if colon and not local else local if not named or colon else "8080"
    for which, part in (("local", local), ("remote", "80" if named else remote)):
        whole = part.isascii() and part.isdigit()
        if not whole or int(part[:9]) > 65_535:
            why = "value out of range" if whole else "invalid syntax"
            raise Refused(
                f"error: error parsing {which} port '{part[:60]}': strconv.ParseUint: parsing \"{part[:60]}\": {why}"
            )
        if which == "remote" and not int(part):
            raise Refused("error: remote port must be > 0")
    if service and remote not in ("80", "http"):
        raise Refused(f"error: Service {name} does not have a service port {remote}")
    return local, "8080" if service else remote


def _app(world: World, name: str) -> str:
    pod = world.kubernetes.pods.get(name)
    return pod.app if pod is not None else name
