"""Pods and containers for the time of one command: `kubectl run --rm -i` and `kubectl debug POD`.

Both run on the cluster's network with the clients that their images carry. Nothing of them stays behind; a pod that would
stay without a controller is refused at admission.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import re2

from simulator.engine import streams
from simulator.kubernetes import access, inside
from simulator.kubernetes.parse import Call, Refused
from simulator.kubernetes.resources import TYPES
from simulator.kubernetes.state import Pod, Template
from simulator.reply import Reply

if TYPE_CHECKING:
    from simulator.world import World

_NAME = re2.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
PROMPT = "If you don't see a command prompt, try pressing enter.\n"
KEPT = (
    'Error from server (Forbidden): admission webhook "limits.platform.svc" denied the request: a pod without a '
    "controller is admitted only for the time of a command: kubectl run --rm -i"
)


def run_once(world: World, call: Call, name: str, image: str, flags: dict[str, list[str]]) -> Reply:
    """`kubectl run NAME --rm -i --image=IMAGE -- COMMAND`. Raises Refused."""
    if not _NAME.match(name):
        raise Refused(
            f'The Pod "{name[:100]}" is invalid: metadata.name: Invalid value: "{name[:100]}": a lowercase RFC 1123 '
            "subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
            "alphanumeric character"
        )
    letters = "".join(word[1:] for word in call.args if word.startswith("-") and not word.startswith("--"))
    attached = any(flag in flags for flag in ("stdin", "tty", "attach")) or "i" in letters
    if "rm" not in flags:
        raise Refused(KEPT)
    if not attached:
        raise Refused("error: --rm should only be used for attached containers")
    if name in world.kubernetes.pods:
        raise Refused(f'Error from server (AlreadyExists): pods "{name}" already exists')
    namespace = (
        call.text("namespace") or next(iter(flags.get("namespace", [])), "") or world.kubernetes.namespace
    )
    if namespace != world.kubernetes.namespace:
        raise access.forbidden("create", TYPES["pods"], "", namespace)
    template = Template(container=name, image=image, cpu_limit="1", memory_limit="256Mi")
    pod = Pod(name, namespace, "", "", "", template, "", world.now_s, {"run": name}, started_s=world.now_s)
    gone = f'pod "{name}" deleted\n'
    command = call.command or [
        word for word in call.args[call.args.index(name) + 1 :] if not word.startswith("-")
    ]
    if not command:
        return Reply(gone, PROMPT)
    reply = inside.run(world, pod, command, call.stdin)
    failed = f"pod {namespace}/{name} terminated (Error)\n" if reply.code else ""
    err = reply.err.replace(f"command terminated with exit code {reply.code}\n", "")
    gap = "" if reply.out.endswith("\n") or not reply.out else "\n"
    return replace(reply, out=f"{reply.out}{gap}{gone}", err=err + failed)


def run_beside(world: World, call: Call, pod: Pod) -> Reply:
    """`kubectl debug POD -it --image=IMAGE [--target=CONTAINER] -- COMMAND`: in the pod's own network and processes."""
    key = streams.key_of(world.seed, "debugger", pod.name)
    name = "debugger-" + "".join(_SUFFIX[streams.bits(key, n) % len(_SUFFIX)] for n in range(5))
    target = next((w.partition("=")[2] for w in call.args if w.startswith("--target=")), "")
    if target and target != pod.template.container:
        raise Refused(
            f'The Pod "{pod.name}" is invalid: spec.ephemeralContainers[0].targetContainerName: Not found: "{target[:63]}"'
        )
    told = f'Targeting container "{target}". ' if target else ""
    if told:
        told += (
            "If you don't see processes from this container it may be because the container runtime doesn't support "
            "this feature.\n"
        )
    told += f"Defaulting debug container name to {name}.\n"
    if not call.command:
        return Reply("", told + PROMPT)
    reply = inside.run(world, pod, call.command, call.stdin)
    return replace(reply, err=told + reply.err)
