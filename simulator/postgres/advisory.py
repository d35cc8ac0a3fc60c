"""Advisory locks: numbers that sessions hold, counted, until they give them back or end (or their transaction does)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.postgres.backends import CONSOLE_PID, own_pid
from simulator.postgres.errors import Notice, PgError

if TYPE_CHECKING:
    from simulator.postgres.catalog import Catalog
    from simulator.postgres.state import Session

Known = dict[str, tuple[int, Callable[..., Any]]]
MODES = {"": "ExclusiveLock", "shared": "ShareLock"}
MOST = 10_000  # locks of a session: max_locks_per_transaction times the sessions there may be
ENDING = ":xact"  # behind a key: held until the transaction ends


def functions(catalog: Catalog, notices: list[Notice]) -> Known:
    """`pg_advisory(name, number, ...)`: any of the family by its name."""

    def call(name: str, *numbers: Any) -> Any:
        words = name.removeprefix("pg_").split("_")
        if words[-1] == "all":
            catalog.session.advisory = {k: n for k, n in catalog.session.advisory.items() if ENDING in k}
            return ""
        key = _key(numbers, MODES["shared" if "shared" in words else ""])
        if "unlock" in words:
            return _unlock(catalog.session, key, notices)
        return _lock(catalog, key + ENDING * ("xact" in words), "try" in words)

    return {"pg_advisory": (-1, call)}


def _key(numbers: tuple[Any, ...], mode: str) -> str:
    """`classid objid objsubid mode`, as pg_locks has them."""
    if len(numbers) == 2:
        return f"{int(numbers[0]) % (1 << 32)} {int(numbers[1]) % (1 << 32)} 2 {mode}"
    whole = int(numbers[0]) % (1 << 64)
    return f"{whole >> 32} {whole % (1 << 32)} 1 {mode}"


def _unlock(session: Session, key: str, notices: list[Notice]) -> int:
    if key not in session.advisory:
        notices.append(Notice(f"you don't own a lock of type {key.rsplit(' ', 1)[1]}", "WARNING"))
        return 0
    session.advisory[key] -= 1
    if not session.advisory[key]:
        del session.advisory[key]
    return 1


def _lock(catalog: Catalog, key: str, attempt: bool) -> Any:
    session, console = catalog.session, catalog.world.postgres.console
    if console is not None and console is not session and console.component == session.component:
        place, mode = key.removesuffix(ENDING).rsplit(" ", 1)
        held = [k.removesuffix(ENDING).rsplit(" ", 1) for k in console.advisory]
        if any(p == place and MODES[""] in (m, mode) for p, m in held):
            if attempt:
                return 0
            raise PgError(
                "canceling statement due to user request"
            )  # it would wait for the terminal's own session
    if len(session.advisory) >= MOST:
        raise PgError("out of shared memory", hint="You might need to increase max_locks_per_transaction.")
    session.advisory[key] = session.advisory.get(key, 0) + 1
    return 1 if attempt else ""


def transaction_ended(session: Session) -> None:
    session.advisory = {key: n for key, n in session.advisory.items() if not key.endswith(ENDING)}


def rows(catalog: Catalog) -> list[dict[str, Any]]:
    """What pg_locks shows of them."""
    session, console = catalog.session, catalog.world.postgres.console
    holders = [(session, own_pid(catalog.world, session))]
    if console is not None and console is not session and console.component == session.component:
        holders.append((console, CONSOLE_PID))
    found = []
    for holder, pid in holders:
        for key in holder.advisory:
            classid, objid, sub, mode = key.removesuffix(ENDING).split(" ")
            numbers = {"classid": int(classid), "objid": int(objid), "objsubid": int(sub)}
            base = {"locktype": "advisory", "mode": mode, "pid": pid, "granted": 1, "fastpath": 0}
            found.append({**base, **numbers, "virtualtransaction": f"{pid % 97}/{pid}"})
    return found
