"""`-o yaml|json|name|…` after a change: the object as it then is; of a dry run, as it would be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.kubernetes import get
from simulator.kubernetes.parse import Call, parse
from simulator.kubernetes.rollout import dry_run
from simulator.reply import Reply

if TYPE_CHECKING:
    from simulator.world import World

Handler = Callable[["World", Call], Reply]
VERBS = frozenset((
    "annotate", "label", "patch", "scale", "set env", "set image", "set resources", "rollout pause", "rollout restart",
    "rollout resume", "rollout undo",
))  # fmt: skip


def shown(handler: Handler, world: World, call: Call) -> Reply:
    """The change as `handler` makes it, printed in the form that was asked for."""
    form = call.text("output")
    if not form or call.verb not in VERBS or call.on("list"):
        return handler(world, call)
    place = world.fork() if dry_run(call)[0] else world
    flags = {name: value for name, value in call.flags.items() if name not in ("output", "dry-run")}
    reply = handler(place, replace(call, flags=flags))
    if reply.code:
        return reply
    words = [word for word in call.args if "=" not in word and not word.endswith("-")]
    kept = [
        f"--{name}={call.text(name)}"
        for name in ("namespace", "selector", "all-namespaces")
        if call.given(name)
    ]
    found = get.run_get(place, parse(["get", *words, *kept, "-o", form]))
    return Reply(found.out, reply.err + found.err, found.code, reply.cost_s)
