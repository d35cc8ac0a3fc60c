"""Tools for what takes hours: `dbrun` (a statement in a session of its own), `backfill`, `dbctl` (disk and replicas)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simulator.interventions.migrations import DDL_TRIES, DDL_WAIT_MS
from simulator.postgres import fills, lexer, locking, storage
from simulator.postgres import online as plans
from simulator.postgres.catalog import Catalog
from simulator.postgres.errors import PgError, render
from simulator.postgres.jobs import catch_up, limits, phase, started
from simulator.postgres.notes import note
from simulator.postgres.online import Plan
from simulator.postgres.state import Session
from simulator.postgres.work import LIVE, RUNNING, Backfill, Job, desk_of, work_of
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.tool import Tool
from simulator.wording import Words, Wrong

if TYPE_CHECKING:
    from simulator.world import World

T = {
    "usage": Text(ru="{0}: {1}\nформы:\n  {2}", en="{0}: {1}\nforms:\n  {2}"),
    "args": Text(ru="не хватает аргументов", en="arguments are missing"),
    "flag": Text(ru="неизвестный флаг {0}", en="unknown flag {0}"),
    "number": Text(ru="{0}: нужно число от {1:g} до {2:g}", en="{0}: expected a number from {1:g} to {2:g}"),
    "db": Text(ru="нет базы {0!r}; есть: {1}", en="no database {0!r}; there are: {1}"),
    "job": Text(ru="нет задачи {0}", en="no job {0}"),
    "one": Text(
        ru="ровно один оператор SQL (кроме SET перед ним)",
        en="exactly one SQL statement (beside SETs before it)",
    ),
    "begun": Text(ru="задача {0} запущена: pid {1}", en="job {0} started: pid {1}"),
    "none": Text(ru="задач нет", en="no jobs"),
    "fill": Text(
        ru="backfill {0} запущен: {1}, около {2:,.0f} строк/с, оценка {3}",
        en="backfill {0} started: {1}, about {2:,.0f} rows/s, estimate {3}",
    ),
    "state": Text(ru="backfill {0}: {1}", en="backfill {0}: {1}"),
    "disk": Text(ru="нет данных о диске {0}", en="nothing is known of the disk of {0}"),
    "grown": Text(ru="диск {0}: {1:.0f} → {2:.0f} ГБ", en="disk of {0}: {1:.0f} → {2:.0f} GB"),
    "shrink": Text(
        ru="диск не уменьшают: сейчас {0:.0f} ГБ", en="a disk is not made smaller: it has {0:.0f} GB"
    ),
}
RUN_FORMS = (
    "dbrun start -d DB [--lock-timeout 2s] [--retries N] -c 'SQL'",
    "dbrun list",
    "dbrun log N",
    "dbrun cancel N",
)
FILL_FORMS = (
    "backfill start --db DB --table T --set 'COL = EXPR' [--where COND] [--batch 5000] [--pause 50] [--max-lag 5]",
    "backfill status [N]",
    "backfill pause|resume|stop N",
    "backfill tune N [--batch B] [--pause MS] [--max-lag S]",
)
LONG_S = 60.0  # a transaction that `dbctl status` lists
CTL_FORMS = ("dbctl status DB", "dbctl resize DB GB")


say = Words(T)


def _usage(world: World, tool: str, why: str, forms: tuple[str, ...]) -> Reply:
    return failure(say(world, "usage", tool, why, "\n  ".join(forms)), 2)


def _flags(world: World, words: list[str], known: dict[str, str]) -> dict[str, str]:
    """Flags by their long name. Raises Wrong."""
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        if word not in known:
            raise Wrong(say(world, "flag", word))
        if not equals:
            if not rest:
                raise Wrong(say(world, "args"))
            value = rest.pop(0)
        found[known[word]] = value
    return found


def _number(world: World, flags: dict[str, str], name: str, usual: float, least: float, most: float) -> float:
    text = flags.get(name, "")
    scale = 0.001 if text.endswith("ms") and name != "pause" else 1.0
    try:
        value = float(text.removesuffix("ms").removesuffix("s").removesuffix("m") or usual) * scale
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise Wrong(say(world, "number", name, least, most))
    return value


def _database(world: World, name: str) -> str:
    databases = world.scenario.databases()
    for component, spec in databases.items():
        if name in (component, spec.database) or (not name and len(databases) == 1):
            return component
    raise Wrong(say(world, "db", name, ", ".join(databases)))


# -- dbrun


def run_dbrun(world: World, argv: list[str], _stdin: str) -> Reply:
    verb, words = (argv[1], argv[2:]) if len(argv) > 1 else ("list", [])
    try:
        if verb == "start":
            return _dbrun_start(world, words)
        if verb == "list":
            return Reply(_job_table(world))
        if verb in ("log", "cancel") and len(words) == 1:
            return _one_job(world, verb, words[0])
        raise Wrong(say(world, "args"))
    except Wrong as wrong:
        return _usage(world, "dbrun", str(wrong), RUN_FORMS)
    except PgError as error:
        return failure(render(error, ""), 1)


def _dbrun_start(world: World, words: list[str]) -> Reply:
    known = {"-d": "db", "--db": "db", "-c": "sql", "--lock-timeout": "lock", "--retries": "retries"}
    flags = _flags(world, words, known)
    component = _database(world, flags.get("db", ""))
    session = Session(component, world.postgres.databases[component].name, application="dbrun")
    sql = _statement(world, session, flags.get("sql", ""))
    catalog = Catalog(world, session, sql)
    plan = _plan(catalog, sql)
    work = work_of(world)
    session.pid = work.new_pid()
    job = started(world, component, session.pid, sql, plan)
    job.session = session
    lock_s = world.policies.get(DDL_WAIT_MS, limits(catalog)[0]) / 1000
    job.lock_timeout_ms = round(_number(world, flags, "lock", lock_s, 0, 86_400) * 1000)
    job.retries = int(_number(world, flags, "retries", world.policies.get(DDL_TRIES, 0), 0, 1_000))
    note(world, "job", component, job.number, sql[:120])
    if not plan.mode:
        job.state = RUNNING
    catch_up(world)
    return Reply(say(world, "begun", job.number, job.pid) + "\n")


def _statement(world: World, session: Session, text: str) -> str:
    """The one statement of a text; SETs before it are carried out. Raises Wrong, PgError."""
    from simulator.postgres import execute

    parts = [p.text.strip() for p in lexer.split(text) if p.text.strip()]
    while len(parts) > 1 and lexer.first_word(parts[0]) == "set":
        execute.run(world, session, parts.pop(0))
    if len(parts) != 1:
        raise Wrong(say(world, "one"))
    return parts[0]


def _plan(catalog: Catalog, sql: str) -> Plan:
    """What a background statement has before it. Raises PgError."""
    from simulator.postgres import parser

    word = lexer.first_word(sql)
    found = plans.of_words(catalog, sql)
    if found is None and word not in ("vacuum", "reindex", "analyze"):
        tree = parser.parse(sql)
        found = plans.of_tree(catalog, tree)
    return found or Plan("", "", word.upper(), 0.01)


def _job_table(world: World) -> str:
    jobs = [j for j in work_of(world).jobs if j.session is not None]
    if not jobs:
        return say(world, "none") + "\n"
    rows = [("JOB", "PID", "STATE", "DONE", "PHASE", "STATEMENT")]
    for job in jobs:
        live = job.state in LIVE
        shown = phase(world, job) if live and job.kind.startswith("CREATE INDEX") else "-"
        rows.append((str(job.number), str(job.pid), job.state, f"{job.done:.0%}", shown, job.sql[:60]))
    return _columns(rows)


def _columns(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) + 3 for i in range(len(rows[0]) - 1)]
    return "".join(
        ("".join(cell.ljust(w) for cell, w in zip(row, widths, strict=False)) + row[-1]).rstrip() + "\n"
        for row in rows
    )


def _one_job(world: World, verb: str, number: str) -> Reply:
    job: Job | None = next((j for j in work_of(world).jobs if str(j.number) == number and j.session), None)
    if job is None:
        raise Wrong(say(world, "job", number))
    if verb == "cancel" and job.state in LIVE:
        locking.signal(world, job.component, job.pid, terminate=False)
    return Reply(job.output or f"{job.state}\n")


# -- backfill


def run_backfill(world: World, argv: list[str], _stdin: str) -> Reply:
    verb, words = (argv[1], argv[2:]) if len(argv) > 1 else ("status", [])
    try:
        if verb == "start":
            return _fill_start(world, words)
        if verb == "status":
            return Reply(_fill_table(world, words[0] if words else ""))
        if verb in ("pause", "resume", "stop", "tune") and words:
            return _fill_change(world, verb, words)
        raise Wrong(say(world, "args"))
    except Wrong as wrong:
        return _usage(world, "backfill", str(wrong), FILL_FORMS)
    except PgError as error:
        return failure(render(error, ""), 1)


FILL_FLAGS = {
    "--db": "db", "-d": "db", "--table": "table", "--set": "set", "--where": "where", "--batch": "batch",
    "--pause": "pause", "--max-lag": "max-lag", "--from": "from",
}  # fmt: skip


def _fill_start(world: World, words: list[str]) -> Reply:
    flags = _flags(world, words, FILL_FLAGS)
    if "table" not in flags or "set" not in flags:
        raise Wrong(say(world, "args"))
    number = max((f.number for f in work_of(world).fills), default=0) + 1
    fill = Backfill(
        number,
        _database(world, flags.get("db", "")),
        flags["table"].removeprefix("public."),
        "",
        flags["set"].strip().rstrip(";"),
        flags.get("where", "").strip(),
        int(_number(world, flags, "batch", 5_000, 1, 5_000_000)),
        _number(world, flags, "pause", 50, 0, 60_000),
        _number(world, flags, "max-lag", 0, 0, 86_400),
        cursor=int(_number(world, flags, "from", 0, 0, 1e12)),
        started_s=world.now_s,
    )
    fills.start(world, fill)
    rate = fills.pace(world, fill)
    bound = world.postgres.databases[fill.component].tables[fill.table].entity
    seconds = (bound.rows - fill.cursor) / rate if bound else 0.0
    return Reply(say(world, "fill", number, fill.table, rate, _span(seconds)) + "\n")


def _span(seconds: float) -> str:
    if seconds == float("inf"):
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _fill_table(world: World, number: str) -> str:
    found = [f for f in work_of(world).fills if number in ("", str(f.number))]
    if not found:
        return say(world, "none") + "\n"
    rows = [("N", "TABLE", "STATE", "ROWS", "ROWS/S", "LAST ID", "BATCH", "PAUSE", "MAX LAG", "LEFT", "")]
    for f in found:
        left = _span(fills.left_s(world, f)) if f.state == RUNNING else "-"
        rows.append((
            str(f.number), f.table, f.state, str(f.rows), f"{f.rate:.0f}", str(f.cursor), str(f.batch),
            f"{f.pause_ms:g} ms", f"{f.max_lag_s:g} s", left, f.why,
        ))  # fmt: skip
    return _columns(rows)


def _fill_change(world: World, verb: str, words: list[str]) -> Reply:
    fill = next((f for f in work_of(world).fills if str(f.number) == words[0]), None)
    if fill is None:
        raise Wrong(say(world, "job", words[0]))
    if verb == "tune":
        flags = _flags(world, words[1:], FILL_FLAGS)
        fill.batch = int(_number(world, flags, "batch", fill.batch, 1, 5_000_000))
        fill.pause_ms = _number(world, flags, "pause", fill.pause_ms, 0, 60_000)
        fill.max_lag_s = _number(world, flags, "max-lag", fill.max_lag_s, 0, 86_400)
    elif fill.state in ("running", "paused"):
        fill.state = {"pause": "paused", "resume": "running", "stop": "cancelled"}[verb]
        note(world, f"fill {fill.state}", fill.component, fill.number)
    return Reply(say(world, "state", fill.number, fill.state) + "\n")


# -- dbctl


def run_dbctl(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        if argv[1:2] == ["status"] and len(argv) <= 3:
            return _disk(world, _database(world, argv[2] if len(argv) > 2 else ""))
        if argv[1:2] == ["resize"] and len(argv) == 4:
            size = _number(world, {"GB": argv[3]}, "GB", 0, 1, 100_000)
            return _resize(world, _database(world, argv[2]), size)
        raise Wrong(say(world, "args"))
    except Wrong as wrong:
        return _usage(world, "dbctl", str(wrong), CTL_FORMS)


def _disk(world: World, component: str) -> Reply:
    store = work_of(world).stores.get(component)
    if store is None:
        return failure(say(world, "disk", component), 1)
    used = storage.used(world, component)
    rows: list[tuple[str, ...]] = [
        ("disk", f"{used / storage.GB:.1f} / {store.disk / storage.GB:.0f} GB ({used / store.disk:.0%})"),
        ("WAL kept", f"{storage.kept(world, component) / storage.GB:.1f} GB"),
    ]
    for name in store.replayed:
        behind = store.position - store.replayed[name]
        lag = storage.lag_s(world, component, name)
        rows.append((f"replica {name}", f"lag {lag:.0f} s, {behind / storage.MB:.0f} MB"))
    for name, start in store.slots.items():
        state = "lost" if store.lost.get(name) else "active" if store.active[name] else "inactive"
        rows.append((f"slot {name}", f"{state}, keeps {(store.position - start) / storage.GB:.1f} GB"))
    rows += _long_transactions(world, component)
    if store.panic_s is not None:
        rows.append(("state", storage.RECOVERING))
    return Reply(_columns(rows))


def _long_transactions(world: World, component: str) -> list[tuple[str, ...]]:
    """Who has been in a transaction for a minute: what DDL would wait for."""
    found = sorted(desk_of(world, component).backends.values(), key=lambda b: (b.began_s, b.pid))
    return [
        ("transaction", f"{_span(world.now_s - b.began_s)}, pid {b.pid}, {b.user} ({b.application})")
        for b in found
        if world.now_s - b.began_s >= LONG_S
    ]


def _resize(world: World, component: str, size_gb: float) -> Reply:
    store = work_of(world).stores.get(component)
    if store is None:
        return failure(say(world, "disk", component), 1)
    before = store.disk / storage.GB
    if size_gb <= before:
        return failure(say(world, "shrink", before), 1)
    store.disk = size_gb * storage.GB
    note(world, "grown", component, before, size_gb)
    return Reply(say(world, "grown", component, before, size_gb) + "\n", cost_s=20.0)


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("dbrun", run_dbrun, Text(ru="оператор SQL в отдельной сессии: запуск, ход, отмена", en="an SQL statement in a session of its own: start, progress, cancel"), RUN_FORMS, lambda argv: argv[1:2] != ["list"]),
        Tool("backfill", run_backfill, Text(ru="дозаполнение большой таблицы пачками", en="back-fill of a big table in batches"), FILL_FORMS, lambda argv: argv[1:2] != ["status"]),
        Tool("dbctl", run_dbctl, Text(ru="диск, WAL, реплики и слоты сервера базы", en="a database server's disk, WAL, replicas and slots"), CTL_FORMS, lambda argv: argv[1:2] == ["resize"]),
    )
}  # fmt: skip
