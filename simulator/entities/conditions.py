"""What the entities see of the world outside: how long a call takes and how it ends, who is up, who reaches whom.

The data plane answers these questions in a run; `TableConditions` answers them from tables, for tests and
for worlds without a data plane. Answers are functions of the arguments alone.
"""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from simulator.engine.streams import exponential, uniform

OK = "ok"
ERROR = "error"  # refused; nothing was done and the caller knows it
AMBIGUOUS = "ambiguous"  # the caller's time-out passed, the work was done all the same
LOST = "lost"  # the caller's time-out passed and nothing was done

FOREVER = 1 << 62
MS = 1_000_000


class Outcome(NamedTuple):
    """How a call ends: its kind, when the caller knows, and when the work takes effect (ns after the call)."""

    kind: str
    duration_ns: int
    effect_ns: int


class Conditions(Protocol):
    """The world as a flow meets it. Names are those of the scenario's components and nodes."""

    def call(self, target: str, key: int, time_ns: int, luck: int, timeout_ms: float = 5_000.0) -> Outcome:
        """What happens to a call to `target` for business key `key`; `luck` is the call's own random key.

        `timeout_ms` is how long the caller waits.
        """

    def up(self, node: str, time_ns: int) -> bool:
        """Whether a node runs."""

    def connected(self, a: str, b: str, time_ns: int) -> bool:
        """Whether `a` and `b` reach each other; a node always reaches itself."""

    def delay_ns(self, a: str, b: str, time_ns: int, luck: int) -> int:
        """One way from `a` to `b`, in ns."""


@dataclass(slots=True)
class Rule:
    """Shares of calls to `target` in a span of time that end other than well; durations are exponential."""

    target: str
    mean_ms: float = 5.0
    error: float = 0.0
    ambiguous: float = 0.0
    lost: float = 0.0
    timeout_ms: float = 1000.0
    late_ms: float = 0.0  # how long after the caller's time-out the work of an ambiguous call takes effect
    from_ns: int = 0
    to_ns: int = FOREVER


@dataclass(slots=True)
class TableConditions:
    """Rules (the last that matches holds), cuts between nodes, outages and delays, each with its span in ns."""

    rules: list[Rule] = field(default_factory=list)
    cuts: list[tuple[str, str, int, int]] = field(default_factory=list)
    outages: list[tuple[str, int, int]] = field(default_factory=list)
    delays: list[tuple[str, str, float, int, int]] = field(default_factory=list)  # a, b, mean ms, from, to
    default: Rule = field(default_factory=lambda: Rule("*"))
    delay_ms: float = 1.0

    def call(self, target: str, key: int, time_ns: int, luck: int, timeout_ms: float = 5_000.0) -> Outcome:
        """As the last rule that matches says; its own time-out holds."""
        rule = self.default
        for each in self.rules:
            if each.target == target and each.from_ns <= time_ns < each.to_ns:
                rule = each
        timeout_ns = int(rule.timeout_ms * MS)
        lot = uniform(luck, 0)
        if lot < rule.ambiguous:
            return Outcome(AMBIGUOUS, timeout_ns, timeout_ns + int(rule.late_ms * MS))
        if lot < rule.ambiguous + rule.lost:
            return Outcome(LOST, timeout_ns, timeout_ns)
        duration = min(int(exponential(luck, 1, rule.mean_ms) * MS), timeout_ns) + 1
        if lot < rule.ambiguous + rule.lost + rule.error:
            return Outcome(ERROR, duration, duration)
        return Outcome(OK, duration, duration)

    def up(self, node: str, time_ns: int) -> bool:
        return not any(n == node and a <= time_ns < b for n, a, b in self.outages)

    def connected(self, a: str, b: str, time_ns: int) -> bool:
        if a == b or not self.cuts:
            return True
        return not any(
            start <= time_ns < end and ((x == a and y == b) or (x == b and y == a))
            for x, y, start, end in self.cuts
        )

    def delay_ns(self, a: str, b: str, time_ns: int, luck: int) -> int:
        mean = self.delay_ms
        for x, y, ms, start, end in self.delays:
            if start <= time_ns < end and ((x == a and y == b) or (x == b and y == a)):
                mean = ms
        return int(mean * MS * (0.5 + uniform(luck, 2)))
