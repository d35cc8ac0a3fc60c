"""A payment system: authorise, capture, refund, and idempotency keys that are remembered for a while.

It posts exactly what it is asked for. Two charges without a key are two charges; so are two with the same key if
the second comes after the key was forgotten (Stripe prunes keys after 24 h, docs.stripe.com/api/idempotent_requests).
"""

from simulator.entities.columns import Column
from simulator.entities.spec import SystemSpec
from simulator.entities.timers import SECOND

POSTED, REPEATED, REFUSED, NOTHING = "posted", "repeated", "refused", "nothing"


class PaymentSystem:
    """Totals of an entity as (authorised, captured, refunded, cancelled), in minor units of money.

    `cancel` undoes an operation of unknown outcome: it gives back what was taken, and if nothing was, it refuses
    what may still be on its way. A plain refund that overtakes a late charge finds nothing to refund.
    `reclaim` takes back a refund beyond what was taken, and nothing else.
    """

    __slots__ = ("keys", "name", "spec", "totals")

    def __init__(self, spec: SystemSpec) -> None:
        self.spec = spec
        self.name = spec.name
        self.totals = tuple(Column() for _ in range(4))
        self.keys: dict[str, Column] = {}  # step -> entity -> twice the time in ns, plus 1 if refused

    def post(self, operation: str, entity: int, amount: int, key: str, now_ns: int) -> str:
        """Do it once for (key, entity), or every time if the key is empty.

        Returns `posted`, `nothing` (there was nothing to cancel), `repeated` (the key is known: the first
        answer again, nothing happens) or `refused`.
        """
        if key:
            seen = self.keys.setdefault(key, Column()).get(entity)
            if seen is not None and now_ns - (seen >> 1) <= self.spec.key_ttl_s * SECOND:
                return REFUSED if seen & 1 else REPEATED
        result = self._post(operation, entity, amount)
        if key:
            self.keys[key].put(entity, now_ns << 1 | (result == REFUSED))
        return result

    def _post(self, operation: str, entity: int, amount: int) -> str:
        authorised, captured, refunded, cancelled = (column.get(entity, 0) for column in self.totals)
        if cancelled and operation in ("authorise", "capture", "charge"):
            return REFUSED
        if operation == "authorise":
            authorised += amount
        elif operation == "capture":
            if captured + amount > authorised:
                return REFUSED
            captured += amount
        elif operation == "charge":
            authorised, captured = authorised + amount, captured + amount
        elif operation == "void":
            if authorised - captured < amount:
                return REFUSED
            authorised -= amount
        elif operation == "refund":
            if self.spec.guarded and refunded + amount > captured:
                return REFUSED
            refunded += amount
        elif operation == "reclaim":
            if refunded <= captured:
                return NOTHING
            refunded -= min(amount, refunded - captured)
        elif operation == "cancel":
            given, cancelled = captured - refunded, 1
            authorised, refunded = captured, captured
            if not given:
                self._put(entity, authorised, captured, refunded, cancelled)
                return NOTHING
        else:
            raise ValueError(f"no such operation: {operation}")
        self._put(entity, authorised, captured, refunded, cancelled)
        return POSTED

    def _put(self, entity: int, *totals: int) -> None:
        for column, total in zip(self.totals, totals, strict=True):
            if total or column.get(entity) is not None:
                column.put(entity, total)
