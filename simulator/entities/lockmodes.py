"""PostgreSQL 15's lock modes and which of them conflict (manual 13.3, tables 13.2 and 13.3)."""

MODES = (
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
    "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip
# table 13.2: a row holds what conflicts with the mode of the same place
_TABLE = (".......x", "......xx", "....xxxx", "...xxxxx", "..xx.xxx", "..xxxxxx", ".xxxxxxx", "xxxxxxxx")
CONFLICTS = {
    mode: frozenset(other for other, mark in zip(MODES, marks, strict=True) if mark == "x")
    for mode, marks in zip(MODES, _TABLE, strict=True)
}

ROW_MODES = ("FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE")
_ROW_TABLE = ("...x", "..xx", ".xxx", "xxxx")  # table 13.3
ROW_CONFLICTS = {
    mode: frozenset(other for other, mark in zip(ROW_MODES, marks, strict=True) if mark == "x")
    for mode, marks in zip(ROW_MODES, _ROW_TABLE, strict=True)
}
# the tuple lock that a waiter for a row takes (heapam.c, tupleLockExtraInfo)
TUPLE_MODES = dict(
    zip(ROW_MODES, ("AccessShareLock", "RowShareLock", "ExclusiveLock", "AccessExclusiveLock"), strict=True)
)
