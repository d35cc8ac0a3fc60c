"""Which groups the concepts of a text belong to: `prevent` of `prevent.canary`."""

from collections.abc import Iterable

KINDS = ("prevent", "detect", "mitigate", "respond")  # of measures
IDEAS = frozenset({*KINDS, "mech"})
TECHNICAL = frozenset({*IDEAS, "design", "systemic"})
TRADE = frozenset({*TECHNICAL, "term"})


def group_of(concept: str) -> str:
    """`prevent` of `prevent.canary`."""
    return concept.partition(".")[0]


# The mechanism that a measure answers; the others (alerts, rollbacks, limits) answer many.
_ANSWERS = {
    "prevent.quorum": "mech.split",
    "prevent.fencing": "mech.split",
    "prevent.sync_replica": "mech.replication",
    "prevent.lock_order": "mech.locks",
    "prevent.short_transaction": "mech.locks",
    "prevent.manual_commit": "mech.offset",
    "prevent.drain": "mech.offset",
    "prevent.hot_split": "mech.hot_key",
    "prevent.local_cache": "mech.hot_key",
    "prevent.single_flight": "mech.cache",
    "prevent.ttl_jitter": "mech.cache",
    "prevent.cache_warm": "mech.cache",
    "prevent.schema_safe": "mech.schema",
    "prevent.least_privilege": "mech.human_access",
    "prevent.safe_delete": "mech.human_access",
    "prevent.visible_env": "mech.human_access",
    "prevent.backup": "mech.human_access",
    "prevent.query_budget": "mech.n_plus_one",
    "prevent.idempotency": "mech.race",
    "prevent.outbox": "mech.saga",
    "prevent.capacity": "mech.capacity",
    "mitigate.prescale": "mech.capacity",
    "mitigate.shed": "mech.capacity",
    "mitigate.dns": "mech.os_net",
    "mitigate.pooler": "mech.pool",
    "mitigate.retry_budget": "mech.retry_storm",
    "mitigate.backoff": "mech.retry_storm",
}
# Mechanisms that one incident brings along with another: who speaks of one may speak of the other.
_BESIDE = {
    "mech.human_access": ("mech.replication",),
    "mech.split": ("mech.replication", "mech.os_net"),
    "mech.replication": ("mech.split", "mech.capacity", "mech.cache"),
    "mech.os_net": ("mech.split", "mech.replication"),
    "mech.pool": ("mech.thread_block", "mech.n_plus_one", "mech.capacity", "mech.locks"),
    "mech.n_plus_one": ("mech.pool", "mech.thread_block"),
    "mech.retry_storm": ("mech.thread_block", "mech.hot_key", "mech.capacity", "mech.pool", "mech.cache"),
    "mech.thread_block": ("mech.pool", "mech.retry_storm"),
    "mech.hot_key": ("mech.cache", "mech.capacity"),
    "mech.cache": ("mech.hot_key", "mech.capacity"),
    "mech.capacity": ("mech.cache", "mech.hot_key", "mech.replication"),
    "mech.offset": ("mech.race", "mech.saga"),
    "mech.race": ("mech.saga", "mech.offset", "mech.locks"),
    "mech.saga": ("mech.race", "mech.offset"),
    "mech.locks": ("mech.race", "mech.pool", "mech.retry_storm"),
    "mech.schema": ("mech.locks", "mech.replication"),
}
ANYWHERE = frozenset(
    {"detect.alert", "respond.drill", "respond.runbook", "respond.oncall"}
)  # no incident without them


def mechanism_of(concept: str) -> str:
    """The mechanism that a concept is or answers; empty for one that fits many."""
    return concept if group_of(concept) == "mech" else _ANSWERS.get(concept, "")


def mechanisms_of(concepts: Iterable[str]) -> frozenset[str]:
    """The mechanisms that concepts are or answer, and those that come along with them."""
    found = {mechanism_of(c) for c in concepts} - {""}
    return frozenset(found | {beside for m in found for beside in _BESIDE.get(m, ())})
