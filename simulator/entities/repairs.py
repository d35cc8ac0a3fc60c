"""What a person changes in a store by hand: a row written or removed, and the record that checkers read.

A row that was not there is the effect of the step that writes it; a value that some step writes is that step's
effect, too. Anything else is an amendment or a removal, which no step does.
"""

from __future__ import annotations

from simulator.entities.conditions import Conditions
from simulator.entities.engine import Entities
from simulator.entities.history import OK
from simulator.entities.spec import MOVE, SKIP, WRITE, Step


def writers(entities: Entities, store: str, table: str) -> list[Step]:
    """The steps and compensations that write a table, in the flows' order."""
    found: list[Step] = []
    for flow in entities.spec.flows:
        for step in flow.steps:
            for each in (step, step.undo):
                if each is not None and (each.target, each.table) == (store, table):
                    found.append(each)
    return found


def effect(steps: list[Step], table: str, before: int | None, value: int | None) -> str:
    """What the history calls this change."""
    written = [s for s in steps if s.do in (WRITE, SKIP)]
    if value is None:
        undone = next((s.undo for s in written if s.undo is not None and s.undo.table == table), None)
        return undone.name if undone is not None else f"delete {table}"
    exact = next((s for s in written if s.writes == "value" and s.value == value), None)
    if exact is not None:
        return exact.name
    if before is None and written:
        return written[0].name
    return f"adjust {table}" if any(s.do == MOVE for s in steps) else f"amend {table}"


def put(
    entities: Entities,
    store: str,
    table: str,
    row: int,
    value: int | None,
    conditions: Conditions,
    process: str,
    client: str = "",
) -> bool:
    """Write a row or (value None) remove it; False when `client` reaches no leader. Balances record the change."""
    target = entities.domain.stores[store]
    leader = target.leader_for(client, conditions)
    if leader is None:
        return False
    before = target.read(leader.index, table, row)
    if before == value:
        return True
    steps = writers(entities, _declared(entities, store), table)
    name = effect(steps, table, before, value)
    shown: int | tuple[int, int] | None = value
    if value is not None and any(s.do == MOVE for s in steps):
        shown = (value - (before or 0), value)
    target.write(leader, table, row, value, conditions)
    entities.history.add(entities.timers.now, OK, process, name, (table, row), shown, row)
    return True


def _declared(entities: Entities, store: str) -> str:
    """The name steps use: a shard's is that of the sharded store."""
    for name, shards in entities.domain.shards.items():
        if store in shards.names():
            return name
    return store
