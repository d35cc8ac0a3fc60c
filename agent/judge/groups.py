"""Which groups the concepts of a text belong to: `prevent` of `prevent.canary`."""

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
ANYWHERE = frozenset(
    {"detect.alert", "respond.drill", "respond.runbook", "respond.oncall"}
)  # no incident without them


def mechanism_of(concept: str) -> str:
    """The mechanism that a concept is or answers; empty for one that fits many."""
    return concept if group_of(concept) == "mech" else _ANSWERS.get(concept, "")
