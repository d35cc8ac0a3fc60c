"""Event objects: writing them, merging repeats, forgetting old ones. No wording lives here."""

from typing import TYPE_CHECKING

from simulator.kubernetes.state import Cluster, Events, KubeEvent

if TYPE_CHECKING:
    from simulator.world import World

TTL_S = 3600.0  # the API server's --event-ttl
LIMIT = 6000  # bound of the list, far above what an hour of rollouts writes


def record(
    world: "World",
    about: tuple[str, str],
    reason: str,
    message: str,
    source: str,
    *,
    warning: bool = False,
    at_s: float | None = None,
    repeat_s: float = 0.0,
    until_s: float = float("inf"),
) -> None:
    """Write an event about (kind, name); the same one again only counts up.

    `at_s` may lie a few seconds ahead: such an event shows when its time has come.
    """
    cluster: Cluster = world.kubernetes
    when = world.now_s if at_s is None else at_s
    for event in reversed(cluster.events[-400:]):
        same = event.message == message and (event.kind, event.name, event.reason) == (*about, reason)
        if same and not event.repeat_s:
            event.count += 1
            event.last_s = max(event.last_s, when)
            return
    kind = "Warning" if warning else "Normal"
    cluster.events.append(
        KubeEvent(*about, kind, reason, message, source, when, when, repeat_s=repeat_s, until_s=until_s)
    )
    if len(cluster.events) > LIMIT:
        del cluster.events[: LIMIT // 4]


def silence(world: "World", kind: str, name: str) -> None:
    """The object goes away: what was still to come does not, what recurs stops."""
    cluster: Cluster = world.kubernetes
    now_s = world.now_s
    about = [event for event in cluster.events if event.name == name and event.kind == kind]
    for event in about:
        event.until_s = min(event.until_s, now_s)
    if any(event.first_s > now_s for event in about):
        cluster.events = Events(
            e for e in cluster.events if e.first_s <= now_s or e.name != name or e.kind != kind
        )


def visible(cluster: Cluster, now_s: float, about: tuple[str, str] | None = None) -> list[KubeEvent]:
    """The events that exist as of now, in the order written; optionally about one (kind, name)."""
    return [
        event
        for event in cluster.events
        if (about is None or (event.kind, event.name) == about)
        and event.first_s <= now_s
        and now_s - event.seen(now_s)[0] <= TTL_S
    ]
