"""Which groups the concepts of a text belong to: `prevent` of `prevent.canary`."""

KINDS = ("prevent", "detect", "mitigate", "respond")  # of measures
IDEAS = frozenset({*KINDS, "mech"})
TECHNICAL = frozenset({*IDEAS, "design", "systemic"})
TRADE = frozenset({*TECHNICAL, "term"})


def group_of(concept: str) -> str:
    """`prevent` of `prevent.canary`."""
    return concept.partition(".")[0]
